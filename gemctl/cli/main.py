"""Runs a command line: holds the group of commands, the one try/except, and the exit status of everything. Called by
gemctl/__main__.py.

Commands are imported when they run: the table below is all that `gemctl --help` reads.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import click

from gemctl import __version__
from gemctl.cli.context import Context, global_options
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Group

if TYPE_CHECKING:
    from types import FrameType

    from click.shell_completion import CompletionItem

    from gemctl.core.clock import Clock
    from gemctl.core.diagnostic import Diagnostic
    from gemctl.core.errors import GemctlError, Interrupted

# name → (module below gemctl.cli.commands, one line of help), in the order in which people meet them
COMMANDS = {
    "init": ("init", "Scaffold a project that works at once on the emulator."),
    "validate": ("validate", "Check manifests offline."),
    "fmt": ("fmt", "Lay out manifests: order of keys, indentation, blanks."),
    "render": ("render", "Print what a stack resolves to, and where each value comes from."),
    "graph": ("graph", "Show what is declared, and what needs what."),
    "plan": ("plan", "Show what apply would do."),
    "show": ("show", "Print a saved plan."),
    "apply": ("apply", "Show the plan, ask, and carry it out."),
    "watch": ("watch", "Keep running: renew what expires, and apply what else may go unattended."),
    "destroy": ("destroy", "Delete everything that this stack owns."),
    "get": ("get", "List live objects, ours and others'."),
    "describe": ("describe", "Show all that is known of one resource."),
    "cost": ("cost", "Show what lives now and what it costs."),
    "models": ("models", "Show what is known of models: state, caches, prices."),
    "output": ("output", "Print the names and outputs of bound resources."),
    "orphans": ("orphans", "List live objects that no stack claims."),
    "import": ("import_", "Bind a live object, or write manifests for live objects."),
    "handover": ("handover", "Give objects to another stack of the project."),
    "token": ("token", "Mint ephemeral tokens of the Live API by a policy."),
    "credential": ("credential", "Send the secrets of a credential again."),
    "trigger": ("trigger", "Run the agent of a trigger now, or show what it has started."),
    "webhook": ("webhook", "Rotate the signing secret of a webhook, or ping it."),
    "wait": ("wait", "Wait until jobs have ended."),
    "results": ("results", "Save the results of jobs that have ended."),
    "cancel": ("cancel", "Stop a job that runs."),
    "stack": ("stack", "List the stacks of the project."),
    "state": ("state", "Look at the ledger, or mend it."),
    "doctor": ("doctor", "Check key, endpoint, clock, state, versions and facts."),
    "emulator": ("emulator", "Serve the emulator on this machine, for SDKs and tests."),
    "explain": ("explain", "Show what a field is for, or what a diagnostic means."),
    "schema": ("schema", "Print JSON Schema for editors."),
    "completion": ("completion", "Print the script by which a shell completes gemctl."),
    "help": ("help", "Show what a command does."),
}


class _Lazy(Group):
    """Knows its commands by name and one line; imports one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"gemctl.cli.commands.{COMMANDS[name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table: click would import every command for its first line of help."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (name := args[0]) not in COMMANDS:
            from difflib import get_close_matches

            from gemctl.cli import habits

            if said := habits.COMMANDS.get(name):
                ctx.fail(f"No such command {name!r}. {said}")
            if near := get_close_matches(name, COMMANDS, 1):
                ctx.fail(f"No such command {name!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    context = ctx.ensure_object(Context)
    if context.asks_json:
        from gemctl.render import json

        context.document(json.version(__version__))
    else:
        context.terminal.say(f"gemctl {__version__}")
    ctx.exit()


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with `gemctl init`. For your shell: `gemctl completion --help`.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
              help="Print the version and exit; with --json as a document.")  # fmt: skip
@global_options
def cli() -> None:
    """Infrastructure as code for the Gemini API.

    Declare caches, files, jobs, file search stores, agents with their schedules, and more in YAML; gemctl compares that
    with the live API and with its own ledger, shows a plan, and applies it: creates, renews, replaces and deletes,
    uploads what is needed, runs jobs once and saves their results, and never loses what it made.
    """


def run(argv: Sequence[str], clock: Clock | None = None) -> int:
    """Run one command line and return its exit status. Nothing is raised, whatever happens."""
    _open_streams()
    context = Context(clock=clock, asks_json="--json" in argv or "json" in _forms(argv))
    _quiet_logging(argv)
    if "_GEMCTL_COMPLETE" in os.environ:
        from gemctl.cli import shells  # noqa: F401  click finds its classes
    with _signals():
        try:
            result = cli.main(list(argv), prog_name="gemctl", standalone_mode=False, obj=context)
            return int(result) if isinstance(result, int) else Exit.DONE
        except click.exceptions.Exit as end:
            return end.exit_code
        except SystemExit as end:  # click has answered a shell
            return int(end.code or 0)
        except click.Abort:
            return 128 + signal.SIGINT
        except click.ClickException as error:
            _misused(context, error, argv)
            return Exit.USAGE
        except KeyboardInterrupt:
            context.terminal.note("Interrupted.")
            return 128 + signal.SIGINT
        except Exception as error:
            return _failed(context, error)
        except _interrupted() as stopped:
            context.terminal.note("Interrupted.")
            return 128 + int(stopped.signal_number)


