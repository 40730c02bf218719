"""For the same input gemctl asks what the official SDK asks: each mutation, as the emulator heard it."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections import Counter
from datetime import datetime, timedelta

import pytest
from beside import MODEL, TEXT, bench
from google.genai import types

EMBEDDING, LIVE = "gemini-embedding-001", "gemini-3.8-live"
LINES = "".join(
    json.dumps({"key": key, "request": {"contents": [{"role": "user", "parts": [{"text": key}]}]}}) + "\n"
    for key in "ab"
).encode()


@pytest.fixture
def both(tmp_path, monkeypatch, capsys):
    with bench(tmp_path, monkeypatch, capsys) as one:
        yield one


# What the wire makes equal: the case of names, the names that the service gave, gemctl's mark, the spelling of numbers
# and times, an absent body and an empty one.


def camel(name):
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def plain(value, key=""):
    if isinstance(value, dict):
        return {camel(name): plain(inner, camel(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if key == "fieldMask":
        return {camel(path) for path in value.split(",")}
    if key in ("sizeBytes", "maxTotalTokens"):
        return int(value)
    if key.endswith("Time"):
        return datetime.fromisoformat(value)
    return re.sub(r" ~g1\..*", "", nameless(value)) if isinstance(value, str) else value


def nameless(text):
    return re.sub(r"(cachedContents|batches|files|triggers|webhooks)/[a-z0-9-]+", r"\1/*", text)


def asked(app, since=0):
    """Every request that changes something, as it is compared: method, path, query, body (of a file its digest)."""

    def body(seen):
        return {"bytes": seen.digest} if seen.size > len(seen.body) else plain(seen.json or {})

    return [
        (seen.method, nameless(seen.path), seen.query, body(seen))
        for seen in app.requests[since:]
        if seen.method != "GET"
    ]


def same(both, ours, theirs):
    """Both do it; what they asked is the same, and so is what came of it."""
    requests, effects = [], []
    for act in (ours, theirs):
        begun, happened = len(both.app.requests), len(both.app.effects)
        act()
        requests.append(sorted(asked(both.app, begun), key=repr))
        effects.append(
            Counter(
                (each.kind, nameless(each.collection), each.model, each.method, nameless(each.path))
                for each in both.app.effects[happened:]
            )
        )
    assert requests[0] == requests[1]
    assert effects[0] == effects[1]
    assert effects[0]
    return requests[0]


def content(text):
    return types.Content(role="user", parts=[types.Part(text=text)])


PARAMETERS = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}}


def test_caches(both):
    spec = {"model": MODEL, "contents": TEXT, "ttl": "24h", "displayName": "handbook", "systemInstruction": "Be brief.",
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": PARAMETERS}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}}  # fmt: skip
    both.declare("CachedContent", "handbook", spec)
    client, name = both.sdk(), []

    def create():
        parameters = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "max_length": 9}}}
        config = types.CreateCachedContentConfig(
            contents=[content(TEXT)],
            system_instruction=types.Content(parts=[types.Part(text="Be brief.")]),
            tools=[{"function_declarations": [{"name": "f", "parameters": parameters}]}],
            tool_config={"function_calling_config": {"mode": "AUTO"}},
            ttl="86400s",
            display_name="handbook",
        )
        name.append(client.caches.create(model=MODEL, config=config).name)

    ((method, path, _, body),) = same(both, lambda: both.gemctl("apply", "--yes"), create)
    assert (method, path, body["ttl"]) == ("POST", "/v1beta/cachedContents", "86400s")

    both.clock.advance(20 * 3600)
    # gemctl sends when it ends and not for how long: sent twice, it is the same.
    until = both.clock.now() + timedelta(days=1)
    patch = same(
        both,
        lambda: both.gemctl("apply", "--yes"),
        lambda: client.caches.update(name=name[0], config={"expire_time": until}),
    )
    assert [(method, body) for method, _, _, body in patch] == [("PATCH", {"expireTime": until})]
    same(both, lambda: both.gemctl("destroy", "--yes"), lambda: client.caches.delete(name=name[0]))


def test_a_cache_until_a_time(both):
    until = both.clock.now() + timedelta(days=3)
    both.declare("CachedContent", "handbook", {"model": MODEL, "contents": TEXT, "expireTime": until.isoformat()})
    config = {"contents": [content(TEXT)], "expire_time": until, "display_name": "handbook"}
    same(both, lambda: both.gemctl("apply", "--yes"), lambda: both.sdk().caches.create(model=MODEL, config=config))


def test_files(both):
    path = both.write("notes.txt", b"some notes" * 10)
    both.declare("File", "notes", {"source": "notes.txt", "displayName": "Notes"})
    parts = [{"text": TEXT}, {"fileRef": {"name": "notes"}}]
    both.declare("CachedContent", "book", {"model": MODEL, "contents": {"role": "user", "parts": parts}, "ttl": "24h"})
    client, names = both.sdk(), []

    def create():
        config = {"name": "chosen-by-hand", "display_name": "Notes", "mime_type": "text/plain"}
        file = client.files.upload(file=path, config=config)
        parts = [types.Part(text=TEXT), types.Part.from_uri(file_uri=file.uri, mime_type=file.mime_type)]
        config = {"contents": [types.Content(role="user", parts=parts)], "ttl": "86400s", "display_name": "book"}
        names.append(client.caches.create(model=MODEL, config=config).name)

    def delete():
        client.caches.delete(name=names[0])
        client.files.delete(name="chosen-by-hand")

    first, second, _ = same(both, lambda: both.gemctl("apply", "--yes"), create)
    assert first[:2] == second[:2] == ("POST", "/upload/v1beta/files")
    assert {*first[3], *second[3]} == {"file", "bytes"}
    same(both, lambda: both.gemctl("destroy", "--yes"), delete)


SAFETY = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}


def test_an_inline_batch_is_made_cancelled_and_deleted(both):
    config = {"temperature": 0.1, "topK": 10, "maxOutputTokens": 50, "thinkingConfig": {"thinkingBudget": 0}}
    requests = [
        {"key": key, "request": {"contents": key, "systemInstruction": {"parts": [{"text": "Be brief."}]},
                                 "tools": [{"googleSearch": {}}], "generationConfig": config,
                                 "safetySettings": [SAFETY]}}
        for key in ("a", "b")
    ]  # fmt: skip
    both.declare("BatchJob", "nightly", {"model": MODEL, "displayName": "nightly", "requests": requests})
    client, name = both.sdk(), []

    def create():
        src = [
            {
                "contents": [content(key)],
                "metadata": {"key": key},
                "config": {
                    "system_instruction": types.Content(parts=[types.Part(text="Be brief.")]),
                    "tools": [{"google_search": {}}],
                    "temperature": 0.1,
                    "top_k": 10,
                    "max_output_tokens": 50,
                    "thinking_config": {"thinking_budget": 0},
                    "safety_settings": [SAFETY],
                },
            }
            for key in ("a", "b")
        ]
        name.append(client.batches.create(model=MODEL, src=src, config={"display_name": "nightly"}).name)

    same(both, lambda: both.gemctl("apply", "--yes"), create)
    same(both, lambda: both.gemctl("cancel", "BatchJob/nightly", "--yes"), lambda: client.batches.cancel(name=name[0]))
    same(both, lambda: both.gemctl("destroy", "--yes"), lambda: client.batches.delete(name=name[0]))


def test_a_batch_of_a_file(both):
    both.write("lines.jsonl", LINES)
    both.declare("File", "lines", {"source": "lines.jsonl", "mimeType": "application/jsonl", "displayName": "Lines"})
    spec = {"model": MODEL, "displayName": "nightly", "input": {"fileRef": {"name": "lines"}}}
    both.declare("BatchJob", "nightly", spec)
    client = both.sdk()

    def create():
        config = {"name": "by-hand", "display_name": "Lines", "mime_type": "application/jsonl"}
        file = client.files.upload(file=io.BytesIO(LINES), config=config)
        client.batches.create(model=MODEL, src=file.name, config={"display_name": "nightly"})

    sent = same(both, lambda: both.gemctl("apply", "--yes"), create)
    assert sent[-1][3] == {"batch": {"displayName": "nightly", "inputConfig": {"fileName": "files/*"}}}


def test_a_batch_of_embeddings(both):
    requests = [
        {"key": str(number), "request": {"content": {"role": "user", "parts": [{"text": text}]},
                                         "taskType": "RETRIEVAL_DOCUMENT", "outputDimensionality": 64}}
        for number, text in enumerate(("a", "b"))
    ]  # fmt: skip
    spec = {"model": EMBEDDING, "method": "embedContent", "displayName": "vectors", "requests": requests}
    both.declare("BatchJob", "vectors", spec)
    config = types.EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT", output_dimensionality=64)
    batch = types.EmbedContentBatch(contents=["a", "b"], config=config)

    def create():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK calls it experimental
            source = types.EmbeddingsBatchJobSource(inlined_requests=batch)
            both.sdk().batches.create_embeddings(model=EMBEDDING, src=source, config={"display_name": "vectors"})

    bodies = []
    for act in (lambda: both.gemctl("apply", "--yes"), create):
        act()
        *request, body = asked(both.app)[-1]
        items = body["batch"]["inputConfig"]["requests"]["requests"]
        bodies.append((request, body, [item.pop("metadata", None) for item in items]))
    (ours, our_body, keys), (theirs, their_body, none) = bodies
    assert (ours, our_body) == (theirs, their_body)
    # The SDK has no place for the keys of these requests; that is the one thing that gemctl adds.
    assert (keys, none) == ([{"key": "0"}, {"key": "1"}], [None, None])


# Tokens.

CONFIG = {
    "responseModalities": ["AUDIO"],
    "temperature": 0.7,
    "topP": 0.9,
    "topK": 40,
    "maxOutputTokens": 500,
    "mediaResolution": "MEDIA_RESOLUTION_LOW",
    "seed": 5,
    "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}, "languageCode": "de-DE"},
    "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0},
    "enableAffectiveDialog": True,
    "translationConfig": {"targetLanguageCode": "es"},
    "systemInstruction": "Be brief.",
    "tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f", "description": "g"}]}],
    "sessionResumption": {},
    "realtimeInputConfig": {
        "automaticActivityDetection": {"disabled": False, "silenceDurationMs": 100},
        "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
    },
    "contextWindowCompression": {"triggerTokens": 25600, "slidingWindow": {"targetTokens": 12800}},
    "inputAudioTranscription": {},
    "outputAudioTranscription": {"languageCodes": ["de"]},
    "proactivity": {"proactiveAudio": True},
    "historyConfig": {"initialHistoryInClientContent": True},
    "avatarConfig": {"avatarName": "a"},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
}
MASKED = {name: value for name, value in CONFIG.items() if name != "systemInstruction"}  # no mask may go into that
SMALL = {"responseModalities": ["TEXT"], "sessionResumption": {"handle": "h"}}
LOCKS = {
    "no constraints": {},
    "everything": {"liveConnectConstraints": {"model": LIVE, "config": CONFIG}},
    "what is set": {"liveConnectConstraints": {"model": LIVE, "config": MASKED}, "lockAdditionalFields": []},
    "what is set, and more": {
        "liveConnectConstraints": {"model": f"models/{LIVE}", "config": SMALL},
        "lockAdditionalFields": ["topK", "outputAudioTranscription", "speechConfig", "tools"],
    },
    "the model": {"liveConnectConstraints": {"model": LIVE}, "lockAdditionalFields": []},
    "a little": {"liveConnectConstraints": {"model": LIVE, "config": SMALL}},
}


def snake(name):
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def by_sdk(both, spec):
    """The SDK's own types, from the same words; it takes instants where a policy has durations."""
    config = {
        "uses": spec["uses"],
        "expire_time": both.clock.now() + timedelta(minutes=30),
        "new_session_expire_time": both.clock.now() + timedelta(minutes=2),
    }
    if constraints := spec.get("liveConnectConstraints"):
        config["live_connect_constraints"] = types.LiveConnectConstraints(
            model=constraints["model"], config=types.LiveConnectConfig.model_validate(constraints.get("config", {}))
        )
    if "lockAdditionalFields" in spec:
        config["lock_additional_fields"] = [snake(name) for name in spec["lockAdditionalFields"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK calls its tokens experimental
        both.sdk("v1alpha").auth_tokens.create(config=types.CreateAuthTokenConfig(**config))


@pytest.mark.parametrize("case", LOCKS)
def test_tokens(both, case):
    spec = {"uses": 3, "expireAfter": "30m", "newSessionExpireAfter": "2m", **LOCKS[case]}
    both.declare("TokenPolicy", "demo", spec)
    ((_, path, _, body),) = same(
        both, lambda: both.gemctl("token", "mint", "demo", "--unapplied"), lambda: by_sdk(both, spec)
    )
    assert path == "/v1alpha/auth_tokens"
    assert (body["uses"], body["expireTime"]) == (3, both.clock.now() + timedelta(minutes=30))
    ours = next(seen.json for seen in both.app.requests if seen.method == "POST")
    assert "_" not in ours.get("fieldMask", "")
    first, second = [effect.expire_time for effect in both.app.effects if effect.kind == "created"]
    assert first == second


def test_webhooks(both):
    spec = {
        "uri": "https://example.com/h",
        "subscribedEvents": ["batch.failed", "batch.succeeded"],
        "secret": {"file": "out/secret"},
    }
    both.declare("Webhook", "hook", spec)
    client, made = both.sdk(), []

    def create():
        events = ["batch.failed", "batch.succeeded"]
        made.append(client.webhooks.create(uri=spec["uri"], subscribed_events=events, name="hook"))

    ((method, path, _, body),) = same(both, lambda: both.gemctl("apply", "--yes"), create)
    assert (method, path, set(body)) == ("POST", "/v1beta/webhooks", {"uri", "subscribedEvents", "name"})

    both.declare("Webhook", "hook", {**spec, "uri": "https://example.com/2"})
    ours, (hook,) = lambda: both.gemctl("apply", "--yes"), made
    changed = {"uri": "https://example.com/2", "name": "hook", "update_mask": "name,uri"}
    ((method, _, query, _),) = same(both, ours, lambda: client.webhooks.update(id=hook.id, **changed))
    assert (method, query) == ("PATCH", (("update_mask", "name,uri"),))
    for more, how in (
        ("", "revoke_previous_secrets_after_h24"),
        ("--revoke-now", "revoke_previous_secrets_immediately"),
    ):
        same(
            both,
            lambda more=more: both.gemctl("webhook", "rotate", "hook", *more.split()),
            lambda how=how: client.webhooks.rotate_signing_secret(id=hook.id, revocation_behavior=how),
        )
    same(both, lambda: both.gemctl("webhook", "ping", "hook"), lambda: client.webhooks.ping(id=hook.id))
    same(both, lambda: both.gemctl("destroy", "--yes"), lambda: client.webhooks.delete(id=hook.id))


@pytest.mark.filterwarnings("ignore:Agents usage is experimental")
def test_agents(both):
    spec = {
        "baseAgent": "antigravity-preview-05-2026",
        "description": "Reads changes.",
        "systemInstruction": "Be brief.",
        "agentConfig": {"type": "antigravity", "model": "gemini-3.8-flash", "maxTotalTokens": 1000},
        "baseEnvironment": {
            "sources": [{"content": "x", "target": "a.py"}],
            "network": {"allowlist": [{"domain": "*", "transform": [{"X-Team": "a"}]}]},
            "env": {"A": "b"},
        },
        "tools": [{"type": "google_search", "searchTypes": ["web_search"]}, {"type": "function", "name": "f"}],
    }
    both.declare("Agent", "reviewer", spec)
    client = both.sdk()

    def create():
        client.agents.delete(id="reviewer")
        client.agents.create(
            id="reviewer",
            base_agent=spec["baseAgent"],
            description="Reads changes.",
            system_instruction="Be briefer.",
            agent_config={"type": "antigravity", "model": "gemini-3.8-flash", "max_total_tokens": 1000},
            base_environment={
                "type": "remote",
                "sources": [{"type": "inline", "content": "x", "target": "a.py"}],
                "network": {"allowlist": [{"domain": "*", "transform": [{"X-Team": "a"}]}]},
                "env": {"A": "b"},
            },
            tools=[{"type": "google_search", "search_types": ["web_search"]}, {"type": "function", "name": "f"}],
        )

    both.gemctl("apply", "--yes")
    both.declare("Agent", "reviewer", {**spec, "systemInstruction": "Be briefer."})
    _, (method, path, _, body) = same(both, lambda: both.gemctl("apply", "--yes"), create)
    assert (method, path, body["id"]) == ("POST", "/v1beta/agents", "reviewer")
    assert both.gemctl("plan", "--detailed-exitcode")


@pytest.mark.filterwarnings("ignore:.* usage is experimental:UserWarning")
def test_triggers(both):
    spec = {
        "schedule": "0 3 * * *",
        "timeZone": "Europe/Berlin",
        "interaction": {
            "agent": "antigravity-preview-09-2026",
            "input": "Look.",
            "agentConfig": {"type": "antigravity", "model": "gemini-3.8-flash", "maxTotalTokens": 5000},
            "environment": {"sources": [{"content": "x", "target": "/a"}], "network": {"allowlist": [{"domain": "*"}]}},
            "tools": [{"type": "google_search", "searchTypes": ["web_search"]}],
            "responseFormat": {"type": "text", "mimeType": "application/json", "schema": {"type": "object"}},
            "labels": {"team": "a"},
        },
        "maxConsecutiveFailures": 3,
    }
    both.declare("Trigger", "nightly", spec)
    client, made = both.sdk(), []

    def create():
        interaction = {
            "agent": "antigravity-preview-09-2026",
            "input": "Look.",
            "agent_config": {"type": "antigravity", "model": "gemini-3.8-flash", "max_total_tokens": 5000},
            "environment": {
                "type": "remote",
                "sources": [{"type": "inline", "content": "x", "target": "/a"}],
                "network": {"allowlist": [{"domain": "*"}]},
            },
            "tools": [{"type": "google_search", "search_types": ["web_search"]}],
            "response_format": {"type": "text", "mime_type": "application/json", "schema": {"type": "object"}},
            "labels": {"team": "a"},
        }
        how = {"schedule": "0 3 * * *", "time_zone": "Europe/Berlin", "max_consecutive_failures": 3}
        made.append(client.triggers.create(interaction=interaction, display_name="nightly", **how))

    ((method, path, _, _),) = same(both, lambda: both.gemctl("apply", "--yes"), create)
    assert (method, path) == ("POST", "/v1beta/triggers")
    both.declare("Trigger", "nightly", {**spec, "status": "paused"})
    ours, (one,) = lambda: both.gemctl("apply", "--yes"), made
    changed = {"status": "paused", "display_name": "nightly"}
    ((method, _, query, _),) = same(both, ours, lambda: client.triggers.update(id=one.id, **changed))
    assert (method, query) == ("PATCH", ())
    same(both, lambda: both.gemctl("trigger", "run", "nightly"), lambda: client.triggers.run(trigger_id=one.id))
    same(both, lambda: both.gemctl("destroy", "--yes"), lambda: client.triggers.delete(id=one.id))


@pytest.mark.filterwarnings("ignore:.* usage is experimental:UserWarning")
def test_credentials(both, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", "t")
    spec = {"type": "bearer_token", "token": {"valueFrom": {"env": "CRM_TOKEN"}}, "prefix": ""}
    both.declare("Credential", "crm", spec)
    client = both.sdk()
    client.credentials.create(id="crm", type="bearer_token", token="t", prefix="")
    theirs = asked(both.app)
    client.credentials.delete(id="crm")  # an id is taken once
    begun = len(both.app.requests)
    both.gemctl("apply", "--yes")
    assert asked(both.app, begun) == theirs
    ((method, path, _, body),) = theirs
    assert (method, path, set(body)) == ("POST", "/v1beta/credentials", {"id", "type", "token", "prefix"})

    def update(**changes):
        mask = ",".join(sorted(changes))
        return lambda: client.credentials.update(id="crm", type="bearer_token", update_mask=mask, **changes)

    both.declare("Credential", "crm", {**spec, "headerName": "X-Key"})
    ((method, _, query, _),) = same(both, lambda: both.gemctl("apply", "--yes"), update(header_name="X-Key"))
    assert (method, query) == ("PATCH", (("update_mask", "header_name"),))
    monkeypatch.setenv("CRM_TOKEN", "u")
    same(both, lambda: both.gemctl("apply", "--yes"), update(token="u"))
    whole = update(token="u", prefix="", header_name="X-Key")
    same(both, lambda: both.gemctl("credential", "rotate", "crm"), whole)


def test_the_sdk_takes_a_token_of_ours_for_live_sessions_and_for_nothing_else(both):
    both.declare("TokenPolicy", "demo", {"liveConnectConstraints": {"model": LIVE}})
    token = both.gemctl("token", "mint", "demo", "--unapplied").removesuffix("\n")
    with pytest.raises(Exception, match=r"(?i)ephemeral"):
        both.sdk("v1alpha", key=token).models.get(model=LIVE)
