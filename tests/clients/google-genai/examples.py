"""google-genai, Google's SDK for Python: what its README shows.

It finds the emulator by GOOGLE_GEMINI_BASE_URL, and takes any key. In code, that is
`genai.Client(http_options={"base_url": "http://127.0.0.1:8085"})`.
"""

import base64
import json
import pathlib
import struct
import time
import zlib

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

MODEL = "gemini-3.8-flash"


def text():
    client = genai.Client()
    response = client.models.generate_content(model=MODEL, contents="Why is the sky blue?")
    assert response.text
    assert response.usage_metadata.total_token_count > 0


def text_with_types_and_with_dictionaries():
    client = genai.Client()
    question = "Why is the sky blue?"
    by_type = client.models.generate_content(model=MODEL, contents=types.Part.from_text(text=question))
    by_dictionary = client.models.generate_content(model=MODEL, contents={"text": question})
    assert by_type.text == by_dictionary.text


def clients_that_are_closed():
    client = genai.Client()
    assert client.models.generate_content(model=MODEL, contents="Hello").text
    client.close()
    with genai.Client() as client:
        assert client.models.generate_content(model=MODEL, contents="Ask a question").text


async def async_clients_that_are_closed():
    client = genai.Client().aio
    assert (await client.models.generate_content(model=MODEL, contents="Hello")).text
    await client.aclose()
    async with genai.Client().aio as client:
        assert (await client.models.generate_content(model=MODEL, contents="Ask a question")).text


def another_version_of_the_api():
    for version in ("v1alpha", "v1beta", "v1"):
        client = genai.Client(http_options=types.HttpOptions(api_version=version))
        assert client.models.generate_content(model=MODEL, contents="Hello").text


def a_picture_as_the_answer():
    client = genai.Client()
    response = client.models.generate_content(
        model="gemini-3.1-flash-lite-image",
        contents="A cartoon infographic for flying sneakers",
        config=types.GenerateContentConfig(
            response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="9:16")
        ),
    )
    [picture] = [part.inline_data for part in response.parts if part.inline_data]
    assert picture.mime_type.startswith("image/")
    assert picture.data


def speech_as_the_answer():
    client = genai.Client()
    voice = types.VoiceConfig(prebuilt_voice_config=types.PrebuiltVoiceConfig(voice_name="Aoede"))
    response = client.models.generate_content(
        model="gemini-3.8-flash-tts",
        contents="Give me a cheerful greeting.",
        config=types.GenerateContentConfig(
            response_modalities=["AUDIO"], speech_config=types.SpeechConfig(voice_config=voice)
        ),
    )
    [speech] = [part.inline_data for part in response.parts if part.inline_data]
    assert speech.mime_type.startswith("audio/")
    assert speech.data


def a_file_in_the_question():
    client = genai.Client()
    pathlib.Path("a11.txt").write_text("The transcript of a flight. " * 20)
    file = client.files.upload(file="a11.txt")
    response = client.models.generate_content(model=MODEL, contents=["Could you summarize this file?", file])
    assert response.text


def forms_of_contents():
    client = genai.Client()
    call = types.Part.from_function_call(name="get_weather", args={"location": "Boston"})
    result = types.Part.from_function_response(name="get_weather", response={"result": "sunny"})
    weather = types.FunctionDeclaration(name="get_weather", description="The weather of a place")
    for contents in (
        types.Content(role="user", parts=[types.Part.from_text(text="Why is the sky blue?")]),
        "Why is the sky blue?",
        ["Why is the sky blue?", "Why is the cloud white?"],
        ["And the weather?", call, result],
        [types.UserContent(parts=[types.Part.from_text(text="And the weather?")]), ["in", "Boston"]],
    ):
        config = {"tools": [{"function_declarations": [weather]}]}
        assert client.models.generate_content(model="gemini-2.5-flash", contents=contents, config=config).candidates


