"""Batches: their states and times, what they answer, and what the log says of them."""

import base64
import json
import random
import re
from datetime import timedelta

import pytest

from gemctl.emulator import world as world_module
from gemctl.emulator.app import App, Request
from gemctl.emulator.catalogue import Model
from gemctl.emulator.faults import Fault
from gemctl.emulator.store import FileStore
from gemctl.emulator.world import World

MODEL = "models/gemini-2.5-flash"
EMBEDDING = "models/gemini-embedding-001"
LONG = "x" * 5000
PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1main."
HEADERS = {"x-goog-api-key": "k"}


def ask(text, **fields):
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **fields}


def inline(*requests, **fields):
    """A body that makes a batch of these requests, or texts, with their numbers as keys."""
    items = [
        {"request": ask(request) if isinstance(request, str) else request, "metadata": {"key": f"r{index}"}}
        for index, request in enumerate(requests)
    ]
    return {"batch": {"displayName": "job", "inputConfig": {"requests": {"requests": items}}, **fields}}


def of_file(name, **fields):
    return {"batch": {"displayName": "job", "inputConfig": {"fileName": name}, **fields}}


def submit(caller, body, model=MODEL, method="batchGenerateContent"):
    return caller.json("POST", f"{model}:{method}", body)["name"]


def refused(caller, file):
    return caller.error("POST", f"{MODEL}:batchGenerateContent", of_file(file))


def state(caller, name):
    return caller.json("GET", name)["metadata"]["state"].removeprefix("BATCH_STATE_")


def items(operation):
    return operation["metadata"]["output"]["inlinedResponses"]["inlinedResponses"]


def text(item):
    return item["response"]["candidates"][0]["content"]["parts"][0]["text"]


def finish(caller, name, seconds=3):
    caller.clock.advance(seconds)
    return caller.json("GET", name)


def upload(app, data, name="files/input"):
    headers = {
        **HEADERS,
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": str(len(data)),
        "x-goog-upload-header-content-type": "application/jsonl",
    }
    meta = json.dumps({"file": {"name": name, "mimeType": "application/jsonl"}}).encode()
    started = app.handle(Request("POST", "/upload/v1beta/files", (), headers, meta))
    assert started.status == 200, started.body
    url = next(value for key, value in started.headers.items() if key.lower() == "x-goog-upload-url")
    path, _, query = url.partition("?")
    path = "/" + path.split("/", 3)[3]
    pairs = tuple(tuple(pair.split("=")) for pair in query.split("&"))
    headers = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
    done = app.handle(Request("POST", path, pairs, headers, data))
    assert done.status == 200, done.body
    return json.loads(done.body)["file"]["name"]


def jsonl(*lines):
    return b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)


def download(caller, name):
    body = caller.ask("GET", f"{name}:download", query={"alt": "media"})
    assert body.status == 200, body.body
    return [json.loads(line) for line in b"".join(body.pieces()).splitlines()]


def states(app):
    return [(effect.kind, effect.state.removeprefix("BATCH_STATE_")) for effect in app.effects]


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_the_life_of_a_batch(store, clock, connect, version):
    app = App(World(store, now=clock, ids=random.Random(3)), batch_running=timedelta(seconds=4))
    http = connect(app)
    made = http.post(f"/{version}/{MODEL}:batchGenerateContent", json=inline("a", "b", "c", "d", displayName="ü job"))
    assert made.status_code == 200
    operation = made.json()
    name = operation["name"]
    assert re.fullmatch(r"batches/[0-9a-z]{36}", name)
    assert operation == {
        "name": name,
        "metadata": {
            "@type": f"{PACKAGE}GenerateContentBatch",
            "model": MODEL,
            "displayName": "ü job",
            "createTime": "2026-01-01T00:00:00.000000000Z",
            "updateTime": "2026-01-01T00:00:00.000000000Z",
            "batchStats": {"requestCount": "4", "pendingRequestCount": "4"},
            "state": "BATCH_STATE_PENDING",
            "name": name,
        },
    }
    path = f"/{version}/{name}"
    assert http.get(path).json() == operation
    assert http.get(f"/{version}/batches").json() == {"operations": [operation]}

    clock.advance(1)
    assert http.get(path).json()["metadata"] == {
        **operation["metadata"],
        "updateTime": "2026-01-01T00:00:01.000000000Z",
        "state": "BATCH_STATE_RUNNING",
    }
    for done in (1, 2, 3):  # they end evenly
        clock.advance(1)
        running = http.get(path).json()
        assert "done" not in running
        assert running["metadata"]["batchStats"] == {
            "requestCount": "4",
            "successfulRequestCount": str(done),
            "pendingRequestCount": str(4 - done),
        }
    clock.advance(1)
    ended = http.get(path).json()
    assert ended["done"] is True
    assert "error" not in ended
    assert ended["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert ended["metadata"]["endTime"] == ended["metadata"]["updateTime"] == "2026-01-01T00:00:05.000000000Z"
    assert ended["metadata"]["batchStats"] == {"requestCount": "4", "successfulRequestCount": "4"}
    assert "inputConfig" not in ended["metadata"]
    output = ended["metadata"]["output"]
    assert ended["response"] == {"@type": f"{PACKAGE}GenerateContentBatchOutput", **output}
    assert [item["metadata"]["key"] for item in items(ended)] == ["r0", "r1", "r2", "r3"]
    assert [text(item)[-3:] for item in items(ended)] == [": a", ": b", ": c", ": d"]
    assert http.get(f"/{version}/batches").json() == {"operations": [ended]}

    assert http.delete(path).json() == {}
    for method, more in [("GET", ""), ("DELETE", ""), ("POST", ":cancel")]:
        gone = http.request(method, path + more)
        assert (gone.status_code, gone.json()["error"]["status"]) == (404, "NOT_FOUND")
    assert http.get(f"/{version}/batches").json() == {}
    assert states(app) == [
        ("created", "PENDING"), ("started", "RUNNING"), ("ended", "SUCCEEDED"), ("deleted", "SUCCEEDED"),
    ]  # fmt: skip
    assert not app.bugs


def test_whoever_looks_late_sees_when_it_was(caller):
    name = submit(caller, inline("a"))
    caller.clock.advance(timedelta(days=20))
    ended = caller.json("GET", name)
    assert ended["metadata"]["endTime"] == "2026-01-01T00:00:03.000000000Z"
    created, started, end = caller.app.effects
    assert [(each.at - created.at).total_seconds() for each in (started, end)] == [1, 3]
    assert (end.kind, end.name, end.display_name, end.model, end.key) == ("ended", name, "job", MODEL, "")
    assert end.digest == end.method == end.path == ""


def test_everything_happens_in_the_order_of_time(make):
    app = make(batch_running=timedelta(seconds=10))
    cached = app.json("POST", "cachedContents", {"model": MODEL, **ask(LONG), "ttl": "5s"})["name"]
    app.app.set_faults([Fault("late", method="POST", path="batchGenerateContent", nth=frozenset({1}), delay=3)])
    app.ask("POST", f"{MODEL}:batchGenerateContent", inline("late", displayName="late"))
    submit(app, inline("a", displayName="first"))
    app.clock.advance(3600)
    effects = app.app.effects
    assert [effect.at for effect in effects] == sorted(effect.at for effect in effects)
    assert [(effect.kind, effect.display_name, effect.at.second) for effect in effects] == [
        ("created", "", 0), ("created", "first", 0), ("started", "first", 1), ("created", "late", 3),
        ("started", "late", 4), ("expired", "", 5), ("ended", "first", 11), ("ended", "late", 14),
    ]  # fmt: skip
    assert app.error("GET", cached)[0] == 403


def test_a_batch_outlives_the_process(store, clock):
    def again():
        return App(World(store, now=clock), batch_running=timedelta(seconds=4))

    def get(app):
        return json.loads(app.handle(Request("GET", f"/v1/{name}", (), HEADERS)).body)

    body = json.dumps(inline("a", "b [[emulator: fail 429]]", "c", "d")).encode()
    made = again().handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, body))
    name = json.loads(made.body)["name"]
    assert get(again())["metadata"]["state"] == "BATCH_STATE_PENDING"
    clock.advance(3)
    first = get(again())
    assert first["metadata"]["batchStats"] == {
        "requestCount": "4", "successfulRequestCount": "1", "failedRequestCount": "1", "pendingRequestCount": "2",
    }  # fmt: skip
    clock.advance(3600)
    last = get(again())
    assert last == get(again())
    assert last["metadata"]["endTime"] == "2026-01-01T00:00:05.000000000Z"
    assert [text(item)[-1] for item in items(last) if "response" in item] == ["a", "c", "d"]
    assert again().effects == again().effects
    assert states(again()) == [("created", "PENDING"), ("started", "RUNNING"), ("ended", "SUCCEEDED")]


