"""Reads one line of a file of requests as strict JSON, and finds the places of mistakes in it. Called by `lines`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.source import Path, Positions, Span
from gemctl.kinds.parts import protojson

_SPACE = re.compile(r"[ \t\r\n]*")
_START = Span("", 1, 1, 1, 1)


class Wrong(ValueError):
    """A line is JSON that no service takes, though Python's reader does."""


def decoded(line: bytes) -> str:
    """The text of a line, without its end: else an error may be on a next line. Raises UnicodeDecodeError."""
    return line.decode("utf-8").rstrip(" \t\r\n")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise Wrong(f"An object has the name {twice!r} twice.")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Wrong(f"{text[:20]} is too large a number.")
    return number


def _constant(name: str) -> NoReturn:
    raise Wrong(f"{name} is not a number in JSON.")


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite).decode


def read(text: str) -> dict[str, Any]:
    """The object that a line is. Raises ValueError or RecursionError, which `unreadable` explains."""
    value = _decode(text)
    if not isinstance(value, dict):
        raise Wrong("The line is not a JSON object.")
    return value


def unreadable(error: Exception) -> Diagnostic:
    """The mistake in a line that can't be read, with its column where that is known."""
    match error:
        case json.JSONDecodeError():
            if error.msg.startswith("Unterminated string"):  # names where it begins: it breaks where the line ends
                return _at(len(error.doc) + 1, f"The line ends in the text that begins at column {error.colno}.")
            why = error.msg[:1].lower() + error.msg[1:]
            hint = "Write each object in one line." if error.doc.strip() in ("{", "[") else None
            return _at(error.colno, f"The line is not JSON at column {error.colno}: {why}.", hint)
        case UnicodeDecodeError():
            before = len(error.object[: error.start].decode("utf-8"))
            return _at(before + 1, f"The line is not UTF-8 at byte {error.start + 1}.")
        case Wrong() | protojson.GivenTwice():
            return problem("E130", str(error))
        case RecursionError():
            return problem("E130", "The line is nested too deeply.")
        case _:
            return problem("E130", "The line has a number that is too long.")


def _at(column: int, detail: str, hint: str | None = None) -> Diagnostic:
    return problem("E130", detail, span=Span("", 1, column, 1, column), hint=hint)


# Places.


@dataclass(frozen=True, slots=True)
class Places(Positions):
    """The places of keys and values in the text of one line, each as its column; they are looked for when asked for.

    Paths are those of the plain spelling: a name may be written in snake_case in the line, and one item may stand for
    a list of it.
    """

    root: Span = _START
    text: str = ""

    def value(self, path: Path) -> Span:
        return self._span(value for _, value in self._way(path))

    def key(self, path: Path) -> Span:
        return self._span(value if key is None else key for key, value in self._way(path))

    def _span(self, way: Iterator[int]) -> Span:
        try:
            found = [*way]
        except RecursionError:  # what could just be read once may be nested too deeply to be read from here
            return self.root
        return Span("", 1, found[-1] + 1, 1, found[-1] + 1) if found else self.root

    def _way(self, path: Path) -> Iterator[tuple[int | None, int]]:
        """Where the key and the value of each step stand, as far as the path leads."""
        at = _next(self.text, 0)
        for step in path:
            found: tuple[int | None, int] | None
            if isinstance(step, int):
                found = (None, at) if self.text[at] != "[" else _item(self.text, at, step)
            else:
                found = _member(self.text, at, step) if self.text[at] == "{" else None
            if found is None:
                return
            yield found
            at = found[1]


_value_at = json.JSONDecoder().raw_decode


def _next(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _item(text: str, at: int, index: int) -> tuple[None, int] | None:
    """The place of an item of the list that begins here."""
    at = _next(text, at + 1)
    while text[at] != "]" and index:
        at = _next(text, _value_at(text, at)[1])
        at, index = _next(text, at + 1) if text[at] == "," else at, index - 1
    return None if text[at] == "]" else (None, at)


def _member(text: str, at: int, name: str) -> tuple[int, int] | None:
    """The places of a key of the object that begins here, and of its value; else those of its other spelling."""
    other = None
    at = _next(text, at + 1)
    while text[at] != "}":
        key_at = at
        key, at = _value_at(text, at)
        at = _next(text, _next(text, at) + 1)
        if key == name:
            return key_at, at
        if other is None and re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), key) == name:
            other = key_at, at
        at = _next(text, _value_at(text, at)[1])
        if text[at] == ",":
            at = _next(text, at + 1)
    return other
