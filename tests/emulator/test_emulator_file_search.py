"""File search stores: their names and counters, and their documents, which come in by uploads and imports, are indexed
by the clock, and fail where a text asks for it."""

import hashlib
import json
import random
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from conftest import Caller

from gemctl.emulator.app import App, Request
from gemctl.emulator.blobs import PIECE
from gemctl.emulator.faults import Fault
from gemctl.emulator.pace import Indexing
from gemctl.emulator.rows import Rows
from gemctl.emulator.surfaces import file_search_documents as documents
from gemctl.emulator.surfaces import file_search_stores as stores
from gemctl.emulator.surfaces import files, uploads
from gemctl.emulator.world import World

PROJECT = "emulated-project"
START = "2026-01-01T00:00:00.000000Z"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
GRAIN = 256 * 1024


def new_store(caller, display_name="Handbook", **fields):
    return caller.json("POST", "fileSearchStores", {"displayName": display_name, **fields})["name"]


def send(caller, url, data=b"", command="upload, finalize", offset=0):
    """What goes to the URL of an upload, without a key."""
    parts = urlsplit(url)
    headers = {"x-goog-upload-command": command, "x-goog-upload-offset": str(offset)}
    answer = caller.app.handle(Request("POST", parts.path, tuple(parse_qsl(parts.query)), headers, data))
    assert not caller.app.bugs
    return answer


def begin(caller, name, size=None, mime="text/plain", body=None, **headers):
    head = {
        "x-goog-api-key": "some-key",
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-type": mime,
        **({} if size is None else {"x-goog-upload-header-content-length": str(size)}),
        **headers,
    }
    path = f"/upload/v1beta/{name}:uploadToFileSearchStore"
    answer = caller.app.handle(Request("POST", path, (), head, json.dumps(body or {}).encode()))
    assert not caller.app.bugs
    return answer


def upload(caller, name, data=b"some words", mime="text/plain", **body):
    """The answer to the end of an upload, or to its start where that is refused."""
    begun = begin(caller, name, len(data), mime, body)
    return begun if begun.status != 200 else send(caller, begun.headers["X-Goog-Upload-URL"], data)


def document(caller, name, data=b"some words", mime="text/plain", **body):
    """The name of a new document."""
    answer = upload(caller, name, data, mime, **body)
    assert answer.status == 200, answer.body
    return f"{name}/documents/" + json.loads(answer.body)["name"].rpartition("/")[2]


def file(caller, data=b"some words", mime="text/plain", **about):
    """The name of a File."""
    with caller.app.world.turn():
        list(caller.app.world.advance())
        blob = caller.app.world.blobs.new()
        caller.app.world.blobs.append(blob, data)
        row = files.make_generated(
            caller.app.world, caller.app.world.blobs, PROJECT, about.get("name", "files/d9jsb1-hxh364"), blob, mime,
            about.get("display_name", "words.txt"),
        )  # fmt: skip
    return row.name


def refused(answer):
    error = json.loads(answer.body)["error"]
    return answer.status, error["status"], error["message"]


# Stores


def test_the_life_of_a_store(caller, clock):
    made = caller.json("POST", "fileSearchStores", {"displayName": "My Handbook"})
    assert re.fullmatch("fileSearchStores/my-handbook-[a-z0-9]{12}", made["name"])
    assert made == {
        "name": made["name"],
        "displayName": "My Handbook",
        "createTime": START,
        "updateTime": START,
        "embeddingModel": "models/gemini-embedding-001",
    }
    assert caller.json("GET", made["name"]) == made
    assert caller.json("GET", "fileSearchStores") == {"fileSearchStores": [made]}
    clock.advance(10**9)
    assert caller.json("GET", made["name"]) == made  # for ever
    assert caller.json("DELETE", made["name"]) == {}
    assert caller.json("GET", "fileSearchStores") == {}
    for method in ("GET", "DELETE"):
        assert caller.error(method, made["name"])[:2] == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("display_name", "slug"),
    [
        ("my_example_store", "myexamplestore"),
        ("your-fileSearchStore-name", "yourfilesearchstorename"),
        ("Project Gutenberg Collection", "project-gutenberg-collectio"),
        ("A_Survey_of_Modernist_Poetry.txt", "asurveyofmodernistpoetrytxt"),
        ("abcdefghij abcdefghij abcd efgh", "abcdefghij-abcdefghij-abcd-"),
        (" leading", "leading"),
        ("Größe 10", "gre-10"),
        ("日本", "[a-z0-9]{12}"),
        ("---", "[a-z0-9]{12}"),
        ("", "[a-z0-9]{12}"),
        ("x" * 512, "x" * 27),
    ],
)
def test_names_are_made_of_display_names(caller, display_name, slug):
    name = new_store(caller, display_name)
    assert re.fullmatch(f"fileSearchStores/{slug}-[a-z0-9]{{12}}", name)
    assert caller.json("GET", name).get("displayName", "") == display_name
    assert new_store(caller, display_name) != name  # two of a name are two
    assert re.fullmatch(f"{name}/documents/{slug}-[a-z0-9]{{12}}", document(caller, name, displayName=display_name))


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ({"displayName": "x" * 513}, 400, "display_name: at most 512 characters"),
        ({"embeddingModel": "models/gemini-2.5-flash"}, 404, "is not supported for embedContent"),
        ({"embeddingModel": "models/none"}, 404, "models/none is not found"),
        ({"embeddingModel": "gemini-embedding-001"}, 400, "embedding_model: unexpected model name format"),
        ({"description": "x"}, 400, 'Unknown name "description"'),
        ({"displayName": 1}, 400, "Invalid value at 'display_name'"),
    ],
)
def test_stores_that_cannot_be(caller, body, code, says):
    answer = caller.error("POST", "fileSearchStores", body)
    assert answer[0] == code and says in answer[2]
    assert caller.json("GET", "fileSearchStores") == {}


