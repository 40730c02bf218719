"""Lists that lack what is there: for once, or for ever. Nothing is run again, made again or forgotten for that."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import pytest

from gemctl.emulator import app as emulator
from gemctl.emulator.faults import Fault

JOB = "BatchJob/nightly"


@contextmanager
def lists(*lacking, of="batches"):
    """The first lists of this collection lack rows, by what is in them: "" for all, None for none; the last counts for
    all that follow. Gives the paths of all requests that only look.
    """
    looks, handle = [], emulator.App.handle
    script = list(lacking) or [None]

    def forgetful(self, request):
        response = handle(self, request)
        if request.method == "GET":
            looks.append(request.path.removeprefix("/v1beta/"))
        if request.method == "GET" and request.path == f"/v1beta/{of}" and response.status == 200:
            what = script.pop(0) if len(script) > 1 else script[0]
            page = json.loads(response.body)
            kept = {
                name: [row for row in rows if what is None or what not in json.dumps(row)]
                for name, rows in page.items()
                if isinstance(rows, list)
            }
            response = replace(response, body=json.dumps({name: rows for name, rows in kept.items() if rows}).encode())
        return response

    with patch.object(emulator.App, "handle", forgetful):
        yield looks


def made(shop, collection="batches"):
    """How many were ever made."""
    return sum(one.kind == "created" and one.collection == collection for one in shop.app.effects)


@pytest.fixture
def running(shop):
    """A job that goes on, that would be run again, and another one."""
    shop.declare("nightly", REQUESTS, display_name="[[emulator: job stays RUNNING]]", onFailed="resubmit")
    shop.declare("other", REQUESTS, display_name="[[emulator: job stays RUNNING]]", onFailed="resubmit")
    shop.apply()
    return shop


REQUESTS = {"requests": [{"key": "k", "request": {"contents": "a"}}]}
KEPT = [f"keep {JOB} · running", "keep BatchJob/other · running"]


def test_what_runs_is_not_run_again(running):
    """Whatever the list lacks, and whether for once or for ever."""
    name = running.live()[0]["name"]
    for lacking in (("", None), (name, None), ("", ""), (name, name)):
        running.later(60)
        with lists(*lacking):
            assert running.plan() == KEPT, lacking
            running.apply()
        assert made(running) == 2, lacking
        assert running.is_quiet(), lacking


def test_what_is_undeclared_is_stopped_and_not_forgotten(running):
    (running.folder / "nightly.yaml").unlink()
    running.later(60)
    with lists("", None):
        running.apply()
    states = [one["state"] for one in running.live()]
    assert sorted(states) == ["BATCH_STATE_RUNNING", "BATCH_STATE_SUCCEEDED"]
    assert running.plan() == [f"harvest {JOB} · finished", f"delete {JOB} · undeclared", KEPT[1]]


def test_an_older_run_is_not_forgotten(running):
    """Declared again, it has been run."""
    running.declare("nightly", {"requests": [{"key": "k", "request": {"contents": "b"}}]})
    running.apply()
    running.later(60)
    with lists("", None):
        running.apply()
    running.declare("nightly", REQUESTS, display_name="[[emulator: job stays RUNNING]]")
    running.apply()
    assert made(running) == 3


def test_a_wait_goes_on(running):
    running.later(60)
    with lists(None, "", None):
        said = running.gemctl("wait", JOB, "--timeout", "10s", status=1)
    assert "E539" in said.err and "GONE" not in said.out


def test_a_state_that_was_lost_is_not_a_first_run(running):
    running.lose_state()
    running.later(60)
    with lists("", None):
        running.apply()
    assert made(running) == 2
    assert running.is_quiet()


@pytest.mark.parametrize("lacking", [("", None), (None, "", None)])
def test_a_create_without_an_answer_happened(shop, lacking):
    """It is not taken not to have happened by one list, be it the first after `settle` or the one before the call."""
    shop.job("a", onFailed="resubmit")
    handle = emulator.App.handle

    def lost(self, request):
        response = handle(self, request)
        return replace(response, drop=True) if ":batchGenerateContent" in request.path else response

    with patch.object(emulator.App, "handle", lost):
        shop.apply(status=5)
    shop.later(60)
    with lists(*lacking):
        shop.apply()
    assert made(shop) == 1


def test_nothing_is_left_after_destroy(shop):
    shop.cache()
    shop.cache("rules")
    shop.apply()
    shop.later(60)
    with lists("", None, of="cachedContents"):
        shop.gemctl("destroy", "--yes")
    assert shop.call("GET", "cachedContents") == {}


def test_a_saved_plan_holds_while_a_list_does_not_show_what_it_is_about(shop):
    shop.cache()
    shop.apply()
    shop.cache("rules")
    shop.later(60)
    saved = str(shop.folder / "saved.plan")
    shop.gemctl("plan", "--out", saved)
    with lists("", None, of="cachedContents"):
        shop.apply(saved)
    assert made(shop, "cachedContents") == 2


def test_what_is_gone_is_gone(running):
    """By two lists and its own address; the service says 404 of jobs, and 403 of caches."""
    running.cache()
    running.apply()
    running.forget_jobs()
    running.call("DELETE", running.call("GET", "cachedContents")["cachedContents"][0]["name"])
    running.later(60)
    running.gemctl("plan", "--json", status=1)  # nothing of ours is visible
    with lists() as looks:
        assert running.plan("--accept-missing") == [
            f"create {JOB} · resubmit",
            "create BatchJob/other · resubmit",
            "create CachedContent/handbook · missing",
        ]
    assert [looks.count(path) for path in ("batches", "cachedContents")] == [2, 2]
    assert len(looks) == 4 + 3 + 1  # the last one asks which models there are, since something is made


def test_a_name_that_can_not_be_read_is_no_reason_to_think_that_it_is_gone(running):
    running.later(60)
    handle = emulator.App.handle

    def broken(self, request):
        fault = Fault("status_before", status=500)
        by_name = request.method == "GET" and request.path.startswith("/v1beta/batches/")
        return fault.refusal().response() if by_name else handle(self, request)

    with patch.object(emulator.App, "handle", broken), lists(""):
        assert "E302" in running.apply(status=1).err
    assert made(running) == 2


def test_what_lacks_nothing_is_looked_at_once(shop):
    """Nor is anything asked for that has had its time, or that nothing hangs upon."""
    shop.cache()
    shop.job("a")
    shop.write("text.txt", "text")
    file = {"apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": "text"}, "spec": {"source": "text.txt"}}
    shop.write("text.yaml", json.dumps({**file, "lifecycle": {"keep": "always"}}))
    shop.apply("--wait")
    with lists() as looks:
        shop.gemctl("plan")
    assert sorted(looks) == ["batches", "cachedContents", "files"]
    shop.write("text.yaml", json.dumps(file))
    shop.forget_jobs()  # it is done
    shop.later(72 * 3600)  # the file has ended, and is not needed; the cache has ended, and might have been extended
    with lists() as looks:
        assert shop.plan() == [
            f"keep {JOB} · done",
            "create CachedContent/handbook · expired",
            "keep File/text · in_sync",
        ]
    assert sorted(looks) == ["batches", "cachedContents", "cachedContents", "files", "models"]
