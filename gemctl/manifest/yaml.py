"""Parses YAML text into plain values, with the place of each. Called by `load`. No other module imports PyYAML.

PyYAML is used for its event stream alone, libyaml's where it was built with it. Composing or constructing with PyYAML
would bring YAML 1.1's surprises (`no` is False, 1:30 is 90), keep the last of two equal keys without a word, and let
deep nesting crash the interpreter. Here every event is counted against a limit before anything is built of it; or all
those of a small document are, and what is known of documents that are written alike makes the value of them (`alike`).

core/scalar.py decides what a scalar without quotes means. Time and memory grow with the file, and with nothing else:
the values that aliases add are limited, and so is the depth.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.scalar import Unclear, resolve
from gemctl.core.source import MAX_TEXT, Json, Path, Positions, SourceFile, Span
from gemctl.manifest.alike import (
    END,
    FLOW_MAPPING,
    FLOW_SEQUENCE,
    FOLDED,
    LARGEST,
    LITERAL,
    MAPPING,
    PLAIN,
    SEQUENCE,
    Below,
    Recurring,
    Unlike,
    new_form,
)
from gemctl.manifest.spans import Elsewhere, Form, LineStarts, Place, Spans

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
_BLOCK = (LITERAL, FOLDED)
_IN_LINES = {MappingStartEvent: MAPPING, SequenceStartEvent: SEQUENCE}
_IN_BRACKETS = {MappingStartEvent: FLOW_MAPPING, SequenceStartEvent: FLOW_SEQUENCE}
_STRING_TAG = "tag:yaml.org,2002:str"
_SPLIT = "Split the file, or move long texts to files of their own and name them with `textFile`."
_FLATTEN = "Nothing that gemctl reads lies so deep: look for a bracket that is not closed, or a loop in what wrote it."


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file: its value as plain JSON, and where each part of it stands."""

    value: Json
    positions: Positions
    file: SourceFile


def as_typed(document: Document, path: Path) -> str:
    """The text of a scalar without quotes, as it stands in the file: `1.0` where the value is 1.0."""
    values = document.positions.values
    assert isinstance(values, Spans)
    start, end = values.place(path)
    return document.file.text[start:end]


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


class _Anchored:
    """A value that aliases may name, with the values, characters and levels that each use of it adds.

    `at` is the number of its place; `form` is None for a scalar.
    """

    __slots__ = ("at", "form", "height", "length", "size", "value")

    def __init__(self, value: Json, form: Form | None, at: int, size: int, length: int, height: int) -> None:
        self.value, self.form, self.at = value, form, at
        self.size, self.length, self.height = size, length, height


