"""Defines `gemctl destroy`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import guard_options, lock_option, request_from, target_option


@click.command("destroy", cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask. Needed where there is no terminal.")
@click.option("--wait", is_flag=True, help="Wait until jobs have stopped, save their results, and delete them.")
@click.option("--parallelism", metavar="N", type=click.IntRange(1, 128), default=10, show_default=True,
              help="At most N calls at a time.")  # fmt: skip
@target_option
@guard_options
@lock_option
@global_options
@pass_context
def command(
    context: Context,
    /,
    yes: bool,
    wait: bool,
    parallelism: int,
    target: tuple[str, ...],
    lock_timeout: str,
    **allowed: object,
) -> int:
    """Delete everything that this stack owns, older generations included.

    The manifests stay; `gemctl apply` makes it all again. Objects of others are not touched, and what has
    lifecycle.preventDestroy stops the run. Jobs that run are cancelled; once they have stopped, their results are
    saved and they are deleted, by the next destroy or, with --wait, by this one.
    """
    from gemctl.cli.acting import act

    request = request_from(context, (), target, True, allowed)
    return act(context, request, yes=yes, width=parallelism, lock_timeout=lock_timeout, wait=wait)
