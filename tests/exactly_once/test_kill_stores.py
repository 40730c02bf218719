"""SIGKILL at the boundaries of an apply that fills a store with a dozen documents; then apply again; then the auditor
looks. No document may be sent twice, at whatever boundary it was.

As test_kill_everywhere.py: the quick test kills at a few boundaries, the slow one at every 31st, and with KILL_EVERY=1
at each.
"""

from __future__ import annotations

import os
import signal

import pytest
from kill_world import Project, place
from store_lives import documents, wrong_documents

from gemctl.core.mark import owner_tag

EVEN = [f"{number:02}" for number in range(0, 12, 2)]


class Library(Project):
    """Twelve files, of which every other is in the folder `even`."""

    def __init__(self, place_, name):
        super().__init__(place_, name)
        for number in range(12):
            self.write(number, f"Number {number}.")

    def path(self, number):
        return self.folder / ("odd" if number % 2 else "even") / f"{number:02}.txt"

    def write(self, number, text):
        self.path(number).parent.mkdir(exist_ok=True)
        self.path(number).write_text(text)

    def store(self, year, **more):
        entries = [{"files": "even/*.txt", "metadata": {"year": year}}, {"files": "odd/*.txt"}]
        spec = {"displayName": "Library", "documents": entries, **more}
        return {"apiVersion": "gemctl/v1", "kind": "FileSearchStore", "metadata": {"name": "s"}, "spec": spec}

    def edit(self):
        """One that changes, two that go, and one that comes; and other metadata of every other."""
        self.write(1, "Another number 1.")
        self.path(3).unlink()
        self.path(4).unlink()
        self.write(13, "Number 13.")
        self.declare(self.store(2026))

    def made(self):
        return sum(one.kind == "created" and one.collection.endswith("/documents") for one in self.app.effects)

    def problems(self):
        return super().problems() + wrong_documents(self.app, self.desired(), owner_tag(self.id, "dev"))


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("kill")) as one:
        yield one


def kill_everywhere(here, name, change, every, *more, before=True):
    """`change` is made to a library that was applied `before`."""

    def begin(number):
        project = Library(here, f"{name}-{number}")
        project.declare(project.store(2025))
        if before:
            assert project.apply() == 0, project.said()
        change(project)
        return project

    every = int(os.environ.get("KILL_EVERY", every))
    whole = begin("whole")
    theirs = whole.made()
    assert whole.apply(*more) == 0, whole.said()
    boundaries, needed = list(here.killer.boundaries), whole.made() - theirs
    assert whole.converge() == (0, []), whole.said()
    killed = 0
    for k in range(1, len(boundaries) + 1, every):
        project = begin(k)
        status = project.apply(*more, kill_at=k, signals=(signal.SIGKILL,))
        assert status in (0, -9), (k, boundaries[k - 1], status, project.said())
        killed += status != 0
        assert project.converge(*more) == (0, []), (k, boundaries[k - 1], project.said())
        assert project.made() - theirs == needed, (k, boundaries[k - 1], "a document was sent twice")
        there = len(documents(project.app))
        assert project.apply() == 0 and (project.made() - theirs, len(documents(project.app))) == (needed, there)
    assert killed * every > 0.6 * len(boundaries)


def nothing(project):
    """Leave it as it is."""


def another_model(project):
    project.declare(project.store(2025, embeddingModel="gemini-embedding-2"))


MORE = ("--allow-documents", "12")
EVERY = 31  # boundaries, unless KILL_EVERY says otherwise


def test_a_few_boundaries_of_filling_a_store(here):
    kill_everywhere(here, "few", nothing, 240, before=False)
    kill_everywhere(here, "few-edits", Library.edit, 240)


@pytest.mark.slow
def test_a_few_boundaries_of_moving_to_another_model(here):
    kill_everywhere(here, "few-models", another_model, 150, *MORE)


@pytest.mark.slow
def test_many_boundaries_of_a_store(here):
    kill_everywhere(here, "fill", nothing, EVERY, before=False)
    kill_everywhere(here, "edits", Library.edit, EVERY)
    kill_everywhere(here, "models", another_model, EVERY, *MORE)
