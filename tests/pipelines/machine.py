"""What runs the jobs: a home of its own for each, a bare repository as origin, and a PATH on which the steps that fetch
software find nothing to fetch: `pip` and `apt-get` write down what they were asked for, and `gemctl` is this
checkout's.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from forge import Forge

# No `pip install` of another gemctl in a test: the one on PATH is what is tested.
_STUB = '#!/bin/sh\necho "$(basename "$0") $*" >> "{log}"\n'


@dataclass
class Job:
    """What became of a job. `exits` are the statuses of the steps that failed."""

    status: str
    place: Path | None = None
    said: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    exits: dict[str, int] = field(default_factory=dict)


@dataclass
class Machine:
    """`home` is where everything is; `endpoint` the served emulator; `dsn` of a database, or ""."""

    home: Path
    gemctl: Path
    endpoint: str
    forge: Forge
    key: str
    token: str
    dsn: str = ""
    folders: int = 0

    def __post_init__(self) -> None:
        (self.home / "bin").mkdir(parents=True)
        (self.home / "tmp").mkdir()
        (self.home / "bin/gemctl").symlink_to(self.gemctl)
        for name in ("pip", "apt-get"):
            stub = self.home / "bin" / name
            stub.write_text(_STUB.format(log=self.home / "installed"))
            stub.chmod(0o755)
        self.git(self.home, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        self.git(self.home, "clone", "--quiet", "origin.git", "desk")

    @property
    def admin(self) -> Path:
        """The clone in which somebody works."""
        return self.home / "desk"

    def environment(self) -> dict[str, str]:
        path = f"{self.home / 'bin'}:{os.environ['PATH']}"
        names = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "ada")
        names |= dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "ada@example.com")
        quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "NO_PROXY": "127.0.0.1"}
        return {
            "PATH": path,
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "LANG": "C.UTF-8",
            **quiet,
            **names,
        }

    def git(self, folder: Path, *words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=self.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def sha(self, branch: str) -> str:
        return self.git(self.home / "origin.git", "rev-parse", branch)

    def clone(self, place: Path, branch: str) -> None:
        """A fresh checkout, as runners make it."""
        self.git(self.home, "clone", "--quiet", f"--branch={branch}", "origin.git", str(place))

    def folder(self, name: str) -> Path:
        """A new and empty one."""
        self.folders += 1
        folder = self.home / f"{self.folders:02}-{name}"
        folder.mkdir()
        return folder

    def bash(self, place: Path, script: str, env: dict[str, str]) -> tuple[int, str]:
        """Run a step as both products do: stop at the first failure, also amid a pipe. Status, and what it said."""
        env = {**self.environment(), "GOOGLE_GEMINI_BASE_URL": self.endpoint, **env}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stdout, done.stdout
        return done.returncode, done.stdout
