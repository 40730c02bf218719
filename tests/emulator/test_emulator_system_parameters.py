"""What is the same for all methods: fields, indentation, compression, ranges, the method that is meant."""

import gzip
import json

import httpx
import pytest

from gemctl.emulator import encodings, partial
from gemctl.emulator.app import LARGEST_BODY
from gemctl.emulator.blobs import PIECE
from gemctl.emulator.faults import Fault
from gemctl.emulator.surfaces import files
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.wire import Refusal, Request

MODEL = "models/gemini-2.5-flash"
CACHE = {"model": MODEL, "contents": [{"parts": [{"text": "word " * 1000}]}]}


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        ("a", {"a": [{"b": 1, "cD": {"e": 2, "f": 3}}, {"b": 4}]}),
        ("a/b", {"a": [{"b": 1}, {"b": 4}]}),
        ("a.b", {"a": [{"b": 1}, {"b": 4}]}),
        ("a(b)", {"a": [{"b": 1}, {"b": 4}]}),
        ("a(b,c_d/e), g", {"a": [{"b": 1, "cD": {"e": 2}}, {"b": 4}], "g": "x"}),
        ("a/cD(e)", {"a": [{"cD": {"e": 2}}, {}]}),
        ("a/*/e", {"a": [{"cD": {"e": 2}}, {}]}),
        ("*", {"a": [{"b": 1, "cD": {"e": 2, "f": 3}}, {"b": 4}], "g": "x"}),
        ("a/cD/e,a/cD,a/cD/f", {"a": [{"cD": {"e": 2, "f": 3}}, {}]}),
        ("g/h", {}),
        ("nothing", {}),
    ],
)
def test_what_a_mask_leaves(mask, left):
    value = {"a": [{"b": 1, "cD": {"e": 2, "f": 3}}, {"b": 4}], "g": "x"}
    assert partial.select(value, partial.read(mask, checked=False)) == left


@pytest.mark.parametrize(
    "mask",
    [
        "a,",
        ",a",
        "a/",
        "/a",
        "a(",
        "a)",
        "a()",
        "(a)",
        "a(b",
        "a(b))",
        "a(b)c",
        "a(b)/c",
        "a b",
        "a,,b",
        "a//b",
        "." * 9,
        "(" * 9_999,
        "a(" * 9_999,
        "a/" * 9_999 + "a",
    ],
)
def test_what_is_no_mask(mask):
    with pytest.raises(Refusal) as caught:
        partial.read(mask, checked=False)
    assert (caught.value.code, caught.value.message) == (400, "Request contains an invalid argument.")


def test_partial_answers(caller):
    name = caller.create(displayName="a")["name"]
    caller.create(displayName="b")
    assert caller.json("GET", name, query={"fields": "displayName"}) == {"displayName": "a"}
    listed = caller.json("GET", "cachedContents", query={"$fields": "cachedContents(display_name),nextPageToken"})
    assert listed == {"cachedContents": [{"displayName": "b"}, {"displayName": "a"}]}


def test_a_name_that_no_answer_has_is_refused_before_anything_is_done(caller):
    error = caller.ask("POST", "cachedContents", {"model": MODEL}, query={"fields": "name,usageMetadata/nonsense"})
    assert json.loads(error.body)["error"] == {
        "code": 400,
        "message": "Request contains an invalid argument.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [
                    {
                        "field": "name,usageMetadata/nonsense",
                        "description": "Error expanding 'fields' parameter. Cannot find matching fields for path"
                        " 'usageMetadata.nonsense'.",
                    }
                ],
            }
        ],
    }
    assert caller.names() == []


def test_errors_are_shown_whole(caller):
    assert caller.error("GET", "cachedContents/nothing", query={"fields": "name"})[0] == 403


def test_indentation(caller):
    caller.create()
    assert caller.ask("GET", "cachedContents").body.startswith(b'{\n  "cachedContents": [\n    {\n      "name"')
    assert caller.ask("GET", "cachedContents", query={"prettyPrint": "false"}).body.count(b"\n") == 1
    assert caller.ask("GET", "nothing/x/y", query={"$prettyPrint": "false"}).status == 404


