"""wait, results, cancel and apply --wait, as people and pipelines use them."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import pty
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from gemctl.cli.main import run
from gemctl.core.errors import Temporary
from gemctl.emulator import app as emulator
from gemctl.emulator.server import running
from gemctl.workflows import jobs

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
from cli_world import environment, gemctl
from quick_gemctl import quick_gemctl

ONE = {"requests": [{"key": "k", "request": {"contents": "a"}}]}
AT = "BatchJob/nightly"
STAYS = "x [[emulator: job stays RUNNING]]"


@pytest.fixture
def lists(monkeypatch):
    """The paths of all lists that are asked for."""
    seen: list[str] = []
    real = emulator.App.handle

    def handle(self, request):
        if request.method == "GET" and request.path.count("/") == 2:
            seen.append(request.path.rpartition("/")[2])
        return real(self, request)

    monkeypatch.setattr(emulator.App, "handle", handle)
    return seen


def when_asleep(shop, act):
    """Do this the first time that somebody waits."""
    real = shop.clock.sleep

    def sleep(seconds):
        shop.clock.sleep = real
        act()
        real(seconds)

    shop.clock.sleep = sleep


# wait


def test_wait_ends_with_the_jobs(shop, lists):
    shop.job("a", "b")
    shop.job("c", name="weekly")
    shop.apply()
    lists.clear()
    said = shop.gemctl("wait", AT, "BatchJob/weekly")
    assert said.out.splitlines() == [
        "BatchJob/nightly  succeeded: 2 of 2 requests",
        "BatchJob/weekly  succeeded: 1 of 1 requests",
    ]
    assert shop.clock.slept == [2.0, 3.0]
    # One look at everything, and then one list a look, of however many jobs.
    assert lists.count("batches") == 1 + 3
    assert lists.count("files") <= 1
    assert shop.plan() == [f"harvest {AT} · finished", "harvest BatchJob/weekly · finished"]


@pytest.mark.parametrize(
    ("limit", "hours", "status"), [("2h", 2, 1), pytest.param("99h", 48, 5, marks=pytest.mark.slow)]
)
def test_wait_takes_its_time(shop, lists, limit, hours, status):
    shop.declare("nightly", ONE, display_name=STAYS)
    shop.apply()
    lists.clear()
    said = shop.gemctl("wait", AT, "--timeout", limit, status=status)
    if hours == 48:  # the service ends it
        assert said.out == "BatchJob/nightly  expired: 0 of 1 requests\n"
    pauses = shop.clock.slept
    assert pauses[0] == 2.0
    assert pauses[:-1] == sorted(pauses[:-1])  # the last one ends with the limit
    assert max(pauses) == 60.0
    assert sum(pauses) < hours * 3600 + 120
    assert len(lists) < hours * 60 + 30


def test_wait_gives_up(shop):
    shop.declare("nightly", ONE, display_name=STAYS)
    shop.apply()
    said = shop.gemctl("wait", AT, "--timeout", "5m", status=1)
    assert "E539" in said.err
    assert sum(shop.clock.slept) == pytest.approx(300)
    lines = shop.gemctl("wait", AT, "--timeout", "0s", "--json", status=1).lines
    assert [line["type"] for line in lines] == ["run", "waited"]
    assert lines[1]["diagnostics"][0]["code"] == "E539"
    assert lines[1]["jobs"][0]["ended"] is False


def test_wait_tells_programs_what_moves(shop):
    shop.job("a", "b [[emulator: fail 429]]")
    shop.apply()
    *moves, end = shop.gemctl("wait", AT, "--json").lines
    assert [(line["state"], line["done"], line["ended"]) for line in moves] == [
        ("PENDING", 0, False),
        ("RUNNING", 1, False),
        ("SUCCEEDED", 2, True),
    ]
    assert {line["type"] for line in moves} == {"run"}
    (job,) = end["jobs"]
    assert end["diagnostics"] == []
    assert (job["succeeded"], job["failed"], job["requests"]) == (True, 1, 2)


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "EXPIRED"])
def test_wait_says_that_a_job_has_failed(shop, state):
    shop.declare("nightly", ONE, display_name=f"x [[emulator: job ends {state}]]")
    shop.apply()
    assert state.lower() in shop.gemctl("wait", AT, status=5).out


def test_wait_for_what_is_over(shop):
    shop.job("a")
    shop.apply("--wait")
    shop.forget_jobs()
    shop.clock.slept.clear()
    assert shop.gemctl("wait", AT).out == "BatchJob/nightly  saved: 1 of 1 requests\n"
    assert shop.clock.slept == []


def test_what_is_said_of_a_deadline_of_nothing(shop):
    shop.declare("nightly", ONE, deadline="0s")
    assert "A deadline of 0s has passed before anything is run." in shop.gemctl("validate", status=1).err


def test_what_is_said_of_a_file_that_can_not_be_processed(shop):
    """The service's words, which are a sentence, and one full stop."""
    shop.write("broken.txt", "gemctl-emulator: fail processing")
    head = {"apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "broken"}}
    shop.write("file.yaml", json.dumps({**head, "spec": {"source": "broken.txt", "mimeType": "text/plain"}}))
    parts = [{"text": "What is this?"}, {"fileRef": {"name": "broken"}}]
    shop.declare("nightly", {"requests": [{"key": "k", "request": {"contents": [{"parts": parts}]}}]})
    said = shop.apply(status=5)
    assert "E533" in said.err
    assert ".." not in said.err


def shown(shop, name="nightly"):
    """The state of a job as `output` and `state show` have it, without asking the service."""
    address = f"BatchJob/{name}"
    facts = shop.gemctl("output", address, "--json").document["outputs"][address]
    assert shop.gemctl("state", "show", address).document["facts"]["state"] == facts["state"]
    return facts["state"], facts.get("successfulRequestCount")


def test_what_was_seen_last_is_written_down(shop):
    shop.job("a", "b")
    shop.declare("failing", ONE, display_name="x [[emulator: job ends FAILED]]")
    shop.apply()
    assert shown(shop) == ("PENDING", None)
    shop.later(2)
    shop.gemctl("wait", AT, "--timeout", "0s", status=1)
    assert shown(shop) == ("RUNNING", 1)
    shop.gemctl("wait", AT)
    assert shown(shop) == ("SUCCEEDED", 2)
    assert shown(shop, "failing") == ("PENDING", None)
    shop.apply()
    assert (shown(shop), shown(shop, "failing")) == (("SUCCEEDED", 2), ("FAILED", None))
    before = shop.state.read_bytes()
    shop.apply()
    shop.gemctl("wait", AT)
    assert shop.state.read_bytes() == before


@pytest.mark.parametrize("how", ["apply", "results", "apply --wait"])
def test_what_was_seen_is_written_down_with_the_results(shop, how):
    shop.job("a", cleanup="whenHarvested")
    shop.declare("failing", ONE, display_name="x [[emulator: job ends FAILED]]")
    if how == "apply --wait":
        shop.apply("--wait", status=5)
    else:
        shop.apply()
        shop.later()
        shop.gemctl("apply", "--yes") if how == "apply" else shop.gemctl("results")
        shop.apply()
    assert (shown(shop)[0], shown(shop, "failing")[0]) == ("SUCCEEDED", "FAILED")
    assert shop.live()[0]["state"] == "BATCH_STATE_FAILED"
    assert len(shop.live()) == 1


def test_wait_leaves_a_state_alone_that_another_run_holds(shop):
    from gemctl.state.local import LocalStore

    shop.job("a")
    shop.apply()
    with LocalStore(shop.state.parent, clock=shop.clock).lock("apply", 0):
        shop.gemctl("wait", AT)
    assert shown(shop) == ("PENDING", None)


def test_wait_for_a_job_that_disappears(shop):
    shop.declare("nightly", ONE, display_name=STAYS)
    shop.apply()
    shop.later(60)
    when_asleep(shop, shop.forget_jobs)
    assert "gone" in shop.gemctl("wait", AT, status=5).out


def test_wait_passes_over_trouble(shop, monkeypatch):
    shop.job("a")
    shop.apply()
    real, trouble = jobs.survey, 0

    def survey(*arguments):
        nonlocal trouble
        trouble += 1
        if 1 < trouble < most:
            raise Temporary("The connection broke.")
        return real(*arguments)

    monkeypatch.setattr(jobs, "survey", survey)
    most = 10
    shop.gemctl("wait", AT)
    shop.job("b")
    shop.apply()
    trouble, most = 0, 100
    shop.gemctl("wait", AT, status=1)


@pytest.mark.parametrize("command", ["wait", "results", "cancel"])
@pytest.mark.parametrize("what", ["CachedContent/handbook", "BatchJob/unheard-of", "Batch/x", "nowhere"])
def test_what_is_no_job(shop, command, what):
    shop.job("a")
    shop.cache()
    more = ["--yes"] if command == "cancel" else []
    said = shop.gemctl(command, what, *more, status=64)
    assert "error[E00" in said.err


def test_what_was_never_run(shop):
    shop.job("a")
    assert "has not been run" in shop.gemctl("wait", AT, status=64).err
    assert "is not live" in shop.gemctl("cancel", AT, "--yes", status=64).err
    assert "not run" in shop.gemctl("results", AT).out
    assert not shop.state.exists()


class Watched(emulator.App):
    """Counts the lists of jobs that are asked for once there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.looked, self.started = threading.Semaphore(0), False

    def handle(self, request):
        response = super().handle(request)
        self.started = self.started or request.path.endswith(":batchGenerateContent")
        if self.started and request.path.endswith("/batches"):
            self.looked.release()
        return response


@pytest.mark.parametrize(
    ("words", "number", "status"),
    [
        (["wait", AT], signal.SIGINT, 130),
        pytest.param(["wait", AT, "--json"], signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param(["apply", "--yes", "--wait", "--json"], signal.SIGINT, 130, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_the_wait_at_once(shop, words, number, status):
    """A real process, and a service that is never done."""
    shop.write("gemctl.yaml", (shop.folder / "gemctl.yaml").read_text().replace("{endpoint: emulator}", "{}"))
    shop.declare("nightly", ONE, display_name=STAYS)
    app = Watched()
    with running(app) as url:
        env = environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any-word")
        if words[0] == "wait":
            assert gemctl(shop.folder, "apply", "--yes", env=env).returncode == 0
        process = subprocess.Popen(
            [quick_gemctl(), *words], cwd=shop.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        for _ in range(2 if words[0] == "wait" else 1):
            assert app.looked.acquire(timeout=300)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
        assert process.returncode == status, (out, err)
        assert "Traceback" not in err
        if words[0] == "apply":
            assert json.loads(out.splitlines()[-1])["stoppedBy"] == number
        assert "running" in gemctl(shop.folder, "plan", env=env).stdout


def test_progress_on_a_terminal(shop):
    """A bar for each job on standard error, none of it on standard output."""
    shop.job("a", "b")
    shop.job("c", name="weekly")
    shop.apply()
    ours, theirs = pty.openpty()
    shown = io.BytesIO()

    def drain():
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                shown.write(piece)

    reader = threading.Thread(target=drain)
    reader.start()
    out = io.StringIO()
    with os.fdopen(theirs, "w") as terminal, contextlib.redirect_stderr(terminal), contextlib.redirect_stdout(out):
        assert run(["-C", str(shop.folder), "wait", AT, "BatchJob/weekly"], clock=shop.clock) == 0
    reader.join()
    os.close(ours)
    text = shown.getvalue().decode()
    assert "BatchJob/nightly  running: 1 of 2 requests" in text
    assert "BatchJob/weekly  succeeded: 1 of 1 requests" in text
    assert out.getvalue().count("\n") == 2
    assert "\x1b" not in out.getvalue()


# results


def test_results_saves_and_does_nothing_else(shop):
    shop.job("a", "b [[emulator: fail 429]]")
    shop.job("c", name="weekly")
    shop.apply()
    shop.later()
    shop.cache()  # declared meanwhile, and not applied
    (shop.folder / "weekly.yaml").unlink()  # would be deleted
    said = shop.gemctl("results", AT)
    header, row, used = said.out.splitlines()
    assert header.split() == ["ADDRESS", "STATE", "RESPONSES", "ERRORS", "FILE"]
    assert row.split() == [AT, "saved", "1", "1", "out/nightly.jsonl"]
    assert used.startswith(f"{AT}: 1 token in, ")
    assert shop.answered() == "re"
    document = shop.gemctl("results", "--json").document
    assert [(job["address"], job["state"], job["new"]) for job in document["jobs"]] == [
        (AT, "saved", False),
        ("BatchJob/weekly", "saved", True),
    ]
    (saved,) = document["saved"]
    assert (shop.folder / saved["file"]).exists()
    assert saved["file"].startswith("out/weekly.")
    assert shop.plan() == [
        f"keep {AT} · done",
        "delete BatchJob/weekly · undeclared",
        "create CachedContent/handbook · declared",
    ]
    assert shop.gemctl("results", "--json").document["saved"] == []


def test_results_of_what_runs_and_of_what_failed(shop):
    shop.declare("failed", ONE, display_name="x [[emulator: job ends FAILED]]")
    shop.declare("running", ONE, display_name=STAYS)
    shop.apply()
    shop.later()
    shop.job("a", name="new")
    states = {job["address"]: job["state"] for job in shop.gemctl("results", "--json").document["jobs"]}
    assert states == {"BatchJob/failed": "failed", "BatchJob/running": "running", "BatchJob/new": "not run"}
    shop.forget_jobs()
    document = shop.gemctl("results", "BatchJob/running", "--json").document
    assert [job["state"] for job in document["jobs"]] == ["gone"]


def test_results_where_there_are_no_jobs(shop):
    assert shop.gemctl("results").out == "There are no jobs.\n"
    nothing = {"formatVersion": "1", "jobs": [], "saved": [], "diagnostics": []}
    assert shop.gemctl("results", "--json").document == nothing


def test_results_that_can_not_be_saved(shop):
    shop.job("a")
    shop.job("b", name="weekly", results="elsewhere/weekly.jsonl")
    shop.apply()
    shop.later()
    shop.write("out", "a file, where a folder should be")
    said = shop.gemctl("results", status=5)
    assert "E536" in said.err
    assert "BatchJob/nightly  ended  -          -       -" in said.out
    assert "BatchJob/weekly   saved  1          0       elsewhere/weekly.jsonl" in said.out
    (shop.folder / "out").unlink()
    assert shop.gemctl("results", "--json").document["jobs"][0]["state"] == "saved"


def test_results_wait_for_the_lock(shop):
    from gemctl.state.local import LocalStore

    shop.job("a")
    with LocalStore(shop.state.parent, clock=shop.clock).lock("apply", 0):
        shop.gemctl("results", status=3)
        shop.gemctl("cancel", AT, "--yes", status=3)


def test_results_of_a_lost_state(shop):
    """What is found by its mark is written down, and saved."""
    shop.job("a")
    shop.apply()
    shop.later()
    shop.lose_state()
    assert shop.gemctl("results", "--json").document["jobs"][0]["state"] == "saved"
    assert shop.is_quiet()


def gone(shop, file="out/nightly.jsonl"):
    """What was in the file, which is gone now."""
    data = (shop.folder / file).read_bytes()
    (shop.folder / file).unlink()
    return data


def lines(*texts):
    parts = [{"key": f"k{n}", "request": {"contents": [{"parts": [{"text": text}]}]}} for n, text in enumerate(texts)]
    return "".join(json.dumps(part) + "\n" for part in parts)


@pytest.mark.parametrize("source", ["inline", "file"])
@pytest.mark.parametrize("receipt", ["kept", "gone"])
def test_results_that_are_gone_are_fetched_again(shop, source, receipt):
    """Of all attempts that they came from; only if they are asked for; and they are what they were."""
    texts = ["a", "b [[emulator: fail once 503]]", "c [[emulator: fail 429]]"]
    if source == "inline":
        shop.job(*texts, onFailed="resubmit")
    else:
        shop.write("requests.jsonl", lines(*texts))
        shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, onFailed="resubmit")
    shop.apply("--wait")
    assert len(shop.live()) == 2
    data, paper = gone(shop), shop.receipt()
    if receipt == "gone":
        gone(shop, "out/nightly.jsonl.run.json")
    shop.gemctl("results")
    shop.apply()
    state = shop.state.read_bytes()
    assert not (shop.folder / "out/nightly.jsonl").exists()
    document = shop.gemctl("results", AT, "--json").document
    assert (shop.folder / "out/nightly.jsonl").read_bytes() == data
    assert shop.receipt() == paper
    assert shop.state.read_bytes() == state
    assert [(job["state"], job["new"], job["file"]) for job in document["jobs"]] == [
        ("saved", True, "out/nightly.jsonl")
    ]
    assert document["saved"][0]["digest"] == document["jobs"][0]["digest"]
    assert shop.gemctl("results", AT, "--json").document["saved"] == []
    assert shop.is_quiet()


def test_results_that_are_gone_for_good(shop):
    shop.job("a", "b [[emulator: fail once 503]]", onFailed="resubmit")
    shop.apply("--wait")
    gone(shop)
    first, second = shop.live()
    shop.call("DELETE", first["name"])
    said = shop.gemctl("results", AT, status=5)
    assert "E537" in said.err
    assert "What the service has of it now is not what was saved: 1 of 2 responses." in said.err
    shop.call("DELETE", second["name"])
    said = shop.gemctl("results", AT, status=5)
    assert "out/nightly.jsonl is gone, and can't be saved again: The service no longer has the job." in said.err
    assert "sha256:" in said.err
    assert shop.files() == {"nightly.jsonl.run.json"}
    assert shop.is_quiet()


def test_results_that_are_gone_and_come_from_a_file_that_is_gone(shop):
    shop.write("requests.jsonl", lines("a"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}})
    shop.apply("--wait")
    gone(shop)
    (job,) = shop.live()
    shop.later(49 * 3600)
    (found,) = shop.gemctl("results", AT, "--json", status=5).document["diagnostics"]
    assert (found["code"], found["address"]) == ("E537", AT)
    assert job["output"]["responsesFile"] in found["detail"]


def test_results_that_are_gone_and_can_not_be_written(shop):
    shop.job("a")
    shop.apply("--wait")
    gone(shop)
    (shop.folder / "out/nightly.jsonl.run.json").unlink()
    (shop.folder / "out").rmdir()
    shop.write("out", "a file, where a folder should be")
    assert "E536" in shop.gemctl("results", AT, status=5).err


def test_results_all_of_which_are_there_need_no_file_of_the_rest(shop):
    """Where nobody runs it again it is nobody's; where all was run again it is gone, and what was uploaded ends."""
    shop.write("requests.jsonl", lines("a", "b [[emulator: fail once 503]]"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}})
    shop.apply("--wait")
    assert "nightly.jsonl.without.jsonl" in shop.files()
    assert not any("File/nightly.rest" in change for change in shop.plan())
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, onFailed="resubmit")
    assert "create File/nightly.rest · declared" in shop.plan()
    shop.apply("--wait")
    assert shop.answered() == "rr"
    assert shop.files() == {"nightly.jsonl", "nightly.jsonl.run.json"}
    assert "W205" not in shop.gemctl("validate").err
    assert shop.is_quiet()
    shop.later(50 * 3600)
    assert shop.is_quiet()


