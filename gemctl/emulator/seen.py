"""Notes a request for the log that tests read: without keys, secrets and users' files.

Called by `app`. Separate because it needs nothing of the application but the request. What is a secret in a body is
decided by `redaction`.
"""

from collections.abc import Collection

from gemctl.emulator import records, redaction, routing, times
from gemctl.emulator.access import KEY_QUERY
from gemctl.emulator.records import Seen
from gemctl.emulator.routing import Serving
from gemctl.emulator.wire import Request

KEPT_BODY = 64 * 1024
"""The most bytes of a body that are kept."""
_SECRET_QUERY = KEY_QUERY | routing.HOLDER_QUERY


def note(request: Request, status: int | None, instant: int, serving: Serving) -> Seen:
    """What is remembered of a request; `status` is None if no answer came."""
    return Seen(
        times.to_datetime(instant),
        request.method,
        redaction.of_path(request.path),
        query_without(_SECRET_QUERY, request),
        status,
        _kept(request, serving),
        len(request.body),
        records.digest(request.body),
    )


def query_without(names: Collection[str], request: Request) -> tuple[tuple[str, str], ...]:
    """The query without the pairs of these names."""
    return tuple(pair for pair in request.query if pair[0] not in names)


def is_upload(path: str) -> bool:
    """Whether users' files come in there."""
    return path.removeprefix("/").startswith("upload/")


def _kept(request: Request, serving: Serving) -> bytes:
    """The body as it may be kept: not if it is large, and not if it is a user's file."""
    if is_upload(request.path) and request.headers.get("x-goog-upload-command", "").strip().lower() != "start":
        return b""
    return redaction.of_request(request.path, request.body, serving) if len(request.body) <= KEPT_BODY else b""
