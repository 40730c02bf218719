"""Decides whether a live object is ours to change, to stop or to delete. One rule: ownership.py applies it to bindings,
compare.py to every decision, and workflows/apply.py to every step once more before the first is sent.

its mark is the one that it was bound under                     → ours
it was imported: its mark says nothing, or names another owner  → ours, if it is the object that was imported
the service does not keep the display names that are sent       → ours, if it is the object that was made
anything else, whatever the state says                          → not ours: left alone

A name alone is no proof: a state may be edited, and a service may answer with another object than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.core.record import Generation, Ledger, Op, Origin, Record
from gemctl.plan.decisions import keep

LEFT_ALONE = "the live object does not carry our mark for this address; it is left alone"
_TOUCHING = frozenset({Action.UPDATE, Action.REPLACE, Action.DELETE, Action.CANCEL, Action.HARVEST})
_SENDING = frozenset({Op.UPDATE, Op.DELETE, Op.CANCEL, Op.ACT, Op.SYNC})
# Instants are shown with more or fewer digits from one reply to the next: nearer than this is the same one.
_SAME = timedelta(seconds=2)


def ours(item: LiveObject, held: Record | Generation, owner: OwnerTag) -> bool:
    """Whether the live object is what it is held for. `owner` is this stack's owner tag."""
    mark = item.mark
    if mark is not None and (mark.owner, mark.address_tag) == (owner, held.address_tag):
        return True
    if held.origin is Origin.IMPORTED or not held.address_tag:  # earlier states mark imported generations by no tag
        return held.created is None or _same_birth(item, held)
    return mark is None and not held.echoed and _same_birth(item, held)


def _same_birth(item: LiveObject, held: Record | Generation) -> bool:
    return bool(item.created and held.created and abs(item.created - held.created) <= _SAME)


def holder(ledger: Ledger, address: Address, name: str) -> Record | Generation | None:
    """The record, or the older generation, of the object of this name; None if the ledger has neither."""
    record = ledger.records.get(address)
    return record if record and record.name == name else ledger.retiring.get(name)


def only_ours(
    changes: Iterable[Change], ledger: Ledger, live: Mapping[str, LiveObject], owner: OwnerTag
) -> tuple[Change, ...]:
    """The changes; for an object that is not ours, one decision to leave it alone in place of all others about it."""
    found: list[Change] = []
    left: dict[str, Change] = {}
    for change in changes:
        item = live.get(change.name) if change.name and change.action in _TOUCHING else None
        held = holder(ledger, change.address, item.name) if item else None
        if item is None or (held and ours(item, held, owner)):
            found.append(change)
        else:
            left[item.name] = keep(change.address, change.reason, item, note=LEFT_ALONE, until=item.deadline)
    return (*found, *left.values())


def not_ours(
    steps: Iterable[Step], ledger: Ledger, live: Mapping[str, LiveObject], owner: OwnerTag
) -> tuple[Step, ...]:
    """The steps that would change, stop or delete an object that is not known to be ours."""
    return tuple(
        step
        for step in steps
        if step.op in _SENDING and (step.call or step.sync) and step.name
        if not (
            (item := live.get(step.name))
            and (held := holder(ledger, step.address, step.name))
            and ours(item, held, owner)
        )
    )
