"""Whole lives of a project under a virtual clock and one seed: edits, faults, deaths, expiries, other hands.

Everything random comes from the seed, so that a seed replays to the letter. `appliers.py` is the machine that runs
gemctl, `options.py` is what may be declared; here is what befalls them, and what must be true in the end.

    python tests/exactly_once/simulator.py 10000             seeds 0 … 9999, on all cores, with a table of what was hit
    python tests/exactly_once/simulator.py --seed 17         one seed, told step by step
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from appliers import DEATHS, ERRORS, Applier, Turns
from auditor import audit, live_objects, mark_of, undelivered
from fault_transport import KINDS, SHORT
from random_resources import WISHES, job_in_parts
from values import ManualClock

from gemctl.core.address import Address
from gemctl.core.digest import canonical
from gemctl.core.lifetime import Once, Renewable
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired, Resource
from gemctl.emulator.app import App, Request
from gemctl.emulator.world import World
from gemctl.kinds import CATALOGUE
from gemctl.manifest.refs import link

NAMES = "abcdefghij"
MOST_JOBS = 80  # of one life
LIFETIMES = {kind.collection: kind.lifetime for kind in CATALOGUE.values()}
KINDS_IN_USE = ("CachedContent", "CachedContent", *sorted(WISHES))  # and most of them are caches
MUST_HAPPEN = (  # what a run of ten thousand lives has to hit fifty times, or it has not looked
    *KINDS,
    SHORT,
    *(f"death {place}" for place in DEATHS),
    *(f"disk {place}" for place in ERRORS),
    "torn write",
    "power cut",
    "state lost",
    "list lag",
    "expired",
    "deleted by hand",
    "extended by hand",
    "a stranger's object",
    "job in parts",
    "runs fed",
    "two appliers at once",
    "second process refused by the lock",
    "sink failed",
    "rotated",
)


@dataclass
class Mind:
    """How this life goes: probabilities and which misfortunes are in it."""

    rate: float  # of faults, per request
    death: float  # of a run
    disk: float  # errors, of a run that doesn't die
    kinds: tuple[str, ...]
    power: bool  # a death is a power cut
    late: float  # seconds until a late request takes effect, at most
    lag: float  # seconds that lists lag behind
    lose_state: bool
    appliers: int  # machines, each with a state of its own
    forgets: float = 0.0  # lists that lack rows for once
    jobs: int | None = None  # so many may be in the service at a time


class Life:
    """One seed."""

    machine = Applier
    rooms: tuple[int | None, ...] = (None, 1, 3)  # for jobs, of which chance takes one

    def __init__(self, seed: int, *, tell=None) -> None:
        self.random = Random(seed)
        self.seed, self.tell = seed, tell
        self.clock = ManualClock()
        self.app = App(World(now=self.clock.now, ids=Random(seed), list_lag=timedelta(0)), min_cache_tokens=1)
        self.hits: Counter[str] = Counter()
        self.problems: list[str] = []
        self.calm = True
        self.mind = self._mind()
        self.app.world.list_lag = timedelta(seconds=self.mind.lag)
        self.resources: dict[Address, Resource] = {}
        self.ran: dict[tuple[Address, bytes], set[str]] = {}  # the spec tags that a declared run has had
        self.trace: list[tuple] = []
        self.turns = Turns(self.random)
        self.appliers = [self.machine(self, name) for name in "AB"[: self.mind.appliers]]
        self._late: list[tuple] = []

    def _mind(self) -> Mind:
        r = self.random
        return Mind(
            rate=r.choice((0.0, 0.1, 0.3, 0.6)),
            death=r.choice((0.0, 0.3, 0.8)),
            disk=r.choice((0.0, 0.0, 0.5)),
            kinds=tuple(r.sample(KINDS, r.choice((1, 1, 2, 3, len(KINDS))))),
            power=r.random() < 0.3,
            late=r.choice((20.0, 100.0, 400.0)),
            lag=r.choice((0.0, 0.0, 30.0)),
            lose_state=r.random() < 0.2,
            appliers=2 if r.random() < 0.15 else 1,
            forgets=r.choice((0.0, 0.0, 0.2, 0.7)),
            jobs=Random(f"{self.seed} jobs").choice(self.rooms),  # of its own: lives that have none stay as they were
        )

    def note(self, who: str, what: str) -> None:
        self.trace.append((self.clock.now(), who, what))
        if self.tell:
            self.tell(f"{self.clock.now():%d %H:%M:%S} {who} {what}")

    # Time and the wire

    def pass_time(self, seconds: float) -> None:
        """Time passes; what was late arrives on the way."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while self._late and self._late[0][0] <= end:
            due, _, request = self._late.pop(0)
            if due > self.clock.now():
                self.clock.advance(due - self.clock.now())
            self.note("", f"late {request.method} arrives")
            self.app.handle(request)
        if end > self.clock.now():
            self.clock.advance(end - self.clock.now())

    def postpone(self, request) -> None:
        """The service will carry out this request when nobody listens any more."""
        due = self.clock.now() + timedelta(seconds=self.random.uniform(1, self.mind.late))
        headers = {k.lower(): v for k, v in request.headers.items()}
        made = Request(
            request.method, request.url.path, tuple(request.url.params.multi_items()), headers, request.read()
        )
        self._late.append((due, len(self._late), made))
        self._late.sort(key=lambda one: one[:2])

    # What people do

    def edit(self) -> None:
        r = self.random
        for _ in range(r.randint(1, 4)):
            kind, name = r.choice(KINDS_IN_USE), r.choice(NAMES)
            address = Address(kind, name)
            used = any(ref.target == address for one in self.resources.values() for ref in one.declared.references)
            there = [
                at for at in self.resources if at == address or (kind == "BatchJob" and at.name.startswith(f"{name}."))
            ]
            if there and not used and r.random() < 0.25:
                wish = {}
                self.note("", f"undeclare {address}")
            elif kind == "BatchJob" and r.random() < 0.4:
                wish = job_in_parts(r, name, self.resources)
                self.hits["job in parts"] += 1
            else:
                wish = {address: WISHES[kind](r, name, self.resources)}
            for at in there:
                del self.resources[at]
            self.resources |= wish
            for at, one in wish.items():
                self.note("", f"declare {at} {one.declared.fields} {one.lifecycle}")

    def meddle(self) -> None:
        """Other hands: deleting and extending behind our back, strangers' objects."""
        r = self.random
        live = sorted(live_objects(self.app).values(), key=lambda effect: effect.name)
        what = r.random()
        if what < 0.2 and live:
            victim = r.choice(live)
            self.note("", f"somebody deletes {victim.name}")
            self.hits["deleted by hand"] += 1
            self._hand("DELETE", victim.name)
        elif what < 0.35 and live:
            victim = r.choice(live)
            self.hits["extended by hand"] += 1
            self._hand("PATCH", victim.name, b'{"ttl":"90000s"}')
        elif what < 0.45:
            self.hits["a stranger's object"] += 1
            contents = [{"role": "user", "parts": [{"text": "x"}]}]
            body = {"model": "models/gemini-3.8-flash", "displayName": "theirs", "contents": contents}
            self._hand("POST", "cachedContents", json.dumps(body).encode(), key="stranger")

    def _hand(self, method: str, path: str, body: bytes = b"", key: str = "hand") -> None:
        self.app.handle(Request(method, f"/v1beta/{path}", (), {"x-goog-api-key": key}, body))

    def desired(self) -> Desired:
        resources, unlike = link(dict(sorted(self.resources.items())), CATALOGUE)
        assert not unlike
        for address, one in resources.items():
            if one.run:
                self.ran.setdefault((address, self._own(address)), set()).add(one.spec_tag)
        texts = {a.digest: a for one in resources.values() for a in one.declared.attachments}
        return Desired(MappingProxyType(resources), MappingProxyType(texts), (), "sim")

    def _own(self, address: Address) -> bytes:
        """What is declared under this address itself, whatever becomes of what it refers to."""
        return canonical(self.resources[address].declared.fields)

    def audit(self) -> tuple[str, ...]:
        """What is wrong, of all that there is."""
        ran = {at: self.ran.get((at, self._own(at)), set()) for at, one in self.resources.items() if one.run}
        return audit(self.app, self.desired(), "sim4sim4", "sim", self.clock.now(), ran).problems

    # The whole of it

    def live(self) -> list[str]:
        """The whole life. Returns what is wrong at its end; nothing when all is well."""
        try:
            self._live()
        except Exception as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        return self.problems

    def _live(self) -> None:
        for _ in range(self.random.randint(2, 5)):
            self.edit()
            self.meddle()
            if self.mind.lose_state and self.random.random() < 0.3:
                self.note("", "the state is lost")
                self.hits["state lost"] += 1
                self.random.choice(self.appliers).lose_state()
            self._rough()
            self.pass_time(self.random.choice((0.0, 1.0, 10.0, 30.0, 200.0, 4_000.0, 30_000.0)))
        self._settle()
        self.hits["list lag"] += self.mind.lag > 0
        self.hits["expired"] += sum(effect.kind == "expired" for effect in self.app.effects)
        if self._bounded():
            self.hits["bounded lives"] += 1
            self._never_two_at_once()

    def _rough(self) -> None:
        """Runs with everything that may befall them, at once if there are two machines, or one after the other."""
        chosen = self.random.sample(self.appliers, self.random.randint(1, len(self.appliers)))
        self.hits["two appliers at once"] += len(chosen) > 1
        self.calm = False
        self.turns.together([applier.run for applier in chosen])
        self.calm = True

    def _bounded(self) -> bool:
        """True when what may be promised without ifs applies: one writer with a durable state, and nothing surfaces
        after `settle`."""
        return (
            not self.hits["duplicate"]
            and not self.hits["state lost"]
            and len(self.appliers) == 1
            and self.mind.late + self.mind.lag < 110
        )

    def _never_two_at_once(self) -> None:
        live: dict[str, str] = {}
        for effect in self.app.effects:
            mark = mark_of(effect)
            kind = LIFETIMES.get(effect.collection)
            if effect.kind == "deleted" or (effect.kind == "expired" and not isinstance(kind, Once)):
                live.pop(effect.name, None)
            elif effect.kind == "created" and mark and isinstance(kind, Renewable | Once):
                same = [name for name, shown in live.items() if shown == effect.display_name]
                if same and not self._leaving(same, effect):
                    self.problems.append(f"two at once: {effect.name} was made beside {same}")
                live[effect.name] = effect.display_name

    def _leaving(self, names: list[str], effect) -> bool:
        """A generation that is being retired may be declared again before it is gone."""
        last = {one.name: one for one in self.app.effects if one.seq < effect.seq and one.kind == "patched"}
        soon = effect.at + timedelta(minutes=10, seconds=1)
        return all(name in last and last[name].expire_time <= soon for name in names)

    def _settle(self) -> None:
        self.pass_time(1_000.0)
        self.app.world.list_lag = timedelta(0)
        self._quiet()
        self._feed()
        if len(self.appliers) > 1:
            # What the other is retiring is no business of ours, and stands in the way (E504) until it has ended.
            self.pass_time(700.0)
        statuses = self._clean_up(self._quiet(between=0.0))
        if self._a_file_stands_in_the_way():
            self.hits["a file of the other waited for"] += 1
            self.pass_time(48 * 3600.0)
            self._quiet()  # caches have ended as well
            self.pass_time(700.0)
            statuses = self._clean_up(self._quiet(between=0.0))
        if self._needs_a_person():
            # A state was lost while a create was under way or lists lagged, and its declaration was changed or removed
            # since: what surfaces then looks like another writer's. gemctl says so, and names the way out.
            # Nothing else may be left to a person.
            self.hits["rebuilt by hand"] += 1
            for applier in self.appliers:
                applier.lose_state()
            self._quiet()
            self._feed()
            self.pass_time(700.0)
            statuses = self._clean_up(self._quiet(between=0.0))
        if statuses != ["done"] * len(statuses):
            self.problems.append(f"the second quiet run ended as {statuses}")
        self.problems += self.audit()
        if len(self.appliers) == 1 and not self.hits["duplicate"]:  # of two, the other may have rotated it
            self.problems += undelivered(self.app, self.desired(), self.appliers[0].secrets)
        effects = len(self.app.effects)
        if set(self._quiet(between=0.0)) != {"done"} or len(self.app.effects) != effects:
            self.problems.append("a third run still had something to do")
        for applier in self.appliers:
            self._compare_state(applier)
        if self.app.bugs:
            self.problems.append(f"the emulator broke: {self.app.bugs[0]!r}")

    def _feed(self) -> None:
        """Runs that wait for room are made by one run after the other."""
        for _ in range(MOST_JOBS):
            if not any(applier.queued for applier in self.appliers):
                return
            self.hits["runs fed"] += 1
            self.pass_time(10.0)
            self._quiet()

    def _clean_up(self, statuses: list[str]) -> list[str]:
        """A job that has ended is harvested by one run, and cleaned up by the next."""
        ran = any(effect.collection == "batches" for effect in self.app.effects)
        return self._quiet(between=0.0) if ran else statuses

    def _quiet(self, between: float = 1.0) -> list[str]:
        """One undisturbed run of each machine, `between` seconds apart: none of them when nothing may fall due."""
        statuses = []
        for applier in self.appliers:
            statuses.append(applier.run())
            self.pass_time(between)
        return statuses

    def _a_file_stands_in_the_way(self) -> bool:
        """One of two machines made a file, which lists lagged to show, and its declaration was changed: the other one's
        upload of what is declared stands beside it until it ends by itself.
        """
        warned = set().union(*(applier.warned for applier in self.appliers))
        uploaded = any(effect.collection == "files" for effect in self.app.effects)
        return len(self.appliers) > 1 and uploaded and "E504" in warned and not self.hits["state lost"]

    def _needs_a_person(self) -> bool:
        """Also where gemctl has nothing to say: it does not list kinds of which nothing is declared or recorded."""
        warned = set().union(*(applier.warned for applier in self.appliers))
        wanted = {address.kind for address in self.resources}
        possible = (CATALOGUE[name] for name in KINDS_IN_USE)
        unseen = bool(self.mind.lag) and any(kind.remote and kind.name not in wanted for kind in possible)
        unsaid = unseen and self.audit()
        return bool(self.hits["state lost"] and (unsaid or warned & {"W503", "E504"}))

    def _compare_state(self, applier: Applier) -> None:
        ledger = applier.store.load().ledger
        bound = {record.name for address, record in ledger.records.items() if self._must_be_live(address)}
        live = live_objects(self.app)
        ours = {e.name for e in live.values() if (m := mark_of(e)) and m.owner and e.collection != "batches"}
        ours -= self._optional(ledger)
        if not bound <= set(live) or ours - bound - set(ledger.retiring):
            self.problems.append(f"bindings and live objects differ: {sorted(bound ^ ours)}")

    def _must_be_live(self, address: Address) -> bool:
        kind, resource = CATALOGUE[address.kind], self.resources.get(address)
        kept = kind.remote and not kind.once
        return kept and not (resource and resource.lifecycle.on_demand)

    def _optional(self, ledger: Ledger) -> set[str]:
        """Names of what is bound and may be live or not: it is made when it is needed."""
        return {record.name for address, record in ledger.records.items() if not self._must_be_live(address)}


