"""A project in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from manifest_workspace import PROJECT, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty project whose stack `local` is the emulator's."""
    workspace = Workspace(tmp_path / "project")
    workspace.write({"gemctl.yaml": PROJECT})
    return workspace
