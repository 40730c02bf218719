"""Plans runs: one has been run for a declaration, or it has not. It is never run twice unasked.

No run that has results is deleted, or superseded, before they are saved. A run that is done stays done, also when the
service has forgotten it. docs/lifecycle.md has the table. Called as policy.py says; compare.py and asks.py call
`in_use` and `is_over` besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, FieldChange, Precondition, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue, Kind, once
from gemctl.core.live import Cause, LiveObject, Phase
from gemctl.core.mark import OwnerTag, attempt_tag
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.plan import Step
from gemctl.core.record import Bound, Ledger, Record
from gemctl.core.resource import Ending, Harvest, Receipt, Resource, Run, Ttl, Until
from gemctl.core.source import show_path
from gemctl.plan import steps as make
from gemctl.plan.adopted import attempt_of, attempts
from gemctl.plan.decisions import edited, first, keep, new_fields, seen
from gemctl.plan.fields import drifted
from gemctl.plan.held import only_references
from gemctl.plan.lifetimes.kept import age, is_of
from gemctl.plan.lifetimes.policy import Case, Foreseen, Settling, Subject

RUNS = True
FREE = ENDS_ALONE = False

UNSAVED = "its results are not saved anywhere: run.results says where"
AGAIN = "changing run.key runs it again"
SHORTLY = timedelta(hours=1)  # objects that a run refers to are made before it, and may end as much before it


def rank(item: LiveObject) -> tuple[bool, datetime, str]:
    """One that has results, or may have, before one that failed; then the oldest."""
    return item.phase is Phase.FAILED, *age(item)


def settle(case: Case, at: Settling) -> None:
    """Bind one run. Attempts and earlier runs all stay what they are: only a second one of one attempt is a duplicate.

    A run that another state made of this very declaration is taken over. While it runs something else, the address is
    left alone; its other runs that have ended do no harm.
    """
    address, record, wanted, marked = case.address, case.record, case.wanted, case.marked
    spec = record.spec_tag if record and at.ledger.known else _newest_attempt(marked, wanted)
    same = [item for item in marked if is_of(item, spec)]
    others = [item for item in marked if item not in same]
    if record and wanted and (before := _ran_before(address, record, wanted, at)):
        at.write(Bound(address, before))
        return
    if record and (better := _double_with_results(address, record, at)):
        at.write(Bound(address, better))
        return
    if record and at.ledger.known:
        ahead = [item for item in others if _is_ahead(item, record, wanted)]
        late = [item for item in others if item not in ahead and at.surfaced_late(item)]
        running = [i for i in others if i not in ahead and i not in late and i.phase is Phase.WAITING]
        others = late
        if running:
            at.contest(address, running)
            return
        if ahead:
            best = max(ahead, key=lambda item: (attempt_of(item, wanted) if wanted else 0, -marked.index(item)))
            at.bind(address, best)
            at.note_duplicates(address, [i for i in ahead if i is not best and i.mark == best.mark])
            at.made_by_another(address, best)
            return
    if same:
        at.bind(address, same[0])
        at.note_duplicates(address, same[1:])
    elif record is None:
        at.take_import(address, wanted)
    for item in others:
        at.note_old(address, item)


def _newest_attempt(items: list[LiveObject], wanted: Resource | None) -> str:
    """The spec tag of the run to bind when no binding is known: the last attempt at what is declared, else the run that
    was made last.
    """
    for attempt in range(attempts(wanted), 0, -1):
        if wanted and any(is_of(item, attempt_tag(wanted.spec_tag, attempt)) for item in items):
            return attempt_tag(wanted.spec_tag, attempt)
    newest = max(items, key=age, default=None)
    return newest.mark.spec_tag if newest and newest.mark else ""


def _ran_before(address: Address, record: Record, wanted: Resource, at: Settling) -> Record | None:
    """An earlier run of what is declared again now: it has been run, and is not run again."""
    if record.spec_tag == attempt_tag(wanted.spec_tag, record.attempt):
        return None
    old = [one.record for one in at.ledger.retiring.values() if one.address == address and one.record]
    same = [run for run in old if run.spec_tag == attempt_tag(wanted.spec_tag, run.attempt)]
    return max(same, key=lambda run: run.attempt, default=None)


def _double_with_results(address: Address, record: Record, at: Settling) -> Record | None:
    """A second run of the same attempt that has results, where the bound one has none to give any more."""
    item = at.named.get(record.name)
    if record.harvest or (item and item.phase is not Phase.FAILED and not results_gone(item, at.now)):
        return None
    doubles = [
        other
        for name, one in sorted(at.ledger.retiring.items())
        if one.address == address and one.record and one.record.spec_tag == record.spec_tag
        if (other := at.named.get(name)) and other.phase is Phase.READY
        if not results_gone(other, at.now)
    ]
    best = min(doubles, key=age, default=None)
    run = at.ledger.retiring[best.name].record if best else None
    return replace(run, stopped=record.stopped) if run else None


def _is_ahead(item: LiveObject, record: Record, wanted: Resource | None) -> bool:
    """Whether it is a run of what is declared now, and the binding of another declaration, or an earlier attempt."""
    if wanted is None:
        return False
    bound = record.attempt if record.spec_tag == attempt_tag(wanted.spec_tag, record.attempt) else 0
    return (attempt_of(item, wanted) or 0) > bound


def decide(subject: Subject) -> Iterable[Change]:
    """Decide about a run that is declared, recorded, or both."""
    if subject.resource:
        for change in _declared(subject, subject.resource):
            noted = _said(change.note, subject.note, _edited_since(subject.resource))
            yield replace(change, note=noted) if change.name or subject.resource.as_declared else change
    elif subject.record:
        yield from _undeclared(subject, subject.record)


def _declared(subject: Subject, resource: Resource) -> Iterable[Change]:
    record, item, now = subject.record, subject.item, subject.now
    receipt = _receipt(resource)
    if record is None:
        yield _first_run(resource, receipt, subject)
    elif receipt and receipt.as_whole and record.spec_tag != resource.spec_tag:
        yield _done(resource, None, None, f"its results are in {receipt.file}")
    elif record.spec_tag != attempt_tag(resource.spec_tag, record.attempt) and edited(resource, record):
        yield from _edited(resource, record, item, subject)
    elif item is None:
        yield _forgotten(resource, record, None, receipt, subject)
    elif item.phase is Phase.WAITING:
        yield _running(resource, record, item, subject)
    elif item.phase is Phase.READY and not _saved(record, receipt) and _wanted(resource.run):
        if results_gone(item, now):
            yield _forgotten(resource, record, item, receipt, subject)
        else:
            yield _harvest(resource.address, item, now if _follows(resource, record, item) else None)
    else:
        yield _ended(resource, record, item, receipt, subject)


def old(subject: Subject) -> Iterable[Change]:
    """Decide about an earlier attempt, a run of an earlier declaration, or a second run of the bound attempt."""
    item, record, generation, wanted = subject.item, subject.record, subject.generation, subject.resource
    if item is None or generation is None:
        return
    run = generation.record
    if record and item.mark and item.mark.of(record.spec_tag):
        yield duplicate(subject, item)
        return
    saved = run is not None and (run.harvest is not None or _receipt_covers(wanted, run))
    delete = wanted is None or bool(run and run.run and run.run.clean)
    yield from _leaving(subject.address, run, item, Reason.SUPERSEDED, subject, saved=saved, delete=delete)


def duplicate(subject: Subject, item: LiveObject) -> Change:
    """Decide about a second run of the bound attempt: stop it while it runs. One that has ended stays in case that the
    results of the other can't be had, and is deleted once they are saved.
    """
    address, wanted, record, now = subject.address, subject.resource, subject.record, subject.now
    if item.phase is Phase.WAITING:
        return _cancel(address, item, Reason.DUPLICATE, subject)
    rules = wanted.run if wanted else record.run if record else None
    saved = record is not None and (record.harvest is not None or _receipt_covers(wanted, record))
    if record and item.phase is Phase.READY and _wanted(rules) and not saved and not results_gone(item, now):
        note = f"deleted once the results of {record.name} are saved"
        return _stay(keep(address, Reason.DUPLICATE, item, until=_gone_at(item), note=note))
    return Change(address, Action.DELETE, Reason.DUPLICATE, item.name, precondition=seen(item))


def _undeclared(subject: Subject, record: Record) -> Iterable[Change]:
    """Cancel a run that is no longer declared, save its results, delete it, in this order and over as many plans."""
    if subject.item is None:
        yield Change(subject.address, Action.FORGET, Reason.UNDECLARED, record.name, precondition=Precondition())
    else:
        saved = record.harvest is not None
        yield from _leaving(subject.address, record, subject.item, Reason.UNDECLARED, subject, saved=saved, delete=True)


def in_use(ledger: Ledger, live: Mapping[str, LiveObject], catalogue: Catalogue) -> frozenset[str]:
    """The live names that a job refers to that has not ended."""
    runs = [*ledger.records.values(), *(old.record for old in ledger.retiring.values() if old.record)]
    return frozenset(
        name
        for record in runs
        if record.uses and (item := live.get(record.name)) and catalogue[item.kind].once
        if item.phase is Phase.WAITING
        for name in record.uses
    )


def is_over(resource: Resource, record: Record, *, unwanted: bool = True) -> bool:
    """Whether nothing is run again, or said to be lost, should the service show this declared run no longer. Without
    `unwanted` one whose results nobody wants is not over: it may still run.
    """
    if record.spec_tag != attempt_tag(resource.spec_tag, record.attempt):
        return record.harvest is not None
    return _saved(record, _receipt(resource)) or (unwanted and not _wanted(resource.run))


def results_gone(item: LiveObject, now: datetime) -> bool:
    """Whether the service has forgotten the results of a run that it still shows. Results that came with the run itself
    are there, however old they are.
    """
    gone_at = _gone_at(item)
    return gone_at is not None and gone_at <= now


def _gone_at(item: LiveObject) -> datetime | None:
    return None if item.carries_results else item.deadline


def _receipt(resource: Resource) -> Receipt | None:
    """The receipt, if it is for what is declared now."""
    receipt = resource.receipt
    if receipt and receipt.spec_tag == attempt_tag(resource.spec_tag, receipt.attempt):
        return receipt
    return None


def _saved(record: Record, receipt: Receipt | None) -> bool:
    return record.harvest is not None or (receipt is not None and receipt.attempt >= record.attempt)


def _receipt_covers(resource: Resource | None, run: Record) -> bool:
    """Whether the receipt says that the results of this very run are saved. One of a later attempt says so if nothing
    is lacking: otherwise an earlier one may have what it lacks, and to save that once more does no harm.
    """
    receipt = _receipt(resource) if resource else None
    if resource is None or receipt is None or run.spec_tag != attempt_tag(resource.spec_tag, run.attempt):
        return False
    return receipt.attempt == run.attempt or (
        receipt.attempt > run.attempt and not (receipt.without or receipt.blocked)
    )


def _wanted(rules: Run | None) -> bool:
    return rules is not None and rules.results is not None


def _rules(resource: Resource, record: Record) -> Run:
    """How it is to be run. A run that a person has stopped is not run again."""
    rules = resource.run or Run()
    return replace(rules, on_expired=Ending.REPORT, on_failed=Ending.REPORT) if record.stopped else rules


def _stay(change: Change) -> Change:
    """Keep it as it is. Its deadline is that of its results, and no precondition of a keep."""
    return replace(change, precondition=replace(change.precondition, deadline=None)) if change.precondition else change


def _harvest(address: Address, item: LiveObject, due: datetime | None) -> Change:
    return Change(
        address,
        Action.HARVEST,
        Reason.FINISHED,
        item.name,
        precondition=seen(item),
        valid_until=_gone_at(item),
        next_due=due,
        note=_meaning(item),
    )


def _cancel(address: Address, item: LiveObject, reason: Reason, at: Subject) -> Change:
    if once(at.kind).cancel is None:
        return _stay(keep(address, reason, item, due=_expiry(item.created, at), note="it can't be stopped"))
    return Change(
        address, Action.CANCEL, reason, item.name, precondition=seen(item), next_due=_expiry(item.created, at)
    )


def _expiry(created: datetime | None, at: Subject) -> datetime | None:
    """When the service ends a run that has not ended by itself; None if that should have been. It may be done at any
    time before, but its results are there until two days later, so that this is early enough for them.
    """
    end = created + once(at.kind).longest if created else None
    return end if end and end > at.now else None


def _run(
    resource: Resource,
    reason: Reason,
    at: Subject,
    *,
    fields: tuple[FieldChange, ...] = (),
    seen: Precondition | None = None,
    attempt: int = 1,
    note: str = "",
) -> Change:
    """Run it. It is to be looked at when its deadline has come, or when the service would end it."""
    rules = resource.run or Run()
    longest = min(once(at.kind).longest, rules.deadline or once(at.kind).longest)
    note = _said(note, "" if _wanted(rules) else UNSAVED)
    return Change(
        resource.address,
        Action.CREATE,
        reason,
        None,
        fields,
        seen,
        next_due=at.now + longest,
        note=note,
        attempt=attempt,
    )


def _edited_since(resource: Resource) -> str:
    """What was edited since it was run, without being a reason to run it again."""
    edited = resource.edited_since
    if not edited:
        return ""
    what = ", ".join("its own spec" if one == resource.address else str(one) for one in edited)
    field = "own" if resource.address in edited else "references"
    return f"edited since it was run: {what}; {AGAIN} (run.onEdit.{field} is report)"


def _said(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _first_run(resource: Resource, receipt: Receipt | None, at: Subject) -> Change:
    rules = resource.run or Run()
    if receipt and receipt.lacking(rules) and _may_again(rules, receipt.attempt, rules.on_failed):
        return _again(resource, receipt.attempt, receipt, at)
    if receipt:
        return _done(resource, None, receipt.harvest, f"its results were saved from {receipt.job}")
    return _run(resource, Reason.DECLARED, at, fields=new_fields(resource, at.kind), seen=Precondition())


def _done(resource: Resource, item: LiveObject | None, harvest: Harvest | None, *notes: str) -> Change:
    """Keep a run that is done; the note counts its requests without a result, or without an answer."""
    missing = _counted(harvest.failed, harvest.blocked) if harvest else ""
    return _stay(keep(resource.address, Reason.DONE, item, note=_said(*notes, _meaning(item), missing)))


def _meaning(item: LiveObject | None) -> str:
    """What an end without a whole answer means; nothing for any other."""
    return f"it ended as {item.state}: {item.why}" if item and item.phase is Phase.READY and item.why else ""


def _counted(failed: int, blocked: int) -> str:
    """The requests that came to nothing, in a few words."""
    counts = [(failed, "without a result"), (blocked, "without an answer")]
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _edited(resource: Resource, record: Record, item: LiveObject | None, at: Subject) -> Iterable[Change]:
    """Run another declaration; save the results of the run before, or stop it."""
    if item is not None:
        saved = record.harvest is not None
        yield from _leaving(resource.address, record, item, Reason.SUPERSEDED, at, saved=saved, delete=False)
    same = record.fields is not None and only_references(resource, record.fields)
    yield _run(resource, Reason.REFERENCES if same else Reason.EDITED, at, fields=edited(resource, record, at.kind))


def _leaving(
    address: Address, record: Record | None, item: LiveObject, reason: Reason, at: Subject, *, saved: bool, delete: bool
) -> Iterable[Change]:
    if item.phase is Phase.WAITING:
        yield _cancel(address, item, reason, at)
        return
    wanted = record is not None and _wanted(record.run) and not saved
    harvest = wanted and item.phase is Phase.READY and not results_gone(item, at.now)
    if harvest:
        yield _harvest(address, item, None)
    if delete:
        yield Change(address, Action.DELETE, reason, item.name, precondition=seen(item))
    elif not harvest:
        yield _stay(keep(address, reason, item))


def _forgotten(
    resource: Resource, record: Record, item: LiveObject | None, receipt: Receipt | None, at: Subject
) -> Change:
    """Decide about a run that the service no longer shows, or whose results it no longer has."""
    rules = _rules(resource, record)
    if _saved(record, receipt) or not rules.results:
        if receipt and receipt.lacking(rules) and _may_again(rules, record.attempt, rules.on_failed):
            return _again(resource, record.attempt, receipt, at)
        return _done(resource, item, record.harvest or (receipt.harvest if receipt else None))
    if _may_again(rules, record.attempt, rules.on_failed):
        return _again(resource, record.attempt, None, at)
    what = "it" if item is None else "its results"
    note = f"the service has forgotten {what}, and no results were saved; {AGAIN}"
    return _stay(keep(resource.address, Reason.FAILED, item, note=note))


def _running(resource: Resource, record: Record, item: LiveObject, at: Subject) -> Change:
    rules = _rules(resource, record)
    end = item.created + rules.deadline if item.created and rules.deadline else None
    expiry = _expiry(item.created, at)
    if end is None or end > at.now:
        return _stay(
            keep(resource.address, Reason.RUNNING, item, until=end, due=first(end, expiry), note=_progress(item))
        )
    if _may_again(rules, record.attempt, rules.on_expired):
        return replace(_cancel(resource.address, item, Reason.EXPIRED, at), next_due=at.now)  # it is run again at once
    return _stay(keep(resource.address, Reason.RUNNING, item, due=expiry, note=f"past its deadline; {_progress(item)}"))


def _ended(resource: Resource, record: Record, item: LiveObject, receipt: Receipt | None, at: Subject) -> Change:
    rules = _rules(resource, record)
    if item.phase is Phase.FAILED:
        if _may_again(rules, record.attempt, _ending(rules, item)):
            return _again(resource, record.attempt, None, at)
        note = f"it ended as {item.state or 'failed'}" + (f": {item.why}" if item.why else "")
        stopped = f": it was cancelled, and {AGAIN}" if item.cause is Cause.CANCELLED else ""
        return _stay(keep(resource.address, Reason.FAILED, item, note=note + stopped))
    again = [rules.on_failed, *([rules.on_expired] if _overdue(rules, item) else [])]
    if receipt and receipt.lacking(rules) and any(_may_again(rules, record.attempt, ending) for ending in again):
        return _again(resource, record.attempt, receipt, at)
    if rules.clean and _saved(record, receipt):
        return Change(resource.address, Action.DELETE, Reason.DONE, item.name, precondition=seen(item))
    stopped = f"it was cancelled, and {AGAIN}" if record.stopped and receipt and receipt.lacking(rules) else ""
    lost = not _wanted(rules) and not _saved(record, receipt) and not results_gone(item, at.now)
    return _done(resource, item, record.harvest, UNSAVED if lost else "", stopped)


def _ending(rules: Run, item: LiveObject) -> Ending:
    """The rule for a run that has ended so, without results. One that was cancelled in time was stopped by a person,
    who does not want it; one that was cancelled later took too long, and was to be.
    """
    match item.cause:
        case Cause.FAILED:
            return rules.on_failed
        case Cause.CANCELLED if not _overdue(rules, item):
            return Ending.REPORT
        case _:
            return rules.on_expired


def _overdue(rules: Run, item: LiveObject) -> bool:
    """Whether it had been going on for longer than `run.deadline` when it ended."""
    ended = item.ended or item.updated
    return bool(item.created and rules.deadline and ended and item.created + rules.deadline <= ended)


def _may_again(rules: Run, attempt: int, ending: Ending) -> bool:
    return ending is Ending.RESUBMIT and attempt <= rules.max_resubmits


def _follows(resource: Resource, record: Record, item: LiveObject) -> bool:
    """Whether there is something to do as soon as its results are saved."""
    rules = _rules(resource, record)
    failed = item.counts is not None and item.counts.failed > 0
    # How many answers are none is known only when they are saved.
    lacking = failed or rules.retry_blocked
    return rules.clean or (lacking and _may_again(rules, record.attempt, rules.on_failed))


def _again(resource: Resource, attempt: int, receipt: Receipt | None, at: Subject) -> Change:
    """Run the next attempt: all requests, or those that the receipt lacks."""
    blocked = len(receipt.lacking(resource.run)) - len(receipt.without) if receipt else 0
    note = _counted(len(receipt.without), blocked) if receipt else ""
    return _run(resource, Reason.RESUBMIT, at, attempt=attempt + 1, note=note)


def _progress(item: LiveObject) -> str:
    """How many requests are done, as the service counts them."""
    counts = item.counts
    return f"{counts.succeeded + counts.failed:,} of {counts.total:,} requests" if counts else ""


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """Make a run, stop it, save its results, or delete it; the record of one that is cleaned up stays."""
    address, kind, resource, record, name = (
        subject.address,
        subject.kind,
        subject.resource,
        subject.record,
        change.name,
    )
    match change.action:
        case Action.DELETE if name and change.reason is Reason.DONE:
            yield replace(make.delete(address, kind, name), record=record)
        case Action.DELETE if name:
            yield make.delete(address, kind, name)
        case Action.FORGET:
            yield make.forget(address, kind, name)
        case Action.CANCEL if name:
            yield make.cancel(address, kind, name)
        case Action.HARVEST if name:
            yield make.save(address, kind, name, subject.generation.record if subject.generation else record)
        case Action.CREATE if resource:
            yield make.run(resource, kind, owner, change.attempt)
        case _:
            raise ValueError(f"{change.action} of {address} cannot be made into steps")


def expected(record: Record, kind: Kind, now: datetime) -> bool:
    """Whether it must be live: the service forgets runs, at no known time."""
    if record.harvest or record.created is None or record.created + once(kind).longest <= now:
        return False
    return record.deadline is None or record.deadline > now


def foresee(change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
    """Warn of results that are not saved, and of objects that end before the runs that refer to them may have ended."""
    resource, record, item, now = subject.resource, subject.record, subject.item, subject.now
    if resource is None:
        return
    if item and record and change.name == item.name and (drift := drifted(subject.kind, record, item, resource)):
        yield _differs(resource, item, drift)
    if change.reason is Reason.DONE and item and record:
        yield from _unsaved(resource, record, item, now)
    elif change.action is Action.CREATE:
        yield from _too_short(resource, None, now + once(subject.kind).usual, foreseen)
    elif change.reason is Reason.RUNNING and item:
        yield from _too_short(resource, record, _end_of(item, subject), foreseen)


def _differs(resource: Resource, item: LiveObject, drift: tuple[FieldChange, ...]) -> Diagnostic:
    shown = "; ".join(f"{show_path(one.path)} is {one.before}, and {one.after} was sent" for one in drift)
    return problem(
        "W570",
        f"{item.name} differs from what was run: {shown}.",
        span=resource.positions.value(("spec", *drift[0].path)),
        address=resource.address,
    )


def _unsaved(resource: Resource, record: Record, item: LiveObject, now: datetime) -> Iterator[Diagnostic]:
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


def _end_of(item: LiveObject, at: Subject) -> datetime:
    """When a run that goes on should have ended; if that has passed, when it must have."""
    created, lifetime = item.created or at.now, once(at.kind)
    usual = created + lifetime.usual
    return (usual if usual > at.now else created + lifetime.longest) - SHORTLY


def _too_short(resource: Resource, record: Record | None, needed: datetime, foreseen: Foreseen) -> Iterator[Diagnostic]:
    now, job = foreseen.now, resource.job
    for target, end in _ends(resource, record, foreseen):
        if end >= needed:
            continue
        left = f"in {show_duration(end - now)}" if end > now else "now"
        at = next((one.written or one.at for one in resource.declared.references if one.target == target), ())
        yield problem(
            "W507",
            f"{target} ends {left} unless it is renewed, and {job} refers to it: a job may take a day, "
            "and requests that find it gone have no response.",
            span=resource.positions.value(("spec", *at)),
            address=job,
            hint=_longer(foreseen.desired.resources.get(target)),
        )


def _ends(resource: Resource, record: Record | None, foreseen: Foreseen) -> Iterator[tuple[Address, datetime]]:
    """The objects that it refers to and their ends; where known, those that its run was made of, maybe older ones."""
    if record and record.uses:
        yield from (foreseen.ends[name] for name in record.uses if name in foreseen.ends)
        return
    for target in dict.fromkeys(reference.target for reference in resource.declared.references):
        if target in foreseen.targets:
            yield target, foreseen.targets[target]


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
