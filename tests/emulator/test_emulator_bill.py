"""The bill: examples whose amounts were worked out by hand from the published prices, and what it survives."""

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from conftest import Caller, cache
from hypothesis import given, settings
from hypothesis import strategies as st

from gemctl.emulator import world as world_module
from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.model_changes import ModelChange
from gemctl.emulator.store import FileStore, MemoryStore
from gemctl.emulator.world import World

HOUR = 3_600


def at(day: str, store=None, **options) -> Caller:
    clock = ManualClock(datetime.fromisoformat(day).replace(tzinfo=UTC))
    return Caller(App(World(store, now=clock, ids=random.Random(7)), **options), clock)


THOUGHTLESS = [ModelChange.from_json({"name": "gemini-3.1-pro-preview", "thinking": False})]
"""It can't be told not to think, and thoughts would be paid for."""


def text(tokens: int) -> list:
    """Contents of so many tokens."""
    return [{"role": "user", "parts": [{"text": "x" * (4 * tokens)}]}]


def make(caller: Caller, model: str, tokens: int, hours: float = 1, **how) -> str:
    body = cache(model=f"models/{model}", contents=text(tokens), ttl=f"{round(hours * HOUR)}s")
    return caller.json("POST", "cachedContents", body, **how)["name"]


def written(tokens: int) -> dict:
    """A setting with which an answer has so many tokens (a multiple of 50), and no thoughts."""
    items = {"type": "STRING", "minLength": 196}  # with its quotes, a comma and a blank 50 tokens
    count = tokens // 50
    schema = {"type": "ARRAY", "minItems": count, "items": items}
    return {"responseSchema": schema, "responseMimeType": "application/json", "thinkingConfig": {"thinkingBudget": 0}}


def ask(caller: Caller, model: str, tokens: int, output: int, **fields) -> dict:
    body = {"contents": text(tokens), "generationConfig": written(output), **fields}
    used = caller.json("POST", f"models/{model}:generateContent", body)["usageMetadata"]
    assert used["candidatesTokenCount"] == output
    return used


def batch(caller: Caller, model: str, count: int, tokens: int, output: int, **fields) -> str:
    request = {"contents": text(tokens), "generationConfig": written(output), **fields}
    requests = [{"request": request}] * count
    body = {"batch": {"inputConfig": {"requests": {"requests": requests}}}}
    return caller.json("POST", f"models/{model}:batchGenerateContent", body)["name"]


def costs(caller: Caller, **how) -> list[tuple[str, str, str | None]]:
    return [(line["kind"], line["model"], line["usd"]) for line in caller.app.bill(**how)["lines"]]


def total(caller: Caller) -> Decimal:
    bill = caller.app.bill()
    assert bill["notPriced"] == []
    return Decimal(bill["total"])


# Caches


@pytest.mark.parametrize(
    ("day", "model", "tokens", "hours", "creation", "storage"),
    [
        ("2026-11-28", "gemini-3.8-flash", 100_000, 1, "0.075", "0.05"),
        ("2027-01-01", "gemini-3.8-flash", 100_000, 1, "0.15", "0.1"),
        ("2026-11-28", "gemini-2.5-pro", 100_000, 1 / 12, "0.125", "0.0375"),
        ("2026-11-28", "gemini-2.5-pro", 500_000, 24, "1.25", "54"),
        ("2026-11-28", "gemini-3.1-pro-preview", 1_000_000, 1, "4", "4.5"),
        ("2026-11-28", "gemini-3.1-pro-preview", 200_000, 1, "0.4", "0.9"),
        ("2026-11-28", "gemini-3.1-pro-preview", 200_001, 1, "0.800004", "0.9000045"),
        ("2026-11-30", "gemini-2.5-pro", 400_000, 1, "1", "1.8"),
        ("2026-11-28", "gemini-flash-latest", 100_000, 1, "0.075", "0.05"),
    ],
)
@pytest.mark.parametrize("part", ["1", "0.5", "0"])
def test_a_cache(day, model, tokens, hours, creation, storage, part):
    caller = at(day, bill_creation=Decimal(part))
    make(caller, model, tokens, hours)
    caller.clock.advance(timedelta(days=2))
    (_, _, first), (_, _, second) = costs(caller)
    assert (Decimal(first), second) == (Decimal(creation) * Decimal(part), storage)
    assert total(caller) == Decimal(first) + Decimal(second)


