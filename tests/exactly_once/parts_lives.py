"""Jobs in parts whose runs are killed again and again, at any time: each request is answered, and paid for once.

    python tests/exactly_once/parts_lives.py 20                    seeds 0 … 19
    python tests/exactly_once/parts_lives.py --seed 17             one of them, told kill by kill
    python tests/exactly_once/parts_lives.py 1 --lines 1000000 --parts 10 --jobs 3 --kills 20

The service has room for so many jobs at a time, and refuses others. In half of the lives gemctl's own limits say the
same, in the others they let it run into that. Half of the runs wait for the ends of the jobs, half begin what they can;
each is killed after a time or at a boundary of its input and output (killer.py) that chance chooses. In a third of the
lives some requests fail, and are run again. In the end the results have one response for each key, in the order of the
requests, and jobs have read each key once; twice, if it failed. Prints what was done and found; exits with 1 if
anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from auditor import parts  # noqa: E402
from kill_world import PROJECT, TEXT, Place, Project, cache, job, place  # noqa: E402

from gemctl.emulator.app import App  # noqa: E402
from gemctl.emulator.world import World  # noqa: E402

MANY = 100_000  # lines for which the clock runs slowly, since every call has work to do
EACH = 350  # bytes of the text of a request, about
KILLED = {-9, -14}
FAILING = 50  # of so many requests one fails, where some do
LEAST_LIFE, MOST_ROUNDS = 0.02, 30


@dataclass(frozen=True)
class Size:
    """`jobs`: so many have room in the service at a time."""

    lines: int = 20_000
    parts: int = 10
    jobs: int = 3
    kills: int = 20
    by_time: bool = True  # kill some after a time, too: how many are killed then depends on the machine

    @property
    def many(self) -> bool:
        return self.lines > MANY


class Narrow(Place):
    """A service with room for `jobs`, each of which takes a while."""

    def __init__(self, folder: Path, env: dict[str, str], size: Size) -> None:
        self.jobs, self.running = size.jobs, timedelta(seconds=60)
        self.speed = 8 if size.many else 200
        super().__init__(folder, env)

    def new_app(self) -> App:
        return App(World(now=self.now), batches_at_once=self.jobs, batch_running=self.running)

    def turn(self, **knobs: object) -> None:
        """Turn knobs of the service that answers now."""
        self._app.turn(**knobs)


class Life:
    """One seed: a job in parts, and all that befalls it."""

    def __init__(self, here: Narrow, seed: int, size: Size, tell) -> None:
        self.random, self.size, self.tell = Random(seed), size, tell
        self.limit = size.jobs if seed % 2 else size.jobs + 1 + self.random.randrange(size.parts)
        self.fails = seed % 3 == 1
        self.shared = seed % 4 != 3
        self.found: Counter[str] = Counter()
        self.project = Project(here, f"life{seed:04}")
        self.failing = self._write()
        timing = {"requestDeadline": "300s", "settle": "330s"} if size.many else PROJECT["timing"]
        whole = {**PROJECT, "metadata": {"name": "kill", "id": self.project.id}, "timing": timing}
        more = {"limits": {"jobs": self.limit}, "safety": {**PROJECT["safety"], "maxRequests": 10**9}}
        (self.project.folder / "gemctl.yaml").write_text(json.dumps({**whole, **more}))
        spec = {"model": "gemini-3.8-flash", "input": {"jsonl": "rows.jsonl"}}
        spec["split"] = {"requests": -(-size.lines // size.parts)}
        spec |= {"request": {"cachedContentRef": {"name": "shared"}}} if self.shared else {}
        run = {"results": "out/bulk.jsonl", "onFailed": "resubmit" if self.fails else "report"}
        shared = [cache("shared", "one", ttl="7d")] if self.shared else []
        self.project.declare(*shared, job("bulk", "", spec=spec, run=run))

    def _write(self) -> set[str]:
        failing = set()
        with (self.project.folder / "rows.jsonl").open("w") as file:
            for number in range(self.size.lines):
                key, word = f"row-{number:07}", ""
                if self.fails and number % FAILING == 7:
                    word = "[[emulator: fail once 503]] "
                    failing.add(key)
                text = f"{word}{number} {TEXT[: EACH - len(word)]}"
                request = {"contents": [{"parts": [{"text": text}]}]}
                file.write(json.dumps({"key": key, "request": request}) + "\n")
        return failing

    def live(self) -> list[str]:
        """The whole of it. Returns what is wrong in the end."""
        if self.size.many:  # to check all lines takes longer than most runs live, and is remembered
            time.sleep(2.1)
            self.tell(f"validate: {self.project.run('validate')}")
        while self.found["killed"] < self.size.kills:
            status = self._run_and_kill()
            if status == 0 and self._over():
                break
        for _ in range(MOST_ROUNDS):
            status = self._run("--wait")
            if status == 0 and self._over():
                break
        else:
            return [f"it does not end: {self.project.said()[-2000:]}"]
        wrong = parts(self.project.app, self.project.folder, self.project.desired(), self.failing)
        if self.project.run("plan", "--detailed-exitcode") != 0:
            wrong.append(f"there is still something to do: {self.project.said()[-2000:]}")
        return wrong

    def _over(self) -> bool:
        """Whether all parts were saved, and merged."""
        return (self.project.folder / "out/bulk.jsonl").exists() and self.project.run(
            "plan", "--detailed-exitcode"
        ) == 0

    def _run_and_kill(self) -> int:
        words = ("--wait",) if self.random.random() < 0.5 else ()
        if self.random.random() < 0.3 or not self.size.by_time:
            how = {"kill_at": self.random.randint(1, 60 + 40 * self.size.parts)}
        else:
            longest = 2 + self.size.lines / 20_000  # seconds; as many short lives as long ones
            how = {"after": math.exp(self.random.uniform(math.log(LEAST_LIFE), math.log(longest)))}
        return self._run(*words, **how)

    def _run(self, *words: str, **how: float) -> int:
        began = time.monotonic()
        status = self.project.apply(*words, **how)
        self.found["runs"] += 1
        self.found["killed"] += status in KILLED
        self.found["refused for room"] += self.project.said().count("No room in the service") if status == 0 else 0
        self.tell(f"apply {' '.join(words)} {how}: {status} after {time.monotonic() - began:.1f} s")
        if status not in (0, *KILLED):
            self.tell(self.project.said()[-1500:])
        return status


def live(seeds: range, size: Size, tell=lambda line: None) -> tuple[dict[int, list[str]], Counter[str], int]:
    """What was wrong with each life, what was done in all of them, and the most MiB of memory that a run has had."""
    wrong: dict[int, list[str]] = {}
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        with place(Path(folder), lambda folder, env: Narrow(folder, env, size)) as here:
            for seed in seeds:
                life = Life(here, seed, size, tell)
                if problems := life.live():
                    wrong[seed] = problems
                found += life.found
                made = [one for one in life.project.app.effects if one.kind == "created"]
                found["jobs made"] += sum(one.collection == "batches" for one in made)
            peak = here.killer.peak
    return wrong, found, peak


def main() -> int:
    reader = argparse.ArgumentParser()
    reader.add_argument("lives", type=int, nargs="?", default=1)
    reader.add_argument("--seed", type=int)
    for name, number in (("lines", 20_000), ("parts", 10), ("jobs", 3), ("kills", 20)):
        reader.add_argument(f"--{name}", type=int, default=number)
    given = reader.parse_args()
    size = Size(given.lines, given.parts, given.jobs, given.kills)
    seeds = range(given.lives) if given.seed is None else range(given.seed, given.seed + 1)
    told = given.seed is not None or size.many
    began = time.monotonic()
    wrong, found, peak = live(seeds, size, (lambda line: print(line, flush=True)) if told else lambda line: None)
    for seed, problems in wrong.items():
        print(f"seed {seed}: {len(problems)} wrong, such as {problems[0]}")
    print(", ".join(f"{number} {what}" for what, number in found.items()))
    print(
        f"{len(seeds)} lives of {size.lines:,} lines in {time.monotonic() - began:.0f} s; at most {peak} MiB of memory"
    )
    print(f"{len(wrong)} lives went wrong" if wrong else "all is well")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
