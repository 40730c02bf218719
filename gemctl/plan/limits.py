"""Compares the money of a plan with the limits of the project. Called by guard.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.cost import ChangeCost, Rate, together
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.money import dollars, plain
from gemctl.core.plan import Allowances, Plan
from gemctl.core.project import Safety
from gemctl.core.resource import Desired
from gemctl.core.source import Positions, Span

_MONTH = timedelta(days=31)  # how far ahead a higher rate counts; a later one is said


@dataclass(frozen=True, slots=True)
class Limits:
    """US dollars that may be spent: `once` by one plan, `month` for keeping everything; None for no limit.

    unpriced   what has no known price may go all the same.
    places     the place of each key in gemctl.yaml; None where a flag counts instead.
    """

    once: Decimal | None
    month: Decimal | None
    unpriced: bool = False
    places: Positions | None = None

    def place(self, key: str) -> Span | None:
        return self.places.value(("safety", key)) if self.places else None


def limits(safety: Safety, allowed: Allowances, places: Positions | None = None) -> Limits:
    """What the project allows; an amount that is allowed for this run counts instead, and never lowers a month's."""
    if allowed.cost is None:
        return Limits(safety.max_cost, safety.max_monthly_cost, allowed.unpriced, places)
    month = safety.max_monthly_cost
    return Limits(allowed.cost, None if month is None else max(month, allowed.cost), allowed.unpriced)


def over(plan: Plan, limits: Limits, desired: Desired) -> Iterator[Diagnostic]:
    """Errors for more money than is allowed, by the highest amounts, and for what has no known price; none for a plan
    that costs nothing more, whatever is kept already. A warning where only the month after next is too dear.
    """
    rates = plan.cost.after if plan.cost and limits.month is not None else ()
    near = [rate for rate in rates if rate.since <= plan.header.made_at + _MONTH]
    dear = [(rate, high) for rate in rates if (high := _above(rate.month.high, limits.month))]
    soon = [one for one in dear if one[0] in near]
    if dear and not soon:
        hint = "Keep less until then, or raise the limit: within a month of that day what costs anything is stopped."
        yield problem("W582", _kept(*dear[0], rates, limits), span=limits.place("maxMonthlyCost"), hint=hint)
    costs = {change.address: change.cost for change in plan.changes if change.cost and not change.approved}
    total = together(cost.total for cost in costs.values())
    if not any(cost.anything for cost in costs.values()):
        return
    if not limits.unpriced and (limits.once is not None or limits.month is not None):
        yield from _unpriced(costs, near, desired)
    at_once = _above(total.high, limits.once)
    needed = max(total.high or Decimal(0), *(high for _, high in soon), Decimal(0))  # an amount is the limit of both
    hint = f"If you mean it, give --allow-cost {plain(needed, up=True)}."
    if at_once and limits.once is not None:
        detail = f"It may cost up to {dollars(at_once, up=True)}, and the limit is {dollars(limits.once)}."
        dearest = max(costs, key=lambda address: costs[address].total.high or 0)
        dearest = desired.resources[dearest].job if dearest in desired.resources else dearest
        where = f"{hint} Most of it is for {dearest}."
        yield problem("E585", detail, span=limits.place("maxCost"), hint=where)
    if soon:
        worst = max(soon, key=lambda one: one[1])
        yield problem("E586", _kept(*worst, rates, limits), span=limits.place("maxMonthlyCost"), hint=hint)


def _above(amount: Decimal | None, limit: Decimal | None) -> Decimal | None:
    """The amount, if it is above the limit. One that isn't known is not: what has no price is said apart."""
    return amount if amount is not None and limit is not None and amount > limit else None


def _kept(rate: Rate, high: Decimal, rates: Sequence[Rate], limits: Limits) -> str:
    when = "" if rate is rates[0] else f" from {rate.since.date()} on"
    most = dollars(limits.month or Decimal(0))
    return f"Keeping everything costs up to {dollars(high, up=True)} a month{when}, and the limit is {most}."


def _unpriced(costs: dict[Address, ChangeCost], near: Sequence[Rate], desired: Desired) -> Iterator[Diagnostic]:
    """What this plan makes, or leaves to be kept, without a known price."""
    made = [(address, why) for address, cost in costs.items() for why in cost.unpriced]
    whys = [*dict.fromkeys([*(why for _, why in made), *(why for rate in near for why in rate.unpriced)])]
    if not whys:
        return
    address = made[0][0] if made else None
    resource = desired.resources.get(address) if address else None
    yield problem(
        "E587",
        "There is a limit of money, and a part of this plan has no known price: "
        f"{whys[0]}{f', and {len(whys) - 1} more' if len(whys) > 1 else ''}.",
        address=resource.job if resource else address,
        span=resource.positions.value(("metadata", "name")) if resource else None,
        hint="Say how long answers are with `expect`, or count with --count; if it may cost what it costs, give "
        "--allow-unpriced.",
    )
