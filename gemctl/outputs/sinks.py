"""Hands tokens over: to a file, or to a command. cli/commands/token.py chooses a sink, and has its own for standard
output; workflows/token.py gives it the minted tokens.

A sink says whether it can take a token before one is minted, since a token that nobody got lives all the same: it can't
be revoked. A value is handed over once, to one sink, and is in no message, log, argument or environment.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gemctl.core.errors import GemctlError
from gemctl.core.record import MintedToken
from gemctl.core.secret import Secret
from gemctl.files.disk import Files
from gemctl.files.whole import Fresh

_KEYS = re.compile(r"(?:GEMINI|GOOGLE)_API_KEY(?:_\w+)?|GEMCTL_API_KEY_(?:FILE|COMMAND)", re.ASCII)
_STDERR = 2
_LAST = 2.0  # seconds, for what a command has printed at its end


class Sink(Protocol):
    """Takes tokens. `prepare` comes before the first is minted, `close` at the end whatever happened."""

    def prepare(self) -> None:
        """Raises GemctlError E541 or OSError when it can't take any."""

    def take(self, value: Secret, token: MintedToken) -> None:
        """Raises GemctlError E542 or OSError when the value did not arrive, as far as one can tell."""

    def close(self) -> None:
        """Remove what was prepared and not handed over."""


class FileSink:
    """One token a line, in a file that only its owner can read. The file is complete at any moment, or not there.

    An existing file is replaced only with `overwrite`, and nothing is written through a link. `reserved`
    is a folder that it must stay out of.
    """

    def __init__(self, path: str, *, overwrite: bool, reserved: Path) -> None:
        self._path, self._overwrite, self._reserved = Path(path).absolute(), overwrite, reserved
        self._files = Files(self._path.parent)
        self._named = path
        self._lines = ""
        self._next: Fresh | None = None

    def prepare(self) -> None:
        path = self._path
        if self._named in ("", "-") or not Path(self._named).name or self._named.endswith("/"):
            raise _unusable(f"{self._named!r} is not the name of a file", "Leave --to-file out for standard output.")
        if not path.parent.is_dir():
            raise _unusable(f"There is no folder {path.parent}", "Make it first.")
        if path.parent.resolve().is_relative_to(self._reserved.resolve()):
            raise _unusable(f"{path} lies in the folder of gemctl's own state", "Write it elsewhere.")
        if path.is_symlink():
            raise _unusable(f"{path} is a link, and tokens are not written through one", "Name the file itself.")
        if os.path.lexists(path):
            if not self._overwrite:
                raise _unusable(f"{path} is there already", "Name another file, or give --overwrite.")
            if not stat.S_ISREG(path.lstat().st_mode):
                raise _unusable(f"{path} is not a regular file", "Name another one.")
        self._next = self._new()

    def take(self, value: Secret, token: MintedToken) -> None:
        self._lines += value.reveal() + "\n"
        new, self._next = self._next or self._new(), None
        with new:
            try:
                new.write(self._lines.encode())
                new.sync()
            except OSError:
                new.drop()
                raise
            try:
                why = None if new.put(over=self._overwrite) else "there is a file of that name by now"
            except OSError as error:
                why = None if new.done else error.strerror or str(error)
        if why is not None:  # the token is on the disk already, in a file that can't be renamed
            raise GemctlError(
                f"{self._path} could not be written: {why}. What was to be in it is in {new.name}.", code="E542"
            )
        self._overwrite = True  # from now on it is ours

    def close(self) -> None:
        new, self._next = self._next, None
        if new is not None:
            with new:
                new.drop()

    def _new(self) -> Fresh:
        """A new temporary file. One that an earlier mint could not rename is left alone: tokens stand in it."""
        return Fresh(self._files, self._path, sweep=False)


class CommandSink:
    """Runs a command for each token, without a shell, with the token on its standard input and nothing behind it.

    It gets the environment without API keys. What it prints goes to standard error, without the token.
    """

    def __init__(self, command: str, env: Mapping[str, str]) -> None:
        self._command = command
        self._env = {name: value for name, value in env.items() if not _KEYS.fullmatch(name)}
        self._argv: list[str] = []

    def prepare(self) -> None:
        try:
            self._argv = shlex.split(self._command)
        except ValueError as error:
            raise _unusable(f"The command can't be read: {str(error).lower()}", "Mind the quotes.") from None
        if not self._argv or "\0" in self._command:
            raise _unusable("The command can't be one", "Name a program and its arguments.")
        if shutil.which(self._argv[0], path=self._env.get("PATH")) is None:
            raise _unusable(f"There is no program {self._argv[0]}", "It runs without a shell: name a program itself.")

    def take(self, value: Secret, token: MintedToken | None = None) -> None:
        secret = value.reveal().encode()
        done = self._run(secret)
        if done.returncode:
            how = f"ended with {done.returncode}" if done.returncode > 0 else f"was ended by signal {-done.returncode}"
            raise GemctlError(f"{self._argv[0]} {how}.", code="E542")

    def _run(self, secret: bytes) -> subprocess.CompletedProcess[bytes]:
        read, write = os.pipe()
        printing = threading.Thread(target=_print_without, args=(secret, read), daemon=True)
        printing.start()
        try:
            return subprocess.run(self._argv, input=secret, stdout=write, stderr=write, env=self._env, check=False)
        finally:
            os.close(write)
            printing.join(_LAST)  # a process that it has left behind may keep the pipe open

    def close(self) -> None:
        pass


def _print_without(secret: bytes, read: int) -> None:
    """Print the lines that come out of the pipe, until its end."""
    with open(read, "rb") as lines, suppress(OSError):
        for line in lines:
            os.write(_STDERR, line.replace(secret, b"[secret]"))


def _unusable(why: str, hint: str) -> GemctlError:
    return GemctlError(f"{why}.", code="E541", hint=hint)
