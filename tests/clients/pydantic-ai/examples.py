"""pydantic-ai: what its pages on agents, tools, output and Google show.

`Agent("google:…")` finds the emulator by GOOGLE_GEMINI_BASE_URL, since it uses google-genai. In code, that is
`GoogleModel(…, provider=GoogleProvider(api_key="any-word", base_url="http://127.0.0.1:8085"))`.
"""

import os

from pydantic import BaseModel
from pydantic_ai import Agent, BinaryContent, NativeOutput, RunContext, ToolOutput
from pydantic_ai.messages import ThinkingPart, ToolCallPart
from pydantic_ai.models.google import GoogleModel, GoogleModelSettings
from pydantic_ai.providers.google import GoogleProvider

os.environ["GOOGLE_API_KEY"] = os.environ["GEMINI_API_KEY"]
MODEL = "gemini-3.8-flash"


def an_answer():
    agent = Agent(f"google:{MODEL}", instructions="Be concise, reply with one sentence.")
    result = agent.run_sync('Where does "hello world" come from?')
    assert result.output
    assert result.usage.output_tokens > 0


def the_address_in_code():
    provider = GoogleProvider(api_key="any-word", base_url=os.environ["GOOGLE_GEMINI_BASE_URL"])
    assert Agent(GoogleModel(MODEL, provider=provider)).run_sync("Hello").output


async def a_stream():
    agent = Agent(f"google:{MODEL}")
    async with agent.run_stream("What is the capital of the UK?") as response:
        said = [text async for text in response.stream_text()]
    assert said[-1] == (await agent.run("What is the capital of the UK?")).output


def tools():
    agent = Agent(f"google:{MODEL}", deps_type=str, instructions="You're a dice game.")
    asked = []

    @agent.tool_plain
    def roll_dice() -> str:
        """Roll a six-sided die and return the result."""
        asked.append("roll_dice")
        return "4"

    @agent.tool
    def get_player_name(context: RunContext[str]) -> str:
        """Get the player's name."""
        asked.append("get_player_name")
        return context.deps

    result = agent.run_sync("Roll the dice: my guess is 4", deps="Anne")
    assert result.output
    assert asked
    assert any(isinstance(part, ToolCallPart) for message in result.all_messages() for part in message.parts)


class City(BaseModel):
    city: str
    country: str


def structured_output():
    """Through a tool, which is the default, and by the schema of the answer. PromptedOutput asks in words, and so for a
    model that understands them."""
    for output in (City, ToolOutput(City), NativeOutput(City)):
        agent = Agent(f"google:{MODEL}", output_type=output)
        assert isinstance(agent.run_sync("Where were the olympics held in 2012?").output, City), output


async def structured_output_that_streams():
    agent = Agent(f"google:{MODEL}", output_type=City)
    async with agent.run_stream("Where were the olympics held in 2012?") as response:
        assert [city async for city in response.stream_output()]


def a_conversation():
    agent = Agent(f"google:{MODEL}")
    first = agent.run_sync("Tell me a joke.")
    second = agent.run_sync("Explain?", message_history=first.new_messages())
    assert len(second.all_messages()) == 4


def thoughts():
    settings = GoogleModelSettings(google_thinking_config={"include_thoughts": True})
    result = Agent(f"google:{MODEL}", model_settings=settings).run_sync("How do I cross the street?")
    assert any(isinstance(part, ThinkingPart) for message in result.all_messages() for part in message.parts)


def a_picture_in_the_question():
    picture = BinaryContent(data=b"\x89PNG\r\n\x1a\n", media_type="image/png")
    assert Agent(f"google:{MODEL}").run_sync(["What is on it?", picture]).output


def settings():
    safety = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_LOW_AND_ABOVE"}]
    settings = GoogleModelSettings(temperature=0.2, max_tokens=1024, google_safety_settings=safety)
    assert Agent(f"google:{MODEL}", model_settings=settings).run_sync("Hello").output
