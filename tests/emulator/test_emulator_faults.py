"""Faults: what each does to the world, and what a client hears of it, through both doors."""

import json
from datetime import timedelta

import httpx
import pytest

from gemctl.emulator.app import App
from gemctl.emulator.faults import KINDS, Fault
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World

BODY = {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 5000}]}]}
PATH = "/v1beta/cachedContents"


@pytest.fixture
def app(clock):
    return App(World(now=clock))


def kinds(app):
    return [effect.kind for effect in app.effects]


@pytest.mark.parametrize(
    ("fault", "heard", "effects"),
    [
        (Fault("before"), httpx.TransportError, 0),
        (Fault("after"), httpx.TransportError, 1),
        (Fault("status_before"), 503, 0),
        (Fault("status_after", status=500), 500, 1),
        (Fault("duplicate"), 200, 2),
        (Fault("cut", at_bytes=20), httpx.RemoteProtocolError, 1),
        (Fault("cut", at_bytes=0), httpx.RemoteProtocolError, 1),
        (Fault("cut", at_bytes=10**6), 200, 1),
        (Fault("late", delay=30), httpx.TransportError, 0),
        (Fault("late", delay=30, status=504), 504, 0),
        (Fault("slow", delay=0.01), 200, 1),
    ],
)
def test_what_is_heard_and_what_happens(app, connect, fault, heard, effects):
    app.set_faults([fault])
    http = connect(app)
    if isinstance(heard, int):
        assert http.post(PATH, json=BODY).status_code == heard
    else:
        with pytest.raises(heard):
            http.post(PATH, json=BODY)
    assert kinds(app) == ["created"] * effects
    assert not app.bugs
    app.set_faults([])
    assert http.get("/v1/models").status_code == 200  # the door is still open


def test_a_late_effect_comes_at_its_time(app, clock, caller):
    app.set_faults([Fault("late", method="POST", nth=frozenset({1}), delay=30)])
    http = httpx.Client(transport=EmulatorTransport(app), base_url="http://x", headers={"x-goog-api-key": "k"})
    with pytest.raises(httpx.ReadError):
        http.post(PATH, json={**BODY, "ttl": "60s", "displayName": "late"})
    clock.advance(29)
    assert http.get(PATH).json() == {}
    clock.advance(21)
    (made,) = http.get(PATH).json()["cachedContents"]
    assert made["createTime"] == "2026-01-01T00:00:30.000000Z"
    clock.advance(40)
    assert [(e.kind, e.display_name) for e in app.effects] == [("created", "late"), ("expired", "late")]
    assert app.requests[0].status is None


def test_a_late_request_outlives_the_process(clock, store):
    first = App(World(store, now=clock), faults=[Fault("late", delay=30)])
    http = httpx.Client(transport=EmulatorTransport(first), base_url="http://x", headers={"x-goog-api-key": "k"})
    with pytest.raises(httpx.ReadError):
        http.post(PATH, json=BODY)
    clock.advance(30)
    second = App(World(store, now=clock))
    assert kinds(second) == ["created"]
    clock.advance(30)
    assert kinds(App(World(store, now=clock))) == ["created"]


def test_a_late_request_that_is_refused_does_nothing(app, clock):
    app.set_faults([Fault("late", delay=1)])
    http = httpx.Client(transport=EmulatorTransport(app), base_url="http://x", headers={"x-goog-api-key": "k"})
    with pytest.raises(httpx.ReadError):
        http.post(PATH, json={"nonsense": 1})
    clock.advance(2)
    assert kinds(app) == []
    assert not app.bugs


def test_stale_reads(caller, clock):
    one = caller.create()
    clock.advance(10)
    two = caller.create()
    clock.advance(10)
    patched = caller.json("PATCH", one["name"], {"ttl": "9000s"})
    stale_get = Fault("stale", path="cachedContents/")
    caller.app.set_faults([stale_get])
    assert caller.json("GET", one["name"]) == one
    caller.app.set_faults([Fault("stale", delay=15)])
    assert caller.names() == [one["name"]]
    caller.app.set_faults([])
    assert caller.json("GET", one["name"]) == patched
    caller.json("DELETE", two["name"])
    caller.app.set_faults([Fault("stale", nth=frozenset({1}))])
    assert caller.names() == [two["name"], one["name"]]
    assert caller.names() == [one["name"]]
    clock.advance(100_000)
    caller.app.set_faults([Fault("stale", delay=99_999)])
    assert caller.names() == []  # never after the expiry
    assert caller.app.effects[-1].kind == "expired"


def test_list_lag(make):
    app = make(list_lag=timedelta(seconds=5))
    made = app.create()
    assert app.names() == []
    assert app.json("GET", made["name"]) == made
    app.clock.advance(5)
    assert app.names() == [made["name"]]


def test_which_requests_are_struck(caller):
    caller.app.set_faults([Fault("status_before", method="get", path=r"/models$", every=3)])
    assert [caller.ask("GET", "models").status for _ in range(6)] == [200, 200, 503, 200, 200, 503]
    assert caller.ask("GET", "cachedContents").status == 200
    caller.app.set_faults([Fault("status_before", nth=frozenset({2, 3}))])
    assert [caller.ask("GET", "models").status for _ in range(4)] == [200, 503, 503, 200]


def test_the_error_of_a_fault(caller):
    fault = {"kind": "status_before", "status": 429, "retry_delay": 1.5, "nth": 1, "headers": {"X-Why": "test"}}
    caller.app.set_faults([Fault.from_json(fault)])
    response = caller.ask("GET", "models")
    error = json.loads(response.body)["error"]
    assert (response.status, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["details"] == [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"}]
    assert (response.headers["Retry-After"], response.headers["X-Why"]) == ("2", "test")
    assert "Date" in response.headers


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_json(kind):
    assert Fault.from_json({"kind": kind, "nth": [1, 2]}) == Fault(kind, nth=frozenset({1, 2}))


@pytest.mark.parametrize(
    "value",
    [
        {}, {"kind": "worse"}, {"kind": "cut", "at": 3}, {"kind": "cut", "nth": 0}, {"kind": "cut", "nth": "1"},
        {"kind": "cut", "nth": [1], "every": 2}, {"kind": "cut", "path": "("}, {"kind": "slow", "delay": -1},
        {"kind": "slow", "delay": "1"}, {"kind": "after", "status": 200}, {"kind": "after", "headers": {"a": 1}},
        {"kind": "cut", "every": True}, {"kind": "cut", "nth": [True]},
    ],
)  # fmt: skip
def test_a_fault_that_makes_no_sense(value):
    with pytest.raises(ValueError, match=r"."):
        Fault.from_json(value)


def test_slow_answers_and_the_clients_patience(app, clock):
    app.set_faults([Fault("slow", delay=20)])
    transport = EmulatorTransport(app, sleep=clock.sleep)
    http = httpx.Client(transport=transport, base_url="http://x", headers={"x-goog-api-key": "k"}, timeout=5)
    start = clock()
    with pytest.raises(httpx.ReadTimeout):
        http.get("/v1/models")
    assert clock() - start == timedelta(seconds=5)
    assert http.get("/v1/models", timeout=30).status_code == 200
    assert clock() - start == timedelta(seconds=25)
    assert http.get("/v1/models", timeout=None).status_code == 200
