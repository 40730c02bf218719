"""Binds live objects that exist already, and refuses those of other owners. Called by `gemctl import`;
generate_manifests.py takes the refusal from here.
"""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Usage
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag, address_tag, owner_tag
from gemctl.core.neighbours import neighbours, whose
from gemctl.core.record import Bound, Closed, Entry, Gone, Handed, Record
from gemctl.core.resource import Desired
from gemctl.plan.adopted import adopt as adopt_marked
from gemctl.plan.adopted import import_as, older
from gemctl.workflows.ledger import rewrite, sure, write_found
from gemctl.workflows.look import look
from gemctl.workflows.others import Holders, awaited, holders, known
from gemctl.workflows.wiring import Connection, Session, load_state


@dataclass(frozen=True, slots=True)
class Adopted:
    """The outcome of `adopt`. `maker` is the other owner whose mark the object carries, "" for none; `older` is True
    where it is not bound, but recorded as an older generation of its address. `unread` names stacks whose state could
    not be read.
    """

    record: Record
    maker: str = ""
    older: bool = False
    unread: tuple[Diagnostic, ...] = ()


def adopt(
    session: Session, connection: Connection, desired: Desired, address: Address, name: str, *, take_over: bool = False
) -> Adopted:
    """Bind a live object to a declared address. Its inputs can't be read back and are assumed.

    With `take_over` also an object with the mark of another owner; and where another writer's object carries the mark
    of this very address (E504), it becomes an older generation of it. Raises Usage.
    """
    if address not in desired.resources:
        raise Usage(
            f"{address} is not declared.", code="E008", hint="Write its manifest first: import binds to a declaration."
        )
    observation = look(session, connection, desired, wait=None, given={address: name})
    sure(observation.loaded)
    ledger, resource = observation.ledger, desired.resources[address]
    bound = {record.name: at for at, record in ledger.records.items()}
    item = next((item for item in observation.live_state.items(address.kind) if item.name == name), None)
    if address in ledger.records:
        beside = item and item.name != ledger.records[address].name and _made_for(session, desired, address, item)
        if item and beside and take_over:
            _maker(session, item, holders(session), take_over=True)
            entry = older(address, item, resource, session.catalogue[address.kind])
            write_found(session, connection, observation, [entry])
            return Adopted(adopt_marked(item, resource), older=True)
        hint = f"With --take-over {name} becomes an older generation of it." if beside else None
        raise Usage(f"{address} is bound already, to {ledger.records[address].name}.", code="E008", hint=hint)
    if name in bound:
        raise Usage(f"{name} is bound already, as {bound[name]}.", code="E008", hint="See `gemctl state mv`.")
    if item is None:
        raise Usage(f"No live {address.kind} is called {name}.", code="E008", hint="See `gemctl get`.")
    around = holders(session)
    maker = _maker(session, item, around, take_over=take_over)
    if other := session.catalogue[address.kind].differing(item.fields, resource.declared.fields):
        shown = "; ".join(f"{field} is {item.fields[field]}" for field in other)
        raise Usage(f"{name} is not what is declared: {shown}.", code="E008")
    record = import_as(item, resource, _owner(session))
    if maker:
        _tell(session, address, item)
    entries: list[Entry] = [Closed(i.id, "imported") for i in ledger.intents.values() if i.address == address]
    if name in ledger.handed:
        entries.append(Gone(address, name))
    write_found(session, connection, observation, [*entries, Bound(address, record)])
    return Adopted(record, maker, unread=tuple(around.unread.values()))


def _tell(session: Session, address: Address, item: LiveObject) -> None:
    """Note the object as handed over in the ledger of the stack whose mark it carries, if that is one of this project:
    that stack would find it by the mark. Raises Locked while that stack is busy.
    """
    stacks = neighbours(session.project, session.stack).stacks
    if item.mark is None or item.mark.owner not in stacks:
        return
    sibling = session.sibling(stacks[item.mark.owner])
    store = sibling.store
    with store.lock("import", 0.0):
        loaded = load_state(sibling)
        if loaded.identity is not None:
            sure(loaded)
            rewrite(store, loaded.identity, loaded, [Handed(item.name, address, session.stack.name)])


def _owner(session: Session) -> OwnerTag:
    return owner_tag(session.project.identity, session.stack.name)


def _made_for(session: Session, desired: Desired, address: Address, item: LiveObject) -> bool:
    """Whether its mark names this address, or one that it had before."""
    names = (address, *(old for old, new in desired.moved.items() if new == address))
    mark = item.mark
    return mark is not None and mark.owner == _owner(session) and mark.address_tag in map(address_tag, names)


def _maker(session: Session, item: LiveObject, around: Holders, *, take_over: bool) -> str:
    """The other owner whose mark the object carries, "" for none. Raises Usage where another stack holds the object, or
    where it has another owner's mark and `take_over` is False.
    """
    owner = around.held.get(item.name)
    if owner and owner.stack != session.stack.name:
        raise Usage(
            f"{item.name} belongs to stack {owner.stack}, as {owner.address}.",
            code="E564",
            hint="Edit imports in gemctl.yaml."
            if owner.written
            else f"Run `gemctl handover --stack {owner.stack} {owner.address} --to {session.stack.name}`.",
        )
    if item.mark is None or item.mark.owner == _owner(session):
        return ""
    stacks = neighbours(session.project, session.stack).stacks
    maker = whose(item.mark, stacks)
    if not take_over:
        raise not_ours(item.name, maker)
    if (stack := stacks.get(item.mark.owner)) and awaited(item, stack, around, known(session, around)):
        raise still_theirs(item.name, stack)
    return maker


def still_theirs(name: str, stack: str) -> Usage:
    """The refusal to take an object that another stack of the project will find again."""
    hint = f"Run `gemctl apply --stack {stack}`, and then `gemctl handover`; or let it go there first."
    return Usage(f"{name} is taken in by stack {stack} at its next apply.", code="E564", hint=hint)


def not_ours(name: str, maker: str) -> Usage:
    """The refusal to take an object that carries another owner's mark."""
    hint = "If they have let it go, give --take-over. `gemctl orphans` shows what no state of this project claims."
    return Usage(f"{name} carries the mark of {maker}.", code="E563", hint=hint)
