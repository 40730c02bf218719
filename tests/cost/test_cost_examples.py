"""Worked examples of what the price list comes to, each with the day on which it holds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from gemctl.core.address import Address
from gemctl.core.book import ModelFacts, Period, Prices
from gemctl.core.change import Action, Change, Reason
from gemctl.core.cost import ChangeCost, PlanCost, Rate, together
from gemctl.core.money import NOTHING, Money
from gemctl.core.plan import Plan, PlanHeader
from gemctl.core.quantities import NO_TOKENS, Tier, Tokens
from gemctl.cost.advice import against_implicit, sentences, worth
from gemctl.cost.ceilings import ceilings
from gemctl.cost.prices import Priced, Sent, amount, creation, hourly, requests, storage
from gemctl.kinds import CATALOGUE
from gemctl.workflows.facts import shipped

BOOK = shipped()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FLASH, PRO, OLD_PRO, CARBON = "gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-2.5-pro", "gemini-4-carbon"


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = on("2026-11-28")


def usd(low: str, high: str | None = None) -> Money:
    return Money(Decimal(low), Decimal(high or low))


def same(found: Priced, low: str, high: str | None = None) -> None:
    """The amount is exactly this, and all of it is priced."""
    assert found.unpriced == ()
    assert found.money == usd(low, high)


def tokens(count: int) -> Tokens:
    return Tokens.exactly(count)


def make(model: str, count: int, length: timedelta, at: datetime) -> Priced:
    """Making a cache and keeping it."""
    return creation(BOOK, model, tokens(count), at) + storage(BOOK, model, tokens(count), at, at + length)


@pytest.mark.parametrize(
    ("model", "count", "length", "at", "low", "high"),
    [
        pytest.param(FLASH, 100_000, HOUR, NOW, "0.05", "0.125", id="E1"),
        pytest.param(FLASH, 100_000, HOUR, on("2027-01-01"), "0.10", "0.25", id="E1, in 2027"),
        pytest.param(OLD_PRO, 100_000, HOUR / 12, NOW, "0.0375", "0.1625", id="E2"),
        pytest.param(OLD_PRO, 500_000, DAY, NOW, "54", "55.25", id="E3"),
        pytest.param(OLD_PRO, 400_000, HOUR, on("2026-11-30"), "1.80", "2.80", id="E16"),
        pytest.param(OLD_PRO, 400_000, HOUR, on("2026-12-01"), "0.20", "0.50", id="E16, redirected"),
        pytest.param(FLASH, 1_000_000, 12 * HOUR, on("2026-12-31T18:00"), "9", "9.75", id="E18"),
    ],
)
def test_a_cache(model, count, length, at, low, high) -> None:
    same(make(model, count, length, at), low, high)


def test_e4_a_renewal() -> None:
    same(storage(BOOK, PRO, tokens(150_000), NOW, NOW + 6 * HOUR), "4.05")


def test_e5_a_pause() -> None:
    """What bridging 45 minutes costs, against making it again."""
    pause = 0.75 * HOUR
    same(storage(BOOK, OLD_PRO, tokens(100_000), NOW, NOW + pause), "0.3375")
    same(creation(BOOK, OLD_PRO, tokens(100_000), NOW), "0", "0.125")
    same(storage(BOOK, FLASH, tokens(100_000), NOW, NOW + pause), "0.0375")
    same(creation(BOOK, FLASH, tokens(100_000), NOW), "0", "0.075")
    assert worth(BOOK, OLD_PRO, tokens(100_000), NOW).pause < pause < worth(BOOK, FLASH, tokens(100_000), NOW).pause


@pytest.mark.parametrize(("model", "least"), [(FLASH, 8), (OLD_PRO, 34)])
def test_e6_a_working_day(model, least) -> None:
    """The fewest reads in eight hours for which a cache is cheaper than sending everything each time."""
    million = tokens(1_000_000)
    kept = make(model, 100_000, 8 * HOUR, NOW).money.high

    def with_cache(reads: int) -> Decimal:
        read = Sent(NO_TOKENS, million, NO_TOKENS, tokens(1))
        return kept + reads * requests(BOOK, model, read, NOW, NOW).money.low / 10

    def without(reads: int) -> Decimal:
        sent = Sent(million, NO_TOKENS, NO_TOKENS, tokens(1))
        return reads * requests(BOOK, model, sent, NOW, NOW).money.low / 10

    assert with_cache(least) < without(least)
    assert with_cache(least - 1) >= without(least - 1)


@pytest.mark.parametrize(
    ("model", "own", "cached", "answer", "at", "usd"),
    [
        pytest.param(FLASH, 5_000, 100_000, 1_200, NOW, "0.01575", id="E7"),
        pytest.param(PRO, 20_000, 230_000, 2_000, NOW, "0.208", id="E8"),
        pytest.param(CARBON, 1_000_000, 1_000_000, 100_000, on("2026-11-20"), "3.10", id="E15"),
        pytest.param(CARBON, 1_000_000, 1_000_000, 100_000, on("2026-12-02"), "6.20", id="E15, in December"),
    ],
)
def test_a_call(model, own, cached, answer, at, usd) -> None:
    sent = Sent(tokens(own), tokens(cached), tokens(answer), tokens(own + cached))
    same(requests(BOOK, model, sent, at, at), usd)


def batch(model: str, own: int, cached: int, answer: int, longest: int, at: datetime = NOW) -> Priced:
    sent = Sent(tokens(own), tokens(cached), tokens(answer), tokens(longest), Tier.BATCH)
    return requests(BOOK, model, sent, at, at)


def test_e9_batches() -> None:
    asked, answered = 2_000 * 3_000, 2_000 * 400
    same(batch(FLASH, asked, 0, answered, 3_000), "3.75")
    standard = Sent(tokens(asked), NO_TOKENS, tokens(answered), tokens(3_000))
    same(requests(BOOK, FLASH, standard, NOW, NOW), "7.50")
    for day in ("2026-11-28", "2026-12-02"):  # another model answers, at the same prices
        same(batch("gemini-2.5-flash", asked, 0, answered, 3_000, on(day)), "1.90")


def test_e10_a_batch_over_a_cache() -> None:
    count, shared, own, answer = 500, 50_000, 200, 300
    same(batch(FLASH, count * own, count * shared, count * answer, shared + own), "1.25625")
    same(storage(BOOK, FLASH, tokens(shared), NOW, NOW + DAY), "0.60")
    same(creation(BOOK, FLASH, tokens(shared), NOW), "0", "0.0375")
    same(batch(FLASH, count * (own + shared), 0, count * answer, shared + own), "9.69375")


def test_e11_indexing() -> None:
    same(amount(tokens(10_000_000), BOOK.indexing, "indexing"), "1.50", "2.00")


@pytest.mark.parametrize(("hits", "reads"), [("0", "0.741"), ("0.5", "1.481"), ("0.8", "3.704"), ("0.9", "7.407")])
def test_e12_against_the_services_own_caching(hits, reads) -> None:
    found = against_implicit(worth(BOOK, FLASH, tokens(100_000), NOW).reads, Decimal(hits))
    assert found.quantize(Decimal("0.001")) == Decimal(reads)


@pytest.mark.parametrize(
    ("model", "reads", "minutes"),
    [
        (FLASH, "0.741", 90),
        ("gemini-3.6-flash", "0.741", 90),
        ("gemini-3.5-flash-lite", "3.704", 18),
        ("gemini-3.1-flash-lite", "4.444", 15),
        ("gemini-3-flash-preview", "2.222", 30),
        (OLD_PRO, "4.000", Decimal(100) / 6),
        ("gemini-2.5-flash", "3.704", 18),
        ("gemini-2.5-flash-lite", "11.111", 6),
        (PRO, "2.500", Decimal(80) / 3),
    ],
)
def test_when_keeping_pays(model, reads, minutes) -> None:
    found = worth(BOOK, model, tokens(100_000), NOW)
    assert found.reads.quantize(Decimal("0.001")) == Decimal(reads)
    assert abs(found.pause - timedelta(minutes=float(minutes))) < timedelta(seconds=1)


def test_one_long_prompt_among_others_makes_a_range() -> None:
    """Each request has the prices of its own prompt: how many of them are long is not known."""
    alone = Sent(tokens(300_000), NO_TOKENS, tokens(10_000), tokens(300_000), Tier.BATCH)
    long, mixed = requests(BOOK, PRO, alone, NOW, NOW), requests(BOOK, PRO, replace(alone, alike=False), NOW, NOW)
    short = requests(BOOK, PRO, replace(alone, longest=tokens(9)), NOW, NOW)
    assert (mixed.money.low, mixed.money.high) == (short.money.low, long.money.high)
    assert short.money.low < long.money.low


@pytest.mark.parametrize(
    ("model", "at", "said"),
    [
        (FLASH, NOW, ("0.741", "1.48", "7.41")),
        (OLD_PRO, NOW, ("4", "8", "40")),
    ],
)
def test_advice_has_no_exponents(model, at, said) -> None:
    first = sentences(worth(BOOK, model, tokens(100_000), at), None)[0]
    assert re.findall(r"from ([\d.e+]*\d)", first) == [*said]


def test_advice_has_no_amounts_for_tokens_that_nobody_has_counted() -> None:
    found = worth(BOOK, FLASH, Tokens(100, 100, None), NOW, Decimal(3))
    assert (found.reads > 0, found.saves) == (True, None)
    assert len(sentences(found, Decimal(3))) == 2


def test_where_making_is_free_no_pause_is_worth_bridging() -> None:
    found = worth(replace(BOOK, creation=NOTHING), FLASH, tokens(100_000), NOW)
    assert found.pause == timedelta(0)
    assert sentences(found, None)[1].startswith("in any pause it is cheaper to let it end")


def test_prices_of_any_size_give_advice() -> None:
    period = Period(None, None, Prices(usd("100000"), None, usd("1"), None, usd("0.000000001")))
    book = replace(BOOK, models={"m": ModelFacts("m", periods=(period,))})
    assert worth(book, "m", tokens(100_000), NOW).pause == timedelta(days=36525)


def test_long_prompts_of_a_cache_have_their_own_figures() -> None:
    assert worth(BOOK, PRO, tokens(300_000), NOW).reads == Decimal("1.25")
    assert worth(BOOK, OLD_PRO, tokens(300_000), NOW).reads == 2


def test_with_reads_an_hour_it_says_what_is_saved() -> None:
    found = worth(BOOK, FLASH, tokens(100_000), NOW, Decimal(3))
    assert (found.kept, found.sent, found.saves) == (Decimal("0.0725"), Decimal("0.225"), Decimal("0.1525"))
    none = worth(BOOK, FLASH, tokens(100_000), NOW, Decimal(0))
    assert none.saves == -Decimal("0.05")
    assert worth(BOOK, CARBON, tokens(100_000), NOW) is None  # it takes no caches
    assert worth(BOOK, "gemini-of-tomorrow", tokens(100_000), NOW) is None


def test_e13_a_live_session() -> None:
    """Each turn is billed with all before it: 20 turns of 15 s in and 15 s out at 25 tokens a second."""
    turns, spoken = 20, 15 * 25
    heard = spoken * turns * (turns + 1) // 2 + spoken * turns * (turns - 1) // 2
    audio = BOOK.answers("gemini-3.8-live", NOW).period(NOW).audio
    same(amount(tokens(heard), audio.input, "heard"), "0.45")
    same(amount(tokens(spoken * turns), audio.output, "said"), "0.09")


def test_e17_a_forgotten_cache() -> None:
    """Thirty days end before the redirect."""
    same(storage(BOOK, OLD_PRO, tokens(100_000), on("2026-10-20"), on("2026-11-19")), "324")


def test_what_an_hour_costs_follows_the_day() -> None:
    million = tokens(1_000_000)
    same(hourly(BOOK, FLASH, million, on("2026-12-31T23:59")), "0.50")
    same(hourly(BOOK, FLASH, million, on("2027-01-01")), "1")
    same(hourly(BOOK, OLD_PRO, million, on("2026-12-01")), "0.50")


# What isn't known is named, and never free.


def test_an_unknown_price_is_named() -> None:
    found = creation(BOOK, "gemini-of-tomorrow", tokens(1), NOW)
    assert found.unpriced == ("creation with gemini-of-tomorrow: the price is not known",)
    assert storage(BOOK, CARBON, tokens(1), NOW, NOW + HOUR).unpriced == (
        "storage for gemini-4-carbon: the price is not known",
    )
    sent = Sent(NO_TOKENS, tokens(1), NO_TOKENS, tokens(1), Tier.BATCH)
    neon = requests(BOOK, "gemini-4-neon", sent, NOW, NOW)
    assert neon.unpriced == ("cached tokens in a batch with gemini-4-neon: the price is not known",)


def test_an_unknown_number_is_named_and_counts_with_what_is_certain() -> None:
    found = storage(BOOK, FLASH, Tokens(0, 1_000_000, None), NOW, NOW + HOUR)
    assert found == Priced(usd("0.50"), ("storage for gemini-3.8-flash: how many tokens is not known",))


def test_a_price_from_before_the_first_period_is_not_known() -> None:
    assert hourly(BOOK, FLASH, tokens(1), on("2026-01-01")).unpriced


def test_no_tokens_cost_nothing_at_any_price() -> None:
    assert amount(NO_TOKENS, None, "nothing") == Priced(NOTHING)
    assert hourly(BOOK, "gemini-of-tomorrow", NO_TOKENS, NOW) == Priced(NOTHING)


def test_where_a_price_changes_meanwhile_a_job_has_both() -> None:
    sent = Sent(tokens(1_000_000), NO_TOKENS, NO_TOKENS, tokens(1), Tier.BATCH)
    found = requests(BOOK, CARBON, sent, on("2026-11-30"), on("2026-12-02"))
    assert found.money == usd("1", "2")


def test_where_the_length_of_prompts_is_not_certain_either_price_holds() -> None:
    sent = Sent(tokens(1_000_000), NO_TOKENS, NO_TOKENS, Tokens(200_000, 170_000, 230_000))
    assert requests(BOOK, PRO, sent, NOW, NOW).money == usd("2", "4")


def test_recordings_may_have_their_own_price() -> None:
    """gemini-3.1-flash-lite: 0.25 for input, and 0.50 where it is sound; cached in a batch 0.0125 and 0.025."""
    lite, million = "gemini-3.1-flash-lite", tokens(1_000_000)
    assert creation(BOOK, lite, million, NOW, audio=True).money == usd("0", "0.50")
    sent = Sent(million, million, NO_TOKENS, tokens(1), Tier.BATCH, audio=True)
    assert requests(BOOK, lite, sent, NOW, NOW).money == usd("0.1375", "0.275")
    assert creation(BOOK, FLASH, million, NOW, audio=True) == creation(BOOK, FLASH, million, NOW)


def test_e14_a_plan_that_is_over_the_ceiling_of_ten_minutes() -> None:
    """Four caches of a million tokens on a Pro model: 16 at once, and 34 in all; tier 1 may spend 10 in ten minutes."""
    made, kept = creation(BOOK, PRO, tokens(1_000_000), NOW), storage(BOOK, PRO, tokens(1_000_000), NOW, NOW + HOUR)
    one = ChangeCost(made.money, kept.money)
    assert together([one.total] * 4).high == 34
    changes = tuple(
        Change(Address("CachedContent", name), Action.CREATE, Reason.DECLARED, cost=one)
        for name in ("a", "b", "c", "d")
    )
    header = PlanHeader("p", "s", "emulator", "l", 0, NOW, None, None, "", "0")
    plan = Plan(
        header, changes, (), cost=PlanCost(BOOK.as_of, together([made.money] * 4), after=(Rate(NOW, usd("9")),))
    )

    def said(tier: int, of: Plan = plan) -> list[str]:
        return [found.detail for found in ceilings(of, BOOK.ceilings.get(tier), CATALOGUE)]

    at_once = "What is made at once may cost $16.00; the service lets this tier spend $10.00 in ten minutes."
    assert said(1) == [at_once]
    assert said(2) == said(3) == said(0) == []
    monthly = replace(plan, cost=replace(plan.cost, after=(Rate(NOW, usd("300")),)))
    assert said(1, monthly) == [
        at_once,
        "This plan, and a month of what it keeps, may cost $316.00; the service lets this tier spend $250.00 in a "
        "month.",
    ]
    assert said(1, replace(plan, changes=changes[:2])) == []
