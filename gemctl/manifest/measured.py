"""Writes and reads what was found in the lines of a file as JSON, for what `digests` remembers of it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from gemctl.core.address import Address, valid_name
from gemctl.core.digest import is_sha256
from gemctl.core.lines import Lines, Slice
from gemctl.core.quantities import Media, Medium, Quantities, Tier, Tokens

_TOKENS = ("stored", "input", "output", "longest", "indexed")


def to_json(value: Lines) -> dict[str, Any]:
    return {
        "quantities": _quantities_to_json(value.quantities),
        "names": [[address.kind, address.name] for address in value.names],
        "live": list(value.live),
        "places": list(value.places),
        "slices": [
            [one.start, one.size, one.line, one.digest, _quantities_to_json(one.quantities)] for one in value.slices
        ],
    }


def from_json(told: dict[str, Any]) -> Lines:
    """Raises ValueError, KeyError or TypeError for anything that `to_json` has not made."""
    if told.keys() != {one.name for one in fields(Lines)}:
        raise ValueError("other fields")
    return Lines(
        _quantities(told["quantities"]),
        tuple(_address(kind, name) for kind, name in told["names"]),
        tuple(_text(name) for name in told["live"]),
        tuple(_slice(*one) for one in told["slices"]),
        tuple(_number(line) for line in told["places"]),
    )


def _slice(start: object, size: object, line: object, digest: Any, told: dict[str, Any]) -> Slice:
    if not is_sha256(digest):
        raise ValueError("no digest")
    return Slice(_number(start), _number(size), _number(line), digest, _quantities(told))


def _quantities_to_json(value: Quantities) -> dict[str, Any]:
    return {
        **{name: [(of := getattr(value, name)).likely, of.low, of.high] for name in _TOKENS},
        "documents": value.documents,
        "bytes": value.bytes,
        "requests": value.requests,
        "tier": value.tier.value,
        "media": [[one.medium.value, one.pixels, one.pages, one.seconds, one.count] for one in value.media],
        "reused": [[address.kind, address.name, count] for address, count in value.reused],
    }


def _quantities(told: dict[str, Any]) -> Quantities:
    if told.keys() != {one.name for one in fields(Quantities)}:
        raise ValueError("other fields")
    stored, sent, output, longest, indexed = (_tokens(*told[name]) for name in _TOKENS)
    return Quantities(
        stored=stored,
        input=sent,
        output=output,
        longest=longest,
        indexed=indexed,
        documents=_number(told["documents"]),
        bytes=_number(told["bytes"]),
        requests=_or_unknown(told["requests"]),
        tier=Tier(told["tier"]),
        media=tuple(_media(*one) for one in told["media"]),
        reused=tuple((_address(kind, name), _number(count)) for kind, name, count in told["reused"]),
    )


def _tokens(likely: object, low: object, high: object) -> Tokens:
    return Tokens(_number(likely), _number(low), _or_unknown(high))


def _media(medium: str, pixels: Any, pages: object, seconds: object, count: object) -> Media:
    size = None
    if pixels is not None:
        width, height = pixels
        size = _number(width), _number(height)
    return Media(Medium(medium), size, _or_unknown(pages), _or_unknown(seconds), _number(count))


def _address(kind: str, name: str) -> Address:
    if not kind.isidentifier() or not valid_name(name):
        raise ValueError("no address")
    return Address(kind, name)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no text")
    return value


def _number(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("no number")
    return value


def _or_unknown(value: object) -> int | None:
    return None if value is None else _number(value)
