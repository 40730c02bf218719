"""Thirty virtual days of renewals: by cron, and by `gemctl watch`, through outages, skipped runs, faults and kills.

    python tests/exactly_once/month.py               three seeds
    python tests/exactly_once/month.py 0 --days 3    seed 0, and not a whole month

What must come of it, for each seed and each way:

* not one second without a live cache, for each cache whose `renewBefore` is longer than the longest time between two
  looks that worked: from the beginning of one to the end of the next;
* exactly one live object for each declaration in the end, and nothing else of ours;
* at most 1.05 times as many PATCHes as somebody would need who knows the future: who renews each cache at the last
  moment before its end at which it can be done. By cron these moments are the runs that worked; by watch every second
  in which there is no outage and the process lives.
"""

from __future__ import annotations

import argparse
import sys
import time
from bisect import bisect_left
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

from appliers import Applier, Session, _Clock
from auditor import audit, mark_of
from fault_transport import KINDS, FaultTransport
from memory_files import Died
from random_resources import NOWHERE, _cache, file
from simulator import Life, Mind
from values import START

from gemctl.core.address import Address
from gemctl.core.mark import address_tag
from gemctl.core.moment import show_duration
from gemctl.core.resource import Lifecycle, Resource
from gemctl.core.watch import Ended, Result
from gemctl.engine.execute import Stopping
from gemctl.workflows.tick import Dependencies, options
from gemctl.workflows.watch import Watch

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INTERVAL = 15 * MINUTE
SKIPPED = 0.05  # of the runs of cron
OUTAGES = 0.01  # of the time
SHORTEST, LONGEST = 5 * MINUTE, 40 * MINUTE  # of one outage
FAULTS = 0.005  # of the requests, while there is no outage
KILLS = 1.0  # a day, of a process that goes on
DEATHS = 1 / 1000  # at each boundary: before and after a request, and each call of the disk
MOST = 1.05  # times the least possible number of PATCHes
AWAY = ("no connection", "lost before", "status before")  # what an outage does to a request


@dataclass(frozen=True)
class Cached:
    """A cache as people declare them: its ttl is much longer than its renewBefore. `made_of_file`: of an upload."""

    name: str
    ttl: timedelta
    renew_before: timedelta
    made_of_file: bool = False


CACHES = (
    Cached("prompt", 55 * HOUR, 90 * MINUTE),
    Cached("tone", 61 * HOUR, 100 * MINUTE),
    Cached("examples", 74 * HOUR, 2 * HOUR),
    Cached("handbook", 83 * HOUR, 2 * HOUR),
    Cached("contract", 97 * HOUR, 150 * MINUTE, made_of_file=True),
    Cached("archive", 118 * HOUR, 3 * HOUR),
    Cached("weekly", 168 * HOUR, 4 * HOUR),
    # No promise is made to this one: it shows that the others are not kept by luck.
    Cached("hasty", 6 * HOUR, 5 * MINUTE, made_of_file=True),
)


Look = tuple[datetime, datetime]  # that went well: from when to when


class Over(BaseException):
    """The month is over. Not an Exception: nothing in gemctl may catch it."""


class Weather(FaultTransport):
    """In an outage nothing gets through; at other times hardly anything goes wrong."""

    month: Month

    def handle_request(self, request):
        away = self.month.away()
        self._rate, self._kinds = (1.0, AWAY) if away else (0.0 if self.month.calm else FAULTS, KINDS)
        return super().handle_request(request)


class Machine(Applier):
    """One that may die at any boundary, and by the clock where it goes on."""

    def __init__(self, life: Month, name: str) -> None:
        self.doom: datetime | None = None
        self.transport = type("Weather", (Weather,), {"month": life})
        super().__init__(life, name)

    def by_hand(self) -> str:
        """`gemctl apply`, by somebody who looks at it."""
        return self.run()

    def _plan_a_misfortune(self) -> None:
        """The month has its own."""

    def _boundary(self, name: str) -> None:
        if not self.life.calm and self.random.random() < DEATHS:
            self.life.hits["died at a boundary"] += 1
            raise Died


