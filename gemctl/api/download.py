"""Reads a body that may be large, as it arrives: bounded in size and in time, and whole or an error. Called by
client.py.

Apart from the small answers because those are held and this one isn't: no fixed deadline fits a body of unknown size,
so it must keep a pace. Every so many bytes earn it another second, and one that drips, however patiently, ends when
the first deadline does.
"""

from __future__ import annotations

from collections.abc import Iterator

from gemctl.api._httpx import httpx
from gemctl.api.body import BadBody, TooLarge, unpack
from gemctl.core.clock import Clock


def pour(response: httpx.Response, clock: Clock, until: float, cap: int, pace: float) -> Iterator[bytes]:
    """The body in pieces, at most `cap` bytes in all; the first is due by `until`, the rest at `pace` bytes a second.

    Raises httpx.RequestError when it breaks off or comes too slowly, BadBody when it isn't what was promised, TooLarge.
    """
    promised = response.headers.get("content-length")
    if promised is not None and not (promised.isascii() and promised.isdecimal() and len(promised) < 19):
        raise BadBody("it has a length that is none")
    if promised is None and "chunked" not in response.headers.get("transfer-encoding", "").lower():
        raise BadBody("it doesn't say where it ends")
    if promised is not None and int(promised) > cap:
        raise TooLarge(f"it is larger than {cap // 1024 // 1024} MiB")
    arrived = 0

    def chunks() -> Iterator[bytes]:
        nonlocal arrived
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        for chunk in stream:
            arrived += len(chunk)
            if clock.monotonic() > until + arrived / pace:
                raise httpx.ReadTimeout("the answer came too slowly")
            yield chunk

    yield from unpack(chunks(), response.headers.get("content-encoding", ""), cap)
    if promised is not None and arrived != int(promised):
        raise httpx.RemoteProtocolError(f"{arrived:,} bytes came, and {int(promised):,} were announced")
