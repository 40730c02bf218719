"""What is run and not kept: a job has been run for a declaration, or it has not. It is never run twice unasked.

Nothing that has results is deleted, or superseded, before they are saved. What is done stays done, also when the
service has forgotten it. docs/lifecycle.md has the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Reason, Seen
from gemctl.core.kind import Catalogue, Lifetime
from gemctl.core.live import Item, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.record import Generation, Ledger, Record
from gemctl.core.resource import Ending, Harvest, Receipt, Resource, Run
from gemctl.plan.decisions import edited, keep, seen


def job(resource: Resource, record: Record | None, item: Item | None, now: datetime) -> Iterable[Change]:
    """What to do about a declared job. `item` is the live object of `record`."""
    receipt = _receipt(resource)
    if record is None:
        yield _first_run(resource, receipt)
    elif record.spec != attempt_tag(resource.spec_tag, record.attempt) and edited(resource, record):
        yield from _edited(resource, record, item)
    elif item is None:
        yield _forgotten(resource, record, receipt)
    elif item.phase is Phase.WAITING:
        yield _running(resource, record, item, now)
    elif item.phase is Phase.READY and not _saved(record, receipt) and resource.run and resource.run.results:
        yield Change(resource.address, Action.HARVEST, Reason.FINISHED, item.name, seen=seen(item), due=now)
    else:
        yield _ended(resource, record, item, receipt, now)


def old_run(generation: Generation, item: Item, wanted: Resource | None, record: Record | None) -> Iterable[Change]:
    """An earlier attempt, or what was run of an earlier declaration; or a second run of what is bound as `record`."""
    if record and item.mark and item.mark.of(record.spec):
        action = Action.CANCEL if item.phase is Phase.WAITING else Action.DELETE
        yield Change(generation.address, action, Reason.DUPLICATE, item.name, seen=seen(item))
        return
    yield from _leaving(generation.address, generation.record, item, Reason.SUPERSEDED, delete=wanted is None)


def undeclared(address: Address, record: Record, item: Item | None) -> Iterable[Change]:
    """A job that nobody declares any more: cancelled, harvested, deleted, in this order and over as many plans."""
    if item is None:
        yield Change(address, Action.FORGET, Reason.UNDECLARED, record.name, seen=Seen())
    else:
        yield from _leaving(address, record, item, Reason.UNDECLARED, delete=True)


def in_use(ledger: Ledger, live: Mapping[str, Item], catalogue: Catalogue) -> frozenset[str]:
    """Live names that a job refers to which has not ended."""
    runs = [*ledger.records.values(), *(old.record for old in ledger.retiring.values() if old.record)]
    return frozenset(
        name
        for record in runs
        if (item := live.get(record.name)) and catalogue[item.kind].lifetime is Lifetime.ONCE
        if item.phase is Phase.WAITING
        for name in record.uses
    )


def _receipt(resource: Resource) -> Receipt | None:
    """The receipt, if it is for what is declared now."""
    receipt = resource.receipt
    if receipt and receipt.spec == attempt_tag(resource.spec_tag, receipt.attempt):
        return receipt
    return None


def _saved(record: Record, receipt: Receipt | None) -> bool:
    return record.harvest is not None or (receipt is not None and receipt.attempt >= record.attempt)


def _first_run(resource: Resource, receipt: Receipt | None) -> Change:
    if receipt and receipt.without and _may_again(resource, receipt.attempt, (resource.run or Run()).on_failed):
        return _again(resource, receipt.attempt, receipt)
    if receipt:
        return _done(resource, None, receipt.harvest, f"its results were saved from {receipt.job}")
    fields = tuple(FieldChange((name,), None, value) for name, value in resource.declared.fields.items())
    return Change(resource.address, Action.CREATE, Reason.DECLARED, None, fields, Seen())


def _done(resource: Resource, item: Item | None, harvest: Harvest | None, note: str = "") -> Change:
    """It was run, and there is nothing left to do; what has no result is said."""
    missing = f"{harvest.failed} without a result" if harvest and harvest.failed else ""
    return keep(resource.address, Reason.DONE, item, note="; ".join(filter(None, (note, missing))))


def _edited(resource: Resource, record: Record, item: Item | None) -> Iterable[Change]:
    """Another declaration: run it; what was run before gives its results, or is told to stop."""
    if item is not None:
        yield from _leaving(resource.address, record, item, Reason.SUPERSEDED, delete=False)
    yield Change(resource.address, Action.CREATE, Reason.EDITED, None, edited(resource, record))


def _leaving(address: Address, record: Record | None, item: Item, reason: Reason, *, delete: bool) -> Iterable[Change]:
    if item.phase is Phase.WAITING:
        yield Change(address, Action.CANCEL, reason, item.name, seen=seen(item))
        return
    unsaved = item.phase is Phase.READY and record is not None and record.harvest is None
    if unsaved and record and record.run and record.run.results:
        yield Change(address, Action.HARVEST, Reason.FINISHED, item.name, seen=seen(item))
    if delete:
        yield Change(address, Action.DELETE, reason, item.name, seen=seen(item))
    elif not unsaved:
        yield keep(address, reason, item)


def _forgotten(resource: Resource, record: Record, receipt: Receipt | None) -> Change:
    rules = resource.run or Run()
    if _saved(record, receipt) or not rules.results:
        if receipt and receipt.without and _may_again(resource, record.attempt, rules.on_failed):
            return _again(resource, record.attempt, receipt)
        return _done(resource, None, record.harvest or (receipt.harvest if receipt else None))
    if _may_again(resource, record.attempt, rules.on_failed):
        return _again(resource, record.attempt, None)
    return keep(resource.address, Reason.FAILED, None, note="the service has forgotten it, and no results were saved")


def _running(resource: Resource, record: Record, item: Item, now: datetime) -> Change:
    rules = resource.run or Run()
    end = item.created + rules.deadline if item.created and rules.deadline else None
    if end is None or end > now:
        return keep(resource.address, Reason.RUNNING, item, until=end, due=end, note=_progress(item))
    if _may_again(resource, record.attempt, rules.on_expired):
        return Change(resource.address, Action.CANCEL, Reason.EXPIRED, item.name, seen=seen(item))
    return keep(resource.address, Reason.RUNNING, item, note=f"past its deadline; {_progress(item)}")


def _ended(resource: Resource, record: Record, item: Item, receipt: Receipt | None, now: datetime) -> Change:
    rules = resource.run or Run()
    overdue = bool(item.created and rules.deadline and item.created + rules.deadline <= now)
    if item.phase is Phase.FAILED:
        ending = rules.on_failed if item.why == "failed" else rules.on_expired
        if _may_again(resource, record.attempt, ending):
            return _again(resource, record.attempt, None)
        return keep(resource.address, Reason.FAILED, item, note=f"it ended as {item.facts.get('state', 'failed')}")
    again = [rules.on_failed, *([rules.on_expired] if overdue else [])]  # it was cancelled when its deadline passed
    if receipt and receipt.without and any(_may_again(resource, record.attempt, ending) for ending in again):
        return _again(resource, record.attempt, receipt)
    if rules.clean and _saved(record, receipt):
        return Change(resource.address, Action.DELETE, Reason.DONE, item.name, seen=seen(item))
    return _done(resource, item, record.harvest)


def _may_again(resource: Resource, attempt: int, ending: Ending) -> bool:
    return ending is Ending.RESUBMIT and attempt <= (resource.run or Run()).max_resubmits


def _again(resource: Resource, attempt: int, receipt: Receipt | None) -> Change:
    """The next attempt: all of it, or what has no result."""
    note = f"{len(receipt.without)} without a result" if receipt else ""
    return Change(resource.address, Action.CREATE, Reason.RESUBMIT, attempt=attempt + 1, note=note)


def _progress(item: Item) -> str:
    """What the service counts."""
    total = item.facts.get("requestCount")
    done = int(item.facts.get("successfulRequestCount") or 0) + int(item.facts.get("failedRequestCount") or 0)
    return f"{done} of {total} requests" if total is not None else ""
