"""What a watch does about runs that refer to runs: it saves what has ended, and begins none unless that is allowed."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def turns(place):
    """A report, and a turn after it."""
    for name, more in (("a", {}), ("b", {"previousRef": {"name": "a"}})):
        spec = {"model": "gemini-3.8-flash", "input": f"Turn {name}.", **more}
        head = {"apiVersion": "gemctl/v1", "kind": "Interaction", "metadata": {"name": name}}
        place.write(f"{name}.yaml", json.dumps({**head, "spec": spec, "run": {"results": f"out/{name}.md"}}))
    return place


def of_turns(place):
    return [step for step in place.steps() if "Interaction" in step]


def test_the_next_turn_is_left_to_a_person(turns):
    turns.applied()
    assert turns.watch("--interval", "10m", until="30m") == 143
    assert of_turns(turns) == ["harvest Interaction/a"]
    assert not (turns.folder / "out/b.md").exists()


def test_where_it_may_begin_runs_it_sends_one_turn_after_the_other(turns):
    allowed = "declared,finished,queued"
    assert turns.watch("--interval", "10m", "--allow", allowed, until="60m") == 143
    made = of_turns(turns)
    assert sorted(made) == sorted(f"{act} Interaction/{name}" for act in ("create", "harvest") for name in "ab")
    assert made.index("create Interaction/a") < made.index("create Interaction/b")
    assert (turns.folder / "out/b.md").exists()
    assert turns.told("error") == []