def test_lines_of_a_cache():
    caller = at("2026-11-28")
    name = make(caller, "gemini-3.8-flash", 100_000, 10)
    caller.clock.advance(2 * HOUR)
    first, second = caller.app.bill()["lines"]
    start, end = "2026-11-28T00:00:00.000000Z", "2026-11-28T02:00:00.000000Z"
    common = {"project": "emulated-project", "model": "gemini-3.8-flash", "name": name, "from": start}
    assert first == {
        **common, "kind": "cacheCreation", "until": start, "tokens": {"input": 100_000}, "usd": "0.075",
    }  # fmt: skip
    assert second == {**common, "kind": "cacheStorage", "until": end, "tokens": {"stored": 100_000}, "usd": "0.1"}
    assert caller.app.bill() == {
        "currency": "USD",
        "since": start,
        "until": end,
        "total": "0.175",
        "notPriced": [],
        "lines": [first, second],
    }


def test_storage_is_cut_where_the_price_changes():
    caller = at("2026-12-31T18:00:00")
    make(caller, "gemini-3.8-flash", 1_000_000, 12)
    caller.clock.advance(12 * HOUR)
    assert costs(caller) == [
        ("cacheCreation", "gemini-3.8-flash", "0.75"),
        ("cacheStorage", "gemini-3.8-flash", "3"),
        ("cacheStorage", "gemini-3.8-flash", "6"),
    ]
    assert total(caller) == Decimal("9.75")
    assert caller.app.bill()["lines"][2]["from"] == "2027-01-01T00:00:00.000000Z"


def test_storage_is_cut_where_another_model_answers():
    caller = at("2026-11-30T23:00:00")
    make(caller, "gemini-2.5-pro", 400_000, 2)
    caller.clock.advance(5 * HOUR)
    assert costs(caller) == [
        ("cacheCreation", "gemini-2.5-pro", "1"),
        ("cacheStorage", "gemini-2.5-pro", "1.8"),
        ("cacheStorage", "gemini-3.8-flash", "0.2"),
    ]


def test_a_cache_of_a_name_that_is_redirected():
    caller = at("2026-12-01")
    make(caller, "gemini-2.5-pro", 400_000)
    caller.clock.advance(HOUR)
    assert costs(caller) == [
        ("cacheCreation", "gemini-3.8-flash", "0.3"), ("cacheStorage", "gemini-3.8-flash", "0.2"),
    ]  # fmt: skip


def storage(caller: Caller) -> Decimal:
    return sum((Decimal(usd) for kind, _, usd in costs(caller) if kind == "cacheStorage"), Decimal(0))


def test_a_deletion_and_patches_by_lifetime():
    caller = at("2026-11-28")
    name = make(caller, "gemini-3.8-flash", 1_000_000, 10)
    caller.clock.advance(2 * HOUR)
    assert storage(caller) == 1
    caller.json("PATCH", name, {"ttl": f"{20 * HOUR}s"})
    caller.json("PATCH", name, {"ttl": f"{3 * HOUR}s"})
    assert storage(caller) == 1
    caller.clock.advance(HOUR)
    caller.json("DELETE", name)
    caller.clock.advance(50 * HOUR)
    assert storage(caller) == Decimal("1.5")
    other = make(caller, "gemini-3.8-flash", 1_000_000, 4)
    caller.clock.advance(9 * HOUR)
    assert caller.ask("GET", other).status == 403
    assert storage(caller) == Decimal("3.5")


