"""The state folder comes to harm between two runs: cut, flipped, emptied, deleted, swapped, put back from a copy.

Each case is held against what docs/lifecycle.md says: the exit status, that nothing is created meanwhile, and that the
way out named there leads out. The auditor looks at what the service did.

DAMAGE_EVERY=1 runs the command line at every byte instead of a sample; REBUILD_WORLDS=1000 rebuilds as many worlds.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import pytest
from auditor import live_objects, mark_of
from fault_files import SETTLE, Died, Disk, Fault, FaultFiles, Shop, cache
from kill_world import file, job

from gemctl.core.errors import StateError
from gemctl.core.mark import address_tag
from gemctl.core.record import Intended
from gemctl.emulator.faults import Fault as WireFault
from gemctl.files.disk import Files
from gemctl.state import journal
from gemctl.state.local import MOST

NAMES = ("one", "two", "three", "four")
FOUR = [cache(name) for name in NAMES]
EVERY = int(os.environ.get("DAMAGE_EVERY", "150"))
WORLDS = int(os.environ.get("REBUILD_WORLDS", "100"))


def put(shop, **files):
    """Put files into the state folder; None takes one away. `state_json` is state.json."""
    state = dict(shop.files.disk.state())
    for name, data in files.items():
        path = shop.state / name.replace("_", ".")
        state.pop(path, None)
        if data is not None:
            state[path] = data
    shop.files = FaultFiles(disk=Disk(tuple(state.items())))
    return shop


def held(shop, name="state.json"):
    return shop.files.read(shop.state / name, MOST)


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """Four caches, applied; nobody is to change this one, but branches of it."""
    shop = Shop(tmp_path_factory.mktemp("applied"))
    shop.declare(*FOUR)
    assert shop.apply() == 0, shop.said
    assert shop.created() == 4 and not shop.problems()
    return shop


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A run that died before its snapshot. Its third create is under way still, and surfaces 50 s after it was sent."""
    shop = Shop(tmp_path_factory.mktemp("interrupted"))
    shop.declare(*FOUR)
    shop.app.set_faults([WireFault("late", method="POST", nth=frozenset({3}), delay=50)])
    shop.files = FaultFiles(Fault("die", method="create", suffix="state.json.new", nth=2))
    with pytest.raises(Died):
        shop.apply("--parallelism", "1")
    ledger = shop.local().load().ledger
    assert len(ledger.records) == 3 and len(ledger.open_creates) == 1 and shop.created() == 3
    return shop


def refused(shop, status, code, where):
    """plan and apply both end so, and nothing is sent nor changed on the disk."""
    before, made = [held(shop, name) for name in ("state.json", "journal")], shop.created()
    for words in (("plan",), ("apply", "--yes")):
        assert shop.run(*words) == status, f"{where}: {words} {shop.said}"
        assert f'"{code}"' in shop.said, f"{where}: {shop.said}"
        assert [held(shop, name) for name in ("state.json", "journal")] == before, where
        assert shop.created() == made, where


def healed(shop, where, made=4):
    """Applies, twice if need be, until all is well; never was one created too many."""
    status = shop.apply()
    if status or shop.problems():
        status = shop.apply()
    assert status == 0, f"{where}: {shop.said}"
    assert shop.problems() == [], where
    assert shop.created() == made, f"{where}: {shop.created()} were made"
    assert shop.run("plan", "--detailed-exitcode") == 0, f"{where}: {shop.said}"


def rebuilt(shop, where, made=4):
    assert shop.run("state", "rebuild") == 0, f"{where}: {shop.said}"
    healed(shop, where, made)


def leave(shop, code, copy, where):
    """The way out: a copy put back for what looks newer than this gemctl, which no rebuild touches; else a rebuild."""
    if code == "E404":
        assert shop.run("state", "rebuild") == 6 and '"E404"' in shop.said, where
        healed(put(shop, state_json=copy), where)
    else:
        rebuilt(shop, where)


