"""Ctrl-C during an apply, once and twice, against an emulator that answers slowly; and signals at other times."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys

import pytest
from cli_world import GEMCTL, environment, gemctl, here, make_project
from quick_gemctl import quick_gemctl
from slow import Slow

from gemctl.cli.stopping import graceful
from gemctl.cli.term import Terminal
from gemctl.core.errors import Interrupted
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.engine.execute import Stopping

NAMES = ("one", "two", "three", "four", "five", "six")


def start(project, url, *words):
    env = environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any-word", GEMCTL_STACK="live")
    process = subprocess.Popen(
        [quick_gemctl(), *words], cwd=project, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    return process, env


def converges(project, app, env):
    app.set_faults([])
    again = gemctl(project, "apply", "--yes", env=env)
    assert again.returncode == 0, again
    assert len(app.created()) == len(set(app.created())) == len(NAMES)
    assert gemctl(project, "plan", "--detailed-exitcode", env=env).returncode == 0


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_once_what_is_in_flight_is_finished_and_recorded(tmp_path, number, status):
    project, app = make_project(tmp_path, *NAMES), Slow(2, delay=1.0)
    with running(app) as url:
        process, env = start(project, url, "apply", "--yes", "--parallelism", "2")
        assert app.arrived.wait(300)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
        assert process.returncode == status, err
        assert "Stopping:" in err
        assert "Traceback" not in err
        assert out.count("✓ create") == len(app.created()) == 2
        assert "2 done, 4 blocked" in out
        listed = gemctl(project, "state", "list", env=env).stdout
        assert listed.count("created") == 2
        assert "open" not in listed
        converges(project, app, env)


def test_twice_it_leaves_at_once_and_the_next_apply_finds_what_was_made(tmp_path):
    project, app = make_project(tmp_path, *NAMES, deadline="10m"), Slow(2, delay=600.0)
    with running(app) as url:
        process, env = start(project, url, "apply", "--yes", "--parallelism", "2")
        assert app.arrived.wait(300)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("Stopping:" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 130  # answers would come after ten minutes, when the request's deadline is over too
        process.communicate()
        assert gemctl(project, "state", "list", env=env).stdout.count("open create") == 2
        converges(project, app, env)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_while_it_only_looks_nothing_is_done(tmp_path, number, status):
    project, app = make_project(tmp_path, deadline="10m"), Slow(0, delay=0)
    app.set_faults([Fault("slow", method="GET", delay=600)])
    with running(app) as url:
        process, _ = start(project, url, "plan")
        assert app.arrived.wait(300)
        process.send_signal(number)
        _, err = process.communicate(timeout=300)
        assert process.returncode == status
        assert "Traceback" not in err
    assert not (project / ".gemctl/live/state.json").exists()


def test_the_served_emulator_ends_with_a_signal(tmp_path):
    process = subprocess.Popen(
        [*GEMCTL, "emulator", "--port", "0"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    make_project(tmp_path / "project")
    env = environment(GOOGLE_GEMINI_BASE_URL=url, GEMINI_API_KEY="any-word", GEMCTL_STACK="live")
    assert gemctl(tmp_path / "project", "apply", "--yes", env=env).returncode == 0
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode in (0, 130)
    assert "Traceback" not in err


class Interrupting(io.RawIOBase):
    """A stream amid whose first write a signal comes."""

    def __init__(self):
        self.text, self.sent = b"", False

    def writable(self):
        return True

    def write(self, data):
        self.text += bytes(data)
        if not self.sent:
            self.sent = True
            signal.raise_signal(signal.SIGTERM)
        return len(data)


def amid(monkeypatch):
    """(what stands on standard error, where the process would have ended)."""
    raw, ends = Interrupting(), []
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(raw), line_buffering=True))
    monkeypatch.setattr(os, "_exit", ends.append)
    return raw, ends


def test_a_signal_amid_a_line_on_standard_error(monkeypatch, capfd):
    raw, ends = amid(monkeypatch)
    stopping, terminal = Stopping(), Terminal({}, no_color=True)
    with graceful(stopping, terminal.note):
        terminal.note("a line")
    assert (stopping.signal, ends, raw.text) == (signal.SIGTERM, [], b"a line\n")
    assert capfd.readouterr().err.startswith("Stopping: ")


def test_a_second_signal_amid_what_is_said_of_the_first(monkeypatch):
    raw, ends = amid(monkeypatch)
    with graceful(Stopping(), Terminal({}, no_color=True).note):
        signal.raise_signal(signal.SIGINT)
    assert ends == [128 + signal.SIGTERM]
    assert raw.text.startswith(b"Stopping: ")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("gemctl.manifest.yaml._Reader.documents", ("validate",)),
        ("gemctl.state.local.LocalStore.load", ("cost",)),
        ("gemctl.state.local.LocalStore.load", ("orphans",)),
        ("gemctl.state.local.LocalStore.load", ("plan", "--all-stacks")),
        ("gemctl.engine.survey.survey", ("get", "CachedContent")),
    ],
)
def test_a_signal_at_any_place_is_a_signal_and_no_error(tmp_path, monkeypatch, place, words):
    """It may come in the middle of what makes a message of whatever goes wrong below."""
    project = make_project(tmp_path)

    def interrupted(*_, **__):
        raise Interrupted(signal.SIGTERM)

    monkeypatch.setattr(place, interrupted)
    done = here(project, *words)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (128 + signal.SIGTERM, "Interrupted.")
    assert "error" not in done.stderr
