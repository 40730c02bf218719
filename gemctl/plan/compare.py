"""Decides what to do about each object: the table of docs/lifecycle.md as one pure function of the desired resources,
the ledger, the live state and the time. Called by make.py.

The lifetimes (plan/lifetimes/) decide; this module does what is the same for all of them. Each decision carries
`valid_until`, the first instant at which it would be another one, and `next_due`, when something must be done next if
it is carried out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

from gemctl.core.address import Address
from gemctl.core.change import MAKING, Action, Change, Reason
from gemctl.core.kind import Catalogue, InId, Kind, kinds_of
from gemctl.core.live import LiveObject, LiveState, Phase
from gemctl.core.mark import OwnerTag, address_tag
from gemctl.core.neighbours import whose
from gemctl.core.ownership import Ownership
from gemctl.core.project import NO_LIMITS, JobLimits
from gemctl.core.record import Generation, Ledger, Origin, Record, addresses
from gemctl.core.resource import Desired, Resource
from gemctl.plan.admit import admit
from gemctl.plan.decisions import keep
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.kept import IN_USE
from gemctl.plan.lifetimes.once import in_use
from gemctl.plan.lifetimes.policy import Subject
from gemctl.plan.members import sources, with_members
from gemctl.plan.ours import only_ours

REPLACED = "it was made anew by an earlier run, of which the rest is done first: no further one is made"


def compare(
    subjects: Subjects, desired: Desired, ownership: Ownership, catalogue: Catalogue, limits: JobLimits = NO_LIMITS
) -> tuple[Change, ...]:
    """One change for every object that is declared, recorded, retiring or a duplicate, sorted by address.

    `ownership` is what plan/ownership.py found; `limits` bound the runs that are in the service at a time.
    """
    ledger, live = ownership.ledger, subjects.live
    changes: list[Change] = []
    later: list[Subject] = []  # whether they are needed depends on the decisions about the others
    for address in sorted(dict.fromkeys((*ledger.records, *desired.resources))):  # records are in order already
        subject = subjects.of(address)
        how = policy(subject.kind)
        if address in ownership.leaving:
            note = f"it is being given to stack {ownership.leaving[address]}"
            changes.append(keep(address, Reason.IN_SYNC, subject.item, note=note))
        elif subject.resource and how.FREE:
            later.append(subject)
        elif address in ownership.contested:
            changes.append(keep(address, Reason.IN_SYNC, subject.item, note=ownership.contested[address]))
        else:
            changes.extend(how.decide(subject))
    changes = admit(changes, desired, ledger, live, ownership.unresolved, catalogue, limits, subjects.now)
    changes = list(with_members(changes, desired, ownership, live, catalogue))
    needed = _needed(changes, desired, ownership, live, subjects.kinds)
    cleaned = _cleaned(changes, desired)
    rest: list[Change] = []
    for subject in later:
        need, done = needed.get(subject.address), _is_cleaned(subject.resource, cleaned)
        rest.extend(policy(subject.kind).decide(replace(subject, needed=need, cleaned=done)))
    doubles = {item.name for items in ownership.duplicates.values() for item in items}
    for name, generation in sorted(ledger.retiring.items()):
        if name not in doubles and (item := live.get(name)):
            subject = subjects.of(generation.address, item, generation)
            wanted, how = subject.resource, policy(subject.kind)
            if wanted is None and generation.address in ownership.contested:
                why = ownership.contested[generation.address]
                rest.append(keep(generation.address, Reason.SUPERSEDED, item, until=item.deadline, note=why))
            elif wanted and subject.used and not how.RUNS:
                rest.append(keep(generation.address, Reason.IN_USE, item, until=item.deadline, note=IN_USE))
            else:
                rest.extend(how.old(replace(subject, cleaned=_is_cleaned(wanted, cleaned))))
    for address, items in sorted(ownership.duplicates.items()):
        subject = subjects.of(address)
        rest.extend(policy(subject.kind).duplicate(subject, item) for item in items)
    whole = (*changes, *with_members(rest, desired, ownership, live, catalogue))
    decided = [
        _as_part(_noted(change, ownership.formerly, subjects.replaced), _whole(change.address, desired, ledger))
        for change in only_ours(whole, ledger, live, subjects.owner)
    ]
    return tuple(sorted(decided, key=lambda change: (change.address, change.action is not Action.REPLACE)))


class Subjects:
    """Collects what a decision depends on, address by address.

    `ownership` is what plan/ownership.py found; `owner` this stack's tag. `anew` are the addresses of which a person
    asks for a new object.
    """

    def __init__(
        self,
        desired: Desired,
        ownership: Ownership,
        live_state: LiveState,
        owner: OwnerTag,
        catalogue: Catalogue,
        anew: Collection[Address] = (),
    ) -> None:
        self._desired, self._ledger, self._stacks = desired, ownership.ledger, ownership.stacks
        self.kinds = kinds_of(addresses(ownership.ledger) | desired.resources.keys(), catalogue)
        self.owner, self.now = owner, live_state.now
        self.live = live_state.by_name
        self._used = in_use(ownership.ledger, self.live, catalogue)
        self._attempts = _in_ids(live_state, owner, catalogue)
        self._numbered = {name for name, kind in self.kinds.items() if _is_in_id(kind)}
        self._subjects: dict[Address, Subject] = {}
        self._anew, self.replaced = frozenset(anew), frozenset[Address]()
        self.replaced = frozenset(address for address in self._anew if self._is_replaced(address, ownership))

    def _is_replaced(self, address: Address, ownership: Ownership) -> bool:
        """Whether an earlier run has made a new object, and was interrupted: what is left of that is done now, and no
        further one is made, however often it is asked for.
        """
        if address in ownership.found:
            return True
        doubles = {item.name for item in ownership.duplicates.get(address, ())}
        old = [(name, one) for name, one in self._ledger.retiring.items() if one.address == address]
        return any(
            change.action is not Action.KEEP
            for name, generation in old
            if name not in doubles and (item := self.live.get(name)) and item.name not in self._used
            for change in policy(self.kinds[address.kind]).old(self._collected(address, item, generation))
        )

    def of(self, address: Address, old: LiveObject | None = None, generation: Generation | None = None) -> Subject:
        """The address with what is bound to it; or with an `old` object of it, which the ledger has as `generation`."""
        if old or generation:
            return self._collected(address, old, generation)
        if not (subject := self._subjects.get(address)):
            subject = self._subjects[address] = self._collected(address, None, None)
        return subject

    def _collected(self, address: Address, old: LiveObject | None, generation: Generation | None) -> Subject:
        resource, record = self._desired.resources.get(address), self._ledger.records.get(address)
        item = old or (self.live.get(record.name) if record else None)
        return Subject(
            address,
            self.kinds[address.kind],
            resource,
            record,
            item,
            self.now,
            generation,
            used=item is not None and item.name in self._used,
            attempt=self._next_attempt(address, resource) if address.kind in self._numbered else 1,
            note=_imported(record, item, self.owner, self._stacks) if resource and not old else "",
            anew=address in self._anew and address not in self.replaced and not old,
        )

    def is_waiting(self, name: str | None) -> bool:
        """Whether the service is not done with the live object of this name."""
        item = self.live.get(name or "")
        return item is not None and item.phase is Phase.WAITING

    def _next_attempt(self, address: Address, resource: Resource | None) -> int:
        """One more than the highest number in a live id: an id that is in use can't be used again."""
        if resource is None:
            return 1
        taken = self._attempts.get((address.kind, address_tag(address)), ())
        return max((one.attempt for one in taken if one.mark and one.mark.of(resource.spec_tag)), default=0) + 1


