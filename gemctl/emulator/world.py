"""Holds the state behind the API: objects, their ids, the clock, and all past effects.

Called by `app` (turns) and by the surfaces (objects). Separate because rules for every kind of object stand
here once: a name is random and never used twice, an object ends at its expiry whether or not it is read,
lists are stable while objects come and go, and a change is recorded before it is answered.

A world is a fold over its store's records. Within a `turn` it has read all of them, no other process writes, and
time stands still.
"""

import heapq
import random
import string
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gemctl.emulator import records, times
from gemctl.emulator.blobs import beside
from gemctl.emulator.folder import StoreDamaged
from gemctl.emulator.records import Cause, Change, Compaction, Effect, Late, Use
from gemctl.emulator.rows import Row, Rows, Tally
from gemctl.emulator.store import Mark, MemoryStore, Record, Store

_ALPHABET = string.digits + string.ascii_lowercase
_MANY_DEAD = 10_000  # below that a log is left as it is, for tests to read


class World:
    """`now` gives aware datetimes. `ids` makes names (a seeded random.Random for repeatable ones). Objects
    younger than `list_lag` are not listed yet, though they can be read by name."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        now: Callable[[], datetime] = times.utc_now,
        ids: random.Random | None = None,
        list_lag: timedelta = timedelta(0),
    ) -> None:
        self.instant = 0
        self.shown_instant: int | None = None  # of the objects that are shown, while it is not the present
        self.cause = Cause()
        self.list_lag = list_lag
        self._store = store if store is not None else MemoryStore()
        self.blobs = beside(self._store)
        self._now = now
        self._ids = ids or random.SystemRandom()
        self._forget()

    def _forget(self) -> None:
        self._mark: Mark | None = None
        self._seq = 0
        self._all_rows: dict[tuple[str, str], Rows] = {}
        self._log: list[Change | Use | Compaction] = []
        self._names: set[str] = set()
        self._events: list[tuple[int, int, int, Row]] = []  # when rows expire, and when rows are due
        self._late: dict[int, Late] = {}
        self._newest: dict[int, Record] = {}  # the records a compacted log needs, by birth or lateness
        self._lines = 0
        self._latest = 0

    def clear(self, ids: random.Random | None = None) -> None:
        """Forget all objects and effects, in every process. `ids` makes the names from now on, if it is given."""
        with self._store.exclusive():
            mark = self._store.rewrite([])
            self._forget()
            self._mark = mark
            self.blobs.collect(set)
            self._ids = ids or self._ids

    # Turns

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Read what is new, then hold the world for one request. `advance` moves it to the present."""
        with self._store.exclusive():
            mark, news, anew = self._store.read(self._mark)
            if anew:
                self._forget()
            try:
                for record in news:
                    self._apply(record)
            except (KeyError, TypeError, ValueError, OverflowError):
                self._forget()
                raise StoreDamaged("The emulator's records make no sense; delete its folder") from None
            self._mark = mark
            yield
            self._compact()

    def clock(self) -> int:
        """The time by the injected clock, and never before the last effect in this world."""
        return max(times.to_instant(self._now()), self._latest)

    def advance(self) -> Iterator[Late | Row]:
        """Replay the time since the last turn, in order: expiries happen, and each row that is due and each
        request that was late is yielded at its instant; the caller deals with it before it takes the next."""
        present = self.clock()
        while True:
            late = min(self._late.values(), key=lambda late: (late.due, late.seq), default=None)
            if late is None or late.due > present:
                break
            yield from self._live_until(late.due)
            self.instant = late.due
            # Struck off first: a process killed in between has lost a request, and has not doubled one.
            self._record({"seq": self._seq + 1, "kind": "ran", "late": late.seq})
            yield late
        yield from self._live_until(present)
        self.instant = present

    def _live_until(self, instant: int) -> Iterator[Row]:
        while self._events and self._events[0][0] <= instant:
            event = self._events[0]
            moment, _, _, row = event
            if self._rows(row.collection, row.project).get(row.name) is row:
                self.instant = moment
                if row.expires is not None and row.expires <= moment:
                    self._effect("expired", row, at=moment, cause=Cause())
                else:
                    yield row
            # Struck off last: an event that could not be written has not happened, and is tried again.
            if self._events[0] is event:
                heapq.heappop(self._events)

    # Objects

    def new_name(self, collection: str, length: int = 40) -> str:
        """A name in the form of today's service: lower-case letters and digits, 40 of them for most kinds."""
        while True:
            name = f"{collection}/{self.draw(_ALPHABET, length)}"
            if self.unused(name):
                return name

    def draw(self, alphabet: str, length: int) -> str:
        """That many random characters, of which names are made, and secrets."""
        return "".join(self._ids.choices(alphabet, k=length))

    def unused(self, name: str) -> bool:
        """Whether no object ever had that name."""
        return name not in self._names

    def create(
        self,
        collection: str,
        project: str,
        body: Mapping[str, Any],
        *,
        expires: int | None = None,
        due: int | None = None,
        name: str | None = None,
    ) -> Row:
        """Add an object, under a new name unless one is given."""
        seq = self._seq + 1
        fresh = name or self.new_name(collection)
        row = Row(collection, project, fresh, body, self.instant, self.instant, expires, seq, due)
        return self._effect("created", row)

    def get(self, collection: str, project: str, name: str) -> Row | None:
        """The object of that name, if the project has it."""
        return self._rows(collection, project).get(name)

    def anywhere(self, collection: str, name: str) -> Row | None:
        """The object of that name, in whichever project: for callers with an upload's URL instead of a key."""
        all_rows = (rows for (kind, _), rows in self._all_rows.items() if kind == collection)
        return next((row for rows in all_rows if (row := rows.get(name)) is not None), None)

    def patch(self, row: Row, kind: str = "patched", **changes: Any) -> Row:
        """Change fields of a Row (`body`, `expires`, `due`); its update time moves. `kind` is that of the effect."""
        return self._effect(kind, replace(row, updated=self.instant, **changes))

    def rows(self, collection: str, project: str) -> Iterator[Row]:
        """The rows of the project, in no order."""
        return iter(self._rows(collection, project))

    def tally(self, collection: str, project: str) -> Tally:
        """How many rows of the project are in each state, and their bytes: known without a look at them."""
        return self._rows(collection, project).tally

    def delete(self, row: Row) -> None:
        """Remove an object for good."""
        self._effect("deleted", row)

    def page(
        self,
        collection: str,
        project: str,
        *,
        size: int,
        after: tuple[int, int] | None,
        newest_first: bool = True,
    ) -> tuple[list[Row], tuple[int, int] | None]:
        """Up to `size` objects after that place, and the place to go on from if there are more."""
        youngest = self.instant - times.span(self.list_lag)
        rows: list[Row] = []
        for row in self._rows(collection, project).after(after, newest_first=newest_first):
            if row.created > youngest:
                continue
            if len(rows) == size:
                return rows, rows[-1].place
            rows.append(row)
        return rows, None

    def defer(self, late: Late) -> None:
        """Carry this request out at its time and not now."""
        self._record(records.write_late(replace(late, seq=self._seq + 1)))

    def use(self, project: str, kind: str, model: str, tokens: Mapping[str, Any]) -> None:
        """Record that a model was used, for the bill; see `Use`."""
        self._record(records.write_use(self._seq + 1, Use(self.instant, project, kind, model, tokens)))

    def history(self) -> Iterator[Change | Use | Compaction]:
        """Everything that is known to have happened, oldest first."""
        return iter(self._log)

    def held(self) -> set[str]:
        """Every text that an object or a late request holds: among them the blobs that are needed."""
        texts = {late.blob for late in self._late.values()}
        values: list[Any] = [row.body for rows in self._all_rows.values() for row in rows]
        while values:
            value = values.pop()
            if isinstance(value, str):
                texts.add(value)
            elif isinstance(value, Mapping | list):
                values += value.values() if isinstance(value, Mapping) else value
        return texts

    # Called by snapshots and seeds

    def records(self) -> tuple[Record, ...]:
        """Everything that this world is made of. Called within a turn."""
        return tuple(self._store.read(None)[1])

    @property
    def latest(self) -> int:
        """The instant of the newest record."""
        return self._latest

    @property
    def ids(self) -> random.Random:
        """The source of names."""
        return self._ids

    def restore(self, records: Sequence[Record], ids: random.Random, blobs: Mapping[str, Iterable[bytes]]) -> None:
        """Be the world that these records, names and blobs were taken of, in every process."""
        with self._store.exclusive():
            for blob, pieces in blobs.items():
                self.blobs.put(blob)
                for piece in pieces:
                    self.blobs.append(blob, piece)
            self.put_back(records, ids)

    def put_back(self, records: Sequence[Record], ids: random.Random) -> None:
        """Be the world of these records again, all of whose bytes are here. The last thing within a turn."""
        self._store.rewrite(records)
        self._forget()
        self._ids = ids

    # Called by tests

    def effects(self) -> list[Effect]:
        """Everything that happened, oldest first. A log that was compacted starts with what was live then."""
        return [entry.effect for entry in self._log if isinstance(entry, Change)]

    def objects(self, collection: str) -> list[Row]:
        """The live objects of all projects, oldest first."""
        all_rows = [rows for (name, _), rows in self._all_rows.items() if name == collection]
        return sorted((row for rows in all_rows for row in rows), key=lambda row: row.place)

    @contextmanager
    def as_of(self, instant: int | None) -> Iterator[None]:
        """Show the objects as they were then (None: before the newest effect), for reading only. Objects that have
        ended since are not brought back: none is observed after its expiry."""
        present = self._all_rows
        self._all_rows = {key: rows.copy() for key, rows in present.items()}
        self.shown_instant = instant
        try:
            for entry in reversed(self._log):
                if not isinstance(entry, Change) or entry.effect.kind == "expired":
                    continue
                effect, before = entry.effect, entry.before
                if instant is not None and times.to_instant(effect.at) <= instant:
                    break
                rows = self._rows(effect.collection, effect.project)
                if before is None:
                    rows.drop(effect.name)
                elif before.expires is None or before.expires > self.instant:
                    rows.put(before)
                if instant is None:
                    break
            yield
        finally:
            self._all_rows, self.shown_instant = present, None

    # The fold

    def _rows(self, collection: str, project: str) -> Rows:
        return self._all_rows.setdefault((collection, project), Rows())

    def _effect(self, kind: str, row: Row, *, at: int | None = None, cause: Cause | None = None) -> Row:
        moment = self.instant if at is None else at
        self._record(records.write_effect(self._seq + 1, moment, kind, row, cause or self.cause))
        return row

    def _record(self, record: Record) -> None:
        """Write the record, then apply it: if the store refuses, nothing has happened."""
        self._mark = self._store.append(record)
        self._apply(record)

    def _apply(self, record: Record) -> None:
        self._seq = record["seq"]
        self._lines += 1
        kind = record["kind"]
        if kind == "late":
            self._late[self._seq] = records.read_late(record)
            self._newest[self._seq] = record
        elif kind == "ran":
            self._late.pop(record["late"], None)
            self._newest.pop(record["late"], None)
        elif kind == "used":
            use = records.read_use(record)
            self._log.append(use)
            self._latest = max(self._latest, use.at)
        elif kind == "compacted":
            self._latest = max(self._latest, record.get("at", 0))
            self._log.append(Compaction(self._latest))
        else:
            self._apply_effect(*records.read_effect(record), record)

    def _apply_effect(self, effect: Effect, row: Row, record: Record) -> None:
        rows = self._rows(row.collection, row.project)
        self._log.append(Change(record["at"], effect, rows.get(row.name), row))
        self._names.add(row.name)
        self._latest = max(self._latest, record["at"])
        if effect.kind in ("deleted", "expired"):
            rows.drop(row.name)
            self._newest.pop(row.born, None)
            return
        rows.put(row)
        self._newest[row.born] = record
        for rank, instant in enumerate((row.expires, row.due)):
            if instant is not None:
                heapq.heappush(self._events, (instant, effect.seq, rank, row))

    def _compact(self) -> None:
        """Drop the records of dead objects and of uses once they are most of a long log."""
        if self._lines < _MANY_DEAD or self._lines < 4 * len(self._newest):
            return
        kept = sorted(self._newest.values(), key=lambda record: int(record["seq"]))
        present = max(self.instant, self._latest)
        kept.append({"seq": self._seq, "kind": "compacted", "at": present})  # so that numbers go on where they were
        self._mark = self._store.rewrite(kept)
        self._lines = len(kept)
        self._log = [entry for entry in self._log if isinstance(entry, Change)]
        self._log.append(Compaction(present))
