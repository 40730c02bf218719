"""Parses YAML text into plain values, with the place of each. Called by `load`. No other module imports PyYAML.

PyYAML is used for its event stream alone, libyaml's where it was built with it. Composing or constructing with PyYAML
would bring YAML 1.1's surprises (`no` is False, 1:30 is 90), keep the last of two equal keys without a word, and let
deep nesting crash the interpreter. Here every event is counted against a limit before anything is built of it.

core/scalar.py decides what a scalar without quotes means. Time and memory grow with the file, and with nothing else:
the values that aliases add are limited, and so is the depth.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol

import yaml
from yaml.events import AliasEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.scalar import Unclear, resolve
from gemctl.core.source import MAX_TEXT, Json, Path, Positions, SourceFile, Span

MAX_DEPTH = 64
MAX_VALUES = 5_000_000  # keys and values as they are written in one file
MAX_ADDED_VALUES = 100_000  # values that the aliases of one file stand for
MAX_ADDED_TEXT = 20 << 20  # characters of them; the service takes requests of 20 MiB
MAX_DOCUMENTS = 5_000
MAX_PROBLEMS = 500

# Also refused: U+0085, U+2028 and U+2029, which YAML 1.1 takes for line breaks and editors don't. Compiled when it is
# needed, which takes 5 ms.
_FORBIDDEN = "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
# The bytes of UTF-8 that are in no forbidden character: most files have no others, and to see that takes little time.
_PLAIN = bytes({*b"\t\n\r", *range(0x20, 0x7F), *range(0x80, 0x100)} - {0xC2, 0xE2, 0xED, 0xEF})
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")  # characters that an escape can bring in
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_BLOCK = ("|", ">")
_STRING_TAG = "tag:yaml.org,2002:str"
_SPLIT = "Split the file, or move long texts to files of their own and name them with `textFile`."
_FLATTEN = "Nothing that gemctl reads lies so deep: look for a bracket that is not closed, or a loop in what wrote it."

_LARGE = 1_000  # parts of a value whose form is not looked up among those that recur

_Place = int  # begin and end of a value, in characters of the file, as `_between` packs them; the end is exclusive


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value as plain JSON, and where each part of it stands."""

    value: Json
    positions: Positions
    file: SourceFile


def as_typed(document: Document, path: Path) -> str:
    """The text of a scalar without quotes, as it stands in the file: `1.0` where the value is 1.0."""
    values = document.positions.values
    assert isinstance(values, _Spans)
    start, end = _ends(values.place(path))
    return document.file.text[start:end]


class Recurring:
    """The keys and forms of the documents of several files, each of them once: thousands are written alike."""

    __slots__ = ("forms", "keys")

    def __init__(self) -> None:
        self.keys: dict[str, str] = {}  # those that are text without quotes
        self.forms: dict[tuple[Any, ...], _Form] = {}


def parse(source: SourceFile, recurring: Recurring | None = None) -> tuple[Document, ...]:
    """The documents of a manifest; empty ones are left out. With `recurring`, what other files have is kept once.

    Raises Rejected with all mistakes in the file. A syntax error ends the reading of it, other mistakes don't.
    """
    problems: list[Diagnostic] = []
    data = source.text.encode("utf-8", "surrogatepass") if len(source.text) <= MAX_TEXT else None
    if data is None or len(data) > MAX_TEXT:
        start = Span(source.path, 1, 1, 1, 1)
        raise Rejected([problem("E111", f"The file is larger than {MAX_TEXT >> 20} MiB.", span=start, hint=_SPLIT)])
    if data.translate(None, _PLAIN) and (bad := re.search(_FORBIDDEN, source.text)):
        raise Rejected([_forbidden(source, bad.start())])
    reader = _Reader(source, problems, recurring or Recurring())
    documents: list[Document] = []
    try:
        documents.extend(reader.documents())
    except _LimitReached:
        pass  # the limit is among the problems
    except yaml.MarkedYAMLError as error:
        problems.append(_too_deep(source, error) if "maximum nesting depth" in f"{error}" else _syntax(source, error))
    except Exception as error:
        # Whatever PyYAML raises for unforeseen input: the file is broken, not gemctl.
        problems.append(problem("E101", f"The YAML can't be read ({type(error).__name__}).", span=reader.here()))
    if problems:
        raise Rejected(in_reading_order(problems))
    return tuple(documents)


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


