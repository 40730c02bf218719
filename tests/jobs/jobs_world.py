"""A project with jobs on the embedded emulator, and a clock that only moves when somebody waits or moves it."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App, Request
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks:
  local: {endpoint: emulator}
timing: {requestDeadline: 5s, settle: 30s}
"""


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Shop:
    """One project."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, ManualClock()
        folder.mkdir(parents=True, exist_ok=True)
        self.write("gemctl.yaml", PROJECT)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def job(self, *texts: str, name: str = "nightly", results: str | None = None, **rules) -> None:
        """Declare a job with a request for each text, under the keys k0, k1, …"""
        requests = [{"key": f"k{number}", "request": {"contents": text}} for number, text in enumerate(texts)]
        self.declare(name, {"requests": requests}, results=results, **rules)

    def declare(self, name, spec, *, results=None, display_name=None, protect=False, ignore=(), **rules) -> None:
        spec = {"model": "gemini-3.8-flash", **({"displayName": display_name} if display_name else {}), **spec}
        document = {
            "apiVersion": "gemctl/v1",
            "kind": "BatchJob",
            "metadata": {"name": name},
            "spec": spec,
            "run": {"results": results or f"out/{name}.jsonl", **rules},
            "lifecycle": {"preventDestroy": protect, "ignoreChanges": list(ignore)},
        }
        self.write(f"{name}.yaml", json.dumps(document))

    def cache(self, name="handbook") -> None:
        spec = {"model": "gemini-3.8-flash", "ttl": "24h", "contents": "All there is to know. " * 400}
        head = {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": name}}
        self.write(f"{name}.yaml", json.dumps({**head, "spec": spec}))

    def gemctl(self, *words: str, status: int = 0) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = int(run(["-C", str(self.folder), *words], clock=self.clock))
        assert found == status, (words, found, out.getvalue(), err.getvalue())
        assert "Traceback" not in err.getvalue()
        return Said(found, out.getvalue(), err.getvalue())

    def plan(self, *words: str, status: int = 0) -> list[str]:
        """`action address · reason` of each change."""
        document = self.gemctl("plan", "--json", *words, status=status).document
        return [f"{change['action']} {change['address']} · {change['reason']}" for change in document["changes"]]

    def apply(self, *words: str, status: int = 0) -> Said:
        return self.gemctl("apply", "--yes", *words, status=status)

    def later(self, seconds: float = 10) -> None:
        """Long enough for jobs to end."""
        self.clock.advance(seconds)

    def is_quiet(self) -> bool:
        """Three plans in a row that do nothing."""
        return all(self.gemctl("plan", "--detailed-exitcode").status == 0 for _ in range(3))

    # What there is

    def results(self, file: str = "out/nightly.jsonl") -> dict[str, str]:
        """key → response, or the error's message, in the order of the file."""
        found = {}
        for line in (self.folder / file).read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            found[one["key"]] = "response" if "response" in one else one["error"].get("message", one["error"]["code"])
        return found

    def answered(self, file: str = "out/nightly.jsonl") -> str:
        """One letter a result, in the order of the file: `r` for a response, `e` for an error."""
        return "".join("r" if kind == "response" else "e" for kind in self.results(file).values())

    def receipt(self, file: str = "out/nightly.jsonl"):
        return json.loads((self.folder / f"{file}.run.json").read_text(encoding="utf-8"))

    def files(self) -> set[str]:
        return {path.name for path in (self.folder / "out").iterdir()}

    @property
    def state(self) -> Path:
        return self.folder / ".gemctl/local/state.json"

    def lose_state(self) -> None:
        for name in ("state.json", "journal"):
            (self.folder / ".gemctl/local" / name).unlink(missing_ok=True)

    @property
    def app(self) -> App:
        """The service, for somebody else."""
        return App(World(FileStore(self.folder / ".gemctl/local/emulator"), now=self.clock.now))

    def call(self, method: str, path: str, body=None):
        data = b"" if body is None else json.dumps(body).encode()
        reply = self.app.handle(Request(method, f"/v1beta/{path}", (), {"x-goog-api-key": "any"}, data))
        return json.loads(reply.body)

    def live(self) -> list[dict[str, str]]:
        """The metadata of all live jobs, oldest first."""
        found = [one["metadata"] for one in self.call("GET", "batches").get("operations", [])]
        return sorted(found, key=lambda one: one["createTime"])

    def forget_jobs(self) -> None:
        """As the service does after a while."""
        for one in self.live():
            self.call("DELETE", one["name"])
