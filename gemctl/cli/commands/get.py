"""Defines `gemctl get`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command

if TYPE_CHECKING:
    from gemctl.workflows.show import Owned


@click.command("get", cls=Command)
@click.argument("what", metavar="[KIND[/NAME]]", default="", required=False)
@global_options
@pass_context
def command(context: Context, what: str) -> None:
    """List live objects, ours and others', with owner, remaining life and tokens.

        gemctl get                              everything
        gemctl get CachedContent                one kind
        gemctl get CachedContent/handbook       what that address is bound to

    Kinds are known here, and in every ADDRESS, in any case, in the plural, and as the API calls their collection.
    """
    from gemctl.core.errors import Rejected
    from gemctl.core.resource import Desired
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest
    from gemctl.workflows.show import live

    kind, _, name = what.partition("/")
    session = context.session()
    try:
        desired = wanted(
            session, PlanRequest()
        )  # to call owners by their names; a broken manifest is no reason not to look
    except Rejected:
        desired = Desired()
    found = live(session, context.connect(session), desired, kind or None, name or None)
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text([_document(one) for one in found]))
        return
    if not found:
        context.terminal.say("Nothing is live.")
        return
    from gemctl.render import human

    rows = [human.owned(one.item, one.owner, one.remaining) for one in found]
    header = ("NAME", "OWNER", "DISPLAY NAME", "MODEL", "TOKENS", "EXPIRES IN")
    context.terminal.say(human.table(header, rows, context.terminal.out))


def _document(one: Owned) -> dict[str, object]:
    from gemctl.render import json

    whose = one.whose
    return {
        **json.owned(one.item, one.owner, one.remaining),
        "relation": whose.relation.value,
        "address": str(whose.address) if whose.address else None,
        "stack": whose.stack or None,
    }
