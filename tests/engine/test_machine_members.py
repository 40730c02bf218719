"""Steps that make and delete many objects under one, and operations that are asked how far they are."""

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
from gemctl.core.event import Status, StepEvent, Syncing
from gemctl.core.live import LiveObject
from gemctl.core.plan import Step, Sync
from gemctl.core.record import (
    Agreed,
    Bound,
    Closed,
    Intended,
    Joined,
    Ledger,
    Op,
    Origin,
    Parted,
    Record,
    fold,
    id_of,
    row,
)
from gemctl.engine import machine

STORE = Address("FileSearchStore", "s")
UNDER = "fileSearchStores/s"
SYNC = "fill it"
TAG = "t" * 13
NEW = Record("", TAG, Origin.CREATED, "m")


def member(path, op=Op.CREATE, id_=""):
    """The step that makes this member, or deletes that of this id."""
    address = Address("FileSearchDocument", f"s/{path}")
    if op is Op.CREATE:
        call = Call("POST", f"{UNDER}:upload", body={"path": path}, repeatable=False)
        return Step(f"{path}:create", address, op, "FileSearchDocument", call, record=NEW)
    name = f"{UNDER}/documents/{id_}"
    return Step(f"{path}:delete:{id_}", address, op, "FileSearchDocument", Call("DELETE", name), name)


def filling(make=(), drop=(), held=0, **more):
    """The step; `make` are paths with the ids of what goes afterwards, `drop` paths with ids."""
    return Step(
        SYNC,
        STORE,
        Op.SYNC,
        "FileSearchStore",
        None,
        UNDER,
        sync=Sync("document", "m", tuple(make), tuple(drop), held),
        **more,
    )


def chains(step, sync, under):
    assert (step.id, under) == (SYNC, UNDER)
    for path, old in sync.make:
        yield (member(path), *(member(path, Op.DELETE, id_) for id_ in old))
    for path, id_ in sync.drop:
        yield (member(path, Op.DELETE, id_),)


def execution(steps, width=3, *, chains=chains, bound=(), **more):
    ids = iter(range(10**6))
    return machine.Execution(
        steps,
        width,
        owner="p",
        diagnose=lambda step, error: Diagnostic(error.code, step.id, str(error)),
        new_id=lambda: f"i{next(ids)}",
        bound={STORE: UNDER, **dict(bound)},
        chains=chains,
        **more,
    )


class Service:
    """Carries out commands in an order that a seed chooses. Time passes while it is rested.

    errors   what calls for a path end with, by the path.
    slow     how often the operations of uploads are asked in vain; None for answers at once.
    """

    def __init__(self, run, seed=0, errors=(), slow=None, broken=0, stop=0, held=None):
        self.run, self.random, self.errors = run, Random(seed), dict(errors)
        self.slow, self.broken, self.stop, self.held = slow, broken, stop, held
        self.now, self.todo, self.log, self.durable = START, [], [], []
        self.sent, self.polls, self.rests = [], Counter(), []
        self.at_stop = None

    def go(self):
        self._take(machine.Begin())
        for turn in range(100_000):
            if self.run.finished:
                return self.run.outcome()
            if turn + 1 == self.stop:
                self.at_stop = len(self.sent)
                self._take(machine.Stop(2))
                continue
            assert self.todo, "nothing is left to be done, and the run is not finished"
            calls = [one for one in self.todo if not isinstance(one, machine.Write | machine.Rest)]
            assert len(calls) <= self.run.width
            assert sum(isinstance(one, machine.Rest) for one in self.todo) <= 1
            self._take(self._done(self.todo.pop(self.random.randrange(len(self.todo)))))
        raise AssertionError("it goes round and round")

    def _take(self, event):
        for command in self.run.advance(event, self.now):
            self.log.append(command)
            if not isinstance(command, machine.Tell):
                self.todo.append(command)

    def _done(self, command):
        match command:
            case machine.Write(step, entries):
                if self.broken and len(self.durable) >= self.broken:
                    return machine.WriteFailed(step, "no room")
                self.durable += entries
                return machine.Written(step)
            case machine.Send(step, _, call):
                self.sent.append(step)
                opened = {one.intent.address for one in self.durable if isinstance(one, Intended)}
                assert self.run.steps[step].address in opened, "sent without a durable intent"
                if error := self.errors.get(step.partition(":")[0]):
                    return machine.CallFailed(step, error)
                if call.method == "DELETE":
                    return machine.Answered(step, None)
                if self.slow is None:
                    return machine.Answered(step, document(call.body["path"]))
                return machine.Accepted(step, f"{UNDER}/operations/{call.body['path']}")
            case machine.Poll(step, _, operation):
                self.polls[step] += 1
                if self.polls[step] <= self.slow:
                    return machine.Pending(step)
                return machine.Answered(step, document(operation.rpartition("/")[2]))
            case machine.Rest(_, seconds):
                self.rests.append(seconds)
                self.now += timedelta(seconds=seconds)
                return machine.Rested()
            case machine.Look(step, kind, name):
                held = self.held
                item = LiveObject(kind, name, "", "", None, {}, {}, children=f"{held} in it", held=held)
                return machine.ReadBack(step, item)
            case machine.Confirm(step):
                return machine.Confirmed(step, present=False)
            case machine.Resolve(step, call):
                return machine.Resolved(step, replace(call, references=()))
        raise AssertionError(command)

    def begun(self):
        return [step.partition(":")[0] for step in self.sent]

    def ledger(self, **rows):
        before = Ledger("l", members={STORE: {path.replace("_", "."): known for path, known in rows.items()}})
        return fold(before, self.durable)


