"""Text to plain values, and the place of each of them. The only door to PyYAML.

PyYAML is used for its event stream alone, libyaml's where it was built with it. Composing or constructing with PyYAML
would bring YAML 1.1's surprises (`no` is False, 1:30 is 90), keep the last of two equal keys without a word, and let
deep nesting crash the interpreter. Here every event is counted against a limit before anything is built of it.

Scalars follow JSON: null, `~` and nothing; true and false; numbers as JSON writes them. Whatever else stands there
without quotes is a string, exactly as typed: no, on, 1:30, 014, 0x1f, 1_000, 2025-01-01, .inf.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import yaml

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.source import Json, Path, Positions, SourceFile, Span

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 50_000
MAX_ALIASES = 100
MAX_DOCUMENTS = 5_000

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)  # also refused: U+0085, U+2028 and U+2029, which YAML 1.1 takes for line breaks and editors don't
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")  # what an escape can smuggle in
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_STRING_TAG = "tag:yaml.org,2002:str"

_Place = tuple[int, int, int, int]  # line, column, end line, end column; all from 0, the end exclusive


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value as plain JSON, and where each part of it stands."""

    value: Json
    positions: Positions
    file: SourceFile


def parse(source: SourceFile) -> tuple[Document, ...]:
    """The documents of a manifest; empty ones are left out.

    Raises Rejected with all that is wrong with the file. A syntax error ends the reading of it, anything else doesn't.
    """
    problems: list[Diagnostic] = []
    if len(source.text) > MAX_BYTES or len(source.text.encode("utf-8", "replace")) > MAX_BYTES:
        start = Span(source.path, 1, 1, 1, 1)
        raise Rejected([problem("E111", "The file is larger than 1 MiB.", span=start)])
    if bad := _FORBIDDEN.search(source.text):
        raise Rejected([_forbidden(source, bad.start())])
    reader = _Reader(source, problems)
    documents: list[Document] = []
    try:
        documents.extend(reader.documents())
    except _LimitReached:
        pass  # the limit is among the problems
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax(source, error))
    except Exception as error:
        # Whatever PyYAML raises for input that nobody thought of: the file is broken, not gemctl.
        problems.append(problem("E101", f"The YAML can't be read ({type(error).__name__}).", span=reader.here()))
    if problems:
        raise Rejected(in_reading_order(problems))
    return tuple(documents)


def as_typed(document: Document, path: Path) -> str:
    """The text of a one-line scalar without quotes, as it stands in the file: `1.0` where the value is 1.0."""
    span = document.positions.value(path)
    return _LINE_BREAK.split(document.file.text)[span.line - 1][span.column - 1 : span.end_column - 1]


def resolve(text: str) -> bool | int | float | str | None:
    """What a scalar without quotes means. Raises ValueError for a number that no JSON reader would understand."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-0123456789" or not (number := _NUMBER.fullmatch(text)):
        return text
    if number.group(1) is None and number.group(2) is None:
        if len(text) > 20 or not -(2**63) <= (whole := int(text)) < 2**64:
            raise ValueError(text)
        return whole
    fraction = float(text)
    if fraction in (float("inf"), float("-inf")):
        raise ValueError(text)
    return fraction


class _LimitReached(Exception):
    """Stop reading this file."""


class _Events(Protocol):
    """PyYAML's parser, in C or in Python."""

    def get_event(self) -> Any: ...


