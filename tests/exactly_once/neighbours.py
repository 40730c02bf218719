"""Two stacks of one project, another project and a stranger on one key, under a virtual clock and one seed.

Each of the three has a state, manifests and misfortunes of its own; between and during their runs objects are handed
over, imported, taken over and let go, gemctl.yaml is edited, states are lost or put back, and a stranger creates,
extends and deletes by hand. What must be true: nobody ever writes to what belongs to another. Whose an object is,
`Deeds` knows from the emulator's effect log and from what was asked for, never from gemctl's state.

    python tests/exactly_once/neighbours.py 2000             seeds 0 … 1999, on all cores, with a table of what was hit
    python tests/exactly_once/neighbours.py --seed 17        one seed, told step by step
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from types import MappingProxyType

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from appliers import SETTLE, STACK, Turns
from auditor import live_objects, mark_of
from deeds import Deeds, Watched
from memory_files import Died
from random_resources import WISHES
from simulator import KINDS_IN_USE, Life
from tenants import Tenant, Visit

from gemctl.core.address import Address
from gemctl.core.errors import GemctlError
from gemctl.core.lifetime import Renewable
from gemctl.core.mark import owner_tag
from gemctl.core.project import Project, Timing
from gemctl.emulator.world import World
from gemctl.kinds import CATALOGUE
from gemctl.workflows import others
from gemctl.workflows.adopt import adopt
from gemctl.workflows.handover import both_locked, hand_over
from gemctl.workflows.ledger import remove

NAMES = "abcde"
STRANGER = "stranger"
RETIRED = timedelta(minutes=11)  # what is being retired ends sooner
MUST_HAPPEN = (
    "handed over",
    "handover interrupted",
    "handover finished later",
    "both go on after an interruption",
    "handover refused",
    "handover refused by the lock",
    "handed over in gemctl.yaml",
    "imported",
    "import refused",
    "let go",
    "taken over",
    "state lost",
    "old state put back",
    "runs at once",
    "deleted by hand",
    "extended by hand",
    "a stranger's object",
)


class Street(Life):
    """One seed."""

    rooms = (None,)

    def __init__(self, seed: int, *, tell=None) -> None:
        super().__init__(seed, tell=tell)
        self.deeds = Deeds({name: name for name in ("dev", "prod", "rival")})
        self.app = Watched(World(now=self.clock.now, ids=Random(seed), list_lag=timedelta(0)), self._seen_effects)
        self.app.world.list_lag = timedelta(seconds=self.mind.lag)
        self.turns = Turns(self.random)
        self.tenants = [
            Tenant(self, "dev", "shop1234", "dev"),
            Tenant(self, "prod", "shop1234", "prod"),
            Tenant(self, "rival", "rival123", "only"),
        ]
        self.moving: dict[str, tuple[Tenant, Tenant, Address]] = {}  # handovers that are not finished, by live name
        self.freed: set[str] = set()  # what somebody has let go
        self.unsure: set[str] = set()  # what somebody may have imported: the command did not end
        self.unwritten: list[tuple[Tenant, Address, str]] = []  # lines that gemctl.yaml still lacks

    def project_of(self, tenant: Tenant) -> Project:
        stacks = {
            one.stack: replace(STACK, name=one.stack, imports=MappingProxyType(dict(one.imports)))
            for one in tenant.family
        }
        timing = Timing(timedelta(seconds=60), SETTLE)
        return Project(tenant.identity, tenant.identity, next(iter(stacks)), stacks, timing=timing)

    def _seen_effects(self, then: dict | None) -> None:
        self.deeds.read(self.app.effects, then)

    def postpone(self, request) -> None:
        before = {id(one[2]) for one in self._late}
        super().postpone(request)
        (new,) = [one[2] for one in self._late if id(one[2]) not in before]
        self.app.remembered[id(new)] = dict(self.deeds.rights)

    # Moves

    def edit_one(self, tenant: Tenant) -> None:
        r = self.random
        sibling = r.choice(tenant.family)
        for _ in range(r.randint(1, 3)):
            kind, name = r.choice(KINDS_IN_USE), r.choice(NAMES)
            address = Address(kind, name)
            used = any(ref.target == address for one in tenant.resources.values() for ref in one.declared.references)
            if address in tenant.resources and not used and r.random() < 0.3:
                del tenant.resources[address]
            elif sibling.resources and r.random() < 0.2:
                address = r.choice(sorted(sibling.resources))
                tenant.declare(address, sibling.resources[address], sibling.resources)
            elif address not in tenant.let_go:
                tenant.resources[address] = WISHES[kind](r, name, tenant.resources)

    def stranger(self) -> None:
        """Creates, and does to anything that is live what hands can do."""
        r, what = self.random, self.random.random()
        live = sorted(live_objects(self.app).values(), key=lambda effect: effect.name)
        if what < 0.5:
            self.hits["a stranger's object"] += 1
            contents = [{"role": "user", "parts": [{"text": "x"}]}]
            body = {"model": "models/gemini-3.8-flash", "displayName": "theirs", "contents": contents, "ttl": "80000s"}
            self._hand("POST", "cachedContents", json.dumps(body).encode(), key=STRANGER)
        elif live and what < 0.65:
            self.hits["deleted by hand"] += 1
            self._hand("DELETE", r.choice(live).name, key=STRANGER)
        elif live and what < 0.8:
            self.hits["extended by hand"] += 1
            self._hand("PATCH", r.choice(live).name, b'{"ttl":"90000s"}', key=STRANGER)

    def handover_job(self):
        """A handover of something that is bound; None where there is nothing."""
        source, target = self.random.sample(self.tenants[0].family, 2)
        bound = source.store.load().ledger.records
        found = [at for at in sorted(bound) if at in source.resources and CATALOGUE[at.kind].remote]
        free = [at for at in found if at not in target.store.load().ledger.records]
        if not found:
            return None
        address = self.random.choice(free if free and self.random.random() < 0.8 else found)
        name = bound[address].name
        if name in source.imports.values() and self.random.random() < 0.7:
            return None
        if name in self.moving and self.moving[name][1] is not target:
            return None
        if self.random.random() < 0.8:
            target.declare(address, source.resources[address], source.resources)
        return lambda: self.hand_over(source, target, address)

    def hand_over(self, source: Tenant, target: Tenant, address: Address) -> bool:
        """One `gemctl handover`; whether it ended well."""
        died, one, other = False, source.session(), target.session()
        if not self.turns.busy:
            source.expect_a_misfortune()
            target.expect_a_misfortune()
        try:
            with both_locked(one, other, 0):
                return self._locked_handover(source, one, target, other, address)
        except Died:
            died = True
        except (GemctlError, OSError) as error:  # of the locks
            self.note(source.name, f"no handover of {address} to {target.name}: {error}")
            self.hits["handover refused by the lock"] += 1
        finally:
            for tenant in (source, target):
                tenant.files.left(power=died and self.mind.power)
        return False

    def _locked_handover(self, source: Tenant, one: Visit, target: Tenant, other: Visit, address: Address) -> bool:
        record = source.store.load().ledger.records.get(address)
        name = record.name if record else next((n for n, move in self.moving.items() if move[2] == address), "")
        began, before = name in self.moving, self.deeds.rights.get(name, frozenset())
        if not began:
            self.deeds.give(name, source.name, target.name)
            self.deeds.receivers[name] = self.deeds.prints[target.name]
        self.moving[name] = (source, target, address)
        try:
            hand_over(one, source._line(), other, target._line(), target.desired(), [address])
        except OSError as error:
            self.note(source.name, f"handover of {name}: {error}")
            self.hits["handover interrupted"] += 1
            self._obsolete(name)
            return False
        except Died:
            self.note(source.name, f"handover of {name} interrupted")
            self.hits["handover interrupted"] += 1
            self._obsolete(name)
            raise
        except GemctlError as error:
            self.note(source.name, f"no handover of {name} to {target.name}: {error}")
            self.hits["handover refused"] += 1
            if not began:
                del self.moving[name]
                self._settled(name, before)
            return False
        self.note(source.name, f"handed {name} ({address}) to {target.name}")
        self.hits["handover finished later" if began else "handed over"] += 1
        del self.moving[name]
        self._settled(name, frozenset({self.deeds.prints[target.name]}))
        if self._unused(source, address):
            source.resources.pop(address, None)
        self._obsolete(name)
        self.unwritten.append((target, address, name))
        return True

    def _obsolete(self, name: str) -> None:
        """Nobody writes a line into gemctl.yaml that says something else than a handover which was begun since."""
        self.unwritten = [one for one in self.unwritten if one[2] != name]

    def _settled(self, name: str, rights: frozenset[str]) -> None:
        self.deeds.receivers.pop(name, None)
        self.deeds.rights[name] = rights

    def _unused(self, tenant: Tenant, address: Address) -> bool:
        refers = any(ref.target == address for one in tenant.resources.values() for ref in one.declared.references)
        return not refers and self.random.random() < 0.7

    def write_lines(self) -> None:
        """Somebody does what handover and import said: the lines for gemctl.yaml."""
        for tenant, address, name in self.unwritten:
            for one in tenant.family:
                one.imports = {at: live for at, live in one.imports.items() if live != name}
            tenant.imports[address] = name
        self.unwritten.clear()

    def move_a_line(self) -> None:
        """A handover that is nothing but an edit of gemctl.yaml."""
        source, target = self.random.sample(self.tenants[0].family, 2)
        free = [at for at in sorted(source.imports) if source.imports[at] not in self.moving]
        if not free or self.unwritten:
            return
        address = self.random.choice(free)
        name = source.imports.pop(address)
        target.imports[address] = name
        if address in source.resources:
            target.declare(address, source.resources[address], source.resources)
        if name in self.deeds.rights:
            self.deeds.give(name, target.name)
        self.note(source.name, f"gemctl.yaml: {name} is {address} of {target.name} now")
        self.hits["handed over in gemctl.yaml"] += 1

    def let_go(self) -> None:
        """`state rm` of what is no longer declared: nobody's from now on, and somebody else may take it over."""
        tenant = self.tenants[2]
        records = tenant.store.load().ledger.records
        found = [at for at in sorted(records) if at.kind == "CachedContent"]
        if not found:
            return
        address = self.random.choice(found)
        tenant.resources.pop(address, None)
        name = records[address].name
        try:
            with tenant.store.lock("state rm", 0):
                remove(tenant.session(), address)
        except (GemctlError, OSError):
            return
        self.note(tenant.name, f"lets {name} go")
        tenant.let_go.add(address)
        self.hits["let go"] += 1
        self.freed.add(name)
        self.deeds.give(name)

    def import_job(self):
        """An import of something that is live; None where there is nothing."""
        tenant = self.random.choice(self.tenants)
        live = sorted(name for name in live_objects(self.app) if name.startswith("cachedContents/"))
        if not live:
            return None
        gone = [name for name in live if name in self.freed]
        nobodys = [name for name in live if not self.deeds.rights.get(name)]
        name = self.random.choice((gone or nobodys or live) if self.random.random() < 0.7 else live)
        address = Address("CachedContent", self.random.choice(f"{NAMES}vwxyz"))
        if address in tenant.let_go:
            return None
        if address not in tenant.resources:
            tenant.resources[address] = WISHES["CachedContent"](self.random, address.name, tenant.resources)
        return lambda: self.bring_in(tenant, address, name, self.random.random() < 0.9)

    def _can_be_told(self, tenant: Tenant, name: str) -> bool:
        """False where an object of another project shows nothing of it: it has no mark, or that of this very tenant,
        who has let it go. Nobody could know.
        """
        if self.deeds.owners(name) <= {one.name for one in tenant.family}:
            return True
        effect = live_objects(self.app).get(name)
        mark = mark_of(effect) if effect else None
        return mark is not None and mark.owner not in [owner_tag(tenant.identity, one.stack) for one in tenant.family]

    def _is_spare(self, tenant: Tenant, name: str) -> bool:
        """Whether it is the second of a request that arrived twice: the stack that sent it holds the first, and no
        state of the project knows this one. `gemctl orphans` shows it, and it may be taken over.
        """
        made = {e.name: mark for e in self.app.effects if e.kind == "created" and (mark := mark_of(e))}
        twins = {one for one, mark in made.items() if mark == made.get(name)}
        held = {record.name for one in tenant.family for record in one.store.load().ledger.records.values()}
        return name in twins and name not in held and not held.isdisjoint(twins)

    def bring_in(self, tenant: Tenant, address: Address, name: str, take_over: bool) -> None:
        """One `gemctl import`. What belongs to nobody is the tenant's from the first write that may be durable."""
        if not self._can_be_told(tenant, name):
            return
        take_over = take_over and self.deeds.owners(name) <= {one.name for one in tenant.family}
        before = self.deeds.rights.get(name, frozenset())
        died, unsure, spare = False, name in self.unsure, self._is_spare(tenant, name)
        if not before or unsure:
            self.deeds.give(name, tenant.name, *self.deeds.owners(name))
        self.unsure.add(name)
        if not self.turns.busy:
            tenant.expect_a_misfortune()
        try:
            with tenant.store.lock("import", 0):
                made = adopt(tenant.session(), tenant._line(), tenant.desired(), address, name, take_over=take_over)
        except Died:
            died = True
        except OSError as error:
            self.note(tenant.name, f"import of {name}: {error}")
        except GemctlError as error:
            self.note(tenant.name, f"no import of {name}: {error}")
            self.hits["import refused"] += 1
            self.deeds.rights[name] = before
            if not unsure:
                self.unsure.remove(name)
        else:
            self.note(tenant.name, f"imported {name} as {address}")
            self.hits["taken over" if made.maker else "imported"] += 1
            self.unsure.remove(name)
            self.deeds.give(name, tenant.name)
            if not unsure and not spare and not before <= {self.deeds.prints[tenant.name]}:
                self.problems.append(
                    f"{tenant.name} could import {name} of {sorted(self.deeds.names[k] for k in before)}"
                )
            if not made.older:
                self.unwritten.append((tenant, address, name))
        finally:
            for one in tenant.family:
                one.files.left(power=died and self.mind.power)

    def misfortune(self) -> None:
        """A state is lost, or an old copy of it comes back: once gemctl.yaml says all that states know of others."""
        tenant = self.random.choice(self.tenants)
        if self.unwritten or self.moving or tenant.let_go:
            return
        if tenant.copies and self.random.random() < 0.5:
            self.note(tenant.name, "an old state is put back")
            self.hits["old state put back"] += 1
            tenant.put_back(self.random.choice(tenant.copies))
            tenant.copies.clear()
        else:
            self.note(tenant.name, "the state is lost")
            self.hits["state lost"] += 1
            tenant.lose_state()

    # The whole of it

    def _live(self) -> None:
        original = others._declared
        others._declared = _declared_by
        try:
            self._lives()
        finally:
            others._declared = original

    def _lives(self) -> None:
        for _ in range(self.random.randint(2, 4)):
            self.edit_one(self.random.choice(self.tenants))
            self.stranger()
            if self.mind.lose_state and self.random.random() < 0.5:
                self.misfortune()
            if self.random.random() < 0.3:
                self.move_a_line()
            if self.random.random() < 0.25:
                self.let_go()
            self._round()
            if self.mind.lose_state:
                for tenant in self.tenants:
                    tenant.keep_a_copy()
            if self.random.random() < 0.7:
                self.write_lines()
            self.pass_time(self.random.choice((0.0, 1.0, 10.0, 30.0, 200.0, 4_000.0, 30_000.0)))
        self._end()
        self.problems += self.deeds.problems

    def _round(self) -> None:
        """Some of them run, and others do something else meanwhile."""
        chosen = self.random.sample(self.tenants, self.random.randint(1, 3))
        jobs = [tenant.run for tenant in chosen]
        self.calm = False
        if self.random.random() < 0.3:
            self.hits["runs at once"] += len(jobs) > 1
            self.turns.together([*jobs, *filter(None, [self._some_job()])])
        else:
            for job in jobs:
                job()
            for _ in range(3):
                if job := self._some_job():
                    job()
            self.quarrel()
        self.calm = True

    def quarrel(self) -> None:
        """Nobody finishes a handover: the one stack declares something else, the other nothing, and both apply."""
        for source, target, address in self.moving.values():
            if address in target.resources and self.random.random() < 0.5:
                self.hits["both go on after an interruption"] += 1
                target.resources[address] = WISHES[address.kind](self.random, address.name, target.resources)
                if self._unused(source, address):
                    source.resources.pop(address, None)
                target.run()
                source.run()

    def _some_job(self):
        return self.handover_job() if self.random.random() < 0.6 else self.import_job()

    def _end(self) -> None:
        """All is quiet; handovers are finished, lines are written, everybody applies. Then nothing may be missing."""
        self.pass_time(1_000.0)
        self.app.world.list_lag = timedelta(0)
        for name, (source, target, address) in list(self.moving.items()):
            if address not in source.store.load().ledger.records and name not in live_objects(self.app):
                continue
            if not self.hand_over(source, target, address):
                self.note("", f"the handover of {name} can't be finished")
        self.write_lines()
        for _ in range(2):
            for tenant in self.tenants:
                tenant.run()
            self.pass_time(300.0)
        self._nothing_is_missing()
        if self.app.bugs:
            self.problems.append(f"the emulator broke: {self.app.bugs[0]!r}")

    def _nothing_is_missing(self) -> None:
        """Of each cache that is declared, one is live, lasts, and belongs to the stack; unless another stands in its
        way, which the stack then says, or it is on its way to another stack.
        """
        live = live_objects(self.app)
        soon = self.clock.now() + RETIRED
        for tenant in self.tenants:
            leaving = {at for source, _, at in self.moving.values() if source is tenant}
            records = tenant.store.load().ledger.records
            for address in tenant.resources:
                if not isinstance(CATALOGUE[address.kind].lifetime, Renewable) or address in leaving:
                    continue
                record = records.get(address)
                if record is None or record.name not in live:
                    self.problems.append(f"lost: {tenant.name} has nothing live for {address}")
                elif tenant.name not in self.deeds.owners(record.name):
                    self.problems.append(f"{tenant.name} holds {record.name} of {self.deeds.owners(record.name)}")
                elif live[record.name].expire_time <= soon:
                    self.problems.append(f"{tenant.name} lets {record.name} end, which is {address}")
        held = Counter(record.name for tenant in self.tenants for record in tenant.store.load().ledger.records.values())
        for name, count in held.items():
            if count > 1 and name in live and name not in self.moving:
                self.problems.append(f"{name} is bound {count} times")


