"""Files: how bytes come in, in one piece or many, through kills and faults, and how they are kept and given out."""

import base64
import hashlib
import io
import json
import os
import random
import socket
import stat
import subprocess
import sys
import tracemalloc
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from effort import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gemctl.emulator import app as app_module
from gemctl.emulator import tokens
from gemctl.emulator.app import LARGEST_UPLOAD, App
from gemctl.emulator.blobs import PIECE, FileBlobs, MemoryBlobs, _lines
from gemctl.emulator.faults import Fault
from gemctl.emulator.folder import Folder
from gemctl.emulator.media import FAILS, FileRules
from gemctl.emulator.store import FileStore, MemoryStore
from gemctl.emulator.surfaces import files, uploads
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.wire import Refusal, Request
from gemctl.emulator.world import World

KEY = "some-key"
PROJECT = "emulated-project"
GRAIN = 256 * 1024
START = "2026-01-01T00:00:00.000000Z"


def door(app, key=KEY):
    return httpx.Client(
        transport=EmulatorTransport(app), base_url="http://emulator.test", headers={"x-goog-api-key": key}
    )


@pytest.fixture
def app(store, clock):
    return App(World(store, now=clock, ids=random.Random(7)))


@pytest.fixture
def http(app, connect):
    yield connect(app)
    assert not app.bugs


@pytest.fixture
def near(clock):
    """In-process, over memory: for what no door and no store has to do with."""
    app = App(World(now=clock))
    client = door(app)
    client.app = app
    yield client
    assert not app.bugs


def begin(http, size=None, mime="text/plain", *, version="v1beta", headers=(), **file):
    """The answer to a start."""
    announced = {} if size is None else {"X-Goog-Upload-Header-Content-Length": str(size)}
    return http.post(
        f"/upload/{version}/files",
        json={"file": file},
        headers={
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Type": mime,
            **announced,
            **dict(headers),
        },
    )


def start(http, *args, **kwargs):
    """The URL of a fresh upload."""
    response = begin(http, *args, **kwargs)
    assert response.status_code == 200, response.text
    assert response.headers["x-goog-upload-status"] == "active"
    return response.headers["x-goog-upload-url"]


def send(http, url, data=b"", command="upload, finalize", offset=0):
    """What goes to the URL of an upload: without the key, as the Python SDK does it."""
    headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
    request = http.build_request("POST", url, content=data, headers=headers)
    request.headers.pop("x-goog-api-key", None)
    return http.send(request)


def upload(http, data=b"hello", mime="text/plain", **file):
    """A file."""
    response = send(http, start(http, len(data), mime, **file), data)
    assert response.status_code == 200, response.text
    assert response.headers["x-goog-upload-status"] == "final"
    return response.json()["file"]


def where(response):
    """What an answer says about its upload."""
    return response.headers["x-goog-upload-status"], int(response.headers["x-goog-upload-size-received"])


def refused(response):
    error = response.json()["error"]
    assert error["code"] == response.status_code
    return response.status_code, error["status"], error["message"]


def hashed(data):
    return base64.b64encode(hashlib.sha256(data).hexdigest().encode()).decode()


def kept(app, name):
    """The bytes that the emulator keeps of a file."""
    with app.world.turn():
        return b"".join(app.world.blobs.read(app.world.anywhere("files", name).body["blob"]))


def generate(app, data, name="files/batch-" + "b" * 36, mime="application/jsonl"):
    with app.world.turn():
        list(app.world.advance())
        blob = app.world.blobs.new()
        for at in range(0, len(data), PIECE):
            app.world.blobs.append(blob, data[at : at + PIECE])
        return files.make_generated(app.world, app.world.blobs, PROJECT, name, blob, mime, "results")


# The life of a file


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
def test_the_life_of_a_file(http, app, clock, version):
    data = b"some words\n" * 100
    begun = begin(http, len(data), version=version, name="files/my-file", displayName="Mine", mimeType="text/plain")
    assert begun.json() == {}
    assert begun.headers["x-goog-upload-chunk-granularity"] == str(GRAIN)
    url = begun.headers["x-goog-upload-url"]
    assert url.startswith(f"{str(http.base_url).rstrip('/')}/upload/{version}/files?upload_id=")
    made = send(http, url, data)
    assert where(made) == ("final", len(data))
    file = made.json()["file"]
    assert file == {
        "name": "files/my-file",
        "displayName": "Mine",
        "mimeType": "text/plain",
        "sizeBytes": "1100",
        "createTime": START,
        "updateTime": START,
        "expirationTime": "2026-01-03T00:00:00.000000000Z",
        "sha256Hash": hashed(data),
        "uri": "https://generativelanguage.googleapis.com/v1beta/files/my-file",
        "state": "ACTIVE",
        "source": "UPLOADED",
    }
    assert http.get(f"/{version}/files/my-file").json() == file
    assert http.get(f"/{version}/files").json() == {"files": [file]}
    assert kept(app, "files/my-file") == data
    assert http.delete(f"/{version}/files/my-file").json() == {}
    missing = (
        403,
        "PERMISSION_DENIED",
        "You do not have permission to access the File my-file or it may not exist.",
    )
    assert refused(http.get(f"/{version}/files/my-file")) == missing
    assert refused(http.delete(f"/{version}/files/my-file")) == missing
    assert http.get(f"/{version}/files").json() == {}
    assert [(effect.collection, effect.kind) for effect in app.effects] == [
        ("uploads", "created"),
        ("files", "created"),
        ("uploads", "patched"),
        ("files", "deleted"),
    ]


def test_a_file_ends_after_48_hours_and_its_name_is_free(http, app, clock):
    upload(http, name="files/again")
    clock.advance(timedelta(hours=48) - timedelta(microseconds=1))
    assert http.get("/v1beta/files/again").status_code == 200
    assert begin(http, name="files/again").status_code == 409
    clock.advance(timedelta(microseconds=1))
    assert http.get("/v1beta/files/again").status_code == 403
    assert upload(http, b"other", name="files/again")["sha256Hash"] == hashed(b"other")


def test_the_server_names_a_file_that_has_no_name(near):
    names = {upload(near)["name"] for _ in range(5)}
    assert len(names) == 5
    for name in names:
        prefix, _, own = name.partition("/")
        assert prefix == "files"
        assert len(own) == 12
        assert own.isalnum()
        assert own == own.lower()


