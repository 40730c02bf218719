"""One result on its way: its line as it is saved, and what must be known of it to keep the best for each key.

Called by what reads results (`results_source`, `results_shapes`) and by what keeps and writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from gemctl.core.json_text import to_bytes
from gemctl.core.lifetime import Once
from gemctl.core.source import JsonObject
from gemctl.outputs.results_keys import key_digest

Counts = tuple[int, ...]


class Came(IntEnum):
    """Says what came of a request, the better the higher: an error, a response that is no answer, or an answer."""

    ERROR = 0
    BLOCKED = 1
    ANSWER = 2


ERROR, BLOCKED, ANSWER = map(int, Came)  # as they are kept


class Judged(NamedTuple):
    """One result. A tuple, since a million of them are made.

    line   as it is saved.
    name   the digest of its key (`key_digest`); None for one without a key.
    came   the number of a `Came`.
    counts what it used, as in Once; None for an error, and where nothing is counted.
    """

    line: bytes
    name: bytes | None
    came: int
    counts: Counts | None


class Judge:
    """Says what must be known of a result, as `runs` does."""

    def __init__(self, runs: Once) -> None:
        self.counts, self.sums, self._answered = runs.counts, runs.sums, runs.answered

    def __call__(self, result: JsonObject, line: bytes | None = None) -> Judged:
        """`line` is the line of the result where it is known."""
        key = result.get("key")
        name = key_digest(key) if isinstance(key, str) else None
        came = ERROR
        if "response" in result:
            came = ANSWER if self._answered(result["response"]) else BLOCKED
        return Judged(line_of(result) if line is None else line, name, came, self.counts(result))


def _encoder(*, strict: bool) -> Callable[[JsonObject], str]:
    """An encoder of objects, as json.dumps uses one. That makes its inner part anew for each call, which takes as long
    as a fifth of the encoding; here it is made once, where Python has it.
    """
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=not strict)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    text = json.encoder.encode_basestring
    pieces = make(None, encoder.default, text, None, ":", ",", False, False, not strict)
    return lambda value: "".join(pieces(value, 0))


_encode, _encode_strictly = _encoder(strict=False), _encoder(strict=True)


def line_of(result: JsonObject, *, strict: bool = False) -> bytes:
    """The line of a result as it is saved. `strict`: raises ValueError where a number is none in JSON."""
    return to_bytes((_encode_strictly if strict else _encode)(result)) + b"\n"
