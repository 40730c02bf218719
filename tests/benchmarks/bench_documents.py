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
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(ROOT),
    "NO_COLOR": "1",
    "GEMINI_API_KEY": "some-key",
}
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


@dataclass(frozen=True)
class Took:
    """What a process took: seconds of one core, seconds by the clock, and bytes of memory at most."""

    busy: float
    wall: float
    memory: int


class Bench:
    def __init__(self, folder: Path, url: str, documents: int) -> None:
        self.folder, self.url, self.documents, self.missed = folder, url, documents, False
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
        began = time.perf_counter()
        env = {**ENVIRONMENT, "GOOGLE_GEMINI_BASE_URL": self.url}
        with (self.folder / "said").open("w+b") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "gemctl", *words],
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            if process.returncode:
                raise SystemExit(f"{words}: {process.returncode}\n{said.read().decode()[-3000:]}")
        return Took(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss * 1024)

    def tell(self, name: str, found: float, most: float, unit: str) -> None:
        self.missed |= found > most
        print(
            f"  {name:<44}{found:>9,.2f} {unit:<10}(at most {most:,.2f}{'; MISSED' if found > most else ''})",
            flush=True,
        )

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
        each = 1000 * took.busy / self.documents
        print(f"  the sync took {took.wall:.1f} s by the clock, and {each:.1f} ms of a core for each")
        self.tell("sync, as a multiple of the ideal", took.wall / ideal, IDEAL, "")
        self.tell("sync, memory", (took.memory - apply.memory) / self.documents, EACH, "bytes each")
        newest = self.requests()[-1]
        again = self.gemctl("plan", "--detailed-exitcode")
        self.tell("plan without changes, requests", len(self.requests(newest)), 1, "")
        self.tell("plan without changes, beyond an empty one's", again.busy - plan.busy, CORE, "s")
        self.tell("plan without changes, memory", (again.memory - plan.memory) / self.documents, EACH, "bytes each")


def main() -> int:
    documents = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{documents:,} documents")
    argv = [sys.executable, "-m", "gemctl", "emulator", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(argv, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as server,
    ):
        try:
            assert server.stdout
            found = re.search(r"http://\S+:\d+", server.stdout.readline())
            assert found
            bench = Bench(Path(folder), found[0], documents)
            bench.run()
        finally:
            server.terminate()
    return int(bench.missed)


if __name__ == "__main__":
    sys.exit(main())
