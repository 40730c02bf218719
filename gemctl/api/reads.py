"""Digests the lists that a run reads, so that a later run can tell whether it would read the same. Called by client.py,
made by workflows/settled.py.
"""

from __future__ import annotations

import hashlib
import marshal
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gemctl.core.call import Call
from gemctl.core.source import JsonObject

_PLAIN = 2  # the form of `marshal` in which equal values have equal bytes, whatever else refers to them

Key = tuple[str, tuple[tuple[str, str], ...]]  # path and query of a list


class Reads:
    """The lists that were read through all clients of one run, by what was asked. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digests: dict[Key, str] = {}
        self._ahead: dict[Key, list[bytes]] = {}
        self._state = ""
        self._more = False

    @property
    def lists(self) -> Mapping[Key, str] | None:
        """The digest of each list; None where anything else was asked, or one of them twice."""
        with self._lock:
            return None if self._more else dict(self._digests)

    def other(self) -> None:
        """Note a request that is no page of a list."""
        with self._lock:
            self._more = True

    def ahead(self, call: Call, pages: Iterator[JsonObject], state: str) -> str:
        """Read a list before anybody asks for it, and keep it for the first who does. Gives its digest. `state` is the
        stamp that the state had before.
        """
        kept = [_bytes(page) for page in pages]
        with self._lock:
            self._ahead[_key(call)], self._state = kept, state
        return _digest(kept)

    def upon(self, state: str) -> None:
        """Give up what was read ahead, unless the state of this stamp came before: lists are newer than the state that
        they are compared with.
        """
        with self._lock:
            if state != self._state:
                self._ahead.clear()

    def pages(self, call: Call, ask: Callable[[], Iterator[JsonObject]]) -> Iterator[JsonObject]:
        """The pages of a list: those that were read ahead, or else as `ask` gives them."""
        key = _key(call)
        with self._lock:
            kept = self._ahead.pop(key, None)
        if kept is not None:
            self._note(key, _digest(kept))
            for data in kept:
                yield marshal.loads(data)  # noqa: S302 - made by `ahead`, in this process
            return
        digest = hashlib.sha256()
        for page in ask():
            digest.update(_bytes(page))
            yield page
        self._note(key, digest.hexdigest())

    def _note(self, key: Key, digest: str) -> None:
        with self._lock:
            self._more |= key in self._digests
            self._digests[key] = digest


def _bytes(page: JsonObject) -> bytes:
    plain: Any = page
    return marshal.dumps(plain, _PLAIN)


def _key(call: Call) -> Key:
    return call.path, call.query


def _digest(kept: list[bytes]) -> str:
    digest = hashlib.sha256()
    for data in kept:
        digest.update(data)
    return digest.hexdigest()
