"""Jobs from their declaration to their saved results, and on, through the command line."""

from __future__ import annotations

import json

import pytest
from jobs_world import PROJECT

ONCE = "[[emulator: fail once 503]]"
ONE = {"requests": [{"key": "k", "request": {"contents": "a"}}]}


def lines(*texts):
    contents = [
        {"key": f"k{n}", "request": {"contents": [{"parts": [{"text": text}]}]}} for n, text in enumerate(texts)
    ]
    return "".join(json.dumps(line) + "\n" for line in contents)


def test_declared_run_saved_and_done(shop):
    shop.job("a", "b", "c")
    assert shop.plan() == ["create BatchJob/nightly · declared"]
    shop.apply()
    assert shop.plan() == ["keep BatchJob/nightly · running"]
    shop.later()
    said = shop.gemctl("plan")
    assert "harvest BatchJob/nightly" in said.out
    assert "harvest before 2026-11-23T09:00:03Z (in 1d 23h)" in said.out
    applied = shop.apply()
    assert "BatchJob/nightly: 3 responses in out/nightly.jsonl" in applied.out
    assert shop.results() == {"k0": "response", "k1": "response", "k2": "response"}
    assert shop.is_quiet()
    assert "1 done" in shop.gemctl("plan").out
    assert len(shop.live()) == 1


def test_what_is_done_stays_done_when_the_service_has_forgotten_it(shop):
    shop.job("a")
    shop.job("b", name="weekly")
    shop.apply("--wait")
    shop.forget_jobs()
    assert shop.is_quiet()
    shop.later(60 * 86400)
    assert shop.is_quiet()
    assert len(shop.live()) == 0


def test_a_lost_state_finds_the_job_and_its_receipt(shop):
    shop.job("a")
    shop.apply("--wait")
    shop.lose_state()
    assert shop.plan() == ["keep BatchJob/nightly · done"]
    shop.apply()
    assert shop.is_quiet()
    shop.lose_state()
    shop.forget_jobs()
    assert shop.plan() == ["keep BatchJob/nightly · done"]
    shop.apply()
    assert shop.is_quiet()
    assert shop.live() == []


def test_a_lost_state_finds_a_job_that_runs(shop):
    shop.job("a")
    shop.apply()
    shop.lose_state()
    assert shop.plan() == ["keep BatchJob/nightly · running"]
    shop.apply("--wait")
    assert shop.answered() == "r"
    assert len(shop.live()) == 1


@pytest.mark.parametrize("how", ["lost", "rebuilt"])
def test_what_may_have_been_run_is_not_run_again_unasked(shop, how):
    shop.cache()
    shop.job("a")
    shop.apply("--wait")
    (shop.folder / "out/nightly.jsonl.run.json").unlink()
    shop.forget_jobs()
    shop.lose_state()
    if how == "rebuilt":
        shop.gemctl("state", "rebuild")
        shop.later(60)
    for words in (["plan"], ["apply", "--yes"]):
        said = shop.gemctl(*words, status=1)
        assert "E506" in said.err
        assert "--allow-rerun" in said.err
    assert shop.live() == []
    # What else is done meanwhile doesn't make it forgotten, nor does time.
    shop.cache("other")
    shop.apply("--target", "CachedContent/other")
    shop.later(10 * 86400)
    shop.apply("--target", "CachedContent/other")
    assert "E506" in shop.gemctl("apply", "--yes", status=1).err
    shop.apply("--allow-rerun", "--wait")
    assert len(shop.live()) == 1
    assert shop.is_quiet()


def test_an_edited_declaration_was_never_run_before(shop):
    shop.cache()
    shop.job("a")
    shop.apply("--wait")
    (shop.folder / "out/nightly.jsonl.run.json").unlink()
    shop.forget_jobs()
    shop.lose_state()
    shop.gemctl("state", "rebuild")
    shop.later(60)
    shop.job("another")
    shop.apply("--wait")
    assert len(shop.live()) == 1


