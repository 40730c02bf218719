"""The pytest fixture `gemini_emulator`, and the same without pytest: what a user's test sees of it."""

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib.metadata import entry_points

import pytest

from gemctl.emulator import server, testing

CACHE = {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "word " * 2000}]}], "ttl": "300s"}


def ask(method, path, body=None):
    """As an SDK does it: the address and the key are in the environment."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{os.environ['GOOGLE_GEMINI_BASE_URL']}/v1beta/{path}", data, method=method)
    request.add_header("x-goog-api-key", os.environ["GEMINI_API_KEY"])
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_each_test_begins_at_the_same_place(gemini_emulator):
    names = []
    for _ in range(2):
        assert ask("GET", "cachedContents") == {}
        assert gemini_emulator.clock.now == datetime(2026, 1, 1, tzinfo=UTC)
        made = ask("POST", "cachedContents", CACHE)
        assert made["createTime"].startswith("2026-01-01T00:00:00")
        names.append(made["name"])
        gemini_emulator.clock.advance(minutes=1)
        gemini_emulator.reset()
    assert names[0] == names[1]


def test_the_clock(gemini_emulator):
    clock = gemini_emulator.clock
    ask("POST", "cachedContents", CACHE)
    clock.advance(299)
    assert len(ask("GET", "cachedContents")["cachedContents"]) == 1
    clock.advance(timedelta(seconds=1))
    assert ask("GET", "cachedContents") == {}
    assert [effect.kind for effect in gemini_emulator.effects] == ["created", "expired"]
    clock.move_to("2026-02-01T00:00:00Z")
    assert clock.move_to(datetime(2026, 2, 2, tzinfo=UTC)) == datetime(2026, 2, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="not moved back"):
        clock.move_to("2026-01-01T00:00:00Z")
    assert clock.still
    clock.still = False
    assert not clock.still


def test_faults_knobs_and_what_was_asked(gemini_emulator):
    gemini_emulator.faults({"kind": "status_after", "method": "POST", "nth": 1})
    with pytest.raises(urllib.error.HTTPError, match="503"):
        ask("POST", "cachedContents", CACHE)
    gemini_emulator.faults()
    assert len(ask("GET", "cachedContents")["cachedContents"]) == 1
    assert [seen.status for seen in gemini_emulator.asked("POST", "cachedContents$")] == [503]
    assert gemini_emulator.assert_asked("POST", count=1)[0].json == CACHE
    with pytest.raises(AssertionError, match=r"(?s)2 requests of POST to files; there came:.*POST /v1beta/cachedC"):
        gemini_emulator.assert_asked("POST", "files", count=2)
    assert float(gemini_emulator.bill["total"]) > 0
    gemini_emulator.knobs(requests_per_minute=1)
    ask("GET", "cachedContents")
    with pytest.raises(urllib.error.HTTPError, match="429"):
        ask("GET", "cachedContents")
    with pytest.raises(ValueError, match="no knob is called latencies"):
        gemini_emulator.knobs(latencies=1)


def test_what_the_model_says(gemini_emulator):
    def say(text):
        said = ask("POST", "models/gemini-3.8-flash:generateContent", {"contents": [{"parts": [{"text": text}]}]})
        return said["candidates"][0]["content"]["parts"][-1]["text"]

    own = say("the weather?")
    gemini_emulator.answers({"prompt": "weather", "text": "It rains."}, {"prompt": "news", "text": "None."})
    assert (say("the weather?"), say("the news?")) == ("It rains.", "None.")
    gemini_emulator.answers()
    assert say("the weather?") == own


@pytest.mark.gemini_emulator(clock="now", still=False)
@pytest.mark.gemini_emulator(seed=None, knobs={"min_cache_tokens": 1})
def test_marks_say_how_it_starts(gemini_emulator):
    assert not gemini_emulator.clock.still
    assert abs(gemini_emulator.clock.now - datetime.now(UTC)) < timedelta(hours=1)
    small = {**CACHE, "contents": [{"parts": [{"text": "word"}]}]}
    name = ask("POST", "cachedContents", small)["name"]
    gemini_emulator.reset()
    assert ask("POST", "cachedContents", small)["name"] != name


def test_marks_are_of_one_test_only(gemini_emulator):
    assert gemini_emulator.clock.still
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask("POST", "cachedContents", {**CACHE, "contents": [{"parts": [{"text": "word"}]}]})


def test_what_clients_are_told(gemini_emulator, monkeypatch):
    assert os.environ["OPENAI_BASE_URL"] == f"{gemini_emulator.url}/v1beta/openai"
    assert os.environ["OPENAI_API_KEY"] == os.environ["GEMINI_API_KEY"]
    assert "127.0.0.1" in os.environ["NO_PROXY"]
    monkeypatch.setenv("no_proxy", "example.com")
    assert gemini_emulator.env["no_proxy"] == "example.com,localhost,127.0.0.1,::1"


USERS = """
import os
import ssl
import urllib.request

