"""Drives the machine with threads: each worker owns one client, the main thread owns the journal. Called by
workflows/apply.py, act.py and tick.py.

Journal entries that become due together are made durable together: while one fsync runs, replies queue up, and the
entries that they lead to go into the next one. No lock is needed, because only the main thread writes.
"""

from __future__ import annotations

import os
import queue
import secrets
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO, assert_never

from gemctl.api.answers import Reply
from gemctl.api.client import Client
from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Upload, put_all
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import ApiError, GemctlError, Refused, Unknown
from gemctl.core.event import Outcome, Tell, Transfer
from gemctl.core.execution import ShownExecution
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, Kind, Operation, remote
from gemctl.core.lifetime import Once
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.members import chains
from gemctl.core.plan import Step, Sync
from gemctl.core.record import Entry, MintedToken, Op, Record
from gemctl.core.resource import Desired, Harvest
from gemctl.core.secret import Secret
from gemctl.core.source import Json, JsonObject, Span
from gemctl.engine import explain, machine, making
from gemctl.engine.settle import done_at_once, item_of, poll_operation, resolve_references
from gemctl.engine.survey import list_all

_GLANCE = 0.5  # seconds
Diagnose = Callable[[Step, ApiError], Diagnostic]


class Stopping:
    """Brings a signal into a run: `request` is safe to call from a signal handler."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._events: queue.SimpleQueue[machine.Event] | None = None

    def request(self, number: int) -> None:
        self.signal = number
        if self._events is not None:
            self._events.put(machine.Stop(number))

    def connect(self, events: queue.SimpleQueue[machine.Event]) -> None:
        self._events = events
        if self.signal is not None:
            events.put(machine.Stop(self.signal))


def execute(
    steps: Iterable[Step],
    *,
    owner: OwnerTag,
    desired: Desired,
    catalogue: Catalogue,
    new_client: Callable[[], Client],
    append: Callable[[Iterable[Entry]], None],
    inputs: Inputs,
    publish: Callable[[Address, Record], None],
    bound: Mapping[Address, Record],
    known: Collection[str],
    server_now: Callable[[], datetime],
    tell: Tell,
    stopping: Stopping,
    width: int,
    diagnose: Diagnose | None = None,
    unready: Mapping[str, Diagnostic] | None = None,
) -> Outcome:
    """Carry out the steps, `width` of them at a time. Returns when all have ended, or were blocked by a stop.

    owner      the owner tag of this stack.
    append     makes entries durable, or raises OSError.
    bound      the records that are bound now, for references to them.
    known      the live names that there were before: no create can have made any of them.
    publish    tells readers the name of a new object; raises OSError or GemctlError.
    diagnose   turns the failure of a step into a diagnostic, where it is not that of apply.
    unready    steps that are not tried, with the reason: nothing could take the secret that their reply brings.
    """
    events: queue.SimpleQueue[machine.Event] = queue.SimpleQueue()
    run = new_run(
        steps,
        owner=owner,
        desired=desired,
        catalogue=catalogue,
        bound=bound,
        known=known,
        width=width,
        diagnose=diagnose,
        unready=unready,
    )
    told = replace(inputs, stopping=lambda: stopping.signal is not None, transferred=_transfers(run, tell))
    stopping.connect(events)
    with _Driver(run, catalogue, new_client, append, told, publish, tell, events) as driver:
        driver.take(run.advance(machine.Begin(), server_now()))
        while not run.finished:
            with suppress(queue.Empty):  # a glance now and then, so that a signal's handler gets to run
                driver.take(run.advance(events.get(timeout=_GLANCE), server_now()))
    return run.outcome()


def new_run(
    steps: Iterable[Step],
    *,
    owner: OwnerTag,
    desired: Desired,
    catalogue: Catalogue,
    bound: Mapping[Address, Record],
    known: Collection[str],
    width: int,
    diagnose: Diagnose | None = None,
    new_id: Callable[[], str] = lambda: secrets.token_hex(6),
    unready: Mapping[str, Diagnostic] | None = None,
) -> machine.Execution:
    """The machine for these steps, with what it has to know of their kinds. Arguments are as in `execute`."""
    steps = tuple(steps)
    return machine.Execution(
        steps,
        width,
        owner=owner,
        diagnose=diagnose or (lambda step, error: explain.diagnose(step, error, desired, catalogue)),
        new_id=new_id,
        published=frozenset(address for address, resource in desired.resources.items() if resource.publish),
        bound={address: record.name for address, record in bound.items()},
        known=known,
        otherwise=lambda step, item: _otherwise(step, item, catalogue[step.kind]),
        secrets={step.kind for step in steps if (made := catalogue[step.kind].remote) and made.secret},
        secretive={step.kind for step in steps if catalogue[step.kind].secretive},
        runs={step.kind for step in steps if isinstance(catalogue[step.kind].lifetime, Once)},
        place=lambda address: _declared_at(address, desired),
        referred=lambda address: one.referred if (one := desired.resources.get(address)) else {},
        unready=unready,
        records=bound,
        chains=lambda step, sync, under: _members(step, sync, under, desired, catalogue, owner),
    )


def _members(
    step: Step, sync: Sync, under: str, desired: Desired, catalogue: Catalogue, owner: OwnerTag
) -> Iterator[tuple[Step, ...]]:
    kind = catalogue[step.kind].members
    if kind is None:
        raise TypeError(f"Nothing comes with a {step.kind}.")
    return chains(step, sync, desired.resources.get(step.address), kind, owner, under)


def _declared_at(address: Address, desired: Desired) -> Span | None:
    resource = desired.resources.get(address)
    return resource.positions.value(("metadata", "name")) if resource else None


def _otherwise(step: Step, item: LiveObject, kind: Kind) -> JsonObject:
    sent = _sent(step, kind)
    return kind.otherwise(item.fields, sent) | dict.fromkeys(kind.unshown(item.fields, sent))


def _sent(step: Step, kind: Kind) -> JsonObject:
    """The fields whose values in the reply to a create or a patch say how the service shows what is sent. Of fields
    that can be patched only their patch says so: a create may not take them, and others may have changed what a patch
    leaves alone.
    """
    fields = (step.record.fields if step.record else None) or step.shows
    known = step.op is Op.UPDATE and step.record is not None and step.record.shown is not None
    patched = step.shows if step.op is Op.UPDATE else {}
    return {name: value for name, value in fields.items() if name in patched or not (known or kind.patches(name))}


def _transfers(run: machine.Execution, tell: Tell) -> Callable[[str, int, int], None]:
    def told(step: str, done: int, total: int) -> None:
        if (known := run.steps.get(step)) and not run.is_member(step):  # members have a bar of their own for all
            tell(Transfer(known.address, done, total))

    return told


class _Driver:
    """Carries out commands; reports through the queue."""

    def __init__(
        self,
        run: machine.Execution,
        catalogue: Catalogue,
        new_client: Callable[[], Client],
        append: Callable[[Iterable[Entry]], None],
        inputs: Inputs,
        publish: Callable[[Address, Record], None],
        tell: Tell,
        events: queue.SimpleQueue[machine.Event],
    ) -> None:
        self._catalogue, self._new_client, self._append = catalogue, new_client, append
        self._inputs, self._publish, self._tell, self._events = inputs, publish, tell, events
        self._pending: list[machine.Write] = []
        self._own = threading.local()
        self._clients: list[Client] = []
        self._pool = ThreadPoolExecutor(max(run.width, 1) + 1, thread_name_prefix="gemctl")

    def __enter__(self) -> _Driver:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        for client in self._clients:
            client.close()

    def take(self, commands: Iterable[machine.Command]) -> None:
        for command in commands:
            match command:
                case machine.Write():
                    self._pending.append(command)
                case (
                    machine.Resolve()
                    | machine.Send()
                    | machine.Poll()
                    | machine.Rest()
                    | machine.Look()
                    | machine.Collect()
                    | machine.Confirm()
                ):
                    self._pool.submit(self._call, command)
                case machine.Deliver(step, secret, token):
                    self._events.put(machine.Delivered(step, self._inputs.deliver(step, secret, token)))
                case machine.Announce(step, address, record):
                    self._events.put(machine.Announced(step, self._announce(address, record)))
                case machine.Tell(event):
                    self._tell(event)
                case _:
                    assert_never(command)
        if self._events.empty():
            self.flush()

    def flush(self) -> None:
        """One fsync for all that is waiting to be written."""
        if not self._pending:
            return
        writes, self._pending = self._pending, []
        try:
            self._append([entry for write in writes for entry in write.entries])
        except OSError as error:
            for write in writes:
                self._events.put(machine.WriteFailed(write.step, str(error)))
        else:
            for write in writes:
                self._events.put(machine.Written(write.step))

    def _announce(self, address: Address, record: Record) -> str | None:
        try:
            self._publish(address, record)
        except (OSError, GemctlError) as error:
            return str(error)
        return None

    def _call(self, command: machine.ServiceCommand) -> None:
        """In a worker. Whatever happens, exactly one event is reported, or the run would wait for ever."""
        try:
            self._events.put(carry_out(command, self._catalogue, self._client(), self._inputs))
        except Exception as error:  # a bug must not hang the run, and a create may have been sent
            self._events.put(machine.CallFailed(command.step, Unknown(f"{type(error).__name__}: {error}", code="E399")))

    def _client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._new_client()
            self._clients.append(client)
        return client


def _unheard(step: str, done: int, total: int) -> None:
    """Ignore the progress."""


def _nowhere(_client: Client, _kind: Kind, command: machine.Collect) -> Harvest:
    """Refuse, in runs that have no place to save results in."""
    raise Refused(f"There is no place for the results of {command.address}.", code="E536")


def _no_secrets(_digest: str) -> str:
    """Refuse, in runs that send no secrets."""
    raise Refused("There is no source for the secret.", code="E573")


def _no_sink(_step: str, _secret: Secret, _token: MintedToken | None) -> Diagnostic | None:
    """Refuse, in runs that have no place for secrets."""
    return problem("E572", "There is no place for the secret.")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The functions that calls need from this side, and those to wait.

    read_text     the text with this digest; raises GemctlError if it is no longer what was planned.
    open_binary   the bytes with this digest, to be sent as they are read; raises GemctlError.
    spool         a new file without a name, for bytes that are made before they are sent; raises OSError.
    sleep         waits so many seconds.
    collect       saves the results of a run; raises ApiError, GemctlError, OSError.
    stopping      True once the user wants to stop.
    transferred   told of (step, bytes sent, bytes in all).
    late          True if a call that was intended at that instant must not be sent any more.
    deliver       hands the secret of a step to its sink; says what went wrong.
    began         told of what an act has started.
    read_secret   the value of the secret with this keyed digest; raises GemctlError if it is another one by now.
    """

    read_text: Callable[[str], str]
    open_binary: Callable[[str], BinaryIO]
    sleep: Callable[[float], None]
    spool: Callable[[], BinaryIO] = tempfile.TemporaryFile
    collect: Callable[[Client, Kind, machine.Collect], Harvest] = _nowhere
    stopping: Callable[[], bool] = lambda: False
    transferred: Callable[[str, int, int], None] = _unheard
    late: Callable[[datetime], bool] = lambda _: False
    deliver: Callable[[str, Secret, MintedToken | None], Diagnostic | None] = _no_sink
    began: Callable[[ShownExecution], None] = lambda _: None
    read_secret: Callable[[str], str] = _no_secrets


