"""What gemctl remembers: the ledger, and the entries of which it is the sum.

Entries say by `op` what they are, so that JSON of them can be read back without guessing.
The ledger is a cache with a conscience, not the truth: bindings can be rebuilt from the marks, while open intents
are the one thing that must never be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, assert_never

from gemctl.core.address import Address
from gemctl.core.resource import Expiry
from gemctl.core.source import JsonObject


class Origin(StrEnum):
    """How an object came to be bound."""

    CREATED = "created"
    ADOPTED = "adopted"  # found by its mark after the answer or the state was lost
    IMPORTED = "imported"  # bound by `gemctl import`; may carry no mark, and its inputs are assumed


@dataclass(frozen=True, slots=True)
class Record:
    """One binding: this address is that object.

    spec            the spec tag of what was sent, as in the mark; compared with the declaration's.
    fields          the managed fields as last sent, texts as digests; None where only the mark is known.
    expiry          the ttl or expireTime as last sent; None where unknown.
    deadline        the expireTime that the service last showed.
    marked          the address tag it was marked under (`state mv` keeps it); "" for an object without our mark.
    echoed          False if the service changed the display name we sent: marks can't be trusted there.
    prevent_destroy, retire   copied from the lifecycle, so that they hold after the manifest is gone.
    """

    name: str
    spec: str
    origin: Origin
    marked: str
    fields: JsonObject | None = None
    expiry: Expiry | None = None
    created: datetime | None = None
    deadline: datetime | None = None
    tokens: int | None = None
    facts: JsonObject = field(default_factory=dict)
    echoed: bool = True
    prevent_destroy: bool = False
    retire: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Generation:
    """An older object of an address, kept for a while because applications still hold its name."""

    address: Address
    marked: str
    deadline: datetime | None = None
    tokens: int | None = None


class Op(StrEnum):
    """What a step does to the world."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    FORGET = "forget"  # no call: only the ledger changes


@dataclass(frozen=True, slots=True)
class Intent:
    """Written before a call: what is about to be done. Open until an entry names its `id`.

    `at` is server time; `name` the object of an update or delete; `deadline` the absolute expireTime of an update.
    """

    id: str
    op: Op
    address: Address
    at: datetime
    marked: str = ""
    spec: str = ""
    name: str | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The sum of the journal. `serial` counts snapshots; `lineage` is random, from the ledger's birth.

    `sent` are creates of the last days that are no longer open, whatever came of them: what surfaces late, or twice,
    is known to be ours.
    `known` is False when there was no state at all: nothing may then be created before the marks were looked at.
    """

    lineage: str
    serial: int = 0
    known: bool = True
    records: Mapping[Address, Record] = field(default_factory=lambda: MappingProxyType({}))
    retiring: Mapping[str, Generation] = field(default_factory=lambda: MappingProxyType({}))
    intents: Mapping[str, Intent] = field(default_factory=lambda: MappingProxyType({}))
    sent: Mapping[str, Intent] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def marks_trusted(self) -> bool:
        return all(record.echoed for record in self.records.values())

    @property
    def open_creates(self) -> tuple[Intent, ...]:
        return tuple(intent for intent in self.intents.values() if intent.op is Op.CREATE)


@dataclass(frozen=True, slots=True)
class Intended:
    """A call is about to be made."""

    intent: Intent
    op: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Bound:
    """The address is now that object. An object it was before becomes a retiring generation."""

    address: Address
    record: Record
    intent: str | None = None
    op: Literal["bound"] = "bound"


@dataclass(frozen=True, slots=True)
class Retiring:
    """An older generation is known to be live."""

    name: str
    generation: Generation
    intent: str | None = None
    op: Literal["retiring"] = "retiring"


@dataclass(frozen=True, slots=True)
class Gone:
    """This object no longer exists, or is no longer ours to watch."""

    address: Address
    name: str
    intent: str | None = None
    op: Literal["gone"] = "gone"


@dataclass(frozen=True, slots=True)
class Closed:
    """An intent came to nothing: refused, or shown not to have happened."""

    intent: str
    why: str
    op: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True)
class Doubted:
    """A create has not surfaced within `settle`: it is taken not to have happened, and remembered in case it does."""

    intent: Intent
    op: Literal["doubted"] = "doubted"


Entry = Intended | Bound | Retiring | Gone | Closed | Doubted


def fold(ledger: Ledger, entries: Iterable[Entry]) -> Ledger:
    """The ledger after these entries. Folding an entry twice is the same as folding it once."""
    records, retiring = dict(ledger.records), dict(ledger.retiring)
    intents, sent = dict(ledger.intents), dict(ledger.sent)
    for entry in entries:
        match entry:
            case Intended(intent):
                intents[intent.id] = intent
                sent.pop(intent.id, None)
            case Closed(intent_id):
                intents.pop(intent_id, None)
                sent.pop(intent_id, None)
            case Doubted(intent):
                intents.pop(intent.id, None)
                sent[intent.id] = intent
            case Bound(address, record, intent_id):
                before = records.get(address)
                if before and before.name != record.name:
                    retiring[before.name] = Generation(address, before.marked, before.deadline, before.tokens)
                retiring.pop(record.name, None)
                records[address] = record
                opened = intents.pop(intent_id or "", None)
                if opened and opened.op is Op.CREATE:
                    sent[opened.id] = opened
            case Retiring(name, generation, intent_id):
                retiring[name] = generation
                intents.pop(intent_id or "", None)
            case Gone(address, name, intent_id):
                retiring.pop(name, None)
                if address in records and records[address].name == name:
                    del records[address]
                intents.pop(intent_id or "", None)
            case _:
                assert_never(entry)
    return replace(
        ledger,
        records=MappingProxyType(records),
        retiring=MappingProxyType(retiring),
        intents=MappingProxyType(intents),
        sent=MappingProxyType(sent),
    )


def forget_sent(ledger: Ledger, before: datetime) -> Ledger:
    """The ledger without creates that were sent so long ago that nothing can come of them any more."""
    kept = {intent.id: intent for intent in ledger.sent.values() if intent.at >= before}
    return ledger if len(kept) == len(ledger.sent) else replace(ledger, sent=MappingProxyType(kept))
