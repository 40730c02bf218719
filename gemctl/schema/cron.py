"""Reads schedules: the only door to cronsim and to the time zones of this machine, or of the package tzdata. Called by
kinds, to check them, and by workflows, to tell when something is next, and how often.

When clocks change, cronsim does as cron(8): what has a fixed time runs once, a skipped time at the end of the gap; what
recurs by `*` in minutes or hours follows the clock on the wall.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from gemctl.core.schedule import Frequency, Schedule, Upcoming
from gemctl.schema.spelling import did_you_mean

SHOWN = 3  # the runs that are told
_FIELDS = (("minute", "0-59"), ("hour", "0-23"), ("day of the month", "1-31"), ("month", "1-12"),
           ("day of the week", "0-7"))  # fmt: skip
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ITEM = re.compile(
    r"(?:\*|(?:[0-9]{1,2}|[a-z]{3})(?:-(?:[0-9]{1,2}|[a-z]{3}))?)(?:/[0-9]{1,4})?", re.IGNORECASE | re.ASCII
)
_ONE = re.compile(r"\b(\w+)-\1(?:/[0-9]+)?(?![\w-])", re.ASCII)
_OFFSET = re.compile(r"(?:UTC|GMT|Z)?[+-][0-9]{1,2}(?::?[0-9]{2})?", re.IGNORECASE | re.ASCII)
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*)*", re.ASCII)
_NO_ZONES = ("localtime", "posixrules", "factory", "posix", "right")  # files that lie among those of the zones
_SOME_DAY = datetime(2001, 1, 1, tzinfo=UTC)


class NoSchedule(Exception):
    """What is wrong with a schedule, and what to write instead."""

    def __init__(self, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.hint = hint


def checked(cron: str) -> str:
    """The schedule with one blank between its fields. Raises NoSchedule for one that is not in the standard cron
    format, or never comes.
    """
    fields = cron.split()
    if cron.strip().lower() in _WORDS:
        raise NoSchedule(f"{cron.strip()} is a word of some crons only.", f"Write {_WORDS[cron.strip().lower()]!r}.")
    if len(fields) != len(_FIELDS):
        names = ", ".join(name for name, _ in _FIELDS)
        hint = "There is none for seconds." if len(fields) == len(_FIELDS) + 1 else "Such as 0 3 * * 1-5."
        raise NoSchedule(f"It has {len(fields)} field{'' if len(fields) == 1 else 's'}, and not five: {names}.", hint)
    for number, (text, (name, least_most)) in enumerate(zip(fields, _FIELDS, strict=True)):
        items = [_ITEM.fullmatch(item) for item in text.split(",")]
        others = ["*"] * number, ["*"] * (len(_FIELDS) - number - 1)
        try:
            if not all(items):
                raise CronSimError
            CronSim(_plain([*others[0], text, *others[1]]), _SOME_DAY)
        except (CronSimError, AssertionError):
            names = {3: ", or JAN-DEC", 4: ", or SUN-SAT; 0 and 7 are Sunday"}.get(number, "")
            hint = f"Write * or {least_most}{names}: one, a list, a range, with /step behind it where not all count."
            raise NoSchedule(f"{text!r} is no {name}.", hint) from None
    plain = " ".join(fields)
    if next(_from(plain, _SOME_DAY), None) is None:
        raise NoSchedule("There is no such day in any year.")
    return plain


def zone(name: str) -> str:
    """The name of a time zone. Raises NoSchedule for one that the IANA doesn't have."""
    if _OFFSET.fullmatch(name):
        hint = "Write the place whose clocks count, such as Europe/Berlin; or UTC."
        raise NoSchedule(f"{name} is an offset, and no time zone: clocks change.", hint)
    try:
        if not _ZONE.fullmatch(name) or name.split("/")[0].lower() in _NO_ZONES:
            raise ValueError
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        places = {one for one in available_timezones() if one.lower() not in _NO_ZONES}
        near = {one.lower(): one for one in places}.get(name.lower().replace(" ", "_"))
        ends = [one for one in sorted(places) if one.lower().endswith(f"/{name.lower().replace(' ', '_')}")]
        meant = near or next(iter(ends), None)
        near_by = f"Did you mean {meant}?" if meant else did_you_mean(name, places)
        raise NoSchedule(f"There is no time zone {name!r}.", near_by or "Write one as Europe/Berlin, or UTC.") from None
    return name


def upcoming(schedule: Schedule, now: datetime) -> Upcoming:
    """When it is next after `now`. Raises NoSchedule for a schedule that can't be read."""
    cron, where = checked(schedule.cron), ZoneInfo(zone(schedule.zone))
    following = (one.astimezone(where) for one in _from(cron, now.astimezone(where)))
    fixed = (one.replace(tzinfo=timezone(one.utcoffset() or timedelta(0))) for one in following)
    return Upcoming(schedule.zone, tuple(islice(fixed, SHOWN)))


def frequency(schedule: Schedule, now: datetime) -> Frequency:
    """How often in a month, from the next one on. Raises NoSchedule for a schedule that can't be read."""
    today = now.astimezone(ZoneInfo(zone(schedule.zone))).date()
    months = _a_month(checked(schedule.cron), today.year, today.month)
    return Frequency(min(months), max(months), sum(months))


def _from(cron: str, after: datetime) -> Iterator[datetime]:
    """The instants after this one, each once, in its time zone."""
    last = after
    try:
        for found in CronSim(_plain(cron.split()), after):
            if found.astimezone(UTC) > last.astimezone(UTC):
                yield found
                last = found
    except CronSimError:
        return


def _plain(fields: list[str]) -> str:
    """As cronsim reads it: it takes a range of one number with a step for all from that number on."""
    return " ".join(_ONE.sub(r"\1", field) for field in fields)


@lru_cache(maxsize=64)  # a plan asks before and after, and many triggers have one schedule
def _a_month(cron: str, year: int, month: int) -> tuple[int, ...]:
    """How often it comes in each of the twelve calendar months that follow this one, but for changes of clocks."""
    fields = _plain(cron.split()).split()
    each = CronSim(" ".join(fields), _SOME_DAY)
    a_day = len(each.minutes) * len(each.hours)
    first = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    end = first.replace(year=first.year + 1)
    months = dict.fromkeys(((first.month - 1 + ahead) % 12 + 1 for ahead in range(12)), 0)
    for day in _from(" ".join(["0", "0", *fields[2:]]), first - timedelta(seconds=1)):
        if day >= end:
            break
        months[day.month] += a_day
    return tuple(months.values())