# cancel


def test_what_was_stopped_is_not_run_again(shop):
    shop.declare(
        "nightly", ONE, display_name="x [[emulator: job stays PENDING]]", onExpired="resubmit", onFailed="resubmit"
    )
    shop.apply()
    shop.gemctl("cancel", AT, "--yes")
    assert shop.plan() == [f"keep {AT} · failed"]
    assert shop.is_quiet()


def test_cancel(shop):
    shop.job(*"abcd")
    shop.apply()
    shop.later(2)
    said = shop.gemctl("cancel", AT, "--yes")
    assert "✓ cancel" in said.out
    assert shop.plan() == [f"harvest {AT} · finished"]
    said = shop.gemctl("cancel", AT, "--yes")
    assert said.out == "BatchJob/nightly  succeeded: 4 of 4 requests, 2 failed\n"
    shop.apply()
    assert shop.answered() == "rree"
    assert shop.is_quiet()


def test_cancel_for_programs(shop):
    shop.job("a")
    shop.apply()
    *lines, end = shop.gemctl("cancel", AT, "--yes", "--json").lines
    assert [(line["operation"], line["status"]) for line in lines] == [("cancel", "started"), ("cancel", "done")]
    assert end["type"] == "outcome"
    (line,) = shop.gemctl("cancel", AT, "--yes", "--json").lines
    assert (line["type"], line["state"], line["ended"]) == ("run", "CANCELLED", True)


