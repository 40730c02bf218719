"""Holds which live objects are ours, and which address each belongs to. Made by plan/ownership.py.

Read by plan/compare.py, which decides by it, and by engine/resolve.py, which repeats it until nothing is unresolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.record import Entry, Intent, Ledger


@dataclass(frozen=True, slots=True)
class SeenMembers:
    """What a list showed of the members of a resource that are ours, beyond the rows that the ledger has by now.

    extra      by path, ids of more live ones with our mark: duplicates, and old ones that were to go.
    instead    by path, the id of an older live one that stays, because the service could not process the new one.
    gone       paths that the ledger had, and the list doesn't show.
    strangers  how many objects of others lie there.
    waiting    whether the service is not done with some of ours.
    short      whether the list lacks objects that the resource counts: then nothing counts as gone.
    """

    extra: Mapping[str, tuple[str, ...]]
    instead: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    strangers: int = 0
    waiting: bool = False
    short: bool = False


@dataclass(frozen=True, slots=True)
class Ownership:
    """ledger       after `entries`.
    duplicates   per address, live objects of the very same spec as the bound one, oldest first.
    contested    addresses that this run leaves alone, and why, for people.
    unresolved   creates that may still surface, and acts that may still make a new secret.
    newest       when the last of them was intended of those that were not answered, found or not: the run that sent
                 them was at work until then. None where none may still surface.
    leaving      addresses whose objects are being given to another stack, with its name; they are left alone.
    formerly     addresses that were renamed in the ledger, each with its earlier address.
    apart        live names that belong to another stack, whatever mark they carry.
    members      what lies under the objects of these addresses, where it was listed.
    stacks       the owner tags of the other stacks, with their names.
    found        addresses of which an earlier run's create, not answered so far, is found to have made what is bound.
    uncertain    True when intents may have been lost with the state: nothing may be created before `settle` has passed.
    """

    ledger: Ledger
    entries: tuple[Entry, ...] = ()
    duplicates: Mapping[Address, tuple[LiveObject, ...]] = field(default_factory=dict)
    contested: Mapping[Address, str] = field(default_factory=dict)
    unresolved: tuple[Intent, ...] = ()
    leaving: Mapping[Address, str] = field(default_factory=dict)
    formerly: Mapping[Address, Address] = field(default_factory=dict)
    apart: frozenset[str] = frozenset()
    stacks: Mapping[OwnerTag, str] = field(default_factory=dict)
    uncertain: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()
    newest: datetime | None = None
    members: Mapping[Address, SeenMembers] = field(default_factory=dict)
    found: frozenset[Address] = frozenset()
