"""Makes calls: turns a `core.Call` into a request, sends it, tries again where that is harmless (`retry.decide`), and
gives a `Reply` or raises an `ApiError`. Called by engine/ and outputs/, whose workers have a `Client` each.

`ClientFactory` is made once for a run and hands them out; they share its TLS context and its `ServerClock`. A client
asks a transport directly instead of going through `httpx.Client`: no cookies, no redirects, no environment, no header
that isn't written below.

Parts that can be judged apart from a call lie beside it: the connection (`transport`), the key (`auth`), the rules
(`retry`), the answers (`answers`, `body`), their errors (`errors`), the time (`server_clock`); and calls that take more
than a request and its answer (`upload`, `download`).
"""

from __future__ import annotations

import json
import logging
import math
import random as chance
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar
from urllib.parse import quote

from gemctl import __version__
from gemctl.api._httpx import httpx
from gemctl.api.answers import Answers, Heard, Reply
from gemctl.api.auth import DEFAULT_BASE_URL, Key, redact, redact_all
from gemctl.api.body import BadBody
from gemctl.api.errors import TOO_LARGE, Listener, Problem, verdict
from gemctl.api.reads import Reads
from gemctl.api.retry import Again, GiveUp, decide
from gemctl.api.server_clock import ServerClock
from gemctl.core.call import Call, Pages
from gemctl.core.clock import Clock
from gemctl.core.errors import ApiError, GemctlError, Refused, Temporary
from gemctl.core.event import Retry, TellRetry
from gemctl.core.project import Timing
from gemctl.core.source import JsonObject

__all__ = ["Client", "Reply", "ServerClock"]

BODY_CAP = 32 * 1024 * 1024  # bytes, decompressed
PAGE_CAP = 64 * 1024 * 1024
RESULTS_CAP = 512 * 1024 * 1024  # of one job whose results stand in itself
PACE = 64 * 1024  # bytes a second: a body that may be large earns itself time
DOWNLOAD_CAP = 2 * 1024 * 1024 * 1024
MOST_PAGES = 10_000
MOST_ITEMS = 1_000_000
LONGEST_LIST = 1800.0  # seconds
SMALL_PAGE = 50  # asked for when a page of the service's own choosing was too large
LONGEST_TOKEN = 16 * 1024  # characters of a nextPageToken
CONNECT_TIMEOUT = 10.0  # seconds
BUDGET = 3  # request deadlines that a repeatable call may take with all its attempts and waits; any other takes one
_GLANCE = 1.0  # seconds between two looks at `stopping` during a wait

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})  # whose length is said also where it is nothing
_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9_.~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*(?::[A-Za-z]+)?", re.ASCII)
_VERSION = re.compile(r"v[0-9]{1,3}(?:(?:alpha|beta)[0-9]{0,3})?", re.ASCII)

log = logging.getLogger("gemctl.api")

_Read = TypeVar("_Read")


