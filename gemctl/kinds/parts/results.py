"""Reads the results of jobs, from an operation or from a file that it names. Called by BatchJob.

Generated answers and vectors come in the same envelope, inline under two names (the official SDK reads both). The
envelope is read and its contents are not: they are saved as the service gives them. Raises TypeError or ValueError for
another shape.
"""

from __future__ import annotations

import json
import re

from gemctl.core.lifetime import Results
from gemctl.core.source import Json, JsonObject
from gemctl.kinds.parts import replies

FILE = re.compile(r"files/[A-Za-z0-9_-]{1,128}")
_INLINE = ("inlinedResponses", "inlinedEmbedContentResponses")
_ENVELOPE = {"key", "metadata", "response", "error"}
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
    key = replies.text(line, "key") or replies.text(replies.inner(line, "metadata"), "key")
    named: JsonObject = {"key": key} if key else {}
    if line.get("error") is not None:
        return {**named, "error": replies.inner(line, "error")}
    if line.get("response") is not None:
        return {**named, "response": replies.inner(line, "response")}
    said = {"line": json.dumps(line, ensure_ascii=False)} if line.keys() - _ENVELOPE else {}
    return {**named, "error": _NOTHING, **said}
