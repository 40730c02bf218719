"""What the state room promises, held against a disk that breaks its own promises at every single call.

First the store by itself: each call fails, is torn, or is the last one; and the power is cut after each. Then the whole
command line, with the emulator listening to what is sent.
"""

from __future__ import annotations

import errno
import functools
import itertools
import random
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fault_files import SETTLE, Died, Disk, Fault, FaultFiles, Shop, cache
from values import ManualClock

from gemctl.core.address import Address
from gemctl.core.errors import StateError
from gemctl.core.mark import read
from gemctl.core.record import Bound, Closed, Intended, Intent, Ledger, Op, Origin, Record, fold
from gemctl.files.disk import Files
from gemctl.state import journal
from gemctl.state.codec import Identity
from gemctl.state.local import LocalStore

FOLDER = Path("/project/.gemctl/dev")
OWNER = Identity("shop", "dev", "emulator", "00ff", "12345678")
CLOCK = ManualClock()
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES)


def intended(name):
    return Intended(Intent(f"id-{name}", Op.CREATE, Address("CachedContent", name), CLOCK.now(), "m", "s"))


def bound(name):
    record = Record(f"cachedContents/{name}", "s", Origin.CREATED, "m")
    return Bound(Address("CachedContent", name), record, f"id-{name}")


def store_on(files):
    return LocalStore(FOLDER, clock=CLOCK, files=files, make_lineage=lambda: "lineage")


@dataclass
class Told:
    """What a run was told by its store. `before`: what was there when it came. `unknown`, `absent`: it may leave a
    ledger that isn't known, or no state. `batches`: what it handed over, and whether that was promised to be durable.
    """

    before: Ledger
    unknown: bool
    absent: bool
    batches: list = field(default_factory=list)

    @property
    def histories(self):
        """Every sequence of entries that keeps the promises: all that was taken, any beginning of what was not."""
        choices = [[batch] if taken else [batch[:n] for n in range(len(batch) + 1)] for batch, taken in self.batches]
        return [[entry for part in parts for entry in part] for parts in itertools.product(*choices)]

    @property
    def key(self):
        return self.unknown, self.absent, tuple(taken for _, taken in self.batches)


def about_to_run(files):
    loaded = store_on(files).load()
    return Told(loaded.ledger, not loaded.ledger.known, loaded.identity is None)


def a_run(files, batches=(), told=None, ends=True):
    """One run that goes on after a failed append, as the engine does with what is in flight."""
    store = store_on(files)
    loaded = store.load()
    ledger, told = loaded.ledger, told or Told(loaded.ledger, False, False)
    store.begin(OWNER, ledger)
    told.unknown = told.absent = False
    for batch in batches:
        told.batches.append((batch, False))
        with suppress(OSError):
            store.append(batch)
            told.batches[-1] = (batch, True)
            ledger = fold(ledger, batch)
    if ends:
        store.finish(OWNER, ledger)


def a_rebuild(files):
    """What `state rebuild` does: set aside, begin anew with what was found, finish."""
    store = store_on(files)
    with suppress(StateError):
        store.load()
    store.set_aside()
    found = fold(Ledger("other", known=False), [bound("found"), intended("waited")])
    store.begin(OWNER, found)
    store.finish(OWNER, found)


BATCHES = ([intended("b")], [bound("b"), intended("c")], [Closed("id-c", "no")], [intended("d"), intended("e")])
FIRST = ([intended("a")], [bound("a")])


def nothing():
    return FaultFiles()


def finished():
    files = FaultFiles()
    a_run(files, FIRST)
    return files.crash(files.disk.state())


def dead():
    """The journal of a run that died, with two entries in it."""
    files = FaultFiles()
    a_run(files, FIRST, ends=False)
    return files.crash(files.disk.state())


def torn():
    files = dead()
    return changed(files, lambda text: text + journal.entry_line(3, bound("z"))[:40])


def damaged():
    files = dead()
    a_run(files, [[intended("x")]], ends=False)
    return changed(files, lambda text: text.replace(b"id-a", b"id-_", 1))


