"""Installs the clients, each into an environment of its own: python tests/clients/install.py [CLIENT …]

What is installed already is left alone. Those that could not be installed are named, with the reason; that is no
error, as a machine without a package index can run everything else. It ends with 1 where CLIENT is not one.

uv does it, in a second or two for each: it is installed first, beside them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import venv

from environments import HERE, ROOM, clients, environment, installed, python, stamp, wanted


def main(names: list[str]) -> int:
    if unknown := set(names) - set(clients()):
        print(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(clients())}")
        return 1
    missing = [client for client in names or clients() if not installed(client)]
    uv = _uv() if missing else ""
    failed = [client for client in missing if not _install(client, uv)]
    there = len(names or clients()) - len(failed)
    print(f"{there} clients are installed, {len(missing) - len(failed)} of them now, {len(failed)} could not be")
    return 0


def _uv() -> str:
    """The path of uv: that of this machine, or one that is installed now; nothing where that fails."""
    own = ROOM / "uv" / "bin" / "uv"
    if found := shutil.which("uv"):
        return found
    if not own.is_file():
        venv.create(ROOM / "uv", with_pip=True)
        _run([ROOM / "uv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--retries", "0", "uv"])
    return str(own) if own.is_file() else ""


def _install(client: str, uv: str) -> bool:
    """Makes the environment anew; whether that went well. One line says how it went."""
    begun = time.monotonic()
    shutil.rmtree(environment(client), ignore_errors=True)
    requirements = HERE / client / "requirements.txt"
    why = "uv could not be installed" if not uv else _run([uv, "venv", "--quiet", environment(client)])
    why = why or _run([uv, "pip", "install", "--quiet", "--python", python(client), "-r", requirements])
    if why:
        print(f"not installed: {client}: {why}")
        return False
    stamp(client).write_text(wanted(client))
    print(f"installed: {client}, in {time.monotonic() - begun:.1f} s")
    return True


def _run(command: list[object]) -> str:
    """Nothing, or the last line of what it said."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip() or "it failed").splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
