"""Mints ephemeral tokens by a policy that was applied, each at most once: a lost one is never asked for again. Called
by `gemctl token mint`.

A token can neither be read back nor revoked, so the order is what makes it safe. The act `mint` of the policy's kind is
run as workflows/act.py says, between these two:

  can the sink take it?   before anything is sent, since a token that nobody got lives all the same
  the value to the sink   also when the record could not be written: then the intent stays open, which says too much
                          rather than too little, and nothing more is minted

A kill between record and hand-over loses a value that is recorded; one before the record leaves an open intent. In
neither case is a value handed out twice, and `gemctl state list` shows until when it may be in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import ApiError, GemctlError, Rejected, Unknown, Usage
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Act
from gemctl.core.moment import show_instant
from gemctl.core.plan import Step
from gemctl.core.record import Entry, Intended, Ledger, MintedToken
from gemctl.core.resource import Desired, Resource
from gemctl.core.secret import Secret
from gemctl.engine.execute import Stopping
from gemctl.engine.explain import place, source_of, told
from gemctl.outputs.sinks import Sink
from gemctl.workflows.act import act, load, load_known
from gemctl.workflows.wiring import Connection, Session

ACT = "mint"
_LIVES = "It can't be revoked: whoever got hold of it can use it until then."
_NEVER_AGAIN = "It is not asked for again by itself, and can't be revoked. To mint is to make another."


@dataclass(frozen=True, slots=True)
class Minting:
    """The outcome. `made` are the tokens that were minted, handed over or not; `asked` how many were wanted."""

    asked: int
    made: tuple[MintedToken, ...]
    problems: tuple[Diagnostic, ...]
    stopped_by: int | None = None

    @property
    def failed(self) -> bool:
        return bool(errors(self.problems))

    @property
    def partial(self) -> bool:
        """Whether it failed, and tokens were or may have been minted all the same."""
        return self.failed and (bool(self.made) or any(found.code == "E543" for found in self.problems))


def policy(session: Session, desired: Desired, name: str) -> Resource:
    """The declared policy of this name; `Kind/name` is taken too. Raises Usage."""
    (kind,) = (kind.name for kind in session.catalogue.values() if ACT in kind.acts)
    address = Address(kind, name.removeprefix(f"{kind}/"))
    if address not in desired.resources:
        known = [each.name for each in sorted(desired.resources) if each.kind == kind]
        hint = f"Declared: {', '.join(known)}." if known else f"Declare a {kind} first."
        raise Usage(f"No {kind} is called {address.name}.", code="E004", hint=hint)
    return desired.resources[address]


def mint_tokens(
    session: Session,
    connection: Connection,
    desired: Desired,
    resource: Resource,
    sink: Sink,
    *,
    count: int,
    unapplied: bool,
    stopping: Stopping,
    tell: Callable[[MintedToken], None],
) -> Minting:
    """Mint `count` tokens, one after another, until one fails. The caller holds the lock.

    unapplied   take the policy as it is declared, whether it was applied or not.
    tell        called for each token that was handed over.

    Raises GemctlError or OSError while nothing has been minted: the policy is not applied, the sink can't take a token,
    or the service can't be reached. What goes wrong later is in the result.
    """
    made: list[MintedToken] = []
    made_by = session.catalogue[resource.address.kind].acts[ACT]

    def hand_over(secret: Secret, token: MintedToken | None) -> Diagnostic | None:
        if token is None:
            return None
        made.append(token)
        try:
            sink.take(secret, token)
        except (OSError, GemctlError) as error:
            detail = f"{_said(error)} The token was minted, and lives until {show_instant(token.expires)}."
            return problem("E542", _scrubbed(detail, made_by), address=resource.address, hint=_LIVES)
        tell(token)
        return None

    def diagnose(step: Step, error: ApiError, entries: tuple[Entry, ...]) -> Diagnostic:
        span, detail, code, hint = None, told(error), error.code, error.hint
        if isinstance(error, Unknown):
            ends = [one.intent.deadline or one.intent.at for one in entries if isinstance(one, Intended)]
            detail = f"{detail.rstrip('.')}. One unknown token may live until {show_instant(ends[-1])}."
            code, hint = "E543", _NEVER_AGAIN
        elif step.call:
            span = place(resource, source_of(step, session.catalogue[step.kind]), step.call, error)
        return problem(code, _scrubbed(detail, made_by), span=span, address=resource.address, hint=hint)

    known = load_known(session, connection)
    if not unapplied and (found := _unapplied(resource, known.ledger)):
        raise Rejected([found])
    try:
        sink.prepare()
    except GemctlError as error:
        raise GemctlError(f"{error} Nothing was minted.", code=error.code, hint=error.hint) from None
    try:
        loaded = load(session, connection, desired)
        done = act(
            session,
            connection,
            desired,
            resource,
            ACT,
            loaded=loaded,
            stopping=stopping,
            hand_over=hand_over,
            count=count,
            diagnose=diagnose,
        )
    finally:
        sink.close()
    stopped_by = done.stopped_by if len(made) < count else None
    return Minting(count, tuple(made), _counted(done.problems, len(made), count), stopped_by)


def _counted(problems: tuple[Diagnostic, ...], made: int, count: int) -> tuple[Diagnostic, ...]:
    """Add to the first error how many of several tokens were minted."""
    first = next((one for one in problems if one in errors(problems)), None)
    if first is None or count == 1:
        return problems
    said = f"{made} of {count} tokens were minted." if made else "No token was minted."
    return tuple(replace(one, detail=f"{one.detail} {said}") if one is first else one for one in problems)


def _unapplied(resource: Resource, ledger: Ledger) -> Diagnostic | None:
    record = ledger.records.get(resource.address)
    if record is not None and record.spec_tag == resource.spec_tag:
        return None
    why = "was never applied" if record is None else "was changed since it was applied"
    return problem(
        "E540",
        f"{resource.address} {why}, so that nobody has seen a plan of it. Nothing was minted.",
        span=resource.positions.value(("metadata", "name")),
        address=resource.address,
        hint="Run `gemctl apply` first, or give --unapplied to mint by it as it is declared.",
    )


def _scrubbed(detail: str, act: Act) -> str:
    """The message without what would give a token away."""
    return act.hidden.sub("…", detail) if act.hidden else detail


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, GemctlError):
        where = f"{error.filename}: " if error.filename else ""
        return f"It could not be handed over: {where}{error.strerror or error}."
    return str(error)