def system_instruction_and_limits():
    client = genai.Client()
    response = client.models.generate_content(
        model=MODEL,
        contents="high",
        config=types.GenerateContentConfig(system_instruction="I say high, you say low", max_output_tokens=3),
    )
    assert response.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS


def models():
    client = genai.Client()
    assert f"models/{MODEL}" in [model.name for model in client.models.list()]
    pager = client.models.list(config={"page_size": 10})
    assert pager.page_size == 10
    first = pager[0].name
    pager.next_page()
    assert pager[0].name != first


async def models_async():
    client = genai.Client()
    assert f"models/{MODEL}" in [model.name async for model in await client.aio.models.list()]
    pager = await client.aio.models.list(config={"page_size": 10})
    first = pager[0].name
    await pager.next_page()
    assert pager[0].name != first


def safety_settings():
    client = genai.Client()
    hate = types.SafetySetting(category="HARM_CATEGORY_HATE_SPEECH", threshold="BLOCK_ONLY_HIGH")
    response = client.models.generate_content(
        model=MODEL,
        contents="Say something bad.",
        config=types.GenerateContentConfig(safety_settings=[hate]),
    )
    assert response.text


def get_current_weather(location: str) -> str:
    """Returns the current weather.

    Args:
        location: The city and state, e.g. San Francisco, CA
    """
    _asked.append(location)
    return "sunny"


_asked: list[str] = []


def _weather_by_hand():
    return types.FunctionDeclaration(
        name="get_current_weather",
        description="Get the current weather in a given location",
        parameters_json_schema={
            "type": "object",
            "properties": {"location": {"type": "string", "description": "The city and state"}},
            "required": ["location"],
        },
    )


def a_function_that_is_called():
    client = genai.Client()
    _asked.clear()
    response = client.models.generate_content(
        model=MODEL,
        contents="What is the weather like in Boston?",
        config=types.GenerateContentConfig(tools=[get_current_weather]),
    )
    assert response.text
    assert len(_asked) == 1


def a_function_that_is_not_called():
    client = genai.Client()
    response = client.models.generate_content(
        model=MODEL,
        contents="What is the weather like in Boston?",
        config=types.GenerateContentConfig(
            tools=[get_current_weather],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        ),
    )
    [call] = response.function_calls
    assert call.name == "get_current_weather"
    assert isinstance(call.args["location"], str)


def a_function_that_is_declared_and_called_by_hand():
    client = genai.Client()
    question = types.Content(role="user", parts=[types.Part.from_text(text="What is the weather like in Boston?")])
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[_weather_by_hand()])])
    response = client.models.generate_content(model=MODEL, contents=question, config=config)
    call = response.function_calls[0]
    result = types.Part.from_function_response(name=call.name, response={"result": get_current_weather(**call.args)})
    response = client.models.generate_content(
        model=MODEL,
        contents=[question, response.candidates[0].content, types.UserContent(parts=[result])],
        config=config,
    )
    assert response.text


def a_function_in_mode_any():
    client = genai.Client()
    response = client.models.generate_content(
        model=MODEL,
        contents="What is the weather like in Boston?",
        config=types.GenerateContentConfig(
            tools=[get_current_weather],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY")),
        ),
    )
    assert response.function_calls[0].name == "get_current_weather"


def a_function_in_mode_any_called_once():
    client = genai.Client()
    _asked.clear()
    response = client.models.generate_content(
        model=MODEL,
        contents="What is the weather like in Boston?",
        config=types.GenerateContentConfig(
            tools=[get_current_weather],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(maximum_remote_calls=2),
            tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY")),
        ),
    )
    assert 1 <= len(_asked) <= 2  # the service's models call again, the emulator's answers results by a text
    assert response.candidates


