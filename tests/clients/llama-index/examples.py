"""llama-index-llms-google-genai: what its README and LlamaIndex's page on it show.

It finds the emulator by GOOGLE_GEMINI_BASE_URL, since it uses google-genai. In code, that is
`GoogleGenAI(model=…, http_options=types.HttpOptions(base_url="http://127.0.0.1:8085"))`.
"""

import asyncio
import os

from google.genai import types
from llama_index.core.llms import ChatMessage
from llama_index.core.program import FunctionCallingProgram
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from llama_index.llms.google_genai import GoogleGenAI
from pydantic import BaseModel

MODEL = "gemini-3.8-flash"
DINNER = [
    ChatMessage(role="user", content="Hello friend!"),
    ChatMessage(role="assistant", content="Yarr what is shakin' matey?"),
    ChatMessage(role="user", content="Help me decide what to have for dinner."),
]

os.environ["GOOGLE_API_KEY"] = os.environ["GEMINI_API_KEY"]


def a_completion():
    assert GoogleGenAI(model=MODEL).complete("Write a poem about a magic backpack").text


def the_address_in_code():
    there = types.HttpOptions(base_url=os.environ["GOOGLE_GEMINI_BASE_URL"])
    assert GoogleGenAI(model=MODEL, api_key="any-word", http_options=there).complete("Hello").text


def a_chat():
    assert GoogleGenAI(model=MODEL).chat(DINNER).message.content


def a_stream():
    whole = ""
    for part in GoogleGenAI(model=MODEL).stream_complete("The story of Sourcrust, the bread creature"):
        whole += part.delta or ""
    assert whole


def a_chat_that_streams():
    *_, last = GoogleGenAI(model=MODEL).stream_chat(DINNER)
    assert last.message.content


def async_calls():
    async def both():
        model = GoogleGenAI(model=MODEL)
        assert (await model.acomplete("Llamas are famous for ")).text
        last = None
        async for part in await model.astream_complete("Llamas are famous for "):
            last = part
        assert last.text

    asyncio.run(both())


class Song(BaseModel):
    """A song."""

    name: str
    artist: str


def structured_output():
    model = GoogleGenAI(model=MODEL)
    song = model.structured_predict(Song, PromptTemplate("A song about {topic}"), topic="rain")
    assert isinstance(song, Song)
    assert isinstance(model.as_structured_llm(Song).complete("A song about snow").raw, Song)


def a_program_of_a_function():
    program = FunctionCallingProgram.from_defaults(
        llm=GoogleGenAI(model=MODEL), output_cls=Song, prompt_template_str="A song about {topic}", tool_required=True
    )
    assert isinstance(program(topic="wind"), Song)


def generate_song(name: str, artist: str) -> Song:
    """Generates a song with the provided name and artist."""
    return Song(name=name, artist=artist)


def a_tool():
    tool = FunctionTool.from_defaults(fn=generate_song)
    answer = GoogleGenAI(model=MODEL).predict_and_call([tool], "Generate a random song for me")
    assert [source.tool_name for source in answer.sources] == ["generate_song"]


def googles_tools():
    search = types.Tool(google_search=types.GoogleSearch())
    assert GoogleGenAI(model=MODEL, built_in_tool=search).complete("When is the next eclipse in the US?").text


def a_cache():
    model = GoogleGenAI(model=MODEL)
    config = types.CreateCachedContentConfig(contents="A long handbook. " * 1000, ttl="300s")
    cache = model._client.caches.create(model=MODEL, config=config)
    answer = GoogleGenAI(model=MODEL, cached_content=cache.name).complete("Summarize it")
    assert answer.raw["usage_metadata"]["cached_content_token_count"] > 0
