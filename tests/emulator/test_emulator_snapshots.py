"""A world as a document, and back."""

import hashlib
import json
import random
import re

import pytest

from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock, SettableClock
from gemctl.emulator.store import FileStore, MemoryStore
from gemctl.emulator.world import World

CACHE = {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "word " * 2000}]}]}


class Emulated:
    def __init__(self, store=None, seed=7):
        self.time = SettableClock(ManualClock(), still=True)
        self.app = App(World(store, now=self.time, ids=random.Random(seed)))
        self.admin = Admin(self.app, self.time, seed)

    def ask(self, method, path, body=None, headers=(), query=()):
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        kind = self.admin if path.startswith("/emulator") else self.app
        answer = kind.handle(Request(method, path, query, {"x-goog-api-key": "k", **dict(headers)}, data))
        assert not self.app.bugs
        return answer

    def json(self, *how, **more):
        answer = self.ask(*how, **more)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def upload(self, text):
        started = self.ask(
            "POST",
            "/upload/v1beta/files",
            {"file": {"mimeType": "text/plain"}},
            {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"},
        )
        query = tuple(pair.split("=") for pair in started.headers["X-Goog-Upload-URL"].partition("?")[2].split("&"))
        headers = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
        return self.json("POST", "/upload/v1beta/files", text, headers, query)["file"]

    def everything(self):
        paths = ("cachedContents", "files", "batches", "webhooks", "credentials")
        return [self.json("GET", f"/v1beta/{path}") for path in paths]


@pytest.fixture
def emulated(tmp_path):
    return lambda kind="memory", **more: Emulated(
        MemoryStore() if kind == "memory" else FileStore(tmp_path / f"{len(list(tmp_path.iterdir()))}"), **more
    )


def filled(emulated):
    emulated.json("POST", "/v1beta/cachedContents", CACHE)
    emulated.json("POST", "/emulator/clock", {"advance": 60})
    line = {"key": "a", "request": {"contents": [{"parts": [{"text": "hello"}]}]}}
    file = emulated.upload(json.dumps(line).encode())
    path = "/v1beta/models/gemini-2.5-flash:batchGenerateContent"
    emulated.json("POST", path, {"batch": {"inputConfig": {"fileName": file["name"]}}})
    hook = {"uri": "https://example.com", "subscribed_events": ["batch.succeeded"]}
    secret = emulated.json("POST", "/v1beta/webhooks", hook)["new_signing_secret"]
    emulated.json("POST", "/v1beta/credentials", {"id": "crm", "type": "bearer_token", "token": "very secret"})
    return secret


@pytest.mark.parametrize("kinds", [("memory", "memory"), ("memory", "file"), ("file", "memory")])
def test_another_emulator_goes_on_from_it(emulated, kinds):
    one, other = map(emulated, kinds)
    filled(one)
    filled(other)  # other blobs, of the same names
    there = one.json("GET", "/emulator/snapshot", query=(("secrets", "true"),))
    shown = other.json("POST", "/emulator/snapshot", there)
    assert shown["now"] == one.json("GET", "/emulator")["now"]
    assert other.everything() == one.everything()
    assert other.app.requests[:-5] == []
    for each in (one, other):  # work goes on, and names
        each.json("POST", "/emulator/clock", {"advance": 10})
        each.json("POST", "/v1beta/cachedContents", CACHE)
    assert one.everything() == other.everything()
    [batch] = other.json("GET", "/v1beta/batches")["operations"]
    output = batch["metadata"]["output"]["responsesFile"]
    path, query = f"/download/v1beta/{output}:download", (("alt", "media"),)
    assert other.ask("GET", path, query=query).body == one.ask("GET", path, query=query).body != b""
    assert other.app.effects == one.app.effects
    assert other.app.bill() == one.app.bill()


def test_the_same_emulator_goes_back(emulated):
    one = emulated()
    filled(one)
    before, there = one.everything(), one.json("GET", "/emulator/snapshot")
    one.json("POST", "/emulator/clock", {"advance": 100 * 3600, "still": False})
    assert one.everything() != before
    shown = one.json("POST", "/emulator/snapshot", there)
    assert shown["still"] is True
    after = one.everything()
    for told in (before, after):
        assert re.fullmatch(r"whsec_\.{3}.{4}", told[3]["webhooks"][0].pop("signing_secrets")[0]["truncated_secret"])
    assert after == before
    assert json.dumps(one.json("GET", "/emulator/snapshot")) == json.dumps(there)
    one.json("POST", "/emulator/reset", {})
    assert one.json("GET", "/emulator")["now"] == "2026-01-01T00:00:00.000000Z"


def test_it_has_secrets_only_where_they_are_asked_for(emulated):
    one = emulated()
    secret = filled(one)
    tool = {
        "type": "mcp_server",
        "name": "a",
        "url": "https://example.com",
        "headers": {"Authorization": "very secret"},
    }
    one.json("POST", "/v1beta/agents", {"id": "b", "base_agent": "antigravity-preview-05-2026", "tools": [tool]})
    fault = {"kind": "late", "method": "POST", "path": "credentials", "delay": 60}
    one.json("PATCH", "/emulator", {"faults": [fault]})
    one.ask("POST", "/v1beta/credentials", {"id": "late", "type": "bearer_token", "token": "very secret"})
    whole = json.dumps(one.json("GET", "/emulator/snapshot", query=(("secrets", "true"),)))
    assert secret in whole and whole.count("very secret") == 3
    without = one.json("GET", "/emulator/snapshot")
    assert without["secrets"] is False
    for text in (json.dumps(without), json.dumps(one.json("GET", "/emulator/requests"))):
        assert secret not in text
        assert "very secret" not in text
    other = emulated()
    other.json("POST", "/emulator/snapshot", without)
    other.json("POST", "/emulator/clock", {"advance": 61})
    assert len(other.json("GET", "/v1beta/credentials")["credentials"]) == 2


def test_a_document_that_was_changed_is_refused(emulated):
    one = emulated()
    filled(one)
    there, before = one.json("GET", "/emulator/snapshot"), one.everything()
    for wrong in (
        {},
        [],
        {**there, "now": "2030-01-01T00:00:00Z"},
        {**there, "records": there["records"][1:]},
        {**there, "snapshot": 2},
        {"snapshot": 1, "digest": ""},
        forged({"snapshot": 1}),
        forged({**{name: there[name] for name in there if name != "digest"}, "blobs": {"a": "y"}}),
        b"{",
        b"[" * 100_000,
        b'{"snapshot": 1, "x": ' + b"[" * 900 + b"]" * 900 + b"}",
    ):
        answer = one.ask("POST", "/emulator/snapshot", wrong)
        assert answer.status == 400 and b"traceback" not in answer.body.lower()
    assert one.ask("GET", "/emulator/snapshot", query=(("secrets", "maybe"),)).status == 400
    assert one.everything() == before


def forged(document):
    """With the digest that it would have."""
    text = json.dumps(document, separators=(",", ":"), sort_keys=True)
    return {**document, "digest": hashlib.sha256(text.encode()).hexdigest()}


def test_a_document_of_somebody_else_with_a_digest_is_refused(emulated):
    one = emulated()
    there, before = one.json("GET", "/emulator/snapshot"), one.json("GET", "/emulator")
    del there["digest"]
    for name, value in [
        ("now", None),
        ("now", 3),
        ("names", {"a": 1}),
        ("names", [3, [1], None]),
        ("records", None),
        ("blobs", [[]]),
        ("blobs", {"../a": ""}),
        ("blobs", {"a" * 32: "no base64"}),
        ("seed", "x"),
    ]:
        wrong = {**there, name: value}
        answer = one.ask("POST", "/emulator/snapshot", forged(wrong))
        assert (name, value, answer.status) == (name, value, 400)
        assert one.json("GET", "/emulator") == before


def test_the_address_of_an_upload_is_not_in_it(emulated):
    one = emulated()
    started = one.ask(
        "POST",
        "/upload/v1beta/files",
        {"file": {"mimeType": "text/plain"}},
        {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"},
    )
    query = tuple(pair.split("=") for pair in started.headers["X-Goog-Upload-URL"].partition("?")[2].split("&"))
    one.json("PATCH", "/emulator", {"faults": [{"kind": "late", "path": "upload", "delay": 60}]})
    headers = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
    one.ask("POST", "/upload/v1beta/files", b"hello", headers, query)
    secret = dict(query)["upload_id"].partition("-")[2]
    without, whole = (
        one.json("GET", "/emulator/snapshot"),
        one.json("GET", "/emulator/snapshot", query=(("secrets", "true"),)),
    )
    assert secret in json.dumps(whole) and secret not in json.dumps(without)
    for document, files in ((without, 0), (whole, 1)):
        other = emulated()
        other.json("POST", "/emulator/snapshot", document)
        other.json("POST", "/emulator/clock", {"advance": 61})
        assert len(other.json("GET", "/v1beta/files").get("files", [])) == files


def test_names_that_come_by_chance_go_on_so(emulated):
    one = Emulated()
    one.app.reset(random.SystemRandom())
    there = one.json("GET", "/emulator/snapshot")
    assert there["names"] is None
    one.json("POST", "/emulator/snapshot", there)
    assert one.json("POST", "/v1beta/cachedContents", CACHE)["name"]


def test_files_that_are_too_large_are_refused(emulated, monkeypatch):
    one = emulated()
    filled(one)
    monkeypatch.setattr("gemctl.emulator.snapshots._LARGEST_FILES", 10)
    answer = one.ask("GET", "/emulator/snapshot")
    assert answer.status == 400 and b"--store DIR" in answer.body
    monkeypatch.undo()
    monkeypatch.setattr("gemctl.emulator.snapshots.LARGEST", 1000)
    assert one.ask("GET", "/emulator/snapshot").status == 400
