"""Differences of values that are too large to be compared at leisure."""

from __future__ import annotations

from typing import Any

from effort import calls
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.change import FieldChange
from gemctl.plan import diff
from gemctl.plan.diff import explain

FILLING = {"filling": ["x"] * diff.LARGE}  # what makes a value a large one, and is alike on both sides


def large(before: Any, after: Any) -> list[tuple[tuple[str | int, ...], Any, Any]]:
    found = explain({**FILLING, "v": before}, {**FILLING, "v": after})
    return [(change.path[1:], change.before, change.after) for change in found]


def test_large_values_are_compared_place_by_place() -> None:
    cases: list[tuple[Any, Any, list[Any]]] = [
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, [(("a",), 1, None), (("b",), 2, 3), (("c",), None, 4)]),
        ([1, 2, 3], [1, 2, 3, 4], [((3,), None, 4)]),
        ([1, 2, 3], [0, 1, 2, 3], [((0,), None, 0)]),
        ([1, 2, 3, 4], [1, 4], [((1,), 2, None), ((2,), 3, None)]),
        ([1, 1, 1], [1, 1], [((2,), 1, None)]),
        ([{"a": [1]}, 2], [{"a": [5]}, 2], [((0, "a", 0), 1, 5)]),
        ([1], {"a": 1}, [((), [1], {"a": 1})]),
        ("x", None, [((), "x", None)]),
        ([], [], []),
    ]
    for before, after, expected in cases:
        assert large(before, after) == expected, (before, after)


JSON = st.recursive(
    st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("xy"), JSON), st.dictionaries(st.sampled_from("xy"), JSON))
def test_a_difference_is_found_wherever_there_is_one(before: Any, after: Any) -> None:
    found = large(before, after)
    assert bool(found) == (before != after)
    assert all(old != new for _, old, new in found)


def test_the_work_grows_with_the_values() -> None:
    def effort(count: int) -> int:
        before, after = [[f"v{n}"] for n in range(count)], [[f"w{n}"] for n in range(count)]
        found: list[FieldChange] = []
        made = calls(lambda: found.extend(explain({"enum": before}, {"enum": after})))
        assert len(found) == count
        return made

    assert effort(16_000) < 2.2 * effort(8_000)
