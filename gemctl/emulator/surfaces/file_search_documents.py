"""Serves the documents of file search stores: import, list, get, delete, and the operations by which they come in
(ai.google.dev REST reference, "Documents" and "File search stores").

Called by `app` through the table of `surfaces`, also when a document is due to be indexed; `uploads` makes documents of
bytes here. Separate from the stores because a document has a life of its own: it is STATE_PENDING until it is indexed,
then STATE_ACTIVE or, where a mark in a text or a knob asks for it, STATE_FAILED. Of its bytes only the size and the
hash are kept, and the tokens that are paid for.

Where the reference is silent the behaviour follows published answers of the live service:

* An operation has the ID of its document, and is done when the document is no longer pending. The answer to an upload
  may have its response already, and has no `done` then.
* The response of an import has bare IDs, that of an upload whole names, the type and the size.
* The display name of an import is the ID of the file, not the file's display name.
* A page of more than 20 documents is refused, an indexed document is deleted by force only.
* The type of an upload is checked for its form first (python-genai#1900). Users have met well-formed ones that were
  refused there, and taken in the header; here they are taken in both.

Assumptions: an operation is forgotten with its document, and found at the path of its own kind only; a document that is
pending, has failed or has no bytes needs no force; bytes count three times for the limit of storage, as the guide says
of what a store takes; an empty upload is refused, and one of metadata only makes an empty document that is indexed.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import file_search_rules as rules
from gemctl.emulator import markers, media, paging, times, tokens
from gemctl.emulator.file_search_messages import IMPORT, UPLOAD
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import file_search_stores as stores
from gemctl.emulator.surfaces import files
from gemctl.emulator.wire import Refusal, invalid

UPLOADED, IMPORTED = "upload/operations", "operations"
"""How a document came in: the path of its operation."""

_PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1main."
_STORED = 3  # bytes of storage for each byte of a document: itself and its vectors


# Called by uploads


def begin(call: Call, announced: int) -> dict[str, Any]:
    """What is kept of the request that starts an upload: where the document goes and what is known of it."""
    store = stores.find(call, call.params["id"])
    about = _read_upload(call)
    check_size(call, announced)
    return {
        **about,
        "mimeType": about["mimeType"] or call.request.headers.get("x-goog-upload-header-content-type", "").strip(),
        "store": store.name,
        # Drawn now: after a kill it tells whether the document was made.
        "name": stores.new_name(call.world, stores.documents(store.name), about["displayName"]),
    }


def check_size(call: Call, size: int) -> None:
    """400 for a document that is too large, 429 when all of the project are."""
    if size > call.indexing.largest:
        raise invalid(f"The file is too large: {size} bytes, and at most {call.indexing.largest} are allowed.")
    if _STORED * (stores.used(call.world, call.project) + size) > call.indexing.storage:
        raise Refusal(429, f"Corpus has reached the storage limit of {call.indexing.storage} bytes.")


def make_uploaded(call: Call, about: Mapping[str, Any], blob: str) -> Row:
    """A document of the bytes that have come in."""
    store = stores.find(call, about["store"].partition("/")[2])
    return _make(call, store, about, blob, came=UPLOADED, named=(about["displayName"],))


def made_of(call: Call, about: Mapping[str, Any]) -> Row | None:
    """The document of an upload, if it is there."""
    return call.world.get(stores.documents(about["store"]), call.project, about["name"])


def show_upload(row: Row) -> dict[str, object]:
    """The answer to the end of an upload."""
    operation = _operation(row)
    if "response" in operation:
        del operation["done"]
    return operation


# Methods


def _import(call: Call) -> dict[str, object]:
    """Index a file that was uploaded as such. It may go then: the document stays."""
    store = stores.find(call, call.params["id"])
    body = call.json(IMPORT)
    if not body.get("fileName"):
        raise invalid("* ImportFileRequest.file_name: file_name is required.")
    about = _about(body, "ImportFileRequest")
    file = files.usable(call.world, call.project, body["fileName"])
    own = file.name.partition("/")[2]
    about |= {
        "displayName": own,
        "mimeType": file.body["mimeType"],
        "name": stores.new_name(call.world, stores.documents(store.name), own.replace("-", "")),
    }
    named = (own, file.body["displayName"])
    return _operation(_make(call, store, about, file.body["blob"], came=IMPORTED, named=named))


def _upload_metadata(call: Call) -> dict[str, object]:
    """An upload without bytes."""
    store = stores.find(call, call.params["id"])
    about = _read_upload(call)
    about["name"] = stores.new_name(call.world, stores.documents(store.name), about["displayName"])
    named = (about["displayName"],)
    return show_upload(_make(call, store, about, None, came=UPLOADED, named=named))


def _get_operation(call: Call) -> dict[str, object]:
    store = stores.find(call, call.params["id"])
    collection = stores.documents(store.name)
    row = call.world.get(collection, call.project, f"{collection}/{call.params['operation']}")
    came = UPLOADED if call.request.path.rpartition("/")[0].endswith(UPLOADED) else IMPORTED
    if row is None or row.body["came"] != came:
        raise Refusal(404, "Requested entity was not found.")
    return _operation(row)


def _list(call: Call) -> dict[str, object]:
    collection = stores.documents(stores.find(call, call.params["id"]).name)
    query = call.request.query
    asked = paging.page_size(query, default=stores.DEFAULT_PAGE, most=stores.LARGEST_PAGE + 1)
    if asked > stores.LARGEST_PAGE:
        raise invalid(f"* ListDocumentsRequest.page_size: must be at most {stores.LARGEST_PAGE}.")
    position = paging.decode(query, collection, 2)
    after = (position[0], position[1]) if position else None
    rows, more = call.world.page(collection, call.project, size=asked, after=after, newest_first=False)
    page: dict[str, object] = {}
    if rows:
        page["documents"] = [_shown(row) for row in rows]
    if more is not None:
        page["nextPageToken"] = paging.encode(collection, more)
    return page


def _get(call: Call) -> dict[str, object]:
    return _shown(_find(call))


def _delete(call: Call) -> dict[str, object]:
    row = _find(call)
    if row.body["state"] == stores.ACTIVE and row.body["sizeBytes"] and not stores.is_forced(call):
        raise Refusal(400, "Cannot delete non-empty Document", status="FAILED_PRECONDITION")
    call.world.delete(row)
    stores.count(call, _store_of(row))
    return {}


def _find(call: Call) -> Row:
    collection = stores.documents(stores.find(call, call.params["id"]).name)
    own = call.params["document"]
    stores.check_id(own, "* name: Document ID (name excluding 'fileSearchStores/*/documents/')")
    row = call.world.get(collection, call.project, f"{collection}/{own}")
    if row is None:
        raise Refusal(404, "Documents does not exist.")
    return row


# Requests


def _read_upload(call: Call) -> dict[str, Any]:
    body = call.json(UPLOAD)
    where = "UploadToFileSearchStoreRequest"
    about, mime_type = _about(body, where), body.get("mimeType", "")
    rules.check_type(mime_type, where)
    display_name = body.get("displayName") or call.request.headers.get("x-goog-upload-file-name", "").strip()
    rules.check_display_name(display_name, where)
    return {**about, "displayName": display_name, "mimeType": mime_type}


def _about(body: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What uploads and imports say alike. Of how a text is cut nothing is shown, so it is only checked."""
    rules.check_chunks(body, where)
    return {"customMetadata": rules.metadata(body, where)}


