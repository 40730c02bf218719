"""Ephemeral tokens: what a mint takes, what it refuses, and that the secret is nowhere but in the answer."""

import json
import random
import re
from datetime import timedelta

import pytest

from gemctl.emulator.app import App, Request
from gemctl.emulator.faults import Fault
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

LIVE = "models/gemini-3.8-live"
HEADERS = {"x-goog-api-key": "k"}

SETUP = {
    "model": LIVE,
    "generationConfig": {
        "responseModalities": ["AUDIO"],
        "temperature": 0.7,
        "topP": 0.9,
        "topK": 40.0,
        "maxOutputTokens": 100,
        "mediaResolution": "MEDIA_RESOLUTION_LOW",
        "seed": 5,
        "speechConfig": {
            "voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}},
            "languageCode": "de-DE",
        },
        "thinkingConfig": {"includeThoughts": True, "thinkingBudget": 0, "thinkingLevel": "low"},
        "enableAffectiveDialog": True,
        "translationConfig": {"targetLanguageCode": "es", "echoTargetLanguage": True},
        "presencePenalty": 0.1,
        "frequencyPenalty": 0.1,
    },
    "systemInstruction": {"role": "user", "parts": [{"text": "Be short."}]},
    "tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}, {"codeExecution": {}}],
    "realtimeInputConfig": {
        "automaticActivityDetection": {
            "disabled": False,
            "startOfSpeechSensitivity": "START_SENSITIVITY_HIGH",
            "endOfSpeechSensitivity": "END_SENSITIVITY_LOW",
            "prefixPaddingMs": 20,
            "silence_duration_ms": 100,
        },
        "activityHandling": "NO_INTERRUPTION",
        "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY",
    },
    "sessionResumption": {},
    "contextWindowCompression": {"triggerTokens": "25600", "slidingWindow": {"targetTokens": 12800}},
    "inputAudioTranscription": {},
    "outputAudioTranscription": {"languageCodes": ["de"]},
    "proactivity": {"proactiveAudio": True},
    "historyConfig": {"initialHistoryInClientContent": True},
    "avatarConfig": {"avatarName": "a"},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
    "labels": {"team": "voice"},
}


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_a_mint(store, clock, connect, version):
    app = App(World(store, now=clock, ids=random.Random(3)))
    http = connect(app)
    answer = http.post(f"/{version}/auth_tokens")
    assert answer.status_code == 200
    (name,) = answer.json().values()
    assert re.fullmatch(r"auth_tokens/[0-9a-f]{64}", name)
    full = http.post(f"/{version}/auth_tokens", json={"uses": 2, "bidiGenerateContentSetup": SETUP}).json()
    assert list(full) == ["name"]
    assert full["name"] != name
    effects = app.effects
    assert [(effect.kind, effect.collection, effect.model) for effect in effects] == [
        ("created", "auth_tokens", ""), ("created", "auth_tokens", LIVE),
    ]  # fmt: skip
    assert [effect.expire_time - effect.at for effect in effects] == [timedelta(minutes=30)] * 2
    assert all(re.fullmatch(r"auth_tokens/sha256:[0-9a-f]{12}", effect.name) for effect in effects)
    assert app.requests[-1].json["bidiGenerateContentSetup"] == SETUP  # what is locked can be seen by tests
    for method in ("GET", "DELETE", "PATCH"):
        for path in (name, "auth_tokens"):
            gone = http.request(method, f"/{version}/{path}")
            assert gone.status_code == 404
            assert gone.headers["content-type"].startswith("text/html")
    clock.advance(timedelta(minutes=30))
    assert [effect.kind for effect in app.effects] == ["created"] * 2 + ["expired"] * 2
    assert not app.bugs


def test_the_secret_is_nowhere(tmp_path, clock):
    app = App(World(FileStore(tmp_path), now=clock))
    app.set_faults([Fault("duplicate", nth=frozenset({1})), Fault("late", nth=frozenset({2}), delay=5)])

    def ask(method, path, key="k"):
        return app.handle(Request(method, path, (("access_token", "x"),), {"x-goog-api-key": key}, b"{}"))

    secret = json.loads(ask("POST", "/v1/auth_tokens").body)["name"]
    ask("POST", "/v1/auth_tokens")
    clock.advance(9)
    assert len(app.effects) == 3
    for path in (f"/v1/{secret}", f"/v1/{secret}:revoke", f"/v1/{secret.replace('_', '%5F').replace('/', '%2F')}"):
        assert ask("GET", path).status == 404
    used = ask("GET", "/v1/models", key=secret)
    assert used.status == 403
    assert json.loads(used.body)["error"]["message"].startswith("Method doesn't allow unregistered callers")
    kept = (tmp_path / "world.jsonl").read_text() + repr(app.effects) + repr(app.requests)
    assert secret.partition("/")[2] not in kept
    assert b"ephemeral" in used.body
    assert secret.encode() not in used.body
    assert app.effects[0].name in repr(app.requests)  # tests can still tell of which token it was


