"""What is refused, and in which words: one table."""

import json

import pytest

from gemctl.emulator.app import App, Request
from gemctl.emulator.catalogue import Model

MODEL = "models/gemini-2.5-flash"
LONG = "x" * 5000
SCHEMA_PATH = "tools[0].function_declarations[0].parameters.properties[0].value"


def cache(**fields):
    body = {"model": MODEL, "contents": [{"parts": [{"text": LONG}]}], **fields}
    return {name: value for name, value in body.items() if value is not None}


def parts(*items):
    return {"contents": [{"parts": [{"text": LONG}, *items]}]}


def function(**fields):
    return {"tools": [{"functionDeclarations": [{"name": "f", **fields}]}]}


WRONG = "cached_content.tools[0].function_declarations[0].parameters.properties[a]"
REFUSED_CREATES = {
    "no model": (cache(model=None), "model is required"),
    "model without prefix": (cache(model="gemini-2.5-flash"), "unexpected model name format"),
    "nothing to cache": (cache(contents=None), "is required"),
    "empty contents": (cache(contents=[]), "is required"),
    "no parts": (cache(contents=[{}]), "parts"),
    "a part of nothing": (cache(**parts({"videoMetadata": {}})), "contents[0].parts[1].data"),
    "a part of two things": (cache(**parts({"text": "a", "fileData": {"fileUri": "x"}})), "oneof"),
    "role": (cache(contents=[{"role": "boss", "parts": [{"text": LONG}]}]), "valid role"),
    "system instruction of a file": (
        cache(systemInstruction={"parts": [{"fileData": {"fileUri": "https://x"}}]}), "only text",
    ),
    "bucket": (cache(**parts({"fileData": {"fileUri": "gs://b/o"}})), "Cloud Storage"),
    "file without uri": (cache(**parts({"fileData": {"mimeType": "a/b"}})), "URI is required"),
    "ttl and expireTime": (cache(ttl="60s", expireTime="2027-01-01T00:00:00Z"), "oneof field 'expiration'"),
    "both, in two spellings": (cache(ttl="60s", expire_time="2027-01-01T00:00:00Z"), "oneof"),
    "one field in two spellings": (cache(displayName="a", display_name="b"), "given twice"),
    "ttl in hours": (cache(ttl="1h"), 'at \'ttl\' (type.googleapis.com/google.protobuf.Duration), "1h"'),
    "ttl as a number": (cache(ttl=60), "google.protobuf.Duration"),
    "ttl zero": (cache(ttl="0s"), "positive"),
    "ttl negative": (cache(ttl="-5s"), "positive"),
    "ttl of 9,000 years": (cache(ttl="290000000000s"), "9999"),
    "ttl of more": (cache(ttl="400000000000s"), "Duration"),
    "past": (cache(expireTime="2025-12-31T23:59:59Z"), "future"),
    "now": (cache(expireTime="2026-01-01T00:00:00Z"), "future"),
    "no time zone": (cache(expireTime="2027-01-01T00:00:00"), "Timestamp"),
    "no such day": (cache(expireTime="2027-02-30T00:00:00Z"), "Timestamp"),
    "long display name": (cache(displayName="ü" * 129), "display_name"),
    "display name of a number": (cache(displayName=5), "Invalid value at 'display_name' (TYPE_STRING), 5"),
    "too small": (
        cache(contents=[{"parts": [{"text": "x" * 64}]}]),
        "Cached content is too small. total_token_count=16, min_total_token_count=1024",
    ),
    "too small for pro": (
        cache(model="models/gemini-2.5-pro", contents=[{"parts": [{"text": "x" * 4_092}]}]),
        "total_token_count=1023, min_total_token_count=1024",
    ),
    "too large": (cache(contents=[{"parts": [{"text": "x" * 4_194_308}]}]), "exceeds the maximum"),
    "unknown name": (
        cache(foo=1), 'Invalid JSON payload received. Unknown name "foo": Cannot find field.',
    ),
    "unknown name in a part": (
        cache(**parts({"text": "a", "txt": 1})),
        'Unknown name "txt" at \'contents[0].parts[1]\': Cannot find field.',
    ),
    "unknown name in a schema": (
        cache(**function(parameters={"properties": {"a": {"oneOf": []}}})), f"at '{SCHEMA_PATH}'",
    ),
    "schema type": (
        cache(**function(parameters={"properties": {"a": {"type": "TEXT"}}})), f"at '{SCHEMA_PATH}.type'",
    ),
    "Vertex AI's tool": (cache(tools=[{"retrieval": {}}]), 'Unknown name "retrieval" at \'tools[0]\''),
    "function without a name": (cache(**function(name="")), "name is missing"),
    "two functions of one name": (
        cache(tools=[{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]), "same name",
    ),
    "a text for a list of messages": (cache(contents="x"), "Invalid value at 'contents'"),
    "float": (cache(tools=[{"googleSearchRetrieval": {"dynamicRetrievalConfig": {"dynamicThreshold": 1e39}}}]),
              "TYPE_FLOAT"),
    "text that is no number": (cache(tools=[{"fileSearch": {"topK": " 1"}}]), "TYPE_INT32"),
    "role of an instruction": (cache(contents=[{"role": "system", "parts": [{"text": LONG}]}]), "valid role"),
    "array without items": (
        cache(**function(parameters={"type": "object", "properties": {"a": {"type": "array"}}})),
        f"{WRONG}.items: missing field",
    ),
    "items without array": (
        cache(**function(parameters={"type": "object", "properties": {"a": {"type": "string", "items": {}}}})),
        f"{WRONG}.items: field predicate failed: $type == Type.ARRAY",
    ),
    "properties without object": (
        cache(**function(parameters={"properties": {"a": {"type": "STRING", "properties": {"b": {}}}}})),
        f"{WRONG}.properties: only allowed for OBJECT type",
    ),
    "enum of integers": (
        cache(**function(parameters={"properties": {"a": {"type": "INTEGER", "enum": ["1"]}}})),
        f"{WRONG}.enum: only allowed for STRING type",
    ),
    "empty word in an enum": (
        cache(**function(parameters={"properties": {"a": {"enum": ["x", ""]}}})), f"{WRONG}.enum[1]: cannot be empty",
    ),
    "required and not defined": (
        cache(**function(response={"anyOf": [{"items": {"required": ["a"]}}]})),
        "[0].response.any_of[0].items.required[0]: property is not defined",
    ),
    "a list for an object": (cache(systemInstruction=[]), "Invalid value at 'system_instruction'"),
    "null in a list": (cache(contents=[None]), "Invalid value at 'contents[0]'"),
    "bytes": (cache(**parts({"inlineData": {"data": "@@"}})), "TYPE_BYTES"),
    "int32": (cache(tools=[{"fileSearch": {"topK": 2**31}}]), "TYPE_INT32"),
    "bool": (cache(**parts({"text": "a", "thought": "yes"})), "TYPE_BOOL"),
    "enum": (cache(toolConfig={"functionCallingConfig": {"mode": "SOME"}}), "FunctionCallingConfig.Mode"),
    "struct": (cache(**parts({"functionCall": {"name": "f", "args": []}})), "protobuf.Struct"),
    "lone surrogate": (cache(displayName="\ud800"), "TYPE_STRING"),
    "list body": (b"[]", "must be a JSON object"),
    "text body": (b'"a"', "must be a JSON object"),
    "broken body": (b"{", "cannot be parsed"),
    "not UTF-8": (b'{"displayName":"\xff"}', "cannot be parsed"),
    "NaN": (b'{"displayName":NaN}', "cannot be parsed"),
    "infinite": (b'{"displayName":1e999}', "cannot be parsed"),
    "a number without end": (b'{"ttl":' + b"9" * 10_000 + b"}", "cannot be parsed"),
    "deep": (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper"),
    "very deep": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "cannot be parsed"),
    "empty": (b"", "model is required"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_CREATES)
def test_a_create_is_refused(caller, case):
    body, said = REFUSED_CREATES[case]
    code, status, message = caller.error("POST", "cachedContents", body)
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert said in message
    assert not caller.app.effects


TAKEN = {
    "ttl of fractions": cache(ttl="3.5s"),
    "offset": cache(expireTime="2026-01-01T02:00:00+01:00"),
    "microseconds": cache(expireTime="2026-01-02T00:00:00.123456+00:00"),
    "snake_case": cache(display_name="a", system_instruction={"parts": [{"text": "s"}]}),
    "as the SDK mixes it": cache(**parts({"fileData": {"file_uri": "https://x/f", "mime_type": "text/plain"}})),
    "null is unset": cache(displayName=None) | {"displayName": None, "tools": None, "ttl": None},
    "what only the server sets": cache(name="cachedContents/mine", createTime="2020-01-01T00:00:00Z"),
    "128 characters": cache(displayName="\U0001f600" * 128),
    "tools alone": cache(contents=None, **function(description=LONG)),
    "system alone": cache(contents=None, systemInstruction={"parts": [{"text": LONG}]}),
    "lower-case types": cache(**function(parameters={"type": "object", "properties": {"a": {"type": "string"}}})),
    "free JSON schema": cache(**function(parametersJsonSchema={"oneOf": [{"$ref": "#/x"}], "whatever": 1})),
    "free arguments": cache(**parts({"functionCall": {"name": "f", "args": {"display_name": {"x_y": [1]}}}})),
    "free response": cache(**parts({"functionResponse": {"name": "f", "response": {"no_such": None}}})),
    "numbers as text": cache(**function(parameters={"type": "ARRAY", "items": {}, "maxItems": "5", "minItems": 1})),
    "one for many": cache(contents={"parts": {"text": LONG}}, tools={"googleSearch": {}}),
    "enums in small letters": cache(
        **parts({"fileData": {"fileUri": "https://x/f"}, "mediaResolution": {"level": "media_resolution_high"}}),
        toolConfig={"functionCallingConfig": {"mode": "any"}},
    ),
    "numbers of text and with exponents": cache(tools=[{"fileSearch": {"topK": "4e1"}}, {"fileSearch": {"topK": 4.0}}]),
    "a role in an instruction": cache(systemInstruction={"role": "system", "parts": [{"text": "s"}]}),
    "role function": cache(contents=[{"role": "function", "parts": [{"text": LONG}]}]),
    "role tool": cache(contents=[{"role": "tool", "parts": [{"text": LONG}]}]),
    "single quotes and commas": b"""{'model': 'models/gemini-2.5-flash', "contents": [{role: 'user',
        "parts": [{"text": "it's ,] %s"}, {'text': 'a "b" \\'c\\' \\n',},],},], }"""
    % LONG.encode(),
    "all the tools": cache(
        tools=[
            {"googleSearch": {"timeRangeFilter": {"startTime": "2026-01-01T00:00:00Z"}}},
            {"codeExecution": {}, "urlContext": {}, "googleMaps": {"enableWidget": True}},
            {"fileSearch": {"fileSearchStoreNames": ["s"], "topK": 3}},
            {"computerUse": {"environment": "ENVIRONMENT_BROWSER"}},
            {"mcpServers": [{"name": "m", "streamableHttpTransport": {"url": "u", "timeout": "5s"}}]},
        ],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    ),
    "an image": cache(**parts({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})),
    "a file alone": cache(contents=[{"parts": [{"fileData": {"fileUri": "https://x/files/f"}}]}]),
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_create_is_taken(caller, case):
    reply = caller.json("POST", "cachedContents", TAKEN[case])
    assert reply["name"] != "cachedContents/mine"
    assert set(reply) == {
        "name", "model", "createTime", "updateTime", "expireTime", "displayName", "usageMetadata",
    }  # fmt: skip


def test_nanoseconds_of_an_expiry_survive(caller):
    assert caller.create(expireTime="2026-01-02T00:00:00.123456789Z")["expireTime"].endswith(".123456789Z")


def test_unknown_names_are_all_reported_with_their_paths(caller):
    body = cache(a=1, systemInstruction={"b": 2, "parts": [{"text": "s"}]})
    response = caller.ask("POST", "cachedContents", body)
    error = json.loads(response.body)["error"]
    lines = error["message"].splitlines()
    assert len(lines) == 2
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [
                {"description": lines[0]},
                {"field": "system_instruction", "description": lines[1]},
            ],
        }
    ]


@pytest.mark.parametrize(
    "model", ["models/none", "models/", "publishers/google/models/gemini-2.5-flash", "models/gemini-embedding-001"]
)
def test_models_that_cannot_be_cached_are_not_found(caller, model):
    code, status, message = caller.error("POST", "cachedContents", cache(model=model))
    assert (code, status) == (404, "NOT_FOUND")
    assert message.startswith(f"{model} is not found for API version v1beta, or is not supported for")


REFUSED_PATCHES = {
    "nothing": ({}, {}),
    "only a name": ({"name": "x"}, {}),
    "display name": ({"displayName": "x"}, {}),
    "display name with an expiry": ({"ttl": "5s", "display_name": "x"}, {}),
    "unknown": ({"ttl": "5s", "x": 1}, {}),
    "both": ({"ttl": "5s", "expireTime": "2027-01-01T00:00:00Z"}, {}),
    "past": ({"expireTime": "2025-01-01T00:00:00Z"}, {}),
    "zero": ({"ttl": "0s"}, {}),
    "mask of a name": ({"ttl": "5s"}, {"updateMask": "displayName"}),
    "mask of everything": ({"ttl": "5s"}, {"updateMask": "*"}),
    "mask of the other": ({"ttl": "5s"}, {"updateMask": "expireTime"}),
}


@pytest.mark.parametrize("case", REFUSED_PATCHES)
def test_a_patch_is_refused(caller, case):
    body, query = REFUSED_PATCHES[case]
    made = caller.create()
    assert caller.error("PATCH", made["name"], body, query=query)[:2] == (400, "INVALID_ARGUMENT")
    assert caller.json("GET", made["name"]) == made


@pytest.mark.parametrize(
    ("body", "mask"),
    [
        ({"ttl": "7200s", "name": "cachedContents/other"}, None),
        ({"ttl": "7200s"}, "ttl"),
        ({"expire_time": "2026-01-01T02:00:00Z"}, "expire_time"),
        ({"expireTime": "2026-01-01T02:00:00Z"}, "expireTime"),
        ({"ttl": "7200s"}, "expiration"),
    ],
)
def test_a_patch_is_taken(caller, body, mask):
    made = caller.create()
    query = {"updateMask": mask} if mask else {}
    assert caller.json("PATCH", made["name"], body, query=query)["expireTime"] == "2026-01-01T02:00:00.000000000Z"


@pytest.mark.parametrize("collection", ["cachedContents", "models"])
@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": "-1"}, {"pageSize": "many"}, {"pageSize": "1.5"}, {"page_size": "99999999999"},
        {"pageSize": "\uff11"}, {"pageToken": "!"}, {"pageToken": "YWJj"}, {"pageToken": "\u00fc"},
        {"pageToken": "bW9kZWxzOjE6YzJiNWEzOGYx"},
    ],
)  # fmt: skip
def test_a_page_is_refused(caller, collection, query):
    assert caller.error("GET", collection, query=query)[:2] == (400, "INVALID_ARGUMENT")


