"""Serves the health and the counters of `gemctl watch` on a loopback port, as two pages. Called by the watch command,
with --metrics-port.

Only this module imports prometheus-client. It counts the events of core/watch.py; no event holds a secret.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError
from gemctl.core.extras import how_to_install
from gemctl.core.moment import show_duration
from gemctl.core.watch import Ended, Result, WatchEvent

HOST = "127.0.0.1"
GRACE = timedelta(minutes=5)  # that a tick may take, over two intervals, before something must be wrong
PATIENCE = 5.0  # seconds for a request to be read


class Metrics:
    """Counts events, and makes the pages. One thread calls `hear`, and others ask for the pages."""

    def __init__(self, interval: timedelta, clock: Clock) -> None:
        """Raises GemctlError where the extra is not installed."""
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge
        except ModuleNotFoundError:
            raise GemctlError(
                "--metrics-port needs prometheus_client, which is not installed.",
                code="E551",
                hint=how_to_install("metrics"),
            ) from None
        self._clock, self._patience = clock, 2 * interval + GRACE
        self._good: datetime | None = None
        self._last = "it has not looked yet"
        self._due: datetime | None = None
        self._registry = registry = CollectorRegistry()
        self._success = Gauge(
            "gemctl_watch_last_success_timestamp_seconds", "When all was well the last time.", registry=registry
        )
        self._ticks = Counter("gemctl_watch_ticks", "Ticks, by how they ended.", ["outcome"], registry=registry)
        self._changes = Counter(
            "gemctl_watch_changes",
            "Steps carried out, by what the plan said of them and what became of them.",
            ["action", "reason", "status"],
            registry=registry,
        )
        self._errors = Counter("gemctl_watch_errors", "Ticks that an error was found in, by its code.", ["code"],
                               registry=registry)  # fmt: skip
        self._left = Gauge(
            "gemctl_watch_pending_changes", "Changes that are planned, and need a person.", registry=registry
        )
        self._next = Gauge(
            "gemctl_watch_next_due_seconds", "Seconds until something must be done; NaN for never.", registry=registry
        )
        self._next.set_function(self._until_due)
        self._end = Gauge(
            "gemctl_watch_earliest_end_timestamp_seconds",
            "When the first of what is kept alive would end; NaN for nothing.",
            registry=registry,
        )
        self._end.set(math.nan)
        for result in Result:
            self._ticks.labels(result.value)

    def hear(self, event: WatchEvent) -> None:
        """Count a tick that is over."""
        if not isinstance(event, Ended):
            return
        now = self._clock.now()
        self._ticks.labels(event.result.value).inc()
        for action, reason, status in event.made:
            self._changes.labels(action.value, reason.value, status.value).inc()
        for code in event.codes:
            self._errors.labels(code).inc()
        if event.left is not None:
            self._left.set(event.left)
        if event.result is Result.DONE:
            self._good = now
            self._success.set(now.timestamp())
        if event.result in (Result.DONE, Result.PARTIAL):
            # By the service's clock, told in this machine's.
            self._due = now + (event.due - event.at) if event.due else None
            self._end.set((now + (event.end - event.at)).timestamp() if event.end else math.nan)
        self._last = f"the last look ended as {event.result.value}" + "".join(f" {code}" for code in event.codes)

    def _until_due(self) -> float:
        due = self._due
        return (due - self._clock.now()).total_seconds() if due else math.nan

    def health(self) -> tuple[int, str]:
        """The HTTP status of /healthz, and a line that says why."""
        good = self._good
        if good is None:
            return 503, f"nothing was well yet: {self._last}"
        age = self._clock.now() - good
        text = f"all was well {show_duration(age)} ago"
        return (200, text) if age <= self._patience else (503, f"{text}, and since then {self._last}")

    def page(self) -> bytes:
        """All metrics, in the text format of Prometheus."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class Served(Metrics):
    """Metrics with the URL that serves them."""

    url = ""


@contextmanager
def serving(port: int, interval: timedelta, clock: Clock) -> Iterator[Served]:
    """Serve the two pages to this machine within the block. Raises GemctlError where the extra is missing, or the port
    can't be had.
    """
    metrics = Served(interval, clock)
    try:
        server = _Server((HOST, port), _handler(metrics))
    except OSError as error:
        raise GemctlError(
            f"Port {port} of {HOST} can't be had: {error.strerror or error}.",
            code="E552",
            hint="Another process listens there, or it takes more rights. Give another --metrics-port; 0 picks one.",
        ) from None
    metrics.url = f"http://{HOST}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, name="gemctl-metrics", daemon=True)
    thread.start()
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _is_here(host: str) -> bool:
    """Whether a Host header names this machine; a page that had its name re-bound says its own."""
    from gemctl.api.auth import is_loopback

    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


class _Server(ThreadingHTTPServer):
    daemon_threads = True


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Serves two pages, only to requests whose Host header names this machine."""

        timeout = PATIENCE
        server_version, sys_version = "gemctl", ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if not _is_here(self.headers.get("Host", "")):
                self._answer(403, b"requests to this machine only\n")
            elif path == "/healthz":
                status, text = metrics.health()
                self._answer(status, f"{text}\n".encode())
            elif path == "/metrics":
                self._answer(200, metrics.page(), "text/plain; version=0.0.4; charset=utf-8")
            else:
                self._answer(404, b"/healthz, /metrics\n")

        def _answer(self, status: int, body: bytes, form: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", form)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are no news."""

    return Handler
