"""Digests the files that a declaration is made of: for one project and stack, the same digest means the same `Desired`.
`load` digests them as it reads them, and workflows/settled.py calls `digested`, which makes nothing of them.

Files are digested by their contents. Only of large files that are uploaded as they are the digest is remembered (see
`digests`), as it is when they are loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

from gemctl.core.digest import sha256
from gemctl.core.kind import FileNeed
from gemctl.core.project import Project, Stack
from gemctl.core.resource import Named
from gemctl.core.source import MAX_TEXT
from gemctl.files.walk import content, opened, plain_steps
from gemctl.manifest.binary import attach_binary
from gemctl.manifest.digests import Digests
from gemctl.manifest.find import find, find_overlay
from gemctl.manifest.read import paths_of

_BYTES = FileNeed((), "", binary=True)


class InputFiles:
    """The files of one declaration, as they are read."""

    def __init__(self) -> None:
        self._manifests = hashlib.sha256()
        self._named: dict[Named, str] = {}

    def folder(self, paths: Collection[str]) -> None:
        """So many manifests follow: those of the project, and then those of each overlay."""
        self._manifests.update(f"{len(paths)}\n".encode())

    def manifest(self, path: str, digest: str) -> None:
        self._manifests.update(f"{path}\n{digest}\n".encode("utf-8", "surrogateescape"))

    def files(self, named: Named, found: Iterable[tuple[str, str]]) -> None:
        """What a manifest names, with the path and the digest of each file."""
        lines = "".join(f"{path}\n{digest}\n" for path, digest in found)
        self._named[named] = sha256(lines.encode("utf-8", "surrogateescape"))

    @property
    def named(self) -> tuple[Named, ...]:
        return tuple(sorted(self._named, key=lambda one: (one.by, one.pattern, one.many, one.binary)))

    @property
    def digest(self) -> str:
        whole = self._manifests.copy()
        for one in self.named:
            line = f"{one.pattern}\n{one.by}\n{one.many} {one.binary} {self._named[one]}\n"
            whole.update(line.encode("utf-8", "surrogateescape"))
        return whole.hexdigest()


def digested(root: str, project: Project, stack: Stack, named: Collection[Named]) -> str:
    """The digest that loading gives now, if manifests name these files. Raises Rejected or BadPath for what can't be
    read: nothing is known then.
    """
    inputs, digests = InputFiles(), Digests(root)
    overlays = (find_overlay(root, folder, project.aside) for folder in stack.overlays)
    for paths in (find(root, (), overlays=project.aside), *overlays):
        inputs.folder(paths)
        for path in paths:
            inputs.manifest(path, _text(root, path))
    for one in named:
        paths = paths_of(root, one.pattern, one.by, many=one.many)
        read = (_bytes(root, path, digests) if one.binary else _text(root, path) for path in paths)
        inputs.files(one, zip(paths, read, strict=True))
    return inputs.digest


def _text(root: str, path: str) -> str:
    with opened(root, plain_steps(path)) as descriptor:
        return sha256(content(descriptor, path, MAX_TEXT))


def _bytes(root: str, path: str, digests: Digests) -> str:
    return attach_binary(root, _BYTES, digests, path.split("/")).digest
