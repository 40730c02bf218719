"""How gemctl stands beside others with many resources: `python tests/benchmarks/bench_scale.py [--quick]`.

Projects of up to ten thousand caches with texts of 2 KB, a hundred to a file, are applied and planned by `gemctl`,
against a server that does next to nothing (fast_server.py), all in processes of their own. Beside it, in turns:

* `terraform plan` without changes of as many blocks with the same texts (`terraform_data`, which needs no network), on
  a state that is written here, since its own apply of so many takes hours;
* PyYAML's CSafeLoader, which reads the same files and does nothing with them;
* `genai.Client()` of google-genai, which makes a client and asks nothing.

Then come two large inputs, without a peer: a text of a million tokens within a manifest, and a glob that finds ten
thousand files.

A plan is *cold* when gemctl has to do without its caches, and *warm* when nothing was edited since the last one.
Medians are compared, of seconds of one core and of seconds by the clock. Prints a table in Markdown; what could not be
measured is a row too. Not collected by pytest: clocks differ, so run it by hand on a quiet machine. Exits with 1 when a
goal is missed.

    --quick    once each, with two thousand caches at most: minutes less, and what is left out is said
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from measure import GEMCTL, Goals, Took, alternating, environment, fast_server, gemctl, middle, run

SMALL, LARGE, LARGE_QUICK, BETWEEN = 1_000, 10_000, 2_000, 2_000  # caches
PER_FILE, TEXT = 100, 2_100  # caches, characters
LATENCY, WIDTH = 0.1, 32  # seconds of an answer, --parallelism
_OF_STACK = ("settled.json", "declared.jsonl")
CACHES = (*(f".gemctl/dev/{name}" for name in _OF_STACK), ".gemctl/digests.json", ".gemctl/project.json")
FASTER = {(SMALL, "cold"): 6, (SMALL, "warm"): 15, (LARGE, "cold"): 14, (LARGE, "warm"): 80}  # times, than Terraform
READING = {"cold": 1.5, "warm": 0.25}  # times what it takes to read the YAML
EDITED = 0.6  # times what a cold plan takes
CLIENT = 0.35  # times what it takes to make a client
CREATE = 1.5  # ms of one core
MEMORY = {"cold": 16.0, "warm": 4.0}  # KiB a resource
IDEAL = 1.12  # times what 1,000 creates must take
GROWTH = 1.05  # exponent
LONG, FILES = 4_000_000, 10_000  # characters of a text, files of a glob
LONG_CORE, LONG_MEMORY = 0.2, {"plan": 8.0, "apply": 12.0}  # seconds of one core a MB, bytes a byte of the manifest
FILE_CORE, FILE_MEMORY = 0.3, 2.0  # ms of one core, KiB
WORDS = ["answers", "question", "section", "policy", "customer", "refund", "order", "item", "price", "region"]
SAYS = "You answer questions of customers about the handbook, politely and in short."
PROJECT = """\
apiVersion: gemctl/v1
kind: Project
metadata: {name: bench, id: abcd1234}
defaultStack: dev
stacks: {dev: {}}
"""
CACHE = """\
apiVersion: gemctl/v1
kind: CachedContent
metadata:
  name: cache-%(number)05d
  labels:
    team: support
    tier: "%(tier)d"
spec:
  model: %(model)s
  ttl: 24h
  displayName: Handbook %(number)d
  systemInstruction: %(says)s
  contents:
    - role: user
      parts:
        - text: |
%(text)s
lifecycle:
  renewBefore: 8h
"""
BLOCK = """\
resource "terraform_data" "cache_%(number)05d" {
  input = {
    model             = "%(model)s"
    ttl               = "24h"
    displayName       = "Handbook %(number)d"
    systemInstruction = "%(says)s"
    text              = <<-EOT
%(text)s
    EOT
  }
}
"""
READ = """
import pathlib, yaml
for path in pathlib.Path().rglob("*.yaml"):
    with path.open("rb") as file:
        for document in yaml.load_all(file, yaml.CSafeLoader):
            pass
