"""How quick the command is, beside things everybody knows: `python tests/benchmarks/bench_startup.py [RUNS]`.

Not collected by pytest: clocks differ, so run it by hand on a quiet machine. Each pair alternates, after a warm-up, so
that what else the machine does hits both; medians are compared. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: bench, id: abcd1234}
defaultStack: local
stacks: {local: {endpoint: emulator}}
"""
CACHE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: one}
spec: {model: gemini-2.5-flash, ttl: 24h, contents: "%s"}
"""
HELLO = """\
import click
@click.command()
@click.option("--name", default="you", help="Whom to greet.")
def hello(name):
    '''Greet somebody.'''
    click.echo(f"Hello, {name}!")
hello()
"""
SCRIPT = Path(sys.executable).with_name("gemctl")
GEMCTL = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "gemctl"]


def took(argv: list[str], folder: Path) -> float:
    """Seconds, with compiled modules kept in the folder whatever the environment says."""
    env = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.perf_counter()
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, env=env)
    return time.perf_counter() - start


def compare(ours: list[str], theirs: list[str], folder: Path, runs: int) -> tuple[float, float]:
    """The medians of both, in milliseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs + 2):
        for argv, kept in zip((ours, theirs), times, strict=True):
            seconds = took(argv, folder)
            if number >= 2:
                kept.append(1000 * seconds)
    return statistics.median(times[0]), statistics.median(times[1])


def main(runs: int) -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "gemctl.yaml").write_text(PROJECT)
        (folder / "one.yaml").write_text(CACHE % ("All there is to know about it. " * 200))
        (folder / "hello.txt").write_text(HELLO)
        subprocess.run([*GEMCTL, "apply", "--yes"], cwd=folder, check=True, capture_output=True)
        sdk = "from google import genai; genai.Client(api_key='x')"
        pairs = [
            ("gemctl --help", [*GEMCTL, "--help"], "click's hello, world", ["hello.txt", "--help"], 1.25),
            ("gemctl --version", [*GEMCTL, "--version"], "python -c pass", ["-c", "pass"], 2.0),
            ("a plan without changes", [*GEMCTL, "plan", "--detailed-exitcode"], "a genai.Client()", ["-c", sdk], 0.45),
        ]
        for what, ours, beside, theirs, target in pairs:
            mine, other = compare(ours, [sys.executable, *theirs], folder, runs)
            ratio = mine / other
            missed += ratio > target
            verdict = "ok" if ratio <= target else "MISSED"
            print(f"{what:24}{mine:7.0f} ms   {beside:22}{other:7.0f} ms   {ratio:5.2f} (≤ {target}) {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
