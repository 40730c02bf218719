"""Google's published samples (google-gemini/api-examples): where they are, and media for them.

They are not copied into this project. GEMINI_SAMPLES says where they are: a checkout, or a directory of git. Their own
media are large, and some are not in every copy: small ones of the same names and types stand in.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tarfile
from pathlib import Path

VARIABLE = "GEMINI_SAMPLES"
_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"
_MP4 = struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41" + struct.pack(">I", 8) + b"mdat"
_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
MEDIA = {
    "a11.txt": b"A sentence of the transcript of a flight to the Moon. " * 4000,
    "poem.txt": b"A line of a poem.\n" * 8,
    "organ.jpg": _JPEG,
    "Cajun_instruments.jpg": _JPEG,
    "sample.mp3": b"ID3\x04\0\0\0\0\0\0" + b"\xff\xfb\x90\x00" + bytes(413),
    "Big_Buck_Bunny.mp4": _MP4,
    "test.pdf": _PDF,
}


def there() -> bool:
    return VARIABLE in os.environ


def lay(language: str, room: Path) -> Path:
    """A copy of the samples of a language in a room, with media beside it as they expect them; its folder."""
    source = Path(os.environ[VARIABLE])
    if (source / language).is_dir():
        shutil.copytree(source / language, room / language)
    else:
        archive = room / "samples.tar"
        command = ["git", "--git-dir", source, "archive", "--output", archive, "HEAD", language]
        subprocess.run(command, check=True, capture_output=True)
        with tarfile.open(archive) as packed:
            packed.extractall(room, filter="data")
    (room / "third_party").mkdir()
    for name, content in MEDIA.items():
        (room / "third_party" / name).write_bytes(content)
    return room / language
