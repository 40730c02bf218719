"""The emulator's own tables of prices and models say nothing else than the book of facts, on days around each change.

The emulator bills by its own tables so that a plan's estimate can be held against them. That tells nothing if one of
the two was forgotten when prices changed. What only one of them has is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from cross_check import Table, cells, compare, days, end_of

from gemctl.emulator import prices
from gemctl.emulator.catalogue import MODELS
from gemctl.emulator.prices import PRICES, Period, Rates
from gemctl.workflows.facts import shipped

BOOK = shipped()
CATALOGUE = {model.name: model for model in MODELS}
BOTH = sorted(PRICES.keys() & BOOK.models.keys())
DAYS = sorted({*days(BOOK), *(day + timedelta(days=by) for day in prices.changes() for by in (-1, 0, 1))})

NO_FIRST_DAY = {"gemini-embedding-001", "gemini-embedding-2"}  # the book begins with the oldest copy of the page


def period(model: str, day: date) -> Period | None:
    return next((each for each in PRICES[model] if each.holds(day)), None)


def of(rates: Rates | None, part: str) -> Iterator[tuple[str, Decimal]]:
    named = ("input", "output", "cached", "cached_batch")
    for cell, name in zip(("input", "output", "cached", "batch cached"), named, strict=True):
        if rates is not None and (price := getattr(rates, name)) is not None:
            yield part + cell, price


def table() -> Table:
    found = {}
    for model in BOTH:
        for day in DAYS:
            if held := period(model, day):
                parts = (("", held.rates), ("long ", held.long), ("audio ", held.modalities.get("AUDIO")))
                found[model, day] = {cell: price for part, rates in parts for cell, price in of(rates, part)}
    return Table("the emulator", found)


def test_every_price_that_both_have_is_the_same() -> None:
    found = compare(BOOK, [table()])
    assert found.contradictions == []
    assert found.agreeing["the emulator"] > 2000


def ended(model: str, day: date) -> bool:
    ends = BOOK.models[model].ends
    return ends is not None and ends.date() <= day


def test_both_price_a_model_from_and_until_the_same_days() -> None:
    different = [
        (model, day.isoformat())
        for model in BOTH
        for day in DAYS
        if (period(model, day) is None) != (not cells(BOOK, model, day)) and model not in NO_FIRST_DAY
        if not ended(model, day)  # the book's last price holds on, should the service go on serving it
    ]
    assert different == []


@pytest.mark.parametrize("model", BOTH)
def test_the_storage_of_caches_costs_the_same(model) -> None:
    for day in DAYS:
        ours, theirs = BOOK.models[model].period(end_of(day)), period(model, day)
        if ours and ours.prices.storage and theirs and theirs.storage is not None:
            assert (ours.prices.storage.low, ours.prices.storage.high) == (theirs.storage, theirs.storage), day


@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() & BOOK.models.keys()))
def test_models_end_and_are_redirected_on_the_same_days(name) -> None:
    ours, theirs = BOOK.models[name], CATALOGUE[name]
    assert (ours.ends and ours.ends.date()) == theirs.ends
    redirect = theirs.redirect and (theirs.redirect.to, theirs.redirect.at)
    assert (ours.redirect and (ours.redirect.to, ours.redirect.at.date())) == redirect


@pytest.mark.parametrize("alias", sorted(BOOK.aliases))
def test_other_names_stand_for_the_same_models(alias) -> None:
    redirect = CATALOGUE[alias].redirect
    assert redirect is not None
    assert redirect.to == BOOK.aliases[alias]
    assert redirect.at <= BOOK.as_of
