"""Finds the key, and the host it goes to, and keeps the key out of everything else.

The workflows call `find_key` and `base_url` once a run; the client asks the key for its value at the moment of sending,
and passes every text that came from outside through `redact`. Apart from the rest so that one module handles secrets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import os
import re
import shlex
import stat
import subprocess
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NoReturn

from gemctl.api.keyring import read_keyring
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError
from gemctl.core.project import Stack

BASE_URL = "GOOGLE_GEMINI_BASE_URL"  # read by the official SDKs too
DEFAULT_BASE_URL = "https://generativelanguage.googleapis.com"
COMMAND_TIMEOUT = 30.0  # seconds
LONGEST_KEY = 1024  # characters
REDACTED = "[API key]"
HIDDEN = "[secret]"
_LINE = 8  # characters: a line or word of a secret that has several is hidden by itself, unless it is shorter

_KEY_ENV = re.compile(r"(?:GEMINI|GOOGLE)_API_KEY(?:_[A-Z0-9_]+)?", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]+", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_BASE_PATH = re.compile(r"(?:/[A-Za-z0-9_.~-]+)*/?", re.ASCII)


class Key:
    """An API key. It never shows its value, neither as text nor to a pickler; `reveal` gives it, for sending.

    source    where it came from, such as `GEMINI_API_KEY`.
    warnings  about the way it was found.
    """

    __slots__ = ("__value", "source", "warnings")

    def __init__(self, value: str, source: str = "the caller", warnings: tuple[Diagnostic, ...] = ()) -> None:
        """`value` is stripped of surrounding whitespace. Raises GemctlError E311 when it can't be a key."""
        self.__value = _checked(value.strip(), source)
        self.source = source
        self.warnings = warnings

    def reveal(self) -> str:
        """The value itself, for the header `x-goog-api-key` and nothing else."""
        return self.__value

    def __repr__(self) -> str:
        return f"Key(from {self.source})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is not to be stored.")


def _checked(value: str, source: str) -> str:
    if value.startswith("auth_tokens/"):
        why = "is an ephemeral token, which the Live API takes and the REST API does not"
    elif not value:
        why = "is empty"
    elif len(value) > LONGEST_KEY:
        why = f"has more than {LONGEST_KEY:,} characters"
    elif not _KEY.fullmatch(value):
        why = "has a space, a line break or another character that no key has"
    else:
        return value
    raise GemctlError(
        f"The value from {source} {why}.",
        code="E311",
        hint="Copy the key again, from https://aistudio.google.com/apikey.",
    )


