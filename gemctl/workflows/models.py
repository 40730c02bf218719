"""Shows what is known of models: by the book of facts, and by the service's own list. Called by `gemctl models`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gemctl.core.book import Book, Listed, ModelState
from gemctl.core.errors import Usage
from gemctl.schema.spelling import did_you_mean


def models(book: Book, now: datetime, listed: Listed | None = None) -> tuple[ModelState, ...]:
    """All models that the book has, or the service lists: the newest first, those without a date of release last."""
    names = {*book.models, *book.aliases, *(listed or ())}
    found = (_state(book, name, now, listed) for name in names)
    return tuple(sorted(found, key=_rank))


def model(book: Book, name: str, now: datetime, listed: Listed | None = None) -> ModelState:
    """One of them. Raises Usage for a name that neither has."""
    plain = name.removeprefix("models/")
    if book.find(plain) is None and plain not in (listed or ()):
        hint = did_you_mean(plain, (*book.models, *book.aliases, *(listed or ())))
        raise Usage(f"Nothing is known of {name}.", code="E004", hint=hint)
    return _state(book, plain, now, listed)


def _state(book: Book, name: str, now: datetime, listed: Listed | None) -> ModelState:
    facts = book.find(name)
    answers = book.answers(name, now)
    return ModelState(
        name,
        facts,
        answers,
        answers.period(now) if answers else None,
        _change(book, name, now),
        None if listed is None else name in listed,
        listed.get(name) if listed else None,
    )


def _change(book: Book, name: str, now: datetime) -> tuple[datetime, str] | None:
    """The next thing that happens to a model, and when."""
    facts, answers = book.find(name), book.answers(name, now)
    if facts is None or answers is None:
        return None
    found: list[tuple[datetime, str]] = []
    if answers.ends:
        found.append((answers.ends, "ends"))
    if facts.redirect and facts.redirect.at > now:
        to = book.answers(name, facts.redirect.at)
        found.append((facts.redirect.at, f"{to.name} answers" if to else "ends"))
    told = {at for at, _ in found}
    found += [(at, "other prices") for at in book.turns(name, now) if at not in told]
    return min(found, default=None)


def _rank(one: ModelState) -> tuple[int, int, str]:
    released = one.facts.released if one.facts else None
    return (1 if one.over else 0, -released.toordinal() if released else 0, one.name)


def usable(states: Iterable[ModelState]) -> tuple[ModelState, ...]:
    """Those that answer, or that the service lists all the same."""
    return tuple(one for one in states if not one.over or one.there)
