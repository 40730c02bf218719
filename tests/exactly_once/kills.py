"""The kill tests at full size: every boundary of twenty mixed resources, and many random kills of fifty objects.

    python tests/exactly_once/kills.py             every boundary, 20 × 2 random kills
    python tests/exactly_once/kills.py 4 5         every 4th boundary, 5 × 2 random kills

Prints what it did and what it found; exits with 1 if anything was lost, doubled or orphaned.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]

from kill_world import Project, cache, place  # noqa: E402
from test_kill_everywhere import mixed  # noqa: E402


def main(every: int = 1, rounds: int = 20) -> int:
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, place(Path(folder)) as here:
        before, after, forgotten = mixed()

        def begin(name: str) -> Project:
            project = Project(here, name)
            project.declare(*before)
            assert project.apply() == 0, project.said()
            for words in forgotten:
                assert project.run(*words) == 0, project.said()
            project.declare(*after)
            return project

        whole = begin("mixed-0")
        assert whole.apply() == 0, whole.said()
        count = len(here.killer.boundaries)
        for k in range(1, count + 1, every):
            project = begin(f"mixed-{k}")
            found["killed at a boundary"] += project.apply(kill_at=k) == -9
            _judge(project, found, f"boundary {k}")
        random = Random(1)
        for number in range(rounds):
            project = Project(here, f"fifty-{number}")
            project.declare(*(cache(f"c{n}", f"text {n}") for n in range(50)))
            for _ in range(2):
                found["killed among fifty"] += project.apply(kill_at=random.randint(1, 250)) == -9
            _judge(project, found, f"fifty {number}")
    print(f"boundaries of an apply of twenty mixed resources: {count}")
    for what, times in sorted(found.items()):
        print(f"{times:6}  {what}")
    wrong = sum(times for what, times in found.items() if what.startswith("wrong"))
    print("all is well" if not wrong else f"{wrong} went wrong")
    return bool(wrong)


def _judge(project: Project, found: Counter[str], where: str) -> None:
    status, problems = project.converge()
    found["converged in at most two runs"] += (status, problems) == (0, [])
    for problem in problems or ([f"exit {status}"] if status else []):
        print(f"{where}: {problem}")
        found[f"wrong: {problem.partition(':')[0]}"] += 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