def read_key_file(path: str) -> str:
    """The text of a key file. Raises GemctlError E312: not a regular file, open to others, too long, unreadable.

    Checks the very file that it reads: one descriptor, opened without waiting for a pipe's other end.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb", buffering=0) as file:
            info = os.fstat(handle)
            if not stat.S_ISREG(info.st_mode):
                raise _bad_file("is not a regular file", "Name a file that holds the key and nothing else.")
            if info.st_mode & 0o077:
                raise _bad_file("is open to other users of this machine", "Close it: chmod 600.")
            data = file.read(4 * LONGEST_KEY + 1) or b""
    except OSError as error:
        raise _bad_file(f"can't be read: {error.strerror or type(error).__name__}", None) from None
    except ValueError:
        raise _bad_file("has a name that no file can have", None) from None
    if len(data) > 4 * LONGEST_KEY:
        raise _bad_file("is too long for a key", "Name a file that holds the key and nothing else.")
    return data.decode("latin-1")  # the key's own check refuses what isn't ASCII


def _bad_file(why: str, hint: str | None) -> GemctlError:
    return GemctlError(f"The file that GEMCTL_API_KEY_FILE names {why}.", code="E312", hint=hint)


def run_key_command(argv: Sequence[str]) -> str:
    """The standard output of a key command. No shell, no standard input, 30 seconds.

    Raises GemctlError E313, which tells the exit status and not the standard error: that may quote secrets.
    """
    try:
        done = subprocess.run(
            list(argv), stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise _bad_command(f"took longer than {COMMAND_TIMEOUT:.0f} seconds") from None
    except (OSError, ValueError, IndexError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise _bad_command(f"can't be started: {why or type(error).__name__}") from None
    if done.returncode:
        raise _bad_command(f"failed with exit status {done.returncode}")
    if len(done.stdout) > 4 * LONGEST_KEY:
        raise _bad_command("wrote more than a key")
    return done.stdout.decode("latin-1")


def _bad_command(why: str) -> GemctlError:
    return GemctlError(
        f"The command in GEMCTL_API_KEY_COMMAND {why}.",
        code="E313",
        hint="Run it by hand: it must print the key, and nothing else, to its standard output.",
    )


def find_key(
    env: Mapping[str, str],
    stack: Stack,
    read_file: Callable[[str], str] = read_key_file,
    run_command: Callable[[Sequence[str]], str] = run_key_command,
    ask_keyring: Callable[[str], str] = read_keyring,
) -> Key:
    """The key for a stack; the first of these that is there (an empty variable is not):

    1. the variable or the entry of the keyring that the stack names (`apiKey: {env: …}`, `apiKey: {keyring: …}`).
       It alone: another key might belong to another project.
    2. the file named by GEMCTL_API_KEY_FILE,
    3. the output of the command in GEMCTL_API_KEY_COMMAND (split as a shell would, run without one),
    4. GEMINI_API_KEY,
    5. GOOGLE_API_KEY. (W301 among the key's warnings when both are set and differ.)

    Raises GemctlError: E310 no key, E311 not a key or not a variable for keys, E312 file, E313 command, E318 and E319
    keyring.
    """
    if stack.keyring is not None:
        return Key(ask_keyring(stack.keyring), "the keyring")
    if stack.key_env is not None:
        if not _KEY_ENV.fullmatch(stack.key_env):
            raise GemctlError(
                f"Stack {stack.name} takes its key from a variable that isn't one for keys.",
                code="E311",
                hint="Name it GEMINI_API_KEY or GOOGLE_API_KEY, or one of these with a suffix: GEMINI_API_KEY_PROD.",
            )
        if not env.get(stack.key_env, "").strip():
            raise GemctlError(
                f"Stack {stack.name} takes its key from {stack.key_env}, which is not set.",
                code="E310",
                hint=f"Set {stack.key_env}. The usual variables are not asked: they may hold another project's key.",
            )
        return Key(env[stack.key_env], stack.key_env)
    if path := env.get("GEMCTL_API_KEY_FILE", ""):
        return Key(read_file(path), "GEMCTL_API_KEY_FILE")
    if command := env.get("GEMCTL_API_KEY_COMMAND", "").strip():
        try:
            argv = shlex.split(command)
        except ValueError:
            raise _bad_command("has a quote that isn't closed") from None
        return Key(run_command(argv), "GEMCTL_API_KEY_COMMAND")
    gemini, google = (env.get(name, "").strip() for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"))
    if gemini and google and not hmac.compare_digest(gemini.encode(), google.encode()):
        return Key(gemini, "GEMINI_API_KEY", (_TWO_KEYS,))
    if gemini:
        return Key(gemini, "GEMINI_API_KEY")
    if google:
        return Key(google, "GOOGLE_API_KEY")
    raise GemctlError(
        f"There is no API key for stack {stack.name}.",
        code="E310",
        hint="Set GEMINI_API_KEY (get one at https://aistudio.google.com/apikey), or let the stack in gemctl.yaml say "
        "`endpoint: emulator`, which needs no key and no network.",
    )


_TWO_KEYS = problem(
    "W301",
    "GEMINI_API_KEY and GOOGLE_API_KEY are both set and differ; GEMINI_API_KEY is used.",
    hint="Unset one of them, or name the one to use in gemctl.yaml: `apiKey: {env: GOOGLE_API_KEY}`.",
)


def fingerprint(key: Key, salt: bytes) -> str:
    """Eight hex digits that tell keys apart without giving them away: HMAC-SHA256 of the key under a stack's salt."""
    return hmac.new(salt, key.reveal().encode(), hashlib.sha256).hexdigest()[:8]


def redact(text: str, key: Key | None) -> str:
    """`text` without the key, in whatever case: as it is, percent-encoded, JSON-escaped, in base64 (or amid it)."""
    if key is None:
        return text
    return _without(text, _forms(key.reveal()), REDACTED)


def redact_all(text: str, secrets: Iterable[str]) -> str:
    """`text` without these secrets, as `redact` is; also without their longer lines and words, if they have several."""
    forms: set[str] = set()
    for secret in secrets:
        lines = [one for one in (*map(str.strip, secret.splitlines()), *secret.split()) if len(one) >= _LINE]
        short = " ".join(secret.split())  # as `Listener.clean` shows it
        shown = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in short)
        for value in {secret, secret.strip(), short, shown, *lines} - {""}:
            forms |= _forms(value)
    return _without(text, forms, HIDDEN) if forms else text


