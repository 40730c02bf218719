"""Answers of a model by the official Python SDK, sync and async: streams, chats, functions that the SDK calls by
itself, thoughts, tools of the service, and scripted answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from google.genai import errors, types
from official import Official
from served import serving

from gemctl.emulator.scripted import Rule

OLD, NEW = "gemini-2.5-flash", "gemini-3.8-flash"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:google")
LONG = "Tell me a story of a brave little toaster that went far away."


@pytest.fixture(scope="module", params=[(None, False), ("v1beta", True)], ids=["as it comes, sync", "v1beta, async"])
def any_client(request, _served):
    version, is_async = request.param
    client = Official(_served.url, version=version, is_async=is_async)
    yield client
    client.close()


@pytest.fixture
def client(any_client, emulator):
    return any_client


def get_weather(city: str) -> str:
    """Returns the weather in a city."""
    return f"The weather in {city} is sunny."


def test_a_stream_says_what_an_answer_says(client):
    whole = client.call("models.generate_content", model=NEW, contents=LONG)
    chunks = client.chunks("models.generate_content_stream", model=NEW, contents=LONG)
    assert len(chunks) > 2
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert [chunk.candidates[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["STOP"]
    assert chunks[-1].usage_metadata == whole.usage_metadata
    assert {chunk.response_id for chunk in chunks} != {whole.response_id}
    assert len({chunk.response_id for chunk in chunks}) == 1
    with pytest.raises(errors.ServerError) as raised:
        client.chunks("models.generate_content_stream", model=NEW, contents="[[emulator: fail 503]]")
    assert raised.value.code == 503


def test_a_chat_goes_on(client):
    chat = client.chat(model=NEW)
    assert "read 1 part" in chat.say("hello").text
    said = chat.stream("and again")
    assert "read 3 parts" in "".join(chunk.text or "" for chunk in said)
    assert [content.role for content in chat.history()][:4] == ["user", "model", "user", "model"]
    assert "read " in chat.say("and more").text  # of a stream each chunk is a message in the history


@pytest.mark.parametrize("model", [OLD, NEW])
def test_functions_are_called_by_the_sdk(client, model):
    config = {"tools": [get_weather]}
    answer = client.call("models.generate_content", model=model, contents="the weather in Boston", config=config)
    assert "The weather in Boston is sunny." in answer.text
    called = answer.automatic_function_calling_history[1].parts[0]
    assert called.function_call.args == {"city": "Boston"}
    assert bool(called.thought_signature) == (model == NEW)
    chunks = client.chunks(
        "models.generate_content_stream", model=model, contents="the weather in Boston", config=config
    )
    assert "The weather in Boston is sunny." in "".join(chunk.text or "" for chunk in chunks)
    forced = {"tools": [get_weather], "tool_config": {"function_calling_config": {"mode": "ANY"}},
              "automatic_function_calling": {"disable": True}}  # fmt: skip
    (call,) = client.call("models.generate_content", model=model, contents="hello", config=forced).function_calls
    assert call.name == "get_weather" and bool(call.id) == (model == NEW)


def test_a_call_whose_signature_is_lost_is_refused(client):
    asked = types.Content(role="user", parts=[types.Part(text="the weather in Boston")])
    call = types.Content(role="model", parts=[types.Part.from_function_call(name="f", args={})])
    result = types.Content(role="user", parts=[types.Part.from_function_response(name="f", response={})])
    with pytest.raises(errors.ClientError) as raised:
        client.call("models.generate_content", model=NEW, contents=[asked, call, result])
    assert "missing a thought_signature" in raised.value.message


def test_thoughts_and_tools(client):
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    answer = client.call("models.generate_content", model=NEW, contents="hello", config=config)
    assert answer.parts[0].thought and answer.usage_metadata.thoughts_token_count > 0
    assert "does not think" not in answer.text
    chunks = client.chunks("models.generate_content_stream", model=NEW, contents="hello", config=config)
    assert chunks[0].parts[0].thought and not chunks[-1].parts[0].thought
    ran = client.call("models.generate_content", model=OLD, contents="sums", config={"tools": [{"code_execution": {}}]})
    assert ran.executable_code and ran.code_execution_result and ran.text
    tools = {"tools": [{"google_search": {}}, {"url_context": {}}]}
    found = client.call("models.generate_content", model=OLD, contents="https://a.example/x", config=tools)
    grounding = found.candidates[0].grounding_metadata
    assert grounding.grounding_chunks[0].web.uri and grounding.grounding_supports[0].segment.text == found.text
    assert found.candidates[0].url_context_metadata.url_metadata[0].retrieved_url == "https://a.example/x"
    assert found.usage_metadata.tool_use_prompt_token_count > 0
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]
    rated = client.call("models.generate_content", model=OLD, contents="a", config={"safety_settings": settings})
    assert len(rated.candidates[0].safety_ratings) == 4


def test_scripted_answers(client, emulator):
    rules = [
        {
            "prompt": "price",
            "functions": True,
            "calls": [{"name": "get_weather", "args": {"city": "Rome"}}],
            "times": 1,
        },
        {"results": True, "text": "It is sunny."},
        {"prompt": "list", "json": [{"a": 1}]},
        {"status": 429, "message": "Slowly.", "times": 1},
        {"block": "PROHIBITED_CONTENT"},
    ]
    emulator.turn(answers=rules)
    config = {"tools": [get_weather]}
    assert client.call("models.generate_content", model=NEW, contents="price?", config=config).text == "It is sunny."
    answer = client.call(
        "models.generate_content", model=NEW, contents="list", config={"response_mime_type": "application/json"}
    )
    assert json.loads(answer.text) == [{"a": 1}]
    with pytest.raises(errors.ClientError) as raised:
        client.call("models.generate_content", model=NEW, contents="hello")
    assert (raised.value.code, raised.value.message) == (429, "Slowly.")
    (blocked,) = client.chunks("models.generate_content_stream", model=NEW, contents="hello")
    assert blocked.prompt_feedback.block_reason == "PROHIBITED_CONTENT" and blocked.candidates is None


def test_the_page_of_the_guide():
    """docs/emulator/generation.md: its examples are run as they stand, one after the other, and say what it shows."""
    if not (shutil.which("bash") and shutil.which("curl")):
        return  # test_pipelines.py says so, for both
    page = (Path(__file__).parent.parent.parent / "docs/emulator/generation.md").read_text(encoding="utf-8")
    shown = re.findall(r"^<!-- runs: \S+ -->\n```(\w+)\n(.*?)^```\n\n```\w+\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(shown) == page.count("<!-- runs:")
    with serving("--clock", "2026-11-28T00:00:00Z", "--still") as emulator:
        pieces = [text if kind == "sh" else f"$PYTHON - <<'PROGRAM'\n{text}PROGRAM\n" for kind, text, _ in shown]
        script = "".join(pieces).replace("http://127.0.0.1:8085", emulator.url)
        env = {**os.environ, "PYTHON": sys.executable, "GEMINI_API_KEY": "any-word"}
        done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=False, env=env)
    assert done.stdout == "".join(said for *_, said in shown), done.stderr


def test_the_fields_of_rules_are_all_on_the_page():
    page = (Path(__file__).parent.parent.parent / "docs/emulator/generation.md").read_text(encoding="utf-8")
    cells = {name for row in re.findall(r"^\| ([^|]*) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert {item.name for item in fields(Rule)} - {"message", "retry_delay"} <= cells
