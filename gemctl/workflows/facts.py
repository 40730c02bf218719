"""Knows what the book of facts and the service say about models. Called by the workflows that validate, plan and mint,
and by money.py, models.py and cost.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from gemctl import facts
from gemctl.core.book import Book, Listed
from gemctl.core.call import Call, Pages
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import ApiError, Refused, Rejected
from gemctl.core.project import Endpoint
from gemctl.core.quantities import ModelUse
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import JsonObject, SourceFile
from gemctl.facts import check
from gemctl.facts.listed import compare, entry
from gemctl.facts.read import FILE, contradictions, read
from gemctl.manifest.read import sources
from gemctl.manifest.yaml import parse
from gemctl.workflows.wiring import EMULATOR_CLOCK, Connection, Session, emulator_now

MODELS = Pages("models", 1000)  # the most that the service gives


@lru_cache(maxsize=1)
def shipped() -> Book:
    """The book that comes with this gemctl."""
    text = (Path(facts.__file__).parent / FILE).read_text(encoding="utf-8")
    (document,) = parse(SourceFile(FILE, text))
    return read(document.value)


def book_of(session: Session) -> tuple[Book, tuple[Diagnostic, ...]]:
    """The book with the facts of the project over it; and the errors in the project's file: with any of them the book
    is the one that comes with gemctl. A wrong file is never in the way of keeping, deleting and fetching.
    """
    own = session.project.facts
    if own is None:
        return shipped(), ()
    from gemctl.manifest.facts import check_facts, rejected

    try:
        (source,) = sources(str(session.root), (own,), session.loaded.positions.value(("facts",)))
        documents = parse(source)
        value = check_facts(documents, own)
        book = read(value, under=shipped())
        if found := tuple(contradictions(value, book)):
            raise rejected(documents[0], found)
    except Rejected as wrong:
        return shipped(), wrong.diagnostics
    return book, ()


def now_of(session: Session) -> datetime:
    """The time without asking the service: this machine's, or that of the embedded emulator. Raises GemctlError."""
    if session.stack.endpoint is Endpoint.EMULATOR:
        return emulator_now(session.settings.env.get(EMULATOR_CLOCK), session.clock)()
    return session.clock.now()


def warnings(session: Session, desired: Desired, book: Book, now: datetime) -> tuple[Diagnostic, ...]:
    """What the book says against the models that are declared; what no session could be opened with is an error."""
    found = check.warnings(desired, book, now, session.project.safety.model_notice)
    return tuple(dict.fromkeys(found))  # all parts of a job have one model


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
            for shown in _list(page)
        )
        for name in {use.model for use in uses} - found.keys():
            try:
                found.update([_entry(client.fetch(Call("GET", f"models/{name}", version=version)).body)])
            except ApiError as error:
                if not error.missing:
                    raise
    return found


def _list(page: JsonObject) -> Iterable[object]:
    shown = page.get(MODELS.items, [])
    if not isinstance(shown, list):
        raise Refused("The list of models is not of the API's shape: models is no list.", code="E304")
    return shown


def _entry(shown: object) -> tuple[str, frozenset[str] | None]:
    try:
        return entry(shown)
    except ValueError as error:
        raise Refused(f"The list of models is not of the API's shape: {error}.", code="E304") from None


def said_by_service(
    connection: Connection, resources: Iterable[Resource], book: Book, now: datetime, version: str | None = None
) -> tuple[Diagnostic, ...]:
    """Errors for models of these resources that the service doesn't have, or that can't do what is asked of them.
    Nothing is asked where none of them has a model. Raises ApiError.
    """
    asked = [resource for resource in resources if resource.declared.model]
    uses = [resource.declared.model for resource in asked if resource.declared.model]
    if not uses:
        return ()
    return tuple(dict.fromkeys(compare(asked, listed(connection, uses, version), book, now)))
