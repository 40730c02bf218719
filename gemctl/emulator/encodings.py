"""Compresses answers and decompresses requests (gzip, RFC 9110 section 8.4).

Called by `system_parameters`, on the way in and on the way out. Separate because it is the same for every method and
knows nothing of the API. That small answers go out as they are is ours: gzip makes them longer. Streams go out as they
are, too: an event is to be there when it is sent.
"""

import gzip
import re
import zlib

from gemctl.emulator.wire import Refusal, invalid

_WORTH_IT = 1024  # bytes
_LEVEL = 1  # what is saved beyond it is not worth the time, on one machine
_MEMBER = 16 + zlib.MAX_WBITS  # a gzip header and trailer around the data


def decoded(body: bytes, coding: str, most: int) -> bytes:
    """The body of a request without its Content-Encoding: at most one byte more than is allowed, however much a few
    bytes would become. A coding that is not gzip, or a body that is not of it, is refused."""
    names = [name.strip().lower() for name in coding.split(",") if name.strip().lower() not in ("", "identity")]
    if not names or not body:
        return body
    if names not in (["gzip"], ["x-gzip"]):
        raise Refusal(415, f"The emulator takes bodies with the Content-Encoding gzip only, not {coding[:40]}.")
    reader = zlib.decompressobj(_MEMBER)
    try:
        plain = reader.decompress(body, most + 1)
    except zlib.error:
        raise _broken() from None
    if len(plain) <= most and (not reader.eof or reader.unused_data):
        raise _broken()
    return plain


def _broken() -> Refusal:
    return invalid("The body is not gzip, though its Content-Encoding says so.")


def accepts_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding takes gzip: by its name or by `*`, unless with q=0."""
    weights = {}
    for entry in accepted.lower().split(","):
        name, _, parameters = entry.partition(";")
        weights[name.strip()] = re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters) is None
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


def is_worth_it(body: bytes) -> bool:
    """Whether gzip would make it shorter to speak of."""
    return len(body) >= _WORTH_IT


def encoded(body: bytes) -> bytes:
    """The body in gzip, the same bytes for the same body."""
    return gzip.compress(body, _LEVEL, mtime=0)
