"""Serves the emulator over HTTP and WebSockets: Starlette on uvicorn, for the official SDKs, for other languages, and
by hand. With a certificate, TLS is spoken at the same port.

Called by `gemctl emulator` and by tests. Separate because it is the only part, with `protocols` and `websocket`, that
needs these packages (the extra `emulator`). As in `transport`, a described delay, cut or drop is carried out here.

It listens on loopback only, unless it is told otherwise. A web page must not reach it either: requests under a foreign
Host (DNS rebinding) or from a foreign Origin are refused. Pages that this machine serves may call the API, not the
admin door (`cors`).
"""

import asyncio
import contextlib
import io
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import replace
from functools import partial
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.requests import Request as HttpRequest
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from gemctl.emulator import cors
from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request, Response, largest_body
from gemctl.emulator.live.channel import Channel
from gemctl.emulator.loopback import any_address, is_local, is_local_origin, is_named, loopback_address
from gemctl.emulator.protocols import Connections, broken_off, protocols
from gemctl.emulator.sockets import PATIENCE, Door
from gemctl.emulator.websocket import LARGEST_FRAME, carry
from gemctl.emulator.wire import Refusal

_STARTING = 10.0  # seconds until a server that does not come up is given up
_LOOK = 0.02  # seconds between checks whether to stop
_TICK = 50  # looks between two ticks
_STOPPING = 1  # seconds that running requests get when the server stops

_HERE = {4: "127.0.0.1", 6: "::1"}
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - nobody's names


