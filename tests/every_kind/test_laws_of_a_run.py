"""Laws of whole runs, for random small projects on the embedded emulator."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App, Request
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "laws", "id": "abcd1234"},
    "defaultStack": "local",
    "stacks": {"local": {"endpoint": "emulator"}},
    "safety": {"maxDeletes": 100, "maxDeletePercent": 100},
}
LONG = "word " * 1000
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co"]), max_size=20)
messages = texts.map(lambda text: LONG + text.replace("${", ""))
names_of_things = texts.map(str.strip).filter(lambda text: text and text.isprintable() and not {*"~$"} & {*text})
specs = st.fixed_dictionaries(
    {"model": st.sampled_from(["gemini-3.8-flash", "models/gemini-3.8-flash"]), "contents": messages},
    optional={
        "displayName": names_of_things,
        "systemInstruction": messages,
        "tools": st.just([{"googleSearch": {}}]),
        "ttl": st.sampled_from(["90s", "5m", "1h", "1h30m", "2d", "3600s", "100.5s"]),
    },
)
lifecycles = st.fixed_dictionaries(
    {},
    optional={
        "retire": st.sampled_from(["0s", "1m", "10m", "2d"]),
        "replace": st.sampled_from(["createFirst", "deleteFirst"]),
    },
)
names = st.from_regex(r"[a-z][a-z0-9.-]{0,5}[a-z0-9]", fullmatch=True)
resources = st.dictionaries(names, st.tuples(specs, lifecycles), max_size=3)


class Folder:
    """A project in a folder of its own, with somebody else's cache beside it."""

    def __init__(self, folder: str) -> None:
        self.root, self.clock = Path(folder), ManualClock()
        (self.root / "gemctl.yaml").write_text(json.dumps(PROJECT), encoding="utf-8")
        self.app = App(World(FileStore(self.root / ".gemctl/local/emulator"), now=self.clock.now))
        parts = [{"text": LONG}]
        body = {"model": "models/gemini-3.8-flash", "ttl": "900000s", "contents": [{"parts": parts}]}
        request = Request("POST", "/v1beta/cachedContents", (), {"x-goog-api-key": "k"}, json.dumps(body).encode())
        assert self.app.handle(request).status == 200

    def declare(self, wanted) -> None:
        documents = [
            {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": name}, "spec": spec}
            | ({"lifecycle": lifecycle} if lifecycle else {})
            for name, (spec, lifecycle) in wanted.items()
        ]
        text = "\n---\n".join(json.dumps(document, ensure_ascii=False) for document in documents)
        (self.root / "all.yaml").write_text(text, encoding="utf-8")

    def gemctl(self, line: str, *statuses: int):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run(["-C", str(self.root), "--json", *line.split()], clock=self.clock)
        assert status in (statuses or (0,)), (line, out.getvalue(), err.getvalue())
        return json.loads(out.getvalue()) if line.startswith(("plan", "get")) else None

    def live(self):
        with self.app.world.turn():
            list(self.app.world.advance())
            return {row.name: (row.expires, row.updated) for row in self.app.world.objects("cachedContents")}


@given(first=resources, second=resources)
@settings(max_examples=10)
def test_runs(first, second):
    with tempfile.TemporaryDirectory() as name:
        project = Folder(name)
        others = project.live()
        for wanted in (first, second):
            project.declare(wanted)
            plans = [project.gemctl("plan --allow-empty") for _ in range(2)]
            for plan in plans:
                if plan["serial"] == 0:
                    plan.pop("lineage")  # that of a state which is not there yet
            assert plans[0] == plans[1]
            before = project.live()
            assert before == project.live()
            project.gemctl("apply --yes --allow-empty")
            again = project.gemctl("plan --detailed-exitcode --allow-empty")
            assert {change["action"] for change in again["changes"]} <= {"keep"}
            assert sum(change["reason"] == "in_sync" for change in again["changes"]) == len(wanted)
        project.gemctl("destroy --yes")
        assert project.live() == others
        assert project.gemctl("plan --destroy --detailed-exitcode")["changes"] == []
