"""Runs apply and destroy, which do the same: lock, plan, show, ask, carry out, report. Called by these two commands;
`gemctl cancel` calls `report`.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gemctl.cli.context import Context
from gemctl.cli.exits import Exit
from gemctl.cli.planning import seconds, show
from gemctl.cli.stopping import graceful
from gemctl.cli.term import interactive
from gemctl.core.change import Action, Reason
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import Interrupted, Usage
from gemctl.core.event import Outcome, Status, StepEvent
from gemctl.core.frozen import dataclass
from gemctl.core.live import Phase
from gemctl.core.plan import Allowances
from gemctl.engine.execute import Stopping

if TYPE_CHECKING:
    from gemctl.render.progress import Progress
    from gemctl.workflows.apply import Applied
    from gemctl.workflows.plan import Planned
    from gemctl.workflows.request import PlanRequest
    from gemctl.workflows.wiring import Connection, Session

LEAST_LOCK = 300.0  # seconds that --wait waits for another run, each time that there is something to do
MOST_ROUNDS = 100_000
LATE, MOST_LATE = 10.0, 30  # seconds between two looks at results that come later than their job's end, and how many
LONGEST = 60.0  # seconds between two looks for room


@dataclass(frozen=True, slots=True)
class _Round:
    """A plan that was carried out."""

    planned: Planned
    applied: Applied


def act(context: Context, request: PlanRequest, *, yes: bool, width: int, lock_timeout: str, wait: bool = False) -> int:
    """Run apply or destroy; the lock is taken before manifests are read. Returns the exit status.

    With `wait`, do also what follows once the jobs that run have ended; the lock is free while they run.
    """
    from gemctl.render.progress import Progress

    context.lines = True
    session = context.session()
    may_ask(context, yes)
    doing, stopping, terminal = "destroy" if request.destroy else "apply", Stopping(), context.terminal
    with Progress(terminal.say, terminal.out, live=terminal.live, as_json=context.json) as progress:
        with session.store.lock(doing, seconds(lock_timeout)):
            connection = context.connect(
                session, tell_retry=progress.retry, stopping=lambda: stopping.signal is not None
            )
            acting = _Acting(context, session, connection, progress, stopping, width)
            first = acting.first(request, yes)
        if isinstance(first, Exit):
            return first
        if not wait and not context.json and (waiting := _waiting(first)):
            terminal.say(waiting)
        if wait and first.applied.outcome.stopped_by is None:
            try:
                acting.follow(request, first, max(seconds(lock_timeout), LEAST_LOCK))
            except Interrupted as stopped:  # while it waited, or looked: there is nothing to finish
                return acting.status(stopped.signal_number)
    return acting.status()


def may_ask(context: Context, yes: bool) -> None:
    """Raises Usage where a person would have to be asked, and can't be."""
    if not yes and (context.json or not interactive()):
        raise Usage("There is nobody to ask here.", code="E009", hint="Give --yes to go ahead without asking.")


def report(context: Context, applied: Applied, planned: Planned) -> int:
    """Report the outcome of one plan. Returns the exit status."""
    _tell(context, applied, planned)
    return _finish(context, [_Round(planned, applied)], (), applied.outcome.stopped_by)


