"""Defines `gemctl models`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command

if TYPE_CHECKING:
    from datetime import datetime

    from gemctl.core.book import Book, Listed


@click.command("models", cls=Command)
@click.argument("name", metavar="[NAME]", default="", required=False)
@click.option("--all", "everything", is_flag=True, help="Also models that no longer answer.")
@click.option("--live", is_flag=True, help="Compare with the service's own list.")
@global_options
@pass_context
def command(context: Context, name: str, everything: bool, live: bool) -> None:
    """Show what is known of models: state, next change, caches and prices.

        gemctl models                           those that answer today
        gemctl models gemini-3.8-flash          one of them, with sources
        gemctl models --live                    and what the service itself lists

    The facts come with gemctl, each from a dated source; `facts` in gemctl.yaml puts your own over them. Prices are US
    dollars for a million tokens, storage for a million tokens and hour. What is not known is left out, and is not free.
    """
    from gemctl.render import models as render
    from gemctl.workflows.models import model, models, usable

    book, now, listed = _looked(context, live)
    found = (model(book, name, now, listed),) if name else models(book, now, listed)
    shown = found if everything or name else usable(found)
    if context.json:
        context.document(render.document(shown, book, now))
    elif name:
        context.terminal.say(render.details(shown[0], book, now))
    else:
        context.terminal.say(render.table(shown, book, now, context.terminal.out))
    if len(shown) < len(found) and not context.json:
        context.terminal.note(f"{len(found) - len(shown)} more no longer answer; --all shows them.")


def _looked(context: Context, live: bool) -> tuple[Book, datetime, Listed | None]:
    """The book of this project, or else the one that comes with gemctl; the time; and the service's list."""
    from gemctl.core.errors import Rejected, Usage
    from gemctl.workflows import facts

    try:
        session = context.session()
    except Usage as error:
        if live or error.code != "E018":
            raise
        return facts.shipped(), context.now(), None
    book, wrong = facts.book_of(session)
    if wrong:
        raise Rejected(wrong)
    if not live:
        return book, facts.now_of(session), None
    connection = context.connect(session)
    listed = facts.listed(connection, ())
    return book, connection.server_now(), listed
