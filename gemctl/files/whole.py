"""Replaces a file as a whole: a reader sees the old content or the new, and nothing in between.

Only this module gives a temporary file another one's name. Called by every room that writes files: state, manifest
for its cache of digests, outputs and workflows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gemctl.core.errors import Interrupted
from gemctl.files.disk import Files

_HELD = 1 << 20  # bytes that are collected before they are written


class Fresh:
    """A new file beside the one that it will replace, called `name` until it is `done`. A context, which closes it and
    leaves it where it is; see `fresh` for one that cleans up. All methods raise OSError, but for `drop`.
    """

    def __init__(self, files: Files, path: Path, *, sweep: bool = True) -> None:
        """`sweep` removes files of the same sort that dead runs have left."""
        self._files, self._path = files, path
        self._handle, self.name = files.create(path, sweep=sweep)
        self._held = bytearray()
        self.done = False

    def __enter__(self) -> Fresh:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close(self._handle)

    def write(self, data: bytes) -> None:
        """Add it at the end."""
        self._held += data
        if len(self._held) >= _HELD:
            self._flush()

    def restart(self) -> None:
        """Begin again with nothing."""
        self._held.clear()
        self._files.truncate(self.name, 0)

    def sync(self) -> None:
        """Make what was written durable, under the temporary name."""
        self._flush()
        self._files.sync(self._handle)

    def put(self, *, over: bool = True) -> bool:
        """Give it the place, and the mode, of the old one; durable on return. Without `over` a file that is there
        stays, however late it came: False then.
        """
        self.sync()
        if over:
            self._files.rename(self.name, self._path)
        elif not self._files.rename_new(self.name, self._path):
            return False
        self.done = True
        self._files.sync_folder(self._path.parent)
        return True

    def drop(self) -> None:
        """Remove it, if possible."""
        with suppress(OSError):
            self._files.remove(self.name)

    def _flush(self) -> None:
        if self._held:
            self._files.write(self._handle, bytes(self._held))
            self._held.clear()


@contextmanager
def fresh(files: Files, path: Path) -> Iterator[Fresh]:
    """A new file to write to, which is removed at the end unless it was put in its place. Raises OSError."""
    new = Fresh(files, path)
    try:
        with new:
            yield new
    except (Exception, Interrupted):  # and not for BaseException: tests simulate with one that the process is killed
        if not new.done:
            new.drop()
        raise
    if not new.done:
        files.remove(new.name)


def write_whole(files: Files, path: Path, data: bytes) -> None:
    """Write the file with this as its whole content. Raises OSError, and leaves the old content."""
    with fresh(files, path) as new:
        new.write(data)
        new.put()


def write_new(files: Files, path: Path, data: bytes) -> bool:
    """As `write_whole`; but an existing file stays: False then."""
    with fresh(files, path) as new:
        new.write(data)
        return new.put(over=False)


def nameless(files: Files, path: Path) -> int:
    """A handle of a new file, to be written and read, that is gone when it is closed; in the folder of `path`, which is
    made if missing. Raises OSError.
    """
    files.make_folder(path.parent)
    handle, name = files.create(path)
    files.remove(name)
    return handle
