"""Lets only so many runs into the service at a time: those that find no room wait for the next plan. Called by
compare.py, before it is known which files runs need.

The service bounds the jobs of a key's project that have not ended, and their tokens by model. What is in it is counted
over the live list, whoever made it, and over creates that were sent and never answered: so two states count right, and
so does a run after one that was killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.kind import Catalogue
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.project import JobLimits
from gemctl.core.record import Intent, Ledger, Record
from gemctl.core.resource import Desired, Resource
from gemctl.plan.decisions import keep
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.once import AGAIN

LOOK_AGAIN = timedelta(minutes=1)  # a job may end at any time


def admit(
    changes: Iterable[Change],
    desired: Desired,
    ledger: Ledger,
    live: Mapping[str, LiveObject],
    unresolved: Collection[Intent],
    catalogue: Catalogue,
    limits: JobLimits,
    now: datetime,
) -> list[Change]:
    """The changes, with those runs waiting for which there is no room; and those whose turn has come by that reason."""
    rooms: dict[str, _Room] = {}
    admitted: list[Change] = []
    for change in changes:
        resource = desired.resources.get(change.address)
        if change.action is not Action.CREATE or resource is None or not policy(catalogue[change.address.kind]).RUNS:
            admitted.append(change)
            continue
        kind = change.address.kind
        if kind not in rooms:
            rooms[kind] = _occupied(kind, desired, ledger, live, unresolved, limits)
        begun = _begun(resource, desired, ledger)
        if begun and change.reason is Reason.DECLARED:
            change = replace(change, reason=Reason.QUEUED, approved=True)
        if begun and change.reason is Reason.QUEUED and any(record.stopped for record in begun):
            note = f"its job was cancelled before this part was run; {AGAIN}"
            change = keep(change.address, Reason.FAILED, None, note=note)
        elif why := rooms[kind].take(resource, change):
            waits = keep(change.address, Reason.QUEUED, None, due=now + LOOK_AGAIN, note=why)
            change = replace(waits, approved=change.approved, attempt=change.attempt)
        admitted.append(change)
    return admitted


def _begun(resource: Resource, desired: Desired, ledger: Ledger) -> list[Record]:
    """The records of other parts of the same job that were run already, as they are declared: who asked for these asked
    for this one as well.
    """
    part = resource.run.part if resource.run else None
    if part is None or part.count == 1:
        return []
    begun = []
    for number in range(1, part.count + 1):
        sibling = desired.resources.get(Address(part.of.kind, f"{part.of.name}.{number:04d}"))
        record = ledger.records.get(sibling.address) if sibling else None
        if sibling and record and record.spec_tag == attempt_tag(sibling.spec_tag, record.attempt):
            begun.append(record)
    return begun


@dataclass(slots=True)
class _Room:
    """What is in the service: `jobs` that have not ended, and their `tokens` by model."""

    limits: JobLimits
    jobs: int
    tokens: Counter[str]

    def take(self, resource: Resource, change: Change) -> str:
        """Take the room of a run. Returns why there is none, in words; "" if there is."""
        most, model = self.limits.jobs, resource.declared.model.model if resource.declared.model else ""
        if most is not None and self.jobs >= most:
            return f"it waits for room: {self.jobs:,} jobs of this key have not ended, and the limit is {most:,}"
        bound, asked = self.limits.enqueued_tokens.get(model), tokens(resource, change.attempt)
        if bound is not None and self.tokens[model] and self.tokens[model] + asked > bound:
            return (
                f"it waits for room: jobs that have not ended hold about {self.tokens[model]:,} tokens of {model}, and "
                f"with {asked:,} more that is over the limit of {bound:,}"
            )
        self.jobs += 1
        self.tokens[model] += asked
        return ""


def tokens(resource: Resource, attempt: int = 1) -> int:
    """About how many tokens a run sends: all of its requests, or those that are run again."""
    used = resource.quantities
    receipt = resource.receipt
    if attempt > 1 and receipt and receipt.without and used.requests:
        return used.input.likely * len(receipt.without) // used.requests
    return used.input.likely


def _occupied(
    kind: str,
    desired: Desired,
    ledger: Ledger,
    live: Mapping[str, LiveObject],
    unresolved: Collection[Intent],
    limits: JobLimits,
) -> _Room:
    running = [item for item in live.values() if item.kind == kind and item.phase is Phase.WAITING]
    owners = {record.name: (address, record.attempt) for address, record in ledger.records.items()}
    held: Counter[str] = Counter()
    for item in running:
        address, attempt = owners.get(item.name, (None, 1))
        resource = desired.resources.get(address) if address else None
        held[item.model] += tokens(resource, attempt) if resource else 0  # of others' jobs nobody says how many
    sent = [intent for intent in unresolved if intent.address.kind == kind]
    for intent in sent:
        resource = desired.resources.get(intent.address)
        if resource and resource.declared.model:
            held[resource.declared.model.model] += tokens(resource)
    return _Room(limits, len(running) + len(sent), held)
