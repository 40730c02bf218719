"""A project in a folder, from a few texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Rejected
from gemctl.core.resource import Desired
from gemctl.kinds import CATALOGUE
from gemctl.manifest.load import load
from gemctl.manifest.root import load_project
from gemctl.manifest.stack import choose_stack

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: test, id: abcd}
stacks:
  local: {endpoint: emulator, vars: {name: Ada, ttl: 2h}}
"""

HEAD = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: faq}
spec:
  model: gemini-2.5-flash
"""


@dataclass(frozen=True)
class Workspace:
    """A project folder. Every file is text, or bytes."""

    root: Path

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))

    def load(self, *paths: str, stack: str | None = None, now: datetime | None = NOW) -> Desired:
        loaded = load_project(str(self.root))
        return load(loaded, choose_stack(loaded.project, stack), CATALOGUE, paths, base=str(self.root), now=now)

    def problems(self, *paths: str) -> tuple[Diagnostic, ...]:
        """What is said about the project, warnings included."""
        try:
            return self.load(*paths).warnings
        except Rejected as rejected:
            return rejected.diagnostics


def manifest(spec: str, head: str = HEAD) -> str:
    """A CachedContent whose spec goes on with these lines, from line 6."""
    return head + "".join(f"  {line}\n" for line in spec.split("\n"))


def short(
    diagnostics: tuple[Diagnostic, ...], *, without: frozenset[str] = frozenset(), main: str = "m.yaml"
) -> list[str]:
    """`line:column code` in the main file, `file:line:column code` elsewhere."""
    shown = []
    for found in diagnostics:
        if found.code in without:
            continue
        place = str(found.span) if found.span else "-"
        shown.append(f"{place.removeprefix(f'{main}:')} {found.code}")
    return shown
