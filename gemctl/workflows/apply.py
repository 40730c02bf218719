"""Carries out a plan, and writes down each step before and after it; decides nothing. Called by the commands that apply
(through cli/acting.py, or directly) and by tick.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import GemctlError, Rejected, Stale
from gemctl.core.event import Outcome, Saved, Tell
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import OwnerTag, owner_tag
from gemctl.core.members import lacks
from gemctl.core.plan import Plan, Step
from gemctl.core.record import Entry, Ledger, Record, fold, forget_ended, forget_sent
from gemctl.core.resource import Attachment, Desired
from gemctl.engine.execute import Inputs, Stopping, execute
from gemctl.files.attached import open_binary, read_text
from gemctl.files.disk import Files
from gemctl.files.whole import nameless
from gemctl.outputs.publish import Publisher
from gemctl.outputs.results import SaveResults
from gemctl.outputs.secrets import Deliverer
from gemctl.plan.make import misses
from gemctl.plan.ours import not_ours, ours
from gemctl.plan.ownership import LATEST
from gemctl.state.store import Store
from gemctl.workflows.ledger import may_have_run, moved_on
from gemctl.workflows.look import Observation, look
from gemctl.workflows.plan import Planned, made_with
from gemctl.workflows.saving import saving
from gemctl.workflows.secrets import reader
from gemctl.workflows.wiring import Connection, Session, late

MOST_ENTRIES = 1_000  # of the journal that are held before they are summed up


@dataclass(frozen=True, slots=True)
class Applied:
    """The outcome of `apply`. `ledger` is the ledger afterwards, `saved` the results that were saved."""

    outcome: Outcome
    ledger: Ledger
    problems: tuple[Diagnostic, ...] = ()
    saved: tuple[Saved, ...] = ()


def recheck(session: Session, connection: Connection, planned: Planned) -> Planned:
    """Look again before the first call, when time has passed since the plan was shown. Raises Stale."""
    salt = planned.observation.identity.key_salt
    observation = look(session, connection, planned.observation.desired, wait=None, salt=salt)
    if observation.desired.binding != planned.observation.desired.binding:
        raise _stale("the value of a secret is another one now")
    _still_holds(planned.plan, observation)
    return Planned(planned.plan, observation, planned.problems)


def saved(session: Session, connection: Connection, plan: Plan, desired: Desired, *, wait: Tell) -> Planned:
    """Check a plan from a file against state, manifests, live objects and the clock. Raises Stale."""
    header, here = plan.header, session.project.identity
    told = {change.address.kind for change in plan.changes} | {step.kind for step in plan.steps}
    if unknown := sorted(told - set(session.catalogue)):
        raise _stale(f"it is about {', '.join(unknown)}, which gemctl {header.gemctl} knows and this one doesn't")
    if header.project == here and header.stack != session.stack.name:
        said = f"The plan is for stack {header.stack}, and this run for stack {session.stack.name}. Nothing was done."
        raise Stale(said, code="E510", hint=f"Write --stack {header.stack}.")
    if (header.project, header.stack) != (here, session.stack.name):
        raise _stale(f"it is for project {header.project}, stack {header.stack}")
    if header.endpoint != connection.endpoint:
        raise _stale(f"it was made against {header.endpoint}, and this run talks to {connection.endpoint}")
    observation = look(session, connection, desired, wait=wait, salt=header.salt)
    ledger = observation.loaded.ledger
    if observation.loaded.identity and (header.lineage, header.serial) != (ledger.lineage, ledger.serial):
        raise _stale(f"the state has moved on (serial {ledger.serial}, the plan has {header.serial})")
    if not observation.loaded.identity and header.serial:
        raise _stale("the state it was made from is gone")
    sent = {step.address for step in plan.steps if step.call and step.call.secrets}
    if withheld := [one for address in sorted(sent) for one in observation.desired.withheld.get(address, ())]:
        raise Rejected(withheld)
    if header.manifests != observation.desired.binding:
        what = "manifests, texts or variables" if not observation.desired.sealed else "manifests, texts or secrets"
        raise _stale(f"{what} are not those it was made from")
    _still_holds(plan, observation)
    if not (made := made_with(plan, desired)):
        return Planned(plan, observation, ())
    from gemctl.workflows import facts

    book, _ = facts.book_of(session)
    found = facts.said_by_service(connection, made, book, observation.live_state.now)
    return Planned(plan, observation, errors(found), found)


def _stale(why: str) -> Stale:
    return Stale(f"The plan is stale: {why}. Nothing was done.", code="E510", hint="Make a new one.")


def _still_holds(plan: Plan, observation: Observation) -> None:
    found = observation.ownership.entries
    if plan.bindings[: len(found)] != found:
        raise _stale("what an earlier run left open has turned out differently")
    if missed := misses(plan, observation.live_state, observation.ownership.apart):
        text = " ".join(f"{miss.address}: {miss.detail}" if miss.address else miss.detail for miss in missed[:5])
        raise Stale(f"The plan is stale. {text} Nothing was done.", code="E510", hint="Make a new plan.")


def apply(
    session: Session,
    connection: Connection,
    planned: Planned,
    *,
    tell: Tell,
    stopping: Stopping,
    width: int,
    as_is: bool = False,
    execute: Callable[..., Outcome] = execute,
) -> Applied:
    """Carry out the plan. The caller holds the lock, and has shown the plan. Raises OSError only before any call.

    `as_is`: results are saved although they do not add up.
    `execute` drives the steps: with threads, or, in a simulation, one command at a time.
    """
    plan, observation = planned.plan, planned.observation
    store, loaded = session.store, observation.loaded
    whose = observation.identity
    publisher = Publisher(session.root, observation.desired, session.settings.env)
    owner = owner_tag(session.project.identity, session.stack.name)
    save = saving(session, connection, observation.desired, as_is=as_is)
    now_bound = fold(loaded.ledger, plan.bindings)
    if observation.ownership.uncertain:
        now = observation.live_state.now
        now_bound = fold(now_bound, may_have_run(observation.desired, now_bound, session.catalogue, now))
    seen = moved_on(now_bound, _ended(observation), session.catalogue)
    now_bound = fold(now_bound, seen)
    live = observation.live_state.by_name
    usable = {at: record for at, record in now_bound.records.items() if _may_be_used(record, live, owner)}
    old = {one.address for one in now_bound.retiring.values()}
    filling = {change.address for change in plan.changes if change.address in old and change.members}
    filling = {at for at in filling if lacks(observation.desired.resources.get(at), now_bound.members.get(at, {}))}
    # Where not all that belongs under an object has ever been there, its readers are told once it is.
    synced = {step.address for step in plan.steps if step.sync}
    ready = {at: one for at, one in usable.items() if at not in filling and (one.children or at not in synced)}
    told = replace(now_bound, records=ready)
    if strange := not_ours(plan.steps, now_bound, live, owner):
        raise _stale(f"{', '.join(f'{step.op.value} {step.name}' for step in strange)}: that is not known to be ours")
    unmerged = _merge_what_is_left(save, observation.desired, session.catalogue)
    if plan.empty and not seen and (loaded.identity is None or (loaded.identity == whose and loaded.ledger.known)):
        problems = (*errors(plan.diagnostics), *_unpublished(publisher.all(told), now_bound), *unmerged, *save.problems)
        return Applied(Outcome({}), now_bound, problems, tuple(save.saved))

    journal = _Journal(store, now_bound)
    append = journal.append
    # A state that was lost is written anew together with what the marks showed: there is no moment without both.
    store.begin(whose, loaded.ledger if loaded.ledger.known else now_bound)
    if loaded.ledger.known:
        append((*plan.bindings, *seen))
    unread = publisher.all(told)
    addresses = {step.id: step.address for step in plan.steps}
    deliver = Deliverer(session.root, observation.desired, session.settings.env)
    outcome = execute(
        [step for step in plan.steps if not _leaves_readers_behind(step, unread, now_bound)],
        owner=owner,
        desired=observation.desired,
        catalogue=session.catalogue,
        new_client=connection.new_client,
        append=append,
        inputs=Inputs(
            read_text=lambda digest: read_text(str(session.root), _attachment(observation.desired, digest)),
            open_binary=lambda digest: open_binary(str(session.root), _attachment(observation.desired, digest)),
            spool=lambda: os.fdopen(nameless(Files(session.root), session.folder / "upload"), "w+b"),
            sleep=session.clock.sleep,
            collect=save,
            deliver=lambda step, secret, _token: deliver(addresses[step], secret),
            late=late(session, connection),
            read_secret=reader(session, observation.desired, whose.key_salt),
        ),
        publish=publisher.one,
        bound=usable,
        known=(*live, *(record.name for record in now_bound.records.values())),
        server_now=connection.server_now,
        tell=tell,
        stopping=stopping,
        width=width,
        unready=deliver.unready(plan.steps, session.catalogue),
    )
    ledger = forget_sent(journal.sum(), connection.server_now() - LATEST)
    ledger = forget_ended(ledger, connection.server_now())
    problems = (*errors(plan.diagnostics), *_unpublished(unread, now_bound), *unmerged, *save.problems)
    try:
        store.finish(whose, ledger)
    except OSError as error:
        problems = (*problems, _unfolded(error))
    return Applied(outcome, ledger, problems, tuple(save.saved))


class _Journal:
    """Makes entries durable, and sums them up from time to time: there may be tens of thousands."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger
        self._entries: list[Entry] = []

    def append(self, entries: Iterable[Entry]) -> None:
        """Raises OSError."""
        batch = list(entries)
        self._store.append(batch)
        self._entries += batch
        if len(self._entries) >= MOST_ENTRIES:
            self.sum()

    def sum(self) -> Ledger:
        """The ledger after all of them."""
        self._ledger, self._entries = fold(self._ledger, self._entries), []
        return self._ledger


