"""Knows what the book of facts and the service say about models. Called by the workflows that validate, plan, mint and
watch, and by models.py and cost.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from gemctl import facts
from gemctl.core.address import Address
from gemctl.core.book import Book, Listed
from gemctl.core.call import Call, Pages
from gemctl.core.cost import ActualCost
from gemctl.core.diagnostic import Diagnostic, errors
from gemctl.core.errors import ApiError, Refused, Rejected
from gemctl.core.plan import Plan
from gemctl.core.project import Endpoint
from gemctl.core.quantities import ModelUse, Tier
from gemctl.core.record import Record
from gemctl.core.resource import Desired, Harvest, Resource
from gemctl.core.source import SourceFile
from gemctl.cost.ceilings import ceilings
from gemctl.cost.estimate import price
from gemctl.cost.spent import used
from gemctl.facts import check
from gemctl.facts.listed import compare, entry
from gemctl.facts.read import FILE, read
from gemctl.manifest.read import sources
from gemctl.manifest.yaml import parse
from gemctl.workflows.look import Observation
from gemctl.workflows.wiring import EMULATOR_CLOCK, Connection, Session, emulator_now

MODELS = Pages("models", 1000)  # the most that the service gives


@lru_cache(maxsize=1)
def shipped() -> Book:
    """The book that comes with this gemctl."""
    text = (Path(facts.__file__).parent / FILE).read_text(encoding="utf-8")
    (document,) = parse(SourceFile(FILE, text))
    return read(document.value)


def book_of(session: Session) -> Book:
    """The book, with the facts of the project over it. Raises Rejected for a file of facts that is wrong."""
    if session.project.facts is None:
        return shipped()
    from gemctl.manifest.facts import check_facts

    (source,) = sources(str(session.root), (session.project.facts,))
    return read(check_facts(parse(source), source.path), under=shipped())


def now_of(session: Session) -> datetime:
    """The time without asking the service: this machine's, or that of the embedded emulator. Raises GemctlError."""
    if session.stack.endpoint is Endpoint.EMULATOR:
        return emulator_now(session.settings.env.get(EMULATOR_CLOCK), session.clock)()
    return session.clock.now()


def warnings(session: Session, desired: Desired, now: datetime) -> tuple[Diagnostic, ...]:
    """What the book says against the models that are declared. Raises Rejected for a file of facts that is wrong."""
    if not any(resource.declared.model for resource in desired.resources.values()) and session.project.facts is None:
        return ()
    return check.warnings(desired, book_of(session), now, session.project.safety.model_notice)


def listed(connection: Connection, uses: Iterable[ModelUse], version: str | None = None) -> Listed:
    """The models that the service lists; those of `uses` that it doesn't list are asked for by name. One call, where it
    lists them all. Raises ApiError.
    """
    with closing(connection.new_client()) as client:
        found = dict(
            _entry(shown)
            for page in client.pages(
                Call("GET", "models", query=((MODELS.size, "1000"),), pages=MODELS, version=version)
            )
            for shown in page.get(MODELS.items, ())
        )
        for name in {use.model for use in uses} - found.keys():
            try:
                found.update([_entry(client.fetch(Call("GET", f"models/{name}", version=version)).body)])
            except ApiError as error:
                if not error.missing:
                    raise
    return found


def _entry(shown: object) -> tuple[str, frozenset[str] | None]:
    try:
        return entry(shown)  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError) as error:
        raise Refused(f"The list of models is not of the API's shape: {error}.", code="E304") from None


def said_by_service(
    session: Session, connection: Connection, resources: Iterable[Resource], now: datetime, version: str | None = None
) -> tuple[Diagnostic, ...]:
    """Errors for models of these resources that the service doesn't have, or that can't do what is asked of them.
    Nothing is asked where none of them has a model. Raises ApiError.
    """
    asked = [resource for resource in resources if resource.declared.model]
    uses = [resource.declared.model for resource in asked if resource.declared.model]
    if not uses:
        return ()
    return tuple(compare(asked, listed(connection, uses, version), book_of(session), now))


def with_facts(session: Session, plan: Plan, observation: Observation, models: tuple[Diagnostic, ...]) -> Plan:
    """The plan with its money, the dates of its models, and what the book says against them; `models` is what the
    service says. Raises Rejected for a file of facts that is wrong.
    """
    book, now, desired = book_of(session), plan.header.made_at, observation.desired
    made = priced(session, plan, observation)
    told = {change.address for change in plan.changes}
    about = [one for one in warnings(session, desired, now) if one.address in told]
    said = (*about, *(one for one in models if one not in errors(models)))
    said = (*said, *ceilings(made, book.ceilings.get(session.stack.tier or 0), session.catalogue))
    resources = [resource for address, resource in desired.resources.items() if address in told]
    due = earliest(plan.header.next_due, check.turns(resources, book, now))
    until = plan.header.valid_until
    for change in made.changes:
        if change.cost and (change.cost.total.high or change.cost.unpriced):
            until = earliest(until, *book.turns(change.cost.model, now))
    header = replace(plan.header, valid_until=until, next_due=due)
    return replace(made, header=header, diagnostics=(*plan.diagnostics, *said))


def priced(session: Session, plan: Plan, observation: Observation) -> Plan:
    """The plan with its money. Raises Rejected for a file of facts that is wrong."""
    live = observation.live_state.by_name
    return price(plan, observation.desired, observation.ledger, live, book_of(session), session.catalogue)


def actual_cost(
    session: Session, desired: Desired, address: Address, record: Record | None, harvest: Harvest
) -> ActualCost | None:
    """What a run has cost by the counts in its results. None for a model that isn't known, and with a file of facts
    that is wrong: no results are lost for want of a price.
    """
    resource = desired.resources.get(address)
    use = resource.declared.model if resource else None
    shown = record.model if record else ""
    model, tier = shown or (use.model if use else ""), Tier.BATCH
    if resource:
        tier = resource.declared.quantities.tier
    try:
        book = book_of(session)
    except Rejected:
        return None
    if not model:
        return None
    priced = used(book, model, harvest, tier, ((record.created if record else None) or harvest.at, harvest.at))
    return ActualCost(priced.money, priced.unpriced, book.as_of)


def earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant), default=None)
