"""fakeAgents: what runs on a model with instructions, as agents are; called by the emulator.

The user chooses the bare `id`; a second create of the same is a 409. Nothing can be changed. All fields are shown as
they were sent, and where nothing was said `DEFAULTS` are shown. Whether a trigger still needs an agent is not asked
when it is deleted.

In the world: the collection `fakeAgents`, without display names.
"""

from __future__ import annotations

import re
from typing import Any

from fakes.surfaces.fake_parts import SNAKE, found, given, moment

from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING, STRUCT, VALUE
from gemctl.emulator.shapes import ListOf, Message
from gemctl.emulator.wire import Refusal, invalid

COLLECTION = "fakeAgents"
DEFAULTS = {"model": "models/gemini-3.8-flash", "environment": {"type": "remote"}}

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_AGENT = Message(
    "FakeAgent",
    lambda: {
        "id": STRING,
        "description": STRING,
        "model": STRING,
        "instruction": STRING,
        "tools": ListOf(STRUCT),
        "environment": VALUE,
        "base": STRING,
    },
)


def exists(call: Call, agent: str) -> bool:
    """Whether the project has that agent, named by its id or as `fakeAgents/id`."""
    name = f"{COLLECTION}/{agent.removeprefix(f'{COLLECTION}/')}"
    return call.world.get(COLLECTION, call.project, name) is not None


def _create(call: Call) -> dict[str, Any]:
    body = call.json(_AGENT)
    given(body, "id")
    chosen = body.pop("id")
    if not _ID.fullmatch(chosen):
        raise invalid("* id: lower-case letters, digits and hyphens, up to 63; a letter comes first.")
    kept = {**DEFAULTS, **body}
    if "base" in body and not exists(call, body["base"]):
        raise Refusal(404, f"Agent '{body['base']}' is not there.")
    call.catalogue.find(kept["model"], version=call.version, method="generateContent")
    if exists(call, chosen):
        raise Refusal(409, f"Agent '{chosen}' already exists.", status="ALREADY_EXISTS")
    return _shown(call.world.create(COLLECTION, call.project, kept, name=f"{COLLECTION}/{chosen}"))


def _list(call: Call) -> dict[str, Any]:
    return SNAKE.answer(call, COLLECTION, "agents", _shown)


def _get(call: Call) -> dict[str, Any]:
    return _shown(found(call, COLLECTION))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(found(call, COLLECTION))
    return {}


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.name.removeprefix(f"{COLLECTION}/"),
        "object": "agent",
        **row.body,
        "created": moment(row.created),
        "updated": moment(row.updated),
    }


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeAgents", _create),
        Route("GET", "fakeAgents", _list),
        Route("GET", "fakeAgents/{id}", _get),
        Route("DELETE", "fakeAgents/{id}", _delete),
    ),
)
