"""Makes plans that only tell the ledger what is live: which objects drifted, are gone, or end at another time. Called
by make.py for `--refresh-only`.

Nothing is sent. The fields that were sent stay on record, so that the next plan without the flag still shows the drift
and puts it right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.kind import Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.moment import show_instant
from gemctl.core.plan import Step
from gemctl.core.record import Ledger, Op, Record
from gemctl.plan import steps as make
from gemctl.plan.compare import Subjects
from gemctl.plan.decisions import keep, seen
from gemctl.plan.fields import drifted
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.policy import Subject
from gemctl.plan.ours import LEFT_ALONE, ours


def refresh(subjects: Subjects, ledger: Ledger) -> tuple[Change, ...]:
    """One change for each address that is bound to a live object, sorted by address."""
    found = (subjects.of(address) for address in sorted(ledger.records))
    return tuple(_change(one, one.record, subjects.owner) for one in found if one.record and one.kind.remote)


def refresh_steps(changes: Iterable[Change], subjects: Subjects) -> Iterator[Step]:
    """One entry in the ledger for each change that is no keep."""
    for change in changes:
        subject = subjects.of(change.address)
        address, kind = change.address, subject.kind
        if change.action is Action.FORGET:
            yield make.forget(address, kind, change.name)
        elif change.action is Action.REFRESH and subject.record and subject.item:
            new = refreshed(subject.record, subject.item)
            yield Step(make.step_id(address, Op.REFRESH), address, Op.REFRESH, kind.name, None, change.name, record=new)


def refreshed(record: Record, item: LiveObject) -> Record:
    """The record with what the service shows now."""
    tokens = item.tokens if item.tokens is not None else record.tokens
    created = item.created or record.created
    model = item.model or record.model
    return replace(record, created=created, deadline=item.deadline, tokens=tokens, outputs=item.outputs, model=model)


def _change(subject: Subject, record: Record, owner: OwnerTag) -> Change:
    address, item = subject.address, subject.item
    if item is None:
        if policy(subject.kind).RUNS:  # the service forgets runs, and the ledger does not
            return keep(address, Reason.DONE if record.harvest else Reason.MISSING, None)
        reason = Reason.EXPIRED if record.deadline and record.deadline <= subject.now else Reason.MISSING
        return Change(address, Action.FORGET, reason, record.name, precondition=Precondition())
    if not ours(item, record, owner):  # what it shows says nothing about ours; its age would even make it pass for it
        return keep(address, Reason.IN_SYNC, item, note=LEFT_ALONE)
    drift = tuple(_drift(subject.kind, record, item))
    said = {change.path for change in drift}
    moved = () if policy(subject.kind).RUNS else _moved(record, item)  # that a run goes on is no drift
    fields = (*drift, *(change for change in moved if change.path not in said))
    if not fields:
        return keep(address, Reason.IN_SYNC, item)
    return Change(address, Action.REFRESH, Reason.DRIFTED, item.name, fields, seen(item))


def _drift(kind: Kind, record: Record, item: LiveObject) -> Iterator[FieldChange]:
    """The fields that drifted: as sent, and as shown."""
    for change in drifted(kind, record, item):
        yield FieldChange(change.path, change.after, change.before)


def _moved(record: Record, item: LiveObject) -> Iterator[FieldChange]:
    """The end and the outputs, where they changed: as recorded, and as shown."""
    if record.deadline != item.deadline:
        yield FieldChange(("expireTime",), _shown(record.deadline), _shown(item.deadline))
    for name in sorted({*record.outputs, *item.outputs}):
        before, after = record.outputs.get(name), item.outputs.get(name)
        if before != after and name not in ("expireTime", "expirationTime"):
            yield FieldChange((name,), before, after)


def _shown(instant: datetime | None) -> str | None:
    return show_instant(instant) if instant else None
