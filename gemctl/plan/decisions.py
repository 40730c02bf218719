"""Builds the parts of decisions: keeps, preconditions, and changes of fields. Called by the lifetimes, compare.py,
fields.py, ours.py and refresh.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.kind import Kind, Rule
from gemctl.core.live import LiveObject
from gemctl.core.record import Record
from gemctl.core.resource import Resource
from gemctl.plan.diff import explain

UNKNOWN_SPEC = "what it was made of is not known; its mark shows another declaration"


def keep(
    address: Address,
    reason: Reason,
    item: LiveObject | None,
    *,
    until: datetime | None = None,
    due: datetime | None = None,
    note: str = "",
) -> Change:
    name, tokens = (item.name, item.tokens) if item else (None, None)
    return Change(address, Action.KEEP, reason, name, (), seen(item) if item else None, until, due, tokens, note=note)


def seen(item: LiveObject) -> Precondition:
    return Precondition(item.name, item.deadline, item.updated)


def edited(resource: Resource, record: Record, kind: Kind | None = None) -> tuple[FieldChange, ...]:
    """The fields that were edited since they were sent. With the `kind`, no secret's digest is shown."""
    if resource.spec_tag == record.spec_tag:
        return ()
    if record.fields is None:
        return (FieldChange((), None, UNKNOWN_SPEC),)
    before, after = resource.heeded(record.fields), resource.heeded(resource.declared.fields)
    return () if before == after else tuple(masked(_apart(explain(before, after)), kind))


def new_fields(resource: Resource, kind: Kind | None = None) -> tuple[FieldChange, ...]:
    """The declared fields of an object that is not there yet, and the extras of its create."""
    declared = {**resource.declared.fields, **resource.declared.extras}
    return tuple(masked(_apart(FieldChange((name,), None, value) for name, value in declared.items()), kind))


def masked(changes: Iterable[FieldChange], kind: Kind | None) -> Iterable[FieldChange]:
    """The changes, with neither digest of a secret in them."""
    return _masked(changes, kind) if kind and kind.secretive else changes


def _masked(changes: Iterable[FieldChange], kind: Kind) -> Iterator[FieldChange]:
    for change in changes:
        if change.path and kind.rules.get(str(change.path[0])) is Rule.SENSITIVE:
            before = None if change.before is None else "(secret)"
            after = None if change.after is None else "(secret)" if before is None else "(secret) changed"
            yield FieldChange(change.path[:1], before, after)
        else:
            yield change


def _apart(changes: Iterable[FieldChange]) -> Iterable[FieldChange]:
    """The changes, with those under `run` one by one, as they are written: `run.key`."""
    for change in changes:
        if change.path == ("run",):
            before, after = change.before or {}, change.after or {}
            for key in sorted({*before, *after}):
                yield FieldChange(("run", key), before.get(key), after.get(key))
        else:
            yield change


def first(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant), default=None)
