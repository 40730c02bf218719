"""Checks what is declared for a stack, and prints what was found. Called by `gemctl validate`, also by way of
all_stacks.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gemctl.cli.context import Context

if TYPE_CHECKING:
    from gemctl.core.diagnostic import Diagnostic


def check(context: Context, paths: tuple[str, ...]) -> tuple[bool, tuple[Diagnostic, ...], int]:
    """Whether all is well, what was found, and the number of resources."""
    from gemctl.core.errors import Rejected
    from gemctl.workflows.validate import validate

    try:
        desired = validate(context.session(), paths, context.given)
    except Rejected as rejected:
        return False, rejected.diagnostics, 0
    return True, desired.warnings, len(desired.resources)


def say(context: Context, valid: bool, found: tuple[Diagnostic, ...], count: int) -> None:
    """Print it for people."""
    if found:
        from gemctl.cli.main import complain

        complain(context, found)
    if valid:
        paint = context.terminal.out
        context.terminal.say(paint(f"Valid: {count} resource{'s' if count != 1 else ''}.", "bold", "green"))


def say_for_machines(context: Context, found: tuple[Diagnostic, ...], form: str) -> None:
    """Print it in a form that others have made."""
    from gemctl.workflows.validate import in_repository

    folder = in_repository(context.root or context.folder)
    if form == "github":
        from gemctl.render.annotations import commands

        if lines := commands(found, folder):
            context.terminal.say(lines)
        return
    from gemctl import __version__
    from gemctl.render import json, sarif

    context.terminal.say(json.foreign(sarif.log(found, folder, __version__)))
