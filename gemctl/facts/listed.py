"""Compares the models of a plan with the service's own list: before anything is created, run or minted, the service
has the last word. Called by plan-making workflows through workflows/facts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from gemctl.core.book import Book, Listed
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.quantities import ModelUse
from gemctl.core.resource import Resource
from gemctl.facts.check import cannot, instead_of
from gemctl.schema.spelling import closest


def entry(shown: object) -> tuple[str, frozenset[str] | None]:
    """The name and methods of one model as the service shows it (REST reference of models). Raises ValueError for
    another shape.
    """
    if not isinstance(shown, dict):
        raise ValueError("a model is no object")
    name = shown.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("a model has no name")
    methods = shown.get("supportedGenerationMethods")
    if methods is None:
        return name.removeprefix("models/"), None
    if not isinstance(methods, list) or not all(isinstance(method, str) for method in methods):
        raise ValueError("supportedGenerationMethods is not a list of texts")
    return name.removeprefix("models/"), frozenset(methods)


def compare(resources: Iterable[Resource], listed: Listed, book: Book, now: datetime) -> Iterator[Diagnostic]:
    """Errors for models that the service does not have, or that do not support what is asked; warnings where the book
    says otherwise than the list, which holds.
    """
    told: set[str] = set()
    for resource in resources:
        use = resource.declared.model
        if use is None:
            continue
        if wrong := _wrong(resource, use, listed, book, now):
            yield wrong
        elif use.model not in told and (old := _otherwise(resource, use, listed, book, now)):
            told.add(use.model)
            yield old


def _wrong(resource: Resource, use: ModelUse, listed: Listed, book: Book, now: datetime) -> Diagnostic | None:
    if use.model in listed and ((able := listed[use.model]) is None or use.method in able):
        return None
    facts, span = book.find(use.model), resource.positions.value(("spec", *use.at))
    if use.model not in listed:
        known, hint = "The book of facts does not know it either.", None
        if facts is not None:
            known = f"By the facts of {book.as_of} it is there; its list holds."
            if facts.ends and facts.ends <= now:
                known = f"It was switched off on {facts.ends.date()}."
            hint = f"Use {facts.instead}." if facts.instead else None
        near = closest(use.model, [name for name, able in listed.items() if able is None or use.method in able])
        hint = hint or (f"Did you mean {near}?" if near else "`gemctl models --live` lists what there is.")
        detail = f"The service has no {use.model}. {known} Nothing was made."
        return problem("E580", detail, span=span, address=resource.job, hint=hint)
    methods = listed[use.model] or ()
    can = [name for name, able in listed.items() if able and use.method in able]
    detail = f"{use.model} {cannot(use.method)}: the service lists {', '.join(sorted(methods)) or 'nothing'} for it."
    hint = instead_of(use.method, book, now, can) or "`gemctl models --live` lists what each model does."
    return problem("E581", detail, span=span, address=resource.job, hint=hint)


def _otherwise(resource: Resource, use: ModelUse, listed: Listed, book: Book, now: datetime) -> Diagnostic | None:
    facts = book.find(use.model)
    if facts is None:
        return None  # validate has said so
    if facts.ends and facts.ends <= now:
        said = f"the service still has {use.model}, which was to end on {facts.ends.date()}"
    elif facts.supports(use.method) is False and use.method in (listed[use.model] or ()):
        said = f"the service lists {use.method} for {use.model}"
    else:
        return None
    return problem(
        "W580",
        f"The facts of {'the project' if facts.given else book.as_of} are old: {said}. The service's list holds.",
        span=resource.positions.value(("spec", *use.at)),
        address=resource.job,
    )