class _PythonEvents(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """The parser for a PyYAML that was built without libyaml: slower, and equal in what it accepts but for details."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)


def _events(text: str) -> _Events:
    if yaml.__with_libyaml__:
        from yaml._yaml import CParser

        return CParser(text)
    return _PythonEvents(text)


class _Tree:
    """Where a list or mapping stands, and its parts: trees, or bare places for scalars."""

    __slots__ = ("children", "keys", "place")

    def __init__(self, place: _Place, children: Any, keys: dict[str, _Place]) -> None:
        self.place = place
        self.children: dict[str, _Node] | list[_Node] = children
        self.keys = keys


_Node = _Place | _Tree


class _Anchored:
    """A value that aliases may name, with what it counts when written out once more."""

    __slots__ = ("height", "node", "size", "value")

    def __init__(self, value: Json, node: _Node, size: int, height: int) -> None:
        self.value, self.node, self.size, self.height = value, node, size, height


class _Reader:
    """One pass over one file."""

    def __init__(self, source: SourceFile, problems: list[Diagnostic]) -> None:
        self._source = source
        self._problems = problems
        self._event: Any = None
        self._nodes = 0
        self._aliases = 0
        self._documents = 0
        self._height = 0  # of the value that was read last
        self._anchors: dict[str, _Anchored | None] = {}

    def here(self) -> Span:
        """The place of the last event."""
        return self._span(_place(self._event)) if self._event else Span(self._source.path, 1, 1, 1, 1)

    def documents(self) -> Iterator[Document]:
        self._next = _events(self._source.text).get_event
        while not isinstance(event := self._advance(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > MAX_DOCUMENTS:
                    self._stop(f"There are more than {MAX_DOCUMENTS:,} documents.", event)
                self._refuse_directives(event)
                self._anchors = {}
                root = self._advance()
                if isinstance(root, yaml.ScalarEvent) and not root.value and not root.style and root.tag is None:
                    continue
                value, node = self._read(root, 1)
                positions = Positions(
                    self._span(_place_of(node)),
                    _Spans(self._source.path, node, keys=False),
                    _Spans(self._source.path, node, keys=True),
                )
                yield Document(value, positions, self._source)

    def _advance(self) -> Any:
        self._event = self._next()
        return self._event

    def _read(self, event: Any, depth: int) -> tuple[Json, _Node]:
        """The value that begins with this event, and its place."""
        kind = type(event)
        if kind is yaml.AliasEvent:
            return self._alias(event, depth)
        before = self._nodes
        self._count(1, depth, event)
        anchor = event.anchor
        if anchor is not None:
            self._anchors[anchor] = None
        value: Json
        node: _Node
        if kind is yaml.ScalarEvent:
            self._height = 1
            value, node = self._scalar(event), self._scalar_place(event)
        else:
            if event.tag is not None:
                self._report("E105", f"The tag {_short(event.tag)} is not read.", _place(event))
            tallest = 0
            if kind is yaml.SequenceStartEvent:
                items: list[Json] = []
                places: list[_Node] = []
                while type(inner := self._advance()) is not yaml.SequenceEndEvent:
                    item, place = self._read(inner, depth + 1)
                    items.append(item)
                    places.append(place)
                    tallest = max(tallest, self._height)
                value, node = items, _Tree(self._extent(event, inner, places[-1] if places else None), places, {})
            else:
                value, node, tallest = self._mapping(event, depth)
            self._height = tallest + 1
        if anchor is not None:
            self._anchors[anchor] = _Anchored(value, node, self._nodes - before, self._height)
        return value, node

    def _mapping(self, start: Any, depth: int) -> tuple[Json, _Tree, int]:
        value: dict[str, Json] = {}
        children: dict[str, _Node] = {}
        keys: dict[str, _Place] = {}
        tallest, last = 0, None
        while type(event := self._advance()) is not yaml.MappingEndEvent:
            place = _place(event)
            key = self._key(event, depth)
            if key in keys:
                detail = f"The key {_short(key)} stands on line {keys[key][0] + 1} already."
                self._report("E102", detail, place)
                key = None
            item, last = self._read(self._advance(), depth + 1)
            tallest = max(tallest, self._height)
            if key is not None:
                value[key], children[key], keys[key] = item, last, place
        return value, _Tree(self._extent(start, event, last), children, keys), tallest

    def _key(self, event: Any, depth: int) -> str | None:
        """The key, or None where there is none that could be used."""
        place = _place(event)
        if type(event) is not yaml.ScalarEvent:
            self._report("E103", "The key is a list, a mapping or an alias.", place)
            self._read(event, depth + 1)
            return None
        self._count(1, depth, event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(event.value, place, 1, 1)
        text: str = event.value
        if event.style or event.tag is not None:
            scalar = self._scalar(event)
            return scalar if isinstance(scalar, str) else text
        if text == "<<":
            self._report("E104", "The merge key << is not read.", place)
            return None
        try:
            if isinstance(resolve(text), str):
                return text
        except ValueError:
            pass
        shown = f"The key {_short(text)} is not text" if text else "The key is empty"
        self._report("E103", f"{shown}.", place, hint=f"Put it in quotes: '{_short(text)}'." if text else None)
        return text

    def _scalar(self, event: Any) -> Json:
        text: str = event.value
        if event.tag is not None:
            if event.tag != _STRING_TAG:
                self._report("E105", f"The tag {_short(event.tag)} is not read.", _place(event))
        elif not event.style:
            try:
                return resolve(text)
            except ValueError:
                self._report("E108", f"The number {_short(text)} is out of range.", _place(event))
        elif event.style == '"' and (bad := _UNSENDABLE.search(text)):
            self._report("E109", f"The text has the escape of U+{ord(bad.group()):04X} in it.", _place(event))
        return text

    def _alias(self, event: Any, depth: int) -> tuple[Json, _Node]:
        place = _place(event)
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._stop(f"There are more than {MAX_ALIASES} aliases.", event)
        found = self._anchors.get(event.anchor)
        if found is None:
            inside = event.anchor in self._anchors
            detail = (
                f"*{_short(event.anchor)} stands inside the value that it names."
                if inside
                else (f"No anchor &{_short(event.anchor)} comes before this alias.")
            )
            self._report("E107", detail, place)
            self._count(1, depth, event)
            self._height = 1
            return None, place
        self._count(found.size, depth + found.height - 1, event)
        self._height = found.height
        node = _Tree(place, found.node.children, found.node.keys) if isinstance(found.node, _Tree) else place
        return found.value, node

    def _count(self, nodes: int, depth: int, event: Any) -> None:
        self._nodes += nodes
        if depth > MAX_DEPTH:
            self._stop(f"The values are nested more than {MAX_DEPTH} levels deep.", event)
        if self._nodes > MAX_NODES:
            self._stop(f"There are more than {MAX_NODES:,} values, aliases written out.", event)

    def _refuse_directives(self, event: Any) -> None:
        if event.version is not None and tuple(event.version) != (1, 2):
            self._report("E106", "The file asks for another YAML than 1.2.", _place(event, one_line=True))
        if event.tags:
            self._report("E106", "The file declares tags of its own.", _place(event, one_line=True))

    def _report(self, code: str, detail: str, place: _Place, *, hint: str | None = None) -> None:
        self._problems.append(problem(code, detail, span=self._span(place), hint=hint))

    def _stop(self, detail: str, event: Any) -> None:
        self._report("E111", detail, _place(event, one_line=True))
        raise _LimitReached

    def _scalar_place(self, event: Any) -> _Place:
        place = _place(event)
        if event.style not in ("|", ">"):
            return place
        # A block scalar's end mark lies where the next token begins: go back to its last character.
        text, end = self._source.text, min(event.end_mark.index, len(self._source.text))
        while end > event.start_mark.index + 1 and text[end - 1] in " \t\r\n":
            end -= 1
        lines = _LINE_BREAK.split(text[event.start_mark.index : end])
        column = len(lines[-1]) + (place[1] if len(lines) == 1 else 0)
        return (place[0], place[1], place[0] + len(lines) - 1, column)

    @staticmethod
    def _extent(start: Any, end: Any, last: _Node | None) -> _Place:
        first = start.start_mark
        if start.flow_style:
            return (first.line, first.column, end.end_mark.line, end.end_mark.column)
        # A block collection's end mark lies where the next token begins: it ends with its last value.
        if last is None:
            return (first.line, first.column, first.line, first.column)
        return (first.line, first.column, *_place_of(last)[2:])

    def _span(self, place: _Place) -> Span:
        return _span(self._source.path, place)


class _Spans(Mapping[Path, Span]):
    """Path to span, found by walking the tree: most documents are right, and never asked for a place."""

    __slots__ = ("_file", "_keys", "_root")

    def __init__(self, file: str, root: _Node, *, keys: bool) -> None:
        self._file, self._root, self._keys = file, root, keys

    def __getitem__(self, path: Path) -> Span:
        node = self._root
        place: _Place | None = None if self._keys else _place_of(node)
        for step in path:
            if not isinstance(node, _Tree):
                raise KeyError(path)
            tree = node
            if isinstance(step, int):
                if not isinstance(tree.children, list) or not 0 <= step < len(tree.children):
                    raise KeyError(path)
                node = tree.children[step]
            else:
                if not isinstance(tree.children, dict) or step not in tree.children:
                    raise KeyError(path)
                node = tree.children[step]
            if self._keys:
                place = tree.keys.get(step) if isinstance(step, str) else None
            else:
                place = _place_of(node)
        if place is None:
            raise KeyError(path)
        return _span(self._file, place)

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, _Node]] = [((), self._root)]
        while waiting:
            path, node = waiting.pop()
            if not self._keys or (path and isinstance(path[-1], str)):
                yield path
            if isinstance(node, _Tree):
                parts = node.children.items() if isinstance(node.children, dict) else enumerate(node.children)
                waiting.extend(((*path, step), child) for step, child in parts)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _place(event: Any, *, one_line: bool = False) -> _Place:
    start, end = event.start_mark, event.end_mark
    if one_line and end.line > start.line:
        return (start.line, start.column, start.line, start.column)
    return (start.line, start.column, end.line, end.column)


def _place_of(node: _Node) -> _Place:
    return node.place if isinstance(node, _Tree) else node


def _span(file: str, place: _Place) -> Span:
    line, column, end_line, end_column = place
    return Span(file, line + 1, column + 1, end_line + 1, end_column + 1)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _forbidden(source: SourceFile, index: int) -> Diagnostic:
    lines = _LINE_BREAK.split(source.text[:index])
    line, column, character = len(lines), len(lines[-1]) + 1, source.text[index]
    names = {
        "\ufeff": "a byte order mark",
        "\x85": "an invisible line separator",
        "\u2028": "an invisible line separator",
        "\u2029": "an invisible paragraph separator",
    }
    what = names.get(character, "a lone surrogate" if "\ud800" <= character <= "\udfff" else "a control character")
    hint = "Save the file as UTF-8 without a byte order mark." if character == "\ufeff" else None
    span = Span(source.path, line, column, line, column + 1)
    return problem("E109", f"U+{ord(character):04X}, {what}, may not stand here.", span=span, hint=hint)


# What people usually did, by a part of the scanner's complaint.
_LIKELY: tuple[tuple[str, str], ...] = (
    ("mapping values are not allowed", "Put text with a colon in it in quotes; else look at the indentation."),
    ("tab character", "Indent with spaces, never with tabs."),
    ("found character '\\t'", "Indent with spaces, never with tabs."),
    ("unexpected end of stream", "The quote that begins here is never closed."),
    ("unknown escape character", "Write a backslash as \\\\ in double quotes, or use single quotes."),
    ("invalid Unicode character escape", "Write the character itself, or one \\U escape of eight digits."),
    ("',' or '}'", "Close the brace; quote text with any of {}[], in it, such as '${var.name}'."),
    ("',' or ']'", "Close the bracket; quote text with any of {}[], in it, such as '${var.name}'."),
    ("could not find expected ':'", "A key needs a colon after it; text of several lines needs | or quotes."),
    ("<document start>", "Only one value may stand here; a further document begins with ---."),
    ("equence entries are not allowed", "A list begins on a line of its own, or is written [a, b]."),
    ("'-' indicator", "The lines of one list begin with - in the same column."),
    ("expected key", "The keys of one mapping begin in the same column."),
    ("<block end>", "The keys of one mapping, and the dashes of one list, begin in the same column."),
    ("undefined tag handle", "Put the value in quotes if it is text."),
    ("incompatible YAML document", "Remove the %YAML line."),
    ("directive", "Remove the line, or put the text in quotes."),
)  # fmt: skip
_MARKERS = {
    "@": "Text may not begin with @ here: put it in quotes.",
    "`": "Text may not begin with ` here: put it in quotes.",
    "%": "Text may not begin with % here: put it in quotes.",
    "\t": "Indent with spaces, never with tabs.",
}


def _syntax(source: SourceFile, error: yaml.MarkedYAMLError) -> Diagnostic:
    complaint = (error.problem or "the text is not YAML").strip()
    opened, found = error.context_mark, error.problem_mark
    written = source.text.rstrip()
    at_end = found is not None and found.index >= len(written)
    # What was never closed is found missing at the end of the file; people want to see where it began.
    mark = opened if opened is not None and (at_end or found is None or "find expected ':'" in complaint) else found
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    if mark is not None and mark.index >= len(written) > 0:
        lines = _LINE_BREAK.split(written)
        line, column = len(lines), len(lines[-1])
    hint = next((advice for part, advice in _LIKELY if part in complaint), None)
    if hint is None and mark is not None and "cannot start any token" in complaint:
        hint = _MARKERS.get(source.text[mark.index : mark.index + 1])
    context = f"{error.context}, " if error.context else ""
    detail = f"{context}{complaint}."
    if opened is not None and mark is not opened and opened.line != line - 1:
        detail = f"{context}which begins on line {opened.line + 1}, {complaint}."
    span = Span(source.path, line, column, line, column + 1)
    return problem("E101", detail[0].upper() + detail[1:], span=span, hint=hint)
