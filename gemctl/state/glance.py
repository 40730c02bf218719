"""Finds addresses in the bytes of a snapshot without reading it as a state: a large one would take a second. Called by
workflows/completion.py, where a name that is missing does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator


def recorded(snapshot: bytes, kind: str, name: str) -> Iterator[str]:
    """The addresses of a snapshot (state.json) whose kind is matched by `kind`, a regular expression, and whose name
    begins with `name`; in its order, which is sorted.
    """
    at = rf'"kind": ?"({kind})",\s*"name": ?"({re.escape(name)}[^"]*)"'
    pattern = rf'"op": ?"bound",\s*"address": ?{{\s*{at}'  # blanks are in those of before
    for found in re.finditer(pattern.encode(), snapshot):
        yield f"{found[1].decode()}/{found[2].decode()}"
