"""What docs/install.md says, done with the packages: in an empty home, by each installer, from the index alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from building import Built

import gemctl

CONSTRAINTS = Path(__file__).parent.parent.parent / "constraints.txt"


def _environment(home: Path, tools: Path) -> dict[str, str]:
    """An empty home, and the versions that the tests are run with; nothing of this environment's Python."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    pins = dict.fromkeys(("PIP_CONSTRAINT", "UV_CONSTRAINT", "UV_BUILD_CONSTRAINT"), str(CONSTRAINTS))
    places = {"HOME": str(home), "PATH": f"{home / '.local/bin'}:{tools}:/usr/local/bin:/usr/bin:/bin"}
    return own | pins | places | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _pip(tools: Path, built: Built, home: Path) -> list[list[object]]:
    """Both packages, one after the other. The libraries by uv, which takes a second for what takes pip twenty."""
    python = home / "venv/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--force-reinstall"]
    return [
        [tools / "uv", "venv", "--quiet", "--seed", "--python", sys.executable, home / "venv"],
        [tools / "uv", "pip", "install", "--quiet", "--python", python, built.wheel],
        [*install, built.sdist],
        [python.parent / "gemctl", "--version"],
        [*install, built.wheel],
        ["mkdir", "-p", home / ".local/bin"],
        ["ln", "-s", python.parent / "gemctl", home / ".local/bin/gemctl"],
    ]


def _uv(tools: Path, built: Built, _: Path) -> list[list[object]]:
    source = f"gemctl @ {built.sdist.as_uri()}"
    return [[tools / "uv", "tool", "install", "--quiet", "--python", sys.executable, source]]


def _pipx(tools: Path, built: Built, _: Path) -> list[list[object]]:
    return [[tools / "pipx", "install", "--quiet", "--python", sys.executable, f"gemctl @ {built.wheel.as_uri()}"]]


@pytest.mark.slow
@pytest.mark.parametrize("commands", [_pip, _uv, _pipx])
def test_installed_from_a_package_it_does_its_job(commands, built, tools, tmp_path):
    if tools is None:
        return
    env = _environment(tmp_path, tools)

    def run(*words: object, folder: Path = tmp_path) -> str:
        done = subprocess.run(
            [str(word) for word in words], cwd=folder, env=env, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    for words in commands(tools, built, tmp_path):
        run(*words)
    command = tmp_path / ".local/bin/gemctl"
    assert gemctl.__version__ in run(command, "--version")
    run(command, "init", "shop")
    for word in ("apply", "destroy"):
        assert "1 done" in run(command, word, "--yes", folder=tmp_path / "shop")
