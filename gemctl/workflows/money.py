"""Puts the money of a plan, and what the facts about models say of it, into the plan. Called by plan.py, and only where
something has a model or the project has facts of its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.book import Book
from gemctl.core.change import MAKING
from gemctl.core.codes import problem
from gemctl.core.cost import ActualCost
from gemctl.core.diagnostic import Diagnostic, Severity, errors
from gemctl.core.plan import Plan
from gemctl.core.quantities import Tier
from gemctl.core.record import Record
from gemctl.core.resource import Desired, Harvest
from gemctl.cost.ceilings import ceilings
from gemctl.cost.estimate import price
from gemctl.cost.spent import used
from gemctl.facts import check
from gemctl.workflows.facts import book_of
from gemctl.workflows.look import Observation
from gemctl.workflows.schedules import frequency
from gemctl.workflows.wiring import Session


def with_facts(
    session: Session,
    plan: Plan,
    observation: Observation,
    book: Book,
    by_book: tuple[Diagnostic, ...],
    models: tuple[Diagnostic, ...],
    *,
    advise: bool = False,
) -> Plan:
    """The plan with its money, the dates of its models, and what the book says against them, `by_book`; `models` are
    its errors, what the service says, and what is wrong with the project's own facts: then nothing is said by those
    that are left.
    """
    now, desired = plan.header.made_at, observation.desired
    made = _priced(session, plan, observation, book, advise=advise)
    told = {change.part_of or change.address for change in plan.changes} | {change.address for change in plan.changes}
    wrong = [one for one in errors(models) if one.address is None]
    if not any(change.action in MAKING for change in plan.changes):  # else the guard stops it
        wrong = [problem("W583", one.detail, span=one.span, hint=one.hint) for one in wrong]
    known = frozenset(models)
    about = [one for one in by_book if one not in known and one.address in told and not wrong]
    lifted = [one for one in wrong if one not in known]
    said = (*lifted, *about, *(one for one in models if one.severity is Severity.WARNING))
    if tier := session.stack.tier:
        at = session.loaded.positions.value(("stacks", session.stack.name, "billing", "tier"))
        said = (*said, *ceilings(made, book.ceilings.get(tier), session.catalogue, at))
    resources = [resource for address, resource in desired.resources.items() if address in told]
    due = earliest(plan.header.next_due, check.turns(resources, book, now))
    until = plan.header.valid_until
    for model in {change.cost.model for change in made.changes if change.cost and change.cost.anything}:
        until = earliest(until, *book.turns(model, now))
    header = replace(plan.header, valid_until=until, next_due=due)
    return replace(made, header=header, diagnostics=(*plan.diagnostics, *said))


def priced(session: Session, plan: Plan, observation: Observation) -> Plan:
    """The plan with its money."""
    book, _ = book_of(session)
    return _priced(session, plan, observation, book, advise=False)


def _priced(session: Session, plan: Plan, observation: Observation, book: Book, *, advise: bool) -> Plan:
    live, desired = observation.live_state.by_name, observation.desired
    return price(plan, desired, observation.ledger, live, book, session.catalogue, frequency, advise=advise)


def actual_cost(
    session: Session, desired: Desired, address: Address, record: Record | None, harvest: Harvest
) -> ActualCost | None:
    """What a run has cost by the counts in its results. None where its model isn't known, and while the project's own
    file of facts is wrong: it may have other prices.
    """
    resource = desired.resources.get(address)
    use = resource.declared.model if resource else None
    shown = record.model if record else ""
    model, tier = shown or (use.model if use else ""), Tier.BATCH
    if resource:
        tier = resource.declared.quantities.tier
    book, wrong = book_of(session)
    if wrong or not model:
        return None
    priced = used(book, model, harvest, tier, ((record.created if record else None) or harvest.at, harvest.at))
    return ActualCost(priced.money, priced.unpriced, book.as_of)


def earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant), default=None)
