"""Defines `gemctl import`. main.py imports it when that command is run."""

from __future__ import annotations

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.layout import Command
from gemctl.cli.planning import lock_option, seconds


@click.command("import", cls=Command)
@click.argument("words", metavar="[ADDRESS REMOTE_NAME | REMOTE_NAME...]", nargs=-1)
@click.option("--from-live", metavar="KIND", help="Write manifests for live objects of this kind that nobody claims.")
@click.option("--all", "every", is_flag=True, help="With --from-live: for all of them.")
@click.option("--write", "file", metavar="FILE", help="With --from-live: into this new file of the project.")
@click.option("--overwrite", is_flag=True, help="With --write: also where there is such a file.")
@click.option("--take-over", is_flag=True, help="Also what carries the mark of another stack or project.")
@lock_option
@global_options
@pass_context
def command(
    context: Context,
    words: tuple[str, ...],
    from_live: str | None,
    every: bool,
    file: str | None,
    overwrite: bool,
    take_over: bool,
    lock_timeout: str,
) -> None:
    """Bind a live object to a declared resource, or write manifests for live objects.

        gemctl import CachedContent/handbook cachedContents/0c5j38gpopx4
        gemctl import --from-live CachedContent --all --write imported.yaml

    What went into it can't be read back: it is assumed to be what the manifest
    declares, and the plan says so. An object without our mark is lost with the state,
    unless gemctl.yaml lists it under `imports:`.

    With --from-live nothing is bound: manifests are written (or printed) in which
    `${fill: …}` stands for what the service doesn't show. Fill that in, and add the
    lines that are printed to gemctl.yaml, which bind the objects.

    What another stack has bound is handed over by it (gemctl handover). --take-over is
    for what they have let go; and for an object of another writer that carries the
    mark of this very address (E504): it becomes an older generation of it.
    """
    if from_live is None and (every or file is not None or overwrite):
        raise click.UsageError("--all, --write and --overwrite go with --from-live.")
    if from_live is None:
        if len(words) != 2:
            raise click.UsageError("Give ADDRESS and REMOTE_NAME, or --from-live KIND.")
        _one(context, *words, take_over=take_over, lock_timeout=lock_timeout)
        return
    if every and words:
        raise click.UsageError("--all and names exclude each other.")
    if overwrite and file is None:
        raise click.UsageError("--overwrite goes with --write.")
    _many(context, from_live, words, every=every, file=file, overwrite=overwrite, take_over=take_over)


def _one(context: Context, where: str, name: str, *, take_over: bool, lock_timeout: str) -> None:
    from gemctl.workflows.adopt import adopt
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    target = context.address(where)
    session = context.session()
    with session.store.lock("import", seconds(lock_timeout)):
        desired = wanted(session, PlanRequest())
        made = adopt(session, context.connect(session), desired, target, name, take_over=take_over)
    if context.json:
        from gemctl.render import json

        context.terminal.say(json.text(json.outputs({target: made.record})))
        return
    record = made.record
    if made.older:
        text = f"{record.name} is now an older generation of {target}; the next apply retires it."
        context.terminal.say(context.terminal.out(text, "green"))
        return
    context.terminal.say(context.terminal.out(f"{target} is now bound to {record.name}.", "green"))
    if made.unread:
        from gemctl.cli.main import complain

        complain(context, made.unread)
    if not record.address_tag:
        from gemctl.render import generated_manifests

        several = len(session.project.stacks) > 1
        why = f"It carries the mark of {made.maker}." if made.maker else "It carries no mark."
        lines = generated_manifests.imports({target: record.name}, session.stack.name if several else None)
        context.terminal.say(f"{why} So that it survives a lost state, add to gemctl.yaml:\n\n{lines}")


def _many(
    context: Context,
    kind: str,
    names: tuple[str, ...],
    *,
    every: bool,
    file: str | None,
    overwrite: bool,
    take_over: bool,
) -> None:
    from gemctl.render import generated_manifests
    from gemctl.workflows.generate_manifests import generate, write

    session = context.session()
    made = generate(session, context.connect(session), kind, names, every=every, take_over=take_over)
    stack = session.stack.name if len(session.project.stacks) > 1 else None
    text = generated_manifests.text(made.manifests, stack)
    if file is not None and made.manifests:
        write(session, file, text, overwrite=overwrite)
    say, note = context.terminal.say, context.terminal.note
    if context.json:
        context.document(
            generated_manifests.document(made.manifests, file, {one.name: why for one, why in made.passed})
        )
        return
    for item, why in made.passed:
        note(f"Left out {item.name}: {why}.")
    if not made.manifests:
        say("There is nothing to import.")
    elif file is None:
        say(text.removesuffix("\n"))
    else:
        lines = generated_manifests.imports({one.address: one.item.name for one in made.manifests}, stack)
        many = f"{len(made.manifests)} manifest{'' if len(made.manifests) == 1 else 's'}"
        say(f"Wrote {many} to {file}. Fill in what is marked there, and add to gemctl.yaml:\n\n{lines}")
    if made.unread:
        from gemctl.cli.main import complain

        complain(context, made.unread)
