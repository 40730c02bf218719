"""SIGKILL at the boundaries of an apply that makes and changes credentials; then apply again: each is there once, with
the values that are declared, and no value is in anything that gemctl has written or said.

As test_kill_everywhere.py: the quick test kills at a few boundaries, the slow one and KILL_EVERY=1 at each.
"""

from __future__ import annotations

import os
import signal

import pytest
from kill_world import Project, place

from gemctl.emulator.app import Request

CANARY = "canary-8x_nightingale"


class Signing(Project):
    """Two credentials, whose values are in files, and one of a stranger beside them."""

    def __init__(self, place_, name):
        super().__init__(place_, name)
        body = b'{"id": "theirs", "type": "bearer_token", "token": "not ours"}'
        assert (
            self.app.handle(Request("POST", "/v1beta/credentials", (), {"x-goog-api-key": "some-key"}, body)).status
            == 200
        )

    def give(self, number, *, other=False):
        """The values, and the manifests; the second is of another type, if it is `other`."""
        for name in ("crm", "stock"):
            (self.folder / f"{name}.secret").write_text(f"{CANARY}-{name}-{number}")
            (self.folder / f"{name}.secret").chmod(0o600)
        token = {"type": "bearer_token", "token": {"valueFrom": {"file": "crm.secret"}}, "prefix": f"Key{number}"}
        source = {"valueFrom": {"file": "stock.secret"}}
        stock = {"type": "bearer_token", "token": source}
        if other:
            stock = {"type": "environment_variable", "value": source, "injectionLocation": "header"}
        self.declare(*(
            {"apiVersion": "gemctl/v1", "kind": "Credential", "metadata": {"name": name}, "spec": spec}
            for name, spec in (("crm", token), ("stock", stock))
        ))  # fmt: skip

    def kept(self):
        _ = self.app.effects  # brings the world up to the present
        return {row.name: row.body for row in self.app.world.objects("credentials")}

    def wrong(self, number, field):
        """What is not as it is declared."""
        kept = self.kept()
        found = [] if kept["credentials/theirs"]["token"] == "not ours" else ["a stranger's was touched"]
        if set(kept) != {"credentials/theirs", "credentials/crm", "credentials/stock"}:
            return [*found, f"there are {sorted(kept)}"]
        crm, stock = kept["credentials/crm"], kept["credentials/stock"]
        if (crm["token"], crm["prefix"]) != (f"{CANARY}-crm-{number}", f"Key{number}"):
            found.append(f"crm is {crm}")
        if stock[field] != f"{CANARY}-stock-{number}":
            found.append(f"stock is {stock}")
        return found

    def told(self):
        """Where a value stands that should not."""
        paths = (path for path in (self.folder / ".gemctl").rglob("*") if path.is_file())
        return [str(path) for path in paths if CANARY.encode() in path.read_bytes()] + [
            f"said: {line}" for line in self.said().splitlines() if CANARY in line
        ]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    with place(tmp_path_factory.mktemp("kill")) as one:
        yield one


def kill_everywhere(here, name, every, *, before):
    """Creates; or, `before` them, changes of values and of a type, which replaces."""
    number, field = (2, "value") if before else (1, "token")

    def begin(k):
        project = Signing(here, f"{name}-{k}")
        if before:
            project.give(1)
            assert project.apply() == 0, project.said()
        project.give(number, other=before)
        return project

    every = int(os.environ.get("KILL_EVERY", every))
    whole = begin("whole")
    assert whole.apply() == 0, whole.said()
    assert whole.wrong(number, field) == [] == whole.told()
    boundaries = list(here.killer.boundaries)
    killed = 0
    for k in range(1, len(boundaries) + 1, every):
        project = begin(k)
        status = project.apply(kill_at=k, signals=(signal.SIGKILL,))
        assert status in (0, -9), (k, boundaries[k - 1], status, project.said())
        killed += status != 0
        assert project.told() == [], (k, boundaries[k - 1])
        assert project.apply() == 0, (k, boundaries[k - 1], project.said())
        assert project.wrong(number, field) == [] == project.told(), (k, boundaries[k - 1])
        made = [one for one in project.app.effects if one.kind == "created" and one.name == "credentials/crm"]
        assert len(made) == 1, (k, boundaries[k - 1])
        calls = len(project.app.effects)
        assert project.apply() == 0 and len(project.app.effects) == calls, (k, boundaries[k - 1])
    assert killed * every > 0.6 * len(boundaries)


def test_a_few_boundaries_of_creates(here):
    kill_everywhere(here, "few", 61, before=False)


@pytest.mark.slow
def test_a_few_boundaries_of_changes(here):
    kill_everywhere(here, "few-changes", 29, before=True)


@pytest.mark.slow
def test_every_third_boundary_of_creates_and_changes(here):
    kill_everywhere(here, "creates", 3, before=False)
    kill_everywhere(here, "changes", 3, before=True)
