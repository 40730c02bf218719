"""Plans what is the same for all objects that are kept, for however long. Called by the other lifetimes, compare.py
and ownership.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypedDict

from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Chosen, Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.moment import show_instant, wire_duration
from gemctl.core.plan import Step
from gemctl.core.record import Op, Record
from gemctl.core.resource import Expiry, Resource, Ttl, Until
from gemctl.plan import steps as make
from gemctl.plan.decisions import first, keep, new_fields, seen
from gemctl.plan.fields import differences
from gemctl.plan.lifetimes.policy import Case, Settling, Subject

IN_USE = "a job that runs refers to the old one"
RUNS_ON = "something that runs refers to it"
_HOUR, _ZERO = timedelta(hours=1), timedelta(0)
NOTHING_SEEN = Precondition()  # there is no object of the address at all
_EPOCH = datetime.min.replace(tzinfo=UTC)


def age(item: LiveObject) -> tuple[datetime, str]:
    """The oldest first."""
    return item.created or _EPOCH, item.name


def is_of(item: LiveObject, spec: str) -> bool:
    """Whether its mark says that it was made from the declaration with this spec tag."""
    return item.mark is not None and item.mark.of(spec)


def settle(case: Case, at: Settling) -> None:
    """Bind one object. Others of the same declaration are duplicates; those of other ones are older generations, or
    another writer's.
    """
    if case.record and case.bound and (at.ledger.known or not case.bound.mark):
        _beside_a_binding(case, case.record, case.bound, at)
    else:
        without_a_binding(case, at)


def _beside_a_binding(case: Case, record: Record, bound: LiveObject, at: Settling) -> None:
    if all(item is bound for item in case.marked):
        return
    same = [item for item in case.marked if is_of(item, record.spec_tag)]
    strangers = [item for item in case.marked if item not in same and item is not bound]
    late = [item for item in strangers if at.surfaced_late(item)]
    strangers = [item for item in strangers if item not in late]
    wanted = [item for item in late if at.is_as_declared(item, case.wanted)]
    for item in late:
        if item not in wanted:
            at.note_old(case.address, item)
    if wanted and not strangers:
        at.bind(case.address, wanted[0])
        at.note_duplicates(case.address, wanted[1:])
    elif strangers and all(at.is_as_declared(item, case.wanted) for item in strangers):
        at.bind(case.address, strangers[0])
        at.note_duplicates(case.address, strangers[1:])
        at.made_by_another(case.address, strangers[0])
    elif strangers:
        at.contest(case.address, strangers)
    elif same and same[0] is not bound and bound in same:
        at.bind(case.address, same[0])  # the bound one becomes a retiring generation: readers may hold it
        at.note_duplicates(case.address, [item for item in same[1:] if item is not bound])
    else:
        at.note_duplicates(case.address, [item for item in same if item is not bound])


def without_a_binding(case: Case, at: Settling) -> None:
    """Bind the object with the mark that is as declared; else the newest, which readers know."""
    spec = case.wanted.spec_tag if case.wanted else case.record.spec_tag if case.record else ""
    same = [item for item in case.marked if is_of(item, spec)]
    others = [item for item in case.marked if item not in same]
    if not same and others:
        newest = max(others, key=age)
        same, others = [newest], [item for item in others if item is not newest]
    if not same:
        at.take_import(case.address, case.wanted)
        return
    at.bind(case.address, same[0])
    at.note_duplicates(case.address, same[1:])
    for item in others:
        at.note_old(case.address, item)


def anew(subject: Subject, resource: Resource, item: LiveObject, record: Record) -> Change | None:
    """A new object or a patch, because fields differ, or a person asks for a new one; None where neither is so."""
    found = differences(subject.kind, resource, record, item)
    if found.anew or subject.anew:
        reason = Reason.EDITED if found.edited else Reason.DRIFTED
        reason = reason if found.anew else Reason.REQUESTED
        return Change(
            subject.address,
            Action.REPLACE,
            reason,
            item.name,
            found.all,
            seen(item),
            valid_until=item.deadline,
            note=subject.note,
            **stored(resource, None, subject),
        )
    if found.patch:
        reason = Reason.EDITED if found.edited else Reason.DRIFTED
        return Change(
            subject.address,
            Action.UPDATE,
            reason,
            item.name,
            found.patch,
            seen(item),
            valid_until=item.deadline,
            tokens=item.tokens,
            note=subject.note,
        )
    return None


def held(change: Change, subject: Subject) -> Change:
    """A replacement leaves the old object alone while something that runs refers to it. Where the new one needs its
    name, that waits.
    """
    if change.action is not Action.REPLACE or not subject.used:
        return change
    if chosen(subject.kind) and subject.item:
        asked = change.reason is Reason.REQUESTED
        later = "ask again once that has ended" if asked else "it is made anew once that has ended"
        return keep(subject.address, Reason.IN_USE, subject.item, note=f"{RUNS_ON}; {later}")
    return replace(change, holds=True, note=f"{IN_USE}; it is retired later")


def not_live(subject: Subject, resource: Resource) -> Change:
    """Make it."""
    record, expiry = subject.record, resource.declared.expiry
    reason = Reason.DECLARED
    if record:
        reason = Reason.EXPIRED if record.deadline and record.deadline <= subject.now else Reason.MISSING
    fields = new_fields(resource, subject.kind) + expiry_field(None, expiry)
    missing_until = record.deadline if record and reason is Reason.MISSING else None
    end = expiry.expire_time if isinstance(expiry, Until) else None
    until = first(end, missing_until)
    amounts = stored(resource, None, subject)
    return Change(subject.address, Action.CREATE, reason, None, fields, NOTHING_SEEN, valid_until=until, **amounts)


def unwanted(subject: Subject) -> Change:
    """Delete or forget an object that is recorded and no longer declared."""
    item, name = subject.item, subject.record.name if subject.record else None
    if item is None:
        return Change(subject.address, Action.FORGET, Reason.UNDECLARED, name, precondition=Precondition())
    change = Change(
        subject.address, Action.DELETE, Reason.UNDECLARED, item.name, precondition=seen(item), valid_until=item.deadline
    )
    return replace(change, tokens=item.tokens)


def duplicate(subject: Subject, item: LiveObject) -> Change:
    """Delete it."""
    change = Change(
        subject.address, Action.DELETE, Reason.DUPLICATE, item.name, precondition=seen(item), valid_until=item.deadline
    )
    return replace(change, tokens=item.tokens)


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """Steps that are the same for everything that is kept: making, forgetting, deleting, patching; and a replacement
    whose old object can stay, or has to go first.
    """
    address, kind, resource, name = subject.address, subject.kind, subject.resource, change.name
    match change.action:
        case Action.FORGET:
            yield make.forget(address, kind, name)
        case Action.DELETE if name:
            yield make.delete(address, kind, name)
        case Action.CREATE if resource:
            yield make.create(resource, kind, owner, change.attempt)
        case Action.UPDATE if resource and name and subject.record and change.reason is Reason.UNDELIVERED:
            rotate = kind.remote.secret.rotate if kind.remote and kind.remote.secret else None
            yield replace(
                make.act(resource, kind, rotate or "", name, subject.record), id=make.step_id(address, Op.UPDATE)
            )
        case Action.UPDATE if change.members and not change.fields:
            pass  # only what lies under it changes
        case Action.UPDATE if resource and subject.record:
            yield make.patch(resource, kind, change, subject.record, owner)
        case Action.REPLACE if resource and change.holds:
            yield make.create(resource, kind, owner, change.attempt)
        case Action.REPLACE if resource and name and not create_first(resource, kind):
            delete = make.delete(address, kind, name)
            yield delete
            yield replace(make.create(resource, kind, owner, change.attempt), after=(delete.id,))
        case _:
            raise ValueError(f"{change.action} of {address} cannot be made into steps")


def create_first(resource: Resource, kind: Kind) -> bool:
    """Whether the new object is made before the old one goes. Two can't have one name that the user chose."""
    return resource.lifecycle.create_first and not chosen(kind)


