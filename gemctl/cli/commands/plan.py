"""Defines `gemctl plan`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command
from gemctl.cli.planning import (
    count_option,
    file_option,
    form_of,
    form_option,
    guard_options,
    refresh_option,
    replace_option,
    request_from,
    show,
    target_option,
)

if TYPE_CHECKING:
    from gemctl.workflows.plan import Planned
    from gemctl.workflows.wiring import Session


@click.command("plan", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--out", metavar="FILE", help="Save the plan, to apply exactly this one later.")
@click.option("--destroy", is_flag=True, help="Plan as if nothing were declared.")
@file_option
@refresh_option
@count_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@click.option("--diff", is_flag=True, help="Show edited texts line by line, as far as git has what was sent.")
@click.option("--all-stacks", is_flag=True, help="Plan every stack of the project, one after the other.")
@form_option("text", "json", "markdown", "html")
@target_option
@replace_option
@guard_options
@global_options
@pass_context
def command(
    context: Context,
    /,
    paths: tuple[str, ...],
    files: tuple[str, ...],
    out: str | None,
    destroy: bool,
    refresh_only: bool,
    detailed_exitcode: bool,
    diff: bool,
    all_stacks: bool,
    form: str | None,
    target: tuple[str, ...],
    **allowed: object,
) -> int:
    """Show what apply would do, and change nothing.

    PATHs are manifests or folders; with them, what is declared elsewhere is left
    alone. The forms go to standard output: markdown is for a comment on a pull
    request, html one page with everything.

    Exit status:
        0  nothing to do, or a plan was shown
        1  an error, or a guard says stop
        2  something to do (only with --detailed-exitcode)
    """
    from gemctl.core.diagnostic import errors
    from gemctl.core.errors import Usage
    from gemctl.render.whole import whole
    from gemctl.workflows.settled import Memory

    form = form_of(context, form)
    if destroy and refresh_only:
        raise Usage("--destroy and --refresh-only exclude each other.", code="E009")
    if diff and (all_stacks or form != "text"):
        raise Usage(
            f"--diff and {'--all-stacks' if all_stacks else f'--format {form}'} exclude each other.", code="E009"
        )
    paths = context.manifests(paths, files)
    if out and context.given:
        said = "A plan of manifests from standard input can't be saved: to apply it, they are read again."
        raise Usage(said, code="E009", hint="Put them into a file of the project.")
    options = {**allowed, "advise": context.verbose > 0, "given": context.given}
    request = request_from(context, paths, target, destroy, options, refresh_only)
    if all_stacks:
        from gemctl.cli.all_stacks import plan_all

        return plan_all(context, request, form=form, out=out, detailed=detailed_exitcode)
    session = context.session(shown=not out)
    memory = Memory(session, request, lambda reads: context.connect(session, reads=reads))
    brief = form == "text" and not out
    if brief and (settled := memory.recall()):
        context.terminal.say("\n".join(whole(settled.said, settled.due, settled.made_at, context.terminal.out)))
        return Exit.DONE
    from gemctl.workflows.plan import declared_before, plan, wanted  # not before: a settled plan needs no planner

    desired = wanted(session, request, before=None if out or diff else declared_before(session))
    planned = plan(session, memory.connection, request, desired, wait=None)
    show(context, planned, form, session.project.name)
    if diff:
        _show_texts(context, session, planned)
    if brief:
        from gemctl.render import human

        memory.remember(planned, human.said(planned.plan))
    if errors((*planned.problems, *planned.plan.diagnostics)):
        return Exit.ERROR
    if out:
        from gemctl.core.legend import legend
        from gemctl.workflows.planfile import save

        told = legend(planned.observation.desired, planned.plan.changes, session.project.name, planned.said)
        save(planned.plan, out, told)
        said = f"Saved. To apply exactly this: {context.again('apply', out)}"
        if form == "text":
            context.terminal.say(said)
        elif form != "json":
            context.terminal.note(said)
    return Exit.PENDING if detailed_exitcode and planned.plan.pending else Exit.DONE


def _show_texts(context: Context, session: Session, planned: Planned) -> None:
    from gemctl.render import texts
    from gemctl.workflows.texts import edited_texts

    paint = context.terminal.out
    if said := texts.diffs(edited_texts(session, planned), paint, verbose=context.verbose > 0):
        context.terminal.say(f"\n{said}")