def test_a_token_belongs_to_its_list(caller):
    token = caller.json("GET", "models", query={"pageSize": "1"})["nextPageToken"]
    assert caller.error("GET", "cachedContents", query={"pageToken": token})[0] == 400


def test_page_sizes(caller):
    for _ in range(60):
        caller.create()
    assert len(caller.names()) == 50
    assert len(caller.names(query={"pageSize": "0"})) == 50
    assert len(caller.names(query={"pageSize": "5000"})) == 60


def test_the_newest_comes_first_within_one_instant(caller):
    made = [caller.create()["name"] for _ in range(5)]
    assert caller.names() == made[::-1]


def test_keys(make):
    app = make(keys={"a": "one", "b": "two"})
    mine = app.json("POST", "cachedContents", cache(), key="a")["name"]
    assert app.ask("GET", mine, key="a").status == 200
    assert app.error("GET", mine, key="b")[0] == 403
    assert app.names(key="b") == []
    assert app.error("DELETE", mine, key="b")[0] == 403

    response = app.ask("GET", "models", key="c")
    error = json.loads(response.body)["error"]
    assert response.status == 400
    assert error["message"] == "API key not valid. Please pass a valid API key."
    assert error["details"][0] == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }


def test_a_key_that_looks_real_is_refused_and_not_repeated(make):
    for key in ("AIza" + "B" * 35, "AQ." + "Ab8-_" * 10):
        response = make().ask("GET", "models", key=key)
        assert response.status == 400, key
        assert b"emulator" in response.body
        assert key.encode() not in response.body
        assert make(allow_real_keys=True).ask("GET", "models", key=key).status == 200


