"""The OpenAI-compatible surface: chats, vectors, images and models, as raw HTTP."""

import base64
import json
import struct
from datetime import UTC, datetime

import pytest

from gemctl.emulator.app import App, Request
from gemctl.emulator.faults import Fault
from gemctl.emulator.scripted import Rule
from gemctl.emulator.world import World

MODEL = "gemini-3.8-flash"
IMAGE_MODEL = "gemini-3.1-flash-image"
CHAT = "openai/chat/completions"
PIXEL = base64.b64encode(b"an image").decode()
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
_ABSENT = object()
DAY = datetime(2026, 11, 28, tzinfo=UTC)  # which models answer for others, changes on dates


@pytest.fixture
def app():
    return App(World(now=lambda: DAY))


def send(app, path, body=_ABSENT, *, headers=None, query=(), version="v1beta"):
    method, data = ("GET", b"") if body is _ABSENT else ("POST", json.dumps(body).encode())
    given = {"authorization": "Bearer any-word"} if headers is None else headers
    response = app.handle(Request(method, f"/{version}{path if path[:1] == ':' else f'/{path}'}", query, given, data))
    assert not app.bugs
    return response


def ask(app, path, body=_ABSENT, **how):
    response = send(app, path, body, **how)
    assert response.status == 200, response.body
    return json.loads(response.body)


def refusal(app, path, body=_ABSENT, **how):
    """The status and the message of a refusal, which is a list of one error."""
    response = send(app, path, body, **how)
    (only,) = json.loads(response.body)
    assert only["error"]["code"] == response.status
    return response.status, only["error"]["message"]


def chat(app, *messages, **fields):
    return ask(app, CHAT, request(*messages, **fields))


def request(*messages, **fields):
    said = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages]
    return {"model": MODEL, "messages": said, **fields}


def streamed(app, *messages, **fields):
    response = send(app, CHAT, request(*messages, stream=True, **fields))
    assert response.headers["Content-Type"] == "text/event-stream"
    events = b"".join(response.pieces()).decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


def native(app, body, model=MODEL):
    response = app.handle(
        Request(
            "POST", f"/v1beta/models/{model}:generateContent", (), {"x-goog-api-key": "k"}, json.dumps(body).encode()
        )
    )
    return json.loads(response.body)


def test_a_completion_says_what_the_model_says(app):
    said = chat(app, {"role": "system", "content": "Be brief."}, "Hello!")
    same = native(
        app,
        {
            "contents": [{"role": "user", "parts": [{"text": "Hello!"}]}],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
        },
    )
    tokens, (part,) = same["usageMetadata"], same["candidates"][0]["content"]["parts"]
    assert said == {
        "choices": [
            {
                "finish_reason": "stop",
                "index": 0,
                "message": {
                    "content": part["text"],
                    "extra_content": {"google": {"thought_signature": part["thoughtSignature"]}},
                    "role": "assistant",
                },
            }
        ],
        "created": said["created"],
        "id": said["id"],
        "model": MODEL,
        "object": "chat.completion",
        "usage": {
            "completion_tokens": tokens["candidatesTokenCount"],
            "prompt_tokens": tokens["promptTokenCount"],
            "total_tokens": tokens["totalTokenCount"],
        },
    }
    assert tokens["totalTokenCount"] > tokens["promptTokenCount"] + tokens["candidatesTokenCount"]  # thoughts


def test_fields_that_are_taken(app):
    settings = {"temperature": 0.5, "top_p": 0.9, "presence_penalty": 0.5, "max_completion_tokens": 500, "stop": ["x"]}
    ignored = {"user": "me", "service_tier": "flex", "parallel_tool_calls": True, "modalities": ["text"]}
    assert chat(app, "Hello!", **settings, **ignored)["choices"][0]["finish_reason"] == "stop"
    assert "temperature" in refusal(app, CHAT, request("Hello!", temperature=5))[1]


@pytest.mark.parametrize("path", [CHAT, "chat/completions", ":chatCompletions"])
@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_the_paths_of_a_chat(app, path, version):
    assert ask(app, path, request("Hello!"), version=version)["object"] == "chat.completion"


