"""Looks: one complete list per kind, all at once. What can't be read raises; it never looks like nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from gemctl.api.client import Client
from gemctl.core.errors import ApiError, Refused
from gemctl.core.kind import Catalogue, Kind
from gemctl.core.live import Item, World
from gemctl.core.record import Ledger

_GLANCE = 0.2  # seconds


def survey(
    kinds: Iterable[str],
    catalogue: Catalogue,
    ledger: Ledger,
    new_client: Callable[[], Client],
    server_now: Callable[[], datetime],
    grace: timedelta,
    at_once: bool = True,
) -> World:
    """List these kinds. Raises ApiError when any of them can't be listed completely.

    `grace`: an object that we made less than this ago and that the list does not show yet is asked for by name;
    reading by name is not known to lag, lists may. `at_once`: all kinds at the same time, in threads.
    """
    wanted = sorted(kinds)

    def look(kind: str) -> tuple[Item, ...]:
        with closing(new_client()) as client:
            items = list_all(client, catalogue[kind])
            young = _unlisted(kind, items, ledger, server_now() - grace)
            return (*items, *_by_name(client, catalogue[kind], young))

    if len(wanted) <= 1 or not at_once:
        listings = {kind: look(kind) for kind in wanted}
    else:
        listings = _side_by_side(look, wanted)
    return World(listings, server_now())


def _side_by_side(look: Callable[[str], tuple[Item, ...]], kinds: list[str]) -> dict[str, tuple[Item, ...]]:
    """All looks at the same time, in threads that nobody has to wait for: a signal, or the first failure, ends it."""
    ends: SimpleQueue[tuple[str, tuple[Item, ...] | BaseException]] = SimpleQueue()

    def work(kind: str) -> None:
        try:
            ends.put((kind, look(kind)))
        except BaseException as error:
            ends.put((kind, error))

    for kind in kinds:
        threading.Thread(target=work, args=(kind,), name=f"gemctl list {kind}", daemon=True).start()
    listings: dict[str, tuple[Item, ...]] = {}
    while len(listings) < len(kinds):
        with suppress(Empty):  # a glance now and then, so that a signal's handler gets to run
            kind, end = ends.get(timeout=_GLANCE)
            if isinstance(end, BaseException):
                raise end
            listings[kind] = end
    return dict(sorted(listings.items()))


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
