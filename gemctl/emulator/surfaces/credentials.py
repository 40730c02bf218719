"""Serves credentials: create, list, get, patch, delete (the official SDKs' types, and the API's page on credentials).

Called by `app` through the table of `surfaces`. Separate as every kind is. The body is one of three by its `type`. An
answer shows id, type, status and times, and never what else was sent: no secret, and nothing that is none. A PATCH must
repeat the type, which can't be changed, and leaves alone what it does not have; a mask is taken, and the body counts.
The world keeps the values, as the service does; the log of requests does not.

Assumptions: an id is a UUID where none is given; ids have 128 characters at most; lists are newest first; the exchange
of an oauth2 credential is not made, since no endpoint of somebody else is called; a revoked credential whose secret is
patched is active again.

In the world: the collection `credentials`, without display names.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from gemctl.emulator import gaos, times
from gemctl.emulator.gaos import Words, word
from gemctl.emulator.routing import Call, Route, Surface, parse
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING, Kind
from gemctl.emulator.shapes import ListOf

COLLECTION = "credentials"
_ID = re.compile(r"[a-z0-9_-]{1,128}", re.ASCII)
_LOCATION = word("header", "query", "body")
_HEX = "0123456789abcdef"
_FIELDS: dict[str, dict[str, Kind]] = {
    "bearer_token": {"token": STRING, "headerName": STRING, "prefix": STRING},
    "oauth2": {
        "clientId": STRING,
        "clientSecret": STRING,
        "refreshToken": STRING,
        "tokenUrl": STRING,
        "scopes": ListOf(STRING),
    },
    "environment_variable": {"value": STRING, "injectionLocation": ListOf(_LOCATION), "trustedDomains": ListOf(STRING)},
}
_NEEDED = {
    "bearer_token": ("token",),
    "oauth2": ("client_id", "client_secret", "refresh_token", "token_url"),
    "environment_variable": ("value", "injection_location"),
}
_SECRET = ("token", "client_secret", "refresh_token", "value")
_TYPE = word(*_FIELDS)


def _shape(what: str, more: dict[str, Kind]) -> Words:
    return Words(what, lambda: more)


_FORMS = _FIELDS.items()
CREATE = {name: _shape(f"Credential.{name}", {"id": STRING, "type": _TYPE, **fields}) for name, fields in _FORMS}
UPDATE = {name: _shape(f"CredentialUpdate.{name}", {"type": _TYPE, **fields}) for name, fields in _FORMS}


def _create(call: Call) -> dict[str, Any]:
    body = _read(call, CREATE)
    kind = body["type"]
    for name in _NEEDED[kind]:
        if not body.get(name):
            raise gaos.invalid(f"Missing required parameter '{name}'.")
    _check(body)
    own = body.pop("id", "") or _uuid(call)
    if not _ID.fullmatch(own):
        raise gaos.invalid("Invalid parameter 'id': lowercase letters, digits, hyphens and underscores.")
    name = f"{COLLECTION}/{own}"
    if call.world.get(COLLECTION, call.project, name) is not None:
        raise gaos.Refused(409, f"Credential '{own}' already exists.; CreateCredential call failed")
    return _shown(call.world.create(COLLECTION, call.project, {**body, "status": "active"}, name=name))


def _list(call: Call) -> dict[str, Any]:
    return gaos.page(call, COLLECTION, _shown)


def _get(call: Call) -> dict[str, Any]:
    return _shown(_found(call, "GetCredential"))


def _patch(call: Call) -> dict[str, Any]:
    body, row = _read(call, UPDATE), _found(call, "UpdateCredential")
    if body["type"] != row.body["type"]:
        raise gaos.invalid("Invalid parameter 'type': the type of a credential can't be changed.")
    for name in _NEEDED[body["type"]]:
        if name in body and not body[name]:
            raise gaos.invalid(f"Invalid parameter '{name}': it can't be empty.")
    _check(body)
    renewed = {"status": "active"} if any(name in body for name in _SECRET) else {}
    return _shown(call.world.patch(row, body={**row.body, **body, **renewed}))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(_found(call, "DeleteCredential"))
    return {}


def _found(call: Call, what: str) -> Row:
    row = call.world.get(COLLECTION, call.project, f"{COLLECTION}/{call.params['id']}")
    if row is None:
        raise gaos.Refused(404, f"Result not found.; {what} call failed")
    return row


def _read(call: Call, shapes: dict[str, Words]) -> dict[str, Any]:
    """The body, read as its type says."""
    kind = parse(call.request.body).get("type")
    if kind is None:
        raise gaos.invalid("Missing required parameter 'type'.")
    if not isinstance(kind, str) or kind not in shapes:
        raise gaos.invalid(f"Invalid parameter 'type': it is one of {', '.join(shapes)}.")
    return gaos.read(call, shapes[kind])


def _check(body: dict[str, Any]) -> None:
    if "token_url" in body:
        try:
            parts = urlsplit(body["token_url"])
            usable = parts.scheme == "https" and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise gaos.invalid("Invalid parameter 'token_url': it must be an https address.")


def _uuid(call: Call) -> str:
    drawn = call.world.draw(_HEX, 32)
    return "-".join((drawn[:8], drawn[8:12], drawn[12:16], drawn[16:20], drawn[20:]))


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.name.removeprefix(f"{COLLECTION}/"),
        "type": row.body["type"],
        "status": row.body["status"],
        "create_time": times.format_timestamp(row.created, 9),
        "update_time": times.format_timestamp(row.updated, 9),
    }


SURFACE = Surface(
    COLLECTION,
    tuple(
        Route(method, template, gaos.speaking(handler))
        for method, template, handler in (
            ("POST", "credentials", _create),
            ("GET", "credentials", _list),
            ("GET", "credentials/{id}", _get),
            ("PATCH", "credentials/{id}", _patch),
            ("DELETE", "credentials/{id}", _delete),
        )
    ),
    private=frozenset(_SECRET),
)
