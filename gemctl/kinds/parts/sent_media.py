"""Makes files of pictures and recordings that came with an answer as base64. Called by Interaction."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping
from typing import Any

from gemctl.kinds.parts.media_types import BY_SUFFIX

_ENDS = {media_type: f".{suffix}" for suffix, media_type in reversed([*BY_SUFFIX.items()])}  # the first one of each
_RATE = 24_000  # samples a second, where none is said (API guide, Speech generation)
_RAW = re.compile(r"audio/(?:l16|pcm)", re.IGNORECASE)


def file_of(content: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """The end of a file's name, and its bytes; None for what has no bytes, or none that can be read. Samples that come
    bare, 16 bits each and one channel where nothing else is said, are put into a WAV file, so that they can be played.
    Never raises.
    """
    data, shown = content.get("data"), content.get("mime_type")
    if not isinstance(data, str) or not data:
        return None
    try:
        found = base64.b64decode(data, validate=True)
    except ValueError:
        return None
    media_type = shown.partition(";")[0].strip().lower() if isinstance(shown, str) else ""
    if _RAW.fullmatch(media_type):
        rate, channels = _whole(content.get("sample_rate"), _RATE), _whole(content.get("channels"), 1)
        return ".wav", _wav(found, rate, channels)
    return _ENDS.get(media_type, ".bin"), found


def _whole(value: object, otherwise: int) -> int:
    return value if type(value) is int and 0 < value < 1 << 20 else otherwise


def _wav(samples: bytes, rate: int, channels: int) -> bytes:
    """A RIFF file of 16-bit samples, little-endian, as the service sends them."""
    frame = 2 * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * frame, frame, 16)
    body = form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(body), b"WAVE") + body
