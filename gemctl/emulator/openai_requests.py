"""Translates requests of the OpenAI-compatible surface into those of the Gemini API.

Called by the surfaces `openai_*`, and by `batch_lines` for lines in OpenAI's shape. Separate because it is pure: it is
about what a field means, and the surfaces are about who asks for it. What is made here goes through the same tables as
a request of the API itself, and is answered by the same model.

How efforts become budgets and levels of thinking is in a table of the page "OpenAI compatibility" on ai.google.dev. The
words for an effort beside a thinking_config are published ones. Assumptions: that the effort `none` is the least level
of models that have levels, which were seen to take it, and the words of all other refusals here.
`strict`, `user`, `service_tier` and `parallel_tool_calls` are taken and change nothing.
"""

from collections.abc import Mapping
from typing import Any

from gemctl.emulator import openai_messages, thinking
from gemctl.emulator.openai_shapes import CHAT, EMBEDDINGS, LINE
from gemctl.emulator.scalars import Violation
from gemctl.emulator.shapes import Message, refuse
from gemctl.emulator.tool_messages import EMBED_REQUEST, GENERATE_REQUEST
from gemctl.emulator.wire import Refusal, invalid

ENDPOINTS = {"generate": "/v1/chat/completions", "embed": "/v1/embeddings"}
"""The addresses that the lines of a batch name, by the method of the batch."""

_BUDGETS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}
_LEVELS = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_MODES = {"none": "NONE", "auto": "AUTO", "required": "ANY"}
_JSON = "application/json"
_SETTINGS = {
    "temperature": "temperature",
    "topP": "topP",
    "presencePenalty": "presencePenalty",
    "n": "candidateCount",
    "maxTokens": "maxOutputTokens",
    "maxCompletionTokens": "maxOutputTokens",
}
_POSITIVE = {"n": "n", "maxTokens": "max_tokens", "maxCompletionTokens": "max_completion_tokens"}


def resource(body: Mapping[str, Any]) -> str:
    """The model's resource name: a name without a slash is one of `models/`."""
    name: str = body.get("model", "")
    if not name:
        raise invalid("model is not specified")
    return name if "/" in name else f"models/{name}"


def chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The GenerateContentRequest of a chat completion, in its plain spelling. Raises the service's refusal."""
    said, instruction = openai_messages.contents(body.get("messages", ()))
    google = body.get("extraBody", {}).get("google", {})
    config = {
        **{ours: body[theirs] for theirs, ours in _SETTINGS.items() if theirs in body},
        **_format(body.get("responseFormat", {})),
        **_thinking(body.get("reasoningEffort"), google.get("thinkingConfig"), body.get("model", "")),
    }
    for name, shown in _POSITIVE.items():
        if body.get(name, 1) < 1:
            raise invalid(f"{shown} must be a positive integer.")
    if "stop" in body:
        config["stopSequences"] = _stop(body["stop"])
    if "modalities" in body:
        config["responseModalities"] = [each.upper() for each in body["modalities"]]
    if voice := body.get("audio", {}).get("voice"):
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    tools = [_declaration(tool) for tool in body.get("tools", ())]
    request = {
        "contents": said,
        "systemInstruction": {"parts": instruction} if instruction else None,
        "tools": [{"functionDeclarations": tools}] if tools else None,
        "toolConfig": {"functionCallingConfig": _choice(body["toolChoice"])} if body.get("toolChoice") else None,
        "cachedContent": google.get("cachedContent"),
        "generationConfig": config or None,
    }
    return _checked(GENERATE_REQUEST, request)


