"""Refuses requests to generate that the service refuses: settings out of bounds, tools and formats that exclude each
other, turns of functions in the wrong order, stores that are not there.

Called by `surfaces.generation`. Separate from `rules`, which caches and batches share, because all of it is about one
answer, and some of it depends on the model. The sentences are those that users of the live service published in 2025
and 2026, or that the SDK's own tests look for; the sentence of a check that says so is an assumption.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from gemctl.emulator import thinking
from gemctl.emulator.catalogue import Model
from gemctl.emulator.thinking import Turn
from gemctl.emulator.wire import invalid

_CONFIG = "* GenerateContentRequest.generation_config"
_FORMATS = ("text/plain", "application/json", "application/xml", "application/yaml", "text/x.enum")
_MOST_CANDIDATES = 8  # an assumption: the reference gives no number
_MOST_STOPS = 5  # REST reference
_MOST_LOGPROBS = 20  # REST reference
_HOTTEST = 2
_BUILT_IN = frozenset(
    {"googleSearch", "googleSearchRetrieval", "codeExecution", "urlContext", "googleMaps", "fileSearch"}
)
_WITH_LOGPROBS = (2, 0)


def check(model: Model, name: str, request: Mapping[str, Any]) -> None:
    """Refuse a request that has been through `shapes`. `name` is that of the model that answers."""
    config = request.get("generationConfig", {})
    _check_numbers(config)
    _check_format(config)
    _check_logprobs(model, config)
    _check_speech(config)
    thinking.check(model, name, config)
    _check_tools(model, name, request)
    turns = _turns(request.get("contents", ()))
    _check_turns(turns)
    thinking.check_signatures(name, turns)


def _check_numbers(config: Mapping[str, Any]) -> None:
    count = config.get("candidateCount", 1)
    if not 1 <= count <= _MOST_CANDIDATES:  # an assumption
        raise invalid(f"{_CONFIG}.candidate_count: must be in [1, {_MOST_CANDIDATES}]")
    if config.get("maxOutputTokens", 1) < 1:
        raise invalid(f"{_CONFIG}.max_output_tokens: max_output_tokens must be positive.")
    if not 0 <= config.get("temperature", 0) <= _HOTTEST:
        raise invalid(f"{_CONFIG}.temperature: temperature must be in the range [0.0, 2.0].")
    if not 0 <= config.get("topP", 0) <= 1:  # an assumption
        raise invalid(f"{_CONFIG}.top_p: top_p must be in the range [0.0, 1.0].")
    if config.get("topK", 0) < 0:  # an assumption
        raise invalid(f"{_CONFIG}.top_k: top_k must not be negative.")
    if len(config.get("stopSequences", ())) > _MOST_STOPS:  # an assumption
        raise invalid(f"{_CONFIG}.stop_sequences: at most {_MOST_STOPS} stop sequences are allowed.")


def _check_format(config: Mapping[str, Any]) -> None:
    form = config.get("responseMimeType") or "text/plain"
    if form not in _FORMATS:
        names = ", ".join(f"`{each}`" for each in _FORMATS[:-1])
        raise invalid(f"{_CONFIG}.response_mime_type: allowed mimetypes are {names} and `{_FORMATS[-1]}`.")
    schema = config.get("responseSchema", config.get("responseJsonSchema"))
    if form == "text/x.enum" and isinstance(schema, Mapping) and not schema.get("enum"):  # an assumption
        raise invalid(f"{_CONFIG}.response_schema: a schema with an enum is required for the mimetype `{form}`.")


def _check_logprobs(model: Model, config: Mapping[str, Any]) -> None:
    if not config.get("responseLogprobs"):
        if "logprobs" in config:
            raise invalid("Logprobs can only be set if response_logprobs is true.")
        return
    if thinking.version(model.name) != _WITH_LOGPROBS:
        named = f"models/{model.name}" if not thinking.signs(model.name) else "this model"
        raise invalid(f"Logprobs is not enabled for {named}")
    if not 0 <= config.get("logprobs", 0) <= _MOST_LOGPROBS:  # an assumption
        raise invalid(f"{_CONFIG}.logprobs: must be in [0, {_MOST_LOGPROBS}]")


def _check_speech(config: Mapping[str, Any]) -> None:
    speech = config.get("speechConfig", {})
    if "voiceConfig" in speech and "multiSpeakerVoiceConfig" in speech:
        raise invalid(f"{_CONFIG}.speech_config: voice_config and multi_speaker_voice_config are mutually exclusive.")


def _check_tools(model: Model, name: str, request: Mapping[str, Any]) -> None:
    """Models before Gemini 3 take functions, tools of the service and JSON one at a time."""
    tools = request.get("tools", ())
    functions = any(tool.get("functionDeclarations") for tool in tools)
    built_in = any(tool.keys() & _BUILT_IN for tool in tools)
    shown = request.get("toolConfig", {}).get("includeServerSideToolInvocations")
    if thinking.signs(name) or thinking.version(name) == (0, 0):
        if functions and built_in and not shown:
            raise invalid(
                "Please enable tool_config.include_server_side_tool_invocations to use Built-in tools with Function"
                " calling."
            )
        return
    if shown:
        raise invalid(f"Tool call context circulation is not enabled for models/{model.name}")
    if functions and built_in:
        raise invalid("Tool use with function calling is unsupported")
    if request.get("generationConfig", {}).get("responseMimeType") == "application/json":
        if functions:
            raise invalid("Function calling with a response mime type: 'application/json' is unsupported")
        if built_in:
            raise invalid("Tool use with a response mime type: 'application/json' is unsupported")


def _turns(contents: Sequence[Mapping[str, Any]]) -> list[Turn]:
    """The messages, with those that follow one another of one speaker as one: SDKs keep each chunk of a stream."""
    turns: list[Turn] = []
    for number, content in enumerate(contents, start=1):
        is_model = content.get("role") == "model"
        if turns and turns[-1].is_model == is_model:
            turns[-1].parts.extend(content.get("parts", ()))
        else:
            turns.append(Turn(number, is_model, list(content.get("parts", ()))))
    return turns


def _check_turns(turns: Sequence[Turn]) -> None:
    """Results of functions come right behind the calls that they answer, one for each."""
    called = 0
    for turn in turns:
        parts = turn.parts
        results = sum("functionResponse" in part for part in parts)
        if results and not called:
            raise invalid("Please ensure that function response turn comes immediately after a function call turn.")
        if (results or called) and results != called:
            raise invalid(
                "Please ensure that the number of function response parts is equal to the number of function call parts"
                " of the function call turn."
            )
        called = sum("functionCall" in part for part in parts)
