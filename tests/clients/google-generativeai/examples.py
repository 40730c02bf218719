"""google-generativeai, Google's SDK before google-genai, by REST: what its quick start and guides showed.

Its address is given in code, with `transport="rest"`.
"""

import os

import google.api_core.exceptions
import google.generativeai as genai
import typing_extensions

MODEL = "gemini-3.8-flash"

genai.configure(
    api_key=os.environ["GEMINI_API_KEY"],
    transport="rest",
    client_options={"api_endpoint": os.environ["GOOGLE_GEMINI_BASE_URL"]},
)


def text():
    response = genai.GenerativeModel(MODEL).generate_content("The opposite of hot is")
    assert response.text
    assert response.usage_metadata.total_token_count > 0


def a_stream():
    response = genai.GenerativeModel(MODEL).generate_content("Write a story about a magic backpack.", stream=True)
    assert "".join(chunk.text for chunk in response)


def settings():
    model = genai.GenerativeModel(MODEL, system_instruction="You are a cat.")
    config = genai.GenerationConfig(candidate_count=1, max_output_tokens=100, temperature=1.0)
    response = model.generate_content(
        "Good morning!", generation_config=config, safety_settings={"HARASSMENT": "BLOCK_ONLY_HIGH"}
    )
    assert response.candidates


def a_chat():
    chat = genai.GenerativeModel(MODEL).start_chat(
        history=[{"role": "user", "parts": "Hello"}, {"role": "model", "parts": "Hi!"}]
    )
    assert chat.send_message("I have 2 dogs in my house.").text
    assert "".join(chunk.text for chunk in chat.send_message("How many paws are in my house?", stream=True))
    assert len(chat.history) == 6


def multiply(a: float, b: float) -> float:
    """returns a * b."""
    _multiplied.append((a, b))
    return a * b


_multiplied: list[tuple[float, float]] = []


def a_function():
    """With a model before Gemini 3: this SDK loses the signatures of thoughts, which newer models want back."""
    _multiplied.clear()
    chat = genai.GenerativeModel("gemini-2.5-flash", tools=[multiply]).start_chat(
        enable_automatic_function_calling=True
    )
    assert chat.send_message("I have 57 cats, each owns 44 mittens, how many mittens is that in total?").text
    assert len(_multiplied) == 1


class Recipe(typing_extensions.TypedDict):
    recipe_name: str
    ingredients: list[str]


def json_output():
    config = genai.GenerationConfig(response_mime_type="application/json", response_schema=list[Recipe])
    response = genai.GenerativeModel(MODEL).generate_content(
        "List a few popular cookie recipes.", generation_config=config
    )
    assert '"recipe_name"' in response.text


def code_execution():
    response = genai.GenerativeModel(MODEL, tools="code_execution").generate_content(
        "What is the sum of the first 50 primes?"
    )
    assert response.text


def models():
    assert f"models/{MODEL}" in [model.name for model in genai.list_models()]
    assert genai.get_model(f"models/{MODEL}").input_token_limit > 0


def counting_tokens():
    assert genai.GenerativeModel(MODEL).count_tokens("The quick brown fox").total_tokens > 0


def embeddings():
    result = genai.embed_content(
        model="models/gemini-embedding-001", content=["One", "Two"], task_type="retrieval_document"
    )
    assert [len(vector) for vector in result["embedding"]] == [3072, 3072]


def a_cache():
    cache = genai.caching.CachedContent.create(model=f"models/{MODEL}", contents=["A long handbook. " * 1000], ttl=300)
    response = genai.GenerativeModel.from_cached_content(cache).generate_content("Summarize it")
    assert response.usage_metadata.cached_content_token_count > 0
    cache.delete()


def files():
    """The upload of this SDK needs Google's discovery document, which the emulator does not serve."""
    assert [file.name for file in genai.list_files()] == []


def errors_of_the_service():
    try:
        genai.GenerativeModel("invalid-model-name").generate_content("Hello")
    except google.api_core.exceptions.NotFound as error:
        assert "invalid-model-name" in error.message
    else:
        raise AssertionError("there is no such model")
