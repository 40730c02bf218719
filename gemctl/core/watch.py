"""What `gemctl watch` tells of itself while it goes on. What it does is told in the words of core/event.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gemctl.core.change import Action, Change, Reason
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.event import Outcome, Saved, Status


class Wake(StrEnum):
    """Why it looks, or why it will."""

    START = "start"
    DUE = "due"  # something must be done
    CHANGED = "changed"  # a file that it reads is another one
    INTERVAL = "interval"  # it has not looked for so long
    RETRY = "retry"  # the last time something went wrong


class Result(StrEnum):
    """How a tick ended."""

    DONE = "done"
    PARTIAL = "partial"  # something was stopped, failed, or is not known
    LOCKED = "locked"  # another run is at work
    ERROR = "error"  # nothing could be looked at


@dataclass(frozen=True, slots=True)
class Left:
    """A change that is not made without a person. `why` says so where its reason alone does not."""

    change: Change
    why: str = ""


@dataclass(frozen=True, slots=True)
class Began:
    """It goes on from now on. `endpoint` as it is shown."""

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
    """What is planned and not made unattended is something else than before; nothing, when it is done with."""

    at: datetime
    left: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class Troubled:
    """Something is wrong, and was not before. An `error` ended the tick; `diagnostics` are what else was found."""

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
    """What was wrong is not any more."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """A tick is over.

    made    each step that was carried out, by what the plan said of it.
    codes   what was wrong, told or not: it is told once, and counted each time.
    due     the next instant at which something must be done.
    end     when the first of what is kept alive would end.
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
