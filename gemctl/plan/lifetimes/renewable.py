"""Plans objects that live until a deadline that can be moved: renews them in time, and retires them slowly when they
are replaced. Called as policy.py says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.plan import Step
from gemctl.core.record import Record, superseded
from gemctl.core.resource import Expiry, Resource, Ttl, Until
from gemctl.plan import steps as make
from gemctl.plan.decisions import keep, seen
from gemctl.plan.lifetimes import kept
from gemctl.plan.lifetimes.policy import Case, Foreseen, Settling, Subject

RUNS = FREE = ENDS_ALONE = False

# An application may extend an object while it runs; more than this over the ttl is a mistake that costs money.
EXTENSION = timedelta(seconds=60)
# The service rounds deadlines by fractions of a second (seen in published replies): nearer than this is equal.
TOLERANCE = timedelta(seconds=2)

rank, duplicate, expected = kept.age, kept.duplicate, kept.expected


def settle(case: Case, at: Settling) -> None:
    """Bind an old generation that is declared again: a new object would cost tokens."""
    if back := at.declared_again(case):
        at.bind(case.address, back)
    else:
        kept.settle(case, at)


def decide(subject: Subject) -> Iterable[Change]:
    """Make it, change what differs, move its deadline, or delete what is no longer declared."""
    resource, record, item = subject.resource, subject.record, subject.item
    if resource is None:
        yield kept.unwanted(subject)
        return
    expiry = resource.declared.expiry
    over = isinstance(expiry, Until) and expiry.expire_time <= subject.now
    if item is None or record is None:
        yield _over(subject) if over else kept.not_live(subject, resource)
    elif over:
        yield keep(subject.address, Reason.ENDED, item, until=item.deadline)
    elif change := kept.anew(subject, resource, item, record):
        yield kept.held(change, subject)
    else:
        yield _deadline(subject, resource, record, item)


def _over(subject: Subject) -> Change:
    if subject.record:
        return Change(subject.address, Action.FORGET, Reason.ENDED, subject.record.name, precondition=Precondition())
    return keep(subject.address, Reason.ENDED, None, note="its expireTime is past; nothing is created")


def _deadline(subject: Subject, resource: Resource, record: Record, item: LiveObject) -> Change:
    """Keep an object that is as declared; renew it, or move its deadline if that is not as declared."""
    expiry, address, deadline, now = resource.declared.expiry, subject.address, item.deadline, subject.now
    if expiry is None or deadline is None:
        return keep(address, Reason.IN_SYNC, item)

    def update(reason: Reason, until: datetime, *fields: FieldChange) -> Change:
        aim = FieldChange(("expireTime",), show_instant(deadline), _aim(expiry))
        amounts = kept.stored(resource, item, subject)
        said = (aim, *fields)
        return Change(address, Action.UPDATE, reason, item.name, said, seen(item), valid_until=until, **amounts)

    if isinstance(expiry, Until):
        if abs(deadline - expiry.expire_time) > TOLERANCE:
            return update(Reason.EDITED, min(deadline, expiry.expire_time))
        return keep(address, Reason.IN_SYNC, item, until=min(deadline, expiry.expire_time), note=subject.note)
    remaining = deadline - now
    renew = deadline - (resource.lifecycle.renew_before or timedelta(0))
    if record.expiry is not None and record.expiry != expiry:
        return update(Reason.EDITED, deadline, *kept.expiry_field(record.expiry, expiry))
    if renew <= now:
        return update(Reason.EXPIRING, deadline)
    if remaining > expiry.ttl + EXTENSION:
        return update(Reason.DRIFTED, deadline - expiry.ttl - EXTENSION)
    return keep(address, Reason.IN_SYNC, item, until=renew, due=renew, note=subject.note)


def _aim(expiry: Expiry) -> str:
    """The deadline that an update asks for, as people read it: the exact one is computed when its step starts."""
    if isinstance(expiry, Until):
        return show_instant(expiry.expire_time)
    return f"in {show_duration(expiry.ttl)}"


def old(subject: Subject) -> Iterable[Change]:
    """Give it a little time, since applications may still hold its name; where none is wanted, delete it."""
    address, item, resource, now = subject.address, subject.item, subject.resource, subject.now
    if item is None:
        return
    change = Change(
        address, Action.UPDATE, Reason.SUPERSEDED, item.name, precondition=seen(item), valid_until=item.deadline
    )
    if resource is None or not resource.lifecycle.retire:
        yield replace(change, action=Action.DELETE, tokens=item.tokens)
        return
    # The last run may have taken it to be a second later: the service tells the time in whole seconds.
    most = resource.lifecycle.retire + TOLERANCE
    if item.deadline is not None and item.deadline <= now + most:
        yield keep(address, Reason.SUPERSEDED, item, until=item.deadline)
        return
    shown = show_instant(item.deadline) if item.deadline else None
    aim = FieldChange(("expireTime",), shown, f"in {show_duration(resource.lifecycle.retire)}")
    until = item.deadline - most if item.deadline else None  # from then on it is left to end
    yield replace(change, fields=(aim,), tokens=item.tokens, valid_until=until)


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """Move the deadline; or make a replacement, tell its readers, and retire the old object."""
    address, kind, resource, name, record = subject.address, subject.kind, subject.resource, change.name, subject.record
    moved = change.fields and change.fields[0].path == ("expireTime",)
    first = resource is not None and kept.create_first(resource, kind) and not change.holds
    if change.action is Action.UPDATE and change.reason is Reason.SUPERSEDED and name and resource:
        yield _retire(resource, name, change, subject)
    elif change.action is Action.UPDATE and moved and name and resource and record:
        new = replace(
            record,
            expiry=resource.declared.expiry,
            prevent_destroy=resource.lifecycle.prevent_destroy,
            retire=resource.lifecycle.retire,
        )
        yield make.renewal(address, kind, name, new)
    elif change.action is Action.REPLACE and first and name and resource:
        create = make.create(resource, kind, owner, change.attempt)
        yield create
        yield replace(_retire(resource, name, change, subject), after=(create.id,))
    else:
        yield from kept.steps(change, subject, owner)


def _retire(resource: Resource, name: str, change: Change, subject: Subject) -> Step:
    """Give the old generation `lifecycle.retire` more, but never longer than it had; with 0s delete it."""
    life = resource.lifecycle.retire
    if not life:
        return make.delete(subject.address, subject.kind, name)
    bound = subject.record if subject.record and subject.record.name == name else None
    older = superseded(subject.address, bound) if bound else subject.generation
    ceiling = change.precondition.deadline if change.precondition else None
    return make.retire(subject.address, subject.kind, name, older, Ttl(life), ceiling)


def foresee(change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
    """Nothing."""
    yield from ()
