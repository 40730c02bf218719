"""What to do about each object: the table of docs/lifecycle.md as one pure function of what is wanted, what was
recorded, what is live, and what time it is.

Each decision carries `until`, the first instant at which it would be another one, and `due`, when something must be
done next if it is carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Reason, Seen
from gemctl.core.claims import Claims
from gemctl.core.kind import Catalogue, Lifetime, Naming
from gemctl.core.live import Item, World
from gemctl.core.moment import show_duration, show_instant, wire_duration
from gemctl.core.neighbours import whose
from gemctl.core.record import Generation, Origin, Record
from gemctl.core.resource import Desired, Expiry, Resource, Ttl, Until
from gemctl.plan import jobs
from gemctl.plan.decisions import edited, first, keep, new_fields, seen
from gemctl.plan.fixed import clean, fixed, leave
from gemctl.plan.ours import only_ours

# An application may extend a cache while it runs; more than this over the ttl is a mistake that costs money.
EXTENSION = timedelta(seconds=60)
# The service rounds deadlines by fractions of a second (seen in published replies): nearer than this is equal.
TOLERANCE = timedelta(seconds=2)
# How much life must be left in what is referred to: a cache reads it within minutes, a job within the day that the
# service means to take for it (guide of batches).
SOON, LONG = timedelta(hours=1), timedelta(hours=25)
IN_USE = "a job that runs refers to the old one"


def compare(desired: Desired, claims: Claims, world: World, project: str, catalogue: Catalogue) -> tuple[Change, ...]:
    """One change for every object that is wanted, recorded, retiring or doubled, sorted by address.

    `claims` is what plan/claim.py found; `project` this stack's project tag.
    """
    live = {item.name: item for items in world.listings.values() for item in items}
    ledger = claims.ledger
    used = jobs.in_use(ledger, live, catalogue)
    changes: list[Change] = []
    later: list[Resource] = []  # whether they are needed depends on what is done about the others
    for address in sorted({*desired.resources, *ledger.records}):
        resource, record, kind = desired.resources.get(address), ledger.records.get(address), catalogue[address.kind]
        item = live.get(record.name) if record else None
        if kind.naming is Naming.LOCAL:
            changes.append(_local(address, resource, record))
        elif address in claims.leaving:
            note = f"it is being given to stack {claims.leaving[address]}"
            changes.append(keep(address, Reason.IN_SYNC, item, note=note))
        elif resource and kind.lifetime is Lifetime.FIXED:
            later.append(resource)
        elif address in claims.contested:
            changes.append(keep(address, Reason.IN_SYNC, item, note=claims.contested[address]))
        elif kind.lifetime is Lifetime.ONCE and resource:
            note = _imported(record, item, project, claims.stacks)
            changes.extend(_noted(change, note) for change in jobs.job(resource, record, item, world.now))
        elif kind.lifetime is Lifetime.ONCE and record:
            changes.extend(jobs.undeclared(address, record, item, world.now))
        elif resource:
            note = _imported(record, item, project, claims.stacks)
            change = _wanted(resource, record, item, world.now, note)
            holds = change.action is Action.REPLACE and change.name in used
            changes.append(replace(change, holds=True, note=f"{IN_USE}; it is retired later") if holds else change)
        elif record:
            changes.append(_unwanted(address, record, item))
    needed = _needed(changes, desired, catalogue)
    cleaned = _cleaned(changes, desired)
    for resource in later:
        record = ledger.records.get(resource.address)
        item = live.get(record.name) if record else None
        change = fixed(resource, record, item, world, project, needed=needed.get(resource.address))
        if resource.leader and change.action is Action.KEEP and item is None:
            continue  # what came with a job that needs it no more is nobody's concern
        if item and resource.leader in cleaned and change.action is Action.KEEP and item.name not in used:
            change = clean(resource.address, item)
        changes.append(change)
    doubles = {item.name for items in claims.duplicates.values() for item in items}
    for name, generation in sorted(ledger.retiring.items()):
        if name not in doubles and (item := live.get(name)):
            wanted = desired.resources.get(generation.address)
            if wanted is None and generation.address in claims.contested:
                why = claims.contested[generation.address]
                changes.append(keep(generation.address, Reason.SUPERSEDED, item, until=item.deadline, note=why))
            elif catalogue[item.kind].lifetime is Lifetime.ONCE:
                bound = ledger.records.get(generation.address)
                changes.extend(jobs.old_run(generation, item, wanted, bound, world.now))
            elif wanted and name in used:
                changes.append(keep(generation.address, Reason.IN_USE, item, until=item.deadline, note=IN_USE))
            elif wanted and catalogue[item.kind].lifetime is Lifetime.FIXED:
                done = wanted.leader in cleaned
                changes.append(clean(generation.address, item) if done else leave(item, generation))
            else:
                changes.append(_old_generation(item, generation, wanted, world.now))
    for address, items in sorted(claims.duplicates.items()):
        wanted, bound = desired.resources.get(address), ledger.records.get(address)
        once = catalogue[address.kind].lifetime is Lifetime.ONCE
        changes.extend(
            jobs.duplicate(address, item, wanted, bound, world.now) if once else _duplicate(address, item)
            for item in items
        )
    decided = [_said_moved(change, claims.formerly) for change in only_ours(changes, ledger, live, project)]
    return tuple(sorted(decided, key=lambda change: (change.address, change.action is not Action.REPLACE)))


def _cleaned(changes: Iterable[Change], desired: Desired) -> frozenset[Address]:
    """Jobs that are deleted once their results are saved, and of which that is true: what came with them goes too."""
    return frozenset(
        change.address
        for change in changes
        if change.reason is Reason.DONE and (change.action is Action.DELETE or change.name is None)
        if (resource := desired.resources.get(change.address)) and resource.run and resource.run.clean
    )


def _needed(changes: Iterable[Change], desired: Desired, catalogue: Catalogue) -> Mapping[Address, timedelta]:
    """What has to be there because something that refers to it is going to be made, and for how long."""
    needed: dict[Address, timedelta] = {}
    for address in (change.address for change in changes if change.action in (Action.CREATE, Action.REPLACE)):
        runs = catalogue[address.kind].lifetime is Lifetime.ONCE
        for reference in desired.resources[address].declared.references:
            needed[reference.target] = max(needed.get(reference.target, SOON), LONG if runs else SOON)
    return needed


def _local(address: Address, resource: Resource | None, record: Record | None) -> Change:
    """There is no live object: what is recorded is all there is."""
    if resource is None:
        return Change(address, Action.DELETE, Reason.UNDECLARED)
    note = resource.declared.note
    if record is None:
        return Change(address, Action.CREATE, Reason.DECLARED, fields=new_fields(resource), note=note)
    if fields := edited(resource, record):
        return Change(address, Action.UPDATE, Reason.EDITED, fields=fields, note=note)
    return Change(address, Action.KEEP, Reason.IN_SYNC, note=note)


def _wanted(resource: Resource, record: Record | None, item: Item | None, now: datetime, note: str) -> Change:
    """`note` says of an imported object what is to be said of it."""
    expiry = resource.declared.expiry
    end = expiry.expire_time if isinstance(expiry, Until) else None
    over = end is not None and end <= now
    if item is None or record is None:
        return _not_live(resource, record, now, end, over)
    if over:
        return keep(resource.address, Reason.ENDED, item, until=item.deadline)
    if fields := edited(resource, record):
        change = Change(
            resource.address, Action.REPLACE, Reason.EDITED, item.name, fields, seen(item), until=item.deadline
        )
        return replace(_priced(change, resource, None, now), note=note)
    return _expiry(resource, record, item, now, note)


def _not_live(resource: Resource, record: Record | None, now: datetime, end: datetime | None, over: bool) -> Change:
    address = resource.address
    if over:
        if record:
            return Change(address, Action.FORGET, Reason.ENDED, record.name, seen=Seen())
        return keep(address, Reason.ENDED, None, note="its expireTime is past; nothing is created")
    reason = Reason.DECLARED
    if record:
        reason = Reason.EXPIRED if record.deadline and record.deadline <= now else Reason.MISSING
    fields = new_fields(resource) + _expiry_field(None, resource.declared.expiry)
    missing_until = record.deadline if record and reason is Reason.MISSING else None
    change = Change(address, Action.CREATE, reason, None, fields, Seen(), until=first(end, missing_until))
    return _priced(change, resource, None, now)


def _expiry(resource: Resource, record: Record, item: Item, now: datetime, note: str) -> Change:
    """The object is what was declared; is its deadline?"""
    expiry, address, deadline = resource.declared.expiry, resource.address, item.deadline
    if expiry is None or deadline is None:
        return keep(address, Reason.IN_SYNC, item)
    update = Change(
        address,
        Action.UPDATE,
        Reason.EDITED,
        item.name,
        (FieldChange(("expireTime",), show_instant(deadline), _aim(expiry)),),
        seen(item),
        until=deadline,
    )
    update = _priced(update, resource, item, now)
    if isinstance(expiry, Until):
        if abs(deadline - expiry.expire_time) > TOLERANCE:
            return replace(update, until=min(deadline, expiry.expire_time))
        return keep(address, Reason.IN_SYNC, item, until=min(deadline, expiry.expire_time), note=note)
    remaining = deadline - now
    renew = deadline - (resource.lifecycle.renew_before or timedelta(0))
    longest = deadline - expiry.ttl - EXTENSION
    if record.expiry is not None and record.expiry != expiry:
        return replace(update, fields=(*update.fields, *_expiry_field(record.expiry, expiry)))
    if renew <= now:
        return replace(update, reason=Reason.EXPIRING)
    if remaining > expiry.ttl + EXTENSION:
        return replace(update, reason=Reason.DRIFTED, until=longest)
    return keep(address, Reason.IN_SYNC, item, until=renew, due=renew, note=note)


def _unwanted(address: Address, record: Record, item: Item | None) -> Change:
    if item is None:
        return Change(address, Action.FORGET, Reason.UNDECLARED, record.name, seen=Seen())
    change = Change(address, Action.DELETE, Reason.UNDECLARED, item.name, seen=seen(item), until=item.deadline)
    return replace(change, tokens=item.tokens)


def _old_generation(item: Item, generation: Generation, resource: Resource | None, now: datetime) -> Change:
    """Applications may still hold the old name: it is given a little time, unless nothing is wanted any more."""
    address = generation.address
    change = Change(address, Action.UPDATE, Reason.SUPERSEDED, item.name, seen=seen(item), until=item.deadline)
    if resource is None or not resource.lifecycle.retire:
        return replace(change, action=Action.DELETE, tokens=item.tokens)
    # The last run may have taken it to be a second later: the service tells the time in whole seconds.
    most = resource.lifecycle.retire + TOLERANCE
    if item.deadline is not None and item.deadline <= now + most:
        return keep(address, Reason.SUPERSEDED, item, until=item.deadline)
    shown = show_instant(item.deadline) if item.deadline else None
    aim = FieldChange(("expireTime",), shown, f"in {show_duration(resource.lifecycle.retire)}")
    until = item.deadline - most if item.deadline else None  # from then on it is left to end
    return replace(change, fields=(aim,), tokens=item.tokens, until=until)


def _duplicate(address: Address, item: Item) -> Change:
    change = Change(address, Action.DELETE, Reason.DUPLICATE, item.name, seen=seen(item), until=item.deadline)
    return replace(change, tokens=item.tokens)


def _aim(expiry: Expiry) -> str:
    """The deadline that an update asks for, as people read it: the exact one is computed when its step starts."""
    if isinstance(expiry, Until):
        return show_instant(expiry.expire_time)
    return f"in {show_duration(expiry.ttl)}"


def _expiry_field(before: Expiry | None, after: Expiry | None) -> tuple[FieldChange, ...]:
    """How the declared lifetime reads before and after, under the API's own names."""
    values: dict[str, list[str | None]] = {}
    for place, expiry in enumerate((before, after)):
        match expiry:
            case Ttl(ttl):
                values.setdefault("ttl", [None, None])[place] = wire_duration(ttl)
            case Until(expire_time):
                values.setdefault("expireTime", [None, None])[place] = show_instant(expire_time)
            case None:
                pass
    return tuple(FieldChange((name,), *pair) for name, pair in sorted(values.items()))


