"""Makes the book of facts of data as plain JSON: of models.yaml beside this module, and of the user's own over it.

The form is checked by the shape in manifest/facts.py, so that all values here are as they should be. Called by
workflows/facts.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from gemctl.core.book import PRICE_NAMES, BatchLimits, Book, Ceiling, MediaTable, ModelFacts, Period, Prices, Redirect
from gemctl.core.moment import parse_day
from gemctl.core.money import Money
from gemctl.core.quantities import Feature
from gemctl.core.source import JsonObject, Path

FILE = "models.yaml"  # beside this module


def read(document: JsonObject, under: Book | None = None) -> Book:
    """The book that a document describes, over another one: of a model that both have, each fact that the document has
    counts, and prices as a whole.
    """
    below = under or Book(date.min)
    rules, models = document.get("rules", {}), dict(below.models)
    for name, facts in document.get("models", {}).items():
        models[name] = _model(name, facts, models.get(name), given=under is not None)
    ceilings = {_tier(tier): _ceiling(given) for tier, given in rules.get("ceilings", {}).items()}
    media = {name: _media(table) for name, table in document.get("media", {}).items()}
    return Book(
        as_of=parse_day(document["asOf"]).date() if under is None else below.as_of,
        models=MappingProxyType(models),
        creation=money(rules["creation"]) if "creation" in rules else below.creation,
        indexing=money(rules["indexing"]) if "indexing" in rules else below.indexing,
        aliases=MappingProxyType({**below.aliases, **document.get("aliases", {})}),
        ceilings=MappingProxyType({**below.ceilings, **ceilings}),
        batches=_batches(rules.get("batch", {}), below.batches),
        refuses=_features(rules["refuses"]) if "refuses" in rules else below.refuses,
        media=MappingProxyType({**below.media, **media}),
        sources=MappingProxyType({**below.sources, **document.get("sources", {})}),
    )


def contradictions(document: JsonObject, book: Book) -> Iterator[tuple[Path, str]]:
    """What makes no sense in a document, given the whole book with it: the place of each, and a sentence."""
    for name, facts in document.get("models", {}).items():
        at: Path = ("models", name)
        for key, to in (("instead", facts.get("instead")), ("redirect", facts.get("redirect", {}).get("to"))):
            if to is not None and book.find(to) is None:
                place: Path = (*at, key) if key == "instead" else (*at, key, "to")
                yield place, f"Nothing is known of {to}: correct it, or write it under models as well."
        if "redirect" in facts and _comes_back(book, name):
            yield (*at, "redirect", "to"), f"{name} is answered by itself in the end."
        if facts.get("media", "") not in ("", *book.media):
            yield (*at, "media"), f"There is no such table; there are {', '.join(sorted(book.media))}."
    for alias, to in document.get("aliases", {}).items():
        if alias in book.models:
            yield ("aliases", alias), f"{alias} is a model of its own."
        elif to not in book.models:
            yield ("aliases", alias), f"Nothing is known of {to}: an alias stands for a model."


def _comes_back(book: Book, name: str) -> bool:
    passed = {name}
    found = book.find(name)
    while found and found.redirect and (found := book.find(found.redirect.to)):
        if found.name in passed:
            return True
        passed.add(found.name)
    return False


def money(given: str | Mapping[str, str]) -> Money:
    """One amount, or two bounds."""
    if isinstance(given, str):
        return Money.exactly(given)
    return Money(Decimal(given["low"]), Decimal(given["high"]))


def _model(name: str, facts: JsonObject, below: ModelFacts | None, *, given: bool) -> ModelFacts:
    found: dict[str, Any] = {}
    for field, key, make in _FIELDS:
        if key in facts:
            found[field] = make(facts[key])
    return replace(below or ModelFacts(name), given=given, **found)


def _pair(given: int | Mapping[str, int]) -> tuple[int, int]:
    return (given, given) if isinstance(given, int) else (given["low"], given["high"])


def _redirect(given: Mapping[str, str]) -> Redirect:
    return Redirect(given["to"], parse_day(given["at"]))


def _periods(given: list[JsonObject]) -> tuple[Period, ...]:
    return tuple(
        Period(
            since=parse_day(one["since"]) if "since" in one else None,
            until=parse_day(one["until"]) if "until" in one else None,
            prices=_prices(one),
            long=_prices(one["long"]) if "long" in one else None,
            audio=_prices(one["audio"]) if "audio" in one else None,
        )
        for one in given
    )


def _prices(given: JsonObject) -> Prices:
    return Prices(**{field: money(given[key]) for field, key in PRICE_NAMES.items() if key in given})


def _ceiling(given: JsonObject) -> Ceiling:
    month, ten = given.get("month"), given.get("tenMinutes")
    return Ceiling(None if month is None else money(month), None if ten is None else money(ten))


def _batches(given: Mapping[str, int], below: BatchLimits) -> BatchLimits:
    return BatchLimits(given.get("jobs", below.jobs), given.get("fileBytes", below.file_bytes))


def _by_tier(given: Mapping[str, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted((_tier(tier), count) for tier, count in given.items()))


def _tier(name: str) -> int:
    return int(name.removeprefix("tier"))


def _features(given: list[str]) -> frozenset[Feature]:
    return frozenset(map(Feature, given))


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


_FIELDS: tuple[tuple[str, str, Any], ...] = (
    ("released", "released", lambda text: parse_day(text).date()),
    ("ends", "ends", parse_day),
    ("redirect", "redirect", _redirect),
    ("methods", "methods", frozenset),
    ("least_cached", "leastCached", _pair),
    ("implicit", "implicitFrom", _pair),
    ("input_limit", "inputLimit", int),
    ("output_limit", "outputLimit", int),
    ("enqueued_tokens", "enqueuedTokens", _by_tier),
    ("media", "media", str),
    ("instead", "instead", str),
    ("refuses", "refuses", _features),
    ("lacks", "lacks", _features),
    ("needs", "needs", _features),
    ("periods", "prices", _periods),
    ("sources", "sources", tuple),
)
