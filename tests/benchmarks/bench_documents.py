"""How quick the command line is with a large store: `python tests/benchmarks/bench_documents.py [DOCUMENTS]`.

Ten thousand small documents in a folder are brought into a file search store by `gemctl`, against an emulator that
answers each call 100 ms later, all in processes of their own. Prints beside the goals: the time of the sync as a
multiple of the ideal, which is three calls a document (start, upload, a look at the operation) with sixteen at a time
and nothing between them; seconds of one core of a plan without changes, beyond those of a plan of an empty store; its
requests; and the memory for each document, beyond that of the empty store. Not collected by pytest: clocks differ, so
run it by hand on a quiet machine. Exits with 1 when a goal is missed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from pathlib import Path

from measure import Goals, Took, emulator, gemctl

LATENCY, WIDTH, CALLS = 0.1, 16, 3  # seconds of a call, calls at a time, calls a document
IDEAL, CORE, EACH = 1.15, 2.0, 1024  # times the ideal, seconds of one core, bytes a document
PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "library", "id": "abcd1234"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
    "safety": {"maxDeletePercent": 100},
}


class Bench:
    def __init__(self, folder: Path, url: str, documents: int) -> None:
        self.folder, self.url, self.documents, self.goals = folder, url, documents, Goals()
        (folder / "gemctl.yaml").write_text(json.dumps(PROJECT))
        (folder / "first.md").write_text("# The only one\n\nThere is nothing else yet.\n")
        self.declare("first.md")

    def declare(self, files: str) -> None:
        spec = {"documents": [{"files": files, "metadata": {"audience": "readers"}}]}
        store = {"apiVersion": "gemctl/v1", "kind": "FileSearchStore", "metadata": {"name": "all"}, "spec": spec}
        (self.folder / "store.yaml").write_text(json.dumps(store))

    def write(self) -> None:
        for number in range(self.documents):
            place = self.folder / f"docs/part-{number // 100:03}/article-{number:05}.md"
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
        self.declare("docs/**/*.md")
        self.turn(latency=LATENCY)
        took = self.gemctl("apply", "--yes", "--parallelism", str(WIDTH), "--allow-documents", "1")
        ideal = self.documents * CALLS * LATENCY / WIDTH
        each, wall = f"{1000 * took.busy / self.documents:.1f} ms each", f"{took.wall:.1f} s"
        self.goals.at_most("sync, beside the ideal", took.wall / ideal, IDEAL, "", wall, f"{ideal:.1f} s")
        self.memory("sync, memory of a document", took, apply)
        newest = self.requests()[-1]
        again = self.gemctl("plan", "--detailed-exitcode")
        self.goals.at_most("plan without changes, requests", len(self.requests(newest)), 1)
        words = f"{again.busy:.2f} s", f"{plan.busy:.2f} s"
        self.goals.at_most("plan without changes, beyond an empty store's", again.busy - plan.busy, CORE, "s", *words)
        self.memory("plan without changes, memory of a document", again, plan)
        print(f"\nThe sync took {each} of a core.")

    def memory(self, what: str, took: Took, empty: Took) -> None:
        each = (took.memory - empty.memory) / self.documents
        words = f"{took.memory / 2**20:.0f} MiB", f"{empty.memory / 2**20:.0f} MiB"
        self.goals.at_most(what, each, EACH, "bytes", *words)


def main() -> int:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{documents:,} documents\n")
    with tempfile.TemporaryDirectory() as folder, emulator() as url:
        bench = Bench(Path(folder), url, documents)
        bench.run()
    return int(bench.goals.missed)


if __name__ == "__main__":
    sys.exit(main())