def document(path, under=UNDER):
    return LiveObject("FileSearchDocument", f"{under}/documents/new-{path}", "", "", None, {}, {})


names = st.lists(st.sampled_from("abcdefghijklmnop"), unique=True, max_size=12)


@given(names, names, st.integers(1, 4), st.integers(), st.sampled_from([None, 0, 3]))
def test_all_is_made_and_deleted_once_whatever_the_order(made, gone, width, seed, slow):
    make = [(path, ("old",) * (number % 3 == 0)) for number, path in enumerate(made)]
    drop = [(path, "x") for path in gone if path not in made]
    service = Service(execution([filling(make, drop)], width), seed, slow=slow)
    outcome = service.go()
    assert outcome.complete and set(outcome.steps) == {SYNC}, "of members that are done nothing is kept"
    wanted = [*made, *(path for path, old in make if old), *(path for path, _ in drop)]
    assert sorted(service.begun()) == sorted(wanted)
    before = {path: f"{TAG}:old" for path, old in make if old} | {path: f"{TAG}:x" for path, _ in drop}
    ledger = fold(Ledger("l", members={STORE: before}), service.durable)
    assert {path: id_of(row) for path, row in ledger.members.get(STORE, {}).items()} == {
        path: f"new-{path}" for path in made
    }
    assert ledger.intents == {}
    told = [one.event for one in service.log if isinstance(one, machine.Tell)]
    if make or drop:
        last = [event for event in told if isinstance(event, Syncing)][-1]
        assert (last.address, last.what, last.done, last.failed) == (STORE, "document", last.total, 0)
        assert last.total == len(make) + len(drop)


@given(st.integers(1, 4), st.integers())
def test_an_old_one_goes_once_the_new_one_is_recorded(width, seed):
    service = Service(execution([filling([("a", ("1", "2")), ("b", ("3",))])], width), seed)
    service.go()
    entries = [type(one).__name__ + getattr(one, "path", "") for one in service.durable]
    assert entries.index("Joineda") < entries.index("Parteda")
    sent = service.sent
    assert sent.index("a:create") < sent.index("a:delete:1") < sent.index("a:delete:2")
    assert sent.index("b:create") < sent.index("b:delete:3")


def test_where_the_new_one_was_not_made_the_old_one_stays():
    service = Service(execution([filling([("a", ("1",)), ("b", ("2",))])]), errors={"a": Refused("no", status=400)})
    outcome = service.go()
    assert sorted(service.sent) == ["a:create", "b:create", "b:delete:2"]
    assert outcome.steps[SYNC].status is Status.FAILED
    found = outcome.steps[SYNC].diagnostic
    assert found.code == "E592" and found.detail == "1 of 2 documents could not be brought up to date."
    assert outcome.steps["a:create"].status is Status.FAILED, "those that have failed are told"
    assert [one for one in service.durable if isinstance(one, Closed)] != []


