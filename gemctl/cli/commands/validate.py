"""Defines `gemctl validate`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command


@click.command("validate", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@global_options
@pass_context
def command(context: Context, paths: tuple[str, ...]) -> int:
    """Check manifests offline: everything that can be checked without a call.

    PATHs are manifests or folders of the project; default: all of it. All problems are shown at once, each with its
    place and what to do about it. Exits with 1 if there is an error.
    """
    from gemctl.core.errors import Rejected
    from gemctl.workflows.validate import validate

    try:
        desired = validate(context.session(), paths)
        found, count = desired.warnings, len(desired.resources)
    except Rejected as rejected:
        if not context.json:
            raise
        found, count = rejected.diagnostics, 0
    if context.json:
        from gemctl.render import json

        document = json.valid(found)
        context.terminal.say(json.text(document))
        return Exit.DONE if document["valid"] else Exit.ERROR
    if found:
        from gemctl.cli.main import complain

        complain(context, found)
    paint = context.terminal.out
    context.terminal.say(paint(f"Valid: {count} resource{'s' if count != 1 else ''}.", "bold", "green"))
    return Exit.DONE