def test_a_stream_says_the_same_in_pieces(app):
    whole = chat(app, "word " * 30)
    chunks = streamed(app, "word " * 30)
    assert len(chunks) > 2
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert all("usage" not in chunk for chunk in chunks)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert {delta["role"] for delta in deltas} == {"assistant"}
    said = whole["choices"][0]["message"]
    assert "".join(delta.get("content", "") for delta in deltas) == said["content"]
    assert deltas[-1] == {"extra_content": said["extra_content"], "role": "assistant"}
    assert [chunk["choices"][0].get("finish_reason") for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    counted = streamed(app, "word " * 30, stream_options={"include_usage": True})
    assert counted[-1]["usage"] == whole["usage"]
    assert counted[0]["usage"]["completion_tokens"] < whole["usage"]["completion_tokens"]


def test_several_choices_and_a_short_one(app):
    said = chat(app, "word " * 30, n=3)
    assert [choice["index"] for choice in said["choices"]] == [0, 1, 2]
    assert {chunk["choices"][-1]["index"] for chunk in streamed(app, "word " * 30, n=3)} <= {0, 1, 2}
    for name in ("max_tokens", "max_completion_tokens"):
        (choice,) = chat(app, "word " * 30, **{name: 10})["choices"]
        assert choice["finish_reason"] == "length"
    (choice,) = chat(app, "one STOP two", stop="STOP")["choices"]
    assert choice["finish_reason"] == "stop" and choice["message"]["content"].endswith("one ")


def test_what_is_filtered_has_no_message(app):
    blocked = {"finish_reason": "content_filter: SAFETY", "index": 0}
    assert chat(app, "[[emulator: block]]")["choices"] == [blocked]
    assert [chunk["choices"] for chunk in streamed(app, "[[emulator: block]]")] == [[blocked]]


@pytest.mark.parametrize(
    ("reason", "shown", "has_message"),
    [
        ("PROHIBITED_CONTENT", "content_filter: PROHIBITED_CONTENT", False),
        ("MALFORMED_FUNCTION_CALL", "function_call_filter: MALFORMED_FUNCTION_CALL", True),
        ("MAX_TOKENS", "length", True),
    ],
)
def test_scripted_ends(reason, shown, has_message):
    app = App(answers=[Rule(prompt="Hello", text="", finish_reason=reason)])
    (choice,) = chat(app, "Hello!")["choices"]
    assert choice["finish_reason"] == shown
    assert ("message" in choice) == has_message
    assert streamed(app, "Hello!")[-1]["choices"][0]["finish_reason"] == shown
    assert ask(app, "openai/images/generations", {"model": IMAGE_MODEL, "prompt": "Hello"})["data"] == []


# Thoughts


@pytest.mark.parametrize(
    ("model", "effort", "most"),
    [
        ("gemini-2.5-flash", "none", 0),
        ("gemini-2.5-flash", "low", 1024),
        ("gemini-3.5-flash-lite", "minimal", 0),
        ("gemini-3.5-flash-lite", "none", 0),
    ],
)
def test_efforts(app, model, effort, most):
    used = chat(app, "Hello!", model=model, reasoning_effort=effort)["usage"]
    assert used["total_tokens"] - used["prompt_tokens"] - used["completion_tokens"] <= most


def test_the_efforts_of_a_model_that_always_thinks(app):
    spent = []
    for effort in ("none", "minimal", "low", "medium", "high"):
        used = chat(app, "Hello!", reasoning_effort=effort)["usage"]
        spent.append(used["total_tokens"] - used["prompt_tokens"] - used["completion_tokens"])
    assert spent[0] == spent[1] == spent[2]
    assert min(spent) > 0
    assert refusal(app, CHAT, request("Hello!", model="gemini-2.5-pro", reasoning_effort="none"))[0] == 400


def test_thoughts_that_are_shown(app):
    shown = {"google": {"thinking_config": {"thinking_level": "low", "include_thoughts": True}}}
    content = chat(app, "Hello!", extra_body=shown)["choices"][0]["message"]["content"]
    plain = chat(app, "Hello!", extra_body={"google": {"thinking_config": {"thinking_level": "low"}}})
    thought, _, text = content.partition("</thought>")
    assert thought.startswith("<thought>") and len(thought) > 20
    assert text.partition(": ")[2] == plain["choices"][0]["message"]["content"].partition(": ")[2] == "Hello!"
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed(app, "Hello!", extra_body=shown)]
    assert "".join(delta.get("content", "") for delta in deltas) == content
    marked = [delta["content"] for delta in deltas if delta.get("extra_content") == {"google": {"thought": True}}]
    assert "".join(marked) == thought


