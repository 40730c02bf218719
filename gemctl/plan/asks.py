"""What must be looked at before anything can be decided: one list per kind in use, and what that list is held against.

A list that lacks what is recorded is not believed by itself where something hangs upon it: where the object would be
made again, run again, or forgotten. What that is, is said here; engine/survey.py asks further.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.kind import Catalogue, Lifetime
from gemctl.core.live import Expected
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired
from gemctl.plan.jobs import is_over


def asks(desired: Desired, ledger: Ledger, catalogue: Catalogue, settle: timedelta) -> Mapping[str, Expected]:
    """The kinds to list, and what is expected of each. Without a state every kind is: our marks may be on any of them.

    `settle` is how long a create may still surface.
    """
    used = {address.kind for address in desired.resources}
    used |= {address.kind for address in ledger.records}
    used |= {generation.address.kind for generation in ledger.retiring.values()}
    used |= {intent.address.kind for intent in ledger.intents.values()}
    if not ledger.known:
        used |= set(catalogue)
    newest = max((intent.at for intent in ledger.open_creates), default=None)
    return {
        kind: Expected(
            names=_names(kind, desired, ledger, catalogue),
            unheard=frozenset((one.marked, one.spec) for one in ledger.open_creates if one.address.kind == kind),
            decided=newest + settle if newest else None,
            blind=not ledger.known,
        )
        for kind in sorted(used)
        if kind in catalogue and catalogue[kind].listing()
    }


def _names(kind: str, desired: Desired, ledger: Ledger, catalogue: Catalogue) -> Mapping[str, datetime | None]:
    """What is watched until it is gone, and what is bound and would be missed."""
    once = catalogue[kind].lifetime is Lifetime.ONCE

    def ends(deadline: datetime | None) -> datetime | None:
        return None if once else deadline  # that of a run is that of its results

    names = {name: None for name, given in ledger.handed.items() if given.address.kind == kind}
    old = {name: ends(one.deadline) for name, one in ledger.retiring.items() if one.address.kind == kind}
    bound = {
        record.name: ends(record.deadline)
        for address, record in ledger.records.items()
        if address.kind == kind and not (once and _is_over(address, record, desired))
    }
    return dict(sorted({**names, **old, **bound}.items()))


def _is_over(address: Address, record: Record, desired: Desired) -> bool:
    """Whether a run is declared and over: whatever the service still shows of it, nothing is run for it or forgotten.

    There may be many of those, and the service forgets them.
    """
    resource = desired.resources.get(address)
    return resource is not None and is_over(resource, record)
