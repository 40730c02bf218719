"""Holds executions: what was started for an object, by its schedule or by a person. Kinds read them, commands show
them.
"""

from __future__ import annotations

from datetime import datetime

from gemctl.core.frozen import dataclass


@dataclass(frozen=True, slots=True)
class ShownExecution:
    """One execution.

    id          the service's own.
    state       the service's own word for how far it is.
    scheduled   the time for which it was due, `began` and `ended` when it did; None where the service does not say.
    made        the id of what it made; "" for nothing.
    error       why it failed, in the service's words; "" where it did not.
    """

    id: str
    state: str
    scheduled: datetime | None = None
    began: datetime | None = None
    ended: datetime | None = None
    made: str = ""
    error: str = ""
