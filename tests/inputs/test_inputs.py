"""Inputs that people have written: what is said of each and what comes of it, from the file to the service and back.

`cases.yaml` are projects with the commands that are given in them, `bodies.yaml` requests to the emulator.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App, Request
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World
from gemctl.kinds import CATALOGUE

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "cases.yaml").read_text(encoding="utf-8"))
BODIES: list[dict[str, Any]] = yaml.safe_load((HERE / "bodies.yaml").read_text(encoding="utf-8"))
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: harbour, id: abcd1234}
defaultStack: local
stacks: {local: {endpoint: emulator}}
"""
HANDBOOK = "The harbour master notes the tide. " * 200


class Project:
    """A folder, and the clock of those who work in it."""

    def __init__(self, root: Path) -> None:
        self.root, self.clock = root, ManualClock()
        self.write({"gemctl.yaml": PROJECT, "handbook.md": HANDBOOK})

    def write(self, files: dict[str, str | None]) -> None:
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    def gemctl(self, line: str, status: int = 0) -> tuple[str, str]:
        """What is printed on the two streams."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.chdir(self.root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            found = int(run(shlex.split(line), clock=self.clock))
        assert found == status, f"{line}: {found}\n{out.getvalue()}\n{err.getvalue()}"
        assert "Traceback" not in err.getvalue()
        return out.getvalue(), err.getvalue()

    def step(self, step: dict[str, Any]) -> str | None:
        """The text that a step's `has` and `lacks` are about."""
        match step:
            case {"write": files}:
                self.write(files)
                return None
            case {"read": name}:
                return (self.root / name).read_bytes().decode()
            case {"check": expected}:
                wrong = any(" E" in one for one in expected)
                document = json.loads(self.gemctl("validate --json", status=1 if wrong else 0)[0])
                found = document["diagnostics"]
                assert ["{file}:{line}:{column} {code}".format(**one) for one in found] == expected
                return "\n".join(f"{one['detail']} {one.get('hint', '')}" for one in found)
            case {"run": line}:
                return "".join(self.gemctl(line, step.get("status", 0)))
        raise AssertionError(step)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_comes_of_it(case: dict[str, Any], tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(case["files"])
    for step in case["steps"]:
        text = project.step(step)
        for word in step.get("has", ()):
            assert text is not None and word in text, f"{word!r} is missing of {step}:\n{text}"
        for word in step.get("lacks", ()):
            assert text is not None and word not in text, f"{word!r} is in {step}:\n{text}"


def post(app: App, path: str, body: Any, **headers: str) -> tuple[int, str]:
    data = body if isinstance(body, str) else json.dumps(body)
    whole = path if path.startswith("/") else f"/v1beta/{path}"
    answer = app.handle(Request("POST", whole, (), {"x-goog-api-key": "any", **headers}, data.encode()))
    return answer.status, (answer.body or b"").decode()


DAY = datetime(2026, 11, 28, tzinfo=UTC)  # what models take, and which answer, changes on dates


def test_what_the_emulator_answers() -> None:
    app = App(World(now=lambda: DAY))
    for case in BODIES:
        status, text = post(app, case["to"], case["body"], **case.get("headers", {}))
        assert status == case.get("status", 200), f"{case['name']}: {status} {text}"
        for word in case.get("has", ()):
            assert word in text or word in json.loads(text)["error"]["message"], f"{case['name']}: {text}"
    assert not app.bugs


TIMES: list[tuple[str, list[str]]] = [
    *((f"ttl: {ttl}", []) for ttl in ("300s", "5m", "1h30m", "90m", "1d", '"3600s"', "1h0m1s")),
    *((f"ttl: {ttl}", ["E215"]) for ttl in ("300", '"300"', "PT5M", "P1D", ".5s", "1w", "1.5h", "24H", "-5m", "1 h")),
    ("ttl: 0s", ["E209"]),
    ("ttl: 0.5s", ["W202"]),
    *((f"expireTime: {at}", []) for at in (
        "2027-01-31T18:00:00Z", "2027-01-31t18:00:00z", "2027-01-31T18:00:00.123456789Z", "2027-01-31T18:00:00+05:30")),
    *((f"expireTime: {at}", ["E216"]) for at in (
        "2027-01-31", "2027-01-31T18:00:00", "2027-01-31 18:00:00", "2016-12-31T23:59:60Z", "1801418400", "tomorrow")),
]  # fmt: skip


def test_how_long_and_until_when(tmp_path: Path) -> None:
    project = Project(tmp_path)
    heads = "".join(
        f"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {{name: c{index}}}\n"
        f"spec: {{model: gemini-3.8-flash, contents: [{{parts: [{{textFile: handbook.md}}]}}], {written}}}\n---\n"
        for index, (written, _) in enumerate(TIMES)
    )
    project.write({"caches.yaml": heads.removesuffix("---\n")})
    said = json.loads(project.gemctl("validate --json", status=1)[0])["diagnostics"]
    for index, (written, expected) in enumerate(TIMES):
        found = [one for one in said if one["line"] == index * 5 + 4]
        assert [one["code"] for one in found] == expected, written
        assert all(one["detail"] for one in found)
    (short,) = (one for one in said if one["code"] == "W202")
    assert short["detail"] == "The ttl is 0.5s."


DISPLAY_NAMES = [
    "yes", "null", "123", "- x: y", "# hash", " lead and trail ", "quote ' and \"", "C:\\path\\n", "${var.x}", "!tag",
    "*alias", "&anchor", "2026-11-28", "[a, b]", "---", "same", "same", "🚢 港の記録", "", "1_000", "a\tb\nc", "$${x}",
]  # fmt: skip
RESERVED = "shop ~g1.a"  # what begins as a mark does is not for display names


def test_manifests_are_written_for_objects_with_awkward_names(tmp_path: Path) -> None:
    project = Project(tmp_path)
    store = FileStore(tmp_path / ".gemctl/local/emulator")
    app = App(World(store, now=project.clock.now))
    content = {"model": "models/gemini-3.8-flash", "contents": [{"parts": [{"text": HANDBOOK}]}], "ttl": "7200s"}
    for display in (*DISPLAY_NAMES, RESERVED):
        status, text = post(app, "cachedContents", {**content, "displayName": display})
        assert status == 200, text
    project.gemctl("import --from-live CachedContent --all --write imported.yaml")
    written = (tmp_path / "imported.yaml").read_text(encoding="utf-8")
    assert written.count('"${fill: ') == len(DISPLAY_NAMES) + 1
    filled = re.sub(r'"\$\{fill: [^"]*\}"', "[{parts: [{textFile: handbook.md}]}]", written)
    project.write({"imported.yaml": filled})
    document = json.loads(project.gemctl("validate --json", status=1)[0])
    assert [one["code"] for one in document["diagnostics"]] == ["E230"]
    names = {one["spec"].get("displayName", "") for one in yaml.safe_load_all(filled)}
    assert {name.replace("$${", "${") for name in names} >= {"yes", "null", "123", "${var.x}", " lead and trail "}


NOTHING = {"code": 2, "message": "The service gave neither a response nor an error."}
RESULTS: list[tuple[dict[str, Any], dict[str, Any]]] = [  # a line of results, and what is saved of it
    ({"key": "a", "response": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}}},
     {"key": "a", "response": {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}}}),
    ({"key": "a", "response": {"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}},
     {"key": "a", "response": {"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}}),
    ({"key": "a", "error": {"code": 3, "message": "no"}}, {"key": "a", "error": {"code": 3, "message": "no"}}),
    ({"key": "a", "response": None, "error": None}, {"key": "a", "error": NOTHING}),
    ({"key": "a", "status": {"code": 3, "message": "bad request"}},
     {"key": "a", "error": NOTHING, "line": '{"key": "a", "status": {"code": 3, "message": "bad request"}}'}),
]  # fmt: skip


def test_answers_that_are_none() -> None:
    kind = CATALOGUE["BatchJob"]
    for line, saved in RESULTS:
        assert kind.lifetime.result(line) == saved
