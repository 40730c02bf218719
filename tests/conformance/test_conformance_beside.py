"""The official Python SDK and gemctl side by side: each sees what the other made, and leaves it alone."""

from __future__ import annotations

import json

import pytest
from beside import MODEL, TEXT, bench


@pytest.fixture
def both(tmp_path, monkeypatch, capsys):
    with bench(tmp_path, monkeypatch, capsys) as one:
        spec = {"model": MODEL, "contents": TEXT, "ttl": "24h", "systemInstruction": "Be brief."}
        one.declare("CachedContent", "handbook", spec)
        yield one


@pytest.fixture
def sdk(both):
    return both.sdk()


def ours(both):
    return both.gemctl("output", "CachedContent/handbook").strip()


def test_the_sdk_sees_what_gemctl_made(both, sdk):
    both.gemctl("apply", "--yes")
    (seen,) = list(sdk.caches.list())
    assert seen.name == ours(both)
    assert seen.model == f"models/{MODEL}" and seen.display_name.startswith("handbook ~g1.")
    assert (seen.expire_time - both.clock.now()).total_seconds() == pytest.approx(86_400, abs=1)
    assert sdk.caches.get(name=seen.name).usage_metadata.total_token_count > 1_024


def test_an_application_that_extends_a_cache_is_left_alone_until_it_overdoes_it(both, sdk):
    both.gemctl("apply", "--yes")
    name = ours(both)
    both.clock.advance(3_600)
    sdk.caches.update(name=name, config={"ttl": "86400s"})
    both.gemctl("plan", "--detailed-exitcode")
    sdk.caches.update(name=name, config={"ttl": "864000s"})
    assert "drifted" in both.gemctl("plan", "--detailed-exitcode", status=2)
    both.gemctl("apply", "--yes")
    left = sdk.caches.get(name=name).expire_time - both.clock.now()
    assert left.total_seconds() == pytest.approx(86_400, abs=2)


def test_what_the_sdk_deletes_is_made_again(both, sdk):
    both.gemctl("apply", "--yes")
    old = ours(both)
    both.clock.advance(60)
    sdk.caches.delete(name=old)
    (change,) = json.loads(both.gemctl("plan", "--json", "--accept-missing"))["changes"]
    assert (change["action"], change["reason"]) == ("create", "missing")
    both.gemctl("apply", "--yes")
    assert [one.name for one in sdk.caches.list()] == [ours(both)] != [old]


def test_gemctl_lists_what_the_sdk_made_and_touches_none_of_it(both, sdk):
    config = {"contents": TEXT, "display_name": "by hand", "ttl": "604800s"}
    theirs = sdk.caches.create(model=MODEL, config=config)
    both.gemctl("apply", "--yes")
    rows = {row["name"]: row for row in json.loads(both.gemctl("get", "--json"))["objects"]}
    assert rows[theirs.name]["owner"] is None and rows[theirs.name]["displayName"] == "by hand"
    assert len(rows) == 2
    both.gemctl("destroy", "--yes")
    assert [one.name for one in sdk.caches.list()] == [theirs.name]


def test_gemctl_imports_what_the_sdk_made(both, sdk):
    theirs = sdk.caches.create(model=MODEL, config={"contents": TEXT, "ttl": "86400s"})
    both.gemctl("import", "CachedContent/handbook", theirs.name)
    both.gemctl("plan", "--detailed-exitcode")
    assert "assumed" in both.gemctl("plan", "-v")
    both.gemctl("destroy", "--yes")
    assert list(sdk.caches.list()) == []