def test_a_deletion_and_patches_by_ttl():
    caller = at("2026-11-28", bill_storage="ttl")
    name = make(caller, "gemini-3.8-flash", 1_000_000, 10)
    assert storage(caller) == 5
    caller.clock.advance(2 * HOUR)
    caller.json("PATCH", name, {"ttl": f"{3 * HOUR}s"})  # ends after 5 hours, and gives nothing back
    assert storage(caller) == 5
    caller.json("PATCH", name, {"ttl": f"{12 * HOUR}s"})  # after 14: four more
    assert storage(caller) == 7
    caller.json("DELETE", name)
    caller.clock.advance(50 * HOUR)
    assert storage(caller) == 7
    bill = caller.app.bill()
    assert [line["until"] for line in bill["lines"] if line["kind"] == "cacheStorage"] == [
        "2026-11-28T10:00:00.000000Z", "2026-11-28T14:00:00.000000Z",
    ]  # fmt: skip


def test_audio_in_a_cache_is_made_and_read_at_its_own_price():
    caller = at("2026-11-28")
    parts = [{"text": "x" * 400_000}, {"inlineData": {"mimeType": "audio/mp3", "data": "A" * 4_000_000}}]
    name = caller.create(model="models/gemini-2.5-flash", contents=[{"parts": parts}])["name"]  # 30,000 of audio
    used = ask(caller, "gemini-2.5-flash", 1_000, 50, cachedContent=name)
    assert (used["promptTokenCount"], used["cachedContentTokenCount"]) == (131_000, 130_000)
    made, read = (line for line in caller.app.bill()["lines"] if line["kind"] != "cacheStorage")
    assert (made["tokens"], made["usd"]) == ({"input": 130_000, "audioInput": 30_000}, "0.06")
    assert read["tokens"] == {"input": 1_000, "cached": 130_000, "audioCached": 30_000, "output": 50}
    assert read["usd"] == "0.006425"  # 0.0003 + 0.003 + 0.003 + 0.000125


# Calls


def test_a_call_with_a_cache():
    caller = at("2026-11-28")
    name = make(caller, "gemini-3.8-flash", 100_000)
    used = ask(caller, "gemini-3.8-flash", 5_000, 1_200, cachedContent=name)
    assert (used["promptTokenCount"], used["cachedContentTokenCount"]) == (105_000, 100_000)
    line = caller.app.bill()["lines"][-1]
    assert (line["kind"], line["name"], line["usd"]) == ("generateContent", None, "0.01575")
    assert line["tokens"] == {"input": 5_000, "cached": 100_000, "output": 1_200}


def test_a_long_prompt_is_all_at_the_upper_price():
    caller = at("2026-11-28", models=THOUGHTLESS)
    name = make(caller, "gemini-3.1-pro-preview", 230_000)
    ask(caller, "gemini-3.1-pro-preview", 20_000, 2_000, cachedContent=name)
    assert costs(caller)[-1] == ("generateContent", "gemini-3.1-pro-preview", "0.208")


@pytest.mark.parametrize(("day", "usd"), [("2026-11-20", "3.1"), ("2026-12-02", "6.2")])
def test_a_price_of_gemini_4_that_doubles(day, usd):
    """More than one request can read, hence without one."""
    caller = at(day)
    caller.json("GET", "models")
    with caller.app.world.turn():
        tokens = {"input": {"TEXT": 1_000_000}, "cached": {"TEXT": 1_000_000}, "output": 100_000}
        caller.app.world.use("p", "generateContent", "gemini-4-carbon", tokens)
    assert costs(caller) == [("generateContent", "gemini-4-carbon", usd)]


def test_thoughts_are_paid_as_output():
    caller = at("2026-11-28")
    answer = caller.json("POST", "models/gemini-3.8-flash:generateContent", {"contents": text(1_000)})
    used = answer["usageMetadata"]
    assert used["thoughtsTokenCount"] > 0
    out = used["candidatesTokenCount"] + used["thoughtsTokenCount"]
    assert total(caller) == (1_000 * Decimal("0.75") + out * Decimal("3.75")) / 1_000_000


