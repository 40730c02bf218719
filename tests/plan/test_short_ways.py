"""Decisions that are made in a shorter way come out as those of the long one, and nothing is looked through for each of
many: an address that is as it was settled costs as much among many as among few.
"""

from __future__ import annotations

from collections import defaultdict
from copy import copy, deepcopy
from dataclasses import replace
from datetime import timedelta
from pickle import dumps, loads
from types import MappingProxyType
from unittest.mock import Mock, patch

import pytest
from effort import calls
from hypothesis import given
from hypothesis import strategies as st
from plan_cases import KINDS, at, item, like, record
from values import START

from gemctl.core.address import Address
from gemctl.core.kind import Rule, holds
from gemctl.core.live import LiveState
from gemctl.core.mark import Mark, address_tag, owner_tag, spec_tag
from gemctl.core.neighbours import Neighbours
from gemctl.core.record import Generation, Ledger, fold
from gemctl.core.resource import Desired
from gemctl.kinds import CATALOGUE
from gemctl.plan import ownership
from gemctl.plan.compare import Subjects, compare
from gemctl.plan.held import hold
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.policy import Case
from gemctl.plan.ownership import own

KEPT = ("handbook", "File/handbook", "FakeWebhook/hook")
OWNER = owner_tag("project", "stack")
SHOWN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "sources", "a"]), inner),
    max_leaves=6,
)


@given(SHOWN, st.lists(st.dictionaries(st.sampled_from(["type", "headers", "allowedTools"]), SHOWN)))
def test_an_object_is_no_copy_of_itself(value, tools) -> None:
    """So the bound one, which alone carries its mark, is not compared with what it shows."""
    for kind in CATALOGUE.values():
        fields = {name: tools if name == "tools" else value for name in kind.rules}
        assert kind.differing(fields, fields) == ()
        for name, one in fields.items():  # `differing` does not ask where the two are equal
            assert kind.agrees.get(name, holds)(one, one)


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("carries_it", [True, False])
def test_where_nothing_but_the_bound_object_has_its_mark_nothing_is_settled_anew(name, carries_it) -> None:
    address, ledger = at(name), Ledger("l")
    bound, at_work = item({"of": name, "name": "h"}, START), Mock(ledger=ledger)
    at_work.declared_again.return_value = None
    case = Case(address, record(name, {"name": "h"}, START), bound, like(name, {}), [bound] if carries_it else [])
    policy(KINDS[address.kind]).settle(case, at_work)
    done = [call for call in at_work.method_calls if call[0] != "declared_again" and list(call.args[1:2]) != [[]]]
    assert done == []


NAMES = st.sampled_from(["handbook", "guide", "File/handbook", "FakeWebhook/hook"])
STATES = st.fixed_dictionaries(
    {
        "declared": st.sampled_from(["as it was", "otherwise", "not"]),
        "recorded": st.booleans(),
        "mine": st.booleans(),  # whether the mark is ours
        "shown": st.sampled_from(["bound", "old", "double", "nothing"]),
    }
)


@given(st.dictionaries(NAMES, STATES, max_size=3), st.booleans())
def test_what_stands_comes_out_as_if_it_were_settled(states, known) -> None:
    """`own` passes over what is bound, live and the only one with its mark: the long way finds nothing to settle."""
    resources, records, retiring, shown = {}, {}, {}, defaultdict(list)
    for name, state in states.items():
        address, of = at(name), {"of": name, "name": "h"}
        seen, one, bound = item(of, START), like(name, {}), record(name, of, START)
        tag = Mark(OWNER if state["mine"] else owner_tag("other", "stack"), address_tag(address), bound.spec_tag)
        live = f"{seen.name}-{address.name}"
        if state["declared"] == "otherwise":
            one = replace(one, declared=replace(one.declared, fields={**one.declared.fields, "displayName": "other"}))
        if state["declared"] != "not":
            resources[address] = one
        if state["recorded"]:
            records[address] = replace(bound, name=live, address_tag=tag.address_tag)
        if state["shown"] == "old":
            retiring[f"{live}-old"] = Generation(address, tag.address_tag)
        twice = ["", "-old"] if state["shown"] in ("old", "double") else [""]
        more = twice if state["shown"] != "nothing" else []
        shown[address.kind] += [replace(seen, name=f"{live}{end}", mark=tag) for end in more]
    kinds = {address.kind for address in (*resources, *records)}
    ledger = Ledger("l", 0, known, MappingProxyType(records), MappingProxyType(retiring))
    live_state = LiveState({kind: tuple(shown[kind]) for kind in kinds}, START)
    given_ = (Desired(MappingProxyType(resources)), ledger, live_state, OWNER, timedelta(0), KINDS, Neighbours())
    short = own(*given_)
    with patch.object(ownership._Owning, "_stands", return_value=""):
        assert own(*given_) == short


