"""Learns the service's time from the `Date` headers of its answers. Called by client.py and, for the time, workflows/.

Deadlines are the service's own, so decisions go by its clock and not by this machine's, which may be wrong by minutes
or move during a run. Apart from the client because all clients of a run share one.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from gemctl.api.dates import read_http_date
from gemctl.core.clock import RESOLUTION, Clock
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.moment import show_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_TRUNCATION = RESOLUTION.total_seconds()  # the instant it was made lies in [Date, Date + 1 s)
_UNKNOWN_TRIP = 1.0  # seconds between sending and receiving, when not told
_TOLERATED_SKEW = timedelta(seconds=60)


class ServerClock:
    """An estimate of the service's time. Safe to share between threads.

    Each answer bounds the offset between the service's clock and this machine's monotonic one from both sides: the
    Date was made after the request left, and before the answer came. The largest lower bound is kept, so the estimate
    gets sharper and never later than the truth. When an answer's upper bound lies below it, the service's clock has
    been set back, and the estimate follows; forward it follows by itself.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._offset: float | None = None  # seconds since 1970 at monotonic zero: a lower bound

    def observe(self, date_header: str | None, monotonic_at: float, sent_at: float | None = None) -> None:
        """Learn from an answer whose headers arrived at `monotonic_at`, to a request that left at `sent_at` (seconds).

        A Date that is missing, malformed or absurd teaches nothing.
        """
        date = read_http_date(date_header)
        if date is None or not _EARLIEST <= date < _LATEST:
            return
        seconds = (date - _EPOCH).total_seconds()
        sent = monotonic_at - _UNKNOWN_TRIP if sent_at is None else sent_at
        at_least, below = seconds - monotonic_at, seconds + _TRUNCATION - sent
        with self._lock:
            if self._offset is None or at_least > self._offset or below < self._offset:
                self._offset = at_least

    @property
    def known(self) -> bool:
        """Whether any answer has told the time yet."""
        with self._lock:
            return self._offset is not None

    def now(self) -> datetime:
        """The service's time, UTC: about a second late at the most, never early. Before any answer, this machine's."""
        with self._lock:
            offset = self._offset
        if offset is None:
            return self._clock.now()
        return _EPOCH + timedelta(seconds=offset + self._clock.monotonic())

    def skew(self) -> timedelta:
        """How far the service's clock is ahead of this machine's (negative: behind); zero before any answer."""
        return self.now() - self._clock.now() if self.known else timedelta(0)

    def warning(self) -> Diagnostic | None:
        """W302, when this machine's clock is off by more than a minute."""
        skew = self.skew()
        if abs(skew) <= _TOLERATED_SKEW:
            return None
        where = "behind" if skew > timedelta(0) else "ahead of"
        return problem(
            "W302",
            f"It is {show_duration(abs(skew))} {where} the service's. gemctl goes by the service's clock.",
            hint="Synchronise this machine's clock: logs and file times will be misleading otherwise.",
        )