# Functions


def test_a_call_of_a_function_and_its_result(app):
    said = chat(app, "What's the weather in Chicago?", tools=[WEATHER], tool_choice="required")
    (choice,) = said["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert "content" not in choice["message"]
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function" and call["id"]
    assert call["function"]["name"] == "get_weather"
    assert set(json.loads(call["function"]["arguments"])) == {"location"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": '{"degrees": 20}'}
    answered = chat(app, "What's the weather?", choice["message"], result, tools=[WEATHER])
    assert answered["choices"][0]["finish_reason"] == "stop"
    assert answered["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    ("tool_choice", "called"),
    [
        ("auto", []),
        ("none", []),
        (None, []),
        ({"type": "function", "function": {"name": "tell"}}, ["tell"]),
        ("required", ["get_weather"]),
    ],
)
def test_which_functions_are_called(app, tool_choice, called):
    other = {"type": "function", "function": {"name": "tell"}}
    said = chat(app, "Hello!", tools=[WEATHER, other], tool_choice=tool_choice)["choices"][0]
    assert [call["function"]["name"] for call in said["message"].get("tool_calls", ())] == called


def test_calls_at_once(app):
    text = '[[emulator: call get_weather {"location": "Rome"}]] [[emulator: call get_weather {"location": "Oslo"}]]'
    calls = chat(app, text, tools=[WEATHER])["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["arguments"] for call in calls] == ['{"location":"Rome"}', '{"location":"Oslo"}']
    assert len({call["id"] for call in calls}) == 2
    chunks = streamed(app, text, tools=[WEATHER])
    assert [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())] == calls
    assert all("index" not in call for call in calls)
    assert ["extra_content" in call for call in calls] == [True, False]  # the first one is signed
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "fine"} for call in calls]
    answer = chat(app, text, {"role": "assistant", "content": None, "tool_calls": calls}, *results, tools=[WEATHER])
    assert answer["choices"][0]["finish_reason"] == "stop"
    unsigned = [{name: value for name, value in call.items() if name != "extra_content"} for call in calls]
    body = request(text, {"role": "assistant", "tool_calls": unsigned}, *results, tools=[WEATHER])
    assert "missing a thought_signature" in refusal(app, CHAT, body)[1]


def test_an_answer_that_was_asked_for_as_json(app):
    shape = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    asked = {"type": "json_schema", "json_schema": {"name": "event", "schema": shape, "strict": True}}
    said = chat(app, "Hello!", response_format=asked)["choices"][0]["message"]["content"]
    assert set(json.loads(said)) == {"name"}
    said = chat(app, "Hello!", response_format={"type": "json_object"})["choices"][0]["message"]["content"]
    assert isinstance(json.loads(said), dict)
    assert chat(app, "Hello!", response_format={"type": "text"})["choices"][0]["finish_reason"] == "stop"


def test_images_and_audio_are_read(app):
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "wav"}},
    ]
    more = chat(app, {"role": "user", "content": parts})["usage"]["prompt_tokens"]
    assert more >= chat(app, {"role": "user", "content": parts[:1]})["usage"]["prompt_tokens"] + 2 * 258


