"""Declares the options that commands share, and shows plans. Called by plan, apply, destroy, other commands with these
options, and acting.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gemctl.cli.context import Context

if TYPE_CHECKING:
    from decimal import Decimal

    from gemctl.core.diagnostic import Diagnostic
    from gemctl.core.plan import Plan
    from gemctl.core.resource import Desired
    from gemctl.render.outline import Report
    from gemctl.workflows.plan import Planned
    from gemctl.workflows.request import PlanRequest

Command = TypeVar("Command", bound=Callable[..., Any])


def file_option(command: Command) -> Command:
    """-f, as often as one likes: the same as PATH, and `-` for standard input."""
    said = "The same as PATH; - reads manifests from standard input. Repeatable."
    return click.option("-f", "--filename", "files", metavar="FILE", multiple=True, help=said)(command)


def target_option(command: Command) -> Command:
    """--target, as often as one likes."""
    return click.option(
        "--target", metavar="ADDRESS", multiple=True, help="Only this resource and what it refers to; repeatable."
    )(command)


def replace_option(command: Command) -> Command:
    """--replace, as often as one likes."""
    said = "Make a new one of this resource, although nothing was edited, and retire the old one; repeatable."
    return click.option("--replace", "anew", metavar="ADDRESS", multiple=True, help=said)(command)


def guard_options(command: Command) -> Command:
    """The flags that the guards name."""
    for option in (
        click.option("--allow-deletes", metavar="N", type=click.IntRange(0), help="Allow up to N deletes in this run."),
        click.option("--allow-empty", is_flag=True, help="Allow a run in which nothing is declared."),
        click.option("--accept-missing", is_flag=True, help="Believe that all recorded objects are gone."),
        click.option("--allow-cost", metavar="USD", help="Allow a cost of up to this, in US dollars, in this run."),
        click.option("--allow-unpriced", is_flag=True, help="Allow what has no known price, where money is limited."),
        click.option(
            "--allow-requests",
            metavar="N",
            type=click.IntRange(0),
            help="Allow jobs with up to N requests in this run.",
        ),
        click.option(
            "--allow-documents",
            metavar="N",
            type=click.IntRange(0),
            help="Allow up to N documents to be lost, with their stores or out of them, in this run.",
        ),
        click.option("--allow-rerun", is_flag=True, help="Run jobs that may have been run before the state was lost."),
    ):
        command = option(command)
    return command


def refresh_option(command: Command) -> Command:
    """--refresh-only and --refresh."""
    said = "Only write down what is live: show what drifted, and change nothing of it."
    command = click.option("--refresh-only", is_flag=True, help=said)(command)
    said = "Look at each object again, also where the service shows that nothing has moved."
    return click.option("--refresh", is_flag=True, help=said)(command)


def count_option(command: Command) -> Command:
    """--count."""
    said = "Ask the service for the tokens of caches that are to be made, one call each, instead of estimating them."
    return click.option("--count", is_flag=True, help=said)(command)


def lock_option(command: Command) -> Command:
    """--lock-timeout."""
    return click.option(
        "--lock-timeout", metavar="DURATION", default="0s", help="Wait this long for another run to end, such as 5m."
    )(command)


def request_from(
    context: Context,
    paths: tuple[str, ...],
    targets: tuple[str, ...],
    destroy: bool,
    allowed: Mapping[str, Any],
    refresh: bool = False,
) -> PlanRequest:
    """Options → plan request. Raises Usage for a target that is not an address."""
    from gemctl.core.errors import Usage
    from gemctl.core.plan import Allowances
    from gemctl.workflows.request import PlanRequest

    flags = ("allow_deletes", "allow_empty", "accept_missing", "allow_rerun")
    cost = allowed.get("allow_cost")
    most = dollars_of(cost) if cost is not None else None
    deletes, empty, missing, rerun = (allowed[flag] for flag in flags)
    unpriced, requests = bool(allowed.get("allow_unpriced")), allowed.get("allow_requests")
    allowances = Allowances(deletes, empty, missing, rerun, most, unpriced, requests, allowed.get("allow_documents"))
    everything = bool(allowed.get("refresh"))
    counted = bool(allowed.get("count"))
    where = tuple(context.address(target) for target in targets)
    advise = bool(allowed.get("advise"))
    anew = tuple(context.address(one) for one in allowed.get("anew") or ())
    if anew and (destroy or refresh):
        other = "--destroy" if destroy else "--refresh-only"
        raise Usage(f"{other} and --replace exclude each other.", code="E009")
    return PlanRequest(
        paths, where, destroy, refresh, everything, counted, advise, allowances, anew, allowed.get("given")
    )


def dollars_of(text: str) -> Decimal:
    """`40`, `$40`, `0.5` → US dollars. Raises Usage."""
    from gemctl.core.errors import Usage
    from gemctl.core.money import parse_dollars

    if (amount := parse_dollars(text)) is None:
        hint = "Write a number, such as 40 or 0.50."
        raise Usage(f"{text!r} is not an amount of US dollars.", code="E009", hint=hint)
    return amount


def seconds(duration: str) -> float:
    """`5m` → 300.0. Raises Usage."""
    from gemctl.core.errors import Usage
    from gemctl.core.moment import parse_duration

    try:
        return parse_duration(duration).total_seconds()
    except ValueError as error:
        raise Usage(str(error), code="E009") from None


def form_option(*forms: str) -> Callable[[Command], Command]:
    """--format, one of these; `json` is the same as --json. The command is given None where it is left out."""

    def take(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
        if value == "json":
            ctx.ensure_object(Context).json = True
        return value

    choice = click.Choice(forms)
    said = f"What to print; default {forms[0]}."
    return click.option("--format", "form", type=choice, metavar="|".join(forms), callback=take, help=said)


def form_of(context: Context, form: str | None) -> str:
    """The form to print, by --format and --json together. Raises Usage where they say different things."""
    if form and context.json and form != "json":
        from gemctl.core.errors import Usage

        raise Usage(f"--json and --format {form} exclude each other.", code="E009")
    return form or ("json" if context.json else "text")


def show(context: Context, planned: Planned, form: str = "text", project: str = "") -> None:
    """Print the plan on standard output, and the diagnostics about it on standard error. `project` is its name."""
    show_plan(context, planned.plan, planned.observation.desired, planned.said, form, project)


def show_plan(
    context: Context, plan: Plan, desired: Desired, said: Sequence[Diagnostic], form: str, project: str
) -> None:
    """As `show`, also for a plan that was saved. `said` are the diagnostics; each renderer is imported when it is
    needed.
    """
    if context.json:
        from gemctl.render import json

        context.document(json.plan(plan, [d for d in said if d not in plan.diagnostics]))
        return
    if form == "text":
        from gemctl.render import human

        text = human.plan(plan, desired, context.terminal.out, verbose=context.verbose > 0)
    else:
        from gemctl.render.outline import Report

        text = _document(Report(plan, desired, project, tuple(said)), form)
    context.terminal.say(text)
    if said:
        from gemctl.cli.main import complain

        complain(context, said)


def report_of(planned: Planned, project: str) -> Report:
    """A plan for the renderers of other forms. `project` is its name."""
    from gemctl.render.outline import Report

    return Report(planned.plan, planned.observation.desired, project, planned.said)


def _document(report: Report, form: str) -> str:
    """The plan as markdown or html."""
    if form == "markdown":
        from gemctl.render import markdown

        return markdown.plan(report)
    from gemctl.render import html

    return html.plan(report)
