"""Defines `gemctl wait`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command
from gemctl.cli.planning import seconds


@click.command("wait", cls=Command)
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--timeout", metavar="DURATION", help="Give up after this long, such as 2h. Default: never.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 if some requests have no answer.")
@global_options
@pass_context
def command(context: Context, addresses: tuple[str, ...], timeout: str | None, detailed_exitcode: bool) -> int:
    """Wait until jobs have ended.

        gemctl wait BatchJob/nightly && gemctl results BatchJob/nightly

    It changes nothing, and does not wait for the lock: at the end it writes into
    the ledger what it saw, unless another run holds it. `gemctl results` or an
    apply saves what has come of them. With --json, a line each time that a job has
    moved, and one at the end:
        {"type": "run", "address", "name", "state", "ended", "requests", "done", "failed"}
    of a job that is run in parts with "parts": {"ended", "count"} besides, and "name": null
        {"type": "waited", "jobs": [{…as above…, "succeeded"}], "diagnostics": […]}

    Exit status:
        0  all have ended with results, whatever became of single requests
        1  an error, or the time is over
        2  with --detailed-exitcode: all have ended with results, and some requests have no answer
        5  a job has failed, was cancelled, has expired, or is gone
    """
    context.lines = True
    from gemctl.render.progress import Progress
    from gemctl.workflows.jobs import still_running, wait, wanted_or_nothing

    targets = [context.address(one) for one in addresses]
    limit = seconds(timeout) if timeout is not None else None
    session = context.session()
    desired = wanted_or_nothing(session)
    terminal = context.terminal
    with Progress(terminal.say, terminal.out, live=terminal.live, as_json=context.json) as progress:
        connection = context.connect(session, tell_retry=progress.retry)
        waited = wait(session, connection, desired, targets, tell=progress.tell, timeout=limit)
    over = tuple(one for one in waited if not one.working.ended)
    problems = [still_running(over)] if over else []
    if context.json:
        from gemctl.render import json

        ends = [{**json.run(one.working), "succeeded": one.succeeded} for one in waited]
        context.document({"type": "waited", "jobs": ends, "diagnostics": json.diagnostics(problems)})
    else:
        from gemctl.cli.main import complain
        from gemctl.render import human

        for one in waited:
            text = human.working(one.working)
            failed = one.working.ended and not one.succeeded
            terminal.say(terminal.out(text, "red") if failed else text)
        if problems:
            complain(context, problems)
    if over:
        return Exit.ERROR
    if not all(one.succeeded for one in waited):
        return Exit.PARTIAL
    return Exit.PENDING if detailed_exitcode and not all(one.complete for one in waited) else Exit.DONE