def broken(data):
    """(where, damaged data) for each byte: cut before it, and one of its bits flipped."""
    chance = random.Random(5)
    for at in range(len(data)):
        bit = chance.randrange(8)
        yield f"cut at byte {at}", data[:at]
        yield f"bit {bit} of byte {at} flipped", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def every(cases, number):
    """Each `number`-th, but an odd number, so that cuts and flips take turns."""
    return list(cases)[:: number | 1]


def code_of(shop):
    """The code of the StateError on loading, None for a ledger."""
    try:
        shop.local().load()
    except StateError as error:
        return error.code
    return None


def test_a_snapshot_damaged_anywhere_is_refused_or_the_very_same(applied):
    """At each byte: never another ledger, never none."""
    whole, found = applied.local().load(), set()
    data = held(applied)
    paths = dict(applied.files.disk.state())
    for where, damaged in broken(data):
        files = FaultFiles(disk=Disk(tuple({**paths, applied.state / "state.json": damaged}.items())))
        try:
            loaded = applied.local(files).load()
        except StateError as error:
            found.add(error.code)
        else:  # a blank between two values became another, or the last newline is missing
            assert loaded == whole, where
            found.add("same")
    assert {"E402", "E403", "same"} <= found <= {"E402", "E403", "E404", "same"}


@pytest.mark.slow
def test_the_command_line_with_a_damaged_snapshot(applied):
    """Exit status 6 from both commands, then rebuild, then apply: nothing was made anew."""
    cases = every(broken(held(applied)), EVERY)
    tried = 0
    for where, damaged in cases:
        shop = put(applied.branch(), state_json=damaged)
        if code := code_of(shop):
            refused(shop, 6, code, where)
            leave(shop, code, held(applied), where)
            tried += 1
        else:
            healed(shop, where)
    assert tried > 0.8 * len(cases) > 30


def test_a_journal_damaged_anywhere_is_a_beginning_and_says_so(interrupted):
    """At each byte: a beginning of what was written; and unless that is how a torn line looks, a ledger in doubt."""
    data = held(interrupted, "journal")
    paths = dict(interrupted.files.disk.state())
    whole = journal.read(data).entries
    in_doubt = 0
    for where, damaged in broken(data):
        files = FaultFiles(disk=Disk(tuple({**paths, interrupted.state / "journal": damaged}.items())))
        found = journal.read(damaged)
        assert found.entries == whole[: len(found.entries)], where
        assert found.damaged == ("flipped" in where), where
        if in_doubt % 5 == 0:
            loaded = interrupted.local(files).load()
            assert loaded.identity is not None, where
            assert loaded.ledger.known != found.damaged, where
        in_doubt += found.damaged
    assert in_doubt == len(data)


