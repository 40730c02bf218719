"""Holds the book of facts about models: how long each is served, what it can do, and what it costs at which time.

Made by `facts` of data with sources and dates, and of what the user knows better. Every fact may be unknown, which is
None and never zero. Read by facts, cost, plan and workflows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType

from gemctl.core.frozen import dataclass
from gemctl.core.money import NOTHING, Money
from gemctl.core.quantities import Feature

LONG_PROMPT = 200_000  # tokens of a prompt above which the whole request has the long prices, where a model has some


# The names of prices in files and JSON, by the fields of Prices.
PRICE_NAMES = {
    "input": "input",
    "output": "output",
    "cached": "cached",
    "cached_batch": "cachedBatch",
    "storage": "storage",
}


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens; `storage` for a million tokens and hour. None for a price that isn't known.

    cached_batch   of cached tokens in a batch; input and output of a batch are half of `input` and `output`.
    """

    input: Money | None = None
    output: Money | None = None
    cached: Money | None = None
    cached_batch: Money | None = None
    storage: Money | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """The prices from one instant until another; None for open ends. `long` are those of requests with a prompt of
    more than LONG_PROMPT tokens; `audio` those of recordings where they differ.
    """

    since: datetime | None
    until: datetime | None
    prices: Prices
    long: Prices | None = None
    audio: Prices | None = None

    def holds(self, instant: datetime) -> bool:
        return (self.since is None or self.since <= instant) and (self.until is None or instant < self.until)


@dataclass(frozen=True, slots=True)
class Redirect:
    """From `at` on the service answers with the model `to`, and bills that."""

    to: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """One model, by its name without `models/`.

    ends          when it stops to answer; None for no announced end.
    redirect      when another model begins to answer in its place.
    methods       the methods that it supports, as the service lists them; None for unknown.
    least_cached  the fewest tokens of a cache, as (low, high) where sources differ; None for unknown.
    implicit      the fewest tokens of a prompt that may be cached by the service itself.
    input_limit, output_limit   tokens.
    enqueued_tokens   of its batch jobs that have not ended, by tier; a tier that is missing is not known.
    media         the name of the table of `Book.media` by which its media are counted.
    instead       the model that the service names as its replacement.
    refuses       what closes a session of the Live API with it, by answers of the service; `lacks` what it does not
                  have by its documentation; `needs` what no session can do without.
    sources       keys of `Book.sources`. `given` is True for a model with facts of the user's own.
    """

    name: str
    released: date | None = None
    ends: datetime | None = None
    redirect: Redirect | None = None
    methods: frozenset[str] | None = None
    least_cached: tuple[int, int] | None = None
    implicit: tuple[int, int] | None = None
    input_limit: int | None = None
    output_limit: int | None = None
    enqueued_tokens: tuple[tuple[int, int], ...] = ()
    media: str = ""
    instead: str = ""
    refuses: frozenset[Feature] = frozenset()
    lacks: frozenset[Feature] = frozenset()
    needs: frozenset[Feature] = frozenset()
    periods: tuple[Period, ...] = ()
    sources: tuple[str, ...] = ()
    given: bool = False

    def supports(self, method: str) -> bool | None:
        """Whether it supports the method; None for unknown."""
        return None if self.methods is None else method in self.methods

    def period(self, instant: datetime) -> Period | None:
        """The prices at that instant; None where they aren't known. Those of its last instant hold after its end too:
        the service may go on serving it.
        """
        if self.ends:
            instant = min(instant, self.ends - timedelta.resolution)
        return next((period for period in self.periods if period.holds(instant)), None)