def test_a_cache_is_read(app):
    kept = {"model": f"models/{MODEL}", "contents": [{"parts": [{"text": "word " * 2000}]}]}
    made = Request("POST", "/v1beta/cachedContents", (), {"x-goog-api-key": "k"}, json.dumps(kept).encode())
    name = json.loads(app.handle(made).body)["name"]
    used = chat(app, "Hello!", extra_body={"google": {"cached_content": name}})["usage"]
    assert used["prompt_tokens_details"] == {"cached_tokens": 2500}
    assert used["prompt_tokens"] > 2500
    assert refusal(app, CHAT, request("Hi", extra_body={"google": {"cached_content": "cachedContents/no"}}))[0] == 403


# Refusals


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"seed": None}, 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'),
        ({"logprobs": True}, 'Unknown name "logprobs": Cannot find field.'),
        ({"google": {}}, 'Unknown name "google": Cannot find field.'),
        ({"extra_body": {"extra_body": {}}}, "Unknown name \"extra_body\" at 'extra_body': Cannot find field."),
        ({"model": ""}, "model is not specified"),
        ({"messages": []}, "* GenerateContentRequest.contents: contents is not specified"),
        ({"messages": [{"role": "system", "content": "a"}]}, "contents is not specified"),
        ({"messages": [{"role": "robot", "content": "a"}]}, "messages[0].role: Please use a valid role"),
        ({"messages": [{"role": "user", "content": [{"type": "file"}]}]}, "Invalid content part type: file"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}]},
            "Invalid content part type: image_url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:a"}}]}]},
            "Invalid image_url",
        ),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "x", "content": "a"}]},
            "* GenerateContentRequest.contents[1].parts[0].function_response.name: Name cannot be empty.",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "[]"}}]}]},
            "Invalid function call",
        ),
        ({"tool_choice": "required"}, "Function calling config is set without function_declarations."),
        ({"tools": [WEATHER], "tool_choice": "any"}, "tool_choice must be"),
        ({"tools": [{"type": "web_search"}]}, "Invalid tool type"),
        ({"n": 0}, "n must be a positive integer."),
        ({"max_tokens": -1}, "max_tokens must be a positive integer."),
        ({"stop": [1]}, "stop must be"),
        ({"response_format": {"type": "xml"}}, "Invalid response_format type: xml"),
        ({"reasoning_effort": "most"}, "Invalid reasoning_effort: most"),
        (
            {"reasoning_effort": "low", "extra_body": {"google": {"thinking_config": {"include_thoughts": True}}}},
            "Expected one of either `reasoning_effort` or custom `thinking_config`; found both.",
        ),
        ({"extra_body": {"google": {"thinking_config": {"budget": 1}}}}, 'Unknown name "budget"'),
    ],
)
def test_refused_chats(app, fields, message):
    status, said = refusal(app, CHAT, request("Hello!", **fields))
    assert status == 400
    assert message in said


def test_a_model_that_is_not_there(app):
    gone = refusal(app, CHAT, request("Hello!", model="gpt-4o"))
    assert gone[0] == 404
    assert gone[1].startswith("models/gpt-4o is not found for API version v1main, or is not supported for generateCont")


@pytest.mark.parametrize(
    ("headers", "query", "message"),
    [
        ({}, (), "Missing or invalid Authorization header."),
        ({"authorization": "Bearer "}, (), "Missing or invalid Authorization header."),
        ({"authorization": "Basic eDp5"}, (), "Missing or invalid Authorization header."),
        ({"x-goog-api-key": "k"}, (), "Missing or invalid Authorization header."),
        ({}, (("key", "k"),), "Missing or invalid Authorization header."),
        ({"authorization": "Bearer k", "x-goog-api-key": "k"}, (), "Multiple authentication credentials received."),
        ({"authorization": f"Bearer AIza{'x' * 35}"}, (), "API key not valid."),
        ({"authorization": f"Bearer sk-proj-{'x' * 40}"}, (), "API key not valid."),
    ],
)
def test_the_key_is_a_bearer(app, headers, query, message):
    status, said = refusal(app, "openai/models", headers=headers, query=query)
    assert status == 400
    assert said.startswith(message)
    assert "xxxx" not in said


