"""The small pieces that decisions are made of, shared by compare.py and what it leaves to others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Reason, Seen
from gemctl.core.live import Item
from gemctl.core.record import Record
from gemctl.core.resource import Resource
from gemctl.plan.diff import explain


def keep(
    address: Address,
    reason: Reason,
    item: Item | None,
    *,
    until: datetime | None = None,
    due: datetime | None = None,
    note: str = "",
) -> Change:
    name, tokens = (item.name, item.tokens) if item else (None, None)
    return Change(address, Action.KEEP, reason, name, (), seen(item) if item else None, until, due, tokens, note=note)


def seen(item: Item) -> Seen:
    return Seen(item.name, item.deadline, item.updated)


def edited(resource: Resource, record: Record) -> tuple[FieldChange, ...]:
    """What was edited among the fields that only a new object can change; empty for nothing."""
    if resource.spec_tag == record.spec:
        return ()
    if record.fields is None:
        return (FieldChange((), None, "what it was made of is not known; its mark shows another declaration"),)
    before, after = resource.heeded(record.fields), resource.heeded(resource.declared.fields)
    return () if before == after else tuple(_apart(explain(before, after)))


def new_fields(resource: Resource) -> tuple[FieldChange, ...]:
    """What is declared of something that is not there yet, and what else goes with its create."""
    declared = {**resource.declared.fields, **resource.declared.extras}
    return tuple(_apart(FieldChange((name,), None, value) for name, value in declared.items()))


def _apart(changes: Iterable[FieldChange]) -> Iterable[FieldChange]:
    """What stands under `run` is shown as it is written, as `run.key`."""
    for change in changes:
        if change.path == ("run",):
            before, after = change.before or {}, change.after or {}
            for key in sorted({*before, *after}):
                yield FieldChange(("run", key), before.get(key), after.get(key))
        else:
            yield change


def first(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant), default=None)
