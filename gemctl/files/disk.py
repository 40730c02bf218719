"""Reads and writes gemctl's own files: makes every call to the operating system for them, and no other.

A checkout may come from another person, links in it included, and may change while gemctl works. So `Files` walks down
a path below the root one folder at a time, by descriptors, for every single call: an opened file lies below the root,
even if a folder is swapped for a link meanwhile. Only regular files are opened, opening one can't block, and a file
that is read whole is held up to a cap.

Called by `whole` and by every room that keeps files. A module of its own so that a test can fail, cut, lose or kill at
each of these calls.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gemctl.core.digest import sha256_of
from gemctl.core.errors import GemctlError
from gemctl.files.walk import BadPath, walk

_ALWAYS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CREATE = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _ALWAYS
_PIECE = 1 << 20
_NAME = 50  # characters of a name that its temporary name repeats: names end at 255 bytes
_BUSY = (errno.EAGAIN, errno.EACCES)
_WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # errors of a file system without links


class Unfit(GemctlError, OSError):
    """A path leads to something that gemctl doesn't read or write there: E430 a link, E431 not a regular file, E432 too
    large.

    An OSError, since a writer must treat it as a full disk: nothing is sent before it was written down.
    """


class Files:
    """Files below a root, which is taken as it is given. Small enough to be read in one go; all methods raise OSError,
    Unfit among them.

    private   gemctl's own: no link is followed, folders are 0700 and files 0600 whatever the umask. Otherwise files
              that others read: links of folders are followed as long as they stay inside, and never into `.git` or
              `.gemctl`; a file that is replaced keeps its mode, and a new one has that of the umask.
    """

    def __init__(self, root: Path, *, private: bool = True) -> None:
        self._root, self.private = root, private

    # Reading

    def read(self, path: Path, most: int) -> bytes | None:
        """The whole file of at most that many bytes, or None if there is none."""
        handle = self.open(path, most)
        return None if handle is None else b"".join(_pieces(handle, path, most))

    def digest(self, path: Path, most: int) -> str | None:
        """The digest of what `read` gives, of which no more than a piece is held."""
        handle = self.open(path, most)
        return None if handle is None else sha256_of(_pieces(handle, path, most))

    def open(self, path: Path, most: int) -> int | None:
        """A handle to read a file of at most that many bytes from its beginning, or None if there is none."""
        try:
            with self._folder(path.parent, path) as folder:
                handle = os.open(path.name, os.O_RDONLY | _ALWAYS, dir_fd=folder)
        except FileNotFoundError:
            return None
        return _bounded(handle, path, most)

    def size(self, path: Path) -> int:
        """The number of its bytes; 0 where there is no such file."""
        try:
            with self._folder(path.parent, path) as folder:
                return os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_size
        except FileNotFoundError:
            return 0

    # Writing

    def make_folder(self, path: Path) -> None:
        """Make the folder and those missing above it, up to the root; new folders are durable on return."""
        os.close(self.reach_folder(path))

    def reach_folder(self, path: Path) -> int:
        """As `make_folder`, and a descriptor of it, for a caller that keeps files of its own there."""
        return self._down(path, make=True)

    def create(self, path: Path, *, sweep: bool = True) -> tuple[int, Path]:
        """A new, empty file that is to take the place of this one: a handle that reads, and writes at its end,
        and its name.

        The name can't be guessed, and no existing file is opened. While the handle is open it is locked: an unlocked
        file of this sort is left from a run that has died, and is removed here, unless it may be the only copy (not
        `sweep`).
        """
        with self._folder(path.parent, path, make=not self.private) as folder:
            if sweep:
                self._sweep(folder, path.name)
            while True:
                name = _temporary(path.name)
                handle = os.open(name, _CREATE, self._new_mode, dir_fd=folder)
                if _locked(handle) is not False and os.fstat(handle).st_nlink:
                    break
                os.close(handle)  # another run has swept it, as if it were left over
            try:
                os.fchmod(handle, self._mode_for(handle, folder, path.name))
            except OSError:
                os.close(handle)
                raise
            return handle, path.with_name(name)

    def append_to(self, path: Path) -> int:
        """A handle that writes at the end; the file is made if it is not there."""
        handle = self._open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        if self.private and os.fstat(handle).st_nlink != 1:
            os.close(handle)
            raise _no_file(path, "has another name elsewhere")
        return handle

    def write(self, handle: int, data: bytes) -> None:
        """Write all of it: a short write is continued."""
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]

    def sync(self, handle: int) -> None:
        """Make it durable. A failure is final for this run: the kernel may have dropped the pages already."""
        os.fsync(handle)

    def close(self, handle: int) -> None:
        os.close(handle)

    def truncate(self, path: Path, size: int) -> None:
        with self._folder(path.parent, path) as folder:
            handle = os.open(path.name, os.O_WRONLY | _ALWAYS, dir_fd=folder)
        _regular(handle, path)
        try:
            os.ftruncate(handle, size)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Rename atomically, within a folder; an earlier `new` is gone."""
        with self._folder(new.parent, new) as folder:
            os.replace(old.name, new.name, src_dir_fd=folder, dst_dir_fd=folder)

    def rename_new(self, old: Path, new: Path) -> bool:
        """As `rename`; but a file that has the new name stays, however late it came: False then."""
        with self._folder(new.parent, new) as folder:
            try:
                try:
                    os.link(old.name, new.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
                except OSError as error:
                    if error.errno not in _WITHOUT_LINKS:
                        raise
                    os.close(os.open(new.name, _CREATE, self._new_mode, dir_fd=folder))
                    os.replace(old.name, new.name, src_dir_fd=folder, dst_dir_fd=folder)
                else:
                    os.unlink(old.name, dir_fd=folder)
            except FileExistsError:
                return False
        return True

    def link(self, path: Path, other: Path) -> None:
        """Give a file another name within its folder; both are the file then. Raises FileExistsError if it is taken."""
        with self._folder(path.parent, path) as folder:
            os.link(path.name, other.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)

    def remove(self, path: Path) -> None:
        """Remove the file, if there is one."""
        with suppress(FileNotFoundError), self._folder(path.parent, path) as folder:
            os.unlink(path.name, dir_fd=folder)

    def sync_folder(self, path: Path) -> None:
        """Make names in this folder durable."""
        with self._folder(path, path) as folder:
            os.fsync(folder)

    def try_lock(self, path: Path) -> int | None:
        """A handle that holds the lock until it is closed or the process dies; None while another process has it."""
        handle = self._open(path, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self._folder(path.parent, path) as folder:
                held, named = os.fstat(handle), os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        except (BlockingIOError, FileNotFoundError):
            os.close(handle)
            return None
        except OSError:
            os.close(handle)
            raise
        if (held.st_dev, held.st_ino) != (named.st_dev, named.st_ino):  # the lock file was removed or replaced
            os.close(handle)
            return None
        return handle

    # Walking down

    @contextmanager
    def _folder(self, there: Path, path: Path, *, make: bool = False) -> Iterator[int]:
        """A descriptor of this folder; the system's errors within name the path."""
        folder = self._down(there, make=make)
        try:
            yield folder
        except OSError as error:
            raise _named(error, path) from None
        finally:
            os.close(folder)

    def _down(self, there: Path, *, make: bool) -> int:
        steps = there.relative_to(self._root).parts
        return self._straight(steps, make) if self.private else self._inside(steps, make)

    def _straight(self, steps: tuple[str, ...], make: bool) -> int:
        """Walk down, following no link."""
        here, folder = self._root, os.open(self._root, _FOLDER)
        for step in steps:
            here = here / step
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(step, 0o700, dir_fd=folder)
                        os.fsync(folder)
                below = os.open(step, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            except OSError as error:
                if _is_link(folder, step):
                    raise _through(here) from None
                raise _named(error, here) from None
            finally:
                os.close(folder)
            folder = below
        return folder

    def _inside(self, steps: tuple[str, ...], make: bool) -> int:
        """Walk down, following links that stay under the root."""
        there = self._root.joinpath(*steps)
        try:
            folder, _ = walk(str(self._root), steps, make=make)
        except BadPath as bad:
            match bad.code:
                case "E121" | "E129":
                    raise Unfit(bad.detail, code="E430", hint=_MEND_LINK) from None
                case "E120" if not make:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(there)) from None
                case "E120" | "E122":
                    raise _no_folder(there) from None
            raise OSError(bad.detail) from None
        if not stat.S_ISDIR(os.fstat(folder).st_mode):
            os.close(folder)
            raise _no_folder(there)
        return folder

    def _open(self, path: Path, flags: int) -> int:
        with self._folder(path.parent, path) as folder:
            handle = os.open(path.name, flags | _ALWAYS, self._new_mode, dir_fd=folder)
        status = _regular(handle, path)
        if self.private and status.st_nlink == 1:
            os.fchmod(handle, 0o600)
        return handle

    @property
    def _new_mode(self) -> int:
        return 0o600 if self.private else 0o644

    def _mode_for(self, handle: int, folder: int, name: str) -> int:
        """The mode of a file that takes the place of this one."""
        if self.private:
            return 0o600
        with suppress(FileNotFoundError):
            old = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(old.st_mode):
                return old.st_mode & 0o777
        return os.fstat(handle).st_mode & 0o777  # as the umask has left it

    def _sweep(self, folder: int, name: str) -> None:
        """Remove files that were to take the place of this one, and whose writers have died."""
        pattern = _temporaries(name)
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if pattern.fullmatch(entry.name)]
        for old in found:
            with suppress(OSError):
                handle = os.open(old, os.O_RDONLY | _ALWAYS, dir_fd=folder)
                try:
                    if _locked(handle):
                        os.unlink(old, dir_fd=folder)
                finally:
                    os.close(handle)


# Errors


def _regular(handle: int, path: Path) -> os.stat_result:
    """The status of an open file; it is closed again unless it is a regular file."""
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        raise _no_file(path, f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'something else')}")
    return status


