"""Interactions by the official Python SDK, sync and async, in every API version: the founding examples in the form that
works today, the old forms refused, streams and their resumption, tools, and work in the background."""

from __future__ import annotations

import base64
import json
import re

import pytest
from google.genai._interactions_errors import APIConnectionError, BadRequestError, NotFoundError
from official import Official
from receiver import receiving
from served import KEY

MODEL, IMAGES, SPEECH = "gemini-3-flash-preview", "gemini-3-pro-image", "gemini-3.8-flash-tts"
RESEARCH = "deep-research-pro-preview-12-2025"
TEXT = {"type": "text", "text": "What is in this picture?"}
PICTURE = {"type": "image", "uri": "https://example.com/cat.png", "mime_type": "image/png"}
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of old forms, and named as if it were ours
    pytest.mark.filterwarnings("ignore::UserWarning:google"),
    pytest.mark.filterwarnings("ignore:Agents usage is experimental"),
    pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning"),
]

CLIENTS = {"as it comes, sync": (None, False), "v1beta, async": ("v1beta", True), "v1alpha, sync": ("v1alpha", False)}


@pytest.fixture(scope="module", params=CLIENTS)
def any_client(request, _served):
    version, is_async = CLIENTS[request.param]
    client = Official(_served.url, version=version, is_async=is_async)
    yield client
    client.close()


@pytest.fixture
def client(any_client, emulator):
    return any_client


def sent(emulator):
    """The body of the last request."""
    return emulator.requests(1)[0]["body"]


def kinds(made):
    return [step.type for step in made.steps]


# The founding examples.


def test_two_turns_and_what_was_said(client, emulator):
    first = client.call("interactions.create", model=MODEL, input="Hi, my name is Phil.")
    assert sent(emulator) == {"model": MODEL, "input": "Hi, my name is Phil."}
    assert (first.status, first.model) == ("completed", MODEL)
    assert first.output_text.endswith("Hi, my name is Phil.")
    second = client.call("interactions.create", model=MODEL, input="What is my name?", previous_interaction_id=first.id)
    assert second.output_text.endswith("What is my name?") and "read 3 parts" in second.output_text
    got = client.call("interactions.get", id=second.id, include_input=True)
    assert emulator.requests(1)[0]["query"] == [["include_input", "true"], ["stream", "false"]]
    assert kinds(got) == ["user_input", "thought", "model_output"]
    assert got.steps[0].content[0].text == "What is my name?"
    assert (got.output_text, got.usage.total_tokens) == (second.output_text, second.usage.total_tokens)
    assert got.previous_interaction_id == first.id


def test_a_picture_and_a_text(client, emulator):
    made = client.call("interactions.create", model=MODEL, input=[TEXT, PICTURE])
    assert sent(emulator)["input"] == [{"type": "user_input", "content": [TEXT, PICTURE]}]
    assert made.output_text.endswith(TEXT["text"])
    assert {each.modality: each.tokens for each in made.usage.input_tokens_by_modality}.keys() == {"text", "image"}


def test_a_picture_is_made(client):
    form = {"type": "image", "aspect_ratio": "16:9", "image_size": "4K"}
    made = client.call("interactions.create", model=IMAGES, input="A cat.", response_format=form)
    assert made.output_image.mime_type == "image/jpeg"
    assert base64.b64decode(made.output_image.data).startswith(b"\xff\xd8")


def test_speech_is_made(client):
    config = {"speech_config": [{"language": "en-us", "voice": "kore"}]}
    made = client.call(
        "interactions.create", model=SPEECH, input="Say hello.", response_format={"type": "audio"},
        generation_config=config,
    )  # fmt: skip
    assert (made.output_audio.mime_type, made.output_audio.sample_rate) == ("audio/l16", 24000)
    assert set(base64.b64decode(made.output_audio.data)) == {0}


