"""Defines `gemctl credential`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, address, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Group
from gemctl.cli.planning import lock_option, seconds

_KIND = "credential"  # any word for it will do


@click.group("credential", cls=Group)
@global_options
def command() -> None:
    """Secrets that agents sign in with."""


@command.command("rotate")
@click.argument("name", metavar="NAME")
@lock_option
@global_options
@pass_context
def rotate(context: Context, /, name: str, lock_timeout: str) -> int:
    """Read the secrets of the Credential NAME again, and send them now.

        gemctl credential rotate crm

    They are sent whether or not they have changed, with all else that its manifest says
    of it. Have a new one made where it is good for, put it where `valueFrom` of the
    manifest reads it, and run this. `gemctl apply` does the same for secrets that have
    changed; this one asks nothing, looks at nothing else, and also puts back a value
    that somebody else has sent.

    Exit status:
        0  done                            1  an error, nothing was done
        5  it may have been done, and not all is well
    """
    from gemctl.cli.stopping import graceful
    from gemctl.engine.execute import Stopping
    from gemctl.workflows.act import declared_as, load_known, send_again
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    target = address(name if "/" in name else f"{_KIND}/{name}")
    stopping = Stopping()
    session = context.session()
    with session.store.lock("credential rotate", seconds(lock_timeout)):
        desired = wanted(session, PlanRequest())
        resource = declared_as(desired, target)
        connection = context.connect(session, stopping=lambda: stopping.signal is not None)
        loaded = load_known(session, connection)
        with graceful(stopping, context.terminal.note):
            acted = send_again(session, connection, desired, resource, loaded=loaded, stopping=stopping)
        record = loaded.ledger.records.get(resource.address)
    from gemctl.core.diagnostic import errors

    if acted.problems:
        from gemctl.cli.main import complain

        complain(context, acted.problems)
    if errors(acted.problems):
        return Exit.PARTIAL if acted.unknown else Exit.ERROR
    if acted.stopped_by is not None and not acted.done:
        context.terminal.note("Stopped: nothing was done.")
        return 128 + acted.stopped_by
    secrets = [str(one.at[0]) for one in resource.declared.secrets]
    if context.json:
        live = record.name if record else ""
        context.document({"address": str(resource.address), "name": live, "done": "rotate", "secrets": secrets})
    else:
        said = f"{resource.address} has been sent again, with {' and '.join(secrets)} as read now."
        context.terminal.say(context.terminal.out(said, "green"))
    return Exit.DONE