def test_cancel_needs_somebody_to_ask(shop):
    shop.job("a")
    shop.apply()
    for words in ([], ["--json"]):
        said = shop.gemctl("cancel", AT, *words, status=64)
        assert "--yes" in said.out + said.err
    assert shop.live()[0]["state"] == "BATCH_STATE_PENDING"


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("\n", 1)])
def test_cancel_asks(shop, monkeypatch, answer, status):
    shop.job("a")
    shop.apply()
    asked = []
    monkeypatch.setattr("gemctl.cli.term.interactive", lambda: True)
    monkeypatch.setattr("gemctl.cli.term.Terminal.ask", lambda _, question: asked.append(question) or answer == "y\n")
    shop.gemctl("cancel", AT, status=status)
    assert asked == ["BatchJob/nightly  pending: 0 of 1 requests. Cancel it?"]
    assert (shop.live()[0]["state"] == "BATCH_STATE_CANCELLED") == (status == 0)


def test_cancel_while_a_manifest_is_broken(shop):
    shop.job("a")
    shop.apply()
    shop.write("broken.yaml", "kind: [")
    shop.gemctl("cancel", AT, "--yes")
    assert shop.live()[0]["state"] == "BATCH_STATE_CANCELLED"
    shop.gemctl("wait", AT, status=5)


