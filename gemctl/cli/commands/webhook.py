"""Defines `gemctl webhook`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, address, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Group
from gemctl.cli.planning import lock_option, seconds

if TYPE_CHECKING:
    from gemctl.core.resource import Resource
    from gemctl.render.progress import Progress
    from gemctl.workflows.act import Acted

_KIND = "webhook"  # any word for it will do


@click.group("webhook", cls=Group)
@global_options
def command() -> None:
    """Addresses that the service calls."""


@command.command("rotate")
@click.argument("name", metavar="NAME")
@click.option("--revoke-now", is_flag=True, help="Make the secrets before void at once, and not in 24 hours.")
@lock_option
@global_options
@pass_context
def rotate(context: Context, /, name: str, revoke_now: bool, lock_timeout: str) -> int:
    """Make a new signing secret for the Webhook NAME, and deliver it.

        gemctl webhook rotate alerts
        gemctl webhook rotate alerts --revoke-now

    It goes where `secret` of the manifest says, and is not printed. The secret before
    holds for another 24 hours, in which each event carries both signatures: receivers
    have time to learn the new one. If somebody knows it who should not, --revoke-now.

    Where the answer is lost, or the secret does not arrive, the next `gemctl apply`
    makes another and delivers that.

    Exit status:
        0  done                            1  an error, nothing was done
        5  it was done, or may have been, and not all is well
    """
    resource, live, acted = _act(context, "revoke" if revoke_now else "rotate", name, lock_timeout)
    sink = resource.declared.sink
    target = f"{sink.form} {sink.target}" if sink else ""
    before = "Those before are void." if revoke_now else "The one before holds for another 24 hours."
    document = {"secret": {sink.form: sink.target} if sink else None, "before": "void" if revoke_now else "24h"}
    said = f"{resource.address} has a new signing secret, delivered to the {target}. {before}"
    return _report(context, acted, said, {"address": str(resource.address), "name": live, "done": "rotate", **document})


@command.command("ping")
@click.argument("name", metavar="NAME")
@lock_option
@global_options
@pass_context
def ping(context: Context, /, name: str, lock_timeout: str) -> int:
    """Have the service call the Webhook NAME, with an event that says nothing.

        gemctl webhook ping alerts

    The service answers at once, and the same whether or not anybody is there: look at
    the receiver whether the call arrived.

    Exit status:
        0  done                            1  an error, nothing was done
        5  it may have been done, and not all is well
    """
    resource, live, acted = _act(context, "ping", name, lock_timeout)
    said = f"{resource.address} was pinged. Whether the call arrived, its receiver knows."
    return _report(context, acted, said, {"address": str(resource.address), "name": live, "done": "ping"})


def _act(context: Context, what: str, name: str, lock_timeout: str) -> tuple[Resource, str, Acted]:
    """The resource, its live name, and what came of it. Raises Usage for one that is not declared, or not applied."""
    from gemctl.cli.stopping import graceful
    from gemctl.engine.execute import Stopping
    from gemctl.workflows.act import act, declared_as, load_known
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    target = address(name if "/" in name else f"{_KIND}/{name}")
    stopping = Stopping()
    session = context.session()
    with session.store.lock(f"webhook {what}", seconds(lock_timeout)):
        desired = wanted(session, PlanRequest())
        resource = declared_as(desired, target)
        connection = context.connect(session, stopping=lambda: stopping.signal is not None)
        loaded = load_known(session, connection)
        with graceful(stopping, context.terminal.note), _progress(context) as progress:
            told = (lambda _: None) if context.json else progress.tell
            acted = act(session, connection, desired, resource, what, loaded=loaded, stopping=stopping, tell=told)
        record = loaded.ledger.records.get(resource.address)
    return resource, record.name if record else "", acted


def _progress(context: Context) -> Progress:
    from gemctl.render.progress import Progress

    return Progress(context.terminal.note, context.terminal.err, live=context.terminal.live, as_json=False)


def _report(context: Context, acted: Acted, said: str, document: dict[str, object]) -> int:
    from gemctl.core.diagnostic import errors

    if acted.problems:
        from gemctl.cli.main import complain

        complain(context, acted.problems)
    if found := errors(acted.problems):
        undelivered = acted.entries and any(one.code == "E572" for one in found)
        return Exit.PARTIAL if acted.unknown or undelivered else Exit.ERROR
    if acted.stopped_by is not None and not acted.done:
        context.terminal.note("Stopped: nothing was done.")
        return 128 + acted.stopped_by
    if context.json:
        context.document(document)
    else:
        context.terminal.say(context.terminal.out(said, "green"))
    return Exit.DONE
