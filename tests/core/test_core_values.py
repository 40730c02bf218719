"""The vocabulary: addresses, instants and durations, marks, digests, diagnostics, paths."""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.address import Address, in_order, valid_name
from gemctl.core.call import put
from gemctl.core.codes import CODES, problem, summary
from gemctl.core.diagnostic import Diagnostic, Severity, errors, in_reading_order
from gemctl.core.digest import ALPHABET, canonical, canonical_each, sha256, tag
from gemctl.core.mark import MARK_LENGTH, READABLE_LIMIT, Mark, address_tag, cut, owner_tag, read, spec_tag, write
from gemctl.core.moment import exact_duration, parse_duration, parse_instant, show_duration, show_instant, wire_duration
from gemctl.core.source import Positions, Span, show_path

TAGS = st.text(ALPHABET, min_size=13, max_size=13)
MARKS = st.builds(Mark, st.text(ALPHABET, min_size=10, max_size=10), TAGS, TAGS)


@pytest.mark.parametrize("name", ["a", "a-b", "a.b", "9", "a" * 64, "a--b", "0.1"])
def test_names(name: str) -> None:
    assert valid_name(name)
    assert Address.parse(f"Kind/{name}") == Address("Kind", name)
    assert str(Address("Kind", name)) == f"Kind/{name}"


@pytest.mark.parametrize("name", ["", "-a", "a-", ".a", "a.", "A", "a_b", "a b", "é", "a\n", "a" * 65, "a/b"])
def test_no_names(name: str) -> None:
    assert not valid_name(name)
    with pytest.raises(ValueError, match="not an address"):
        Address.parse(f"Kind/{name}")


def test_no_addresses() -> None:
    for text in ("", "a", "/a", "Kind/", "Kind"):
        with pytest.raises(ValueError, match="Kind/name"):
            Address.parse(text)


def test_canonical_json() -> None:
    assert (
        canonical({"b": [1, 0.5, True, None], "a": 'é\n"\u2028'})
        == '{"a":"é\\n\\"\u2028","b":[1,0.5,true,null]}'.encode()
    )
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))
    assert sha256(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


NULS = st.sampled_from(["\0", "a\0", "", '\0","\0', "\\u0000"]) | st.text(max_size=3)
JSON = st.recursive(NULS | st.integers() | st.none(), lambda of: st.lists(of) | st.dictionaries(NULS, of), max_leaves=8)


@given(st.lists(JSON))
def test_canonical_json_of_many(values: list[Any]) -> None:
    assert canonical_each(values) == [canonical(value) for value in values]


@given(st.lists(st.builds(Address, st.sampled_from("AB"), st.sampled_from(["a", "a-b", "a.b", "b"]))))
def test_addresses_in_their_order(addresses: list[Address]) -> None:
    assert in_order(addresses) == sorted(addresses)


@given(st.binary(max_size=50), st.integers(1, 51))
def test_a_tag_is_a_prefix_of_the_hash(data: bytes, characters: int) -> None:
    bits = bin(int.from_bytes(hashlib.sha256(data).digest(), "big"))[2:].zfill(256)
    expected = "".join(ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, 5 * characters, 5))
    assert tag(data, characters) == expected


def test_tags_of_things() -> None:
    assert owner_tag("p", "s") != owner_tag("p", "t") != owner_tag("q", "t")
    assert len(owner_tag("p", "s")) == 10
    assert len(address_tag(Address("CachedContent", "faq"))) == len(spec_tag({})) == 13


@given(st.text(max_size=200), MARKS)
def test_a_mark_is_read_as_it_was_written(human: str, mark: Mark) -> None:
    display = write(human, mark)
    assert len(display) <= 128
    assert read(display) == (cut(human, READABLE_LIMIT), mark)
    assert len(display) - len(cut(human, READABLE_LIMIT)) == MARK_LENGTH


@given(st.text(max_size=150))
def test_other_names_carry_no_mark(display: str) -> None:
    assert read(display) == (display, None)


@given(MARKS, st.data())
def test_a_damaged_mark_is_none(mark: Mark, data: st.DataObject) -> None:
    display = write("name", mark)
    at = data.draw(st.integers(len(display) - 38, len(display) - 1))
    letter = data.draw(st.sampled_from(ALPHABET))
    damaged = display[:at] + letter + display[at + 1 :]
    human, found = read(damaged)
    # One check character catches 31 of 32 changes; what slips through names another object, not this one.
    assert found is None or found != mark or damaged == display
    assert read(display[:-1]) == (display[:-1], None)
    assert read(display.upper()) == (display.upper(), None)
    assert human in ("name", damaged)