class _Acting:
    """One run of apply or destroy, of one round or more."""

    def __init__(
        self,
        context: Context,
        session: Session,
        connection: Connection,
        progress: Progress,
        stopping: Stopping,
        width: int,
    ) -> None:
        self._context, self._session, self._connection, self._progress = context, session, connection, progress
        self._stopping, self._width = stopping, width
        self._rounds: list[_Round] = []
        self._problems: list[Diagnostic] = []

    def first(self, request: PlanRequest, yes: bool) -> _Round | Exit:
        from gemctl.workflows.apply import recheck

        context, terminal = self._context, self._context.terminal
        planned = _planned(self._session, self._connection, request, self._progress)
        self._progress.end()
        stopped = bool(errors(planned.problems))
        if stopped or not context.json:
            show(context, planned)
        if stopped:
            return Exit.ERROR
        if planned.plan.pending and not yes:
            if not terminal.ask("Destroy all this?" if request.destroy else "Apply this?"):
                terminal.note("Nothing was done.")
                return Exit.ERROR
            planned = recheck(self._session, self._connection, planned)
        gc.freeze()  # a plan is kept until the end: collections need not look through all of it, again and again
        gc.enable()
        try:
            return self._carry_out(planned, told=planned.plan.diagnostics)
        finally:
            gc.unfreeze()

    def _carry_out(self, planned: Planned, told: Sequence[Diagnostic] = ()) -> _Round:
        from gemctl.workflows.apply import apply

        self._progress.begin(len(planned.plan.steps))
        with graceful(self._stopping, self._context.terminal.note):
            applied = apply(
                self._session,
                self._connection,
                planned,
                tell=self._progress.tell,
                stopping=self._stopping,
                width=self._width,
            )
        self._progress.end()
        self._rounds.append(_Round(planned, applied))
        _tell(self._context, applied, planned, told)
        return self._rounds[-1]

    def follow(self, request: PlanRequest, first: _Round, lock_timeout: float) -> None:
        """Wait for the jobs that run, and do what follows from their ends, until none runs any more."""
        from gemctl.workflows.jobs import Following, jobs, watch, wholes
        from gemctl.workflows.ledger import note
        from gemctl.workflows.plan import plan, wanted

        session, connection, progress = self._session, self._connection, self._progress
        header = first.planned.plan.header
        given = request.given.path if request.given else None
        paths = tuple(str(session.root / path) for path in header.paths if path != given)
        request = replace(request, paths=paths, targets=(), destroy=header.destroy, anew=())
        following = Following(first.planned, first.applied.outcome, first.applied.ledger, session.catalogue)
        ledger, planned, late = first.applied.ledger, first.planned, 0
        queued = following.waiting(planned.plan)
        over: set[str] = set()  # live names that were seen to have ended: to look at them again tells nothing of room
        pause = LATE
        for _ in range(MOST_ROUNDS):
            names = {name: at for name, at in following.unended(ledger).items() if not (queued and name in over)}
            patience = following.patience(ledger, planned.observation.desired, connection.server_now())
            found = watch(
                session,
                connection,
                names,
                tell=progress.tell,
                timeout=patience,
                parts=wholes(jobs(planned.observation, session.catalogue)),
                until_one=queued,
            )
            progress.end()
            over |= {name for name, item in found.items() if item is None or item.phase is not Phase.WAITING}
            if queued and not names:  # others have all the room
                session.clock.sleep(pause)
                pause = min(pause * 2, LONGEST)
            with session.store.lock("apply", lock_timeout):
                desired = wanted(session, request)
                planned = plan(session, connection, request, desired, wait=progress.tell)
                progress.end()
                if errors(planned.problems):
                    self._problems += planned.problems
                    return
                ledger, chosen = planned.observation.ledger, following.next(planned)
                self._problems = list(following.failed(planned))
                queued = following.waiting(planned.plan)
                if not chosen.plan.steps and not following.running(found) and not queued:
                    note(session, filter(None, found.values()))
                    return
                done = self._carry_out(chosen).applied if chosen.plan.steps else None
            if done is None:
                continue
            pause = LATE if done.outcome.count(Status.DONE) else pause
            ledger = done.ledger
            following.note(done.outcome, ledger)
            if done.outcome.stopped_by is not None:
                return
            if not done.outcome.complete:
                late += 1
                if late > MOST_LATE or not all(_is_late(event) for event in done.outcome.steps.values()):
                    return
                session.clock.sleep(LATE)

    def status(self, stopped_by: int | None = None) -> int:
        by_signal = stopped_by or self._rounds[-1].applied.outcome.stopped_by
        return _finish(self._context, self._rounds, self._problems, by_signal)


def _is_late(event: StepEvent) -> bool:
    """Whether a step is done, or will be once the service has room for it, or shows the results of a job that it says
    has ended.
    """
    found = event.diagnostic
    return event.status in (Status.DONE, Status.BLOCKED, Status.QUEUED) or (found is not None and found.code == "E538")


