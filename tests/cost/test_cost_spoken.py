"""A turn of a session of the Live API, by the tokens that the service counted."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from gemctl.core.money import Money
from gemctl.cost.spoken import spoken
from gemctl.workflows.facts import shipped

DAY = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "made", "amount"),
    [
        ({}, {}, "0"),
        ({"TEXT": 1_000_000}, {}, "0.75"),
        ({"AUDIO": 1_000_000}, {}, "3"),
        ({"TEXT": 1000, "VIDEO": 1000}, {"AUDIO": 1000, "TEXT": 1000}, "0.018"),
    ],
)
def test_speech_has_prices_of_its_own(sent, made, amount) -> None:
    found = spoken(shipped(), "gemini-3.8-live", sent, made, DAY)
    assert (found.money, found.unpriced) == (Money.exactly(Decimal(amount)), ())


def test_what_is_not_known_is_named() -> None:
    found = spoken(shipped(), "ours", {"TEXT": 5}, {}, DAY)
    assert found.money == Money.exactly(0) and "ours" in found.unpriced[0]
