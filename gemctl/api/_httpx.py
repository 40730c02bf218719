"""The one door to httpx.

httpx imports its own command-line module when it can, and that one drags in click, rich and pygments: tens of
milliseconds for something gemctl never calls. A None in `sys.modules` makes that import fail, which httpx provides for.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402  (after its command-line module has been kept out)

__all__ = ["httpx"]