def test_research_in_the_background(client, emulator):
    asked = "Research the history of Google TPUs."
    made = client.call("interactions.create", agent=RESEARCH, input=asked, background=True)
    assert sent(emulator) == {"agent": RESEARCH, "input": asked, "background": True}
    assert (made.status, made.agent, made.output_text) == ("in_progress", RESEARCH, "")
    for _ in range(10):
        if made.status != "in_progress":
            break
        emulator.advance(1)
        made = client.call("interactions.get", id=made.id)
    assert made.status == "completed" and made.output_text.startswith(f"# {asked}")
    follow = client.call("interactions.create", model=MODEL, input="In short?", previous_interaction_id=made.id)
    assert "read 3 parts" in follow.output_text
    assert [(effect["kind"], effect["state"]) for effect in emulator.effects()] == [
        ("created", "in_progress"), ("ended", "completed"), ("created", "completed"),
    ]  # fmt: skip


# The forms of before.

OLD_IMAGE = {"aspect_ratio": "16:9", "image_size": "4k"}
OLD = {
    "a modality in capitals": (
        {"model": IMAGES, "response_modalities": ["IMAGE"]},
        "The value 'IMAGE' is not supported for 'response_modalities[0]'. Supported values: 'text', 'image', 'audio',"
        " 'video', 'document'.",
    ),
    "a small k": (
        {"model": IMAGES, "generation_config": {"image_config": OLD_IMAGE}},
        "The value '4k' is not supported for 'generation_config.image_config.image_size'.",
    ),
    "an object of speakers": (
        {"model": SPEECH, "generation_config": {"speech_config": {"language": "en-us", "voice": "kore"}}},
        "The value is invalid for 'generation_config.speech_config'. Expected an array, got object.",
    ),
    "a type of audio": (
        {"model": SPEECH, "response_format": {"type": "audio", "mime_type": "audio/mp3"}},
        "Audio mime_type is not supported in response_format.",
    ),
    "a type alone": ({"response_mime_type": "application/json"}, "responseFormat must be set when responseMimeType is"),
    "a cache": ({"cached_content": "cachedContents/a"}, "Unknown parameter 'cached_content'"),
    "turns": (
        {"extra_body": {"input": [{"role": "user", "content": "hi"}]}},
        "The legacy Interactions API schema is no longer supported.",
    ),
    "an agent at once": ({"model": None, "agent": RESEARCH}, "requires 'background' to be true"),
    "background without a store": ({"background": True, "store": False}, "'background' requires 'store' to be true"),
}


@pytest.mark.parametrize(("wrong", "said"), OLD.values(), ids=OLD)
def test_what_is_refused(client, emulator, wrong, said):
    body = {name: value for name, value in {"model": MODEL, "input": "hi", **wrong}.items() if value is not None}
    with pytest.raises(BadRequestError) as raised:
        client.call("interactions.create", **body)
    error = raised.value.body["error"]
    assert error["code"] == "invalid_request" and said in error["message"]
    assert emulator.effects() == []


def test_a_model_that_is_not_there(client):
    with pytest.raises(NotFoundError):
        client.call("interactions.create", model="gemini-1.0-pro", input="hi")


def test_the_sdk_of_before_is_told_to_upgrade(emulator):
    """As google-genai 1.55.0 sends it, but for the second User-Agent, which strict readers of HTTP refuse before."""
    headers = {"x-goog-api-key": KEY, "user-agent": "google-genai-sdk/1.55.0 gl-python/3.11.2"}
    body = {"model": MODEL, "input": "hi"}
    answer = emulator.http.post("/v1beta/interactions", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("The legacy Interactions API schema is no longer supported.")


# Structured answers, tools, and several hops.


def test_a_schema_is_obeyed(client):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "text", "mime_type": "application/json", "schema": schema}
    made = client.call("interactions.create", model=MODEL, input="a", response_format=form)
    assert json.loads(made.output_text) == {"city": "text"}


WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "Looks it up.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
BOTH = 'In [[emulator: call weather {"city": "Rome"}]] and [[emulator: call weather {"city": "Oslo"}]]?'


