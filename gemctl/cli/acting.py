"""What apply and destroy do alike: lock, plan, show, ask, carry out, tell."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

from gemctl.cli.context import Context
from gemctl.cli.exits import Exit
from gemctl.cli.planning import seconds, show
from gemctl.cli.stopping import graceful
from gemctl.cli.term import interactive
from gemctl.core.diagnostic import errors
from gemctl.core.errors import Usage
from gemctl.core.event import Status
from gemctl.core.plan import Allowances
from gemctl.engine.execute import Stopping

if TYPE_CHECKING:
    from gemctl.render.progress import Progress
    from gemctl.workflows.apply import Applied
    from gemctl.workflows.plan import Ask, Planned
    from gemctl.workflows.wiring import Line, Session


def act(context: Context, ask: Ask, *, yes: bool, width: int, lock_timeout: str) -> int:
    """The whole of apply or destroy; the lock is taken before manifests are read. Returns the exit status."""
    context.lines = True
    if not yes and (context.json or not interactive()):
        raise Usage("There is nobody to ask here.", code="E009", hint="Give --yes to go ahead without asking.")
    session = context.session()
    doing = "destroy" if ask.destroy else "apply"
    with session.store.lock(doing, seconds(lock_timeout)):
        return _act(context, session, ask, yes, width)


def _act(context: Context, session: Session, ask: Ask, yes: bool, width: int) -> int:
    from gemctl.render.progress import Progress
    from gemctl.workflows.apply import apply, recheck

    stopping = Stopping()
    terminal = context.terminal
    with Progress(terminal.say, terminal.out, live=terminal.live, as_json=context.json) as progress:
        line = context.connect(session, tell_retry=progress.retry, stopping=lambda: stopping.signal is not None)
        planned = _planned(session, line, ask, progress)
        progress.end()
        stopped = bool(errors(planned.problems))
        if stopped or not context.json:
            show(context, planned)
        if stopped:
            return Exit.ERROR
        if planned.plan.pending and not yes:
            if not terminal.ask("Destroy all this?" if ask.destroy else "Apply this?"):
                terminal.note("Nothing was done.")
                return Exit.ERROR
            planned = recheck(session, line, planned)
        gc.enable()
        progress.begin(len(planned.plan.steps))
        with graceful(stopping, terminal.note):
            applied = apply(session, line, planned, tell=progress.tell, stopping=stopping, width=width)
    return _report(context, applied, planned)


def _planned(session: Session, line: Line, ask: Ask, progress: Progress) -> Planned:
    from gemctl.workflows.apply import saved
    from gemctl.workflows.plan import plan, wanted
    from gemctl.workflows.planfile import is_plan, load

    if len(ask.paths) == 1 and is_plan(ask.paths[0]):
        if ask.targets or ask.allowed != Allowances():
            raise Usage("A saved plan is applied as it is, without --target and --allow flags.", code="E009")
        made = load(ask.paths[0])
        paths = tuple(str(session.root / path) for path in made.header.paths)
        desired = wanted(session, replace(ask, paths=paths, destroy=made.header.destroy))
        return saved(session, line, made, desired, wait=progress.tell)
    return plan(session, line, ask, wanted(session, ask), wait=progress.tell)


def _report(context: Context, applied: Applied, planned: Planned) -> int:
    result = applied.outcome
    if context.json:
        from gemctl.render import json

        told = (*planned.picture.warnings, *planned.plan.diagnostics)
        found = (*told, *(problem for problem in applied.problems if problem not in told))
        end = json.outcome(result, planned.plan.header.next_due, found)
        context.terminal.say(json.text(end, indent=None))
    else:
        from gemctl.cli.main import complain
        from gemctl.render import human

        failures = [e.diagnostic for e in result.steps.values() if e.diagnostic and e.status is not Status.BLOCKED]
        if failures or applied.problems:
            complain(context, [*failures, *applied.problems])
        if result.steps:
            context.terminal.say(human.outcome(result, context.terminal.out))
    if result.stopped_by is not None:
        return 128 + result.stopped_by
    return Exit.DONE if result.complete and not applied.problems else Exit.PARTIAL
