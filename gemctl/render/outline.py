"""Chooses what Markdown and HTML say of a plan: the order, the sums, the next due times. Called by markdown.py and
html.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.change import Action, Change
from gemctl.core.diagnostic import Diagnostic, Severity
from gemctl.core.frozen import dataclass
from gemctl.core.graph import Graph, graph, planned
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.money import shown
from gemctl.core.plan import Plan, Step
from gemctl.core.record import Op
from gemctl.core.resource import Desired, Ttl, Until
from gemctl.render import human
from gemctl.render.fields import rows
from gemctl.render.parts import folded

# Actions that can't be undone come first, those that change nothing last.
WEIGHT = (
    Action.DELETE,
    Action.REPLACE,
    Action.CANCEL,
    Action.CREATE,
    Action.UPDATE,
    Action.HARVEST,
    Action.FORGET,
    Action.REFRESH,
    Action.KEEP,
)
SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "±",
    Action.DELETE: "−",
    Action.FORGET: "·",
    Action.KEEP: "=",
    Action.HARVEST: "↓",
    Action.CANCEL: "×",
    Action.REFRESH: "≈",
}


@dataclass(frozen=True, slots=True)
class Life:
    """How long something lives once the plan is applied, and when something must be done about it; None for unknown.

    `next` is the first of these instants, and `what` says what happens then.
    """

    address: Address
    action: Action
    end: datetime | None
    due: datetime | None
    next: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Report:
    """A plan with the resources that it was made of, and all diagnostics about it. `project` is the project's name."""

    plan: Plan
    desired: Desired = field(default_factory=Desired)
    project: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def now(self) -> datetime:
        return self.plan.header.made_at

    @property
    def name(self) -> str:
        return self.project or self.plan.header.project

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes but kept objects, the most important first."""
        return tuple(change for change in _weighed(self._folded) if change.action is not Action.KEEP)

    @property
    def _folded(self) -> tuple[Change, ...]:
        return folded(self.plan, self.desired).changes

    @property
    def kept(self) -> tuple[Change, ...]:
        """The kept objects, those with a note first."""
        kept = [change for change in self._folded if change.action is Action.KEEP]
        return tuple(sorted(kept, key=lambda change: (not change.note, change.address, change.name or "")))

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(d for d in self.diagnostics if d.severity is not Severity.ERROR)

    @property
    def actions(self) -> Mapping[Address, Action]:
        """For each address the action that matters most."""
        return {change.address: change.action for change in reversed(_weighed(self.plan.changes))}

    def graph(self, most: int) -> tuple[Graph, int]:
        """The graph of the plan, of the most important nodes, at most so many; and the number of those left out."""
        edges, actions = planned(self.plan, self.desired).edges, self.actions
        bound = {node for edge in edges for node in edge}
        ranked = sorted(bound, key=lambda node: (WEIGHT.index(actions[node]), node))
        return graph(ranked[:most], edges), max(0, len(ranked) - most)

    def lives(self) -> tuple[Life, ...]:
        """The lives of the objects that are there afterwards and end or come due, the soonest first."""
        steps: dict[tuple[Address, Op, str | None], Step] = {}
        for step in self.plan.steps:
            steps[step.address, step.op, step.name if step.op is Op.UPDATE else None] = step
        lives = [_life(change, steps, self.now) for change in self.plan.changes if change.action not in _OVER]
        return tuple(sorted((life for life in lives if life), key=lambda life: (life.next, life.address)))

    def ending(self) -> tuple[Life, ...]:
        """The lives that end before a run is due again, so that no run looks before unless it comes sooner."""
        due = self.plan.header.next_due
        return tuple(life for life in self.lives() if due and life.end and life.end < due)


@dataclass(frozen=True, slots=True)
class Section:
    """One of several stacks: its plan, or why there is none."""

    stack: str
    report: Report | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        if self.report:
            return self.report.errors
        return tuple(d for d in self.diagnostics if d.severity is Severity.ERROR)


_OVER = (Action.DELETE, Action.FORGET, Action.CANCEL)


def _weighed(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(sorted(changes, key=lambda change: (WEIGHT.index(change.action), change.address, change.name or "")))


def _life(change: Change, steps: Mapping[tuple[Address, Op, str | None], Step], now: datetime) -> Life | None:
    address, due = change.address, change.next_due
    match change.action:
        case Action.HARVEST:
            due, end = None, change.harvest_before
        case Action.KEEP:
            end = change.precondition.deadline if change.precondition else None
        case Action.UPDATE:
            end = _end(steps.get((address, Op.UPDATE, change.name)), now)
        case _:
            end = _end(steps.get((address, Op.CREATE, None)), now)
    if due is not None and (end is None or due < end):
        return Life(address, change.action, end, due, due, "to be renewed" if end else "to be looked after")
    if end is None:
        return None
    return Life(address, change.action, end, due, end, "forgotten" if change.action is Action.HARVEST else "ends")


def _end(step: Step | None, now: datetime) -> datetime | None:
    """The end of the object that the step makes or renews, if it is carried out now."""
    if step is None:
        return None
    match step.expiry or (step.record.expiry if step.record else None):
        case Ttl(ttl):
            end = now + ttl
        case Until(instant):
            end = instant
        case _:
            return None
    return min(end, step.ceiling) if step.ceiling else end


def summary(report: Report) -> str:
    """One sentence or two: the number of changes by action, and the storage they take."""
    hours, about, unknown = 0.0, False, 0
    for change in report.changes:
        if change.action not in (Action.CREATE, Action.UPDATE, Action.REPLACE) or change.hours is None:
            continue
        if change.tokens is None:
            unknown += 1
        else:
            hours += change.tokens * change.hours
            about = about or change.estimated
    text = human.summary(report.plan)
    if hours:
        text += f" {'About ' if about else ''}{hours:,.0f} token-hours of storage"
        text += f", and what is not known for {unknown}." if unknown else "."
    return text


def counted(changes: Iterable[Change]) -> str:
    """`800 create, 12 forget`, in the order of their weight."""
    counts = Counter(change.action for change in changes)
    return ", ".join(f"{counts[action]:,} {action.value}" for action in WEIGHT if counts[action])


def instant(moment: datetime, now: datetime) -> str:
    """`2026-11-21T15:00:00Z (in 6h)`."""
    away = show_duration(abs(moment - now))
    when = f"in {away}" if moment > now else f"{away} ago" if moment < now else "now"
    return f"{show_instant(moment.replace(microsecond=0))} ({when})"


def reason(change: Change, now: datetime) -> str:
    """The reason in words, with the remaining life of the live object."""
    text = change.reason.value.replace("_", " ")
    deadline = change.precondition.deadline if change.precondition else None
    if deadline is None or change.action is Action.HARVEST:
        return text
    return f"{text}, ended" if deadline <= now else f"{text}, {show_duration(deadline - now)} left"


def stored(change: Change) -> str:
    """Token-hours where they are known, else tokens where those are; "" for neither."""
    if change.tokens is None or change.action in (Action.KEEP, Action.FORGET, Action.REFRESH):
        return ""
    about = "about " if change.estimated else ""
    if change.hours is None:
        return f"({about}{change.tokens:,} tokens)"
    return f"{about}{change.tokens * change.hours:,.0f}"


def cost(change: Change) -> str:
    """The money that a change takes; "" for none."""
    found = change.cost
    if found is None or not found.anything:
        return ""
    priced = shown(found.total) if found.total.high else ""
    if found.monthly.high:
        priced = "; ".join(filter(None, (priced, f"{shown(found.monthly)} a month")))
    return "; ".join(filter(None, (priced, "not all priced" if priced and found.unpriced else "", ""))) or "not priced"


def estimates(report: Report) -> tuple[tuple[str, str, str, str], ...]:
    """How the money of each change was estimated: address, model, on what basis, and what is not in it."""
    return tuple(
        (str(change.address), change.cost.model, "; ".join(change.cost.basis), "; ".join(change.cost.unpriced))
        for change in report.changes
        if change.cost and change.cost.anything
    )


def remarks(change: Change, now: datetime) -> str:
    """The note of a change, and until when results must be saved."""
    said = [change.note] if change.note else []
    said += [f"next: {human.runs(change.runs)}"] if change.runs and change.action is not Action.KEEP else []
    if before := change.harvest_before:
        said.append(f"harvest before {instant(before, now)}")
    return "; ".join(said)


def fields(change: Change, report: Report) -> tuple[tuple[str, str, str], ...]:
    """Path, before and after of each field; texts by size and origin, never in full."""
    found = rows(change, report.desired)
    return tuple((row.path, row.before or "", "(none)" if row.after is None else row.after) for row in found)


def place(diagnostic: Diagnostic) -> str:
    """The place of a diagnostic: file, line and column, or the address, or "" for none."""
    if diagnostic.span:
        return str(diagnostic.span)
    return str(diagnostic.address) if diagnostic.address else ""


def message(diagnostic: Diagnostic) -> str:
    """The text of a diagnostic on one line."""
    parts = (f"{diagnostic.summary}.", diagnostic.detail, diagnostic.hint or "")
    return " ".join(" ".join(parts).split())