@pytest.mark.parametrize("store", [True, False], ids=["stored", "sent back"])
def test_two_calls_at_once(client, store):
    question = {"type": "user_input", "content": [{"type": "text", "text": BOTH}]}
    made = client.call("interactions.create", model=MODEL, input=[question], tools=[WEATHER], store=store)
    calls = [step for step in made.steps if step.type == "function_call"]
    assert made.status == "requires_action" and made.output_text == ""
    assert [call.arguments for call in calls] == [{"city": "Rome"}, {"city": "Oslo"}]
    assert all(re.fullmatch("[a-z0-9]{8}", call.id) for call in calls)
    results = [{"type": "function_result", "call_id": call.id, "name": call.name, "result": "sunny"} for call in calls]
    if store:
        more = {"previous_interaction_id": made.id, "input": results}
    else:
        steps = [step.model_dump(exclude_none=True) for step in made.steps]
        more = {"store": False, "input": [question, *steps, *results]}
    done = client.call("interactions.create", model=MODEL, tools=[WEATHER], **more)
    assert done.status == "completed" and done.output_text


def test_a_function_is_called_where_it_must_be(client):
    made = client.call(
        "interactions.create", model=MODEL, input="a", tools=[WEATHER], generation_config={"tool_choice": "any"}
    )
    assert [step.arguments for step in made.steps if step.type == "function_call"] == [{"city": "text"}]


def test_the_sdk_puts_hops_together(client, emulator):
    text = "[[emulator: interaction continues]]"
    made = client.call("interactions.create", model=MODEL, input=text)
    assert made.status == "completed" and made.output_text.endswith(text) and len(made.continuation_ids) == 2
    assert [request["body"].keys() for request in emulator.requests(2)] == [
        {"model", "input"}, {"model", "continuation_token", "previous_interaction_id"},
    ]  # fmt: skip
    found = client.events("interactions.create", model=MODEL, input=text)
    assert "".join(event.delta.text for event in found if is_text(event)).endswith(text)


# Streams.


def is_text(event):
    return event.event_type == "step.delta" and event.delta.type == "text"


def test_the_events_of_an_answer(client):
    found = client.events("interactions.create", model=MODEL, input="Hi, my name is Phil.")
    names = [event.event_type for event in found]
    assert names[:3] == ["interaction.created", "interaction.status_update", "step.start"]
    assert names[-2:] == ["step.stop", "interaction.completed"]
    assert all(getattr(event, "event_id", None) is None for event in found)
    made = client.call("interactions.get", id=found[0].interaction.id)
    assert "".join(event.delta.text for event in found if is_text(event)) == made.output_text
    assert found[-1].interaction.status == "completed" and found[-1].interaction.usage == made.usage


def test_the_events_of_calls(client):
    found = client.events("interactions.create", model=MODEL, input=BOTH, tools=[WEATHER])
    assert found[-1].interaction.status == "requires_action"
    pieces = {}
    for event in found:
        if event.event_type == "step.delta" and event.delta.type == "arguments_delta":
            pieces[event.index] = pieces.get(event.index, "") + event.delta.arguments
    assert [json.loads(text) for text in pieces.values()] == [{"city": "Rome"}, {"city": "Oslo"}]


def test_a_stream_goes_on_after_each_event(client, emulator):
    config = {"type": "deep-research", "thinking_summaries": "auto"}
    found = client.events(
        "interactions.create", heard=lambda event: emulator.advance(0.2), agent=RESEARCH, input="TPUs",
        background=True, agent_config=config,
    )  # fmt: skip
    made = found[0].interaction.id
    summaries = [event for event in found if event.event_type == "step.delta" and event.delta.type == "thought_summary"]
    assert len(summaries) == 3 and found[-1].interaction.status == "completed"
    assert client.events("interactions.get", id=made) == found
    numbered = [number for number, event in enumerate(found) if event.event_id]
    assert len(numbered) == len(found) - 1  # all but the update of the status
    for number in numbered:
        rest = client.events("interactions.get", id=made, last_event_id=found[number].event_id)
        assert rest == found[number + 1 :]
    assert emulator.requests(1)[0]["query"] == [["last_event_id", found[-1].event_id], ["stream", "true"]]


def test_a_stream_that_is_cancelled(client, emulator):
    def cancel(event):
        if event.event_type == "interaction.created":
            emulator.advance(1)
            headers = {"x-goog-api-key": KEY}
            emulator.http.post(f"/v1/interactions/{event.interaction.id}/cancel", headers=headers)

    found = client.events("interactions.create", heard=cancel, agent=RESEARCH, input="TPUs", background=True)
    assert found[-1].interaction.status == "cancelled"


