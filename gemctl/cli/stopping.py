"""Signals while something is being done: the first lets what is in flight finish, the second leaves at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gemctl.engine.execute import Stopping


@contextmanager
def graceful(stopping: Stopping, say: Callable[[str], None]) -> Iterator[None]:
    """Within it, the first SIGINT or SIGTERM asks the run to stop; another one ends the process.

    Ending it is safe at any moment: every intent is durable before its call is made.
    """

    def handle(number: int, _: FrameType | None) -> None:
        if stopping.signal is None:
            stopping.request(number)
            say("Stopping: what is in flight is finished and recorded. Once more to leave at once.")
        else:
            sys.stderr.write("\n\x1b[?25h" if sys.stderr.isatty() else "")
            sys.stderr.flush()
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
