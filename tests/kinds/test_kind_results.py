"""What is read of a response: whether it is an answer, and what a table shows of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.lifetime import Columns
from gemctl.kinds.parts.results import answered, columns

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
