"""Carries a secret from a reply to its sink. Made by engine/execute.py, taken by outputs."""

from __future__ import annotations

import hashlib


class Secret:
    """Its representation shows a digest only, so that no message or traceback can hold it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def digest(self) -> str:
        """The first 16 hex digits of its SHA-256, by which the ledger knows it."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<secret {self.digest}>"
