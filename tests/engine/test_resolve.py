"""The wait for what may still surface: how long, for what, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

import pytest
from values import START, ManualClock

from gemctl.core.address import Address
from gemctl.core.errors import GemctlError
from gemctl.core.event import Waiting
from gemctl.core.live import LiveObject, LiveState, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.ownership import Ownership
from gemctl.core.record import Intent, Ledger, Op, Origin, Record
from gemctl.core.resource import Declared, Desired, Ending, Harvest, Lifecycle, Receipt, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.engine.resolve import POLL, resolve

SETTLE = timedelta(seconds=60)
A, B = Address("CachedContent", "a"), Address("CachedContent", "b")


def declared(at):
    positions = Positions(Span("caches.yaml", 1, 1, 1, 1))
    return Resource(at, Declared({"model": "models/m"}), Lifecycle(), (), {}, {}, positions)


def bound(at, spec=None):
    return Record(f"cachedContents/{at.name}", spec or declared(at).spec_tag, Origin.CREATED, "m")


def item(at):
    return LiveObject("CachedContent", f"cachedContents/{at.name}", "", "", None, {}, {})


def sent(at, ago):
    return Intent(f"i-{at.name}", Op.CREATE, at, START - timedelta(seconds=ago))


class Watch:
    """A service that is looked at: `ownership` until something changes, then what `later` says, by seconds."""

    def __init__(self, ownership: Ownership, items=(), later=None) -> None:
        self.clock, self.ownership, self.items = ManualClock(), ownership, tuple(items)
        self.later = later or {}
        self.looks: list[datetime] = []
        self.told: list[Waiting] = []
        self.world = None

    def look(self):
        now = self.clock.now()
        self.looks.append(now)
        assert len(self.looks) < 1000, "this never ends"
        for seconds, ownership in self.later.items():
            if now >= START + timedelta(seconds=seconds):
                self.ownership = ownership
        self.world = LiveState({"CachedContent": self.items, "Other": ()}, now)
        return self.world, self.ownership

    def resolve(self, *wanted):
        desired = Desired({at: declared(at) for at in wanted})
        return resolve(self.look, desired=desired, settle=SETTLE, clock=self.clock, tell=self.told.append)

    @property
    def waited(self) -> float:
        return (self.clock.now() - START).total_seconds()


LEDGER = Ledger("lineage", serial=3)
SETTLED = Ownership(LEDGER)


def ledger(*records, known=True, serial=0):
    return Ledger("lineage", serial, known, MappingProxyType({Address("CachedContent", n): r for n, r in records}))


def test_what_is_settled_is_looked_at_once():
    watch = Watch(SETTLED)
    assert watch.resolve(A) == (watch.world, SETTLED)
    assert watch.looks == [START] and not watch.told


def test_an_open_create_is_waited_for_until_it_is_found():
    watch = Watch(Ownership(LEDGER, unresolved=(sent(A, 10),)), later={12: SETTLED})
    assert watch.resolve(A) == (watch.world, SETTLED), "what is returned is the last look"
    assert 12 <= watch.waited < 12 + POLL
    assert {event.until for event in watch.told} == {START + timedelta(seconds=50)}
    assert {event.why for event in watch.told} == {"1 sent without an answer may still appear"}
    assert len(watch.told) == len(watch.looks) - 1, "each wait is told"


@pytest.mark.parametrize(("ago", "waits"), [(59.5, [0.5]), (59.999, [0.05]), (48, [5, 5, 2]), (60, []), (61, [])])
def test_what_can_not_be_told_is_said_when_settle_has_passed(ago, waits):
    """Looked at every five seconds at least, and in the very moment when nothing can surface any more."""
    watch = Watch(Ownership(LEDGER, unresolved=(sent(B, ago), sent(A, 200))))
    with pytest.raises(GemctlError) as caught:
        watch.resolve(A, B)
    assert caught.value.code == "E522" and "CachedContent/a (sent 2026-11-21T08:56:40Z)" in str(caught.value)
    assert "CachedContent/b" in str(caught.value) and "import" in caught.value.hint
    assert watch.clock.slept == pytest.approx(waits)


def test_while_some_are_found_the_others_are_waited_for():
    both, one = (sent(A, 50), sent(B, 5)), (sent(B, 5),)
    watch = Watch(Ownership(LEDGER, unresolved=both), later={8: Ownership(LEDGER, unresolved=one), 20: SETTLED})
    watch.resolve(A, B)
    assert [event.why[0] for event in watch.told] == ["2", "2", "1", "1"]
    assert {event.until for event in watch.told} == {START + timedelta(seconds=55)}, "the newest is waited for"


def test_the_newest_counts_although_it_was_found():
    """The ownership is decided by it as well: the run that sent both was at work until then."""
    found = Ownership(LEDGER, unresolved=(sent(A, 59),), newest=START - timedelta(seconds=40))
    watch = Watch(found, later={19: SETTLED})
    watch.resolve(A, B)
    assert {event.until for event in watch.told} == {START + timedelta(seconds=20)}


IN_SYNC, EDITED = ("a", bound(A)), ("a", bound(A, spec="another"))
IN_DOUBT = {
    # what is recorded, live and declared, and the state's serial: whether `settle` is waited for
    "declared and never bound": ((), (), (A,), 0, True),
    "bound and gone": ((IN_SYNC,), (), (A,), 0, True),
    "bound and edited": ((EDITED,), (A,), (A,), 0, True),
    "one of two is not bound": ((IN_SYNC,), (A,), (A, B), 0, True),
    "all as declared": ((IN_SYNC,), (A,), (A,), 0, False),
    "nothing is declared": ((IN_SYNC,), (A,), (), 0, False),
    "all as declared, after damage": ((IN_SYNC,), (A,), (A,), 4, True),
    "nothing is declared, after damage": ((), (), (), 4, True),
}


@pytest.mark.parametrize("name", IN_DOUBT)
def test_when_intents_may_be_lost_settle_is_waited_for_once(name):
    records, live, wanted, serial, waits = IN_DOUBT[name]
    watch = Watch(Ownership(ledger(*records, known=False, serial=serial), uncertain=True), map(item, live))
    watch.resolve(*wanted)
    assert watch.waited == (60 if waits else 0)
    assert {event.until for event in watch.told} == ({START + SETTLE} if waits else set())
    assert all("the state was lost" in event.why for event in watch.told)


@pytest.mark.parametrize("name", IN_DOUBT)
def test_without_doubt_nothing_is_waited_for(name):
    records, live, wanted, serial, _ = IN_DOUBT[name]
    watch = Watch(Ownership(ledger(*records, serial=serial)), map(item, live))
    watch.resolve(*wanted)
    assert watch.looks == [START]


JOB = Address("BatchJob", "j")
AGAIN = Run(results="out", on_failed=Ending.RESUBMIT)


def receipt(*without):
    return Receipt("spec", 1, "batches/j", Harvest("sha256:0", START, 1, len(without)), without)


RUNS = {
    # the rules, the phase of what is live, the receipt, whether it is bound: whether it may be run
    "never run": (Run(), None, None, False, True),
    "saved, by its receipt": (Run(), None, receipt(), False, False),
    "saved but for one, by its receipt": (Run(), None, receipt("k"), False, False),
    "saved but for one, which is run again": (AGAIN, None, receipt("k"), False, True),
    "runs": (AGAIN, Phase.WAITING, None, True, False),
    "has ended": (AGAIN, Phase.READY, None, True, False),
    "has ended, and is saved but for one, which is run again": (AGAIN, Phase.READY, receipt("k"), True, True),
    "has failed": (Run(), Phase.FAILED, None, True, False),
    "has failed, and is run again": (AGAIN, Phase.FAILED, None, True, True),
    "has failed for the last time": (replace(AGAIN, max_resubmits=0), Phase.FAILED, None, True, False),
    "is forgotten": (Run(), None, None, True, False),
    "is forgotten, and is run again": (AGAIN, None, None, True, True),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_was_run_is_not_waited_for(name):
    rules, phase, paper, is_bound, waits = RUNS[name]
    tag = declared(JOB).spec_tag
    job = replace(declared(JOB), run=rules, receipt=replace(paper, spec_tag=tag) if paper else None)
    live = replace(item(JOB), name="batches/j", phase=phase) if phase else None
    records = {JOB: Record("batches/j", tag, Origin.ADOPTED, "m")} if is_bound else {}
    ownership = Ownership(Ledger("lineage", 0, False, MappingProxyType(records)), uncertain=True)
    watch = Watch(ownership, [live] if live else [])
    resolve(watch.look, desired=Desired({JOB: job}), settle=SETTLE, clock=watch.clock, tell=watch.told.append)
    assert watch.waited == (60 if waits else 0)


TAG, HOUR = declared(JOB).spec_tag, timedelta(hours=1)
BOUND = Record("batches/j", TAG, Origin.ADOPTED, "m")
LIVE = replace(item(JOB), name="batches/j")
SAVED = replace(receipt(), spec_tag=TAG)
LACKING = replace(receipt("k"), spec_tag=TAG)
RUNS_IN_DETAIL = {
    # what is live, bound and saved of what is to be run again: whether it may be run
    "a receipt of another declaration": (None, None, replace(SAVED, spec_tag="other"), True),
    "a receipt of the last attempt, which lacks one": (
        None, None, replace(LACKING, spec_tag=attempt_tag(TAG, 3), attempt=3), False,
    ),
    "an earlier attempt is saved, and this one has failed": (
        replace(LIVE, phase=Phase.FAILED), replace(BOUND, spec_tag=attempt_tag(TAG, 2), attempt=2), SAVED, True,
    ),
    "it runs, and what was saved before lacks one": (replace(LIVE, phase=Phase.WAITING), BOUND, LACKING, False),
    "it has failed, and is saved": (
        replace(LIVE, phase=Phase.FAILED), replace(BOUND, harvest=Harvest("sha256:0", START, 0, 1)), None, False,
    ),
    "its results are forgotten in this instant": (replace(LIVE, deadline=START), BOUND, None, True),
    "its results can still be had": (replace(LIVE, deadline=START + HOUR), BOUND, None, False),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS_IN_DETAIL)
def test_what_is_to_be_run_again_is_waited_for(name):
    live, bound_as, paper, waits = RUNS_IN_DETAIL[name]
    job = replace(declared(JOB), run=replace(AGAIN, max_resubmits=2), receipt=paper)
    records = MappingProxyType({JOB: bound_as} if bound_as else {})
    ownership = Ownership(Ledger("lineage", 0, False, records), uncertain=True)
    watch = Watch(ownership, [live] if live else [])
    resolve(watch.look, desired=Desired({JOB: job}), settle=SETTLE, clock=watch.clock, tell=watch.told.append)
    assert watch.waited == (60 if waits else 0)


def test_what_is_made_on_demand_is_not_waited_for():
    watch = Watch(Ownership(ledger(known=False), uncertain=True))
    one = replace(declared(A), lifecycle=Lifecycle(on_demand=True))
    resolve(watch.look, desired=Desired({A: one}), settle=SETTLE, clock=watch.clock, tell=watch.told.append)
    assert watch.looks == [START]


def test_doubt_ends_when_all_that_is_declared_is_found():
    found = Ownership(ledger(IN_SYNC, known=False), uncertain=True)
    watch = Watch(replace(found, ledger=ledger(known=False)), [item(A)], later={7: found})
    watch.resolve(A)
    assert 7 <= watch.waited < 7 + POLL


def test_an_open_create_outlasts_the_doubt():
    lost = ledger(known=False)
    asked = Ownership(lost, unresolved=(sent(A, -30),), uncertain=True)
    watch = Watch(asked, later={80: Ownership(lost, uncertain=True)})
    watch.resolve(A)
    assert watch.waited == 80