# apply --wait


def test_apply_waits_and_saves(shop):
    shop.job("a", "b [[emulator: fail once 503]]", onFailed="resubmit")
    shop.cache()
    *lines, end = shop.gemctl("apply", "--yes", "--wait", "--json").lines
    steps = [
        (line["operation"], line["address"]) for line in lines if line["type"] == "step" and line["status"] == "done"
    ]
    assert steps[2:] == [("harvest", AT), ("create", AT), ("harvest", AT)]
    assert [(line["succeeded"], line["failed"]) for line in lines if line["type"] == "saved"] == [(1, 1), (2, 0)]
    assert [line["state"] for line in lines if line["type"] == "run"][:2] == ["PENDING", "RUNNING"]
    assert (end["type"], end["summary"]["done"], end["stoppedBy"]) == ("outcome", 5, None)
    assert shop.is_quiet()


def test_apply_waits_for_what_runs_already(shop):
    shop.job("a")
    shop.apply()
    said = shop.apply("--wait")
    assert "1 response in out/nightly.jsonl" in said.out


def test_apply_has_nothing_to_wait_for(shop):
    shop.cache()
    shop.apply("--wait")
    assert shop.clock.slept == []
    shop.job("a")
    shop.apply("--wait")
    shop.clock.slept.clear()
    shop.apply("--wait")
    assert shop.clock.slept == []


