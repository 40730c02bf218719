"""Describes faults between a client and the service, as data.

Called by `app`, which asks for the faults of each request and carries them out. Separate because a fault is a
value: it is written down in a test or a JSON file, and the same list gives the same run.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from gemctl.emulator import times
from gemctl.emulator.expressions import compiled
from gemctl.emulator.wire import Refusal, Stream, detail

KINDS: Mapping[str, str] = {
    "before": "the connection breaks before the service acts: no effect, no answer",
    "after": "the service acts, then the connection breaks: the effect, no answer",
    "status_before": "an error status instead of the effect",
    "status_after": "the effect, then an error status instead of its answer",
    "slow": "the answer comes `delay` seconds late",
    "stale": "a GET is answered from the world as it was `delay` seconds ago (0: before the newest effect)",
    "cut": "the connection breaks after `at_bytes` bytes of the answer's body",
    "duplicate": "the request is delivered twice: two effects, the answer of the first",
    "stream_ends": "a stream ends after `at_events` events, as if that were all; or with the error `status` as JSON",
    "closes": "a Live session ends after `at_events` messages of the service and `delay` seconds, with the close code"
    " `code` and the reason `message`",
    "goes_away": "a Live session is told after `delay` seconds that it will end, and ends after `time_left` more",
    "late": "no answer (or the error `status`, if one is given); the effect comes `delay` seconds later",
}

_SAID = {
    429: "Resource has been exhausted (e.g. check quota).",
    500: "An internal error has occurred. Please retry.",
    503: "The model is overloaded. Please try again later.",
    504: "The deadline passed before the operation was complete.",
}


_HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_TEXT = re.compile(r"([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?")


def is_close_code(code: int) -> bool:
    """Whether a WebSocket may end with it (RFC 6455, section 7.4); 1006 stands for one that breaks."""
    return 1000 <= code <= 1014 and code not in (1004, 1005) or 3000 <= code <= 4999  # noqa: RUF021


@dataclass(frozen=True)
class Fault:
    """One fault, and which requests it strikes.

    `kind` is one of KINDS. A request matches when its method is `method` (if given) and the regular expression
    `path` (if given) is found in its path, version included. Of the matching requests it strikes those with a
    number in `nth` (from 1), or every `every`-th, or all if neither is given. Several faults may strike one
    request; an error status before the effect hides the rest.

    `status`, `message`, `headers` and `retry_delay` (seconds: RetryInfo and Retry-After) shape the error of
    status_before and status_after (503 unless given) and of late. Of a Live session, whose requests have the method GET
    and a path with `BidiGenerateContent`, `before`, `status_before`, `cut`, `closes` and `goes_away` strike. `code` is
    that of a close frame, 1011 unless given; 1006 is a connection that breaks.
    """

    kind: str
    method: str = ""
    path: str = ""
    nth: frozenset[int] = frozenset()
    every: int = 0
    status: int = 0
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    retry_delay: float | None = None
    delay: float = 0.0
    at_bytes: int = 0
    at_events: int = 0
    code: int = 0
    time_left: float = 10.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")
        if self.nth and self.every:
            raise ValueError("a fault has nth or every, not both")
        if min(self.nth, default=1) < 1 or self.every < 0:
            raise ValueError("requests are counted from 1")
        if min(self.delay, self.at_bytes, self.at_events, self.retry_delay or 0, self.time_left) < 0:
            raise ValueError("delay, at_bytes, at_events, retry_delay and time_left are not negative")
        if self.code and not is_close_code(self.code):
            raise ValueError(f"{self.code} is not the code of a close frame")
        if self.status and not 400 <= self.status <= 599:
            raise ValueError(f"{self.status} is not an error status")
        for name, text in self.headers.items():
            if not _HEADER.fullmatch(name) or not _HEADER_TEXT.fullmatch(text):
                raise ValueError(f"{name[:40]!r} is no header that an answer can have, or has no such text")
        try:
            self._pattern  # noqa: B018  compiles
        except ValueError as error:
            raise ValueError(f"path is no regular expression: {error}") from None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return compiled(self.path)

    def matches(self, method: str, path: str) -> bool:
        """Whether the request is of those that are counted."""
        if self.kind == "stale" and method != "GET":
            return False
        return (not self.method or self.method.upper() == method) and bool(self._pattern.search(path))

    def strikes(self, number: int) -> bool:
        """Whether it strikes the matching request of that number (from 1)."""
        if self.nth:
            return number in self.nth
        return self.every == 0 or number % self.every == 0

    def refusal(self) -> Refusal:
        """The error that takes the answer's place."""
        code = self.status or 503
        headers, details = dict(self.headers), []
        if self.retry_delay is not None:
            wait = times.format_seconds(round(self.retry_delay * times.SECOND))
            details.append(detail("RetryInfo", retryDelay=wait))
            headers.setdefault("Retry-After", str(-int(-self.retry_delay // 1)))
        message = self.message or _SAID.get(code, "The service could not handle the request.")
        return Refusal(code, message, details=details, headers=headers)

    def ended(self, stream: Stream) -> Stream:
        """The stream, which ends before its time. An error is not an event of it: it comes as it would come alone, as
        users of the live service have seen it (forum 143098)."""

        def pieces() -> Iterator[bytes | float]:
            left = self.at_events
            while left and (piece := next(stream.pieces, None)) is not None:
                yield piece
                left -= not isinstance(piece, float)
            if self.status and not left:
                yield b"[" + self.refusal().response().body.strip() + b"]\n"

        return Stream(None, pieces())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Fault":
        """From a JSON object with these fields; `nth` is a number or a list. ValueError says what is wrong."""
        known = {item.name for item in fields(cls)}
        unknown = sorted(set(value) - known)
        if unknown or "kind" not in value:
            raise ValueError(f"unknown fields: {', '.join(unknown)}" if unknown else "a fault needs a kind")
        given = dict(value)
        for name, type_ in _TYPES.items():
            if name in given and (isinstance(given[name], bool) or not isinstance(given[name], type_)):
                raise ValueError(f"{name} is of the wrong type")
        nth = given.get("nth", [])
        numbers = [nth] if isinstance(nth, int) else nth
        if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
            raise ValueError("nth holds whole numbers")
        headers = given.get("headers", {})
        if not all(isinstance(text, str) for pair in headers.items() for text in pair):
            raise ValueError("headers are texts")
        return cls(**{**given, "nth": frozenset(numbers)})

    def to_json(self) -> dict[str, object]:
        """The object that `from_json` takes: the fields without their default values."""
        usual = Fault(self.kind)
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        changed = {name: value for name, value in given.items() if name == "kind" or value != getattr(usual, name)}
        return {name: sorted(value) if name == "nth" else value for name, value in changed.items()}


_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "kind": str,
    "method": str,
    "path": str,
    "nth": (int, list),
    "every": int,
    "status": int,
    "message": str,
    "headers": dict,
    "retry_delay": (int, float),
    "delay": (int, float),
    "at_bytes": int,
    "at_events": int,
    "code": int,
    "time_left": (int, float),
}


class Script:
    """A list of faults and how many matching requests each has counted."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.faults = tuple(faults)
        self._counts = [0] * len(self.faults)

    def strike(self, method: str, path: str) -> list[Fault]:
        """Count one request, and say which faults strike it."""
        struck: list[Fault] = []
        for index, fault in enumerate(self.faults):
            if fault.matches(method, path):
                self._counts[index] += 1
                if fault.strikes(self._counts[index]):
                    struck.append(fault)
        return struck
