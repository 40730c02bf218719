"""Faults on the wire, below httpx: what can happen to a request between gemctl and a service that works."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random

import httpx

from gemctl.emulator.app import App
from gemctl.emulator.transport import EmulatorTransport

STATUSES = (408, 409, 425, 429, 500, 502, 503, 504)
KINDS = (
    "no connection",
    "lost before",
    "lost after",
    "late",
    "duplicate",
    "status before",
    "status after",
    "cut",
    "garbage",
    "slow",
)

SHORT = "list without rows"
COLLECTIONS = (
    *("cachedContents", "files", "batches"),
    *("fileSearchStores", "documents", "webhooks", "agents", "triggers", "credentials"),
)
TOKENS = {"pageToken", "page_token", "cursor"}


class ForgetfulLists:
    """Lists that lack some of their rows, or all, and look complete: for once, then the next one that arrives is whole.

    seen   is told of each that something was taken from.
    """

    def __init__(self, random: Random, rate: float, seen: Callable[[str], None]) -> None:
        self._random, self._rate, self._seen = random, rate, seen
        self._short: set[str] = set()

    def __call__(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        path = request.url.path
        collection = path.rpartition("/")[2]
        first = not TOKENS & set(request.url.params)
        if not self._rate or request.method != "GET" or collection not in COLLECTIONS or response.status_code != 200:
            return response
        if first and path in self._short:
            self._short.discard(path)
            return response
        page = json.loads(response.read())
        (rows,) = [part for part in page.values() if isinstance(part, list)] or [[]]
        if not rows or self._random.random() >= self._rate:
            return response
        kept = [row for row in rows if self._random.random() < 0.5] if self._random.random() < 0.5 else []
        if len(kept) < len(rows):
            self._short.add(path)
            self._seen(SHORT)
        left = {name: kept if part is rows else part for name, part in page.items() if part is not rows or kept}
        return httpx.Response(200, headers={"content-type": "application/json"}, json=left, request=request)


def whole_lists(_: httpx.Request, response: httpx.Response) -> httpx.Response:
    """For worlds where lists show what there is."""
    return response


class FaultTransport(httpx.BaseTransport):
    """Draws a fault for each request with probability `rate`, and counts what it drew in `seen`.

    boundary   called before and after each request; may raise Died.
    postpone   takes a request that the service will carry out later, when nobody listens any more.
    lists      what becomes of the answer to a list.
    """

    def __init__(
        self,
        app: App,
        random: Random,
        rate: float,
        *,
        kinds: tuple[str, ...],
        sleep: Callable[[float], None],
        boundary: Callable[[str], None],
        sent: Callable[[httpx.Request], None],
        postpone: Callable[[httpx.Request], None],
        seen: Callable[[str], None],
        lists: Callable[[httpx.Request, httpx.Response], httpx.Response] = whole_lists,
    ) -> None:
        self._lists = lists
        self._inner = EmulatorTransport(app, sleep=sleep)
        self._random, self._rate, self._kinds = random, rate, kinds
        self._sleep, self._boundary, self._sent, self._postpone, self._seen = sleep, boundary, sent, postpone, seen

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._boundary(f"before {request.method}")
        request.read()
        kind = self._random.choice(self._kinds) if self._kinds and self._random.random() < self._rate else ""
        if kind:
            self._seen(kind)
        if kind == "no connection":
            raise httpx.ConnectError("refused", request=request)
        self._sent(request)
        response = self._suffer(kind, request)
        self._boundary(f"after {request.method}")
        return response

    def _suffer(self, kind: str, request: httpx.Request) -> httpx.Response:
        match kind:
            case "lost before":
                raise httpx.ReadError("reset", request=request)
            case "late":
                self._postpone(request)
                raise httpx.ReadTimeout("no answer", request=request)
            case "status before":
                return self._status(request)
        response = self._inner.handle_request(request)
        match kind:
            case "lost after":
                raise httpx.ReadError("reset", request=request)
            case "slow":
                self._sleep(300.0)
                raise httpx.ReadTimeout("no answer in time", request=request)
            case "duplicate":
                self._inner.handle_request(request)
            case "status after":
                return self._status(request)
            case "garbage":
                return httpx.Response(200, content=b"<html>{]", request=request)
            case "cut":
                body = response.read()
                headers = {"content-type": "application/json"}
                return httpx.Response(200, headers=headers, stream=_Cut(body[: len(body) // 2]), request=request)
        return self._lists(request, response)

    def _status(self, request: httpx.Request) -> httpx.Response:
        status = self._random.choice(STATUSES)
        body = {"error": {"code": status, "message": "try again", "status": "UNAVAILABLE"}}
        return httpx.Response(
            status, headers={"content-type": "application/json"}, content=json.dumps(body).encode(), request=request
        )


class _Cut(httpx.SyncByteStream):
    def __init__(self, part: bytes) -> None:
        self._part = part

    def __iter__(self):
        yield self._part
        raise httpx.RemoteProtocolError("peer closed the connection")
