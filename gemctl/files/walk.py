"""Opens the files that a manifest names without leaving the project. Nothing else opens them.

A manifest may come from a pull request, and the files that it names are sent to a service. So `walk` goes along every
path from the project root one folder at a time, by descriptors, without letting the kernel follow a link: it reads and
follows links itself, as long as they stay inside. An opened file is therefore under the root, even if folders are
changed into links meanwhile. Only regular files are read, and opening one can't block. Called by `attached` and `disk`,
by manifest, and by outputs for receipts.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.source import Span

RESERVED = frozenset({".gemctl", ".git"})
_MAX_LINKS = 40
_MOST_NAMES = 2000  # names in a folder that are compared for a hint
_COPY = "Copy the file into the project, and write a relative path."


class BadPath(Exception):
    """A path can't be used, and the place that names it is not known yet; `span` is in the file itself."""

    def __init__(self, code: str, detail: str, hint: str | None = None, span: Span | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.hint, self.span = code, detail, hint, span

    def diagnostic(self, span: Span | None = None) -> Diagnostic:
        return problem(self.code, self.detail, span=self.span or span, hint=self.hint)


# Paths as text. A path is a list of steps from the root; the empty list is the root.


def folder_of(file: str) -> str:
    return file.rpartition("/")[0] or "the project root"


def plain_steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step]


def steps_of(pattern: str, named_in: str) -> list[str]:
    """The steps of a path as a manifest writes it, from the root."""
    if not pattern or pattern != pattern.strip():
        raise BadPath("E127", f"{pattern!r} is empty, or begins or ends with a blank.")
    if "\0" in pattern:
        raise BadPath("E127", "A path can't have a NUL character in it.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", pattern):
        raise BadPath("E127", f"{pattern!r} is a URL or a drive; only files of the project can be named.")
    if "\\" in pattern:
        raise BadPath("E127", f"{pattern!r} has backslashes in it; write forward slashes.")
    if pattern.startswith("/"):
        raise BadPath("E121", f"{pattern!r} is absolute.", _COPY)
    if pattern.startswith("~"):
        raise BadPath("E121", f"{pattern!r} begins with ~.", _COPY)
    steps = named_in.split("/")[:-1]
    for step in pattern.split("/"):
        if step == "..":
            if not steps:
                raise BadPath("E121", f"{pattern!r} leads out of the project.")
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return steps


# Opening, one folder at a time.


def complaint(error: OSError, path: str, hint: str | None = None) -> BadPath:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return BadPath("E120", f"There is no {path} in the project.", hint)
    if error.errno in (errno.ENXIO, errno.EISDIR):
        return BadPath("E122", f"{path} is not a regular file.")
    return BadPath("E123", f"{path} can't be read: {error.strerror or error}.")


@contextmanager
def opened(root: str, steps: Sequence[str]) -> Iterator[int]:
    """A descriptor of the file or folder at these steps; links are followed as long as they stay under the root."""
    descriptor, _ = walk(root, steps)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def walk(root: str, steps: Sequence[str], *, make: bool = False) -> tuple[int, list[str]]:
    """Open it, and say at which steps it really lies. The caller closes the descriptor.

    With `make` it is a folder, and missing folders are made.
    """
    shown = "/".join(steps) or "the project root"
    waiting = list(reversed(steps))
    links = 0
    try:
        chain = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    except OSError as error:
        raise complaint(error, root) from None
    names: list[str] = []
    step = ""
    try:
        while waiting:
            step = waiting.pop()
            if step in ("", "."):
                continue
            if step == "..":
                if not names:
                    raise BadPath("E121", f"{shown} leads out of the project, through a link.")
                names.pop()
                os.close(chain.pop())
                continue
            if step.lower() in RESERVED:  # some file systems know no case
                raise BadPath("E129", f"{shown} lies in {step}.")
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(step, dir_fd=chain[-1])
                chain.append(_open_step(chain[-1], step))
                names.append(step)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                    raise
                target = _link(chain[-1], step)
                if target is None and error.errno == errno.ENOTDIR:
                    raise
                links += 1
                if links > _MAX_LINKS:
                    raise BadPath("E123", f"{shown} goes through too many links.") from None
                if target is None:  # it was a link a moment ago
                    target = step
                if target.startswith("/"):
                    target = _from_root(root, target, shown)
                    while len(chain) > 1:
                        os.close(chain.pop())
                    names.clear()
                waiting.extend(reversed(target.split("/")))
            if waiting and not stat.S_ISDIR(os.fstat(chain[-1]).st_mode):
                raise BadPath("E120", f"There is no {shown} in the project.")
        return chain.pop(), names
    except OSError as error:
        near = _meant(chain[-1], step, names) if error.errno == errno.ENOENT else None
        raise complaint(error, shown, near) from None
    finally:
        for descriptor in chain:
            os.close(descriptor)


def _meant(folder: int, step: str, names: Sequence[str]) -> str | None:
    """A hint: the entry of the folder with nearly this name, most often in other capitals."""
    try:
        there = {name.lower(): name for name in os.listdir(folder)[:_MOST_NAMES] if name.lower() not in RESERVED}
    except OSError:
        return None
    if near := there.get(step.lower()):
        return f"Capitals count: there is {'/'.join((*names, near))}."
    found = get_close_matches(step.lower(), there, n=1, cutoff=0.85)
    return f"Did you mean {'/'.join((*names, there[found[0]]))}?" if found else None


def meant(root: str, steps: Sequence[str]) -> str | None:
    """The hint for a path that leads nowhere; None if it leads somewhere, or there is no entry of nearly that name."""
    try:
        with opened(root, steps):
            return None
    except BadPath as bad:
        return bad.hint if bad.code == "E120" else None


def _open_step(folder: int, step: str) -> int:
    # O_NONBLOCK: opening a pipe returns at once. O_NOCTTY: nor does a terminal become ours.
    return os.open(step, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)


def _link(folder: int, step: str) -> str | None:
    """The target of a link; None for anything else."""
    try:
        return os.readlink(step, dir_fd=folder)
    except OSError:
        return None


def _from_root(root: str, target: str, shown: str) -> str:
    for top in (Path(root).resolve(), Path(root).absolute()):
        if Path(target).is_relative_to(top):
            return Path(target).relative_to(top).as_posix()
    raise BadPath("E121", f"{shown} leads out of the project, through a link.")


def content(descriptor: int, path: str, limit: int) -> bytes:
    """The bytes of a regular file. A file that grows while it is read is cut off by the limit, and then refused."""
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise BadPath("E122", f"{path} is a folder.", "For every file of a folder write textFiles: folder/*")
    if not stat.S_ISREG(status.st_mode):
        raise BadPath("E122", f"{path} is not a regular file.")
    if status.st_size > limit:
        raise BadPath("E124", f"{path} is larger than {limit >> 20} MiB.")
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= limit and (piece := os.read(descriptor, 1 << 20)):
            pieces.append(piece)
            size += len(piece)
    except OSError as error:
        raise complaint(error, path) from None
    if size > limit:
        raise BadPath("E124", f"{path} is larger than {limit >> 20} MiB.")
    return b"".join(pieces)


def place(data: bytes, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte; all bytes before it are UTF-8."""
    lines = re.split(r"\r\n|\r|\n", data[:index].decode("utf-8", "replace"))
    return len(lines), len(lines[-1]) + 1
