"""What a run costs: requests are counted by the service, connections, writes and fsyncs where they are made."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest
from scale_world import Many

from gemctl.emulator.protocols import H11Protocol
from gemctl.emulator.server import running
from gemctl.files.disk import Files

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))  # for the server that measure.py starts


@pytest.fixture
def costs(monkeypatch):
    """Connections, renames of state.json, appends, and fsyncs, from here on."""
    counts: Counter[str] = Counter()

    def count(owner, name, key, how_many=lambda *_: 1):
        original = getattr(owner, name)

        def counted(self, *args):
            counts[key] += how_many(*args)
            return original(self, *args)

        monkeypatch.setattr(owner, name, counted)

    count(H11Protocol, "connection_made", "connections")
    count(Files, "rename", "snapshots", lambda _, new: new.name == "state.json")
    count(Files, "append_to", "journals", lambda path: path.name == "journal")
    count(Files, "sync", "fsyncs")
    count(Files, "sync_folder", "fsyncs")
    return counts


@pytest.fixture
def written(monkeypatch):
    """The bytes that are written to the state and its journal, by file, from here on."""
    counts: Counter[str] = Counter()
    places: dict[int, str] = {}
    create, append_to, write = Files.create, Files.append_to, Files.write

    def created(self, path, **how):
        handle, new = create(self, path, **how)
        places[handle] = path.name
        return handle, new

    def appended(self, path):
        handle = append_to(self, path)
        places[handle] = path.name
        return handle

    def counted(self, handle, data):
        counts[places.get(handle, "")] += len(data)
        return write(self, handle, data)

    monkeypatch.setattr(Files, "create", created)
    monkeypatch.setattr(Files, "append_to", appended)
    monkeypatch.setattr(Files, "write", counted)
    return counts


@pytest.fixture
def many(tmp_path, monkeypatch, costs):
    """A project, and what its last command cost."""
    world = Many(tmp_path, costs)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GEMINI_API_KEY", "any-word")
    with running(world.app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        yield world
