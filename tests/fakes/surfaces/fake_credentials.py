"""fakeCredentials: what an agent may sign in with, as credentials are; called by the emulator.

The user chooses the bare `id`; a second create of the same is a 409. PATCH takes the description alone, without a mask.

In the world: the collection `fakeCredentials`, without display names.
"""

from __future__ import annotations

import re
from typing import Any

from fakes.surfaces.fake_parts import CAMEL, found, given, moment

from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING
from gemctl.emulator.shapes import Message, snake
from gemctl.emulator.wire import Refusal, invalid

COLLECTION = "fakeCredentials"
_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_CREDENTIAL = Message("FakeCredential", lambda: {"id": STRING, "host": STRING, "description": STRING})


def _create(call: Call) -> dict[str, Any]:
    body = call.json(_CREDENTIAL)
    given(body, "id", "host")
    chosen = body.pop("id")
    if not _ID.fullmatch(chosen):
        raise invalid("* id: lower-case letters, digits and hyphens, up to 63; a letter comes first.")
    name = f"{COLLECTION}/{chosen}"
    if call.world.get(COLLECTION, call.project, name) is not None:
        raise Refusal(409, f"Credential '{chosen}' already exists.", status="ALREADY_EXISTS")
    return _shown(call.world.create(COLLECTION, call.project, body, name=name))


def _patch(call: Call) -> dict[str, Any]:
    body = call.json(_CREDENTIAL)
    if others := [snake(name) for name in body if name != "description"]:
        raise invalid(f"Only the description of a credential can be updated, not {', '.join(others)}.")
    row = found(call, COLLECTION)
    return _shown(call.world.patch(row, body={**row.body, **body}))


def _list(call: Call) -> dict[str, Any]:
    return CAMEL.answer(call, COLLECTION, "credentials", _shown)


def _get(call: Call) -> dict[str, Any]:
    return _shown(found(call, COLLECTION))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(found(call, COLLECTION))
    return {}


def _shown(row: Row) -> dict[str, Any]:
    own = row.name.removeprefix(f"{COLLECTION}/")
    return {"id": own, **row.body, "createTime": moment(row.created), "updateTime": moment(row.updated)}


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeCredentials", _create),
        Route("GET", "fakeCredentials", _list),
        Route("GET", "fakeCredentials/{id}", _get),
        Route("PATCH", "fakeCredentials/{id}", _patch),
        Route("DELETE", "fakeCredentials/{id}", _delete),
    ),
)