class Client:
    """Makes the calls of one worker thread. Not to be shared between threads."""

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
        reads: Reads | None = None,
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
        reads         takes note of all that is asked; None where nobody wants to know.

        Raises GemctlError E309 for an API version that can't be one.
        """
        if not _VERSION.fullmatch(api_version):
            raise GemctlError("The API version can't be one.", code="E309", hint="Versions look like v1beta or v1.")
        self._base_url, self._api_version = base_url, api_version
        self._key = key
        self._hidden: tuple[str, ...] = ()
        self._secrets: tuple[str, ...] = ()
        self._clock = clock
        self._longest = max(timing.request_deadline.total_seconds(), 0.001)
        self._transport = transport
        self._server_clock = server_clock
        self._tell_retry = tell_retry
        self._random = random
        self._stopping = stopping
        self._reads = reads
        self._listener = Listener(self.redacted)
        self._answers = Answers(self._listener, server_clock, clock)

    def perform(self, call: Call) -> Reply:
        """Make a call. `fills`, `references` and `deadline` are the caller's to have put into the body already.

        A repeatable call is tried up to 6 times within three request deadlines; any other is sent once, and tried again
        only while no connection comes about, all within one request deadline, so that `settle` can outlast it.
        Success is 200 with a JSON object; a DELETE may also answer 204, or 200 without a body.
        Raises Refused, Temporary or Unknown, by the table in `errors`.
        """
        self._note_other()
        return self._perform(call, BODY_CAP)

    def fetch(self, call: Call) -> Reply:
        """As `perform`, for a reply that may be large: up to 512 MiB, and a second more for every 64 KiB of it.

        Raises also Temporary E308 for a larger one. All of it is held: about three times its size while it is read,
        and six times where there are characters outside of the basic plane (CPython then takes four bytes for each).
        """
        self._note_other()
        return self._perform(call, RESULTS_CAP, PACE)

    def _note_other(self) -> None:
        if self._reads:
            self._reads.other()

    def pages(self, call: Call) -> Iterator[JsonObject]:
        """The pages of a list, as the service sent them. All, or an ApiError: a part never passes for the whole.

        Follows the token of the next page, past empty pages too, by the names that the call has (`Call.pages`); halves
        the page size when a page is larger than 64 MiB, and takes a single item of up to 512 MiB. Raises what `perform`
        raises, and Temporary E306 when paging doesn't come to an end: a token that was there before, more than 10,000
        pages, more than a million items, or half an hour.
        """
        return self._reads.pages(call, lambda: self.unread(call)) if self._reads else self.unread(call)

    def unread(self, call: Call) -> Iterator[JsonObject]:
        """As `pages`, and always from the service, without a note in `reads`."""
        names = call.pages or Pages("", 0)
        query = [(name, value) for name, value in call.query if name != names.token]
        seen: set[str] = set()
        items = 0
        longest = max(LONGEST_LIST, BUDGET * self._longest)
        until = self._clock.monotonic() + longest
        for _ in range(MOST_PAGES):
            body, query = self._page(call, query, names.size)
            items += sum(len(part) for part in body.values() if isinstance(part, list))
            token = body.get(names.following, "")
            if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
                raise self._endless(call, "its token for the next page is not one")
            if token in seen:
                raise self._endless(call, "it named a page that was there before")
            if items > MOST_ITEMS:
                raise self._endless(call, f"it has more than {MOST_ITEMS:,} items")
            yield body
            if not token:
                return
            if self._clock.monotonic() > until:
                raise self._endless(call, f"it takes longer than {longest / 60:.0f} minutes")
            seen.add(token)
            query = [*((name, value) for name, value in query if name != names.token), (names.token, token)]
        raise self._endless(call, f"it has more than {MOST_PAGES:,} pages")

    def _page(
        self, call: Call, query: list[tuple[str, str]], size_name: str
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """One page, smaller if need be, and the query that got it: the pages after it stay small."""
        while True:
            try:
                return self._perform(replace(call, query=tuple(query)), PAGE_CAP).body, query
            except Temporary as error:
                size = next((value for name, value in query if name == size_name), str(2 * SMALL_PAGE))
                if error.code != TOO_LARGE or not size.isdecimal():
                    raise
                if int(size) <= 1:  # one job with all its results in it; without it there is no list at all
                    return self._perform(replace(call, query=tuple(query)), RESULTS_CAP, PACE).body, query
                smaller = (size_name, str(int(size) // 2))
            query = [smaller, *((name, value) for name, value in query if name != size_name)]
            log.debug("%s %s: page too large, asking for %s items", call.method, call.path, smaller[1])

    def _endless(self, call: Call, why: str) -> Temporary:
        return Temporary(
            f"The list {call.path} can't be read to its end: {why}.",
            code="E306",
            hint="gemctl decides nothing by half a list. Run it again; if it stays so, the service's paging is broken.",
        )

    def upload(
        self, call: Call, open_source: Callable[[], BinaryIO], progress: Callable[[int, int], None] = lambda *_: None
    ) -> Reply:
        """Send a file: a call with an `upload`. `Reply.body` is the File itself. upload.py says how.

        open_source  opens the bytes, which must be seekable; they are closed here, and 8 MiB of them held at a time.
        progress     is told how many bytes the service has, and of how many.

        Raises what `perform` raises (a taken name is a Refused of status 409), and GemctlError E133 or E090 when the
        file is not what it was or can't be read. Unless it is an Unknown, nothing was made.
        """
        from gemctl.api.upload import Conversation, Exchange

        exchange = Exchange(
            base_url=self._base_url,
            ask=self._ask,
            again=self._again,
            pause=self._pause,
            fetch=self.perform,
            verdict=self._verdict,
            hide=self._hide,
            stopping=self._stopping,
            monotonic=self._clock.monotonic,
        )
        try:
            file = Conversation(call, *self._written(call, "upload/"), exchange, progress).hold(open_source)
        finally:
            self._hide(())
        return Reply(200, file, self._server_clock.now())

    def download(self, name: str, cap: int = DOWNLOAD_CAP) -> Iterator[bytes]:
        """The bytes of a file that the service made, such as `files/batch-…`: all, at most `cap` of them, or an error.

        In pieces as they arrive, and not tried again. Raises Refused or Temporary, perhaps after the first pieces.
        """
        from gemctl.api.download import pour

        call = Call("GET", f"{name}:download", (("alt", "media"),))
        url, _ = self._written(call, "download/")
        headers = {**self._headers(self._longest), "accept": "*/*", "accept-encoding": "identity"}
        started = self._clock.monotonic()
        response = self._send(self._request(call.method, _url(url), headers, b"", self._longest, PACE))
        if isinstance(response, Problem):
            raise self._verdict(call, response)
        try:
            problem: Problem | None = None
            if response.status_code == 200:
                problem = yield from self._poured(pour(response, self._clock, started + self._longest, cap, PACE))
            else:
                problem = self._answers.refusal(response, started + self._longest)
        finally:
            with suppress(httpx.RequestError):
                response.close()
        took = (self._clock.monotonic() - started) * 1000
        log.debug("%s %s: %s in %.0f ms", call.method, call.path, response.status_code, took)
        if problem is not None:
            raise self._verdict(call, problem)

    def _poured(self, pieces: Iterator[bytes]) -> Generator[bytes, None, Problem | None]:
        """The pieces of a body, and then its problem, if any."""
        try:
            for piece in pieces:
                yield piece
                if self._stopping():
                    raise Temporary("A download was given up: the run was stopped.", code="E317", hint="Run it again.")
        except (httpx.RequestError, BadBody) as error:
            return self._answers.broken(error, 200)
        return None

    def close(self) -> None:
        """Close the connection. The client can't be used afterwards."""
        self._transport.close()

    def _perform(self, call: Call, cap: int, pace: float = math.inf) -> Reply:
        url, content = self._written(call)
        budget = self._longest * (BUDGET if call.repeatable else 1)
        started = self._clock.monotonic()
        attempt, left = 1, budget
        while True:
            result = self._attempt(call, url, content, min(self._longest, left), attempt, cap, pace)
            if isinstance(result, Reply):
                return result
            elapsed = self._clock.monotonic() - started
            next_step = decide(call.repeatable, attempt, result.failure, elapsed, budget, self._random())
            if isinstance(next_step, GiveUp) or not self._wait(call, attempt, result, next_step.after_seconds):
                break
            attempt, left = attempt + 1, budget - (self._clock.monotonic() - started)
            if left <= 0:
                break
        raise self._verdict(call, result)

    def _verdict(self, call: Call, problem: Problem) -> ApiError:
        source = self._key.source if self._key else None
        elsewhere = None if self._base_url == DEFAULT_BASE_URL else self._base_url
        return verdict(call, problem, key_source=source, elsewhere=elsewhere)

    def _written(self, call: Call, prefix: str = "") -> tuple[str, bytes]:
        """The URL and the body. Raises Refused E309: names from manifests, states and lists must not steer a URL.

        `prefix` stands before the version: `upload/` and `download/` are for the bytes of files.
        """
        version = call.version or self._api_version
        proper = len(call.path) <= 1024 and ".." not in call.path and _PATH.fullmatch(call.path)
        if call.method not in _METHODS or not proper or not _VERSION.fullmatch(version):
            raise self._unsendable(call, "its path could lead elsewhere")
        try:
            query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in call.query)
            content = b"" if call.body is None else _to_json(call.body)
        except (TypeError, ValueError, RecursionError):
            raise self._unsendable(call, "it holds something that can't be written as JSON or in a URL") from None
        url = f"{self._base_url}/{prefix}{version}/{call.path}{'?' if query else ''}{query}"
        if len(url) > 60_000:
            raise self._unsendable(call, "its query is too long")
        return url, content

    def _unsendable(self, call: Call, why: str) -> Refused:
        what = self._listener.clean(f"{call.method} {call.path}", 200)
        return Refused(f"{what} was not sent: {why}.", code="E309", hint="If you didn't write this name, who did?")

    def _attempt(
        self, call: Call, url: str, content: bytes, limit: float, attempt: int, cap: int, pace: float
    ) -> Reply | Problem:
        """One request, `limit` seconds for all of it, and what the answer earns itself by its `pace`."""
        request = self._request(call.method, _url(url), self._headers(limit), content, limit, pace)

        def read(answer: httpx.Response, until: float) -> Reply | Problem:
            return self._answers.read(call, answer, until, cap, pace)

        return self._exchange(f"{call.method} {call.path}", request, limit, attempt, read)

    def _exchange(
        self,
        what: str,
        request: httpx.Request,
        limit: float,
        attempt: int,
        read: Callable[[httpx.Response, float], _Read],
    ) -> _Read | Problem:
        """One request, and what `read` makes of its answer, until the instant that it is given."""
        sent = self._clock.monotonic()
        response = self._send(request)
        status: object
        if isinstance(response, Problem):
            result: _Read | Problem = response
            status = response.failure.trouble
        else:
            status = response.status_code
            try:
                result = read(response, sent + limit)
            finally:
                with suppress(httpx.RequestError):
                    response.close()
        took = (self._clock.monotonic() - sent) * 1000
        log.debug("%s: %s in %.0f ms, attempt %d", what, status, took, attempt)
        return result

    def _request(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        content: bytes,
        limit: float,
        pace: float = math.inf,
    ) -> httpx.Request:
        """`limit` seconds for all of it, and for the answer a second more for every `pace` bytes of it.

        Its headers are complete: httpx would put in host and length at four times the cost.
        """
        host = {"Host": url.netloc.decode("ascii")}
        length = {"Content-Length": str(len(content))} if content or method in _WITH_BODY else {}
        timeout = {"connect": min(CONNECT_TIMEOUT, limit), "read": limit, "write": limit, "pool": limit}
        deadline = time.monotonic() + limit
        extensions = {"deadline": deadline, "timeout": timeout, **({"pace": pace} if pace < math.inf else {})}
        whole = {**host, **headers, **length}
        request = httpx.Request(method, url, headers=whole, stream=httpx.ByteStream(content), extensions=extensions)
        request.read()
        return request

    def _send(self, request: httpx.Request) -> httpx.Response | Problem:
        """Send it, and give the answer as soon as its head is there."""
        sent = self._clock.monotonic()
        try:
            response = self._transport.handle_request(request)
        except httpx.RequestError as error:
            return self._answers.unanswered(error)
        self._server_clock.observe(response.headers.get("date"), self._clock.monotonic(), sent)
        return response

    def _ask(
        self,
        what: str,
        url: str,
        headers: Mapping[str, str],
        content: bytes,
        attempt: int,
        *,
        with_key: bool = False,
        limit: float | None = None,
    ) -> Heard:
        """One request of an upload. Its URL may be a secret: `what` stands for it in the log."""
        limit = min(limit or math.inf, self._longest)
        given = {**(self._headers(limit) if with_key else self._plain_headers(limit)), **headers}
        request = self._request("POST", httpx.URL(url), given, content, limit)
        heard = self._exchange(what, request, limit, attempt, self._answers.hear)
        return Heard({}, problem=heard) if isinstance(heard, Problem) else heard

    def _headers(self, limit: float) -> dict[str, str]:
        headers = {**self._plain_headers(limit), "content-type": "application/json"}
        if self._key is not None:
            headers["x-goog-api-key"] = self._key.reveal()
        return headers

    def _plain_headers(self, limit: float) -> dict[str, str]:
        return {
            "user-agent": f"gemctl/{__version__}",
            "accept": "application/json",
            "accept-encoding": "gzip",
            "x-server-timeout": str(math.ceil(limit)),  # whole seconds, rounded up, as Google's own SDKs send it
        }

    def _again(self, call: Call, attempt: int, problem: Problem, since: float) -> bool:
        """Wait before the next attempt at something repeatable that began at `since`; False when there is none."""
        elapsed, budget = self._clock.monotonic() - since, self._longest * BUDGET
        next_step = decide(True, attempt, problem.failure, elapsed, budget, self._random())
        return isinstance(next_step, Again) and self._wait(call, attempt, problem, next_step.after_seconds)

    def _wait(self, call: Call, attempt: int, problem: Problem, seconds: float) -> bool:
        """Wait before the next attempt, and tell; False as soon as the user wants to stop."""
        if self._stopping():
            return False
        if self._tell_retry is not None:
            why = problem.said.message or problem.why or f"status {problem.failure.status}"
            until = self._server_clock.now() + timedelta(seconds=seconds)
            self._tell_retry(Retry(call, attempt, why, until))
        return self._pause(seconds)

    def _pause(self, seconds: float) -> bool:
        """Wait, in short stretches; False as soon as the user wants to stop."""
        left = seconds
        while left > 0:
            self._clock.sleep(min(left, _GLANCE))
            left -= _GLANCE
            if self._stopping():
                return False
        return True

    def _hide(self, texts: tuple[str, ...]) -> None:
        """Keep these texts as secret as the key from now on."""
        self._hidden = tuple(sorted(texts, key=len, reverse=True))

    @contextmanager
    def hiding(self, secrets: Iterable[str]) -> Iterator[None]:
        """Keep these secrets out of every message about the calls that are made meanwhile."""
        self._secrets = tuple(secrets)
        try:
            yield
        finally:
            self._secrets = ()

    def redacted(self, text: str) -> str:
        """The text without the key, and without what is hidden now."""
        text = redact(text, self._key)
        if self._secrets:
            text = redact_all(text, self._secrets)
        if not self._hidden:
            return text
        return re.sub("|".join(map(re.escape, self._hidden)), "[upload]", text, flags=re.IGNORECASE)


@lru_cache(maxsize=256)
def _url(text: str) -> httpx.URL:
    """The URL, parsed once: that costs more than the rest of a request, and most requests go to the same few."""
    return httpx.URL(text)


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


# Made once: `json.dumps` would make one for each body.
_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode


def _to_json(body: JsonObject) -> bytes:
    return _encoded(body).encode()
