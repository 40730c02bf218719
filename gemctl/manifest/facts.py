"""Checks a file of facts about models: the project's own, which `facts` in gemctl.yaml names. It has the form of
facts/models.yaml, and each of its facts counts more than the one there. Called by workflows/facts.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, model_validator

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.moment import parse_day
from gemctl.core.source import JsonObject, Path, Span
from gemctl.manifest.yaml import Document
from gemctl.schema.shape import Shape, complain, optional
from gemctl.schema.validation import FACTS, explain

_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


def _price(value: Any) -> Any:
    """One amount, or two bounds."""
    bounds: list[Any] = [value.get("low"), value.get("high")] if isinstance(value, dict) else [value]
    if (isinstance(value, dict) and value.keys() != {"low", "high"}) or not all(map(_is_amount, bounds)):
        hint = 'Write it in quotes, such as "0.75"; or two bounds, {low: "0.50", high: "0.75"}.'
        raise complain("E028", "It is not an amount.", hint=hint)
    if Decimal(bounds[0]) > Decimal(bounds[-1]):
        raise complain("E028", "low is more than high.")
    return value


def _share(value: Any) -> Any:
    """A price that is a part of another one."""
    most = _price(value)["high"] if isinstance(value, dict) else _price(value)
    if Decimal(most) > 1:
        raise complain("E028", "It is a part, from 0 to 1.")
    return value


def _is_amount(value: Any) -> bool:
    return isinstance(value, str) and _AMOUNT.fullmatch(value) is not None


def _count(value: Any) -> Any:
    """One number, or two bounds."""
    bounds: list[Any] = [value.get("low"), value.get("high")] if isinstance(value, dict) else [value]
    whole = all(type(one) is int and one >= 0 for one in bounds)
    if (isinstance(value, dict) and value.keys() != {"low", "high"}) or not whole:
        hint = "Write one such as 1024; or two bounds, {low: 1024, high: 4096}."
        raise complain("E028", "It is not a whole number.", hint=hint)
    if bounds[0] > bounds[-1]:
        raise complain("E028", "low is more than high.")
    return value


def _day(value: str) -> str:
    try:
        parse_day(value)
    except ValueError:
        hint = 'Write a day such as "2026-12-01", or an instant such as "2026-12-01T08:00:00Z".'
        raise complain("E028", f"{value!r} is not a day.", hint=hint) from None
    return value


Day = Annotated[str, AfterValidator(_day)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,127}$")]
Price = Annotated[Any, AfterValidator(_price), WithJsonSchema({"type": ["string", "object"]})]
Features = list[
    Literal["textOutput", "thinkingLevel", "affectiveDialog", "proactivity", "proactiveAudioOff", "blockingFunctions"]
]  # those of core/quantities.py
Tier = Literal["tier1", "tier2", "tier3"]
Share = Annotated[Any, AfterValidator(_share), WithJsonSchema({"type": ["string", "object"]})]
Count = Annotated[Any, AfterValidator(_count), WithJsonSchema({"type": ["integer", "object"]})]


class PricesShape(Shape):
    """US dollars for a million tokens."""

    input: Price = optional("Of tokens that are sent.")
    output: Price = optional("Of tokens that are answered, thoughts included.")
    cached: Price = optional("Of tokens that are read from a cache.")
    cached_batch: Price = optional("Of these in a batch.")
    storage: Price = optional("For a million tokens and hour in a cache.")


class PeriodShape(PricesShape):
    """The prices of some time."""

    since: Day = optional("From then on; since ever where nothing is said.")
    until: Day = optional("Until then; without an end where nothing is said.")
    long: PricesShape = optional("Of requests with a prompt of more than 200,000 tokens.")
    audio: PricesShape = optional("Of recordings, where they differ.")


class RedirectShape(Shape):
    """Another model answers in its place."""

    to: Name = Field(description="The model that answers, and is billed.")
    at: Day = Field(description="From then on.")


class ModelShape(Shape):
    """The facts about one model; what is left out is as it is without this file."""

    released: Day = optional("Since when it is served.")
    ends: Day = optional("When it stops to answer.")
    instead: Name = optional("The model to use then.")
    redirect: RedirectShape = optional("When another model begins to answer in its place.")
    methods: list[str] = optional("The methods that it supports, as the service lists them.", min_length=1)
    least_cached: Count = optional("The fewest tokens of a cache.")
    implicit_from: Count = optional("The fewest tokens of a prompt that the service may cache by itself.")
    input_limit: int = optional("The most tokens of a prompt.", ge=1)
    output_limit: int = optional("The most tokens of an answer.", ge=1)
    enqueued_tokens: dict[Tier, Annotated[int, Field(ge=1)]] = optional(
        "The most tokens of its batch jobs that have not ended, by tier."
    )
    refuses: Features = optional("What closes a session of the Live API with it, by answers of the service.")
    lacks: Features = optional("What it does not have in such a session, by its documentation.")
    needs: Features = optional("What no such session can do without.")
    media: str = optional("The table by which media are counted: gemini2, gemini3.")
    sources: list[str] = optional("Where this is from.")
    prices: list[PeriodShape] = optional("What it costs, by time; all of it, in place of what was known.", min_length=1)


class CeilingShape(Shape):
    """What the service lets a project of one tier spend."""

    month: Price = optional("In a month.")
    ten_minutes: Price = optional("In ten minutes.")


class BatchShape(Shape):
    """What the service takes of batch jobs."""

    jobs: int = optional("Of a project at a time, that have not ended.", ge=1)
    file_bytes: int = optional("Of one input file.", ge=1)


class RulesShape(Shape):
    """Rules of billing, and what holds for all models."""

    creation: Share = optional("The part of the input price that making a cache costs: 0 to 1.")
    indexing: Price = optional("For a million tokens of a document that is indexed.")
    ceilings: dict[Tier, CeilingShape] = optional("What each tier may spend.")
    batch: BatchShape = optional("What the service takes of batch jobs.")
    refuses: list[Literal["lockedInstruction"]] = optional("What no token of the Live API is minted with.")


class MediaShape(Shape):
    """How media are counted."""

    image: int = optional("Tokens of a picture of any size.", ge=0)
    small: int = optional("Up to so many pixels on both sides a picture is one tile.", ge=0)
    tile: int = optional("Pixels on each side of a tile.", ge=1)
    per_tile: int = optional("Tokens of a tile.", ge=0)
    page: int = Field(ge=0, description="Tokens of a page of a document.")
    video: Count = Field(description="Tokens of a second.")
    audio: Count = Field(description="Tokens of a second.")

    @model_validator(mode="after")
    def _pictures(self) -> MediaShape:
        if "image" not in self.model_fields_set and not {"small", "tile", "per_tile"} <= self.model_fields_set:
            raise complain("E028", "How are pictures counted?", hint="Write image, or small, tile and perTile.")
        return self


class FactsShape(Shape):
    """A file of facts."""

    api_version: Literal["gemctl/v1"] = Field(description="The version of the format.")
    kind: Literal["Facts"] = Field(description="Always Facts.")
    as_of: Day = optional("The day of these facts, for readers: prices are said to be of the day of those below.")
    sources: dict[str, str] = optional("What each source is.")
    rules: RulesShape = optional("Rules of billing.")
    media: dict[str, MediaShape] = optional("How media are counted, by series of models.")
    aliases: dict[Name, Name] = optional("Names that stand for another model.")
    models: dict[Name, ModelShape] = optional("The facts about each model, by its name.")

    @model_validator(mode="after")
    def _something(self) -> FactsShape:
        if not self.model_fields_set - {"api_version", "kind", "as_of", "sources"}:
            raise complain("E028", "The file has no facts.", hint="Write models: {NAME: {…}}.")
        return self


def check_facts(documents: tuple[Document, ...], path: str) -> JsonObject:
    """The one document of a file of facts, as it is written. Raises Rejected."""
    if len(documents) != 1:
        span = documents[1].positions.root if documents else Span(path, 1, 1, 1, 1)
        hint = "It begins with apiVersion: gemctl/v1 and kind: Facts."
        raise Rejected([problem("E028", "A file of facts holds exactly one document.", span=span, hint=hint)])
    document = documents[0]
    try:
        FactsShape.model_validate(document.value)
    except ValidationError as error:
        found = explain(error, FactsShape, document.value, document.positions, wording=FACTS)
        raise Rejected(in_reading_order(found)) from None
    value: JsonObject = document.value
    if problems := _overlapping(value, document):
        raise Rejected(in_reading_order(problems))
    return value


def rejected(document: Document, found: Iterable[tuple[Path, str]]) -> Rejected:
    """The error for what makes no sense in a file of facts, at its places."""
    return Rejected([problem("E028", text, span=document.positions.value(at)) for at, text in found])


def _overlapping(value: JsonObject, document: Document) -> list[Diagnostic]:
    """Periods of one model that overlap, so that two prices count, or leave a gap, so that none does."""
    found: list[Diagnostic] = []
    for name, facts in value.get("models", {}).items():
        prices = facts.get("prices", ())
        for index, one in enumerate(prices):
            if "since" in one and "until" in one and parse_day(one["since"]) >= parse_day(one["until"]):
                span = document.positions.value(("models", name, "prices", index, "until"))
                found.append(problem("E028", "It ends before it begins.", span=span))
        for index, (one, following) in enumerate(pairwise(prices)):
            if (
                "until" not in one
                or "since" not in following
                or parse_day(one["until"]) > parse_day(following["since"])
            ):
                span = document.positions.value(("models", name, "prices", index + 1))
                detail = "It begins before the period above it has ended."
                found.append(problem("E028", detail, span=span, hint="Write the periods in their order."))
            elif parse_day(one["until"]) < parse_day(following["since"]):
                span = document.positions.value(("models", name, "prices", index + 1, "since"))
                detail = f"No price is said from {one['until']} until then."
                found.append(problem("E028", detail, span=span, hint="Let each period begin when the last one ends."))
    return found
