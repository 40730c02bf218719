"""What the service starts by a schedule: a month of it, by the runs of that month and what each is expected to use."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gemctl.core.address import Address
from gemctl.core.money import Money
from gemctl.core.quantities import ModelUse
from gemctl.core.resource import Declared, Desired, Expect, Lifecycle, PerRun, Resource
from gemctl.core.schedule import Frequency, Schedule
from gemctl.core.source import Positions, Span
from gemctl.cost.estimate import rates
from gemctl.cost.started import Started, basis, month, started
from gemctl.workflows.facts import shipped
from gemctl.workflows.schedules import frequency, upcoming

BOOK = shipped()
NOW = datetime(2026, 11, 28, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
FLASH, PRO = "gemini-3.8-flash", "gemini-3.1-pro-preview"
MILLION = 1_000_000
DAILY = Frequency(28, 31, 365)


def prices(model, at=NOW):
    """Of a million tokens: from a cache, sent, answered."""
    found = BOOK.billed(model, at).period(at).prices
    assert found.cached.exact and found.input.exact and found.output.exact
    return found.cached.low, found.input.low, found.output.low


def test_what_is_sent_is_read_from_a_cache_or_not():
    cached, sent, answered = prices(FLASH)
    found = month(BOOK, Started(FLASH, Frequency(1, 1, 12), PerRun(input=MILLION, output=MILLION)), NOW)
    assert found.money == Money(cached + answered, sent + answered) and found.unpriced == ()


def test_a_total_is_all_cached_at_least_and_all_answered_at_most():
    cached, _, answered = prices(FLASH)
    found = month(BOOK, Started(FLASH, Frequency(1, 1, 12), PerRun(MILLION)), NOW)
    assert found.money == Money(cached, answered)


def test_the_shortest_month_and_the_longest():
    cached, _, answered = prices(FLASH)
    found = month(BOOK, Started(FLASH, DAILY, PerRun(MILLION)), NOW)
    assert found.money == Money(28 * cached, 31 * answered)
    assert basis(Started(FLASH, DAILY, PerRun(MILLION)))[0] == "28 to 31 runs a month"
    assert basis(Started(FLASH, Frequency(1, 1, 12), PerRun(5)))[0] == "1 run a month"


def test_how_long_the_turns_of_a_run_are_nobody_knows():
    """So of a model with a higher price for long prompts it may be either."""
    period = BOOK.billed(PRO, NOW).period(NOW)
    found = month(BOOK, Started(PRO, Frequency(1, 1, 12), PerRun(input=0, output=MILLION)), NOW)
    assert period.long and found.money == Money(period.prices.output.low, period.long.output.high)


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (Started(FLASH, None, PerRun(1)), "can't be read"),
        (Started(FLASH, DAILY, None), "tokensPerRun"),
        (Started(None, DAILY, PerRun(1)), "the model of the agent is not known"),
        (Started("nobody-knows", DAILY, PerRun(1)), "the price is not known"),
    ],
)
def test_what_is_not_known_is_named_and_never_nothing(runs, why):
    found = month(BOOK, runs, NOW)
    assert any(why in one for one in found.unpriced)


def test_what_never_comes_costs_nothing():
    assert month(BOOK, Started(None, Frequency(0, 0, 0), None), NOW).unpriced == ()


def test_rates_change_with_the_prices_of_the_model():
    runs = Started(FLASH, Frequency(1, 1, 12), PerRun(MILLION))
    now, then = rates([], [runs], BOOK, NOW)
    assert (now.month.high, then.month.high) == (prices(FLASH)[2], prices(FLASH, NEXT_YEAR)[2])
    assert then.since == NEXT_YEAR
    twice = rates([], [runs, runs], BOOK, NOW)
    assert twice[0].month == now.month + now.month
    (unknown,) = rates([], [Started(None, DAILY, PerRun(1))], BOOK, NOW)
    assert unknown.month == Money(Decimal(0), Decimal(0)) and unknown.unpriced


# Whose model it is


def resource(kind, name, **declared):
    nowhere = Positions(Span("m.yaml", 1, 1, 1, 1))
    expect = Expect(tokens_per_run=PerRun(5))
    return Resource(Address(kind, name), Declared({}, **declared), Lifecycle(), (), {}, {}, nowhere, expect=expect)


def test_the_model_is_that_of_what_is_started():
    agent = resource("Agent", "a", model=ModelUse(FLASH, "generateContent", ()))
    refers = resource("Trigger", "t", schedule=Schedule("* * * * *", "UTC", agent.address))
    own = resource("Trigger", "u", schedule=Schedule("* * * * *", "UTC"), model=ModelUse(PRO, "generateContent", ()))
    alone = resource("Trigger", "v", schedule=Schedule("* * * * *", "UTC"))
    desired = Desired({one.address: one for one in (agent, refers, own, alone)})
    found = [started(one, desired, DAILY) for one in (refers, own, alone)]
    assert [one.model for one in found] == [FLASH, PRO, None] and {one.each for one in found} == {PerRun(5)}
    assert started(None, desired, DAILY) == Started(None, DAILY, None)


def test_a_schedule_of_somebody_else_may_be_unreadable():
    for schedule in (Schedule("0 3 L * *", "UTC"), Schedule("0 3 * * *", "Atlantis")):
        assert frequency(schedule, NOW) is None is upcoming(schedule, NOW)
    assert frequency(Schedule("0 3 * * *", "UTC"), NOW) == DAILY
