"""What plans say that they cost, beside the emulator's own bill: strangers to each other, over a month of virtual time.

The month goes over the 1st of December or the 1st of January 2027, when models and prices change.
"""

from __future__ import annotations

import pytest
from money_lives import life

QUICK, SHARE, ALL = 6, 125, 1_000


def lived(seeds) -> list[str]:
    found = [life(seed) for seed in seeds]
    assert any(one.patient for one in found)
    assert any(one.stopped for one in found)
    return [f"seed {seed}: {problem}" for seed, one in zip(seeds, found, strict=True) for problem in one.problems]


def test_estimates_are_what_is_billed() -> None:
    assert lived(range(QUICK)) == []


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, ALL, SHARE))
def test_estimates_are_what_is_billed_in_a_thousand_stacks(start) -> None:
    assert lived(range(start, start + SHARE)) == []
