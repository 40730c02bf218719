"""Where tokens go: to a file, or to a command. Standard output is the command line's own.

A sink is asked whether it can take a token before one is minted, since a token that nobody got lives all the same: it
can't be revoked. A value is handed over once, to one sink, and is in no message, log, argument or environment.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shlex
import shutil
import stat
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from gemctl.core.errors import GemctlError
from gemctl.core.record import MintedToken

_KEYS = re.compile(r"(?:GEMINI|GOOGLE)_API_KEY(?:_\w+)?|GEMCTL_API_KEY_(?:FILE|COMMAND)", re.ASCII)
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # what a file system without them answers
_STDERR = 2


class Value:
    """A token. Its representation shows the digest only, so that no message or traceback can hold the secret."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def digest(self) -> str:
        """The first 16 hex digits of its SHA-256, by which the ledger knows it."""
        return hashlib.sha256(self._text.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"<token {self.digest}>"


class Sink(Protocol):
    """Takes tokens. `prepare` comes before the first is minted, `close` at the end whatever happened."""

    def prepare(self) -> None:
        """Raises GemctlError E541 or OSError when it can't take any."""

    def take(self, value: Value, token: MintedToken) -> None:
        """Raises GemctlError E542 or OSError when the value did not arrive, as far as one can tell."""

    def close(self) -> None:
        """Leave nothing behind that was not handed over."""


class FileSink:
    """One token a line, in a file that only its owner can read. The file is complete at any moment, or not there.

    A file that is there already is replaced only with `overwrite`, and nothing is written through a link. `reserved`
    is a folder that it must stay out of.
    """

    def __init__(self, path: str, *, overwrite: bool, reserved: Path) -> None:
        self._path, self._overwrite, self._reserved = Path(path), overwrite, reserved
        self._named = path
        self._lines = ""
        self._next: tuple[Path, int] | None = None

    def prepare(self) -> None:
        path = self._path
        if self._named in ("", "-") or not path.name or self._named.endswith("/"):
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

    def take(self, value: Value, token: MintedToken) -> None:
        self._lines += value.reveal() + "\n"
        temporary, handle = self._next or self._new()
        self._next = None
        try:
            try:
                view = memoryview(self._lines.encode())
                while view:
                    view = view[os.write(handle, view) :]
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            raise
        try:
            self._put(temporary)
        except OSError as error:  # it is on the disk already, and the file system won't call it by the right name
            raise GemctlError(
                f"{self._path} could not be written: {error.strerror}. What was to be in it is in {temporary}.",
                code="E542",
            ) from None
        self._overwrite = True  # from now on it is ours

    def close(self) -> None:
        if self._next is not None:
            temporary, handle = self._next
            self._next = None
            os.close(handle)
            with suppress(OSError):
                temporary.unlink()

    def _new(self) -> tuple[Path, int]:
        temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600)
        os.fchmod(handle, 0o600)
        return temporary, handle

    def _put(self, temporary: Path) -> None:
        """Give it its name. Without --overwrite another file of that name is left alone, however late it came."""
        if self._overwrite:
            temporary.replace(self._path)
            return
        try:
            os.link(temporary, self._path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            temporary.replace(self._path)
        else:
            temporary.unlink()


class CommandSink:
    """Runs a command for each token, without a shell, with the token on its standard input and nothing behind it.

    It gets the environment without API keys. What it prints goes to standard error.
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

    def take(self, value: Value, token: MintedToken) -> None:
        done = subprocess.run(self._argv, input=value.reveal().encode(), stdout=_STDERR, env=self._env, check=False)
        if done.returncode:
            how = f"ended with {done.returncode}" if done.returncode > 0 else f"was ended by signal {-done.returncode}"
            raise GemctlError(f"{self._argv[0]} {how}.", code="E542")

    def close(self) -> None:
        pass


def _unusable(why: str, hint: str) -> GemctlError:
    return GemctlError(f"{why}. Nothing was minted.", code="E541", hint=hint)
