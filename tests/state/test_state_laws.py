"""What every place for a state must do, whatever it is: the laws that apply, and its crashes, rely upon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from backends import BUCKET, NAMES, OWNER, URL, Objects, Postgres, bound, open_backend
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore
from servers import bucket
from values import ManualClock, entries

from gemctl.core.errors import GemctlError, Locked, StateError, Usage
from gemctl.core.record import Ledger, fold
from gemctl.state import journal
from gemctl.state.store import StoreFailed

A, B, C = map(bound, "abc")
_numbers = count()


def _project() -> str:
    return f"shop-{os.getpid()}-{next(_numbers)}"


@pytest.fixture(autouse=True)
def _way_to_the_bucket(monkeypatch):
    for name, value in bucket(BUCKET).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=NAMES)
def place(request, tmp_path):
    return open_backend(request.param, tmp_path, _project())


@pytest.fixture(params=[name for name in NAMES if name != "local"])
def shared(request, tmp_path):
    return open_backend(request.param, tmp_path, _project())


def test_no_state_is_not_a_known_state(place):
    loaded = place.store().load()
    assert loaded.identity is None and not loaded.ledger.known and loaded.ledger.lineage == "lineage"


def test_what_is_finished_is_loaded_whole(place):
    place.ran(A, B)
    loaded = place.store().load()
    assert loaded.identity == OWNER and loaded.ledger.known and not loaded.warnings
    assert place.names() == ["a", "b"] and loaded.ledger.lineage == "lineage"


def test_what_a_dead_run_wrote_is_found_by_all_that_follow(place):
    place.ran(A)
    place.ran(B, finish=False)
    assert place.names() == ["a", "b"]
    place.ran(C, finish=False)
    assert place.names() == ["a", "b", "c"]
    place.ran()
    assert place.names() == ["a", "b", "c"] and not place.store().load().warnings


def test_the_stamp_is_that_of_what_is_loaded_and_another_one_after_every_run(place):
    assert place.store().stamp() == place.store().load().stamp == ""
    seen = set()
    for entry, finish in ((A, True), (B, False), (C, False), (A, True)):
        place.ran(entry, finish=finish)
        stamp = place.store().stamp()
        assert stamp == place.store().load().stamp
        assert stamp not in seen
        seen.add(stamp)


def test_every_run_raises_the_serial(place):
    before = 0
    for finish in (True, False):
        place.ran(bound(f"n{before}"), finish=finish)
        place.ran(finish=True)
        now = place.store().load().ledger.serial
        assert now > before
        before = now


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries, min_size=2, max_size=8), st.integers(0, 6))
def test_any_entries_come_back_as_they_were(tmp_path_factory, written, cut):
    for name in NAMES:
        place = open_backend(name, tmp_path_factory.mktemp(name), _project())
        store = place.store()
        with store.lock("apply", 0):
            store.begin(OWNER, store.load().ledger)
            store.append(written[:cut])
            for entry in written[cut:]:
                store.append([entry])
        ledger = place.store().load().ledger
        assert ledger == fold(Ledger(ledger.lineage, ledger.serial), written)
        with store.lock("apply", 0):
            store.begin(OWNER, store.load().ledger)
            store.finish(OWNER, ledger)
        after = place.store().load().ledger
        assert after == fold(Ledger(after.lineage, after.serial), written)


@pytest.mark.parametrize(
    ("data", "code"),
    [(None, "E401"), (b"", "E402"), (b"{", "E403"), (b'{"format": 9}', "E404"), (b'{"moved": "there"}', "E419")],
    ids=["missing", "empty", "damaged", "newer", "moved"],
)
def test_a_snapshot_that_cant_be_used_is_never_no_state(place, data, code):
    place.ran(A, finish=False)
    place.put_snapshot(data)
    with pytest.raises(StateError) as caught:
        place.store().load()
    assert caught.value.code == code


def test_every_flip_and_cut_of_a_snapshot_is_noticed(place):
    place.ran(A)
    data, whole = place.snapshot(), place.store().load().ledger
    for at in range(0, len(data), 100):
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]):
            place.put_snapshot(damaged)
            try:
                assert place.store().load().ledger == whole, at
            except StateError as error:
                assert error.code in ("E402", "E403", "E404"), at


def test_an_older_copy_put_back_under_a_journal(place):
    place.ran(A)
    old = place.snapshot()
    place.ran(B)
    place.ran(C, finish=False)
    place.put_snapshot(old)
    with pytest.raises(StateError) as caught:
        place.store().load()
    assert caught.value.code == "E408"


def test_a_journal_of_another_lineage(place):
    place.ran(A, finish=False)
    loaded = place.store().load().ledger
    place.put_journal(journal.head_line(journal.Head("stranger", loaded.serial)))
    with pytest.raises(StateError) as caught:
        place.store().load()
    assert caught.value.code == "E407"


def test_damage_in_the_middle_of_the_journal_is_reported_and_outlived(place):
    place.ran(A, B, finish=False)
    lines = place.journal().splitlines(keepends=True)
    damaged = lines[0] + b"x" + lines[1][1:] + lines[2]
    place.put_journal(damaged)
    loaded = place.store().load()
    assert [warning.code for warning in loaded.warnings] == ["W401"]
    assert not loaded.ledger.known, "an intent may have been lost: nothing may be created before looking"
    place.ran(C)
    loaded = place.store().load()
    assert loaded.ledger.known and not loaded.warnings and place.names() == ["c"]
    assert place.aside() == [damaged]


def test_a_batch_that_is_cut_or_gone_is_damage(shared):
    """A batch is there whole or not at all, so what is not whole was not left by a run that died."""
    shared.ran(A, finish=False)
    whole = shared.journal()
    for damaged in (whole[:-3], whole.splitlines(keepends=True)[1]):
        shared.put_journal(damaged)
        loaded = shared.store().load()
        assert [warning.code for warning in loaded.warnings] == ["W401"] and not loaded.ledger.known


def test_set_aside_leaves_no_state(place):
    store = place.ran(A, finish=False)
    with store.lock("state rebuild", 0):
        store.set_aside()
        assert store.load().identity is None
        store.begin(OWNER, store.nothing().ledger)
        store.append([B])
    assert place.names() == ["b"]


def test_what_was_moved_says_where_it_is(place):
    store = place.ran(A, finish=False)
    with store.lock("state migrate", 0):
        store.set_aside("elsewhere://there")
        with pytest.raises(StateError, match="elsewhere://there") as caught:
            store.load()
        assert caught.value.code == "E419"
        store.set_aside()
        assert store.load().identity is None
    place.ran(B)
    assert place.names() == ["b"]


def test_the_second_run_is_told_who_holds_the_lock(place):
    with place.store().lock("apply", 0), pytest.raises(Locked) as caught, place.store().lock("destroy", 0):
        pass
    assert f"process {os.getpid()} " in str(caught.value) and "`apply`" in str(caught.value)
    assert caught.value.code == "E410"
    with place.store().lock("destroy", 0):
        pass


def test_waiting_for_the_lock_is_bounded_by_the_clock(place):
    clock = ManualClock()
    with place.store().lock("apply", 0), pytest.raises(Locked), place.store(clock=clock).lock("apply", 5):
        pass
    assert 4.9 < sum(clock.slept) < 6.5


def test_who_waits_long_enough_has_the_lock(place):
    held = place.store().lock("apply", 0)
    held.__enter__()

    class Meanwhile(ManualClock):
        def sleep(self, seconds):
            super().sleep(seconds)
            if len(self.slept) == 2:
                held.__exit__(None, None, None)

    clock = Meanwhile()
    with place.store(clock=clock).lock("apply", 60):
        assert len(clock.slept) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_is_of_one_stack_of_one_project(name, tmp_path):
    one, other = (
        Objects(_project()) if name == "objects" else open_backend(name, tmp_path / which, _project()) for which in "ab"
    )
    with one.store().lock("apply", 0), one.store(stack="dev").lock("apply", 0), other.store().lock("apply", 0):
        pass


def test_the_lock_is_free_again_after_an_error(place):
    with pytest.raises(RuntimeError), place.store().lock("apply", 0):
        raise RuntimeError("something")
    with place.store().lock("apply", 0):
        pass


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}]
from values import ManualClock
from gemctl.state.objects import ObjectBackend
from gemctl.state.postgres import PostgresBackend
from gemctl.state.shared import SharedStore
with SharedStore({backend}, clock=ManualClock(){more})).lock("apply", 0):
    print("held", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_it_holds(backend, more=""):
    """In a process of its own."""
    script = KILLED.format(tests=str(Path(__file__).parent.parent), backend=backend[:-1], more=more)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout == "held\n" and run.returncode == -signal.SIGKILL, run.stderr


class RealClock(ManualClock):
    def monotonic(self):
        return time.monotonic()

    def sleep(self, seconds):
        time.sleep(seconds)


def test_a_lock_of_postgresql_ends_with_its_process():
    place = Postgres(_project())
    killed_while_it_holds(f"PostgresBackend({place.dsn!r}, 'there', {place.project!r}, {OWNER.stack!r})")
    with place.store(clock=RealClock()).lock("apply", 60):
        pass


def test_a_lock_in_object_storage_is_removed_by_its_id_and_no_other():
    place = Objects(_project())
    killed_while_it_holds(f"ObjectBackend({URL!r}, {place.project!r}, {OWNER.stack!r})", ", env=os.environ")
    with pytest.raises(Locked) as caught, place.store().lock("apply", 0):
        pass
    lock_id = caught.value.hint.rpartition("unlock ")[2].strip("`.")
    assert f"`gemctl state unlock {lock_id}`" in caught.value.hint and "for " in str(caught.value)
    with pytest.raises(Usage, match=lock_id) as refused:
        place.store().unlock("0123456789ab")
    assert refused.value.code == "E415"
    assert "`apply`" in place.store().unlock(lock_id)
    with place.store().lock("apply", 0):
        pass
    with pytest.raises(Usage, match="no lock"):
        place.store().unlock(lock_id)


@pytest.mark.parametrize("left", [b"", b"[]", b'{"id": 3}', b"{"])
def test_a_lock_that_cant_be_read_is_a_lock(left):
    place = Objects(_project())
    place.bucket().put("lock", left)
    with pytest.raises(Locked, match="left no name"), place.store().lock("apply", 0):
        pass


@pytest.mark.parametrize("name", ["local", "postgres"])
def test_other_locks_have_no_id(name, tmp_path):
    with pytest.raises(Usage, match="ends with its process") as caught:
        open_backend(name, tmp_path, _project()).store().unlock("0123456789ab")
    assert caught.value.code == "E415"


def stopped(call, *arguments):
    with pytest.raises(StoreFailed) as caught:
        call(*arguments)
    assert isinstance(caught.value, OSError) and caught.value.code == "E412" and caught.value.hint
    return caught.value


@pytest.mark.parametrize("how", ["ended", "freed"])
def test_a_session_that_lost_the_lock_writes_nothing(how):
    """The server ends it; or a pooler gives it to somebody else, and resets it before."""
    place = Postgres(_project())
    place.ran(A)
    store = place.store()
    with store.lock("apply", 0):
        store.begin(OWNER, store.load().ledger)
        store.append([B])
        session = store._backend._session
        if how == "ended":
            place.sql("select pg_terminate_backend(%(pid)s)", pid=session.info.backend_pid)
        else:
            session.execute("discard all")
        stopped(store.append, [C])
        stopped(store.append, [C])
        stopped(store.finish, OWNER, store.nothing().ledger)
    assert place.names() == ["a", "b"]


def test_a_session_that_is_another_one_writes_nothing():
    """As behind a pooler that hands sessions around at every statement."""
    place, other = Postgres(_project()), Postgres(_project())
    store, stranger = place.store(), other.store()
    with store.lock("apply", 0), stranger.lock("apply", 0):
        store._backend._session = stranger._backend._session
        stopped(store.begin, OWNER, store.load().ledger)
    assert place.store().load().identity is None


def test_a_run_whose_lock_was_removed_is_stopped_before_it_sends():
    place = Objects(_project())
    place.ran(A)
    first, second = place.store(), place.store()
    with first.lock("apply", 0):
        first.begin(OWNER, first.load().ledger)
        note = json.loads(bytes(place.bucket().get("lock").bytes()))
        first.unlock(note["id"])
        with second.lock("apply", 0):
            second.begin(OWNER, second.load().ledger)
            stopped(first.append, [B])
            stopped(first.finish, OWNER, first.nothing().ledger)
            second.append([C])
        assert place.names() == ["a", "c"]


def test_a_run_that_outlived_a_rebuild_leaves_nothing_behind():
    """What is rebuilt begins with the first serial again, below that of the run that nobody knew was alive."""
    place = Objects(_project())
    for _ in range(3):
        place.ran(A)
    first, second = place.store(), place.store(lineage="rebuilt")
    with first.lock("apply", 0):
        first.begin(OWNER, first.load().ledger)
        first.unlock(json.loads(bytes(place.bucket().get("lock").bytes()))["id"])
        with second.lock("state rebuild", 0):
            second.set_aside()
            second.begin(OWNER, second.nothing().ledger)
            stopped(first.append, [B])
            second.append([C])
        assert place.names() == ["c"] and not place.store().load().warnings


def without_a_lock(place, first, second):
    """From now on the second writes as if it held the lock as well; in PostgreSQL over one session for both, as a
    pooler would have it.
    """
    if isinstance(place, Postgres):
        for attribute in ("_session", "_lock", "_made"):
            setattr(second._backend, attribute, getattr(first._backend, attribute))


def test_a_run_that_was_overtaken_cant_finish(shared):
    shared.ran(A)
    first, second = shared.store(), shared.store()
    with first.lock("apply", 0):
        without_a_lock(shared, first, second)
        ledger = first.load().ledger
        first.begin(OWNER, ledger)
        another_key = replace(OWNER, key_salt="11aa")  # else both would write the very same
        second.begin(another_key, second.load().ledger)
        snapshot = shared.snapshot()
        stopped(first.finish, OWNER, ledger)
        assert shared.snapshot() == snapshot
        second.append([B])
        second.finish(another_key, fold(ledger, [B]))
        if isinstance(shared, Postgres):
            second._backend._session = None
    assert shared.names() == ["a", "b"]


def test_who_reads_while_another_run_ends_sees_all_of_it(shared):
    """Between the snapshot and its journal the journal is folded, and removed."""
    shared.ran(A, finish=False)
    store = shared.store()
    lines, ends = store._backend.lines, iter([lambda: shared.ran(B)])

    def meanwhile(serial):
        next(ends, lambda: None)()
        return lines(serial)

    store._backend.lines = meanwhile
    assert sorted(address.name for address in store.load().ledger.records) == ["a", "b"]


def interleavings(first, second):
    if not first or not second:
        yield [*first, *second]
        return
    for rest in interleavings(first[1:], second):
        yield [first[0], *rest]
    for rest in interleavings(first, second[1:]):
        yield [second[0], *rest]


class Run:
    """A run that does without a lock; it stops at the first thing that fails."""

    def __init__(self, store, entry):
        self.store, self.entry, self.kept, self.stopped = store, entry, False, False

    def step(self, name):
        if self.stopped:
            return
        try:
            getattr(self, name)()
        except GemctlError as error:
            assert error.code == "E412", error
            self.stopped = True

    def load(self):
        self.ledger = self.store.load().ledger

    def begin(self):
        self.store.begin(OWNER, self.ledger)

    def append(self):
        self.store.append([self.entry])
        self.kept = True

    def finish(self):
        self.store.finish(OWNER, fold(self.ledger, [self.entry] if self.kept else []))


STEPS = ("load", "begin", "append", "finish")


@pytest.mark.parametrize(("kind", "first"), [("memory", ()), ("memory", (A,)), ("postgres", (A,))])
def test_two_runs_without_a_lock_never_lose_what_was_promised(kind, first):
    """Every order of the steps of two runs (in PostgreSQL every third): what one was told is written is there in the
    end.
    """
    both, orders = 0, list(interleavings([(0, step) for step in STEPS], [(1, step) for step in STEPS]))
    assert len(orders) == 70
    for order in orders[:: 1 if kind == "memory" else 3]:
        if kind == "memory":
            place = Objects(_project(), MemoryStore())
        else:
            place = Postgres(_project())
        if first:
            place.ran(*first, finish=False)
        runs = [Run(place.store(), B), Run(place.store(), C)]
        with runs[0].store.lock("apply", 0):
            without_a_lock(place, runs[0].store, runs[1].store)
            for number, step in order:
                runs[number].step(step)
            if kind == "postgres":
                runs[1].store._backend._session = None
        loaded = place.store().load()
        kept = [run.entry.address.name for run in runs if run.kept]
        assert not loaded.warnings, order
        found = {address.name for address in loaded.ledger.records}
        assert {*kept, *(entry.address.name for entry in first)} <= found, order
        both += len(kept) == 2
    # Both get to write only where one has written before the other loads.
    assert both == 8 if kind == "memory" else 0 < both < 8


def test_a_step_costs_the_same_however_large_the_state_is():
    place = Objects(_project())
    counts = []
    for size in (1, 400):
        place.ran(*(bound(f"n{number}") for number in range(size)))
        store = place.store()
        with store.lock("apply", 0):
            store.begin(OWNER, store.load().ledger)
            store._backend._opened = Counting(store._backend._store())
            store.append([A])
            counts.append((list(store._backend._opened.requests), store._backend._opened.bytes // 100))
    assert counts[0] == counts[1] and counts[0][0] == ["put", "head"]


class Counting:
    def __init__(self, inner):
        self._inner, self.requests, self.bytes = inner, [], 0

    def __getattr__(self, name):
        def call(*arguments, **options):
            self.requests.append(name)
            self.bytes += sum(len(argument) for argument in arguments if isinstance(argument, bytes))
            return getattr(self._inner, name)(*arguments, **options)

        return call


def test_an_answer_that_was_lost_is_not_taken_for_another_run():
    """obstore sends a request again whose answer did not come, and is refused for what it has done itself."""

    class Twice(Counting):
        def put(self, *arguments, **options):
            self._inner.put(*arguments, **options)
            return self._inner.put(*arguments, **options)

    place = Objects(_project())
    store = place.store()
    store._backend._opened = Twice(place.bucket())
    with store.lock("apply", 0):
        store.begin(OWNER, store.load().ledger)
        store.append([A])
        store.finish(OWNER, fold(store.nothing().ledger, [A]))
    assert place.names() == ["a"]


@pytest.mark.parametrize("ignored", ["create", "update"])
def test_a_storage_that_ignores_conditions_is_refused(ignored):
    class Careless(Counting):
        def put(self, path, data, *, mode, **options):
            update = isinstance(mode, dict)
            return self._inner.put(path, data, mode="overwrite" if update == (ignored == "update") else mode, **options)

    place = Objects(_project())
    store = place.store()
    with store.lock("apply", 0):
        store._backend._opened = Careless(place.bucket())
        with pytest.raises(GemctlError, match="overwrites what a condition protects") as caught:
            store.begin(OWNER, store.load().ledger)
    assert caught.value.code == "E414"
    assert place.store().load().identity is None and not place.batches()


def test_a_commit_is_durable_whatever_the_servers_default():
    place = Postgres(_project())
    place.sql("alter role gemctl set synchronous_commit = off")
    try:
        store = place.store()
        with store.lock("apply", 0):
            row = store._backend._session.execute("show synchronous_commit").fetchone()
            assert row == ("on",)
    finally:
        place.sql("alter role gemctl reset synchronous_commit")


def test_many_may_be_the_first_in_a_database():
    from concurrent.futures import ThreadPoolExecutor

    places = [Postgres(_project(), "first") for _ in range(6)]
    with ThreadPoolExecutor(len(places)) as many:
        list(many.map(lambda place: place.ran(A), places))
    assert [place.names() for place in places] == [["a"]] * len(places)


def test_who_only_reads_makes_no_tables():
    place = Postgres(_project())
    place.dsn += "&options=-csearch_path%3Dnowhere"
    assert place.store().load().identity is None
    assert place.sql("select to_regclass('gemctl_state')") == [(None,)]


@pytest.mark.parametrize("what", ["bucket", "server"])
def test_what_cant_be_reached_is_not_no_state(what):
    place = Objects(_project()) if what == "bucket" else Postgres(_project())
    if what == "bucket":
        from gemctl.state.objects import ObjectBackend
        from gemctl.state.shared import SharedStore

        store = SharedStore(ObjectBackend("s3://no-such-bucket", "p", "s", clock=ManualClock(), env=os.environ))
    else:
        place.dsn = "postgresql://somebody:sEcret@127.0.0.1:1/db"
        store = place.store()
    for call in (store.load, store.lock("apply", 0).__enter__):
        with pytest.raises(StoreFailed) as caught:
            call()
        assert caught.value.code == "E411" and "sEcret" not in str(caught.value), caught.value
