"""The command, and small projects for it: in this process, in one of its own, and in one that Python starts anew."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from quick_gemctl import quick_gemctl

from gemctl.cli.main import run

GEMCTL = [sys.executable, "-m", "gemctl"]
COMPILED = Path(__file__).parent.parent.parent / ".pytest_cache/compiled"
TEXT = "All there is to know about this, said slowly and at some length.\n" * 80

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: shop, id: abcd1234}
defaultStack: local
stacks:
  local: {endpoint: emulator}
  live: {}
defaults:
  CachedContent: {spec: {model: gemini-3.8-flash, ttl: 24h}}
timing: {requestDeadline: 5s, settle: 1s}
"""


def cache(name: str, text: str = TEXT) -> str:
    lines = "".join(f"    {line}\n" for line in f"{name}: {text}".splitlines())
    return f"apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {{name: {name}}}\nspec:\n  contents: |\n{lines}---\n"


def slow(*values: object) -> ParameterSet:
    """A row of the slow tests."""
    return pytest.param(*values, marks=pytest.mark.slow)


def make_project(folder: Path, *names: str, deadline: str = "5s") -> Path:
    """A project with caches of these names; one by default."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gemctl.yaml").write_text(PROJECT.replace("requestDeadline: 5s", f"requestDeadline: {deadline}"))
    text = "".join(cache(name) for name in names or ("one",))
    (folder / "caches.yaml").write_text(text.removesuffix("---\n"), encoding="utf-8")
    return folder


def environment(**more: str | None) -> dict[str, str]:
    """This process's environment with these variables; None takes one out. Compiled modules are kept for the next."""
    more = {"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": None, "PYTHONPYCACHEPREFIX": str(COMPILED), **more}
    env = {**os.environ, **{name: value for name, value in more.items() if value is not None}}
    for name in (name for name, value in more.items() if value is None):
        env.pop(name, None)
    return env


def here(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The same in this process: quicker by a second, for what does not depend on the process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(words)
    return subprocess.CompletedProcess(words, int(status), out.getvalue(), err.getvalue())


def gemctl(
    folder: Path, *words: str, env: dict[str, str] | None = None, anew: bool = False, **how
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; anew where the start of Python, or what is imported at which time, matters."""
    command = GEMCTL if anew else [quick_gemctl()]
    how = {"env": env or environment(), "stdin": subprocess.DEVNULL, "capture_output": True, **how}
    how = {name: value for name, value in how.items() if value is not None}
    done = subprocess.run([*command, *words], cwd=folder, text=True, encoding="utf-8", timeout=300, check=False, **how)
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in (text or ""), text
    return done
