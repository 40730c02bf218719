"""Reads and writes instants and durations, in the forms of people and of the API. Used by nearly every room.

Instants are aware datetimes in UTC, to the microsecond: the service shows up to nine digits of a second (REST
reference, google.protobuf.Timestamp), and digits below a microsecond are cut off on both sides of every comparison.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SECONDS = re.compile(r"(\d{1,15})(?:\.(\d{1,9}))?s", re.ASCII)
_UNITS = re.compile(r"(?:(\d{1,15})d)?(?:(\d{1,15})h)?(?:(\d{1,15})m)?(?:(\d{1,15})s)?", re.ASCII)
_LONGEST = timedelta(days=36_500)


def parse_instant(text: str) -> datetime:
    """Read RFC 3339, `Z` or an offset, up to nine digits of a second. Raises ValueError."""
    if not _INSTANT.fullmatch(text):
        raise ValueError(f"{text!r} is not a time; write it as 2027-01-31T18:00:00Z.")
    try:
        found = datetime.fromisoformat(text.upper())
        return found if found.tzinfo is UTC else found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time: {error}.") from None


def parse_day(text: str) -> datetime:
    """Read a day such as 2026-12-01, which begins at midnight UTC, or an instant. Raises ValueError."""
    if not _DAY.fullmatch(text):
        return parse_instant(text)
    return datetime.combine(date.fromisoformat(text), time.min, UTC)


def show_instant(instant: datetime) -> str:
    """RFC 3339 with `Z`; microseconds only where there are any."""
    return (instant if instant.tzinfo is UTC else instant.astimezone(UTC)).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=256)
def parse_duration(text: str) -> timedelta:
    """Read `90s`, `5m`, `1h30m`, `2d`, and the API's own `3600s` and `3.5s`. Raises ValueError. Thousands of manifests
    say one and the same.
    """
    if exact := _SECONDS.fullmatch(text):
        whole, fraction = exact.groups()
        seconds, micros = int(whole), int((fraction or "0").ljust(9, "0")[:6])
    elif text and (parts := _UNITS.fullmatch(text)):
        days, hours, minutes, rest = (int(part or 0) for part in parts.groups())
        seconds, micros = ((days * 24 + hours) * 60 + minutes) * 60 + rest, 0
    else:
        raise ValueError(f"{text!r} is not a duration; write 90s, 5m, 1h30m or 2d.")
    if seconds > _LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than a hundred years.")
    return timedelta(seconds=seconds, microseconds=micros)


def wire_duration(duration: timedelta) -> str:
    """The API's form: seconds with an `s`, such as `3600s` or `3.5s`."""
    whole, fraction = duration.days * 86_400 + duration.seconds, duration.microseconds
    return f"{whole}.{fraction:06d}".rstrip("0") + "s" if fraction else f"{whole}s"


def exact_duration(duration: timedelta) -> str:
    """As a manifest may write it, nothing rounded: `2d`, `1h30m`, `7d1s`, `0.5s`. Not for negative ones."""
    if duration.microseconds:
        return wire_duration(duration)
    rest = duration.seconds
    amounts = {"d": duration.days, "h": rest // 3_600, "m": rest // 60 % 60, "s": rest % 60}
    return "".join(f"{amount}{unit}" for unit, amount in amounts.items() if amount) or "0s"


def show_duration(duration: timedelta) -> str:
    """For people, at most two units: `2d`, `1h 30m`, `45s`; negative ones with a minus; below a second `0s`."""
    seconds = int(abs(duration).total_seconds())
    sign = "-" if duration < timedelta(0) and seconds else ""
    units = (("d", seconds // 86_400), ("h", seconds // 3_600 % 24), ("m", seconds // 60 % 60), ("s", seconds % 60))
    first = next((i for i, (_, amount) in enumerate(units) if amount), len(units) - 1)
    return sign + " ".join(f"{amount}{unit}" for unit, amount in units[first : first + 2] if amount or first == 3)