def test_after_many_failures_no_more_are_tried():
    many = [(f"{number:03}", ()) for number in range(300)]
    errors = {path: Refused("no", status=400) for path, _ in many}
    service = Service(execution([filling(many)], 4), errors=errors)
    found = service.go().steps[SYNC]
    assert machine.MOST_FAILED <= len(service.sent) < machine.MOST_FAILED + 4
    left = 300 - len(service.sent)
    assert found.status is Status.FAILED
    assert f"{left} were not tried" in found.diagnostic.detail and "have failed" in found.diagnostic.detail


@given(st.integers(1, 4), st.integers(), st.integers(2, 60), st.sampled_from([None, 2]))
def test_after_a_stop_no_more_are_tried_and_what_is_sent_is_recorded(width, seed, stop, slow):
    service = Service(execution([filling([(path, ()) for path in "abcdefgh"])], width), seed, slow=slow, stop=stop)
    outcome = service.go()
    if service.at_stop is None:
        assert outcome.complete
        return
    assert len(service.sent) - service.at_stop <= width, "what was intended may still be sent"
    found, rows = outcome.steps[SYNC], fold(Ledger("l"), service.durable)
    open_ = {intent.address.name.partition("/")[2] for intent in rows.intents.values()}
    assert {*rows.members.get(STORE, {}), *open_} >= set(service.begun())
    if found.status is Status.BLOCKED:
        assert found.diagnostic.code == "W520" and "the run was stopped" in found.diagnostic.detail
    else:
        assert found.status is (Status.UNKNOWN if open_ else Status.DONE)


@given(st.integers(1, 4), st.integers(), st.integers(1, 20), st.sampled_from([None, 2]))
def test_when_the_journal_breaks_nothing_more_is_sent(width, seed, broken, slow):
    steps = [filling([(path, ("old",)) for path in "abcdefgh"])]
    service = Service(execution(steps, width), seed, slow=slow, broken=broken)
    outcome = service.go()
    assert not outcome.complete
    opened = Counter(one.intent.address for one in service.durable if isinstance(one, Intended))
    assert len(service.sent) <= sum(opened.values())
    rows = fold(Ledger("l", members={STORE: dict.fromkeys("abcdefgh", f"{TAG}:old")}), service.durable)
    for path in "abcdefgh":
        row, sent = rows.members[STORE].get(path, ""), service.sent.count(f"{path}:create")
        assert sent <= 1
        if id_of(row) == "old" and sent:
            assert any(intent.address.name == f"s/{path}" for intent in rows.intents.values()), "it can be found"


def test_what_nobody_knows_makes_the_whole_unknown_and_keeps_what_waits_for_it():
    after = Step("drop", STORE, Op.DELETE, "FileSearchStore", Call("DELETE", "x"), "x", after=(SYNC,))
    service = Service(execution([filling([("a", ()), ("b", ())]), after]), errors={"b": Unknown("?", code="E303")})
    outcome = service.go()
    assert outcome.steps[SYNC].status is Status.UNKNOWN and outcome.steps["drop"].status is Status.BLOCKED
    (open_,) = fold(Ledger("l"), service.durable).intents.values()
    assert open_.address.name == "s/b" and (open_.address_tag, open_.spec_tag) == ("m", TAG)


@pytest.mark.parametrize("error", [Temporary("later"), Refused("no", status=400)])
def test_what_was_not_made_leaves_no_intent_open(error):
    service = Service(execution([filling([("a", ())])]), errors={"a": error})
    service.go()
    assert fold(Ledger("l"), service.durable).intents == {}


def test_a_delete_of_what_is_gone_is_done():
    error = Refused("It is not there.", status=404)
    service = Service(execution([filling(drop=[("a", "1")])]), errors={"a": error})
    assert service.go().complete
    assert [one for one in service.durable if isinstance(one, Parted)] == [Parted(STORE, "a", "1", "i0")]


