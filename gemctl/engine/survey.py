"""Looks at the service: one complete list per kind, all at once. Raises where one can't be read: that is not "empty".
Called by workflows/look.py, jobs.py and show.py.

A list may lag, or come short for once, and look complete all the same. Where it lacks an object that the ledger has,
and something depends on that, the service is asked further:

    a list ─▶ lacks nothing that is expected ─▶ what there is
        └───▶ a second list; what both lack is asked for by name, unless its time is over ─▶ all that was seen

So an object is gone when two lists and a read by its name do not show it, or two lists after its end. Objects that
can't be listed are asked for by name, and those under a parent are listed under each parent of ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import TypeVar

from gemctl.api.client import Client
from gemctl.api.reads import Reads
from gemctl.core.call import Call
from gemctl.core.errors import ApiError, Refused
from gemctl.core.kind import Catalogue, Kind, Remote, remote
from gemctl.core.live import Expected, LiveObject, LiveState
from gemctl.core.record import id_of
from gemctl.core.source import JsonObject

_GLANCE = 0.2  # seconds
_WIDTH = 8  # names of one kind that are asked for at a time
_SHAPE = (KeyError, TypeError, ValueError, AttributeError)

_Task = TypeVar("_Task")
_Found = TypeVar("_Found")


def survey(
    kinds: Mapping[str, Expected],
    catalogue: Catalogue,
    new_client: Callable[[], Client],
    server_now: Callable[[], datetime],
    at_once: bool = True,
) -> LiveState:
    """The live state of these kinds, looked for as is expected of each. Raises ApiError when any of it can't be read.

    `at_once`: all kinds, and several names, at the same time, in threads.
    """

    def look(kind: str, parents: Sequence[str]) -> tuple[LiveObject, ...]:
        expected = _with_those_below(kinds[kind], parents, remote(catalogue[kind]))
        with closing(new_client()) as client:
            found = _complete(client, catalogue[kind], expected, parents, server_now)
            names = _still_due(expected, found, server_now())
            if len(names) <= 1 or not at_once:
                return (*found.values(), *_by_name(client, catalogue[kind], names))
        return (*found.values(), *_by_names(new_client, catalogue[kind], names))

    listings: dict[str, tuple[LiveObject, ...]] = {}
    quiet: set[str] = set()
    asked = kinds
    kinds = {**{parent: Expected() for kind in kinds if (parent := remote(catalogue[kind]).collection.parent)}, **kinds}
    for wanted in _in_turn(sorted(kinds), catalogue):
        quiet |= {name for kind in wanted for name in _quiet(kind, kinds, catalogue, listings)}
        tasks = [(kind, _parents(kind, kinds, catalogue, listings, quiet)) for kind in wanted]
        if len(tasks) > 1 and at_once:
            found = _side_by_side(lambda task: look(*task), tasks)
        else:
            found = [look(*task) for task in tasks]
        listings.update(zip(wanted, found, strict=True))
    return LiveState({kind: listings[kind] for kind in sorted(asked)}, server_now(), frozenset(quiet))


def _in_turn(kinds: Sequence[str], catalogue: Catalogue) -> Iterable[Sequence[str]]:
    """The kinds in turn: those under a parent after the parents."""
    left = list(kinds)
    while left:
        now = [kind for kind in left if remote(catalogue[kind]).collection.parent not in left]
        yield now
        left = [kind for kind in left if kind not in now]


def _parents(
    kind: str,
    kinds: Mapping[str, Expected],
    catalogue: Catalogue,
    listings: Mapping[str, tuple[LiveObject, ...]],
    quiet: Collection[str],
) -> Sequence[str]:
    """The live names under which objects of this kind may be ours: parents that are bound, or carry our mark. Not those
    under which nothing has moved.
    """
    parent = remote(catalogue[kind]).collection.parent
    if parent is None:
        return ("",)
    known, owner = {*kinds[parent].names, *kinds[kind].parents}, kinds[kind].owner
    ours = (item for item in listings[parent] if item.name in known or (item.mark and item.mark.owner == owner))
    return tuple(item.name for item in ours if item.name not in quiet)


def _quiet(
    kind: str, kinds: Mapping[str, Expected], catalogue: Catalogue, listings: Mapping[str, tuple[LiveObject, ...]]
) -> Iterable[str]:
    """The parents of this kind that show what they showed when the ledger agreed with them, or hold nothing of ours."""
    parent = remote(catalogue[kind]).collection.parent
    settled, apart = kinds[kind].settled, kinds[kind].apart
    shown = listings[parent] if parent else ()
    same = (item.name for item in shown if item.children and settled.get(item.name) == item.children)
    return (*same, *(item.name for item in shown if item.name in apart))


def _with_those_below(expected: Expected, parents: Sequence[str], made: Remote) -> Expected:
    """With the names of all objects that the ledger has under these parents."""
    known = ((parent, expected.below.get(parent, {})) for parent in parents)
    path = made.collection.path
    names = {f"{parent}/{path}/{id_of(row)}": None for parent, rows in known for row in rows.values()}
    return replace(expected, names={**expected.names, **names}) if names else expected


def list_all(client: Client, kind: Kind, parents: Sequence[str] = ("",)) -> tuple[LiveObject, ...]:
    """The objects of every page; one that moved between two pages meanwhile is taken once. None for a kind that can't
    be listed, and under a parent that is gone by now.
    """
    found: dict[str, LiveObject] = {}
    made = remote(kind)
    for parent in parents:
        call = made.collection.listing(parent)
        if call is None:
            continue
        try:
            for page in client.pages(call):
                found.update((item.name, item) for item in _items(made, page))
        except ApiError as error:
            if not parent or not error.missing:
                raise
    return tuple(found.values())


def read_ahead(
    calls: Mapping[str, Call], new_client: Callable[[], Client], reads: Reads, state: str, at_once: bool = True
) -> Mapping[str, str]:
    """Read these lists, of which `reads` keeps the pages for a survey, and give the digest of each. `state` is the
    stamp of the state that was looked at before. Raises ApiError.
    """

    def read(kind: str) -> str:
        with closing(new_client()) as client:
            return reads.ahead(calls[kind], client.unread(calls[kind]), state)

    kinds = sorted(calls)
    found = _side_by_side(read, kinds) if len(kinds) > 1 and at_once else [read(kind) for kind in kinds]
    return dict(zip(kinds, found, strict=True))


def _items(made: Remote, page: JsonObject) -> tuple[LiveObject, ...]:
    try:
        return made.items(page)
    except _SHAPE as error:
        what = made.collection.path
        raise Refused(f"The list of {what} is not of the API's shape: {error}.", code="E304") from None


def _complete(
    client: Client,
    kind: Kind,
    expected: Expected,
    parents: Sequence[str],
    server_now: Callable[[], datetime],
) -> dict[str, LiveObject]:
    """The objects that a list shows; or two lists, where the first lacks anything."""
    found = {item.name: item for item in list_all(client, kind, parents)}
    if remote(kind).listed and parents and _lacks(expected, found, server_now()):
        found |= {item.name: item for item in list_all(client, kind, parents)}
    return found


def _lacks(expected: Expected, found: Mapping[str, LiveObject], now: datetime) -> bool:
    if expected.blind or _missing(expected, found, now):
        return True
    if expected.decided is None or now < expected.decided:
        return False
    marks = [item.mark for item in found.values() if item.mark]
    return not all(any(mark.address_tag == at and mark.of(spec) for mark in marks) for at, spec in expected.unheard)


def _missing(expected: Expected, found: Collection[str], now: datetime) -> list[str]:
    """The names expected and not found, but for objects that have passed an end that can't be moved: they are gone."""
    final, ends = expected.final, expected.names
    return [name for name, end in ends.items() if name not in found and not (final and end and end <= now)]


