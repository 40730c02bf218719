import json
import math
from pathlib import Path

import pytest
from api_world import START, patient
from hypothesis import example, given
from hypothesis import strategies as st

from gemctl.api.retry import (
    ASKED_JITTER,
    LONGEST_ASKED,
    LONGEST_BACKOFF,
    MAX_ATTEMPTS,
    Again,
    Failure,
    GiveUp,
    Trouble,
    asked_by_detail,
    asked_by_header,
    decide,
)

CASES = json.loads((Path(__file__).parent / "api_retry_cases.json").read_text())


@pytest.mark.parametrize("case", CASES["decide"], ids=lambda case: case["why"])
def test_decide(case):
    asked = case.get("asked")
    failure = Failure(
        Trouble(case["trouble"]),
        case.get("status", 0),
        None if asked is None else float(asked),
        case.get("lasting", False),
    )
    got = decide(
        case.get("repeatable", True),
        case.get("attempt", 1),
        failure,
        case.get("elapsed", 0),
        180,
        case.get("jitter", 0.5),
    )
    assert got == (GiveUp() if case["again"] is None else Again(case["again"]))


@pytest.mark.parametrize(("text", "seconds"), CASES["header"])
def test_retry_after(text, seconds):
    assert asked_by_header(text, START) == seconds


@pytest.mark.parametrize(("delay", "seconds"), CASES["detail"])
def test_retry_delay(delay, seconds):
    assert asked_by_detail(delay) == (None if seconds is None else float(seconds))


def test_more_digits_than_a_float_holds():
    assert asked_by_header("9" * 400, START) == math.inf
    assert asked_by_header("9" * 40_000, START) is None


@patient
@given(
    st.booleans(),
    st.integers(1, 20),
    st.builds(
        Failure,
        st.sampled_from(Trouble),
        st.integers(0, 999),
        st.none() | st.floats(min_value=0),
        st.booleans(),
    ),
    st.floats(0, 1e6),
    st.floats(0, 1e6),
    st.floats(0, 1, exclude_max=True),
)
def test_every_wait_is_bounded_and_no_create_is_sent_twice(repeatable, attempt, failure, elapsed, budget, jitter):
    got = decide(repeatable, attempt, failure, elapsed, budget, jitter)
    if isinstance(got, Again):
        assert 0 <= got.after_seconds <= max(LONGEST_BACKOFF, LONGEST_ASKED + ASKED_JITTER)
        assert elapsed + got.after_seconds < budget
        assert attempt < MAX_ATTEMPTS
        assert repeatable or failure.trouble is Trouble.NOT_SENT


@patient
@given(st.text(max_size=50))
@example("0\x1f")
def test_no_header_breaks_the_reader(text):
    seconds = asked_by_header(text, START)
    assert seconds is None or seconds >= 0
