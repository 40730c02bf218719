"""Looks at what lies in the place of results, and puts it aside. Called by results_files.py and results_parts.py."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from gemctl.core.errors import GemctlError
from gemctl.core.resource import RECEIPT, WITHOUT
from gemctl.files.disk import Files, Unfit
from gemctl.files.whole import fresh
from gemctl.outputs import receipts
from gemctl.outputs.receipts import beside

MOST = 1 << 38  # bytes of a file of results: those of many parts, each of some GiB, come to more than any one


class Place:
    """The places of results of a stack (its owner tag), by their paths from the project root."""

    def __init__(self, files: Files, root: Path, stack: str) -> None:
        self._files, self._root, self._stack = files, root, stack

    def digest(self, relative: str) -> str | None:
        """None where there is no file."""
        handle = self._files.open(self._root / relative, MOST)
        if handle is None:
            return None
        with os.fdopen(handle, "rb") as file:
            return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"

    def put_aside(self, relative: str, *, like: str | None = None) -> None:
        """Keep a file of another declaration, or of unknown origin, under a name of its own; it also stays where it
        is. One that lies beside other results has the receipt of these, `like`.
        """
        file = receipts.origin(self._files, self._root / (like or relative))
        if file and file.stack == self._stack:
            names = (beside(relative, file.declaration, number) for number in count(1))
        else:
            file = None
            names = (f"{relative}.aside{number if number > 1 else ''}" for number in count(1))
        digest = self.digest(relative)
        for name in names:
            if self.digest(name) in (None, digest):
                for end in (RECEIPT, WITHOUT, "") if file and like is None else ("",):
                    _link(self._files, self._root / (relative + end), self._root / (name + end))
                return


@contextmanager
def placing() -> Iterator[None]:
    """Raises GemctlError E245 where something other than a plain file is in the way of results."""
    try:
        yield
    except Unfit as unfit:
        hint = "Name a plain file of the project in run.results."
        raise GemctlError(str(unfit), code="E245", hint=hint) from None


def _link(files: Files, path: Path, other: Path) -> None:
    """Another name for the same file, or where that can't be a copy of it. Does nothing where there is no file, or one
    of the other name already.
    """
    try:
        files.link(path, other)
    except (FileNotFoundError, FileExistsError):
        return
    except OSError:
        _copy(files, path, other)


def _copy(files: Files, path: Path, other: Path) -> None:
    handle = files.open(path, MOST)
    if handle is None:
        return
    with os.fdopen(handle, "rb") as file, fresh(files, other) as new:
        while piece := file.read(1 << 20):
            new.write(piece)
        new.put()
