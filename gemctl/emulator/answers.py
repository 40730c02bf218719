"""Answers as the emulated model: the same request gets the same answer, in every process and for ever.

Called by the surfaces that answer requests, at once or in a batch. Separate because it is pure: it knows no
world and no HTTP. It understands nothing; it answers in the shapes that the REST reference on ai.google.dev
gives, so that a client can be tried out completely. The numbers in a vector have no meaning, but the same
text has the same vector, every vector has the length 1, and a shorter one is the beginning of a longer one, scaled.
"""

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import calls, instances, tokens
from gemctl.emulator.catalogue import Model
from gemctl.emulator.wire import invalid

BLOCK, CUT = "block", "cut"
"""The ends of an answer that a request can ask for."""

_BLOCKED = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
_ECHO = 200  # characters of the last text that come back
_CHARACTERS = 4  # a token, as `tokens` counts
_MOST_CANDIDATES = 8  # an assumption: the reference gives no number
_LEAST_THOUGHTS = 16
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_SPEECH = {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(bytes(4_800)).decode()}  # silence


def generate(
    model: Model,
    request: Mapping[str, Any],
    counts: Mapping[str, int],
    cached: Mapping[str, int],
    version: str,
    end: str = "",
) -> dict[str, Any]:
    """A GenerateContentResponse. The request has been through `shapes`; `counts` are its own tokens by modality,
    `cached` those of its cache, and `version` is the model that answers for the one that was asked. `end` is how the
    answer ends: `block`, there is none; `cut`, there is a part of one; "", as it does by itself.

    A prompt that is blocked is counted as read (an assumption: the reference has `promptFeedback` and the counts of the
    prompt in one response, and doesn't say what is billed)."""
    config: Mapping[str, Any] = request.get("generationConfig", {})
    count = config.get("candidateCount", 0) or 1
    if not 1 <= count <= _MOST_CANDIDATES:
        raise invalid(f"* GenerateContentRequest.generation_config.candidate_count: must be in [1, {_MOST_CANDIDATES}]")
    modalities = _modalities(model, config)
    digest = _digest(model.name, request)
    prompt = {modality: counts.get(modality, 0) + cached.get(modality, 0) for modality in {*counts, *cached}}
    usage: dict[str, object] = {"promptTokenCount": sum(prompt.values())}
    answer: dict[str, Any] = {}
    written = thoughts = 0
    if end == BLOCK:
        answer["promptFeedback"] = {"blockReason": "SAFETY", "safetyRatings": _BLOCKED}
    else:
        question = _nameless(request)
        thoughts = _thoughts(model, config, digest if question == request else _digest(model.name, question))
        room = max(0, config.get("maxOutputTokens", 0) - thoughts)
        answer["candidates"] = candidates = [
            _candidate(model, request, config, modalities, digest, index, room)
            for index in range(1 if end == CUT else count)
        ]
        if end == CUT:
            _cut(candidates[0])
        written = sum(sum(tokens.estimate({"contents": [each["content"]]}).values()) for each in candidates)
        usage["candidatesTokenCount"] = written
    usage["totalTokenCount"] = sum(prompt.values()) + written + thoughts
    usage["promptTokensDetails"] = tokens.details(prompt)
    if cached:
        usage["cachedContentTokenCount"] = sum(cached.values())
        usage["cacheTokensDetails"] = tokens.details(cached)
    if thoughts:
        usage["thoughtsTokenCount"] = thoughts
    return {
        **answer,
        "usageMetadata": usage,
        "modelVersion": version,
        "responseId": base64.urlsafe_b64encode(digest[:16]).decode().rstrip("="),
    }


def embed(model: Model, request: Mapping[str, Any]) -> tuple[list[float], dict[str, int]]:
    """The vector of an EmbedContentRequest that has been through `shapes`, and its content's tokens by modality."""
    size = request.get("outputDimensionality", 0) or model.dimensions
    if not 1 <= size <= model.dimensions:
        raise invalid(f"* EmbedContentRequest.output_dimensionality: must be in [1, {model.dimensions}]")
    longest = {name: value for name, value in request.items() if name != "outputDimensionality"}
    stream = hashlib.shake_256(_digest(model.name, longest)).digest(2 * size)
    numbers = struct.unpack(f">{size}h", stream)
    length = sum(number * number for number in numbers) ** 0.5 or 1.0
    counts = tokens.estimate({"contents": [request.get("content", {})]})
    return [round(number / length, 9) for number in numbers], counts


