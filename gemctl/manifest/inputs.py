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
from gemctl.manifest.find import PROJECT_FILE, find, find_overlay
from gemctl.manifest.read import paths_of

_BYTES = FileNeed((), "", binary=True)


class InputFiles:
    """The files of one declaration, as they are read."""

    def __init__(self) -> None:
        self._all = hashlib.sha256()
        self.manifests: dict[str, str] = {}  # the digest of each
        self._named: dict[Named, str] = {}

    def folder(self, paths: Collection[str]) -> None:
        """So many manifests follow: those of each overlay, and then those of the project."""
        self._all.update(f"{len(paths)}\n".encode())

    def manifest(self, path: str, digest: str) -> None:
        self.manifests[path] = digest
        self._all.update(f"{path}\n{digest}\n".encode("utf-8", "surrogateescape"))

    def files(self, named: Named, found: Iterable[tuple[str, str]]) -> None:
        """What a manifest names, with the path and the digest of each file. Several of its resources may name the same;
        what was not the same for all of them, since it changed meanwhile, has the digest of nothing.
        """
        lines = "".join(f"{path}\n{digest}\n" for path, digest in found)
        digest = sha256(lines.encode("utf-8", "surrogateescape"))
        if self._named.setdefault(named, digest) != digest:
            self._named[named] = ""

    def digest_of(self, named: Named) -> str | None:
        """The digest of what a manifest names; None if it was not read."""
        return self._named.get(named)

    def named_by(self, path: str) -> tuple[tuple[Named, str], ...]:
        """What a manifest names, itself or by the defaults of the project, each with the digest."""
        return tuple((one, self._named[one]) for one in self.named if one.by in (path, PROJECT_FILE))

    @property
    def named(self) -> tuple[Named, ...]:
        return tuple(sorted(self._named, key=lambda one: (one.by, one.pattern, one.many, one.binary)))

    @property
    def digest(self) -> str:
        whole = self._all.copy()
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
    for paths in (*overlays, find(root, (), overlays=project.aside)):
        inputs.folder(paths)
        for path in paths:
            inputs.manifest(path, _text(root, path))
    for one in named:
        inputs.files(one, files_named(root, one, digests))
    return inputs.digest


def files_named(root: str, named: Named, digests: Digests) -> list[tuple[str, str]]:
    """The files that a manifest means, by their paths and digests. Raises Rejected or BadPath."""
    paths = paths_of(root, named.pattern, named.by, many=named.many)
    return [(path, _bytes(root, path, digests) if named.binary else _text(root, path)) for path in paths]


def _text(root: str, path: str) -> str:
    with opened(root, plain_steps(path)) as descriptor:
        return sha256(content(descriptor, path, MAX_TEXT))


def _bytes(root: str, path: str, digests: Digests) -> str:
    return attach_binary(root, _BYTES, digests, path.split("/")).digest
