"""A project's life in a pipeline, told once for GitHub and GitLab and for each way to keep a state."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import httpx
from machine import Job, Machine

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {{name: desk, id: 7d8kq2wx}}
defaultStack: prod
stacks:
  prod: {stack}
defaults:
  CachedContent:
    spec: {{model: gemini-3.8-flash, ttl: 4h}}
    lifecycle: {{renewBefore: 2h}}
timing: {{settle: 1s}}
"""
CACHE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {{name: {name}}}
spec:
  contents: {{parts: [{{textFile: texts/{name}.md}}]}}
"""
TEXT = "All there is to know about {name}, said slowly and at some length.\n" * 80


class Pipeline(Protocol):
    machine: Machine

    def proposed(self, branch: str) -> dict[str, Job]: ...
    def merged(self, *, before_apply=...) -> dict[str, Job]: ...
    def scheduled(self) -> dict[str, Job]: ...


def declare(folder: Path, name: str, text: str = TEXT) -> None:
    (folder / f"{name}.yaml").write_text(CACHE.format(name=name))
    (folder / "texts").mkdir(exist_ok=True)
    (folder / f"texts/{name}.md").write_text(text.format(name=name))


def start(machine: Machine, stack: str) -> None:
    """The first commit on main: two caches."""
    (machine.admin / "gemctl.yaml").write_text(PROJECT.format(stack=stack))
    declare(machine.admin, "handbook")
    declare(machine.admin, "prices")
    commit(machine, "main")


def commit(machine: Machine, branch: str) -> None:
    machine.git(machine.admin, "add", "--all")
    machine.git(machine.admin, "commit", "--quiet", "--message=work")
    machine.git(machine.admin, "push", "--quiet", "origin", f"HEAD:{branch}")


def propose(machine: Machine) -> None:
    """On a branch: an edit of one cache, and another one."""
    machine.git(machine.admin, "switch", "--quiet", "--create", "winter")
    declare(machine.admin, "handbook", TEXT + "Closed in winter.\n")
    declare(machine.admin, "opening")
    commit(machine, "winter")


def merge(machine: Machine) -> None:
    machine.git(machine.admin, "switch", "--quiet", "main")
    machine.git(machine.admin, "merge", "--quiet", "--no-ff", "--no-edit", "winter")
    machine.git(machine.admin, "push", "--quiet", "origin", "main")


def statuses(jobs: dict[str, Job]) -> dict[str, str]:
    return {name: job.status for name, job in jobs.items() if job.status != "skipped"}


class Auditor:
    """What really happened, by the emulator's own log."""

    def __init__(self, emulator: Any) -> None:
        self.emulator = emulator
        self.seen = 0

    def since(self) -> list[str]:
        """What was done to caches since the last time, in order; what ended by itself left out."""
        effects = self.emulator.effects()
        new, self.seen = effects[self.seen :], len(effects)
        return sorted(effect["kind"] for effect in new if effect["kind"] != "expired")

    def live(self, key: str) -> list[str]:
        """What is there, by its name for people, without the mark."""
        answer = httpx.get(
            f"{self.emulator.url}/v1beta/cachedContents", headers={"x-goog-api-key": key}, trust_env=False
        )
        return sorted(cache["displayName"].partition(" ~")[0] for cache in answer.json().get("cachedContents", []))
