"""Digests files that are to be uploaded. They may be large: for kinds that want it, their lines are checked and
measured while they are read, and `digests` remembers the result. Called by `read`.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from gemctl.core.codes import problem
from gemctl.core.diagnostic import MOST_OF_A_CAUSE, Diagnostic, Severity
from gemctl.core.errors import Rejected
from gemctl.core.kind import Check, FileNeed
from gemctl.core.lines import Lines
from gemctl.core.resource import Attachment
from gemctl.core.source import Span
from gemctl.files.attached import open_file
from gemctl.files.walk import BadPath, complaint
from gemctl.manifest.digests import Digests

MAX_LINE = 64 << 20
MAX_CAUSES = 50  # of complaints about the lines of one file
_PIECE = 1 << 20


def attach_binary(root: str, need: FileNeed, digests: Digests, steps: Sequence[str]) -> Attachment:
    path = "/".join(steps)
    check = need.check.name if need.check else None
    began = digests.now()
    descriptor, status = open_file(root, steps, in_parts=need.check is not None)
    try:
        known = digests.find(path, status, check)
        if known is not None:
            digest, found = known
        else:
            passing = _Passing(descriptor, path, status.st_size)
            found = _checked(path, need.check, passing.lines(), status.st_size) if need.check else None
            digest = passing.digest()
            after = os.fstat(descriptor)
            if (after.st_mtime_ns, after.st_ctime_ns) != (status.st_mtime_ns, status.st_ctime_ns):
                raise _changing(path)
            digests.keep(path, status, digest, check, began, found)
    finally:
        os.close(descriptor)
    return Attachment(digest, status.st_size, path=path, binary=True, lines=found)


def _changing(path: str) -> BadPath:
    return BadPath("E133", f"{path} was written to while it was read.", "Wait until that is done, and try again.")


class _Passing:
    """Digests the bytes of an open file while they are read. Holds one line at a time."""

    def __init__(self, descriptor: int, path: str, size: int) -> None:
        self._descriptor, self._path, self._size = descriptor, path, size
        self._digest = hashlib.sha256()
        self._seen = 0

    def _pieces(self) -> Iterator[bytes]:
        try:
            while self._seen <= self._size and (piece := os.read(self._descriptor, _PIECE)):
                self._digest.update(piece)
                self._seen += len(piece)
                yield piece
        except OSError as error:
            raise complaint(error, self._path) from None

    def lines(self) -> Iterator[bytes]:
        """Each with its newline, but for what follows the last one."""
        held: list[bytes] = []
        size, number = 0, 1
        for piece in self._pieces():
            for part in io.BytesIO(piece):
                held.append(part)
                size += len(part)
                if size > MAX_LINE:
                    span = Span(self._path, number, 1, number, 1)
                    raise BadPath("E132", f"Line {number:,} is longer than 64 MiB.", span=span)
                if part.endswith(b"\n"):
                    yield b"".join(held)
                    held.clear()
                    size, number = 0, number + 1
        if held:
            yield b"".join(held)

    def digest(self) -> str:
        """The digest of the whole file: reads the rest of it now. Raises BadPath if it isn't as long as it was."""
        for _ in self._pieces():
            pass
        if self._seen != self._size:
            raise _changing(self._path)
        return f"sha256:{self._digest.hexdigest()}"


def _checked(path: str, check: Check, lines: Iterable[bytes], size: int) -> Lines | None:
    """What was found in the lines. Raises Rejected with the mistakes in them, if there are any."""
    found: list[Lines | None] = []

    def mistakes() -> Iterator[tuple[int, Diagnostic]]:
        found.append((yield from check(lines, size)))

    _complain(path, mistakes())
    return found[0]


def _complain(path: str, found: Iterable[tuple[int, Diagnostic]]) -> None:
    """Raise Rejected with the mistakes in the lines of a file, if there are any.

    Of one mistake that is made in many lines three are listed, and the rest is counted at the first that is not.
    """
    complaints: list[Diagnostic] = []
    seen: Counter[object] = Counter()
    first: dict[object, tuple[int, Diagnostic]] = {}  # by cause, of those that are counted
    for number, diagnostic in found:
        if diagnostic.severity is not Severity.ERROR:
            continue
        cause: object = diagnostic.cause
        if cause not in seen and len(seen) >= MAX_CAUSES:
            cause = None  # whatever else
        seen[cause] += 1
        if cause is not None and seen[cause] <= MOST_OF_A_CAUSE:
            column = diagnostic.span.column if diagnostic.span else 1
            complaints.append(replace(diagnostic, span=Span(path, number, column, number, column)))
        else:
            first.setdefault(cause, (number, diagnostic))
    for cause, (number, diagnostic) in first.items():
        more = seen[cause] - (0 if cause is None else MOST_OF_A_CAUSE)
        said = "of other kinds" if cause is None else "like this"
        detail = f"{more:,} more {said}, from line {number:,} on: {diagnostic.code}, {diagnostic.detail}"
        complaints.append(problem("E134", detail, span=Span(path, number, 1, number, 1)))
    if complaints:
        raise Rejected(complaints)