def json_by_a_json_schema():
    client = genai.Client()
    schema = {
        "title": "User Schema",
        "type": "object",
        "properties": {
            "age": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 20}, {"type": "null"}], "title": "Age"},
            "username": {"type": "string", "description": "User's unique name", "title": "Username"},
        },
        "required": ["username", "age"],
    }
    response = client.models.generate_content(
        model=MODEL,
        contents="Give me a random user profile.",
        config={"response_mime_type": "application/json", "response_json_schema": schema},
    )
    profile = json.loads(response.text)
    assert isinstance(profile["username"], str)
    assert profile["age"] is None or 0 <= profile["age"] <= 20


class Country(BaseModel):
    name: str
    population: int
    capital: str
    continent: str


def json_by_a_pydantic_model():
    client = genai.Client()
    question = "Give me information for the United States."
    for config in (
        {"response_json_schema": Country.model_json_schema()},
        {"response_schema": Country},
        {"response_json_schema": {"type": "OBJECT", "properties": {"name": {"type": "STRING"}}, "required": ["name"]}},
    ):
        config = types.GenerateContentConfig(response_mime_type="application/json", **config)
        response = client.models.generate_content(model=MODEL, contents=question, config=config)
        assert isinstance(json.loads(response.text)["name"], str)
        if config.response_schema:
            assert isinstance(response.parsed, Country)


def a_stream():
    client = genai.Client()
    chunks = list(client.models.generate_content_stream(model=MODEL, contents="Tell me a story in 300 words."))
    assert len(chunks) > 1
    whole = client.models.generate_content(model=MODEL, contents="Tell me a story in 300 words.")
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


def a_stream_about_a_picture():
    client = genai.Client()
    picture = types.Part.from_bytes(data=_png(), mime_type="image/png")
    contents = ["What is this image about?", picture]
    assert "".join(chunk.text or "" for chunk in client.models.generate_content_stream(model=MODEL, contents=contents))


async def text_async():
    client = genai.Client()
    response = await client.aio.models.generate_content(model=MODEL, contents="Tell me a story in 300 words.")
    assert response.text


async def a_stream_async():
    client = genai.Client()
    said = ""
    async for chunk in await client.aio.models.generate_content_stream(model=MODEL, contents="Tell me a story."):
        said += chunk.text or ""
    assert said


async def counting_tokens():
    client = genai.Client()
    counted = client.models.count_tokens(model=MODEL, contents="why is the sky blue?")
    assert counted.total_tokens > 0
    assert (await client.aio.models.count_tokens(model=MODEL, contents="why is the sky blue?")) == counted


def embeddings():
    client = genai.Client()
    one = client.models.embed_content(model="gemini-embedding-001", contents="why is the sky blue?")
    assert len(one.embeddings[0].values) == 3072
    two = client.models.embed_content(
        model="gemini-embedding-001",
        contents=["why is the sky blue?", "What is your age?"],
        config=types.EmbedContentConfig(output_dimensionality=10),
    )
    assert [len(embedding.values) for embedding in two.embeddings] == [10, 10]


def a_chat():
    client = genai.Client()
    chat = client.chats.create(model=MODEL)
    assert chat.send_message("tell me a story").text
    assert chat.send_message("summarize the story you told me in 1 sentence").text
    assert len(chat.get_history()) == 4


def a_chat_that_streams():
    client = genai.Client()
    chat = client.chats.create(model=MODEL)
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("tell me a story"))


async def a_chat_async():
    client = genai.Client()
    chat = client.aio.chats.create(model=MODEL)
    assert (await chat.send_message("tell me a story")).text
    async for chunk in await chat.send_message_stream("summarize it"):
        assert chunk.candidates


def files():
    client = genai.Client()
    pathlib.Path("paper.pdf").write_bytes(_pdf())
    file = client.files.upload(file="paper.pdf")
    assert client.files.get(name=file.name).mime_type == "application/pdf"
    client.files.delete(name=file.name)
    assert file.name not in [other.name for other in client.files.list()]


