"""Warns of losses that follow although all goes by the plan, while they can be avoided. Called by make.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.live import LiveObject
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired, Expiry, Resource, Ttl, Until
from gemctl.plan.compare import Subjects
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.policy import Foreseen
from gemctl.plan.members import failed
from gemctl.plan.moves import LOST, seem_renamed

_NAMED = 10  # documents, of all that could not be indexed
_OLD = (Reason.SUPERSEDED, Reason.DUPLICATE)


def warnings(
    changes: Iterable[Change], subjects: Subjects, desired: Desired, ledger: Ledger, catalogue: Catalogue
) -> tuple[Diagnostic, ...]:
    """The losses that each lifetime foresees; live names where references should be; and resources that seem to have
    been renamed, and would be made anew.
    """
    changes = tuple(changes)
    foreseen = Foreseen(desired, subjects.now, {}, {})
    if any(policy(kind).RUNS for kind in subjects.kinds.values()):  # what ends is a loss to runs that refer to it
        foreseen = _foreseen(changes, desired, ledger, subjects.live, subjects.now, subjects.kinds)
    found: list[Diagnostic] = []
    for change in changes:
        if change.address in desired.resources:
            item = subjects.live.get(change.name) if change.name else None
            subject = subjects.of(change.address)
            if subject.item is not item:
                subject = replace(subject, item=item)
            found += policy(subject.kind).foresee(change, subject, foreseen)
        if change.members and change.members.failed and (resource := desired.resources.get(change.address)):
            found.append(_not_indexed(resource, failed(change.address, ledger, resource)))
    found = list(dict.fromkeys(found))  # the parts of a job have many in common
    return (*found, *_pasted(changes, desired, ledger), *_renamed(changes, desired, ledger, catalogue))


def _not_indexed(resource: Resource, paths: Sequence[str]) -> Diagnostic:
    more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
    said = f"{', '.join(sorted(paths)[:_NAMED])}{more}"
    return problem("W592", f"{said}.", span=resource.positions.value(("metadata", "name")), address=resource.address)


def _pasted(changes: Iterable[Change], desired: Desired, ledger: Ledger) -> Iterator[Diagnostic]:
    """Warn of live names of ours that stand where a reference should: nobody knows of the edge between the two."""
    found = {at: resource for change in changes if (resource := desired.resources.get(at := change.address))}
    pasting = [resource for _, resource in sorted(found.items()) if resource.declared.pasted]
    owners = {record.name: address for address, record in ledger.records.items()} if pasting else {}
    owners |= {name: old.address for name, old in ledger.retiring.items()}
    told: set[tuple[Address | None, str]] = set()
    for resource in pasting:
        for one in resource.declared.pasted:
            target = owners.get(one.name)
            if target is None or (resource.job, one.name) in told:
                continue
            told.add((resource.job, one.name))
            yield problem(
                "W508",
                f"{one.name} is {target} of this project.",
                span=one.span or resource.positions.value(("spec", *one.at)),
                address=resource.job,
                hint=f"Write {one.field}: {{name: {target.name}}} in its place.",
            )


def _renamed(changes: Iterable[Change], desired: Desired, ledger: Ledger, catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Warn of what seems renamed. Not of objects that have ended: there is nothing to be lost; but a run would be run
    again. Nor where nothing is made anew: a receipt may say that it was run.
    """
    if not (renamed := seem_renamed(desired, ledger)):
        return
    known = {change.address for change in changes}
    made = {change.address for change in changes if change.action is Action.CREATE}
    lost = {change.address for change in changes if change.action in (Action.DELETE, Action.CANCEL, Action.HARVEST)}
    told: set[Address] = set()
    for old, new in renamed.items():
        runs = policy(catalogue[old.kind]).RUNS
        if new in told or new not in made or not (old in lost or (runs and old in known)):
            continue
        rules = desired.resources[new].run
        if rules and rules.part and rules.part.number > 1:
            continue  # said of the first part
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


def _foreseen(
    changes: Iterable[Change],
    desired: Desired,
    ledger: Ledger,
    live: Mapping[str, LiveObject],
    now: datetime,
    kinds: Mapping[str, Kind],
) -> Foreseen:
    """When objects end that could be renewed, by live name and by address."""
    owners = {name: old.address for name, old in ledger.retiring.items()}
    owners |= {record.name: address for address, record in ledger.records.items()}
    names = {
        name: (address, item.deadline)
        for name, address in owners.items()
        if not policy(kinds[address.kind]).ENDS_ALONE
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
    return Foreseen(desired, now, names, addresses)


def _end(expiry: Expiry | None, now: datetime) -> datetime | None:
    match expiry:
        case Ttl(ttl):
            return now + ttl
        case Until(expire_time):
            return expire_time
        case None:
            return None
