"""Edits the ledger by hand (rm, mv, rebuild), under the lock and without deleting a live object; and helps other
workflows to write it. Called by `gemctl state`, and by apply.py, adopt.py, handover.py, backups.py, act.py and jobs.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import StateError, Usage
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import address_tag, attempt_tag
from gemctl.core.record import (
    REBUILT,
    Bound,
    Closed,
    Doubted,
    Entry,
    Gone,
    Intended,
    Intent,
    Ledger,
    Op,
    Record,
    fold,
)
from gemctl.core.resource import Desired, Resource
from gemctl.plan.moves import generated_with, moved
from gemctl.state.codec import Identity
from gemctl.state.store import Loaded, Store
from gemctl.workflows.look import Observation, look
from gemctl.workflows.wiring import Connection, Session, check_identity, identity, load_state


def remove(session: Session, address: Address) -> Record | None:
    """Forget a binding, its open intents and older generations; the live objects stay. Raises Usage if unknown."""
    loaded = session.store.load()
    record = loaded.ledger.records.get(address)
    entries: list[Entry] = [Gone(address, record.name)] if record else []
    entries += [Gone(address, name) for name, old in loaded.ledger.retiring.items() if old.address == address]
    entries += [Closed(i.id, "removed by hand") for i in loaded.ledger.intents.values() if i.address == address]
    if entries:  # and what was sent for it: else the object, which stays, would look like one that surfaced late
        made = (record.address_tag, record.spec_tag) if record else None
        sent = loaded.ledger.sent.values()
        entries += [
            Closed(i.id, "removed") for i in sent if i.address == address or (i.address_tag, i.spec_tag) == made
        ]
    if not entries:
        raise _unknown(address, loaded.ledger)
    stays(record, loaded.ledger)
    _write(session, loaded, entries)
    return record


def move(session: Session, old: Address, new: Address, desired: Desired) -> Record:
    """Call a binding by another address. The mark on the live object stays, and is remembered. What it generated moves
    along, as far as `desired` tells. Raises Usage.
    """
    loaded = load_state(session)
    records = loaded.ledger.records
    along = generated_with(desired, old, new)
    first = next((before for before in (old, *along) if before in records), None)
    if first is None or (first != old and first.kind != old.kind):
        raise _unknown(old, loaded.ledger)
    if new in records:
        raise Usage(f"{new} is bound already, to {records[new].name}.", code="E007")
    if old.kind != new.kind:
        raise Usage(f"A {old.kind} can't become a {new.kind}.", code="E007")
    if any(intent.address in (old, *along) for intent in loaded.ledger.open_creates):
        raise Usage(f"The outcome of a create of {old} isn't known yet.", code="E007", hint="Run `gemctl apply` first.")
    stays(records[first], loaded.ledger)
    entries = [*moved(loaded.ledger, old, new, session.catalogue)]
    for before, after in along.items():
        if after not in records:
            entries += moved(loaded.ledger, before, after, session.catalogue)
    _write(session, loaded, entries)
    return records[first]


# Not damaged: a newer gemctl, another project or another endpoint reads it, or it is elsewhere.
SOUND = frozenset({"E404", "E405", "E406", "E419", "E420"})


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The outcome of `rebuild`: the new ledger, warnings, and whether an old state was set aside."""

    ledger: Ledger
    warnings: tuple[Diagnostic, ...]
    set_aside: bool


def rebuild(session: Session, connection: Connection, desired: Desired) -> Rebuilt:
    """Find the live objects by their marks, and make a new state of them; the old state is kept as *.aside.

    A resource that is declared and not found might still surface from a create that was sent before the state was
    lost: it gets an open intent, so that the next apply waits for `settle` before it creates it.
    """
    try:
        loaded = load_state(session)
        check_identity(loaded, identity(session, connection, loaded.identity), session.store.place)
        before, damaged = loaded.identity, loaded.identity is not None
        kept, handed, ended = _what_has_no_mark(loaded.ledger), loaded.ledger.handed, loaded.ledger.ended
    except StateError as error:
        if error.code in SOUND:
            raise
        before, damaged, kept, handed, ended = None, True, [], Ledger("").handed, Ledger("").ended
    nothing = session.store.nothing()
    nothing = replace(nothing, ledger=replace(nothing.ledger, handed=handed, ended=ended))
    observation = look(session, connection, desired, wait=None, loaded=nothing)
    if damaged:  # only now: if the service can't be asked, everything stays as it is
        session.store.set_aside()
    entries = [*observation.ownership.entries, *kept]
    for address, resource in sorted(desired.resources.items()):
        kind = session.catalogue[address.kind]
        if kind.remote and kind.remote.listed and not _found(observation.ledger.records.get(address), resource, kind):
            entries.append(Intended(_unknown_create(resource, kind, observation.live_state.now)))
    ledger = fold(observation.loaded.ledger, entries)
    whose = identity(session, connection, before)
    session.store.begin(whose, ledger)
    session.store.finish(whose, replace(ledger, known=True))
    return Rebuilt(ledger, (*observation.warnings, *observation.ownership.diagnostics), damaged)


