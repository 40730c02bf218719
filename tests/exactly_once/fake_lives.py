"""Whole lives of a project with the fake kinds: as simulator.py, with names that users choose, secrets that are shown
once, and runs that no list shows.

    python tests/exactly_once/fake_lives.py 10000            seeds 0 … 9999, on all cores, with a table of what was hit
    python tests/exactly_once/fake_lives.py --seed 17        one seed, told step by step
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import simulator
from appliers import STATE, Applier, Session
from fake_auditor import audit, paid_twice, touched_strangers
from fake_wishes import CATALOGUE, WISHES
from fakes.fake_emulator import fake_app, live
from simulator import NAMES, Life

from gemctl.core.address import Address
from gemctl.core.diagnostic import errors
from gemctl.core.mark import read
from gemctl.core.record import Intended, Op
from gemctl.core.resource import Resource
from gemctl.emulator.records import fingerprint
from gemctl.emulator.world import World
from gemctl.state import journal

MARKED = ("fakeWebhooks", "fakeTriggers")
LISTED = (*MARKED, "fakeAgents")
NOT_HERE = {"two appliers at once", "expired", "extended by hand"}
MUST_HAPPEN = (
    *(name for name in simulator.MUST_HAPPEN if name not in NOT_HERE),
    *("unheard run", "a name that was taken"),
)


class FakeSession(Session):
    catalogue = CATALOGUE


class FakeApplier(Applier):
    """A machine whose secrets go into memory, and whose person runs nothing twice."""

    def __init__(self, life: FakeLife, name: str) -> None:
        super().__init__(life, name)
        self.unheard: set[Address] = set()

    def session(self) -> Session:
        return FakeSession(self.store, super().session().clock)

    def _may(self, planned) -> bool:
        self.unheard = {found.address for found in planned.problems if found.code == "E570"}
        self.life.hits["unheard run"] += len(self.unheard)
        refused = errors(planned.problems)
        for found in refused:
            self.life.note(self.name, f"refused: {found.code} {found.detail}")
        return not refused

    def _sent(self, request) -> None:
        """Every POST that leaves must match one durable intent, and no intent is sent twice."""
        if request.method != "POST" or request.url.path.endswith("/cancel"):
            return
        durable = self.files.names.get(STATE / "journal")
        history = journal.read(bytes(durable[1])) if durable else journal.read(b"")
        open_ = [one.intent for one in history.entries if isinstance(one, Intended) and one.intent.id not in self._used]
        body, path = json.loads(request.read()), request.url.path
        if path.endswith(":rotateSigningSecret"):
            self.life.hits["rotated"] += 1
            found = [one for one in open_ if one.op is Op.ACT and path.endswith(f"{one.name}:rotateSigningSecret")]
        elif path.endswith("/fakeAgents"):
            found = [one for one in open_ if one.op is Op.CREATE and one.name == f"fakeAgents/{body['id']}"]
        elif path.endswith("/fakeRuns"):
            found = [one for one in open_ if one.op is Op.CREATE and one.address.kind == "FakeRun"]
        else:
            mark = read(body.get("displayName", body.get("name")))[1]
            found = [
                one
                for one in open_
                if one.op is Op.CREATE and one.address_tag == mark.address_tag and mark.of(one.spec_tag)
            ]
        if not found:
            self.life.problems.append(f"POST {path} without a durable intent of its own")
        else:
            self._used.add(found[-1].id)


class FakeLife(Life):
    """One seed, and one machine with a state that is not lost: agents and runs are known to nothing else."""

    machine = FakeApplier
    rooms = (None,)
    wishes = WISHES

    def __init__(self, seed: int, *, tell=None) -> None:
        self.runs: dict[str, Resource] = {}
        super().__init__(seed, tell=tell)
        self.app = fake_app(World(now=self.clock.now, ids=Random(seed), list_lag=self.app.world.list_lag))

    def _mind(self):
        return replace(super()._mind(), lose_state=False, appliers=1)

    # What people do

    def edit(self) -> None:
        r = self.random
        for _ in range(r.randint(1, 4)):
            kind, name = r.choice(tuple(self.wishes)), r.choice(NAMES[:4])
            address = Address(kind, name)
            if address in self.resources and r.random() < 0.25 and not self._is_used(address):
                self._undeclare(address)
                continue
            made = list(self.wishes[kind](r, name, self.resources))
            if made:
                self._undeclare(address)
            for resource in made:
                self.resources[resource.address] = resource
                self.note("", f"declare {resource.address} {resource.declared.fields}")
                if kind == "FakeRun":
                    self.runs[resource.declared.fields["input"]] = resource

    def _is_used(self, address: Address) -> bool:
        return any(
            ref.target == address and one.generated_by != address
            for one in self.resources.values()
            for ref in one.declared.references
        )

    def _undeclare(self, address: Address) -> None:
        for gone in [at for at, one in self.resources.items() if address in (at, one.generated_by)]:
            del self.resources[gone]
            self.note("", f"undeclare {gone}")

    def meddle(self) -> None:
        """Other hands: they delete, patch, and make what looks alike."""
        r = self.random
        rows = [row for collection in LISTED for row in live(self.app, collection)]
        what = r.random()
        if what < 0.2 and rows:
            victim = r.choice(rows)
            self.note("", f"somebody deletes {victim.name}")
            self.hits["deleted by hand"] += 1
            self._hand("DELETE", f"{victim.name}?force=true")
        elif what < 0.35 and (hooks := live(self.app, "fakeWebhooks")):
            self._hand("PATCH", r.choice(hooks).name, b'{"uri":"https://theirs.example/"}')
        elif what < 0.5:
            self.hits["a stranger's object"] += 1
            body = {"id": r.choice(NAMES[:4]), "instruction": "Theirs."}
            self._hand("POST", "fakeAgents", json.dumps(body).encode(), key="stranger")

    def _hand(self, method: str, path: str, body: bytes = b"", key: str = "hand") -> None:
        way, _, query = path.partition("?")
        pairs = tuple(tuple(pair.split("=")) for pair in query.split("&") if pair)
        headers = {"x-goog-api-key": key}
        self.app.handle(simulator.Request(method, f"/v1beta/{way}", pairs, headers, body))

    # The whole of it

    def _live(self) -> None:
        for _ in range(self.random.randint(2, 5)):
            self.edit()
            self.meddle()
            self._rough()
            self._give_up_unheard()
            self.pass_time(self.random.choice((0.0, 1.0, 10.0, 30.0, 200.0, 4_000.0, 30_000.0)))
        self._settle()
        self.hits["list lag"] += self.mind.lag > 0

    def _give_up_unheard(self) -> None:
        """A person takes out what nobody can tell of: what else is declared would wait for it."""
        for address in sorted(self.appliers[0].unheard):
            self._undeclare(address)

    def _settle(self) -> None:
        (applier,) = self.appliers
        self.pass_time(1_000.0)
        self.app.world.list_lag = timedelta(0)
        for _ in range(3):
            self._quiet()
            self._give_up_unheard()
            self.pass_time(700.0)
        self.problems += [f"touched: {what}" for what in touched_strangers(self.app, applier.key)]
        if "E571" in applier.warned or "E568" in applier.warned:
            self.hits["a name that was taken"] += 1
            self._strangers_leave()
            self._quiet()
            self.pass_time(100.0)
        if self.mind.lose_state and applier.warned & {
            "W503",
            "E504",
        }:  # a person takes the way out that is named
            self.hits["rebuilt by hand"] += 1
            applier.lose_state()
            self._quiet()
            self.pass_time(700.0)
        self._quiet()
        if self._quiet(between=0.0) != ["done"]:
            self.problems.append("the last quiet run was not complete")
        # Of a rotation that is delivered twice the second counts, and nobody hears of it.
        secrets = None if self.hits["duplicate"] else applier.secrets
        self.problems += audit(self.app, self.desired(), "sim4sim4", "sim", secrets, applier.key)
        if not self.hits["duplicate"]:
            self.problems += paid_twice(self.app, self.runs)
        effects = len(self.app.effects)
        if self._quiet(between=0.0) != ["done"] or len(self.app.effects) != effects:
            self.problems.append("one run more still had something to do")
        if any(record.undelivered for record in applier.store.load().ledger.records.values()):
            self.problems.append("a secret counts as undelivered")
        if self.app.bugs:
            self.problems.append(f"the emulator broke: {self.app.bugs[0]!r}")

    def _strangers_leave(self) -> None:
        """Agents whose names stood in the way."""
        makers = {effect.name: effect.key for effect in self.app.effects if effect.kind == "created"}
        mine = fingerprint(self.appliers[0].key)
        for row in live(self.app, "fakeAgents"):
            if makers[row.name] != mine:
                self._hand("DELETE", row.name)


class ForgetfulLife(FakeLife):
    """The same with a state that is lost, of what marks alone can find again."""

    wishes = MappingProxyType({kind: WISHES[kind] for kind in ("FakeWebhook",)})

    def _mind(self):
        return replace(super()._mind(), lose_state=True)

    def _rough(self) -> None:
        if self.random.random() < 0.3:
            self.note("", "the state is lost")
            self.hits["state lost"] += 1
            self.appliers[0].lose_state()
        super()._rough()


def live_one(seed: int):
    """As simulator.live_one; every fourth life loses its state."""
    life = (FakeLife if seed % 4 else ForgetfulLife)(seed)
    return seed, life.live(), life.hits, len(life.resources)


if __name__ == "__main__":
    sys.exit(simulator.main(FakeLife, live_one, MUST_HAPPEN))
