"""The service itself: one synchronous `handle(Request) -> Response`.

Called by the two doors, `transport` (in-process) and `server` (a socket), and directly by tests. Separate from
them because it does no I/O but its store's and never waits: how an answer travels, or fails to, is described in
the Response and carried out by the door, so one slow call holds up nobody.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gemctl.emulator import records, routing, times
from gemctl.emulator.access import KEY_QUERY, Access
from gemctl.emulator.catalogue import MODELS, Catalogue, Model
from gemctl.emulator.faults import Fault, Script
from gemctl.emulator.quota import Quota
from gemctl.emulator.records import Cause, Effect, Late, Seen
from gemctl.emulator.store import StoreDamaged
from gemctl.emulator.surfaces import SURFACES
from gemctl.emulator.wire import Refusal, Request, Response, invalid, json_response, unrouted
from gemctl.emulator.world import World

__all__ = ["LARGEST_BODY", "App", "Request", "Response"]

LARGEST_BODY = 20 * 1024 * 1024
_KEPT_BODY = 64 * 1024
_KEPT_REQUESTS = 10_000


class App:
    """The emulated API.

    `keys`: None takes any key but one that looks real; a collection takes only those; a mapping from key to
    project keeps projects apart. `requests_per_minute`: None for no limit. `min_cache_tokens`: one number, or
    numbers by model name. `bugs` holds the last exceptions that should not have been; a client sees a 500.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        keys: Mapping[str, str] | Iterable[str] | None = None,
        allow_real_keys: bool = False,
        faults: Iterable[Fault] = (),
        requests_per_minute: int | None = None,
        models: Iterable[Model] = MODELS,
        min_cache_tokens: int | Mapping[str, int] | None = None,
    ) -> None:
        self.world = world if world is not None else World()
        self.bugs: deque[Exception] = deque(maxlen=20)
        self._access = Access(keys, allow_real_keys=allow_real_keys)
        self._catalogue = Catalogue(models, min_cache_tokens)
        self._quota = None if requests_per_minute is None else Quota(requests_per_minute)
        self._script = Script(faults)
        self._seen: deque[Seen] = deque(maxlen=_KEPT_REQUESTS)
        self._lock = threading.Lock()

    def handle(self, request: Request) -> Response:
        """Answer one request. Never raises, whatever comes."""
        with self._lock:
            struck = self._script.strike(request.method, request.path)
            try:
                with self.world.turn():
                    self._catch_up()
                    response = self._suffer(request, struck)
            except Refusal as refusal:
                response = refusal.response()
            except Exception as bug:
                response = self._broken(bug)
            return self._finish(request, response)

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the faults; counting starts again."""
        with self._lock:
            self._script = Script(faults)

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

    def _catch_up(self) -> None:
        for late in self.world.advance():
            request = Request(late.method, late.path, late.query, {}, late.body)
            found = routing.find(SURFACES, request.method, request.path)
            with contextlib.suppress(Refusal):  # nobody is listening any more
                if found is not None:
                    self._perform(found, request, late.project, late.key)

    def _suffer(self, request: Request, struck: Sequence[Fault]) -> Response:
        """The answer, after whatever befalls the request and the answer on their ways."""
        by_kind = {fault.kind: fault for fault in struck}
        response = self._deliver(request, by_kind)
        if "slow" in by_kind:
            response = replace(response, delay=by_kind["slow"].delay)
        if "cut" in by_kind and not response.drop:
            response = replace(response, cut=by_kind["cut"].at_bytes)
        return response

    def _deliver(self, request: Request, by_kind: Mapping[str, Fault]) -> Response:
        if "status_before" in by_kind:
            return by_kind["status_before"].refusal().response()
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
            return by_kind["status_after"].refusal().response()
        return Response(0, drop=True) if "after" in by_kind else response

    def _answer(self, request: Request) -> Response:
        try:
            found = routing.find(SURFACES, request.method, request.path)
            if found is None:
                return unrouted(request.method)
            return self._perform(found, request, *self._admit(request))
        except Refusal as refusal:
            return refusal.response()

    def _admit(self, request: Request) -> tuple[str, str]:
        if len(request.body) > LARGEST_BODY:
            raise invalid(f"Request payload size exceeds the limit: {LARGEST_BODY} bytes.")
        project, key = self._access.admit(request)
        if self._quota is not None:
            self._quota.take(project, self.world.instant)
        return project, records.fingerprint(key)

    def _perform(self, found: routing.Found, request: Request, project: str, key: str) -> Response:
        """Run the handler. `key` is a fingerprint."""
        route, version, params = found
        self.world.cause = Cause(request.method, request.path, records.digest(request.body), key)
        call = routing.Call(self.world, self._catalogue, request, version, project, params)
        reply = route.handler(call)
        return reply if isinstance(reply, Response) else json_response(reply)

    def _postpone(self, request: Request, fault: Fault) -> Response:
        if routing.find(SURFACES, request.method, request.path) is None:
            return unrouted(request.method)
        project, key = self._admit(request)
        due = self.world.instant + round(fault.delay * times.SECOND)
        query = _without_keys(request)
        self.world.defer(Late(0, due, project, request.method, request.path, query, request.body, key))
        return fault.refusal().response() if fault.status else Response(0, drop=True)

    def _broken(self, bug: Exception) -> Response:
        import logging  # costs more than the rest of this module, and is hardly ever needed

        logging.getLogger("gemctl.emulator").error("a request failed: %r", bug)
        if isinstance(bug, StoreDamaged | OSError):
            return Refusal(500, f"The emulator cannot use its store: {bug}.").response()
        self.bugs.append(bug)
        return Refusal(500, "An internal error has occurred in the emulator.").response()

    def _finish(self, request: Request, response: Response) -> Response:
        """Note the request; give the answer the server's date, from which clients tell the server's time."""
        instant = self.world.clock()
        kept = request.body if len(request.body) <= _KEPT_BODY else b""
        status = None if response.drop else response.status
        self._seen.append(
            Seen(
                times.to_datetime(instant),
                request.method,
                request.path,
                _without_keys(request),
                status,
                kept,
                len(request.body),
                records.digest(request.body),
            )
        )
        return replace(response, headers={**response.headers, "Date": times.http_date(instant)})


def _without_keys(request: Request) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in request.query if pair[0] not in KEY_QUERY)
