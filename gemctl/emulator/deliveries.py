"""Decides which events are delivered where, when, and for how long; `courier` carries them.

Called by those in which something happens, and by `app`. Separate because it is a part of no surface: a batch or an
interaction announces its end, and need not know who listens. All times are the world's, so that a moved clock moves
deliveries.

A delivery is a POST of `{"type", "version", "timestamp", "data"}`, signed as Standard Webhooks say with every secret of
the webhook that holds: during a rotation with two (ai.google.dev guide, "Webhooks"). It is repeated for 24 hours, later
and later, until the receiver answers with a 2xx; with the same `webhook-id`, by which receivers know what they had.

Assumptions: a webhook whose receiver never answered in that time is `disabled_due_to_failed_deliveries`; what it has
not got when it is disabled or deleted is dropped; a ping is sent once, also of a webhook that is disabled. What names
addresses itself is told to them in place of the webhooks (the SDK's documentation of WebhookConfig). The service signs
these with a token of RS256 that its public keys verify: nothing here can, so they come without a signature. What its
metadata say stands beside `data`. Nobody is told of a batch or an interaction that was cancelled, or of one that was
cut off, since there are no such events.

In the world: the collection `deliveries`, each of which stays for a week.
"""

import base64
import binascii
import hashlib
import hmac
import json
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import times
from gemctl.emulator.courier import Answered, Post, reachable
from gemctl.emulator.routing import Call
from gemctl.emulator.rows import Row
from gemctl.emulator.world import World

COLLECTION = "deliveries"
WEBHOOKS = "webhooks"
GIVEN_UP = "disabled_due_to_failed_deliveries"

_FIRST_PAUSE, _LONGEST_PAUSE = 10 * times.SECOND, 4 * 3_600 * times.SECOND
_REPEATED = 24 * 3_600 * times.SECOND
_KEPT = 7 * _REPEATED
_LETTERS = string.ascii_letters + string.digits
_ID = 27
_PENDING, _DELIVERED, _FAILED, _DROPPED = "pending", "delivered", "failed", "dropped"
_NOT_CONTACTED = "not_contacted"


def announce(call: Call, event: str, data: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> None:
    """Deliver an event to all webhooks of the project that want it; or where something has addresses of its `own`, to
    these.
    """
    if own and own.get("uris"):
        for uri in own["uris"]:
            _make(call, event, data, uri=uri, metadata=own.get("userMetadata"))
        return
    wanting = (row for row in call.world.rows(WEBHOOKS, call.project) if event in row.body["subscribedEvents"])
    for row in sorted(wanting, key=lambda row: row.place):
        if row.body["state"] == "enabled":
            _make(call, event, data, uri=row.body["uri"], webhook=row.name)


def ping(call: Call, webhook: Row) -> None:
    """Deliver something that says nothing, once."""
    _make(call, "ping", {}, uri=webhook.body["uri"], webhook=webhook.name, once=True)


def _make(
    call: Call,
    event: str,
    data: Mapping[str, Any],
    *,
    uri: str,
    webhook: str = "",
    metadata: Mapping[str, Any] | None = None,
    once: bool = False,
) -> None:
    now = call.world.instant
    payload = {"type": event, "version": "v1", "timestamp": times.format_timestamp(now, 6), "data": data}
    if metadata:
        payload["user_metadata"] = metadata
    there = reachable(uri)
    body = {
        "event": event,
        "webhook": webhook,
        "uri": uri,
        "payload": json.dumps(payload),
        "once": once,
        "state": _PENDING if there else _NOT_CONTACTED,
        "attempts": [],
        "next": now if there else None,
    }
    name = f"{COLLECTION}/msg_{call.world.draw(_LETTERS, _ID)}"
    call.world.create(COLLECTION, call.project, body, name=name, expires=now + _KEPT)


def due(world: World) -> Iterator[Row]:
    """The deliveries whose next attempt is due, oldest first."""
    for row in world.objects(COLLECTION):
        if row.body["next"] is not None and row.body["next"] <= world.instant:
            yield row


def prepared(world: World, row: Row) -> Post | None:
    """The next attempt, signed. None, and the delivery is dropped, where its webhook wants no events any more."""
    body: str = row.body["payload"]
    uri: str = row.body["uri"]
    secrets: list[str] = []
    if row.body["webhook"]:
        webhook = world.get(WEBHOOKS, row.project, row.body["webhook"])
        if webhook is None or not (webhook.body["state"] == "enabled" or row.body["once"]):
            world.patch(row, body={**row.body, "state": _DROPPED, "next": None})
            return None
        secrets = [one["secret"] for one in holding(webhook.body["secrets"], world.instant)]
        uri = webhook.body["uri"]
    message, seconds = row.name.removeprefix(f"{COLLECTION}/"), str(world.instant // times.SECOND)
    headers = {"content-type": "application/json", "webhook-id": message, "webhook-timestamp": seconds}
    if secrets:
        headers["webhook-signature"] = " ".join(_signature(one, message, seconds, body) for one in secrets)
    return Post(row.project, row.name, uri, headers, body.encode())


def heard(world: World, post: Post, answered: Answered) -> None:
    """Note what came of an attempt, and when the next one is due."""
    row = world.get(COLLECTION, post.project, post.name)
    if row is None or row.body["next"] is None:
        return
    now, attempt = world.instant, {"at": world.instant, "status": answered.status, "error": answered.error}
    body = {**row.body, "attempts": [*row.body["attempts"], attempt]}
    pause = min(_FIRST_PAUSE * 2 ** len(row.body["attempts"]), _LONGEST_PAUSE)
    if answered.status is not None and 200 <= answered.status < 300:
        body |= {"state": _DELIVERED, "next": None}
    elif row.body["once"] or now + pause > row.created + _REPEATED:
        body |= {"state": _FAILED, "next": None}
    else:
        body["next"] = now + pause
    world.patch(row, body=body)
    webhook = world.get(WEBHOOKS, post.project, row.body["webhook"])
    if body["state"] == _FAILED and not row.body["once"] and webhook and webhook.body["state"] == "enabled":
        world.patch(webhook, body={**webhook.body, "state": GIVEN_UP})


def shown(row: Row) -> dict[str, object]:
    """What the admin door shows of one: all but signatures."""
    following: int | None = row.body["next"]
    return {
        "id": row.name.removeprefix(f"{COLLECTION}/"),
        "project": row.project,
        "event": row.body["event"],
        "webhook": row.body["webhook"],
        "uri": row.body["uri"],
        "state": row.body["state"],
        "attempts": [{**one, "at": times.format_timestamp(one["at"], 6)} for one in row.body["attempts"]],
        "next": None if following is None else times.format_timestamp(following, 6),
        "body": json.loads(row.body["payload"]),
    }


def holding(secrets: Sequence[Mapping[str, Any]], now: int) -> list[Mapping[str, Any]]:
    """The secrets of a webhook that are not void yet, the newest first."""
    return [one for one in secrets if one["expires"] is None or one["expires"] > now]


def _signature(secret: str, message: str, seconds: str, body: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"))
    except binascii.Error:  # of another hand's log
        key = secret.encode()
    signed = hmac.new(key, f"{message}.{seconds}.{body}".encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"
