"""Serves files: create (metadata only), list, get, delete, download (ai.google.dev REST reference, "Files").

Called by `app` through the table of `surfaces`; `uploads` makes files here, and the surfaces whose requests name
files ask here for them. Separate as every kind is. A file lives for 48 hours. Its bytes are a blob, its state is
a function of the clock: nothing happens in the world when its processing ends. A file whose first line is
`gemctl-emulator: fail processing` ends as FAILED.

Where the reference is silent: a file that is not there is a 403 and an id of more than 40 characters a 400 on the
live service (python-genai#1218, #1759). Assumptions: the newest is listed first; results of batches are listed too
(the official SDK tells its users to look for them there); a taken name is a 409; the name of a file that is deleted
or expired is free again; full storage is a 429; a download without `alt=media` is a 400.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import media, paging, times
from gemctl.emulator.blobs import PIECE, Blobs
from gemctl.emulator.media import FileRules
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.scalars import BYTES, INT64, STRING, STRUCT, TIMESTAMP
from gemctl.emulator.shapes import Message
from gemctl.emulator.wire import Refusal, Response, Stream, invalid
from gemctl.emulator.world import World

COLLECTION = "files"

_LIFE = 48 * 3_600 * times.SECOND
_PLACE = "https://generativelanguage.googleapis.com/v1beta/"
_REFERENCE = re.compile(r"https://generativelanguage\.googleapis\.com/v1(?:alpha|beta)?/(files/[^/?#:]+)")
_LONGEST_ID = 40
_ID = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SERVERS_ID = 12
_LONGEST_DISPLAY_NAME = 512

_FILE = Message(
    "File",
    lambda: {
        "name": STRING,
        "displayName": STRING,
        "mimeType": STRING,
        "sizeBytes": INT64,
        "createTime": TIMESTAMP,
        "updateTime": TIMESTAMP,
        "expirationTime": TIMESTAMP,
        "sha256Hash": BYTES,
        "uri": STRING,
        "downloadUri": STRING,
        "state": STRING,
        "source": STRING,
        "error": STRUCT,
        "videoMetadata": STRUCT,
    },
)
CREATE = Message("CreateFileRequest", lambda: {"file": _FILE})

Size = tuple[str, int]
"""MIME type and number of bytes: what a file counts for."""


# Called by other surfaces


def find(world: World, project: str, name: str) -> Row:
    """The file `files/<id>` of the project, or the 403."""
    row = world.get(COLLECTION, project, name)
    if row is None:
        raise _missing(name)
    return row


def usable(world: World, project: str, name: str) -> Row:
    """The file `files/<id>`, if it can be used in a request: else the 403, or the 400 for one that is not ACTIVE."""
    row = find(world, project, name)
    if state(world, row) != "ACTIVE":
        raise Refusal(
            400,
            f"The File {name.removeprefix('files/')} is not in an ACTIVE state and usage is not allowed.",
            status="FAILED_PRECONDITION",
        )
    return row


def referred(world: World, project: str, message: Mapping[str, Any]) -> dict[str, Size]:
    """The files of this service that `contents` and `systemInstruction` name, by their URIs, all of them usable.
    URIs of other places stand for nothing here."""
    sizes: dict[str, Size] = {}
    for content in (*message.get("contents", ()), message.get("systemInstruction", {})):
        for part in content.get("parts", ()):
            uri = part.get("fileData", {}).get("fileUri", "")
            ours = _REFERENCE.fullmatch(uri)
            if ours is not None:
                body = usable(world, project, ours[1]).body
                sizes[uri] = (body["mimeType"], body["sizeBytes"])
    return sizes


def state(world: World, row: Row) -> str:
    """PROCESSING until the file is ready, then ACTIVE or FAILED."""
    shown = world.instant if world.shown_instant is None else world.shown_instant
    return str(row.body["state"]) if shown >= row.body.get("ready", 0) else "PROCESSING"


def make_generated(
    world: World, blobs: Blobs, project: str, name: str, blob: str, mime_type: str, display_name: str
) -> Row:
    """A file that the service made. Its name may be longer than a user's: then it can be downloaded and not got."""
    body = {
        "displayName": display_name,
        "mimeType": mime_type,
        "sizeBytes": blobs.size(blob),
        "sha256": _digest(blobs, blob),
        "blob": blob,
        "state": "ACTIVE",
        "source": "GENERATED",
    }
    return world.create(COLLECTION, project, body, name=name, expires=world.instant + _LIFE)


