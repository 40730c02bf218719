"""Decides when to try again: pure rules, so that a table can test them. Called by client.py after every failed attempt.

At most 6 attempts; before attempt n + 1 a wait drawn evenly from [0, min(30, 2^(n-1))) seconds (exponential backoff
with full jitter); a wait that the service asks for, by `Retry-After` or google.rpc.RetryInfo, beats that, up to 60 s
plus at most a second of jitter; nothing that would end past the budget.
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum

from gemctl.api.dates import read_http_date
from gemctl.core.frozen import dataclass

MAX_ATTEMPTS = 6
FIRST_WAIT = 1.0  # seconds
LONGEST_BACKOFF = 30.0
LONGEST_ASKED = 60.0  # the wild has seen int64-max: such an answer means "later", and a minute is later
ASKED_JITTER = 1.0
PASSING = frozenset({408, 425, 429, 499, 500, 502, 503, 504})  # statuses after which a repeat may succeed

_NUMBER = re.compile(r"-?\d{1,400}(?:\.\d{1,400})?", re.ASCII)


class Trouble(StrEnum):
    """The cause of a failed attempt, by what it says about the request."""

    NOT_SENT = "not_sent"  # no connection came about: not one byte of the request left
    LOST = "lost"  # it left, or may have; the answer didn't come, or only a part of it
    STATUS = "status"  # an answer came, and it is no
    GARBLED = "garbled"  # an answer came whole, and is not what the API would say


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt.

    status  the HTTP status, 0 when there was none.
    asked   seconds that the service asks to wait; infinite for absurdly many; None when it doesn't say.
    lasting True when the next attempt can't go better, such as a certificate that isn't trusted.
    """

    trouble: Trouble
    status: int = 0
    asked: float | None = None
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """Try again, after so many seconds."""

    after_seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Report the failure."""


def decide(
    call_repeatable: bool, attempt: int, failure: Failure, elapsed: float, budget: float, jitter: float
) -> Again | GiveUp:
    """Decide what follows attempt number `attempt` (from 1) of a call that has taken `elapsed` of `budget` seconds.

    `jitter` is a random number in [0, 1). A call that isn't repeatable is tried again only when it certainly was not
    sent, and while half of its budget is left: cut short, it might end as unknown. A service that asks for a time that
    is past asks for none: our own backoff applies.
    """
    if attempt >= MAX_ATTEMPTS or failure.lasting or not _may_repeat(call_repeatable, failure):
        return GiveUp()
    if failure.asked is not None and failure.asked > 0:
        after = min(failure.asked, LONGEST_ASKED) + jitter * ASKED_JITTER
    else:
        after = jitter * min(LONGEST_BACKOFF, FIRST_WAIT * 2 ** (attempt - 1))
    latest = budget if call_repeatable else budget / 2
    return Again(after) if elapsed + after < latest else GiveUp()


def _may_repeat(call_repeatable: bool, failure: Failure) -> bool:
    match failure.trouble:
        case Trouble.NOT_SENT:
            return True
        case Trouble.LOST:
            return call_repeatable
        case Trouble.STATUS:
            return call_repeatable and failure.status in PASSING
        case Trouble.GARBLED:
            return False


def asked_by_header(retry_after: str | None, now: datetime) -> float | None:
    """The seconds of a `Retry-After` header (RFC 9110, 10.2.3): a number, or a date seen from `now`, the server's time.

    Never negative; infinite when absurd; None for none or garbage.
    """
    if not retry_after:
        return None
    if _NUMBER.fullmatch(number := retry_after.strip()):
        return _seconds(number)
    date = read_http_date(retry_after)
    return max(0.0, (date - now).total_seconds()) if date else None


def asked_by_detail(retry_delay: object) -> float | None:
    """The seconds of google.rpc.RetryInfo's `retryDelay`, such as `37s` or `3.5s`; None for garbage."""
    if not isinstance(retry_delay, str) or not retry_delay.endswith("s") or not _NUMBER.fullmatch(retry_delay[:-1]):
        return None
    return _seconds(retry_delay[:-1])


def _seconds(text: str) -> float:
    """Never negative, and infinite where a float ends."""
    return max(0.0, float(text))
