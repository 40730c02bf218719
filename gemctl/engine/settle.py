"""Waits until the objects that a call refers to are ready, and puts their outputs into it: a file that is being
processed can't be used yet. Polls operations too. Called by execute.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from gemctl.api.client import Client
from gemctl.core.address import Address
from gemctl.core.call import Call, put
from gemctl.core.errors import ApiError, Refused, Temporary, Unknown
from gemctl.core.kind import Catalogue, Chosen, Kind, Operation, remote
from gemctl.core.live import LiveObject, Phase
from gemctl.core.resource import value_at
from gemctl.core.source import Json

SOON, LATER, PATIENCE = 0.5, 5.0, 1800.0  # seconds: the first wait, the longest, and all of them together


class Pauses(Protocol):
    """The functions of a run's inputs for waiting: `sleep` takes seconds; `stopping` is True once the user wants to."""

    @property
    def sleep(self) -> Callable[[float], None]: ...
    @property
    def stopping(self) -> Callable[[], bool]: ...


def resolve_references(
    call: Call, targets: Mapping[Address, str], catalogue: Catalogue, client: Client, inputs: Pauses
) -> Call:
    """The call with the outputs of its targets in it. Raises ApiError, also for a target that will never be ready."""
    items = {
        target: await_ready(client, catalogue[target.kind], target, name, inputs) for target, name in targets.items()
    }
    body = call.body
    for reference in call.references:
        outputs = items[reference.target].outputs
        if reference.output not in outputs:
            raise Refused(f"{reference.target} shows no {reference.output} that could be referred to.", code="E534")
        meant, is_now = value_at(body or {}, reference.at), outputs[reference.output]
        named = not reference.digested and _chosen(catalogue[reference.target.kind], reference.output)
        if named and meant and meant != is_now:
            why = f"It refers to {reference.target} as {meant}, and that is {is_now} as yet."
            raise Refused(why, code="E534", hint="It follows once that has its name.")
        if reference.sent:
            body = put(body, reference.at, outputs[reference.output])
    path = call.path
    if call.under:
        path = f"{items[call.under].name}{'' if path[:1] in ('', ':') else '/'}{path}"
    return replace(call, path=path, body=body, references=(), under=None)


def _chosen(kind: Kind, output: str) -> bool:
    """Whether this output is the name that the user chose: the form has it, and it must be that one."""
    identity = remote(kind).identity
    return isinstance(identity, Chosen) and identity.own == output


def await_ready(client: Client, kind: Kind, address: Address, name: str, inputs: Pauses) -> LiveObject:
    """Read it until the service is done with it. Raises Refused E533 where it failed, Temporary E535 when it takes
    too long or the user wants to stop."""
    waited, pause = 0.0, SOON
    while True:
        call = remote(kind).get(name)
        item = item_of(kind, client.perform(call).body, call)
        if item.phase is Phase.READY:
            return item
        if item.phase is Phase.FAILED:
            why = item.why.strip().rstrip(".") or "no reason given"  # the service's words may be a sentence
            raise Refused(f"{address} ({name}) could not be processed: {why}.", code="E533")
        if inputs.stopping() or waited >= PATIENCE:
            raise Temporary(f"{address} ({name}) is still being processed after {waited:.0f} s.", code="E535")
        inputs.sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, LATER)


def poll_operation(client: Client, kind: Kind, name: str) -> LiveObject | None:
    """Ask an operation how far it is, and read the object that it made; None while it goes on. Raises Refused where it
    came to nothing; Unknown where that can't be told: the object is found by its mark.
    """
    operation = remote(kind).operation
    if operation is None:
        raise TypeError(f"No {kind.name} is made by an operation.")
    found = _made_by(operation, name, client)
    if found is None:
        return None
    return _named(kind, found) if operation.suffices else _read_made(kind, found, client)


def done_at_once(kind: Kind, operation: Operation, reply: Json) -> LiveObject | None:
    """The object that the reply to a create names, where its operation is over already and that suffices. Raises
    Refused if it came to nothing; Unknown for a reply that is not of the API's shape.
    """
    name = _read(operation, reply) if operation.suffices else None
    return _named(kind, name) if name else None


def _named(kind: Kind, name: str) -> LiveObject:
    return LiveObject(kind.name, name, "", "", None, {}, {})


def _made_by(operation: Operation, name: str, client: Client) -> str | None:
    try:
        reply = client.perform(operation.poll(name)).body
    except (ApiError, ValueError) as error:  # what it makes may come all the same
        raise Unknown(f"{name} could not be asked how far it is: {error}", code="E304") from None
    return _read(operation, reply)


def _read(operation: Operation, reply: Json) -> str | None:
    try:
        return operation.read(reply)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unknown(f"The operation is not of the API's shape: {error}.", code="E304") from None


def _read_made(kind: Kind, name: str, client: Client) -> LiveObject:
    try:
        call = remote(kind).get(name)
        return item_of(kind, client.perform(call).body, call)
    except (ApiError, ValueError) as error:
        raise Unknown(f"{name} was made, and could not be read: {error}", code="E304") from None


def item_of(kind: Kind, reply: Json, call: Call) -> LiveObject:
    """The object that a reply shows. Raises Refused or, where the call was to be sent once, Unknown: for what is not of
    the API's shape, and for another object than the one that was read or changed.
    """
    try:
        item = remote(kind).read(reply)
        if call.method in ("GET", "PATCH") and item.name != call.path:
            raise ValueError(f"it shows {item.name}, and not {call.path}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        failure = Refused if call.repeatable else Unknown
        raise failure(f"The reply is not of the API's shape: {error}.", code="E304") from None
    return item
