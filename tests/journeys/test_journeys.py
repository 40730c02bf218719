"""Every story, played and compared with its golden transcript; UPDATE_GOLDEN=1 writes the transcripts anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from journey_runner import MANIFESTS, STORIES, Journey, script, stories

PROJECTS = sorted(path.parent.name for path in MANIFESTS.glob("*/gemctl.yaml"))


@pytest.mark.parametrize("story", stories())
def test_story(story, tmp_path, monkeypatch):
    played = Journey(script(story), STORIES / story, tmp_path / "project", monkeypatch).play()
    golden = STORIES / story / "output.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(played, encoding="utf-8")
    assert played == golden.read_text(encoding="utf-8")


def test_every_story_has_a_golden_transcript_and_nothing_else_lies_about():
    allowed = {"script.yaml", "output.txt", "project"}
    for folder in (path for path in STORIES.iterdir() if path.is_dir() and path.name != "__pycache__"):
        assert {"script.yaml", "output.txt"} <= {path.name for path in folder.iterdir()} <= allowed, folder


@pytest.mark.usefixtures("example_secrets")
@pytest.mark.parametrize("project", PROJECTS)
def test_every_example_project_goes_all_the_way(project, tmp_path, monkeypatch):
    """validate, plan, apply, nothing left to do, destroy, nothing left at all; on the stack that is its default."""
    lines = [
        ("gemctl validate", 0),
        ("gemctl plan --detailed-exitcode", 2),
        ("gemctl apply --yes", 0),
        ("gemctl plan --detailed-exitcode --json", 0),
        ("gemctl destroy --yes --allow-documents 9", 0),
        (
            "gemctl destroy --yes --allow-documents 9",
            0,
        ),  # a job is cancelled by the first, and deleted once it has ended
        ("gemctl get", 0),
    ]
    steps = [{"run": line} for line, _ in lines]
    steps.insert(5, {"advance": "1h"})
    journey = Journey({"manifests": project, "steps": steps}, Path(), tmp_path / project, monkeypatch)
    transcript = journey.play()
    statuses = [int(line[6:-1]) for line in journey.lines if line.startswith("[exit ")]
    assert statuses == [status for _, status in lines], transcript
    assert "Nothing is live." in journey.lines[-4:]
