"""The official Python SDK and gemctl on one served emulator: each sees what the other made, and leaves it alone."""

from __future__ import annotations

import json

import pytest
from values import ManualClock

from gemctl.cli.main import run
from gemctl.emulator.app import App
from gemctl.emulator.server import running
from gemctl.emulator.world import World

TEXT = "The espresso machine wants clean water and a little patience. " * 120
PROJECT = {
    "apiVersion": "gemctl/v1",
    "kind": "Project",
    "metadata": {"name": "sdk", "id": "sdk4sdk4"},
    "defaultStack": "dev",
    "stacks": {"dev": {}},
}
CACHE = {
    "apiVersion": "gemctl/v1",
    "kind": "CachedContent",
    "metadata": {"name": "handbook"},
    "spec": {"model": "gemini-2.5-flash", "contents": TEXT, "ttl": "24h", "systemInstruction": "Be brief."},
}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def app(clock):
    one = App(World(now=clock.now))
    yield one
    assert not one.bugs


@pytest.fixture
def url(app, monkeypatch):
    with running(app) as base:
        monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", base)
        monkeypatch.setenv("GEMINI_API_KEY", "a-key")
        yield base


@pytest.fixture
def sdk(url):
    from google import genai

    client = genai.Client(api_key="a-key", http_options={"base_url": url, "api_version": "v1beta"})
    yield client
    client.close()


@pytest.fixture
def gemctl(tmp_path, clock, capsys):
    (tmp_path / "gemctl.yaml").write_text(json.dumps(PROJECT))
    (tmp_path / "handbook.yaml").write_text(json.dumps(CACHE))

    def call(*argv, status=0):
        capsys.readouterr()
        assert run(["-C", str(tmp_path), *argv], clock=clock) == status, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def test_the_sdk_sees_what_gemctl_made(sdk, gemctl, clock):
    gemctl("apply", "--yes")
    (seen,) = list(sdk.caches.list())
    assert seen.name == gemctl("output", "CachedContent/handbook").strip()
    assert seen.model == "models/gemini-2.5-flash" and seen.display_name.startswith("handbook ~g1.")
    assert (seen.expire_time - clock.now()).total_seconds() == pytest.approx(86_400, abs=1)
    assert sdk.caches.get(name=seen.name).usage_metadata.total_token_count > 1_024


def test_an_application_that_extends_a_cache_is_left_alone_until_it_overdoes_it(sdk, gemctl, clock):
    gemctl("apply", "--yes")
    name = gemctl("output", "CachedContent/handbook").strip()
    clock.advance(3_600)
    sdk.caches.update(name=name, config={"ttl": "86400s"})
    gemctl("plan", "--detailed-exitcode")
    sdk.caches.update(name=name, config={"ttl": "864000s"})
    assert "drifted" in gemctl("plan", "--detailed-exitcode", status=2)
    gemctl("apply", "--yes")
    left = sdk.caches.get(name=name).expire_time - clock.now()
    assert left.total_seconds() == pytest.approx(86_400, abs=2)


def test_what_the_sdk_deletes_is_made_again(sdk, gemctl, clock):
    gemctl("apply", "--yes")
    old = gemctl("output", "CachedContent/handbook").strip()
    clock.advance(60)
    sdk.caches.delete(name=old)
    (change,) = json.loads(gemctl("plan", "--json", "--accept-missing"))["changes"]
    assert (change["action"], change["reason"]) == ("create", "missing")
    gemctl("apply", "--yes")
    assert [one.name for one in sdk.caches.list()] == [gemctl("output", "CachedContent/handbook").strip()] != [old]


def test_gemctl_lists_what_the_sdk_made_and_touches_none_of_it(sdk, gemctl, clock):
    theirs = sdk.caches.create(
        model="gemini-2.5-flash",
        config={"contents": TEXT, "display_name": "by hand", "ttl": "604800s"},
    )
    gemctl("apply", "--yes")
    rows = {row["name"]: row for row in json.loads(gemctl("get", "--json"))}
    assert rows[theirs.name]["owner"] is None and rows[theirs.name]["displayName"] == "by hand"
    assert len(rows) == 2
    gemctl("destroy", "--yes")
    assert [one.name for one in sdk.caches.list()] == [theirs.name]


def test_gemctl_imports_what_the_sdk_made(sdk, gemctl, clock):
    theirs = sdk.caches.create(model="gemini-2.5-flash", config={"contents": TEXT, "ttl": "86400s"})
    gemctl("import", "CachedContent/handbook", theirs.name)
    gemctl("plan", "--detailed-exitcode")
    assert "assumed" in gemctl("plan", "-v")
    gemctl("destroy", "--yes")
    assert list(sdk.caches.list()) == []


def test_both_send_the_same_create(sdk, gemctl, app):
    """The body that gemctl sends is the one that the SDK sends for the same inputs, but for the mark."""
    from google.genai import types

    gemctl("apply", "--yes")
    sdk.caches.create(
        model="gemini-2.5-flash",
        config=types.CreateCachedContentConfig(
            contents=[types.Content(role="user", parts=[types.Part(text=TEXT)])],
            system_instruction=types.Content(parts=[types.Part(text="Be brief.")]),
            ttl="86400s",
            display_name="x",
        ),
    )
    ours, theirs = ((seen.path, dict(seen.json)) for seen in app.requests if seen.method == "POST")
    assert ours[1].pop("displayName").startswith("handbook ~g1.") and theirs[1].pop("displayName") == "x"
    assert ours == theirs