def changed(files, change):
    path = FOLDER / "journal"
    return FaultFiles(disk=Disk(tuple((at, change(data) if at == path else data) for at, data in files.disk.state())))


MAKERS = {"nothing": nothing, "finished": finished, "dead": dead, "torn": torn, "damaged": damaged}


@pytest.fixture(scope="module", params=MAKERS)
def start(request):
    """What a run finds on the disk when it comes."""
    return MAKERS[request.param]().disk.state()


@functools.cache
def ledger_of(state):
    """What is loaded from this disk; None for a StateError. Anything else that is raised is a bug."""
    try:
        return store_on(FaultFiles(disk=Disk(state))).load()
    except StateError:
        return None


def same(one, other):
    return (one.records, one.retiring, one.intents) == (other.records, other.retiring, other.intents)


def judge(state, told, where):
    """What was promised is there, what was not may be, and there is nothing else. Returns what was loaded."""
    loaded = ledger_of(state)
    if loaded is None:
        return None
    if loaded.identity is None:
        assert told.absent, f"{where}: the state is gone"
        assert not loaded.ledger.known, where
        return loaded
    assert loaded.ledger.known or told.unknown, f"{where}: the state is not known any more"
    assert any(same(loaded.ledger, fold(told.before, history)) for history in told.histories), (
        f"{where}: promised {[taken for _, taken in told.batches]}, found {loaded.ledger}"
    )
    return loaded


def afterwards(files, found, where):
    """The next run works, and what it is promised stays, whatever happens to the power."""
    if found is None:
        return
    store = store_on(files)
    store.begin(OWNER, found.ledger)
    store.append([intended("next")])
    ledger = fold(found.ledger, [intended("next")])
    for state in files.crash_states(limit=40):
        again = ledger_of(state)
        assert again and again.ledger.known and same(again.ledger, ledger), f"{where}: the next run lost its entries"
    store.append([bound("next")])
    store.finish(OWNER, fold(ledger, [bound("next")]))
    last = ledger_of(files.disk.state())
    assert last and last.ledger.known and same(last.ledger, fold(ledger, [bound("next")])), where


def struck(start, fault, batches=BATCHES):
    """A run on this disk with this fault. Returns the disk's files and what the run was told."""
    files = FaultFiles(fault, disk=Disk(start))
    told = about_to_run(files.restarted())
    with suppress(OSError, StateError, Died):
        a_run(files, batches, told)
    return files, told


def length(start, batches=BATCHES):
    files = FaultFiles(disk=Disk(start))
    a_run(files, batches)
    return files.calls


def test_no_method_of_files_leads_around_it():
    def methods(cls):
        return {name for name, value in vars(cls).items() if callable(value) and not name.startswith("_")}

    assert methods(Files) <= methods(FaultFiles)


@pytest.mark.parametrize("seed", range(30))
def test_the_disk_in_memory_behaves_like_the_real_one(tmp_path, seed):
    """The same calls in the same order, on both; and what each can be read back as."""
    chance = random.Random(seed)
    real, fake = Files(tmp_path), FaultFiles()
    for files in (real, fake):
        files.make_folder(tmp_path / "deep/er")
    names = [tmp_path / "deep/er" / name for name in ("one", "two", "three")]
    handles = {}

    def both(method, *args):
        results = []
        for files in (real, fake):
            try:
                results.append(getattr(files, method)(*args))
            except FileNotFoundError:
                results.append("not found")
        return results

    for _ in range(60):
        name, other = chance.sample(names, 2)
        match chance.randrange(8):
            case 0 | 1 if chance.random() < 0.4:  # each calls what is new by a name of its own
                made = both("create", name)
                for files, (_, new) in zip((real, fake), made, strict=True):
                    files.rename(new, name)
                handles[len(handles)] = [handle for handle, _ in made]
            case 0 | 1:
                handles[len(handles)] = both("append_to", name)
            case 2 | 3 if handles:
                pair = handles[chance.choice(list(handles))]
                data = chance.randbytes(chance.randrange(20))
                if pair[0] != "closed":
                    real.write(pair[0], data)
                    fake.write(pair[1], data)
            case 4:
                both("rename", name, other)
            case 5:
                both("truncate", name, chance.randrange(30))
            case 6 if handles:
                key = chance.choice(list(handles))
                if handles[key][0] != "closed":
                    real.close(handles[key][0])
                    fake.close(handles[key][1])
                    handles[key] = ["closed", "closed"]
            case _:
                both("sync_folder", tmp_path / "deep/er")
        for path in names:
            assert real.read(path, 1 << 20) == fake.read(path, 1 << 20)
    for pair in handles.values():
        if pair[0] != "closed":
            real.close(pair[0])
    lock = fake.try_lock(names[0])
    assert fake.try_lock(names[0]) is None
    fake.close(lock)
    assert fake.try_lock(names[0]) is not None


