"""gemctl and the official SDK on one served emulator, with a clock that all three share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

TEXT = "The espresso machine wants clean water and a little patience. " * 120
MODEL = "gemini-2.5-flash"
KEY = "a-key"
PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "sdk", "id": "sdk4sdk4"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
}


class Bench:
    """One emulator with both of its clients. `app` is the service's side: what came in, and what came of it."""

    def __init__(self, app: App, url: str, folder: Path, clock: ManualClock, capsys: Any) -> None:
        self.app, self.url, self.clock, self._folder, self._capsys = app, url, clock, folder, capsys
        self._clients: list[Any] = []
        (folder / "gemctl.yaml").write_text(json.dumps(PROJECT))

    def declare(self, kind: str, name: str, spec: Any, **more: Any) -> None:
        """Write a manifest."""
        manifest = {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, **more}
        (self._folder / f"{kind}-{name}.yaml").write_text(json.dumps(manifest))

    def write(self, name: str, data: bytes) -> Path:
        """A file beside the manifests."""
        (self._folder / name).write_bytes(data)
        return self._folder / name

    def gemctl(self, *argv: str, status: int = 0) -> str:
        """Run a command; what it prints."""
        self._capsys.readouterr()
        ended = run(["-C", str(self._folder), *argv], clock=self.clock)
        said = self._capsys.readouterr()
        assert ended == status, said.out + said.err
        return str(said.out)

    def sdk(self, version: str = "v1beta", key: str = KEY) -> Any:
        """The SDK's own client. It is kept: one that is forgotten closes itself in the middle of its call."""
        from google import genai

        client = genai.Client(api_key=key, http_options={"base_url": self.url, "api_version": version})
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()


@contextlib.contextmanager
def bench(folder: Path, monkeypatch: Any, capsys: Any) -> Iterator[Bench]:
    clock = ManualClock()
    app = App(World(now=clock.now))
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        monkeypatch.setenv("GEMINI_API_KEY", KEY)
        one = Bench(app, url, folder, clock, capsys)
        yield one
        one.close()
    assert not app.bugs