def _planned(session: Session, connection: Connection, request: PlanRequest, progress: Progress) -> Planned:
    from gemctl.workflows.apply import saved
    from gemctl.workflows.plan import plan, wanted
    from gemctl.workflows.planfile import is_plan, load

    if len(request.paths) == 1 and is_plan(request.paths[0]):
        if request.targets or request.anew or request.given or request.allowed != Allowances():
            said = "A saved plan is applied as it is, without -f, --target, --replace and --allow flags."
            raise Usage(said, code="E009")
        made, _ = load(request.paths[0])
        paths = tuple(str(session.root / path) for path in made.header.paths)
        desired = wanted(session, replace(request, paths=paths, destroy=made.header.destroy))
        return saved(session, connection, made, desired, wait=progress.tell)
    return plan(session, connection, request, wanted(session, request), wait=progress.tell)


def _waiting(done: _Round) -> str:
    """What to do about jobs that wait for room; nothing where none do."""
    waits = {
        one.address for one in done.planned.plan.changes if (one.action, one.reason) == (Action.KEEP, Reason.QUEUED)
    }
    waits |= {event.address for event in done.applied.outcome.steps.values() if event.status is Status.QUEUED}
    if not waits:
        return ""
    some = f"{len(waits):,} jobs wait" if len(waits) > 1 else "1 job waits"
    told = [one.note for one in done.planned.plan.changes if one.address in waits]
    if all(note.startswith("it waits for the end of") for note in told):
        return f"{some} for the end of another: `gemctl apply` sends it then; --wait stays until all has ended."
    return f"{some} for room: `gemctl apply` sends what there is room for; --wait stays until all has ended."


def _tell(context: Context, applied: Applied, planned: Planned, told: Sequence[Diagnostic] = ()) -> None:
    """Report one round as soon as it is over, without the diagnostics that were `told` with the plan. Of a job that is
    run in parts its results are told once.
    """
    result = applied.outcome
    if context.json:
        from gemctl.render import json

        for one in applied.saved:
            context.document({"type": "saved", **json.saved(one)})
        return
    from gemctl.cli.main import complain
    from gemctl.render import human

    terminal = context.terminal
    failures = [e.diagnostic for e in result.steps.values() if e.diagnostic and e.status is not Status.BLOCKED]
    if problems := [*failures, *(one for one in applied.problems if one not in told)]:
        complain(context, problems)
    wholes = {change.address: change.part_of for change in planned.plan.changes if change.part_of}
    merged = {one.address for one in applied.saved}
    parts = Counter(of for one in applied.saved if (of := wholes.get(one.address)) and of not in merged)
    for one in applied.saved:
        if one.address not in wholes:
            terminal.say(human.saved(one, terminal.out))
    for of, count in parts.items():
        terminal.say(f"{of}: the results of {count:,} part{'' if count == 1 else 's'} are saved.")
    if result.steps:
        terminal.say(human.outcome(result, terminal.out))


def _finish(context: Context, rounds: Sequence[_Round], problems: Sequence[Diagnostic], stopped_by: int | None) -> int:
    """Print the last line with --json; return the exit status. `problems` are those that no round has told."""
    last = rounds[-1]
    if context.json:
        from gemctl.render import json

        told = [d for one in rounds for d in (*one.planned.observation.warnings, *one.planned.plan.diagnostics)]
        found = dict.fromkeys((*told, *(problem for one in rounds for problem in one.applied.problems), *problems))
        steps = {f"{n}:{name}": e for n, one in enumerate(rounds) for name, e in one.applied.outcome.steps.items()}
        whole = Outcome(steps, stopped_by=stopped_by)
        end = json.outcome(whole, last.planned.plan.header.next_due, found)
        context.terminal.say(json.text(end, indent=None))
    elif problems:
        from gemctl.cli.main import complain

        complain(context, problems)
    if stopped_by is not None:
        return 128 + stopped_by
    failed = any(not _is_late(e) for one in rounds for e in one.applied.outcome.steps.values())
    complete = last.applied.outcome.complete and not failed
    well = complete and not problems and not any(one.applied.problems for one in rounds)
    return Exit.DONE if well else Exit.PARTIAL
