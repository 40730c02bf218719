"""docs/emulator/tls.md: its programs, of both official SDKs, run as they stand, with what `emulator env` says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from google import genai
from served import serving
from test_conformance_node import NODE, missing

from gemctl.workflows.exports import exports

PAGE = (Path(__file__).parent.parent.parent / "docs/emulator/tls.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^<!-- runs: (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
SHOWN = re.findall(r"^<!-- runs: \w+\.sh -->\n```sh\n(.*?)^```\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SAID = SHOWN[0][1].splitlines()[0] + "\n"


@pytest.fixture(scope="module")
def emulator():
    with serving("--set", "live_pacing=false") as emulator:
        yield emulator
        assert emulator.state()["bugs"] == 0


@pytest.fixture(params=["http", "https"])
def exported(request, emulator, monkeypatch):
    """An environment as it is after what the page says."""
    port = int(emulator.url.rpartition(":")[2])
    for name, value in exports(port, os.environ, https=request.param == "https").variables.items():
        monkeypatch.setenv(name, value)
    return request.param


def test_a_session_in_python(exported, capsys):
    # In this process, to which the SDK is no stranger: importing it takes longer than all the rest.
    exec(compile(EXAMPLES["live.py"], "live.py", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == SAID


def test_a_session_in_javascript(exported, tmp_path):
    if missing():
        return  # test_conformance_node.py says so
    (tmp_path / "live.mjs").write_text(EXAMPLES["live.mjs"])
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    done = subprocess.run(["node", "live.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (SAID, "")


def test_an_upload_goes_by_the_scheme_that_was_asked_with(exported, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("hello")
    client = genai.Client()
    assert client.files.get(name=client.files.upload(file=file).name).size_bytes == 5


def test_other_programs_trust_it(exported):
    url = f"{os.environ['GOOGLE_GEMINI_BASE_URL']}/v1beta/models?key=any-word"
    assert requests.get(url, timeout=60).status_code == 200
    if shutil.which("curl"):
        done = subprocess.run(["curl", "-sS", url], capture_output=True, text=True, check=False)
        assert "models/gemini-3.8-live" in done.stdout, done.stderr


@pytest.mark.slow
def test_the_page_as_it_is_typed(emulator, tmp_path, monkeypatch):
    if missing() or not (shutil.which("bash") and shutil.which("curl")):
        return  # test_conformance_node.py and test_pipelines.py say so
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name in ("live.py", "live.mjs"):
        (tmp_path / name).write_text(EXAMPLES[name])
    (tmp_path / "node_modules").symlink_to(NODE / "node_modules")
    for lines, said in SHOWN:
        there = f"emulator env --port {emulator.url.rpartition(':')[2]}"
        command = ["bash", "-euc", lines.replace("emulator env", there)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == (said, "")
