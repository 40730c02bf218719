"""Holds schedules: when the service starts something by itself, again and again. Kinds declare them and read them from
live objects; schema/cron.py tells when they are next, and how often.
"""

from __future__ import annotations

from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Something is started by the clock.

    cron     five fields, as cron has them.
    zone     the time zone in which they are read, by its IANA name.
    starts   the resource whose `model` is used, where that is one of this project; None for another, or the resource's
             own.
    paused   whether nothing is started for now; None where nothing is declared of that: a new object starts, and one
             that is there stays as it is.
    """

    cron: str
    zone: str
    starts: Address | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class Upcoming:
    """The next instants at which something is started, each with the offset of the time `zone` then."""

    zone: str
    at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Frequency:
    """How often something is started: in a calendar month at least (`low`) and at most (`high`) of the twelve that
    follow, and in all of these.
    """

    low: int
    high: int
    year: int