def carry_out(command: machine.ServiceCommand, catalogue: Catalogue, client: Client, inputs: Inputs) -> machine.Event:
    """Carry out a command; returns the event that the machine expects. A failure of the call is an event as well."""
    step = command.step
    try:
        match command:
            case machine.Resolve(_, call, targets):
                return machine.Resolved(step, resolve_references(call, targets, catalogue, client, inputs))
            case machine.Collect(_, kind_name):
                return machine.Collected(step, inputs.collect(client, catalogue[kind_name], command))
            case machine.Look(_, kind_name, name):
                return machine.ReadBack(step, look_at(client, catalogue[kind_name], name))
            case machine.Confirm(_, kind_name, name):
                return machine.Confirmed(step, _is_there(client, catalogue[kind_name], name))
            case machine.Poll(_, kind_name, operation):
                item = poll_operation(client, catalogue[kind_name], operation)
                return machine.Answered(step, item) if item else machine.Pending(step)
            case machine.Rest(_, seconds):
                inputs.sleep(seconds)
                return machine.Rested()
            case machine.Send(_, _, call, at):
                if not call.repeatable and inputs.late(at):
                    return machine.HeldUp(step)
                if call.secrets:
                    return _send_secrets(client, catalogue, command, inputs)
                return _send(client, catalogue, command, inputs)
    except ApiError as error:
        return machine.CallFailed(step, error)
    except GemctlError as error:  # a text moved: nothing was sent; or something lies where results should
        return machine.CallFailed(step, Refused(str(error), code=error.code, hint=error.hint))
    except OSError as error:
        return machine.CallFailed(step, Refused(str(error), code="E536"))


