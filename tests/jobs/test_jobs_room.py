"""Jobs for which the service has no room: they wait, and nothing has failed."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def narrow(shop, monkeypatch):
    """A service with room for one job at a time."""
    monkeypatch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"batches_at_once": 1}))
    return shop


def statuses(said):
    return sorted(line["status"] for line in said.lines if line["type"] == "step" and line["status"] != "started")


def created(shop):
    return sum(effect.kind == "created" and effect.collection == "batches" for effect in shop.app.effects)


def test_jobs_go_one_after_the_other(narrow):
    for name in ("one", "two", "three"):
        narrow.job("a", name=name)
    told = []
    for _ in range(3):
        told.append(statuses(narrow.apply("--json", "--parallelism", "1")))
        narrow.later()
    assert told == [["done", "queued", "queued"], ["done", "done", "queued"], ["done", "done"]]
    assert statuses(narrow.apply("--json")) == ["done"]  # the results of the last
    assert narrow.is_quiet()
    assert created(narrow) == 3
    assert all(narrow.answered(f"out/{name}.jsonl") == "r" for name in ("one", "two", "three"))


def test_what_people_are_told(narrow):
    narrow.job("a", name="one")
    narrow.job("b", name="two")
    said = narrow.apply("--parallelism", "1")
    assert "warning[W523]: No room in the service" in said.err
    assert "The service says: Resource has been exhausted (e.g. check quota)." in said.err
    assert "error[" not in said.err
    assert "Applied: 1 done, 1 queued. What is queued waits for room in the service; apply again later." in said.out
    assert sorted(narrow.plan()) == ["create BatchJob/two · declared", "keep BatchJob/one · running"]


def test_nothing_is_left_open_by_a_job_that_waits(narrow):
    """So that the next run needs not wait to see what became of it."""
    narrow.job("a", name="one")
    narrow.job("b", name="two")
    narrow.apply("--parallelism", "1")
    before = narrow.clock.now()
    narrow.apply("--parallelism", "1")
    assert (narrow.clock.now() - before).total_seconds() < 5
    narrow.later()
    narrow.apply()
    assert created(narrow) == 2


def test_room_for_tokens(shop, monkeypatch):
    monkeypatch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"enqueued_tokens": {"gemini-3.8-flash": 100}}))
    shop.job("x" * 300, name="one")
    shop.job("y" * 300, name="two")
    assert statuses(shop.apply("--json")) == ["done", "queued"]
    shop.later()
    assert statuses(shop.apply("--json")) == ["done", "done"]


def test_a_service_that_made_it_all_the_same_is_found_out(shop, monkeypatch):
    """Nobody promises that a 429 had no effect: the next run looks at the list before it sends again."""
    fault = {"kind": "status_after", "path": "batchGenerateContent", "nth": 1, "status": 429}
    monkeypatch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"faults": [fault]}))
    shop.job("a")
    assert statuses(shop.apply("--json")) == ["queued"]
    assert shop.plan() == ["keep BatchJob/nightly · running"]
    shop.apply("--wait")
    assert (created(shop), shop.answered()) == (1, "r")


def test_a_further_attempt_whose_answer_was_lost_is_found(shop, monkeypatch):
    """It is the next run of what is bound already, and no run of something that was declared in between."""
    shop.job("a", "[[emulator: fail once 503]]", onFailed="resubmit")
    shop.apply()
    shop.later()
    shop.apply()
    with monkeypatch.context() as patch:
        fault = {"kind": "after", "path": "batchGenerateContent", "nth": 1}
        patch.setenv("GEMCTL_EMULATOR_KNOBS", json.dumps({"faults": [fault]}))
        shop.apply(status=5)
    assert created(shop) == 2
    shop.apply("--wait")
    assert (created(shop), shop.answered()) == (2, "rr")
    assert shop.is_quiet()
