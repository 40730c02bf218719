"""What is run and not kept: a job has been run for a declaration, or it has not. It is never run twice unasked.

Nothing that has results is deleted, or superseded, before they are saved. What is done stays done, also when the
service has forgotten it. docs/lifecycle.md has the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Reason, Seen
from gemctl.core.kind import Catalogue, Lifetime
from gemctl.core.live import Item, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.moment import parse_instant
from gemctl.core.record import Generation, Ledger, Record
from gemctl.core.resource import Ending, Harvest, Receipt, Resource, Run
from gemctl.plan.decisions import edited, first, keep, new_fields, seen

LONGEST_RUN = timedelta(days=2)  # what has not ended by then has expired (API guide, Batch API)
UNSAVED = "its results are not saved anywhere: run.results says where"
AGAIN = "changing run.key runs it again"


def job(resource: Resource, record: Record | None, item: Item | None, now: datetime) -> Iterable[Change]:
    """What to do about a declared job. `item` is the live object of `record`."""
    receipt = _receipt(resource)
    if record is None:
        yield _first_run(resource, receipt, now)
    elif record.spec != attempt_tag(resource.spec_tag, record.attempt) and edited(resource, record):
        yield from _edited(resource, record, item, now)
    elif item is None:
        yield _forgotten(resource, record, None, receipt, now)
    elif item.phase is Phase.WAITING:
        yield _running(resource, record, item, now)
    elif item.phase is Phase.READY and not _saved(record, receipt) and _wanted(resource.run):
        if results_gone(item, now):
            yield _forgotten(resource, record, item, receipt, now)
        else:
            yield _harvest(resource.address, item, now if _follows(resource, record, item) else None)
    else:
        yield _ended(resource, record, item, receipt, now)


def old_run(
    generation: Generation, item: Item, wanted: Resource | None, record: Record | None, now: datetime
) -> Iterable[Change]:
    """An earlier attempt, or what was run of an earlier declaration; or a second run of what is bound as `record`."""
    address, run = generation.address, generation.record
    if record and item.mark and item.mark.of(record.spec):
        yield duplicate(address, item, wanted, record, now)
        return
    saved = run is not None and (run.harvest is not None or _receipt_covers(wanted, run))
    delete = wanted is None or bool(run and run.run and run.run.clean)
    yield from _leaving(address, run, item, Reason.SUPERSEDED, now, saved=saved, delete=delete)


def duplicate(address: Address, item: Item, wanted: Resource | None, record: Record | None, now: datetime) -> Change:
    """A second run of what is bound as `record`. What runs is stopped first. What has ended is there in case that the
    results of the other can't be had, and is deleted once they are saved.
    """
    if item.phase is Phase.WAITING:
        return _cancel(address, item, Reason.DUPLICATE, now)
    rules = wanted.run if wanted else record.run if record else None
    saved = record is not None and (record.harvest is not None or _receipt_covers(wanted, record))
    if record and item.phase is Phase.READY and _wanted(rules) and not saved and not results_gone(item, now):
        note = f"deleted once the results of {record.name} are saved"
        return _stay(keep(address, Reason.DUPLICATE, item, until=_gone_at(item), note=note))
    return Change(address, Action.DELETE, Reason.DUPLICATE, item.name, seen=seen(item))


def undeclared(address: Address, record: Record, item: Item | None, now: datetime) -> Iterable[Change]:
    """A job that nobody declares any more: cancelled, harvested, deleted, in this order and over as many plans."""
    if item is None:
        yield Change(address, Action.FORGET, Reason.UNDECLARED, record.name, seen=Seen())
    else:
        saved = record.harvest is not None
        yield from _leaving(address, record, item, Reason.UNDECLARED, now, saved=saved, delete=True)


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


def is_over(resource: Resource, record: Record) -> bool:
    """Whether nothing is run again, or said to be lost, should the service show this declared run no longer."""
    if record.spec != attempt_tag(resource.spec_tag, record.attempt):
        return record.harvest is not None
    return _saved(record, _receipt(resource)) or not _wanted(resource.run)


def results_gone(item: Item, now: datetime) -> bool:
    """Whether the service has forgotten the results of a run that it still shows. Those that came with what it shows
    are there, however old they are.
    """
    gone_at = _gone_at(item)
    return gone_at is not None and gone_at <= now


def _gone_at(item: Item) -> datetime | None:
    return None if item.facts.get("resultsInline") else item.deadline


def _receipt(resource: Resource) -> Receipt | None:
    """The receipt, if it is for what is declared now."""
    receipt = resource.receipt
    if receipt and receipt.spec == attempt_tag(resource.spec_tag, receipt.attempt):
        return receipt
    return None


def _saved(record: Record, receipt: Receipt | None) -> bool:
    return record.harvest is not None or (receipt is not None and receipt.attempt >= record.attempt)


def _receipt_covers(resource: Resource | None, run: Record) -> bool:
    """Whether the receipt says that the results of this very run are saved. One of a later attempt says so if nothing
    is lacking: otherwise an earlier one may have what it lacks, and to save that once more does no harm.
    """
    receipt = _receipt(resource) if resource else None
    if resource is None or receipt is None or run.spec != attempt_tag(resource.spec_tag, run.attempt):
        return False
    return receipt.attempt == run.attempt or (receipt.attempt > run.attempt and not receipt.without)


def _wanted(rules: Run | None) -> bool:
    return rules is not None and rules.results is not None


def _rules(resource: Resource, record: Record) -> Run:
    """How it is to be run. Nothing is run again that somebody has stopped."""
    rules = resource.run or Run()
    return replace(rules, on_expired=Ending.REPORT, on_failed=Ending.REPORT) if record.stopped else rules


def _stay(change: Change) -> Change:
    """It is kept as it is. Its deadline is that of its results, and no concern of what stays."""
    return replace(change, seen=replace(change.seen, deadline=None)) if change.seen else change


def _harvest(address: Address, item: Item, due: datetime | None) -> Change:
    return Change(address, Action.HARVEST, Reason.FINISHED, item.name, seen=seen(item), until=_gone_at(item), due=due)


def _cancel(address: Address, item: Item, reason: Reason, now: datetime) -> Change:
    return Change(address, Action.CANCEL, reason, item.name, seen=seen(item), due=_expiry(item.created, now))


def _expiry(created: datetime | None, now: datetime) -> datetime | None:
    """When the service ends what has not ended by itself; None if that should have been. When it will be done nobody
    knows, but whenever that is: its results are there until two days later, so that this is early enough for them.
    """
    end = created + LONGEST_RUN if created else None
    return end if end and end > now else None


def _run(
    resource: Resource,
    reason: Reason,
    now: datetime,
    *,
    fields: tuple[FieldChange, ...] = (),
    seen: Seen | None = None,
    attempt: int = 1,
    note: str = "",
) -> Change:
    """Run it. It is to be looked at when its deadline has come, or when the service would end it."""
    rules = resource.run or Run()
    longest = min(LONGEST_RUN, rules.deadline or LONGEST_RUN)
    note = _said(note, "" if _wanted(rules) else UNSAVED)
    return Change(
        resource.address, Action.CREATE, reason, None, fields, seen, due=now + longest, note=note, attempt=attempt
    )


def _said(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _first_run(resource: Resource, receipt: Receipt | None, now: datetime) -> Change:
    rules = resource.run or Run()
    if receipt and receipt.without and _may_again(rules, receipt.attempt, rules.on_failed):
        return _again(resource, receipt.attempt, receipt, now)
    if receipt:
        return _done(resource, None, receipt.harvest, f"its results were saved from {receipt.job}")
    return _run(resource, Reason.DECLARED, now, fields=new_fields(resource), seen=Seen())


def _done(resource: Resource, item: Item | None, harvest: Harvest | None, *notes: str) -> Change:
    """It was run, and there is nothing left to do; what has no result is said."""
    missing = f"{harvest.failed} without a result" if harvest and harvest.failed else ""
    return _stay(keep(resource.address, Reason.DONE, item, note=_said(*notes, missing)))


def _edited(resource: Resource, record: Record, item: Item | None, now: datetime) -> Iterable[Change]:
    """Another declaration: run it; what was run before gives its results, or is told to stop."""
    if item is not None:
        saved = record.harvest is not None
        yield from _leaving(resource.address, record, item, Reason.SUPERSEDED, now, saved=saved, delete=False)
    yield _run(resource, Reason.EDITED, now, fields=edited(resource, record))


def _leaving(
    address: Address, record: Record | None, item: Item, reason: Reason, now: datetime, *, saved: bool, delete: bool
) -> Iterable[Change]:
    if item.phase is Phase.WAITING:
        yield _cancel(address, item, reason, now)
        return
    wanted = record is not None and _wanted(record.run) and not saved
    harvest = wanted and item.phase is Phase.READY and not results_gone(item, now)
    if harvest:
        yield _harvest(address, item, None)
    if delete:
        yield Change(address, Action.DELETE, reason, item.name, seen=seen(item))
    elif not harvest:
        yield _stay(keep(address, reason, item))


def _forgotten(resource: Resource, record: Record, item: Item | None, receipt: Receipt | None, now: datetime) -> Change:
    """The service shows it no longer, or no longer has its results."""
    rules = _rules(resource, record)
    if _saved(record, receipt) or not rules.results:
        if receipt and receipt.without and _may_again(rules, record.attempt, rules.on_failed):
            return _again(resource, record.attempt, receipt, now)
        return _done(resource, item, record.harvest or (receipt.harvest if receipt else None))
    if _may_again(rules, record.attempt, rules.on_failed):
        return _again(resource, record.attempt, None, now)
    what = "it" if item is None else "its results"
    note = f"the service has forgotten {what}, and no results were saved; {AGAIN}"
    return _stay(keep(resource.address, Reason.FAILED, item, note=note))


def _running(resource: Resource, record: Record, item: Item, now: datetime) -> Change:
    rules = _rules(resource, record)
    end = item.created + rules.deadline if item.created and rules.deadline else None
    expiry = _expiry(item.created, now)
    if end is None or end > now:
        return _stay(
            keep(resource.address, Reason.RUNNING, item, until=end, due=first(end, expiry), note=_progress(item))
        )
    if _may_again(rules, record.attempt, rules.on_expired):
        return replace(_cancel(resource.address, item, Reason.EXPIRED, now), due=now)  # it is run again at once
    return _stay(keep(resource.address, Reason.RUNNING, item, due=expiry, note=f"past its deadline; {_progress(item)}"))


def _ended(resource: Resource, record: Record, item: Item, receipt: Receipt | None, now: datetime) -> Change:
    rules = _rules(resource, record)
    if item.phase is Phase.FAILED:
        if _may_again(rules, record.attempt, _ending(rules, item)):
            return _again(resource, record.attempt, None, now)
        note = f"it ended as {item.facts.get('state', 'failed')}"
        stopped = f": it was cancelled, and {AGAIN}" if item.why == "cancelled" else ""
        return _stay(keep(resource.address, Reason.FAILED, item, note=note + stopped))
    again = [rules.on_failed, *([rules.on_expired] if _overdue(rules, item) else [])]
    if receipt and receipt.without and any(_may_again(rules, record.attempt, ending) for ending in again):
        return _again(resource, record.attempt, receipt, now)
    if rules.clean and _saved(record, receipt):
        return Change(resource.address, Action.DELETE, Reason.DONE, item.name, seen=seen(item))
    stopped = f"it was cancelled, and {AGAIN}" if record.stopped and receipt and receipt.without else ""
    lost = not _wanted(rules) and not _saved(record, receipt) and not results_gone(item, now)
    return _done(resource, item, record.harvest, UNSAVED if lost else "", stopped)


def _ending(rules: Run, item: Item) -> Ending:
    """What is to be done about a run that has ended so, without results. One that was cancelled in time was stopped
    by somebody, who does not want it; one that was cancelled later took too long, and was to be.
    """
    match item.why:
        case "failed":
            return rules.on_failed
        case "cancelled" if not _overdue(rules, item):
            return Ending.REPORT
        case _:
            return rules.on_expired


def _overdue(rules: Run, item: Item) -> bool:
    """Whether it had been going on for longer than `run.deadline` when it ended."""
    ended = parse_instant(item.facts["endTime"]) if "endTime" in item.facts else item.updated
    return bool(item.created and rules.deadline and ended and item.created + rules.deadline <= ended)


def _may_again(rules: Run, attempt: int, ending: Ending) -> bool:
    return ending is Ending.RESUBMIT and attempt <= rules.max_resubmits


def _follows(resource: Resource, record: Record, item: Item) -> bool:
    """Whether there is something to do as soon as its results are saved."""
    rules = _rules(resource, record)
    failed = item.counts is not None and item.counts.failed > 0
    return rules.clean or (failed and _may_again(rules, record.attempt, rules.on_failed))


def _again(resource: Resource, attempt: int, receipt: Receipt | None, now: datetime) -> Change:
    """The next attempt: all of it, or what has no result."""
    note = f"{len(receipt.without)} without a result" if receipt else ""
    return _run(resource, Reason.RESUBMIT, now, attempt=attempt + 1, note=note)


def _progress(item: Item) -> str:
    """What the service counts."""
    counts = item.counts
    return f"{counts.succeeded + counts.failed} of {counts.total} requests" if counts else ""
