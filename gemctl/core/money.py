"""Holds amounts of money: decimal numbers between two bounds, where an unknown is never zero.

Made by facts and cost, compared by plan/limits.py, shown by render.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal

from gemctl.core.frozen import dataclass
from gemctl.core.quantities import Tokens

MILLION = Decimal(1_000_000)
_CENT = Decimal("0.01")
_DOLLARS = re.compile(r"\$?(?:\d{1,12}|\d{1,3}(?:,\d{3}){1,3})(?:\.\d{1,12})?", re.ASCII)
_TINY = Decimal(1).scaleb(-12)
_WIDE = Context(prec=80)  # digits, so that no amount is too large to be rounded


@dataclass(frozen=True, slots=True)
class Money:
    """US dollars, or US dollars by some quantity: at least `low`, and at most `high`; None for no known bound."""

    low: Decimal
    high: Decimal | None

    @classmethod
    def exactly(cls, amount: Decimal | str | int) -> Money:
        return cls(Decimal(amount), Decimal(amount))

    @property
    def exact(self) -> bool:
        return self.low == self.high

    def __add__(self, other: Money) -> Money:
        return Money(self.low + other.low, None if self.high is None or other.high is None else self.high + other.high)

    def times(self, low: Decimal | int, high: Decimal | int | None = None, *, bounded: bool = True) -> Money:
        """This much of it, from `low` to `high` (the same where that is left out); without a bound above where it is
        not `bounded`.
        """
        most = low if high is None else high
        return Money(self.low * low, None if self.high is None or not bounded else self.high * most)

    def of(self, tokens: Tokens) -> Money:
        """The amount for these tokens, if this is the price of a million."""
        return self.times(
            tokens.low / MILLION,
            None if tokens.high is None else tokens.high / MILLION,
            bounded=tokens.high is not None or self.high == 0,
        )

    def or_other(self, other: Money) -> Money:
        """Either this or that: bounds that hold for both."""
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return Money(min(self.low, other.low), high)


NOTHING = Money.exactly(0)


def parse_dollars(text: str) -> Decimal | None:
    """`40`, `$40`, `0.5`, `1,250.50`; None for anything else: a comma never stands for a decimal point."""
    return Decimal(text.removeprefix("$").replace(",", "")) if _DOLLARS.fullmatch(text) else None


def dollars(amount: Decimal, *, up: bool = False) -> str:
    """An amount for people: `$1,234.50`, `$0.0375`; below a dollar four digits after the point, zeros cut off to two;
    `$0` for nothing, and for nothing else. `up`: rounded up, for an upper bound.
    """
    return f"${_rounded(amount, up):,}" if amount >= 0 else f"-${_rounded(-amount, up):,}"


def plain(amount: Decimal, *, up: bool = False) -> str:
    """The same, as a number that people can type."""
    return str(_rounded(amount, up))


def _rounded(amount: Decimal, up: bool) -> Decimal:
    digits = 2 if amount >= 1 else 4
    way = ROUND_CEILING if up or 0 < amount < Decimal("0.0001") else ROUND_HALF_EVEN
    if not amount:
        return Decimal(0)
    rounded = amount.quantize(Decimal(1).scaleb(-digits), rounding=way, context=_WIDE)
    cents = rounded.quantize(_CENT, context=_WIDE)
    return cents if rounded == cents else rounded.normalize(_WIDE)


def shown(amount: Money) -> str:
    """Both bounds for people, or one where they are the same: `$0.05`, `$0.05 to $0.125`."""
    low = dollars(amount.low)
    if amount.high is None:
        return f"at least {low}"
    high = dollars(amount.high, up=not amount.exact)
    return low if low == high else f"{low} to {high}"


def exact(amount: Decimal) -> str:
    """An amount for programs, to twelve digits after the point: JSON's own numbers are read as binary fractions."""
    text = format(amount.quantize(_TINY, context=_WIDE).normalize(_WIDE), "f")
    return "0" if text == "-0" else text
