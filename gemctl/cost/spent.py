"""Tells what was spent: on objects that are kept or gone, and on requests that were run. Called by workflows/cost.py
and workflows/money.py.

Two answers of the service contradict each other about an object that is deleted before its end: it is billed until it
is deleted, or until the end that was asked for. The one is the lower bound here, the other the upper one.
"""

from __future__ import annotations

from datetime import datetime

from gemctl.core.book import LONG_PROMPT, Book
from gemctl.core.quantities import NO_TOKENS, Tier, Tokens
from gemctl.core.record import GoneObject
from gemctl.core.resource import Harvest, TokenUsage
from gemctl.cost.prices import FREE, Priced, Sent, creation, requests, storage

NOT_COUNTED = Priced(unpriced=("its tokens are not counted",))


def kept(book: Book, model: str, tokens: int, created: datetime, now: datetime) -> Priced:
    """An object that is live: making it, and keeping it until now."""
    stored = Tokens.exactly(tokens)
    return creation(book, model, stored, created) + storage(book, model, stored, created, max(created, now))


def ended(book: Book, one: GoneObject) -> Priced:
    """An object, or a run, that is gone."""
    if one.run and (one.harvest is None or one.harvest.usage is None):
        return NOT_COUNTED
    if one.harvest:
        return used(book, one.model, one.harvest, Tier.BATCH, (one.created, one.ended))
    if not one.model:
        return Priced(unpriced=("its model is not known",))
    stored = Tokens.exactly(one.tokens)
    made = creation(book, one.model, stored, one.created)
    until = (storage(book, one.model, stored, one.created, end) for end in (one.ended, one.paid))
    low, high = until
    return made + low.or_other(high)


def used(book: Book, model: str, harvest: Harvest, tier: Tier, when: tuple[datetime, datetime]) -> Priced:
    """Requests that were run at some time between these two instants, by the service's own counts of their tokens."""
    total = FREE
    for usage, longest in ((harvest.usage, LONG_PROMPT), (harvest.long, LONG_PROMPT + 1)):
        if usage is not None:
            total += _counted(book, model, usage, Tokens.exactly(longest), tier, when)
    return total


def _counted(
    book: Book, model: str, usage: TokenUsage, longest: Tokens, tier: Tier, when: tuple[datetime, datetime]
) -> Priced:
    cached = min(usage.cached, usage.prompt)
    sent = Sent(
        Tokens.exactly(usage.prompt - cached),
        Tokens.exactly(cached) if cached else NO_TOKENS,
        Tokens.exactly(usage.output + usage.thoughts),
        longest,
        tier,
    )
    priced = requests(book, model, sent, *when)
    if usage.uncounted:
        priced += Priced(unpriced=(f"{usage.uncounted} responses without a count of tokens",))
    return priced
