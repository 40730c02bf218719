"""Connects a client of the Live API to `App.connect` within one process, as a WebSocket would.

Called by workflows/wiring.py for the embedded emulator. Separate from `transport`, which does the same for httpx: here
is no library, and a session goes on by the channel's clock, which is asked while the client waits.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from gemctl.emulator.app import App, Request, Response
from gemctl.emulator.live.channel import Channel, Close, Sent

_WAKE = 0.05  # seconds between two looks at the channel's clock
_BROKEN = 1006


def connect(
    app: App,
    path: str,
    headers: tuple[tuple[str, str], ...],
    query: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> "LocalSocket | tuple[int, str]":
    """Ask for a WebSocket. The status and words of another answer, where it is refused; 1006 for none."""
    asked = Request("GET", path, tuple(parse_qsl(query)), {name.lower(): value for name, value in headers})
    answer = app.connect(asked)
    if not isinstance(answer, Response):
        return LocalSocket(answer, sleep)
    sleep(answer.delay)
    return (_BROKEN, "") if answer.drop else (answer.status, "")


class LocalSocket:
    """One open WebSocket. `sleep` carries out waiting: a test's clock can stand in."""

    def __init__(self, channel: Channel, sleep: Callable[[float], None]) -> None:
        self._channel = channel
        self._sleep = sleep
        self._came: deque[Sent] = deque()
        self._ended = False  # the channel said so, or this side has left

    def send(self, frame: bytes) -> None:
        """Send one message."""
        if not self._ended:
            self._take(self._channel.take(frame))

    def receive(self, within: float) -> bytes | tuple[int, str] | None:
        """The next message; the code and the reason of the end; None when nothing came in that time."""
        while True:
            if not self._came and not self._ended:
                self._take(self._channel.wake())
            if self._came:
                first = self._came.popleft()
                return (first.code, first.reason) if isinstance(first, Close) else first.data
            if self._ended:
                return _BROKEN, ""
            if within <= 0:
                return None
            pause = min(within, _WAKE)
            self._sleep(pause)
            within -= pause

    def close(self) -> None:
        """Leave. What has come and was not read is dropped."""
        self._came.clear()
        if not self._ended:
            self._ended = True
            self._channel.gone()

    def _take(self, sent: Sequence[Sent]) -> None:
        for one in sent:
            self._came.append(one)
            self._ended = self._ended or isinstance(one, Close)