@dataclass(frozen=True, slots=True)
class MediaTable:
    """The tokens of media for one series of models (API guide, tokens). A pair is (low, high) where sources differ.

    image        of a picture, whatever its size; None where it is cut into tiles.
    small, tile  a picture with both sides up to `small` pixels has `per_tile` tokens, others that for each tile of
                 `tile` by `tile` pixels.
    page         of a page of a document. `video`, `audio` of a second.
    """

    image: int | None
    small: int
    tile: int
    per_tile: int
    page: int
    video: tuple[int, int]
    audio: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the service lets a project of one tier spend, in US dollars; None for unknown."""

    month: Money | None
    ten_minutes: Money | None


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """What the service takes of batch jobs; None for unknown (API guide, rate limits and batch).

    jobs             of a project at a time, that have not ended.
    file_bytes       of one input file.
    enqueued_tokens  of the jobs of one model that have not ended.
    """

    jobs: int | None = None
    file_bytes: int | None = None
    enqueued_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """All facts, as of one day.

    creation      the part of the input price that the creation of a cache costs: (low, high) where sources differ.
    indexing      US dollars for a million tokens of a document that is indexed.
    batches       what the service takes of batch jobs of all models.
    refuses       what no token of the Live API is minted with, whatever its model.
    aliases       names that stand for another model, and move without notice.
    sources       what each key of `ModelFacts.sources` is.
    """

    as_of: date
    models: Mapping[str, ModelFacts] = field(default_factory=lambda: MappingProxyType({}))
    creation: Money = NOTHING
    indexing: Money | None = None
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ceilings: Mapping[int, Ceiling] = field(default_factory=lambda: MappingProxyType({}))
    batches: BatchLimits = BatchLimits()
    refuses: frozenset[Feature] = frozenset()
    media: Mapping[str, MediaTable] = field(default_factory=lambda: MappingProxyType({}))
    sources: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def find(self, model: str) -> ModelFacts | None:
        """The facts of a model by its name, or by another name that stands for it; None for an unknown one."""
        return self.models.get(model) or self.models.get(self.aliases.get(model, ""))

    def batch_limits(self, model: str, tier: int | None) -> BatchLimits:
        """What the service takes of batch jobs of a model, by its name without `models/`, from a project of that tier;
        None for a tier that isn't known.
        """
        found = self.find(model)
        tokens = dict(found.enqueued_tokens).get(tier) if found and tier is not None else None
        return replace(self.batches, enqueued_tokens=tokens)

    def billed(self, model: str, instant: datetime) -> ModelFacts | None:
        """The model by whose facts its requests are counted and billed at that instant: itself, or the one to which it
        is redirected by then. One that has ended, too: announced ends have moved, and the service has the last word.
        """
        found, passed = self.find(model), set[str]()
        while found and found.redirect and found.redirect.at <= instant and found.name not in passed:
            passed.add(found.name)
            found = self.find(found.redirect.to)
        return found

    def answers(self, model: str, instant: datetime) -> ModelFacts | None:
        """The same, but None for a model that has ended by then."""
        found = self.billed(model, instant)
        return None if found is None or (found.ends and found.ends <= instant) else found

    def instants(self) -> Iterator[datetime]:
        """All instants in it, past ones too: at no other is anything that it says of a model different."""
        for facts in self.models.values():
            found = (facts.ends, facts.redirect and facts.redirect.at)
            periods = (at for period in facts.periods for at in (period.since, period.until))
            yield from (at for at in (*found, *periods) if at)

    def turns(self, model: str, after: datetime) -> Iterator[datetime]:
        """The instants after that one at which another model is billed, or its price changes; in no order."""
        found, passed = self.find(model), set[str]()
        while found and found.name not in passed:
            passed.add(found.name)
            until = min((at for at in (found.ends, found.redirect and found.redirect.at) if at), default=None)
            changes = (at for period in found.periods for at in (period.since, period.until))
            yield from (at for at in changes if at and at > after and (until is None or at < until))
            if found.redirect is None:
                return
            if found.redirect.at > after:
                yield found.redirect.at
            after, found = max(after, found.redirect.at), self.find(found.redirect.to)


@dataclass(frozen=True, slots=True)
class ModelState:
    """One model at one instant.

    facts     what the book has; None for a model that only the service lists.
    answers   the model that answers in its place; None where nothing does, or nothing is known.
    period    the prices of that model at that instant.
    change    the next instant at which anything of it changes, and what does, for people.
    listed    the methods that the service lists; None where it wasn't asked. `there` is whether it lists the model.
    """

    name: str
    facts: ModelFacts | None
    answers: ModelFacts | None
    period: Period | None
    change: tuple[datetime, str] | None
    there: bool | None = None
    listed: frozenset[str] | None = None

    @property
    def over(self) -> bool:
        """Whether it no longer answers, by the book."""
        return self.facts is not None and self.answers is None

    @property
    def differs(self) -> bool:
        """Whether the service's list says something else than the book."""
        if self.there is None or self.facts is None:
            return self.there is True
        if self.there == self.over:
            return True
        return self.listed is not None and self.facts.methods is not None and not self.facts.methods <= self.listed


Listed = Mapping[str, frozenset[str] | None]
"""The models that the service has, by name without `models/`, with their methods; None where it names none."""