def test_apply_waits_for_its_targets_only(shop):
    shop.job("a")
    shop.declare("other", ONE, display_name=STAYS)
    shop.apply()
    shop.apply("--wait", "--target", AT)
    assert shop.answered() == "r"
    shop.job("b")
    shop.apply("--wait", str(shop.folder / "nightly.yaml"))
    assert shop.answered() == "r"


def test_apply_ends_with_what_failed(shop):
    shop.declare("nightly", ONE, display_name="x [[emulator: job ends FAILED]]")
    said = shop.apply("--wait", status=5)
    assert "E507" in said.err
    assert "it ended as FAILED" in said.err
    end = shop.gemctl("apply", "--yes", "--wait", "--json", status=5).lines[-1]
    assert [found["code"] for found in end["diagnostics"]] == ["E507"]


def test_apply_brings_what_is_undeclared_to_its_end(shop):
    shop.job(*"abcd")
    shop.apply()
    shop.later(2)
    (shop.folder / "nightly.yaml").unlink()
    said = shop.apply("--allow-empty", "--wait")
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("✓")] == [
        "cancel",
        "harvest",
        "delete",
    ]
    assert shop.live() == []


def test_what_was_edited_while_it_waits_is_left_to_the_next_apply(shop):
    """Nobody has been shown it. What has nothing to do with it goes on."""
    shop.job("a")
    shop.job("b", name="weekly")

    def edit():
        shop.job("edited")
        shop.cache()

    when_asleep(shop, edit)
    shop.apply("--wait")
    assert (shop.folder / "out/weekly.jsonl").exists()
    assert not (shop.folder / "out/nightly.jsonl").exists()
    assert len(shop.live()) == 2
    assert "create BatchJob/nightly · edited" in shop.plan()
    assert "create CachedContent/handbook · declared" in shop.plan()