def test_the_model_of_a_store(caller):
    made = caller.json("POST", "fileSearchStores", {"embedding_model": "models/gemini-embedding-2"})
    assert made["embeddingModel"] == "models/gemini-embedding-2"
    assert "displayName" not in made


@pytest.mark.parametrize("own", ["_bad", "-a", "a-", "Upper", "x" * 41, "%20", "a.b"])
@pytest.mark.parametrize("path", ["", "/documents", "/operations/a", "/upload/operations/a", "/documents/a"])
def test_malformed_names(caller, own, path):
    assert caller.error("GET", f"fileSearchStores/{own}{path}")[:2] == (400, "INVALID_ARGUMENT")


def test_a_store_of_another_project_is_as_none(make):
    caller = make(keys={"mine": "one", "theirs": "two"})
    made = caller.json("POST", "fileSearchStores", {"displayName": "a"}, key="mine")
    for own in (made["name"], "fileSearchStores/never-was"):
        for path in (own, f"{own}/documents", f"{own}/documents/a", f"{own}/operations/a"):
            code, status, message = caller.error("GET", path, key="theirs")
            assert (code, status) == (403, "PERMISSION_DENIED")
            assert "or it may not exist" in message
        for method in (":importFile", ":uploadToFileSearchStore"):
            assert (
                caller.error("POST", own + method, {"fileName": "files/a"} if "import" in method else {}, key="theirs")[
                    0
                ]
                == 403
            )
    assert caller.json("GET", "fileSearchStores", key="theirs") == {}


@pytest.mark.parametrize("path", ["fileSearchStores/a", "fileSearchStores/a/documents/b"])
def test_nothing_can_be_changed(caller, path):
    assert caller.ask("PATCH", path, {"displayName": "x"}).status == 404


def test_pages_of_stores(caller, clock):
    names = []
    for number in range(45):
        names.append(new_store(caller, f"s{number}"))
        clock.advance(1)
    for asked, size in (("", 10), ("0", 10), ("1", 1), ("20", 20), ("21", 20), ("1000", 20)):
        listed, token, pages = [], "", 0
        while pages == 0 or token:
            query = {name: value for name, value in (("pageSize", asked), ("pageToken", token)) if value}
            page = caller.json("GET", "fileSearchStores", query=query)
            assert len(page["fileSearchStores"]) <= size
            listed += [each["name"] for each in page["fileSearchStores"]]
            token, pages = page.get("nextPageToken", ""), pages + 1
        assert listed == names  # the oldest first
        assert pages == -(-45 // size)
    assert caller.error("GET", "fileSearchStores", query={"page_size": "-1"})[0] == 400
    assert caller.error("GET", "fileSearchStores", query={"page_token": "x"})[0] == 400


# Documents


def test_the_life_of_a_document(caller, clock):
    name = new_store(caller)
    clock.advance(1)
    answer = upload(
        caller, name, b"some words", displayName="My_Notes.txt", customMetadata=[{"key": "k", "stringValue": "v"}]
    )
    assert answer.headers["X-Goog-Upload-Status"] == "final"
    operation = json.loads(answer.body)
    own = operation["name"].rpartition("/")[2]
    assert operation == {"name": f"{name}/upload/operations/{own}"}
    shown = {
        "name": f"{name}/documents/{own}",
        "displayName": "My_Notes.txt",
        "customMetadata": [{"key": "k", "stringValue": "v"}],
        "createTime": "2026-01-01T00:00:01.000000Z",
        "updateTime": "2026-01-01T00:00:01.000000Z",
        "state": "STATE_PENDING",
        "sizeBytes": "10",
        "mimeType": "text/plain",
    }
    assert caller.json("GET", shown["name"]) == shown
    assert caller.json("GET", f"{name}/documents") == {"documents": [shown]}
    clock.advance(1.999)
    assert caller.json("GET", operation["name"]) == operation
    clock.advance(0.001)
    indexed = {**shown, "state": "STATE_ACTIVE", "updateTime": "2026-01-01T00:00:03.000000Z"}
    assert caller.json("GET", operation["name"]) == {
        "name": operation["name"],
        "done": True,
        "response": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.UploadToFileSearchStoreResponse",
            "parent": name,
            "documentName": shown["name"],
            "mimeType": "text/plain",
            "sizeBytes": "10",
        },
    }
    assert caller.json("GET", shown["name"]) == indexed
    assert caller.error("DELETE", shown["name"]) == (400, "FAILED_PRECONDITION", "Cannot delete non-empty Document")
    assert caller.json("DELETE", shown["name"], query={"force": "True"}) == {}
    assert caller.json("GET", f"{name}/documents") == {}
    for gone in (shown["name"], operation["name"]):
        assert caller.error("GET", gone)[:2] == (404, "NOT_FOUND")
    assert "Documents does not exist" in caller.error("GET", shown["name"])[2]
    assert caller.error("DELETE", shown["name"])[0] == 404


