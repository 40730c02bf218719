"""docs/emulator.md: its examples are run as they stand, and its tables are complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from served import serving
from test_conformance_node import NODE, missing

from gemctl.emulator.admin import _HANDLERS
from gemctl.emulator.faults import KINDS
from gemctl.emulator.knobs import NAMES

DOCS = Path(__file__).parent.parent.parent / "docs"
PAGE = (DOCS / "emulator.md").read_text(encoding="utf-8")
PAGES = "".join([PAGE, *(page.read_text(encoding="utf-8") for page in (DOCS / "emulator").glob("*.md"))])
EXAMPLES = dict(re.findall(r"^<!-- runs: (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(autouse=True)
def _gemctl_in_path(monkeypatch):
    """The examples start `gemctl`; it is the one of this Python. They also show that two variables are all it takes."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def test_the_pytest_example(tmp_path, capsys):
    for name in ("conftest.py", "test_app.py"):
        (tmp_path / name).write_text(EXAMPLES[name])
    # In this process, to which the SDK is no stranger: importing it takes longer than all the rest.
    options = ["-c", os.devnull, "--rootdir", str(tmp_path), "--import-mode", "importlib", "-p", "no:cacheprovider"]
    assert pytest.main([*options, str(tmp_path)]) == 0, capsys.readouterr().out
    assert "2 passed" in capsys.readouterr().out


def test_the_node_example(tmp_path):
    if missing():
        return  # test_conformance_node.py says so, for both
    (tmp_path / "app.test.mjs").write_text(EXAMPLES["app.test.mjs"])
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    command = ["node", "--test-reporter", "tap", "app.test.mjs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "# pass 1" in done.stdout and "# fail 0" in done.stdout, done.stdout + done.stderr


def test_the_examples_of_models_and_of_the_bill():
    if not (shutil.which("bash") and shutil.which("curl")):
        return  # test_pipelines.py says so, for both
    shown = re.findall(
        r"^<!-- runs: \w+\.sh -->\n```sh\n(.*?)^```\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
    )
    with serving("--clock", "2026-11-28T00:00:00Z", "--still") as emulator:
        script = "".join(lines for lines, _ in shown).replace("http://127.0.0.1:8085", emulator.url)
        done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "".join(said for _, said in shown), done.stderr


def test_the_tables_are_complete():
    cells = {name for row in re.findall(r"^\| ([^|]*) \|", PAGES, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert set(NAMES) | set(KINDS) <= cells
    assert set(_HANDLERS) <= set(re.findall(r"`(?:GET |POST )?(/emulator[/\w]*)`", PAGES))
