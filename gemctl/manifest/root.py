"""Loads a project from its folder, without its manifests. Opens gemctl.yaml. Called by workflows/wiring.py.

For what only shows something, the project that gemctl.yaml describes is remembered, by the digest of that file: to
check it takes longer than all else of a small plan. It lies in `.gemctl/project.json`, may be removed at any time, and
is of no use to another version of gemctl.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from gemctl.core.digest import sha256
from gemctl.core.frozen import dataclass
from gemctl.core.project import Project
from gemctl.core.source import Positions, SourceFile
from gemctl.files.disk import Files
from gemctl.files.kept import keep, read_kept
from gemctl.manifest.find import PROJECT_FILE
from gemctl.manifest.plain import NOT_READ, plain
from gemctl.manifest.read import sources

if TYPE_CHECKING:
    from gemctl.manifest.yaml import Document

FOLDER, FILE = ".gemctl", "project.json"
FORMAT = 2  # raised where the same gemctl.yaml may describe another project, within one version
LARGEST = 4 << 20  # bytes


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project that was loaded: its folder, as an absolute path, and gemctl.yaml, `parsed` if it had to be."""

    root: str
    project: Project
    file: SourceFile
    parsed: Document | None = None

    @property
    def document(self) -> Document:
        """gemctl.yaml with the place of each key."""
        return self.parsed or _parsed(self.file)

    @property
    def positions(self) -> Positions:
        return self.document.positions


@lru_cache(maxsize=1)
def _parsed(file: SourceFile) -> Document:
    from gemctl.manifest.yaml import parse

    (document,) = parse(file)
    return document


def load_project(root: str, *, shown: bool = False) -> LoadedProject:
    """Read gemctl.yaml in this folder (see `read.project_root`). `shown`: for what only shows something. Raises
    Rejected.
    """
    (source,) = sources(root, (PROJECT_FILE,))
    if shown and (known := _recalled(root, source)):
        return LoadedProject(root, known, source)
    from gemctl.manifest.project import read_project
    from gemctl.manifest.yaml import parse

    project, document = read_project(parse(source), PROJECT_FILE)
    if shown:
        _remember(root, source, project)
    return LoadedProject(root, project, source, document)


def _recalled(root: str, source: SourceFile) -> Project | None:
    """The project that this file described before; None where that is not known."""
    data = read_kept(Files(Path(root)), _place(root), _made_of(source), LARGEST)
    with suppress(*NOT_READ):
        project: Project | None = plain(Project)[1](json.loads(data)) if data else None
        return project
    return None


def _remember(root: str, source: SourceFile, project: Project) -> None:
    """Keep it, where gemctl keeps anything in this folder. Raises nothing."""
    place = _place(root)
    if place.parent.is_dir():
        with suppress(OSError, TypeError, ValueError):
            data = json.dumps(plain(Project)[0](project)).encode()
            keep(Files(Path(root)), place, _made_of(source), data, LARGEST)


def _made_of(source: SourceFile) -> dict[str, object]:
    return {"format": FORMAT, "of": sha256(source.text.encode())}


def _place(root: str) -> Path:
    return Path(root) / FOLDER / FILE
