"""`gemctl watch` against a served emulator: outages, keys that change, pages for whoever scrapes, and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from types import SimpleNamespace

import pytest
from slow import Slow
from watch_world import Place, cache, minutes

from gemctl.core.change import Action, Reason
from gemctl.core.errors import GemctlError
from gemctl.core.event import Status
from gemctl.core.watch import Ended, Result
from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.server import running
from gemctl.emulator.world import World
from gemctl.workflows.metrics import Metrics, serving


@pytest.fixture
def service(place, monkeypatch, tmp_path):
    """The place on a served emulator, with a key in a file."""
    key = tmp_path / "key"
    key.write_text("first-key")
    key.chmod(0o600)
    app = App(World(now=place.clock.now), keys={"first-key": "ours", "second-key": "ours", "other-key": "theirs"})
    with running(app) as url:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        monkeypatch.setenv("GEMCTL_API_KEY_FILE", str(key))
        monkeypatch.setenv("GEMCTL_STACK", "live")
        yield SimpleNamespace(app=app, key=key)
    assert not app.bugs


def keys(app: App) -> int:
    """How many keys were used to change something."""
    return len({effect.key for effect in app.effects if effect.key})


def test_an_outage_is_told_once_and_tried_again_ever_later(place, service):
    place.applied()
    place.at("10m", service.app.set_faults, [Fault("status_before", status=503)])
    place.at("30m", service.app.set_faults, [])
    assert place.watch(until="50m") == 143
    assert place.codes() == [["E302"]]
    (recovered,) = place.told("recovered")
    assert 30 <= minutes(recovered["at"]) <= 33
    assert place.steps() == ["update CachedContent/one"]
    waits = [line for line in place.told("sleep") if line["why"] == "retry"]
    assert 6 <= len(waits) <= 14


def test_the_less_life_is_left_the_sooner_it_tries_again(place, service):
    place.applied()
    place.at("30m", service.app.set_faults, [Fault("status_before", status=503)])
    place.at("57m30s", service.app.set_faults, [])
    assert place.watch("--interval", "20m", until="61m") == 143
    assert place.steps() == ["update CachedContent/one"]
    (recovered,) = place.told("recovered")
    assert minutes(recovered["at"]) < 60


def test_another_error_is_told_again(place, service):
    place.applied()
    place.at("10m", service.app.set_faults, [Fault("status_before", status=503)])
    place.at("20m", service.app.set_faults, [Fault("status_before", status=403)])
    place.at("30m", service.app.set_faults, [])
    assert place.watch(until="40m") == 143
    assert len(place.codes()) == 2
    assert len(place.told("recovered")) == 1


def test_a_renewal_that_is_refused_is_tried_again(place, service):
    place.applied()
    place.at("10m", service.app.set_faults, [Fault("status_before", method="PATCH", status=500)])
    place.at("50m", service.app.set_faults, [])
    assert place.watch(until="60m") == 143
    assert len(place.codes()) == 1
    assert place.steps() == ["update CachedContent/one"]
    failed = [line for line in place.lines if line["type"] == "outcome" and line["summary"]["done"] == 0]
    assert 3 <= len(failed) <= 12


def test_the_key_is_looked_for_each_time(place, service):
    place.applied()
    assert keys(service.app) == 1
    place.at("10m", service.key.write_text, "")  # while it is exchanged
    place.at("15m", service.key.write_text, "second-key")
    assert place.watch("--interval", "1m40s", until="50m") == 143
    assert place.codes() == [["E311"]]
    assert len(place.told("recovered")) == 1
    assert place.steps() == ["update CachedContent/one"]
    assert keys(service.app) == 2
    assert not any(key in place.out + place.err for key in ("first-key", "second-key"))


def test_a_key_of_another_project_makes_nothing_anew(place, service):
    place.applied()
    place.at("10m", service.key.write_text, "other-key")
    place.at("20m", service.key.write_text, "first-key")
    assert place.watch(until="30m") == 143
    assert place.codes() == [["E501"]]
    assert len([effect for effect in service.app.effects if effect.kind == "created"]) == 1


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def numbers(page: str) -> dict[str, float]:
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in page.splitlines() if line[0] != "#")
    }


def test_pages_for_whoever_scrapes(place, monkeypatch):
    """Health goes when nothing was well for too long, and comes again; what is counted is what was done."""
    urls, seen = [], {}
    place.write("two.yaml", cache("two"))
    place.applied()
    place.write("three.yaml", cache("three"))
    from gemctl.workflows import metrics

    monkeypatch.setattr(metrics.Served, "__setattr__", lambda self, name, value: _keep(self, name, value, urls))

    def look(name):
        seen[name] = get(f"{urls[0]}/healthz"), numbers(get(f"{urls[0]}/metrics")[1])

    broken = place.folder / "broken.yaml"
    place.at("45m", look, "well")
    place.at("45m10s", broken.write_text, "kind: [")
    place.at("48m20s", look, "broken")
    place.at("60m", look, "too long")
    place.at("61m", broken.unlink)
    place.at("64m", look, "again")
    assert place.watch("--metrics-port", "0", until="70m") == 143
    (status, text), counted = seen["well"]
    assert status == 200
    assert text.startswith("all was well ")
    assert counted['gemctl_watch_changes_total{action="update",reason="expiring",status="done"}'] == 2
    assert counted["gemctl_watch_pending_changes"] == 1
    assert counted["gemctl_watch_next_due_seconds"] == pytest.approx(35 * 60, abs=15)
    start = place.clock.now().timestamp() - 70 * 60
    assert counted["gemctl_watch_earliest_end_timestamp_seconds"] == pytest.approx(start + 100 * 60, abs=15)
    assert counted["gemctl_watch_last_success_timestamp_seconds"] == pytest.approx(start + 42.5 * 60, abs=15)
    assert counted['gemctl_watch_ticks_total{outcome="done"}'] >= 17
    assert seen["broken"][0][0] == 200
    (status, text), counted = seen["too long"]
    assert status == 503
    assert "since then the last look ended as partial E101" in text
    assert text.count("\n") == 1
    assert counted['gemctl_watch_errors_total{code="E101"}'] >= 4
    assert seen["again"][0][0] == 200


def _keep(self, name, value, urls):
    object.__setattr__(self, name, value)
    if name == "url":
        urls.append(value)


def test_only_two_pages_and_only_for_this_machine(place):
    with serving(0, timedelta(minutes=15), place.clock) as metrics:
        assert metrics.url.startswith("http://127.0.0.1:")
        assert get(f"{metrics.url}/healthz") == (503, "nothing was well yet: it has not looked yet\n")
        assert get(f"{metrics.url}/")[0] == 404
        assert get(f"{metrics.url}/metrics", Host="rebound.example")[0] == 403
        metrics.hear(Ended(place.clock.now(), Result.ERROR, codes=("E302",)))
        assert get(f"{metrics.url}/healthz") == (503, "nothing was well yet: the last look ended as error E302\n")
        made = ((Action.CREATE, Reason.EXPIRED, Status.UNKNOWN),)
        metrics.hear(Ended(place.clock.now(), Result.DONE, made=made))
        assert get(f"{metrics.url}/healthz") == (200, "all was well 0s ago\n")
        place.clock.advance(timedelta(minutes=35))
        assert get(f"{metrics.url}/healthz")[0] == 200
        place.clock.advance(timedelta(seconds=1))
        assert get(f"{metrics.url}/healthz")[0] == 503
        page = numbers(get(f"{metrics.url}/metrics")[1])
        assert page['gemctl_watch_changes_total{action="create",reason="expired",status="unknown"}'] == 1
        assert str(page["gemctl_watch_next_due_seconds"]) == "nan"


def test_a_port_that_is_taken(place):
    with serving(0, timedelta(minutes=15), place.clock) as metrics:
        port = metrics.url.rpartition(":")[2]
        assert place.watch("--metrics-port", port, until="1s") == 1
    assert place.lines[0]["diagnostics"][0]["code"] == "E552"


def test_without_the_extra_its_name_is_said(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(GemctlError) as caught:
        Metrics(timedelta(minutes=15), place.clock)
    assert caught.value.code == "E551"
    assert "pip install prometheus-client" in str(caught.value.hint)
    assert place.watch("--metrics-port", "0", until="1s") == 1
    assert place.watch("--interval", "10s", until="10s") == 143  # nobody else needs it


@pytest.fixture
def started(tmp_path):
    """Starts the command in a process of its own."""
    processes = []

    def start(place: Place, url: str, *words: str) -> subprocess.Popen[str]:
        here = {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": "any-word", "GEMCTL_STACK": "live"}
        process = subprocess.Popen(
            [sys.executable, "-m", "gemctl", "watch", "--json", *words],
            cwd=place.folder,
            env=os.environ | here,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], event: str) -> dict:
    """The next line of this event."""
    assert process.stdout is not None
    for line in process.stdout:
        found = json.loads(line)
        if found.get("event") == event:
            return found
    raise AssertionError(f"it ended without {event}")


def test_a_signal_lets_what_is_in_flight_be_recorded_and_in_its_sleep_ends_it_at_once(tmp_path, started):
    place, app = Place(tmp_path / "project", "one", "two", "three"), Slow(1, delay=1.0)
    with running(app) as url:
        process = started(place, url, "--allow", "declared", "--parallelism", "1")
        assert app.arrived.wait(300)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=300)
        assert process.returncode == 143, err
        assert "Stopping:" in err
        lines = [json.loads(line) for line in out.splitlines()]
        (outcome,) = [line for line in lines if line["type"] == "outcome"]
        assert (outcome["summary"]["done"], outcome["stoppedBy"]) == (1, signal.SIGTERM)
        assert lines[-1]["event"] == "stop"
        app.set_faults([])
        again = started(place, url, "--allow", "declared")
        until(again, "sleep")
        assert len(app.created()) == len(set(app.created())) == 3
        again.send_signal(signal.SIGINT)
        assert again.wait(300) == 130


def test_twice_it_leaves_at_once_and_the_next_one_finds_what_was_made(tmp_path, started, monkeypatch):
    place, app = Place(tmp_path / "project", "one"), Slow(1, delay=60.0)
    place.write(
        "gemctl.yaml", (place.folder / "gemctl.yaml").read_text() + "timing: {requestDeadline: 30s, settle: 1s}\n"
    )
    with running(app) as url:
        process = started(place, url, "--allow", "declared")
        assert app.arrived.wait(300)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert any("Stopping:" in line for line in iter(process.stderr.readline, ""))
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 143
        app.set_faults([])
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", url)
        monkeypatch.setenv("GEMINI_API_KEY", "any-word")
        assert place.watch("--stack", "live", until="10s") == 143
        assert len(app.created()) == 1