def test_streams_that_go_wrong(client, emulator):
    """The SDK sees no error where a stream ends early: who reads it must look for its end."""
    emulator.turn(faults=[{"kind": "stream_ends", "at_events": 4}])
    found = client.events("interactions.create", model=MODEL, input="a")
    assert [event.event_type for event in found][-1] == "step.delta"
    emulator.turn(faults=[{"kind": "stream_ends", "at_events": 4, "status": 503}])
    assert len(client.events("interactions.create", model=MODEL, input="a")) == 4
    emulator.turn(faults=[{"kind": "cut", "at_bytes": 300, "method": "GET"}])
    made = client.call("interactions.create", model=MODEL, input="a")
    with pytest.raises(Exception) as raised:
        client.events("interactions.get", id=made.id)
    assert isinstance(raised.value, APIConnectionError) or "RemoteProtocolError" in repr(raised.value)
    emulator.turn(faults=[])
    failing = "[[emulator: fail 503]]"
    found = client.events(
        "interactions.create", heard=lambda event: emulator.advance(1), agent=RESEARCH, input=failing, background=True
    )
    assert [event.event_type for event in found[-2:]] == ["error", "interaction.completed"]
    assert found[-2].error.code == "unavailable"


# In the background.


def test_cancelled_and_deleted_while_it_runs(client, emulator):
    first, second = (
        client.call("interactions.create", model=MODEL, input=text, background=True) for text in ("a" * 100, "b")
    )
    emulator.advance(1)
    ended = client.call("interactions.cancel", id=first.id)
    assert ended.status == client.call("interactions.get", id=first.id).status == "cancelled"
    with pytest.raises(BadRequestError):
        client.call("interactions.cancel", id=first.id)
    assert client.call("interactions.delete", id=second.id) is None
    for call in ("interactions.get", "interactions.cancel", "interactions.delete"):
        with pytest.raises(NotFoundError) as raised:
            client.call(call, id=second.id)
        assert raised.value.body["error"] == {"message": "Interaction not found.", "code": "not_found"}


def test_an_agent_of_ones_own(client, emulator):
    base = "antigravity-preview-05-2026"
    client.call("agents.create", id="mine", base_agent=base, system_instruction="Be brief.", base_environment="remote")
    made = client.call("interactions.create", agent="mine", input="Hi.", background=True, environment="remote")
    emulator.advance(2)
    got = client.call("interactions.get", id=made.id)
    assert (got.status, got.agent, len(got.environment_id)) == ("completed", "mine", 36)
    assert kinds(got) == ["user_input", "thought", "code_execution_call", "code_execution_result", "model_output"]
    client.call("agents.delete", id="mine")
    with pytest.raises(NotFoundError):
        client.call("interactions.create", agent="mine", input="Hi.", background=True)


def test_its_end_is_told(client, emulator):
    with receiving() as receiver:
        config = {"uris": [receiver.uri], "user_metadata": {"k": 1}}
        made = client.call("interactions.create", model=MODEL, input="a", background=True, webhook_config=config)
        assert made.webhook_config.uris == [receiver.uri]
        client.call("webhooks.create", uri=receiver.uri, subscribed_events=["interaction.failed"])
        failed = client.call("interactions.create", model=MODEL, input="[[emulator: block]]", background=True)
        emulator.advance(2)
        assert [one["state"] for one in emulator.deliveries()] == ["delivered"] * 2
        told = [json.loads(receiver.next()[1]) for _ in range(2)]
    assert {each["type"]: each["data"]["id"] for each in told} == {
        "interaction.completed": made.id, "interaction.failed": failed.id,
    }  # fmt: skip
    assert client.call("interactions.get", id=failed.id).errors[0].code == "blocked"


# Faults: the SDK sends a create again, without asking whether the first was made.


@pytest.mark.parametrize(("kind", "made"), [("status_before", 1), ("status_after", 2)])
def test_a_create_that_is_sent_twice(client, emulator, kind, made):
    emulator.turn(faults=[{"kind": kind, "method": "POST", "nth": 1, "status": 429, "headers": {"Retry-After": "0"}}])
    assert client.call("interactions.create", model=MODEL, input="a").status == "completed"
    assert [request["status"] for request in emulator.requests()] == [429, 200]
    assert [effect["kind"] for effect in emulator.effects()] == ["created"] * made