def embeddings(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One EmbedContentRequest for each text of the input, in its plain spelling. Raises the service's refusal."""
    given = body.get("input")
    texts = given if isinstance(given, list) else [given]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise invalid("input must be a string or a list of strings.")
    if body.get("encodingFormat", "float") not in ("float", "base64"):
        raise invalid('encoding_format must be either "float" or "base64".')
    size = body.get("dimensions")
    return [
        _checked(EMBED_REQUEST, {"content": {"parts": [{"text": text}]}, "outputDimensionality": size})
        for text in texts
    ]


def image(body: Mapping[str, Any]) -> dict[str, Any]:
    """The GenerateContentRequest of one image, in its plain spelling. Raises the service's refusal."""
    google = body.get("extraBody", {}).get("google", {})
    config = {"responseModalities": ["IMAGE"], **google.get("generationConfig", {})}
    if "aspectRatio" in google:
        config["imageConfig"] = {"aspectRatio": google["aspectRatio"]}
    request = {
        "contents": [{"role": "user", "parts": [{"text": body.get("prompt", "")}]}],
        "generationConfig": config,
        "safetySettings": google.get("safetySettings"),
        "tools": google.get("tools"),
    }
    return _checked(GENERATE_REQUEST, request)


def line(method: str, raw: Mapping[str, Any], wrong: list[Violation]) -> dict[str, Any]:
    """A line of a batch, `generate` or `embed`, in OpenAI's shape: its `custom_id`, its `request`, the `model` as it is
    called there, and whether its vector is `packed`. Its mistakes are appended to `wrong`."""
    given = LINE.read(raw, "", wrong)
    if not wrong and given.get("url") != ENDPOINTS[method]:
        wrong.append(Violation("url", f"url must be {ENDPOINTS[method]}."))
    body = (EMBEDDINGS if method == "embed" else CHAT).read(given.get("body", {}), "body", wrong)
    if wrong:
        return {}
    try:
        request = _one(embeddings(body)) if method == "embed" else chat(body)
    except Refusal as refusal:
        wrong.append(Violation("body", refusal.message.strip()))
        return {}
    packed = body.get("encodingFormat") == "base64"
    return {
        "custom_id": given.get("customId", ""),
        "model": body.get("model", ""),
        "request": request,
        "packed": packed,
    }


def _one(requests: list[dict[str, Any]]) -> dict[str, Any]:
    if len(requests) > 1:
        raise invalid("input must be one string in a batch.")
    return requests[0]


def _checked(table: Message, request: Mapping[str, Any]) -> dict[str, Any]:
    wrong: list[Violation] = []
    read: dict[str, Any] = table.read(request, "", wrong)
    if wrong:
        raise refuse(wrong)
    return read


def _format(asked: Mapping[str, Any]) -> dict[str, Any]:
    match asked.get("type", "text"):
        case "text":
            return {}
        case "json_object":
            return {"responseMimeType": _JSON}
        case "json_schema":
            schema = asked.get("jsonSchema", {}).get("schema")
            return {"responseMimeType": _JSON, **({"responseJsonSchema": schema} if schema is not None else {})}
        case other:
            raise invalid(f"Invalid response_format type: {other}")


def _thinking(effort: str | None, config: Mapping[str, Any] | None, model: str) -> dict[str, Any]:
    if effort is None:
        return {} if config is None else {"thinkingConfig": config}
    if config is not None:
        raise invalid("Expected one of either `reasoning_effort` or custom `thinking_config`; found both.")
    if effort not in _BUDGETS:
        raise invalid(f"Invalid reasoning_effort: {effort[:80]}")
    if not thinking.has_levels(model):
        return {"thinkingConfig": {"thinkingBudget": _BUDGETS[effort]}}
    return {"thinkingConfig": {"thinkingLevel": _LEVELS.get(effort, thinking.least_level(model))}}


def _stop(given: object) -> list[str]:
    texts = given if isinstance(given, list) else [given]
    if not all(isinstance(text, str) for text in texts):
        raise invalid("stop must be a string or a list of strings.")
    return [str(text) for text in texts]


def _declaration(tool: Mapping[str, Any]) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise invalid("Invalid tool type: it must be function.")
    function = tool.get("function", {})
    declared = {"name": function.get("name", ""), "description": function.get("description")}
    return declared | {"parametersJsonSchema": function.get("parameters")}


def _choice(given: object) -> dict[str, Any]:
    if isinstance(given, str) and given in _MODES:
        return {"mode": _MODES[given]}
    function = given.get("function") if isinstance(given, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str) or not name:
        raise invalid("tool_choice must be none, auto, required, or the name of a function.")
    return {"mode": "ANY", "allowedFunctionNames": [name]}
