"""Defines `gemctl init`. main.py imports it when that command is run."""

from __future__ import annotations

import shlex

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("init", cls=Command)
@click.argument("directory", metavar="[DIR]", default="", required=False)
@global_options
@pass_context
def command(context: Context, directory: str) -> None:
    """Scaffold a project in DIR (default: here) that works at once.

    It has a stack `local` on the embedded emulator, which needs no key and no
    network, and a stack `dev` for the Gemini API:
        gemctl init shop && cd shop
        gemctl apply                    # on the emulator
        gemctl apply --stack dev        # with GEMINI_API_KEY set

    Files that are there already are left alone, and named.
    """
    from gemctl.workflows.init import init

    made = init(directory or context.folder)
    if context.json:
        from gemctl.render import json

        document = {"folder": str(made.folder), "written": list(made.written), "kept": list(made.kept)}
        context.terminal.say(json.text(document))
        return
    for path in made.written:
        context.terminal.say(context.terminal.out(f"+ {path}", "green"))
    for path in made.kept:
        context.terminal.say(context.terminal.out(f"= {path} (was there already)", "dim"))
    if not made.ignores_state:
        context.terminal.say("Add .gemctl/ to .gitignore: the state is this machine's own.")
    where = f"cd -- {shlex.quote(str(made.folder))} && " if directory not in ("", ".") else ""
    context.terminal.say(f"Next: {where}gemctl apply")
