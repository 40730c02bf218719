"""Puts the parts of a job together in one change, as people think of them. Called by human.py and outline.py; JSON has
each part by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.cost import ChangeCost, together
from gemctl.core.plan import Plan
from gemctl.core.resource import Desired, Resource

_ORDER = (Action.DELETE, Action.CANCEL, Action.CREATE, Action.HARVEST, Action.FORGET, Action.KEEP)
_RANK = {action: rank for rank, action in enumerate(_ORDER)}  # which action stands for the job
_MOST = 2  # different notes of its parts
_NEVER = datetime.max.replace(tzinfo=UTC)
_OF_A_PART = frozenset({"input"})  # fields of which each part has its own


def folded(plan: Plan, desired: Desired) -> Plan:
    """The plan with one change for each job that is run in parts, with what was generated for them."""
    groups: dict[Address, list[Change]] = {}
    for change in plan.changes:
        if change.part_of:
            groups.setdefault(change.part_of, []).append(change)
    if not groups:
        return plan
    changes: list[Change] = []
    for change in plan.changes:
        if change.part_of is None:
            changes.append(change)
        elif group := groups.pop(change.part_of, None):
            changes.append(_together(change.part_of, group, desired))
    wholes = {change.address: change.part_of for change in plan.changes if change.part_of}
    cost = plan.cost
    if cost:
        unpriced = dict.fromkeys((wholes.get(address) or address, why) for address, why in cost.unpriced)
        cost = replace(cost, unpriced=tuple(unpriced))
    changes.sort(key=lambda one: (one.address, one.action is not Action.REPLACE))
    return replace(plan, changes=tuple(changes), cost=cost)


def _together(job: Address, group: Sequence[Change], desired: Desired) -> Change:
    runs = [change for change in group if change.address.kind == job.kind]
    main = min(runs or group, key=lambda change: _RANK.get(change.action, len(_RANK)))
    costs = [change.cost for change in group if change.cost]
    expiring = [one for change in runs if (one := change.precondition) and one.deadline]
    notes = dict.fromkeys(change.note for change in runs if change.note and change.reason is not Reason.RUNNING)
    # A part that is no longer declared, of a job that is: it was cut otherwise.
    cut = main.reason is Reason.UNDECLARED and bool(_parts(job, desired))
    return replace(
        main,
        reason=Reason.SUPERSEDED if cut else main.reason,
        address=job,
        name=None,
        fields=tuple(one for one in main.fields if not (one.path and one.path[0] in _OF_A_PART)),
        precondition=min(expiring, key=lambda one: one.deadline or _NEVER, default=None),
        next_due=min((change.next_due for change in group if change.next_due), default=None),
        note="; ".join((_counted(group, job, desired), *list(notes)[:_MOST])),
        cost=_sum(costs) if costs else None,
        part_of=None,
    )


def _counted(group: Sequence[Change], job: Address, desired: Desired) -> str:
    """`10 parts with 1,000,000 requests, about … tokens sent: 3 to create, 7 queued; their files: 3 to create`."""
    parts = _parts(job, desired)
    runs = [change for change in group if change.address.kind == job.kind]
    count = parts[0].run.part.count if parts and parts[0].run and parts[0].run.part else len(runs)
    requests = sum(one.quantities.requests or 0 for one in parts)
    tokens = sum(one.quantities.input.likely for one in parts)
    sent = f", about {tokens:,} tokens sent" if tokens else ""
    said = [f"{count:,} parts" + (f" with {requests:,} requests{sent}" if requests else "")]
    done = Counter(_word(change) for change in runs)
    said.append(", ".join(f"{number:,} {word}" for word, number in done.items()))
    files = Counter(_word(change) for change in group if change.address.kind != job.kind)
    more = ", ".join(f"{number:,} {word}" for word, number in files.items())
    return ": ".join(filter(None, said)) + (f"; their files: {more}" if more else "")


def _parts(job: Address, desired: Desired) -> list[Resource]:
    return [one for one in desired.resources.values() if one.run and one.run.part and one.run.part.of == job]


def _word(change: Change) -> str:
    kept = change.action is Action.KEEP
    return change.reason.value.replace("_", " ") if kept else f"to {change.action.value}"


def _sum(costs: Sequence[ChangeCost]) -> ChangeCost:
    first = costs[0]
    return replace(
        first,
        once=together(cost.once for cost in costs),
        storage=together(cost.storage for cost in costs),
        hourly=together(cost.hourly for cost in costs),
        basis=first.basis if len(costs) == 1 else (),
        unpriced=tuple(dict.fromkeys(why for cost in costs for why in cost.unpriced)),
    )
