"""Says where the parts of a document stand in its file: the places of all of them, and how to find the one of a path.

Called by yaml, which notes the places while it reads, and by alike. Most documents are right, and their places are
never asked for: so they are kept as numbers, and what is the same in documents that are written alike is kept once.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from gemctl.core.source import Path, SourceFile, Span

Place = tuple[int, int]  # begin and end of a value or key, in characters of the file; the end is exclusive


class LineStarts:
    """Turns places of a file into lines and columns, without its text."""

    __slots__ = ("_path", "_starts")

    def __init__(self, source: SourceFile) -> None:
        self._path = source.path
        # Other characters that end a line for Python are in no manifest. The blank makes a last line.
        end, lines = 0, f"{source.text} ".splitlines(keepends=True)
        self._starts = array("I", [0, *[end := end + len(line) for line in lines]])

    def span(self, place: Place) -> Span:
        start, end = place
        return Span(self._path, *self._at(start), *self._at(end))

    def _at(self, index: int) -> tuple[int, int]:
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1


class Form:
    """The form of a list or mapping: where the places of its parts are, counted from its own. Documents of one form
    share it.

    keys    of a mapping: its keys, each with the number of the key's place; that of the value comes next.
    items   of a list: the numbers of its items' places.
    below   the lists and mappings in it, by the numbers of their places.
    """

    __slots__ = ("below", "items", "keys")

    def __init__(self, keys: Mapping[str, int], items: Sequence[int], below: Mapping[int, Form | Elsewhere]) -> None:
        self.keys, self.items, self.below = keys, items, below

    def parts(self) -> Iterator[tuple[str | int, int]]:
        """Each step to a part, with the number of the part's place."""
        yield from ((key, number + 1) for key, number in self.keys.items())
        yield from enumerate(self.items)


class Elsewhere:
    """The form of what an alias stands for: its parts have their places where they are written, counted from `at`."""

    __slots__ = ("at", "form")

    def __init__(self, form: Form, at: int) -> None:
        self.form, self.at = form, at


class Spans(Mapping[Path, Span]):
    """Path to span, found by way of the forms.

    `places` are those of all keys and values of the document, in reading order, a key's right before its value's: all
    begins, and then all ends.
    """

    __slots__ = ("_form", "_keys", "_lines", "_places")

    def __init__(self, lines: LineStarts, places: array[int], form: Form | Elsewhere | None, *, keys: bool) -> None:
        self._lines, self._places, self._form, self._keys = lines, places, form, keys

    def __getitem__(self, path: Path) -> Span:
        return self._lines.span(self.place(path))

    def place(self, path: Path) -> Place:
        """Raises KeyError."""
        form, at, key = self._form, 0, None
        for step in path:
            if isinstance(form, Elsewhere):
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
        if self._keys:
            if key is None:
                raise KeyError(path)
            at -= 1
        return self._places[at], self._places[len(self._places) // 2 + at]

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, Form | Elsewhere | None]] = [((), self._form)]
        while waiting:
            path, form = waiting.pop()
            if not self._keys or (path and isinstance(path[-1], str)):
                yield path
            if isinstance(form, Elsewhere):
                form = form.form
            if form is not None:
                waiting.extend(((*path, step), form.below.get(number)) for step, number in form.parts())

    def __len__(self) -> int:
        return sum(1 for _ in self)
