"""Writes what is known of models: a table, one model with its sources, and JSON. Called by `gemctl models`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from gemctl.core.book import PRICE_NAMES, Book, ModelFacts, ModelState, Period, Prices
from gemctl.core.moment import show_duration, show_instant
from gemctl.core.money import Money, shown
from gemctl.render import human, money
from gemctl.render.paint import Paint
from gemctl.render.safe import safe

FORMAT = "1"
_CACHE = "createCachedContent"
_NAME = 60  # characters of a name in a table


def table(states: Sequence[ModelState], book: Book, now: datetime, paint: Paint) -> str:
    """One line for each model."""
    asked = any(state.there is not None for state in states)
    header = ["MODEL", "STATE", "NEXT CHANGE", "CACHES FROM", "INPUT", "OUTPUT", "CACHED", "STORAGE"]
    rows = [_row(state, now) for state in states]
    if asked:
        header.append("SERVICE")
        rows = [(*row, _service(state)) for row, state in zip(rows, states, strict=True)]
    said = f"Facts of {book.as_of}. US dollars for a million tokens; storage for a million tokens and hour."
    return human.table(header, rows, paint) + "\n\n" + paint(said, "dim")


def _row(state: ModelState, now: datetime) -> tuple[str, ...]:
    prices = state.period.prices if state.period else Prices()
    return (
        state.name if len(state.name) <= _NAME else f"{state.name[: _NAME - 1]}…",
        _state(state, now),
        f"{state.change[0].date()} {state.change[1]}" if state.change else "-",
        _caches(state),
        *(_price(one) for one in (prices.input, prices.output, prices.cached, prices.storage)),
    )


def _state(state: ModelState, now: datetime) -> str:
    facts, answers = state.facts, state.answers
    if facts is None:
        return "not known"
    if state.over:
        return f"ended {facts.ends.date()}" if facts.ends and facts.ends <= now else "ended"
    if answers and answers.name != state.name:
        return f"is {answers.name}" if not (facts.redirect and facts.redirect.at <= now) else f"now {answers.name}"
    return "answers"


def _caches(state: ModelState) -> str:
    answers = state.answers
    can = answers.supports(_CACHE) if answers else None
    if can is None:
        return "-"
    if not can:
        return "no"
    least = answers.least_cached if answers else None
    return _bounds(least) if least else "yes"


def _bounds(pair: tuple[int, int]) -> str:
    return f"{pair[0]:,}" if pair[0] == pair[1] else f"{pair[0]:,} to {pair[1]:,}"


def _price(price: Money | None) -> str:
    return shown(price).removeprefix("$").replace("to $", "to ") if price else "-"


def _service(state: ModelState) -> str:
    if state.facts is None:
        return "listed, not known here"
    if not state.differs:
        return "listed" if state.there else "not listed"
    return "listed all the same" if state.over else "listed otherwise" if state.there else "not listed"


def details(state: ModelState, book: Book, now: datetime) -> str:
    """Everything that is known of one model, with sources."""
    lines = [f"{state.name}: {_state(state, now)}"]
    facts = state.facts
    if facts is not None:
        lines += [f"  {name:<14}{text}" for name, text in (*_facts(state, facts, now), *_batches(facts, book))]
        answers = state.answers
        if answers and state.period and answers.name != facts.name:
            lines.append(f"  {'prices now':<14}of {answers.name}: {_amounts(state.period.prices)}")
        for period in facts.periods:
            lines.append(
                f"  {'prices':<14}{_when(period, now if answers is facts else None)}: {_amounts(period.prices)}"
            )
            lines += [
                f"  {'':<14}  {what}: {_amounts(other)}"
                for what, other in (("prompts of more than 200,000 tokens", period.long), ("recordings", period.audio))
                if other
            ]
        lines += [f"  {'source':<14}{book.sources.get(key, key)}" for key in facts.sources]
        if facts.given:
            lines.append(f"  {'source':<14}the project's own file of facts")
    if state.there is not None:
        methods = f": {', '.join(sorted(state.listed))}" if state.listed else ""
        lines.append(f"  {'service':<14}{'lists it' if state.there else 'does not list it'}{methods}")
    return "\n".join(map(safe, lines))


def _facts(state: ModelState, facts: ModelFacts, now: datetime) -> Iterable[tuple[str, str]]:
    if facts.name != state.name:
        yield "stands for", facts.name
    if facts.released:
        yield "released", str(facts.released)
    if facts.ends:
        ahead = f", in {show_duration(facts.ends - now)}" if facts.ends > now else ""
        instead = f"; use {facts.instead}" if facts.instead else ""
        yield "ends", f"{facts.ends.date()}{ahead}{instead}"
    if facts.redirect:
        yield "redirect", f"from {facts.redirect.at.date()} on {facts.redirect.to} answers, at its own prices"
    if facts.methods is not None:
        yield "does", ", ".join(sorted(facts.methods))
    if facts.least_cached:
        yield "caches", f"from {_bounds(facts.least_cached)} tokens on"
    if facts.implicit:
        yield "by itself", f"the service may cache prompts from {_bounds(facts.implicit)} tokens on"
    if facts.input_limit:
        yield "input", f"up to {facts.input_limit:,} tokens"
    if facts.output_limit:
        yield "output", f"up to {facts.output_limit:,} tokens"


def _batches(facts: ModelFacts, book: Book) -> Iterable[tuple[str, str]]:
    """What the service takes of jobs, for a model whose jobs have a limit of their own."""
    if not facts.enqueued_tokens:
        return
    tiers = ", ".join(f"{count:,} in tier {tier}" for tier, count in facts.enqueued_tokens)
    yield "in jobs", f"that have not ended, tokens up to {tiers}"
    limits = (
        f"{book.batches.jobs:,} jobs at a time" if book.batches.jobs else "",
        f"{book.batches.file_bytes:,} bytes a file" if book.batches.file_bytes else "",
    )
    if any(limits):
        yield "of any model", ", ".join(filter(None, limits))


def _when(period: Period, now: datetime | None) -> str:
    since = f"from {period.since.date()}" if period.since else "since ever"
    until = f" until {period.until.date()}" if period.until else ""
    return f"{since}{until}{' (now)' if now and period.holds(now) else ''}"


def _amounts(prices: Prices) -> str:
    names = {"cachedBatch": "cached in a batch", "storage": "storage by the hour"}
    known = [(names.get(name, name), getattr(prices, field)) for field, name in PRICE_NAMES.items()]
    return ", ".join(f"{name} {shown(price)}" for name, price in known if price) or "not known"


def document(states: Iterable[ModelState], book: Book, now: datetime) -> dict[str, Any]:
    """The models for programs."""
    return {
        "formatVersion": FORMAT,
        "factsAsOf": book.as_of.isoformat(),
        "at": show_instant(now),
        "models": [_document(state, now) for state in states],
    }


def _document(state: ModelState, now: datetime) -> dict[str, Any]:
    facts, answers = state.facts, state.answers
    can = answers.supports(_CACHE) if answers else None
    return {
        "name": state.name,
        "state": _state(state, now),
        "answers": answers.name if answers else None,
        "released": facts.released.isoformat() if facts and facts.released else None,
        "ends": show_instant(facts.ends) if facts and facts.ends else None,
        "redirect": {"to": facts.redirect.to, "at": show_instant(facts.redirect.at)}
        if facts and facts.redirect
        else None,
        "nextChange": {"at": show_instant(state.change[0]), "what": state.change[1]} if state.change else None,
        "methods": sorted(facts.methods) if facts and facts.methods is not None else None,
        "explicitCache": can,
        "leastCachedTokens": _pair(answers.least_cached) if answers and can else None,
        "implicitCacheFrom": _pair(answers.implicit) if answers else None,
        "enqueuedTokens": {f"tier{tier}": count for tier, count in facts.enqueued_tokens} if facts else {},
        "prices": _price_document(state.period),
        "sources": list(facts.sources) if facts else [],
        "own": facts.given if facts else False,
        "listed": state.there,
        "listedMethods": sorted(state.listed) if state.listed is not None else None,
        "differs": state.differs,
    }


def _pair(pair: tuple[int, int] | None) -> dict[str, int] | None:
    return {"low": pair[0], "high": pair[1]} if pair else None


def _price_document(period: Period | None) -> dict[str, Any] | None:
    if period is None:
        return None
    parts = (("standard", period.prices), ("long", period.long), ("audio", period.audio))
    return {name: _amount_document(prices) if prices else None for name, prices in parts}


def _amount_document(prices: Prices) -> dict[str, Any]:
    known = ((name, getattr(prices, field)) for field, name in PRICE_NAMES.items())
    return {name: money.amount(price) if price else None for name, price in known}