def _forms(argv: Sequence[str]) -> set[str]:
    """What -o asks for, before it is known whether the command has such an option."""
    written = (name.partition("=") for name in argv if name.startswith("--output="))
    return {form for name, form in pairwise(argv) if name in ("-o", "--output")} | {form for _, _, form in written}


def _interrupted() -> type[Interrupted]:
    """The class, which is imported where something came that may be one."""
    from gemctl.core.errors import Interrupted

    return Interrupted


def _misused(context: Context, error: click.ClickException, argv: Sequence[str]) -> None:
    from gemctl.cli import habits

    hint = habits.advice(argv, getattr(error, "ctx", None))
    if not context.asks_json:
        context.terminal.note(_usage(error, hint))
        return
    from gemctl.core.codes import problem

    context.json = True
    complain(context, [problem("E009", error.format_message(), hint=hint)])


def _failed(context: Context, error: Exception) -> int:
    """Print what went wrong. Returns the exit status."""
    status, diagnostics = judge(error)
    complain(context, diagnostics)
    return status


def judge(error: Exception) -> tuple[int, tuple[Diagnostic, ...]]:
    """The exit status for an error that ended a command, and the diagnostics about it."""
    from gemctl.core.codes import problem
    from gemctl.core.errors import GemctlError, Rejected

    match error:
        case Rejected():
            return Exit.ERROR, error.diagnostics
        case GemctlError():
            return _status(error), (_diagnostic(error),)
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return Exit.ERROR, (problem("E090", f"{where}{error.strerror or error}."),)
        case _:
            return Exit.ERROR, (_bug(error),)


def complain(context: Context, diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics on standard error, with the lines they point at; with --json as a document on standard
    output.
    """
    if context.json:
        from gemctl.render import json

        context.document({"diagnostics": json.diagnostics(diagnostics)})
        return

    from gemctl.render.diagnostics import render

    def source(file: str) -> str | None:
        from gemctl.workflows.validate import text_of

        if context.given and context.given.path == file:
            return context.given.text
        return text_of(context.root, file) if context.root else None

    context.terminal.note(render(diagnostics, source, color=context.terminal.err.on).removesuffix("\n"))


def _status(error: GemctlError) -> int:
    from gemctl.core.errors import Locked, Stale, StateError, Usage

    match error:
        case Locked():
            return Exit.LOCKED
        case StateError():
            return Exit.STATE
        case Stale():
            return Exit.STALE
        case Usage():
            return Exit.USAGE
        case _:
            return Exit.ERROR


def _diagnostic(error: GemctlError) -> Diagnostic:
    from gemctl.core.codes import summary
    from gemctl.core.diagnostic import Diagnostic
    from gemctl.core.errors import ApiError

    detail = str(error)
    if isinstance(error, ApiError):
        detail = "\n".join([detail, *(f"{v.field}: {v.description}" for v in error.violations if v.field)])
    return Diagnostic(error.code, summary(error.code), detail, hint=error.hint)


def _bug(bug: Exception) -> Diagnostic:
    """A diagnostic without a traceback; GEMCTL_DEBUG=1 raises the error instead, for those who mend it."""
    from gemctl.core.codes import problem

    if os.environ.get("GEMCTL_DEBUG"):
        raise bug
    return problem(
        "E099",
        f"{type(bug).__name__}: {bug}",
        hint="What was intended is in the journal, so nothing is lost. Please report it, with GEMCTL_DEBUG=1.",
    )


def _usage(error: click.ClickException, hint: str | None) -> str:
    """The text for a wrong command line: the mistake, and where to read on; the help of a group that was called without
    a command (`gemctl state`).
    """
    ctx = getattr(error, "ctx", None)
    if ctx and type(error).__name__ == "NoArgsIsHelpError":
        return str(ctx.get_help())  # click before 8.2 knows no such error, and prints it by itself
    way = f"{hint} " if hint else ""
    return f"error[E009]: {error.format_message()}\n   = {way}See `{ctx.command_path if ctx else 'gemctl'} --help`."


def _open_streams() -> None:
    """Open /dev/null for streams that were closed at the start; else a state file would get one of their numbers."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123  kept open


def _quiet_logging(argv: Sequence[str]) -> None:
    """Log requests at -vv only: method, path and status, never headers or bodies."""
    if any(word.startswith("-vv") for word in argv) or list(argv).count("-v") > 1:
        import logging

        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        logging.getLogger("gemctl").addHandler(handler)  # not the root: libraries below us would log headers
        logging.getLogger("gemctl").setLevel(logging.DEBUG)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Turns SIGINT and SIGTERM into Interrupted. Commands that act put their own handler in place (cli/stopping.py)."""

    def stop(number: int, _: FrameType | None) -> None:
        raise _interrupted()(number)

    try:
        before = signal.signal(signal.SIGTERM, stop), signal.signal(signal.SIGINT, stop)
    except ValueError:  # not the main thread: the caller handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