def _send_secrets(client: Client, catalogue: Catalogue, command: machine.Send, inputs: Inputs) -> machine.Event:
    """Send a call with the values of its secrets, as they were when the plan was made, and hide these in all that the
    service says about it.
    """
    call, values = command.call, {one.at: inputs.read_secret(one.digest) for one in command.call.secrets}
    whole = replace(call, body=put_all(call.body, values), secrets=())
    with client.hiding(values.values()):
        try:
            return _send(client, catalogue, replace(command, call=whole), inputs)
        except ApiError as error:
            raise error.reworded(client.redacted) from None
        except (GemctlError, OSError):  # of this side: before anything was sent
            raise
        except Exception as error:  # a bug, whose message may have anything in it
            raise Unknown(client.redacted(f"{type(error).__name__}: {error}"), code="E399") from None


def _send(client: Client, catalogue: Catalogue, command: machine.Send, inputs: Inputs) -> machine.Event:
    step, call, kind = command.step, command.call, catalogue[command.kind]
    if call.upload:
        reply = _upload(command, call.upload, catalogue, client, inputs)
    else:
        reply = client.perform(filled(call, inputs.read_text))
    act = kind.acts.get(command.act)
    if act and act.secret:
        secret = _secret(act.secret, reply.body)
        token = act.token(call.body or {}, command.at, secret.digest) if act.token else None
        return machine.Answered(step, None, secret, token)
    if act and act.began:
        inputs.began(_execution(act.began, reply.body))
    if act or call.answer is Answer.NOTHING:
        return machine.Answered(step, None)
    made = remote(kind) if command.op is Op.CREATE else None
    if made and made.operation and (operation := _started(made.operation, reply.body)):
        at_once = done_at_once(kind, made.operation, reply.body)
        return machine.Answered(step, at_once) if at_once else machine.Accepted(step, operation)
    item = item_of(kind, reply.body, call)
    if made and made.secret:
        try:
            return machine.Answered(step, item, _secret(made.secret.read, reply.body))
        except Unknown:  # the object is there all the same: its secret is made anew
            return machine.Answered(step, item)
    return machine.Answered(step, item)


