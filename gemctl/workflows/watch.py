"""Makes one tick after the other: looks, does what may be done unattended, and sleeps until something is due. Called by
`gemctl watch`.

Each tick begins from nothing: the project file and the manifests are read, the key is looked for, everything is
listed and planned under the lock, and a part of that plan is applied as `gemctl apply` would. A tick leaves to the next
one when to look, what the manifests said before they were broken, which steps failed, and what was reported already.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.diagnostic import errors
from gemctl.core.errors import GemctlError, Locked, Rejected, StateError, Usage
from gemctl.core.resource import Desired
from gemctl.core.watch import Began, Ended, NeedsPerson, Noticed, Recovered, Result, Sleeping, Troubled, Wake
from gemctl.plan.wake import Pause, rest, retry
from gemctl.workflows.changes import Sight, differ
from gemctl.workflows.tick import Dependencies, ReadManifests, Ticked, WatchOptions, tick
from gemctl.workflows.wiring import Session

SHARE = 50  # at most a fiftieth of a sleep is spent on looking at files


@dataclass
class Watch:
    """Runs until it is stopped, or until the state can't be used."""

    options: WatchOptions
    dependencies: Dependencies
    session: Session  # the last that could be opened
    _desired: Desired | None = None  # what the manifests said when they were last in order
    _sight: Sight = field(default_factory=dict)
    _trouble: object = None
    _needs: frozenset[object] = frozenset()
    _noticed: frozenset[object] = frozenset()
    _failures: int = 0
    _failing: frozenset[Address] = frozenset()
    _end: datetime | None = None

    def go_on(self, endpoint: str) -> int:
        """Run. Returns the number of the signal that stopped it. Raises Interrupted for one that came while it only
        looked or slept, and StateError.
        """
        project, stack = self.session.project, self.session.stack
        interval = self.options.interval.total_seconds()
        allowed = tuple(sorted(self.options.allowed))
        self.dependencies.report(Began(self._now(), project.name, stack.name, endpoint, allowed, interval))
        why = Wake.START
        while True:
            pause, now = self._look(why)
            if self.dependencies.stopping.signal is not None:
                return self.dependencies.stopping.signal
            self.dependencies.report(Sleeping(now, pause.until, pause.why))
            why = self._sleep((pause.until - now).total_seconds(), pause.why)

    def _now(self) -> datetime:
        return self.session.clock.now()

    def _look(self, why: Wake) -> tuple[Pause, datetime]:
        """Make one tick. Returns until when to sleep, also after an error, and the time by the same clock."""
        self._sight = self.dependencies.sight(self.session, self._desired or Desired())
        try:
            declared, ticked = self._tick(why)
        except Locked as error:
            return self._in_vain(error, Result.LOCKED), self._now()
        except StateError:
            raise
        except Exception as error:
            return self._in_vain(error, Result.ERROR), self._now()
        after = self.dependencies.sight(self.session, self._desired or Desired())
        changed = differ(self._sight, after)
        self._sight = self._sight if changed else after
        return self._after(declared, ticked), ticked.now

    def _tick(self, why: Wake) -> tuple[ReadManifests, Ticked]:
        broken: Rejected | Usage | None = None
        try:
            self.session = self.dependencies.open()
        except (Rejected, Usage) as error:
            broken = error
        session = self.session
        with session.store.lock("watch", 0.0):
            connection = self.dependencies.connect(session)
            declared = self._declared(session, broken)
            return declared, tick(session, connection, declared, self.options, self.dependencies, why)

    def _declared(self, session: Session, broken: Rejected | Usage | None) -> ReadManifests:
        """The declared resources, or those of before where manifests are broken. Raises Rejected for broken manifests
        without a known state: then only the declarations tell the live objects apart.
        """
        if broken is None:
            try:
                self._desired = self.dependencies.load(session)
                return ReadManifests(self._desired, failing=self._failing)
            except Rejected as error:
                broken = error
        if self._desired is None and not session.store.load().ledger.known:
            raise broken
        return ReadManifests(self._desired or Desired(), broken)

    # After a tick

    def _in_vain(self, error: Exception, result: Result) -> Pause:
        now = self._now()
        self._failures += 1
        found = codes(error)
        self._wrong((type(error).__name__, _text(error), *found), Troubled(now, found, error))
        self.dependencies.report(Ended(now, result, codes=found, end=self._end))
        return retry(now, self._failures, self._end, self.options.interval)

    def _after(self, declared: ReadManifests, ticked: Ticked) -> Pause:
        self._failures = self._failures + 1 if ticked.again else 0
        self._end = ticked.end
        self._failing = ticked.failing
        now, outcome, problems = ticked.now, ticked.applied.outcome, ticked.problems
        broken = declared.broken
        found = tuple(dict.fromkeys((*(codes(broken) if broken else ()), *(one.code for one in problems))))
        if broken is None:
            self._tell_news(ticked)
        wrong = (_text(broken) if broken else "", *((one.code, one.address) for one in problems))
        if broken or problems:
            self._wrong(wrong, Troubled(now, found, broken, problems))
        elif not ticked.again and self._trouble is not None:
            self._trouble = None
            self.dependencies.report(Recovered(now))
        self.dependencies.report(
            Ended(
                now,
                Result.PARTIAL if found or ticked.again else Result.DONE,
                outcome if outcome.steps else None,
                ticked.applied.saved,
                ticked.made,
                len(ticked.cut.left) if broken is None else None,
                found,
                ticked.cut.due,
                ticked.end,
            )
        )
        if ticked.again:
            return retry(now, self._failures, ticked.end, self.options.interval)
        options = self.options
        chance = self.dependencies.chance()
        return rest(now, ticked.cut.due, ticked.end, options.interval, options.jitter, chance, outcome.queued)

    def _wrong(self, what: object, event: Troubled) -> None:
        if what != self._trouble:
            self._trouble = what
            self.dependencies.report(event)

    def _tell_news(self, ticked: Ticked) -> None:
        """Report what is new since the last tick: warnings, and changes that need a person."""
        planned = ticked.planned
        stopping = errors(planned.problems)  # told where they stop something; of models also what will
        ahead = (one for one in planned.problems if one not in stopping or one in planned.models)
        told = (*planned.observation.warnings, *planned.plan.diagnostics, *ahead)
        warned = [one for one in told if one not in ticked.problems]
        news = tuple(one for one in warned if (one.code, one.address) not in self._noticed)
        self._noticed = frozenset((one.code, one.address) for one in warned)
        if news:
            self.dependencies.report(Noticed(ticked.now, news))
        left = ticked.cut.left
        needs = frozenset((one.change.address, one.change.action, one.change.reason) for one in left)
        if needs != self._needs:
            self._needs = needs
            self.dependencies.report(NeedsPerson(ticked.now, left))

    def _sleep(self, seconds: float, why: Wake) -> Wake:
        """Sleep until the time has come by either of this machine's clocks, or a file has changed and then stayed the
        same. Returns why it wakes.
        """
        clock = self.session.clock
        until, at = clock.monotonic() + seconds, clock.now() + timedelta(seconds=seconds)
        desired, glance = self._desired or Desired(), self.dependencies.glance
        before = self._sight
        while (left := min(until - clock.monotonic(), (at - clock.now()).total_seconds())) > 0:
            clock.sleep(min(glance, left))
            began = clock.monotonic()
            now = self.dependencies.sight(self.session, desired)
            glance = max(self.dependencies.glance, SHARE * (clock.monotonic() - began))
            if now != self._sight and now == before:
                return Wake.CHANGED
            before = now
        return why


def codes(error: Exception) -> tuple[str, ...]:
    """The codes of the diagnostics that an error stands for."""
    match error:
        case Rejected():
            return tuple(dict.fromkeys(one.code for one in error.diagnostics))
        case GemctlError():
            return (error.code,)
        case OSError():
            return ("E090",)
        case _:
            return ("E099",)


def _text(error: Exception) -> str:
    """A text that tells one broken manifest from another; "" for other errors, whose code says enough."""
    if isinstance(error, Rejected):
        return repr([(one.code, one.detail, one.span) for one in error.diagnostics])
    return str(error) if isinstance(error, Usage) else ""
