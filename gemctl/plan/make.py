"""Makes the plan, by one function of all that it depends on; and says whether an earlier plan still holds. Called by
workflows/plan.py and apply.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Precondition, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.live import LiveObject, LiveState
from gemctl.core.mark import OwnerTag, attempt_tag, owner_tag
from gemctl.core.moment import show_instant
from gemctl.core.ownership import Ownership
from gemctl.core.plan import Plan, PlanHeader
from gemctl.core.project import NO_LIMITS, JobLimits
from gemctl.core.record import Bound, Entry, Ledger, Record
from gemctl.core.resource import Desired, Resource, Run
from gemctl.plan.compare import Subjects, compare
from gemctl.plan.order import order
from gemctl.plan.refresh import refresh, refresh_steps
from gemctl.plan.warn import warnings


@dataclass(frozen=True, slots=True)
class Scope:
    """The stack that the plan is for, and the part of it that the plan may decide about.

    targets   only these addresses and those they refer to; empty for all.
    paths     the manifests that were read, if not all of them: all other resources are then left alone.
    destroy   True when nothing is declared because everything is to be deleted.
    refresh   True when only the ledger is told what is live.
    limits    how many runs may be in the service at a time.
    anew      the addresses of which a person asks for a new object.
    salt      that of the state which is still to be made, where the digests of secrets are made with it.
    """

    project: str
    stack: str
    endpoint: str
    gemctl: str
    targets: Collection[Address] = ()
    paths: tuple[str, ...] = ()
    destroy: bool = False
    refresh: bool = False
    limits: JobLimits = NO_LIMITS
    salt: str = ""
    anew: Collection[Address] = ()

    @property
    def owner(self) -> OwnerTag:
        return owner_tag(self.project, self.stack)


def make(desired: Desired, ownership: Ownership, live_state: LiveState, catalogue: Catalogue, scope: Scope) -> Plan:
    """The plan. Pure: the same values give the same plan, at any time and anywhere."""
    subjects = Subjects(desired, ownership, live_state, scope.owner, catalogue, scope.anew)
    if scope.refresh:
        decided = refresh(subjects, ownership.ledger)
    else:
        decided = compare(subjects, desired, ownership, catalogue, scope.limits)
    changes = decided
    if scope.targets or scope.paths or scope.destroy:
        targets = _closure(desired, scope.targets)
        changes = tuple(_for_what(change, scope) for change in decided if _in_scope(change, desired, scope, targets))
    if scope.refresh:
        steps = tuple(refresh_steps(changes, subjects))
    else:
        steps = order(changes, desired, ownership, subjects.live, catalogue, scope.owner)
    header = PlanHeader(
        project=scope.project,
        stack=scope.stack,
        endpoint=scope.endpoint,
        lineage=ownership.ledger.lineage,
        serial=ownership.ledger.serial,
        made_at=live_state.now,
        valid_until=min((change.valid_until for change in changes if change.valid_until), default=None),
        next_due=min((change.next_due for change in changes if change.next_due), default=None),
        manifests=desired.binding,
        gemctl=scope.gemctl,
        paths=scope.paths,
        destroy=scope.destroy,
        salt=scope.salt,
    )
    settled = _settled(decided, subjects.live, ownership)
    bindings = (*ownership.entries, *_refreshed(desired, ownership.ledger, settled))
    foreseen = () if scope.refresh else warnings(changes, subjects, desired, ownership.ledger, catalogue)
    said = (*desired.warnings, *ownership.diagnostics, *foreseen)
    moved = tuple(sorted((old, new) for new, old in ownership.formerly.items()))
    return Plan(header, changes, steps, bindings, said, moved)


def _for_what(change: Change, scope: Scope) -> Change:
    """The change; in a plan to destroy, its reason is that and not `undeclared`."""
    return replace(change, reason=Reason.DESTROY) if scope.destroy and change.reason is Reason.UNDECLARED else change


def _in_scope(change: Change, desired: Desired, scope: Scope, targets: Collection[Address]) -> bool:
    if scope.paths and change.address not in desired.resources:
        return False
    return not scope.targets or change.address in targets


def _closure(desired: Desired, targets: Collection[Address]) -> set[Address]:
    """The targets and everything they refer to, directly or not."""
    closed: set[Address] = set()
    todo = list(targets)
    while todo:
        address = todo.pop()
        if address not in closed:
            closed.add(address)
            resource = desired.resources.get(address)
            todo += [reference.target for reference in resource.declared.references] if resource else []
    return closed


def _settled(changes: Collection[Change], live: Mapping[str, LiveObject], ownership: Ownership) -> Mapping[str, str]:
    """By live name, what objects show of all that lies under them, where it was listed, is as it should be, and stays
    so. A list that lacks objects that they count is short, and settles nothing.
    """
    found: dict[str, str] = {}
    for change in changes if ownership.members else ():
        item, seen = live.get(change.name or ""), ownership.members.get(change.address)
        if item is None or seen is None or seen.waiting or seen.short or not item.children:
            continue
        if (change.action, change.reason) == (Action.KEEP, Reason.IN_SYNC):
            rows = ownership.ledger.members.get(change.address, {})
            if item.held in (None, len(rows) + seen.strangers):
                found[item.name] = item.children
    return found


def _refreshed(desired: Desired, ledger: Ledger, settled: Mapping[str, str]) -> tuple[Entry, ...]:
    """Entries with the rules that must hold after a manifest is gone, also when nothing else changes; and with what
    spares the next survey a list.
    """
    entries: list[Bound] = []
    for address, record in ledger.records.items():
        if resource := desired.resources.get(address):
            protected, retire = resource.lifecycle.prevent_destroy, resource.lifecycle.retire
            run, children = _rules(resource, record), settled.get(record.name, record.children)
            known = (record.prevent_destroy, record.retire, record.run, record.children)
            if known != (protected, retire, run, children):
                told = replace(record, prevent_destroy=protected, retire=retire, run=run, children=children)
                entries.append(Bound(address, told))
    return tuple(sorted(entries, key=lambda entry: entry.address))


def _rules(resource: Resource, record: Record) -> Run | None:
    """The rules of a run as they are declared now. Which part of a job it was, and of what whole, is as it was run."""
    if record.run is None or resource.run is None:
        return record.run
    same = record.spec_tag == attempt_tag(resource.spec_tag, record.attempt)
    part = resource.run.part if same else record.run.part
    return replace(resource.run, part=part, whole=record.run.whole)


def misses(plan: Plan, live_state: LiveState, apart: Collection[str] = ()) -> tuple[Diagnostic, ...]:
    """Why a plan made earlier no longer holds for this live state; nothing when it does. `apart` are live names that
    belong to another stack, whatever mark they carry.
    """
    found: list[Diagnostic] = []
    until = plan.header.valid_until
    if until and until <= live_state.now:
        found.append(_stale(None, f"It was good until {show_instant(until)}; a decision in it would now be another."))
    live = {name: Precondition(name, item.deadline, item.updated) for name, item in live_state.by_name.items()}
    owner = owner_tag(plan.header.project, plan.header.stack)
    known = {*(change.name for change in plan.changes), *apart}
    marks = {
        item.mark.address_tag: item.name
        for items in live_state.listings.values()
        for item in items
        if item.mark and item.mark.owner == owner and item.name not in known
    }
    for change in plan.changes:
        if change.precondition is None:
            continue
        if change.precondition.name:
            now = live.get(change.precondition.name)
            if now is None:
                found.append(_stale(change.address, f"{change.precondition.name} is no longer live."))
            elif now != change.precondition and change.action is not Action.KEEP:  # programs may extend a kept one
                found.append(_stale(change.address, f"{change.precondition.name} was changed since."))
        elif change.name in live:
            found.append(_stale(change.address, f"{change.name} is live again."))
        elif any(
            step.address == change.address and step.record and step.record.address_tag in marks for step in plan.steps
        ):
            found.append(_stale(change.address, "An object with its mark has appeared."))
    return tuple(found)


def _stale(address: Address | None, why: str) -> Diagnostic:
    return problem("E510", why, address=address, hint="Make a new plan; nothing was done.")
