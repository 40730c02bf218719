"""Projects of many caches, and a service that counts what it is asked."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.world import World

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: many, id: abcd1234}
defaultStack: live
stacks: {live: {}}
defaults: {CachedContent: {spec: {model: gemini-3.8-flash, ttl: 24h}}}
"""


class Counting(App):
    """Counts requests by method. The next `lacking` answers to a GET show nothing."""

    def __init__(self, clock) -> None:
        super().__init__(World(now=clock.now), min_cache_tokens=1)
        self.counts: Counter[str] = Counter()
        self.lacking = 0

    def handle(self, request):
        self.counts[request.method] += 1
        response = super().handle(request)
        if request.method == "GET" and self.lacking:
            self.lacking -= 1
            return replace(response, headers={"Content-Type": "application/json"}, body=b"{}")
        return response


def declare(folder: Path, count: int, first: int = 0) -> None:
    """So many caches, a hundred to a file, with numbers from `first` on."""
    (folder / "gemctl.yaml").write_text(PROJECT)
    for start in range(first, first + count, 100):
        documents = [
            f"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {{name: c{n}}}\nspec: {{contents: text {n}}}\n"
            for n in range(start, min(start + 100, first + count))
        ]
        (folder / f"caches{start}.yaml").write_text("---\n".join(documents))


class Many:
    """A project, and what its last command cost."""

    def __init__(self, folder, costs) -> None:
        self.folder, self.costs, self.clock = folder, costs, ManualClock()
        self.app = Counting(self.clock)

    def gemctl(self, *words):
        self.app.counts.clear()
        self.costs.clear()
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(io.StringIO()) as wrong:
            status = run(words, clock=self.clock)
        assert status == 0, said.getvalue() + wrong.getvalue()
        return said.getvalue()

    def others(self, collection, count):
        """So many objects of somebody else."""
        with self.app.world.turn():
            for number in range(count):
                body = {"displayName": f"other {number}", "model": "models/gemini-3.8-flash", "tokens": 1}
                expires = self.app.world.clock() + 10**15
                self.app.world.create(collection, "emulated-project", body, expires=expires)
