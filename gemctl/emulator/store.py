"""Keeps a world's records: in memory, or in a folder that outlives the process.

Called by `world` only. Separate because the world is a fold over records and does not care where they are kept.
A store holds an ordered list of records (JSON objects). Its user remembers a `Mark`, how far it has read;
so one store may serve several worlds, and one folder several processes: each reads the records of the others.

The file is a log: one line a record, appended in one write under a lock. A process killed while writing leaves
a last line without its newline; readers skip it and the next writer cuts it off. Nothing is flushed to the disk
by force: an emulator must survive a killed process, not a power failure.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gemctl.emulator.folder import Folder, StoreDamaged

Record = dict[str, Any]

_compact = json.JSONEncoder(separators=(",", ":")).encode
_LOG, _NEW, _LOCK = "world.jsonl", "world.new", "lock"
_LARGEST = 1 << 30  # bytes of a log, which is held whole
_FORMAT = 1
_HEADER = f'{{"emulator":{_FORMAT}}}\n'.encode()


@dataclass(frozen=True)
class Mark:
    """The place to which a world has read: the generation of the log, and the offset in it."""

    generation: object
    position: int


class Store(Protocol):
    """Defines the store that a world needs."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep every other user of the store out, for as long as the block runs."""

    def read(self, mark: Mark | None) -> tuple[Mark, list[Record], bool]:
        """The new mark, the records after `mark`, and whether these are all from the very beginning."""

    def append(self, record: Record) -> Mark:
        """Add a record at the end, whole or not at all. The user must have read everything before it."""

    def rewrite(self, records: Sequence[Record]) -> Mark:
        """Replace all records."""


class MemoryStore:
    """Records in a list. Two applications over one MemoryStore are one service that was restarted."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records: list[Record] = []
        self._generation = object()

    def exclusive(self) -> AbstractContextManager[None]:
        return self._held()

    @contextmanager
    def _held(self) -> Iterator[None]:
        with self._lock:
            yield

    def read(self, mark: Mark | None) -> tuple[Mark, list[Record], bool]:
        anew = mark is None or mark.generation is not self._generation
        start = 0 if mark is None or anew else mark.position
        return Mark(self._generation, len(self._records)), self._records[start:], anew

    def append(self, record: Record) -> Mark:
        self._records.append(record)
        return Mark(self._generation, len(self._records))

    def rewrite(self, records: Sequence[Record]) -> Mark:
        self._records, self._generation = list(records), object()
        return Mark(self._generation, len(self._records))


class FileStore:
    """Records in `folder`/world.jsonl (the folder 0700, its files 0600). Use it from one thread at a time,
    as an App does; any number of processes may have their own FileStore over the same folder."""

    def __init__(self, folder: Folder | Path | str) -> None:
        self.folder = folder if isinstance(folder, Folder) else Folder(folder)
        self._path = self.folder.path / _LOG
        self._thread = threading.Lock()
        self._end = 0  # where the last whole line ends: the next one goes there

    @contextmanager
    def _opened_lock(self) -> Iterator[None]:
        while True:
            lock = self.folder.open(_LOCK, os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                # If the folder was removed meanwhile, this lock protects nothing: take the new one.
                if not self.folder.holds(_LOCK, lock):
                    continue
                yield
                return
            finally:
                os.close(lock)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        with self._thread, self._opened_lock():
            yield

    def read(self, mark: Mark | None) -> tuple[Mark, list[Record], bool]:
        handle = self.folder.open(_LOG, os.O_RDWR | os.O_CREAT)
        try:
            info = os.fstat(handle)
            generation = (info.st_dev, info.st_ino)
            anew = mark is None or mark.generation != generation or info.st_size < mark.position
            start = 0 if mark is None or anew else mark.position
            if info.st_size - start > _LARGEST:
                raise StoreDamaged(f"{self._path} is larger than {_LARGEST >> 30} GiB; {self.folder.advice}")
            if info.st_size > start:
                data = os.pread(handle, info.st_size - start, start)
            else:
                data = b""
            whole = data[: data.rfind(b"\n") + 1]
            if start == 0 and not whole:
                os.ftruncate(handle, 0)
                _write(handle, _HEADER, 0)
                whole = _HEADER
            self._end = start + len(whole)
        finally:
            os.close(handle)
        return Mark(generation, self._end), self._decode(whole, from_start=start == 0), anew

    def append(self, record: Record) -> Mark:
        line = _encode(record)
        handle = self.folder.open(_LOG, os.O_RDWR)
        try:
            info = os.fstat(handle)
            if info.st_size > self._end:
                os.ftruncate(handle, self._end)  # the torn line of a killed process
            _write(handle, line, self._end)
        finally:
            os.close(handle)
        self._end += len(line)
        return Mark((info.st_dev, info.st_ino), self._end)

    def rewrite(self, records: Sequence[Record]) -> Mark:
        self.folder.remove(_NEW)  # of a killed process
        handle = self.folder.open(_NEW, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            data = _HEADER + b"".join(map(_encode, records))
            _write(handle, data, 0)
            info = os.fstat(handle)
        finally:
            os.close(handle)
        self.folder.replace(_NEW, _LOG)
        self._end = len(data)
        return Mark((info.st_dev, info.st_ino), self._end)

    def _decode(self, data: bytes, *, from_start: bool) -> list[Record]:
        records: list[Record] = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            if not isinstance(record, dict):
                raise StoreDamaged(f"{self._where(number, from_start)} is damaged; {self.folder.advice}")
            if from_start and number == 1:
                if record.get("emulator") != _FORMAT:
                    raise StoreDamaged(f"{self._path} is not of this emulator's format; {self.folder.advice}")
                continue
            records.append(record)
        return records

    def _where(self, number: int, from_start: bool) -> str:
        return f"{self._path}:{number}" if from_start else f"the end of {self._path}"


def _encode(record: Record) -> bytes:
    return _compact(record).encode() + b"\n"


def _write(handle: int, data: bytes, offset: int) -> None:
    """Write all of it or nothing: after a full disk the file is as it was."""
    done = 0
    try:
        while done < len(data):
            done += os.pwrite(handle, data[done:], offset + done)
    except OSError:
        os.ftruncate(handle, offset)
        raise
