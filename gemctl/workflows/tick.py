"""Carries out one tick of `gemctl watch`: makes an ordinary plan, and applies the part that may go unattended. Called
by watch.py.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.change import Action, Reason
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import Rejected, Usage
from gemctl.core.event import Outcome, Status, Tell
from gemctl.core.frozen import dataclass
from gemctl.core.moment import show_duration
from gemctl.core.resource import Desired
from gemctl.core.watch import Looked, Wake, WatchEvent
from gemctl.engine.execute import Stopping, execute
from gemctl.plan.guard import guard, money
from gemctl.plan.part import owners, part
from gemctl.plan.unattended import DEFAULT, KNOWN, Cut, ends, unattended
from gemctl.plan.wake import SOONEST
from gemctl.workflows.apply import Applied, apply
from gemctl.workflows.changes import Sight, sight
from gemctl.workflows.plan import Planned, checks, plan, priced, wanted
from gemctl.workflows.request import PlanRequest
from gemctl.workflows.wiring import Connection, Session

EVERYTHING = PlanRequest()
GLANCE = 5.0  # seconds between two looks at the files, while it sleeps
_IN_VAIN = (Status.FAILED, Status.UNKNOWN)


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The options of a watch.

    allowed   the reasons for which something may be done without a person.
    interval  the longest sleep; `jitter` the longest time by which a due tick is put off.
    width     how many calls at a time.
    """

    allowed: frozenset[Reason]
    interval: timedelta = timedelta(minutes=15)
    jitter: timedelta = timedelta(seconds=10)
    width: int = 10


def options(allow: Iterable[str], interval: timedelta, jitter: timedelta, width: int) -> WatchOptions:
    """Read the options of the command line; `allow` holds reasons, also several with commas between. Raises Usage."""
    if interval < SOONEST:
        raise Usage("That interval is too short.", code="E009", hint=f"Give {show_duration(SOONEST)} or more.")
    names = [name for text in allow for name in re.split(r"[,\s]+", text) if name]
    if unknown := [name for name in names if name not in KNOWN]:
        raise Usage(
            f"There is no such reason to allow: {', '.join(unknown)}.",
            code="E009",
            hint=f"Reasons: {', '.join(sorted(KNOWN))}.",
        )
    return WatchOptions(frozenset(map(Reason, names)) if names else frozenset(DEFAULT), interval, jitter, width)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The functions that a watch calls; a simulation gives others.

    open       reads the project file; raises Rejected, Usage.
    connect    chooses the endpoint and looks for the key; nothing is sent yet.
    graceful   within it a first signal asks `stopping` to stop; outside, it raises Interrupted.
    tell       is told of steps, `report` of the watch itself.
    """

    open: Callable[[], Session]
    connect: Callable[[Session], Connection]
    stopping: Stopping
    tell: Tell
    report: Callable[[WatchEvent], None]
    graceful: Callable[[], AbstractContextManager[None]] = nullcontext
    load: Callable[[Session], Desired] = lambda session: wanted(session, EVERYTHING)
    sight: Callable[[Session, Desired], Sight] = sight
    chance: Callable[[], float] = random.random
    execute: Callable[..., Outcome] = execute
    glance: float = GLANCE


@dataclass(frozen=True, slots=True)
class ReadManifests:
    """The declared resources; where `broken` says why manifests can't be used, those that they declared before. Steps
    of the `failing` addresses failed the last time.
    """

    desired: Desired
    broken: Rejected | Usage | None = None
    failing: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class Ticked:
    """The outcome of one tick. `problems` are errors; of those, `again` says whether time may mend them."""

    planned: Planned
    cut: Cut
    applied: Applied
    problems: tuple[Diagnostic, ...]
    again: bool
    now: datetime
    end: datetime | None

    @property
    def made(self) -> tuple[tuple[Action, Reason, Status], ...]:
        """Each step that was carried out, by what the plan said of it."""
        changes = owners(self.cut.plan.steps, self.cut.plan.changes)
        steps = self.applied.outcome.steps
        return tuple((changes[name].action, changes[name].reason, event.status) for name, event in steps.items())

    @property
    def failing(self) -> frozenset[Address]:
        """The addresses whose steps failed."""
        return frozenset(one.address for one in self.applied.outcome.steps.values() if one.status in _IN_VAIN)


def tick(
    session: Session,
    connection: Connection,
    declared: ReadManifests,
    options: WatchOptions,
    dependencies: Dependencies,
    why: Wake = Wake.START,
    request: PlanRequest = EVERYTHING,
) -> Ticked:
    """Plan, and apply what may go. The caller holds the lock. Raises what planning raises; nothing was done then.

    Where the guards stop the plan, only changes that keep live objects alive go on: a cache must not end because of an
    accident elsewhere.
    """
    desired, broken = declared.desired, declared.broken is not None
    planned = plan(session, connection, request, desired, wait=dependencies.tell)
    observation = planned.observation
    desired = observation.desired
    of = checks(session, request, observation, planned.models)
    of = replace(of, partial=of.partial or broken)

    seen = (planned.plan, desired, observation.ledger, observation.live_state, session.catalogue, options.allowed)
    cut = unattended(*seen, keeping=broken, failing=declared.failing)
    cut = replace(cut, plan=priced(session, cut.plan, observation))
    if stopped := errors(guard(cut.plan, of)):
        cut = unattended(*seen, keeping=True)
        cut = replace(cut, plan=priced(session, cut.plan, observation))
        if found := errors(money(cut.plan, of)):  # also what keeps live objects alive is paid for
            stopped = tuple(dict.fromkeys((*stopped, *found)))
            cut = replace(cut, plan=part(cut.plan, lambda change: change.cost is None))
    going = Counter(change.action.value for change in cut.plan.changes)
    dependencies.report(Looked(observation.live_state.now, why, planned.plan.summary, going, len(cut.left)))
    applied = Applied(Outcome({}), observation.ledger)
    if cut.plan.steps or not stopped:  # where nothing goes on, nothing is written either: it may be the wrong key
        with dependencies.graceful():
            applied = apply(
                session,
                connection,
                replace(planned, plan=cut.plan),
                tell=dependencies.tell,
                stopping=dependencies.stopping,
                width=options.width,
                execute=dependencies.execute,
            )
    failed = [event.diagnostic for event in applied.outcome.steps.values() if event.status in _IN_VAIN]
    later = applied.problems
    return Ticked(
        planned,
        cut,
        applied,
        problems=(*stopped, *later, *filter(None, failed)),
        again=bool(failed or later) or not applied.outcome.complete,
        now=connection.server_now(),
        end=ends(cut.plan.changes, desired, applied.ledger, observation.live_state),
    )
