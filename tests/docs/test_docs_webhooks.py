"""docs/webhooks.md: its receiver is run as it stands, and learns what the emulator delivers during its commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from conformance.served import serving
from receiver import PATIENCE

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"^<!-- runs: (\S+) -->\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
BATCH = {
    "batch": {"inputConfig": {"requests": {"requests": [{"request": {"contents": [{"parts": [{"text": "a"}]}]}}]}}}
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the example, with the receiver in it, and `gemctl` in the path."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    copy = tmp_path / "webhook"
    shutil.copytree(ROOT / "manifests/webhook", copy, ignore=shutil.ignore_patterns(".gemctl", "out"))
    (copy / "receiver.py").write_text(EXAMPLES["receiver.py"], encoding="utf-8")
    return copy


def test_the_receiver_and_the_commands(folder):
    command = [sys.executable, "receiver.py", "0"]
    with (
        serving("--set", "batch_pending=0", "--set", "batch_running=0") as emulator,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as receiver,
    ):
        try:
            url = receiver.stdout.readline().removeprefix("Receiver on ").strip()
            script = EXAMPLES["commands"].replace("http://127.0.0.1:8085", emulator.url)
            script = script.replace("http://127.0.0.1:8086/", url)
            assert url in script and emulator.url in script
            subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
            assert [receiver.stdout.readline().split() for _ in range(2)] == [["ping"], ["ping"]]
            ask = {"headers": {"x-goog-api-key": "any-word"}, "json": BATCH}
            made = emulator.http.post("/v1beta/models/gemini-2.5-flash:batchGenerateContent", **ask).json()["name"]
            assert receiver.stdout.readline().split() == ["batch.succeeded", made]
            forged = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
            for headers in ({}, forged):
                assert httpx.post(url, content=b"{}", headers=headers, trust_env=False).status_code == 401
        finally:
            receiver.terminate()
            receiver.wait(PATIENCE)
