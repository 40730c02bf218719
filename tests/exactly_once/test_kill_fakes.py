"""SIGKILL at the boundaries of an apply that has every fake kind in it; then apply again; then the auditor looks.

As test_kill_everywhere.py. The quick test kills at a few boundaries, the slow one at every third, and with KILL_EVERY=1
at each. A run whose answer was lost stays unknown: a person allows it, and what was paid until then is counted before.
"""

from __future__ import annotations

import os
import signal

import pytest
from fake_auditor import audit, touched_strangers
from fakes.fake_emulator import fake_app, live, made
from fakes.fake_project import known
from fakes.kinds import KINDS
from kill_world import Place, Project, place

from gemctl.core.address import Address
from gemctl.emulator.world import World

KEY = "some-key"
AGENT = {"id": "helper", "instruction": "Help."}
HOOK = {"uri": "https://example.com/h", "subscribedEvents": ["batch.failed"], "secret": {"file": "out/w"}}
TRIGGER = {"schedule": "0 9 * * 1", "agentRef": {"name": "a"}, "prompt": "Go.", "status": "ACTIVE"}
RUN = {"model": "gemini-3.8-flash", "input": "Look it up. [[emulator: run stays in_progress]]"}  # until it is stopped


class FakePlace(Place):
    kinds = KINDS

    def new_app(self):
        return fake_app(World(now=self.now))


class FakeWorld(Project):
    """One project, and a stranger's agent and webhook beside it."""

    def __init__(self, place_, name):
        super().__init__(place_, name)

    def said_of(self, code):
        return code in self.said()

    def secrets(self):
        sinks = {Address("FakeWebhook", "w"): self.folder / "out/w"}
        return {address: path.read_text().strip() for address, path in sinks.items() if path.is_file()}

    def problems(self):
        found = audit(self.app, self.desired(), self.id, "dev", self.secrets(), KEY)
        found += [f"touched: {what}" for what in touched_strangers(self.app, KEY)]
        if (self.folder / "out/w").is_file() and (self.folder / "out/w").stat().st_mode & 0o077:
            found.append("others may read the secret")
        return found

    def converge(self):
        """Apply until nothing is left to do, at most three times. Where a run was not heard of, nothing is sent for it
        until a person allows that.
        """
        paid = len(made(self.app, "fakeRuns"))
        status = self.apply()
        if self.said_of("E570"):
            assert status != 0 and len(made(self.app, "fakeRuns")) == paid
            status = self.apply("--allow-rerun")
        for _ in range(2):
            if status != 0 or self.problems():
                status = self.apply()
        return status, self.problems()


def fake(kind, name, spec, **more):
    return {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, **more}


def story():
    """One of each kind; and the same, all edited."""
    saved = {"run": {"results": "out/r.jsonl"}}
    before = [
        fake("FakeAgent", "a", AGENT),
        fake("FakeTrigger", "t", TRIGGER),
        fake("FakeWebhook", "w", HOOK),
        fake("FakeRun", "r", RUN, **saved),
    ]
    after = [
        fake("FakeAgent", "a", {**AGENT, "instruction": "Help more."}),
        fake("FakeTrigger", "t", {**TRIGGER, "status": "PAUSED"}),
        fake("FakeWebhook", "w", {**HOOK, "uri": "https://example.com/2"}),
        fake("FakeRun", "r", {**RUN, "input": "Look again."}, **saved),
    ]
    return before, after


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with known(), place(tmp_path_factory.mktemp("kill"), FakePlace) as one:
        yield one


def kill_everywhere(here, name, before, after, every):
    def begin(number):
        project = FakeWorld(here, f"{name}-{number}")
        if before:
            project.declare(*before)
            assert project.apply() == 0, project.said()
        project.declare(*after)
        return project

    every = int(os.environ.get("KILL_EVERY", every))
    whole = begin(0)
    assert whole.apply() == 0, whole.said()
    assert whole.converge() == (0, []), whole.said()
    whole = begin("whole")
    assert whole.apply() == 0, whole.said()
    boundaries = list(here.killer.boundaries)
    killed = 0
    for k in range(1, len(boundaries) + 1, every):
        project = begin(k)
        paid = len(made(project.app, "fakeRuns"))
        status = project.apply(kill_at=k, signals=(signal.SIGKILL,))
        assert status in (0, -9), (k, boundaries[k - 1], status, project.said())
        killed += status != 0
        assert project.converge() == (0, []), (k, boundaries[k - 1], project.said())
        assert len(made(project.app, "fakeRuns")) <= paid + 2, (k, boundaries[k - 1])
        assert len(live(project.app, "fakeWebhooks")) == 1
        for path in (project.folder / ".gemctl").rglob("*"):
            assert not path.is_file() or b"whsec_" not in path.read_bytes(), (k, path)
        assert "whsec_" not in project.said()
    assert killed * every > 0.6 * len(boundaries)


def test_a_few_boundaries_of_a_story_with_every_fake_kind(here):
    kill_everywhere(here, "few", [], story()[0], every=50)
    kill_everywhere(here, "few-edits", *story(), every=90)


@pytest.mark.slow
def test_every_third_boundary_of_the_fake_kinds(here):
    kill_everywhere(here, "creates", [], story()[0], every=3)
    kill_everywhere(here, "edits", *story(), every=3)
