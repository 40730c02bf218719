"""Streams of interactions, through both doors: what comes, in which order and when, and what goes wrong on the way."""

import json
from datetime import timedelta

import httpx
import pytest

from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World

MODEL = "gemini-3.8-flash"
RESEARCH = {"agent": "deep-research-preview-04-2026", "input": "TPUs", "background": True}
ADD = {"type": "function", "name": "add", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}}


@pytest.fixture
def app(clock):
    return App(World(now=clock))


@pytest.fixture
def client(app, connect):
    return connect(app)


def events(lines):
    """(name, data) of each event; every line is one of an event, or empty between two."""
    name = None
    for line in lines:
        if line.startswith("event: "):
            assert name is None
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data = line.removeprefix("data: ")
            yield name, data if name == "done" else json.loads(data)
            name = None
        else:
            assert line == ""


def stream(client, body=None, *, after=lambda name, data: None, path="/v1/interactions", **query):
    """All events; `after` is called after each, as it comes."""
    method = "GET" if body is None else "POST"
    query |= {"stream": "true"} if body is None else {}
    sent = None if body is None else {**body, "stream": True}
    found = []
    with client.stream(method, path, json=sent, params=query) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        assert "content-length" not in response.headers
        for name, data in events(response.iter_lines()):
            found.append((name, data))
            after(name, data)
    return found


def path_of(found):
    return f"/v1/interactions/{found[0][1]['interaction']['id']}"


def deltas(found, kind):
    return [data["delta"] for name, data in found if name == "step.delta" and data["delta"]["type"] == kind]


def test_the_order_of_events(client):
    found = stream(client, {"model": MODEL, "input": "Hi, my name is Phil."})
    names = [name for name, _ in found]
    many = names.count("step.delta") - 1
    assert names == [
        "interaction.created", "interaction.status_update", "step.start", "step.delta", "step.stop", "step.start",
        *["step.delta"] * many, "step.stop", "interaction.completed", "done",
    ]  # fmt: skip
    assert all(data["event_type"] == name and "event_id" not in data for name, data in found[:-1])
    assert found[-1] == ("done", "[DONE]")
    created, completed = found[0][1]["interaction"], found[-2][1]["interaction"]
    assert created == {"id": created["id"], "status": "in_progress", "object": "interaction", "model": MODEL}
    assert completed.keys() == created.keys() | {"created", "updated", "service_tier", "usage"}
    shown = client.get(path_of(found)).json()
    assert completed == {name: value for name, value in shown.items() if name != "steps"}
    thought, answer = shown["steps"][1:]
    starts = [data["step"] for name, data in found if name == "step.start"]
    assert starts == [{"type": "thought"}, {"type": "model_output"}]
    assert deltas(found, "thought_signature") == [{"type": "thought_signature", "signature": thought["signature"]}]
    assert many > 1
    assert "".join(delta["text"] for delta in deltas(found, "text")) == answer["content"][0]["text"]
    assert stream(client, path=path_of(found)) == found


def test_calls_come_in_pieces(client):
    text = '[[emulator: call add {"text": "' + "é" * 60 + '"}]]'
    found = stream(client, {"model": MODEL, "input": text, "tools": [ADD]})
    (start,) = (
        data["step"] for name, data in found if name == "step.start" and data["step"]["type"] == "function_call"
    )
    assert start["arguments"] == {} and len(start["id"]) == 8 and start["signature"]
    pieces = deltas(found, "arguments_delta")
    assert len(pieces) > 1
    assert json.loads("".join(piece["arguments"] for piece in pieces)) == {"text": "é" * 60}
    assert found[-2][1]["interaction"]["status"] == "requires_action"


def test_media_come_whole(client):
    found = stream(client, {"model": "gemini-3.1-flash-image", "input": "a", "response_format": {"type": "image"}})
    (delta,) = deltas(found, "image")
    assert delta["mime_type"] == "image/jpeg" and delta["data"]


def test_what_is_not_stored_is_streamed_all_the_same(client):
    found = stream(client, {"model": MODEL, "input": "a", "store": False})
    assert found[-2][0] == "interaction.completed"
    assert client.get(path_of(found)).status_code == 404


def test_a_refusal_is_no_stream(client):
    answer = client.post("/v1/interactions", json={"model": MODEL, "input": [], "stream": True})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json; charset=UTF-8")
    made = client.post("/v1/interactions", json={"model": MODEL, "input": "a"}).json()
    for query in ({"stream": "yes"}, {"stream": "true", "last_event_id": "v1_x"}):
        assert client.get(f"/v1/interactions/{made['id']}", params=query).status_code == 400


def test_events_come_with_time(client, clock):
    config = {"agent_config": {"type": "deep-research", "thinking_summaries": "auto"}}
    began, seen = clock(), []

    def later(name, data):
        seen.append((name, clock() - began))
        clock.advance(0.2)

    found = stream(client, {**RESEARCH, **config}, after=later)
    assert [name for name, _ in seen[-2:]] == ["interaction.completed", "done"]
    assert seen[-1][1] >= timedelta(seconds=2) > seen[5][1]
    assert len(deltas(found, "thought_summary")) == 3
    numbered = [name for name, data in found[:-1] if "event_id" in data]
    assert set(numbered) == {"interaction.created", "step.start", "step.delta", "step.stop", "interaction.completed"}
    assert all(data["event_id"].startswith("v1_") for _, data in found[:-1] if "event_id" in data)


