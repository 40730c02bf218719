"""The options of `gemctl emulator`: what the admin door shows of them, and what is said of those that make no sense."""

from __future__ import annotations

import json

import pytest
from served import KEY, serving

from gemctl.cli.main import run

ASK = {"headers": {"x-goog-api-key": KEY}}
BODY = {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 5000}]}]}


def test_knobs_and_a_store_that_outlives_it(tmp_path):
    knobs = tmp_path / "knobs.json"
    knobs.write_text(json.dumps({"requests_per_minute": 60, "list_lag": 2, "faults": [{"kind": "slow", "path": "x"}]}))
    options = ("--store", str(tmp_path / "kept"), "--clock", "2027-01-31T18:00:00Z", "--still", "--seed", "7")
    with serving(*options, "--knobs", str(knobs), "--set", "list_lag=0", "--set", "latency=0.001") as emulator:
        shown = emulator.state()
        assert (shown["now"], shown["still"], shown["seed"]) == ("2027-01-31T18:00:00.000000Z", True, 7)
        assert (shown["knobs"]["requests_per_minute"], shown["knobs"]["list_lag"]) == (60, 0)
        assert (shown["knobs"]["latency"], shown["knobs"]["faults"]) == (0.001, [{"kind": "slow", "path": "x"}])
        made = emulator.http.post("/v1/cachedContents", json=BODY, **ASK).json()
        assert made["createTime"] == "2027-01-31T18:00:00.000000Z"
    with serving(*options) as emulator:
        assert emulator.http.get("/v1/cachedContents", **ASK).json()["cachedContents"] == [made]
        emulator.reset()
        assert emulator.http.get("/v1/cachedContents", **ASK).json() == {}


def test_objects_at_the_start_a_record_and_a_snapshot(tmp_path):
    seed, kept, record = tmp_path / "seed.yaml", tmp_path / "kept.json", tmp_path / "asked.jsonl"
    (tmp_path / "hello.txt").write_text("hello")
    seed.write_text("files:\n  - {name: files/hello, $path: hello.txt, $age: 1h}\n")
    start = ("--clock", "2027-01-31T18:00:00Z", "--still")
    with serving(*start, "--seed-file", str(seed), "--record", str(record)) as emulator:
        shown = emulator.http.get("/v1beta/files/hello?key=secret-word", **ASK).json()
        assert (shown["createTime"], shown["mimeType"]) == ("2027-01-31T17:00:00.000000Z", "text/plain")
        assert emulator.http.delete("/v1beta/files/hello", **ASK).status_code == 200
        emulator.reset()
        assert emulator.http.get("/v1beta/files/hello", **ASK).json() == shown
        kept.write_bytes(emulator.http.get("/emulator/snapshot").content)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(line["number"], line["method"], line["status"]) for line in lines] == [
        (1, "GET", 200), (2, "DELETE", 200), (1, "GET", 200),
    ]  # fmt: skip
    assert "secret-word" not in record.read_text() and KEY not in record.read_text()
    assert record.stat().st_mode & 0o777 == 0o600
    with serving("--snapshot", str(kept), "--store", str(tmp_path / "store")) as emulator:
        assert emulator.state()["now"] == "2027-01-31T18:00:00.000000Z"
        assert emulator.http.get("/v1beta/files/hello", **ASK).json() == shown
        emulator.advance(60)
    with serving("--seed-file", str(seed), "--store", str(tmp_path / "store")) as emulator:  # it is not empty
        assert [effect["kind"] for effect in emulator.effects()] == ["created", "created", "patched"]


def test_others_call_it_by_the_names_that_are_allowed():
    with serving("--host", "0.0.0.0", "--allow-host", "gemini-emulator", "--allow-host", "[fd00::1]") as emulator:
        for host in ("gemini-emulator", "Gemini-Emulator:8085", "[fd00::1]:80", "127.0.0.1"):
            assert emulator.http.get("/emulator", headers={"host": host}).status_code == 200
        page = {"host": "gemini-emulator", "origin": "http://gemini-emulator"}
        for headers in ({"host": "evil.example"}, {"host": "0.0.0.0"}, page):
            assert emulator.http.get("/emulator", headers=headers).status_code == 403
    with serving() as emulator:
        refused = emulator.http.get("/emulator", headers={"host": "gemini-emulator"})
        assert refused.status_code == 403 and "--allow-host" in refused.json()["error"]["message"]


def test_real_keys_only_when_they_are_allowed(emulator):
    real = {"headers": {"x-goog-api-key": "AIza" + "0" * 35}}
    refused = emulator.http.get("/v1/models", **real)
    assert refused.status_code == 400 and "This is an emulator" in refused.json()["error"]["message"]
    emulator.turn(allow_real_keys=True)
    assert emulator.http.get("/v1/models", **real).status_code == 200
    assert "AIza" not in json.dumps([emulator.requests(), emulator.state()])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--clock", "tomorrow"], "--clock tomorrow can't be used"),
        (["--set", "latency"], "--set latency is no JSON"),
        (["--set", "latency=soon"], "--set latency=soon is no JSON"),
        (["--set", "latency=-1"], "latency: it is a number of seconds"),
        (["--set", "colour=1"], "no knob is called colour"),
        (["--set", "batches_at_once=0"], "positive"),
        (["--knobs", "none.json"], "none.json"),
        (["--knobs", "list.json"], "knobs are a JSON object"),
        (["--knobs", "torn.json"], "torn.json:2:1: it is no JSON"),
        (["--knobs", "bytes.json"], "bytes.json: it is no JSON"),
        (["--knobs", "deep.json"], "deep.json: it is nested too deeply"),
        (["--seed-file", "seed.yaml"], "seed.yaml:2:3: webhooks[0]: Missing required parameter 'uri'"),
        (["--seed-file", "none.yaml"], "none.yaml can't be read"),
        (["--seed-file", "bytes.json"], "not UTF-8"),
        (["--snapshot", "torn.json"], "torn.json:2:1: it is no JSON"),
        (["--snapshot", "list.json"], "this is no snapshot"),
        (["--snapshot", "none.json"], "none.json"),
        (["--snapshot", "list.json", "--seed", "1"], "--snapshot has objects, a time and names of its own"),
        (["--host", "here"], "--host here can't be used: here is no address to listen on"),
        (["--host", "192.0.2.1"], "Port 0 of 192.0.2.1 can't be used"),
        (["--record", "none/asked.jsonl"], "--record none/asked.jsonl can't be written"),
        (["--store", "list.json"], "The objects can't be kept in list.json: "),
        (["--store", "damaged"], "world.jsonl:1 is damaged"),
        (["--allow-host", "a b"], "--allow-host a b can't be used: 'a b' is no name of a host"),
    ],
)
def test_options_that_make_no_sense(tmp_path, monkeypatch, capsys, options, said):
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "torn.json").write_text("{\n")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "damaged").mkdir(mode=0o700)
    (tmp_path / "damaged/world.jsonl").write_text("no record\n")
    (tmp_path / "seed.yaml").write_text("webhooks:\n- {}")
    (tmp_path / "bytes.json").write_bytes(b"\xff")
    monkeypatch.chdir(tmp_path)
    assert run(["emulator", "--port", "0", *options]) != 0
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and "E099" not in error