def a_cache():
    client = genai.Client()
    pathlib.Path("handbook.txt").write_text("A sentence of a long handbook. " * 800)
    file = client.files.upload(file="handbook.txt")
    handbook = types.Part.from_uri(file_uri=file.uri, mime_type="text/plain")
    cache = client.caches.create(
        model=MODEL,
        config=types.CreateCachedContentConfig(
            contents=[types.Content(role="user", parts=[handbook])],
            system_instruction="What is in the handbook?",
            display_name="test cache",
            ttl="3600s",
        ),
    )
    assert client.caches.get(name=cache.name).display_name == "test cache"
    response = client.models.generate_content(
        model=MODEL,
        contents="Summarize the handbook",
        config=types.GenerateContentConfig(cached_content=cache.name),
    )
    assert response.usage_metadata.cached_content_token_count == cache.usage_metadata.total_token_count


def an_interaction():
    client = genai.Client()
    interaction = client.interactions.create(model=MODEL, input="Tell me a short joke about programming.")
    assert interaction.output_text


def interactions_that_follow_one_another():
    client = genai.Client()
    first = client.interactions.create(model=MODEL, input="Hi, my name is Amir.")
    second = client.interactions.create(model=MODEL, input="What is my name?", previous_interaction_id=first.id)
    assert second.output_text


def an_interaction_with_an_agent():
    client = genai.Client()
    interaction = client.interactions.create(
        input="Research the history of the Google TPUs.", agent="deep-research-preview-04-2026", background=True
    )
    while interaction.status == "in_progress":
        time.sleep(0.2)
        interaction = client.interactions.get(id=interaction.id)
    assert interaction.status == "completed"
    assert interaction.output_text


def an_interaction_about_a_picture():
    client = genai.Client()
    picture = {"type": "image", "data": base64.b64encode(_png()).decode(), "mime_type": "image/png"}
    interaction = client.interactions.create(
        model=MODEL, input=[{"type": "text", "text": "Describe the image."}, picture]
    )
    assert interaction.output_text


def an_interaction_with_a_function():
    client = genai.Client()
    tool = {
        "type": "function",
        "name": "get_weather",
        "description": "Gets the weather for a given location.",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string", "description": "The city and state"}},
            "required": ["location"],
        },
    }
    asked = client.interactions.create(model=MODEL, input="What is the weather in Boston?", tools=[tool])
    [call] = [step for step in asked.steps if step.type == "function_call"]
    result = {"type": "function_result", "name": call.name, "call_id": call.id, "result": "sunny"}
    told = client.interactions.create(model=MODEL, previous_interaction_id=asked.id, input=[result])
    assert told.output_text


def an_interaction_with_googles_tools():
    client = genai.Client()
    for tool, question in (
        ("google_search", "Who won the last Super Bowl?"),
        ("code_execution", "Calculate the 50th Fibonacci number."),
    ):
        interaction = client.interactions.create(model=MODEL, input=question, tools=[{"type": tool}])
        assert interaction.output_text


def interactions_that_answer_with_media():
    client = genai.Client()
    picture = client.interactions.create(
        model="gemini-3.1-flash-lite-image",
        input="Generate an image of a futuristic city.",
        response_modalities=["image"],
    )
    assert base64.b64decode(picture.output_image.data)
    speech = client.interactions.create(model="gemini-3.8-flash-tts", input="Say hello.", response_modalities=["audio"])
    assert base64.b64decode(speech.output_audio.data)


ENDED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_PAUSED")


def _until_it_ended(client, job):
    while job.state not in ENDED:
        time.sleep(0.1)
        job = client.batches.get(name=job.name)
    return job


def a_batch():
    client = genai.Client()
    request = {
        "contents": [{"parts": [{"text": "Hello!"}], "role": "user"}],
        "config": {"response_modalities": ["text"]},
    }
    job = _until_it_ended(client, client.batches.create(model=MODEL, src=[request]))
    assert job.state == "JOB_STATE_SUCCEEDED"
    assert job.dest.inlined_responses[0].response.text
    client.batches.delete(name=job.name)
    assert list(client.batches.list(config=types.ListBatchJobsConfig(page_size=10))) == []