@pytest.mark.parametrize("alt", ["json", "json;enum-encoding=int", "media", "sse", ""])
def test_forms_of_answers(caller, alt):
    assert caller.json("GET", "cachedContents", query={"alt": alt}) == {}


@pytest.mark.parametrize(("alt", "status"), [("xml", 400), ("proto", 501)])
def test_a_form_that_there_is_not(caller, alt, status):
    assert caller.error("GET", "cachedContents", query={"$alt": alt})[0] == status


@pytest.mark.parametrize("name", ["quotaUser", "userProject", "$.xgafv", "uploadType", "somethingElse"])
def test_names_that_change_nothing(caller, name):
    assert caller.json("GET", "cachedContents", query={name: "2"}) == {}


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("GZIP", True), ("", False), ("br", False),
     ("gzip;q=0", False), ("*;q=0.0", False), ("gzip;q=0, *", False), ("identity", False)],
)  # fmt: skip
def test_who_takes_gzip(accepted, takes):
    assert encodings.accepts_gzip(accepted) is takes


def test_a_body_that_would_become_too_large_is_not_unpacked_whole():
    bomb = gzip.compress(bytes(50_000_000))
    assert len(encodings.decoded(bomb, "gzip", 1000)) == 1001


@pytest.mark.parametrize(
    ("body", "coding", "code"),
    [
        (b"plain", "gzip", 400),
        pytest.param(gzip.compress(b"a" * 99)[:-9], "gzip", 400, id="cut off"),
        pytest.param(gzip.compress(b"a") * 2, "gzip", 400, id="two of them"),
        (b"x", "br", 415),
        (b"x", "gzip,gzip", 415),
    ],
)
def test_what_is_no_gzip(body, coding, code):
    with pytest.raises(Refusal) as caught:
        encodings.decoded(body, coding, 1000)
    assert caught.value.code == code


# Through the app and the doors


def ask(caller, method, path, body=b"", query=(), **headers):
    named = {"x-goog-api-key": "k", **{name.replace("_", "-"): value for name, value in headers.items()}}
    response = caller.app.handle(Request(method, f"/v1beta/{path}", tuple(query), named, body))
    assert not caller.app.bugs
    return response


def test_the_method_that_is_meant(caller):
    name = caller.create(displayName="a")["name"]
    body = json.dumps({"ttl": "600s"}).encode()
    assert ask(caller, "POST", name, body, x_http_method_override="patch").status == 200
    listed = b"pageSize=1&fields=cachedContents%28displayName%29&key=q"
    form = "application/x-www-form-urlencoded; charset=utf-8"
    response = ask(caller, "POST", "cachedContents", listed, x_http_method_override="GET", content_type=form)
    assert json.loads(response.body) == {"cachedContents": [{"displayName": "a"}]}
    assert ask(caller, "POST", name, x_http_method_override="DELETE").status == 200
    assert [effect.kind for effect in caller.app.effects] == ["created", "patched", "deleted"]
    assert [seen.method for seen in caller.app.requests] == ["POST", "PATCH", "GET", "DELETE"]
    assert "q" not in dict(caller.app.requests[2].query).values()


def test_only_a_post_means_another_method(caller):
    assert ask(caller, "GET", "cachedContents", x_http_method_override="DELETE").status == 200
    assert ask(caller, "POST", "cachedContents", x_http_method_override="PURGE").status == 404


def test_a_form_that_is_json_is_read_as_json(caller):
    body = json.dumps(CACHE).encode()
    assert ask(caller, "POST", "cachedContents", body, content_type="application/x-www-form-urlencoded").status == 200


def test_a_compressed_request(caller):
    body = gzip.compress(json.dumps(CACHE).encode())
    assert ask(caller, "POST", "cachedContents", body, content_encoding="gzip").status == 200
    assert ask(caller, "POST", "cachedContents", body[:50], content_encoding="gzip").status == 400
    bomb = gzip.compress(bytes(LARGEST_BODY + 10))
    too_large = ask(caller, "POST", "cachedContents", bomb, content_encoding="gzip")
    assert (too_large.status, json.loads(too_large.body)["error"]["message"]) == (
        400,
        f"Request payload size exceeds the limit: {LARGEST_BODY} bytes.",
    )
    assert len(caller.app.effects) == 1