def _named(error: OSError, path: Path) -> OSError:
    """The same error with the path in it, or an Unfit if it tells what lies there."""
    if isinstance(error, Unfit):
        return error
    if error.errno in (errno.ELOOP, errno.EMLINK):
        return _through(path)
    if error.errno in (errno.ENXIO, errno.EISDIR):
        return _no_file(path, "is something else")
    return type(error)(error.errno, error.strerror, str(path))


_MEND_LINK = "Remove the link, and put a folder or a plain file there."


def _through(path: Path) -> Unfit:
    why = f"{path} is a link, and gemctl doesn't go through one to a file that it writes."
    return Unfit(why, code="E430", hint=_MEND_LINK)


def _no_folder(path: Path) -> OSError:
    return NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def _no_file(path: Path, what: str) -> Unfit:
    why = f"{path} should be a plain file, and {what}."
    return Unfit(why, code="E431", hint="Move it away, or put back the file that was there.")


def _too_large(path: Path, most: int) -> Unfit:
    size = f"{most >> 30} GiB" if most >= 1 << 30 else f"{most >> 20} MiB"
    hint = "gemctl writes no such file: put back the one that was there."
    return Unfit(f"{path} is larger than {size}, and is not read.", code="E432", hint=hint)


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_given(path: Path, most: int) -> bytes:
    """The whole of a file that a person or the environment names, in any folder; links are followed. Raises OSError,
    Unfit among them.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    return b"".join(_pieces(_bounded(handle, path, most), path, most))


def _bounded(handle: int, path: Path, most: int) -> int:
    if _regular(handle, path).st_size > most:
        os.close(handle)
        raise _too_large(path, most)
    return handle


def _pieces(handle: int, path: Path, most: int) -> Iterator[bytes]:
    """All that can be read from the handle, which is closed then."""
    left = most
    try:
        while part := os.read(handle, _PIECE):
            left -= len(part)
            if left < 0:  # it grew meanwhile
                raise _too_large(path, most)
            yield part
    except OSError as error:
        raise _named(error, path) from None
    finally:
        os.close(handle)


def _temporary(name: str) -> str:
    return f".{name[:_NAME]}.{secrets.token_hex(8)}.gemctl-new"


def _temporaries(name: str) -> re.Pattern[str]:
    return re.compile(rf"\.{re.escape(name[:_NAME])}\.[0-9a-f]{{16}}\.gemctl-new")


def _locked(handle: int) -> bool | None:
    """Lock it for as long as it is open: False if another process has, None if the file system knows no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in _BUSY else None
    return True


def _is_link(folder: int, name: str) -> bool:
    with suppress(OSError):
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    return False
