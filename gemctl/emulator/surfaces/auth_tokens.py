"""Serves auth_tokens: create, and nothing else (ai.google.dev guide, "Ephemeral tokens"; the official SDKs' types).

Called by `app` through the table of `surfaces`, and by `live` when a token opens a session. Separate as every kind is.
A token opens Live sessions; it cannot be got, listed or revoked, so these paths do not exist. Its name is the secret.
The answer has it once; the log, the effects and the requests that `app` remembers hold a digest instead, by which tests
tell tokens apart. What a session needs to know is kept: the setup and the mask in their canonical form, the deadlines,
and how often the token was used.

The documentation names v1alpha; other versions are served too, as users report of the service. Masks that the service
refuses are refused here, with its words; whether a setup makes sense (one response modality, a voice that there is)
shows when a session starts.
"""

import hashlib
import re
from urllib.parse import unquote

from gemctl.emulator import times
from gemctl.emulator.live import locks
from gemctl.emulator.live_messages import AUTH_TOKEN
from gemctl.emulator.routing import Call, Route, Surface
from gemctl.emulator.rows import Row
from gemctl.emulator.wire import invalid
from gemctl.emulator.world import World

COLLECTION = "auth_tokens"

_HEX = "0123456789abcdef"
_LENGTH = 64  # an assumption: the length of the text was not published
_LIFE = 30 * 60 * times.SECOND
_OPENING = 60 * times.SECOND
_LONGEST = 20 * 3_600 * times.SECOND
_MASK = re.compile(r"[A-Za-z0-9_.]+(,[A-Za-z0-9_.]+)*", re.ASCII)
_SECRET = re.compile(rf"{COLLECTION}/[^/?]+")


def stands_for(name: str) -> str:
    """The part of a token's name that may be kept."""
    return f"{COLLECTION}/sha256:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:12]}"


def without_secret(path: str) -> str:
    """A request's path, if a token's name is in it (however it is escaped) without that name."""
    plain = unquote(path)
    return _SECRET.sub(lambda found: stands_for(found[0]), plain) if _SECRET.search(plain) else path


def find(world: World, secret: str) -> Row | None:
    """The token of that name, in whichever project, if it has not expired."""
    return world.anywhere(COLLECTION, stands_for(secret))


def has_ended(world: World, secret: str) -> bool:
    """Whether there was a token of that name, and there is none now."""
    return find(world, secret) is None and not world.unused(stands_for(secret))


def again(world: World, row: Row) -> Row | None:
    """The same token as it is now, if it has not expired."""
    return world.get(COLLECTION, row.project, row.name)


def is_closed(world: World, row: Row) -> bool:
    """Whether it opens no session any more: a connection that goes on with one counts as well."""
    opens: int = row.body.get("opens", 0)  # older records don't say, and are of tokens that are closed by now
    return world.instant > opens


def is_spent(row: Row) -> bool:
    """Whether it has been used as often as it may be."""
    uses: int = row.body["uses"]
    return 0 < uses <= int(row.body.get("used", 0))


def use(world: World, row: Row) -> None:
    """Count one session that it has opened."""
    world.patch(row, body={**row.body, "used": row.body.get("used", 0) + 1})


def _create(call: Call) -> dict[str, object]:
    """Every field may be left out. A constraint without a model is taken, as the SDK's own examples have one."""
    body = call.json(AUTH_TOKEN)
    expires = _deadline(call, body.get("expireTime"), _LIFE, "expire_time")
    opens = _deadline(call, body.get("newSessionExpireTime"), _OPENING, "new_session_expire_time")
    uses = body.get("uses", 1)
    if uses < 0:
        raise invalid("* AuthToken.uses: the number of uses must not be negative.")
    mask = body.get("fieldMask", "")
    if mask and not _MASK.fullmatch(mask):
        raise invalid("* AuthToken.field_mask: a field mask is a list of paths with commas between them.")
    try:
        locked = locks.read_mask(mask)
    except ValueError:
        raise invalid("field_mask is invalid for BidiGenerateContentSetup") from None
    setup = body.get("bidiGenerateContentSetup")
    model = (setup or {}).get("model", "")
    if model:
        where = "AuthToken.bidi_generate_content_setup.model"
        call.catalogue.find(model, version=call.version, method="bidiGenerateContent", field=where)
    secret = _new(call.world)
    kept = {"model": model, "uses": uses, "opens": opens, "setup": setup, "mask": locked}
    call.world.create(COLLECTION, call.project, kept, name=stands_for(secret), expires=expires)
    return {"name": secret}


def _new(world: World) -> str:
    while True:
        secret = f"{COLLECTION}/{world.draw(_HEX, _LENGTH)}"
        if world.unused(stands_for(secret)):
            return secret


def _deadline(call: Call, instant: int | None, usual: int, field: str) -> int:
    """The instant that was asked for; the bounds are from the SDK's documentation of the fields."""
    now = call.world.instant
    if instant is None:
        return now + usual
    if instant <= now:
        raise invalid(f"* AuthToken.{field}: the time must be in the future.")
    if instant - now >= _LONGEST:
        raise invalid(f"{field} is too far in the future. Maximum lifetime is 20h")
    return instant


SURFACE = Surface(COLLECTION, (Route("POST", "auth_tokens", _create),))
