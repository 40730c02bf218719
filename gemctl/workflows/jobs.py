"""Says how far jobs are, waits for their end, and cuts plans down to saving results or to stopping a job. Called by
`gemctl wait`, `results` and `cancel`, and by cli/acting.py for `apply --wait`.

Waiting changes nothing, and takes the lock at its end only, to write down what was seen. Saving and stopping are plans
of the usual sort, cut down to the steps in question, and carried out as any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from gemctl.api.client import Client
from gemctl.core.address import Address
from gemctl.core.change import UNWANTED, Action, Change, Reason
from gemctl.core.codes import problem
from gemctl.core.cost import ActualCost, all_of
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError, Locked, Rejected, StateError, Temporary, Usage
from gemctl.core.event import Outcome, Saved, Status, Tell, Working
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, Kind, once
from gemctl.core.live import Expected, LiveObject, Phase
from gemctl.core.mark import attempt_tag
from gemctl.core.plan import Plan, Step
from gemctl.core.record import Bound, Ledger, Op, Origin, Record, fold
from gemctl.core.resource import Desired, Harvest, Part, Resource, merged
from gemctl.engine.execute import look_at
from gemctl.engine.machine import Collect
from gemctl.engine.survey import survey
from gemctl.plan import steps
from gemctl.plan.adopted import attempt_of
from gemctl.plan.part import part
from gemctl.workflows.ledger import note, stays
from gemctl.workflows.look import Observation, look
from gemctl.workflows.naming import kind_named
from gemctl.workflows.plan import Planned, wanted
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.saving import actual_cost, saving
from gemctl.workflows.wiring import Connection, Session

SOONEST, LATEST = 2.0, 60.0  # seconds between two looks: the first time, and at most
GROWTH = 1.5
MOST_TROUBLE = 10  # looks in a row that may come to nothing
_GONE, _SAVED, _QUEUED = "GONE", "SAVED", "QUEUED"
_TAKEN = "Another run has started it with another declaration meanwhile, and its results are that run's to save."
_ONE_AT_A_TIME = "Let one run wait for the end of the other, as `flock FILE gemctl apply --wait` does."
_LONGER = "Wait again, or longer: nothing was changed."


@dataclass(frozen=True, slots=True)
class Job:
    """A run: its declaration, its record, and its live object, where there are any. `never`: it is a part of a job that
    was stopped before its turn came.
    """

    address: Address
    resource: Resource | None
    record: Record | None
    item: LiveObject | None
    never: bool = False

    @property
    def name(self) -> str:
        return self.item.name if self.item else self.record.name if self.record else ""

    @property
    def is_now(self) -> bool:
        """Whether its record, if there is one, is of what is declared now."""
        if self.record is None or self.resource is None:
            return True
        return self.record.spec_tag == attempt_tag(self.resource.spec_tag, self.record.attempt)

    @property
    def running(self) -> bool:
        return self.item is not None and self.item.phase is Phase.WAITING

    @property
    def harvest(self) -> Harvest | None:
        """Its results, if they were saved."""
        receipt = self.resource.receipt if self.resource else None
        if self.record and (recorded := self.record.harvest):
            counted = receipt and receipt.harvest.digest == recorded.digest and recorded.usage is None
            return receipt.harvest if receipt and counted else recorded
        return receipt.harvest if receipt and (not self.record or receipt.attempt >= self.record.attempt) else None

    @property
    def succeeded(self) -> bool:
        """Whether there are results, of however many requests."""
        return self.harvest is not None or (self.item is not None and self.item.phase is Phase.READY)

    @property
    def part(self) -> Part | None:
        """Which part of a job it is; None where it is all of it."""
        rules = self.resource.run if self.resource else self.record.run if self.record else None
        return rules.part if rules else None

    @property
    def complete(self) -> bool:
        """Whether each of its requests has an answer. Before results are saved only the service's counts are known."""
        if self.harvest:
            return not (self.harvest.failed or self.harvest.blocked)
        return not (self.item and self.item.counts and self.item.counts.failed)

    @property
    def results(self) -> str | None:
        """The path where its results are saved, from the project root."""
        rules = self.resource.run if self.resource else self.record.run if self.record else None
        return rules.results if rules else None


