"""Decides which live objects are ours: resolves open intents, finds lost bindings again by their marks, notices
duplicates. Called by workflows/look.py.

The server names everything and there are no request ids, so "exactly once" is decided here:

  a create that was intended and whose mark is live       → it happened: bind it
  … whose mark is not live, and `settle` has passed       → it did not happen; if it does later on, it is an old one
  … whose mark is not live yet                            → unresolved: wait (engine/resolve.py), create nothing
  several live objects with one mark and one spec         → the oldest wins, the others are duplicates
  our mark with another spec, beside a live binding       → another writer is at work: leave it alone,
                                                            or take it over where it is just what is declared
  our mark, and no binding                                → bind it; one of another spec is an old generation
  given to another stack, by gemctl.yaml or by us         → not ours, whatever its mark says
  our mark, and other fields than were sent with it       → a copy of the mark: left alone, whatever is decided
  bound, and without the mark that it was bound under     → not ours, whatever the state says: our own is looked for
  a new secret was asked for, and no answer came          → unresolved, too: when it arrives, it voids the one before
  what nobody sees was changed, and no answer came        → unresolved, too; then it is sent again

Pure. The result is a ledger in which every binding is settled, and the entries that make it so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue, Chosen, Kind, Unmarked, parent_of, remote
from gemctl.core.live import LiveObject, LiveState
from gemctl.core.mark import OwnerTag, address_tag
from gemctl.core.neighbours import Neighbours
from gemctl.core.ownership import Ownership
from gemctl.core.record import (
    UNHEARD,
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
    Record,
    Retiring,
    fold,
)
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import JsonObject
from gemctl.plan import ownership_words as say
from gemctl.plan.adopted import adopt, attempt_of, found_by, import_as, older
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.kept import age, is_of, without_a_binding
from gemctl.plan.lifetimes.policy import Case, Policy
from gemctl.plan.members import Listed
from gemctl.plan.moves import LOST, moved, moves
from gemctl.plan.ours import ours

LATEST = timedelta(days=2)  # no request is on its way for longer than this


def own(
    desired: Desired,
    ledger: Ledger,
    live_state: LiveState,
    owner: OwnerTag,
    settle: timedelta,
    catalogue: Catalogue,
    neighbours: Neighbours,
) -> Ownership:
    """See the module. `owner` is the owner tag of this stack; `settle` how long a create may still surface;
    `neighbours` is what the project file says about which stack owns what.
    """
    return _Owning(desired, ledger, live_state, owner, settle, catalogue, neighbours).run()


class _Owning:
    """One run of `own`; holds what it collects."""

    def __init__(
        self,
        desired: Desired,
        ledger: Ledger,
        live_state: LiveState,
        owner: OwnerTag,
        settle: timedelta,
        catalogue: Catalogue,
        neighbours: Neighbours,
    ) -> None:
        self.desired, self.ledger, self.live_state, self.owner = desired, ledger, live_state, owner
        self.now = live_state.now
        self.settle, self.catalogue, self.neighbours = settle, catalogue, neighbours
        self.entries: list[Entry] = []
        self.duplicates: dict[Address, tuple[LiveObject, ...]] = {}
        self.contested: dict[Address, str] = {}
        self.unresolved: list[Intent] = []
        self.imported: set[str] = set()
        self.found: set[Address] = set()
        self.diagnostics: list[Diagnostic] = []
        self.marked: dict[tuple[str, str], list[LiveObject]] = defaultdict(list)
        self.named: Mapping[str, LiveObject] = live_state.by_name
        self.trusted = ledger.marks_trusted
        self.sent = {
            (one.address_tag, one.spec_tag) for one in ledger.sent.values() if one.at + LATEST > live_state.now
        }
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
        self.retiring: dict[Address, list[str]] = defaultdict(list)
        for name, older_one in self.ledger.retiring.items():
            self.retiring[older_one.address].append(name)
        self.taken = {record.name: address for address, record in self.ledger.records.items()}
        apart = {kind for kind in live_state.listings if parent_of(catalogue[kind])}  # see plan/members.py
        self.intents = {one.address: one for one in self.ledger.open_creates if one.address.kind not in apart}
        open_ = self.ledger.intents.values()
        self.unseen = {one.id for one in open_ if self._changes_unseen(one)}
        self.asked = self.unseen | {one.id for one in open_ if self._asks_for_a_secret(one)}
        unheard = (*self.ledger.open_creates, *(self.ledger.intents[one] for one in self.asked))
        self.newest = max((intent.at for intent in unheard), default=live_state.now)
        self.creates: dict[tuple[str, str], list[Intent]] = defaultdict(list)  # whose fields are known, by their marks
        for one in (*self.ledger.intents.values(), *self.ledger.sent.values()):
            if one.shows:
                self.creates[one.address.kind, one.address_tag].append(one)
        aside = self.apart | ledger.retiring.keys()
        for item in self.named.values() if self.trusted else ():
            mark = item.mark
            if mark and mark.owner == owner and item.name not in aside and item.kind not in apart:
                self.marked[item.kind, mark.address_tag].append(item)
        self.standing = frozenset(kind for kind in live_state.listings if ledger.known and self._may_stand(kind))

    def run(self) -> Ownership:
        uncertain = not self.ledger.known and bool(self.marked or self.ledger.serial)
        self._close_finished_intents()
        seen_tags: set[tuple[str, str]] = set()
        # Open creates first: what they made is theirs, also where a moved resource still carries the same tag.
        rest = dict.fromkeys((*self.ledger.records, *self.desired.resources))  # records are in order already
        for address in (*sorted(self.intents), *sorted(one for one in rest if one not in self.intents)):
            if tag := self._stands(address):
                seen_tags.add((address.kind, tag))
                continue
            tags = self._tags(address)
            seen_tags.update((address.kind, tag) for tag in tags)
            open_ = address not in self.leaving and address not in self.contested
            if open_ and address.kind in self.live_state.listings:
                self._settle_address(address, self._ours(address, tags))
        for kind, tag in sorted(self.marked.keys() - seen_tags):
            free = [item for item in self.marked[kind, tag] if item.name not in self.imported]
            self._unknown_address(Address(kind, LOST + tag), free)
        for name, old in sorted(self._old().items()):
            if old.address.kind in self.live_state.listings and name not in self.named:
                self.entries.append(Gone(old.address, name, at=self.now))
        listed = Listed(self.ledger, self.live_state, self.owner, self.catalogue)
        listed.look_through(self.desired, fold(self.ledger, self.entries).records, self.newest + self.settle)
        self.entries += listed.entries
        self.unresolved += listed.unresolved
        settled = fold(self.ledger, self.entries)
        here = self.neighbours.stack
        self.diagnostics += [say.not_yet_given(address, here, to) for address, to in sorted(self.leaving.items())]
        self.diagnostics += self._only_in_the_ledger(settled)
        return Ownership(
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
            self.newest if self.unresolved else None,
            listed.seen,
            frozenset(self.found),
        )

    def _given(self) -> Mapping[Address, Handed]:
        """The addresses that are still bound here, and are being given to another stack."""
        handed = self.ledger.handed
        records = self.ledger.records if handed else {}
        return {at: handed[record.name] for at, record in records.items() if record.name in handed}

    def _old(self) -> Mapping[str, Generation | Handed]:
        """The live names that the ledger watches until they are gone."""
        return {**self.ledger.retiring, **self.ledger.handed}

    def _let_go(self) -> None:
        """Forget objects that gemctl.yaml gives to another stack, also in an old copy of the state that comes back; and
        handovers of objects that it gives to this one.
        """
        others, own = self.neighbours.others, self.neighbours.own
        records = self.ledger.records if others else {}
        given = [(address, record.name) for address, record in records.items() if record.name in others]
        self.entries += [Gone(address, name) for address, name in sorted(given)]
        for name, old in sorted(self._old().items()):
            if name in (others if name in self.ledger.retiring else own):
                self.entries.append(Gone(old.address, name))
        self.ledger = fold(self.ledger, self.entries)

    def _only_in_the_ledger(self, settled: Ledger) -> Iterable[Diagnostic]:
        """Warn of objects with the mark of another stack of the project that only the ledgers give to us: should that
        stack lose its own, it would take them back.
        """
        for address, record in sorted(settled.records.items()) if self.neighbours.stacks else ():
            item = self.named.get(record.name)
            other = self.neighbours.stacks.get(item.mark.owner) if item and item.mark else None
            if item and other and item.name not in self.neighbours.own:
                yield say.not_in_the_project_file(address, item, other, self.neighbours.stack)

    def _name_the_lost(self) -> None:
        """Give resources known by a mark alone their names back, as soon as a declaration hashes to that mark."""
        known_by_mark = sorted(at for at in self.ledger.records if at.name.startswith(LOST))
        if not known_by_mark:
            return
        tags = {(old.kind, address_tag(old)): new for old, new in self.moves.items() if new in self.desired.resources}
        tags |= {(address.kind, address_tag(address)): address for address in self.desired.resources}
        for lost in known_by_mark:
            record, address = self.ledger.records[lost], tags.get((lost.kind, lost.name.removeprefix(LOST)))
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

    def _may_stand(self, kind: str) -> bool:
        """Whether objects of this kind stay bound as they are, where no other has their mark."""
        made = self.catalogue[kind].remote
        return made is not None and not isinstance(made.identity, Chosen) and not self._policy(kind).RUNS

    def _stands(self, address: Address) -> str:
        """The tag of an address whose object is live and ours, with nothing open, and nothing else that has its mark or
        is an older one of it: there is nothing to settle. "" where there may be.
        """
        record = self.ledger.records.get(address)
        item = self.named.get(record.name) if record and address.kind in self.standing else None
        if record is None or item is None or (mark := item.mark) is None:
            return ""
        tag = mark.address_tag
        if mark.owner != self.owner or tag != record.address_tag:
            return ""
        if address in self.intents or address in self.earlier or address in self.retiring:
            return ""
        return tag if all(one is item for one in self.marked.get((address.kind, tag), ())) else ""

    def _ours(self, address: Address, tags: Collection[str]) -> list[LiveObject]:
        """Live objects with one of these tags in their mark that are not bound to another address."""
        found = [item for tag in tags for item in self.marked.get((address.kind, tag), ())]
        if len(found) > 1:
            found.sort(key=self._rank(address.kind))
        return [item for item in found if self.taken.get(item.name, address) == address]

    def _rank(self, kind: str) -> Callable[[LiveObject], tuple[Any, ...]]:
        """The sort key of objects with one mark and one spec: the first is bound."""
        return self._policy(kind).rank

    def _tags(self, address: Address) -> frozenset[str]:
        """The address tags in the marks of this address's objects: `state mv` may have left an older one, and where
        gemctl.yaml gives earlier names, all of them count.
        """
        record, intent = self.ledger.records.get(address), self.intents.get(address)
        before = {address_tag(old) for old in self.earlier.get(address, ())}
        own = (record and record.address_tag) or (intent and intent.address_tag) or address_tag(address)
        more = (
            {address_tag(address), *([intent.address_tag] if intent and intent.address_tag else [])}
            if before
            else set()
        )
        return frozenset({own, *before, *more})

    def _move(self) -> None:
        """Record resources that gemctl.yaml says were renamed under their new addresses, as `state mv` does it."""
        entries: list[Entry] = []
        for old, new in sorted(self.moves.items()):
            if old in self.desired.resources:
                continue  # a generated resource: others have been refused
            ledger = fold(self.ledger, entries)
            if old in ledger.records and new in ledger.records:
                why = f"{old} and {new} are both bound"
                self.contested |= {old: why, new: why}
                self.diagnostics.append(say.both_bound(old, new, ledger))
            elif found := moved(ledger, old, new, self.catalogue):
                entries += found
                self.formerly[new] = old
        self.entries += entries
        self.ledger = fold(self.ledger, entries)

    def _close_finished_intents(self) -> None:
        """Close intents that need no answer: updates and deletes can be repeated, and the list shows their outcome. No
        list shows whether a new secret was made, nor what has become of fields that are never shown: what was asked for
        has to be waited for, and of such fields it is not known any more what they are.
        """
        for intent in self.ledger.intents.values():
            if intent.op in (Op.CREATE, Op.MINT) or intent.address.kind not in self.live_state.listings:
                continue
            if intent.id in self.asked and self.live_state.now < self.newest + self.settle:
                self.unresolved.append(intent)
            elif intent.id in self.unseen:
                record = replace(self.ledger.records[intent.address], spec_tag="", fields=None)
                self.entries.append(Bound(intent.address, record, intent.id))
            else:
                self.entries.append(Closed(intent.id, "read back from the list"))
        for intent in self.ledger.sent.values():
            bound = self.ledger.records.get(intent.address)
            if intent.unheard and bound and bound.spec_tag == intent.spec_tag:
                self.entries.append(Closed(intent.id, "known by now"))

    def _asks_for_a_secret(self, intent: Intent) -> bool:
        """Whether it may still make a new secret of an object that is kept: the next one must come after it."""
        record = self.ledger.records.get(intent.address)
        kept = intent.op is Op.ACT and record is not None and record.undelivered
        return kept and intent.address in self.desired.resources and self._live(record) is not None

    def _changes_unseen(self, intent: Intent) -> bool:
        """Whether it may have changed what nobody sees, or may still: of an object that shows neither such a field nor
        when it was changed.
        """
        record = self.ledger.records.get(intent.address)
        item = self._live(record) if intent.op is Op.UPDATE and self._kind(intent.address).secretive else None
        return item is not None and item.name == intent.name and item.updated is None

    def _live(self, record: Record | None) -> LiveObject | None:
        """The live object that is bound, if it is there and ours."""
        item = self.named.get(record.name) if record else None
        return item if item and record and ours(item, record, self.owner) else None

    def _settle_address(self, address: Address, marked: list[LiveObject]) -> None:
        record = self.ledger.records.get(address)
        wanted = self.desired.resources.get(address)
        bound = self._live(record)
        marked = self._without_copies(address, marked, bound)
        identity = remote(self.catalogue[address.kind]).identity
        how = self._policy(address.kind)
        if intent := self.intents.get(address):
            born = [item for item in self._made_by(intent, marked) if item is not bound]
            declared = wanted is not None and record is not None and record.spec_tag == wanted.spec_tag
            if record and record.spec_tag == intent.spec_tag and not how.RUNS:
                declared = False  # nothing was edited: it was to be made anew
            if born and bound and declared and not self._is_next_attempt(born[0], record, wanted):
                # Declared as before again: the bound object stays, and one made meanwhile is an old generation.
                self.entries.append(Doubted(intent))
                for item in born:
                    self.note_old(address, item)
                rest = [item for item in marked if item not in born]
                how.settle(Case(address, record, bound, wanted, rest), self)
                return
            if born:
                self.bind(address, born[0], intent)
                self.note_duplicates(address, born[1:])
                return
            if isinstance(identity, Unmarked):  # nothing can surface: a person has to say what came of it
                self.entries += [Closed(intent.id, "unheard of"), Doubted(_unheard(intent))]
            else:
                if self.live_state.now < self.newest + self.settle or not self.trusted:
                    self.unresolved.append(intent)
                    return
                self.entries.append(Doubted(intent))
        if record and bound is None and record.name in self.named:
            self._bound_by_mistake(address, record, wanted, marked)
        elif wanted and (taken := self._taken_name(address, wanted, bound)):
            self._settle_taken(wanted, self.named[taken])
        else:
            how.settle(Case(address, record, bound, wanted, marked), self)

    def _is_next_attempt(self, item: LiveObject, record: Record | None, wanted: Resource | None) -> bool:
        """Whether it is a further attempt at the declared run that is bound: it takes the place of that one."""
        attempt = attempt_of(item, wanted) if wanted else None
        return record is not None and attempt is not None and attempt > record.attempt

    def _made_by(self, intent: Intent, marked: list[LiveObject]) -> list[LiveObject]:
        """The objects that an open create has made, as far as they show: by its mark, or by the name that it chose."""
        if not intent.name:
            return [item for item in marked if is_of(item, intent.spec_tag)]
        item = self.named.get(intent.name)
        return [item] if item and self._explains(intent, item) else []

    def _explains(self, intent: Intent, item: LiveObject) -> bool:
        """Whether a create of ours may have made the object of the name that it chose. Times show whole seconds."""
        young = item.created is not None and item.created >= intent.at.replace(microsecond=0)
        same = intent.name == item.name and not self._kind(intent.address).differing(item.fields, intent.shows)
        return same and young

    def _taken_name(self, address: Address, wanted: Resource, bound: LiveObject | None) -> str | None:
        """The name that the user chose, if an object has it that is not bound, and that the project file does not give
        to the address.
        """
        identity = remote(self._kind(address)).identity
        if not isinstance(identity, Chosen) or (name := identity.name(wanted)) not in self.named:
            return None
        if bound and bound.name == name:
            return None
        names = (address, *self.earlier.get(address, ()))
        return None if name in (self.neighbours.imports.get(at) for at in names) else name

    def _given_up(self, address: Address, item: LiveObject) -> Intent | None:
        """The latest create of this address that was given up and explains the object: it took effect later."""
        late = [one for one in self.ledger.sent.values() if one.address == address and self._explains(one, item)]
        return max(late, key=lambda one: one.at, default=None)

    def _settle_taken(self, wanted: Resource, item: LiveObject) -> None:
        """Bind it if a create that was given up explains it; otherwise never touch it."""
        address = wanted.address
        if late := self._given_up(address, item):
            self.bind(address, item, late)
            return
        self.contested[address] = "another object has its name"
        span = wanted.positions.value(("metadata", "name"))
        self.diagnostics.append(say.name_is_taken(address, item, self.taken.get(item.name), span))

    def _bound_by_mistake(
        self, address: Address, record: Record, wanted: Resource | None, marked: list[LiveObject]
    ) -> None:
        """Correct a record that names another object. All the rest of it is about our own."""
        same = [item for item in marked if is_of(item, record.spec_tag)]
        stranger = self.named[record.name]
        if wanted and (late := self._given_up(address, stranger)):  # what was there before has gone, and had its name
            self.bind(address, stranger, late)
        elif same:
            right = replace(
                record,
                name=same[0].name,
                created=same[0].created,
                deadline=same[0].deadline,
                tokens=same[0].tokens,
                outputs=same[0].outputs,
                model=same[0].model,
            )
            self.entries += [Gone(address, record.name), Bound(address, right)]
            self.taken[right.name] = address
            self.note_duplicates(address, same[1:])
            self.diagnostics.append(say.put_right(address, stranger, same[0]))
        elif self._policy(address.kind).FREE:
            self.entries.append(Gone(address, record.name))  # another one is made when it is needed, and costs nothing
            self.diagnostics.append(say.put_right(address, stranger, None))
        elif wanted:
            self.contested[address] = "it is bound to what is not ours"
            self.diagnostics.append(say.not_ours(address, stranger))

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def contest(self, address: Address, strangers: list[LiveObject]) -> None:
        self.contested[address] = "another writer is at work"
        self.diagnostics.append(say.another_writer(address, strangers))

    def made_by_another(self, address: Address, item: LiveObject) -> None:
        self.diagnostics.append(say.made_by_another(address, item))

    def declared_again(self, case: Case) -> LiveObject | None:
        """An old generation that is just what is declared now, and has life enough left to be renewed: better than a
        new one, which costs tokens, and which another state that holds the old one would take for a duplicate.
        """
        address, record, wanted = case.address, case.record if case.bound else None, case.wanted
        if wanted is None or (record and record.spec_tag == wanted.spec_tag) or not self.trusted:
            return None
        soon = self.live_state.now + self.settle
        old = [self.named[name] for name in self.retiring.get(address, ()) if name in self.named]
        fits = [
            one for one in old if self.is_as_declared(one, wanted) and (one.deadline is None or one.deadline > soon)
        ]
        return min(fits, key=age, default=None)

    def is_as_declared(self, item: LiveObject, wanted: Resource | None) -> bool:
        """True if another state made it of the very declaration that is to be applied: there is nothing to add."""
        return wanted is not None and is_of(item, wanted.spec_tag) and self._fits(item, wanted)

    def take_import(self, address: Address, wanted: Resource | None) -> None:
        """Bind the object that the project file gives to an address without a binding."""
        names = (address, *self.earlier.get(address, ()))
        given = (self.neighbours.imports[at] for at in names if at in self.neighbours.imports)
        item = self.named.get(next(given, ""))
        if wanted is None or item is None or item.kind != address.kind or item.name in self.taken:
            return
        if item.name in self.apart:
            return
        if not self._fits(item, wanted):
            self.diagnostics.append(say.does_not_fit(address, item))
            return
        self.taken[item.name] = address
        self.imported.add(item.name)
        self.entries.append(Bound(address, import_as(item, wanted, self.owner)))

    def note_old(self, address: Address, item: LiveObject) -> None:
        self.entries.append(older(address, item, self.desired.resources.get(address), self.catalogue[item.kind]))

    def surfaced_late(self, item: LiveObject) -> bool:
        """True if a create of ours made it: one that was given up, or one that was delivered twice."""
        mark = item.mark
        return mark is not None and any(mark.address_tag == address and mark.of(spec) for address, spec in self.sent)

    def _unknown_address(self, address: Address, items: list[LiveObject]) -> None:
        items = self._without_copies(address, items, None)
        if late := [item for item in items if self.surfaced_late(item)]:
            for item in late:
                self.note_old(address, item)
            items = [item for item in items if item not in late]
        if not items:
            return
        if not self.ledger.known:
            without_a_binding(Case(address, None, None, None, items), self)
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

    def _fits(self, item: LiveObject, wanted: Resource) -> bool:
        return not self.catalogue[item.kind].differing(item.fields, wanted.declared.fields)

    def bind(self, address: Address, item: LiveObject, intent: Intent | None = None) -> None:
        record = self.ledger.records.get(address)
        if record and record.name == item.name and intent is None:
            return
        if record and self._live(record) is None:
            self.entries.append(Gone(address, record.name, at=self.now))
        wanted = self.desired.resources.get(address)
        if intent:
            self.found.add(address)
        if intent and wanted and intent.references:
            wanted = _as_sent(intent, item, wanted)
        self.taken[item.name] = address
        record = found_by(intent, item, wanted) if intent and item.mark is None else adopt(item, wanted)
        if intent and record.run:
            record = replace(record, run=replace(record.run, whole=intent.whole))
        if remote(self._kind(address)).secret:
            record = replace(record, undelivered=True)  # its secret was shown once, in a lost answer
        self.entries.append(Bound(address, record, intent.id if intent else None))

    def _policy(self, kind: str) -> Policy:
        return policy(self.catalogue[kind])

    def _without_copies(self, address: Address, marked: list[LiveObject], bound: LiveObject | None) -> list[LiveObject]:
        """Those that show the fields that were sent with their mark, and the bound one in any case: to copy a display
        name is easy. If all with the mark of an open create show others, they stay: the service may show another name
        of a model. But an object that ends by itself shows a digest of what arrived: if that is not what was sent, it
        is no use, and is made again.
        """
        if len(marked) == 1 and marked[0] is bound:
            return marked
        copies: list[LiveObject] = []
        intent = self.intents.get(address)
        for spec in sorted({item.mark.spec_tag for item in marked if item.mark}):
            same = [item for item in marked if is_of(item, spec)]
            shown = self._shown(address, same, bound)
            others = [item for item in same if self._kind(address).differing(item.fields, shown)]
            made = intent and is_of(same[0], intent.spec_tag) and len(others) == len(same)
            copies += [] if made and not self._policy(address.kind).FREE else others
        if copies:
            self.diagnostics.append(say.copied_mark(address, copies))
        return [item for item in marked if item not in copies]

    def _shown(self, address: Address, same: list[LiveObject], bound: LiveObject | None) -> JsonObject:
        """The fields that belong to the mark that all of these carry: as the bound one shows them, if it is one of
        them; else as sent. Where that is not known, the oldest shows them, since a copy is younger than its original;
        and also where something would be run otherwise: a doubt must not lead to a second run.
        """
        if bound in same:
            return bound.fields
        wanted, record = self.desired.resources.get(address), self.ledger.records.get(address)
        oldest = min(same, key=age)
        if self._policy(address.kind).RUNS and wanted and record is None:
            return oldest.fields
        if wanted and attempt_of(oldest, wanted):
            return wanted.declared.fields
        if record and record.fields is not None and is_of(oldest, record.spec_tag):
            return record.fields
        key = (oldest.kind, oldest.mark.address_tag if oldest.mark else "")
        sent = (one.shows for one in self.creates.get(key, ()) if is_of(oldest, one.spec_tag))
        return next(sent, oldest.fields)

    def _kind(self, address: Address) -> Kind:
        return self.catalogue[address.kind]

    def note_duplicates(self, address: Address, items: Iterable[LiveObject]) -> None:
        """Note them as older generations too: should their delete fail, a later declaration must not take them for
        strangers.

        Objects that end by themselves are left to do so: they were made again on purpose, and cost nothing.
        """
        if extra := tuple(items):
            if not self._policy(address.kind).FREE:
                self.duplicates[address] = extra
            for item in extra:
                self.note_old(address, item)


def _as_sent(intent: Intent, item: LiveObject, wanted: Resource) -> Resource:
    """The declared run with what it referred to as that was when it was sent; as it is, if more was edited since."""
    tags = dict(intent.references)
    before = {at: tags[str(at)] for at in wanted.referred if str(at) in tags}
    held = wanted.as_run(wanted.with_references(before))
    return held if attempt_of(item, held) else wanted


def _unheard(intent: Intent) -> Intent:
    """The intent of a create that was never answered and can't be looked for, to remember until a person ends it."""
    return replace(intent, id=f"{UNHEARD}{intent.id.removeprefix(UNHEARD)}")
