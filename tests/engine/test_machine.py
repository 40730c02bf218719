"""The machine's promises, over random plans, random interleavings and random failures."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import START

from gemctl.core.address import Address
from gemctl.core.call import Call, Reference
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Refused, Temporary, Unknown
from gemctl.core.event import Outcome, Status, StepEvent
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark
from gemctl.core.plan import Step
from gemctl.core.record import (
    Bound,
    Closed,
    Doubted,
    Generation,
    Gone,
    Harvested,
    Intended,
    Intent,
    Minted,
    MintedToken,
    Op,
    Origin,
    Record,
    Retiring,
)
from gemctl.core.resource import Harvest, Ttl, Until
from gemctl.core.secret import Secret
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
    end = deadline or START + timedelta(hours=1)
    return LiveObject("CachedContent", name, "shown", "shown", mark, {}, {}, deadline=end)


class Driver:
    """Carries out commands one at a time, in an order and with outcomes that a seed chooses."""

    def __init__(self, steps, width=3, seed=0, fail=0.0, published=(), runs=()):
        self.random = Random(seed)
        self.fail = fail
        ids = iter(range(10**6))
        self.run = machine.Execution(
            steps,
            width,
            owner="p",
            diagnose=lambda step, error: Diagnostic(error.code, "x", str(error)),
            new_id=lambda: f"i{next(ids)}",
            published=frozenset(Address("CachedContent", name) for name in published),
            runs=runs,
        )
        self.full = set()  # steps that the service has no room for
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
                self.stopped_at = len(self.log)
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
                if step_id in self.full:
                    return machine.CallFailed(step_id, FULL)
                op = self.run.steps[step_id].op
                return machine.Answered(step_id, None if op is Op.DELETE else item(f"cachedContents/{step_id}"))
            case machine.Confirm(step_id):
                return machine.Confirmed(step_id, present=self.random.random() < 0.5)
            case machine.Announce(step_id):
                return machine.Announced(step_id, "no room" if bad else None)


OPS = [op for op in Op if op is not Op.SYNC]  # of which tests are in test_machine_members.py


@st.composite
def plans(draw):
    count = draw(st.integers(0, 8))
    steps = []
    for number in range(count):
        after = tuple(f"s{i}" for i in range(number) if draw(st.integers(0, 4)) == 0)
        steps.append(step(f"s{number}", draw(st.sampled_from(OPS)), after))
    since = max((number + 1 for number, one in enumerate(steps) if one.op is Op.CREATE), default=0)
    return [replace(one, last=number >= since and draw(st.booleans())) for number, one in enumerate(steps)]


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
    told = [c.event for c in driver.log if isinstance(c, machine.Tell)]
    for one in steps:
        for needed in one.after:
            if outcome.steps[needed].status is not Status.DONE:
                assert outcome.steps[one.id].status is Status.BLOCKED
        began = next(
            (at for at, event in enumerate(told) if (event.id, event.status) == (one.id, Status.STARTED)), None
        )
        ended = {event.id for event in told[:began] if event.status is not Status.STARTED}
        creates = {other.id for other in steps if one.last and other.op is Op.CREATE}
        assert began is None or {*one.after} | creates <= ended
        if stop_after is None and not fail:
            assert began is not None
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


def test_when_the_journal_fails_nothing_new_starts():
    run = Driver([step("a"), step("b")], width=1).run
    run.advance(machine.Begin(), START)
    commands = run.advance(machine.WriteFailed("a", "No space left on device"), START)
    assert [c.event.status for c in commands] == [Status.FAILED, Status.BLOCKED] and run.finished
    assert not any(isinstance(c, machine.Send) for c in commands)


# Command by command: one step, the events that come, and every command that must follow each.

BOOK = Address("CachedContent", "handbook")
OLD, NEW = "cachedContents/old", "cachedContents/new"
LATER, LATEST = START + timedelta(hours=1), START + timedelta(hours=2)
RECORD = Record(OLD, "spec", Origin.ADOPTED, "mark", created=START - timedelta(days=1), tokens=7, echoed=False)
PATCH = Call("PATCH", OLD, body={"kept": 1}, deadline=("expireTime",))
POST = Call("POST", "cachedContents", body={"ttl": "60s"}, repeatable=False)
NAMELESS = Record("", "spec", Origin.CREATED, "mark")
MAKE = Step("make it", BOOK, Op.CREATE, "CachedContent", POST, expiry=Ttl(timedelta(minutes=1)), record=NAMELESS)
RENEW = Step("renew it", BOOK, Op.UPDATE, "CachedContent", PATCH, OLD, expiry=Until(LATEST), record=RECORD)
RETIRE = replace(RENEW, id="retire it", record=None, call=replace(PATCH, body=None))
DELETE = Step("delete it", BOOK, Op.DELETE, "CachedContent", Call("DELETE", OLD), OLD)
FORGET = Step("forget it", BOOK, Op.FORGET, "CachedContent", None, OLD)
SHOWN = LiveObject(
    "CachedContent",
    NEW,
    "x",
    "x",
    Mark("p", "mark", "spec"),
    {},
    {"name": NEW},
    created=START,
    deadline=LATER,
    tokens=9,
)


def otherwise(step, item):
    """The fields that are shown otherwise than they are to be recorded."""
    sent = step.record.fields or {}
    return {name: value for name, value in item.fields.items() if name in sent and sent[name] != value}


def follow(one, *events, published=(), bound=None, known=(), secrets=(), unready=None, runs=()):
    """The commands that follow each of these events of this one step; or of an event and so many seconds later."""
    run = machine.Execution(
        [one],
        1,
        owner="p",
        diagnose=lambda step, error: Diagnostic(error.code, step.id, f"{error} ({error.status})"),
        new_id=lambda: "i1",
        published=frozenset(published),
        bound=bound,
        known=known,
        otherwise=otherwise,
        secrets=secrets,
        unready=unready,
        runs=runs,
    )
    timed = (event if isinstance(event, tuple) else (event, 0) for event in (machine.Begin(), *events))
    found = [run.advance(event, START + timedelta(seconds=seconds)) for event, seconds in timed]
    assert run.finished == (run.in_flight == 0)
    return found


def started(one):
    return machine.Tell(StepEvent(one.id, BOOK, one.op, Status.STARTED, one.name))


def ended(one, status, name, found=None):
    return [machine.Tell(StepEvent(one.id, BOOK, one.op, status, name, found))]


def write(one, *entries):
    return machine.Write(one.id, entries)


def intended(one, **more):
    return write(one, Intended(Intent("i1", one.op, BOOK, START, name=one.name, **more)))


def test_the_course_of_a_create():
    written, answered = machine.Written(MAKE.id), machine.Answered(MAKE.id, SHOWN)
    made = Record(
        NEW, "spec", Origin.CREATED, "mark", created=START, deadline=LATER, tokens=9, outputs={"name": NEW}, shown={}
    )
    assert follow(MAKE, written, answered, written) == [
        [started(MAKE), intended(MAKE, address_tag="mark", spec_tag="spec")],
        [machine.Send(MAKE.id, "CachedContent", MAKE.call, START, Op.CREATE)],
        [write(MAKE, Bound(BOOK, made, "i1"))],
        ended(MAKE, Status.DONE, NEW),
    ]
    *_, announce, end = follow(MAKE, written, answered, written, machine.Announced(MAKE.id), published=[BOOK])
    assert (announce, end) == ([machine.Announce(MAKE.id, BOOK, made)], ended(MAKE, Status.DONE, NEW))
    *_, end = follow(MAKE, written, answered, written, machine.Announced(MAKE.id, "no room"), published=[BOOK])
    found = end[0].event.diagnostic
    assert (found.code, found.address) == ("E520", BOOK) and NEW in found.detail and "no room" in found.detail
    assert end == ended(MAKE, Status.FAILED, NEW, found)


def test_a_create_that_was_held_up_is_intended_anew_before_it_is_sent():
    written = machine.Written(MAKE.id)
    fresh = Intent("i1", MAKE.op, BOOK, START, address_tag="mark", spec_tag="spec")
    assert follow(MAKE, written, machine.HeldUp(MAKE.id), written)[2:] == [
        [write(MAKE, Closed("i1", "not sent in time"), Intended(fresh))],
        [machine.Send(MAKE.id, "CachedContent", MAKE.call, START, Op.CREATE)],
    ]


def test_a_create_that_shows_no_mark_is_bound_by_name():
    written = machine.Written(MAKE.id)
    shown = replace(SHOWN, mark=None, tokens=None)
    *_, bound, end = follow(MAKE, written, machine.Answered(MAKE.id, shown), written, known=[OLD])
    found = end[0].event.diagnostic
    assert (found.code, found.address) == ("W521", BOOK) and end == ended(MAKE, Status.DONE, NEW, found)
    shown = {"created": START, "deadline": LATER, "outputs": {"name": NEW}, "shown": {}}
    made = Record(NEW, "spec", Origin.CREATED, "mark", echoed=False, **shown)
    assert bound == [write(MAKE, Bound(BOOK, made, "i1"))]


def test_a_create_time_in_whole_seconds_is_young_enough():
    one, late = step("a"), START + timedelta(seconds=2, microseconds=5)
    run = machine.Execution(
        [one], 1, owner="p", diagnose=lambda _, error: Diagnostic(error.code, "x", ""), new_id=lambda: "1"
    )
    run.advance(machine.Begin(), late)
    run.advance(machine.Written("a"), late)
    shown = replace(SHOWN, mark=None, created=late.replace(microsecond=0))
    (write_down,) = run.advance(machine.Answered("a", shown), late)
    assert isinstance(write_down.entries[0], Bound)


def test_a_create_that_shows_what_it_can_not_have_made_is_unknown():
    """The intent stays open, nothing is bound, and nobody is told a name."""
    tick = timedelta(microseconds=1)
    shown = {
        "the same of another stack": {"mark": Mark("q", "mark", "spec")},
        "the mark of another address": {"mark": Mark("p", "other", "spec")},
        "the mark of another declaration": {"mark": Mark("p", "mark", "other")},
        "no mark, and it was there before": {"mark": None, "name": OLD},
        "no mark, and it is bound to another address": {"mark": None, "name": "cachedContents/theirs"},
        "no mark, and it is older than the intent": {"mark": None, "created": START - tick},
        "no mark, and nobody knows how old it is": {"mark": None, "created": None},
    }
    other = {Address("CachedContent", "other"): "cachedContents/theirs"}
    for why, more in shown.items():
        answered = machine.Answered(MAKE.id, replace(SHOWN, **more))
        found = follow(MAKE, machine.Written(MAKE.id), answered, published=[BOOK], bound=other, known=[OLD])
        (end,) = found[-1]
        assert end == ended(MAKE, Status.UNKNOWN, None, end.event.diagnostic)[0], why
        assert end.event.diagnostic.code == "E567" and answered.item.name in end.event.diagnostic.detail, why


def test_what_one_create_has_made_is_not_what_another_has():
    """Where display names are not kept, and one answer comes to both."""
    run = machine.Execution(
        [step("a"), step("b")],
        2,
        owner="p",
        diagnose=lambda _, error: Diagnostic(error.code, "x", ""),
        new_id=iter("12").__next__,
    )
    shown = replace(SHOWN, mark=None)
    run.advance(machine.Begin(), START)
    for name in "ab":
        run.advance(machine.Written(name), START)
    (first,) = run.advance(machine.Answered("a", shown), START)
    (second,) = run.advance(machine.Answered("b", shown), START)
    assert isinstance(first.entries[0], Bound) and second.event.status is Status.UNKNOWN


@pytest.mark.parametrize("echoed", [True, False])
def test_the_course_of_a_renewal(echoed):
    """What only a create can tell is kept as it was: what it is made of, and what this reply does not show."""
    renew = replace(RENEW, record=replace(RECORD, echoed=echoed, uses=("files/1",)))
    shown = replace(SHOWN, name=OLD, mark=None, created=None, tokens=None, deadline=LATEST)
    written = machine.Written(renew.id)
    body = {"kept": 1, "expireTime": "2026-11-21T11:00:00Z"}
    found = follow(renew, written, machine.Answered(renew.id, shown), written, published=[BOOK])
    assert found[:3] == [
        [started(renew), intended(renew, address_tag="mark", spec_tag="spec", deadline=LATEST)],
        [machine.Send(renew.id, "CachedContent", replace(PATCH, body=body), START, Op.UPDATE)],
        [write(renew, Bound(BOOK, replace(renew.record, deadline=LATEST, outputs={"name": NEW}), "i1"))],
    ]
    assert found[3][0].event.status is Status.DONE and found[3][0].event.name == OLD
    shown = replace(shown, created=START, tokens=0)
    (bound,) = follow(renew, written, machine.Answered(renew.id, shown))[2]
    assert (bound.entries[0].record.created, bound.entries[0].record.tokens) == (START, 0)


@pytest.mark.parametrize(("mark", "marked"), [(SHOWN.mark, "mark"), (None, "")])
def test_the_course_of_retiring_an_older_generation(mark, marked):
    written, shown = machine.Written(RETIRE.id), replace(SHOWN, name=OLD, mark=mark)
    call = replace(PATCH, body={"expireTime": "2026-11-21T11:00:00Z"})
    assert follow(RETIRE, written, machine.Answered(RETIRE.id, shown), written) == [
        [started(RETIRE), intended(RETIRE, deadline=LATEST)],
        [machine.Send(RETIRE.id, "CachedContent", call, START, Op.UPDATE)],
        [write(RETIRE, Retiring(OLD, Generation(BOOK, marked, LATER, 9), "i1"))],
        ended(RETIRE, Status.DONE, OLD),
    ]


def test_what_was_known_of_an_older_generation_stays_known():
    """That it was imported, for one: its mark does not say that it is ours."""
    old = Generation(BOOK, "mark", START, 1, origin=Origin.IMPORTED, created=START, echoed=False)
    retire, shown = replace(RETIRE, older=old), replace(SHOWN, name=OLD, mark=Mark("q", "theirs", "spec"))
    *_, entries = follow(retire, machine.Written(retire.id), machine.Answered(retire.id, shown))
    assert entries == [write(retire, Retiring(OLD, replace(old, deadline=LATER, tokens=9), "i1"))]


def test_the_course_of_a_delete():
    written, gone = machine.Written(DELETE.id), write(DELETE, Gone(BOOK, OLD, "i1"))
    assert follow(DELETE, written, machine.Answered(DELETE.id, None), written) == [
        [started(DELETE), intended(DELETE)],
        [machine.Send(DELETE.id, "CachedContent", DELETE.call, START, Op.DELETE)],
        [gone],
        ended(DELETE, Status.DONE, OLD),
    ]
    for status in (403, 404):
        missing = machine.CallFailed(DELETE.id, Refused("no", status=status))
        assert follow(DELETE, written, missing, machine.Confirmed(DELETE.id, False), written)[2:] == [
            [machine.Confirm(DELETE.id, "CachedContent", OLD)],
            [gone],
            ended(DELETE, Status.DONE, OLD),
        ]
        *_, end = follow(DELETE, written, missing, machine.Confirmed(DELETE.id, True))
        found = end[0].event.diagnostic
        assert end == ended(DELETE, Status.FAILED, OLD, found)
        assert found.summary == DELETE.id and OLD in found.detail and "(403)" in found.detail


def test_what_was_run_and_is_cleaned_up_stays_on_record():
    one, written = replace(DELETE, record=RECORD), machine.Written(DELETE.id)
    missing = machine.CallFailed(one.id, Refused("no", status=404))
    for events in ((machine.Answered(one.id, None),), (missing, machine.Confirmed(one.id, False))):
        *_, kept, end = follow(one, written, *events, written)
        assert kept == [write(one, Bound(BOOK, RECORD, "i1"))]
        assert end == ended(one, Status.DONE, OLD)


def test_to_forget_takes_no_call():
    assert follow(FORGET, machine.Written(FORGET.id)) == [
        [started(FORGET), write(FORGET, Gone(BOOK, OLD, at=START))],
        ended(FORGET, Status.DONE, OLD),
    ]


def test_what_is_only_recorded_takes_no_call():
    one = Step("note it", BOOK, Op.CREATE, "TokenPolicy", None, str(BOOK), record=RECORD)
    assert follow(one, machine.Written(one.id)) == [
        [started(one), write(one, Bound(BOOK, RECORD))],
        ended(one, Status.DONE, str(BOOK)),
    ]


DOC, TEXT = Address("File", "doc"), Address("File", "a-text")
REFERENCES = (Reference(("uri",), DOC, "uri"), Reference(("text",), TEXT, "uri"), Reference(("again",), DOC, "uri"))
USE = replace(MAKE, id="use it", call=replace(POST, references=REFERENCES))
BOUND = {DOC: "files/1", TEXT: "files/2", Address("File", "other"): "files/3"}


def test_the_course_of_a_create_that_refers_to_others():
    whole = replace(POST, body={"uri": "https://1"})
    resolved, written = machine.Resolved(USE.id, whole), machine.Written(USE.id)
    events = (resolved, written, machine.Answered(USE.id, SHOWN), written)
    begun, intent, sent, bound, end = follow(USE, *events, bound=BOUND)
    assert begun == [started(USE), machine.Resolve(USE.id, USE.call, {DOC: "files/1", TEXT: "files/2"})]
    assert intent == [intended(USE, address_tag="mark", spec_tag="spec")], (
        "written down when all is there, and not before"
    )
    assert sent == [machine.Send(USE.id, "CachedContent", whole, START, Op.CREATE)]
    assert bound[0].entries[0].record.uses == ("files/2", "files/1"), "by address"
    assert end == ended(USE, Status.DONE, NEW)
    unrecorded = replace(USE, record=None)
    assert follow(unrecorded, resolved, bound=BOUND)[1] == [intended(unrecorded)]


def test_what_refers_to_what_is_not_live_is_not_sent():
    told, end = follow(USE, bound={TEXT: "files/2"})[0]
    found = end.event.diagnostic
    assert told == started(USE) and [end] == ended(USE, Status.FAILED, None, found)
    assert (found.code, found.address) == ("E534", BOOK) and str(DOC) in found.detail and str(TEXT) not in found.detail


def test_what_is_referred_to_comes_by_address():
    """What is waited for, what is recorded and what is missing: in the same order every time."""
    names = [Address("File", f"{letter}-text") for letter in "qzaxmbk"]
    one = replace(USE, call=replace(POST, references=tuple(Reference(("a",), name, "uri") for name in names)))
    (_, resolve), _, _, (bound,) = follow(
        one,
        machine.Resolved(one.id, POST),
        machine.Written(one.id),
        machine.Answered(one.id, SHOWN),
        bound={name: f"files/{name.name}" for name in names},
    )
    assert list(resolve.targets) == sorted(names)
    assert bound.entries[0].record.uses == tuple(f"files/{name.name}" for name in sorted(names))
    found = follow(one)[0][1].event.diagnostic
    assert ", ".join(str(name) for name in sorted(names)) in found.detail


def test_to_refer_to_a_name_that_is_taken_is_not_to_take_it():
    """What the service says of another object says nothing of the name that was chosen: it has not been sent."""
    one = replace(USE, call=replace(NUMBERED, references=REFERENCES))
    error = Refused("taken", status=409)
    *_, end = follow(one, machine.CallFailed(one.id, error), bound=BOUND)
    assert end == ended(one, Status.FAILED, None, Diagnostic(error.code, one.id, "taken (409)"))


def test_what_can_not_be_resolved_is_not_sent():
    error = Refused("it failed", code="E533")
    *_, end = follow(USE, machine.CallFailed(USE.id, error), bound=BOUND)
    assert end == ended(USE, Status.FAILED, None, Diagnostic("E533", USE.id, "it failed (0)"))


def test_what_was_made_before_in_the_same_run_is_referred_to_by_its_new_name():
    made = replace(step("doc"), address=DOC, kind="File")
    call = replace(POST, references=REFERENCES[:1])
    run = Driver([made, replace(USE, after=("doc",), call=call)]).run
    for event in (machine.Begin(), machine.Written("doc"), machine.Answered("doc", item("files/new"))):
        run.advance(event, START)
    *_, resolve = run.advance(machine.Written("doc"), START)
    assert resolve == machine.Resolve(USE.id, call, {DOC: "files/new"})


SAVE = Step("save it", BOOK, Op.HARVEST, "BatchJob", Call("GET", OLD), OLD, record=RECORD)
CANCEL = Step("cancel it", BOOK, Op.CANCEL, "BatchJob", Call("POST", f"{OLD}:cancel"), OLD)


def test_the_course_of_saving_results():
    saved = Harvest("sha256:1", START, 2, 1)
    assert follow(SAVE, machine.Collected(SAVE.id, saved), machine.Written(SAVE.id)) == [
        [started(SAVE), machine.Collect(SAVE.id, "BatchJob", OLD, BOOK, RECORD)],
        [write(SAVE, Harvested(BOOK, OLD, saved))],
        ended(SAVE, Status.DONE, OLD),
    ]
    error = Temporary("later", status=503)
    found = Diagnostic(error.code, SAVE.id, "later (503)")
    assert follow(SAVE, machine.CallFailed(SAVE.id, error))[1] == ended(SAVE, Status.FAILED, OLD, found)


def test_the_course_of_asking_for_an_end():
    written = machine.Written(CANCEL.id)
    assert follow(CANCEL, written, machine.Answered(CANCEL.id, None), written) == [
        [started(CANCEL), intended(CANCEL)],
        [machine.Send(CANCEL.id, "BatchJob", CANCEL.call, START, Op.CANCEL)],
        [write(CANCEL, Closed("i1", "asked for"))],
        ended(CANCEL, Status.DONE, OLD),
    ]


NUMBERED = Call("POST", "files", body={"file": {"name": "files/x-1"}}, numbered=("file", "name"), repeatable=False)
NAME = replace(MAKE, id="name it", call=NUMBERED)
TAKEN = machine.CallFailed(NAME.id, Refused("taken", status=409))


def test_a_name_that_we_took_ourselves_is_the_answer():
    """The first answer was lost on the way, and the call was delivered: what is there is ours, and as declared."""
    written, ours = machine.Written(NAME.id), replace(SHOWN, name="files/x-1")
    *_, look, bound, end = follow(NAME, written, TAKEN, machine.ReadBack(NAME.id, ours), written)
    assert look == [machine.Look(NAME.id, "CachedContent", "files/x-1")]
    assert bound == follow(NAME, written, machine.Answered(NAME.id, ours))[2]
    assert end == ended(NAME, Status.DONE, "files/x-1")


@pytest.mark.parametrize(
    "mark",
    ["gone", None, Mark("p", "mark", "other"), Mark("p", "other", "spec")],
    ids=["gone", "no", "spec", "address"],
)
def test_the_next_name_is_tried_where_another_took_it(mark):
    """In one breath: the first intent is closed when the next one is open."""
    written, seen = machine.Written(NAME.id), None if mark == "gone" else replace(SHOWN, mark=mark)
    *_, again, send = follow(NAME, written, TAKEN, machine.ReadBack(NAME.id, seen), written)
    (intent,) = intended(NAME, address_tag="mark", spec_tag="spec").entries
    assert again == [write(NAME, Closed("i1", "its name is taken"), intent)]
    assert send == [
        machine.Send(
            NAME.id, "CachedContent", replace(NUMBERED, body={"file": {"name": "files/x-2"}}), START, Op.CREATE
        )
    ]


def test_the_next_name_is_tried_where_what_is_there_is_not_what_was_sent():
    """It carries our mark, and arrived as something else."""
    step = replace(NAME, record=replace(NAME.record, fields={"source": "sha256:a"}))
    for shown, ours in (("sha256:b", False), ("sha256:a", True)):
        seen = replace(SHOWN, name="files/x-1", fields={"source": shown})
        *_, last = follow(step, machine.Written(step.id), TAKEN, machine.ReadBack(step.id, seen))
        assert isinstance(last[0].entries[0], Bound if ours else Closed), shown


def test_what_nothing_is_to_be_recorded_of_is_never_found_to_be_ours():
    one, written = replace(NAME, record=None), machine.Written(NAME.id)
    *_, again = follow(one, written, TAKEN, machine.ReadBack(NAME.id, SHOWN))
    assert again == [write(one, Closed("i1", "its name is taken"), *intended(one).entries)]


def test_five_names_are_tried():
    written, looked = machine.Written(NAME.id), machine.ReadBack(NAME.id, None)
    events = [event for _ in range(machine.MOST_NAMES - 1) for event in (written, TAKEN, looked)]
    *before, last, closed, end = follow(NAME, *events, written, TAKEN, written)
    looks = [command.name for commands in before for command in commands if isinstance(command, machine.Look)]
    assert looks == ["files/x-1", "files/x-2", "files/x-3", "files/x-4"], "each is looked at before the next"
    assert last[0].call.body == {"file": {"name": "files/x-5"}}
    assert closed == [write(NAME, Closed("i1", "refused: 409"))]
    assert end == ended(NAME, Status.FAILED, None, Diagnostic("E301", NAME.id, "taken (409)"))


def test_a_look_that_ends_as_its_create_did_is_not_repeated_for_ever():
    events = [TAKEN] * machine.MOST_NAMES
    *looks, closed = follow(NAME, machine.Written(NAME.id), *events)[2:]
    assert looks == [[machine.Look(NAME.id, "CachedContent", "files/x-1")]] * (machine.MOST_NAMES - 1)
    assert closed == [write(NAME, Closed("i1", "refused: 409"))]


@pytest.mark.parametrize("error", [Refused("no", status=400), Refused("no", status=408)])
def test_another_refusal_is_not_a_name_that_is_taken(error):
    written = machine.Written(NAME.id)
    assert follow(NAME, written, machine.CallFailed(NAME.id, error))[2][0].entries == (
        Closed("i1", f"refused: {error.status}"),
    )
    renew = replace(NAME, op=Op.UPDATE)
    assert follow(renew, written, TAKEN)[2] == [write(renew, Closed("i1", "refused: 409"))], "nothing is made anew"


@pytest.mark.parametrize(
    ("one", "error", "closed"),
    [
        (MAKE, Refused("no", status=400), "refused: 400"),
        (MAKE, Refused("no", status=404), "refused: 404"),
        (MAKE, Refused("no", status=409), "refused: 409"),
        (MAKE, Temporary("later", status=503), "not sent: later"),
        (MAKE, Unknown("?"), None),
        (RENEW, Refused("no", status=404), "refused: 404"),
        (RENEW, Temporary("later", status=503), None),
        (RENEW, Unknown("?"), None),
        (RETIRE, Refused("no", status=400), "refused: 400"),
        (DELETE, Refused("no", status=400), "refused: 400"),
        (DELETE, Temporary("later", status=429), None),
        (DELETE, Unknown("?"), None),
        (CANCEL, Refused("no", status=404), "refused: 404"),
        (CANCEL, Temporary("later", status=503), None),
    ],
)
def test_which_failures_close_an_intent(one, error, closed):
    """What is refused did not happen, nor did a create that was not sent; of the rest the next list tells."""
    status = Status.UNKNOWN if one is MAKE and not closed else Status.FAILED
    end = ended(one, status, one.name, Diagnostic(error.code, one.id, f"{error} ({error.status})"))
    written, failed = machine.Written(one.id), machine.CallFailed(one.id, error)
    if closed:
        assert follow(one, written, failed, written)[2:] == [[write(one, Closed("i1", closed))], end]
    else:
        assert follow(one, written, failed)[2:] == [end]


FULL = Unknown("?", status=429, no_room="Resource has been exhausted.")


def test_a_run_that_the_service_has_no_room_for_waits():
    written, failed = machine.Written(MAKE.id), machine.CallFailed(MAKE.id, FULL)
    *_, closed, (end,) = follow(MAKE, written, failed, written, runs={"CachedContent"})
    assert closed == [write(MAKE, Closed("i1", "no room: 429"))]
    found = end.event.diagnostic
    assert (end.event.status, found.code, found.address) == (Status.QUEUED, "W523", BOOK)
    assert found.detail == "The service says: Resource has been exhausted."


@pytest.mark.parametrize(
    ("one", "runs", "status"),
    [
        (MAKE, (), Status.UNKNOWN),
        (MAKE, ("BatchJob",), Status.UNKNOWN),
        (RENEW, ("CachedContent",), Status.FAILED),
        (DELETE, ("CachedContent",), Status.FAILED),
    ],
)
def test_nothing_else_waits_for_room(one, runs, status):
    (*_, (end,)) = follow(one, machine.Written(one.id), machine.CallFailed(one.id, FULL), runs=runs)
    assert end.event.status is status


def test_what_follows_a_run_that_waits_is_not_tried_and_has_not_failed():
    run = Driver([step("a"), step("b", after=("a",)), step("c", after=("b",)), step("d")], runs={"CachedContent"})
    run.full = {"a"}
    outcome = run.go()
    ends = {name: event.status for name, event in outcome.steps.items()}
    assert ends == {"a": Status.QUEUED, "b": Status.BLOCKED, "c": Status.BLOCKED, "d": Status.DONE}
    assert outcome.steps["b"].diagnostic.detail == "It was not tried: a waits for room in the service."
    assert (outcome.complete, outcome.queued) == (True, True)


@pytest.mark.parametrize(
    ("ends", "stopped_by", "complete"),
    [
        ((), None, True),
        ((Status.DONE,), None, True),
        ((Status.DONE, Status.QUEUED), None, True),
        ((Status.QUEUED, Status.BLOCKED), None, True),
        ((Status.QUEUED, Status.BLOCKED), 15, False),
        ((Status.DONE, Status.BLOCKED), None, False),
        ((Status.QUEUED, Status.FAILED), None, False),
        ((Status.QUEUED, Status.BLOCKED, Status.UNKNOWN), None, False),
    ],
)
def test_when_an_outcome_is_complete(ends, stopped_by, complete):
    steps = {str(n): StepEvent(str(n), BOOK, Op.CREATE, status) for n, status in enumerate(ends)}
    assert Outcome(steps, stopped_by=stopped_by).complete is complete


@pytest.mark.parametrize("one", [MAKE, RENEW, RETIRE, DELETE, FORGET])
def test_what_can_not_be_written_down_is_not_sent(one):
    (end,) = follow(one, machine.WriteFailed(one.id, "disk full"))[1]
    found = end.event.diagnostic
    assert [end] == ended(one, Status.FAILED, one.name, found)
    assert (found.code, found.address, found.hint) == ("E521", BOOK, None) and "disk full" in found.detail


@pytest.mark.parametrize(("one", "shown", "name"), [(MAKE, SHOWN, NEW), (RENEW, SHOWN, NEW), (DELETE, None, OLD)])
def test_what_was_done_and_can_not_be_written_down_is_named(one, shown, name):
    events = machine.Written(one.id), machine.Answered(one.id, shown), machine.WriteFailed(one.id, "disk full")
    (end,) = follow(one, *events)[3]
    found = end.event.diagnostic
    assert [end] == ended(one, Status.UNKNOWN, name, found)
    assert found.code == "E521" and name in found.detail and found.hint


def test_a_step_waits_only_for_what_is_in_the_plan():
    driver = Driver([step("b", after=("a of another plan",)), step("c", after=("b",))])
    assert driver.go().complete


@pytest.mark.parametrize("ready", [True, False])
def test_what_was_not_tried_is_told_and_why(ready):
    """Not only what was ready to start, but all that waits for it as well."""
    steps = [step("a"), step("b", Op.DELETE, after=() if ready else ("a",)), step("c", Op.DELETE, after=("b",))]
    run = Driver(steps, width=1).run
    run.advance(machine.Begin(), START)
    stopped = run.advance(machine.Stop(15), START)
    run.advance(machine.Written("a"), START)
    run.advance(machine.Answered("a", item("cachedContents/a")), START)
    last = run.advance(machine.Written("a"), START)
    blocked = [command.event for command in (*stopped, *last) if command.event.status is Status.BLOCKED]
    for one, event in zip(steps[1:], blocked, strict=True):
        found = event.diagnostic
        assert event == StepEvent(one.id, one.address, Op.DELETE, Status.BLOCKED, one.name, found)
        assert (found.code, found.address) == ("W520", one.address)
    assert run.finished and run.outcome().stopped_by == 15
    assert run.ends["a"].status is Status.DONE


@given(plans(), st.integers(1, 4), st.integers(), st.sampled_from([0.0, 0.3]), st.integers(1, 20))
def test_after_a_stop_nothing_begins(steps, width, seed, fail, stop_after):
    driver = Driver(steps, width, seed, fail)
    outcome = driver.go(stop_after)
    if outcome.stopped_by is not None:
        after = driver.log[driver.stopped_at :]
        assert not [c for c in after if isinstance(c, machine.Tell) and c.event.status is Status.STARTED]


# Creates that are answered by an operation, secrets, and acts.

SECRET = Secret("canary")
TOKEN = MintedToken(SECRET.digest, START, LATEST, LATER, 1)
NO_SINK = Diagnostic("E572", "x", "no sink")
MADE = replace(
    NAMELESS, name=NEW, created=START, deadline=LATER, tokens=9, outputs={"name": NEW}, shown={}, undelivered=True
)
KNOWN = replace(RECORD, echoed=True)
DUE = replace(KNOWN, undelivered=True)
ROTATE = Step("rotate it", BOOK, Op.ACT, "CachedContent", POST, OLD, record=DUE, act="new")
MINT = Step("mint one", BOOK, Op.MINT, "CachedContent", POST, act="mint")


def test_the_course_of_a_create_that_is_answered_by_an_operation():
    """Its intent stays open until it is known what was made."""
    written, accepted = machine.Written(MAKE.id), machine.Accepted(MAKE.id, "operations/1")
    rested, poll = (machine.Rested(), 0.5), machine.Poll(MAKE.id, "CachedContent", "operations/1")
    found = follow(MAKE, written, accepted, rested, machine.Answered(MAKE.id, SHOWN), written)
    assert found[2:4] == [[machine.Rest("", 0.5)], [poll]]
    assert found[4] == [write(MAKE, Bound(BOOK, replace(MADE, undelivered=False), "i1"))]
    assert found[5] == ended(MAKE, Status.DONE, NEW)
    lost = Unknown("still under way", code="E535")
    failed = follow(MAKE, written, accepted, rested, machine.CallFailed(MAKE.id, lost))[4]
    assert failed == ended(MAKE, Status.UNKNOWN, None, Diagnostic("E535", MAKE.id, f"still under way ({lost.status})"))


def test_the_course_of_a_create_that_brings_a_secret():
    """What was made is durable before its secret is delivered, and done only after that was written down."""
    written, answered = machine.Written(MAKE.id), machine.Answered(MAKE.id, SHOWN, SECRET)
    found = follow(MAKE, written, answered, written, machine.Delivered(MAKE.id), written, secrets=["CachedContent"])
    assert found[2:] == [
        [write(MAKE, Bound(BOOK, MADE, "i1"))],
        [machine.Deliver(MAKE.id, SECRET, None)],
        [write(MAKE, Bound(BOOK, replace(MADE, undelivered=False)))],
        ended(MAKE, Status.DONE, NEW),
    ]
    events = written, answered, written, machine.Delivered(MAKE.id, NO_SINK)
    assert follow(MAKE, *events, secrets=["CachedContent"])[4] == ended(MAKE, Status.FAILED, NEW, NO_SINK)


def test_a_create_that_brings_no_secret_where_there_should_be_one_is_bound_and_has_failed():
    written = machine.Written(MAKE.id)
    *_, bound, end = follow(MAKE, written, machine.Answered(MAKE.id, SHOWN), written, secrets=["CachedContent"])
    assert bound == [write(MAKE, Bound(BOOK, MADE, "i1"))]
    found = end[0].event.diagnostic
    assert end == ended(MAKE, Status.FAILED, NEW, found) and found.code == "E572" and found.hint


def test_the_course_of_a_mint():
    written = machine.Written(MINT.id)
    found = follow(MINT, written, machine.Answered(MINT.id, None, SECRET, TOKEN), written, machine.Delivered(MINT.id))
    assert found == [
        [started(MINT), intended(MINT)],
        [machine.Send(MINT.id, "CachedContent", POST, START, Op.MINT, "mint")],
        [write(MINT, Minted(BOOK, TOKEN, "i1"))],
        [machine.Deliver(MINT.id, SECRET, TOKEN)],
        ended(MINT, Status.DONE, None),
    ]


def test_the_course_of_a_new_secret():
    """From the moment that it is asked for the old one may be void: that is written down with the intent."""
    written, told = machine.Written(ROTATE.id), machine.Delivered(ROTATE.id)
    found = follow(ROTATE, written, machine.Answered(ROTATE.id, None, SECRET), written, told, written)
    (intent,) = intended(ROTATE, address_tag="mark", spec_tag="spec").entries
    assert found[0][1] == write(ROTATE, Bound(BOOK, DUE), intent)
    assert found[2:] == [
        [write(ROTATE, Closed("i1", "done"))],
        [machine.Deliver(ROTATE.id, SECRET, None)],
        [write(ROTATE, Bound(BOOK, KNOWN))],
        ended(ROTATE, Status.DONE, OLD),
    ]


def test_an_act_without_a_secret_is_over_when_it_is_answered():
    ping = replace(ROTATE, id="ping it", record=None, act="ping")
    written = machine.Written(ping.id)
    *_, closed, end = follow(ping, written, machine.Answered(ping.id, None), written)
    assert (closed, end) == ([write(ping, Closed("i1", "done"))], ended(ping, Status.DONE, OLD))


@pytest.mark.parametrize(
    ("error", "closed"), [(Unknown("?"), None), (Temporary("later", status=503), "not sent: later")]
)
def test_an_act_whose_answer_is_lost_is_not_asked_for_again(error, closed):
    written, failed = machine.Written(MINT.id), machine.CallFailed(MINT.id, error)
    found = Diagnostic(error.code, MINT.id, f"{error} ({error.status})")
    if closed:
        assert follow(MINT, written, failed)[2] == [write(MINT, Closed("i1", closed))]
        assert follow(MINT, written, failed, written)[3] == ended(MINT, Status.FAILED, None, found)
    else:
        assert follow(MINT, written, failed)[2] == ended(MINT, Status.UNKNOWN, None, found)


def test_a_secret_in_hand_is_delivered_also_where_nothing_can_be_written_down():
    """The intent stays open, which says too much rather than too little."""
    answered, full = machine.Answered(MINT.id, None, SECRET, TOKEN), machine.WriteFailed(MINT.id, "disk full")
    *_, deliver, end = follow(MINT, machine.Written(MINT.id), answered, full, machine.Delivered(MINT.id))
    assert deliver == [machine.Deliver(MINT.id, SECRET, TOKEN)]
    found = end[0].event.diagnostic
    assert end == ended(MINT, Status.UNKNOWN, None, found)
    assert found.code == "E521" and "disk full" in found.detail and "canary" not in repr(end)


TIMED = (("expireTime",), timedelta(minutes=30)), (("open", "until"), timedelta(minutes=1))


def test_instants_are_counted_from_the_start_of_the_step():
    """In whole seconds: people read them. The last of them is when nothing of it can be left."""
    one = replace(MINT, call=Call("POST", "tokens", body={"uses": 1, "open": {}}, times=TIMED, repeatable=False))
    run = machine.Execution([one], 1, owner="p", diagnose=lambda *_: None, new_id=lambda: "i1")
    now = START + timedelta(microseconds=5)
    (_, write_down) = run.advance(machine.Begin(), now)
    (send,) = run.advance(machine.Written(one.id), now + timedelta(minutes=9))
    assert write_down.entries[0].intent.deadline == START + timedelta(minutes=30)
    assert send.call.body == {
        "uses": 1, "open": {"until": "2026-11-21T09:01:00Z"}, "expireTime": "2026-11-21T09:30:00Z"
    }  # fmt: skip
    assert (send.at, send.call.times) == (START, ())


def test_a_create_whose_operation_fails_may_have_left_something():
    """Its intent is closed by an entry that keeps it in mind: the next run looks for what is left."""
    written, accepted = machine.Written(MAKE.id), machine.Accepted(MAKE.id, "operations/1")
    refused = machine.CallFailed(MAKE.id, Refused("no", status=400))
    found = follow(MAKE, written, accepted, (machine.Rested(), 0.5), refused, written)
    (intent,) = intended(MAKE, address_tag="mark", spec_tag="spec").entries
    assert found[4] == [write(MAKE, Doubted(intent.intent))]
    assert found[5] == ended(MAKE, Status.FAILED, None, Diagnostic("E301", MAKE.id, "no (400)"))


CHOSEN = replace(MAKE, id="choose it", chosen=NEW)


@pytest.mark.parametrize(
    ("shown", "made"),
    [
        ({}, True),
        ({"mark": None}, True),
        ({"mark": Mark("q", "other", "other")}, True),  # an id says whose it is, not a mark
        ({"name": OLD}, False),
        ({"created": START - timedelta(seconds=1)}, False),
        ({"created": None}, False),
    ],
    ids=["as it was sent", "no mark", "another mark", "another name", "older than its intent", "of no known age"],
)
def test_a_create_under_a_name_of_the_users_makes_what_has_that_name_and_is_new(shown, made):
    written = machine.Written(CHOSEN.id)
    answered = follow(CHOSEN, written, machine.Answered(CHOSEN.id, replace(SHOWN, **shown)))
    assert answered[0][1] == write(
        CHOSEN, Intended(Intent("i1", Op.CREATE, BOOK, START, address_tag="mark", spec_tag="spec", name=NEW))
    )
    (last,) = answered[2]
    if made:
        assert last.entries[0].record.name == NEW
    else:
        found = last.event.diagnostic
        assert [last] == ended(CHOSEN, Status.UNKNOWN, None, found) and found.code == "E567"


def test_what_carries_no_mark_is_not_taken_for_one_that_was_lost():
    """Nothing was to be echoed, so nothing is missing."""
    one = replace(CHOSEN, record=replace(NAMELESS, address_tag=""))
    written = machine.Written(one.id)
    *_, bound, end = follow(one, written, machine.Answered(one.id, replace(SHOWN, mark=None)), written)
    assert bound[0].entries[0].record.echoed and end == ended(one, Status.DONE, NEW)


def test_a_parent_is_waited_for_as_what_is_referred_to_is():
    shelf = Address("CachedContent", "shelf")
    one = replace(MAKE, call=replace(POST, under=shelf))
    found = follow(one, bound={shelf: "cachedContents/shelf"})
    assert found == [[started(one), machine.Resolve(one.id, one.call, {shelf: "cachedContents/shelf"})]]
    (_, end), *_ = follow(one)
    assert end.event.diagnostic.code == "E534" and str(shelf) in end.event.diagnostic.detail


@pytest.mark.parametrize(
    ("one", "kept", "shown"),
    [
        (MAKE, None, {"ttl": "60s"}),
        (replace(MAKE, shows={"model": "m"}), None, {"ttl": "60s"}),
        (replace(RENEW, shows={"model": "m"}), {"model": "n"}, {"model": "n", "ttl": "60s"}),
        (RENEW, {"model": "n"}, {"model": "n"}),
        (RENEW, None, None),
    ],
    ids=["a create", "a create that shows", "a patch of fields", "a patch of time", "nothing known"],
)
def test_what_an_answer_shows_otherwise_is_recorded_where_fields_were_sent(one, kept, shown):
    """The intent says which fields were about to be sent."""
    one = replace(one, record=replace(one.record, fields={"ttl": "x"}, shown=kept))
    answered = machine.Answered(one.id, replace(SHOWN, fields={"ttl": "60s"}))
    found = follow(one, machine.Written(one.id), answered)
    assert found[0][1].entries[0].intent.shows == one.shows
    assert found[2][0].entries[0].record.shown == shown


def test_an_act_on_what_has_nothing_to_deliver_writes_nothing_before_it():
    ping = replace(ROTATE, id="ping it", record=KNOWN, act="ping")
    written = machine.Written(ping.id)
    found = follow(ping, written, machine.Answered(ping.id, None, SECRET), written, machine.Delivered(ping.id))
    assert found[0][1] == intended(ping, address_tag="mark", spec_tag="spec")
    assert found[4] == ended(ping, Status.DONE, OLD)


def test_only_acts_bind_what_is_about_to_be_delivered_anew():
    one = replace(RENEW, record=DUE)
    assert [type(entry) for entry in follow(one)[0][1].entries] == [Intended]


def test_what_has_no_secret_says_where_and_what_to_do():
    written = machine.Written(MAKE.id)
    *_, end = follow(MAKE, written, machine.Answered(MAKE.id, SHOWN), written, secrets=["CachedContent"])
    assert end[0].event.diagnostic.address == BOOK
    answered, full = machine.Answered(MINT.id, None, SECRET, TOKEN), machine.WriteFailed(MINT.id, "disk full")
    *_, end = follow(MINT, machine.Written(MINT.id), answered, full, machine.Delivered(MINT.id))
    assert end[0].event.diagnostic.address == BOOK and end[0].event.diagnostic.detail.startswith("A token was minted")
    full = machine.WriteFailed(ROTATE.id, "disk full")
    answered = machine.Answered(ROTATE.id, None, SECRET)
    *_, end = follow(ROTATE, machine.Written(ROTATE.id), answered, full, machine.Delivered(ROTATE.id))
    assert end[0].event.diagnostic.detail.startswith("A secret was made")


def test_a_secret_that_was_delivered_while_nothing_can_be_written_is_delivered_once():
    """The second failure to write, of what was delivered, ends the step."""
    written, full = machine.Written(ROTATE.id), machine.WriteFailed(ROTATE.id, "disk full")
    found = follow(
        ROTATE, written, machine.Answered(ROTATE.id, None, SECRET), written, machine.Delivered(ROTATE.id), full
    )
    assert found[4] == [write(ROTATE, Bound(BOOK, KNOWN))]
    assert isinstance(found[5][0], machine.Tell) and found[5][0].event.status is Status.UNKNOWN


def test_a_chain_of_any_length_is_blocked():
    """As many tokens may be minted one after another as would be too deep for a function that calls itself."""
    names = [f"s{number}" for number in range(3000)]
    chain = [step(name, after=(before,) if before else ()) for before, name in zip(["", *names], names, strict=False)]
    outcome = Driver(chain, fail=1.0).go(stop_after=0)
    assert outcome.count(Status.BLOCKED) >= 2999
    assert outcome.steps["s2"].diagnostic.detail.endswith("s1 was not tried.")


def test_what_could_not_be_delivered_is_not_asked_for():
    for one in (MAKE, ROTATE):
        assert follow(one, unready={one.id: NO_SINK}) == [[started(one), *ended(one, Status.FAILED, one.name, NO_SINK)]]
    assert follow(MAKE, unready={"another": NO_SINK}) == follow(MAKE)


def test_what_was_sent_and_is_not_shown_is_ours_all_the_same():
    """A name that we chose is taken, by an object with our mark that does not show all."""
    step = replace(NAME, record=replace(NAME.record, fields={"source": "sha256:a"}))
    run = machine.Execution(
        [step],
        1,
        owner="p",
        diagnose=lambda *_: None,
        new_id=lambda: "i1",
        otherwise=lambda _step, _item: {"source": None},
    )
    for event in (machine.Begin(), machine.Written(step.id), replace(TAKEN, step=step.id)):
        run.advance(event, START)
    (bound,) = run.advance(machine.ReadBack(step.id, replace(SHOWN, name="files/x-1")), START)
    assert bound.entries[0].record.shown == {"source": None}