def test_a_first_run_needs_no_flag(shop):
    shop.job("a")
    shop.gemctl("state", "rebuild")  # finds nothing, and says so
    shop.lose_state()
    shop.apply()
    assert len(shop.live()) == 1


def test_a_rebuild_knows_later_attempts(shop):
    shop.job("a", ONCE, onFailed="resubmit")
    shop.apply("--wait")
    (shop.folder / "out/nightly.jsonl.run.json").unlink()
    assert "Rebuilt: 1 bound." in shop.gemctl("state", "rebuild").out
    assert shop.plan()[0] == "harvest BatchJob/nightly · finished"
    shop.apply()
    assert len(shop.live()) == 2


def test_edited_while_it_runs(shop):
    """The new one is run, the old one is stopped, and what it has answered is saved in a file of its own."""
    shop.job(*"abcdefgh")
    shop.apply()
    shop.later(2)
    (old,) = shop.live()
    shop.job("x", "y")
    changes = shop.plan()
    assert sorted(changes) == ["cancel BatchJob/nightly · superseded", "create BatchJob/nightly · edited"]
    shop.apply()
    shop.later()
    assert sorted(shop.plan()) == ["harvest BatchJob/nightly · finished"] * 2
    said = shop.apply()
    beside = next(name for name in shop.files() if name not in ("nightly.jsonl", "nightly.jsonl.run.json"))
    beside = f"out/{beside.removesuffix('.run.json')}"
    assert beside in said.out
    assert shop.answered() == "rr"
    assert sorted(shop.answered(beside)) == ["e"] * 4 + ["r"] * 4
    assert shop.receipt(beside)["job"] == old["name"]
    assert shop.files() == {
        f"nightly{part}{end}" for part in (beside[11:19], "") for end in (".jsonl", ".jsonl.run.json")
    }
    assert shop.is_quiet()


def test_edited_when_it_was_done(shop):
    """Results of what was declared before are kept beside those of what is declared now."""
    shop.job("a", "b")
    shop.apply("--wait")
    first, tag = (shop.folder / "out/nightly.jsonl").read_bytes(), shop.receipt()["declaration"][:7]
    shop.job("c")
    shop.apply("--wait")
    assert shop.answered() == "r"
    assert (shop.folder / f"out/nightly.{tag}.jsonl").read_bytes() == first
    assert shop.receipt(f"out/nightly.{tag}.jsonl")["harvest"]["succeeded"] == 2


def test_edited_in_what_is_ignored(shop):
    """It counts as run, and its results are saved where those of what is declared belong, in the order they come."""
    shop.job("a", "b", ignore=["requests"])
    shop.apply()
    shop.job("c", ignore=["requests"])
    assert shop.plan() == ["keep BatchJob/nightly · running"]
    shop.apply("--wait")
    assert shop.results() == {"k0": "response", "k1": "response"}
    assert shop.files() == {"nightly.jsonl", "nightly.jsonl.run.json"}
    assert shop.is_quiet()


def test_declared_again_as_it_was_before(shop):
    """It was run, and is not run again, also if only the receipt beside the results says so."""
    shop.job("a")
    shop.apply("--wait")
    shop.job("b")
    shop.apply("--wait")
    shop.job("a")
    for _ in range(2):
        shop.apply("--wait")
        assert shop.is_quiet()
        (job,) = shop.gemctl("results", "--json").document["jobs"]
        assert job["file"] == f"out/nightly.{shop.receipt(job['file'])['declaration'][:7]}.jsonl"
        shop.lose_state()
        shop.forget_jobs()


