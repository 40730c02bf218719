"""What must be looked at before anything can be decided: one list per kind in use, never one call a resource."""

from __future__ import annotations

from gemctl.core.kind import Catalogue
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired


def asks(desired: Desired, ledger: Ledger, catalogue: Catalogue) -> tuple[str, ...]:
    """The kinds to list. Without a state every kind is: our marks may be on any of them."""
    used = {address.kind for address in desired.resources}
    used |= {address.kind for address in ledger.records}
    used |= {generation.address.kind for generation in ledger.retiring.values()}
    used |= {intent.address.kind for intent in ledger.intents.values()}
    if not ledger.known:
        used |= set(catalogue)
    return tuple(sorted(kind for kind in used if kind in catalogue and catalogue[kind].listing()))