@pytest.mark.parametrize(
    ("day", "model", "usd"),
    [("2026-11-30", "gemini-2.5-flash", "0.000425"), ("2026-12-01", "gemini-3.5-flash-lite", "0.000425"),
     ("2026-10-07", "gemini-2.5-flash", "0.000425")],
)  # fmt: skip
def test_a_redirected_name_is_billed_as_what_answers(day, model, usd):
    caller = at(day)
    ask(caller, "gemini-2.5-flash", 1_000, 50)
    assert costs(caller) == [("generateContent", model, usd)]


def test_vectors():
    caller = at("2026-11-28")
    content = {"content": {"parts": [{"text": "x" * 4_000}]}}
    caller.json("POST", "models/gemini-embedding-001:embedContent", content)
    caller.json("POST", "models/gemini-embedding-2:batchEmbedContents", {"requests": [content, content]})
    body = {"batch": {"inputConfig": {"requests": {"requests": [{"request": content}] * 4}}}}
    caller.json("POST", "models/gemini-embedding-2:asyncBatchEmbedContent", body)
    caller.clock.advance(10)
    assert costs(caller) == [
        ("embedding", "gemini-embedding-001", "0.00015"),
        ("embedding", "gemini-embedding-2", "0.0004"),
        ("batch", "gemini-embedding-2", "0.0004"),
    ]


def test_what_costs_nothing():
    caller = at("2026-11-28", bill_creation=Decimal(0))
    name = make(caller, "gemini-3.8-flash", 2_000)
    caller.json("POST", "models/gemini-3.8-flash:countTokens", {"contents": text(500)})
    caller.json("GET", "cachedContents")
    caller.json("POST", "auth_tokens", {"uses": 3})
    caller.json("PATCH", name, {"ttl": "5s"})
    assert caller.error("POST", "models/gemini-3.8-flash:generateContent", {"contents": []})[0] == 400
    failing = [{"parts": [{"text": "[[emulator: fail 503]]"}]}]
    assert caller.error("POST", "models/gemini-3.8-flash:generateContent", {"contents": failing})[0] == 503
    caller.json("DELETE", name)
    assert costs(caller) == [("cacheCreation", "gemini-3.8-flash", "0")]
    assert caller.app.bill()["total"] == "0"


# Batches


@pytest.mark.parametrize(
    ("day", "asked", "billed", "usd"),
    [
        ("2026-11-28", "gemini-3.8-flash", "gemini-3.8-flash", "0.0375"),
        ("2026-11-28", "gemini-2.5-flash", "gemini-2.5-flash", "0.019"),
        ("2026-12-02", "gemini-2.5-flash", "gemini-3.5-flash-lite", "0.019"),
        ("2027-06-01", "gemini-3.8-flash", "gemini-3.8-flash", "0.075"),
        ("2026-12-31T23:59:59", "gemini-3.8-flash", "gemini-3.8-flash", "0.075"),  # by the price when it ends
    ],
)
def test_a_batch_is_half_the_price(day, asked, billed, usd):
    """A hundredth of 2,000 requests, which are 3.75 and 1.90."""
    caller = at(day)
    name = batch(caller, asked, 20, 3_000, 400)
    assert costs(caller) == []
    caller.clock.advance(10)
    assert costs(caller) == [("batch", billed, usd)]
    (line,) = caller.app.bill()["lines"]
    assert (line["name"], line["tokens"]) == (name, {"input": 60_000, "output": 8_000})


def test_a_batch_with_a_cache():
    caller = at("2026-11-28", batch_pending=timedelta(0), batch_running=timedelta(hours=24))
    name = make(caller, "gemini-3.8-flash", 50_000, 48)
    batch(caller, "gemini-3.8-flash", 500, 200, 300, cachedContent=name)
    caller.clock.advance(24 * HOUR)
    caller.json("DELETE", name)
    assert sorted(costs(caller)) == [
        ("batch", "gemini-3.8-flash", "1.25625"),
        ("cacheCreation", "gemini-3.8-flash", "0.0375"),
        ("cacheStorage", "gemini-3.8-flash", "0.6"),
    ]
    assert total(caller) == Decimal("1.89375")


