"""Projects in folders and a served emulator whose clock runs fast: what the kill tests happen in.

requestDeadline is one second and settle a little more, of a clock that runs two hundred times as fast as ours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from auditor import audit, live_objects, parts, undelivered
from killer import SPEED, Killer

from gemctl.emulator.app import App, Request, Response
from gemctl.emulator.server import running
from gemctl.emulator.world import World
from gemctl.kinds import CATALOGUE
from gemctl.manifest.root import load_project
from gemctl.workflows.declared import declared

START = 1_800_000_000.0  # an instant to start from, in seconds
TEXT = "A cache needs something to keep. " * 150

PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "kill", "id": "k1k1k1k1"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
    "timing": {"requestDeadline": "200s", "settle": "220s"},
    "safety": {"maxDeletes": 1000, "maxDeletePercent": 100},
    "limits": {"jobs": 2},
}


def cache(name, text, **more):
    spec = {"model": "gemini-3.8-flash", "contents": text + TEXT, "ttl": more.pop("ttl", "24h")}
    return {
        "apiVersion": "gemctl/v1",
        "kind": "CachedContent",
        "metadata": {"name": name},
        "spec": spec,
        "publish": [{"file": "out/caches.json", "key": name}],
        **more,
    }


def file(name, source="doc.txt", **more):
    spec = {"source": source}
    return {"apiVersion": "gemctl/v1", "kind": "File", "metadata": {"name": name}, "spec": spec, **more}


def job(name, text, **more):
    requests = [{"key": key, "request": {"contents": f"{text} {key}"}} for key in ("one", "two")]
    return {
        "apiVersion": "gemctl/v1",
        "kind": "BatchJob",
        "metadata": {"name": name},
        "spec": {"model": "gemini-3.8-flash", "requests": requests},
        "run": {"results": f"out/{name}.jsonl"},
        **more,
    }


def job_in_parts(name, shared, **more):
    """Six requests of rows.jsonl in three parts, with a cache under each."""
    spec = {
        "input": {"jsonl": "rows.jsonl"},
        "split": {"requests": 2},
        "request": {"cachedContentRef": {"name": shared}},
    }
    return job(name, "", spec={"model": "gemini-3.8-flash", **spec}, **more)


def policy(name, uses):
    return {
        "apiVersion": "gemctl/v1",
        "kind": "TokenPolicy",
        "metadata": {"name": name},
        "spec": {"uses": uses},
    }


def hook(name, number):
    """A webhook, whose secret goes to a file; and a job's way to refer to it."""
    spec = {
        "uri": f"https://example.com/{number}",
        "subscribedEvents": ["batch.failed"],
        "secret": {"file": f"out/{name}.secret"},
    }
    return {"apiVersion": "gemctl/v1", "kind": "Webhook", "metadata": {"name": name}, "spec": spec}


class Project:
    """One project in a folder of its own, in a world of its own behind the one socket."""

    def __init__(self, place_: Place, name: str, state: object = "local") -> None:
        self.place, self.id = place_, f"k{name}".replace("-", "").lower()
        self.app = place_.new_world()
        self.folder = place_.folder / name
        self.folder.mkdir(parents=True)
        project = {**PROJECT, "metadata": {"name": "kill", "id": self.id}, "stacks": {"dev": {"state": state}}}
        (self.folder / "gemctl.yaml").write_text(json.dumps(project))
        for document in ("doc", "other"):
            (self.folder / f"{document}.txt").write_text(f"{document}: {TEXT}")
        lines = ({"key": f"k{n}", "request": {"contents": [{"parts": [{"text": f"row {n}"}]}]}} for n in range(6))
        (self.folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    def declare(self, *resources) -> None:
        text = "\n---\n".join(json.dumps(resource) for resource in resources)
        (self.folder / "all.yaml").write_text(text or "# nothing\n")

    def run(self, *argv: str, **how) -> int:
        return self.place.killer.run(self.folder, *argv, **how)

    def apply(self, *more: str, **how) -> int:
        """`kill_at` and `signals` as in Killer.run."""
        return self.run("apply", "--yes", "--allow-empty", *more, **how)

    def said(self) -> str:
        return self.place.killer.said()

    def desired(self):
        loaded = load_project(str(self.folder))
        return declared(loaded, loaded.project.stacks["dev"], CATALOGUE)

    def problems(self) -> list[str]:
        """What the auditor finds, and what readers were told that isn't so."""
        desired, live = self.desired(), live_objects(self.app)
        found = list(audit(self.app, desired, self.id, "dev", self.place.now()).problems)
        found += parts(self.app, self.folder, desired)
        sinks = {
            at: self.folder / one.declared.sink.target for at, one in desired.resources.items() if one.declared.sink
        }
        found += undelivered(
            self.app, desired, {at: path.read_text().strip() for at, path in sinks.items() if path.exists()}
        )
        found += [f"others may read {path}" for path in sinks.values() if path.exists() and path.stat().st_mode & 0o077]
        path = self.folder / "out/caches.json"
        told = json.loads(path.read_text()) if path.exists() else {}
        for address, resource in desired.resources.items():
            if resource.publish and told.get(address.name) not in live:
                found.append(f"published: {address.name} is {told.get(address.name)}, which is not live")
        return found

    def converge(self, *more: str) -> tuple[int, list[str]]:
        """Apply until nothing is left to do, at most twice; the exit status of the last run, and what is wrong then."""
        status = self.apply(*more)
        if status != 0 or self.problems():
            status = self.apply(*more)
        return status, self.problems()


class Place:
    """One socket, behind which the newest of many emulators answers, and one process that forks runs of the command
    line.
    """

    kinds: Mapping[str, str] = {}  # what the runs know besides the usual kinds
    speed: float = SPEED

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder, self.origin, self.env = folder, time.monotonic(), env
        self._app = self.new_app()

    def new_app(self) -> App:
        return App(World(now=self.now))

    def start(self, url: str) -> None:
        env = {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "some-key", "NO_COLOR": "1", **self.env}
        self.killer = Killer(self.folder / "output", env, self.origin, START, dict(self.kinds), self.speed)

    def now(self) -> datetime:
        return datetime.fromtimestamp(START + (time.monotonic() - self.origin) * self.speed, UTC)

    def new_world(self) -> App:
        """From now on the socket leads here; what was in the world before is out of the way."""
        assert not self._app.bugs
        self._app = self.new_app()
        return self._app

    def handle(self, request: Request) -> Response:
        return self._app.handle(request)


@contextmanager
def place(folder: Path, make=Place, **env: str):
    """`env` are variables for the runs."""
    one = make(folder, env)
    with running(one) as url:
        one.start(url)
        try:
            yield one
        finally:
            one.killer.close()
            one.new_world()
