"""State in a folder: what a run leaves behind, and what the next one makes of it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from values import ManualClock

from gemctl.core.address import Address
from gemctl.core.errors import Locked, StateError
from gemctl.core.record import Bound, Origin, Record, fold
from gemctl.state.codec import Identity
from gemctl.state.local import LocalStore

OWNER = Identity("shop", "local", "emulator", "00ff", "12345678")
A, B = (Bound(Address("CachedContent", n), Record(f"cachedContents/{n}", "s", Origin.CREATED, "m")) for n in "ab")


def store(folder):
    return LocalStore(folder / "state", clock=ManualClock(), make_lineage=lambda: "lineage")


def ran(folder, *entries, finish=True):
    """One run that writes these entries; without `finish` it dies."""
    one = store(folder)
    loaded = one.load()
    one.begin(OWNER, loaded.ledger)
    one.append(entries)
    if finish:
        one.finish(OWNER, fold(loaded.ledger, entries))
    return one


def bound(folder):
    return sorted(record.name for record in store(folder).load().ledger.records.values())


def test_no_state_is_not_a_known_state(tmp_path):
    loaded = store(tmp_path).load()
    assert loaded.identity is None and not loaded.ledger.known
    assert not (tmp_path / "state").exists(), "looking leaves nothing behind"


def test_what_is_finished_is_in_the_snapshot(tmp_path):
    ran(tmp_path, A)
    loaded = store(tmp_path).load()
    assert loaded.identity == OWNER and loaded.ledger.known
    assert (tmp_path / "state/journal").read_bytes() == b""
    assert loaded.ledger.serial == 2 and loaded.ledger.lineage == "lineage"


def test_what_a_dead_run_wrote_is_not_lost(tmp_path):
    ran(tmp_path, A)
    ran(tmp_path, B, finish=False)
    assert bound(tmp_path) == ["cachedContents/a", "cachedContents/b"]


def test_the_run_after_a_dead_one_goes_on_with_its_journal(tmp_path):
    ran(tmp_path, A, finish=False)
    ran(tmp_path, B)
    assert bound(tmp_path) == ["cachedContents/a", "cachedContents/b"]
    assert store(tmp_path).load().ledger.serial == 2


def test_a_torn_tail_is_passed_over_and_cut_off(tmp_path):
    ran(tmp_path, A, finish=False)
    path = tmp_path / "state/journal"
    with path.open("ab") as journal:
        journal.write(b"0123 half a li")
    assert bound(tmp_path) == ["cachedContents/a"] and not store(tmp_path).load().warnings
    ran(tmp_path, B, finish=False)
    assert bound(tmp_path) == ["cachedContents/a", "cachedContents/b"]


def test_damage_in_the_middle_is_reported_and_kept_aside(tmp_path):
    ran(tmp_path, A, B, finish=False)
    path = tmp_path / "state/journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"x" + lines[1][1:] + lines[2])
    loaded = store(tmp_path).load()
    assert [w.code for w in loaded.warnings] == ["W401"]
    assert not loaded.ledger.known, "an intent may have been lost: nothing may be created before looking"
    ran(tmp_path, A)
    assert (tmp_path / "state/journal.damaged").exists()
    assert store(tmp_path).load().ledger.known


def test_death_between_snapshot_and_emptying_the_journal(tmp_path):
    ran(tmp_path, A, finish=False)
    spent = (tmp_path / "state/journal").read_bytes()
    ran(tmp_path, B)
    (tmp_path / "state/journal").write_bytes(spent)  # as if the last step had not happened
    assert bound(tmp_path) == ["cachedContents/a", "cachedContents/b"]
    ran(tmp_path, A)
    assert bound(tmp_path) == ["cachedContents/a", "cachedContents/b"]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda folder: (folder / "state.json").unlink(), "E401"),
        (lambda folder: (folder / "state.json").write_bytes(b""), "E402"),
        (lambda folder: (folder / "state.json").write_bytes(b"{}"), "E403"),
    ],
    ids=["missing", "empty", "damaged"],
)
def test_damage_to_the_snapshot_is_never_no_state(tmp_path, damage, code):
    ran(tmp_path, A, finish=False)
    damage(tmp_path / "state")
    with pytest.raises(StateError) as caught:
        store(tmp_path).load()
    assert caught.value.code == code and "rebuild" in caught.value.hint


def test_an_older_copy_put_back_under_a_journal(tmp_path):
    ran(tmp_path, A)
    old = (tmp_path / "state/state.json").read_bytes()
    ran(tmp_path, B)
    ran(tmp_path, A, finish=False)
    (tmp_path / "state/state.json").write_bytes(old)
    with pytest.raises(StateError) as caught:
        store(tmp_path).load()
    assert caught.value.code == "E408"


def test_a_journal_of_another_lineage(tmp_path):
    ran(tmp_path, A)
    other = LocalStore(tmp_path / "other", clock=ManualClock(), make_lineage=lambda: "stranger")
    other.begin(OWNER, other.load().ledger)
    (tmp_path / "state/journal").write_bytes((tmp_path / "other/journal").read_bytes())
    with pytest.raises(StateError) as caught:
        store(tmp_path).load()
    assert caught.value.code == "E407"


def test_modes_do_not_depend_on_the_umask(tmp_path):
    before = os.umask(0)
    try:
        ran(tmp_path, A)
        with store(tmp_path).lock("apply", 0):
            pass
    finally:
        os.umask(before)
    folder = tmp_path / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_step_costs_a_line_and_not_a_rewrite(tmp_path):
    one = store(tmp_path)
    one.begin(OWNER, one.load().ledger)
    sizes = []
    for number in range(300):
        before = (tmp_path / "state/journal").stat().st_size
        one.append([Bound(Address("CachedContent", f"n{number}"), A.record)])
        sizes.append((tmp_path / "state/journal").stat().st_size - before)
    assert max(sizes) < 2 * min(sizes)
    assert json.loads((tmp_path / "state/state.json").read_bytes())["records"] == []


def test_the_second_run_is_told_who_holds_the_lock(tmp_path):
    with store(tmp_path).lock("apply", 0), pytest.raises(Locked) as caught, store(tmp_path).lock("destroy", 0):
        pass
    assert str(os.getpid()) in str(caught.value) and "`apply`" in str(caught.value)
    with store(tmp_path).lock("destroy", 0):
        pass


def test_waiting_for_the_lock_is_bounded_by_the_clock(tmp_path):
    clock = ManualClock()
    with store(tmp_path).lock("apply", 0):
        with pytest.raises(Locked), LocalStore(tmp_path / "state", clock=clock).lock("apply", 5):
            pass
    assert sum(clock.slept) == pytest.approx(5, abs=0.2)


def test_the_lock_dies_with_its_process(tmp_path):
    script = (
        "import sys,signal,os\nsys.path[:0]=[%r]\nfrom pathlib import Path\nfrom values import ManualClock\n"
        "from gemctl.state.local import LocalStore\n"
        "with LocalStore(Path(%r), clock=ManualClock()).lock('apply', 0):\n"
        "    print('held', flush=True)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    ) % (str(Path(__file__).parent.parent), str(tmp_path / "state"))
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert run.stdout == "held\n", run.stderr
    with store(tmp_path).lock("apply", 0):
        pass


class Meanwhile(ManualClock):
    """Something happens while the waiting one sleeps."""

    def __init__(self, happens):
        super().__init__()
        self._happens = happens

    def sleep(self, seconds):
        super().sleep(seconds)
        self._happens()


@pytest.mark.parametrize("left", [None, b"", b'{"pid"', b"[]", b'{"pid": "x", "host": 1}', "of a dead run"], ids=str)
def test_who_has_just_taken_the_lock_is_given_time_to_say_who_it_is(tmp_path, left):
    """What is read before may be of an earlier run; the name of a run that has ended would send somebody looking."""
    info = tmp_path / "state" / "lock.info"
    with store(tmp_path).lock("apply", 0):
        says = info.read_bytes()
        info.unlink()
        if left == "of a dead run":
            left = json.dumps({**json.loads(says), "pid": _ended(), "doing": "before"}).encode()
        if left is not None:
            info.write_bytes(left)
        other = LocalStore(tmp_path / "state", clock=Meanwhile(lambda: info.write_bytes(says)))
        with pytest.raises(Locked, match="doing `apply`"), other.lock("destroy", 0):
            pass


def test_a_lock_whose_owner_never_says_who_it_is(tmp_path):
    clock = ManualClock()
    with store(tmp_path).lock("apply", 0):
        (tmp_path / "state" / "lock.info").unlink()
        with pytest.raises(Locked, match="left no name"), LocalStore(tmp_path / "state", clock=clock).lock("apply", 0):
            pass
    assert sum(clock.slept) < 6


def _ended():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid
