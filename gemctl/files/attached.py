"""Opens the texts and files that a spec is made of, when they are sent: as they were when the plan was made, or Stale.

Called by workflows for what the engine sends and for tokens, and by outputs, which puts results in the order of the
requests in such a file. `open_file` also by manifest, which digests what is to be uploaded.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from gemctl.core.digest import sha256
from gemctl.core.errors import Stale
from gemctl.core.resource import Attachment
from gemctl.core.source import MAX_TEXT
from gemctl.files.walk import RESERVED, BadPath, content, opened, plain_steps, walk

_LARGEST = 2 << 30  # bytes: what the API's Files take
_PIECE = 1 << 20  # bytes of lines that are read at once


def read_text(root: str, attachment: Attachment) -> str:
    """The text, when it is sent. Raises Stale when the file is not what it was when the plan was made."""
    if attachment.text is not None:
        return attachment.text
    path = attachment.path or ""
    try:
        with opened(root, plain_steps(path)) as descriptor:
            data = content(descriptor, path, MAX_TEXT)
    except BadPath as bad:
        raise Stale(f"{path} could be read when the plan was made, and can't be now: {bad.detail}") from None
    if sha256(data) != attachment.digest:
        raise Stale(f"{path} has changed since the plan was made.", hint="Make a new plan.")
    return data.decode("utf-8")


def open_binary(root: str, attachment: Attachment) -> BinaryIO:
    """The bytes, from their beginning, when they are sent. The caller checks the digest while it sends them.

    Raises Stale when they can't be read, or the file is shorter than when the plan was made. What was added behind them
    since is not given.
    """
    if attachment.text is not None:
        return io.BytesIO(attachment.text.encode())
    path = attachment.path or ""
    try:
        descriptor, status = open_file(root, plain_steps(path), in_parts=attachment.part)
    except BadPath as bad:
        why = f"{path} could be read when the plan was made, and can't be now: {bad.detail}"
        raise Stale(why, code=bad.code) from None
    end = attachment.start + attachment.size
    if status.st_size != end if not attachment.part else status.st_size < end:
        os.close(descriptor)
        raise Stale(f"{path} has changed since the plan was made.", code="E133", hint="Make a new plan.")
    file = os.fdopen(descriptor, "rb")
    return io.BufferedReader(_Part(file, attachment.start, attachment.size)) if attachment.part else file


class _Part(io.RawIOBase):
    """A part of an open file, which it closes."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0
        file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        self._file.seek(self._start + self._at)
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), max(0, self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def lines_of(root: str, attachment: Attachment) -> Iterator[bytes]:
    """The lines of a file, or of the part of it that is meant; each with its line feed, if it has one.

    Raises Stale, at the latest at the end, when they can't be read, or are not what they were when the plan was made.
    """
    digest = hashlib.sha256()
    with open_binary(root, attachment) as file:
        while lines := file.readlines(_PIECE):
            digest.update(b"".join(lines))
            yield from lines
    if f"sha256:{digest.hexdigest()}" != attachment.digest:
        raise Stale(f"{attachment.path} has changed since the plan was made.", code="E133", hint="Make a new plan.")


def open_file(root: str, steps: Sequence[str], *, in_parts: bool = False) -> tuple[int, os.stat_result]:
    """A descriptor of a file that may be uploaded, which the caller closes; of any size, if it may be uploaded in
    parts. Raises BadPath.
    """
    path = "/".join(steps) or "the project root"
    _hide(path, steps)
    descriptor, names = walk(root, steps)
    try:
        _hide(path, names)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadPath("E122", f"{path} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}.")
        if status.st_size > _LARGEST and not in_parts:
            raise BadPath("E124", f"{path} is larger than 2 GiB.", "The service takes no larger files. Split it.")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _hide(path: str, steps: Sequence[str]) -> None:
    for step in steps:
        if step.startswith(".") and step.lower() not in RESERVED:
            hint = "If there is nothing secret in it, copy it under another name."
            raise BadPath("E131", f"{path} leads to {step}, whose name begins with a dot.", hint)
