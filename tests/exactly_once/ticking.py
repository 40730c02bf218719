"""The lives of simulator.py, with the tick of `gemctl watch` in place of `gemctl apply`: every reason allowed, it is to
survive and to leave behind the same.

    python tests/exactly_once/ticking.py 1000            seeds 0 … 999, on all cores
    python tests/exactly_once/ticking.py --seed 17       one seed, told step by step
"""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from appliers import Applier
from simulator import Life

from gemctl.core.change import Reason
from gemctl.core.plan import Allowances
from gemctl.engine.execute import Stopping
from gemctl.plan.unattended import KNOWN
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.tick import Dependencies, ReadManifests, WatchOptions, tick

WISHES = WatchOptions(frozenset(KNOWN))
ASK = PlanRequest(allowed=Allowances(10**6, empty=True, missing=True, rerun=True))


class Ticker(Applier):
    """A machine that ticks where others apply."""

    def _apply(self) -> str:
        line, desired = self._line(), self.life.desired()
        session = self.session()
        dependencies = Dependencies(
            open=lambda: session,
            connect=lambda _: line,
            stopping=Stopping(),
            tell=lambda event: None,
            report=lambda event: None,
            execute=self._execute,
        )
        with self.store.lock("watch", 0):
            ticked = tick(session, line, ReadManifests(desired), WISHES, dependencies, request=ASK)
        plan, applied = ticked.planned.plan, ticked.applied
        self.warned = {found.code for found in plan.diagnostics}
        self.queued = any(change.reason is Reason.QUEUED for change in plan.changes)
        # A part that another state made of another declaration may be of another cut: gemctl runs nothing (E589).
        stopped = {found.code for found in ticked.planned.problems}
        self.life.left_to_a_person |= "E589" in stopped and len(self.life.appliers) > 1
        assert stopped or ticked.cut.plan.steps == plan.steps, "with every reason allowed it is the whole plan"
        ends = {step: end.status.value for step, end in applied.outcome.steps.items()}
        self.life.note(self.name, f"ticked: {ends} {len(ticked.problems)}")
        return "partial" if ticked.again or ticked.problems else "done"


class TickedLife(Life):
    """One seed."""

    machine = Ticker
    left_to_a_person = False

    def live(self) -> list[str]:
        found = super().live()
        return [] if self.left_to_a_person else found


def live_one(seed: int) -> tuple[int, list[str]]:
    return seed, TickedLife(seed).live()


def main() -> int:
    if sys.argv[1] == "--seed":
        found = TickedLife(int(sys.argv[2]), tell=print).live()
        print("\n".join(found) or "all is well")
        return bool(found)
    bad = 0
    with ProcessPoolExecutor(initializer=gc.freeze) as pool:
        for seed, found in pool.map(live_one, range(int(sys.argv[1])), chunksize=20):
            if found:
                bad += 1
                print(f"seed {seed}: {found[0]}")
    print(f"{bad} of {sys.argv[1]} lives went wrong")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
