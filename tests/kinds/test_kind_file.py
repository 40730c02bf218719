"""File: the canonical form, the upload, and what is read from replies."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.genai import types as official
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Pages, Upload, taken
from gemctl.core.kind import SEAM, FileNeed, InId
from gemctl.core.lifetime import Expires
from gemctl.core.live import Phase
from gemctl.core.mark import Mark
from gemctl.core.quantities import Quantities
from gemctl.core.resource import Attachment, Declared, Lifecycle, Resource
from gemctl.core.source import Positions, Span
from gemctl.kinds.file import KIND, FileSpec
from gemctl.kinds.parts.media_types import BY_SUFFIX, guess

HEX = hashlib.sha256(b"bytes").hexdigest()
BYTES = Attachment(f"sha256:{HEX}", 5, path="docs/book.pdf", binary=True)
MARK = Mark("a" * 10, "b" * 13, "c" * 13)


def declare(**spec: str) -> Declared:
    return KIND.declare(FileSpec.model_validate({"source": "docs/book.pdf", **spec}), {("source",): (BYTES,)})


def resource(declared: Declared) -> Resource:
    spot = Positions(Span("m.yaml", 1, 1, 1, 1))
    return Resource(Address("File", "book"), declared, Lifecycle(), (), {}, {}, spot)


def test_the_seam() -> None:
    assert (KIND.seam, KIND.remote.identity, type(KIND.lifetime)) == (SEAM, InId(), Expires)
    assert KIND.files(FileSpec(source="a/b.pdf")) == (FileNeed(("source",), "a/b.pdf", binary=True),)
    theirs = {field.alias or name for name, field in official.File.model_fields.items()}
    assert {field.alias for field in FileSpec.model_fields.values()} - {"source"} <= theirs


def test_the_canonical_form() -> None:
    form, bytes_ = {"source": BYTES.digest, "mimeType": "application/pdf"}, replace(BYTES, at=("source",))
    sources, uses = {("mimeType",): ("source",)}, Quantities(bytes=5)
    assert declare() == Declared(form, attachments=(bytes_,), sources=sources, quantities=uses)
    named = declare(displayName="Ä", mimeType="text/plain")
    assert named.fields == {"source": BYTES.digest, "mimeType": "text/plain"}  # another name is no other file
    assert named.display_name == "Ä"
    ((at, found),) = declare(source="docs/book").problems
    assert (at, found.code) == (("source",), "E247")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.pdf", "application/pdf"), ("deep/down/A.B.JPG", "image/jpeg"), ("a.md", "text/markdown"),
        ("a.mp3", "audio/mp3"), ("a.mov", "video/quicktime"), ("a.jsonl", "application/jsonl"),
        ("a.tar.gz", None), ("a", None), (".pdf", None), ("a.pdf/b", None), ("a.", None), ("a.ı", None), ("", None),
    ],
)  # fmt: skip
def test_media_types(path: str, expected: str | None) -> None:
    assert guess(path) == expected


def test_the_table_of_media_types_never_changes() -> None:
    """Entries are added; another type for the same end would be another digest for the same file."""
    assert len(BY_SUFFIX) >= 100
    assert all(suffix == suffix.lower() and "." not in suffix for suffix in BY_SUFFIX)
    frozen = "avi flac gif heic html jpeg json m4a mkv mp4 ogg png rtf srt svg tsv txt wav webm webp xml yaml zip"
    assert [BY_SUFFIX[suffix] for suffix in frozen.split()] == [
        "video/avi", "audio/flac", "image/gif", "image/heic", "text/html", "image/jpeg", "application/json",
        "audio/m4a", "video/x-matroska", "video/mp4", "audio/ogg", "image/png", "text/rtf", "text/plain",
        "image/svg+xml", "text/tab-separated-values", "text/plain", "audio/wav", "video/webm", "image/webp",
        "text/xml", "text/plain", "application/zip",
    ]  # fmt: skip


def test_create() -> None:
    call = KIND.remote.create(resource(declare()), MARK, 3)
    name = f"files/g1-{'a' * 10}{'b' * 13}{'c' * 7}-3"
    assert call == Call(
        "POST",
        "files",
        body={"file": {"name": name, "displayName": "book", "mimeType": "application/pdf", "sizeBytes": 5}},
        repeatable=False,
        upload=Upload(BYTES.digest, 5, "application/pdf"),
        numbered=("file", "name"),
    )
    assert taken(call).body == {"file": {**call.body["file"], "name": f"{name[:-1]}4"}}
    assert len(name.removeprefix("files/")) <= 40
    assert KIND.remote.read(call.body).mark == Mark("a" * 10, "b" * 13, "c" * 7)


def test_the_other_calls() -> None:
    name = "files/abc-1"
    assert KIND.remote.collection.listing() == Call(
        "GET", "files", query=(("pageSize", "100"),), pages=Pages("files", 100)
    )
    assert KIND.remote.get(name) == Call("GET", name)
    assert KIND.remote.delete(name) == Call("DELETE", name, answer=Answer.NOTHING)
    assert KIND.remote.patch is None


@pytest.mark.parametrize(
    "name", ["", "files/", "files/../x", "files/a/b", "files/a?b", "x/a", "files/a\n", "files/%2e"]
)
def test_a_name_that_could_lead_elsewhere_is_never_used(name: str) -> None:
    for call in (KIND.remote.get, KIND.remote.delete, lambda name: KIND.remote.read({"name": name})):
        with pytest.raises(ValueError, match="not the name"):
            call(name)


ENTRY = {
    "name": f"files/g1-{'a' * 10}{'b' * 13}{'c' * 7}-12",
    "displayName": "Book",
    "mimeType": "application/pdf",
    "sizeBytes": "5",
    "createTime": "2026-11-21T09:00:00Z",
    "updateTime": "2026-11-21T09:00:01Z",
    "expirationTime": "2026-11-23T09:00:00.5Z",
    "sha256Hash": base64.b64encode(HEX.encode()).decode(),
    "uri": "https://generativelanguage.googleapis.com/v1beta/files/x",
    "state": "ACTIVE",
    "source": "UPLOADED",
}


def test_reading_a_page() -> None:
    generated = {
        "name": "files/batch-0123456789abcdefghijklmnopqrstuvwxyz0123",
        "source": "GENERATED",
        "state": "ACTIVE",
    }
    ours, theirs = KIND.remote.items({"files": [ENTRY, generated], "nextPageToken": "t"})
    assert (ours.name, ours.display_name, ours.attempt) == (ENTRY["name"], "Book", 12)
    assert ours.mark == Mark("a" * 10, "b" * 13, "c" * 7)
    assert ours.mark.of("c" * 13)
    assert ours.fields == {"mimeType": "application/pdf", "source": f"sha256:{HEX}"}
    assert ours.outputs == {
        "name": ENTRY["name"],
        "uri": ENTRY["uri"],
        "mimeType": "application/pdf",
        "sizeBytes": 5,
        "displayName": "Book",
        "state": "ACTIVE",
        "createTime": "2026-11-21T09:00:00Z",
        "expirationTime": "2026-11-23T09:00:00.500000Z",
    }
    assert ours.deadline == datetime(2026, 11, 23, 9, 0, 0, 500000, tzinfo=UTC)
    assert (ours.created, ours.updated) == (
        datetime(2026, 11, 21, 9, tzinfo=UTC),
        datetime(2026, 11, 21, 9, 0, 1, tzinfo=UTC),
    )
    assert (theirs.name, theirs.mark, theirs.attempt, theirs.fields) == (generated["name"], None, 1, {})
    assert KIND.remote.items({}) == KIND.remote.items({"files": None}) == ()
    assert KIND.remote.read({"file": ENTRY}) == ours


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (base64.b64encode(HEX.encode()).decode(), f"sha256:{HEX}"),
        (base64.b64encode(HEX.upper().encode()).decode(), f"sha256:{HEX}"),
        (base64.b64encode(bytes.fromhex(HEX)).decode(), f"sha256:{HEX}"),
        ("", None),
        ("!", None),
        (HEX, None),
        (base64.b64encode(b"x").decode(), None),
        ("é", None),
    ],
)
def test_digests_in_both_spellings(shown: str, expected: str | None) -> None:
    assert KIND.remote.read({**ENTRY, "sha256Hash": shown}).fields.get("source") == expected


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("ACTIVE", Phase.READY), ("PROCESSING", Phase.WAITING), ("FAILED", Phase.FAILED), ("", Phase.WAITING),
        ("STATE_UNSPECIFIED", Phase.WAITING), ("THINKING", Phase.WAITING), (None, Phase.WAITING),
    ],
)  # fmt: skip
def test_states(state: str | None, phase: Phase) -> None:
    item = KIND.remote.read({**ENTRY, "state": state, "error": {"code": 3, "message": "no video"}})
    assert (item.phase, item.why) == (phase, "no video" if phase is Phase.FAILED else "")


@pytest.mark.parametrize(
    "page",
    [
        {"files": {}}, {"files": [None]}, {"files": [{}]}, {"files": [{**ENTRY, "sizeBytes": "many"}]},
        {"files": [{**ENTRY, "sizeBytes": True}]}, {"files": [{**ENTRY, "expirationTime": "soon"}]},
        {"files": [{**ENTRY, "uri": []}]}, {"files": [{**ENTRY, "error": "x"}], "x": 1} | {"files": "x"},
    ],
)  # fmt: skip
def test_pages_of_another_shape(page: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        KIND.remote.items(page)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*ENTRY, "file"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*ENTRY, "file", "files", "error"]), VALUES))
def test_no_reply_does_harm(reply: dict[str, Any]) -> None:
    for answer in (
        lambda: KIND.remote.items(reply),
        lambda: KIND.remote.read({**ENTRY, **reply}),
        lambda: KIND.remote.read(reply),
    ):
        with contextlib.suppress(KeyError, TypeError, ValueError):
            answer()
