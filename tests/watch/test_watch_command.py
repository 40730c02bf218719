"""`gemctl watch` by its real command line, on the embedded emulator and under a clock that is moved by hand."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import io
import json
import shutil
import signal
import tracemalloc
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from watch_world import TEXT, cache, minutes

from gemctl.cli.main import run
from gemctl.emulator.app import App

EDITED = cache("one", "Other. " + TEXT)


def test_a_cache_is_renewed_each_time_that_it_is_due_and_not_before(place):
    place.applied()
    ends = []
    for minute in range(10, 130, 10):
        place.at(f"{minute}m", lambda: ends.append(min(place.live().values())))
    assert place.watch("--interval", "4m10s", until="130m") == 143
    assert place.steps() == ["update CachedContent/one"] * 3
    looks = {round(minutes(tick["at"])) for tick in place.told("tick") if tick["why"] == "due"}
    assert looks == {40, 80, 120}
    assert min(ends) >= timedelta(minutes=20)
    slept = place.told("sleep")
    assert {sleep["why"] for sleep in slept} == {"interval", "due"}
    assert place.told("error") == place.told("needs") == []
    assert place.lines[0]["event"] == "start"
    assert place.lines[0]["allow"] == ["expired", "expiring", "finished", "missing", "queued"]
    assert {line["formatVersion"] for line in place.lines} == {"1"}
    del place.lines[-1]["formatVersion"]
    assert place.lines[-1] == {"type": "watch", "event": "stop", "at": place.lines[-1]["at"], "signal": 15}
    outcomes = [line for line in place.lines if line["type"] == "outcome"]
    assert [line["summary"]["done"] for line in outcomes] == [1, 1, 1]
    assert minutes(outcomes[0]["nextDue"]) == pytest.approx(80, abs=0.1)


def test_it_looks_as_often_as_the_interval_says(place):
    place.applied()
    assert place.watch("--interval", "10m", until="35m") == 143
    assert [minutes(tick["at"]) for tick in place.told("tick")] == [0, 10, 20, 30]


def test_jitter_puts_off_what_is_due_and_never_beyond_the_middle_of_what_is_left(place):
    place.write("one.yaml", cache("one", more="lifecycle: {renewBefore: 2m}\n"))
    place.applied()
    assert place.watch("--jitter", "1h", until="70m") == 143
    (tick,) = [tick for tick in place.told("tick") if tick["going"]]
    assert tick["going"] == {"update": 1}
    assert 58 <= minutes(tick["at"]) <= 59


@pytest.mark.parametrize("clock", ["+3d", "2026-12-24T18:00:00Z"])
def test_the_embedded_emulators_own_time_goes_on(place, monkeypatch, clock):
    monkeypatch.setenv("GEMCTL_EMULATOR_CLOCK", clock)
    place.applied()
    assert place.watch(until="50m") == 143
    # Where it begins at an instant, it began there once for apply and once more for watch.
    assert place.steps() == ["update CachedContent/one"]


def test_people_are_told_in_lines_with_the_time(place):
    place.write("two.yaml", cache("two"))
    assert place.watch("--allow", "declared", until="10s", as_json=False, number=signal.SIGINT) == 130
    lines = place.out.splitlines()
    assert all(line.startswith("2026-11-21T09:0") for line in lines)
    said = [line.partition(" ")[2] for line in lines]
    assert said[0] == "watching shop / local; unattended: declared"
    assert said[1] == "2 to create"
    assert {line.split()[2] for line in said[2:4]} == {"CachedContent/one", "CachedContent/two"}
    assert said[-2:] == ["sleeping until 2026-11-21T09:02:30Z (interval)", "stopped by SIGINT"]
    assert place.err.startswith("shop / local on embedded emulator\n")


def test_what_needs_a_person_is_told_once_and_again_when_it_is_done_with(place):
    place.at("20m", place.gemctl, "apply", "--yes")
    assert place.watch(until="30m") == 143
    first, last = place.told("needs")
    assert first["changes"] == [
        {"address": "CachedContent/one", "action": "create", "reason": "declared", "name": None, "why": None}
    ]
    assert last["changes"] == []
    assert minutes(last["at"]) >= 20
    assert [tick["needs"] for tick in place.told("tick")][::8] == [1, 0]
    assert place.steps() == []


def test_warnings_are_told_once(place):
    place.write("one.yaml", cache("one") + f"  displayName: {'x' * 90}\n")
    assert place.watch(until="20m") == 143
    (notice,) = place.told("notice")
    assert [(found["severity"], found["address"]) for found in notice["diagnostics"]] == [
        ("warning", "CachedContent/one")
    ]


@pytest.mark.parametrize("allow", ["", "edited"])
def test_an_edit_is_seen_within_seconds_and_waits_or_goes(place, allow):
    place.applied()
    place.at("10m10s", place.write, "one.yaml", EDITED)
    assert place.watch(*(["--allow", allow] if allow else []), until="20m") == 143
    (changed,) = [tick for tick in place.told("tick") if tick["why"] == "changed"]
    assert 0 < minutes(changed["at"]) - 10 - 1 / 6 < 1 / 3
    if allow:
        assert place.steps() == ["create CachedContent/one", "update CachedContent/one"]
        assert place.told("needs") == []
    else:
        assert place.steps() == []
        ((need,),) = [line["changes"] for line in place.told("needs")]
        assert (need["action"], need["reason"]) == ("replace", "edited")


def test_while_an_edit_waits_what_was_applied_is_kept_alive_and_then_replaced(place):
    place.applied()
    (name,) = [record["name"] for record in _records(place)]
    place.at("10m", place.write, "one.yaml", EDITED)
    place.at("85m", lambda: _same(place, name))
    place.at("90m", place.gemctl, "apply", "--yes")
    assert place.watch("--interval", "10m", until="100m") == 143
    assert place.steps() == ["update CachedContent/one"] * 2
    assert [len(line["changes"]) for line in place.told("needs")] == [1, 0]
    (other,) = [record["name"] for record in _records(place)]
    assert other != name


def _records(place):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["-C", str(place.folder), "state", "list", "--json"], clock=place.clock) == 0
    return json.loads(out.getvalue())["records"]


def _same(place, name):
    assert place.live().keys() == {"CachedContent/one"}
    assert [record["name"] for record in _records(place)] == [name]


def test_files_that_manifests_name_are_seen_to_change_and_to_appear(place):
    spec = "spec:\n  contents: [{parts: [{textFiles: 'texts/*.md'}]}]\n"
    (place.folder / "texts").mkdir()
    place.write("texts/a.md", TEXT)
    place.write("one.yaml", "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: one}\n" + spec)
    place.applied()
    place.at("10m10s", place.write, "texts/b.md", "More. " + TEXT)
    place.at("15m10s", place.write, "texts/a.md", "Other. " + TEXT)
    place.at("20m10s", place.write, "two.yaml", cache("two"))
    place.at("25m10s", (place.folder / "two.yaml").unlink)
    assert place.watch("--allow", "edited,declared,undeclared", "--interval", "50m", until="40m") == 143
    changed = [(round(minutes(tick["at"])), tick["going"]) for tick in place.told("tick") if tick["why"] == "changed"]
    assert changed == [(10, {"replace": 1}), (15, {"replace": 1}), (20, {"create": 1}), (25, {"delete": 1})]


def test_a_broken_manifest_is_told_once_and_renewals_go_on(place):
    place.write("two.yaml", cache("two"))
    place.applied()
    place.at("10m", place.write, "two.yaml", "kind: [")
    place.at("20m", place.write, "three.yaml", cache("three"))
    place.at("130m", place.write, "two.yaml", "kind: File\nkind: File\n")  # broken in another way
    place.at("140m", place.write, "two.yaml", cache("two"))
    assert place.watch("--allow", "expiring,declared,undeclared", until="150m") == 143
    assert place.codes() == [["E101"], ["E102"]]
    assert place.told("error")[0]["diagnostics"][0]["file"] == "two.yaml"
    done = place.steps()
    assert done[:6] == ["update CachedContent/one", "update CachedContent/two"] * 3  # at 40, 80 and 120 minutes
    assert done[6:] == ["create CachedContent/three"]  # once they are in order
    assert [minutes(line["at"]) for line in place.told("recovered")] == [pytest.approx(140, abs=0.4)]


def test_a_broken_project_file_is_no_reason_to_stop_either(place):
    place.applied()
    text = (place.folder / "gemctl.yaml").read_text()
    place.at("10m", place.write, "gemctl.yaml", "kind: Project\nstacks: 7\n")
    place.at("50m", (place.folder / "gemctl.yaml").unlink)
    place.at("90m", place.write, "gemctl.yaml", text)
    assert place.watch(until="100m") == 143
    assert place.steps() == ["update CachedContent/one"] * 2
    assert len(place.codes()) == 2
    assert place.codes()[1] == ["E018"]
    assert len(place.told("recovered")) == 1


def test_one_that_begins_with_broken_manifests_keeps_alive_what_is_recorded(place):
    place.applied()
    place.write("one.yaml", "kind: [")
    assert place.watch("--allow", "expiring,undeclared", until="90m") == 143
    assert place.codes() == [["E101"]]
    assert place.steps() == ["update CachedContent/one"] * 2
    assert place.told("needs") == []


def test_another_run_holds_the_lock(place):
    place.applied()
    lock = (place.folder / ".gemctl/local/lock").open()
    place.at("10m", fcntl.flock, lock, fcntl.LOCK_EX)
    place.at("20m", lock.close)
    assert place.watch(until="30m") == 143
    assert place.codes() == [["E410"]]
    (recovered,) = place.told("recovered")
    assert 20 <= minutes(recovered["at"]) <= 22.6
    waits = [sleep for sleep in place.told("sleep") if sleep["why"] == "retry"]
    assert 5 <= len(waits) <= 11  # ever later, and no later than the interval


def test_a_state_that_cannot_be_used_ends_it(place):
    place.applied()
    place.at("10m", (place.folder / ".gemctl/local/state.json").write_text, "")
    assert place.watch(until="20m") == 6
    assert place.lines[-1]["diagnostics"][0]["code"] == "E402"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--allow", "expiring,sometimes"], "sometimes"),
        (["--allow", "in_sync"], "in_sync"),
        (["--interval", "1s"], "short"),
        (["--interval", "soon"], "soon"),
        (["--jitter", "-1s"], "-1s"),
        (["--metrics-port", "70000"], "70000"),
        (["--stack", "none"], "none"),
    ],
)
def test_a_command_line_that_asks_for_something_else(place, words, said):
    assert place.watch(*words, until="1s") == 64
    (found,) = place.lines
    assert said in found["diagnostics"][0]["detail"]
    assert "expiring" in (found["diagnostics"][0]["hint"] or "") or words[0] != "--allow"


def test_without_a_key_at_the_beginning_it_does_not_begin(place):
    assert place.watch("--stack", "live", until="1s") == 1
    assert place.lines[0]["diagnostics"][0]["code"] == "E310"


def test_guards_hold_and_renewals_go_on(place):
    for name in ("two", "three", "four", "five"):
        place.write(f"{name}.yaml", cache(name))
    place.applied()
    for name in ("two", "three", "four", "five"):
        place.at("10m", (place.folder / f"{name}.yaml").unlink)
    assert place.watch("--allow", "expiring,undeclared", "--interval", "10m", until="50m") == 143
    assert place.codes() == [["E505"]]
    assert place.steps() == ["update CachedContent/one"]


def test_what_prevents_its_end_does_not_keep_others_from_being_renewed(place):
    place.write("two.yaml", cache("two", more="lifecycle: {preventDestroy: true}\n"))
    place.applied()
    place.at("10m", place.write, "two.yaml", cache("two", "Other " + TEXT, "lifecycle: {preventDestroy: true}\n"))
    assert place.watch("--allow", "expiring,edited", "--interval", "10m", until="50m") == 143
    assert place.codes() == [["E502"]]
    assert sorted(place.steps()) == ["update CachedContent/one", "update CachedContent/two"]


def test_an_edit_that_fails_does_not_let_the_old_one_end(place):
    place.applied()
    place.at("10m", place.write, "one.yaml", cache("one", "too little"))
    name = _records(place)[0]["name"]
    place.at("115m", lambda: _same(place, name))
    assert place.watch("--allow", "expiring,expired,edited", until="120m") == 143
    assert place.codes()[0] == ["E301"]
    assert place.steps().count("update CachedContent/one") == 2
    assert not any(step.startswith("create") for step in place.steps())


def test_an_empty_folder_is_taken_for_an_accident(place):
    place.applied()
    place.at("10m", (place.folder / "one.yaml").unlink)
    assert place.watch("--allow", "expiring,undeclared", until="50m") == 143
    assert place.codes() == [["E503"]]
    assert place.steps() == ["update CachedContent/one"]


def test_a_wrong_key_makes_nothing_again(place):
    """Nothing of ours is visible: that is how a key of another project looks, and no reason to make all anew."""
    place.write("two.yaml", cache("two"))
    place.applied()
    store = place.folder / ".gemctl/local/emulator"
    place.at("10m", shutil.move, store, store.with_name("elsewhere"))
    assert place.watch(until="20m") == 143
    assert place.codes() == [["E501"]]
    assert place.steps() == []


@pytest.mark.slow
def test_what_it_holds_does_not_grow(place):
    place.write("one.yaml", cache("one", more="lifecycle: {renewBefore: 58m}\n"))
    place.applied()
    sizes = []

    def weigh():
        gc.collect()
        place.clock.slept.clear()
        sizes.append(tracemalloc.get_traced_memory()[0])

    place.at("5m", weigh)
    place.at("19m", weigh)
    tracemalloc.start()
    try:
        assert place.watch("--interval", "30s", until="20m", as_json=False) == 143
    finally:
        tracemalloc.stop()
    assert place.out.count("✓ update") >= 9
    assert sizes[1] - sizes[0] < 2_000 * 28  # a tick; of that what it says, which is kept here, is a part


def test_what_is_not_the_results_is_asked_for_again(place):
    """For once a job comes with the status of a success and half of its results."""
    (place.folder / "out").mkdir()
    requests = "[{key: a, request: {contents: one}}, {key: b, request: {contents: two}}]"
    job = "apiVersion: gemctl/v1\nkind: BatchJob\nmetadata: {name: nightly}\nrun: {results: out/nightly.jsonl}\n"
    place.write("job.yaml", f"{job}spec: {{model: gemini-3.8-flash, requests: {requests}}}\n")
    place.applied()
    handle, left = App.handle, [1]

    def short(self, request):
        response = handle(self, request)
        if request.method == "GET" and "/batches/" in request.path and left[0]:
            left[0] -= 1
            document = json.loads(response.body)
            del document["metadata"]["output"]["inlinedResponses"]["inlinedResponses"][1]
            return replace(response, body=json.dumps(document).encode())
        return response

    with patch.object(App, "handle", short):
        assert place.watch(until="15m") == 143
    assert place.codes() == [["E538"]]
    assert place.told("recovered")
    assert place.steps() == ["harvest BatchJob/nightly"]
    assert len((place.folder / "out/nightly.jsonl").read_text().splitlines()) == 2


def job(name: str) -> str:
    request = {"key": "k", "request": {"contents": name}}
    head = {"apiVersion": "gemctl/v1", "kind": "BatchJob", "metadata": {"name": name}}
    return json.dumps({**head, "spec": {"model": "gemini-3.8-flash", "requests": [request]}})


def test_jobs_that_wait_for_room_are_sent_soon(place, monkeypatch):
    """A minute later each, though nothing is due and the interval is long; it is no trouble."""
    monkeypatch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"batches_at_once": 1}))
    for name in ("two", "three"):
        place.write(f"{name}.yaml", job(name))
    place.applied()
    assert place.watch("--allow", "declared", "--interval", "10m", until="4m") == 143
    made = [step for step in place.steps() if step.startswith("create")]
    assert len(made) == 1 and made[0] in ("create BatchJob/two", "create BatchJob/three")
    assert place.codes() == []
