"""Uploads in one request: what forms of parts are read, and what becomes of them."""

import base64
import hashlib
import json

import pytest

from gemctl.emulator import multipart
from gemctl.emulator.app import App
from gemctl.emulator.faults import Fault
from gemctl.emulator.wire import Refusal, Request
from gemctl.emulator.world import World

BYTES = bytes(range(256)) + b"\r\n--b\r\n--bb\r\n\r\n--b-"


def body(*parts, boundary="bound", end="\r\n", before="", after=""):
    """A body of parts: header lines and data."""
    pieces = []
    for headers, data in parts:
        pieces += [f"--{boundary}{end}{''.join(line + end for line in headers)}{end}".encode(), data, end.encode()]
    return b"".join([before.encode(), *pieces, f"--{boundary}--{after}".encode()])


def two(about=b"{'file': {'display_name': 'a'}}", data=BYTES, mime="text/plain", **how):
    return body((["Content-Type: application/json"], about), ([f"Content-Type: {mime}"], data), **how)


@pytest.fixture
def post(clock):
    app = App(World(now=clock))

    def ask(content, query=(), *, path="upload/v1beta/files", **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = Request("POST", f"/{path}", tuple(query), {"x-goog-api-key": "k", **named}, content)
        response = app.handle(request)
        assert not app.bugs
        return response

    ask.app = app
    return ask


def answered(response):
    assert response.status == 200, response.body
    return json.loads(response.body)


def refused(response):
    return response.status, json.loads(response.body)["error"]["message"]


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("multipart/related; boundary=bound", two()),
        ('Multipart/Related; type="application/json"; Boundary="bound"', two(after="\r\n")),
        ("multipart/related; boundary=bound", two(end="\n", after="\n")),
        ("multipart/related; boundary=bound", two(before="This is MIME.\r\n", after="\r\nthe end")),
        ("multipart/form-data; boundary=----a(b.c", two(boundary="----a(b.c")),
        (
            "multipart/mixed; boundary=bound",
            body(
                ([], b"{'file': {'display_name': 'a'}}"),
                (["content-type: text/plain", "Content-Transfer-Encoding: BASE64"], base64.encodebytes(BYTES)),
            ),
        ),
    ],
)
@pytest.mark.parametrize("how", ["query", "header"])
def test_two_parts_are_a_file(post, content_type, content, how):
    if how == "query":
        response = post(content, [("uploadType", "multipart")], content_type=content_type)
    else:
        response = post(content, content_type=content_type, x_goog_upload_protocol="multipart")
    file = answered(response)["file"]
    assert (file["displayName"], file["mimeType"], file["state"]) == ("a", "text/plain", "ACTIVE")
    assert file["sizeBytes"] == str(len(BYTES))
    assert base64.b64decode(file["sha256Hash"]).decode() == hashlib.sha256(BYTES).hexdigest()
    assert response.headers["X-Goog-Upload-Status"] == "final"


def test_the_metadata_know_the_type_better(post):
    about = b'{"file": {"mimeType": "video/mp4", "name": "files/mine"}}'
    content = two(about, mime="application/octet-stream")
    file = answered(post(content, [("uploadType", "multipart")], content_type="multipart/related; boundary=bound"))
    assert file["file"]["mimeType"] == "video/mp4"
    assert file["file"]["name"] == "files/mine"


RAW = [
    ([("uploadType", "media")], {}),
    ([("uploadType", "media"), ("file.display_name", "a"), ("file.mimeType", "text/csv")], {}),
    ([], {"x_goog_upload_protocol": "raw"}),
    ([], {"x_goog_upload_protocol": "raw", "x_goog_upload_command": "upload, finalize"}),
    ([], {}),
]


@pytest.mark.parametrize(("query", "headers"), RAW)
def test_bytes_alone_are_a_file(post, query, headers):
    file = answered(post(BYTES, query, content_type="text/plain", **headers))["file"]
    assert (file["mimeType"], file.get("displayName")) == (
        ("text/csv", "a") if len(query) > 1 else ("text/plain", None)
    )
    assert file["sizeBytes"] == str(len(BYTES))


@pytest.mark.parametrize(
    ("content_type", "content", "message"),
    [
        ("multipart/related", two(), "Malformed multipart body."),
        ("application/json", b"{}", "Malformed multipart body."),
        ("multipart/related; boundary=other", two(), "Malformed multipart body."),
        ("multipart/related; boundary=bound", two()[:-2], "Malformed multipart body."),
        ("multipart/related; boundary=bound", b"--bound--", "Invalid multipart request with 0 mime parts."),
        ("multipart/related; boundary=bound", body(([], b"a")), "Invalid multipart request with 1 mime parts."),
        ("multipart/related; boundary=bound", body(*[([], b"a")] * 3), "Invalid multipart request with 3 mime parts."),
        ("multipart/related; boundary=bound", two(b"["), "Invalid JSON payload received. The body cannot be parsed"),
        ("multipart/related; boundary=bound", two(mime="none"), "Unsupported MIME type: none"),
        (
            "multipart/related; boundary=bound",
            two(b'{"name": 1}'),
            'Invalid JSON payload received. Unknown name "name"',
        ),
    ],
)
def test_what_is_refused_leaves_nothing(post, content_type, content, message):
    code, said = refused(post(content, [("uploadType", "multipart")], content_type=content_type))
    assert (code, said[: len(message)]) == (400, message)
    assert post.app.effects == []
    assert not post.app.world.blobs._blobs


def test_base64_that_is_none():
    content = body((["Content-Transfer-Encoding: base64"], b"*"))
    with pytest.raises(Refusal, match="Malformed"):
        multipart.parts("multipart/related; boundary=bound", content)


def test_more_bytes_than_are_allowed(post):
    post.app.turn(largest_file=3)
    assert refused(post(BYTES, [("uploadType", "media")], content_type="text/plain"))[0] == 400
    assert post.app.effects == []


def test_a_document(post):
    store = answered(post(b"{}", path="v1beta/fileSearchStores"))["name"]
    where = f"upload/v1beta/{store}:uploadToFileSearchStore"
    about = b'{"displayName": "a", "customMetadata": [{"key": "k", "numericValue": 1}]}'
    kind = "multipart/related; boundary=bound"
    operation = answered(post(two(about), path=where, content_type=kind, x_goog_upload_protocol="multipart"))
    raw = answered(post(b"text", [("displayName", "b"), ("mime_type", "text/plain")], path=where))
    assert operation["name"].startswith(f"{store}/upload/operations/a")
    assert raw["name"].startswith(f"{store}/upload/operations/b")
    assert [effect.display_name for effect in post.app.effects if effect.kind == "created"][1:] == ["a", "b"]
    assert not post.app.world.blobs._blobs  # nothing but the size is kept of a document


def test_users_files_are_not_in_the_log_of_requests(post):
    post(BYTES, [("uploadType", "media")], content_type="text/plain")
    post(two(), [("uploadType", "multipart")], content_type="multipart/related; boundary=bound")
    assert [seen.body for seen in post.app.requests] == [b"", b""]


def test_an_upload_that_takes_effect_late(post, clock):
    post.app.set_faults([Fault("late", delay=5, nth=frozenset({1}))])
    assert post(two(), [("uploadType", "multipart")], content_type="multipart/related; boundary=bound").drop
    clock.advance(5)
    assert [(effect.kind, effect.display_name) for effect in post.app.effects] == [("created", "a")]
