"""Keeps a state that several machines share, over a backend: a snapshot that is only ever replaced by compare-and-swap,
and batches of journal lines, numbered, each of which is written once. Called by workflows/wiring.py.

A lock keeps runs apart, and yet may fail: a session is lost unnoticed, a person removes a lock too early. So nothing is
built upon it alone. A run that begins

    1. adds an empty batch with the number that follows the last one it has loaded: if another run has added anything
       since, that number is taken, and it stops;
    2. replaces the snapshot that it has loaded by one with the next serial: from then on, all that a run before it
       still tries to write goes to a journal that is spent, or to a snapshot that is no longer there, and is refused.

Each later write says which snapshot it builds upon. A run that was overtaken learns of it before it sends anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from gemctl.core.frozen import dataclass
from gemctl.core.record import Entry, Ledger
from gemctl.state import journal
from gemctl.state.codec import Identity, moved_to_bytes, snapshot_to_bytes
from gemctl.state.join import Names, join, stamp_of
from gemctl.state.store import Loaded, StoreFailed

V = TypeVar("V")  # the version by which a backend knows a snapshot; equal for the same snapshot only


class Backend(Protocol[V]):
    """A place that keeps these for one stack. All methods raise StoreFailed: E411 when the place can't be reached, and
    those that write also E412, when this run may no longer write.
    """

    @property
    def place(self) -> str:
        """Its name in messages: no password, no user."""

    def reading(self) -> AbstractContextManager[None]:
        """Begin and end reads that belong together; the reads below are within one."""

    def snapshot(self) -> tuple[bytes, V] | None: ...

    def batches(self) -> dict[int, int]:
        """The serials that there are batches of → the number of the last one."""

    def lines(self, serial: int) -> bytes:
        """All batches of a serial, one after the other."""

    def replace(self, snapshot: bytes, lineage: str, serial: int, before: V | None) -> V:
        """Durable on return; E412 unless `before` is still there. None: no snapshot is."""

    def add(self, serial: int, number: int, lines: bytes, upon: V) -> None:
        """Durable on return; E412 if there is a batch of that number, or another snapshot than `upon`."""

    def sweep(self, serial: int) -> None:
        """Remove the batches of this serial and of lower ones."""

    def keep(self, name: str, content: bytes) -> None:
        """Put it aside, where nothing reads it."""

    def remove(self, before: V) -> None:
        """Remove the snapshot; it is gone on return."""

    def hold(self, doing: str, timeout: float) -> AbstractContextManager[None]:
        """See `Locker.lock`."""

    def release(self, lock_id: str) -> str:
        """See `Locker.unlock`."""


@dataclass(frozen=True, slots=True)
class _Seen(Generic[V]):
    """The state as it was loaded last: `number` is the one that follows the last batch of `serial`."""

    version: V | None
    serial: int
    number: int
    batches: dict[int, int]


class SharedStore(Generic[V]):
    """A Store over a backend."""

    def __init__(self, backend: Backend[V], *, make_lineage: Callable[[], str] = lambda: secrets.token_hex(8)) -> None:
        self._backend = backend
        self._make_lineage = make_lineage
        self._seen: _Seen[V] | None = None
        self._upon: V | None = None  # the snapshot that this run builds upon; None when it may not write
        self._serial = 0
        self._number = 0
        self._seq = 0
        self._head = b""

    @property
    def place(self) -> str:
        return self._backend.place

    def nothing(self) -> Loaded:
        """The result of `load` where there is no state."""
        return Loaded(None, Ledger(lineage=self._make_lineage(), known=False))

    def load(self) -> Loaded:
        """See `Reader.load`. Takes no lock: a state that changes under the reader is read again."""
        snapshot, version, batches, lines = self._read()
        last = max(batches, default=0)
        self._seen = _Seen(version, last, batches.get(last, -1) + 1, batches)
        names = Names(f"The snapshot in {self.place}", f"The journal in {self.place}", "`journal`")
        loaded = join(snapshot, lines, self.nothing(), names, torn=False)
        serial = loaded.ledger.serial
        self._seen = replace(self._seen, serial=serial, number=batches.get(serial, -1) + 1)
        return replace(loaded, stamp=stamp_of(snapshot, lines))

    def stamp(self) -> str:
        """See `Reader.stamp`."""
        snapshot, _, _, lines = self._read()
        return stamp_of(snapshot, lines)

    def _read(self) -> tuple[bytes | None, V | None, dict[int, int], bytes]:
        """The snapshot and its version, the batches, and the lines of the newest serial, as they belong together."""
        with self._backend.reading():
            while True:
                found = self._backend.snapshot()
                batches = self._backend.batches()
                last = max(batches, default=0)
                lines = self._backend.lines(last) if last in batches else b""
                if self._backend.snapshot() == found:
                    break
        snapshot, version = found or (None, None)
        return snapshot, version, batches, lines

    def begin(self, identity: Identity, ledger: Ledger) -> None:
        """See `Writer.begin`."""
        if self._seen is None:
            self.load()
        seen = self._seen
        assert seen is not None
        if seen.version is not None:
            self._backend.add(seen.serial, seen.number, b"", seen.version)
            if not ledger.known:
                self._keep_journal(seen)
        self._replace(identity, ledger, seen.version)
        self._head = journal.head_line(journal.Head(ledger.lineage, self._serial))
        self._number, self._seq = 0, 1

    def append(self, entries: Iterable[Entry]) -> None:
        """See `Writer.append`. After a failure nothing more is taken in this run: the batch may be there, and another
        run may be at work.
        """
        lines = b""
        for entry in entries:
            lines += journal.entry_line(self._seq, entry)
            self._seq += 1
        if not lines:
            return
        upon, self._upon = self._may_write(), None
        self._backend.add(self._serial, self._number, self._head + lines, upon)
        self._upon, self._head = upon, b""
        self._number += 1

    def finish(self, identity: Identity, ledger: Ledger) -> None:
        """See `Writer.finish`. Not after an append that failed: this run may not know all entries."""
        upon, self._upon = self._may_write(), None
        self._replace(identity, replace(ledger, serial=max(self._serial, ledger.serial)), upon)
        self._upon = None

    def _replace(self, identity: Identity, ledger: Ledger, before: V | None) -> None:
        serial = ledger.serial + 1
        data = snapshot_to_bytes(identity, replace(ledger, serial=serial))
        self._upon = self._backend.replace(data, ledger.lineage, serial, before)
        self._serial, self._seen = serial, None
        with suppress(StoreFailed):  # a spent journal is passed over, and the next run sweeps it
            self._backend.sweep(serial - 1)

    def _may_write(self) -> V:
        if self._upon is None:
            raise StoreFailed(
                f"Nothing more is written to {self.place} by this run, after what could not be written before.",
                code="E412",
                hint="Apply again: what was sent is found.",
            )
        return self._upon

    def set_aside(self, moved: str = "") -> None:
        """See `Store.set_aside`. The snapshot first: without it a journal is an error, while without its journal it
        would pass for the whole state.
        """
        with self._backend.reading():
            found, batches = self._backend.snapshot(), self._backend.batches()
        if found:
            self._backend.keep("state.json", found[0])
            self._backend.remove(found[1])
        self._keep_journal(_Seen(None, 0, 0, batches))
        self._backend.sweep(max(batches, default=0))
        self._seen = _Seen(None, 0, 0, {})
        if moved:
            self._backend.replace(moved_to_bytes(moved), "", 0, None)
            self._seen = None

    def _keep_journal(self, seen: _Seen[V]) -> None:
        for serial in seen.batches:
            with self._backend.reading():
                lines = self._backend.lines(serial)
            if lines:
                self._backend.keep("journal", lines)

    @contextmanager
    def lock(self, doing: str, timeout: float) -> Iterator[None]:
        """See `Locker.lock`."""
        with self._backend.hold(doing, timeout):
            yield

    def unlock(self, lock_id: str) -> str:
        """See `Locker.unlock`."""
        return self._backend.release(lock_id)
