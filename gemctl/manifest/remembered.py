"""Remembers what each manifest declared, so that the next plan reads anew only those that were edited. Called by
`load`, and only for plans that are shown: what is applied or saved is always made of the manifests themselves.

What a file declares depends on the file, on the files that it names, on gemctl.yaml and on the values of variables. So
its resources are kept with the digests of all of these, as they are before references are linked: what spans files is
checked each time. The texts themselves are not kept, nor the places of values: where something points at one, the
manifest is parsed after all.

A file is left out that anything was said of, and one that declares what is more than a few values: runs with what
comes with them, secrets, members. Nor is one kept that an overlay lies over.

It lies in `.gemctl/<stack>/declared.jsonl`, a line for some hundred resources: a table (see `plain`) of the manifests
that declare them. It may be removed at any time, and is of no use to another version of gemctl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from gemctl.core.resource import Attachment, Resource
from gemctl.core.source import Positions
from gemctl.files.disk import Files
from gemctl.files.kept import keep, read_kept
from gemctl.manifest.find import may_be_path
from gemctl.manifest.plain import NOT_READ, plain
from gemctl.manifest.unedited import Remembered

FILE = "declared.jsonl"
FORMAT = 2  # raised where the same manifest may declare something else, within one version
LARGEST = 256 << 20  # bytes
MANY = 256  # resources of a table: an edit makes one table anew
Table = tuple[tuple[str, Remembered], ...]  # paths, and what lies there
# Texts, and places but that of the whole.
NOT_KEPT = ((Attachment, "text"), (Positions, "values"), (Positions, "keys"))
_to_text = json.JSONEncoder(separators=(",", ":")).encode


class DeclaredBefore:
    """The memory of a stack: what each manifest declared when it was last read, and what it declares now.

    `key` is a digest of all else that this depends on (see `load`). Reads nothing before the first question, and writes
    nothing before `save`; and only where the stack has a folder already: in a fresh clone nobody would read it.
    """

    def __init__(self, root: str, folder: Path, key: str) -> None:
        """`folder` is that of the stack, below the root."""
        self._files, self._place = Files(Path(root)), folder / FILE
        self._made_of = {"format": FORMAT, "key": key}
        self._now: dict[str, Remembered] = {}
        self._news = False

    @cached_property
    def _tables(self) -> Sequence[tuple[bytes, Mapping[str, Remembered]]]:
        """The lines, and what they say of their manifests; none, if anything in the file is not what was written."""
        data = read_kept(self._files, self._place, self._made_of, LARGEST) or b""
        _, read = plain(Table, NOT_KEPT)
        with suppress(*NOT_READ):
            return [(line, dict(read(json.loads(line)))) for line in data.splitlines()]
        return ()

    @cached_property
    def _before(self) -> Mapping[str, Remembered]:
        return {path: found for _, table in self._tables for path, found in table.items()}

    @cached_property
    def _has_folder(self) -> bool:
        return self._place.parent.is_dir()

    def find(self, path: str, digest: str) -> Remembered | None:
        """What this manifest declared, if it had this digest; None if that is not known."""
        found = self._before.get(path)
        return found if found and found.digest == digest else None

    def still(self, path: str) -> None:
        """What was found is what it declares now."""
        self._now[path] = self._before[path]

    def keep(self, path: str, declared: Remembered) -> None:
        """Remember it, if it is such that it can be."""
        if self._has_folder and all(map(_small, declared.resources)):
            self._news = True
            self._now[path] = declared

    def save(self) -> None:
        """Write the memory, if it is another one now. Raises nothing."""
        if not self._news and self._now.keys() == self._before.keys():
            return
        lines, left = [], dict(self._now)
        for line, table in self._tables:
            if _size(table) > MANY // 2 and all(left.get(path) is found for path, found in table.items()):
                lines.append(line)
                for path in table:
                    del left[path]
        write, _ = plain(Table, NOT_KEPT)
        for some in _tables_of(left):
            with suppress(TypeError, ValueError, LookupError):
                lines.append(_to_text(write(tuple(some.items()))).encode())
        with suppress(OSError):
            keep(self._files, self._place, self._made_of, b"".join(b"%s\n" % line for line in lines), LARGEST)


def _tables_of(manifests: Mapping[str, Remembered]) -> Iterator[Mapping[str, Remembered]]:
    """The same manifests, in tables of no less than MANY resources, but for the last."""
    table: dict[str, Remembered] = {}
    size = 0
    for path, declared in manifests.items():
        table[path] = declared
        size += len(declared.resources)
        if size >= MANY:
            yield table
            table, size = {}, 0
    if table:
        yield table


def _size(table: Mapping[str, Remembered]) -> int:
    return sum(len(declared.resources) for declared in table.values())


def _small(resource: Resource) -> bool:
    declared = resource.declared
    more = declared.parts or declared.members or declared.generated or declared.recipe or declared.problems
    # What is made of hundreds of files is bound as soon as it would be read from here, and in less memory.
    attached = len(declared.attachments) > MANY or any(one.lines or one.part for one in declared.attachments)
    # A text that is the name of a file is warned of once there is such a file.
    attached = attached or any(one.text is not None and may_be_path(one.text) for one in declared.attachments)
    secret = declared.secrets or declared.sink
    return not (more or attached or secret or resource.run or resource.receipt or resource.generated_by)
