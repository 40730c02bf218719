"""Remembers what each manifest declared, so that the next plan reads anew only those that were edited. Called by
`load`, and only for plans that are shown: what is applied or saved is always made of the manifests themselves.

What a file declares depends on the file, on the files that it names, on gemctl.yaml and on the values of variables. So
its resources are kept with the digests of all of these, as they are before references are linked: what spans files is
checked each time. The texts themselves are not kept, nor the places of values: where something points at one, the
manifest is parsed after all.

A file is left out that anything was said of, and one that declares what is more than a few values: runs with what
comes with them, secrets, members. Nor is one kept that an overlay lies over.

It lies in `.gemctl/<stack>/declared.jsonl`, a line for each manifest. It may be removed at any time, and is of no use
to another version of gemctl.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from gemctl.core.resource import Resource
from gemctl.core.source import Positions
from gemctl.files.disk import Files
from gemctl.files.kept import keep, read_kept
from gemctl.manifest.find import may_be_path
from gemctl.manifest.plain import NOT_READ, plain
from gemctl.manifest.unedited import Remembered

FILE = "declared.jsonl"
FORMAT = 1  # raised where the same manifest may declare something else, within one version
LARGEST = 256 << 20  # bytes


class DeclaredBefore:
    """The memory of a stack: what each manifest declared when it was last read, and what it declares now.

    `key` is a digest of all else that this depends on (see `load`). Reads nothing before the first question, and writes
    nothing before `save`; and only where the stack has a folder already: in a fresh clone nobody would read it.
    """

    def __init__(self, root: str, folder: Path, key: str) -> None:
        """`folder` is that of the stack, below the root."""
        self._files, self._place = Files(Path(root)), folder / FILE
        self._made_of = {"format": FORMAT, "key": key}
        self._now: dict[str, bytes] = {}
        self._news = False

    @cached_property
    def _before(self) -> Mapping[str, bytes]:
        """The lines, by the paths of their manifests; none, if anything in the file is not what was written."""
        data = read_kept(self._files, self._place, self._made_of, LARGEST) or b""
        with suppress(*NOT_READ):
            return {json.loads(path): line for path, _, line in (one.partition(b"\t") for one in data.splitlines())}
        return {}

    @cached_property
    def _has_folder(self) -> bool:
        return self._place.parent.is_dir()

    def find(self, path: str, digest: str) -> Remembered | None:
        """What this manifest declared, if it had this digest; None if that is not known."""
        line = self._before.get(path)
        if line is None or digest.encode() not in line:
            return None
        with suppress(*NOT_READ):
            found: Remembered = plain(Remembered)[1](json.loads(line))
            return found if found.digest == digest else None
        return None

    def still(self, path: str) -> None:
        """What was found is what it declares now."""
        self._now[path] = self._before[path]

    def keep(self, path: str, declared: Remembered) -> None:
        """Remember it, if it is such that it can be."""
        if not self._has_folder or not all(map(_small, declared.resources)):
            return
        bare = replace(declared, resources=tuple(map(_bare, declared.resources)))
        with suppress(TypeError, ValueError):
            line = json.dumps(plain(Remembered)[0](bare), ensure_ascii=True, separators=(",", ":")).encode()
            self._news = True
            self._now[path] = line

    def save(self) -> None:
        """Write the memory, if it is another one now. Raises nothing."""
        if not self._news and self._now.keys() == self._before.keys():
            return
        data = b"".join(b"%s\t%s\n" % (json.dumps(path).encode(), line) for path, line in self._now.items())
        with suppress(OSError):
            keep(self._files, self._place, self._made_of, data, LARGEST)


def _small(resource: Resource) -> bool:
    declared = resource.declared
    more = declared.parts or declared.members or declared.generated or declared.recipe or declared.problems
    attached = any(one.lines or one.part for one in declared.attachments)
    # A text that is the name of a file is warned of once there is such a file.
    attached = attached or any(one.text is not None and may_be_path(one.text) for one in declared.attachments)
    secret = declared.secrets or declared.sink
    return not (more or attached or secret or resource.run or resource.receipt or resource.generated_by)


def _bare(resource: Resource) -> Resource:
    """The resource without texts, and without places but that of the whole."""
    declared = resource.declared
    bare = tuple(one if one.text is None else replace(one, text=None) for one in declared.attachments)
    declared = replace(declared, attachments=bare)
    return replace(resource, declared=declared, positions=Positions(resource.positions.root))
