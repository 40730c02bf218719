"""Holds what the service shows. A list that could not be read is an exception, never an empty listing.

Kinds make the objects and engine/survey.py the live state; read by plan, engine, outputs, render and workflows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from gemctl.core.frozen import dataclass
from gemctl.core.mark import Mark, OwnerTag
from gemctl.core.schedule import Schedule
from gemctl.core.source import JsonObject


class Phase(StrEnum):
    """The service's progress with an object."""

    READY = "ready"
    WAITING = "waiting"  # being processed: resources that refer to it must wait
    FAILED = "failed"  # it will never be ready


class Cause(StrEnum):
    """The reason why a run has ended without results."""

    FAILED = "failed"
    CANCELLED = "cancelled"  # it was told to stop
    EXPIRED = "expired"  # the service gave it up


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts the requests of a run, those with a response and those with an error, by the service's own count.

    A request that was given up without either counts as failed if the service says so, and else as neither.
    """

    total: int
    succeeded: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class LiveObject:
    """One live object, read by its kind from a list entry or from the reply to a create or patch.

    `shown_name` is the display name as shown, `display_name` its readable part, `mark` the ownership mark in it;
    `fields` are the managed fields that can be read back; `outputs` are what `output` and `publish` show, and others
    refer to. `attempt` is the number in an id that we chose. `why` is the service's reason for a FAILED one, or what a
    run's end means that has no whole answer; `state` is the service's own word for how far it is.
    `deadline` is when it ends; of a run that has ended, when its results do, unless it `carries_results` itself: then
    they are there as long as it is. `ended` is when the run did, and `cause` why it has no results.
    `counts` are those of a run; None where the service shows none. `parent` is the live name that it lies under.
    `children` is another text whenever an object that lies under it has come, gone or changed; "" for unknown. `held`
    is the number of objects under it by the service's own count; None for unknown. `model` is the one that it is for,
    without `models/`; "" for none. `texts` are those whose digests stand in `fields`, by digest, where the service
    shows them: a manifest that is made for it has them, and nothing else does. `schedule` is when the service starts
    something for it by itself, and `halted` why it does not any more, though nobody said so: a sentence of the kind's;
    "" where it was not halted.
    """

    kind: str
    name: str
    shown_name: str
    display_name: str
    mark: Mark | None
    fields: JsonObject
    outputs: JsonObject
    created: datetime | None = None
    updated: datetime | None = None
    deadline: datetime | None = None
    tokens: int | None = None
    phase: Phase = Phase.READY
    attempt: int = 1
    why: str = ""
    counts: Counts | None = None
    state: str = ""
    ended: datetime | None = None
    cause: Cause | None = None
    carries_results: bool = False
    parent: str = ""
    children: str = ""
    held: int | None = None
    model: str = ""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    schedule: Schedule | None = None
    halted: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """Says what a list of one kind should show: the list may lag, or come short for once, and is not believed alone.

    names      recorded live names that decisions depend on, each with the instant at which it ends; None if unknown.
    unheard    creates that were sent and never answered, as (address tag, spec tag) of the object they would have made.
    decided    the instant from which such a create counts as not having happened if its object is not live.
    blind      True if nothing is known of what there should be: the state was lost, or there was never one.
    final      True if an object that has passed its end is gone for certain: its end can't be moved.
    owner      for objects under a parent: the owner tag in the marks of the parents that are listed under.
    parents    for those: live names of parents that are ours although neither mark nor ledger may say so.
    below      the rows of objects under parents that the ledger has (`row` in core/record.py), by the parent's live
               name.
    apart      live names of parents under which there is nothing of ours, and nothing is declared: not listed.
    settled    parents whose objects are known: by the parent's live name, its `children` at that time. While that text
               is the same, there is nothing to list.
    """

    names: Mapping[str, datetime | None] = field(default_factory=dict)
    unheard: frozenset[tuple[str, str]] = frozenset()
    decided: datetime | None = None
    blind: bool = False
    final: bool = False
    owner: OwnerTag | None = None
    parents: frozenset[str] = frozenset()
    below: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    settled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveState:
    """The live objects of each kind in use, and the service's time when the last of them was seen. `quiet` are the
    live names of parents under which nothing was listed: they show that nothing has moved, or nothing there is ours.
    """

    listings: Mapping[str, tuple[LiveObject, ...]]
    now: datetime
    quiet: frozenset[str] = frozenset()

    def items(self, kind: str) -> tuple[LiveObject, ...]:
        return self.listings.get(kind, ())

    @property
    def by_name(self) -> Mapping[str, LiveObject]:
        """Everything, by its live name."""
        return {item.name: item for items in self.listings.values() for item in items}
