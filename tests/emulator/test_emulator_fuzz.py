"""Whatever is sent, an answer comes: JSON, or the HTML 404, never an exception."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemctl.emulator.app import App, Request
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.generation_messages import GENERATION_CONFIG
from gemctl.emulator.live_messages import AUTH_TOKEN
from gemctl.emulator.messages import CONTENT, SCHEMA
from gemctl.emulator.surfaces import files
from gemctl.emulator.tool_messages import CACHED_CONTENT, EMBED_REQUEST, GENERATE_REQUEST, TOOL
from gemctl.emulator.world import World

_SHAPES = (CACHED_CONTENT, CONTENT, TOOL, GENERATE_REQUEST, EMBED_REQUEST, GENERATION_CONFIG, AUTH_TOKEN)
_NAMES = sorted({name for shape in _SHAPES for name in shape._fields})
_KEYS = st.one_of(st.sampled_from([*_NAMES, "text", "parts", "fileData", "inlineData", "data"]), st.text(max_size=5))
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["models/gemini-2.5-flash", "300s", "-1s", "2027-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"]),
)  # fmt: skip
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=20
)
_BODIES = st.one_of(
    st.binary(max_size=30),
    _JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(_KEYS, _JSON, max_size=5).map(
        lambda extra: json.dumps(
            {"model": "models/gemini-2.5-flash", "contents": [{"parts": [{"text": "x" * 4096}]}], **extra}
        ).encode()
    ),
)
_PATHS = st.one_of(
    st.text(max_size=20),
    st.builds(
        "{}/{}{}{}".format,
        st.sampled_from(["", "/v1", "/v1beta", "/upload/v1", "/download/v1", "/v1alpha", "//v1", "v1"]),
        st.sampled_from(
            [
                "cachedContents",
                "models",
                "models/gemini-2.5-flash",
                "models/gemini-embedding-001",
                "models/a",
                "",
                "files",
                "batches",
                "auth_tokens",
            ]
        ),
        st.sampled_from(
            [
                "",
                "/",
                ":",
                ":countTokens",
                ":generateContent",
                ":embedContent",
                ":batchGenerateContent",
                ":asyncBatchEmbedContent",
                ":register",
                "/abc",
                "/abc:download",
                "/abc:cancel",
                "/%ff%00",
                "/a:b",
                "/%",
            ]
        ),
        st.sampled_from(["", "/", "?", "#"]),
    ),
)
_QUERY = st.lists(
    st.tuples(
        st.sampled_from(["key", "pageSize", "page_token", "pageToken", "updateMask", "upload_id", "alt", "x"]),
        st.one_of(st.text(max_size=8), st.just("media")),
    ),
    max_size=3,
)
_METHODS = st.one_of(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]), st.text(max_size=4))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_METHODS, _PATHS, _QUERY, st.dictionaries(st.sampled_from(["x-goog-api-key"]), st.text(max_size=4)), _BODIES)
def test_anything(method, path, query, headers, body):
    app = App()
    response = app.handle(Request(method, path, tuple(query), headers, body))
    assert not app.bugs
    assert "Date" in response.headers
    if response.status == 404 and response.headers["Content-Type"].startswith("text/html"):
        return
    answer = json.loads(response.body)
    if response.status != 200:
        assert answer["error"]["code"] == response.status
        assert 400 <= response.status < 500


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_BODIES)
def test_any_body(body):
    app = App()
    for method, path in [("POST", "cachedContents"), ("POST", "models/gemini-2.5-flash:countTokens")]:
        response = app.handle(Request(method, f"/v1beta/{path}", (), {"x-goog-api-key": "k"}, body))
        assert not app.bugs
        json.loads(response.body)
    # What was made can be read back, whatever it was made of.
    listed = json.loads(app.handle(Request("GET", "/v1/cachedContents", (), {"x-goog-api-key": "k"})).body)
    for cache in listed.get("cachedContents", []):
        assert cache["usageMetadata"]["totalTokenCount"] >= 1024


_WORDS = ["resumable", "raw", "start", "upload", "finalize", "upload, finalize", "query", "cancel", "0", "1", "4"]
_HEADERS = st.dictionaries(
    st.sampled_from(["protocol", "command", "offset", "header-content-length", "header-content-type"]).map(
        "x-goog-upload-{}".format
    ),
    st.one_of(st.sampled_from([*_WORDS, "text/plain", "video/mp4"]), st.text(max_size=6)),
)
_METADATA = st.dictionaries(
    st.sampled_from(["name", "displayName", "mimeType", "sizeBytes", "sha256Hash", "state", "error", "x"]),
    st.one_of(_LEAVES, st.sampled_from(["files/a", "files/b-c", "text/plain"])),
    max_size=3,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _METADATA,
    _HEADERS,
    st.lists(st.tuples(st.sampled_from(_WORDS), st.integers(0, 9), _HEADERS, st.binary(max_size=5)), max_size=6),
)
def test_any_upload(metadata, odd, steps):
    app = App()

    def ask(method, path, query=(), headers=(), body=b""):
        response = app.handle(Request(method, path, query, {"x-goog-api-key": "k", **dict(headers)}, body))
        assert not app.bugs
        assert response.status < 500
        return response, json.loads(response.body)

    usual = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    body = json.dumps({"file": metadata}).encode()
    begun, _ = ask("POST", "/upload/v1/files", (), {**usual, **odd}, body)
    if begun.status == 200:
        url = begun.headers["X-Goog-Upload-URL"]
        query = (("upload_id", url.partition("upload_id=")[2].partition("&")[0]),)
        for command, offset, headers, data in steps:
            head = {"x-goog-upload-command": command, "x-goog-upload-offset": str(offset), **headers}
            sent, _ = ask("POST", "/upload/v1/files", query, head, data)
            assert sent.headers["X-Goog-Upload-Status"] in ("active", "final", "cancelled")
    ask("POST", "/v1/files", (), (), body)
    _, listed = ask("GET", "/v1/files")
    # What was made can be read back and removed, whatever it was made of.
    for file in listed.get("files", []):
        assert ask("GET", f"/v1/{file['name']}")[1] == file
        assert ask("DELETE", f"/v1/{file['name']}")[0].status == 200


_SCHEMA_KEYS = st.sampled_from([*SCHEMA._fields, "$ref", "$defs", "allOf", "oneOf", "const"])
_SCHEMAS = st.recursive(
    st.one_of(_LEAVES, st.sampled_from(["object", "array", "STRING", "integer", "#", "#/$defs/a", "#/properties/a"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_SCHEMA_KEYS, inner, max_size=4)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=20,
)
_CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "responseJsonSchema": _SCHEMAS,
        "responseMimeType": st.sampled_from(["application/json", "text/x.enum", "text/plain", "x"]),
        "candidateCount": st.integers(-2, 10),
        "maxOutputTokens": st.integers(-2, 10),
        "responseModalities": st.lists(st.sampled_from(["TEXT", "IMAGE", "AUDIO", "MODALITY_UNSPECIFIED"])),
    },
)
_REQUESTS = st.fixed_dictionaries(
    {"contents": st.just([{"parts": [{"text": "a"}]}])},
    optional={"generationConfig": _CONFIGS, "cachedContent": st.text(max_size=5), "outputDimensionality": _LEAVES},
)
_LINES = st.one_of(st.binary(max_size=20), st.fixed_dictionaries({"key": st.text(max_size=3), "request": _REQUESTS}))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_REQUESTS | _JSON, max_size=4), st.text(max_size=10), st.integers(0, 5))
def test_any_batch_comes_to_an_end(requests, name, patience):
    """Inline requests of any kind: refused at once, or answered one by one."""
    clock = ManualClock()
    app = App(World(now=clock))
    items = [{"request": request} for request in requests]
    body = {"batch": {"displayName": name, "inputConfig": {"requests": {"requests": items}}}}
    for path in ("gemini-2.5-flash:batchGenerateContent", "gemini-embedding-001:asyncBatchEmbedContent"):
        made = app.handle(
            Request("POST", f"/v1beta/models/{path}", (), {"x-goog-api-key": "k"}, json.dumps(body).encode())
        )
        assert made.status in (200, 400)
        if made.status == 400:
            continue
        clock.advance(patience)
        path = f"/v1beta/{json.loads(made.body)['name']}"
        app.handle(Request("POST", f"{path}:cancel", (), {"x-goog-api-key": "k"}))
        ended = json.loads(app.handle(Request("GET", path, (), {"x-goog-api-key": "k"})).body)
        assert ended["done"]
        if "error" not in ended:
            assert len(ended["response"]["inlinedResponses"]["inlinedResponses"]) == len(requests)
    assert not app.bugs


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SCHEMAS)
def test_any_schema_has_an_answer(schema):
    body = {"contents": [{"parts": [{"text": "a"}]}], "generationConfig": {"responseJsonSchema": schema}}
    app = App()
    path = "/v1/models/gemini-2.5-flash:generateContent"
    response = app.handle(Request("POST", path, (), {"x-goog-api-key": "k"}, json.dumps(body).encode()))
    assert not app.bugs
    assert response.status in (200, 400)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_LINES, max_size=5))
def test_any_file_comes_to_an_end(lines):
    clock = ManualClock()
    app = App(World(now=clock))
    data = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    assert app.effects == []  # brings the world to the present
    with app.world.turn():
        blob = app.world.blobs.new()
        app.world.blobs.append(blob, data)
        files.make_generated(app.world, app.world.blobs, "emulated-project", "files/a", blob, "text/plain", "")
    body = b'{"batch":{"inputConfig":{"fileName":"files/a"}}}'
    path = "/v1/models/gemini-2.5-flash:batchGenerateContent"
    made = app.handle(Request("POST", path, (), {"x-goog-api-key": "k"}, body))
    assert made.status == 200, made.body
    clock.advance(3)
    assert app.effects[-1].kind == "ended"
    assert not app.bugs
