"""Says whether keeping tokens in a cache pays: against sending them each time, and against the service's own caching.

With the prices of a million tokens `pi` for input, `pc` for cached input and `ps` for an hour of storage, and `c` the
part of the input price that making a cache costs:

    keeping pays from                 ps / (pi - pc)              reads an hour, against sending everything each time
    ... where a part q is cached      ps / ((pi - pc) * (1 - q))  by the service itself anyway
    a pause is worth bridging up to   c * pi / ps                 hours; a longer one costs more than making it again

Called by estimate.py and workflows/cost.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Context, Decimal

from gemctl.core.book import LONG_PROMPT, Book, Prices
from gemctl.core.frozen import dataclass
from gemctl.core.moment import show_duration
from gemctl.core.money import MILLION, Money, dollars
from gemctl.core.quantities import Tokens
from gemctl.cost.prices import at

_LONGEST = Decimal(876_600)  # hours in a hundred years
_HALF, _MOST = Decimal("0.5"), Decimal("0.9")  # hit rates of the service's own caching that are said


@dataclass(frozen=True, slots=True)
class Worth:
    """What a cache is worth at the prices of one instant.

    reads         from how many reads an hour on keeping it pays, against sending it with each request.
    pause         the longest pause that is worth bridging if creation is charged in full; without a charge none is.
    charged       False where the book says that making one is not charged: no pause is worth bridging then.
    kept, sent    what an hour costs with `readsPerHour` reads, with the cache and without; None where none are said.
    """

    reads: Decimal
    pause: timedelta
    charged: bool = True
    kept: Decimal | None = None
    sent: Decimal | None = None

    @property
    def saves(self) -> Decimal | None:
        """What the cache saves an hour; negative where it costs more."""
        return None if self.kept is None or self.sent is None else self.sent - self.kept


def worth(
    book: Book, model: str, tokens: Tokens, instant: datetime, reads_per_hour: Decimal | None = None
) -> Worth | None:
    """None where a price isn't known, or the model has no caches; no amounts where the number of tokens isn't known."""
    period = at(book, model, instant).period
    if period is None:
        return None
    prices = period.long if period.long and tokens.likely > LONG_PROMPT else period.prices
    found = _known(Prices(prices.input, None, prices.cached, None, period.prices.storage))
    if found is None:
        return None
    sent, cached, stored = found
    if sent <= cached or not stored:
        return None
    amount = tokens.likely / MILLION
    charged = book.creation.high != 0
    pause = timedelta(hours=float(min(sent / stored, _LONGEST)) if charged else 0)
    reads = stored / (sent - cached)
    if reads_per_hour is None or tokens.high is None:
        return Worth(reads, pause, charged)
    kept = amount * (stored + reads_per_hour * cached)
    return Worth(reads, pause, charged, kept, amount * reads_per_hour * sent)


def sentences(found: Worth, reads_per_hour: Decimal | None) -> tuple[str, ...]:
    """The same for people; the first says from when on keeping pays."""
    pause = show_duration(found.pause)
    half, most = (_short(against_implicit(found.reads, hits)) for hits in (_HALF, _MOST))
    said = [
        f"keeping it pays from {_short(found.reads)} reads an hour on; where the service caches half of them by "
        f"itself, from {half}, and where it caches nine of ten, from {most}",
    ]
    if found.charged:
        again = "it is cheaper to let it end and make it again, if making it is charged"
        said.append(f"in a pause of more than {pause} {again}")
    else:
        said.append("in any pause it is cheaper to let it end and make it again, since making it is not charged")
    saves = found.saves
    if saves is not None and found.kept is not None and found.sent is not None and reads_per_hour is not None:
        what = (
            f"saves {dollars(saves)}" if saves > 0 else f"costs {dollars(-saves)} more" if saves else "costs the same"
        )
        amounts = f"{dollars(found.kept)} with the cache, {dollars(found.sent)} without"
        said.append(f"with {reads_per_hour:f} reads an hour it {what} an hour: {amounts}")
    return tuple(said)


def _short(reads: Decimal) -> str:
    """Three digits that count, and never an exponent."""
    return format(Context(prec=3).create_decimal(reads).normalize(), "f")


def against_implicit(reads: Decimal, hits: Decimal) -> Decimal:
    """The reads an hour from which keeping pays where the service itself caches this part of the reads, from 0 to 1."""
    return reads / (1 - hits)


def _known(prices: Prices) -> tuple[Decimal, Decimal, Decimal] | None:
    """Input, cached and storage, if each is one amount."""
    amounts = [_one(price) for price in (prices.input, prices.cached, prices.storage)]
    sent, cached, stored = amounts
    return None if sent is None or cached is None or stored is None else (sent, cached, stored)


def _one(price: Money | None) -> Decimal | None:
    return price.low if price and price.exact else None
