"""Runs the create protocol and the order of steps, as a state machine without I/O: events in, commands out. Called by
execute.py.

Each step goes through the same commands, one after the other, which execute.py carries out:

    Resolve(references) ─▶ Write(intent) ─▶ Send(call) ─▶ Write(result) ─▶ Announce(name) ─▶ done
                                               │              └─▶ Deliver(secret) ─▶ Write(delivered) ─▶ Announce
                        ├─ an operation       ─▶ Poll(it) … ─▶ Write(result) …, or Write(doubted) ─▶ failed
                        ├─ the name is taken  ─▶ Look(at it): ours, or Write(intent) ─▶ Send(under the next name)
                        ├─ refused            ─▶ Write(closed) ─▶ failed
                        ├─ a run, and no room ─▶ Write(closed) ─▶ queued
                        ├─ delete: not there  ─▶ Confirm(by a list) ─▶ Write(gone) ─▶ done
                        └─ no answer to trust ─▶ unknown: the intent stays open, the next run finds out

A step with a `sync` makes and deletes many objects under one: the steps for these are made one after the other, when
there is room for them, go through the same commands, and are forgotten when they are done. Then it looks at the object
above them, and writes down what that shows of them.

execute.py drives it with threads; a test can drive it with a seed, and replay every interleaving.
No command is given before those that it depends on are done: Send only follows once its intent was reported as written.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import assert_never

from gemctl.core.address import Address
from gemctl.core.call import Call, chosen_name, put, taken
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import ApiError, Refused, Temporary, Unknown
from gemctl.core.event import Outcome, Status, StepEvent, Syncing
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag
from gemctl.core.members import path_of
from gemctl.core.moment import show_instant
from gemctl.core.plan import Step, Sync
from gemctl.core.record import (
    Agreed,
    Bound,
    Closed,
    Doubted,
    Entry,
    Generation,
    Gone,
    Harvested,
    Intended,
    Intent,
    Joined,
    Minted,
    MintedToken,
    Op,
    Parted,
    Record,
    Retiring,
    asked_for,
    row,
)
from gemctl.core.resource import Harvest, Ttl, Until
from gemctl.core.secret import Secret
from gemctl.core.source import Json, JsonObject, Span

MOST_NAMES = 5  # that are tried where names that we choose are taken
MOST_FAILED = 100  # members of one resource that may fail: then no more are tried
LONG_AGO = datetime.min.replace(tzinfo=UTC)
SOON, LATER, PATIENCE = timedelta(seconds=0.5), timedelta(seconds=5), timedelta(minutes=30)  # of operations
MOST_AWAITED = 32  # operations that go on, for each step that may be in flight
TOLD_EVERY = timedelta(seconds=1)  # how often it is told how many members are done


@dataclass(frozen=True, slots=True)
class Write:
    """Make these entries durable, then report Written (or WriteFailed)."""

    step: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Resolve:
    """Wait until what the call refers to is ready, put it in, then report Resolved or CallFailed.

    `targets` are the live names of what is referred to.
    """

    step: str
    call: Call
    targets: Mapping[Address, str]


@dataclass(frozen=True, slots=True)
class Look:
    """Read the object of this name and report it, or None, as ReadBack; or CallFailed."""

    step: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Send:
    """Make the call, once, then report Answered, Accepted or CallFailed; or HeldUp, if the intent of `at` is too old by
    then. `op` and `act` are those of the step.
    """

    step: str
    kind: str
    call: Call
    at: datetime
    op: Op
    act: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """Ask the operation how far it is; report what it made as Answered, or Pending, or CallFailed."""

    step: str
    kind: str
    operation: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Wait so many seconds, since nothing but operations is under way, then report Rested. It is of no step."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand the secret to its sink, then report Delivered. `token` is what may be known of it, if it is a token."""

    step: str
    secret: Secret
    token: MintedToken | None


@dataclass(frozen=True, slots=True)
class Collect:
    """Save the results of the run of this name, then report Collected or CallFailed."""

    step: str
    kind: str
    name: str
    address: Address
    record: Record


@dataclass(frozen=True, slots=True)
class Confirm:
    """List the kind and report, as Confirmed, whether the name is there."""

    step: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Publish the binding to its readers, then report Announced."""

    step: str
    address: Address
    record: Record


@dataclass(frozen=True, slots=True)
class Tell:
    """Show this to the user. Nothing is reported back."""

    event: StepEvent | Syncing


Command = Resolve | Write | Send | Poll | Rest | Look | Collect | Confirm | Deliver | Announce | Tell
ServiceCommand = Resolve | Send | Poll | Rest | Look | Collect | Confirm  # carried out by calls to the service


@dataclass(frozen=True, slots=True)
class Begin:
    """Start."""


@dataclass(frozen=True, slots=True)
class Written:
    step: str


@dataclass(frozen=True, slots=True)
class WriteFailed:
    """The entries may or may not be on the disk: nothing may be sent on the strength of them."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The call, complete."""

    step: str
    call: Call


