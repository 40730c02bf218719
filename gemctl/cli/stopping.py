"""Handles signals while a command acts: the first lets what is in flight finish, the second leaves at once. Called by
acting.py and by the other commands that act.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemctl.engine.execute import Stopping

_STDERR = 2
_STOPPING = "Stopping: what is in flight is finished and recorded. Once more to leave at once."


@contextmanager
def graceful(stopping: Stopping, say: Callable[[str], None]) -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM asks the run to stop; another one ends the process.

    Ending it is safe at any moment: every intent is durable before its call is made. A signal may come amid a write to
    standard error, and Python's streams can't be written to twice at once: then its descriptor is.
    """

    def handle(number: int, _: FrameType | None) -> None:
        if stopping.signal is None:
            stopping.request(number)
            try:
                say(_STOPPING)
            except RuntimeError:
                _to_descriptor(f"{_STOPPING}\n")
        else:
            try:
                if os.isatty(_STDERR):
                    _to_descriptor("\n\x1b[?25h")
            finally:
                os._exit(128 + number)

    try:
        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _to_descriptor(text: str) -> None:
    with suppress(OSError):
        os.write(_STDERR, text.encode())
