"""Carries secrets: from a reply to its sink, and from its source into a request. Digests them for the ledger.

Made by engine/execute.py and workflows/secrets.py, taken by outputs and engine.
"""

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


UNSEEN = "secret"  # stands in a canonical form where a secret does, as long as its value has not been seen
_COST = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}  # 16 MiB, and some 50 ms: a short secret is not guessed


def keyed(value: str, salt: str, whose: str) -> str:
    """`scrypt:` and 32 hex digits, by which the ledger knows the value of a secret that was sent.

    `salt` is that of the state, and `whose` says which secret it is: two that are alike have different digests, and
    those of another state say nothing about these. It is for ever: with another one, all secrets would be sent again.
    """
    text = value.encode("utf-8", "surrogatepass")
    return "scrypt:" + hashlib.scrypt(text, salt=f"{salt}\0{whose}".encode(), dklen=16, **_COST).hex()
