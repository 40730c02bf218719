"""Writes the events of `gemctl watch` as lines for people and as lines of JSON. Called by the watch command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.moment import show_instant
from gemctl.core.watch import Began, Left, Looked, NeedsPerson, Recovered, Sleeping, WatchEvent
from gemctl.render.json import diagnostics
from gemctl.render.safe import safe


def document(event: WatchEvent) -> dict[str, Any] | None:
    """One line of `watch --json`; None for an event that has no line of its own."""
    match event:
        case Began():
            return _line(
                "start",
                event.at,
                project=event.project,
                stack=event.stack,
                endpoint=event.endpoint,
                allow=[reason.value for reason in event.allowed],
                interval=event.interval,
            )
        case Looked():
            return _line(
                "tick",
                event.at,
                why=event.why.value,
                summary=dict(event.summary),
                going=dict(event.going),
                needs=event.left,
            )
        case NeedsPerson():
            return _line("needs", event.at, changes=[_left(one) for one in event.left])
        case Recovered():
            return _line("recovered", event.at)
        case Sleeping():
            return _line("sleep", event.at, until=show_instant(event.until), why=event.why.value)
        case _:
            return None


def found(event: str, at: datetime, found: Iterable[Diagnostic]) -> dict[str, Any]:
    """Diagnostics of what is wrong (`error`), or may be (`notice`), as one line of `watch --json`."""
    return _line(event, at, diagnostics=diagnostics(found))


def stopped(at: datetime, signal: int) -> dict[str, Any]:
    """The last line of `watch --json`."""
    return _line("stop", at, signal=signal)


def _line(event: str, at: datetime, **rest: Any) -> dict[str, Any]:
    return {"type": "watch", "event": event, "at": show_instant(at), **rest}


def _left(left: Left) -> dict[str, Any]:
    change = left.change
    return {
        "address": str(change.address),
        "action": change.action.value,
        "reason": change.reason.value,
        "name": change.name,
        "why": left.why or None,
    }


def text(event: WatchEvent) -> str | None:
    """A line for people, and those below it; None for an event that is not worth one."""
    match event:
        case Began():
            reasons = ", ".join(reason.value for reason in event.allowed)
            return f"watching {safe(event.project)} / {safe(event.stack)}; unattended: {reasons}"
        case Looked():
            return f"{_counts(event.going)}" if event.going else None
        case NeedsPerson(_, left) if left:
            head = f"needs a person: {len(left)} change{'' if len(left) == 1 else 's'}"
            return "\n".join([head, *map(_needs, left)])
        case NeedsPerson():
            return "nothing needs a person any more"
        case Recovered():
            return "all is well again"
        case Sleeping():
            return f"sleeping until {show_instant(event.until.replace(microsecond=0))} ({event.why.value})"
        case _:
            return None


def _counts(summary: Mapping[str, int]) -> str:
    return ", ".join(f"{count} to {action}" for action, count in summary.items())


def _needs(left: Left) -> str:
    change = left.change
    name = f"  {safe(change.name)}" if change.name else ""
    why = f"\n          {safe(left.why)}" if left.why else ""
    return f"      {change.action.value:<8}{change.address}  {change.reason.value.replace('_', ' ')}{name}{why}"