def jobs(observation: Observation, catalogue: Catalogue) -> dict[Address, Job]:
    """All jobs, declared or recorded."""
    desired, ledger = observation.desired, observation.ledger
    live = observation.live_state.by_name
    found: dict[Address, Job] = {}
    for address in sorted({*desired.resources, *ledger.records}):
        if address.kind in catalogue and catalogue[address.kind].once:
            record = ledger.records.get(address)
            item = live.get(record.name) if record else None
            found[address] = Job(address, desired.resources.get(address), record, item)
    return found


def pick(known: Mapping[Address, Job], addresses: Iterable[Address], catalogue: Catalogue) -> dict[Address, Job]:
    """The jobs of these addresses; of one that is run in parts, all of them. Raises Usage for an address of no job, or
    of an unknown one.
    """
    picked: dict[Address, Job] = {}
    wholes = {job.part.of for job in known.values() if job.part}
    for address in addresses:
        if address in wholes:
            picked |= {at: job for at, job in known.items() if job.part and job.part.of == address}
            continue
        if not catalogue[kind_named(address.kind, catalogue)].once:
            raise Usage(
                f"{address} is kept, and not run: there is nothing to wait for, to save or to stop.", code="E004"
            )
        if address not in known:
            there = dict.fromkeys(job.part.of if job.part else at for at, job in known.items())
            hint = f"There are: {', '.join(map(str, there)) or 'none'}."
            raise Usage(f"{address} is neither declared nor recorded.", code="E004", hint=hint)
        picked[address] = known[address]
    return picked


# Waiting


def working(address: Address, name: str, item: LiveObject | None) -> Working:
    """How far a run is, by what the service shows; `item` is None where it shows nothing."""
    if item is None:
        return Working(address, name, _GONE, ended=True)
    state = item.state or item.phase.value.upper()
    ended = item.phase is not Phase.WAITING
    if (counts := item.counts) is None:
        return Working(address, name, state, ended=ended)
    return Working(address, name, state, counts.succeeded + counts.failed, counts.failed, counts.total, ended=ended)


class Whole:
    """How far a job is that is run in parts, by what is known of each of them."""

    def __init__(self, of: Address, parts: Collection[Job], count: int) -> None:
        """`count` is the number of parts, of which some may not be known."""
        self._of, self._count = of, max(count, len(parts))
        self._asked = {job.address: (job.resource.quantities.requests or 0) if job.resource else 0 for job in parts}
        self._parts: dict[Address, Working] = {job.address: _so_far(job) for job in parts}

    def tell(self, part: Working) -> Working:
        """Take what a part shows now. Returns how far the whole is."""
        if self._parts[part.address].state in (_SAVED, _QUEUED) and part.ended:
            return self.working
        self._parts[part.address] = part
        return self.working

    @property
    def working(self) -> Working:
        parts = self._parts.values()
        ended = sum(one.ended for one in parts)
        states = dict.fromkeys(one.state for one in parts if not one.ended)
        poor = (one.state for one in parts if one.state not in (_SAVED, "SUCCEEDED"))
        state = next(iter(states), None) or next(poor, _SAVED)
        total = sum(max(one.total or 0, self._asked[one.address]) for one in parts)
        done, failed = sum(one.done for one in parts), sum(one.failed for one in parts)
        over = ended == self._count
        return Working(self._of, "", state, done, failed, total or None, over, (ended, self._count))


def wholes(known: Mapping[Address, Job]) -> dict[Address, Whole]:
    """The jobs among these that are run in parts, by the address of each part."""
    groups: dict[Address, list[Job]] = {}
    counts: dict[Address, int] = {}
    for job in known.values():
        if job.part and job.part.count > 1:
            groups.setdefault(job.part.of, []).append(job)
            counts[job.part.of] = job.part.count
    made = {of: Whole(of, _stopped(parts), counts[of]) for of, parts in groups.items()}
    return {job.address: made[of] for of, parts in groups.items() for job in parts}


