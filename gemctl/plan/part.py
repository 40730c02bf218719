"""Takes a part of a plan: some of its changes, with their steps. Keeps the bindings found true while planning. Called
by unattended.py, workflows/jobs.py and tick.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gemctl.core.change import Action, Change
from gemctl.core.plan import Plan, Step
from gemctl.core.record import Op


def part(plan: Plan, wanted: Callable[[Change], bool]) -> Plan:
    """The plan with these changes, and no others."""
    changes = tuple(change for change in plan.changes if wanted(change))
    made = owners(plan.steps, changes)
    return replace(plan, changes=changes, steps=tuple(step for step in plan.steps if step.id in made))


def owners(steps: Iterable[Step], changes: Iterable[Change]) -> Mapping[str, Change]:
    """For each step, by its id, the change that makes it; steps of other changes are left out.

    A replace makes two: a create, which has no name yet, and one for the old object. An update may have an act, which
    makes a secret anew. Resources that are only recorded go by their address.
    """
    changes = tuple(changes)
    exact = {(change.address, change.name, change.action): change for change in changes}
    replaced = {change.address: change for change in changes if change.action is Action.REPLACE}
    synced = {change.address: change for change in changes if change.members and change.members.work}
    found: dict[str, Change] = {}
    for step in steps:
        if step.op is Op.SYNC:
            if step.address in synced:
                found[step.id] = synced[step.address]
            continue
        name = None if step.op is Op.CREATE or step.name == str(step.address) else step.name
        action = Action.UPDATE if step.op is Op.ACT else Action(step.op.value)
        change = exact.get((step.address, name, action))
        anew = replaced.get(step.address)
        if change is None and anew and (step.op is Op.CREATE or step.name == anew.name):
            change = anew
        if change:
            found[step.id] = change
    return found
