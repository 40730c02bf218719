"""Defines `gemctl explain`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("explain", cls=Command)
@click.argument("path", metavar="KIND[.PATH]|CODE")
@global_options
@pass_context
def command(context: Context, path: str) -> None:
    """Show what a field is for: its type, default, limits, and the fields below it; or what a diagnostic means.

        gemctl explain CachedContent
        gemctl explain CachedContent.spec.contents.parts
        gemctl explain lifecycle.renewBefore
        gemctl explain Project.stacks
        gemctl explain E206

    Also for `Project` (gemctl.yaml), and for `metadata`, `lifecycle`, `run` and `publish`, which stand beside
    `spec`. Lists are passed through: there is no number of an item in a path. Needs no project.
    """
    from gemctl.core.help import CodeHelp
    from gemctl.workflows.explain import code_named, explain

    found = code_named(path) or explain(path)
    if context.json:
        from gemctl.render import json

        context.document(json.code(found) if isinstance(found, CodeHelp) else json.help(found))
        return
    from gemctl.render import help as render

    paint = context.terminal.out
    context.terminal.say(render.code(found, paint) if isinstance(found, CodeHelp) else render.text(found, paint))
