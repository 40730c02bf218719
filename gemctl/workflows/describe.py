"""Collects all that is known of one address: declared, recorded, live, and what apply would do. Called by `gemctl
describe`.
"""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.description import Description
from gemctl.core.errors import Usage
from gemctl.core.graph import declared
from gemctl.core.record import addresses
from gemctl.workflows.plan import plan, wanted
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.wiring import Connection, Session


def describe(session: Session, connection: Connection, at: Address) -> Description:
    """All that is known of it, by the same look at everything that a plan takes. Reads only.

    Raises Usage E004 for an address that is neither declared nor recorded; Rejected, ApiError, StateError.
    """
    request = PlanRequest(advise=True)  # which tells what keeping it costs, too
    planned = plan(session, connection, request, wanted(session, request), wait=None)
    seen, changes = planned.observation, planned.plan.changes
    resources = tuple(one for one in seen.desired.resources.values() if at in (one.address, one.job))
    parts = {change.address for change in changes if change.part_of == at}
    meant = {at, *(one.address for one in resources), *parts}
    known = {*seen.desired.resources, *addresses(seen.ledger)}
    if not meant & known:
        hint = f"There are: {', '.join(map(str, sorted(known))) or 'none'}."
        raise Usage(f"{at} is neither declared nor recorded.", code="E004", hint=hint)
    records = {address: record for address, record in sorted(seen.ledger.records.items()) if address in meant}
    retiring = {name: old for name, old in seen.ledger.retiring.items() if old.address in meant}
    about = tuple(change for change in changes if change.address in meant)
    names = dict.fromkeys(
        (*(one.name for one in records.values()), *retiring, *(one.name for one in about if one.name))
    )
    live = seen.live_state.by_name
    edges = declared(seen.desired).edges
    return Description(
        address=at,
        now=planned.plan.header.made_at,
        resources=resources,
        records=records,
        retiring=retiring,
        intents=tuple(one for one in seen.ledger.intents.values() if one.address in meant),
        live=tuple(live[name] for name in names if name in live),
        changes=about,
        needs=tuple(sorted({above for above, below in edges if below in meant})),
        needed_by=tuple(sorted({below for above, below in edges if above in meant})),
        diagnostics=tuple(one for one in planned.said if one.address in meant),
    )
