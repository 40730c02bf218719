"""Lists orphans, which no state of the project and no `imports` line names: each with its probable owner, its cost, and
advice. Called by `gemctl orphans` and generate_manifests.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.live import LiveObject
from gemctl.core.mark import OwnerTag, owner_tag
from gemctl.core.neighbours import neighbours, whose
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired
from gemctl.workflows.others import Holders, Known, awaited, holders, known
from gemctl.workflows.show import Owned, Relation, live
from gemctl.workflows.wiring import Connection, Session


class Guess(StrEnum):
    """The probable maker of an object, by its mark."""

    OURS = "this stack"
    STACK = "another stack"
    PROJECT = "another project"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A live object that no state of the project and no `imports` line names.

    owner         the guess in words, with the address where that is known.
    age, remaining   in seconds; None where the service doesn't say.
    token_hours   the storage until it ends.
    advice        what a person can do with it, in a line.
    awaited       True where a stack of this project takes it in by itself at its next apply.
    """

    item: LiveObject
    guess: Guess
    owner: str
    age: float | None
    remaining: float | None
    token_hours: float | None
    advice: str
    awaited: bool = False


def orphans(
    session: Session, connection: Connection, kind: str | None
) -> tuple[tuple[Orphan, ...], tuple[Diagnostic, ...]]:
    """All orphans, the dearest first; and diagnostics about stacks whose state could not be read. Reads only.

    What a recorded run has made, such as a file of its results, belongs to that run and is none.
    """
    around = holders(session)
    ledger = around.ledgers.get(session.stack.name, Ledger(""))
    found = live(session, connection, Desired(), kind, None, ledger)
    names = known(session, around)
    loose = [one for one in found if one.item.name not in around.held and one.whose.relation is not Relation.MADE_BY]
    made = [_orphan(session, one, around, names) for one in loose]
    made.sort(key=lambda one: (-(one.token_hours or 0), -(one.item.tokens or 0), one.item.kind, one.item.name))
    return tuple(made), tuple(around.unread.values())


def _orphan(session: Session, one: Owned, around: Holders, names: Known) -> Orphan:
    item = one.item
    hours = item.tokens * one.remaining / 3600 if item.tokens is not None and one.remaining is not None else None
    expected = item.mark is not None and awaited(item, _stacks(session).get(item.mark.owner, ""), around, names)
    guess, owner, advice = _guess(session, item, around, names, expected)
    return Orphan(item, guess, owner, one.age, one.remaining, hours, advice, expected)


def _stacks(session: Session) -> Mapping[OwnerTag, str]:
    """All stacks of the project, by their tags."""
    here = session.stack
    own = {owner_tag(session.project.identity, here.name): here.name}
    return {**neighbours(session.project, here).stacks, **own}


def _guess(session: Session, item: LiveObject, around: Holders, names: Known, expected: bool) -> tuple[Guess, str, str]:
    mark, here = item.mark, session.stack.name
    if mark is None:
        return Guess.STRANGER, "", f"gemctl import --from-live {item.kind} {item.name}"
    stacks = _stacks(session)
    if mark.owner not in stacks:
        return Guess.PROJECT, whose(mark, stacks), "leave it: that project knows it, or finds it by its mark"
    stack = stacks[mark.owner]
    guess = Guess.OURS if stack == here else Guess.STACK
    where = "" if stack == here else f"stack {stack}: "
    option = f" --stack {stack}" if len(stacks) > 1 else ""
    ledger = around.ledgers.get(stack, Ledger(""))
    if given := ledger.handed.get(item.name):
        advice = f"gemctl handover --stack {stack} {given.address} --to {given.to}"
        return guess, f"{where}{given.address}, handed to {given.to}", advice
    found = names.tags.get((mark.owner, item.kind, mark.address_tag))
    what = f"{where}{found.address}" if found else f"{where.removesuffix(': ') or 'this stack'} (address not known)"
    if expected:
        return guess, what, f"gemctl apply{option} takes it in"
    if found and found.address in ledger.records and (stack, found.address) in names.declared:
        return guess, what, f"gemctl import --take-over{option} {found.address} {item.name}"
    again = "declare it again, or " if found else ""
    return guess, what, f"{again}gemctl state rebuild{option}, and the next apply deletes it"
