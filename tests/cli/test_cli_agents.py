"""Agents through the command line, from the first apply to the last: under their ids, with their texts, and beside
those of others.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from fakes.fake_project import FakeProject

from gemctl.emulator.faults import Fault

BASE = "antigravity-preview-09-2026"
TEXT = "You look things up in the catalogue, and never guess."
AGENT = {
    "baseAgent": BASE,
    "systemInstruction": {"file": "texts/clerk.md"},
    "baseEnvironment": {"sources": [{"files": "skills/**/*.md", "target": "/skills"}], "env": {"SHELF": "a"}},
    "agentConfig": {"type": "antigravity", "model": "gemini-3.8-flash", "maxTotalTokens": 5000},
    "tools": [{"type": "code_execution"}],
    "description": "Looks things up.",
}
LOST = [Fault("after", method="POST", path="agents")]


@pytest.fixture
def project(tmp_path):
    one = FakeProject(tmp_path)
    one.write("texts/clerk.md", TEXT)
    one.write("skills/deep/marks.md", "A shelf mark has three letters.")
    one.declare("Agent", "clerk", AGENT)
    return one


def planned(project, more="", status=0):
    return {address: done for address, done in project.plan(more, status).items() if done[0] != "keep"}


def remade(project, **fields):
    """Somebody makes the agent anew, with other fields."""
    body = {name: value for name, value in project.ask("GET", "agents/clerk").items()
            if name not in ("object", "created", "updated")}  # fmt: skip
    project.ask("DELETE", "agents/clerk")
    project.ask("POST", "agents", {**body, **fields})


def test_a_whole_life(project):
    assert planned(project) == {"Agent/clerk": ("create", "declared")}
    project.gemctl("apply --yes")
    made = project.ask("GET", "agents/clerk")
    assert (made["system_instruction"], made["base_environment"]["sources"][0]["target"]) == (
        TEXT, "/skills/deep/marks.md")  # fmt: skip
    assert planned(project) == {}
    project.write("skills/deep/marks.md", "A shelf mark has two letters.")
    assert planned(project) == {"Agent/clerk": ("replace", "edited")} and "W571" in project.codes()
    since = len(project.calls())
    project.gemctl("apply --yes")
    assert project.calls(since) == ["deleted agents/clerk", "created agents/clerk"] and planned(project) == {}
    project.gemctl("destroy --yes")
    assert project.live("agents") == []


def test_no_text_is_written_down(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    project.gemctl("plan --out p.json")
    said = project.said
    project.gemctl("apply --yes")
    project.gemctl("plan")
    said += project.said
    kept = [file for file in project.folder.rglob("*") if file.is_file() and "emulator" not in file.parts]
    kept = [file for file in kept if file.suffix != ".md"]
    assert kept and not any(TEXT in file.read_text(encoding="utf-8", errors="replace") for file in kept)
    assert TEXT not in said


DRIFT = {
    "base_agent": "antigravity-preview-05-2026",
    "system_instruction": "Guess.",
    "base_environment": {"sources": [], "env": {"SHELF": "a"}},
    "agent_config": {"type": "antigravity", "model": "gemini-4-argon", "max_total_tokens": 5000},
    "tools": [{"type": "url_context"}],
    "description": "Guesses.",
}


@pytest.mark.parametrize("field", DRIFT)
def test_what_somebody_changed_is_made_as_it_was_declared(project, field):
    project.gemctl("apply --yes")
    before = project.ask("GET", "agents/clerk")[field]
    remade(project, **{field: DRIFT[field]})
    assert planned(project) == {"Agent/clerk": ("replace", "drifted")}
    project.gemctl("apply --yes")
    assert project.ask("GET", "agents/clerk")[field] == before and planned(project) == {}


def test_what_somebody_made_again_as_it_was_is_in_sync(project):
    project.gemctl("apply --yes")
    remade(project)
    assert planned(project) == {}


def test_an_agent_of_somebody_else_is_not_touched(project):
    project.ask("POST", "agents", {"id": "clerk", "base_agent": BASE})
    project.gemctl("plan", status=1)
    assert "E571" in project.codes() and "gemctl import Agent/clerk agents/clerk" in project.said
    project.gemctl("apply --yes", status=5)
    assert project.calls() == ["created agents/clerk"]


def test_an_agent_is_imported_with_its_texts(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    project.gemctl("apply --yes")
    project.gemctl("state rm Agent/clerk")
    project.remove("Agent", "clerk")
    project.gemctl("import --from-live Agent --all --write live.yaml")
    assert TEXT in (project.folder / "live.yaml").read_text(encoding="utf-8")
    project.settings(imports={"Agent/clerk": "agents/clerk"})
    assert planned(project) == {} and project.made("agents") == 1
    project.gemctl("apply --yes")
    assert planned(project) == {} and project.made("agents") == 1


def test_a_lost_answer_is_found_by_the_id(project):
    project.gemctl("apply --yes", 5, faults=LOST)
    assert planned(project) == {} and "E571" not in project.codes()
    project.gemctl("apply --yes")
    assert project.made("agents") == 1 and planned(project) == {}


def test_a_lost_answer_after_the_delete_makes_no_second_one(project):
    project.gemctl("apply --yes")
    project.clock.advance(timedelta(minutes=1))
    project.write("texts/clerk.md", "Guess.")
    project.gemctl("apply --yes", 5, faults=LOST)
    project.gemctl("apply --yes")
    assert project.made("agents") == 2 and planned(project) == {}


def test_a_create_that_is_refused_leaves_a_gap_that_the_next_apply_closes(project):
    project.gemctl("apply --yes")
    project.declare("Agent", "clerk", {**AGENT, "baseAgent": "nobody"})
    project.gemctl("apply --yes", 5)
    assert project.live("agents") == []
    project.declare("Agent", "clerk", AGENT)
    project.gemctl("apply --yes")
    assert project.live("agents") == ["agents/clerk"] and planned(project) == {}


def test_a_base_that_is_not_there_is_shown_where_it_is_declared(project):
    project.declare("Agent", "clerk", {"baseAgent": "nobody"})
    project.gemctl("apply --yes", 5)
    (found,) = [each for line in project.said.splitlines() if (each := json.loads(line).get("diagnostic"))]
    line = (project.folder / found["file"]).read_text(encoding="utf-8")[found["column"] - 1 :]
    assert "Agent 'nobody' not found." in found["detail"] and line.startswith('"nobody"')


def test_forks_are_made_after_their_base_and_deleted_before_it(project):
    project.declare("Agent", "fork", {"baseAgentRef": {"name": "clerk"}, "baseEnvironment": "remote"})
    project.gemctl("apply --yes")
    assert project.live("agents") == ["agents/clerk", "agents/fork"]
    project.write("texts/clerk.md", "Guess.")
    assert planned(project) == {"Agent/clerk": ("replace", "edited")}
    project.gemctl("apply --yes")
    since = len(project.calls())
    project.gemctl("destroy --yes")
    assert project.calls(since) == ["deleted agents/fork", "deleted agents/clerk"]


def test_a_model_that_is_not_there_is_said_before_anything_is_deleted(project):
    project.gemctl("apply --yes")
    project.declare("Agent", "clerk", {**AGENT, "agentConfig": {"type": "antigravity", "model": "gemini-9"}})
    project.gemctl("apply --yes", 1)
    assert "E580" in project.codes() and project.live("agents") == ["agents/clerk"]


def test_ids_of_others_that_could_not_be_declared_do_no_harm(project):
    project.ask("POST", "agents", {"id": "$AGENT_ID", "base_agent": BASE})
    project.gemctl("apply --yes")
    assert planned(project) == {} and project.live("agents") == ["agents/$AGENT_ID", "agents/clerk"]


def test_a_list_of_several_pages(project):
    for number in range(5):
        project.declare("Agent", f"a-{number}", {"baseAgent": BASE})
    project.gemctl("apply --yes")
    assert planned(project) == {} and len(project.live("agents")) == 6
