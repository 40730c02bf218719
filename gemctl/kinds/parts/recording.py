"""Reads how long a recording is from the header of a WAV file. Called by `tally`. Other sorts say it less plainly."""

from __future__ import annotations

_HEADER = 8  # of a chunk: its name and its length


def seconds_of(data: bytes, size: int) -> int | None:
    """Seconds, rounded up, of a recording of this many bytes that begins like this; None where the bytes don't say.

    Never raises. The length that the header has is not believed beyond the size: programs that write to a pipe put the
    greatest number there.
    """
    if not data.startswith(b"RIFF") or data[8:12] != b"WAVE":
        return None
    at, rate = 12, 0  # bytes a second
    while at + _HEADER <= len(data):
        name, length = data[at : at + 4], _number(data, at + 4)
        if name == b"fmt " and length >= 16:
            rate = _number(data, at + _HEADER + 8)
        elif name == b"data":
            return -(-min(length, size - at - _HEADER) // rate) if rate else None
        at += _HEADER + length + length % 2
    return None


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")
