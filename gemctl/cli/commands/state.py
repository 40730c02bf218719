"""Defines `gemctl state`. main.py imports it when that command is run."""

from __future__ import annotations

from dataclasses import replace

import click

from gemctl.cli.context import Context, address, global_options, pass_context
from gemctl.cli.layout import Group
from gemctl.cli.listing import documented, output_option, say_names, selector_option
from gemctl.cli.planning import lock_option, seconds


@click.group("state", cls=Group)
@global_options
def command() -> None:
    """Look at the ledger, or mend it. None of this deletes a live object."""


@command.command("list")
@output_option
@selector_option
@global_options
@pass_context
def list_(context: Context, form: str | None, selector: str | None) -> None:
    """List bindings, older generations that are being retired, creates whose outcome is open, and tokens that may
    be in use.
    """
    from gemctl.core.record import addresses, forget_ended, only
    from gemctl.render import human, json

    session = context.session()
    ledger = forget_ended(session.store.load().ledger, session.clock.now())

    if selector:
        from gemctl.workflows.choosing import labelled
        from gemctl.workflows.plan import wanted
        from gemctl.workflows.request import PlanRequest

        ledger = only(ledger, labelled(wanted(session, PlanRequest()), selector))
    if documented(context, form, lambda: json.ledger(ledger)):
        return
    if form == "name":
        listed = addresses(replace(ledger, sent={}))  # creates that are no longer open are not shown
        say_names(context, map(str, sorted(listed)))
    else:
        context.terminal.say(human.ledger(ledger, context.terminal.out, wide=form == "wide"))


@command.command("show")
@click.argument("what", metavar="ADDRESS")
@global_options
@pass_context
def show(context: Context, what: str) -> None:
    """Print all that is recorded of one resource, as JSON; of a job in parts, of each part."""
    from gemctl.core.record import forget_ended
    from gemctl.render import json
    from gemctl.workflows.show import outputs

    session = context.session()
    at = context.address(what, session)
    ledger = forget_ended(session.store.load().ledger, session.clock.now())
    mints = {name: found for name, found in json.mints(ledger, at).items() if found}
    found = {} if mints and at not in ledger.records else outputs(session, at)
    if found and at not in found:
        context.terminal.say(json.text({"address": str(at), "parts": [json.recorded(*one) for one in found.items()]}))
        return
    recorded = json.recorded(at, found[at]) if found else {}
    rows = ledger.members.get(at)
    below = {"members": json.members(rows)} if rows else {}
    context.terminal.say(json.text({"address": str(at), **recorded, **below, **mints}))


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
        record = remove(session, context.address(what, session))
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
    from gemctl.core.errors import Rejected
    from gemctl.core.resource import Desired
    from gemctl.workflows.ledger import move
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    session = context.session()
    try:
        desired = wanted(session, PlanRequest())
    except Rejected:  # no reason not to rename: it may be about to be mended
        desired = Desired()
    with session.store.lock("state mv", seconds(lock_timeout)):
        record = move(session, context.address(old, session), address(new), desired)
    _said(context, f"{record.name} is now {new}.")


@command.command("rebuild")
@lock_option
@global_options
@pass_context
def rebuild(context: Context, lock_timeout: str) -> None:
    """Make a new state from the marks on live objects. What was there is kept beside it as *.aside."""
    from gemctl.workflows.ledger import rebuild as run
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    session = context.session()
    with session.store.lock("state rebuild", seconds(lock_timeout)):
        made = run(session, context.connect(session), wanted(session, PlanRequest()))
    if made.warnings and not context.json:
        from gemctl.cli.main import complain

        complain(context, made.warnings)
    bound, open_ = len(made.ledger.records), len(made.ledger.open_creates)
    text = f"Rebuilt: {bound} bound"
    if open_:
        text += f", {open_} declared and not found (the next apply waits before it creates them)"
    _said(context, text + ".")


@command.command("pull")
@global_options
@pass_context
def pull(context: Context) -> None:
    """Print the state as one JSON document, which `state push` takes. It holds no secrets."""
    from json import loads

    from gemctl.render import json
    from gemctl.workflows.backups import pull as run

    context.terminal.say(json.foreign(loads(run(context.session()))))


@command.command("push")
@click.argument("file", metavar="FILE")
@click.option("--force", is_flag=True, help="Replace also a newer state, one of another lineage, or a damaged one.")
@lock_option
@global_options
@pass_context
def push(context: Context, file: str, force: bool, lock_timeout: str) -> None:
    """Make what `state pull` has printed the state of the stack."""
    from gemctl.workflows.backups import push as run
    from gemctl.workflows.backups import read_backup

    session = context.session()
    identity, ledger = read_backup(file)
    with session.store.lock("state push", seconds(lock_timeout)):
        made = run(session, identity, ledger, force=force)
    _said(context, f"The state in {session.store.place} is now that of {file}, with serial {made.serial}.")


@command.command("migrate")
@click.option(
    "--from", "source", metavar="PLACE", required=True, help="Where it was: local, a DSN, env:NAME with one, or a URL."
)
@lock_option
@global_options
@pass_context
def migrate(context: Context, source: str, lock_timeout: str) -> None:
    """Move the state from where it was to where gemctl.yaml says that it is kept. What was there is set aside."""
    from gemctl.workflows.backups import earlier_store
    from gemctl.workflows.backups import migrate as run

    session = context.session()
    before, timeout = earlier_store(session, source), seconds(lock_timeout)
    with session.store.lock("state migrate", timeout), before.lock("state migrate", timeout):
        made = run(session, before)
    _said(context, f"Moved from {before.place} to {session.store.place}: {len(made.records)} bound.")


@command.command("unlock")
@click.argument("lock_id", metavar="ID")
@global_options
@pass_context
def unlock(context: Context, lock_id: str) -> None:
    """Remove the lock that a dead run has left in object storage. Other locks end with their process."""
    session = context.session()
    who = session.store.unlock(lock_id)
    _said(context, f"Unlocked; the lock was of {who or 'somebody who left no name'}.")


def _said(context: Context, text: str) -> None:
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text({"message": text}))
    else:
        context.terminal.say(text)