def _stopped(parts: list[Job]) -> list[Job]:
    """The parts; where a person has stopped the job, those that were not run yet as ones that never are."""
    if not any(job.record and job.record.stopped for job in parts):
        return parts
    return [replace(job, never=job.record is None and job.harvest is None) for job in parts]


def _so_far(job: Job) -> Working:
    name = job.record.name if job.record else ""
    if job.never:
        return Working(job.address, name, "CANCELLED", ended=True)
    if not job.is_now:
        return Working(job.address, "", _QUEUED)
    if (harvest := job.harvest) and not job.running:
        every = harvest.succeeded + harvest.blocked + harvest.failed
        return Working(job.address, name, _SAVED, every, harvest.failed, every, ended=True)
    if job.item is None and job.record is None:
        return Working(job.address, name, _QUEUED)
    return working(job.address, name, job.item)


def watch(
    session: Session,
    connection: Connection,
    names: Mapping[str, Address],
    *,
    tell: Tell,
    timeout: float | None = None,
    parts: Mapping[Address, Whole] = MappingProxyType({}),
    until_one: bool = False,
) -> dict[str, LiveObject | None]:
    """Look until each of these live objects has ended or is gone, or with `until_one` the first of them, or the time is
    over: one list a kind and look, and ever longer waits between them. What a list lacks is asked for by name. `tell`
    is told of each that has moved; of `parts`, of the job that they are parts of.
    Raises ApiError when too many looks fail.
    """
    kinds = {
        kind: Expected(dict.fromkeys(name for name, address in sorted(names.items()) if address.kind == kind))
        for kind in sorted({address.kind for address in names.values()})
    }
    give_up = None if timeout is None else session.clock.monotonic() + timeout
    told: dict[str, Working] = {}
    shown: dict[Address, Working] = {}
    said: dict[Address, Working] = {}
    pause, trouble = SOONEST, 0
    found: dict[str, LiveObject | None] = {}
    while names:
        try:
            live_state = survey(
                kinds, session.catalogue, connection.new_client, connection.server_now, connection.at_once
            )
        except Temporary:
            trouble += 1
            if trouble >= MOST_TROUBLE:
                raise
        else:
            trouble = 0
            live = {item.name: item for kind in kinds for item in live_state.items(kind)}
            found = {name: live.get(name) for name in names}
            for name, address in names.items():
                now = working(address, name, found[name])
                if told.get(name) != now:
                    told[name] = now
                    if address not in parts:
                        tell(now)
                    elif (whole := parts[address].tell(now)) != shown.get(whole.address):
                        shown[whole.address] = whole
            for at, whole in shown.items():
                if said.get(at) != whole:
                    tell(whole)
                    said[at] = whole
            ends = [one.ended for one in told.values()]
            if all(ends) or (until_one and any(ends)):
                break
        left = None if give_up is None else give_up - session.clock.monotonic()
        if left is not None and left <= 0:
            break
        session.clock.sleep(pause if left is None else min(pause, left))
        pause = min(pause * GROWTH, LATEST)
    return found


@dataclass(frozen=True, slots=True)
class Waited:
    """The end of a job that was waited for. `succeeded`: there are results, of however many requests. `complete`: each
    request has an answer, as far as is known.
    """

    working: Working
    succeeded: bool
    complete: bool = True


def wait(
    session: Session,
    connection: Connection,
    desired: Desired,
    addresses: Collection[Address],
    *,
    tell: Tell,
    timeout: float | None,
) -> tuple[Waited, ...]:
    """Wait until these jobs have ended, and write down what they showed last. Raises Usage for an address of no job, or
    of one that was never run.
    """
    observation = look(session, connection, desired, wait=None)
    picked = pick(jobs(observation, session.catalogue), dict.fromkeys(addresses), session.catalogue)
    begun = {job.part.of for job in picked.values() if job.part and (job.record or job.harvest)}
    for job in picked.values():
        if job.record is None and job.harvest is None and not (job.part and job.part.of in begun):
            raise Usage(f"{_whole(job)} has not been run.", code="E004", hint="`gemctl apply` runs it.")
    names = {job.record.name: address for address, job in picked.items() if job.record and job.running}
    parts = wholes(picked)
    found = watch(session, connection, names, tell=tell, timeout=timeout, parts=parts)
    last = [found.get(job.item.name, job.item) for job in picked.values() if job.item]
    with suppress(Locked, StateError, OSError), session.store.lock("wait", 0):  # the run that holds it looks itself
        note(session, filter(None, last))
    ends: dict[Address, list[Waited]] = {}
    for job in picked.values():
        ends.setdefault(_whole(job), []).append(_waited(job, found))
    return tuple(
        Waited(
            parts[group[0].working.address].working,
            all(one.succeeded for one in group),
            all(one.complete for one in group),
        )
        if group[0].working.address in parts
        else group[0]
        for group in ends.values()
    )


