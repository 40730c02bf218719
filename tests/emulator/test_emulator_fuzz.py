"""Whatever is sent, an answer comes: JSON, or the HTML 404, never an exception."""

import dataclasses
import gzip
import json
import re
from datetime import timedelta

from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemctl.emulator import reply_names
from gemctl.emulator.admin import Admin
from gemctl.emulator.agent_messages import AGENT, ListOrOne
from gemctl.emulator.app import App, Request
from gemctl.emulator.batch_messages import CREATE_EMBED, CREATE_GENERATE
from gemctl.emulator.clock import ManualClock, SettableClock
from gemctl.emulator.exact import Choice, Either, Typed
from gemctl.emulator.faults import KINDS
from gemctl.emulator.file_search_messages import IMPORT, STORE, UPLOAD
from gemctl.emulator.generation_messages import GENERATION_CONFIG
from gemctl.emulator.interaction_contents import CONTENT as SAID
from gemctl.emulator.interaction_contents import INPUT, STEP
from gemctl.emulator.interaction_messages import CREATE
from gemctl.emulator.knobs import NAMES
from gemctl.emulator.live_messages import AUTH_TOKEN
from gemctl.emulator.messages import CONTENT, SCHEMA
from gemctl.emulator.openai_shapes import BATCH, CHAT, EMBEDDINGS, IMAGES
from gemctl.emulator.scripted import Rule
from gemctl.emulator.seeds import COLLECTIONS
from gemctl.emulator.shapes import ListOf, MapOf, Message, snake
from gemctl.emulator.surfaces import credentials, everything, files, webhooks
from gemctl.emulator.tool_messages import CACHED_CONTENT, COUNT_TOKENS, EMBED_REQUEST, GENERATE_REQUEST, TOOL
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
                "interactions",
                "fileSearchStores",
                "fileSearchStores/a/documents",
                "fileSearchStores/a/upload/operations",
                "openai/chat/completions",
                "openai/models",
                "openai/batches",
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
                ":importFile",
                ":uploadToFileSearchStore",
                "/abc",
                "/abc:download",
                "/abc:cancel",
                "/abc/cancel",
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
        st.sampled_from(
            ["key", "pageSize", "page_token", "pageToken", "updateMask", "upload_id", "alt", "force", "stream", "x"]
        ),
        st.one_of(st.text(max_size=8), st.sampled_from(["media", "true"])),
    ),
    max_size=3,
)
_KEYS_OF_CALLERS = st.dictionaries(
    st.sampled_from(["x-goog-api-key", "authorization"]), st.text(max_size=4) | st.just("Bearer k"), max_size=2
)
_METHODS = st.one_of(st.sampled_from(["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD"]), st.text(max_size=4))


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_METHODS, _PATHS, _QUERY, _KEYS_OF_CALLERS, _BODIES)
def test_anything(method, path, query, headers, body):
    app = App()
    response = app.handle(Request(method, path, tuple(query), headers, body))
    assert not app.bugs
    assert "Date" in response.headers
    if response.status == 404 and response.headers["Content-Type"].startswith("text/html"):
        return
    answer = json.loads(response.body)
    if response.status != 200:
        answer = answer[0] if isinstance(answer, list) else answer
        assert answer["error"]["code"] == response.status or isinstance(answer["error"]["code"], str)
        assert 400 <= response.status < 500


# Every method of the API, with bodies that are almost right: of the message's own fields, and most of the right kind.

_GOOD = {
    "TYPE_STRING": st.sampled_from(
        ["models/gemini-2.5-flash", "a", "files/a", "cachedContents/a", "text/plain", "user"]
    ),
    "TYPE_BOOL": st.booleans(),
    "TYPE_INT32": st.integers(-1, 3),
    "TYPE_INT64": st.integers(-1, 3).map(str),
    "TYPE_DOUBLE": st.floats(-1, 2),
    "TYPE_BYTES": st.sampled_from(["", "YQ==", "-_"]),
    "type.googleapis.com/google.protobuf.Timestamp": st.sampled_from(["2026-01-01T10:00:00Z", "2026-01-01T00:00:00Z"]),
    "type.googleapis.com/google.protobuf.Duration": st.sampled_from(["1s", "300s", "0s", "-1s"]),
}


