"""Defines what the planner asks of a lifetime: one module beside this one answers for each, and one for resources that
are only recorded.

Called by ownership.py, compare.py, order.py, guard.py, warn.py, asks.py, refresh.py and unattended.py, which know no
lifetime by name. `lifetimes.policy(kind)` finds the module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from gemctl.core.address import Address
from gemctl.core.change import Change
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.core.record import Entry, Generation, Intent, Ledger, Record
from gemctl.core.resource import Desired, Resource

NEVER = datetime.max.replace(tzinfo=UTC)  # the time of a subject where time is no matter


@dataclass(frozen=True, slots=True)
class Subject:
    """One address, and all that a decision about it depends on.

    item        the live object that is bound.
    generation  for a decision about an older object: what the ledger has of it; `item` is that object then.
    used        a run that goes on refers to the live object.
    cleaned     the job that generated it has its results saved, and cleans up.
    needed      how much life must be left in it, because something that refers to it is going to be made; None if
                nothing is.
    attempt     the first number that no live id of this declaration has.
    note        a note about an imported object.
    anew        a person asks for a new one, although nothing need differ.
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
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One address that ownership has to settle: its record, the live object of that if it is ours, its declaration, and
    the live objects with its mark, the best one first.
    """

    address: Address
    record: Record | None
    bound: LiveObject | None
    wanted: Resource | None
    marked: list[LiveObject]


class Settling(Protocol):
    """The functions of ownership.py for a policy that settles a case."""

    ledger: Ledger
    now: datetime
    named: Mapping[str, LiveObject]

    def write(self, entry: Entry) -> None:
        """Record it as found true."""

    def bind(self, address: Address, item: LiveObject, intent: Intent | None = None) -> None:
        """Bind the live object."""

    def note_old(self, address: Address, item: LiveObject) -> None:
        """Record it as an older generation."""

    def note_duplicates(self, address: Address, items: Iterable[LiveObject]) -> None:
        """Record them as duplicates."""

    def take_import(self, address: Address, wanted: Resource | None) -> None:
        """Bind the object that the project file gives to the address, if any."""

    def contest(self, address: Address, strangers: list[LiveObject]) -> None:
        """Do nothing about the address in this run: another writer is at work."""

    def made_by_another(self, address: Address, item: LiveObject) -> None:
        """Warn that an object that another state has made is taken over."""

    def surfaced_late(self, item: LiveObject) -> bool:
        """Whether a create of ours made it: one that was given up, or one that was delivered twice."""

    def is_as_declared(self, item: LiveObject, wanted: Resource | None) -> bool:
        """Whether another state made it of the very declaration that is to be applied."""

    def declared_again(self, case: Case) -> LiveObject | None:
        """An old generation that is just what is declared now."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The values by which a policy warns of losses although all goes by the plan.

    ends     when objects that can be renewed end, once the plan is applied, if that is the last one: by live name.
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
                the decisions about others.
    ENDS_ALONE  its end can't be moved: an object that has passed it is gone.
    """

    RUNS: bool
    FREE: bool
    ENDS_ALONE: bool

    def rank(self, item: LiveObject) -> tuple[Any, ...]:
        """The sort key of objects with one mark: the first is bound."""

    def settle(self, case: Case, at: Settling) -> None:
        """Decide which live object is bound, and what the others are."""

    def decide(self, subject: Subject) -> Iterable[Change]:
        """Decide about an address that is declared, recorded, or both."""

    def old(self, subject: Subject) -> Iterable[Change]:
        """Decide about an older generation."""

    def duplicate(self, subject: Subject, item: LiveObject) -> Change:
        """Decide about a second object of one declaration."""

    def steps(self, change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
        """The steps that a change makes, in the order of what they need. `owner` is this stack's tag."""

    def expected(self, record: Record, kind: Kind, now: datetime) -> bool:
        """Whether a recorded object must still be live, unless it was deleted."""

    def foresee(self, change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
        """Warn of losses although all goes by the plan."""
