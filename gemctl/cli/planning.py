"""What plan, apply and destroy share: their options, and how a plan is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gemctl.cli.context import Context, address

if TYPE_CHECKING:
    from gemctl.workflows.plan import Ask, Planned

Command = TypeVar("Command", bound=Callable[..., Any])


def target_option(command: Command) -> Command:
    """--target, as often as one likes."""
    return click.option(
        "--target", metavar="ADDRESS", multiple=True, help="Only this resource and what it refers to; repeatable."
    )(command)


def guard_options(command: Command) -> Command:
    """The flags that the guards name."""
    for option in (
        click.option("--allow-deletes", metavar="N", type=click.IntRange(0), help="Allow up to N deletes in this run."),
        click.option("--allow-empty", is_flag=True, help="Allow a run in which nothing is declared."),
        click.option("--accept-missing", is_flag=True, help="Believe that all recorded objects are gone."),
        click.option("--allow-rerun", is_flag=True, help="Run jobs that may have been run before the state was lost."),
    ):
        command = option(command)
    return command


def lock_option(command: Command) -> Command:
    """--lock-timeout."""
    return click.option(
        "--lock-timeout", metavar="DURATION", default="0s", help="Wait this long for another run to end, such as 5m."
    )(command)


def ask_from(paths: tuple[str, ...], targets: tuple[str, ...], destroy: bool, allowed: Mapping[str, Any]) -> Ask:
    """Options → what is asked of the planner. Raises Usage for a target that is not an address."""
    from gemctl.core.plan import Allowances
    from gemctl.workflows.plan import Ask

    flags = ("allow_deletes", "allow_empty", "accept_missing", "allow_rerun")
    allowances = Allowances(*(allowed[flag] for flag in flags))
    return Ask(paths, tuple(address(target) for target in targets), destroy, allowances)


def seconds(duration: str) -> float:
    """`5m` → 300.0. Raises Usage."""
    from gemctl.core.errors import Usage
    from gemctl.core.moment import parse_duration

    try:
        return parse_duration(duration).total_seconds()
    except ValueError as error:
        raise Usage(str(error), code="E009") from None


def show(context: Context, planned: Planned) -> None:
    """The plan on standard output; what planner and guards say about it on standard error."""
    diagnostics = (*planned.picture.warnings, *planned.plan.diagnostics, *planned.problems)
    if context.json:
        from gemctl.render import json

        others = [d for d in diagnostics if d not in planned.plan.diagnostics]
        context.document(json.plan(planned.plan, others))
        return
    from gemctl.render import human

    context.terminal.say(
        human.plan(planned.plan, planned.picture.desired.attachments, context.terminal.out, verbose=context.verbose > 0)
    )
    if diagnostics:
        from gemctl.cli.main import complain

        complain(context, diagnostics)
