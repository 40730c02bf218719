"""Reads and shows addresses: the identity that people type and logs repeat. Used by nearly every room."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

NAME_PATTERN = r"[a-z0-9](?:[-a-z0-9.]{0,62}[a-z0-9])?"
_NAME = re.compile(NAME_PATTERN)
_KEY = attrgetter("kind", "name")


class _Hashed:
    """Has room for a hash: a field of its own would be written and compared."""

    __slots__ = ("_hash",)
    _hash: int


@dataclass(frozen=True, slots=True, order=True)
class Address(_Hashed):
    """`Kind/name`: names a resource for as long as it is declared, wherever its file lies.

    Its hash is made once: a plan looks each address up a hundred times.
    """

    kind: str
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.kind, self.name)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Address], tuple[str, str]]:
        return Address, (self.kind, self.name)  # hashes of texts are others in each process

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `Kind/name`. Raises ValueError with a sentence for people when it has another form."""
        kind, slash, name = text.partition("/")
        if not slash or not kind or not valid_name(name):
            raise ValueError(f"{text!r} is not an address; write Kind/name, such as CachedContent/handbook.")
        return cls(kind, name)


def in_order(addresses: Iterable[Address]) -> list[Address]:
    """The addresses in their order, sooner than by comparing two at a time."""
    return sorted(addresses, key=_KEY)


def valid_name(name: str) -> bool:
    """True for 1 to 64 characters of a-z, 0-9, `-` and `.`, beginning and ending with a letter or digit."""
    return _NAME.fullmatch(name) is not None
