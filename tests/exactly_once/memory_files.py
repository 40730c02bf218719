"""A disk in memory that knows what is durable: what a power cut would leave, and what a killed process leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gemctl.core.digest import sha256
from gemctl.files.disk import Files


class Died(BaseException):
    """The process is gone. Not an Exception: nothing in gemctl may catch it."""


class MemoryFiles(Files):
    """`boundary` is called before and after each operation, with its name, and may raise Died or OSError."""

    def __init__(self, boundary: Callable[[str], None]) -> None:
        self.boundary = boundary
        self.names: dict[Path, list[bytearray]] = {}  # name → [content, durable content]
        self.durable_names: dict[Path, list[bytearray]] = {}
        self.locked: set[Path] = set()
        self._handles: dict[int, tuple[Path, list[bytearray]]] = {}
        self._next = 3
        self.torn = False  # the next write ends half-way

    def power_cut(self) -> None:
        """Only what was made durable is left."""
        self.names = {}
        for path, file in self.durable_names.items():
            file[0] = bytearray(file[1])
            self.names[path] = file
        self.released()

    def released(self) -> None:
        """The process ended: its handles and locks are gone."""
        self._handles.clear()
        self.locked.clear()

    def make_folder(self, path: Path) -> None:
        pass

    def read(self, path: Path, most: int) -> bytes | None:
        return bytes(self.names[path][0]) if path in self.names else None

    def digest(self, path: Path, most: int) -> str | None:
        data = self.read(path, most)
        return None if data is None else sha256(data)

    def size(self, path: Path) -> int:
        return len(self.names[path][0]) if path in self.names else 0

    def create(self, path: Path, *, sweep: bool = True) -> tuple[int, Path]:
        path = path.with_name(f"{path.name}.new")
        self.boundary("before create")
        self.names[path] = [bytearray(), bytearray()]
        handle = self._handle(path)
        self.boundary("after create")
        return handle, path

    def append_to(self, path: Path) -> int:
        self.boundary("before append_to")
        self.names.setdefault(path, [bytearray(), bytearray()])
        return self._handle(path)

    def _handle(self, path: Path) -> int:
        self._next += 1
        self._handles[self._next] = (path, self.names[path])
        return self._next

    def write(self, handle: int, data: bytes) -> None:
        self.boundary("before write")
        content = self._handles[handle][1][0]
        if self.torn:
            self.torn = False
            content += data[: len(data) // 2]
            raise Died
        content += data
        self.boundary("after write")

    def sync(self, handle: int) -> None:
        self.boundary("before sync")
        file = self._handles[handle][1]
        file[1] = bytearray(file[0])
        self.boundary("after sync")

    def close(self, handle: int) -> None:
        path = self._handles.pop(handle, (None, []))[0]
        self.locked.discard(path)

    def truncate(self, path: Path, size: int) -> None:
        self.boundary("before truncate")
        file = self.names[path]
        del file[0][size:]
        file[1] = bytearray(file[0])  # an old journal that comes back is passed over by its serial: the harder case
        self.boundary("after truncate")

    def rename(self, old: Path, new: Path) -> None:
        self.boundary("before rename")
        self.names[new] = self.names.pop(old)
        self.boundary("after rename")

    def remove(self, path: Path) -> None:
        self.names.pop(path, None)

    def sync_folder(self, path: Path) -> None:
        self.boundary("before sync_folder")
        self.durable_names = dict(self.names)
        self.boundary("after sync_folder")

    def try_lock(self, path: Path) -> int | None:
        if path in self.locked:
            return None
        self.locked.add(path)
        self.names.setdefault(path, [bytearray(), bytearray()])
        return self._handle(path)
