"""Defines `gemctl cancel`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command
from gemctl.cli.planning import lock_option, seconds


@click.command("cancel", cls=Command)
@click.argument("what", metavar="ADDRESS")
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@lock_option
@global_options
@pass_context
def command(context: Context, what: str, yes: bool, lock_timeout: str) -> int:
    """Stop a job that runs.

        gemctl cancel BatchJob/nightly

    What has been answered by then is billed, and saved by `gemctl results` or the
    next apply. While it is declared, the job counts as run, and onFailed and
    onExpired don't run it again: change run.key for that. With --json, lines as of `apply --json`.

    Exit status:
        0  the service was asked to stop it, or it has ended already
        5  it could not be stopped
    """
    context.lines = True
    from gemctl.cli.acting import report
    from gemctl.cli.stopping import graceful
    from gemctl.cli.term import interactive
    from gemctl.core.errors import Usage
    from gemctl.engine.execute import Stopping
    from gemctl.render import human, json
    from gemctl.render.progress import Progress
    from gemctl.workflows.apply import apply
    from gemctl.workflows.jobs import jobs, pick, stop, wanted_or_nothing, wholes, working
    from gemctl.workflows.plan import plan
    from gemctl.workflows.request import PlanRequest

    target = context.address(what)
    session = context.session()
    if not yes and (context.json or not interactive()):
        raise Usage("There is nobody to ask here.", code="E009", hint="Give --yes to go ahead without asking.")
    stopping = Stopping()
    terminal = context.terminal
    with (
        session.store.lock("cancel", seconds(lock_timeout)),
        Progress(terminal.say, terminal.out, live=terminal.live, as_json=context.json) as progress,
    ):
        connection = context.connect(session, tell_retry=progress.retry, stopping=lambda: stopping.signal is not None)
        desired = wanted_or_nothing(session)
        planned = plan(session, connection, PlanRequest(), desired, wait=progress.tell)
        progress.end()
        picked = pick(jobs(planned.observation, session.catalogue), [target], session.catalogue)
        live = [job for job in picked.values() if job.item]
        whole = next(iter(wholes(picked).values()), None)
        waits = whole is not None and not whole.working.ended and any(job.record for job in picked.values())
        if not live and not waits:
            raise Usage(f"{target} is not live.", code="E004", hint="`gemctl get` lists what is.")
        now = whole.working if whole else working(target, live[0].name, live[0].item)
        if now.ended or not (waits or live[0].running):
            ended = human.working(now)
            context.document({"type": "run", **json.run(now)}) if context.json else terminal.say(ended)
            return Exit.DONE
        chosen = stop(planned, picked.values(), session.catalogue)
        if not yes and not terminal.ask(f"{human.working(now)}. Cancel it?"):
            terminal.note("Nothing was done.")
            return Exit.ERROR
        with graceful(stopping, terminal.note):
            applied = apply(session, connection, chosen, tell=progress.tell, stopping=stopping, width=4)
        if not chosen.plan.steps and not context.json:
            terminal.say(f"{target}: none of its parts runs, and those that wait are not run.")
    return report(context, applied, chosen)
