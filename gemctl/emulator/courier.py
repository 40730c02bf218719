"""Carries deliveries of events to receivers on this machine, with threads of its own, so that no request waits for one.

Called by `app`, which says what is to be sent and hears what came of it. Separate because it alone opens connections.
A host that is not this machine is never called: whoever tries something out here must not reach others by it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_PATIENCE = 10.0  # seconds that a receiver has for its answer
_AT_ONCE = 4


@dataclass(frozen=True)
class Post:
    """One attempt at one delivery. `name` is the delivery's, in its project."""

    project: str
    name: str
    uri: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Answered:
    """What came of it: the status of the answer, or why there was none."""

    status: int | None
    error: str = ""


class Courier:
    """Sends posts, a few at once. `hear` is told what came of each, before it counts as ended."""

    def __init__(self, hear: Callable[[Post, Answered], None]) -> None:
        self._hear = hear
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[tuple[str, str], Future[None]] = {}

    def carries(self, project: str, name: str) -> bool:
        """Whether an attempt at that delivery is under way."""
        with self._lock:
            return (project, name) in self._under_way

    def send(self, post: Post) -> None:
        """Begin with it. The process does not end before it has ended: at most some seconds later."""
        from concurrent.futures import ThreadPoolExecutor  # most runs deliver nothing

        with self._lock:
            self._pool = self._pool or ThreadPoolExecutor(_AT_ONCE, "gemctl emulator deliveries")
            self._under_way[post.project, post.name] = self._pool.submit(self._carry, post)

    def wait(self) -> None:
        """Return when all that was under way has ended. `hear` must not wait for the caller."""
        with self._lock:
            under_way = tuple(self._under_way.values())
        for one in under_way:
            one.result()

    def _carry(self, post: Post) -> None:
        try:
            self._hear(post, send(post))
        finally:
            with self._lock:
                self._under_way.pop((post.project, post.name), None)


def reachable(uri: str) -> bool:
    """Whether a receiver is on this machine, and may be called."""
    from gemctl.emulator.loopback import is_local

    try:
        parts = urlsplit(uri)
        return parts.scheme in ("http", "https") and is_local(parts.netloc.rpartition("@")[2]) and parts.port != 0
    except ValueError:
        return False


def send(post: Post) -> Answered:
    """POST it once, follow nothing, and read no more of the answer than its status. Raises nothing."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    if not reachable(post.uri):
        return Answered(None, "the host is not this machine")
    parts = urlsplit(post.uri)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=_PATIENCE)
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    try:
        connection.request("POST", path, body=post.body, headers=dict(post.headers))
        return Answered(connection.getresponse().status)
    except (OSError, HTTPException, ValueError) as error:
        return Answered(None, (error.strerror if isinstance(error, OSError) else None) or type(error).__name__)
    finally:
        connection.close()
