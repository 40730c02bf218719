"""Remembers the digests of large files, that a check found nothing wrong with their lines, and what it measured.

Planning needs the digest of each file that would be uploaded, and reading two gigabytes for it each time takes too
long. So `binary` asks here first, and `load` saves at the end. A file counts as unchanged while its path, size, inode
and both its times are the same. That needs files to be older than the clock's resolution: a file that was touched in
the two seconds before it was read might be changed again within the same tick, and is not remembered.

It is a cache and nothing else. It lies in `.gemctl/digests.json`, is rebuilt when it is damaged or of another version
of gemctl, and left out where it can't be written. Nor does sending rely on it: an upload digests the bytes as they
leave.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from gemctl import __version__
from gemctl.core.digest import is_sha256
from gemctl.core.frozen import dataclass
from gemctl.core.json_text import to_bytes
from gemctl.core.lines import Lines
from gemctl.files.disk import Files
from gemctl.files.whole import write_whole
from gemctl.manifest.measured import from_json, to_json

FOLDER, FILE = ".gemctl", "digests.json"
FORMAT = 4  # raised where files that passed a check may fail it now, within one version
LEAST = 64 << 10  # bytes: smaller files are read faster than remembered
YOUNGEST = 2_000_000_000  # nanoseconds
MOST = 10_000  # files; when there are more, only those in use are kept
LARGEST = 16 << 20  # bytes of the cache itself


@dataclass(frozen=True, slots=True)
class _Known:
    """The status and digest of a file. `checked` are the checks that found nothing wrong in it, with their finds."""

    digest: str
    size: int
    inode: int
    modified: int
    changed: int
    checked: Mapping[str, Lines | None] = field(default_factory=lambda: MappingProxyType({}))

    def fits(self, status: os.stat_result) -> bool:
        return (self.size, self.inode, self.modified, self.changed) == _shape(status)


class Digests:
    """Holds the digests of a project's files. Reads nothing before the first question, writes nothing before `save`."""

    def __init__(self, root: str, now: Callable[[], int] = time.time_ns) -> None:
        """`now` is the time in nanoseconds, by the clock of the file system."""
        self._root = root
        self.now = now
        self._files: dict[str, _Known] | None = None
        self._used: set[str] = set()
        self._news = False

    def find(self, path: str, status: os.stat_result, check: str | None) -> tuple[str, Lines | None] | None:
        """The digest of a file with this status in which this check found nothing wrong, and what it found;
        None if not known.
        """
        if status.st_size < LEAST:
            return None
        self._used.add(path)
        known = self._known().get(path)
        if known is None or not known.fits(status) or not (check is None or check in known.checked):
            return None
        return known.digest, known.checked[check] if check else None

    def keep(
        self,
        path: str,
        status: os.stat_result,
        digest: str,
        check: str | None,
        began: int,
        found: Lines | None = None,
    ) -> None:
        """Remember a file that was read from the instant `began` on, and had this status before and after."""
        if status.st_size < LEAST or max(status.st_mtime_ns, status.st_ctime_ns) > began - YOUNGEST:
            return
        files, checked = self._known(), {check: found} if check else {}
        known = files.get(path)
        if known is not None and known.fits(status) and known.digest == digest:
            checked = {**known.checked, **checked}
        files[path] = _Known(digest, *_shape(status), checked)
        self._news = True

    def save(self) -> None:
        """Write the cache, if there is anything new and a place for it. Raises nothing."""
        if not self._news:
            return
        files = self._known()
        if len(files) > MOST:
            files = {path: known for path, known in files.items() if path in self._used}
        entries = {path: _written(known) for path, known in sorted(files.items())}
        document = {"format": FORMAT, "gemctl": __version__, "files": entries}
        with suppress(OSError):
            _write(self._root, to_bytes(json.dumps(document, ensure_ascii=False, indent=1)))
            self._news = False

    def _known(self) -> dict[str, _Known]:
        if self._files is None:
            self._files = _read(self._root)
        return self._files


def _shape(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _written(known: _Known) -> dict[str, Any]:
    return {
        "digest": known.digest,
        "size": known.size,
        "inode": known.inode,
        "modified": known.modified,
        "changed": known.changed,
        "checked": {check: found and to_json(found) for check, found in sorted(known.checked.items())},
    }


def _read(root: str) -> dict[str, _Known]:
    """The entries of the cache; none, if it is damaged or of another version."""
    try:
        document = json.loads(Files(Path(root)).read(_place(root), LARGEST) or b"{}")
        if document["format"] != FORMAT or document["gemctl"] != __version__:
            return {}
        return {path: _entry(entry) for path, entry in document["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _entry(entry: dict[str, Any]) -> _Known:
    """Raises ValueError, KeyError, TypeError or AttributeError."""
    known = _Known(entry["digest"], entry["size"], entry["inode"], entry["modified"], entry["changed"])
    numbers = (known.size, known.inode, known.modified, known.changed)
    if not is_sha256(known.digest) or not all(type(number) is int for number in numbers):
        raise ValueError("not what was written")
    checked = {check: None if told is None else from_json(told) for check, told in entry["checked"].items()}
    return replace(known, checked=checked)


def _write(root: str, data: bytes) -> None:
    """Replace the cache as a whole. Raises OSError."""
    files, place = Files(Path(root)), _place(root)
    files.make_folder(place.parent)
    write_whole(files, place, data)


def _place(root: str) -> Path:
    return Path(root) / FOLDER / FILE
