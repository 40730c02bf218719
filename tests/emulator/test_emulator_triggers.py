"""Triggers: what is answered, and what is started when, by the world's clock."""

import json
from datetime import timedelta

import pytest
from conftest import Caller

from gemctl.emulator.app import App
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

AGENT = "antigravity-preview-09-2026"
DAY = 24 * 3600
INTERACTION = {"agent": AGENT, "input": "go"}
GOOD = {"schedule": "0 3 * * *", "time_zone": "UTC", "interaction": INTERACTION}
FAILS = {**INTERACTION, "input": "[[emulator: interaction ends failed]]"}
# The clock of these tests begins at 2026-01-01T00:00:00Z.


@pytest.fixture
def caller(make):
    return make(interaction_running=timedelta(seconds=30))


def trigger(caller, path=True, **more):
    made = caller.json("POST", "triggers", {**GOOD, **more})
    return f"triggers/{made['id']}" if path else made


def executions(caller, path, **how):
    return caller.json("GET", f"{path}/executions", **how).get("trigger_executions", [])


def statuses(caller, path):
    """The statuses, the oldest first."""
    return [one["status"] for one in executions(caller, path)][::-1]


def refused(caller, method, path, body=None, **how):
    response = caller.ask(method, path, body, **how)
    return response.status, json.loads(response.body)["error"]


# On the wire


def test_it_is_answered_as_newer_surfaces_do(caller, clock):
    assert caller.json("GET", "triggers") == {}
    made = trigger(caller, path=False, display_name="nightly")
    assert made == {
        "id": made["id"],
        "display_name": "nightly",
        "schedule": "0 3 * * *",
        "time_zone": "UTC",
        "interaction": INTERACTION,
        "execution_timeout_seconds": 600,
        "max_consecutive_failures": 5,
        "status": "active",
        "create_time": "2026-01-01T00:00:00.000000000Z",
        "update_time": "2026-01-01T00:00:00.000000000Z",
        "next_run_time": "2026-01-01T03:00:00.000000000Z",
    }
    path = f"triggers/{made['id']}"
    assert caller.json("GET", path) == made == caller.json("GET", "triggers")["triggers"][0]
    clock.advance(60)
    paused = caller.json("PATCH", path, {"status": "paused", "display_name": "later"})
    assert (paused["status"], paused["display_name"]) == ("paused", "later") and "next_run_time" not in paused
    assert paused["last_pause_time"] == paused["update_time"] == "2026-01-01T00:01:00.000000000Z"
    active = caller.json("PATCH", path, {"status": "active"})
    assert active["next_run_time"] == made["next_run_time"] and "last_resume_time" in active
    assert "display_name" not in caller.json("PATCH", path, {"display_name": ""})
    assert caller.json("DELETE", path) == {} == caller.json("GET", "triggers")
    assert refused(caller, "GET", path) == (404, {"message": "Trigger not found.", "code": "not_found"})


def test_what_is_set_is_shown(caller):
    more = {
        "environment_id": "e1",
        "execution_timeout_seconds": 30,
        "max_consecutive_failures": 2,
        "interaction": {**INTERACTION, "labels": {"a": "b"}, "agent_config": {"type": "antigravity"}},
    }
    made = trigger(caller, path=False, **more)
    assert {name: made[name] for name in more} == more


