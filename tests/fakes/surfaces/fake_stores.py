"""fakeStores: a store of documents, as fileSearchStores are; called by the emulator, also when documents are due.

The server makes names of display names, and nothing can be changed. Documents come in by `:uploadText`, which answers
an operation with the id of the document; `done` is absent until it has ended, `INDEXING` later. Two uploads of the same
make two documents. A text with `FAILS` in it ends as STATE_FAILED and as an operation with an error. A store's counters
are texts and absent while they are zero; its update time moves with each document that comes, is indexed or goes.

In the world: stores are in the collection `fakeStores`, the documents of one in `fakeStores/{id}/documents`. An effect
`counted` of a store says that its documents have changed; `ended` of a document that it was indexed, or failed. Of a
text only the size is kept.
"""

from __future__ import annotations

import re
import string
from typing import Any

from fakes.surfaces.fake_parts import CAMEL, found, given, moment, precondition

from gemctl.emulator import times
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import STRING
from gemctl.emulator.shapes import ListOf, Message
from gemctl.emulator.wire import Refusal, invalid

COLLECTION = "fakeStores"
INDEXING = 5 * times.SECOND
FAILS = "[[emulator: document fails]]"
PENDING, ACTIVE, FAILED = "STATE_PENDING", "STATE_ACTIVE", "STATE_FAILED"

_TYPE = "type.googleapis.com/google.ai.generativelanguage.v1main."
_ALPHABET = string.digits + string.ascii_lowercase
_LONGEST = 512
_DEFAULT_MODEL = "models/gemini-embedding-2"
_STORE = Message("FakeStore", lambda: {"displayName": STRING, "embeddingModel": STRING})
_METADATA = Message("CustomMetadata", lambda: {"key": STRING, "stringValue": STRING})
_UPLOAD = Message(
    "UploadTextRequest",
    lambda: {"displayName": STRING, "text": STRING, "customMetadata": ListOf(_METADATA)},
)
_COUNTERS = {ACTIVE: "activeDocumentsCount", PENDING: "pendingDocumentsCount", FAILED: "failedDocumentsCount"}


def documents(store: str) -> str:
    """The collection of a store's documents."""
    return f"{store}/documents"


# Stores


def _create(call: Call) -> dict[str, Any]:
    body = call.json(_STORE)
    display_name, model = body.get("displayName", ""), body.get("embeddingModel") or _DEFAULT_MODEL
    _check_length(display_name)
    call.catalogue.find(model, version=call.version, method="embedContent", field="embedding_model")
    kept = {"displayName": display_name, "embeddingModel": model}
    name = _new_name(call, COLLECTION, display_name)
    return _shown(call, call.world.create(COLLECTION, call.project, kept, name=name))


def _list(call: Call) -> dict[str, Any]:
    return CAMEL.answer(call, COLLECTION, COLLECTION, lambda row: _shown(call, row))


def _get(call: Call) -> dict[str, Any]:
    return _shown(call, _store(call))


def _delete(call: Call) -> dict[str, Any]:
    store = _store(call)
    held = list(call.world.rows(documents(store.name), call.project))
    if held and not _forced(call):
        raise precondition("Cannot delete non-empty FakeStore.")
    for row in held:
        call.world.delete(row)
    call.world.delete(store)
    return {}


def _store(call: Call) -> Row:
    """Of a store that is missing and one that is another project's the service says the same."""
    return found(call, COLLECTION, otherwise=Refusal(403, "You do not have permission to access the FakeStore."))


def _shown(call: Call, row: Row) -> dict[str, Any]:
    held = list(call.world.rows(documents(row.name), row.project))
    counts = {name: sum(each.body["state"] == state for each in held) for state, name in _COUNTERS.items()}
    counts["sizeBytes"] = sum(each.body["size"] for each in held)
    return {
        "name": row.name,
        **({"displayName": row.body["displayName"]} if row.body["displayName"] else {}),
        "createTime": moment(row.created),
        "updateTime": moment(row.updated),
        "embeddingModel": row.body["embeddingModel"],
        **{name: str(count) for name, count in counts.items() if count},
    }


# Documents


def _upload(call: Call) -> dict[str, Any]:
    store, body = _store(call), call.json(_UPLOAD)
    given(body, "text")
    display_name, metadata = body.get("displayName", ""), body.get("customMetadata", [])
    _check_length(display_name)
    if len(metadata) > 20:
        raise invalid("* custom_metadata: at most 20 entries are allowed.")
    for entry in metadata:
        given(entry, "key")
    kept = {
        "displayName": display_name,
        "customMetadata": metadata,
        "size": len(body["text"].encode()),
        "state": PENDING,
        "ready": call.world.instant + INDEXING,
        "fails": FAILS in body["text"],
    }
    name = _new_name(call, documents(store.name), display_name)
    row = call.world.create(documents(store.name), call.project, kept, name=name)
    _count(call, store)
    return _operation(store, row)


