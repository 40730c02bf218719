"""Serves the emulator at a socket, for SDKs and for users' own tests. Called by `gemctl emulator`."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError, Usage
from gemctl.core.extras import how_to_install
from gemctl.core.frozen import dataclass
from gemctl.core.moment import parse_instant
from gemctl.files.disk import read_given

if TYPE_CHECKING:
    from gemctl.emulator.admin import Admin
    from gemctl.emulator.app import App
    from gemctl.emulator.certificate import Certificate
    from gemctl.emulator.seen import Record

LOOPBACK = "127.0.0.1"
_MOST_KNOBS = 1 << 20  # bytes of a file of knobs
_LARGEST_SNAPSHOT = 64 << 20


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The settings of a served emulator, as the command line gives them.

    folder     where its objects are kept; None: in memory
    start      where its clock starts, RFC 3339; None: now
    still      whether its clock stands still
    seed       the seed of its names; None: by chance
    knobs      a JSON file of knobs
    turns      `NAME=VALUE` for single knobs, after the file's
    certificate  the folder of its certificate; None: one of the user's own
    objects    a seed: a YAML or JSON file of objects that are made in an empty emulator
    snapshot   a snapshot from which an empty emulator goes on
    record     a file to which each request is added as a line of JSON
    host       the address to listen on
    hosts      the names by which others than this machine may call it
    """

    folder: str | None = None
    start: str | None = None
    still: bool = False
    seed: int | None = None
    knobs: str | None = None
    turns: Sequence[str] = ()
    certificate: str | None = None
    objects: str | None = None
    snapshot: str | None = None
    record: str | None = None
    host: str = LOOPBACK
    hosts: Sequence[str] = ()


def serve(port: int, options: ServeOptions, clock: Clock | None, ready: Callable[[str, str], None]) -> None:
    """Serve until a signal comes. `ready` gets the base URL, and why there is no TLS, or nothing if there is. Raises
    Usage for options that make no sense, and GemctlError when the extra is not installed or the port is taken.
    """
    try:
        from gemctl.emulator.server import serve as run
    except ModuleNotFoundError as error:
        raise GemctlError(
            f"The served emulator needs {error.name}, which is not installed.",
            code="E020",
            hint=f"{how_to_install('emulator')} Stacks with `endpoint: emulator` work without.",
        ) from None
    from gemctl.emulator import admin
    from gemctl.emulator.app import App
    from gemctl.emulator.clock import SettableClock
    from gemctl.emulator.store import FileStore, MemoryStore
    from gemctl.emulator.world import World

    _checked(options.hosts)
    store = FileStore(Path(options.folder)) if options.folder else MemoryStore()
    now = SettableClock(clock.now if clock else lambda: datetime.now(UTC), _start(options.start), still=options.still)
    app = App(World(store, now=now, ids=admin.ids(options.seed)), **_knobs(options))
    if options.folder is not None:
        _read(app, options.folder)
    certificate, why = _certificate(options, os.environ)
    door = admin.Admin(app, now, options.seed, None if certificate is None else certificate.trusted)
    _fill(door, options)
    tls = None if certificate is None else certificate.context()
    app.record = None if options.record is None else _record(options.record)
    try:
        hosts = None if options.host == LOOPBACK and not options.hosts else options.hosts
        run(app, port, lambda url: ready(url, why), host=options.host, admin=door, tls=tls, hosts=hosts)
    except ValueError as error:
        raise Usage(f"--host {options.host} can't be used: {error}.", code="E009") from None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        raise GemctlError(
            f"Port {port} of {options.host} can't be used: {error.strerror or error}.",
            code="E091",
            hint="Give --port 0 for a free one, which is printed; or --port with another number from 1024 on.",
        ) from None


def _checked(hosts: Sequence[str]) -> None:
    """Refuse names that no request can have."""
    from gemctl.emulator.loopback import host_name

    try:
        for host in hosts:
            host_name(host)
    except ValueError as error:
        raise Usage(f"--allow-host {host} can't be used: {error}.", code="E009") from None


def _read(app: App, folder: str) -> None:
    """Read the store, so that one that can't be used is heard of before anybody asks."""
    from gemctl.emulator.folder import StoreDamaged

    try:
        with app.held():
            pass
    except (OSError, StoreDamaged) as error:
        raise GemctlError(f"The objects can't be kept in {folder}: {error}.", code="E090") from None