def test_cached_tokens_in_a_batch_are_not_halved_twice():
    caller = at("2026-11-28", models=THOUGHTLESS)
    name = make(caller, "gemini-3.1-pro-preview", 150_000)
    batch(caller, "gemini-3.1-pro-preview", 2, 50_000, 50, cachedContent=name)  # 200,000: the lower price
    caller.clock.advance(10)
    assert costs(caller)[1] == ("batch", "gemini-3.1-pro-preview", "0.1606")
    batch(caller, "gemini-3.1-pro-preview", 2, 50_001, 50, cachedContent=name)
    caller.clock.advance(10)
    assert costs(caller)[-1] == ("batch", "gemini-3.1-pro-preview", "0.320904")


def test_what_failed_in_a_batch_is_not_paid():
    caller = at("2026-11-28")
    request = {"contents": text(1_000), "generationConfig": written(50)}
    failing = {**request, "contents": [{"parts": [{"text": "[[emulator: fail 429]]" + "x" * 4_000}]}]}
    body = {"inputConfig": {"requests": {"requests": [{"request": request}, {"request": failing}]}}}
    caller.json("POST", "models/gemini-3.8-flash:batchGenerateContent", {"batch": body})
    lost = {**body, "displayName": "[[emulator: job ends FAILED 8]]"}
    caller.json("POST", "models/gemini-3.8-flash:batchGenerateContent", {"batch": lost})
    caller.clock.advance(10)
    assert costs(caller) == [("batch", "gemini-3.8-flash", "0.00046875")]


@pytest.mark.parametrize("seconds", [0, 1, 3, 6, 11])
@pytest.mark.parametrize("deleted", [False, True])
def test_a_cancelled_batch_is_paid_as_far_as_it_came(seconds, deleted):
    caller = at("2026-11-28", batch_pending=timedelta(seconds=1), batch_running=timedelta(seconds=10))
    name = batch(caller, "gemini-3.8-flash", 10, 1_000, 50)
    caller.clock.advance(seconds)
    caller.json("POST", f"{name}:cancel")
    shown = caller.json("GET", name)
    if deleted:
        caller.json("DELETE", name)
    caller.clock.advance(100)
    done = int(shown["metadata"]["batchStats"].get("successfulRequestCount", 0))
    assert done == max(0, seconds - 1)
    assert total(caller) == done * Decimal("0.00046875")
    items = shown.get("response", {}).get("inlinedResponses", {}).get("inlinedResponses", [])
    assert all(item.keys() <= {"response", "error"} for item in items)


def test_the_output_of_a_batch_does_not_show_what_is_billed():
    caller = at("2026-11-28")
    name = batch(caller, "gemini-3.8-flash", 2, 1_000, 50)
    caller.clock.advance(10)
    items = caller.json("GET", name)["response"]["inlinedResponses"]["inlinedResponses"]
    assert [set(item) for item in items] == [{"response"}] * 2


# What is not known


def test_what_has_no_known_price_is_named_and_never_zero():
    caller = at("2026-11-28")
    caller.json("POST", "models/gemini-3-pro-image:generateContent", {"contents": text(1_000)})
    batch(caller, "gemini-3-pro-image", 1, 1_000, 50)
    ask(caller, "gemini-3.8-flash", 1_000, 50)
    caller.clock.advance(10)
    bill = caller.app.bill()
    assert sorted(costs(caller), key=str) == [
        ("batch", "gemini-3-pro-image", None),
        ("generateContent", "gemini-3-pro-image", None),
        ("generateContent", "gemini-3.8-flash", "0.0009375"),
    ]
    assert (bill["notPriced"], bill["total"]) == (["gemini-3-pro-image"], "0.0009375")