def _found(record: Record | None, resource: Resource, kind: Kind) -> bool:
    """Whether the declared resource was made, for all that is known."""
    if resource.receipt:
        return True
    attempt = record.attempt if record and kind.once else 1
    return record is not None and record.spec_tag == attempt_tag(resource.spec_tag, attempt)


def _unknown_create(resource: Resource, kind: Kind, now: datetime) -> Intent:
    """A create that may have been sent before the state was lost. A job is not run again only because the service shows
    nothing of it: the service forgets. So its intent is recognisable for as long as the ledger has it.
    """
    marked = address_tag(resource.address)
    return Intent(
        id=f"{REBUILT if kind.once else ''}{marked}-{resource.spec_tag}",  # one doubt, one id
        op=Op.CREATE,
        address=resource.address,
        at=now,
        address_tag=marked,
        spec_tag=resource.spec_tag,
    )


def may_have_run(desired: Desired, ledger: Ledger, catalogue: Catalogue, now: datetime) -> tuple[Entry, ...]:
    """Entries about declared runs of which the service shows nothing, for a lost state that is written anew: a person
    must allow these runs, now or later.
    """
    return tuple(
        Doubted(_unknown_create(resource, kind, now))
        for address, resource in sorted(desired.resources.items())
        if (kind := catalogue[address.kind]).once
        if not _found(ledger.records.get(address), resource, kind)
    )


def moved_on(ledger: Ledger, live: Iterable[LiveObject], catalogue: Catalogue) -> tuple[Entry, ...]:
    """Entries with the outputs that runs show now, where the ledger still has those of their create."""
    shown = {item.name: item.outputs for item in live}
    return tuple(
        Bound(address, replace(record, outputs=shown[record.name]))
        for address, record in sorted(ledger.records.items())
        if catalogue[address.kind].once
        if record.name in shown and shown[record.name] != record.outputs
    )


def note(session: Session, live: Iterable[LiveObject]) -> None:
    """Write down the outputs that runs show now. The caller holds the lock."""
    loaded = load_state(session)
    if loaded.identity is not None and loaded.ledger.known:
        entries = moved_on(loaded.ledger, live, session.catalogue)
        if entries:
            _write(session, loaded, entries)


def _what_has_no_mark(ledger: Ledger) -> list[Entry]:
    """The entries that a rebuild keeps: tokens can't be found again, nor unanswered mints be looked for."""
    return [*map(Intended, ledger.open_mints), *ledger.tokens.values()]


def write_found(session: Session, connection: Connection, observation: Observation, more: Iterable[Entry]) -> Ledger:
    """Write the entries of an observation and `more` in one snapshot. The caller holds the lock."""
    entries = [*observation.ownership.entries, *more]
    if observation.ownership.uncertain:
        bound = fold(observation.ledger, entries)
        entries += may_have_run(observation.desired, bound, session.catalogue, observation.live_state.now)
    whose = identity(session, connection, observation.loaded.identity)
    ledger = fold(observation.loaded.ledger, entries)
    session.store.begin(whose, ledger if not observation.loaded.ledger.known else observation.loaded.ledger)
    session.store.finish(whose, replace(ledger, known=True))
    return ledger


def rewrite(store: Store, whose: Identity, loaded: Loaded, entries: Iterable[Entry]) -> Loaded:
    """Write one new snapshot with these entries. They are in no journal, so that an older gemctl says that it can't
    read the state, and does not take entries that it doesn't know for damage. The caller holds the lock.
    """
    store.begin(whose, loaded.ledger)
    store.finish(whose, fold(loaded.ledger, entries))
    return store.load()


def stays(record: Record | None, ledger: Ledger) -> None:
    """Raises Usage for an object that is being handed over: it is neither renamed, forgotten nor stopped meanwhile."""
    if record and (given := ledger.handed.get(record.name)):
        hint = f"Run `gemctl handover {given.address} --to {given.to}` again: it goes on where it stopped."
        raise Usage(f"{record.name} is being given to stack {given.to}.", code="E007", hint=hint)


def _write(session: Session, loaded: Loaded, entries: Iterable[Entry]) -> None:
    if loaded.identity is None:
        raise Usage("There is no state yet.", code="E007")
    sure(loaded)
    session.store.begin(loaded.identity, loaded.ledger)
    batch = list(entries)
    session.store.append(batch)
    session.store.finish(loaded.identity, fold(loaded.ledger, batch))


def sure(loaded: Loaded) -> None:
    """Raises StateError E403 for a damaged state: an edit by hand would make gemctl forget the damage, and that it must
    wait.
    """
    if loaded.identity is not None and not loaded.ledger.known:
        raise StateError(
            "The journal is damaged, and an intent may be missing from it.",
            code="E403",
            hint="Run `gemctl apply`, which waits for what may be under way, or `gemctl state rebuild`.",
        )


def _unknown(address: Address, ledger: Ledger) -> Usage:
    known = ", ".join(map(str, sorted(ledger.records))) or "none"
    return Usage(f"{address} is not in the state.", code="E007", hint=f"Recorded: {known}.")
