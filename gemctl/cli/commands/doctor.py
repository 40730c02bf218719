"""Defines `gemctl doctor`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor", cls=Command)
@global_options
@pass_context
def command(context: Context) -> int:
    """Check what gemctl needs: versions, project, key, endpoint, clock, state and its lock, and the age of the facts.

    One line for each check: ok; warn, where something should be known; fail, where gemctl can't work; with what to do.
    Makes one call, which lists one model and costs nothing, and takes the lock for a moment. No secret is shown.

    Exit status:
        0  nothing fails
        1  something fails
    """
    from gemctl.workflows.doctor import Verdict, doctor

    found = []
    for one in doctor(context.settings()):
        found.append(one)
        if not context.json:
            _say(context, one.check, one.verdict.value, one.said, one.hint)
    failed = any(one.verdict is Verdict.FAIL for one in found)
    if context.json:
        from gemctl.render.json import FORMAT

        rows = [
            {"check": one.check, "status": one.verdict.value, "detail": one.said, "hint": one.hint} for one in found
        ]
        context.document({"formatVersion": FORMAT, "ok": not failed, "checks": rows})
    return Exit.ERROR if failed else Exit.DONE


def _say(context: Context, check: str, verdict: str, said: str, hint: str | None) -> None:
    from gemctl.render.safe import safe

    paint = context.terminal.out
    context.terminal.say(f"{paint(f'{verdict:<4}', _COLOURS[verdict])}  {check:<9}  {safe(said)}")
    if hint:
        context.terminal.say(f"                 {paint(f'= {safe(hint)}', 'dim')}")
