"""Changes become steps: whole calls, each with what must be done before it.

create a ─▶ retire a's old generation          a replacement, create first: readers are told in between
delete a ─▶ create a                           a replacement, delete first
create a ─▶ create b                           b refers to a
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.mark import DISPLAY_LIMIT, Mark, address_tag, write
from gemctl.core.plan import Step
from gemctl.core.record import Ledger, Op, Origin, Record
from gemctl.core.resource import Desired, Resource, Ttl


def order(
    changes: Iterable[Change], desired: Desired, ledger: Ledger, catalogue: Catalogue, project: str
) -> tuple[Step, ...]:
    """The steps of all changes, each after those it needs. Keeps make no steps."""
    steps: list[Step] = []
    for change in changes:
        kind = catalogue[change.address.kind]
        steps.extend(_steps(change, desired.resources.get(change.address), ledger, kind, project))
    made = {step.address: step.id for step in steps if step.op is Op.CREATE}
    return tuple(_after_what_it_needs(step, desired, made) for step in steps)


def _steps(change: Change, resource: Resource | None, ledger: Ledger, kind: Kind, project: str) -> Iterable[Step]:
    address, name = change.address, change.name
    record = ledger.records.get(address)
    match change.action:
        case Action.KEEP:
            return
        case Action.FORGET:
            yield Step(step_id(address, Op.FORGET), address, Op.FORGET, kind.name, None, name)
        case Action.DELETE if name:
            yield _delete(address, kind, name)
        case Action.CREATE if resource:
            yield _create(resource, kind, project)
        case Action.UPDATE if name and change.reason is Reason.SUPERSEDED and resource:
            yield _retire(resource, kind, name, change)
        case Action.UPDATE if name and resource and record:
            yield Step(
                step_id(address, Op.UPDATE),
                address,
                Op.UPDATE,
                kind.name,
                kind.update(name),
                name,
                expiry=resource.declared.expiry,
                record=replace(
                    record,
                    expiry=resource.declared.expiry,
                    prevent_destroy=resource.lifecycle.prevent_destroy,
                    retire=resource.lifecycle.retire,
                ),
            )
        case Action.REPLACE if name and resource and resource.lifecycle.create_first:
            create = _create(resource, kind, project)
            yield create
            yield replace(_retire(resource, kind, name, change), after=(create.id,))
        case Action.REPLACE if name and resource:
            delete = _delete(address, kind, name)
            yield delete
            yield replace(_create(resource, kind, project), after=(delete.id,))
        case _:
            raise ValueError(f"{change.action} of {address} cannot be made into steps")


def step_id(address: Address, op: Op, name: str | None = None) -> str:
    """Unique within a plan: one object of an address is created, updated or forgotten at most once in it."""
    return f"{address}:{op.value}" + (f":{name}" if name else "")


def _create(resource: Resource, kind: Kind, project: str) -> Step:
    address, declared = resource.address, resource.declared
    mark = Mark(project, address_tag(address), resource.spec_tag)
    display = write(resource.human, mark)
    if len(display) > DISPLAY_LIMIT:
        raise ValueError(f"the display name of {address} came out too long")
    record = Record(
        name="",
        spec=mark.spec,
        origin=Origin.CREATED,
        marked=mark.address,
        fields=declared.fields,
        expiry=declared.expiry,
        prevent_destroy=resource.lifecycle.prevent_destroy,
        retire=resource.lifecycle.retire,
    )
    call = kind.create(resource, display)
    return Step(step_id(address, Op.CREATE), address, Op.CREATE, kind.name, call, record=record)


def _delete(address: Address, kind: Kind, name: str) -> Step:
    return Step(step_id(address, Op.DELETE, name), address, Op.DELETE, kind.name, kind.delete(name), name)


def _retire(resource: Resource, kind: Kind, name: str, change: Change) -> Step:
    """Give the old generation `lifecycle.retire` more, but never longer than it had; with 0s delete it."""
    address, retire = resource.address, resource.lifecycle.retire
    if not retire:
        return _delete(address, kind, name)
    ceiling: datetime | None = change.seen.deadline if change.seen else None
    return Step(
        step_id(address, Op.UPDATE, name),
        address,
        Op.UPDATE,
        kind.name,
        kind.update(name),
        name,
        expiry=Ttl(retire),
        ceiling=ceiling,
    )


def _after_what_it_needs(step: Step, desired: Desired, made: Mapping[Address, str]) -> Step:
    resource = desired.resources.get(step.address)
    after = list(step.after)
    if step.op is Op.CREATE and resource:
        after += [made[reference.target] for reference in resource.declared.references if reference.target in made]
    elif step.address in made and made[step.address] != step.id and step.op is not Op.DELETE:
        after.append(made[step.address])
    return replace(step, after=tuple(dict.fromkeys(after)))
