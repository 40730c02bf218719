"""Defines `gemctl stack`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Group


@click.group("stack", cls=Group)
@global_options
def command() -> None:
    """Look at the stacks of the project. They stand in gemctl.yaml; --stack NAME chooses one."""


@command.command("list")
@global_options
@pass_context
def list_(context: Context) -> None:
    """List the stacks: which is the default, what each talks to, where its state is, and how many resources are
    recorded there.

    Offline: makes no call, and asks no database and no bucket, so that a state that is kept there has no count.
    """
    from gemctl.workflows.stacks import stacks

    found = stacks(context.settings())
    if context.json:
        from gemctl.render.json import FORMAT

        rows = [
            {
                "name": one.name,
                "default": one.default,
                "endpoint": one.endpoint.value,
                "state": one.state,
                "recorded": one.recorded,
                "error": one.wrong or None,
            }
            for one in found
        ]
        context.document({"formatVersion": FORMAT, "stacks": rows})
        return
    from gemctl.render import human

    cells = [
        (
            one.name,
            "yes" if one.default else "-",
            one.endpoint.value,
            one.state,
            "can't be read" if one.wrong else "-" if one.recorded is None else f"{one.recorded:,}",
        )
        for one in found
    ]
    context.terminal.say(
        human.table(("STACK", "DEFAULT", "ENDPOINT", "STATE", "RECORDED"), cells, context.terminal.out)
    )
    for one in found:
        if one.wrong:
            context.terminal.note(f"{one.name}: {one.wrong}")
