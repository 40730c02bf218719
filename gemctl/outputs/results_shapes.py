"""Reads results of a form that was met before, without decoding and encoding them: that takes a third of the time.

The results of most jobs are alike but for their keys, their texts and their numbers. The first line of a form is read
as any line is, and then once more, with a mark in the place of each such value; where the marks come out says how a
line of this form is saved, and what has to be known of it. Other lines of the form are told by one expression: it has
the bytes of the first, byte for byte, and in the place of each value takes another JSON value of the same sort.

The kind says which values these are (`texts` and `numbers` in Once), since nothing else may depend on them. Whatever is
out of the ordinary is left to whoever reads line by line. Called by results_source.py.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from enum import IntEnum
from hashlib import blake2b
from operator import itemgetter

from gemctl.core.frozen import dataclass
from gemctl.core.json_text import to_bytes
from gemctl.core.lifetime import Once
from gemctl.core.source import Json, JsonObject
from gemctl.outputs.results_keys import key_digest
from gemctl.outputs.results_line import Judge, Judged

MOST = 12  # forms that are remembered: each is tried for a line, the more frequent ones first
LARGEST = 1 << 12  # bytes of one, without the values that differ
TRIES = 512  # lines of other forms than those before: with more than there are others, there is no use in trying
LEARNED = 32  # forms that are learned at once, and one more for each so many lines:
EACH = 256  # what is learned of one takes as long as to read a hundred lines


class _Sort(IntEnum):
    """The sorts of values that differ: a text that is not empty; a whole number, which may be in quotes (as the API
    writes those of 64 bits); a number with a fraction or a power of ten; a list of numbers.
    """

    TEXT = 1
    WHOLE = 2
    NUMBER = 3
    LIST = 4


_PLAIN = rb"[ \]-\xff#-\[!]*+"  # all but control characters, quote and backslash: those first that texts are made of
_ESCAPE = rb'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
# A decimal number of up to 15 digits is the shortest for its value, and so what the encoder writes, if no zeros end it,
# and if it has a power of ten where the encoder writes one.
_AS_WRITTEN = (
    rb"(?:-?+(?:0\.(?!0000)[0-9]{1,14}+(?<!0)"
    rb"|[1-9][0-9]{0,5}+\.[0-9]{1,9}+(?<!0)"
    rb"|(?:0|[1-9][0-9]{0,5}+)\.0"
    rb"|[1-9](?:(?:\.[0-9]{1,13}+(?<!0))?+e-(?:0[5-9]|[1-9][0-9])|[0-9]{0,17}+))|0)"
)
_WHOLE = rb"(?:0|[1-9][0-9]{0,17}+)"
_VALUES = {
    _Sort.TEXT: rb'(?!")' + _PLAIN + rb"(?:" + _ESCAPE + _PLAIN + rb")*+",
    _Sort.WHOLE: _WHOLE,
    _Sort.NUMBER: rb"-?+" + _WHOLE + rb"(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?+|[eE][+-]?[0-9]++)",
    _Sort.LIST: _AS_WRITTEN + rb"(?:," + _AS_WRITTEN + rb")*+",
}
# A string of a right line, with what follows it where it is the name of a text, a number or a list of numbers.
_FIELD = re.compile(
    rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(?:[ \t]*+:[ \t]*+(?:"(%b)"|(%b|%b)(?=[,}\s])|\[(%b)\]))?+'
    % (_VALUES[_Sort.TEXT], _VALUES[_Sort.NUMBER], _WHOLE, _VALUES[_Sort.LIST])
)
_IS_WHOLE = re.compile(_WHOLE).fullmatch

Slowly = Callable[[bytes], tuple[JsonObject, bytes]]


class Shapes:
    """The forms of lines that were met in a file of results.

    slowly   reads any line: the result, and its line as it is saved.
    """

    def __init__(self, runs: Once, judge: Judge, slowly: Slowly) -> None:
        self._judge, self._slowly = judge, slowly
        self._texts = frozenset(name.encode() for name in runs.texts)
        self._numbers = frozenset(name.encode() for name in runs.numbers)
        self._known: list[_Shape] = []
        self._found = self._missed = self._learned = 0

    def read(self, line: bytes) -> Judged | None:
        """The result in this line; None where the line has to be read as any line is."""
        known = self._known
        for at, shape in enumerate(known):
            if (match := shape.match(line)) is not None:
                self._found += 1
                if at:  # the more frequent ones come to the front
                    known[at - 1], known[at] = shape, known[at - 1]
                return shape.result(line, match.groups())
        return None

    def learn(self, line: bytes, result: Judged) -> None:
        """Learn the form of a line that was read as any line is: this `result` came of it."""
        self._missed += 1
        if self._missed > TRIES + self._found:
            self._known.clear()
            return
        if result.name is None or self._learned > LEARNED + self._found // EACH:
            return
        pieces, values, sorts = self._taken_apart(line)
        if sum(map(len, pieces)) > LARGEST:
            return
        marks = _marks(line, sorts)
        saved, as_saved = self._slowly(_joined(pieces, marks))
        shape = _shape(pieces, sorts, marks, saved, as_saved, self._judge)
        if shape is None or shape.result(line, tuple(values)) != result:
            return
        self._learned += 1
        del self._known[MOST - 1 :]
        self._known.append(shape)

    def _taken_apart(self, line: bytes) -> tuple[list[bytes], list[bytes], list[_Sort]]:
        """What stands between the values that differ, these values, and their sorts."""
        pieces: list[bytes] = []
        values: list[bytes] = []
        sorts: list[_Sort] = []
        end = 0
        for field in _FIELD.finditer(line):
            sort, group = self._sort(field)
            if sort is not None:
                pieces.append(line[end : field.start(group)])
                values.append(field[group])
                sorts.append(sort)
                end = field.end(group)
        return [*pieces, line[end:]], values, sorts

    def _sort(self, field: re.Match[bytes]) -> tuple[_Sort | None, int]:
        name, group = field[1], field.lastindex or 1
        if group == 2 and name in self._texts:
            return _Sort.TEXT, group
        if group == 1 or name not in self._numbers:
            return None, group
        if group != 4 and _IS_WHOLE(field[group]):
            return _Sort.WHOLE, group
        return {3: _Sort.NUMBER, 4: _Sort.LIST}.get(group), group


@dataclass(frozen=True, slots=True)
class _Shape:
    """A form of lines.

    match      matches lines of this form, with a group for each value that differs. Below, values are known by number.
    template   the line as it is saved, with a place for each value that `pick` picks.
    key        the value that is the key.
    texts      the values that are texts, and `numbers` those that are no whole numbers: both may have to be spelled
               otherwise than they came.
    counts     the values that are its counts; those behind all values are `constants`. None for none at all.
    came       the number of a Came.
    """

    match: Callable[[bytes], re.Match[bytes] | None]
    template: bytes
    pick: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
    key: int
    texts: tuple[int, ...]
    numbers: tuple[int, ...]
    counts: tuple[int, ...] | None
    constants: tuple[bytes, ...]
    came: int

    def result(self, line: bytes, values: tuple[bytes, ...]) -> Judged | None:
        """The result of a line with these values; None where it has to be read as any line is. Called for each line."""
        if not line.isascii():
            try:
                line.decode()
            except UnicodeDecodeError:  # half a character, or no text at all
                return None
        key = values[self.key]
        if b"\\" in line:
            name = key_digest(json.loads(b'"%b"' % key) if b"\\" in key else key)
            values = self._spelled(line, values)
        else:
            name = key_digest(key)
        for at in self.numbers:
            try:
                number = json.dumps(json.loads(values[at]), allow_nan=False)
            except ValueError:  # too large for one
                return None
            values = (*values[:at], number.encode(), *values[at + 1 :])
        counts = None
        if self.counts is not None:
            known = values + self.constants
            counts = tuple(map(int, [known[at] for at in self.counts]))
        return Judged(self.template % self.pick(values), name, self.came, counts)

    def _spelled(self, line: bytes, values: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """These values with the escapes that the encoder makes."""
        if b"\\u" not in line and b"\\/" not in line:
            return values
        spelled = list(values)
        for at in self.texts:
            text = json.loads(b'"%b"' % values[at])
            spelled[at] = to_bytes(json.dumps(text, ensure_ascii=False)[1:-1])
        return tuple(spelled)


def _shape(
    pieces: list[bytes], sorts: list[_Sort], marks: list[bytes], saved: JsonObject, as_saved: bytes, judge: Judge
) -> _Shape | None:
    """The form of a line with these `marks` in it, which is saved so; None where that doesn't show what comes where."""
    leaves = Counter(str(leaf) for leaf in _leaves(saved))
    found: list[tuple[int, int]] = []  # where a mark stands in the line as it is saved, and the number of the mark
    for number, mark in enumerate(marks):
        times = as_saved.count(mark)
        if times != leaves[mark.decode()] or times > 1:
            return None
        if times:
            found.append((as_saved.index(mark), number))
    found.sort()
    numbers = {mark: number for number, mark in enumerate(marks)}
    judged = judge(saved, as_saved)
    key = numbers.get(str(saved.get("key")).encode("utf-8", "surrogatepass"))
    if key is None or sorts[key] is not _Sort.TEXT:
        return None
    template, end = b"", 0
    for at, number in found:
        template += as_saved[end:at].replace(b"%", b"%%") + b"%b"
        end = at + len(marks[number])
    form = [re.escape(pieces[0])]
    for sort, piece in zip(sorts, pieces[1:], strict=True):
        form += [b"(", _VALUES[sort], b")", re.escape(piece)]
    counts = None if judged.counts is None else tuple(b"%d" % count for count in judged.counts)
    constants = tuple({count for count in counts or () if count not in numbers})
    numbers |= {constant: len(marks) + at for at, constant in enumerate(constants)}
    return _Shape(
        match=re.compile(b"".join(form)).fullmatch,
        template=template + as_saved[end:].replace(b"%", b"%%"),
        pick=itemgetter(*(number for _, number in found)),
        key=key,
        texts=tuple(number for number, sort in enumerate(sorts) if sort is _Sort.TEXT),
        numbers=tuple(number for number, sort in enumerate(sorts) if sort is _Sort.NUMBER),
        counts=None if counts is None else tuple(numbers[count] for count in counts),
        constants=constants,
        came=judged.came,
    )


def _marks(line: bytes, sorts: list[_Sort]) -> list[bytes]:
    """A mark in the place of each value, which stands nowhere else: they are made of a digest of the line."""
    digest = blake2b(line, digest_size=16).hexdigest()
    start = 10**12 + int(digest[:9], 16)
    forms = {_Sort.TEXT: digest + ".{}.", _Sort.NUMBER: "0.{}1"}
    return [
        forms.get(sort, "{}").format(number if sort is _Sort.TEXT else start + number).encode()
        for number, sort in enumerate(sorts)
    ]


def _joined(pieces: list[bytes], values: list[bytes]) -> bytes:
    return b"".join(part for pair in zip(pieces, (*values, b""), strict=True) for part in pair)


def _leaves(value: Json) -> Iterator[Json]:
    """Each value in this one that holds no others. Without recursion: a line may be deeper than a stack."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            left += value.values() if isinstance(value, dict) else value
        else:
            yield value
