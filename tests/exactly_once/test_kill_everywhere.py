"""SIGKILL at every boundary of an apply; then apply again; then the auditor looks at what the service did.

The command line is the real one, in a process of its own; the emulator is behind a socket. A test kills at every
third, fifth … boundary; with KILL_EVERY=1 it kills at each. kills.py does what is too long for a test. The quick test
has every kind in it and kills at a few boundaries; the others are slow.
"""

from __future__ import annotations

import os
import signal
from random import Random

import pytest
from kill_world import Project, cache, file, hook, job, job_in_parts, place, policy


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("kill")) as one:
        yield one


def kill_everywhere(here, story, before, after, every=1, signals=(signal.SIGKILL,), between=(), runs=False, words=()):
    """For each k: the world `before`, an apply of `after` with `words` that gets `signals` at k, and what heals it.

    With several steps in flight their boundaries interleave differently each time, so the last k may never come.
    `between` are command lines run before the apply; with `runs` there are jobs, which go on by themselves. Returns the
    boundaries.
    """
    killed = 0
    ends = {0, -9} if signals == (signal.SIGKILL,) else {0, 128 + signals[0]}

    def begin(number):
        project = Project(here, f"{story}-{number}")
        if before:
            project.declare(*before)
            assert project.apply() == 0, project.said()
        for words in between:
            assert project.run(*words) == 0, project.said()
        project.declare(*after)
        return project

    every = int(os.environ.get("KILL_EVERY", every))
    whole = begin(0)
    assert whole.apply(*words) == 0, whole.said()
    assert whole.problems() == []
    boundaries = list(here.killer.boundaries)
    assert len(boundaries) > 10
    for k in range(1, len(boundaries) + 1, every):
        project = begin(k)
        status = project.apply(*words, kill_at=k, signals=signals)
        assert status in ends, (k, boundaries[k - 1], status, project.said())
        killed += status != 0
        assert project.converge(*words) == (0, []), (k, boundaries[k - 1], project.said())
        if k % 5 == 1 and not runs:
            assert project.run("plan", "--detailed-exitcode") == 0, (k, boundaries[k - 1], project.said())
    assert killed * every > 0.7 * len(boundaries)
    return boundaries


def test_a_few_boundaries_of_a_story_with_every_kind(here):
    kill_everywhere(here, "few", *every_kind(), every=60, runs=True)


@pytest.mark.slow
def test_one_create(here):
    boundaries = kill_everywhere(here, "create", [], [cache("handbook", "one")], every=3)
    assert "before request" in boundaries and "after request" in boundaries


@pytest.mark.slow
def test_one_replace(here):
    kill_everywhere(here, "replace", [cache("handbook", "one")], [cache("handbook", "two")], every=5)


@pytest.mark.slow
def test_one_replace_that_deletes_at_once(here):
    at_once = {"lifecycle": {"retire": "0s"}}
    kill_everywhere(
        here, "replace0", [cache("handbook", "one", **at_once)], [cache("handbook", "two", **at_once)], every=11
    )


@pytest.mark.slow
@pytest.mark.parametrize(("again", "retire"), [(True, "10m"), (True, "0s"), (False, "10m")])
def test_one_that_is_asked_for_anew(here, again, retire):
    """Nothing was edited, so both objects carry one mark. Asked for again after a kill, there is no third, unless the
    old one was retired, and nothing left to do; and a plain apply does the rest of what was begun.
    """
    every, asked = int(os.environ.get("KILL_EVERY", 5)), ("--replace", "CachedContent/handbook")
    for k in range(1, 1000, every):
        project = Project(here, f"anew-{again}-{retire}-{k}")
        project.declare(cache("handbook", "one", lifecycle={"retire": retire}))
        assert project.apply() == 0, project.said()
        status = project.apply(*asked, kill_at=k)
        over = any(effect.kind in ("patched", "deleted") for effect in project.app.effects)
        assert project.apply(*(asked if again and status else ())) == 0, project.said()
        made = sum(effect.kind == "created" for effect in project.app.effects)
        assert project.problems() == [], (k, project.said())
        assert made == (3 if over else 2) if again and status else made in (1, 2), (k, over, made)
        assert project.run("plan", "--detailed-exitcode") == 0, (k, project.said())
        if status == 0:
            break
    assert k > 10


@pytest.mark.slow
def test_one_webhook(here):
    """The secret is delivered, or made anew by the next run, wherever the kill falls."""
    boundaries = kill_everywhere(here, "hook", [], [hook("hook", 1)], every=3)
    assert boundaries.count("before request") >= 2


