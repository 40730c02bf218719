"""Checks files of requests, line by line: JSON Lines of `{"key": …, "request": …}` (API guide, Batch API).

A file is sent as it is, and a mistake in its last line would cost the whole upload, or come back hours later as the
error of one item. So each line is checked against the shape of a request before anything is sent. A line that the
service reads in another spelling is right (`protojson`). Memory grows by 16 bytes and a little for each key. Called by
manifest while it digests a file, through BatchJob's `FileNeed.check`.

What the requests use is measured on the way. To count the texts of a long file would take longer than to check it, so
that beyond WHOLE characters one request in SHARE is counted, and the texts of the others are taken to be like those.
The digest of its key chooses it: a pattern in the order of the lines changes nothing, and an estimate is the same in
each run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from types import MappingProxyType
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from gemctl.core.book import LONG_PROMPT
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import canonical, tag
from gemctl.core.lines import Lines, Split
from gemctl.core.quantities import Quantities
from gemctl.core.source import Json, JsonObject, Positions, Span
from gemctl.kinds.parts import protojson
from gemctl.kinds.parts.generation import WireEmbedRequest, WireGenerateRequest
from gemctl.kinds.parts.tally import JobTally, TokenTally
from gemctl.kinds.parts.token_count import MOST_OF_A_CHARACTER, count, count_value
from gemctl.schema.scalars import printable
from gemctl.schema.shape import Shape, complain, refused
from gemctl.schema.validation import explain

LONGEST_KEY = 256
WHOLE = 1 << 19  # characters of texts that are counted in any case
SHARE = 32
_SURE = int(LONG_PROMPT / MOST_OF_A_CHARACTER)  # characters of a request that can't be one with long prices
_BOM = b"\xef\xbb\xbf"
_NOWHERE = Positions(Span("", 1, 1, 1, 1))


def _key(value: str) -> str:
    if not value or len(value) > LONGEST_KEY or not printable(value):
        hint = f"Write up to {LONGEST_KEY} characters, without line breaks or control characters."
        raise complain("E209", "That can't be a key.", hint=hint)
    return value


Key = Annotated[str, AfterValidator(_key)]

_CONFIG = ConfigDict(
    json_schema_extra=refused(
        {
            "custom_id": "E206 The name of a request is its `key` here.",
            "body": "E206 What is asked stands in `request` here.",
            "metadata": "E206 A line has `key` and `request`, and nothing else.",
        }
    )
)


class GenerateLine(Shape):
    """A line for generateContent."""

    model_config = _CONFIG

    key: Key = Field(description="What tells this request from the others.")
    request: WireGenerateRequest = Field(description="What is asked.")


class EmbedLine(Shape):
    """A line for embedContent."""

    model_config = _CONFIG

    key: Key = Field(description="What tells this request from the others.")
    request: WireEmbedRequest = Field(description="What becomes a vector.")


_SHAPES: Mapping[str, type[Shape]] = MappingProxyType({"generateContent": GenerateLine, "embedContent": EmbedLine})
Found = Generator[tuple[int, Diagnostic], None, Lines]
_NOTHING: JsonObject = MappingProxyType({})


@dataclass(frozen=True)
class LineCheck:
    """Gives the mistakes in a file of requests, by line from 1; returns what is in the right lines. Never raises.

    method   of the API: generateContent or embedContent.
    under    `spec.request` as it is written: what is put under each line.
    split    the most that one part holds; None for what the service takes.
    """

    method: str
    under: JsonObject = field(default_factory=lambda: _NOTHING)
    split: Split | None = None

    @property
    def name(self) -> str:
        split = self.split and [self.split.requests, self.split.bytes, self.split.tokens]
        return f"lines of {self.method} {tag(canonical([dict(self.under), split]), 26)}"

    def __call__(self, lines: Iterable[bytes], size: int) -> Found:
        return Lines((yield from _complaints(lines, _SHAPES[self.method])))


def _complaints(lines: Iterable[bytes], shape: type[Shape]) -> Generator[tuple[int, Diagnostic], None, Quantities]:
    validate = shape.__pydantic_validator__.validate_python
    read = protojson.reader(shape)
    measure = _Measure(answers=shape is GenerateLine)
    seen: set[bytes] = set()
    blank, number = 0, 0
    for number, line in enumerate(lines, start=1):
        if number == 1 and line.startswith(_BOM):
            hint = "Save the file as UTF-8 without a byte order mark."
            yield 1, problem("E130", "The file begins with a byte order mark.", hint=hint)
            line = line[len(_BOM) :]
        if blank:
            yield blank, problem("E130", "The line is blank, and not the last.", hint="Remove it.")
        blank = 0 if line.strip() else number
        if blank:
            continue
        try:
            value = _decode(line.decode("utf-8").rstrip(" \t\r\n"))  # else an error may be on a next line
            if not isinstance(value, dict):
                raise _Wrong("The line is not a JSON object.")
            try:
                key = validate(value).key
            except ValidationError:  # it may be right in another spelling
                value = read(value)
                key = validate(value).key
            digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            measure.add(value["request"], digest[0] % SHARE == 0)
        except ValidationError as error:
            found = explain(error, shape, value, _NOWHERE, say_where=True)
            yield from ((number, replace(wrong, span=None)) for wrong in found)
        except (ValueError, RecursionError) as error:
            yield number, _unreadable(error)
        else:
            if digest in seen:
                yield number, problem("E240", f"The key {key!r} was there before.", hint="Give it another one.")
            seen.add(digest)
    if number == (1 if blank else 0):
        yield 1, problem("E130", "The file is empty.", hint="Write one JSON object a line.")
    return measure.quantities()


class _Measure:
    """Adds up what the requests of a file use."""

    def __init__(self, *, answers: bool) -> None:
        self._job, self._sent = JobTally(answers=answers), TokenTally()
        self._longest = 0
        self._whole, self._sample = _Counted(), _Counted()
        self._rest, self._largest = 0, 0  # characters of requests that weren't counted: all, and of the largest
        self._values: dict[str, tuple[Json, int]] = {}  # by field, with its tokens: mostly the same in each line

    def add(self, request: Mapping[str, Any], chosen: bool) -> None:
        """A request that the shapes have checked. `chosen` if its texts are counted wherever it stands."""
        self._job.add(request)
        sent = self._sent
        before = sent.count
        texts: list[str] = []
        characters = 0
        messages = request["contents"] if "contents" in request else [request["content"]]
        if "systemInstruction" in request:
            messages = [*messages, request["systemInstruction"]]
        for message in messages:
            for part in message["parts"]:
                if "text" in part:
                    text = part["text"]
                    texts.append(text)
                    characters += len(text)
                else:
                    sent.part(part)
        if "tools" in request:
            sent.count += self._value("tools", request["tools"])
        if "toolConfig" in request:
            sent.count += self._value("toolConfig", request["toolConfig"])
        counted = self._whole if self._whole.characters < WHOLE else self._sample if chosen else None
        if counted is None and characters < _SURE:
            self._rest += characters
            if characters > self._largest:
                self._largest = characters
            return
        tokens = sum(map(count, texts))
        if counted is not None:
            counted.characters += characters
            counted.tokens += tokens
        sent.count += tokens
        self._longest = max(self._longest, sent.count - before)

    def quantities(self) -> Quantities:
        like = self._sample if self._sample.characters else self._whole
        if self._rest:
            self._sent.count += -(-self._rest * like.tokens // like.characters)
            same = sum(tokens for _, tokens in self._values.values())
            self._longest = max(self._longest, same - (-self._largest * like.tokens // like.characters))
        return self._job.quantities(self._sent, self._longest)

    def _value(self, field: str, value: Json) -> int:
        known, tokens = self._values.get(field, (None, 0))
        if known != value:
            tokens = count_value(value)
            self._values[field] = value, tokens
        return tokens


@dataclass(slots=True)
class _Counted:
    """Texts that were counted."""

    characters: int = 0
    tokens: int = 0


def _unreadable(error: Exception) -> Diagnostic:
    """The mistake in a line that can't be read, with its column where that is known."""
    match error:
        case json.JSONDecodeError():
            if error.msg.startswith("Unterminated string"):  # names where it begins: it breaks where the line ends
                return _at(len(error.doc) + 1, f"The line ends in the text that begins at column {error.colno}.")
            why = error.msg[:1].lower() + error.msg[1:]
            hint = "Write each object in one line." if error.doc.strip() in ("{", "[") else None
            return _at(error.colno, f"The line is not JSON at column {error.colno}: {why}.", hint)
        case UnicodeDecodeError():
            before = len(error.object[: error.start].decode("utf-8"))
            return _at(before + 1, f"The line is not UTF-8 at byte {error.start + 1}.")
        case _Wrong() | protojson.GivenTwice():
            return problem("E130", str(error))
        case RecursionError():
            return problem("E130", "The line is nested too deeply.")
        case _:
            return problem("E130", "The line has a number that is too long.")


def _at(column: int, detail: str, hint: str | None = None) -> Diagnostic:
    return problem("E130", detail, span=Span("", 1, column, 1, column), hint=hint)


class _Wrong(ValueError):
    """A line is JSON that no service takes, though Python's reader does."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise _Wrong(f"An object has the name {twice!r} twice.")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _Wrong(f"{text[:20]} is too large a number.")
    return number


def _constant(name: str) -> NoReturn:
    raise _Wrong(f"{name} is not a number in JSON.")


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite).decode
