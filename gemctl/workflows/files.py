"""Writes files of the project that others read: whole or not at all, and never through a link that leads out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gemctl.core.errors import GemctlError


def place(root: Path, relative: str, *, code: str = "E005", hint: str = "Publish to a plain file.") -> Path:
    """The file at this path from the root, whose folder is made if need be. Raises GemctlError where a link leads out
    of the project.
    """
    path = root / relative
    nearest = next(parent for parent in path.parents if os.path.lexists(parent))
    if not Path(os.path.realpath(nearest)).is_relative_to(root.resolve()) or path.is_symlink():
        raise GemctlError(f"{relative} leads out of the project through a link.", code=code, hint=hint)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class Fresh:
    """A new file beside the one whose place it is to take."""

    def __init__(self, path: Path, new: Path, file: BinaryIO) -> None:
        self._path, self._new, self.file = path, new, file

    def put(self) -> None:
        """Give it the place, and the mode, of the old one; durable on return."""
        handle = self.file.fileno()
        if self._path.exists():
            os.fchmod(handle, self._path.stat().st_mode & 0o777)
        self.file.flush()
        os.fsync(handle)
        self._new.replace(self._path)
        sync_folder(self._path.parent)


@contextmanager
def fresh(path: Path) -> Iterator[Fresh]:
    """Something to write to, that is gone again at the end unless it was put in its place."""
    new = path.with_name(f".{path.name}.gemctl-new")
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, 0o644), "w+b") as file:
        try:
            yield Fresh(path, new, file)
        except Exception:
            with suppress(OSError):
                new.unlink()
            raise
    new.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes) -> None:
    """The file with nothing else in it. A reader sees what was there before, or this."""
    with fresh(path) as new:
        new.file.write(data)
        new.put()


def sync_folder(folder: Path) -> None:
    """Make names in this folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
