"""Waits until what may still surface has surfaced: the quarantine after a create whose answer never came.

Measured by the service's clock and polled, so that it ends as soon as everything that was sent has been found.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from gemctl.core.claims import Claims
from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError
from gemctl.core.event import Tell, Waiting
from gemctl.core.live import World
from gemctl.core.moment import show_instant
from gemctl.core.resource import Desired

POLL = 5.0  # seconds between two looks, at most


def resolve(
    look: Callable[[], tuple[World, Claims]],
    *,
    desired: Desired,
    settle: timedelta,
    clock: Clock,
    tell: Tell,
) -> tuple[World, Claims]:
    """Look until every open create is found or has had `settle` to surface. Raises GemctlError where marks can't help.

    Intents may have been lost with a state: then `settle` is waited for from now, if anything would be created at all.
    After damage to one it always is, because what surfaces late could then be taken for another writer's.
    """
    world, claims = look()
    until = world.now + settle if claims.uncertain else None
    while True:
        if claims.unresolved:
            newest = max(intent.at for intent in claims.unresolved) + settle
            if newest <= world.now:
                raise _undecidable(claims)
            why, end = f"{len(claims.unresolved)} sent without an answer may still appear", newest
        elif until and until > world.now and (claims.ledger.serial or _would_create(desired, claims, world)):
            why, end = "the state was lost, and what was sent before may still appear", until
        else:
            return world, claims
        tell(Waiting(why, end))
        clock.sleep(min(POLL, max((end - world.now).total_seconds(), 0.05)))
        world, claims = look()


def _would_create(desired: Desired, claims: Claims, world: World) -> bool:
    """True if something would be made: because it is not bound, is gone, or was edited."""
    live = {item.name for items in world.listings.values() for item in items}
    records = claims.ledger.records
    return any(
        address not in records or records[address].name not in live or records[address].spec != resource.spec_tag
        for address, resource in desired.resources.items()
    )


def _undecidable(claims: Claims) -> GemctlError:
    names = ", ".join(f"{intent.address} (sent {show_instant(intent.at)})" for intent in claims.unresolved)
    return GemctlError(
        f"It can't be told whether these were created: {names}. The service does not keep display names here, so the "
        "mark does not help.",
        code="E522",
        hint="Look with `gemctl get`; then `gemctl import ADDRESS NAME` if it is there, or `gemctl state rm ADDRESS`.",
    )
