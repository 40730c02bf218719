"""Defines `gemctl get`. main.py imports it when that command is run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.listing import documented, output_option, say_names

if TYPE_CHECKING:
    from gemctl.workflows.show import Owned


@click.command("get", cls=Command)
@click.argument("what", metavar="[KIND[/NAME]]", default="", required=False)
@output_option
@global_options
@pass_context
def command(context: Context, what: str, form: str | None) -> None:
    """List live objects, ours and others': address, live name, tokens and remaining life.

        gemctl get                              everything
        gemctl get CachedContent                one kind
        gemctl get CachedContent/handbook       what that address is bound to
        gemctl get -o wide                      with display name, model, state and time of creation

    NOTE says what an address doesn't: that an object is an older generation, or an earlier run, or not bound; or, of
    one without an address, whose it is.

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
    if documented(context, form, lambda: _document(found)):
        return
    if form == "name":
        say_names(context, (str(one.whose.address) for one in found if one.whose.address))
    elif not found:
        context.terminal.say("Nothing is live.")
    else:
        from gemctl.render import human

        rows = [human.owned(one.item, str(one.whose.address or ""), one.whose.note, one.remaining) for one in found]
        context.terminal.say(human.listing(human.OWNED, rows, context.terminal.out, wide=form == "wide"))


def _document(found: Sequence[Owned]) -> dict[str, object]:
    from gemctl.render.json import FORMAT

    return {"formatVersion": FORMAT, "objects": [_row(one) for one in found]}


def _row(one: Owned) -> dict[str, object]:
    from gemctl.render import json

    whose = one.whose
    return {
        **json.owned(one.item, one.owner, one.remaining),
        "relation": whose.relation.value,
        "address": str(whose.address) if whose.address else None,
        "stack": whose.stack or None,
    }
