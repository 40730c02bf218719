"""Every project under manifests/ is right as it stands, and warns of nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load
from gemctl.manifest.root import load_project

EXAMPLES = sorted(path.parent for path in (Path(__file__).parents[2] / "manifests").rglob("gemctl.yaml"))


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_example(folder: Path) -> None:
    loaded = load_project(str(folder))
    for stack in loaded.project.stacks.values():
        desired = load(loaded, stack, CATALOGUE)
        assert desired.resources
        assert desired.warnings == ()


def test_there_are_examples() -> None:
    assert EXAMPLES
