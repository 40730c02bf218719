"""Declares `-o` and `-l`, and prints a document in the form that it chose. Called by commands that list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from gemctl.cli.context import Context

Command = TypeVar("Command", bound=Callable[..., Any])
FORMS = ("wide", "name", "json", "yaml")


def output_option(command: Command) -> Command:
    """-o; `json` is the same as --json. The command is given None where it is left out."""

    def take(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
        if value == "json":
            ctx.ensure_object(Context).json = True
        return value

    said = "wide: more columns; name: addresses only, one a line; json: as --json; yaml: the same as YAML."
    return click.option(
        "-o", "--output", "form", type=click.Choice(FORMS), metavar="|".join(FORMS), callback=take, help=said
    )(command)


def selector_option(command: Command) -> Command:
    """-l."""
    said = "Only what is declared with these labels: label=value, label!=value or label; a comma means and."
    return click.option("-l", "--selector", "selector", metavar="LABEL[=VALUE],...", help=said)(command)


def documented(context: Context, form: str | None, document: Callable[[], dict[str, Any]]) -> bool:
    """Print the document where programs asked for one. Returns whether they did. Raises Usage where --json and -o say
    different things.
    """
    if context.json and form not in (None, "json"):
        from gemctl.core.errors import Usage

        raise Usage(f"--json and -o {form} exclude each other.", code="E009")
    if form == "yaml":
        from gemctl.render.manifests import yaml

        context.terminal.say(yaml(document()).removesuffix("\n"))
    elif context.json:
        context.document(document())
    return context.json or form == "yaml"


def say_names(context: Context, names: Iterable[str]) -> None:
    """Each once, on a line of its own; nothing where there is none."""
    if found := dict.fromkeys(names):
        context.terminal.say("\n".join(found))
