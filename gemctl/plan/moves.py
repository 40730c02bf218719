"""Finds resources that were renamed in the manifests, said so or not, and records them under their new addresses.
Called by ownership.py, order.py, warn.py and workflows/ledger.py.

`moved:` in gemctl.yaml and `gemctl state mv` do the same to the ledger (`moved`). Live objects keep the mark of their
old address; the ledger remembers under which address tag to look for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from gemctl.core.address import Address
from gemctl.core.kind import Catalogue
from gemctl.core.mark import address_tag, attempt_tag
from gemctl.core.record import (
    Bound,
    Doubted,
    Entry,
    Generation,
    Gone,
    Handed,
    Intended,
    Intent,
    Ledger,
    Members,
    Minted,
    Retiring,
)
from gemctl.core.resource import Desired, Resource

LOST = "lost-"  # resources known only by a mark are called lost-<address tag>: the mark holds no name
Told = TypeVar("Told", Generation, Intent, Minted, Handed)


def moved(ledger: Ledger, old: Address, new: Address, catalogue: Catalogue) -> tuple[Entry, ...]:
    """The entries that say of `new` all that the ledger says of `old`."""
    entries: list[Entry] = []
    if record := ledger.records.get(old):
        entries.append(Gone(old, record.name))
        if catalogue[old.kind].remote is None:  # there is no mark and no name but the address
            record = replace(record, name=str(new), address_tag=address_tag(new))
        entries.append(Bound(new, record))
        if rows := ledger.members.get(old):
            entries.append(Members(new, rows))
    entries += [Retiring(name, replace(one, address=new)) for name, one in _of(ledger.retiring, old)]
    entries += [Intended(replace(one, address=new)) for _, one in _of(ledger.intents, old)]
    entries += [Doubted(replace(one, address=new)) for _, one in _of(ledger.sent, old)]
    entries += [Minted(new, one.token) for _, one in _of(ledger.tokens, old)]
    entries += [Handed(name, new, one.to) for name, one in _of(ledger.handed, old)]
    return tuple(entries)


def _of(held: Mapping[str, Told], address: Address) -> list[tuple[str, Told]]:
    return [(name, one) for name, one in sorted(held.items()) if one.address == address]


def moves(desired: Desired) -> Mapping[Address, Address]:
    """Each old address with the new one, as gemctl.yaml says; generated resources move along."""
    found: dict[Address, Address] = {}
    for old, new in sorted(desired.moved.items()):
        found |= {old: new, **generated_with(desired, old, new)}
    return found


def generated_with(desired: Desired, old: Address, new: Address) -> Mapping[Address, Address]:
    """The resources that `old` generated, and its parts, each with its address under `new`; `desired` declares either
    of them.
    """
    found: dict[Address, Address] = {}
    for address, resource in desired.resources.items():
        root = _root(resource, desired)
        if root in (old, new) and root != address:
            suffix = address.name.removeprefix(root.name)
            found[Address(address.kind, old.name + suffix)] = Address(address.kind, new.name + suffix)
    return found


def _root(resource: Resource, desired: Desired) -> Address:
    """The address in the manifest that it was declared by."""
    if resource.generated_by:
        by = desired.resources.get(resource.generated_by)
        return _root(by, desired) if by else resource.generated_by
    return resource.job


def seem_renamed(desired: Desired, ledger: Ledger) -> Mapping[Address, Address]:
    """Recorded addresses that are no longer declared, each with one that is declared as the very same and not recorded:
    most likely it was renamed, and no line says so.
    """
    found: dict[Address, Address] = {}
    new: dict[tuple[str, int], dict[str, list[Address]]] = {}  # by kind and attempt: addresses by their spec tags
    for old in sorted(at for at in ledger.records if at not in desired.resources):
        record = ledger.records[old]
        key = (old.kind, record.attempt)
        if key not in new:
            new[key] = _not_recorded(desired, ledger, *key)
        if addresses := new[key].get(record.spec_tag):
            found[old] = addresses.pop(0) if len(addresses) > 1 else addresses[0]
    return found


def _not_recorded(desired: Desired, ledger: Ledger, kind: str, attempt: int) -> dict[str, list[Address]]:
    found: dict[str, list[Address]] = {}
    for address, one in sorted(desired.resources.items()):
        if address.kind == kind and address not in ledger.records and one.generated_by is None:
            found.setdefault(attempt_tag(one.spec_tag, attempt), []).append(address)
    return found
