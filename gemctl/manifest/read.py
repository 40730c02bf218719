"""Files: finding manifests, reading them, and reading what they name. The only I/O of this room, but for `digests`.

A manifest may come from a pull request, and what it names is sent to a service. So every path is walked from the
project root one folder at a time, by descriptors, without letting the kernel follow a link: links are read and
followed here, as long as they stay inside. What is opened is therefore under the root, even if somebody changes
folders into links meanwhile. Nothing but regular files is read, and opening one can't block.

Texts are held, and are small. Bytes that are to be uploaded may be large: they are digested, and checked line by line
where a kind wants that, as they pass by, and `digests` remembers the result.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, Severity, in_reading_order
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected, Stale, Usage
from gemctl.core.kind import FileNeed
from gemctl.core.resource import Attachment
from gemctl.core.source import SourceFile, Span
from gemctl.manifest.digests import Digests, name_of

PROJECT_FILE = "gemctl.yaml"
MAX_TEXT = 64 << 20
MAX_BINARY = 2 << 30  # what the API's Files take
MAX_LINE = 64 << 20
MAX_MANIFEST = 1 << 20
MAX_MATCHES = 10_000
MAX_COMPLAINTS = 50  # about the lines of one file
_PIECE = 1 << 20
_MAX_LINKS = 40
_RESERVED = frozenset({".gemctl", ".git"})
_SUFFIXES = (".yaml", ".yml")


def project_root(start: str) -> str:
    """The nearest folder at or above `start` that has a gemctl.yaml, as an absolute path. Raises Usage for none."""
    folder = Path(start).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / PROJECT_FILE).is_file():
            return str(candidate)
    raise Usage(
        f"There is no {PROJECT_FILE} in {start} or in any folder above it.",
        code="E018",
        hint="Run `gemctl init`, or name the project's folder with -C.",
    )


def find(
    root: str, paths: Sequence[str] = (), *, base: str | None = None, overlays: Collection[str] = ()
) -> tuple[str, ...]:
    """The manifests of a project, relative to its root, sorted.

    Without `paths`: every *.yaml and *.yml but gemctl.yaml, leaving out whatever begins with a dot, `overlays`, and
    folders with a gemctl.yaml of their own. A link counts when it leads to a file of the project that isn't found
    anyway. With `paths`: these files, and what is found in these folders; they are relative to `base` (default: the
    working directory) and must lie under the root. Raises Rejected.
    """
    if not paths:
        return tuple(sorted(_discover(root, "", overlays)))
    found: set[str] = set()
    problems: list[Diagnostic] = []
    top = Path(root).resolve()
    for path in paths:
        try:
            inside = _under(top, path, base)
            if folder := next((folder for folder in overlays if f"{inside}/".startswith(f"{folder}/")), None):
                hint = "Name the manifests that it is laid over."
                raise _Bad(
                    "E127", f"{path} is in the overlay folder {folder}, which holds no manifests of its own.", hint
                )
            if (top / inside).is_dir():
                here = _discover(root, inside, overlays)
                if not here:
                    raise _Bad("E120", f"There are no manifests in {path}.")
                found.update(here)
            elif not (top / inside).exists():
                raise _Bad("E120", f"There is no {path}.")
            elif not inside.endswith(_SUFFIXES):
                raise _Bad("E127", f"{path} is not a manifest: their names end in .yaml or .yml.")
            elif inside == PROJECT_FILE:
                raise _Bad("E127", f"{path} is the project file; it declares no resources.")
            else:
                found.add(inside)
        except _Bad as bad:
            problems.append(bad.diagnostic())
    if problems:
        raise Rejected(problems)
    return tuple(sorted(found))


def find_overlay(root: str, folder: str, overlays: Collection[str]) -> tuple[str, ...]:
    """The files of one overlay folder, sorted; `overlays` within it are apart. Raises Rejected, without a place."""
    if Path(root, folder).exists() and not Path(root, folder).is_dir():
        raise Rejected([problem("E022", f"{folder} is not a folder.", hint="Name the folder that it is in.")])
    found = _discover(root, folder, [other for other in overlays if other != folder])
    if not found:
        raise Rejected([problem("E120", f"There are no manifests in {folder}.")])
    return tuple(sorted(found))


def sources(root: str, paths: Iterable[str]) -> tuple[SourceFile, ...]:
    """Read manifests. `paths` are relative to the root. Raises Rejected with all files that can't be read."""
    read: list[SourceFile] = []
    problems: list[Diagnostic] = []
    for path in paths:
        try:
            with _opened(root, _plain_steps(path)) as descriptor:
                data = _content(descriptor, path, MAX_MANIFEST, "1 MiB")
            read.append(SourceFile(path, _manifest_text(path, data)))
        except _Bad as bad:
            problems.append(bad.diagnostic(Span(path, 1, 1, 1, 1)))
        except Rejected as rejected:
            problems.extend(rejected.diagnostics)
    if problems:
        raise Rejected(in_reading_order(problems))
    return tuple(read)