def counters(caller, name):
    shown = caller.json("GET", name)
    return {key: value for key, value in shown.items() if key.endswith("Count") or key == "sizeBytes"}, shown[
        "updateTime"
    ]


def test_the_counters_of_a_store(caller, clock):
    name = new_store(caller)
    assert counters(caller, name) == ({}, START)
    clock.advance(1)
    first = document(caller, name, b"12345")
    assert counters(caller, name) == ({"pendingDocumentsCount": "1", "sizeBytes": "5"}, "2026-01-01T00:00:01.000000Z")
    clock.advance(1)
    second = document(caller, name, b"[[emulator: document fails]]")
    assert counters(caller, name)[0] == {"pendingDocumentsCount": "2", "sizeBytes": "33"}
    clock.advance(1)
    both = {"activeDocumentsCount": "1", "pendingDocumentsCount": "1", "sizeBytes": "33"}
    assert counters(caller, name) == (both, "2026-01-01T00:00:03.000000Z")
    clock.advance(100)
    both = {"activeDocumentsCount": "1", "failedDocumentsCount": "1", "sizeBytes": "33"}
    assert counters(caller, name) == (both, "2026-01-01T00:00:04.000000Z")  # when it was due, not when it was read
    caller.json("DELETE", first, query={"force": "true"})
    assert counters(caller, name) == ({"failedDocumentsCount": "1", "sizeBytes": "28"}, "2026-01-01T00:01:43.000000Z")
    caller.json("DELETE", second)
    assert counters(caller, name)[0] == {}


@pytest.mark.parametrize("force", ["true", "True", "TRUE"])
def test_a_store_with_documents_is_deleted_by_force(caller, clock, force):
    name = new_store(caller)
    document(caller, name)
    answer = (400, "FAILED_PRECONDITION", "Cannot delete non-empty FileSearchStore")
    for said in ({}, {"force": ""}, {"force": "false"}, {"force": "False"}):
        assert caller.error("DELETE", name, query=said) == answer
    assert caller.error("DELETE", name, query={"force": "yes"})[:2] == (400, "INVALID_ARGUMENT")
    assert caller.json("DELETE", name, query={"force": force}) == {}
    assert [row.collection for row in caller.app.world.objects(f"{name}/documents")] == []
    clock.advance(10)  # what was to be indexed is not
    assert [effect.kind for effect in caller.app.effects if effect.collection != "uploads"] == [
        "created", "created", "counted", "deleted", "deleted",
    ]  # fmt: skip


def test_documents_that_need_no_force(caller, clock):
    name = new_store(caller)
    pending = document(caller, name, displayName="[[emulator: document stays]]")
    failed = document(caller, name, displayName="[[emulator: document fails]]")
    empty = caller.json("POST", f"{name}:uploadToFileSearchStore", {"displayName": "empty"})["name"]
    clock.advance(10)
    for each in (pending, failed, f"{name}/documents/{empty.rpartition('/')[2]}"):
        assert caller.json("DELETE", each) == {}
    assert counters(caller, name)[0] == {}


def test_pages_of_documents(make):
    caller = make(document_pending=timedelta(0))
    name, other = new_store(caller), new_store(caller)
    names = [document(caller, name) for _ in range(45)]
    document(caller, other)
    listed, token = [], ""
    while not listed or token:
        page = caller.json(
            "GET", f"{name}/documents", query={"pageSize": "20", **({"pageToken": token} if token else {})}
        )
        listed += [each["name"] for each in page["documents"]]
        token = page.get("nextPageToken", "")
    assert listed == names
    assert len(caller.json("GET", f"{name}/documents")["documents"]) == 10
    for size in ("21", "100", "-1", "x"):
        assert caller.error("GET", f"{name}/documents", query={"pageSize": size})[:2] == (400, "INVALID_ARGUMENT")
    elsewhere = caller.json("GET", f"{name}/documents", query={"page_size": "1"})["nextPageToken"]
    assert caller.error("GET", f"{other}/documents", query={"page_token": elsewhere})[0] == 400


def entries(count, **more):
    return [{"key": f"k{number}", "stringValue": "v", **more} for number in range(count)]


METADATA = [
    ([{"key": "a", "string_value": "v"}], [{"key": "a", "stringValue": "v"}]),
    ([{"key": "a", "numeric_value": 3.0}], [{"key": "a", "numericValue": 3}]),
    ([{"key": "a", "numericValue": "2.5"}], [{"key": "a", "numericValue": 2.5}]),
    ([{"key": "a", "numericValue": 1e300}], [{"key": "a", "numericValue": 1e300}]),
    (
        [{"key": "a", "string_list_value": {"values": ["x", "y"]}}],
        [{"key": "a", "stringListValue": {"values": ["x", "y"]}}],
    ),
    ([{"key": "a", "stringValue": ""}], [{"key": "a", "stringValue": ""}]),
    ({"key": "a", "stringValue": "one for a list"}, [{"key": "a", "stringValue": "one for a list"}]),
    (entries(20), entries(20)),
]


