"""Defines what the engine and the API clients report while they work. Read by workflows, render and cli."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from gemctl.core.address import Address
from gemctl.core.call import Call
from gemctl.core.cost import ActualCost
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.record import Op
from gemctl.core.resource import Harvest


class Status(StrEnum):
    """The progress of a step."""

    STARTED = "started"
    DONE = "done"
    FAILED = "failed"  # it did not happen
    BLOCKED = "blocked"  # not tried: something it needs did not happen, or the run was stopped
    UNKNOWN = "unknown"  # sent, and the outcome is not known: the next run finds out
    QUEUED = "queued"  # there was no room for it in the service: it waits, and the next run sends it


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A step moved. `name` is the live object, once known; `diagnostic` says what went wrong; `members` how many of
    them a step has made and deleted, once it has ended.
    """

    id: str
    address: Address
    op: Op
    status: Status
    name: str | None = None
    diagnostic: Diagnostic | None = None
    members: Syncing | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The engine waits, for this and until then (server time)."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Transfer:
    """Bytes are being sent or received: so many of so many have arrived."""

    address: Address
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Working:
    """The service's progress with a run: `done` of its requests, of which some `failed`, of `total` where it says so.

    `state` is its own word, `name` the live object. `ended` is True once nothing more happens. `parts` are, of a job
    that is run in parts, how many have ended and how many there are; it has no name then.
    """

    address: Address
    name: str
    state: str
    done: int = 0
    failed: int = 0
    total: int | None = None
    ended: bool = False
    parts: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Syncing:
    """So many members of a resource have been made or deleted, of `total`; `failed` were not. `what` is the word of
    people for one of them.
    """

    address: Address
    what: str
    done: int
    failed: int
    total: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The results of a run were saved, in the file at `path`, from the project root. `job` is its live name, and
    `cost` what it has cost; None for unknown.
    """

    address: Address
    job: str
    path: str
    harvest: Harvest
    cost: ActualCost | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """A call will be tried again. `attempt` is the one that failed (from 1), `until` the service's time."""

    call: Call
    attempt: int
    why: str
    until: datetime


Event = StepEvent | Waiting | Transfer | Working | Syncing
Tell = Callable[[Event], None]
TellRetry = Callable[[Retry], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of each step, by its id."""

    steps: Mapping[str, StepEvent]
    diagnostics: tuple[Diagnostic, ...] = ()
    stopped_by: int | None = None

    def count(self, status: Status) -> int:
        return sum(event.status is status for event in self.steps.values())

    @property
    def queued(self) -> bool:
        """Whether something waits for room in the service."""
        return self.count(Status.QUEUED) > 0

    @property
    def complete(self) -> bool:
        """Whether all is done, or waits for room in the service, or for what waits for it."""
        ends = {event.status for event in self.steps.values()}
        waits = self.queued and self.stopped_by is None
        return ends <= {Status.DONE, *((Status.QUEUED, Status.BLOCKED) if waits else ())}
