"""Makes the book of facts of data as plain JSON: of models.yaml beside this module, and of the user's own over it.

The form is checked by the shape in manifest/facts.py, so that all values here are as they should be. Called by
workflows/facts.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from gemctl.core.book import Book, Ceiling, MediaTable, ModelFacts, Period, Prices, Redirect
from gemctl.core.moment import parse_instant
from gemctl.core.money import Money
from gemctl.core.source import JsonObject

FILE = "models.yaml"  # beside this module


def read(document: JsonObject, under: Book | None = None) -> Book:
    """The book that a document describes, over another one: of a model that both have, each fact that the document has
    counts, and prices as a whole.
    """
    below = under or Book(date.min)
    rules, models = document.get("rules", {}), dict(below.models)
    for name, facts in document.get("models", {}).items():
        models[name] = _model(name, facts, models.get(name), given=under is not None)
    ceilings = {int(tier.removeprefix("tier")): _ceiling(given) for tier, given in rules.get("ceilings", {}).items()}
    media = {name: _media(table) for name, table in document.get("media", {}).items()}
    return Book(
        as_of=date.fromisoformat(document["asOf"]) if under is None else below.as_of,
        models=MappingProxyType(models),
        creation=money(rules["creation"]) if "creation" in rules else below.creation,
        indexing=money(rules["indexing"]) if "indexing" in rules else below.indexing,
        aliases=MappingProxyType({**below.aliases, **document.get("aliases", {})}),
        ceilings=MappingProxyType({**below.ceilings, **ceilings}),
        media=MappingProxyType({**below.media, **media}),
        sources=MappingProxyType({**below.sources, **document.get("sources", {})}),
    )


def money(given: str | Mapping[str, str]) -> Money:
    """One amount, or two bounds."""
    if isinstance(given, str):
        return Money.exactly(given)
    return Money(Decimal(given["low"]), Decimal(given["high"]))


def instant(text: str) -> datetime:
    """A day, which begins at midnight UTC; or an instant."""
    return parse_instant(text) if "T" in text else datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)


def _model(name: str, facts: JsonObject, below: ModelFacts | None, *, given: bool) -> ModelFacts:
    found: dict[str, Any] = {}
    for field, key, make in _FIELDS:
        if key in facts:
            found[field] = make(facts[key])
    return replace(below or ModelFacts(name), given=given, **found)


def _pair(given: int | Mapping[str, int]) -> tuple[int, int]:
    return (given, given) if isinstance(given, int) else (given["low"], given["high"])


def _redirect(given: Mapping[str, str]) -> Redirect:
    return Redirect(given["to"], instant(given["at"]))


def _periods(given: list[JsonObject]) -> tuple[Period, ...]:
    return tuple(
        Period(
            since=instant(one["since"]) if "since" in one else None,
            until=instant(one["until"]) if "until" in one else None,
            prices=_prices(one),
            long=_prices(one["long"]) if "long" in one else None,
            audio=_prices(one["audio"]) if "audio" in one else None,
        )
        for one in given
    )


def _prices(given: JsonObject) -> Prices:
    return Prices(**{field: money(given[key]) for field, key in _PRICES if key in given})


def _ceiling(given: JsonObject) -> Ceiling:
    month, ten = given.get("month"), given.get("tenMinutes")
    return Ceiling(None if month is None else money(month), None if ten is None else money(ten))


def _media(given: JsonObject) -> MediaTable:
    return MediaTable(
        image=given.get("image"),
        small=given.get("small", 0),
        tile=given.get("tile", 0),
        per_tile=given.get("perTile", 0),
        page=given["page"],
        video=_pair(given["video"]),
        audio=_pair(given["audio"]),
    )


_PRICES = (
    ("input", "input"),
    ("output", "output"),
    ("cached", "cached"),
    ("cached_batch", "cachedBatch"),
    ("storage", "storage"),
)
_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("released", "released", date.fromisoformat),
    ("ends", "ends", instant),
    ("redirect", "redirect", _redirect),
    ("methods", "methods", frozenset),
    ("least_cached", "leastCached", _pair),
    ("implicit", "implicitFrom", _pair),
    ("input_limit", "inputLimit", int),
    ("output_limit", "outputLimit", int),
    ("media", "media", str),
    ("instead", "instead", str),
    ("periods", "prices", _periods),
    ("sources", "sources", tuple),
)
