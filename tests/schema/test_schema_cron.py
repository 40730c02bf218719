"""Schedules: what is one, when it is next where clocks change, and how often. The emulator reads them by itself, and
both agree.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.core.schedule import Schedule
from gemctl.emulator import cron as strangers
from gemctl.emulator import times
from gemctl.schema import cron

RIGHT = [
    ("0 3 * * *", "0 3 * * *"),
    ("  0\t3  * * 1-5 ", "0 3 * * 1-5"),
    ("*/15 0-6,20 1,15 JAN-mar mon", "*/15 0-6,20 1,15 JAN-mar mon"),
    ("0 0 29 2 *", "0 0 29 2 *"),
    ("5/20 * * * 7", "5/20 * * * 7"),
    ("0 0 31 2 1", "0 0 31 2 1"),  # on Mondays in February: one of both days is enough
]
WRONG = [
    ("", "It has 0 fields", "Such as"),
    ("0 3 * *", "It has 4 fields", "Such as"),
    ("0 0 3 * * *", "It has 6 fields", "seconds"),
    ("@daily", "a word of some crons", "'0 0 * * *'"),
    ("@REBOOT", "It has 1 field,", "Such as"),
    ("60 3 * * *", "'60' is no minute", "0-59"),
    ("0 24 * * *", "'24' is no hour", "0-23"),
    ("0 3 0 * *", "'0' is no day of the month", "1-31"),
    ("0 3 L * *", "'L' is no day of the month", "1-31"),
    ("0 3 15W * *", "'15W' is no day of the month", "1-31"),
    ("0 3 ? * *", "'?' is no day of the month", "1-31"),
    ("0 3 * 13 *", "'13' is no month", "JAN-DEC"),
    ("0 3 * * 8", "'8' is no day of the week", "SUN-SAT"),
    ("0 3 * * 5#2", "'5#2' is no day of the week", "SUN-SAT"),
    ("0 3 * * 5L", "'5L' is no day of the week", "SUN-SAT"),
    ("30-10 3 * * *", "'30-10' is no minute", "0-59"),
    ("*/0 3 * * *", "'*/0' is no minute", "0-59"),
    ("-5 3 * * *", "'-5' is no minute", "0-59"),
    ("1,,2 3 * * *", "'1,,2' is no minute", "0-59"),
    ("٣ 3 * * *", "is no minute", "0-59"),
    ("0 0 30 2 *", "There is no such day", None),
    ("0 0 31 2,4,6 *", "There is no such day", None),
]


@pytest.mark.parametrize(("text", "form"), RIGHT)
def test_a_schedule_has_five_fields(text, form):
    assert cron.checked(text) == form
    strangers.parse(form)


@pytest.mark.parametrize(("text", "detail", "hint"), WRONG)
def test_what_is_no_schedule_is_told_with_what_to_write(text, detail, hint):
    with pytest.raises(cron.NoSchedule) as raised:
        cron.checked(text)
    assert detail in str(raised.value)
    assert (raised.value.hint is None) if hint is None else hint in raised.value.hint
    with pytest.raises(ValueError):
        strangers.parse(text)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "CET"])
def test_a_time_zone_is_the_ianas(name):
    assert cron.zone(name) == name and strangers.zone(name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("europe/berlin", "Did you mean Europe/Berlin?"),
        ("Europe/Berln", "Did you mean Europe/Berlin?"),
        ("New York", "Did you mean America/New_York?"),
        ("Tokyo", "Did you mean Asia/Tokyo?"),
        ("+02:00", "Write the place"),
        ("UTC+2", "Write the place"),
        ("Mars/Olympus", "Write one as"),
        ("../../etc/passwd", "Write one as"),
        ("/etc/localtime", "Write one as"),
        ("localtime", "Write one as"),
        ("", "Write one as"),
    ],
)
def test_what_is_no_time_zone_is_told_with_what_was_meant(name, hint):
    with pytest.raises(cron.NoSchedule) as raised:
        cron.zone(name)
    assert raised.value.hint.startswith(hint)


# When clocks change: on 29 March 2026 clocks in Berlin go from 2:00 to 3:00, on 25 October from 3:00 to 2:00; in New
# York on 8 March from 2:00, on 1 November from 2:00 to 1:00; on Lord Howe by half an hour, on 5 April and 4 October.
CLOCKS = [
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T01:00 03-30T00:30 03-31T00:30", "the gap's end"),
    ("0 3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T01:00 03-30T01:00 03-31T01:00", "no gap at 3"),
    ("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", "03-29T01:00 03-30T00:00 03-30T01:00", "once, not twice"),
    ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", "03-29T00:30 03-29T01:00 03-29T01:30", "by the clock"),
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", "10-25T00:30 10-26T01:30 10-27T01:30", "once, the first"),
    ("30 * * * *", "Europe/Berlin", "2026-10-24T23:45Z", "10-25T00:30 10-25T01:30 10-25T02:30", "both hours"),
    ("15 1 * * *", "America/New_York", "2026-10-31T12:00Z", "11-01T05:15 11-02T06:15 11-03T06:15", "once"),
    ("30 2 * * *", "America/New_York", "2026-03-07T12:00Z", "03-08T07:00 03-09T06:30 03-10T06:30", "the gap's end"),
    ("10 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00Z", "10-03T15:30 10-04T15:10 10-05T15:10", "half an hour"),
    ("0 9 * * 1", "Asia/Kolkata", "2026-12-01T00:00Z", "12-07T03:30 12-14T03:30 12-21T03:30", "no change"),
    ("0 0 1 * *", "UTC", "2026-10-15T00:00Z", "11-01T00:00 12-01T00:00 01-01T00:00", "into the next year"),
    ("0 12 1 * 1", "UTC", "2026-12-01T13:00Z", "12-07T12:00 12-14T12:00 12-21T12:00", "either day"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "zone", "after", "days", "why"), CLOCKS)
def test_when_it_is_next(text, zone, after, days, why):
    due = days.split()
    now = datetime.fromisoformat(after)
    found = cron.upcoming(Schedule(text, zone), now)
    assert [f"{at.astimezone(UTC):%m-%dT%H:%M}" for at in found.at] == due, why
    assert found.zone == zone and all(at.utcoffset() == at.astimezone(ZoneInfo(zone)).utcoffset() for at in found.at)
    assert [f"{at:%m-%dT%H:%M}" for at in emulated(text, zone, now, 3)] == due, why


def emulated(text, zone, now, count):
    found, instant = [], times.to_instant(now)
    for _ in range(count):
        instant = strangers.following(strangers.parse(text), strangers.zone(zone), instant)
        found.append(times.to_datetime(instant))
    return found


def field(least, most):
    number = st.integers(least, most)
    pair = st.tuples(number, number).map(sorted)
    return st.one_of(
        st.sampled_from(["*", "*", "*", "*/2", "*/7"]),
        number.map(str),
        pair.map(lambda two: f"{two[0]}-{two[1]}"),
        st.tuples(pair, st.integers(1, 9)).map(lambda one: f"{one[0][0]}-{one[0][1]}/{one[1]}"),
        pair.map(lambda two: f"{two[0]},{two[1]}"),
    )


SCHEDULES = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"])
# Hours before clocks change in one of these, each way.
NIGHTS = ["2026-03-07T23:17", "2026-03-28T20:00", "2026-04-04T10:00", "2026-10-03T10:00", "2026-10-24T20:00",
          "2026-10-31T23:00"]  # fmt: skip


@given(text=SCHEDULES, zone=ZONES, night=st.sampled_from(NIGHTS))
def test_the_emulator_starts_it_when_the_plan_says(text, zone, night):
    now = datetime.fromisoformat(night).replace(tzinfo=UTC)
    assert [at.astimezone(UTC) for at in cron.upcoming(Schedule(text, zone), now).at] == emulated(text, zone, now, 3)


@pytest.mark.parametrize(
    ("text", "low", "high", "year"),
    [
        ("0 3 * * *", 28, 31, 365),
        ("*/15 * * * *", 2688, 2976, 35040),
        ("0 3 1 * *", 1, 1, 12),
        ("0 3 1 1 *", 0, 1, 1),
        ("0 3 * * 1-5", 20, 23, 261),
        ("0 0 29 2 *", 0, 0, 0),  # in the twelve months after November 2026
        ("0 0,12 15 * *", 2, 2, 24),
        ("5-5/2 4 * * *", 28, 31, 365),
    ],
)
def test_how_often_in_a_month(text, low, high, year):
    found = cron.frequency(Schedule(text, "Europe/Brussels"), datetime(2026, 11, 30, 6, tzinfo=UTC))
    assert (found.low, found.high, found.year) == (low, high, year)


@given(text=SCHEDULES)
def test_how_often_is_counted(text):
    now = datetime(2026, 12, 31, 22, tzinfo=UTC)
    found = cron.frequency(Schedule(text, "UTC"), now)
    assert 0 <= found.low <= found.high and 12 * found.low <= found.year <= 12 * found.high
    end = datetime(2028, 1, 1, tzinfo=UTC)
    if found.year <= 400:
        counted, instant = 0, times.to_instant(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
        for _ in islice(range(1000), 1000):
            instant = strangers.following(strangers.parse(text), strangers.zone("UTC"), instant)
            if instant is None or times.to_datetime(instant) >= end:
                break
            counted += 1
        assert counted == found.year


def test_what_others_have_made_may_be_read_by_nobody():
    for schedule in (Schedule("0 3 L * *", "UTC"), Schedule("0 3 * * *", "Nowhere/Town")):
        for read in (cron.upcoming, cron.frequency):
            with pytest.raises(cron.NoSchedule):
                read(schedule, datetime(2026, 12, 1, tzinfo=UTC))
