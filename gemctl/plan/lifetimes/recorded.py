"""Plans declarations that are recorded and nowhere live, such as policies by which something else is made. Called as
policy.py says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from gemctl.core.change import Action, Change, Reason
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Kind
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.core.record import Record
from gemctl.plan import steps as make
from gemctl.plan.decisions import edited, new_fields
from gemctl.plan.lifetimes import kept
from gemctl.plan.lifetimes.policy import Case, Foreseen, Settling, Subject

RUNS = FREE = ENDS_ALONE = False

rank, duplicate = kept.age, kept.duplicate


def settle(case: Case, at: Settling) -> None:
    """Nothing to do: nothing is live."""


def decide(subject: Subject) -> Iterable[Change]:
    """Write it down as it is declared, or forget it."""
    address, resource, record = subject.address, subject.resource, subject.record
    if resource is None:
        yield Change(address, Action.DELETE, Reason.UNDECLARED)
        return
    note = resource.declared.note
    if record is None:
        yield Change(address, Action.CREATE, Reason.DECLARED, fields=new_fields(resource, subject.kind), note=note)
    elif fields := edited(resource, record, subject.kind):
        yield Change(address, Action.UPDATE, Reason.EDITED, fields=fields, note=note)
    else:
        yield Change(address, Action.KEEP, Reason.IN_SYNC, note=note)


def old(subject: Subject) -> Iterable[Change]:
    """There are no older ones."""
    return ()


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """One entry in the ledger."""
    yield make.record_only(change, subject.resource, subject.kind, owner)


def expected(record: Record, kind: Kind, now: datetime) -> bool:
    """False: nothing is live."""
    return False


def foresee(change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
    """Nothing."""
    yield from ()
