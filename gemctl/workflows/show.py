"""What is there: live objects with their owners, and published facts of bound resources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.errors import Usage
from gemctl.core.kind import Naming
from gemctl.core.live import Item
from gemctl.core.mark import address_tag, project_tag
from gemctl.core.neighbours import neighbours
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired
from gemctl.workflows.wiring import Line, Session


@dataclass(frozen=True, slots=True)
class Owned:
    """A live object. `owner` is an address of this stack, another stack of the project, `another project` for the mark
    of somebody else, or "" for none.
    """

    item: Item
    owner: str
    remaining: float | None  # seconds
    age: float | None = None


def live(
    session: Session, line: Line, desired: Desired, kind: str | None, name: str | None, ledger: Ledger | None = None
) -> tuple[Owned, ...]:
    """Live objects, newest first; of one kind, or the one that is bound to Kind/name (or has that live name).

    `ledger` in place of the one that is kept.
    """
    from gemctl.engine.survey import survey

    if kind is not None and kind not in session.catalogue:
        raise Usage(f"There is no kind {kind!r}.", code="E004", hint=f"Kinds: {', '.join(sorted(session.catalogue))}.")
    ledger = ledger or session.store.load().ledger
    kinds = [kind] if kind else [each.name for each in session.catalogue.values() if each.listing()]
    settle = session.project.timing.settle
    world = survey(kinds, session.catalogue, ledger, line.new_client, line.server_now, settle)
    bound = {record.name: address for address, record in ledger.records.items()}
    older = {
        name: f"{old.address} ({'earlier run' if old.record else 'retiring'})" for name, old in ledger.retiring.items()
    }
    tags = {address_tag(old): new for old, new in desired.moved.items()}
    tags |= {address_tag(address): address for address in (*desired.resources, *ledger.records)}
    tagged = {
        project_tag(session.project.identity, session.stack.name): "",
        **neighbours(session.project, session.stack).stacks,
    }
    older |= {name: f"stack {handed.to}" for name, handed in ledger.handed.items()}
    found = [
        Owned(item, _owner(item, tagged, bound, older, tags), _remaining(item, world.now), _age(item, world.now))
        for each in kinds
        for item in world.items(each)
    ]
    if name is None:
        return tuple(found)
    wanted = ledger.records.get(Address(kind or "", name))
    picked = tuple(one for one in found if one.item.name == (wanted.name if wanted else name))
    if not picked:
        raise Usage(f"{kind}/{name} is not live.", code="E004", hint="`gemctl get` lists what is.")
    return picked


def _owner(
    item: Item, stacks: dict[str, str], bound: dict[str, Address], older: dict[str, str], tags: dict[str, Address]
) -> str:
    """`stacks` are the names of the project's stacks by their tags, "" for this one."""
    if item.name in bound:
        return str(bound[item.name])
    if item.name in older:
        return older[item.name]
    if item.mark is None:
        return ""
    if item.mark.project not in stacks:
        return "another project"
    if stack := stacks[item.mark.project]:
        return f"stack {stack}"
    address = tags.get(item.mark.address)
    return f"{address} (not bound)" if address else "this stack (not known)"


def _age(item: Item, now: datetime) -> float | None:
    return max((now - item.created).total_seconds(), 0.0) if item.created else None


def _remaining(item: Item, now: datetime) -> float | None:
    return (item.deadline - now).total_seconds() if item.deadline else None


def outputs(session: Session, address: Address | None) -> dict[Address, Record]:
    """The bound resources, or one of them. Raises Usage for one that isn't bound.

    What is only recorded has no name for anybody, and is among them when it is asked for.
    """
    records = dict(sorted(session.store.load().ledger.records.items()))
    if address is None:
        local = {kind.name for kind in session.catalogue.values() if kind.naming is Naming.LOCAL}
        return {at: record for at, record in records.items() if at.kind not in local}
    if address not in records:
        known = ", ".join(map(str, records)) or "none"
        raise Usage(f"{address} is not bound to a live object.", code="E004", hint=f"Bound: {known}.")
    return {address: records[address]}
