"""Compares the prices of the shipped book with two public price libraries, and prints where they contradict it.

    python -m venv .venv-prices
    .venv-prices/bin/pip install -e . genai-prices model-prices
    .venv-prices/bin/python tests/facts/cross_check.py

Called by people who change gemctl/facts/models.yaml; neither gemctl nor its tests need the libraries. Reads the data
that the installed libraries bring, without network. Ends with 0 if each contradiction is one of KNOWN, with 1 if there
is a new one, and with 2 if a library isn't installed. A contradiction says that somebody is wrong, and not who.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from importlib.metadata import version
from importlib.util import find_spec
from typing import TypeVar

from gemctl.core.book import LONG_PROMPT, Book, Prices
from gemctl.core.money import Money, exact
from gemctl.workflows.facts import shipped

LIBRARIES = {"genai-prices": "genai_prices", "model-prices": "model_prices"}  # what is installed: what is imported
HALF = Decimal("0.5")

# Parts of the names of models that do something else than to read and write text.
_NO_TEXT = re.compile(r"audio|banana|computer-use|embedding|image|live|omni|robotics|transcribe|tts|vision")

Cells = Mapping[str, Decimal]
"""US dollars for a million tokens by cell: `input`, `output` and `cached`; the same after `batch `; and these six after
`long ` (with a prompt of more than LONG_PROMPT tokens) and after `audio ` (of recordings)."""
_Price = TypeVar("_Price", Money, Decimal)


@dataclass(frozen=True, slots=True)
class Table:
    """What one library says.

    prices    by model and day; nothing for a model that it doesn't have, or has without a price.
    models    all Gemini models that it has.
    parts     which of `long` and `audio` it tells apart: where it has no price of such a part, the plain one is meant.
    """

    name: str
    prices: Mapping[tuple[str, date], Cells]
    models: Collection[str] = ()
    parts: Collection[str] = ("long", "audio")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """One cell for which the book and a library have different prices on one day."""

    model: str
    cell: str
    whose: str
    day: date
    ours: Money
    theirs: Decimal


@dataclass(frozen=True, slots=True)
class Known:
    """Contradictions that were looked at, and why they stay. `models` and `cells` are regular expressions for whole
    names; the days are those from `since` on, before `until`.
    """

    whose: str
    models: str
    cells: str
    reason: str
    since: date = date.min
    until: date = date.max

    def covers(self, one: Contradiction) -> bool:
        return (
            self.whose == one.whose
            and self.since <= one.day < self.until
            and re.fullmatch(self.models, one.model) is not None
            and re.fullmatch(self.cells, one.cell) is not None
        )


KNOWN: tuple[Known, ...] = (
    Known(
        "genai-prices",
        "gemini-3.6-flash",
        "input|output|cached",
        "it has the price since the cut of 2026-08-13 for the days before, too",
        until=date(2026, 8, 13),
    ),
    Known(
        "model-prices",
        "gemini-2.5-(pro|flash)",
        "(batch )?cached|long .*",
        "it heard in April 2026 of prices that the page had in October 2025",
        until=date(2026, 4, 20),
    ),
    Known(
        "model-prices",
        "gemini-2.5-flash-lite",
        "(batch )?cached",
        "it heard in May 2026 of prices that the page had in October 2025",
        until=date(2026, 5, 12),
    ),
    Known(
        "model-prices", "gemini-2.0-flash", "batch cached", "it halves every price for a batch, the page this one not"
    ),
    Known(
        "model-prices",
        "gemini-3.[678]-flash",
        "(batch )?(input|output|cached)",
        "it has no prices of days to come",
        since=date(2027, 1, 1),
    ),
    Known(
        "model-prices",
        "gemini-4-argon",
        "(batch )?(input|output|cached)",
        "it has no prices of days to come",
        since=date(2026, 12, 1),
    ),
)


@dataclass(slots=True)
class Result:
    """What a comparison found. The numbers are of cells of a model on a day, by library; `lacking` has the libraries
    by the name of a model that the book doesn't have.
    """

    contradictions: list[Contradiction] = field(default_factory=list)
    agreeing: Counter[str] = field(default_factory=Counter)
    only_ours: Counter[str] = field(default_factory=Counter)
    only_theirs: Counter[str] = field(default_factory=Counter)
    lacking: dict[str, list[str]] = field(default_factory=dict)


def days(book: Book) -> tuple[date, ...]:
    """The day of the book; around each change of a price the day before, the day itself and the day after; and a day
    a year after the book's, for changes that only a library knows.
    """
    periods = [period for facts in book.models.values() for period in facts.periods]
    changes = {at.date() for period in periods for at in (period.since, period.until) if at}
    around = {day + timedelta(days=by) for day in changes for by in (-1, 0, 1)}
    return tuple(sorted({book.as_of, book.as_of + timedelta(days=365), *around}))


def end_of(day: date) -> datetime:
    """The last second of a day in UTC: a library that heard of a price in the course of the day has it by then."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def cells(book: Book, model: str, day: date) -> dict[str, Money]:
    """What the book says of a model on a day, without what isn't known."""
    facts = book.models[model]
    period = facts.period(end_of(day))
    if period is None:
        return {}
    batch = any(facts.supports(method) for method in ("batchGenerateContent", "asyncBatchEmbedContent"))
    parts = (("", period.prices), ("long ", period.long), ("audio ", period.audio))
    return {part + cell: price for part, prices in parts if prices for cell, price in _of(prices, batch)}


