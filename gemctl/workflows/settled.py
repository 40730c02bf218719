"""Remembers that a plan found nothing to do, so that the next one need not be made while nothing has changed. Called by
`gemctl plan`, and by nothing that acts.

A plan is a function of what is declared, the ledger, the live objects and the time (docs/architecture.md). Where there
was nothing to do and nothing to warn of, `remember` keeps digests of the first three, and the first instant at which
anything that was said would be different. `recall` reads all files, the state and the lists again, as a plan does, and
compares digests instead of making objects of them. Where anything differs it says nothing, and the plan is made in
full, from the lists that were read already.

What is remembered lies in `.gemctl/<stack>/settled.json`. It may be removed at any time, and is of no use to another
version of gemctl. Only digests, paths and sentences about the whole plan are in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from gemctl.api.reads import Reads
from gemctl.core.call import Call, Pages
from gemctl.core.clock import RESOLUTION
from gemctl.core.cost import OLD
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.resource import Desired, Named, Until
from gemctl.engine.survey import read_ahead
from gemctl.files.disk import Files
from gemctl.files.kept import keep, read_kept
from gemctl.files.walk import BadPath
from gemctl.manifest.inputs import digested
from gemctl.manifest.plain import NOT_READ, plain
from gemctl.manifest.read import sources, why_not_written
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.wiring import Connection, Session

if TYPE_CHECKING:
    from gemctl.workflows.plan import Planned

FILE = "settled.json"
FORMAT = 4  # raised where something else would be said of the same digests, within one version
LARGEST = 16 << 20  # bytes
_MADE_OF = {"format": FORMAT}


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer of a plan that has nothing to do: what it says, when it was made, and when something is due."""

    said: tuple[str, ...]
    made_at: datetime
    due: datetime | None


