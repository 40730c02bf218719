"""Defines one WebSocket of the Live API as the service sees it: frames in, frames and an end out.

Made by `App.connect`, carried by `server`, and driven directly by tests and by what opens sessions within one process.
Separate because a channel does no I/O and never waits, as the application doesn't: it says what is sent now, and the
carrier asks again when time has passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

LONGEST_REASON = 123
"""The most bytes of a reason (RFC 6455, section 5.5: a control frame has 125 bytes, the code takes two)."""


@dataclass(frozen=True)
class Frame:
    """One message of the service: JSON. It goes out as a binary frame, as the service sends it, or as `text`."""

    data: bytes
    text: bool = False


@dataclass(frozen=True)
class Close:
    """The end of a session, by the service: the code and the reason of the close frame. Code 1006 is no close frame:
    the connection breaks."""

    code: int
    reason: str = ""


Sent = Frame | Close


class Channel(Protocol):
    """One open WebSocket. Nothing is asked of it after a Close was given, or after `gone`. No method raises."""

    def take(self, frame: bytes) -> Sequence[Sent]:
        """What the service sends when this frame of the client has come; text frames come as UTF-8."""

    def wake(self) -> Sequence[Sent]:
        """What the service sends because its clock says so; to be asked some times a second."""

    def gone(self) -> None:
        """The client has closed the connection, or it broke."""