def test_other_credentials(make):
    assert make().error("GET", "models", key="auth_tokens/abc")[0] == 403
    bearer = App().handle(Request("GET", "/v1/models", (), {"authorization": "Bearer x"}))
    assert bearer.status == 401


def test_keys_are_kept_nowhere(caller):
    caller.create()
    caller.app.handle(Request("GET", "/v1/cachedContents", (("key", "sesame"), ("pageSize", "1")), {}))
    seen = caller.app.requests
    assert seen[-1].query == (("pageSize", "1"),)
    assert "sesame" not in repr(seen)
    assert "some-key" not in repr(seen) + repr(caller.app.effects)
    assert [item.status for item in seen] == [200, 200]
    assert seen[0].json["model"] == MODEL


def test_effects_say_what_happened(caller):
    made = caller.create(displayName="d")
    effect = caller.app.effects[0]
    assert (effect.seq, effect.kind, effect.collection, effect.name) == (1, "created", "cachedContents", made["name"])
    assert (effect.display_name, effect.model, effect.method) == ("d", MODEL, "POST")
    assert effect.expire_time is not None
    assert len(effect.digest) == 64
    assert effect.key


def test_the_least_size_is_configurable(make):
    small = cache(contents=[{"parts": [{"text": "x"}]}])
    assert make(min_cache_tokens=1).ask("POST", "cachedContents", small).status == 200
    own = make(min_cache_tokens={"gemini-2.5-flash": 5})
    assert "min_total_token_count=5" in own.error("POST", "cachedContents", small)[2]
    mine = make(catalogue=[Model("mine", "1", "Mine", "A model.")])
    assert mine.json("GET", "models")["models"][0]["name"] == "models/mine"


