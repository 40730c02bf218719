"""Many machines, one state: several runs at once, and runs that are killed at each of their boundaries.

The servers are real (tests/servers.py), each run is the real command line in a process of its own, and each has a
checkout of its own: nothing but the state and the service tells one of another.

A test kills at every so many-th boundary only; with KILL_EVERY=1 it kills at each.
"""

from __future__ import annotations

import os
import re
import shutil
from itertools import islice
from threading import Event

import pytest
from kill_world import Project, cache, place
from servers import bucket, postgres

KEEPERS = {
    "postgres": lambda: {"postgres": postgres("together")},
    "objects": lambda: {"object": "s3://together/states"},
}


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("shared"), **bucket("together")) as one:
        yield one


def survived(project, keeper):
    """Apply until nothing is left to do, as a person would: what holds the lock is dead. → status, what is wrong."""
    patience = "0s" if keeper == "objects" else "10m"  # of a fast clock: until the server has noticed
    for _ in range(3):
        status = project.apply("--lock-timeout", patience)
        if status == 3:
            lock = re.search(r"gemctl state unlock (\w+)", project.said())
            assert lock, project.said()
            assert project.run("state", "unlock", lock[1]) == 0, project.said()
        elif status == 0 and not project.problems():
            break
    return status, project.problems()


@pytest.mark.slow
@pytest.mark.parametrize(("keeper", "every"), [("postgres", 13), ("objects", 13)])
def test_killed_at_every_boundary(here, keeper, every):
    """Created, replaced and deleted; the run after it finds all of it, and nothing is there twice."""
    state, every = KEEPERS[keeper](), int(os.environ.get("KILL_EVERY", every))

    def begin(number):
        project = Project(here, f"{keeper}-{number}", state)
        project.declare(cache("old", "one"), cache("kept", "two"))
        assert project.apply() == 0, project.said()
        project.declare(cache("new", "one"), cache("kept", "other"))
        return project

    whole, killed = begin(0), 0
    assert whole.apply() == 0, whole.said()
    boundaries = list(here.killer.boundaries)
    assert sum("request" not in name and "publish" not in name for name in boundaries) > 10, boundaries
    for k in range(1 + every // 2, len(boundaries) + 1, every):
        project = begin(k)
        killed += project.apply(kill_at=k) == -9
        assert survived(project, keeper) == (0, []), (k, boundaries[k - 1], project.said())
        assert project.run("plan", "--detailed-exitcode") == 0, (k, boundaries[k - 1], project.said())
    assert killed * every > 0.7 * len(boundaries)


class Gate:
    """Lets nothing be created until it is opened."""

    def __init__(self, app):
        self._app, self.open = app, Event()

    def __getattr__(self, name):
        return getattr(self._app, name)

    def handle(self, request):
        assert request.method != "POST" or self.open.wait(300)
        return self._app.handle(request)


@pytest.mark.parametrize("keeper", KEEPERS)
def test_one_of_eight_machines_applies(here, keeper):
    """The others end while the first is still at work, and name it."""
    project = Project(here, f"{keeper}-many", KEEPERS[keeper]())
    project.declare(*(cache(f"c{number}", f"text {number}") for number in range(4)))
    text = (project.folder / "gemctl.yaml").read_text()
    patient = text.replace('"200s"', '"50h"').replace('"220s"', '"60h"')  # of a fast clock
    (project.folder / "gemctl.yaml").write_text(patient)
    checkouts = [shutil.copytree(project.folder, here.folder / f"{keeper}-{n}-of-many") for n in range(8)]
    here._app = gate = Gate(project.app)
    runs = here.killer.together(checkouts, "apply", "--yes")
    locked = list(islice(runs, 7))  # whoever holds the lock is waiting at the gate
    assert [status for _, status, _ in locked] == [3] * 7, locked
    gate.open.set()
    ((winner, status, said),) = runs
    assert status == 0, said
    for _, _, said in locked:
        assert f"process {winner} " in said and "`apply`" in said, said
    assert sum(seen.method == "POST" for seen in project.app.requests) == 4
    assert here.killer.run(checkouts[0], "plan", "--detailed-exitcode") == 0, project.said()
    told = "published: "  # in the winner's checkout, which is not the one that is looked at
    assert [problem for problem in project.problems() if not problem.startswith(told)] == []
