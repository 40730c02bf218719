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
    """The declared resources, runs among them as they were run. The same if nothing was edited."""
    changed: dict[Address, Resource] = {}
    for address, resource in desired.resources.items():
        record = ledger.records.get(address)
        if resource.run is None or record is None or record.fields is None:
            continue
        declared = resource if resource.as_declared is None else resource.as_run(resource.as_declared)
        rules = declared.run or Run()
        fields = _as_run(declared, rules, record, record.fields)
        if fields is None and record.spec_tag != attempt_tag(declared.spec_tag, record.attempt):
            fields = _as_run_before(declared, rules, address, ledger)
        held = declared.as_run(fields) if fields is not None else declared
        if held is not resource:
            changed[address] = held
    if not changed:
        return desired
    resources: Mapping[Address, Resource] = MappingProxyType({**desired.resources, **changed})
    return replace(desired, resources=resources)


def only_references(resource: Resource, fields: JsonObject) -> bool:
    """Whether these fields, which it was run with, differ from the declared ones by what it refers to, and nothing
    else.
    """
    tags = resource.tags_in(fields)
    return bool(tags) and resource.with_references(tags or {}) == fields


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
