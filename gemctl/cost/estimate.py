"""Prices a plan: each change, all together, and what keeping everything costs a month before and after.

Called by workflows/money.py and workflows/cost.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gemctl.core.address import Address
from gemctl.core.book import Book
from gemctl.core.change import MAKING, Action, Change, Reason
from gemctl.core.cost import HOURS_A_MONTH, ChangeCost, PlanCost, Rate, together
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.lifetime import Once
from gemctl.core.live import LiveObject
from gemctl.core.money import Money
from gemctl.core.plan import Plan
from gemctl.core.quantities import NO_TOKENS, Medium, Quantities, Tokens, all_of
from gemctl.core.record import Ledger
from gemctl.core.resource import Desired, Resource, Ttl, Until
from gemctl.core.schedule import Schedule
from gemctl.cost.advice import sentences, worth
from gemctl.cost.media import tokens_of
from gemctl.cost.prices import FREE, Priced, Sent, Tariff, amount, creating, hourly, requests, storage, storing
from gemctl.cost.started import HowOften, Started, basis, month, started

AHEAD = timedelta(days=62)  # how far rates are foreseen: this month and the next
_COUNTED = "tokens as the service counts them"
_GONE = (Action.DELETE, Action.FORGET)
_OLD = (Reason.SUPERSEDED, Reason.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Stored:
    """Tokens that the service keeps, and until when at most; None for as long as they are wanted."""

    model: str
    tokens: Tokens
    end: datetime | None = None


def price(
    plan: Plan,
    desired: Desired,
    ledger: Ledger,
    live: Mapping[str, LiveObject],
    book: Book,
    catalogue: Catalogue,
    how_often: HowOften,
    *,
    advise: bool = False,
) -> Plan:
    """The plan with its money: `Change.cost` of each change, and `Plan.cost`. `live` is what is live, by name, and
    `how_often` reads schedules. Where it is to `advise`, also of what is kept, and whether keeping it pays.
    """
    pricing = _Pricing(desired, ledger, live, book, catalogue, plan.header.made_at, how_often, advise)
    changes = tuple(_with(change, pricing.of(change)) for change in plan.changes)
    before, starting_before = pricing.stored_before(), pricing.started_before()
    after = pricing.stored_after(before, changes)
    starting = pricing.started_after(starting_before, changes)
    now = rates(before.values(), starting_before.values(), book, plan.header.made_at)
    same = (after, starting) == (before, starting_before)
    costs = [(change.address, change.cost) for change in changes if change.cost]
    cost = PlanCost(
        as_of=book.as_of,
        once=together(cost.once for _, cost in costs),
        storage=together(cost.storage for _, cost in costs),
        before=now,
        after=now if same else rates(after.values(), starting.values(), book, plan.header.made_at),
        unpriced=tuple((address, why) for address, cost in costs for why in cost.unpriced),
    )
    return replace(plan, changes=changes, cost=cost)


def _with(change: Change, cost: ChangeCost | None) -> Change:
    return change if cost == change.cost else replace(change, cost=cost)


def rates(stored: Iterable[Stored], starting: Iterable[Started], book: Book, now: datetime) -> tuple[Rate, ...]:
    """What keeping this and starting that costs a month, at the prices of now and of each later instant within two
    months at which that is another amount.
    """
    runs = tuple(starting)
    each: dict[tuple[str, datetime | None], list[Tokens]] = defaultdict(list)
    for one in stored:
        each[one.model, one.end].append(one.tokens)
    held = {of: all_of(tokens) for of, tokens in each.items()}
    models = {model for model, _ in held} | {one.model for one in runs if one.model}
    turns = {at for model in models for at in book.turns(model, now)} | {end for _, end in held if end}
    found: list[Rate] = []
    for at in (now, *sorted(at for at in turns if now < at <= now + AHEAD)):
        hour = FREE
        for (model, end), tokens in held.items():
            if end is None or end > at:
                hour += hourly(book, model, tokens, at)
        whole = Priced(hour.money.times(HOURS_A_MONTH), hour.unpriced)
        for run_of in runs:
            whole += month(book, run_of, at)
        rate = Rate(at.replace(microsecond=0), whole.money, whole.unpriced)
        if not found or (found[-1].month, found[-1].unpriced) != (rate.month, rate.unpriced):
            found.append(rate)
    return tuple(found)


def run(
    book: Book,
    resource: Resource,
    model: str,
    stored_by: Callable[[Address], Tokens],
    when: tuple[datetime, datetime],
) -> Priced:
    """Running all requests of a resource at some time between these two instants. `stored_by` tells the tokens of an
    object that requests refer to.
    """
    return requests(book, model, _sent(book, resource.quantities, model, stored_by, when[0]), *when)


def _sent(book: Book, quantities: Quantities, model: str, stored_by: Callable[[Address], Tokens], at: datetime) -> Sent:
    reused, biggest = NO_TOKENS, NO_TOKENS
    for address, count in quantities.reused:
        each = stored_by(address)
        reused += each.times(count)
        biggest = max(biggest, each, key=lambda tokens: tokens.likely)
    return Sent(
        quantities.input + _media(book, quantities, model, at),
        reused,
        quantities.output,
        quantities.longest + biggest,
        quantities.tier,
        _recorded(quantities),
        alike=quantities.requests == 1,
    )


def stored_by(book: Book, desired: Desired, ledger: Ledger, address: Address, at: datetime) -> Tokens:
    """The tokens of an object that requests refer to: as the service counted them, or as they are estimated."""
    resource, record = desired.resources.get(address), ledger.records.get(address)
    if record and record.tokens is not None and (resource is None or resource.spec_tag == record.spec_tag):
        return Tokens.exactly(record.tokens)
    use = resource.declared.model if resource else None
    return _stored(book, resource, use.model, at) if resource and use else NO_TOKENS


def _stored(book: Book, resource: Resource, model: str, at: datetime) -> Tokens:
    quantities = resource.declared.quantities
    return quantities.stored + _media(book, quantities, model, at) if quantities.media else quantities.stored


def _recorded(quantities: Quantities) -> bool:
    """Whether recordings may be among what is kept or sent."""
    return any(one.medium in (Medium.AUDIO, Medium.VIDEO, Medium.OTHER) for one in quantities.media)


def _media(book: Book, quantities: Quantities, model: str, at: datetime) -> Tokens:
    facts = book.billed(model, at)
    table = book.media.get(facts.media) if facts else None
    total = NO_TOKENS
    for one in quantities.media:
        total += tokens_of(one, table)
    return total


class _Pricing:
    """Prices the changes of one plan."""

    def __init__(
        self,
        desired: Desired,
        ledger: Ledger,
        live: Mapping[str, LiveObject],
        book: Book,
        catalogue: Catalogue,
        now: datetime,
        how_often: HowOften,
        advise: bool,
    ) -> None:
        self._how_often = how_often
        self._desired, self._ledger, self._live, self._advise = desired, ledger, live, advise
        self._book, self._catalogue, self._now = book, catalogue, now
        self._making: dict[tuple[str, bool], Tariff] = {}
        self._keeping: dict[tuple[str, datetime], Tariff] = {}

    def of(self, change: Change) -> ChangeCost | None:
        """What a change costs; None for one that costs nothing."""
        if change.reason in _OLD:
            return None
        waits = change.reason is Reason.QUEUED and not change.approved  # paid for later, and asked for now
        if change.action is Action.KEEP and not waits:
            return self._kept(change) if self._advise else None
        if change.members and change.members.indexed != NO_TOKENS:
            indexing = amount(change.members.indexed, self._book.indexing, "indexing")
            return _cost(
                indexing, FREE, FREE, self._indexing(change.address), [_counted_roughly(change.members.indexed)]
            )
        if change.action is Action.UPDATE:
            return self._renewed(change) or self._resumed(change)
        resource = self._desired.resources.get(change.address)
        if resource and resource.declared.schedule and change.action in MAKING:
            return self._scheduled(resource, resource.declared.schedule)
        use = resource.declared.model if resource else None
        if resource is None:
            return None
        lifetime = self._catalogue[change.address.kind].lifetime
        if use is None:
            runs = isinstance(lifetime, Once) and resource.quantities.requests
            return self._of_no_model(resource) if runs and (change.action is Action.CREATE or waits) else None
        if resource.declared.expiry is not None and change.action in MAKING:
            return self._made(change, resource, use.model)
        if isinstance(lifetime, Once) and (change.action is Action.CREATE or waits):
            return self._run(change, resource, use.model, lifetime.longest)
        return None

    def _indexing(self, address: Address) -> str:
        resource = self._desired.resources.get(address)
        use = resource.declared.model if resource else None
        return self._answering(use.model) if use else ""

    def _kept(self, change: Change) -> ChangeCost | None:
        """Keeping something by the hour, as it is."""
        item = self._live.get(change.name or "")
        if item is None or item.tokens is None or not item.model:
            return None
        tokens = Tokens.exactly(item.tokens)
        rate = hourly(self._book, item.model, tokens, self._now)
        cost = _cost(FREE, FREE, rate, self._answering(item.model), [_COUNTED])
        return replace(cost, advice=self._advice(change.address, item.model, tokens))

    def _advice(self, address: Address, model: str, tokens: Tokens) -> tuple[str, ...]:
        if not self._advise:
            return ()
        resource = self._desired.resources.get(address)
        reads = resource.expect.reads_per_hour if resource else None
        found = worth(self._book, model, tokens, self._now, reads) if tokens.likely else None
        return sentences(found, reads) if found else ()

    def _renewed(self, change: Change) -> ChangeCost | None:
        """Moving the end of something that is kept by the hour: from its old end on. A sooner one returns nothing."""
        item, now = self._live.get(change.name or ""), self._now
        if item is None or item.deadline is None or item.tokens is None or not item.model or change.hours is None:
            return None
        tokens, end = Tokens.exactly(item.tokens), now + timedelta(hours=change.hours)
        kept = storage(self._book, item.model, tokens, item.deadline, end) if end > item.deadline else FREE
        rate = hourly(self._book, item.model, tokens, now)
        cost = _cost(FREE, kept, rate, self._answering(item.model), [_COUNTED])
        return replace(cost, advice=self._advice(change.address, item.model, tokens))

    def _made(self, change: Change, resource: Resource, model: str) -> ChangeCost:
        """Making something that is kept by the hour."""
        now, tokens = self._now, self._tokens(change, resource, model)
        end, old = _end(resource, now), self._live.get(change.name or "")
        audio = _recorded(resource.declared.quantities)
        if (made_for := self._making.get((model, audio))) is None:
            made_for = self._making[model, audio] = creating(self._book, model, now, audio=audio)
        if (kept_for := self._keeping.get((model, end))) is None:
            kept_for = self._keeping[model, end] = storing(self._book, model, now, end)
        made, kept = made_for(tokens), kept_for(tokens)
        if old and not change.holds:
            kept += self._overlap(resource, old)
        basis = [_counted(tokens)]
        if made.money.low != made.money.high:
            basis.append("whether making a cache is charged is not known for certain")
        hour, advice = hourly(self._book, model, tokens, now), self._advice(change.address, model, tokens)
        return _cost(made, kept, hour, self._answering(model), basis, advice)

    def _resumed(self, change: Change) -> ChangeCost | None:
        """Having the service start again what it did not start."""
        resource, item = self._desired.resources.get(change.address), self._live.get(change.name or "")
        declared = resource.declared.schedule if resource else None
        if resource is None or declared is None or item is None or not item.schedule or not item.schedule.paused:
            return None
        return None if declared.paused is None else self._scheduled(resource, declared)

    def _scheduled(self, resource: Resource, schedule: Schedule) -> ChangeCost | None:
        """What the service starts, in a month."""
        if schedule.paused:
            return None
        runs = self._started(schedule, resource)
        found = month(self._book, runs, self._now)
        answering = self._answering(runs.model) if runs.model else ""
        cost = _cost(FREE, FREE, FREE, answering, basis(runs))
        return replace(cost, monthly=found.money, unpriced=found.unpriced)

    def _started(self, schedule: Schedule, resource: Resource | None) -> Started:
        return started(resource, self._desired, self._how_often(schedule, self._now))

    def started_before(self) -> dict[Address, Started]:
        """What is started now, by the ledger and what is live."""
        return {
            address: self._started(item.schedule, self._desired.resources.get(address))
            for address, record in sorted(self._ledger.records.items())
            if (item := self._live.get(record.name)) and item.schedule and not item.schedule.paused
        }

    def started_after(self, before: Mapping[Address, Started], changes: Iterable[Change]) -> dict[Address, Started]:
        """What is started once these changes are made."""
        found = dict(before)
        for change in changes:
            if change.reason in _OLD:
                continue
            resource = self._desired.resources.get(change.address)
            schedule = resource.declared.schedule if resource else None
            if change.action in _GONE:
                found.pop(change.address, None)
            elif schedule and (
                change.action in MAKING or (change.action is Action.UPDATE and schedule.paused is not None)
            ):
                found.pop(change.address, None)
                if not schedule.paused:
                    found[change.address] = self._started(schedule, resource)
        return found

    def _overlap(self, resource: Resource, old: LiveObject) -> Priced:
        """Keeping the old object until the programs that use it have turned to the new one."""
        if not resource.lifecycle.create_first or old.tokens is None or old.deadline is None or not old.model:
            return FREE
        until = min(old.deadline, self._now + resource.lifecycle.retire)
        if until <= self._now:
            return FREE
        return storage(self._book, old.model, Tokens.exactly(old.tokens), self._now, until)

    def _run(self, change: Change, resource: Resource, model: str, longest: timedelta) -> ChangeCost:
        """Running requests: all of them, or those without a result."""
        quantities, now = resource.quantities, self._now
        cost = run(self._book, resource, model, self._stored_by, (now, now + longest))
        basis = self._requests(quantities, model)
        again = len(resource.receipt.lacking(resource.run)) if change.attempt > 1 and resource.receipt else 0
        if again and quantities.requests:
            share = Money.exactly(again).low / quantities.requests
            cost = Priced(cost.money.times(share), cost.unpriced)
            basis.append(f"of these {again} once more, as large as the others")
        return _cost(cost, FREE, FREE, self._answering(model), basis)

    def _of_no_model(self, resource: Resource) -> ChangeCost:
        """A run that is answered by no one model."""
        cost = run(self._book, resource, "", self._stored_by, (self._now, self._now))
        expected = resource.expect.output_tokens
        return _cost(cost, FREE, FREE, "", [] if expected is None else [f"about {expected:,} tokens answered"])

    def _requests(self, quantities: Quantities, model: str) -> list[str]:
        """How much is sent and answered."""
        sent, count = _sent(self._book, quantities, model, self._stored_by, self._now), quantities.requests
        parts = ((sent.input, "sent"), (sent.cached, "of what is kept"), (sent.output, "answered"))
        said = [] if count is None else [f"{count:,} request{'' if count == 1 else 's'}"]
        known = [(tokens, how) for tokens, how in parts if tokens.likely]
        return said + [f"{_said(tokens)} {how}" for tokens, how in known]

    def _answering(self, model: str) -> str:
        facts = self._book.billed(model, self._now)
        return facts.name if facts else model

    def _tokens(self, change: Change, resource: Resource, model: str) -> Tokens:
        if change.tokens is not None and not change.estimated:
            return Tokens.exactly(change.tokens)
        return self._declared(resource, model)

    def _declared(self, resource: Resource, model: str) -> Tokens:
        return _stored(self._book, resource, model, self._now)

    def _stored_by(self, address: Address) -> Tokens:
        return stored_by(self._book, self._desired, self._ledger, address, self._now)

    def stored_before(self) -> dict[Address, Stored]:
        """What is kept now, by the ledger and what is live."""
        return {
            address: Stored(item.model, Tokens.exactly(item.tokens), until(address, item, self._desired, self._ledger))
            for address, record in sorted(self._ledger.records.items())
            if (item := self._live.get(record.name)) and item.tokens is not None and item.model
        }

    def stored_after(self, before: Mapping[Address, Stored], changes: Iterable[Change]) -> dict[Address, Stored]:
        """What is kept once these changes are made."""
        held = dict(before)
        for change in changes:
            if change.reason in _OLD:
                continue
            if change.action in _GONE:
                held.pop(change.address, None)
            elif change.action is Action.UPDATE:
                held.update(self._stored_by_update(change))
            elif change.action in MAKING:
                held.update(self._stored_by_change(change))
        return held

    def _stored_by_update(self, change: Change) -> Iterator[tuple[Address, Stored]]:
        """An object stays what it is when its end is moved, also while an edit of all else waits for a person."""
        resource, item = self._desired.resources.get(change.address), self._live.get(change.name or "")
        if item is None or item.tokens is None or not item.model:
            return
        expiry = resource.declared.expiry if resource and change.reason is not Reason.EXPIRING else None
        end = expiry.expire_time if isinstance(expiry, Until) else None
        yield change.address, Stored(item.model, Tokens.exactly(item.tokens), end)

    def _stored_by_change(self, change: Change) -> Iterator[tuple[Address, Stored]]:
        resource = self._desired.resources.get(change.address)
        use = resource.declared.model if resource else None
        if resource and use and resource.declared.expiry is not None:
            end = resource.declared.expiry.expire_time if isinstance(resource.declared.expiry, Until) else None
            yield change.address, Stored(use.model, self._tokens(change, resource, use.model), end)


def until(address: Address, item: LiveObject, desired: Desired, ledger: Ledger) -> datetime | None:
    """The end of an object that is not kept alive; None for one that is. What is declared counts; where nothing is,
    what was sent last: a plan of a part says nothing of the rest.
    """
    resource, record = desired.resources.get(address), ledger.records.get(address)
    expiry = resource.declared.expiry if resource else record.expiry if record else None
    return None if isinstance(expiry, Ttl) else item.deadline


def _end(resource: Resource, now: datetime) -> datetime:
    match resource.declared.expiry:
        case Ttl(ttl):
            return now + ttl
        case Until(expire_time):
            return max(expire_time, now)
        case _:
            return now


def _said(tokens: Tokens) -> str:
    if tokens.high is None:
        return f"at least {tokens.low:,} tokens"
    if tokens.exact:
        return f"{tokens.likely:,} tokens"
    return f"about {tokens.likely:,} tokens" if tokens.low else f"up to {tokens.high:,} tokens"


def _counted(tokens: Tokens) -> str:
    if tokens.exact:
        return _COUNTED
    return "tokens estimated, to 15 % either way" if tokens.high is not None else "tokens not known"


def _counted_roughly(tokens: Tokens) -> str:
    if tokens.high is None:
        return "tokens of some documents not known"
    return "tokens estimated by the size of the files"


def _cost(
    once: Priced, kept: Priced, hour: Priced, model: str, basis: Iterable[str], advice: tuple[str, ...] = ()
) -> ChangeCost:
    unpriced = (once + kept).unpriced if once.unpriced or kept.unpriced else ()
    return ChangeCost(once.money, kept.money, hour.money, model, tuple(basis), unpriced, advice)
