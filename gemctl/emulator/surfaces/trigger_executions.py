"""Serves the executions of triggers: run now, and list (the official SDKs' types).

Called by `app` through the table of `surfaces`, also when an execution ends. Separate from the triggers because an
execution has a life of its own, and outlives its trigger: the guide says that a delete keeps the history.

Assumptions: lists are newest first; a trigger that is paused, or in error, can be run all the same (the guide says so
of paused ones).
"""

from typing import Any

from gemctl.emulator import gaos, times
from gemctl.emulator import trigger_work as work
from gemctl.emulator.gaos import Refused, Words
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row

RUN = Words("RunTriggerRequest", dict)


def _run(call: Call) -> dict[str, Any]:
    gaos.read(call, RUN)
    return _shown(work.run(call, gaos.found(call, work.COLLECTION, "Trigger")))


def _list(call: Call) -> dict[str, Any]:
    trigger = f"{work.COLLECTION}/{call.params['id']}"
    collection = work.executions(trigger)
    there = call.world.get(work.COLLECTION, call.project, trigger) or next(
        call.world.rows(collection, call.project), None
    )
    if there is None:
        raise Refused(404, "Trigger not found.")
    return gaos.page(call, collection, _shown, under="trigger_executions")


def _shown(row: Row) -> dict[str, Any]:
    body = row.body
    moments = {"scheduled_time": "scheduled", "start_time": "began", "end_time": "ended"}
    texts = {"interaction_id": "interaction", "environment_id": "environment", "error": "error"}
    return {
        "id": row.name.rpartition("/")[2],
        "trigger_id": body["trigger"].removeprefix(f"{work.COLLECTION}/"),
        "status": body["status"],
        **{name: times.format_timestamp(body[kept], 9) for name, kept in moments.items() if kept in body},
        **{name: body[kept] for name, kept in texts.items() if body.get(kept)},
    }


SURFACE = Surface(
    "triggers/executions",
    (
        Route("POST", "triggers/{id}/executions", gaos.speaking(_run)),
        Route("GET", "triggers/{id}/executions", gaos.speaking(_list)),
    ),
    work.wake,
)
