"""Plans objects that live until they are deleted: makes them once, patches or replaces them when something differs.
Called as policy.py says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gemctl.core.change import Action, Change, Reason
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import OwnerTag
from gemctl.core.plan import Step
from gemctl.plan import steps as make
from gemctl.plan.decisions import edited, keep, seen
from gemctl.plan.lifetimes import kept
from gemctl.plan.lifetimes.policy import Foreseen, Subject

RUNS = FREE = ENDS_ALONE = False

rank, settle, duplicate, expected = kept.age, kept.settle, kept.duplicate, kept.expected
UNDELIVERED = "its secret has not reached its sink"


def decide(subject: Subject) -> Iterable[Change]:
    """Make it, change what differs, or delete what is no longer declared."""
    resource, record, item = subject.resource, subject.record, subject.item
    if resource is None:
        yield kept.unwanted(subject)
    elif item is None or record is None:
        yield kept.not_live(subject, resource)
    elif item.phase is Phase.FAILED and not subject.anew and not edited(resource, record):
        # The same would fail again, and cost again.
        yield keep(
            subject.address,
            Reason.FAILED,
            item,
            note=f"{item.why}; left as it is until it is edited" if item.why else "",
        )
    elif change := kept.anew(subject, resource, item, record):
        yield kept.held(change, subject)
    elif record.undelivered:
        yield _undelivered(subject, item)
    else:
        yield keep(subject.address, Reason.IN_SYNC, item, note=subject.note)


def _undelivered(subject: Subject, item: LiveObject) -> Change:
    secret = subject.kind.remote.secret if subject.kind.remote else None
    if secret is None or secret.rotate is None:
        return keep(subject.address, Reason.UNDELIVERED, item, note=UNDELIVERED)
    note = f"{UNDELIVERED}: {secret.rotate} makes a new one"
    return Change(subject.address, Action.UPDATE, Reason.UNDELIVERED, item.name, precondition=seen(item), note=note)


def old(subject: Subject) -> Iterable[Change]:
    """Delete it: nothing else ends it."""
    if item := subject.item:
        change = Change(subject.address, Action.DELETE, Reason.SUPERSEDED, item.name, precondition=seen(item))
        yield replace(change, tokens=item.tokens)


def steps(change: Change, subject: Subject, owner: OwnerTag) -> Iterator[Step]:
    """Make a replacement and tell its readers; then delete the old object."""
    resource, kind, name = subject.resource, subject.kind, change.name
    first = resource is not None and kept.create_first(resource, kind) and not change.holds
    if change.action is Action.REPLACE and resource and name and first:
        create = make.create(resource, kind, owner, change.attempt)
        yield create
        yield replace(make.delete(subject.address, kind, name), after=(create.id,))
    else:
        yield from kept.steps(change, subject, owner)


def foresee(change: Change, subject: Subject, foreseen: Foreseen) -> Iterator[Diagnostic]:
    """Warn of a chosen name that has no object for a while; and of a secret that has reached no sink, and that nothing
    makes anew.
    """
    yield from kept.gap(change, subject)
    if change.reason is Reason.UNDELIVERED and change.action is Action.KEEP and subject.resource:
        yield problem(
            "W569",
            f"{change.name} was made, and its secret has not reached its sink: the service shows it once only.",
            span=subject.resource.positions.value(("metadata", "name")),
            address=subject.address,
            hint="Make a new one: `gemctl state rm` it, delete the object, and apply.",
        )
