"""How quick the command is, beside things everybody knows: `python tests/benchmarks/bench_startup.py [RUNS]`.

Not collected by pytest: clocks differ, so run it by hand on a quiet machine. Each pair alternates, after a warm-up, so
that what else the machine does hits both; medians are compared. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from measure import ROOT, Goals, alternating, environment, run

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
MANY = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata: {name: %s}
spec:
  contents: |
    %s
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
        completions(goals, folder, env, runs)
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


def completions(goals: Goals, folder: Path, env: Mapping[str, str], runs: int) -> None:
    """What a shell waits for at each Tab: in a project as small as the quickstart, and with ten thousand resources."""
    small, large = folder / "small", folder / "large"
    shutil.copytree(ROOT / "manifests/quickstart", small)
    shutil.copytree(ROOT / "manifests/quickstart", large)
    (large / "many").mkdir()
    names = [f"cache-{number:05}" for number in range(10_000)]
    for number in range(0, len(names), 10):
        text = "---\n".join(MANY % (name, "All there is to know about it.\n    " * 60) for name in names[number:][:10])
        (large / f"many/{number}.yaml").write_text(text)
    echo = {"contents": [{"parts": [{"text": f"sha256:{'0' * 64}"}] * 9}]}
    records = [
        {"op": "bound", "address": {"kind": "CachedContent", "name": name}, "record": {"fields": echo}}
        for name in names
    ]
    for project, found in ((small, records[:3]), (large, records)):
        (project / ".gemctl/local").mkdir(parents=True)
        (project / ".gemctl/local/state.json").write_text(json.dumps({"format": 1, "records": found}, indent=1))
    rows = [
        (small, "plan --"), (small, "plan --stack "), (small, "plan --target "),
        (small, "explain CachedContent.spec.con"),
        (large, "plan --target "), (large, "plan --target CachedContent/cache-0999"), (large, "plan --stack "),
    ]  # fmt: skip
    for project, line in rows:
        words = ["gemctl", *line.split(" ")]
        asked = {"_GEMCTL_COMPLETE": "bash_complete", "COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
        took = alternating(
            {
                "ours": partial(run, GEMCTL, project, {**env, **asked}),
                "theirs": partial(run, [sys.executable, "-c", "import click.shell_completion"], project, env),
            },
            runs,
            warm=2,
        )
        mine, other = 1000 * took["ours"].busy, 1000 * took["theirs"].busy
        what = f"CPU of Tab, {project.name}: {line}"
        goals.at_most(what, mine, 150, "ms", f"{mine:.0f} ms", f"{other:.0f} ms")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
