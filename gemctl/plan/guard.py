"""Stops plans that look like an accident. Checks them after they have been made, so that they can be shown. Called by
workflows/plan.py and tick.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field

from gemctl.core.address import Address
from gemctl.core.change import MAKING, UNWANTED, Action, Change, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, kinds_of
from gemctl.core.live import LiveObject, LiveState, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.moment import show_instant
from gemctl.core.money import dollars
from gemctl.core.plan import Allowances, Plan
from gemctl.core.project import NO_LIMITS, JobLimits, Safety
from gemctl.core.quantities import Tier
from gemctl.core.record import Intent, Ledger, Record
from gemctl.core.resource import Desired, Resource, Run
from gemctl.core.secret import UNSEEN
from gemctl.core.source import Positions
from gemctl.plan.chained import Before
from gemctl.plan.held import only_references
from gemctl.plan.lifetimes import policy
from gemctl.plan.limits import limits, over


@dataclass(frozen=True, slots=True)
class Guarded:
    """The values that a guard looks at besides the plan. `destroying` exempts from the delete limits: it was asked for.

    `partial` is True when only some manifests or targets are looked at, or only the ledger is told what is live: then
    an empty set means nothing.
    `uncertain`: the state was lost, and marks of ours are live.
    `models`: what the service and the book of facts say of the models of resources that are to be made, and errors in
    the project's facts.
    `places`: the place of each key in gemctl.yaml, where it has limits of money.
    `limits`: how many runs, and how many of their tokens, may be in the service at a time.
    """

    desired: Desired
    ledger: Ledger
    live_state: LiveState
    safety: Safety
    allowed: Allowances
    destroying: bool = False
    partial: bool = False
    key_changed: bool = False
    catalogue: Catalogue = field(default_factory=dict)
    uncertain: bool = False
    models: tuple[Diagnostic, ...] = ()
    places: Positions | None = None
    limits: JobLimits = NO_LIMITS

    def runs(self, address: Address) -> bool:
        """Whether its objects are run, and not kept."""
        return address.kind in self.catalogue and policy(self.catalogue[address.kind]).RUNS

    @property
    def any_runs(self) -> bool:
        """Whether anything that is declared is run, and not kept."""
        return any(policy(kind).RUNS for kind in kinds_of(self.desired.resources, self.catalogue).values())

    def free(self, address: Address) -> bool:
        """Whether its objects cost nothing, and are made for others."""
        return address.kind in self.catalogue and policy(self.catalogue[address.kind]).FREE


def guard(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """Errors that stop the plan, each naming the flag that allows it. `preventDestroy` has none."""
    return (
        *_invisible(of),
        *_prevented(plan, of),
        *_withheld(plan, of),
        *_rerun(plan, of),
        *_models(plan, of),
        *money(plan, of),
        *_requests(plan, of),
        *_cut_otherwise(plan, of),
        *_never_fits(plan, of),
        *_nothing_before(plan, of),
        *_documents(plan, of),
        *(() if of.destroying else (*_empty(of), *_too_many(plan, of))),
    )


def _withheld(plan: Plan, of: Guarded) -> Iterator[Diagnostic]:
    """Secrets that are to be sent, and whose values can't be had."""
    for step in plan.steps:
        if step.call and any(one.digest == UNSEEN for one in step.call.secrets):
            yield from of.desired.withheld.get(step.address, ())


