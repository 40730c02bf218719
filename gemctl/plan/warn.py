"""What will be lost although all goes by the plan: said as long as something can be done about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue, Lifetime
from gemctl.core.live import Item, Phase, World
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired, Expiry, Resource, Ttl, Until
from gemctl.plan.jobs import LONGEST_RUN, results_gone
from gemctl.plan.moves import LOST, seem_renamed

USUAL_RUN = timedelta(hours=24)  # the service means to take no longer (API guide, Batch API)
SHORTLY = timedelta(hours=1)  # what a run refers to is made before it, and may end as much before it
_OLD = (Reason.SUPERSEDED, Reason.DUPLICATE)


def warnings(
    changes: Iterable[Change], desired: Desired, ledger: Ledger, world: World, catalogue: Catalogue
) -> tuple[Diagnostic, ...]:
    """Results that nobody saves; what ends before the runs that refer to it may have ended; and what seems to have been
    renamed, and would be made anew.
    """
    changes, now = tuple(changes), world.now
    live = {item.name: item for items in world.listings.values() for item in items}
    ends = _ends(changes, desired, ledger, live, now)
    found: list[Diagnostic] = []
    for change in changes:
        resource, record = desired.resources.get(change.address), ledger.records.get(change.address)
        if resource is None or catalogue[change.address.kind].lifetime is not Lifetime.ONCE:
            continue
        item = live.get(change.name) if change.name else None
        if change.reason is Reason.DONE and item and record:
            found += _unsaved(resource, record, item, now)
        elif change.action is Action.CREATE:
            found += _too_short(resource, ends.of(resource, None), now + USUAL_RUN, desired, catalogue, now)
        elif change.reason is Reason.RUNNING and item:
            found += _too_short(resource, ends.of(resource, record), _expected(item, now), desired, catalogue, now)
    return (*found, *_renamed(changes, desired, ledger, catalogue))


def _renamed(changes: Iterable[Change], desired: Desired, ledger: Ledger, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Not of what has ended: there is nothing to be lost; but what has been run would be run again. Nor of what is not
    made anew: a receipt may say that it was run.
    """
    known = {change.address for change in changes}
    made = {change.address for change in changes if change.action is Action.CREATE}
    lost = {change.address for change in changes if change.action in (Action.DELETE, Action.CANCEL, Action.HARVEST)}
    told: set[Address] = set()
    for old, new in seem_renamed(desired, ledger).items():
        runs = catalogue[old.kind].lifetime is Lifetime.ONCE
        if new in told or new not in made or not (old in lost or (runs and old in known)):
            continue
        told.add(new)
        again = "run again" if runs else "made anew"
        if old.name.startswith(LOST):  # its name is not known; but a mark can be compared with one
            way = f"write into gemctl.yaml: moved: [{{from: {old.kind}/NAME, to: {new}}}], with the name that it had"
        else:
            way = f"say so: `gemctl state mv {old} {new}`, or in gemctl.yaml: moved: [{{from: {old}, to: {new}}}]"
        yield problem(
            "W566",
            f"{old} is no longer declared, and {new} is declared as the very same. It is {again}, and the old one is "
            "given up.",
            span=desired.resources[new].positions.value(("metadata", "name")),
            address=new,
            hint=f"If it was renamed, {way}.",
        )


def _unsaved(resource: Resource, record: Record, item: Item, now: datetime) -> Iterator[Diagnostic]:
    if (resource.run and resource.run.results) or record.harvest:
        return
    if item.phase is not Phase.READY or results_gone(item, now):
        return
    known = item.deadline is not None and item.deadline > now
    when = f"at {show_instant(item.deadline.replace(microsecond=0))}" if item.deadline and known else "before long"
    yield problem(
        "W506",
        f"{item.name} has ended, and its results are not saved anywhere: give run.results, or they are gone {when}.",
        span=resource.positions.value(("metadata", "name")),
        address=resource.address,
        hint="Write run: {results: out/results.jsonl} and apply: they are saved, and nothing is run again.",
    )


def _expected(item: Item, now: datetime) -> datetime:
    """When a run that goes on should have ended; if that has passed, when it must have."""
    created = item.created or now
    usual = created + USUAL_RUN
    return (usual if usual > now else created + LONGEST_RUN) - SHORTLY


@dataclass(frozen=True, slots=True)
class _Ends:
    """When things end once the plan is applied, if that is the last one: by live name, and by address."""

    names: Mapping[str, tuple[Address, datetime]]
    addresses: Mapping[Address, datetime]

    def of(self, resource: Resource, record: Record | None) -> Iterator[tuple[Address, datetime]]:
        """Of what it refers to; of what a run was made of, where that is known: it may be an older one."""
        if record and record.uses:
            yield from (self.names[name] for name in record.uses if name in self.names)
            return
        for target in dict.fromkeys(reference.target for reference in resource.declared.references):
            if target in self.addresses:
                yield target, self.addresses[target]


def _ends(
    changes: Iterable[Change], desired: Desired, ledger: Ledger, live: Mapping[str, Item], now: datetime
) -> _Ends:
    owners = {name: old.address for name, old in ledger.retiring.items()}
    owners |= {record.name: address for address, record in ledger.records.items()}
    names = {
        name: (address, item.deadline)
        for name, address in owners.items()
        if (item := live.get(name)) and item.deadline is not None
    }
    addresses = {address: names[record.name][1] for address, record in ledger.records.items() if record.name in names}
    for change in changes:
        resource = desired.resources.get(change.address)
        if resource is None or change.reason in _OLD:
            continue
        if change.action not in (Action.CREATE, Action.REPLACE, Action.UPDATE):
            continue
        if end := _end(resource.declared.expiry, now):
            addresses[change.address] = end
            if change.action is Action.UPDATE and change.name:
                names[change.name] = (change.address, end)
    return _Ends(names, addresses)


def _end(expiry: Expiry | None, now: datetime) -> datetime | None:
    match expiry:
        case Ttl(ttl):
            return now + ttl
        case Until(expire_time):
            return expire_time
        case None:
            return None


def _too_short(
    resource: Resource,
    ends: Iterable[tuple[Address, datetime]],
    needed: datetime,
    desired: Desired,
    catalogue: Catalogue,
    now: datetime,
) -> Iterator[Diagnostic]:
    for target, end in ends:
        if end >= needed or catalogue[target.kind].lifetime is not Lifetime.RENEWABLE:
            continue
        left = f"in {show_duration(end - now)}" if end > now else "now"
        at = next((one.written or one.at for one in resource.declared.references if one.target == target), ())
        yield problem(
            "W507",
            f"{target} ends {left} unless it is renewed, and {resource.address} refers to it: a job may take a day, "
            "and requests that find it gone have no response.",
            span=resource.positions.value(("spec", *at)),
            address=resource.address,
            hint=_longer(desired.resources.get(target)),
        )


def _longer(target: Resource | None) -> str | None:
    match target.declared.expiry if target else None:
        case Ttl() if target and target.lifecycle.renew_before:
            often = show_duration(target.lifecycle.renew_before)
            return (
                "Give it more, such as ttl: 2d and lifecycle.renewBefore: 25h; or run `gemctl apply` at least every "
                f"{often} until the job has ended: that renews it."
            )
        case Until():
            return "Give it a later expireTime; or a ttl, which is renewed each time that gemctl runs in time."
        case _:
            return None
