"""Defines `gemctl render`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("render", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@global_options
@pass_context
def command(context: Context, paths: tuple[str, ...]) -> None:
    """Print what a stack resolves to: with its variables, overlays and defaults, as YAML that gemctl itself accepts.

    Comments name the file and line of each value that doesn't stand in the resource's own manifest, and where its
    variables come from; with --json that is in `origins`. It is all checked as by `validate`, and nothing is called.

        gemctl render --stack prod
        diff <(gemctl render --stack staging) <(gemctl render --stack prod)
    """
    from gemctl.render import manifests
    from gemctl.workflows.render import render

    session = context.session()
    desired, found = render(session, paths)
    project, stack = session.project.name, session.stack.name
    if context.json:
        context.document(manifests.document(found, project, stack))
        return
    context.terminal.say(manifests.text(found, project, stack).removesuffix("\n"))
    if desired.warnings:
        from gemctl.cli.main import complain

        complain(context, desired.warnings)
