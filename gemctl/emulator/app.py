"""Emulates the service itself: one synchronous `handle(Request) -> Response`.

Called by `transport` (in-process) and `server` (a socket), and directly by tests. Separate from
them because it does no I/O but its store's and never waits: the Response describes how the answer travels, or fails
to, and the caller carries that out, so one slow call delays no other.
"""

import contextlib
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gemctl.emulator import deliveries, records, routing, scripted, seen, struck, system_parameters, times
from gemctl.emulator.access import KEY_QUERY
from gemctl.emulator.catalogue import MODELS, Model
from gemctl.emulator.courier import Answered, Courier, Post
from gemctl.emulator.faults import Fault
from gemctl.emulator.folder import StoreDamaged
from gemctl.emulator.in_force import InForce
from gemctl.emulator.knobs import Knobs
from gemctl.emulator.live.channel import Channel
from gemctl.emulator.live.registry import Registry
from gemctl.emulator.records import Cause, Effect, Late, Seen
from gemctl.emulator.routing import Serving
from gemctl.emulator.rows import Row
from gemctl.emulator.store import Record
from gemctl.emulator.surfaces import serving
from gemctl.emulator.wire import Refusal, Request, Response, Stream, invalid, json_response, unrouted
from gemctl.emulator.world import World

__all__ = ["LARGEST_BODY", "LARGEST_UPLOAD", "App", "Request", "Response", "largest_body"]

LARGEST_BODY = 20 * 1024 * 1024
LARGEST_UPLOAD = 64 * 1024 * 1024
"""The most bytes of a file in one request: it is held in memory once. The SDKs send 8 MiB at a time."""
_KEPT_REQUESTS = 10_000
_LATE_HEADERS = ("x-goog-upload-", "content-type")
_SWEEP = 3_600 * times.SECOND
_UNTOUCHED = Knobs()


def largest_body(path: str) -> int:
    """The most bytes that a request to that path may have."""
    return LARGEST_UPLOAD if seen.is_upload(path) or path.startswith("/emulator/") else LARGEST_BODY


