"""Takes uploads that come whole in one request: metadata and bytes in two parts (multipart), or the bytes alone (raw).

Called by `surfaces.uploads`, which takes those in chunks. Separate because nothing of them goes on: there is no URL, no
offset and no state, and either the object is made or nothing is.

Multipart is `X-Goog-Upload-Protocol: multipart` or `uploadType=multipart`, as many programs that use the API have it;
raw is `X-Goog-Upload-Protocol: raw` or `uploadType=media`, and what says nothing of it (published: forum 6904).
Two parts are needed, as users of sister services have found. Assumptions: what is known of raw bytes is in the
query (`file.displayName`), and their type in Content-Type; the answer has the status `final`, as that to the end of an
upload in chunks.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gemctl.emulator import multipart
from gemctl.emulator.paging import first
from gemctl.emulator.routing import Call
from gemctl.emulator.upload_targets import TARGETS
from gemctl.emulator.wire import Request, Response, invalid, json_response

RESUMABLE = "resumable"
_TYPE = "x-goog-upload-header-content-type"


def protocol(request: Request) -> str:
    """How the bytes come: resumable, multipart or raw."""
    asked = request.headers.get("x-goog-upload-protocol") or first(request.query, "uploadType", "upload_protocol")
    named = asked.strip().lower()
    if not named and request.headers.get("x-goog-upload-command", "").strip().lower() == "start":
        raise invalid("An upload that is started is resumable: X-Goog-Upload-Protocol must be `resumable`.")
    if named not in ("", "media", "raw", "multipart", RESUMABLE):
        raise invalid(f'The X-Goog-Upload-Protocol is resumable, multipart or raw, not "{named[:40]}".')
    return named if named in (RESUMABLE, "multipart") else "raw"


def take(call: Call, kind: str) -> Response:
    """Make what the request has, or refuse."""
    target = TARGETS[kind]
    if protocol(call.request) == "multipart":
        request, data = _of_parts(call.request)
    else:
        request, data = _raw(call.request, target.names)
    called = replace(call, request=request)
    kept = target.begin(called, len(data))
    if len(data) > target.largest(call):
        target.check(call, len(data))
    blob = call.blobs.new()
    try:
        call.blobs.append(blob, data)
        made = target.make(called, {**kept, "blob": blob})
    except Exception:
        call.blobs.discard(blob)
        raise
    if not target.keeps:
        call.blobs.discard(blob)
    answer = json_response(target.show(call, made))
    sent = {"X-Goog-Upload-Status": "final", "X-Goog-Upload-Size-Received": str(len(data))}
    return replace(answer, headers={**answer.headers, **sent})


def _of_parts(request: Request) -> tuple[Request, bytes]:
    """The request as it would come without the bytes, and these."""
    parts = multipart.parts(request.headers.get("content-type", ""), request.body)
    if len(parts) != 2:
        raise invalid(f"Invalid multipart request with {len(parts)} mime parts.")
    about, media = parts
    return _about(request, about.data, media.headers.get("content-type", "")), media.data


def _raw(request: Request, names: frozenset[str]) -> tuple[Request, bytes]:
    about: dict[str, Any] = {}
    for path, value in request.query:
        above, dot, own = path.partition(".")
        if above in names and not dot:
            about[above] = value
        elif above in names and isinstance(about.setdefault(above, {}), dict):
            about[above][own] = value
    return _about(request, json.dumps(about).encode(), request.headers.get("content-type", "")), request.body


def _about(request: Request, body: bytes, mime_type: str) -> Request:
    headers: Mapping[str, str] = {_TYPE: mime_type, **request.headers}
    return replace(request, body=body, headers=headers)
