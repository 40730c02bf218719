"""SIGKILL at the boundaries of an apply with an agent, what it signs in with, the schedule that starts it, a run by it,
and a webhook; then apply again; then the auditor looks.

As test_kill_everywhere.py. The quick test kills at a few boundaries, the slow one at every third or fifth, and with
KILL_EVERY=1 at each. A run whose answer was lost stays unknown: a person allows it, and what was paid until then is
counted before.
"""

from __future__ import annotations

import json
import os
import signal

import pytest
from agent_auditor import asked, audit, live, touched_strangers
from agent_wishes import BUILT_IN
from kill_world import Project, hook, place

from gemctl.core.address import Address
from gemctl.emulator.app import Request

KEY = "some-key"
CANARY = "canary-6k_nightjar"
SOURCE, SINK = "value.secret", "out/w.secret"
SIGNED_IN = {"domain": "api.example.com", "credentialRef": {"name": "c"}}


class AgentWorld(Project):
    """One project, and a stranger's agent, credential and webhook beside it."""

    def __init__(self, place_, name):
        super().__init__(place_, name)
        self._stranger("agents", {"id": "theirs", "base_agent": BUILT_IN, "system_instruction": "Theirs."})
        self._stranger("credentials", {"id": "theirs", "type": "bearer_token", "token": "theirs"})
        self._stranger("webhooks", {"uri": "https://theirs.example/", "subscribed_events": ["batch.failed"]})

    def _stranger(self, collection, body):
        headers = {"x-goog-api-key": "stranger"}
        assert (
            self.app.handle(Request("POST", f"/v1beta/{collection}", (), headers, json.dumps(body).encode())).status
            == 200
        )

    def give(self, number):
        """The story, as it is first, or edited: with another value of the credential."""
        (self.folder / SOURCE).write_text(f"{CANARY}-{number}")
        (self.folder / SOURCE).chmod(0o600)
        self.declare(*story(number))

    def paid(self):
        return len(asked(self.app))

    def problems(self):
        sink, value = self.folder / SINK, (self.folder / SOURCE).read_text()
        secrets = {Address("Webhook", "w"): sink.read_text().strip()} if sink.is_file() else {}
        found = audit(self.app, self.desired(), self.id, "dev", secrets, KEY, {SOURCE: value})
        found += [f"touched: {what}" for what in touched_strangers(self.app, KEY)]
        if sink.is_file() and sink.stat().st_mode & 0o077:
            found.append("others may read the secret")
        saved = self.folder / "out/r.json"
        if not saved.is_file() or json.loads(saved.read_text())["status"] != "completed":
            found.append("the answer is not saved")
        return found

    def told(self, *, killed=False):
        """Where a secret stands that should not: anywhere but where it is read, and where it goes. A run that was
        `killed` while it wrote that has left half of it beside it, for its owner alone; the next one takes it away.
        """
        secrets = [CANARY.encode(), b"whsec_"]
        apart = {self.folder / SOURCE, self.folder / SINK}
        if killed:
            apart |= {half for half in (self.folder / "out").glob(".w.secret.*") if not half.stat().st_mode & 0o077}
        paths = (path for path in self.folder.rglob("*") if path.is_file() and path not in apart)
        found = [str(path) for path in paths if any(secret in path.read_bytes() for secret in secrets)]
        return found + [line for line in self.said().splitlines() if any(one.decode() in line for one in secrets)]

    def converge(self):
        """Apply until nothing is left to do, at most three times: what is made by one run is saved by the next. Where a
        run was not heard of, nothing is sent for it until a person allows that.
        """
        paid = self.paid()
        status = self.apply()
        if "E570" in self.said():
            assert status != 0 and self.paid() == paid
            status = self.apply("--allow-rerun")
        for _ in range(2):
            if status != 0 or self.problems():
                status = self.apply()
        return status, self.problems()


def resource(kind, name, spec, **more):
    return {"apiVersion": "gemctl/v1", "kind": kind, "metadata": {"name": name}, "spec": spec, **more}


def story(number):
    """One of each kind; all of them differ by the number."""
    token = {"type": "bearer_token", "token": {"valueFrom": {"file": SOURCE}}, "headerName": f"X-Key-{number}"}
    network = {"type": "remote", "network": {"allowlist": [SIGNED_IN]}}
    agent = {"baseAgent": BUILT_IN, "systemInstruction": f"Help {number} times.", "baseEnvironment": network}
    started = {"agentRef": {"name": "a"}, "input": "Go on."}
    status = "active" if number == 1 else "paused"
    trigger = {"schedule": "0 9 * * 1", "timeZone": "UTC", "interaction": started, "status": status}
    told = {"agentRef": {"name": "a"}, "input": f"Look up {number}."}
    return [
        resource("Credential", "c", token),
        resource("Agent", "a", agent),
        resource("Trigger", "t", trigger),
        resource("Interaction", "r", told, run={"results": "out/r.json"}),
        hook("w", number),
    ]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("kill")) as one:
        yield one


def kill_everywhere(here, name, every, *, edited):
    def begin(k):
        project = AgentWorld(here, f"{name}-{k}")
        if edited:
            project.give(1)
            assert project.converge() == (0, []), project.said()
        project.give(2 if edited else 1)
        return project

    every = int(os.environ.get("KILL_EVERY", every))
    whole = begin("whole")
    assert whole.apply() == 0, whole.said()
    boundaries = list(here.killer.boundaries)
    assert (whole.converge(), whole.told()) == ((0, []), [])
    killed = 0
    for k in range(every // 2 + 1, len(boundaries) + 1, every):
        project = begin(k)
        paid = project.paid()
        status = project.apply(kill_at=k, signals=(signal.SIGKILL,))
        assert status in (0, -9), (k, boundaries[k - 1], status, project.said())
        killed += status != 0
        assert project.told(killed=True) == [], (k, boundaries[k - 1])
        assert project.converge() == (0, []), (k, boundaries[k - 1], project.said())
        assert project.told() == [], (k, boundaries[k - 1])
        assert project.paid() <= paid + 2, (k, boundaries[k - 1])
        assert len(live(project.app, "triggers")) == 1
    assert killed * every > 0.6 * len(boundaries)
    return boundaries


def test_a_few_boundaries_of_a_story_with_agents(here):
    kill_everywhere(here, "few", 100, edited=False)
    kill_everywhere(here, "few-edits", 160, edited=True)


@pytest.mark.slow
def test_every_third_boundary_of_a_story_with_agents_and_every_fifth_of_its_edits(here):
    boundaries = kill_everywhere(here, "creates", 3, edited=False)
    assert boundaries.count("before request") >= 9  # four lists, five creates
    kill_everywhere(here, "edits", 5, edited=True)
