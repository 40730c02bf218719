"""What is read of a response: whether it is an answer, and what a table shows of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.lifetime import Columns
from gemctl.kinds.parts.results import NUMBERS, TEXTS, answered, columns, counts, result

TEXT = {"parts": [{"text": "yes"}]}


def ended(reason: str | None, content: Any = TEXT) -> dict[str, Any]:
    return {"content": content, **({} if reason is None else {"finishReason": reason})}


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"candidates": [ended("STOP")]}, True),
        ({"candidates": [ended("STOP", None)]}, True),
        ({"candidates": [ended("SAFETY"), ended("STOP")]}, True),
        ({"candidates": [ended(None)]}, True),
        ({"candidates": [ended("")]}, True),
        ({"candidates": [ended("FINISH_REASON_UNSPECIFIED")]}, True),
        ({"candidates": [ended(None, {})]}, False),
        ({"candidates": [ended(None, None)]}, False),
        *(({"candidates": [ended(reason)]}, False) for reason in ("MAX_TOKENS", "SAFETY", "RECITATION", "NEW_ONE")),
        ({"candidates": []}, False),
        ({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}, False),
        ({}, False),
        ({"embedding": {"values": [0.5]}, "tokenCount": "1"}, True),
        ({"embeddings": [{"values": [0.5]}]}, True),
        (None, False),
        ({"candidates": "x"}, False),
        ({"candidates": ["x", None, {"finishReason": 7}]}, False),
    ],
)
def test_what_is_an_answer(response: Any, expected: bool) -> None:
    assert answered(response) is expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ({"candidates": [ended("STOP")]}, Columns("yes", "STOP")),
        ({"candidates": [ended("SAFETY", None), ended("STOP")]}, Columns("yes", "STOP")),
        ({"candidates": [ended("MAX_TOKENS"), ended("SAFETY", None)]}, Columns("yes", "MAX_TOKENS")),
        (
            {"candidates": [ended("STOP", {"parts": [{"text": "h", "thought": True}, {"text": "a"}, {"text": "b"}]})]},
            Columns("ab", "STOP"),
        ),
        ({"candidates": [ended("STOP", {"parts": [{"inlineData": {}}]})]}, Columns(None, "STOP")),
        ({"promptFeedback": {"blockReason": "SAFETY"}}, Columns()),
        ({"embedding": {"values": [0.5, 1]}}, Columns(vector=[0.5, 1])),
        ({"embedding": {"values": [0.5, "1"]}}, Columns()),
        ({"embedding": {"values": [True]}}, Columns()),
        ("x", Columns()),
    ],
)
def test_what_a_table_shows(response: Any, expected: Columns) -> None:
    assert columns(response) == expected


_NAMES = ["candidates", "finishReason", "content", "parts", "text", "thought", "embedding", "values"]
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["STOP", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)


@given(_ANY)
def test_neither_ever_raises(response: Any) -> None:
    assert answered(response) in (True, False)
    assert isinstance(columns(response), Columns)


# What differs from one result to the next decides nothing

_DIFFER = st.sampled_from(sorted(TEXTS | NUMBERS))
_DECIDE = st.sampled_from(["finishReason", "content", "parts", "candidates", "usageMetadata", "error", "response"])
_ENDS = st.sampled_from(["STOP", "SAFETY", "", None])


@st.composite
def two_alike(draw: st.DrawFn) -> tuple[Any, Any]:
    """Two lines that differ in such values only."""

    def pair(depth: int, name: str) -> tuple[Any, Any]:
        if name in TEXTS:
            return draw(st.text(min_size=1, max_size=3)), draw(st.text(min_size=1, max_size=3))
        if name in NUMBERS:
            whole = st.integers(0, 10**18 - 1)
            sort = draw(st.sampled_from([whole, whole.map(str), st.floats(), st.lists(st.integers(), min_size=1)]))
            return draw(sort), draw(sort)
        if name == "finishReason" or not depth:
            return (draw(_ENDS),) * 2
        if name in ("candidates", "parts"):
            pairs = [pair(depth - 1, "content") for _ in range(draw(st.integers(0, 2)))]
            return [one for one, _ in pairs], [other for _, other in pairs]
        return thing(depth - 1)

    def thing(depth: int) -> tuple[Any, Any]:
        names = draw(st.lists(_DIFFER | _DECIDE, max_size=4, unique=True))
        pairs = {name: pair(depth, name) for name in names}
        return {name: one for name, (one, _) in pairs.items()}, {name: other for name, (_, other) in pairs.items()}

    response, usage = thing(4), thing(1)
    lines: tuple[dict[str, Any], ...] = ({"key": draw(st.text(min_size=1))}, {"key": draw(st.text(min_size=1))})
    for line, one, used in zip(lines, response, usage, strict=True):
        line["response"] = {**one, "usageMetadata": used}
    return lines[0], lines[1]


@given(two_alike())
def test_texts_and_numbers_decide_nothing(pair: tuple[Any, Any]) -> None:
    one, other = map(result, pair)
    assert answered(one["response"]) is answered(other["response"])
    assert len(counts(one) or ()) == len(counts(other) or ())
    shown = one["response"]["usageMetadata"]
    for number in counts(one) or ():
        assert (
            number == 0 or number in shown.values() or str(number) in shown.values() or "tokenCount" in one["response"]
        )