UNKNOWN = "Unknown parameter"
NO_AGENT = "Agent '' is invalid or not found"
WRONG = {
    "camel case": ({"timeZone": "UTC"}, f"{UNKNOWN} 'timeZone'. Did you mean 'time_zone'?"),
    "a status at its create": ({**GOOD, "status": "paused"}, f"{UNKNOWN} 'status'."),
    "stored by its own will": (
        {**GOOD, "interaction": {**INTERACTION, "store": True}}, f"{UNKNOWN} 'interaction.store'."),
    "a model": ({**GOOD, "interaction": {"model": "gemini-3.8-flash", "input": "go"}}, NO_AGENT),
    "an unknown agent": (
        {**GOOD, "interaction": {"agent": "nobody", "input": "go"}}, "Agent 'nobody' is invalid or not found"),
    "no schedule": ({"time_zone": "UTC", "interaction": INTERACTION}, "Missing required parameter 'schedule'."),
    "no zone": ({"schedule": "0 3 * * *", "interaction": INTERACTION}, "Missing required parameter 'time_zone'."),
    "no interaction": ({"schedule": "0 3 * * *", "time_zone": "UTC"}, "Missing required parameter 'interaction'."),
    "six fields": ({**GOOD, "schedule": "0 0 3 * * *"}, "Invalid parameter 'schedule': a schedule has five fields."),
    "no such day": ({**GOOD, "schedule": "0 3 31 4 *"}, "Invalid parameter 'schedule': there is no such day."),
    "no such place": ({**GOOD, "time_zone": "X/Y"}, "Invalid parameter 'time_zone': there is no such time zone."),
    "no time": ({**GOOD, "execution_timeout_seconds": 0}, "Invalid parameter 'execution_timeout_seconds': it must be"),
    "no failures": ({**GOOD, "max_consecutive_failures": -1}, "Invalid parameter 'max_consecutive_failures': it must"),
    "a text for a number": (
        {**GOOD, "max_consecutive_failures": "many"}, "Invalid value at 'max_consecutive_failures"),
    "a tool of nobody": (
        {**GOOD, "interaction": {**INTERACTION, "tools": [{"type": "x"}]}}, "The value 'x' is not supported for"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "said"), WRONG.values(), ids=WRONG)
def test_a_create_is_refused_by_a_message_and_a_word(caller, body, said):
    status, error = refused(caller, "POST", "triggers", body)
    assert (status, error["code"], set(error)) == (400, "invalid_request", {"code", "message"})
    assert error["message"].startswith(said)
    assert caller.json("GET", "triggers") == {}


@pytest.mark.parametrize("body", [{"schedule": "0 4 * * *"}, {"interaction": INTERACTION}, {"status": "disabled"}])
def test_a_patch_takes_name_and_status_only(caller, body):
    path = trigger(caller)
    before = caller.json("GET", path)
    assert refused(caller, "PATCH", path, body)[1]["code"] == "invalid_request"
    assert caller.json("GET", path) == before


def test_lists_are_in_pages_and_not_filtered(caller, clock):
    names = []
    for number in range(5):
        names.insert(0, trigger(caller, path=False, display_name=f"t{number}")["display_name"])
        clock.advance(1)
    found, token = [], None
    while token != "":
        page = caller.json("GET", "triggers", query={"page_size": "2", **({"page_token": token} if token else {})})
        found += [one["display_name"] for one in page["triggers"]]
        token = page.get("next_page_token", "")
    assert found == names
    assert refused(caller, "GET", "triggers", query={"filter": "x"})[0] == 501


def test_triggers_of_another_project_are_not_seen(make):
    caller = make(keys={"some-key": "one", "other-key": "two"})
    path = trigger(caller)
    caller.json("POST", f"{path}/executions")
    assert caller.json("GET", "triggers", key="other-key") == {}
    for method, where in (("GET", path), ("GET", f"{path}/executions"), ("POST", f"{path}/executions")):
        assert refused(caller, method, where, key="other-key")[0] == 404


# By the clock


def test_it_is_started_when_it_is_due(caller, clock):
    path = trigger(caller, schedule="0 3,15 * * *", time_zone="Europe/Berlin")
    clock.advance(DAY + 1)
    first, second = executions(caller, path)[::-1]
    assert first == {
        "id": first["id"],
        "trigger_id": path.partition("/")[2],
        "status": "completed",
        "scheduled_time": "2026-01-01T02:00:00.000000000Z",
        "start_time": "2026-01-01T02:00:00.000000000Z",
        "end_time": "2026-01-01T02:00:30.000000000Z",
        "interaction_id": first["interaction_id"],
    }
    assert second["scheduled_time"] == "2026-01-01T14:00:00.000000000Z"
    shown = caller.json("GET", path)
    assert shown["last_run_time"] == second["start_time"]
    assert shown["previous_interaction_id"] == second["interaction_id"] != first["interaction_id"]
    assert shown["next_run_time"] == "2026-01-02T02:00:00.000000000Z"