def _almost(kind, depth=0):
    if isinstance(kind, Message):
        if depth > 4:
            return st.just({})
        fields = {name if name in kind._fields else proto: each for name, proto, each in kind._fields.values()}
        some = st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True) if fields else st.just([])
        good = some.flatmap(
            lambda names: st.fixed_dictionaries({name: _almost(fields[name], depth + 1) for name in names})
        )
    elif isinstance(kind, ListOf):
        good = st.lists(_almost(kind.item, depth + 1), max_size=2)
    elif isinstance(kind, MapOf):
        good = st.dictionaries(st.text(max_size=2), _almost(kind.item, depth + 1), max_size=2)
    elif isinstance(kind, Either):
        good = st.one_of(_almost(each, depth + 1) for each in (kind.text, kind.other, kind.many) if each is not None)
    elif isinstance(kind, Choice):
        good = st.sampled_from(kind.words)
    elif isinstance(kind, ListOrOne):
        good = st.one_of(_almost(kind.item, depth + 1), st.lists(_almost(kind.item, depth + 1), max_size=2))
    elif isinstance(kind, Typed):
        good = st.sampled_from(sorted(kind.messages)).flatmap(
            lambda name: _almost(kind.messages[name], depth + 1).map(
                lambda value: {**value, "type": name} if isinstance(value, dict) else value
            )
        )
    elif kind is INPUT:
        texts = st.sampled_from(
            ["a", "[[emulator: call a]]", "[[emulator: cut]]", "[[emulator: interaction continues]]"]
        )
        said = texts.map(lambda text: [{"type": "text", "text": text}])
        good = st.one_of(texts, said, *(st.lists(_almost(each, depth + 1), max_size=2) for each in (SAID, STEP)))
    else:
        good = _GOOD.get(kind.kind, _LEAVES)
    return st.integers(0, 19).flatmap(lambda chance: good if chance else _LEAVES)


_PARTS = st.sampled_from(
    [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,YQ=="}},
        {"type": "image_url", "image_url": {"url": 1}},
        {"type": "input_audio", "input_audio": {"data": 1, "format": []}},
        {"type": ["text"]},
        "a",
    ]
)
_CALLS_OF_FUNCTIONS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(["1", 1, ["1"]]),
            "function": st.sampled_from([{"name": "a", "arguments": "{}"}, {"name": 1, "arguments": [1]}, "a"]),
            "extra_content": st.sampled_from([{"google": {"thought_signature": "YQ=="}}, {"google": [1]}, "a"]),
        },
    )
    | _LEAVES,
    max_size=2,
)
_SAID = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool", "model", ["user"]])},
    optional={
        "content": st.one_of(
            _LEAVES, st.sampled_from(["a", "[[emulator: call a]]", "{}"]), st.lists(_PARTS, max_size=2)
        ),
        "tool_calls": _CALLS_OF_FUNCTIONS | _LEAVES,
        "tool_call_id": st.sampled_from(["1", 1, {}]),
        "name": st.sampled_from(["a", 1, {}]),
    },
)


def _almost_a_chat():
    asked = {"role": "user", "content": "[[emulator: call a]]"}
    return st.tuples(_almost(CHAT), st.lists(_SAID, max_size=2)).map(
        lambda pair: (
            {"model": "gemini-2.5-flash", **pair[0], "messages": [asked, *pair[1]]}
            if isinstance(pair[0], dict)
            else pair[0]
        )
    )