def chosen(kind: Kind) -> bool:
    """Whether the user chooses the names of its objects."""
    return kind.remote is not None and isinstance(kind.remote.identity, Chosen)


def gap(change: Change, subject: Subject) -> Iterator[Diagnostic]:
    """Warn that a name which the user chose has no object for a while."""
    if change.action is not Action.REPLACE or not chosen(subject.kind) or subject.resource is None:
        return
    yield problem(
        "W571",
        f"{change.name} is deleted, and then made anew. In between nothing has that name; nor later, if it can't be "
        "made.",
        span=subject.resource.positions.value(("metadata", "name")),
        address=subject.address,
        hint="Apply while nobody calls it; or declare the new one under another name, and remove this one later.",
    )


def expected(record: Record, kind: Kind, now: datetime) -> bool:
    """Whether its end has not come."""
    return record.deadline is None or record.deadline > now


def expiry_field(before: Expiry | None, after: Expiry | None) -> tuple[FieldChange, ...]:
    """How the declared lifetime reads before and after, under the API's own names."""
    old, new = _wire(before), _wire(after)
    return tuple(FieldChange((name,), old.get(name), new.get(name)) for name in sorted(old | new))


def _wire(expiry: Expiry | None) -> dict[str, str]:
    match expiry:
        case Ttl(ttl):
            return {"ttl": wire_duration(ttl)}
        case Until(expire_time):
            return {"expireTime": show_instant(expire_time)}
        case None:
            return {}


class Amounts(TypedDict):
    """Those fields of a change."""

    tokens: int | None
    hours: float | None
    estimated: bool
    next_due: datetime | None


def stored(resource: Resource, item: LiveObject | None, subject: Subject) -> Amounts:
    """What a change stores and for how long, and the time at which it has to be done again.

    The tokens are those that the service has counted: of the live `item`, or when it made the same the last time.
    """
    now, record, declared = subject.now, subject.record, resource.declared.quantities
    known = item.tokens if item else None
    if known is None and record and record.spec_tag == resource.spec_tag:
        known = record.tokens
    guess = declared.stored.likely if declared.stored.high and not any(one.count for one in declared.media) else None
    tokens = guess if known is None else known
    hours, due = None, None
    match resource.declared.expiry:
        case Ttl(ttl):
            hours = ttl / _HOUR
            due = now + ttl - (resource.lifecycle.renew_before or _ZERO)
        case Until(expire_time):
            hours = max(expire_time - now, _ZERO) / _HOUR
        case None:
            pass
    estimated = known is None and not (guess and declared.stored.exact)
    return Amounts(tokens=tokens, hours=hours, estimated=estimated, next_due=due)
