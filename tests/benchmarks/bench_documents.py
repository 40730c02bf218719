"""How quick the command line is with a large store: `python tests/benchmarks/bench_documents.py [DOCUMENTS]`.

Ten thousand small documents in folders are brought into a file search store by `gemctl`, against an emulator that
answers each call 100 ms later, all in processes of their own. Prints beside the goals: the time of the sync as a
multiple of the ideal, which is three calls a document (start, upload, a look at the operation) with sixteen at a time
and nothing between them; what a plan without changes takes of one core for each document, beyond a plan of an empty
store; its requests; and the memory for each document, beyond that of the empty store. Not collected by pytest: clocks
differ, so run it by hand on a quiet machine. Exits with 1 when a goal is missed.

    --latency SECONDS    another one: with 0, which leaves out the ideal, a hundred thousand take half an hour
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import urllib.request
from pathlib import Path

from measure import Goals, Took, emulator, gemctl

LATENCY, WIDTH, CALLS = 0.1, 16, 3  # seconds of a call, calls at a time, calls a document
IDEAL, CORE, EACH = 1.15, 0.2, 1024  # times the ideal, ms of one core a document, bytes a document
ENTRY = 10_000  # files that one glob may find
PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "library", "id": "abcd1234"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
    "safety": {"maxDeletePercent": 100},
}


class Bench:
    def __init__(self, folder: Path, url: str, documents: int, latency: float) -> None:
        self.folder, self.url, self.documents, self.latency = folder, url, documents, latency
        self.goals = Goals()
        (folder / "gemctl.yaml").write_text(json.dumps(PROJECT))
        (folder / "first.md").write_text("# The only one\n\nThere is nothing else yet.\n")
        self.declare("first.md")

    def declare(self, *globs: str) -> None:
        spec = {"documents": [{"files": files, "metadata": {"audience": "readers"}} for files in globs]}
        store = {"apiVersion": "gemctl/v1", "kind": "FileSearchStore", "metadata": {"name": "all"}, "spec": spec}
        (self.folder / "store.yaml").write_text(json.dumps(store))

    def write(self) -> None:
        for number in range(self.documents):
            place = self.folder / f"docs/{number // ENTRY}/part-{number // 100:04}/article-{number:06}.md"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"# Article {number}\n\n{'Some text about the matter at hand. ' * 20}\n")

    def gemctl(self, *words: str) -> Took:
        return gemctl(self.folder, self.url, *words)

    def turn(self, **knobs: float) -> None:
        self._ask("PATCH", "/emulator", knobs)

    def requests(self, since: object = None) -> list[object]:
        """The newest requests of the API, or those that came after this one. The emulator keeps so many."""
        found = self._ask("GET", "/emulator/requests?last=1000")["requests"]
        return found[found.index(since) + 1 :] if since else found

    def _ask(self, method: str, path: str, body: object = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, {"content-type": "application/json"}, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.loads(answer.read())

    def run(self) -> None:
        self.gemctl("apply", "--yes")
        plan, apply = self.gemctl("plan", "--detailed-exitcode"), self.gemctl("apply", "--yes")
        self.write()
        self.declare(*(f"docs/{first // ENTRY}/**/*.md" for first in range(0, self.documents, ENTRY)))
        self.turn(latency=self.latency)
        took = self.gemctl("apply", "--yes", "--parallelism", str(WIDTH), "--allow-documents", "1")
        each, wall = f"{1000 * took.busy / self.documents:.1f} ms", f"{took.wall:.1f} s"
        if ideal := self.documents * CALLS * self.latency / WIDTH:
            self.goals.at_most("sync, beside the ideal", took.wall / ideal, IDEAL, "", wall, f"{ideal:.1f} s")
        self.memory("sync, memory of a document", took, apply)
        newest = self.requests()[-1]
        again = self.gemctl("plan", "--detailed-exitcode")
        self.goals.at_most("plan without changes, requests", len(self.requests(newest)), 1)
        words = f"{again.busy:.2f} s", f"{plan.busy:.2f} s"
        more = 1000 * (again.busy - plan.busy) / self.documents
        self.goals.at_most("plan without changes, one core, a document", more, CORE, "ms", *words)
        self.memory("plan without changes, memory of a document", again, plan)
        print(f"\nThe sync took {each} of one core for each document, and {wall} by the clock.")

    def memory(self, what: str, took: Took, empty: Took) -> None:
        each = (took.memory - empty.memory) / self.documents
        words = f"{took.memory / 2**20:.0f} MiB", f"{empty.memory / 2**20:.0f} MiB"
        self.goals.at_most(what, each, EACH, "bytes", *words)


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("documents", type=int, nargs="?", default=10_000)
    options.add_argument("--latency", type=float, default=LATENCY)
    given = options.parse_args()
    print(f"{given.documents:,} documents, {1000 * given.latency:.0f} ms a call\n")
    with tempfile.TemporaryDirectory() as folder, emulator() as url:
        bench = Bench(Path(folder), url, given.documents, given.latency)
        bench.run()
    return int(bench.goals.missed)


if __name__ == "__main__":
    sys.exit(main())
