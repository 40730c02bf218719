"""Finds the addresses that people mean: by a name that only one resource has, and by labels. Called by cli/context.py
and by commands that list.
"""

from __future__ import annotations

from gemctl.core.address import Address
from gemctl.core.errors import Usage
from gemctl.core.labels import read_selector, selects
from gemctl.core.record import addresses
from gemctl.core.resource import Desired
from gemctl.manifest.load import written_addresses
from gemctl.workflows.wiring import Session


def named(session: Session, name: str) -> Address | None:
    """The only resource of this name, declared or recorded; None where there is none. Raises Usage E004 where there are
    several; StateError.
    """
    known = {*written_addresses(session.loaded), *addresses(session.store.load().ledger)}
    found = sorted(address for address in known if address.name == name)
    if len(found) > 1:
        raise Usage(
            f"{name!r} is the name of several resources.", code="E004", hint=f"Write {' or '.join(map(str, found))}."
        )
    return found[0] if found else None


def labelled(desired: Desired, selector: str) -> frozenset[Address]:
    """The declared resources with these labels. Raises Usage E009 for a text that selects by none."""
    try:
        wanted = read_selector(selector)
    except ValueError as error:
        raise Usage(str(error), code="E009") from None
    return frozenset(at for at, resource in desired.resources.items() if selects(wanted, resource.labels))
