"""Drives the machine with threads: each worker owns one client, the main thread owns the journal.

Journal entries that become due together are made durable together: while one fsync runs, replies queue up, and what
they ask to be written goes into the next one. No lock is needed, because only the main thread writes.
"""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from gemctl.api.client import Client
from gemctl.core.address import Address
from gemctl.core.call import Call, put
from gemctl.core.errors import ApiError, GemctlError, Refused, Unknown
from gemctl.core.event import Outcome, Tell
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.live import Item
from gemctl.core.plan import Step
from gemctl.core.record import Entry, Record
from gemctl.core.resource import Desired
from gemctl.core.source import Json
from gemctl.engine import machine
from gemctl.engine.explain import diagnose
from gemctl.engine.survey import list_all

_GLANCE = 0.5  # seconds


class Stopping:
    """How a signal reaches a run: `request` is safe to call from a signal handler."""

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
    desired: Desired,
    catalogue: Catalogue,
    new_client: Callable[[], Client],
    append: Callable[[Iterable[Entry]], None],
    read_text: Callable[[str], str],
    publish: Callable[[Address, Record], None],
    server_now: Callable[[], datetime],
    tell: Tell,
    stopping: Stopping,
    width: int,
) -> Outcome:
    """Carry out the steps, `width` of them at a time. Returns when all have ended, or were blocked by a stop.

    append     makes entries durable, or raises OSError.
    read_text  the text with this digest; raises GemctlError if it is no longer what was planned.
    publish    tells readers the name of a new object; raises OSError or GemctlError.
    """
    events: queue.SimpleQueue[machine.Event] = queue.SimpleQueue()
    run = machine.Run(
        steps,
        width,
        diagnose=lambda step, error: diagnose(step, error, desired),
        new_id=lambda: secrets.token_hex(6),
        published=frozenset(address for address, resource in desired.resources.items() if resource.publish),
    )
    driver = _Driver(run, catalogue, new_client, append, read_text, publish, tell, events)
    stopping.connect(events)
    with driver:
        driver.take(run.advance(machine.Begin(), server_now()))
        while not run.finished:
            with suppress(queue.Empty):  # a glance now and then, so that a signal's handler gets to run
                driver.take(run.advance(events.get(timeout=_GLANCE), server_now()))
    return run.outcome()


class _Driver:
    """Carries out commands; reports through the queue."""

    def __init__(
        self,
        run: machine.Run,
        catalogue: Catalogue,
        new_client: Callable[[], Client],
        append: Callable[[Iterable[Entry]], None],
        read_text: Callable[[str], str],
        publish: Callable[[Address, Record], None],
        tell: Tell,
        events: queue.SimpleQueue[machine.Event],
    ) -> None:
        self._catalogue, self._new_client, self._append = catalogue, new_client, append
        self._read_text, self._publish, self._tell, self._events = read_text, publish, tell, events
        self._pending: list[machine.Write] = []
        self._own = threading.local()
        self._clients: list[Client] = []
        self._pool = ThreadPoolExecutor(max(run.width, 1), thread_name_prefix="gemctl")

    def __enter__(self) -> _Driver:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients:
            client.close()

    def take(self, commands: Iterable[machine.Command]) -> None:
        for command in commands:
            match command:
                case machine.Write():
                    self._pending.append(command)
                case machine.Send() | machine.Confirm():
                    self._pool.submit(self._call, command)
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

    def _call(self, command: machine.Send | machine.Confirm) -> None:
        """In a worker. Whatever happens, exactly one event is reported, or the run would wait for ever."""
        try:
            self._events.put(carry_out(command, self._catalogue, self._client(), self._read_text))
        except Exception as error:  # a bug must not hang the run, and a create may have been sent
            self._events.put(machine.CallFailed(command.step, Unknown(f"{type(error).__name__}: {error}", code="E399")))

    def _client(self) -> Client:
        client: Client | None = getattr(self._own, "client", None)
        if client is None:
            client = self._own.client = self._new_client()
            self._clients.append(client)
        return client


def carry_out(
    command: machine.Send | machine.Confirm, catalogue: Catalogue, client: Client, read_text: Callable[[str], str]
) -> machine.Event:
    """What came of a command, as the event that the machine expects. A failure of the call is an event as well."""
    step, kind = command.step, catalogue[command.kind]
    try:
        if isinstance(command, machine.Confirm):
            return machine.Confirmed(step, any(item.name == command.name for item in list_all(client, kind)))
        call = _filled(command.call, read_text)
        reply = client.perform(call)
        return machine.Answered(step, None if call.method == "DELETE" else _item(kind, reply.body, call))
    except ApiError as error:
        return machine.CallFailed(step, error)
    except GemctlError as error:  # a text moved: nothing was sent
        return machine.CallFailed(step, Refused(str(error), code=error.code, hint=error.hint))


def _item(kind: Kind, body: Json, call: Call) -> Item:
    try:
        return kind.item(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        failure = Refused if call.repeatable else Unknown
        raise failure(f"The reply is not of the API's shape: {error}.", code="E304") from None


def _filled(call: Call, read_text: Callable[[str], str]) -> Call:
    """The call with its texts put back in."""
    body = call.body
    for fill in call.fills:
        body = put(body, fill.at, read_text(fill.digest))
    return replace(call, body=body, fills=())