def _whole(job: Job) -> Address:
    return job.part.of if job.part else job.address


def _waited(job: Job, found: Mapping[str, LiveObject | None]) -> Waited:
    name = job.record.name if job.record else job.resource.receipt.job if job.resource and job.resource.receipt else ""
    now = replace(job, item=found.get(name, job.item))
    shown = working(job.address, name, now.item)
    if now.item is None and now.harvest:
        total = now.harvest.succeeded + now.harvest.blocked + now.harvest.failed
        shown = replace(shown, state=_SAVED, done=total, failed=now.harvest.failed, total=total)
    return Waited(shown, now.succeeded, now.complete)


def wanted_or_nothing(session: Session) -> Desired:
    """The declared resources; none where manifests are broken, which is no reason not to wait or to stop. Raises
    Rejected where there is no known state: then only the declarations tell the live objects apart.
    """
    try:
        return wanted(session, PlanRequest())
    except Rejected:
        if not session.store.load().ledger.known:
            raise
        return Desired()


# Carrying out a part of a plan


def only(planned: Planned, wanted: Callable[[Change], bool]) -> Planned:
    """The plan with only these changes and the steps that they make. Bindings that were found are kept."""
    return replace(planned, plan=part(planned.plan, wanted))


def to_save(change: Change) -> bool:
    return change.action is Action.HARVEST


@dataclass(frozen=True, slots=True)
class Summary:
    """A job, as `gemctl results` shows it: saved, running, ended, failed, gone or not run.

    `new` is True for results that were saved just now; `file` is where they are, from the project root. `cost` is what
    the run has cost; None for unknown.
    """

    address: Address
    name: str | None
    state: str
    new: bool
    file: str | None
    harvest: Harvest | None
    cost: ActualCost | None = None


def summary(session: Session, desired: Desired, job: Job, ledger: Ledger, saved: Iterable[Saved]) -> Summary:
    """The summary of a job after results were `saved`."""
    record, receipt = ledger.records.get(job.address), job.resource.receipt if job.resource else None
    name = record.name if record else receipt.job if receipt else None
    news = next((one for one in saved if one.job == name), None)
    now = replace(job, record=record)
    harvest = news.harvest if news else now.harvest
    if harvest:
        state = "saved"
    elif job.item is None:
        state = "gone" if record else "not run"
    else:
        state = {Phase.WAITING: "running", Phase.READY: "ended", Phase.FAILED: "failed"}[job.item.phase]
    file = news.path if news else _where(now) if harvest else None
    cost = actual_cost(session, desired, job.address, record, harvest) if harvest else None
    return Summary(job.address, name, state, news is not None, file, harvest, cost)


def by_job(summaries: Iterable[Summary], known: Mapping[Address, Job]) -> list[Summary]:
    """The summaries, with one for each job that is run in parts in place of theirs."""
    groups: dict[Address, list[Summary]] = {}
    for one in summaries:
        job = known[one.address]
        groups.setdefault(job.part.of if job.part and job.part.count > 1 else one.address, []).append(one)
    found: list[Summary] = []
    for address, group in groups.items():
        jobs_ = [known[one.address] for one in group]
        if group[0].address != address:
            found.append(_together(address, jobs_, group))
        elif (table := jobs_[0].part) and group[0].file:  # of one part only: its results are a table
            found.append(replace(group[0], file=table.results))
        else:
            found.append(group[0])
    return found