def live_one(seed: int) -> tuple[int, list[str], Counter[str], int]:
    """The seed, what went wrong, what was hit, and how many resources were declared in the end."""
    life = Life(seed)
    return seed, life.live(), life.hits, len(life.resources)


def main(new_life=Life, live_one=live_one, must_happen=MUST_HAPPEN) -> int:
    if sys.argv[1] == "--seed":
        life = new_life(int(sys.argv[2]), tell=print)
        print(life.mind)
        found = life.live()
        print("\n".join(found) or "all is well")
        return bool(found)
    from concurrent.futures import ProcessPoolExecutor

    count, started = int(sys.argv[1]), time.monotonic()
    hits: Counter[str] = Counter()
    bad = declared = 0
    with ProcessPoolExecutor(initializer=gc.freeze) as pool:
        for seed, found, seen, resources in pool.map(live_one, range(count), chunksize=20):
            hits += seen
            declared += resources
            if found:
                bad += 1
                print(f"seed {seed}: {found[0]}")
    for name, times in sorted(hits.items()):
        print(f"{times:8}  {name}")
    least = count // 200
    missed = [name for name in must_happen if hits[name] < least]
    for name in missed:
        print(f"hit less than {least} times: {name}")
    print(f"{declared / count:.1f} resources a life; {time.monotonic() - started:.0f} s")
    print(f"{bad} of {count} lives went wrong")
    return bool(bad or missed)


if __name__ == "__main__":
    sys.exit(main())
