"""Makes the bill of everything that has happened: a fold over the world's history.

Called by `app`, for tests and for the admin door. Separate because the world knows no prices: this is a meter of its
own, in the emulator's time, by `prices`, and shares nothing with those who plan what something will cost.

The rules are those of the pricing page and the billing page on ai.google.dev. A prompt is paid as input but for its
cached part, thoughts as output; a request whose prompt exceeds 200,000 tokens is paid by the upper price as a whole.
Batches are paid for the requests that were finished and did not fail, when they end. A cache's hours are cut at each
change of price and each redirect. A document of a file search store is paid for as input of the store's embedding model
when it was indexed, and its storage is free. An interaction is paid as a request that holds all that came before it.
Counting tokens, files, tokens for the Live API, and to list, get, patch and delete cost nothing. A turn of a Live
session is paid as a request that holds all that came before it, what it says as speech at a price of its own.

Assumptions, as nothing was published: the creation of a large cache costs the upper price, as a request would; a batch
that ends without output, or is deleted before its end, costs nothing, and so does a document that fails; a cache goes
on to be stored, and paid, when its model has ended.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gemctl.emulator import prices, times, usage
from gemctl.emulator.catalogue import Catalogue
from gemctl.emulator.prices import Period
from gemctl.emulator.records import Change, Compaction, Use
from gemctl.emulator.rows import Row

_MILLION = 1_000_000
_HOUR = 3_600 * times.SECOND
_DIGITS = Decimal(1).scaleb(-12)
_HALF = Decimal("0.5")


@dataclass(frozen=True)
class Terms:
    """What the bill is made by. `creation`: the part of the input price that a new cache costs. `storage`: whether its
    `lifetime` is paid, or its `ttl`, all that was asked for at its creation and by patches."""

    catalogue: Catalogue
    creation: Decimal
    storage: str


@dataclass(frozen=True)
class _Line:
    """One line. `model` is the one that is billed; `usd` is None when its price is not known."""

    project: str
    kind: str
    model: str
    name: str | None
    start: int
    end: int
    tokens: Mapping[str, int]
    usd: Decimal | None

    def to_json(self) -> dict[str, object]:
        return {
            "project": self.project,
            "kind": self.kind,
            "model": self.model,
            "name": self.name,
            "from": _time(self.start),
            "until": _time(self.end),
            "tokens": self.tokens,
            "usd": None if self.usd is None else _text(self.usd),
        }


def make(
    history: Iterable[Change | Use | Compaction], terms: Terms, now: int, project: str | None = None
) -> dict[str, object]:
    """The bill up to `now`, of one project if it is named. Amounts are decimal texts; `total` is that of the lines with
    a price, and `notPriced` names the models of the others. With `ttl` a line may be about hours to come."""
    meter = _Meter(terms)
    for entry in history:
        meter.take(entry)
    lines = [line for line in meter.until(now) if project in (None, line.project)]
    return {
        "currency": "USD",
        "since": _time(now if meter.since is None else meter.since),
        "until": _time(now),
        "total": _text(sum((line.usd for line in lines if line.usd is not None), Decimal(0))),
        "notPriced": sorted({line.model for line in lines if line.usd is None}),
        "lines": [line.to_json() for line in sorted(lines, key=lambda line: line.start)],
    }


@dataclass
class _Stored:
    """A cache that lives. Its storage is in the bill up to `paid`."""

    row: Row
    paid: int


class _Meter:
    """The fold: what has been billed, and which caches go on to be."""

    def __init__(self, terms: Terms) -> None:
        self.since: int | None = None
        self._terms = terms
        self._lines: list[_Line] = []
        self._stored: dict[tuple[str, str], _Stored] = {}
        days = prices.changes().union(terms.catalogue.redirects())
        self._turns = sorted(times.start_of(day) for day in days)  # when what a cache costs may change

    def take(self, entry: Change | Use | Compaction) -> None:
        if isinstance(entry, Compaction):
            self._begin_again(entry.at)
            return
        if self.since is None:
            self.since = entry.at
        if isinstance(entry, Use):
            used: dict[str, Any] = {}
            usage.add(used, entry.tokens)
            self._bill_tokens(entry.project, entry.kind, entry.model, None, (entry.at, entry.at), used)
        elif entry.row.collection == "cachedContents":
            self._take_cache(entry)
        elif entry.row.collection == "batches" and entry.effect.kind == "ended":
            self._take_batch(entry.row, entry.at)
        elif entry.row.collection.startswith("fileSearchStores/") and entry.effect.kind == "ended":
            self._take_document(entry.row, entry.at)

    def until(self, now: int) -> list[_Line]:
        """The lines up to that instant."""
        if self._terms.storage == "ttl":
            return self._lines
        living = (self._storage(cache.row, cache.paid, now) for cache in self._stored.values())
        return [*self._lines, *(line for lines in living for line in lines)]

    def _begin_again(self, instant: int) -> None:
        self.since = instant
        self._lines.clear()
        for cache in self._stored.values():
            cache.paid = self._reach(cache.row) if self._terms.storage == "ttl" else instant

    def _take_cache(self, change: Change) -> None:
        row, key = change.row, (change.row.project, change.row.name)
        cache = self._stored.setdefault(key, _Stored(row, row.created))
        cache.row = row
        if change.effect.kind == "created":
            self._bill_creation(row)
        ended = change.effect.kind in ("deleted", "expired")
        if ended or self._terms.storage == "ttl":
            end = self._reach(row) if self._terms.storage == "ttl" else change.at
            self._lines += self._storage(row, cache.paid, end)
            cache.paid = max(cache.paid, end)
        if ended:
            del self._stored[key]

    @staticmethod
    def _reach(row: Row) -> int:
        return row.created if row.expires is None else row.expires

    def _bill_creation(self, row: Row) -> None:
        counts = _counts(row)
        model = self._answering(row.body["model"], row.created)
        period = prices.period(model, row.created)
        usd: Decimal | None = Decimal(0)
        if self._terms.creation:
            tokens = usage.of_input(counts)
            cost = None if period is None else _cost(period, tokens, long=usage.is_long(tokens))
            usd = _times(cost, self._terms.creation)
        self._add(
            row.project, "cacheCreation", model, row.name, (row.created, row.created), _shown(counts, "input"), usd
        )

    def _storage(self, row: Row, start: int, end: int) -> Iterator[_Line]:
        """The lines for a cache's storage over that time."""
        stored = {"stored": row.body["tokens"]}
        for model, period, begins, ends in self._cut(row.body["model"], start, end):
            usd = None
            if period is not None and period.storage is not None:
                usd = _rounded(period.storage * row.body["tokens"] * (ends - begins) / (_MILLION * _HOUR))
            yield _Line(row.project, "cacheStorage", model, row.name, begins, ends, stored, usd)

    def _cut(self, resource: str, start: int, end: int) -> list[tuple[str, Period | None, int, int]]:
        """That time in pieces, each with the model that is billed and its prices."""
        inner = [instant for instant in self._turns if start < instant < end]
        pieces: list[tuple[str, Period | None, int, int]] = []
        for begins, ends in zip((start, *inner), (*inner, end), strict=True):
            model = self._answering(resource, begins)
            period = prices.period(model, begins)
            if pieces and pieces[-1][:2] == (model, period):
                begins = pieces.pop()[2]
            if begins < ends:
                pieces.append((model, period, begins, ends))
        return pieces

    def _take_batch(self, row: Row, ended: int) -> None:
        used = row.body.get("used")  # absent in records that were written before there was a bill
        span = (row.created, ended)
        if used:
            self._bill_tokens(row.project, "batch", row.body["model"], row.name, span, used, batch=True)
        elif used is None and row.body["done"]:
            self._add(row.project, "batch", self._answering(row.body["model"], ended), row.name, span, {}, None)

    def _take_document(self, row: Row, ended: int) -> None:
        if row.body["state"] == "STATE_ACTIVE" and row.body["counts"]:
            used: dict[str, Any] = {}
            usage.add(used, usage.of_input(row.body["counts"]))
            self._bill_tokens(row.project, "indexing", row.body["model"], row.name, (row.created, ended), used)

    def _bill_tokens(
        self,
        project: str,
        kind: str,
        asked: str,
        name: str | None,
        span: tuple[int, int],
        used: Mapping[str, Mapping[str, Any]],
        *,
        batch: bool = False,
    ) -> None:
        """Bill the tokens of short and of long requests, as `usage.add` has them, at the price of the time's end."""
        model = self._answering(asked, span[1])
        period = prices.period(model, span[1])
        costs = [
            None if period is None else _cost(period, tokens, long=length == "long", batch=batch)
            for length, tokens in used.items()
        ]
        known = [cost for cost in costs if cost is not None]
        sums = usage.total(used.values())
        shown = _shown(sums["input"], "input") | _shown(sums["cached"], "cached")
        shown |= {"output": sums["output"]} if sums["output"] else {}
        shown |= {"audioOutput": sums["spoken"]} if "spoken" in sums else {}
        self._add(project, kind, model, name, span, shown, sum(known, Decimal(0)) if len(known) == len(costs) else None)

    def _add(
        self,
        project: str,
        kind: str,
        model: str,
        name: str | None,
        span: tuple[int, int],
        tokens: Mapping[str, int],
        usd: Decimal | None,
    ) -> None:
        cost = None if usd is None else _rounded(usd)
        self._lines.append(_Line(project, kind, model, name, *span, tokens, cost))

    def _answering(self, resource: str, instant: int) -> str:
        return self._terms.catalogue.at(instant).answering(resource.removeprefix("models/"))


