"""Calls made: the engine's workers speak to the service through a `Client`, each with one of its own.

`Phone` is made once for a run and hands them out; they share its TLS context and its `ServerClock`. A client turns a
`core.Call` into a request, sends it, tries again where that is harmless (`retry.decide`), and gives a `Reply` or raises
an `ApiError`. It asks a transport directly instead of going through `httpx.Client`: no cookies, no redirects, no
environment, no header that isn't written below.

What can be judged apart from a call lies beside it: the wire (`transport`), the key (`auth`), the rules (`retry`), the
words (`errors`), the bytes (`body`), the time (`server_clock`).
"""

from __future__ import annotations

import json
import logging
import math
import random as chance
import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from gemctl import __version__
from gemctl.api._httpx import httpx
from gemctl.api.auth import Key, redact
from gemctl.api.body import BadBody, TooLarge, parse, unpack
from gemctl.api.errors import TOO_LARGE, Listener, Problem, redirect_target, verdict
from gemctl.api.retry import Failure, GiveUp, Trouble, asked_by_header, decide
from gemctl.api.server_clock import ServerClock
from gemctl.core.call import Call
from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError, Refused, Temporary
from gemctl.core.project import Timing
from gemctl.core.source import Json, JsonObject

__all__ = ["Client", "Phone", "Reply", "Retry", "ServerClock"]

BODY_CAP = 32 * 1024 * 1024  # bytes, decompressed
PAGE_CAP = 64 * 1024 * 1024
ERROR_CAP = 256 * 1024
MOST_PAGES = 10_000
MOST_ITEMS = 1_000_000
SMALL_PAGE = 50  # asked for when a page of the service's own choosing was too large
LONGEST_TOKEN = 16 * 1024  # characters of a nextPageToken
CONNECT_TIMEOUT = 10.0  # seconds
BUDGET = 3  # request deadlines that a repeatable call may take with all its attempts and waits; any other takes one
_GLANCE = 1.0  # seconds between two looks at `stopping` during a wait

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*(?::[A-Za-z]+)?", re.ASCII)
_VERSION = re.compile(r"v[0-9]{1,3}(?:(?:alpha|beta)[0-9]{0,3})?", re.ASCII)
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json\s*(?:;.*)?", re.ASCII | re.IGNORECASE)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ProxyError,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)

log = logging.getLogger("gemctl.api")


@dataclass(frozen=True, slots=True)
class Reply:
    """A success. `body` is a JSON object; `at` is the service's time when it answered."""

    status: int
    body: Json
    at: datetime


@dataclass(frozen=True, slots=True)
class Retry:
    """A call is going to be tried again. `attempt` is the one that failed (from 1), `until` the service's time."""

    call: Call
    attempt: int
    why: str
    until: datetime


TellRetry = Callable[[Retry], None]