class _Lines:
    """Turns places of a file into lines and columns, without its text."""

    __slots__ = ("_path", "_starts")

    def __init__(self, source: SourceFile) -> None:
        self._path = source.path
        # Other characters that end a line for Python are in no manifest (_FORBIDDEN). The blank makes a last line.
        lines = f"{source.text} ".splitlines(keepends=True)[:-1]
        self._starts = array("I", accumulate(map(len, lines), initial=0))

    def span(self, place: _Place) -> Span:
        start, end = _ends(place)
        return Span(self._path, *self._at(start), *self._at(end))

    def _at(self, index: int) -> tuple[int, int]:
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


class _Form:
    """The form of a list or mapping: where the places of its parts are, counted from its own. Documents of one form
    share it.

    keys    of a mapping: its keys, each with the number of the key's place; that of the value comes next.
    items   of a list: the numbers of its items' places.
    below   the lists and mappings in it, by the numbers of their places.
    """

    __slots__ = ("below", "items", "keys")

    def __init__(self, keys: Mapping[str, int], items: Sequence[int], below: Mapping[int, _Form | _Elsewhere]) -> None:
        self.keys, self.items, self.below = keys, items, below

    def parts(self) -> Iterator[tuple[str | int, int]]:
        """Each step to a part, with the number of the part's place."""
        yield from ((key, number + 1) for key, number in self.keys.items())
        yield from enumerate(self.items)


class _Elsewhere:
    """The form of what an alias stands for: its parts have their places where they are written, counted from `at`."""

    __slots__ = ("at", "form")

    def __init__(self, form: _Form, at: int) -> None:
        self.form, self.at = form, at


_Inner = list[Any]  # of a form in the making: what `below` will have, key and value by turns


class _Anchored:
    """A value that aliases may name, with the values, characters and levels that each use of it adds.

    `at` is the number of its place; `form` is None for a scalar.
    """

    __slots__ = ("at", "form", "height", "length", "size", "value")

    def __init__(self, value: Json, form: _Form | None, at: int, size: int, length: int, height: int) -> None:
        self.value, self.form, self.at = value, form, at
        self.size, self.length, self.height = size, length, height