def test_an_unknown_price_before_the_first_known_one():
    caller = at("2025-06-01")
    make(caller, "gemini-2.5-pro", 100_000, 24 * 365)
    caller.clock.advance(timedelta(days=153))  # 2025-11-01
    assert [usd for _, _, usd in costs(caller)] == [None, None, "10.8"]
    assert caller.app.bill()["notPriced"] == ["gemini-2.5-pro"]


def test_cached_tokens_without_a_price_in_batches():
    """Nobody published what 3.6 Flash cost there in its first weeks."""
    caller = at("2026-07-25")
    name = make(caller, "gemini-3.6-flash", 2_000)
    batch(caller, "gemini-3.6-flash", 1, 1_000, 50, cachedContent=name)
    batch(caller, "gemini-3.6-flash", 1, 1_000, 50)
    caller.clock.advance(10)
    assert [usd for kind, _, usd in costs(caller) if kind == "batch"] == [None, "0.0009375"]


def test_a_model_of_the_knob_has_no_price_and_a_redirect_to_one_with_a_price_has():
    caller = at("2026-11-28")
    door(caller, "PATCH", "", {"models": [{"name": "mine"}]})
    ask(caller, "mine", 1_000, 50)
    assert caller.app.bill()["notPriced"] == ["mine"]
    door(
        caller, "PATCH", "", {"models": [{"name": "mine", "redirect": {"to": "gemini-3.8-flash", "at": "2026-01-01"}}]}
    )
    assert costs(caller) == [("generateContent", "gemini-3.8-flash", "0.0009375")]


# The door, projects, knobs


def door(caller: Caller, method: str, path: str, body=None, **query: str):
    data = b"" if body is None else json.dumps(body).encode()
    answer = Admin(caller.app).handle(Request(method, f"/emulator{path}", tuple(query.items()), {}, data))
    return answer.status, json.loads(answer.body)


def test_the_bill_of_one_project():
    caller = at("2026-11-28", keys={"a": "one", "b": "two"})
    make(caller, "gemini-3.8-flash", 100_000, key="a")
    make(caller, "gemini-3.8-flash", 200_000, key="b")
    caller.clock.advance(HOUR)
    status, whole = door(caller, "GET", "/bill")
    assert (status, whole) == (200, caller.app.bill())
    assert whole["total"] == "0.375"
    _, one = door(caller, "GET", "/bill", project="one")
    assert (one["total"], {line["project"] for line in one["lines"]}) == ("0.125", {"one"})
    assert one == caller.app.bill("one")
    assert door(caller, "GET", "/bill", project="three")[1]["lines"] == []
    assert door(caller, "POST", "/bill", {})[0] == 405


def test_the_knobs_of_the_bill():
    caller = at("2026-11-28")
    make(caller, "gemini-3.8-flash", 100_000, 10)
    caller.clock.advance(HOUR)
    assert total(caller) == Decimal("0.125")
    status, shown = door(caller, "PATCH", "", {"bill_creation": 0.1, "bill_storage": "ttl"})
    assert (status, shown["knobs"]["bill_creation"], shown["knobs"]["bill_storage"]) == (200, 0.1, "ttl")
    assert total(caller) == Decimal("0.5075")
    assert door(caller, "PATCH", "", {"bill_creation": 0})[1]["knobs"]["bill_creation"] == 0
    assert total(caller) == Decimal("0.5")
    for wrong, said in [
        ({"bill_creation": 2}, "a number from 0 to 1"),
        ({"bill_creation": "1"}, "a number from 0 to 1"),
        ({"bill_creation": True}, "a number from 0 to 1"),
        ({"bill_storage": "never"}, "lifetime or ttl"),
        ({"bill_storage": 1}, "lifetime or ttl"),
    ]:
        status, answer = door(caller, "PATCH", "", wrong)
        assert status == 400 and said in answer["error"]["message"]
    with pytest.raises(ValueError, match="from 0 to 1"):
        App(bill_creation=Decimal(2))
    with pytest.raises(ValueError, match="lifetime or ttl"):
        App(bill_storage="")


