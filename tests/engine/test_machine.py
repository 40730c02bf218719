"""The machine's promises, over random plans, random interleavings and random failures."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import START

from gemctl.core.address import Address
from gemctl.core.call import Call
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Refused, Temporary, Unknown
from gemctl.core.event import Status
from gemctl.core.live import Item
from gemctl.core.mark import Mark
from gemctl.core.plan import Step
from gemctl.core.record import Bound, Closed, Gone, Intended, Op, Origin, Record, Retiring
from gemctl.core.resource import Ttl, Until
from gemctl.engine import machine


def step(name, op=Op.CREATE, after=(), **more):
    address = Address("CachedContent", name)
    live = None if op is Op.CREATE else f"cachedContents/{name}"
    record = Record("", "spec", Origin.CREATED, "mark") if op is Op.CREATE else None
    call = (
        None if op is Op.FORGET else Call("POST", "x", body={}, deadline=("expireTime",) if op is Op.UPDATE else None)
    )
    return Step(name, address, op, "CachedContent", call, live, after, record=more.pop("record", record), **more)


def item(name, marked="mark", deadline=None):
    mark = Mark("p", marked, "spec")
    return Item("CachedContent", name, "shown", "shown", mark, {}, {}, deadline=deadline or START + timedelta(hours=1))


class Driver:
    """Carries out commands one at a time, in an order and with outcomes that a seed chooses."""

    def __init__(self, steps, width=3, seed=0, fail=0.0, published=()):
        self.random = Random(seed)
        self.fail = fail
        ids = iter(range(10**6))
        self.run = machine.Run(
            steps,
            width,
            diagnose=lambda step, error: Diagnostic(error.code, "x", str(error)),
            new_id=lambda: f"i{next(ids)}",
            published=frozenset(Address("CachedContent", name) for name in published),
        )
        self.todo = []
        self.log = []
        self.durable = []
        self.sent = Counter()

    def go(self, stop_after=None):
        self._take(machine.Begin())
        turns = 0
        while not self.run.finished:
            turns += 1
            if stop_after is not None and turns == stop_after:
                self._take(machine.Stop(2))
                continue
            assert self.todo, "nothing is left to be done, and the run is not finished"
            command = self.todo.pop(self.random.randrange(len(self.todo)))
            self._take(self._carry_out(command))
            assert self.run.in_flight <= self.run.width
        return self.run.outcome()

    def _take(self, event):
        for command in self.run.advance(event, START):
            self.log.append(command)
            if not isinstance(command, machine.Tell):
                self.todo.append(command)

    def _carry_out(self, command):
        bad = self.random.random() < self.fail
        match command:
            case machine.Write(step_id, entries):
                if bad and self.random.random() < 0.2:
                    return machine.WriteFailed(step_id, "disk full")
                self.durable += entries
                return machine.Written(step_id)
            case machine.Send(step_id):
                self.sent[step_id] += 1
                intents = {e.intent.address.name for e in self.durable if isinstance(e, Intended)}
                assert self.run.steps[step_id].address.name in intents, "sent without a durable intent"
                if bad:
                    error = self.random.choice(
                        [Refused("no", status=400), Temporary("later"), Unknown("?"), Refused("gone", status=403)]
                    )
                    return machine.CallFailed(step_id, error)
                op = self.run.steps[step_id].op
                return machine.Answered(step_id, None if op is Op.DELETE else item(f"cachedContents/{step_id}"))
            case machine.Confirm(step_id):
                return machine.Confirmed(step_id, present=self.random.random() < 0.5)
            case machine.Announce(step_id):
                return machine.Announced(step_id, "no room" if bad else None)


@st.composite
def plans(draw):
    count = draw(st.integers(0, 8))
    steps = []
    for number in range(count):
        after = tuple(f"s{i}" for i in range(number) if draw(st.integers(0, 4)) == 0)
        steps.append(step(f"s{number}", draw(st.sampled_from(Op)), after))
    return steps


@given(
    plans(),
    st.integers(1, 4),
    st.integers(),
    st.sampled_from([0.0, 0.1, 0.5]),
    st.one_of(st.none(), st.integers(1, 20)),
)
def test_every_step_ends_once_and_nothing_is_sent_twice(steps, width, seed, fail, stop_after):
    driver = Driver(steps, width, seed, fail, published=("s1", "s3"))
    outcome = driver.go(stop_after)
    assert set(outcome.steps) == {one.id for one in steps}
    ends = Counter(
        c.event.id for c in driver.log if isinstance(c, machine.Tell) and c.event.status is not Status.STARTED
    )
    assert all(count == 1 for count in ends.values()) and set(ends) == set(outcome.steps)
    assert all(count == 1 for count in driver.sent.values())
    for one in steps:
        for needed in one.after:
            if outcome.steps[needed].status is not Status.DONE:
                assert outcome.steps[one.id].status is Status.BLOCKED
    if not fail and stop_after is None:
        assert outcome.complete


@given(plans(), st.integers(), st.sampled_from([0.1, 0.5]))
def test_intents_stay_open_only_where_nobody_knows(steps, seed, fail):
    driver = Driver(steps, 3, seed, fail)
    outcome = driver.go()
    opened = {e.intent.id: e.intent for e in driver.durable if isinstance(e, Intended)}
    closed = {e.intent for e in driver.durable if not isinstance(e, Intended) and getattr(e, "intent", None)}
    for intent_id in set(opened) - closed:
        one = outcome.steps[opened[intent_id].address.name]
        assert (
            one.status is Status.UNKNOWN
            or (one.status is Status.FAILED and one.op is not Op.CREATE)
            or (one.status is Status.FAILED and one.diagnostic.code == "E521")
        )


@given(plans(), st.integers(), st.integers(1, 3))
def test_a_seed_replays_to_the_letter(steps, seed, width):
    first, second = (Driver(steps, width, seed, 0.3) for _ in range(2))
    first.go()
    second.go()
    assert repr(first.log) == repr(second.log)


@pytest.mark.parametrize(
    ("error", "status", "closes"),
    [
        (Refused("no", status=400), Status.FAILED, True),
        (Temporary("not sent"), Status.FAILED, True),
        (Unknown("?", code="E303"), Status.UNKNOWN, False),
    ],
)
def test_what_becomes_of_a_create_that_fails(error, status, closes):
    run = Driver([step("a")]).run
    (told, write) = run.advance(machine.Begin(), START)
    assert told.event.status is Status.STARTED and isinstance(write.entries[0], Intended)
    (send,) = run.advance(machine.Written("a"), START)
    commands = run.advance(machine.CallFailed("a", error), START)
    if closes:
        assert isinstance(commands[0].entries[0], Closed)
        commands = run.advance(machine.Written("a"), START)
    assert commands[-1].event.status is status and run.finished
    assert send.step == "a"


def test_a_create_is_published_before_what_waits_for_it_starts():
    run = Driver([step("a"), step("old", Op.DELETE, after=("a",))], published=("a",)).run
    run.advance(machine.Begin(), START)
    run.advance(machine.Written("a"), START)
    (write,) = run.advance(machine.Answered("a", item("cachedContents/new")), START)
    assert isinstance(write.entries[0], Bound)
    (announce,) = run.advance(machine.Written("a"), START)
    assert isinstance(announce, machine.Announce)
    commands = run.advance(machine.Announced("a", "read-only file system"), START)
    assert [c.event.status for c in commands] == [Status.FAILED, Status.BLOCKED], "readers still use the old one"


def test_a_delete_of_what_seems_gone_is_confirmed_by_a_list():
    for present, status in ((False, Status.DONE), (True, Status.FAILED)):
        run = Driver([step("a", Op.DELETE)]).run
        run.advance(machine.Begin(), START)
        run.advance(machine.Written("a"), START)
        (confirm,) = run.advance(machine.CallFailed("a", Refused("no permission", status=403)), START)
        assert isinstance(confirm, machine.Confirm)
        commands = run.advance(machine.Confirmed("a", present), START)
        if not present:
            assert isinstance(commands[0].entries[0], Gone)
            commands = run.advance(machine.Written("a"), START)
        assert commands[-1].event.status is status


@pytest.mark.parametrize(
    ("expiry", "ceiling", "asked"),
    [
        (Ttl(timedelta(hours=2)), None, START + timedelta(hours=2)),
        (Until(START + timedelta(days=3)), None, START + timedelta(days=3)),
        (Ttl(timedelta(minutes=10)), START + timedelta(minutes=3), START + timedelta(minutes=3)),
        (Ttl(timedelta(minutes=10)), START + timedelta(hours=3), START + timedelta(minutes=10)),
    ],
)
def test_a_deadline_is_computed_when_the_step_starts_and_written_down(expiry, ceiling, asked):
    run = Driver([step("a", Op.UPDATE, expiry=expiry, ceiling=ceiling)]).run
    _, write = run.advance(machine.Begin(), START)
    assert write.entries[0].intent.deadline == asked
    (send,) = run.advance(machine.Written("a"), START + timedelta(minutes=5))
    assert send.call.body == {"expireTime": asked.isoformat().replace("+00:00", "Z")}, "later does not mean another"


def test_a_retired_generation_is_remembered_with_its_new_deadline():
    run = Driver([step("a", Op.UPDATE, expiry=Ttl(timedelta(minutes=10)))]).run
    run.advance(machine.Begin(), START)
    run.advance(machine.Written("a"), START)
    soon = START + timedelta(minutes=10)
    (write,) = run.advance(machine.Answered("a", item("cachedContents/a", deadline=soon)), START)
    assert isinstance(write.entries[0], Retiring) and write.entries[0].generation.deadline == soon


def test_a_display_name_that_came_back_different_is_noticed():
    run = Driver([step("a")]).run
    run.advance(machine.Begin(), START)
    run.advance(machine.Written("a"), START)
    (write,) = run.advance(machine.Answered("a", item("cachedContents/a", marked="other")), START)
    assert write.entries[0].record.echoed is False
    commands = run.advance(machine.Written("a"), START)
    assert commands[-1].event.diagnostic.code == "W521" and commands[-1].event.status is Status.DONE


def test_when_the_journal_fails_nothing_new_starts():
    run = Driver([step("a"), step("b")], width=1).run
    run.advance(machine.Begin(), START)
    commands = run.advance(machine.WriteFailed("a", "No space left on device"), START)
    assert [c.event.status for c in commands] == [Status.FAILED, Status.BLOCKED] and run.finished
    assert not any(isinstance(c, machine.Send) for c in commands)