@given(SHOWN, SHOWN)
def test_fields_that_are_equal_are_not_otherwise(value, other) -> None:
    both = (Rule.IMMUTABLE, Rule.UPDATABLE)
    for kind in CATALOGUE.values():
        rules = [name for name in kind.rules if name not in kind.agrees]
        shown, sent = dict.fromkeys(rules, value), dict.fromkeys(rules[1:], other)
        assert kind.otherwise(shown, dict(shown)) == {}
        assert kind.otherwise(shown, sent).keys() == {one for rule in both for one in kind.differing(shown, sent, rule)}


@given(st.lists(st.sampled_from(["handbook", "guide"]), unique=True))
def test_what_never_was_run_and_refers_to_nothing_counts_as_it_is_declared(names) -> None:
    desired = Desired(MappingProxyType({at(name): like(name, {}) for name in names}))
    assert hold(desired, Ledger("l")) is desired


def test_nothing_more_is_the_same_ledger() -> None:
    ledger = Ledger("l", records=MappingProxyType({at("handbook"): record("handbook", {"name": "h"}, START)}))
    assert fold(ledger, ()) is ledger


def test_a_resource_that_is_declared_otherwise_has_another_tag() -> None:
    one = like("handbook", {})
    assert one.spec_tag == one.spec_tag == spec_tag(one.declared.fields)
    other = replace(one, declared=replace(one.declared, fields={"model": "another"}))
    assert other.spec_tag == spec_tag({"model": "another"}) != one.spec_tag
    assert replace(other, declared=one.declared) == one


def test_a_copy_of_an_address_is_that_address() -> None:
    address = Address("Kind", "name")
    same = [copy(address), deepcopy(address), loads(dumps(address)), replace(address), Address.parse("Kind/name")]
    assert {address, *same} == {address}
    assert hash(replace(address, name="other")) == hash(Address("Kind", "other"))


def test_an_address_is_shown_as_people_write_it() -> None:
    address = Address("Kind", "name")
    assert (f"{address}", str(address), repr(address)) == (*["Kind/name"] * 2, "Address(kind='Kind', name='name')")
    with pytest.raises(AttributeError):
        address.name = "other"


def work(count: int) -> int:
    """The calls for so many caches that were edited and edited again, each with an older object that is still live."""
    names = [f"c{number:03}" for number in range(count)]
    now = {at(name): like(name, {"like": {"contents": "now"}}) for name in names}
    bound = {at(name): record(name, {"name": f"new-{name}"}, START) for name in names}
    old = {f"cachedContents/old-{name}": Generation(at(name), "a" * 13) for name in names}
    ledger = Ledger("l", records=MappingProxyType(bound), retiring=MappingProxyType(old))
    seen = item({"of": "handbook", "name": "h"}, START)
    shown = [replace(seen, name=name, mark=None) for name in old]
    shown += [replace(seen, name=one.name, mark=Mark(OWNER, one.address_tag, one.spec_tag)) for one in bound.values()]
    live = LiveState({"CachedContent": tuple(shown)}, START)
    desired = Desired(MappingProxyType(now))

    def decide() -> None:
        found = own(desired, ledger, live, OWNER, timedelta(0), KINDS, Neighbours())
        compare(Subjects(desired, found, live, OWNER, KINDS), desired, found, KINDS)

    decide()
    return calls(decide)


def test_one_more_that_was_edited_costs_the_same_among_many() -> None:
    few, some, many = work(20), work(40), work(80)
    assert many - some <= 1.02 * 2 * (some - few)