class _Reader:
    """Reads one file: documents as those that are written alike, and from the first that can't be, event by event."""

    def __init__(self, source: SourceFile, problems: list[Diagnostic], recurring: Recurring) -> None:
        self._source = source
        self._lines = LineStarts(source)
        self._problems = problems
        self._recurring = recurring
        self._event: Any = None
        self._written = 0  # keys and values so far
        self._added_size = 0  # values that aliases stand for, besides
        self._length = 0  # characters of both
        self._added_length = 0
        self._documents = 0
        self._height = 0  # of the value that was read last
        self._anchors: dict[str, _Anchored | None] = {}
        self._starts: array[int] = array("I")  # of the places of all keys and values of the document
        self._ends: array[int] = array("I")

    def here(self) -> Span:
        """The place of the last event."""
        return self._lines.span(_place(self._event) if self._event else (0, 0))

    def documents(self) -> Iterator[Document]:
        with suppress(Exception):  # whatever it is, it is met again below, and told there
            yield from self._alike_documents()
            return
        self._next = _events(self._source.text).get_event
        known, self._documents = self._documents, 0
        while not isinstance(event := self._advance(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent):
                self._documents += 1
                if self._documents <= known:
                    continue
                if self._documents > MAX_DOCUMENTS:
                    self._stop(f"There are more than {MAX_DOCUMENTS:,} documents.", event, "Split the file.")
                self._refuse_directives(event)
                self._anchors, self._starts, self._ends = {}, array("I"), array("I")
                root = self._advance()
                if isinstance(root, ScalarEvent) and not root.value and not root.style and root.tag is None:
                    continue
                value, form = self._read(root, 1)
                yield self._document(value, form, self._starts, self._ends)

    def _alike_documents(self) -> Iterator[Document]:
        """The documents before the first that is read with care: that raises Unlike, or whatever is wrong with it."""
        events = iter(_events(self._source.text).get_event, None)
        for event in events:
            if type(event) is DocumentStartEvent:
                if event.version is not None or event.tags or self._documents == MAX_DOCUMENTS:
                    raise Unlike
                document = self._alike_document(islice(events, LARGEST))
                self._documents += 1
                if document:
                    yield document

    def _alike_document(self, events: Iterable[Any]) -> Document | None:
        """The document that these events begin with, None if it is empty. It has no aliases, and not many values."""
        letters, texts, starts, ends, closed = _noted(events)
        if letters == PLAIN and texts == [""]:
            return None
        alike = self._recurring.alike(letters, texts)
        if alike.height > MAX_DEPTH or self._written + alike.places > MAX_VALUES:
            raise Unlike
        for number in alike.quoted:
            if _UNSENDABLE.search(texts[number]):
                raise Unlike
        for number in alike.blocks:
            ends[number] = self._block_end(starts[number], ends[number])
        alike.finish(ends, closed)
        document = self._document(alike.value(texts), alike.form, starts, ends)
        self._written += alike.places
        return document

    def _document(self, value: Json, form: Form | Elsewhere | None, starts: array[int], ends: array[int]) -> Document:
        lines, places = self._lines, starts + ends
        spans = Spans(lines, places, form, keys=False), Spans(lines, places, form, keys=True)
        return Document(value, Positions(lines.span((starts[0], ends[0])), *spans), self._source)

    def _advance(self) -> Any:
        self._event = self._next()
        return self._event

    def _read(self, event: Any, depth: int) -> tuple[Json, Form | Elsewhere | None]:
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

    def _anchored(self, event: Any, depth: int) -> tuple[Json, Form | None]:
        """The same, of a value that was counted and that aliases may name."""
        size, length, at = self._written + self._added_size - 1, self._length, len(self._starts)
        self._anchors[event.anchor] = None
        form: Form | None
        value, form = (self._scalar(event), None) if type(event) is ScalarEvent else self._collection(event, depth)
        size, length = self._written + self._added_size - size, self._length - length
        self._anchors[event.anchor] = _Anchored(value, form, at, size, length, self._height)
        return value, form

    def _collection(self, event: Any, depth: int) -> tuple[Json, Form]:
        if event.tag is not None:
            self._report("E105", f"The tag {_short(event.tag)} is not read.", _place(event))
        return self._sequence(event, depth) if type(event) is SequenceStartEvent else self._mapping(event, depth)

    def _scalar(self, event: Any) -> Json:
        text, style = event.value, event.style
        self._height = 1
        self._length += len(text)
        start, end = _place(event)
        self._starts.append(start)
        self._ends.append(self._block_end(start, end) if style in _BLOCK else end)
        return text if style in _BLOCK and event.tag is None else self._meant(event)

    def _sequence(self, start: Any, depth: int) -> tuple[list[Json], Form]:
        values: list[Json] = []
        items: list[int] = []
        below: Below = []
        starts = self._starts
        tallest, at = 0, len(starts)
        last = at
        self._begin(start)
        while type(event := self._advance()) is not SequenceEndEvent:
            last = len(starts)
            item, form = self._read(event, depth + 1)
            if self._height > tallest:
                tallest = self._height
            values.append(item)
            items.append(last - at)
            if form is not None:
                below += (last - at, form)
        self._height = tallest + 1
        self._end(start, event, at, last)
        return values, self._form({}, array("I", items) if below else range(1, len(items) + 1), below)

    def _mapping(self, start: Any, depth: int) -> tuple[dict[str, Json], Form]:
        values: dict[str, Json] = {}
        keys: dict[str, int] = {}
        below: Below = []
        starts, ends, next_event = self._starts, self._ends, self._next
        tallest, at = 0, len(starts)
        last = at
        self._begin(start)
        while type(event := next_event()) is not MappingEndEvent:
            self._event = event
            number = len(starts) - at
            starts.append(event.start_mark.index)
            ends.append(event.end_mark.index)
            key = self._key(event, depth)
            if key in keys:
                first = at + keys[key]
                line = self._lines.span((starts[first], ends[first])).line
                self._report("E102", f"The key {_short(key)} stands on line {line} already.", _place(event))
                key = None
            last = len(starts)
            self._event = event = next_event()
            item, form = self._read(event, depth + 1)
            if self._height > tallest:
                tallest = self._height
            if key is not None:
                values[key], keys[key] = item, number
                if form is not None:
                    below += (last - at, form)
        self._height = tallest + 1
        self._end(start, event, at, last)
        return values, self._form(keys, (), below)

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
        try:
            if (key := self._recurring.key(text)) is not None:
                return key
            if text == "<<":
                self._report("E104", "The merge key << is not read.", _place(event))
                return None
            shown = f"The key {_short(text)} is not text." if text else "The key is empty."
        except Unclear as unclear:
            shown = unclear.detail
        self._report("E103", shown, _place(event), hint=f"Put it in quotes: '{_short(text)}'." if text else None)
        return text

    def _form(self, keys: Mapping[str, int], items: Sequence[int], below: Below) -> Form:
        """The form of a value. After a problem it is its own: there may be places in it that belong to no value."""
        return new_form(keys, items, below) if self._problems else self._recurring.form(keys, items, below)

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

    def _alias(self, event: Any, depth: int) -> tuple[Json, Form | Elsewhere | None]:
        start, end = place = _place(event)
        self._starts.append(start)
        self._ends.append(end)
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
        return found.value, Elsewhere(found.form, found.at) if found.form else None

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

    def _report(self, code: str, detail: str, place: Place, *, hint: str | None = None) -> None:
        if len(self._problems) == MAX_PROBLEMS:
            detail = f"There are more than {MAX_PROBLEMS} problems: the file was read up to here."
            self._problems.append(problem("E134", detail, span=self._lines.span(place)))
            raise _LimitReached
        self._problems.append(problem(code, detail, span=self._lines.span(place), hint=hint))

    def _stop(self, detail: str, event: Any, hint: str) -> None:
        start, _ = _place(event)
        self._report("E111", detail, (start, start), hint=hint)
        raise _LimitReached

    def _block_end(self, start: int, end: int) -> int:
        # A block scalar's end mark lies where the next token begins: go back to its last character.
        text, end = self._source.text, min(end, len(self._source.text))
        while end > start + 1 and text[end - 1] in " \t\r\n":
            end -= 1
        return end

    def _begin(self, start: Any) -> None:
        self._starts.append(start.start_mark.index)
        self._ends.append(0)  # not known yet

    def _end(self, start: Any, end: Any, at: int, last: int) -> None:
        """Note where a list or mapping ends, by the number of its last value's place, or of its own if it has none."""
        if start.flow_style:
            self._ends[at] = end.end_mark.index
        else:  # A block collection's end mark lies where the next token begins: it ends with its last value.
            self._ends[at] = self._ends[last] or start.start_mark.index


def _noted(events: Iterable[Any]) -> tuple[str, list[Any], array[int], array[int], list[int]]:
    """The letters and texts of a document whose events are next, where its keys and values start and end, and where its
    lists and mappings do. Raises Unlike where something has an anchor or a tag, lies too deep, or does not end.
    """
    letters: list[str] = []
    texts: list[Any] = []
    starts, ends = array("I"), array("I")
    closed: list[int] = []
    depth = 0
    for event in events:
        kind = type(event)
        if kind is ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                break
            letters.append(event.style or PLAIN)
            texts.append(event.value)
            starts.append(event.start_mark.index)
            ends.append(event.end_mark.index)
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            depth -= 1
            letters.append(END)
            closed.append(event.end_mark.index)
        elif kind is DocumentEndEvent:
            return "".join(letters), texts, starts, ends, closed
        elif kind is AliasEvent or event.anchor is not None or event.tag is not None or depth == MAX_DEPTH:
            break
        else:
            depth += 1
            letters.append((_IN_BRACKETS if event.flow_style else _IN_LINES)[kind])
            starts.append(event.start_mark.index)
            ends.append(0)  # not known yet
    raise Unlike


def _place(event: Any) -> Place:
    return event.start_mark.index, event.end_mark.index


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
