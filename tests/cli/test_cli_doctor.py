"""gemctl doctor: what is wrong is found by its check, the others go on, and no secret is shown."""

from __future__ import annotations

import json
import socket
from datetime import timedelta

import pytest
from cli_world import make_project
from values import START, ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.wire import Response
from gemctl.emulator.world import World
from gemctl.state.local import LocalStore

CANARY = "canary-Zq8x81nightingale"
ALL = ["gemctl", "python", "libraries", "project", "key", "endpoint", "clock", "state", "facts"]


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", CANARY)
    return make_project(tmp_path / "shop")


@pytest.fixture
def app(clock, monkeypatch):
    app = App(World(now=clock.now))
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        yield app


@pytest.fixture
def doctor(shop, clock, capsys):
    def call(*words, stack="live"):
        """The exit status, and each check with its status, detail and hint; the text says the same."""
        command = ["-C", str(shop), "--stack", stack, "doctor", *words]
        status = run([*command, "--json"], clock=clock)
        document = json.loads((said := capsys.readouterr()).out)
        assert document["formatVersion"] == "1" and document["ok"] == (status == 0)
        assert run(command, clock=clock) == status
        text = capsys.readouterr().out
        assert all(one["check"] in text and one["detail"][:40] in text for one in document["checks"])
        assert CANARY not in said.out + said.err + text
        return status, {one["check"]: one for one in document["checks"]}

    return call


def test_all_is_well(doctor, app):
    status, checks = doctor()
    assert (status, list(checks)) == (0, ALL)
    assert {one["status"] for one in checks.values()} == {"ok"}
    assert checks["key"]["detail"] == "from GEMINI_API_KEY, accepted"


def test_the_embedded_emulator_needs_no_key(doctor, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY")
    status, checks = doctor(stack="local")
    assert (status, list(checks)) == (0, [name for name in ALL if name != "clock"])


def test_without_a_key_the_state_is_looked_at_all_the_same(doctor, monkeypatch):
    monkeypatch.delenv("GEMINI_API_KEY")
    status, checks = doctor()
    assert status == 1
    assert checks["key"]["status"] == "fail" and "GEMINI_API_KEY" in checks["key"]["hint"] + checks["key"]["detail"]
    assert "endpoint" not in checks and checks["state"]["status"] == checks["facts"]["status"] == "ok"


def test_a_key_that_is_refused_fails_and_the_endpoint_does_not(doctor, app, monkeypatch):
    said = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": f"API key not valid: {CANARY}."}}
    refusal = Response(400, {"content-type": "application/json"}, json.dumps(said).encode())
    monkeypatch.setattr(App, "handle", lambda *_: refusal)
    status, checks = doctor()
    assert status == 1
    assert (checks["key"]["status"], checks["endpoint"]["status"]) == ("fail", "ok")


def test_an_endpoint_that_does_not_answer_is_given_up_soon(doctor, clock, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    status, checks = doctor()
    assert (status, checks["key"]["status"], checks["endpoint"]["status"]) == (1, "warn", "fail")
    assert "GOOGLE_GEMINI_BASE_URL" in checks["endpoint"]["hint"]
    assert clock.now() - START < timedelta(minutes=1)


def test_a_wrong_clock_and_old_facts_are_warned_of(doctor, app, clock):
    app.world._now = ManualClock(clock.now() + timedelta(minutes=10)).now
    clock.advance(timedelta(days=60))
    status, checks = doctor()
    assert (status, checks["clock"]["status"], checks["facts"]["status"]) == (0, "warn", "warn")
    assert "Upgrade gemctl" in checks["facts"]["hint"]


def test_a_state_that_is_broken_or_in_use_is_found(doctor, shop, app, clock, capsys):
    assert run(["-C", str(shop), "--stack", "live", "apply", "--yes"], clock=clock) == 0
    capsys.readouterr()
    folder = shop / ".gemctl/live"
    assert doctor()[1]["lock"]["status"] == "ok"
    with LocalStore(folder, clock=clock, root=shop).lock("apply", 0.0):
        status, checks = doctor()
    assert (status, checks["state"]["status"], checks["lock"]["status"]) == (0, "ok", "warn")
    (folder / "state.json").write_text("{")
    status, checks = doctor()
    assert (status, checks["state"]["status"]) == (1, "fail")
    assert checks["state"]["hint"] and "lock" not in checks


def test_without_a_project_and_with_a_wrong_one(tmp_path, shop, capsys):
    (tmp_path / "empty").mkdir()
    assert run(["-C", str(tmp_path / "empty"), "doctor"], clock=ManualClock()) == 1
    said = capsys.readouterr().out
    assert "fail  project" in said and "gemctl init" in said and "ok    facts" in said
    with (shop / "gemctl.yaml").open("a") as file:
        file.write("colour: red\n")
    assert run(["-C", str(shop), "doctor"], clock=ManualClock()) == 1
    assert "gemctl.yaml:11:1: " in capsys.readouterr().out
