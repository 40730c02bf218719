"""litellm: what its guide for Gemini (Google AI Studio) shows.

The address is `api_base`: of the version for what a model does, `<emulator>/v1beta`, and without it for files and
interactions. GEMINI_API_BASE is for the latter alone.
"""

import json
import os
import pathlib

import litellm
from pydantic import BaseModel

MODEL = "gemini/gemini-3.8-flash"
HELLO = [{"role": "user", "content": "Hello, how are you?"}]

URL = os.environ["GOOGLE_GEMINI_BASE_URL"]
THERE = {"api_base": f"{URL}/v1beta"}


def a_message():
    response = litellm.completion(model=MODEL, messages=HELLO, **THERE)
    assert response.choices[0].message.content
    assert response.choices[0].finish_reason == "stop"
    assert response.usage.total_tokens > 0


def a_system_message():
    messages = [{"role": "system", "content": "You are a pirate."}, *HELLO]
    assert litellm.completion(model=MODEL, messages=messages, max_tokens=1000, **THERE).choices[0].message.content


def limits():
    response = litellm.completion(model=MODEL, messages=HELLO, max_tokens=3, **THERE)
    assert response.choices[0].finish_reason == "length"
    whole = litellm.completion(model=MODEL, messages=HELLO, **THERE).choices[0].message.content
    word = whole.split()[2]
    stopped = litellm.completion(model=MODEL, messages=HELLO, stop=[word], **THERE).choices[0].message.content or ""
    assert word not in stopped


def a_stream():
    said = [
        chunk.choices[0].delta.content or ""
        for chunk in litellm.completion(model=MODEL, messages=HELLO, stream=True, **THERE)
    ]
    assert "".join(said) == litellm.completion(model=MODEL, messages=HELLO, **THERE).choices[0].message.content


async def async_calls():
    assert (await litellm.acompletion(model=MODEL, messages=HELLO, **THERE)).choices[0].message.content
    said = ""
    async for chunk in await litellm.acompletion(model=MODEL, messages=HELLO, stream=True, **THERE):
        said += chunk.choices[0].delta.content or ""
    assert said


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
}


def a_tool():
    messages = [{"role": "user", "content": "What's the weather like in Boston today?"}]
    answer = litellm.completion(model=MODEL, messages=messages, tools=[WEATHER], **THERE).choices[0]
    assert answer.finish_reason == "tool_calls"
    [call] = answer.message.tool_calls
    assert isinstance(json.loads(call.function.arguments)["location"], str)
    result = {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": "sunny"}
    messages += [answer.message, result]
    assert litellm.completion(model=MODEL, messages=messages, tools=[WEATHER], **THERE).choices[0].message.content


def a_tool_that_must_be_called():
    response = litellm.completion(model=MODEL, messages=HELLO, tools=[WEATHER], tool_choice="required", **THERE)
    assert response.choices[0].message.tool_calls[0].function.name == "get_current_weather"


class Recipe(BaseModel):
    recipe_name: str
    minutes: int


def json_output():
    response = litellm.completion(model=MODEL, messages=HELLO, response_format={"type": "json_object"}, **THERE)
    json.loads(response.choices[0].message.content)
    response = litellm.completion(model=MODEL, messages=HELLO, response_format=Recipe, **THERE)
    assert Recipe.model_validate_json(response.choices[0].message.content)


def reasoning():
    response = litellm.completion(model=MODEL, messages=HELLO, reasoning_effort="low", **THERE)
    assert response.choices[0].message.reasoning_content
    assert response.usage.completion_tokens_details.reasoning_tokens > 0


def a_picture_in_the_question():
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}]
    assert litellm.completion(model=MODEL, messages=messages, **THERE).choices[0].message.content


def googles_tools():
    for tool in ({"googleSearch": {}}, {"codeExecution": {}}, {"urlContext": {}}):
        response = litellm.completion(model=MODEL, messages=HELLO, tools=[tool], **THERE)
        assert response.choices[0].message.content, tool


def safety_settings():
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert litellm.completion(model=MODEL, messages=HELLO, safety_settings=settings, **THERE).choices[0].message.content


def a_cache():
    """litellm makes the cache itself, of the messages that are marked."""
    text = {"type": "text", "text": "A long legal agreement. " * 2000, "cache_control": {"type": "ephemeral"}}
    messages = [{"role": "system", "content": [text]}, {"role": "user", "content": "What are the key terms?"}]
    response = litellm.completion(model=MODEL, messages=messages, **THERE)
    assert response.usage.prompt_tokens_details.cached_tokens > 1000


def embeddings():
    response = litellm.embedding(model="gemini/gemini-embedding-001", input=["good morning", "good night"], **THERE)
    assert [len(item["embedding"]) for item in response.data] == [3072, 3072]


def counting_tokens():
    assert litellm.token_counter(model=MODEL, messages=HELLO) > 0


def a_file():
    pathlib.Path("notes.txt").write_text("Notes of a meeting")
    with pathlib.Path("notes.txt").open("rb") as notes:
        file = litellm.create_file(file=notes, purpose="user_data", custom_llm_provider="gemini", api_base=URL)
    part = {"type": "file", "file": {"file_id": file.id, "format": "text/plain"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What do they say?"}, part]}]
    assert litellm.completion(model=MODEL, messages=messages, **THERE).choices[0].message.content


def an_interaction():
    answer = litellm.interactions.create(model=MODEL, input="Tell me a short joke about programming.", api_base=URL)
    assert answer.status == "completed"


def errors_of_the_service():
    try:
        litellm.completion(model="gemini/invalid-model-name", messages=HELLO, **THERE)
    except litellm.NotFoundError as error:
        assert error.status_code == 404
    else:
        raise AssertionError("there is no such model")
