"""The planner's decisions, from data files: one case, one world, one plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_cases import (
    KINDS,
    SETTLE,
    TAG,
    at,
    cases,
    lines,
    moment,
    neighbours_of,
    planned,
    short,
    shown,
    world_of,
    written,
)

from gemctl.core.record import Retiring, fold
from gemctl.core.source import show_path
from gemctl.plan.compare import Subjects, compare
from gemctl.plan.file import from_bytes, to_bytes
from gemctl.plan.ownership import own

ALL = dict(cases())


def _step(step):
    return f"{step.op.value} {shown(step.address)} {short(step.name) if step.name else ''}".strip()


def _address(entry):
    return entry.generation.address if isinstance(entry, Retiring) else getattr(entry, "address", None)


@pytest.mark.parametrize("name", ALL)
def test_plan(name):
    """What the case says, and what holds of every plan."""
    case = ALL[name]
    is_as_said(case)
    is_the_same_when_saved(case)
    is_good_until_the_very_instant_it_names(case)
    adopts_once(case)


def is_as_said(case):
    plan, ownership = planned(case)
    assert lines(plan) == case["plan"]
    if "steps" in case:
        said = {step.id: _step(step) for step in plan.steps}
        assert [
            said[step.id]
            + (f" after: {', '.join(said[i] for i in step.after)}" if step.after else "")
            + (" last" if step.last else "")
            for step in plan.steps
        ] == case["steps"]
    found = [found.code for found in plan.diagnostics if not found.code.startswith("W2")]  # these are the manifests'
    assert found == case.get("finds", [])
    if "unresolved" in case:
        assert sorted(intent.address.name for intent in ownership.unresolved) == case["unresolved"]
    if "uncertain" in case:
        assert ownership.uncertain == case["uncertain"]
    if "apart" in case:
        assert sorted(ownership.apart) == case["apart"]
    if "about" in case:
        assert [shown(one.address) if one.address else None for one in ownership.diagnostics] == case["about"]
    desired, _, _, now = world_of(case)
    if "writes" in case:
        entries = [(entry, desired.resources.get(_address(entry))) for entry in ownership.entries]
        assert [written(entry, wanted, now) for entry, wanted in entries] == case["writes"]
    if "until" in case:
        assert plan.header.valid_until == moment(case["until"], now)
    if "due" in case:
        assert plan.header.next_due == moment(case["due"], now)
    if "notes" in case:
        assert [change.note for change in plan.changes] == case["notes"]
    if "fields" in case:
        rows = [f"{show_path(f.path)}: {f.before} → {f.after}" for change in plan.changes for f in change.fields]
        assert rows == case["fields"]


def is_the_same_when_saved(case):
    plan, _ = planned(case)
    assert from_bytes(to_bytes(plan), "plan") == plan


def is_good_until_the_very_instant_it_names(case):
    """Just before `validUntil` the same is decided; the bindings are those of the plan, so nothing else moves."""
    plan, ownership = planned(case)
    until = plan.header.valid_until
    desired, _, world, now = world_of(case)
    anew = tuple(map(at, case.get("anew", ())))
    if until is None or until - now < timedelta(milliseconds=2) or ownership.unresolved:
        return

    def decide(then):
        live = {
            kind: tuple(item for item in items if item.deadline is None or item.deadline > then)
            for kind, items in world.listings.items()
        }
        return [
            (change.address, change.action, change.reason, change.name)
            for change in compare(
                Subjects(desired, ownership, replace(world, listings=live, now=then), TAG, KINDS, anew),
                desired,
                ownership,
                KINDS,
            )
        ]

    assert decide(until - timedelta(milliseconds=1)) == decide(now)


def adopts_once(case):
    """What was found out holds: after its bindings are written down, nothing is left to be found out."""
    desired, ledger, world, _ = world_of(case)
    around = neighbours_of(case)
    first = own(desired, ledger, world, TAG, SETTLE, KINDS, around)
    if first.unresolved:
        return
    assert fold(first.ledger, first.entries) == first.ledger
    second = own(desired, first.ledger, world, TAG, SETTLE, KINDS, around)
    assert second.entries == ()


def test_no_plan_touches_what_is_not_ours():
    """Of all cases: what is changed, stopped or deleted carries our mark, was imported, or is nameless by its service's
    fault, or by its kind.
    """
    from plan_cases import TAG

    from gemctl.core.record import Op, Origin

    touched = 0
    for name, case in ALL.items():
        plan, ownership = planned(case)
        _, _, world, _ = world_of(case)
        live = {item.name: item for items in world.listings.values() for item in items}
        held = {record.name: record for record in ownership.ledger.records.values()} | dict(ownership.ledger.retiring)
        for step in plan.steps:
            made_by_it = step.call is not None and step.call.under == step.address
            if step.call and not made_by_it and step.op in (Op.UPDATE, Op.DELETE, Op.CANCEL):
                item, known = live[step.name], held[step.name]
                marked = item.mark is not None and item.mark.owner == TAG
                nameless = item.mark is None and not known.echoed
                nameless = nameless or not KINDS[item.kind].remote.marked
                assert marked or nameless or known.origin is Origin.IMPORTED, (name, step.id)
                touched += 1
    assert touched > 100
