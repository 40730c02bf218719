"""Defines `gemctl trigger`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gemctl.cli.context import Context, address, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Group
from gemctl.cli.planning import lock_option, seconds

if TYPE_CHECKING:
    from gemctl.core.address import Address
    from gemctl.core.execution import ShownExecution

_KIND = "trigger"  # any word for it will do
_HEADER = ("EXECUTION", "STATUS", "SCHEDULED", "BEGAN", "TOOK", "INTERACTION", "ERROR")


@click.group("trigger", cls=Group)
@global_options
def command() -> None:
    """Schedules by which the service starts agents."""


@command.command("run")
@click.argument("name", metavar="NAME")
@lock_option
@global_options
@pass_context
def run(context: Context, /, name: str, lock_timeout: str) -> int:
    """Have the service start the agent of the Trigger NAME now.

        gemctl trigger run nightly

    It is started as the trigger says, also where that is paused, and costs what any run of
    it costs. Its schedule goes on as before. The id of the execution is printed; what has
    become of it, `gemctl trigger executions` shows.

    It is asked for once: where the answer is lost, it may have been started, and is not
    asked for again.

    Exit status:
        0  it has begun                    1  an error, nothing was started
        5  it may have been started, and nobody knows
    """
    from gemctl.cli.stopping import graceful
    from gemctl.engine.execute import Stopping
    from gemctl.workflows.act import act, declared_as, load_known
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    stopping = Stopping()
    session = context.session()
    with session.store.lock("trigger run", seconds(lock_timeout)):
        desired = wanted(session, PlanRequest())
        resource = declared_as(desired, _address(name))
        connection = context.connect(session, stopping=lambda: stopping.signal is not None)
        loaded = load_known(session, connection)
        with graceful(stopping, context.terminal.note):
            acted = act(session, connection, desired, resource, "run", loaded=loaded, stopping=stopping)
        record = loaded.ledger.records.get(resource.address)
    if acted.problems:
        from gemctl.cli.main import complain
        from gemctl.core.diagnostic import errors

        complain(context, acted.problems)
        if errors(acted.problems):
            return Exit.PARTIAL if acted.unknown else Exit.ERROR
    if acted.stopped_by is not None and not acted.done:
        context.terminal.note("Stopped: nothing was done.")
        return 128 + acted.stopped_by
    begun = acted.began[0] if acted.began else None
    if context.json:
        shown = _document(begun) if begun else None
        context.document(
            {"address": str(resource.address), "name": record.name if record else "", "done": "run", "execution": shown}
        )
    else:
        what = f" Execution {begun.id}." if begun else ""
        context.terminal.say(context.terminal.out(f"{resource.address} was started.{what}", "green"))
    return Exit.DONE


@command.command("executions")
@click.argument("name", metavar="NAME")
@click.option(
    "--limit", metavar="N", type=click.IntRange(1, 10_000), default=20, help="How many, the newest first: 20."
)
@global_options
@pass_context
def executions(context: Context, /, name: str, limit: int) -> int:
    """Show what the Trigger NAME has started, the newest first.

        gemctl trigger executions nightly
        gemctl trigger executions nightly --limit 100 --json

    Each with its status, when it was due, when it began and how long it took, the id of
    the interaction that it made, and why it failed. Those of a trigger that was replaced
    are not among them.

    Reads only.
    """
    from gemctl.render import human
    from gemctl.workflows.executions import executions as read

    session = context.session()
    found = read(session, context.connect(session), _address(name), limit)
    if context.json:
        from gemctl.render.json import FORMAT

        context.document(
            {
                "formatVersion": FORMAT,
                "address": str(found.address),
                "name": found.name,
                "executions": [_document(one) for one in found.found],
                "more": found.more,
            }
        )
        return Exit.DONE
    if not found.found:
        context.terminal.say(f"{found.address} has started nothing yet.")
        return Exit.DONE
    context.terminal.say(human.table(_HEADER, [_row(one) for one in found.found], context.terminal.out))
    if found.more:
        context.terminal.note(f"There are more: --limit {limit * 10} shows them.")
    return Exit.DONE


def _address(name: str) -> Address:
    return address(name if "/" in name else f"{_KIND}/{name}")


def _row(one: ShownExecution) -> tuple[str, ...]:
    from gemctl.core.moment import show_duration, show_instant

    due, began = (show_instant(at.replace(microsecond=0)) if at else "-" for at in (one.scheduled, one.began))
    took = show_duration(one.ended - one.began) if one.began and one.ended else "-"
    return one.id, one.state or "-", due, began, took, one.made or "-", one.error or "-"


def _document(one: ShownExecution) -> dict[str, Any]:
    from gemctl.core.moment import show_instant

    def at(instant: Any) -> str | None:
        return show_instant(instant) if instant else None

    return {
        "id": one.id,
        "status": one.state,
        "scheduled": at(one.scheduled),
        "began": at(one.began),
        "ended": at(one.ended),
        "made": one.made or None,
        "error": one.error or None,
    }