class Watching(Machine):
    """`gemctl watch`, until it dies."""

    def by_hand(self) -> str:
        return super()._apply()

    def _apply(self) -> str:
        month = self.life
        self.doom = month.end + DAY if month.calm else month.clock.now() + DAY * self.random.expovariate(KILLS)
        session = Session(self.store, _Doomed(month, self))
        dependencies = Dependencies(
            open=lambda: session,
            connect=lambda _: self._line(),
            stopping=Stopping(),
            tell=lambda event: None,
            report=self._hear,
            load=self._load,
            sight=lambda session, desired: {},
            chance=self.random.random,
            execute=self._execute,
            glance=INTERVAL.total_seconds(),
        )
        wanted = options((), INTERVAL, timedelta(seconds=10), 4)
        raise AssertionError(Watch(wanted, dependencies, session).go_on("sim"))

    def _load(self, _):
        """The manifests are read: a look begins."""
        self.life.began = self.life.clock.now()
        return self.life.desired()

    def _hear(self, event) -> None:
        if isinstance(event, Ended):
            self.life.hits[f"ticks {event.result.value}"] += 1
            if event.result is Result.DONE:
                self.life.worked.append((self.life.began, self.life.clock.now()))


class _Doomed(_Clock):
    """While it sleeps the process may be killed, and the month may end."""

    def __init__(self, month: Month, machine: Machine) -> None:
        super().__init__(month)
        self._month, self._machine = month, machine

    def sleep(self, seconds: float) -> None:
        until = self.now() + timedelta(seconds=max(seconds, 0.0))
        for end, error in sorted(((self._machine.doom, Died), (self._month.end, Over)), key=lambda pair: pair[0]):
            if until >= end:
                self._month.pass_time((end - self.now()).total_seconds())
                self._month.hits["killed by the clock"] += error is Died
                raise error
        super().sleep(seconds)


