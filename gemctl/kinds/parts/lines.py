"""Checks files of requests, line by line: JSON Lines of `{"key": …, "request": …}` (API guide, Batch API).

A mistake in the last line of a file would cost the whole upload, or come back hours later as the error of one item. So
each line is checked against the shape of a request, together with what the manifest puts under each, before anything
is sent. A line that the service reads in another spelling is right (`protojson`). Called by manifest while it digests a
file, through BatchJob's `FileNeed.check`.

The first line of each skeleton is looked at closely (`skeletons`). If it is right, and each string that was taken out
of it is its key or the text of a part of a message, others of the skeleton are right too if their key is: no rule is
about a text, but that it is one and not empty. What they use besides texts is the same as well (`cuts`).

Memory grows by 14 bytes and a little for each key.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from hashlib import blake2b
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import canonical, tag
from gemctl.core.frozen import dataclass
from gemctl.core.lines import Lines, Split
from gemctl.core.source import Json, JsonObject
from gemctl.kinds.parts import line_text, protojson
from gemctl.kinds.parts.cuts import SHARE, Fixed, Measure
from gemctl.kinds.parts.generation import WireEmbedRequest, WireGenerateRequest, put_under
from gemctl.kinds.parts.line_text import Places
from gemctl.kinds.parts.skeletons import Skeleton, Skeletons, marked, taken_apart
from gemctl.kinds.parts.tally import TokenTally, most_output
from gemctl.kinds.parts.token_count import count, count_value
from gemctl.schema.scalars import printable
from gemctl.schema.shape import Shape, complain, refused
from gemctl.schema.validation import explain

LONGEST_KEY = 256
_BOM = b"\xef\xbb\xbf"
_FILE = re.compile(r"(?:https?://.*/v[0-9][a-z0-9]*/)?(files/[A-Za-z0-9_-]{1,128})")


def _fits(key: str) -> bool:
    return 0 < len(key) <= LONGEST_KEY and printable(key)


def _key(value: str) -> str:
    if not _fits(value):
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


SHAPES: Mapping[str, type[Shape]] = MappingProxyType({"generateContent": GenerateLine, "embedContent": EmbedLine})
PARTS = ("partsBefore", "partsAfter")  # of what is put under each line: all else there are fields of a request
Found = Generator[tuple[int, Diagnostic], None, Lines]
_NOTHING: JsonObject = MappingProxyType({})


@dataclasses.dataclass(frozen=True)
class LineCheck:
    """Gives the mistakes in a file of requests, by line from 1; returns what is in the right lines. Never raises.

    method   of the API: generateContent or embedContent.
    under    `spec.request` as it is written: what is put under each line. That it is right by itself is for others.
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
        return (yield from _Reading(self, size).complaints(lines))


