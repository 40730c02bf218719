"""Gathers what is wrong with the documents of a project. Filled by `drafts`, `shaped`, `around` and `bind`."""

from __future__ import annotations

from dataclasses import replace

from gemctl.core.diagnostic import Diagnostic


class Complaints:
    """What was found so far, in that order. `origin` is the path of gemctl.yaml, where it was read."""

    def __init__(self, origin: str | None) -> None:
        self.found: list[Diagnostic] = []
        self._origin = origin

    def report(self, found: Diagnostic) -> None:
        """Note it; a mistake in the defaults is reported once, and not again for every resource."""
        if self._origin is not None and found.span and found.span.file == self._origin:
            found = replace(found, address=None)
        self.found.append(found)
