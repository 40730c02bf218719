"""Warns of what the service does not let a project of its tier spend. Called by workflows/money.py."""

from __future__ import annotations

from collections.abc import Iterator

from gemctl.core.book import Ceiling
from gemctl.core.change import MAKING
from gemctl.core.codes import problem
from gemctl.core.cost import together
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue
from gemctl.core.lifetime import Once
from gemctl.core.money import Money, dollars
from gemctl.core.plan import Plan
from gemctl.core.source import Span


def ceilings(plan: Plan, ceiling: Ceiling | None, catalogue: Catalogue, at: Span | None = None) -> Iterator[Diagnostic]:
    """Warn where what is made at once is over the ceiling of ten minutes (jobs take their time), or a month over that
    of a month. None for a tier that isn't known; `at` is where the tier is written.
    """
    if ceiling is None or plan.cost is None:
        return
    at_once = together(
        change.cost.once
        for change in plan.changes
        if change.cost and change.action in MAKING
        if not isinstance(catalogue[change.address.kind].lifetime, Once)
    )
    yield from _over(at_once, ceiling.ten_minutes, "What is made at once", "in ten minutes", at)
    months = [rate.month for rate in plan.cost.after]
    month = max(months, key=lambda money: money.high or 0, default=None)
    if month and plan.cost.total.high:
        yield from _over(
            month + plan.cost.once, ceiling.month, "This plan, and a month of what it keeps,", "in a month", at
        )


def _over(amount: Money, most: Money | None, what: str, when: str, at: Span | None) -> Iterator[Diagnostic]:
    if most is None or amount.high is None or amount.high <= most.low:
        return
    said = (
        f"{what} may cost {dollars(amount.high, up=True)}; the service lets this tier spend {dollars(most.low)} {when}."
    )
    yield problem("W581", said, span=at)
