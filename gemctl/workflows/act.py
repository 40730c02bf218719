"""Carries out acts: mints a token, makes a secret anew, runs something now. Called by workflows/token.py and by the
commands of kinds that have acts.

An act is sent once, by the machine that makes everything else (engine/machine.py): its intent is durable before it is
sent, its result is durable before its secret is handed over, and an answer that is lost is never asked for again. A
new secret is not asked for while one that was asked for before may still be made: it would come later, and count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.call import Call
from gemctl.core.change import Action, Change, FieldChange, Reason
from gemctl.core.clock import RESOLUTION
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import ApiError, Rejected, StateError, Usage
from gemctl.core.event import Status, Tell, Waiting
from gemctl.core.execution import ShownExecution
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag, owner_tag
from gemctl.core.plan import Step
from gemctl.core.record import Entry, MintedToken, Op, Record, fold, forget_ended
from gemctl.core.resource import Desired, Resource
from gemctl.core.secret import Secret
from gemctl.engine.execute import Inputs, Stopping, execute, look_at
from gemctl.engine.resolve import POLL
from gemctl.files.attached import open_binary, read_text
from gemctl.outputs.secrets import Deliverer
from gemctl.plan import steps
from gemctl.plan.fields import differences
from gemctl.plan.ours import ours
from gemctl.schema.spelling import did_you_mean
from gemctl.state.store import Loaded
from gemctl.workflows.ledger import rebuild
from gemctl.workflows.look import unknown_tokens
from gemctl.workflows.secrets import reader, sealed
from gemctl.workflows.wiring import Connection, Session, check_identity, identity, key_changed, late, load_state

HandOver = Callable[[Secret, MintedToken | None], Diagnostic | None]


@dataclass(frozen=True, slots=True)
class Acted:
    """The outcome of an act. `done` is how often it was done; `entries` were written to the journal; `unknown` is True
    where one may have been done, and nobody can tell. `began` is what was started by it.
    """

    done: int
    entries: tuple[Entry, ...]
    problems: tuple[Diagnostic, ...]
    unknown: bool = False
    stopped_by: int | None = None
    began: tuple[ShownExecution, ...] = ()


def load(session: Session, connection: Connection, desired: Desired) -> Loaded:
    """Load the state for an act. Raises StateError, also E403 for a damaged one; ApiError.

    Where there is no state, one is rebuilt from the marks first: without them it would not be a known one.
    """
    loaded = load_known(session, connection)
    if loaded.identity is None:
        rebuild(session, connection, desired)
        loaded = load_known(session, connection)
    return loaded


def load_known(session: Session, connection: Connection) -> Loaded:
    """Load the state as it is stored. Raises StateError."""
    loaded = load_state(session)
    check_identity(loaded, identity(session, connection, loaded.identity), session.store.place)
    if loaded.identity is not None and not loaded.ledger.known:
        raise StateError(
            "The journal is damaged, and an intent may be missing from it.",
            code="E403",
            hint="Run `gemctl apply`, which waits for what may be under way, or `gemctl state rebuild`.",
        )
    return loaded


def declared_as(desired: Desired, address: Address) -> Resource:
    """The resource that is to be acted upon. Raises Usage E004 for one that is not declared."""
    if address in desired.resources:
        return desired.resources[address]
    known = [each.name for each in sorted(desired.resources) if each.kind == address.kind]
    near = did_you_mean(address.name, known)
    raise Usage(f"No {address.kind} is called {address.name}.", code="E004", hint=near or f"Declare a {address.kind}.")


def act(
    session: Session,
    connection: Connection,
    desired: Desired,
    resource: Resource,
    name: str,
    *,
    loaded: Loaded,
    stopping: Stopping,
    hand_over: HandOver | None = None,
    count: int = 1,
    diagnose: Callable[[Step, ApiError, tuple[Entry, ...]], Diagnostic] | None = None,
    tell: Tell = lambda _event: None,
) -> Acted:
    """Do it `count` times, one after another, until one fails. The caller holds the lock, and has `loaded` the state.

    hand_over   takes the secret that a reply carries; by default it goes to the sink that the manifest names.
    diagnose    turns a failure into a diagnostic, given the entries so far.

    Raises Usage for a kind without such an act, or a resource that was not applied; Rejected for a model that the
    service doesn't have; GemctlError or OSError while nothing was sent.
    """
    kind = session.catalogue[resource.address.kind]
    if name not in kind.acts:
        raise Usage(
            f"A {kind.name} has no {name}.", code="E004", hint=f"There is: {', '.join(kind.acts) or 'nothing'}."
        )
    secret = kind.acts[name].secret is not None
    record = _record(resource, loaded, secret) if kind.remote else None
    chain: list[Step] = []
    for number in range(count):
        after = (chain[-1].id,) if chain else ()
        live = record.name if record else None
        chain.append(replace(steps.act(resource, kind, name, live, record, f":{number}"), after=after))
    assert loaded.identity is not None
    owner = owner_tag(session.project.identity, session.stack.name)
    if record:
        _check_ours(connection, kind, resource.address, record, owner)
        if secret and record.undelivered:
            _wait(session, connection, resource.address, loaded, tell, stopping)
    else:
        _ask_for_models(session, connection, resource, chain[0].call)
    before = (*_warnings(connection, loaded), *unknown_tokens(loaded.ledger, connection.server_now()))
    done = _carried_out(
        session, connection, desired, resource, chain, loaded, stopping, hand_over=hand_over, diagnose=diagnose
    )
    return replace(done, problems=(*before, *done.problems))


def send_again(
    session: Session,
    connection: Connection,
    desired: Desired,
    resource: Resource,
    *,
    loaded: Loaded,
    stopping: Stopping,
) -> Acted:
    """Patch a live object with all that is declared of it and can be patched, the values of its secrets first of all,
    whether or not anything differs. The caller holds the lock, and has `loaded` the state.

    Raises Usage for a resource that was not applied, or that only a new object would make as it is declared; Rejected
    where the value of a secret can't be had; GemctlError or OSError while nothing was sent.
    """
    address, kind = resource.address, session.catalogue[resource.address.kind]
    record = _record(resource, loaded, False)
    assert loaded.identity is not None
    alone = replace(
        desired, resources={address: resource}
    )  # no other secret is read; and all of this one are to be had
    desired, _ = sealed(session, alone, {}, loaded.identity.key_salt)
    resource = desired.resources[address]
    if withheld := desired.withheld.get(address):
        raise Rejected(withheld)
    owner = owner_tag(session.project.identity, session.stack.name)
    item = _check_ours(connection, kind, address, record, owner)
    if differences(kind, resource, record, item).anew:
        raise Usage(f"{address} was edited so that only a new one will do.", code="E004", hint="Run `gemctl apply`.")
    names = sorted(name for name in {*resource.declared.fields, *(record.fields or {})} if kind.patches(name))
    fields = tuple(FieldChange((name,), None, None) for name in names)
    change = Change(address, Action.UPDATE, Reason.EDITED, item.name, fields)
    step = steps.patch(resource, kind, change, record, owner)
    done = _carried_out(session, connection, desired, resource, [step], loaded, stopping)
    return replace(done, problems=(*_warnings(connection, loaded), *done.problems))


def _carried_out(
    session: Session,
    connection: Connection,
    desired: Desired,
    resource: Resource,
    chain: list[Step],
    loaded: Loaded,
    stopping: Stopping,
    *,
    hand_over: HandOver | None = None,
    diagnose: Callable[[Step, ApiError, tuple[Entry, ...]], Diagnostic] | None = None,
) -> Acted:
    """Carry out the steps, and write down what came of them."""
    assert loaded.identity is not None
    owner = owner_tag(session.project.identity, session.stack.name)
    journal: list[Entry] = []
    began: list[ShownExecution] = []
    deliver = Deliverer(session.root, desired, session.settings.env)

    def by_manifest(secret: Secret, _token: MintedToken | None) -> Diagnostic | None:
        return deliver(resource.address, secret)

    def append(entries: Iterable[Entry]) -> None:
        batch = list(entries)
        session.store.append(batch)
        journal.extend(batch)

    session.store.begin(loaded.identity, loaded.ledger)
    outcome = execute(
        chain,
        owner=owner,
        desired=desired,
        catalogue=session.catalogue,
        new_client=connection.new_client,
        append=append,
        inputs=Inputs(
            read_text=lambda digest: read_text(str(session.root), desired.attachments[digest]),
            open_binary=lambda digest: open_binary(str(session.root), desired.attachments[digest]),
            sleep=session.clock.sleep,
            late=late(session, connection),
            deliver=lambda _step, secret, token: (hand_over or by_manifest)(secret, token),
            began=began.append,
            read_secret=reader(session, desired, loaded.identity.key_salt),
        ),
        publish=lambda _address, _record: None,
        bound=loaded.ledger.records,
        known=(),
        server_now=connection.server_now,
        tell=lambda _event: None,
        stopping=stopping,
        width=1,
        unready={} if hand_over else deliver.unready(chain, session.catalogue),
        diagnose=(lambda step, error: diagnose(step, error, tuple(journal))) if diagnose else None,
    )
    ledger = forget_ended(fold(loaded.ledger, journal), connection.server_now())
    found = [event.diagnostic for event in outcome.steps.values() if event.diagnostic and _counts(event.status)]
    here = resource.positions.value(("metadata", "name"))
    problems = [one if one.span else replace(one, span=here) for one in found]
    try:
        session.store.finish(loaded.identity, ledger)
    except OSError as error:
        detail = f"Everything is in the journal, and is folded into the next snapshot; this one failed: {error}."
        problems.append(problem("W402", detail))
    return Acted(
        outcome.count(Status.DONE),
        tuple(journal),
        tuple(problems),
        bool(outcome.count(Status.UNKNOWN)),
        outcome.stopped_by,
        tuple(began),
    )


def _counts(status: Status) -> bool:
    """Whether a step is reported: one that was not tried because another failed is no news."""
    return status in (Status.FAILED, Status.UNKNOWN)


def _record(resource: Resource, loaded: Loaded, secret: bool) -> Record:
    """The record of the resource. Once a new secret is asked for, the old one may be void, and the record says so."""
    record = loaded.ledger.records.get(resource.address)
    if record is None:
        raise Usage(f"{resource.address} is not bound to a live object.", code="E004", hint="Run `gemctl apply` first.")
    return replace(record, undelivered=True) if secret else record


def _wait(
    session: Session, connection: Connection, address: Address, loaded: Loaded, tell: Tell, stopping: Stopping
) -> None:
    """Wait until no secret that was asked for before can be made any more, or it is to stop."""
    settle = session.project.timing.settle + RESOLUTION
    asked = (one.at for one in loaded.ledger.intents.values() if one.address == address and one.op is Op.ACT)
    until = max((at + settle for at in asked), default=None)
    while until and stopping.signal is None and (left := (until - connection.server_now()).total_seconds()) > 0:
        tell(Waiting("a secret that was asked for without an answer may still be made", until))
        session.clock.sleep(min(POLL, left))


def _check_ours(connection: Connection, kind: Kind, address: Address, record: Record, owner: OwnerTag) -> LiveObject:
    """The live object. Raises Usage for one that is gone, or is not known to be ours; ApiError. The answer tells the
    service's time, by which instants are counted.
    """
    with closing(connection.new_client()) as client:
        item = look_at(client, kind, record.name)
    if item is None or not ours(item, record, owner):
        why = "is no longer live" if item is None else "does not carry our mark"
        raise Usage(
            f"{record.name} {why}. Nothing was done.", code="E004", hint=f"See `gemctl plan --target {address}`."
        )
    return item


def _ask_for_models(session: Session, connection: Connection, resource: Resource, call: Call | None) -> None:
    """Ask whether the service has the model, and learn its time from the answer: instants are counted by its clock, and
    before only this machine's is known. Raises Rejected where it lacks the model, or the model can't do this.
    """
    version = call.version if call else None
    if resource.declared.model:
        from gemctl.workflows import facts

        book, _ = facts.book_of(session)
        found = facts.said_by_service(connection, [resource], book, connection.server_now(), version)
        if wrong := errors(found):
            raise Rejected(wrong)
        return
    with closing(connection.new_client()) as client:
        client.perform(Call("GET", "models", query=(("pageSize", "1"),), version=version))


def _warnings(connection: Connection, loaded: Loaded) -> tuple[Diagnostic, ...]:
    found = (*connection.warnings(), *loaded.warnings)
    if key_changed(loaded, connection):
        found = (*found, problem("W502", "The API key is not the one that was used last."))
    return found
