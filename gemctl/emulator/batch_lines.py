"""Reads the lines of a batch's file: each in its plain spelling, with its mistakes.

Called by `batch_work`. Separate because of speed alone: a file has up to millions of lines, and a table of messages
takes a while for each. Most lines of a file differ in their key and their texts only. So these are taken out of the raw
line; what is left, the skeleton, is read by the table once, and the lines that share it are filled in from then on.
What a line means does not depend on that: `Reader.read` gives what `plain` gives.

A line with a `custom_id` is one of OpenAI's shape, which the service takes for both methods (litellm sends such files).
It is translated, one by one, and its `custom_id` is in the place of the key.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gemctl.emulator import openai_requests, routing, tokens
from gemctl.emulator.batch_messages import EMBED_LINE, GENERATE_LINE
from gemctl.emulator.scalars import Violation
from gemctl.emulator.wire import Refusal

CUSTOM_ID = "custom_id"
"""The name that a line in OpenAI's shape has, and no other."""

_MOST_SKELETONS = 1_000
_LONGEST_SKELETON = 64 * 1024  # characters: together they bound what is remembered
_MARK = "\ue000gemctl emulator "  # of the Unicode range for private use: no skeleton that has it is remembered

# A text that JSON takes and that is Unicode: no control characters, no half of a surrogate pair. Any other text stays
# in the skeleton, and is refused with it.
_PLAIN = r'[^"\\\x00-\x1f]*+'
_ESCAPE = (
    r'\\(?:["\\/bfnrt]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}'
    r"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
_TEXTS = re.compile(rf'("(?:key|text)"[ \t\r]*:[ \t\r]*")({_PLAIN}(?:{_ESCAPE}{_PLAIN})*+)(?=")')


@dataclass(frozen=True)
class _Skeleton:
    """A line without its key and texts.

    given   the line in its plain spelling, with marks for the texts.
    key     the number of the text that is the key; None without one.
    parts   for each part with a text, where its content is: the field, the number of the content (None where the field
            is one content), the number of the part, and the number of the text.
    """

    given: Mapping[str, Any]
    key: int | None
    parts: tuple[tuple[str, int | None, int, int], ...]

    def fill(self, texts: list[str]) -> dict[str, Any]:
        """The line with these texts. What has no text is shared by all lines, and nobody changes it."""
        given = dict(self.given)
        if self.key is not None:
            given["key"] = texts[self.key]
        if not self.parts:
            return given
        given["request"] = request = dict(given["request"])
        fresh: dict[tuple[str, int | None], list[Any]] = {}
        for field, number, index, text in self.parts:
            parts = fresh.get((field, number))
            if parts is None:
                parts = fresh[field, number] = _fresh_parts(request, self.given["request"], field, number)
            parts[index] = {**parts[index], "text": texts[text]}
        return given


def _fresh_parts(request: dict[str, Any], shared: Mapping[str, Any], field: str, number: int | None) -> list[Any]:
    """Copy the way to the parts of a content, and give the list of them."""
    if number is None:
        request[field] = content = dict(request[field])
    else:
        if request[field] is shared[field]:
            request[field] = list(request[field])
        request[field][number] = content = dict(request[field][number])
    content["parts"] = parts = list(content["parts"])
    return parts


class Reader:
    """Reads lines for one method of batches, `generate` or `embed`."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._known: dict[str, _Skeleton | None] = {}

    def read(self, line: bytes) -> tuple[dict[str, Any], list[str]]:
        """A line in its plain spelling, and its mistakes. Parts of it may be shared with other lines."""
        try:
            pieces = _TEXTS.split(line.decode())
        except UnicodeDecodeError:
            return plain(self._method, line)
        texts = pieces[2::3]
        del pieces[2::3]
        text = "".join(pieces)
        try:
            skeleton = self._known[text]
        except KeyError:
            skeleton = self._learn(text, pieces)
        if skeleton is None:
            return plain(self._method, line)
        return skeleton.fill([json.loads(f'"{each}"') if "\\" in each else each for each in texts]), []

    def _learn(self, text: str, pieces: list[str]) -> _Skeleton | None:
        if len(text) > _LONGEST_SKELETON:
            return None
        if len(self._known) >= _MOST_SKELETONS:
            self._known.clear()
        skeleton = self._known[text] = None if _MARK in text else _skeleton(self._method, pieces)
        return skeleton


@lru_cache(maxsize=2)
def reader(method: str) -> Reader:
    """The reader for this method, which remembers what it has seen."""
    return Reader(method)


def plain(method: str, line: bytes) -> tuple[dict[str, Any], list[str]]:
    """A line in its plain spelling, and its mistakes, by the table of messages."""
    try:
        raw = routing.parse(line)
    except Refusal as refusal:
        why = refusal.message.removeprefix("Invalid JSON payload received. ").replace("The body", "the line")
        return {}, [why]
    wrong: list[Violation] = []
    if CUSTOM_ID in raw:
        given = openai_requests.line(method, raw, wrong)
    else:
        given = (EMBED_LINE if method == "embed" else GENERATE_LINE).read(raw, "", wrong)
    return given, [violation.brief or violation.line for violation in wrong]


def own_tokens(method: str, request: Mapping[str, Any]) -> int:
    """The tokens of a request's own content. Files count as files of another place do, and caches for nothing: both are
    looked up when the batch runs, and not before."""
    message = {"contents": [request.get("content", {})]} if method == "embed" else request
    return sum(tokens.estimate(message).values())


def _skeleton(method: str, pieces: list[str]) -> _Skeleton | None:
    """What to remember of a skeleton; None if its lines are to be read one by one: it has a mistake, or a text that is
    neither the key nor the text of a message, or it is in OpenAI's shape."""
    marked = pieces[0] + "".join(
        f"{pieces[at]}{_mark(at // 2)}{pieces[at + 1]}" for at in range(1, len(pieces), 2)
    )  # a piece that ends where a text is, and the piece after the text, in turns
    given, wrong = plain(method, marked.encode())
    if wrong or CUSTOM_ID in given:
        return None
    count = len(pieces) // 2
    numbers = {_mark(number): number for number in range(count)}
    key = numbers.get(given.get("key", ""))
    parts: list[tuple[str, int | None, int, int]] = []
    request = given.get("request", {})
    places: list[tuple[str, int | None, Mapping[str, Any]]] = [
        *(("contents", index, content) for index, content in enumerate(request.get("contents", ()))),
        *((name, None, request[name]) for name in ("content", "systemInstruction") if name in request),
    ]
    for field, number, content in places:
        for index, part in enumerate(content.get("parts", ())):
            if part.get("text") in numbers:
                parts.append((field, number, index, numbers[part["text"]]))
    # Texts that another one of the same name has replaced are in no place, and do no harm.
    found = len(parts) + (key is not None)
    if json.dumps(given, ensure_ascii=False).count(_MARK) != found:
        return None
    return _Skeleton(given, key, tuple(parts))


def _mark(number: int) -> str:
    return f"{_MARK}{number}"
