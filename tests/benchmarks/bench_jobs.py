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
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COLD, AGAIN = 12.0, 1.0  # seconds of one core: of a million lines, and of what is known already
MADE, SAVED = 60.0, 40.0  # megabytes a second of one core
MEMORY = 150  # MB
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
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
KEEP = 4_000  # bytes of the cache that is shared, about


@dataclass(frozen=True)
class Took:
    """What a process took: seconds of one core, seconds by the clock, and MB of memory at most."""

    busy: float
    wall: float
    memory: float


class Bench:
    def __init__(self, folder: Path, url: str, lines: int) -> None:
        self.folder, self.lines, self.missed = folder, lines, False
        self.env = {**ENVIRONMENT, "GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "some-key"}
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
        began = time.perf_counter()
        argv = [sys.executable, "-m", "gemctl", *words]
        with (self.folder / "said").open("w+b") as said:
            process = subprocess.Popen(
                argv, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            if process.returncode:
                raise SystemExit(f"{words}: {process.returncode}\n{said.read().decode()[-3000:]}")
        return Took(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024)

    def seconds(self, name: str, took: Took, most: float) -> None:
        self._tell(name, took, f"{took.busy:.2f} s", f"at most {most:.1f} s", took.busy > most)

    def rate(self, name: str, took: Took, beside: Took, megabytes: float, least: float) -> None:
        rate = megabytes / max(took.busy - beside.busy, 0.001)
        self._tell(name, took, f"{megabytes:,.0f} MB, {rate:,.0f} MB/s", f"at least {least:.0f} MB/s", rate < least)

    def _tell(self, name: str, took: Took, found: str, goal: str, missed: bool) -> None:
        heavy = took.memory > MEMORY
        self.missed |= missed or heavy
        words = f"  {name:<24}{found:<24}({goal}{'; MISSED' if missed else ''}), {took.wall:.1f} s by the clock, "
        print(f"{words}{took.memory:.0f} MB of memory (at most {MEMORY}{'; MISSED' if heavy else ''})", flush=True)

    def run(self, parts: int) -> None:
        self.declare(parts)
        share = self.lines / 1e6
        self.seconds("validate, cold", self.gemctl("validate"), COLD * share + AGAIN)
        self.seconds("validate, again", self.gemctl("validate"), AGAIN)
        plan = self.gemctl("plan")
        self.seconds("plan, again", plan, AGAIN)
        self.rate("apply: make and upload", self.gemctl("apply", "--yes"), plan, self.size, MADE)
        while "running" in self._plan():
            time.sleep(1)
        took = self.gemctl("apply", "--yes")
        size = (self.folder / self.results(parts)).stat().st_size / 1e6
        self.rate("apply: save and merge", took, plan, size, SAVED)
        self.seconds("plan, at the end", self.gemctl("plan", "--detailed-exitcode"), AGAIN)

    def _plan(self) -> str:
        self.gemctl("plan")
        return (self.folder / "said").read_text()


@contextmanager
def emulator() -> Iterator[str]:
    """The URL of one. Not in this process: what is started from a large one seems to be as large."""
    argv = [sys.executable, "-m", "gemctl", "emulator", "--port", "0"]
    with subprocess.Popen(argv, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield re.search(r"http://\S+:\d+", server.stdout.readline())[0]
        finally:
            server.terminate()


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
