"""Breaks the code that decides "exactly once" in every small way that operators.py knows, and counts what no test
notices:

    python tests/mutation/run.py                     all of it
    python tests/mutation/run.py engine/machine.py   one module

Works in temporary copies. Exits with 1 when fewer than LEAST of the mutants are noticed, and when equivalent.yaml names
one that there is not, or that a test notices after all.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import math
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import hypothesis
import pytest
import yaml
from operators import Mutant, mutants

for library in ("deepdiff", "httpx", "hypothesis.strategies", "pydantic"):
    importlib.import_module(library)  # once, for all forks to inherit; not gemctl itself
ROOT = Path(__file__).parent.parent.parent
LEAST = 0.95
LIMIT = 10.0  # seconds of CPU for the whole suite, with nothing changed
IDLE = 8.0  # seconds without work until the tests are taken to hang
EXAMPLES = 40  # of each law

_CASES = "tests/plan/test_plan_cases.py::test_plan"
_LIFETIMES = "tests/plan/test_lifetimes.py"

# module → its own tests, which are run first; the others follow in this order
SUITE = {
    "state/journal.py": [
        "tests/state/test_state_journal.py",
        "tests/state/test_state_codec.py::test_a_journal_cut_anywhere_gives_the_whole_lines_before_the_cut",
        "tests/state/test_state_codec.py::test_a_flipped_bit_ends_the_readable_part_and_is_noticed",
    ],
    "engine/machine.py": ["tests/engine/test_machine.py"],
    "engine/survey.py": ["tests/engine/test_survey.py"],
    "engine/settle.py": ["tests/engine/test_settle.py"],
    "engine/execute.py": ["tests/engine/test_execute.py"],
    "engine/resolve.py": ["tests/engine/test_resolve.py"],
    "plan/ownership.py": [_CASES],
    "plan/ours.py": ["tests/plan/test_ours.py"],
    "plan/adopted.py": ["tests/plan/test_adopted.py"],
    "plan/fields.py": ["tests/plan/test_differences.py"],
    "plan/lifetimes/kept.py": [_LIFETIMES, _CASES],
    "plan/lifetimes/once.py": [_LIFETIMES, _CASES],
    "plan/lifetimes/renewable.py": [_LIFETIMES, _CASES],
    "plan/lifetimes/expires.py": [_LIFETIMES, _CASES],
    "plan/lifetimes/forever.py": [_LIFETIMES, _CASES],
    "plan/lifetimes/recorded.py": [_LIFETIMES],
    "plan/steps.py": ["tests/plan/test_steps.py"],
    "plan/refresh.py": ["tests/plan/test_refresh.py"],
    "plan/asks.py": ["tests/plan/test_plan_asks.py"],
    "outputs/results_account.py": ["tests/jobs/test_jobs_account.py"],
}


def tests_for(file: str) -> tuple[list[str], list[str]]:
    """(its own, all others)."""
    return SUITE[file], [test for other, tests in SUITE.items() if other != file for test in tests]


def run_tests(folder: Path, file: str, limit: float, *, compiling: bool = False) -> tuple[bool, float]:
    """(did all pass; seconds of CPU taken), in a fork of this process. It ends when it takes more than `limit` of them,
    or none for a while: what else the machine does makes no difference.
    """
    if (child := os.fork()) == 0:
        status = 1
        with contextlib.suppress(BaseException):
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit)))
            threading.Thread(target=_end_when_idle, daemon=True).start()
            status = _in_fork(folder, file, compiling)
        os._exit(status)
    _, status, used = os.wait4(child, 0)
    return status == 0, used.ru_utime + used.ru_stime


def _end_when_idle() -> None:
    """The tests wait for something that does not come."""
    used = -1.0
    while time.process_time() > used + 0.05:
        used = time.process_time()
        time.sleep(IDLE)
    os._exit(1)


def _in_fork(folder: Path, file: str, compiling: bool) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))  # a mutant may collect without end
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    os.chdir(folder)
    sys.path[0] = str(folder)
    sys.dont_write_bytecode = not compiling
    import gemctl

    assert Path(gemctl.__file__ or "").is_relative_to(folder)
    hypothesis.settings.register_profile(
        "mutation",
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    early = "ignore::pytest.PytestAssertRewriteWarning"  # hypothesis is loaded already
    options = ["-x", "-W", early, "-p", "no:cacheprovider", "--hypothesis-profile=mutation"]
    return next((1 for tests in tests_for(file) if pytest.main([*options, *tests], plugins=[_LawsLast()])), 0)


class _LawsLast:
    """Tables of values tell most mutants at once; laws take longer."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: hasattr(getattr(item, "obj", None), "hypothesis"))