def test_files_are_listed_newest_first_ten_a_page(near, clock):
    names = []
    for _ in range(25):
        names.append(upload(near)["name"])
        clock.advance(1)
    page = near.get("/v1beta/files").json()
    seen = [file["name"] for file in page["files"]]
    assert len(seen) == 10
    while "nextPageToken" in page:
        page = near.get("/v1beta/files", params={"pageToken": page["nextPageToken"]}).json()
        seen += [file["name"] for file in page["files"]]
    assert seen == names[::-1]
    assert len(near.get("/v1beta/files?page_size=1000").json()["files"]) == 25
    assert near.get("/v1beta/files?pageSize=-1").status_code == 400


def test_a_file_without_bytes(near):
    file = near.post("/v1beta/files", json={"file": {"name": "files/empty", "displayName": "E"}}).json()["file"]
    assert file.keys() & {"sizeBytes", "sha256Hash", "mimeType"} == set()
    assert (file["name"], file["displayName"], file["state"]) == ("files/empty", "E", "ACTIVE")
    assert near.post("/v1beta/files", json={"file": {"name": "files/empty"}}).status_code == 409
    assert near.post("/v1beta/files", json={"file": {"mimeType": "bad/type"}}).status_code == 400
    assert near.post("/v1beta/files", json={}).status_code == 200
    assert near.delete("/v1beta/files/empty").status_code == 200


def test_what_the_sdks_call_things(near):
    """Python sends snake_case and numbers, JavaScript camelCase and texts, and both name the type twice."""
    snake = {"name": "files/py", "display_name": "p", "mime_type": "text/x-python", "size_bytes": 5}
    camel = {"name": "files/js", "displayName": "j", "mimeType": "text/javascript", "sizeBytes": "5"}
    assert upload(near, mime="text/plain", **snake)["mimeType"] == "text/x-python"
    assert upload(near, mime="text/plain", **camel)["displayName"] == "j"
    assert upload(near, mime="text/csv")["mimeType"] == "text/csv"


def test_an_empty_file(near):
    file = upload(near, b"")
    assert file["sha256Hash"] == hashed(b"")
    assert near.get(f"/v1/{file['name']}").json() == file


@pytest.mark.parametrize(
    ("own", "status"),
    [
        ("a", 200), ("0", 200), ("a-b", 200), ("a" * 40, 200), ("a--b", 200),
        ("", 400), ("-a", 400), ("a-", 400), ("A", 400), ("a_b", 400), ("a" * 41, 400), ("ä", 400), ("a/b", 400),
        ("a\n", 400), ("a.b", 400),
    ],
)  # fmt: skip
def test_names(near, own, status):
    assert begin(near, name=f"files/{own}").status_code == status
    assert near.post("/v1beta/files", json={"file": {"name": f"files/{own}"}}).status_code == status


def test_metadata_that_is_refused(near):
    assert "files/{id}" in refused(begin(near, name="mine"))[2]
    assert "40 characters" in refused(begin(near, name=f"files/{'a' * 41}"))[2]
    assert begin(near, displayName="x" * 512).status_code == 200
    assert "512" in refused(begin(near, displayName="x" * 513))[2]
    assert "Unknown name" in refused(begin(near, nonsense=1))[2]
    assert begin(near, headers={"X-Goog-Upload-Header-Content-Length": "five"}).status_code == 400
    assert begin(near, headers={"X-Goog-Upload-Header-Content-Length": "-5"}).status_code == 400
    assert near.get("/v1beta/files").json() == {}
    assert len(near.app.world.objects("uploads")) == 1


def test_a_taken_name(near):
    first, second = (start(near, 5, name="files/same") for _ in range(2))
    assert send(near, first, b"first").status_code == 200
    code, status, message = refused(begin(near, name="files/same"))
    assert (code, status, message) == (409, "ALREADY_EXISTS", "The File same already exists.")
    late = send(near, second, b"later")
    assert refused(late) == (409, "ALREADY_EXISTS", "The File same already exists.")
    assert late.headers["x-goog-upload-status"] == "final"
    assert kept(near.app, "files/same") == b"first"
    # The refusal was the end: it is not taken later either.
    near.delete("/v1beta/files/same")
    assert refused(send(near, second, command="query"))[0] == 409
    assert send(near, second, b"", "finalize", 5).status_code == 400


@pytest.mark.parametrize("mime", ["bad/mime_type", "nonsense", "text/", "/plain", ""])
def test_a_type_that_does_not_exist(near, mime):
    last = send(near, start(near, 4, mime), b"data")
    assert refused(last) == (400, "INVALID_ARGUMENT", f"Unsupported MIME type: {mime}")
    assert last.headers["x-goog-upload-status"] == "final"
    assert near.get("/v1beta/files").json() == {}


@pytest.mark.parametrize("mime", ["jsonl", "application/jsonl", "application/cu-seeme", "Text/Plain; charset=utf-8"])
def test_a_type_that_exists(near, mime):
    assert upload(near, mime=mime)["state"] == "ACTIVE"


def test_long_names_are_refused_on_the_way_in_only(near):
    name = "files/batch-" + "b" * 36
    row = generate(near.app, b"{}\n", name)
    assert refused(near.get(f"/v1beta/{name}"))[::2] == (
        400,
        "* GetFileRequest.name: File ID (name excluding 'files/') cannot be more than 40 characters.",
    )
    assert near.delete(f"/v1beta/{name}").status_code == 400
    (listed,) = near.get("/v1beta/files").json()["files"]
    assert (listed["name"], listed["source"]) == (name, "GENERATED")
    assert listed["downloadUri"].endswith(f"/v1beta/{name}:download?alt=media")
    assert row.body["sha256"] == hashlib.sha256(b"{}\n").hexdigest()


def test_register_wants_other_credentials(near):
    code, status, message = refused(near.post("/v1beta/files:register", json={"uris": ["gs://bucket/x"]}))
    assert (code, status) == (401, "UNAUTHENTICATED")
    assert "OAuth" in message


# The protocol