@dataclass(frozen=True, slots=True)
class Collected:
    step: str
    harvest: Harvest


@dataclass(frozen=True, slots=True)
class ReadBack:
    step: str
    item: LiveObject | None


@dataclass(frozen=True, slots=True)
class HeldUp:
    """The call was not made: a process that was stopped in between must not send a call that no run would wait for."""

    step: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The call succeeded; `item` is what its reply shows, None for a delete. `secret` is the one that it carried, and
    `token` what may be known of it, if it is a token.
    """

    step: str
    item: LiveObject | None
    secret: Secret | None = None
    token: MintedToken | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The call was answered by an operation that is under way."""

    step: str
    operation: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The operation goes on."""

    step: str


@dataclass(frozen=True, slots=True)
class Rested:
    """Some time has passed."""


@dataclass(frozen=True, slots=True)
class CallFailed:
    step: str
    error: ApiError


@dataclass(frozen=True, slots=True)
class Confirmed:
    step: str
    present: bool


@dataclass(frozen=True, slots=True)
class Announced:
    """`why` is None, or says what kept the name from being published."""

    step: str
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """`failure` is None, or says why the secret did not reach its sink."""

    step: str
    failure: Diagnostic | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Start nothing new; steps in flight are finished and recorded."""

    signal: int


Event = (
    Begin
    | Resolved
    | Written
    | WriteFailed
    | HeldUp
    | Answered
    | Accepted
    | Pending
    | Rested
    | CallFailed
    | ReadBack
    | Collected
    | Confirmed
    | Delivered
    | Announced
    | Stop
)


@dataclasses.dataclass(slots=True)
class _Progress:
    """How far a step is: the id of its intent, and what happens once the entries being written are durable."""

    step: Step
    intent: str | None = None
    intended: Intent | None = None
    at: datetime | None = None  # of the intent
    call: Call | None = None  # as it is sent, once it is intended
    then: Callable[[datetime], list[Command]] = lambda _: []
    uses: tuple[str, ...] = ()  # live names, by address
    name: str | None = None
    names: int = 1  # that were tried
    secret: Secret | None = None  # that has not been delivered
    token: MintedToken | None = None
    record: Record | None = None  # as it is bound, once it is
    operation: str = ""  # that makes it: something may be left of one that fails
    pause: timedelta = SOON  # from one poll of it to the next
    patience: datetime = LONG_AGO  # until when it is polled
    group: _Group | None = None  # of the members that it is one of
    synced: Syncing | None = None  # how many of its members are done, once no more are tried
    unwritten: str = ""  # why the result could not be written down


@dataclasses.dataclass(slots=True)
class _Group:
    """How far a step is that makes and deletes members: the live name that they lie under, the steps that are still to
    be made, how many chains of steps have begun and not ended, and how many are done and have failed.
    """

    progress: _Progress
    sync: Sync
    under: str
    chains: Iterator[tuple[Step, ...]]
    began: int = 0
    done: int = 0
    failed: int = 0
    unknown: bool = False
    cut: str = ""  # why no more are tried
    exhausted: bool = False
    told: datetime | None = None

    @property
    def open(self) -> int:
        return self.began - self.done - self.failed

    @property
    def so_far(self) -> Syncing:
        return Syncing(self.progress.step.address, self.sync.what, self.done, self.failed, self.sync.size)


