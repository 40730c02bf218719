"""fakeTriggers: what starts an agent by the clock, as triggers do; called by the emulator.

The agent must exist when the trigger is made. The prompt is never shown. PATCH takes `displayName` and `status`, has no
mask, and refuses all else. Lists page by `limit` and `cursor`. The schedule starts nothing; `:run` does, also where a
trigger is paused. An execution ends `RUNNING` later, and fails if the agent was gone when it began.

In the world: triggers are in the collection `fakeTriggers`, the executions of one in `fakeTriggers/{id}/executions`;
those stay when the trigger is deleted.
"""

from __future__ import annotations

import re
from typing import Any

from fakes.surfaces import fake_agents
from fakes.surfaces.fake_parts import CURSOR, found, given, moment, one_of, present

from gemctl.emulator import times
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING
from gemctl.emulator.shapes import Message, snake
from gemctl.emulator.wire import invalid

COLLECTION = "fakeTriggers"
RUNNING = 10 * times.SECOND

_ID = 20
_UPDATABLE = ("displayName", "status")
_SCHEDULE = re.compile(r"[\d*/,-]+( [\d*/,-]+){4}", re.ASCII)
_TIME_ZONE = re.compile(r"UTC|[A-Z]\w+(/[\w+-]+)+", re.ASCII)
_TRIGGER = Message(
    "FakeTrigger",
    lambda: {
        "displayName": STRING,
        "schedule": STRING,
        "timeZone": STRING,
        "agent": STRING,
        "prompt": STRING,
        "status": one_of("ACTIVE", "PAUSED"),
    },
)


def executions(trigger: str) -> str:
    """The collection of a trigger's executions."""
    return f"{trigger}/executions"


def _create(call: Call) -> dict[str, Any]:
    body = {"displayName": "", "timeZone": "UTC", "status": "ACTIVE", **call.json(_TRIGGER)}
    given(body, "schedule", "agent", "prompt")
    if not _SCHEDULE.fullmatch(body["schedule"]):
        raise invalid("* schedule: a cron expression of five fields is required.")
    if not _TIME_ZONE.fullmatch(body["timeZone"]):
        raise invalid("* time_zone: no such time zone.")
    if not fake_agents.exists(call, body["agent"]):
        raise invalid(f"Agent '{body['agent'][:80]}' is invalid or not found.")
    del body["prompt"]  # what is never shown is not kept either
    name = call.world.new_name(COLLECTION, _ID)
    return _shown(call, call.world.create(COLLECTION, call.project, body, name=name))


def _list(call: Call) -> dict[str, Any]:
    return CURSOR.answer(call, COLLECTION, "triggers", lambda row: _shown(call, row))


def _get(call: Call) -> dict[str, Any]:
    return _shown(call, found(call, COLLECTION))


def _patch(call: Call) -> dict[str, Any]:
    body = call.json(_TRIGGER)
    others = [snake(name) for name in body if name not in _UPDATABLE]
    if others:
        raise invalid(f"Only display_name and status of a trigger can be updated, not {', '.join(others)}.")
    row = found(call, COLLECTION)
    return _shown(call, call.world.patch(row, body={**row.body, **body}))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(found(call, COLLECTION))
    return {}


def _run(call: Call) -> dict[str, Any]:
    row = found(call, COLLECTION)
    ends = "COMPLETED" if fake_agents.exists(call, row.body["agent"]) else "FAILED"
    name = call.world.new_name(executions(row.name), _ID)
    made = call.world.create(executions(row.name), call.project, {"trigger": row.name, "ends": ends}, name=name)
    return _shown_execution(call, made)


def _list_executions(call: Call) -> dict[str, Any]:
    collection = executions(f"{COLLECTION}/{call.params['id']}")
    return CURSOR.answer(call, collection, "triggerExecutions", lambda row: _shown_execution(call, row))


def _shown(call: Call, row: Row) -> dict[str, Any]:
    last = max((each.created for each in call.world.rows(executions(row.name), row.project)), default=None)
    return {
        "name": row.name,
        **{name: row.body[name] for name in ("displayName", "schedule", "timeZone", "agent", "status")},
        "createTime": moment(row.created),
        "updateTime": moment(row.updated),
        **({} if last is None else {"lastRunTime": moment(last)}),
    }


def _shown_execution(call: Call, row: Row) -> dict[str, Any]:
    end = row.created + RUNNING
    shown = {"name": row.name, "trigger": row.body["trigger"], "startTime": moment(row.created)}
    if present(call) < end:
        return {**shown, "status": "IN_PROGRESS"}
    return {**shown, "status": row.body["ends"], "endTime": moment(end)}


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeTriggers", _create),
        Route("GET", "fakeTriggers", _list),
        Route("GET", "fakeTriggers/{id}", _get),
        Route("PATCH", "fakeTriggers/{id}", _patch),
        Route("DELETE", "fakeTriggers/{id}", _delete),
        Route("POST", "fakeTriggers/{id}:run", _run),
        Route("GET", "fakeTriggers/{id}/executions", _list_executions),
    ),
)
