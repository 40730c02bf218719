"""gemctl state"""

from __future__ import annotations

import click

from gemctl.cli.context import Context, address, global_options, pass_context
from gemctl.cli.planning import lock_option, seconds


@click.group("state")
@global_options
def command() -> None:
    """Look at the ledger, or mend it. None of this deletes a live object."""


@command.command("list")
@global_options
@pass_context
def list_(context: Context) -> None:
    """List bindings, older generations that are being retired, creates whose outcome is open, and tokens that may
    be in use.
    """
    from gemctl.core.record import forget_ended

    session = context.session()
    ledger = forget_ended(session.store.load().ledger, session.clock.now())
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text(json.ledger(ledger)))
        return
    from gemctl.render import human

    context.terminal.say(human.ledger(ledger, context.terminal.out))


@command.command("show")
@click.argument("what", metavar="ADDRESS")
@global_options
@pass_context
def show(context: Context, what: str) -> None:
    """Print all that is recorded of one resource, as JSON."""
    from gemctl.core.record import forget_ended
    from gemctl.render import json
    from gemctl.workflows.show import outputs

    at = address(what)
    session = context.session()
    ledger = forget_ended(session.store.load().ledger, session.clock.now())
    mints = {name: found for name, found in json.mints(ledger, at).items() if found}
    recorded = {} if mints and at not in ledger.records else json.recorded(at, outputs(session, at)[at])
    context.terminal.say(json.text({"address": str(at), **recorded, **mints}))


@command.command("rm")
@click.argument("what", metavar="ADDRESS")
@lock_option
@global_options
@pass_context
def rm(context: Context, what: str, lock_timeout: str) -> None:
    """Forget a binding. The live object stays; while it is declared, the next plan finds it again by its mark."""
    from gemctl.workflows.ledger import remove

    session = context.session()
    with session.store.lock("state rm", seconds(lock_timeout)):
        record = remove(session, address(what))
    live = f"; {record.name} stays live" if record and record.name != what else ""
    _said(context, f"Forgot {what}{live}.")


@command.command("mv")
@click.argument("old", metavar="ADDRESS")
@click.argument("new", metavar="NEW_ADDRESS")
@lock_option
@global_options
@pass_context
def mv(context: Context, old: str, new: str, lock_timeout: str) -> None:
    """Call a resource by another address, without making it again. Rename its manifest as well."""
    from gemctl.workflows.ledger import move

    session = context.session()
    with session.store.lock("state mv", seconds(lock_timeout)):
        record = move(session, address(old), address(new))
    _said(context, f"{record.name} is now {new}.")


@command.command("rebuild")
@lock_option
@global_options
@pass_context
def rebuild(context: Context, lock_timeout: str) -> None:
    """Make a new state from the marks on live objects. What was there is kept beside it as *.aside."""
    from gemctl.workflows.ledger import rebuild as run
    from gemctl.workflows.plan import Ask, wanted

    session = context.session()
    with session.store.lock("state rebuild", seconds(lock_timeout)):
        made = run(session, context.connect(session), wanted(session, Ask()))
    if made.warnings and not context.json:
        from gemctl.cli.main import complain

        complain(context, made.warnings)
    bound, open_ = len(made.ledger.records), len(made.ledger.open_creates)
    text = f"Rebuilt: {bound} bound"
    if open_:
        text += f", {open_} declared and not found (the next apply waits before it creates them)"
    _said(context, text + ".")


def _said(context: Context, text: str) -> None:
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text({"message": text}))
    else:
        context.terminal.say(text)
