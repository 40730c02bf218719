"""Names the exit statuses for all of cli. They are part of the interface: pipelines branch on them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """See docs/reference/commands.md. A signal ends with 128 plus its number."""

    DONE = 0
    ERROR = 1
    PENDING = 2  # --detailed-exitcode of plan: there is something to do; of results, wait: requests without an answer
    LOCKED = 3
    STALE = 4
    PARTIAL = 5  # failed, blocked or unknown steps; the rest is done and recorded
    STATE = 6  # damaged, foreign or too new
    USAGE = 64