def _certificate(options: ServeOptions, env: Mapping[str, str]) -> tuple[Certificate | None, str]:
    """The certificate, in the folder that is given or in the user's own; or why there is none. Raises E090 where that
    is for the folder that is given."""
    from gemctl.emulator.certificate import kept
    from gemctl.emulator.folder import StoreDamaged

    try:
        folder = Path(options.certificate) if options.certificate else _state_folder(env) / "emulator"
        # By the time of this machine, since clients go by it, and not by the emulator's.
        return kept(folder.absolute(), datetime.now(UTC), _roots(env), options.hosts), ""
    except ModuleNotFoundError as error:
        why = f"{error.name} is not installed. {how_to_install('emulator')}"
    except (OSError, RuntimeError, ValueError, StoreDamaged) as error:
        why = f"its certificate can't be kept: {error}"
        if options.certificate:
            raise GemctlError(
                f"The certificate can't be kept in {options.certificate}: {error}.", code="E090"
            ) from None
    return None, why


def _state_folder(env: Mapping[str, str]) -> Path:
    """Where programs of this user keep what is of no project (the XDG base directory specification)."""
    named = Path(env.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local/state") / "gemctl"


def _roots(env: Mapping[str, str]) -> Path:
    """The file of the authorities that programs of Python trust here."""
    if named := env.get("SSL_CERT_FILE"):
        return Path(named)
    import certifi

    return Path(certifi.where())


def _record(path: str) -> Record:
    from gemctl.emulator.seen import Record

    try:
        return Record(Path(path))
    except OSError as error:
        why = error.strerror or error
        raise Usage(f"--record {path} can't be written: {why}.", code="E009") from None


def _fill(door: Admin, options: ServeOptions) -> None:
    """Make what is there at the start."""
    if options.snapshot is not None:
        if options.start or options.still or options.seed is not None or options.objects:
            raise Usage(
                "--snapshot has objects, a time and names of its own: it goes with none of --clock, --still, --seed and"
                " --seed-file.",
                code="E009",
            )
        where = f"--snapshot {options.snapshot}"
        try:
            document = _json(options.snapshot, _LARGEST_SNAPSHOT)
            door.begin(lambda: door.restore(document))
        except ValueError as error:
            raise Usage(f"{where} can't be used: {error}.", code="E009") from None
    elif options.objects is not None:
        from gemctl.emulator import seed_text

        try:
            seed = seed_text.read(Path(options.objects))
            door.begin(lambda: door.seed(seed))
        except ValueError as error:
            raise Usage(
                f"{str(error).removesuffix('.')}.", code="E009", hint="docs/emulator/seeds.md has examples."
            ) from None


def _start(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise Usage(
            f"--clock {text} can't be used: {error}", code="E009", hint="Write a time such as 2027-01-31T18:00:00Z."
        ) from None


def _knobs(options: ServeOptions) -> dict[str, Any]:
    from gemctl.emulator import knobs

    given: dict[str, Any] = {}
    where = f"--knobs {options.knobs}"
    try:
        if options.knobs is not None:
            given.update(knobs.read(_json(options.knobs, _MOST_KNOBS)))
        for turn in options.turns:
            where = f"--set {turn}"
            name, _, value = turn.partition("=")
            given.update(knobs.read({name: json.loads(value)}))
    except (json.JSONDecodeError, RecursionError):
        raise Usage(f"{where} is no JSON.", code="E009", hint="Write, for example, --set latency=0.2.") from None
    except ValueError as error:
        raise Usage(
            f"{where} can't be used: {error}.", code="E009", hint="docs/emulator/knobs-and-faults.md has the knobs."
        ) from None
    return given


def _json(path: str, most: int) -> Any:
    """What a file of JSON says. Raises Usage with the place of what is no JSON."""
    try:
        return json.loads(read_given(Path(path), most))
    except json.JSONDecodeError as error:
        raise Usage(f"{path}:{error.lineno}:{error.colno}: it is no JSON: {error.msg}.", code="E009") from None
    except UnicodeDecodeError as error:
        raise Usage(f"{path}: it is no JSON: {error.reason}.", code="E009") from None
    except RecursionError:
        raise Usage(f"{path}: it is nested too deeply.", code="E009") from None