def _together(address: Address, jobs: Sequence[Job], group: Sequence[Summary]) -> Summary:
    part = jobs[0].part
    whole = next((one.resource.receipt for one in jobs if one.resource and one.resource.receipt), None)
    if whole and whole.as_whole and not any(one.record and one.is_now for one in jobs):
        return Summary(address, whole.job, "saved", False, whole.file, whole.harvest, None)
    now = [summary if job.is_now else replace(summary, state="not run", harvest=None, cost=None)
           for job, summary in zip(jobs, group, strict=True)]  # fmt: skip
    states = Counter(one.state for one in now)
    harvests = [one.harvest for one in now if one.harvest]
    saved = len(harvests) == len(now)
    told = "saved" if saved else ", ".join(f"{number} {state}" for state, number in states.items())
    costs = [one.cost for one in now if one.cost]
    return Summary(
        address,
        None,
        told,
        any(one.new for one in now),
        (part.results if part else None) if saved else None,
        merged("", harvests) if harvests else None,
        all_of(costs) if costs and len(costs) == len(harvests) else None,
    )


def _where(job: Job) -> str | None:
    """The file with its results; None where that isn't known."""
    receipt = job.resource.receipt if job.resource else None
    if receipt and job.harvest and receipt.harvest.digest == job.harvest.digest:
        return receipt.file
    same = job.resource and job.record and job.record.spec_tag == attempt_tag(job.resource.spec_tag, job.record.attempt)
    return job.results if same else None


def fetch_again(
    session: Session, connection: Connection, observation: Observation, jobs: Collection[Job], *, as_is: bool = False
) -> tuple[tuple[Saved, ...], tuple[Diagnostic, ...]]:
    """Save results again whose file is gone, from what the service still has, and merge those of parts. Returns those,
    and diagnostics about the others. Writes only what equals the results that were saved; `as_is` also merges where
    parts have no results. The caller holds the lock.
    """
    save = saving(session, connection, observation.desired, as_is=as_is)
    live = observation.live_state.by_name
    problems: list[Diagnostic] = []
    for job in jobs:
        file, harvest = _where(job), job.harvest
        if file is None or harvest is None:
            continue
        kind = session.catalogue[job.address.kind]
        try:
            if (session.root / file).exists():
                if job.record:
                    save.lacking_anew(kind, _harvest_of(job.address, job.record), file)
                continue
            with closing(connection.new_client()) as client:
                runs = _runs_of(job, observation.ledger, _asked(client, kind, live))
                if not runs:
                    raise GemctlError("The service no longer has the job.", code="E537")
                save.again(client, kind, runs, file, harvest)
        except (GemctlError, OSError) as error:
            code, hint = (error.code, error.hint) if isinstance(error, GemctlError) else ("E536", None)
            if code == "E537":
                hint = f"Put back a copy of it, whose digest is {harvest.digest}. The job counts as run all the same."
            detail = f"{file} is gone, and can't be saved again: {error}"
            problems.append(problem(code, detail, address=job.address, hint=hint))
    for of, name in {part.of: job.address.kind for job in jobs if (part := job.part)}.items():
        save.together(session.catalogue[name], of)
    return tuple(save.saved), (*problems, *save.problems)


def _asked(client: Client, kind: Kind, live: Mapping[str, LiveObject]) -> Callable[[str], LiveObject | None]:
    """What the service has by a live name. One that was not seen is asked for: a run that is done is not looked for."""

    def there(name: str) -> LiveObject | None:
        with suppress(ValueError):  # a receipt may have been written to by hand: then it is no name
            return live.get(name) or look_at(client, kind, name)
        return None

    return there


def _runs_of(job: Job, ledger: Ledger, there: Callable[[str], LiveObject | None]) -> tuple[Collect, ...]:
    """The runs of one declaration that may have results, the last attempt first. Raises ApiError."""
    record = job.record or _by_receipt(job)
    if record is None or job.resource is None:
        return ()
    records = [
        record,
        *(one.record for one in ledger.retiring.values() if one.address == job.address and one.record),
    ]
    same = [one for one in records if one.spec_tag == attempt_tag(job.resource.spec_tag, one.attempt)]
    found = [one for one in same if (item := there(one.name)) and item.phase is Phase.READY]
    found.sort(key=lambda one: one.attempt, reverse=True)
    return tuple(_harvest_of(job.address, one) for one in found)


