"""The model of the create protocol: what is promised holds in every reachable state, and what each part is good for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest
from protocol_model import ALWAYS, BROKEN, FINAL, IMPLEMENTED, Bounds, explore
from values import ManualClock

from gemctl.core.address import Address
from gemctl.core.live import LiveObject, LiveState
from gemctl.core.ownership import Ownership
from gemctl.core.record import Ledger, Origin, Record
from gemctl.core.resource import Declared, Desired, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.engine.resolve import resolve

ON_TIME = Bounds(runs=5, faults=5, edits=4, late=False)
LATE = Bounds(runs=6, faults=5, edits=4)
SHORT = Bounds(runs=4, faults=3, edits=1, long_settle=False)
DELETED = Bounds(runs=4, faults=3, edits=0, deletions=2)
DELETED_EDITED = Bounds(runs=3, faults=2, edits=1, deletions=1)
DAMAGED = Bounds(runs=4, faults=3, edits=1, damages=2)
DAMAGED_EDITED = Bounds(runs=4, faults=3, edits=2, damages=1)


def told(result):
    return "".join(f"\n{promise}:\n  " + "\n  ".join(trace) for promise, trace in result.bad.items())


def waits(record_spec, live):
    """Whether resolve waits in doubt, for one declared resource that is recorded so, and live or not."""
    at, clock = Address("CachedContent", "one"), ManualClock()
    declared = Declared(fields={"model": "new"}, expiry=None, display_name=None)
    positions = Positions(Span("one.yaml", 1, 1, 1, 1))
    resource = Resource(at, declared, Lifecycle(), (), {}, {}, positions)
    spec = resource.spec_tag if record_spec == "declared" else record_spec
    records = {at: Record("cachedContents/1", spec, Origin.CREATED, "m")} if spec else {}
    items = (LiveObject("CachedContent", "cachedContents/1", "", "", None, {}, {}),) if live else ()

    def look():
        ledger = Ledger("lineage", known=False, records=MappingProxyType(records))
        return LiveState({"CachedContent": items}, clock.now()), Ownership(ledger, uncertain=True)

    resolve(
        look,
        desired=Desired({at: resource}),
        settle=timedelta(seconds=60),
        clock=clock,
        tell=lambda event: None,
    )
    return bool(clock.slept)


@pytest.fixture(scope="module")
def implemented():
    """The model's policy, with the one choice in it that is measured: when the code waits in doubt."""
    unbound, replaced, in_sync = waits("", live=False), waits("another", live=True), waits("declared", live=True)
    assert unbound, "without a state, what is not found must not be created at once"
    return replace(IMPLEMENTED, doubt="always" if in_sync else "replaces" if replaced else "creates")


def test_the_model_as_it_stands_is_what_is_implemented(implemented):
    assert implemented in (IMPLEMENTED, replace(IMPLEMENTED, doubt="replaces"), replace(IMPLEMENTED, doubt="always"))
    assert IMPLEMENTED.doubt == "creates", "this is the least; what is measured may be more"


@pytest.mark.parametrize("bounds", [ON_TIME, LATE], ids=["on time", "late"])
def test_while_the_state_is_durable_and_settle_is_long_enough_everything_is_kept(implemented, bounds):
    """Never two at once, never none, and one at the end; with edits there and back, and deaths at each step."""
    result = explore(implemented, bounds)
    assert not result.bad, told(result)
    assert result.states > 1_500 and result.ends > 5


def test_with_settle_too_short_there_is_one_at_the_end(implemented):
    result = explore(implemented, SHORT)
    assert set(result.bad) == {"two at once"}, told(result)
    assert result.states > 5_000 and result.ends > 10


def test_with_the_state_deleted_there_is_one_at_the_end(implemented):
    """What nothing shows can't be waited for: no state and no mark is a first run."""
    result = explore(implemented, DELETED)
    assert set(result.bad) == {"two at once"}, told(result)
    trace = result.bad["two at once"]
    assert "the state is deleted" in trace, trace


def test_with_the_state_deleted_amid_a_replacement_a_person_may_be_needed(implemented):
    """E504: an object of ours that no state knows, made from another declaration. It is never taken for settled."""
    result = explore(implemented, DELETED_EDITED)
    assert "stuck" in result.bad and "none at all" not in result.bad
    assert "look: another writer is at work" in result.bad["stuck"]
    for promise in FINAL & set(result.bad):
        assert result.bad[promise][-1] == "look: another writer is at work", told(result)


BY_DOUBT = {
    # what a damaged journal can lead to, with one edit, and with an edit there and back
    "creates": ({"lost", "orphan", "stuck", "two at once"}, {"lost", "orphan", "stuck", "two at once"}),
    "replaces": (set(), {"orphan", "stuck", "two at once"}),
    "always": (set(), set()),
}


@pytest.mark.parametrize("doubt", [None, *BY_DOUBT])
def test_with_the_journal_damaged(implemented, doubt):
    """Without edits everything is kept. With them it depends on when the code waits; None is as it does."""
    policy = replace(implemented, doubt=doubt or implemented.doubt)
    assert not explore(policy, replace(DAMAGED, edits=0)).bad
    once, there_and_back = BY_DOUBT[policy.doubt]
    assert set(explore(policy, DAMAGED).bad) == once, told(explore(policy, DAMAGED))
    assert set(explore(policy, DAMAGED_EDITED).bad) == there_and_back, told(explore(policy, DAMAGED_EDITED))


# What goes wrong without it, and where: (bounds, promises that are broken there).
WITHOUT = {
    "no intents": (replace(LATE, runs=3, faults=2, edits=1), {"two at once", "orphan"}),
    "no quarantine": (replace(LATE, runs=3, faults=2, edits=1), {"two at once"}),
    "no sweep": (replace(SHORT, runs=3, faults=2), {"duplicate"}),
    "retire before bind": (replace(ON_TIME, runs=3, faults=1, edits=1), {"none at all"}),
    "no wait in doubt": (replace(DAMAGED, runs=3, faults=2, damages=1), {"two at once"}),
    "what was given up is forgotten": (replace(SHORT, runs=3, faults=2), {"stuck"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_part_of_the_protocol_is_needed(implemented, name):
    bounds, expected = WITHOUT[name]
    result = explore(BROKEN[name], bounds)
    print(f"{name}:{told(result)}")
    assert expected <= set(result.bad), told(result)
    assert not expected & set(explore(replace(implemented, doubt="replaces"), bounds).bad) - {"two at once"}
    if "two at once" in expected:
        assert "two at once" not in explore(replace(implemented, doubt="replaces"), bounds).bad


def test_a_counter_example_is_a_shortest_one():
    """The usual advice, to look before one creates and to write down what one is about to do, is not enough."""
    trace = explore(BROKEN["no quarantine"], Bounds(runs=2, faults=1, edits=0)).bad["two at once"]
    assert trace == (
        "run",
        "look and write down: nothing is bound",
        "write the intent of spec 0",
        "the create makes 1, not in lists yet, the answer is lost",
        "run",
        "look and write down: nothing is bound",
        "write the intent of spec 0",
        "the create makes 2",
    )


def test_the_promises_have_names():
    assert set().union(*(explore(policy, WITHOUT[name][0]).bad for name, policy in BROKEN.items())) <= FINAL | ALWAYS
