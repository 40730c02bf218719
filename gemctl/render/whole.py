"""Writes what a plan says as a whole. Called by human.py, and by `gemctl plan` for a plan that is what it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from gemctl.core.moment import show_duration, show_instant
from gemctl.render.paint import Paint


def whole(said: Sequence[str], due: datetime | None, now: datetime, paint: Paint) -> Iterable[str]:
    """The lines of these sentences, of which the first is the summary, and when something is due."""
    yield paint(said[0], "bold")
    yield from said[1:]
    if due:
        yield f"Next due: {show_instant(due.replace(microsecond=0))} (in {show_duration(due - now)})."
