"""Says which kinds to list before anything can be decided, and what each list is expected to show. Called by
workflows/look.py and show.py.

A list that lacks a recorded object is not believed by itself where something depends on that: where the object would
be made again, run again, or forgotten. This module names such objects; engine/survey.py asks further.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.kind import Catalogue, parent_of
from gemctl.core.live import Expected
from gemctl.core.mark import OwnerTag
from gemctl.core.record import Ledger, Record
from gemctl.core.resource import Desired
from gemctl.plan.chained import awaited
from gemctl.plan.lifetimes import policy
from gemctl.plan.lifetimes.once import is_over

_NOTHING: Mapping[Address, str] = MappingProxyType({})


def asks(
    desired: Desired,
    ledger: Ledger,
    catalogue: Catalogue,
    settle: timedelta,
    owner: OwnerTag | None = None,
    given: Mapping[Address, str] = _NOTHING,
    *,
    everything: bool = False,
) -> Mapping[str, Expected]:
    """The kinds to list, and what is expected of each. Without a state these are all kinds: any may carry our marks.

    `settle` is how long a create may still surface; `owner` this stack's tag, for objects under a parent of ours.
    `given` are live names that belong to an address although no list shows them, or no mark in it.
    `everything`: also objects under parents that show that nothing under them has moved.
    """
    used = {address.kind for address in desired.resources}
    used |= {address.kind for address in ledger.records}
    used |= {generation.address.kind for generation in ledger.retiring.values()}
    used |= {intent.address.kind for intent in ledger.intents.values()}
    used |= {parent for kind in used if kind in catalogue and (parent := parent_of(catalogue[kind]))}
    if not ledger.known:
        used |= set(catalogue)
    used |= {under.name for kind in used if kind in catalogue and (under := catalogue[kind].members)}
    newest = max((intent.at for intent in ledger.open_creates), default=None)
    return {
        kind: Expected(
            names={**_given(kind, catalogue, given), **_names(kind, desired, ledger, catalogue)},
            unheard=frozenset(
                (one.address_tag, one.spec_tag) for one in ledger.open_creates if one.address.kind == kind
            ),
            decided=newest + settle if newest else None,
            blind=not ledger.known,
            final=policy(catalogue[kind]).ENDS_ALONE,
            owner=owner,
            parents=frozenset(name for at, name in given.items() if at.kind == parent_of(catalogue[kind])),
            below=_below(kind, ledger, catalogue),
            apart=_apart(kind, desired, ledger, catalogue),
            settled={} if everything else _settled(kind, ledger, catalogue),
        )
        for kind in sorted(used)
        if kind in catalogue and catalogue[kind].remote
    }


def _given(kind: str, catalogue: Catalogue, given: Mapping[Address, str]) -> Mapping[str, datetime | None]:
    """The `given` names of a kind whose objects can only be asked for by name."""
    made = catalogue[kind].remote
    if made is None or made.listed:
        return {}
    return {name: None for at, name in given.items() if at.kind == kind and made.collection.name.fullmatch(name)}


def _below(kind: str, ledger: Ledger, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
    """What the ledger has of the objects of this kind, by the live name of what they lie under."""
    parent = parent_of(catalogue[kind])
    return {
        ledger.records[of].name: rows
        for of, rows in sorted(ledger.members.items())
        if of.kind == parent and of in ledger.records
    }


def _apart(kind: str, desired: Desired, ledger: Ledger, catalogue: Catalogue) -> frozenset[str]:
    """The recorded parents under which we have and want nothing: somebody else fills them."""
    parent = parent_of(catalogue[kind])
    if parent is None or not ledger.known or any(intent.address.kind == kind for intent in ledger.intents.values()):
        return frozenset()
    ours = {address for address, one in desired.resources.items() if one.declared.members} | ledger.members.keys()
    return frozenset(
        one.name for address, one in ledger.records.items() if address.kind == parent and address not in ours
    )


def _settled(kind: str, ledger: Ledger, catalogue: Catalogue) -> Mapping[str, str]:
    """Parents whose objects the ledger has as the service showed them, if nothing is open that would make another."""
    parent = parent_of(catalogue[kind])
    if parent is None or not ledger.known or any(intent.address.kind == kind for intent in ledger.intents.values()):
        return {}
    bound = sorted(ledger.records.items())
    return {record.name: record.children for address, record in bound if address.kind == parent and record.children}


def _names(kind: str, desired: Desired, ledger: Ledger, catalogue: Catalogue) -> Mapping[str, datetime | None]:
    """The live names that are bound, or watched until they are gone, each with its end."""
    runs = policy(catalogue[kind]).RUNS
    made = catalogue[kind].remote
    unlisted = made is not None and not made.listed

    def ends(deadline: datetime | None) -> datetime | None:
        return None if runs else deadline  # the deadline of a run is that of its results

    before = awaited(desired, ledger, catalogue) if unlisted and runs else ()
    names = {name: None for name, given in ledger.handed.items() if given.address.kind == kind}
    old = {name: ends(one.deadline) for name, one in ledger.retiring.items() if one.address.kind == kind}
    bound = {
        record.name: ends(record.deadline)
        for address, record in ledger.records.items()
        if address.kind == kind
        if address in before or not (runs and _is_over(address, record, desired, unlisted=unlisted))
    }
    return dict(sorted({**names, **old, **bound}.items()))


def _is_over(address: Address, record: Record, desired: Desired, *, unlisted: bool) -> bool:
    """Whether a run is declared and over: whatever the service still shows of it, nothing is run for it or forgotten.

    There may be many such runs, and the service forgets them. One that no list shows is not over while it is to be
    deleted, and while its results are not saved: it may still run.
    """
    resource = desired.resources.get(address)
    if resource is None or (unlisted and resource.run and resource.run.clean):
        return False
    return is_over(resource, record, unwanted=not unlisted)
