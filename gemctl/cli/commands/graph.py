"""Defines `gemctl graph`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import form_of, form_option


@click.command("graph", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@form_option("text", "json", "mermaid", "dot")
@global_options
@pass_context
def command(context: Context, paths: tuple[str, ...], form: str | None) -> None:
    """Show what is declared, and what needs what: files, caches, jobs.

        gemctl graph
        gemctl graph --format mermaid > graph.mmd
        gemctl graph --format dot | dot -Tsvg > graph.svg

    Offline: no key, no call. PATHs are manifests or folders of the project; default:
    all of it.
    """
    from gemctl.workflows.graph import graph

    form = form_of(context, form)
    found = graph(context.session(), paths)
    if form == "json":
        from gemctl.render import json

        context.document(json.graph(found))
        return
    from gemctl.render import graph as render

    context.terminal.say({"text": render.text, "mermaid": render.mermaid, "dot": render.dot}[form](found))
