"""Defines requests, responses, and the one exception that becomes an error answer.

Used by `app`, the surfaces, `transport` and `server`. Separate so that a surface can refuse a request without knowing
the application that called it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_encode = json.JSONEncoder(ensure_ascii=False).encode
JSON_TYPE = "application/json; charset=UTF-8"

_CANONICAL = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True)
class Request:
    """One HTTP request. `path` is as sent (still percent-encoded) without the query; header names are
    lower-case; the query is decoded, in order, and keeps repeated names. `origin` is how the client got here
    (`http://127.0.0.1:8080`): the next URL that it is given lies there too."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    origin: str = "http://emulator.invalid"


@dataclass(frozen=True)
class Stream:
    """A body that is not held: its length, and its pieces, which can be read once. One that is too large to be held has
    a length. One without a length is made while it is sent: a number among its pieces says for how many seconds there
    is nothing to send, and each piece is asked for within a turn of the world, which `app` sees to."""

    length: int | None
    pieces: Iterator[bytes | float]


@dataclass(frozen=True)
class Response:
    """One answer, and the faults that happen to it on the way.

    The application never waits and never breaks a connection: it describes faults, and `transport` or `server` carries
    them out. `delay`: seconds before the first byte. `drop`: the connection breaks and nothing is heard. `cut`: the
    connection breaks after that many bytes of the body, though Content-Length promised all of them.
    `stream`: the body, where it is not in `body`. A pause in it is waited for by those who carry out delays.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0
    cut: int | None = None
    drop: bool = False
    stream: Stream | None = None

    @property
    def length(self) -> int | None:
        """The value of Content-Length; None where nobody knows it."""
        return len(self.body) if self.stream is None else self.stream.length

    @property
    def is_cut(self) -> bool:
        """Whether it breaks off within the body; of one whose length nobody knows, whether it may."""
        return self.cut is not None and (self.length is None or self.cut < self.length)

    def breaks(self, sent: int) -> bool:
        """Whether the connection breaks once that many bytes were sent, and no more came."""
        return self.cut is not None and self.is_cut and sent >= self.cut

    def pieces(self) -> Iterator[bytes | float]:
        """The bytes of the body that are sent, all of them or those before the cut, and the pauses between them."""
        left = float("inf") if self.cut is None else self.cut
        for piece in iter((self.body,)) if self.stream is None else self.stream.pieces:
            if left <= 0:
                return
            if isinstance(piece, float):
                yield piece
            else:
                yield piece if left >= len(piece) else piece[: int(left)]
                left -= len(piece)


class Refusal(Exception):
    """The service says no: HTTP code, message, and the details of google.rpc.Status."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: str | None = None,
        details: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status or _CANONICAL.get(code) or ("INVALID_ARGUMENT" if code < 500 else "INTERNAL")
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The error envelope of the Google APIs: code, message, status, details."""
        error: dict[str, object] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        answer = json_response({"error": error}, self.code)
        return Response(answer.status, {**answer.headers, **self.headers}, answer.body)


def invalid(message: str) -> Refusal:
    """400 INVALID_ARGUMENT."""
    return Refusal(400, message)


def detail(kind: str, **fields: object) -> dict[str, object]:
    """One entry of `details`: a google.rpc message with its type."""
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


def json_response(body: Mapping[str, object], status: int = 200) -> Response:
    """One line of JSON."""
    return Response(status, {"Content-Type": JSON_TYPE}, encoded(body) + b"\n")


def encoded(body: Mapping[str, object]) -> bytes:
    """JSON without line breaks. A lone surrogate, which UTF-8 cannot hold, becomes `?`."""
    return _encode(body).encode("utf-8", "replace")


def unrouted(method: str) -> Response:
    """The front end's answer, in HTML, to a path or method that no API has."""
    page = (
        "<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)</title>\n"
        f"<p><b>404.</b> There is no {'such resource' if method in _METHODS else 'such method'} here.\n"
    )
    return Response(404, {"Content-Type": "text/html; charset=UTF-8"}, page.encode())


_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"})