def _of(prices: Prices, batch: bool) -> Iterator[tuple[str, Money]]:
    for cell, price in (("input", prices.input), ("output", prices.output), ("cached", prices.cached)):
        if price is None:
            continue
        yield cell, price
        in_batch = prices.cached_batch if cell == "cached" else price.times(HALF)
        if batch and in_batch is not None:
            yield f"batch {cell}", in_batch


def compare(book: Book, tables: Iterable[Table]) -> Result:
    """Each cell of each model that both have, on each day that a table has. A price between two bounds agrees."""
    result = Result()
    for table in tables:
        for name in table.models:
            if book.find(name) is None and not _NO_TEXT.search(name):
                result.lacking.setdefault(name, []).append(table.name)
        for (model, day), theirs in sorted(table.prices.items()):
            if model not in book.models:
                continue
            ours: Mapping[str, Money] = cells(book, model, day)
            for part in ("long", "audio"):
                if part in table.parts:
                    ours, theirs = _filled(ours, part, theirs), _filled(theirs, part, ours)
            for cell in sorted(ours.keys() | theirs.keys()):
                if cell not in theirs:
                    result.only_ours[table.name] += 1
                elif cell not in ours:
                    result.only_theirs[table.name] += 1
                elif _agree(ours[cell], theirs[cell]):
                    result.agreeing[table.name] += 1
                else:
                    found = Contradiction(model, cell, table.name, day, ours[cell], theirs[cell])
                    result.contradictions.append(found)
    return result


def _filled(prices: Mapping[str, _Price], part: str, other: Mapping[str, object]) -> Mapping[str, _Price]:
    """With the plain prices as those of a part of which only the other side has some."""
    if any(cell.startswith(part) for cell in prices):
        return prices
    plain = {cell: cell.removeprefix(f"{part} ") for cell in other if cell.startswith(part)}
    return {**prices, **{cell: prices[without] for cell, without in plain.items() if without in prices}}


def _agree(ours: Money, theirs: Decimal) -> bool:
    return ours.low <= theirs and (ours.high is None or theirs <= ours.high)


def report(result: Result, known: Collection[Known] = KNOWN) -> tuple[list[str], bool]:
    """The lines to print, one for the same contradiction on several days, and whether all are known."""
    new, met = Counter[str](), set[Known]()
    same: dict[tuple[Contradiction, str], list[date]] = {}
    for one in result.contradictions:
        row = next((row for row in known if row.covers(one)), None)
        if row is None:
            new[one.whose] += 1
        else:
            met.add(row)
        same.setdefault((replace(one, day=date.min), f"known: {row.reason}" if row else "NEW"), []).append(one.day)
    lines = [
        f"{one.model}, {_span(on)}, {one.cell}: {_shown(one.ours)} in the book, {exact(one.theirs)} in {one.whose}"
        f" ({said})"
        for (one, said), on in same.items()
    ]
    lines += [f"{name}: not in the book, in {' and '.join(where)}" for name, where in sorted(result.lacking.items())]
    lines += [f"no longer met: {row.whose}, {row.models}, {row.cells}" for row in known if row not in met]
    against = Counter(one.whose for one in result.contradictions)
    for library in sorted(against.keys() | result.agreeing.keys()):
        compared = against[library] + result.agreeing[library]
        lines.append(
            f"{library}: {compared} cells compared, {result.agreeing[library]} agree, {against[library]} contradict"
            f" ({new[library]} new); {result.only_ours[library]} only in the book,"
            f" {result.only_theirs[library]} only in the library"
        )
    return lines, not new


