"""Answers as streams: how an answer is divided, and both forms in which the chunks are sent."""

import json
from datetime import timedelta

import pytest

from gemctl.emulator import chunks
from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.world import World

PATH = "models/gemini-2.5-flash:streamGenerateContent"
HELLO = {"contents": [{"parts": [{"text": "hello " * 20}]}]}
CALL = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2ln"}
USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 25, "totalTokenCount": 40, "thoughtsTokenCount": 10}


def joined(said):
    """The parts of the first candidate, pieces of a text put together again."""
    parts = []
    for chunk in said:
        for part in chunk["candidates"][0]["content"]["parts"]:
            last = parts[-1] if parts else {}
            if "text" in part and "text" in last and last.get("thought") == part.get("thought"):
                last["text"] += part["text"]
                last |= {name: value for name, value in part.items() if name != "text"}
            else:
                parts.append(dict(part))
    return parts


@pytest.mark.parametrize(
    ("parts", "count"),
    [
        ([{"text": ""}], 1),
        ([{"text": "short"}], 1),
        ([{"text": "x" * 100}], 5),
        ([{"text": "x" * 10_000}], 20),
        ([{"text": "I think. " * 5, "thought": True}, {"text": "So it is."}], 3),
        ([CALL, {"functionCall": {"name": "g", "args": {}}}], 2),
        ([{"text": "signed", "thoughtSignature": "c2ln"}], 2),
        ([{"text": "", "thoughtSignature": "c2ln"}], 1),
        ([{"text": "a picture"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}], 2),
    ],
)
def test_chunks_say_together_what_the_answer_says(parts, count):
    candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": "STOP", "index": 0}
    answer = {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m", "responseId": "r"}
    said = chunks.split(answer)
    assert len(said) == count
    assert joined(said) == parts
    assert [chunk["candidates"][0].get("finishReason") for chunk in said] == [None] * (count - 1) + ["STOP"]
    assert all(chunk["responseId"] == "r" and chunk["modelVersion"] == "m" for chunk in said)
    assert said[-1]["usageMetadata"] == USAGE
    written = [chunk["usageMetadata"].get("candidatesTokenCount", 0) for chunk in said]
    assert written == sorted(written)
    for chunk in said:
        usage = chunk["usageMetadata"]
        assert usage["totalTokenCount"] == 15 + usage.get("candidatesTokenCount", 0)


def test_a_signature_of_a_text_comes_after_it_with_an_empty_text():
    parts = [{"text": "signed", "thoughtSignature": "c2ln"}]
    said = chunks.split({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    assert [chunk["candidates"][0]["content"]["parts"] for chunk in said] == [
        [{"text": "signed"}],
        [{"text": "", "thoughtSignature": "c2ln"}],
    ]


@pytest.mark.parametrize(
    "answer",
    [
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}},
        {"candidates": [{"finishReason": "SAFETY", "index": 0}], "responseId": "r"},
    ],
)
def test_what_has_no_parts_is_one_chunk(answer):
    assert chunks.split(answer) == [answer]


def test_candidates_advance_side_by_side():
    texts = ["a" * 60, "b" * 20]
    said = chunks.split(
        {
            "candidates": [
                {"content": {"parts": [{"text": text}]}, "finishReason": "STOP", "index": index}
                for index, text in enumerate(texts)
            ]
        }
    )
    assert [[each["index"] for each in chunk["candidates"]] for chunk in said] == [[0, 1], [0], [0]]
    assert [each.get("finishReason") for chunk in said for each in chunk["candidates"]] == [None, "STOP", None, "STOP"]


@pytest.mark.parametrize("alt", ["sse", None])
def test_a_stream_says_what_an_answer_says(connect, clock, alt):
    app = App(World(now=clock))
    client = connect(app)
    whole = client.post("/v1beta/models/gemini-2.5-flash:generateContent", json=HELLO).json()
    response = client.post(f"/v1beta/{PATH}", json=HELLO, params={"alt": alt} if alt else {})
    assert response.status_code == 200 and "content-length" not in response.headers
    if alt:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = response.text.removesuffix("\r\n\r\n").split("\r\n\r\n")
        assert all(event.startswith("data: ") and "\n" not in event for event in events)
        said = [json.loads(event.removeprefix("data: ")) for event in events]
    else:
        assert response.headers["content-type"].startswith("application/json")
        said = response.json()
    assert len(said) > 1
    assert joined(said) == whole["candidates"][0]["content"]["parts"]
    assert said[-1]["usageMetadata"] == whole["usageMetadata"]
    assert len({chunk["responseId"] for chunk in said}) == 1
    assert len(app.bill()["lines"]) == 2


@pytest.mark.parametrize(("query", "listed"), [((), True), ((("alt", "sse"),), False), ((("$alt", "sse"),), False)])
def test_a_refusal_is_no_stream(caller, query, listed):
    for path, body, status in (
        (PATH, {}, 400),
        (PATH, {"contents": [{"parts": [{"text": "[[emulator: fail 503]]"}]}]}, 503),
        ("models/gemini-none:streamGenerateContent", HELLO, 404),
    ):
        response = caller.ask("POST", path, body, query=query)
        found = json.loads(response.body)
        error = (found[0] if listed else found)["error"]
        assert response.status == status == error["code"] and response.stream is None


def test_a_stream_can_end_before_its_time(clock, connect):
    app = App(World(now=clock), faults=[Fault("stream_ends", at_events=1)])
    response = connect(app).post(f"/v1beta/{PATH}", json=HELLO, params={"alt": "sse"})
    (event,) = response.text.removesuffix("\r\n\r\n").split("\r\n\r\n")
    assert "finishReason" not in event


def test_chunks_come_as_far_apart_as_the_knob_says(make):
    for alt, last in (("sse", 0), ("json", 1)):
        stream = make(stream_pause=timedelta(seconds=0.5)).ask("POST", PATH, HELLO, query={"alt": alt})
        pieces = list(stream.pieces())
        pauses = [index for index, piece in enumerate(pieces) if isinstance(piece, float)]
        assert pauses == list(range(1, len(pieces) - 1 - last, 2)) and set(map(pieces.__getitem__, pauses)) == {0.5}
