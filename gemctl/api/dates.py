"""HTTP dates. Apart from the rest because both the server's clock and the retry rules read them, and both are pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: at for at, name in enumerate(_NAMES, start=1)}
_DATE = re.compile(r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII)


def read_http_date(text: str | None) -> datetime | None:
    """The instant in an IMF-fixdate (RFC 9110, 5.6.7), or None for anything else.

    The two obsolete forms are not read: no Google front end sends them, and what is not read is merely not known.
    A leap second counts as the second before it.
    """
    match = _DATE.fullmatch(text.strip()) if text else None
    if not match or match[2] not in _MONTHS:
        return None
    day, _, year, hour, minute, second = match.groups()
    try:
        return datetime(
            int(year), _MONTHS[match[2]], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC
        )
    except ValueError:
        return None
