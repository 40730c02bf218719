"""Defines `gemctl validate`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.checking import check, say, say_for_machines
from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command
from gemctl.cli.planning import file_option, form_of, form_option


@click.command("validate", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@file_option
@click.option("--all-stacks", is_flag=True, help="Check what is declared for every stack of the project.")
@form_option("text", "json", "github", "sarif")
@global_options
@pass_context
def command(
    context: Context, paths: tuple[str, ...], files: tuple[str, ...], all_stacks: bool, form: str | None
) -> int:
    """Check manifests offline: everything that can be checked without a call.

    PATHs are manifests or folders of the project; default: all of it. All problems are shown at once, each with its
    place and what to do about it. Exits with 1 if there is an error.

    The form github is for a step of GitHub Actions, which shows each problem beside its line; sarif is for code
    scanning, and for editors that read it. Both have places from the top of the repository on.
    """
    form = form_of(context, form)
    paths = context.manifests(paths, files)
    if all_stacks:
        from gemctl.cli.all_stacks import validate_all

        return validate_all(context, paths, form)
    valid, found, count = check(context, paths)
    if form == "text":
        say(context, valid, found, count)
    elif form == "json":
        from gemctl.render import json

        context.document(json.valid(found))
    else:
        say_for_machines(context, found, form)
    return Exit.DONE if valid else Exit.ERROR