@pytest.mark.parametrize(("given", "shown"), METADATA)
@pytest.mark.parametrize("how", ["upload", "import"])
def test_custom_metadata_are_returned_as_given(caller, given, shown, how):
    name = new_store(caller)
    if how == "upload":
        own = document(caller, name, custom_metadata=given)
    else:
        body = {"fileName": file(caller), "customMetadata": given}
        own = f"{name}/documents/" + caller.json("POST", f"{name}:importFile", body)["name"].rpartition("/")[2]
    assert caller.json("GET", own)["customMetadata"] == shown


CHUNKS = "chunkingConfig"
WRONG = [
    ({"customMetadata": entries(21)}, "at most 20 entries"),
    ({"customMetadata": [*entries(1), *entries(1)]}, "'k0' is given twice"),
    ({"customMetadata": [{"stringValue": "v"}]}, "key is required"),
    ({"customMetadata": [{"key": "a"}]}, "one of string_value, numeric_value and string_list_value"),
    ({"customMetadata": entries(1, numericValue=1)}, "oneof field 'value' is already set"),
    ({"customMetadata": [{"key": "a", "boolValue": True}]}, 'Unknown name "boolValue"'),
    ({CHUNKS: {"whiteSpaceConfig": {"maxTokensPerChunk": 513}}}, "must be in the range [1, 512]"),
    ({CHUNKS: {"white_space_config": {"max_tokens_per_chunk": -1}}}, "must be in the range [1, 512]"),
    ({CHUNKS: {"whiteSpaceConfig": {"maxTokensPerChunk": 10, "maxOverlapTokens": 10}}}, "must be less than"),
    ({CHUNKS: {"whiteSpaceConfig": {"maxOverlapTokens": -1}}}, "must be less than"),
    ({CHUNKS: {"whiteSpaceConfig": {"maxTokensPerChunk": "many"}}}, "Invalid value at"),
    ({CHUNKS: {"other": {}}}, 'Unknown name "other"'),
    ({"colour": "red"}, 'Unknown name "colour"'),
]


@pytest.mark.parametrize(("body", "says"), WRONG)
def test_what_documents_cannot_have(caller, body, says):
    name = new_store(caller)
    for answer in (
        upload(caller, name, **body),
        caller.ask("POST", f"{name}:uploadToFileSearchStore", body),
        caller.ask(
            "POST", f"{name}:importFile", {"fileName": file(caller, name=f"files/a{len(caller.app.effects)}"), **body}
        ),
    ):
        code, status, message = refused(answer)
        assert (code, status) == (400, "INVALID_ARGUMENT") and says in message
    assert counters(caller, name)[0] == {}


@pytest.mark.parametrize(
    "config",
    [{}, {"whiteSpaceConfig": {}}, {"white_space_config": {"max_tokens_per_chunk": 512, "max_overlap_tokens": 511}}],
)
def test_chunks_are_checked_and_not_shown(caller, config):
    own = document(caller, new_store(caller), chunking_config=config)
    assert not [key for key in caller.json("GET", own) if "hunk" in key]


# Uploads


def test_the_name_of_a_document(caller):
    name = new_store(caller)
    headers = {"x-goog-upload-file-name": "Guide 1.txt"}
    for body, display_name in (({}, "Guide 1.txt"), ({"displayName": "Mine"}, "Mine")):
        url = begin(caller, name, 1, body=body, **headers).headers["X-Goog-Upload-URL"]
        own = json.loads(send(caller, url, b"1").body)["name"].rpartition("/")[2]
        assert caller.json("GET", f"{name}/documents/{own}")["displayName"] == display_name
    assert "displayName" not in caller.json("GET", document(caller, name))
    code, status, message = refused(upload(caller, name, displayName="x" * 513))
    assert (code, status) == (400, "INVALID_ARGUMENT") and "at most 512" in message


def test_the_type_of_a_document(caller):
    name = new_store(caller)
    for mime, body in (
        ("text/plain", {}),
        ("text/plain", {"mimeType": "text/markdown"}),
        ("text/plain", {"mime_type": DOCX}),
    ):
        own = document(caller, name, mime=mime, **body)
        assert caller.json("GET", own)["mimeType"] == (next(iter(body.values()), mime))
    for wrong in ("nonsense", "/", "text/", "a/b/c", "text plain"):
        code, _, message = refused(upload(caller, name, mimeType=wrong))
        assert code == 400 and message.startswith(
            "* UploadToFileSearchStoreRequest.mime_type: When provided, MIME type"
        )


