"""How much work is done. What is measured is counted and not timed: a count is the same on every machine, and however
busy it is.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from hypothesis import settings


def examples(count: int) -> int:
    """For a property that is to have other than a hundred examples: as many, or the share that the profile takes."""
    return count * settings.default.max_examples // 100


def calls(act: Callable[[], Any]) -> int:
    """The calls of functions, in Python and in C, that are made on the way."""
    count = 0

    def seen(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


def steps(act: Callable[[], Any], ours: Callable[[str], bool]) -> int:
    """The lines of Python that are run on the way, in this thread and in those that are started meanwhile: those of
    files whose paths are `ours`. A line in a loop counts each time.
    """
    counts: dict[int, int] = {}  # by thread: they don't wait for each other

    def seen(frame: FrameType, event: str, argument: Any) -> Any:
        if event == "call" and not ours(frame.f_code.co_filename):
            return None
        if event == "line":
            thread = threading.get_ident()
            counts[thread] = counts.get(thread, 0) + 1
        return seen

    before = sys.gettrace()
    threading.settrace(seen)
    sys.settrace(seen)
    try:
        act()
    finally:
        sys.settrace(before)
        threading.settrace(before)  # type: ignore[arg-type]
    return sum(counts.values())
