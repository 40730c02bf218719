"""Reads schedules in the standard cron format, and tells when they are due in a time zone.

Called by `trigger_work`. Separate because it knows no object: an expression, a zone and an instant are all of it.

Five fields: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday); each is `*`, a number, a
range, a list of these, with a step behind `/`; months and days of the week have names of three letters, too. Where days
of the month and of the week are both restricted, one of them is enough (crontab(5)).

When clocks change, as cron does it (cron(8)): what has a fixed time runs once, a time that the clock skips at the end
of the gap; what recurs by `*` in minutes or hours follows the clock, so that it runs in both hours of an overlap and in
none of a gap. That the service does so is an assumption: it says "standard cron format", and no more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gemctl.emulator import times

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_ITEM = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d{1,3}))?", re.ASCII)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_SEARCHED = 9 * 366  # days: the 29th of February is at most eight years away


@dataclass(frozen=True)
class Cron:
    """When something is due, by the clock on the wall. `either`: the day of the month or the day of the week will do.
    `fixed`: it has a fixed time of the day.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    fixed: bool

    def on(self, day: date) -> bool:
        """Whether it is due at some time of that day."""
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (by_month or by_week if self.either else by_month and by_week)


@lru_cache(maxsize=256)
def parse(text: str) -> Cron:
    """Raises ValueError for what is no schedule of five fields, or is never due."""
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError("a schedule has five fields")
    minutes, hours, days, months, weekdays = map(_values, fields, _FIELDS)
    starred = [field.startswith("*") for field in fields]
    cron = Cron(
        minutes,
        hours,
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        either=not (starred[2] or starred[4]),
        fixed=not (starred[0] or starred[1]),
    )
    if not any(cron.on(date(2000, 1, 1) + number * _DAY) for number in range(28 * 366)):
        raise ValueError("there is no such day")
    return cron


def _values(text: str, field: tuple[str, int, int]) -> frozenset[int]:
    name, least, most = field
    found: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None or (match[1] == "*" and match[2]):
            raise ValueError(f"{name}: {item!r} makes no sense")
        step = int(match[3] or 1)
        if match[1] == "*":
            first, last = least, most
        else:
            first = _number(match[1], field)
            last = _number(match[2], field) if match[2] else most if match[3] else first
        if last < first or step < 1:
            raise ValueError(f"{name}: {item!r} makes no sense")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, field: tuple[str, int, int]) -> int:
    name, least, most = field
    names = {"month": _MONTHS, "day of week": _DAYS}.get(name, [])
    value = names.index(text.upper()) + least if text.upper() in names else int(text) if text.isdecimal() else -1
    if not least <= value <= most:
        raise ValueError(f"{name}: {text!r} is not in {least}-{most}")
    return value


def zone(name: str) -> ZoneInfo:
    """The time zone of that name, as the IANA has it. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        raise ValueError("there is no such time zone") from None


def following(cron: Cron, where: ZoneInfo, instant: int) -> int | None:
    """The first instant after this one at which it is due; None for none in nine years."""
    day = times.to_datetime(instant).astimezone(where).date() - _DAY
    for number in range(_SEARCHED):
        if cron.on(day + number * _DAY):
            later = (due for due in _on(cron, where, day + number * _DAY) if due > instant)
            if (found := next(later, None)) is not None:
                return found
    return None


@lru_cache(maxsize=1024)
def _on(cron: Cron, where: ZoneInfo, day: date) -> tuple[int, ...]:
    return tuple(sorted(set(_instants(cron, where, day))))


def _instants(cron: Cron, where: ZoneInfo, day: date) -> Iterator[int]:
    for hour in cron.hours:
        for minute in cron.minutes:
            wall = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001 - what a clock shows
            if cron.fixed:
                while not _is_shown(wall, where, 0):
                    wall += _MINUTE
                yield _instant(wall, where, 0)
            else:
                yield from (_instant(wall, where, fold) for fold in (0, 1) if _is_shown(wall, where, fold))


def _is_shown(wall: datetime, where: ZoneInfo, fold: int) -> bool:
    """Whether clocks there ever show this."""
    aware = wall.replace(tzinfo=where, fold=fold)
    return aware.astimezone(UTC).astimezone(where).replace(tzinfo=None, fold=0) == wall


def _instant(wall: datetime, where: ZoneInfo, fold: int) -> int:
    return times.to_instant(wall.replace(tzinfo=where, fold=fold).astimezone(UTC))
