"""Answers that are none: counted apart, and run again only where the job says so."""

from __future__ import annotations

import json

import pytest
from test_jobs_harvest import Service, Stall, answer, error
from test_jobs_parts import blocked
from values import START

from gemctl.core.address import Address
from gemctl.core.mark import owner_tag
from gemctl.core.record import Harvested
from gemctl.core.resource import Harvest
from gemctl.engine.machine import Collect
from gemctl.kinds import CATALOGUE
from gemctl.outputs.results import SaveResults
from gemctl.state.codec import entry_from_json, entry_to_json

SAID = [answer("k0"), blocked("k1"), error("k2")]
AGAIN = {"onFailed": "resubmit", "retryBlocked": True}


def noted(shop):
    (change,) = shop.gemctl("plan", "--json").document["changes"]
    return change["action"], change["reason"], change["note"]


@pytest.fixture
def stall(shop):
    shop.job("a", "b", "c")
    return Stall(shop)


def in_a_file(shop, **rules):
    requests = [{"key": f"k{n}", "request": {"contents": [{"parts": [{"text": str(n)}]}]}} for n in range(3)]
    shop.write("requests.jsonl", "".join(json.dumps(one) + "\n" for one in requests))
    shop.declare("nightly", {"input": {"jsonl": "requests.jsonl"}}, **rules)


def test_they_are_counted_apart(stall):
    found = stall.collect(Service(inline=SAID))
    assert (found.succeeded, found.blocked, found.failed) == (1, 1, 1)
    receipt = stall.shop.receipt()
    assert (receipt["without"], receipt["blocked"]) == (["k2"], ["k1"])
    assert {name: receipt["harvest"][name] for name in ("succeeded", "failed", "blocked")} == {
        "succeeded": 1, "failed": 1, "blocked": 1
    }  # fmt: skip
    assert stall.lines() == SAID


def test_a_receipt_of_before_reads_as_it_did(stall):
    stall.collect(Service(inline=[answer("k0"), answer("k1"), answer("k2")]))
    receipt = stall.shop.receipt()
    del receipt["blocked"], receipt["harvest"]["blocked"]
    stall.shop.write("out/nightly.jsonl.run.json", json.dumps(receipt, indent=1))
    found = stall.desired.resources[Address("BatchJob", "nightly")].receipt
    assert (found.blocked, found.harvest.blocked, found.harvest.succeeded) == ((), 0, 3)


@pytest.mark.parametrize("blocked_ones", [0, 3])
def test_a_state_keeps_the_count(stall, blocked_ones):
    harvest = Harvest("sha256:" + "0" * 64, START, 1, 2, blocked=blocked_ones)
    entry = Harvested(Address("BatchJob", "nightly"), "batches/abc", harvest)
    written = json.loads(json.dumps(entry_to_json(entry)))
    assert ("blocked" in written["harvest"]) == bool(blocked_ones)
    assert entry_from_json(written) == entry


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, ("keep", "done", "1 without a result, 1 without an answer")),
        ({"onFailed": "resubmit"}, ("create", "resubmit", "1 without a result")),
        (AGAIN, ("create", "resubmit", "1 without a result, 1 without an answer")),
    ],
)
def test_which_are_run_again(shop, rules, expected):
    shop.job("a", "b", "c", **rules)
    Stall(shop).collect(Service(inline=SAID))
    action, reason, note = noted(shop)
    assert (action, reason) == expected[:2]
    assert note.endswith(expected[2])


def test_the_call_is_of_those_only(shop):
    shop.job("a", "b", "c", **AGAIN)
    stall = Stall(shop)
    stall.collect(Service(inline=SAID))
    shop.apply()
    (live,) = shop.live()
    assert live["batchStats"]["requestCount"] == "2"


def test_where_all_that_lacks_is_blocked(shop):
    shop.job("a", "b", **AGAIN)
    stall = Stall(shop)
    stall.collect(Service(inline=[answer("k0"), blocked("k1")]))
    assert noted(shop)[:2] == ("create", "resubmit")
    stall.collect(Service(inline=[answer("k1")]), stall.record(2))
    assert stall.lines() == [answer("k0"), answer("k1")]
    assert stall.shop.receipt()["blocked"] == []
    assert noted(shop)[:2] == ("keep", "done")


