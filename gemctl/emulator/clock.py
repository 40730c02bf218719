"""Makes clocks for tests: pass one as `World(now=...)`. Called by tests and by workflows/serve.py.

Separate from `times` because these are tools for the people who write tests, not part of the service.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_START = datetime(2026, 1, 1, tzinfo=UTC)
_END = datetime(2900, 1, 1, tzinfo=UTC)


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
        """A `sleep` for code under test: moves the clock without waiting."""
        self.advance(seconds)


class TickingClock(ManualClock):
    """Moves on by one step each time it is read, so that no two events share an instant."""

    def __init__(self, start: datetime = _START, step: timedelta = timedelta(milliseconds=1)) -> None:
        super().__init__(start)
        self._step = step

    def __call__(self) -> datetime:
        self.advance(self._step)
        return super().__call__()


class SettableClock:
    """The clock of a served emulator: it starts at a time or now, runs as `base` does or stands still, and can be
    moved."""

    def __init__(self, base: Callable[[], datetime], start: datetime | None = None, *, still: bool = False) -> None:
        self._base = base
        self.begin(start, still=still)

    def begin(self, start: datetime | None, *, still: bool) -> None:
        """Start at that time, or now; a restart comes back to it."""
        self._start = start
        self._begins_still = still
        self.restart()

    def __call__(self) -> datetime:
        return self._base() + self._ahead if self._held is None else self._held

    def restart(self) -> None:
        """As it was at first: at its start, or now."""
        base = self._base()
        start = base if self._start is None else self._start
        self._ahead = start - base
        self._held: datetime | None = start if self._begins_still else None

    @property
    def still(self) -> bool:
        """Whether it stands."""
        return self._held is not None

    @still.setter
    def still(self, value: bool) -> None:
        now, base = self(), self._base()
        self._held, self._ahead = (now if value else None), now - base

    def move_to(self, moment: datetime) -> None:
        """It is that time now. Raises ValueError for one that is too far for the objects that would be made then."""
        if moment > _END:
            raise ValueError(f"the clock goes to {_END.year} at most")
        base = self._base()
        self._held, self._ahead = (None if self._held is None else moment), moment - base
