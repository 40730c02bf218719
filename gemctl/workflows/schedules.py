"""Tells when what is declared is started next. Called by plan.py, money.py and cost.py.

Cronsim is imported only where something has a schedule.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gemctl.core.change import Action, Change
from gemctl.core.plan import Plan
from gemctl.core.resource import Desired
from gemctl.core.schedule import Frequency, Schedule, Upcoming

_STARTING = (Action.CREATE, Action.REPLACE, Action.UPDATE, Action.KEEP)


def with_runs(plan: Plan, desired: Desired) -> Plan:
    """The plan, each of whose changes says when the service starts something for the resource next."""
    if not any(resource.declared.schedule for resource in desired.resources.values()):
        return plan
    runs = {change.address: _next(change, desired, plan.header.made_at) for change in plan.changes}
    changes = (
        replace(change, runs=found) if (found := runs[change.address]) and change.action in _STARTING else change
        for change in plan.changes
    )
    return replace(plan, changes=tuple(changes))


def _next(change: Change, desired: Desired, now: datetime) -> Upcoming | None:
    resource = desired.resources.get(change.address)
    schedule = resource.declared.schedule if resource else None
    return upcoming(schedule, now) if schedule and not schedule.paused else None


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
