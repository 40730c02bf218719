"""Emulates the service itself: one synchronous `handle(Request) -> Response`.

Called by `transport` (in-process) and `server` (a socket), and directly by tests. Separate from
them because it does no I/O but its store's and never waits: the Response describes how the answer travels, or fails
to, and the caller carries that out, so one slow call delays no other.
"""

import contextlib
import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gemctl.emulator import deliveries, model_changes, records, routing, scripted, seen, system_parameters, times
from gemctl.emulator.access import KEY_QUERY, Access
from gemctl.emulator.catalogue import MODELS, Catalogue, Model
from gemctl.emulator.courier import Answered, Courier, Post
from gemctl.emulator.faults import Fault, Script
from gemctl.emulator.folder import StoreDamaged
from gemctl.emulator.knobs import NAMES, Knobs
from gemctl.emulator.live.channel import Channel
from gemctl.emulator.live.registry import Registry
from gemctl.emulator.quota import Quota
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
        self._models = tuple(catalogue)
        self._serving = serving
        self._seen: deque[Seen] = deque(maxlen=_KEPT_REQUESTS)
        self._asked = 0
        self.record: Callable[[Seen], object] | None = None
        self._swept: int | None = None
        self._lock = threading.Lock()
        self._courier = Courier(self._heard)
        self._sessions = Registry()
        knobs = replace(knobs, **options)
        self._first = replace(knobs, list_lag=self.world.list_lag) if knobs.list_lag is None else knobs
        self._take(self._first, NAMES)

    @property
    def knobs(self) -> Knobs:
        """The knobs as they are set now."""
        return self._knobs

    def turn(self, **changes: Any) -> None:
        """Set fields of the Knobs while it runs. A quota that is set starts anew, and so do the counts of faults.
        Raises ValueError, and changes nothing, if they make no sense."""
        with self._lock:
            self._take(replace(self._knobs, **changes), changes)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; counting starts again."""
        self.turn(faults=faults)

    @property
    def answers(self) -> list[dict[str, object]]:
        """The scripted answers, each with how many requests it has fitted."""
        with self._lock:
            return self._scripted.shown()

    def add_answers(self, rules: Iterable[scripted.Rule]) -> None:
        """Put scripted answers behind those that there are, which go on counting."""
        with self._lock:
            self._scripted.add(rules)
            self._take(replace(self._knobs, answers=self._scripted.rules), ())

    def reset(self, ids: random.Random | None = None) -> None:
        """Back to the first knobs and an empty world: no object, no effect, no request. `ids` makes its names."""
        with self._lock:
            self.world.clear(ids)
            self._seen.clear()
            self._sessions.clear()
            self._asked = 0
            self._swept = None
            self._take(self._first, NAMES)

    def begin(self, knobs: Knobs) -> None:
        """Take these for the first knobs, to which a reset comes back. Raises ValueError, and changes nothing, if they
        make no sense."""
        with self._lock:
            knobs = replace(knobs, list_lag=self._first.list_lag) if knobs.list_lag is None else knobs
            self._take(knobs, NAMES)
            self._first = knobs

    def restore(self, records: Sequence[Record], ids: random.Random, blobs: Mapping[str, Iterable[bytes]]) -> None:
        """Have the world that these were taken of (`snapshots`). Nothing was asked yet, and counts begin anew."""
        with self._lock:
            self.world.restore(records, ids, blobs)
            self._sessions.clear()
            self._seen.clear()
            self._asked = 0
            self._swept = None
            self._take(self._knobs, NAMES)

    @contextlib.contextmanager
    def held(self) -> Iterator[World]:
        """The world at the present, while nobody else asks."""
        with self._lock, self.world.turn():
            self._catch_up()
            yield self.world

    @property
    def projects(self) -> tuple[str, ...]:
        """The projects for which there are keys; the first is that of objects that come without a key."""
        return self._access.projects

    def made(self, request: Request, project: str) -> Response:
        """The answer to a request of a seed, within `held`: no fault strikes it, no quota counts it, and the log of
        requests does not have it."""
        self._catch_up()
        found = routing.find(self._serving, request.method, request.path)
        try:
            return self._perform(found, request, project, "") if found else unrouted(request.method)
        except Refusal as refusal:
            return refusal.response()

    def _take(self, knobs: Knobs, changed: Collection[str]) -> None:
        access = Access(knobs.keys, allow_real_keys=knobs.allow_real_keys)
        catalogue = Catalogue(model_changes.changed(self._models, knobs.models), knobs.min_cache_tokens)
        pace, file_rules, indexing = knobs.pace, knobs.file_rules, knobs.indexing
        interacting, _ = knobs.interacting, knobs.live  # raises
        if "requests_per_minute" in changed:
            self._quota = None if knobs.requests_per_minute is None else Quota(knobs.requests_per_minute)
        if "faults" in changed:
            self._script = Script(knobs.faults)
        if "answers" in changed:
            self._scripted = scripted.Script(knobs.answers)
        if knobs.list_lag is not None and "list_lag" in changed:
            self.world.list_lag = knobs.list_lag
        self._knobs, self._access, self._catalogue = knobs, access, catalogue
        self._pace, self._file_rules, self._indexing = pace, file_rules, indexing
        self._interacting = interacting

    def handle(self, request: Request) -> Response:
        """Answer one request. Never raises, whatever comes."""
        with self._lock:
            try:
                request = system_parameters.received(request, largest_body(request.path))
                struck = self._script.strike(request.method, request.path)
                with self.world.turn():
                    self._catch_up()
                    response = self._with_faults(request, struck)
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
            struck = self._script.strike(request.method, request.path)
            try:
                with self.world.turn():
                    self._catch_up()
                    refused = self._struck_first(struck) if door.is_live(request.path) else unrouted(request.method)
                    if refused is None:
                        caller = door.caller(self.world, request, self._admitted)
                        host = session.Host(self._live_call, lambda: self._knobs.live, self._sessions)
                        opened = session.Session(host, caller, struck)
                        self._finish(request, Response(101))
                        return guarded.Guarded(opened, self.world, self._present, self.broken)
            except Exception as bug:
                refused = self.broken(bug)
            return self._finish(request, refused)

    def _live_call(self, version: str, project: str) -> routing.Call:
        return self._call(Request("", ""), version, project, {})

    @staticmethod
    def _struck_first(struck: Sequence[Fault]) -> Response | None:
        """The answer in place of a WebSocket, if a fault strikes before there is one."""
        by_kind = {fault.kind: fault for fault in struck}
        if "status_before" in by_kind:
            return by_kind["status_before"].refusal().response()
        return Response(0, drop=True) if "before" in by_kind else None

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
            terms = bill.Terms(self._catalogue, self._knobs.bill_creation, self._knobs.bill_storage)
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
                surface.waker(self._call(Request("", ""), "", row.project, {}), row)

    def _with_faults(self, request: Request, struck: Sequence[Fault]) -> Response:
        """The answer, after the faults that strike the request or the answer."""
        by_kind = {fault.kind: fault for fault in struck}
        response = self._deliver(request, by_kind)
        if "slow" in by_kind:
            response = replace(response, delay=by_kind["slow"].delay)
        if "cut" in by_kind and not response.drop:
            response = replace(response, cut=by_kind["cut"].at_bytes)
        if "stream_ends" in by_kind and response.stream is not None and response.stream.length is None:
            response = replace(response, stream=by_kind["stream_ends"].ended(response.stream))
        return response

    def _deliver(self, request: Request, by_kind: Mapping[str, Fault]) -> Response:
        if "status_before" in by_kind:
            return self._refused(request, by_kind["status_before"].refusal())
        if "before" in by_kind:
            return Response(0, drop=True)
        if "late" in by_kind:
            return self._postpone(request, by_kind["late"])
        if "stale" in by_kind:
            ago = round(by_kind["stale"].delay * times.SECOND)
            with self.world.as_of(self.world.instant - ago if ago else None):
                response = self._answer(request)
        else:
            response = self._answer(request)
        if "duplicate" in by_kind:
            self._answer(request)
        if "status_after" in by_kind:
            return self._refused(request, by_kind["status_after"].refusal())
        return Response(0, drop=True) if "after" in by_kind else response

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
        project, key = self._admitted(request, bearer=found[0].bearer)
        return project, records.fingerprint(key)

    def _admitted(self, request: Request, *, bearer: bool = False) -> tuple[str, str]:
        """The project and the key of a request, which counts for the quota."""
        project, key = self._access.admit(request, bearer=bearer)
        if self._quota is not None:
            self._quota.take(project, self.world.instant)
        return project, key

    def _perform(self, found: routing.Found, request: Request, project: str, key: str) -> Response:
        """Run the handler. `key` is a fingerprint."""
        route, version, params = found
        self.world.cause = Cause(request.method, request.path, records.digest(request.body), key)
        call = self._call(request, version, project, params)
        reply = route.handler(call)
        return reply if isinstance(reply, Response) else json_response(reply)

    def _call(self, request: Request, version: str, project: str, params: Mapping[str, str]) -> routing.Call:
        return routing.Call(
            self.world,
            self._catalogue.at(self.world.instant),
            request,
            version,
            project,
            params,
            self._pace,
            self._file_rules,
            self._indexing,
            self._interacting,
            self._scripted,
            self._knobs.stream_pause.total_seconds(),
        )

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
        late = response.delay + self._knobs.latency.total_seconds()
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
