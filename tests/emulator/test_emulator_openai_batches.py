"""Batches in OpenAI's shape, on both surfaces: they are the same batches and files."""

import json
import random

import pytest

from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.world import World

MODEL = "gemini-3.8-flash"
EMBEDDING = "gemini-embedding-001"
BATCHES = "/v1beta/openai/batches"
CHATS, VECTORS = "/v1/chat/completions", "/v1/embeddings"


class Both:
    """Asks one App as a client of OpenAI does, and as one of Google."""

    def __init__(self):
        self.clock = ManualClock()
        self.app = App(World(now=self.clock, ids=random.Random(7)))

    def send(self, method, path, headers, body=None, query=()):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        response = self.app.handle(Request(method, path, tuple(query), headers, data))
        assert not self.app.bugs
        return response

    def openai(self, path, body=None, *, method=None, query=(), status=200):
        method = method or ("GET" if body is None else "POST")
        response = self.send(method, path, {"authorization": "Bearer k"}, body, query)
        assert response.status == status, response.body
        return json.loads(response.body)

    def native(self, path, body=None, query=(), status=200):
        response = self.send("GET" if body is None else "POST", path, {"x-goog-api-key": "k"}, body, query)
        assert response.status == status, response.body
        return response

    def upload(self, *lines):
        head = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start", "x-goog-api-key": "k"}
        head["x-goog-upload-header-content-type"] = "jsonl"
        url = self.send("POST", "/upload/v1beta/files", head).headers["X-Goog-Upload-URL"]
        query = (("upload_id", url.partition("upload_id=")[2].partition("&")[0]),)
        head = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
        data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
        return json.loads(self.send("POST", "/upload/v1beta/files", head, data, query).body)["file"]["name"]

    def download(self, name):
        response = self.native(f"/v1beta/{name}:download", query=(("alt", "media"),))
        return {line.get("custom_id"): line for line in map(json.loads, response.body.splitlines())}

    def create(self, *lines, endpoint=CHATS, **fields):
        body = {"input_file_id": self.upload(*lines), "endpoint": endpoint, "completion_window": "24h", **fields}
        return self.openai(BATCHES, body)


@pytest.fixture
def both():
    return Both()


