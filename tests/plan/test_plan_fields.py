"""What is to be changed of a live object: declared, sent and live, field by field, as a table."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from gemctl.core.address import Address
from gemctl.core.change import FieldChange
from gemctl.core.kind import Collection, InDisplayName, Kind, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.record import Origin, Record
from gemctl.core.resource import Declared, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.plan.decisions import UNKNOWN_SPEC
from gemctl.plan.fields import Differences, differences, drifted

RULES = {
    "title": Rule.UPDATABLE,
    "tags": Rule.UPDATABLE,
    "token": Rule.SENSITIVE,
    "model": Rule.IMMUTABLE,
    "prompt": Rule.INPUT_ONLY,
    "size": Rule.OUTPUT_ONLY,
}


def unused(*_: Any) -> Any:
    raise AssertionError("nothing is sent here")


THINGS = Collection("things", re.compile("things/.+"), "thing", None)
FIXED = Kind("Thing", object, RULES, Forever(), unused, unused, remote=Remote(THINGS, InDisplayName(), *[unused] * 3))
PATCHED = replace(FIXED, remote=Remote(THINGS, InDisplayName(), unused, unused, unused, patch=unused))


def resource(fields: dict[str, Any], ignored: tuple[str, ...] = ()) -> Resource:
    lifecycle = Lifecycle(ignore_changes=tuple((name,) for name in ignored))
    spot = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("Thing", "a"), Declared(fields), lifecycle, (), {}, {}, spot)


def record(sent: dict[str, Any] | None, shown: dict[str, Any] | None = None) -> Record:
    spec = "another" if sent is None else resource(sent).spec_tag
    return Record("things/a", spec, Origin.CREATED, "m", fields=sent, shown=shown)


def live(fields: dict[str, Any]) -> LiveObject:
    return LiveObject("Thing", "things/a", "", "", None, fields, {})


def change(name: str, before: Any, after: Any) -> FieldChange:
    return FieldChange((name,), before, after)


ALL = {"title": "T", "model": "m", "prompt": "p"}
SHOWN = {"title": "T", "model": "m"}
NOTHING = Differences()
# declared, sent, live, what it showed when it was sent: what is to be changed, where fields can be patched
TABLE: dict[str, tuple[Any, Any, Any, Any, Differences]] = {
    "all agree": (ALL, ALL, SHOWN, {}, NOTHING),
    "edited in place": (
        {**ALL, "title": "U"}, ALL, SHOWN, {}, Differences((change("title", "T", "U"),), (), True)),
    "edited, and can't be changed": (
        {**ALL, "model": "n"}, ALL, SHOWN, {}, Differences((), (change("model", "m", "n"),), True)),
    "edited, and never shown": (
        {**ALL, "prompt": "q"}, ALL, SHOWN, {}, Differences((), (change("prompt", "p", "q"),), True)),
    "added": ({**ALL, "tags": ["x"]}, ALL, SHOWN, {}, Differences((change("tags", None, ["x"]),), (), True)),
    "a secret, and nobody sees which": (
        {**ALL, "token": "hmac:2"}, {**ALL, "token": "hmac:1"}, SHOWN, {},
        Differences((change("token", "(secret)", "(secret) changed"),), (), True)),
    "changed by hand": (
        ALL, ALL, {**SHOWN, "title": "V"}, {}, Differences((change("title", "V", "T"),), (), False)),
    "another than was sent, and can't be changed": (
        ALL, ALL, {**SHOWN, "model": "x"}, {}, Differences((), (change("model", "x", "m"),), False)),
    "edited and changed by hand: the edit is what counts": (
        {**ALL, "title": "U"}, ALL, {**SHOWN, "title": "V"}, {},
        Differences((change("title", "T", "U"),), (), True)),
    "one edited, another changed by hand": (
        {**ALL, "title": "U"}, ALL, {**SHOWN, "model": "x"}, {},
        Differences((change("title", "T", "U"),), (change("model", "x", "m"),), True)),
    "shown otherwise from the beginning": (ALL, ALL, {**SHOWN, "model": "x"}, {"model": "x"}, NOTHING),
    "shown otherwise than in the beginning": (
        ALL, ALL, {**SHOWN, "model": "y"}, {"model": "x"}, Differences((), (change("model", "y", "m"),), False)),
    "nobody has seen the beginning: nothing is made anew": (ALL, ALL, {**SHOWN, "model": "x"}, None, NOTHING),
    "nobody has seen the beginning: what can be patched is": (
        ALL, ALL, {"title": "V", "model": "x"}, None, Differences((change("title", "V", "T"),), (), False)),
    "more than was sent": (ALL, ALL, {**SHOWN, "size": 5, "tags": ["x"]}, {}, NOTHING),
    "less than was sent": (ALL, ALL, {}, {}, NOTHING),
    "never shown, and shown all the same": (ALL, ALL, {**SHOWN, "prompt": "x", "token": "y"}, {}, NOTHING),
    "what was sent is not known, and all that is live agrees": (
        {"title": "T"}, None, SHOWN, None, Differences((), (), True)),
    "what was sent is not known, and something live differs": (
        {"title": "U", "model": "m"}, None, SHOWN, None, Differences((change("title", "T", "U"),), (), True)),
    "what was sent is not known, nor can it be seen": (
        ALL, None, SHOWN, None, Differences((), (FieldChange((), None, UNKNOWN_SPEC),), True)),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_is_to_be_changed(case: str) -> None:
    declared, sent, shows, shown, expected = TABLE[case]
    assert differences(PATCHED, resource(declared), record(sent, shown), live(shows)) == expected


@pytest.mark.parametrize("case", TABLE)
def test_where_nothing_can_be_patched_all_is_made_anew(case: str) -> None:
    declared, sent, shows, shown, expected = TABLE[case]
    found = differences(FIXED, resource(declared), record(sent, shown), live(shows))
    assert found.patch == ()
    if sent is None:
        assert found.anew == (FieldChange((), None, UNKNOWN_SPEC),) and found.edited
    elif shown is None:
        assert found == NOTHING
    else:
        assert (found.all, found.edited) == (expected.all, expected.edited)


@pytest.mark.parametrize("kind", [PATCHED, FIXED])
def test_what_is_ignored_is_not_compared(kind: Kind) -> None:
    """Neither an edit nor what was changed by hand."""
    sent, wanted = record(ALL, {}), resource({**ALL, "title": "U"}, ignored=("title", "model"))
    assert differences(kind, wanted, sent, live({"title": "V", "model": "x"})) == NOTHING
    unknown = record(None)
    assert not differences(PATCHED, wanted, unknown, live({"title": "V", "model": "x"})).patch


def test_drift_of_what_was_never_sent_by_us_is_not_known() -> None:
    assert drifted(PATCHED, record(None), live({"title": "V"})) == ()


def test_all_are_in_the_order_of_their_names() -> None:
    found = Differences((change("title", 1, 2),), (change("model", 1, 2), change("prompt", 1, 2)))
    assert [one.path[0] for one in found.all] == ["model", "prompt", "title"]
