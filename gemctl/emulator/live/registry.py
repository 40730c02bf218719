"""Knows which sessions are open, and the last ones that were.

Held by `app`, which shows them to tests; a session enters when its setup is complete. Separate because a session knows
no other one.
"""

from collections import deque
from collections.abc import Mapping
from typing import Protocol

_KEPT = 100


class Shown(Protocol):
    """A session."""

    project: str

    @property
    def ended(self) -> bool:
        """Whether it is over."""

    def shown(self) -> Mapping[str, object]:
        """What tests may see of it, without secrets."""

    def abandon(self) -> None:
        """The world in which it was is gone."""


class Registry:
    """The sessions of one application, oldest first."""

    def __init__(self) -> None:
        self._open: list[Shown] = []
        self._ended: deque[Mapping[str, object]] = deque(maxlen=_KEPT)  # not the sessions: they hold all that was said

    def add(self, session: Shown) -> None:
        self._sort()
        self._open.append(session)

    def count(self, project: str) -> int:
        """How many sessions of the project are open."""
        self._sort()
        return sum(session.project == project for session in self._open)

    def shown(self) -> list[Mapping[str, object]]:
        self._sort()
        return [*self._ended, *(session.shown() for session in self._open)]

    def clear(self) -> None:
        """Forget all of them: they end."""
        for session in self._open:
            session.abandon()
        self._open.clear()
        self._ended.clear()

    def _sort(self) -> None:
        self._ended.extend(session.shown() for session in self._open if session.ended)
        self._open = [session for session in self._open if not session.ended]
