"""Triggers through the command line, from the first apply to the last: schedules that bill whether or not anybody has
heard of them, what they cost, and what they have started.
"""

from __future__ import annotations

import contextlib
import io
from datetime import timedelta

import pytest
from fakes.fake_emulator import embedded
from fakes.fake_project import FakeProject

from gemctl.cli.main import run
from gemctl.emulator.faults import Fault

AGENT = "antigravity-preview-09-2026"
SPEC = {
    "schedule": "0 3 * * *",
    "timeZone": "Europe/Berlin",
    "interaction": {"agent": AGENT, "input": "Look what has changed."},
    "status": "active",
}
PRICED = {**SPEC["interaction"], "agentConfig": {"type": "antigravity", "model": "gemini-3.8-flash"}}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def project(tmp_path):
    one = FakeProject(tmp_path)
    declare(one)
    return one


def declare(project, *, envelope=None, **more):
    spec = {name: value for name, value in {**SPEC, **more}.items() if value is not None}
    project.declare("Trigger", "nightly", spec, **(envelope or {}))


def shown(project):
    """All triggers as the service shows them, the oldest first."""
    return project.ask("GET", "triggers").get("triggers", [])[::-1]


def only(project):
    (found,) = shown(project)
    return found


def planned(project, more=""):
    return {address: done for address, done in project.plan(more).items() if done[0] != "keep"}


def apply(project, status=0, **how):
    return project.gemctl("apply --yes", status, **how)


def let_pass(project, length):
    project.clock.advance(length.total_seconds())


def executions(project, name=None):
    name = name or f"triggers/{only(project)['id']}"
    return project.ask("GET", f"{name}/executions").get("trigger_executions", [])


# Lives


def test_it_is_made_and_patched_and_deleted(project):
    apply(project)
    made = only(project)
    assert made["display_name"].startswith("nightly ~g1.") and made["interaction"]["input"] == "Look what has changed."
    assert planned(project) == {}
    declare(project, status="paused")
    assert planned(project) == {"Trigger/nightly": ("update", "edited")}
    apply(project)
    assert (only(project)["id"], only(project)["status"]) == (made["id"], "paused") and planned(project) == {}
    declare(project, status=None)  # nobody has asked for a start
    apply(project)
    assert only(project)["status"] == "paused" and planned(project) == {}
    declare(project)
    apply(project)
    assert (only(project)["id"], only(project)["status"]) == (made["id"], "active")
    project.remove("Trigger", "nightly")
    project.gemctl("apply --yes --allow-empty")
    assert shown(project) == []


