"""Whole lives of a project with agents: as simulator.py, with names that users choose, secrets that are sent and
secrets that are shown once, schedules that the service keeps, and runs that no list shows.

    python tests/exactly_once/agent_lives.py 10000           seeds 0 … 9999, on all cores, with a table of what was hit
    python tests/exactly_once/agent_lives.py --seed 17       one seed, told step by step
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import simulator
from agent_auditor import CHOSEN, MARKED, audit, inputs, live, paid_twice, touched_strangers, two_at_once
from agent_wishes import BUILT_IN, WISHES, value_name
from appliers import STATE, Applier, Session
from simulator import NAMES, Life

from gemctl.core.address import Address
from gemctl.core.diagnostic import errors
from gemctl.core.mark import read
from gemctl.core.record import Intended, Op
from gemctl.core.resource import Resource
from gemctl.emulator.app import App
from gemctl.emulator.records import fingerprint
from gemctl.emulator.world import World
from gemctl.state import journal
from gemctl.workflows import secrets

LISTED = (*MARKED, *CHOSEN)
NOT_HERE = {"two appliers at once", "expired", "extended by hand", "job in parts", "runs fed"}
MUST_HAPPEN = (
    *(name for name in simulator.MUST_HAPPEN if name not in NOT_HERE),
    *("unheard run", "a name that was taken"),
    *("value changed", "value taken back", "value changed during a run", "value missing", "secret changed by hand"),
    *("schedule paused by hand", "carried on"),
)
TAKEN = {"E571", "E568"}


@dataclass
class AgentSession(Session):
    """`values` are the variables where gemctl runs: they may change while it does."""

    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def env(self):
        return self.values


class AgentApplier(Applier):
    """A machine whose secrets go into memory, and whose person runs nothing twice."""

    def __init__(self, life: AgentLife, name: str) -> None:
        super().__init__(life, name)
        self.unheard: set[Address] = set()

    def session(self) -> Session:
        usual = super().session()
        return AgentSession(self.store, usual.clock, stack=usual.stack, values=self.life.values)

    def _boundary(self, name: str) -> None:
        super()._boundary(name)
        if not self.life.calm and self.random.random() < 0.01:
            self.life.hits["value changed during a run"] += 1
            self.life.change_a_value()

    def _may(self, planned) -> bool:
        self.unheard = {found.address for found in planned.problems if found.code == "E570"}
        self.life.hits["unheard run"] += len(self.unheard)
        refused = errors(planned.problems)
        for found in refused:
            self.life.hits["value missing"] += found.code == "E274"
            self.life.note(self.name, f"refused: {found.code} {found.address} {found.detail}")
        return not refused

    def _sent(self, request) -> None:
        """Every POST that leaves must match one durable intent, and no intent is sent twice."""
        if request.method != "POST" or request.url.path.endswith("/cancel"):
            return
        durable = self.files.names.get(STATE / "journal")
        history = journal.read(bytes(durable[1])) if durable else journal.read(b"")
        open_ = [one.intent for one in history.entries if isinstance(one, Intended) and one.intent.id not in self._used]
        body, path = json.loads(request.read()), request.url.path
        collection = path.rpartition("/")[2]
        if path.endswith(":rotateSigningSecret"):
            self.life.hits["rotated"] += 1
            found = [one for one in open_ if one.op is Op.ACT and path.endswith(f"{one.name}:rotateSigningSecret")]
        elif collection in CHOSEN:
            found = [one for one in open_ if one.op is Op.CREATE and one.name == f"{collection}/{body['id']}"]
        elif collection == "interactions":
            self.life.hits["carried on"] += "previous_interaction_id" in body
            found = [one for one in open_ if one.op is Op.CREATE and one.address.kind == "Interaction"]
        else:
            mark = read(body.get("display_name", body.get("name")))[1]
            found = [
                one
                for one in open_
                if one.op is Op.CREATE and one.address_tag == mark.address_tag and mark.of(one.spec_tag)
            ]
        if not found:
            self.life.problems.append(f"POST {path} without a durable intent of its own")
        else:
            self._used.add(found[-1].id)


def _quick(value: str, salt: str, whose: str) -> str:
    """A keyed digest that costs nothing: lives make thousands."""
    return f"scrypt:{hashlib.sha256(f'{salt}{whose}{value}'.encode()).hexdigest()[:32]}"


class AgentLife(Life):
    """One seed, and one machine with a state that is not lost: agents, credentials and interactions are known to
    nothing else.
    """

    machine = AgentApplier
    rooms = (None,)
    wishes = WISHES

    def __init__(self, seed: int, *, tell=None) -> None:
        self.runs: dict[str, Resource] = {}
        self.values: dict[str, str] = {}
        self.before: dict[str, str] = {}
        self.drawn = 0
        super().__init__(seed, tell=tell)
        world = World(now=self.clock.now, ids=Random(seed), list_lag=self.app.world.list_lag)
        self.app = App(world, interaction_running=timedelta(minutes=1))
        for name in NAMES[:4]:
            self._new_value(name)

    def _mind(self):
        return replace(super()._mind(), lose_state=False, appliers=1)

    def live(self) -> list[str]:
        with patch.object(secrets, "keyed", _quick):
            return super().live()

    # What people do

    def edit(self) -> None:
        r = self.random
        for _ in range(r.randint(1, 4)):
            kind, name = r.choice(tuple(self.wishes)), r.choice(NAMES[:4])
            address = Address(kind, name)
            if address in self.resources and r.random() < 0.25 and not self._users(address):
                self._undeclare(address)
                continue
            made = self.wishes[kind](r, name, self.resources)
            self.resources[address] = made
            self.note("", f"declare {address} {made.declared.fields}")
            self.runs |= inputs([made])
        if r.random() < 0.5:
            self.change_a_value()
        if r.random() < 0.1:
            name = value_name(r.choice(NAMES[:4]))
            self.values.pop(name, None)
            self.note("", f"unset {name}")

    def change_a_value(self) -> None:
        self.hits["value changed"] += 1
        self._new_value(self.random.choice(NAMES[:4]))

    def _new_value(self, name: str) -> None:
        """Another value, or the one before it: a person has thought better of it."""
        variable = value_name(name)
        before, now = self.before.get(variable), self.values.get(variable)
        if before and self.random.random() < 0.4:
            self.hits["value taken back"] += 1
            self.values[variable] = before
        else:
            self.drawn += 1
            self.values[variable] = f"value-{self.drawn}"
        if now:
            self.before[variable] = now
        self.note("", f"{variable} is {self.values[variable]}")

    def _users(self, address: Address) -> list[Address]:
        """What refers to it."""
        return [
            at for at, one in self.resources.items() if any(ref.target == address for ref in one.declared.references)
        ]

    def _undeclare(self, address: Address) -> None:
        """With all that refers to it."""
        for user in self._users(address):
            self._undeclare(user)
        if self.resources.pop(address, None):
            self.note("", f"undeclare {address}")

    def meddle(self) -> None:
        """Other hands: they delete, patch, and make what looks alike; a moment later, as times tell of that."""
        self.pass_time(0.5)
        r = self.random
        what = r.random()
        if what < 0.2 and (rows := [row for collection in LISTED for row in live(self.app, collection)]):
            victim = r.choice(rows)
            self.note("", f"somebody deletes {victim.name}")
            self.hits["deleted by hand"] += 1
            self._hand("DELETE", victim.name)
        elif what < 0.3 and (hooks := live(self.app, "webhooks")):
            self._hand("PATCH", r.choice(hooks).name, {"uri": "https://theirs.example/"})
        elif what < 0.4 and (triggers := live(self.app, "triggers")):
            self.hits["schedule paused by hand"] += 1
            self._hand("PATCH", r.choice(triggers).name, {"status": "paused"})
        elif what < 0.55 and (kept := [row for row in live(self.app, "credentials") if _secrets_of(row)]):
            self.hits["secret changed by hand"] += 1
            row = r.choice(kept)
            self._hand("PATCH", row.name, {"type": row.body["type"], **dict.fromkeys(_secrets_of(row), "theirs")})
        elif what < 0.7:
            self.hits["a stranger's object"] += 1
            name = r.choice(NAMES[:4])
            if r.random() < 0.5:
                body = {"id": name, "base_agent": BUILT_IN, "system_instruction": "Theirs."}
                self._hand("POST", "agents", body, key="stranger")
            else:
                body = {"id": name, "type": "bearer_token", "token": "theirs"}
                self._hand("POST", "credentials", body, key="stranger")
            self.pass_time(1.0)  # what is made in the same second as ours, under the same name, nobody can tell from it

    def _hand(self, method: str, path: str, body: Mapping | None = None, key: str = "hand") -> None:
        self.note("", f"{key}: {method} {path} {body or ''}")
        super()._hand(method, path, b"" if body is None else json.dumps(body).encode(), key)

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
        if self._bounded():
            self.hits["bounded lives"] += 1
            self.problems += two_at_once(self.app)

    def _give_up_unheard(self) -> None:
        """A person takes out what nobody can tell of: what else is declared would wait for it."""
        for address in sorted(self.appliers[0].unheard):
            self._undeclare(address)

    def _settle(self) -> None:
        (applier,) = self.appliers
        self.pass_time(1_000.0)
        self.app.world.list_lag = timedelta(0)
        for name in NAMES[:4]:
            if value_name(name) not in self.values:
                self._new_value(name)
        for _ in range(3):
            self._quiet()
            self._give_up_unheard()
            self.pass_time(700.0)
        self.problems += [f"touched: {what}" for what in touched_strangers(self.app, applier.key)]
        if applier.warned & TAKEN:
            self.hits["a name that was taken"] += 1
            self._strangers_leave()
            self._quiet()
            self.pass_time(100.0)
        if self.mind.lose_state and applier.warned & {"W503", "E504"}:  # a person takes the way out that is named
            self.hits["rebuilt by hand"] += 1
            applier.lose_state()
            self._quiet()
            self.pass_time(700.0)
        for _ in range(3):  # one that carries on another one is sent when that has ended
            self._quiet()
            self.pass_time(700.0)
        if self._quiet(between=0.0) != ["done"]:
            self.problems.append("the last quiet run was not complete")
        # Of a rotation that is delivered twice the second counts, and nobody hears of it.
        sinks = None if self.hits["duplicate"] else applier.secrets
        self.problems += audit(self.app, self.desired(), "sim4sim4", "sim", sinks, applier.key, self.values)
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
        """What has a name that stood in the way."""
        makers = {effect.name: effect.key for effect in self.app.effects if effect.kind == "created"}
        mine = fingerprint(self.appliers[0].key)
        for row in (row for collection in CHOSEN for row in live(self.app, collection)):
            if makers[row.name] != mine:
                self._hand("DELETE", row.name)


def _secrets_of(row) -> tuple[str, ...]:
    """The fields of a credential that are secret. The service moves the times of one with oauth2 by itself, so that
    nobody can see that it was changed by hand; so it is not.
    """
    return {"bearer_token": ("token",), "environment_variable": ("value",)}.get(row.body["type"], ())


class ForgetfulLife(AgentLife):
    """The same with a state that is lost, of what marks alone can find again."""

    wishes = MappingProxyType({kind: WISHES[kind] for kind in MARKED.values()})

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
    life = (AgentLife if seed % 4 else ForgetfulLife)(seed)
    return seed, life.live(), life.hits, len(life.resources)


def new_life(seed: int, *, tell=None) -> AgentLife:
    return (AgentLife if seed % 4 else ForgetfulLife)(seed, tell=tell)


if __name__ == "__main__":
    sys.exit(simulator.main(new_life, live_one, MUST_HAPPEN))
