"""Holds what gemctl records: the ledger, and the entries of which it is the sum.

Entries say by `op` what they are, so that JSON of them can be read back without guessing. The ledger is a cache and not
the truth: bindings can be rebuilt from the marks; only open intents must never be lost. Kept by state, extended by
engine and workflows, read by plan, outputs and render.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from sys import intern
from types import MappingProxyType
from typing import Literal, assert_never

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.resource import Expiry, Harvest, Run
from gemctl.core.source import JsonObject

REBUILT = "rebuilt-"  # begins the ids of intents that may have been sent before the state was lost
REMEMBERED = timedelta(days=92)  # for how long the accounts of objects that are gone are kept
MOST_ENDED = 10_000  # and how many of them, the newest
TAG = 13  # characters of a spec tag
UNHEARD = "unheard-"  # begins the ids of creates without an answer whose objects can't be looked for


class Origin(StrEnum):
    """The way in which an object came to be bound."""

    CREATED = "created"
    ADOPTED = "adopted"  # found by its mark after the answer or the state was lost
    IMPORTED = "imported"  # bound by `gemctl import`; may carry no mark, and its inputs are assumed


@dataclass(frozen=True, slots=True)
class Record:
    """One binding: this address is that object.

    spec_tag        the spec tag of the spec that was sent, as in the mark; compared with the declaration's.
    fields          the managed fields as last sent, texts as digests; None where only the mark is known.
    expiry          the ttl or expireTime as last sent; None where unknown.
    deadline        the expireTime that the service last showed.
    address_tag     the address tag it was marked under (`state mv` keeps it); "" for an object without our mark.
    echoed          False if the service changed the display name we sent: marks can't be trusted there.
    attempt         the number of this run of its declaration; `spec_tag` is that of the attempt.
    uses            live names that it refers to; `harvest` its results, once they are saved.
    stopped         True if a person asked to stop it: no rule runs it again.
    shown           fields that the service showed otherwise than they were sent, straight after that, with null for one
                    that it did not show; None where that was not seen.
    children        the service's text for everything under it (`LiveObject.children`) when the ledger agreed with it.
    undelivered     True if a secret that came with it has not reached its sink.
    model           the model that it is for, as the service showed it, without `models/`; "" for none or unknown.
    paid            the latest end that it was asked to have, where it was made to end sooner; None where it wasn't.
    updated         when the service last changed it, as its answer to our last call said; only for kinds with sensitive
                    fields: by that alone it shows that somebody else has changed one.
    prevent_destroy, retire, run   copied from the lifecycle, so that they hold after the manifest is gone.
    """

    name: str
    spec_tag: str
    origin: Origin
    address_tag: str
    fields: JsonObject | None = None
    expiry: Expiry | None = None
    created: datetime | None = None
    deadline: datetime | None = None
    tokens: int | None = None
    outputs: JsonObject = field(default_factory=dict)
    echoed: bool = True
    prevent_destroy: bool = False
    retire: timedelta = timedelta(minutes=10)
    attempt: int = 1
    run: Run | None = None
    uses: tuple[str, ...] = ()
    harvest: Harvest | None = None
    stopped: bool = False
    shown: JsonObject | None = None
    children: str = ""
    undelivered: bool = False
    model: str = ""
    paid: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """An older object of an address, kept for a while because applications still hold its name.

    `record` is the record that it was bound by, for a run: its results may not be saved yet. `origin`, `created`,
    `echoed`, `model` and `paid` are as in that record.
    """

    address: Address
    address_tag: str
    deadline: datetime | None = None
    tokens: int | None = None
    record: Record | None = None
    origin: Origin = Origin.CREATED
    created: datetime | None = None
    echoed: bool = True
    model: str = ""
    paid: datetime | None = None


def superseded(address: Address, record: Record) -> Generation:
    """The object of this record as an older generation."""
    run = record if record.run else None  # of an object that is kept, and not run, a generation says all
    told = (record.address_tag, record.deadline, record.tokens, run, record.origin, record.created, record.echoed)
    return Generation(address, *told, record.model, record.paid)


class Op(StrEnum):
    """The operation of a step."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    FORGET = "forget"  # no call: only the ledger changes
    CANCEL = "cancel"  # ask the service to stop a run
    HARVEST = "harvest"  # save the results of a run
    MINT = "mint"  # make a token, which can neither be read back nor revoked
    ACT = "act"  # another act of the kind
    REFRESH = "refresh"  # no call: the ledger takes over what the service shows
    SYNC = "sync"  # make and delete objects under it: a step for each, which follow from this one


