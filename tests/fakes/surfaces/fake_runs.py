"""fakeRuns: work of an agent or a model in the background, as interactions are; called by the emulator, also when a run
is due to end.

A run has a bare `id` and no label, and there is no list: who forgets the id has lost it. Each POST that is carried out
is paid, whether or not its answer is heard. The run ends `RUNNING` later as `completed`, or as its input says:

* `[[emulator: run ends STATUS]]`: at its end it is in that status, as in `run ends budget_exceeded`.
* `[[emulator: run stays STATUS]]`: it never ends by itself, as in `run stays requires_action`; it can be cancelled.

In the world: the collection `fakeRuns`; an effect `ended` says that a run has ended, and its state how. `RETENTION`
after its create a run is forgotten.
"""

from __future__ import annotations

import json
import re
from typing import Any

from fakes.surfaces import fake_agents
from fakes.surfaces.fake_parts import found, given, moment, precondition

from gemctl.emulator import times
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import BOOL, STRING, VALUE
from gemctl.emulator.shapes import Message
from gemctl.emulator.wire import invalid

COLLECTION = "fakeRuns"
RUNNING = 60 * times.SECOND
RETENTION = 55 * 24 * 3_600 * times.SECOND

_ID = 40
_ECHO = 200  # characters of the input that come back
_FATE = re.compile(r"\[\[emulator: run (ends|stays) ([a-z_]{1,40})\]\]", re.ASCII)
_RUN = Message("FakeRun", lambda: {"agent": STRING, "model": STRING, "input": VALUE, "background": BOOL})


def _create(call: Call) -> dict[str, Any]:
    body = call.json(_RUN)
    given(body, "input")
    if bool(body.get("agent")) == bool(body.get("model")):
        raise invalid("Exactly one of 'agent' and 'model' is required.")
    if not body.get("background"):
        raise invalid("* background: only runs in the background are supported.")
    if body.get("agent"):
        if not fake_agents.exists(call, body["agent"]):
            raise invalid(f"Agent '{body['agent'][:80]}' is invalid or not found.")
    else:
        model = f"models/{body['model'].removeprefix('models/')}"
        call.catalogue.find(model, version=call.version, method="generateContent")
    text = body["input"] if isinstance(body["input"], str) else json.dumps(body["input"])
    fate = _FATE.search(text)
    stays = fate is not None and fate[1] == "stays"
    kept = {
        **{name: body[name] for name in ("agent", "model") if body.get(name)},
        "input": text,
        "state": fate[2] if fate is not None and stays else "in_progress",
        "ends": fate[2] if fate is not None and not stays else "completed",
    }
    now = call.world.instant
    due = None if stays else now + RUNNING
    name = f"{COLLECTION}/v1_{call.world.draw('abcdefghijklmnopqrstuvwxyz0123456789', _ID)}"
    made = call.world.create(COLLECTION, call.project, kept, name=name, due=due, expires=now + RETENTION)
    return _shown(made)


def _get(call: Call) -> dict[str, Any]:
    return _shown(found(call, COLLECTION))


def _cancel(call: Call) -> dict[str, Any]:
    row = found(call, COLLECTION)
    if "ended" in row.body:
        raise precondition(f"The run has ended: it is {row.body['state']}.")
    return _shown(_end(call, row, "cancelled"))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(found(call, COLLECTION))
    return {}


def _wake(call: Call, row: Row) -> None:
    _end(call, row, row.body["ends"])


def _end(call: Call, row: Row, state: str) -> Row:
    body = {**row.body, "state": state, "ended": call.world.instant}
    return call.world.patch(row, "ended", body=body, due=None)


def _shown(row: Row) -> dict[str, Any]:
    run: dict[str, Any] = {
        "id": row.name.removeprefix(f"{COLLECTION}/"),
        "object": "interaction",
        "status": row.body["state"],
        **{name: row.body[name] for name in ("agent", "model") if name in row.body},
        "created": moment(row.created),
        "updated": moment(row.updated),
    }
    if row.body["state"] == "completed":
        run["outputs"] = [{"type": "text", "text": f"Done: {row.body['input'][:_ECHO]}"}]
    if row.body["state"] == "failed":
        run["error"] = {"code": 13, "message": "This failure was asked for by the input."}
    if "ended" in row.body:
        run["usage"] = {"total_tokens": len(row.body["input"]) // 4 + 1}
    return run


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeRuns", _create),
        Route("GET", "fakeRuns/{id}", _get),
        Route("POST", "fakeRuns/{id}/cancel", _cancel),
        Route("DELETE", "fakeRuns/{id}", _delete),
    ),
    _wake,
)