def _still_due(expected: Expected, found: Collection[str], now: datetime) -> list[str]:
    """The names missing before their end."""
    ends = expected.names
    return [name for name in _missing(expected, found, now) if (end := ends[name]) is None or end > now]


def _by_names(new_client: Callable[[], Client], kind: Kind, names: Sequence[str]) -> Iterable[LiveObject]:
    """Those of the names that are live, in their order, several at a time."""

    def read(some: Sequence[str]) -> list[LiveObject]:
        with closing(new_client()) as client:
            return list(_by_name(client, kind, some))

    shares = [names[start::_WIDTH] for start in range(min(_WIDTH, len(names)))]
    found = {item.name: item for share in _side_by_side(read, shares) for item in share}
    return [found[name] for name in names if name in found]


def _by_name(client: Client, kind: Kind, names: Iterable[str]) -> Iterable[LiveObject]:
    for name in names:
        try:
            call = remote(kind).get(name)
        except ValueError as error:
            raise Refused(f"The state has a name that can't be one: {error}", code="E309") from None
        try:
            item = remote(kind).read(client.fetch(call).body)
            if item.name != name:
                raise ValueError(f"it is about {item.name}")
        except ApiError as error:
            if not error.missing:
                raise
            continue
        except _SHAPE as error:
            raise Refused(f"The reply to GET {name} is not of the API's shape: {error}.", code="E304") from None
        yield item


def _side_by_side(work: Callable[[_Task], _Found], tasks: Sequence[_Task]) -> list[_Found]:
    """Do all tasks at the same time, in threads that may be left behind: a signal, or the first failure, ends it."""
    ends: SimpleQueue[tuple[int, _Found | BaseException]] = SimpleQueue()

    def run(number: int, task: _Task) -> None:
        try:
            ends.put((number, work(task)))
        except BaseException as error:
            ends.put((number, error))

    for number, task in enumerate(tasks):
        threading.Thread(target=run, args=(number, task), name=f"gemctl look {number}", daemon=True).start()
    found: dict[int, _Found] = {}
    while len(found) < len(tasks):
        with suppress(Empty):  # a glance now and then, so that a signal's handler gets to run
            number, end = ends.get(timeout=_GLANCE)
            if isinstance(end, BaseException):
                raise end
            found[number] = end
    return [found[number] for number in range(len(tasks))]
