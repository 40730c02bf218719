"""Looks at everything once: the ledger, the live objects, and what of them is ours. Every online command begins so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.claims import Claims
from gemctl.core.clock import RESOLUTION
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.event import Tell
from gemctl.core.live import World
from gemctl.core.mark import project_tag
from gemctl.core.moment import show_instant
from gemctl.core.neighbours import neighbours
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired
from gemctl.engine.resolve import resolve
from gemctl.engine.survey import survey
from gemctl.plan.asks import asks
from gemctl.plan.claim import claim
from gemctl.state.store import Loaded
from gemctl.workflows.wiring import Line, Session, check_identity, identity, key_changed, load_state

_NOTHING: Mapping[Address, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Picture:
    """loaded    the state as it was on disk; `claims.ledger` is what it amounts to, given what is live."""

    desired: Desired
    loaded: Loaded
    world: World
    claims: Claims
    key_changed: bool
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def ledger(self) -> Ledger:
        return self.claims.ledger


def look(
    session: Session,
    line: Line,
    desired: Desired,
    *,
    wait: Tell | None,
    loaded: Loaded | None = None,
    given: Mapping[Address, str] = _NOTHING,
    everything: bool = False,
) -> Picture:
    """Load, list, claim. With `wait`, until nothing that was sent can surface any more; without, as it is now.

    `loaded` in place of what the store holds, for a rebuild. `given` are live names that are asked for besides those
    that gemctl.yaml imports, where no list shows them. `everything`: also what lies under parents that show that
    nothing under them has moved.
    Raises StateError, ApiError, and GemctlError E522 where an open create can't be decided.
    """
    loaded = loaded or load_state(session)
    check_identity(loaded, identity(session, line, loaded.identity), session.store.place)
    settle = session.project.timing.settle + RESOLUTION
    tag = project_tag(session.project.identity, session.stack.name)
    around = neighbours(session.project, session.stack)
    given = {**around.imports, **given}
    kinds = asks(desired, loaded.ledger, session.catalogue, settle, tag, given, everything=everything)

    def once() -> tuple[World, Claims]:
        world = survey(kinds, session.catalogue, line.new_client, line.server_now, line.at_once)
        return world, claim(desired, loaded.ledger, world, tag, settle, session.catalogue, around)

    if wait:
        world, claims = resolve(once, desired=desired, settle=settle, clock=session.clock, tell=wait)
        notes: tuple[Diagnostic, ...] = ()
    else:
        world, claims = once()
        notes = _unsettled(claims, settle)
    notes += unknown_tokens(loaded.ledger, world.now)
    changed = key_changed(loaded, line)
    if changed:
        notes += (_other_key(),)
    return Picture(desired, loaded, world, claims, changed, (*line.warnings(), *loaded.warnings, *notes))


def _unsettled(claims: Claims, settle: timedelta) -> tuple[Diagnostic, ...]:
    return tuple(
        problem(
            "W501",
            f"A create may be under way, from {show_instant(intent.at)} or before. What it makes may appear until "
            f"{show_instant(intent.at + settle)}; apply waits for that before it decides.",
            address=intent.address,
        )
        for intent in claims.unresolved
    )


def unknown_tokens(ledger: Ledger, now: datetime) -> tuple[Diagnostic, ...]:
    """What somebody may hold of mints that were never answered."""
    return tuple(
        problem(
            "W540",
            f"A mint was sent at {show_instant(intent.at)} and never answered: one unknown token may live until "
            f"{show_instant(intent.deadline)}.",
            address=intent.address,
        )
        for intent in ledger.open_mints
        if intent.deadline is not None and intent.deadline > now
    )


def _other_key() -> Diagnostic:
    return problem(
        "W502",
        "The API key is not the one that was used last.",
    )
