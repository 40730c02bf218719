"""gemctl plan"""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.planning import ask_from, guard_options, show, target_option


@click.command("plan")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--out", metavar="FILE", help="Save the plan, to apply exactly this one later.")
@click.option("--destroy", is_flag=True, help="Plan as if nothing were declared.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@target_option
@guard_options
@global_options
@pass_context
def command(
    context: Context,
    /,
    paths: tuple[str, ...],
    out: str | None,
    destroy: bool,
    detailed_exitcode: bool,
    target: tuple[str, ...],
    **allowed: object,
) -> int:
    """Show what apply would do, and change nothing.

    \b
    PATHs are manifests or folders; with them, what is declared elsewhere is left
    alone. Exit status:
        0  nothing to do, or a plan was shown
        1  an error, or a guard says stop
        2  something to do (only with --detailed-exitcode)
    """
    from gemctl.core.diagnostic import errors
    from gemctl.workflows.plan import plan, wanted

    ask = ask_from(paths, target, destroy, allowed)
    session = context.session()
    desired = wanted(session, ask)
    planned = plan(session, context.connect(session), ask, desired, wait=None)
    show(context, planned)
    if errors((*planned.problems, *planned.plan.diagnostics)):
        return Exit.ERROR
    if out:
        from gemctl.workflows.planfile import save

        save(planned.plan, out)
        if not context.json:
            context.terminal.say(f"Saved. To apply exactly this: gemctl apply {out}")
    return Exit.PENDING if detailed_exitcode and planned.plan.pending else Exit.DONE
