"""Takes the part of a plan that may be done without a person: by the reason of each change, and by the changes that it
needs. Called by workflows/tick.py.

A plan is never done by halves in a way that loses something. Changes that have to come first are done too or the change
waits, as results are saved before their job is deleted. Where an edit, or what somebody changed by hand, has to wait
for a person, the object that was applied before is kept alive.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.live import LiveObject, LiveState
from gemctl.core.plan import Plan, Step
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired, Resource, Ttl
from gemctl.core.watch import Left
from gemctl.plan.lifetimes import policy
from gemctl.plan.part import owners, part
from gemctl.plan.steps import renewal

DEFAULT = (Reason.EXPIRING, Reason.EXPIRED, Reason.MISSING, Reason.FINISHED, Reason.QUEUED)
# No unattended run acts upon these; and none pays for a run again because something that it refers to was edited.
_NEVER = (
    Reason.REFERENCES,
    Reason.RUNNING,
    Reason.IN_USE,
    Reason.IN_SYNC,
    Reason.DESTROY,
    Reason.REQUESTED,  # there is nobody who asks
)
KNOWN = tuple(reason for reason in Reason if reason not in _NEVER)
# Duplicates are deleted, and objects that were declared to end are forgotten: both were decided when they were made.
_ALWAYS = frozenset({Reason.DUPLICATE, Reason.ENDED})
_KEPT_ALIVE = "not applied yet; what was applied before is kept alive"


@dataclass(frozen=True, slots=True)
class Cut:
    """`plan` is the part to do, `left` the rest. `due` is the next instant at which something must be done after it."""

    plan: Plan
    left: tuple[Left, ...]
    due: datetime | None


def unattended(
    plan: Plan,
    desired: Desired,
    ledger: Ledger,
    live_state: LiveState,
    catalogue: Catalogue,
    allowed: Collection[Reason],
    *,
    keeping: bool = False,
    failing: Collection[Address] = (),
) -> Cut:
    """The part of the plan whose reasons are `allowed`. `ledger` is the one that the plan was made from.

    keeping   only changes that can be no accident: objects that are there are renewed, and results are saved. Where
              nothing is declared (any more, or as far as is known), those that are recorded are there.
    failing   addresses tried in vain the last time. An edit of one waits for one look once the old object is expiring.
    """
    live = live_state.by_name
    renewing = Reason.EXPIRING in allowed
    waits = frozenset({Reason.EDITED, *([Reason.UNDECLARED] if keeping and not desired.resources else [])})
    held = {
        at: found
        for at, change in enumerate(plan.changes)
        if renewing
        and (change.reason in waits or _made_for_drift(change))
        and (found := _held(change, desired, ledger, live, catalogue))
    }
    wanted = [
        _may_go(change, desired, allowed)
        and (_keeps(change) or not keeping)
        and not (change.address in failing and at in held and held[at].at <= live_state.now)
        for at, change in enumerate(plan.changes)
    ]
    needs = _needs(plan)
    going = {at for at, may in enumerate(wanted) if may and not _on_demand(plan.changes[at], desired)}
    _take_along(going, needs, plan.changes, catalogue)
    waiting = _wait(going, needs, plan.changes)
    asked = set().union(*(needs.get(at, set()) for at in going))
    going -= {at for at in going if _on_demand(plan.changes[at], desired) and at not in asked}

    chosen = {id(plan.changes[at]) for at in going}
    cut = part(plan, lambda change: id(change) in chosen)
    left: list[Left] = []
    instants = [plan.changes[at].next_due for at in going]
    for at, change in enumerate(plan.changes):
        if at in going:
            continue
        if change.action is Action.KEEP:
            instants.append(change.next_due)
            continue
        why = waiting.get(at, "")
        if at in held and held[at].at <= live_state.now:
            cut, due = held[at].renewed(cut, live_state.now)
            instants.append(due)
        else:
            instants.append(held[at].at if at in held else None)
            instants.append(change.valid_until if change.valid_until and change.valid_until > live_state.now else None)
        left.append(Left(change, why or (_KEPT_ALIVE if at in held else "")))
    return Cut(cut, tuple(left), min((instant for instant in instants if instant), default=None))


def _made_for_drift(change: Change) -> bool:
    return change.action is Action.REPLACE and change.reason is Reason.DRIFTED


def _may_go(change: Change, desired: Desired, allowed: Collection[Reason]) -> bool:
    if change.action is Action.KEEP:
        return False
    everything = {*allowed, *_ALWAYS}
    if Reason.EDITED in everything:
        everything.add(Reason.SUPERSEDED)  # the end of the old one is a part of the edit
    return _asked(change, desired) <= everything


def _keeps(change: Change) -> bool:
    return change.reason is Reason.EXPIRING or change.action is Action.HARVEST


def _asked(change: Change, desired: Desired) -> frozenset[Reason]:
    """The reasons that must all be allowed. To delete an undeclared object takes `undeclared`; and to stop a job
    because it takes too long is worth it only if it is run again.
    """
    if change.reason is Reason.SUPERSEDED and change.address not in desired.resources:
        return frozenset({Reason.UNDECLARED})
    if change.action is Action.CANCEL and change.reason is Reason.EXPIRED:
        return frozenset({Reason.EXPIRED, Reason.RESUBMIT})
    return frozenset({change.reason})


def _on_demand(change: Change, desired: Desired) -> bool:
    """Whether it is made only because something else is: then its own reason means nothing."""
    resource = desired.resources.get(change.address)
    made = change.action in (Action.CREATE, Action.REPLACE)
    return made and resource is not None and resource.lifecycle.on_demand


def _needs(plan: Plan) -> Mapping[int, set[int]]:
    """For each change, by its place in the plan, the changes that have to come before it."""
    place = {id(change): at for at, change in enumerate(plan.changes)}
    made = {step: place[id(change)] for step, change in owners(plan.steps, plan.changes).items()}
    needs: dict[int, set[int]] = {}
    for step in plan.steps:
        if step.id in made:
            before = {made[other] for other in step.after if other in made}
            needs.setdefault(made[step.id], set()).update(before - {made[step.id]})
    return needs


def _take_along(
    going: set[int], needs: Mapping[int, set[int]], changes: tuple[Change, ...], catalogue: Catalogue
) -> None:
    """Add to `going` the changes that others in it need, where these take nothing from anybody."""
    todo = list(going)
    while todo:
        at = todo.pop()
        for other in needs.get(at, ()):
            another = changes[other].address != changes[at].address
            if another and other not in going and _adds(changes[other], catalogue):
                going.add(other)
                todo.append(other)


def _adds(change: Change, catalogue: Catalogue) -> bool:
    """Whether it makes an object, and leaves those that are there as they are."""
    if change.action is Action.REPLACE:
        return change.holds or policy(catalogue[change.address.kind]).FREE
    return change.action is Action.CREATE


def _wait(going: set[int], needs: Mapping[int, set[int]], changes: tuple[Change, ...]) -> Mapping[int, str]:
    """Take out of `going` the changes that need one that is not in it; why, for each."""
    why: dict[int, str] = {}
    while missing := [(at, min(needs[at] - going)) for at in going if needs.get(at, set()) - going]:
        for at, lacking in missing:
            other = changes[lacking]
            reason = other.reason.value.replace("_", " ")
            why[at] = f"{other.action.value} {other.address} ({reason}) has to come first"
            going.discard(at)
    return why


@dataclass(frozen=True, slots=True)
class _Held:
    """An object that is bound, while an edit of it, or another in its place, waits: to be renewed `at` this instant, as
    it was applied.
    """

    step: Step
    ttl: timedelta
    before: timedelta
    at: datetime
    tokens: int | None

    def renewed(self, plan: Plan, now: datetime) -> tuple[Plan, datetime]:
        """The plan with the renewal, and when it will be due again."""
        due = now + self.ttl - self.before
        change = Change(
            self.step.address,
            Action.UPDATE,
            Reason.EXPIRING,
            self.step.name,
            next_due=due,
            tokens=self.tokens,
            hours=self.ttl / timedelta(hours=1),
        )
        return replace(plan, changes=(*plan.changes, change), steps=(*plan.steps, self.step)), due


def _held(
    change: Change, desired: Desired, ledger: Ledger, live: Mapping[str, LiveObject], catalogue: Catalogue
) -> _Held | None:
    """None where there is nothing that could be renewed."""
    address, record = change.address, ledger.records.get(change.address)
    item = live.get(record.name) if record else None
    if record is None or item is None or item.deadline is None or not isinstance(record.expiry, Ttl):
        return None
    ttl = record.expiry.ttl
    before = _renew_before(desired.resources.get(address), ttl)
    step = renewal(address, catalogue[address.kind], record.name, record)
    return _Held(step, ttl, before, item.deadline - before, item.tokens)


def _renew_before(resource: Resource | None, ttl: timedelta) -> timedelta:
    """As declared now, where that fits this ttl; else a third of it, as by default."""
    declared = resource.lifecycle.renew_before if resource else None
    return declared if declared and declared < ttl else ttl / 3


def ends(cut: Iterable[Change], desired: Desired, ledger: Ledger, live_state: LiveState) -> datetime | None:
    """When the first of the objects that are kept alive ends, with `ledger` as it is after the part was done."""
    live = live_state.by_name
    touched = {change.address for change in cut}
    found: list[datetime] = []
    for address, record in ledger.records.items():
        resource = desired.resources.get(address)
        if not isinstance(record.expiry, Ttl) or (resource is None and desired.resources):
            continue
        item = live.get(record.name)
        end = record.deadline if address in touched or item is None else item.deadline
        if end and end > live_state.now:
            found.append(end)
    return min(found, default=None)
