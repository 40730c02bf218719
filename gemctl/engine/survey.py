"""Looks: one complete list per kind, all at once. What can't be read raises; it never looks like nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import datetime, timedelta

from gemctl.api.client import Client
from gemctl.core.errors import ApiError, Refused
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.live import Item, World
from gemctl.core.record import Ledger


def survey(
    kinds: Iterable[str],
    catalogue: Catalogue,
    ledger: Ledger,
    new_client: Callable[[], Client],
    server_now: Callable[[], datetime],
    grace: timedelta,
) -> World:
    """List these kinds. Raises ApiError when any of them can't be listed completely.

    `grace`: an object that we made less than this ago and that the list does not show yet is asked for by name;
    reading by name is not known to lag, lists may.
    """
    wanted = sorted(kinds)

    def look(kind: str) -> tuple[Item, ...]:
        with closing(new_client()) as client:
            items = list_all(client, catalogue[kind])
            young = _unlisted(kind, items, ledger, server_now() - grace)
            return (*items, *_by_name(client, catalogue[kind], young))

    if len(wanted) <= 1:
        listings = [look(kind) for kind in wanted]
    else:
        from concurrent.futures import ThreadPoolExecutor  # not needed for one kind, and a plan should start quickly

        with ThreadPoolExecutor(len(wanted)) as pool:
            listings = list(pool.map(look, wanted))
    return World(dict(zip(wanted, listings, strict=True)), server_now())


def list_all(client: Client, kind: Kind) -> tuple[Item, ...]:
    """Every page; an object that moved between two pages while we turned them is taken once."""
    call = kind.listing()
    if call is None:
        return ()
    found: dict[str, Item] = {}
    for page in client.pages(call):
        try:
            found.update((item.name, item) for item in kind.items(page))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Refused(f"The list of {kind.collection} is not of the API's shape: {error}.", code="E304") from None
    return tuple(found.values())


def _unlisted(kind: str, items: Iterable[Item], ledger: Ledger, since: datetime) -> list[str]:
    listed = {item.name for item in items}
    return [
        record.name
        for address, record in sorted(ledger.records.items())
        if address.kind == kind and record.name not in listed and record.created and record.created > since
    ]


def _by_name(client: Client, kind: Kind, names: Iterable[str]) -> Iterable[Item]:
    for name in names:
        try:
            yield kind.item(client.perform(kind.get(name)).body)
        except ApiError as error:
            if not error.missing:
                raise
