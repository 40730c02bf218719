"""Objects that are there at the start, of a document in the API's own words."""

import base64
import json
from datetime import UTC, datetime

import pytest

from gemctl.emulator import seed_text
from gemctl.emulator.admin import Admin
from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock, SettableClock, TickingClock
from gemctl.emulator.seed_text import SeedError, parse
from gemctl.emulator.world import World

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHOLE = """
files:
  - $as: manual
    $text: |
      Descale before every holiday.
    name: files/manual
    $age: 2h
  - {$base64: "aGVs\\nbG8=", mimeType: text/plain, displayName: hello}
  - {displayName: nothing}
cachedContents:
  - $as: handbook
    $age: 30m
    model: models/gemini-3.8-flash
    ttl: 3600s
    contents:
      - role: user
        parts:
          - &part {text: many words}
          - *part
          - fileData: {fileUri: {$ref: manual.uri}, mimeType: text/plain}
batches:
  - $as: nightly
    $state: RUNNING
    model: gemini-3.8-flash
    displayName: running
    inputConfig: {requests: {requests: [{request: {contents: [{parts: [{text: hello}]}],
      generationConfig: {responseJsonSchema: {$ref: "#/$defs/a", $defs: {a: {type: string}}}}}}]}}
  - $state: SUCCEEDED
    model: models/gemini-3.8-flash
    displayName: done
    inputConfig: {fileName: {$ref: lines}}
  - $state: CANCELLED
    model: gemini-embedding-001
    $method: asyncBatchEmbedContent
    displayName: cancelled
    inputConfig: {requests: {requests: [{request: {content: {parts: [{text: hello}]}}}]}}
fileSearchStores:
  - displayName: Manuals
    $age: 1d12h
    documents:
      - {displayName: old, $text: hello, customMetadata: [{key: year, numericValue: 2026}]}
      - {$as: imported, fileName: {$ref: manual}, $age: 1h}
      - {displayName: new, $age: 0}
webhooks:
  - {$as: hook, uri: "https://example.com/hook", subscribed_events: [batch.succeeded]}
credentials:
  - {id: crm, type: bearer_token, token: abc}
agents:
  - {id: helper, base_agent: antigravity-preview-05-2026}
triggers:
  - {schedule: 0 6 * * *, time_zone: Europe/Berlin, interaction: {agent: helper, input: hello, background: true}}
interactions:
  - {model: gemini-3.8-flash, input: hello}
auth_tokens:
  - {$as: token, expireTime: {$in: 1h}}
"""
LAUGHS = "\n".join(["a0: &a0 [1, 2]", *(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]" for n in range(1, 9))])
LINES = json.dumps({"key": "a", "request": {"contents": [{"parts": [{"text": "hello"}]}]}})


class Emulated:
    def __init__(self, **knobs):
        self.clock = SettableClock(ManualClock(), still=True)
        self.app = App(World(now=self.clock), min_cache_tokens=1, **knobs)
        self.admin = Admin(self.app, self.clock)

    def seed(self, text):
        answer = self.admin.handle(Request("POST", "/emulator/seed", (), {}, text.encode()))
        assert not self.app.bugs
        return answer.status, json.loads(answer.body)

    def refused(self, text):
        status, said = self.seed(text)
        assert status == 400
        return said["error"]["message"]

    def get(self, path, key="k"):
        answer = self.app.handle(Request("GET", f"/v1beta/{path}", (), {"x-goog-api-key": key}))
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


def test_everything_is_made_by_the_rules_of_the_api(tmp_path):
    emulated = Emulated()
    (tmp_path / "lines.jsonl").write_text(LINES)
    file = tmp_path / "seed.yaml"
    lines = "  - {$as: lines, $path: lines.jsonl, $age: 4s, mimeType: text/plain, displayName: lines}"
    file.write_text(WHOLE.replace("  - {displayName: nothing}", f"  - {{displayName: nothing}}\n{lines}"))
    said = emulated.admin.seed(seed_text.read(file))
    assert {name.partition("/")[0] for name in said["made"]} == {
        "files", "cachedContents", "batches", "fileSearchStores", "webhooks", "credentials", "agents", "triggers",
        "interactions", "auth_tokens",
    }  # fmt: skip
    assert said["objects"]["hook"]["new_signing_secret"].startswith("whsec_")
    assert said["objects"]["token"]["name"].startswith("auth_tokens/")
    assert emulated.app.requests == []
    assert emulated.clock() == NOW
    sizes = {file.get("displayName"): file.get("sizeBytes") for file in emulated.get("files")["files"]}
    assert sizes.pop("done")  # the batch's output
    assert sizes == {None: "30", "hello": "5", "nothing": None, "lines": str(len(LINES))}
    manual = emulated.get("files/manual")
    assert manual["createTime"] == "2025-12-31T22:00:00.000000Z"
    [cache] = emulated.get("cachedContents")["cachedContents"]
    assert cache["name"] == said["objects"]["handbook"]["name"]
    assert cache["expireTime"].startswith("2026-01-01T00:30:00")
    states = {
        each["metadata"]["displayName"]: each["metadata"]["state"] for each in emulated.get("batches")["operations"]
    }
    assert states == {
        "running": "BATCH_STATE_RUNNING", "done": "BATCH_STATE_SUCCEEDED", "cancelled": "BATCH_STATE_CANCELLED",
    }  # fmt: skip
    [store] = emulated.get("fileSearchStores")["fileSearchStores"]
    assert (store["createTime"][:16], store["activeDocumentsCount"]) == ("2025-12-30T12:00", "3")
    documents = emulated.get(f"{store['name']}/documents")["documents"]
    assert {each["displayName"]: each["createTime"][:16] for each in documents} == {
        "old": "2025-12-30T12:00", "manual": "2025-12-31T23:00", "new": "2026-01-01T00:00",
    }  # fmt: skip
    assert len(emulated.get("triggers")["triggers"]) == len(emulated.get("agents")["agents"]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "column "),
        ("a: 1\na: 2", "line 2, column 1: the key a stands here twice"),
        ("files: []\n---\nfiles: []", "line 2, column 1: there is a second document"),
        ("files: !!set {a}", "the tag tag:yaml.org,2002:set is not read"),
        ("? [a]\n: b", "line 1, column 3: a key is text"),
        ("files: *a", "line 1, column 8: no anchor &a comes before this alias"),
        ("files: &a [*a]", "line 1, column 12: no anchor &a"),
        ("a: " + "[" * 100, "it is nested deeper than 64 levels"),
        ("\0", "it is no YAML"),
        (LAUGHS, "there are more than 200,000 values"),
        ("[]", "line 1, column 1: a seed has collections: files, cachedContents"),
        ("file: []", "line 1, column 1: file: there is no such collection; there are files"),
        ("files: {}", "line 1, column 1: files: it is a list"),
        ("files:\n  - text", "line 2, column 5: files[0]: it is an object"),
        ("files:\n  - {$as: a b}", "line 2, column 6: files[0].$as: it is a name"),
        ("files:\n  - $as: a\n  - $as: a", "line 3, column 5: files[1].$as: it is a name"),
        ("webhooks:\n  - $text: a", "line 2, column 5: webhooks[0].$text: there is no such word; there are $as, $age"),
        ("files: [{$age: 1w}]", "line 1, column 10: files[0].$age: it is a length of time such as 1d12h"),
        ("files: [{$age: 99999d}]", "it is ten years at most"),
        ("files: [{$age: ''}]", "it is a length of time"),
        ("files: [{$text: a, $base64: YQ==}]", "files[0].$base64: it has $text already"),
        ("files: [{$text: 1}]", "files[0].$text: it is text"),
        ("files: [{$base64: y}]", "files[0].$base64: it is no base64"),
        ("files: [{$path: /etc/passwd}]", "files[0].$path: paths are read in seeds that are files"),
        ("files: [{$text: a, mimeType: a/b}]", "line 1, column 9: files[0]: Unsupported MIME type: a/b"),
        ("files:\n- $text: a\n  mimetype: a/b", "line 3, column 3: files[0].mimetype: Invalid JSON payload received."),
        (
            "cachedContents:\n- model: models/gemini-2.5-flash\n  contents:\n  - parts:\n    - txt: a",
            "line 5, column 7: cachedContents[0].contents[0].parts[0].txt: ",
        ),
        ("cachedContents:\n- model: models/gemini-0", "line 2, column "),
        (
            "webhooks:\n- uri: https://example.com\n  subscribed_events: [a]",
            "line 3, column 23: webhooks[0].subscribed_events[0]: ",
        ),
        ("batches: [{}]", "batches[0]: a batch has a model"),
        ("batches: [{$state: FAILED, model: a}]", "it is one of PENDING, RUNNING, SUCCEEDED and CANCELLED"),
        ("batches: [{$method: a, model: a}]", "it is batchGenerateContent or asyncBatchEmbedContent"),
        ("batches: [{$state: SUCCEEDED, $age: 2s, model: a}]", "a batch in that state is 3 s old at least"),
        (
            "fileSearchStores: [{$age: 1h, documents: [{$age: 2h}]}]",
            "fileSearchStores[0].documents[0].$age: a document is no older than its store",
        ),
        ("fileSearchStores: [{documents: {}}]", "fileSearchStores[0].documents: it is a list"),
        ("interactions: [{input: a, stream: true}]", "interactions[0].stream: an object of a seed has no stream"),
        ("files: [{displayName: {$ref: a}}]", "[0].displayName.$ref: nothing that was made before it is called a"),
        ("files: [{$as: a}, {displayName: {$ref: a.x}}]", "files[1].displayName.$ref: a has no x"),
        ("auth_tokens: [{}, {expireTime: {$in: x}}]", "auth_tokens[1].expireTime.$in: it is a length of time"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_place_and_nothing_is_made(text, message):
    emulated = Emulated()
    assert message in emulated.refused(text)
    assert emulated.app.effects == []
    assert emulated.clock() == NOW


def test_bytes_that_are_no_text():
    emulated = Emulated()
    answer = emulated.admin.handle(Request("POST", "/emulator/seed", (), {}, b"\xff"))
    assert answer.status == 400 and b"UTF-8" in answer.body


def test_json_is_taken_with_tabs_escapes_and_a_place():
    text = '{\n\t"files": [\n\t\t{"displayName": "\\ud83d\\ude00 a\\/b",\n\t\t "x": 1}\n\t]\n}'
    assert "line 4, column 4: files[0].x: " in Emulated().refused(text)
    assert parse(text).value["files"][0]["displayName"] == "😀 a/b"
    status, said = Emulated().seed('{"files": [{"displayName": "a"}]}')
    assert (status, len(said["made"])) == (200, 1)
    assert Emulated().seed("") == (200, {"made": [], "objects": {}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", "yes"), ("a: 2026-01-01", "2026-01-01"), ("a: 1:30", "1:30"), ("a: 010", "010"), ("a: 1.5", 1.5),
        ("a: -3", -3), ("a: 1e3", 1000.0), ("a: ~", None), ("a:", None), ("a: 'true'", "true"), ("a: true", True),
        ("a: !!str 1", "1"), ("a: " + "9" * 400, "9" * 400),
    ],
)  # fmt: skip
def test_plain_scalars_are_what_json_has(text, value):
    assert parse(text).value == {"a": value}


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(SeedError, match=r"^\S*none\.yaml can't be read: No such file"):
        seed_text.read(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"\xe4")
    with pytest.raises(SeedError, match="not UTF-8"):
        seed_text.read(tmp_path / "latin.yaml")
    (tmp_path / "seed.yaml").write_text("files:\n  - {$path: gone.pdf}")
    with pytest.raises(SeedError, match=r"seed\.yaml:2:6: files\[0\]\.\$path: .*gone\.pdf can't be read"):
        Emulated().admin.seed(seed_text.read(tmp_path / "seed.yaml"))


def test_a_seed_that_fails_late_leaves_nothing_behind():
    emulated = Emulated()
    emulated.seed("files: [{displayName: before}]")
    names = emulated.app.world.ids
    assert "column" in emulated.refused("files: [{$text: one, $age: 0}]\nwebhooks: [{uri: x}]")
    assert [effect.display_name for effect in emulated.app.effects] == ["before"]
    assert emulated.app.world.ids is names
    assert "something has happened since then" in emulated.refused("files: [{$age: 1}]")
    emulated.clock.move_to(datetime(2026, 1, 2, tzinfo=UTC))
    assert emulated.seed("files: [{$age: 1}]")[0] == 200
    still = Admin(emulated.app)
    answer = still.handle(Request("POST", "/emulator/seed", (), {}, b"files: [{$age: 1}]"))
    assert b"the clock of this emulator cannot be moved" in answer.body


@pytest.mark.parametrize("admin", [lambda app, clock: Admin(app, clock), lambda app, _: Admin(app)])
def test_a_clock_that_moves_does_not_part_objects_of_one_age(admin):
    clock = SettableClock(TickingClock())
    app = App(World(now=clock))
    answer = admin(app, clock).handle(
        Request("POST", "/emulator/seed", (), {}, b"files: [{name: files/a, $text: a}, {name: files/b, $text: b}]")
    )
    assert json.loads(answer.body).get("made") == ["files/a", "files/b"]
    assert not clock.still and clock() < clock()


def test_nobody_asks_between_what_failed_and_what_there_was_before(monkeypatch):
    emulated = Emulated()
    kept_out, put_back = [], emulated.app.world.put_back

    def undo(*how):
        kept_out.append(not emulated.app._lock.acquire(blocking=False))
        put_back(*how)

    monkeypatch.setattr(emulated.app.world, "put_back", undo)
    emulated.refused("files: [{displayName: one}]\nwebhooks: [{uri: x}]")
    assert kept_out == [True]


def test_faults_quotas_and_keys_do_not_concern_it():
    fault = {"kind": "before"}
    emulated = Emulated(requests_per_minute=1, keys={"theirs": "one", "others": "two"})
    emulated.admin.handle(Request("PATCH", "/emulator", (), {}, json.dumps({"faults": [{**fault, "nth": 1}]}).encode()))
    assert emulated.seed("files: [{displayName: a}, {displayName: b}]")[0] == 200
    ask = Request("GET", "/v1beta/files", (), {"x-goog-api-key": "theirs"})
    assert emulated.app.handle(ask).drop
    assert len(json.loads(emulated.app.handle(ask).body)["files"]) == 2


def test_a_reset_comes_back_to_what_was_there_at_first():
    emulated = Emulated()
    emulated.admin.begin(lambda: emulated.admin.seed(parse("files: [{name: files/a, $age: 1h}]")))
    emulated.app.handle(Request("DELETE", "/v1beta/files/a", (), {"x-goog-api-key": "k"}))
    emulated.admin.handle(Request("POST", "/emulator/reset", (), {}, b"{}"))
    assert emulated.get("files/a")["createTime"].startswith("2025-12-31T23")
    other = Emulated()
    other.app.handle(Request("POST", "/v1beta/files", (), {"x-goog-api-key": "k"}))
    other.admin.begin(lambda: pytest.fail("it is not empty"))


def test_in_a_test_of_a_user(gemini_emulator, tmp_path):
    made = gemini_emulator.seed(
        {"files": [{"$as": "a", "$base64": base64.b64encode(b"hello").decode(), "mimeType": "text/plain"}]}
    )
    assert made["a"]["sizeBytes"] == "5"
    snapshot = gemini_emulator.snapshot()
    (tmp_path / "seed.yaml").write_text("webhooks: [{uri: x}]")
    with pytest.raises(SeedError, match=r"seed\.yaml:1:12: webhooks\[0\]"):
        gemini_emulator.seed(tmp_path / "seed.yaml")
    gemini_emulator.clock.advance(days=3)
    assert [effect.kind for effect in gemini_emulator.effects if effect.collection == "files"] == ["created", "expired"]
    gemini_emulator.restore(snapshot)
    assert gemini_emulator.clock.now == NOW
    assert [effect.kind for effect in gemini_emulator.effects if effect.collection == "files"] == ["created"]
