"""Makes audio of a plausible length, and tells speech from silence in the audio that comes.

Called by `turns` and `session`. Separate because it is pure, and knows samples and not sessions. Nothing is understood
and nothing is spoken: what it says is a quiet tone, as long as the text would take to be said, and what it hears is
loud or not. The formats are those of the Live guide on ai.google.dev: 16-bit little-endian samples of one channel, 16
kHz in unless the MIME type says otherwise, 24 kHz out, and about 25 tokens a second, as users counted.

Assumptions: 15 characters a second; how loud speech is; that the service waits for 500 ms of silence, and for 800 ms
with a low sensitivity, where a setup does not say.
"""

import array
import base64
import functools
import math
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gemctl.emulator import times

RATE = 24_000
MIME_TYPE = f"audio/pcm;rate={RATE}"
CHUNK = times.SECOND // 5
"""How long one piece of what it says is."""

_CHARACTERS = 15  # a second
_TOKENS = 25  # a second
_HEARD = 16_000
_RATES = range(8_000, 192_001)
_WINDOW = 50  # a second
_LOUD = 500  # of 32,767, as a mean
_TONE, _VOLUME = 240, 3_000
_PREFIX, _SILENCE, _LONG_SILENCE = 20, 500, 800  # ms
_PCM = re.compile(r"audio/(?:pcm|l16)\s*(;.*)?", re.IGNORECASE)
_RATE = re.compile(r";\s*rate\s*=\s*(\d{1,7})", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")


def chunks(text: str) -> int:
    """How many pieces of audio it takes to say a text."""
    return max(1, math.ceil(len(text) * times.SECOND / (_CHARACTERS * CHUNK)))


@functools.cache
def chunk() -> str:
    """One piece of audio, in base64. All are the same: the tone fits in."""
    count = RATE * CHUNK // times.SECOND
    samples = array.array("h", (int(_VOLUME * math.sin(math.tau * _TONE * each / RATE)) for each in range(count)))
    return base64.b64encode(_little(samples).tobytes()).decode()


def tokens(length: int) -> int:
    """The tokens of so many nanoseconds of audio."""
    return math.ceil(length * _TOKENS / times.SECOND)


def decoded(data: str) -> bytes:
    """The bytes of base64 in either alphabet, with or without its padding, as clients send it."""
    standard = data.rstrip("=").translate(_URL_SAFE)
    return base64.b64decode(standard + "=" * (-len(standard) % 4))


def rate(mime_type: str) -> int | None:
    """The samples a second of a MIME type; None for what is no audio that can be heard."""
    found = _PCM.fullmatch(mime_type.strip())
    if found is None:
        return None
    given = _RATE.search(found[1] or "")
    number = int(given[1]) if given else _HEARD
    return number if number in _RATES else None


@dataclass(frozen=True)
class Patience:
    """How long it must be loud until somebody speaks, and how long silent until nobody does, in nanoseconds."""

    prefix: int
    silence: int

    @classmethod
    def of(cls, detection: Mapping[str, Any]) -> "Patience":
        """From the settings of a setup."""
        slow = detection.get("endOfSpeechSensitivity") == "END_SENSITIVITY_LOW"
        silence = detection.get("silenceDurationMs", _LONG_SILENCE if slow else _SILENCE)
        prefix = detection.get("prefixPaddingMs", _PREFIX)
        return cls(prefix * times.SECOND // 1_000, max(1, silence * times.SECOND // 1_000))


@dataclass(frozen=True)
class Hearing:
    """What was heard up to now: for how long it has been loud or silent at the end, and how long somebody has spoken,
    pauses included."""

    speaking: bool = False
    loud: int = 0
    silent: int = 0
    spoken: int = 0


@dataclass(frozen=True)
class Started:
    """Somebody begins to speak."""


@dataclass(frozen=True)
class Stopped:
    """Somebody has spoken for that long."""

    spoken: int


def length(pcm: bytes, rate: int) -> int:
    """How long so many samples play."""
    return len(pcm) // 2 * times.SECOND // rate


def listen(hearing: Hearing, pcm: bytes, rate: int, patience: Patience) -> tuple[Hearing, list[Started | Stopped]]:
    """Hear the next samples."""
    events: list[Started | Stopped] = []
    size = max(2, rate // _WINDOW * 2)
    for start in range(0, len(pcm) - 1, size):
        window = pcm[start : start + size]
        hearing, event = _next(hearing, _is_loud(window), length(window, rate), patience)
        if event is not None:
            events.append(event)
    return hearing, events


def _next(hearing: Hearing, loud: bool, took: int, patience: Patience) -> tuple[Hearing, Started | Stopped | None]:
    if not hearing.speaking:
        if not loud:
            return Hearing(), None
        so_far = hearing.loud + took
        if so_far < patience.prefix:
            return Hearing(loud=so_far), None
        return Hearing(speaking=True, loud=so_far, spoken=so_far), Started()
    spoken = hearing.spoken + took
    silent = 0 if loud else hearing.silent + took
    if silent >= patience.silence:
        return Hearing(), Stopped(spoken - silent)
    return replace(hearing, silent=silent, spoken=spoken), None


def _is_loud(window: bytes) -> bool:
    if not any(window):
        return False
    samples = _little(array.array("h", window[: len(window) // 2 * 2]))
    return sum(each * each for each in samples) >= _LOUD * _LOUD * len(samples) > 0


def _little(samples: "array.array[int]") -> "array.array[int]":
    if sys.byteorder == "big":
        samples.byteswap()
    return samples