def _thoughts(model: Model, config: Mapping[str, Any], digest: bytes) -> int:
    """How many tokens it thought: by chance, within the budget, and at most half of what it may write, which thoughts
    count for. A budget of 0 ends all thinking."""
    budget = config.get("thinkingConfig", {}).get("thinkingBudget", -1)
    if not model.thinking or budget == 0:
        return 0
    count = _LEAST_THOUGHTS + digest[-1]
    if most := config.get("maxOutputTokens", 0):
        count = min(count, most // 2)
    return min(count, budget) if budget > 0 else count


def _modalities(model: Model, config: Mapping[str, Any]) -> list[str]:
    asked = [each for each in config.get("responseModalities", ()) if each != "MODALITY_UNSPECIFIED"]
    if set(asked) - set(model.modalities):
        raise invalid(
            f"The model {model.name} answers in {' and '.join(model.modalities)}, not in the requested response"
            f" modalities: {', '.join(asked)}"
        )
    return asked or list(model.modalities)


def _candidate(
    model: Model,
    request: Mapping[str, Any],
    config: Mapping[str, Any],
    modalities: list[str],
    digest: bytes,
    index: int,
    room: int,
) -> dict[str, Any]:
    """One candidate, of at most `room` tokens of text; 0 for any number."""
    called = calls.wanted(request, digest)
    if called:
        return {"content": {"parts": called, "role": "model"}, "finishReason": "STOP", "index": index}
    parts: list[dict[str, Any]] = []
    reason = "STOP"
    if "TEXT" in modalities:
        text = _text(model, request, config, digest, index)
        most = room * _CHARACTERS
        if 0 < most < len(text):
            text, reason = text[:most], "MAX_TOKENS"
        parts.append({"text": text})
    if "IMAGE" in modalities:
        image = base64.b64encode(_png(digest[index], digest[index + 1], digest[index + 2])).decode()
        parts.append({"inlineData": {"mimeType": "image/png", "data": image}})
    if "AUDIO" in modalities:
        parts.append({"inlineData": _SPEECH})
    return {"content": {"parts": parts, "role": "model"}, "finishReason": reason, "index": index}


def _cut(candidate: dict[str, Any]) -> None:
    """End a candidate in the middle of its text, as one ends that has written all that it may."""
    candidate["finishReason"] = "MAX_TOKENS"
    for part in candidate["content"]["parts"]:
        if "text" in part:
            part["text"] = part["text"][: -(-len(part["text"]) // 2)]


def _text(model: Model, request: Mapping[str, Any], config: Mapping[str, Any], digest: bytes, index: int) -> str:
    schema = config.get("responseSchema", config.get("responseJsonSchema"))
    form = config.get("responseMimeType", "application/json" if schema is not None else "text/plain")
    if form == "text/x.enum" and instances.choices(schema):
        return instances.choices(schema)[0]
    if form == "application/json":
        value = instances.instance(schema) if schema is not None else {"answer": digest.hex()[:8]}
        return json.dumps(value, ensure_ascii=False)
    parts = [part for content in request["contents"] for part in content["parts"]]
    said = next((part["text"] for part in reversed(parts) if part.get("text")), "")
    number = "" if index == 0 else f" (candidate {index})"
    plural = "part" if len(parts) == 1 else "parts"
    return f"{model.name} read {len(parts)} {plural}, digest {digest.hex()[:8]}{number}: {said[:_ECHO]}"


def _nameless(value: Any) -> Any:
    """A request without the names that the service has given: how long it thinks about a question does not depend on
    them."""
    if isinstance(value, Mapping):
        return {name: _nameless(item) for name, item in value.items() if name not in ("cachedContent", "fileUri")}
    return [_nameless(item) for item in value] if isinstance(value, list) else value


def _digest(model: str, request: Mapping[str, Any]) -> bytes:
    text = _canonical([model, {**request, "model": ""}])
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _png(red: int, green: int, blue: int) -> bytes:
    """One pixel of that colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)  # width, height, bits, RGB, and no choices
    pixel = zlib.compress(bytes([0, red, green, blue]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
