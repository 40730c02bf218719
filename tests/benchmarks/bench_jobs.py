"""How quick the command line is with a large job: `python tests/benchmarks/bench_jobs.py [LINES]`.

A million requests of 400 bytes, with a cache under each, once as one job and once in ten parts: they are validated,
planned, uploaded, saved and merged by `gemctl`, against an emulator, all in processes of their own. Prints what each
took beside the goal: seconds of one core, megabytes in such a second without what `plan` takes, and the largest memory.
Not collected by pytest: clocks differ, so run it by hand on a quiet machine. Exits with 1 when a goal is missed.

    --parts N    into so many parts only; 1 for one job
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from measure import Took, emulator, gemctl

COLD, AGAIN = 12.0, 1.0  # seconds of one core: of a million lines, and of what is known already
MADE, SAVED = 60.0, 40.0  # megabytes a second of one core
MEMORY = 150  # MiB
TEXT = "The quick brown fox, as it were, jumps over the lazy dog while it reads of shipping. "
PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "shop", "id": "abcd1234"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
    "timing": {"requestDeadline": "10m", "settle": "11m"},
    "safety": {"maxRequests": 100_000_000},
}
KEEP = 4_000  # bytes of the cache that is shared, about


class Bench:
    def __init__(self, folder: Path, url: str, lines: int) -> None:
        self.folder, self.url, self.lines, self.missed = folder, url, lines, False
        (folder / "gemctl.yaml").write_text(json.dumps(PROJECT))
        with (folder / "rows.jsonl").open("w") as file:
            for number in range(lines):
                request = {"contents": [{"parts": [{"text": f"{number} {TEXT * 4}"[:310]}]}]}
                file.write(json.dumps({"key": f"row-{number:07}", "request": request}) + "\n")
        self.size = (folder / "rows.jsonl").stat().st_size / 1e6

    def declare(self, parts: int) -> None:
        cache = {"model": "gemini-3.8-flash", "ttl": "3d", "contents": TEXT * (KEEP // len(TEXT) + 20)}
        spec = {"model": "gemini-3.8-flash", "input": {"jsonl": "rows.jsonl"}}
        spec |= {"request": {"cachedContentRef": {"name": "shared"}}}
        spec |= {"split": {"requests": -(-self.lines // parts)}} if parts > 1 else {}
        documents = [
            {"kind": "CachedContent", "metadata": {"name": "shared"}, "spec": cache},
            {
                "kind": "BatchJob",
                "metadata": {"name": f"bulk{parts}"},
                "spec": spec,
                "run": {"results": self.results(parts)},
            },
        ]
        text = "\n---\n".join(json.dumps({"apiVersion": "gemctl/v1", **one}) for one in documents)
        (self.folder / "all.yaml").write_text(text)

    def results(self, parts: int) -> str:
        return f"out/bulk{parts}.jsonl"

    def gemctl(self, *words: str) -> Took:
        return gemctl(self.folder, self.url, *words)

    def seconds(self, name: str, took: Took, most: float) -> None:
        self._tell(name, took, f"{took.busy:.2f} s", f"at most {most:.1f} s", took.busy > most)

    def rate(self, name: str, took: Took, beside: Took, megabytes: float, least: float) -> None:
        rate = megabytes / max(took.busy - beside.busy, 0.001)
        self._tell(name, took, f"{megabytes:,.0f} MB, {rate:,.0f} MB/s", f"at least {least:.0f} MB/s", rate < least)

    def _tell(self, name: str, took: Took, found: str, goal: str, missed: bool) -> None:
        memory = took.memory / 2**20
        heavy = memory > MEMORY
        self.missed |= missed or heavy
        words = f"  {name:<24}{found:<24}({goal}{'; MISSED' if missed else ''}), {took.wall:.1f} s by the clock, "
        print(f"{words}{memory:.0f} MiB of memory (at most {MEMORY}{'; MISSED' if heavy else ''})", flush=True)

    def run(self, parts: int) -> None:
        self.declare(parts)
        share = self.lines / 1e6
        self.seconds("validate, cold", self.gemctl("validate"), COLD * share + AGAIN)
        self.seconds("validate, again", self.gemctl("validate"), AGAIN)
        plan = self.gemctl("plan")
        self.seconds("plan, again", plan, AGAIN)
        self.rate("apply: make and upload", self.gemctl("apply", "--yes"), plan, self.size, MADE)
        while "running" in self.gemctl("plan").said:
            time.sleep(1)
        took = self.gemctl("apply", "--yes")
        size = (self.folder / self.results(parts)).stat().st_size / 1e6
        self.rate("apply: save and merge", took, plan, size, SAVED)
        self.seconds("plan, at the end", self.gemctl("plan", "--detailed-exitcode"), AGAIN)


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("lines", type=int, nargs="?", default=1_000_000)
    options.add_argument("--parts", type=int)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, emulator() as url:
        bench = Bench(Path(folder), url, given.lines)
        time.sleep(2.1)  # a file younger than that is not remembered (manifest/digests.py)
        print(f"{given.lines:,} lines, {bench.size:,.0f} MB")
        for parts in (given.parts,) if given.parts else (1, 10):
            print("one job" if parts == 1 else f"{parts} parts")
            bench.run(parts)
    return int(bench.missed)


if __name__ == "__main__":
    sys.exit(main())
