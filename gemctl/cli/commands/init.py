"""gemctl init"""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context


@click.command("init")
@click.argument("directory", metavar="[DIR]", default="", required=False)
@global_options
@pass_context
def command(context: Context, directory: str) -> None:
    """Scaffold a project in DIR (default: here) that works at once.

    \b
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

        context.terminal.say(json.text({"folder": str(made.folder), "written": list(made.written)}))
        return
    for path in made.written:
        context.terminal.say(context.terminal.out(f"+ {path}", "green"))
    where = f"cd {made.folder} && " if directory else ""
    context.terminal.say(f"Next: {where}gemctl apply")
