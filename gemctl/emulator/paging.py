"""Reads page sizes, and makes and reads page tokens.

Called by the surfaces' list methods. Separate because every list of the API pages alike, by `pageSize` and
`pageToken` (ai.google.dev REST reference); snake_case is taken too, as the service was seen to do.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Sequence

from gemctl.emulator.wire import invalid


def first(query: Sequence[tuple[str, str]], *names: str) -> str:
    """The first value given under any of these names, or an empty text."""
    return next((value for name, value in query if name in names), "")


def page_size(query: Sequence[tuple[str, str]], *, default: int, most: int) -> int:
    """The size of a page: unset or 0 is the default, too large is coerced, negative is refused."""
    text = first(query, "pageSize", "page_size")
    if not text:
        return default
    if re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) is None or abs(int(text)) >= 2**31:
        raise invalid(f"Invalid value at 'page_size' (TYPE_INT32), \"{text[:40]}\"")
    size = int(text)
    if size < 0:
        raise invalid("The page size must not be negative.")
    return min(size, most) or default


def encode(collection: str, position: tuple[int, ...]) -> str:
    """An opaque token for a place in a list of that collection."""
    text = ":".join([collection, *map(str, position)])
    return base64.urlsafe_b64encode(f"{text}:{zlib.crc32(text.encode()):08x}".encode()).decode().rstrip("=")


def decode(query: Sequence[tuple[str, str]], collection: str, numbers: int) -> tuple[int, ...] | None:
    """The place that the request's token stands for; None without one; 400 unless `encode` made it."""
    token = first(query, "pageToken", "page_token")
    if not token:
        return None
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
        name, *places, _ = text.split(":")
        position = tuple(int(place) for place in places)
    except (ValueError, binascii.Error):
        position, name = (), ""
    if name != collection or len(position) != numbers or encode(collection, position) != token:
        raise invalid("The page token is not valid.")
    return position
