"""Reads HTTP dates, for the server's clock (server_clock.py) and for `Retry-After` (retry.py). Pure."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache


@lru_cache(maxsize=8)  # the answers of a second have the same
def read_http_date(text: str | None) -> datetime | None:
    """The instant in an IMF-fixdate (RFC 9110, 5.6.7), in UTC; None for anything else, with the two obsolete forms.

    The standard library's reader guesses where it can: zones, missing seconds, garbage at the end. So a date counts
    only if it is written back to the same text. A leap second isn't read; a date that isn't read is merely not known.
    """
    text = (text or "").strip()
    try:
        date = parsedate_to_datetime(text)
        return date if format_datetime(date, usegmt=True) == text else None
    except (ValueError, OverflowError):
        return None