def test_undeclared_while_it_runs(shop):
    shop.job(*"abcd")
    shop.apply()
    shop.later(2)
    (shop.folder / "nightly.yaml").unlink()
    assert shop.plan("--allow-empty") == ["cancel BatchJob/nightly · undeclared"]
    shop.apply("--allow-empty")
    assert sorted(shop.plan("--allow-empty")) == [
        "delete BatchJob/nightly · undeclared",
        "harvest BatchJob/nightly · finished",
    ]
    said = shop.apply("--allow-empty", "--parallelism", "1")
    assert said.out.index("✓ harvest") < said.out.index("✓ delete")
    (file,) = [name for name in shop.files() if name.endswith(".jsonl")]
    assert sorted(shop.answered(f"out/{file}")) == ["e", "e", "r", "r"]
    assert shop.live() == []
    assert json.loads(shop.gemctl("state", "list", "--json").out)["records"] == []


def test_what_could_not_be_saved_is_not_deleted(shop):
    shop.job("a")
    shop.apply()
    shop.later()
    (shop.folder / "nightly.yaml").unlink()
    (shop.folder / "out").write_text("a file, where a folder should be")
    said = shop.apply("--allow-empty", status=5)
    assert "E536" in said.err
    assert len(shop.live()) == 1
    (shop.folder / "out").unlink()
    shop.apply("--allow-empty")
    assert shop.live() == []
    assert len(shop.files()) == 2