class Month(Life):
    """One seed, one way to have things renewed."""

    def __init__(self, seed: int, way: str, days: float = 30.0) -> None:
        self.machine = {"cron": Machine, "watch": Watching}[way]
        super().__init__(seed)
        self.way, self.days = way, days
        self.end = START + days * DAY
        self.began = START
        self.worked: list[Look] = []  # looks that went well: from when to when
        self.dead: list[tuple[datetime, datetime]] = []  # when no process was there
        self.longest_missed = 0
        self.outages = _outages(self.random, self.end)
        self._next = 0
        for cached in CACHES:
            self._declare(cached)

    def _mind(self) -> Mind:
        return Mind(0.0, 0.0, 0.0, KINDS, power=False, late=20.0, lag=0.0, lose_state=False, appliers=1)

    def _declare(self, cached: Cached) -> None:
        contents = [("text", f"all about {cached.name}")]
        if cached.made_of_file:
            made = file(Random(0), cached.name, {})
            lifecycle = Lifecycle(on_demand=True)
            self.resources[made.address] = Resource(made.address, made.declared, lifecycle, (), {}, {}, NOWHERE)
            contents.append(("file", cached.name))
        declared = _cache(tuple(contents), f"{int(cached.ttl.total_seconds())}s")
        address = Address("CachedContent", cached.name)
        lifecycle = Lifecycle(renew_before=cached.renew_before)
        self.resources[address] = Resource(address, declared, lifecycle, (), {}, {}, NOWHERE)

    def note(self, who: str, what: str) -> None:
        """A month is not told step by step."""

    def away(self) -> bool:
        """Whether there is an outage; time goes only forward."""
        now = self.clock.now()
        if self.calm:
            return False
        while self._next < len(self.outages) and self.outages[self._next][1] <= now:
            self._next += 1
        return self._next < len(self.outages) and self.outages[self._next][0] <= now

    def live(self) -> list[str]:
        """The whole of it, and what is wrong at its end."""
        (machine,) = self.appliers
        assert machine.by_hand() == "done"
        self.worked.append((START, START))
        self.calm = False
        {"cron": self._cron, "watch": self._watch}[self.way](machine)
        self.calm = True
        looks, end = list(self.worked), self.clock.now()
        self.end += 2 * INTERVAL
        with suppress(Over):  # undisturbed, and with a look or more
            machine.run()
        self.problems += audit(self.app, self.desired(), "sim4sim4", "sim", self.clock.now()).problems
        self.accounts = self._accounts(looks, end)
        return [*self.problems, *(problem for one in self.accounts for problem in one.problems)]

    def _cron(self, machine: Machine) -> None:
        mark, missed = START + INTERVAL / 2, 0
        while mark < self.end:
            self.pass_time((mark - self.clock.now()).total_seconds())
            while mark <= self.clock.now():  # a run that is still going on is not begun twice
                mark += INTERVAL
            if self.random.random() < SKIPPED:
                self.hits["runs skipped"] += 1
                status = "skipped"
            else:
                began, status = self.clock.now(), machine.run()
                self.hits[f"runs {status}"] += 1
                if status == "done":
                    self.worked.append((began, self.clock.now()))
            missed = 0 if status == "done" else missed + 1
            self.longest_missed = max(self.longest_missed, missed)
        self.pass_time((self.end - self.clock.now()).total_seconds())

    def _watch(self, machine: Machine) -> None:
        while True:
            try:
                machine.run()
            except Over:
                return
            died = self.clock.now()
            mark = START + INTERVAL / 2 + INTERVAL * ((died - START - INTERVAL / 2) // INTERVAL + 1)
            self.hits["restarts"] += 1
            if self.random.random() < 0.3:
                self.hits["power cut"] += 1
                machine.files.power_cut()
            self.dead.append((died, mark))
            if mark >= self.end:
                self.pass_time((self.end - died).total_seconds())
                return
            self.pass_time((mark - died).total_seconds())

    # The account

    def _accounts(self, looks: list[Look], end: datetime) -> list[Account]:
        """What became of each cache by `end`. Those are promised something whose renewBefore is long enough."""
        self.longest = max(after[1] - before[0] for before, after in pairwise([*looks, (end, end)]))
        return [self._account(cached, cached.renew_before > self.longest, looks, end) for cached in CACHES]

    @property
    def said(self) -> str:
        """What befell it, in a line."""
        away = max(over - began for began, over in self.outages)
        kind = "runs missed in a row" if self.way == "cron" else "restarts"
        number = self.longest_missed if self.way == "cron" else self.hits["restarts"]
        return (
            f"{self.days:g} days, {len(self.outages)} outages of up to {show_duration(away)}, {number} {kind}; "
            f"from a look that worked to the end of the next at most {show_duration(self.longest)}"
        )

    def _account(self, cached: Cached, promised: bool, looks: list[Look], end: datetime) -> Account:
        tag, lives, patches = address_tag(Address("CachedContent", cached.name)), {}, []
        for effect in self.app.effects:
            mark = mark_of(effect)
            if effect.at > end or effect.collection != "cachedContents" or not mark or mark.address_tag != tag:
                continue
            if effect.kind == "created":
                lives[effect.name] = [effect.at, effect.expire_time]
            elif effect.kind == "patched":
                patches.append(effect.at)
                lives[effect.name][1] = effect.expire_time
            elif effect.kind == "deleted":
                lives[effect.name][1] = effect.at
        without, covered = timedelta(0), START
        for began, ended in sorted(lives.values()):
            without += max(began - covered, timedelta(0))
            covered = max(covered, ended)
        without += max(end - covered, timedelta(0))
        between = [after - before for before, after in pairwise([START, *patches])]
        used = sum(between, timedelta(0)) / len(between) / cached.ttl if between and len(lives) == 1 else None
        return Account(cached, promised, without, len(lives), len(patches), self._least(cached.ttl, looks, end), used)

    def _least(self, ttl: timedelta, looks: list[Look], end: datetime) -> int | None:
        """How many PATCHes it takes at least to keep something alive until `end` that was made at START: each at the
        last moment before the end of the one before. None where nobody could.
        """
        moments = [began for began, _ in looks]
        count, last, over = 0, START, START + ttl
        while over < end:
            moment = self._last_moment(over) if self.way == "watch" else moments[bisect_left(moments, over) - 1]
            if moment <= last:
                return None
            count, last, over = count + 1, moment, moment + ttl
        return count

    def _last_moment(self, before: datetime) -> datetime:
        """The last second at which a process was there and got through."""
        moment = before - timedelta(seconds=1)
        for began, over in sorted([*self.outages, *self.dead], reverse=True):
            if began <= moment < over:
                moment = began - timedelta(seconds=1)
        return moment


@dataclass(frozen=True)
class Account:
    """What became of one cache. `least` is None where nobody could have kept it alive; `used` is how much of its ttl
    had passed when it was renewed, on average, if it was never made again.
    """

    cached: Cached
    promised: bool
    without: timedelta
    made: int
    patches: int
    least: int | None
    used: float | None

    @property
    def problems(self) -> list[str]:
        if self.promised and self.without:
            return [f"{self.cached.name} was not there for {show_duration(self.without)}"]
        return []


def _outages(random: Random, end: datetime) -> list[tuple[datetime, datetime]]:
    """Windows that make up a hundredth of the time, and don't overlap."""
    found: list[tuple[datetime, datetime]] = []
    left = OUTAGES * (end - START)
    while left > timedelta(0):
        length = min(left, timedelta(seconds=random.uniform(SHORTEST.total_seconds(), LONGEST.total_seconds())))
        began = START + (end - START - length) * random.random()
        if all(began + length < other or over < began for other, over in found):
            found.append((began, began + length))
            left -= length
    return sorted(found)


def total(accounts: list[Account]) -> tuple[int, int]:
    """PATCHes, and the least possible, of all that were promised something."""
    promised = [one for one in accounts if one.promised and one.least is not None]
    return sum(one.patches for one in promised), sum(one.least for one in promised)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--days", type=float, default=30.0)
    given = parser.parse_args()
    started, bad = time.monotonic(), 0
    hits: Counter[str] = Counter()
    for seed in given.seeds:
        for way in ("cron", "watch"):
            month = Month(seed, way, given.days)
            problems = month.live()
            accounts = month.accounts
            hits += month.hits
            patches, least = total(accounts)
            if patches > MOST * least:
                problems.append(f"{patches} PATCHes, and {least} would have done")
            print(f"seed {seed}, {way}: {month.said}")
            print("  cache        ttl  renewBefore  without  made  PATCHes  least  ratio   used")
            for one in accounts:
                cells = (
                    show_duration(one.cached.renew_before),
                    show_duration(one.without),
                    one.made,
                    one.patches,
                    one.least or "-",
                    f"{one.patches / one.least:.3f}" if one.least else "-",
                    f"{one.used:.3f}" if one.used else "-",
                    "" if one.promised else "  no promise: renewBefore is too short",
                )
                print(
                    f"  {one.cached.name:<9}{one.cached.ttl // HOUR:>6}h"
                    + "{:>13}{:>9}{:>6}{:>9}{:>7}{:>7}{:>7}{}".format(*cells)
                )
            print(f"  together, of those that were promised: {patches} / {least} = {patches / max(least, 1):.3f}")
            for problem in problems:
                print(f"  WRONG: {problem}")
            bad += bool(problems)
    for name, times in sorted(hits.items()):
        print(f"{times:8}  {name}")
    print(f"{time.monotonic() - started:.0f} s; {bad} of {2 * len(given.seeds)} months went wrong")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