def test_the_results_of_a_run_that_is_recorded_are_no_orphan(shop):
    shop.write("rows.jsonl", json.dumps({"key": "k", "request": {"contents": [{"parts": [{"text": "a"}]}]}}) + "\n")
    shop.declare("nightly", {"input": {"jsonl": "rows.jsonl"}})
    shop.apply("--wait")
    owners = {one["owner"] for one in shop.gemctl("get", "File", "--json").document["objects"]}
    assert "BatchJob/nightly (made by it)" in owners
    assert shop.gemctl("orphans", "--json").document["orphans"] == []


def test_what_another_run_has_started_while_it_waits_is_left_to_that_run(shop):
    """Two nights of a job whose key is a variable: the second stops the first, which must not stop the second."""
    shop.declare("nightly", ONE, key="${var.night}", results="out/${var.night}.jsonl")
    later = []
    when_asleep(shop, lambda: later.append(shop.apply("--var", "night=2")))
    said = shop.apply("--wait", "--var", "night=1", status=5)
    assert "E507" in said.err and "Another run has started it" in said.err
    assert later[0].status == 0
    assert sorted(job["state"] for job in shop.live()) == ["BATCH_STATE_CANCELLED", "BATCH_STATE_RUNNING"]
    shop.apply("--wait", "--var", "night=2")
    assert (shop.folder / "out/2.jsonl").exists()


