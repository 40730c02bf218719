"""Tells what lives and what it costs: by the hour, by the month, and so far; what jobs have cost; and whether keeping
pays. Called by `gemctl cost`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from gemctl.core.address import Address
from gemctl.core.book import Book
from gemctl.core.cost import HOURS_A_MONTH, Rate, together
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.kind import once
from gemctl.core.live import LiveObject
from gemctl.core.mark import spec_tag
from gemctl.core.money import Money
from gemctl.core.quantities import Tier, Tokens
from gemctl.core.record import Generation, Ledger, Record, gone_object
from gemctl.core.resource import Desired, Harvest, Part, Receipt, Resource, merged
from gemctl.core.schedule import Upcoming
from gemctl.cost import spent
from gemctl.cost.advice import Worth, sentences, worth
from gemctl.cost.estimate import Stored, rates, run, stored_by, until
from gemctl.cost.prices import FREE, Priced, hourly
from gemctl.cost.started import Started, month, started
from gemctl.workflows.facts import book_of
from gemctl.workflows.schedules import frequency, upcoming
from gemctl.workflows.show import Owned, Relation, live
from gemctl.workflows.wiring import Connection, Session

_OURS = (Relation.BOUND, Relation.RETIRING, Relation.EARLIER_RUN, Relation.UNBOUND, Relation.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Keeping:
    """One live object that stores tokens. `so_far` is what making it and keeping it until now have cost."""

    owned: Owned
    hour: Priced
    so_far: Priced

    @property
    def item(self) -> LiveObject:
        return self.owned.item

    @property
    def ours(self) -> bool:
        return self.owned.whose.relation in _OURS

    @property
    def month(self) -> Money:
        return self.hour.money.times(HOURS_A_MONTH)


@dataclass(frozen=True, slots=True)
class Starting:
    """One live object of ours for which the service starts something by a schedule. `often` and `upcoming` are None
    where the schedule can't be read here, and `upcoming` also where nothing is started for now.
    """

    address: Address
    item: LiveObject
    runs: Started
    upcoming: Upcoming | None
    month: Priced


@dataclass(frozen=True, slots=True)
class JobCost:
    """One job. `harvest` are its results, None where none were saved; `actual` is by the service's own counts, None
    where it gave none; `estimate` is by the declaration, None where that is not what was run.
    """

    address: Address
    name: str
    model: str
    harvest: Harvest | None
    actual: Priced | None
    estimate: Priced | None

    @property
    def cost(self) -> Priced:
        """What it has cost, as far as that is known."""
        return self.actual or spent.NOT_COUNTED


@dataclass(frozen=True, slots=True)
class GoneCost:
    """The objects of one address that are gone: how many, and what they have cost."""

    address: Address
    count: int
    cost: Priced


@dataclass(frozen=True, slots=True)
class Advice:
    """Whether keeping a declared object pays. `reads` is what the manifest expects, in reads an hour."""

    address: Address
    model: str
    tokens: int
    worth: Worth
    reads: Decimal | None

    @property
    def sentences(self) -> tuple[str, ...]:
        return sentences(self.worth, self.reads)


@dataclass(frozen=True, slots=True)
class CostReport:
    """What everything costs.

    months   what keeping our objects costs a month: now, and from each later date within two months on.
    others   what keeping the objects of others costs a month.
    wrong    errors in the project's own facts: then all prices are those that come with gemctl.
    """

    as_of: date
    now: datetime
    keeping: tuple[Keeping, ...]
    months: tuple[Rate, ...]
    others: Money
    gone: tuple[GoneCost, ...]
    jobs: tuple[JobCost, ...]
    starting: tuple[Starting, ...] = ()
    advice: tuple[Advice, ...] = ()
    wrong: tuple[Diagnostic, ...] = ()

    @property
    def spent(self) -> Priced:
        """What our objects and jobs have cost so far, as far as the state remembers."""
        total = FREE
        for priced in (
            *(one.so_far for one in self.keeping if one.ours),
            *(one.cost for one in self.gone),
            *(one.cost for one in self.jobs),
        ):
            total += priced
        return total

    @property
    def unpriced(self) -> tuple[str, ...]:
        """What has no price, of all that is shown."""
        shown = [(one.item.name, priced) for one in self.keeping for priced in (one.hour, one.so_far)]
        shown += [(str(one.address), one.month) for one in self.starting]
        shown += [(str(one.address), one.cost) for one in self.gone]
        shown += [(one.name, one.cost) for one in self.jobs]
        return tuple(dict.fromkeys(f"{name} ({why})" for name, priced in shown for why in priced.unpriced))


def cost(session: Session, connection: Connection, desired: Desired) -> CostReport:
    """Look at everything that is live, and at the state. Raises ApiError, StateError."""
    (book, wrong), ledger = book_of(session), session.store.load().ledger
    everything = live(session, connection, desired, None, None, ledger)
    found = [one for one in everything if one.item.tokens is not None]
    now = connection.server_now()
    starting = tuple(_starting(everything, book, desired, now))
    keeping = tuple(_keeping(book, one, now) for one in found)
    ours = [
        Stored(one.item.model, Tokens.exactly(one.item.tokens or 0), _end(one, desired, ledger))
        for one in keeping
        if one.ours
    ]
    return CostReport(
        as_of=book.as_of,
        now=now,
        keeping=tuple(sorted(keeping, key=_dearest_first)),
        months=rates(ours, [one.runs for one in starting if one.upcoming], book, now),
        others=together(one.month for one in keeping if not one.ours),
        gone=_gone(book, ledger, {one.item.name for one in keeping}, now),
        jobs=tuple(_Jobs(session, book, desired, ledger, now).all()),
        starting=starting,
        advice=tuple(_advice(book, desired, ledger, now)),
        wrong=wrong,
    )


def _starting(everything: Iterable[Owned], book: Book, desired: Desired, now: datetime) -> Iterator[Starting]:
    for one in everything:
        item, address = one.item, one.whose.address
        if item.schedule is None or address is None or one.whose.relation not in _OURS:
            continue
        runs = started(desired.resources.get(address), desired, frequency(item.schedule, now))
        active = not item.schedule.paused
        each = month(book, runs, now) if active else FREE
        yield Starting(address, item, runs, upcoming(item.schedule, now) if active else None, each)


def _dearest_first(one: Keeping) -> tuple[bool, Decimal, str, str]:
    return not one.ours, -(one.month.high or Decimal(0)), one.owned.owner, one.item.name


def _keeping(book: Book, one: Owned, now: datetime) -> Keeping:
    item, tokens = one.item, one.item.tokens or 0
    so_far = spent.kept(book, item.model, tokens, item.created, now) if item.created else Priced(unpriced=("its age",))
    return Keeping(one, hourly(book, item.model, Tokens.exactly(tokens), now), so_far)


def _end(one: Keeping, desired: Desired, ledger: Ledger) -> datetime | None:
    """When an object ends that is not kept alive; an old generation is not."""
    whose = one.owned.whose
    bound = whose.address if whose.relation is Relation.BOUND else None
    return until(bound, one.item, desired, ledger) if bound else one.item.deadline


def _gone(book: Book, ledger: Ledger, live: Collection[str], now: datetime) -> tuple[GoneCost, ...]:
    """What is gone by the ledger; and what has ended since the ledger was written."""
    held: list[tuple[str, Address, Record | Generation]] = [(one.name, at, one) for at, one in ledger.records.items()]
    held += [(name, one.address, one) for name, one in ledger.retiring.items()]
    over = [gone_object(at, one, now) for name, at, one in held if name not in live and one.tokens is not None]
    found: dict[Address, GoneCost] = {}
    for one in (*ledger.ended.values(), *filter(None, over)):
        before = found.get(one.address, GoneCost(one.address, 0, FREE))
        found[one.address] = GoneCost(one.address, before.count + 1, before.cost + spent.ended(book, one))
    return tuple(found[address] for address in sorted(found))


class _Jobs:
    """Prices the jobs that were run."""

    def __init__(self, session: Session, book: Book, desired: Desired, ledger: Ledger, now: datetime) -> None:
        self._session, self._book, self._desired, self._ledger, self._now = session, book, desired, ledger, now

    def all(self) -> list[JobCost]:
        """Those of the ledger, earlier runs too; and those that only a receipt tells of."""
        records = [(address, record) for address, record in sorted(self._ledger.records.items()) if record.run]
        records += [(old.address, old.record) for _, old in sorted(self._ledger.retiring.items()) if old.record]
        jobs = [self._recorded(address, record) for address, record in _of_last_attempts(records)]
        told = {job.name for job in jobs} | self._ledger.ended.keys()
        for _, resource in sorted(self._desired.resources.items()):
            if resource.receipt and resource.receipt.job not in told:
                jobs.append(self._by_receipt(resource, resource.receipt))
                told = told | {resource.receipt.job}  # where it is of the whole job, each part has it
        groups: dict[tuple[Address, int], list[JobCost]] = {}
        for number, job in enumerate(jobs):
            part = self._part(job.address)
            groups.setdefault((part.of, -1) if part else (job.address, number), []).append(job)
        return [
            _of_parts(self._part(group[0].address), group) if number < 0 else group[0]
            for (_, number), group in groups.items()
        ]

    def _part(self, address: Address) -> Part | None:
        """Which part of a job it is, where that is run as several."""
        resource, record = self._desired.resources.get(address), self._ledger.records.get(address)
        rules = resource.run if resource else record.run if record else None
        return rules.part if rules and rules.part and rules.part.count > 1 else None

    def _recorded(self, address: Address, record: Record) -> JobCost:
        harvest, resource = record.harvest, self._desired.resources.get(address)
        receipt = resource.receipt if resource else None
        if harvest and harvest.usage is None and receipt and receipt.harvest.digest == harvest.digest:
            harvest = receipt.harvest
        same = resource if resource and record.attempt == 1 and resource.spec_tag == record.spec_tag else None
        until = harvest.at if harvest else self._now
        when = (min(record.created or until, until), until)
        return self._priced(address, record.name, record.model, harvest, when, same)

    def _by_receipt(self, resource: Resource, receipt: Receipt) -> JobCost:
        harvest, kind = receipt.harvest, self._session.catalogue[resource.address.kind]
        when = (harvest.at - once(kind).usual, harvest.at)
        same = resource if receipt.attempt == 1 else None
        return self._priced(resource.address, receipt.job, "", harvest, when, same)

    def _priced(
        self,
        address: Address,
        name: str,
        model: str,
        harvest: Harvest | None,
        when: tuple[datetime, datetime],
        same: Resource | None,
    ) -> JobCost:
        """`same` is the resource, if the run is of what it declares now, and of all of it."""
        book, resource = self._book, self._desired.resources.get(address)
        use = resource.declared.model if resource else None
        model = model or (use.model if use else "")
        tier = resource.declared.quantities.tier if resource else Tier.BATCH
        actual = spent.used(book, model, harvest, tier, when) if harvest and harvest.usage is not None else None
        estimate = None
        if same:
            estimate = run(
                book, same, model, lambda at: stored_by(book, self._desired, self._ledger, at, when[0]), when
            )
        return JobCost(address, name, model, harvest, actual, estimate)


def _of_last_attempts(records: Sequence[tuple[Address, Record]]) -> list[tuple[Address, Record]]:
    """The records, without earlier attempts whose results are in those of a later one: these have the sums of all."""
    last: dict[tuple[Address, str], int] = {}
    for address, record in records:
        if record.harvest and record.fields is not None:
            key = address, spec_tag(record.fields)
            last[key] = max(last.get(key, 0), record.attempt)

    def counts(address: Address, record: Record) -> bool:
        if record.fields is None:
            return True
        return record.attempt >= last.get((address, spec_tag(record.fields)), 0)

    return [(address, record) for address, record in records if counts(address, record)]


def _of_parts(part: Part | None, group: Sequence[JobCost]) -> JobCost:
    """The runs of the parts of a job as one."""
    first, harvests = group[0], [one.harvest for one in group if one.harvest]
    actual, estimates = [one.actual for one in group if one.actual], [one.estimate for one in group if one.estimate]
    return JobCost(
        part.of if part else first.address,
        f"{len(group)} runs",
        first.model,
        merged("", harvests) if harvests else None,
        sum(actual[1:], actual[0]) if len(actual) == len(group) else None,
        sum(estimates[1:], estimates[0]) if len(estimates) == len(group) else None,
    )


def _advice(book: Book, desired: Desired, ledger: Ledger, now: datetime) -> list[Advice]:
    found: list[Advice] = []
    for address, resource in sorted(desired.resources.items()):
        use = resource.declared.model
        if use is None or resource.declared.expiry is None:
            continue
        tokens, reads = stored_by(book, desired, ledger, address, now), resource.expect.reads_per_hour
        if what := worth(book, use.model, tokens, now, reads):
            found.append(Advice(address, use.model, tokens.likely, what, reads))
    return found