def _upload(command: machine.Send, upload: Upload, catalogue: Catalogue, client: Client, inputs: Inputs) -> Reply:
    def told(done: int, total: int) -> None:
        inputs.transferred(command.step, done, total)

    if not upload.made_by:
        return client.upload(command.call, lambda: inputs.open_binary(upload.digest), told)
    told(0, upload.size)
    with inputs.spool() as spool:
        call = making.make(filled(command.call, inputs.read_text), upload, catalogue, inputs.open_binary, spool)

        def again() -> BinaryIO:
            spool.seek(0)
            return os.fdopen(os.dup(spool.fileno()), "rb")

        return client.upload(call, again, told)


def _secret(read: Callable[[Json], str], reply: Json) -> Secret:
    try:
        return Secret(read(reply))
    except (TypeError, ValueError) as error:
        raise Unknown(f"It was answered, but not as the API would answer: {error}", code="E304") from None


def _execution(read: Callable[[Json], ShownExecution], reply: Json) -> ShownExecution:
    try:
        return read(reply)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unknown(f"The reply is not of the API's shape: {error}.", code="E304") from None


def _started(operation: Operation, reply: Json) -> str | None:
    try:
        return operation.started(reply)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unknown(f"The reply is not of the API's shape: {error}.", code="E304") from None


def _is_there(client: Client, kind: Kind, name: str) -> bool:
    """By a list of all; by its own name, where there is no such list."""
    collection = remote(kind).collection
    if collection.parent is None and collection.pages:
        return any(item.name == name for item in list_all(client, kind))
    return look_at(client, kind, name) is not None


def look_at(client: Client, kind: Kind, name: str) -> LiveObject | None:
    """The live object of this name; None for one that is gone. Raises ApiError."""
    call = remote(kind).get(name)
    try:
        return item_of(kind, client.perform(call).body, call)
    except ApiError as error:
        if error.missing:
            return None
        raise


def filled(call: Call, read_text: Callable[[str], str]) -> Call:
    """The call with its texts put back in."""
    texts = {fill.at: read_text(fill.digest) for fill in call.fills}
    return replace(call, body=put_all(call.body, texts), fills=())
