"""Lists what models cost, by day.

Called by `bill`. Separate because it is data that ages, and because it is the emulator's own: a bill that is made with
it can be compared with what somebody else's table says.

US dollars for a million tokens, storage for a million tokens and hour, as the pricing page on ai.google.dev had them
between October 2025 and November 2026, announced changes included; days begin at midnight in UTC, which is an
assumption. What was not published is None, and never 0. A model that is not here has no known price: those that are
billed by the image, the minute or the song among them.

In a batch everything but cached tokens is half the price. Half of 0.03, which cached tokens of 3.5 Flash-Lite cost
there, is shown as 0.02 on the page, and billed as 0.015 here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from gemctl.emulator import times


@dataclass(frozen=True)
class Rates:
    """Prices of a million tokens: read, written, read from a cache, and read from a cache in a batch."""

    input: Decimal
    output: Decimal | None = None
    cached: Decimal | None = None
    cached_batch: Decimal | None = None


@dataclass(frozen=True)
class Period:
    """Prices from the day `starts` on until the day `until`; None for one without beginning, or end. `long` is for
    requests with a prompt of more than 200,000 tokens, where they cost more; `modalities` has what is read at a price
    of its own, and `spoken` is the price of what is written as speech, if it has one."""

    starts: date | None
    until: date | None
    rates: Rates
    storage: Decimal | None = None
    long: Rates | None = None
    modalities: Mapping[str, Rates] = field(default_factory=dict)
    spoken: Decimal | None = None

    def holds(self, day: date) -> bool:
        return (self.starts is None or self.starts <= day) and (self.until is None or day < self.until)


def _rates(*prices: str | None) -> Rates:
    first, *others = (None if price is None else Decimal(price) for price in prices)
    if first is None:
        raise ValueError("a price list begins with the input")
    return Rates(first, *others)


def _period(
    days: str,
    rates: tuple[str | None, ...],
    storage: str | None = None,
    *,
    long: tuple[str | None, ...] | None = None,
    audio: tuple[str | None, ...] | None = None,
) -> Period:
    """`days` is `2026-09-02..2027-01-01`, of which either may be missing. Prices: input, output, cached, cached in a
    batch; those of audio have no output."""
    starts, _, until = days.partition("..")
    return Period(
        date.fromisoformat(starts) if starts else None,
        date.fromisoformat(until) if until else None,
        _rates(*rates),
        None if storage is None else Decimal(storage),
        None if long is None else _rates(*long),
        {} if audio is None else {"AUDIO": _rates(audio[0], None, *audio[1:])},
    )


def _live(text: str, seen: str, output: str) -> tuple[Period, ...]:
    """Of a Live model: what text and what pictures cost, and what it writes. Speech costs the same with all of them."""
    modalities = {"AUDIO": _rates("3.00"), "IMAGE": _rates(seen), "VIDEO": _rates(seen)}
    return (Period(date(2025, 10, 31), None, _rates(text, output), modalities=modalities, spoken=Decimal("12.00")),)


_LIVE = _live("0.75", "1.00", "4.50")
_NATIVE_AUDIO = _live("0.50", "3.00", "2.00")
_FLASH = ("0.75", "3.75", "0.075", "0.0375")
_FLASH_DOUBLE = ("1.50", "7.50", "0.15", "0.075")
_FOURTH = ("2.00", "10.00", "0.10", "0.05")
_FOURTH_DOUBLE = ("4.00", "20.00", "0.20", "0.10")
_PRO = ("2.00", "12.00", "0.20", "0.20")
_PRO_LONG = ("4.00", "18.00", "0.40", "0.40")

PRICES: Mapping[str, tuple[Period, ...]] = {
    "gemini-4-hydrogen": (_period("2026-11-12..", ("1.50", "7.50", "0.075", "0.0375")),),
    "gemini-4-neon": (_period("2026-11-18..", ("3.00", "15.00", "0.15", None)),),
    "gemini-4-argon": (_period("2026-10-13..2026-12-01", _FOURTH), _period("2026-12-01..", _FOURTH_DOUBLE)),
    "gemini-4-carbon": (_period("2026-11-10..2026-12-01", _FOURTH), _period("2026-12-01..", _FOURTH_DOUBLE)),
    "gemini-3.8-flash": (
        _period("2026-09-02..2027-01-01", _FLASH, "0.50"),
        _period("2027-01-01..", _FLASH_DOUBLE, "1.00"),
    ),
    "gemini-3.7-flash": (
        _period("2026-08-13..2027-01-01", _FLASH, "0.50"),
        _period("2027-01-01..", _FLASH_DOUBLE, "1.00"),
    ),
    "gemini-3.6-flash": (
        _period("2026-07-21..2026-08-13", ("1.50", "7.50", "0.15", None), "1.00"),
        _period("2026-08-13..2027-01-01", _FLASH, "0.50"),
        _period("2027-01-01..", _FLASH_DOUBLE, "1.00"),
    ),
    "gemini-3.5-flash": (_period("2026-05-19..", ("1.50", "9.00", "0.15", "0.075"), "1.00"),),
    "gemini-3.5-flash-lite": (_period("2026-07-21..", ("0.30", "2.50", "0.03", "0.015"), "1.00"),),
    "gemini-3.1-flash-lite": (
        _period("2026-05-07..", ("0.25", "1.50", "0.025", "0.0125"), "1.00", audio=("0.50", "0.05", "0.025")),
    ),
    "gemini-3.1-pro-preview": (_period("2026-02-19..", _PRO, "4.50", long=_PRO_LONG),),
    "gemini-3-flash-preview": (
        _period("2025-12-17..", ("0.50", "3.00", "0.05", "0.05"), "1.00", audio=("1.00", "0.10", "0.10")),
    ),
    "gemini-3-pro-preview": (
        _period("2025-11-18..2026-03-09", (*_PRO[:3], None), "4.50", long=(*_PRO_LONG[:3], None)),
    ),
    "gemini-2.5-pro": (
        _period(
            "2025-10-31..2026-12-01",
            ("1.25", "10.00", "0.125", "0.125"),
            "4.50",
            long=("2.50", "15.00", "0.25", "0.25"),
        ),
    ),
    "gemini-2.5-flash": (
        _period("2025-10-31..2026-12-01", ("0.30", "2.50", "0.03", "0.03"), "1.00", audio=("1.00", "0.10", "0.10")),
    ),
    "gemini-2.5-flash-lite": (
        _period("2025-10-31..", ("0.10", "0.40", "0.01", "0.01"), "1.00", audio=("0.30", "0.03", "0.03")),
    ),
    "gemini-2.0-flash": (
        _period("2025-10-31..2026-06-01", ("0.10", "0.40", "0.025", "0.025"), "1.00", audio=("0.70", "0.175")),
    ),
    "gemini-omni-1.2-flash": (_period("..", ("1.50", "9.00")),),
    "gemini-omni-1.1-flash": (_period("..", ("1.50", "9.00")),),
    "gemini-robotics-er-2-preview": (
        _period("..2027-01-01", ("1.00", "5.00")),
        _period("2027-01-01..", ("2.00", "10.00")),
    ),
    "gemini-3.5-transcribe": (_period("..", ("2.00", "12.00")),),
    "gemini-3.8-flash-tts": (_period("..2027-01-01", ("0.50", "9.00")), _period("2027-01-01..", ("1.00", "18.00"))),
    "gemini-3.8-flash-lite-tts": (
        _period("..2027-01-01", ("0.50", "6.00")),
        _period("2027-01-01..", ("1.00", "12.00")),
    ),
    "gemini-3.8-live": _LIVE,
    "gemini-3.8-live-extended-thinking": _LIVE,
    "gemini-3.1-flash-live-preview": _LIVE,
    "gemini-2.5-flash-native-audio-latest": _NATIVE_AUDIO,
    "gemini-2.5-flash-native-audio-preview-09-2025": _NATIVE_AUDIO,
    "gemini-2.5-flash-native-audio-preview-12-2025": _NATIVE_AUDIO,
    "gemini-embedding-001": (_period("..", ("0.15",)),),
    "gemini-embedding-2": (
        Period(
            None,
            None,
            _rates("0.20"),
            modalities={"IMAGE": _rates("0.45"), "AUDIO": _rates("6.50"), "VIDEO": _rates("12.00")},
        ),
    ),
}


def period(model: str, instant: int) -> Period | None:
    """The prices of a model at that instant; None when they are not known."""
    day = times.to_day(instant)
    return next((each for each in PRICES.get(model, ()) if each.holds(day)), None)


def changes() -> set[date]:
    """The days on which a price changes."""
    return {day for periods in PRICES.values() for each in periods for day in (each.starts, each.until) if day}
