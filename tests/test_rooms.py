"""Who may enter which room, and which library has which door: the table of docs/architecture.md, enforced.

Read from the text of the modules, so that a forbidden import inside a function is found as well.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gemctl"

# room → rooms it may import from (and itself)
ROOMS = {
    "core": set(),
    "files": {"core"},
    "kinds": {"core"},
    "manifest": {"core", "files"},
    "plan": {"core"},
    "state": {"core", "files"},
    "api": {"core"},
    "render": {"core"},
    "emulator": set(),
    "outputs": {"core", "files", "api"},
    "engine": {"core", "api"},
    "workflows": {"core", "files", "kinds", "manifest", "plan", "state", "api", "emulator", "outputs", "engine"},
    "cli": {"core", "render", "workflows", "outputs", "engine"},
}
# library → the modules through which it comes in
DOORS = {
    "click": {"cli.*"},
    "deepdiff": {"plan.diff"},
    "httpcore": {"api.transport"},
    "httpx": {"api._httpx", "emulator.transport"},
    "pydantic": {"kinds.*", "manifest.bind", "manifest.envelope", "manifest.places", "manifest.project", "plan.file",
                 "state.codec"},
    "pydantic_core": {"kinds.*", "manifest.envelope"},
    "certifi": {"api.transport"},
    "keyring": {"api.keyring"},
    "prometheus_client": {"workflows.metrics"},
    "rich": {"render.progress"},
    "obstore": {"state.objects"},
    "psycopg": {"state.postgres"},
    "starlette": {"emulator.server"},
    "uvicorn": {"emulator.server"},
    "yaml": {"manifest.yaml"},
}  # fmt: skip
PURE = ("core", "kinds", "plan", "manifest.yaml", "manifest.bind", "manifest.envelope", "manifest.refs",
        "manifest.layers", "manifest.origins", "render.manifests", "render.sketches",
        "manifest.schema", "manifest.describe", "render.human", "render.json", "render.diagnostics", "render.safe",
        "render.paint", "render.outline", "render.markdown", "render.markup", "render.html", "render.svg",
        "render.layout", "render.graph", "render.help", "render.watch", "render.fields",
        "engine.machine", "engine.explain", "outputs.results_account", "state.codec", "state.join", "state.journal",
        "api.retry", "api.errors", "api.body")  # fmt: skip
WORLDLY = {"os", "pathlib", "time", "random", "socket", "subprocess", "asyncio", "threading", "tempfile", "shutil",
           "urllib.request", "http", "secrets", "signal", "io", "queue", "concurrent"}  # fmt: skip
NOWISH = {"now", "today", "utcnow"}


def modules():
    """(name below gemctl, syntax tree) of every module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    """Every imported module, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _through(name, doors):
    return any(name == door or (door.endswith(".*") and name.startswith(door[:-1])) for door in doors)


def violations(name, tree):
    """What this module does that its room may not."""
    room = name.partition(".")[0]
    pure = any(name == module or name.startswith(module + ".") for module in PURE)
    for target, line in imports(tree):
        top = target.partition(".")[0]
        if target.startswith("gemctl."):
            other = target.split(".")[1]
            if room in ROOMS and other in ROOMS and other != room and other not in ROOMS[room]:
                yield f"{name}:{line}: {room} may not enter {other}"
            if room == "kinds" and target.count(".") >= 2 and name.count(".") and not target.startswith(
                ("gemctl.kinds.api_types", "gemctl.kinds.parts", "gemctl.core")
            ):  # fmt: skip
                yield f"{name}:{line}: a kind may not know another kind ({target})"
        elif top in DOORS:
            if not _through(name, DOORS[top]):
                yield f"{name}:{line}: {top} comes in through {', '.join(sorted(DOORS[top]))} only"
        elif top not in sys.stdlib_module_names and top != "gemctl":
            yield f"{name}:{line}: {top} has no door"
        if pure and any(target == worldly or target.startswith(worldly + ".") for worldly in WORLDLY):
            yield f"{name}:{line}: a pure module may not import {target}"
    for node in ast.walk(tree):
        if pure and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NOWISH:
            yield f"{name}:{node.lineno}: a pure module may not ask what time it is"


def test_every_module_keeps_to_its_room():
    assert [line for name, tree in modules() for line in violations(name, tree)] == []


def test_every_module_is_in_a_room():
    rooms = {name.partition(".")[0] for name, _ in modules()} - {"", "__init__", "__main__"}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("core.address", "from gemctl.plan import diff"),
        ("plan.compare", "import gemctl.kinds.cached_content"),
        ("plan.compare", "from gemctl.state.codec import Identity"),
        ("plan.compare", "import deepdiff"),
        ("plan.guard", "from datetime import datetime\ndatetime.now()"),
        ("plan.order", "import os"),
        ("plan.order", "def f():\n    import random"),
        ("kinds.cached_content", "from gemctl.kinds.file import FileKind"),
        ("kinds.parts.contents", "from gemctl.kinds.file import FileKind"),
        ("kinds.cached_content", "import httpx"),
        ("manifest.bind", "import yaml"),
        ("manifest.bind", "from gemctl.kinds import CATALOGUE"),
        ("render.human", "from gemctl.workflows.plan import Planned"),
        ("render.human", "import rich.text"),
        ("emulator.world", "from gemctl.core.moment import parse_instant"),
        ("emulator.world", "import httpx"),
        ("engine.machine", "import threading"),
        ("engine.execute", "from gemctl.cli.term import Terminal"),
        ("outputs.results", "from gemctl.engine.machine import Reap"),
        ("manifest.load", "from gemctl.outputs.receipts import with_receipts"),
        ("workflows.apply", "from gemctl.render import human"),
        ("workflows.apply", "import click"),
        ("cli.main", "from gemctl.plan.make import make"),
        ("cli.main", "import requests"),
        ("api.client", "import httpx"),
    ],
)
def test_a_violation_is_caught(module, line):
    assert list(violations(module, ast.parse(line)))


def test_the_architecture_page_shows_this_table():
    """docs/architecture.md has one row a room: | `plan` | core | deepdiff (`diff.py`), … |"""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for room, allowed in ROOMS.items():
        row = re.search(rf"^\| `{room}` \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)
        assert row, f"no row for {room}"
        assert set(re.findall(r"[a-z]+", row.group(1))) - {"nothing"} == allowed, room
        libraries = {library for library, doors in DOORS.items() if any(d.startswith(room + ".") for d in doors)}
        assert {library for library in DOORS if re.search(rf"\b{library}\b", row.group(2))} == libraries, room
