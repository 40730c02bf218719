"""Holds a plan: complete, so that it can be saved, explained, counted or carried out without another decision.

Made by plan/make.py, shown by render, carried out by engine/execute.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from decimal import Decimal

from gemctl.core.address import Address
from gemctl.core.call import Call
from gemctl.core.change import Action, Change
from gemctl.core.cost import PlanCost
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.record import Entry, Generation, Op, Record
from gemctl.core.resource import Expiry
from gemctl.core.source import JsonObject


@dataclass(frozen=True, slots=True)
class Sync:
    """The members of one resource that are made and deleted: the steps follow from it (`chains` in core/members.py).

    what    the word of people for one of them.
    tag     the address tag in the marks of the resource.
    make    the paths of those that are made, each with the ids of live ones that go once it is there.
    drop    those that are deleted: path and id. An id is the last part of a live name.
    held    how many objects should lie under the resource afterwards, those of others included.
    """

    what: str
    tag: str
    make: tuple[tuple[str, tuple[str, ...]], ...] = ()
    drop: tuple[tuple[str, str], ...] = ()
    held: int = 0

    @property
    def size(self) -> int:
        """How many are made or deleted, each that is replaced once."""
        return len(self.make) + len(self.drop)


@dataclass(frozen=True, slots=True)
class Step:
    """One call with everything that must be recorded of it.

    id        unique within the plan: the change's address and the operation.
    call      the whole request; None for `forget`, which makes none.
    after     ids of steps that must be done before.
    last      whether all creates of its kind must have ended before, whatever came of them.
    expiry    the source of an absolute deadline when the step starts: server time + ttl, or the instant itself.
    ceiling   the latest deadline: a retired generation is not kept longer than it had.
    record    for creates and updates of the bound object: the binding to write, completed from the reply.
    older     for updates of an older generation: that generation.
    shows     for creates: the fields that can be read back and never change, as they are sent; for patches: the fields
              that are patched, as they are sent.
    chosen    for creates: the live name, where the user chooses it.
    act       the name of an act (`Kind.acts`).
    sync      the members that are made and deleted under the object: many calls then, and none of its own.
    """

    id: str
    address: Address
    op: Op
    kind: str
    call: Call | None
    name: str | None = None
    after: tuple[str, ...] = ()
    last: bool = False
    expiry: Expiry | None = None
    ceiling: datetime | None = None
    record: Record | None = None
    older: Generation | None = None
    shows: JsonObject = field(default_factory=dict)
    chosen: str = ""
    act: str = ""
    sync: Sync | None = None


@dataclass(frozen=True, slots=True)
class PlanHeader:
    """Says where and when the plan was made, and how long it is valid.

    valid_until   the first instant at which any decision would be different.
    next_due      the next instant at which something will have to be done once this plan is applied.
    manifests     digest of all that was declared; `paths` the manifests that were read, if not all of them.
    destroy       True when it was made as if nothing were declared.
    salt          the salt of the state that is still to be made, where the digests of secrets are made with it.
    """

    project: str
    stack: str
    endpoint: str
    lineage: str
    serial: int
    made_at: datetime
    valid_until: datetime | None
    next_due: datetime | None
    manifests: str
    gemctl: str
    paths: tuple[str, ...] = ()
    destroy: bool = False
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """`bindings` are ledger entries found true while planning (adoptions); apply writes them down first. `moved` are
    renames among them: the old address, and the new one. `cost` is the money of it; None where nothing of it costs any.
    """

    header: PlanHeader
    changes: tuple[Change, ...]
    steps: tuple[Step, ...]
    bindings: tuple[Entry, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    moved: tuple[tuple[Address, Address], ...] = ()
    cost: PlanCost | None = None

    @property
    def summary(self) -> Mapping[str, int]:
        """The number of changes of each action."""
        return Counter(change.action.value for change in self.changes)

    @property
    def empty(self) -> bool:
        """True when applying it would make no call and write nothing."""
        return not self.steps and not self.bindings

    @property
    def pending(self) -> bool:
        """True when anything but keeping is planned. A rename counts: until it is recorded, its line in gemctl.yaml
        must stay.
        """
        return bool(self.moved) or any(change.action is not Action.KEEP for change in self.changes)


@dataclass(frozen=True, slots=True)
class Allowances:
    """The permissions that the user gave on the command line for this run. `cost` is US dollars that the plan may cost,
    and that keeping everything may cost a month; `unpriced`: what has no known price may go on; `requests`: how many
    requests its jobs may have; `documents`: how many documents may be lost.
    """

    deletes: int | None = None
    empty: bool = False
    missing: bool = False
    rerun: bool = False
    cost: Decimal | None = None
    unpriced: bool = False
    requests: int | None = None
    documents: int | None = None
