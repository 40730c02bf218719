"""Defines `gemctl orphans`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command


@click.command("orphans", cls=Command)
@click.argument("kind", metavar="[KIND]", default="", required=False)
@global_options
@pass_context
def command(context: Context, kind: str) -> None:
    """List live objects that no stack of this project claims, the dearest first.

        gemctl orphans                          everything
        gemctl orphans CachedContent            one kind

    Reads every stack's state, and changes nothing. An object that none of them, nor
    `imports` in gemctl.yaml, names is shown with its probable maker, its age, its
    remaining life, the storage that it takes until then, and what one can do with
    it. The key is that of this stack.
    """
    from gemctl.workflows.orphans import orphans

    session = context.session()
    found, unread = orphans(session, context.connect(session), kind or None)
    if context.json:
        from gemctl.render import json

        rows = [
            {
                **json.owned(one.item, one.owner, one.remaining),
                "guess": one.guess.value,
                "ageSeconds": round(one.age, 3) if one.age is not None else None,
                "tokenHours": round(one.token_hours, 3) if one.token_hours is not None else None,
                "advice": one.advice,
            }
            for one in found
        ]
        context.document({"formatVersion": json.FORMAT, "orphans": rows, "diagnostics": json.diagnostics(unread)})
        return
    from gemctl.render import human

    paint = context.terminal.out
    if found:
        cells = [
            human.orphan(one.item, one.owner or one.guess.value, one.age, one.remaining, one.token_hours)
            for one in found
        ]
        header = ("NAME", "MADE BY", "DISPLAY NAME", "AGE", "EXPIRES IN", "TOKENS", "TOKEN-HOURS")
        context.terminal.say(human.table(header, cells, paint))
        context.terminal.say("\n" + human.advice([(one.item.name, one.advice) for one in found], paint))
    else:
        context.terminal.say("Everything that is live is claimed.")
    if unread:
        from gemctl.cli.main import complain

        complain(context, unread)