class _Reader:
    """Reads one file in one pass."""

    def __init__(self, source: SourceFile, problems: list[Diagnostic], recurring: Recurring) -> None:
        self._source = source
        self._lines = _Lines(source)
        self._problems = problems
        self._keys = recurring.keys
        self._forms = recurring.forms
        self._event: Any = None
        self._written = 0  # keys and values so far
        self._added_size = 0  # values that aliases stand for, besides
        self._length = 0  # characters of both
        self._added_length = 0
        self._documents = 0
        self._height = 0  # of the value that was read last
        self._anchors: dict[str, _Anchored | None] = {}
        self._places: array[int] = array("Q")

    def here(self) -> Span:
        """The place of the last event."""
        return self._lines.span(_place(self._event) if self._event else 0)

    def documents(self) -> Iterator[Document]:
        self._next = _events(self._source.text).get_event
        while not isinstance(event := self._advance(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > MAX_DOCUMENTS:
                    self._stop(f"There are more than {MAX_DOCUMENTS:,} documents.", event, "Split the file.")
                self._refuse_directives(event)
                self._anchors, self._places = {}, array("Q")
                root = self._advance()
                if isinstance(root, yaml.ScalarEvent) and not root.value and not root.style and root.tag is None:
                    continue
                value, form = self._read(root, 1)
                positions = Positions(
                    self._lines.span(self._places[0]),
                    _Spans(self._lines, self._places, form, keys=False),
                    _Spans(self._lines, self._places, form, keys=True),
                )
                yield Document(value, positions, self._source)

    def _advance(self) -> Any:
        self._event = self._next()
        return self._event

    def _read(self, event: Any, depth: int) -> tuple[Json, _Form | _Elsewhere | None]:
        """The value that begins with this event, and its form, None for a scalar. Its places come after the others."""
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        self._written += 1
        if depth > MAX_DEPTH or self._written > MAX_VALUES:
            self._refuse(depth, event)
        if event.anchor is not None:
            return self._anchored(event, depth)
        return (self._scalar(event), None) if kind is ScalarEvent else self._collection(event, depth)

    def _anchored(self, event: Any, depth: int) -> tuple[Json, _Form | None]:
        """The same, of a value that was counted and that aliases may name."""
        size, length, at = self._written + self._added_size - 1, self._length, len(self._places)
        self._anchors[event.anchor] = None
        form: _Form | None
        value, form = (self._scalar(event), None) if type(event) is ScalarEvent else self._collection(event, depth)
        size, length = self._written + self._added_size - size, self._length - length
        self._anchors[event.anchor] = _Anchored(value, form, at, size, length, self._height)
        return value, form

    def _collection(self, event: Any, depth: int) -> tuple[Json, _Form]:
        if event.tag is not None:
            self._report("E105", f"The tag {_short(event.tag)} is not read.", _place(event))
        return self._sequence(event, depth) if type(event) is SequenceStartEvent else self._mapping(event, depth)

    def _scalar(self, event: Any) -> Json:
        text, style = event.value, event.style
        self._height = 1
        self._length += len(text)
        self._places.append(self._block_place(event) if style in _BLOCK else _place(event))
        return text if style in _BLOCK and event.tag is None else self._meant(event)

    def _sequence(self, start: Any, depth: int) -> tuple[list[Json], _Form]:
        values: list[Json] = []
        items: list[int] = []
        below: _Inner = []
        places = self._places
        tallest, at = 0, len(places)
        last = at
        places.append(0)  # its end is not known yet
        while type(event := self._advance()) is not SequenceEndEvent:
            last = len(places)
            item, form = self._read(event, depth + 1)
            if self._height > tallest:
                tallest = self._height
            values.append(item)
            items.append(last - at)
            if form is not None:
                below += (last - at, form)
        self._height = tallest + 1
        places[at] = self._extent(start, event, last)
        numbers = array("I", items) if below else range(1, len(items) + 1)
        return values, self._form((len(items), *below), {}, numbers, below)

    def _mapping(self, start: Any, depth: int) -> tuple[dict[str, Json], _Form]:
        values: dict[str, Json] = {}
        keys: dict[str, int] = {}
        below: _Inner = []
        places, next_event = self._places, self._next
        tallest, at = 0, len(places)
        last = at
        places.append(0)  # its end is not known yet
        while type(event := next_event()) is not MappingEndEvent:
            self._event = event
            number = len(places) - at
            places.append(_place(event))
            key = self._key(event, depth)
            if key in keys:
                line = self._lines.span(places[at + keys[key]]).line
                self._report("E102", f"The key {_short(key)} stands on line {line} already.", _place(event))
                key = None
            last = len(places)
            self._event = event = next_event()
            item, form = self._read(event, depth + 1)
            if self._height > tallest:
                tallest = self._height
            if key is not None:
                values[key], keys[key] = item, number
                if form is not None:
                    below += (last - at, form)
        self._height = tallest + 1
        places[at] = self._extent(start, event, last)
        return values, self._form((*keys, *below), keys, (), below)

    def _key(self, event: Any, depth: int) -> str | None:
        """The key, or None where there is none that could be used."""
        if type(event) is not ScalarEvent:
            self._report("E103", "The key is a list, a mapping or an alias.", _place(event))
            self._read(event, depth + 1)
            return None
        self._written += 1
        if self._written > MAX_VALUES:
            self._refuse(depth, event)
        text: str = event.value
        self._length += len(text)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(text, None, 0, 1, len(text), 1)
        if event.style or event.tag is not None:
            meant = self._meant(event)
            return meant if isinstance(meant, str) else text
        if (known := self._keys.get(text)) is not None:
            return known
        if text == "<<":
            self._report("E104", "The merge key << is not read.", _place(event))
            return None
        try:
            if isinstance(resolve(text), str):
                self._keys[text] = text
                return text
            shown = f"The key {_short(text)} is not text." if text else "The key is empty."
        except Unclear as unclear:
            shown = unclear.detail
        self._report("E103", shown, _place(event), hint=f"Put it in quotes: '{_short(text)}'." if text else None)
        return text

    def _form(self, signature: tuple[Any, ...], keys: Mapping[str, int], items: Sequence[int], below: _Inner) -> _Form:
        """The form, which other values have as well if they have this signature: keys, or the number of items, and what
        `below` will have. After a problem there may be places between them that belong to no value.
        """
        form = self._forms.get(signature)
        if form is None or self._problems:
            form = _Form(keys, items, dict(zip(below[::2], below[1::2], strict=True)))
            if len(signature) <= _LARGE and not self._problems:
                self._forms[signature] = form
        return form

    def _meant(self, event: Any) -> Json:
        """The value of a scalar."""
        text: str = event.value
        if event.tag is not None:
            if event.tag != _STRING_TAG:
                self._report("E105", f"The tag {_short(event.tag)} is not read.", _place(event))
        elif not event.style:
            try:
                return resolve(text)
            except Unclear as unclear:
                self._report(unclear.code, unclear.detail, _place(event), hint=unclear.hint)
        elif event.style == '"' and (bad := _UNSENDABLE.search(text)):
            self._report("E109", f"The text has the escape of U+{ord(bad.group()):04X} in it.", _place(event))
        return text

    def _alias(self, event: Any, depth: int) -> tuple[Json, _Form | _Elsewhere | None]:
        place = _place(event)
        self._places.append(place)
        found = self._anchors.get(event.anchor)
        if found is None:
            inside = event.anchor in self._anchors
            detail = (
                f"*{_short(event.anchor)} stands inside the value that it names."
                if inside
                else (f"No anchor &{_short(event.anchor)} comes before this alias.")
            )
            self._report("E107", detail, place)
            self._written += 1
            self._refuse(depth, event)
            self._height = 1
            return None, None
        self._added_size += found.size
        self._added_length += found.length
        if self._added_size > MAX_ADDED_VALUES or self._added_length > MAX_ADDED_TEXT:
            most = f"{MAX_ADDED_VALUES:,} values and {MAX_ADDED_TEXT >> 20} MiB of text"
            hint = "Use fewer aliases: write out what they stand for, or put it into the project's `defaults`."
            self._stop(f"The aliases of the file stand for more than {most} together.", event, hint)
        self._length += found.length
        self._refuse(depth + found.height - 1, event)
        self._height = found.height
        return found.value, _Elsewhere(found.form, found.at) if found.form else None

    def _refuse(self, depth: int, event: Any) -> None:
        """Stop where this is too deep, or one value too many."""
        if depth > MAX_DEPTH:
            self._stop(f"The values are nested more than {MAX_DEPTH} levels deep.", event, _FLATTEN)
        if self._written > MAX_VALUES:
            self._stop(f"There are more than {MAX_VALUES:,} values.", event, _SPLIT)

    def _refuse_directives(self, event: Any) -> None:
        if event.version is not None and tuple(event.version) != (1, 2):
            self._report("E106", "The file asks for another YAML than 1.2.", _place(event))
        if event.tags:
            self._report("E106", "The file declares tags of its own.", _place(event))

    def _report(self, code: str, detail: str, place: _Place, *, hint: str | None = None) -> None:
        if len(self._problems) == MAX_PROBLEMS:
            detail = f"There are more than {MAX_PROBLEMS} problems: the file was read up to here."
            self._problems.append(problem("E134", detail, span=self._lines.span(place)))
            raise _LimitReached
        self._problems.append(problem(code, detail, span=self._lines.span(place), hint=hint))

    def _stop(self, detail: str, event: Any, hint: str) -> None:
        start, _ = _ends(_place(event))
        self._report("E111", detail, _between(start, start), hint=hint)
        raise _LimitReached

    def _block_place(self, event: Any) -> _Place:
        # A block scalar's end mark lies where the next token begins: go back to its last character.
        text, start, end = self._source.text, event.start_mark.index, min(event.end_mark.index, len(self._source.text))
        while end > start + 1 and text[end - 1] in " \t\r\n":
            end -= 1
        return _between(start, end)

    def _extent(self, start: Any, end: Any, last: int) -> _Place:
        """The place of a list or mapping, by the number of its last value's place, or of its own if it has none."""
        first = start.start_mark.index
        if start.flow_style:
            return _between(first, end.end_mark.index)
        # A block collection's end mark lies where the next token begins: it ends with its last value.
        return _between(first, _ends(self._places[last])[1] or first)


class _Spans(Mapping[Path, Span]):
    """Path to span, found by way of the forms: most documents are right, and need no places.

    `places` are those of all keys and values of the document, in reading order; a key's is right before its value's.
    """

    __slots__ = ("_form", "_keys", "_lines", "_places")

    def __init__(self, lines: _Lines, places: array[int], form: _Form | _Elsewhere | None, *, keys: bool) -> None:
        self._lines, self._places, self._form, self._keys = lines, places, form, keys

    def __getitem__(self, path: Path) -> Span:
        return self._lines.span(self.place(path))

    def place(self, path: Path) -> _Place:
        """Begin and end. Raises KeyError."""
        form, at, key = self._form, 0, None
        for step in path:
            if isinstance(form, _Elsewhere):
                at, form = form.at, form.form
            if form is None:
                raise KeyError(path)
            key = form.keys.get(step) if isinstance(step, str) else None
            if key is not None:
                number = key + 1
            elif isinstance(step, int) and 0 <= step < len(form.items):
                number = form.items[step]
            else:
                raise KeyError(path)
            form, at = form.below.get(number), at + number
        if not self._keys:
            return self._places[at]
        if key is None:
            raise KeyError(path)
        return self._places[at - 1]

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, _Form | _Elsewhere | None]] = [((), self._form)]
        while waiting:
            path, form = waiting.pop()
            if not self._keys or (path and isinstance(path[-1], str)):
                yield path
            if isinstance(form, _Elsewhere):
                form = form.form
            if form is not None:
                waiting.extend(((*path, step), form.below.get(number)) for step, number in form.parts())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _between(start: int, end: int) -> _Place:
    """Pack both into one number: there is one for each value, and there may be millions."""
    return start << 32 | end


