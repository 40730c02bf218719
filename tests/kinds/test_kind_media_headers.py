"""How large a picture is, and how long a recording, from their first bytes."""

from __future__ import annotations

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemctl.kinds.parts.picture import size_of
from gemctl.kinds.parts.recording import seconds_of

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 1600, 1000, 8, 6, 0, 0, 0)
GIF = b"GIF89a" + struct.pack("<HH", 320, 200) + b"\xf7\0\0"
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    + b"\xff\xfe\x00\x06abcd"
    + b"\xff\xff\xc4\x00\x03x"
    + b"\xff\xc2\x00\x11\x08"
    + struct.pack(">HH", 480, 640)
    + b"\x03"
)
VP8X = b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff\x03\0" + b"\xff\x01\0"
VP8L = b"RIFF\x1e\0\0\0WEBPVP8L\x0a\0\0\0\x2f" + struct.pack("<I", 99 | 49 << 14)
VP8 = b"RIFF\x1e\0\0\0WEBPVP8 \x0a\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 300 | 1 << 14, 200)
PICTURES = {"png": PNG, "gif": GIF, "jpeg": JPEG, "vp8x": VP8X, "vp8l": VP8L, "vp8": VP8}
SIZES = {
    "png": (1600, 1000),
    "gif": (320, 200),
    "jpeg": (640, 480),
    "vp8x": (1024, 512),
    "vp8l": (100, 50),
    "vp8": (300, 200),
}


def recording(seconds: float, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(b"\0\0\0\0" * int(seconds * rate))
    return file.getvalue()


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name: str) -> None:
    assert size_of(PICTURES[name]) == size_of(PICTURES[name] + b"more") == SIZES[name]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_that_is_cut_off_has_no_size(name: str) -> None:
    needed = {"png": 24, "gif": 10, "jpeg": len(JPEG) - 1, "vp8x": 30, "vp8l": 25, "vp8": 30}[name]
    assert [size_of(PICTURES[name][:length]) for length in range(needed)] == [None] * needed


@pytest.mark.parametrize(
    "data", [b"", b"BM", b"<svg/>", b"\xff\xd8", b"\xff\xd8\xff\xc0" + b"\0" * 20, b"RIFF1234WAVE"]
)
def test_no_picture_has_no_size(data: bytes) -> None:
    assert size_of(data) is None


@given(st.sampled_from([*PICTURES.values(), recording(0.01), b""]), st.binary(max_size=40), st.integers(0, 60))
def test_no_bytes_are_too_strange(begin: bytes, noise: bytes, at: int) -> None:
    data = begin[:at] + noise + begin[at:]
    size, seconds = size_of(data), seconds_of(data, len(data))
    assert size is None or min(size) > 0
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(("seconds", "expected"), [(0.5, 1), (2, 2), (2.001, 3)])
def test_recordings(seconds: float, expected: int) -> None:
    data = recording(seconds)
    assert seconds_of(data, len(data)) == seconds_of(data[:64], len(data)) == expected


def test_a_recording_is_no_longer_than_its_bytes() -> None:
    """Programs that write to a pipe put the greatest number there is into the header."""
    data = bytearray(recording(2))
    data[40:44] = b"\xff\xff\xff\xff"
    assert seconds_of(bytes(data), len(data)) == 2


def test_no_recording_has_no_length() -> None:
    assert seconds_of(b"ID3\x04", 4) is None
    assert seconds_of(b"RIFF\0\0\0\0WAVEdata\0\0\0\x7f", 20) is None
