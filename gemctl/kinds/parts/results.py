"""Reads the results of jobs, from an operation or from a file that it names. Called by BatchJob.

Generated answers and vectors come in the same envelope, inline under two names (the official SDK reads both). The
envelope is read and its contents are not, but for the counts of tokens: they are saved as the service gives them.
Raises TypeError or ValueError for another shape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from gemctl.core.book import LONG_PROMPT
from gemctl.core.lifetime import Columns, Results
from gemctl.core.resource import NOTHING_USED, TokenUsage
from gemctl.core.source import Json, JsonObject
from gemctl.kinds.parts import replies

FILE = re.compile(r"files/[A-Za-z0-9_-]{1,128}")
_INLINE = ("inlinedResponses", "inlinedEmbedContentResponses")
_ENVELOPE = {"key", "metadata", "response", "error"}
_COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "cachedContentTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
)
# What differs from one result to the next where their form is the same, and decides nothing in this module while it is
# there; but for those that `counts` reads (REST reference, GenerateContentResponse).
TEXTS = frozenset(
    {"key", "text", "thoughtSignature", "responseId", "createTime", "data", "message", "uri", "title", "displayName"}
)
NUMBERS = frozenset(
    {
        *_COUNTS,
        "totalTokenCount",
        "tokenCount",
        "avgLogprobs",
        "values",
        "startIndex",
        "endIndex",
        "code",
        "probabilityScore",
        "severityScore",
        "confidenceScores",
        "groundingChunkIndices",
    }
)
_NO_COUNTS = [None] * len(_COUNTS)
_PLAIN = {int, type(None)}  # numbers of 32 bits come as numbers, and those of 64 as texts
_NOTHING = {"code": 2, "message": "The service gave neither a response nor an error."}  # 2 is google.rpc's UNKNOWN


def results(reply: Json) -> Results:
    """The results that an operation shows. None for one that failed, or whose output lags behind its state."""
    output = _output(replies.entry(reply))
    if file := replies.text(output, "responsesFile"):
        return Results(file=replies.named(FILE, file, "file"))
    for name in _INLINE:
        if output.get(name) is not None:
            found = replies.listed(replies.inner(output, name), "inlinedResponses")
            return Results(inline=tuple(replies.entry(item, "A response") for item in found))
    return Results()


def carried(operation: JsonObject) -> bool:
    """Whether the operation carries its results itself, and names no file of them."""
    output = _output(operation)
    return not output.get("responsesFile") and any(output.get(name) is not None for name in _INLINE)


def _output(operation: JsonObject) -> JsonObject:
    return replies.inner(replies.inner(operation, "metadata"), "output") or replies.inner(operation, "response")


def result(line: JsonObject) -> JsonObject:
    """One result as it is saved: `key`, and `response` or `error`.

    Without `key` where the service repeats none, as it does for requests that came without: the order tells. Where
    there is an error it wins, since a response beside it would be half a one. Where there is neither, all other fields
    of the line are kept under `line`: they were paid for.
    """
    saved, response = line.get("key"), line.get("response")
    if type(saved) is str and saved and type(response) is dict and line.get("error") is None:  # nearly all are so
        return {"key": saved, "response": response}
    key = replies.text(line, "key") or replies.text(replies.inner(line, "metadata"), "key")
    named: JsonObject = {"key": key} if key else {}
    if line.get("error") is not None:
        return {**named, "error": replies.inner(line, "error")}
    if line.get("response") is not None:
        return {**named, "response": replies.inner(line, "response")}
    said = {"line": json.dumps(line, ensure_ascii=False)} if line.keys() - _ENVELOPE else {}
    return {**named, "error": _NOTHING, **said}


def answered(response: Json) -> bool:
    """Whether a response is an answer to all that was asked. It is none without candidates, as where the prompt was
    blocked, nor where none of them has come to its end by itself: STOP (REST reference, FinishReason). Where no reason
    is shown, some content counts. A vector is always one. Never raises.
    """
    if not isinstance(response, dict):
        return False
    if "candidates" not in response:
        return "embedding" in response or "embeddings" in response
    candidates = response["candidates"]
    return isinstance(candidates, list) and any(map(_ended_well, candidates))


def _ended_well(candidate: Json) -> bool:
    if not isinstance(candidate, dict):
        return False
    reason = candidate.get("finishReason")
    if reason == "STOP":
        return True
    if reason is None or reason in ("", "FINISH_REASON_UNSPECIFIED"):
        content = candidate.get("content")
        return isinstance(content, dict) and bool(content.get("parts"))
    return False


def columns(response: Json) -> Columns:
    """The text of the candidate that ended well, or else of the first, without its thoughts, and the reason of its end;
    or the vector. Never raises.
    """
    if not isinstance(response, dict):
        return Columns()
    vector = response.get("embedding")
    values = vector.get("values") if isinstance(vector, dict) else None
    if not isinstance(values, list) or not {type(value) for value in values} <= {int, float}:
        values = None
    found = response.get("candidates")
    candidates = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    chosen = next(filter(_ended_well, candidates), candidates[0] if candidates else {})
    content, reason = chosen.get("content"), chosen.get("finishReason")
    parts = content.get("parts") if isinstance(content, dict) else None
    texts = [
        part["text"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("thought") is not True
    ]
    return Columns("".join(texts) if texts else None, reason if isinstance(reason, str) else None, values)


def usage(saved: JsonObject) -> tuple[TokenUsage, bool] | None:
    """What a saved result has used, and whether its prompt is longer than LONG_PROMPT; None for an error.

    Never raises: a response whose counts are not there, or are none, is one without a count.
    """
    found = counts(saved)
    if found is None:
        return None
    used, long = sums((found,))
    return (long, True) if long.requests else (used, False)


def counts(saved: JsonObject) -> tuple[int, ...] | None:
    """The numbers by which `sums` tells what a saved result has used; none of them for a response without a count. None
    for an error. Never raises.
    """
    if "response" not in saved:
        return None
    try:
        return _counts(saved["response"])
    except (TypeError, ValueError):
        return ()


def _counts(response: Json) -> tuple[int, ...]:
    """A vector comes with `tokenCount` alone, seen in a file of results; an answer with `usageMetadata` (REST
    reference, UsageMetadata), which leaves out what is 0.
    """
    if not isinstance(response, dict):
        raise TypeError("The response is not an object.")
    shown = response.get("usageMetadata")
    if not isinstance(shown, dict):
        shown = replies.inner(response, "usageMetadata")
    found: list[int | None] = [*map(shown.get, _COUNTS)]
    if not _PLAIN.issuperset(map(type, found)):
        found = [replies.count(shown, name) for name in _COUNTS]
    if found == _NO_COUNTS:
        found[0] = replies.count(response, "tokenCount")
        if found[0] is None:
            return ()
    prompt, tools, cached, output, thoughts = [count or 0 for count in found]
    if (prompt | tools | cached | output | thoughts) >> 63:  # one is negative, or has more than 63 bits
        raise ValueError("That is no count of tokens.")
    return prompt, tools, cached, output, thoughts


def sums(results: Iterable[tuple[int, ...]]) -> tuple[TokenUsage, TokenUsage]:
    """What results with these `counts` have used: those with a prompt of up to LONG_PROMPT, and those with a longer
    one.
    """
    requests = prompts = cached_in_all = outputs = thoughts_in_all = uncounted = 0
    long = NOTHING_USED
    for found in results:
        if not found:
            uncounted += 1
            continue
        prompt, tools, cached, output, thoughts = found
        # A cache is counted when it is made, and may come out as more than the prompt that it is a part of.
        cached = cached if cached < prompt else prompt
        prompt += tools
        if prompt > LONG_PROMPT:
            long += TokenUsage(1, prompt, cached, output, thoughts)
            continue
        requests += 1
        prompts += prompt
        cached_in_all += cached
        outputs += output
        thoughts_in_all += thoughts
    return TokenUsage(requests, prompts, cached_in_all, outputs, thoughts_in_all, uncounted), long
