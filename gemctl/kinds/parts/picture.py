"""Reads the width and height of a picture from the first bytes of PNG, GIF, JPEG and WebP. Called by `tally`.

What a picture costs depends on its size for some models (API guide, tokens). A picture that is damaged, or of another
sort, has no size here; the service may read it all the same.
"""

from __future__ import annotations

_WITHOUT_SIZE = frozenset({0xC4, 0xC8, 0xCC})  # JPEG markers that look like the beginning of a frame, and are none


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the bytes don't say. Never raises."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        found = _big(data, 16, 4), _big(data, 20, 4)
    elif data.startswith((b"GIF87a", b"GIF89a")):
        found = _little(data, 6, 2), _little(data, 8, 2)
    elif data.startswith(b"\xff\xd8"):
        found = _jpeg(data)
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        found = _webp(data)
    else:
        return None
    return found if min(found) > 0 else None


def _jpeg(data: bytes) -> tuple[int, int]:
    """Goes from segment to segment until one begins a frame: marker, length, precision, height, width."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a byte that fills
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _WITHOUT_SIZE:
            return _big(data, at + 7, 2), _big(data, at + 5, 2)
        else:
            at += 2 + max(_big(data, at + 2, 2), 2)
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X" if len(data) >= 30:
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case b"VP8L" if data[20:21] == b"\x2f" and len(data) >= 25:
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if data[23:26] == b"\x9d\x01\x2a" and len(data) >= 30:
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case _:
            return 0, 0


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big") if at + length <= len(data) else -1


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little") if at + length <= len(data) else -1