_folder: Path  # of a worker: its own copy


def _begin(template: Path, place: Path) -> None:
    global _folder
    _folder = Path(tempfile.mkdtemp(dir=place)) / "copy"
    shutil.copytree(template, _folder)


def _is_noticed(mutant: Mutant, limit: float) -> tuple[Mutant, bool]:
    path = _folder / "gemctl" / mutant.file
    unchanged = path.read_bytes()  # not that of ROOT, which may have been edited meanwhile
    path.write_text(mutant.source, encoding="utf-8")
    passed, _ = run_tests(_folder, mutant.file, limit)
    path.write_bytes(unchanged)
    return mutant, not passed


def judged(made: list[Mutant], jobs: int) -> dict[Mutant, bool]:
    """Which mutants are noticed. Raises SystemExit if the suite is not fit to tell."""
    with tempfile.TemporaryDirectory() as place:
        template = Path(place, "template")
        for name in ("gemctl", "tests"):
            shutil.copytree(ROOT / name, template / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        shutil.copy2(ROOT / "pyproject.toml", template)
        run_tests(template, made[0].file, 300, compiling=True)
        passed, seconds = run_tests(template, made[0].file, 300)
        print(f"the suite takes {seconds:.1f} s of CPU with nothing changed", flush=True)
        if not passed or seconds > LIMIT:
            raise SystemExit(f"It must pass, and in {LIMIT:.0f} s.")
        with multiprocessing.get_context("fork").Pool(jobs, _begin, (template, Path(place))) as pool:
            return dict(pool.imap_unordered(partial(_is_noticed, limit=3 * seconds + 5), made))


def main() -> int:
    asked = argparse.ArgumentParser(description="Counts the mutants that no test notices.")
    asked.add_argument(
        "modules", nargs="*", metavar="module", help=f"one of {', '.join(SUITE)}; all when none is given"
    )
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    given = asked.parse_args()
    files = given.modules or list(SUITE)
    texts = {file: (ROOT / "gemctl" / file).read_text(encoding="utf-8") for file in files}
    made = [mutant for file, text in texts.items() for mutant in mutants(file, text)]
    unchanged = [Mutant(file, 0, "", "nothing", text) for file, text in texts.items()]
    listed = yaml.safe_load((Path(__file__).parent / "equivalent.yaml").read_text(encoding="utf-8"))
    equivalent = {(file, each["at"], each["change"]) for file in files for each in listed.get(file, ())}

    started = time.monotonic()
    noticed = judged([*made, *unchanged], given.jobs)
    if any(noticed.pop(mutant) for mutant in unchanged):
        raise SystemExit("The tests fail now and then with nothing changed: no figure can be trusted.")
    wrong = [f"no such mutant: {name}" for name in sorted(equivalent - {mutant.name for mutant in made})]
    wrong += [
        f"not equivalent, a test notices it: {one.name}" for one in made if one.name in equivalent and noticed[one]
    ]
    for file in files:
        counted = [mutant for mutant in made if mutant.file == file and mutant.name not in equivalent]
        left = [mutant for mutant in counted if not noticed[mutant]]
        share = 1 - len(left) / len(counted)
        same = sum(name[0] == file for name in equivalent)
        print(
            f"{file:18} {len(counted):4} mutants {len(counted) - len(left):4} noticed {share:6.1%}   {same} equivalent"
        )
        for mutant in left:
            print(f"    gemctl/{file}:{mutant.line}: in {mutant.at}: {mutant.change}")
        if share < LEAST:
            wrong.append(f"{file}: less than {LEAST:.0%} are noticed")
    counted = [mutant for mutant in made if mutant.name not in equivalent]
    print(f"{len(counted)} mutants, {sum(noticed[mutant] for mutant in counted)} noticed", end=", ")
    print(f"{len(equivalent)} equivalent, {(time.monotonic() - started) / 60:.1f} minutes")
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