@pytest.mark.slow
def test_one_renewal_and_one_delete(here):
    before = [cache("handbook", "one"), cache("guide", "two")]
    kill_everywhere(here, "mixed", before, [cache("handbook", "one", ttl="12h")], every=9)


def every_kind():
    """A file and a cache that refers to it, a webhook and a job that refers to it, a policy; and the same, edited."""
    with_file = cache("handbook", "one")
    with_file["spec"]["contents"] = [{"parts": [{"fileRef": {"name": "doc"}}, {"text": "one"}]}]
    always = {"lifecycle": {"keep": "always"}}
    one, two = job("night", "sum"), job("night", "all")
    for each in (one, two):
        each["spec"]["webhookConfig"] = {"webhookRef": {"name": "hook"}}
    before = [file("doc", **always), with_file, hook("hook", 1), one, policy("demo", 1)]
    after = [file("doc", "other.txt", **always), with_file, hook("hook", 2), two, policy("demo", 2)]
    return before, after


@pytest.mark.slow
def test_one_of_each_kind(here):
    before, after = every_kind()
    boundaries = kill_everywhere(here, "kinds", [], before, every=16, runs=True)
    assert boundaries.count("before request") >= 8  # three lists, two for the upload, a look at the file, two creates
    kill_everywhere(here, "edits", before, after, every=21, runs=True)


def in_parts():
    """A job with a cache under each line, in three parts, of which two may be in the service at a time."""
    return [], [cache("shared", "one"), job_in_parts("bulk", "shared")]


def test_a_few_boundaries_of_a_job_in_parts(here):
    """Uploads of made files, jobs that wait for room, results of parts and of the whole are among them."""
    boundaries = kill_everywhere(here, "bulk", *in_parts(), every=110, runs=True, words=("--wait",))
    assert {"before make", "after make", "before fill", "after place"} <= set(boundaries)


@pytest.mark.slow
def test_a_job_in_parts(here):
    kill_everywhere(here, "bulks", *in_parts(), every=11, runs=True, words=("--wait",))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("times", [1, 2])
def test_signals_lose_nothing_either(here, number, times):
    before = [cache("handbook", "one"), cache("guide", "two")]
    after = [cache("handbook", "three"), cache("map", "four")]
    kill_everywhere(here, f"{number.name}{times}", before, after, every=30, signals=(number,) * times)


def mixed():
    """Twenty resources: created, renewed, replaced both ways, deleted, adopted, left alone."""
    at_once, delete_first = {"lifecycle": {"retire": "0s"}}, {"lifecycle": {"replace": "deleteFirst"}}
    before = [cache(f"r{n}", f"text {n}") for n in range(8)]
    before += [cache(f"r{n}", f"text {n}", **at_once) for n in (8, 9)] + [cache("r10", "text 10", **delete_first)]
    before += [cache(f"old{n}", "old") for n in range(3)]
    after = [cache(f"r{n}", f"text {n}", ttl="12h") for n in range(3)]
    after += [cache(f"r{n}", f"other {n}") for n in range(3, 6)] + [cache(f"r{n}", f"text {n}") for n in (6, 7)]
    after += [cache(f"r{n}", f"other {n}", **at_once) for n in (8, 9)] + [cache("r10", "other 10", **delete_first)]
    after += [cache(f"new{n}", f"new {n}") for n in range(6)]
    forgotten = [("state", "rm", f"CachedContent/{name}") for name in ("r6", "r7", "r0")]
    return before, after, forgotten


@pytest.mark.slow
def test_twenty_of_all_sorts(here):
    before, after, forgotten = mixed()
    kill_everywhere(here, "mixed20", before, after, every=40, between=forgotten)


@pytest.mark.slow
def test_fifty_objects_and_two_kills_in_a_row(here):
    random = Random(50)
    project = Project(here, "fifty-0")
    project.declare(*(cache(f"c{n}", f"text {n}") for n in range(50)))
    assert project.apply() == 0, project.said()
    count = len(here.killer.boundaries)
    for number in range(1, 3):
        project = Project(here, f"fifty-{number}")
        project.declare(*(cache(f"c{n}", f"text {n}") for n in range(50)))
        project.apply(kill_at=random.randint(1, count))
        project.apply(kill_at=random.randint(1, count))
        assert project.converge() == (0, []), project.said()