# Called by uploads


def read_metadata(call: Call) -> dict[str, Any]:
    """The `file` of a create request, with a name that is free, if one is given."""
    file: dict[str, Any] = call.json(CREATE).get("file", {})
    where = "* CreateFileRequest.file"
    if "name" in file:
        prefix, slash, own = file["name"].partition("/")
        if f"{prefix}{slash}" != "files/" or not own:
            raise invalid(f"{where}.name: the name must have the form files/{{id}}.")
        _check_length(own, f"{where}.name")
        if not _ID.fullmatch(own):
            raise invalid(
                f"{where}.name: File name may only contain lowercase alphanumeric characters or dashes (-) and cannot"
                " begin or end with a dash."
            )
        check_free(call.world, call.project, file["name"])
    if len(file.get("displayName", "")) > _LONGEST_DISPLAY_NAME:
        raise invalid(f"{where}.display_name: at most {_LONGEST_DISPLAY_NAME} characters are allowed.")
    return file


def check_free(world: World, project: str, name: str) -> None:
    """409 if there is a file of that name."""
    if world.get(COLLECTION, project, name) is not None:
        raise Refusal(409, f"The File {name.removeprefix('files/')} already exists.", status="ALREADY_EXISTS")


def check_type(mime_type: str) -> None:
    """400 unless the service knows it."""
    if not media.supported(mime_type):
        raise invalid(f"Unsupported MIME type: {mime_type}")


def check_room(world: World, project: str, size: int, rules: FileRules) -> None:
    """400 for a file that is too large, 429 when the project's files are."""
    if size > rules.largest:
        raise invalid(f"The file is too large: {size} bytes, and at most {rules.largest} are allowed.")
    used = sum(row.body["sizeBytes"] for row in world.rows(COLLECTION, project))
    if used + size > rules.storage:
        raise Refusal(
            429,
            f"The files of the project would exceed the storage limit of {rules.storage} bytes: {used} are in use.",
        )


def make_uploaded(call: Call, blob: str, *, name: str, mime_type: str, display_name: str) -> Row:
    """A file of a user's bytes."""
    size = call.blobs.size(blob)
    body: dict[str, Any] = {
        "displayName": display_name,
        "mimeType": mime_type,
        "sizeBytes": size,
        "sha256": _digest(call.blobs, blob),
        "blob": blob,
        "state": "ACTIVE",
        "source": "UPLOADED",
    }
    if media.is_slow(mime_type):
        body["ready"] = call.world.instant + times.span(call.file_rules.processing)
    start = b"".join(call.blobs.read(blob, 0, len(media.FAILS) + 1))
    if start.rstrip(b"\r\n") == media.FAILS:
        body |= {"state": "FAILED", "error": {"code": 13, "message": "The file failed to be processed, as it asks to."}}
    elif media.kind(mime_type) == "video":
        body["videoMetadata"] = {"videoDuration": f"{media.seconds(mime_type, size)}s"}
    return call.world.create(
        COLLECTION,
        call.project,
        body,
        name=name or call.world.new_name(COLLECTION, _SERVERS_ID),
        expires=call.world.instant + _LIFE,
    )


def show(world: World, row: Row) -> dict[str, object]:
    """A File as the API shows it. Times have the digits of live answers, the hash is that of its own text, and
    empty fields are left out."""
    body, now = row.body, state(world, row)
    updated = row.updated if now == "PROCESSING" else max(row.updated, body.get("ready", 0))
    file: dict[str, object] = {
        "name": row.name,
        "displayName": body["displayName"],
        "mimeType": body["mimeType"],
        "sizeBytes": str(body["sizeBytes"]) if body["sizeBytes"] else "",
        "createTime": times.format_timestamp(row.created, 6),
        "updateTime": times.format_timestamp(updated, 6),
        "expirationTime": times.format_timestamp(row.expires or 0, 9),
        "sha256Hash": base64.b64encode(body["sha256"].encode()).decode(),
        "uri": _PLACE + row.name,
        "downloadUri": f"{_PLACE}{row.name}:download?alt=media" if body["source"] == "GENERATED" else "",
        "state": now,
        "source": body["source"],
    }
    if now != "PROCESSING":
        file |= {"error": body.get("error"), "videoMetadata": body.get("videoMetadata")}
    return {name: value for name, value in file.items() if value}


