"""Lets runs count as they were run although something was edited since: where `run.onEdit` says `report`. Called by
workflows/look.py, before anything is decided.

A run is paid for once, and an edit of a cache that it used is hardly meant to pay for it again. So the declaration of
such a run is put back to what was run: its mark, results and further attempts stay those of one declaration. What is
edited counts from the next run on, which another `run.key` asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.mark import attempt_tag, spec_tag
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired, Edit, Resource, Run
from gemctl.core.source import JsonObject


def hold(desired: Desired, ledger: Ledger) -> Desired:
    """The declared resources, runs among them as they were run. The same if nothing was edited.

    What refers to a run that counts as it was run refers to that run, and not to what is declared in its place: for it
    nothing was edited.
    """
    if not any(one.run or one.as_declared is not None or one.declared.references for one in desired.resources.values()):
        return desired  # nothing was run, nor does it refer to what may have been
    found: dict[Address, Resource] = {}

    def visit(address: Address) -> Resource:
        if address not in found:
            resource = desired.resources[address]
            if resource.run is None and resource.as_declared is None and not resource.declared.references:
                found[address] = resource  # neither it was run, nor does it refer to what may have been
                return resource
            declared = resource if resource.as_declared is None else resource.as_run(resource.as_declared)
            targets: dict[Address, Resource] = {}
            for target in declared.referred:  # a loop, as a long chain is deep
                if target in desired.resources:
                    targets[target] = visit(target)
            found[address] = _held(resource, _linked(declared, targets, desired, ledger), ledger)
        return found[address]

    resources = {address: visit(address) for address in desired.resources}
    if all(one is desired.resources[address] for address, one in resources.items()):
        return desired
    return replace(desired, resources=MappingProxyType(resources))


def _linked(declared: Resource, targets: Mapping[Address, Resource], desired: Desired, ledger: Ledger) -> Resource:
    """The declaration with the tags of what it refers to as that counts. What was made as it is declared stays so."""
    may_be_others = (at for at, one in targets.items() if one.run or one is not desired.resources[at])
    linked = declared.linked({at: targets[at].spec_tag for at in may_be_others})
    if linked is declared:
        return declared
    record, receipt = ledger.records.get(declared.address), declared.receipt
    made = [(one.spec_tag, one.attempt) for one in (record, receipt) if one]
    return declared if any(tag == attempt_tag(declared.spec_tag, number) for tag, number in made) else linked


def _held(resource: Resource, declared: Resource, ledger: Ledger) -> Resource:
    """The resource as it counts, where it is `declared` so."""
    record = ledger.records.get(resource.address)
    rules = declared.run or Run()
    fields: JsonObject | None = None
    if resource.run is None:
        pass
    elif record is None or record.fields is None:
        fields = _as_sent(declared, rules, record, ledger)
        if fields is None and resource.as_declared is not None:  # by its receipt
            fields = resource.declared.fields
    else:
        fields = _as_run(declared, rules, record, record.fields)
        if fields is None and record.spec_tag != attempt_tag(declared.spec_tag, record.attempt):
            fields = _as_run_before(declared, rules, resource.address, ledger)
    held = declared.as_run(fields) if fields is not None else declared
    return resource if held == resource else held


def only_references(resource: Resource, fields: JsonObject) -> bool:
    """Whether these fields, which it was run with, differ from the declared ones by what it refers to, and nothing
    else.
    """
    tags = resource.tags_in(fields)
    return bool(tags) and resource.with_references(tags or {}) == fields


def _as_sent(resource: Resource, rules: Run, record: Record | None, ledger: Ledger) -> JsonObject | None:
    """The fields of a run of which only the mark is known, or whose create was never answered: those with what it
    refers to as the ledger has it, if they come to that mark.
    """
    if rules.on_edited_references is not Edit.REPORT:
        return None
    before = {at: ledger.records[at].spec_tag for at in resource.referred if at in ledger.records}
    fields = resource.with_references(before)
    if fields == resource.declared.fields:
        return None
    asked = {intent.spec_tag for intent in ledger.open_creates if intent.address == resource.address}
    asked |= {record.spec_tag} if record else set()
    attempts = range(1, rules.max_resubmits + 2)
    return fields if any(attempt_tag(spec_tag(fields), number) in asked for number in attempts) else None


def _as_run_before(resource: Resource, rules: Run, address: Address, ledger: Ledger) -> JsonObject | None:
    """The fields of an earlier run whose key is declared again; None where none is known, or one is of just what is
    declared now.
    """
    earlier = [one.record for one in ledger.retiring.values() if one.address == address and one.record]
    if any(record.spec_tag == attempt_tag(resource.spec_tag, record.attempt) for record in earlier):
        return None
    found = (_as_run(resource, rules, record, record.fields) for record in earlier if record.fields is not None)
    return next((fields for fields in found if fields is not None and only_references(resource, fields)), None)


def _as_run(resource: Resource, rules: Run, record: Record, fields: JsonObject) -> JsonObject | None:
    """The fields that count in place of the declared ones; None where these do."""
    tag = spec_tag(fields)
    if tag == resource.spec_tag or attempt_tag(tag, record.attempt) != record.spec_tag:
        return None
    if fields.get("run") != resource.declared.fields.get("run"):  # run.key asks for another run
        return None
    edit = rules.on_edited_references if only_references(resource, fields) else rules.on_own_edit
    return fields if edit is Edit.REPORT else None
