"""SIGKILL at every boundary of an apply; then apply again; then the auditor looks at what the service did.

The command line is the real one, in a process of its own; the emulator is behind a socket.
"""

from __future__ import annotations

import pytest
from kill_world import Project, cache, place


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("kill")) as one:
        yield one


def kill_everywhere(here, story, before, after, every=1):
    """For each k: the world `before`, an apply of `after` killed at k, and what heals it. Returns the boundaries.

    With several steps in flight their boundaries interleave differently each time, so the last k may never come.
    """
    killed = 0

    def begin(number):
        project = Project(here, f"{story}-{number}")
        if before:
            project.declare(*before)
            assert project.apply() == 0, project.said()
        project.declare(*after)
        return project

    whole = begin(0)
    assert whole.apply() == 0, whole.said()
    assert whole.problems() == []
    boundaries = list(here.killer.boundaries)
    assert len(boundaries) > 10
    for k in range(1, len(boundaries) + 1, every):
        project = begin(k)
        status = project.apply(kill_at=k)
        assert status in (-9, 0), project.said()
        killed += status == -9
        assert project.converge() == (0, []), (k, boundaries[k - 1], project.said())
        assert project.run("plan", "--detailed-exitcode") == 0, (k, boundaries[k - 1], project.said())
    assert killed * every > 0.8 * len(boundaries)
    return boundaries


def test_one_create(here):
    boundaries = kill_everywhere(here, "create", [], [cache("handbook", "one")])
    assert "before request" in boundaries and "after request" in boundaries


def test_one_replace(here):
    kill_everywhere(here, "replace", [cache("handbook", "one")], [cache("handbook", "two")])


def test_one_replace_that_deletes_at_once(here):
    at_once = {"lifecycle": {"retire": "0s"}}
    kill_everywhere(
        here, "replace0", [cache("handbook", "one", **at_once)], [cache("handbook", "two", **at_once)], every=3
    )


def test_one_renewal_and_one_delete(here):
    before = [cache("handbook", "one"), cache("guide", "two")]
    kill_everywhere(here, "mixed", before, [cache("handbook", "one", ttl="12h")], every=3)
