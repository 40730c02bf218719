"""Reads a seed's text, YAML or JSON, into plain values with the line and column of each.

Called by `admin` and `testing`, and by those who start an emulator with a file. Separate because it knows nothing of
what a seed means, and is the emulator's only user of PyYAML. Of YAML it takes PyYAML's events alone: composing would
bring YAML 1.1's surprises (`no` is False, a date is no text), keep the last of two equal keys without a word, and let
deep nesting crash the interpreter. Plain scalars are what JSON has, and text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LARGEST = 64 * 1024 * 1024

_DEEPEST = 64
_MOST = 200_000  # values, with those that aliases stand for
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,30})(\.\d{1,30})?([eE][+-]?\d{1,2})?", re.ASCII)
_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
_HALF = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TEXT = "tag:yaml.org,2002:str"
_EVENTS = getattr(yaml, "CLoader", yaml.Loader)  # only its events: nothing is constructed

Place = tuple[str | int, ...]
"""Where a value stands in a document: keys and indexes."""


class SeedError(ValueError):
    """A seed that can't be used. The message says where."""


@dataclass(frozen=True)
class SeedText:
    """The value of a seed. `where` names it in messages; `folder` is where the paths in it begin, None for no paths."""

    value: Any
    places: Mapping[Place, tuple[int, int]] = field(default_factory=dict)
    where: str = ""
    folder: Path | None = None

    def at(self, place: Place) -> str:
        """The name of the file, the line and the column of a value, or of the nearest around it."""
        while place not in self.places and place:
            place = place[:-1]
        line, column = self.places.get(place, (0, 0))
        if not line:
            return self.where
        return f"{self.where}:{line}:{column}" if self.where else f"line {line}, column {column}"

    def wrong(self, place: Place, why: str) -> SeedError:
        """A mistake there."""
        path = re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, place)))
        return SeedError(": ".join(filter(None, (self.at(place), path, why))))

    def load(self, path: str) -> bytes:
        """The bytes of a file that the seed names."""
        if self.folder is None:
            raise ValueError("paths are read in seeds that are files themselves; send the bytes as $text or $base64")
        return _read(self.folder / path)


def read(path: Path) -> SeedText:
    """The seed in a file. Raises SeedError."""
    try:
        text = _read(path).decode()
    except UnicodeDecodeError as error:
        raise SeedError(f"{path}: it is not UTF-8: {error.reason}") from None
    except ValueError as error:
        raise SeedError(str(error)) from None  # which names the file
    return parse(text, str(path), path.parent)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise ValueError(f"{path} has more than {LARGEST >> 20} MiB")
    return data


def parse(text: str, where: str = "", folder: Path | None = None) -> SeedText:
    """The seed in a text. Raises SeedError."""
    value, known = _json(text)
    reader = _Reader(where)
    try:
        read = reader.document(_as_yaml(text) if known else text)
    except SeedError:
        if not known:
            raise
        return SeedText(value, {}, where, folder)
    return SeedText(value if known else read, reader.places, where, folder)


def _json(text: str) -> tuple[Any, bool]:
    if not text.lstrip().startswith(("{", "[")):
        return None, False
    try:
        return json.loads(text), True
    except (ValueError, RecursionError):
        return None, False


def _as_yaml(text: str) -> str:
    """JSON as YAML takes it, with everything at its place: tabs between values, and halves of characters in escapes,
    are no YAML."""
    return _HALF.sub(r"\\u0020", text.replace("\t", " "))


class _Reader:
    """Makes one document of PyYAML's events."""

    def __init__(self, where: str) -> None:
        self.places: dict[Place, tuple[int, int]] = {}
        self._where = where
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def document(self, text: str) -> Any:
        value: Any = None
        try:
            self._events = yaml.parse(text, Loader=_EVENTS)
            documents = 0
            for event in self._events:
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self._wrong(event, "there is a second document")
                elif isinstance(event, yaml.NodeEvent):
                    value = self._value(event, ())
        except yaml.MarkedYAMLError as error:
            raise self._wrong(error, f"it is no YAML: {error.problem or error.context}") from None
        except yaml.YAMLError as error:  # a character that no YAML has
            raise SeedError(f"{self._where}: it is no YAML: {str(error).splitlines()[0]}".removeprefix(": ")) from None
        return value

    def _value(self, event: Any, place: Place) -> Any:
        self.places[place] = (event.start_mark.line + 1, event.start_mark.column + 1)
        self._count += 1
        if len(place) > _DEEPEST:
            raise self._wrong(event, f"it is nested deeper than {_DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                raise self._wrong(event, f"no anchor &{event.anchor} comes before this alias, or it is inside of it")
            value, size = self._anchors[event.anchor]
            self._count += size
            self._limit(event)
            return value
        before = self._count
        self._limit(event)
        value = self._made(event, place)
        if event.anchor:
            self._anchors[event.anchor] = (value, self._count - before)
        return value

    def _next(self) -> Any:
        return next(self._events)

    def _made(self, event: Any, place: Place) -> Any:
        if event.tag not in (None, _TEXT, "!"):
            raise self._wrong(event, f"the tag {event.tag} is not read")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[Any] = []
            while not isinstance(inner := self._next(), yaml.SequenceEndEvent):
                items.append(self._value(inner, (*place, len(items))))
            return items
        if isinstance(event, yaml.MappingStartEvent):
            members: dict[str, Any] = {}
            while not isinstance(inner := self._next(), yaml.MappingEndEvent):
                key = self._key(inner, members)
                members[key] = self._value(self._next(), (*place, key))
                self.places[(*place, key)] = (inner.start_mark.line + 1, inner.start_mark.column + 1)
            return members
        return self._scalar(event)

    def _key(self, event: Any, members: Mapping[str, Any]) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._wrong(event, "a key is text")
        if event.value in members:
            raise self._wrong(event, f"the key {event.value} stands here twice")
        return str(event.value)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style or event.tag is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        number = _NUMBER.fullmatch(text)
        if number is None:
            return text
        return float(text) if number[1] or number[2] else int(text)

    def _limit(self, event: Any) -> None:
        if self._count > _MOST:
            raise self._wrong(event, f"there are more than {_MOST:,} values")

    def _wrong(self, what: Any, why: str) -> SeedError:
        mark = getattr(what, "problem_mark", None) or getattr(what, "context_mark", None)
        mark = mark or getattr(what, "start_mark", None)
        at = SeedText(None, {} if mark is None else {(): (mark.line + 1, mark.column + 1)}, self._where)
        return at.wrong((), why)
