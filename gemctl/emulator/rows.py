"""Holds one collection of one project: rows by name, in the order in which they were created.

Called by `world`. Separate because it is plain data structure: it knows no clock, no log and no HTTP.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One object as it is stored. Instants are nanoseconds since 1970; `born` is the sequence number of its
    creation, which orders objects of one instant; `body` is the surface's part of it; `due` is when the
    surface wants to be woken to move it on, if it moves by itself."""

    collection: str
    project: str
    name: str
    body: Mapping[str, Any]
    created: int
    updated: int
    expires: int | None
    born: int
    due: int | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Its place in lists."""
        return self.created, self.born


@dataclass
class Tally:
    """What rows come to: how many are in each state, and the bytes of all of them."""

    states: Counter[str]
    size: int = 0

    def add(self, row: Row, number: int) -> None:
        """Count a row in (1), or out (-1)."""
        self.states[str(row.body.get("state", ""))] += number
        self.size += number * row.body.get("sizeBytes", 0)


class Rows:
    """Rows by name and by place, and their tally, so that counting needs no look at each. Every operation is at worst a
    memory move, so 1,000 creates cost 1,000."""

    def __init__(self, rows: Mapping[str, Row] | None = None) -> None:
        self._rows: dict[str, Row] = dict(rows or {})
        self._order = sorted((*row.place, name) for name, row in self._rows.items())
        self.tally = Tally(Counter())
        for row in self._rows.values():
            self.tally.add(row, 1)

    def get(self, name: str) -> Row | None:
        return self._rows.get(name)

    def put(self, row: Row) -> None:
        """Add, or replace the row of that name. A row keeps its place for life."""
        before = self._rows.get(row.name)
        if before is None:
            insort(self._order, (*row.place, row.name))
        else:
            self.tally.add(before, -1)
        self._rows[row.name] = row
        self.tally.add(row, 1)

    def drop(self, name: str) -> None:
        """Remove, if it is there."""
        row = self._rows.pop(name, None)
        if row is not None:
            self.tally.add(row, -1)
            del self._order[bisect_left(self._order, (*row.place, name))]

    def after(self, place: tuple[int, int] | None, *, newest_first: bool) -> Iterator[Row]:
        """The rows after that place, in list order. The place need not hold a row any more."""
        order = self._order
        if newest_first:
            end = len(order) if place is None else bisect_left(order, place)
            return (self._rows[order[index][2]] for index in range(end - 1, -1, -1))
        # A place compares below every (place, name) that starts with it, hence the character above all names.
        start = 0 if place is None else bisect_right(order, (*place, "\U0010ffff"))
        return (self._rows[order[index][2]] for index in range(start, len(order)))

    def copy(self) -> "Rows":
        return Rows(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)