def test_compressed_answers(caller, front):
    for _ in range(5):
        caller.create()
    door, url = front
    door.app = caller.app
    client = httpx.Client(base_url=url, headers={"x-goog-api-key": "k"}, trust_env=False, verify=False)
    packed, plain = (client.get("/v1/cachedContents", headers={"accept-encoding": each}) for each in ("gzip", "br"))
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(packed.headers["content-length"]) < len(plain.content)
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    small = client.get("/v1/cachedContents", params={"fields": "nextPageToken"}, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers
    client.close()


def test_nothing_is_compressed_within_one_process(caller):
    for _ in range(5):
        caller.create()
    with httpx.Client(transport=EmulatorTransport(caller.app), headers={"x-goog-api-key": "k"}) as client:
        assert "content-encoding" not in client.get("http://emulator.test/v1/cachedContents").headers


def test_what_a_fault_cuts_off_is_counted_in_plain_bytes(caller):
    for _ in range(5):
        caller.create()
    caller.app.set_faults([Fault("cut", at_bytes=1200)])
    response = ask(caller, "GET", "cachedContents", accept_encoding="gzip")
    assert "Content-Encoding" not in response.headers
    assert sum(len(piece) for piece in response.pieces()) == 1200 < response.length


@pytest.fixture(params=[2_000, PIECE + 2_000])
def download(request, caller, connect):
    """Asks for a file of so many bytes."""
    data = (bytes(range(251)) * 5_000)[: request.param]
    blobs = caller.app.world.blobs
    assert caller.app.effects == []  # brings the world to the present
    with caller.app.world.turn():
        blob = blobs.new()
        blobs.append(blob, data)
        files.make_generated(caller.app.world, blobs, "emulated-project", "files/a", blob, "application/json", "")
    client = connect(caller.app)
    return data, lambda **headers: client.get("/v1beta/files/a:download?alt=media", headers=headers)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-", 0, None), ("bytes=10-19", 10, 20), ("bytes=-5", -5, None), ("Bytes=1-99999999", 1, None),
     ("bytes=-99999999", 0, None), ("bytes=1999-1999", 1999, 2000), ("bytes=100-1500", 100, 1501)],
)  # fmt: skip
def test_a_part_of_a_download(download, asked, start, end):
    data, get = download
    response = get(range=asked)
    wanted = data[start:end]
    assert response.status_code == 206
    assert response.content == wanted
    assert response.headers["content-length"] == str(len(wanted))
    first = start if start >= 0 else len(data) + start
    assert response.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(data)}"


@pytest.mark.parametrize(
    "headers", [{}, {"range": "bytes=0-1,5-6"}, {"range": "lines=1-2"}, {"range": "bytes=5-4"}, {"range": "bytes=-"},
                {"range": "bytes=0-1", "if-range": '"x"'}])  # fmt: skip
def test_the_whole_of_a_download(download, headers):
    data, get = download
    response = get(**headers)
    assert (response.status_code, response.headers["accept-ranges"]) == (200, "bytes")
    assert response.content == data  # as it is, though it calls itself JSON
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_part_that_there_is_not(download, asked):
    data, get = download
    response = get(range=asked)
    assert (response.status_code, response.headers["content-range"]) == (416, f"bytes */{len(data)}")
    assert response.json()["error"]["code"] == 416


def test_events_are_cut_down_one_by_one(caller):
    said = {"model": "gemini-2.5-flash", "input": "hello", "stream": True}
    query = [("fields", "event_type,delta/text")]
    response = ask(caller, "POST", "interactions", json.dumps(said).encode(), query)
    lines = b"".join(piece for piece in response.pieces() if isinstance(piece, bytes)).decode().splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    assert {"event_type", "delta"} >= set().union(*events)
    assert any(event.get("delta", {}).get("text") for event in events)
    assert lines[-2] == "data: [DONE]"
