"""Does the work of triggers: begins executions, ends them, and counts what failed.

Called by the surfaces of triggers and of their executions. Separate because an execution is begun by the clock, or by
a request, and ends by the clock: three doors to the same rules. What the official SDKs' types say: after
`max_consecutive_failures` failures the status of a trigger is `error`, and it is paused.

Assumptions: a run that is due while another goes on is `skipped`, as Cloud Scheduler never has two of one job at a
time; one that a request asks for begins all the same. A run that was due while nothing was awake is made at its time.
`timed_out` counts as a failure, `skipped` neither as one nor as a success. What began goes on when the trigger is
deleted or paused. An execution lasts `RUNNING`, and fails if its agent is gone, or its input has the mark
`[[emulator: run fails]]`.

In the world: triggers are in the collection `triggers`, the executions of one in `triggers/{id}/executions`, where they
stay when it is deleted.
"""

import json
import string
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import agents, cron, times
from gemctl.emulator.gaos import Refused
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row

COLLECTION = "triggers"
ACTIVE, PAUSED, ERROR = "active", "paused", "error"
IN_PROGRESS, COMPLETED, FAILED, SKIPPED, TIMED_OUT = "in_progress", "completed", "failed", "skipped", "timed_out"
RUNNING = 30 * times.SECOND

_ID = 36
_INTERACTION = 80
_LETTERS = string.ascii_letters + string.digits + "_-"
_FAILS = "[[emulator: run fails]]"


def executions(trigger: str) -> str:
    """The collection of a trigger's executions."""
    return f"{trigger}/executions"


def next_run(body: Mapping[str, Any], instant: int) -> int | None:
    """When a trigger is due next after this instant; None for one that is not active."""
    if body["status"] != ACTIVE:
        return None
    return cron.following(cron.parse(body["schedule"]), cron.zone(body["timeZone"]), instant)


def check_agent(call: Call, agent: str) -> None:
    """400 for an agent that is not there."""
    if not agents.exists(call, agent):
        raise Refused(400, f"Agent '{agent[:80]}' is invalid or not found")


def due(call: Call, trigger: Row) -> None:
    """Begin the execution for which the trigger has become due, or skip it."""
    now = call.world.instant
    busy = any(row.body["status"] == IN_PROGRESS for row in call.world.rows(executions(trigger.name), call.project))
    if busy:
        _make(call, trigger, {"status": SKIPPED, "scheduled": now})
    execution = None if busy else begin(call, trigger, now)
    _note(call, trigger, execution, next_run(trigger.body, now))


def begin(call: Call, trigger: Row, scheduled: int | None) -> Row:
    """An execution that begins now; `scheduled` is the time for which it was due, None for one that was asked for."""
    now, body = call.world.instant, trigger.body
    text = json.dumps(body["interaction"])
    ends, error = COMPLETED, ""
    try:
        check_agent(call, body["interaction"]["agent"])
    except Refused as refused:
        ends, error = FAILED, refused.message
    if _FAILS in text:
        ends, error = FAILED, f"This failure was asked for by the text {_FAILS}."
    end = now + RUNNING
    if (longest := body["executionTimeoutSeconds"] * times.SECOND) < RUNNING:
        ends, error, end = TIMED_OUT, "The execution took too long.", now + longest
    about = {
        "status": IN_PROGRESS,
        "scheduled": now if scheduled is None else scheduled,
        "began": now,
        "ends": ends,
        "endsWith": error,
        "interaction": f"v1_{call.world.draw(_LETTERS, _INTERACTION)}",
    }
    return _make(call, trigger, about, end)


def run(call: Call, trigger: Row) -> Row:
    """An execution that a request asks for."""
    execution = begin(call, trigger, None)
    _note(call, trigger, execution, trigger.due)
    return execution


def _note(call: Call, trigger: Row, execution: Row | None, due: int | None) -> None:
    """Note for a trigger that this execution began, and when the next one is due."""
    began = {"lastRun": call.world.instant, "previousInteraction": execution.body["interaction"]} if execution else {}
    call.world.patch(trigger, "started", body={**trigger.body, **began}, due=due)


def _make(call: Call, trigger: Row, body: Mapping[str, Any], end: int | None = None) -> Row:
    collection = executions(trigger.name)
    about = {"trigger": trigger.name, "environment": trigger.body.get("environmentId", ""), **body}
    return call.world.create(collection, call.project, about, due=end, name=call.world.new_name(collection, _ID))


def end(call: Call, execution: Row) -> None:
    """End it as it was to end, and count that for its trigger, if that is still there."""
    now, body = call.world.instant, execution.body
    about = {**body, "status": body["ends"], "error": body["endsWith"], "ended": now}
    call.world.patch(execution, "ended", body=about, due=None)
    trigger = call.world.get(COLLECTION, call.project, body["trigger"])
    if trigger is None:
        return
    failures = 0 if body["ends"] == COMPLETED else trigger.body["failures"] + 1
    told = {**trigger.body, "failures": failures}
    if failures >= told["maxConsecutiveFailures"] and told["status"] == ACTIVE:
        call.world.patch(trigger, "ended", body={**told, "status": ERROR, "pausedAt": now}, due=None)
    else:
        call.world.patch(trigger, "ended", body=told)
