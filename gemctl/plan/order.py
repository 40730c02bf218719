"""Turns changes into steps: whole calls, each with the steps that must be done before it. Called by make.py.

create a ─▶ retire a's old generation          a replacement, create first: readers are told in between
delete a ─▶ create a                           a replacement, delete first
harvest a ─▶ create a ─▶ cancel a's old run    a job that was edited: no results are lost
harvest a ─▶ delete a                          a job that is no longer declared
create a ─▶ create b                           b refers to a
update a ─▶ create b                           likewise, and takes from a what is patched
create a ─▶ delete b                           b was renamed to a: it stays if a can't be made
delete b ─▶ delete a                           b was made with a's name in it, which the user chose
create a ┄▶ delete b                           b is no longer declared, a is of the same kind: in this order, no more
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.change import MAKING, Action, Change
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.ownership import Ownership
from gemctl.core.plan import Step
from gemctl.core.record import Ledger, Op
from gemctl.core.resource import Desired
from gemctl.plan import steps as make
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.kept import chosen
from gemctl.plan.lifetimes.policy import Subject
from gemctl.plan.members import sync_of
from gemctl.plan.moves import seem_renamed


def order(
    changes: Iterable[Change],
    desired: Desired,
    ownership: Ownership,
    live: Mapping[str, LiveObject],
    catalogue: Catalogue,
    owner: OwnerTag,
) -> tuple[Step, ...]:
    """The steps of all changes, each after those it needs. Keeps make no steps."""
    ledger = ownership.ledger
    steps: list[Step] = []
    for change in changes:
        if change.action is Action.KEEP:
            continue
        own = tuple(_steps(change, desired, ledger, catalogue[change.address.kind], owner))
        steps.extend(_with_sync(change, own, desired, ownership, live, catalogue[change.address.kind]))
    made = {step.address: step.id for step in steps if step.op is Op.CREATE}
    whole = {**made, **{step.address: step.id for step in steps if step.op is Op.SYNC}}  # with all that lies under it
    saved = {step.name: step for step in steps if step.op is Op.HARVEST}
    new_names, kinds = seem_renamed(desired, ledger), {address.kind for address in made}
    patched = {step.address: step.id for step in steps if step.op is Op.UPDATE and step.call}
    needing = (_after_what_it_needs(step, desired, made, whole, patched, saved) for step in steps)
    ordered = tuple(_after_what_comes(step, desired, made, new_names, kinds) for step in needing)
    return tuple(_after_its_users(ordered, made, ledger, catalogue))


def _after_its_users(
    steps: tuple[Step, ...], made: Mapping[Address, str], ledger: Ledger, catalogue: Catalogue
) -> Iterable[Step]:
    """The steps; the delete of an object whose name the user chose comes after those of what was made with that name in
    it, and looks it up again and again: other objects were read when their users were made. Not so where another takes
    its place: that may have to be there before its users are made anew.
    """
    deletes = {step.name: step.id for step in steps if step.op is Op.DELETE and step.call}
    users: dict[str, list[str]] = {}
    for record in ledger.records.values() if deletes else ():
        for name in record.uses if record.name in deletes else ():
            users.setdefault(name, []).append(deletes[record.name])
    for step in steps:
        goes = step.op is Op.DELETE and step.address not in made and chosen(catalogue[step.kind])
        waits = users.get(step.name or "", ()) if goes else ()
        yield replace(step, after=tuple(dict.fromkeys((*step.after, *waits)))) if waits else step


def _with_sync(
    change: Change,
    steps: tuple[Step, ...],
    desired: Desired,
    ownership: Ownership,
    live: Mapping[str, LiveObject],
    kind: Kind,
) -> Iterable[Step]:
    """The steps, with one for what lies under the object: after those that make or change it, and before its older one
    goes.
    """
    resource, counts = desired.resources.get(change.address), change.members
    if resource is None or kind.members is None or counts is None or not counts.work:
        return steps
    sync = sync_of(change, resource, ownership, live.get(change.name or ""), kind.members)
    first = tuple(step.id for step in steps if step.op in (Op.CREATE, Op.UPDATE))
    name = None if change.action in MAKING else change.name
    id_ = make.step_id(change.address, Op.SYNC)
    step = Step(id_, change.address, Op.SYNC, kind.name, None, name, after=first, sync=sync)
    last = (replace(one, after=(*one.after, id_)) if set(one.after) & set(first) else one for one in steps)
    return (*last, step)


def _steps(change: Change, desired: Desired, ledger: Ledger, kind: Kind, owner: OwnerTag) -> Iterable[Step]:
    address = change.address
    subject = Subject(
        address,
        kind,
        desired.resources.get(address),
        ledger.records.get(address),
        None,
        generation=ledger.retiring.get(change.name or ""),
    )
    return policy(kind).steps(change, subject, owner)


def _after_what_it_needs(
    step: Step,
    desired: Desired,
    made: Mapping[Address, str],
    whole: Mapping[Address, str],
    patched: Mapping[Address, str],
    saved: Mapping[str | None, Step],
) -> Step:
    resource = desired.resources.get(step.address)
    after = list(step.after)
    if step.op is Op.HARVEST:
        return step
    if step.op in (Op.CREATE, Op.SYNC) and resource:
        after += [whole[reference.target] for reference in resource.declared.references if reference.target in whole]
        # What is in the form, a patch does not change: then it would be another form.
        taken = (reference.target for reference in resource.declared.references if not reference.digested)
        after += [patched[target] for target in taken if target in patched]
        after += [harvest.id for harvest in saved.values() if harvest.address == step.address]
    elif step.op is Op.UPDATE and step.call and resource:
        refers = {reference.target for reference in step.call.references}
        after += [whole[target] for target in sorted(refers) if target in whole]
        after += [made[step.address]] if step.address in made else []
    elif step.op is Op.DELETE and step.name in saved:
        after.append(saved[step.name].id)
    elif step.op is Op.DELETE and step.address in whole and step.address not in made:
        after.append(whole[step.address])  # an older object goes once all lies under the new one
    elif step.address in made and made[step.address] != step.id and step.op is not Op.DELETE:
        after.append(made[step.address])
    wanted = tuple(dict.fromkeys(after))
    return step if wanted == step.after else replace(step, after=wanted)


def _after_what_comes(
    step: Step,
    desired: Desired,
    made: Mapping[Address, str],
    new_names: Mapping[Address, Address],
    kinds: Collection[str],
) -> Step:
    """The step; one that ends an undeclared object comes after the creates of its kind. `kinds` are those with creates.

    The object may have been renamed, and readers are told of the new one first. If a new one is declared as the very
    same, the old one stays when that can't be made. Otherwise a failed create may have nothing to do with it, and must
    not keep it for ever.
    """
    if step.op not in (Op.DELETE, Op.CANCEL) or step.address in desired.resources:
        return step
    needed = made.get(new_names.get(step.address, step.address))
    after = tuple(dict.fromkeys((*step.after, needed))) if needed else step.after
    return replace(step, after=after, last=step.kind in kinds)
