"""Models in time: which are listed when, what answers for which, what becomes of those that end, and the knob."""

import json
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from conftest import Caller, cache

from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.catalogue import MODELS
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.prices import PRICES
from gemctl.emulator.world import World

# The days of the published deprecations: from this day on the name is not there.
ENDS = {
    "2025-12-09": {"gemini-live-2.5-flash-preview", "gemini-2.0-flash-exp", "gemini-2.0-flash-live-001"},
    "2026-03-09": {"gemini-3-pro-preview"},
    "2026-05-25": {"gemini-3.1-flash-lite-preview"},
    "2026-06-01": {
        "gemini-2.0-flash",
        "gemini-2.0-flash-001",
        "gemini-2.0-flash-lite",
        "gemini-2.0-flash-preview-image-generation",
    },
    "2026-06-25": {"gemini-3-pro-image-preview", "gemini-3.1-flash-image-preview"},
    "2026-10-02": {"gemini-2.5-flash-image"},
    "2026-11-06": {"gemini-embedding-2-preview"},
    "2026-11-17": {
        "gemini-3.1-flash-live-preview",
        "gemini-2.5-flash-native-audio-latest",
        "gemini-2.5-flash-native-audio-preview-09-2025",
        "gemini-2.5-flash-native-audio-preview-12-2025",
        "gemini-2.5-flash-preview-tts",
        "gemini-2.5-pro-preview-tts",
    },
    "2026-12-03": {"gemini-omni-1.1-flash"},
    "2027-05-07": {"gemini-3.1-flash-lite"},
    "2028-05-14": {"gemini-embedding-001"},
}
ASK = {"contents": [{"parts": [{"text": "hello"}]}]}
BATCH = {"batch": {"inputConfig": {"requests": {"requests": [{"request": ASK}]}}}}


def at(day: str, **options) -> Caller:
    clock = ManualClock(datetime.fromisoformat(day).replace(tzinfo=UTC))
    return Caller(App(World(now=clock), **options), clock)


def listed(caller: Caller) -> dict[str, dict]:
    models = caller.json("GET", "models", query={"pageSize": "1000"})["models"]
    return {model["name"].removeprefix("models/"): model for model in models}


@pytest.mark.parametrize("day", ["1990-01-01", "2025-12-15", "2026-11-28", "2026-12-02", "2027-01-02", "2027-06-01"])
def test_what_is_listed_on_a_day(day):
    gone = {name for end, names in ENDS.items() if end <= day for name in names}
    assert set(listed(at(day))) == {model.name for model in MODELS} - gone


@pytest.mark.parametrize("end", ENDS)
def test_a_model_ends_at_midnight(end):
    caller = at(end)
    caller.clock.advance(-1)
    assert ENDS[end] <= set(listed(caller))
    caller.clock.advance(1)
    assert not ENDS[end] & set(listed(caller))
    for name in ENDS[end]:
        assert caller.error("GET", f"models/{name}")[:2] == (404, "NOT_FOUND")


def test_pages_of_what_is_listed_are_of_one_day():
    caller = at("2027-06-01")
    query, names = {"pageSize": "7"}, []
    while True:
        page = caller.json("GET", "models", query=query)
        names += [model["name"].removeprefix("models/") for model in page["models"]]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert names == list(listed(caller))


def test_nothing_can_be_done_with_a_model_that_has_ended():
    caller = at("2026-05-31T23:59:59")
    model = "models/gemini-2.0-flash"
    uses = [
        ("POST", "cachedContents", cache(model=model)),
        ("POST", f"{model}:generateContent", ASK),
        ("POST", f"{model}:countTokens", ASK),
        ("POST", f"{model}:batchGenerateContent", BATCH),
    ]
    for use in uses:
        caller.json(*use)
    caller.clock.advance(1)
    for use in uses:
        code, status, message = caller.error(*use)
        assert (code, status) == (404, "NOT_FOUND")
        assert message.startswith("models/gemini-2.0-flash is not found for API version v1beta, or is not supported")


