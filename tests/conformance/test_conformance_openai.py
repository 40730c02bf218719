"""docs/emulator/openai.md: its examples are run as they stand. UPDATE_TRANSCRIPTS=1 writes what they say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from served import serving

PAGE = Path(__file__).parent.parent.parent / "docs/emulator/openai.md"
_SHOWN = re.compile(r"(^<!-- runs: \w+\.sh -->\n```sh\n(.*?)^```\n\n```\w+\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)
_END = "\x1e"


def test_the_examples_of_the_page(tmp_path):
    if not (shutil.which("bash") and shutil.which("curl")):
        return  # test_pipelines.py says so, for both
    page = PAGE.read_text(encoding="utf-8")
    shown = _SHOWN.findall(page)
    with serving("--clock", "2026-11-28T00:00:00Z", "--still", "--seed", "1") as emulator:
        script = "".join(f"{lines}printf '\\x1e'\n" for _, lines, _, _ in shown)
        script = script.replace("http://127.0.0.1:8085", emulator.url)
        done = subprocess.run(["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    said = done.stdout.split(_END)[:-1]
    assert len(said) == len(shown) == 4, done.stderr
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        told = iter(said)
        PAGE.write_text(_SHOWN.sub(lambda found: found[1] + next(told).rstrip("\n") + "\n" + found[4], page), "utf-8")
    assert [text.rstrip("\n") for text in said] == [text.rstrip("\n") for _, _, text, _ in shown]
