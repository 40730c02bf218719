"""Plans objects that live until a deadline that can't be moved, such as an uploaded file: makes them when they are
needed. Called as policy.py says.

needed     something that refers to it is going to be made
on demand  it is made when it is needed, and its end, or an edit, is otherwise no concern
always     it is made again before it ends, so that it is always there

An older object is left to end by itself: it costs nothing, and objects that were made of it may still read it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Precondition, Reason
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Kind
from gemctl.core.lifetime import Expires
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.core.record import Record
from gemctl.core.resource import Resource
from gemctl.plan import steps as make
from gemctl.plan.decisions import edited, keep, new_fields, seen
from gemctl.plan.fields import drifted
from gemctl.plan.lifetimes import kept
from gemctl.plan.lifetimes.policy import Foreseen, Subject

RUNS = False
FREE = ENDS_ALONE = True

settle, duplicate, expected = kept.settle, kept.duplicate, kept.expected


def rank(item: LiveObject) -> tuple[float, str]:
    """The one with the most life left first."""
    return -(item.deadline.timestamp() if item.deadline else math.inf), item.name


def decide(subject: Subject) -> Iterable[Change]:
    """Make it where it is needed, or keep it as it is."""
    if subject.resource is None:
        yield kept.unwanted(subject)
        return
    change = _wanted(subject, subject.resource)
    if subject.resource.generated_by and change.action is Action.KEEP and subject.item is None:
        return  # generated for a run that needs it no more
    if subject.item and subject.cleaned and change.action is Action.KEEP and not subject.used:
        change = _clean(subject.address, subject.item)
    yield change


def _wanted(subject: Subject, resource: Resource) -> Change:
    address, record, item, now, needed = subject.address, subject.record, subject.item, subject.now, subject.needed
    rules = resource.lifecycle
    wanted = needed is not None or not rules.on_demand or subject.anew
    again_at = None if rules.on_demand else now + _life(subject.kind) - _margin(resource)
    attempt = subject.attempt
    if item is None or record is None:
        if not wanted:
            return keep(address, Reason.IN_SYNC, None, note="made when something that refers to it is")
        fields = new_fields(resource, subject.kind)
        reason, until = _why(record, now)
        return Change(
            address,
            Action.CREATE,
            reason,
            None,
            fields,
            Precondition(),
            valid_until=until,
            next_due=again_at,
            attempt=attempt,
        )
    again = Change(
        address,
        Action.REPLACE,
        Reason.EDITED,
        item.name,
        (),
        seen(item),
        item.deadline,
        again_at,
        attempt=attempt,
    )
    if fields := edited(resource, record, subject.kind):
        if wanted:
            return replace(again, fields=fields)
        return keep(address, Reason.IN_SYNC, item, note="edited; made again when something that refers to it is")
    if item.phase is Phase.FAILED:
        if wanted:
            return replace(again, reason=Reason.FAILED, note=item.why)
        return keep(address, Reason.FAILED, item, note=item.why)
    if drift := drifted(subject.kind, record, item, resource):
        if wanted:
            return replace(again, reason=Reason.DRIFTED, fields=drift)
        return replace(keep(address, Reason.DRIFTED, item), fields=drift)
    margin = max(needed or timedelta(0), timedelta(0) if rules.on_demand else _margin(resource))
    if wanted and item.deadline is not None:
        turn = item.deadline - margin
        if turn <= now:
            return replace(again, reason=Reason.EXPIRING)
        if not subject.anew:
            return keep(address, Reason.IN_SYNC, item, until=turn, due=None if rules.on_demand else turn)
    if subject.anew:
        return replace(again, reason=Reason.REQUESTED)
    return keep(address, Reason.IN_SYNC, item)


def old(subject: Subject) -> Iterable[Change]:
    """Leave it to end; delete it if it is no longer declared, or if its job cleans up."""
    if subject.item is None:
        return
    if subject.resource is None:
        change = Change(
            subject.address, Action.DELETE, Reason.SUPERSEDED, subject.item.name, precondition=seen(subject.item)
        )
        yield replace(change, valid_until=subject.item.deadline, tokens=subject.item.tokens)
    elif subject.cleaned:
        yield _clean(subject.address, subject.item)
    else:
        until = subject.item.deadline
        yield keep(subject.address, Reason.SUPERSEDED, subject.item, until=until, note="it ends by itself")


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """Make a new one; the old one ends by itself."""
    if change.action is Action.REPLACE and subject.resource:
        yield make.create(subject.resource, subject.kind, owner, change.attempt)
    else:
        yield from kept.steps(change, subject, owner)


def foresee(change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
    """Nothing: it is made anew in time for those that need it."""
    yield from ()


def _clean(address: Address, item: LiveObject) -> Change:
    """Delete it: it was generated for a run that cleans up, and whose results are saved."""
    return Change(address, Action.DELETE, Reason.DONE, item.name, precondition=seen(item))


def _why(record: Record | None, now: datetime) -> tuple[Reason, datetime | None]:
    if record is None:
        return Reason.DECLARED, None
    if record.deadline and record.deadline <= now:
        return Reason.EXPIRED, None
    return Reason.MISSING, record.deadline


def _life(kind: Kind) -> timedelta:
    """How long it lives; exactly when it ends the service says once it is there."""
    return kind.lifetime.life if isinstance(kind.lifetime, Expires) else timedelta(0)


def _margin(resource: Resource) -> timedelta:
    return resource.lifecycle.renew_before or timedelta(0)
