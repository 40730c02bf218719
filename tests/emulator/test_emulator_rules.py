"""Requests of the right shape that make no sense are refused, in a call and as items of a batch. And loose JSON."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.emulator.app import App, Request
from gemctl.emulator.catalogue import MODELS
from gemctl.emulator.routing import parse, strict
from gemctl.emulator.wire import Refusal

FLASH, EMBEDDING = "models/gemini-2.5-flash", "models/gemini-embedding-001"
TEXT = {"parts": [{"text": "a"}]}
FUNCTIONS = [{"functionDeclarations": [{"name": "f"}]}]
SEARCH = [{"googleSearch": {}}]


def thinking(**config):
    return {"generationConfig": {"thinkingConfig": config}}


def calling(tools, *, settings=None, **config):
    return {"tools": tools, "toolConfig": {"functionCallingConfig": config, **(settings or {})}}


REFUSED = [
    ({"contents": [{"parts": [{"fileData": {"fileUri": "gs://b/o"}}]}]}, "Cloud Storage URIs are not supported"),
    ({"contents": [{"role": "boss", **TEXT}]}, "Please use a valid role: user, model."),
    (thinking(thinkingBudget=0, thinkingLevel="low"), "only one of thinking budget and thinking level"),
    (calling(SEARCH, mode="ANY"), "Function calling config is set without function_declarations."),
    (calling(SEARCH, mode="AUTO"), "Function calling config is set without function_declarations."),
    (calling([]), "Function calling config is set without function_declarations."),
    (calling(FUNCTIONS, mode="AUTO", allowedFunctionNames=["f"]), "allowed_function_names"),
    ({"generationConfig": {"responseSchema": {"type": "ARRAY"}}}, "generation_config.response_schema.items: missing"),
    ({"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"required": ["a"]}}]}]},
     "* GenerateContentRequest.tools[0].function_declarations[0].parameters.required[0]: property is not defined"),
]  # fmt: skip
TAKEN = [
    {"contents": [{"role": "function", **TEXT}]},
    {"contents": [{"role": "tool", **TEXT}]},
    {"contents": [{"parts": [{"text": ""}]}]},
    thinking(thinkingBudget=0, thinkingLevel="THINKING_LEVEL_UNSPECIFIED"),
    thinking(thinkingLevel="low"),
    calling(FUNCTIONS, mode="AUTO"),
    calling(FUNCTIONS, mode="validated", allowedFunctionNames="f"),
    calling(SEARCH, mode="AUTO", settings={"includeServerSideToolInvocations": True}),
    calling([{"mcpServers": [{"name": "m"}]}], mode="ANY"),
    {"toolConfig": {"retrievalConfig": {"languageCode": "en"}}},
    {"generationConfig": {"responseSchema": {"type": "array", "items": {"items": {}, "enum": ["a"]}}}},
]


def test_what_is_refused_in_a_call_fails_an_item_of_a_batch(caller, clock):
    for fields, said in REFUSED:
        request = {"contents": [TEXT], **fields}
        code, status, message = caller.error("POST", f"{FLASH}:generateContent", request)
        assert (code, status) == (400, "INVALID_ARGUMENT"), fields
        assert said in message, fields
    requests = [{"request": {"contents": [TEXT], **fields}} for fields, _ in REFUSED]
    body = {"batch": {"inputConfig": {"requests": {"requests": requests}}}}
    name = caller.json("POST", f"{FLASH}:batchGenerateContent", body)["name"]
    clock.advance(3)
    items = caller.json("GET", name)["response"]["inlinedResponses"]["inlinedResponses"]
    for (fields, said), item in zip(REFUSED, items, strict=True):
        assert item["error"]["code"] == 3, fields
        assert said in item["error"]["message"], fields


def test_what_is_taken(caller):
    for fields in TAKEN:
        path = "models/gemini-3-flash-preview:generateContent"
        assert caller.json("POST", path, {"contents": [TEXT], **fields})["candidates"], fields


def test_all_that_is_wrong_with_schemas_is_said_at_once(caller):
    properties = {"a": {"type": "ARRAY"}, "b": {"type": "STRING", "items": {}}, "c": {"type": "NUMBER", "enum": [""]}}
    tools = [{"functionDeclarations": [{"name": "f", "parameters": {"properties": properties}}]}]
    _, _, message = caller.error("POST", f"{FLASH}:generateContent", {"contents": [TEXT], "tools": tools})
    at = "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties"
    assert message.splitlines() == [
        f"{at}[a].items: missing field.",
        f"{at}[b].items: field predicate failed: $type == Type.ARRAY",
        f"{at}[c].enum: only allowed for STRING type",
        f"{at}[c].enum[0]: cannot be empty",
    ]


def test_nothing_is_made_of_an_empty_text(caller):
    for content in ({"parts": [{"text": ""}]}, {"parts": [{"text": "a"}, {"text": ""}]}):
        _, _, message = caller.error("POST", f"{EMBEDDING}:embedContent", {"content": content})
        assert message == "content contains an empty Part", content


@pytest.mark.parametrize("role", ["function", "tool"])
def test_newer_models_know_no_role_of_functions(role):
    for name, code in (("gemini-3.1-flash-lite", 200), ("gemini-3.6-flash", 400), ("gemini-4-pro", 400)):
        app = App(catalogue=[dataclasses.replace(MODELS[0], name=name)])
        body = json.dumps({"contents": [{"role": role, **TEXT}]}).encode()
        answer = app.handle(Request("POST", f"/v1/models/{name}:generateContent", (), {"x-goog-api-key": "k"}, body))
        assert answer.status == code, name
        assert (f"Role '{role}' is not supported." in answer.body.decode()) == (code == 400), name


# What is not quite JSON.

LOOSE = [
    ("{'file': {'display_name': 'chart'}}", {"file": {"display_name": "chart"}}),
    ('{"a": [1, 2,], "b": {"c": ",]", },}', {"a": [1, 2], "b": {"c": ",]"}}),
    ("{a: 'x', $b_1 : {c:true}}", {"a": "x", "$b_1": {"c": True}}),
    (r"""{'a"b': 'it\'s \u00e9 \\ "so"\n'}""", {'a"b': 'it\'s é \\ "so"\n'}),
    ("{\"a\": \"one\ntwo\tthree\x00\", 'b': '\r\n'}", {"a": "one\ntwo\tthree\x00", "b": "\r\n"}),
    ('{"a": "one \\\n two", "b": "it\\\'s", "c": "\\v\\x\\\\"}', {"a": "one \n two", "b": "it's", "c": "\x0bx\\"}),
    ('{"a": "{b: 1,}", c: {"d": [{},],},}', {"a": "{b: 1,}", "c": {"d": [{}]}}),
]


@pytest.mark.parametrize(("text", "value"), LOOSE)
def test_what_is_not_quite_json(text, value):
    assert parse(text.encode(), loose=True) == value
    with pytest.raises(Refusal):
        parse(text.encode())


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 200_000, "a" * 400_000, "'" * 400_001, "{a:" * 9_999, '{"a": 1 2}', "{'a': 'b}"]
)
def test_what_is_no_json_at_all(text):
    with pytest.raises(Refusal):
        parse(text.encode(), loose=True)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)
                    | st.dictionaries(st.text(), inner), max_leaves=8))  # fmt: skip
def test_json_stays_what_it_is(value):
    assert json.loads(strict(json.dumps(value))) == value
    assert json.loads(strict(json.dumps(value, ensure_ascii=False, indent=1))) == value


def test_the_start_of_an_upload_in_single_quotes(caller):
    headers = {"x-goog-api-key": "k", "x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start",
               "x-goog-upload-header-content-type": "text/plain"}  # fmt: skip
    body = b"{'file': {'display_name': 'chart'}}"
    answer = caller.app.handle(Request("POST", "/upload/v1beta/files", (), headers, body))
    assert (answer.status, "x-goog-upload-url" in {name.lower() for name in answer.headers}) == (200, True)
