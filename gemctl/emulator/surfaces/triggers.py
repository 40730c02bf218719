"""Serves triggers: create, list, get, patch, delete (the official SDKs' types, and published answers of the live
service).

Called by `app` through the table of `surfaces`, also when a trigger is due. Separate as every kind is; what a trigger
starts is in `trigger_executions`, and the rules of both in `trigger_work`. The interaction that it starts is shown as
it was sent. A PATCH changes what its body has, and takes `display_name` and `status`; all else is an unknown
parameter, as it is in the SDKs' types. Seen of the live service: an empty list is `{}`, and an interaction without an
agent is answered with "Agent '' is invalid or not found".

Assumptions: lists are newest first, their `filter` is not served; times are in UTC with nine digits; a trigger that is
not active has no next run; one that is made active again begins to count failures anew.
"""

from typing import Any

from gemctl.emulator import cron, gaos, paging, times
from gemctl.emulator import trigger_work as work
from gemctl.emulator.gaos import Words, word
from gemctl.emulator.interaction_messages import CREATE as CREATE_INTERACTION
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import INT32, STRING, Kind, Violation

_ID = 36
_STATUSES = (work.ACTIVE, work.PAUSED, work.ERROR)
_TIMEOUT, _FAILURES = 600, 5
_LONGEST = 60 * 60  # seconds: agents run for an hour at most


class _Template:
    """An interaction of an agent, as it is sent: kept as it came, since it is shown so."""

    def read(self, value: object, path: str, wrong: list[Violation]) -> Any:
        asked = {**value, "background": True, "store": True} if isinstance(value, dict) else value
        CREATE_INTERACTION.read(asked, path, wrong)
        for name in ("store", "stream"):
            if isinstance(value, dict) and name in value:
                wrong.append(Violation(f"{path}.{name}", f"Unknown parameter '{path}.{name}'."))
        return value


_FIELDS: dict[str, Kind] = {
    "displayName": STRING,
    "schedule": STRING,
    "timeZone": STRING,
    "interaction": _Template(),
    "environmentId": STRING,
    "executionTimeoutSeconds": INT32,
    "maxConsecutiveFailures": INT32,
}
CREATE = Words("Trigger", lambda: _FIELDS)
UPDATE = Words("TriggerUpdate", lambda: {"displayName": STRING, "status": word(*_STATUSES)})
_KEPT_AS = {
    "display_name": "displayName",
    "schedule": "schedule",
    "time_zone": "timeZone",
    "interaction": "interaction",
    "environment_id": "environmentId",
    "execution_timeout_seconds": "executionTimeoutSeconds",
    "max_consecutive_failures": "maxConsecutiveFailures",
    "status": "status",
}


def _create(call: Call) -> dict[str, Any]:
    body = gaos.read(call, CREATE)
    for name in ("schedule", "time_zone", "interaction"):
        if not body.get(name):
            raise gaos.invalid(f"Missing required parameter '{name}'.")
    _check_schedule(body["schedule"], body["time_zone"])
    work.check_agent(call, body["interaction"].get("agent", ""))
    for name, most in (("execution_timeout_seconds", _LONGEST), ("max_consecutive_failures", 2**31)):
        if name in body and not 0 < body[name] <= most:
            raise gaos.invalid(f"Invalid parameter '{name}': it must be from 1 to {most}.")
    kept = {
        "displayName": "",
        "executionTimeoutSeconds": _TIMEOUT,
        "maxConsecutiveFailures": _FAILURES,
        "failures": 0,
        "status": work.ACTIVE,
        **{_KEPT_AS[name]: value for name, value in body.items()},
    }
    due, name = work.next_run(kept, call.world.instant), call.world.new_name(work.COLLECTION, _ID)
    return _shown(call.world.create(work.COLLECTION, call.project, kept, due=due, name=name))


def _check_schedule(schedule: str, zone: str) -> None:
    try:
        cron.parse(schedule)
    except ValueError as error:
        raise gaos.invalid(f"Invalid parameter 'schedule': {error}.") from None
    try:
        cron.zone(zone)
    except ValueError as error:
        raise gaos.invalid(f"Invalid parameter 'time_zone': {error}.") from None


def _list(call: Call) -> dict[str, Any]:
    if paging.first(call.request.query, "filter"):
        raise gaos.Refused(501, "The emulator cannot filter triggers: nothing is known of the form of a filter.")
    return gaos.page(call, work.COLLECTION, _shown)


def _get(call: Call) -> dict[str, Any]:
    return _shown(_found(call))


def _patch(call: Call) -> dict[str, Any]:
    body, row, now = gaos.read(call, UPDATE), _found(call), call.world.instant
    changed = {**row.body, **{_KEPT_AS[name]: value for name, value in body.items()}}
    before, after = row.body["status"], changed["status"]
    if before != after:
        if after == work.ACTIVE:
            changed |= {"resumedAt": now, "failures": 0}
        elif before == work.ACTIVE:
            changed["pausedAt"] = now
    due = work.next_run(changed, now) if before != after else row.due
    return _shown(call.world.patch(row, body=changed, due=due))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(_found(call))
    return {}


def _found(call: Call) -> Row:
    return gaos.found(call, work.COLLECTION, "Trigger")


def _shown(row: Row) -> dict[str, Any]:
    body = row.body
    texts = {name: body[_KEPT_AS[name]] for name in ("display_name", "environment_id") if body.get(_KEPT_AS[name])}
    moments = {
        "last_run_time": body.get("lastRun"),
        "next_run_time": row.due,
        "last_pause_time": body.get("pausedAt"),
        "last_resume_time": body.get("resumedAt"),
    }
    return {
        "id": row.name.removeprefix(f"{work.COLLECTION}/"),
        **texts,
        "schedule": body["schedule"],
        "time_zone": body["timeZone"],
        "interaction": body["interaction"],
        "execution_timeout_seconds": body["executionTimeoutSeconds"],
        "max_consecutive_failures": body["maxConsecutiveFailures"],
        "status": body["status"],
        **({"consecutive_failure_count": body["failures"]} if body["failures"] else {}),
        **({"previous_interaction_id": body["previousInteraction"]} if body.get("previousInteraction") else {}),
        "create_time": times.format_timestamp(row.created, 9),
        "update_time": times.format_timestamp(row.updated, 9),
        **{name: times.format_timestamp(at, 9) for name, at in moments.items() if at is not None},
    }


SURFACE = Surface(
    work.COLLECTION,
    tuple(
        Route(method, template, gaos.speaking(handler))
        for method, template, handler in (
            ("POST", "triggers", _create),
            ("GET", "triggers", _list),
            ("GET", "triggers/{id}", _get),
            ("PATCH", "triggers/{id}", _patch),
            ("DELETE", "triggers/{id}", _delete),
        )
    ),
    work.due,
)
