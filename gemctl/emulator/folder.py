"""Opens the folder of an emulator's files, which may lie in a checkout that another person has made.

Called by `store` and `blobs`. The folder is opened anew for each act, and files in it by its descriptor: no link is
followed on the way from there, only plain files without a second name are opened, and opening one never waits.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

_ALWAYS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class StoreDamaged(Exception):
    """The folder holds something that no emulator wrote. The message says where, and what to do."""


class Folder:
    """The folder at `path` (0700), made when it is first needed.

    reach   gives a descriptor of it, which is closed here, and makes it where it is told to; by default the path is
            opened as it is.
    """

    def __init__(self, path: Path | str, reach: Callable[[bool], int] | None = None) -> None:
        self.path = Path(path)
        self._reach = reach or self._plainly

    def _plainly(self, make: bool) -> int:
        if make:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self.path, _FOLDER)

    def below(self, name: str) -> "Folder":
        """A folder in this one."""

        def reach(make: bool) -> int:
            with self._reached(make=make) as here:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, 0o700, dir_fd=here)
                try:
                    return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
                except FileNotFoundError:
                    raise
                except OSError as error:
                    raise self._damaged(name, "is not a folder") from error

        return Folder(self.path / name, reach)

    @contextlib.contextmanager
    def _reached(self, *, make: bool = False) -> Iterator[int]:
        descriptor = self._reach(make)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def open(self, name: str, flags: int) -> int:
        """A file in it, 0600 if it is new. Raises StoreDamaged unless it is a plain file, and FileNotFoundError."""
        with self._reached(make=bool(flags & os.O_CREAT)) as here:
            try:
                handle = os.open(name, flags | _ALWAYS, 0o600, dir_fd=here)
            except (FileNotFoundError, FileExistsError):
                raise
            except OSError as error:
                raise self._damaged(name, f"can't be opened ({error.strerror})") from error
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            os.close(handle)
            raise self._damaged(name, "is not a plain file, or has a second name")
        return handle

    def replace(self, old: str, new: str) -> None:
        with self._reached() as here:
            os.replace(old, new, src_dir_fd=here, dst_dir_fd=here)

    def remove(self, name: str) -> None:
        """Remove the file, if there is one."""
        with contextlib.suppress(FileNotFoundError), self._reached() as here:
            os.unlink(name, dir_fd=here)

    def names(self) -> list[str]:
        """The names of its files; none if the folder isn't there."""
        with contextlib.suppress(FileNotFoundError), self._reached() as here, os.scandir(here) as entries:
            return [entry.name for entry in entries]
        return []

    def holds(self, name: str, handle: int) -> bool:
        """Whether this open file is the one of that name."""
        try:
            with self._reached() as here:
                there = os.stat(name, dir_fd=here, follow_symlinks=False)
        except FileNotFoundError:
            return False
        held = os.fstat(handle)
        return (held.st_dev, held.st_ino) == (there.st_dev, there.st_ino)

    def _damaged(self, name: str, why: str) -> StoreDamaged:
        return StoreDamaged(f"{self.path / name} {why}; {self.advice}")

    @property
    def advice(self) -> str:
        return f"delete the folder {self.path} to start with an empty emulator"