def _cost(period: Period, tokens: Mapping[str, Any], *, long: bool, batch: bool = False) -> Decimal | None:
    """What tokens cost as `usage` has them; None if the price of some of them is not known."""
    rates = period.long or period.rates if long else period.rates
    part = _HALF if batch else Decimal(1)
    spoken = tokens.get("spoken", 0)
    priced: list[tuple[int, Decimal | None]] = [
        (tokens["output"] - spoken, _times(rates.output, part)),
        (spoken, _times(period.spoken or rates.output, part)),
    ]
    for modality, count in tokens["input"].items():
        priced.append((count, period.modalities.get(modality, rates).input * part))
    for modality, count in tokens["cached"].items():
        own = period.modalities.get(modality, rates)
        priced.append((count, own.cached_batch if batch else own.cached))
    total = Decimal(0)
    for count, price in priced:
        if count and price is None:
            return None
        total += count * (price or Decimal(0))
    return total / _MILLION


def _times(price: Decimal | None, part: Decimal) -> Decimal | None:
    return None if price is None else price * part


def _counts(row: Row) -> Mapping[str, int]:
    counts: Mapping[str, int] = row.body.get("counts", {"TEXT": row.body["tokens"]})  # older caches have no counts
    return counts


def _shown(counts: Mapping[str, int], name: str) -> dict[str, int]:
    """The sum, and of it the media: {"input": 1200, "audioInput": 200}."""
    shown = {name: sum(counts.values())}
    for modality, count in sorted(counts.items()):
        if modality != "TEXT":
            shown[f"{modality.lower()}{name.title()}"] = count
    return {field: count for field, count in shown.items() if count}


def _rounded(usd: Decimal) -> Decimal:
    return usd.quantize(_DIGITS)


def _text(usd: Decimal) -> str:
    return f"{usd.normalize():f}"


def _time(instant: int) -> str:
    return times.format_timestamp(instant, 6)
