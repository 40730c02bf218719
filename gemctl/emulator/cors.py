"""Lets web pages of this machine call the API: the headers of CORS (fetch.spec.whatwg.org, "CORS protocol").

Called by `server` for requests that `loopback` has let in. Separate because it is pure, and because a page needs it and
no other client does. The service lets in pages of every origin; here they are those that this machine serves. What a
page may read of an answer are the headers of uploads, of downloads and of waiting.
"""

from collections.abc import Mapping

from gemctl.emulator.wire import Response

_METHODS = "GET, POST, PUT, PATCH, DELETE"
_EXPOSED = (
    "Content-Range, Date, Retry-After, X-Goog-Upload-Chunk-Granularity, X-Goog-Upload-Control-URL,"
    " X-Goog-Upload-Size-Received, X-Goog-Upload-Status, X-Goog-Upload-URL"
)
_AGE = "3600"  # seconds for which a browser may remember a preflight


def is_preflight(method: str, asked: Mapping[str, str]) -> bool:
    """Whether a browser asks on its own what a page may do."""
    return method == "OPTIONS" and "origin" in asked and "access-control-request-method" in asked


def preflight(asked: Mapping[str, str]) -> Response:
    """Yes: to every method, and to the headers that it asks for."""
    headers = {"Access-Control-Allow-Methods": _METHODS, "Access-Control-Max-Age": _AGE}
    if wanted := asked.get("access-control-request-headers", "").strip():
        headers["Access-Control-Allow-Headers"] = wanted
    return Response(200, {**headers, **allowed(asked, headers)})


def allowed(asked: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """What the headers of an answer get besides: the page of that origin may read it."""
    if "origin" not in asked:
        return {}
    vary = ", ".join(filter(None, [headers.get("Vary"), "Origin"]))
    return {
        "Access-Control-Allow-Origin": asked["origin"],
        "Access-Control-Expose-Headers": _EXPOSED,
        "Vary": vary,
    }