class _Reading:
    """One reading of a file."""

    def __init__(self, check: LineCheck, size: int) -> None:
        shape = SHAPES[check.method]
        self._shape = shape
        self._validate = shape.__pydantic_validator__.validate_python
        self._read = protojson.reader(shape)
        self._under = {name: value for name, value in check.under.items() if name not in PARTS}
        answers = check.method == "generateContent"
        self._measure = Measure(answers=answers, split=check.split, size=size, added=_added(check.under))
        self._values: dict[str, tuple[Json, int]] = {}  # by field, with its tokens: mostly the same in each line
        self._keys = _Keys()
        self._alike: Skeletons[_Alike] = Skeletons()

    def complaints(self, lines: Iterable[bytes]) -> Found:
        blank, number, last = 0, 0, b""
        for number, line in enumerate(lines, start=1):
            if not blank and self._is_like_another(number, line):
                continue
            if number == 1 and line.startswith(_BOM):
                hint = "Save the file as UTF-8 without a byte order mark."
                yield 1, problem("E130", "The file begins with a byte order mark.", hint=hint)
                line = line[len(_BOM) :]
            if blank:
                yield blank, problem("E130", "The line is blank, and not the last.", hint="Remove it.")
            blank, last = (0, b"") if line.strip() else (number, line)
            if not blank:
                yield from self._complaints(number, line)
        if number == (1 if blank else 0):
            yield 1, problem("E130", "The file is empty.", hint="Write one JSON object a line.")
        self._measure.blank(last)
        return self._measure.found()

    def _is_like_another(self, number: int, line: bytes) -> bool:
        """Whether the line is right because another of its skeleton was; then it is measured. Else nothing is known."""
        if not self._alike.useful:
            return False
        skeleton, strings = taken_apart(line)
        alike = self._alike.get(skeleton)
        if alike is None:
            return False
        try:
            texts = [_text(string) if b"\\" in string else string.decode() for string in strings]
        except UnicodeDecodeError:
            return False
        key = texts.pop(alike.key)
        if not _fits(key):
            return False
        digest = _digest(key)
        if not self._keys.add(digest):
            return False
        self._measure.add(number, line, alike.fixed, texts, not digest[0] % SHARE)
        return True

    def _complaints(self, number: int, line: bytes) -> Iterator[tuple[int, Diagnostic]]:
        """The mistakes in a line. One that is right is measured, and remembered for others of its skeleton."""
        text = ""
        value: dict[str, Any] = {}
        try:
            text = line_text.decoded(line)
            value = line_text.read(text)
            try:
                key = self._validate(value, context=self._under).key
            except ValidationError:  # it may be right in another spelling
                value = self._read(value)
                key = self._validate(value, context=self._under).key
            fixed, texts = self._parts_of(value["request"])
            skeleton = taken_apart(line)[0] if self._alike.useful else ()
            place = self._place_of_key(skeleton) if skeleton else None
        except ValidationError as error:
            for wrong in explain(error, self._shape, value, Places(text=text), say_where=True):
                yield number, wrong
            return
        except (ValueError, RecursionError) as error:
            yield number, line_text.unreadable(error)
            return
        digest = _digest(key)
        self._measure.add(number, line, fixed, texts, not digest[0] % SHARE)
        if not self._keys.add(digest):
            span = Places(text=text).value(("key",))
            hint = "Give it another one."
            yield number, problem("E240", f"The key {key!r} was there before.", span=span, hint=hint)
        if place is not None:
            self._alike.keep(skeleton, _Alike(place, fixed))

    def _place_of_key(self, skeleton: Skeleton) -> int | None:
        """Which of the strings that were taken out of a right line is its key; None unless all others are texts of
        parts of messages, and all such texts are among them.
        """
        line, marks = marked(skeleton)
        value = self._read(line_text.read(line_text.decoded(line)))
        texts = [part["text"] for part in _parts(value["request"]) if "text" in part]
        if sorted((value["key"], *texts)) != sorted(marks):
            return None
        return marks.index(value["key"])

    def _parts_of(self, request: Mapping[str, Any]) -> tuple[Fixed, list[str]]:
        """What a right request uses, in the API's words: its texts, and all else."""
        whole = put_under(request, self._under)
        tally = TokenTally()
        texts: list[str] = []
        names: set[Address] = set()
        live: set[str] = set()
        references = 0
        for part in _parts(request):
            if "text" in part:
                texts.append(part["text"])
                continue
            tally.part(part)
            live.update(live_names(part))
            if "fileRef" in part:
                names.add(Address("File", part["fileRef"]["name"]))
                references += 1
        for name in ("tools", "toolConfig"):
            if name in request:
                tally.count += self._tokens_of(name, request[name])
        if "cachedContentRef" in request:
            names.add(Address("CachedContent", request["cachedContentRef"]["name"]))
            references += 1
        if "cachedContent" in request:
            live.add(request["cachedContent"])
        fixed = Fixed(
            tokens=tally.count,
            media=tally.media,
            most=most_output(whole.get("generationConfig", {})),
            cache=Address("CachedContent", whole["cachedContentRef"]["name"]) if "cachedContentRef" in whole else None,
            named="cachedContent" in whole,
            names=frozenset(names),
            live=frozenset(live),
            references=references,
        )
        return fixed, texts

    def _tokens_of(self, name: str, value: Json) -> int:
        known, tokens = self._values.get(name, (None, 0))
        if known != value:
            tokens = count_value(value)
            self._values[name] = value, tokens
        return tokens


@dataclass(frozen=True, slots=True)
class _Alike:
    """What is the same in all right lines of a skeleton. `key` says which of their strings is the key."""

    key: int
    fixed: Fixed


class _Keys:
    """Knows which keys were there, by their digests: in short runs of bytes, since objects would take far more."""

    def __init__(self) -> None:
        self._runs: defaultdict[bytes, bytearray] = defaultdict(bytearray)

    def add(self, digest: bytes) -> bool:
        """False if it was there before."""
        run, rest = self._runs[digest[:2]], digest[2:]
        if rest in run:
            return False
        run += rest
        return True


def _text(string: bytes) -> str:
    """The text that a JSON string without its quotes stands for. Raises UnicodeDecodeError."""
    text: str = json.loads(f'"{string.decode("utf-8")}"')
    return text


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8"), digest_size=16).digest()


def _parts(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of all messages of a request in its plain spelling."""
    messages: Sequence[Mapping[str, Any]] = request["contents"] if "contents" in request else [request["content"]]
    for message in messages:
        yield from message["parts"]
    if "systemInstruction" in request:
        yield from request["systemInstruction"]["parts"]


def live_names(part: Mapping[str, Any]) -> Iterator[str]:
    """The live names in a part."""
    if "fileData" in part and (found := _FILE.fullmatch(part["fileData"]["fileUri"])):
        yield found[1]
    for below in part.get("functionResponse", {}).get("parts", ()):
        yield from live_names(below)


def _added(under: JsonObject) -> tuple[int, int]:
    """The bytes and tokens that each line has more when it is sent, as far as the manifest itself says so."""
    if not under:
        return 0, 0
    tokens = sum(map(count, _texts([under.get("systemInstruction"), *(under.get(name) for name in PARTS)])))
    tokens += sum(count_value(under[name]) for name in ("tools", "toolConfig") if name in under)
    return len(canonical(dict(under))), tokens


def _texts(value: Json) -> Iterator[str]:
    """The texts of messages and parts as they are written in a manifest."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case {"parts": parts}:
            yield from _texts(parts)
        case {"text": str(text)}:
            yield text
