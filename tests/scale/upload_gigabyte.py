"""Uploads 1 GiB with the real command line, and fails if that takes more than 150 MB of memory. No part of the suite.

    python tests/scale/upload_gigabyte.py [--mib 1024] [--limit 150]

The emulator is served by a process of its own, which keeps what it gets on the disk: there must be room for the file
twice in the folder for temporary files, and all of it is gone at the end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

GEMCTL = [sys.executable, "-m", "gemctl"]
MIB = 1 << 20
PIECE = 8 * MIB
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: gigabyte, id: abcd1234}
defaultStack: live
stacks: {live: {}}
"""
FILE = """\
apiVersion: gemctl/v1
kind: File
metadata: {name: gigabyte}
spec: {source: gigabyte.bin, mimeType: application/octet-stream}
lifecycle: {keep: always}
"""


def environment(**more: str) -> dict[str, str]:
    """This one, without what would lead to another service."""
    ours = ("GEMINI_", "GOOGLE_", "GEMCTL_")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    return {**kept, "PYTHONPATH": str(Path(__file__).parent.parent.parent), **more}


def make(path: Path, mib: int) -> None:
    """A file in which no two pieces are alike."""
    noise = os.urandom(PIECE)
    with path.open("wb") as file:
        for number in range(-(-mib * MIB // PIECE)):
            piece = number.to_bytes(8, "big") + noise[8:]
            file.write(piece[: mib * MIB - number * PIECE])


@contextmanager
def served(store: Path) -> Iterator[str]:
    """The address of an emulator that keeps what it gets in this folder."""
    words = [*GEMCTL, "emulator", "--port", "0", "--store", str(store)]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout
            yield emulator.stdout.readline().split()[-1]
        finally:
            emulator.terminate()


def run(words: list[str], folder: Path, url: str) -> tuple[int, float, float]:
    """(exit status, seconds, most memory in MB) of one command of gemctl."""
    env = environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any-word")
    began = time.monotonic()
    process = subprocess.Popen([*GEMCTL, *words], cwd=folder, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return process.returncode, time.monotonic() - began, usage.ru_maxrss * unit / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--limit", type=float, default=150, help="most memory that gemctl may take, in MB")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="gemctl-gigabyte-") as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < 2 * asked.mib * MIB + (256 << 20):
            print(f"There is no room for {2 * asked.mib} MiB in {folder}; set TMPDIR.", file=sys.stderr)
            return 1
        project = folder / "project"
        project.mkdir()
        (project / "gemctl.yaml").write_text(PROJECT)
        (project / "file.yaml").write_text(FILE)
        make(project / "gigabyte.bin", asked.mib)
        most = 0.0
        with served(folder / "store") as url:
            for words in (["apply", "--yes"], ["plan", "--detailed-exitcode"]):
                status, seconds, memory = run(words, project, url)
                most = max(most, memory)
                print(
                    f"gemctl {' '.join(words)}: {asked.mib} MiB, {seconds:.1f} s, at most {memory:.0f} MB", flush=True
                )
                if status:
                    print(f"It ended with {status}.", file=sys.stderr)
                    return 1
    if most > asked.limit:
        print(f"That is more than {asked.limit:.0f} MB.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
