"""Prices tokens: kept for some time, cut at each change of price and at each redirect; or sent at some instant.

The formulas are those of the API's price list: a million tokens at a time, storage by the hour. What is not known is
named, and counts with what is certain of it. Called by the other modules of this room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

from gemctl.core.book import LONG_PROMPT, Book, ModelFacts, Period, Prices
from gemctl.core.frozen import dataclass
from gemctl.core.money import NOTHING, Money
from gemctl.core.quantities import Tier, Tokens

_HALF = Decimal("0.5")  # of input and output, in a batch (pricing page, Batch)


@dataclass(frozen=True, slots=True)
class Priced:
    """An amount, and the names of what is not in it."""

    money: Money = NOTHING
    unpriced: tuple[str, ...] = ()

    def __add__(self, other: Priced) -> Priced:
        return Priced(self.money + other.money, tuple(dict.fromkeys((*self.unpriced, *other.unpriced))))

    def or_other(self, other: Priced) -> Priced:
        """Either this or that."""
        return Priced(self.money.or_other(other.money), tuple(dict.fromkeys((*self.unpriced, *other.unpriced))))


FREE = Priced()


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time in which one model is billed at one price; None where either isn't known."""

    start: datetime
    end: datetime
    facts: ModelFacts | None
    period: Period | None

    @property
    def hours(self) -> Decimal:
        return hours(self.end - self.start)

    @property
    def stored(self) -> Money | None:
        """The price of keeping a million tokens for an hour."""
        return self.period.prices.storage if self.period else None

    def name(self, model: str) -> str:
        """The model that is billed, as far as it is known."""
        return self.facts.name if self.facts else model


def hours(length: timedelta) -> Decimal:
    return Decimal(length // timedelta(microseconds=1)) / Decimal(3_600_000_000)


def pieces(book: Book, model: str, start: datetime, end: datetime) -> Iterator[Piece]:
    """The time from `start` to `end`, cut at each instant at which the model or its price is another one."""
    cuts = sorted({start, end, *(at for at in book.turns(model, start) if at < end)})
    for since, until in pairwise(cuts):
        facts = book.billed(model, since)
        yield Piece(since, until, facts, facts.period(since) if facts else None)


def at(book: Book, model: str, instant: datetime) -> Piece:
    """What answers, and its price, at one instant."""
    facts = book.billed(model, instant)
    return Piece(instant, instant, facts, facts.period(instant) if facts else None)


def amount(tokens: Tokens, price: Money | None, what: str, share: Decimal = Decimal(1)) -> Priced:
    """So much of a price of a million tokens. `what` names it, should the price or the number not be known."""
    if not tokens.likely and tokens.exact:
        return FREE
    if price is None:
        return Priced(NOTHING, (f"{what}: the price is not known",))
    certain = price.times(share).of(tokens)
    if certain.high is None:
        return Priced(Money.exactly(certain.low), (f"{what}: how many tokens is not known",))
    return Priced(certain)


Tariff = Callable[[Tokens], Priced]
"""The price of any number of tokens, worked out once for all that are alike in everything else."""


def storage(book: Book, model: str, tokens: Tokens, start: datetime, end: datetime) -> Priced:
    """Keeping tokens from `start` to `end`."""
    return storing(book, model, start, end)(tokens)


def storing(book: Book, model: str, start: datetime, end: datetime) -> Tariff:
    """As `storage`, for any tokens."""
    cut = list(pieces(book, model, start, end))
    rows = [(piece.stored.times(piece.hours) if piece.stored else None, piece.name(model)) for piece in cut]
    return lambda tokens: sum((amount(tokens, price, f"storage for {name}") for price, name in rows), FREE)


def hourly(book: Book, model: str, tokens: Tokens, instant: datetime) -> Priced:
    """Keeping tokens for an hour, at the price of that instant."""
    piece = at(book, model, instant)
    return amount(tokens, piece.stored, f"storage for {piece.name(model)}")


def creation(book: Book, model: str, tokens: Tokens, instant: datetime, *, audio: bool = False) -> Priced:
    """Making a cache of them: as input, as far as that is charged. More than 200,000 have the price of a long prompt
    where there is one (assumed: nothing is said of it). With `audio`, some may be of recordings.
    """
    return creating(book, model, instant, audio=audio)(tokens)


def creating(book: Book, model: str, instant: datetime, *, audio: bool = False) -> Tariff:
    """As `creation`, for any tokens."""
    piece, share = at(book, model, instant), book.creation
    what = f"creation with {piece.name(model)}"

    def charged(prices: Prices) -> Money | None:
        if prices.input is None:
            return None
        low, high = prices.input.times(share.low), prices.input.times(1 if share.high is None else share.high)
        return Money(low.low, high.high)

    price = cache(charged)
    return lambda tokens: _either(tokens, piece.period, audio, lambda prices: amount(tokens, price(prices), what), what)


@dataclass(frozen=True, slots=True)
class Sent:
    """Tokens of requests: those that are sent, those of them that are read from a cache, and those that are answered.
    `longest` is the largest prompt, cached tokens included; `alike`: all are as long, as far as prices go. `audio`:
    some of the tokens may be of recordings.
    """

    input: Tokens
    cached: Tokens
    output: Tokens
    longest: Tokens
    tier: Tier = Tier.STANDARD
    audio: bool = False
    alike: bool = True


def requests(book: Book, model: str, sent: Sent, start: datetime, end: datetime) -> Priced:
    """Running requests at some time from `start` to `end`: where a price changes meanwhile, at one or the other. Those
    of no `model` are answered by an agent, which uses as many models and tools as it likes.
    """
    if not model:
        return Priced(unpriced=("what an agent uses is not known",))
    found = [_run(piece, model, sent) for piece in pieces(book, model, start, end)] or [
        _run(at(book, model, start), model, sent)
    ]
    total = found[0]
    for other in found[1:]:
        total = total.or_other(other)
    return total


def _run(piece: Piece, model: str, sent: Sent) -> Priced:
    name = piece.facts.name if piece.facts else model
    batch = sent.tier is Tier.BATCH
    share = _HALF if batch else Decimal(1)

    def charged(prices: Prices) -> Priced:
        cached = prices.cached_batch if batch else prices.cached
        return (
            amount(sent.input, prices.input, f"requests to {name}", share)
            + amount(sent.cached, cached, f"cached tokens{' in a batch' if batch else ''} with {name}")
            + amount(sent.output, prices.output, f"answers of {name}", share)
        )

    longest = sent.longest if sent.alike else replace(sent.longest, low=0)  # the others may be short
    return _either(longest, piece.period, sent.audio, charged, f"requests to {name}")


def _either(
    longest: Tokens, period: Period | None, audio: bool, charged: Callable[[Prices], Priced], what: str
) -> Priced:
    """By the prices of short prompts, of long ones, or of recordings; between them where it may be more than one."""
    if period is None:
        return Priced(NOTHING, (f"{what}: the price is not known",))
    short, long = period.prices, period.long
    if long is None or (longest.high is not None and longest.high <= LONG_PROMPT):
        rows = [short]
    else:
        rows = [long] if longest.low > LONG_PROMPT else [short, long]
    if audio and period.audio:
        rows.append(_over(period.audio, short))
    total = charged(rows[0])
    for row in rows[1:]:
        total = total.or_other(charged(row))
    return total


def _over(audio: Prices, others: Prices) -> Prices:
    """The prices of recordings; where one is not said, it is that of everything else."""
    return Prices(
        audio.input or others.input,
        audio.output or others.output,
        audio.cached or others.cached,
        audio.cached_batch or others.cached_batch,
        others.storage,
    )