@dataclass(frozen=True, slots=True)
class Intent:
    """Says, before a call, what is about to be done. Open until an entry names its `id`.

    `at` is server time; `name` the object of an update or delete; `deadline` the absolute expireTime of an update, or
    of the token of a mint: if no answer came, the token may be in use until then. `shows` are the fields of a create
    that can be read back and never change: an object that carries its mark and shows others is a copy. `whole` is, of
    a run, that of its rules, and `references` are the addresses that it refers to, as texts, with their spec tags:
    what is declared may be another job, or what it refers to be edited, by the time that the run is found.
    """

    id: str
    op: Op
    address: Address
    at: datetime
    address_tag: str = ""
    spec_tag: str = ""
    name: str | None = None
    deadline: datetime | None = None
    shows: JsonObject = field(default_factory=dict)
    whole: str = ""
    references: tuple[tuple[str, str], ...] = ()

    @property
    def rebuilt(self) -> bool:
        """True for a create that is only possible: the state was lost, and it may have been sent before."""
        return self.id.startswith(REBUILT)

    @property
    def unheard(self) -> bool:
        """True for a create that was sent and never answered, and whose object can't be looked for."""
        return self.id.startswith(UNHEARD)


@dataclass(frozen=True, slots=True)
class MintedToken:
    """Describes a token that was handed out, without its value, which is a secret.

    digest      the first 16 hex digits of the SHA-256 of its value: enough to tell tokens apart.
    expires     when it ends; `new_session_expires` until when sessions can be started with it.
    uses        how many sessions; 0 for any number.
    """

    digest: str
    at: datetime
    expires: datetime
    new_session_expires: datetime
    uses: int


@dataclass(frozen=True, slots=True)
class Handed:
    """This object was given to another stack of the project, or is being given: it carries this stack's mark, and is
    left alone all the same. While `address` is still bound to it, the other stack may not have it yet.
    """

    name: str
    address: Address
    to: str
    op: Literal["handed"] = "handed"