_SHAPE_OF = {
    ":chatCompletions": CHAT,
    "chat/completions": CHAT,
    "embeddings": EMBEDDINGS,
    "openai/batches": BATCH,
    "openai/chat/completions": CHAT,
    "openai/embeddings": EMBEDDINGS,
    "openai/images/generations": IMAGES,
    "cachedContents": CACHED_CONTENT,
    "cachedContents/{id}": CACHED_CONTENT,
    "auth_tokens": AUTH_TOKEN,
    "files": files.CREATE,
    "fileSearchStores": STORE,
    "fileSearchStores/{id}:importFile": IMPORT,
    "fileSearchStores/{id}:uploadToFileSearchStore": UPLOAD,
    "interactions": CREATE,
    "models/{id}:countTokens": COUNT_TOKENS,
    "models/{id}:generateContent": GENERATE_REQUEST,
    "models/{id}:streamGenerateContent": GENERATE_REQUEST,
    "models/{id}:embedContent": EMBED_REQUEST,
    "models/{id}:batchEmbedContents": Message("", lambda: {"requests": ListOf(EMBED_REQUEST)}),
    "models/{id}:batchGenerateContent": CREATE_GENERATE,
    "models/{id}:asyncBatchEmbedContent": CREATE_EMBED,
    "agents": AGENT,
    "credentials": credentials.CREATE["bearer_token"],
    "credentials/{id}": credentials.UPDATE["bearer_token"],
    "webhooks": webhooks.CREATE,
    "webhooks/{id}": webhooks.UPDATE,
    "webhooks/{id}:rotateSigningSecret": webhooks.ROTATE,
}


def _almost_of(shape):
    return _JSON if shape is None else _almost_a_chat() if shape is CHAT else _almost(shape)


_ROUTES = [route for surface in everything() for route in surface.routes]
_CALLS = st.sampled_from(_ROUTES).flatmap(
    lambda route: st.tuples(
        st.just(route), st.sampled_from(["gemini-2.5-flash", "gemini-embedding-001", "a", "a", "b"]), _QUERY,
        _almost_of(_SHAPE_OF.get(route.template)),
    )
)  # fmt: skip


def _app_with_one_of_each():
    clock = ManualClock()
    app = App(World(now=clock), min_cache_tokens=1)
    assert app.effects == []  # brings the world to the present
    with app.world.turn():
        blob = app.world.blobs.new()
        app.world.blobs.append(blob, b'{"key":"a","request":{"contents":[{"parts":[{"text":"a"}]}]}}')
        files.make_generated(app.world, app.world.blobs, "emulated-project", "files/a", blob, "text/plain", "")
        kept = {"model": "models/gemini-2.5-flash", "displayName": "", "tokens": 5}
        app.world.create("cachedContents", "emulated-project", kept, name="cachedContents/a", expires=2**62)
        kept = {"model": "models/gemini-embedding-001", "displayName": ""}
        app.world.create("fileSearchStores", "emulated-project", kept, name="fileSearchStores/a")
        signed_in = {"type": "bearer_token", "token": "t", "status": "active"}
        app.world.create("credentials", "emulated-project", signed_in, name="credentials/a")
        secrets = [{"secret": "whsec_YQ==", "expires": None}]
        hook = {"uri": "https://a.b/", "subscribedEvents": ["batch.succeeded"], "state": "enabled", "secrets": secrets}
        app.world.create("agents", "emulated-project", {"base_agent": "x"}, name="agents/a")
        app.world.create("webhooks", "emulated-project", {**hook, "displayName": ""}, name="webhooks/a")
    for path, body in (("uploadToFileSearchStore", {"displayName": "a"}), ("importFile", {"fileName": "files/a"})):
        made = Request("POST", f"/v1/fileSearchStores/a:{path}", (), {"x-goog-api-key": "k"}, json.dumps(body).encode())
        assert app.handle(made).status == 200
    body = {"model": "gemini-2.5-flash", "input": "a", "background": True}
    made = Request("POST", "/v1/interactions", (), {"x-goog-api-key": "k"}, json.dumps(body).encode())
    assert app.handle(made).status == 200
    return app, clock


_ELSEWHERE = (
    r"/v1beta/(agents|credentials|interactions|openai|triggers|webhooks)\b"  # whose fields are not Google's usual
)


def _paths_in(value, above=()):
    """The names that lead to each field of an answer, in snake_case."""
    if isinstance(value, list):
        for item in value:
            yield from _paths_in(item, above)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield (*above, snake(name))
            yield from _paths_in(item, (*above, snake(name)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_CALLS, min_size=1, max_size=3))
