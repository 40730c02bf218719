"""The three small protocols behind which state is kept. Who only plans is given a Reader, and so cannot write."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.record import Entry, Ledger
from gemctl.state.codec import Identity


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store held. `identity` is None when there was no state; `ledger.known` is False then."""

    identity: Identity | None
    ledger: Ledger
    warnings: tuple[Diagnostic, ...] = ()


class Reader(Protocol):
    def load(self) -> Loaded:
        """Raises StateError when what is there can't be used as it is."""


class Writer(Protocol):
    """Used between `begin` and `finish`, by one run at a time, under the lock."""

    def begin(self, identity: Identity, ledger: Ledger) -> None:
        """Make the store ready for entries that build upon this ledger."""

    def append(self, entries: Iterable[Entry]) -> None:
        """Durable on return, all of them. Raises OSError; nothing may be sent on the strength of them then."""

    def finish(self, identity: Identity, ledger: Ledger) -> None:
        """Fold into a new snapshot, with the serial raised by one."""


class Locker(Protocol):
    def lock(self, doing: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the stack for a whole run. Raises Locked, naming the owner, after `timeout` seconds."""