def test_uses_are_no_effects():
    caller = at("2026-11-28")
    ask(caller, "gemini-3.8-flash", 1_000, 50)
    assert caller.app.effects == []
    make(caller, "gemini-3.8-flash", 2_000)
    assert [effect.kind for effect in caller.app.effects] == ["created"]
    caller.app.world.list_lag = timedelta(0)
    assert total(caller) > 0


def test_a_stale_answer_is_as_before_the_newest_effect_and_not_the_newest_use():
    caller = at("2026-11-28")
    make(caller, "gemini-3.8-flash", 2_000)
    ask(caller, "gemini-3.8-flash", 1_000, 50)
    assert len(caller.names()) == 1
    door(caller, "PATCH", "", {"faults": [{"kind": "stale"}]})
    assert caller.names() == []


# What it survives


def busy(caller: Caller) -> None:
    name = make(caller, "gemini-3.8-flash", 100_000, 3)
    ask(caller, "gemini-3.8-flash", 1_000, 50, cachedContent=name)
    batch(caller, "gemini-3.8-flash", 3, 1_000, 50)
    caller.clock.advance(HOUR)
    caller.json("PATCH", name, {"ttl": f"{5 * HOUR}s"})
    caller.json("DELETE", make(caller, "gemini-3.8-flash", 2_000))


def test_a_restart(store):
    caller = at("2026-11-28", store)
    busy(caller)
    bill = caller.app.bill()
    again = Caller(App(World(store, now=caller.clock)), caller.clock)
    assert again.app.bill() == bill
    assert len(bill["lines"]) == 5
    ask(again, "gemini-3.8-flash", 1_000, 50)
    assert caller.app.bill() == again.app.bill() != bill


def test_a_killed_process(tmp_path):
    """It is killed after an answer, as a process that ends by itself at once is."""
    script = """
import json, os, sys
from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.store import FileStore
from gemctl.emulator.model_changes import ModelChange
from gemctl.emulator.world import World
app = App(World(FileStore(sys.argv[1]), now=ManualClock()))
body = json.dumps({"contents": [{"parts": [{"text": "x" * 4000}]}]}).encode()
headers = {"x-goog-api-key": "k"}
answer = app.handle(Request("POST", "/v1beta/models/gemini-2.5-flash:generateContent", (), headers, body))
print(answer.body.decode(), flush=True)
os._exit(9)
"""
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True)
    used = json.loads(run.stdout)["usageMetadata"]
    caller = Caller(App(World(FileStore(tmp_path), now=ManualClock())), ManualClock())
    out = used["candidatesTokenCount"] + used["thoughtsTokenCount"]
    assert total(caller) == (1_000 * Decimal("0.30") + out * Decimal("2.50")) / 1_000_000


def test_a_torn_record_of_a_use(tmp_path):
    caller = at("2026-11-28", FileStore(tmp_path))
    ask(caller, "gemini-3.8-flash", 1_000, 50)
    bill = caller.app.bill()
    ask(caller, "gemini-3.8-flash", 2_000, 50)
    log = tmp_path / "world.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    again = Caller(App(World(FileStore(tmp_path), now=caller.clock)), caller.clock)
    assert again.app.bill() == bill


def test_after_a_reset_it_begins_anew():
    caller = at("2026-11-28")
    busy(caller)
    caller.app.reset()
    now = "2026-11-28T01:00:00.000000Z"
    empty = {"currency": "USD", "since": now, "until": now, "total": "0", "notPriced": [], "lines": []}
    assert caller.app.bill() == empty
    caller.clock.advance(5)
    make(caller, "gemini-3.8-flash", 2_000)
    caller.clock.advance(5)
    assert caller.app.bill()["since"] == "2026-11-28T01:00:05.000000Z"