def test_every_method_with_almost_the_right_body(calls):
    app, clock = _app_with_one_of_each()
    for route, own, query, body in calls:
        inner = [row.name.rpartition("/")[2] for row in app.world.objects("fileSearchStores/a/documents")]
        known = {"{id}": own, "{document}": inner[0] if inner else own, "{operation}": inner[-1] if inner else own}
        if route.template.startswith("interactions/") and own == "a" and (begun := app.world.objects("interactions")):
            known["{id}"] = begun[0].name.partition("/")[2]
        template = "".join(known.get(piece, piece) for piece in re.split(r"(\{\w+\})", route.template))
        version = "/".join(filter(None, [route.prefix, "v1beta"]))
        path = f"/{version}{template if template.startswith(':') else f'/{template}'}"
        key = {"authorization": "Bearer k"} if route.bearer else {"x-goog-api-key": "k"}
        query = [pair for pair in query if not (route.bearer and pair[0] == "key")]
        request = Request(route.method, path, tuple(query), key, json.dumps(body).encode())
        response = app.handle(request)
        assert not app.bugs
        assert response.status < 500 or response.status == 501
        if response.stream is not None and response.stream.length is None:
            for piece in response.pieces():
                clock.advance(0.1 if isinstance(piece, float) else 0)
        elif response.headers["Content-Type"].startswith("application/json"):
            said = json.loads(response.body)
            said = said[0] if isinstance(said, list) else said
            assert ("error" in said) == (response.status != 200) or "batches" in path
            if response.status == 200 and not re.match(_ELSEWHERE, path):  # what an answer has can be asked for
                assert [each for each in _paths_in(said) if not reply_names.known(each)] == []
        clock.advance(2)
    # Whatever was made can be listed, and comes to its end.
    for collection in ("cachedContents", "files", "batches", "fileSearchStores", "credentials", "webhooks", "agents"):
        listed = app.handle(Request("GET", f"/v1/{collection}", (), {"x-goog-api-key": "k"}))
        assert listed.status == 200
    assert not app.bugs


_KNOBS = st.dictionaries(
    st.sampled_from([*NAMES, "advance", "to", "still", "seed", "x"]),
    st.one_of(
        _LEAVES,
        st.lists(st.dictionaries(st.sampled_from(["kind", "nth", "path", "status", "delay", "retry_delay", "headers"]),
                                 _LEAVES | st.sampled_from([*KINDS, "(", 429]), max_size=4), max_size=2),
        st.dictionaries(st.text(max_size=3), _LEAVES, max_size=2),
        st.integers(0, 5),
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["", "/clock", "/reset", "/answers", "/effects", "/requests", "/seed", "/snapshot", "/x"]),
    st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"]),
    st.one_of(_KNOBS.map(lambda value: json.dumps(value).encode()), _BODIES),
    st.lists(
        st.tuples(
            st.sampled_from(["last", "method", "path", "status", "after", "since", "secrets"]),
            st.one_of(st.integers().map(str), st.text(max_size=3)),
        ),
        max_size=2,
    ),
)
def test_the_admin_door_takes_anything(path, method, body, query):
    clock = SettableClock(ManualClock())
    app = App(World(now=clock))
    admin = Admin(app, clock)
    before = admin.handle(Request("GET", "/emulator"))
    response = admin.handle(Request(method, f"/emulator{path}", tuple(query), {}, body))
    assert response.status in (200, 400, 404, 405)
    after = admin.handle(Request("GET", "/emulator"))
    assert after.status == 200 and not app.bugs
    if response.status != 200 or method == "GET":
        assert after.body == before.body
    assert app.handle(Request("GET", "/v1/models", (), {"x-goog-api-key": "k"})).status >= 0
    assert not app.bugs


