"""Projects that declare interactions, on the embedded emulator, and what the service has of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fakes.fake_emulator import made
from fakes.fake_project import FakeProject

MODEL, IMAGES, SPEECH = "gemini-3.8-flash", "gemini-3.1-flash-image", "gemini-3.8-flash-tts"
RESEARCH = "deep-research-preview-04-2026"
LONG = timedelta(minutes=10)  # after which all has ended that ends


class Asking(FakeProject):
    """A project that asks."""

    def ask(self, name: str, text: Any = "Why?", results: str | None = None, run: Any = None, **spec: Any) -> None:
        """Declare an interaction with a model, unless the spec has an agent."""
        who = {} if {"agent", "agentRef"} & spec.keys() else {"model": MODEL}
        rules = {**({"results": results} if results else {}), **(run or {})}
        self.declare("Interaction", name, {**who, "input": text, **spec}, **({"run": rules} if rules else {}))

    def done(self, more: str = "", status: int = 0) -> None:
        """Apply; wait; apply."""
        self.gemctl(f"apply --yes {more}", status)
        self.clock.advance(LONG)
        self.gemctl(f"apply --yes {more}", status)

    def paid(self) -> int:
        """How many were ever made."""
        return len(made(self.app, "interactions"))

    def text(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def notes(self) -> dict[str, str]:
        return {address: change["note"] or "" for address, change in self.changes().items()}

    def shown(self, name: str) -> Any:
        """What the service shows of one, by its address."""
        return super().ask("GET", self.outputs(name)["name"])

    def outputs(self, name: str) -> Any:
        return self.gemctl(f"output Interaction/{name}")["outputs"][f"Interaction/{name}"]
