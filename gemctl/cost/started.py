"""Prices what the service starts by a schedule, for a month: how often, times the tokens that a run is expected to use,
by the prices of the model. Called by estimate.py and workflows/cost.py.

Nobody knows before what a run will use: the manifest says what is expected. Agents read much of what they send from the
service's own cache (its page on agents has 50 to 70 %), so that what is sent costs from the price of cached tokens to
that of others. What tools cost besides is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from gemctl.core.book import Book
from gemctl.core.frozen import dataclass
from gemctl.core.quantities import NO_TOKENS, UNKNOWN_TOKENS, Tokens
from gemctl.core.resource import Desired, PerRun, Resource
from gemctl.core.schedule import Frequency, Schedule
from gemctl.cost.prices import Priced, Sent, requests

HowOften = Callable[[Schedule, datetime], Frequency | None]


@dataclass(frozen=True, slots=True)
class Started:
    """Runs that the service starts by a schedule: how `often`, by which `model`, and what `each` uses; None for
    unknown.
    """

    model: str | None
    often: Frequency | None
    each: PerRun | None


def started(resource: Resource | None, desired: Desired, often: Frequency | None) -> Started:
    """The runs of a schedule. What they use, and by which model, is what the resource declares."""
    declared = resource.declared.schedule if resource else None
    by = desired.resources.get(declared.starts) if declared and declared.starts else resource
    use = by.declared.model if by else None
    return Started(use.model if use else None, often, resource.expect.tokens_per_run if resource else None)


def month(book: Book, runs: Started, at: datetime) -> Priced:
    """A calendar month of them, at the prices of that instant."""
    if runs.often is None:
        return Priced(unpriced=("runs by a schedule that can't be read here",))
    if not runs.often.high:
        return Priced()
    if runs.each is None:
        return Priced(unpriced=("runs: what each uses is not known; `expect: {tokensPerRun: N}` says it",))
    if runs.model is None:
        return Priced(unpriced=("runs: the model of the agent is not known",))
    found = [requests(book, runs.model, sent, at, at) for sent in _ways(runs.each)]
    total = found[0]
    for other in found[1:]:
        total = total.or_other(other)
    return Priced(total.money.times(runs.often.low, runs.often.high), total.unpriced)


def _ways(each: PerRun) -> Iterable[Sent]:
    """All that is sent read from a cache, or none of it; a total all sent, or all answered."""
    if each.total is not None:
        whole = Tokens.exactly(each.total)
        return (
            _sent(NO_TOKENS, whole, NO_TOKENS),
            _sent(whole, NO_TOKENS, NO_TOKENS),
            _sent(NO_TOKENS, NO_TOKENS, whole),
        )
    sent, answered = Tokens.exactly(each.input), Tokens.exactly(each.output)
    return _sent(NO_TOKENS, sent, answered), _sent(sent, NO_TOKENS, answered)


def _sent(fresh: Tokens, cached: Tokens, answered: Tokens) -> Sent:
    """A run has many turns; how long the longest is, nobody knows."""
    return Sent(fresh, cached, answered, UNKNOWN_TOKENS, alike=False)


def basis(runs: Started) -> tuple[str, ...]:
    """What the amount is made of, for people."""
    if runs.often is None or runs.each is None:
        return ()
    low, high, each = runs.often.low, runs.often.high, runs.each
    count = f"{high:,}" if low == high else f"{low:,} to {high:,}"
    tokens = (
        f"{each.total:,} tokens" if each.total is not None else f"{each.input:,} tokens sent, {each.output:,} answered"
    )
    return (f"{count} run{'' if low == high == 1 else 's'} a month", f"{tokens} each, as expected", "without tools")
