"""Keeps a state in a folder of this machine: state.json, journal, lock, lock.info. Called by workflows/wiring.py.

A snapshot is written to a temporary file, made durable, renamed, and its folder made durable; the journal is emptied
last. Between those two moments the journal is older than the snapshot, and is passed over when loaded.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from gemctl.core.clock import Clock
from gemctl.core.errors import Locked, Usage
from gemctl.core.record import Entry, Ledger
from gemctl.files.disk import Files, Unfit
from gemctl.files.whole import write_whole
from gemctl.state import journal
from gemctl.state.codec import Identity, moved_to_bytes, snapshot_to_bytes
from gemctl.state.join import NOTHING, Names, join, stamp_of
from gemctl.state.owner import in_words, take, this_run
from gemctl.state.store import Loaded

MOST = 512 << 20  # bytes of a snapshot, and of a journal
_MOST_INFO = 64 << 10
_POLL = 0.1  # seconds between tries for the lock


class LocalStore:
    """A Store over `.gemctl/<stack>/` of the project's `root`, below which no link is followed."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock,
        root: Path | None = None,
        files: Files | None = None,
        make_lineage: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self.folder = folder
        self._clock = clock
        self._files = files or Files(root or folder.parents[1])
        self._make_lineage = make_lineage
        self._snapshot = folder / "state.json"
        self._journal = folder / "journal"
        self._handle: int | None = None
        self._seq = 0
        self._serial = 0

    @property
    def place(self) -> str:
        return str(self.folder)

    def load(self) -> Loaded:
        """See `Reader.load`. Takes no lock: a snapshot that changes under the reader is read again."""
        snapshot, lines = self._read()
        return replace(self._join(snapshot, lines), stamp=stamp_of(snapshot, lines))

    def stamp(self) -> str:
        """See `Reader.stamp`."""
        while True:
            snapshot = self._files.digest(self._snapshot, MOST)
            lines = self._files.digest(self._journal, MOST) or NOTHING
            if self._files.digest(self._snapshot, MOST) == snapshot:
                return f"{snapshot} {lines}" if snapshot else ""

    def _read(self) -> tuple[bytes | None, bytes]:
        while True:
            before = self._files.read(self._snapshot, MOST)
            lines = self._files.read(self._journal, MOST) or b""
            if self._files.read(self._snapshot, MOST) == before:
                return before, lines

    def nothing(self) -> Loaded:
        """The result of `load` where there is no state."""
        return Loaded(None, Ledger(lineage=self._make_lineage(), known=False))

    def _join(self, snapshot: bytes | None, lines: bytes) -> Loaded:
        names = Names(str(self._snapshot), str(self._journal), "journal.damaged")
        return join(snapshot, lines, self.nothing(), names)

    def begin(self, identity: Identity, ledger: Ledger) -> None:
        """See `Writer.begin`. A state that is new, or whose journal was damaged, gets a snapshot first.

        The journal is written anew and renamed into place, also where it goes on: that of a dead run may be readable
        and yet not durable, neither its bytes nor its name, and nothing may be built upon it.
        """
        self._files.make_folder(self.folder)
        lines = self._files.read(self._journal, MOST) or b""
        history = journal.read(lines)
        head = journal.Head(ledger.lineage, ledger.serial)
        if not ledger.known:
            if lines:
                self._write_whole(self.folder / "journal.damaged", lines)
            self._compact(identity, ledger)
            head = journal.Head(ledger.lineage, ledger.serial + 1)
        goes_on = ledger.known and history.head == head
        self._serial = head.serial
        self._seq = len(history.entries) + 1 if goes_on else 1
        self._write_whole(self._journal, lines[: history.length] if goes_on else journal.head_line(head))
        self._handle = self._files.append_to(self._journal)

    def append(self, entries: Iterable[Entry]) -> None:
        """See `Writer.append`. After a failure nothing more is taken in this run: the last line may be torn, and lines
        behind it could not be read.
        """
        lines = b""
        for entry in entries:
            lines += journal.entry_line(self._seq, entry)
            self._seq += 1
        if not lines:
            return
        if self._handle is None:
            raise OSError("the journal could not be written before, and is closed")
        try:
            self._files.write(self._handle, lines)
            self._files.sync(self._handle)
        except OSError:
            self._close()
            raise

    def _close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(OSError):  # what was promised is durable already
                self._files.close(handle)

    def finish(self, identity: Identity, ledger: Ledger) -> None:
        self._close()
        self._compact(identity, replace(ledger, serial=max(self._serial, ledger.serial)))

    def _compact(self, identity: Identity, ledger: Ledger) -> None:
        self._write_whole(self._snapshot, snapshot_to_bytes(identity, replace(ledger, serial=ledger.serial + 1)))
        if self._files.size(self._journal):
            self._files.truncate(self._journal, 0)

    def _write_whole(self, path: Path, data: bytes) -> None:
        if len(data) > MOST:  # it could not be read again
            raise Unfit(f"{path} would be larger than {MOST >> 20} MiB, and is not written.", code="E432")
        write_whole(self._files, path, data)

    def set_aside(self, moved: str = "") -> None:
        """See `Store.set_aside`; the files are kept as `*.aside`.

        The snapshot first: without it a journal is an error, while without its journal it would pass for the whole
        state, and open intents would be forgotten.
        """
        for path in (self._snapshot, self._journal):
            if self._files.read(path, MOST) is not None:
                names = (path.with_name(f"{path.name}.aside{n or ''}") for n in count())
                self._files.rename(path, next(name for name in names if self._files.read(name, MOST) is None))
                self._files.sync_folder(self.folder)
        if moved:
            self._write_whole(self._snapshot, moved_to_bytes(moved))

    @contextmanager
    def lock(self, doing: str, timeout: float) -> Iterator[None]:
        """See `Locker.lock`. The kernel frees the lock on any death; lock.info only says who holds it."""
        self._files.make_folder(self.folder)
        path, info = self.folder / "lock", self.folder / "lock.info"
        handle = take(
            lambda: self._files.try_lock(path),
            lambda: _alive(self._files.read(info, _MOST_INFO)),
            self._locked,
            clock=self._clock,
            timeout=timeout,
            poll=_POLL,
        )
        try:
            self._write_whole(info, json.dumps(this_run(doing)).encode())
            yield
        finally:
            with suppress(OSError):  # what was done stays done, and the lock ends with the process at the latest
                self._files.close(handle)

    def unlock(self, lock_id: str) -> str:
        """See `Locker.unlock`."""
        raise Usage(
            f"The lock in {self.folder} ends with its process, and has no id.",
            code="E415",
            hint="Wait for the run that holds it, or end that process.",
        )

    def _locked(self, owner: str) -> Locked:
        return Locked(
            f"The stack in {self.folder} is locked by another run: {owner or 'somebody who left no name'}.",
            code="E410",
            hint="Wait for it to end, or give --lock-timeout 5m. The lock ends with its process.",
        )


def _alive(info: bytes | None) -> str:
    """The holder of the lock, in words; empty if none is named yet: the note may be of a run that has ended."""
    who = in_words(info)
    try:
        owner = json.loads(info or b"")
        if who and owner["host"] == socket.gethostname():
            with suppress(PermissionError):  # alive, and another user's
                os.kill(owner["pid"], 0)
    except (ValueError, KeyError, TypeError, ProcessLookupError, OverflowError):
        return ""
    return who