def attach(root: str, need: FileNeed, named_in: str, digests: Digests | None = None) -> tuple[Attachment, ...]:
    """The files that a manifest names, by digest. Paths are relative to the folder of the file that names them.

    `named_in` is that file, relative to the root. Several are sorted by their path from the root, by code points:
    their order is part of what is cached, so it must be the same everywhere. Raises Rejected; the diagnostics have no
    place yet, but for those about a line of a file that is checked. `digests` saves reading what is known already.
    """
    read = partial(_binary, root, need, digests or Digests(root)) if need.binary else partial(_attachment, root)
    try:
        steps = _steps(need.pattern, named_in)
        if not need.many:
            return (read(steps),)
        matches = sorted("/".join(match) for match in _matches(root, steps))
        if not matches:
            raise _Bad("E126", f"Nothing matches {need.pattern!r}, seen from {_folder_of(named_in)}.")
        return tuple(read(path.split("/")) for path in matches)
    except _Bad as bad:
        raise Rejected([bad.diagnostic()]) from None


def read_text(root: str, attachment: Attachment) -> str:
    """The text, when it is sent. Raises Stale when the file is not what it was when the plan was made."""
    if attachment.text is not None:
        return attachment.text
    path = attachment.path or ""
    try:
        with _opened(root, _plain_steps(path)) as descriptor:
            data = _content(descriptor, path, MAX_TEXT, "64 MiB")
    except _Bad as bad:
        raise Stale(f"{path} could be read when the plan was made, and can't be now: {bad.detail}") from None
    if sha256(data) != attachment.digest:
        raise Stale(f"{path} has changed since the plan was made.", hint="Make a new plan.")
    return data.decode("utf-8")


def open_binary(root: str, attachment: Attachment) -> BinaryIO:
    """The bytes, from their beginning, when they are sent. Whoever sends them sees to it that the digest fits.

    Raises Stale when they can't be read, or are of another size than when the plan was made.
    """
    if attachment.text is not None:
        return io.BytesIO(attachment.text.encode())
    path = attachment.path or ""
    try:
        descriptor, status = _open_binary(root, _plain_steps(path))
    except _Bad as bad:
        why = f"{path} could be read when the plan was made, and can't be now: {bad.detail}"
        raise Stale(why, code=bad.code) from None
    if status.st_size != attachment.size:
        os.close(descriptor)
        raise Stale(f"{path} has changed since the plan was made.", code="E133", hint="Make a new plan.")
    return os.fdopen(descriptor, "rb")


def read_if_there(root: str, path: str, limit: int) -> bytes | None:
    """The bytes of a file that gemctl itself wrote into the project; None where there is none. Raises Rejected."""
    try:
        with _opened(root, _plain_steps(path)) as descriptor:
            return _content(descriptor, path, limit, f"{limit >> 20} MiB")
    except _Bad as bad:
        if bad.code == "E120":
            return None
        raise Rejected([bad.diagnostic(Span(path, 1, 1, 1, 1))]) from None


def why_not_written(root: str, path: str) -> str | None:
    """Why gemctl must not write a file of this path from the root, though its spelling is fine: a link leads out of the
    project, or lies in its place. None where nothing speaks against it; neither it nor its folder need be there.
    """
    if os.path.islink(os.path.join(root, path)):  # noqa: PTH114, PTH118  what can't be looked at is none
        return f"{path} is a link."
    folder = _plain_steps(path)
    while folder:
        folder.pop()
        try:
            with _opened(root, folder):
                return None
        except _Bad as bad:
            if bad.code in ("E121", "E129"):
                return bad.detail
    return None


