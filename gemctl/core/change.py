"""Names the decisions of a plan and their reasons. Made by `plan`; read by `render` and workflows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from gemctl.core.address import Address
from gemctl.core.cost import ChangeCost
from gemctl.core.frozen import dataclass
from gemctl.core.quantities import NO_TOKENS, Tokens
from gemctl.core.schedule import Upcoming
from gemctl.core.source import Path


class Action(StrEnum):
    """Tells apply what to do."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    FORGET = "forget"
    KEEP = "keep"
    HARVEST = "harvest"
    CANCEL = "cancel"
    REFRESH = "refresh"  # only the ledger learns what is live


class Reason(StrEnum):
    """Tells people why."""

    DECLARED = "declared"  # declared, and never made
    EDITED = "edited"  # the declaration changed
    DRIFTED = "drifted"  # the live object was changed
    MISSING = "missing"  # gone before its time: deleted by hand
    REQUESTED = "requested"  # a person asks for a new one, by --replace
    EXPIRING = "expiring"  # less life left than renewBefore
    EXPIRED = "expired"  # gone, and its time had come
    ENDED = "ended"  # its declared expireTime is past
    UNDECLARED = "undeclared"  # no longer in the manifests
    DESTROY = "destroy"  # declared or not: everything must go
    SUPERSEDED = "superseded"  # an older generation
    DUPLICATE = "duplicate"  # a second object of one declaration; the oldest stays
    FAILED = "failed"  # the service could not do what was asked with it
    RUNNING = "running"  # a run that has not ended
    FINISHED = "finished"  # a run has ended, and its results are not saved
    DONE = "done"  # a run has ended, and its results are saved
    RESUBMIT = "resubmit"  # requests of a run that have no result are run again
    REFERENCES = "references"  # only what a run refers to was edited
    QUEUED = "queued"  # a run waits until there is room for it, or its turn has come
    UNDELIVERED = "undelivered"  # a secret that came with it has not reached its sink
    IN_USE = "in_use"  # a run that has not ended still refers to it
    IN_SYNC = "in_sync"


MAKING = frozenset({Action.CREATE, Action.REPLACE})  # something new is made
UNWANTED = frozenset({Reason.UNDECLARED, Reason.DESTROY})  # a recorded object must go


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, before and after, as plain JSON; texts as digests. None for an absent value."""

    path: Path
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Precondition:
    """The plan saw this, and it must still be so at apply. All None: there is no object of this address at all."""

    name: str | None = None
    deadline: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemberCounts:
    """What becomes of the members of a resource: how many are added, replaced, deleted and kept. `bytes` go up, and so
    many tokens are indexed. `failed` are kept although the service could not process them. `lost` are all objects,
    also those of others, that go with the resource itself, where it is deleted.
    """

    add: int = 0
    replace: int = 0
    delete: int = 0
    keep: int = 0
    failed: int = 0
    lost: int = 0
    bytes: int = 0
    indexed: Tokens = NO_TOKENS

    @property
    def work(self) -> int:
        """How many are made or deleted, each that is replaced once."""
        return self.add + self.replace + self.delete


@dataclass(frozen=True, slots=True)
class Change:
    """One decision about one object.

    name            the live object concerned; for a replace the one that will be superseded; None for none.
    valid_until     the first instant at which the decision would be another one; None for never.
    next_due        the next instant at which something must be done about it, once this change is applied.
    tokens, hours   stored tokens, and for how long after this change, where known: token-hours cost money.
    estimated       True when `tokens` is our own estimate; the service counts when the object is made.
    attempt         the number in the name of the new object, where we choose it.
    holds           True for a replace whose old object is still in use: it is retired by a later plan.
    note            a sentence for people where action and reason don't say it all.
    cost            the money that it takes; None for nothing, and where money was not looked at.
    part_of         the job that it is about a part of, or about what was generated for a part; None for all else.
    members         what becomes of what lies under it; None for a kind under which nothing does.
    approved        True for a run that was asked for when another part of its job was run: no limit stops it.
    runs            when the service starts something for it by itself, once it is as declared; None for never.
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
    cost: ChangeCost | None = None
    part_of: Address | None = None
    approved: bool = False
    members: MemberCounts | None = None
    runs: Upcoming | None = None

    @property
    def harvest_before(self) -> datetime | None:
        """When the service forgets the results that are to be saved; None if there are none, or it is not known."""
        return self.precondition.deadline if self.action is Action.HARVEST and self.precondition else None
