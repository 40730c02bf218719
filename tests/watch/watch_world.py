"""`gemctl watch` in this process, under a clock that only moves when it sleeps, and what else happens meanwhile."""

from __future__ import annotations

import contextlib
import io
import json
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from values import START, ManualClock

from gemctl.cli.main import run
from gemctl.core.errors import Interrupted
from gemctl.core.moment import parse_duration, parse_instant

TEXT = "All there is to know about this, said slowly and at some length.\n" * 80
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks:
  local: {endpoint: emulator}
  live: {}
defaults:
  CachedContent: {spec: {model: gemini-3.8-flash, ttl: 60m}, lifecycle: {renewBefore: 20m}}
"""


def cache(name: str, text: str = TEXT, more: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in f"{name}: {text}".splitlines())
    head = f"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {{name: {name}}}\n{more}"
    return f"{head}spec:\n  contents: |\n{lines}"


class Schedule(ManualClock):
    """A clock at which things happen: each when its time comes, in the middle of somebody's sleep."""

    def __init__(self) -> None:
        super().__init__()
        self.todo: list[tuple[float, Callable[[], object]]] = []

    def at(self, when: str, what: Callable[[], object]) -> None:
        self.todo.append((parse_duration(when).total_seconds(), what))
        self.todo.sort(key=lambda pair: pair[0])

    def sleep(self, seconds: float) -> None:
        until = self.monotonic() + max(seconds, 0.0)
        while self.todo and self.todo[0][0] <= until:
            when, what = self.todo.pop(0)
            self.advance(max(when - self.monotonic(), 0.0))
            what()
        self.advance(max(until - self.monotonic(), 0.0))


class Place:
    """A project, its clock, and what a watch in it said."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder, self.clock = folder, Schedule()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gemctl.yaml").write_text(PROJECT, encoding="utf-8")
        for name in names or ("one",):
            self.write(f"{name}.yaml", cache(name))
        self.lines: list[dict] = []
        self.err = self.out = ""

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text, encoding="utf-8")

    def at(self, when: str, what: Callable[..., object], *given: object) -> None:
        self.clock.at(when, lambda: what(*given))

    def gemctl(self, *words: str) -> int:
        """Another command, at this moment; nothing of what it says is kept."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return run(["-C", str(self.folder), *words], clock=self.clock)

    def applied(self) -> Place:
        assert self.gemctl("apply", "--yes") == 0
        return self

    def watch(self, *words: str, until: str, number: int = signal.SIGTERM, as_json: bool = True) -> int:
        """Until that time has passed since the clock began; then a signal comes. By default it looks every 150 s."""

        def end() -> None:
            raise Interrupted(number)

        self.clock.at(until, end)
        out, err = io.StringIO(), io.StringIO()
        words = (
            "-C",
            str(self.folder),
            "watch",
            "--jitter",
            "0s",
            "--interval",
            "150s",
            *words,
            *(["--json"] if as_json else []),
        )
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(words, clock=self.clock)
        self.out, self.err = out.getvalue(), err.getvalue()
        assert "Traceback" not in self.err
        if as_json and status == 64 and self.out.startswith("{\n"):  # the command did not begin
            self.lines = [json.loads(self.out)]
        elif as_json:
            self.lines = [json.loads(line) for line in self.out.splitlines()]
        return status

    # What it said

    def told(self, event: str) -> list[dict]:
        """The lines of this event of the watching, each with the seconds since the beginning."""
        return [line for line in self.lines if line.get("event") == event]

    def steps(self) -> list[str]:
        """`update CachedContent/one`, one for each step that was done."""
        return [f"{x['operation']} {x['address']}" for x in self.lines if x["type"] == "step" and x["status"] == "done"]

    def codes(self) -> list[list[str]]:
        return [[found["code"] for found in line["diagnostics"]] for line in self.told("error")]

    def live(self) -> dict[str, timedelta]:
        """What is live, by address, and how much life it has."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            assert run(["-C", str(self.folder), "get", "--json"], clock=self.clock) == 0
        return {
            item["owner"] or item["name"]: timedelta(seconds=item["remainingSeconds"])
            for item in json.loads(out.getvalue())["objects"]
        }


def minutes(at: str) -> float:
    """An instant in a line, as minutes since the beginning."""
    return round((parse_instant(at) - START) / timedelta(minutes=1), 2)