def test_while_it_goes_on_it_is_in_progress(caller, clock):
    path = trigger(caller, environment_id="e1")
    clock.advance(3 * 3600 + 10)
    (one,) = executions(caller, path)
    assert (one["status"], one["environment_id"], "end_time" in one) == ("in_progress", "e1", False)
    clock.advance(30)
    assert statuses(caller, path) == ["completed"]


def test_it_can_be_run_at_once_and_goes_on_as_before(caller, clock):
    path = trigger(caller)
    clock.advance(5)
    begun = caller.json("POST", f"{path}/executions")
    assert begun["status"] == "in_progress" and begun["scheduled_time"] == begun["start_time"]
    clock.advance(60)
    assert executions(caller, path)[0] == {**begun, "status": "completed", "end_time": "2026-01-01T00:00:35.000000000Z"}
    assert caller.json("GET", path)["next_run_time"] == "2026-01-01T03:00:00.000000000Z"
    assert refused(caller, "POST", f"{path}/executions", {"a": 1})[0] == 400


def test_one_that_is_due_while_another_goes_on_is_skipped(caller, clock):
    path = trigger(caller)
    clock.advance(3 * 3600 - 10)
    caller.json("POST", f"{path}/executions")
    clock.advance(15)
    assert statuses(caller, path) == ["in_progress", "skipped"]
    assert set(executions(caller, path)[0]) == {"id", "trigger_id", "status", "scheduled_time"}
    clock.advance(DAY + 60)
    assert statuses(caller, path) == ["completed", "skipped", "completed"]
    assert "consecutive_failure_count" not in caller.json("GET", path)


def test_a_paused_one_starts_by_hand_only(caller, clock):
    path = trigger(caller)
    caller.json("PATCH", path, {"status": "paused"})
    clock.advance(3 * DAY)
    assert statuses(caller, path) == []
    caller.json("POST", f"{path}/executions")
    clock.advance(60)
    assert statuses(caller, path) == ["completed"]
    caller.json("PATCH", path, {"status": "active"})
    clock.advance(DAY)
    assert statuses(caller, path) == ["completed", "completed"]  # what was due meanwhile is not made up for


def test_after_too_many_failures_it_is_in_error(caller, clock):
    path = trigger(caller, max_consecutive_failures=3, interaction=FAILS)
    for count in (1, 2):
        clock.advance(DAY)
        shown = caller.json("GET", path)
        assert (shown["status"], shown["consecutive_failure_count"]) == ("active", count)
    clock.advance(5 * DAY)
    shown = caller.json("GET", path)
    assert (shown["status"], shown["consecutive_failure_count"]) == ("error", 3)
    assert shown["last_pause_time"] == "2026-01-03T03:00:30.000000000Z" and "next_run_time" not in shown
    assert [(one["status"], one["error"]) for one in executions(caller, path)] == [
        ("failed", "This end was asked for by the input: failed.")
    ] * 3
    again = caller.json("PATCH", path, {"status": "active"})
    assert "consecutive_failure_count" not in again and again["next_run_time"].startswith("2026-01-08")


def test_a_success_ends_the_count_of_failures(caller, clock):
    helper = {"id": "helper", "base_agent": AGENT}
    caller.json("POST", "agents", helper)
    path = trigger(caller, max_consecutive_failures=2, interaction={"agent": "helper", "input": "go"})
    caller.json("DELETE", "agents/helper")
    clock.advance(DAY)
    assert caller.json("GET", path)["consecutive_failure_count"] == 1
    assert executions(caller, path)[0]["error"] == "Agent 'helper' is invalid or not found"
    caller.json("POST", "agents", helper)
    clock.advance(DAY)
    assert statuses(caller, path) == ["failed", "completed"]
    shown = caller.json("GET", path)
    assert shown["status"] == "active" and "consecutive_failure_count" not in shown


