"""Projects that declare the fake kinds, on the embedded emulator: for tests of what is common to all kinds."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.fake_emulator import embedded, fake_app, live, made
from fakes.kinds import KINDS
from values import ManualClock

from gemctl import kinds
from gemctl.cli.main import run
from gemctl.emulator.app import App, Request
from gemctl.emulator.faults import Fault
from gemctl.emulator.folder import Folder
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "fakes", "id": "abcd1234"},
    "defaultStack": "local",
    "stacks": {"local": {"endpoint": "emulator"}},
    "safety": {"maxDeletes": 100, "maxDeletePercent": 100},
}


@contextmanager
def known() -> Iterator[None]:
    """As long as the block runs, the catalogue has the fake kinds, and the emulator serves them."""
    with pytest.MonkeyPatch.context() as patch, embedded():
        for name, module in KINDS.items():
            patch.setitem(kinds._KINDS, name, module)
        yield


class FakeProject:
    """A folder with manifests, and the command line for it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.errors, self.said = folder, ManualClock(), "", ""
        self.knobs: dict[str, Any] = {}  # of the emulator
        self.settings()

    def settings(self, **more: Any) -> None:
        """Write gemctl.yaml, with these keys besides the usual."""
        (self.folder / "gemctl.yaml").write_text(json.dumps({**PROJECT, **more}), encoding="utf-8")

    def declare(self, kind: str, name: str, spec: Mapping[str, Any], **envelope: Any) -> None:
        document = {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, **envelope}
        (self.folder / f"{kind}-{name}.yaml").write_text(json.dumps(document), encoding="utf-8")

    def remove(self, kind: str, name: str) -> None:
        (self.folder / f"{kind}-{name}.yaml").unlink()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, encoding="utf-8")

    def gemctl(self, line: str, status: int | None = 0, *, faults: Iterable[Fault] = ()) -> Any:
        """What the command says as JSON; lines of JSON come as a list. It ends with this `status`, or any where that
        is None. `faults` befall its requests.
        """
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            embedded(faults=tuple(faults), **self.knobs),
        ):
            found = run(["-C", str(self.folder), "--json", *line.split()], clock=self.clock)
        self.errors, self.said = err.getvalue(), out.getvalue()
        assert status in (found, None), (line, out.getvalue(), self.errors)
        try:
            return json.loads(self.said) if self.said else None
        except json.JSONDecodeError:
            return [json.loads(one) for one in self.said.splitlines()]

    @property
    def app(self) -> App:
        """The service as another client finds it."""
        store = FileStore(Folder(self.folder / ".gemctl/local/emulator"))
        return fake_app(World(store, now=self.clock.now), **self.knobs)

    def ask(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """What somebody else does, with a key of the same project."""
        data = b"" if body is None else json.dumps(body).encode()
        way, _, query = path.partition("?")
        pairs = tuple(tuple(pair.split("=")) for pair in query.split("&") if pair)
        found = self.app.handle(Request(method, f"/v1beta/{way}", pairs, {"x-goog-api-key": "hand"}, data))
        assert found.status == status, found.body
        return json.loads(found.body)

    def live(self, collection: str) -> list[str]:
        """The live names of a collection, oldest first."""
        return [row.name for row in live(self.app, collection)]

    def made(self, collection: str) -> int:
        """How many were ever made, whether or not that was heard."""
        return len(made(self.app, collection))

    def made_documents(self) -> list[str]:
        """The documents that were ever made, in any store."""
        return [one.name for one in self.app.effects if one.kind == "created" and "/documents/" in one.name]

    def calls(self, since: int = 0) -> list[str]:
        """What changed in the world: `created fakeAgents/helper`."""
        return [f"{effect.kind} {effect.name}" for effect in self.app.effects][since:]

    def changes(self, more: str = "", status: int = 0) -> dict[str, dict[str, Any]]:
        """For each address the whole change that is planned."""
        return {change["address"]: change for change in self.gemctl(f"plan {more}", status)["changes"]}

    def codes(self) -> set[str]:
        """The codes of the diagnostics that the last command gave."""
        return set(re.findall(r"[EW][0-9]{3}\b", self.said + self.errors))

    def plan(self, more: str = "", status: int = 0) -> dict[str, tuple[str, str]]:
        """For each address what is planned, and why."""
        changes = self.gemctl(f"plan {more}", status)["changes"]
        return {change["address"]: (change["action"], change["reason"]) for change in changes}