def test_quota(make):
    app = make(requests_per_minute=2)
    app.clock.advance(15)
    assert [app.ask("GET", "models").status for _ in range(3)] == [200, 200, 429]
    response = app.ask("GET", "models")
    error = json.loads(response.body)["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert error["message"].startswith("You exceeded your current quota, please check your plan and billing")
    assert [item["@type"].rpartition(".")[2] for item in error["details"]] == ["QuotaFailure", "Help", "RetryInfo"]
    assert error["details"][2]["retryDelay"] == "45s"
    assert response.headers["Retry-After"] == "45"
    app.clock.advance(45)
    assert app.ask("GET", "models").status == 200


def test_count_tokens(caller):
    path = "models/gemini-2.5-flash:countTokens"
    contents = [{"parts": [{"text": "x" * 9}]}]
    assert caller.json("POST", path, {"contents": contents}) == {
        "totalTokens": 3,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
    }
    whole = {"model": MODEL, "contents": contents, "systemInstruction": {"parts": [{"text": "y" * 8}]}}
    assert caller.json("POST", path, {"generateContentRequest": whole})["totalTokens"] == 5
    made = caller.create()["name"]
    cached = {"model": MODEL, "contents": contents, "cachedContent": made}
    assert caller.json("POST", path, {"generate_content_request": cached}) == {
        "totalTokens": 1253,
        "cachedContentTokenCount": 1250,
        "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 1250}],
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
    }
    cached["systemInstruction"] = whole["systemInstruction"]
    assert "can not be used with" in caller.error("POST", path, {"generateContentRequest": cached})[2]
    assert caller.error("POST", path, {})[0] == 400
    assert caller.error("POST", "models/none:countTokens", {"contents": contents})[0] == 404


def test_models(caller):
    names = [model["name"] for model in caller.json("GET", "models", query={"pageSize": "1000"})["models"]]
    paged, query = [], {"pageSize": "5"}
    while True:
        page = caller.json("GET", "models", query=query)
        paged += [model["name"] for model in page["models"]]
        if "nextPageToken" not in page:
            break
        query["pageToken"] = page["nextPageToken"]
    assert paged == names
    assert MODEL in names
    assert caller.json("GET", MODEL)["inputTokenLimit"] == 1_048_576
    code, status, message = caller.error("GET", "models/none")
    assert (code, status) == (404, "NOT_FOUND")
    assert message.startswith("models/none is not found for API version v1beta, or is not supported for")
