"""Reads manifests, and digests the texts and files that they name. Texts are small, and held in memory; for files to
upload see `binary`. Called by `load`, and by workflows that show the lines a diagnostic points at.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, in_reading_order
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected
from gemctl.core.kind import FileNeed
from gemctl.core.resource import Attachment
from gemctl.core.source import MAX_TEXT, SourceFile, Span
from gemctl.files.walk import BadPath, content, folder_of, opened, place, plain_steps, steps_of
from gemctl.manifest.binary import attach_binary
from gemctl.manifest.digests import Digests
from gemctl.manifest.find import WILD, matches

_ELSEWHERE = frozenset({"E120", "E121", "E122"})  # complaints about a path that leads elsewhere than was meant


def sources(root: str, paths: Iterable[str], named_at: Span | None = None) -> tuple[SourceFile, ...]:
    """Read manifests. `paths` are relative to the root; `named_at` is where they are written, if they are. Raises
    Rejected with all files that can't be read.
    """
    read: list[SourceFile] = []
    problems: list[Diagnostic] = []
    for path in paths:
        try:
            with opened(root, plain_steps(path)) as descriptor:
                data = content(descriptor, path, MAX_TEXT)
            read.append(source_of(path, data))
        except BadPath as bad:
            problems.append(bad.diagnostic(named_at or Span(path, 1, 1, 1, 1)))
        except Rejected as rejected:
            problems.extend(rejected.diagnostics)
    if problems:
        raise Rejected(in_reading_order(problems))
    return tuple(read)


def source_of(path: str, data: bytes) -> SourceFile:
    """The manifest that these bytes are. Raises Rejected where they are not UTF-8, or too many."""
    if len(data) > MAX_TEXT:
        raise Rejected([problem("E111", f"{path} is larger than {MAX_TEXT >> 20} MiB.", span=Span(path, 1, 1, 1, 1))])
    return SourceFile(path, _manifest_text(path, data))


def attach(root: str, need: FileNeed, named_in: str, digests: Digests | None = None) -> tuple[Attachment, ...]:
    """The files that a manifest names, by digest. Paths are relative to the folder of the file that names them.

    `named_in` is that file, relative to the root. Several are sorted by their path from the root, by code points:
    their order is part of a cache's contents, so it must be the same everywhere. Raises Rejected; the diagnostics have
    no place yet, but for those about a line of a file that is checked. `digests` saves reading known files again.
    """
    read = partial(attach_binary, root, need, digests or Digests(root)) if need.binary else partial(_attach, root, need)
    try:
        found = paths_of(root, need.pattern, named_in, many=need.many)
        if not need.many:
            return (read(found[0].split("/")),)
        steps = steps_of(need.pattern, named_in)
        fixed = next((at for at, step in enumerate(steps) if WILD.search(step)), len(steps) - 1)
        read_all = ((read(path.split("/")), path.split("/")[fixed:]) for path in found)
        return tuple(one if one.binary else replace(one, below="/".join(below)) for one, below in read_all)
    except BadPath as bad:
        diagnostic = bad.diagnostic()
        if bad.hint is None and bad.code in _ELSEWHERE:
            seen = f"{need.pattern!r} is seen from {folder_of(named_in)}, where the file that names it lies."
            diagnostic = replace(diagnostic, hint=seen)
        raise Rejected([diagnostic]) from None


def paths_of(root: str, pattern: str, named_in: str, *, many: bool) -> tuple[str, ...]:
    """The paths from the root that a manifest means by a pattern; one if not `many`, whether it is there or not.

    Raises BadPath, also where nothing matches.
    """
    steps = steps_of(pattern, named_in)
    if not many:
        return ("/".join(steps),)
    found = sorted("/".join(match) for match in matches(root, steps))
    if not found:
        raise BadPath("E126", f"Nothing matches {pattern!r}, seen from {folder_of(named_in)}.")
    return tuple(found)


def why_not_written(root: str, path: str) -> str | None:
    """The reason why gemctl must not write a file of this path from the root, though its spelling is fine: a link leads
    out of the project, or lies in its place. None if there is no such reason; neither it nor its folder need exist.
    """
    if os.path.islink(os.path.join(root, path)):  # noqa: PTH114, PTH118  False where it can't be read
        return f"{path} is a link."
    folder = plain_steps(path)
    while folder:
        folder.pop()
        try:
            with opened(root, folder):
                return None
        except BadPath as bad:
            if bad.code in ("E121", "E129"):
                return bad.detail
    return None


def _attach(root: str, need: FileNeed, steps: Sequence[str]) -> Attachment:
    path = "/".join(steps)
    with opened(root, steps) as descriptor:
        data = content(descriptor, path or "the project root", MAX_TEXT)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = place(data, error.start)
        raise BadPath("E125", f"{path} is not UTF-8, at line {line}, column {column}.") from None
    if (nul := data.find(b"\0")) >= 0:
        line, column = place(data, nul)
        raise BadPath("E125", f"{path} has a NUL character at line {line}, column {column}.")
    return Attachment(sha256(data), len(data), path=path, tokens=need.count(text) if need.count else None)


def _manifest_text(path: str, data: bytes) -> str:
    """Decode a manifest. Raises Rejected with the place of the first byte that isn't UTF-8."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        if not wide:
            return data.decode("utf-8")
        start = 0
    except UnicodeDecodeError as error:
        start = error.start
    line, column = place(data, start)
    detail = "The file is UTF-16 or UTF-32." if wide else f"The byte 0x{data[start]:02x} is not part of UTF-8 here."
    span = Span(path, line, column, line, column + 1)
    raise Rejected([problem("E110", detail, span=span, hint="Save the file as UTF-8.")])
