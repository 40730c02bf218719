"""What can't be renewed and ends by itself, such as an uploaded file after 48 hours: it is made when it is needed.

needed    something that refers to it is going to be made
on demand it is made when it is needed, and its end, or an edit, is otherwise no concern
always    it is made again before it ends, so that it is always there

What was made before is left to end by itself: it costs nothing, and what was made of it may still read it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason, Seen
from gemctl.core.live import Item, Phase, World
from gemctl.core.mark import address_tag
from gemctl.core.record import Generation, Record
from gemctl.core.resource import Resource
from gemctl.plan.decisions import edited, keep, new_fields, seen

LIFE = timedelta(hours=48)  # of a file (REST reference); exactly when it ends the service says once it is there


def fixed(
    resource: Resource,
    record: Record | None,
    item: Item | None,
    world: World,
    project: str,
    *,
    needed: timedelta | None,
) -> Change:
    """What to do about it. `item` is the live object that is bound; `needed` how much life must be left in it, or None
    if nothing is going to be made of it.
    """
    rules, now = resource.lifecycle, world.now
    wanted = needed is not None or not rules.on_demand
    again_at = None if rules.on_demand else now + LIFE - _margin(resource)
    attempt = _next_attempt(resource, world, project)
    if item is None or record is None:
        if not wanted:
            return keep(resource.address, Reason.IN_SYNC, None, note="made when something that refers to it is")
        fields = new_fields(resource)
        reason, until = _why(record, now)
        return Change(
            resource.address, Action.CREATE, reason, None, fields, Seen(), until=until, due=again_at, attempt=attempt
        )
    again = Change(
        resource.address,
        Action.REPLACE,
        Reason.EDITED,
        item.name,
        (),
        seen(item),
        item.deadline,
        again_at,
        attempt=attempt,
    )
    if fields := edited(resource, record):
        if wanted:
            return replace(again, fields=fields)
        return keep(
            resource.address, Reason.IN_SYNC, item, note="edited; made again when something that refers to it is"
        )
    if item.phase is Phase.FAILED:
        if wanted:
            return replace(again, reason=Reason.FAILED, note=item.why)
        return keep(resource.address, Reason.FAILED, item, note=item.why)
    margin = max(needed or timedelta(0), timedelta(0) if rules.on_demand else _margin(resource))
    if wanted and item.deadline is not None:
        turn = item.deadline - margin
        if turn <= now:
            return replace(again, reason=Reason.EXPIRING)
        due = None if rules.on_demand else turn
        return keep(resource.address, Reason.IN_SYNC, item, until=turn, due=due)
    return keep(resource.address, Reason.IN_SYNC, item)


def clean(address: Address, item: Item) -> Change:
    """What came with a job whose results are saved, and that is cleaned up."""
    return Change(address, Action.DELETE, Reason.DONE, item.name, seen=seen(item))


def leave(item: Item, generation: Generation) -> Change:
    """An older one of something that is still declared."""
    return keep(generation.address, Reason.SUPERSEDED, item, until=item.deadline, note="it ends by itself")


def _why(record: Record | None, now: datetime) -> tuple[Reason, datetime | None]:
    if record is None:
        return Reason.DECLARED, None
    if record.deadline and record.deadline <= now:
        return Reason.EXPIRED, None
    return Reason.MISSING, record.deadline


def _margin(resource: Resource) -> timedelta:
    return resource.lifecycle.renew_before or timedelta(0)


def _next_attempt(resource: Resource, world: World, project: str) -> int:
    """A name that is in use can't be used again: one more than the highest number of what is live."""
    ours = address_tag(resource.address)
    taken = [
        item.attempt
        for item in world.items(resource.address.kind)
        if item.mark and (item.mark.project, item.mark.address) == (project, ours) and item.mark.of(resource.spec_tag)
    ]
    return max(taken, default=0) + 1
