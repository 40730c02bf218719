"""The create protocol of one resource as a small machine, and every way in which it can go wrong, up to a bound.

A run looks, claims, writes down what it claimed, deletes what is superfluous, and creates or replaces; it can die at
each step. Requests are lost, answers are lost, requests arrive after their sender is gone, lists lag, the declaration
is edited there and back, the state is deleted or damaged. All interleavings of these are visited, breadth first, so the
first counter-example found is a shortest one. When nothing is under way any more, two runs without faults follow, by
the same steps, and then there must be exactly one object: the declared one, bound.

    python tests/exactly_once/protocol_model.py        larger bounds than the test suite has time for, as a table

What it does not model: several addresses at once, two states for one stack, clocks. `settle` either outlasts
everything that is under way (`long_settle`), or nothing at all. Retiring is deleting, and what is deleted is gone.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Policy:
    """What gemctl does; each of these can be taken away, to see what it is good for.

    intents       an intent is durable before a create is sent.
    quarantine    nothing is created while an earlier create may still surface.
    sweep         of several with one mark and one spec the oldest is kept.
    bind_first    an old generation goes only after the new one is bound.
    doubt         after damage to the state, or without one where marks are found, `settle` is waited for: never; where
                  something is not bound and would be created (creates); also where it would be replaced, or made anew
                  because it is gone (replaces); always.
    remembers     what was sent is remembered, so that it is known to be ours if it surfaces after it was given up.
    """

    intents: bool = True
    quarantine: bool = True
    sweep: bool = True
    bind_first: bool = True
    doubt: str = "creates"
    remembers: bool = True


@dataclass(frozen=True)
class Bounds:
    """How much may happen before the end: ordinary runs, faults and deaths, edits of the declaration."""

    runs: int = 3
    faults: int = 2
    edits: int = 1
    deletions: int = 0  # of the whole state
    damages: int = 0  # of the journal: its intents are lost, perhaps its bindings
    late: bool = True  # requests may arrive after their sender is gone, and lists may lag
    long_settle: bool = True


class Thing(NamedTuple):
    """A live object. Names are given in order: the smaller is the older."""

    name: int
    spec: int
    listed: bool


class Disk(NamedTuple):
    """The ledger. `known` is False without a state and after damage; `serial` says that there was one."""

    known: bool = False
    serial: bool = False
    bound: tuple[int, int] | None = None  # name, spec
    intent: int | None = None
    retiring: frozenset[int] = frozenset()
    sent: frozenset[int] = frozenset()


class Run(NamedTuple):
    """A process: what it does next, what is still to be deleted, and what it has just made."""

    at: str  # look, delete, intent, send, bind
    disk: Disk  # what it has in memory
    doomed: tuple[int, ...] = ()
    made: int = 0


class State(NamedTuple):
    things: tuple[Thing, ...] = ()
    under_way: tuple[int, ...] = ()  # specs of creates that nobody waits for any more
    disk: Disk = Disk()
    run: Run | None = None
    want: int = 0
    names: int = 0  # given so far
    runs: int = 0
    faults: int = 0
    edits: int = 0
    deletions: int = 0
    damages: int = 0
    closing: int = 0  # 0: anything may happen; 1, 2: the last two runs; 3: over
    served: bool = False  # something was bound once
    contested: bool = False  # the last run found another writer


Trace = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """`bad`: for each promise that was broken, the shortest way there."""

    states: int
    ends: int
    bad: dict[str, Trace]
    seconds: float

    @property
    def verdict(self) -> str:
        return ", ".join(f"{name} after {len(trace)}" for name, trace in sorted(self.bad.items())) or "kept"


FINAL = frozenset({"duplicate", "orphan", "lost", "stuck"})  # at the end
ALWAYS = frozenset({"two at once", "none at all"})  # at any moment


def explore(policy: Policy, bounds: Bounds) -> Result:
    """Visit every reachable state."""
    started = time.monotonic()
    first = State(runs=bounds.runs, faults=bounds.faults, edits=bounds.edits, deletions=bounds.deletions,
                  damages=bounds.damages)  # fmt: skip
    came: dict[State, tuple[State, str] | None] = {first: None}
    todo = deque([first])
    bad: dict[str, Trace] = {}
    ends = 0
    while todo:
        state = todo.popleft()
        for promise in _broken(state):
            if promise not in bad:
                bad[promise] = _trace(came, state)
        ends += state.closing == 3
        for label, following in _moves(state, policy, bounds):
            if following not in came:
                came[following] = (state, label)
                todo.append(following)
    return Result(len(came), ends, bad, time.monotonic() - started)


def _trace(came: dict[State, tuple[State, str] | None], state: State) -> Trace:
    labels = []
    step = came[state]
    while step is not None:
        labels.append(step[1])
        step = came[step[0]]
    return tuple(reversed(labels))


def _broken(state: State) -> Iterator[str]:
    """The promises that this state breaks."""
    known = [thing for thing in state.things if thing.name not in state.disk.retiring]
    if any(sum(thing.spec == spec for thing in known) > 1 for spec in (0, 1)):
        yield "two at once"
    if state.served and not state.things:
        yield "none at all"
    if state.closing == 3:
        bound = state.disk.bound
        mine = [thing for thing in state.things if bound and thing.name == bound[0] and thing.spec == state.want]
        others = [thing for thing in state.things if thing not in mine]
        if not mine:
            yield "lost"
        if any(thing.spec == state.want for thing in others) and mine:
            yield "duplicate"
        if any(thing.spec != state.want for thing in others):
            yield "orphan"
        if state.disk.intent is not None or state.contested:
            yield "stuck"


def _moves(state: State, policy: Policy, bounds: Bounds) -> Iterator[tuple[str, State]]:
    """Everything that can happen next, and what is then."""
    if state.closing == 3:
        return
    if not state.closing:
        yield from _service(state)
    if state.run is None:
        yield from _between_runs(state)
        return
    if state.faults:
        yield "die", state._replace(run=None, faults=state.faults - 1)
    match state.run.at:
        case "look":
            yield from _look(state, state.run, policy, bounds)
        case "delete":
            yield from _delete(state, state.run)
        case "intent":
            yield from _intent(state, state.run, policy)
        case "send":
            yield from _send(state, state.run, bounds)
        case "bind":
            yield from _bind(state, state.run)


def _service(state: State) -> Iterator[tuple[str, State]]:
    """What happens without anybody doing it now."""
    for number, spec in enumerate(state.under_way):
        name = state.names + 1
        rest = state.under_way[:number] + state.under_way[number + 1 :]
        things = (*state.things, Thing(name, spec, True))
        yield f"a late create of spec {spec} makes {name}", state._replace(things=things, under_way=rest, names=name)
    for number, thing in enumerate(state.things):
        if not thing.listed:
            things = (*state.things[:number], thing._replace(listed=True), *state.things[number + 1 :])
            yield f"{thing.name} appears in lists", state._replace(things=things)


def _quiet(state: State) -> bool:
    return not state.under_way and all(thing.listed for thing in state.things)


def _between_runs(state: State) -> Iterator[tuple[str, State]]:
    begun = Run("look", state.disk)
    if state.closing:
        yield "run, undisturbed", state._replace(run=begun)
        return
    if state.runs:
        yield "run", state._replace(run=begun, runs=state.runs - 1)
    if state.edits:
        yield f"edit to spec {1 - state.want}", state._replace(want=1 - state.want, edits=state.edits - 1)
    if state.deletions and state.disk.serial:
        yield "the state is deleted", state._replace(disk=Disk(), deletions=state.deletions - 1)
    if state.damages and state.disk.serial:
        damaged = state.disk._replace(known=False, intent=None)
        for label, disk in (("", damaged), (", with its bindings", damaged._replace(bound=None))):
            yield f"the journal is damaged{label}", state._replace(disk=disk, damages=state.damages - 1)
    if _quiet(state):
        yield "everything has settled", state._replace(closing=1, runs=0, faults=0, edits=0, deletions=0, damages=0)


def _end(state: State, **changes: object) -> State:
    """The run is over."""
    return state._replace(run=None, closing=state.closing + 1 if state.closing else 0, **changes)


def _look(state: State, run: Run, policy: Policy, bounds: Bounds) -> Iterator[tuple[str, State]]:
    """List, claim, and write down what was found. Waiting is not a step: it is looking again, later."""
    disk = run.disk
    settled = _quiet(state) or not bounds.long_settle
    bound = next((thing for thing in state.things if disk.bound and thing.name == disk.bound[0]), None)
    marked = sorted(
        thing for thing in state.things if thing.name not in disk.retiring and (thing.listed or thing is bound)
    )
    retiring = {thing.name for thing in state.things} & disk.retiring
    doomed: list[Thing] = []
    winner, sent, contested = bound, disk.sent, False
    born = [thing for thing in marked if thing.spec == disk.intent and thing is not bound]
    if disk.intent is not None:
        if not born and policy.quarantine and not settled:
            return
        if policy.remembers:
            sent |= {disk.intent}
    if born:
        winner, doomed = born[0], born[1:]
    elif bound and disk.known:
        same = [thing for thing in marked if thing.spec == bound.spec]
        strangers = [thing for thing in marked if thing not in same]
        ours = [thing for thing in strangers if thing.spec in sent]
        retiring |= {thing.name for thing in ours}
        contested = len(ours) < len(strangers)
        if not contested and policy.sweep:
            winner, doomed = same[0], [thing for thing in same[1:] if thing is not bound]
    else:
        same = [thing for thing in marked if thing.spec == state.want]
        others = [thing for thing in marked if thing not in same]
        if not same and others:
            same = [others.pop()]
        if same:
            winner = same[0]
            doomed = same[1:] if winner.spec == state.want else []
            retiring |= {thing.name for thing in others}
    if not policy.sweep:
        doomed = []
    if not disk.known and (marked or disk.serial) and not settled:
        unbound = winner is None and disk.bound is None
        changes = winner is None or winner.spec != state.want
        if {"never": False, "creates": unbound, "replaces": changes, "always": True}[policy.doubt]:
            return
    if bound and winner is not bound:
        retiring.add(bound.name)
    retiring |= {thing.name for thing in doomed}
    ledger = Disk(
        known=True,
        serial=True,
        bound=(winner.name, winner.spec) if winner else disk.bound,
        retiring=frozenset(retiring - ({winner.name} if winner else set())),
        sent=sent,
    )
    found = f"look and write down: {winner.name if winner else 'nothing'} is bound"
    following = state._replace(disk=ledger, served=state.served or winner is not None, contested=contested)
    if contested:
        yield "look: another writer is at work", _end(following)
        return
    names = tuple(sorted({*ledger.retiring, *(thing.name for thing in doomed)}))
    yield found, _going_on(following, _planned(following, Run("delete", ledger, names)), ledger)


def _planned(state: State, run: Run) -> Run:
    """What comes after the deletes; nothing to delete, and it comes at once."""
    if run.doomed:
        return run
    live = {thing.name for thing in state.things}
    bound = run.disk.bound
    done = bound is not None and bound[0] in live and bound[1] == state.want
    return run._replace(at="done" if done else "intent")


def _delete(state: State, run: Run) -> Iterator[tuple[str, State]]:
    name, rest = run.doomed[0], run.doomed[1:]
    things = tuple(thing for thing in state.things if thing.name != name)
    disk = run.disk._replace(retiring=run.disk.retiring - {name})
    following = state._replace(things=things)
    yield f"delete {name}", _going_on(following, _planned(following, run._replace(disk=disk, doomed=rest)), disk)
    if state.faults:
        kept = run._replace(doomed=rest)
        yield (
            f"the delete of {name} is lost",
            _going_on(state._replace(faults=state.faults - 1), _planned(state, kept), state.disk),
        )


def _going_on(state: State, run: Run, disk: Disk) -> State:
    if run.at == "done":
        return _end(state, disk=disk)
    return state._replace(run=run, disk=disk)


def _intent(state: State, run: Run, policy: Policy) -> Iterator[tuple[str, State]]:
    disk = run.disk._replace(intent=state.want)
    label = f"write the intent of spec {state.want}"
    if not policy.intents:
        disk, label = run.disk, "write no intent"
    following = state._replace(disk=disk, run=Run("send", disk))
    if not policy.bind_first and disk.bound:
        old = disk.bound[0]
        following = following._replace(things=tuple(thing for thing in state.things if thing.name != old))
        label += f", delete {old} meanwhile"
    yield label, following


def _send(state: State, run: Run, bounds: Bounds) -> Iterator[tuple[str, State]]:
    name = state.names + 1
    for listed in (True, False) if bounds.late and not state.closing else (True,):
        made = state._replace(things=(*state.things, Thing(name, state.want, listed)), names=name)
        how = "" if listed else ", not in lists yet"
        yield f"the create makes {name}{how}", made._replace(run=run._replace(at="bind", made=name))
        if state.faults:
            yield f"the create makes {name}{how}, the answer is lost", _end(made, faults=state.faults - 1)
    if state.faults:
        yield "the create is lost", _end(state, faults=state.faults - 1)
        if bounds.late:
            under_way = tuple(sorted((*state.under_way, state.want)))
            yield "the create is late, its sender gives up", _end(state, under_way=under_way, faults=state.faults - 1)


def _bind(state: State, run: Run) -> Iterator[tuple[str, State]]:
    live = {thing.name for thing in state.things}
    old = {run.disk.bound[0]} & live if run.disk.bound else set()
    sent = run.disk.sent if run.disk.intent is None else run.disk.sent | {run.disk.intent}
    disk = run.disk._replace(
        bound=(run.made, state.want), intent=None, retiring=run.disk.retiring | frozenset(old), sent=sent
    )
    following = state._replace(disk=disk, served=True)
    yield f"bind {run.made}", _going_on(following, _planned(following, Run("delete", disk, tuple(sorted(old)))), disk)


IMPLEMENTED = Policy()
BROKEN = {
    "no intents": Policy(intents=False),
    "no quarantine": Policy(quarantine=False),
    "no sweep": Policy(sweep=False),
    "retire before bind": Policy(bind_first=False),
    "no wait in doubt": Policy(doubt="never"),
    "what was given up is forgotten": Policy(remembers=False),
}
MORE = {
    "in doubt waits before a replacement too": Policy(doubt="replaces"),  # as gemctl does without a state
    "in doubt always waits": Policy(doubt="always"),  # as gemctl does after damage to it
}


def table(policies: dict[str, Policy], worlds: dict[str, Bounds]) -> Iterator[str]:
    """One line for each policy in each world."""
    for world, bounds in worlds.items():
        yield f"{world}: {bounds}"
        for name, policy in policies.items():
            result = explore(policy, bounds)
            yield f"  {name:<40}{result.states:>10,} states {result.seconds:>7.1f} s   {result.verdict}"


def main() -> None:
    large = {
        "all on time": Bounds(runs=6, faults=6, edits=4, late=False),
        "late and lagging": Bounds(runs=7, faults=6, edits=4),
        "settle too short": Bounds(runs=4, faults=3, edits=2, long_settle=False),
        "state deleted, no edits": Bounds(runs=6, faults=5, edits=0, deletions=2),
        "state deleted": Bounds(runs=4, faults=3, edits=2, deletions=1),
        "journal damaged, one edit": Bounds(runs=6, faults=5, edits=1, damages=2),
        "journal damaged": Bounds(runs=5, faults=4, edits=2, damages=1),
    }
    small = {
        "late and lagging": Bounds(runs=4, faults=3, edits=2),
        "settle too short": Bounds(runs=3, faults=2, edits=1, long_settle=False),
        "journal damaged": Bounds(runs=4, faults=3, edits=2, damages=1),
    }
    for line in (*table({"in doubt waits before a create": IMPLEMENTED, **MORE}, large), *table(BROKEN, small)):
        print(line, flush=True)
    for name, policy in BROKEN.items():
        for promise, trace in explore(policy, small["journal damaged"]).bad.items():
            print(f"\n{name}, {promise}:\n  " + "\n  ".join(trace))


if __name__ == "__main__":
    sys.exit(main())
