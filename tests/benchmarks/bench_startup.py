"""How quick the command is, beside things everybody knows: `python tests/benchmarks/bench_startup.py [RUNS]`.

Not collected by pytest: clocks differ, so run it by hand on a quiet machine. Each pair alternates, after a warm-up, so
that what else the machine does hits both; medians are compared. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from measure import Goals, alternating, environment, run

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
spec: {model: gemini-3.6-flash, ttl: 24h, contents: "%s"}
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


def main(runs: int) -> int:
    goals = Goals()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = environment(PYTHONPYCACHEPREFIX=str(folder / "compiled"))
        (folder / "gemctl.yaml").write_text(PROJECT)
        (folder / "one.yaml").write_text(CACHE % ("All there is to know about it. " * 200))
        (folder / "hello.txt").write_text(HELLO)
        run([*GEMCTL, "apply", "--yes"], folder, env)
        sdk = "from google import genai; genai.Client(api_key='x')"
        pairs = [
            ("gemctl --help", "click's hello, world", ["hello.txt", "--help"], 1.25),
            ("gemctl --version", "python -c pass", ["-c", "pass"], 2.0),
            ("gemctl plan --detailed-exitcode", "genai.Client()", ["-c", sdk], 0.40),
        ]
        for what, peer, theirs, target in pairs:
            argv = {"ours": [*GEMCTL, *what.split()[1:]], "theirs": [sys.executable, *theirs]}
            acts = {name: partial(run, command, folder, env) for name, command in argv.items()}
            took = alternating(acts, runs, warm=2)
            mine, other = took["ours"].wall, took["theirs"].wall
            words = f"{1000 * mine:.0f} ms", f"{1000 * other:.0f} ms"
            goals.at_most(f"{what}, beside {peer}", mine / other, target, "", *words)
    return int(goals.missed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
