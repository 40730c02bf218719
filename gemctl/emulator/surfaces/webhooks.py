"""Serves webhooks: create, list, get, patch, delete, ping, rotateSigningSecret (the official SDKs' types, and
answers of the live service that were published; the guide's path `/rotate_secret` is none).

Called by `app` through the table of `surfaces`. Separate as every kind is. Answers are in snake_case and have no
times, although the types do: the service was never seen to show them. `name` is a label that need not be unique. A
PATCH changes what its body has, whatever `update_mask` says, as the service was seen to do. A secret is in the answer
to the create, or to the rotation, and never again; reads show its end. The world keeps the whole of it: deliveries are
signed with it (`deliveries`). A ping is answered with `{}` whether or not anybody is there.

Assumptions: lists are newest first; `disabled_due_to_failed_deliveries` can be set as the SDK's types have it. An http
address is taken where it is this machine's, and so nobody else's: receivers are tried out without a certificate.

In the world: the collection `webhooks`, whose display name is the label.
"""

import base64
import string
from typing import Any
from urllib.parse import urlsplit

from gemctl.emulator import deliveries, gaos, times
from gemctl.emulator.courier import reachable
from gemctl.emulator.gaos import Words, word
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING, Kind
from gemctl.emulator.shapes import ListOf

COLLECTION = deliveries.WEBHOOKS
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
_KEY = 32  # bytes
_DAY = 24 * 3_600 * times.SECOND
_AT_ONCE = "revoke_previous_secrets_immediately"
_FIELDS: dict[str, Kind] = {"uri": STRING, "subscribedEvents": ListOf(word(*EVENTS)), "name": STRING}
CREATE = Words("Webhook", lambda: _FIELDS)
UPDATE = Words("WebhookUpdate", lambda: {**_FIELDS, "state": word("enabled", "disabled", deliveries.GIVEN_UP)})
PING = Words("PingWebhookRequest", dict)
ROTATE = Words(
    "RotateSigningSecretRequest", lambda: {"revocationBehavior": word("revoke_previous_secrets_after_h24", _AT_ONCE)}
)
_KEPT_AS = {"uri": "uri", "subscribed_events": "subscribedEvents", "name": "displayName", "state": "state"}


def _create(call: Call) -> dict[str, Any]:
    body = {"name": "", **gaos.read(call, CREATE), "state": "enabled"}
    _check(body, "uri", "subscribed_events")
    secret = _new_secret(call)
    kept = {_KEPT_AS[name]: value for name, value in body.items()} | {"secrets": [{"secret": secret, "expires": None}]}
    row = call.world.create(COLLECTION, call.project, kept, name=call.world.new_name(COLLECTION, _ID))
    return {**_shown(row, call.world.instant), "new_signing_secret": secret}


def _list(call: Call) -> dict[str, Any]:
    return gaos.page(call, COLLECTION, lambda row: _shown(row, call.world.instant))


def _get(call: Call) -> dict[str, Any]:
    return _shown(_found(call), call.world.instant)


def _patch(call: Call) -> dict[str, Any]:
    body, row = gaos.read(call, UPDATE), _found(call)
    _check(body, *(name for name in ("uri", "subscribed_events") if name in body))
    changed = {_KEPT_AS[name]: value for name, value in body.items()}
    return _shown(call.world.patch(row, body={**row.body, **changed}), call.world.instant)


def _delete(call: Call) -> dict[str, Any]:
    call.world.delete(_found(call))
    return {}


def _ping(call: Call) -> dict[str, Any]:
    gaos.read(call, PING)
    deliveries.ping(call, _found(call))
    return {}


def _rotate(call: Call) -> dict[str, Any]:
    """A new secret; those before it hold for a day at most, or are void at once."""
    how = gaos.read(call, ROTATE).get("revocation_behavior")
    row, secret, now = _found(call), _new_secret(call), call.world.instant
    before = [] if how == _AT_ONCE else deliveries.holding(row.body["secrets"], now)
    ending = [{**one, "expires": min(one["expires"] or now + _DAY, now + _DAY)} for one in before]
    call.world.patch(row, body={**row.body, "secrets": [{"secret": secret, "expires": None}, *ending]})
    return {"secret": secret}


def _found(call: Call) -> Row:
    return gaos.found(call, COLLECTION, "Webhook")


def _check(body: dict[str, Any], *needed: str) -> None:
    for name in needed:
        if not body.get(name):
            raise gaos.invalid(f"Missing required parameter '{name}'.")
    uri = body.get("uri", "https://example.com")
    try:
        parts = urlsplit(uri)
        taken = bool(parts.hostname) and (parts.scheme == "https" or reachable(uri))
    except ValueError:
        taken = False
    if not taken:
        raise gaos.invalid("Invalid parameter 'uri': it must be an https address.")


def _new_secret(call: Call) -> str:
    key = call.world.draw(string.printable, _KEY)
    return "whsec_" + base64.b64encode(key.encode()).decode()


def _shown(row: Row, now: int) -> dict[str, Any]:
    return {
        "id": row.name.removeprefix(f"{COLLECTION}/"),
        **({"name": row.body["displayName"]} if row.body["displayName"] else {}),
        "uri": row.body["uri"],
        "subscribed_events": list(dict.fromkeys(row.body["subscribedEvents"])),
        "state": row.body["state"],
        "signing_secrets": [
            {
                "truncated_secret": f"whsec_...{one['secret'][-4:]}",
                **({"expire_time": times.format_timestamp(one["expires"], 6)} if one["expires"] is not None else {}),
            }
            for one in deliveries.holding(row.body["secrets"], now)
        ],
    }


SURFACE = Surface(
    COLLECTION,
    tuple(
        Route(method, template, gaos.speaking(handler))
        for method, template, handler in (
            ("POST", "webhooks", _create),
            ("GET", "webhooks", _list),
            ("GET", "webhooks/{id}", _get),
            ("PATCH", "webhooks/{id}", _patch),
            ("DELETE", "webhooks/{id}", _delete),
            ("POST", "webhooks/{id}:ping", _ping),
            ("POST", "webhooks/{id}:rotateSigningSecret", _rotate),
        )
    ),
)