class Client:
    """The service as one worker thread sees it. Not to be shared between threads."""

    def __init__(
        self,
        base_url: str,
        api_version: str,
        key: Key | None,
        clock: Clock,
        timing: Timing,
        transport: httpx.BaseTransport,
        server_clock: ServerClock,
        tell_retry: TellRetry | None = None,
        random: Callable[[], float] = chance.random,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """
        base_url      as `auth.base_url` gives it, without a trailing slash.
        api_version   such as `v1beta`; it stands between base URL and path.
        key           None sends no key (the embedded emulator wants none).
        timing        `request_deadline` bounds each attempt, and all attempts at a call that isn't repeatable.
        transport     the client's own, closed with it.
        tell_retry    called before each wait.
        random        numbers in [0, 1) for the jitter.
        stopping      True once the user wants to stop: no further attempts, the last failure is raised.

        Raises GemctlError E309 for an API version that can't be one.
        """
        if not _VERSION.fullmatch(api_version):
            raise GemctlError("The API version can't be one.", code="E309", hint="Versions look like v1beta or v1.")
        self._root = f"{base_url}/{api_version}/"
        self._key = key
        self._clock = clock
        self._longest = max(timing.request_deadline.total_seconds(), 0.001)
        self._transport = transport
        self._server_clock = server_clock
        self._tell_retry = tell_retry
        self._random = random
        self._stopping = stopping
        self._listener = Listener(lambda text: redact(text, key))

    def perform(self, call: Call) -> Reply:
        """Make a call. `fills`, `references` and `deadline` are the caller's to have put into the body already.

        A repeatable call is tried up to 6 times within three request deadlines; any other is sent once, and tried again
        only while no connection comes about, all within one request deadline, so that `settle` can outlast it.
        Success is 200 with a JSON object; a DELETE may also answer 204, or 200 without a body.
        Raises Refused, Temporary or Unknown, by the table in `errors`.
        """
        return self._perform(call, BODY_CAP)

    def pages(self, call: Call) -> Iterator[JsonObject]:
        """The pages of a list, as the service sent them. All, or an ApiError: a part never passes for the whole.

        Follows `nextPageToken`, past empty pages too; halves `pageSize` when a page is too large to hold. Raises what
        `perform` raises, and Temporary E306 when paging doesn't come to an end: a token that was there before, more
        than 10,000 pages, or more than a million items.
        """
        query = [(name, value) for name, value in call.query if name != "pageToken"]
        seen: set[str] = set()
        items = 0
        for _ in range(MOST_PAGES):
            body, query = self._page(call, query)
            items += sum(len(part) for part in body.values() if isinstance(part, list))
            token = body.get("nextPageToken", "")
            if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
                raise self._endless(call, "its token for the next page is not one")
            if token in seen:
                raise self._endless(call, "it named a page that was there before")
            if items > MOST_ITEMS:
                raise self._endless(call, f"it has more than {MOST_ITEMS:,} items")
            yield body
            if not token:
                return
            seen.add(token)
            query = [*((name, value) for name, value in query if name != "pageToken"), ("pageToken", token)]
        raise self._endless(call, f"it has more than {MOST_PAGES:,} pages")

    def _page(self, call: Call, query: list[tuple[str, str]]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """One page, smaller if need be, and the query that got it: the pages after it stay small."""
        while True:
            try:
                return self._perform(replace(call, query=tuple(query)), PAGE_CAP).body, query
            except Temporary as error:
                size = next((value for name, value in query if name == "pageSize"), str(2 * SMALL_PAGE))
                if error.code != TOO_LARGE or not size.isdecimal() or int(size) <= 1:
                    raise
                smaller = ("pageSize", str(int(size) // 2))
            query = [smaller, *((name, value) for name, value in query if name != "pageSize")]
            log.debug("%s %s: page too large, asking for %s items", call.method, call.path, smaller[1])

    def _endless(self, call: Call, why: str) -> Temporary:
        return Temporary(
            f"The list {call.path} can't be read to its end: {why}.",
            code="E306",
            hint="gemctl decides nothing by half a list. Run it again; if it stays so, the service's paging is broken.",
        )

    def close(self) -> None:
        """Hang up. The client can't be used afterwards."""
        self._transport.close()

    def _perform(self, call: Call, cap: int) -> Reply:
        url, content = self._written(call)
        budget = self._longest * (BUDGET if call.repeatable else 1)
        started = self._clock.monotonic()
        attempt, left = 1, budget
        while True:
            result = self._attempt(call, url, content, min(self._longest, left), attempt, cap)
            if isinstance(result, Reply):
                return result
            elapsed = self._clock.monotonic() - started
            next_step = decide(call.repeatable, attempt, result.failure, elapsed, budget, self._random())
            if isinstance(next_step, GiveUp) or not self._wait(call, attempt, result, next_step.after_seconds):
                break
            attempt, left = attempt + 1, budget - (self._clock.monotonic() - started)
            if left <= 0:
                break
        raise verdict(call, result, key_source=self._key.source if self._key else None)

    def _written(self, call: Call) -> tuple[str, bytes]:
        """The URL and the body. Raises Refused E309: names from manifests, states and lists must not steer a URL."""
        proper = len(call.path) <= 1024 and ".." not in call.path and _PATH.fullmatch(call.path)
        if call.method not in _METHODS or not proper:
            raise self._unsendable(call, "its path could lead elsewhere")
        try:
            query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in call.query)
            content = b"" if call.body is None else _to_json(call.body)
        except (TypeError, ValueError, RecursionError):
            raise self._unsendable(call, "it holds something that can't be written as JSON or in a URL") from None
        url = f"{self._root}{call.path}{'?' if query else ''}{query}"
        if len(url) > 60_000:
            raise self._unsendable(call, "its query is too long")
        return url, content

    def _unsendable(self, call: Call, why: str) -> Refused:
        what = self._listener.clean(f"{call.method} {call.path}", 200)
        return Refused(f"{what} was not sent: {why}.", code="E309", hint="If you didn't write this name, who did?")

    def _attempt(self, call: Call, url: str, content: bytes, limit: float, attempt: int, cap: int) -> Reply | Problem:
        """One request, `limit` seconds for all of it."""
        sent = self._clock.monotonic()
        request = httpx.Request(
            call.method,
            _url(url),
            headers=self._headers(limit),
            content=content,
            extensions={
                "deadline": time.monotonic() + limit,
                "timeout": {
                    "connect": min(CONNECT_TIMEOUT, limit),
                    "read": limit,
                    "write": limit,
                    "pool": limit,
                },
            },
        )
        result: Reply | Problem
        try:
            response = self._transport.handle_request(request)
        except httpx.RequestError as error:
            result = self._unanswered(error)
        else:
            arrived = self._clock.monotonic()
            self._server_clock.observe(response.headers.get("date"), arrived, sent)
            try:
                result = self._read(call, response, sent + limit, cap)
            finally:
                with suppress(httpx.RequestError):
                    response.close()
        status = result.status if isinstance(result, Reply) else result.failure.status or result.failure.trouble
        took = (self._clock.monotonic() - sent) * 1000
        log.debug("%s %s: %s in %.0f ms, attempt %d", call.method, call.path, status, took, attempt)
        return result

    def _headers(self, limit: float) -> dict[str, str]:
        headers = {
            "user-agent": f"gemctl/{__version__}",
            "accept": "application/json",
            "accept-encoding": "gzip",
            "content-type": "application/json",
            "x-server-timeout": str(math.ceil(limit)),  # whole seconds, rounded up, as Google's own SDKs send it
        }
        if self._key is not None:
            headers["x-goog-api-key"] = self._key.reveal()
        return headers

    def _read(self, call: Call, response: httpx.Response, until: float, cap: int) -> Reply | Problem:
        status = response.status_code
        if status == 200 or (status == 204 and call.method == "DELETE"):
            return self._success(call, response, until, cap)
        if not 300 <= status <= 599:
            return Problem(Failure(Trouble.GARBLED, status), f"the status {status} is not one that it uses")
        words, whole = self._error_body(response, until)
        said = self._listener.hear(words, whole=whole)
        by_header = asked_by_header(response.headers.get("retry-after"), self._server_clock.now())
        hints = [hint for hint in (by_header, said.asked) if hint is not None]
        target = self._listener.clean(redirect_target(response.headers.get("location"))) if status < 400 else None
        return Problem(Failure(Trouble.STATUS, status, max(hints, default=None)), said=said, target=target)

    def _success(self, call: Call, response: httpx.Response, until: float, cap: int) -> Reply | Problem:
        status = response.status_code
        try:
            length = response.headers.get("content-length", "")
            if length.isdecimal() and len(length) < 19 and int(length) > cap:
                raise TooLarge(f"it is larger than {cap // 1024 // 1024} MiB")
            data = bytearray()  # and no list of pieces: they may be of one byte each
            for piece in unpack(self._chunks(response, until), response.headers.get("content-encoding", ""), cap):
                data += piece
            kind = response.headers.get("content-type")
            if data and kind is not None and not _JSON_TYPE.fullmatch(kind.strip()):
                raise BadBody("it is not JSON, by its content type")
            if not data and call.method != "DELETE":
                raise BadBody("it has no body")
            body = parse(bytes(data)) if data else {}
            if not isinstance(body, dict):
                raise BadBody("it is JSON, but not an object")
        except httpx.RequestError as error:
            return self._cut(error, status)
        except TooLarge as error:
            return Problem(Failure(Trouble.GARBLED, status), str(error), code=TOO_LARGE)
        except BadBody as error:
            return Problem(Failure(Trouble.GARBLED, status), str(error))
        return Reply(status, body, self._server_clock.now())

    def _error_body(self, response: httpx.Response, until: float) -> tuple[bytes, bool]:
        """As much of an error's body as is to be had, and whether that is all of it. The status alone has decided."""
        data = bytearray()
        try:
            for piece in unpack(self._chunks(response, until), response.headers.get("content-encoding", ""), ERROR_CAP):
                data += piece
        except (httpx.RequestError, BadBody):
            return bytes(data), False
        return bytes(data), True

    def _chunks(self, response: httpx.Response, until: float) -> Iterator[bytes]:
        """The body as it arrives, up to the deadline by the client's own clock; the wire keeps it by the real one."""
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        for chunk in stream:
            if self._clock.monotonic() > until:
                raise httpx.ReadTimeout("the answer took too long")
            yield chunk

    def _unanswered(self, error: httpx.RequestError) -> Problem:
        """Nothing came back. The error itself goes no further: it knows the request, and that knows the key."""
        why = self._listener.clean(str(error), 300).rstrip(".") or type(error).__name__
        if isinstance(error, _NOT_SENT):
            return Problem(Failure(Trouble.NOT_SENT, lasting=_is_distrust(error)), why)
        return Problem(Failure(Trouble.LOST), why)

    def _cut(self, error: httpx.RequestError, status: int) -> Problem:
        why = self._listener.clean(str(error), 300).rstrip(".") or type(error).__name__
        return Problem(Failure(Trouble.LOST, status), f"the answer broke off: {why}")

    def _wait(self, call: Call, attempt: int, problem: Problem, seconds: float) -> bool:
        """Wait before the next attempt, in short stretches; False as soon as the user wants to stop."""
        if self._stopping():
            return False
        if self._tell_retry is not None:
            why = problem.said.message or problem.why or f"status {problem.failure.status}"
            until = self._server_clock.now() + timedelta(seconds=seconds)
            self._tell_retry(Retry(call, attempt, why, until))
        left = seconds
        while left > 0:
            self._clock.sleep(min(left, _GLANCE))
            left -= _GLANCE
            if self._stopping():
                return False
        return True


@lru_cache(maxsize=256)
def _url(text: str) -> httpx.URL:
    """Parsing costs more than the rest of a request, and creates and lists go to the same few addresses."""
    return httpx.URL(text)


def _to_json(body: JsonObject) -> bytes:
    def plain(value: Any) -> dict[str, Any]:
        if isinstance(value, Mapping):
            return dict(value)
        raise TypeError

    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain).encode()


def _is_distrust(error: BaseException | None) -> bool:
    """Did the connection fail because a certificate isn't trusted? Trying again won't change that."""
    for _ in range(10):
        if error is None:
            return False
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _wires(base_url: str, env: Mapping[str, str] | None) -> Callable[[], httpx.BaseTransport]:
    from gemctl.api.transport import Wiring  # sockets and TLS are not needed to talk to the embedded emulator

    return Wiring(base_url, env)


class Phone:
    """Makes the clients of a run, one for each worker thread. Safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        api_version: str,
        key: Key | None,
        clock: Clock,
        timing: Timing,
        make_transport: Callable[[], httpx.BaseTransport] | None = None,
        tell_retry: TellRetry | None = None,
        random: Callable[[], float] = chance.random,
        stopping: Callable[[], bool] = lambda: False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """As `Client`, and:

        make_transport  gives each client its transport; None for wires to `base_url`, with proxies and certificates as
                        `env` (the process's own when None) names them. `tell_retry` is called from any thread.

        Raises GemctlError E315 when proxy or certificates can't be used.
        """
        self.server_clock = ServerClock(clock)
        self._make_transport = make_transport or _wires(base_url, env)
        self._base_url, self._api_version, self._key = base_url, api_version, key
        self._clock, self._timing = clock, timing
        self._tell_retry, self._random, self._stopping = tell_retry, random, stopping

    def client(self) -> Client:
        """A client of its own for the calling thread, which closes it. Raises GemctlError E309."""
        return Client(
            self._base_url,
            self._api_version,
            self._key,
            self._clock,
            self._timing,
            self._make_transport(),
            self.server_clock,
            self._tell_retry,
            self._random,
            self._stopping,
        )
