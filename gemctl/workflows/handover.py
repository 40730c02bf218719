"""Gives bound objects of one stack to another stack of the project, without making them again. Called by
`gemctl handover`.

A mark can't be changed, so the objects keep the mark of the first stack, and the ledgers say whose they are:

  1. the first stack notes that it gives the object away      → from now on it does nothing about it
  2. the other stack binds it                                 → it is the other's
  3. the first stack forgets its binding, and keeps the note  → it never takes the object back by its mark

Each is one snapshot, durable before the next. After a kill in between no object is touched by both stacks, and the same
command goes on where it stopped. The note is lost with the state; `imports` of the other stack in gemctl.yaml is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.errors import Usage
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Kind
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import OwnerTag, address_tag, attempt_tag, owner_tag
from gemctl.core.neighbours import neighbours, whose
from gemctl.core.record import Bound, Entry, Gone, Handed, Ledger, Origin, Record
from gemctl.core.resource import Desired, Resource
from gemctl.plan.adopted import import_as
from gemctl.state.store import Loaded
from gemctl.workflows.ledger import rewrite, sure, write_found
from gemctl.workflows.look import Observation, look
from gemctl.workflows.wiring import Connection, Session, check_identity, identity, load_state


@dataclass(frozen=True, slots=True)
class Given:
    """One object that was handed over. `before` is True where an earlier run had done it.

    `maker` is the owner whose mark it carries, "" for no mark; None where that is the stack that has it now.
    """

    address: Address
    name: str
    maker: str | None
    before: bool = False


@contextmanager
def both_locked(one: Session, other: Session, timeout: float) -> Iterator[None]:
    """The locks of two stacks, always in the same order: two handovers in opposite directions wait for one another
    and not for ever.
    """
    with ExitStack() as locks:
        for session in sorted((one, other), key=lambda session: session.stack.name):
            locks.enter_context(session.store.lock("handover", timeout))
        yield


def hand_over(
    source: Session,
    source_connection: Connection,
    target: Session,
    target_connection: Connection,
    desired: Desired,
    addresses: Iterable[Address],
) -> tuple[Given, ...]:
    """Hand these addresses over, as the module says. The caller holds both locks; `desired` is what the target
    declares. Raises Usage E565 before anything is written where one of them can't be handed over.
    """
    loaded = load_state(source)
    check_identity(loaded, identity(source, source_connection, loaded.identity), source.store.place)
    sure(loaded)
    observation = look(target, target_connection, desired, wait=None)
    sure(observation.loaded)
    moving = _Moving(source, target, loaded.ledger, observation, frozenset(addresses))
    steps = [moving.check(address) for address in sorted(moving.addresses)]
    todo = [step for step in steps if not step.done]
    if starting := [Handed(step.name, step.address, target.stack.name) for step in todo]:
        loaded = _rewrite(source, source_connection, loaded, starting)
    if unbound := [step for step in todo if not step.bound]:
        found = [entry for step in unbound for entry in _binding(step, observation)]
        write_found(target, target_connection, observation, found)
    if todo:
        # The binding goes, and the note, which goes with it, is made again.
        ends = [(Gone(step.address, step.name), Handed(step.name, step.address, target.stack.name)) for step in todo]
        _rewrite(source, source_connection, loaded, [entry for pair in ends for entry in pair])
    return tuple(Given(step.address, step.name, moving.maker(step.name), step.done) for step in steps)


def _rewrite(session: Session, connection: Connection, loaded: Loaded, entries: Iterable[Entry]) -> Loaded:
    return rewrite(session.store, identity(session, connection, loaded.identity), loaded, entries)


def _binding(step: _Step, observation: Observation) -> Iterator[Entry]:
    if step.name in observation.ledger.handed:  # it comes back
        yield Gone(step.address, step.name)
    yield Bound(step.address, step.record)


@dataclass(frozen=True, slots=True)
class _Step:
    """How far the handover of one address is. `bound`: the target has it; `done`: and the source has let it go."""

    address: Address
    record: Record
    bound: bool
    done: bool

    @property
    def name(self) -> str:
        return self.record.name


class _Moving:
    """The conditions of one handover."""

    def __init__(
        self, source: Session, target: Session, ledger: Ledger, observation: Observation, addresses: Collection[Address]
    ) -> None:
        self.source, self.target, self.ledger, self.observation = source, target, ledger, observation
        self.addresses = addresses
        self.live = observation.live_state.by_name
        self.to = target.stack.name

    def maker(self, name: str) -> str | None:
        """The owner whose mark the object carries, as in `Given`."""
        item = self.live.get(name)
        if item is None or item.mark is None:
            return ""
        around = neighbours(self.target.project, self.target.stack)
        return None if item.mark.owner == self._owner else whose(item.mark, around.stacks)

    @property
    def _owner(self) -> OwnerTag:
        return owner_tag(self.target.project.identity, self.to)

    def check(self, address: Address) -> _Step:
        record, theirs = self.ledger.records.get(address), self.observation.ledger.records.get(address)
        given = [one.name for one in self.ledger.handed.values() if (one.address, one.to) == (address, self.to)]
        if record is None and theirs and theirs.name in given:
            return _Step(address, theirs, bound=True, done=True)
        name = record.name if record else given[-1] if given else None
        if name is None:
            known = ", ".join(map(str, sorted(self.ledger.records))) or "none"
            raise _no(f"{address} is not bound in stack {self.source.stack.name}.", f"Bound there: {known}.")
        if theirs and theirs.name == name:
            return _Step(address, theirs, bound=True, done=False)
        if theirs:
            raise _no(
                f"{address} of stack {self.to} is bound already, to {theirs.name}.",
                f"If that one is not wanted, `gemctl state rm --stack {self.to} {address}` forgets it.",
            )
        kind, item, wanted = self._seen(address, name)
        self._is_settled(address)
        self._is_free(name)
        if record and not _is_of(record, wanted):
            raise _no(
                f"{address} of stack {self.to} is declared otherwise than {name} was made.",
                f"Compare `gemctl render --stack {self.source.stack.name}` with `gemctl render --stack {self.to}`; "
                "apply first, if the manifests were edited since.",
            )
        if record:
            self._comes_with_what_it_uses(address, record, item)
        return _Step(address, self._record(record, item, wanted, kind), bound=False, done=False)

    def _seen(self, address: Address, name: str) -> tuple[Kind, LiveObject, Resource]:
        kind = self.source.catalogue[address.kind]
        if kind.remote is None:
            raise _no(f"A {address.kind} is only recorded, and has no object to hand over.", "Declare it there, too.")
        wanted = self.observation.desired.resources.get(address)
        if wanted is None:
            raise _no(f"Stack {self.to} doesn't declare {address}.", "Declare it there first: what it is bound to is.")
        item = self.live.get(name)
        if item is None:
            raise _no(
                f"Stack {self.to} doesn't see {name}.",
                "It has ended, or the stacks use keys of different projects, or another endpoint.",
            )
        if kind.differing(item.fields, wanted.declared.fields):
            raise _no(f"{name} is not what stack {self.to} declares as {address}.", "See `gemctl get`.")
        return kind, item, wanted

    def _is_settled(self, address: Address) -> None:
        for ledger, stack in ((self.ledger, self.source.stack.name), (self.observation.ledger, self.to)):
            if any(intent.address == address for intent in ledger.intents.values()):
                raise _no(
                    f"The outcome of a call for {address} in stack {stack} isn't known yet.",
                    f"Run `gemctl apply --stack {stack}` first.",
                )

    def _is_free(self, name: str) -> None:
        here = self.source.stack
        if name in neighbours(self.source.project, here).own:
            raise _no(
                f"gemctl.yaml gives {name} to stack {here.name}.",
                f"Move the line from stacks.{here.name}.imports to stacks.{self.to}.imports: that hands it over.",
            )

    def _comes_with_what_it_uses(self, address: Address, record: Record, item: LiveObject) -> None:
        """Raises Usage where a running job would leave behind what it refers to: the source, which then knows nothing
        of the job, could retire that.
        """
        if item.phase is not Phase.WAITING or not self.source.catalogue[address.kind].once:
            return
        owners = {one.name: at for at, one in self.ledger.records.items()}
        left = sorted({owners[name] for name in record.uses if name in owners} - set(self.addresses))
        if left:
            raise _no(
                f"{item.name} is running, and refers to {', '.join(map(str, left))} of stack {self.source.stack.name}.",
                f"Wait for it (`gemctl wait {address}`), or hand these over with it.",
            )

    def _record(self, record: Record | None, item: LiveObject, wanted: Resource, kind: Kind) -> Record:
        """The target's record: that of the source, under the target's own rules."""
        if record is None:
            return import_as(item, wanted, self._owner)
        ours = item.mark is not None and item.mark.owner == self._owner
        home = item.mark is not None and ours and item.mark.address_tag == address_tag(wanted.address)
        return replace(
            record,
            origin=Origin.ADOPTED if home else Origin.IMPORTED,
            address_tag=item.mark.address_tag if item.mark and ours else "",
            deadline=item.deadline,
            prevent_destroy=wanted.lifecycle.prevent_destroy,
            retire=wanted.lifecycle.retire,
            run=wanted.run or record.run if kind.once else None,
        )


def _is_of(record: Record, wanted: Resource) -> bool:
    return record.spec_tag == attempt_tag(wanted.spec_tag, record.attempt)


def _no(why: str, hint: str) -> Usage:
    return Usage(why, code="E565", hint=hint)
