"""Keeps what a session needs to go on under a handle, in the world: it outlives a connection, and with a store also the
emulator.

Called by `session`. Separate because it is the one thing of sessions that is in the world. Handles are kept for two
hours after the end of the last connection (guide on sessions); that all those of a session are good until then, and not
only its last one, is an assumption. The world has digests of handles, as it has of tokens.
"""

import hashlib
from typing import Any

from gemctl.emulator import times
from gemctl.emulator.live.conversation import Conversation
from gemctl.emulator.rows import Row
from gemctl.emulator.world import World

COLLECTION = "emulator/liveHandles"
"""It is no resource: nothing serves it."""

_HEX = "0123456789abcdef"
_KEPT = 2 * 3_600 * times.SECOND


def save(world: World, project: str, model: str, conversation: Conversation, connected: int) -> tuple[str, str]:
    """Keep a session as it is now, which has been connected for that long. Gives its handle, and the row's name."""
    drawn = world.draw(_HEX, 32)
    handle = "-".join((drawn[:8], drawn[8:12], drawn[12:16], drawn[16:20], drawn[20:]))
    body: dict[str, Any] = {"model": model, "said": conversation.to_json(), "connected": connected}
    row = world.create(COLLECTION, project, body, expires=world.instant + _KEPT, name=_name(handle))
    return handle, row.name


def find(world: World, project: str, handle: str) -> Row | None:
    return world.get(COLLECTION, project, _name(handle))


def extend(world: World, project: str, name: str) -> None:
    """The connection has ended now: its last handle is good from now on."""
    row = world.get(COLLECTION, project, name)
    if row is not None:
        world.patch(row, expires=world.instant + _KEPT)


def _name(handle: str) -> str:
    return f"{COLLECTION}/{hashlib.sha256(handle.encode('utf-8', 'replace')).hexdigest()[:32]}"