def _by_receipt(job: Job) -> Record | None:
    """What the receipt says of a run that the ledger doesn't have."""
    if job.resource is None or (receipt := job.resource.receipt) is None:
        return None
    rules, tag = job.resource.run, receipt.spec_tag
    return Record(receipt.job, tag, Origin.ADOPTED, "", attempt=receipt.attempt, run=rules, harvest=receipt.harvest)


def _harvest_of(address: Address, record: Record) -> Collect:
    return Collect(steps.step_id(address, Op.HARVEST, record.name), address.kind, record.name, address, record)


def stop(planned: Planned, stopped: Collection[Job], catalogue: Catalogue) -> Planned:
    """The plan that stops these, a job or its parts, and does nothing else. Raises GemctlError where it can't or must
    not be stopped.
    """
    plan = replace(planned.plan, changes=(), steps=())
    for job in stopped:
        if job.running:
            plan = replace(plan, steps=(*plan.steps, _stopping(planned, job, catalogue)))
        # Rules don't run a job again that a person has stopped; the record says so before the service is asked.
        if record := fold(planned.observation.ledger, plan.bindings).records.get(job.address):
            plan = replace(plan, bindings=(*plan.bindings, Bound(job.address, replace(record, stopped=True))))
    return replace(planned, plan=plan)


def _stopping(planned: Planned, job: Job, catalogue: Catalogue) -> Step:
    if job.item is None:
        raise GemctlError(f"{job.address} is not live.", code="E004")
    stays(job.record, planned.observation.ledger)
    rules = job.resource.lifecycle if job.resource else job.record
    if rules and rules.prevent_destroy:
        raise GemctlError(
            f"{job.item.name} would be cancelled, but lifecycle.preventDestroy is set.",
            code="E502",
            hint="Set preventDestroy: false in its manifest and apply that first. There is no flag for it.",
        )
    name, address = job.item.name, job.address
    if once(catalogue[address.kind]).cancel is None:
        raise GemctlError(f"A {address.kind} can't be stopped: it ends by itself.", code="E004")
    return steps.cancel(address, catalogue[address.kind], name)


# Going on until nothing runs

_GOES_ON = frozenset(
    {
        Reason.RUNNING,
        Reason.FINISHED,
        Reason.RESUBMIT,
        Reason.EXPIRED,
        Reason.DONE,
        Reason.FAILED,
        Reason.SUPERSEDED,
        Reason.DUPLICATE,
        Reason.QUEUED,
    }
)