def _priced(change: Change, resource: Resource, item: Item | None, now: datetime) -> Change:
    """The change with what it stores and for how long, and with the time at which it has to be done again."""
    known = item.tokens if item else None
    tokens = known if known is not None else resource.declared.tokens or None
    hours, due = None, None
    match resource.declared.expiry:
        case Ttl(ttl):
            hours = ttl / timedelta(hours=1)
            due = now + ttl - (resource.lifecycle.renew_before or timedelta(0))
        case Until(expire_time):
            hours = max(expire_time - now, timedelta(0)) / timedelta(hours=1)
        case None:
            pass
    return replace(change, tokens=tokens, estimated=known is None, hours=hours, due=due)


def _noted(change: Change, note: str) -> Change:
    return replace(change, note="; ".join(filter(None, (change.note, note)))) if change.name else change


def _said_moved(change: Change, formerly: Mapping[Address, Address]) -> Change:
    old = formerly.get(change.address)
    if old is None or change.reason in (Reason.SUPERSEDED, Reason.DUPLICATE):
        return change
    return replace(change, note="; ".join(filter(None, (f"moved from {old}", change.note))))


def _imported(record: Record | None, item: Item | None, project: str, stacks: Mapping[str, str]) -> str:
    """What went into an object that was not made here can't be read back; but the mark of whoever made it may tell."""
    if record is None or item is None or record.origin is not Origin.IMPORTED:
        return ""
    assumed = "imported: its inputs are assumed to be the declared ones"
    if item.mark is None or item.mark.project == project:
        return assumed
    maker = whose(item.mark, stacks)
    if item.mark.of(record.spec):
        return f"made by {maker}, of what is declared here"
    return f"{assumed}; it carries the mark of {maker}, which shows another declaration"
