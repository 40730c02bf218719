"""How wheel and sdist are built here: by the backend, with no package index, and what of a run could show in them."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

OTHER_DAY = 1_000_000_000  # seconds: in September of 2001


@dataclass(frozen=True)
class Built:
    wheel: Path
    sdist: Path

    def in_wheel(self) -> dict[str, bytes]:
        with zipfile.ZipFile(self.wheel) as opened:
            return {name: opened.read(name) for name in opened.namelist()}

    def in_sdist(self) -> list[str]:
        """The files, without the folder that all of them are in."""
        with tarfile.open(self.sdist) as opened:
            return [member.name.partition("/")[2] for member in opened.getmembers() if member.isfile()]


def build(source: Path, into: Path, umask: int = 0o022) -> Built:
    env = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--directory", into],
        cwd=source, env=env | {"TZ": "Asia/Kolkata" if umask == 0o077 else "UTC"}, umask=umask, check=True,
        capture_output=True,
    )  # fmt: skip
    (wheel,), (sdist,) = into.glob("*.whl"), into.glob("*.tar.gz")
    return Built(wheel, sdist)


def unpacked(sdist: Path, into: Path) -> Path:
    """Its folder, all of which is of another day and for its owner alone."""
    with tarfile.open(sdist) as opened:
        # The first releases of Python 3.11 know no filter, and later ones want one. It is our own archive.
        opened.extraction_filter = getattr(tarfile, "data_filter", None)
        opened.extractall(into)
    (folder,) = into.iterdir()
    for path in folder.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (OTHER_DAY, OTHER_DAY))
    return folder
