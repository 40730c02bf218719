"""Projects that declare the fake kinds, on the embedded emulator: for tests of what is common to all kinds."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.fake_emulator import embedded
from fakes.kinds import KINDS
from values import ManualClock

from gemctl import kinds
from gemctl.cli.main import run

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
        self.folder, self.clock, self.errors = folder, ManualClock(), ""
        (folder / "gemctl.yaml").write_text(json.dumps(PROJECT), encoding="utf-8")

    def declare(self, kind: str, name: str, spec: Mapping[str, Any], **envelope: Any) -> None:
        document = {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, **envelope}
        (self.folder / f"{kind}-{name}.yaml").write_text(json.dumps(document), encoding="utf-8")

    def remove(self, kind: str, name: str) -> None:
        (self.folder / f"{kind}-{name}.yaml").unlink()

    def gemctl(self, line: str, status: int = 0) -> Any:
        """What the command says as JSON; lines of JSON come as a list."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = run(["-C", str(self.folder), "--json", *line.split()], clock=self.clock)
        self.errors = err.getvalue()
        assert found == status, (line, out.getvalue(), self.errors)
        lines = out.getvalue().splitlines()
        if line.split()[0] in ("apply", "destroy"):
            return [json.loads(one) for one in lines]
        return json.loads(out.getvalue()) if lines else None

    def plan(self, more: str = "", status: int = 0) -> dict[str, tuple[str, str]]:
        """For each address what is planned, and why."""
        changes = self.gemctl(f"plan {more}", status)["changes"]
        return {change["address"]: (change["action"], change["reason"]) for change in changes}
