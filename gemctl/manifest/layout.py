"""Lays out the text of manifests: order of keys, indentation, blank lines. Called by workflows/format.py.

Whole lines are moved and shifted, by the places that `parse` knows; nothing is written anew, so comments, anchors,
quotes and texts stay as they are. Each step is tried apart, and taken only if the same is declared by the same lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.source import Json, Path, SourceFile, Span
from gemctl.manifest.yaml import Document, parse

_INDENT = 2
_MOST_ROUNDS = 10
# The order of the keys of a document, and of `metadata`; others come after them, as they stand.
_ORDER = ("apiVersion", "kind", "metadata", "asOf", "sources", "defaultStack", "stacks", "defaults", "spec", "items",
          "lifecycle", "run", "expect", "publish")  # fmt: skip
_METADATA = ("name", "id", "labels", "annotations")
_SEPARATOR = re.compile(r"(---|\.\.\.)(\s|$)")
_FLOW = ("{", "[")
_DASH = re.compile(r" *- +")
_GAP = re.compile(r"(:)[ \t]{2,}(?=[^ \t#])")


class _Leave(Exception):
    """A form that a step does not know: the text stays."""


def laid_out(source: SourceFile) -> str:
    """The text of a file of manifests as it should be; the same text where it is so already. Raises Rejected for a file
    that can't be parsed.
    """
    parse(source)
    for _ in range(_MOST_ROUNDS):  # what one step could not do, it may be able to after the next
        before = source
        for step in (_ordered, _indented, _spaced):
            try:
                made = SourceFile(source.path, step(source))
            except _Leave:
                continue
            if made != source and _same(source, made):
                source = made
        if source == before:
            break
    return source.text


def is_ours(source: SourceFile) -> bool:
    """Whether all documents of the file are of gemctl, by their apiVersion. Raises Rejected as `parse` does."""
    values = [document.value for document in parse(source)]
    return bool(values) and all(
        isinstance(value, dict) and str(value.get("apiVersion", "")).startswith("gemctl/") for value in values
    )


def _same(before: SourceFile, after: SourceFile) -> bool:
    """Whether both declare the same, and have the same lines but for blanks."""

    def lines(source: SourceFile) -> list[str]:
        return sorted(filter(None, ("".join(line.split()) for line in source.text.splitlines())))

    def values(source: SourceFile) -> str:
        return json.dumps([document.value for document in parse(source)], sort_keys=True)

    try:
        return values(before) == values(after) and lines(before) == lines(after)
    except Rejected:
        return False


@dataclass(frozen=True, slots=True)
class _Text:
    """A file in lines, each with its end. Lines count from 0.

    inside  lines that begin within a value: those of a text, or of braces. They have no keys and comments of their own.
    """

    lines: list[str]
    documents: tuple[Document, ...]
    inside: frozenset[int]

    def blank(self, number: int) -> bool:
        return number not in self.inside and not self.lines[number].strip()

    def comment(self, number: int) -> bool:
        return number not in self.inside and self.lines[number].lstrip().startswith("#")

    def end(self, document: Document) -> int:
        """The line after the last one of a document."""
        first = document.positions.root.line - 1
        for number in range(first + 1, len(self.lines)):
            if number not in self.inside and _SEPARATOR.match(self.lines[number]):
                return number
        return len(self.lines)


def _read(source: SourceFile) -> _Text:
    lines = source.text.splitlines(keepends=True)
    documents = parse(source)
    inside: set[int] = set()
    for document in documents:
        for path, span in document.positions.values.items():
            if not _is_block(document, path, lines):
                inside.update(range(span.line, _end(span, lines)))
        for span in document.positions.keys.values():
            inside.update(range(span.line, span.end_line))
    return _Text(lines, documents, frozenset(inside))


def _end(span: Span, lines: Sequence[str]) -> int:
    """The line after a value; of a text in a block, also after the blank lines that belong to it."""
    end = span.end_line
    header = lines[span.line - 1][span.column - 1 :].split(" #")[0].split()
    if any(re.fullmatch(r"[|>][0-9]*\+[0-9]*", word) for word in header):
        while end < len(lines) and not lines[end].strip():
            end += 1
    return end


def _value(document: Document, path: Path) -> Json:
    value: Json = document.value
    for step in path:
        value = value[step]
    return value


def _is_block(document: Document, path: Path, lines: Sequence[str]) -> bool:
    """Whether there is a list or a mapping in block style; what an alias stands for has its place elsewhere."""
    if not isinstance(_value(document, path), dict | list):
        return False
    span = document.positions.values[path]
    word = re.sub(r"^([&!]\S*\s+)+", "", lines[span.line - 1][span.column - 1 :])
    return not word.startswith((*_FLOW, "*"))


def _keys(text: _Text, document: Document, path: Path) -> dict[str, Span]:
    """The keys of a mapping in block style, each first on its line, in the order of their places. Raises _Leave."""
    value = _value(document, path)
    if not isinstance(value, dict) or not value or not _is_block(document, path, text.lines):
        raise _Leave
    spans = {key: document.positions.keys[(*path, key)] for key in value}
    for span in spans.values():
        if text.lines[span.line - 1][: span.column - 1].strip(" "):
            raise _Leave
    return spans


def _ordered(source: SourceFile) -> str:
    """With the keys of documents and of `metadata` in order, each with the comments right above it."""
    text = _read(source)
    lines = list(text.lines)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    for document in text.documents:
        for path, order in ((("metadata",), _METADATA), ((), _ORDER)):
            try:
                spans = _keys(text, document, path)
            except (_Leave, KeyError, TypeError):
                continue
            parent = sorted(span.line for span in _keys_or_none(text, document).values()) if path else []
            first = min(span.line for span in spans.values()) - 1
            after = next((line - 1 for line in parent if line - 1 > first), None)
            end = text.end(document) if after is None else _begin(text, after, first)
            lines[first:end] = _moved(text, lines, spans, order, first, end)
    return "".join(lines)


def _keys_or_none(text: _Text, document: Document) -> dict[str, Span]:
    try:
        return _keys(text, document, ())
    except _Leave:
        return {}


def _begin(text: _Text, line: int, least: int) -> int:
    """The first line of what belongs to the key on this line: the comments right above it, and blank lines above."""
    while line - 1 > least and text.comment(line - 1):
        line -= 1
    while line - 1 > least and text.blank(line - 1):
        line -= 1
    return line


def _moved(
    text: _Text, lines: list[str], spans: Mapping[str, Span], order: Sequence[str], first: int, end: int
) -> list[str]:
    """The lines from `first` to `end`, with the parts of the keys in order. What stands at the end, after a blank line
    and without a key, stays there.
    """
    last = end
    while last > first + 1 and (text.blank(last - 1) or text.comment(last - 1)):
        last -= 1
    while last < end and text.comment(last):
        last += 1
    written = sorted(spans, key=lambda key: spans[key].line)
    begins = [first, *(_begin(text, spans[key].line - 1, first) for key in written[1:]), last]
    parts = dict(zip(written, (lines[a:b] for a, b in pairwise(begins)), strict=True))
    wanted = sorted(written, key=lambda key: order.index(key) if key in order else len(order))
    if wanted == written:
        return lines[first:end]
    return [line for key in wanted for line in parts[key]] + lines[last:end]


def _indented(source: SourceFile) -> str:
    """With mappings two columns below their key, and lists as well."""
    text = _read(source)
    shifts: dict[int, tuple[str, int]] = {}  # line → what it begins with, and from which column on it stays
    for document in text.documents:
        if isinstance(document.value, dict) and _is_block(document, (), text.lines):
            _shift(text, document, (), 0, shifts)
    made: list[str] = []
    delta = 0
    for number, line in enumerate(text.lines):
        if number in shifts:
            begin, column = shifts[number]
            delta = len(begin) - column
            made.append(begin + line[column:])
        elif text.comment(number):
            made.append(" " * _column(text, number, shifts, delta) + line.lstrip())
        elif _SEPARATOR.match(line) and number not in text.inside:
            delta = 0
            made.append(line)
        elif delta >= 0:
            made.append(" " * delta + line if line.strip("\r\n") else line)
        else:
            kept = len(line) - len(line.lstrip(" "))
            made.append(line[min(kept, -delta) :])
    return "".join(made)


def _column(text: _Text, number: int, shifts: Mapping[int, tuple[str, int]], delta: int) -> int:
    """The column of a comment: that of the key or the item below it, if it stood there, else moved as what is above."""
    stood = len(text.lines[number]) - len(text.lines[number].lstrip())
    after = next((shifts[line] for line in range(number + 1, len(text.lines)) if line in shifts), None)
    if after is not None:
        begin, column = after
        old = column - len(begin.lstrip(" ")) if begin.strip() else column
        if old == stood:
            return len(begin) - len(begin.lstrip(" "))
    return max(0, stood + delta)


def _shift(text: _Text, document: Document, path: Path, column: int, shifts: dict[int, tuple[str, int]]) -> None:
    """Note the lines that begin with a key or an item of this list or mapping, which is to stand in this column."""
    value = _value(document, path)
    inner: Iterator[Path]
    if isinstance(value, dict):
        for key in value:
            span = document.positions.keys[(*path, key)]
            if text.lines[span.line - 1][: span.column - 1].strip(" "):
                if span.line - 1 not in shifts:
                    raise _Leave
            else:
                shifts[span.line - 1] = (" " * column, span.column - 1)
        inner = ((*path, key) for key in value)
        below = column + _INDENT
    else:
        assert isinstance(value, list)
        for index in range(len(value)):
            span = document.positions.values[(*path, index)]
            line, before = span.line - 1, text.lines[span.line - 1][: span.column - 1]
            if not _DASH.fullmatch(before):
                raise _Leave
            shifts[line] = (f"{' ' * column}- ", span.column - 1)
        inner = ((*path, index) for index in range(len(value)))
        below = column + _INDENT
    for step in inner:
        if _is_block(document, step, text.lines):
            _shift(text, document, step, below, shifts)


def _spaced(source: SourceFile) -> str:
    """Without blanks at the ends of lines, with one blank after a key's colon, no more than one blank line at a time,
    and none at the beginning and the end.
    """
    text = _read(source)
    lines = list(text.lines)
    for document in text.documents:
        for span in document.positions.keys.values():
            if span.end_line == span.line and span.line - 1 not in text.inside:
                head, tail = lines[span.line - 1][: span.end_column - 1], lines[span.line - 1][span.end_column - 1 :]
                if not any(sign in head for sign in _FLOW):
                    lines[span.line - 1] = head + _GAP.sub(r"\1 ", tail, count=1)
    made: list[str] = []
    for number, line in enumerate(lines):
        if number + 1 in text.inside and number + 1 < len(lines):
            made.append(line)  # its end is within a value
        elif number in text.inside:
            made.append(line)
        elif line.strip():
            made.append(line.rstrip() + _ending(line))
        elif made and made[-1].strip():
            made.append(_ending(line))
    while made and not made[-1].strip() and len(lines) - 1 not in text.inside:
        made.pop()
    return "".join(made)


def _ending(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n"
