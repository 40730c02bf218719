"""openai, with Google's address for it: what Google's guide to OpenAI's libraries shows.

The address is `<emulator>/v1beta/openai/`, in code or in OPENAI_BASE_URL.
"""

import base64
import json
import os
import time
import urllib.request

import openai
from pydantic import BaseModel

MODEL = "gemini-3.8-flash"
URL = f"{os.environ['GOOGLE_GEMINI_BASE_URL']}/v1beta/openai/"
HELLO = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Explain to me how AI works"},
]

os.environ["OPENAI_API_KEY"], os.environ["OPENAI_BASE_URL"] = os.environ["GEMINI_API_KEY"], URL


def a_message():
    client = openai.OpenAI(api_key="any-word", base_url=URL)
    response = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert response.choices[0].message.content
    assert response.choices[0].finish_reason == "stop"
    assert response.usage.total_tokens > 0


def reasoning():
    client = openai.OpenAI()
    for effort in ("low", "medium", "high"):
        response = client.chat.completions.create(model=MODEL, reasoning_effort=effort, messages=HELLO)
        assert response.choices[0].message.content


def reasoning_that_is_shown():
    client = openai.OpenAI()
    thinking = {"thinking_config": {"thinking_level": "low", "include_thoughts": True}}
    response = client.chat.completions.create(
        model=MODEL, messages=HELLO, extra_body={"extra_body": {"google": thinking}}
    )
    assert "<thought>" in response.choices[0].message.content


def a_stream():
    client = openai.OpenAI()
    said = ""
    for chunk in client.chat.completions.create(model=MODEL, messages=HELLO, stream=True):
        said += chunk.choices[0].delta.content or ""
    assert said == client.chat.completions.create(model=MODEL, messages=HELLO).choices[0].message.content


async def async_calls():
    client = openai.AsyncOpenAI()
    assert (await client.chat.completions.create(model=MODEL, messages=HELLO)).choices[0].message.content
    said = ""
    async for chunk in await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True):
        said += chunk.choices[0].delta.content or ""
    assert said


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {
                "location": {"type": "string", "description": "The city and state, e.g. Chicago, IL"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["location"],
        },
    },
}


def a_tool():
    client = openai.OpenAI()
    messages = [{"role": "user", "content": "What's the weather like in Chicago today?"}]
    response = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER], tool_choice="auto")
    [call] = response.choices[0].message.tool_calls
    assert isinstance(json.loads(call.function.arguments)["location"], str)
    messages += [response.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
    told = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert told.choices[0].message.content


def a_tool_in_a_stream():
    client = openai.OpenAI()
    messages = [{"role": "user", "content": "What's the weather like in Chicago today?"}]
    arguments = ""
    for chunk in client.chat.completions.create(
        model=MODEL, messages=messages, tools=[WEATHER], tool_choice="required", stream=True
    ):
        for call in chunk.choices[0].delta.tool_calls or ():
            arguments += call.function.arguments or ""
    assert isinstance(json.loads(arguments)["location"], str)


def a_picture_in_the_question():
    client = openai.OpenAI()
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is in this image?"}, picture]}]
    assert client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content


def sound_in_the_question():
    client = openai.OpenAI()
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "Transcribe this"}, sound]}]
    assert client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content


class CalendarEvent(BaseModel):
    name: str
    date: str
    participants: list[str]


def structured_output():
    client = openai.OpenAI()
    completion = client.chat.completions.parse(model=MODEL, messages=HELLO, response_format=CalendarEvent)
    assert isinstance(completion.choices[0].message.parsed, CalendarEvent)


def embeddings():
    client = openai.OpenAI()
    response = client.embeddings.create(input="Your text string goes here", model="gemini-embedding-001")
    assert len(response.data[0].embedding) == 3072


def models():
    client = openai.OpenAI()
    names = [model.id for model in client.models.list()]
    assert f"models/{MODEL}" in names or MODEL in names
    assert client.models.retrieve(MODEL).id.endswith(MODEL)


def images():
    client = openai.OpenAI()
    response = client.images.generate(
        model="gemini-3.1-flash-image",
        prompt="a portrait of a sheepadoodle wearing a cape",
        response_format="b64_json",
        n=1,
    )
    assert base64.b64decode(response.data[0].b64_json).startswith(b"\x89PNG")


def _google(path, data=None, **headers):
    """What the guide does with Google's own client: files are not at the address of OpenAI's libraries."""
    address = f"{os.environ['GOOGLE_GEMINI_BASE_URL']}/{path}"
    request = urllib.request.Request(address, data, {"x-goog-api-key": os.environ["GEMINI_API_KEY"], **headers})
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def _begun(endpoint, body):
    line = json.dumps({"custom_id": "request-1", "method": "POST", "url": endpoint, "body": body}).encode()
    form = {"Content-Type": "application/jsonl", "X-Goog-Upload-Protocol": "raw"}
    file = json.loads(_google("upload/v1beta/files", line, **form))["file"]
    return openai.OpenAI().batches.create(input_file_id=file["name"], endpoint=endpoint, completion_window="24h")


def _batch(endpoint, body):
    batch = _begun(endpoint, body)
    while batch.status == "in_progress":
        time.sleep(0.1)
        batch = openai.OpenAI().batches.retrieve(batch.id)
    assert batch.status == "completed"
    answer = json.loads(_google(f"v1beta/{batch.output_file_id}:download?alt=media"))
    assert answer["custom_id"] == "request-1"
    return answer["response"]["body"]


def a_batch():
    answer = _batch("/v1/chat/completions", {"model": MODEL, "messages": HELLO})
    assert answer["choices"][0]["message"]["content"]


def a_batch_of_embeddings():
    answer = _batch("/v1/embeddings", {"model": "gemini-embedding-001", "input": "I really enjoyed the movie"})
    assert len(answer["data"][0]["embedding"]) == 3072


def a_batch_that_is_cancelled():
    client = openai.OpenAI()
    made = _begun("/v1/chat/completions", {"model": MODEL, "messages": HELLO})
    assert client.batches.cancel(made.id).id == made.id
    assert made.id in [batch.id for batch in client.batches.list()]


def fields_that_the_service_does_not_know():
    client = openai.OpenAI(max_retries=0)
    try:
        client.chat.completions.create(model=MODEL, messages=HELLO, seed=7)
    except openai.BadRequestError as error:
        assert "seed" in str(error.body)
    else:
        raise AssertionError("the service refuses a seed")


def errors_of_the_service():
    client = openai.OpenAI(max_retries=0)
    try:
        client.chat.completions.create(model="invalid-model-name", messages=HELLO)
    except openai.NotFoundError as error:
        assert error.status_code == 404
    else:
        raise AssertionError("there is no such model")
