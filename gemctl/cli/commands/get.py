"""Defines `gemctl get`. main.py imports it when that command is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.listing import documented, output_option, say_names, selector_option

if TYPE_CHECKING:
    from gemctl.workflows.show import Owned
    from gemctl.workflows.wiring import Session

_PAUSE = 5.0  # seconds between two looks
_CLEAR = "\x1b[H\x1b[J"  # to the first line of the terminal, and what is below is gone


@click.command("get", cls=Command)
@click.argument("what", metavar="[KIND[/NAME]]", default="", required=False)
@output_option
@selector_option
@click.option("-w", "--watch", "watching", is_flag=True, help="Look again every few seconds, until Ctrl-C.")
@global_options
@pass_context
def command(context: Context, what: str, form: str | None, selector: str | None, watching: bool) -> None:
    """List live objects, ours and others': address, live name, tokens and remaining life.

        gemctl get                              everything
        gemctl get CachedContent                one kind
        gemctl get CachedContent/handbook       what that address is bound to
        gemctl get handbook                     the same, where nothing else has that name
        gemctl get -l team=docs                 what is declared with that label
        gemctl get --watch                      again and again; in a pipe, a line for what changes
        gemctl get -o wide                      with display name, model, state and time of creation

    NOTE says what an address doesn't: that an object is an older generation, or an earlier run, or not bound; or, of
    one without an address, whose it is.

    Kinds are known here, and in every ADDRESS, in any case, in the plural, and as the API calls their collection.
    """
    from gemctl.core.errors import Rejected
    from gemctl.core.resource import Desired
    from gemctl.workflows.choosing import labelled
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest
    from gemctl.workflows.show import live

    session = context.session()
    kind, _, name = _meant(what, session).partition("/")
    try:
        desired = wanted(session, PlanRequest())
    except Rejected:  # no reason not to look: it is there to call owners by their names
        if selector:
            raise
        desired = Desired()
    chosen = labelled(desired, selector) if selector else None
    connection = context.connect(session)

    def look() -> tuple[Owned, ...]:
        found = live(session, connection, desired, kind or None, name or None)
        return found if chosen is None else tuple(one for one in found if one.whose.address in chosen)

    if watching:
        _watch(context, look, session.clock.sleep, form)
    found = look()
    if documented(context, form, lambda: _document(found)):
        return
    if form == "name":
        say_names(context, (str(one.whose.address) for one in found if one.whose.address))
    elif not found:
        context.terminal.say("Nothing is live.")
    else:
        from gemctl.render import human

        context.terminal.say(human.listing(human.OWNED, _cells(found), context.terminal.out, wide=form == "wide"))


def _watch(
    context: Context, look: Callable[[], tuple[Owned, ...]], sleep: Callable[[float], None], form: str | None
) -> NoReturn:
    """On a terminal the table, each time anew in the place of the one before; elsewhere a line for each object that
    has come or is another than it was, and for each that is gone.
    """
    from gemctl.core.errors import Usage
    from gemctl.render import human

    if context.json or form in ("name", "yaml"):
        raise Usage(f"--watch and -o {form or 'json'} exclude each other.", code="E009")
    paint, wide = context.terminal.out, form == "wide"
    before: dict[str, str] = {}
    while True:
        found = look()
        if paint.width is not None:
            context.terminal.say(f"{_CLEAR}{human.listing(human.OWNED, _cells(found), paint, wide=wide)}")
        else:
            now = {one.item.name: human.line(_cells([replace(one, remaining=None)])[0]) for one in found}
            for name in (name for name in before if name not in now):
                context.terminal.say(f"- {before[name]}")
            for name, line in now.items():
                if before.get(name) != line:
                    context.terminal.say(f"{'~' if name in before else '+'} {line}")
            before = now
        sleep(_PAUSE)


def _cells(found: Sequence[Owned]) -> list[tuple[str, ...]]:
    from gemctl.render import human

    return [human.owned(one.item, str(one.whose.address or ""), one.whose.note, one.remaining) for one in found]


def _meant(what: str, session: Session) -> str:
    """The word; for the name of one resource that is not the name of a kind, its address."""
    from gemctl.core.errors import Usage
    from gemctl.workflows.choosing import named
    from gemctl.workflows.naming import kind_named

    if not what or "/" in what:
        return what
    try:
        return kind_named(what, session.catalogue)
    except Usage:
        if found := named(session, what):
            return str(found)
        raise


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
