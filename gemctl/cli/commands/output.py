"""Defines `gemctl output`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("output", cls=Command)
@click.argument("what", metavar="[ADDRESS]", default="", required=False)
@global_options
@pass_context
def command(context: Context, what: str) -> None:
    """Print the names and outputs of bound resources; for one ADDRESS just its name, and for a job
    in parts those of all, a line each.

        cache=$(gemctl output CachedContent/handbook)
        gemctl output --json

    Reads the ledger only: no key, no call.
    """
    from gemctl.workflows.show import outputs

    session = context.session()
    wanted = context.address(what, session) if what else None
    records = outputs(session, wanted)
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text(json.outputs(records)))
    elif wanted:
        for record in records.values():
            context.terminal.say(record.name)
    elif records:
        from gemctl.render import human

        rows = [(str(at), record.name) for at, record in records.items()]
        context.terminal.say(human.table(("ADDRESS", "NAME"), rows, context.terminal.out))
    else:
        context.terminal.say("Nothing is bound.")
