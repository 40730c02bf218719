"""Adds up what is kept or sent: the tokens of texts, and the media besides. Called by `contents` and `lines`."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gemctl.core.address import Address
from gemctl.core.quantities import NO_TOKENS, Media, Medium, Quantities, Tier, Tokens
from gemctl.core.source import Json
from gemctl.kinds.parts.picture import size_of
from gemctl.kinds.parts.recording import seconds_of
from gemctl.kinds.parts.token_count import count, count_value

MOST_SIZES = 1000  # of media that are told apart: a file of requests may have a picture of another size in each line
_HEAD = 1 << 18  # base64 digits of a picture or recording that are looked at
_STANDARD = str.maketrans("-_", "+/")  # protobuf's JSON takes both alphabets, and leaves padding out if it likes
_MEDIA = {"image": Medium.IMAGE, "audio": Medium.AUDIO, "video": Medium.VIDEO}


class TokenTally:
    """What is kept or sent so far.

    count   the tokens of all texts, as an estimate; `known` is False once there was a text whose tokens nobody knows.
    """

    def __init__(self) -> None:
        self.count = 0
        self.known = True
        self._media: dict[Media, int] = {}

    @property
    def tokens(self) -> Tokens:
        return estimated(self.count, self.known)

    @property
    def media(self) -> tuple[Media, ...]:
        return tuple([replace(one, count=number) for one, number in self._media.items()])

    def text(self, tokens: int | None) -> None:
        """A text of so many tokens; None for one that wasn't counted."""
        if tokens is None:
            self.known = False
        else:
            self.count += tokens

    def value(self, value: Json) -> None:
        """A value that is no text."""
        self.count += count_value(value)

    def part(self, part: Mapping[str, Any]) -> None:
        """A part of a message, in the API's words, that is no text."""
        if "inlineData" in part:
            self.blob(part["inlineData"])
        elif "fileData" in part:
            self.file(part["fileData"].get("mimeType"))
        elif "fileRef" in part:
            self.file(part["fileRef"].get("mimeType"))
        elif "functionResponse" in part:
            self._response(part["functionResponse"])
        else:
            self.value(part)

    def blob(self, blob: Mapping[str, Any]) -> None:
        """Bytes that are sent along, as an inlineData has them."""
        mime_type, data = blob.get("mimeType"), blob["data"]
        if _plain(mime_type).startswith("text/") and (text := _decoded(data)) is not None:
            self.count += count(text)
        else:
            self.note(_measured(mime_type, data))

    def file(self, mime_type: str | None) -> None:
        """A file of which only its type is known, if that."""
        self.note(Media(_medium(mime_type)))

    def _response(self, response: Mapping[str, Any]) -> None:
        """Values that a function returned, with its media."""
        self.value({name: item for name, item in response.items() if name != "parts"})
        for part in response.get("parts", ()):
            self.part(part)

    def note(self, one: Media) -> None:
        """Media that are alike in all that is known of them."""
        kind = replace(one, count=1)
        if kind not in self._media and len(self._media) >= MOST_SIZES:
            kind = Media(one.medium)
        self._media[kind] = self._media.get(kind, 0) + one.count

    def include(self, other: TokenTally) -> None:
        """All that is in another tally."""
        self.count += other.count
        self.known = self.known and other.known
        for one in other.media:
            self.note(one)


class JobTally:
    """What the requests of a job use. `answers` is False for requests whose answers are no text."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self._requests = 0
        self._most: int | None = 0
        self._reused: Counter[Address] = Counter()
        self.named = False  # whether one uses a cache by its live name: what that holds nobody knows here

    def add(self, request: Mapping[str, Any], cache: Address | None = None) -> None:
        """A request in the API's words. `cache` is the resource that it uses, if any."""
        named = cache is None and "cachedContent" in request
        self.note(most_output(request.get("generationConfig", {})), cache, named)

    def note(self, most: int | None, cache: Address | None, named: bool) -> None:
        """A request whose answers have at most so many tokens; None for no limit. `named` if it uses a cache by its
        live name.
        """
        self._requests += 1
        if cache is not None:
            self._reused[cache] += 1
        self.named = self.named or named
        self._most = None if self._most is None or most is None else self._most + most

    def include(self, other: JobTally) -> None:
        """All that is in another tally."""
        self._requests += other._requests
        self._reused.update(other._reused)
        self.named = self.named or other.named
        self._most = None if self._most is None or other._most is None else self._most + other._most

    def quantities(self, sent: TokenTally, longest: int) -> Quantities:
        """All of it. `sent` are the texts and media of all requests, `longest` is the count of the largest."""
        known = sent.known and not self.named
        return Quantities(
            input=estimated(sent.count, known),
            output=self._output(),
            longest=estimated(longest, known),
            media=sent.media,
            reused=tuple(sorted(self._reused.items())),
            requests=self._requests,
            tier=Tier.BATCH,
        )

    def _output(self) -> Tokens:
        """Nothing says how long answers will be: the likeliest that can be said is the most that is allowed."""
        if not self._answers:
            return NO_TOKENS
        return Tokens(self._most or 0, 0, self._most)


def most_output(config: Mapping[str, Any]) -> int | None:
    """The most tokens that the answers to one request may have, by its generationConfig; None for no limit."""
    if "maxOutputTokens" not in config:
        return None
    return int(config["maxOutputTokens"]) * int(config.get("candidateCount", 1))


def estimated(count: int, known: bool) -> Tokens:
    """An estimate of texts, without a bound above where not all of them are known."""
    about = Tokens.about(count)
    return about if known else replace(about, high=None)


def bytes_of(data: str) -> bytes:
    """The bytes of base64 that a shape has checked, in either alphabet, with line breaks or without; or of its head."""
    digits = "".join(data.split()).translate(_STANDARD).rstrip("=")
    if len(digits) % 4 == 1:
        digits = digits[:-1]  # the head of it
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


def _medium(mime_type: str | None) -> Medium:
    plain = _plain(mime_type)
    return Medium.DOCUMENT if plain == "application/pdf" else _MEDIA.get(plain.partition("/")[0], Medium.OTHER)


def _plain(mime_type: str | None) -> str:
    return (mime_type or "").partition(";")[0].strip().lower()


def _measured(mime_type: str | None, data: str) -> Media:
    medium = _medium(mime_type)
    if medium not in (Medium.IMAGE, Medium.AUDIO):
        return Media(medium)
    head = bytes_of(data[:_HEAD])
    if medium is Medium.IMAGE:
        return Media(medium, pixels=size_of(head))
    return Media(medium, seconds=seconds_of(head, len(data) * 3 // 4))


def _decoded(data: str) -> str | None:
    try:
        return bytes_of(data).decode("utf-8")
    except UnicodeDecodeError:
        return None
