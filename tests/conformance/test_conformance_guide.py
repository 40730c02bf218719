"""docs/emulator.md and its pages: examples are run as they stand, and tables are complete."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from served import serving
from test_conformance_node import NODE, missing

from gemctl.emulator import seed_text
from gemctl.emulator.admin import _HANDLERS
from gemctl.emulator.faults import KINDS
from gemctl.emulator.knobs import NAMES

DOCS = Path(__file__).parent.parent.parent / "docs"
NAMED = ("emulator", "emulator/pytest", "emulator/seeds", "emulator/container", "emulator/knobs-and-faults",
         "emulator/behaviour", "emulator/bill", "emulator/clients/google-genai-js")  # fmt: skip
PAGES = {name: (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in NAMED}
PAGE = "\n".join(PAGES.values())
BLOCK = re.compile(r"^<!-- runs: (\S+) -->\n```\w+\n(.*?)^```(?:\n\n```\w+\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
EXAMPLES = {name: (text, said) for name, text, said in BLOCK.findall(PAGE)}


@pytest.fixture(autouse=True)
def _gemctl_in_path(monkeypatch):
    """The examples start `gemctl`; it is the one of this Python. They also show that two variables are all it takes."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def test_the_pytest_examples(tmp_path, capsys):
    for name in ("conftest.py", "test_app.py", "test_answers.py"):
        (tmp_path / name).write_text(EXAMPLES[name][0])
    # In this process, to which the SDK is no stranger: importing it takes longer than all the rest.
    options = ["-c", os.devnull, "--rootdir", str(tmp_path), "--import-mode", "importlib", "-p", "no:cacheprovider"]
    assert pytest.main([*options, "-n", "0", str(tmp_path)]) == 0, capsys.readouterr().out
    assert "4 passed" in capsys.readouterr().out


def test_the_example_without_pytest(capsys):
    program, said = EXAMPLES["plain.py"]
    with pytest.MonkeyPatch.context() as here:  # it changes the environment
        here.setattr(os, "environ", os.environ.copy())
        exec(compile(program, "plain.py", "exec"), {})
    assert capsys.readouterr().out == said


def test_the_seed_and_the_snapshot(gemini_emulator, tmp_path, monkeypatch):
    if not (shutil.which("bash") and shutil.which("curl")):
        return  # test_pipelines.py says so
    monkeypatch.chdir(tmp_path)
    seed, (script, said) = EXAMPLES["seed.yaml"][0], EXAMPLES["snapshot.sh"]
    Path("seed.yaml").write_text(seed)
    Path("manual.txt").write_text("How to make coffee. " * 500)
    assert gemini_emulator.seed("seed.yaml").keys() == {"manual", "handbook"}
    script = script.replace("127.0.0.1:8085", gemini_emulator.url)
    done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == said, done.stderr
    Path("seed.yaml").write_text(seed.replace("    model: models", "    modle: models", 1))
    gemini_emulator.reset()
    with pytest.raises(seed_text.SeedError) as caught:
        gemini_emulator.seed("seed.yaml")
    assert str(caught.value) in PAGES["emulator/seeds"].partition("with the place:")[2]


def test_the_container_does_what_it_is_told(tmp_path):
    """Its commands, without its walls: where it starts, whether it is healthy, and by which names it is called."""
    lines = dict(re.findall(r"^([A-Z]+)(?: --\S+)* (?:CMD )?(.*)$", EXAMPLES["Dockerfile"][0], re.MULTILINE))
    entry, command, health = (json.loads(lines[name]) for name in ("ENTRYPOINT", "CMD", "HEALTHCHECK"))
    service = yaml.safe_load(EXAMPLES["compose.yaml"][0])["services"]["gemini-emulator"]
    assert entry[:2] == ["gemctl", "emulator"] and entry[-2:] == ["--port", lines["EXPOSE"]]
    assert service["ports"] == [f"127.0.0.1:{lines['EXPOSE']}:{lines['EXPOSE']}"]
    (tmp_path / "seed.yaml").write_text("files: [{name: files/a}]")
    seeded = [word.replace("/seed.yaml", str(tmp_path / "seed.yaml")) for word in service["command"]]
    assert seeded[:2] == command
    with serving(*entry[2:-2], *seeded) as emulator:
        check = health[2].replace("http://127.0.0.1:8085", emulator.url)
        assert subprocess.run([sys.executable, health[1], check], check=False).returncode == 0
        named = {"host": f"gemini-emulator:{lines['EXPOSE']}", "x-goog-api-key": "any-word"}
        assert emulator.http.get("/v1beta/files/a", headers=named).status_code == 200
    assert subprocess.run([sys.executable, health[1], check], check=False, capture_output=True).returncode == 1


def test_the_node_example(tmp_path):
    if missing():
        return  # test_conformance_node.py says so, for both
    (tmp_path / "app.test.mjs").write_text(EXAMPLES["app.test.mjs"][0])
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    command = ["node", "--test-reporter", "tap", "app.test.mjs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "# pass 1" in done.stdout and "# fail 0" in done.stdout, done.stdout + done.stderr


def test_the_examples_of_models_and_of_the_bill():
    if not (shutil.which("bash") and shutil.which("curl")):
        return  # test_pipelines.py says so, for both
    pages = PAGES["emulator/behaviour"] + PAGES["emulator/bill"]
    shown = [(lines, said) for name, lines, said in BLOCK.findall(pages) if name.endswith(".sh")]
    with serving("--clock", "2026-11-28T00:00:00Z", "--still") as emulator:
        script = "".join(lines for lines, _ in shown).replace("http://127.0.0.1:8085", emulator.url)
        done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "".join(said for _, said in shown), done.stderr


def test_the_tables_are_complete():
    every = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "emulator").glob("*.md"))
    cells = {name for row in re.findall(r"^\| ([^|]*) \|", every, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert set(NAMES) | set(KINDS) <= cells
    assert set(_HANDLERS) <= set(re.findall(r"`(?:GET |POST )?(/emulator[/\w]*)`", every))
