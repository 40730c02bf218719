"""Defines what any place for the state must be able to do. Called by workflows/; a run that only plans uses `load` and
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Protocol

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError
from gemctl.core.frozen import dataclass
from gemctl.core.record import Entry, Ledger
from gemctl.state.codec import Identity


@dataclass(frozen=True, slots=True)
class Loaded:
    """The contents of a store. `identity` is None when there was no state; `ledger.known` is False then. `stamp` is as
    `Reader.stamp` gives it, and no part of the contents: another blank between two values makes another one.
    """

    identity: Identity | None
    ledger: Ledger
    warnings: tuple[Diagnostic, ...] = ()
    stamp: str = field(default="", compare=False)


class StoreFailed(GemctlError, OSError):
    """The place of the state can't be reached, or this run may no longer write to it.

    An OSError, since a run that writes an intent must treat it as a full disk: nothing is sent on the strength of it.
    """


class Reader(Protocol):
    def load(self) -> Loaded:
        """Raises StateError when the state can't be used as it is, StoreFailed when it can't be reached."""

    def stamp(self) -> str:
        """A digest of all that `load` would make something of; "" where there is no state. Raises StoreFailed."""


class Writer(Protocol):
    """Used between `begin` and `finish`, by one run at a time, under the lock."""

    def begin(self, identity: Identity, ledger: Ledger) -> None:
        """Make the store ready for entries that build upon this ledger, as it was loaded."""

    def append(self, entries: Iterable[Entry]) -> None:
        """Durable on return, all of them. Raises OSError; nothing may be sent on the strength of them then."""

    def finish(self, identity: Identity, ledger: Ledger) -> None:
        """Fold into a new snapshot, with a higher serial. Raises OSError; appended entries are in the journal then."""


class Locker(Protocol):
    def lock(self, doing: str, timeout: float) -> AbstractContextManager[None]:
        """Hold the stack for a whole run. Raises Locked, naming the owner, after `timeout` seconds."""

    def unlock(self, lock_id: str) -> str:
        """Remove exactly the lock of that id, whose owner is gone; returns its owner, in words. Raises Usage."""


class Store(Reader, Writer, Locker, Protocol):
    """A whole store. `place` is its name in messages."""

    @property
    def place(self) -> str: ...

    def nothing(self) -> Loaded:
        """The result of `load` where there is no state."""

    def set_aside(self, moved: str = "") -> None:
        """Keep the state under another name, so that the next load finds none. Under the lock.

        With `moved` it finds a note that the state is there now, and stops.
        """
