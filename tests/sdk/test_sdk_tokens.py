"""The same policy, minted by the official Python SDK and by gemctl: the service is asked for the same token."""

from __future__ import annotations

import json
import re
import warnings
from datetime import datetime, timedelta

import pytest
from google import genai
from google.genai import types
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "sdk", "id": "sdk4sdk4"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
}
MODEL = "gemini-3.8-live"
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
SMALL = {"responseModalities": ["TEXT"], "sessionResumption": {"handle": "h"}}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def app(clock):
    one = App(World(now=clock.now))
    yield one
    assert not one.bugs


@pytest.fixture
def url(app, monkeypatch):
    with running(app) as base:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", base)
        monkeypatch.setenv("GEMINI_API_KEY", "a-key")
        yield base


def snake(name):
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def by_sdk(url, clock, spec):
    """The SDK's own types, from the same words; it takes instants where a policy has durations."""
    config = {
        "uses": spec["uses"],
        "expire_time": clock.now() + timedelta(minutes=30),
        "new_session_expire_time": clock.now() + timedelta(minutes=2),
    }
    if constraints := spec.get("liveConnectConstraints"):
        config["live_connect_constraints"] = types.LiveConnectConstraints(
            model=constraints["model"], config=types.LiveConnectConfig.model_validate(constraints.get("config", {}))
        )
    if "lockAdditionalFields" in spec:
        config["lock_additional_fields"] = [snake(name) for name in spec["lockAdditionalFields"]]
    client = genai.Client(api_key="a-key", http_options={"base_url": url, "api_version": "v1alpha"})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK calls its tokens experimental
            return client.auth_tokens.create(config=types.CreateAuthTokenConfig(**config)).name
    finally:
        client.close()


def by_gemctl(folder, clock, capsys, spec):
    policy = {"apiVersion": "gemctl/v1", "kind": "TokenPolicy", "metadata": {"name": "demo"}, "spec": spec}
    (folder / "gemctl.yaml").write_text(json.dumps(PROJECT))
    (folder / "policy.yaml").write_text(json.dumps(policy))
    capsys.readouterr()
    assert run(["-C", str(folder), "token", "mint", "demo", "--unapplied"], clock=clock) == 0, capsys.readouterr().err
    return capsys.readouterr().out.removesuffix("\n")


def plain(value, key=""):
    """What the API makes of it: names in camelCase, instants and numbers by their value, a mask without its order."""
    if isinstance(value, dict):
        return {camel(name): plain(inner, camel(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if key == "fieldMask":
        return {camel(path) for path in value.split(",")}
    return datetime.fromisoformat(value) if key.endswith("Time") else value


def camel(name):
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


LOCKS = {
    "no constraints": {},
    "everything": {"liveConnectConstraints": {"model": MODEL, "config": CONFIG}},
    "what is set": {"liveConnectConstraints": {"model": MODEL, "config": CONFIG}, "lockAdditionalFields": []},
    "what is set, and more": {
        "liveConnectConstraints": {"model": f"models/{MODEL}", "config": SMALL},
        "lockAdditionalFields": ["topK", "outputAudioTranscription", "speechConfig", "tools"],
    },
    "the model": {"liveConnectConstraints": {"model": MODEL}, "lockAdditionalFields": []},
    "a little": {"liveConnectConstraints": {"model": MODEL, "config": SMALL}},
}


@pytest.mark.parametrize("case", LOCKS)
def test_both_ask_for_the_same_token(app, url, clock, tmp_path, capsys, case):
    spec = {"uses": 3, "expireAfter": "30m", "newSessionExpireAfter": "2m", **LOCKS[case]}
    names = [by_sdk(url, clock, spec), by_gemctl(tmp_path, clock, capsys, spec)]
    sdk, ours = [request for request in app.requests if request.method == "POST"]
    assert all(re.fullmatch(r"auth_tokens/[0-9a-f]{64}", name) for name in names) and len(set(names)) == 2
    assert sdk.path == ours.path == "/v1alpha/auth_tokens"
    assert plain(ours.json) == plain(sdk.json)
    assert "_" not in ours.json.get("fieldMask", "")
    first, second = [effect for effect in app.effects if effect.kind == "created"]
    assert (first.expire_time - first.at, first.model) == (second.expire_time - second.at, second.model)


def test_the_sdk_takes_a_token_of_ours_for_live_sessions_and_for_nothing_else(url, clock, tmp_path, capsys):
    token = by_gemctl(tmp_path, clock, capsys, {"liveConnectConstraints": {"model": MODEL}})
    client = genai.Client(api_key=token, http_options={"base_url": url, "api_version": "v1alpha"})
    with pytest.raises(Exception, match=r"(?i)ephemeral"):
        client.models.get(model=MODEL)
    client.close()
