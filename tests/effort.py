"""How much work is done. What is measured is counted and not timed: a count is the same on every machine, and however
busy it is.
"""

from __future__ import annotations

import sys
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