def test_many_chunks(http, app):
    data = random.Random(1).randbytes(3 * GRAIN + 17)
    url = start(http, len(data), displayName="d")
    assert where(send(http, url, command="query")) == ("active", 0)
    for offset in (0, GRAIN, 2 * GRAIN):
        sent = send(http, url, data[offset : offset + GRAIN], "upload", offset)
        assert (sent.status_code, where(sent)) == (200, ("active", offset + GRAIN))
    assert http.get("/v1beta/files").json() == {}
    last = send(http, url, data[3 * GRAIN :], "upload, finalize", 3 * GRAIN)
    file = last.json()["file"]
    assert file["sha256Hash"] == hashed(data)
    assert kept(app, file["name"]) == data
    query = send(http, url, command="query")
    assert (where(query), query.json()) == (("final", len(data)), {"file": file})


def test_an_offset_that_is_not_the_servers(near):
    url = start(near, 2 * GRAIN)
    assert send(near, url, bytes(GRAIN), "upload").status_code == 200
    for offset in (0, 1, GRAIN - 1, GRAIN + 1, 10**14):
        wrong = send(near, url, bytes(GRAIN), "upload, finalize", offset)
        assert (refused(wrong)[:2], where(wrong)) == ((400, "INVALID_ARGUMENT"), ("active", GRAIN))
    for offset in ("", "-1", "x", "1e3", "9" * 16):
        assert send(near, url, bytes(GRAIN), "upload", offset).status_code == 400
    assert send(near, url, bytes(GRAIN), "upload, finalize", GRAIN).status_code == 200


@pytest.mark.parametrize("size", [1, GRAIN - 1, GRAIN + 1])
def test_chunks_before_the_last_have_whole_grains(near, size):
    url = start(near, 5 * GRAIN)
    odd = send(near, url, bytes(size), "upload")
    assert (odd.status_code, where(odd)) == (400, ("active", 0))
    assert str(GRAIN) in refused(odd)[2]
    assert send(near, url, b"", "upload").status_code == 200


def test_more_or_fewer_bytes_than_announced(near):
    url = start(near, 5)
    assert where(send(near, url, b"123456")) == ("active", 0)
    assert "more bytes" in refused(send(near, url, b"123456"))[2]
    assert "fewer bytes" in refused(send(near, url, b"1234"))[2]
    assert "more bytes" in refused(send(near, url, bytes(GRAIN), "upload"))[2]
    assert where(send(near, url, command="query")) == ("active", 0)
    assert send(near, url, b"12345").status_code == 200


def test_a_size_need_not_be_announced(near):
    url = start(near)
    assert send(near, url, bytes(GRAIN), "upload").status_code == 200
    made = send(near, url, b"", "finalize")
    assert made.json()["file"]["sizeBytes"] == str(GRAIN)


def test_finalize_alone_carries_nothing(near):
    url = start(near, 5)
    assert send(near, url, b"12345", "finalize").status_code == 400
    assert where(send(near, url, command="query")) == ("active", 0)


def test_cancel(http, app):
    url = start(http, 2 * GRAIN, name="files/gone")
    send(http, url, bytes(GRAIN), "upload")
    stopped = send(http, url, command="cancel")
    assert (stopped.status_code, stopped.json(), where(stopped)) == (200, {}, ("cancelled", GRAIN))
    assert where(send(http, url, command="query")) == ("cancelled", GRAIN)
    for command in ("upload", "upload, finalize", "finalize", "cancel"):
        again = send(http, url, b"", command, GRAIN)
        assert (again.status_code, again.headers["x-goog-upload-status"]) == (400, "cancelled")
    assert upload(http, name="files/gone")


def test_a_final_upload_takes_nothing_more(near):
    url = start(near, 5, name="files/once")
    file = send(near, url, b"12345").json()["file"]
    for command in ("upload", "upload, finalize", "finalize", "cancel"):
        again = send(near, url, b"", command, 5)
        assert (again.status_code, where(again)) == (400, ("final", 5))
    assert send(near, url, command="query").json() == {"file": file}
    near.delete("/v1beta/files/once")
    assert send(near, url, command="query").json() == {}
    upload(near, b"new", name="files/once")
    assert send(near, url, command="query").json() == {}  # that is another file
    assert len(near.app.world.objects("files")) == 1


@pytest.mark.parametrize(
    "command",
    ["", "start", "upload, cancel", "query, finalize", "upload, finalize, cancel", "more", "finalize, upload;"],
)
def test_commands_that_are_none(near, command):
    url = start(near, 5)
    wrong = send(near, url, b"12345", command)
    assert (wrong.status_code, where(wrong)) == (400, ("active", 0))


def test_headers_in_any_case_and_commands_in_any_order(http):
    url = start(http, 5)
    headers = {"x-GOOG-upload-COMMAND": "Finalize ,UPLOAD", "X-GOOG-UPLOAD-OFFSET": "0"}
    assert http.post(url, content=b"12345", headers=headers).json()["file"]["sizeBytes"] == "5"


@pytest.mark.parametrize("protocol", ["", "gzip"])
def test_other_protocols_are_refused_clearly(near, protocol):
    headers = {"X-Goog-Upload-Protocol": protocol, "X-Goog-Upload-Command": "start"}
    response = near.post("/upload/v1beta/files", content=b"x", headers=headers)
    assert refused(response)[0] == 400
    assert "resumable" in refused(response)[2]


def test_a_start_must_say_so(near):
    assert begin(near, headers={"X-Goog-Upload-Command": "upload"}).status_code == 400


def test_an_upload_ends_after_a_week(http, app, clock):
    url = start(http, 2 * GRAIN)
    send(http, url, bytes(GRAIN), "upload")
    clock.advance(timedelta(days=7) - timedelta(seconds=1))
    assert where(send(http, url, command="query")) == ("active", GRAIN)
    clock.advance(1)
    gone = send(http, url, bytes(GRAIN), "upload, finalize", GRAIN)
    assert (gone.status_code, gone.headers["x-goog-upload-status"]) == (404, "final")
    assert app.effects[-1].kind == "expired"


@pytest.mark.parametrize("upload_id", ["x", "x-y", "-", "", "é"])
def test_an_upload_that_does_not_exist(near, upload_id):
    start(near)
    response = send(near, f"/upload/v1beta/files?upload_id={upload_id}", b"data")
    assert response.status_code == (404 if upload_id else 403)  # without an id it is a start, without a key


