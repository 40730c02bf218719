"""Defines the clock that callers hand in, so that a day can pass in a millisecond under test.

Used by api, engine, state, workflows and cli, which makes the real one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

# A Date header has whole seconds (RFC 9110, 5.6.7), so the service's time as it is estimated from them may be that much
# behind the truth, at one time more than at another. A span that must have passed is waited for that much longer.
RESOLUTION = timedelta(seconds=1)


class Clock(Protocol):
    """A clock of this machine. The service's own time is kept beside it (api/client.py), from its Date header."""

    def now(self) -> datetime:
        """The wall clock, UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Wait. Negative and zero return at once."""
