"""What may lie where gemctl keeps or writes a file, and a watch over it: nothing here may wait for ever."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SPARSE = 1 << 40  # bytes that a file says it has, and has not


class Outside:
    """A folder that is none of gemctl's business. What it holds is written down, to be compared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.file = folder / "precious"
        self.file.write_text("precious")
        self.file.chmod(0o644)
        self.before = self._seen()

    def _seen(self) -> dict[str, tuple[int, str]]:
        found = sorted(self.folder.rglob("*"))
        return {str(path): (path.stat().st_mode, path.read_text() if path.is_file() else "") for path in found}

    def untouched(self) -> bool:
        return self._seen() == self.before


def link_to_a_file(path: Path, outside: Outside) -> None:
    path.symlink_to(outside.file)


def dangling_link(path: Path, outside: Outside) -> None:
    path.symlink_to(outside.folder / "new")


def second_name(path: Path, outside: Outside) -> None:
    os.link(outside.file, path)


def pipe(path: Path, outside: Outside) -> None:
    os.mkfifo(path)


def folder(path: Path, outside: Outside) -> None:
    path.mkdir()


def unix_socket(path: Path, outside: Outside) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the whole path is too long for an address
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path: Path, outside: Outside) -> None:
    path.touch()
    os.truncate(path, SPARSE)


FILES = (link_to_a_file, dangling_link, second_name, pipe, folder, unix_socket, sparse)


class Swap:
    """Swaps a folder for a link that leads out, just before the system is asked for the `at`-th time."""

    NAMES = ("open", "replace", "link", "unlink", "mkdir", "stat", "scandir", "fsync", "ftruncate", "write", "fchmod")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, outside: Outside) -> None:
        self.folder, self.outside = folder, outside
        self.at, self.count = -1, 0
        for name in self.NAMES:
            monkeypatch.setattr(os, name, self._hooked(getattr(os, name)))

    def _hooked(self, real: Callable[..., object]) -> Callable[..., object]:
        def hooked(*args: object, **how: object) -> object:
            self.count += 1
            if self.count == self.at:
                self.at = -1
                self.folder.rename(self.folder.with_name("moved"))
                self.folder.symlink_to(self.outside.folder)
            return real(*args, **how)

        return hooked

    def back(self) -> None:
        if self.folder.is_symlink():
            self.folder.unlink()
            self.folder.with_name("moved").rename(self.folder)


@contextlib.contextmanager
def watched(path: Path, seconds: float = 60) -> Iterator[None]:
    """Ends what waits for the pipe at this path, and fails."""
    late: list[int] = []

    def ring(*_: object) -> None:
        late.append(1)
        with contextlib.suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        raise TimeoutError(f"{path} was waited for")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not late, f"{path} was waited for"
