"""Installs the clients, each into an environment of its own: python tests/clients/install.py [CLIENT …]

What is installed already is left alone. Those that could not be installed are named, with the reason; that is no
error, as a machine without a package index can run everything else. No more is waited than MOST seconds. It ends with
1 where CLIENT is not one.

uv does it for Python's, in a second or two for each, and npm for JavaScript's: uv is installed first, beside them, and
so is Node where this machine's is older than they need.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import venv
from functools import cache

from environments import (
    ROOM,
    SYSTEM_CERTS,
    clients,
    environment,
    in_javascript,
    installed,
    node,
    python,
    requirements,
    stamp,
    wanted,
)

NODE = "node@22.23.3"
MOST = 480  # seconds for all of them: what waits for a network that is not there would take hours
BEGUN = time.monotonic()


def main(names: list[str]) -> int:
    if unknown := set(names) - set(clients()):
        print(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(clients())}")
        return 1
    missing = [client for client in names or clients() if not installed(client)]
    failed = [client for client in missing if not _install(client)]
    there = len(names or clients()) - len(failed)
    print(f"{there} clients are installed, {len(missing) - len(failed)} of them now, {len(failed)} could not be")
    return 0


def _install(client: str) -> bool:
    """Makes the environment anew; whether that went well. One line says how it went."""
    begun = time.monotonic()
    shutil.rmtree(environment(client), ignore_errors=True)
    if why := _packages(client) if in_javascript(client) else _distributions(client):
        print(f"not installed: {client}: {why}", flush=True)
        return False
    stamp(client).write_text(wanted(client))
    print(f"installed: {client}, in {time.monotonic() - begun:.1f} s", flush=True)
    return True


def _distributions(client: str) -> str:
    """Installs what requirements.txt names; why not, if it can't."""
    uv = _uv()
    why = "uv could not be installed" if not uv else _run([uv, "venv", "--quiet", environment(client)])
    return why or _run([uv, "pip", "install", "--quiet", "--python", python(client), "-r", requirements(client)])


@cache
def _uv() -> str:
    """The path of uv: that of this machine, or one that is installed now; nothing where that fails."""
    own = ROOM / "uv" / "bin" / "uv"
    if found := shutil.which("uv"):
        return found
    if not own.is_file():
        venv.create(ROOM / "uv", with_pip=True)
        _run([ROOM / "uv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--retries", "0", "uv"])
    return str(own) if own.is_file() else ""


def _packages(client: str) -> str:
    """Installs what package.json names; why not, if it can't."""
    if why := _node():
        return why
    environment(client).mkdir(parents=True)
    shutil.copy(requirements(client), environment(client))
    return _npm("--prefix", environment(client))


@cache
def _node() -> str:
    """Sees to it that there is a Node that is new enough; why not, if there can't be. The package has the program."""
    if shutil.which("npm") is None:
        return "there is no npm"
    if not node():
        node.cache_clear()
        (ROOM / "nodejs").mkdir(parents=True, exist_ok=True)
        return _npm("--prefix", ROOM / "nodejs", NODE)
    return ""


def _npm(*words: object) -> str:
    options = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=0")
    return _run(["npm", "install", *options, *words], line=0)


def _run(command: list[object], line: int = -1) -> str:
    """Nothing, or the line of what it said that says why: its last, or npm's first."""
    left = BEGUN + MOST - time.monotonic()
    if left <= 0:
        return "no time was left for it"
    try:
        done = subprocess.run(
            [str(word) for word in command],
            env=os.environ | SYSTEM_CERTS,
            capture_output=True,
            text=True,
            check=False,
            timeout=left,
        )
    except subprocess.TimeoutExpired:
        return f"it had not ended after {MOST} s"
    said = done.stderr.strip() or done.stdout.strip() or "it failed"
    return "" if done.returncode == 0 else said.splitlines()[line]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
