"""Defines `gemctl handover`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import lock_option, seconds


@click.command("handover", cls=Command)
@click.argument("addresses", metavar="ADDRESS...", nargs=-1, required=True)
@click.option("--to", metavar="STACK", required=True, help="The stack of this project that is to have them.")
@lock_option
@global_options
@pass_context
def command(context: Context, addresses: tuple[str, ...], to: str, lock_timeout: str) -> None:
    """Give bound objects to another stack of the project, without making them again.

        gemctl handover --stack staging CachedContent/handbook --to prod

    The other stack must declare the same, have nothing bound there, and see the
    object: both use keys of one project. Marks can't be changed, so that the ledgers
    of both stacks keep account of it; the lines that are printed go into gemctl.yaml,
    in case that a state is lost. Interrupted, the same command goes on where it
    stopped, and neither stack touches the object meanwhile.
    """
    from gemctl.core.errors import Usage
    from gemctl.workflows.handover import both_locked, hand_over
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    targets = [context.address(one) for one in addresses]
    source = context.session()
    if to == source.stack.name:
        raise Usage(
            f"That is stack {to} already.", code="E009", hint="--stack says whose they are, --to who gets them."
        )
    target = source.sibling(to)
    with both_locked(source, target, seconds(lock_timeout)):
        connection, other = context.connect(source), context.connect(target)
        given = hand_over(source, connection, target, other, wanted(target, PlanRequest()), targets)
    if context.json:
        context.document({"to": to, "handedOver": {str(one.address): one.name for one in given}})
        return

    for one in given:
        what = "was handed over before to" if one.before else "now belongs to"
        context.terminal.say(context.terminal.out(f"{one.address} ({one.name}) {what} stack {to}.", "green"))
    if lines := {one.address: one.name for one in given if one.maker is not None}:
        from gemctl.render import generated_manifests

        makers = sorted(
            {f"the mark of {one.maker}" if one.maker else "no mark" for one in given if one.maker is not None}
        )
        what = "It carries" if len(lines) == 1 else "They carry"
        context.terminal.say(
            f"{what} {' and '.join(makers)}. So that both stacks know whose it is when a state is lost, "
            f"add to gemctl.yaml:\n\n{generated_manifests.imports(lines, to)}"
        )
