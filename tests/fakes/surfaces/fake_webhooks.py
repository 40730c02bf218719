"""fakeWebhooks: where events are sent, as webhooks are; called by the emulator.

The server makes a bare `id`; `name` is a label that need not be unique. Answers are in snake_case. The signing secret
is in the answers to the create and to `:rotateSigningSecret`, and never again; the world keeps only its end, which
every read shows as `truncated_signing_secret`. PATCH takes a mask. A ping changes nothing, and nobody is called.

In the world: the collection `fakeWebhooks`, whose display name is the label. A rotation is an effect `patched`.
"""

from __future__ import annotations

import base64
from typing import Any

from fakes.surfaces.fake_parts import SNAKE, found, given, masked, moment, one_of

from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING
from gemctl.emulator.shapes import ListOf, Message
from gemctl.emulator.wire import invalid

COLLECTION = "fakeWebhooks"
EVENTS = (
    "batch.succeeded",
    "batch.expired",
    "batch.failed",
    "interaction.requires_action",
    "interaction.completed",
    "interaction.failed",
    "video.generated",
)

_ID = 36
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_UPDATABLE = ("uri", "subscribedEvents", "state", "name")
_FIELDS = {"uri": STRING, "subscribedEvents": ListOf(one_of(*EVENTS)), "name": STRING}
_WEBHOOK = Message("FakeWebhook", lambda: _FIELDS)
_PATCH = Message("FakeWebhook", lambda: {**_FIELDS, "state": one_of("enabled", "disabled")})
_NOTHING = Message("Empty", dict)
_ROTATE = Message(
    "RotateSigningSecretRequest",
    lambda: {
        "revocationBehavior": one_of(
            "revoke_previous_secrets_after_h24",
            "revoke_previous_secrets_immediately",
        )
    },
)


def _create(call: Call) -> dict[str, Any]:
    body = call.json(_WEBHOOK)
    _check(body)
    secret = _new_secret(call)
    kept = {
        "displayName": body.get("name", ""),
        "uri": body["uri"],
        "subscribedEvents": body["subscribedEvents"],
        "state": "enabled",
        "secret": _truncated(secret),
    }
    name = call.world.new_name(COLLECTION, _ID)
    row = call.world.create(COLLECTION, call.project, kept, name=name)
    return {**_shown(row), "new_signing_secret": secret}


def _list(call: Call) -> dict[str, Any]:
    return SNAKE.answer(call, COLLECTION, "webhooks", _shown)


def _get(call: Call) -> dict[str, Any]:
    return _shown(found(call, COLLECTION))


def _patch(call: Call) -> dict[str, Any]:
    changed = masked(call, call.json(_PATCH), _UPDATABLE)
    row = found(call, COLLECTION)
    if "name" in changed:
        changed["displayName"] = changed.pop("name")
    body = {**row.body, **changed}
    _check(body)
    return _shown(call.world.patch(row, body=body))


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(found(call, COLLECTION))
    return {}


def _rotate(call: Call) -> dict[str, Any]:
    """When the secrets before it end is not shown, whatever is asked for."""
    call.json(_ROTATE)
    row, secret = found(call, COLLECTION), _new_secret(call)
    call.world.patch(row, body={**row.body, "secret": _truncated(secret)})
    return {"new_signing_secret": secret}


def _ping(call: Call) -> dict[str, Any]:
    call.json(_NOTHING)
    found(call, COLLECTION)
    return {}


def _check(body: dict[str, Any]) -> None:
    given(body, "uri", "subscribedEvents")
    if not body["uri"].startswith("https://"):
        raise invalid("* uri: the scheme must be https.")


def _new_secret(call: Call) -> str:
    return "whsec_" + base64.b64encode(call.world.draw(_LETTERS, 32).encode()).decode()


def _truncated(secret: str) -> str:
    return f"whsec_...{secret[-5:]}"


def _shown(row: Row) -> dict[str, Any]:
    return {
        "id": row.name.removeprefix(f"{COLLECTION}/"),
        **({"name": row.body["displayName"]} if row.body["displayName"] else {}),
        "uri": row.body["uri"],
        "subscribed_events": row.body["subscribedEvents"],
        "state": row.body["state"],
        "truncated_signing_secret": row.body["secret"],
        "create_time": moment(row.created),
        "update_time": moment(row.updated),
    }


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeWebhooks", _create),
        Route("GET", "fakeWebhooks", _list),
        Route("GET", "fakeWebhooks/{id}", _get),
        Route("PATCH", "fakeWebhooks/{id}", _patch),
        Route("DELETE", "fakeWebhooks/{id}", _delete),
        Route("POST", "fakeWebhooks/{id}:rotateSigningSecret", _rotate),
        Route("POST", "fakeWebhooks/{id}:ping", _ping),
    ),
)