def _ends(place: _Place) -> tuple[int, int]:
    return place >> 32, place & 0xFFFFFFFF


def _place(event: Any) -> _Place:
    place: _Place = event.start_mark.index << 32 | event.end_mark.index  # as `_between`, for every event
    return place


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


# The usual mistakes, by a part of the scanner's complaint.
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


def _too_deep(source: SourceFile, error: yaml.MarkedYAMLError) -> Diagnostic:
    """libyaml reads ahead of the events that it gives, and has a limit of its own, which it may reach before ours."""
    mark = error.problem_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    detail = f"The values are nested more than {MAX_DEPTH} levels deep."
    return problem("E111", detail, span=Span(source.path, line, column, line, column), hint=_FLATTEN)


def _syntax(source: SourceFile, error: yaml.MarkedYAMLError) -> Diagnostic:
    complaint = (error.problem or "the text is not YAML").strip()
    opened, found = error.context_mark, error.problem_mark
    written = source.text.rstrip()
    at_end = found is not None and found.index >= len(written)
    # A bracket that is never closed is reported at the end of the file; people want to see where it began.
    mark = opened if opened is not None and (at_end or found is None or "find expected ':'" in complaint) else found
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    if mark is not None and mark.index >= len(written) > 0:
        lines = _LINE_BREAK.split(written)
        line, column = len(lines), len(lines[-1])
    hint = next((advice for part, advice in _LIKELY if part in complaint), None)
    if hint is None and mark is not None and "cannot start any token" in complaint:
        hint = _MARKERS.get(source.text[mark.index : mark.index + 1])
    if found is not None and source.text[max(0, found.index - 1) : found.index + 1] == "${":
        hint = "Within braces and brackets, put a text that has ${…} in it into quotes."
    context = f"{error.context}, " if error.context else ""
    detail = f"{context}{complaint}."
    if opened is not None and mark is not opened and opened.line != line - 1:
        detail = f"{context}which begins on line {opened.line + 1}, {complaint}."
    span = Span(source.path, line, column, line, column + 1)
    return problem("E101", detail[0].upper() + detail[1:], span=span, hint=hint)
