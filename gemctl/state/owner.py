"""Says in words who holds a lock, and waits for one. Called by local.py, objects.py and postgres.py."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from gemctl.core.clock import Clock
from gemctl.core.errors import Locked
from gemctl.core.moment import show_instant

T = TypeVar("T")
GRACE = 5.0  # seconds for a run that has just taken the lock to leave its note: it may have to wait for a processor


def this_run(doing: str) -> dict[str, object]:
    """The note that a run leaves beside its lock, as JSON."""
    return {
        "pid": os.getpid(),
        "user": os.environ.get("USER") or os.environ.get("LOGNAME") or f"uid {os.getuid()}",
        "host": socket.gethostname(),
        "since": show_instant(datetime.now(UTC).replace(microsecond=0)),
        "doing": doing,
    }


def in_words(note: bytes | str | None) -> str:
    """The note of `this_run` as part of a sentence; empty if there is none, or it makes no sense."""
    try:
        return "process {pid} of {user} on {host}, since {since}, doing `{doing}`".format(**json.loads(note or b""))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return ""


def take(
    attempt: Callable[[], T | None],
    owner: Callable[[], str],
    locked: Callable[[str], Locked],
    *,
    clock: Clock,
    timeout: float,
    poll: float,
) -> T:
    """Try until the lock is ours; returns what the attempt gave. Raises `locked(owner)` after `timeout` seconds, or a
    little later where no note says yet who holds it.
    """
    give_up = clock.monotonic() + timeout
    while (held := attempt()) is None:
        late = clock.monotonic() - give_up
        name = owner()
        if late >= GRACE or (name and late >= 0):
            raise locked(name)
        clock.sleep(poll)
    return held
