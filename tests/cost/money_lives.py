"""Random stacks over a month of virtual time: what their plans say that they cost, beside the emulator's own bill.

python tests/cost/money_lives.py 1000            seeds 0 … 999
python tests/cost/money_lives.py --seed 17       one of them, told step by step
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "exactly_once"))

from memory_files import MemoryFiles
from values import ManualClock

from gemctl.api.auth import Key
from gemctl.api.client_factory import ClientFactory
from gemctl.core.address import Address
from gemctl.core.cost import together
from gemctl.core.event import Status
from gemctl.core.money import NOTHING, Money
from gemctl.core.plan import Allowances
from gemctl.core.project import Endpoint, Project, Safety, Stack, Timing
from gemctl.core.resource import Desired, Lifecycle, Resource, Run
from gemctl.core.source import Positions, Span
from gemctl.emulator.app import App
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World
from gemctl.engine.execute import Stopping
from gemctl.kinds import CATALOGUE
from gemctl.state.local import LocalStore
from gemctl.workflows.apply import apply
from gemctl.workflows.cost import cost
from gemctl.workflows.plan import plan
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.wiring import Connection

NOWHERE = Positions(Span("money.yaml", 1, 1, 1, 1))
STACK = Stack("money", Endpoint.GEMINI)
MODELS = (
    "gemini-3.8-flash",
    "gemini-3.6-flash",
    "gemini-3.5-flash-lite",
    "gemini-3.1-flash-lite",
    "gemini-3.1-pro-preview",
    "gemini-2.5-pro",
    "gemini-2.5-flash",
    "gemini-2.5-flash-lite",
)
TTLS = ("1h", "5h30m", "1d", "3d", "6d12h")
STARTS = (datetime(2026, 11, 16, 7, tzinfo=UTC), datetime(2026, 12, 17, 22, 13, tzinfo=UTC))  # each over a 1st
MONTH, DAY, HOUR = timedelta(days=30), timedelta(days=1), timedelta(hours=1)
LIMIT = Safety(max_cost=Decimal("0.5"), max_monthly_cost=Decimal(20))
FREE_HAND = Allowances(10**6, True, True, True)


@dataclass
class Session:
    """Stands in for workflows.wiring.Session: the same attributes, over a disk in memory."""

    store: LocalStore
    clock: ManualClock
    project: Project
    root: Path = Path("/nowhere")
    folder: Path = Path("/state")
    stack: Stack = STACK
    catalogue = CATALOGUE

    @property
    def loaded(self):
        return SimpleNamespace(positions=NOWHERE)

    @property
    def settings(self):
        return self

    @property
    def env(self):
        return {}


class MoneyLife:
    """One seed.

    patient   objects are only made and renewed, and live until their deadlines: then plans tell all of the bill.
    limited   the project has limits of money.
    """

    def __init__(self, seed: int, *, tell=lambda line: None) -> None:
        self.random, self.tell = Random(seed), tell
        self.patient = self.random.random() < 0.5
        self.limited = self.random.random() < 0.3
        self.charged = self.random.choice((0, 1))
        self.by_ttl = self.random.random() < 0.5
        start = self.random.choice(STARTS) + self.random.random() * 2 * DAY
        self.clock = ManualClock(start)
        self.end = start + MONTH
        self.app = App(
            World(now=self.clock.now, ids=Random(seed)),
            min_cache_tokens=1,
            bill_creation=self.charged,
            bill_storage="ttl" if self.by_ttl else "lifetime",
            batch_pending=timedelta(minutes=1),
            batch_running=timedelta(minutes=5),
        )
        files = MemoryFiles(lambda _: None)
        store = LocalStore(Path("/state"), clock=self.clock, files=files, make_lineage=lambda: "l")
        safety = LIMIT if self.limited else Safety()
        project = Project("money", "mone4mon", "money", {"money": STACK}, timing=Timing(60 * HOUR / 3600, HOUR / 3600))
        self.session = Session(store, self.clock, replace(project, safety=safety))
        self.planned = NOTHING  # what the plans that were applied said
        self.exact = True  # whether every amount of them was a single one, but for the creation of caches
        self.stopped = 0
        self.problems: list[str] = []
        self.names = [f"c{number}" for number in range(self.random.randint(1, 3))]
        self.wishes = {name: self._wish(name) for name in self.names}
        if self.random.random() < 0.4:
            self.wishes["job"] = self._job()

    # What is declared

    def _wish(self, name: str) -> Resource:
        kind, r = CATALOGUE["CachedContent"], self.random
        size = r.choice((300, 5_000, 40_000, 40_000, 900_000 if r.random() < 0.1 else 9_000))
        text = f"{name} {r.randrange(10)} " + "word and 123, " * (size // 14)
        spec = {"model": r.choice(MODELS), "contents": text}
        if not self.patient and r.random() < 0.2:
            spec["expireTime"] = (self.clock.now() + r.random() * 10 * DAY).isoformat().replace("+00:00", "Z")
        else:
            spec["ttl"] = r.choice(TTLS)
        declared = kind.declare(kind.spec.model_validate(spec), {})
        ttl = getattr(declared.expiry, "ttl", None)
        lifecycle = Lifecycle(
            renew_before=ttl / 3 if ttl else None,
            create_first=r.random() < 0.7,
            retire=r.choice((timedelta(0), timedelta(minutes=10))),
        )
        return Resource(Address("CachedContent", name), declared, lifecycle, (), {}, {}, NOWHERE)

    def _job(self) -> Resource:
        kind, r = CATALOGUE["BatchJob"], self.random
        requests = [
            {
                "key": f"k{number}",
                "request": {
                    "contents": f"{number} " + "tell me more " * r.randrange(400),
                    "generationConfig": {"maxOutputTokens": r.choice((50, 400))},
                },
            }
            for number in range(r.randint(1, 5))
        ]
        spec = {"model": r.choice(MODELS), "requests": requests}
        declared = kind.declare(kind.spec.model_validate(spec), {})
        self.exact = False  # answers are bounded, and never known before
        return Resource(Address("BatchJob", "job"), declared, Lifecycle(), (), {}, {}, NOWHERE, run=Run())

    def desired(self) -> Desired:
        resources = {one.address: one for one in self.wishes.values()}
        texts = {text.digest: text for one in resources.values() for text in one.declared.attachments}
        return Desired(resources, texts, digest=str(sorted(one.spec_tag for one in resources.values())))

    # What happens

    def live(self) -> None:
        """The month, and then so long that nothing lives any more."""
        while self.clock.now() < self.end:
            if not self.patient and self.random.random() < 0.4:
                self._edit()
            self.apply()
            self.clock.advance(self.random.choice((HOUR, 5 * HOUR, DAY, 2 * DAY)) * (0.5 + self.random.random()))
        if not self.patient and self.random.random() < 0.5:
            self.wishes.clear()
            self.apply()
        self.clock.advance(20 * DAY)
        self._judge()

    def _edit(self) -> None:
        name = self.random.choice(self.names)
        if name in self.wishes and self.random.random() < 0.3:
            del self.wishes[name]
        else:
            self.wishes[name] = self._wish(name)

    def connection(self) -> Connection:
        clients = ClientFactory(
            base_url="http://emulator.invalid",
            api_version="v1beta",
            key=Key("money"),
            clock=self.clock,
            timing=self.session.project.timing,
            make_transport=lambda: EmulatorTransport(self.app, sleep=self.clock.sleep),
        )
        return Connection("money", Key("money"), clients.client, clients.server_clock.now, lambda: (), at_once=False)

    def apply(self) -> None:
        line = self.connection()
        with self.session.store.lock("apply", 0):
            request = PlanRequest(allowed=FREE_HAND, count=True)
            planned = plan(self.session, line, request, self.desired(), wait=lambda _: None)
            total = planned.plan.cost.total if planned.plan.cost else NOTHING
            if stopped := [one.code for one in planned.problems]:
                self.stopped += 1
                self.tell(f"{self.clock.now():%d %b %H:%M} stopped: {', '.join(stopped)}")
                return
            if self.limited:
                self._within_limits(planned.plan)
            found = apply(self.session, line, planned, tell=lambda _: None, stopping=Stopping(), width=1)
        done = {end.address for end in found.outcome.steps.values() if end.status is Status.DONE}
        costs = [change.cost.total for change in planned.plan.changes if change.cost and change.address in done]
        if any(change.cost.unpriced for change in planned.plan.changes if change.cost):
            self.problems.append("something has no price")
        self.planned += together(costs)
        for change in planned.plan.changes:
            if change.cost and change.address.kind == "CachedContent" and not change.cost.storage.exact:
                self.problems.append(f"the storage of {change.address} is a range: {change.cost.storage}")
        said = ", ".join(f"{change.action.value} {change.address}" for change in planned.plan.changes)
        self.tell(f"{self.clock.now():%d %b %H:%M} {said}: {total.low} to {total.high}")
        if not found.outcome.complete:
            self.problems.append(f"not done: {[end.diagnostic for end in found.outcome.steps.values()]}")

    def _within_limits(self, made) -> None:
        """What went through must be within the limits, whatever it is."""
        if made.cost is None or not made.cost.total.high:
            return
        if made.cost.total.high > LIMIT.max_cost:
            self.problems.append(f"went through at {made.cost.total.high}")
        if max(rate.month.high for rate in made.cost.after[:1]) > LIMIT.max_monthly_cost:
            self.problems.append(f"went through at {made.cost.after[0].month.high} a month")

    # What must come of it

    def bill(self) -> Decimal:
        return Decimal(str(self.app.bill()["total"]))

    def _judge(self) -> None:
        bill = self.bill()
        spent = cost(self.session, self.connection(), Desired()).spent
        storage_only = self._of_caches(bill)
        self.tell(f"planned {self.planned.low} to {self.planned.high}; spent {spent.money.low} to {spent.money.high}")
        self.tell(f"bill {bill}, of caches {storage_only}")
        if set(spent.unpriced) - {"its tokens are not counted"}:  # of jobs that still run
            self.problems.append(f"not priced in the account: {spent.unpriced}")
        if not near(spent.money, storage_only):
            self.problems.append(f"the account says {spent.money}, and the bill {storage_only}")
        if not self.patient:
            return
        if not near(self.planned, bill):
            self.problems.append(f"plans said {self.planned}, and the bill is {bill}")
        if self.exact:
            likely = self.planned.high if self.charged else self.planned.low
            if abs(likely - bill) > bill / 100:
                self.problems.append(f"plans said {likely}, and the bill is {bill}")

    def _of_caches(self, bill: Decimal) -> Decimal:
        lines = [line for line in self.app.bill()["lines"] if not str(line["kind"]).startswith("cache")]
        return bill - sum((Decimal(str(line["usd"])) for line in lines), Decimal(0))


def near(found: Money, bill: Decimal) -> bool:
    """Whether the bill lies within the bounds, give or take a millionth for rounding."""
    slack = bill / 1_000_000
    return found.low - slack <= bill <= (found.high or bill) + slack


def life(seed: int, **options) -> MoneyLife:
    one = MoneyLife(seed, **options)
    one.live()
    return one


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["--seed"]:
        one = life(int(words[1]), tell=print)
        print(*one.problems, sep="\n")
        return bool(one.problems)
    failed = 0
    lives = [life(seed) for seed in range(int(words[0]) if words else 100)]
    for seed, one in enumerate(lives):
        if one.problems:
            failed += 1
            print(f"seed {seed}: {one.problems[0]}")
    patient, stopped = sum(one.patient for one in lives), sum(one.stopped for one in lives)
    print(f"{len(lives)} lives, {patient} patient; limits stopped {stopped} plans; {failed} lives failed.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
