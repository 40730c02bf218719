"""What is asked for with a token, and what follows from what comes: tables without a session."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gemctl.core.live_session import Finding, LiveAnswer, Tried
from gemctl.workflows.live_probe import ELSEWHERE, Promise, checks, heard, setup_for, turn

AUDIO, TEXT = {"responseModalities": ["AUDIO"]}, {"responseModalities": ["TEXT"]}
M = "models/m"
LOCKED = Promise({"model": M, "generationConfig": AUDIO, "outputAudioTranscription": {}}, (), 1)
BARE = Promise({"model": M}, (), 2)
WRITES = Promise({"model": M, "generationConfig": TEXT}, (), 0)
MASKED = Promise(
    {"model": M, "generationConfig": {"topK": 3}, "tools": [{}]}, ("model", "generationConfig.topK", "tools"), 3
)
ANY = Promise(None, (), 1)


@pytest.mark.parametrize(
    ("promise", "tried", "level", "expected"),
    [
        (LOCKED, Tried("m", contrary=True), False, {"generationConfig": TEXT}),
        (LOCKED, Tried("m"), False, {}),
        (LOCKED, Tried("m", contrary=True), True, {"generationConfig": TEXT}),
        (BARE, Tried("m", contrary=True), False, {"generationConfig": TEXT, "outputAudioTranscription": {}}),
        (BARE, Tried("m"), False, {}),
        (WRITES, Tried("m", contrary=True), False, {"generationConfig": AUDIO, "outputAudioTranscription": {}}),
        (MASKED, Tried("m", contrary=True), False, {"outputAudioTranscription": {}}),
        (
            MASKED,
            Tried("m"),
            True,
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}, "outputAudioTranscription": {}},
        ),
        (ANY, Tried("models/m", contrary=True), False, {"outputAudioTranscription": {}}),
    ],
)
def test_a_client_asks_for_what_is_locked_otherwise(promise, tried, level, expected) -> None:
    assert setup_for(promise, tried, level=level) == {"model": M, **expected}


def test_a_model_that_does_not_exist_is_named_as_it_is() -> None:
    assert setup_for(BARE, Tried(ELSEWHERE), level=False) == {"model": ELSEWHERE}


@pytest.mark.parametrize(
    ("promise", "path", "locked"),
    [
        (ANY, "model", False),
        (BARE, "generationConfig.topK", True),
        (MASKED, "model", True),
        (MASKED, "generationConfig.topK", True),
        (MASKED, "generationConfig.topP", False),
        (MASKED, "outputAudioTranscription", False),
        (Promise({"model": M}, ("generationConfig",), 1), "generationConfig.topP", True),
    ],
)
def test_what_is_locked(promise, path, locked) -> None:
    assert promise.locks(path) is locked


def test_a_promise_is_read_from_the_body_of_a_mint() -> None:
    body = {"uses": 3, "bidiGenerateContentSetup": {"model": M}, "fieldMask": "model,generationConfig.topK"}
    assert Promise.of(body) == Promise({"model": M}, ("model", "generationConfig.topK"), 3)
    assert Promise.of({"uses": 0}) == Promise(None, (), 0)


SPOKEN = LiveAnswer(speech=1.5, said="Good day", whole=True)
SILENT_TRANSCRIPT = LiveAnswer(speech=1.5, whole=True)
WRITTEN = LiveAnswer(text="Good day", whole=True)
UP, AGAIN = Tried("m", contrary=True, opened=True), Tried("m", opened=True)
PINNED = Tried(ELSEWHERE, elsewhere=True, contrary=True, opened=True)
NOT_PINNED = Tried(ELSEWHERE, elsewhere=True, contrary=True, code=1008, reason="models/x is not found for API version")
SPENT = Tried("m", code=1011, reason="Token has been used too many times")
NO_TEXT = Tried("m", contrary=True, code=1007, reason="Text output is not supported for native audio output model.")
ODD = Tried("m", contrary=True, code=1007, reason="Request contains an invalid argument.")
BUSY = Tried("m", contrary=True, code=1011, reason="Internal error encountered.")


def with_(tried: Tried, answer: LiveAnswer) -> Tried:
    return replace(tried, answer=answer)


H, B, O, U = Finding.HELD, Finding.BROKEN, Finding.OPEN, Finding.UNSEEN  # noqa: E741


@pytest.mark.parametrize(
    ("promise", "tried", "asked", "expected"),
    [
        (LOCKED, [PINNED, SPENT], False, {"opens": H, "model": H, "modality": U, "transcript": U, "uses": H}),
        (
            LOCKED,
            [with_(UP, SPOKEN), SPENT],
            True,
            {"opens": H, "model": U, "answers": H, "modality": H, "transcript": H, "uses": H},
        ),
        (LOCKED, [with_(UP, SILENT_TRANSCRIPT), SPENT], True, {"transcript": B, "modality": H}),
        (LOCKED, [with_(UP, WRITTEN), SPENT], True, {"modality": B, "transcript": U, "answers": H}),
        (LOCKED, [with_(UP, LiveAnswer()), SPENT], True, {"answers": B, "modality": U, "transcript": U}),
        (LOCKED, [NOT_PINNED, AGAIN, SPENT], False, {"opens": H, "model": B, "uses": H}),
        (LOCKED, [NO_TEXT, with_(AGAIN, SPOKEN), SPENT], True, {"modality": B, "model": U}),
        (LOCKED, [ODD, with_(AGAIN, SPOKEN), SPENT], True, {"locks": B, "modality": H}),
        (LOCKED, [BUSY, with_(AGAIN, SPOKEN), SPENT], True, {"opens": H, "answers": H, "modality": H}),
        (LOCKED, [PINNED, AGAIN], False, {"uses": B}),
        (LOCKED, [PINNED, BUSY], False, {"uses": U}),
        (LOCKED, [ODD, ODD], False, {"opens": B}),
        (LOCKED, [Tried("m", contrary=True), Tried("m")], False, {"opens": B}),
        (BARE, [with_(UP, SILENT_TRANSCRIPT), PINNED, SPENT], True, {"model": H, "transcript": H, "uses": H}),
        (BARE, [with_(UP, SPOKEN), PINNED, SPENT], True, {"transcript": B}),
        (WRITES, [with_(UP, WRITTEN), PINNED], True, {"modality": H, "transcript": U, "uses": O}),
        (MASKED, [PINNED], False, {"model": H, "modality": O, "transcript": O, "uses": U, "other locks": U}),
        (ANY, [UP, SPENT], False, {"model": O, "modality": O, "transcript": O, "uses": H, "configuration": O}),
    ],
)
def test_what_follows(promise, tried, asked, expected) -> None:
    found = {one.what: one for one in checks(promise, tuple(tried), asked=asked)}
    assert {what: found[what].finding if what in found else None for what in expected} == expected
    assert ("locks" in found) == ("locks" in expected)
    if expected.get("opens") is B:
        assert list(found) == ["opens"], "of a token that opens nothing, nothing else is known"


@pytest.mark.parametrize(
    ("tried", "words"),
    [
        ([SPENT], "all uses of the token are spent"),
        ([ODD, SPENT], "that this was refused has spent the use"),
        ([Tried("m", code=1008, reason="models/m is not found for API version v1alpha")], "no such model"),
        ([Tried("m")], "said nothing in time"),
        ([Tried("m", code=404, reason="Not Found")], "HTTP 404"),
        ([Tried("m", code=4711)], "(4711)"),
    ],
)
def test_why_no_session_came_up_is_said(tried, words) -> None:
    (only,) = checks(LOCKED, tuple(tried), asked=False)
    assert words in only.said


def test_what_can_not_be_seen_is_named() -> None:
    setup = {"model": M, "generationConfig": {"topK": 1, **AUDIO}, "tools": [{}], "systemInstruction": {"parts": []}}
    (other,) = (one for one in checks(Promise(setup, (), 1), (UP,), asked=False) if one.what == "other locks")
    assert other.said.endswith(": systemInstruction, tools, topK")
    assert "other locks" not in [one.what for one in checks(BARE, (UP,), asked=False)]


def test_an_answer_is_put_together_of_messages() -> None:
    found = LiveAnswer()
    for message in (
        {"serverContent": {"modelTurn": {"parts": [{"text": "I think", "thought": True}]}}},
        {"serverContent": {"outputTranscription": {"text": "Good "}}},
        {"serverContent": {"modelTurn": {"parts": [{"inlineData": {"data": "A" * 64_000}}]}}},
        {"serverContent": {"outputTranscription": {"text": "day"}}, "sessionResumptionUpdate": {"newHandle": "h"}},
        {"serverContent": {"modelTurn": {"parts": [{"text": "Written"}]}}},
        {"serverContent": {}},
        {"goAway": {"timeLeft": "50s"}},
    ):
        found = heard(found, message)
    assert (found.said, found.text, found.speech, found.whole) == ("Good day", "Written", 1.0, False)
    usage = {
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}, {"modality": "TEXT", "tokenCount": 4}],
        "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 25}],
    }
    found = heard(found, {"serverContent": {"turnComplete": True}, "usageMetadata": usage})
    assert (found.whole, found.sent, found.made) == (True, {"TEXT": 7}, {"AUDIO": 25})


def test_a_call_ends_the_turn_for_us() -> None:
    found = heard(LiveAnswer(), {"toolCall": {"functionCalls": [{"id": "1", "name": "refund", "args": {}}]}})
    assert found.whole and found.anything and found.calls == ("refund",)
    said = checks(LOCKED, (with_(UP, found), SPENT), asked=True)
    assert {one.what: one.finding for one in said}["modality"] is U
    assert "it asks for refund" in next(one.said for one in said if one.what == "answers")


def test_a_turn_says_one_thing() -> None:
    assert turn("Hi")["clientContent"]["turnComplete"] is True