@pytest.mark.parametrize(
    ("mime", "model", "taken"),
    [
        ("text/x-anything", "gemini-embedding-001", True),
        ("Text/HTML; charset=utf-8", "gemini-embedding-001", True),
        ("application/pdf", "gemini-embedding-001", True),
        (DOCX, "gemini-embedding-001", True),
        ("application/json", "gemini-embedding-001", True),
        ("application/octet-stream", "gemini-embedding-001", False),
        ("image/png", "gemini-embedding-001", False),
        ("image/png", "gemini-embedding-2", True),
        ("audio/mp3", "gemini-embedding-2", False),
        ("video/mp4", "gemini-embedding-2", False),
        ("", "gemini-embedding-001", False),
        ("jsonl", "gemini-embedding-001", False),
    ],
)
def test_types_that_can_be_indexed(caller, mime, model, taken):
    name = new_store(caller, embeddingModel=f"models/{model}")
    answers = [upload(caller, name, mime=mime)]
    if mime:
        answers.append(caller.ask("POST", f"{name}:importFile", {"fileName": file(caller, mime=mime)}))
    for answer in answers:
        if taken:
            assert answer.status == 200
        else:
            assert refused(answer) == (400, "INVALID_ARGUMENT", f"Unsupported MIME type: {mime}")
    assert bool(counters(caller, name)[0]) == taken


def test_an_upload_in_chunks(caller, clock):
    name, data = new_store(caller), random.Random(1).randbytes(2 * GRAIN + 5)
    url = begin(caller, name, len(data)).headers["X-Goog-Upload-URL"]
    assert urlsplit(url).path == f"/upload/v1beta/{name}:uploadToFileSearchStore"
    for at in (0, GRAIN):
        sent = send(caller, url, data[at : at + GRAIN], "upload", at)
        assert sent.headers["X-Goog-Upload-Status"] == "active" and json.loads(sent.body) == {}
    assert counters(caller, name)[0] == {}
    operation = json.loads(send(caller, url, data[2 * GRAIN :], offset=2 * GRAIN).body)
    assert json.loads(send(caller, url, command="query").body) == operation
    clock.advance(2)
    asked = json.loads(send(caller, url, command="query").body)
    assert asked["response"]["sizeBytes"] == str(len(data)) and "done" not in asked
    assert send(caller, url, data).status == 400
    (row,) = caller.app.world.objects(f"{name}/documents")
    assert row.body["sha256"] == hashlib.sha256(data).hexdigest()
    caller.json("DELETE", name, query={"force": "true"})
    assert json.loads(send(caller, url, command="query").body) == {}


def test_the_bytes_of_a_document_are_not_kept(caller):
    name = new_store(caller)
    document(caller, name)
    url = begin(caller, name, 5).headers["X-Goog-Upload-URL"]
    with caller.app.world.turn():
        caller.app.world.blobs.collect(set)  # of the upload that is under way
        assert not caller.app.world.blobs._blobs
    assert send(caller, url, b"12345").status == 404


def test_an_upload_that_is_cancelled(caller):
    name = new_store(caller)
    url = begin(caller, name, 5).headers["X-Goog-Upload-URL"]
    assert send(caller, url, command="cancel").headers["X-Goog-Upload-Status"] == "cancelled"
    assert counters(caller, name)[0] == {}


def test_a_store_that_goes_while_bytes_come(caller):
    name = new_store(caller)
    url = begin(caller, name, 5).headers["X-Goog-Upload-URL"]
    caller.json("DELETE", name)
    for _ in range(2):
        last = send(caller, url, b"12345") if _ == 0 else send(caller, url, command="query")
        assert refused(last)[:2] == (403, "PERMISSION_DENIED")
        assert last.headers["X-Goog-Upload-Status"] == "final"


def test_an_empty_file(caller):
    name = new_store(caller)
    code, status, message = refused(upload(caller, name, b""))
    assert (code, status) == (400, "INVALID_ARGUMENT") and "is empty" in message
    answer = caller.ask("POST", f"{name}:importFile", {"fileName": file(caller, b"")})
    assert refused(answer) == (code, status, message)
    assert counters(caller, name)[0] == {}


def test_an_upload_of_metadata_only(caller, clock):
    name = new_store(caller)
    body = {"displayName": "nothing yet", "mimeType": "text/plain", "customMetadata": entries(1)}
    operation = caller.json("POST", f"{name}:uploadToFileSearchStore", body)
    clock.advance(2)
    done = caller.json("GET", operation["name"])
    shown = caller.json("GET", done["response"]["documentName"])
    assert (shown["state"], shown["customMetadata"], shown.get("sizeBytes")) == ("STATE_ACTIVE", entries(1), None)
    assert caller.app.bill()["lines"] == []


@pytest.mark.parametrize("size", [99, 100, 101])
def test_the_largest_document(make, size):
    caller = make(largest_document=100)
    name = new_store(caller)
    for answer in (
        upload(caller, name, bytes(size)),
        caller.ask("POST", f"{name}:importFile", {"fileName": file(caller, bytes(size))}),
    ):
        assert answer.status == (200 if size <= 100 else 400)
        assert size <= 100 or "at most 100 are allowed" in refused(answer)[2]
    unannounced = begin(caller, name).headers["X-Goog-Upload-URL"]
    assert send(caller, unannounced, bytes(size)).status == (200 if size <= 100 else 400)


def test_the_limits_of_the_service():
    limits = Indexing()
    assert (limits.largest, limits.storage) == (104_857_600, 1_000_000_000)