def test_names_are_not_used_again(tmp_path):
    secrets = set()
    for _ in range(3):  # three processes that got the same seed
        app = App(World(FileStore(tmp_path), ids=random.Random(5)))
        secrets.add(app.handle(Request("POST", "/v1/auth_tokens", (), HEADERS)).body)
    assert len(secrets) == 3


TAKEN = {
    "empty": {},
    "times": {"expireTime": "2026-01-01T19:59:59+00:00", "newSessionExpireTime": "2026-01-01T19:59:59Z", "uses": 1},
    "snake": {"expire_time": "2026-01-01T01:00:00Z", "new_session_expire_time": "2026-01-01T00:30:00Z"},
    "unlimited": {"uses": 0},
    "a later session than the token lives": {"newSessionExpireTime": "2026-01-01T10:00:00Z"},
    "setup": {"bidiGenerateContentSetup": SETUP},
    "setup without a model": {"bidi_generate_content_setup": {"generation_config": {"temperature": 1}}},
    "empty setup": {"bidiGenerateContentSetup": {}},
    "mask": {
        "fieldMask": "model,generationConfig.responseModalities,generationConfig.top_k,output_audio_transcription"
    },
    "two modalities": {"bidiGenerateContentSetup": {"generationConfig": {"responseModalities": ["TEXT", "AUDIO"]}}},
    "name": {"name": "auth_tokens/mine"},
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_mint_is_taken(caller, case):
    name = caller.json("POST", "auth_tokens", TAKEN[case])["name"]
    assert name != "auth_tokens/mine"
    assert len(caller.app.effects) == 1


def test_the_deadline_is_the_tokens(caller):
    caller.json("POST", "auth_tokens", {"expireTime": "2026-01-01T05:00:00Z"})
    assert caller.app.effects[0].expire_time.hour == 5


REFUSED = {
    "past": ({"expireTime": "2025-12-31T23:59:59Z"}, 400, "expire_time: the time must be in the future"),
    "now": ({"newSessionExpireTime": "2026-01-01T00:00:00Z"}, 400, "new_session_expire_time: the time must be in"),
    "20 hours": ({"expireTime": "2026-01-01T20:00:00Z"}, 400, "expire_time is too far in the future"),
    "a session in 20 hours": ({"newSessionExpireTime": "2026-01-01T20:00:00Z"}, 400, "new_session_expire_time"),
    "negative": ({"uses": -1}, 400, "uses"),
    "half": ({"uses": 1.5}, 400, "TYPE_INT32"),
    "wrapped": ({"authToken": {}}, 400, 'Unknown name "authToken"'),
    "the SDK's name": ({"liveConnectConstraints": {}}, 400, 'Unknown name "liveConnectConstraints"'),
    "the Live message's wrapper": (
        {"bidiGenerateContentSetup": {"setup": {}}}, 400, 'Unknown name "setup" at \'bidi_generate_content_setup\'',
    ),
    "outside of its config": ({"bidiGenerateContentSetup": {"temperature": 1}}, 400, 'Unknown name "temperature"'),
    "Vertex AI's": ({"bidiGenerateContentSetup": {"explicitVadSignal": True}}, 400, "explicitVadSignal"),
    "Vertex AI's resumption": (
        {"bidiGenerateContentSetup": {"sessionResumption": {"transparent": True}}}, 400, "session_resumption",
    ),
    "enum": ({"bidiGenerateContentSetup": {"realtimeInputConfig": {"turnCoverage": "ALL"}}}, 400, "TurnCoverage"),
    "mask as a list": ({"fieldMask": ["model"]}, 400, "TYPE_STRING"),
    "mask": ({"fieldMask": "model, tools"}, 400, "field_mask"),
    "a mask into a list": ({"fieldMask": "tools.0"}, 400, "field_mask is invalid for BidiGenerateContentSetup"),
    "a mask into a message": ({"fieldMask": "model,systemInstruction.parts"}, 400, "field_mask is invalid for"),
    "a mask that fits nothing": ({"fieldMask": "config"}, 400, "field_mask is invalid for"),
    "a mask of no setting": ({"fieldMask": "generationConfig.warmth"}, 400, "field_mask is invalid for"),
    "a mask below a setting": ({"fieldMask": "generationConfig.speechConfig.voiceConfig"}, 400, "is invalid for"),
    "no such model": ({"bidiGenerateContentSetup": {"model": "models/none"}}, 404, "is not found for API version"),
    "bare model": ({"bidiGenerateContentSetup": {"model": "gemini"}}, 400, "unexpected model name format"),
    "not a Live model": (
        {"bidiGenerateContentSetup": {"model": "models/gemini-2.5-flash"}}, 404, "supported for bidiGenerateContent",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_mint_is_refused(caller, case):
    body, code, said = REFUSED[case]
    response = caller.error("POST", "auth_tokens", body)
    assert response[0] == code
    assert said in response[2]
    assert not caller.app.effects
