"""Defines `gemctl fmt`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Command


@click.command("fmt", cls=Command)
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file is laid out otherwise.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would be changed.")
@global_options
@pass_context
def command(context: Context, paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Lay out manifests and gemctl.yaml: order of keys, indentation, blanks. Prints the files that were changed.

    PATHs are manifests or folders of the project, or gemctl.yaml; default: all of it. Lines are moved and shifted, and
    never written anew: comments, quotes, anchors and texts stay as they are. What is declared stays the same: gemctl
    reads both and compares before it writes, and a part that can't be moved so stays. A file that can't be read is
    left alone and reported. For a commit hook or a pipeline:

        gemctl fmt --check
    """
    from gemctl.workflows.format import fmt

    done = fmt(context.folder, paths, write=not (check or diff))
    context.root = done.root
    if context.json:
        from gemctl.render import json

        context.document(json.formatted([one.path for one in done.files], done.problems, written=not (check or diff)))
    else:
        for one in done.files:
            context.terminal.say(_difference(one.path, one.before, one.after) if diff else one.path)
        if done.problems:
            from gemctl.cli.main import complain

            complain(context, done.problems)
    return Exit.ERROR if done.problems or (check and done.files) else Exit.DONE


def _difference(path: str, before: str, after: str) -> str:
    from difflib import unified_diff

    from gemctl.render.safe import safe

    lines = unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(safe(line) for line in lines)
