"""Finds out which stack of the project holds which live object, by the states of all stacks and by gemctl.yaml. Called
by adopt.py, orphans.py and generate_manifests.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError, Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag, address_tag, owner_tag
from gemctl.core.neighbours import neighbours
from gemctl.core.record import Ledger, addresses
from gemctl.workflows.wiring import Session


@dataclass(frozen=True, slots=True)
class Holding:
    """The stack and address that hold a live object. `written` is True where gemctl.yaml says so and no ledger yet."""

    stack: str
    address: Address
    written: bool = False


@dataclass(frozen=True, slots=True)
class Holders:
    """The holdings of all stacks.

    held      live name → the stack and address that hold it.
    ledgers   stack → its ledger, where that could be read.
    unread    stack → why its ledger could not be read.
    """

    held: Mapping[str, Holding]
    ledgers: Mapping[str, Ledger]
    unread: Mapping[str, Diagnostic]


def holders(session: Session) -> Holders:
    """All that the stacks of this project hold."""
    ledgers, unread = _ledgers(session)
    project = session.project
    held: dict[str, Holding] = {}
    for ledger in ledgers.values():  # the stack that has it now says so; unless its state can't be read
        handed = ((name, one) for name, one in ledger.handed.items() if one.to not in ledgers)
        held |= {name: Holding(one.to, one.address) for name, one in handed}
    for stack, ledger in ledgers.items():
        held |= {name: Holding(stack, old.address) for name, old in ledger.retiring.items()}
        held |= {record.name: Holding(stack, at) for at, record in ledger.records.items()}
    written = [(stack.name, at, name) for stack in project.stacks.values() for at, name in stack.imports.items()]
    written += [(session.stack.name, at, name) for at, name in project.imports.items()]
    given = neighbours(project, session.stack).others
    for stack, at, name in written:
        holding = held.get(name)
        # this stack lets go of what gemctl.yaml gives to another, at its next apply at the latest
        if holding is None or (holding.stack == session.stack.name and given.get(name) == stack):
            held[name] = Holding(stack, at, written=True)
    return Holders(held, ledgers, unread)


def _ledgers(session: Session) -> tuple[Mapping[str, Ledger], Mapping[str, Diagnostic]]:
    found: dict[str, Ledger] = {}
    unread: dict[str, Diagnostic] = {}
    for stack in session.project.stacks:
        try:
            found[stack] = session.sibling(stack).store.load().ledger
        except (GemctlError, OSError) as error:
            hint = error.hint if isinstance(error, GemctlError) else None
            unread[stack] = problem("W562", f"Stack {stack}: {error}", hint=hint)
    return found, unread


@dataclass(frozen=True, slots=True)
class Known:
    """The addresses that are known of all stacks.

    tags      (owner tag, kind, address tag) → stack and address, as far as a ledger or a manifest knows them.
    declared  the addresses that each stack declares.
    """

    tags: Mapping[tuple[OwnerTag, str, str], Holding]
    declared: frozenset[tuple[str, Address]]


def known(session: Session, around: Holders) -> Known:
    """The addresses that marks of this project's stacks may stand for."""
    stacks = session.project.stacks
    declared = frozenset((stack, at) for stack in stacks for at in _declared(session, stack))
    recorded = ((stack, at) for stack, ledger in around.ledgers.items() for at in addresses(ledger))
    moved = {
        (owner_tag(session.project.identity, stack), move.old.kind, address_tag(move.old)): Holding(stack, move.new)
        for stack in stacks
        for move in session.project.moved
    }
    tags = moved | {
        (owner_tag(session.project.identity, stack), at.kind, address_tag(at)): Holding(stack, at)
        for stack, at in (*recorded, *sorted(declared))
    }
    return Known(tags, declared)


def awaited(item: LiveObject, stack: str, around: Holders, names: Known) -> bool:
    """Whether the stack whose mark the object carries takes it in by itself at its next apply: a create of it has
    not been answered, or it is declared and nothing is bound there. True as well where its state can't be read.
    """
    ledger, mark = around.ledgers.get(stack), item.mark
    if ledger is None or mark is None:
        return mark is not None and stack in around.unread
    if item.name in ledger.handed:
        return False
    if any(intent.address_tag == mark.address_tag and mark.of(intent.spec_tag) for intent in ledger.open_creates):
        return True
    found = names.tags.get((mark.owner, item.kind, mark.address_tag))
    return found is not None and (stack, found.address) in names.declared and found.address not in ledger.records


def _declared(session: Session, stack: str) -> Iterable[Address]:
    """The addresses that a stack declares; of broken manifests, those that can be read."""
    from gemctl.manifest.load import written_addresses
    from gemctl.workflows.plan import wanted
    from gemctl.workflows.request import PlanRequest

    try:
        return wanted(session.sibling(stack), PlanRequest()).resources
    except Rejected:
        return written_addresses(session.loaded)
