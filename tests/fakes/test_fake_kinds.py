"""Whole lives of the fake kinds through the command line: every identity, way of change and form of answer that the
seam knows, also those that no kind of gemctl has yet.
"""

from __future__ import annotations

import os
import stat
import sys
from datetime import timedelta

import pytest
from fakes.fake_emulator import embedded, live
from fakes.fake_project import FakeProject, known
from fakes.surfaces.fake_environments import FAILS as BROKEN
from fakes.surfaces.fake_parts import MOST

from gemctl.core.address import Address
from gemctl.core.errors import Usage
from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.engine.execute import Stopping
from gemctl.workflows import act as acts
from gemctl.workflows.act import load_known
from gemctl.workflows.plan import wanted
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.wiring import Settings, connect, open_session

SECRET = "out/secret"
HOOK = {"uri": "https://example.com/h", "subscribedEvents": ["batch.failed"], "secret": {"file": SECRET}}
AGENT = {"id": "helper", "instruction": "Help.", "tools": [{"type": "search"}]}
CREDENTIAL = {"id": "shop", "host": "shop.example.com", "description": "For the shop."}
TRIGGER = {"schedule": "0 9 * * 1", "agentRef": {"name": "a"}, "prompt": "Go.", "status": "ACTIVE"}
ENVIRONMENT = {"region": "eu", "description": "For tests.", "packages": ["a", "b"]}
RUN = {"model": "gemini-3.8-flash", "input": "Look it up."}
SAVED = {"run": {"results": "out/r.jsonl"}}


@pytest.fixture
def project(tmp_path):
    with known():
        yield FakeProject(tmp_path)


def declare_all(project):
    """One of each."""
    project.declare("FakeWebhook", "w", HOOK)
    project.declare("FakeAgent", "a", AGENT)
    project.declare("FakeTrigger", "t", TRIGGER)
    project.declare("FakeRun", "r", RUN, **SAVED)


def planned(project, more="", status=0):
    """What is not kept."""
    return {address: done for address, done in project.plan(more, status).items() if done[0] != "keep"}


def apply(project, status=0, more="", **how):
    project.gemctl(f"apply --yes {more}", status, **how)


def lose_state(project):
    """The state is gone; what is live is still there."""
    for file in (project.folder / ".gemctl/local").glob("*"):
        if file.is_file():
            file.unlink()


def secrets_in(project):
    """The secret that lies at its sink."""
    return (project.folder / SECRET).read_text(encoding="utf-8").strip()


def is_current(project):
    """Whether the secret at the sink is the one that the service has."""
    (shown,) = project.ask("GET", "fakeWebhooks")["webhooks"]
    return shown["truncated_signing_secret"][-5:] == secrets_in(project)[-5:]


# All of them


def test_a_whole_life_of_all_of_them(project):
    declare_all(project)
    assert set(planned(project).values()) == {("create", "declared")}
    apply(project)
    assert planned(project) == {}
    assert project.gemctl("plan --detailed-exitcode")["summary"]["keep"] == 4
    effects = len(project.calls())
    apply(project)
    assert len(project.calls()) == effects
    project.clock.advance(100)
    assert planned(project) == {"FakeRun/r": ("harvest", "finished")}
    apply(project)
    assert planned(project) == {}
    project.gemctl("destroy --yes")
    assert project.gemctl("state list")["records"] == []
    for collection in ("fakeWebhooks", "fakeAgents", "fakeTriggers", "fakeRuns"):
        assert project.live(collection) == []
        assert project.made(collection) == 1


EDITS = [
    ("FakeWebhook", "w", HOOK, {"uri": "https://example.com/other"}, "update"),
    ("FakeWebhook", "w", HOOK, {"subscribedEvents": ["batch.failed", "batch.expired"]}, "update"),
    ("FakeWebhook", "w", HOOK, {"state": "disabled"}, "update"),
    ("FakeWebhook", "w", HOOK, {"secret": {"file": "out/elsewhere"}}, None),
    ("FakeAgent", "a", AGENT, {"instruction": "Help more."}, "replace"),
    ("FakeAgent", "a", AGENT, {"tools": []}, "replace"),
    ("FakeAgent", "a", AGENT, {"id": "another"}, "replace"),
    ("FakeCredential", "c", CREDENTIAL, {"description": "For all."}, "update"),
    ("FakeCredential", "c", CREDENTIAL, {"host": "example.com"}, "replace"),
    ("FakeEnvironment", "e", ENVIRONMENT, {"description": "For all."}, "update"),
    ("FakeEnvironment", "e", ENVIRONMENT, {"packages": ["b", "a"]}, "update"),
    ("FakeEnvironment", "e", ENVIRONMENT, {"packages": []}, "update"),
    ("FakeEnvironment", "e", ENVIRONMENT, {"region": "us"}, "replace"),
    ("FakeTrigger", "t", TRIGGER, {"status": "PAUSED"}, "update"),
    ("FakeTrigger", "t", TRIGGER, {"schedule": "0 8 * * 1"}, "replace"),
    ("FakeTrigger", "t", TRIGGER, {"timeZone": "Europe/Berlin"}, "replace"),
    ("FakeTrigger", "t", TRIGGER, {"prompt": "Go on."}, "replace"),
    ("FakeTrigger", "t", TRIGGER, {"prompt": "Go on.", "status": "PAUSED"}, "replace"),
]