def test_a_mark_in_front_of_a_mark_is_part_of_the_name() -> None:
    first, second = Mark("a" * 10, "b" * 13, "c" * 13), Mark("d" * 10, "e" * 13, "f" * 13)
    assert read(write(write("x", first)[:READABLE_LIMIT], second))[1] == second


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("abe\u0301", 3, "ab"),
        ("ab\u0915\u094d", 3, "ab"),
        ("ab" + FAMILY, 4, "ab"),
        ("ab" + FAMILY, 5, "ab"),
        ("ab" + FAMILY, 7, "ab" + FAMILY),
        ("ab\u2764\ufe0f", 3, "ab"),
        ("ab\U0001f44d\U0001f3fd", 3, "ab"),
        ("a\U0001f1e9\U0001f1ea", 2, "a"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 3, "\U0001f1e9\U0001f1ea"),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 2, "\U0001f1e9\U0001f1ea"),
        ("e" + "\u0301" * 90, 84, ""),
        ("\u1100\u1161", 1, ""),
    ],
)
def test_cutting_between_graphemes(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


PIECES = st.sampled_from(
    ["a", "é", "e\u0301", FAMILY, "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "名"]
)


@given(st.lists(PIECES, max_size=30), st.integers(0, 30))
def test_a_cut_never_parts_what_belongs_together(pieces: list[str], limit: int) -> None:
    text = "".join(pieces)
    end = len(cut(text, limit))
    assert end <= limit
    assert text.startswith(cut(text, limit))
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    assert end in ends
    assert end == max(at for at in ends if at <= limit)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-31T18:00:00Z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31t18:00:00z", datetime(2027, 1, 31, 18, tzinfo=UTC)),
        ("2027-01-31T18:00:00+05:30", datetime(2027, 1, 31, 12, 30, tzinfo=UTC)),
        ("2027-01-31T18:00:00.5Z", datetime(2027, 1, 31, 18, 0, 0, 500000, tzinfo=UTC)),
        ("2027-01-31T18:00:00.123456789-00:00", datetime(2027, 1, 31, 18, 0, 0, 123456, tzinfo=UTC)),
    ],
)
def test_instants(text: str, expected: datetime) -> None:
    assert parse_instant(text) == expected
    assert parse_instant(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    ["", "2027-01-31", "2027-01-31T18:00:00", "2027-01-31 18:00:00Z", "2027-02-30T18:00:00Z", "2027-01-31T24:01:00Z",
     "2027-01-31T18:00Z", "2027-01-31T18:00:00.1234567890Z", "0001-01-01T00:00:00+01:00", "٢027-01-31T18:00:00Z",
     "2027-01-31T18:00:00Z\n", "2027-01-31T18:00:00+25:00"],
)  # fmt: skip
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match="not a time"):
        parse_instant(text)


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)), st.integers(-1439, 1439))
def test_instants_survive_being_shown(naive: datetime, offset: int) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert parse_instant(show_instant(instant)) == instant
    assert show_instant(instant).endswith("Z")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("1d2h3m4s", 93_784), ("3600s", 3600), ("3.5s", 3.5),
     ("0s", 0), ("0.000001s", 0.000001), ("36500d", 3_153_600_000)],
)  # fmt: skip
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "5", "1:30", "5 m", "m", "1m1h", "-5m", "1.5h", "5min", "٣s", "1h ", "s", ".5s", "36501d", "9" * 5000 + "s"],
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|hundred"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=36_500)))
def test_durations_survive_the_wire(duration: timedelta) -> None:
    assert parse_duration(wire_duration(duration)) == duration
    assert parse_duration(exact_duration(duration)) == duration


def test_durations_for_people() -> None:
    shown = {0: "0s", 45: "45s", 60: "1m", 90: "1m 30s", 5400: "1h 30m", 86_400: "1d", 90_000: "1d 1h", 86_460: "1d"}
    for seconds, text in shown.items():
        assert show_duration(timedelta(seconds=seconds)) == text
    assert show_duration(timedelta(seconds=-90)) == "-1m 30s"
    assert show_duration(timedelta(milliseconds=-5)) == "0s"


def test_reading_order_and_severity() -> None:
    def at(file: str, line: int, code: str = "E101") -> Diagnostic:
        return Diagnostic(code, "s", "d", Span(file, line, 1, line, 2))

    lost = Diagnostic("E101", "s", "d")
    warning = at("a", 2, "W201")
    ordered = in_reading_order([lost, at("b", 1), warning, at("a", 10), at("a", 2)])
    assert [(found.span and str(found.span), found.code) for found in ordered] == [
        ("a:2:1", "E101"), ("a:2:1", "W201"), ("a:10:1", "E101"), ("b:1:1", "E101"), (None, "E101")
    ]  # fmt: skip
    assert warning.severity is Severity.WARNING
    assert warning not in errors(ordered)
    assert len(errors(ordered)) == 4


def test_positions_of_what_is_absent() -> None:
    a, b = Span("f", 1, 1, 1, 2), Span("f", 2, 1, 2, 2)
    positions = Positions(Span("f", 9, 9, 9, 9), {("a",): a, ("a", 0): a}, {("a",): b})
    assert positions.value(("a", 0, "x", "y")) == a
    assert positions.value(("z",)) == positions.root == positions.key(())
    assert positions.key(("a", "x")) == b
    assert positions.key(("a", 0)) == a


def test_paths_as_people_write_them() -> None:
    assert show_path(()) == ""
    assert show_path(("spec", "contents", 0, "role")) == "spec.contents[0].role"
    assert show_path((0, "a")) == "[0].a"


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(), min_size=2, max_size=3), min_size=3, max_size=3))
def test_putting_shares_what_lies_beside(body: dict[str, Any]) -> None:
    filled = put(body, ("a", 1), "x")
    assert filled["a"][1] == "x"
    assert filled["a"][0] == body["a"][0]
    assert filled["b"] is body["b"]
    assert body["a"][1] != "x"
    assert (
        put(body, ("new", "er"), 1) if "new" in body else put({**body, "new": {}}, ("new", "er"), 1)["new"] == {"er": 1}
    )
    assert put(body, (), 5) == 5


def test_codes_have_summaries() -> None:
    for code in CODES:
        assert problem(code, "d").summary == summary(code)
        assert unicodedata.is_normalized("NFC", CODES[code])
    with pytest.raises(KeyError):
        summary("E999")
