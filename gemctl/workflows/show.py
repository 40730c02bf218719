"""Lists live objects with their owners, and the outputs of bound resources. Called by `gemctl get`, `output` and
`state show`, and by orphans.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from gemctl.core.address import Address
from gemctl.core.errors import Usage
from gemctl.core.frozen import dataclass
from gemctl.core.live import Expected, LiveObject
from gemctl.core.mark import OwnerTag, address_tag, owner_tag, read
from gemctl.core.neighbours import neighbours
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired
from gemctl.plan.asks import asks
from gemctl.workflows.naming import kind_named
from gemctl.workflows.wiring import Connection, Session


class Relation(StrEnum):
    """How a live object relates to this stack."""

    BOUND = "bound"  # an address is bound to it
    RETIRING = "retiring"  # an older generation of an address
    EARLIER_RUN = "earlierRun"  # an earlier run of an address
    MADE_BY = "madeBy"  # the service made it for an address of this stack, and gave it that one's display name
    UNBOUND = "unbound"  # it carries the mark of an address that is not bound to it
    UNKNOWN = "unknown"  # it carries the mark of this stack, and of an unknown address
    OTHER_STACK = "otherStack"  # of this project
    OTHER_PROJECT = "otherProject"  # it carries the mark of another project
    UNMARKED = "unmarked"


@dataclass(frozen=True, slots=True)
class Whose:
    """The owner of a live object: the address in this stack, or the name of another one, where these are known."""

    relation: Relation
    address: Address | None = None
    stack: str = ""

    def __str__(self) -> str:
        """The owner for people; "" for none."""
        match self.relation:
            case Relation.BOUND:
                return str(self.address)
            case Relation.RETIRING:
                return f"{self.address} (retiring)"
            case Relation.EARLIER_RUN:
                return f"{self.address} (earlier run)"
            case Relation.MADE_BY:
                return f"{self.address} (made by it)"
            case Relation.UNBOUND:
                return f"{self.address} (not bound)"
            case Relation.UNKNOWN:
                return "this stack (not known)"
            case Relation.OTHER_STACK:
                return f"stack {self.stack}"
            case Relation.OTHER_PROJECT:
                return "another project"
            case Relation.UNMARKED:
                return ""

    @property
    def note(self) -> str:
        """What people should know besides the address; "" for nothing."""
        if self.relation is Relation.UNMARKED:
            return "no mark"
        address = str(self.address or "")
        return str(self).removeprefix(address).strip(" ()") if address else str(self)


@dataclass(frozen=True, slots=True)
class Owned:
    """A live object, and its owner. `remaining` and `age` are in seconds."""

    item: LiveObject
    whose: Whose
    remaining: float | None
    age: float | None = None

    @property
    def owner(self) -> str:
        return str(self.whose)


def live(
    session: Session,
    connection: Connection,
    desired: Desired,
    kind: str | None,
    name: str | None,
    ledger: Ledger | None = None,
) -> tuple[Owned, ...]:
    """Live objects, newest first; of one kind, or the one that is bound to Kind/name (or has that live name).

    `ledger` takes the place of the stored one.
    """
    from gemctl.engine.survey import survey

    kind = kind_named(kind, session.catalogue) if kind is not None else None
    if kind and session.catalogue[kind].remote is None:
        said = f"A {kind} is only recorded, and nowhere live."
        raise Usage(
            said, code="E009", hint=f"`gemctl state list` has what is recorded, `gemctl describe {kind}/NAME` all."
        )
    ledger = ledger or session.store.load().ledger
    kinds = [kind] if kind else [each.name for each in session.catalogue.values() if each.remote]
    owner = owner_tag(session.project.identity, session.stack.name)
    # Without a state there is nothing to compare lists with, and nothing depends on what is shown.
    # What no list shows is asked for by its name, also a run that is done.
    unlisted = {
        address: record.name
        for address, record in ledger.records.items()
        if (each := session.catalogue.get(address.kind)) and each.remote and not each.remote.listed
    }
    settle = session.project.timing.settle
    expected = asks(desired, ledger, session.catalogue, settle, owner, unlisted) if ledger.known else {}
    wanted_kinds = {each: expected.get(each, Expected(owner=owner)) for each in kinds}
    live_state = survey(
        wanted_kinds, session.catalogue, connection.new_client, connection.server_now, connection.at_once
    )
    known = {record.name: Whose(Relation.BOUND, address) for address, record in ledger.records.items()}
    older = {
        name: Whose(Relation.EARLIER_RUN if old.record else Relation.RETIRING, old.address)
        for name, old in ledger.retiring.items()
    }
    handed = {name: Whose(Relation.OTHER_STACK, stack=handed.to) for name, handed in ledger.handed.items()}
    known = {**older, **handed, **known}
    tags = {address_tag(old): new for old, new in desired.moved.items()}
    tags |= {address_tag(address): address for address in (*desired.resources, *ledger.records)}
    tagged = {
        owner_tag(session.project.identity, session.stack.name): "",
        **neighbours(session.project, session.stack).stacks,
    }
    now = live_state.now
    found = [
        Owned(item, known.get(item.name) or _whose(item, tagged, tags), _remaining(item, now), _age(item, now))
        for each in kinds
        for item in live_state.items(each)
    ]
    if name is None:
        return tuple(found)
    wanted = ledger.records.get(Address(kind or "", name))
    picked = tuple(one for one in found if one.item.name == (wanted.name if wanted else name))
    if not picked:
        raise Usage(f"{kind}/{name} is not live.", code="E004", hint="`gemctl get` lists what is.")
    return picked


def _whose(item: LiveObject, stacks: Mapping[OwnerTag, str], tags: Mapping[str, Address]) -> Whose:
    """The owner by the mark. `stacks` are the names of the project's stacks by their tags, "" for this one."""
    copied = None if item.mark else read(item.shown_name)[1]
    mark = item.mark or copied
    if mark is None:
        return Whose(Relation.UNMARKED)
    if mark.owner not in stacks:
        return Whose(Relation.OTHER_PROJECT)
    if stack := stacks[mark.owner]:
        return Whose(Relation.OTHER_STACK, stack=stack)
    address = tags.get(mark.address_tag)
    if address is None:
        return Whose(Relation.UNKNOWN)
    return Whose(Relation.MADE_BY if copied else Relation.UNBOUND, address)


def _age(item: LiveObject, now: datetime) -> float | None:
    return max((now - item.created).total_seconds(), 0.0) if item.created else None


def _remaining(item: LiveObject, now: datetime) -> float | None:
    return (item.deadline - now).total_seconds() if item.deadline else None


def outputs(session: Session, address: Address | None) -> dict[Address, Record]:
    """The bound resources, or one of them; all parts of a job that is run in parts. Raises Usage for what isn't bound.

    Resources that are only recorded have no live name, and are left out unless asked for.
    """
    records = dict(sorted(session.store.load().ledger.records.items()))
    if address is None:
        local = {kind.name for kind in session.catalogue.values() if kind.remote is None}
        return {at: record for at, record in records.items() if at.kind not in local}
    if address in records:
        return {address: records[address]}
    parts = {at: one for at, one in records.items() if one.run and one.run.part and one.run.part.of == address}
    if not parts:
        known = ", ".join(map(str, records)) or "none"
        raise Usage(f"{address} is not bound to a live object.", code="E004", hint=f"Bound: {known}.")
    return parts
