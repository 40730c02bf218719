"""Makes what saves the results of jobs, and says what a run has cost. Called by apply.py,
jobs.py and plan.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from gemctl.core.address import Address
from gemctl.core.change import Action
from gemctl.core.codes import problem
from gemctl.core.cost import ActualCost
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.mark import owner_tag
from gemctl.core.plan import Plan
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired, Harvest
from gemctl.outputs.receipts import beside
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


def last_copies(session: Session, plan: Plan, ledger: Ledger) -> Iterator[Diagnostic]:
    """Warn of runs that the plan deletes although what was saved of them is gone from its file: the service has the
    only copy.
    """
    runs = {record.name: record for record in ledger.records.values()}
    # An earlier one that was run in several attempts has a file that its record does not name.
    runs |= {name: one.record for name, one in ledger.retiring.items() if one.record and one.record.attempt == 1}
    for change in plan.changes:
        record = runs.get(change.name or "") if change.action is Action.DELETE else None
        if record is None or record.harvest is None or record.run is None or record.run.results is None:
            continue
        file = record.run.results
        if any((session.root / path).exists() for path in (file, beside(file, record.spec_tag))):
            continue
        yield problem(
            "W506",
            f"{record.name} is to be deleted, and what was saved of it is gone: there is no {file}.",
            address=change.address,
            hint=f"While it is declared and not deleted, `gemctl results {change.address}` saves it again.",
        )
