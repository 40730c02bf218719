"""SIGKILL at the boundaries of an apply that asks an agent, waits, asks a model about its report, and saves both; then
apply again. Nothing may be asked twice, unless a person allows it because nobody can know whether it was.

As test_kill_agents.py: the quick test kills at a few boundaries, the slow one at every third, and with KILL_EVERY=1 at
each.
"""

from __future__ import annotations

import json
import os
import signal

import pytest
from kill_world import Project, place

REPORT = {"agent": "deep-research-preview-04-2026", "input": "What do bees eat?"}
TURN = {"model": "gemini-3.8-flash", "input": "In one line?", "previousRef": {"name": "report"}}


def asked(name, spec, results):
    how = {"metadata": {"name": name}, "spec": spec, "run": {"results": results}}
    return {"apiVersion": "gemctl/v1", "kind": "Interaction", **how}


class Research(Project):
    """A report, and the turn after it."""

    def __init__(self, place_, name):
        super().__init__(place_, name)
        self.declare(asked("report", REPORT, "out/report.json"), asked("line", TURN, "out/line.md"))

    def made(self):
        return sum(one.kind == "created" and one.collection == "interactions" for one in self.app.effects)

    def problems(self):
        """What is not as it should be once all is done."""
        files = ("report.json", "report.md", "line.md")
        found = [f"{name} is not there" for name in files if not (self.folder / "out" / name).is_file()]
        if not found and json.loads((self.folder / "out/report.json").read_text())["status"] != "completed":
            found.append("what is saved is no answer")
        return found

    def converge(self):
        """Apply until nothing is left to do. Where an answer was not heard, nothing is sent until a person allows it.
        Returns how often one had to.
        """
        allowed = 0
        for _ in range(4):
            paid = self.made()
            status = self.apply("--wait")
            if "E570" in self.said():
                assert status != 0 and self.made() == paid, self.said()
                allowed += 1
                status = self.apply("--wait", "--allow-rerun")
            if status == 0 and not self.problems():
                break
        assert (status, self.problems()) == (0, []), self.said()
        return allowed


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("kill")) as one:
        yield one


def kill_everywhere(here, name, every):
    every = int(os.environ.get("KILL_EVERY", every))
    whole = Research(here, f"{name}-whole")
    assert whole.apply("--wait") == 0, whole.said()
    boundaries = list(here.killer.boundaries)
    assert whole.problems() == [] and whole.made() == 2
    assert whole.apply("--wait") == 0 and whole.made() == 2
    killed = unheard = 0
    for k in range(1, len(boundaries) + 1, every):
        project = Research(here, f"{name}-{k}")
        status = project.apply("--wait", kill_at=k, signals=(signal.SIGKILL,))
        assert status in (0, -9), (k, boundaries[k - 1], status, project.said())
        killed += status != 0
        allowed = project.converge()
        unheard += allowed
        assert 2 <= project.made() <= 2 + allowed, (k, boundaries[k - 1])
        made = project.made()
        assert project.apply("--wait") == 0 and project.made() == made
    assert killed * every > 0.6 * len(boundaries)
    return unheard


def test_a_few_boundaries_of_a_report_and_the_turn_after_it(here):
    kill_everywhere(here, "few", 45)


@pytest.mark.slow
def test_every_third_boundary_of_a_report_and_the_turn_after_it(here):
    assert kill_everywhere(here, "third", 3) > 0
