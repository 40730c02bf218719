"""Reads the single values of proto-JSON: text, numbers, bytes, times, enums, and free-form JSON.

Called by `shapes` (which reads messages) and `messages` (the tables). Separate because each of these rules can
be read, and tested, without knowing what a message is.
"""

import base64
import binascii
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gemctl.emulator import times

PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta."


@dataclass(frozen=True)
class Violation:
    """One thing wrong, as a line of the message and an entry of BadRequest.fieldViolations.

    `brief` is how the reader of batch files says it, where that is known.
    """

    path: str
    line: str
    brief: str = ""


class Kind(Protocol):
    """Anything that a field can hold."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        """The value in its canonical form; for a wrong one None, and its mistakes are appended to `wrong`."""


def bad_value(value: object, path: str, kind: str) -> Violation:
    """A value of the wrong type, shown as it came (and not too much of it)."""
    shown = json.dumps(value)
    if len(shown) > 80:
        shown = shown[:80] + "..."
    where = f" at '{path}'" if path else ""
    return Violation(path, f"Invalid value{where} ({kind}), {shown}")


@dataclass(frozen=True)
class Scalar:
    """A single value; `convert` raises ValueError for a value that it cannot hold."""

    kind: str
    convert: Callable[[object], Any]

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        try:
            return self.convert(value)
        except ValueError:
            wrong.append(bad_value(value, path, self.kind))
            return None


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    value.encode()  # a lone surrogate is no text: UnicodeEncodeError is a ValueError
    return value


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def _number(value: object) -> int | float:
    """A number, or the text of one, which proto-JSON takes for it."""
    if isinstance(value, str) and len(value) < 400 and (found := _NUMBER.fullmatch(value)):
        value = float(value) if found[2] or found[3] else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return value


def _integer(bits: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        number = _number(value)
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if isinstance(number, float) or not -(2**bits) <= number < 2**bits:
            raise ValueError
        return number

    return convert


def _floating(largest: float) -> Callable[[object], float]:
    def convert(value: object) -> float:
        try:
            number = float(_number(value))
        except OverflowError:
            raise ValueError from None
        if not -largest <= number <= largest:  # nor is NaN
            raise ValueError
        return number

    return convert


def _bytes(value: object) -> str:
    text = _string(value)
    try:
        standard = text.rstrip("=").translate(_URL_SAFE)
        base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except binascii.Error:
        raise ValueError from None
    return text


_URL_SAFE = str.maketrans("-_", "+/")


def enum(name: str, values: str) -> Scalar:
    """An enum: its value by name (the values are separated by blanks), in any case as the guides write it, or by
    number. A number without a name is read as it would be by a program that is older than the name (proto3)."""
    names = tuple(values.split())

    def convert(value: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31:
            return names[value] if 0 <= value < len(names) else names[0]
        text = _string(value).upper()
        if text not in names:
            raise ValueError
        return text

    return Scalar(PACKAGE + name, convert)


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError
    return value


STRING = Scalar("TYPE_STRING", _string)
BOOL = Scalar("TYPE_BOOL", _bool)
INT32 = Scalar("TYPE_INT32", _integer(31))
INT64 = Scalar("TYPE_INT64", _integer(63))
FLOAT = Scalar("TYPE_FLOAT", _floating((2 - 2.0**-23) * 2.0**127))
DOUBLE = Scalar("TYPE_DOUBLE", _floating(sys.float_info.max))
BYTES = Scalar("TYPE_BYTES", _bytes)
TIMESTAMP = Scalar("type.googleapis.com/google.protobuf.Timestamp", lambda value: times.parse_timestamp(_string(value)))
DURATION = Scalar("type.googleapis.com/google.protobuf.Duration", lambda value: times.parse_duration(_string(value)))
STRUCT = Scalar("type.googleapis.com/google.protobuf.Struct", _object)
VALUE = Scalar("type.googleapis.com/google.protobuf.Value", lambda value: value)