@dataclass(frozen=True, slots=True)
class GoneObject:
    """An object that stored tokens and is gone. It was there from `created` until `ended`; it had been asked for until
    `paid`, which is not before that. `model` as in its record. Or a `run` that is gone, with its results as `harvest`
    if these were saved.
    """

    address: Address
    model: str
    tokens: int
    created: datetime
    ended: datetime
    paid: datetime
    run: bool = False
    harvest: Harvest | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """The sum of the journal. `serial` counts snapshots; `lineage` is random, from the ledger's birth.

    `sent` are creates of the last days that are no longer open, whatever came of them: an object that surfaces late, or
    twice, is known to be ours.
    `tokens` are those that were minted and may still be in use, by their digests.
    `handed` are live objects that were given to other stacks, by their names.
    `ended` are runs of the last months, and objects that stored tokens, that are gone, by their names: what they cost
    is told by `gemctl cost`.
    `members` are the objects that lie under a recorded one and come with it, by their paths, each as a `row`.
    `known` is False when there was no state at all: nothing may then be created before the marks were looked at.
    """

    lineage: str
    serial: int = 0
    known: bool = True
    records: Mapping[Address, Record] = field(default_factory=lambda: MappingProxyType({}))
    retiring: Mapping[str, Generation] = field(default_factory=lambda: MappingProxyType({}))
    intents: Mapping[str, Intent] = field(default_factory=lambda: MappingProxyType({}))
    sent: Mapping[str, Intent] = field(default_factory=lambda: MappingProxyType({}))
    tokens: Mapping[str, Minted] = field(default_factory=lambda: MappingProxyType({}))
    handed: Mapping[str, Handed] = field(default_factory=lambda: MappingProxyType({}))
    ended: Mapping[str, GoneObject] = field(default_factory=lambda: MappingProxyType({}))
    members: Mapping[Address, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def marks_trusted(self) -> bool:
        return all(record.echoed for record in self.records.values())

    @property
    def open_creates(self) -> tuple[Intent, ...]:
        return tuple(intent for intent in self.intents.values() if intent.op is Op.CREATE)

    @property
    def open_mints(self) -> tuple[Intent, ...]:
        """Mints that were sent and never answered, sorted by their ends."""
        return tuple(
            sorted((i for i in self.intents.values() if i.op is Op.MINT), key=lambda i: (i.deadline or i.at, i.id))
        )


@dataclass(frozen=True, slots=True)
class Intended:
    """A call is about to be made."""

    intent: Intent
    op: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Bound:
    """The address is now that object. The object that it was before becomes a retiring generation."""

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
    """This object no longer exists, or no longer concerns this stack. `at` is when it was found to be gone, where no
    intent deleted it; None where it may live on.
    """

    address: Address
    name: str
    intent: str | None = None
    at: datetime | None = None
    op: Literal["gone"] = "gone"


@dataclass(frozen=True, slots=True)
class Closed:
    """An intent came to nothing: refused, or shown not to have happened."""

    intent: str
    why: str
    op: Literal["closed"] = "closed"


@dataclass(frozen=True, slots=True)
class Doubted:
    """A create has not surfaced within `settle`: it counts as not done, and is remembered in case it was."""

    intent: Intent
    op: Literal["doubted"] = "doubted"


@dataclass(frozen=True, slots=True)
class Minted:
    """A token was minted by the policy of this address."""

    address: Address
    token: MintedToken
    intent: str | None = None
    op: Literal["minted"] = "minted"


@dataclass(frozen=True, slots=True)
class Harvested:
    """The results of this run are saved."""

    address: Address
    name: str
    harvest: Harvest
    op: Literal["harvested"] = "harvested"


@dataclass(frozen=True, slots=True)
class Joined:
    """A member of the resource `of` was made: its `row`, by its path. `intent` came to that."""

    of: Address
    path: str
    row: str
    intent: str | None = None
    op: Literal["joined"] = "joined"


@dataclass(frozen=True, slots=True)
class Parted:
    """A member of the resource `of` is gone, the one with this last part of a live name."""

    of: Address
    path: str
    id: str
    intent: str | None = None
    op: Literal["left"] = "left"


@dataclass(frozen=True, slots=True)
class Members:
    """All members of the resource `of`, as a list showed them, or a snapshot has them."""

    of: Address
    rows: Mapping[str, str]
    op: Literal["members"] = "members"


@dataclass(frozen=True, slots=True)
class Agreed:
    """The ledger has all that lies under the object of this name while its `LiveObject.children` is this text."""

    of: Address
    name: str
    children: str
    op: Literal["agreed"] = "agreed"


Entry = (
    Intended
    | Bound
    | Retiring
    | Gone
    | Closed
    | Doubted
    | Minted
    | Harvested
    | Handed
    | Joined
    | Parted
    | Members
    | Agreed
)


def fold(ledger: Ledger, entries: Iterable[Entry]) -> Ledger:
    """The ledger after these entries. Folding an entry twice is the same as folding it once."""
    entries = iter(entries)
    first = next(entries, None)
    if first is None:
        return ledger
    records, retiring = dict(ledger.records), dict(ledger.retiring)
    intents, sent = dict(ledger.intents), dict(ledger.sent)
    tokens, handed, ended = dict(ledger.tokens), dict(ledger.handed), dict(ledger.ended)
    members: dict[Address, Mapping[str, str]] = dict(ledger.members)
    rows = _Rows(members)
    for entry in chain((first,), entries):
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
                    retiring[before.name] = superseded(address, before)
                    rows.drop(address)
                retiring.pop(record.name, None)
                records[address] = record
                opened = intents.pop(intent_id or "", None)
                if opened and opened.op is Op.CREATE:
                    sent[opened.id] = opened
            case Retiring(name, generation, intent_id):
                retiring[name] = generation
                intents.pop(intent_id or "", None)
            case Gone(address, name, intent_id, at):
                told = intents[intent_id].at if intent_id in intents else at
                known = records.get(address) if address in records and records[address].name == name else None
                if told and (over := gone_object(address, known or retiring.get(name), told)):
                    ended[name] = over
                retiring.pop(name, None)
                handed.pop(name, None)
                if address in records and records[address].name == name:
                    del records[address]
                    rows.drop(address)
                intents.pop(intent_id or "", None)
            case Harvested(address, name, harvest):
                if address in records and records[address].name == name:
                    records[address] = replace(records[address], harvest=harvest)
                elif name in retiring and (old := retiring[name].record):
                    retiring[name] = replace(retiring[name], record=replace(old, harvest=harvest))
            case Minted(address, token, intent_id):
                tokens[token.digest] = Minted(address, token)
                intents.pop(intent_id or "", None)
            case Handed(name):
                handed[name] = entry
            case Joined(of, path, row, intent_id):
                rows.of(of)[intern(path)] = row
                intents.pop(intent_id or "", None)
            case Parted(of, path, id_, intent_id):
                if id_of(rows.of(of).get(path, "")) == id_:
                    del rows.of(of)[path]
                intents.pop(intent_id or "", None)
            case Members(of, listed):
                rows.put(of, listed)
            case Agreed(of, name, children):
                if of in records and records[of].name == name:
                    records[of] = replace(records[of], children=children)
            case _:
                assert_never(entry)
    return replace(
        ledger,
        members=MappingProxyType({of: known for of, known in members.items() if known}),
        records=MappingProxyType(records),
        retiring=MappingProxyType(retiring),
        intents=MappingProxyType(intents),
        sent=MappingProxyType(sent),
        tokens=MappingProxyType(tokens),
        handed=MappingProxyType(handed),
        ended=MappingProxyType(ended),
    )


class _Rows:
    """The members of resources while entries are folded: what changes is copied once."""

    def __init__(self, members: dict[Address, Mapping[str, str]]) -> None:
        self._members = members
        self._own: dict[Address, dict[str, str]] = {}

    def of(self, address: Address) -> dict[str, str]:
        if address not in self._own:
            self._members[address] = self._own[address] = dict(self._members.get(address, {}))
        return self._own[address]

    def put(self, address: Address, rows: Mapping[str, str]) -> None:
        self._own.pop(address, None)
        self._members[address] = {intern(path): row for path, row in rows.items()}  # manifests name the same paths

    def drop(self, address: Address) -> None:
        self._own.pop(address, None)
        self._members.pop(address, None)


def row(tag: str, id_: str, *, failed: bool = False) -> str:
    """What the ledger has of a member, in one text: the spec tag in its mark, the last part of its live name, and
    whether the service could not process it.
    """
    return f"{tag}{'!' if failed else ':'}{id_}"


def tag_of(known: str) -> str:
    """The spec tag in a row."""
    return known[:TAG]


def id_of(known: str) -> str:
    """The last part of the live name in a row."""
    return known[TAG + 1 :]


def has_failed(known: str) -> bool:
    """Whether the service could not process the member of this row."""
    return known[TAG : TAG + 1] == "!"


def gone_object(address: Address, known: Record | Generation | None, at: datetime) -> GoneObject | None:
    """The account of an object that is gone at that instant; None for one that stored nothing and was no run, as far as
    is known.
    """
    run = known.record if isinstance(known, Generation) else known
    if run and run.run:
        ended = run.harvest.at if run.harvest else at
        return GoneObject(address, run.model, 0, min(run.created or ended, ended), ended, ended, True, run.harvest)
    if known is None or known.tokens is None or known.created is None or known.deadline is None:
        return None
    ended = max(known.created, min(at, known.deadline))
    paid = max(known.deadline, known.paid or known.deadline, ended)
    return GoneObject(address, known.model, known.tokens, known.created, ended, paid)


def asked_for(before: Record | Generation, deadline: datetime | None) -> datetime | None:
    """`paid` of something whose deadline is now that one."""
    latest = max((end for end in (before.paid, before.deadline) if end), default=None)
    return latest if latest and deadline and latest > deadline else None


def addresses(ledger: Ledger) -> frozenset[Address]:
    """Every address that the ledger mentions."""
    told: list[Generation | Intent | Minted | Handed] = [*ledger.retiring.values(), *ledger.handed.values()]
    told += [*ledger.intents.values(), *ledger.sent.values(), *ledger.tokens.values()]
    return frozenset({*ledger.records, *(one.address for one in told)})


def only(ledger: Ledger, chosen: Container[Address]) -> Ledger:
    """The ledger without all that is of other addresses: to be shown, and never to be kept."""
    return replace(
        ledger,
        records={at: record for at, record in ledger.records.items() if at in chosen},
        retiring={name: one for name, one in ledger.retiring.items() if one.address in chosen},
        intents={key: one for key, one in ledger.intents.items() if one.address in chosen},
        sent={key: one for key, one in ledger.sent.items() if one.address in chosen},
        tokens={digest: one for digest, one in ledger.tokens.items() if one.address in chosen},
        handed={name: one for name, one in ledger.handed.items() if one.address in chosen},
        ended={name: one for name, one in ledger.ended.items() if one.address in chosen},
        members={at: rows for at, rows in ledger.members.items() if at in chosen},
    )


def forget_sent(ledger: Ledger, before: datetime) -> Ledger:
    """The ledger without creates that were sent so long ago that nothing can come of them any more.

    A job that may have been run before a state was lost, or may run without an answer, is remembered for good: only a
    person can say.
    """
    kept = {
        intent.id: intent for intent in ledger.sent.values() if intent.at >= before or intent.rebuilt or intent.unheard
    }
    return ledger if len(kept) == len(ledger.sent) else replace(ledger, sent=MappingProxyType(kept))


def _forget_accounts(ledger: Ledger, before: datetime) -> Ledger:
    kept = sorted(((one.ended, name) for name, one in ledger.ended.items() if one.ended > before), reverse=True)
    if len(kept) == len(ledger.ended) <= MOST_ENDED:
        return ledger
    names = {name for _, name in kept[:MOST_ENDED]}
    return replace(ledger, ended=MappingProxyType({name: ledger.ended[name] for name in sorted(names)}))


def forget_ended(ledger: Ledger, now: datetime) -> Ledger:
    """The ledger without tokens that have expired, without mints whose tokens, if there are any, have, and without
    accounts of objects that are gone for longer than REMEMBERED, or are more than MOST_ENDED.
    """
    ledger = _forget_accounts(ledger, now - REMEMBERED)
    tokens = {digest: minted for digest, minted in ledger.tokens.items() if minted.token.expires > now}
    ended = {intent.id for intent in ledger.open_mints if (intent.deadline or intent.at) <= now}
    if len(tokens) == len(ledger.tokens) and not ended:
        return ledger
    intents = {name: intent for name, intent in ledger.intents.items() if name not in ended}
    return replace(ledger, tokens=MappingProxyType(tokens), intents=MappingProxyType(intents))
