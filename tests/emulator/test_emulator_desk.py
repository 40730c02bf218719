"""The admin door: time, knobs, and what happened, over the socket and without one."""

import json
import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock, SettableClock
from gemctl.emulator.faults import Fault
from gemctl.emulator.seen import Record
from gemctl.emulator.server import running
from gemctl.emulator.world import World

KEY = {"x-goog-api-key": "k"}
BODY = {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 5000}]}]}
START = datetime(2026, 1, 1, tzinfo=UTC)


class Doors:
    """Both doors of an emulator, without a socket."""

    def __init__(self, store=None, seed=None, still=True, **knobs):
        self.machine = ManualClock(START)
        self.clock = SettableClock(self.machine, still=still)
        self.app = App(World(store, now=self.clock, ids=random.Random(seed)), **knobs)
        self.admin = Admin(self.app, self.clock, seed)

    def door(self, method, path="", body=None, query=()):
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.admin.handle(Request(method, f"/emulator{path}", tuple(query), {}, data))
        return answer.status, json.loads(answer.body)

    def ask(self, method, path, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        return self.app.handle(Request(method, f"/v1beta/{path}", (), {**KEY, **headers}, data))

    def create(self):
        return json.loads(self.ask("POST", "cachedContents", BODY).body)["name"]

    def listed(self):
        return len(json.loads(self.ask("GET", "cachedContents").body).get("cachedContents", []))


@pytest.fixture
def doors():
    return Doors(seed=7)


def test_what_it_shows_at_first(doors):
    _, shown = doors.door("GET")
    knobs = shown.pop("knobs")
    assert shown == {"now": "2026-01-01T00:00:00.000000Z", "still": True, "seed": 7, "bugs": 0, "tls": None}
    assert (knobs["latency"], knobs["list_lag"], knobs["faults"], knobs["keys"]) == (0, 0, [], None)
    assert knobs["batch_retention"] == 30 * 86_400


def test_what_it_shows_can_be_set_again(doors):
    doors.door("PATCH", "", {"latency": 0.25, "min_cache_tokens": {"models/gemini-2.5-flash": 3}, "keys": None,
                             "faults": [{"kind": "late", "nth": [2], "delay": 5, "headers": {"a": "b"}},
                                        {"kind": "status_before", "retry_delay": 0}]})  # fmt: skip
    _, first = doors.door("GET")
    assert doors.door("PATCH", "", first["knobs"]) == (200, first)
    assert first["knobs"]["faults"] == [
        {"kind": "late", "nth": [2], "delay": 5, "headers": {"a": "b"}},
        {"kind": "status_before", "retry_delay": 0},
    ]


def test_keys_are_not_shown(doors):
    _, shown = doors.door("PATCH", "", {"keys": {"k": "mine", "secret-word": "theirs"}})
    assert sorted(shown["knobs"]["keys"].values()) == ["mine", "theirs"] and "secret-word" not in str(shown)
    doors.create()
    (effect,) = doors.door("GET", "/effects")[1]["effects"]
    assert shown["knobs"]["keys"][effect["key"]] == "mine" == effect["project"]
    assert doors.ask("GET", "models", **{"x-goog-api-key": "other"}).status == 400


def test_time_is_moved(doors):
    doors.create()  # for an hour
    assert doors.door("POST", "/clock", {"advance": 3599})[0] == 200 and doors.listed() == 1
    assert doors.door("POST", "/clock", {"to": "2026-01-01T01:00:00Z"})[1]["now"] == "2026-01-01T01:00:00.000000Z"
    assert doors.listed() == 0
    doors.machine.advance(5)
    assert doors.door("GET")[1]["now"] == "2026-01-01T01:00:00.000000Z"
    assert doors.door("POST", "/clock", {"still": False, "advance": 1})[1]["still"] is False
    doors.machine.advance(5)
    assert doors.door("GET")[1]["now"] == "2026-01-01T01:00:06.000000Z"
    doors.door("POST", "/clock", {"still": True})
    doors.machine.advance(5)
    assert doors.door("GET")[1]["now"] == "2026-01-01T01:00:06.000000Z"


def test_a_clock_that_starts_at_a_time_runs_on():
    machine = ManualClock(START)
    clock = SettableClock(machine, START + timedelta(days=400))
    machine.advance(3)
    assert clock() == START + timedelta(days=400, seconds=3)
    clock.restart()
    assert clock() == START + timedelta(days=400)


def test_time_goes_on_from_what_a_store_has_seen(store):
    later = Doors(store)
    later.door("POST", "/clock", {"advance": 500})
    later.create()
    again = Doors(store)
    assert again.listed() == 1
    assert again.door("POST", "/clock", {"advance": 5})[1]["now"] == "2026-01-01T00:08:25.000000Z"
    assert again.door("POST", "/clock", {"to": "2026-01-01T00:00:09Z"})[0] == 400


def test_a_running_clock_takes_no_time_at_all():
    class Running(ManualClock):
        def __call__(self):
            self.advance(1e-6)
            return super().__call__()

    clock = SettableClock(Running(START))
    admin = Admin(App(World(now=clock)), clock)
    assert admin.handle(Request("POST", "/emulator/clock", (), {}, b'{"advance": 0}')).status == 200


def test_a_clock_that_is_not_its_own_stays(doors):
    admin = Admin(doors.app)
    answer = admin.handle(Request("POST", "/emulator/clock", (), {}, b'{"advance": 1}'))
    assert answer.status == 400 and b"cannot be moved" in answer.body


def test_a_quota_and_its_end(doors):
    doors.door("PATCH", "", {"requests_per_minute": 2})
    assert [doors.ask("GET", "models").status for _ in range(3)] == [200, 200, 429]
    doors.door("PATCH", "", {"latency": 0})  # another knob does not give the quota back
    assert doors.ask("GET", "models").status == 429
    doors.door("PATCH", "", {"requests_per_minute": None})
    assert doors.ask("GET", "models").status == 200


def test_faults_before_and_after_the_effect(doors):
    lost = {"kind": "before", "method": "POST", "nth": 1}
    hidden = {"kind": "status_after", "method": "POST", "nth": [2], "status": 500}
    doors.door("PATCH", "", {"faults": [lost, hidden]})
    assert doors.ask("POST", "cachedContents", BODY).drop and doors.listed() == 0
    assert doors.ask("POST", "cachedContents", BODY).status == 500 and doors.listed() == 1
    doors.door("PATCH", "", {"list_lag": 1})  # another knob does not start the counts again
    assert doors.ask("POST", "cachedContents", BODY).status == 200


def test_latency_and_lag(doors):
    doors.door("PATCH", "", {"latency": 1.5, "list_lag": 5, "faults": [{"kind": "slow", "path": "models", "delay": 2}]})
    assert doors.ask("GET", "cachedContents").delay == 1.5
    assert doors.ask("GET", "models").delay == 3.5
    name = doors.create()
    assert doors.listed() == 0 and doors.ask("GET", name).status == 200
    doors.door("POST", "/clock", {"advance": 5})
    assert doors.listed() == 1


def test_a_reset_is_the_beginning(store):
    doors = Doors(store, seed=7, latency=timedelta(seconds=1))
    first = doors.create()
    doors.door("PATCH", "", {"latency": 0, "requests_per_minute": 1, "list_lag": 9})
    doors.door("POST", "/clock", {"advance": 60})
    uploaded = doors.ask("POST", "files", {"file": {"displayName": "x"}})
    assert uploaded.status == 200
    _, shown = doors.door("POST", "/reset")
    assert (shown["now"], shown["knobs"]["latency"]) == ("2026-01-01T00:00:00.000000Z", 1)
    assert (shown["knobs"]["requests_per_minute"], shown["knobs"]["list_lag"]) == (None, 0)
    assert doors.door("GET", "/effects")[1] == {"effects": []}
    assert doors.door("GET", "/requests")[1] == {"requests": []}
    assert doors.listed() == 0
    assert doors.create() == first  # the same seed, the same names
    doors.door("POST", "/reset", {"seed": 8})
    assert doors.create() != first
    assert doors.listed() == 1 and not doors.app.bugs


def test_another_process_sees_a_reset(store):
    one, other = Doors(store), Doors(store)
    one.create()
    assert other.listed() == 1
    one.door("POST", "/reset")
    assert other.listed() == 0
    other.create()
    assert one.listed() == 1


def test_what_came_in_is_shown_without_keys(doors):
    doors.create()
    doors.ask("GET", "cachedContents")
    first, second = doors.door("GET", "/requests")[1]["requests"]
    assert (first["method"], first["path"], first["status"]) == ("POST", "/v1beta/cachedContents", 200)
    assert first["body"] == BODY and second["body"] is None
    assert '"k"' not in json.dumps([first, second])
    assert doors.door("GET", "/requests", query=[("last", "1")])[1]["requests"] == [second]


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("PATCH", "", {"colour": 1}, "no knob is called colour; there are keys"),
        ("PATCH", "", [], "must be a JSON object"),
        ("PATCH", "", {"latency": "1"}, "latency: it is a number of seconds"),
        ("PATCH", "", {"latency": True}, "latency: it is a number of seconds"),
        ("PATCH", "", {"list_lag": -1}, "list_lag: it is a number of seconds from 0"),
        ("PATCH", "", {"latency": 1e300}, "ten years"),
        ("PATCH", "", {"requests_per_minute": 0}, "at least one request a minute"),
        ("PATCH", "", {"requests_per_minute": 1.5}, "whole number"),
        ("PATCH", "", {"min_cache_tokens": {"a": "b"}}, "min_cache_tokens: it is a whole number"),
        ("PATCH", "", {"keys": "k"}, "keys: they are a list of keys"),
        ("PATCH", "", {"keys": [""]}, "keys: they are a list of keys"),
        ("PATCH", "", {"allow_real_keys": "yes"}, "true or false"),
        ("PATCH", "", {"batches_at_once": 0}, "positive"),
        ("PATCH", "", {"faults": {}}, "faults: they are a list of objects"),
        ("PATCH", "", {"faults": [{"kind": "later"}]}, "no fault is called 'later'; there are before"),
        ("PATCH", "", {"faults": [{"kind": "before", "path": "("}]}, "path is no regular expression"),
        ("PATCH", "", {"latency": 1, "x": 1}, "no knob is called x"),
        ("PATCH", "", {"document_fails": 1}, "document_fails: it is a text, or null"),
        ("PATCH", "", {"document_fails": "("}, "document_fails is no regular expression"),
        ("PATCH", "", {"document_pending": -1}, "document_pending: it is a number of seconds"),
        ("POST", "/clock", {"to": "tomorrow"}, "to: it is a time such as"),
        ("POST", "/clock", {"to": "2025-01-01T00:00:00Z"}, "the clock is not moved back"),
        ("POST", "/clock", {"to": "2901-01-01T00:00:00Z"}, "2900 at most"),
        ("POST", "/clock", {"advance": "1h"}, "advance: it is a number of seconds"),
        ("POST", "/clock", {"advance": 1, "to": "2027-01-01T00:00:00Z"}, "not both"),
        ("POST", "/clock", {"still": 1}, "still: it is true or false"),
        ("POST", "/clock", {"back": 1}, "unknown: back"),
        ("POST", "/reset", {"seed": "x"}, "seed: it is a whole number"),
        ("POST", "/reset", {"all": 1}, "unknown: all"),
        ("PATCH", "", {"faults": [{"kind": "before", "path": "a{99999999999999}"}]}, "path is no regular expression"),
        ("PATCH", "", {"faults": [{"kind": "after", "headers": {"X-A": "a\r\nX-B: b"}}]}, "'X-A' is no header"),
        ("PATCH", "", {"faults": [{"kind": "after", "headers": {"X-A": "\u2603"}}]}, "'X-A' is no header"),
        ("PATCH", "", {"faults": [{"kind": "after", "headers": {"X A": "a"}}]}, "'X A' is no header"),
        ("PATCH", "", {"document_fails": "(" * 5_000 + ")" * 5_000}, "nested too deeply"),
        ("POST", "/answers", {"prompt": "(" * 5_000 + ")" * 5_000, "text": "x"}, "are regular expressions: it is too"),
    ],
)
def test_what_makes_no_sense_changes_nothing(doors, method, path, body, said):
    before = doors.door("GET")
    status, answer = doors.door(method, path, body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in answer["error"]["message"]
    assert doors.door("GET") == before


def test_doors_that_are_not_there(doors):
    assert doors.door("GET", "/x")[0] == 404
    status, answer = doors.door("DELETE", "/reset")
    assert (status, answer["error"]["message"]) == (405, "/emulator/reset takes POST.")
    assert doors.door("GET", "/requests", query=[("last", "0")])[0] == 400


def test_bugs_are_counted(doors, caplog):
    doors.app.world.page = None
    assert doors.ask("GET", "cachedContents").status == 500
    assert doors.door("GET")[1]["bugs"] == 1
    doors.app.turn = None
    assert doors.door("PATCH", "", {})[0] == 500
    assert doors.door("GET")[1]["bugs"] == 2
    assert "Traceback" not in caplog.text


def test_requests_are_found_by_what_they_are(doors):
    for method, path in (("GET", "files"), ("POST", "files"), ("GET", "files/none"), ("GET", "batches")):
        doors.ask(method, path)
        doors.door("POST", "/clock", {"advance": 60})

    def found(**query):
        status, said = doors.door("GET", "/requests", query=query.items())
        return [each["number"] for each in said["requests"]] if status == 200 else said["error"]["message"]

    assert found() == [1, 2, 3, 4]
    assert found(method="GET") == [1, 3, 4]
    assert found(path="files$") == [1, 2]
    assert found(status="403") == [3]
    assert found(after="2", last="1") == [4]
    assert found(since="2026-01-01T00:01:00Z", method="GET") == [3, 4]
    assert "path: it is no regular expression" in found(path="(")
    assert "path: it is no regular expression" in found(path="a{99999999999999}")
    assert "after: it is a whole number" in found(after="x")
    assert "since: it is a time" in found(since="x")


def test_requests_have_the_headers_by_which_clients_differ(doors):
    headers = {"user-agent": "curl", "x-goog-api-client": "genai", "authorization": "a secret", "cookie": "a secret"}
    tool = {"fileSearch": {}, "mcpServers": [{"url": "https://example.com", "headers": {"X-Token": "a secret"}}]}
    doors.ask("POST", "models/gemini-2.5-flash:generateContent", {**BODY, "tools": [tool]}, **headers)
    [seen] = doors.door("GET", "/requests")[1]["requests"]
    assert seen["headers"] == {"user-agent": "curl", "x-goog-api-client": "genai"}
    assert seen["body"]["tools"][0]["mcpServers"][0]["headers"] == {"X-Token": "(secret)"}
    assert "a secret" not in json.dumps(seen)


HEADERS = b'{"tools": [{"mcpServers": [{"headers": {"X-Token": "s3cret"}}]}]}'


@pytest.mark.parametrize(
    ("path", "query", "body"),
    [
        ("models/gemini-2.5-flash:generateContent", (), HEADERS.replace(b'"headers"', b"headers")),
        ("models/gemini-2.5-flash:generateContent", (), HEADERS.replace(b'"', b"'")),
        ("models/gemini-2.5-flash:generateContent", (), HEADERS.replace(b'"headers"', b'"h\\u0065aders"')),
        ("credentials", (), b'{"credential": {"type": "bearer_token", "token": "s3cret"}}'),
        ("credentials", (), b'{"type": "oauth2", "clientSecret": "s3cret"}'),
        ("files", (("x-goog-api-key", "s3cret"), ("$key", "s3cret"), ("API_KEY", "s3cret")), b"{}"),
    ],
)
def test_secrets_are_not_shown_where_they_are_written_otherwise(doors, path, query, body):
    doors.app.handle(Request("POST", f"/v1beta/{path}", query, KEY, body))
    doors.door("PATCH", "", {"faults": [{"kind": "late", "delay": 60}]})
    doors.app.handle(Request("POST", f"/v1beta/{path}", query, KEY, body))
    shown = json.dumps([doors.door("GET", "/requests"), doors.door("GET", "/snapshot")])
    assert path in shown and "s3cret" not in shown


def test_a_body_that_is_too_deep_to_be_written_is_not_kept(doors, tmp_path):
    doors.app.record = Record(tmp_path / "asked.jsonl")
    for levels in (500, 900, 1000, 100_000):
        body = b'{"contents": ' + b"[" * levels + b"]" * levels + b"}"
        asked = Request("POST", "/v1beta/models/gemini-2.5-flash:generateContent", (), KEY, body)
        assert doors.app.handle(asked).status == 400
    assert [each["body"] for each in doors.door("GET", "/requests")[1]["requests"]] == [None] * 4
    assert len((tmp_path / "asked.jsonl").read_text().splitlines()) == 4


def test_a_record_that_cannot_be_written_says_so_and_stops(doors, tmp_path, monkeypatch, caplog):
    doors.app.record = record = Record(tmp_path / "asked.jsonl")
    doors.ask("GET", "files")
    monkeypatch.setattr("os.write", lambda *_: (_ for _ in ()).throw(OSError("full")))
    assert doors.ask("GET", "files").status == doors.ask("GET", "files").status == 200
    monkeypatch.undo()
    assert record.failed == "full"
    assert caplog.messages == ["requests are recorded no longer: full"]
    assert [json.loads(line)["path"] for line in (tmp_path / "asked.jsonl").read_text().splitlines()] == [
        "/v1beta/files"
    ]


@pytest.mark.parametrize("depth", [90, 110, 900, 980, 1_000, 3_000, 9_000])
def test_bodies_of_any_depth_are_noted(doors, tmp_path, depth):
    doors.app.record = Record(tmp_path / "asked.jsonl")
    for body in (b'{"headers": 1, "a":' * depth + b"1" + b"}" * depth, b"[" * depth + b"]" * depth):
        request = Request("POST", "/v1beta/cachedContents", (), KEY, body)
        assert doors.app.handle(request).status == 400
        [seen] = doors.door("GET", "/requests", query=[("last", "1")])[1]["requests"]
        assert (seen["size"], seen["body"] is None) == (len(body), depth > 100)
        assert json.loads((tmp_path / "asked.jsonl").read_text().splitlines()[-1]) == seen


@pytest.mark.parametrize(
    "path", ["//v1beta/credentials", "/v1beta/v1beta/credentials", "/v9/cre%64entials/a", "/credentials"]
)
def test_a_secret_that_goes_astray_is_not_shown(doors, path):
    body = json.dumps({"id": "crm", "type": "bearer_token", "token": "very secret"}).encode()
    assert doors.app.handle(Request("POST", path, (), KEY, body)).status == 404
    assert "very secret" not in json.dumps(doors.door("GET", "/requests"))


def test_the_socket_has_it_behind_the_same_check():
    app = App(World(now=ManualClock()), keys=["word"], faults=[Fault("before")], requests_per_minute=1)
    with running(app) as url, httpx.Client(base_url=url, trust_env=False, verify=False) as http:
        assert http.get("/emulator").json()["bugs"] == 0
        assert http.get("/emulator/", headers={"host": "evil.example"}).status_code == 403
        assert http.get("/emulator", headers={"origin": "https://evil.example"}).status_code == 403
        assert http.patch("/emulator", json={"faults": [], "keys": None}).status_code == 200
        assert http.get("/v1/models", headers=KEY).status_code == 200
        assert http.post("/emulator/clock", json={"advance": 1}).status_code == 400
        assert len(http.get("/emulator/requests").json()["requests"]) == 1


def test_knobs_of_python_that_make_no_sense():
    for knobs in ({"latency": timedelta(-1)}, {"list_lag": timedelta(-1)}, {"requests_per_minute": 0}):
        with pytest.raises(ValueError, match=r"negative|at least"):
            App(**knobs)
    with pytest.raises(TypeError):
        App(colour=1)
    app = App(list_lag=timedelta(seconds=3))
    assert app.world.list_lag == app.knobs.list_lag == timedelta(seconds=3)
