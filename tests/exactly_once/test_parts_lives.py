"""Jobs in parts that are killed at any time, and several projects and strangers that share the room of one key."""

from __future__ import annotations

import json
from random import Random

import pytest
from auditor import paid
from kill_world import PROJECT, Project, job, place
from parts_lives import Narrow, Size, live

from gemctl.emulator.app import Request

ROOM = 4


def test_a_life_of_a_job_in_parts():
    wrong, found, _ = live(range(1, 2), Size(lines=90, parts=3, jobs=1, kills=2, by_time=False))
    assert wrong == {}
    assert found["killed"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 3])
def test_lives_of_jobs_in_parts(first):
    wrong, found, _ = live(range(first, first + 3), Size(lines=2_000, parts=5, jobs=2, kills=6, by_time=False))
    assert wrong == {}, "replay one with: python tests/exactly_once/parts_lives.py --seed N --lines 2000 …"
    assert found["killed"] >= 6


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    size = Size(jobs=ROOM)
    with place(tmp_path_factory.mktemp("room"), lambda folder, env: Narrow(folder, env, size)) as one:
        yield one


class Shared:
    """Two projects with a job in six parts each, which may have ROOM jobs of one key in the service; and a stranger."""

    def __init__(self, here, name: str) -> None:
        self.projects = [Project(here, f"{name}{one}") for one in ("one", "two")]
        self.app = self.projects[-1].app
        for project in self.projects:
            project.app = self.app
            own = {**PROJECT, "metadata": {"name": "kill", "id": project.id}, "limits": {"jobs": ROOM}}
            (project.folder / "gemctl.yaml").write_text(json.dumps(own))
            keys = [f"{project.id}-{number}" for number in range(12)]
            lines = [{"key": key, "request": {"contents": [{"parts": [{"text": key}]}]}} for key in keys]
            (project.folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
            spec = {"model": "gemini-3.8-flash", "input": {"jsonl": "rows.jsonl"}, "split": {"requests": 2}}
            project.declare(job("bulk", "", spec=spec))

    def a_stranger_runs_one(self) -> int:
        requests = [{"request": {"contents": [{"parts": [{"text": "x"}]}]}, "metadata": {"key": "a"}}]
        body = {"batch": {"displayName": "theirs", "inputConfig": {"requests": {"requests": requests}}}}
        path = "/v1beta/models/gemini-3.8-flash:batchGenerateContent"
        made = Request("POST", path, (), {"x-goog-api-key": "some-key"}, json.dumps(body).encode())
        return self.app.handle(made).status

    @property
    def over(self) -> bool:
        return all((project.folder / "out/bulk.jsonl").exists() for project in self.projects)

    def most(self) -> tuple[int, int]:
        """How many jobs were in the service at a time, at most; and at most just after one of ours was made."""
        live: set[str] = set()
        all_, ours = 0, 0
        for effect in sorted(self.app.effects, key=lambda one: one.seq):
            if effect.collection != "batches":
                continue
            if effect.kind == "created":
                live.add(effect.name)
                ours = max(ours, 0 if effect.display_name == "theirs" else len(live))
            elif effect.kind in ("ended", "deleted"):
                live.discard(effect.name)
            all_ = max(all_, len(live))
        return all_, ours

    def wrong(self) -> list[str]:
        found = [problem for project in self.projects for problem in project.problems()]
        times = paid(self.app)
        return found + [f"{number} keys were paid for" for number in [len(times)] if number != 24]


@pytest.mark.slow
def test_two_projects_and_a_stranger_in_turns_never_fill_more_than_the_room(here):
    """Each counts what is there, whoever made it."""
    shared, random = Shared(here, "turns"), Random(4)
    here.turn(batches_at_once=100)  # the service does not help
    theirs = 0
    for _ in range(100):
        if shared.over:
            break
        if random.random() < 0.2 and theirs < 6:
            theirs += shared.a_stranger_runs_one() == 200
        project = random.choice(shared.projects)
        assert project.apply() == 0, project.said()
    assert shared.over and theirs
    _, ours = shared.most()
    assert ours == ROOM
    assert shared.wrong() == []


def test_two_projects_at_once_wait_for_each_other_and_for_a_stranger(here):
    """They may count at the same instant: then the service refuses what is too much, and it is sent later."""
    shared = Shared(here, "atonce")
    assert [shared.a_stranger_runs_one() for _ in range(2)] == [200, 200]
    ends = list(here.killer.together([one.folder for one in shared.projects], "apply", "--yes", "--wait"))
    assert [status for _, status, _ in ends] == [0, 0], ends
    assert shared.over
    assert shared.most() == (ROOM, ROOM)
    assert shared.wrong() == []


@pytest.mark.slow
def test_two_projects_one_of_which_is_killed(here):
    shared, random = Shared(here, "killed"), Random(5)
    for _ in range(12):
        for project in shared.projects:
            project.apply(kill_at=random.randint(1, 250))
        shared.a_stranger_runs_one()
    for project in shared.projects:
        assert project.apply("--wait") == 0, project.said()
    assert shared.over
    assert shared.most() == (ROOM, ROOM)
    assert shared.wrong() == []
