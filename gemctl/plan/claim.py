"""Which live objects are ours: open intents resolved, lost bindings found again by their marks, duplicates noticed.

The server names everything and there are no request ids, so this is where "exactly once" is decided:

  a create that was intended and whose mark is live       → it happened: bind it
  … whose mark is not live, and `settle` has passed       → it did not happen; if it does later on, it is an old one
  … whose mark is not live yet                            → unresolved: wait (engine/resolve.py), create nothing
  several live objects with one mark and one spec         → the oldest wins, the others are duplicates
  our mark with another spec, beside a live binding       → another writer is at work: leave it alone,
                                                            or take it over where it is just what is declared
  our mark, and no binding                                → bind it; what has another spec is an old generation
  given to another stack, by gemctl.yaml or by us         → not ours, whatever its mark says
  our mark on what shows other fields than were sent      → a copy of the mark: left alone, whatever is decided
  bound, and without the mark that it was bound under     → not ours, whatever the state says: our own is looked for

Pure. The result is a ledger in which every binding is settled, and the entries that make it so.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gemctl.core.address import Address
from gemctl.core.claims import Claims
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue, Kind, Lifetime, Rule
from gemctl.core.live import Item, Phase, World
from gemctl.core.mark import address_tag, attempt_tag
from gemctl.core.neighbours import Neighbours
from gemctl.core.record import (
    Bound,
    Closed,
    Doubted,
    Entry,
    Generation,
    Gone,
    Handed,
    Intent,
    Ledger,
    Op,
    Origin,
    Record,
    Retiring,
    fold,
)
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import JsonObject
from gemctl.plan.jobs import results_gone
from gemctl.plan.moves import LOST, moved, moves
from gemctl.plan.ours import ours

_EPOCH = datetime.min.replace(tzinfo=UTC)
LATEST = timedelta(days=2)  # no request is on its way for longer than this


def claim(
    desired: Desired,
    ledger: Ledger,
    world: World,
    project: str,
    settle: timedelta,
    catalogue: Catalogue,
    neighbours: Neighbours,
) -> Claims:
    """See the module. `project` is the project tag of this stack; `settle` how long a create may still surface;
    `neighbours` is what the project file says of what belongs to whom.
    """
    return _Claimer(desired, ledger, world, project, settle, catalogue, neighbours).run()


class _Claimer:
    """One run of `claim`; holds what it collects."""

    def __init__(
        self,
        desired: Desired,
        ledger: Ledger,
        world: World,
        project: str,
        settle: timedelta,
        catalogue: Catalogue,
        neighbours: Neighbours,
    ) -> None:
        self.desired, self.ledger, self.world, self.project = desired, ledger, world, project
        self.settle, self.catalogue, self.neighbours = settle, catalogue, neighbours
        self.entries: list[Entry] = []
        self.duplicates: dict[Address, tuple[Item, ...]] = {}
        self.contested: dict[Address, str] = {}
        self.unresolved: list[Intent] = []
        self.imported: set[str] = set()
        self.diagnostics: list[Diagnostic] = []
        self.marked: dict[tuple[str, str], list[Item]] = defaultdict(list)
        self.named = {item.name: item for items in world.listings.values() for item in items}
        self.trusted = ledger.marks_trusted
        self.sent = {(one.marked, one.spec) for one in ledger.sent.values() if one.at + LATEST > world.now}
        self._let_go()
        self.moves = moves(desired)
        self.earlier: dict[Address, list[Address]] = defaultdict(list)
        for old, new in sorted(self.moves.items()):
            self.earlier[new].append(old)
        self.formerly: dict[Address, Address] = {}
        self._move()
        self.apart = frozenset({*self.ledger.handed, *neighbours.others})
        self.leaving = {at: given.to for at, given in self._given().items()}
        self._name_the_lost()
        self.taken = {record.name: address for address, record in self.ledger.records.items()}
        self.intents = {intent.address: intent for intent in self.ledger.open_creates}
        self.creates: dict[tuple[str, str], list[Intent]] = defaultdict(list)  # whose fields are known, by their marks
        for one in (*self.ledger.intents.values(), *self.ledger.sent.values()):
            if one.shows:
                self.creates[one.address.kind, one.marked].append(one)
        for item in self.named.values():
            ours = item.mark and item.mark.project == project and item.name not in self.apart
            if item.mark and ours and self.trusted and item.name not in ledger.retiring:
                self.marked[item.kind, item.mark.address].append(item)
        for (kind, _), items in self.marked.items():
            items.sort(key=self._rank(kind))

    def run(self) -> Claims:
        uncertain = not self.ledger.known and bool(self.marked or self.ledger.serial)
        self._close_finished_intents()
        seen_tags: set[tuple[str, str]] = set()
        # Open creates first: what they made is theirs, also where a moved resource still carries the same tag.
        addresses = {*self.desired.resources, *self.ledger.records, *self.intents}
        for address in sorted(addresses, key=lambda one: (one not in self.intents, one)):
            tags = self._tags(address)
            seen_tags |= {(address.kind, tag) for tag in tags}
            if address.kind in self.world.listings and address not in self.leaving and address not in self.contested:
                self._settle_address(address, self._ours(address, tags))
        for (kind, tag), items in sorted(self.marked.items()):
            free = [item for item in items if item.name not in self.imported]
            if (kind, tag) not in seen_tags and free:
                self._unknown_address(Address(kind, LOST + tag), free)
        for name, old in sorted(self._old().items()):
            if old.address.kind in self.world.listings and name not in self.named:
                self.entries.append(Gone(old.address, name))
        settled = fold(self.ledger, self.entries)
        here = self.neighbours.stack
        self.diagnostics += [_not_yet_given(address, here, to) for address, to in sorted(self.leaving.items())]
        self.diagnostics += self._only_in_the_ledger(settled)
        return Claims(
            settled,
            tuple(self.entries),
            self.duplicates,
            self.contested,
            tuple(self.unresolved),
            self.leaving,
            self.formerly,
            self.apart,
            self.neighbours.stacks,
            uncertain,
            tuple(self.diagnostics),
        )

    def _given(self) -> Mapping[Address, Handed]:
        """What is still bound here, and is being given to another stack."""
        handed = self.ledger.handed
        return {at: handed[record.name] for at, record in self.ledger.records.items() if record.name in handed}

    def _old(self) -> Mapping[str, Generation | Handed]:
        """What the ledger watches until it is gone."""
        return {**self.ledger.retiring, **self.ledger.handed}

    def _let_go(self) -> None:
        """What gemctl.yaml gives to another stack is forgotten, also by an old copy of the state that comes back; and
        what it gives to this one was handed to nobody.
        """
        others, own = self.neighbours.others, self.neighbours.own
        for address, record in sorted(self.ledger.records.items()):
            if record.name in others:
                self.entries.append(Gone(address, record.name))
        for name, old in sorted(self._old().items()):
            if name in (others if name in self.ledger.retiring else own):
                self.entries.append(Gone(old.address, name))
        self.ledger = fold(self.ledger, self.entries)

    def _only_in_the_ledger(self, settled: Ledger) -> Iterable[Diagnostic]:
        """Objects with the mark of another stack of the project, where nothing but the ledgers says that they are ours:
        should that stack lose its own, it would take them back.
        """
        for address, record in sorted(settled.records.items()):
            item = self.named.get(record.name)
            other = self.neighbours.stacks.get(item.mark.project) if item and item.mark else None
            if item and other and item.name not in self.neighbours.own:
                yield _not_in_the_project_file(address, item, other, self.neighbours.stack)

    def _name_the_lost(self) -> None:
        """What was found by a mark alone gets its name back as soon as a declaration hashes to that mark."""
        tags = {(old.kind, address_tag(old)): new for old, new in self.moves.items() if new in self.desired.resources}
        tags |= {(address.kind, address_tag(address)): address for address in self.desired.resources}
        for lost, record in sorted(self.ledger.records.items()):
            address = tags.get((lost.kind, lost.name.removeprefix(LOST))) if lost.name.startswith(LOST) else None
            if address is None:
                continue
            self.entries.append(Gone(lost, record.name))
            if address not in self.ledger.records:
                item = self.named.get(record.name)
                known = adopt(item, self.desired.resources[address]) if item else record
                self.entries.append(Bound(address, known))
            for name, old in sorted(self.ledger.retiring.items()):
                if old.address == lost:
                    self.entries.append(Retiring(name, replace(old, address=address)))
        self.ledger = fold(self.ledger, self.entries)

    def _ours(self, address: Address, tags: Collection[str]) -> list[Item]:
        """Live objects with one of these tags in their mark that are not bound to another address."""
        found = [item for tag in tags for item in self.marked.get((address.kind, tag), ())]
        found.sort(key=self._rank(address.kind))
        return [item for item in found if self.taken.get(item.name, address) == address]

    def _rank(self, kind: str) -> Callable[[Item], tuple[Any, ...]]:
        """What comes first of several with one mark and one spec is bound."""
        return _RANKS.get(self.catalogue[kind].lifetime, _age)

    def _tags(self, address: Address) -> frozenset[str]:
        """The tags under which objects of this address are marked: `state mv` may have left an older one, and where
        gemctl.yaml says what it was called before, all of them count.
        """
        record, intent = self.ledger.records.get(address), self.intents.get(address)
        before = {address_tag(old) for old in self.earlier.get(address, ())}
        own = (record and record.marked) or (intent and intent.marked) or address_tag(address)
        more = {address_tag(address), *([intent.marked] if intent and intent.marked else [])} if before else set()
        return frozenset({own, *before, *more})

    def _move(self) -> None:
        """What gemctl.yaml says was renamed is recorded under its new address from now on, as `state mv` does it."""
        entries: list[Entry] = []
        for old, new in sorted(self.moves.items()):
            if old in self.desired.resources:
                continue  # only of what comes with a resource: others have been refused
            ledger = fold(self.ledger, entries)
            if old in ledger.records and new in ledger.records:
                why = f"{old} and {new} are both bound"
                self.contested |= {old: why, new: why}
                self.diagnostics.append(_both_bound(old, new, ledger))
            elif found := moved(ledger, old, new, self.catalogue):
                entries += found
                self.formerly[new] = old
        self.entries += entries
        self.ledger = fold(self.ledger, entries)

    def _close_finished_intents(self) -> None:
        """Updates and deletes can be repeated: what became of them is what the list shows now."""
        for intent in self.ledger.intents.values():
            if intent.op not in (Op.CREATE, Op.MINT) and intent.address.kind in self.world.listings:
                self.entries.append(Closed(intent.id, "read back from the list"))

    def _live(self, record: Record | None) -> Item | None:
        """What is bound, if it is there and ours."""
        item = self.named.get(record.name) if record else None
        return item if item and record and ours(item, record, self.project) else None

    def _settle_address(self, address: Address, marked: list[Item]) -> None:
        record = self.ledger.records.get(address)
        wanted = self.desired.resources.get(address)
        bound = self._live(record)
        marked = self._without_copies(address, marked, bound)
        if intent := self.intents.get(address):
            born = [item for item in marked if _is_of(item, intent.spec) and item is not bound]
            if born and bound and record and wanted and record.spec == wanted.spec_tag:
                # Declared as before again: what is bound stays, and what was made meanwhile is an old generation.
                self.entries.append(Doubted(intent))
                for item in born:
                    self._note_old(address, item)
                self._beside_a_binding(address, record, bound, wanted, [item for item in marked if item not in born])
                return
            if born:
                self._bind(address, born[0], intent)
                self._note_duplicates(address, born[1:])
                return
            newest = max(other.at for other in self.ledger.open_creates)
            if self.world.now < newest + self.settle or not self.trusted:
                self.unresolved.append(intent)
                return
            self.entries.append(Doubted(intent))
        if record and bound is None and record.name in self.named:
            self._bound_by_mistake(address, record, wanted, marked)
        elif self.catalogue[address.kind].lifetime is Lifetime.ONCE:
            self._settle_runs(address, record, wanted, marked)
        elif back := self._declared_again(address, record if bound else None, wanted):
            self._bind(address, back, None)
        elif record and bound and (self.ledger.known or not bound.mark):
            self._beside_a_binding(address, record, bound, wanted, marked)
        else:
            self._without_a_binding(address, record, wanted, marked)

    def _bound_by_mistake(self, address: Address, record: Record, wanted: Resource | None, marked: list[Item]) -> None:
        """The name in the record is that of something else. All the rest of it is about our own object."""
        same = [item for item in marked if _is_of(item, record.spec)]
        stranger = self.named[record.name]
        if same:
            right = replace(
                record,
                name=same[0].name,
                created=same[0].created,
                deadline=same[0].deadline,
                tokens=same[0].tokens,
                facts=same[0].facts,
                echoed=True,
            )
            self.entries += [Gone(address, record.name), Bound(address, right)]
            self.taken[right.name] = address
            self._note_duplicates(address, same[1:])
            self.diagnostics.append(_put_right(address, stranger, same[0]))
        elif self._ends_by_itself(address.kind):
            self.entries.append(Gone(address, record.name))  # another one is made when it is needed, and costs nothing
            self.diagnostics.append(_put_right(address, stranger, None))
        elif wanted:
            self.contested[address] = "it is bound to what is not ours"
            self.diagnostics.append(_not_ours(address, stranger))

    def _beside_a_binding(
        self, address: Address, record: Record, bound: Item, wanted: Resource | None, marked: list[Item]
    ) -> None:
        same = [item for item in marked if _is_of(item, record.spec)]
        strangers = [item for item in marked if item not in same and item is not bound]
        for item in [item for item in strangers if self._surfaced_late(item)]:
            strangers.remove(item)
            self._note_old(address, item)
        if strangers and all(self._is_as_declared(item, wanted) for item in strangers):
            self._bind(address, strangers[0], None)
            self._note_duplicates(address, strangers[1:])
            self.diagnostics.append(_made_by_another(address, strangers[0]))
        elif strangers:
            self.contested[address] = "another writer is at work"
            self.diagnostics.append(_another_writer(address, strangers))
        elif same and same[0] is not bound and bound in same:
            self._bind(address, same[0], None)  # what was bound becomes a retiring generation: readers may hold it
            self._note_duplicates(address, [item for item in same[1:] if item is not bound])
        else:
            self._note_duplicates(address, [item for item in same if item is not bound])

    def _settle_runs(
        self, address: Address, record: Record | None, wanted: Resource | None, marked: list[Item]
    ) -> None:
        """Attempts and earlier runs all stay what they are: only a second one of the same attempt is one too many.

        What another state ran of this very declaration is taken over; what else it runs is its own affair, and so is
        what it has run: that has ended, and does no harm.
        """
        spec = record.spec if record and self.ledger.known else self._newest_attempt(marked, wanted)
        same = [item for item in marked if _is_of(item, spec)]
        others = [item for item in marked if item not in same]
        if record and wanted and (before := self._ran_before(address, record, wanted)):
            self.entries.append(Bound(address, before))
            return
        if record and (better := self._double_with_results(address, record)):
            self.entries.append(Bound(address, better))
            return
        if record and self.ledger.known:
            ahead = [item for item in others if self._is_ahead(item, record, wanted)]
            late = [item for item in others if item not in ahead and self._surfaced_late(item)]
            running = [i for i in others if i not in ahead and i not in late and i.phase is Phase.WAITING]
            others = late
            if running:
                self.contested[address] = "another writer is at work"
                self.diagnostics.append(_another_writer(address, running))
                return
            if ahead:
                best = max(ahead, key=lambda item: (attempt_of(item, wanted) if wanted else 0, -marked.index(item)))
                self._bind(address, best, None)
                self._note_duplicates(address, [i for i in ahead if i is not best and i.mark == best.mark])
                self.diagnostics.append(_made_by_another(address, best))
                return
        if same:
            self._bind(address, same[0], None)
            self._note_duplicates(address, same[1:])
        elif record is None:
            self._import(address, wanted)
        for item in others:
            self._note_old(address, item)

    def _newest_attempt(self, items: list[Item], wanted: Resource | None) -> str:
        """The spec tag of what is to be taken as the binding when none is known: the last attempt at what is declared,
        else what was made last.
        """
        for attempt in range(attempts(wanted), 0, -1):
            if wanted and any(_is_of(item, attempt_tag(wanted.spec_tag, attempt)) for item in items):
                return attempt_tag(wanted.spec_tag, attempt)
        newest = max(items, key=_age, default=None)
        return newest.mark.spec if newest and newest.mark else ""

    def _ran_before(self, address: Address, record: Record, wanted: Resource) -> Record | None:
        """An earlier run of what is declared again now: it has been run, and is not run again."""
        if record.spec == attempt_tag(wanted.spec_tag, record.attempt):
            return None
        old = [one.record for one in self.ledger.retiring.values() if one.address == address and one.record]
        same = [run for run in old if run.spec == attempt_tag(wanted.spec_tag, run.attempt)]
        return max(same, key=lambda run: run.attempt, default=None)

    def _double_with_results(self, address: Address, record: Record) -> Record | None:
        """A second run of the same attempt that has results, where the bound one has none to give any more."""
        item = self.named.get(record.name)
        if record.harvest or (item and item.phase is not Phase.FAILED and not results_gone(item, self.world.now)):
            return None
        doubles = [
            other
            for name, one in sorted(self.ledger.retiring.items())
            if one.address == address and one.record and one.record.spec == record.spec
            if (other := self.named.get(name)) and other.phase is Phase.READY
            if not results_gone(other, self.world.now)
        ]
        best = min(doubles, key=_age, default=None)
        run = self.ledger.retiring[best.name].record if best else None
        return replace(run, stopped=record.stopped) if run else None

    def _is_ahead(self, item: Item, record: Record, wanted: Resource | None) -> bool:
        """A run of what is declared now, beside a binding that is of another declaration, or an earlier attempt."""
        if wanted is None:
            return False
        bound = record.attempt if record.spec == attempt_tag(wanted.spec_tag, record.attempt) else 0
        return (attempt_of(item, wanted) or 0) > bound

    def _declared_again(self, address: Address, record: Record | None, wanted: Resource | None) -> Item | None:
        """An old generation that is just what is declared now, and has life enough left to be renewed: better than a
        new one, which costs tokens, and which another state that holds the old one would take for a duplicate.
        """
        if wanted is None or (record and record.spec == wanted.spec_tag):
            return None
        if self.catalogue[address.kind].lifetime is not Lifetime.RENEWABLE or not self.trusted:
            return None
        soon = self.world.now + self.settle
        old = [
            self.named[name]
            for name, one in self.ledger.retiring.items()
            if one.address == address and name in self.named
        ]
        fits = [
            one for one in old if self._is_as_declared(one, wanted) and (one.deadline is None or one.deadline > soon)
        ]
        return min(fits, key=_age, default=None)

    def _is_as_declared(self, item: Item, wanted: Resource | None) -> bool:
        """True for what another state made of the very declaration that is to be applied: there is nothing to add."""
        return wanted is not None and _is_of(item, wanted.spec_tag) and self._fits(item, wanted)

    def _without_a_binding(
        self, address: Address, record: Record | None, wanted: Resource | None, marked: list[Item]
    ) -> None:
        spec = wanted.spec_tag if wanted else record.spec if record else ""
        same = [item for item in marked if _is_of(item, spec)]
        others = [item for item in marked if item not in same]
        if not same and others:
            newest = max(others, key=_age)  # of the old ones that is what readers know
            same, others = [newest], [item for item in others if item is not newest]
        if not same:
            self._import(address, wanted)
            return
        self._bind(address, same[0], None)
        self._note_duplicates(address, same[1:])
        for item in others:
            self._note_old(address, item)

    def _import(self, address: Address, wanted: Resource | None) -> None:
        """Bind what the project file gives to an address that nothing is bound to."""
        names = (address, *self.earlier.get(address, ()))
        given = (self.neighbours.imports[at] for at in names if at in self.neighbours.imports)
        item = self.named.get(next(given, ""))
        if wanted is None or item is None or item.kind != address.kind or item.name in self.taken:
            return
        if item.name in self.apart:
            return
        if not self._fits(item, wanted):
            self.diagnostics.append(_does_not_fit(address, item))
            return
        self.taken[item.name] = address
        self.imported.add(item.name)
        self.entries.append(Bound(address, import_as(item, wanted, self.project)))

    def _note_old(self, address: Address, item: Item) -> None:
        self.entries.append(older(address, item, self.desired.resources.get(address), self.catalogue[item.kind]))

    def _surfaced_late(self, item: Item) -> bool:
        """True for what a create of ours made: one that was given up, or one that was delivered twice."""
        mark = item.mark
        return mark is not None and any(mark.address == address and mark.of(spec) for address, spec in self.sent)

    def _unknown_address(self, address: Address, items: list[Item]) -> None:
        items = self._without_copies(address, items, None)
        if late := [item for item in items if self._surfaced_late(item)]:
            for item in late:
                self._note_old(address, item)
            items = [item for item in items if item not in late]
        if not items:
            return
        if not self.ledger.known:
            self._without_a_binding(address, None, None, items)
            return
        self.diagnostics.append(
            problem(
                "W503",
                f"{', '.join(item.name for item in items)} carries this stack's mark, but neither the manifests nor "
                "the state know where it came from. It is left alone.",
                hint="Another state of the same project and stack may own it. If none does, `gemctl state rebuild` "
                "takes it in, and the next apply deletes it.",
            )
        )

    def _fits(self, item: Item, wanted: Resource | None) -> bool:
        return wanted is None or not differing(item, wanted.declared.fields, self.catalogue[item.kind])

    def _bind(self, address: Address, item: Item, intent: Intent | None) -> None:
        record = self.ledger.records.get(address)
        if record and record.name == item.name:
            return
        if record and self._live(record) is None:
            self.entries.append(Gone(address, record.name))
        wanted = self.desired.resources.get(address)
        self.taken[item.name] = address
        self.entries.append(Bound(address, adopt(item, wanted), intent.id if intent else None))

    def _ends_by_itself(self, kind: str) -> bool:
        return self.catalogue[kind].lifetime is Lifetime.FIXED

    def _without_copies(self, address: Address, marked: list[Item], bound: Item | None) -> list[Item]:
        """Those that show what their mark says was sent, besides what is bound in any case: to copy a display name is
        easy. What an open create has made is among them in any case, unless something else can be meant: the service
        may show another name of a model. What ends by itself shows a digest of what arrived: if that is not what was
        sent, it is no use, and is made again.
        """
        copies: list[Item] = []
        intent = self.intents.get(address)
        for spec in sorted({item.mark.spec for item in marked if item.mark}):
            same = [item for item in marked if _is_of(item, spec)]
            shown = self._shown(address, same, bound)
            others = [item for item in same if item is not bound and differing(item, shown, self._kind(address))]
            made = intent and _is_of(same[0], intent.spec) and len(others) == len(same)
            copies += [] if made and not self._ends_by_itself(address.kind) else others
        if copies:
            self.diagnostics.append(_copied_mark(address, copies))
        return [item for item in marked if item not in copies]

    def _shown(self, address: Address, same: list[Item], bound: Item | None) -> JsonObject:
        """The fields of what was made with the mark that all of these carry: what the bound one shows, if it is one of
        them; else what was sent. Where that is not known, the oldest shows it, since a copy is younger than what it was
        copied from; and also where something would be run otherwise: a doubt must not lead to a second run.
        """
        if bound in same:
            return bound.fields
        wanted, record = self.desired.resources.get(address), self.ledger.records.get(address)
        oldest = min(same, key=_age)
        if self._kind(address).lifetime is Lifetime.ONCE and wanted and record is None:
            return oldest.fields
        if wanted and attempt_of(oldest, wanted):
            return wanted.declared.fields
        if record and record.fields is not None and _is_of(oldest, record.spec):
            return record.fields
        key = (oldest.kind, oldest.mark.address if oldest.mark else "")
        sent = (one.shows for one in self.creates.get(key, ()) if _is_of(oldest, one.spec))
        return next(sent, oldest.fields)

    def _kind(self, address: Address) -> Kind:
        return self.catalogue[address.kind]

    def _note_duplicates(self, address: Address, items: Iterable[Item]) -> None:
        """Written down as well: should their delete fail, a later declaration must not make strangers of them.

        What ends by itself is left to do so: made again on purpose, and costs nothing.
        """
        if extra := tuple(items):
            if not self._ends_by_itself(address.kind):
                self.duplicates[address] = extra
            for item in extra:
                self._note_old(address, item)


def differing(item: Item, declared: JsonObject, kind: Kind) -> tuple[str, ...]:
    """The immutable fields that can be read back and are not what is declared: a copied mark is not enough."""
    return tuple(field for field in item.differs(declared) if kind.rules.get(field) is Rule.IMMUTABLE)


def adopt(item: Item, wanted: Resource | None) -> Record:
    """A record for a live object that carries our mark. What went into it is known only if it is what is declared."""
    mark, attempt = item.mark, attempt_of(item, wanted) if wanted else None
    known = attempt is not None
    return Record(
        name=item.name,
        spec=attempt_tag(wanted.spec_tag, attempt) if wanted and attempt else mark.spec if mark else "",
        origin=Origin.ADOPTED,
        marked=mark.address if mark else "",
        fields=wanted.declared.fields if wanted and known else None,
        expiry=wanted.declared.expiry if wanted and known else None,
        created=item.created,
        deadline=item.deadline,
        tokens=item.tokens,
        facts=item.facts,
        prevent_destroy=bool(wanted and wanted.lifecycle.prevent_destroy),
        retire=wanted.lifecycle.retire if wanted else timedelta(0),
        attempt=attempt or 1,
        run=wanted.run if wanted else None,
    )


def attempts(wanted: Resource | None) -> int:
    """How often this may be made of one declaration."""
    return 1 + (wanted.run.max_resubmits if wanted and wanted.run else 0)


def attempt_of(item: Item, wanted: Resource) -> int | None:
    """How many-th attempt at this declaration the object is; None if it was made of another one."""
    return next((n for n in range(1, attempts(wanted) + 1) if _is_of(item, attempt_tag(wanted.spec_tag, n))), None)


def older(address: Address, item: Item, wanted: Resource | None, kind: Kind) -> Retiring:
    """The live object as an older generation of this address."""
    record = adopt(item, wanted) if kind.lifetime is Lifetime.ONCE else None  # its results may have to be saved
    marked = item.mark.address if item.mark else ""
    return Retiring(item.name, Generation(address, marked, item.deadline, item.tokens, record))


def import_as(item: Item, wanted: Resource, project: str) -> Record:
    """A record for a live object that somebody gave to this address: what went into it is assumed to be as declared.

    A mark that is not of this project and stack (`project` is its tag) says nothing about what else carries it.
    """
    record = adopt(item, wanted)
    return replace(
        record,
        origin=Origin.IMPORTED,
        spec=attempt_tag(wanted.spec_tag, record.attempt),
        fields=wanted.declared.fields,
        marked=record.marked if item.mark and item.mark.project == project else "",
    )


def _is_of(item: Item, spec: str) -> bool:
    """Whether its mark says that it was made from the declaration with this spec tag."""
    return item.mark is not None and item.mark.of(spec)


def _age(item: Item) -> tuple[datetime, str]:
    return item.created or _EPOCH, item.name


def _end_first(item: Item) -> tuple[float, str]:
    """The one with the most life left first."""
    return -(item.deadline.timestamp() if item.deadline else math.inf), item.name


def _results_first(item: Item) -> tuple[bool, datetime, str]:
    """One that has results, or may have, before one that failed; then the oldest."""
    return item.phase is Phase.FAILED, *_age(item)


_RANKS: Mapping[Lifetime, Callable[[Item], tuple[Any, ...]]] = {
    Lifetime.FIXED: _end_first,
    Lifetime.ONCE: _results_first,
}


def _copied_mark(address: Address, copies: list[Item]) -> Diagnostic:
    return problem(
        "W504",
        f"{', '.join(item.name for item in copies)} carries the mark of {address}, but shows other fields than "
        "were sent with it. It is not adopted, and left alone.",
        address=address,
        hint="Somebody copied the display name. Delete the copy.",
    )


def _both_bound(old: Address, new: Address, ledger: Ledger) -> Diagnostic:
    return problem(
        "E569",
        f"gemctl.yaml says that {old} is called {new} now, but the state binds both: {old} to "
        f"{ledger.records[old].name}, {new} to {ledger.records[new].name}. Nothing is done about them.",
        address=new,
        hint=f"Remove that line under moved, and {old} is deleted as undeclared; or `gemctl state rm` the one that is "
        "not wanted, whose object stays live.",
    )


def _put_right(address: Address, stranger: Item, item: Item | None) -> Diagnostic:
    now = f"It is bound to {item.name}, which does" if item else "That is forgotten"
    return problem(
        "W568",
        f"The state binds {address} to {stranger.name}, which does not carry its mark. {now}; {stranger.name} is left "
        "alone.",
        address=address,
        hint="The state was edited, or the service answered with another object than it had made.",
    )


def _not_ours(address: Address, stranger: Item) -> Diagnostic:
    return problem(
        "E568",
        f"The state binds {address} to {stranger.name}, which does not carry its mark and was not imported. Nothing is "
        "done about it.",
        address=address,
        hint=f"`gemctl state rm {address}` forgets that: the next apply looks for its own, or makes it. If "
        f"{stranger.name} is the right one, `gemctl import {address} {stranger.name}` binds it after that.",
    )


def _made_by_another(address: Address, item: Item) -> Diagnostic:
    return problem(
        "W505",
        f"{item.name} was made for {address} as it is declared now, and not by this state. It is taken over.",
        address=address,
        hint="Another state of the same project and stack is in use, or an old copy of the state was put back.",
    )


def _does_not_fit(address: Address, item: Item) -> Diagnostic:
    return problem(
        "W561",
        f"gemctl.yaml gives {item.name} to {address}, but it shows other fields than are declared. It is left alone.",
        address=address,
        hint="Declare what it shows (`gemctl get` lists it), or remove the line under imports.",
    )


def _not_yet_given(address: Address, here: str, to: str) -> Diagnostic:
    return problem(
        "W565",
        f"{address} is being given to stack {to}, and that was interrupted. Nothing is done about it meanwhile.",
        address=address,
        hint=f"Run `gemctl handover --stack {here} {address} --to {to}` again: it goes on where it stopped.",
    )


def _not_in_the_project_file(address: Address, item: Item, other: str, here: str) -> Diagnostic:
    return problem(
        "W564",
        f"{item.name} is bound to {address} and carries the mark of stack {other}. Only the states say that it belongs "
        f"to stack {here}: if that of stack {other} is lost, {other} takes it back.",
        address=address,
        hint=f"Write into gemctl.yaml: stacks: {{{here}: {{imports: {{{address}: {item.name}}}}}}}",
    )


def _another_writer(address: Address, strangers: list[Item]) -> Diagnostic:
    return problem(
        "E504",
        f"{', '.join(item.name for item in strangers)} carries the mark of {address}, but was made from another "
        "declaration, and not by this state. Nothing is done about this resource.",
        address=address,
        hint="Two states serve the same project and stack, or an old copy of the state was put back. Let one of them "
        "go: `gemctl state rebuild` takes in what is live, and `gemctl import --take-over "
        f"{address} {strangers[0].name}` this object alone.",
    )
