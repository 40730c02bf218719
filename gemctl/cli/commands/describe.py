"""Defines `gemctl describe`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("describe", cls=Command)
@click.argument("what", metavar="ADDRESS")
@global_options
@pass_context
def command(context: Context, what: str) -> None:
    """Show all that is known of one resource: where it is declared, its labels, the live object, its record in the
    ledger, what the next apply does about it and when something is due, what it refers to and what refers to it.

        gemctl describe CachedContent/handbook

    Reads only, and makes the same calls as a plan.
    """
    from gemctl.render import description
    from gemctl.workflows.describe import describe

    session = context.session()
    at = context.address(what, session)
    found = describe(session, context.connect(session), at)
    if context.json:
        context.document(description.document(found))
        return
    context.terminal.say(description.text(found, context.terminal.out))
    if found.diagnostics:
        from gemctl.cli.main import complain

        complain(context, found.diagnostics)
