"""A file that changes as a whole: a reader sees what was there before, or what is there now, and nothing in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gemctl.files.disk import Files

_HELD = 1 << 20  # bytes that are collected before they are written


class Fresh:
    """A new file beside the one whose place it is to take."""

    def __init__(self, files: Files, path: Path, new: Path, handle: int) -> None:
        self._files, self._path, self._new, self._handle = files, path, new, handle
        self._held = bytearray()
        self.done = False

    def write(self, data: bytes) -> None:
        """Add it at the end."""
        self._held += data
        if len(self._held) >= _HELD:
            self._flush()

    def restart(self) -> None:
        """Begin again with nothing."""
        self._held.clear()
        self._files.truncate(self._new, 0)

    def put(self) -> None:
        """Give it the place, and the mode, of the old one; durable on return."""
        self._flush()
        self._files.sync(self._handle)
        self._files.rename(self._new, self._path)
        self.done = True
        self._files.sync_folder(self._path.parent)

    def put_new(self) -> bool:
        """As `put`; but a file that is there stays, however late it came: False then."""
        self._flush()
        self._files.sync(self._handle)
        self.done = self._files.rename_new(self._new, self._path)
        if self.done:
            self._files.sync_folder(self._path.parent)
        return self.done

    def _flush(self) -> None:
        if self._held:
            self._files.write(self._handle, bytes(self._held))
            self._held.clear()


@contextmanager
def fresh(files: Files, path: Path) -> Iterator[Fresh]:
    """Something to write to, that is gone again at the end unless it was put in its place. Raises OSError."""
    handle, new = files.create(path)
    made = Fresh(files, path, new, handle)
    try:
        try:
            yield made
        finally:
            files.close(handle)
    except Exception:
        if not made.done:
            with suppress(OSError):
                files.remove(new)
        raise
    if not made.done:
        files.remove(new)


def write_whole(files: Files, path: Path, data: bytes) -> None:
    """The file with this in it and nothing else. Raises OSError, and leaves what was there."""
    with fresh(files, path) as new:
        new.write(data)
        new.put()


def write_new(files: Files, path: Path, data: bytes) -> bool:
    """As `write_whole`; but a file that is there stays: False then."""
    with fresh(files, path) as new:
        new.write(data)
        return new.put_new()