@pytest.mark.parametrize("how", ["lifetime", "ttl"])
def test_after_a_compaction_it_begins_there(store, monkeypatch, how):
    monkeypatch.setattr(world_module, "_MANY_DEAD", 12)
    caller = at("2026-11-28", store, bill_storage=how)
    make(caller, "gemini-3.8-flash", 1_000_000, 10)
    caller.clock.advance(HOUR)
    while caller.app.bill()["since"] == "2026-11-28T00:00:00.000000Z":
        ask(caller, "gemini-3.8-flash", 1_000, 50)
    bill = caller.app.bill()
    assert bill["since"] == "2026-11-28T01:00:00.000000Z"
    assert bill["lines"] == []
    caller.clock.advance(2 * HOUR)
    again = Caller(App(World(store, now=caller.clock), bill_storage=how), caller.clock)
    assert again.app.bill() == caller.app.bill()
    assert costs(again) == ([("cacheStorage", "gemini-3.8-flash", "1")] if how == "lifetime" else [])
    (name,) = again.names()
    again.json("PATCH", name, {"ttl": f"{10 * HOUR}s"})
    again.clock.advance(20 * HOUR)
    assert again.app.bill() == caller.app.bill()
    assert storage(again) == (6 if how == "lifetime" else Decimal("1.5"))


OLDER = [  # as they were written before there was a bill
    {"seq": 1, "at": 0, "kind": "created", "collection": "cachedContents", "project": "p", "name": "cachedContents/a",
     "created": 0, "updated": 0, "expires": 2 * HOUR * 10**9, "due": None, "born": 1,
     "body": {"model": "models/gemini-2.5-pro", "displayName": "", "tokens": 100_000}, "by": ["POST", "", "", ""]},
    {"seq": 2, "at": 0, "kind": "ended", "collection": "batches", "project": "p", "name": "batches/b",
     "created": 0, "updated": 0, "expires": None, "due": None, "born": 2,
     "body": {"model": "models/gemini-2.5-pro", "done": 3, "state": "BATCH_STATE_SUCCEEDED"}, "by": ["", "", "", ""]},
]  # fmt: skip


def test_older_records():
    start = (datetime(2026, 11, 28, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1_000
    moved = ("at", "created", "updated", "expires")
    records = [{k: v + start if k in moved and v is not None else v for k, v in record.items()} for record in OLDER]
    store = MemoryStore()
    store.rewrite(records)
    caller = at("2026-11-28T01:00:00", store)
    assert sorted(costs(caller), key=str) == [
        ("batch", "gemini-2.5-pro", None),
        ("cacheCreation", "gemini-2.5-pro", "0.125"),
        ("cacheStorage", "gemini-2.5-pro", "0.45"),
    ]
    assert caller.app.bill()["notPriced"] == ["gemini-2.5-pro"]
    store.rewrite([*records, {"seq": 2, "kind": "compacted"}])
    assert costs(caller) == [("cacheStorage", "gemini-2.5-pro", "0.45")]


# Laws


@settings(max_examples=40, deadline=None)
@given(
    start=st.datetimes(datetime(2026, 9, 3), datetime(2027, 3, 1)),
    looks=st.lists(st.integers(1, 40 * 86_400), min_size=1, max_size=4),
    hours=st.integers(1, 2_000),
    model=st.sampled_from(["gemini-3.8-flash", "gemini-2.5-pro", "gemini-2.5-flash-lite"]),
)
def test_storage_adds_up_whenever_it_is_looked_at(start, looks, hours, model):
    caller = at(start.isoformat())
    make(caller, model, 2_000, hours)
    before = Decimal(0)
    for seconds in looks:
        caller.clock.advance(seconds)
        bill = caller.app.bill()
        lines = [line for line in bill["lines"] if line["kind"] == "cacheStorage"]
        assert all(one["until"] == other["from"] for one, other in pairwise(lines))
        assert lines[-1]["until"] <= bill["until"]
        assert sum(Decimal(line["usd"]) for line in bill["lines"]) == Decimal(bill["total"]) >= before
        before = Decimal(bill["total"])
