"""What the service shows. A list that could not be read is an exception, never an empty listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gemctl.core.mark import Mark
from gemctl.core.source import JsonObject


class Phase(StrEnum):
    """How far the service is with an object."""

    READY = "ready"
    WAITING = "waiting"  # being processed: what refers to it must wait
    FAILED = "failed"  # it will never be ready


@dataclass(frozen=True, slots=True)
class Item:
    """One live object, read by its kind from a list entry or from the reply to a create or patch.

    `display` is the display name as shown, `human` its readable part, `mark` the ownership mark in it;
    `fields` are the managed fields that can be read back; `facts` is what `output` and `publish` show, and what others
    refer to. `attempt` is the number in a name that we chose. `why` says of a FAILED one what the service said.
    """

    kind: str
    name: str
    display: str
    human: str
    mark: Mark | None
    fields: JsonObject
    facts: JsonObject
    created: datetime | None = None
    updated: datetime | None = None
    deadline: datetime | None = None
    tokens: int | None = None
    phase: Phase = Phase.READY
    attempt: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Complete listings, one per kind in use, and the service's time when the last of them arrived."""

    listings: Mapping[str, tuple[Item, ...]]
    now: datetime

    def items(self, kind: str) -> tuple[Item, ...]:
        return self.listings.get(kind, ())
