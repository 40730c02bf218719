"""What is said of the model of each of many resources takes so much work for each, however many there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.cli_world import cache, here, make_project
from effort import calls

from gemctl.workflows import money, plan

MODEL = "gemini-of-tomorrow"  # neither the book nor the service knows it: a warning and an error for each resource


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Plans so many caches, and counts the calls of functions that facts and guards make; with the plan's words."""

    def of(number: int) -> tuple[int, str]:
        folder = make_project(tmp_path / str(number))
        manifests = "".join(cache(f"c{n:03}", f"text {n}") for n in range(number))
        text = manifests.replace("spec:\n", f"spec:\n  model: {MODEL}\n").removesuffix("---\n")
        Path(folder / "caches.yaml").write_text(text)
        counts: list[int] = []

        def counted(function):
            def act(*args, **kwargs):
                found: list[object] = []
                counts.append(calls(lambda: found.append(function(*args, **kwargs))))
                return found[0]

            return act

        with monkeypatch.context() as patch:
            patch.setattr(money, "with_facts", counted(money.with_facts))
            patch.setattr(plan, "guard", counted(plan.guard))
            done = here(folder, "plan")
        assert done.returncode == 1
        assert len(counts) == 2
        return sum(counts), done.stderr

    of(1)  # what is imported and remembered on the way counts for nobody
    return of


def test_twice_as_many_problems_take_twice_the_work(work) -> None:
    few, said = work(40)
    many, more = work(80)
    assert ("E580" in said, "W242" in said, "(and 60 similar)" in more) == (True, True, True)
    assert many <= 2 * few
