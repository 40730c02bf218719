"""Makes an Observation: loads the ledger, lists the live objects, and decides which of them are ours. Called by plan.py
and by all other workflows that decide about live objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.clock import RESOLUTION
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.event import Tell
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.lifetime import Scheduled
from gemctl.core.live import LiveState
from gemctl.core.mark import owner_tag
from gemctl.core.moment import show_instant
from gemctl.core.neighbours import neighbours
from gemctl.core.ownership import Ownership
from gemctl.core.record import Intent, Ledger, Op
from gemctl.core.resource import Desired
from gemctl.engine.resolve import resolve
from gemctl.engine.survey import survey
from gemctl.plan.asks import asks
from gemctl.plan.held import hold
from gemctl.plan.ownership import own
from gemctl.state.codec import Identity
from gemctl.state.store import Loaded
from gemctl.workflows.secrets import sealed
from gemctl.workflows.wiring import Connection, Session, check_identity, identity, key_changed, load_state

_NOTHING: Mapping[Address, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at everything.

    loaded   the state as it was stored; `ownership.ledger` is what it amounts to, given what is live.
    identity the identity of the state from now on.
    """

    desired: Desired
    loaded: Loaded
    live_state: LiveState
    ownership: Ownership
    key_changed: bool
    identity: Identity
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def ledger(self) -> Ledger:
        return self.ownership.ledger


def look(
    session: Session,
    connection: Connection,
    desired: Desired,
    *,
    wait: Tell | None,
    loaded: Loaded | None = None,
    given: Mapping[Address, str] = _NOTHING,
    everything: bool = False,
    salt: str = "",
) -> Observation:
    """Load the ledger, list, and decide the ownership. With `wait`, look until nothing that was sent can surface any
    more; without, once.

    `loaded` in place of what the store holds, for a rebuild. `given` are live names that are asked for besides those
    that gemctl.yaml imports, where no list shows them. `everything`: also what lies under parents that show that
    nothing under them has moved. `salt` is that of a state that is still to be made, where one was chosen before.
    Raises StateError, ApiError, and GemctlError E522 where an open create can't be decided.
    """
    loaded = loaded or load_state(session)
    if connection.reads:
        connection.reads.upon(loaded.stamp)
    desired = hold(desired, loaded.ledger)
    whose = identity(session, connection, loaded.identity, salt)
    check_identity(loaded, whose, session.store.place)
    desired, told = sealed(session, desired, loaded.ledger.records, whose.key_salt)
    settle = session.project.timing.settle + RESOLUTION
    owner = owner_tag(session.project.identity, session.stack.name)
    around = neighbours(session.project, session.stack)
    given = {**around.imports, **given}
    kinds = asks(desired, loaded.ledger, session.catalogue, settle, owner, given, everything=everything)

    def once() -> tuple[LiveState, Ownership]:
        live_state = survey(kinds, session.catalogue, connection.new_client, connection.server_now, connection.at_once)
        return live_state, own(desired, loaded.ledger, live_state, owner, settle, session.catalogue, around)

    if wait:
        live_state, ownership = resolve(once, desired=desired, settle=settle, clock=session.clock, tell=wait)
        notes: tuple[Diagnostic, ...] = ()
    else:
        live_state, ownership = once()
        notes = _unsettled(ownership, settle, session.catalogue)
    desired = hold(desired, ownership.ledger)  # a run that was found now counts as it was run, too
    notes += unknown_tokens(loaded.ledger, live_state.now)
    changed = key_changed(loaded, connection)
    if changed:
        notes += (_other_key(),)
    said = (*connection.warnings(), *loaded.warnings, *told, *notes)
    return Observation(desired, loaded, live_state, ownership, changed, whose, said)


def _unsettled(ownership: Ownership, settle: timedelta, catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    return tuple(
        problem("W501", _may_come(intent, intent.at + settle, catalogue), address=intent.address)
        for intent in ownership.unresolved
    )


def _may_come(intent: Intent, until: datetime, catalogue: Catalogue) -> str:
    since, wait = show_instant(intent.at), f"until {show_instant(until)}; apply waits for that before it decides."
    if intent.op is Op.UPDATE:
        return f"It was to be changed at {since}, and no answer came. It may still be {wait}"
    if intent.op is not Op.CREATE:
        return f"A new secret was asked for at {since}, and no answer came. It may be made {wait}"
    costs = "If it was made, the service starts something by its schedule meanwhile, which costs."
    scheduled = isinstance(catalogue[intent.address.kind].lifetime, Scheduled)
    return (
        f"A create may be under way, from {since} or before. What it makes may appear {wait}{f' {costs}' * scheduled}"
    )


def unknown_tokens(ledger: Ledger, now: datetime) -> tuple[Diagnostic, ...]:
    """Warnings about tokens that may exist although their mints were never answered."""
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
