"""Our manifests and the emulator against schemas that we did not write: the pinned protos and types of Google's own
packages. newest.py asks the same of their newest releases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import newest
import pytest
import schema_gaps
from official_schemas import camel
from served import KEY
from unsupported import covers, listed

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def official():
    """From a process of its own: the protos take a second and much memory, which no other test wants."""
    program = [sys.executable, HERE / "official_schemas.py"]
    return json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("side", ["spec", "emulator"])
def test_every_official_field_is_supported_or_listed_with_a_reason(official, side):
    missing, table = schema_gaps.gaps(official["types"])[side], listed(side)
    assert sorted(field for field in missing if not covers(table, field)) == []
    stale = [field for field in table if not any(covers([field], each) for each in missing)]
    assert stale == []
    assert len(table) == len(set(table))


def test_the_emulator_has_no_field_of_its_own(official):
    assert schema_gaps.inventions(official["types"]) == set(listed("invented"))


AGENT = {
    "base_agent": "antigravity-preview-05-2026",
    "system_instruction": "Be brief.",
    "description": "Reads.",
    "agent_config": {"type": "antigravity", "model": "gemini-3.8-flash", "max_total_tokens": 5},
    "base_environment": {
        "type": "remote",
        "sources": [{"type": "inline", "source": "b", "content": "a", "encoding": "utf-8", "target": "c"}],
        "network": {"allowlist": [{"domain": "*", "credential": "c", "transform": {"a": "b"}}]},
        "env": {"value": {"value": "b"}, "credential": {"credential": "c"}},  # which count as fields of one of them
        "environment_id": "e",
        "mode": "on_demand",
        "custom_config": {"a": 1},
    },
    "tools": [{"type": "code_execution"}],
}
TRIGGER = {
    "schedule": "* * * * *",
    "time_zone": "UTC",
    "display_name": "a",
    "environment_id": "e",
    "interaction": {
        "agent": "antigravity-preview-09-2026",
        "input": "[[emulator: interaction ends failed]]",
        "agent_config": {"type": "antigravity", "model": "gemini-2.5-flash", "max_total_tokens": 5},
        "background": True,
        "environment": "remote",
        "labels": {"a": "b"},
        "previous_interaction_id": "v1_a",
        "response_format": {"type": "text", "mime_type": "application/json", "schema": {"type": "object"}},
        "response_mime_type": "application/json",
        "response_modalities": ["text"],
        "service_tier": "flex",
        "system_instruction": "a",
        "tools": [{"type": "google_search"}],
        "webhook_config": {"uris": ["https://example.com/h"], "user_metadata": {"a": "b"}},
    },
}
_GOES = {**TRIGGER["interaction"], "previous_interaction_id": "", "input": "a"}
TRIGGERS = (TRIGGER, {**TRIGGER, "max_consecutive_failures": 9, "interaction": _GOES})
HOOK = {"uri": "https://example.com/h", "subscribed_events": ["batch.failed"], "name": "a"}


def in_camel(value):
    """The newer surfaces answer in snake_case; the tables have one spelling."""
    if isinstance(value, list):
        return [in_camel(each) for each in value]
    return {camel(name): in_camel(each) for name, each in value.items()} if isinstance(value, dict) else value


def test_replies_have_the_official_fields(official, emulator):
    """Of one object of each kind, as full as it gets: what it shows is official, and what it never shows is listed."""

    def ask(method, path, body=None, **headers):
        answer = emulator.http.request(method, f"/{path}", json=body, headers={"x-goog-api-key": KEY, **headers})
        assert answer.status_code == 200, answer.text
        return answer

    content = [{"role": "user", "parts": [{"text": "x" * 5000}]}]
    cache = {"model": "models/gemini-2.5-flash", "contents": content, "displayName": "a"}
    caches = [ask("POST", "v1beta/cachedContents", cache).json() for _ in range(2)]
    for data in (b"video", b"gemctl-emulator: fail processing"):
        begin = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
        body = {"file": {"mimeType": "video/mp4", "displayName": "a"}}
        url = ask("POST", "upload/v1beta/files", body, **begin).headers["x-goog-upload-url"]
        end = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
        assert emulator.http.post(url, content=data, headers=end).status_code == 200
    words = {"requests": {"requests": [{"request": {"contents": content}}]}}
    begin["x-goog-upload-header-content-type"] = "jsonl"
    url = ask("POST", "upload/v1beta/files", {}, **begin).headers["x-goog-upload-url"]
    line = json.dumps({"key": "a", **words["requests"]["requests"][0]})
    file = emulator.http.post(url, content=line, headers=end).json()["file"]["name"]
    for source in ({"fileName": file}, words):
        batch = {"batch": {"displayName": "a", "inputConfig": source}}
        ask("POST", "v1beta/models/gemini-2.5-flash:batchGenerateContent", batch)
    store = ask("POST", "v1beta/fileSearchStores", {"displayName": "a"}).json()["name"]
    values = [{"stringValue": "v"}, {"numericValue": 1}, {"stringListValue": {"values": ["a"]}}]
    about = {"displayName": "a", "customMetadata": [{"key": f"k{at}", **value} for at, value in enumerate(values)]}
    begin["x-goog-upload-header-content-type"] = "text/plain"
    for text in ("words", "[[emulator: document fails]]", "[[emulator: document stays]]"):
        url = ask("POST", f"upload/v1beta/{store}:uploadToFileSearchStore", about, **begin).headers["x-goog-upload-url"]
        assert emulator.http.post(url, content=text, headers=end).status_code == 200
    emulator.advance(3)
    whole = {"model": cache["model"], "contents": content, "cachedContent": caches[0]["name"]}
    count = ask("POST", "v1beta/models/gemini-2.5-flash:countTokens", {"generateContentRequest": whole})
    embedded = {"content": {"parts": [{"text": "a"}]}}
    hooks = [ask("POST", "v1beta/webhooks", HOOK).json() for _ in range(2)]
    secret = ask("POST", f"v1beta/webhooks/{hooks[0]['id']}:rotateSigningSecret").json()
    agents = [ask("POST", "v1beta/agents", {**AGENT, "id": own}).json() for own in ("a", "b")]
    hooks += [ask("GET", f"v1beta/webhooks/{hooks[0]['id']}").json()]
    triggers = [ask("POST", "v1beta/triggers", one).json() for one in TRIGGERS]
    for one, body in ((triggers[0], {"status": "paused"}), (triggers[0], {"status": "active"})):
        ask("PATCH", f"v1beta/triggers/{one['id']}", body)
    for one in triggers:
        ask("POST", f"v1beta/triggers/{one['id']}/executions")
    emulator.advance(60)
    pages = [f"v1beta/triggers/{one['id']}/executions?page_size={size}" for one in triggers for size in (1, 2)]
    executions = [ask("GET", page).json() for page in pages]
    signed_in = [ask("POST", "v1beta/credentials", {"type": "bearer_token", "token": "a"}).json() for _ in range(2)]
    replies = {
        "next Agent": in_camel(agents),
        "next AgentListResponse": [in_camel(ask("GET", "v1beta/agents?page_size=1").json())],
        "next Credential": in_camel(signed_in),
        "next CredentialListResponse": [in_camel(ask("GET", "v1beta/credentials?page_size=1").json())],
        "next Trigger": in_camel([ask("GET", f"v1beta/triggers/{one['id']}").json() for one in triggers]),
        "next ListTriggersResponse": [in_camel(ask("GET", "v1beta/triggers?page_size=1").json())],
        "next ListTriggerExecutionsResponse": in_camel(executions),
        "sdk Webhook": in_camel(hooks),
        "sdk WebhookListResponse": [in_camel(ask("GET", "v1beta/webhooks?page_size=1").json())],
        "sdk WebhookRotateSigningSecretResponse": [secret],
        "proto ListCachedContentsResponse": [ask("GET", "v1beta/cachedContents?pageSize=1").json()],
        "proto ListFilesResponse": [ask("GET", f"v1beta/files{query}").json() for query in ("", "?pageSize=1")],
        "proto ListModelsResponse": [ask("GET", "v1beta/models?pageSize=2").json()],
        "proto CountTokensResponse": [count.json()],
        "proto EmbedContentResponse": [ask("POST", "v1beta/models/gemini-embedding-001:embedContent", embedded).json()],
    }
    replies |= {
        "sdk FileSearchStore": [ask("GET", f"v1beta/{store}").json()],
        "sdk Document": ask("GET", f"v1beta/{store}/documents").json()["documents"],
    }
    missing, invented = schema_gaps.reply_gaps(official["types"], replies)
    assert invented == set(listed("shown"))
    assert missing == set(listed("replies"))


def test_the_walk_meets_what_it_should(official):
    """A walk that stops early would find nothing missing."""
    types = official["types"]
    met = {theirs for theirs, *_ in schema_gaps._pairs(types, schema_gaps.EMULATOR, schema_gaps._emulator_fields)}
    assert {"proto Schema", "sdk Schema", "sdk AutomaticActivityDetection", "sdk McpServer", "proto Part"} <= met
    met = {theirs for theirs, *_ in schema_gaps._pairs(types, schema_gaps.SPEC, schema_gaps._spec_fields)}
    assert {"proto Schema", "sdk Schema", "sdk AutomaticActivityDetection", "sdk McpServer", "proto Part"} <= met
    types = {name: {**fields, "brandNew": ""} for name, fields in types.items()}
    assert {"Schema.brandNew", "Part.brandNew", "AuthToken.brandNew"} - schema_gaps.gaps(types)["spec"] == {
        "AuthToken.brandNew"
    }


def test_the_report_on_newer_releases(official):
    """Without a network: a release that was made up."""
    types = {name: dict(fields) for name, fields in official["types"].items()}
    types["sdk Schema"]["mood"] = ""
    types["sdk Tool"]["httpOptions"] = ""
    del types["sdk Part"]["text"]
    lines, done = newest.report(official, {**official, "types": types})
    assert lines[2:] == [
        "added  sdk Schema.mood: not in spec and emulator",
        "added  sdk Tool.httpOptions: listed",
        "gone   sdk Part.text",
    ]
    assert not done
    assert newest.report(official, official)[1]