class Execution:
    """One execution of steps, at most `width` of them in flight.

    owner      the owner tag of this stack: objects that carry another one were not made here.
    diagnose   turns the failure of a step into a diagnostic that points at the manifest.
    new_id     makes ids of intents, unique over the life of a ledger.
    published  the addresses that have readers to be told.
    bound      the live names that are bound already, for references to them.
    known      all live names that there were before.
    otherwise  the fields that an object shows otherwise than a step has sent them, as it shows them; None for one that
               it does not show.
    secrets    the kinds whose creates are answered with a secret.
    secretive  the kinds with sensitive fields.
    runs       the kinds whose creates wait where the service has no room for them.
    place      where an address is declared, for failures that are of no field.
    referred   what a run refers to, with the spec tags of that, for its intent.
    unready    steps that fail before anything is sent, with the reason: nothing could take their secret.
    chains     the steps for the members of a step with a `sync`, under the live name of its object.
    records    what is bound already, for readers that are told once all that lies under it is there.
    """

    def __init__(
        self,
        steps: Iterable[Step],
        width: int,
        *,
        owner: OwnerTag,
        diagnose: Callable[[Step, ApiError], Diagnostic],
        new_id: Callable[[], str],
        published: frozenset[Address] = frozenset(),
        bound: Mapping[Address, str] | None = None,
        known: Collection[str] = (),
        otherwise: Callable[[Step, LiveObject], JsonObject] = lambda _step, _item: {},
        secrets: Collection[str] = (),
        secretive: Collection[str] = (),
        runs: Collection[str] = (),
        place: Callable[[Address], Span | None] = lambda _: None,
        referred: Callable[[Address], Mapping[Address, str]] = lambda _: {},
        unready: Mapping[str, Diagnostic] | None = None,
        chains: Callable[[Step, Sync, str], Iterator[tuple[Step, ...]]] = lambda _step, _sync, _under: iter(()),
        records: Mapping[Address, Record] | None = None,
    ) -> None:
        self._records = dict(records or {})
        self._unready = dict(unready or {})
        self._chains = chains
        self._awaited: list[tuple[datetime, str]] = []  # a heap of steps whose operations go on: when each is polled
        self._resting = False
        self._groups: dict[str, _Group] = {}
        self._following: dict[str, tuple[Step, ...]] = {}  # what follows the step of a member
        self._failed: dict[str, StepEvent] = {}  # members that have failed
        self._otherwise, self._secrets, self._place = otherwise, frozenset(secrets), place
        self._referred = referred
        self._runs, self._secretive = frozenset(runs), frozenset(secretive)
        self.steps = {step.id: step for step in steps}
        self._filled = {step.address for step in self.steps.values() if step.sync}
        self.width = width
        self.ends: dict[str, StepEvent] = {}
        self.stopped_by: int | None = None
        self._owner, self._diagnose, self._new_id, self._published = owner, diagnose, new_id, published
        self._creating = Counter(step.kind for step in self.steps.values() if step.op is Op.CREATE)  # and has not ended
        self._waits = {
            step.id: {other for other in step.after if other in self.steps}
            | ({_creates(step.kind)} if step.last and self._creating[step.kind] else set())
            for step in self.steps.values()
        }
        self._dependants: dict[str, list[str]] = {}
        for step_id, after in self._waits.items():
            for other in after:
                self._dependants.setdefault(other, []).append(step_id)
        self._ready = deque(step_id for step_id, after in self._waits.items() if not after)
        self._flying: dict[str, _Progress] = {}
        self._bound = dict(bound or {})
        self._known = {*known, *self._bound.values()}
        self._broken = False  # the journal can't be written: nothing new may start
        self._now = LONG_AGO

    @property
    def finished(self) -> bool:
        return len(self.ends) == len(self.steps)

    @property
    def in_flight(self) -> int:
        return len(self._flying)

    def outcome(self) -> Outcome:
        return Outcome({**self._failed, **self.ends}, stopped_by=self.stopped_by)

    def advance(self, event: Event, now: datetime) -> list[Command]:
        """The commands that follow this event. `now` is server time."""
        self._now = now
        commands: list[Command] = []
        match event:
            case Begin():
                pass
            case Stop(number):
                self.stopped_by = number
            case Written(step_id):
                commands += self._flying[step_id].then(now)
            case WriteFailed(step_id, why):
                commands += self._write_failed(self._flying[step_id], why)
            case Resolved(step_id, call):
                commands += self._intend(self._flying[step_id], call, now)
            case HeldUp(step_id):
                commands += self._held_up(self._flying[step_id], now)
            case Answered(step_id, item, secret, token):
                progress = self._flying[step_id]
                progress.secret, progress.token = secret, token
                commands += self._answered(progress, item)
            case Accepted(step_id, operation):
                progress = self._flying[step_id]
                progress.operation, progress.patience = operation, now + PATIENCE
                heappush(self._awaited, (now + SOON, step_id))
            case Pending(step_id):
                progress = self._flying[step_id]
                if now > progress.patience:
                    commands += self._give_up(progress)
                else:
                    progress.pause = min(progress.pause * 1.5, LATER)
                    heappush(self._awaited, (now + progress.pause, step_id))
            case Rested():
                self._resting = False
            case Delivered(step_id, failure):
                commands += self._delivered(self._flying[step_id], failure)
            case Collected(step_id, harvest):
                commands += self._saved(self._flying[step_id], harvest)
            case ReadBack(step_id, item):
                commands += self._looked(self._flying[step_id], item, now)
            case CallFailed(step_id, error):
                commands += self._call_failed(self._flying[step_id], error)
            case Confirmed(step_id, present):
                commands += self._confirmed(self._flying[step_id], present)
            case Announced(step_id, why):
                commands += self._announced(self._flying[step_id], why)
            case _:
                assert_never(event)
        return commands + self._start(now)

    def _start(self, now: datetime) -> list[Command]:
        commands: list[Command] = []
        if self.stopped_by is not None or self._broken:
            while self._awaited:
                commands += self._give_up(self._flying[heappop(self._awaited)[1]])
            while self._ready:
                commands += self._block(self._ready.popleft(), "the run was stopped before it")
            for group in self._groups.values():
                group.cut = group.cut or "the run was stopped"
        while self._ready and self._has_room():
            progress = _Progress(self.steps[self._ready.popleft()])
            self._flying[progress.step.id] = progress
            commands += self._begin(progress, now)
        for group in tuple(self._groups.values()):
            while not group.cut and not group.exhausted and self._has_room():
                commands += self._begin_chain(group, now)
            if (group.exhausted or group.cut) and not group.open:
                commands += self._end_group(group)
        return commands + self._poll(now)

    def _poll(self, now: datetime) -> list[Command]:
        """Ask those operations how far they are whose time has come, while there is room; once nothing else is under
        way, rest until then.
        """
        commands: list[Command] = []
        while self._awaited and self._busy < self.width and self._awaited[0][0] <= now:
            progress = self._flying[heappop(self._awaited)[1]]
            commands.append(Poll(progress.step.id, progress.step.kind, progress.operation))
        if self._awaited and not self._resting and len(self._flying) == len(self._awaited) + len(self._groups):
            self._resting = True
            commands.append(Rest("", (self._awaited[0][0] - now).total_seconds()))
        return commands

    def _give_up(self, progress: _Progress) -> list[Command]:
        """End a step whose operation goes on for too long, or when nothing new may start."""
        return self._call_failed(progress, Unknown(f"{progress.operation} is still under way.", code="E535"))

    def is_member(self, step: str) -> bool:
        """Whether a step that is under way is one for a member."""
        return step in self._following

    def _has_room(self) -> bool:
        """Whether one more may be sent. Operations that go on take no room, as long as they are not too many."""
        return self._busy < self.width and len(self._awaited) < self.width * MOST_AWAITED

    @property
    def _busy(self) -> int:
        """How many steps keep a worker busy."""
        return len(self._flying) - len(self._groups) - len(self._awaited)

    # Members.

    def _begin_group(self, progress: _Progress, sync: Sync) -> list[Command]:
        step = progress.step
        under = self._bound.get(step.address)
        if under is None:
            found = problem("E534", f"{step.address} is not live.", address=step.address)
            return self._end(progress, Status.FAILED, found)
        progress.name = under
        self._groups[step.id] = _Group(progress, sync, under, self._chains(step, sync, under))
        return []

    def _begin_chain(self, group: _Group, now: datetime) -> list[Command]:
        chain = next(group.chains, None)
        if chain is None:
            group.exhausted = True
            return []
        group.began += 1
        return self._begin_member(group, chain, now)

    def _begin_member(self, group: _Group, chain: tuple[Step, ...], now: datetime) -> list[Command]:
        step = chain[0]
        progress = _Progress(step, group=group)
        self.steps[step.id] = step
        self._flying[step.id], self._following[step.id] = progress, chain[1:]
        call = step.call
        if call and call.references:
            return self._resolve(progress, call)
        return self._intend(progress, call, now) if call else []

    def _end_member(self, group: _Group, event: StepEvent, now: datetime) -> list[Command]:
        """One step of a member has ended: the next one follows, if it is done."""
        del self.steps[event.id]
        following = self._following.pop(event.id)
        done = event.status is Status.DONE
        if done and following and not self._broken and self.stopped_by is None:
            return self._begin_member(group, following, now)
        commands: list[Command] = []
        if done:
            group.done += 1
        else:
            group.failed += 1
            group.unknown |= event.status is Status.UNKNOWN
            self._failed[event.id] = event
            commands.append(Tell(event))
            if group.failed >= MOST_FAILED:
                group.cut = group.cut or f"{group.failed} have failed"
        if group.told is None or now - group.told >= TOLD_EVERY or not group.open:
            group.told = now
            commands.append(Tell(group.so_far))
        return commands

    def _end_group(self, group: _Group) -> list[Command]:
        """All is done that was tried: see what the object above shows of it."""
        progress, sync = group.progress, group.sync
        step = progress.step
        del self._groups[step.id]
        progress.synced = group.so_far
        if not group.cut and not group.failed:
            return [Look(step.id, step.kind, group.under)]
        left = sync.size - group.done - group.failed
        what = f"{sync.size:,} {sync.what}{'' if sync.size == 1 else 's'}"
        said = f"{group.failed:,} of {what} could not be brought up to date."
        if not group.failed:
            said = f"{group.done:,} of {what} brought up to date: {group.cut}."
        elif left:
            said += f" {left:,} were not tried: {group.cut}."
        hint = "What is done is recorded; apply again to go on. What could not be processed waits for an edit."
        if not group.failed:
            found = problem("W520", said, address=step.address, hint=hint)
            return self._end(progress, Status.BLOCKED, found)
        found = problem("E592", said, address=step.address, hint=hint)
        return self._end(progress, Status.UNKNOWN if group.unknown else Status.FAILED, found)

    def _member_answered(self, progress: _Progress, group: _Group, item: LiveObject | None) -> list[Command]:
        step = progress.step
        if item is None or step.record is None:
            return [self._write(progress, (self._gone(progress),), lambda _: self._end(progress, Status.DONE))]
        if not item.name.startswith(f"{group.under}/"):
            progress.name = None
            why = f"the answer shows {item.name}, which does not lie under {group.under}."
            return self._end(progress, Status.UNKNOWN, self._diagnose(step, Unknown(why, code="E567")))
        known = row(step.record.spec_tag, item.name.rpartition("/")[2])
        entry = Joined(group.progress.step.address, path_of(step.address), known, progress.intent)
        return [self._write(progress, (entry,), lambda _: self._end(progress, Status.DONE))]

    def _counted(self, progress: _Progress, item: LiveObject | None) -> list[Command]:
        """What the object shows of its members holds for later, if it counts as many as there should be."""
        step = progress.step
        if item is None or step.sync is None or not item.children or item.held != step.sync.held:
            return self._filled_up(progress)
        entry = Agreed(step.address, item.name, item.children)
        return [self._write(progress, (entry,), lambda _: self._filled_up(progress))]

    def _filled_up(self, progress: _Progress) -> list[Command]:
        """Readers are told of an object when all that lies under it is there, and before its older one goes."""
        step = progress.step
        if step.address in self._published and step.address in self._records:
            return [Announce(step.id, step.address, self._records[step.address])]
        return self._end(progress, Status.DONE)

    def _begin(self, progress: _Progress, now: datetime) -> list[Command]:
        step = progress.step
        told = Tell(StepEvent(step.id, step.address, step.op, Status.STARTED, step.name))
        if why := self._unready.get(step.id):
            return [told, *self._end(progress, Status.FAILED, why)]
        if step.sync is not None:
            return [told, *self._begin_group(progress, step.sync)]
        if step.call is None:
            entry = Bound(step.address, step.record) if step.record else Gone(step.address, _live_name(step), at=now)
            return [told, self._write(progress, (entry,), lambda _: self._end(progress, Status.DONE))]
        if step.op is Op.HARVEST and step.record:
            return [told, Collect(step.id, step.kind, _live_name(step), step.address, step.record)]
        if step.call.references or step.call.under:
            return [told, *self._resolve(progress, step.call)]
        return [told, *self._intend(progress, step.call, now)]

    def _resolve(self, progress: _Progress, call: Call) -> list[Command]:
        targets = {*(reference.target for reference in call.references), *([call.under] if call.under else [])}
        missing = sorted(str(target) for target in targets if target not in self._bound)
        if missing:
            found = problem(
                "E534", f"It refers to {', '.join(missing)}, and that is not live.", address=progress.step.address
            )
            return self._end(progress, Status.FAILED, found)
        names = {target: self._bound[target] for target in sorted(targets)}
        progress.uses = tuple(name for target, name in names.items() if target != progress.step.address)
        return [Resolve(progress.step.id, call, names)]

    def _saved(self, progress: _Progress, harvest: Harvest) -> list[Command]:
        entry = Harvested(progress.step.address, _live_name(progress.step), harvest)
        return [self._write(progress, (entry,), lambda _: self._end(progress, Status.DONE))]

    def _intend(self, progress: _Progress, call: Call, now: datetime, *before: Entry) -> list[Command]:
        """Write down what is about to be sent; `before` is written with it."""
        step = progress.step
        if call.times:
            now = now.replace(microsecond=0)  # people read the instants that are counted from it
        progress.call, deadline = _complete(call, step, now)
        if step.op is Op.ACT and step.record and step.record.undelivered:
            before = (*before, Bound(step.address, step.record))  # from now on the old secret may be void
        intent = Intent(
            id=self._new_id(),
            op=step.op,
            address=step.address,
            at=now,
            address_tag=step.record.address_tag if step.record else "",
            spec_tag=step.record.spec_tag if step.record else "",
            name=step.name or step.chosen or (self._bound.get(step.address) if step.op is Op.UPDATE else None),
            deadline=deadline,
            shows=step.shows,
            whole=step.record.run.whole if step.record and step.record.run else "",
            references=tuple((str(at), tag) for at, tag in self._referred(step.address).items())
            if step.record and step.record.run
            else (),
        )
        progress.intent, progress.intended, progress.at = intent.id, intent, now
        send = Send(step.id, step.kind, progress.call, now, step.op, step.act)
        return [self._write(progress, (*before, Intended(intent)), lambda _: [send])]

    def _write(
        self, progress: _Progress, entries: tuple[Entry, ...], then: Callable[[datetime], list[Command]]
    ) -> Command:
        progress.then = then
        return Write(progress.step.id, entries)

    def _held_up(self, progress: _Progress, now: datetime) -> list[Command]:
        """Intend it anew: from that instant on a later run waits for what may come of it."""
        if progress.call is None or progress.intent is None:
            raise ValueError(f"{progress.step.id} has intended nothing")
        return self._intend(progress, progress.call, now, Closed(progress.intent, "not sent in time"))

    def _answered(self, progress: _Progress, item: LiveObject | None) -> list[Command]:
        step = progress.step
        progress.name = item.name if item else step.name
        if step.op is Op.CANCEL and progress.intent:
            entry: Entry = Closed(progress.intent, "asked for")
            return [self._write(progress, (entry,), lambda _: self._end(progress, Status.DONE))]
        if step.op in (Op.ACT, Op.MINT):
            return self._acted(progress)
        if progress.group:
            return self._member_answered(progress, progress.group, item)
        if item is None:
            return [self._write(progress, (self._gone(progress),), lambda _: self._end(progress, Status.DONE))]
        if step.record is None:
            older = step.older or Generation(step.address, item.mark.address_tag if item.mark else "")
            older = replace(
                older,
                deadline=item.deadline,
                tokens=item.tokens,
                model=item.model or older.model,
                paid=asked_for(older, item.deadline),
            )
            entry = Retiring(item.name, older, progress.intent)
            return [self._write(progress, (entry,), lambda _: self._end(progress, Status.DONE))]
        if step.op is Op.CREATE and not self._is_made(progress, item, step.record):
            progress.name = None  # nothing is known of what was made
            why = f"the answer shows {item.name}, which was not made by it"
            return self._end(progress, Status.UNKNOWN, self._diagnose(step, Unknown(f"{why}.", code="E567")))
        self._known.add(item.name)
        secret = step.op is Op.CREATE and step.kind in self._secrets
        late = self._records.get(step.address) if step.op is Op.UPDATE and step.name is None else None
        record = late or step.record  # of what this very run has made, the create has recorded what it refers to
        record = self._binding(step, record, item, progress.uses or record.uses)
        progress.record = record = replace(record, undelivered=True) if secret else record
        self._bound[step.address], self._records[step.address] = item.name, record
        entry = Bound(step.address, record, progress.intent)
        if secret:
            return [self._write(progress, (entry,), lambda _: self._deliver(progress))]
        return [self._write(progress, (entry,), lambda _: self._announce(progress, record))]

    def _acted(self, progress: _Progress) -> list[Command]:
        """Record an act: a token was made, a secret was made anew, or only that it was done."""
        step, intent = progress.step, progress.intent or ""
        progress.record = step.record
        if progress.token:
            entry: Entry = Minted(step.address, progress.token, intent)
        else:
            entry = Closed(intent, "done")
        if progress.secret:
            return [self._write(progress, (entry,), lambda _: self._deliver(progress))]
        return [self._write(progress, (entry,), lambda _: self._end(progress, Status.DONE))]

    def _deliver(self, progress: _Progress) -> list[Command]:
        step = progress.step
        if progress.secret is None:
            found = problem(
                "E572",
                f"The answer about {progress.name} brought no secret, which the service shows once only.",
                address=step.address,
                hint="Apply again: a new one is made and delivered.",
            )
            return self._end(progress, Status.FAILED, found)
        return [Deliver(step.id, progress.secret, progress.token)]

    def _delivered(self, progress: _Progress, failure: Diagnostic | None) -> list[Command]:
        step, record, progress.secret = progress.step, progress.record, None
        if failure:
            return self._end(progress, Status.FAILED, failure)
        if progress.unwritten:
            return self._end(progress, Status.UNKNOWN, _unwritten(step, progress.unwritten))
        if record is None or not record.undelivered:
            return self._end(progress, Status.DONE)
        progress.record = known = replace(record, undelivered=False)
        return [self._write(progress, (Bound(step.address, known),), lambda _: self._announce(progress, known))]

    def _is_made(self, progress: _Progress, item: LiveObject, record: Record) -> bool:
        """Whether the create made what its answer shows: it carries the mark that was sent; or none at all, as where
        the service does not keep display names, and then it must be new, and younger than the intent, as far as a
        createTime in whole seconds can say. A name that the user chose may have been there before.
        """
        young = bool(item.created and progress.at and item.created >= progress.at.replace(microsecond=0))
        if progress.step.chosen:
            return item.name == progress.step.chosen and young
        if item.mark is not None or item.name in self._known:
            return self._is_marked(item, record)
        return young

    def _is_as_sent(self, step: Step, item: LiveObject) -> bool:
        """Whether nothing that it shows is otherwise."""
        return all(shown is None for shown in self._otherwise(step, item).values())

    def _is_marked(self, item: LiveObject, record: Record) -> bool:
        mark = item.mark
        return (
            mark is not None
            and (mark.owner, mark.address_tag) == (self._owner, record.address_tag)
            and mark.of(record.spec_tag)
        )

    def _binding(self, step: Step, record: Record, item: LiveObject, uses: tuple[str, ...]) -> Record:
        return replace(
            record,
            name=item.name,
            uses=uses,
            created=item.created or record.created,
            deadline=item.deadline,
            tokens=item.tokens if item.tokens is not None else record.tokens,
            outputs=item.outputs,
            model=item.model or record.model,
            paid=asked_for(record, item.deadline) if step.op is Op.UPDATE else None,
            echoed=not record.address_tag or self._is_marked(item, record) if step.op is Op.CREATE else record.echoed,
            shown={**(record.shown or {}), **self._otherwise(step, item)}
            if step.op is Op.CREATE or step.shows
            else record.shown,
            updated=item.updated if step.kind in self._secretive else record.updated,
        )

    def _announce(self, progress: _Progress, record: Record) -> list[Command]:
        step = progress.step
        if step.address in self._published and step.op is Op.CREATE and step.address not in self._filled:
            return [Announce(progress.step.id, progress.step.address, record)]
        return self._end(progress, Status.DONE, None if record.echoed else _not_echoed(progress.step, record))

    def _announced(self, progress: _Progress, why: str | None) -> list[Command]:
        if why is None:
            return self._end(progress, Status.DONE)
        found = problem(
            "E520",
            f"{progress.name} exists and is recorded, but its readers could not be told: {why}",
            address=progress.step.address,
            hint="Mend that and apply again: readers are told first, and only then is the old one retired.",
        )
        return self._end(progress, Status.FAILED, found)

    def _call_failed(self, progress: _Progress, error: ApiError) -> list[Command]:
        step = progress.step
        sent_once = step.op in (Op.CREATE, Op.MINT, Op.ACT)
        if error.no_room and self._waits_for_room(progress):
            return self._queued(progress, error)
        if sent_once and isinstance(error, Unknown):
            return self._end(progress, Status.UNKNOWN, self._diagnose(step, error))
        if step.op is Op.DELETE and error.missing:
            return [Confirm(step.id, step.kind, _live_name(step))]
        chosen = progress.call if step.op is Op.CREATE and progress.call and progress.call.numbered else None
        if chosen and error.status == 409 and progress.names < MOST_NAMES:
            progress.names += 1
            return [Look(step.id, step.kind, chosen_name(chosen))]
        failure = self._diagnose(step, error)
        if step.op is Op.SYNC:  # all is done; it is only not known what the object shows of it
            return self._filled_up(progress)
        if progress.intent is None or not (isinstance(error, Refused) or sent_once):
            # A repeatable call: the next list shows what became of it.
            return self._end(progress, Status.FAILED, failure)
        why = f"not sent: {error}" if isinstance(error, Temporary) else f"refused: {error.status}"
        doubted = progress.intended if progress.operation and not progress.group else None
        entry: Entry = Doubted(doubted) if doubted else Closed(progress.intent, why)
        if progress.group and step.record and error.left.startswith(f"{progress.group.under}/"):
            known = row(step.record.spec_tag, error.left.rpartition("/")[2], failed=True)
            entry = Joined(progress.group.progress.step.address, path_of(step.address), known, progress.intent)
        return [self._write(progress, (entry,), lambda _: self._end(progress, Status.FAILED, failure))]

    def _waits_for_room(self, progress: _Progress) -> bool:
        """Whether it is the create of a run that was sent, and not taken."""
        step = progress.step
        return step.op is Op.CREATE and step.kind in self._runs and not progress.operation

    def _queued(self, progress: _Progress, error: ApiError) -> list[Command]:
        """A service that has no room for a run has not made it. It is not tried again here: room comes with the end of
        another run, in minutes or hours.
        """
        found = problem("W523", f"The service says: {error.no_room}", address=progress.step.address)
        if progress.intent is None:
            return self._end(progress, Status.QUEUED, found)
        entry = Closed(progress.intent, f"no room: {error.status}")
        return [self._write(progress, (entry,), lambda _: self._end(progress, Status.QUEUED, found))]

    def _looked(self, progress: _Progress, item: LiveObject | None, now: datetime) -> list[Command]:
        """A name that we chose is taken: bind the object that has it if we made it, or try the next name."""
        step = progress.step
        if step.op is Op.SYNC:
            return self._counted(progress, item)
        if item and step.record and self._is_marked(item, step.record) and self._is_as_sent(step, item):
            return self._answered(progress, item)
        if progress.call is None or progress.intent is None:
            raise ValueError(f"{step.id} has chosen no name")
        return self._intend(progress, taken(progress.call), now, Closed(progress.intent, "its name is taken"))

    def _confirmed(self, progress: _Progress, present: bool) -> list[Command]:
        if not present:
            return [self._write(progress, (self._gone(progress),), lambda _: self._end(progress, Status.DONE))]
        error = Refused(f"{progress.step.name} is live, and this key may not delete it.", status=403)
        return self._end(progress, Status.FAILED, self._diagnose(progress.step, error))

    def _write_failed(self, progress: _Progress, why: str) -> list[Command]:
        """Before the call: it is not made. After a create: its intent is durable, so the next run finds the object. A
        secret that is in hand is delivered all the same: its intent says too much rather than too little.
        """
        self._broken = True
        if progress.secret and not progress.unwritten:
            progress.unwritten = why
            return [Deliver(progress.step.id, progress.secret, progress.token)]
        done = f"{progress.name} was dealt with, but that" if progress.name else "What was about to be done"
        found = problem(
            "E521",
            f"{done} could not be written down: {why}. Nothing new is started.",
            address=progress.step.address,
            hint="Make room, or mend the folder, and apply again: the list shows what became of it."
            if progress.name
            else None,
        )
        return self._end(progress, Status.UNKNOWN if progress.name else Status.FAILED, found)

    def _gone(self, progress: _Progress) -> Entry:
        """The entry for a deleted object. A run that is cleaned up stays on record: it is done."""
        step = progress.step
        if progress.group:
            of, id_ = progress.group.progress.step.address, _live_name(step).rpartition("/")[2]
            return Parted(of, path_of(step.address), id_, progress.intent)
        if step.record:
            return Bound(step.address, step.record, progress.intent)
        return Gone(step.address, _live_name(step), progress.intent)

    def _end(self, progress: _Progress, status: Status, failure: Diagnostic | None = None) -> list[Command]:
        step = progress.step
        del self._flying[step.id]
        if failure and failure.span is None:
            failure = replace(failure, span=self._place(step.address))
        event = StepEvent(step.id, step.address, step.op, status, progress.name or step.name, failure, progress.synced)
        if progress.group:
            return self._end_member(progress.group, event, self._now)
        self.ends[step.id] = event
        why = {Status.DONE: None, Status.QUEUED: f"{step.id} waits for room in the service"}
        return [Tell(event), *self._let_go(step.id, why.get(status, f"{step.id} did not succeed"))]

    def _let_go(self, step_id: str, why: str | None) -> list[Command]:
        """Let go of the steps that wait for one that has ended. `why` says why they are not tried; None if they are.

        Steps that are not tried let go of others in turn, through chains of any length.
        """
        commands: list[Command] = []
        trail = [self._not_to_be_tried(step_id, why)]
        while trail:
            if found := next(trail[-1], None):
                dependant, reason = found
                commands.append(self._blocked(dependant, reason))
                trail.append(self._not_to_be_tried(dependant, f"{dependant} was not tried"))
            else:
                trail.pop()
        return commands

    def _not_to_be_tried(self, step_id: str, why: str | None) -> Iterator[tuple[str, str]]:
        """The steps that wait for one that has ended and are blocked by that, one by one, each with the reason; none if
        `why` is None. Notes for the others that it has ended.
        """
        for dependant in self._dependants.get(step_id, ()):
            if why is None:
                self._has_ended(step_id, dependant)
            elif dependant not in self.ends:
                yield dependant, why
        step = self.steps[step_id]
        if step.op is Op.CREATE:
            self._creating[step.kind] -= 1
            if not self._creating[step.kind]:
                for dependant in self._dependants.get(_creates(step.kind), ()):
                    self._has_ended(_creates(step.kind), dependant)

    def _has_ended(self, awaited: str, dependant: str) -> None:
        if dependant not in self.ends:
            self._waits[dependant].discard(awaited)
            if not self._waits[dependant]:
                self._ready.append(dependant)

    def _block(self, step_id: str, why: str) -> list[Command]:
        if step_id in self.ends:
            return []
        return [self._blocked(step_id, why), *self._let_go(step_id, f"{step_id} was not tried")]

    def _blocked(self, step_id: str, why: str) -> Command:
        step = self.steps[step_id]
        found = problem("W520", f"It was not tried: {why}.", address=step.address)
        event = StepEvent(step_id, step.address, step.op, Status.BLOCKED, step.name, found)
        self.ends[step_id] = event
        return Tell(event)


