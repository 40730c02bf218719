"""What the planner asks of a lifetime: one module beside this one answers for each, and for what is only recorded.

Called by ownership (ownership.py), compare.py, order.py, guard.py, warn.py, asks.py and unattended.py, which know no
lifetime by name. `lifetimes.policy(kind)` finds the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from gemctl.core.address import Address
from gemctl.core.change import Change
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.core.record import Entry, Generation, Intent, Ledger, Record
from gemctl.core.resource import Desired, Resource

NEVER = datetime.max.replace(tzinfo=UTC)  # the time of a subject where time is no matter


@dataclass(frozen=True, slots=True)
class Subject:
    """One address, and all that a decision about it rests upon.

    item        the live object that is bound.
    generation  for a decision about an older object: what the ledger has of it; `item` is that object then.
    used        something that runs refers to the live object.
    cleaned     what it was made for is done with it, and cleans up.
    needed      how much life must be left in it, because something that refers to it is going to be made; None if
                nothing is.
    attempt     the first number that no live id of this declaration has.
    note        what is to be said of an imported object.
    """

    address: Address
    kind: Kind
    resource: Resource | None
    record: Record | None
    item: LiveObject | None
    now: datetime = NEVER
    generation: Generation | None = None
    used: bool = False
    cleaned: bool = False
    needed: timedelta | None = None
    attempt: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """What ownership has to settle for one address: what is recorded, what of that is live and ours, what is declared,
    and the live objects with its mark, the best one first.
    """

    address: Address
    record: Record | None
    bound: LiveObject | None
    wanted: Resource | None
    marked: list[LiveObject]


class Settling(Protocol):
    """What ownership (ownership.py) offers to a policy that settles a case."""

    ledger: Ledger
    now: datetime
    named: Mapping[str, LiveObject]

    def write(self, entry: Entry) -> None:
        """Take it down as found true."""

    def bind(self, address: Address, item: LiveObject, intent: Intent | None = None) -> None:
        """Bind the live object."""

    def note_old(self, address: Address, item: LiveObject) -> None:
        """Take it down as an older generation."""

    def note_duplicates(self, address: Address, items: Iterable[LiveObject]) -> None:
        """Take them down as made once too often."""

    def take_import(self, address: Address, wanted: Resource | None) -> None:
        """Bind what the project file gives to the address, if it does."""

    def contest(self, address: Address, strangers: list[LiveObject]) -> None:
        """Do nothing about the address in this run: another writer is at work."""

    def made_by_another(self, address: Address, item: LiveObject) -> None:
        """Say that what another state has made is taken over."""

    def surfaced_late(self, item: LiveObject) -> bool:
        """Whether a create of ours made it: one that was given up, or one that was delivered twice."""

    def is_as_declared(self, item: LiveObject, wanted: Resource | None) -> bool:
        """Whether another state made it of the very declaration that is to be applied."""

    def declared_again(self, case: Case) -> LiveObject | None:
        """An old generation that is just what is declared now."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a policy may look at to say what will be lost although all goes by the plan.

    ends     when things that can be renewed end, once the plan is applied, if that is the last one: by live name.
    targets  likewise, by the address that is referred to.
    """

    desired: Desired
    now: datetime
    ends: Mapping[str, tuple[Address, datetime]]
    targets: Mapping[Address, datetime]


class Policy(Protocol):
    """How the planner treats objects of one lifetime.

    RUNS        it is run and not kept: each time costs, and it leaves results.
    FREE        it costs nothing, ends by itself, and is made again where it is needed; whether it is needed depends on
                what is done about others.
    ENDS_ALONE  nobody can move its end: what has passed it is gone, whoever looks.
    """

    RUNS: bool
    FREE: bool
    ENDS_ALONE: bool

    def rank(self, item: LiveObject) -> tuple[Any, ...]:
        """The one that comes first of several with one mark is bound."""

    def settle(self, case: Case, at: Settling) -> None:
        """Which live object is bound, and what the others are."""

    def decide(self, subject: Subject) -> Iterable[Change]:
        """What to do about what is declared, recorded, or both."""

    def old(self, subject: Subject) -> Iterable[Change]:
        """What to do about an older generation."""

    def duplicate(self, subject: Subject, item: LiveObject) -> Change:
        """What to do about a second object of one declaration."""

    def steps(self, change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
        """The steps that a change makes, in the order of what they need. `owner` is this stack's tag."""

    def expected(self, record: Record, kind: Kind, now: datetime) -> bool:
        """Whether what is recorded must still be live, if nobody has deleted it."""

    def foresee(self, change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
        """What will be lost although all goes by the plan."""
