"""What the tests of the api room share: a clock that moves when told, scripted transports, loopback servers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings

from gemctl.api._httpx import httpx
from gemctl.api.auth import Key
from gemctl.api.client import Client
from gemctl.api.server_clock import ServerClock
from gemctl.core.call import Call
from gemctl.core.project import Timing

patient = settings(deadline=None)  # a busy machine is no failure

CANARY = 'AIzaSyCanary+/%"\\0123456789abcdefghijklm'
START = datetime(2027, 1, 31, 12, 0, 0, tzinfo=UTC)
BASE = "https://api.test"

GET = Call("GET", "cachedContents")
PATCH = Call("PATCH", "cachedContents/a1", body={"expireTime": "2027-02-01T00:00:00Z"})
DELETE = Call("DELETE", "cachedContents/a1")
CREATE = Call("POST", "cachedContents", body={"model": "models/m"}, repeatable=False)


class FakeClock:
    """Stands still until somebody sleeps or a test moves it. `slept` has every wait."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.wall = START
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.at

    def pass_(self, seconds: float) -> None:
        self.at += seconds
        self.wall += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds > 0:
            self.pass_(seconds)


def http_date(at: datetime) -> str:
    return at.strftime("%a, %d %b %Y %H:%M:%S GMT")


class Stream(httpx.SyncByteStream):
    """A body in pieces; an exception among them is raised, a number is seconds that pass."""

    def __init__(self, pieces: Iterable[bytes | float | Exception], clock: FakeClock | None = None) -> None:
        self.pieces = pieces
        self.clock = clock
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            if isinstance(piece, float):
                assert self.clock
                self.clock.pass_(piece)
            else:
                yield piece

    def close(self) -> None:
        self.closed = True


def answer(
    status: int = 200,
    body: Any = None,
    headers: dict[str, str] | None = None,
    pieces: Iterable[bytes | float | Exception] | None = None,
    clock: FakeClock | None = None,
) -> httpx.Response:
    """A response as a wire would give it. `body` is JSON, or bytes as they are; `pieces` stand for themselves."""
    data = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    given = {"content-type": "application/json", **(headers or {})}
    return httpx.Response(status, headers=given, stream=Stream([data] if pieces is None else pieces, clock))


Scripted = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script(httpx.BaseTransport):
    """Answers in order, the last one for ever; keeps the requests."""

    def __init__(self, *answers: Scripted) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, Exception):
            raise given
        return given if isinstance(given, httpx.Response) else given(request)

    def close(self) -> None:
        self.closed = True


def client_for(
    transport: httpx.BaseTransport,
    clock: FakeClock | None = None,
    *,
    key: Key | None = None,
    base_url: str = BASE,
    deadline: float = 60.0,
    jitter: float = 0.5,
    **more: Any,
) -> Client:
    clock = clock or FakeClock()
    return Client(
        base_url,
        "v1beta",
        key or Key(CANARY, "GEMINI_API_KEY"),
        clock,
        Timing(request_deadline=timedelta(seconds=deadline)),
        transport,
        more.pop("server_clock", None) or ServerClock(clock),
        random=lambda: jitter,
        **more,
    )


@contextmanager
def listening(
    serve: Callable[[socket.socket, bytes], None], host: str = "127.0.0.1"
) -> Iterator[tuple[str, list[bytes]]]:
    """A server on a loopback port: reads a request per connection, then `serve(connection, request)`.

    Yields its URL and the requests it has seen.
    """
    seen: list[bytes] = []
    server = socket.create_server((host, 0))
    server.settimeout(5)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                try:
                    request = receive(connection)
                    seen.append(request)
                    serve(connection, request)
                except OSError:
                    pass

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.getsockname()[1]}", seen
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def receive(connection: socket.socket) -> bytes:
    """One request: head, and body by its Content-Length; of a TLS handshake, what comes first."""
    data = b""
    while b"\r\n\r\n" not in data and not data.startswith(b"\x16"):
        more = connection.recv(65536)
        if not more:
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
