"""Times, shapes and clocks: values in, values out."""

from datetime import UTC, datetime, timedelta

import pytest

from gemctl.emulator import times, tokens
from gemctl.emulator.clock import ManualClock, TickingClock
from gemctl.emulator.scalars import BYTES, DOUBLE, INT64, STRING
from gemctl.emulator.shapes import ListOf, MapOf, Message, snake

SECOND = times.SECOND


@pytest.mark.parametrize(
    ("text", "length"),
    [("300s", 300 * SECOND), ("3.5s", 3_500_000_000), ("0.000000001s", 1), ("-1s", -SECOND), ("0s", 0)],
)
def test_durations(text, length):
    assert times.parse_duration(text) == length
    assert times.format_seconds(length) == text or length < 0


@pytest.mark.parametrize("text", ["1h", "300", "s", "1 s", ".5s", "1.s", "1e3s", "\u0663s", "1s\n", "9" * 12 + "s"])
def test_no_durations(text):
    with pytest.raises(ValueError, match=r"."):
        times.parse_duration(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000000Z"),
        ("2026-01-01T02:30:00.5+02:30", "2026-01-01T00:00:00.500000000Z"),
        ("2025-12-31T19:00:00.123456789-05:00", "2026-01-01T00:00:00.123456789Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000000Z"),
        ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
    ],
)
def test_timestamps(text, shown):
    assert times.format_timestamp(times.parse_timestamp(text), 9) == shown


@pytest.mark.parametrize(
    "text",
    ["2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z",
     "9999-12-31T23:59:59-01:00", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00.1234567890Z", ""],
)  # fmt: skip
def test_no_timestamps(text):
    with pytest.raises(ValueError, match=r"."):
        times.parse_timestamp(text)


def test_dates_of_http():
    assert times.http_date(times.to_instant(datetime(2026, 3, 1, 4, 5, 6, tzinfo=UTC))) == (
        "Sun, 01 Mar 2026 04:05:06 GMT"
    )


@pytest.mark.parametrize(
    ("name", "proto"), [("text", "text"), ("fileUri", "file_uri"), ("sseReadTimeout", "sse_read_timeout")]
)
def test_both_spellings(name, proto):
    assert snake(name) == proto


INNER = Message("Inner", lambda: {"bigNumber": INT64, "fps": DOUBLE, "rawBytes": BYTES})
OUTER = Message("Outer", lambda: {"byName": MapOf(INNER), "inner": ListOf(INNER), "aText": STRING})


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"by_name": {"snake_key": {"big_number": "-9"}}}, {"byName": {"snake_key": {"bigNumber": -9}}}),
        ({"inner": [{"bigNumber": 5.0}, {"fps": "2.5"}]}, {"inner": [{"bigNumber": 5}, {"fps": 2.5}]}),
        (
            {"inner": [{"rawBytes": "_-8="}, {"raw_bytes": "+/8"}]},
            {"inner": [{"rawBytes": "_-8="}, {"rawBytes": "+/8"}]},
        ),
        ({"aText": None, "inner": []}, {"inner": []}),
    ],
)
def test_what_is_read(value, read):
    wrong = []
    assert OUTER.read(value, "", wrong) == read
    assert not wrong


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"by_name": {"k": {"x": 1}}}, ["by_name[0].value"]),
        ({"inner": [{"bigNumber": 2**63}, {"fps": True}, {"fps": "wide"}]},
         ["inner[0].big_number", "inner[1].fps", "inner[2].fps"]),
        ({"inner": [{"bigNumber": 1.5}, {"bigNumber": "0x1"}, {"fps": 10**400}]},
         ["inner[0].big_number", "inner[1].big_number", "inner[2].fps"]),
        ({"aText": 1, "a_text": "x", "other": {}}, ["a_text", "a_text", ""]),
    ],
)  # fmt: skip
def test_what_is_wrong(value, paths):
    wrong = []
    OUTER.read(value, "", wrong)
    assert [violation.path for violation in wrong] == paths


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        ({}, {"TEXT": 1}),
        ({"contents": [{"parts": [{"text": "abcde"}]}, {"parts": [{"text": "abc"}]}]}, {"TEXT": 2}),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]}]}, {"IMAGE": 258}),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "text/plain", "data": "AAAA" * 4}}]}]}, {"TEXT": 3}),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "audio/mp3", "data": "A" * 80_000}}]}]}, {"AUDIO": 600}),
        ({"contents": [{"parts": [{"fileData": {"fileUri": "x"}}]}]}, {"DOCUMENT": 8192}),
        ({"systemInstruction": {"parts": [{"text": "abcd"}]}, "tools": [{"codeExecution": {}}]}, {"TEXT": 6}),
    ],
)
def test_estimates(message, counts):
    assert tokens.estimate(message) == counts


def test_clocks():
    clock = ManualClock()
    start = clock()
    clock.advance(timedelta(minutes=1))
    clock.sleep(2.5)
    assert clock() - start == timedelta(seconds=62.5)
    ticking = TickingClock(step=timedelta(seconds=1))
    assert ticking() < ticking()
    with pytest.raises(ValueError, match="time zone"):
        ManualClock(datetime(2026, 1, 1))