def test_a_bearer_is_no_key_elsewhere(app):
    assert send(app, "models").status == 401


def test_a_refusal_of_a_fault_or_a_quota_is_a_list_too():
    app = App(faults=[Fault("status_before", nth=(1,), status=503)], requests_per_minute=1)
    assert refusal(app, CHAT, request("Hello!"))[0] == 503
    chat(app, "Hello!")
    assert refusal(app, CHAT, request("Hello!"))[0] == 429
    assert refusal(App(), CHAT, request("[[emulator: fail 503]]"))[0] == 503


# Vectors


def test_vectors(app):
    said = ask(app, "openai/embeddings", {"model": "gemini-embedding-001", "input": "a text"})
    assert said["object"] == "list" and said["model"] == "gemini-embedding-001"
    assert said["usage"]["prompt_tokens"] == said["usage"]["total_tokens"] > 0
    (only,) = said["data"]
    assert only["object"] == "embedding" and len(only["embedding"]) == 3072
    body = {"model": "gemini-embedding-001", "input": ["a text", "another"], "dimensions": 4}
    numbers = ask(app, "openai/embeddings", body)["data"]
    packed = ask(app, "embeddings", {**body, "encoding_format": "base64"})["data"]
    assert [each["index"] for each in packed] == [0, 1]
    for one, other in zip(numbers, packed, strict=True):
        assert struct.unpack("<4f", base64.b64decode(other["embedding"])) == pytest.approx(one["embedding"], abs=1e-6)
    assert numbers[0]["embedding"][1] / numbers[0]["embedding"][0] == pytest.approx(
        only["embedding"][1] / only["embedding"][0], rel=1e-4
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"input": [[1, 2]]}, "input must be a string or a list of strings."),
        ({"input": []}, "input must be"),
        ({"input": ""}, "content contains an empty Part"),
        ({"input": ["a"] * 101}, "at most 100 requests can be in one batch"),
        ({"encoding_format": "hex"}, "encoding_format must be"),
        ({"user": "me"}, 'Unknown name "user"'),
        ({"dimensions": 4000}, "output_dimensionality"),
    ],
)
def test_refused_vectors(app, fields, message):
    status, said = refusal(app, "openai/embeddings", {"model": "gemini-embedding-001", "input": "a", **fields})
    assert status == 400
    assert message in said


# Images and models


def test_images(app):
    body = {"model": IMAGE_MODEL, "prompt": "a dog", "n": 2, "quality": "hd", "unheard_of": 1}
    body["extra_body"] = {"google": {"aspect_ratio": "16:9"}}
    said = ask(app, "openai/images/generations", body)
    assert [base64.b64decode(each["b64_json"])[:4] for each in said["data"]] == [b"\x89PNG"] * 2
    for wrong in ({"prompt": ""}, {"response_format": "url"}, {"n": 9}, {"model": MODEL}, {"extra_body": {"a": 1}}):
        assert refusal(app, "openai/images/generations", {**body, **wrong})[0] == 400


def test_models(app):
    listed = ask(app, "openai/models")
    assert listed["object"] == "list"
    shown = {"id": f"models/{MODEL}", "object": "model", "owned_by": "google", "display_name": "Gemini 3.8 Flash"}
    assert shown in listed["data"]
    for name in (MODEL, f"models/{MODEL}", f"models%2F{MODEL}"):
        assert ask(app, f"openai/models/{name}") == shown
    assert refusal(app, "openai/models/gpt-4o")[0] == 404


def test_files_are_not_served(app):
    assert send(app, "openai/files", {}).status == 404


def test_uses_are_billed(app):
    chat(app, "Hello!")
    ask(app, "openai/embeddings", {"model": "gemini-embedding-001", "input": "a text"})
    ask(app, "openai/images/generations", {"model": IMAGE_MODEL, "prompt": "a dog"})
    lines = app.bill()["lines"]
    assert {(line["kind"], line["model"]) for line in lines} == {
        ("generateContent", MODEL),
        ("generateContent", IMAGE_MODEL),
        ("embedding", "gemini-embedding-001"),
    }
