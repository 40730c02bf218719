"""Says when to look again: as late as can be, and never so late that something ends meanwhile. Called by
workflows/watch.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gemctl.core.frozen import dataclass
from gemctl.core.watch import Wake

SOONEST = timedelta(seconds=5)  # between two looks
ROOM = timedelta(minutes=1)  # until it looks again whether the service has room for what waits
MOST_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class Pause:
    """Until when the watch sleeps, and why it looks then."""

    until: datetime
    why: Wake


def rest(
    now: datetime,
    due: datetime | None,
    end: datetime | None,
    interval: timedelta,
    jitter: timedelta,
    chance: float,
    queued: bool = False,
) -> Pause:
    """After a look that went well. `chance`, from 0 to 1, is how much of the jitter is added to `due`. `queued`:
    something waits for room in the service, which nobody tells of.

    The jitter spreads many watchers of one schedule, but each only over the first half of the time in which the due
    change can still be done: `end` is when the first object ends.
    """
    if queued:
        due = min(due or now + ROOM, now + ROOM)
    latest = now + interval
    if due is None or due >= latest:
        return Pause(latest, Wake.INTERVAL)
    room = (end - due) / 2 if end and end > due else jitter
    at = due + min(jitter * chance, room)
    return Pause(max(at, now + SOONEST), Wake.DUE)


def retry(now: datetime, failures: int, end: datetime | None, interval: timedelta) -> Pause:
    """After `failures` looks in a row that went wrong: ever later, and sooner the less time is left."""
    after: timedelta = SOONEST * 2 ** min(max(failures - 1, 0), MOST_DOUBLINGS)
    if end and end > now:
        after = min(after, (end - now) / 4)
    return Pause(now + max(min(after, interval), SOONEST), Wake.RETRY)
