"""Lets a run that refers to another run wait for its end: what it refers to is the answer of that run. Called by
admit.py, asks.py and guard.py.

A run may take hours, and no step waits for one. So the later one is kept back until a plan sees that the former has
come to its end. Where that came to nothing, the later one is never sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.change import Reason
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired, Resource
from gemctl.plan.lifetimes import policy


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the runs that others refer to. `making` are the addresses that this plan runs, or that wait."""

    desired: Desired
    ledger: Ledger
    live: Mapping[str, LiveObject]
    catalogue: Catalogue
    making: Collection[Address]

    def held(self, resource: Resource) -> tuple[Reason, str] | None:
        """Why a run can't be sent now, and why in words: QUEUED while it waits, FAILED where it never will be. None for
        one that can be sent.
        """
        for reference in followed(resource, self.catalogue):
            target = reference.target
            item = self._item(target)
            if target in self.making and (further := self._held(target)) and further[0] is Reason.FAILED:
                return Reason.FAILED, f"not sent: {target}, which it refers to, is not sent either"
            if target in self.making or (item and item.phase is Phase.WAITING):
                return Reason.QUEUED, f"it waits for the end of {target}, which it refers to"
            if item and item.phase is Phase.FAILED:
                why = f": {item.why}" if item.why else ""
                return Reason.FAILED, f"not sent: {target}, which it refers to, ended as {item.state or 'failed'}{why}"
            if item and item.counts and item.counts.failed:
                return Reason.FAILED, f"not sent: {target}, which it refers to, ended as {item.state}, not as a whole"
        return None

    def gone(self, resource: Resource) -> Iterator[Reference]:
        """The references to runs of which the service shows nothing any more."""
        for reference in followed(resource, self.catalogue):
            if reference.target not in self.making and self._item(reference.target) is None:
                yield reference

    def followers(self) -> Mapping[Address, Address]:
        """The runs that another refers to which is not sent yet, or has not ended; each with that one."""
        found: dict[Address, Address] = {}
        for address, resource in self.desired.resources.items():
            item = self._item(address)
            if address in self.making or (item and item.phase is Phase.WAITING):
                found |= {one.target: address for one in followed(resource, self.catalogue)}
        return found

    def _held(self, address: Address) -> tuple[Reason, str] | None:
        resource = self.desired.resources.get(address)
        return self.held(resource) if resource else None

    def _item(self, address: Address) -> LiveObject | None:
        record = self.ledger.records.get(address)
        return self.live.get(record.name) if record else None


def awaited(desired: Desired, ledger: Ledger, catalogue: Catalogue) -> frozenset[Address]:
    """The runs whose end must be known although their results are saved: another that refers to one is not sent yet, or
    may be sent again.
    """
    found: set[Address] = set()
    for address, resource in desired.resources.items():
        record = ledger.records.get(address)
        harvest = record.harvest if record else None
        now = record is not None and record.spec_tag == attempt_tag(resource.spec_tag, record.attempt)
        if not (now and harvest and not (harvest.failed or harvest.blocked)):
            found |= {one.target for one in followed(resource, catalogue)}
    return frozenset(found)


def followed(resource: Resource, catalogue: Catalogue) -> Iterator[Reference]:
    """The references of a resource to runs, whose answers go along with it."""
    for reference in resource.declared.references:
        kind = catalogue.get(reference.target.kind)
        if kind and reference.sent and policy(kind).RUNS:
            yield reference
