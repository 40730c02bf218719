"""Builds whole steps: each with its call, and with the record that the ledger is to keep. Called by the lifetimes and
refresh.py; and by unattended.py, workflows/act.py and jobs.py for a step that no change asks for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change
from gemctl.core.kind import Chosen, Kind, Patch, Rule, once, remote
from gemctl.core.lifetime import Renewable
from gemctl.core.mark import Mark, OwnerTag, address_tag, attempt_tag
from gemctl.core.plan import Step
from gemctl.core.record import Generation, Op, Origin, Record
from gemctl.core.resource import Expiry, Resource, Run, Ttl
from gemctl.core.source import JsonObject


def step_id(address: Address, op: Op, name: str | None = None) -> str:
    """Unique within a plan: one object of an address is created, updated or forgotten at most once in it."""
    return f"{address}:{op.value}" + (f":{name}" if name else "")


def create(resource: Resource, kind: Kind, owner: OwnerTag, attempt: int) -> Step:
    """Make it."""
    address, made = resource.address, remote(kind)
    mark = Mark(owner, address_tag(address), resource.spec_tag)
    name = made.identity.name(resource) if isinstance(made.identity, Chosen) else ""
    return Step(
        step_id(address, Op.CREATE),
        address,
        Op.CREATE,
        kind.name,
        made.create(resource, mark, attempt),
        record=new_record(resource, kind, mark, ""),
        shows=_shows(resource, kind),
        chosen=name,
    )


def run(resource: Resource, kind: Kind, owner: OwnerTag, attempt: int) -> Step:
    """Run it, as this attempt: all requests, or those that the last attempt lacks (see Receipt.lacking)."""
    lifetime = once(kind)
    mark = Mark(owner, address_tag(resource.address), attempt_tag(resource.spec_tag, attempt))
    lacking = resource.receipt.lacking(resource.run) if attempt > 1 and resource.receipt else ()
    if lacking and lifetime.again:
        call = lifetime.again(resource, mark, attempt, lacking)
    else:
        call = remote(kind).create(resource, mark, attempt)
    record = replace(new_record(resource, kind, mark, ""), attempt=attempt, run=resource.run or Run())
    address, shows = resource.address, _shows(resource, kind)
    return Step(step_id(address, Op.CREATE), address, Op.CREATE, kind.name, call, record=record, shows=shows)


def record_only(change: Change, resource: Resource | None, kind: Kind, owner: OwnerTag) -> Step:
    """Write down, or forget, a declaration that is nowhere live: there is no object, and no call."""
    address = change.address
    if resource is None:
        return Step(step_id(address, Op.DELETE), address, Op.DELETE, kind.name, None, str(address))
    op = Op.CREATE if change.action is Action.CREATE else Op.UPDATE
    record = new_record(resource, kind, Mark(owner, address_tag(address), resource.spec_tag), str(address))
    return Step(step_id(address, op), address, op, kind.name, None, str(address), record=record)


def new_record(resource: Resource, kind: Kind, mark: Mark, name: str) -> Record:
    """The record of an object with this mark."""
    declared = resource.declared
    return Record(
        name=name,
        spec_tag=mark.spec_tag,
        origin=Origin.CREATED,
        address_tag=mark.address_tag if kind.remote is None or kind.remote.marked else "",
        fields=declared.fields,
        expiry=declared.expiry,
        prevent_destroy=resource.lifecycle.prevent_destroy,
        retire=resource.lifecycle.retire,
    )


def patch(resource: Resource, kind: Kind, change: Change, record: Record, owner: OwnerTag) -> Step:
    """Change the fields in place, and write down that all is as declared from now on."""
    address, made, name = resource.address, remote(kind), change.name or ""
    if made.patch is None:
        raise TypeError(f"A {kind.name} can't be patched.")
    mark = Mark(owner, record.address_tag or address_tag(address), resource.spec_tag)
    fields = frozenset(str(one.path[0]) for one in change.fields)
    call = made.patch(name, Patch(resource, mark, fields))
    new = replace(
        record,
        spec_tag=resource.spec_tag,
        fields=resource.declared.fields,
        prevent_destroy=resource.lifecycle.prevent_destroy,
        retire=resource.lifecycle.retire,
        shown=_still_shown(record, fields),
    )
    shows = {field: resource.declared.fields[field] for field in sorted(fields) if field in resource.declared.fields}
    return Step(step_id(address, Op.UPDATE), address, Op.UPDATE, kind.name, call, name, record=new, shows=shows)


def late(resource: Resource, kind: Kind, owner: OwnerTag) -> Step | None:
    """Set what a create does not take, once the object is there; None where there is nothing of that."""
    address, made, fields = resource.address, remote(kind), resource.declared.fields
    mark = Mark(owner, address_tag(address), resource.spec_tag)
    call = made.late(resource, mark) if made.late else None
    if call is None:
        return None
    return Step(
        step_id(address, Op.UPDATE),
        address,
        Op.UPDATE,
        kind.name,
        replace(call, under=address),
        record=new_record(resource, kind, mark, ""),
        shows={name: value for name, value in fields.items() if kind.patches(name)},
    )


def _still_shown(record: Record, patched: frozenset[str]) -> JsonObject | None:
    """The fields that a patch leaves alone, as far as it is known how the service shows them."""
    if record.shown is None:
        return None
    return {name: value for name, value in record.shown.items() if name not in patched}


def renewal(address: Address, kind: Kind, name: str, record: Record) -> Step:
    """Move the deadline of what is bound, by the expiry that its `record` will have."""
    return replace(_moved_end(address, kind, name, record.expiry), id=step_id(address, Op.UPDATE), record=record)


def retire(
    address: Address, kind: Kind, name: str, older: Generation | None, life: Ttl, ceiling: datetime | None
) -> Step:
    """Give an older generation so much more life, but never longer than `ceiling`."""
    return replace(_moved_end(address, kind, name, life), ceiling=ceiling, older=older)


def delete(address: Address, kind: Kind, name: str) -> Step:
    """Delete it."""
    return Step(step_id(address, Op.DELETE, name), address, Op.DELETE, kind.name, remote(kind).delete(name), name)


def forget(address: Address, kind: Kind, name: str | None) -> Step:
    """Forget it: only the ledger changes."""
    return Step(step_id(address, Op.FORGET), address, Op.FORGET, kind.name, None, name)


def cancel(address: Address, kind: Kind, name: str) -> Step:
    """Ask for a run to be stopped. Raises TypeError where it can't be."""
    lifetime = once(kind)
    if lifetime.cancel is None:
        raise TypeError(f"A {kind.name} can't be stopped.")
    return Step(step_id(address, Op.CANCEL, name), address, Op.CANCEL, kind.name, lifetime.cancel(name), name)


