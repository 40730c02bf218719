"""Reads and writes instants and durations as the wire has them.

Called by every module that reads or prints a time. Separate because the service keeps nanoseconds, which
`datetime` cannot: inside the emulator an instant is an integer of nanoseconds since 1970, and only the edges
(the injected clock, the effect log) speak `datetime`.
"""

import re
from datetime import UTC, date, datetime, timedelta

SECOND = 1_000_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))", re.ASCII
)
_DURATION = re.compile(r"(-?)(\d{1,12})(?:\.(\d{1,9}))?s", re.ASCII)
_LONGEST = 315_576_000_000  # seconds: the bound of google.protobuf.Duration, some 10,000 years

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def utc_now() -> datetime:
    """The system's clock, the default of every world."""
    return datetime.now(UTC)


def to_instant(moment: datetime) -> int:
    """An aware datetime as nanoseconds since 1970."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000


def to_datetime(instant: int) -> datetime:
    """Nanoseconds since 1970 as an aware datetime; digits under a microsecond are cut off."""
    return EPOCH + timedelta(seconds=instant // SECOND, microseconds=instant % SECOND // 1_000)


def to_day(instant: int) -> date:
    """The day in UTC that has that instant."""
    return to_datetime(instant).date()


def start_of(day: date) -> int:
    """The first instant of a day in UTC."""
    return (day.toordinal() - EPOCH.toordinal()) * 86_400 * SECOND


LATEST = to_instant(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) + SECOND - 1
"""The last instant that google.protobuf.Timestamp can hold."""


def span(length: timedelta) -> int:
    """A timedelta as nanoseconds."""
    return (length.days * 86_400 + length.seconds) * SECOND + length.microseconds * 1_000


def parse_timestamp(text: str) -> int:
    """RFC 3339 with `Z` or an offset (the official Python SDK sends `+00:00`). Raises ValueError."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError("not an RFC 3339 timestamp")
    year, month, day, hour, minute, second = (int(found[group]) for group in range(1, 7))
    instant = to_instant(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    instant += int((found[7] or "").ljust(9, "0"))
    if found[8]:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:
            raise ValueError("no such offset")
        offset = (hours * 60 + minutes) * 60 * SECOND
        instant += -offset if found[8] == "+" else offset
    if instant > LATEST:
        raise ValueError("after the year 9999")
    return instant


def parse_duration(text: str) -> int:
    """Proto-JSON's only spelling: seconds with the suffix `s`. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("not a number of seconds followed by 's'")
    seconds = int(found[2])
    if seconds > _LONGEST:
        raise ValueError("longer than 10,000 years")
    length = seconds * SECOND + int((found[3] or "").ljust(9, "0"))
    return -length if found[1] else length


def format_timestamp(instant: int, digits: int) -> str:
    """RFC 3339 in UTC with that many fractional digits (none to nine, cut and not rounded)."""
    whole = (EPOCH + timedelta(seconds=instant // SECOND)).isoformat()[:19]
    return f"{whole}.{instant % SECOND:09d}"[: 20 + digits if digits else 19] + "Z"


def format_seconds(length: int) -> str:
    """A duration in proto-JSON, without trailing zeros."""
    whole, rest = divmod(length, SECOND)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".") + "s"


def http_date(instant: int) -> str:
    """RFC 1123, for the `Date` header. Own tables, because strftime follows the user's locale."""
    at = to_datetime(instant)
    return f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d} {at:%H:%M:%S} GMT"
