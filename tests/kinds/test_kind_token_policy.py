"""What tokens of a policy may do: the wire body in each of the four lock cases, ends, and what is said of mistakes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai import types as official
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from values import started

from gemctl.core.address import Address
from gemctl.core.call import Call, put
from gemctl.core.kind import once, remote
from gemctl.core.moment import parse_instant
from gemctl.core.record import MintedToken
from gemctl.core.resource import Declared, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds import token_policy
from gemctl.kinds.token_policy import (
    KIND,
    LOCKABLE,
    TokenPolicySpec,
    effective_lock,
    lock_sentence,
    mint_body,
)
from gemctl.schema.shape import Shape, refusals

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
MODEL = {"model": "gemini-3.8-live"}


def declared(spec: dict[str, Any]) -> Declared:
    return KIND.declare(TokenPolicySpec.model_validate(spec), {})


def mint(found: Declared) -> Call:
    spot = Positions(Span("m.yaml", 1, 1, 1, 1))
    resource = Resource(Address("TokenPolicy", "lesson"), found, Lifecycle(), (), {}, {}, spot)
    return started(KIND.acts["mint"].call(resource, None), NOW)


def body(spec: dict[str, Any]) -> dict[str, Any]:
    return mint(declared(spec)).body


def message(spec: dict[str, Any]) -> tuple[str, str | None]:
    """Code and hint of the one thing that is wrong."""
    with pytest.raises(ValidationError) as caught:
        TokenPolicySpec.model_validate(spec)
    (error,) = caught.value.errors()
    return error["ctx"]["code"], error["ctx"].get("hint")


def test_defaults_are_sent_so_that_what_is_recorded_is_what_holds() -> None:
    assert body({}) == {
        "expireTime": "2026-11-22T09:30:00Z",
        "newSessionExpireTime": "2026-11-22T09:01:00Z",
        "uses": 1,
    }


@given(st.timedeltas(timedelta(microseconds=1), timedelta(hours=20) - timedelta(microseconds=1)))
def test_no_session_is_started_after_the_end(life: timedelta) -> None:
    sent = body({"expireAfter": f"{life / timedelta(seconds=1):f}s"})
    expires, opens = (parse_instant(sent[name]) for name in ("expireTime", "newSessionExpireTime"))
    assert NOW < opens <= expires <= NOW + life
    assert opens - NOW == min(life, timedelta(seconds=60))


def test_the_whole_setup() -> None:
    found = body(
        {
            "uses": 7,
            "liveConnectConstraints": {
                **MODEL,
                "config": {
                    "generationConfig": {"topP": 0.5},
                    "responseModalities": ["audio"],
                    "systemInstruction": {"role": "model", "parts": [{"text": "a"}, {"text": "b"}]},
                    "tools": [{"googleSearch": {}}],
                    "sessionResumption": {},
                },
            },
        }
    )
    setup = found["bidiGenerateContentSetup"]
    assert found["uses"] == 7
    assert list(setup) == ["model", "generationConfig", "systemInstruction", "tools", "sessionResumption"]
    assert setup["model"] == "models/gemini-3.8-live"
    assert setup["generationConfig"] == {"responseModalities": ["AUDIO"], "topP": 0.5}
    assert setup["systemInstruction"]["role"] == "model"
    assert "fieldMask" not in found, "everything is locked"


CONFIG = {"temperature": 1, "systemInstruction": "Hi", "sessionResumption": {}, "realtimeInputConfig": {
    "activityHandling": "NO_INTERRUPTION"}}  # fmt: skip
SET = ["model", "generationConfig.temperature", "systemInstruction.role", "systemInstruction.parts",
       "sessionResumption", "realtimeInputConfig"]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "lock", "sentence"),
    [
        ({}, None, "locks nothing: "),
        ({"liveConnectConstraints": MODEL}, "all", "locks everything: "),
        ({"liveConnectConstraints": {**MODEL, "config": CONFIG}}, "all", "locks everything: "),
        ({"liveConnectConstraints": MODEL, "lockAdditionalFields": []}, ("model",), "locks model"),
        ({"liveConnectConstraints": {**MODEL, "config": CONFIG}, "lockAdditionalFields": []}, tuple(SET),
         "locks model, generationConfig.temperature, "),
        ({"liveConnectConstraints": {**MODEL, "config": CONFIG}, "lockAdditionalFields": ["tools", "topK", "model"]},
         (*SET, "tools", "generationConfig.topK"), "locks model, "),
        ({"liveConnectConstraints": {**MODEL, "config": {"sessionResumption": {"handle": "h"}}},
          "lockAdditionalFields": ["sessionResumption"]},
         ("model", "sessionResumption.handle", "sessionResumption"), "locks model, sessionResumption.handle, "),
    ],
)  # fmt: skip
def test_what_is_locked(spec: dict[str, Any], lock: Any, sentence: str) -> None:
    found = declared(spec)
    assert effective_lock(found.fields) == lock
    assert found.note == lock_sentence(found.fields)
    assert found.note.startswith(sentence)
    mask = mint_body(found.fields).get("fieldMask")
    assert mask == (",".join(lock) if isinstance(lock, tuple) else None)


def test_everything_can_be_locked_once() -> None:
    mask = body({"liveConnectConstraints": MODEL, "lockAdditionalFields": [*LOCKABLE, *reversed(LOCKABLE)]})[
        "fieldMask"
    ]
    paths = mask.split(",")
    assert len(paths) == len(set(paths)) == len(LOCKABLE)
    assert {path.removeprefix("generationConfig.") for path in paths} == set(LOCKABLE)
    assert not any("_" in path for path in paths), "names are the API's"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("top_k", "topK"), ("Temperature", "temperature"), ("output-audio-transcription", "outputAudioTranscription"),
     ("sistemInstruction", "systemInstruction"), ("generationConfig.top_p", "topP")],
)  # fmt: skip
def test_an_unknown_name_has_a_suggestion(name: str, hint: str) -> None:
    found = message({"liveConnectConstraints": MODEL, "lockAdditionalFields": [name]})
    assert found == ("E264", f"Did you mean {hint}?")


def test_texts_are_digests_until_the_call_is_made() -> None:
    found = declared({"liveConnectConstraints": {**MODEL, "config": {"systemInstruction": "A secret recipe."}}})
    call = mint(found)
    assert "recipe" not in repr(found.fields) + repr(call.body)
    (fill,), (text,) = call.fills, found.attachments
    whole = put(call.body, fill.at, text.text)
    assert whole["bidiGenerateContentSetup"]["systemInstruction"] == {
        "role": "user",
        "parts": [{"text": "A secret recipe."}],
    }
    assert (call.method, call.path, call.version, call.repeatable) == ("POST", "auth_tokens", "v1alpha", False)


def test_one_text_twice_is_filled_twice() -> None:
    parts = [{"text": "same"}, {"text": "same"}]
    found = declared({"liveConnectConstraints": {**MODEL, "config": {"systemInstruction": {"parts": parts}}}})
    assert len(found.fills) == 2 and len({one.at for one in found.attachments}) == 2


def test_nothing_is_live() -> None:
    assert KIND.remote is None and KIND.collection == "auth_tokens" and list(KIND.acts) == ["mint"]
    with pytest.raises(TypeError, match=r"^A TokenPolicy is only recorded, and nowhere live\.$"):
        remote(KIND)
    with pytest.raises(TypeError, match=r"^A TokenPolicy is kept, and not run\.$"):
        once(KIND)


def test_what_is_known_of_a_token_is_what_was_sent() -> None:
    sent = body({"uses": 2, "expireAfter": "1h", "newSessionExpireAfter": "5m"})
    known = KIND.acts["mint"].token(sent, NOW, "digest")
    assert known == MintedToken("digest", NOW, NOW + timedelta(hours=1), NOW + timedelta(minutes=5), 2)


@pytest.mark.parametrize(
    "reply",
    [None, [], {}, {"name": None}, {"name": 5}, {"name": ""}, {"name": "auth_tokens/"}, {"name": "secret-canary"},
     {"name": "auth_tokens/secret-canary\n"}, {"name": "auth_tokens/a b secret-canary"},
     {"name": "files/secret-canary"}, {"name": "auth_tokens/" + "x" * 5000}],
)  # fmt: skip
def test_what_is_no_token_is_not_quoted(reply: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        KIND.acts["mint"].secret(reply)
    assert "secret" not in str(caught.value) and "xxx" not in str(caught.value)


def test_a_token() -> None:
    assert KIND.acts["mint"].secret({"name": "auth_tokens/0a1b", "uses": 1}) == "auth_tokens/0a1b"
    assert parse_instant(body({})["expireTime"]) == NOW + timedelta(minutes=30)


# The shapes beside the official types: a name that is wrong here would be wrong on the wire, and one that is missing is
# one that people can't use.

OFFICIAL = {
    "AudioTranscription": "AudioTranscriptionConfig",
    "ContextWindowCompression": "ContextWindowCompressionConfig",
    "LiveConfig": "LiveConnectConfig",
    "LiveGenerationConfig": "GenerationConfig",
    "Proactivity": "ProactivityConfig",
    "SessionResumption": "SessionResumptionConfig",
}
NOT_FOR_SESSIONS = {  # of the API's GenerationConfig, and neither refused by name nor taken
    "audioTranscriptionConfig",
    "candidateCount",
    "enableEnhancedCivicAnswers",
    "modelSelectionConfig",
    "responseFormat",
}
SHAPES = [
    shape
    for shape in vars(token_policy).values()
    if isinstance(shape, type) and issubclass(shape, Shape) and shape.__module__ == token_policy.__name__
    if shape is not TokenPolicySpec
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_field_names_are_the_official_ones(shape: type[Shape]) -> None:
    other = getattr(official, OFFICIAL.get(shape.__name__, shape.__name__))
    theirs = {field.alias or name for name, field in other.model_fields.items()}
    ours = {field.alias or name for name, field in shape.model_fields.items()}
    refused = {field for field, *_ in refusals(shape.model_json_schema())}
    if shape.__name__ == "LiveConfig":  # what only the API's GenerationConfig has may stand beside it as well
        theirs |= {"presencePenalty", "frequencyPenalty"}
    assert ours <= theirs
    assert not refused & ours
    assert theirs - ours - refused <= NOT_FOR_SESSIONS
    for field in shape.model_fields.values():
        assert field.description
        assert field.description.endswith(".")
