"""Defines what `gemctl watch` reports of itself; core/event.py has the words for what its runs do.

Made by workflows/tick.py and workflows/watch.py, shown by render/watch.py, counted by workflows/metrics.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from gemctl.core.change import Action, Change, Reason
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.event import Outcome, Saved, Status
from gemctl.core.frozen import dataclass


class Wake(StrEnum):
    """The reason why it looks, or will look."""

    START = "start"
    DUE = "due"  # something must be done
    CHANGED = "changed"  # a file that it reads was changed
    INTERVAL = "interval"  # the interval has passed since it last looked
    RETRY = "retry"  # the last tick failed


class Result(StrEnum):
    """The end of a tick."""

    DONE = "done"
    PARTIAL = "partial"  # something was stopped, failed, or is not known
    LOCKED = "locked"  # another run is at work
    ERROR = "error"  # it could not look


@dataclass(frozen=True, slots=True)
class Left:
    """A change that is not made without a person. `why` says so where its reason alone does not."""

    change: Change
    why: str = ""


@dataclass(frozen=True, slots=True)
class Began:
    """The watch began. `endpoint` as it is shown."""

    at: datetime
    project: str
    stack: str
    endpoint: str
    allowed: tuple[Reason, ...]
    interval: float


@dataclass(frozen=True, slots=True)
class Looked:
    """A plan was made. `summary` counts all its changes by action, `going` those of them that are made now."""

    at: datetime
    why: Wake
    summary: Mapping[str, int]
    going: Mapping[str, int]
    left: int


@dataclass(frozen=True, slots=True)
class NeedsPerson:
    """The planned changes that need a person are others than before; empty once there are none."""

    at: datetime
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class Troubled:
    """A new problem was found. An `error` ended the tick; `diagnostics` are the other findings."""

    at: datetime
    codes: tuple[str, ...]
    error: Exception | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Noticed:
    """Warnings that were not there before."""

    at: datetime
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Recovered:
    """All earlier problems are over."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A tick is over.

    made    the action and reason of each step that was carried out, and its end.
    codes   the codes of all problems, reported or not: each is reported once, and counted each time.
    due     the next instant at which something must be done.
    end     when the first of the objects that are kept alive would end.
    """

    at: datetime
    result: Result
    outcome: Outcome | None = None
    saved: tuple[Saved, ...] = ()
    made: tuple[tuple[Action, Reason, Status], ...] = ()
    left: int | None = None
    codes: tuple[str, ...] = ()
    due: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sleeping:
    """Nothing is done until then, or until a file changes."""

    at: datetime
    until: datetime
    why: Wake


WatchEvent = Began | Looked | NeedsPerson | Noticed | Troubled | Recovered | Ended | Sleeping
