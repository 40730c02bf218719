"""Gives every command its Context (the global options, the terminal, the clock), and declares those options. Used by
main.py and by all commands.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gemctl.cli.term import Terminal

if TYPE_CHECKING:
    from datetime import datetime

    from gemctl.core.address import Address
    from gemctl.core.clock import Clock
    from gemctl.core.project import Project
    from gemctl.core.source import SourceFile
    from gemctl.workflows.wiring import Connection, Session, Settings


@dataclass(slots=True)
class Context:
    """Filled by the global options, which may stand before or after the command.

    asks_json   --json is somewhere on the command line, for messages before all of it was understood.
    """

    folder: str = "."
    stack: str | None = None
    variables: tuple[str, ...] = ()  # name=value
    json: bool = False
    asks_json: bool = False
    no_color: bool = False
    verbose: int = 0
    clock: Clock | None = None
    _terminal: Terminal | None = None
    root: str | None = None
    given: SourceFile | None = None  # the manifest from standard input
    lines: bool = False  # apply and destroy: with --json, one document a line

    @property
    def terminal(self) -> Terminal:
        if self._terminal is None:
            self._terminal = Terminal(os.environ, no_color=self.no_color)
        return self._terminal

    def document(self, value: Any) -> None:
        """JSON to standard output: on one line where every line is a document of its own, else for people to read."""
        from gemctl.render import json

        self.terminal.say(json.text(value, indent=None if self.lines else 2))

    def session(self, *, lock_timeout: float = 0.0, shown: bool = False) -> Session:
        """Open the project. `shown`: for what only shows something."""
        from gemctl.workflows.wiring import open_session

        session = open_session(self.settings(lock_timeout), shown=shown)
        self.root = str(session.root)
        return session

    def project(self) -> Project:
        """The project, without choosing a stack of it."""
        from gemctl.workflows.wiring import read_project

        return read_project(self.settings())

    def now(self) -> datetime:
        """The time of this machine."""
        from gemctl.workflows.wiring import SystemClock

        return (self.clock or SystemClock()).now()

    def manifests(self, paths: tuple[str, ...], files: tuple[str, ...]) -> tuple[str, ...]:
        """All paths of manifests; what comes from standard input is read, and kept as `given`. Raises Rejected."""
        if "-" in files:
            from gemctl.core.source import MAX_TEXT
            from gemctl.workflows.declared import from_input

            self.given = from_input(sys.stdin.buffer.read(MAX_TEXT + 1))
        return (*paths, *(file for file in files if file != "-"))

    def again(self, *words: str) -> str:
        """A command line for the same project and stack, with the same variables, to be copied into a shell."""
        options = ["-C", self.folder] if self.folder != "." else []
        options += ["--stack", self.stack] if self.stack else []
        options += [word for text in self.variables for word in ("--var", text)]
        return shlex.join(("gemctl", *words, *options))

    def address(self, text: str, session: Session | None = None) -> Address:
        """Read an address, also a name alone that only one resource of the project has. Raises Usage."""
        if "/" not in text:
            from gemctl.workflows.choosing import named

            if found := named(session or self.session(), text):
                return found
        return address(text)

    def settings(self, lock_timeout: float = 0.0) -> Settings:
        """What the command line and the environment say; lines of files are shown from that folder on."""
        from gemctl.workflows.wiring import Settings, SystemClock

        self.root = self.root or self.folder
        clock = self.clock or SystemClock()
        return Settings(self.folder, os.environ, clock, self.stack, lock_timeout, self.variables)

    def connect(self, session: Session, **options: Any) -> Connection:
        """Choose the endpoint, and print which one it is: a person should not have to guess where a run went."""
        from gemctl.workflows.wiring import connect

        connection = connect(session, **options)
        if not self.json:
            said = f"{session.project.name} / {session.stack.name} on {named(connection.endpoint)}"
            self.terminal.note(self.terminal.err(said, "dim"))
        return connection


def named(endpoint: str) -> str:
    """The endpoint as people read it."""
    return "embedded emulator" if endpoint == "emulator" else endpoint


Command = TypeVar("Command", bound=Callable[..., Any])

pass_context = click.make_pass_decorator(Context, ensure=True)


def _into(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback that keeps an option in the Context; where it is not given, an earlier value stays."""

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value:
            setattr(ctx.ensure_object(Context), name, value)

    return keep


def _also_into(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """As `_into`, for an option that may be given several times: later values come after earlier ones."""

    def keep(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        context = ctx.ensure_object(Context)
        setattr(context, name, (*getattr(context, name), *value))

    return keep


def global_options(command: Command) -> Command:
    """The options that every command takes, before it or after it."""
    for option in reversed(
        (
            click.option("-C", "folder", metavar="DIR", expose_value=False, callback=_into("folder"),
                         help="Look for gemctl.yaml in DIR and above it, instead of here."),
            click.option("--stack", metavar="NAME", expose_value=False, callback=_into("stack"),
                         help="The stack to use; also GEMCTL_STACK. Default: the project's defaultStack."),
            click.option("--var", "variables", metavar="NAME=VALUE", multiple=True, expose_value=False,
                         callback=_also_into("variables"),
                         help="Give a variable of the manifests a value; repeatable. Also GEMCTL_VAR_NAME."),
            click.option("--json", "as_json", is_flag=True, expose_value=False, callback=_into("json"),
                         help="Print JSON for programs on standard output."),
            click.option("--no-color", is_flag=True, expose_value=False, callback=_into("no_color"),
                         help="No colour; also NO_COLOR. FORCE_COLOR=1 colours pipes, too."),
            click.option("-v", "--verbose", count=True, expose_value=False, callback=_into("verbose"),
                         help="Say more: kept objects, and with -vv each request."),
        )
    ):  # fmt: skip
        command = option(command)
    return command


def address(text: str) -> Address:
    """Read an address from the command line, the kind by any of its names. Raises Usage."""
    from gemctl.core.errors import Usage
    from gemctl.workflows.naming import address_named

    try:
        return address_named(text)
    except ValueError as error:
        raise Usage(str(error), code="E009") from None