def said(custom_id, text, *, model=MODEL, url=CHATS, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def vector(custom_id, text, **fields):
    return {"custom_id": custom_id, "url": VECTORS, "body": {"model": EMBEDDING, "input": text, **fields}}


def test_the_life_of_a_batch(both):
    made = both.create(said("one", "Hello!"), b"", said("two", "[[emulator: fail 429]]"), metadata={"for": "a test"})
    assert made["object"] == "batch"
    assert made["id"].startswith("batches/")
    assert made["status"] == "in_progress"
    assert made["endpoint"] == CHATS and made["completion_window"] == "24h" and made["model"] == MODEL
    assert made["metadata"] == {"for": "a test"}
    both.clock.advance(2)
    half = both.openai(f"{BATCHES}/{made['id']}")
    assert half["status"] == "in_progress"
    assert half["request_counts"] == {"total": 2, "completed": 1, "failed": 0}
    both.clock.advance(1)
    done = both.openai(f"{BATCHES}/{made['id'].replace('/', '%2F')}")
    assert done["status"] == "completed"
    assert done["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    assert made["created_at"] < done["in_progress_at"] < done["completed_at"] < done["expires_at"]
    output = both.download(done["output_file_id"])
    assert set(output) == {"one", "two"}
    assert output["one"]["response"]["status_code"] == 200
    direct = both.openai("/v1beta/openai/chat/completions", said("", "Hello!")["body"])
    body = output["one"]["response"]["body"]
    assert body["choices"] == direct["choices"] and body["object"] == "chat.completion" and body["model"] == MODEL
    assert body["usage"] == {
        "completionTokens": direct["usage"]["completion_tokens"],
        "promptTokens": direct["usage"]["prompt_tokens"],
        "totalTokens": direct["usage"]["total_tokens"],
    }
    assert output["two"]["error"]["code"] == 8
    (billed,) = [line for line in both.app.bill()["lines"] if line["kind"] == "batch"]
    assert billed["model"] == MODEL


def test_the_native_api_shows_the_same_batch(both):
    made = both.create(said("one", "Hello!"), metadata={"display_name": "a job"})
    shown = json.loads(both.native(f"/v1beta/{made['id']}").body)
    assert shown["metadata"]["displayName"] == "a job"
    assert shown["metadata"]["state"] == "BATCH_STATE_PENDING"
    assert shown["metadata"]["inputConfig"]["fileName"] == made["input_file_id"]
    both.clock.advance(3)
    ended = json.loads(both.native(f"/v1beta/{made['id']}").body)
    assert ended["response"]["responsesFile"] == both.openai(f"{BATCHES}/{made['id']}")["output_file_id"]


def test_the_native_api_takes_lines_of_openai(both):
    """As litellm sends them: the model is that of the path, whatever the lines call it."""
    file = both.upload(said("one", "Hello!", model="gemini/an-alias"), said("two", "Hello!", reasoning_effort="low"))
    body = {"batch": {"displayName": "job", "inputConfig": {"fileName": file}}}
    name = json.loads(both.native(f"/v1beta/models/{MODEL}:batchGenerateContent", body).body)["name"]
    both.clock.advance(3)
    ended = json.loads(both.native(f"/v1beta/{name}").body)
    output = both.download(ended["response"]["responsesFile"])
    assert {each: line["response"]["body"]["model"] for each, line in output.items()} == {
        "one": "gemini/an-alias",
        "two": MODEL,
    }
    assert both.openai(f"{BATCHES}/{name}")["status"] == "completed"


def test_vectors_in_a_batch(both):
    made = both.create(
        vector("one", "a text", dimensions=4), vector("two", "a text", encoding_format="base64"), endpoint=VECTORS
    )
    both.clock.advance(3)
    output = both.download(both.openai(f"{BATCHES}/{made['id']}")["output_file_id"])
    (one,) = output["one"]["response"]["body"]["data"]
    assert len(one["embedding"]) == 4
    assert isinstance(output["two"]["response"]["body"]["data"][0]["embedding"], str)
    assert output["one"]["response"]["body"]["usage"]["promptTokens"] > 0


def test_a_cancel(both):
    pending = both.create(said("one", "Hello!"))
    cancelled = both.openai(f"{BATCHES}/{pending['id']}/cancel", method="POST")
    assert cancelled["status"] == "cancelled"
    assert cancelled["cancelled_at"] == cancelled["created_at"]
    assert cancelled["errors"]["data"][0]["code"] == "13"
    running = both.create(said("one", "Hello!"), said("two", "Hello!"))
    both.clock.advance(2)
    ended = both.openai(f"{BATCHES}/{running['id'].removeprefix('batches/')}/cancel", method="POST")
    assert ended["status"] == "completed"
    assert ended["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    assert both.download(ended["output_file_id"])["two"] == {"custom_id": "two", "error": {"code": 1}}


@pytest.mark.parametrize(("mark", "status"), [("FAILED", "failed"), ("EXPIRED", "expired"), ("CANCELLED", "cancelled")])
def test_other_ends(both, mark, status):
    made = both.create(said("one", "Hello!"), metadata={"display_name": f"[[emulator: job ends {mark}]]"})
    both.clock.advance(3)
    ended = both.openai(f"{BATCHES}/{made['id']}")
    assert ended["status"] == status
    assert f"{status}_at" in ended and "output_file_id" not in ended
    assert ended["errors"]["data"]


def test_the_list(both):
    made = [both.create(said("one", "Hello!"))["id"] for _ in range(3)]
    page = both.openai(BATCHES, query=(("limit", "2"),))
    assert [each["id"] for each in page["data"]] == made[:0:-1]
    assert page["has_more"] and (page["first_id"], page["last_id"]) == (made[2], made[1])
    rest = both.openai(BATCHES, query=(("limit", "2"), ("after", page["last_id"])))
    assert [each["id"] for each in rest["data"]] == made[:1]
    assert not rest["has_more"]
    both.openai(BATCHES, query=(("after", "batches/none"),), status=404)
    assert Both().openai(BATCHES) == {"object": "list", "data": [], "has_more": False}


def test_a_batch_that_is_not_there(both):
    for path in (f"{BATCHES}/none", f"{BATCHES}/batches/none"):
        assert both.openai(path, status=404)[0]["error"]["status"] == "NOT_FOUND"
        both.openai(f"{path}/cancel", method="POST", status=404)


@pytest.mark.parametrize(
    ("lines", "fields", "message"),
    [
        ([said("a", "b")], {"endpoint": "/v1/completions"}, "endpoint must be"),
        ([said("a", "b")], {"completion_window": "1h"}, "completion_window must be 24h."),
        ([said("a", "b")], {"endpoint": VECTORS}, "is not supported for asyncBatchEmbedContent"),
        ([said("a", "b", url=VECTORS)], {}, f"Error on line 1: invalid JSON: url must be {CHATS}."),
        ([said("a", "b"), b"{"], {}, "Error on line 2: invalid JSON"),
        ([b"{"], {}, "Error on line 1: invalid JSON"),
        ([b"{}"], {}, "model is not specified"),
        ([b" "], {}, "it has no request"),
        ([said("a", "b"), said("b", "b", model="gemini-2.5-flash")], {}, "the model of all lines must be"),
        ([said("a", "b"), said("b", "b", seed=1)], {}, "Error on line 2: invalid JSON: no such field: 'seed'"),
        ([said("a", "b", messages=[{"role": "robot"}])], {}, "Please use a valid role"),
        ([{**said("a", "b"), "key": "a"}], {}, "no such field: 'key'"),
        ([vector("a", ["a", "b"])], {"endpoint": VECTORS}, "input must be one string in a batch."),
    ],
)
def test_refused_creates(both, lines, fields, message):
    body = {"input_file_id": both.upload(*lines), "endpoint": CHATS, "completion_window": "24h", **fields}
    (refused,) = both.openai(BATCHES, body, status=404 if "supported" in message else 400)
    assert message in refused["error"]["message"]
    assert both.openai(BATCHES)["data"] == []


def test_a_file_that_is_not_there(both):
    body = {"input_file_id": "files/none", "endpoint": CHATS, "completion_window": "24h"}
    both.openai(BATCHES, body, status=403)
