"""Help is laid out as it was written: indented lines stand, prose flows, at any width."""

from __future__ import annotations

import ast
import inspect
import textwrap

import click

from gemctl.cli.main import COMMANDS, cli


def commands():
    """(words of the command line, command) for every command that there is."""
    root = click.Context(cli, info_name="gemctl")
    waiting = [((), cli)]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name="x", parent=root)
            found = {name: command.get_command(context, name) for name in command.list_commands(context)}
            waiting += [((*words, name), inner) for name, inner in found.items()]


def written(command) -> list[str]:
    """The lines of its description in the source, which know what was indented and what was not."""
    source = textwrap.dedent(inspect.getsource(command.callback))
    (function,) = ast.parse(source).body
    node = function.body[0].value
    lines = source.splitlines()[node.lineno - 1 : node.end_lineno]
    return [line.replace('"""', "").rstrip() for line in lines]


def test_no_line_break_that_was_meant_is_lost_and_no_other_is_kept():
    seen = 0
    for words, command in commands():
        for width in (40, 80, 100):
            context = click.Context(command, info_name="gemctl", terminal_width=width, max_content_width=width)
            shown = command.get_help(context)
            assert "\b" not in shown, words
            about = shown.split("\n\n", 1)[1].split("\n\nOptions:")[0].split("\n\nCommands:")[0]
            lines = about.splitlines()
            meant = [line for line in written(command) if line.startswith("     ")]
            for line in meant:
                seen += 1
                assert f"  {line[4:]}" in lines, (words, width, line)
            flowing = [line for line in lines if line and line[2:3] != " "]
            assert all(len(line) <= width for line in flowing), (words, width)
            prose = [line.strip() for line in written(command) if line not in meant]
            assert not [line for line in prose if "   " in line or line.startswith("gemctl ")], (words, prose)
            assert "".join("".join(flowing).split()) == "".join("".join(prose).split()), (words, width)
    assert seen > 100


def test_every_command_is_in_the_list():
    found = {words[0] for words, _ in commands() if words}
    assert found == set(COMMANDS)