# Life


def _make(
    call: Call, store: Row, about: Mapping[str, Any], blob: str | None, *, came: str, named: tuple[str, ...]
) -> Row:
    """A pending document; `named` are the names in which a mark or the knob may be found."""
    size = 0 if blob is None else call.blobs.size(blob)
    if blob is not None:
        if not media.can_be_indexed(about["mimeType"], store.body["model"]):
            raise invalid(f"Unsupported MIME type: {about['mimeType']}")
        if not size:
            raise invalid("The file is empty: there is nothing to index.")
    check_size(call, size)
    digest, asked = _read(call, blob)
    fate = markers.document_fate((*named, asked), call.indexing.fails)
    if fate.once and not markers.is_first(call.world, call.project, f"{about['displayName']}\n{digest}"):
        fate = markers.DocumentFate()
    body = {
        **{name: about[name] for name in ("displayName", "mimeType", "customMetadata")},
        "sizeBytes": size,
        "sha256": digest,
        "state": stores.PENDING,
        "came": came,
        "model": store.body["model"],
        "counts": _tokens(about["mimeType"], size),
        "fails": fate.code if fate.fails else None,
    }
    at_once = size <= call.indexing.at_once and not fate.stays
    ready = call.world.instant + (0 if at_once else times.span(call.indexing.pending))
    due = None if fate.stays else ready
    row = call.world.create(stores.documents(store.name), call.project, body, due=due, name=about["name"])
    if due == call.world.instant:
        return _end(call, row)
    stores.count(call, store.name)
    return row