def _creates(kind: str) -> str:
    """The id that stands for all creates of a kind where steps wait for each other; no step has it."""
    return f"every create of {kind}"


def _live_name(step: Step) -> str:
    """The live name that a step is about; each has one, but for a create."""
    return step.name or ""


def _complete(call: Call, step: Step, now: datetime) -> tuple[Call, datetime | None]:
    """The call with the absolute expireTime of an update, and other instants that are counted from now: computed once,
    so that sending it again is harmless. And the last of these instants.
    """
    if call.times:
        body: Json = call.body or {}
        for at, life in call.times:
            body = put(body, at, show_instant(now + life))
        return replace(call, body=body, times=()), now + max(life for _, life in call.times)
    if call.deadline is None:
        return call, None
    match step.expiry:
        case Ttl(ttl):
            deadline = now + ttl
        case Until(expire_time):
            deadline = expire_time
        case None:
            return call, None
    if step.ceiling:
        deadline = min(deadline, step.ceiling)
    return replace(call, body=put(call.body or {}, call.deadline, show_instant(deadline))), deadline


def _unwritten(step: Step, why: str) -> Diagnostic:
    what = "A token was minted" if step.op is Op.MINT else "A secret was made"
    return problem(
        "E521",
        f"{what} and handed over, but that could not be written down: {why}.",
        address=step.address,
        hint="Until it ends it counts as one that nobody heard of. Make room.",
    )


def _not_echoed(step: Step, record: Record) -> Diagnostic:
    return problem(
        "W521",
        f"{record.name} shows another display name than was sent, so marks can't be trusted at this endpoint: "
        "a create whose answer is lost can't be found again by itself.",
        address=step.address,
    )
