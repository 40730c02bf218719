"""What the responses of a job used: read, summed up while they are saved, recorded, and shown."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_jobs_harvest import Service, Stall, error
from values import START

from gemctl.core.address import Address
from gemctl.core.book import LONG_PROMPT
from gemctl.core.event import Saved
from gemctl.core.record import Bound, fold
from gemctl.core.resource import NOTHING_USED, Harvest, TokenUsage
from gemctl.kinds import CATALOGUE
from gemctl.kinds.parts.results import usage
from gemctl.outputs.results_line import Judge
from gemctl.outputs.results_spool import Spool
from gemctl.render import human
from gemctl.render import json as shown
from gemctl.render.paint import Paint
from gemctl.state.codec import snapshot_from_bytes, snapshot_to_bytes

AT = "BatchJob/nightly"
UNCOUNTED = TokenUsage(uncounted=1)
RUNS = CATALOGUE["BatchJob"].once


def counts(prompt=0, output=0, *, cached=0, thoughts=0, tools=0):
    named = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output,
        "cachedContentTokenCount": cached,
        "thoughtsTokenCount": thoughts,
        "toolUsePromptTokenCount": tools,
    }
    return {name: count for name, count in named.items() if count}  # as the service leaves out what is 0


def answer(key, *numbers, **more):
    return {"key": key, "response": {"candidates": [], "usageMetadata": counts(*numbers, **more)}}


# One result

METADATA = [
    (counts(3000, 400), TokenUsage(1, 3000, 0, 400)),
    (counts(3000, 400, thoughts=100), TokenUsage(1, 3000, 0, 400, 100)),
    (counts(696_219, 5, cached=696_190), TokenUsage(1, 696_219, 696_190, 5)),
    (counts(100, 1, cached=103), TokenUsage(1, 100, 100, 1)),  # counted when the cache was made
    (counts(100, 1, tools=50), TokenUsage(1, 150, 0, 1)),
    (counts(100, 1, tools=50, cached=120), TokenUsage(1, 150, 100, 1)),
    (counts(7), TokenUsage(1, 7)),  # a prompt that was refused
    ({"promptTokenCount": 0}, TokenUsage(1)),
    ({"promptTokenCount": "3000", "candidatesTokenCount": "4"}, TokenUsage(1, 3000, 0, 4)),
    ({"promptTokenCount": None, "candidatesTokenCount": 4}, TokenUsage(1, 0, 0, 4)),
    ({**counts(3, 4), "totalTokenCount": 7, "promptTokensDetails": [{"modality": "TEXT"}]}, TokenUsage(1, 3, 0, 4)),
    ({}, UNCOUNTED),
    (None, UNCOUNTED),
    ({"totalTokenCount": 7}, UNCOUNTED),
    ([], UNCOUNTED),
    ("many", UNCOUNTED),
    ({"promptTokenCount": "many"}, UNCOUNTED),
    ({"promptTokenCount": -1}, UNCOUNTED),
    ({"promptTokenCount": True}, UNCOUNTED),
    ({"promptTokenCount": 1.5}, UNCOUNTED),
    ({"promptTokenCount": 1 << 63}, UNCOUNTED),
    ({"promptTokenCount": "9" * 5000}, UNCOUNTED),
    ({**counts(3, 4), "thoughtsTokenCount": {}}, UNCOUNTED),
]


@pytest.mark.parametrize(("metadata", "used"), METADATA)
def test_an_answer(metadata, used):
    found, long = usage({"key": "a", "response": {"candidates": [], "usageMetadata": metadata}})
    assert (found, long) == (used, used.prompt > LONG_PROMPT)


@pytest.mark.parametrize(
    ("response", "used"),
    [
        ({"embedding": {"values": [0.1]}, "tokenCount": "3"}, TokenUsage(1, 3)),
        ({"embedding": {"values": [0.1]}, "tokenCount": 3}, TokenUsage(1, 3)),
        ({"embedding": {"values": [0.1]}, "usageMetadata": counts(5)}, TokenUsage(1, 5)),
        ({"embedding": {"values": [0.1]}, "usageMetadata": counts(5), "tokenCount": "3"}, TokenUsage(1, 5)),
        ({"embedding": {"values": [0.1]}}, UNCOUNTED),
        ({"embedding": {"values": [0.1]}, "tokenCount": "?"}, UNCOUNTED),
        ({}, UNCOUNTED),
        (None, UNCOUNTED),
        (3, UNCOUNTED),
        (["tokenCount"], UNCOUNTED),
    ],
)
def test_a_vector_and_foreign_things(response, used):
    assert usage({"response": response}) == (used, False)


@pytest.mark.parametrize(("prompt", "long"), [(200_000, False), (200_001, True)])
def test_the_price_of_a_whole_request_goes_by_its_prompt(prompt, long):
    for metadata in (counts(prompt), counts(prompt, cached=prompt), counts(prompt - 9, 5, tools=9)):
        assert usage({"response": {"usageMetadata": metadata}})[1] is long


def test_an_error_used_nothing_that_is_known():
    assert usage(error("a")) is None
    assert usage({"error": {"message": "this is not a result"}, "line": "{"}) is None


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["usageMetadata", "tokenCount", "response", *counts(1, 1, cached=1)]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["key", "response", "error"]), _ANY))
def test_it_never_raises(result):
    found = usage(result)
    assert (found is None) == ("response" not in result)
    if found:
        used, _ = found
        assert min(asdict(used).values()) >= 0
        assert used.requests + used.uncounted == 1
        assert used.cached <= used.prompt


# All results of a job


def summed(results):
    found = [used for one in results if (used := usage(one))]
    short = sum((used for used, long in found if not long), NOTHING_USED)
    return short, sum((used for used, long in found if long), NOTHING_USED)


_NUMBERS = st.integers(0, 300_000)
_RESULTS = st.lists(
    st.builds(
        lambda key, prompt, output, cached: answer(key, prompt, output, cached=cached),
        st.text("abc", max_size=2),
        _NUMBERS,
        _NUMBERS,
        _NUMBERS,
    )
    | st.builds(error, st.text("abc", max_size=2)),
    max_size=12,
    unique_by=lambda one: (one["key"], "response" in one),  # a key may have an error and a response
)


@given(_RESULTS, st.randoms(use_true_random=False), st.integers(0, 12))
def test_the_sums_do_not_depend_on_the_order(results, chance: random.Random, new):
    """Some come now, the others were saved before; each twice."""
    judge = Judge(RUNS)
    with tempfile.TemporaryDirectory() as folder, Spool(Path(folder), Path(folder), judge) as spool:
        for some, add in ((results[:new], spool.add), (results[new:], spool.add_earlier)):
            twice = [*some, *some]
            chance.shuffle(twice)
            for one in twice:
                add(judge(one))
        kept = [json.loads(line) for line, _ in spool.lines(None)]
        short, long = summed(results)
        assert (spool.used, spool.used_long or NOTHING_USED) == (short, long) == summed(kept)


@pytest.fixture
def stall(shop):
    shop.job("a", "b", "c")
    return Stall(shop)


def saved_usage(stall, file="out/nightly.jsonl"):
    """(usage, long) of the lines that are in the file."""
    return summed(stall.lines(file))


def test_results_of_one_run(stall):
    given = [
        answer("k0", 10, 20, cached=5),
        answer("k1", LONG_PROMPT + 1, 3, thoughts=4),
        {"key": "k2", "response": {}},
    ]
    harvest = stall.collect(Service(inline=given))
    assert harvest.usage == TokenUsage(1, 10, 5, 20, 0, uncounted=1)
    assert harvest.long == TokenUsage(1, LONG_PROMPT + 1, 0, 3, 4)
    assert stall.shop.receipt()["harvest"]["usage"] == asdict(harvest.usage)
    assert stall.shop.receipt()["harvest"]["long"] == asdict(harvest.long)


def test_errors_alone_used_nothing(stall):
    harvest = stall.collect(Service(inline=[error("k0"), error("k1"), error("k2")]))
    assert (harvest.usage, harvest.long) == (NOTHING_USED, None)


def test_a_result_that_is_seen_twice_counts_once(stall):
    lines = [answer("k0", 1, 2), answer("k0", 1, 2), error("k1"), answer("k1", 3, 4), answer("k2", 5, 6), error("k2")]
    assert stall.collect(Service(lines=lines)).usage == TokenUsage(3, 9, 0, 12)


def test_a_second_time_gives_the_same_bytes(stall):
    service = Service(lines=[answer("k0", 1, 2), answer("k1", 300_000), error("k2")])
    first = stall.collect(service)
    before = stall.bytes()
    assert stall.collect(service, at=START + timedelta(hours=1)) == first
    assert stall.bytes() == before


def test_a_further_attempt_adds(stall):
    early = Service(inline=[answer("k0", 1, 2), error("k1"), answer("k2", 300_000)])
    first = stall.collect(early)
    further = stall.collect(Service(inline=[answer("k1", 10, 20)]), stall.record(attempt=2))
    assert further.usage == first.usage + TokenUsage(1, 10, 0, 20)
    assert further.long == first.long
    assert saved_usage(stall) == (further.usage, further.long)
    assert stall.collect(early) == further  # comes late


def test_a_line_that_somebody_edited_is_a_response_without_a_count(stall):
    stall.collect(Service(inline=[answer("k0", 1, 2), error("k1"), error("k2")]))
    path = stall.folder / "out/nightly.jsonl"
    path.write_text(json.dumps({"key": "k0", "response": ["usageMetadata"]}) + "\n")
    more = stall.collect(Service(inline=[answer("k1", 10, 20)]), stall.record(attempt=2))
    assert more.usage == TokenUsage(1, 10, 0, 20, uncounted=1)


def test_a_kind_that_counts_nothing(tmp_path):
    judge = Judge(replace(RUNS, counts=lambda _: None, sums=None))
    with Spool(tmp_path, tmp_path, judge) as spool:
        spool.add(judge(answer("a", 1, 2)))
        assert (spool.used, spool.used_long) == (None, None)


# Of a job, from its run to what is shown


def expected(shop, file="out/nightly.jsonl"):
    """The usage that is to be shown, of what is in the file."""
    lines = (shop.folder / file).read_text(encoding="utf-8").splitlines()
    short, long = summed(map(json.loads, lines))
    return shown.usage(Harvest("", START, 0, 0, short, long if long.requests else None))


def job(shop, *words):
    (found,) = shop.gemctl("results", *words, "--json").document["jobs"]
    return found


def test_a_job_on_the_emulator(shop):
    shop.job("a few words", "b [[emulator: fail 429]]", "and some more of them")
    saved = [line for line in shop.apply("--wait", "--json").lines if line["type"] == "saved"]
    used = expected(shop)
    assert used["requests"] == 2
    assert used["promptTokens"] > 0
    assert used["outputTokens"] > 0
    assert (used["uncounted"], used["longPrompt"]) == (0, None)
    assert [one["usage"] for one in saved] == [used]
    assert job(shop)["usage"] == used
    assert shop.gemctl("state", "show", AT).document["harvest"]["usage"] == used
    receipt = shop.receipt()["harvest"]
    assert (receipt["usage"]["prompt"], receipt["usage"]["output"]) == (used["promptTokens"], used["outputTokens"])
    assert "long" not in receipt
    said = shop.gemctl("results").out.splitlines()[-1]
    assert said.startswith(f"{AT}: {used['promptTokens']} tokens in, ")
    assert shop.is_quiet()


def account(shop):
    return shop.gemctl("cost", "--json").document


def test_a_run_is_on_account_from_its_beginning_until_long_after_its_end(shop):
    shop.job("a few words", "and some more of them")
    shop.apply()
    (running,) = account(shop)["jobs"]
    assert (running["usage"], running["actual"]) == (None, None)
    assert running["estimate"] is not None
    assert account(shop)["soFar"]["notPriced"] == ["its tokens are not counted"]
    shop.apply("--wait")
    (ended,) = account(shop)["jobs"]
    spent = ended["actual"]
    assert float(spent["low"]) > 0
    assert account(shop)["soFar"] == spent
    (shop.folder / "nightly.yaml").unlink()
    shop.apply("--allow-empty")
    told = account(shop)
    assert told["jobs"] == []
    assert told["gone"] == [{"address": AT, "objects": 1, "cost": spent}]
    assert told["soFar"] == spent
    shop.job("a few words", "and some more of them")  # its receipt is still there
    assert (account(shop)["jobs"], account(shop)["soFar"]) == ([], spent)
    shop.gemctl("state", "rebuild")
    assert account(shop)["soFar"] == spent
    assert shop.gemctl("cost").status == 0


def test_a_run_that_nobody_has_counted_stays_on_account_by_its_name(shop):
    shop.job("a few words", "and some more of them")
    shop.apply()
    shop.gemctl("destroy", "--yes")  # cancels it
    shop.later(3600)
    shop.gemctl("destroy", "--yes")
    assert shop.live() == []
    told = account(shop)
    assert told["gone"][0]["cost"]["notPriced"] == ["its tokens are not counted"]
    assert told["soFar"]["notPriced"] == ["its tokens are not counted"]
    assert f"Not priced: {AT} (its tokens are not counted)." in shop.gemctl("cost").out


def test_a_cached_part(shop):
    shop.cache()
    requests = [
        {"key": f"k{n}", "request": {"contents": text, "cachedContentRef": {"name": "handbook"}}}
        for n, text in enumerate("ab")
    ]
    shop.declare("nightly", {"requests": requests})
    shop.apply("--wait")
    used = job(shop)["usage"]
    assert used == expected(shop)
    assert 0 < used["cachedTokens"] < used["promptTokens"]
    assert f" in ({used['cachedTokens']:,} cached), " in shop.gemctl("results").out


def test_vectors(shop):
    requests = [{"key": "k0", "request": {"content": "some words to embed"}}]
    shop.declare("nightly", {"model": "gemini-embedding-001", "method": "embedContent", "requests": requests})
    shop.apply("--wait")
    used = job(shop)["usage"]
    assert used == expected(shop)
    assert (used["requests"], used["outputTokens"], used["uncounted"]) == (1, 0, 0)
    assert used["promptTokens"] > 0


def test_a_resubmitted_job(shop):
    shop.job("a", "b [[emulator: fail once 503]]", onFailed="resubmit")
    shop.apply("--wait")
    assert len(shop.live()) == 2
    used = job(shop)["usage"]
    assert used["requests"] == 2
    assert used == expected(shop)


def test_a_lost_state_and_a_job_that_is_forgotten(shop):
    shop.job("a")
    shop.apply("--wait")
    shop.lose_state()
    shop.forget_jobs()
    assert job(shop)["state"] == "saved"
    assert job(shop)["usage"] == expected(shop)


# What an earlier gemctl wrote


def forget_in_receipt(shop):
    """As an earlier gemctl wrote it."""
    receipt = shop.receipt()
    del receipt["harvest"]["usage"]
    shop.write("out/nightly.jsonl.run.json", json.dumps(receipt, indent=1) + "\n")


def forget_in_state(shop):
    identity, ledger = snapshot_from_bytes(shop.state.read_bytes(), "state.json")
    address = Address.parse(AT)
    record = ledger.records[address]
    before = Bound(address, replace(record, harvest=replace(record.harvest, usage=None, long=None)))
    shop.state.write_bytes(snapshot_to_bytes(identity, fold(ledger, [before])))
    assert b'"usage"' not in shop.state.read_bytes()


@pytest.mark.parametrize(
    "forget", [(forget_in_receipt,), (forget_in_state,), (forget_in_receipt, forget_in_state)], ids=len
)
def test_a_receipt_or_a_state_without_counts_is_of_the_same_results(shop, forget):
    shop.job("a")
    shop.apply("--wait")
    before = job(shop)
    for where in forget:
        where(shop)
    files = {path.name: path.read_bytes() for path in (shop.folder / "out").iterdir()}
    assert job(shop) == {**before, **({} if len(forget) == 1 else {"usage": None, "cost": None})}
    assert shop.is_quiet()
    assert "W205" not in shop.gemctl("validate").err
    assert files == {path.name: path.read_bytes() for path in (shop.folder / "out").iterdir()}


def test_the_file_of_results_is_found_by_a_receipt_without_counts(shop):
    """It lies where the job was declared to put it then."""
    shop.job("a")
    shop.apply("--wait")
    shop.job("b")
    shop.apply("--wait")
    shop.job("a")
    shop.apply("--wait")
    before = job(shop)
    receipt = f"{before['file']}.run.json"
    old = json.loads((shop.folder / receipt).read_text())
    del old["harvest"]["usage"]
    shop.write(receipt, json.dumps(old))
    assert job(shop) == before


def test_counts_are_added_to_results_that_are_saved_again(shop, stall):
    service = Service(inline=[answer("k0", 1, 2), answer("k1", 3, 4), error("k2")])
    first = stall.collect(service)
    forget_in_receipt(shop)
    assert stall.collect(service, at=START + timedelta(hours=1)) == first  # they are no newer for that
    assert shop.receipt()["harvest"]["usage"] == asdict(first.usage)


def test_counts_are_added_to_results_that_are_fetched_again(shop):
    shop.job("a")
    shop.apply("--wait")
    used = job(shop)["usage"]
    forget_in_state(shop)
    for name in ("out/nightly.jsonl", "out/nightly.jsonl.run.json"):
        (shop.folder / name).unlink()
    assert job(shop)["usage"] is None
    (saved,) = shop.gemctl("results", AT, "--json").document["saved"]
    assert saved["usage"] == used
    assert job(shop)["usage"] == used


def test_a_saved_plan_holds_when_a_receipt_gets_counts(shop):
    shop.job("a")
    shop.apply("--wait")
    counted = (shop.folder / "out/nightly.jsonl.run.json").read_text()
    forget_in_receipt(shop)
    shop.cache()
    plan = str(shop.folder / "one.plan")
    shop.gemctl("plan", "--out", plan)
    shop.write("out/nightly.jsonl.run.json", counted)
    shop.gemctl("apply", "--yes", plan)


# What is said of it


@pytest.mark.parametrize(
    ("used", "long", "said"),
    [
        (
            TokenUsage(500, 1_204_300, 1_000_000, 24_000, 60_000),
            None,
            "1,204,300 tokens in (1,000,000 cached), 84,000 out (60,000 thoughts)",
        ),
        (TokenUsage(1, 1, 0, 2), None, "1 token in, 2 out"),
        (TokenUsage(3, 70), None, "70 tokens in"),
        (TokenUsage(1, 10, 0, 2), TokenUsage(2, 500_000, 0, 8), "500,010 tokens in, 10 out, 2 long prompts"),
        (NOTHING_USED, TokenUsage(1, 300_000, 0, 8), "300,000 tokens in, 8 out, 1 long prompt"),
        (TokenUsage(1, 10, 0, 2, 0, 3), None, "10 tokens in, 2 out, 3 responses without a count of tokens"),
        (UNCOUNTED, None, "1 response without a count of tokens"),
        (NOTHING_USED, None, ""),
        (None, None, ""),
    ],
)
def test_in_words(used, long, said):
    harvest = Harvest("sha256:x", START, 2, 0, used, long)
    assert human.usage(harvest) == said
    line = human.saved(Saved(Address.parse(AT), "batches/x", "out/a.jsonl", harvest), Paint())
    assert line == f"{AT}: 2 responses in out/a.jsonl" + (f": {said}" if said else "")


def test_for_programs():
    used, long = TokenUsage(1, 2, 3, 4, 5, 6), TokenUsage(7)
    names = ("requests", "promptTokens", "cachedTokens", "outputTokens", "thoughtsTokens", "uncounted")
    found = shown.usage(Harvest("", START, 0, 0, used, long))
    assert found == {
        **dict(zip(names, range(1, 7), strict=True)),
        "longPrompt": dict(zip(names, (7, 0, 0, 0, 0, 0), strict=True)),
    }
    assert shown.usage(Harvest("", START, 0, 0, used))["longPrompt"] is None
    assert shown.usage(Harvest("", START, 0, 0)) is None


def test_sums():
    parts = [TokenUsage(*(10**n for _ in range(6))) for n in range(3)]
    assert sum(parts, NOTHING_USED) == TokenUsage(*[111] * 6)
    assert Counter(asdict(parts[0] + NOTHING_USED)) == Counter(asdict(parts[0]))