@pytest.mark.parametrize("source", ["inline", "jsonl", "fileRef"])
def test_only_what_has_no_result_is_run_again(shop, source):
    texts = ["a", f"b {ONCE}", "c", f"d {ONCE}", "e"]
    if source == "inline":
        shop.job(*texts, onFailed="resubmit")
    else:
        shop.write("jobs/requests.jsonl", lines(*texts))
        given = {"jsonl": "jobs/requests.jsonl"} if source == "jsonl" else {"fileRef": {"name": "requests"}}
        shop.declare("nightly", {"input": given}, onFailed="resubmit")
        if source == "fileRef":
            spec = {"source": "jobs/requests.jsonl"}
            head = {"apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "requests"}}
            shop.write("file.yaml", json.dumps({**head, "spec": {**spec, "mimeType": "application/jsonl"}}))
    shop.apply()
    shop.later()
    shop.apply()
    assert shop.answered() == "rerer"
    assert shop.receipt()["without"] == ["k1", "k3"]
    assert "create BatchJob/nightly · resubmit" in shop.plan()
    shop.apply()
    shop.later()
    assert [one["batchStats"]["requestCount"] for one in shop.live()] == ["5", "2"]
    shop.apply()
    assert list(shop.results()) == ["k0", "k1", "k2", "k3", "k4"]
    assert shop.answered() == "rrrrr"
    assert (shop.receipt()["attempt"], shop.receipt()["without"]) == (2, [])
    assert shop.is_quiet()
    before = (shop.folder / "out/nightly.jsonl").read_bytes(), shop.receipt()
    shop.lose_state()
    shop.apply()
    assert ((shop.folder / "out/nightly.jsonl").read_bytes(), shop.receipt()) == before
    assert shop.is_quiet()
    assert len(shop.live()) == 2


def test_resubmits_have_an_end(shop):
    shop.job("a", "b [[emulator: fail 429]]", onFailed="resubmit", maxResubmits=2)
    shop.apply("--wait")
    assert [one["batchStats"]["requestCount"] for one in shop.live()] == ["2", "1", "1"]
    assert shop.answered() == "re"
    assert shop.receipt()["attempt"] == 3
    assert shop.is_quiet()


def test_the_lines_that_are_run_again_are_gone(shop):
    """They can't be run again, and nothing else is: that would cost more than was meant."""
    shop.write("requests.jsonl", lines("a", f"b {ONCE}"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, onFailed="resubmit")
    shop.apply()
    shop.later()
    shop.apply()
    rest = shop.folder / "out/nightly.jsonl.without.jsonl"
    kept = rest.read_text()
    rest.write_text("something else\n")
    said = shop.gemctl("validate")
    assert "W206" in said.err
    assert "keep BatchJob/nightly · done" in shop.plan()
    rest.write_text(kept)
    assert "create BatchJob/nightly · resubmit" in shop.plan()


@pytest.mark.parametrize("state", ["FAILED", "EXPIRED", "CANCELLED"])
def test_without_results(shop, state):
    shop.declare("nightly", ONE, display_name=f"x [[emulator: job ends {state}]]")
    shop.apply()
    shop.later()
    said = shop.gemctl("plan", "--detailed-exitcode")
    assert f"it ended as {state}" in said.out
    assert not (shop.folder / "out").exists()
    assert shop.is_quiet()


def test_partial_success_and_states_of_another_spelling_have_results(shop):
    for number, state in enumerate(("PARTIALLY_SUCCEEDED", "JOB_STATE_SUCCEEDED")):
        human = f"x [[emulator: job ends {state}]]"
        shop.declare(f"job{number}", ONE, display_name=human)
    shop.apply("--wait")
    assert shop.answered("out/job0.jsonl") == shop.answered("out/job1.jsonl") == "r"


def test_cleaned_up_once_the_results_are_saved(shop):
    shop.job("a", cleanup="whenHarvested")
    shop.apply("--wait")
    assert shop.live() == []
    assert shop.answered() == "r"
    assert shop.is_quiet()


def test_protected_jobs_are_not_stopped(shop):
    shop.job("a", protect=True)
    shop.apply()
    shop.job("b", protect=True)
    assert "E502" in shop.gemctl("apply", "--yes", status=1).err
    assert "E502" in shop.gemctl("destroy", "--yes", status=1).err
    assert "E502" in shop.gemctl("cancel", "BatchJob/nightly", "--yes", status=1).err
    assert len(shop.live()) == 1


def test_to_cancel_counts_as_to_delete(shop):
    for name in ("one", "two"):
        shop.job("a", name=name)
    shop.apply()
    for name in ("one", "two"):
        (shop.folder / f"{name}.yaml").unlink()
    said = shop.gemctl("apply", "--yes", "--allow-empty", status=1)
    assert "E505" in said.err
    shop.apply("--allow-empty", "--allow-deletes", "2")


def test_what_came_with_a_job_goes_with_it(shop):
    shop.write("requests.jsonl", lines("a"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}})
    shop.cache()
    shop.apply("--wait")
    (shop.folder / "nightly.yaml").unlink()
    assert len(shop.plan()) == 3
    shop.apply()
    assert "E505" not in shop.gemctl("plan").err


def test_two_stacks_have_each_its_run(shop):
    """The receipt of one is none for the other, also where both save in one file."""
    local = "  local: {endpoint: emulator}\n"
    shop.write("gemctl.yaml", PROJECT.replace(local, f"{local}  other: {{endpoint: emulator}}\n"))
    shop.job("a")
    shop.apply("--wait")
    shop.gemctl("--stack", "other", "apply", "--yes", "--wait")
    assert shop.is_quiet()
    assert len(shop.live()) == 1
    assert shop.gemctl("--stack", "other", "plan", "--detailed-exitcode").status == 0


TWO_DAYS = 48 * 3600


def in_a_file(shop, **rules):
    """Declare a job whose requests, and whose results, lie in files: those are forgotten after two days."""
    shop.write("requests.jsonl", lines("a"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, **rules)


def test_results_that_the_service_has_forgotten_are_not_asked_for(shop):
    in_a_file(shop)
    shop.apply()
    shop.later(3)
    shop.later(TWO_DAYS - 1)
    assert "harvest BatchJob/nightly · finished" in shop.plan()
    shop.later(1)
    assert "keep BatchJob/nightly · failed" in shop.plan()
    assert "the service has forgotten its results" in shop.gemctl("plan").out
    assert shop.is_quiet()
    in_a_file(shop, key="second")
    shop.apply("--wait")
    assert shop.answered() == "r"
    assert shop.is_quiet()


def test_results_that_the_service_has_forgotten_are_run_again_if_that_is_wanted(shop):
    in_a_file(shop, onFailed="resubmit")
    shop.apply()
    shop.later(TWO_DAYS + 10)
    assert "create BatchJob/nightly · resubmit" in shop.plan()
    shop.apply("--wait")
    assert shop.answered() == "r"
    assert shop.is_quiet()


def test_undeclared_when_its_results_are_forgotten(shop):
    in_a_file(shop)
    shop.apply()
    shop.later(TWO_DAYS + 10)
    (shop.folder / "nightly.yaml").unlink()
    shop.apply("--allow-empty")
    assert shop.live() == []


def test_results_that_come_with_the_job_are_saved_however_late(shop):
    shop.job("a")
    shop.apply()
    shop.later(5 * 86400)
    shop.apply()
    assert shop.answered() == "r"
    assert shop.is_quiet()


@pytest.mark.parametrize("by", ["hand", "gemctl"])
@pytest.mark.parametrize("deadline", [None, "1h"])
def test_what_somebody_has_stopped_is_not_run_again(shop, by, deadline):
    rules = {"onExpired": "resubmit", "onFailed": "resubmit", **({"deadline": deadline} if deadline else {})}
    shop.declare("nightly", ONE, display_name="x [[emulator: job stays PENDING]]", **rules)
    shop.apply()
    if by == "gemctl":
        shop.gemctl("cancel", "BatchJob/nightly", "--yes")
    else:
        shop.call("POST", f"{shop.live()[0]['name']}:cancel", {})
    shop.later(2 * 3600)
    assert shop.plan() == ["keep BatchJob/nightly · failed"]
    assert "it was cancelled, and changing run.key runs it again" in shop.gemctl("plan").out
    assert shop.is_quiet()
    shop.job("a", key="second")
    assert "create BatchJob/nightly · edited" in shop.plan()


def test_what_somebody_has_stopped_while_it_was_answered_is_saved_and_not_run_again(shop):
    shop.job(*"abcd", onFailed="resubmit", onExpired="resubmit")
    shop.apply()
    shop.later(2)
    shop.gemctl("cancel", "BatchJob/nightly", "--yes")
    shop.apply("--wait")
    assert shop.answered() == "rree"
    assert shop.is_quiet()
    assert "it was cancelled, and changing run.key runs it again; 2 without a result" in shop.gemctl("plan").out
    shop.forget_jobs()
    assert shop.is_quiet()


def test_when_something_is_to_be_done_next(shop):
    def due():
        return shop.gemctl("apply", "--yes", "--json").lines[-1]["nextDue"]

    shop.job("a")
    assert due() == "2026-11-23T09:00:00Z"
    shop.later()
    assert due() is None
    assert due() is None
    assert "expires in" not in shop.gemctl("plan", "-v").out
    shop.later(3 * 86400)
    assert "expires in" not in shop.gemctl("plan", "-v").out


def test_nobody_says_where_results_are_saved(shop):
    document = {"apiVersion": "gemctl/v1", "kind": "BatchJob", "metadata": {"name": "nightly"}}
    shop.write("nightly.yaml", json.dumps({**document, "spec": {"model": "gemini-3.8-flash", **ONE}}))
    shop.apply()
    shop.later()
    said = shop.gemctl("plan", "--detailed-exitcode")
    assert "W506" in said.err
    assert "give run.results, or they are gone at 2026-11-23T09:00:03Z" in said.err
    shop.declare("nightly", ONE)
    shop.apply()
    assert shop.answered() == "r"
    assert "W506" not in shop.gemctl("plan").err


def test_a_lost_state_is_not_waited_for_where_nothing_is_run(shop):
    shop.cache()
    shop.job("a")
    shop.apply("--wait")
    shop.forget_jobs()
    shop.lose_state()
    slept = list(shop.clock.slept)
    shop.apply()
    assert shop.clock.slept == slept
    assert shop.is_quiet()
