"""Every documented error, by the official clients and on the wire. The cases are data: errors.json for what an SDK can
be made to ask (suite.mjs reads it too), wire.json for what it cannot. Messages are stems: the documented part."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from google.genai import errors
from official import Official, snake
from served import KEY

HERE = Path(__file__).parent
CASES = json.loads((HERE / "errors.json").read_text(encoding="utf-8"))
WIRE = json.loads((HERE / "wire.json").read_text(encoding="utf-8"))
VERSIONS = ("v1", "v1beta", "v1alpha")
CLIENTS = ((False, "v1"), (True, "v1beta"), (False, "v1alpha"))
pytestmark = pytest.mark.filterwarnings("ignore::google.genai._common.ExperimentalWarning")


@pytest.fixture(scope="module")
def clients(_served):
    """(is_async, version, key) to a client."""
    made = {
        (is_async, version, key): Official(_served.url, version=version, is_async=is_async, key=key)
        for is_async, version in CLIENTS
        for key in (KEY, "other-word")
    }
    yield made
    for client in made.values():
        client.close()


def filled(value, made):
    """A case's arguments: $text, $long and $bytes stand for what would be long, $made for the name of the last one."""
    if isinstance(value, dict):
        return {name: filled(inner, made) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, made) for inner in value]
    if value == "$bytes":
        return io.BytesIO(b"bytes")
    return {"$text": "word " * 1000, "$long": "x" * 129, "$made": made}.get(value, value) if value else value


def arguments(case, made):
    """What a case gives to a call, under the names that the SDK has for it. Of a config it reads some fields itself."""
    given = {snake(name): value for name, value in filled(case["with"], made).items()}
    if "config" in given:
        given["config"] = {snake(name): value for name, value in given["config"].items()}
    return given


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_official_client_is_told(emulator, clients, case):
    for is_async, version in CLIENTS:
        afresh(emulator, case)
        made = None
        for before in case.get("before", ()):
            client = clients[is_async, version, before.get("key", KEY)]
            made = client.call(before["call"], **arguments(before, made)).name
        with pytest.raises(errors.APIError) as raised:
            clients[is_async, version, KEY].call(case["call"], **arguments(case, made))
        error = raised.value
        assert (error.code, error.status) == (case["code"], case["status"])
        assert case["message"] in error.message
        assert isinstance(error, errors.ServerError if case["code"] >= 500 else errors.ClientError)
        assert types_of(error.details) == case.get("details", [])
        for name, value in case.get("headers", {}).items():
            assert error.response.headers[name] == value


def types_of(body):
    details = body["error"].get("details", [])
    return [detail["@type"].removeprefix("type.googleapis.com/google.rpc.") for detail in details]


@pytest.mark.parametrize(("number", "case"), list(enumerate(WIRE)), ids=[case["name"] for case in WIRE])
def test_on_the_wire(emulator, number, case):
    """In every version, with both forms of a key in turn."""
    for turn, version in enumerate(VERSIONS, number):
        afresh(emulator, case)
        headers, query, key = dict(case.get("headers", {})), dict(case.get("query", {})), case.get("key", KEY)
        if key is not None:
            (headers if turn % 2 else query)["x-goog-api-key" if turn % 2 else "key"] = key
        content = case.get("text", json.dumps(case["body"]) if "body" in case else None)
        path = "/".join(filter(None, ["", case.get("door"), version, case["path"]]))
        for _ in range(case.get("times", 1)):
            answer = emulator.http.request(
                case.get("method", "GET"), path, params=query, headers=headers, content=content
            )
        assert answer.status_code == case["code"], answer.text
        for name, value in case.get("replies", {}).items():
            assert answer.headers[name] == value
        if case.get("html"):
            assert answer.headers["content-type"].startswith("text/html")
            continue
        error = answer.json()["error"]
        assert (error["code"], error["status"]) == (case["code"], case["status"])
        assert case["message"] in error["message"]
        assert types_of(answer.json()) == case.get("details", [])


def afresh(emulator, case):
    """As the case wants to find it; most leave nothing behind."""
    if case.keys() & {"knobs", "before"}:
        emulator.reset()
        emulator.turn(**case.get("knobs", {}))


def test_a_refusal_says_where_and_when(emulator):
    """What the details hold, field by field: clients read RetryInfo and BadRequest."""
    emulator.turn(requests_per_minute=2)
    ask = {"headers": {"x-goog-api-key": KEY}}
    body = {"colour": 1, "contents": [{"parts": [{"size": 2}]}]}
    (bad,) = emulator.http.post("/v1beta/cachedContents", json=body, **ask).json()["error"]["details"]
    top, inner = bad["fieldViolations"]
    assert set(top) == {"description"} and inner["field"] == "contents[0].parts[0]"
    emulator.advance(22.5)
    emulator.http.get("/v1beta/models", **ask)
    quota, help_, retry = emulator.http.get("/v1beta/models", **ask).json()["error"]["details"]
    assert quota["violations"][0]["quotaValue"] == "2" and help_["links"][0]["url"].startswith("https://")
    assert retry["retryDelay"] == "37.5s"
    emulator.advance(37.5)
    assert emulator.http.get("/v1beta/models", **ask).status_code == 200
