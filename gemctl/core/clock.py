"""Time as something that is handed in, so that a day can pass in a millisecond under test."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """A clock of this machine. The service's own time is kept beside it (api/client.py), from its Date header."""

    def now(self) -> datetime:
        """The wall clock, UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards, from an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Wait. Negative and zero return at once."""