async def a_batch_of_a_file():
    client = genai.Client()
    lines = [
        {"key": f"request_{number}", "request": {"contents": [{"parts": [{"text": text}]}]}}
        for number, text in enumerate(["Explain how AI works in a few words", "And how Crypto works"], 1)
    ]
    pathlib.Path("requests.json").write_text("\n".join(json.dumps(line) for line in lines))
    config = types.UploadFileConfig(display_name="test-json", mime_type="application/jsonl")
    file = client.files.upload(file="requests.json", config=config)
    job = _until_it_ended(client, client.batches.create(model=MODEL, src=file.name))
    answers = client.files.download(file=job.dest.file_name).decode().splitlines()
    assert sorted(json.loads(line)["key"] for line in answers) == ["request_1", "request_2"]
    config = types.ListBatchJobsConfig(page_size=10)
    assert [other.name async for other in await client.aio.batches.list(config=config)] == [job.name]


LIVE = "gemini-3.8-live"
AUDIO = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}


async def _spoken(session):
    """What the model says in a turn, as its transcription, and its sound."""
    words, sound = "", b""
    async for message in session.receive():
        content = message.server_content
        if content and content.output_transcription:
            words += content.output_transcription.text or ""
        sound += message.data or b""
    return words, sound


async def a_live_session():
    """It needs TLS: trust the emulator's certificate, as SSL_CERT_FILE of `gemctl emulator env` says."""
    async with genai.Client().aio.live.connect(model=LIVE, config=AUDIO) as session:
        for text in ("Hello", "And again"):
            await session.send_client_content(turns={"role": "user", "parts": [{"text": text}]}, turn_complete=True)
            words, sound = await _spoken(session)
            assert words
            assert sound


async def a_live_session_with_a_function():
    config = {**AUDIO, "tools": [{"function_declarations": [{"name": "turn_on_the_lights"}]}]}
    async with genai.Client().aio.live.connect(model=LIVE, config=config) as session:
        turn = {"role": "user", "parts": [{"text": "Turn on the lights please"}]}
        await session.send_client_content(turns=turn, turn_complete=True)
        async for message in session.receive():
            if message.tool_call:
                [call] = message.tool_call.function_calls
                result = types.FunctionResponse(id=call.id, name=call.name, response={"result": "ok"})
                await session.send_tool_response(function_responses=[result])
        assert call.name == "turn_on_the_lights"


async def a_live_session_with_a_token():
    """A token for a page or an app, which then has no key."""
    client = genai.Client(http_options={"api_version": "v1alpha"})
    token = client.auth_tokens.create(config={"uses": 1, "live_connect_constraints": {"model": LIVE, "config": AUDIO}})
    page = genai.Client(api_key=token.name, http_options={"api_version": "v1alpha"})
    async with page.aio.live.connect(model=LIVE, config=AUDIO) as session:
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Hello"}]}, turn_complete=True)
        words, _ = await _spoken(session)
        assert words


def errors_of_the_service():
    client = genai.Client()
    try:
        client.models.generate_content(model="invalid-model-name", contents="What is your name?")
    except errors.APIError as error:
        assert error.code == 404
        assert "invalid-model-name" in error.message
    else:
        raise AssertionError("there is no such model")


def more_in_the_body():
    client = genai.Client()
    more = {"tool_config": {"function_calling_config": {"mode": "NONE"}}}
    response = client.models.generate_content(
        model=MODEL,
        contents="What is the weather in Boston? and how about Sunnyvale?",
        config=types.GenerateContentConfig(
            tools=[get_current_weather], http_options=types.HttpOptions(extra_body=more)
        ),
    )
    assert response.text


def _png() -> bytes:
    """A red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def _pdf() -> bytes:
    """As much of a PDF as a sender looks at."""
    return b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
