"""Imports httpx without its command-line module, for all other modules of this room.

httpx imports that module when it can, and that one drags in click, rich and pygments: tens of milliseconds for
something gemctl never calls. A None in `sys.modules` makes that import fail, which httpx provides for.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402  (after its command-line module has been kept out)

__all__ = ["httpx"]