def _span(on: list[date]) -> str:
    return str(on[0]) if len(on) == 1 else f"{len(on)} days from {on[0]} to {on[-1]}"


def _shown(price: Money) -> str:
    low = exact(price.low)
    return low if price.exact else f"{low} to {'any' if price.high is None else exact(price.high)}"


def genai_prices(models: Iterable[str], on: Collection[date]) -> Table:
    """What genai-prices says. It answers the plain price for a batch where it knows none of a batch: left out.

    The book's output of a model that makes pictures is that of pictures.
    """
    from genai_prices import Usage, calc_price
    from genai_prices.data_snapshot import get_snapshot

    names = (
        ("input", ("input_mtok",)),
        ("output", ("output_image_mtok", "output_mtok")),
        ("cached", ("cache_read_mtok",)),
        ("audio input", ("input_audio_mtok",)),
        ("audio output", ("output_audio_mtok",)),
        ("audio cached", ("cache_audio_read_mtok",)),
    )

    def asked(model: str, day: date, context: dict[str, str]) -> object:
        found = calc_price(
            Usage(), model, provider_id="google", genai_request_timestamp=end_of(day), price_context=context
        )
        return found.model_price

    def read(prices: object, before: str = "") -> Iterator[tuple[str, Decimal]]:
        for cell, keys in names:
            price = next((found for key in keys if (found := getattr(prices, key)) is not None), None)
            part, _, kind = cell.rpartition(" ")
            if price is not None:
                yield f"{part} {before}{kind}".strip(), getattr(price, "base", price)
            for tier in getattr(price, "tiers", ()):
                if tier.start == LONG_PROMPT and not part:
                    yield f"long {before}{kind}", tier.price

    found: dict[tuple[str, date], Cells] = {}
    for model in models:
        for day in on:
            try:
                plain, batch = asked(model, day, {}), asked(model, day, {"processing": "batch"})
            except LookupError:
                break
            found[model, day] = dict(read(plain)) | ({} if batch == plain else dict(read(batch, "batch ")))
    (google,) = (provider for provider in get_snapshot().providers if provider.id == "google")
    return Table("genai-prices", found, [one.id for one in google.models if one.id.startswith("gemini-")])


def model_prices(models: Iterable[str], on: Collection[date]) -> Table:
    """What model-prices says. It tells no recordings apart, and offers no list of its models."""
    from model_prices import rates

    found: dict[tuple[str, date], Cells] = {}
    for model in models:
        for day in on:
            prices: dict[str, Decimal] = {}
            for before, mode in (("", None), ("batch ", "batch")):
                row = rates(model, at=end_of(day), provider="google", mode=mode)
                if row is None or (row.provider, row.model) != ("google", model):
                    continue
                above = [("long ", tier) for tier in row.tiers if tier.above == LONG_PROMPT]
                for part, prices_of in (("", row), *above):
                    for kind, price in (
                        ("input", prices_of.input),
                        ("output", prices_of.output),
                        ("cached", prices_of.cache_read),
                    ):
                        if price is not None:
                            prices[part + before + kind] = Decimal(str(price))
            if prices:
                found[model, day] = prices
    return Table("model-prices", found, parts=("long",))


def main() -> int:
    missing = [name for name, module in LIBRARIES.items() if find_spec(module) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; pip install {' '.join(missing)}", file=sys.stderr)
        return 2
    book = shipped()
    on = days(book)
    lines, well = report(compare(book, [genai_prices(book.models, on), model_prices(book.models, on)]))
    print("\n".join(lines))
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    print(f"The book of {book.as_of} with {versions}, on {len(on)} days from {on[0]} to {on[-1]}.")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