def _declared_by(session: Visit, stack: str):
    """Manifests are no files here."""
    return session.sibling(stack).tenant.resources


def live_one(seed: int) -> tuple[int, list[str], Counter[str]]:
    """The seed, what went wrong, and what was hit."""
    street = Street(seed)
    return seed, street.live(), street.hits


def main() -> int:
    if sys.argv[1] == "--seed":
        street = Street(int(sys.argv[2]), tell=print)
        print(street.mind)
        found = street.live()
        print("\n".join(found) or "all is well")
        return bool(found)
    from concurrent.futures import ProcessPoolExecutor

    count, started = int(sys.argv[1]), time.monotonic()
    hits: Counter[str] = Counter()
    bad = 0
    with ProcessPoolExecutor(initializer=gc.freeze) as pool:
        for seed, found, seen in pool.map(live_one, range(count), chunksize=20):
            hits += seen
            if found:
                bad += 1
                print(f"seed {seed}: {found[0]}")
    for name, times in sorted(hits.items()):
        print(f"{times:8}  {name}")
    missed = [name for name in MUST_HAPPEN if hits[name] < count // 100]
    for name in missed:
        print(f"hit less than {count // 100} times: {name}")
    print(f"{bad} of {count} lives went wrong; {time.monotonic() - started:.0f} s")
    return bool(bad or missed)


if __name__ == "__main__":
    sys.exit(main())
