"""Plans all stacks of the project, one after the other, also where an earlier one failed. Called by `gemctl plan
--all-stacks`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gemctl.cli.context import Context
from gemctl.cli.exits import Exit
from gemctl.cli.planning import report_of, show

if TYPE_CHECKING:
    from gemctl.core.diagnostic import Diagnostic
    from gemctl.render.outline import Section
    from gemctl.workflows.plan import Planned
    from gemctl.workflows.request import PlanRequest


def plan_all(context: Context, request: PlanRequest, *, form: str, out: str | None, detailed: bool) -> int:
    """A plan for every stack of the project, in the order of gemctl.yaml. Returns the worst exit status.

    Errors of one stack are shown with it, and the others are planned all the same. Raises Usage for options that are
    for one stack only.
    """
    from gemctl.core.errors import Usage

    if context.stack or out or form not in ("text", "json", "markdown"):
        other = "--stack" if context.stack else "--out" if out else f"--format {form}"
        raise Usage(f"--all-stacks and {other} exclude each other.", code="E009")
    from gemctl.cli.main import complain, judge
    from gemctl.core.diagnostic import errors
    from gemctl.workflows.plan import plan, wanted

    statuses: list[int] = []
    documents: list[dict[str, Any]] = []
    sections: list[Section] = []
    project = context.project()
    for name in project.stacks:
        context.stack = name
        if form == "text":
            paint = context.terminal.out
            context.terminal.say(f"{chr(10) if statuses else ''}{paint(f'Stack {name}', 'bold')}\n")
        planned: Planned | None = None
        try:
            session = context.session()
            desired = wanted(session, request)
            planned = plan(session, context.connect(session), request, desired, wait=None)
        except Exception as error:
            status, diagnostics = judge(error)
            if context.json:
                from gemctl.render import json

                documents.append(_entry(name, status, None, json.diagnostics(diagnostics)))
            else:
                if form == "text":
                    context.terminal.say("There is no plan: see the errors.")
                complain(context, diagnostics)
                sections.append(_section(name, None, project.name, tuple(diagnostics)))
        else:
            stop = bool(errors((*planned.problems, *planned.plan.diagnostics)))
            pending = Exit.PENDING if detailed and planned.plan.pending else Exit.DONE
            status = Exit.ERROR if stop else pending
            if context.json:
                documents.append(_entry(name, status, _plan(planned), []))
            elif form == "text":
                show(context, planned)
            else:
                if said := planned.said:
                    complain(context, said)
                sections.append(_section(name, planned, project.name))
        statuses.append(status)
    if context.json:
        from gemctl.render import json

        context.document({"formatVersion": json.FORMAT, "stacks": documents})
    elif form == "markdown":
        from gemctl.render import markdown

        context.terminal.say(markdown.plans(project.identity, project.name, sections))
    return worst(statuses)


def worst(statuses: Iterable[int]) -> int:
    """The worst status: an error, of several the highest status; else something to do; else nothing to do."""
    return max(statuses, key=lambda status: (status != Exit.DONE, status != Exit.PENDING, status), default=Exit.DONE)


def _entry(name: str, status: int, plan: dict[str, Any] | None, diagnostics: list[Any]) -> dict[str, Any]:
    return {"stack": name, "status": int(status), "plan": plan, "diagnostics": diagnostics}


def _section(name: str, planned: Planned | None, project: str, said: tuple[Diagnostic, ...] = ()) -> Section:
    from gemctl.render.outline import Section

    return Section(name, report_of(planned, project) if planned else None, said)


def _plan(planned: Planned) -> dict[str, Any]:
    from gemctl.render import json

    return json.plan(planned.plan, [d for d in planned.said if d not in planned.plan.diagnostics])