EDITS = {
    "schedule": {"schedule": "0 4 * * *"},
    "zone": {"timeZone": "UTC"},
    "input": {"interaction": {"agent": AGENT, "input": "Look again."}},
    "agent": {"interaction": {"agent": "deep-research-preview-04-2026", "input": "Look what has changed."}},
    "labels": {"interaction": {**SPEC["interaction"], "labels": {"team": "a"}}},
    "limits": {"maxConsecutiveFailures": 2, "executionTimeoutSeconds": 60},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_all_else_makes_a_new_one_and_the_old_one_goes_at_once(project, edit):
    apply(project)
    old = only(project)["id"]
    declare(project, **edit)
    change = project.changes()["Trigger/nightly"]
    assert (change["action"], change["reason"]) == ("replace", "edited")
    assert change["note"] == "for a moment there are both: what is due then is started by each"
    apply(project)
    assert only(project)["id"] != old and planned(project) == {}


def test_first_the_old_one_goes_where_that_is_asked_for(project):
    declare(project, envelope={"lifecycle": {"replace": "deleteFirst"}})
    apply(project)
    declare(project, envelope={"lifecycle": {"replace": "deleteFirst"}}, schedule="0 4 * * *")
    assert project.changes()["Trigger/nightly"]["note"] is None
    since = len(project.calls())
    apply(project)
    assert [one.partition(" ")[0] for one in project.calls(since)] == ["deleted", "created"]


def test_one_that_is_declared_as_paused_never_begins(project):
    declare(project, status="paused", schedule="* * * * *")
    apply(project)
    assert only(project)["status"] == "paused" and planned(project) == {}
    let_pass(project, DAY)
    assert executions(project) == [] and planned(project) == {}
    declare(project, status="paused", schedule="*/2 * * * *")  # and neither does one in its place
    assert project.changes()["Trigger/nightly"]["note"] is None
    apply(project)
    let_pass(project, DAY)
    assert only(project)["status"] == "paused" and executions(project) == []


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_pause_that_got_lost_is_made_good(project, method):
    declare(project, status="paused")
    apply(project, None, faults=[Fault("before" if method == "PATCH" else "after", method=method, path="triggers")] * 6)
    apply(project)
    assert only(project)["status"] == "paused" and planned(project) == {}


def test_texts_come_from_files(project):
    project.write("tasks/night.md", "Look there.")
    declare(project, interaction={"agent": AGENT, "input": {"file": "tasks/night.md"}})
    apply(project)
    assert only(project)["interaction"]["input"] == "Look there."
    declare(project, interaction={"agent": AGENT, "input": "Look there."})
    assert planned(project) == {}  # where a text lies makes no difference
    project.write("tasks/night.md", "Look elsewhere.")
    declare(project, interaction={"agent": AGENT, "input": {"file": "tasks/night.md"}})
    assert planned(project) == {"Trigger/nightly": ("replace", "edited")}


# Drift


def test_what_others_patch_is_patched_back(project):
    apply(project)
    project.ask("PATCH", f"triggers/{only(project)['id']}", {"status": "paused"})
    (change,) = project.changes().values()
    assert (change["action"], change["reason"]) == ("update", "drifted")
    assert change["runs"]["next"]  # it is started again by that
    apply(project)
    assert only(project)["status"] == "active"


FAILS = {"agent": AGENT, "input": "[[emulator: interaction ends failed]]"}


def halted(project, **more):
    declare(project, interaction=FAILS, maxConsecutiveFailures=2, **more)
    apply(project)
    let_pass(project, 3 * DAY)
    assert only(project)["status"] == "error"


def test_one_that_the_service_has_stopped_is_started_again_where_that_is_declared(project):
    halted(project)
    assert planned(project) == {"Trigger/nightly": ("update", "drifted")}
    assert "W575" in project.codes() and "too many executions failed" in project.said
    apply(project)
    assert only(project)["status"] == "active" and planned(project) == {}


def test_one_that_the_service_has_stopped_is_only_said_where_nothing_is_declared_of_that(project):
    halted(project, status=None)
    change = project.changes()["Trigger/nightly"]
    assert (change["action"], change["note"]) == ("keep", "it was halted")
    assert "W575" in project.codes()
    apply(project)
    assert only(project)["status"] == "error"


def test_one_that_the_service_has_stopped_is_not_started_by_saying_less(project):
    halted(project)
    declare(project, interaction=FAILS, maxConsecutiveFailures=2, status=None)
    change = project.changes()["Trigger/nightly"]
    assert (change["action"], "runs" in change) == ("update", False) and "W575" in project.codes()
    apply(project)
    assert only(project)["status"] == "error" and planned(project) == {}


def test_one_that_is_to_be_paused_is_as_good_as_stopped(project):
    halted(project, status=None)
    declare(project, interaction=FAILS, maxConsecutiveFailures=2, status="paused")
    project.gemctl("apply --yes")
    assert planned(project) == {}


# What is not heard of


LOST = {
    "lost": [Fault("after", method="POST", path="triggers")],
    "cut": [Fault("cut", method="POST", path="triggers", nth=frozenset({1}), at_bytes=40)],
    "an error": [Fault("status_after", method="POST", path="triggers", nth=frozenset({1}), status=503)],
}


@pytest.mark.parametrize("faults", LOST.values(), ids=LOST)
def test_one_whose_answer_is_lost_is_found_by_its_mark(project, faults):
    apply(project, 5, faults=faults)
    there = only(project)["id"]
    project.gemctl("plan", None)
    assert "Trigger/nightly" in project.said
    apply(project)
    assert only(project)["id"] == there and project.made("triggers") == 1 and planned(project) == {}


def test_one_that_may_still_come_is_said_to_cost(project):
    late = Fault("late", method="POST", path="triggers", nth=frozenset({1}), delay=30)
    apply(project, 5, faults=[late])
    assert shown(project) == []
    project.gemctl("plan", None)
    assert "W501" in project.codes() and "starts something by its schedule meanwhile, which costs" in project.said
    apply(project)
    assert project.made("triggers") == 1 and len(shown(project)) == 1 and planned(project) == {}


@pytest.mark.parametrize("faults", LOST.values(), ids=LOST)
def test_a_replacement_whose_answer_is_lost_leaves_one(project, faults):
    apply(project)
    old = only(project)["id"]
    declare(project, schedule="0 4 * * *")
    apply(project, 5, faults=faults)
    assert len(shown(project)) == 2  # the old one goes when the new one is known
    apply(project)
    assert only(project)["id"] != old and only(project)["schedule"] == "0 4 * * *"
    assert project.made("triggers") == 2 and planned(project) == {}


def test_after_a_lost_state_it_is_found_again(project):
    apply(project)
    there = only(project)["id"]
    for file in (project.folder / ".gemctl/local").glob("*.json*"):
        file.unlink()
    apply(project)
    assert only(project)["id"] == there and project.made("triggers") == 1 and planned(project) == {}


def test_one_of_somebody_else_is_left_alone(project):
    body = {"schedule": "0 1 * * *", "time_zone": "UTC", "interaction": {"agent": AGENT, "input": "x"}}
    theirs = project.ask("POST", "triggers", {**body, "display_name": "nightly"})["id"]
    apply(project)
    project.gemctl("destroy --yes")
    assert only(project)["id"] == theirs


# Imports


def test_one_of_somebody_else_is_imported(project):
    body = {
        "schedule": "0 3 * * *",
        "time_zone": "Europe/Berlin",
        "interaction": {"agent": AGENT, "input": "Look what has changed."},
    }
    made = project.ask("POST", "triggers", {**body, "display_name": "theirs"})["id"]
    project.gemctl(f"import Trigger/nightly triggers/{made}")
    assert planned(project) == {}
    declare(project, status="paused")
    apply(project)
    assert (only(project)["id"], only(project)["status"]) == (made, "paused")
    assert only(project)["display_name"].startswith("nightly ~g1.")


def test_a_manifest_is_written_for_one_that_is_live(project):
    project.remove("Trigger", "nightly")
    body = {
        "schedule": "0 9 * * 1",
        "time_zone": "Asia/Tokyo",
        "interaction": {"agent": AGENT, "input": "Look.\nAnd again.", "environment": "remote"},
        "max_consecutive_failures": 3,
        "display_name": "Weekly",
    }
    made = project.ask("POST", "triggers", body)["id"]
    file = project.folder / "live.yaml"
    project.gemctl(f"import --from-live Trigger --all --write {file}")
    text = file.read_text(encoding="utf-8")
    for written in ("0 9 * * 1", "Asia/Tokyo", "And again.", AGENT, "maxConsecutiveFailures: 3", "status: active"):
        assert written in text, text
    assert "${fill: " not in text and "sha256:" not in text
    project.gemctl(f"import Trigger/weekly triggers/{made}")
    assert planned(project) == {}


# What it costs


def month(project, more=""):
    return project.gemctl(f"plan {more}", None)["cost"]["monthlyAfter"][0]


def test_a_plan_tells_when_it_is_next_and_what_a_month_costs(project):
    declare(project, interaction=PRICED, envelope={"expect": {"tokensPerRun": {"input": 600_000, "output": 40_000}}})
    change = project.changes()["Trigger/nightly"]
    assert change["runs"]["timeZone"] == "Europe/Berlin" and len(change["runs"]["next"]) == 3
    first = change["runs"]["next"][0]
    assert first["local"].endswith(("T03:00:00+01:00", "T03:00:00+02:00")) and first["at"].endswith("Z")
    low, high = (float(change["cost"]["monthly"][bound]) for bound in ("low", "high"))
    assert 0 < low < high and change["cost"]["model"] == "gemini-3.8-flash"
    assert "28 to 31 runs a month" in change["cost"]["basis"]
    assert change["cost"]["total"] == {"low": "0", "high": "0"}
    assert month(project)["high"] == change["cost"]["monthly"]["high"]
    apply(project)
    assert month(project)["high"] == change["cost"]["monthly"]["high"]
    declare(project, interaction=PRICED, status="paused")
    assert month(project)["high"] == "0"


@pytest.mark.parametrize(
    ("more", "envelope", "why"),
    [
        ({"interaction": PRICED}, {}, "what each uses is not known"),
        ({}, {"expect": {"tokensPerRun": 1000}}, "the model of the agent is not known"),
    ],
)
def test_what_is_not_known_is_said_and_stopped_by_a_limit(project, more, envelope, why):
    declare(project, envelope=envelope, **more)
    change = project.changes()["Trigger/nightly"]
    assert [one for one in change["cost"]["notPriced"] if why in one]
    project.settings(safety={"maxMonthlyCost": 100})
    project.gemctl("plan", None)
    assert "E587" in project.codes()
    apply(project, 1)
    assert shown(project) == []
    project.gemctl("apply --yes --allow-unpriced")
    assert len(shown(project)) == 1


def test_a_limit_of_a_month_counts_what_is_started(project):
    expect = {"expect": {"tokensPerRun": {"input": 3_000_000, "output": 200_000}}}
    declare(project, interaction=PRICED, envelope=expect)
    project.settings(safety={"maxMonthlyCost": 20})
    apply(project, 1)
    assert "E586" in project.codes() and shown(project) == []
    declare(project, interaction=PRICED, envelope=expect, schedule="0 3 1 * *")
    apply(project)
    declare(project, interaction=PRICED, envelope=expect, status="paused")
    apply(project)  # what costs nothing more is never stopped
    declare(project, interaction=PRICED, envelope=expect)
    apply(project, 1)
    assert only(project)["status"] == "paused"


def test_cost_shows_what_is_started(project):
    declare(project, interaction=PRICED, envelope={"expect": {"tokensPerRun": 100_000}})
    apply(project)
    (one,) = project.gemctl("cost")["started"]
    assert (one["address"], one["model"], one["state"]) == ("Trigger/nightly", "gemini-3.8-flash", "active")
    assert one["runsAMonth"] == {"low": 28, "high": 31} and float(one["monthly"]["high"]) > 0
    project.ask("PATCH", f"triggers/{only(project)['id']}", {"status": "paused"})
    (one,) = project.gemctl("cost")["started"]
    assert (one["state"], one["monthly"]["high"], "runs" in one) == ("paused", "0", False)
    assert project.gemctl("cost")["monthly"][0]["high"] == "0"


def test_a_saved_plan_has_it_too(project):
    declare(project, interaction=PRICED, envelope={"expect": {"tokensPerRun": 100_000}})
    shown = project.gemctl(f"plan --out {project.folder / 'p.json'}")
    project.gemctl(f"apply --yes {project.folder / 'p.json'}")
    assert len(shown["changes"][0]["runs"]["next"]) == 3 and planned(project) == {}


def test_a_run_in_between_spoils_no_saved_plan(project):
    declare(project, schedule="* * * * *")
    apply(project)
    declare(project, schedule="* * * * *", status="paused")
    project.gemctl(f"plan --out {project.folder / 'p.json'}")
    let_pass(project, timedelta(minutes=5))
    assert executions(project)
    project.gemctl(f"apply --yes {project.folder / 'p.json'}")
    assert only(project)["status"] == "paused"


# Commands


def test_run_starts_it_once_and_names_the_execution(project):
    apply(project)
    said = project.gemctl("trigger run nightly")
    (one,) = executions(project)
    assert said["execution"]["id"] == one["id"] and said["execution"]["status"] == "in_progress"
    assert (said["address"], said["done"]) == ("Trigger/nightly", "run")
    assert said["execution"]["made"] == one["interaction_id"]
    assert planned(project) == {}


def test_run_starts_a_paused_one(project):
    declare(project, status="paused")
    apply(project)
    project.gemctl("trigger run trigger/nightly")
    assert len(executions(project)) == 1 and only(project)["status"] == "paused"


def test_a_run_whose_answer_is_lost_is_not_asked_for_again(project):
    apply(project)
    project.gemctl("trigger run nightly", 5, faults=[Fault("after", method="POST", path="executions")])
    assert len(executions(project)) == 1
    apply(project)
    assert len(executions(project)) == 1 and planned(project) == {}


def test_a_run_that_is_refused_is_an_error(project):
    apply(project)
    project.gemctl("trigger run nightly", 1, faults=[Fault("status_before", path="executions", status=400)])
    assert executions(project) == []


def test_run_asks_for_what_is_declared_and_applied(project):
    project.gemctl("trigger run nightly", 64)
    assert "gemctl apply" in project.errors + project.said
    project.gemctl("trigger run nightyl", 64)
    assert "nightly" in project.errors + project.said


def test_executions_are_shown_the_newest_first(project):
    apply(project)
    found = project.gemctl("trigger executions nightly")
    assert (found["executions"], found["more"]) == ([], False)
    let_pass(project, 3 * DAY + HOUR)
    project.gemctl("trigger run nightly")
    let_pass(project, HOUR)
    found = project.gemctl("trigger executions nightly")
    assert (found["address"], found["name"]) == ("Trigger/nightly", f"triggers/{only(project)['id']}")
    assert [one["status"] for one in found["executions"]] == ["completed"] * 4 and not found["more"]
    assert [one["began"] for one in found["executions"]] == sorted(
        (one["began"] for one in found["executions"]), reverse=True
    )
    some = project.gemctl("trigger executions nightly --limit 2")
    assert some["executions"] == found["executions"][:2] and some["more"]


def test_executions_tell_why_they_failed(project):
    halted(project, status=None)
    (one, _) = project.gemctl("trigger executions nightly")["executions"]
    assert one["status"] == "failed" and "asked for by the input" in one["error"]
    assert len(project.gemctl("trigger executions nightly")["executions"]) == 2


def test_people_read_it_too(project):
    def said(line):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), embedded():
            assert run(["-C", str(project.folder), *line.split()], clock=project.clock) == 0
        return out.getvalue()

    declare(project, interaction=PRICED, envelope={"expect": {"tokensPerRun": 100_000}})
    plan = said("plan")
    assert "next: " in plan and "Europe/Berlin" in plan and "UTC" in plan and " a month: 28 to 31 runs a month" in plan
    said("apply --yes")
    assert "next: " not in said("plan") and "next: " in said("plan -v")
    assert "has started nothing yet" in said("trigger executions nightly")
    assert "was started. Execution " in said("trigger run nightly")
    assert "in_progress" in said("trigger executions nightly")
    assert "STARTED BY THE CLOCK" in said("cost") and "28 to 31" in said("cost")
    for form in ("markdown", "html"):
        declare(project, interaction=PRICED, schedule="0 4 * * *", envelope={"expect": {"tokensPerRun": 100_000}})
        text = said(f"plan --format {form}")
        assert "Europe/Berlin" in text and "a month" in text
