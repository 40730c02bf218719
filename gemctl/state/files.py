"""Every call to the operating system that the state room makes, and no other.

Apart from the rest so that a test can fail, cut, lose or kill at each of them. Modes are exact whatever the umask:
files 0600, folders 0700. Links are not followed.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class Files:
    """Small enough to be read in one go; all methods raise OSError."""

    def make_folder(self, path: Path) -> None:
        """The folder and what is missing above it, 0700 each; what was missing is durable on return."""
        for folder in [*reversed(path.parents), path]:
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                self.sync_folder(folder.parent)

    def read(self, path: Path) -> bytes | None:
        """The whole file, or None if there is none."""
        try:
            handle = os.open(path, os.O_RDONLY | _FLAGS)
        except FileNotFoundError:
            return None
        try:
            parts = []
            while part := os.read(handle, 1 << 20):
                parts.append(part)
            return b"".join(parts)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        finally:
            os.close(handle)

    def create(self, path: Path) -> int:
        """A new, empty file for writing; an old one of that name is emptied."""
        return self._open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)

    def append_to(self, path: Path) -> int:
        """A handle that writes at the end; the file is made if it is not there."""
        return self._open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _open(self, path: Path, flags: int) -> int:
        handle = os.open(path, flags | _FLAGS, 0o600)
        os.fchmod(handle, 0o600)
        return handle

    def write(self, handle: int, data: bytes) -> None:
        """All of it: a short write is continued."""
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]

    def sync(self, handle: int) -> None:
        """Durable on return. A failure is final for this run: the kernel may have dropped the pages already."""
        os.fsync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def truncate(self, path: Path, size: int) -> None:
        os.truncate(path, size)

    def rename(self, old: Path, new: Path) -> None:
        """Atomic within a folder; what `new` was is gone."""
        old.replace(new)

    def sync_folder(self, path: Path) -> None:
        """Make names in this folder durable."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def try_lock(self, path: Path) -> int | None:
        """A handle that holds the lock until it is closed or the process dies; None while someone else has it."""
        handle = self._open(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held, named = os.fstat(handle), path.stat(follow_symlinks=False)
        except (BlockingIOError, FileNotFoundError):
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino):  # somebody removed or replaced the lock file
            os.close(handle)
            return None
        return handle