def _models(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """A model that the service doesn't have, or that can't do what is asked of it, for what is made or edited now; and
    facts of the project that can't be read, where anything is made: what only keeps, ends or looks at objects goes on.
    """
    made = {change.part_of or change.address for change in plan.changes if change.action in MAKING}
    edited = {change.address for change in plan.changes if change.action is Action.UPDATE}
    touched = made | edited
    return tuple(one for one in errors(of.models) if one.address in touched or (one.address is None and made))


def money(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """More money than the project allows. While its facts can't be read there is nothing to compare: that stops what is
    made, and no renewal.
    """
    if any(one.address is None for one in errors(of.models)):
        return ()
    return tuple(over(plan, limits(of.safety, of.allowed, of.places), of.desired))


def _requests(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """Many requests at once, of all runs that begin with this plan, whether there is room for them yet or not. Those
    that are run again follow from a run that was let through.
    """
    asked = {
        change.address: requests
        for change in plan.changes
        if (change.action is Action.CREATE or change.reason is Reason.QUEUED) and change.attempt == 1
        if not change.approved and of.runs(change.address)
        if (resource := of.desired.resources.get(change.address)) and (requests := resource.quantities.requests)
    }
    total, most = sum(asked.values()), of.allowed.requests
    limit = of.safety.max_requests if most is None else most
    if total <= limit:
        return ()
    largest = max(asked, key=lambda address: asked[address])
    resource = of.desired.resources[largest]
    by = "safety.maxRequests" if most is None else "--allow-requests"
    return (
        problem(
            "E588",
            f"The plan runs {total:,} requests, and the limit is {limit:,} ({by}).",
            address=resource.job,
            span=resource.positions.value(("metadata", "name")),
            hint=f"If you mean it, give --allow-requests {total}; or raise safety.maxRequests in gemctl.yaml.",
        ),
    )


def _documents(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """Documents that go with their store, those of others too; and many at once that go out of one, which may be a
    wrong glob. Also where all is to be destroyed: those of others can't be brought back.
    """
    lost: dict[Address, tuple[int, str]] = {}
    for change in plan.changes:
        counts = change.members
        if counts is None:
            continue
        before = counts.delete + counts.replace + counts.keep
        if counts.lost:
            lost[change.address] = (counts.lost, f"{change.address} goes with the {counts.lost:,} in it")
        elif counts.delete >= 2 and 100 * counts.delete > of.safety.max_delete_percent * before:
            lost[change.address] = (counts.delete, f"{counts.delete:,} of {before:,} go out of {change.address}")
    total, most = sum(count for count, _ in lost.values()), of.allowed.documents
    if not lost or (most is not None and total <= most):
        return ()
    first = min(lost)
    resource = of.desired.resources.get(first)
    said = ", ".join(how for _, how in lost.values())
    return (
        problem(
            "E593",
            f"The plan loses {total:,} document{'' if total == 1 else 's'}: {said}.",
            address=first,
            span=resource.positions.value(("metadata", "name")) if resource else None,
            hint=f"If you mean it, give --allow-documents {total}.",
        ),
    )


def _cut_otherwise(plan: Plan, of: Guarded) -> Iterator[Diagnostic]:
    """A job that is cut into other parts than those that were run: each request would be paid for twice."""
    live = of.live_state.by_name
    begun = {
        (_job(address, record.run), record.run.whole)
        for address, record in of.ledger.records.items()
        if record.run and record.run.whole and not _is_run(address, record, of.desired)
        if _is_paid(record, record.run, live.get(record.name))
    }
    told: set[Address] = set()
    for change in plan.changes if begun else ():
        resource = of.desired.resources.get(change.address)
        rules = resource.run if resource else None
        if resource is None or rules is None or not (change.action is Action.CREATE or change.reason is Reason.QUEUED):
            continue
        job = _job(change.address, rules)
        if (job, rules.whole) in begun and job not in told and change.attempt == 1:
            told.add(job)
            yield problem(
                "E589",
                "It was cut into other parts when it was run, and not all of its results are saved.",
                address=job,
                span=resource.positions.value(("metadata", "name")),
                hint="Cut it as before until it has ended; or change run.key, which runs all of it again.",
            )


def _never_fits(plan: Plan, of: Guarded) -> Iterator[Diagnostic]:
    """A run that has more tokens than may be in the service at a time, by the least that it can have."""
    told: set[Address] = set()
    for change in plan.changes if of.limits.enqueued_tokens else ():
        resource = of.desired.resources.get(change.address)
        if resource is None or resource.run is None or not resource.declared.model:
            continue
        if not (change.action is Action.CREATE or change.reason is Reason.QUEUED) or change.attempt > 1:
            continue
        model, least = resource.declared.model.model, resource.quantities.input.low
        most, job = of.limits.enqueued_tokens.get(model), _job(change.address, resource.run)
        batch = resource.quantities.tier is Tier.BATCH
        if most is not None and batch and least > most and job not in told:
            told.add(job)
            yield problem(
                "E590",
                f"It has {least:,} tokens or more, and {most:,} of {model} may be in the service at a time.",
                address=job,
                span=resource.positions.value(("metadata", "name")),
                hint=f"Cut it into parts of fewer tokens, such as {most // 2:,}; or raise the limit.",
            )


def _nothing_before(plan: Plan, of: Guarded) -> Iterator[Diagnostic]:
    """A run that refers to one of which the service shows nothing any more."""
    if not of.any_runs:
        return
    making = {change.address for change in plan.changes if change.action is Action.CREATE}
    before = Before(of.desired, of.ledger, of.live_state.by_name, of.catalogue, making)
    for change in plan.changes:
        resource = of.desired.resources.get(change.address)
        if change.action is not Action.CREATE or resource is None or not of.runs(change.address):
            continue
        for reference in before.gone(resource):
            yield problem(
                "E575",
                f"{reference.target} is to be carried on, and the service shows it no longer.",
                address=resource.job,
                span=reference.span or resource.positions.value(("spec", *(reference.written or reference.at))),
                hint=f"Change run.key of {reference.target} to run it again; or remove this one.",
            )


def _is_paid(record: Record, rules: Run, item: LiveObject | None) -> bool:
    """Whether what a run has answered, or will, is of use: its results are saved, or are to be had."""
    if record.harvest is not None:
        return True
    if item is None or item.phase is Phase.FAILED:
        return False
    return item.phase is Phase.WAITING or rules.results is not None


def _job(address: Address, rules: Run) -> Address:
    return rules.part.of if rules.part else address


def _is_run(address: Address, record: Record, desired: Desired) -> bool:
    """Whether this run is one of those that are declared now."""
    resource = desired.resources.get(address)
    if resource is None:
        return False
    same = record.spec_tag == attempt_tag(resource.spec_tag, record.attempt)
    return same or (record.fields is not None and only_references(resource, record.fields))


def _invisible(of: Guarded) -> tuple[Diagnostic, ...]:
    """A wrong key sees nothing, and nothing looks just like "everything was deleted"."""
    if of.allowed.missing:
        return ()
    live = {item.name for items in of.live_state.listings.values() for item in items}
    bound = {address: record for address, record in of.ledger.records.items() if address.kind in of.live_state.listings}
    if any(record.name in live for record in bound.values()):
        return ()
    due = [
        record
        for address, record in bound.items()
        if policy(of.catalogue[address.kind]).expected(record, of.catalogue[address.kind], of.live_state.now)
    ]
    if not due or (len(due) < 2 and not of.key_changed):
        return ()
    why = "and the key is another one than last time" if of.key_changed else "although their time has not come"
    return (
        problem(
            "E501",
            f"The state records {len(due)} live object{'s' if len(due) > 1 else ''}, and the service shows none of "
            f"them, {why}. That is how a key of another project looks.",
            hint="Check the key and the endpoint. If they were deleted by hand, give --accept-missing.",
        ),
    )


def _prevented(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    return tuple(
        problem(
            "E502",
            f"The plan would {change.action.value} {change.name}, but lifecycle.preventDestroy is set.",
            address=change.address,
            span=of.desired.resources[change.address].positions.key(("lifecycle", "preventDestroy"))
            if change.address in of.desired.resources
            else None,
            hint="Put its manifest back with preventDestroy: false, apply that, and then remove it."
            if change.reason is Reason.UNDECLARED
            else "Set preventDestroy: false in its manifest and apply that first. There is no flag for it.",
        )
        for change in plan.changes
        if _destroys(change) and _protected(change.address, of)
    )


def _undeclared(change: Change, of: Guarded) -> bool:
    """Old generations of declared or recorded resources don't count; those of others do."""
    known = change.address in of.desired.resources or change.address in of.ledger.records
    return change.reason in UNWANTED or (change.reason is Reason.SUPERSEDED and not known)


_DESTROYING = {
    Action.DELETE: UNWANTED | {Reason.EDITED},
    Action.CANCEL: UNWANTED | {Reason.SUPERSEDED},  # a run that is cancelled is as good as deleted
}


def _destroys(change: Change) -> bool:
    if change.action is Action.REPLACE:  # an object that is made anew before it ends is no loss
        return change.reason not in (Reason.EXPIRING, Reason.FAILED)
    return change.reason in _DESTROYING.get(change.action, ())


def _protected(address: Address, of: Guarded) -> bool:
    if address in of.desired.resources:
        return of.desired.resources[address].lifecycle.prevent_destroy
    return address in of.ledger.records and of.ledger.records[address].prevent_destroy


def _rerun(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """Each run costs. The service forgets runs; with the state lost as well, nothing shows that there was one."""
    if of.allowed.rerun:
        return ()
    sent = [one for one in of.ledger.sent.values() if one.unheard]
    unheard = tuple(found for change in plan.changes if sent and (found := _unheard(change, sent, of)))
    unknown = [
        _unknown(of.desired.resources[change.address])
        for change in plan.changes
        if change.action is Action.CREATE and change.reason is Reason.DECLARED and of.runs(change.address)
        if change.address in of.desired.resources
        if of.uncertain or _may_have_run(change.address, of)
    ]
    return (*unheard, *dict.fromkeys(unknown))


def _unknown(resource: Resource) -> Diagnostic:
    return problem(
        "E506",
        "The state was lost, and neither a live object nor a receipt shows whether this was run before.",
        address=resource.job,
        span=resource.positions.value(("metadata", "name")),
        hint="Put back the receipt or the state if you have a copy. If it may be run, give --allow-rerun.",
    )


def _unheard(change: Change, sent: Sequence[Intent], of: Guarded) -> Diagnostic | None:
    """The error for an object made anew although a create of it is among those that were `sent`, never answered, and
    can't be looked for.
    """
    resource = of.desired.resources.get(change.address) if change.action is Action.CREATE else None
    if resource is None:
        return None
    tag = attempt_tag(resource.spec_tag, change.attempt)
    same = [one for one in sent if (one.address, one.spec_tag) == (change.address, tag)]
    if not same:
        return None
    at = show_instant(max(one.at for one in same))
    return problem(
        "E570",
        f"It may have been sent at {at}, and was never answered: whether it runs, and what it costs, nobody can tell "
        f"from here, since the service does not list it.{_as_much(change)}",
        address=change.address,
        span=resource.positions.value(("metadata", "name")),
        hint=f"If you know its name, `gemctl import {change.address} NAME`. If it may be run once more, give "
        "--allow-rerun.",
    )


def _as_much(change: Change) -> str:
    """What the one before may have cost: what this one would."""
    total = change.cost.total if change.cost else None
    if total is None or not total.high:
        return ""
    unpriced = change.cost is not None and bool(change.cost.unpriced)
    most = f"{dollars(total.high)} or more" if unpriced else f"up to {dollars(total.high, up=True)}"
    return f" It may have cost {most}."


def _may_have_run(address: Address, of: Guarded) -> bool:
    """Whether a state that was lost may have known of it."""
    resource = of.desired.resources.get(address)
    remembered = (*of.ledger.intents.values(), *of.ledger.sent.values())
    return resource is not None and any(
        intent.rebuilt and (intent.address, intent.spec_tag) == (address, resource.spec_tag) for intent in remembered
    )


def _empty(of: Guarded) -> tuple[Diagnostic, ...]:
    if of.partial or of.desired.resources or not of.ledger.records or of.allowed.empty:
        return ()
    return (
        problem(
            "E503",
            f"No resource is declared, and {len(of.ledger.records)} in the state: this would delete all of them.",
            hint="Check the folder and the paths. If you mean it, use `gemctl destroy`, or give --allow-empty.",
        ),
    )


def _too_many(plan: Plan, of: Guarded) -> tuple[Diagnostic, ...]:
    """The limit is a number and a share for the sake of small stacks: no sensible number is below 9 of 9; 1 of 1 is an
    edit.

    To cancel is to delete: requests without an answer by then never get one.
    """
    gone = [c for c in plan.changes if c.action in (Action.DELETE, Action.CANCEL) and _undeclared(c, of)]
    if not gone:
        return ()
    # A resource that a job generated goes with it, or when it is not needed any more: that is no delete of its own.
    jobs = {address for address in (*of.desired.resources, *of.ledger.records) if of.runs(address)}
    parents_of_generated = tuple(f"{address.name}." for address in jobs)
    counted = {
        (change.part_of, None) if change.part_of else (change.address, change.name)  # the parts of a job are one
        for change in gone
        if not (of.free(change.address) and change.address.name.startswith(parents_of_generated))
    }
    deletes = len(counted)
    bound = len(of.ledger.records)
    percent = 100 * deletes / bound if bound else 0
    over = deletes > of.safety.max_deletes or (deletes >= 2 and percent > of.safety.max_delete_percent)
    if not over or (of.allowed.deletes is not None and deletes <= of.allowed.deletes):
        return ()
    return (
        problem(
            "E505",
            f"The plan deletes {deletes} of {bound} objects ({percent:.0f} %); the limits are "
            f"{of.safety.max_deletes} deletes, and {of.safety.max_delete_percent} % once there are two.",
            hint=f"If you mean it, give --allow-deletes {deletes}.",
        ),
    )
