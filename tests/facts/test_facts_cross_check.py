"""The comparison of the book with public price libraries, on tables that are made up; the libraries aren't needed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType

import cross_check
import pytest
from cross_check import Contradiction, Known, Table, compare, days, report

from gemctl.core.book import Book, ModelFacts, Period, Prices
from gemctl.core.money import Money
from gemctl.workflows.facts import shipped

DAY, TURN = date(2026, 11, 28), datetime(2027, 1, 1, tzinfo=UTC)


def book(prices: Prices, *, after: Prices | None = None, long: Prices | None = None, audio: Prices | None = None):
    periods = [Period(None, TURN if after else None, prices, long, audio)]
    if after:
        periods.append(Period(TURN, None, after))
    facts = ModelFacts("gemini-m", methods=frozenset({"batchGenerateContent"}), periods=tuple(periods))
    return Book(DAY, MappingProxyType({"gemini-m": facts}), aliases={"gemini-latest": "gemini-m"})


def prices(*amounts: str) -> Prices:
    """Input, output, cached, cached in a batch."""
    return Prices(*(Money.exactly(amount) for amount in amounts))


def table(day: date = DAY, *, parts=("long", "audio"), models=(), **cells: str) -> Table:
    said = {cell.replace("_", " "): Decimal(amount) for cell, amount in cells.items()}
    return Table("a-library", {("gemini-m", day): said}, models, parts)


@pytest.mark.parametrize(
    ("cells", "contradicting", "agreeing"),
    [
        ({"input": "2", "output": "8", "cached": "0.2"}, [], 3),
        ({"input": "2.00", "output": "9"}, ["output"], 1),
        ({"batch_input": "1", "batch_output": "4", "batch_cached": "0.1"}, [], 3),
        ({"batch_input": "2", "batch_output": "8", "batch_cached": "0.1"}, ["batch input", "batch output"], 1),
        ({"long_input": "2", "long_output": "8"}, [], 2),
        ({"input": "2", "long_input": "4"}, ["long input"], 1),
        ({"audio_input": "3"}, ["audio input"], 0),
        ({"video_input": "3"}, [], 0),
    ],
)
def test_each_cell_that_both_have_is_compared(cells, contradicting, agreeing) -> None:
    found = compare(book(prices("2", "8", "0.2", "0.1")), [table(**cells)])
    assert [one.cell for one in found.contradictions] == contradicting
    assert found.agreeing["a-library"] == agreeing


def test_what_only_one_has_is_counted_and_contradicts_nothing() -> None:
    found = compare(book(Prices(input=Money.exactly("2"))), [table(output="8")])
    assert (found.only_ours["a-library"], found.only_theirs["a-library"]) == (2, 1)  # a batch has an input, too
    assert found.contradictions == []


@pytest.mark.parametrize(("amount", "agrees"), [("0.014", False), ("0.015", True), ("0.018", True), ("0.021", False)])
def test_bounds_agree_with_what_is_between_them(amount, agrees) -> None:
    bounds = Prices(cached=Money.exactly("0.03"), cached_batch=Money(Decimal("0.015"), Decimal("0.02")))
    found = compare(book(bounds), [table(batch_cached=amount)])
    assert bool(found.contradictions) is not agrees


def test_a_part_that_the_library_does_not_single_out_has_the_plain_price_unless_it_never_does() -> None:
    split = book(prices("2", "8", "0.2", "0.1"), audio=Prices(input=Money.exactly("3")))
    assert [one.cell for one in compare(split, [table(input="2")]).contradictions] == ["audio input"]
    assert compare(split, [table(input="2", parts=("long",))]).contradictions == []


def test_days_are_those_around_each_change_and_one_in_a_year() -> None:
    changing = book(prices("1", "4", "0.1", "0.05"), after=prices("2", "8", "0.2", "0.1"))
    expected = [DAY, date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 2), date(2027, 11, 28)]
    assert list(days(changing)) == expected
    found = compare(changing, [table(date(2026, 12, 31), input="1"), table(date(2027, 1, 1), input="1")])
    assert [(one.day, one.ours) for one in found.contradictions] == [(date(2027, 1, 1), Money.exactly("2"))]


def test_models_that_the_book_lacks_are_named_if_they_are_for_text() -> None:
    names = ("gemini-m", "gemini-latest", "gemini-9-ultra", "gemini-9-flash-tts", "gemini-9-live")
    found = compare(book(prices("1", "4", "0.1", "0.05")), [table(input="1", models=names)])
    assert found.lacking == {"gemini-9-ultra": ["a-library"]}


def test_a_contradiction_that_is_known_has_its_reason_and_a_new_one_is_not_well() -> None:
    changing = book(prices("1", "4", "0.1", "0.05"), after=prices("2", "8", "0.2", "0.1"))
    tables = [table(day, input="1", output="4") for day in days(changing)]
    known = [Known("a-library", "gemini-.", "input|output", "it looks at one day", since=date(2027, 1, 1))]
    found = compare(changing, tables)
    lines, well = report(found, known)
    assert well
    assert lines[0] == (
        "gemini-m, 3 days from 2027-01-01 to 2027-11-28, input: 2 in the book, 1 in a-library"
        " (known: it looks at one day)"
    )
    assert lines[-1] == (
        "a-library: 10 cells compared, 4 agree, 6 contradict (0 new); 20 only in the book, 0 only in the library"
    )
    lines, well = report(found, [*known, Known("a-library", "gone", ".*", "it was so")])
    assert well
    assert lines[-2] == "no longer met: a-library, gone, .*"
    lines, well = report(found, [Known("a-library", "gemini-.", "input", "it looks at one day")])
    assert not well
    assert [line.rpartition(" (")[2] for line in lines[:2]] == ["known: it looks at one day)", "NEW)"]


@pytest.mark.parametrize(
    ("row", "covered"),
    [
        (Known("a-library", "gemini-m", "input", ""), True),
        (Known("a-library", "gemini-m", "input", "", since=DAY), True),
        (Known("a-library", "gemini-m", "input", "", until=DAY), False),
        (Known("another", "gemini-m", "input", ""), False),
        (Known("a-library", "gemini-", "input", ""), False),
        (Known("a-library", "gemini-m", "in", ""), False),
    ],
)
def test_what_a_known_row_covers(row, covered) -> None:
    one = Contradiction("gemini-m", "input", "a-library", DAY, Money.exactly("1"), Decimal("2"))
    assert row.covers(one) is covered


def test_each_known_row_is_of_a_library_and_of_models_of_the_book() -> None:
    for row in cross_check.KNOWN:
        assert row.whose in cross_check.LIBRARIES
        assert row.reason
        assert any(re.fullmatch(row.models, name) for name in shipped().models), row


def test_without_the_libraries_it_says_what_to_install(monkeypatch, capsys) -> None:
    monkeypatch.setattr(cross_check, "find_spec", lambda name: None)
    assert cross_check.main() == 2
    assert capsys.readouterr().err == (
        "not installed: genai-prices, model-prices; pip install genai-prices model-prices\n"
    )
