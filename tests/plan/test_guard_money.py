"""The gates of money: no plan goes through whose highest amount is above a limit; what has no price is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.cost import ChangeCost, PlanCost, Rate, together
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.live import LiveState
from gemctl.core.money import Money
from gemctl.core.plan import Allowances, Plan, PlanHeader
from gemctl.core.project import Safety
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired
from gemctl.plan.guard import Guarded, money

NOW = datetime(2026, 11, 28, tzinfo=UTC)
NOTHING = Money.exactly(0)


def usd(low: str, high: str | None = None) -> Money:
    return Money(Decimal(low), Decimal(high or low))


def plan(*costs: ChangeCost | None, months: tuple[tuple[int, Money], ...] = ()) -> Plan:
    """A plan of creates with these costs; `months` are rates by the day from now on which they begin."""
    changes = tuple(
        Change(Address("CachedContent", f"c{number}"), Action.CREATE, Reason.DECLARED, cost=cost)
        for number, cost in enumerate(costs)
    )
    rates = tuple(Rate(NOW + timedelta(days=day), month) for day, month in months)
    header = PlanHeader("p", "s", "emulator", "l", 0, NOW, None, None, "", "0")
    return Plan(header, changes, (), cost=PlanCost(date(2026, 11, 28), after=rates))


def said(
    plan: Plan,
    most: str | None = None,
    monthly: str | None = None,
    cost: str | None = None,
    unpriced: bool = False,
) -> list[Diagnostic]:
    safety = Safety(
        max_cost=None if most is None else Decimal(most), max_monthly_cost=None if monthly is None else Decimal(monthly)
    )
    allowed = Allowances(cost=None if cost is None else Decimal(cost), unpriced=unpriced)
    of = Guarded(Desired(), Ledger("l"), LiveState({}, NOW), safety, allowed)
    return list(money(plan, of))


def stopped(plan: Plan, *limits, **more) -> list[str]:
    return [one.code for one in said(plan, *limits, **more)]


SMALL = ChangeCost(usd("0", "1"), usd("2"))
UNKNOWN = ChangeCost(unpriced=("its answers",))


@pytest.mark.parametrize(
    ("made", "given", "codes"),
    [
        (plan(SMALL), {}, []),
        (plan(SMALL), {"most": "3"}, []),
        (plan(SMALL), {"most": "2.99"}, ["E585"]),
        (plan(SMALL, SMALL), {"most": "5"}, ["E585"]),
        (plan(SMALL), {"most": "0"}, ["E585"]),
        (plan(SMALL), {"most": "1", "cost": "3"}, []),
        (plan(SMALL), {"most": "1", "cost": "2"}, ["E585"]),
        (plan(SMALL), {"most": "5", "cost": "2"}, ["E585"]),  # what is said for this run counts
        (plan(SMALL), {"cost": "2"}, ["E585"]),
        (plan(SMALL, months=((0, usd("10", "20")),)), {"monthly": "20"}, []),
        (plan(SMALL, months=((0, usd("10", "20")),)), {"monthly": "19"}, ["E586"]),
        (plan(SMALL, months=((0, usd("10")), (20, usd("30")))), {"monthly": "20"}, ["E586"]),
        (plan(SMALL, months=((0, usd("10")), (40, usd("30")))), {"monthly": "20"}, ["W582"]),  # said, not stopped
        (plan(SMALL, months=((0, usd("10", "20")),)), {"monthly": "5", "cost": "20"}, []),
        (plan(SMALL, months=((0, usd("10", "20")),)), {"monthly": "5", "cost": "15"}, ["E586"]),
        (plan(None, months=((0, usd("100")),)), {"monthly": "5", "most": "0"}, []),  # nothing more is paid for
        (plan(ChangeCost(), months=((0, usd("100")),)), {"monthly": "5"}, []),
        (plan(SMALL, UNKNOWN), {}, []),
        (plan(SMALL, UNKNOWN), {"most": "10"}, ["E587"]),
        (plan(UNKNOWN), {"monthly": "10"}, ["E587"]),
        (plan(SMALL, UNKNOWN), {"most": "10", "unpriced": True}, []),
        (plan(SMALL, UNKNOWN), {"most": "1", "unpriced": True}, ["E585"]),
        (plan(SMALL, UNKNOWN), {"most": "1"}, ["E587", "E585"]),
        (plan(None, months=((0, usd("1")), (40, usd("100")))), {"monthly": "5"}, ["W582"]),
    ],
)
def test_limits(made, given, codes) -> None:
    assert stopped(made, **given) == codes


cents = st.integers(0, 10_000).map(lambda number: Decimal(number) / 100)


@st.composite
def amounts(draw) -> Money:
    low, high = sorted((draw(cents), draw(cents)))
    return Money(low, high)


@st.composite
def costs(draw) -> ChangeCost:
    return ChangeCost(draw(amounts()), draw(amounts()), unpriced=draw(st.sampled_from([(), (), ("a part",)])))


@given(
    st.lists(costs(), max_size=5),
    st.lists(amounts(), min_size=1, max_size=3),
    st.none() | cents,
    st.none() | cents,
    st.none() | cents,
    st.booleans(),
)
def test_no_plan_goes_through_that_may_cost_more(found, months, most, monthly, allowed, unpriced) -> None:
    made = plan(*found, months=tuple((10 * number, month) for number, month in enumerate(months)))
    text = [None if one is None else str(one) for one in (most, monthly, allowed)]
    if stopped(made, *text, unpriced):
        return
    total = together(cost.total for cost in found)
    limit = most if allowed is None else allowed
    assert limit is None or total.high <= limit
    limited = limit is not None or monthly is not None
    assert not limited or unpriced or not any(cost.unpriced for cost in found)
    if monthly is not None and (total.high or any(cost.unpriced for cost in found)):
        assert max(month.high for month in months) <= max(monthly, allowed or NOTHING.low)


def test_what_is_kept_without_a_known_price_is_no_nothing() -> None:
    made = plan(SMALL)
    kept = replace(made, cost=replace(made.cost, after=(Rate(NOW, usd("1"), ("storage for a model",)),)))
    assert stopped(kept, monthly="20") == ["E587"]
    assert stopped(kept, monthly="20", unpriced=True) == []
    assert stopped(kept, most="20") == []


def test_what_has_no_known_price_the_month_after_next_stops_nothing_yet() -> None:
    rates = (Rate(NOW, usd("1")), Rate(NOW + timedelta(days=40), usd("1"), ("storage for a model",)))
    later = replace(plan(SMALL), cost=replace(plan(SMALL).cost, after=rates))
    assert stopped(later, monthly="20") == []


def test_one_amount_allows_all_that_is_over_a_limit() -> None:
    dear = plan(SMALL, months=((0, usd("40")), (20, usd("60"))))
    found = said(dear, most="1", monthly="5")
    assert [one.code for one in found] == ["E585", "E586"]
    assert all("--allow-cost 60" in one.hint for one in found)
    assert said(dear, most="1", monthly="5", cost="60") == []
    (kept,) = said(plan(SMALL, months=((0, usd("2.50")),)), most="100", monthly="1")
    assert (kept.code, "--allow-cost 3." in kept.hint) == ("E586", True)  # what is made costs as much
