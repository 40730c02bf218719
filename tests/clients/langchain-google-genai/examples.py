"""langchain-google-genai: what LangChain's guide for Gemini shows.

Its models find the emulator by GOOGLE_GEMINI_BASE_URL, since they use google-genai. In code, that is
`ChatGoogleGenerativeAI(model=…, base_url="http://127.0.0.1:8085", api_key="any-word")`.
"""

import base64
import os
import pathlib
import time

from google import genai
from google.genai import types
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI, GoogleGenerativeAIEmbeddings
from pydantic import BaseModel, Field

MODEL = "gemini-3.8-flash"


def a_message():
    model = ChatGoogleGenerativeAI(model=MODEL)
    answer = model.invoke([("system", "You translate English to French."), ("human", "I love programming.")])
    assert answer.text
    assert answer.usage_metadata["total_tokens"] > 0
    assert answer.response_metadata["finish_reason"] == "STOP"


def the_address_in_code():
    url = os.environ["GOOGLE_GEMINI_BASE_URL"]
    model = ChatGoogleGenerativeAI(model=MODEL, base_url=url, api_key="any-word")
    assert model.invoke("Hello").text


def a_chain():
    prompt = ChatPromptTemplate.from_messages([("system", "Translate to {language}."), ("human", "{text}")])
    chain = prompt | ChatGoogleGenerativeAI(model=MODEL)
    assert chain.invoke({"language": "German", "text": "I love programming."}).text


def several_at_once():
    answers = ChatGoogleGenerativeAI(model=MODEL).batch(["One?", "Two?", "Three?"])
    assert all(answer.text for answer in answers)


def a_stream():
    whole = None
    for chunk in ChatGoogleGenerativeAI(model=MODEL).stream("Write a song about sparkling water."):
        whole = chunk if whole is None else whole + chunk
    assert whole.text
    assert whole.usage_metadata["output_tokens"] > 0


async def async_calls():
    model = ChatGoogleGenerativeAI(model=MODEL)
    assert (await model.ainvoke("Hello")).text
    assert "".join([chunk.text async for chunk in model.astream("Hello")])


@tool
def get_weather(location: str) -> str:
    """Get the current weather in a given location."""
    return f"It is sunny in {location}."


def a_tool():
    model = ChatGoogleGenerativeAI(model=MODEL).bind_tools([get_weather])
    messages = [HumanMessage("What is the weather in Boston?")]
    answer = model.invoke(messages)
    [call] = answer.tool_calls
    assert call["name"] == "get_weather"
    messages += [answer, get_weather.invoke(call)]
    assert isinstance(messages[-1], ToolMessage)
    assert model.invoke(messages).text


def a_tool_that_must_be_called():
    model = ChatGoogleGenerativeAI(model=MODEL).bind_tools([get_weather], tool_choice="get_weather")
    assert [call["name"] for call in model.invoke("Hello").tool_calls] == ["get_weather"]


def a_tool_in_a_stream():
    whole = None
    for chunk in ChatGoogleGenerativeAI(model=MODEL).bind_tools([get_weather]).stream("The weather in Boston?"):
        whole = chunk if whole is None else whole + chunk
    assert [call["name"] for call in whole.tool_calls] == ["get_weather"]


class Person(BaseModel):
    """A person."""

    name: str = Field(description="The name")
    height_m: float = Field(description="The height in metres")


def structured_output():
    for method in ("json_schema", "function_calling"):
        model = ChatGoogleGenerativeAI(model=MODEL).with_structured_output(Person, method=method)
        assert isinstance(model.invoke("A person who is 1.8 metres tall"), Person), method


def a_picture_in_the_question():
    data = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    picture = {"type": "image", "base64": data, "mime_type": "image/png"}
    message = HumanMessage([{"type": "text", "text": "What is in the image?"}, picture])
    assert ChatGoogleGenerativeAI(model=MODEL).invoke([message]).text


def a_picture_as_the_answer():
    model = ChatGoogleGenerativeAI(model="gemini-3.1-flash-lite-image", response_modalities=["IMAGE"])
    answer = model.invoke("A cuddly cat")
    assert [block["type"] for block in answer.content_blocks if block["type"] != "text"] == ["image"]


def thoughts():
    model = ChatGoogleGenerativeAI(model=MODEL, include_thoughts=True, thinking_level="low")
    answer = model.invoke("How many Os are in Google?")
    assert answer.usage_metadata["output_token_details"]["reasoning"] > 0
    assert answer.content_blocks[0]["type"] == "reasoning"


def googles_tools():
    model = ChatGoogleGenerativeAI(model=MODEL)
    searched = model.bind_tools([{"google_search": {}}]).invoke("When is the next total solar eclipse?")
    assert searched.text
    computed = model.bind_tools([{"code_execution": {}}]).invoke("What is 2*2?")
    assert computed.text


def a_cache():
    client = genai.Client()
    cache = client.caches.create(
        model=MODEL, config=types.CreateCachedContentConfig(contents="A long handbook. " * 1000, ttl="300s")
    )
    answer = ChatGoogleGenerativeAI(model=MODEL, cached_content=cache.name).invoke("Summarize it")
    assert answer.usage_metadata["input_token_details"]["cache_read"] > 0


def an_uploaded_file():
    client = genai.Client()
    pathlib.Path("handbook.txt").write_text("A handbook")
    file = client.files.upload(file="handbook.txt")
    while file.state == "PROCESSING":
        time.sleep(0.1)
        file = client.files.get(name=file.name)
    block = {"type": "file", "file_id": file.uri, "mime_type": "text/plain"}
    message = HumanMessage([{"type": "text", "text": "What is in it?"}, block])
    assert ChatGoogleGenerativeAI(model=MODEL).invoke([message]).text


def counting_tokens():
    assert ChatGoogleGenerativeAI(model=MODEL).get_num_tokens("Why is the sky blue?") > 0


def embeddings():
    model = GoogleGenerativeAIEmbeddings(model="gemini-embedding-001")
    assert len(model.embed_query("Hello, world!")) == 3072
    assert [len(vector) for vector in model.embed_documents(["One", "Two"], output_dimensionality=768)] == [768, 768]
