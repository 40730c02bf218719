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
from itertools import chain

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.kind import Catalogue, kinds_of
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.project import JobLimits
from gemctl.core.quantities import Tier
from gemctl.core.record import Intent, Ledger
from gemctl.core.resource import Desired, Edit, Resource, Run
from gemctl.plan.chained import Before
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
    """The changes, with those runs waiting for which there is no room, or that refer to a run which has not ended; and
    those whose turn has come by that reason. A run that another is to follow goes on while that one waits.
    """
    changes = list(changes)
    kinds = kinds_of(chain(desired.resources, (change.address for change in changes)), catalogue)
    if not any(policy(kind).RUNS for kind in kinds.values()):
        return changes
    making = {one.address for one in changes if one.action is Action.CREATE or one.reason is Reason.QUEUED}
    before = Before(desired, ledger, live, catalogue, making)
    rooms: dict[str, _Room] = {}
    begun = _begun(desired, ledger)
    admitted: list[Change] = []
    waiting: set[Address] = set()
    for change in changes:
        resource = desired.resources.get(change.address)
        if change.action is not Action.CREATE or resource is None or not policy(catalogue[change.address.kind]).RUNS:
            admitted.append(change)
            continue
        if held := before.held(resource):
            reason, why = held
            waiting.add(change.address)
            due = now + LOOK_AGAIN if reason is Reason.QUEUED else None
            waits = keep(change.address, reason, None, due=due, note=why)
            admitted.append(replace(waits, approved=change.approved, attempt=change.attempt))
            continue
        if resource.quantities.tier is not Tier.BATCH:  # the bounds are those of batches
            admitted.append(change)
            continue
        kind = change.address.kind
        if kind not in rooms:
            rooms[kind] = _occupied(kind, desired, ledger, live, unresolved, limits)
        change = _of_one_job(change, resource, begun)
        if change.action is Action.CREATE and (why := rooms[kind].take(resource, change)):
            waiting.add(change.address)
            told = change.note if change.reason is Reason.QUEUED else ""
            waits = keep(change.address, Reason.QUEUED, None, due=now + LOOK_AGAIN, note=_said(why, told))
            change = replace(waits, approved=change.approved, attempt=change.attempt)
        admitted.append(change)
    followers = before.followers()
    return [
        _goes_on(change, live) if change.address in waiting else _stays(change, followers, live) for change in admitted
    ]


def _stays(change: Change, followers: Mapping[Address, Address], live: Mapping[str, LiveObject]) -> Change:
    """The change; a run that others still carry on is not cleaned up."""
    if (change.action, change.reason) != (Action.DELETE, Reason.DONE) or change.address not in followers:
        return change
    note = f"it stays until {followers[change.address]}, which refers to it, has ended"
    return keep(change.address, Reason.DONE, live.get(change.name or ""), note=note)


def _goes_on(change: Change, live: Mapping[str, LiveObject]) -> Change:
    if (change.action, change.reason) != (Action.CANCEL, Reason.SUPERSEDED):
        return change
    note = "it goes on until there is room for the one that takes its place"
    return keep(change.address, Reason.SUPERSEDED, live.get(change.name or ""), note=note)


def _of_one_job(change: Change, resource: Resource, begun: Mapping[tuple[Address, str], _Begun]) -> Change:
    """The create of a part, with what follows from other parts of the same job: who asked for these asked for it."""
    rules, part = resource.run or Run(), resource.run.part if resource.run else None
    if part is None or part.count == 1 or change.attempt > 1:
        return change
    same = begun.get((part.of, rules.whole))
    if same and same.now and same.stopped:
        note = f"its job was cancelled before this part was run; {AGAIN}"
        return keep(change.address, Reason.FAILED, None, note=note)
    if same and same.now:
        edited = ", ".join(str(one) for one in sorted(same.edited))
        note = f"with what is declared now: since other parts were run, {edited} was edited" if edited else ""
        return replace(change, reason=Reason.QUEUED, approved=True, note=_said(change.note, note))
    key = resource.declared.fields.get("run")
    older = [one for (job, _), one in begun.items() if job == part.of and one.key == key]
    if older and rules.on_own_edit is Edit.REPORT:
        note = f"its job was run before it was edited; {AGAIN} (run.onEdit.own is report)"
        return keep(change.address, Reason.DONE, None, note=note)
    return change


def _said(*notes: str) -> str:
    return "; ".join(filter(None, notes))


@dataclass(slots=True)
class _Begun:
    """A job in parts of which some were run, under this run.key: `now` as it is declared now, `stopped` by a person.
    `edited` are the resources that were edited since.
    """

    key: object = None
    now: bool = False
    stopped: bool = False
    edited: frozenset[Address] = frozenset()


def _begun(desired: Desired, ledger: Ledger) -> dict[tuple[Address, str], _Begun]:
    """Jobs of which parts were run, by what the whole was that they were cut from."""
    found: dict[tuple[Address, str], _Begun] = {}
    for address, record in ledger.records.items():
        part = record.run.part if record.run else None
        if record.run is None or part is None or part.count == 1 or record.fields is None:
            continue
        one = found.setdefault((part.of, record.run.whole), _Begun())
        one.key = record.fields.get("run")
        declared = desired.resources.get(address)
        if declared and record.spec_tag == attempt_tag(declared.spec_tag, record.attempt):
            one.now, one.stopped = True, one.stopped or record.stopped
            one.edited |= set(declared.edited_since)
    return found


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
            return f"it waits for room: of this key {most:,} job{'' if most == 1 else 's'} may run at a time"
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
    lacking = receipt.lacking(resource.run) if receipt else ()
    if attempt > 1 and lacking and used.requests:
        return used.input.likely * len(lacking) // used.requests
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
