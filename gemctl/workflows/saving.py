"""Makes what saves the results of jobs, and says what a run has cost. Called by apply.py and jobs.py."""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.cost import ActualCost
from gemctl.core.mark import owner_tag
from gemctl.core.record import Record
from gemctl.core.resource import Desired, Harvest
from gemctl.outputs.results import SaveResults
from gemctl.workflows.wiring import Connection, Session


def saving(session: Session, connection: Connection, desired: Desired, *, as_is: bool = False) -> SaveResults:
    """What saves results where the resources say. `as_is`: also results that do not add up."""
    return SaveResults(
        session.root,
        desired,
        owner_tag(session.project.identity, session.stack.name),
        session.folder,
        connection.server_now,
        price=lambda address, record, harvest: actual_cost(session, desired, address, record, harvest),
        as_is=as_is,
    )


def actual_cost(
    session: Session, desired: Desired, address: Address, record: Record | None, harvest: Harvest
) -> ActualCost | None:
    """What a run has cost by the counts in its results; None where they have none."""
    if harvest.usage is None:
        return None
    from gemctl.workflows import money

    return money.actual_cost(session, desired, address, record, harvest)
