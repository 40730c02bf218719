"""Plans, checks or applies all stacks of the project, one after the other. Called by `gemctl plan`, `validate` and
`apply`, each with --all-stacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
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
    for name in _each(context, project.stacks, titled=form == "text"):
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


def validate_all(context: Context, paths: tuple[str, ...], form: str) -> int:
    """Check what is declared for every stack. Returns the exit status. The forms for machines have each problem once,
    with the stacks that it is of, unless it is of all. Raises Rejected for a project file that is wrong.
    """
    from gemctl.cli.checking import check, say, say_for_machines
    from gemctl.cli.main import judge
    from gemctl.core.errors import GemctlError, Rejected, Usage

    if context.stack:
        raise Usage("--all-stacks and --stack exclude each other.", code="E009")
    try:
        names = tuple(context.project().stacks)
    except Rejected as rejected:
        if form in ("github", "sarif"):
            say_for_machines(context, rejected.diagnostics, form)
            return Exit.ERROR
        raise
    found: dict[str, tuple[bool, tuple[Diagnostic, ...]]] = {}
    for name in _each(context, names, titled=form == "text"):
        try:
            valid, problems, count = check(context, paths)
        except GemctlError as error:
            valid, problems, count = False, judge(error)[1], 0
        found[name] = valid, problems
        if form == "text":
            say(context, valid, problems, count)
    if form == "json":
        from gemctl.render import json

        stacks = [{"stack": name, **json.valid(problems)} for name, (_, problems) in found.items()]
        for stack in stacks:
            del stack["formatVersion"]
        whole = all(valid for valid, _ in found.values())
        context.document({"formatVersion": json.FORMAT, "valid": whole, "stacks": stacks})
    elif form != "text":
        say_for_machines(context, _together({name: problems for name, (_, problems) in found.items()}), form)
    return Exit.DONE if all(valid for valid, _ in found.values()) else Exit.ERROR


def _together(found: dict[str, tuple[Diagnostic, ...]]) -> tuple[Diagnostic, ...]:
    """Each problem of the stacks once."""
    stacks: dict[Diagnostic, list[str]] = {}
    for name, problems in found.items():
        for problem in dict.fromkeys(problems):
            stacks.setdefault(problem, []).append(name)
    return tuple(
        one if len(names) == len(found) else replace(one, detail=f"In {', '.join(names)}: {one.detail}")
        for one, names in stacks.items()
    )


def apply_all(
    context: Context, request: PlanRequest, *, yes: bool, width: int, lock_timeout: str, wait: bool = False
) -> int:
    """Apply every stack of the project, in the order of gemctl.yaml: each with its own plan and question. What is
    declared is checked for all of them before the first. Returns the exit status.

    The first that is not done whole ends it: the stacks after it may be those that must not have what went wrong.
    Raises Usage, and Rejected where what one of them declares is wrong.
    """
    from gemctl.cli.acting import act, may_ask
    from gemctl.core.errors import GemctlError, Usage
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.planfile import is_plan

    if context.stack:
        raise Usage("--all-stacks and --stack exclude each other.", code="E009")
    if any(map(is_plan, request.paths)):
        raise Usage("A saved plan is of one stack: --all-stacks takes manifests and folders.", code="E009")
    context.lines = True
    names = tuple(context.project().stacks)
    may_ask(context, yes)
    for name in names:
        context.stack = name
        try:
            wanted(context.session(), request)
        except GemctlError:
            if not context.json:
                context.terminal.note(f"Nothing was done in any stack, because of what is declared for {name}:")
            raise
    done: list[str] = []
    for name in _each(context, names, titled=not context.json):
        if context.json:
            context.document({"type": "stack", "stack": name})
        status = _status_of(context, lambda: act(context, request, yes=yes, width=width, lock_timeout=lock_timeout,
                                                 wait=wait))  # fmt: skip
        if status != Exit.DONE:
            left = names[len(done) + 1 :]
            if context.json:
                context.document({"type": "stacks", "done": done, "stopped": name, "left": list(left)})
            elif left:
                context.terminal.note(f"Stopped at stack {name}; left alone: {', '.join(left)}.")
            return status
        done.append(name)
    if context.json:
        context.document({"type": "stacks", "done": done, "stopped": None, "left": []})
    return Exit.DONE


def _status_of(context: Context, run: Callable[[], int]) -> int:
    """The exit status of one stack; an error is printed."""
    from gemctl.cli.main import complain, judge

    try:
        return run()
    except Exception as error:
        status, diagnostics = judge(error)
        complain(context, diagnostics)
        return status


def _each(context: Context, names: Iterable[str], *, titled: bool) -> Iterator[str]:
    """Choose one stack after the other; with a title, for people."""
    for number, name in enumerate(names):
        context.stack = name
        if titled:
            context.terminal.say(f"{chr(10) if number else ''}{context.terminal.out(f'Stack {name}', 'bold')}\n")
        yield name


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
