"""Decides who may open a session of the Live API: the paths, and the credentials in all the forms that clients use.

Called by `App.connect`. Separate because the service answers the request for a WebSocket of anybody: who may not open a
session is told so by a close frame, after the setup. Clients send keys and tokens differently (header or query), which
the official SDKs and the guide on ephemeral tokens show; all forms of a token are taken here, as nobody has published
which ones the service takes.

A key opens BidiGenerateContent, a token BidiGenerateContentConstrained, each nothing else. That a key does not open the
latter is an assumption.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gemctl.emulator import records
from gemctl.emulator.live import closes
from gemctl.emulator.live.closes import Closing
from gemctl.emulator.paging import first
from gemctl.emulator.rows import Row
from gemctl.emulator.surfaces import auth_tokens
from gemctl.emulator.wire import Refusal, Request
from gemctl.emulator.world import World

_PATH = re.compile(
    r"/+ws/+google\.ai\.generativelanguage\.(v1|v1beta|v1alpha)\.GenerativeService\.BidiGenerateContent(Constrained)?/*"
)
_TOKEN = f"{auth_tokens.COLLECTION}/"

Admit = Callable[[Request], tuple[str, str]]
"""Gives the project and the key of a request, or refuses it."""


@dataclass(frozen=True)
class Caller:
    """Who opens a session: the project, a fingerprint of the key, or the token."""

    version: str
    project: str
    key: str = ""
    token: Row | None = None


def is_live(path: str) -> bool:
    """Whether the path is that of sessions. Several slashes are as good as one: the official JavaScript SDK sends two
    at the beginning."""
    return _PATH.fullmatch(path) is not None


def caller(world: World, request: Request, admit: Admit) -> Caller | Closing:
    """Who asks for a session on such a path, or how it ends after its setup."""
    found = _PATH.fullmatch(request.path)
    version, constrained = (found[1], bool(found[2])) if found else ("", False)
    secret = _token(request)
    if constrained:
        return _with_token(world, version, secret)
    if secret:
        return Closing(*closes.NO_CALLER)
    try:
        project, key = admit(request)
    except Refusal as refusal:
        return Closing(*closes.NO_SUCH_CREDENTIAL) if refusal.code == 401 else closes.of(refusal)
    return Caller(version, project, records.fingerprint(key))


def _token(request: Request) -> str:
    scheme, _, credentials = request.headers.get("authorization", "").strip().partition(" ")
    given = (
        first(request.query, "access_token"),
        credentials if scheme.lower() == "token" else "",
        request.headers.get("x-goog-api-key", ""),
        first(request.query, "key"),
    )
    return next((text.strip() for text in given if text.strip().startswith(_TOKEN)), "")


def _with_token(world: World, version: str, secret: str) -> Caller | Closing:
    if not secret:
        return Closing(*closes.NO_SUCH_CREDENTIAL)
    row = auth_tokens.find(world, secret)
    if row is not None:
        return Caller(version, row.project, token=row)
    return Closing(*(closes.TOKEN_EXPIRED if auth_tokens.has_ended(world, secret) else closes.NO_SUCH_CREDENTIAL))