def test_full_storage(make):
    """A document and its vectors take three times its bytes, in all stores of a project together."""
    caller = make(document_storage=300, keys={"mine": "one", "some-key": PROJECT})
    one, two = new_store(caller), new_store(caller)
    first = document(caller, one, bytes(60))
    full = (429, "RESOURCE_EXHAUSTED", "Corpus has reached the storage limit of 300 bytes.")
    assert refused(upload(caller, two, bytes(41))) == full
    assert refused(caller.ask("POST", f"{two}:importFile", {"fileName": file(caller, bytes(41))})) == full
    document(caller, two, bytes(40))
    url = begin(caller, one).headers["X-Goog-Upload-URL"]
    assert refused(send(caller, url, b"1")) == full
    caller.json("DELETE", first)
    document(caller, two, bytes(60))
    theirs = caller.json("POST", "fileSearchStores", {}, key="mine")["name"]
    assert caller.json("POST", f"{theirs}:uploadToFileSearchStore", {}, key="mine")  # the room is each project's


# Imports


def test_an_import(caller, clock):
    name = new_store(caller)
    source = file(caller, display_name="words.txt")
    body = {
        "file_name": source,
        "custom_metadata": entries(2),
        "chunking_config": {"white_space_config": {"max_tokens_per_chunk": 200}},
    }
    operation = caller.json("POST", f"{name}:importFile", body)
    own = operation["name"].rpartition("/")[2]
    assert operation == {"name": f"{name}/operations/{own}"}
    assert re.fullmatch("d9jsb1hxh364-[a-z0-9]{12}", own)
    caller.json("DELETE", source)  # the document does not need it
    clock.advance(2)
    assert caller.json("GET", operation["name"]) == {
        "name": operation["name"],
        "done": True,
        "response": {
            "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.ImportFileResponse",
            "parent": name.partition("/")[2],
            "documentName": own,
        },
    }
    shown = caller.json("GET", f"{name}/documents/{own}")
    assert (shown["displayName"], shown["mimeType"], shown["sizeBytes"]) == ("d9jsb1-hxh364", "text/plain", "10")
    assert caller.error("GET", f"{name}/upload/operations/{own}")[0] == 404  # that of an upload is elsewhere
    uploaded = document(caller, name).rpartition("/")[2]
    assert caller.error("GET", f"{name}/operations/{uploaded}")[:2] == (404, "NOT_FOUND")


