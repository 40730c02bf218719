"""A job that was run is not run again by time passing: a thousand further plans, and each of them has nothing to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from plan_cases import KINDS, SETTLE, TAG, world_of

from gemctl.core.change import Action, Reason
from gemctl.core.live import LiveState
from gemctl.core.neighbours import Neighbours
from gemctl.core.record import fold
from gemctl.plan.make import Scope, make
from gemctl.plan.ownership import own

RUN = {"results": "out/r.jsonl", "onFailed": "resubmit", "onExpired": "resubmit", "deadline": "2h"}
JOB = {"of": "BatchJob/night", "name": "b"}
RECORDED = {"BatchJob/night": {"name": "b", "harvested": [1, 0], "run": RUN}}
RECEIPT = {"receipt": {"attempt": 1, "job": "batches/b"}}
WORLDS = {
    "known": {"declared": {"BatchJob/night": {"run": RUN}}, "recorded": RECORDED, "live": [JOB]},
    "the state was lost": {"declared": {"BatchJob/night": {"run": RUN, **RECEIPT}}, "state": "lost", "live": [JOB]},
    "the state was lost, and the job": {
        "declared": {"BatchJob/night": {"run": RUN, **RECEIPT}},
        "state": "lost",
    },
}


@pytest.mark.parametrize("world", WORLDS)
def test_a_thousand_further_plans(world):
    desired, ledger, first, start = world_of(WORLDS[world])
    for hours in range(0, 7000, 7):
        now = start + timedelta(hours=hours)
        live = first.listings if hours < 48 else dict.fromkeys(first.listings, ())  # the service forgets it
        seen = LiveState(live, now)
        ownership = own(desired, ledger, seen, TAG, SETTLE, KINDS, Neighbours())
        plan = make(desired, ownership, seen, KINDS, Scope("abcd1234", "local", "emulator", "test"))
        assert [(change.action, change.reason) for change in plan.changes] == [(Action.KEEP, Reason.DONE)], hours
        assert plan.steps == ()
        ledger = replace(fold(ownership.ledger, plan.bindings), known=True)