def save(address: Address, kind: Kind, name: str, record: Record | None) -> Step:
    """Save the results of a run."""
    call = remote(kind).get(name)
    return Step(step_id(address, Op.HARVEST, name), address, Op.HARVEST, kind.name, call, name, record=record)


def act(resource: Resource, kind: Kind, act_name: str, name: str | None, record: Record | None, at: str = "") -> Step:
    """Do one of its kind's acts with it. `at` tells several of one address apart."""
    address = resource.address
    call = kind.acts[act_name].call(resource, name)
    op = Op.MINT if kind.acts[act_name].token else Op.ACT
    return Step(f"{address}:{act_name}{at}", address, op, kind.name, call, name, record=record, act=act_name)


def _moved_end(address: Address, kind: Kind, name: str, expiry: Expiry | None) -> Step:
    if not isinstance(kind.lifetime, Renewable):
        raise TypeError(f"The end of a {kind.name} can't be moved.")
    call = kind.lifetime.renew(name)
    return Step(step_id(address, Op.UPDATE, name), address, Op.UPDATE, kind.name, call, name, expiry=expiry)


def _shows(resource: Resource, kind: Kind) -> dict[str, object]:
    """The fields of a create that can be read back and never change."""
    fields = resource.declared.fields
    return {name: fields[name] for name, rule in kind.rules.items() if rule is Rule.IMMUTABLE and name in fields}
