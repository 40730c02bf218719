"""Frozen dataclasses as core makes them behave as those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from gemctl.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Ours:
    """A value."""

    name: str
    size: int = 3
    marks: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seen: str | None = field(default=None, compare=False)

    @property
    def double(self) -> int:
        return 2 * self.size


@dataclasses.dataclass(frozen=True, slots=True)
class Theirs:
    """A value."""

    name: str
    size: int = 3
    marks: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seen: str | None = field(default=None, compare=False)

    @property
    def double(self) -> int:
        return 2 * self.size


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value without fields."""


@dataclass(frozen=True, slots=True)
class Own:
    """A value with methods of its own."""

    one: int

    def __repr__(self) -> str:
        return "own"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Own)

    def __hash__(self) -> int:
        return 7


GIVEN = [(("a",), {}), (("a", 4), {"seen": "x"}), ((), {"name": "a", "marks": {"b": [1]}}), (("b", 3, {}, "y"), {})]


@pytest.mark.parametrize(("args", "named"), GIVEN)
def test_values_hold_and_show_the_same(args, named):
    ours, theirs = Ours(*args, **named), Theirs(*args, **named)
    assert repr(ours) == repr(theirs).replace("Theirs", "Ours")
    assert asdict(ours) == asdict(theirs)
    assert ours.double == theirs.double
    assert asdict(replace(ours, size=9)) == asdict(replace(theirs, size=9))
    assert [one.name for one in fields(ours)] == [one.name for one in fields(theirs)]
    assert Ours.__match_args__ == Theirs.__match_args__


def test_values_are_equal_by_the_fields_that_count():
    for one in GIVEN:
        for other in GIVEN:
            same = Theirs(*one[0], **one[1]) == Theirs(*other[0], **other[1])
            assert (Ours(*one[0], **one[1]) == Ours(*other[0], **other[1])) is same
    assert Ours("a") != Theirs("a")
    assert Nothing() == Nothing()
    assert {Nothing(), Nothing()} == {Nothing()}
    assert hash(Ours("a", marks=())) == hash(Theirs("a", marks=()))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Ours("a"))


def test_a_default_of_a_factory_is_made_for_each_value():
    assert Ours("a").marks is not Ours("a").marks


@pytest.mark.parametrize(("args", "named"), [((), {}), (("a", 1, {}, None, 5), {}), (("a",), {"none": 1})])
def test_wrong_parameters_are_refused(args, named):
    for _ in range(2):  # before and after the first value was made
        with pytest.raises(TypeError, match=r"Ours\.__init__\(\)"):
            Ours(*args, **named)
        Ours("a")


def test_nothing_can_be_set_or_deleted():
    value = Ours("a")
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'name'"):
        value.name = "b"
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'name'"):
        del value.name
    with pytest.raises(AttributeError):
        value.other = 1
    assert not hasattr(value, "__dict__")


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_values_can_be_copied(way):
    value = Ours("a", 5, {"b": [1]}, "x")
    assert asdict(way(value)) == asdict(value)


def test_methods_of_the_class_stay():
    assert (repr(Own(1)), Own(1) == Own(2), hash(Own(1))) == ("own", True, 7)


def test_other_classes_are_refused():
    with pytest.raises(TypeError, match="frozen"):
        dataclass(frozen=False, slots=True)