"""
SDK = "from google import genai; genai.Client(api_key='x')"


def lines(number: int) -> list[str]:
    """The text of one cache: mostly numbers, which make more tokens than words do. The same for the same number."""
    chosen, found, size = random.Random(number), [], 0
    while size < TEXT:
        found.append(f"{chosen.choice(WORDS)}: {' '.join(str(chosen.randint(1, 99)) for _ in range(20))}")
        size += len(found[-1]) + 1
    return found


def model() -> str:
    """The newest model with explicit caches of which no end and no redirect is known today."""
    said = subprocess.run([*GEMCTL, "models", "--json"], env=environment(), check=True, capture_output=True).stdout
    for one in json.loads(said)["models"]:
        if one["explicitCache"] and one["state"] == "answers" and not one["ends"] and not one["redirect"]:
            return str(one["name"])
    raise SystemExit("no model is known that has explicit caches and stays")


def texts(kind: str, count: int, indent: int) -> Iterator[tuple[int, str]]:
    """The first number of each file, and its text."""
    named, pattern, between = model(), {"yaml": CACHE, "tf": BLOCK}[kind], {"yaml": "---\n", "tf": "\n"}[kind]
    for first in range(0, count, PER_FILE):
        parts = []
        for number in range(first, min(count, first + PER_FILE)):
            text = "\n".join(" " * indent + line for line in lines(number))
            values = {"number": number, "tier": number % 3, "model": named, "says": SAYS, "text": text}
            parts.append(pattern % values)
        yield first, between.join(parts)


@dataclass(frozen=True)
class Project:
    """A project of gemctl with so many caches, and the server that has them."""

    folder: Path
    url: str
    count: int

    def gemctl(self, *words: str) -> Took:
        return gemctl(self.folder, self.url, *words)

    def apply(self, *words: str) -> Took:
        return self.gemctl("apply", "--yes", *words)

    def warm(self) -> Took:
        return self.gemctl("plan", "--detailed-exitcode")

    def cold(self) -> Took:
        """Without what gemctl remembers and can do without."""
        for name in CACHES:
            place = self.folder / name
            if place.is_dir():
                shutil.rmtree(place)
            place.unlink(missing_ok=True)
        return self.warm()

    def edited(self) -> Took:
        """Of what was edited since nothing is said: it is a comment."""
        with (self.folder / "caches-0000.yaml").open("a") as file:
            file.write("# edited\n")
        return self.warm()


def project(folder: Path, url: str, count: int) -> Project:
    folder.mkdir(parents=True)
    (folder / "gemctl.yaml").write_text(PROJECT)
    for first, text in texts("yaml", count, 12):
        (folder / f"caches-{first // PER_FILE:04}.yaml").write_text(text)
    return Project(folder, url, count)


class Terraform:
    """The same texts as blocks, and a state in which they are as they should be."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.env = environment(CHECKPOINT_DISABLE="1")
        folder.mkdir(parents=True)
        for first, text in texts("tf", count, 4):
            (folder / f"caches-{first // PER_FILE:04}.tf").write_text(text)
        self._state(count)
        run(["terraform", "init", "-no-color", "-input=false"], folder, self.env)

    def plan(self) -> Took:
        """Ends with 0 only where there are no changes."""
        return run(["terraform", "plan", "-no-color", "-input=false", "-detailed-exitcode"], self.folder, self.env)

    def _state(self, count: int) -> None:
        """Written piece by piece: what is started from a large process seems to be as large."""
        provider, named = 'provider["terraform.io/builtin/terraform"]', model()
        head = {"version": 4, "terraform_version": "1.0.0", "serial": 1, "lineage": f"{0:08}-0000-4000-8000-{0:012}"}
        with (self.folder / "terraform.tfstate").open("w") as file:
            file.write(f'{json.dumps(head)[:-1]}, "outputs": {{}}, "resources": [\n')
            for number in range(count):
                value = {
                    "model": named,
                    "ttl": "24h",
                    "displayName": f"Handbook {number}",
                    "systemInstruction": SAYS,
                    "text": "\n".join(lines(number)) + "\n",
                }
                both = {"value": value, "type": ["object", dict.fromkeys(value, "string")]}
                attributes = {"id": f"{number:08}-0000-4000-8000-{0:012}", "input": both, "output": both}
                attributes |= {"triggers_replace": None}
                instance = {"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
                block = {"mode": "managed", "type": "terraform_data", "name": f"cache_{number:05}"}
                block |= {"provider": provider, "instances": [instance]}
                file.write(f"{',' if number else ''}{json.dumps(block, indent=2)}\n")
            file.write('], "check_results": null}\n')


class Bench:
    def __init__(self, folder: Path, stack: ExitStack, quick: bool) -> None:
        self.folder, self.stack, self.quick = folder, stack, quick
        self.runs = 1 if quick else 5
        self.large = LARGE_QUICK if quick else LARGE
        self.goals = Goals()
        self.made = 0

    def run(self) -> int:
        self.project(1).apply()  # Python compiles what it runs
        one, hundred, small, large = (self.project(count) for count in (1, 100, SMALL, self.large))
        applied = {each.count: each.apply() for each in (one, hundred, small, large)}
        time.sleep(2.1)  # a file younger than that is not remembered (manifest/digests.py)
        for each in (one, hundred, small, large):
            each.warm()
        self.one_resource(one)
        self.beside_terraform(small, self.runs)
        larges = self.large_ones(large)
        self.memory(hundred, larges)
        self.creates(applied[1])
        self.growth("apply", applied[1], applied[SMALL], applied[self.large])
        for how in ("cold", "warm"):
            acts = {name: getattr(each, how) for name, each in (("one", one), ("small", small), ("large", large))}
            took = alternating(acts, 1 if self.quick else 3)
            self.growth(f"plan, {how}", took["one"], took["small"], took["large"])
        self.wide()
        base = {"validate": one.gemctl("validate"), "plan": one.cold(), "apply": applied[1]}
        self.long_text(base)
        self.many_files(base)
        return int(self.goals.missed)

    def project(self, count: int, delay: float = 0.0) -> Project:
        self.made += 1
        url = self.stack.enter_context(fast_server(delay))
        return project(self.folder / f"{self.made}-{count}", url, count)

    def one_resource(self, one: Project) -> None:
        acts: dict[str, Callable[[], Took]] = {"warm": one.warm}
        if with_sdk := _has("google.genai"):
            acts["client"] = lambda: run([sys.executable, "-c", SDK], self.folder, environment())
        took = alternating(acts, 5 if self.quick else 15)
        if with_sdk:
            self.beside("plan of one, as a part of genai.Client()", took["warm"], took["client"], CLIENT)
        else:
            self.goals.left_out("plan of one, as a part of genai.Client()", "google-genai is not installed")

    def beside_terraform(self, ours: Project, runs: int) -> None:
        what = f"plan of {ours.count:,}"
        goals = [(how, FASTER.get((ours.count, how))) for how in ("cold", "warm")]
        acts: dict[str, Callable[[], Took]] = {"cold": ours.cold, "warm": ours.warm}
        if ours.count > SMALL:  # of fewer it would be a large part that is edited
            acts["edited"] = ours.edited
        there = shutil.which("terraform")
        if there and all(goal for _, goal in goals):
            acts["terraform"] = Terraform(self.folder / f"terraform-{ours.count}", ours.count).plan
        took = alternating(acts, runs, warm=0 if ours.count >= LARGE else 1)
        if "edited" in took:
            name = f"{what} after an edit of {PER_FILE}, as a part of a cold one"
            self.beside(name, took["edited"], took["cold"], EDITED)
        for how, goal in goals:
            name = f"{what}, {how}, times as quick as Terraform"
            if goal is None:
                self.goals.left_out(name, "left out by --quick")
            elif not there:
                self.goals.left_out(name, "terraform is not installed")
            else:
                self.quicker(name, took[how], took["terraform"], goal)

    def large_ones(self, large: Project) -> dict[str, Took]:
        """Terraform once: it takes minutes."""
        self.beside_terraform(large, 1)
        acts: dict[str, Callable[[], Took]] = {"cold": large.cold, "warm": large.warm}
        has = subprocess.run([sys.executable, "-c", "import yaml; yaml.CSafeLoader"], capture_output=True, check=False)
        if not has.returncode:
            acts["yaml"] = lambda: run([sys.executable, "-c", READ], large.folder, environment())
        took = alternating(acts, 1 if self.quick else 3)
        for how, goal in READING.items():
            name = f"plan of {large.count:,}, {how}, as a multiple of reading"
            if self.quick:
                self.goals.left_out(name, "left out by --quick")
            elif has.returncode:
                self.goals.left_out(name, "PyYAML has no libyaml here")
            else:
                self.beside(name, took[how], took["yaml"], goal)
        return took

    def memory(self, few: Project, many: dict[str, Took]) -> None:
        for how, act in (("cold", few.cold), ("warm", few.warm)):
            less = middle([act() for _ in range(self.runs)])
            each = (many[how].memory - less.memory) / (self.large - few.count) / 1024
            what = f"plan, {how}, memory of a resource"
            self.goals.at_most(what, each, MEMORY[how], "KiB", _mib(many[how]), _mib(less))

    def creates(self, one: Took) -> None:
        took = self.project(BETWEEN).apply()
        each = 1000 * (took.busy - one.busy) / (BETWEEN - 1)
        self.goals.at_most(f"a create, of {BETWEEN:,}, one core", each, CREATE, "ms", f"{took.busy:.2f} s")

    def growth(self, what: str, one: Took, small: Took, large: Took) -> None:
        """The exponent with which time grows with the number, without what one resource takes."""
        name = f"{what}, growth from {SMALL:,} to {self.large:,}, exponent"
        if not one.busy < small.busy < large.busy:
            self.goals.left_out(name, f"{SMALL:,} take no longer than one, or all of them than these")
            return
        ratio = (large.busy - one.busy) / (small.busy - one.busy)
        exponent = math.log(ratio) / math.log(self.large / SMALL)
        self.goals.at_most(name, exponent, GROWTH, "", f"{large.busy:.2f} s", f"{small.busy:.2f} s")

    def wide(self) -> None:
        """Creates with a slow service: what passes beside its answers."""
        runs: dict[str, list[Took]] = {"one": [], "all": []}
        for _ in range(1 if self.quick else 3):
            for name, count in (("one", 1), ("all", SMALL)):
                runs[name].append(self.project(count, LATENCY).apply("--parallelism", str(WIDTH)))
        ours, ideal = middle(runs["all"]).wall, SMALL * LATENCY / WIDTH + middle(runs["one"]).wall
        name = f"{SMALL:,} creates of {1000 * LATENCY:.0f} ms, {WIDTH} at a time"
        self.goals.at_most(name, ours / ideal, IDEAL, "", f"{ours:.2f} s", f"{ideal:.2f} s")

    def empty(self) -> tuple[Project, str]:
        """A project without resources yet, and its head of a cache."""
        made = self.project(0)
        (made.folder / "docs").mkdir()
        head = "apiVersion: gemctl/v1\nkind: CachedContent\nmetadata: {name: book}\nspec:\n"
        return made, f"{head}  model: {model()}\n  ttl: 24h\n"

    def long_text(self, base: dict[str, Took]) -> None:
        """A text of about a million tokens in one block of YAML, beside one of 2 KB."""
        ours, head = self.empty()
        path = ours.folder / "book.yaml"
        with path.open("w") as file:
            file.write(f"{head}  contents: |\n")
            for number in range(LONG // TEXT):
                file.writelines(f"    {line}\n" for line in lines(number))
        size = path.stat().st_size
        took = {"validate": ours.gemctl("validate"), "apply": ours.apply()}
        took["plan"] = middle([ours.cold() for _ in range(self.runs)])
        what = f"a text of {size / 1e6:.1f} MB"
        for name, one in took.items():
            each = (one.busy - base[name].busy) / (size / 1e6)
            words = f"{one.busy:.2f} s", f"{base[name].busy:.2f} s"
            self.goals.at_most(f"{what}, {name}, one core a MB", each, LONG_CORE, "s", *words)
        for name, goal in LONG_MEMORY.items():
            times = (took[name].memory - base[name].memory) / size
            words = _mib(took[name]), _mib(base[name])
            self.goals.at_most(f"{what}, {name}, memory as a multiple of it", times, goal, "", *words)

    def many_files(self, base: dict[str, Took]) -> None:
        """One cache of the texts of many files, beside one of a text of its own."""
        ours, head = self.empty()
        for number in range(FILES):
            place = ours.folder / f"docs/{number // 100:03}/{number:05}.md"
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"# Chapter {number}\n\nIt has few words.\n")
        parts = 'contents: [{role: user, parts: [{textFiles: "docs/**/*.md"}]}]'
        (ours.folder / "book.yaml").write_text(f"{head}  {parts}\n")
        took = {"apply": ours.apply(), "plan": middle([ours.cold() for _ in range(self.runs)])}
        what = f"a glob of {FILES:,} files"
        for name, one in took.items():
            each = 1000 * (one.busy - base[name].busy) / FILES
            words = f"{one.busy:.2f} s", f"{base[name].busy:.2f} s"
            self.goals.at_most(f"{what}, {name}, one core a file", each, FILE_CORE, "ms", *words)
        memory = (took["plan"].memory - base["plan"].memory) / FILES / 1024
        words = _mib(took["plan"]), _mib(base["plan"])
        self.goals.at_most(f"{what}, plan, memory of a file", memory, FILE_MEMORY, "KiB", *words)

    def beside(self, what: str, ours: Took, theirs: Took, goal: float) -> None:
        for clock, mine, other in _clocks(ours, theirs):
            self.goals.at_most(f"{what}, {clock}", mine / other, goal, "", f"{mine:.2f} s", f"{other:.2f} s")

    def quicker(self, what: str, ours: Took, theirs: Took, goal: float) -> None:
        for clock, mine, other in _clocks(ours, theirs):
            self.goals.at_least(f"{what}, {clock}", other / mine, goal, "", f"{mine:.2f} s", f"{other:.2f} s")


def _clocks(ours: Took, theirs: Took) -> tuple[tuple[str, float, float], tuple[str, float, float]]:
    return ("CPU", ours.busy, theirs.busy), ("wall", ours.wall, theirs.wall)


def _mib(took: Took) -> str:
    return f"{took.memory / 2**20:.0f} MiB"


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--quick", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}\n")
        return Bench(Path(folder), stack, given.quick).run()


if __name__ == "__main__":
    sys.exit(main())
