"""Defines `gemctl token`. main.py imports it when that command is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gemctl.cli.context import Context, global_options, pass_context
from gemctl.cli.exits import Exit
from gemctl.cli.layout import Group
from gemctl.cli.planning import lock_option, seconds

if TYPE_CHECKING:
    from gemctl.core.record import MintedToken
    from gemctl.core.resource import Resource
    from gemctl.core.secret import Secret
    from gemctl.outputs.sinks import Sink
    from gemctl.workflows.token import Minting
    from gemctl.workflows.verify import Verification
    from gemctl.workflows.wiring import Session


@click.group("token", cls=Group)
@global_options
def command() -> None:
    """Ephemeral tokens of the Live API."""


@command.command("mint")
@click.argument("name", metavar="NAME")
@click.option("--to-file", metavar="FILE", help="Write it to a new file that only you can read, one token a line.")
@click.option("--overwrite", is_flag=True, help="With --to-file: replace a file that is there already.")
@click.option("--to-command", metavar="COMMAND", help="Run this for each token, with the token on its standard input.")
@click.option("--count", metavar="N", type=click.IntRange(1, 1000), default=1, show_default=True,
              help="Mint N tokens, one after another.")  # fmt: skip
@click.option("--unapplied", is_flag=True, help="Mint by the policy as it is declared, applied or not.")
@lock_option
@global_options
@pass_context
def mint(
    context: Context,
    /,
    name: str,
    to_file: str | None,
    overwrite: bool,
    to_command: str | None,
    count: int,
    unapplied: bool,
    lock_timeout: str,
) -> int:
    """Mint tokens by the TokenPolicy NAME, and print them.

        gemctl token mint live-demo
        gemctl token mint live-demo --to-file token.txt
        gemctl token mint live-demo --to-command 'vault kv put secret/live token=-'

    A token is a secret that can't be read back or revoked. Standard output gets
    the token alone, everything else goes to standard error; the state keeps a
    digest and its end. A command is run without a shell, gets no API keys, and
    its output goes to standard error. A mint whose answer is lost is never
    repeated by itself.

    Exit status:
        0  done                            1  an error, nothing was minted
        5  a token was minted, or may have been, and not all is well
    """
    context.lines = True
    from gemctl.cli.stopping import graceful
    from gemctl.core.errors import Usage
    from gemctl.engine.execute import Stopping
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest
    from gemctl.workflows.token import mint_tokens, policy

    if to_file is not None and to_command is not None:
        raise Usage("A token goes to a file or to a command.", code="E009", hint="Mint one for each.")
    if overwrite and to_file is None:
        raise Usage("--overwrite is for --to-file.", code="E009")
    stopping = Stopping()
    session = context.session()
    with session.store.lock("token mint", seconds(lock_timeout)):
        desired = wanted(session, PlanRequest())
        resource = policy(session, desired, name)
        connection = context.connect(session, stopping=lambda: stopping.signal is not None)
        sink = _sink(session, to_file, to_command, overwrite=overwrite)
        with graceful(stopping, context.terminal.note):
            minting = mint_tokens(
                session,
                connection,
                desired,
                resource,
                sink or _Stdout(context, resource),
                count=count,
                unapplied=unapplied,
                stopping=stopping,
                tell=lambda token: _tell(context, resource, token, printed=sink is None),
            )
    return _report(context, minting)


@command.command("verify")
@click.argument("name", metavar="NAME")
@click.option("--say", metavar="TEXT", help="Say this to the model, and show what it answers: that is paid for.")
@click.option("--live", is_flag=True, help="Where the endpoint is the real service: try it there.")
@click.option("--model", metavar="MODEL", help="The model to ask for, where the policy leaves it to clients.")
@click.option("--timeout", metavar="TIME", default="30s", show_default=True, help="How long the answer may take.")
@click.option("--unapplied", is_flag=True, help="Mint by the policy as it is declared, applied or not.")
@lock_option
@global_options
@pass_context
def verify(
    context: Context,
    /,
    name: str,
    say: str | None,
    live: bool,
    model: str | None,
    timeout: str,
    unapplied: bool,
    lock_timeout: str,
) -> int:
    """Mint a token by the TokenPolicy NAME, and try what it does.

        gemctl token verify lesson
        gemctl token verify lesson --say 'Good morning'
        gemctl token verify lesson --say 'Good morning' --live --stack prod

    Opens sessions of the Live API with the token: do they come up, are model, kind of
    answer and transcript those of the policy though a client asks for others, does
    the model answer, are the uses spent in the end? The token is shown to nobody, and
    what it has left dies with it. Nothing shows other locks from outside.

    On the real service nothing is generated before something is said; what is said and
    answered costs as in any session. It needs --live.

    Exit status:
        0  it does what the policy says    1  an error, nothing was minted
        2  it does something else          5  a token was minted, and could not be tried
    """
    from gemctl.cli.stopping import graceful
    from gemctl.engine.execute import Stopping
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest
    from gemctl.workflows.token import policy
    from gemctl.workflows.verify import Wanted, prepare
    from gemctl.workflows.verify import mint as mint_one
    from gemctl.workflows.verify import verify as try_out

    stopping = Stopping()
    session = context.session()
    within = seconds(timeout)
    with graceful(stopping, context.terminal.note):
        with session.store.lock("token verify", seconds(lock_timeout)):
            desired = wanted(session, PlanRequest())
            resource = policy(session, desired, name)
            connection = context.connect(session, stopping=lambda: stopping.signal is not None)
            prepared = prepare(session, connection, resource, Wanted(say, within, model), live=live)
            minting, token = mint_one(session, connection, desired, prepared, unapplied=unapplied, stopping=stopping)
        if token is None or minting.failed:
            return _report(context, minting)
        done = try_out(session, connection, prepared, minting.made[0], token, stopping=stopping)
    return _report_of_trial(context, resource, minting, done)


class _Stdout:
    """Prints the token alone on standard output, or with --json in a document of one line. Raises OSError when nobody
    reads it.
    """

    def __init__(self, context: Context, resource: Resource) -> None:
        self._context, self._resource = context, resource

    def prepare(self) -> None:
        pass

    def take(self, value: Secret, token: MintedToken) -> None:
        text = value.reveal()
        if self._context.json:
            from gemctl.render import json

            text = json.text({"token": text, **_document(self._resource, token)}, indent=None)
        self._context.terminal.hand(text)

    def close(self) -> None:
        pass


def _sink(session: Session, to_file: str | None, to_command: str | None, *, overwrite: bool) -> Sink | None:
    """The sink for tokens; None for standard output."""
    from gemctl.outputs.sinks import CommandSink, FileSink
    from gemctl.workflows.wiring import STATE_FOLDER

    if to_file is not None:
        return FileSink(to_file, overwrite=overwrite, reserved=session.root / STATE_FOLDER)
    if to_command is not None:
        return CommandSink(to_command, session.settings.env)
    return None


def _document(resource: Resource, token: MintedToken) -> dict[str, object]:
    from gemctl.render import json

    return {"address": str(resource.address), **json.token(token)}


def _tell(context: Context, resource: Resource, token: MintedToken, *, printed: bool) -> None:
    """Report a minted token without its value; on standard output only with --json, where it isn't there already."""
    if context.json:
        if not printed:
            context.document(_document(resource, token))
        return
    from gemctl.core.moment import show_instant

    uses = {0: "any number of sessions", 1: "1 session"}.get(token.uses, f"{token.uses} sessions")
    opens, expires = (show_instant(at.replace(microsecond=0)) for at in (token.new_session_expires, token.expires))
    text = f"Minted by {resource.address}: {uses}, begun before {opens}; expires {expires}; digest {token.digest}"
    context.terminal.note(context.terminal.err(text, "dim"))


def _report_of_trial(context: Context, resource: Resource, minting: Minting, done: Verification) -> int:
    from gemctl.render import trials

    problems = (*minting.problems, *done.problems)
    if context.json:
        context.document({"address": str(resource.address), **trials.document(done.trial, problems)})
    else:
        for line in trials.lines(done.trial, context.terminal.out):
            context.terminal.say(line)
        if problems:
            from gemctl.cli.main import complain

            complain(context, problems)
    if done.stopped_by is not None:
        context.terminal.note("Stopped: a token was minted, and is not tried any further.")
        return 128 + done.stopped_by
    if done.trial.broken:
        return Exit.PENDING
    return Exit.PARTIAL if done.problems else Exit.DONE


def _report(context: Context, minting: Minting) -> int:
    if minting.problems:
        from gemctl.cli.main import complain

        complain(context, minting.problems)
    if minting.failed:
        return Exit.PARTIAL if minting.partial else Exit.ERROR
    if minting.stopped_by is not None:
        context.terminal.note(f"Stopped: {len(minting.made)} of {minting.asked} tokens were minted.")
        return 128 + minting.stopped_by
    return Exit.DONE
