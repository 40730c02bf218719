"""Reads answers: gives a `Reply` for a success and a `Problem` for anything else, whatever the bytes are. Called by
client.py.
"""

from __future__ import annotations

import math
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import datetime

from gemctl.api._httpx import httpx
from gemctl.api.body import BadBody, TooLarge, parse, unpack
from gemctl.api.errors import TOO_LARGE, Listener, Problem, redirect_target
from gemctl.api.retry import Failure, Trouble, asked_by_header
from gemctl.api.server_clock import ServerClock
from gemctl.core.call import Call
from gemctl.core.clock import Clock
from gemctl.core.frozen import dataclass
from gemctl.core.source import Json

ERROR_CAP = 256 * 1024
HEARD_CAP = 256 * 1024  # an answer within an upload

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A success. `body` is a JSON object; `at` is the service's time when it answered."""

    status: int
    body: Json
    at: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer within an upload. `body` is a success's, whole; `headers` are empty where no answer came."""

    headers: Mapping[str, str]
    body: bytes = b""
    problem: Problem | None = None


class Answers:
    """Reads the answers that a client gets. `until` is an instant of its own clock, by which all must have come."""

    def __init__(self, listener: Listener, server_clock: ServerClock, clock: Clock) -> None:
        self._listener, self._server_clock, self._clock = listener, server_clock, clock

    def read(self, call: Call, response: httpx.Response, until: float, cap: int, pace: float) -> Reply | Problem:
        status = response.status_code
        if status == 200 or (status == 204 and call.method == "DELETE"):
            return self._success(call, response, until, cap, pace)
        return self.refusal(response, until)

    def refusal(self, response: httpx.Response, until: float) -> Problem:
        """The problem in an answer that isn't a success."""
        status = response.status_code
        if not 300 <= status <= 599:
            return Problem(Failure(Trouble.GARBLED, status), f"the status {status} is not one that it uses")
        words, whole = self._error_body(response, until)
        said = self._listener.hear(words, whole=whole)
        by_header = asked_by_header(response.headers.get("retry-after"), self._server_clock.now())
        hints = [hint for hint in (by_header, said.asked) if hint is not None]
        target = self._listener.clean(redirect_target(response.headers.get("location"))) if status < 400 else None
        return Problem(Failure(Trouble.STATUS, status, max(hints, default=None)), said=said, target=target)

    def _success(self, call: Call, response: httpx.Response, until: float, cap: int, pace: float) -> Reply | Problem:
        status = response.status_code
        try:
            data = self._whole(response, until, cap, pace)
            kind = response.headers.get("content-type")
            if data and kind is not None and not _JSON_TYPE.fullmatch(kind.strip()):
                raise BadBody("it is not JSON, by its content type")
            if not data and call.method != "DELETE":
                raise BadBody("it has no body")
            body = parse(data) if data else {}
            if not isinstance(body, dict):
                raise BadBody("it is JSON, but not an object")
        except (httpx.RequestError, BadBody) as error:
            return self.broken(error, status)
        return Reply(status, body, self._server_clock.now())

    def _whole(self, response: httpx.Response, until: float, cap: int, pace: float = math.inf) -> bytearray:
        """The body. Raises httpx.RequestError, BadBody."""
        length = response.headers.get("content-length", "")
        if length.isdecimal() and len(length) < 19 and int(length) > cap:
            raise TooLarge(f"it is larger than {cap // 1024 // 1024} MiB")
        data = bytearray()  # and no list of pieces: they may be of one byte each
        for piece in unpack(self._chunks(response, until, pace), response.headers.get("content-encoding", ""), cap):
            data += piece
        return data  # and no copy: it may be large

    def broken(self, error: httpx.RequestError | BadBody, status: int) -> Problem:
        if isinstance(error, httpx.RequestError):
            return self._cut(error, status)
        code = TOO_LARGE if isinstance(error, TooLarge) else None
        return Problem(Failure(Trouble.GARBLED, status), str(error), code=code)

    def _error_body(self, response: httpx.Response, until: float) -> tuple[bytes, bool]:
        """As much of an error's body as is to be had, and whether that is all of it. The status alone has decided."""
        data = bytearray()
        try:
            for piece in unpack(self._chunks(response, until), response.headers.get("content-encoding", ""), ERROR_CAP):
                data += piece
        except (httpx.RequestError, BadBody):
            return bytes(data), False
        return bytes(data), True

    def _chunks(self, response: httpx.Response, until: float, pace: float = math.inf) -> Iterator[bytes]:
        """The body as it arrives, up to the deadline by the client's own clock; the wire keeps it by the real one."""
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        for chunk in stream:
            until += len(chunk) / pace
            if self._clock.monotonic() > until:
                raise httpx.ReadTimeout("the answer took too long")
            yield chunk

    def unanswered(self, error: httpx.RequestError) -> Problem:
        """The problem when nothing came back. The error goes no further: it has the request, and that has the key."""
        why = self._listener.clean(str(error), 300).rstrip(".") or type(error).__name__
        if isinstance(error, _NOT_SENT):
            return Problem(Failure(Trouble.NOT_SENT, lasting=_is_distrust(error)), why)
        return Problem(Failure(Trouble.LOST), why)

    def _cut(self, error: httpx.RequestError, status: int) -> Problem:
        why = self._listener.clean(str(error), 300).rstrip(".") or type(error).__name__
        return Problem(Failure(Trouble.LOST, status), f"the answer broke off: {why}")

    def hear(self, response: httpx.Response, until: float) -> Heard:
        if response.status_code != 200:
            return Heard(response.headers, problem=self.refusal(response, until))
        try:
            return Heard(response.headers, bytes(self._whole(response, until, HEARD_CAP)))
        except (httpx.RequestError, BadBody) as error:
            problem = self.broken(error, 200)
        return Heard(response.headers, problem=problem)


def _is_distrust(error: BaseException | None) -> bool:
    """Whether the connection failed because a certificate isn't trusted: trying again won't change that."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
