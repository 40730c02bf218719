"""What the seam itself decides: which fields differ, how a list is asked for, what a kind can't do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gemctl.core.call import Answer, Call, Pages
from gemctl.core.kind import Chosen, Collection, InDisplayName, InId, Kind, Remote, Rule, Unmarked, holds, once, remote
from gemctl.core.lifetime import Forever


def unused(*_: Any) -> Any:
    raise AssertionError("only what is said of a kind counts here")


def kind(**more: Any) -> Kind:
    rules = {f"{rule.value}_field": rule for rule in Rule}
    return Kind("Thing", object, rules, Forever(), unused, unused, **more)


THINGS = Collection("things", re.compile(r"things/[a-z]+"), "thing", Pages("items", 50))


@pytest.mark.parametrize("rule", Rule)
def test_only_what_can_be_read_back_is_shown_otherwise(rule: Rule) -> None:
    name = f"{rule.value}_field"
    compared = rule in (Rule.IMMUTABLE, Rule.UPDATABLE)
    assert kind().otherwise({name: "b"}, {name: "a"}) == ({name: "b"} if compared else {})
    assert kind().differing({name: "b"}, {name: "a"}) == ((name,) if rule is Rule.IMMUTABLE else ())
    assert kind().differing({name: "b"}, {name: "a"}, rule) == (name,)


@pytest.mark.parametrize(
    ("shown", "sent", "found"),
    [
        ({"immutable_field": 1}, {"immutable_field": 1}, {}),
        ({"immutable_field": 1}, {}, {}),
        ({}, {"immutable_field": 1}, {}),
        ({"of no rule": 1}, {"of no rule": 2}, {}),
        ({"immutable_field": None}, {"immutable_field": 1}, {"immutable_field": None}),
        ({"immutable_field": 1, "updatable_field": 2}, {"updatable_field": 3, "immutable_field": 4},
         {"immutable_field": 1, "updatable_field": 2}),
        ({"updatable_field": {"a": 1, "filled in": 2}}, {"updatable_field": {"a": 1}}, {}),
    ],
)  # fmt: skip
def test_what_is_shown_otherwise(shown: dict[str, Any], sent: dict[str, Any], found: dict[str, Any]) -> None:
    assert kind().otherwise(shown, sent) == found


def test_what_was_sent_and_is_not_shown() -> None:
    """Of the fields that a later patch could not put right."""
    sent = {f"{rule.value}_field": 1 for rule in Rule} | {"of no rule": 1}
    assert kind().unshown({}, sent) == ("immutable_field",)
    assert kind().unshown({"immutable_field": None}, sent) == ()
    assert kind().unshown({}, {}) == ()


def test_a_kind_says_itself_what_agrees() -> None:
    """With what is shown first, and what was sent second."""
    one = kind(agrees={"immutable_field": lambda shown, sent: shown.startswith(sent)})
    assert one.otherwise({"immutable_field": "m-001"}, {"immutable_field": "m"}) == {}
    assert one.otherwise({"immutable_field": "m"}, {"immutable_field": "m-001"}) == {"immutable_field": "m"}


@pytest.mark.parametrize(
    ("shown", "sent", "agree"),
    [
        (1, 1, True), (1, 2, False), (1, 1.0, True), ("1", 1, False), (None, None, True), (None, {}, False),
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
        ([1, 2], [1, 2], True), ([1, 2], (1, 2), True), ([1, 2], [1], False), ([2, 1], [1, 2], False),
        ([{"a": 1, "b": 2}], [{"a": 1}], True),
        ([], {}, False), ({}, [], False), ("ab", ["a", "b"], False),
    ],
)  # fmt: skip
def test_what_holds(shown: Any, sent: Any, agree: bool) -> None:
    assert holds(shown, sent) is agree


def test_a_list_is_asked_for_at_its_largest_page() -> None:
    assert THINGS.listing() == Call("GET", "things", query=(("pageSize", "50"),), pages=THINGS.pages)
    named = Pages("items", 7, "page_size", "page_token", "next_page_token")
    other = Collection("things", THINGS.name, "thing", named)
    assert other.listing() == Call("GET", "things", query=(("page_size", "7"),), pages=named)
    assert Collection("things", THINGS.name, "thing", None).listing() is None


def test_a_list_under_a_parent_is_one_of_each_parent() -> None:
    parts = Collection("parts", re.compile("things/[a-z]+/parts/[a-z]+"), "part", Pages("parts", 20), parent="Thing")
    call = parts.listing("things/a")
    assert call == Call("GET", "things/a/parts", query=(("pageSize", "20"),), pages=parts.pages)
    assert THINGS.listing("things/a") == THINGS.listing(), "what lies under nothing is listed whole"


@pytest.mark.parametrize("name", ["", "things/", "things/A", "things/a/b", "things/a\n", "../things/a", "parts/a"])
def test_no_other_name_stands_in_a_path(name: str) -> None:
    made = Remote(THINGS, InDisplayName(), unused, unused, unused)
    for call in (THINGS.named, made.get, made.delete):
        with pytest.raises(ValueError, match="is not the name of a thing"):
            call(name)


def test_the_calls_that_are_the_same_for_all() -> None:
    forced = Collection("things", THINGS.name, "thing", None, delete=(("force", "true"),))
    made = Remote(forced, InDisplayName(), unused, unused, unused)
    assert made.get("things/a") == Call("GET", "things/a")
    assert made.delete("things/a") == Call("DELETE", "things/a", query=(("force", "true"),), answer=Answer.NOTHING)


def test_the_objects_of_a_page() -> None:
    made = Remote(THINGS, InDisplayName(), unused, lambda reply: reply["name"], unused)
    assert made.items({"items": [{"name": "a"}, {"name": "b"}], "things": [{"name": "c"}]}) == ("a", "b")
    assert made.items({}) == made.items({"items": None}) == made.items({"items": []}) == ()
    with pytest.raises(TypeError, match="items is not a list"):
        made.items({"items": {"name": "a"}})


@pytest.mark.parametrize(
    ("identity", "marked"), [(InDisplayName(), True), (InId(), True), (Chosen(unused), False), (Unmarked(), False)]
)
def test_who_carries_a_mark(identity: Any, marked: bool) -> None:
    assert Remote(THINGS, identity, unused, unused, unused).marked is marked


def test_what_a_kind_can_not_do_is_said_and_not_met() -> None:
    recorded = kind(called="things")
    assert (recorded.collection, recorded.once) == ("things", None)
    with pytest.raises(TypeError, match=r"^A Thing is only recorded, and nowhere live\.$"):
        remote(recorded)
    with pytest.raises(TypeError, match=r"^A Thing is kept, and not run\.$"):
        once(recorded)
    made = Remote(THINGS, InDisplayName(), unused, unused, unused)
    assert remote(kind(remote=made)) is made
