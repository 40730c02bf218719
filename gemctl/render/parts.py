"""Puts the parts of a job together in one change, as people think of them. Called by human.py and outline.py; JSON has
each part by itself.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Reason
from gemctl.core.cost import ChangeCost, together
from gemctl.core.moment import show_instant
from gemctl.core.plan import Plan
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import Json, Path

_ORDER = (Action.CREATE, Action.DELETE, Action.CANCEL, Action.HARVEST, Action.FORGET, Action.KEEP)
_RANK = {action: rank for rank, action in enumerate(_ORDER)}  # which action stands for the job
_MOST = 4  # different notes of its parts
_OF_ONE = re.compile(r"[0-9,]+ (without|of) ")  # begins a note that counts requests of one part
_NEVER = datetime.max.replace(tzinfo=UTC)
_OLD = (Reason.SUPERSEDED, Reason.DUPLICATE)
_KEPT = (Reason.RUNNING, Reason.QUEUED, Reason.FAILED)  # and which reason, where all are kept; another one comes last


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
    main = min(runs or group, key=_rank)
    alike = [change.fields for change in runs if (change.action, change.reason) == (main.action, main.reason)]
    costs = [change.cost for change in group if change.cost]
    expiring = [one for change in runs if (one := change.precondition) and one.deadline]
    said = (text for change in runs for text in change.note.split("; ") if text)
    notes = dict.fromkeys(text for text in said if not _OF_ONE.match(text))
    before = min((at for change in runs if (at := change.harvest_before)), default=None)
    if before and main.action is not Action.HARVEST:
        notes[f"harvest before {show_instant(before.replace(microsecond=0))}"] = None
    parts = _parts(job, desired)
    # A part that is no longer declared, of a job that is: it was cut otherwise.
    cut = main.reason is Reason.UNDECLARED and bool(parts)
    return replace(
        main,
        reason=Reason.SUPERSEDED if cut else main.reason,
        address=job,
        name=None,
        fields=tuple(one for one in main.fields if all(one in other for other in alike) and _of_all(one, parts)),
        precondition=min(expiring, key=lambda one: one.deadline or _NEVER, default=None),
        next_due=min((change.next_due for change in group if change.next_due), default=None),
        note="; ".join((_counted(group, job, desired), *_lacking(job, desired), *list(notes)[:_MOST])),
        cost=_sum(costs, len(parts)) if costs else None,
        part_of=None,
    )


def _of_all(field: FieldChange, parts: Sequence[Resource]) -> bool:
    """Whether a field is that of all parts, as they are declared; the lines of a part are its own."""
    values = [_found(one.declared.fields, field.path) for one in parts]
    return all(value == values[0] for value in values)


def _found(value: Json, path: Path) -> Json:
    """The value at the path; None where it leads nowhere."""
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _counted(group: Sequence[Change], job: Address, desired: Desired) -> str:
    """`10 parts with 1,000,000 requests, about … tokens sent: 3 to create, 7 queued; their files: 3 to create`."""
    parts = _parts(job, desired)
    runs = [change for change in group if change.address.kind == job.kind]
    count = parts[0].run.part.count if parts and parts[0].run and parts[0].run.part else len(runs)
    requests = sum(one.quantities.requests or 0 for one in parts)
    tokens = sum(one.quantities.input.likely for one in parts)
    sent = f", about {tokens:,} tokens sent" if tokens else ""
    said = [f"{count:,} parts" + (f" with {requests:,} requests{sent}" if requests else "")]
    said.append(_numbers(change for change in runs if change.reason not in _OLD))
    old = _numbers(change for change in runs if change.reason in _OLD)
    files = _numbers(change for change in group if change.address.kind != job.kind)
    parts_ = [
        ": ".join(filter(None, said)),
        f"earlier runs: {old}" if old else "",
        f"their files: {files}" if files else "",
    ]
    return "; ".join(filter(None, parts_))


def _numbers(changes: Iterable[Change]) -> str:
    words = Counter(_word(change) for change in changes)
    return ", ".join(f"{number:,} {word}" for word, number in words.items())


def _rank(change: Change) -> tuple[int, bool, int]:
    """Which change stands for the job: the lowest."""
    kept = _KEPT.index(change.reason) if change.reason in _KEPT else len(_KEPT)
    return _RANK.get(change.action, len(_RANK)), change.reason in _OLD, kept


def _lacking(job: Address, desired: Desired) -> Iterable[str]:
    """How many requests of all parts have no response, and how many no answer, as far as results are saved."""
    harvests = [one.receipt.harvest for one in _parts(job, desired) if one.receipt and not one.receipt.as_whole]
    failed, blocked = sum(one.failed for one in harvests), sum(one.blocked for one in harvests)
    if failed:
        yield f"{failed:,} without a result"
    if blocked:
        yield f"{blocked:,} without an answer"


def _parts(job: Address, desired: Desired) -> list[Resource]:
    return [one for one in desired.resources.values() if one.run and one.run.part and one.run.part.of == job]


def _word(change: Change) -> str:
    kept = change.action is Action.KEEP
    return change.reason.value.replace("_", " ") if kept else f"to {change.action.value}"


def _sum(costs: Sequence[ChangeCost], count: int) -> ChangeCost:
    """The costs of some of so many parts."""
    first = costs[0]
    return replace(
        first,
        once=together(cost.once for cost in costs),
        storage=together(cost.storage for cost in costs),
        hourly=together(cost.hourly for cost in costs),
        basis=(f"{len(costs):,} of {count:,} parts",) if len(costs) < count else (),
        unpriced=tuple(dict.fromkeys(why for cost in costs for why in cost.unpriced)),
    )