class Following:
    """Follows the jobs that an apply has started, or met running, and says what may be done later without asking again.

    That is only what follows from the plan that was shown: results are saved, jobs are run again or cleaned up as the
    manifests say, jobs that were told to stop are deleted. A job that was edited meanwhile, or taken out, is left to
    the next apply; and one that another run has started meanwhile with another declaration, such as with another value
    of a variable, is left to that run.
    """

    def __init__(self, first: Planned, outcome: Outcome, ledger: Ledger, catalogue: Catalogue) -> None:
        """`first` is the plan that was applied, `outcome` what became of it, and `ledger` what it wrote down: addresses
        outside of the plan are not followed either.
        """
        self._catalogue = catalogue
        self._scope = {change.address for change in first.plan.changes}
        self._undeclared = self._scope - set(first.observation.desired.resources)
        self._asked = {change.address for change in first.plan.changes if change.reason is Reason.QUEUED}
        self._seen = set(first.observation.live_state.by_name)
        self._left: set[Address] = set()
        self.note(outcome, ledger)

    def note(self, outcome: Outcome, ledger: Ledger) -> None:
        """Note what this command has made itself, and the runs for which the service had no room: they were asked for,
        and are sent later.
        """
        self._seen |= {*(record.name for record in ledger.records.values()), *ledger.retiring}
        self._asked |= {event.address for event in outcome.steps.values() if event.status is Status.QUEUED}

    def waiting(self, plan: Plan) -> bool:
        """Whether a followed run waits for room, or does after this plan."""
        return any(self._followed(change.address) and self._waits(change) for change in plan.changes)

    def _waits(self, change: Change) -> bool:
        return change.reason is Reason.QUEUED or (change.action is Action.CREATE and change.address in self._asked)

    def unended(self, ledger: Ledger) -> dict[str, Address]:
        """By live name, the followed jobs that may still run, or have results that are not saved."""
        found = {
            record.name: address
            for address, record in ledger.records.items()
            if self._followed(address) and record.harvest is None
        }
        found |= {
            name: old.address
            for name, old in ledger.retiring.items()
            if self._followed(old.address) and (old.record is None or old.record.harvest is None)
        }
        return found

    def next(self, planned: Planned) -> Planned:
        """The part of this plan that follows from the first one."""
        self._left |= self._started_by_others(planned)
        other = {change.address for change in planned.plan.changes if not self._goes_on(change)}
        again = {
            change.address
            for change in planned.plan.changes
            if change.reason is Reason.RESUBMIT or self._waits(change)
            if change.action is Action.CREATE and change.address not in other
        }
        resources = planned.observation.desired.resources
        needed = {reference.target for address in again for reference in resources[address].declared.references}

        def goes_on(change: Change) -> bool:
            if change.address in needed:
                return change.action in (Action.CREATE, Action.REPLACE)
            resource = resources.get(change.address)
            if resource and resource.generated_by:  # what a job generated is cleaned up with it
                return change.action is Action.DELETE and self._followed(resource.generated_by)
            return self._followed(change.address) and change.address not in other

        return only(planned, goes_on)

    def patience(self, ledger: Ledger, desired: Desired, now: datetime) -> float | None:
        """Seconds until the first of them is past its `run.deadline`; None for never."""
        ends = [
            record.created + rules.deadline
            for address, record in ledger.records.items()
            if (resource := desired.resources.get(address)) and (rules := resource.run)
            if self._followed(address) and record.created and rules.deadline and record.harvest is None
        ]
        return min(((end - now).total_seconds() for end in ends if end > now), default=None)

    def running(self, found: Mapping[str, LiveObject | None]) -> bool:
        return any(item is not None and item.phase is Phase.WAITING for item in found.values())

    def failed(self, planned: Planned) -> tuple[Diagnostic, ...]:
        """Diagnostics about the jobs that ended without results."""
        found = [
            problem("E507", change.note or "It ended without results.", address=change.address)
            for change in planned.plan.changes
            if self._followed(change.address) and change.reason is Reason.FAILED
        ]
        resources = planned.observation.desired.resources
        taken = sorted(at for at in self._left if (resource := resources.get(at)) and resource.receipt is None)
        return (*found, *(problem("E507", _TAKEN, address=at, hint=_ONE_AT_A_TIME) for at in taken))

    def _started_by_others(self, planned: Planned) -> set[Address]:
        """The followed jobs of which there is a run that came after the first plan, and that is of another declaration:
        to this one it would be a run to stop.
        """
        resources, live = planned.observation.desired.resources, planned.observation.live_state.by_name
        return {
            change.address
            for change in planned.plan.changes
            if self._followed(change.address) and change.name not in self._seen
            if (item := live.get(change.name or "")) and (resource := resources.get(change.address))
            if attempt_of(item, resource) is None
        }

    def _followed(self, address: Address) -> bool:
        kind = self._catalogue.get(address.kind)
        return kind is not None and kind.once is not None and address in self._scope and address not in self._left

    def _goes_on(self, change: Change) -> bool:
        if change.reason in UNWANTED:
            return change.address in self._undeclared
        return change.reason in _GOES_ON or self._waits(change)


def still_running(waited: Iterable[Waited]) -> Diagnostic:
    names = ", ".join(str(one.working.address) for one in waited if not one.working.ended)
    waits = any(one.working.state == _QUEUED for one in waited)
    hint = "Parts of it wait for room: `gemctl apply --wait` sends them." if waits else _LONGER
    return problem("E539", f"{names}: not ended yet.", hint=hint)
