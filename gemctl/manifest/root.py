"""Loads a project from its folder, without its manifests. Opens gemctl.yaml. Called by workflows/wiring.py."""

from __future__ import annotations

from gemctl.core.frozen import dataclass
from gemctl.core.project import Project
from gemctl.core.source import Positions
from gemctl.manifest.find import PROJECT_FILE
from gemctl.manifest.project import read_project
from gemctl.manifest.read import sources
from gemctl.manifest.yaml import Document, parse


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A project that was loaded: its folder, as an absolute path, and gemctl.yaml with the place of each key."""

    root: str
    project: Project
    document: Document

    @property
    def positions(self) -> Positions:
        return self.document.positions


def load_project(root: str) -> LoadedProject:
    """Read gemctl.yaml in this folder (see `read.project_root`). Raises Rejected."""
    (source,) = sources(root, (PROJECT_FILE,))
    project, document = read_project(parse(source), PROJECT_FILE)
    return LoadedProject(root, project, document)