def test_what_is_not_synced_is_lost_in_every_way():
    files = FaultFiles()
    files.make_folder(FOLDER)
    handle = files.append_to(FOLDER / "a")
    files.write(handle, b"xyz")
    contents = {dict(state).get(FOLDER / "a") for state in files.crash_states()}
    assert contents == {None, b"", b"x", b"xy", b"xyz"}
    files.sync(handle)
    assert {dict(state).get(FOLDER / "a") for state in files.crash_states()} == {None, b"xyz"}
    files.sync_folder(FOLDER)
    assert files.crash_states() == [((FOLDER / "a", b"xyz"),)]
    files.rename(FOLDER / "a", FOLDER / "b")
    assert {state[0][0].name for state in files.crash_states()} == {"a", "b"}


def test_a_sync_that_failed_is_not_made_good_by_the_next():
    files = FaultFiles(Fault("before", method="sync", nth=1))
    files.make_folder(FOLDER)
    handle = files.append_to(FOLDER / "a")
    files.write(handle, b"one")
    with pytest.raises(OSError, match="No space"):
        files.sync(handle)
    files.write(handle, b"two")
    files.sync(handle)
    files.sync_folder(FOLDER)
    assert files.read(FOLDER / "a", 9) == b"onetwo"
    assert {dict(state)[FOLDER / "a"] for state in files.crash_states()} == {b"onetwo", b"\0\0\0two"}


def test_each_call_fails_once_with_each_error(start):
    """The store's own promise, for a process that lives on and for the one after it."""
    calls = length(start)
    seen = 0
    for k in range(1, len(calls) + 1):
        for how, error in (*(("before", error) for error in ERRORS), ("after", errno.EIO)):
            files, told = struck(start, Fault(how, at=k, error=error))
            where = f"call {k}, {calls[k - 1]}, {how}, {errno.errorcode[error]}"
            assert files.struck == 1, where
            found = judge(files.disk.state(), told, where)
            if error == errno.EIO:
                for state in files.crash_states(limit=40):
                    judge(state, told, f"{where}, then the power")
            afterwards(files.restarted(), found, where)
            seen += 1
    assert seen == 4 * len(calls) > 80


@pytest.mark.slow
def test_the_disk_is_full_from_some_call_on(start):
    """Whatever still fits, fits: a write keeps some bytes. Then there is room again, and the next run works."""
    calls = length(start)
    writes = [k for k, (method, _) in enumerate(calls, 1) if method == "write"]
    for number in range(1, len(writes) + 1):
        for keep in (0, 1, 17, 80, 10_000):
            for lasting in (False, True):
                fault = Fault("cut", method="write", nth=number, keep=keep, lasting=lasting)
                files, told = struck(start, fault)
                where = f"write {number}, {keep} bytes kept, lasting {lasting}"
                assert files.struck, where
                afterwards(files.restarted(), judge(files.disk.state(), told, where), where)