@pytest.mark.parametrize(("kind", "name", "spec", "edit", "action"), EDITS)
def test_an_edit_does_what_the_rule_of_its_field_says(project, kind, name, spec, edit, action):
    if kind == "FakeTrigger":
        project.declare("FakeAgent", "a", AGENT)
    project.declare(kind, name, spec)
    apply(project)
    before = project.gemctl("output")["outputs"][f"{kind}/{name}"]["name"]
    project.declare(kind, name, {**spec, **edit})
    change = project.changes()[f"{kind}/{name}"]
    if action is None:
        assert change["action"] == "keep"
        return
    assert (change["action"], change["reason"]) == (action, "edited")
    assert {field["path"].partition("[")[0] for field in change["fields"]} <= set(edit)
    apply(project)
    assert planned(project) == {}
    after = project.gemctl("output")["outputs"][f"{kind}/{name}"]["name"]
    collection = before.partition("/")[0]
    assert project.live(collection) == [after]
    assert (after == before) == (action == "update" or (kind in ("FakeAgent", "FakeCredential") and "id" not in edit))
    project.remove(kind, name)
    assert planned(project, "--allow-empty") == {f"{kind}/{name}": ("delete", "undeclared")}
    apply(project, more="--allow-empty")
    assert project.live(collection) == []


def test_an_edit_of_what_is_referred_to_makes_anew_what_refers_to_it(project):
    project.declare("FakeAgent", "a", AGENT)
    project.declare("FakeTrigger", "t", TRIGGER)
    apply(project)
    project.declare("FakeAgent", "a", {**AGENT, "id": "another"})
    assert planned(project) == {"FakeAgent/a": ("replace", "edited"), "FakeTrigger/t": ("replace", "edited")}
    apply(project)
    assert planned(project) == {}
    assert project.ask("GET", "fakeTriggers")["triggers"][0]["agent"] == "another"


# Drift


def webhook_patch(project, **fields):
    (name,) = project.live("fakeWebhooks")
    mask = ",".join(fields)
    project.ask("PATCH", f"{name}?updateMask={mask}", fields)