def test_files_that_cannot_be_imported(caller, clock):
    name = new_store(caller)

    def told(body):
        return caller.error("POST", f"{name}:importFile", body)

    assert told({})[::2] == (400, "* ImportFileRequest.file_name: file_name is required.")
    assert told({"fileName": "files/none"})[:2] == (403, "PERMISSION_DENIED")
    head = {"x-goog-api-key": "some-key", "x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}
    body = b'{"file": {"name": "files/slow", "mimeType": "video/mp4"}}'
    url = caller.app.handle(Request("POST", "/upload/v1/files", (), head, body)).headers["X-Goog-Upload-URL"]
    assert send(caller, url, b"film").status == 200
    assert told({"fileName": "files/slow"})[:2] == (400, "FAILED_PRECONDITION")
    clock.advance(2)
    assert told({"fileName": "files/slow"})[::2] == (400, "Unsupported MIME type: video/mp4")
    gone = file(caller)
    clock.advance(48 * 3600)
    assert told({"fileName": gone})[:2] == (403, "PERMISSION_DENIED")


# Ends that are asked for


@pytest.mark.parametrize(
    ("mark", "code"),
    [
        ("[[emulator: document fails]]", 13),
        ("[[emulator: document fails 3]]", 3),
        ("no such end", None),
        ("[[emulator: document x]]", None),
    ],
)
@pytest.mark.parametrize("where", ["name", "text", "the second piece", "import", "name of a file"])
def test_a_mark_makes_a_document_fail(caller, clock, mark, code, where):
    name, text = new_store(caller), b"words " + mark.encode()
    if where == "name":
        operation = json.loads(upload(caller, name, displayName=f"a {mark}").body)
    elif where == "text":
        operation = json.loads(upload(caller, name, text).body)
    elif where == "the second piece":
        operation = json.loads(upload(caller, name, b"x" * (PIECE - 10) + mark.encode()).body)
    else:
        source = file(caller, display_name=mark) if where == "name of a file" else file(caller, text)
        operation = caller.json("POST", f"{name}:importFile", {"fileName": source})
    clock.advance(2)
    ended, (shown,) = caller.json("GET", operation["name"]), caller.json("GET", f"{name}/documents")["documents"]
    assert ended["done"] is True
    assert ended.get("error", {}).get("code") == code
    assert ("response" in ended) == (code is None)
    assert shown["state"] == ("STATE_ACTIVE" if code is None else "STATE_FAILED")


def test_a_document_that_fails_once(caller, clock):
    name = new_store(caller)
    states = []
    for text in (
        b"a [[emulator: document fails once]]",
        b"a [[emulator: document fails once]]",
        b"b [[emulator: document fails once]]",
    ):
        own = document(caller, name, text)
        clock.advance(2)
        states.append(caller.json("GET", own)["state"])
    assert states == ["STATE_FAILED", "STATE_ACTIVE", "STATE_FAILED"]


def test_a_document_that_stays(caller, clock):
    name = new_store(caller)
    operation = json.loads(upload(caller, name, displayName="[[emulator: document stays]]").body)
    clock.advance(10**8)
    assert caller.json("GET", operation["name"]) == operation
    assert counters(caller, name)[0]["pendingDocumentsCount"] == "1"


def test_the_knob_that_makes_documents_fail(make, clock):
    caller = make(document_fails="^draft|words")
    name = new_store(caller)
    named = [document(caller, name, displayName=display_name) for display_name in ("draft.md", "a draft", "swords")]
    source = file(caller, display_name="words.txt")
    operation = caller.json("POST", f"{name}:importFile", {"fileName": source})["name"]
    clock.advance(2)
    assert [caller.json("GET", each)["state"] for each in named] == ["STATE_FAILED", "STATE_ACTIVE", "STATE_FAILED"]
    assert caller.json("GET", operation)["error"]["code"] == 13
    caller.app.turn(document_fails=None)
    assert caller.json("GET", named[0])["state"] == "STATE_FAILED"  # what is over is over
    again = document(caller, name, displayName="draft.md")
    clock.advance(2)
    assert caller.json("GET", again)["state"] == "STATE_ACTIVE"


def test_pace(make, clock):
    caller = make(document_pending=timedelta(hours=1), document_at_once=5)
    name = new_store(caller)
    small, large = json.loads(upload(caller, name, b"12345").body), json.loads(upload(caller, name, b"123456").body)
    assert small["response"]["documentName"].startswith(f"{name}/documents/") and "done" not in small
    assert caller.json("GET", small["name"])["done"] is True
    assert set(large) == {"name"}
    assert counters(caller, name)[0] == {"activeDocumentsCount": "1", "pendingDocumentsCount": "1", "sizeBytes": "11"}
    clock.advance(3599)
    assert "done" not in caller.json("GET", large["name"])
    clock.advance(1)
    assert caller.json("GET", large["name"])["done"] is True
    failed = json.loads(upload(caller, name, b"12345", displayName="[[emulator: document fails]]").body)
    assert failed["done"] is True  # that small ones come with an error at once


@pytest.mark.parametrize(
    "knobs",
    [
        {"document_pending": timedelta(-1)},
        {"document_at_once": -1},
        {"largest_document": -1},
        {"document_storage": -1},
        {"document_fails": "("},
    ],
)
def test_knobs_that_make_no_sense(knobs):
    with pytest.raises(ValueError, match="document"):
        App(**knobs)


# Faults, kills and processes


def test_an_answer_that_is_lost(caller):
    """The official clients do not ask again: what was made is there."""
    name = new_store(caller)
    caller.app.set_faults(
        [Fault("after", path="importFile"), Fault("status_after", path="uploadTo", nth=frozenset({2}))]
    )
    assert caller.ask("POST", f"{name}:importFile", {"fileName": file(caller)}).drop
    assert upload(caller, name).status == 503
    assert counters(caller, name)[0]["pendingDocumentsCount"] == "2"


def test_a_create_that_comes_twice(caller):
    caller.app.set_faults([Fault("duplicate", method="POST")])
    name = new_store(caller)
    assert len(caller.json("GET", "fileSearchStores")["fileSearchStores"]) == 2
    caller.json("POST", f"{name}:importFile", {"fileName": file(caller)})
    assert len(caller.json("GET", f"{name}/documents")["documents"]) == 2


def test_a_stale_answer(caller, clock):
    name = new_store(caller)
    own = document(caller, name)
    clock.advance(2)
    assert caller.json("GET", own)["state"] == "STATE_ACTIVE"
    clock.advance(5)
    caller.app.set_faults([Fault("stale", delay=6)])
    assert caller.json("GET", own)["state"] == "STATE_PENDING"
    assert counters(caller, name) == ({"pendingDocumentsCount": "1", "sizeBytes": "10"}, START)
    caller.app.set_faults([])
    assert counters(caller, name)[0] == {"activeDocumentsCount": "1", "sizeBytes": "10"}


def test_lists_that_lag(make, clock):
    caller = make(list_lag=timedelta(seconds=3))
    name = new_store(caller)
    clock.advance(4)
    own = document(caller, name)
    assert caller.json("GET", f"{name}/documents") == {}
    assert caller.json("GET", own)["state"] == "STATE_PENDING"
    clock.advance(4)
    assert len(caller.json("GET", f"{name}/documents")["documents"]) == 1


def test_another_process_goes_on(store, clock):
    first = Caller(App(World(store, now=clock)), clock)
    name = first.json("POST", "fileSearchStores", {"displayName": "a"})["name"]
    document(first, name, b"12345")
    url = begin(first, name, 6).headers["X-Goog-Upload-URL"]
    second = Caller(App(World(store, now=clock)), clock)
    assert send(second, url, b"123456").status == 200
    clock.advance(2)
    for caller in (second, first, Caller(App(World(store, now=clock)), clock)):
        assert counters(caller, name)[0] == {"activeDocumentsCount": "2", "sizeBytes": "11"}


def test_a_kill_after_the_document_was_made(store, clock, monkeypatch):
    """The next process finds it, and makes no other."""
    first = Caller(App(World(store, now=clock)), clock)
    name = first.json("POST", "fileSearchStores", {"displayName": "a"})["name"]
    url = begin(first, name, 5).headers["X-Goog-Upload-URL"]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(uploads, "_end", killed)
        send(first, url, b"12345")
    second = Caller(App(World(store, now=clock)), clock)
    operation = json.loads(send(second, url, command="query").body)
    (made,) = second.json("GET", f"{name}/documents")["documents"]
    assert operation["name"].rpartition("/")[2] == made["name"].rpartition("/")[2]
    assert send(second, url, b"12345").status == 400


def test_a_kill_before_a_document_is_indexed_at_once(store, clock, monkeypatch):
    """It is due all the same."""
    first = Caller(App(World(store, now=clock), document_at_once=9), clock)
    name = first.json("POST", "fileSearchStores", {"displayName": "a"})["name"]

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(documents, "_end", killed)
        upload(first, name, b"12345")
    second = Caller(App(World(store, now=clock), document_at_once=9), clock)
    assert counters(second, name)[0] == {"activeDocumentsCount": "1", "sizeBytes": "5"}


def test_ten_thousand_documents(make, monkeypatch):
    """No request looks at all of them: what a page shows, and one more, is what it reads."""
    caller = make(document_storage=10**12)
    name = new_store(caller)
    with caller.app.world.turn():
        for number in range(10_000):
            body = {"displayName": "", "mimeType": "text/plain", "customMetadata": [], "sizeBytes": 7, "sha256": "",
                    "state": stores.ACTIVE, "came": "operations", "model": "", "counts": {}, "fails": None}  # fmt: skip
            caller.app.world.create(f"{name}/documents", PROJECT, body, name=f"{name}/documents/d{number:05}")
    read = []
    after, whole = Rows.after, Rows.__iter__

    def counted(self, *where, **how):
        for row in after(self, *where, **how):
            read.append(row)
            yield row

    def small(self):
        assert len(self) < 100
        return whole(self)

    monkeypatch.setattr(Rows, "after", counted)
    monkeypatch.setattr(Rows, "__iter__", small)
    page = caller.json("GET", f"{name}/documents", query={"pageSize": "20"})
    page = caller.json("GET", f"{name}/documents", query={"pageSize": "20", "pageToken": page["nextPageToken"]})
    assert page["documents"][0]["name"].endswith("d00020") and len(read) == 42
    assert counters(caller, name)[0] == {"activeDocumentsCount": "10000", "sizeBytes": "70000"}
    own = document(caller, name)
    caller.clock.advance(2)
    assert caller.json("GET", own)["state"] == "STATE_ACTIVE"
    assert counters(caller, name)[0] == {"activeDocumentsCount": "10001", "sizeBytes": "70010"}
    caller.json("DELETE", own, query={"force": "true"})
    assert counters(caller, name)[0] == {"activeDocumentsCount": "10000", "sizeBytes": "70000"}


# The bill


@pytest.mark.parametrize(
    ("model", "size", "mime", "usd"),
    [
        ("gemini-embedding-001", 4_000_000, "text/plain", "0.15"),
        ("gemini-embedding-2", 4_000_000, "text/plain", "0.2"),
        ("gemini-embedding-001", 4_000, "application/json", "0.00015"),
        ("gemini-embedding-2", 4_000, "image/png", "0.0001161"),
    ],
)
def test_indexing_is_paid(caller, clock, model, size, mime, usd):
    name = new_store(caller, embeddingModel=f"models/{model}")
    own = document(caller, name, b"x" * size, mime)
    document(caller, name, b"[[emulator: document fails]]")
    assert caller.app.bill()["lines"] == []  # not before it is indexed
    clock.advance(2)
    (line,) = caller.app.bill()["lines"]
    assert (line["kind"], line["model"], line["name"], line["usd"]) == ("indexing", model, own, usd)
    assert (line["from"], line["until"]) == (START, "2026-01-01T00:00:02.000000Z")
    clock.advance(10**7)
    caller.json("DELETE", name, query={"force": "true"})
    assert caller.app.bill()["total"] == usd  # once, and nothing for storing it


def test_effects_tell_what_happened(caller, clock):
    name = new_store(caller, "Handbook")
    own = document(caller, name, displayName="Notes")
    clock.advance(2)
    caller.json("DELETE", own, query={"force": "true"})
    seen = [effect for effect in caller.app.effects if effect.collection != "uploads"]
    assert [(effect.kind, effect.collection.rpartition("/")[2]) for effect in seen] == [
        ("created", "fileSearchStores"),
        ("created", "documents"),
        ("counted", "fileSearchStores"),
        ("ended", "documents"),
        ("counted", "fileSearchStores"),
        ("deleted", "documents"),
        ("counted", "fileSearchStores"),
    ]
    assert (seen[3].name, seen[3].display_name, seen[3].state, seen[3].model) == (
        own,
        "Notes",
        "STATE_ACTIVE",
        "models/gemini-embedding-001",
    )
    assert seen[3].at == datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)