def _get_operation(call: Call) -> dict[str, Any]:
    """An operation is forgotten together with its document."""
    store = _store(call)
    row = call.world.get(documents(store.name), call.project, f"{documents(store.name)}/{call.params['operation']}")
    if row is None:
        raise Refusal(404, "Operation does not exist.")
    return _operation(store, row)


def _operation(store: Row, row: Row) -> dict[str, Any]:
    about = {"parent": store.name, "documentName": row.name}
    operation: dict[str, Any] = {
        "name": f"{store.name}/operations/{row.name.rpartition('/')[2]}",
        "metadata": {"@type": f"{_TYPE}UploadTextMetadata", "createTime": moment(row.created)},
    }
    if row.body["state"] == ACTIVE:
        operation |= {"done": True, "response": {"@type": f"{_TYPE}UploadTextResponse", **about}}
    elif row.body["state"] == FAILED:
        operation |= {"done": True, "error": {"code": 3, "message": "The document could not be indexed."}}
    return operation


def _list_documents(call: Call) -> dict[str, Any]:
    return CAMEL.answer(call, documents(_store(call).name), "documents", _shown_document)


def _get_document(call: Call) -> dict[str, Any]:
    return _shown_document(_document(call, _store(call)))


def _delete_document(call: Call) -> dict[str, Any]:
    """What was indexed has pieces, and goes by force only."""
    store = _store(call)
    row = _document(call, store)
    if row.body["state"] == ACTIVE and not _forced(call):
        raise precondition("Cannot delete non-empty Document.")
    call.world.delete(row)
    _count(call, store)
    return {}


def _document(call: Call, store: Row) -> Row:
    row = call.world.get(documents(store.name), call.project, f"{documents(store.name)}/{call.params['document']}")
    if row is None:
        raise Refusal(404, "Documents does not exist.")
    return row


def _shown_document(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        **{name: row.body[name] for name in ("displayName", "customMetadata") if row.body[name]},
        "state": row.body["state"],
        "sizeBytes": str(row.body["size"]),
        "mimeType": "text/plain",
        "createTime": moment(row.created),
        "updateTime": moment(row.updated),
    }


# Time


def _wake(call: Call, store: Row) -> None:
    """Index the documents of a store that are due."""
    for row in list(call.world.rows(documents(store.name), store.project)):
        if row.body["state"] == PENDING and row.body["ready"] <= call.world.instant:
            state = FAILED if row.body["fails"] else ACTIVE
            call.world.patch(row, "ended", body={**row.body, "state": state})
    _count(call, store)


def _count(call: Call, store: Row) -> None:
    """Note that a store's documents have changed, and when the next one is due."""
    held = call.world.rows(documents(store.name), store.project)
    due = min((row.body["ready"] for row in held if row.body["state"] == PENDING), default=None)
    call.world.patch(store, "counted", due=due)


# Names


def _new_name(call: Call, collection: str, display_name: str) -> str:
    """The beginning of the display name in small letters and digits, blanks as hyphens, and twelve random characters;
    these alone, twice, where nothing is left of it.
    """
    slug = re.sub(r"[^a-z0-9 ]", "", display_name.lower()).replace(" ", "-")[:27]
    while True:
        start = slug if slug.strip("-") else call.world.draw(_ALPHABET, 12)
        name = f"{collection}/{start}-{call.world.draw(_ALPHABET, 12)}"
        if call.world.unused(name):
            return name


def _check_length(display_name: str) -> None:
    if len(display_name) > _LONGEST:
        raise invalid(f"* display_name: at most {_LONGEST} characters are allowed.")


def _forced(call: Call) -> bool:
    return first(call.request.query, "force").lower() == "true"


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "fakeStores", _create),
        Route("GET", "fakeStores", _list),
        Route("GET", "fakeStores/{id}", _get),
        Route("DELETE", "fakeStores/{id}", _delete),
        Route("POST", "fakeStores/{id}:uploadText", _upload),
        Route("GET", "fakeStores/{id}/operations/{operation}", _get_operation),
        Route("GET", "fakeStores/{id}/documents", _list_documents),
        Route("GET", "fakeStores/{id}/documents/{document}", _get_document),
        Route("DELETE", "fakeStores/{id}/documents/{document}", _delete_document),
    ),
    _wake,
)