def test_the_url_is_a_secret_and_enough(clock):
    app = App(World(now=clock), keys={"a": "one", "b": "two"}, requests_per_minute=3)
    one, two = door(app, "a"), door(app, "b")
    url = start(one, 5, name="files/x")
    own, _, secret = parse_qs(urlsplit(url).query)["upload_id"][0].partition("-")
    for _ in range(5):  # no key, and nobody's quota
        assert send(two, url, command="query").status_code == 200
    for guess in (own, f"{own}-", f"{own}-{secret[:-1]}", f"{own}-{secret}x", f"{own[:-1]}-{secret}"):
        assert send(one, f"/upload/v1beta/files?upload_id={guess}", command="query").status_code == 404
    assert send(two, url, b"12345").status_code == 200
    assert one.get("/v1beta/files/x").status_code == 200
    assert two.get("/v1beta/files/x").status_code == 403
    assert upload(two, name="files/x")
    assert {effect.key for effect in app.effects if effect.project == "one"} == {app.effects[0].key}


def test_secrets_and_bytes_are_kept_nowhere(tmp_path, clock):
    app = App(World(FileStore(tmp_path), now=clock))
    http = door(app)
    url = start(http, 15, displayName="shown")
    (upload_id,) = parse_qs(urlsplit(url).query)["upload_id"]
    send(http, f"{url}&key=other-secret", b"private content")
    send(http, url, b"private content", "upload, finalize")
    begun, sent, again = app.requests
    assert begun.json == {"file": {"displayName": "shown"}}
    assert (sent.body, sent.size, sent.query) == (b"", 15, (("upload_protocol", "resumable"),))
    assert sent.digest == hashlib.sha256(b"private content").hexdigest()
    assert sent.path == "/upload/v1beta/files"
    assert again.status == 400
    told = repr(app.requests) + repr(app.effects) + (tmp_path / "world.jsonl").read_text()
    assert upload_id.partition("-")[2] not in told
    assert "private" not in told
    assert "other-secret" not in told
    assert next(effect for effect in app.effects if effect.collection == "files").digest == sent.digest


# Limits


def test_limits(clock):
    app = App(World(now=clock), largest_file=10, file_storage=25)
    http = door(app)
    assert refused(begin(http, 11))[0] == 400
    url = start(http)
    assert "too large" in refused(send(http, url, b"x" * 11))[2]
    assert where(send(http, url, command="query")) == ("active", 0)
    for name in ("files/a", "files/b"):
        upload(http, b"x" * 10, name=name)
    assert refused(begin(http, 6))[:2] == (429, "RESOURCE_EXHAUSTED")
    full = send(http, url, b"x" * 6)
    assert (refused(full)[:2], full.headers["x-goog-upload-status"]) == ((429, "RESOURCE_EXHAUSTED"), "final")
    assert upload(http, b"x" * 5)
    http.delete("/v1beta/files/a")
    assert upload(http, b"x" * 10)
    clock.advance(timedelta(hours=48))
    assert upload(http, b"x" * 10)


def test_limits_that_make_no_sense():
    for wrong in ({"processing": timedelta(-1)}, {"largest": -1}, {"storage": -1}):
        with pytest.raises(ValueError, match="negative"):
            FileRules(**wrong)
    assert (FileRules().largest, FileRules().storage) == (2_147_483_648, 21_474_836_480)


def test_a_request_that_is_too_large(http, monkeypatch):
    monkeypatch.setattr(app_module, "LARGEST_UPLOAD", 2 * GRAIN)
    url = start(http, 4 * GRAIN)
    response = send(http, url, bytes(2 * GRAIN + 1))
    assert response.status_code == 413
    assert "chunks" in refused(response)[2]
    assert where(send(http, url, command="query")) == ("active", 0)
    assert send(http, url, bytes(2 * GRAIN), "upload").status_code == 200
    assert send(http, url, bytes(2 * GRAIN), "upload, finalize", 2 * GRAIN).status_code == 200


def test_one_request_may_bring_64_mebibytes(tmp_path, clock):
    http = door(App(World(FileStore(tmp_path), now=clock)))
    data = bytes(LARGEST_UPLOAD)
    assert upload(http, data)["sizeBytes"] == str(LARGEST_UPLOAD)