def test_a_batch_outlives_a_compaction_of_the_log(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(world_module, "_MANY_DEAD", 20)
    app = App(World(FileStore(tmp_path), now=clock))
    body = json.dumps(inline("a")).encode()
    made = app.handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, body))
    cache = json.dumps({"model": MODEL, **ask(LONG)}).encode()
    for _ in range(30):
        name = json.loads(app.handle(Request("POST", "/v1/cachedContents", (), HEADERS, cache)).body)["name"]
        app.handle(Request("DELETE", f"/v1/{name}", (), HEADERS))
    assert len((tmp_path / "world.jsonl").read_bytes().splitlines()) < 30
    clock.advance(9)
    survivor = App(World(FileStore(tmp_path), now=clock))
    path = f"/v1/{json.loads(made.body)['name']}"
    ended = json.loads(survivor.handle(Request("GET", path, (), HEADERS)).body)
    assert text(items(ended)[0]).endswith(": a")
    assert ended["metadata"]["endTime"] == "2026-01-01T00:00:03.000000000Z"


@pytest.mark.parametrize(
    "options",
    [{"batch_pending": timedelta(-1)}, {"batch_retention": timedelta(0)}, {"batches_at_once": 0}],
)
def test_a_pace_that_makes_no_sense(make, options):
    with pytest.raises(ValueError, match=r"negative|positive"):
        make(**options)


def test_two_processes_see_one_end(tmp_path, clock):
    one, two = (App(World(FileStore(tmp_path), now=clock)) for _ in range(2))
    body = json.dumps(inline("a")).encode()
    one.handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, body))
    for app in (two, one, two):
        clock.advance(1.5)
        assert app.effects
    assert one.effects == two.effects
    assert states(one) == [("created", "PENDING"), ("started", "RUNNING"), ("ended", "SUCCEEDED")]


def test_a_full_disk_at_a_start_and_at_an_end_is_made_up_for(store, clock, monkeypatch, caplog):
    app = App(World(store, now=clock))
    data = jsonl({"key": "a", "request": ask("a")})
    upload(app, data)
    body = json.dumps(of_file("files/input")).encode()
    app.handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, body))

    def full(record):
        raise OSError(28, "No space left on device")

    for seconds in (1, 2):
        clock.advance(seconds)
        with monkeypatch.context() as patch:
            patch.setattr(store, "append", full)
            assert app.handle(Request("GET", "/v1/batches", (), HEADERS)).status == 500
        clock.advance(0.5)
        assert app.handle(Request("GET", "/v1/batches", (), HEADERS)).status == 200
    kinds = [(effect.kind, effect.collection, effect.at.second) for effect in app.effects if effect.name != "uploads"]
    assert kinds[-4:] == [
        ("created", "batches", 0), ("started", "batches", 1), ("created", "files", 3), ("ended", "batches", 3),
    ]  # fmt: skip


def test_a_kill_between_the_output_file_and_the_end_makes_no_second_file(tmp_path, clock):
    app = App(World(FileStore(tmp_path), now=clock))
    upload(app, jsonl({"key": "a", "request": ask("a")}))
    body = json.dumps(of_file("files/input")).encode()
    app.handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, body))
    clock.advance(3)
    assert app.effects[-1].kind == "ended"
    log = tmp_path / "world.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    clock.advance(5)
    survivor = App(World(FileStore(tmp_path), now=clock))
    kinds = [(effect.kind, effect.collection, effect.at.second) for effect in survivor.effects][-3:]
    assert kinds == [("started", "batches", 1), ("created", "files", 3), ("ended", "batches", 3)]
    listed = json.loads(survivor.handle(Request("GET", "/v1/batches", (), HEADERS)).body)["operations"]
    name = listed[0]["metadata"]["output"]["responsesFile"]
    answer = survivor.handle(Request("GET", f"/v1/{name}:download", (("alt", "media"),), HEADERS))
    assert answer.status == 200
    assert not survivor.bugs


@pytest.mark.parametrize("seconds", [0, 1])
def test_lost_bytes_fail_the_batch_and_nothing_else(tmp_path, clock, seconds):
    app = App(World(FileStore(tmp_path), now=clock))
    upload(app, jsonl({"key": "a", "request": ask("a")}))
    body = json.dumps(of_file("files/input")).encode()
    app.handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, body))
    clock.advance(seconds)
    assert app.effects
    for blob in (tmp_path / "blobs").iterdir():
        blob.unlink()
    clock.advance(3)
    assert states(app)[-1] == ("ended", "FAILED")
    assert app.handle(Request("GET", "/v1/batches", (), HEADERS)).status == 200


# How it ends


