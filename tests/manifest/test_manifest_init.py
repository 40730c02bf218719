"""A new project is one that gemctl reads, whatever its folder is called and whatever its id comes out as."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack
from gemctl.workflows.init import init


def test_a_new_project_is_valid_whatever_its_folder_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, drawn in (("2024", "2"), ("true", "7"), ("0x1f", "e"), ("1e5", "2"), ("NULL", "a"), ("shop", "3")):
        monkeypatch.setattr(secrets, "choice", lambda alphabet, drawn=drawn: drawn)
        root = str(init(str(tmp_path / name)).folder)
        loaded = load_project(root)
        assert (loaded.project.name, loaded.project.id) == (name.lower(), drawn * 8)
        for stack in ("local", "dev"):
            desired = load(loaded, choose_stack(loaded.project, stack), CATALOGUE, others=True)
            assert desired.warnings == ()
            (resource,) = desired.resources.values()
            assert [entry.file for entry in resource.publish] == [f"out/{stack}/caches.json"]
