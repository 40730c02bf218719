"""Defines `gemctl apply`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import (
    count_option,
    file_option,
    guard_options,
    lock_option,
    refresh_option,
    replace_option,
    request_from,
    target_option,
)
from gemctl.core.errors import Usage


@click.command("apply", cls=Command)
@click.argument("paths", metavar="[PATH]...|[PLANFILE]", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--wait", is_flag=True, help="Wait until no job runs any more, and save the results.")
@click.option("--parallelism", metavar="N", type=click.IntRange(1, 128), default=10, show_default=True,
              help="At most N calls at a time.")  # fmt: skip
@click.option("--all-stacks", is_flag=True, help="Apply every stack of the project, one after the other.")
@file_option
@refresh_option
@count_option
@target_option
@replace_option
@guard_options
@lock_option
@global_options
@pass_context
def command(
    context: Context,
    /,
    paths: tuple[str, ...],
    files: tuple[str, ...],
    yes: bool,
    wait: bool,
    all_stacks: bool,
    refresh_only: bool,
    parallelism: int,
    target: tuple[str, ...],
    lock_timeout: str,
    **allowed: object,
) -> int:
    """Show the plan, ask, and carry it out: create, renew, replace and delete what it says.

    A PLANFILE that `gemctl plan --out` wrote is applied as it is, or refused if
    anything has changed since.

    Exit status:
        0  done, or nothing to do      3  another run holds the lock
        1  an error, nothing was done  4  the saved plan is stale
        5  done in part: apply again   6  the state can't be used

    Jobs are started, and go on by themselves; a later apply saves their results. With --wait this one does: when a job
    has ended it does what follows from that, without asking again, and nothing else. The lock is free while it waits.

    With --all-stacks what is declared is checked for all stacks, and then one after the other has its plan and its
    question, in the order of gemctl.yaml. The first that is not done whole ends it: those after it are left alone.

    With --json, a line for each thing that happens, by its "type": step, saved,
    run (how far a job is), transfer, waiting; the last one is the outcome.

    Ctrl-C once finishes and records what is in flight; twice leaves at once. Neither loses anything, and nor does a
    kill: the next apply finds what was made.
    """
    from gemctl.cli.acting import act

    if refresh_only and wait:
        raise Usage("--refresh-only and --wait exclude each other.", code="E009")
    paths = context.manifests(paths, files)
    options = {**allowed, "advise": context.verbose > 0, "given": context.given}
    request = request_from(context, paths, target, False, options, refresh_only)
    if all_stacks:
        from gemctl.cli.all_stacks import apply_all

        return apply_all(context, request, yes=yes, width=parallelism, lock_timeout=lock_timeout, wait=wait)
    return act(context, request, yes=yes, width=parallelism, lock_timeout=lock_timeout, wait=wait)
