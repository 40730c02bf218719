"""Tells when what is declared is started next. Called by plan.py, money.py and cost.py.

Cronsim is imported only where something has a schedule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gemctl.core.change import MAKING, Action, Change
from gemctl.core.live import LiveObject
from gemctl.core.plan import Plan
from gemctl.core.resource import Desired
from gemctl.core.schedule import Frequency, Schedule, Upcoming


def with_runs(plan: Plan, desired: Desired, live: Mapping[str, LiveObject]) -> Plan:
    """The plan, each of whose changes says when the service starts something for the resource next. `live` is what is
    live, by name.
    """
    if not any(resource.declared.schedule for resource in desired.resources.values()):
        return plan
    runs = (_next(change, desired, live.get(change.name or ""), plan.header.made_at) for change in plan.changes)
    changes = (
        replace(change, runs=found) if found else change for change, found in zip(plan.changes, runs, strict=True)
    )
    return replace(plan, changes=tuple(changes))


def _next(change: Change, desired: Desired, item: LiveObject | None, now: datetime) -> Upcoming | None:
    resource = desired.resources.get(change.address)
    declared = resource.declared.schedule if resource else None
    shown = item.schedule if item else None
    if declared is None or change.action not in (*MAKING, Action.UPDATE, Action.KEEP):
        return None
    stays = change.action is Action.KEEP or (change.action is Action.UPDATE and declared.paused is None)
    paused = shown.paused if stays and shown else declared.paused
    return None if paused else upcoming(declared, now)


def upcoming(schedule: Schedule, now: datetime) -> Upcoming | None:
    """When something is started next; None where nobody here can read the schedule."""
    from gemctl.schema import cron

    try:
        return cron.upcoming(schedule, now)
    except cron.NoSchedule:
        return None


def frequency(schedule: Schedule, now: datetime) -> Frequency | None:
    """How often something is started; None where nobody here can read the schedule."""
    from gemctl.schema import cron

    try:
        return cron.frequency(schedule, now)
    except cron.NoSchedule:
        return None
