"""Connects httpx to `App.handle` within one process.

Called by workflows/wiring.py for the embedded emulator, and by tests. Separate because it is the only module here
that needs httpx. As in `server`, a described delay, cut or drop is carried out here. Answers come as they are: there is
no wire on which gzip would save anything.
"""

import io
import time
from collections.abc import Callable, Iterator
from functools import partial

import httpx

from gemctl.emulator.app import App, Request, Response, largest_body


class EmulatorTransport(httpx.BaseTransport):
    """Hand it to `httpx.Client(transport=...)`. `sleep` carries out delays: a test's clock can stand in.
    A delay beyond the request's read timeout ends as a timeout does: after that time, with ReadTimeout."""

    def __init__(self, app: App, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._app = app
        self._sleep = sleep

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.partition(b"?")[0].decode("ascii")
        answer = self._app.handle(
            Request(
                request.method,
                path,
                tuple(request.url.params.multi_items()),
                {name.lower(): value for name, value in request.headers.items() if name.lower() != "accept-encoding"},
                _body(request, largest_body(path)),
                f"{request.url.scheme}://{request.url.netloc.decode('ascii')}",
            )
        )
        self._wait(request, answer.delay, answer.delay)
        if answer.drop:
            raise httpx.ReadError("the connection was broken before an answer came", request=request)
        whole = answer.stream is None and not answer.is_cut
        stream = httpx.ByteStream(answer.body) if whole else _Body(answer, partial(self._wait, request))
        length = {} if answer.length is None else {"Content-Length": str(answer.length)}
        headers = {**answer.headers, **length}
        return httpx.Response(answer.status, headers=headers, stream=stream, request=request)

    def _wait(self, request: httpx.Request, delay: float, silence: float) -> None:
        """Wait that long. The request's patience is for all of the silence that this is the end of."""
        if not delay:
            return
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and silence > patience:
            self._sleep(max(0.0, delay - (silence - patience)))
            raise httpx.ReadTimeout("the answer did not come in time", request=request)
        self._sleep(delay)


def _body(request: httpx.Request, most: int) -> bytes:
    """The body, up to one byte more than is allowed: the application says so, and the rest is not even made."""
    if isinstance(request.stream, httpx.ByteStream):
        return request.read()
    body = io.BytesIO()  # gives its bytes away without a copy
    for chunk in request.stream if isinstance(request.stream, httpx.SyncByteStream) else ():
        body.write(chunk[: most + 1 - body.tell()])
        if body.tell() > most:
            break
    return body.getvalue()


class _Body(httpx.SyncByteStream):
    """A body in pieces, or one that ends before its time. `wait` is given a pause, and the silence up to its end."""

    def __init__(self, answer: Response, wait: Callable[[float, float], None]) -> None:
        self._answer = answer
        self._wait = wait

    def __iter__(self) -> Iterator[bytes]:
        sent, silence = 0, 0.0
        for piece in self._answer.pieces():
            if isinstance(piece, float):
                silence += piece
                self._wait(piece, silence)
                continue
            sent, silence = sent + len(piece), 0.0
            yield piece
        if self._answer.breaks(sent):
            whole = "" if self._answer.length is None else f" of {self._answer.length}"
            raise httpx.RemoteProtocolError(f"the connection was broken after {sent}{whole} bytes of the body")