def _missing(name: str) -> Refusal:
    """The live service does not say which: another project's file, an expired one and none look alike."""
    return Refusal(
        403, f"You do not have permission to access the File {name.removeprefix('files/')} or it may not exist."
    )


def _digest(blobs: Blobs, blob: str) -> str:
    whole = hashlib.sha256()
    for piece in blobs.read(blob):
        whole.update(piece)
    return whole.hexdigest()


# Methods


def _create(call: Call) -> dict[str, object]:
    """A file without bytes: as a published answer has it, ACTIVE and without a hash."""
    file = read_metadata(call)
    if file.get("mimeType"):
        check_type(file["mimeType"])
    body = {
        "displayName": file.get("displayName", ""),
        "mimeType": file.get("mimeType", ""),
        "sizeBytes": 0,
        "sha256": "",
        "blob": call.blobs.new(),
        "state": "ACTIVE",
        "source": "UPLOADED",
    }
    name = file.get("name") or call.world.new_name(COLLECTION, _SERVERS_ID)
    row = call.world.create(COLLECTION, call.project, body, name=name, expires=call.world.instant + _LIFE)
    return {"file": show(call.world, row)}


def _list(call: Call) -> dict[str, object]:
    query = call.request.query
    size = paging.page_size(query, default=10, most=100)
    position = paging.decode(query, COLLECTION, 2)
    after = (position[0], position[1]) if position else None
    rows, more = call.world.page(COLLECTION, call.project, size=size, after=after)
    page: dict[str, object] = {}
    if rows:
        page["files"] = [show(call.world, row) for row in rows]
    if more is not None:
        page["nextPageToken"] = paging.encode(COLLECTION, more)
    return page


def _get(call: Call) -> dict[str, object]:
    return show(call.world, _named(call, "GetFileRequest"))


def _delete(call: Call) -> dict[str, object]:
    row = _named(call, "DeleteFileRequest")
    call.world.delete(row)
    call.blobs.discard(row.body["blob"])
    return {}


def _download(call: Call) -> Response:
    """Send the bytes, holding one piece at a time, however large the file is."""
    if first(call.request.query, "alt") != "media":
        raise invalid("A download needs the query alt=media.")
    row = find(call.world, call.project, f"{COLLECTION}/{call.params['id']}")
    if row.body["source"] != "GENERATED":
        raise invalid(
            f"The File {call.params['id']} cannot be downloaded: only files of the source GENERATED can, and it was"
            " uploaded."
        )
    headers = {"Content-Type": row.body["mimeType"] or "application/octet-stream"}
    try:
        size, pieces = row.body["sizeBytes"], call.blobs.read(row.body["blob"])
    except FileNotFoundError:  # deleted, and seen by a stale read only
        raise _missing(row.name) from None
    if size <= PIECE:
        return Response(200, headers, b"".join(pieces))
    return Response(200, headers, stream=Stream(size, pieces))


def _register(call: Call) -> dict[str, object]:  # noqa: ARG001
    raise Refusal(
        401,
        "API keys are not supported by this method: files of Cloud Storage are registered with an OAuth token, and"
        " the emulator knows API keys only.",
    )


def _named(call: Call, request: str) -> Row:
    own = call.params["id"]
    _check_length(own, f"* {request}.name")
    return find(call.world, call.project, f"{COLLECTION}/{own}")


def _check_length(own: str, where: str) -> None:
    if len(own) > _LONGEST_ID:
        raise invalid(f"{where}: File ID (name excluding 'files/') cannot be more than {_LONGEST_ID} characters.")


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "files", _create),
        Route("GET", "files", _list),
        Route("GET", "files/{id}", _get),
        Route("DELETE", "files/{id}", _delete),
        Route("GET", "files/{id}:download", _download),
        Route("GET", "files/{id}:download", _download, prefix="download"),
        Route("POST", "files:register", _register),
    ),
)