class App:
    """The emulated API, as its `knobs` say; `options` are fields of Knobs, for short. `catalogue` has its models, which
    the knob `models` changes; `serving` gives the surfaces that it has. `bugs` holds the last unexpected exceptions; a
    client sees a 500. `record` is told of each request, when it has been answered.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        catalogue: Iterable[Model] = MODELS,
        serving: Serving = serving,
        knobs: Knobs = _UNTOUCHED,
        **options: Any,
    ) -> None:
        self.world = world if world is not None else World()
        self.bugs: deque[Exception] = deque(maxlen=20)
        self._serving = serving
        self._seen: deque[Seen] = deque(maxlen=_KEPT_REQUESTS)
        self._asked = 0
        self.record: Callable[[Seen], object] | None = None
        self._swept: int | None = None
        self._lock = threading.Lock()
        self._courier = Courier(self._heard)
        self._sessions = Registry()
        self._in_force = InForce(self.world, catalogue, replace(knobs, **options))
        self._service = struck.Service(self.world, self._answer, self._refused, self._postpone)

    @property
    def knobs(self) -> Knobs:
        """The knobs as they are set now."""
        return self._in_force.knobs

    def turn(self, **changes: Any) -> None:
        """Set fields of the Knobs while it runs. A quota that is set starts anew, and so do the counts of faults.
        Raises ValueError, and changes nothing, if they make no sense."""
        with self._lock:
            self._in_force.turn(**changes)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; counting starts again."""
        self.turn(faults=faults)

    @property
    def answers(self) -> list[dict[str, object]]:
        """The scripted answers, each with how many requests it has fitted."""
        with self._lock:
            return self._in_force.answers

    def add_answers(self, rules: Iterable[scripted.Rule]) -> None:
        """Put scripted answers behind those that there are, which go on counting."""
        with self._lock:
            self._in_force.add_answers(rules)

    def reset(self, ids: random.Random | None = None) -> None:
        """Back to the first knobs and an empty world: no object, no effect, no request. `ids` makes its names."""
        with self._lock:
            self.world.clear(ids)
            self._seen.clear()
            self._sessions.clear()
            self._asked = 0
            self._swept = None
            self._in_force.reset()

    def begin(self, knobs: Knobs) -> None:
        """Take these for the first knobs, to which a reset comes back. Raises ValueError, and changes nothing, if they
        make no sense."""
        with self._lock:
            self._in_force.begin(knobs)

    def restore(self, records: Sequence[Record], ids: random.Random, blobs: Mapping[str, Iterable[bytes]]) -> None:
        """Have the world that these were taken of (`snapshots`). Nothing was asked yet, and counts begin anew."""
        with self._lock:
            self.world.restore(records, ids, blobs)
            self._sessions.clear()
            self._seen.clear()
            self._asked = 0
            self._swept = None
            self._in_force.count_anew()

    @contextlib.contextmanager
    def held(self) -> Iterator[World]:
        """The world at the present, while nobody else asks."""
        with self._lock, self.world.turn():
            self._catch_up()
            yield self.world

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects for which there are keys; the first is that of objects that come without a key."""
        return self._in_force.projects

    def made(self, request: Request, project: str) -> Response:
        """The answer to a request of a seed, within `held`: no fault strikes it, no quota counts it, and the log of
        requests does not have it."""
        self._catch_up()
        found = routing.find(self._serving, request.method, request.path)
        try:
            return self._perform(found, request, project, "") if found else unrouted(request.method)
        except Refusal as refusal:
            return refusal.response()

    def handle(self, request: Request) -> Response:
        """Answer one request. Never raises, whatever comes."""
        with self._lock:
            try:
                request = system_parameters.received(request, largest_body(request.path))
                faults = self._in_force.strike(request.method, request.path)
                with self.world.turn():
                    self._catch_up()
                    response = struck.answered(self._service, request, faults)
                    self._deliver_events()
            except Refusal as refusal:
                response = self._refused(request, refusal)
            except Exception as bug:
                response = self.broken(bug)
            return self._finish(request, response)

    def connect(self, request: Request) -> Channel | Response:
        """Answer a request for a WebSocket: with a session of the Live API, or with a refusal to open one. Never
        raises."""
        from gemctl.emulator.live import door, guarded, session  # most runs have no session

        with self._lock:
            try:
                faults = self._in_force.strike(request.method, request.path)
                with self.world.turn():
                    self._catch_up()
                    refused = (
                        struck.before_a_session(faults) if door.is_live(request.path) else unrouted(request.method)
                    )
                    if refused is None:
                        caller = door.caller(self.world, request, self._in_force.admit)
                        host = session.Host(self._live_call, lambda: self._in_force.knobs.live, self._sessions)
                        opened = session.Session(host, caller, faults)
                        self._finish(request, Response(101))
                        return guarded.Guarded(opened, self.world, self._present, self.broken)
            except Exception as bug:
                refused = self.broken(bug)
            return self._finish(request, refused)

    def _live_call(self, version: str, project: str) -> routing.Call:
        return self._in_force.call(Request("", ""), version, project, {})

    @property
    def sessions(self) -> list[Mapping[str, object]]:
        """The sessions of the Live API that are open, and the last 100 that were, oldest first."""
        with self._lock:
            return self._sessions.shown()

    @contextlib.contextmanager
    def _present(self) -> Iterator[None]:
        """A turn of the world, at the present."""
        with self._lock, self.world.turn():
            self._catch_up()
            yield
            self._deliver_events()

    def _in_turns(self, pieces: Iterator[bytes | float]) -> Iterator[bytes | float]:
        """The pieces of a stream, each asked for when the world is at the present. Ends where one cannot be had."""
        while True:
            try:
                with self._lock, self.world.turn():
                    self._catch_up()
                    piece = next(pieces, None)
                    self._deliver_events()
            except Exception as bug:
                self.broken(bug)
                return
            if piece is None:
                return
            yield piece

    @property
    def requests(self) -> list[Seen]:
        """The last 10,000 requests that this application saw, oldest first."""
        with self._lock:
            return list(self._seen)

    @property
    def effects(self) -> list[Effect]:
        """Everything that happened to objects up to now, whichever process did it."""
        with self._lock, self.world.turn():
            self._catch_up()
            return self.world.effects()

    def catch_up(self) -> None:
        """Let happen what is due by now, although nobody asks: batches end, and events are delivered. Never raises."""
        try:
            with self._lock, self.world.turn():
                self._catch_up()
                self._deliver_events()
        except Exception as bug:
            self.broken(bug)

    def deliveries(self) -> list[dict[str, object]]:
        """The deliveries of events in the last week, oldest first, once those that are due have been tried."""
        self.catch_up()
        self._courier.wait()
        with self._lock, self.world.turn():
            return [deliveries.shown(row) for row in self.world.objects(deliveries.COLLECTION)]

    def bill(self, project: str | None = None) -> dict[str, object]:
        """What everything up to now costs, or what it costs one project; `bill` in this room has the rules."""
        from gemctl.emulator import bill  # with its prices a tenth of the start, and hardly ever needed

        with self._lock, self.world.turn():
            self._catch_up()
            terms = bill.Terms(self._in_force.catalogue, self.knobs.bill_creation, self.knobs.bill_storage)
            return bill.make(self.world.history(), terms, self.world.instant, project)

    def _deliver_events(self) -> None:
        """Hand what is due to the courier, which tells `_heard` later."""
        self.world.cause = Cause()
        for row in tuple(deliveries.due(self.world)):
            if not self._courier.carries(row.project, row.name) and (post := deliveries.prepared(self.world, row)):
                self._courier.send(post)

    def _heard(self, post: Post, answered: Answered) -> None:
        try:
            with self._lock, self.world.turn():
                self._catch_up()
                self.world.cause = Cause()
                deliveries.heard(self.world, post, answered)
        except Exception as bug:
            self.broken(bug)

    def _catch_up(self) -> None:
        for event in self.world.advance():
            if isinstance(event, Row):
                self._wake(event)
                continue
            body = b"".join(self.world.blobs.read(event.blob)) if event.blob else event.body
            request = Request(event.method, event.path, event.query, event.headers, body)
            found = routing.find(self._serving, request.method, request.path)
            with contextlib.suppress(Refusal):  # its client has gone
                if found is not None:
                    self._perform(found, request, event.project, event.key)

        self._sweep()

    def _sweep(self) -> None:
        """Remove bytes that are no longer needed: at the start, and then once an hour."""
        if self._swept is None or self.world.instant - self._swept >= _SWEEP:
            self._swept = self.world.instant
            self.world.blobs.collect(self.world.held)

    def _wake(self, row: Row) -> None:
        self.world.cause = Cause()
        words = row.collection.split("/")
        for surface in self._serving(words[0]):
            if surface.name == "/".join(words[::2]) and surface.waker is not None:
                surface.waker(self._in_force.call(Request("", ""), "", row.project, {}), row)

    def _answer(self, request: Request) -> Response:
        found = routing.find(self._serving, request.method, request.path)
        if found is None:
            return unrouted(request.method)
        try:
            return self._perform(found, request, *self._admit(found, request))
        except Refusal as refusal:
            return found[0].refused(refusal)

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        """A refusal that is not the method's own, in its form all the same."""
        found = routing.find(self._serving, request.method, request.path)
        return refusal.response() if found is None else found[0].refused(refusal)

    def _admit(self, found: routing.Found, request: Request) -> tuple[str, str]:
        if len(request.body) > largest_body(request.path):
            raise _too_large(request.path)
        system_parameters.check(request)
        holder = found[0].holder
        held = None if holder is None else holder(self.world, request)
        if held is not None:
            return held
        project, key = self._in_force.admit(request, bearer=found[0].bearer)
        return project, records.fingerprint(key)

    def _perform(self, found: routing.Found, request: Request, project: str, key: str) -> Response:
        """Run the handler. `key` is a fingerprint."""
        route, version, params = found
        self.world.cause = Cause(request.method, request.path, records.digest(request.body), key)
        call = self._in_force.call(request, version, project, params)
        reply = route.handler(call)
        return reply if isinstance(reply, Response) else json_response(reply)

    def _postpone(self, request: Request, fault: Fault) -> Response:
        found = routing.find(self._serving, request.method, request.path)
        if found is None:
            return unrouted(request.method)
        project, key = self._admit(found, request)
        due = self.world.instant + round(fault.delay * times.SECOND)
        query = seen.query_without(KEY_QUERY, request)
        headers = {name: value for name, value in request.headers.items() if name.startswith(_LATE_HEADERS)}
        body, blob = request.body, ""
        if len(body) > seen.KEPT_BODY:  # the log is read whole at every start
            blob = self.world.blobs.new()
            self.world.blobs.append(blob, body)
            body = b""
        self.world.defer(Late(0, due, project, request.method, request.path, query, body, key, headers, blob))
        return found[0].refused(fault.refusal()) if fault.status else Response(0, drop=True)

    def broken(self, bug: Exception) -> Response:
        """Remember an unexpected exception, and answer with a 500."""
        import logging  # costs more than the rest of this module, and is hardly ever needed

        logging.getLogger("gemctl.emulator").error("a request failed: %r", bug)
        if isinstance(bug, StoreDamaged | OSError):
            return Refusal(500, f"The emulator cannot use its store: {bug}.").response()
        self.bugs.append(bug)
        return Refusal(500, "An internal error has occurred in the emulator.").response()

    def _finish(self, request: Request, response: Response) -> Response:
        """Note the request; give the answer the server's date, from which clients tell the server's time."""
        instant = self.world.clock()
        status = None if response.drop else response.status
        self._asked += 1
        noted = seen.note(request, status, instant, self._serving, self._asked)
        self._seen.append(noted)
        if self.record is not None:
            self.record(noted)
        response = system_parameters.sent(request, response)
        late = response.delay + self.knobs.latency.total_seconds()
        if response.stream is not None and response.stream.length is None:
            response = replace(response, stream=Stream(None, self._in_turns(response.stream.pieces)))
        return replace(response, headers={**response.headers, "Date": times.http_date(instant)}, delay=late)


def _too_large(path: str) -> Refusal:
    most = largest_body(path)
    if not seen.is_upload(path):
        return invalid(f"Request payload size exceeds the limit: {most} bytes.")
    return Refusal(
        413,
        f"The emulator takes at most {most} bytes of a file in one request. Please send it in chunks, all but the last"
        " with the X-Goog-Upload-Command `upload`.",
    )
