"""Holds the effects and requests of a world, which tests read, and turns them into records of a store and back.

Called by `world`; tests read `Effect` and `Seen`. Separate because the form of a record outlives
the process that wrote it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gemctl.emulator import times
from gemctl.emulator.rows import Row
from gemctl.emulator.store import Record


@dataclass(frozen=True)
class Cause:
    """The request that made a change: its method, path and digest of its body, and the key's fingerprint."""

    method: str = ""
    path: str = ""
    digest: str = ""
    key: str = ""


@dataclass(frozen=True)
class Effect:
    """One thing that the service did to one object, in the order of `seq`.

    `kind` is created, patched, deleted or expired; and of a batch, which moves by itself, started (it runs) and ended
    (it has finished, was cancelled, failed or ran out of time: `state` says which; its record is still there); of an
    interaction in the background, ended; of a document, ended (it was indexed, or failed); and of a file search store,
    counted (a document of it has come, ended or gone). `at` is server time; an expiry, a start and an end are dated to
    the moment when they were due, however much later the world was read. `display_name`, `model`, `expire_time` and
    `state` (of objects that have one, as the wire spells it) are the object's after the effect (before it, when the
    object is gone). `digest` is the SHA-256 of the request's body, `key` a fingerprint of the API key; both are empty
    for an effect without a request.

    An ephemeral token's `name` holds a digest, `auth_tokens/sha256:...`: the name itself is a secret.
    """

    seq: int
    at: datetime
    kind: str
    collection: str
    project: str
    name: str
    display_name: str
    model: str
    expire_time: datetime | None
    method: str
    path: str
    digest: str
    key: str
    state: str = ""


@dataclass(frozen=True)
class Change:
    """An effect with the object before it, if it was there, and after it. `at` is the effect's instant."""

    at: int
    effect: Effect
    before: Row | None
    row: Row


@dataclass(frozen=True)
class Use:
    """One use of a model. `kind` is generateContent, embedding, interaction or live, `model` the name that was asked
    for, without `models/`, or an agent's; `tokens` are as `usage` has them."""

    at: int
    project: str
    kind: str
    model: str
    tokens: Mapping[str, Any]


@dataclass(frozen=True)
class Compaction:
    """At this instant the log was cut down to what was live; what was before it is not known any more."""

    at: int


@dataclass(frozen=True)
class Seen:
    """One request that came in. `status` is the answer's, None when no answer was heard. `query` is without
    keys and upload ids. The body is kept up to 64 KiB, and not if it is a file's; `size` and `digest` describe all
    of it. `number` counts from 1; `headers` are those by which clients differ."""

    at: datetime
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    status: int | None
    body: bytes
    size: int
    digest: str
    number: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        """The body, parsed; None when it is empty, was too large to keep or is no JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Late:
    """A request that was lost for its sender and is carried out at the instant `due`. Of its headers those of an
    upload are kept; a large body is kept in a blob."""

    seq: int
    due: int
    project: str
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: bytes
    key: str
    headers: Mapping[str, str] = field(default_factory=dict)
    blob: str = ""


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def fingerprint(key: str) -> str:
    """Enough of a hash to tell keys apart, too little to find them."""
    return hashlib.sha256(b"gemctl emulator key\0" + key.encode("utf-8", "replace")).hexdigest()[:8]


def write_effect(seq: int, at: int, kind: str, row: Row, cause: Cause) -> Record:
    """The record of an effect, with the whole object after it."""
    return {
        "seq": seq,
        "at": at,
        "kind": kind,
        "collection": row.collection,
        "project": row.project,
        "name": row.name,
        "created": row.created,
        "updated": row.updated,
        "expires": row.expires,
        "due": row.due,
        "born": row.born,
        "body": row.body,
        "by": [cause.method, cause.path, cause.digest, cause.key],
    }


def read_effect(record: Record) -> tuple[Effect, Row]:
    """The effect and the object after it."""
    body: Mapping[str, Any] = record["body"]
    expires: int | None = record["expires"]
    row = Row(
        record["collection"],
        record["project"],
        record["name"],
        body,
        record["created"],
        record["updated"],
        expires,
        record["born"],
        record.get("due"),
    )
    method, path, digest, key = record["by"]
    effect = Effect(
        record["seq"],
        times.to_datetime(record["at"]),
        record["kind"],
        row.collection,
        row.project,
        row.name,
        str(body.get("displayName", "")),
        str(body.get("model", "")),
        None if expires is None else times.to_datetime(expires),
        method,
        path,
        digest,
        key,
        str(body.get("state", "")),
    )
    return effect, row


def write_use(seq: int, use: Use) -> Record:
    return {
        "seq": seq,
        "at": use.at,
        "kind": "used",
        "project": use.project,
        "use": use.kind,
        "model": use.model,
        "tokens": use.tokens,
    }


def read_use(record: Record) -> Use:
    return Use(record["at"], record["project"], record["use"], record["model"], record["tokens"])


def write_late(late: Late) -> Record:
    return {
        "seq": late.seq,
        "kind": "late",
        "due": late.due,
        "project": late.project,
        "request": [late.method, late.path, [list(pair) for pair in late.query], late.key],
        "headers": dict(late.headers),
        "blob": late.blob,
        # Latin-1 maps every byte to one character: a body that is not UTF-8 survives the JSON.
        "body": late.body.decode("latin-1"),
    }


def read_late(record: Record) -> Late:
    method, path, query, key = record["request"]
    pairs = tuple((name, value) for name, value in query)
    body = record["body"].encode("latin-1")
    headers, blob = record.get("headers", {}), record.get("blob", "")
    return Late(record["seq"], record["due"], record["project"], method, path, pairs, body, key, headers, blob)