def test_the_lock_is_free_while_it_waits(shop):
    shop.job("a")
    said = []
    when_asleep(shop, lambda: said.append(shop.apply()))
    shop.apply("--wait")
    assert said[0].status == 0
    assert shop.answered() == "r"


def test_results_that_come_later_than_the_end(shop, monkeypatch):
    late = functools.partial(emulator.App, batch_output_lag=timedelta(seconds=25))
    monkeypatch.setattr(emulator, "App", late)
    shop.job("a")
    shop.apply()
    shop.later()
    assert "E538" in shop.gemctl("results", status=5).err
    shop.apply("--wait")
    assert shop.answered() == "r"
    assert shop.is_quiet()


def test_apply_minds_the_deadline_while_it_waits(shop):
    """It is told to stop in time, and run again once; then nobody says any more what to do, and the service ends it."""
    shop.declare("nightly", ONE, display_name="x [[emulator: job stays PENDING]]", deadline="2h", onExpired="resubmit")
    said = shop.apply("--wait", status=5)
    steps = [line.split()[1] for line in said.out.splitlines() if line.startswith("✓")]
    assert steps == ["create", "cancel", "create"]
    assert "it ended as EXPIRED" in said.err
    first, second = shop.live()
    assert first["state"] == "BATCH_STATE_CANCELLED"
    assert second["state"] == "BATCH_STATE_EXPIRED"
    assert "T11:00:" in second["createTime"]