def _merge_what_is_left(save: SaveResults, desired: Desired, catalogue: Catalogue) -> tuple[Diagnostic, ...]:
    """Merge the results of jobs in parts that an earlier run has saved, and not merged. Returns what went wrong."""
    left = {
        part.of: resource.address.kind
        for resource in desired.resources.values()
        if resource.run and (part := resource.run.part) and resource.receipt and not resource.receipt.as_whole
    }
    problems: list[Diagnostic] = []
    for of, kind in left.items():
        try:
            save.left(catalogue[kind], of)
        except (GemctlError, OSError) as error:
            code, hint = (error.code, error.hint) if isinstance(error, GemctlError) else ("E536", None)
            problems.append(problem(code, str(error), address=of, hint=hint))
    return tuple(problems)


def _ended(observation: Observation) -> Iterable[LiveObject]:
    """The live objects that no longer move: to write down each time how far the others are would make plans stale."""
    return (item for item in observation.live_state.by_name.values() if item.phase is not Phase.WAITING)


def _attachment(desired: Desired, digest: str) -> Attachment:
    try:
        return desired.attachments[digest]
    except KeyError:
        raise Stale(f"No text with the digest {digest} is declared any more.", code="E510") from None


def _may_be_used(record: Record, live: Mapping[str, LiveObject], owner: OwnerTag) -> bool:
    """Whether its name may be published, and others may refer to it: not where it is bound by mistake."""
    item = live.get(record.name)
    return item is None or ours(item, record, owner)


def _leaves_readers_behind(step: Step, unread: Mapping[Address, str], ledger: Ledger) -> bool:
    """True for a step that takes an old object from readers who could not be told of the bound one."""
    return step.address in unread and step.name is not None and step.name != ledger.records[step.address].name


def _unpublished(unread: Mapping[Address, str], ledger: Ledger) -> tuple[Diagnostic, ...]:
    return tuple(
        problem(
            "E520",
            f"{ledger.records[address].name} is recorded, but its readers could not be told: {why}",
            address=address,
            hint="Mend that and apply again: readers are told first, and only then is an old one retired.",
        )
        for address, why in unread.items()
    )


def _unfolded(error: OSError) -> Diagnostic:
    return problem(
        "W402",
        f"Everything is in the journal, and is folded into the next snapshot; this one failed: {error}.",
    )
