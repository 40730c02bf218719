"""google-adk, Google's Agent Development Kit: what its README and its quick start show.

Agents find the emulator by GOOGLE_GEMINI_BASE_URL, since they use google-genai. In code, that is
`Agent(model=Gemini(model=…, base_url="http://127.0.0.1:8085"), …)`.
"""

import os

from google.adk.agents import Agent, SequentialAgent
from google.adk.agents.context_cache_config import ContextCacheConfig
from google.adk.agents.run_config import RunConfig, StreamingMode
from google.adk.apps import App
from google.adk.models.google_llm import Gemini
from google.adk.runners import InMemoryRunner
from google.adk.tools import google_search
from google.genai import types
from pydantic import BaseModel

os.environ["GOOGLE_API_KEY"] = os.environ["GEMINI_API_KEY"]
MODEL = "gemini-3.8-flash"


async def _asked(agent, *questions, app=None, **how):
    """The events of a conversation."""
    runner = InMemoryRunner(app=app) if app else InMemoryRunner(agent=agent, app_name="app")
    session = await runner.session_service.create_session(app_name=runner.app_name, user_id="anne")
    events = []
    for question in questions:
        message = types.UserContent(parts=[types.Part.from_text(text=question)])
        async for event in runner.run_async(user_id="anne", session_id=session.id, new_message=message, **how):
            assert not event.error_code, event.error_message
            events.append(event)
    return events


def _text(events):
    return "".join(
        part.text or ""
        for event in events
        for part in (event.content and event.content.parts) or ()
        if not part.thought
    )


async def an_agent():
    agent = Agent(name="greeting_agent", model=MODEL, instruction="You are a helpful assistant. Greet the user warmly.")
    assert _text(await _asked(agent, "Hello"))


async def the_address_in_code():
    model = Gemini(model=MODEL, base_url=os.environ["GOOGLE_GEMINI_BASE_URL"])
    assert _text(await _asked(Agent(name="agent", model=model), "Hello"))


async def a_conversation():
    assert _text(await _asked(Agent(name="agent", model=MODEL), "Hello, I am Anne", "What is my name?"))


def get_current_time(city: str) -> dict:
    """Returns the current time in a specified city."""
    return {"status": "success", "city": city, "time": "10:30 AM"}


async def a_tool():
    agent = Agent(
        name="clock_agent",
        model=MODEL,
        instruction="You tell the current time in cities. Use the 'get_current_time' tool for this purpose.",
        tools=[get_current_time],
    )
    events = await _asked(agent, "What is the time in New York?")
    assert [call.name for event in events for call in event.get_function_calls()] == ["get_current_time"]
    assert _text(events)


async def agents_in_a_row():
    fruit = Agent(name="fruit", model=MODEL, instruction="Return the name of a random fruit.", output_key="fruit")
    benefit = Agent(name="benefit", model=MODEL, instruction="Tell me a health benefit of {fruit}.")
    events = await _asked(SequentialAgent(name="root", sub_agents=[fruit, benefit]), "Go")
    assert [event.author for event in events if event.is_final_response()] == ["fruit", "benefit"]


class Capital(BaseModel):
    capital: str


async def structured_output():
    agent = Agent(name="capital_agent", model=MODEL, output_schema=Capital, output_key="capital")
    assert Capital.model_validate_json(_text(await _asked(agent, "France")))


async def a_stream():
    agent = Agent(name="agent", model=MODEL)
    events = await _asked(agent, "Tell me a story", run_config=RunConfig(streaming_mode=StreamingMode.SSE))
    assert [event for event in events if event.partial]
    assert events[-1].is_final_response()


async def search():
    agent = Agent(name="searcher", model=MODEL, tools=[google_search])
    assert _text(await _asked(agent, "What is new?"))


async def a_cache():
    agent = Agent(name="agent", model=MODEL, instruction="A long handbook. " * 2000)
    config = ContextCacheConfig(min_tokens=1024, ttl_seconds=600, cache_intervals=5)
    events = await _asked(
        None, "One", "Two", "Three", app=App(name="app", root_agent=agent, context_cache_config=config)
    )
    assert events[-1].usage_metadata.cached_content_token_count
