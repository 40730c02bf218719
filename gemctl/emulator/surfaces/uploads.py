"""Takes uploads: the bytes of a file, or of a document, come in by the resumable protocol of the X-Goog-Upload headers.

Called by `app` through the table of `surfaces`. Separate from `files` and `file_search_documents` because an upload has
a life of its own: it is started, takes bytes for up to a week, and is final or cancelled. It is a row in the world and
its bytes are a blob, so it outlives the process, and the size of the blob is the number of bytes that have arrived.
What it becomes in the end is its target (`upload_targets`). Uploads of one request are for `whole_uploads`.

The protocol is the one that the official SDKs speak (captured) and that Google's own client libraries expect, such
as a query of a finished upload being answered with the result. The service's wording of refusals is not known.
Every answer about an upload says its status, the refusals too: the SDK sends a chunk again if it is missing.

Assumptions: an upload ends after a week; its URL counts for no quota; a request that breaks off has no effect; a
refusal at the end ends the upload, one before leaves it as it was. Only chunks of 256 KiB and multiples of it may
come before the last, as that family of services demands; the Gemini API is said to ask for 8 MiB.
"""

import hmac
import re
from collections.abc import Mapping
from typing import Any

from gemctl.emulator import records, times, whole_uploads
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.upload_targets import TARGETS, Target
from gemctl.emulator.wire import Refusal, Request, Response, invalid, json_response
from gemctl.emulator.world import World

COLLECTION = "uploads"
GRANULARITY = 256 * 1024

_LIFE = 7 * 24 * 3_600 * times.SECOND
_SECRET = 40
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_COMMANDS = frozenset(
    frozenset(commands) for commands in (("upload",), ("upload", "finalize"), ("finalize",), ("query",), ("cancel",))
)
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


def _upload_file(call: Call) -> Response:
    return _upload(call, "file")


def _upload_document(call: Call) -> Response:
    return _upload(call, "document")


def _upload(call: Call, kind: str) -> Response:
    if first(call.request.query, "upload_id"):
        return _go_on(call)
    if whole_uploads.protocol(call.request) == whole_uploads.RESUMABLE:
        return _start(call, kind)
    return whole_uploads.take(call, kind)


def _holder(world: World, request: Request) -> tuple[str, str] | None:
    """The project and fingerprint by the URL: it is enough to send bytes, and the Python SDK sends no key with them."""
    upload_id = first(request.query, "upload_id")
    if not upload_id:
        return None
    row = _find(world, upload_id)
    return row.project, row.body["key"]


def _find(world: World, upload_id: str) -> Row:
    own, _, secret = upload_id.partition("-")
    row = world.anywhere(COLLECTION, f"{COLLECTION}/{own}")
    if row is None or not hmac.compare_digest(row.body["secret"], _digest(secret)) or not _has_bytes(world, row):
        raise Refusal(404, "There is no such upload, or it has expired.", headers={"X-Goog-Upload-Status": "final"})
    return row


def _has_bytes(world: World, row: Row) -> bool:
    """False for an upload whose end was lost in a kill, and whose file has been deleted since."""
    try:
        return row.body["state"] != "active" or world.blobs.size(row.body["blob"]) >= 0
    except FileNotFoundError:
        return False


def _digest(secret: str) -> str:
    return records.digest(secret.encode("utf-8", "replace"))


def _start(call: Call, kind: str) -> Response:
    """The URL to send the bytes to. It lies where the client found this service."""
    headers = call.request.headers
    if headers.get("x-goog-upload-command", "").strip().lower() != "start":
        raise invalid("An upload begins with the X-Goog-Upload-Command `start`.")
    announced = headers.get("x-goog-upload-header-content-length", "").strip()
    if announced and not _NUMBER.fullmatch(announced):
        raise invalid("X-Goog-Upload-Header-Content-Length must be a number of bytes.")
    target = TARGETS[kind]
    about = target.begin(call, int(announced or 0))
    secret = call.world.draw(_LETTERS, _SECRET)
    body = {
        "state": "active",
        "secret": _digest(secret),
        "key": call.world.cause.key,
        "blob": call.blobs.new(),
        "announced": int(announced) if announced else None,
        "target": kind,
        **about,
    }
    row = call.world.create(COLLECTION, call.project, body, expires=call.world.instant + _LIFE)
    upload_id = f"{row.name.removeprefix('uploads/')}-{secret}"
    place = f"{call.request.origin}/upload/{call.version}/{target.path(call)}"
    url = f"{place}?upload_id={upload_id}&upload_protocol=resumable"
    more = {
        "X-Goog-Upload-URL": url,
        "X-Goog-Upload-Control-URL": url,
        "X-Goog-Upload-Chunk-Granularity": str(GRANULARITY),
    }
    return _answer(call, row, {}, more)