def _read(call: Call, blob: str | None) -> tuple[str, str]:
    """The hash of a document's bytes, and the mark in them, if there is one."""
    whole, mark, tail = hashlib.sha256(), "", b""
    for piece in () if blob is None else call.blobs.read(blob):
        whole.update(piece)
        tail += piece
        mark = mark or markers.in_document(tail.decode("utf-8", "replace"))
        tail = tail[-markers.LONGEST :]
    return whole.hexdigest(), mark


def _tokens(mime_type: str, size: int) -> dict[str, int]:
    """What its vectors are made of, by modality, as the emulator counts the tokens of any file of that size."""
    if not size:
        return {}
    message = {"contents": [{"parts": [{"fileData": {"fileUri": "document"}}]}]}
    return tokens.estimate(message, {"document": (mime_type, size)})


def _wake(call: Call, row: Row) -> None:
    _end(call, row)


def _end(call: Call, row: Row) -> Row:
    """The document is indexed, or has failed."""
    state = stores.ACTIVE if row.body["fails"] is None else stores.FAILED
    ended = call.world.patch(row, "ended", body={**row.body, "state": state}, due=None)
    stores.count(call, _store_of(row))
    return ended


# Replies


def _store_of(row: Row) -> str:
    return row.collection.rpartition("/")[0]


def _operation(row: Row) -> dict[str, object]:
    store, own = _store_of(row), row.name.rpartition("/")[2]
    operation: dict[str, object] = {"name": f"{store}/{row.body['came']}/{own}"}
    if row.body["state"] == stores.FAILED:
        message = "The document could not be indexed, as was asked for."
        operation |= {"done": True, "error": {"code": row.body["fails"], "message": message}}
    elif row.body["state"] == stores.ACTIVE:
        operation |= {"done": True, "response": _response(row, store, own)}
    return operation


def _response(row: Row, store: str, own: str) -> dict[str, object]:
    if row.body["came"] == IMPORTED:
        return {
            "@type": f"{_PACKAGE}ImportFileResponse",
            "parent": store.partition("/")[2],
            "documentName": own,
        }
    response = {
        "@type": f"{_PACKAGE}UploadToFileSearchStoreResponse",
        "parent": store,
        "documentName": row.name,
        "mimeType": row.body["mimeType"],
        "sizeBytes": str(row.body["sizeBytes"] or ""),
    }
    return {name: value for name, value in response.items() if value}


def _shown(row: Row) -> dict[str, object]:
    """A document as the API shows it, without what is empty."""
    body = row.body
    document: dict[str, object] = {
        "name": row.name,
        "displayName": body["displayName"],
        "customMetadata": body["customMetadata"],
        "updateTime": times.format_timestamp(row.updated, 6),
        "createTime": times.format_timestamp(row.created, 6),
        "state": body["state"],
        "sizeBytes": str(body["sizeBytes"] or ""),
        "mimeType": body["mimeType"],
    }
    return {name: value for name, value in document.items() if value}


SURFACE = Surface(
    f"{stores.COLLECTION}/documents",
    (
        Route("POST", "fileSearchStores/{id}:uploadToFileSearchStore", _upload_metadata),
        Route("POST", "fileSearchStores/{id}:importFile", _import),
        Route("GET", "fileSearchStores/{id}/operations/{operation}", _get_operation),
        Route("GET", "fileSearchStores/{id}/upload/operations/{operation}", _get_operation),
        Route("GET", "fileSearchStores/{id}/documents", _list),
        Route("GET", "fileSearchStores/{id}/documents/{document}", _get),
        Route("DELETE", "fileSearchStores/{id}/documents/{document}", _delete),
    ),
    _wake,
)
