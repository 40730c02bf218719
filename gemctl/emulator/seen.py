"""Notes a request for the log that tests read: without keys, secrets and users' files.

Called by `app`. Separate because what must not get into a log is decided in one place, and needs nothing of the
application but the request.
"""

import json
import re
from collections.abc import Collection
from urllib.parse import unquote

from gemctl.emulator import records, routing, times
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
        _without_secret(request.path),
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
    if private := _private(request.path, serving):
        return _without_values(request.body, private)
    return request.body if len(request.body) <= KEPT_BODY else b""


def _private(path: str, serving: Serving) -> frozenset[str]:
    """The fields of this request's body whose values are secrets."""
    below = path.removeprefix("/").partition("/")[2]
    return frozenset[str]().union(*(surface.private for surface in serving(re.split("[/:]", below, maxsplit=1)[0])))


def _without_values(body: bytes, private: frozenset[str]) -> bytes:
    """The body without these values; nothing of one that can't be read."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return b""
    if not isinstance(value, dict) or len(body) > KEPT_BODY:
        return b""
    return json.dumps({key: "(secret)" if key in private else item for key, item in value.items()}).encode()


def _without_secret(path: str) -> str:
    """The name of a token is the token."""
    if "auth_tokens" not in unquote(path):
        return path
    from gemctl.emulator.surfaces import auth_tokens  # hardly ever asked for

    return auth_tokens.without_secret(path)
