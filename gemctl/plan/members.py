"""Decides about members: the many objects that come with one resource and lie under it, such as documents of a store.

They are compared as rows. A declared path without a row is made; one whose row has another spec tag is made anew, and
the old one goes once the new one is there; a row whose path is declared no more is deleted. Objects without our mark
are never touched. What a list shows is looked at only where it was listed (engine/survey.py): else the ledger holds.

Pure. Called by ownership.py, compare.py, order.py and make.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import MAKING, Action, Change, MemberCounts, Reason
from gemctl.core.kind import Catalogue, Kind, remote
from gemctl.core.live import LiveObject, LiveState, Phase
from gemctl.core.mark import OwnerTag, address_tag
from gemctl.core.members import as_resource, member_tag, resource_of
from gemctl.core.ownership import Ownership, SeenMembers
from gemctl.core.plan import Sync
from gemctl.core.quantities import NO_TOKENS
from gemctl.core.record import Closed, Entry, Intent, Ledger, Members, Record, has_failed, id_of, row, tag_of
from gemctl.core.resource import Desired, Member, Resource
from gemctl.plan.decisions import keep
from gemctl.plan.lifetimes import kept

_NONE: Mapping[str, str] = {}


# What there is.


class Listed:
    """The members of ours that lists showed, resource by resource, and what became of creates without an answer."""

    def __init__(self, ledger: Ledger, live: LiveState, owner: OwnerTag, catalogue: Catalogue) -> None:
        self.entries: list[Entry] = []
        self.seen: dict[Address, SeenMembers] = {}
        self.unresolved: list[Intent] = []
        self._ledger, self._live, self._owner, self._catalogue = ledger, live, owner, catalogue

    def look_through(self, desired: Desired, records: Mapping[Address, Record], since: datetime) -> None:
        """Look through them. `since` is the instant from which a create may still surface; `records` are bound."""
        found: dict[str, list[LiveObject]] = defaultdict(list)
        named = self._live.by_name
        for kind in self._live.listings:
            if remote(self._catalogue[kind]).collection.parent:
                for item in self._live.items(kind):
                    found[item.parent].append(item)
        marks: set[tuple[str, str]] = set()
        with_members = {kind for kind in {at.kind for at in records} if self._catalogue[kind].members}
        for address in sorted(at for at in records if at.kind in with_members):
            record, members = records[address], self._catalogue[address.kind].members
            above = named.get(record.name)
            if members is None or above is None or members.name not in self._live.listings:
                continue
            if above.name not in self._live.quiet:
                here = found.get(above.name, [])
                marks |= {(one.mark.address_tag, one.mark.spec_tag) for one in here if one.mark}
                self._one(address, record, above, here, desired.resources.get(address))
        self._intents(records, marks, since)

    def _one(
        self, address: Address, record: Record, item: LiveObject, here: list[LiveObject], wanted: Resource | None
    ) -> None:
        tag, known = parent_tag(address, record), self._ledger.members.get(address, _NONE)
        declared = wanted.declared.members if wanted else {}
        short = item.held is not None and len(here) < item.held
        paths = {member_tag(tag, path): path for path in {**known, **declared}}
        ours: dict[str, list[LiveObject]] = defaultdict(list)
        for one in here:
            if one.mark is None or one.mark.owner != self._owner:
                continue
            path = paths.get(one.mark.address_tag, one.display_name)
            if one.mark.address_tag == member_tag(tag, path):
                ours[path].append(one)
        rows = dict(known) if short else {}
        extra: dict[str, tuple[str, ...]] = {}
        instead: dict[str, str] = {}
        for path, items in sorted(ours.items()):
            wants = declared[path].tag if path in declared else ""
            items.sort(key=lambda one: (not kept.is_of(one, wants), one.phase is Phase.FAILED, kept.age(one)))
            bound = next((one for one in items if _id(one) == id_of(known.get(path, ""))), None)
            works = bound is not None and bound.phase is not Phase.FAILED
            first = bound if bound and works and kept.is_of(bound, wants) else items[0]
            rows[path] = _row(first)
            more = [one for one in items if one is not first]
            if path in declared and first.phase is Phase.FAILED:
                older = next((one for one in more if one.phase is Phase.READY), None)
                instead |= {path: _id(older)} if older else {}
                more = [one for one in more if one is not older]
            if more:
                extra[path] = tuple(map(_id, more))
        if rows != known:
            self.entries.append(Members(address, dict(sorted(rows.items()))))
        waiting = any(one.phase is Phase.WAITING for items in ours.values() for one in items)
        strangers = len(here) - sum(map(len, ours.values()))
        gone = frozenset(known.keys() - rows.keys())
        self.seen[address] = SeenMembers(extra, instead, gone, strangers, waiting, short)

    def _intents(self, records: Mapping[Address, Record], marks: set[tuple[str, str]], since: datetime) -> None:
        for intent in self._ledger.open_creates:
            kind = self._catalogue.get(intent.address.kind)
            parent = remote(kind).collection.parent if kind and kind.remote else None
            if parent is None or intent.address.kind not in self._live.listings:
                continue
            of = resource_of(intent.address, parent)
            if (intent.address_tag, intent.spec_tag) in marks:
                self.entries.append(Closed(intent.id, "found in the list"))
            elif of not in records or records[of].name not in self._live.by_name:
                self.entries.append(Closed(intent.id, f"{of} is gone, and all under it"))
            elif self._live.now < since:
                self.unresolved.append(intent)
            else:
                self.entries.append(Closed(intent.id, "it has not surfaced"))


def parent_tag(address: Address, record: Record | None) -> str:
    """The address tag that begins those of the members of a resource."""
    return (record.address_tag if record else "") or address_tag(address)


def _id(item: LiveObject) -> str:
    return item.name.rpartition("/")[2]


def _row(item: LiveObject) -> str:
    return row(item.mark.spec_tag if item.mark else "", _id(item), failed=item.phase is Phase.FAILED)


# What to do.


def with_members(
    changes: Iterable[Change],
    desired: Desired,
    ownership: Ownership,
    live: Mapping[str, LiveObject],
    catalogue: Catalogue,
) -> tuple[Change, ...]:
    """The changes, with what becomes of what lies under their objects."""
    changes = tuple(changes)
    found = {kind: catalogue[kind].members for kind in {change.address.kind for change in changes}}
    under = {kind: members for kind, members in found.items() if members}
    if not under:
        return changes
    return tuple(
        _with(change, desired, ownership, live, under[change.address.kind]) if change.address.kind in under else change
        for change in changes
    )


def _with(
    change: Change, desired: Desired, ownership: Ownership, live: Mapping[str, LiveObject], members: Kind
) -> Change:
    item, resource = live.get(change.name or ""), desired.resources.get(change.address)
    bound = ownership.ledger.records.get(change.address)
    if change.action is Action.DELETE:
        lost = (item.held if item else None) or 0
        if (
            change.reason is Reason.SUPERSEDED
            and item
            and resource
            and failed(change.address, ownership.ledger, resource)
        ):
            return keep(
                change.address, change.reason, item, note=f"it stays until the new one has all {_word(members)}s"
            )
        return replace(change, members=MemberCounts(lost=lost), note=_joined(change.note, _lost(lost, members)))
    old = change.name is not None and bound is not None and change.name != bound.name
    if resource is None or change.address in ownership.contested or change.address in ownership.leaving or old:
        return change
    if change.action is Action.KEEP and change.reason is not Reason.IN_SYNC:
        return change
    lost = ((item.held if item else None) or 0) if change.action is Action.REPLACE else 0
    if not resource.declared.members and not ownership.ledger.members.get(change.address):
        return replace(change, members=MemberCounts(lost=lost), note=_joined(change.note, _lost(lost, members)))
    sync = sync_of(change, resource, ownership, item, members)
    counts = _counts(sync, change, resource, ownership, members)
    counts = replace(counts, lost=lost)
    change = replace(change, members=counts, note=_joined(change.note, _said(counts, members)))
    if change.action is not Action.KEEP or not sync.size:
        return change
    seen = ownership.members.get(change.address)
    mended = seen is not None and not sync.drop and all(path in seen.gone for path, _ in sync.make)
    return replace(change, action=Action.UPDATE, reason=Reason.DRIFTED if mended else Reason.EDITED)


def sync_of(change: Change, resource: Resource, ownership: Ownership, item: LiveObject | None, kind: Kind) -> Sync:
    """What is to be made and deleted under the object of a change, which is the live `item`. Where nothing was listed
    under it, the ledger has all of ours: what it counts beyond that is others'.
    """
    address, ledger = change.address, ownership.ledger
    declared, record = resource.declared.members, ledger.records.get(address)
    if change.action in MAKING:
        tag = address_tag(address)
        return Sync(_word(kind), tag, tuple((path, ()) for path in sorted(declared)), (), len(declared))
    known = ledger.members.get(address, _NONE)
    seen = ownership.members.get(address)
    extra, instead = (dict(seen.extra), dict(seen.instead)) if seen else ({}, {})
    make: list[tuple[str, tuple[str, ...]]] = []
    drop: list[tuple[str, str]] = []
    for path in sorted({**declared, **known, **extra}):
        at, more = known.get(path), extra.get(path, ())
        if path in declared and (at is None or tag_of(at) != declared[path].tag):
            older = (instead[path],) if path in instead else ()
            make.append((path, ((id_of(at),) if at else ()) + more + older))
        else:
            ids = more if path in declared or at is None else (id_of(at), *more)
            drop += [(path, id_) for id_ in ids]
    if seen and seen.short and not ledger.known:
        make.clear()  # the state was lost, and what the list lacks may be there
    others = seen.strangers if seen else max((item.held if item and item.held else 0) - len(known), 0)
    held = len(declared) + others
    return Sync(_word(kind), parent_tag(address, record), tuple(make), tuple(drop), held)


def sources(
    change: Change, desired: Desired, ownership: Ownership, live: Mapping[str, LiveObject], kind: Kind
) -> list[Address]:
    """What the members are made of that are made under an object that is there."""
    resource = desired.resources.get(change.address)
    if resource is None or kind.members is None or change.members is None or not change.members.work:
        return []
    declared = resource.declared.members
    if not any(member.source for member in declared.values()):
        return []
    sync = sync_of(change, resource, ownership, live.get(change.name or ""), kind.members)
    return [source for path, _ in sync.make if (source := declared[path].source)]


def _counts(sync: Sync, change: Change, resource: Resource, ownership: Ownership, kind: Kind) -> MemberCounts:
    declared = resource.declared.members
    known = _NONE if change.action in MAKING else ownership.ledger.members.get(change.address, _NONE)
    anew = sum(path in known for path, _ in sync.make)
    size, indexed = 0, NO_TOKENS
    for path, _ in sync.make:
        quantities = as_resource(resource, path, kind).declared.quantities
        size, indexed = size + quantities.bytes, indexed + quantities.indexed
    return MemberCounts(
        add=len(sync.make) - anew,
        replace=anew,
        delete=len(sync.drop),
        keep=len(declared) - len(sync.make),
        failed=len(_failed(declared, known)),
        bytes=size,
        indexed=indexed,
    )


def failed(address: Address, ledger: Ledger, resource: Resource) -> tuple[str, ...]:
    """The paths of declared members that the service could not process, as they are declared."""
    return _failed(resource.declared.members, ledger.members.get(address, _NONE))


def _failed(declared: Mapping[str, Member], known: Mapping[str, str]) -> tuple[str, ...]:
    found = (path for path, at in known.items() if has_failed(at))
    return tuple(path for path in found if path in declared and declared[path].tag == tag_of(known[path]))


# Words.


def _word(kind: Kind) -> str:
    return remote(kind).collection.what


def _said(counts: MemberCounts, kind: Kind) -> str:
    word = _word(kind)
    parts = [f"{counts.add:,} to add"] if counts.add else []
    parts += [f"{counts.replace:,} to replace"] if counts.replace else []
    parts += [f"{counts.delete:,} to delete"] if counts.delete else []
    parts += [f"{counts.keep:,} kept"] if counts.keep else []
    parts += [f"{counts.failed:,} failed"] if counts.failed else []
    parts += [f"{counts.lost:,} go with the old one"] if counts.lost else []
    tokens = counts.indexed
    if tokens.high is None:
        parts.append("some of a size in tokens that is not known" if tokens.likely else "tokens to index not known")
    if tokens.likely:
        parts.append(f"about {_short(tokens.likely)} tokens to index")
    return f"{word}s: {', '.join(parts)}" if parts else ""


def _short(number: int) -> str:
    if number >= 1_000_000:
        return f"{number / 1_000_000:.1f}M"
    return f"{number / 1000:.0f}k" if number >= 10_000 else f"{number:,}"


def _lost(count: int, kind: Kind) -> str:
    return f"{count:,} {_word(kind)}{' in it goes' if count == 1 else 's in it go'} with it" if count else ""


def _joined(*said: str) -> str:
    return "; ".join(filter(None, said))