class _Bad(Exception):
    """A path that can't be used, before it is known where that was written; `span` is in the file itself."""

    def __init__(self, code: str, detail: str, hint: str | None = None, span: Span | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.hint, self.span = code, detail, hint, span

    def diagnostic(self, span: Span | None = None) -> Diagnostic:
        return problem(self.code, self.detail, span=self.span or span, hint=self.hint)


# Paths as text. A path is a list of steps from the root; the empty list is the root.


def _folder_of(file: str) -> str:
    return file.rpartition("/")[0] or "the project root"


def _under(top: Path, path: str, base: str | None) -> str:
    """A path from the command line, relative to the root; "" for the root itself."""
    if "\0" in path:
        raise _Bad("E127", "A path can't have a NUL character in it.")
    spelled = Path(base or Path.cwd(), path)
    # The last step isn't resolved unless it is a folder: a link to a manifest is named as it is called here.
    named = spelled.resolve() if spelled.is_dir() or spelled.name == ".." else spelled.parent.resolve() / spelled.name
    if not named.is_relative_to(top):
        raise _Bad("E121", f"{path} is not in the project.", f"The project is {top}.")
    return "" if named == top else named.relative_to(top).as_posix()


def _plain_steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step]


def _steps(pattern: str, named_in: str) -> list[str]:
    """The steps of a path as a manifest writes it, from the root."""
    if not pattern or pattern != pattern.strip():
        raise _Bad("E127", f"{pattern!r} is empty, or begins or ends with a blank.")
    if "\0" in pattern:
        raise _Bad("E127", "A path can't have a NUL character in it.")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", pattern):
        raise _Bad("E127", f"{pattern!r} is a URL or a drive; only files of the project can be named.")
    if "\\" in pattern:
        raise _Bad("E127", f"{pattern!r} has backslashes in it; write forward slashes.")
    if pattern.startswith("/"):
        raise _Bad("E121", f"{pattern!r} is absolute.", "Copy the file into the project, and write a relative path.")
    if pattern.startswith("~"):
        raise _Bad("E121", f"{pattern!r} begins with ~.", "Copy the file into the project, and write a relative path.")
    steps = named_in.split("/")[:-1]
    for step in pattern.split("/"):
        if step == "..":
            if not steps:
                raise _Bad("E121", f"{pattern!r} leads out of the project.")
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return steps


# Opening, one folder at a time.


def _complaint(error: OSError, path: str) -> _Bad:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return _Bad("E120", f"There is no {path} in the project.")
    if error.errno in (errno.ENXIO, errno.EISDIR):
        return _Bad("E122", f"{path} is not a regular file.")
    return _Bad("E123", f"{path} can't be read: {error.strerror or error}.")


@contextmanager
def _opened(root: str, steps: Sequence[str]) -> Iterator[int]:
    """A descriptor of what lies at these steps, links followed as long as they stay under the root."""
    descriptor, _ = _walk(root, steps)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _walk(root: str, steps: Sequence[str]) -> tuple[int, list[str]]:
    """Open it, and say at which steps it really lies. The caller closes the descriptor."""
    shown = "/".join(steps) or "the project root"
    waiting = list(reversed(steps))
    links = 0
    try:
        chain = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    except OSError as error:
        raise _complaint(error, root) from None
    names: list[str] = []
    try:
        while waiting:
            step = waiting.pop()
            if step in ("", "."):
                continue
            if step == "..":
                if not names:
                    raise _Bad("E121", f"{shown} leads out of the project, through a link.")
                names.pop()
                os.close(chain.pop())
                continue
            if step.lower() in _RESERVED:  # some file systems know no case
                raise _Bad("E129", f"{shown} lies in {step}.")
            try:
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
                    raise _Bad("E123", f"{shown} goes through too many links.") from None
                if target is None:  # it was a link a moment ago
                    target = step
                if target.startswith("/"):
                    target = _from_root(root, target, shown)
                    while len(chain) > 1:
                        os.close(chain.pop())
                    names.clear()
                waiting.extend(reversed(target.split("/")))
            if waiting and not stat.S_ISDIR(os.fstat(chain[-1]).st_mode):
                raise _Bad("E120", f"There is no {shown} in the project.")
        return chain.pop(), names
    except OSError as error:
        raise _complaint(error, shown) from None
    finally:
        for descriptor in chain:
            os.close(descriptor)


def _open_step(folder: int, step: str) -> int:
    # O_NONBLOCK: opening a pipe returns at once. O_NOCTTY: nor does a terminal become ours.
    return os.open(step, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)


def _link(folder: int, step: str) -> str | None:
    """Where a link leads; None for what is no link."""
    try:
        return os.readlink(step, dir_fd=folder)
    except OSError:
        return None


def _from_root(root: str, target: str, shown: str) -> str:
    for top in (Path(root).resolve(), Path(root).absolute()):
        if Path(target).is_relative_to(top):
            return Path(target).relative_to(top).as_posix()
    raise _Bad("E121", f"{shown} leads out of the project, through a link.")


