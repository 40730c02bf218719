"""The in-process door: httpx on one side, `App.handle` on the other.

Used by whoever wires a client to an embedded emulator, and by tests. Separate because it is one of the two
places where a described delay, cut or drop comes true, and the only one that needs httpx.
"""

import time
from collections.abc import Callable, Iterator

import httpx

from gemctl.emulator.app import App, Request, Response


class EmulatorTransport(httpx.BaseTransport):
    """Hand it to `httpx.Client(transport=...)`. `sleep` carries out delays: a test's clock can stand in.
    A delay beyond the request's read timeout ends as a timeout does: after that time, with ReadTimeout."""

    def __init__(self, app: App, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._app = app
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path, _, _ = request.url.raw_path.partition(b"?")
        answer = self._app.handle(
            Request(
                request.method,
                path.decode("ascii"),
                tuple(request.url.params.multi_items()),
                {name.lower(): value for name, value in request.headers.items()},
                request.read(),
            )
        )
        self._wait(answer, request)
        if answer.drop:
            raise httpx.ReadError("the connection was broken before an answer came", request=request)
        cut = answer.cut is not None and answer.cut < len(answer.body)
        stream = _Cut(answer.body, answer.cut or 0) if cut else httpx.ByteStream(answer.body)
        headers = {**answer.headers, "Content-Length": str(len(answer.body))}
        return httpx.Response(answer.status, headers=headers, stream=stream, request=request)

    def _wait(self, answer: Response, request: httpx.Request) -> None:
        if not answer.delay:
            return
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and answer.delay > patience:
            self._sleep(patience)
            raise httpx.ReadTimeout("the answer did not come in time", request=request)
        self._sleep(answer.delay)


class _Cut(httpx.SyncByteStream):
    """A body that ends before its time."""

    def __init__(self, body: bytes, length: int) -> None:
        self._body = body
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        if self._length:
            yield self._body[: self._length]
        raise httpx.RemoteProtocolError(
            f"the connection was broken after {self._length} of {len(self._body)} bytes of the body"
        )
