"""Carries secrets: from a reply to its sink, and from its source into a request. Digests them for the ledger.

Made by engine/execute.py and workflows/secrets.py, taken by outputs and engine.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache


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


# Literals that no manifest should have: tokens that are known by their beginnings, schemes of authentication, keys, and
# users with passwords in addresses.
_LITERAL = (
    r"AIza[\w-]{20}|AQ\.[\w-]{20}|ya29\.|sk-[\w-]{16}|gh[pousr]_\w{16}|github_pat_|glpat-|xox[abprs]-|AKIA[A-Z0-9]{12}"
    r"|whsec_|eyJ[\w-]{8,2000}\.eyJ|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s@]+@"
)
_SECRET = rf"{_LITERAL}|^(?:Bearer|Basic|Token) +\S{{8}}|^\(a secret"
_NAME = r"authori[sz]ation|cookie|passw|passphrase|secret|(?:^|[-_])(?:pw|pwd|pass)$"
_SECRETIVE = rf"{_NAME}|credential|(?:^|[-_])(?:api-?_?)?(?:key|token)$"
_IN_A_LINE = rf"{_LITERAL}|\b(?:Bearer|Basic):? +\S{{8}}"
# Of a line less is taken for a secret by its name: many a `key` of a request is none. What begins as a map, a list, a
# variable or a block is no literal, and neither is nothing.
_PAIR = r"""(?<![\w.-])([\w.-]+)["']?\s*[:=](?!\s*(?:[{\[$|>&*#]|$))"""
_SECRETIVE_IN_A_LINE = (
    rf"{_NAME}|(?:^|[-_]|refresh-?|access-?|auth-?|bearer-?)token$|api[-_]?key$|private[-_]?key$|_key$"
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """When it is first looked for: few commands do."""
    return re.compile(pattern, re.IGNORECASE)


def looks_secret(name: str, value: str) -> bool:
    """Whether a literal, of a header or a variable of this name, is most likely a secret."""
    return bool(_compiled(_SECRET).search(value) or (value and _compiled(_SECRETIVE).search(name)))


def may_show_secret(line: str) -> bool:
    """Whether a line of a manifest may have a secret in it, well-formed or not: then no message shows it."""
    names = _compiled(_PAIR).findall(line)
    return bool(_compiled(_IN_A_LINE).search(line)) or any(map(_compiled(_SECRETIVE_IN_A_LINE).search, names))