def test_death_at_each_call(start):
    calls = length(start)
    for k in range(1, len(calls) + 1):
        for how, keep in (("die_after", 0), ("die_cut", 1), ("die_cut", 30), ("die_cut", 10_000)):
            if how == "die_cut" and calls[k - 1][0] != "write":
                continue
            files, told = struck(start, Fault(how, at=k, keep=keep))
            where = f"{how} at call {k}, {calls[k - 1]}"
            assert files.dead, where
            afterwards(files.restarted(), judge(files.disk.state(), told, where), where)


def test_the_power_is_cut_after_each_call(start):
    """Every state that the disk may be in: none of them is half a state, and none lacks what was promised."""
    calls = length(start)
    judged = {}
    for k in range(1, len(calls) + 1):
        files, told = struck(start, Fault("die_after", at=k))
        for state in files.crash_states(limit=1_500):
            key = (state, told.key)
            if key not in judged:
                where = f"power cut after call {k}, {calls[k - 1]}"
                judged[key] = judge(state, told, where)
                if len(judged) % 25 == 0:
                    afterwards(files.crash(state), judged[key], where)
    assert len(judged) > 500


def test_a_death_and_then_the_power(start):
    """The run after a dead one relies on what it reads, which only the page cache may hold; then the power is cut."""
    calls = length(start)
    for k in range(1, len(calls) + 1):
        files, told = struck(start, Fault("die_after", at=k))
        found = judge(files.disk.state(), told, f"death after {calls[k - 1]}")
        afterwards(files.restarted(), found, f"death after call {k}, {calls[k - 1]}")


def test_a_rebuild_that_dies_never_leaves_a_state_without_its_open_creates():
    """Halfway through, there is an error that asks for another rebuild, or no state, or the new one."""

    files = FaultFiles()
    a_run(files, [[bound("a"), intended("open")]], ends=False)
    start = files.disk.state()
    whole = FaultFiles(disk=Disk(start))
    a_rebuild(whole)
    calls = list(whole.calls)
    new = store_on(whole).load().ledger
    old = store_on(FaultFiles(disk=Disk(start))).load().ledger
    assert "id-open" in old.intents and "id-waited" in new.intents
    outcomes = set()

    def found(state, where):
        loaded = ledger_of(state)
        if loaded is None:
            outcomes.add("error")
        elif loaded.identity is None:
            assert not loaded.ledger.known, where
            outcomes.add("none")
        else:
            assert same(loaded.ledger, old) or same(loaded.ledger, new), f"{where}: {loaded.ledger}"
            outcomes.add("old" if same(loaded.ledger, old) else "new")

    for k in range(1, len(calls) + 1):
        for how in ("before", "after", "die", "die_after"):
            files = FaultFiles(Fault(how, at=k), disk=Disk(start))
            with suppress(OSError, Died):
                a_rebuild(files)
            assert files.struck == 1
            where = f"{how} at call {k}, {calls[k - 1]}"
            found(files.disk.state(), where)
            for state in files.crash_states(limit=300):
                found(state, f"{where}, then the power")
    assert outcomes == {"old", "new", "none", "error"}


# The whole command line on such a disk.

THREE = [cache(name) for name in ("one", "two", "three")]


@pytest.fixture
def shop(tmp_path):
    """Three caches are declared; whoever creates one without a durable intent is caught in the act."""
    one = Shop(tmp_path / "shop")
    one.declare(*THREE)
    return one


class Ear:
    """Holds each POST against every state that a power cut at that very moment would leave."""

    def __init__(self, shop):
        self.shop, self.posts, self.unsafe = shop, [], []
        shop.on_post = self.hear

    def hear(self, display):
        mark = read(display)[1]
        self.posts.append(display)
        for state in self.shop.files.crash_states(limit=30):
            ledger = self.shop.local(self.shop.files.crash(state)).load().ledger
            if (mark.address_tag, mark.spec_tag) not in {
                (intent.address_tag, intent.spec_tag) for intent in ledger.open_creates
            }:
                self.unsafe.append(display)


