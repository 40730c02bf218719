"""What differs, and why: the planner's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from gemctl.core.address import Address
from gemctl.core.source import Path


class Action(StrEnum):
    """What apply obeys."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    KEEP = "keep"
    HARVEST = "harvest"
    CANCEL = "cancel"
    REFRESH = "refresh"  # the ledger is told what is live, and nothing else is done


class Reason(StrEnum):
    """What people ask."""

    DECLARED = "declared"  # wanted, and never made
    EDITED = "edited"  # the declaration changed
    DRIFTED = "drifted"  # somebody changed the live object
    MISSING = "missing"  # gone before its time: deleted by hand
    EXPIRING = "expiring"  # less life left than renewBefore
    EXPIRED = "expired"  # gone, and its time had come
    ENDED = "ended"  # its declared expireTime is past
    UNDECLARED = "undeclared"  # no longer in the manifests
    DESTROY = "destroy"  # declared or not: everything is to go
    SUPERSEDED = "superseded"  # an older generation
    DUPLICATE = "duplicate"  # a second object of one declaration; the oldest stays
    FAILED = "failed"  # the service could not do what was asked with it
    RUNNING = "running"  # a run that has not ended
    FINISHED = "finished"  # a run has ended, and its results are not saved
    DONE = "done"  # a run has ended, and its results are saved
    RESUBMIT = "resubmit"  # what a run has no result for is run again
    UNDELIVERED = "undelivered"  # a secret that came with it has not reached its sink
    IN_USE = "in_use"  # something that runs still refers to it
    IN_SYNC = "in_sync"


UNWANTED = frozenset({Reason.UNDECLARED, Reason.DESTROY})  # what is recorded is to be there no longer


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after, as plain JSON; texts as digests. None where there is nothing."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the plan saw, and what must still be so when it is applied. All None: no object of this address at all."""

    name: str | None = None
    deadline: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One decision about one object.

    name            the live object concerned; for a replace the one that will be superseded; None for none.
    valid_until     the first instant at which the decision would be another one; None for never.
    next_due        the next instant at which something must be done about it, once this change is applied.
    tokens, hours   what is stored, and for how long after this change, where known: token-hours cost money.
    estimated       True when `tokens` is our own estimate; the service counts when the object is made.
    attempt         the number in the name of what is made, where we choose it.
    holds           True for a replace whose old object is still in use: it is retired by a later plan.
    note            a sentence for people where action and reason don't say it all.
    """

    address: Address
    action: Action
    reason: Reason
    name: str | None = None
    fields: tuple[FieldChange, ...] = ()
    precondition: Precondition | None = None
    valid_until: datetime | None = None
    next_due: datetime | None = None
    tokens: int | None = None
    hours: float | None = None
    estimated: bool = False
    note: str = ""
    attempt: int = 1
    holds: bool = False

    @property
    def harvest_before(self) -> datetime | None:
        """When the service forgets what is to be saved; None for nothing to save, or for nobody knows."""
        return self.precondition.deadline if self.action is Action.HARVEST and self.precondition else None