def test_it_goes_on_after_any_event(client, clock):
    found = stream(client, RESEARCH, after=lambda *_: clock.advance(0.2))
    assert stream(client, path=path_of(found)) == found
    for number, (_, data) in enumerate(found[:-1], start=1):
        if "event_id" in data:
            assert stream(client, path=path_of(found), last_event_id=data["event_id"]) == found[number:]


def test_two_readers_see_the_same(client, clock):
    made = client.post("/v1/interactions", json=RESEARCH).json()
    path = f"/v1/interactions/{made['id']}"
    clock.advance(1)
    first = stream(client, path=path, after=lambda *_: clock.advance(0.2))
    assert first == stream(client, path=path)
    assert first[0][1]["interaction"]["status"] == "in_progress"


def test_one_that_waits_is_queued_first(client, app, clock):
    app.turn(interaction_queued=timedelta(seconds=3))
    found = stream(client, RESEARCH, after=lambda *_: clock.advance(4))
    assert found[0][1]["interaction"]["status"] == "queued"
    assert found[1][1]["status"] == "in_progress"


@pytest.mark.parametrize("how", ["cancel", "delete"])
def test_it_ends_before_its_time(client, clock, how):
    def end(name, data):
        if name == "step.start":
            path = f"/v1/interactions/{ids[0]}"
            answer = client.post(f"{path}/cancel") if how == "cancel" else client.delete(path)
            assert answer.status_code == (200 if not done else 400 if how == "cancel" else 404)
            done.append(name)
        elif name == "interaction.created":
            ids.append(data["interaction"]["id"])
            clock.advance(0.2)

    ids, done = [], []
    found = stream(client, RESEARCH, after=end)
    if how == "cancel":
        assert found[-2][1]["interaction"]["status"] == "cancelled" and found[-1][0] == "done"
        assert stream(client, path=f"/v1/interactions/{ids[0]}") == found
    else:
        assert found[-1] == (
            "error", {"event_type": "error", "error": {"code": "not_found", "message": "Interaction not found."}}
        )  # fmt: skip


def test_one_that_fails_says_so(client, clock):
    found = stream(client, {**RESEARCH, "input": "[[emulator: fail 503]]"}, after=lambda *_: clock.advance(1))
    assert [name for name, _ in found[2:]] == ["error", "interaction.completed", "done"]
    assert found[2][1]["error"]["code"] == "unavailable"
    assert found[3][1]["interaction"]["status"] == "failed"


# What goes wrong on the way


def test_a_stream_ends_without_its_end(client, app):
    app.set_faults([Fault("stream_ends", at_events=4)])
    found = stream(client, {"model": MODEL, "input": "a"})
    assert [name for name, _ in found] == [
        "interaction.created",
        "interaction.status_update",
        "step.start",
        "step.delta",
    ]
    assert client.get(path_of(found)).json()["status"] == "completed"


def test_a_stream_ends_with_bare_json(client, app):
    app.set_faults([Fault("stream_ends", at_events=2, status=503)])
    text = client.post("/v1/interactions", json={"model": MODEL, "input": "a", "stream": True}).text
    tail = text.rpartition("\n\n")[2]
    assert json.loads(tail)[0]["error"]["status"] == "UNAVAILABLE"
    app.set_faults([Fault("stream_ends", at_events=1000, status=503)])  # it was over before
    whole = client.post("/v1/interactions", json={"model": MODEL, "input": "a", "stream": True}).text
    assert whole.endswith("data: [DONE]\n\n")


def test_a_stream_may_end_in_place_of_its_beginning(client, app):
    app.set_faults([Fault("stream_ends")])
    answer = client.post("/v1/interactions", json={"model": MODEL, "input": "a", "stream": True})
    assert (answer.status_code, answer.text) == (200, "")
    assert client.post("/v1/interactions", json={"model": MODEL, "input": "a"}).json()["status"] == "completed"


@pytest.mark.parametrize(("at", "whole"), [(100, False), (100_000, True)])
def test_the_connection_breaks_within_a_stream(client, app, at, whole):
    app.set_faults([Fault("cut", at_bytes=at)])
    got = b""
    with client.stream("POST", "/v1/interactions", json={"model": MODEL, "input": "a", "stream": True}) as response:
        try:
            for piece in response.iter_raw():
                got += piece
        except httpx.RemoteProtocolError:
            assert not whole and len(got) == at
        else:
            assert whole and got.endswith(b"[DONE]\n\n")


def test_in_one_process_its_pauses_are_the_callers_to_carry_out(app, clock):
    transport = EmulatorTransport(app, sleep=clock.advance)
    with httpx.Client(transport=transport, base_url="http://e", headers={"x-goog-api-key": "k"}) as client:
        found = stream(client, RESEARCH)
    assert found[-2][1]["interaction"]["status"] == "completed"


def test_in_one_process_its_silence_is_as_long_as_the_callers_patience(app):
    slept = []
    transport = EmulatorTransport(app, sleep=slept.append)  # and time stands still
    with httpx.Client(transport=transport, base_url="http://e", headers={"x-goog-api-key": "k"}, timeout=3) as client:
        with pytest.raises(httpx.ReadTimeout):
            stream(client, RESEARCH)
    assert sum(slept) == pytest.approx(3)


def test_a_stream_that_meets_a_bug_ends(client, app, monkeypatch):
    def broken(*_):
        raise RuntimeError("a bug")

    made = client.post("/v1/interactions", json=RESEARCH).json()
    with monkeypatch.context() as patched:
        patched.setattr("gemctl.emulator.interaction_events.Event.sent", broken)
        assert client.get(f"/v1/interactions/{made['id']}", params={"stream": "true"}).text == ""
    assert len(app.bugs) == 1