def test_what_takes_too_long_is_ended(caller, clock):
    path = trigger(caller, execution_timeout_seconds=20)
    clock.advance(3 * 3600 + 25)
    (one,) = executions(caller, path)
    assert (one["status"], one["end_time"]) == ("timed_out", "2026-01-01T03:00:20.000000000Z")
    assert caller.json("GET", path)["consecutive_failure_count"] == 1


@pytest.mark.parametrize(
    "given", [{"environment_id": "env-9"}, {"interaction": {**INTERACTION, "environment": "env-9"}}]
)
def test_what_it_starts_is_an_interaction_of_its_agent(caller, clock, given):
    path = trigger(caller, **given)
    begun = caller.json("POST", f"{path}/executions")
    shown = caller.json("GET", f"interactions/{begun['interaction_id']}")
    assert (shown["agent"], shown["status"]) == (AGENT, "in_progress")
    assert shown["environment_id"] == begun["environment_id"] == "env-9"
    clock.advance(60)
    assert caller.json("GET", f"interactions/{begun['interaction_id']}")["status"] == "completed"
    assert statuses(caller, path) == ["completed"]


def test_it_fails_with_its_interaction(caller, clock):
    path = trigger(caller)
    cancelled = caller.json("POST", f"{path}/executions")["interaction_id"]
    deleted = caller.json("POST", f"{path}/executions")["interaction_id"]
    caller.json("POST", f"interactions/{cancelled}/cancel")
    caller.json("DELETE", f"interactions/{deleted}")
    clock.advance(60)
    ended = {one["interaction_id"]: (one["status"], one["error"]) for one in executions(caller, path)}
    assert ended == {cancelled: ("failed", "The interaction is cancelled."), deleted: ("failed", "It was deleted.")}
    assert caller.json("GET", path)["consecutive_failure_count"] == 2


def test_an_interaction_that_takes_too_long_is_cancelled(caller, clock):
    stays = {**INTERACTION, "input": "[[emulator: interaction stays in_progress]]"}
    path = trigger(caller, interaction=stays)
    begun = caller.json("POST", f"{path}/executions")
    clock.advance(599)
    assert statuses(caller, path) == ["in_progress"]
    clock.advance(1)
    assert statuses(caller, path) == ["timed_out"]
    assert caller.json("GET", f"interactions/{begun['interaction_id']}")["status"] == "cancelled"


def test_its_history_outlives_it(caller, clock):
    path = trigger(caller)
    caller.json("POST", f"{path}/executions")
    caller.json("DELETE", path)
    clock.advance(DAY)
    assert statuses(caller, path) == ["completed"]
    assert refused(caller, "POST", f"{path}/executions")[0] == 404
    assert refused(caller, "GET", "triggers/never/executions")[0] == 404


def test_executions_are_in_pages(caller, clock):
    path = trigger(caller, schedule="0 * * * *")
    clock.advance(10 * 3600 + 1)
    first = caller.json("GET", f"{path}/executions", query={"page_size": "6"})
    rest = caller.json("GET", f"{path}/executions", query={"page_size": "6", "page_token": first["next_page_token"]})
    times = [one["scheduled_time"] for page in (first, rest) for one in page["trigger_executions"]]
    assert len(times) == 10 and times == sorted(times, reverse=True) and "next_page_token" not in rest
    assert refused(caller, "GET", f"{path}/executions", query={"page_token": "x"})[0] == 400


def test_other_processes_see_what_was_started(tmp_path, clock):
    def process():
        return App(World(FileStore(tmp_path), now=clock))

    path = trigger(Caller(process(), clock))
    clock.advance(DAY)
    assert statuses(Caller(process(), clock), path) == ["completed"]
    clock.advance(DAY)
    assert statuses(Caller(process(), clock), path) == ["completed", "completed"]