def serve(
    app: App,
    port: int = 0,
    on_ready: Callable[[str], None] | None = None,
    *,
    host: str = "127.0.0.1",
    admin: Admin | None = None,
    tls: ssl.SSLContext | None = None,
    hosts: Collection[str] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then return. `on_ready` gets the base URL once requests are answered. `admin` is
    the admin door; without it there is one that can't move the clock. What is due happens also while nobody asks:
    receivers of events wait for it. With `tls` the port takes https and wss as well. `hosts` are the names by which
    others than this machine may call it; None keeps it to addresses that nobody else reaches."""
    with _listening(host, port, anywhere=hosts is not None) as (listener, url):
        known = {*(hosts or ()), host} - set(_ANYWHERE)
        server = _Server(
            _config(app, admin, hosts=known), lambda: on_ready(url) if on_ready else None, app.catch_up, tls=tls
        )
        with _ended_by_signals(server):
            server.run(sockets=[listener])


@contextlib.contextmanager
def running(
    app: App,
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    admin: Admin | None = None,
    tls: ssl.SSLContext | None = None,
    patience: float = PATIENCE,
) -> Iterator[str]:
    """Serve from a thread while the block runs; gives the base URL. `patience` is for clients that say nothing."""
    with _listening(host, port) as (listener, url):
        ready = threading.Event()
        server = _Server(_config(app, admin, patience), ready.set, tls=tls, patience=patience)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="gemctl emulator", daemon=True
        )
        thread.start()
        try:
            if not ready.wait(_STARTING):
                raise RuntimeError("the emulator's server did not start")
            yield url
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _listening(host: str, port: int, *, anywhere: bool = False) -> Iterator[tuple[socket.socket, str]]:
    address = any_address(host) if anywhere else loopback_address(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # The protocol is named because asyncio turns Nagle's algorithm off only where it is: else 40 ms a request.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((str(address), port))
        shown = _HERE[address.version] if address.is_unspecified else str(address)
        name = f"[{shown}]" if address.version == 6 else shown
        yield listener, f"http://{name}:{listener.getsockname()[1]}"


class _Server(uvicorn.Server):
    """Has doors that take TLS too, says when it is ready, ticks about once a second, and leaves signals to the
    caller."""

    def __init__(
        self,
        config: uvicorn.Config,
        ready: Callable[[], object],
        tick: Callable[[], None] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(config)
        self._ready, self._tick, self._tls, self._patience = ready, tick, tls, patience
        self._doors: list[Door] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        kind, state, more = self.config.http_protocol_class, self.server_state, self.lifespan.state

        def protocol() -> asyncio.Protocol:
            return kind(config=self.config, server_state=state, app_state=more)  # type: ignore[call-arg]

        self._doors = [Door(listener, protocol, self._tls, self._patience) for listener in sockets or ()]
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for door in self._doors:
            await door.close()
        await super().shutdown(sockets)

    async def main_loop(self) -> None:
        # uvicorn looks ten times a second, and has things to do each time that are turned off here.
        looks = 0
        while not self.should_exit:
            await asyncio.sleep(_LOOK)
            looks += 1
            if self._tick is not None and looks % _TICK == 0:
                await run_in_threadpool(self._tick)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        # uvicorn's own version raises the signal again after the shutdown; a clean end is a return.
        yield


@contextlib.contextmanager
def _ended_by_signals(server: _Server) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        server.force_exit = server.should_exit
        server.should_exit = True

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _config(app: App, admin: Admin | None, patience: float = PATIENCE, hosts: Collection[str] = ()) -> uvicorn.Config:
    connections: Connections = {}
    http, websocket = protocols(connections, patience)
    return uvicorn.Config(
        Starlette(routes=[Mount("/", _Adapter(app, admin or Admin(app), connections, hosts))]),
        http=http,
        ws=websocket,
        ws_max_size=LARGEST_FRAME,
        ws_ping_interval=None,  # a program that stands in a debugger answers none, and has not gone
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",  # connections break on purpose here
        access_log=False,
        date_header=False,  # the application's clock makes the date
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_STOPPING,
    )


class _Adapter:
    """Turns HTTP into a Request, and a Response into HTTP; and a WebSocket into a Channel, which is carried."""

    def __init__(self, app: App, admin: Admin, connections: Connections, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = hosts
        self._admin = admin
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        http = HttpRequest(scope, receive)
        path, asked = scope["raw_path"].decode("latin-1"), dict(http.headers.items())
        answer: Response
        if (refused := _refused(http, self._hosts)) is not None:
            answer = refused
        elif "origin" in asked and Admin.is_for(path):  # a page can send, though it could not read the answer
            answer = Refusal(403, "The admin door of the emulator is for no web page.").response()
        elif cors.is_preflight(http.method, asked):
            answer = cors.preflight(asked)
        else:
            request = _request(http, http.method, path, await _body(http, largest_body(path)))
            # The application may wait for its store: not on this thread. The delay is waited for here.
            handler = self._admin.handle if Admin.is_for(path) else self._app.handle
            answer = await run_in_threadpool(handler, request)
            if not Admin.is_for(path):
                answer = replace(answer, headers={**answer.headers, **cors.allowed(asked, answer.headers)})
        if answer.delay and await _gave_up(receive, answer.delay):
            return
        await self._send(answer, scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # that it wants to connect
        http = HTTPConnection(scope)
        answer: Response | Channel
        if (refused := _refused(http, self._hosts)) is not None:
            answer = refused
        else:
            path = scope["raw_path"].decode("latin-1")
            answer = await run_in_threadpool(self._app.connect, _request(http, "GET", path))
        if not isinstance(answer, Response):
            connection = self._connections.get(tuple(scope["client"] or ("", 0)))
            await carry(answer, receive, send, connection.close if connection else lambda: None)
            return

        async def refuse(message: Message) -> None:
            await send({**message, "type": f"websocket.{message['type']}"})

        if not answer.delay or not await _gave_up(receive, answer.delay):
            await self._send(answer, scope, receive, refuse)

    async def _send(self, answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
        connection = self._connections.get(tuple(scope["client"] or ("", 0)))
        if answer.drop:
            await _hang_up(partial(broken_off, connection) if connection else None, receive)
            return
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        if answer.length is not None:
            headers.append((b"content-length", str(answer.length).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if answer.stream is None and not answer.is_cut:
            await send({"type": "http.response.body", "body": answer.body})
            return
        sent, pieces = 0, answer.pieces()
        while (piece := await run_in_threadpool(next, pieces, None)) is not None:
            if not isinstance(piece, float):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                sent += len(piece)
            elif await _gave_up(receive, piece):
                return
        if not answer.breaks(sent):
            await send({"type": "http.response.body", "body": b""})
            return
        await _hang_up(connection.close if connection else None, receive)  # close sends what is written, abort does not


def _refused(http: HTTPConnection, hosts: Collection[str]) -> Response | None:
    """The answer to who may not come in. Pages come from this machine only, whatever they call it."""
    host = http.headers.get("host", "")
    if (is_local(host) or is_named(host, hosts)) and is_local_origin(http.headers.get("origin")):
        return None
    words = "The emulator answers requests that are made to and from this machine, or to a name of --allow-host, only."
    return Refusal(403, words).response()


def _request(http: HTTPConnection, method: str, path: str, body: bytes = b"") -> Request:
    scheme = "https" if http.scope["scheme"] in ("https", "wss") else "http"
    headers = dict(http.headers.items())
    return Request(method, path, tuple(http.query_params.multi_items()), headers, body, f"{scheme}://{headers['host']}")


async def _gave_up(receive: Receive, delay: float) -> bool:
    """Wait; True if the client left meanwhile."""
    try:
        async with asyncio.timeout(delay):
            await _departure(receive)
    except TimeoutError:
        return False
    return True


async def _departure(receive: Receive) -> None:
    while not (await receive())["type"].endswith(".disconnect"):
        pass


async def _hang_up(end: Callable[[], None] | None, receive: Receive) -> None:
    if end is not None:
        end()
        await _departure(receive)


async def _body(http: HttpRequest, most: int) -> bytes:
    """The body, up to one byte more than is allowed: the application says so, and the rest is not kept."""
    body = io.BytesIO()  # gives its bytes away without a copy
    async for chunk in http.stream():
        body.write(chunk[: most + 1 - body.tell()])
    return body.getvalue()
