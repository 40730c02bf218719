"""fakeEnvironments: a place with packages in which code runs, as environments are; called by the emulator.

The server makes the id, and `displayName` is a label that stays as it is. A create answers an operation, which has the
name of what it made once that is built, `BUILDING` later. PATCH takes `description` and `packages` by a mask, and
refuses all else. Lists are turned by `limit` and `offset`, and a page says `nextOffset`, a number as text, where there
is more. `packages` in a reply are the first `MOST`, and the reply says `nextOffset` likewise. With `FAILS` among them
it ends as FAILED. `:restart` builds it again.

In the world: the collection `fakeEnvironments`; a restart is an effect `restarted`.
"""

from __future__ import annotations

from typing import Any

from fakes.surfaces.fake_parts import MOST, found, given, masked, moment, present

from gemctl.emulator import times
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING
from gemctl.emulator.shapes import ListOf, Message
from gemctl.emulator.wire import invalid

COLLECTION = "fakeEnvironments"
BUILDING = 5 * times.SECOND
FAILS = "broken-package"

_UPDATABLE = ("description", "packages")
_FIELDS = {"displayName": STRING, "region": STRING, "description": STRING, "packages": ListOf(STRING)}
_ENVIRONMENT = Message("FakeEnvironment", lambda: _FIELDS)
_NOTHING = Message("Empty", dict)


def _create(call: Call) -> dict[str, Any]:
    body = call.json(_ENVIRONMENT)
    given(body, "region")
    kept = {"description": "", "packages": [], **body, "ready": call.world.instant + BUILDING}
    return _operation(call, call.world.create(COLLECTION, call.project, kept))


def _get_operation(call: Call) -> dict[str, Any]:
    return _operation(call, found(call, COLLECTION))


def _operation(call: Call, row: Row) -> dict[str, Any]:
    operation: dict[str, Any] = {"name": f"{row.name}/operations/create"}
    state = _state(call, row)
    if state == "FAILED":
        return {**operation, "done": True, "error": {"code": 3, "message": "A package could not be built."}}
    return operation if state == "BUILDING" else {**operation, "done": True, "response": {"name": row.name}}


def _list(call: Call) -> dict[str, Any]:
    offset, limit = (first(call.request.query, name) or "0" for name in ("offset", "limit"))
    if not offset.isdecimal() or not limit.isdecimal():
        raise invalid("offset and limit are whole numbers.")
    start, size = int(offset), min(int(limit) or MOST, MOST)
    youngest = call.world.instant - times.span(call.world.list_lag)
    rows = sorted(call.world.rows(COLLECTION, call.project), key=lambda row: row.place)
    rows = [row for row in rows if row.created <= youngest]
    page: dict[str, Any] = {"environments": [_shown(call, row) for row in rows[start : start + size]]}
    return {**page, "nextOffset": str(start + size)} if len(rows) > start + size else page


def _get(call: Call) -> dict[str, Any]:
    return _shown(call, found(call, COLLECTION))


def _patch(call: Call) -> dict[str, Any]:
    if not first(call.request.query, "updateMask", "update_mask"):
        raise invalid("* update_mask: update_mask is required.")
    changed = masked(call, call.json(_ENVIRONMENT), _UPDATABLE)
    row = found(call, COLLECTION)
    return _shown(call, call.world.patch(row, body={**row.body, **changed}))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(found(call, COLLECTION))
    return {}


def _restart(call: Call) -> dict[str, Any]:
    call.json(_NOTHING)
    row = found(call, COLLECTION)
    call.world.patch(row, "restarted", body={**row.body, "ready": call.world.instant + BUILDING})
    return {}


def _state(call: Call, row: Row) -> str:
    if present(call) < row.body["ready"]:
        return "BUILDING"
    return "FAILED" if FAILS in row.body["packages"] else "READY"


def _shown(call: Call, row: Row) -> dict[str, Any]:
    packages = row.body["packages"]
    return {
        "name": row.name,
        **{name: row.body[name] for name in ("displayName", "region", "description") if row.body.get(name)},
        "packages": packages[:MOST],
        **({"nextOffset": MOST} if len(packages) > MOST else {}),
        "state": _state(call, row),
        "createTime": moment(row.created),
        "updateTime": moment(row.updated),
    }


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeEnvironments", _create),
        Route("GET", "fakeEnvironments", _list),
        Route("GET", "fakeEnvironments/{id}", _get),
        Route("PATCH", "fakeEnvironments/{id}", _patch),
        Route("DELETE", "fakeEnvironments/{id}", _delete),
        Route("POST", "fakeEnvironments/{id}:restart", _restart),
        Route("GET", "fakeEnvironments/{id}/operations/{operation}", _get_operation),
    ),
)