_SEEDED = st.dictionaries(
    st.one_of(_KEYS, st.sampled_from(["$as", "$age", "$text", "$state", "$method", "$ref", "documents", "fileName"])),
    st.one_of(
        _LEAVES,
        st.sampled_from(["1h", "RUNNING", "a", "gemini-2.5-flash", "gemini-embedding-001", "asyncBatchEmbedContent"]),
        st.sampled_from([{"$ref": "a"}, {"$ref": "a.uri"}, {"$in": "1h"}]),
        _JSON,
        st.lists(st.dictionaries(st.sampled_from(["$text", "displayName", "$age"]), _LEAVES, max_size=2), max_size=2),
    ),
    max_size=4,
)
_SEEDS = st.dictionaries(st.sampled_from([*COLLECTIONS, "x"]), st.lists(_SEEDED, max_size=2), max_size=4)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SEEDS)
def test_a_seed_is_made_or_told_where_it_is_wrong(seed):
    app = App(World(now=(clock := SettableClock(ManualClock(), still=True))))
    said = Admin(app, clock).handle(Request("POST", "/emulator/seed", (), {}, json.dumps(seed).encode()))
    assert not app.bugs
    if said.status != 200:
        assert said.status == 400 and b"line 1, column" in said.body
        assert app.effects == []
    clock.move_to(clock() + timedelta(days=1))
    assert app.effects or not json.loads(said.body).get("made")


_ANSWERS = st.dictionaries(
    st.sampled_from([item.name for item in dataclasses.fields(Rule)]),
    st.one_of(
        _LEAVES,
        st.sampled_from([True, 1, [1], 503, "a", "(", "SAFETY", "STOP", {"promptTokenCount": 3}]),
        st.lists(st.fixed_dictionaries({}, optional={"name": _LEAVES, "code": _LEAVES, "uri": _LEAVES}), max_size=2),
    ),
    max_size=3,
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(_ANSWERS, max_size=2), _almost(GENERATE_REQUEST), st.sampled_from(["gemini-2.5-flash", "gemini-3.8-flash"])
)
def test_any_scripted_answer(rules, request, model):
    """A list of rules is refused, or answers whatever is asked."""
    app = App()
    asked = Request("POST", "/emulator/answers", (), {}, json.dumps({"answers": rules}).encode())
    assert Admin(app).handle(asked).status in (200, 400)
    for path in (f"/v1/models/{model}:generateContent", f"/v1/models/{model}:streamGenerateContent"):
        response = app.handle(Request("POST", path, (), {"x-goog-api-key": "k"}, json.dumps(request).encode()))
        assert b"".join(piece for piece in response.pieces() if isinstance(piece, bytes))
    assert not app.bugs


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


_DOCUMENT_METADATA = st.dictionaries(
    st.sampled_from(["displayName", "mimeType", "mime_type", "customMetadata", "chunkingConfig", "x"]),
    st.one_of(
        _LEAVES, st.sampled_from(["text/plain", "[[emulator: document fails]]", [{"key": "a", "numericValue": 1}]])
    ),
    max_size=3,
)
_UPLOADS = st.one_of(
    st.tuples(st.just("files"), _METADATA.map(lambda file: {"file": file})),
    st.tuples(st.just("fileSearchStores/a:uploadToFileSearchStore"), _DOCUMENT_METADATA),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    _UPLOADS,
    _HEADERS,
    st.lists(st.tuples(st.sampled_from(_WORDS), st.integers(0, 9), _HEADERS, st.binary(max_size=5)), max_size=6),
)
def test_any_upload(upload, odd, steps):
    app, clock = _app_with_one_of_each()

    def ask(method, path, query=(), headers=(), body=b""):
        response = app.handle(Request(method, path, query, {"x-goog-api-key": "k", **dict(headers)}, body))
        assert not app.bugs
        assert response.status < 500
        return response, json.loads(response.body)

    usual = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    path, metadata = upload
    body = json.dumps(metadata).encode()
    begun, _ = ask("POST", f"/upload/v1/{path}", (), {**usual, **odd}, body)
    if "X-Goog-Upload-URL" in begun.headers:  # not if it came whole
        url = begun.headers["X-Goog-Upload-URL"]
        query = (("upload_id", url.partition("upload_id=")[2].partition("&")[0]),)
        for command, offset, headers, data in steps:
            head = {"x-goog-upload-command": command, "x-goog-upload-offset": str(offset), **headers}
            sent, _ = ask("POST", f"/upload/v1/{path}", query, head, data)
            assert sent.headers["X-Goog-Upload-Status"] in ("active", "final", "cancelled")
    ask("POST", f"/v1/{path}", (), (), body)
    clock.advance(5)
    # What was made can be read back and removed, whatever it was made of.
    for collection, key in (("files", "files"), ("fileSearchStores/a/documents", "documents")):
        _, listed = ask("GET", f"/v1/{collection}")
        for item in listed.get(key, []):
            assert ask("GET", f"/v1/{item['name']}")[1] == item
            assert ask("DELETE", f"/v1/{item['name']}", (("force", "true"),))[0].status == 200


