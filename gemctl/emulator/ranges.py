"""Gives a part of a download: the header Range, answered with 206 or 416 (RFC 9110, section 14).

Called by `system_parameters`, around every method whose answer is media. Separate because it is HTTP's, and not the
API's. One range of bytes is given; several, other units and what is no range are answered with the whole, as they may
be. The service is known to take ranges (its page on system parameters); an answer has no validator to compare, so that
If-Range gives the whole.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gemctl.emulator.wire import Refusal, Response, Stream

_ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


def part(asked: Mapping[str, str], response: Response) -> Response:
    """The answer to a request with these headers, where `response` is the whole."""
    length = response.length
    if length is None or response.status != 200:
        return response
    whole = replace(response, headers={**response.headers, "Accept-Ranges": "bytes"})
    found = _ONE.fullmatch(asked.get("range", "").strip())
    if found is None or "if-range" in asked or found[1] == found[2] == "":
        return whole
    if not found[1]:
        first, last = max(0, length - int(found[2])), length - 1
    else:
        first, last = int(found[1]), min(int(found[2]) if found[2] else length - 1, length - 1)
        if found[2] and int(found[2]) < first:
            return whole  # no range at all
    if first > last:
        size = {"Content-Range": f"bytes */{length}"}
        return Refusal(416, f"There are no such bytes: the whole has {length}.", headers=size).response()
    headers = {**whole.headers, "Content-Range": f"bytes {first}-{last}/{length}"}
    if response.stream is None:
        return replace(whole, status=206, headers=headers, body=response.body[first : last + 1])
    stream = Stream(last + 1 - first, _within(response.stream.pieces, first, last + 1))
    return replace(whole, status=206, headers=headers, stream=stream)


def _within(pieces: Iterator[bytes | float], first: int, end: int) -> Iterator[bytes | float]:
    at = 0
    for piece in pieces:
        if isinstance(piece, float):
            yield piece
            continue
        wanted = piece[max(0, first - at) : max(0, end - at)]
        at += len(piece)
        if wanted:
            yield wanted
        if at >= end:
            return