def healed(shop, where):
    """With a sound disk again: at most two runs until exactly what is declared is there, and nothing is left to do."""
    statuses = [shop.apply()]
    if statuses[0] or shop.problems():
        statuses.append(shop.apply())
    assert statuses[-1] == 0, f"{where}: {statuses}, {shop.said}"
    assert shop.problems() == [], where
    assert shop.run("plan", "--detailed-exitcode") == 0, f"{where}: {shop.said}"
    assert shop.created() == len(THREE), f"{where}: {shop.created()} were made"


def calls_of_an_apply(shop, *more):
    clean = shop.branch()
    assert clean.apply(*more) == 0, clean.said
    assert clean.created() == 3 and clean.problems() == []
    return clean.last.calls


@pytest.mark.slow
@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
def test_an_apply_whose_state_calls_fail(shop, error):
    """Each call once, and with a full disk each call from some moment on too; one create after the other, so that call
    k is always call k.

    Nothing is sent without a durable intent; afterwards everything is there, once.
    """
    calls = calls_of_an_apply(shop, "--parallelism", "1")
    statuses = set()
    full = error == errno.ENOSPC
    for k in range(1, len(calls) + 1, 1 if full else 2):
        for lasting in (False, True) if full else (False,):
            one = shop.branch()
            one.files = one.files.restarted(Fault("before", at=k, error=error, lasting=lasting))
            ear = Ear(one)
            status = one.apply("--parallelism", "1")
            where = f"{errno.errorcode[error]} at call {k}, {calls[k - 1]}, lasting {lasting}: {status}"
            assert one.last.struck, where
            assert status in (0, 1, 5, 6), f"{where}: {one.said}"
            assert not ear.unsafe, f"{where}: sent without a durable intent: {ear.unsafe}"
            assert len(ear.posts) == one.created(), where
            if status in (1, 6):
                assert not ear.posts, f"{where}: an error that says nothing was done"
                assert status == 1 or calls[k - 1][0] == "read" or lasting, where
            statuses.add(status)
            one.clock.advance(SETTLE)
            healed(one, where)
    assert statuses >= {1, 5}


@pytest.mark.slow
def test_a_full_disk_at_every_write_and_sync_with_all_creates_at_once(shop):
    """What is in flight ends after the disk is full, and what it wants to write stands behind a torn line."""
    calls = calls_of_an_apply(shop)
    made = set()
    for method in ("write", "sync"):
        for nth in range(1, sum(name == method for name, _ in calls) + 1):
            for keep in (0, 60) if method == "write" else (0,):
                for lasting in (False, True):
                    one = shop.branch()
                    one.files = one.files.restarted(Fault("cut", method=method, nth=nth, keep=keep, lasting=lasting))
                    ear = Ear(one)
                    status = one.apply()
                    where = f"{method} {nth}, {keep} bytes kept, lasting {lasting}: {status}"
                    assert status in (0, 1, 5), f"{where}: {one.said}"
                    made.add(len(ear.posts))
                    healed(one, where)
                    assert not ear.unsafe, f"{where}: sent without a durable intent: {ear.unsafe}"
    assert made >= {0, 3}


@pytest.mark.slow
def test_an_apply_that_dies_after_each_call_and_then_the_power_is_cut(shop):
    """Of the states that are left then, the worst, the best, and some between."""
    calls = calls_of_an_apply(shop, "--parallelism", "1")
    between = random.Random(7)
    for k in range(1, len(calls) + 1):
        one = shop.branch()
        one.files = one.files.restarted(Fault("die_after", at=k))
        ear = Ear(one)
        with pytest.raises(Died):
            one.apply("--parallelism", "1")
        states = one.last.crash_states(limit=500)
        chosen = {one.last.disk.worst(), one.last.disk.state(), *between.sample(states, min(2, len(states)))}
        for number, state in enumerate(sorted(chosen)):
            other = one.branch()
            other.files = one.last.crash(state)
            again = Ear(other)
            healed(other, f"death after call {k}, {calls[k - 1]}, state {number}")
            assert not ear.unsafe and not again.unsafe, f"sent without a durable intent: {ear.unsafe + again.unsafe}"