def _content(descriptor: int, path: str, limit: int, shown_limit: str) -> bytes:
    """The bytes of a regular file. A file that grows while it is read is cut off by the limit, and then refused."""
    status = os.fstat(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise _Bad("E122", f"{path} is a folder.", "For every file of a folder write textFiles: folder/*")
    if not stat.S_ISREG(status.st_mode):
        raise _Bad("E122", f"{path} is not a regular file.")
    if status.st_size > limit:
        raise _Bad("E124", f"{path} is larger than {shown_limit}.")
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= limit and (piece := os.read(descriptor, 1 << 20)):
            pieces.append(piece)
            size += len(piece)
    except OSError as error:
        raise _complaint(error, path) from None
    if size > limit:
        raise _Bad("E124", f"{path} is larger than {shown_limit}.")
    return b"".join(pieces)


def _attachment(root: str, steps: Sequence[str]) -> Attachment:
    path = "/".join(steps)
    with _opened(root, steps) as descriptor:
        data = _content(descriptor, path or "the project root", MAX_TEXT, "64 MiB")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data, error.start)
        raise _Bad("E125", f"{path} is not UTF-8, at line {line}, column {column}.") from None
    if (nul := data.find(b"\0")) >= 0:
        line, column = _place(data, nul)
        raise _Bad("E125", f"{path} has a NUL character at line {line}, column {column}.")
    return Attachment(sha256(data), len(data), path=path)


# Bytes to be uploaded.


def _binary(root: str, need: FileNeed, digests: Digests, steps: Sequence[str]) -> Attachment:
    path = "/".join(steps)
    check = name_of(need.check)
    began = digests.now()
    descriptor, status = _open_binary(root, steps)
    try:
        digest = None if need.check and not check else digests.find(path, status, check)
        if digest is None:
            passing = _Passing(descriptor, path, status.st_size)
            if need.check:
                _complain(path, need.check(passing.lines()))
            digest = passing.digest()
            after = os.fstat(descriptor)
            if (after.st_mtime_ns, after.st_ctime_ns) != (status.st_mtime_ns, status.st_ctime_ns):
                raise _changing(path)
            digests.keep(path, status, digest, check, began)
    finally:
        os.close(descriptor)
    return Attachment(digest, status.st_size, path=path, binary=True)


def _open_binary(root: str, steps: Sequence[str]) -> tuple[int, os.stat_result]:
    """A descriptor of a file that may be uploaded, which the caller closes."""
    path = "/".join(steps) or "the project root"
    _hide(path, steps)
    descriptor, names = _walk(root, steps)
    try:
        _hide(path, names)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _Bad("E122", f"{path} is {'a folder' if stat.S_ISDIR(status.st_mode) else 'not a regular file'}.")
        if status.st_size > MAX_BINARY:
            raise _Bad("E124", f"{path} is larger than 2 GiB.", "The service takes no larger files. Split it.")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _hide(path: str, steps: Sequence[str]) -> None:
    for step in steps:
        if step.startswith(".") and step.lower() not in _RESERVED:
            hint = "If there is nothing secret in it, copy it under another name."
            raise _Bad("E131", f"{path} leads to {step}, whose name begins with a dot.", hint)


def _changing(path: str) -> _Bad:
    return _Bad("E133", f"{path} was written to while it was read.", "Wait until that is done, and try again.")


class _Passing:
    """The bytes of an open file on their way past, digested. Of its lines one is held."""

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
            raise _complaint(error, self._path) from None

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
                    raise _Bad("E132", f"Line {number:,} is longer than 64 MiB.", span=span)
                if part.endswith(b"\n"):
                    yield b"".join(held)
                    held.clear()
                    size, number = 0, number + 1
        if held:
            yield b"".join(held)

    def digest(self) -> str:
        """Of the whole file: what wasn't asked for passes by now. Raises _Bad if it isn't as long as it was."""
        for _ in self._pieces():
            pass
        if self._seen != self._size:
            raise _changing(self._path)
        return f"sha256:{self._digest.hexdigest()}"


def _complain(path: str, found: Iterable[tuple[int, Diagnostic]]) -> None:
    """Raise Rejected with what is wrong with the lines of a file, if anything is."""
    complaints: list[Diagnostic] = []
    more, first = 0, 0
    for number, diagnostic in found:
        if diagnostic.severity is not Severity.ERROR:
            continue
        if len(complaints) < MAX_COMPLAINTS:
            column = diagnostic.span.column if diagnostic.span else 1
            complaints.append(replace(diagnostic, span=Span(path, number, column, number, column)))
        else:
            more, first = more + 1, first or number
    if more:
        detail = f"And {more:,} more, from line {first:,} on."
        complaints.append(problem("E134", detail, span=Span(path, first, 1, first, 1)))
    if complaints:
        raise Rejected(complaints)