def test_a_pending_batch_is_cancelled(caller):
    name = submit(caller, inline("a", "b"))
    assert caller.json("POST", f"{name}:cancel") == {}
    cancelled = caller.json("GET", name)
    assert cancelled["done"] is True
    assert cancelled["error"]["code"] == 13
    assert "response" not in cancelled
    assert cancelled["metadata"]["state"] == "BATCH_STATE_CANCELLED"
    assert "output" not in cancelled["metadata"]
    assert cancelled["metadata"]["batchStats"] == {"requestCount": "2", "pendingRequestCount": "2"}
    assert finish(caller, name, 99) == cancelled
    assert caller.json("POST", f"{name}:cancel", {}) == {}
    assert states(caller.app) == [("created", "PENDING"), ("ended", "CANCELLED")]
    effect = caller.app.effects[-1]
    assert (effect.method, effect.path) == ("POST", f"/v1beta/{name}:cancel")


def test_a_running_batch_that_is_cancelled_succeeds_with_what_it_has(caller):
    name = submit(caller, inline("a", "b [[emulator: fail 400]]", "c", "d"))
    caller.clock.advance(2.1)
    caller.json("POST", f"{name}:cancel", b"")
    ended = caller.json("GET", name)
    assert ended["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert ended["metadata"]["endTime"] == "2026-01-01T00:00:02.100000000Z"
    assert [item["metadata"]["key"] for item in items(ended)] == ["r0", "r1", "r2", "r3"]
    assert text(items(ended)[0])
    assert [item["error"]["code"] for item in items(ended)[1:]] == [3, 1, 1]
    assert items(ended)[2] == {"metadata": {"key": "r2"}, "error": {"code": 1}}
    assert ended["metadata"]["batchStats"] == {
        "requestCount": "4", "successfulRequestCount": "1", "failedRequestCount": "3",
    }  # fmt: skip
    assert finish(caller, name, 99) == ended
    assert caller.json("POST", f"{name}:cancel") == {}
    assert states(caller.app) == [("created", "PENDING"), ("started", "RUNNING"), ("ended", "SUCCEEDED")]


def test_a_cancel_that_comes_late_finds_what_is_there_then(caller):
    name = submit(caller, inline("a", "b"))
    caller.app.set_faults([Fault("late", method="POST", delay=2)])
    caller.ask("POST", f"{name}:cancel")
    caller.app.set_faults([])
    assert [len([i for i in items(finish(caller, name, 9)) if "response" in i])] == [1]
    assert caller.app.effects[-1].at.second == 2


def test_a_batch_succeeds_even_if_every_item_failed(caller):
    ended = finish(caller, submit(caller, inline("[[emulator: fail 503]]", {"contents": []}, {})))
    assert ended["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
    assert ended["metadata"]["batchStats"] == {"requestCount": "3", "failedRequestCount": "3"}
    assert [item["error"]["code"] for item in items(ended)] == [14, 3, 3]


@pytest.mark.parametrize(
    ("mark", "shown", "code"),
    [
        ("ends FAILED 8", "FAILED", 8), ("ends FAILED", "FAILED", 13), ("ends EXPIRED", "EXPIRED", 4),
        ("ends CANCELLED 13", "CANCELLED", 13), ("ends PARTIALLY_SUCCEEDED", "PARTIALLY_SUCCEEDED", None),
        ("ends DREAMING", "DREAMING", None), ("ends well", "SUCCEEDED", None),
        ("ends JOB_STATE_SUCCEEDED", "JOB_STATE_SUCCEEDED", None), ("ends JOB_STATE_FAILED 3", "JOB_STATE_FAILED", 3),
    ],
)  # fmt: skip
def test_an_end_that_was_asked_for(caller, mark, shown, code):
    name = submit(caller, inline("a", displayName=f"x [[emulator: job {mark}]] y"))
    caller.clock.advance(2.9)
    assert state(caller, name) == "RUNNING"
    ended = finish(caller, name, 0.1)
    assert ended["done"] is True
    shown = shown if "_STATE_" in shown else f"BATCH_STATE_{shown}"
    assert ended["metadata"]["state"] == shown
    assert caller.app.effects[-1].state == shown
    if code is None:
        assert text(items(ended)[0])
    else:
        assert ended["error"]["code"] == code
        assert "output" not in ended["metadata"]


@pytest.mark.parametrize("stays", ["PENDING", "RUNNING", "SLEEPING"])
def test_a_batch_that_is_stuck_expires_after_48_hours(caller, stays):
    name = submit(caller, inline("a", "b", "c", "d", "e", displayName=f"[[emulator: job stays {stays}]]"))
    caller.clock.advance(timedelta(hours=47, minutes=59))
    stuck = caller.json("GET", name)
    assert stuck["metadata"]["state"] == f"BATCH_STATE_{stays}"
    assert stuck["metadata"]["batchStats"]["pendingRequestCount"] == ("5" if stays == "PENDING" else "3")
    ended = finish(caller, name, 60)
    assert ended["metadata"]["state"] == "BATCH_STATE_EXPIRED"
    assert ended["metadata"]["endTime"] == "2026-01-03T00:00:00.000000000Z"
    assert (ended["done"], ended["error"]["code"]) == (True, 4)
    assert "output" not in ended["metadata"]


def test_a_stuck_batch_can_be_cancelled(caller):
    name = submit(caller, inline("a", "b", "c", displayName="[[emulator: job stays RUNNING]]"))
    caller.clock.advance(3600)
    caller.json("POST", f"{name}:cancel")
    assert [item.get("error") for item in items(caller.json("GET", name))] == [None, {"code": 1}, {"code": 1}]


def test_a_slow_batch_expires(make):
    app = make(batch_pending=timedelta(hours=47), batch_running=timedelta(hours=2))
    name = submit(app, inline("a"))
    app.clock.advance(timedelta(hours=47, minutes=30))
    assert state(app, name) == "RUNNING"
    app.clock.advance(timedelta(hours=1))
    assert state(app, name) == "EXPIRED"
    queued = make(batch_pending=timedelta(hours=48))
    name = submit(queued, inline("a"))
    queued.clock.advance(timedelta(hours=48))
    assert state(queued, name) == "EXPIRED"


def test_a_batch_that_takes_no_time(make):
    app = make(batch_pending=timedelta(0), batch_running=timedelta(0))
    name = submit(app, inline("a"))
    assert state(app, name) == "SUCCEEDED"
    assert len({effect.at for effect in app.app.effects}) == 1


def test_the_record_stays_until_it_is_forgotten(make):
    app = make(batch_retention=timedelta(days=2))
    name = submit(app, inline("a"))
    app.clock.advance(timedelta(days=2))
    assert state(app, name) == "SUCCEEDED"
    app.clock.advance(3)
    assert app.error("GET", name)[0] == 404
    assert app.json("GET", "batches") == {}
    assert [effect.kind for effect in app.app.effects] == ["created", "started", "ended", "expired"]


def test_the_output_may_come_after_the_end(make):
    app = make(batch_output_lag=timedelta(seconds=5))
    name = submit(app, inline("a"))
    ended = finish(app, name)
    assert (ended["done"], ended["metadata"]["state"]) == (True, "BATCH_STATE_SUCCEEDED")
    assert "output" not in ended["metadata"]
    assert not ended.keys() & {"response", "error"}
    assert items(finish(app, name, 5))


@pytest.mark.parametrize("seconds", [0, 2, 3])
def test_a_delete_removes_the_record_whatever_its_state(caller, seconds):
    name = submit(caller, inline("a"))
    caller.clock.advance(seconds)
    assert caller.json("DELETE", name, b"{}") == {}
    caller.clock.advance(timedelta(days=3))
    assert caller.error("GET", name)[:2] == (404, "NOT_FOUND")
    assert caller.app.effects[-1].kind == "deleted"


def test_stale_reads(caller):
    name = submit(caller, inline("a", "b"))
    ended = finish(caller, name)
    caller.app.set_faults([Fault("stale", delay=1.5)])
    past = caller.json("GET", name)["metadata"]
    assert (past["state"], past["batchStats"]["pendingRequestCount"]) == ("BATCH_STATE_RUNNING", "2")
    caller.app.set_faults([Fault("stale")])
    caller.json("DELETE", name)
    gone = caller.json("GET", name)  # it can be seen a last time; its inline output was thrown away
    assert gone["metadata"]["state"] == ended["metadata"]["state"]
    assert "output" not in gone["metadata"]


# What it is made of


def test_at_most_so_many_at_once(make):
    app = make(batches_at_once=2, keys={"some-key": "one", "other": "two"})
    first = submit(app, inline("a"))
    submit(app, inline("b"))
    assert app.error("POST", f"{MODEL}:batchGenerateContent", inline("c"))[:2] == (429, "RESOURCE_EXHAUSTED")
    other = app.json("POST", f"{MODEL}:batchGenerateContent", inline("c"), key="other")["name"]
    assert app.error("GET", other)[0] == 404
    app.json("POST", f"{first}:cancel")
    submit(app, inline("d"))
    app.clock.advance(3)
    assert [submit(app, inline("e")) for _ in range(2)]


def test_the_same_body_twice_is_two_batches(caller):
    assert submit(caller, inline("a")) != submit(caller, inline("a"))


REFUSED = {
    "empty": (b"", "batch is required"),
    "no wrapper": ({"displayName": "x"}, 'Unknown name "displayName": Cannot find field.'),
    "no input": ({"batch": {"displayName": "x"}}, "either requests or file_name is required"),
    "no requests": (inline(), "either requests or file_name is required"),
    "two inputs": (
        {"batch": {"inputConfig": {"fileName": "files/a", "requests": {"requests": []}}}}, "oneof field 'source'",
    ),
    "unknown": (inline("a", src="x"), 'Unknown name "src" at \'batch\''),
    "unknown in a request": (
        inline("a", ask("b", content=[])),
        'Unknown name "content" at \'batch.input_config.requests.requests[1].request\'',
    ),
    "unknown in a part": (
        inline({"contents": [{"parts": [{"txt": "a"}]}]}), "requests[0].request.contents[0].parts[0]",
    ),
    "unknown in a generation config": (
        inline(ask("a", generationConfig={"tempature": 1})), "requests[0].request.generation_config",
    ),
    "of the wrong type": (inline(ask("a", generation_config={"top_k": "many"})), "TYPE_INT32"),
    "safety": (inline(ask("a", safetySettings=[{"category": "RUDE"}])), "HarmCategory"),
    "key beside the request": (
        {"batch": {"inputConfig": {"requests": {"requests": [{"key": "a", "request": {}}]}}}}, 'Unknown name "key"',
    ),
    "priority": (inline("a", priority="high"), "TYPE_INT64"),
    "webhook": (inline("a", webhookConfig={"url": "x"}), "webhook_config"),
    "bucket": (of_file(5), "TYPE_STRING"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_create_is_refused(caller, case):
    body, said = REFUSED[case]
    code, status, message = caller.error("POST", f"{MODEL}:batchGenerateContent", body)
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert said in message
    assert not caller.app.effects


def test_unknown_names_are_field_violations(caller):
    response = caller.ask("POST", f"{MODEL}:batchGenerateContent", inline({"a": 1}, {"b": 2}))
    details = json.loads(response.body)["error"]["details"][0]
    assert [violation["field"] for violation in details["fieldViolations"]] == [
        f"batch.input_config.requests.requests[{index}].request" for index in (0, 1)
    ]


@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("models/none", "batchGenerateContent"), ("models/none", "asyncBatchEmbedContent"),
        (EMBEDDING, "batchGenerateContent"), (MODEL, "asyncBatchEmbedContent"),
        ("models/gemini-3.8-live", "batchGenerateContent"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_do_it_is_not_found(caller, model, method):
    code, status, message = caller.error("POST", f"{model}:{method}", inline("a"))
    assert (code, status) == (404, "NOT_FOUND")
    assert message.startswith(f"{model} is not found for API version v1beta, or is not supported for {method}")


def test_a_file_that_is_not_there(caller):
    for name in ("files/none", "gs://bucket/object", "none"):
        code, status, _ = caller.error("POST", f"{MODEL}:batchGenerateContent", of_file(name))
        assert (code, status) == (403, "PERMISSION_DENIED")


def test_both_spellings_and_what_is_optional(caller):
    item = {"request": {"contents": [{"parts": [{"text": "a"}]}], "generation_config": {"max_output_tokens": 2}}}
    body = {
        "batch": {
            "display_name": "snake",
            "input_config": {"requests": {"requests": [item]}},
            "priority": "-5",
            "webhook_config": {"uris": ["https://e.com"], "user_metadata": {"k": 1}},
            "name": "batches/mine",
            "state": "BATCH_STATE_SUCCEEDED",
            "model": MODEL,
        }
    }
    made = caller.json("POST", f"{MODEL}:batchGenerateContent", body)
    assert made["name"] != "batches/mine"
    assert made["metadata"]["displayName"] == "snake"
    assert made["metadata"]["priority"] == "-5"
    assert "webhookConfig" not in made["metadata"]
    (item,) = items(finish(caller, made["name"]))
    assert "metadata" not in item
    assert item["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    bare = {"batch": {"inputConfig": {"requests": {"requests": [{"request": ask("a")}]}}}}
    assert "displayName" not in caller.json("POST", f"{MODEL}:batchGenerateContent", bare)["metadata"]


def test_what_is_not_served(caller):
    name = submit(caller, inline("a"))
    for method in ("updateGenerateContentBatch", "updateEmbedContentBatch"):
        code, status, message = caller.error("PATCH", f"{name}:{method}", {"displayName": "b"})
        assert (code, status) == (501, "UNIMPLEMENTED")
        assert "cannot update a batch" in message
    assert caller.error("GET", "batches", query={"filter": "state=1"})[:2] == (501, "UNIMPLEMENTED")
    assert caller.ask("PATCH", name, {}).status == 404
    assert caller.ask("POST", f"{name}:delete", {}).status == 404


@pytest.mark.parametrize("query", [{"pageSize": "-1"}, {"pageSize": "x"}, {"pageToken": "YWJj"}])
def test_a_page_is_refused(caller, query):
    assert caller.error("GET", "batches", query=query)[:2] == (400, "INVALID_ARGUMENT")


def test_pages(caller):
    names = [submit(caller, inline(str(number))) for number in range(7)]
    caller.clock.advance(3)
    seen, query = [], {"pageSize": "3"}
    while True:
        page = caller.json("GET", "batches", query=query)
        seen += [operation["name"] for operation in page["operations"]]
        assert all(items(operation) for operation in page["operations"])
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert seen == names[::-1]
    assert caller.error("GET", "cachedContents", query={"pageToken": query["pageToken"]})[0] == 400


# What it answers


def test_items_with_caches(caller):
    cached = caller.create()["name"]
    other = caller.json("POST", "cachedContents", {"model": "models/gemini-2.0-flash", **ask(LONG)})["name"]
    ended = finish(
        caller,
        submit(
            caller,
            inline(
                ask("a", cachedContent=cached),
                ask("b", cachedContent="cachedContents/none"),
                ask("c", cachedContent=other),
                ask("d", cachedContent=cached, systemInstruction={"parts": [{"text": "s"}]}),
                ask("e", cached_content=cached, tools=[{"codeExecution": {}}]),
            ),
        ),
    )
    good, *bad = items(ended)
    usage = good["response"]["usageMetadata"]
    assert usage["cachedContentTokenCount"] == 1250
    assert usage["promptTokenCount"] == 1251
    assert [(item["error"]["code"], item["error"]["message"].partition(" ")[0]) for item in bad] == [
        (7, "CachedContent"), (3, "The"), (3, "CachedContent"), (3, "CachedContent"),
    ]  # fmt: skip


def test_a_cache_that_ends_before_the_start(make):
    app = make(batch_pending=timedelta(seconds=10))
    cached = app.create(ttl="5s")["name"]
    (item,) = items(finish(app, submit(app, inline(ask("a", cachedContent=cached))), 12))
    assert item["error"]["code"] == 7


def test_items_of_the_wrong_sense_are_their_own_errors(caller):
    requests = [
        {"contents": [{"role": "boss", "parts": [{"text": "a"}]}]},
        {"contents": [{"role": "user"}]},
        {"contents": [{"parts": [{"videoMetadata": {}}]}]},
        ask("a", model="models/gemini-2.5-pro"),
        ask("a", generationConfig={"responseModalities": ["IMAGE"]}),
        ask("a", generationConfig={"candidateCount": 9}),
        ask("x" * 5_000_000),
        {"contents": [{"parts": [{"fileData": {
            "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/none"}}]}]},
        ask("good", model=MODEL),
    ]  # fmt: skip
    ended = finish(caller, submit(caller, inline(*requests)))
    assert [item.get("error", {}).get("code") for item in items(ended)] == [3, 3, 3, 3, 3, 3, 3, 7, None]


def test_a_failure_only_the_first_time(caller):
    body = inline("a [[emulator: fail once 503]]", "b", "a [[emulator: fail once 503]]")
    first = items(finish(caller, submit(caller, body)))
    assert [item.get("error", {}).get("code") for item in first] == [14, None, 14]
    second = items(finish(caller, submit(caller, inline("a [[emulator: fail once 503]]"))))
    assert "response" in second[0]
    third = items(finish(caller, submit(caller, body)))
    assert all("response" in item for item in third)


def test_embeddings(caller):
    def body(*requests):
        listed = [{"request": request} for request in requests]
        return {"batch": {"inputConfig": {"requests": {"requests": listed}}}}

    words = {"parts": [{"text": "some words"}]}
    request = body(
        {"content": words},
        {"content": words, "outputDimensionality": 64},
        {"content": {"parts": [{"text": "other"}]}, "task_type": "RETRIEVAL_DOCUMENT", "output_dimensionality": 768},
        {"content": words, "outputDimensionality": 4000},
        {},
        {"content": {"parts": [{"text": "[[emulator: fail 429]]"}]}},
    )
    ended = finish(caller, submit(caller, request, EMBEDDING, "asyncBatchEmbedContent"))
    assert ended["metadata"]["@type"] == f"{PACKAGE}EmbedContentBatch"
    assert ended["response"]["@type"] == f"{PACKAGE}EmbedContentBatchOutput"
    whole, short, other, *bad = items(ended)
    vectors = [item["response"]["embedding"]["values"] for item in (whole, short, other)]
    assert [len(values) for values in vectors] == [3072, 64, 768]
    assert [round(sum(value**2 for value in values), 3) for values in vectors] == [1, 1, 1]
    assert vectors[1][0] / vectors[1][1] == pytest.approx(vectors[0][0] / vectors[0][1], rel=1e-4)
    assert [item["response"]["tokenCount"] for item in (whole, other)] == ["3", "2"]
    assert [item["error"]["code"] for item in bad] == [3, 3, 8]
    assert ended["metadata"]["batchStats"] == {
        "requestCount": "6", "successfulRequestCount": "3", "failedRequestCount": "3",
    }  # fmt: skip


# Files


def test_a_batch_of_a_file(caller):
    lines = [{"key": f"k{number}", "request": ask(f"text {number}")} for number in range(50)]
    name = submit(caller, of_file(upload(caller.app, jsonl(*lines))))
    pending = caller.json("GET", name)["metadata"]
    assert pending["inputConfig"] == {"fileName": "files/input"}
    assert "batchStats" not in pending  # nobody has read it yet
    caller.clock.advance(2)
    assert caller.json("GET", name)["metadata"]["batchStats"] == {
        "requestCount": "50", "successfulRequestCount": "25", "pendingRequestCount": "25",
    }  # fmt: skip
    ended = finish(caller, name, 1)
    output = f"files/batch-{name.removeprefix('batches/')}"
    assert ended["metadata"]["output"] == {"responsesFile": output}
    assert ended["response"]["responsesFile"] == output
    results = download(caller, output)
    keys = [result["key"] for result in results]
    assert keys != [line["key"] for line in lines]  # no order is promised, and there is none
    assert sorted(keys) == sorted(line["key"] for line in lines)
    assert all(text(result).endswith(f"text {result['key'][1:]}") for result in results)
    assert download(caller, output) == results
    assert caller.error("GET", output)[0] == 400
    effect = caller.app.effects[-2]
    assert (effect.kind, effect.collection, effect.name) == ("created", "files", output)
    caller.clock.advance(timedelta(hours=48))
    assert caller.ask("GET", f"{output}:download", query={"alt": "media"}).status == 403
    assert state(caller, name) == "SUCCEEDED"  # the record outlives its output


def test_lines_are_read_as_requests_are(caller):
    message = {"contents": {"parts": {"text": "a"}}}
    data = jsonl(
        {"key": "snake", "request": {"contents": [{"parts": [{"file_data": {"file_uri": "https://x/f"}}]}]}},
        {"key": "one for many", "request": message},
        {"key": "text", "request": {**message, "generationConfig": {"temperature": "0.2", "topK": "4e1", "seed": 5.0}}},
        {"key": "enums", "request": {**message, "safetySettings": [{"category": 7, "threshold": "block_none"}]}},
        {"key": "nothing", "request": {**message, "tools": None, "generationConfig": {"mediaResolution": 0}}},
        b"",
        b"   ",
        {"request": ask("no key")},
        {"key": "of no sense"},
    )
    ended = finish(caller, submit(caller, {"batch": {"input_config": {"file_name": upload(caller.app, data)}}}))
    results = download(caller, ended["metadata"]["output"]["responsesFile"])
    answered = {result.get("key") for result in results if "response" in result}
    assert answered == {"snake", "one for many", "text", "enums", "nothing", None}
    assert [result["key"] for result in results if "error" in result] == ["of no sense"]
    assert ended["metadata"]["batchStats"] == {
        "requestCount": "7", "successfulRequestCount": "6", "failedRequestCount": "1",
    }  # fmt: skip


def test_wrong_lines_refuse_the_whole_file(caller):
    data = jsonl(
        {"key": "good", "request": ask("a")},
        b"{broken",
        b"",
        b"[]",
        {"key": "unknown", "request": ask("b", foo=1, bar=None)},
        {"key": "beside", "request": ask("c"), "more": 1},
        {"key": 5, "request": ask("d")},
        {"key": "large", "request": ask("e", generationConfig={"seed": 2**31})},
        b"\xff",
    )
    code, status, message = refused(caller, upload(caller.app, data))
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert message.splitlines() == [
        "Error on line 2: invalid JSON: the line cannot be parsed as JSON.",
        "Error on line 4: invalid JSON: the line must be a JSON object.",
        "Error on line 5: invalid JSON: no such field: 'foo'",
        "Error on line 5: invalid JSON: no such field: 'bar'",
        "Error on line 6: invalid JSON: no such field: 'more'",
        "Error on line 7: invalid JSON: Invalid value at 'key' (TYPE_STRING), 5",
        "Error on line 8: invalid JSON: Invalid value at 'request.generation_config.seed' (TYPE_INT32), 2147483648",
        "Error on line 9: invalid JSON: the line cannot be parsed as JSON.",
    ]
    assert caller.json("GET", "batches") == {}


def test_a_file_that_is_no_jsonl_makes_no_batch(caller):
    for number, data in enumerate((b"key,text\na,b\n", b"\x00\xff" * 20, b"[1,\n2]\n", b"x", b"{'key': 'a'}\n")):
        code, _, message = refused(caller, upload(caller.app, data, f"files/n{number}"))
        assert (code, message.partition(":")[0]) == (400, "Error on line 1"), data


def test_a_file_without_a_request_fails_the_batch(caller):
    name = submit(caller, of_file(upload(caller.app, b"\n\n")))
    failed = finish(caller, name, 1)
    assert failed["metadata"]["state"] == "BATCH_STATE_FAILED"
    assert (failed["done"], failed["error"]["code"]) == (True, 3)
    assert "JSON Lines" in failed["error"]["message"]
    assert states(caller.app)[-1] == ("ended", "FAILED")


def test_a_file_that_is_deleted_before_the_start_fails_the_batch(caller):
    name = submit(caller, of_file(upload(caller.app, jsonl({"key": "a", "request": ask("a")}))))
    caller.json("DELETE", "files/input")
    failed = finish(caller, name, 1)
    assert (failed["metadata"]["state"], failed["error"]["code"]) == ("BATCH_STATE_FAILED", 7)


def test_a_file_that_is_deleted_after_the_start_does_not_matter(caller):
    name = submit(caller, of_file(upload(caller.app, jsonl({"key": "a", "request": ask("a")}))))
    caller.clock.advance(1)
    caller.json("DELETE", "files/input")
    assert "output" in finish(caller, name, 2)["metadata"]


def test_a_batch_of_a_file_that_is_cancelled(caller):
    lines = [{"key": f"k{number}", "request": ask("a")} for number in range(4)]
    name = submit(caller, of_file(upload(caller.app, jsonl(*lines))))
    caller.clock.advance(2)
    caller.json("POST", f"{name}:cancel")
    ended = caller.json("GET", name)
    results = download(caller, ended["metadata"]["output"]["responsesFile"])
    assert sorted((r["key"], r.get("error", {}).get("code")) for r in results) == [
        ("k0", None), ("k1", None), ("k2", 1), ("k3", 1),
    ]  # fmt: skip


def test_embeddings_of_a_file(caller):
    line = {"key": "request_1", "request": {"content": {"parts": [{"text": "a"}]}, "output_dimensionality": 3}}
    body = {"batch": {"displayName": "e", "inputConfig": {"file_name": upload(caller.app, jsonl(line))}}}
    ended = finish(caller, submit(caller, body, EMBEDDING, "asyncBatchEmbedContent"))
    (result,) = download(caller, ended["metadata"]["output"]["responsesFile"])
    assert result["key"] == "request_1"
    assert result["response"]["tokenCount"] == "1"
    assert len(result["response"]["embedding"]["values"]) == 3


def test_a_file_of_many_lines(caller):
    data = jsonl(*({"key": str(number), "request": ask("a")} for number in range(2_500)))
    ended = finish(caller, submit(caller, of_file(upload(caller.app, data))))
    results = download(caller, ended["metadata"]["output"]["responsesFile"])
    assert sorted(int(result["key"]) for result in results) == list(range(2_500))


def test_nothing_is_left_of_what_is_over(tmp_path, clock):
    app = App(World(FileStore(tmp_path), now=clock), batch_retention=timedelta(hours=1))
    upload(app, jsonl({"key": "a", "request": ask("a")}))
    for body in (inline("a"), of_file("files/input"), inline("b")):
        data = json.dumps(body).encode()
        assert app.handle(Request("POST", f"/v1/{MODEL}:batchGenerateContent", (), HEADERS, data)).status == 200
    clock.advance(5)
    listed = json.loads(app.handle(Request("GET", "/v1/batches", (), HEADERS)).body)["operations"]
    assert app.handle(Request("DELETE", f"/v1/{listed[0]['name']}", (), HEADERS)).status == 200
    assert len(list((tmp_path / "blobs").iterdir())) == 3  # input file, output file, inline output
    clock.advance(timedelta(hours=49))
    assert App(World(FileStore(tmp_path), now=clock)).effects[-1].kind == "expired"
    assert list((tmp_path / "blobs").iterdir()) == []
    assert b"text" not in (tmp_path / "world.jsonl").read_bytes()


def test_a_model_that_is_gone_at_the_start_fails_the_batch(store, clock):
    mine = Model("mine", "1", "Mine", "A model.")
    app = App(World(store, now=clock), catalogue=[mine])
    body = json.dumps(inline("a")).encode()
    made = app.handle(Request("POST", "/v1/models/mine:batchGenerateContent", (), HEADERS, body))
    assert made.status == 200
    clock.advance(9)
    assert states(App(World(store, now=clock)))[-1] == ("ended", "FAILED")


# The same answers without a batch


def test_direct_calls(caller):
    answer = caller.json("POST", f"{MODEL}:generateContent", ask("hello"))
    candidate = answer["candidates"][0]
    assert candidate["content"]["role"] == "model"
    assert re.fullmatch(
        r"gemini-2\.5-flash read 1 part, digest [0-9a-f]{8}: hello", candidate["content"]["parts"][0]["text"]
    )
    assert candidate["finishReason"] == "STOP"
    assert answer["usageMetadata"]["promptTokenCount"] == 2
    used = answer["usageMetadata"]
    assert used["totalTokenCount"] == 2 + used["candidatesTokenCount"] + used["thoughtsTokenCount"]
    again = caller.json("POST", f"{MODEL}:generateContent", ask("hello"))
    assert again == {**answer, "responseId": again["responseId"]}
    assert caller.json("POST", f"{MODEL}:generateContent", ask("hallo")) != answer
    two = ask("hello", generationConfig={"candidateCount": 2})
    assert [each["index"] for each in caller.json("POST", f"{MODEL}:generateContent", two)["candidates"]] == [0, 1]
    assert caller.error("POST", f"{MODEL}:generateContent", {})[0] == 400
    assert caller.error("POST", f"{MODEL}:generateContent", ask("[[emulator: fail 503]]"))[:2] == (503, "UNAVAILABLE")
    once = ask("[[emulator: fail once 429]]")
    assert [caller.ask("POST", f"{MODEL}:generateContent", once).status for _ in range(3)] == [429, 200, 200]

    words = {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 5}
    single = caller.json("POST", f"{EMBEDDING}:embedContent", words)["embedding"]
    assert len(single["values"]) == 5
    both = {"requests": [{"model": EMBEDDING, **words}, words]}
    assert caller.json("POST", f"{EMBEDDING}:batchEmbedContents", both)["embeddings"][0] == single
    assert caller.error("POST", f"{EMBEDDING}:batchEmbedContents", {})[0] == 400
    assert caller.error("POST", f"{MODEL}:embedContent", words)[0] == 404


def test_images(caller):
    model = "models/gemini-2.5-flash-image"
    for modalities, kinds in [(None, ["text", "inlineData"]), (["Image"], ["inlineData"]), (["TEXT"], ["text"])]:
        config = {"generationConfig": {"responseModalities": modalities, "imageConfig": {"aspectRatio": "1:1"}}}
        answer = caller.json("POST", f"{model}:generateContent", ask("a cat", **config))
        parts = answer["candidates"][0]["content"]["parts"]
        assert [next(iter(part)) for part in parts] == kinds
        if "inlineData" in parts[-1]:
            assert parts[-1]["inlineData"]["mimeType"] == "image/png"
            assert base64.b64decode(parts[-1]["inlineData"]["data"]).startswith(b"\x89PNG\r\n\x1a\n")
    spoken = ask("a", generationConfig={"responseModalities": ["AUDIO"]})
    assert "modalities" in caller.error("POST", f"{MODEL}:generateContent", spoken)[2]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"responseMimeType": "application/json", "responseSchema": {
            "type": "OBJECT", "required": ["b", "a"], "propertyOrdering": ["b", "a"],
            "properties": {"a": {"type": "INTEGER", "minimum": 3}, "b": {"type": "ARRAY", "items": {"type": "STRING"}},
                           "c": {"type": "BOOLEAN"}}}}, {"b": ["text"], "a": 3}),
        ({"responseJsonSchema": {"type": "object", "properties": {"x": {"$ref": "#/$defs/X"}, "n": {"type": "number"}},
                                 "$defs": {"X": {"enum": ["one", "two"]}}}}, {"x": "one", "n": 0}),
        ({"responseJsonSchema": {"anyOf": [{"type": ["null", "boolean"]}]}}, False),
        ({"responseJsonSchema": {"allOf": [{"properties": {"a": {}}}, {"properties": {"b": {"const": 7}}}]}},
         {"a": "text", "b": 7}),
        ({"responseJsonSchema": {"type": "string", "format": "date", "maxLength": 4}}, "2026"),
        ({"responseJsonSchema": {"type": "array", "minItems": 2, "items": {"type": "null"}}}, [None, None]),
        ({"responseJsonSchema": {"type": "integer", "maximum": -2}}, -2),
        ({"responseJsonSchema": True}, None),
    ],
)  # fmt: skip
def test_answers_in_json(caller, config, said):
    answer = caller.json("POST", f"{MODEL}:generateContent", ask("a", generationConfig=config))
    assert json.loads(answer["candidates"][0]["content"]["parts"][0]["text"]) == said


def test_answers_of_an_enum_and_of_no_schema(caller):
    def said(**config):
        answer = caller.json("POST", f"{MODEL}:generateContent", ask("a", generationConfig=config))
        return answer["candidates"][0]["content"]["parts"][0]["text"]

    assert said(responseMimeType="text/x.enum", responseSchema={"type": "STRING", "enum": ["up", "down"]}) == "up"
    assert list(json.loads(said(responseMimeType="application/json"))) == ["answer"]


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"}, {"properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "minItems": 10**9, "items": {"$ref": "#"}}, {"type": "string", "minLength": 10**12},
        {"anyOf": [{"anyOf": [{"$ref": "#"}]}]}, {"allOf": [{"$ref": "#"}] * 50},
        {"properties": {str(number): {"$ref": "#/$defs/big"} for number in range(500)},
         "$defs": {"big": {"default": "x" * 100_000}}},
        {"enum": []}, {"type": []}, {"type": 5}, {"required": 5, "properties": []}, {"propertyOrdering": [[]],
         "properties": {"a": 1}}, {"items": 5, "type": "array"}, {"$ref": "#/a/b"}, {"$ref": "else"}, {"minimum": "a",
         "type": "integer"}, {"enum": [[]]}, {"required": [[]], "properties": {"a": {}}},
    ],
)  # fmt: skip
def test_a_schema_that_asks_for_too_much_or_for_nonsense(caller, schema):
    response = caller.ask("POST", f"{MODEL}:generateContent", ask("a", generationConfig={"responseJsonSchema": schema}))
    assert response.status == 200
    assert len(response.body) < 1_000_000