def _go_on(call: Call) -> Response:
    row = _find(call.world, first(call.request.query, "upload_id"))
    commands = frozenset(
        command.strip().lower() for command in call.request.headers.get("x-goog-upload-command", "").split(",")
    )
    try:
        if commands not in _COMMANDS:
            raise invalid(
                "The X-Goog-Upload-Command of an upload under way is `upload`, `upload, finalize`, `finalize`,"
                " `query` or `cancel`."
            )
        return _obey(call, row, commands)
    except Refusal as refusal:
        ended = call.world.anywhere(COLLECTION, row.name) or row
        refusal.headers.update(_headers(call, ended))
        raise


def _obey(call: Call, row: Row, commands: frozenset[str]) -> Response:
    if row.body["state"] == "active":
        made = _target(row).made(call, row.body)
        if made is not None:  # by a process that was killed before it could note that
            row = _end(call, row, made)
    if "query" in commands:
        return _answer(call, row, _result(call, row))
    if row.body["state"] != "active":
        raise invalid(f"The upload is over: it is {row.body['state']}.")
    if "cancel" in commands:
        return _answer(call, _stop(call, row, {"state": "cancelled"}), {})
    _take(call, row, commands)
    if "finalize" not in commands:
        return _answer(call, row, {})
    row = _end(call, row, _finalize(call, row))
    return _answer(call, row, _result(call, row))


def _take(call: Call, row: Row, commands: frozenset[str]) -> None:
    """Add the bytes, or refuse and add none."""
    data, received = call.request.body, call.blobs.size(row.body["blob"])
    if "upload" in commands:
        offset = call.request.headers.get("x-goog-upload-offset", "").strip()
        if not _NUMBER.fullmatch(offset):
            raise invalid("X-Goog-Upload-Offset must say where the bytes begin.")
        if int(offset) != received:
            raise invalid(f"The offset {int(offset)} is not where the upload is: {received} bytes were received.")
    elif data:
        raise invalid("Bytes come with the X-Goog-Upload-Command `upload, finalize`, not with `finalize`.")
    total, announced = received + len(data), row.body["announced"]
    if announced is not None and total > announced:
        raise invalid(f"These are more bytes than were announced: {total}, not {announced}.")
    if total > _target(row).largest(call):
        _target(row).check(call, total)
    if "finalize" not in commands:
        if len(data) % GRANULARITY:
            raise invalid(f"The size of every chunk but the last must be a multiple of {GRANULARITY} bytes.")
    elif announced is not None and total < announced:
        raise invalid(f"These are fewer bytes than were announced: {total}, not {announced}.")
    if data:
        call.blobs.append(row.body["blob"], data)


def _finalize(call: Call, row: Row) -> Row:
    """Make what it becomes. A refusal now would stay one later: the upload ends with it."""
    try:
        return _target(row).make(call, row.body)
    except Refusal as refusal:
        _stop(call, row, {"state": "final", "refused": [refusal.code, refusal.message, refusal.status]})
        raise


def _end(call: Call, row: Row, made: Row) -> Row:
    """The upload is that object now, and the blob is the object's or not needed any more."""
    kept = {name: value for name, value in row.body.items() if name != "blob"}
    kept |= {"state": "final", "name": made.name, "collection": made.collection, "born": made.born}
    kept["size"] = made.body["sizeBytes"]
    ended = call.world.patch(row, body=kept)
    if not _target(row).keeps:
        call.blobs.discard(row.body["blob"])
    return ended


def _stop(call: Call, row: Row, changes: Mapping[str, Any]) -> Row:
    """The upload is over, and nothing is made."""
    blob = row.body["blob"]
    kept = {name: value for name, value in row.body.items() if name != "blob"}
    stopped = call.world.patch(row, body={**kept, "size": call.blobs.size(blob), **changes})
    call.blobs.discard(blob)
    return stopped


def _result(call: Call, row: Row) -> dict[str, object]:
    """The end of the upload: what it has become, if it is there still, or the refusal again."""
    if "refused" in row.body:
        code, message, status = row.body["refused"]
        raise Refusal(code, message, status=status)
    if "born" not in row.body:
        return {}
    made = call.world.get(row.body["collection"], call.project, row.body["name"])
    return dict(_target(row).show(call, made)) if made is not None and made.born == row.body["born"] else {}


def _answer(call: Call, row: Row, body: Mapping[str, object], more: Mapping[str, str] | None = None) -> Response:
    answer = json_response(body)
    return Response(200, {**answer.headers, **_headers(call, row), **(more or {})}, answer.body)


def _headers(call: Call, row: Row) -> dict[str, str]:
    size = call.blobs.size(row.body["blob"]) if row.body["state"] == "active" else row.body["size"]
    return {"X-Goog-Upload-Status": row.body["state"], "X-Goog-Upload-Size-Received": str(size)}


def _target(row: Row) -> Target:
    return TARGETS[row.body.get("target", "file")]  # older records are all of files


SURFACE = Surface(
    COLLECTION,
    (
        Route("POST", "files", _upload_file, prefix="upload", holder=_holder),
        Route(
            "POST",
            "fileSearchStores/{id}:uploadToFileSearchStore",
            _upload_document,
            prefix="upload",
            holder=_holder,
        ),
    ),
)
