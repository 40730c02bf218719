"""Writes the money of a plan: for people, and as JSON with decimal texts. Called by human.py, json.py, outline.py and
the commands about cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from gemctl.core.change import Change
from gemctl.core.cost import OLD, ActualCost, ChangeCost, PlanCost, Rate
from gemctl.core.moment import show_instant
from gemctl.core.money import NOTHING, Money, dollars, exact, shown
from gemctl.core.plan import Plan

_NAMED = 5  # parts without a price that are named


def change(cost: ChangeCost | None, *, verbose: bool = False) -> Iterator[str]:
    """The lines of one change: what it costs, and what is not in that; when `verbose` also what a kept object costs,
    and whether keeping it pays.
    """
    if cost is None:
        return
    if cost.total.high:
        parts = []
        if cost.once.high and cost.storage.high:
            parts += [f"{shown(cost.once)} to make", f"{shown(cost.storage)} of storage"]
        if cost.hourly.high and cost.storage.high:
            parts.append(f"{shown(cost.hourly)} an hour")
        if not cost.storage.high:
            parts += cost.basis
        told = f": {', '.join(parts)}" if parts else ""
        yield f"costs {shown(cost.total)}{told}"
    elif cost.hourly.high and verbose:
        yield f"costs {shown(cost.hourly)} an hour"
    if cost.monthly.high:
        told = f": {', '.join(cost.basis)}" if cost.basis else ""
        yield f"costs {shown(cost.monthly)} a month{told}"
    yield from (f"not priced: {why}" for why in cost.unpriced)
    if verbose:
        yield from cost.advice


def plan(plan: Plan) -> Iterator[str]:
    """What the whole plan costs, and what keeping everything costs a month; nothing where nothing costs anything."""
    cost = plan.cost
    if cost is None:
        return
    if cost.total.high:
        parts = ""
        if cost.once.high and cost.storage.high:
            kept = f"{shown(cost.storage)} of storage until the deadlines that it sets"
            parts = f"; of that {shown(cost.once)} to make and run, and {kept}"
        known = f"at least {dollars(cost.total.low)}" if cost.unpriced else shown(cost.total)
        yield f"Cost: {known}{parts}."
    yield from keeping(cost)
    age = plan.header.made_at.date() - cost.as_of
    if age > OLD and (cost.total.high or cost.unpriced or any(rate.month.high for rate in cost.after)):
        yield f"The prices are of {cost.as_of}, {age.days} days ago: a newer gemctl may have newer ones."
    if cost.unpriced:
        yield not_priced([f"{address} ({why})" for address, why in cost.unpriced])


def not_priced(parts: Sequence[str]) -> str:
    """A sentence that names the parts without a price, or the first of them."""
    more = len(parts) - _NAMED
    return f"Not priced: {'; '.join(parts[:_NAMED])}{f'; and {more} more' if more > 0 else ''}."


def keeping(cost: PlanCost) -> Iterator[str]:
    """One sentence about the month before and after."""
    before, after = _month(cost.before), _month(cost.after)
    unknown = tuple(dict.fromkeys(why for rate in cost.after for why in rate.unpriced))
    if not before.high and not unknown and not any(rate.month.high for rate in cost.after):
        return
    more = f"; not in this: {'; '.join(unknown)}" if unknown else ""
    if before == after:
        yield f"Keeping this costs {shown(after)} a month{_later(cost.after)}{more}."
    else:
        yield f"Keeping this costs {shown(before)} a month now, and {shown(after)} after it{_later(cost.after)}{more}."


def months(cost: PlanCost) -> tuple[tuple[str, str, str, str], ...]:
    """What keeping everything costs a month: when, before, after, and the difference. Nothing where that is nothing."""
    if not any(rate.month.high for rate in (*cost.before, *cost.after)):
        return ()
    instants = sorted({rate.since for rate in (*cost.before, *cost.after)})
    rows = []
    for number, at in enumerate(instants):
        before, after = _at(cost.before, at), _at(cost.after, at)
        when = f"from {at.date()} on" if number else "now"
        rows.append((when, shown(before), shown(after), _difference(before, after)))
    return tuple(rows)


def _at(rates: Sequence[Rate], instant: datetime) -> Money:
    held = [rate.month for rate in rates if rate.since <= instant]
    return held[-1] if held else NOTHING


def _difference(before: Money, after: Money) -> str:
    """What is added or saved, bound by bound."""
    if after.high is None or before.high is None:
        return "unknown"
    low, high = after.low - before.low, after.high - before.high
    return _signed(low) if low == high else f"{_signed(low)} to {_signed(high, up=True)}"


def _signed(amount: Decimal, *, up: bool = False) -> str:
    return f"+{dollars(amount, up=up)}" if amount > 0 else dollars(amount)


def basis(cost: PlanCost) -> str:
    """The prices that were taken."""
    return f"Prices of {cost.as_of}; storage is kept for 730 hours a month."


def _month(rates: Sequence[Rate]) -> Money:
    return rates[0].month if rates else NOTHING


def _later(rates: Sequence[Rate]) -> str:
    return "".join(f"; from {rate.since.date()} on {shown(rate.month)}" for rate in rates[1:])


# JSON: amounts are texts, since a number of JSON is read as a binary fraction.


def amount(money: Money) -> dict[str, str | None]:
    """Both bounds, exactly."""
    return {"low": exact(money.low), "high": None if money.high is None else exact(money.high)}


def change_document(change: Change) -> dict[str, Any] | None:
    """The money of one change."""
    cost = change.cost
    if cost is None:
        return None
    return {
        "once": amount(cost.once),
        "storage": amount(cost.storage),
        "total": amount(cost.total),
        "hourly": amount(cost.hourly),
        "model": cost.model or None,
        "basis": list(cost.basis),
        "notPriced": list(cost.unpriced),
        "advice": list(cost.advice),
        **({"monthly": amount(cost.monthly)} if cost.monthly != NOTHING else {}),
    }


def plan_document(cost: PlanCost | None) -> dict[str, Any] | None:
    """The money of a plan."""
    if cost is None:
        return None
    return {
        "currency": "USD",
        "factsAsOf": cost.as_of.isoformat(),
        "once": amount(cost.once),
        "storage": amount(cost.storage),
        "total": amount(cost.total),
        "monthlyBefore": [rate(one) for one in cost.before],
        "monthlyAfter": [rate(one) for one in cost.after],
        "notPriced": [{"address": str(address), "why": why} for address, why in cost.unpriced],
    }


def actual(cost: ActualCost | None) -> str:
    """What requests have cost; "" where that isn't known."""
    if cost is None:
        return ""
    return f"{shown(cost.money)}{' and what is not priced' if cost.unpriced else ''}"


def actual_document(cost: ActualCost | None) -> dict[str, Any] | None:
    """The same for programs."""
    if cost is None:
        return None
    return {**amount(cost.money), "notPriced": list(cost.unpriced), "factsAsOf": cost.as_of.isoformat()}


def rate(one: Rate) -> dict[str, Any]:
    return {"since": show_instant(one.since), **amount(one.month), "notPriced": list(one.unpriced)}