_PARTS = st.lists(
    st.sampled_from(
        [b"--b\r\n", b"--b\n", b"\r\n--b--", b"\r\n\r\n", b"Content-Type: text/plain\r\n", b"{}", b"{'file': {}}", b"a"]
    )
    | st.binary(max_size=3),
    max_size=9,
).map(b"".join)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(["files", "fileSearchStores/a:uploadToFileSearchStore"]),
    st.sampled_from(["multipart/related; boundary=b", "multipart/x;boundary=", "text/plain", "", "video/mp4"]),
    st.lists(
        st.tuples(
            st.sampled_from(["uploadType", "file", "file.name", "file.a.b", "displayName", "mimeType"]),
            st.sampled_from(["multipart", "media", "text/plain", "a"]),
        ),
        max_size=3,
    ),
    _PARTS,
)
def test_any_upload_in_one_request(path, kind, query, body):
    app, _ = _app_with_one_of_each()
    before = len(app.effects)
    headers = {"x-goog-api-key": "k", "content-type": kind}
    response = app.handle(Request("POST", f"/upload/v1/{path}", tuple(query), headers, body))
    assert not app.bugs
    assert response.status < 500
    assert (len(app.effects) > before) == (response.status == 200)


_AROUND = st.dictionaries(
    st.sampled_from(["accept-encoding", "content-encoding", "range", "x-goog-fieldmask", "x-http-method-override"]),
    st.one_of(
        st.text(max_size=5),
        st.sampled_from(
            ["gzip", "*;q=0", "bytes=0-", "bytes=-3", "bytes=9-1", "name", "*/a(b)", "GET", "DELETE", "PATCH"]
        ),
    ),
)
_PARAMETERS = st.lists(
    st.tuples(
        st.sampled_from(["alt", "fields", "$fields", "prettyPrint", "$alt", "pageSize", "key", "quotaUser"]),
        st.one_of(
            st.text(st.sampled_from("a*(),./ "), max_size=8),
            st.sampled_from(
                ["media", "sse", "proto", "false", "name", "models(name)", "files/*", "cachedContents.name"]
            ),
        ),
    ),
    max_size=3,
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_METHODS, _PATHS, _PARAMETERS, _AROUND, _BODIES | _BODIES.map(gzip.compress))
def test_any_system_parameters(method, path, query, headers, body):
    app, _ = _app_with_one_of_each()
    response = app.handle(Request(method, path, tuple(query), {"x-goog-api-key": "k", **headers}, body))
    assert not app.bugs
    assert response.status < 500 or response.status == 501
    said = b"".join(piece for piece in response.pieces() if isinstance(piece, bytes))
    if response.headers.get("Content-Encoding") == "gzip":
        said = gzip.decompress(said)
    if response.headers["Content-Type"].startswith("application/json"):
        assert ("error" in json.loads(said)) == (response.status != 200)


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


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SCHEMAS)
def test_any_schema_has_an_answer(schema):
    body = {"contents": [{"parts": [{"text": "a"}]}], "generationConfig": {"responseJsonSchema": schema}}
    app = App()
    path = "/v1/models/gemini-2.5-flash:generateContent"
    response = app.handle(Request("POST", path, (), {"x-goog-api-key": "k"}, json.dumps(body).encode()))
    assert not app.bugs
    assert response.status in (200, 400)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    assert made.status in (200, 400), made.body
    clock.advance(3)
    assert app.effects[-1].kind == ("ended" if made.status == 200 else "created")  # of the file
    assert not app.bugs
