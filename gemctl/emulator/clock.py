"""Clocks for tests: pass one as `World(now=...)`.

Separate from `times` because these are tools for the people who write tests, not part of the service.
"""

from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """Stands still until it is moved."""

    def __init__(self, start: datetime = _START) -> None:
        if start.tzinfo is None:
            raise ValueError("the clock needs a time zone: datetime(..., tzinfo=UTC)")
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta | float) -> None:
        """Move on by a timedelta or by seconds. Backwards is allowed: real clocks do that too."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)

    def sleep(self, seconds: float) -> None:
        """A `sleep` for code under test: time passes, nobody waits."""
        self.advance(seconds)


class TickingClock(ManualClock):
    """Moves on by one step each time it is read, so that no two events share an instant."""

    def __init__(self, start: datetime = _START, step: timedelta = timedelta(milliseconds=1)) -> None:
        super().__init__(start)
        self._step = step

    def __call__(self) -> datetime:
        self.advance(self._step)
        return super().__call__()
