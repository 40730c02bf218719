"""gemctl import"""

from __future__ import annotations

import click

from gemctl.cli.context import Context, address, global_options, pass_context
from gemctl.cli.planning import lock_option, seconds


@click.command("import")
@click.argument("where", metavar="ADDRESS")
@click.argument("name", metavar="REMOTE_NAME")
@lock_option
@global_options
@pass_context
def command(context: Context, where: str, name: str, lock_timeout: str) -> None:
    """Bind a live object to a declared resource.

    \b
        gemctl import CachedContent/handbook cachedContents/0c5j38gpopx4

    What went into it can't be read back: it is assumed to be what the manifest declares, and the plan says so. An
    object without our mark is lost with the state, unless gemctl.yaml lists it under `imports:`.
    """
    from gemctl.workflows.ledger import adopt
    from gemctl.workflows.plan import Ask, wanted

    target = address(where)
    session = context.session()
    with session.store.lock("import", seconds(lock_timeout)):
        record = adopt(session, context.connect(session), wanted(session, Ask()), target, name)
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text(json.outputs({target: record})))
        return
    context.terminal.say(context.terminal.out(f"{target} is now bound to {record.name}.", "green"))
    if not record.marked:
        context.terminal.say(f"It carries no mark. So that it survives a lost state, add to gemctl.yaml:\n\n"
                             f"imports:\n  {target}: {record.name}")  # fmt: skip
