"""The official JavaScript SDK, driven by Node. Where it is missing this part is not run, and one line says so."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"
INSTALL = "npm install --no-package-lock --prefix tests/conformance/node"


def missing():
    """Why it cannot be run, or nothing."""
    if shutil.which("node") is None:
        return "there is no node"
    if not (NODE / "node_modules/@google/genai").is_dir():
        return f"@google/genai is not installed: {INSTALL}"
    return None


@pytest.fixture
def run(emulator, capfd):
    """Runs a script of the folder against the emulator; gives what it printed. Does nothing where Node is missing."""

    def ran(script):
        if reason := missing():
            with capfd.disabled():  # to standard error, which also the workers of a parallel run share
                print(f"conformance: the JavaScript SDK was not run, {reason}", file=sys.stderr)
            return None
        done = subprocess.run(["node", NODE / script, emulator.url], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return ran


def test_every_call_and_every_error(run):
    said = run("suite.mjs")
    if said is not None:
        held = re.search(r"^(\d+) of (\d+) checks hold$", said, re.MULTILINE)
        assert held and held[1] == held[2] and int(held[1]) > 70


def test_live_sessions(run):
    said = run("live.mjs")
    if said is not None:
        held = re.search(r"^(\d+) of (\d+) checks hold$", said, re.MULTILINE)
        assert held and held[1] == held[2] and int(held[1]) > 10