import pytest

@pytest.fixture
def gemini_emulator_settings():
    return {"seed": 7}

def test_a_key_of_the_user_is_not_used(gemini_emulator):
    assert "GOOGLE_API_KEY" not in os.environ

@pytest.mark.gemini_emulator(clock="2026-06-01T00:00:00Z")
def test_settings_and_marks_go_together(gemini_emulator):
    assert gemini_emulator.door("GET", "")["seed"] == gemini_emulator.door("GET", "/emulator")["seed"] == 7
    assert gemini_emulator.clock.now.month == 6

@pytest.mark.gemini_emulator(tls=True)
def test_tls(gemini_emulator):
    url = gemini_emulator.url.replace("http", "https")
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with urllib.request.urlopen(f"{url}/emulator", context=context) as answer:
        assert answer.status == 200
    assert os.environ["NODE_EXTRA_CA_CERTS"].endswith("ca.pem")

@pytest.mark.gemini_emulator(7)
def test_wrong_1(gemini_emulator): pass

@pytest.mark.gemini_emulator(clocks=1)
def test_wrong_2(gemini_emulator): pass

@pytest.mark.gemini_emulator(clock="noon")
def test_wrong_3(gemini_emulator): pass

@pytest.mark.gemini_emulator(seed="x")
def test_wrong_4(gemini_emulator): pass

@pytest.mark.gemini_emulator(knobs={"latency": -1})
def test_wrong_5(gemini_emulator): pass
"""


def users_tests(folder, text):
    """The exit status of pytest for a user's tests."""
    (folder / f"test_{folder.name}.py").write_text(text)  # pytest knows a module by its name
    options = ["-c", os.devnull, "--rootdir", folder, "--import-mode", "importlib", "-p", "no:cacheprovider"]
    return pytest.main([*map(str, options), "--strict-markers", "-n", "0", str(folder)])


def test_settings_of_a_module_and_mistakes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GOOGLE_API_KEY", "a key of the user's")
    assert users_tests(tmp_path, USERS) == 1
    said = capsys.readouterr().out
    assert "3 passed, 5 errors" in said
    assert "takes its settings by name" in said
    assert "there is no setting clocks; there are clock, still, seed, knobs and tls" in said
    assert "clock: it is a time such as 2026-01-01T00:00:00Z" in said
    assert "seed: it is a whole number" in said
    assert "latency: it is a number of seconds" in said
    assert "Traceback" not in said


def test_without_the_extra_it_says_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, server.__name__)
    monkeypatch.delattr("gemctl.emulator.server")
    with (
        pytest.raises(testing.EmulatorNotInstalled, match="needs uvicorn, which is not installed: pip install"),
        testing.emulator(),
    ):
        pass
    assert users_tests(tmp_path, "def test_it(gemini_emulator): pass") == 1
    assert "needs uvicorn, which is not installed: pip install" in capsys.readouterr().out


def test_pytest_finds_it_and_importing_it_costs_nothing():
    [found] = entry_points(group="pytest11", name="gemini_emulator")
    code = f"import pytest, sys; before = set(sys.modules); import {found.value}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"gemctl", "gemctl.emulator", "gemctl.emulator.pytest_plugin"}


def test_without_pytest():
    with testing.emulator(clock=datetime(2026, 3, 1, tzinfo=UTC), knobs={"latency": 0}) as emulator:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", emulator.url)
        with urllib.request.urlopen(f"{emulator.url}/emulator") as answer:
            assert json.load(answer)["now"] == "2026-03-01T00:00:00.000000Z"
        assert emulator.requests == []
        with pytest.raises(ValueError, match="it has /emulator"):
            emulator.door("GET", "/nothing")
    with pytest.raises(ValueError, match="time zone"), testing.emulator(clock=datetime(2026, 3, 1)):
        pass
