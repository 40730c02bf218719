"""Defines `gemctl show`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, named, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import form_of, form_option, show_plan


@click.command("show", cls=Command)
@click.argument("file", metavar="PLANFILE")
@form_option("text", "json", "markdown", "html")
@global_options
@pass_context
def command(context: Context, file: str, form: str | None) -> None:
    """Print a plan that `gemctl plan --out FILE` saved, in the words in which it was shown then.

    Needs no project, no key and no network, and makes no call: it is what was planned, and no word about whether that
    can still be applied. `gemctl apply PLANFILE` looks at that before it does anything.
    """
    from gemctl.core.moment import show_instant
    from gemctl.render.safe import safe
    from gemctl.workflows.planfile import load

    form = form_of(context, form)
    plan, legend = load(file)
    header = plan.header
    if not context.json:
        made = f"planned {show_instant(header.made_at.replace(microsecond=0))} by gemctl {header.gemctl}"
        said = f"{legend.project or header.project} / {header.stack} on {named(header.endpoint)}, {made}"
        if header.valid_until:
            said += f", good until {show_instant(header.valid_until.replace(microsecond=0))}"
        context.terminal.note(context.terminal.err(safe(said), "dim"))
    show_plan(context, plan, legend.desired, legend.said, form, legend.project)