def test_an_answer_that_shows_what_lies_elsewhere_is_not_believed():
    service = Service(execution([filling([("a", ())])]))
    service._done = lambda command, done=service._done: (
        machine.Answered(command.step, document("a", "fileSearchStores/t"))
        if isinstance(command, machine.Send)
        else done(command)
    )
    outcome = service.go()
    assert outcome.steps[SYNC].status is Status.UNKNOWN
    assert outcome.steps["a:create"].diagnostic.code == "E567"
    assert not [one for one in service.durable if isinstance(one, Joined)]


@pytest.mark.parametrize(("held", "agreed"), [(2, True), (3, False), (None, False)])
def test_what_the_object_shows_afterwards_holds_if_it_counts_what_it_should(held, agreed):
    service = Service(execution([filling([("a", ()), ("b", ())], held=2)]), held=held)
    assert service.go().complete
    found = [one for one in service.durable if isinstance(one, Agreed)]
    assert found == ([Agreed(STORE, UNDER, "2 in it")] if agreed else [])


def test_where_something_failed_it_is_not_looked_at():
    service = Service(execution([filling([("a", ()), ("b", ())], held=2)]), errors={"a": Refused("no", status=400)})
    service.go()
    assert not [one for one in service.log if isinstance(one, machine.Look)]


def test_that_it_cannot_be_looked_at_does_no_harm():
    service = Service(execution([filling([("a", ())], held=1)]))
    service._done = lambda command, done=service._done: (
        machine.CallFailed(command.step, Temporary("later")) if isinstance(command, machine.Look) else done(command)
    )
    assert service.go().complete


def test_members_lie_under_what_was_made_before_them():
    """A store that is made anew is bound to another name, under which they are made."""
    made = Step("make", STORE, Op.CREATE, "FileSearchStore", Call("POST", "x", body={}), record=NEW)
    seen = []

    def under(step, sync, name):
        seen.append(name)
        return iter(())

    run = execution([made, replace(filling(), name=None, after=("make",))], chains=under)
    run.advance(machine.Begin(), START)
    run.advance(machine.Written("make"), START)
    new = LiveObject("FileSearchStore", "fileSearchStores/new", "", "", None, {}, {}, created=START)
    (write,) = run.advance(machine.Answered("make", new), START)
    assert isinstance(write.entries[0], Bound)
    commands = run.advance(machine.Written("make"), START)
    assert seen == ["fileSearchStores/new"]
    assert [one for one in commands if isinstance(one, machine.Look)] == [
        machine.Look(SYNC, "FileSearchStore", "fileSearchStores/new")
    ]


def test_under_nothing_there_are_no_members():
    run = machine.Execution(
        [filling([("a", ())])], 1, owner="p", diagnose=lambda step, error: None, new_id=lambda: "i", chains=chains
    )
    commands = run.advance(machine.Begin(), START)
    assert run.finished and commands[-1].event.diagnostic.code == "E534"


def test_a_member_waits_for_what_it_refers_to():
    file = Address("File", "f")
    refers = Reference(("fileName",), file, "name")

    def referring(step, sync, under):
        made = member("a")
        yield (replace(made, call=replace(made.call, references=(refers,))),)

    service = Service(execution([filling([("a", ())])], chains=referring, bound={file: "files/f"}))
    assert service.go().complete
    (resolve,) = (one for one in service.log if isinstance(one, machine.Resolve))
    assert resolve.targets == {file: "files/f"}
    lacking = Service(execution([filling([("a", ())])], chains=referring))
    assert lacking.go().steps["a:create"].diagnostic.code == "E534"


def test_of_members_the_end_is_told_only_if_they_fail():
    service = Service(execution([filling([("a", ()), ("b", ())])]), errors={"b": Refused("no", status=400)})
    service.go()
    steps = [one.event for one in service.log if isinstance(one, machine.Tell) and isinstance(one.event, StepEvent)]
    assert [(event.id, event.status) for event in steps] == [
        (SYNC, Status.STARTED),
        ("b:create", Status.FAILED),
        (SYNC, Status.FAILED),
    ]


# Operations