def test_a_body_of_unknown_length_is_read_to_the_limit(near, monkeypatch):
    monkeypatch.setattr(app_module, "LARGEST_UPLOAD", GRAIN)
    given_out = []

    def endless():
        while True:
            given_out.append(GRAIN // 2)
            yield bytes(GRAIN // 2)

    url = start(near)
    assert near.post(url, content=endless(), headers={"X-Goog-Upload-Command": "upload"}).status_code == 413
    assert sum(given_out) <= 2 * GRAIN
    short = near.post(
        url,
        content=iter([b"12", b"345"]),
        headers={"X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"},
    )
    assert short.json()["file"]["sizeBytes"] == "5"


def test_a_large_file_in_little_memory(tmp_path, clock):
    http = door(App(World(FileStore(tmp_path), now=clock)))
    chunk, whole = random.Random(3).randbytes(8 * 1024**2), hashlib.sha256()
    url = start(http, 8 * len(chunk))
    tracemalloc.start()
    for number in range(8):
        whole.update(chunk)
        command = "upload, finalize" if number == 7 else "upload"
        last = send(http, url, chunk, command, number * len(chunk))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert last.json()["file"]["sha256Hash"] == base64.b64encode(whole.hexdigest().encode()).decode()
    assert peak < 4 * 1024**2  # one piece and change: the chunk itself is the client's


# Processing


def test_videos_are_processed(near, clock):
    file = upload(near, bytes(300_000), "video/mp4")
    name = file["name"]
    assert file["state"] == "PROCESSING"
    assert "videoMetadata" not in file
    clock.advance(1.999)
    assert near.get(f"/v1beta/{name}").json() == file
    clock.advance(0.001)
    ready = near.get(f"/v1beta/{name}").json()
    assert ready["state"] == "ACTIVE"
    assert ready["videoMetadata"] == {"videoDuration": "3s"}
    assert ready["updateTime"] == "2026-01-01T00:00:02.000000Z"
    assert ready["createTime"] == START
    assert near.get("/v1beta/files").json()["files"] == [ready]


@pytest.mark.parametrize(
    "mime", ["audio/mpeg", "audio/mp3", "image/png", "application/pdf", "application/json", "text/plain"]
)
def test_others_are_active_at_once(near, mime):
    assert upload(near, mime=mime)["state"] == "ACTIVE"


def test_how_long_processing_takes(clock):
    app = App(World(now=clock), file_processing=timedelta(minutes=1))
    http = door(app)
    name = upload(http, mime="video/mp4")["name"]
    clock.advance(59)
    assert http.get(f"/v1/{name}").json()["state"] == "PROCESSING"
    clock.advance(1)
    assert http.get(f"/v1/{name}").json()["state"] == "ACTIVE"
    instant = door(App(World(now=clock), file_processing=timedelta(0)))
    assert upload(instant, mime="video/mp4")["state"] == "ACTIVE"


@pytest.mark.parametrize("data", [FAILS, FAILS + b"\n", FAILS + b"\r\nand more", FAILS + b"\nx"])
def test_a_file_that_fails(near, clock, data):
    text = upload(near, data)
    assert (text["state"], text["error"]["code"]) == ("FAILED", 13)
    video = upload(near, data, "video/mp4")
    assert video["state"] == "PROCESSING"
    assert "error" not in video
    clock.advance(2)
    failed = near.get(f"/v1beta/{video['name']}").json()
    assert (failed["state"], failed["error"]) == ("FAILED", text["error"])
    assert "videoMetadata" not in failed


def test_a_file_that_only_looks_as_if_it_failed(near):
    assert upload(near, FAILS + b" not\n")["state"] == "ACTIVE"
    assert upload(near, b" " + FAILS)["state"] == "ACTIVE"


# Use in other requests


def cached(uri, mime="text/plain", **more):
    parts = [{"text": "word " * 1000}, {"fileData": {"fileUri": uri, "mimeType": mime}}]
    return {"model": "models/gemini-2.5-flash", "contents": [{"role": "user", "parts": parts}], **more}


def test_a_cache_of_files(near, clock):
    text = upload(near, b"x" * 40_000, "text/plain")
    made = near.post("/v1beta/cachedContents", json=cached(text["uri"])).json()
    assert made["usageMetadata"]["totalTokenCount"] == 10_000 + 1_250
    video = upload(near, bytes(1_000_000), "video/mp4")
    early = near.post("/v1beta/cachedContents", json=cached(video["uri"]))
    own = video["name"].removeprefix("files/")
    assert refused(early) == (
        400,
        "FAILED_PRECONDITION",
        f"The File {own} is not in an ACTIVE state and usage is not allowed.",
    )
    clock.advance(2)
    made = near.post("/v1beta/cachedContents", json=cached(video["uri"].replace("v1beta", "v1"))).json()
    assert made["usageMetadata"]["totalTokenCount"] == 8 * 258 + 1_250
    failed = upload(near, FAILS)
    assert near.post("/v1beta/cachedContents", json=cached(failed["uri"])).status_code == 400
    near.delete(f"/v1beta/{text['name']}")
    absent = near.post("/v1beta/cachedContents", json=cached(text["uri"]))
    assert refused(absent)[0] == 403
    system = {"systemInstruction": {"parts": [{"fileData": {"fileUri": text["uri"]}}]}}
    assert near.post("/v1beta/cachedContents", json=cached("https://x/files/f1", **system)).status_code == 400
    assert near.post("/v1beta/cachedContents", json=cached("https://x/files/f1")).status_code == 200


@pytest.mark.parametrize(
    ("mime", "size", "count"),
    [
        ("text/markdown", 9, 3), ("text/plain", 0, 1), ("application/json", 400, 100), ("jsonl", 400, 100),
        ("image/png", 10**6, 258), ("audio/mp3", 160_000, 320), ("video/mp4", 1, 258), ("video/mp4", 10**6, 2_064),
        ("application/pdf", 1, 258), ("application/pdf", 10**6, 10_000),
    ],
)  # fmt: skip
def test_what_a_file_counts_for(mime, size, count):
    message = {"contents": [{"parts": [{"fileData": {"fileUri": "u", "mimeType": "text/plain"}}]}]}
    assert sum(tokens.estimate(message, {"u": (mime, size)}).values()) == count


def test_find_and_usable(near):
    world = near.app.world
    upload(near, name="files/x")
    with world.turn():
        assert files.find(world, PROJECT, "files/x") == files.usable(world, PROJECT, "files/x")
        with pytest.raises(Refusal, match="You do not have permission to access the File y or it may not exist"):
            files.find(world, PROJECT, "files/y")
        with pytest.raises(Refusal):
            files.find(world, "other", "files/x")


# Downloads


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
def test_downloads(http, app, size):
    data = random.Random(size).randbytes(size)
    name = generate(app, data).name
    for path in (f"/v1beta/{name}", f"/download/v1beta/{name}", f"/v1/{name}"):
        response = http.get(f"{path}:download?alt=media")
        assert (response.status_code, response.content) == (200, data)
        assert response.headers["content-type"] == "application/jsonl"
        assert response.headers["content-length"] == str(size)


def test_downloads_that_are_refused(near):
    own = upload(near)["name"]
    code, status, message = refused(near.get(f"/v1beta/{own}:download?alt=media"))
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert "GENERATED" in message
    assert near.get("/v1beta/files/none:download?alt=media").status_code == 403
    name = generate(near.app, b"x").name
    assert near.get(f"/v1beta/{name}:download").status_code == 400
    near.app.world._now.advance(timedelta(hours=48))
    assert near.get(f"/v1beta/{name}:download?alt=media").status_code == 403


def test_a_download_goes_on_when_the_file_is_gone(store, clock):
    app = App(World(store, now=clock))
    data = random.Random(2).randbytes(3 * PIECE)
    name = generate(app, data, "files/short").name
    answer = app.handle(Request("GET", f"/v1beta/{name}:download", (("alt", "media"),), {"x-goog-api-key": KEY}))
    assert door(app).delete(f"/v1beta/{name}").status_code == 200
    assert b"".join(answer.pieces()) == data


@pytest.mark.parametrize("at", [0, 1, PIECE, PIECE + 7, 2 * PIECE])
def test_a_download_that_breaks_off(http, app, at):
    name = generate(app, bytes(2 * PIECE + 1)).name
    app.set_faults([Fault("cut", at_bytes=at)])
    got = bytearray()
    with pytest.raises(httpx.RemoteProtocolError), http.stream("GET", f"/v1beta/{name}:download?alt=media") as response:
        for piece in response.iter_raw():
            got += piece
    assert len(got) == at
    app.set_faults([Fault("cut", at_bytes=10**9)])
    assert len(http.get(f"/v1beta/{name}:download?alt=media").content) == 2 * PIECE + 1


def test_a_large_download_in_little_memory(tmp_path, clock):
    app = App(World(FileStore(tmp_path), now=clock))
    name = generate(app, bytes(32 * PIECE)).name
    tracemalloc.start()
    with door(app).stream("GET", f"/v1beta/{name}:download?alt=media") as response:
        assert sum(len(piece) for piece in response.iter_raw()) == 32 * PIECE
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * PIECE


# Kills


def test_an_upload_outlives_the_process(store, clock):
    data = random.Random(4).randbytes(2 * GRAIN + 5)
    url = start(door(App(World(store, now=clock))), len(data), displayName="d")
    for offset in (0, GRAIN):
        survivor = door(App(World(store, now=clock)))
        assert where(send(survivor, url, command="query")) == ("active", offset)
        assert send(survivor, url, data[offset : offset + GRAIN], "upload", offset).status_code == 200
    app = App(World(store, now=clock))
    file = send(door(app), url, data[2 * GRAIN :], "upload, finalize", 2 * GRAIN).json()["file"]
    assert file["sha256Hash"] == hashed(data)
    survivor = App(World(store, now=clock))
    assert kept(survivor, file["name"]) == data
    assert send(door(survivor), url, command="query").json() == {"file": file}


@pytest.mark.parametrize("arrived", [0, 1, 255, GRAIN - 1, GRAIN])
def test_a_kill_within_a_chunk(tmp_path, clock, arrived):
    data = random.Random(5).randbytes(2 * GRAIN)
    http = door(App(World(FileStore(tmp_path), now=clock)))
    url = start(http, len(data))
    assert send(http, url, data[:GRAIN], "upload").status_code == 200
    (blob,) = (tmp_path / "blobs").iterdir()
    with blob.open("ab") as half:  # what somebody wrote who was killed over it
        half.write(data[GRAIN : GRAIN + arrived])
    survivor = App(World(FileStore(tmp_path), now=clock))
    http = door(survivor)
    again = send(http, url, data[GRAIN:], "upload, finalize", GRAIN)
    assert again.status_code == (400 if arrived else 200)
    if arrived:
        state, offset = where(send(http, url, command="query"))
        assert (state, offset) == ("active", GRAIN + arrived)
        again = send(http, url, data[offset:], "upload, finalize", offset)
    assert again.json()["file"]["sha256Hash"] == hashed(data)


def test_a_kill_between_the_records_of_a_finalize(tmp_path, clock):
    http = door(App(World(FileStore(tmp_path), now=clock)))
    url = start(http, 5)
    file = send(http, url, b"12345").json()["file"]
    log = tmp_path / "world.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4  # header, upload, file, end of the upload
    log.write_bytes(b"".join(lines[:3]))
    http = door(App(World(FileStore(tmp_path), now=clock)))
    query = send(http, url, command="query")
    assert (where(query), query.json()) == (("final", 5), {"file": file})
    assert len(http.get("/v1beta/files").json()["files"]) == 1
    log.write_bytes(b"".join(lines[:2]))
    http = door(App(World(FileStore(tmp_path), now=clock)))
    assert where(send(http, url, command="query")) == ("active", 5)
    assert send(http, url, b"", "finalize", 5).json()["file"]["sha256Hash"] == file["sha256Hash"]
    log.write_bytes(b"".join(lines[:3]))
    http = door(App(World(FileStore(tmp_path), now=clock)))
    http.delete(f"/v1beta/{file['name']}")
    assert send(http, url, command="query").status_code == 404


def test_processes_that_are_killed_while_they_receive(tmp_path):
    program = (
        "import random, sys, httpx\n"
        "from gemctl.emulator.app import App\n"
        "from gemctl.emulator.store import FileStore\n"
        "from gemctl.emulator.transport import EmulatorTransport\n"
        "from gemctl.emulator.world import World\n"
        "transport = EmulatorTransport(App(World(FileStore(sys.argv[1]))))\n"
        "http = httpx.Client(transport=transport, base_url='http://emulator.test', headers={'x-goog-api-key': 'k'})\n"
        "head = {'X-Goog-Upload-Protocol': 'resumable', 'X-Goog-Upload-Command': 'start'}\n"
        "url = http.post('/upload/v1/files', headers=head, json={'file': {'mimeType': 'text/plain'}})"
        ".headers['x-goog-upload-url']\n"
        "print(url, flush=True)\n"
        "data = random.Random(6).randbytes(262144)\n"
        "for offset in range(0, 10**10, len(data)):\n"
        "    head = {'X-Goog-Upload-Command': 'upload', 'X-Goog-Upload-Offset': str(offset)}\n"
        "    assert http.post(url, headers=head, content=data).status_code == 200\n"
        "    print(offset + len(data), flush=True)\n"
    )
    worker = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    url = worker.stdout.readline().strip()
    for _ in range(20):
        worker.stdout.readline()
    worker.kill()
    answered = [line for line in worker.communicate()[0].splitlines(keepends=True) if line.endswith("\n")]
    app = App(World(FileStore(tmp_path)))
    state, size = where(send(door(app), url, command="query"))
    assert state == "active"
    assert size >= int(answered[-1]) if answered else 20 * GRAIN
    file = send(door(app), url, b"", "finalize", size).json()["file"]
    data = random.Random(6).randbytes(GRAIN)
    assert file["sha256Hash"] == hashed((data * (size // GRAIN + 1))[:size])


def test_a_full_disk(store, clock, monkeypatch, caplog):
    app = App(World(store, now=clock))
    http = door(app)
    url = start(http, 5)

    def full(blob, data):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(app.world.blobs, "append", full)
        assert send(http, url, b"12345").status_code == 500
    assert where(send(http, url, command="query")) == ("active", 0)
    assert send(http, url, b"12345").status_code == 200


# Blobs


@pytest.fixture(params=["memory", "file"])
def blobs(request, tmp_path):
    return MemoryBlobs() if request.param == "memory" else FileBlobs(Folder(tmp_path / "blobs"))


def test_blobs(blobs):
    one, two = blobs.new(), blobs.new()
    assert one != two
    data = random.Random(8).randbytes(2 * PIECE + 3)
    blobs.append(one, data[:PIECE])
    blobs.append(one, data[PIECE:])
    assert (blobs.size(one), blobs.size(two)) == (len(data), 0)
    pieces = list(blobs.read(one))
    assert [len(piece) for piece in pieces] == [PIECE, PIECE, 3]
    assert b"".join(pieces) == data
    for start_, length in ((0, 0), (5, 10), (PIECE - 1, 2), (len(data) - 1, 10), (len(data), 1), (len(data) + 5, None)):
        end = None if length is None else start_ + length
        assert b"".join(blobs.read(one, start_, length)) == data[start_:end]
    blobs.read(one)  # nobody reads on
    for absent in (one, "", "../world.jsonl", "." * 32):
        blobs.discard(absent)
        blobs.discard(absent)
        for ask in (blobs.size, lambda blob: blobs.append(blob, b""), lambda blob: list(blobs.read(blob))):
            with pytest.raises(FileNotFoundError):
                ask(absent)
    blobs.collect(lambda: {two})
    assert blobs.size(two) == 0
    blobs.collect(set)
    with pytest.raises(FileNotFoundError):
        blobs.size(two)
    blobs.collect(lambda: pytest.fail("there is nothing to ask about"))


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []), (b"a", [b"a"]), (b"a\n", [b"a"]), (b"a\nb", [b"a", b"b"]), (b"\n", [b""]),
        (b"\n\na", [b"", b"", b"a"]), (b"a\r\n", [b"a\r"]), (b"x" * (2 * PIECE) + b"\ny", [b"x" * (2 * PIECE), b"y"]),
        (b"x" * PIECE + b"\n", [b"x" * PIECE]), (b"x" * (PIECE - 1) + b"\ny", [b"x" * (PIECE - 1), b"y"]),
    ],
)  # fmt: skip
def test_lines(blobs, data, lines):
    blob = blobs.new()
    blobs.append(blob, data)
    assert list(blobs.lines(blob)) == lines


@given(st.lists(st.binary(max_size=6)))
def test_lines_of_any_pieces(pieces):
    assert list(_lines(pieces)) == [line.removesuffix(b"\n") for line in io.BytesIO(b"".join(pieces))]


def test_a_full_disk_leaves_a_blob_as_it_was(tmp_path, monkeypatch):
    blobs = FileBlobs(Folder(tmp_path))
    blob = blobs.new()
    blobs.append(blob, b"before")
    write = os.write
    answers = iter([3])

    def small(handle, data):
        count = next(answers, None)
        if count is None:
            raise OSError(28, "No space left on device")
        return write(handle, bytes(data)[:count])

    monkeypatch.setattr(os, "write", small)
    with pytest.raises(OSError, match="No space"):
        blobs.append(blob, b"something")
    assert b"".join(blobs.read(blob)) == b"before"


def test_only_the_user_can_read_blobs(tmp_path, clock):
    upload(door(App(World(FileStore(tmp_path / "world"), now=clock))))
    folder = tmp_path / "world/blobs"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_blobs_end_with_what_needs_them(tmp_path, clock):
    http = door(App(World(FileStore(tmp_path), now=clock)))
    folder = tmp_path / "blobs"

    def count():
        return len(list(folder.iterdir()))

    file = upload(http)
    cancelled, refused_, unfinished = start(http, 5), start(http, 5, "bad/type"), start(http, 5)
    assert count() == 4
    send(http, cancelled, command="cancel")
    send(http, refused_, b"12345")
    assert count() == 2
    clock.advance(timedelta(hours=47))
    assert http.get(f"/v1beta/{file['name']}").status_code == 200
    assert count() == 2
    clock.advance(timedelta(hours=1))
    http.get("/v1beta/files")
    assert count() == 1
    assert where(send(http, unfinished, command="query")) == ("active", 0)
    clock.advance(timedelta(days=7))
    http.get("/v1beta/files")
    assert count() == 0
    http.delete(f"/v1beta/{upload(http)['name']}")
    assert count() == 0


def test_what_the_dead_left_is_swept_at_the_start(tmp_path, clock):
    app = App(World(FileStore(tmp_path), now=clock))
    name = upload(door(app))["name"]
    folder = tmp_path / "blobs"
    (folder / ("0" * 32)).write_bytes(b"of somebody who was killed before he could say what for")
    (folder / "notes.txt").write_text("a user's own")
    survivor = App(World(FileStore(tmp_path), now=clock))
    assert kept(survivor, name) == b"hello"
    survivor.effects  # noqa: B018  the first turn
    assert len(list(folder.iterdir())) == 2
    assert (folder / "notes.txt").exists()
    assert kept(survivor, name) == b"hello"


# Faults


@pytest.mark.parametrize(
    ("fault", "heard", "files_made"),
    [
        (Fault("before"), httpx.TransportError, 0),
        (Fault("after"), httpx.TransportError, 1),
        (Fault("status_before"), 503, 0),
        (Fault("status_after", status=500), 500, 1),
        (Fault("duplicate"), 200, 1),
        (Fault("cut", at_bytes=20), httpx.RemoteProtocolError, 1),
        (Fault("late", delay=30), httpx.TransportError, 0),
        (Fault("late", delay=30, status=504), 504, 0),
        (Fault("slow", delay=0.01), 200, 1),
        (Fault("stale", delay=5), 200, 1),
    ],
)
def test_faults_of_the_last_chunk(http, app, clock, fault, heard, files_made):
    data = random.Random(9).randbytes(GRAIN + 9)
    url = start(http, len(data))
    app.set_faults([fault])
    if isinstance(heard, int):
        assert send(http, url, data).status_code == heard
    else:
        with pytest.raises(heard):
            send(http, url, data)
    app.set_faults([])
    assert len(app.world.objects("files")) == files_made
    # Whatever happened, asking is enough to know how to go on.
    query = send(http, url, command="query")
    if files_made:
        assert where(query) == ("final", len(data))
        assert query.json()["file"]["sha256Hash"] == hashed(data)
    else:
        assert where(query) == ("active", 0)
        assert send(http, url, data).status_code == 200
    clock.advance(60)
    assert len(http.get("/v1beta/files").json()["files"]) == 1  # what came late came too late


@pytest.mark.parametrize("kind", ["before", "after", "status_before", "status_after", "duplicate", "late"])
def test_faults_of_a_start(near, kind):
    near.app.set_faults([Fault(kind, delay=1)])
    response = None
    try:
        response = begin(near, 5, name="files/x")
    except httpx.TransportError:
        assert kind in ("before", "after", "late")
    near.app.set_faults([])
    started = near.app.world.objects("uploads")
    assert len(started) == {"after": 1, "status_after": 1, "duplicate": 2}.get(kind, 0)
    if kind == "duplicate":
        assert send(near, response.headers["x-goog-upload-url"], b"12345").status_code == 200
    assert upload(near, name="files/y")


def test_an_answer_that_was_not_heard_in_the_middle(http, app):
    data = random.Random(10).randbytes(3 * GRAIN)
    url = start(http, len(data))
    app.set_faults([Fault("after", nth=frozenset({1}))])
    with pytest.raises(httpx.TransportError):
        send(http, url, data[:GRAIN], "upload")
    repeated = send(http, url, data[:GRAIN], "upload")
    assert (repeated.status_code, where(repeated)) == (400, ("active", GRAIN))
    assert send(http, url, data[GRAIN:], "upload, finalize", GRAIN).json()["file"]["sha256Hash"] == hashed(data)


def test_a_late_chunk_arrives_with_its_headers_and_bytes(store, clock):
    first = App(World(store, now=clock))
    data = random.Random(11).randbytes(3 * GRAIN)
    url = start(door(first), len(data))
    first.set_faults([Fault("late", delay=30)])
    with pytest.raises(httpx.ReadError):
        send(door(first), url, data[:GRAIN], "upload")
    with pytest.raises(httpx.ReadError):
        send(door(first), url, data[GRAIN:], "upload, finalize", GRAIN)
    if isinstance(store, FileStore):
        assert (store.folder.path / "world.jsonl").stat().st_size < 5_000  # the bytes are elsewhere
    clock.advance(29)
    second = App(World(store, now=clock))
    assert where(send(door(second), url, command="query")) == ("active", 0)
    clock.advance(1)
    third = App(World(store, now=clock))
    (file,) = door(third).get("/v1beta/files").json()["files"]
    assert (file["sha256Hash"], file["createTime"]) == (hashed(data), "2026-01-01T00:00:30.000000Z")
    if isinstance(store, FileStore):
        clock.advance(3_600)
        assert third.effects
        assert len(list((store.folder.path / "blobs").iterdir())) == 1


def test_a_late_start_begins_an_upload_that_nobody_knows(near, clock):
    near.app.set_faults([Fault("late", delay=1, nth=frozenset({1}))])
    with pytest.raises(httpx.ReadError):
        begin(near, 5, name="files/x")
    clock.advance(1)
    assert [effect.collection for effect in near.app.effects] == ["uploads"]
    assert upload(near, name="files/x")


def test_a_stale_read_sees_a_file_in_its_earlier_state(near, clock):
    name = upload(near, mime="video/mp4")["name"]
    clock.advance(10)
    assert near.get(f"/v1beta/{name}").json()["state"] == "ACTIVE"
    near.app.set_faults([Fault("stale", delay=9)])
    assert near.get(f"/v1beta/{name}").json()["state"] == "PROCESSING"
    near.app.set_faults([Fault("stale", delay=11)])
    assert near.get(f"/v1beta/{name}").status_code == 403


def test_a_stale_download_of_a_file_that_is_gone(near):
    name = generate(near.app, b"x", "files/short").name
    near.delete(f"/v1beta/{name}")
    near.app.set_faults([Fault("stale")])
    assert near.get(f"/v1beta/{name}").status_code == 200
    near.app.set_faults([Fault("stale")])
    assert near.get(f"/v1beta/{name}:download?alt=media").status_code == 403


def test_a_client_that_hangs_up_has_sent_nothing(front, clock, capfd):
    door_, base_url = front
    door_.app = App(World(now=clock))
    http = httpx.Client(base_url=base_url, headers={"x-goog-api-key": KEY}, trust_env=False, verify=False)
    data = random.Random(12).randbytes(2 * GRAIN)
    url = start(http, len(data))
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as line:
        line.sendall(
            f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(data)}\r\n"
            "X-Goog-Upload-Command: upload, finalize\r\nX-Goog-Upload-Offset: 0\r\n\r\n".encode()
            + data[:GRAIN]
        )
    assert where(send(http, url, command="query")) == ("active", 0)
    assert send(http, url, data).json()["file"]["sha256Hash"] == hashed(data)
    http.close()
    assert capfd.readouterr() == ("", "")


# Any bytes in any chunks


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(0, 15), max_size=6), restart=st.booleans(), on=st.data())
def test_any_chunks_of_any_bytes(tmp_path_factory, monkeypatch, data, cuts, restart, on):
    monkeypatch.setattr(uploads, "GRANULARITY", 4)
    store = on.draw(st.sampled_from([MemoryStore, lambda: FileStore(tmp_path_factory.mktemp("world"))]))()
    app = App(World(store))
    http = door(app)
    url = start(http, on.draw(st.sampled_from([None, len(data)])))
    at = 0
    for end in sorted({4 * cut for cut in cuts if 4 * cut <= len(data)}):
        assert where(send(http, url, data[at:end], "upload", at)) == ("active", end)
        assert send(http, url, data[:1], "upload", end + 1).status_code == 400
        at = end
        if restart:
            http = door(App(World(store)))
    file = send(http, url, data[at:], "upload, finalize", at).json()["file"]
    assert file["sha256Hash"] == hashed(data)
    assert kept(App(World(store)), file["name"]) == data
    assert json.loads(http.get(f"/v1beta/{file['name']}").content) == file
