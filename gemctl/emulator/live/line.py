"""Holds what one session sends: now, and at instants to come.

Used by `session` and `dialogue`. Separate because the rest of a session can then be read as if time passed by itself:
what is due happens in its order, each at its own instant, however late somebody asks.
"""

import heapq
import json
from collections.abc import Callable, Mapping
from typing import Any

from gemctl.emulator.live.channel import Close, Frame, Sent

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
Action = Callable[[], None]


class Line:
    """`now` is the instant of what happens. `sent` and `size` count the messages and their bytes. `cut`: after that
    many bytes the connection breaks."""

    def __init__(self, now: int, *, text: bool = False) -> None:
        self.now = now
        self.closed: Close | None = None
        self.sent = 0
        self.size = 0
        self.cut: int | None = None
        self.text = text
        self._out: list[Sent] = []
        self._ending: tuple[int, Close] | None = None
        self._agenda: list[tuple[int, int, str, Action]] = []
        self._number = 0

    @property
    def next(self) -> int | None:
        """When something happens by itself."""
        first = next(iter(self._agenda), None)  # in one step: a reset may clear it meanwhile, from another thread
        return None if first is None or self.closed is not None else first[0]

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message now."""
        if self.closed is not None:
            return
        data = _encode(message).encode("utf-8", "replace")
        if self.cut is not None and self.size + len(data) > self.cut:
            self.close(Close(1006))
            return
        self.sent += 1
        self.size += len(data)
        self._out.append(Frame(data, self.text))
        if self._ending is not None and self.sent >= self._ending[0]:
            self.close(self._ending[1])

    def end_after(self, messages: int, close: Close) -> None:
        """End the session when so many messages were sent."""
        if self.sent >= messages:
            self.close(close)
        else:
            self._ending = (messages, close)

    def close(self, close: Close) -> None:
        """End the session now."""
        if self.closed is None:
            self.closed = close
            self._out.append(close)
            self._agenda.clear()

    def at(self, instant: int, tag: str, action: Action) -> None:
        """Do that at an instant, unless what the tag stands for is dropped before."""
        self._number += 1
        heapq.heappush(self._agenda, (instant, self._number, tag, action))

    def drop(self, tag: str) -> None:
        """Do nothing of that any more."""
        self._agenda = [each for each in self._agenda if each[2] != tag]
        heapq.heapify(self._agenda)

    def run(self, until: int) -> None:
        """Let happen what is due by then."""
        while (due := self.next) is not None and due <= until:
            self.now = max(self.now, due)
            heapq.heappop(self._agenda)[3]()
        self.now = max(self.now, until)

    def taken(self) -> list[Sent]:
        """What is to be sent, which is then sent."""
        out, self._out = self._out, []
        return out
