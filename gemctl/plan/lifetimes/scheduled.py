"""Plans objects by which the service starts something again and again: as those that live until they are deleted, and
with an eye on what is paid for meanwhile. Called as policy.py says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gemctl.core.change import MAKING, Action, Change
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.plan import steps as make
from gemctl.plan.lifetimes import forever, kept
from gemctl.plan.lifetimes.policy import Foreseen, Subject

RUNS = FREE = ENDS_ALONE = False
BOTH = "for a moment there are both: what is due then is started by each"
HALTED = "it was halted"

rank, settle, duplicate, expected, old = kept.age, kept.settle, kept.duplicate, kept.expected, forever.old


def decide(subject: Subject) -> Iterable[Change]:
    """As for all that lives until it is deleted; with a word on two schedules at a time, and on one that was halted."""
    item = subject.item
    for change in forever.decide(subject):
        if change.action is Action.REPLACE and not change.note and _twice(subject):
            yield replace(change, note=BOTH)
        elif change.action is Action.KEEP and item and item.halted and not change.note:
            yield replace(change, note=HALTED)
        else:
            yield change


def _twice(subject: Subject) -> bool:
    """Whether a replacement starts what the object before it starts, too, until that is deleted."""
    resource, old = subject.resource, subject.item.schedule if subject.item else None
    new = resource.declared.schedule if resource else None
    if resource is None or old is None or new is None or old.paused or new.paused:
        return False
    return kept.create_first(resource, subject.kind)


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """As for all that lives until it is deleted; what a create can't say follows at once, before anything is started
    that nobody wants.
    """
    made = list(forever.steps(change, subject, owner))
    yield from made
    if change.action in MAKING and subject.resource and (late := make.late(subject.resource, subject.kind, owner)):
        yield late


def foresee(change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
    """Warn of a schedule that the service has halted."""
    item = subject.item
    if item and item.halted and subject.resource:
        yield problem(
            "W575",
            f"{item.name}: {item.halted}",
            span=subject.resource.positions.value(("metadata", "name")),
            address=subject.address,
        )
