"""Changes become steps: whole calls, each with what must be done before it.

create a ─▶ retire a's old generation          a replacement, create first: readers are told in between
delete a ─▶ create a                           a replacement, delete first
harvest a ─▶ create a ─▶ cancel a's old run    a job that was edited: nothing is lost of what was run
harvest a ─▶ delete a                          a job that is no longer declared
create a ─▶ create b                           b refers to a
create a ─▶ delete b                           b was renamed to a: it stays if a can't be made
create a ┄▶ delete b                           b is no longer declared, a is of the same kind: in this order, no more
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change, Reason
from gemctl.core.kind import Catalogue, Kind, Lifetime, Naming, Rule, run_kind
from gemctl.core.mark import Mark, address_tag, attempt_tag
from gemctl.core.plan import Step
from gemctl.core.record import Ledger, Op, Origin, Record, superseded
from gemctl.core.resource import Desired, Resource, Run, Ttl
from gemctl.plan.moves import seem_renamed
from gemctl.plan.ours import holder


def order(
    changes: Iterable[Change], desired: Desired, ledger: Ledger, catalogue: Catalogue, project: str
) -> tuple[Step, ...]:
    """The steps of all changes, each after those it needs. Keeps make no steps."""
    steps: list[Step] = []
    for change in changes:
        kind = catalogue[change.address.kind]
        steps.extend(_steps(change, desired.resources.get(change.address), ledger, kind, project))
    made = {step.address: step.id for step in steps if step.op is Op.CREATE}
    saved = {step.name: step for step in steps if step.op is Op.HARVEST}
    new_names, kinds = seem_renamed(desired, ledger), {address.kind for address in made}
    ordered = (_after_what_it_needs(step, desired, made, saved) for step in steps)
    return tuple(_after_what_comes(step, desired, made, new_names, kinds) for step in ordered)


def _steps(change: Change, resource: Resource | None, ledger: Ledger, kind: Kind, project: str) -> Iterable[Step]:
    address, name = change.address, change.name
    record = ledger.records.get(address)
    match change.action:
        case Action.KEEP:
            return
        case _ if kind.naming is Naming.LOCAL:
            yield _local(change, resource, kind, project)
        case Action.FORGET:
            yield Step(step_id(address, Op.FORGET), address, Op.FORGET, kind.name, None, name)
        case Action.DELETE if name and change.reason is Reason.DONE and kind.lifetime is Lifetime.ONCE:
            yield replace(_delete(address, kind, name), record=record)
        case Action.DELETE if name:
            yield _delete(address, kind, name)
        case Action.CANCEL if name:
            call = run_kind(kind).cancel(name)
            yield Step(step_id(address, Op.CANCEL, name), address, Op.CANCEL, kind.name, call, name)
        case Action.HARVEST if name:
            old = ledger.retiring[name].record if name in ledger.retiring else record
            call = kind.get(name)
            yield Step(step_id(address, Op.HARVEST, name), address, Op.HARVEST, kind.name, call, name, record=old)
        case Action.CREATE if resource:
            yield _create(resource, kind, project, change.attempt)
        case Action.UPDATE if name and change.reason is Reason.SUPERSEDED and resource:
            yield _retire(resource, kind, name, change, ledger)
        case Action.UPDATE if name and resource and record:
            new = replace(
                record,
                expiry=resource.declared.expiry,
                prevent_destroy=resource.lifecycle.prevent_destroy,
                retire=resource.lifecycle.retire,
            )
            yield renewal(address, kind, name, new)
        case Action.REPLACE if name and resource and (change.holds or kind.lifetime is Lifetime.FIXED):
            yield _create(resource, kind, project, change.attempt)  # the old one is in use, or ends by itself
        case Action.REPLACE if name and resource and resource.lifecycle.create_first:
            create = _create(resource, kind, project, change.attempt)
            yield create
            yield replace(_retire(resource, kind, name, change, ledger), after=(create.id,))
        case Action.REPLACE if name and resource:
            delete = _delete(address, kind, name)
            yield delete
            yield replace(_create(resource, kind, project, change.attempt), after=(delete.id,))
        case _:
            raise ValueError(f"{change.action} of {address} cannot be made into steps")


def step_id(address: Address, op: Op, name: str | None = None) -> str:
    """Unique within a plan: one object of an address is created, updated or forgotten at most once in it."""
    return f"{address}:{op.value}" + (f":{name}" if name else "")


def renewal(address: Address, kind: Kind, name: str, record: Record) -> Step:
    """Move the deadline of what is bound, by the expiry that its `record` will have."""
    call, expiry = kind.update(name), record.expiry
    return Step(step_id(address, Op.UPDATE), address, Op.UPDATE, kind.name, call, name, expiry=expiry, record=record)


def _create(resource: Resource, kind: Kind, project: str, attempt: int) -> Step:
    address = resource.address
    runs = kind.lifetime is Lifetime.ONCE
    spec = attempt_tag(resource.spec_tag, attempt) if runs else resource.spec_tag
    mark = Mark(project, address_tag(address), spec)
    if runs and attempt > 1 and resource.receipt and resource.receipt.without:
        call = run_kind(kind).create_again(resource, mark, attempt, resource.receipt.without)
    else:
        call = kind.create(resource, mark, attempt)
    record = _record(resource, mark, "")
    if runs:
        record = replace(record, attempt=attempt, run=resource.run or Run())
    fields = resource.declared.fields
    shows = {name: fields[name] for name, rule in kind.rules.items() if rule is Rule.IMMUTABLE and name in fields}
    return Step(step_id(address, Op.CREATE), address, Op.CREATE, kind.name, call, record=record, shows=shows)


def _local(change: Change, resource: Resource | None, kind: Kind, project: str) -> Step:
    """What is only recorded: there is no object, and no call."""
    address = change.address
    if resource is None:
        return Step(step_id(address, Op.DELETE), address, Op.DELETE, kind.name, None, str(address))
    op = Op.CREATE if change.action is Action.CREATE else Op.UPDATE
    record = _record(resource, Mark(project, address_tag(address), resource.spec_tag), str(address))
    return Step(step_id(address, op), address, op, kind.name, None, str(address), record=record)


def _record(resource: Resource, mark: Mark, name: str) -> Record:
    declared = resource.declared
    return Record(
        name=name,
        spec=mark.spec,
        origin=Origin.CREATED,
        marked=mark.address,
        fields=declared.fields,
        expiry=declared.expiry,
        prevent_destroy=resource.lifecycle.prevent_destroy,
        retire=resource.lifecycle.retire,
    )


def _delete(address: Address, kind: Kind, name: str) -> Step:
    return Step(step_id(address, Op.DELETE, name), address, Op.DELETE, kind.name, kind.delete(name), name)


def _retire(resource: Resource, kind: Kind, name: str, change: Change, ledger: Ledger) -> Step:
    """Give the old generation `lifecycle.retire` more, but never longer than it had; with 0s delete it."""
    address, retire = resource.address, resource.lifecycle.retire
    if not retire:
        return _delete(address, kind, name)
    ceiling: datetime | None = change.seen.deadline if change.seen else None
    held = holder(ledger, address, name)
    older = superseded(address, held) if isinstance(held, Record) else held
    return Step(
        step_id(address, Op.UPDATE, name),
        address,
        Op.UPDATE,
        kind.name,
        kind.update(name),
        name,
        expiry=Ttl(retire),
        ceiling=ceiling,
        older=older,
    )


def _after_what_it_needs(
    step: Step, desired: Desired, made: Mapping[Address, str], saved: Mapping[str | None, Step]
) -> Step:
    resource = desired.resources.get(step.address)
    after = list(step.after)
    if step.op is Op.HARVEST:
        return step
    if step.op is Op.CREATE and resource:
        after += [made[reference.target] for reference in resource.declared.references if reference.target in made]
        after += [harvest.id for harvest in saved.values() if harvest.address == step.address]
    elif step.op is Op.DELETE and step.name in saved:
        after.append(saved[step.name].id)
    elif step.address in made and made[step.address] != step.id and step.op is not Op.DELETE:
        after.append(made[step.address])
    return replace(step, after=tuple(dict.fromkeys(after)))


def _after_what_comes(
    step: Step,
    desired: Desired,
    made: Mapping[Address, str],
    new_names: Mapping[Address, Address],
    kinds: Collection[str],
) -> Step:
    """`kinds` are those of which something is made.

    What nobody declares any more goes after what is made of its kind: it may have been renamed, and readers are told
    of the new one first. Where it is the very same, it stays if that can't be made. Else nobody can tell, and a failure
    that has nothing to do with it must not keep it for ever.
    """
    if step.op not in (Op.DELETE, Op.CANCEL) or step.address in desired.resources:
        return step
    needed = made.get(new_names.get(step.address, step.address))
    after = tuple(dict.fromkeys((*step.after, needed))) if needed else step.after
    return replace(step, after=after, last=step.kind in kinds)
