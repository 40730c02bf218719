"""What the tests of uploads and downloads share: the emulator at the end of a line on which things go wrong."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

from api_world import FakeClock, Stream, client_for

from gemctl.api import upload as upload_module
from gemctl.api._httpx import httpx
from gemctl.api.client import Client, Reply
from gemctl.core.call import Call, Upload
from gemctl.core.event import Retry
from gemctl.emulator.app import App
from gemctl.emulator.surfaces import uploads
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World

NAME = "files/g1-abcdefghijklmnopqrstuvw-1"
BLOCK = 16

Deliver = Callable[[httpx.Request], httpx.Response]
Fault = Callable[[httpx.Request, Deliver], httpx.Response]


class Line(httpx.BaseTransport):
    """The emulator, and what happens to the requests of these numbers (from 1; 0 is every one from `onwards` on)."""

    def __init__(
        self, clock: FakeClock, faults: Mapping[int, Fault] | None = None, *, onwards: int = 1, **rules: Any
    ) -> None:
        self.clock = clock
        self.app = App(World(now=self._now), **rules)
        self.emulator = EmulatorTransport(self.app, sleep=clock.pass_)
        self.faults, self.onwards = dict(faults or {}), onwards
        self.asked: list[str] = []
        self.requests: list[httpx.Request] = []
        self.urls: set[str] = set()

    def _now(self) -> datetime:
        return self.clock.now()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        command = request.headers.get("x-goog-upload-command", "")
        offset = request.headers.get("x-goog-upload-offset")
        self.asked.append(f"{command} {offset}" if offset else command or f"{request.method} {request.url.path}")
        self.requests.append(request)
        number = len(self.asked)
        fault = self.faults.get(number) or (self.faults.get(0) if number >= self.onwards else None)
        return fault(request, self._deliver) if fault else self._deliver(request)

    def _deliver(self, request: httpx.Request) -> httpx.Response:
        response = self.emulator.handle_request(request)
        if url := response.headers.get("x-goog-upload-url"):
            self.urls.add(url)
        return response

    @property
    def files(self) -> dict[str, bytes]:
        """The bytes of every file that there is."""
        with self.app.world.turn():
            rows = self.app.world.rows("files", "emulated-project")
            return {row.name: b"".join(self.app.world.blobs.read(row.body["blob"])) for row in rows}

    @property
    def secrets(self) -> set[str]:
        """What may be told to nobody."""
        ids = {parse_qs(urlsplit(url).query)["upload_id"][0] for url in self.urls}
        return self.urls | ids | {upload_id.partition("-")[2] for upload_id in ids}


def call_for(data: bytes, name: str = NAME, mime_type: str = "text/plain", digest: str | None = None) -> Call:
    size = len(data)
    file = {"name": name, "displayName": "a file", "mimeType": mime_type, "sizeBytes": str(size)}
    digest = digest or "sha256:" + hashlib.sha256(data).hexdigest()
    return Call("POST", "files", body={"file": file}, repeatable=False, upload=Upload(digest, size, mime_type))


class Sender:
    """A client at such a line. `told` are its retries, `heard` what the progress was."""

    def __init__(self, line: httpx.BaseTransport, clock: FakeClock, **more: Any) -> None:
        self.told: list[Retry] = []
        self.heard: list[tuple[int, int]] = []
        self.client: Client = client_for(line, clock, tell_retry=self.told.append, **more)

    def send(self, data: bytes, source: BinaryIO | None = None, **how: Any) -> Reply:
        return self.client.upload(
            call_for(data, **how), lambda: source or io.BytesIO(data), lambda *at: self.heard.append(at)
        )


def hash_of(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()


@contextmanager
def small_blocks(block: int = BLOCK) -> Iterator[None]:
    """Files of a few bytes have many blocks."""
    with patch.object(upload_module, "BLOCK", block), patch.object(uploads, "GRANULARITY", block):
        yield


# What can happen to a request.


def refused(request: httpx.Request, deliver: Deliver) -> httpx.Response:
    raise httpx.ConnectError(f"no connection to {request.url}")


def lost(request: httpx.Request, deliver: Deliver) -> httpx.Response:
    raise httpx.WriteTimeout(f"{request.url} takes nothing")


def unheard(request: httpx.Request, deliver: Deliver) -> httpx.Response:
    deliver(request)
    raise httpx.ReadError(f"{request.url} is gone")


def cut(request: httpx.Request, deliver: Deliver) -> httpx.Response:
    response = deliver(request)
    error = httpx.RemoteProtocolError(f"{request.url} broke off")
    return httpx.Response(response.status_code, headers=response.headers, stream=Stream([b"{", error]))


def twice(request: httpx.Request, deliver: Deliver) -> httpx.Response:
    response = deliver(request)
    deliver(request)
    return response


def second(request: httpx.Request, deliver: Deliver) -> httpx.Response:
    deliver(request)
    return deliver(request)


def instead(status: int, body: bytes = b"", **headers: str) -> Fault:
    """Something between answers, and the request comes to nothing."""

    def fault(request: httpx.Request, deliver: Deliver) -> httpx.Response:
        return httpx.Response(status, headers=headers, content=body or f"no {request.url}".encode())

    return fault


def after(status: int, body: bytes = b"", **headers: str) -> Fault:
    """The service acts, and something between answers."""

    def fault(request: httpx.Request, deliver: Deliver) -> httpx.Response:
        deliver(request)
        return httpx.Response(status, headers=headers, content=body or f"no {request.url}".encode())

    return fault


def without(*names: str) -> Fault:
    """The answer loses these headers on its way."""

    def fault(request: httpx.Request, deliver: Deliver) -> httpx.Response:
        response = deliver(request)
        for name in names:
            response.headers.pop(name, None)
        return response

    return fault


PASSING: dict[str, Fault] = {
    "refused": refused,
    "lost": lost,
    "unheard": unheard,
    "cut": cut,
    "twice": twice,
    "503": instead(503),
    "503 after": after(503),
    "429": instead(429),
    "500 after": after(500),
    "408 after": after(408),
}
STRANGE: dict[str, Fault] = {  # complete answers that the service would not give
    "second": second,
    "login page": instead(200, b"<html>log in</html>"),
    "login page after": after(200, b"<html>log in</html>"),
    "nothing": instead(200, b"{}"),
    "nothing after": after(200, b"{}"),
    "204 after": after(204, b""),
    "777 after": after(777),
    "no status": without("x-goog-upload-status"),
    "no size": without("x-goog-upload-size-received"),
    "no headers": without("x-goog-upload-status", "x-goog-upload-size-received"),
}
NOES: dict[str, Fault] = {
    f"{status}{' after' if fault is after else ''}": fault(status)
    for status in (302, 400, 401, 403, 404, 409, 410, 413, 422, 451)
    for fault in (instead, after)
}
FAULTS = {**PASSING, **STRANGE, **NOES}
