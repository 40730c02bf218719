"""Reads values as the newest surfaces of the API do: JSON's types as they are, words from a list, one of several
messages by its `type`.

Called by the tables of messages of these surfaces (interactions). Separate because proto-JSON's leniency, which
`scalars` and `shapes` have, is not theirs: a number is no text, and one thing is no list of it. The sentences are those
that users of the live service published in 2026: "The value 'IMAGE' is not supported for 'response_modalities[0]'.
Supported values: ...", "The value is invalid for 'generation_config.speech_config'. Expected an array, got object.".
"""

import base64
import binascii
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator.gaos import Words
from gemctl.emulator.scalars import VALUE, Kind, Violation
from gemctl.emulator.shapes import ListOf, MapOf

_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
_ARTICLES = {"integer": "an", "object": "an", "array": "an"}


def wrong_type(value: object, path: str, expected: str) -> Violation:
    """A value of another type than the one that is due there."""
    got = _TYPES.get(type(value), "null")
    line = f"The value is invalid for '{path}'. Expected {_ARTICLES.get(expected, 'a')} {expected}, got {got}."
    return Violation(path, line)


def missing(path: str) -> Violation:
    """Something that must be there is not."""
    return Violation(path, f"Missing required parameter '{path}'.")


def unsupported(value: object, path: str, words: Mapping[str, Any] | tuple[str, ...]) -> Violation:
    """A word that is none of those that there are."""
    shown = value if isinstance(value, str) else json.dumps(value)
    known = ", ".join(f"'{word}'" for word in words)
    return Violation(path, f"The value '{shown[:80]}' is not supported for '{path}'. Supported values: {known}.")


class One:
    """A single value of a JSON type; `check` is False for one that it cannot hold all the same. `kind` is its name as
    `scalars` has it."""

    def __init__(self, kind: str, expected: str, check: Callable[[Any], bool]) -> None:
        self.kind, self._expected, self._check = kind, expected, check

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        """The value as it came."""
        if not self._check(value):
            wrong.append(wrong_type(value, path, self._expected))
            return None
        return value


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text
        return False
    return True


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and abs(value) <= sys.float_info.max)


def _is_base64(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(base64.b64decode(value.translate(_URL_SAFE), validate=True) or not value)
    except (binascii.Error, ValueError):
        return False


_URL_SAFE = str.maketrans("-_", "+/")
TEXT = One("TYPE_STRING", "string", _is_text)
FLAG = One("TYPE_BOOL", "boolean", lambda value: isinstance(value, bool))
WHOLE = One("TYPE_INT64", "integer", _is_whole)
NUMBER = One("TYPE_DOUBLE", "number", _is_number)
DATA = One("TYPE_BYTES", "base64 string", _is_base64)
OBJECT = One("type.googleapis.com/google.protobuf.Struct", "object", lambda value: isinstance(value, dict))
ANYTHING = VALUE


class Choice:
    """One of these words, as they are spelt."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.kind = f"one of {', '.join(words)}"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        """The word."""
        if value not in self.words:
            wrong.append(unsupported(value, path, self.words))
            return None
        return value


class Array(ListOf):
    """A list, and nothing else."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, list):
            wrong.append(wrong_type(value, path, "array"))
            return None
        return super().read(value, path, wrong)


class Table(MapOf):
    """An object whose names are the user's own."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, dict):
            wrong.append(wrong_type(value, path, "object"))
            return None
        return {key: self.item.read(item, f"{path}.{key[:80]}", wrong) for key, item in value.items()}


class Fields(Words):
    """A message, some of whose fields must be there."""

    def __init__(self, name: str, fields: Callable[[], Mapping[str, Kind]], *required: str) -> None:
        super().__init__(name, fields)
        self._required = required

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        if not isinstance(value, dict):
            wrong.append(wrong_type(value, path, "object"))
            return None
        out = super().read(value, path, wrong)
        inner = f"{path}." if path else ""
        wrong += (missing(f"{inner}{name}") for name in self._required if value.get(name) is None)
        return out


class Typed:
    """One of several messages, told apart by `type`."""

    def __init__(self, **messages: Words) -> None:
        self.messages = messages
        self.kind = "typed"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        """The message of the type that it names."""
        if not isinstance(value, dict):
            wrong.append(wrong_type(value, path, "object"))
            return None
        named = value.get("type")
        if named is None:
            wrong.append(missing(f"{path}.type"))
        elif not isinstance(named, str) or named not in self.messages:
            wrong.append(unsupported(named, f"{path}.type", self.messages))
        else:
            return self.messages[named].read(value, path, wrong)
        return None


class Tagged(Fields):
    """A message of several that `Typed` tells apart: it has a `type`."""

    def __init__(self, name: str, fields: Mapping[str, Kind], *required: str) -> None:
        super().__init__(name, lambda: {"type": TEXT, **fields}, *required)


@dataclass(frozen=True)
class Either:
    """A text, a list or something else: which of them is told by what came. Where there is no `many`, a list is
    something else."""

    text: Kind
    other: Kind
    many: Kind | None = None
    kind: str = "either"

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        """What it is, as that is read."""
        if isinstance(value, str):
            return self.text.read(value, path, wrong)
        if isinstance(value, list) and self.many is not None:
            return self.many.read(value, path, wrong)
        return self.other.read(value, path, wrong)
