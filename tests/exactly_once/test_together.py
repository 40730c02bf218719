"""Several runs at once, on one state and on separate ones; and runs that are stopped in the middle and go on later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from itertools import islice
from threading import Event

import pytest
from auditor import audit, live_objects
from kill_world import cache
from values import ManualClock

from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.emulator.world import World
from gemctl.kinds import CATALOGUE
from gemctl.manifest.root import load_project
from gemctl.workflows.declared import declared

PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "together", "id": "together1"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
    "timing": {"requestDeadline": "1s", "settle": "2s"},
}


class Team:
    """An emulator, and checkouts of one project that talk to it."""

    def __init__(self, folder, app, url):
        self.folder, self.app = folder, app
        self.env = {**os.environ, "GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "team-key"}

    def checkout(self, name, count=4, deadline="1s"):
        folder = self.folder / name
        folder.mkdir()
        timing = {"timing": {**PROJECT["timing"], "requestDeadline": deadline}}
        (folder / "gemctl.yaml").write_text(json.dumps(PROJECT | timing))
        resources = [cache(f"c{n}", f"text {n}") for n in range(count)]
        (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, resources)))
        return folder

    def start(self, folder, *words):
        argv = [sys.executable, "-m", "gemctl", *(words or ("apply", "--yes"))]
        return subprocess.Popen(
            argv,
            cwd=folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def problems(self, folder):
        loaded = load_project(str(folder))
        desired = declared(loaded, loaded.project.stacks["dev"], CATALOGUE)
        return list(audit(self.app, desired, "together1", "dev", self.app.world._now()).problems)


@contextmanager
def team(folder, *faults, app=None):
    app = app or App(World(), faults=faults)
    with running(app) as url:
        yield Team(folder, app, url)
    assert not app.bugs


def _let_pass(run, seconds):
    with suppress(subprocess.TimeoutExpired):
        run.wait(seconds)


SLOW = Fault("slow", method="POST", every=1, delay=0.4)


class Gate(App):
    """Lets nothing be created until it is opened."""

    def __init__(self):
        super().__init__(World())
        self.open = Event()

    def handle(self, request):
        assert request.method != "POST" or self.open.wait(300)
        return super().handle(request)


@pytest.mark.parametrize("count", [4, *(pytest.param(count, marks=pytest.mark.slow) for count in (2, 8))])
def test_one_of_many_appliers_on_one_state_applies(tmp_path, count):
    gate = Gate()
    with team(tmp_path, app=gate) as here:
        folder = here.checkout("one", deadline="60s")
        runs = [here.start(folder) for _ in range(count)]
        with ThreadPoolExecutor(count) as listeners:
            ends = {listeners.submit(run.communicate, timeout=300): run for run in runs}
            done = islice(as_completed(ends), count - 1)  # whoever holds the lock is waiting at the gate
            assert {ends[one].returncode for one in done} == {3}
            gate.open.set()
        ends = [(one.result(), run.returncode) for one, run in ends.items()]
        statuses = sorted(status for _, status in ends)
        assert statuses == [0] + [3] * (count - 1), ends
        winner = next(run.pid for run in runs if run.returncode == 0)
        for (_, said), status in ends:
            if status == 3:
                assert f"process {winner} " in said and "`apply`" in said, said
        assert here.problems(folder) == []
        assert sum(seen.method == "POST" for seen in here.app.requests) == 4


@pytest.mark.slow
def test_who_may_wait_for_the_lock_does(tmp_path):
    with team(tmp_path, SLOW) as here:
        folder = here.checkout("one")
        runs = [here.start(folder, "apply", "--yes", "--lock-timeout", "30s") for _ in range(2)]
        for run in runs:
            out, err = run.communicate(timeout=300)
            assert run.returncode == 0, out + err
        assert here.problems(folder) == []


@pytest.mark.slow
def test_two_checkouts_with_states_of_their_own_converge(tmp_path):
    """Neither knows of the other: both create, and one run more of each leaves one object of each."""
    with team(tmp_path, SLOW) as here:
        folders = [here.checkout("one"), here.checkout("two")]
        for run in [here.start(folder) for folder in folders]:
            run.communicate(timeout=300)
        assert len(live_objects(here.app)) >= 4
        for folder in folders:
            run = here.start(folder, "apply", "--yes")
            out, err = run.communicate(timeout=300)
            assert run.returncode == 0, out + err
        assert here.problems(folders[0]) == []
        names = []
        for folder in folders:
            out, _ = here.start(folder, "output", "--json").communicate(timeout=300)
            names.append({at: facts["name"] for at, facts in json.loads(out)["outputs"].items()})
        assert names[0] == names[1]


@pytest.mark.slow
def test_a_run_that_was_paused_past_its_deadline(tmp_path):
    """The request left, the process slept, the answer came meanwhile or never: the next run finds out."""
    with team(tmp_path, Fault("slow", method="POST", every=1, delay=1.0)) as here:
        folder = here.checkout("one", count=2)
        run = here.start(folder)
        for _ in range(400):
            if any(seen.method == "POST" for seen in here.app.requests):
                break
            _let_pass(run, 0.05)
        os.kill(run.pid, signal.SIGSTOP)
        _let_pass(run, 1.5)  # longer than the deadline: real time, for a real process
        os.kill(run.pid, signal.SIGCONT)
        run.communicate(timeout=300)
        assert run.returncode in (0, 5)
        here.app.set_faults(())
        again = here.start(folder)
        out, err = again.communicate(timeout=300)
        assert again.returncode == 0, out + err
        assert here.problems(folder) == []


def test_the_lock_is_taken_before_manifests_are_read(tmp_path):
    with team(tmp_path) as here:
        folder = here.checkout("one")
        from pathlib import Path

        from gemctl.state.local import LocalStore

        with LocalStore(Path(folder) / ".gemctl/dev", clock=ManualClock()).lock("test", 0):
            (folder / "all.yaml").write_text("not: [valid")
            run = here.start(folder)
            _, err = run.communicate(timeout=300)
            assert run.returncode == 3 and "`test`" in err, err
