"""Stores the bytes of files: beside the world's log, not in it.

Kept by `world`, handed to the surfaces as `Call.blobs`. Separate because a log that is read whole at every start
must stay small: a row names its blob, and the blob lies here, in memory or in the folder of the log. A blob only
grows or goes. After a kill it has all bytes that arrived, so an upload goes on from there.

A blob that no row and no late request names is garbage, left from a killed process or an expired file. `collect`
removes it. The maker of a blob must therefore name it in a row's body before the turn ends.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Protocol
from weakref import WeakKeyDictionary

from gemctl.emulator.folder import Folder
from gemctl.emulator.store import FileStore, Store

PIECE = 1024 * 1024
"""The most bytes that `read` gives at once."""

_ID = 32
_LARGEST_IN_MEMORY = 4 * PIECE


class Blobs(Protocol):
    """Defines the blobs that a world needs. A blob that does not exist is a FileNotFoundError."""

    def new(self) -> str:
        """A fresh empty blob's id."""

    def put(self, blob: str) -> None:
        """An empty blob of that id, in place of what it was. ValueError for an id that no blob can have."""

    def append(self, blob: str, data: bytes) -> None:
        """Add at the end, whole or (when the disk is full) not at all."""

    def size(self, blob: str) -> int:
        """Its size in bytes."""

    def read(self, blob: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Its bytes in pieces of at most 1 MiB. An opened blob can be read to its end, even if it is discarded."""

    def lines(self, blob: str) -> Iterator[bytes]:
        """Its lines without their newlines; what follows the last newline is a line unless it is empty."""

    def discard(self, blob: str) -> None:
        """Remove it, if it is there."""

    def collect(self, held: Callable[[], Collection[str]]) -> None:
        """Remove all that are not held. `held` is not called when there are none."""


def beside(store: Store) -> Blobs:
    """The blobs of all worlds over this store."""
    if isinstance(store, FileStore):
        return FileBlobs(store.folder.below("blobs"))
    return _IN_MEMORY.setdefault(store, MemoryBlobs())


class MemoryBlobs:
    """Blobs that end with the process: small ones in memory, large ones in temporary files without a name."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytearray | _Temporary] = {}
        self._made = 0

    def new(self) -> str:
        while True:
            self._made += 1
            blob = f"{self._made:0{_ID}x}"
            if blob not in self._blobs:  # one of another process may have been put here
                self._blobs[blob] = bytearray()
                return blob

    def put(self, blob: str) -> None:
        _check_id(blob)
        self._blobs[blob] = bytearray()

    def append(self, blob: str, data: bytes) -> None:
        held = self._get(blob)
        if isinstance(held, bytearray) and len(held) + len(data) > _LARGEST_IN_MEMORY:
            large = _Temporary()
            large.extend(held)
            held = self._blobs[blob] = large
        held.extend(data)

    def size(self, blob: str) -> int:
        return len(self._get(blob))

    def read(self, blob: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        data = self._get(blob)
        end = len(data) if length is None else min(len(data), start + length)
        if isinstance(data, _Temporary):
            return data.pieces(start, end)
        return (bytes(data[at : min(at + PIECE, end)]) for at in range(start, end, PIECE))

    def lines(self, blob: str) -> Iterator[bytes]:
        return _lines(self.read(blob))

    def discard(self, blob: str) -> None:
        self._blobs.pop(blob, None)

    def collect(self, held: Callable[[], Collection[str]]) -> None:
        if self._blobs:
            keep = held()
            self._blobs = {blob: data for blob, data in self._blobs.items() if blob in keep}

    def _get(self, blob: str) -> "bytearray | _Temporary":
        try:
            return self._blobs[blob]
        except KeyError:
            raise FileNotFoundError(f"there is no blob {blob!r}") from None


class _Temporary:
    """The bytes of a large blob, in a file that is gone as soon as nobody has it open."""

    def __init__(self) -> None:
        self._handle, path = tempfile.mkstemp(prefix="gemctl-emulator-")
        os.unlink(path)  # noqa: PTH108 - as everything here, by the operating system's own calls

    def __len__(self) -> int:
        return os.fstat(self._handle).st_size

    def extend(self, data: bytes | bytearray) -> None:
        _append(self._handle, data)

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        return _Pieces(os.dup(self._handle), start, end)

    def __del__(self) -> None:
        os.close(self._handle)


_IN_MEMORY: WeakKeyDictionary[Store, MemoryBlobs] = WeakKeyDictionary()


class FileBlobs:
    """One file (0600) a blob in `folder` (0700). Use it within a turn only: the lock on the world is its lock."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def new(self) -> str:
        blob = os.urandom(_ID // 2).hex()
        os.close(self._folder.open(blob, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        return blob

    def put(self, blob: str) -> None:
        _check_id(blob)
        os.close(self._folder.open(blob, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))

    def append(self, blob: str, data: bytes) -> None:
        handle = self._open(blob, os.O_WRONLY | os.O_APPEND)
        try:
            _append(handle, data)
        finally:
            os.close(handle)

    def size(self, blob: str) -> int:
        handle = self._open(blob, os.O_RDONLY)
        try:
            return os.fstat(handle).st_size
        finally:
            os.close(handle)

    def read(self, blob: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        handle = self._open(blob, os.O_RDONLY)
        size = os.fstat(handle).st_size
        return _Pieces(handle, start, size if length is None else min(size, start + length))

    def lines(self, blob: str) -> Iterator[bytes]:
        return _lines(self.read(blob))

    def discard(self, blob: str) -> None:
        if _is_id(blob):
            self._folder.remove(blob)

    def collect(self, held: Callable[[], Collection[str]]) -> None:
        there = [name for name in self._folder.names() if _is_id(name)]
        if there:
            keep = held()
            for name in there:
                if name not in keep:
                    self.discard(name)

    def _open(self, blob: str, flags: int) -> int:
        if not _is_id(blob):  # no blob at all, or the way to another file
            raise FileNotFoundError(f"there is no blob {blob!r}")
        return self._folder.open(blob, flags)


def _append(handle: int, data: bytes | bytearray) -> None:
    """Write at the end, all of it or nothing."""
    size = os.lseek(handle, 0, os.SEEK_END)
    with memoryview(data) as rest:
        written = 0
        try:
            while written < len(rest):
                written += os.write(handle, rest[written:])
        except OSError:
            os.ftruncate(handle, size)
            raise


class _Pieces:
    """Reads an open file piece by piece. Not a generator, which would leave the file open if it never began."""

    def __init__(self, handle: int, start: int, end: int) -> None:
        self._handle = handle
        self._at = start
        self._end = end

    def __iter__(self) -> "_Pieces":
        return self

    def __next__(self) -> bytes:
        piece = os.pread(self._handle, max(0, min(PIECE, self._end - self._at)), self._at)
        if not piece:
            raise StopIteration
        self._at += len(piece)
        return piece

    def __del__(self) -> None:
        os.close(self._handle)


def _is_id(text: str) -> bool:
    return len(text) == _ID and text.isalnum()


def _check_id(text: str) -> None:
    if not (_is_id(text) and text.isascii()):
        raise ValueError("there is a blob whose id is none")


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Split into lines. The pieces of a long line are joined once, so it costs its length, not its square."""
    held: list[bytes] = []
    for piece in pieces:
        first, *others = piece.split(b"\n")
        held.append(first)
        if others:
            yield b"".join(held)
            yield from others[:-1]
            held = [others[-1]]
    rest = b"".join(held)
    if rest:
        yield rest
