"""What pages show as run in an example project is what happens. UPDATE_TRANSCRIPTS=1 writes the pages anew."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from values import ManualClock

from gemctl.cli.main import run

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/environments.md"
PAGES = (PAGE, ROOT / "docs/costs.md")
BLOCK = re.compile(r"(<!-- run in: (\S+) -->\n```console\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)


def played(commands: list[str], folder: Path) -> str:
    lines = []
    for command in commands:
        program, *words = command.split()
        if program == "cat":
            said = (folder / words[0]).read_text(encoding="utf-8")
        else:
            assert program == "gemctl"
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(folder):
                assert run(words, clock=ManualClock()) == 0, err.getvalue()
            said = out.getvalue()
        lines += [f"$ {command}", *said.splitlines()]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_shows_what_happens(page, tmp_path):
    def shown(match):
        folder = tmp_path / f"{match.start()}"
        skip = shutil.ignore_patterns(".gemctl", "out")
        shutil.copytree(ROOT / "manifests" / match[2], folder, ignore=skip)
        commands = [line[2:] for line in match[3].splitlines() if line.startswith("$ ")]
        return f"{match[1]}{played(commands, folder)}{match[4]}"

    text = page.read_text(encoding="utf-8")
    now = BLOCK.sub(shown, text)
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        page.write_text(now, encoding="utf-8")
    assert BLOCK.search(text)
    assert now == page.read_text(encoding="utf-8"), "run: UPDATE_TRANSCRIPTS=1 pytest tests/docs"


def test_the_stacks_on_the_page_are_those_of_the_example():
    import yaml

    (block,) = re.findall(r"^```yaml\n(# gemctl.yaml\n.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    shown = yaml.safe_load(block)
    real = yaml.safe_load((ROOT / "manifests/environments/gemctl.yaml").read_text(encoding="utf-8"))
    for stack in real["stacks"].values():
        del stack["endpoint"]
    assert shown == {part: real[part] for part in ("defaultStack", "stacks", "defaults")}