def test_an_answer_is_never_replaced_by_one_that_is_none(stall):
    stall.collect(Service(inline=[answer("k0"), blocked("k1"), error("k2")]))
    stall.collect(Service(inline=[blocked("k0"), error("k1"), blocked("k2")], counts=None), stall.record(2))
    assert [one["key"] for one in stall.lines()] == ["k0", "k1", "k2"]
    assert stall.shop.receipt()["without"] == []


def test_the_file_of_what_is_run_again_follows_the_rule(shop):
    in_a_file(shop, **AGAIN)
    stall = Stall(shop)
    stall.collect(Service(lines=SAID))
    rest = "out/nightly.jsonl.without.jsonl"
    assert [one["key"] for one in stall.lines(rest)] == ["k1", "k2"]
    assert stall.shop.receipt()["rest"]["blocked"] is True
    assert noted_job(shop)[:2] == ("create", "resubmit")


def noted_job(shop):
    changes = shop.gemctl("plan", "--json").document["changes"]
    (change,) = [one for one in changes if one["address"] == "BatchJob/nightly"]
    return change["action"], change["reason"], change["note"]


@pytest.mark.parametrize("first", [True, False])
def test_a_rule_that_was_changed_since(shop, first):
    """Nothing is run by the old file; `gemctl results` with the address writes another."""
    in_a_file(shop, onFailed="resubmit", retryBlocked=first)
    stall = Stall(shop)
    stall.collect(Service(lines=SAID))
    record = stall.record()
    in_a_file(shop, onFailed="resubmit", retryBlocked=not first)
    said = shop.gemctl("plan", "--json").document
    assert "W206" in [one["code"] for one in said["diagnostics"]]
    assert noted_job(shop)[:2] == ("keep", "done")
    save = SaveResults(
        shop.folder, stall.desired, owner_tag("abcd1234", "local"), shop.folder / ".gemctl/local", lambda: START
    )
    run = Collect("s", "BatchJob", "batches/abc", Address("BatchJob", "nightly"), record)
    save.lacking_anew(CATALOGUE["BatchJob"], run, "out/nightly.jsonl")
    assert [one["key"] for one in stall.lines("out/nightly.jsonl.without.jsonl")] == (["k2"] if first else ["k1", "k2"])
    assert noted_job(shop)[:2] == ("create", "resubmit")


def test_a_rule_that_was_changed_when_no_attempt_is_left(shop):
    """Another file of what is run again would be of no use, and is not asked for."""
    in_a_file(shop, onFailed="resubmit")
    stall = Stall(shop)
    stall.collect(Service(lines=SAID))
    stall.collect(Service(lines=[answer("k2")], counts=None), stall.record(2))
    in_a_file(shop, onFailed="resubmit", retryBlocked=True)
    said = shop.gemctl("plan", "--json").document
    assert "W206" not in [one["code"] for one in said["diagnostics"]]
    assert noted_job(shop)[:2] == ("keep", "done")


def test_what_the_command_line_says(stall):
    stall.collect(Service(inline=SAID))
    said = stall.shop.gemctl("results")
    assert "ADDRESS           STATE  RESPONSES  BLOCKED  ERRORS  FILE" in said.out
    assert stall.shop.gemctl("results", "--detailed-exitcode", status=2).out == said.out
    (job,) = stall.shop.gemctl("results", "--json").document["jobs"]
    assert (job["succeeded"], job["blocked"], job["failed"]) == (1, 1, 1)
    stall.shop.gemctl("wait", "BatchJob/nightly")
    stall.shop.gemctl("wait", "BatchJob/nightly", "--detailed-exitcode", status=2)


def test_what_it_says_where_nothing_is(stall):
    stall.collect(Service(inline=[answer("k0"), answer("k1"), answer("k2")]))
    said = stall.shop.gemctl("results", "--detailed-exitcode")
    assert "BLOCKED" not in said.out
    stall.shop.gemctl("wait", "BatchJob/nightly", "--detailed-exitcode")


def test_a_rule_without_an_effect(shop):
    shop.job("a", retryBlocked=True)
    assert "E246" in shop.gemctl("validate", status=1).err
    shop.job("a", retryBlocked=False)
    shop.gemctl("validate")
