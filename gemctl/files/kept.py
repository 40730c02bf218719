"""Keeps what is only quicker to read than to make anew, in files that say themselves what they are good for. Called by
manifest/root.py, manifest/remembered.py and workflows/settled.py.

The first line of such a file is a header: what the rest was made of, and a digest of the rest. So a file that is
damaged, was edited, or was made by another version is no more than one that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gemctl import __version__
from gemctl.core.digest import sha256
from gemctl.files.disk import Files
from gemctl.files.whole import write_whole


def read_kept(files: Files, place: Path, made_of: Mapping[str, object], most: int) -> bytes | None:
    """What was kept of just this, if it has at most that many bytes; None for nothing. Raises nothing."""
    try:
        head, _, rest = (files.read(place, most) or b"").partition(b"\n")
        return rest if json.loads(head) == _header(made_of, rest) else None
    except (OSError, ValueError, RecursionError):
        return None


def keep(files: Files, place: Path, made_of: Mapping[str, object], rest: bytes, most: int) -> None:
    """Keep it, unless it has more bytes than are read again. The folder must be there. Raises OSError."""
    data = json.dumps(_header(made_of, rest)).encode() + b"\n" + rest
    if len(data) <= most:
        write_whole(files, place, data)


def _header(made_of: Mapping[str, object], rest: bytes) -> dict[str, object]:
    return {"gemctl": __version__, **made_of, "digest": sha256(rest)}
