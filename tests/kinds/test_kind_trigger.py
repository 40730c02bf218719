"""Triggers: what is sent, and what is read of answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.kind import Patch
from gemctl.core.mark import Mark, write
from gemctl.core.resource import Lifecycle, Resource
from gemctl.core.schedule import Schedule
from gemctl.core.source import Positions, Span
from gemctl.kinds import CATALOGUE

KIND = CATALOGUE["Trigger"]
INTERACTION = {"agent": "clerk", "input": "Look."}
SPEC = {"schedule": "0 3 * * *", "timeZone": "UTC", "interaction": INTERACTION}
NAME = "triggers/95fy7kv40bvx7t0rm7p12jdciinp7f4bfhzz"
MARK = Mark("p" * 10, "a" * 13, "s" * 13)
LOOK = sha256(b"Look.")
SHOWN = {
    "id": NAME.removeprefix("triggers/"),
    "display_name": write("nightly", MARK),
    "schedule": "0 3 * * *",
    "time_zone": "UTC",
    "interaction": INTERACTION,
    "execution_timeout_seconds": 600,
    "max_consecutive_failures": 5,
    "status": "active",
    "create_time": "2026-01-01T00:00:00.000000000Z",
    "update_time": "2026-01-02T00:00:00.000000000Z",
    "next_run_time": "2026-01-02T03:00:00Z",
}


def resource(**spec):
    declared = KIND.declare(KIND.spec.model_validate({**SPEC, **spec}), {})
    nowhere = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("Trigger", "nightly"), declared, Lifecycle(), (), {}, {}, nowhere)


def test_a_create_has_no_status():
    call = KIND.remote.create(resource(status="paused", maxConsecutiveFailures=3), MARK, 1)
    assert (call.method, call.path, call.repeatable) == ("POST", "triggers", False)
    assert call.body == {
        "schedule": "0 3 * * *",
        "time_zone": "UTC",
        "interaction": {"agent": "clerk", "input": LOOK},
        "max_consecutive_failures": 3,
        "display_name": write("nightly", MARK),
    }
    ((at, digest),) = [(fill.at, fill.digest) for fill in call.fills]
    assert (at, digest) == (("interaction", "input"), LOOK)


def test_names_of_two_words_are_the_apis_and_those_of_the_user_stay():
    interaction = {
        **INTERACTION,
        "systemInstruction": "Briefly.",
        "agentConfig": {"type": "antigravity", "maxTotalTokens": 5},
        "tools": [{"type": "function", "name": "f", "parameters": {"properties": {"someThing": {}}}}],
        "responseFormat": [{"type": "text", "mimeType": "application/json", "schema": {"minLength": 1}}],
        "environment": {"env": {"someName": "x"}, "environmentId": "e"},
        "labels": {"some_key": "v"},
        "serviceTier": "flex",
        "previousInteractionId": "v1_a",
    }
    sent = KIND.remote.create(resource(interaction=interaction), MARK, 1).body["interaction"]
    assert sent == {
        "agent": "clerk",
        "input": LOOK,
        "system_instruction": sha256(b"Briefly."),
        "agent_config": {"type": "antigravity", "max_total_tokens": 5},
        "tools": [{"type": "function", "name": "f", "parameters": {"properties": {"someThing": {}}}}],
        "response_format": [{"type": "text", "mime_type": "application/json", "schema": {"minLength": 1}}],
        "environment": {"type": "remote", "env": {"someName": "x"}, "environment_id": "e"},
        "labels": {"some_key": "v"},
        "service_tier": "flex",
        "previous_interaction_id": "v1_a",
    }
    assert (
        KIND.remote.read({**SHOWN, "interaction": {**sent, "input": "Look.", "system_instruction": "Briefly."}}).fields[
            "interaction"
        ]
        == resource(interaction=interaction).declared.fields["interaction"]
    )


def test_one_that_refers_to_an_agent_has_its_id():
    one = resource(interaction={"agentRef": {"name": "helper"}, "input": "Look."})
    (reference,) = one.declared.references
    assert (reference.target, reference.output) == (Address("Agent", "helper"), "id")
    assert (reference.digested, reference.written) == (False, ("interaction", "agentRef", "name"))
    (sent,) = KIND.remote.create(one, MARK, 1).references
    assert sent.at == ("interaction", "agent")
    assert one.declared.schedule == Schedule("0 3 * * *", "UTC", Address("Agent", "helper"))


def test_a_patch_has_the_status_and_the_mark():
    call = KIND.remote.patch(NAME, Patch(resource(status="paused"), MARK, frozenset({"status"})))
    assert (call.method, call.path, call.query) == ("PATCH", NAME, ())
    assert call.body == {"status": "paused", "display_name": write("nightly", MARK)}
    call = KIND.remote.patch(NAME, Patch(resource(), MARK, frozenset({"status"})))
    assert call.body == {"display_name": write("nightly", MARK)}  # declared no more: it stays as it is


def test_what_a_create_does_not_take_is_sent_behind_it():
    assert KIND.remote.late(resource(), MARK) is None is KIND.remote.late(resource(status="active"), MARK)
    call = KIND.remote.late(resource(status="paused"), MARK)
    assert (call.method, call.path, call.body["status"]) == ("PATCH", "", "paused")


def test_what_is_shown():
    item = KIND.remote.read(SHOWN)
    assert (item.name, item.display_name, item.mark) == (NAME, "nightly", MARK)
    assert item.created == datetime(2026, 1, 1, tzinfo=UTC)
    assert item.updated is None  # it may move with each run, and then no saved plan would hold
    assert item.fields == {
        "schedule": "0 3 * * *",
        "timeZone": "UTC",
        "interaction": {"agent": "clerk", "input": LOOK},
        "executionTimeoutSeconds": 600,
        "maxConsecutiveFailures": 5,
        "status": "active",
    }
    assert item.texts == {LOOK: "Look."}
    assert item.outputs["nextRunTime"] == "2026-01-02T03:00:00Z" and item.outputs["id"] == SHOWN["id"]
    assert (item.schedule, item.halted) == (Schedule("0 3 * * *", "UTC", paused=False), "")
    assert KIND.remote.read({**SHOWN, "execution_timeout_seconds": "600"}).fields == item.fields


INPUTS = [
    [{"type": "user_input", "content": [{"type": "text", "text": "Look."}]}],
    {"type": "user_input", "content": [{"type": "text", "text": "Look."}]},
    [{"type": "text", "text": "Look."}],
    {"type": "text", "text": "Look."},
]


@pytest.mark.parametrize("shown", INPUTS)
def test_a_text_in_other_clothes_is_that_text(shown):
    item = KIND.remote.read({**SHOWN, "interaction": {**INTERACTION, "input": shown}})
    assert KIND.differing(item.fields, resource().declared.fields) == ()


def test_what_the_service_fills_in_is_no_difference():
    item = KIND.remote.read({**SHOWN, "interaction": {**INTERACTION, "background": True, "environment": "remote"}})
    assert KIND.differing(item.fields, resource().declared.fields) == ()
    other = KIND.remote.read({**SHOWN, "interaction": {**INTERACTION, "agent": "other"}})
    assert KIND.differing(other.fields, resource().declared.fields) == ("interaction",)


@pytest.mark.parametrize(
    ("status", "halted", "paused"),
    [("active", "", False), ("paused", "", True), ("error", "failed", True), ("disabled", "stopped", True)],
)
def test_statuses(status, halted, paused):
    item = KIND.remote.read({**SHOWN, "status": status})
    assert (item.state, item.schedule.paused) == (status, paused)
    assert halted in item.halted and bool(item.halted) == bool(halted)
    assert KIND.agrees["status"](status, "paused") == (status != "active")
    assert KIND.agrees["status"](status, "active") == (status == "active")


WRONG = [{"id": "../x"}, {"id": 1}, {"id": ""}, {"schedule": 1}, {"interaction": []}, {"status": 1},
         {"display_name": 5}, {"interaction": {"environment": 5}}, {"interaction": {"tools": 3}},
         {"max_consecutive_failures": []}, {"next_run_time": "soon"}]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_not_of_the_apis_shape(wrong):
    with pytest.raises((TypeError, ValueError)):
        KIND.remote.read({**SHOWN, **wrong})


# Executions

EXECUTION = {
    "id": "e1",
    "trigger_id": "t",
    "status": "failed",
    "scheduled_time": "2026-01-01T03:00:00Z",
    "start_time": "2026-01-01T03:00:01Z",
    "end_time": "2026-01-01T03:00:31Z",
    "interaction_id": "v1_a",
    "error": "no",
}


def test_run_is_sent_once_and_without_a_body():
    call = KIND.acts["run"].call(resource(), NAME)
    assert (call.method, call.path, call.body, call.repeatable) == ("POST", f"{NAME}/executions", None, False)
    with pytest.raises(ValueError, match="not the name of a trigger"):
        KIND.acts["run"].call(resource(), "triggers/../x")


def test_an_execution():
    one = KIND.acts["run"].began(EXECUTION)
    assert (one.id, one.state, one.made, one.error) == ("e1", "failed", "v1_a", "no")
    assert (one.ended - one.began).total_seconds() == 30 and one.scheduled < one.began
    least = KIND.history.read({"id": "e1"})
    assert (least.state, least.scheduled, least.made, least.error) == ("", None, "", "")


def test_executions_are_listed():
    call = KIND.history.listing(NAME)
    assert (call.method, call.path, call.query) == ("GET", f"{NAME}/executions", (("page_size", "1000"),))
    assert KIND.history.items({}) == ()
    assert [one.id for one in KIND.history.items({"trigger_executions": [EXECUTION]})] == ["e1"]


@pytest.mark.parametrize(
    "wrong", [[], {"id": "../x"}, {"id": 1}, {"id": "a", "status": 5}, {"id": "a", "end_time": "x"}]
)
def test_an_execution_that_is_not_of_the_apis_shape(wrong):
    with pytest.raises((TypeError, ValueError)):
        KIND.history.items({"trigger_executions": [wrong]})
    with pytest.raises((TypeError, ValueError)):
        KIND.history.items({"trigger_executions": 1})
