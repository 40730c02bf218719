"""Does the work of triggers: begins executions, ends them, and counts what failed.

Called by the surfaces of triggers and of their executions. Separate because an execution is begun by the clock, or by
a request, and ends by the clock: three doors to the same rules. What the official SDKs' types say: after
`max_consecutive_failures` failures the status of a trigger is `error`, and it is paused.

Assumptions: a run that is due while another goes on is `skipped`, as Cloud Scheduler never has two of one job at a
time; one that a request asks for begins all the same. A run that was due while nothing was awake is made at its time.
An execution ends as its interaction does: `completed` if that has completed, and `failed` for every other end, also
where nothing could be begun; one that takes too long is stopped and `timed_out`. Both count as a failure, `skipped`
neither as one nor as a success. What began goes on when the trigger is deleted or paused.

In the world: triggers are in the collection `triggers`, the executions of one in `triggers/{id}/executions`, where they
stay when it is deleted.
"""

from collections.abc import Mapping
from typing import Any

from gemctl.emulator import agents, cron, interaction_events, interaction_life, times
from gemctl.emulator.gaos import Refused
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row

COLLECTION = "triggers"
ACTIVE, PAUSED, ERROR = "active", "paused", "error"
IN_PROGRESS, COMPLETED, FAILED, SKIPPED, TIMED_OUT = "in_progress", "completed", "failed", "skipped", "timed_out"

_ID = 36
_GOES_ON = ("queued", "in_progress")


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
    now = call.world.instant
    about = {"status": IN_PROGRESS, "scheduled": now if scheduled is None else scheduled, "began": now}
    try:
        check_agent(call, trigger.body["interaction"]["agent"])
        interaction = interaction_life.start(call, _asked(trigger.body))
    except Refused as refused:
        return _end(call, _make(call, trigger, about), FAILED, refused.message)
    row = call.world.get(interaction_events.COLLECTION, call.project, f"{interaction_events.COLLECTION}/{interaction}")
    due = [now + trigger.body["executionTimeoutSeconds"] * times.SECOND]
    if row is not None:
        about["environment"] = row.body["environment"]
        due += [row.due] if row.due is not None else []
    return _make(call, trigger, {**about, "interaction": interaction, "longest": due[0]}, min(due))


def _asked(body: Mapping[str, Any]) -> dict[str, Any]:
    """The interaction that a trigger starts, in the trigger's environment where it names none itself."""
    own = {"environment": body["environmentId"]} if body.get("environmentId") else {}
    return {**own, **body["interaction"]}


def run(call: Call, trigger: Row) -> Row:
    """An execution that a request asks for."""
    execution = begin(call, trigger, None)
    _note(call, trigger, execution, trigger.due)
    return execution


def _note(call: Call, trigger: Row, execution: Row | None, due: int | None) -> None:
    """Note for a trigger that this execution began, and when the next one is due. One that has failed at once may have
    stopped it."""
    there = call.world.get(COLLECTION, call.project, trigger.name) or trigger
    began: dict[str, Any] = {}
    if execution is not None:
        began["lastRun"] = call.world.instant
        began |= {"previousInteraction": execution.body["interaction"]} if "interaction" in execution.body else {}
    call.world.patch(
        there, "started", body={**there.body, **began}, due=due if there.body["status"] == ACTIVE else None
    )


def _make(call: Call, trigger: Row, body: Mapping[str, Any], due: int | None = None) -> Row:
    collection = executions(trigger.name)
    about = {"trigger": trigger.name, "environment": trigger.body.get("environmentId", ""), **body}
    return call.world.create(collection, call.project, about, due=due, name=call.world.new_name(collection, _ID))


def wake(call: Call, execution: Row) -> None:
    """End an execution whose interaction has ended, or which takes too long."""
    interaction = execution.body["interaction"]
    state, errors = interaction_life.outcome(call, interaction) or ("failed", [{"message": "It was deleted."}])
    if state == "completed":
        _end(call, execution, COMPLETED)
    elif state not in _GOES_ON:
        _end(call, execution, FAILED, errors[0]["message"] if errors else f"The interaction is {state}.")
    elif call.world.instant >= execution.body["longest"]:
        interaction_life.stop(call, interaction)
        _end(call, execution, TIMED_OUT, "The execution took too long.")
    else:
        call.world.patch(execution, "started", due=execution.body["longest"])


def _end(call: Call, execution: Row, status: str, error: str = "") -> Row:
    """End it, and count that for its trigger, if that is still there."""
    now, body = call.world.instant, {**execution.body, "status": status, "error": error, "ended": call.world.instant}
    ended = call.world.patch(execution, "ended", body=body, due=None)
    trigger = call.world.get(COLLECTION, call.project, body["trigger"])
    if trigger is None:
        return ended
    failures = 0 if status == COMPLETED else trigger.body["failures"] + 1
    told = {**trigger.body, "failures": failures}
    if failures >= told["maxConsecutiveFailures"] and told["status"] == ACTIVE:
        call.world.patch(trigger, "ended", body={**told, "status": ERROR, "pausedAt": now}, due=None)
    else:
        call.world.patch(trigger, "ended", body=told)
    return ended
