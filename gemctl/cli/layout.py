"""Lays out help: prose flows to the width of the terminal, and an indented line stands as it is written. Every command
is made of these classes.

click would run lines together, or stop wrapping a paragraph altogether. For some mistakes click doesn't tell in which
command they were made; these classes do.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import click

from gemctl.cli.completing import Word

_WORD = Word()


def _blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """Lines that belong together, and whether they flow."""
    for kind, lines in groupby(text.splitlines(), lambda line: "" if not line else line[0].isspace()):
        yield kind is False, list(lines)


class _LaidOut(click.Command):
    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for param in self.params:
            if param.type is click.STRING:
                param.type = _WORD

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        with formatter.indentation():
            for flows, lines in _blocks(inspect.cleandoc(self.help or "")):
                if flows:
                    formatter.write_text(" ".join(lines))
                    continue
                for line in lines:
                    formatter.write(f"{' ' * formatter.current_indent}{line}".rstrip() + "\n")


class Command(_LaidOut):
    """A command."""


class Group(_LaidOut, click.Group):
    """A command that has commands below it, which are laid out alike."""

    command_class = Command
