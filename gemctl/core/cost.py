"""Holds the money of a plan. Made by `cost`, compared by plan/limits.py, shown by render."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.money import NOTHING, Money

HOURS_A_MONTH = 730
OLD = timedelta(days=30)  # after which a plan says that its prices are old


@dataclass(frozen=True, slots=True)
class ChangeCost:
    """The money that one change takes; of a kept object, what keeping it takes.

    once       making the object, running the requests, indexing.
    storage    keeping it until the deadline that the change sets, as far as that was not paid for before.
    hourly     keeping it for an hour, at the time of the plan.
    model      the model whose prices count when the change is made: after a redirect, another one than is declared.
    basis      how the tokens were counted, and what is assumed; for people.
    unpriced   what is not in these amounts, since its quantity or its price isn't known; for people.
    advice     whether keeping it pays; for people.
    monthly    what the service starts for it by a schedule, in a month at the prices of the time of the plan.
    """

    once: Money = NOTHING
    storage: Money = NOTHING
    hourly: Money = NOTHING
    model: str = ""
    basis: tuple[str, ...] = ()
    unpriced: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    monthly: Money = NOTHING

    @property
    def total(self) -> Money:
        """All that the change takes until it has to be done again."""
        return self.once + self.storage

    @property
    def anything(self) -> bool:
        """Whether it takes any money, now or in each month, or may."""
        return bool(self.total.high or self.monthly.high or self.unpriced)


@dataclass(frozen=True, slots=True)
class Rate:
    """The cost of keeping everything for a month (730 hours), with what is started by schedules, at the prices from
    `since` on; and what is not in it.
    """

    since: datetime
    month: Money
    unpriced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanCost:
    """The money of a whole plan.

    as_of           the day of the book of facts.
    once, storage   of all changes together.
    before, after   the rates of the stack before the plan and after it: now, and from each date at which they change
                    within two months.
    unpriced        what is in none of these amounts, by address.
    """

    as_of: date
    once: Money = NOTHING
    storage: Money = NOTHING
    before: tuple[Rate, ...] = ()
    after: tuple[Rate, ...] = ()
    unpriced: tuple[tuple[Address, str], ...] = ()

    @property
    def total(self) -> Money:
        return self.once + self.storage


def together(amounts: Iterable[Money]) -> Money:
    """Their sum."""
    total = NOTHING
    for amount in amounts:
        total += amount
    return total


@dataclass(frozen=True, slots=True)
class ActualCost:
    """What requests have cost by the service's own counts of their tokens, and what is not in that. `as_of` is the day
    of the book of facts.
    """

    money: Money
    unpriced: tuple[str, ...]
    as_of: date


def all_of(costs: Sequence[ActualCost]) -> ActualCost:
    """Their sum; there is at least one."""
    notes = dict.fromkeys(note for cost in costs for note in cost.unpriced)
    return ActualCost(together(cost.money for cost in costs), tuple(notes), costs[0].as_of)
