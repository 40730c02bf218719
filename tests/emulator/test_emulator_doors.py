"""The life of a cache, the same over every store and through every door."""

import random
import re
from datetime import timedelta

import pytest

from gemctl.emulator.app import App
from gemctl.emulator.world import World


def body(**fields):
    return {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 5000}]}], **fields}


@pytest.fixture
def app(store, clock):
    return App(World(store, now=clock, ids=random.Random(1)))


@pytest.fixture
def http(app, connect):
    return connect(app)


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_the_life_of_a_cache(http, app, clock, version):
    base = f"/{version}/cachedContents"
    assert http.get(base).json() == {}

    created = http.post(base, json=body(displayName="Handbuch ü", ttl="300s"))
    assert created.status_code == 200
    assert created.headers["content-type"] == "application/json; charset=UTF-8"
    assert created.headers["date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
    cache = created.json()
    assert list(cache) == [
        "name", "model", "createTime", "updateTime", "expireTime", "displayName", "usageMetadata",
    ]  # fmt: skip
    assert re.fullmatch(r"cachedContents/[0-9a-z]{40}", cache["name"])
    assert cache["createTime"] == cache["updateTime"] == "2026-01-01T00:00:00.000000Z"
    assert cache["expireTime"] == "2026-01-01T00:05:00.000000000Z"
    assert cache["displayName"] == "Handbuch ü"
    assert cache["usageMetadata"] == {"totalTokenCount": 1250}

    one = f"/{version}/{cache['name']}"
    assert http.get(one).json() == cache
    assert http.get(base).json() == {"cachedContents": [cache]}

    clock.advance(60)
    patched = http.patch(one, json={"ttl": "3600s"}).json()
    assert patched["expireTime"] == "2026-01-01T01:01:00.000000000Z"
    assert patched["updateTime"] == "2026-01-01T00:01:00.000000Z"
    assert patched["createTime"] == cache["createTime"]

    assert http.delete(one).json() == {}
    for method in ("GET", "PATCH", "DELETE"):
        gone = http.request(method, one, json={"ttl": "60s"})
        assert (gone.status_code, gone.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
        assert gone.json()["error"]["message"] == "CachedContent not found (or permission denied)"
    assert http.get(base).json() == {}
    assert [effect.kind for effect in app.effects] == ["created", "patched", "deleted"]
    assert not app.bugs


def test_a_cache_ends_at_its_expiry(http, app, clock):
    name = http.post("/v1beta/cachedContents", json=body(ttl="300s")).json()["name"]
    clock.advance(timedelta(seconds=299, milliseconds=999))
    assert http.get(f"/v1beta/{name}").status_code == 200
    clock.advance(timedelta(milliseconds=1))
    assert http.get(f"/v1beta/{name}").status_code == 403
    assert http.patch(f"/v1beta/{name}", json={"ttl": "9s"}).status_code == 403
    assert http.get("/v1beta/cachedContents").json() == {}
    effect = app.effects[-1]
    assert (effect.kind, effect.name) == ("expired", name)
    assert effect.at == effect.expire_time


def test_pages_while_they_come_and_go(http, clock):
    """Of 250, and by the official clients: tests/conformance."""
    names = []
    for _ in range(60):
        names.append(http.post("/v1beta/cachedContents", json=body()).json()["name"])
        clock.advance(timedelta(milliseconds=1))
    seen, query, pages = [], {"pageSize": 10}, 0
    while True:
        page = http.get("/v1beta/cachedContents", params=query).json()
        seen += [cache["name"] for cache in page["cachedContents"]]
        pages += 1
        if pages == 1:  # a new one comes first and is not seen; one not yet shown and the last shown go
            http.post("/v1beta/cachedContents", json=body())
            http.delete(f"/v1beta/{names[25]}")
            http.delete(f"/v1beta/{seen[-1]}")
        if "nextPageToken" not in page:
            break
        query = {"page_size": 10, "page_token": page["nextPageToken"]}
    assert seen == [name for name in reversed(names) if name != names[25]]
    assert pages == 6


def test_both_forms_of_a_key(http):
    assert http.get("/v1/models", params={"key": "k"}, headers={"x-goog-api-key": ""}).status_code == 200
    missing = http.get("/v1/models", headers={"x-goog-api-key": ""})
    assert missing.status_code == 403
    assert missing.json()["error"]["message"].startswith("Method doesn't allow unregistered callers")


def test_unrouted_paths_are_html(http):
    for method, path in [("GET", "/"), ("GET", "/v2/models"), ("PUT", "/v1/models"), ("GET", "/v1/nothing")]:
        response = http.request(method, path)
        assert response.status_code == 404
        assert response.headers["content-type"] == "text/html; charset=UTF-8"


def test_a_body_that_is_too_large(http):
    response = http.post("/v1/cachedContents", content=b" " * (20 * 1024 * 1024 + 1))
    assert response.status_code == 400
    assert "payload size exceeds the limit" in response.json()["error"]["message"]


def test_percent_escapes_in_paths_and_queries(http):
    assert http.get("/v1/models/gemini%2D2.5-flash").json()["name"] == "models/gemini-2.5-flash"
    assert http.get("/v1/cachedContents/%C3%BC%2F..").status_code == 403
    assert http.get("/v1/cachedContents?pageSize=%31&unheard=of").status_code == 200