def _manifest_text(path: str, data: bytes) -> str:
    """Decode a manifest. Raises Rejected with the place of the first byte that isn't UTF-8."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        if not wide:
            return data.decode("utf-8")
        start = 0
    except UnicodeDecodeError as error:
        start = error.start
    line, column = _place(data, start)
    detail = "The file is UTF-16 or UTF-32." if wide else f"The byte 0x{data[start]:02x} is not part of UTF-8 here."
    span = Span(path, line, column, line, column + 1)
    raise Rejected([problem("E110", detail, span=span, hint="Save the file as UTF-8.")])


def _place(data: bytes, index: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte; what comes before it is UTF-8."""
    lines = re.split(r"\r\n|\r|\n", data[:index].decode("utf-8", "replace"))
    return len(lines), len(lines[-1]) + 1


# Looking for files.


class _Entry(NamedTuple):
    name: str
    folder: bool  # a folder itself, not by way of a link
    link: bool


def _entries(root: str, steps: Sequence[str]) -> list[_Entry]:
    """What a folder holds, but for names that begin with a dot; sorted."""
    with _opened(root, steps) as descriptor:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise _Bad("E120", f"{'/'.join(steps)} is not a folder.")
        with os.scandir(descriptor) as entries:
            return sorted(
                _Entry(entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                for entry in entries
                if not entry.name.startswith(".")
            )


def _target(root: str, steps: Sequence[str]) -> tuple[str, bool] | None:
    """Where a link leads, and whether that is a folder; None if it leads out, or nowhere."""
    try:
        descriptor, names = _walk(root, steps)
    except _Bad:
        return None
    try:
        return "/".join(names), stat.S_ISDIR(os.fstat(descriptor).st_mode)
    finally:
        os.close(descriptor)


def _discover(root: str, inside: str, overlays: Collection[str]) -> set[str]:
    """Every manifest under a folder of the project. Raises Rejected for a folder that can't be read."""
    found: set[str] = set()
    links: list[list[str]] = []
    waiting = [_plain_steps(inside)]
    while waiting:
        steps = waiting.pop()
        if "/".join(steps) in overlays:
            continue
        try:
            entries = _entries(root, steps)
        except _Bad as bad:
            raise Rejected([bad.diagnostic()]) from None
        if steps and any(entry.name == PROJECT_FILE for entry in entries):
            continue  # another project
        for entry in entries:
            below = [*steps, entry.name]
            if entry.folder:
                waiting.append(below)
            elif entry.name.endswith(_SUFFIXES) and below != [PROJECT_FILE]:
                if entry.link:
                    links.append(below)
                else:
                    found.add("/".join(below))
    for below in links:
        target = _target(root, below)
        if target is None or not (target[1] or target[0] in found):
            found.add("/".join(below))  # if it leads nowhere, reading it will say so
    return found


def _matches(root: str, pattern: Sequence[str]) -> Iterator[list[str]]:
    """Files that match: `*`, `?` and `[…]` within a name, `**` for any number of folders, which are never links."""
    seen: set[tuple[str, ...]] = set()
    visited: set[tuple[tuple[str, ...], int]] = set()
    waiting: list[tuple[list[str], int]] = [([], 0)]
    while waiting:
        steps, at = waiting.pop()
        if at == len(pattern) or (tuple(steps), at) in visited:
            continue
        visited.add((tuple(steps), at))
        step, last = pattern[at], at == len(pattern) - 1
        if not last and not re.search(r"[*?[]", step):
            waiting.append(([*steps, step], at + 1))
            continue
        try:
            entries = _entries(root, steps)
        except _Bad as bad:
            if bad.code == "E120":
                continue
            raise
        if step == "**" and not last:
            waiting.append((steps, at + 1))
        for entry in entries:
            if not fnmatchcase(entry.name, step):
                continue
            below = [*steps, entry.name]
            if entry.folder:
                waiting.append((below, at if step == "**" else at + 1))
            elif last and tuple(below) not in seen:
                if entry.link and (target := _target(root, below)) and target[1]:
                    continue
                seen.add(tuple(below))
                if len(seen) > MAX_MATCHES:
                    raise _Bad("E128", f"More than {MAX_MATCHES:,} files match.")
                yield below