@pytest.mark.slow
def test_the_command_line_with_a_damaged_journal(interrupted):
    """No command refuses. A flipped bit may have taken an intent with it, so apply waits: the create that is under way
    is found, and none is made twice."""
    cases = [case for case in broken(held(interrupted, "journal")) if "flipped" in case[0]]
    for where, damaged in every(cases, EVERY // 2):
        shop = put(interrupted.branch(), journal=damaged)
        assert shop.run("plan") == 0, f"{where}: {shop.said}"
        assert '"W401"' in shop.said, where
        healed(shop, where)
        assert held(shop, "journal.damaged") == damaged, where


@pytest.mark.slow
def test_the_command_line_with_a_journal_cut_short(interrupted):
    """A cut looks like a death, and can't be told from one: what it took is found by its mark, once it is visible."""
    cases = [case for case in broken(held(interrupted, "journal")) if "cut" in case[0]]
    for where, damaged in every(cases, EVERY // 2):
        shop = put(interrupted.branch(), journal=damaged)
        shop.clock.advance(SETTLE)
        assert shop.run("plan") == 0, f"{where}: {shop.said}"
        healed(shop, where)


def test_a_journal_cut_short_while_a_create_is_under_way(interrupted):
    """Not promised: at most one at any moment. Promised: exactly one, after the run that sees the late one."""
    data = held(interrupted, "journal")
    entries = journal.read(data).entries
    third = [number for number, entry in enumerate(entries) if isinstance(entry, Intended)][2]
    cut = b"".join(data.splitlines(keepends=True)[: third + 1])
    shop = put(interrupted.branch(), journal=cut)
    assert shop.apply() == 0, shop.said
    shop.clock.advance(SETTLE)
    healed(shop, "cut before the intent", made=5)


CASES = {
    # what happens to the files: (what is put where, status, code); None where the marks suffice
    "the snapshot is deleted": ({"state_json": None}, None),
    "all is deleted": ({"state_json": None, "journal": None}, None),
    "the snapshot is empty": ({"state_json": b""}, "E402"),
    "the snapshot is blank": ({"state_json": b"\n \n"}, "E402"),
    "the snapshot is of zeros": ({"state_json": bytes(4096)}, "E403"),
    "the snapshot is something else": ({"state_json": b'{"format": 1}'}, "E403"),
    "the snapshot is endless": ({"state_json": b'{"format": 1e999}'}, "E403"),
    "the journal is deleted": ({"journal": None}, None),
    "the journal is of zeros": ({"journal": bytes(4096)}, None),
    "the journal is noise": ({"journal": random.Random(3).randbytes(3000)}, None),
}


@pytest.mark.parametrize("case", CASES)
def test_files_of_a_finished_run(applied, case):
    files, code = CASES[case]
    shop = put(applied.branch(), **files)
    if code:
        refused(shop, 6, code, case)
        rebuilt(shop, case)
    else:
        assert shop.run("plan") == 0, shop.said
        healed(shop, case)


@pytest.mark.parametrize("case", CASES)
def test_files_of_an_interrupted_run(interrupted, case):
    """The same with an open create; without a snapshot its journal is an error, and never no state."""
    files, code = CASES[case]
    shop = put(interrupted.branch(), **files)
    if case in ("the journal is deleted", "the journal is of zeros"):
        shop.clock.advance(SETTLE)  # nothing shows that there was one, or that it held more than a torn line
    if case == "the snapshot is deleted":
        code = "E401"
    if code:
        refused(shop, 6, code, case)
        rebuilt(shop, case)
    else:
        assert shop.run("plan") == 0, shop.said
        healed(shop, case)


def test_everything_is_deleted_while_the_only_create_is_under_way_and_nothing_is_visible(tmp_path):
    """The limit of what can be known: no state and no mark is a first run. The late one is swept by the next."""
    shop = Shop(tmp_path / "shop")
    shop.declare(FOUR[0])
    shop.app.set_faults([WireFault("late", method="POST", nth=frozenset({1}), delay=50)])
    assert shop.apply() == 5
    put(shop, state_json=None, journal=None)
    assert shop.apply() == 0
    shop.clock.advance(SETTLE)
    healed(shop, "a first run that wasn't", made=2)


def test_an_older_copy_of_both_files(tmp_path):
    """From before two were added: they are found by their marks."""
    shop = Shop(tmp_path / "shop")
    shop.declare(*FOUR[:2])
    assert shop.apply() == 0
    old = held(shop)
    shop.declare(*FOUR)
    assert shop.apply() == 0
    put(shop, state_json=old, journal=b"")
    assert shop.run("plan") == 0
    healed(shop, "older copy")


def test_an_older_copy_from_before_a_replacement(tmp_path):
    """Both generations are live, and the copy knows the old one only; the new one is just what is declared."""
    shop = Shop(tmp_path / "shop")
    shop.declare(*FOUR)
    assert shop.apply() == 0
    old = held(shop)
    shop.declare(cache("one", "another text"), *FOUR[1:])
    assert shop.apply() == 0 and shop.created() == 5
    put(shop, state_json=old, journal=b"")
    assert shop.apply() == 0 and '"W505"' in shop.said
    assert shop.created() == 5 and shop.problems() == []
    healed(shop, "older copy", made=5)


def test_an_older_copy_from_before_a_replacement_and_another_edit(tmp_path):
    """What the copy does not know is not what is declared: another writer. Rebuild takes in what is live."""
    shop = Shop(tmp_path / "shop")
    shop.declare(*FOUR)
    assert shop.apply() == 0
    old = held(shop)
    shop.declare(cache("one", "another text"), *FOUR[1:])
    assert shop.apply() == 0 and shop.created() == 5
    put(shop, state_json=old, journal=b"")
    shop.declare(cache("one", "a third text"), *FOUR[1:])
    assert shop.run("plan") == 1 and '"E504"' in shop.said
    assert shop.apply() == 5 and '"E504"' in shop.said
    assert shop.created() == 5
    rebuilt(shop, "older copy", made=6)


def test_an_older_copy_of_the_snapshot_under_the_journal_of_a_later_run(applied):
    shop = applied.branch()
    old = held(shop)
    shop.declare(*FOUR[:3], cache("four", ttl="12h"))
    assert shop.apply() == 0
    shop.declare(*FOUR)
    shop.files = shop.files.restarted(Fault("die", method="create", suffix="state.json.new"))
    with pytest.raises(Died):
        shop.apply()
    put(shop, state_json=old)
    refused(shop, 6, "E408", "older snapshot")
    rebuilt(shop, "older snapshot")


def test_the_journal_of_another_state(applied, interrupted):
    shop = put(applied.branch(), journal=held(interrupted, "journal"))
    refused(shop, 6, "E407", "another state's journal")
    rebuilt(shop, "another state's journal")


@pytest.mark.parametrize(("change", "code"), [("project", "E405"), ("stack", "E405"), ("endpoint", "E406")])
def test_the_state_of_somebody_else(applied, tmp_path, change, code):
    """A copied folder. Its own is put back, or it is moved away and what is live is found by the marks."""
    other = Shop(tmp_path / "other")
    if change == "project":
        other.id = "0ther0ther"
        other.write_project()
    elif change == "stack":
        other.stack = "other"
    else:
        other.endpoint = "elsewhere.test"
    other.declare(*FOUR)
    assert other.apply() == 0
    own = held(applied)
    shop = put(applied.branch(), state_json=held(other))
    refused(shop, 6, code, change)
    assert shop.run("state", "rebuild") == 6 and f'"{code}"' in shop.said, "it isn't ours to set aside"
    assert held(shop) == held(other)
    healed(put(shop.branch(), state_json=own), change)
    healed(put(shop, state_json=None), f"{change}, moved away")


@pytest.fixture
def keyed(tmp_path):
    """Two keys of one project and one of another; the state was made with the first."""
    shop = Shop(tmp_path / "shop")
    shop.keys = {shop.key: "ours", "our-second-key": "ours", "a-strangers-key": "theirs"}
    shop.declare(*FOUR)
    assert shop.apply() == 0
    return shop


def test_another_key_of_the_same_project_is_accepted_with_a_notice(keyed):
    keyed.key = "our-second-key"
    assert keyed.run("plan") == 0 and '"W502"' in keyed.said
    healed(keyed, "second key")


def test_a_key_of_another_project_sees_nothing_and_creates_nothing(keyed):
    good, keyed.key = keyed.key, "a-strangers-key"
    refused(keyed, 1, "E501", "a stranger's key")
    keyed.key = good
    healed(keyed, "our key again")


def test_a_newer_format_is_not_touched_and_goes_on_after_the_upgrade(applied):
    own = held(applied)
    newer = json.dumps({**json.loads(own), "format": 4, "more": [1]}).encode()
    shop = put(applied.branch(), state_json=newer)
    refused(shop, 6, "E404", "newer")
    assert held(shop) == newer
    healed(put(shop, state_json=own), "after the upgrade")


def test_a_rebuild_is_repeatable_and_keeps_what_was_there(applied):
    shop = put(applied.branch(), state_json=b"{")
    rebuilt(shop, "first")
    first = shop.local().load().ledger
    assert held(shop, "state.json.aside") == b"{"
    rebuilt(shop, "second")
    assert shop.local().load().ledger.records == first.records


# rebuild(delete(state)) = state, up to what only the state can know.


LOST = {
    "paid": None,
    "origin": "",
    "fields": None,
    "expiry": None,
    "deadline": None,
    "prevent_destroy": False,
    "retire": None,
    "shown": None,
}
LOST_TOO = {"BatchJob": {"outputs": {}, "uses": (), "harvest": None, "run": None}}  # how far it was, and how it was run
TOLD = {"CachedContent": 13, "BatchJob": 13, "File": 7}  # how much of the spec the mark tells; a file's is its id


def a_life(shop, chance):
    """A few edits, each applied; time passes; at the end perhaps one that isn't applied."""
    declared = {}
    for _ in range(chance.randint(1, 4)):
        edit(declared, chance)
        shop.declare(*declared.values())
        assert shop.apply() == 0, shop.said
        shop.clock.advance(timedelta(seconds=chance.choice((1, 7, 200, 3000))))
    before = dict(declared)
    if chance.random() < 0.4:
        edit(declared, chance)
        shop.declare(*declared.values())
    return before, declared


def edit(declared, chance):
    """Caches for the most part, and a file and a job."""
    for _ in range(chance.randint(1, 3)):
        name = chance.choice((*NAMES, "doc", "night"))
        text = chance.choice(("this", "that", "something else"))
        if name in declared and chance.random() < 0.25:
            del declared[name]
        elif name == "doc":
            declared[name] = file(name, f"{text}.txt", lifecycle={"keep": "always"})
        elif name == "night":
            declared[name] = job(name, text)
        else:
            retire = chance.choice(("10m", "0s", "2h"))
            ttl = chance.choice(("24h", "30h"))
            declared[name] = cache(name, text, ttl=ttl, lifecycle={"retire": retire})


def essence(ledger, live, blurred):
    """By tag of the address, as marks hold no names: what a rebuild can know of each binding and each older one."""
    records = {
        record.address_tag: replace(
            record, **LOST, **LOST_TOO.get(address.kind, {}), spec_tag=record.spec_tag[: TOLD[address.kind]]
        )
        for address, record in ledger.records.items()
        if record.name in live and record.address_tag not in blurred
    }
    older = {
        name: old.address_tag
        for name, old in ledger.retiring.items()
        if name in live and old.address_tag not in blurred
    }
    return records, older


def undecidable(app, live, ledger, desired):
    """Tags of addresses that were edited back while what they were before lives on: two live objects of one
    declaration, an older one that is what is declared now, or one that is younger than what is current. Marks do not
    tell which of them readers were told of.
    """
    wanted = {address_tag(address): resource.spec_tag for address, resource in desired.resources.items()}
    made = {effect.name: effect.seq for effect in app.effects if effect.kind == "created"}
    current = {record.name: made.get(record.name) for record in ledger.records.values()}
    newest = {mark_of(effect).address_tag: made[name] for name, effect in live.items() if name in current}
    marks = [(name, mark_of(effect)) for name, effect in live.items()]
    pairs = Counter((mark.address_tag, mark.spec_tag) for _, mark in marks)
    others = [(name, mark) for name, mark in marks if name not in current]
    back = {mark.address_tag for _, mark in others if mark.of(wanted.get(mark.address_tag, ""))}
    younger = {mark.address_tag for name, mark in others if made[name] > newest.get(mark.address_tag, made[name])}
    return back | younger | {address for (address, _), number in pairs.items() if number > 1}


@pytest.mark.parametrize("worlds", [12, pytest.param(WORLDS, marks=pytest.mark.slow)])
def test_a_rebuild_of_random_worlds_is_what_was_there(tmp_path, worlds):
    seen = Counter()
    for seed in range(worlds):
        chance = random.Random(seed)
        shop = Shop(tmp_path / str(seed))
        for text in ("this", "that", "something else"):
            (shop.folder / f"{text}.txt").write_text(text)
        shop.state.mkdir(parents=True)  # results are put together there; all else is in `shop.files`
        before, declared = a_life(shop, chance)
        made = shop.created()
        live = live_objects(shop.app)
        old, desired = shop.local().load().ledger, shop.desired()
        put(shop, state_json=None, journal=None)
        assert shop.run("state", "rebuild") == 0, f"world {seed}: {shop.said}"
        new = shop.local().load().ledger
        blurred = undecidable(shop.app, live, old, desired)
        assert essence(new, live, blurred) == essence(old, live, blurred), f"world {seed}"
        assert new.known and shop.created() == made
        for address, record in new.records.items():
            if address in desired.resources and desired.resources[address].spec_tag == record.spec_tag:
                assert record.fields == desired.resources[address].declared.fields, f"world {seed}"
                if before == declared and record.address_tag not in blurred:
                    assert (record.expiry, record.retire) == (old.records[address].expiry, old.records[address].retire)
        missing = {
            address
            for address, resource in desired.resources.items()
            if address not in new.records or new.records[address].spec_tag != resource.spec_tag
            if not (resource.receipt and resource.receipt.spec_tag == resource.spec_tag)  # its results are there
        }
        assert {intent.address for intent in new.open_creates} == missing, f"world {seed}"
        seen["older"] += bool(new.retiring)
        seen["edited since"] += before != declared
        seen["undeclared"] += any(address not in desired.resources for address in new.records)
        seen["edited back"] += bool(blurred)
        seen["objects compared"] += sum(map(len, essence(new, live, blurred)))
        for _ in range(3):  # a job is run, or told to stop; its results are saved; and it is deleted
            assert shop.apply("--allow-rerun") == 0, f"world {seed}: {shop.said}"
            shop.clock.advance(60)
        assert shop.problems() == [], f"world {seed}"
        assert shop.run("plan", "--detailed-exitcode") == 0, f"world {seed}: {shop.said}"
    assert worlds < 100 or (min(seen.values()) > 0 and len(seen) == 5), seen
    assert seen["objects compared"] > 2 * worlds and seen["edited back"] < worlds / 3, seen


# A disk that is really full.


@pytest.mark.slow
def test_a_really_full_disk(tmp_path):
    """Applies on a file system that has less and less room, where this machine lets us mount one."""
    mount = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=128k tmpfs "$0" && exec "$@"', str(tmp_path)]
    probe = subprocess.run([*mount, "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        print(f"No really full disk here, as this machine mounts none: {probe.stderr.strip()}")
        return
    done = subprocess.run([*mount, sys.executable, __file__, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {1, 5} & {one["status"] for one in told}, told
    assert 0 in {one["status"] for one in told}, told


class RealFiles(Files):
    """The real disk, as a Shop wants it."""

    def restarted(self):
        return self


def on_a_small_disk(room):
    """In a process of its own, on a file system of its own: with each number of pages left, down to none."""
    for pages in range(12, -1, -1):
        shop = Shop(room / "shop", files=RealFiles(room))
        shop.declare(*FOUR)
        with (room / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        os.truncate(room / "filler", (room / "filler").stat().st_size - 4096 * pages)
        status = shop.apply()
        assert status in (0, 1, 5), shop.said
        assert status != 1 or shop.created() == 0, shop.said
        (room / "filler").unlink()
        print(json.dumps({"pages": pages, "status": status, "created": shop.created()}))
        healed(shop, f"{pages} pages")
        shutil.rmtree(room / "shop")


if __name__ == "__main__":
    on_a_small_disk(Path(sys.argv[1]))
