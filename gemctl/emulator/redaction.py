"""Takes secrets out of what is kept to be read: the log of requests, and snapshots.

Called by `seen` and `snapshots`. Separate so that both leave out the same: the values of credentials, the headers that
a tool or a server of tools is given, the signing secrets of webhooks, the names of tokens. Keys and the addresses of
uploads are in no body; `seen` leaves those out of queries.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from gemctl.emulator.routing import DEEPEST, HOLDER_QUERY, Serving, parse
from gemctl.emulator.wire import Refusal

SECRET = "(secret)"  # noqa: S105 - what stands in the place of one
_HEADERS = "headers"
_MAY_BE_HEADERS = (b"headers", b"\\u")  # with or without quotes, or with escapes in it
_WEBHOOKS = "webhooks"


def _private(path: str, serving: Serving) -> frozenset[str]:
    """The fields of bodies whose values are secrets, where a path or collection has these words. Wherever a word is: a
    client whose base URL is wrong sends its secrets to a path that is not served."""
    words = set(re.split("[/:]", unquote(path)))
    return frozenset(_plain(name) for word in words for surface in serving(word) for name in surface.private)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def of_request(path: str, body: bytes, serving: Serving) -> bytes:
    """A request's body without secrets, however it is written; nothing of one that may have some, or is nested deeply,
    and can't be read."""
    names = _private(path, serving)
    deep = body.count(b"{") + body.count(b"[") > DEEPEST
    if not body or not (names or deep or any(word in body for word in _MAY_BE_HEADERS)):
        return body
    try:
        return json.dumps(_without(parse(body, loose=True), names)).encode()
    except Refusal:
        return b""


def of_path(path: str) -> str:
    """A request's path: the name of a token is the token."""
    if "auth_tokens" not in unquote(path):
        return path
    from gemctl.emulator.surfaces import auth_tokens  # hardly ever asked for

    return auth_tokens.without_secret(path)


def of_record(record: Mapping[str, Any], serving: Serving) -> dict[str, Any]:
    """A record of a world. A signing secret is replaced by one that anybody can make of the webhook's name."""
    if record["kind"] == "late":
        method, path, query, key = record["request"]
        shown = [[name, SECRET if name in HOLDER_QUERY else value] for name, value in query]
        sent = of_request(path, record["body"].encode("latin-1"), serving).decode("latin-1")
        return {**record, "request": [method, path, shown, key], "body": sent}
    if "body" not in record:
        return dict(record)
    body = _without(record["body"], _private(record["collection"], serving))
    if record["collection"] == _WEBHOOKS:
        body["secrets"] = [
            {**one, "secret": _stand_in(record["name"], number)} for number, one in enumerate(body["secrets"])
        ]
    return {**record, "body": body}


def _stand_in(name: str, number: int) -> str:
    made = hashlib.sha256(f"gemctl emulator webhook\0{name}\0{number}".encode()).digest()
    return f"whsec_{base64.b64encode(made).decode()}"


def _without(body: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: SECRET if _plain(name) in names else _within(name, item, names) for name, item in body.items()}


def _within(name: str, value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_within("", item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return dict.fromkeys(value, SECRET) if name == _HEADERS else _without(value, names)
