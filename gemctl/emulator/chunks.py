"""Splits an answer into the chunks of a stream.

Called by the surfaces that stream what the model says, in whichever form. Separate because it is pure: a stream says
what the same request says without one, and only how it is divided is decided here.

What a chunk has follows published streams of the live service: texts come in pieces and other parts whole; each chunk
has the usage up to then, the version and the id of the response; the reason why it finished comes with the last piece,
and so does all that is known at the end only. A signature of a text comes after it, with an empty text (guide on
thought signatures). Assumptions: several candidates advance side by side, and thoughts are counted from the first
chunk on.
"""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

_PIECES = 20  # of a text, at most
_LEAST = 24  # characters of a piece
_WHOLE = ("modelVersion", "responseId")
_IN_EACH = ("usageMetadata", *_WHOLE)


def pieces(text: str) -> list[str]:
    """A text in the pieces in which it is streamed; an empty one is one piece."""
    size = max(_LEAST, -(-len(text) // _PIECES))
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


def split(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The chunks of a GenerateContentResponse: one at least, and the last one has the whole usage."""
    rows = list(zip_longest(*(_candidate(each) for each in answer.get("candidates", ()))))
    ending = {name: answer[name] for name in _WHOLE if name in answer}
    usage: Mapping[str, Any] = answer.get("usageMetadata", {})
    if len(rows) < 2:
        return [dict(answer)]
    written = usage.get("candidatesTokenCount", 0)
    weights = [sum(_weight(each) for each in row if each is not None) for row in rows]
    chunks: list[dict[str, Any]] = []
    for number, row in enumerate(rows, start=1):
        done = written if number == len(rows) else written * sum(weights[:number]) // max(1, sum(weights))
        chunk: dict[str, Any] = {"candidates": [each for each in row if each is not None]}
        if number == 1:
            chunk |= {name: item for name, item in answer.items() if name not in (*_IN_EACH, *chunk)}
        if usage:
            chunk["usageMetadata"] = usage if number == len(rows) else _usage_of(usage, done)
        chunks.append(chunk | ending)
    return chunks


def _candidate(candidate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What each chunk has of a candidate."""
    content = candidate.get("content", {})
    parts = [piece for part in content.get("parts", ()) for piece in _part(part)]
    index = {"index": candidate["index"]} if "index" in candidate else {}
    for part in parts[:-1]:
        yield {"content": {**content, "parts": [part]}, **index}
    yield {**candidate, "content": {**content, "parts": parts[-1:]}} if parts else dict(candidate)


def _part(part: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "text" not in part:
        yield part
        return
    rest = {name: value for name, value in part.items() if name not in ("text", "thoughtSignature")}
    if part["text"] or "thoughtSignature" not in part:
        yield from ({"text": piece, **rest} for piece in pieces(part["text"]))
    if "thoughtSignature" in part:
        yield {**part, "text": ""}


def _weight(candidate: Mapping[str, Any]) -> int:
    """How much of what was written a piece is, about. Thoughts are counted by themselves."""
    parts = candidate.get("content", {}).get("parts", ())
    return sum(len(part["text"]) if "text" in part else _LEAST for part in parts if not part.get("thought"))


def _usage_of(usage: Mapping[str, Any], written: int) -> dict[str, Any]:
    """The usage when so much has been written. How it is made up is said at the end."""
    so_far = {name: item for name, item in usage.items() if not name.startswith("candidatesToken")}
    so_far["totalTokenCount"] = usage.get("totalTokenCount", 0) - usage.get("candidatesTokenCount", 0) + written
    return {**so_far, "candidatesTokenCount": written} if written else so_far