# Answers that are none, and parts of answers


def test_a_blocked_prompt_has_no_candidates(caller):
    name = submit(caller, inline("a [[emulator: block]]", "b"))
    blocked, answered = items(finish(caller, name))
    response = blocked["response"]
    assert "candidates" not in response and response["promptFeedback"]["blockReason"] == "SAFETY"
    used = response["usageMetadata"]
    assert used["promptTokenCount"] == used["totalTokenCount"] > 0 and "candidatesTokenCount" not in used
    assert "promptFeedback" not in answered["response"]
    stats = caller.json("GET", name)["metadata"]["batchStats"]
    assert stats == {"requestCount": "2", "successfulRequestCount": "2"}


def test_an_answer_that_is_cut(caller):
    whole, cut = (
        items(finish(caller, submit(caller, inline(mark))))[0]["response"] for mark in ("say it", "[[emulator: cut]]")
    )
    assert [each["finishReason"] for each in cut["candidates"]] == ["MAX_TOKENS"]
    said = cut["candidates"][0]["content"]["parts"][0]["text"]
    assert said.startswith("gemini-2.5-flash read 1 part") and "[[emulator: cut]]" not in said
    assert whole["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("mark", ["block", "cut"])
def test_once_is_for_the_first_batch_only(caller, mark):
    def ends():
        response = items(finish(caller, submit(caller, inline(f"[[emulator: {mark} once]]"))))[0]["response"]
        return "STOP" if response.get("candidates", [{}])[0].get("finishReason") == "STOP" else mark

    assert [ends(), ends(), ends()] == [mark, "STOP", "STOP"]


@pytest.mark.parametrize("mark", ["block", "cut"])
def test_the_marks_count_for_calls_and_not_for_vectors(caller, mark):
    asked = ask(f"[[emulator: {mark}]]", generationConfig={"candidateCount": 3})
    answer = caller.json("POST", f"{MODEL}:generateContent", asked)
    assert len(answer.get("candidates", ())) == (1 if mark == "cut" else 0)
    content = {"content": {"parts": [{"text": f"[[emulator: {mark}]]"}]}}
    assert caller.json("POST", f"{EMBEDDING}:embedContent", content)["embedding"]["values"]


def test_what_is_blocked_is_billed_as_read(make):
    caller = make()
    caller.json("POST", f"{MODEL}:generateContent", ask("x" * 400 + "[[emulator: block]]"))
    (line,) = caller.app.bill()["lines"]
    assert line["tokens"]["input"] == 105 and not line["tokens"].get("output")


# Room for tokens


def of_tokens(count):
    """A body with one request of so many tokens."""
    return inline("x" * (4 * count))


@pytest.mark.parametrize(
    ("most", "fits"),
    [(None, True), (100, False), (101, True), ({"gemini-2.5-flash": 100}, False), ({"another": 1}, True)],
)
def test_unfinished_batches_have_room_for_so_many_tokens(make, most, fits):
    caller = make(enqueued_tokens=most)
    submit(caller, of_tokens(60))
    answer = caller.ask("POST", f"{MODEL}:batchGenerateContent", of_tokens(41))
    assert answer.status == (200 if fits else 429)
    if not fits:
        error = json.loads(answer.body)["error"]
        assert (error["status"], error["message"], "details" in error) == (
            "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", False,
        )  # fmt: skip


def test_room_for_tokens_is_by_model_and_comes_back_with_the_end(make):
    caller = make(enqueued_tokens=100)
    name = submit(caller, of_tokens(100))
    submit(caller, of_tokens(100), model="models/gemini-3.8-flash")
    vector = {"request": {"content": {"parts": [{"text": "x" * 400}]}}}
    submit(
        caller, {"batch": {"inputConfig": {"requests": {"requests": [vector]}}}}, EMBEDDING, "asyncBatchEmbedContent"
    )
    assert caller.error("POST", f"{MODEL}:batchGenerateContent", of_tokens(1))[0] == 429
    finish(caller, name)
    submit(caller, of_tokens(100))


def test_a_batch_with_more_tokens_than_there_is_room_for_is_never_taken(make):
    caller = make(enqueued_tokens=100)
    assert caller.error("POST", f"{MODEL}:batchGenerateContent", of_tokens(101))[:2] == (429, "RESOURCE_EXHAUSTED")


def test_the_tokens_of_a_file_are_counted_when_it_is_checked(make):
    caller = make(enqueued_tokens=100)
    lines = [{"key": f"k{n}", "request": ask("x" * 40)} for n in range(6)]
    file = upload(caller.app, jsonl(*lines))
    submit(caller, of_file(file))
    assert caller.error("POST", f"{MODEL}:batchGenerateContent", of_file(file))[0] == 429
    submit(caller, of_tokens(40))


# Large files


def test_lists_read_no_bytes_while_a_batch_runs(caller):
    file = upload(caller.app, jsonl(*({"key": f"k{n}", "request": ask(f"text {n}")} for n in range(50))))
    names = [submit(caller, of_file(file)), submit(caller, inline("a", "b"))]
    caller.clock.advance(1.5)
    caller.json("GET", "batches")  # starts them
    caller.app.world.blobs = None
    listed = caller.json("GET", "batches")["operations"]
    assert sorted(each["name"] for each in listed) == sorted(names)
    assert {each["metadata"]["state"] for each in listed} == {"BATCH_STATE_RUNNING"}


def test_a_large_file_is_answered_whole(make, store):
    caller = make(store)
    lines = [{"key": f"k{n}", "request": ask(f"{n} " + "é" * 900)} for n in range(3000)]  # more than is kept in memory
    file = upload(caller.app, jsonl(*lines))
    output = finish(caller, submit(caller, of_file(file)), 60)["metadata"]["output"]["responsesFile"]
    response = caller.app.handle(Request("GET", f"/download/v1beta/{output}:download", (("alt", "media"),), HEADERS))
    caller.json("DELETE", file)
    found = [json.loads(line) for line in b"".join(response.pieces()).splitlines()]
    assert sorted(each["key"] for each in found) == sorted(line["key"] for line in lines)
    assert all(each.keys() == {"key", "response"} for each in found)
    assert all(f": {each['key'][1:]} éé" in text(each) for each in found)


def test_metadata_may_look_like_the_tokens_of_an_item(caller):
    odd = {"a": 1, "used": {"input": {}, "cached": {}, "output": 1}}
    requests = [{"request": ask(words), "metadata": odd} for words in ("a", "[[emulator: fail 400]]")]
    body = {"batch": {"inputConfig": {"requests": {"requests": requests}}}}
    found = items(finish(caller, submit(caller, body)))
    assert [each["metadata"] for each in found] == [odd, odd]
    assert ["response" in found[0], "error" in found[1], "used" in found[0]] == [True, True, False]