def test_operations_take_no_room_while_they_go_on_but_not_without_end():
    many = [(f"{number:03}", ()) for number in range(100)]
    run = execution([filling(many)], 1)
    service = Service(run, slow=10**6)
    service._take(machine.Begin())
    while any(not isinstance(one, machine.Rest) for one in service.todo):
        at = next(number for number, one in enumerate(service.todo) if not isinstance(one, machine.Rest))
        service._take(service._done(service.todo.pop(at)))
    assert len(service.sent) == machine.MOST_AWAITED
    assert service.todo == [machine.Rest("", 0.5)]


def test_pauses_grow_and_nothing_is_asked_before_its_time():
    service = Service(execution([filling([("a", ())])]), slow=9)
    assert service.go().complete
    assert service.rests == [0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0, 5.0, 5.0, 5.0]
    assert service.polls["a:create"] == 10


def test_one_that_comes_late_is_asked_in_its_time_and_nobody_spins_until_another_is_due():
    """The first is asked every five seconds by now; the second is due half a second after it was accepted."""
    run = execution([filling([("a", ()), ("b", ())])], 2)
    seconds = 0.0

    def at(event, later=0.0):
        nonlocal seconds
        seconds += later
        commands = run.advance(event, START + timedelta(seconds=seconds))
        return [one for one in commands if isinstance(one, machine.Rest | machine.Poll | machine.Send)]

    at(machine.Begin())
    at(machine.Written("a:create"))
    at(machine.Accepted("a:create", "o/a"))
    for wait in (0.5, 0.75, 1.125, 1.6875, 2.53125, 3.796875, 5.0):
        (poll,) = at(machine.Rested(), wait) or at(machine.Rested())
        assert poll.step == "a:create"
        assert at(machine.Pending("a:create")) == []  # the other is under way
    at(machine.Written("b:create"))
    assert at(machine.Accepted("b:create", "o/b"), 0.1) == [machine.Rest("", 0.5)]
    assert at(machine.Rested(), 0.5) == [machine.Poll("b:create", "FileSearchDocument", "o/b")]
    assert at(machine.Pending("b:create")) == [machine.Rest("", 0.75)]


@given(st.integers(), st.integers(1, 4), st.integers(0, 12))
def test_no_rest_is_of_no_time(seed, width, slow):
    many = [(f"{number:03}", ()) for number in range(20)]
    service = Service(execution([filling(many)], width), seed, slow=slow)
    assert service.go().complete
    assert all(seconds > 0 for seconds in service.rests)


def test_patience_ends_after_half_an_hour():
    service = Service(execution([filling([("a", ())])]), slow=10**6)
    outcome = service.go()
    assert outcome.steps["a:create"].diagnostic.code == "E535" and outcome.steps[SYNC].status is Status.UNKNOWN
    assert timedelta(minutes=30) <= service.now - START <= timedelta(minutes=30, seconds=10)
    assert len(fold(Ledger("l"), service.durable).intents) == 1


def test_a_stop_gives_up_what_goes_on_and_keeps_it_in_mind():
    service = Service(execution([filling([("a", ()), ("b", ())])]), slow=10**6, stop=60)
    outcome = service.go()
    assert outcome.steps[SYNC].status is Status.UNKNOWN and outcome.stopped_by == 2
    assert len(fold(Ledger("l"), service.durable).intents) == 2
    assert service.now - START < timedelta(minutes=5)


def test_an_operation_that_failed_leaves_no_intent_open():
    """What it left behind is recorded as such; nothing, where that lies elsewhere or is not told."""
    left = f"{UNDER}/documents/7"
    for name, rows in ((left, {STORE: {"a": row(TAG, "7", failed=True)}}), ("", {}), ("elsewhere/documents/7", {})):
        error = Refused("too long", status=400, left=name)
        service = Service(execution([filling([("a", ("old",))])]), slow=0)
        service._done = lambda command, done=service._done, error=error: (
            machine.CallFailed(command.step, error) if isinstance(command, machine.Poll) else done(command)
        )
        outcome = service.go()
        assert outcome.steps["a:create"].status is Status.FAILED
        ledger = fold(Ledger("l"), service.durable)
        assert (ledger.intents, ledger.members) == ({}, rows)
