"""Defines `gemctl help`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("help", cls=Command)
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@global_options
@pass_context
def command(context: Context, words: tuple[str, ...]) -> None:
    """Show what a command does, as `gemctl COMMAND --help`.

        gemctl help apply
        gemctl help state mv

    Without a COMMAND, as `gemctl --help`: the list of all of them.
    """
    at = click.get_current_context().find_root()
    for word in words:
        group = at.command
        if not isinstance(group, click.Group):
            at.fail(f"{at.command_path} has no commands below it.")
        name, found, _ = group.resolve_command(at, [word])
        if found is not None:
            at = click.Context(found, info_name=name, parent=at)
    context.terminal.say(at.get_help())
