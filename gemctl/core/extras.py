"""Says how to install optional libraries, by the extra of pyproject.toml that brings them; a test compares the two.

Called by api, state and workflows where such a library is missing.

A hint names the libraries rather than the extra: `pip install 'gemctl[…]'` finds nothing where gemctl came from a clone
or a tag and stands in another environment.
"""

from __future__ import annotations

from collections.abc import Mapping

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "emulator": ("cryptography", "starlette", "uvicorn", "websockets"),
    "keyring": ("keyring",),
    "live": ("websockets",),
    "metrics": ("prometheus-client",),
    "objects": ("obstore",),
    "parquet": ("pyarrow",),
    "postgres": ("psycopg[binary]",),
}


def how_to_install(extra: str) -> str:
    """A hint for a user who lacks the libraries of this extra."""
    words = " ".join(f"'{name}'" if "[" in name else name for name in EXTRAS[extra])
    return f"Install what it needs beside gemctl: pip install {words} (or: pipx inject gemctl {words})."