def test_a_batch_whose_model_ends_before_it_starts_fails():
    caller = at("2026-05-31T23:59:59.500")
    name = caller.json("POST", "models/gemini-2.0-flash:batchGenerateContent", BATCH)["name"]
    caller.clock.advance(10)
    ended = caller.json("GET", name)
    assert ended["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert "gemini-2.0-flash is not found" in ended["error"]["message"]


@pytest.mark.parametrize(
    ("asked", "day", "answers"),
    [
        ("gemini-2.5-pro", "2026-11-30T23:50:00", "gemini-2.5-pro"),
        ("gemini-2.5-pro", "2026-12-01", "gemini-3.8-flash"),
        ("gemini-2.5-flash", "2026-11-30", "gemini-2.5-flash"),
        ("gemini-2.5-flash", "2026-12-02", "gemini-3.5-flash-lite"),
        ("gemini-3.5-flash", "2026-10-07", "gemini-3.5-flash"),
        ("gemini-3.5-flash", "2026-10-08", "gemini-3.6-flash"),
        ("gemini-3.7-flash", "2026-10-08", "gemini-3.8-flash"),
        ("gemini-3.8-flash", "2027-06-01", "gemini-3.8-flash"),
        ("gemini-flash-latest", "2026-11-28", "gemini-3.8-flash"),
        ("gemini-flash-lite-latest", "2026-11-28", "gemini-3.5-flash-lite"),
        ("gemini-pro-latest", "2026-11-28", "gemini-3.1-pro-preview"),
    ],
)
def test_a_redirected_name_is_answered_by_another(asked, day, answers):
    caller = at(day)
    assert asked in listed(caller)
    assert caller.json("POST", f"models/{asked}:generateContent", ASK)["modelVersion"] == answers
    made = caller.create(model=f"models/{asked}")
    assert made["model"] == f"models/{asked}"
    with_cache = {**ASK, "cachedContent": made["name"]}
    assert caller.json("POST", f"models/{asked}:generateContent", with_cache)["modelVersion"] == answers
    batch = caller.json("POST", f"models/{asked}:batchGenerateContent", BATCH)["name"]
    caller.clock.advance(5)
    (item,) = caller.json("GET", batch)["response"]["inlinedResponses"]["inlinedResponses"]
    assert item["response"]["modelVersion"] == answers


def test_no_model_is_tuned(caller):
    assert caller.json("GET", "tunedModels", query={"pageSize": "3"}) == {}
    assert caller.ask("GET", "tunedModels/a").status == 404


def test_models_without_explicit_caches():
    caller = at("2026-11-28")
    without = ("gemini-4-", "gemini-omni", "gemini-robotics", "gemini-3.5-transcribe", "gemini-nano-banana")
    for name, model in listed(caller).items():
        special = any(word in name for word in ("image", "live", "embedding", "tts", "use")) or name.startswith(without)
        assert ("createCachedContent" in model["supportedGenerationMethods"]) == (not special), name
    for name in ("gemini-4-argon", "gemini-3.8-live", "gemini-embedding-2", "gemini-3-pro-image"):
        assert caller.error("POST", "cachedContents", cache(model=f"models/{name}"))[0] == 404


def test_every_model_takes_caches_from_1024_tokens():
    caller = at("2026-11-28")
    for name in ("gemini-3.1-pro-preview", "gemini-2.5-pro", "gemini-3.8-flash"):
        caller.create(model=f"models/{name}", contents=[{"parts": [{"text": "x" * 4_096}]}])
        small = cache(model=f"models/{name}", contents=[{"parts": [{"text": "x" * 4_092}]}])
        assert "min_total_token_count=1024" in caller.error("POST", "cachedContents", small)[2]


def test_speech_is_sound():
    caller = at("2026-11-28")
    answer = caller.json("POST", "models/gemini-3.8-flash-tts:generateContent", ASK)
    (part,) = answer["candidates"][0]["content"]["parts"]
    assert part["inlineData"]["mimeType"].startswith("audio/L16")


@pytest.mark.parametrize(
    ("model", "config", "least", "most"),
    [
        ("gemini-3.8-flash", {}, 1, 1_000),
        ("gemini-3.8-flash", {"thinkingConfig": {"thinkingBudget": -1}}, 1, 1_000),
        ("gemini-3.8-flash", {"thinkingConfig": {"thinkingBudget": 3}}, 3, 3),
        ("gemini-3.8-flash", {"thinkingConfig": {"thinkingBudget": 0}}, 0, 0),
        ("gemini-3.6-flash", {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}, 0, 0),
        ("gemini-3.8-flash", {"thinkingConfig": {"thinkingLevel": "LOW"}}, 16, 70),
        ("gemini-3.5-flash-lite", {}, 0, 0),
        ("gemini-3.5-flash-lite", {"thinkingConfig": {"thinkingLevel": "HIGH"}}, 16, 1_000),
        ("gemini-3.8-flash-tts", {}, 0, 0),
    ],
)
def test_what_an_answer_says_of_its_tokens(model, config, least, most):
    caller = at("2026-11-28", models=())
    used = caller.json("POST", f"models/{model}:generateContent", {**ASK, "generationConfig": config})["usageMetadata"]
    thoughts = used.get("thoughtsTokenCount", 0)
    assert least <= thoughts <= most and ("thoughtsTokenCount" in used) == bool(thoughts)
    assert used["totalTokenCount"] == used["promptTokenCount"] + used["candidatesTokenCount"] + thoughts


def test_the_prompt_holds_what_was_cached():
    caller = at("2026-11-28")
    audio = {"inlineData": {"mimeType": "audio/mp3", "data": "A" * 4_000}}
    parts = [{"text": "x" * 8_000}, audio]
    made = caller.create(model="models/gemini-3-flash-preview", contents=[{"parts": parts}])
    asked = {"contents": [{"parts": [{"text": "y" * 400}]}], "cachedContent": made["name"]}
    used = caller.json("POST", "models/gemini-3-flash-preview:generateContent", asked)["usageMetadata"]
    assert (used["promptTokenCount"], used["cachedContentTokenCount"]) == (2_358, 2_258)
    assert used["cacheTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 258},
        {"modality": "TEXT", "tokenCount": 2_000},
    ]
    assert used["promptTokensDetails"] == [
        {"modality": "AUDIO", "tokenCount": 258},
        {"modality": "TEXT", "tokenCount": 2_100},
    ]


def door(caller: Caller, method: str, **body):
    answer = Admin(caller.app).handle(Request(method, "/emulator", (), {}, json.dumps(body).encode()))
    return answer.status, json.loads(answer.body)


def test_the_knob_adds_and_changes_models():
    caller = at("2026-11-28")
    given = [
        {
            "name": "models/gemini-5-radon",
            "methods": ["generateContent", "createCachedContent"],
            "displayName": "Radon",
            "inputTokenLimit": 5_000,
            "leastCacheTokens": 10,
            "ends": "2027-02-01",
            "thinking": False,
        },
        {"name": "gemini-3.8-flash", "redirect": {"to": "gemini-5-radon", "at": "2027-01-01"}},
        {"name": "gemini-2.0-flash", "ends": None},
        {"name": "gemini-2.5-pro", "redirect": None},
    ]
    status, shown = door(caller, "PATCH", models=given)
    given[0]["name"] = "gemini-5-radon"
    assert (status, shown["knobs"]["models"]) == (200, given)
    assert door(caller, "PATCH", models=shown["knobs"]["models"]) == (200, shown)
    models = listed(caller)
    assert "gemini-2.0-flash" in models
    assert list(models)[-1] == "gemini-5-radon"
    radon = models["gemini-5-radon"]
    assert radon["supportedGenerationMethods"] == ["generateContent", "createCachedContent"]
    assert (radon["displayName"], radon["inputTokenLimit"]) == ("Radon", 5_000) and "thinking" not in radon
    caller.create(model="models/gemini-5-radon", contents=[{"parts": [{"text": "x" * 40}]}])
    caller.clock.advance(40 * 86_400)  # 2027-01-07
    assert caller.json("POST", "models/gemini-3.8-flash:generateContent", ASK)["modelVersion"] == "gemini-5-radon"
    assert caller.json("POST", "models/gemini-2.5-pro:generateContent", ASK)["modelVersion"] == "gemini-2.5-pro"
    caller.clock.advance(30 * 86_400)
    assert "gemini-5-radon" not in listed(caller)
    for none in (None, []):
        door(caller, "PATCH", models=given)
        assert door(caller, "PATCH", models=none)[1]["knobs"]["models"] == []
        assert "gemini-2.0-flash" not in listed(caller)


def test_redirects_in_a_circle_end():
    caller = at("2026-11-28")
    changes = [
        {"name": "a", "redirect": {"to": "b", "at": "2026-01-01"}},
        {"name": "b", "redirect": {"to": "a", "at": "2026-01-01"}},
    ]
    door(caller, "PATCH", models=changes)
    assert caller.json("POST", "models/a:generateContent", ASK)["modelVersion"] == "b"


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({}, "models: they are a list of objects"),
        ([1], "models: they are a list of objects"),
        ([{"ends": "2027-01-01"}], "a model needs a name"),
        ([{"name": "models/"}], "a model needs a name"),
        ([{"name": "a", "price": 1}], "unknown fields: price; there are name, methods, ends"),
        ([{"name": "a", "ends": "soon"}], "ends of a: it is a day such as 2027-01-31"),
        ([{"name": "a", "ends": 2027}], "ends of a: it is a day"),
        ([{"name": "a", "redirect": "b"}], "redirect of a: it is an object"),
        ([{"name": "a", "redirect": {"to": "b"}}], "redirect of a: it is an object"),
        ([{"name": "a", "redirect": {"to": "b", "at": "x"}}], "redirect of a: it is a day"),
        ([{"name": "a", "methods": "generateContent"}], "methods of a: it is a list of texts"),
        ([{"name": "a", "thinking": 1}], "thinking of a: it is true or false"),
        ([{"name": "a", "leastCacheTokens": 0}], "leastCacheTokens of a: it is a whole number from 1 on"),
        ([{"name": "a", "displayName": 1}], "displayName of a: it is a text"),
    ],
)
def test_what_is_no_model_is_said(models, said):
    caller = at("2026-11-28")
    status, answer = door(caller, "PATCH", models=models)
    assert status == 400 and said in answer["error"]["message"]
    assert door(caller, "GET")[1]["knobs"]["models"] == []


def test_every_price_is_of_a_model_of_the_list_and_periods_follow_each_other():
    assert set(PRICES) <= {model.name for model in MODELS}
    for periods in PRICES.values():
        assert all(one.until == other.starts for one, other in pairwise(periods))
