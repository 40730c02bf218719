"""Each JSON document that a command prints says its format: all commands are tried, and none writes JSON past
render/json.py.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import shutil
from pathlib import Path

import pytest
from test_cli_help import commands
from values import ManualClock

from gemctl.cli.main import run

ROOT = Path(__file__).parent.parent.parent
# An example project, and what is run in it, in this order; behind a | the exit status, where it is another than 0.
RUNS = {
    "webhook": (
        "validate", "fmt", "render", "graph", "plan", "plan --all-stacks | 1", "apply --yes", "get",
        "describe Webhook/shelf",
        "stack list", "state list", "state show Webhook/shelf", "output", "plan --out saved.plan",
        "show saved.plan", "orphans", "cost", "models", "doctor",
        "explain Webhook.spec.uri", "emulator env | 1", "webhook rotate shelf", "webhook ping shelf",
        "wait BatchJob/captions", "results", "cancel BatchJob/captions | 64", "wait BatchJob/none | 64",
        "handover Webhook/shelf --to served | 1", "state mv BatchJob/captions BatchJob/cards",
        "state rm BatchJob/cards", "state rebuild", "state push none.json | 1", "state unlock x | 64",
        "state migrate --from s3://none | 1", "import --from-live BatchJob --all", "destroy --yes", "init shop",
        "--version", "no-such-command | 64", "get --no-such-option | 64", "plan none.yaml | 1",
    ),
    "live-tokens": ("apply --yes", "token mint lesson", "token verify lesson", "state list"),
    "research-desk": (
        "apply --yes --wait", "credential rotate register", "trigger run nightly", "trigger executions nightly",
        "results",
    ),
}  # fmt: skip
OTHERWISE = {
    "schema": "JSON Schema",
    "state pull": "a state, which has a format of its own",
    "help": "text",
    "completion": "a script for a shell",
    "emulator": "serves until it is stopped; its document comes by Context.document",
    "watch": "goes on until it is stopped; tests/watch",
}


def documents(text):
    """What was printed: one document, or one on each line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines()]


@pytest.mark.usefixtures("example_secrets")
@pytest.mark.parametrize("project", RUNS)
def test_each_document_says_its_format(tmp_path, project):
    folder, clock = tmp_path / project, ManualClock()
    shutil.copytree(ROOT / "manifests" / project, folder, ignore=shutil.ignore_patterns("out", ".gemctl"))
    for line in RUNS[project]:
        words, _, status = line.partition(" | ")
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(folder):
            found = run([*words.split(), "--json"], clock=clock)
        assert found == int(status or 0), (line, out.getvalue(), err.getvalue())
        assert (told := documents(out.getvalue())), line
        assert {one["formatVersion"] for one in told} == {"1"}, (line, out.getvalue())


def test_no_command_is_left_out():
    tried = {words.partition(" | ")[0] for lines in RUNS.values() for words in lines}
    known = {" ".join(words) for words, command in commands() if words and not hasattr(command, "commands")}
    missing = {name for name in known if not any(f"{line} ".startswith(f"{name} ") for line in tried)}
    assert missing == OTHERWISE.keys() - {"emulator"}


def test_json_is_written_in_one_place():
    """Text that is quoted in a plan or a manifest is no document."""
    rooms = [*(ROOT / "gemctl/cli").rglob("*.py"), *(ROOT / "gemctl/render").glob("*.py")]
    wrote = {
        (path.relative_to(ROOT / "gemctl").as_posix(), node.func.attr)
        for path in rooms
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in ("dumps", "foreign")
    }
    assert wrote == {
        ("render/json.py", "dumps"),
        ("render/fields.py", "dumps"),
        ("render/manifests.py", "dumps"),
        ("cli/commands/state.py", "foreign"),
        ("cli/checking.py", "foreign"),  # SARIF
    }
