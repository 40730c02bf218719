"""What of a plan goes without a person, from a data file; and when one looks again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from plan_cases import at, lines, moment, planned, short, shown, world_of
from values import START, instants

from gemctl.core.change import Action, Reason
from gemctl.core.resource import Desired
from gemctl.core.watch import Wake
from gemctl.kinds import CATALOGUE
from gemctl.plan.part import owners, part
from gemctl.plan.unattended import DEFAULT, KNOWN, ends, unattended
from gemctl.plan.wake import SOONEST, rest, retry

CASES = {
    case["case"]: case
    for case in yaml.safe_load((Path(__file__).parent / "unattended.yaml").read_text(encoding="utf-8"))
}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
spans = st.timedeltas(timedelta(0), timedelta(days=3))


def _cut(case):
    desired, _, world, now = world_of(case)
    plan, ownership = planned(case)
    allowed = [Reason(name) for name in case.get("allow", DEFAULT)]
    failing = frozenset(map(at, case.get("failing", ())))
    keeping = case.get("manifests") == "broken"
    cut = unattended(plan, desired, ownership.ledger, world, CATALOGUE, allowed, keeping=keeping, failing=failing)
    return cut, plan, now


def _line(change):
    name = f" {short(change.name)}" if change.name else ""
    return f"{change.action.value} {shown(change.address)} · {change.reason.value}{name}"


@pytest.mark.parametrize("name", CASES)
def test_what_goes_and_what_is_left(name):
    case = CASES[name]
    cut, plan, now = _cut(case)
    assert lines(cut.plan) == case["goes"]
    assert [_line(one.change) + (f": {one.why}" if one.why else "") for one in cut.left] == case.get("left", [])
    if "steps" in case:
        said = {
            step.id: f"{step.op.value} {shown(step.address)} {short(step.name or '')}".strip() for step in plan.steps
        }
        said |= {step.id: f"{step.op.value} {shown(step.address)} {_name(step)}".strip() for step in cut.plan.steps}
        assert [
            said[step.id] + (f" after: {', '.join(said[i] for i in step.after)}" if step.after else "")
            for step in cut.plan.steps
        ] == case["steps"]
    if "due" in case:
        assert cut.due == moment(case["due"], now)
    # Whatever is cut, no step waits for one that was cut away, and what was found true is kept.
    left = {step.id for step in plan.steps} - {step.id for step in cut.plan.steps}
    assert not any(left & set(step.after) for step in cut.plan.steps)
    assert cut.plan.bindings == plan.bindings


def _name(step):
    if step.name is None:
        return ""
    return step.name if step.name == str(step.address) else short(step.name)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not {"manifests", "failing"} & set(case)])
def test_with_everything_allowed_it_is_the_whole_plan(name):
    cut, plan, _ = _cut({**CASES[name], "allow": list(KNOWN)})
    assert (cut.plan.steps, cut.left) == (plan.steps, ())
    assert cut.plan.changes == tuple(change for change in plan.changes if change.action is not Action.KEEP)


@pytest.mark.parametrize("name", CASES)
def test_every_step_has_one_owner_and_a_part_has_the_steps_of_its_changes(name):
    _, plan, _ = _cut(CASES[name])
    made = owners(plan.steps, plan.changes)
    assert set(made) == {step.id for step in plan.steps}
    for change in plan.changes:
        some = part(plan, lambda other, change=change: other is change)
        assert {step.id for step in some.steps} == {step for step, owner in made.items() if owner is change}


def test_the_first_end_is_that_of_what_is_kept_alive():
    case = {
        "declared": {"handbook": None, "fixed": {"spec": {"expireTime": "2026-11-21T10:00:00Z"}}},
        "recorded": {
            "handbook": {"name": "a", "expires": "+20h"},
            "fixed": {"name": "f", "expires": "+1h", "like": {"expireTime": "2026-11-21T10:00:00Z"}},
            "old": {"name": "o", "expires": "+2h"},
        },
        "live": [{"name": "a", "of": "handbook", "expires": "+5h"}, {"name": "o", "of": "old", "expires": "+2h"}],
    }
    desired, ledger, world, now = world_of(case)
    plan, _ = planned(case)
    assert ends((), desired, ledger, world) == now + 5 * HOUR  # somebody made it shorter than is recorded
    assert ends((), Desired(), ledger, world) == now + 2 * HOUR  # nobody knows what is declared
    assert ends(plan.changes, desired, ledger, world) == now + 20 * HOUR  # unless it was touched just now


@pytest.mark.parametrize(
    ("due", "end", "chance", "after", "why"),
    [
        (None, None, 0.5, 15 * MINUTE, Wake.INTERVAL),
        (HOUR, 2 * HOUR, 0.5, 15 * MINUTE, Wake.INTERVAL),
        (5 * MINUTE, HOUR, 0.0, 5 * MINUTE, Wake.DUE),
        (5 * MINUTE, HOUR, 1.0, 6 * MINUTE, Wake.DUE),
        (5 * MINUTE, None, 0.5, 5.5 * MINUTE, Wake.DUE),
        (5 * MINUTE, 6 * MINUTE, 1.0, 5.5 * MINUTE, Wake.DUE),
        (timedelta(0), HOUR, 0.0, SOONEST, Wake.DUE),
        (-HOUR, None, 0.0, SOONEST, Wake.DUE),
    ],
)
def test_when_to_look_again(due, end, chance, after, why):
    pause = rest(
        START, START + due if due is not None else None, START + end if end else None, 15 * MINUTE, MINUTE, chance
    )
    assert (pause.until - START, pause.why) == (after, why)


@pytest.mark.parametrize(
    ("due", "interval", "after", "why"),
    [
        (None, 15 * MINUTE, MINUTE, Wake.DUE),
        (HOUR, 15 * MINUTE, MINUTE, Wake.DUE),
        (MINUTE / 2, 15 * MINUTE, MINUTE / 2, Wake.DUE),
        (None, MINUTE / 2, MINUTE / 2, Wake.INTERVAL),
    ],
)
def test_it_looks_again_soon_where_something_waits_for_room(due, interval, after, why):
    pause = rest(START, START + due if due else None, None, interval, MINUTE, 0.0, queued=True)
    assert (pause.until - START, pause.why) == (after, why)


@given(instants, spans, spans, spans, spans, st.floats(0, 1))
def test_jitter_never_puts_a_renewal_behind_its_end(now, due, life, interval, jitter, chance):
    end = now + due + life
    pause = rest(now, now + due, end, interval, jitter, chance)
    assert pause.until <= max(end, now + SOONEST, now + interval)
    if pause.why is Wake.DUE:
        assert now + due <= pause.until <= max(now + due + life / 2, now + SOONEST)


@pytest.mark.parametrize(
    ("failures", "end", "after"),
    [
        (1, None, timedelta(seconds=5)),
        (2, None, timedelta(seconds=10)),
        (4, None, timedelta(seconds=40)),
        (9, None, 15 * MINUTE),
        (999, None, 15 * MINUTE),
        (999, 20 * MINUTE, 5 * MINUTE),
        (999, timedelta(seconds=8), SOONEST),
        (9, -HOUR, 15 * MINUTE),
    ],
)
def test_when_to_try_again(failures, end, after):
    pause = retry(START, failures, START + end if end else None, 15 * MINUTE)
    assert (pause.until - START, pause.why) == (after, Wake.RETRY)
