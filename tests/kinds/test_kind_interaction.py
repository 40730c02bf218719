"""Interactions as the service shows them: what is read of a reply, what is an answer, and what people see of it."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import pytest

from gemctl.core.live import Cause, Counts, Phase
from gemctl.core.resource import NOTHING_USED, TokenUsage
from gemctl.kinds.interaction import KIND
from gemctl.kinds.parts.sent_media import file_of

READ, ONCE = KIND.remote.read, KIND.lifetime
NAME = "v1_abc-DEF_123"
BASE: dict[str, Any] = {
    "id": NAME,
    "object": "interaction",
    "created": "2026-11-30T09:00:00Z",
    "updated": "2026-11-30T09:05:00Z",
    "model": "models/gemini-3.8-flash",
}


def output(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "model_output", "content": list(content)}


@pytest.mark.parametrize(
    ("status", "phase", "counts", "cause"),
    [
        ("queued", Phase.WAITING, None, None),
        ("in_progress", Phase.WAITING, None, None),
        ("something new", Phase.WAITING, None, None),
        ("", Phase.WAITING, None, None),
        ("completed", Phase.READY, Counts(1, 1, 0), None),
        ("requires_action", Phase.READY, Counts(1, 1, 0), None),
        ("incomplete", Phase.READY, Counts(1, 0, 1), None),
        ("budget_exceeded", Phase.READY, Counts(1, 0, 1), None),
        ("requires_continuation", Phase.READY, Counts(1, 0, 1), None),
        ("failed", Phase.FAILED, None, Cause.FAILED),
        ("cancelled", Phase.FAILED, None, Cause.CANCELLED),
    ],
)
def test_how_far_it_is(status, phase, counts, cause):
    item = READ({**BASE, "status": status})
    assert (item.name, item.state) == (f"interactions/{NAME}", status)
    assert (item.phase, item.counts, item.cause) == (phase, counts, cause)
    assert bool(item.ended) is (phase is not Phase.WAITING)
    assert item.carries_results is (phase is Phase.READY)
    assert bool(item.why) is (phase is Phase.READY and status != "completed")
    assert item.fields == {"model": "gemini-3.8-flash"} and item.model == "gemini-3.8-flash"
    assert item.outputs["id"] == NAME
    assert bool(ONCE.results({**BASE, "status": status}).inline) is (phase is Phase.READY)
    assert ONCE.answered({"status": status}) is (counts == Counts(1, 1, 0))


def test_why_it_failed():
    both = {
        "errors": [{"code": "a", "message": "One."}],
        "steps": [{"type": "model_output", "error": {"message": "Two."}}],
    }
    item = READ({**BASE, "status": "failed", **both})
    assert item.why == item.outputs["error"] == "One.; Two."


@pytest.mark.parametrize("id_", ["", "../x", "a/b", "a b", "a?b", 7, None, "x" * 600])
def test_an_id_that_can_not_stand_in_a_path_is_none(id_):
    with pytest.raises((TypeError, ValueError)):
        READ({**BASE, "id": id_})


def test_what_people_see():
    steps = [
        {"type": "user_input", "content": [{"type": "text", "text": "Why?"}]},
        output({"type": "text", "text": "Not this."}),
        {"type": "thought", "signature": "YQ=="},
        output(
            {"type": "text", "text": "One. "},
            {"type": "image", "mime_type": "image/png", "data": base64.b64encode(b"png").decode()},
            {"type": "text", "text": "Two."},
            {"type": "image", "uri": "https://example.com/x.png"},
        ),
        {"type": "google_search_call"},
    ]
    seen = ONCE.document({"steps": steps})
    assert (seen.text, seen.media) == ("One. Two.", ((".png", b"png"),))
    assert ONCE.columns({"status": "completed", "steps": steps}).text == "One. Two."


@pytest.mark.parametrize(
    "response",
    [None, [], {}, {"steps": None}, {"steps": [None, 7]}, {"steps": [output()]}, {"steps": [{"type": "model_output"}]},
     {"steps": [output({"type": "text"}, {"type": "image", "data": "no base64!"}, {"type": "image", "data": 7})]}],
)  # fmt: skip
def test_what_can_not_be_read_is_nothing(response):
    seen = ONCE.document(response)
    assert (seen.text, seen.media) == ("", ())
    assert ONCE.columns(response).text is None and ONCE.answered(response) is False
    assert ONCE.usage({"key": "x", "response": response}) in (None, (TokenUsage(uncounted=1), False))


def test_bare_samples_become_a_file_that_can_be_played():
    samples = bytes(range(240))
    data = base64.b64encode(samples).decode()
    for mime_type, more, rate, channels in [
        ("audio/l16", {"sample_rate": 16000, "channels": 2}, 16000, 2),
        ("audio/L16;rate=24000", {"sample_rate": "x"}, 24000, 1),
        ("audio/pcm", {}, 24000, 1),
    ]:
        end, found = file_of({"type": "audio", "mime_type": mime_type, "data": data, **more})
        with wave.open(io.BytesIO(found)) as sound:
            assert (end, sound.getframerate(), sound.getnchannels()) == (".wav", rate, channels)
            assert sound.readframes(1000) == samples
    assert file_of({"mime_type": "audio/mp3", "data": data}) == (".mp3", samples)
    assert file_of({"mime_type": "image/jpeg; x=1", "data": data}) == (".jpg", samples)
    assert file_of({"mime_type": "application/new", "data": data}) == (".bin", samples)
    assert file_of({"data": data}) == (".bin", samples)


def test_what_was_used():
    usage = {
        "total_tokens": 100,
        "total_input_tokens": 50,
        "total_cached_tokens": 20,
        "total_output_tokens": 30,
        "total_thought_tokens": 15,
        "total_tool_use_tokens": 5,
    }
    found, long = ONCE.usage({"key": "x", "response": {"usage": usage}})
    assert (found, long) == (TokenUsage(1, 55, 20, 30, 15), False)
    found, long = ONCE.usage({"key": "x", "response": {"usage": {**usage, "total_input_tokens": 300_000}}})
    assert long and found.prompt == 300_005
    assert ONCE.usage({"key": "x", "response": {"usage": {**usage, "total_input_tokens": -1}}})[0].uncounted == 1
    assert ONCE.usage({"key": "x", "error": {}}) is None
    assert ONCE.sums([])[0] == NOTHING_USED