class Memory:
    """The memory of one request for a plan. `connect` makes the connection, whose clients note what they ask for in
    these `Reads`; it is called when there is something to ask, and once.
    """

    def __init__(self, session: Session, request: PlanRequest, connect: Callable[[Reads], Connection]) -> None:
        self._session, self._request, self._connect = session, request, connect
        self._reads = Reads()
        self._here = ""  # as it was before anything was planned

    @cached_property
    def connection(self) -> Connection:
        return self._connect(self._reads)

    def recall(self) -> Settled | None:
        """What the plan would say now; None where that is not known without making it. Raises what `connect` and
        `Store.stamp` raise, and ApiError for a list that can't be read: only if all files are what they were.
        """
        session = self._session
        if self._request != PlanRequest():
            return None
        self._here = _here(session)
        kept = _kept(session)
        if kept is None or not self._here or kept.here != self._here or not _same_files(session, kept):
            return None
        if kept.ends and kept.ends <= session.clock.now():
            return None
        connection = self.connection
        if kept.service != _service(session, connection):
            return None
        lists = read_ahead(kept.listings, connection.new_client, self._reads, kept.state, connection.at_once)
        if lists != kept.lists or connection.warnings():
            return None
        # The service's time is known to a second, and so may seem to have gone back by as much between two runs.
        now = connection.server_now()
        if now < kept.since - RESOLUTION or (kept.until and kept.until <= now):
            return None
        return Settled(kept.said, max(now, kept.since), kept.due)

    def remember(self, planned: Planned, said: Sequence[str]) -> None:
        """Keep what the plan `said` as a whole, if it holds for as long as nothing changes. Raises nothing."""
        session, observation = self._session, planned.observation
        calls = _lists(session, planned.observation.live_state.listings)
        lists = _listings(calls, self._reads)
        if self._request != PlanRequest() or lists is None or not _settled(planned):
            return
        here = _here(session)
        if not here or here != self._here:  # it changed while the plan was made
            return
        desired, header = observation.desired, planned.plan.header
        published = {entry.file for one in desired.resources.values() for entry in one.publish}
        with suppress(OSError, Rejected, BadPath):
            kept = _Kept(
                here=here,
                service=_service(session, self.connection),
                inputs=desired.inputs,
                named=desired.named,
                written=tuple(sorted(file for file in published if file)),
                state=observation.loaded.stamp,
                lists=lists,
                calls={kind: (call.path, call.query, call.pages) for kind, call in calls.items() if call.pages},
                since=header.made_at,
                until=_until(session, planned),
                due=header.next_due,
                ends=_first_end(desired),
                said=tuple(said),
            )
            files = Files(session.root)
            files.make_folder(session.folder)
            data = json.dumps(plain(_Kept)[0](kept)).encode()
            keep(files, session.folder / FILE, _MADE_OF, data, LARGEST)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a plan.

    here, service   digests of what else it depends on: on this machine, and in which service it looked, with which key.
    inputs, named   as in `Desired`; `written` are the files in which names are published.
    state           the stamp of the state (`Reader.stamp`).
    lists, calls    the digest of the list of each kind, and how it is read: to know that, kinds would be imported.
    since, until    when it was made, and the first instant at which it may say something else; None for never.
    due             when something is due next.
    ends            the first instant that a manifest names: when it is past by the clock of this machine, that is said.
    """

    here: str
    service: str
    inputs: str
    named: tuple[Named, ...]
    written: tuple[str, ...]
    state: str
    lists: Mapping[str, str]
    calls: Mapping[str, tuple[str, tuple[tuple[str, str], ...], Pages]]
    since: datetime
    until: datetime | None
    due: datetime | None
    ends: datetime | None
    said: tuple[str, ...]

    @property
    def listings(self) -> Mapping[str, Call]:
        """The calls that read the list of each kind."""
        return {kind: Call("GET", path, query=query, pages=pages) for kind, (path, query, pages) in self.calls.items()}


def _kept(session: Session) -> _Kept | None:
    """What is kept of the last plan; None for nothing, or for what this version would not have kept."""
    data = read_kept(Files(session.root), session.folder / FILE, _MADE_OF, LARGEST)
    with suppress(*NOT_READ):
        kept: _Kept | None = plain(_Kept)[1](json.loads(data)) if data else None
        return kept if kept and kept.said and all(map(str.isprintable, kept.said)) else None
    return None


def _same_files(session: Session, kept: _Kept) -> bool:
    """Whether all files, and the state, are what they were."""
    root, project = session.loaded.root, session.project
    try:
        if any(why_not_written(root, path) for path in kept.written):
            return False
        return kept.inputs == digested(root, project, session.stack, kept.named) and kept.state == session.store.stamp()
    except (Rejected, BadPath):
        return False


def _here(session: Session) -> str:
    """A digest of the project, the stack with its variables, the project's facts, and the Python that runs this. Empty
    where the facts can't be read.
    """
    own, stack = session.project.facts, session.stack
    try:
        facts = [source.text for source in sources(session.loaded.root, (own,))] if own else []
    except Rejected:
        return ""
    variables = [sorted(stack.vars.items()), sorted(stack.given.items())]
    text = [session.loaded.file.text, stack.name, variables, facts, sys.version, sys.byteorder]
    return sha256(json.dumps(text).encode())


def _service(session: Session, connection: Connection) -> str:
    """A digest of where a plan looks, and of a print of the key with which it does."""
    from gemctl.api.auth import base_url, fingerprint

    base = "" if connection.key is None else base_url(session.settings.env)
    printed = fingerprint(connection.key, base.encode()) if connection.key else ""
    return sha256(json.dumps([connection.endpoint, base, session.stack.api_version, printed]).encode())


def _lists(session: Session, kinds: Iterable[str]) -> Mapping[str, Call]:
    """The list of each of these kinds, of those that lie under no other object and can be listed."""
    known = ((kind, session.catalogue[kind].remote) for kind in kinds if kind in session.catalogue)
    found = ((kind, made.collection) for kind, made in known if made)
    calls = ((kind, collection.listing()) for kind, collection in found if collection.parent is None)
    return {kind: call for kind, call in calls if call}


def _listings(calls: Mapping[str, Call], reads: Reads) -> Mapping[str, str] | None:
    """The digest of each of these lists; None where anything else was asked for."""
    read = reads.lists
    keys = {kind: (call.path, call.query) for kind, call in calls.items()}
    if read is None or read.keys() != set(keys.values()):
        return None
    return {kind: read[key] for kind, key in keys.items()}


def _settled(planned: Planned) -> bool:
    """Whether there is nothing to do and nothing to say but of the plan as a whole, and that will not change by itself.
    Runs are left out, since their receipts and results are read besides; so are secrets, whose values are.
    """
    plan, observation = planned.plan, planned.observation
    desired = observation.desired
    if plan.pending or not plan.empty or planned.said or planned.models or observation.ledger.intents:
        return False
    if desired.sealed or desired.withheld or any(one.run for one in desired.resources.values()):
        return False
    if any(change.note or change.runs or change.harvest_before for change in plan.changes):
        return False
    return bool(desired.inputs and observation.loaded.stamp)


def _first_end(desired: Desired) -> datetime | None:
    """The first instant at which something that is declared is to end."""
    declared = (one.declared.expiry for one in desired.resources.values())
    return min((one.expire_time for one in declared if isinstance(one, Until)), default=None)


def _until(session: Session, planned: Planned) -> datetime | None:
    """The first instant at which the plan would decide or say something else."""
    header, cost = planned.plan.header, planned.plan.cost
    instants = {header.valid_until, header.next_due}
    from gemctl.workflows.plan import asks_for_facts

    if asks_for_facts(planned.observation):
        from gemctl.cost.estimate import AHEAD
        from gemctl.workflows.facts import book_of

        book, _ = book_of(session)
        notice = session.project.safety.model_notice
        instants |= {at - ahead for at in book.instants() for ahead in (timedelta(), notice, AHEAD)}
        # What something costs that ends is foreseen, too.
        ends = {item.deadline for item in planned.observation.live_state.by_name.values() if item.deadline}
        instants |= {at - ahead for at in ends for ahead in (timedelta(), AHEAD)}
    if cost is not None:
        # How old the prices are is told in days, once they are old.
        day = max(cost.as_of + OLD, header.made_at.date() + date.resolution)
        instants.add(datetime.combine(day, time(), UTC))
    return min((at for at in instants if at and at > header.made_at), default=None)
