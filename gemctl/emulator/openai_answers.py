"""Translates answers of the model into those of the OpenAI-compatible surface: completions, chunks, vectors.

Called by the surfaces `openai_*` and by `batch_work`. Separate because it is pure, as `openai_requests` is. The shapes
are those of answers and streams that users of the live service recorded and published from 2025 to October 2026:

* Fields that are unset are left out: a message of calls has no content, a chunk no reason why it is not finished.
* Thoughts come before the text, between `<thought>` and `</thought>`, and a chunk of them says so in `extra_content`.
* A call has no index in a stream, and comes whole; the signature of a thought is in its `extra_content`.
* `completion_tokens` has no thoughts, and `total_tokens` has. Each chunk has the usage up to then, if it is asked for.
* What was filtered has a reason such as `content_filter: SAFETY`, and no message if there is nothing to say.
* In the output of a batch the names of the usage are in camelCase.

Assumptions: the model is called as the request calls it; what is neither a text nor a call is left out; a signature of
a text is in the `extra_content` of the message.
"""

import base64
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gemctl.emulator import chunks

_REASONS = {"STOP": "stop", "MAX_TOKENS": "length"}
_CALLING = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"})
_FILTERED = "content_filter: "
_OPEN, _CLOSE = "<thought>", "</thought>"
_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def completion(answer: Mapping[str, Any], model: str, created: int) -> dict[str, object]:
    """The chat completion of a GenerateContentResponse. `created` is in seconds."""
    choices = [_choice(each, "message", _message(each)) for each in answer.get("candidates", ())]
    return {
        "choices": choices or [_blocked(answer)],
        **_head(answer, model, created, "chat.completion"),
        "usage": usage(answer["usageMetadata"]),
    }


def stream(answer: Mapping[str, Any], model: str, created: int, *, with_usage: bool) -> Iterator[dict[str, object]]:
    """The chunks of a chat completion that is streamed."""
    thinking: dict[int, bool] = {}  # of each candidate, whether a thought is open
    for chunk in chunks.split(answer):
        choices = [_choice(each, "delta", _delta(each, thinking)) for each in chunk.get("candidates", ())]
        said = {"choices": choices or [_blocked(chunk)], **_head(answer, model, created, "chat.completion.chunk")}
        yield {**said, "usage": usage(chunk["usageMetadata"])} if with_usage else said


def usage(metadata: Mapping[str, Any]) -> dict[str, object]:
    """The tokens of an answer."""
    cached = metadata.get("cachedContentTokenCount", 0)
    return {
        "completion_tokens": metadata.get("candidatesTokenCount", 0),
        "prompt_tokens": metadata["promptTokenCount"],
        **({"prompt_tokens_details": {"cached_tokens": cached}} if cached else {}),
        "total_tokens": metadata["totalTokenCount"],
    }


def embeddings(made: Sequence[Mapping[str, Any]], model: str, tokens: int, *, packed: bool) -> dict[str, object]:
    """The answer with these ContentEmbeddings: as numbers, or `packed`, the base64 of floats of four bytes."""
    return {
        "data": [
            {
                "embedding": _packed(each["values"]) if packed else each["values"],
                "index": index,
                "object": "embedding",
            }
            for index, each in enumerate(made)
        ],
        "model": model,
        "object": "list",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def images(answers: Sequence[Mapping[str, Any]], created: int) -> dict[str, object]:
    """The answer with the images of these GenerateContentResponses."""
    parts = [
        part["inlineData"]["data"]
        for answer in answers
        for candidate in answer.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
        if part.get("inlineData", {}).get("mimeType", "").startswith("image/")
    ]
    return {"created": created, "data": [{"b64_json": data} for data in parts]}


def in_batch(body: Mapping[str, Any]) -> dict[str, object]:
    """The response of a line of a batch, whose body such an answer is."""
    counted = {_camel(name): value for name, value in body["usage"].items()}
    return {"body": {**body, "usage": counted}, "status_code": 200}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return "".join([first, *(word.title() for word in rest)])


def _head(answer: Mapping[str, Any], model: str, created: int, kind: str) -> dict[str, object]:
    return {"created": created, "id": answer["responseId"], "model": model, "object": kind}


def _choice(candidate: Mapping[str, Any], name: str, said: Mapping[str, object]) -> dict[str, object]:
    reason = candidate.get("finishReason")
    choice: dict[str, object] = {name: said, "index": candidate.get("index", 0)}
    if reason is not None:
        choice["finish_reason"] = _reason(reason, "tool_calls" in said)
        if str(choice["finish_reason"]).startswith(_FILTERED) and said.keys() <= {"role"}:
            del choice[name]
    return dict(sorted(choice.items()))


def _reason(reason: str, calls: bool) -> str:
    if reason in _CALLING:
        return f"function_call_filter: {reason}"
    known = _REASONS.get(reason)
    if known is None:
        return f"{_FILTERED}{reason}"
    return "tool_calls" if calls and known == "stop" else known


def _blocked(answer: Mapping[str, Any]) -> dict[str, object]:
    """The choice of a prompt that was not answered."""
    reason = answer.get("promptFeedback", {}).get("blockReason", "OTHER")
    return {"finish_reason": f"{_FILTERED}{reason}", "index": 0}


def _message(candidate: Mapping[str, Any]) -> dict[str, object]:
    parts = candidate.get("content", {}).get("parts", ())
    texts = [part for part in parts if part.get("text")]
    thoughts = "".join(part["text"] for part in texts if part.get("thought"))
    text = "".join(part["text"] for part in texts if not part.get("thought"))
    if thoughts:
        text = f"{_OPEN}{thoughts}{_CLOSE}{text}"
    return _said(text, parts)


def _delta(candidate: Mapping[str, Any], thinking: dict[int, bool]) -> dict[str, object]:
    """What a chunk adds to a candidate; the marks around its thoughts come with what is in them, or after them."""
    parts = candidate.get("content", {}).get("parts", ())
    text, index = "", candidate.get("index", 0)
    for part in parts:
        thought = bool(part.get("thought"))
        if thought != thinking.get(index, False):
            thinking[index] = thought
            text += _OPEN if thought else _CLOSE
        text += part.get("text", "")
    delta = _said(text, parts)
    if any(part.get("thought") for part in parts):
        delta["extra_content"] = {"google": {"thought": True}}
    return delta


def _said(text: str, parts: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    calls = [_call(part, number) for number, part in enumerate(parts, start=1) if "functionCall" in part]
    signature = next((part["thoughtSignature"] for part in parts if "text" in part and "thoughtSignature" in part), "")
    said: dict[str, object] = {"content": text} if text else {}
    if signature:
        said["extra_content"] = {"google": {"thought_signature": signature}}
    said["role"] = "assistant"
    return said | ({"tool_calls": calls} if calls else {})


def _call(part: Mapping[str, Any], number: int) -> dict[str, object]:
    call = part["functionCall"]
    signature = part.get("thoughtSignature")
    return {
        **({"extra_content": {"google": {"thought_signature": signature}}} if signature else {}),
        "function": {"arguments": _compact(call.get("args", {})), "name": call["name"]},
        "id": call.get("id") or f"function-call-{number}",
        "type": "function",
    }


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