def _without(text: str, forms: set[str], instead: str) -> str:
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.sub("|".join(map(re.escape, longest_first)), instead, text, flags=re.IGNORECASE)


def _forms(value: str) -> set[str]:
    quoted = {urllib.parse.quote(value, safe=""), urllib.parse.quote(value), urllib.parse.quote_plus(value)}
    forms = {value, json.dumps(value)[1:-1], json.dumps(value)[1:-1].replace("/", "\\/"), *quoted}
    raw = value.encode()
    for before in range(
        3
    ):  # where the key starts in a group of three bytes; characters shared with neighbours are left out
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        rest = (before + len(raw)) % 3
        inner = encoded[(0, 2, 3)[before] : len(encoded) - (0, 3, 2)[rest]]
        if len(inner) >= 4:
            forms |= {inner, inner.translate(str.maketrans("+/", "-_"))}
    return forms - {REDACTED, ""}


def base_url(env: Mapping[str, str]) -> str:
    """The URL of the API: GOOGLE_GEMINI_BASE_URL, a path in front of the version included, or the public host.

    Without a trailing slash. Raises GemctlError E314 for what the key must not be sent to: anything but https (plain
    http only to this very machine), credentials, a query or a fragment in it.
    """
    text = env.get(BASE_URL, "").strip()
    if not text:
        return DEFAULT_BASE_URL
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad_base(text, "is not a URL") from None
    if not text.isascii() or not text.isprintable() or "\\" in text or " " in text:
        raise _bad_base(text, "has characters that no URL has")
    if "@" in parts.netloc:
        raise _bad_base(text, "holds a user name or password")
    if "?" in text or "#" in text:
        raise _bad_base(text, "has a query or a fragment")
    if not _is_address(host) and not _HOST.fullmatch(host):
        raise _bad_base(text, "names no host")
    if port == 0:
        raise _bad_base(text, "has a port that doesn't exist")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise _bad_base(text, "is not https; plain http is for loopback hosts only")
    if not _BASE_PATH.fullmatch(parts.path) or any(step in (".", "..") for step in parts.path.split("/")):
        raise _bad_base(text, "has a path that can't stand in front of the API's version")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _bad_base(text: str, why: str) -> GemctlError:
    return GemctlError(
        f"{BASE_URL} {why}: it is {_without_secrets(text)}.",
        code="E314",
        hint=f"Write {BASE_URL}=https://host, with a path if need be; {BASE_URL}=http://127.0.0.1:8085 for what "
        f"`gemctl emulator` serves; or unset it to use {DEFAULT_BASE_URL}.",
    )


def _without_secrets(text: str) -> str:
    """A text that is no base URL, without parts that may be a password or a key: at most 80 printable characters."""
    scheme, colon, rest = text.partition("://")
    if not colon:
        scheme, rest = "", text
    rest = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    shown = re.sub(r"[A-Za-z0-9_+=-]{30,}", "…", f"{scheme[:10]}{colon}{rest}")
    shown = "".join(c if c.isprintable() else "?" for c in shown)
    return f'"{shown if len(shown) <= 80 else f"{shown[:79]}…"}"'


def is_loopback(host: str) -> bool:
    """Whether this host name is this very machine: `localhost`, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    if not _is_address(host):
        return False
    address = ipaddress.ip_address(host)
    mapped = getattr(address, "ipv4_mapped", None)  # versions of Python disagree on these; they are not plain enough
    return address.is_loopback and mapped is None


def _is_address(host: str) -> bool:
    try:
        return "%" not in host and bool(ipaddress.ip_address(host))
    except ValueError:
        return False
