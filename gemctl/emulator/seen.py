"""Notes a request for the log that tests read, and for a file: without keys, secrets and users' files.

Called by `app`. Separate because it needs nothing of the application but the request. What is a secret in a body is
decided by `redaction`.
"""

import json
import os
from collections.abc import Collection
from pathlib import Path

from gemctl.emulator import records, redaction, routing, times
from gemctl.emulator.access import KEY_QUERY
from gemctl.emulator.records import Seen
from gemctl.emulator.routing import Serving
from gemctl.emulator.wire import Request

KEPT_BODY = 64 * 1024
"""The most bytes of a body that are kept."""
_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "content-encoding",
        "content-type",
        "prefer",
        "user-agent",
        "x-goog-api-client",
        "x-goog-fieldmask",
        "x-goog-upload-command",
        "x-goog-upload-offset",
        "x-goog-upload-protocol",
        "x-http-method-override",
    }
)
_SECRET_QUERY = KEY_QUERY | routing.HOLDER_QUERY


def note(request: Request, status: int | None, instant: int, serving: Serving, number: int) -> Seen:
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
        number,
        {name: value for name, value in request.headers.items() if name in _HEADERS},
    )


def shown(seen: Seen) -> dict[str, object]:
    """What the admin door and a record show of it. A body that is nested deeper than the service takes is left out: few
    programs can write it."""
    body = seen.json
    return {
        "number": seen.number,
        "at": times.format_timestamp(times.to_instant(seen.at), 6),
        "method": seen.method,
        "path": seen.path,
        "query": seen.query,
        "status": seen.status,
        "headers": seen.headers,
        "size": seen.size,
        "digest": seen.digest,
        "body": None if routing.deeper_than(body, routing.DEEPEST) else body,
    }


class Record:
    """Writes requests into a file while they come, one line of JSON each, behind what is there. The file is the user's
    alone. Nothing is written any more once that fails: the log of this process and `failed` say why."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOCTTY | os.O_CLOEXEC
        self._file: int | None = os.open(path, flags, 0o600)
        self.failed = ""

    def __call__(self, seen: Seen) -> None:
        """Add a line."""
        if self._file is None:
            return
        try:
            os.write(self._file, f"{json.dumps(shown(seen))}\n".encode())
        except OSError as error:
            import logging  # costs more than the rest of this module, and is hardly ever needed

            self.failed = str(error)
            logging.getLogger("gemctl.emulator").error("requests are recorded no longer: %s", error)
            self.close()

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def query_without(names: Collection[str], request: Request) -> tuple[tuple[str, str], ...]:
    """The query without the pairs of these names, however they are written, with or without a dollar."""
    return tuple(pair for pair in request.query if pair[0].removeprefix("$").lower() not in names)


def is_upload(path: str) -> bool:
    """Whether users' files come in there."""
    return path.removeprefix("/").startswith("upload/")


def _kept(request: Request, serving: Serving) -> bytes:
    """The body as it may be kept: not if it is large, and not if it is a user's file."""
    if is_upload(request.path) and request.headers.get("x-goog-upload-command", "").strip().lower() != "start":
        return b""
    return redaction.of_request(request.path, request.body, serving) if len(request.body) <= KEPT_BODY else b""