def _in_ids(live_state: LiveState, owner: OwnerTag, catalogue: Catalogue) -> Mapping[tuple[str, str], list[LiveObject]]:
    """Live objects with a mark of ours in their id, by kind and address tag."""
    found: dict[tuple[str, str], list[LiveObject]] = {}
    for kind, items in live_state.listings.items():
        for item in items if kind in catalogue and _is_in_id(catalogue[kind]) else ():
            if item.mark and item.mark.owner == owner:
                found.setdefault((kind, item.mark.address_tag), []).append(item)
    return found


def _is_in_id(kind: Kind) -> bool:
    return kind.remote is not None and isinstance(kind.remote.identity, InId)


def _is_cleaned(resource: Resource | None, cleaned: frozenset[Address]) -> bool:
    return resource is not None and resource.generated_by in cleaned


def _cleaned(changes: Iterable[Change], desired: Desired) -> frozenset[Address]:
    """Jobs that clean up, and whose results are saved: the resources that they generated are deleted too."""
    return frozenset(
        change.address
        for change in changes
        if change.reason is Reason.DONE and (change.action is Action.DELETE or change.name is None)
        if (resource := desired.resources.get(change.address)) and resource.run and resource.run.clean
    )


def _needed(
    changes: Iterable[Change],
    desired: Desired,
    ownership: Ownership,
    live: Mapping[str, LiveObject],
    kinds: Mapping[str, Kind],
) -> Mapping[Address, timedelta]:
    """The resources that an object refers to that is going to be made, also one that comes with another; and how long
    each has to be there.
    """
    needed: dict[Address, timedelta] = {}
    for change in changes:
        kind = kinds[change.address.kind]
        if change.action in MAKING:
            targets = [reference.target for reference in desired.resources[change.address].declared.references]
        else:
            targets = sources(change, desired, ownership, live, kind) if kind.members else []
        reads = kind.lifetime.reads
        for target in targets:
            needed[target] = max(needed.get(target, reads), reads)
    return needed


def _whole(address: Address, desired: Desired, ledger: Ledger) -> Address | None:
    """The job that this is a part of, or was generated for a part of; None for what is no part."""
    resource = desired.resources.get(address)
    if resource and resource.generated_by:
        return _whole(resource.generated_by, desired, ledger)
    record = ledger.records.get(address)
    rules = resource.run if resource else record.run if record else None
    return rules.part.of if rules and rules.part and rules.part.count > 1 else None


def _as_part(change: Change, whole: Address | None) -> Change:
    return change if change.part_of == whole else replace(change, part_of=whole)


def _noted(change: Change, formerly: Mapping[Address, Address], replaced: Collection[Address]) -> Change:
    """The change of what is bound, with what went before it."""
    if not formerly and not replaced:
        return change
    old = formerly.get(change.address)
    said = [f"moved from {old}"] if old else []
    said += [REPLACED] if change.address in replaced else []
    if not said or change.reason in (Reason.SUPERSEDED, Reason.DUPLICATE, Reason.IN_USE):
        return change
    return replace(change, note="; ".join(filter(None, (*said, change.note))))


def _imported(record: Record | None, item: LiveObject | None, owner: OwnerTag, stacks: Mapping[OwnerTag, str]) -> str:
    """A note about an imported object: its inputs can't be read back, but the mark of its maker may tell them."""
    if record is None or item is None or record.origin is not Origin.IMPORTED:
        return ""
    assumed = "imported: its inputs are assumed to be the declared ones"
    if item.mark is None or item.mark.owner == owner:
        return assumed
    maker = whose(item.mark, stacks)
    if item.mark.of(record.spec_tag):
        return f"made by {maker}, of what is declared here"
    return f"{assumed}; it carries the mark of {maker}, which shows another declaration"