def test_drift_of_a_field_that_can_be_patched(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    webhook_patch(project, uri="https://evil.example/")
    change = project.changes()["FakeWebhook/w"]
    assert (change["action"], change["reason"]) == ("update", "drifted")
    assert [(f["path"], f["before"], f["after"]) for f in change["fields"]] == [
        ("uri", "https://evil.example/", HOOK["uri"])
    ]
    apply(project)
    assert planned(project) == {}
    assert project.ask("GET", "fakeWebhooks")["webhooks"][0]["uri"] == HOOK["uri"]


def test_drift_of_a_field_beside_an_edit_of_another(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    webhook_patch(project, uri="https://evil.example/")
    project.declare("FakeWebhook", "w", {**HOOK, "subscribedEvents": ["batch.expired"]})
    change = project.changes()["FakeWebhook/w"]
    assert (change["action"], change["reason"]) == ("update", "edited")
    assert {field["path"].partition("[")[0] for field in change["fields"]} == {"uri", "subscribedEvents"}
    apply(project)
    (shown,) = project.ask("GET", "fakeWebhooks")["webhooks"]
    assert (shown["uri"], shown["subscribed_events"]) == (HOOK["uri"], ["batch.expired"])
    assert planned(project) == {}


def test_a_field_that_a_create_does_not_take_is_patched_by_the_next_apply(project):
    project.declare("FakeWebhook", "w", {**HOOK, "state": "disabled"})
    apply(project)
    assert planned(project) == {"FakeWebhook/w": ("update", "drifted")}
    apply(project)
    assert planned(project) == {}
    assert project.ask("GET", "fakeWebhooks")["webhooks"][0]["state"] == "disabled"


def test_what_is_not_declared_does_not_drift(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    webhook_patch(project, state="disabled")
    assert planned(project) == {}


def test_drift_that_is_ignored(project):
    project.declare("FakeWebhook", "w", HOOK, lifecycle={"ignoreChanges": ["uri"]})
    apply(project)
    webhook_patch(project, uri="https://example.com/theirs")
    assert planned(project) == {}
    apply(project)
    assert project.ask("GET", "fakeWebhooks")["webhooks"][0]["uri"] == "https://example.com/theirs"
    project.declare(
        "FakeWebhook", "w", {**HOOK, "subscribedEvents": ["batch.expired"]}, lifecycle={"ignoreChanges": ["uri"]}
    )
    apply(project)
    (shown,) = project.ask("GET", "fakeWebhooks")["webhooks"]
    assert (shown["uri"], shown["subscribed_events"]) == ("https://example.com/theirs", ["batch.expired"])
    assert planned(project) == {}
    project.declare("FakeWebhook", "w", {**HOOK, "subscribedEvents": ["batch.expired"]})
    assert planned(project) == {"FakeWebhook/w": ("update", "drifted")}


def test_the_name_alone_drifts_where_the_mark_is_gone(project):
    """Somebody overwrites the display name, and with it the mark: it is not known to be ours any more."""
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    webhook_patch(project, name="theirs now")
    project.gemctl("plan", status=1)
    assert "E568" in project.codes()
    effects = len(project.calls())
    apply(project, status=5)
    assert len(project.calls()) == effects


def trigger_anew(project, **fields):
    """Somebody deletes the trigger and makes another with its name."""
    (name,) = project.live("fakeTriggers")
    shown = project.ask("GET", name)
    project.ask("DELETE", name)
    made = {field: shown[field] for field in ("displayName", "schedule", "timeZone", "agent", "status")}
    project.ask("POST", "fakeTriggers", {**made, "prompt": "Go.", **fields})


def test_drift_of_a_field_that_only_a_new_object_can_change(project, monkeypatch):
    """The service changes it by itself, as nobody else can."""
    project.declare("FakeAgent", "a", AGENT)
    project.declare("FakeTrigger", "t", TRIGGER)
    apply(project)
    app = project.app
    (row,) = live(app, "fakeTriggers")
    with app.world.turn():
        app.world.patch(row, body={**row.body, "schedule": "1 1 1 1 1"})
    change = project.changes()["FakeTrigger/t"]
    assert (change["action"], change["reason"]) == ("replace", "drifted")
    assert [(f["path"], f["before"], f["after"]) for f in change["fields"]] == [
        ("schedule", "1 1 1 1 1", TRIGGER["schedule"])
    ]
    project.declare("FakeTrigger", "t", TRIGGER, lifecycle={"ignoreChanges": ["schedule"]})
    assert planned(project) == {}
    project.declare("FakeTrigger", "t", TRIGGER)
    apply(project)
    assert planned(project) == {}
    (shown,) = project.ask("GET", "fakeTriggers")["triggers"]
    assert shown["schedule"] == TRIGGER["schedule"] and shown["name"] != row.name


@pytest.mark.parametrize("kind", ["FakeWebhook", "FakeAgent", "FakeTrigger"])
def test_what_was_deleted_by_hand_is_made_again(project, kind):
    project.declare("FakeAgent", "a", AGENT)
    spec = {"FakeWebhook": HOOK, "FakeAgent": AGENT, "FakeTrigger": TRIGGER}
    project.declare(kind, "a" if kind == "FakeAgent" else "x", spec[kind])
    apply(project)
    collection = f"f{kind[1:]}s"
    (name,) = project.live(collection)
    project.ask("DELETE", name)
    address = f"{kind}/{'a' if kind == 'FakeAgent' else 'x'}"
    assert planned(project) == {address: ("create", "missing")}
    apply(project)
    assert planned(project) == {}
    assert len(project.live(collection)) == 1


def test_refresh_only_shows_drift_and_writes_the_ledger_alone(project):
    declare_all(project)
    apply(project)
    webhook_patch(project, uri="https://evil.example/")
    (agent,) = project.live("fakeAgents")
    project.ask("DELETE", agent)
    shown = project.changes("--refresh-only --detailed-exitcode", 2)
    webhook = shown["FakeWebhook/w"]
    assert (webhook["action"], webhook["reason"]) == ("refresh", "drifted")
    assert ("uri", HOOK["uri"], "https://evil.example/") in [
        (f["path"], f["before"], f["after"]) for f in webhook["fields"]
    ]
    assert (shown["FakeAgent/a"]["action"], shown["FakeAgent/a"]["reason"]) == ("forget", "missing")
    effects, requests = project.calls(), len(project.ask("GET", "fakeWebhooks")["webhooks"])
    before = {record["address"]: record for record in project.gemctl("state list")["records"]}
    apply(project, more="--refresh-only")
    assert project.calls() == effects and requests == 1
    after = {record["address"]: record for record in project.gemctl("state list")["records"]}
    assert set(before) - set(after) == {"FakeAgent/a"}
    assert after["FakeWebhook/w"]["facts"]["uri"] == "https://evil.example/"
    assert after["FakeWebhook/w"]["sent"] == before["FakeWebhook/w"]["sent"]
    found = planned(project)
    assert found["FakeWebhook/w"] == ("update", "drifted")
    assert found["FakeAgent/a"] == ("create", "declared")
    apply(project)
    assert planned(project) == {}


def test_refresh_only_of_what_is_as_it_was_is_empty(project):
    declare_all(project)
    apply(project)
    assert planned(project, "--refresh-only --detailed-exitcode") == {}


def test_refresh_only_of_nothing_declared_deletes_nothing(project):
    """So no guard against deleting everything stops it."""
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    project.remove("FakeWebhook", "w")
    webhook_patch(project, uri="https://evil.example/")
    assert planned(project, "--refresh-only") == {"FakeWebhook/w": ("refresh", "drifted")}
    apply(project, more="--refresh-only")
    project.plan(status=1)
    assert "E503" in project.codes()


# Pages


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("FakeWebhook", lambda n: {**HOOK, "secret": {"file": f"out/secret-{n}"}}),
        ("FakeAgent", lambda n: {"id": f"agent-{n}"}),
        ("FakeTrigger", lambda n: {**TRIGGER, "prompt": f"Go {n}."}),
        ("FakeEnvironment", lambda n: ENVIRONMENT),
    ],
)
def test_more_than_a_page(project, kind, spec):
    if kind == "FakeTrigger":
        project.declare("FakeAgent", "a", AGENT)
    many = 2 * MOST + 1
    for number in range(many):
        project.declare(kind, f"n{number}", spec(number))
    apply(project)
    assert planned(project) == {}
    assert project.made(f"f{kind[1:]}s") == many


# Agents: the user chooses the id


def test_an_agent_that_is_there_and_not_ours_is_not_touched(project):
    project.ask("POST", "fakeAgents", {"id": "helper", "instruction": "Theirs."})
    project.declare("FakeAgent", "a", AGENT)
    project.gemctl("plan", status=1)
    assert "E571" in project.codes() and "gemctl import FakeAgent/a fakeAgents/helper" in project.said
    effects = project.calls()
    apply(project, status=5)
    assert "E571" in project.codes()
    assert project.calls() == effects
    project.gemctl("import FakeAgent/a fakeAgents/helper", status=64)
    assert "instruction is Theirs." in project.said
    project.declare("FakeAgent", "a", {"id": "helper", "instruction": "Theirs."})
    project.gemctl("import FakeAgent/a fakeAgents/helper")
    assert planned(project) == {}
    project.declare("FakeAgent", "a", AGENT)
    assert planned(project) == {"FakeAgent/a": ("replace", "edited")}
    apply(project)
    assert planned(project) == {}
    assert project.ask("GET", "fakeAgents/helper")["instruction"] == AGENT["instruction"]


def test_an_agent_that_is_imported_as_it_is_declared(project):
    project.ask("POST", "fakeAgents", AGENT)
    project.declare("FakeAgent", "a", AGENT)
    project.gemctl("import FakeAgent/a fakeAgents/helper")
    assert planned(project) == {}
    assert project.made("fakeAgents") == 1


def test_agents_are_not_ours_by_a_lost_state(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project)
    lose_state(project)
    project.gemctl("plan", status=1)
    assert "E571" in project.codes()
    effects = project.calls()
    apply(project, status=5)
    assert project.calls() == effects


def test_an_agent_that_was_made_anew_by_somebody_is_not_ours(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project)
    project.clock.advance(60)
    project.ask("DELETE", "fakeAgents/helper")
    project.ask("POST", "fakeAgents", {"id": "helper", "instruction": "Theirs."})
    project.remove("FakeAgent", "a")
    effects = project.calls()
    apply(project, more="--allow-empty")
    assert project.calls() == effects


LOST = (Fault("after", method="POST", nth=frozenset({1})),)


def test_a_lost_answer_of_an_agent_is_found_by_its_intent(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project, status=5, faults=LOST)
    assert project.made("fakeAgents") == 1
    assert planned(project) == {}
    assert "E571" not in project.codes()
    apply(project)
    assert project.made("fakeAgents") == 1
    assert planned(project) == {}


def test_an_agent_that_was_there_before_the_lost_create_is_not_explained_by_it(project):
    """The create never arrived, and the name is taken by what was there when it was sent."""
    project.declare("FakeAgent", "a", AGENT)
    apply(project, status=5, faults=[Fault("before", method="POST", nth=frozenset({1}))])
    project.clock.advance(timedelta(hours=-1))
    project.ask("POST", "fakeAgents", AGENT)
    project.clock.advance(timedelta(hours=1, minutes=10))
    project.gemctl("plan", status=1)
    assert "E571" in project.codes()


def test_a_create_of_an_agent_that_came_late_is_ours(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project, status=5, faults=[Fault("late", method="POST", nth=frozenset({1}), delay=3_000.0)])
    assert project.made("fakeAgents") == 0
    project.clock.advance(2_000)
    project.remove("FakeAgent", "a")
    apply(project, more="--allow-empty")
    project.clock.advance(2_000)
    assert project.made("fakeAgents") == 1
    project.declare("FakeAgent", "a", AGENT)
    assert planned(project) == {}
    apply(project)
    assert project.made("fakeAgents") == 1 and planned(project) == {}


def test_an_agent_is_replaced_delete_first(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project)
    project.declare("FakeAgent", "a", {**AGENT, "instruction": "More."})
    since = len(project.calls())
    apply(project)
    assert project.calls(since) == ["deleted fakeAgents/helper", "created fakeAgents/helper"]
    assert planned(project) == {}


def test_a_lost_answer_in_the_middle_of_a_replacement(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project)
    project.clock.advance(60)
    project.declare("FakeAgent", "a", {**AGENT, "instruction": "More."})
    apply(project, status=5, faults=LOST)
    assert project.made("fakeAgents") == 2
    apply(project)
    assert planned(project) == {} and project.made("fakeAgents") == 2


def test_two_declarations_of_one_id_are_refused(project):
    project.declare("FakeAgent", "a", AGENT)
    project.declare("FakeAgent", "b", AGENT)
    project.gemctl("plan", status=1)
    assert "E249" in project.codes()
    assert project.made("fakeAgents") == 0


def test_an_agent_has_its_own_name_for_an_id_where_nothing_is_said(project):
    project.declare("FakeAgent", "scribe", {"instruction": "Write."})
    apply(project)
    assert project.live("fakeAgents") == ["fakeAgents/scribe"] and planned(project) == {}
    project.declare("FakeAgent", "scribe", {"id": "scribe", "instruction": "Write."})
    assert planned(project) == {}
    project.remove("FakeAgent", "scribe")
    project.declare("FakeAgent", "clerk", {"instruction": "Write."})
    project.settings(moved=[{"from": "FakeAgent/scribe", "to": "FakeAgent/clerk"}])
    assert planned(project) == {"FakeAgent/clerk": ("replace", "edited")}
    apply(project)
    assert project.live("fakeAgents") == ["fakeAgents/clerk"] and planned(project) == {}


def test_a_name_that_the_user_chose_is_known_before_it_is_there(project):
    project.declare("FakeAgent", "base", AGENT)
    project.declare("FakeAgent", "fork", {"baseRef": {"name": "base"}})
    fields = project.changes()["FakeAgent/fork"]["fields"]
    assert {field["path"]: field["after"] for field in fields} == {"id": "fork", "base": "helper"}
    apply(project)
    assert project.ask("GET", "fakeAgents/fork")["base"] == "helper" and planned(project) == {}
    project.declare("FakeAgent", "base", {**AGENT, "instruction": "More."})
    assert planned(project) == {"FakeAgent/base": ("replace", "edited")}  # its id stays
    project.declare("FakeAgent", "base", {**AGENT, "id": "other"})
    assert set(planned(project)) == {"FakeAgent/base", "FakeAgent/fork"}
    apply(project)
    assert project.ask("GET", "fakeAgents/fork")["base"] == "other" and planned(project) == {}
    project.declare("FakeAgent", "fork", {"base": "other"})
    assert planned(project) == {}


def test_an_agent_that_is_called_otherwise_is_said_to_be_ours(project):
    project.declare("FakeAgent", "a", AGENT)
    apply(project)
    project.remove("FakeAgent", "a")
    project.declare("FakeAgent", "b", AGENT)
    project.gemctl("plan", status=1)
    assert "E571" in project.codes() and "moved: [{from: FakeAgent/a, to: FakeAgent/b}]" in project.said
    project.settings(moved=[{"from": "FakeAgent/a", "to": "FakeAgent/b"}])
    assert planned(project) == {}
    apply(project)
    project.settings()
    assert planned(project) == {} and project.made("fakeAgents") == 1


def test_an_agent_that_gemctl_yaml_gives_to_an_address_is_bound(project):
    project.ask("POST", "fakeAgents", AGENT)
    project.declare("FakeAgent", "a", AGENT)
    project.settings(imports={"FakeAgent/a": "fakeAgents/helper"})
    assert planned(project) == {}
    apply(project)
    assert project.made("fakeAgents") == 1
    project.declare("FakeAgent", "a", {**AGENT, "instruction": "More."})
    apply(project)
    assert project.ask("GET", "fakeAgents/helper")["instruction"] == "More." and planned(project) == {}


# Webhooks: a secret that is shown once


def everything_written(project):
    """All that gemctl wrote besides the sink and the emulator's own folder, and what it said."""
    files = [path for path in project.folder.rglob("*") if path.is_file()]
    kept = [path for path in files if "emulator" not in path.parts and path != project.folder / SECRET]
    return "".join(path.read_text(encoding="utf-8", errors="replace") for path in kept) + project.said + project.errors


def test_a_secret_is_in_its_sink_and_nowhere_else(project):
    project.declare("FakeWebhook", "w", HOOK)
    project.gemctl(f"plan --out {project.folder / 'p.json'}")
    apply(project)
    secret = secrets_in(project)
    assert secret.startswith("whsec_") and is_current(project)
    assert stat.S_IMODE((project.folder / SECRET).stat().st_mode) == 0o600
    said = project.said + project.errors
    for line in ("plan", "state list", "output", "get", "render"):
        project.gemctl(line)
        said += project.said + project.errors
    assert secret not in said + everything_written(project)
    assert secret[6:] not in said + everything_written(project)


def allow(monkeypatch, command):
    """What whoever owns the environment does, before a command of a manifest is run."""
    monkeypatch.setenv("GEMCTL_SECRET_COMMANDS", command)
    return {"command": command}


UNUSABLE = {
    "a folder": {"file": "out"},
    "below a file": {"file": "gemctl.lock/secret"},
    "no such program": {"command": "there-is-no-such-program"},
    "quotes": {"command": "tee 'x"},
}


@pytest.mark.parametrize("sink", UNUSABLE.values(), ids=UNUSABLE)
def test_a_sink_that_can_take_nothing_is_noticed_before_anything_is_made(project, sink, monkeypatch):
    monkeypatch.setenv("GEMCTL_SECRET_COMMANDS", sink.get("command", ""))
    project.write("out/a", "")
    project.write("gemctl.lock", "")
    project.declare("FakeWebhook", "w", {**HOOK, "secret": sink})
    project.declare("FakeAgent", "a", AGENT)
    apply(project, status=5)
    assert "E572" in project.codes() and "Nothing was sent" in project.said + project.errors
    assert (project.made("fakeWebhooks"), project.made("fakeAgents")) == (0, 1)
    project.declare("FakeWebhook", "w", HOOK)
    assert planned(project) == {"FakeWebhook/w": ("create", "declared")}
    apply(project)
    assert is_current(project) and planned(project) == {}


@pytest.mark.parametrize("allowed", [None, "", "tee", "tee another\ntee made --append", "tee made;"])
def test_a_command_that_the_environment_does_not_allow_is_not_run(project, monkeypatch, allowed):
    """A pull request can name any command: that is no consent."""
    if allowed is not None:
        monkeypatch.setenv("GEMCTL_SECRET_COMMANDS", allowed)
    project.declare("FakeWebhook", "w", {**HOOK, "secret": {"command": "tee made"}})
    apply(project, status=5)
    assert "E572" in project.codes() and "GEMCTL_SECRET_COMMANDS" in project.said + project.errors
    assert "Nothing was sent" in project.said + project.errors
    assert project.made("fakeWebhooks") == 0


def test_a_sink_that_fails_is_said_and_the_secret_made_anew(project, monkeypatch):
    failing = allow(monkeypatch, f"'{sys.executable}' -c 'raise SystemExit(3)'")
    project.declare("FakeWebhook", "w", {**HOOK, "secret": failing})
    apply(project, status=5)
    assert "E572" in project.codes()
    assert planned(project) == {"FakeWebhook/w": ("update", "undelivered")}
    apply(project, status=5)
    assert "E572" in project.codes()
    keep = f"import pathlib, sys; pathlib.Path('{project.folder / SECRET}').write_text(sys.stdin.read())"
    (project.folder / SECRET).parent.mkdir()
    kept = allow(monkeypatch, f"""'{sys.executable}' -c "{keep}" """)
    project.declare("FakeWebhook", "w", {**HOOK, "secret": kept})
    apply(project)
    assert is_current(project) and planned(project) == {}
    assert project.made("fakeWebhooks") == 1
    assert "whsec_" not in everything_written(project)


@pytest.mark.parametrize("path", ["../secret", "/tmp/secret", ".gemctl/secret", "gemctl.yaml", "docs/", "a\u202eb"])
def test_a_sink_lies_in_the_project(project, path):
    project.declare("FakeWebhook", "w", {**HOOK, "secret": {"file": path}})
    project.gemctl("plan", status=1)
    assert "E248" in project.codes()


def test_two_secrets_are_not_in_one_file(project):
    project.declare("FakeWebhook", "w", HOOK)
    project.declare("FakeWebhook", "x", {**HOOK, "secret": {"file": f"./{SECRET}"}})
    project.gemctl("plan", status=1)
    assert "E248" in project.codes()


def test_a_lost_answer_of_a_webhook_is_repaired_by_rotation(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project, status=5, faults=LOST)
    assert not (project.folder / SECRET).exists()
    assert planned(project) == {"FakeWebhook/w": ("update", "undelivered")}
    apply(project)
    assert is_current(project) and planned(project) == {}
    assert project.made("fakeWebhooks") == 1


def test_a_lost_answer_of_a_rotation_is_repaired_by_another(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project, status=5, faults=LOST)
    apply(project, status=5, faults=[Fault("after", path="rotateSigningSecret")])
    assert planned(project) == {"FakeWebhook/w": ("update", "undelivered")}
    apply(project)
    assert is_current(project) and planned(project) == {}


def test_a_reply_without_a_secret_is_repaired_by_rotation(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project, status=5, faults=[Fault("cut", method="POST", nth=frozenset({1}), at_bytes=40)])
    apply(project)
    assert is_current(project) and planned(project) == {}


def test_an_edit_beside_an_undelivered_secret_puts_both_right(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project, status=5, faults=LOST)
    project.declare("FakeWebhook", "w", {**HOOK, "uri": "https://example.com/2"})
    apply(project)
    apply(project)
    assert is_current(project) and planned(project) == {}


def test_an_undeclared_webhook_is_deleted_whether_or_not_its_secret_arrived(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project, status=5, faults=LOST)
    project.remove("FakeWebhook", "w")
    apply(project, more="--allow-empty")
    assert project.live("fakeWebhooks") == []


# Environments: fields that are patched, and a mark that stays as it was


def environment_patched(project):
    """The live name of one that was patched, so that its mark is that of what was declared before."""
    project.declare("FakeEnvironment", "e", ENVIRONMENT)
    apply(project)
    project.declare("FakeEnvironment", "e", {**ENVIRONMENT, "packages": ["c"]})
    apply(project)
    assert planned(project) == {}
    (name,) = project.live("fakeEnvironments")
    return name


def packages_by_hand(project, name, packages):
    project.ask("PATCH", f"{name}?updateMask=packages", {"packages": packages})


def test_an_environment_that_was_patched_is_known_by_its_old_mark(project):
    name = environment_patched(project)
    lose_state(project)
    assert planned(project) == {}
    project.declare("FakeEnvironment", "e", {**ENVIRONMENT, "packages": ["c"], "description": "For all."})
    assert planned(project) == {"FakeEnvironment/e": ("update", "edited")}
    apply(project)
    assert planned(project) == {} and project.live("fakeEnvironments") == [name]


def test_an_environment_whose_mark_is_what_is_declared_again_is_patched_back(project):
    """The mark says that it is just what is declared; what is live says that it is not."""
    name = environment_patched(project)
    lose_state(project)
    project.declare("FakeEnvironment", "e", ENVIRONMENT)
    assert planned(project) == {"FakeEnvironment/e": ("update", "drifted")}
    apply(project)
    assert planned(project) == {} and project.live("fakeEnvironments") == [name]
    assert project.ask("GET", name)["packages"] == ENVIRONMENT["packages"]


def test_a_list_that_a_reply_shows_in_part_is_not_compared(project):
    project.declare("FakeEnvironment", "e", {**ENVIRONMENT, "packages": list("abcdefg")})
    apply(project)
    (name,) = project.live("fakeEnvironments")
    packages_by_hand(project, name, list("abcdefx"))
    assert planned(project) == {}
    packages_by_hand(project, name, ["a"])
    assert planned(project) == {"FakeEnvironment/e": ("update", "drifted")}


def test_a_field_that_is_declared_no_more_is_emptied(project):
    project.declare("FakeEnvironment", "e", ENVIRONMENT)
    apply(project)
    project.declare("FakeEnvironment", "e", {"region": "eu"})
    assert planned(project) == {"FakeEnvironment/e": ("update", "edited")}
    apply(project)
    (name,) = project.live("fakeEnvironments")
    assert project.ask("GET", name)["packages"] == [] and planned(project) == {}


def test_an_environment_whose_operation_failed_is_mended_by_an_edit(project):
    project.declare("FakeEnvironment", "e", {**ENVIRONMENT, "packages": [BROKEN]})
    apply(project, status=5)
    assert project.plan() == {"FakeEnvironment/e": ("keep", "failed")}
    project.declare("FakeEnvironment", "e", ENVIRONMENT)
    apply(project)
    assert planned(project) == {} and project.made("fakeEnvironments") == 1


@pytest.mark.parametrize("path", ["fakeEnvironments$", "/operations/"])
def test_a_lost_answer_about_an_environment(project, path):
    project.declare("FakeEnvironment", "e", ENVIRONMENT)
    project.gemctl("plan")
    fault = Fault("after", path=path, method="POST" if path.endswith("$") else "GET", nth=frozenset({1}))
    apply(project, status=5 if fault.method == "POST" else 0, faults=[fault])
    apply(project)
    assert planned(project) == {} and project.made("fakeEnvironments") == 1


def test_an_environment_is_restarted_once(project):
    project.declare("FakeEnvironment", "e", ENVIRONMENT)
    apply(project)
    since = len(project.calls())
    assert act(project, "FakeEnvironment/e", "restart").done == 1
    assert [call.partition(" ")[0] for call in project.calls(since)] == ["restarted"]
    assert planned(project) == {}


# Acts: done once, by the machine that makes everything else


def act(project, address, name, *, faults=(), **more):
    """What came of it."""
    with embedded(faults=tuple(faults)):
        session = open_session(Settings(str(project.folder), dict(os.environ), project.clock))
        line = connect(session)
        with session.store.lock("act", 0):
            desired = wanted(session, PlanRequest())
            loaded = load_known(session, line)
            resource = desired.resources[Address(*address.split("/"))]
            return acts.act(session, line, desired, resource, name, loaded=loaded, stopping=Stopping(), **more)


def requests_of(project, ending, monkeypatch):
    """The paths of the requests that end so, as they come."""
    seen = []
    handle = App.handle

    def noting(app, request):
        if request.path.endswith(ending):
            seen.append(request.path)
        return handle(app, request)

    monkeypatch.setattr(App, "handle", noting)
    return seen


def test_a_secret_is_rotated_and_delivered(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    before = secrets_in(project)
    done = act(project, "FakeWebhook/w", "rotate")
    assert (done.done, done.problems, done.unknown) == (1, (), False)
    assert is_current(project) and secrets_in(project) != before
    assert stat.S_IMODE((project.folder / SECRET).stat().st_mode) == 0o600
    assert planned(project) == {}
    assert secrets_in(project)[6:] not in everything_written(project) + repr(done)


def test_a_rotation_whose_answer_is_lost_is_made_good_by_an_apply(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    done = act(project, "FakeWebhook/w", "rotate", faults=[Fault("after", path="rotateSigningSecret")])
    assert done.unknown and done.problems
    assert not is_current(project)
    assert planned(project) == {"FakeWebhook/w": ("update", "undelivered")}
    apply(project)
    assert is_current(project) and planned(project) == {}


def test_a_rotation_that_is_refused_leaves_the_secret_as_it_is(project):
    """That the old one may be void was written down before it was sent: a new one is made to be sure."""
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    done = act(project, "FakeWebhook/w", "rotate", faults=[Fault("status_before", path="rotate", status=403)])
    assert done.problems and not done.unknown
    apply(project)
    assert is_current(project) and planned(project) == {}


def test_a_rotation_that_can_not_be_delivered_is_said(project, monkeypatch):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    (project.folder / SECRET).unlink()
    (project.folder / SECRET).mkdir()
    seen = requests_of(project, ":rotate", monkeypatch)
    done = act(project, "FakeWebhook/w", "rotate")
    assert [found.code for found in done.problems] == ["E572"]
    assert seen == [] and planned(project) == {}  # the old one is in use, and stays so
    (project.folder / SECRET).rmdir()
    failing = allow(monkeypatch, f"'{sys.executable}' -c 'raise SystemExit(3)'")
    project.declare("FakeWebhook", "w", {**HOOK, "secret": failing})
    done = act(project, "FakeWebhook/w", "rotate")
    assert [found.code for found in done.problems] == ["E572"]
    project.declare("FakeWebhook", "w", HOOK)
    assert planned(project) == {"FakeWebhook/w": ("update", "undelivered")}
    apply(project)
    assert is_current(project)


def test_a_ping_is_sent_once_and_changes_nothing(project, monkeypatch):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    seen, effects = requests_of(project, ":ping", monkeypatch), project.calls()
    assert act(project, "FakeWebhook/w", "ping").done == 1
    assert len(seen) == 1 and project.calls() == effects and planned(project) == {}


def test_a_trigger_is_run_once_and_an_unknown_outcome_is_said(project, monkeypatch):
    project.declare("FakeAgent", "a", AGENT)
    project.declare("FakeTrigger", "t", TRIGGER)
    apply(project)
    seen = requests_of(project, ":run", monkeypatch)
    assert act(project, "FakeTrigger/t", "run").done == 1
    done = act(project, "FakeTrigger/t", "run", faults=[Fault("after", path=":run")])
    assert (done.done, done.unknown) == (0, True)
    (found,) = done.problems
    assert "may have been done or not" in found.hint
    assert len(seen) == 2
    apply(project)
    assert len(seen) == 2 and planned(project) == {}


def test_an_act_wants_something_to_act_upon(project):
    project.declare("FakeWebhook", "w", HOOK)
    apply(project)
    with pytest.raises(Usage):
        act(project, "FakeWebhook/w", "dance")
    project.declare("FakeWebhook", "x", {**HOOK, "secret": {"file": "out/x"}})
    with pytest.raises(Usage):
        act(project, "FakeWebhook/x", "ping")


# Runs: known to the ledger alone


@pytest.fixture
def run(project):
    project.declare("FakeRun", "r", RUN, **SAVED)
    return project


def test_a_run_is_run_once_and_its_results_are_saved(run):
    apply(run)
    assert run.plan() == {"FakeRun/r": ("keep", "running")}
    run.gemctl("wait FakeRun/r")
    apply(run)
    (line,) = (run.folder / "out/r.jsonl").read_text(encoding="utf-8").splitlines()
    assert "Done: Look it up." in line
    assert (run.folder / "out/r.jsonl.run.json").exists()
    assert run.plan() == {"FakeRun/r": ("keep", "done")}
    run.clock.advance(timedelta(days=60))  # the service has forgotten it
    assert run.plan() == {"FakeRun/r": ("keep", "done")}
    apply(run)
    assert run.made("fakeRuns") == 1


def test_a_receipt_outlives_the_state(run):
    apply(run)
    run.clock.advance(100)
    apply(run)
    for file in (run.folder / ".gemctl/local").glob("*"):
        if file.is_file():
            file.unlink()
    assert run.plan() == {"FakeRun/r": ("keep", "done")}
    apply(run)
    assert run.made("fakeRuns") == 1


def test_a_lost_answer_of_a_run_stays_unknown_until_a_person_says(run):
    apply(run, status=5, faults=LOST)
    assert run.made("fakeRuns") == 1
    for hours in (0, 1, 100):
        run.clock.advance(timedelta(hours=hours))
        run.gemctl("plan", status=1)
        assert "E570" in run.codes()
        apply(run, status=1)
        assert "E570" in run.codes()
    assert run.made("fakeRuns") == 1
    apply(run, more="--allow-rerun")
    assert run.made("fakeRuns") == 2
    assert run.plan() == {"FakeRun/r": ("keep", "running")}
    apply(run)
    assert run.made("fakeRuns") == 2


def test_a_lost_run_can_be_imported(run):
    apply(run, status=5, faults=LOST)
    (name,) = run.live("fakeRuns")
    run.gemctl(f"import FakeRun/r {name}")
    assert run.plan() == {"FakeRun/r": ("keep", "running")}
    run.clock.advance(100)
    apply(run)
    assert run.plan() == {"FakeRun/r": ("keep", "done")}
    assert run.made("fakeRuns") == 1


def test_a_run_that_gemctl_yaml_gives_to_an_address_is_bound_although_no_list_shows_it(run):
    given = run.ask("POST", "fakeRuns", {**RUN, "background": True})["id"]
    run.settings(imports={"FakeRun/r": f"fakeRuns/{given}"})
    assert run.plan() == {"FakeRun/r": ("keep", "running")}
    apply(run)
    run.clock.advance(100)
    apply(run)
    assert run.plan() == {"FakeRun/r": ("keep", "done")}
    assert run.made("fakeRuns") == 1


@pytest.mark.parametrize("name", ["fakeRuns/none", "fakeRuns/../x", "x"])
def test_what_is_no_run_is_not_imported(run, name):
    run.gemctl(f"import FakeRun/r {name}", status=64)
    assert run.made("fakeRuns") == 0


def test_a_lost_run_that_is_undeclared_and_declared_again_is_still_unknown(run):
    apply(run, status=5, faults=LOST)
    run.remove("FakeRun", "r")
    apply(run, more="--allow-empty")
    run.declare("FakeRun", "r", RUN, **SAVED)
    run.gemctl("plan", status=1)
    assert "E570" in run.codes()
    assert run.made("fakeRuns") == 1


def test_another_run_may_follow_one_that_was_lost(run):
    apply(run, status=5, faults=LOST)
    run.declare("FakeRun", "r", {**RUN, "input": "Something else."}, **SAVED)
    apply(run)
    assert run.made("fakeRuns") == 2
    run.declare("FakeRun", "r", RUN, **SAVED)
    run.gemctl("plan", status=1)
    assert "E570" in run.codes()


def test_a_run_that_was_refused_is_sent_again(run):
    apply(run, status=5, faults=[Fault("status_before", method="POST", status=400)])
    assert run.made("fakeRuns") == 0
    apply(run)
    assert run.made("fakeRuns") == 1


def test_an_edited_run_is_run_anew(run):
    apply(run)
    run.declare("FakeRun", "r", {**RUN, "input": "Something else."}, **SAVED)
    assert run.plan()["FakeRun/r"] in {("create", "edited"), ("cancel", "superseded")}
    apply(run)
    assert run.made("fakeRuns") == 2
    assert run.ask("GET", run.live("fakeRuns")[0])["status"] == "cancelled"
    run.clock.advance(100)
    apply(run)
    assert "Something else." in (run.folder / "out/r.jsonl").read_text(encoding="utf-8")
    assert run.made("fakeRuns") == 2


def test_another_key_runs_it_again(run):
    apply(run)
    run.clock.advance(100)
    apply(run)
    run.declare("FakeRun", "r", RUN, run={"results": "out/r.jsonl", "key": "2"})
    apply(run)
    assert run.made("fakeRuns") == 2


def test_a_run_is_cancelled_and_not_run_again(run):
    apply(run)
    run.gemctl("cancel FakeRun/r --yes")
    assert run.ask("GET", run.live("fakeRuns")[0])["status"] == "cancelled"
    assert run.plan() == {"FakeRun/r": ("keep", "failed")}
    apply(run)
    assert run.made("fakeRuns") == 1


def test_an_undeclared_run_gives_its_results_and_is_deleted(run):
    apply(run)
    run.clock.advance(100)
    run.remove("FakeRun", "r")
    apply(run, more="--allow-empty")
    assert run.live("fakeRuns") == []
    (saved,) = (run.folder / "out").glob("r.*.jsonl")  # another declaration may write to the file that was named
    assert "Done: Look it up." in saved.read_text(encoding="utf-8")


def test_an_undeclared_run_that_goes_on_is_stopped_and_deleted(run):
    apply(run)
    run.remove("FakeRun", "r")
    apply(run, more="--allow-empty")
    apply(run, more="--allow-empty")
    assert run.live("fakeRuns") == []


def test_a_run_is_destroyed(run):
    apply(run)
    run.gemctl("destroy --yes")
    run.gemctl("destroy --yes")
    assert run.live("fakeRuns") == [] and run.gemctl("state list")["records"] == []


def test_a_run_that_failed_is_run_again_where_that_is_asked_for(run):
    spec = {**RUN, "input": "[[emulator: run ends failed]]"}
    run.declare("FakeRun", "r", spec, run={"results": "out/r.jsonl", "onFailed": "resubmit", "maxResubmits": 1})
    apply(run)
    run.clock.advance(100)
    apply(run)
    assert run.made("fakeRuns") == 2
    run.clock.advance(100)
    apply(run)
    assert run.made("fakeRuns") == 2
    changes = run.gemctl("plan")["changes"]
    assert {(change["action"], change["reason"]) for change in changes} == {("keep", "failed"), ("keep", "superseded")}
