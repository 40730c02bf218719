"""Answers as the emulated model: the same request gets the same answer, in every process and for ever.

Called by the surfaces that answer requests, at once or in a batch. Separate because it is pure: it knows no
world and no HTTP. It understands nothing; it answers in the shapes that the REST reference on ai.google.dev
gives, so that a client can be tried out completely. Here an answer is put together: what is thought, called, shown of
tools, where a text ends and what is counted have modules of their own. A test that wants other answers scripts them
(`scripted`).
"""

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gemctl.emulator import calls, finishing, instances, logprobs, thinking, tool_use, usage_metadata
from gemctl.emulator.catalogue import Model
from gemctl.emulator.scripted import Rule, last_text
from gemctl.emulator.tool_use import ToolUse
from gemctl.emulator.wire import invalid

BLOCK, CUT = "block", "cut"
"""The ends of an answer that a request can ask for."""

_BLOCKED = [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": True}]
_HARMS = ("SEXUALLY_EXPLICIT", "HATE_SPEECH", "HARASSMENT", "DANGEROUS_CONTENT")
_ECHO = 200  # characters of the last text that come back
_MOST_RESULTS = 1_000  # characters of the results of functions
_WORDLESS = frozenset({"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"})
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_SPEECH = {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": base64.b64encode(bytes(4_800)).decode()}  # silence


@dataclass(frozen=True)
class _Asked:
    """One request on its way to an answer. `name` is that of the model that answers."""

    model: Model
    name: str
    request: Mapping[str, Any]
    digest: bytes
    modalities: list[str]
    thought: int
    rule: Rule | None

    @property
    def is_free(self) -> bool:
        """Whether the words are left to the model."""
        rule = self.rule
        return rule is None or not (
            rule.text is not None or rule.has_json or rule.calls or rule.finish_reason in _WORDLESS
        )

    @property
    def config(self) -> Mapping[str, Any]:
        config: Mapping[str, Any] = self.request.get("generationConfig", {})
        return config


def generate(
    model: Model,
    request: Mapping[str, Any],
    counts: Mapping[str, int],
    cached: Mapping[str, int],
    version: str,
    end: str = "",
    rule: Rule | None = None,
) -> dict[str, Any]:
    """A GenerateContentResponse. The request has been through `shapes`; `counts` are its own tokens by modality,
    `cached` those of its cache, and `version` is the model that answers for the one that was asked. `end` is how the
    answer ends: `block`, there is none; `cut`, there is a part of one; "", as it does by itself. `rule` is the scripted
    answer, if there is one; one with an error is none.

    A prompt that is blocked is counted as read (an assumption: the reference has `promptFeedback` and the counts of the
    prompt in one response, and doesn't say what is billed)."""
    config: Mapping[str, Any] = request.get("generationConfig", {})
    modalities = _modalities(model, config)
    made = digest(model.name, request)
    answer: dict[str, Any] = {}
    candidates: list[dict[str, Any]] = []
    thought = brought = 0
    block = "SAFETY" if end == BLOCK else rule.block if rule is not None else ""
    if block:
        answer["promptFeedback"] = {"blockReason": block, **({"safetyRatings": _BLOCKED} if block == "SAFETY" else {})}
    else:
        question = _nameless(request)
        asked = digest(model.name, question) if question != request else made
        thought = thinking.count(model, version, config, asked)
        use = tool_use.of(request, rule)
        brought = use.tokens
        one = _Asked(model, version, request, made, modalities, thought, rule)
        count = 1 if end == CUT else config.get("candidateCount", 1) or 1
        candidates = [_candidate(one, use, index, cut=end == CUT) for index in range(count)]
        answer["candidates"] = candidates
    contents = [each.get("content", {}) for each in candidates]
    usage = usage_metadata.make(counts, cached, contents, thought, brought, rule.usage if rule is not None else {})
    return {
        **answer,
        "usageMetadata": usage,
        "modelVersion": version,
        "responseId": base64.urlsafe_b64encode(made[:17]).decode().rstrip("="),
    }


def digest(model: str, request: Mapping[str, Any]) -> bytes:
    """What all that is made up comes from."""
    text = _canonical([model, {**request, "model": ""}])
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _modalities(model: Model, config: Mapping[str, Any]) -> list[str]:
    asked = [each for each in config.get("responseModalities", ()) if each != "MODALITY_UNSPECIFIED"]
    if set(asked) - set(model.modalities):
        raise invalid(
            f"The model {model.name} answers in {' and '.join(model.modalities)}, not in the requested response"
            f" modalities: {', '.join(asked)}"
        )
    return asked or list(model.modalities)


def _candidate(asked: _Asked, use: ToolUse, index: int, *, cut: bool) -> dict[str, Any]:
    rule = asked.rule
    wanted = calls.wanted(asked.request) if rule is None else rule.calls
    called = calls.parts(wanted, asked.digest, with_ids=thinking.signs(asked.name))
    text, reason = _ended(asked, _text(asked, called, index), cut=cut)
    if rule is not None and rule.finish_reason:
        reason = rule.finish_reason
    media = _media(asked) if asked.is_free and not called else []
    parts = [*use.parts, *([{"text": text}] if text else []), *media, *called]
    said = rule.thoughts if rule is not None else ""
    parts = [*thinking.parts(asked.config, asked.thought, said), *parts]
    content = {"parts": thinking.signed(asked.model, asked.name, parts, asked.digest), "role": "model"}
    if not parts:
        content = {}
    shown: dict[str, Any] = {"finishReason": reason, "index": index}
    if content or reason not in _WORDLESS:
        shown = {"content": content, **shown}
    if asked.request.get("safetySettings") or reason == "SAFETY":
        shown["safetyRatings"] = [_rating(harm, reason) for harm in _HARMS]
    if asked.config.get("responseLogprobs"):
        shown |= logprobs.beside(text, asked.digest, asked.config.get("logprobs", 0))
    return shown | use.beside(text)


def _rating(harm: str, reason: str) -> dict[str, Any]:
    category = f"HARM_CATEGORY_{harm}"
    if reason == "SAFETY" and harm == _HARMS[-1]:
        return {"category": category, "probability": "HIGH", "blocked": True}
    return {"category": category, "probability": "NEGLIGIBLE"}


def _text(asked: _Asked, called: list[dict[str, Any]], index: int) -> str:
    """What the candidate says: what the script has for it, nothing beside calls, or words of its own."""
    rule = asked.rule
    if rule is not None and rule.text is not None:
        return rule.text
    if rule is not None and rule.has_json:
        return json.dumps(rule.json, ensure_ascii=False)
    return _own_text(asked, index) if asked.is_free and not called and "TEXT" in asked.modalities else ""


def _ended(asked: _Asked, text: str, *, cut: bool) -> tuple[str, str]:
    if cut:
        return finishing.halved(text), finishing.MAX_TOKENS
    return finishing.limited(text, asked.config, asked.thought)


def _media(asked: _Asked) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if "IMAGE" in asked.modalities:
        image = base64.b64encode(_png(*asked.digest[:3])).decode()
        made.append({"inlineData": {"mimeType": "image/png", "data": image}})
    if "AUDIO" in asked.modalities:
        made.append({"inlineData": _SPEECH})
    return made


def _own_text(asked: _Asked, index: int) -> str:
    config = asked.config
    schema = config.get("responseSchema", config.get("responseJsonSchema"))
    form = config.get("responseMimeType", "application/json" if schema is not None else "text/plain")
    if form == "text/x.enum" and instances.choices(schema):
        return instances.choices(schema)[0]
    if form == "application/json":
        value = instances.instance(schema) if schema is not None else {"answer": asked.digest.hex()[:8]}
        return json.dumps(value, ensure_ascii=False)
    count = sum(len(content["parts"]) for content in asked.request["contents"])
    number = "" if index == 0 else f" (candidate {index})"
    plural = "part" if count == 1 else "parts"
    said = last_text(asked.request)[:_ECHO]
    if results := calls.results(asked.request["contents"])[:_MOST_RESULTS]:
        said = f"{said} ({results})"
    return f"{asked.model.name} read {count} {plural}, digest {asked.digest.hex()[:8]}{number}: {said}"


def _nameless(value: Any) -> Any:
    """A request without the names that the service has given: how long it thinks about a question does not depend on
    them."""
    if isinstance(value, Mapping):
        return {name: _nameless(item) for name, item in value.items() if name not in ("cachedContent", "fileUri")}
    return [_nameless(item) for item in value] if isinstance(value, list) else value


def _png(red: int, green: int, blue: int) -> bytes:
    """One pixel of that colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)  # width, height, bits, RGB, and no choices
    pixel = zlib.compress(bytes([0, red, green, blue]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")
