"""docs/emulator/live.md: its programs are run as they stand, and know the emulator by its exports only."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest
from served import KEY, serving

PAGE = (Path(__file__).parent.parent.parent / "docs/emulator/live.md").read_text(encoding="utf-8")
PROGRAMS = {
    name: (program, output)
    for name, program, output in re.findall(
        r"^<!-- runs: (\w+\.py) -->\n```python\n(.*?)^```\n\n```text\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL
    )
}


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    options = ("--clock", "2026-11-30T00:00:00Z", "--still", "--set", "live_pacing=false")
    with serving(*options, "--certificate", str(folder)) as emulator:
        (authority,) = folder.rglob("ca.pem")
        yield {"GOOGLE_GEMINI_BASE_URL": emulator.url, "GEMINI_API_KEY": KEY, "SSL_CERT_FILE": str(authority)}


def test_all_programs_are_found():
    assert {*PROGRAMS, "test_live.py"} == set(re.findall(r"<!-- runs: (\S+) -->", PAGE))
    assert set(PROGRAMS) == {"live.py", "goes_on.py"}


def test_the_tests(tmp_path, capsys):
    (program,) = re.findall(r"^<!-- runs: test_live.py -->\n```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "test_live.py").write_text(program)
    options = ["-c", os.devnull, "--rootdir", str(tmp_path), "--import-mode", "importlib", "-p", "no:cacheprovider"]
    assert pytest.main([*options, str(tmp_path)]) == 0, capsys.readouterr().out
    assert "2 passed" in capsys.readouterr().out


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(exports, tmp_path, monkeypatch, capsys, name):
    program, output = PROGRAMS[name]
    (tmp_path / name).write_text(program)
    for variable, value in exports.items():
        monkeypatch.setenv(variable, value)
    runpy.run_path(str(tmp_path / name))  # in this process: importing the SDK takes longer than all the rest
    assert capsys.readouterr().out == output