def test_a_saved_plan_with_wait(shop):
    shop.job("a")
    plan = str(shop.folder / "one.plan")
    shop.gemctl("plan", "--out", plan)
    shop.apply("--wait", plan)
    assert shop.answered() == "r"


def test_destroy_takes_two_goes_where_a_job_runs(shop):
    shop.job(*"abcd")
    shop.cache()
    shop.apply()
    shop.later(2)
    shop.gemctl("destroy", "--yes")
    assert len(shop.live()) == 1
    shop.gemctl("destroy", "--yes")
    assert shop.live() == []
    assert len(shop.files()) == 2


def test_destroy_with_wait_takes_one(shop):
    shop.job(*"abcd")
    shop.cache()
    shop.apply()
    shop.later(2)
    said = shop.gemctl("destroy", "--yes", "--wait")
    assert [line.split()[1] for line in said.out.splitlines() if line.startswith("✓")][-2:] == ["harvest", "delete"]
    assert shop.live() == []
    assert json.loads(shop.gemctl("get", "--json").out)["objects"] == []


@pytest.mark.parametrize("resubmitted", [False, True])
def test_the_file_of_its_requests_is_cleaned_up_with_a_job(shop, resubmitted):
    """Its input, and what was uploaded to be run again; the state then knows nothing live of them."""
    second = "b [[emulator: fail once 503]]" if resubmitted else "b"
    shop.write("requests.jsonl", lines("a", second))
    source = {"input": {"jsonl": "requests.jsonl"}}
    shop.declare("nightly", source, cleanup="whenHarvested", onFailed="resubmit")
    done = []
    for _ in range(6):
        done += shop.plan()
        shop.apply()
        shop.later()
    assert "delete BatchJob/nightly · done" in done
    assert "delete File/nightly.input · done" in done
    assert ("delete File/nightly.rest · done" in done) == resubmitted
    ours = [file["name"] for file in shop.call("GET", "files").get("files", []) if "/g1-" in file["name"]]
    assert ours == []
    assert shop.answered() == "rr"
    assert [one["address"] for one in shop.gemctl("state", "list", "--json").document["records"]] == [AT]
    assert {change.partition(" · ")[0] for change in shop.plan()} == {f"keep {AT}"}
    assert shop.is_quiet()


def test_apply_waits_and_cleans_up_what_came_with_a_job(shop):
    shop.write("requests.jsonl", lines("a"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, cleanup="whenHarvested")
    shop.apply("--wait")
    assert shop.plan() == [f"keep {AT} · done"]
    assert not [file for file in shop.call("GET", "files").get("files", []) if "/g1-" in file["name"]]


def test_what_came_with_a_job_is_not_shown_where_nothing_needs_it(shop):
    shop.write("requests.jsonl", lines("a", "b [[emulator: fail once 503]]"))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, onFailed="resubmit")
    shop.apply("--wait")
    assert shop.answered() == "rr"
    assert "File/" not in shop.gemctl("plan").out
    shop.later(50 * 3600)
    assert {change.partition(" · ")[0] for change in shop.plan()} == {f"keep {AT}"}
