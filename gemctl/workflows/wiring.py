"""Chooses the project and stack, the emulator or Gemini, the key, and the place of the state; no other module does.
Called by cli/context.py for each command, and by workflows.

Everything heavy is imported where it is first needed, so that `--help` and offline commands stay quick.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gemctl import __version__
from gemctl.core.clock import Clock
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import GemctlError, StateError
from gemctl.core.event import TellRetry
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue
from gemctl.core.moment import parse_duration, parse_instant
from gemctl.core.place import Keeper, StatePlace, shown
from gemctl.core.project import Endpoint, Project, Stack
from gemctl.core.record import Ledger, addresses
from gemctl.state.codec import Identity
from gemctl.state.store import Loaded, Store

if TYPE_CHECKING:
    from gemctl.api.auth import Key
    from gemctl.api.client import Client
    from gemctl.api.live import Opener
    from gemctl.api.reads import Reads
    from gemctl.emulator.folder import Folder
    from gemctl.manifest.root import LoadedProject

FRESH = timedelta(seconds=5)  # how old an intent may be when it is sent; or a quarter of `settle`, where that is longer
STATE_FOLDER = ".gemctl"
EMULATOR_CLOCK = "GEMCTL_EMULATOR_CLOCK"
EMULATOR_KNOBS = "GEMCTL_EMULATOR_KNOBS"
STACK = "GEMCTL_STACK"


class SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of the command line and the environment, before any file is read.

    folder        where to look for gemctl.yaml, from there upwards.
    stack         the stack to use; None for the project's default.
    lock_timeout  seconds to wait for another run.
    variables     `name=value`, over those of the environment and of the stack.
    """

    folder: str
    env: Mapping[str, str]
    clock: Clock
    stack: str | None = None
    lock_timeout: float = 0.0
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """An opened project: one stack of it, and the store that keeps its state."""

    root: Path
    loaded: LoadedProject
    stack: Stack
    store: Store
    settings: Settings

    @property
    def project(self) -> Project:
        return self.loaded.project

    @property
    def catalogue(self) -> Catalogue:
        from gemctl.kinds import CATALOGUE

        return CATALOGUE

    @property
    def clock(self) -> Clock:
        return self.settings.clock

    @property
    def folder(self) -> Path:
        """The stack's folder on this machine, wherever its state is kept: for results on their way, and the embedded
        emulator.
        """
        return self.root / STATE_FOLDER / self.stack.name

    def sibling(self, stack: str) -> Session:
        """Another stack of the same project. Raises Usage for one that it doesn't have."""
        return self if stack == self.stack.name else open_session(replace(self.settings, stack=stack))


@dataclass(frozen=True, slots=True)
class Connection:
    """The way to the service that was chosen.

    endpoint   as it is shown, and recorded in the state: `emulator`, or the host.
    key        None for the embedded emulator.
    at_once    whether several clients may call at the same time; in a simulation one calls after the other.
    here       whether what is asked is on this very machine, so that nothing is paid for.
    sessions   makes what opens sessions of the Live API. Raises GemctlError where a library for it is missing.
    reads      takes note of all that its clients ask for; None where nobody wants to know.
    """

    endpoint: str
    key: Key | None
    new_client: Callable[[], Client]
    server_now: Callable[[], datetime]
    warnings: Callable[[], tuple[Diagnostic, ...]]
    at_once: bool = True
    here: bool = False
    sessions: Callable[[], Opener] | None = None
    reads: Reads | None = None


def open_session(settings: Settings, *, shown: bool = False) -> Session:
    """Read gemctl.yaml and pick the stack. `shown`: for what only shows something. Raises Rejected, Usage."""
    from gemctl.manifest.find import project_root
    from gemctl.manifest.root import load_project
    from gemctl.manifest.stack import choose_stack, with_variables

    root = Path(project_root(settings.folder))
    loaded = load_project(str(root), shown=shown)
    name = settings.stack or settings.env.get(STACK)
    stack = choose_stack(loaded.project, name, None if settings.stack else STACK)
    stack = with_variables(stack, settings.variables, settings.env)
    store = open_store(stack.state, loaded.project, stack, root, settings)
    return Session(root, loaded, stack, store, settings)


def open_store(place: StatePlace, project: Project, stack: Stack, root: Path, settings: Settings) -> Store:
    """The store at a place; nothing is read or connected yet. Raises GemctlError."""
    if place.keeper is Keeper.LOCAL:
        from gemctl.state.local import LocalStore

        return LocalStore(root / STATE_FOLDER / stack.name, clock=settings.clock, root=root)
    from gemctl.state.shared import SharedStore

    whose = (project.identity, stack.name)
    if place.keeper is Keeper.OBJECT:
        from gemctl.state.objects import ObjectBackend

        return SharedStore(ObjectBackend(place.at, *whose, clock=settings.clock, env=settings.env))
    from gemctl.state.postgres import PostgresBackend

    # No password goes in clear to a place that a project file names, unless the environment says that it may.
    methods = settings.env.get("PGREQUIREAUTH", "!password") if place.env is None else None
    dsn = place.at if place.env is None else settings.env.get(place.env, "")
    return SharedStore(PostgresBackend(dsn, shown(place), *whose, clock=settings.clock, methods=methods))


def _emulator_folder(session: Session) -> Folder:
    """The folder with the embedded emulator's objects, made if missing. Raises OSError."""
    from gemctl.emulator.folder import Folder
    from gemctl.files.disk import Files

    files, path = Files(session.root), session.folder / "emulator"
    files.make_folder(path)
    return Folder(path, lambda _: files.reach_folder(path))


def read_project(settings: Settings) -> Project:
    """The project, without choosing a stack of it. Raises Rejected, Usage."""
    from gemctl.manifest.find import project_root
    from gemctl.manifest.root import load_project

    return load_project(project_root(settings.folder)).project


def connect(
    session: Session,
    *,
    tell_retry: TellRetry | None = None,
    stopping: Callable[[], bool] = lambda: False,
    emulated: Callable[[], datetime] | None = None,
    reads: Reads | None = None,
) -> Connection:
    """Choose the endpoint and its key; nothing is sent yet. Raises GemctlError when there is no usable one.

    `emulated` is the embedded emulator's time, where it goes on from one connection to the next. `reads` takes note of
    all that is asked.
    """
    from gemctl.api import auth
    from gemctl.api.client_factory import ClientFactory

    env, stack = session.settings.env, session.stack
    if stack.endpoint is Endpoint.EMULATOR:
        from gemctl.emulator.app import App
        from gemctl.emulator.store import FileStore
        from gemctl.emulator.transport import EmulatorTransport
        from gemctl.emulator.world import World

        now = emulated or emulator_now(env.get(EMULATOR_CLOCK), session.clock)
        app = App(World(FileStore(_emulator_folder(session)), now=now), **emulator_knobs(env.get(EMULATOR_KNOBS)))
        clients = ClientFactory(
            base_url="http://emulator.invalid",
            api_version=stack.api_version,
            key=auth.Key("embedded-emulator"),
            clock=session.clock,
            timing=session.project.timing,
            make_transport=lambda: EmulatorTransport(app, sleep=session.clock.sleep),
            tell_retry=tell_retry,
            stopping=stopping,
            reads=reads,
        )

        def embedded() -> Opener:
            from gemctl.emulator import local_socket

            return partial(local_socket.connect, app, sleep=session.clock.sleep)

        now_there = clients.server_clock.now
        return Connection(
            "emulator", None, clients.client, now_there, lambda: (), here=True, sessions=embedded, reads=reads
        )
    key = auth.find_key(env, stack)
    base = auth.base_url(env)
    clients = ClientFactory(
        base_url=base,
        api_version=stack.api_version,
        key=key,
        clock=session.clock,
        timing=session.project.timing,
        tell_retry=tell_retry,
        stopping=stopping,
        env=env,
        reads=reads,
    )

    def warnings() -> tuple[Diagnostic, ...]:
        skew = clients.server_clock.warning()
        return (*key.warnings, skew) if skew else key.warnings

    def served() -> Opener:
        from gemctl.api._websockets import opener

        return opener(base, env)

    host = urlsplit(base).hostname or base
    here = auth.is_loopback(host)
    return Connection(
        host, key, clients.client, clients.server_clock.now, warnings, here=here, sessions=served, reads=reads
    )


def emulator_now(setting: str | None, clock: Clock) -> Callable[[], datetime]:
    """The embedded emulator's time: this machine's, or shifted as GEMCTL_EMULATOR_CLOCK says.

    `+25h` is that much later than now; an instant such as 2027-01-31T18:00:00Z is where this command starts.
    """
    if not setting:
        return clock.now
    try:
        if setting.startswith("+"):
            shift = parse_duration(setting[1:])
        else:
            shift = parse_instant(setting) - clock.now()
        if not 2000 <= (clock.now() + shift).year < 2100:
            raise ValueError("it is not in this century")
    except (ValueError, OverflowError) as error:
        raise GemctlError(
            f"{EMULATOR_CLOCK} can't be used: {error}", code="E003", hint="Write +25h, or 2027-01-31T18:00:00Z."
        ) from None
    return lambda: clock.now() + shift


def emulator_knobs(setting: str | None) -> dict[str, Any]:
    """The embedded emulator's knobs, which GEMCTL_EMULATOR_KNOBS sets: a JSON object, as `gemctl emulator --knobs`
    reads it from a file. Raises GemctlError E003.
    """
    if not setting:
        return {}
    import json

    from gemctl.emulator import knobs

    try:
        return knobs.read(json.loads(setting))
    except (ValueError, RecursionError) as error:
        raise GemctlError(
            f"{EMULATOR_KNOBS} can't be used: {error}.",
            code="E003",
            hint='Write a JSON object of knobs, such as {"batches_at_once": 3}.',
        ) from None


def identity(session: Session, connection: Connection, before: Identity | None, chosen: str = "") -> Identity:
    """The identity of the state from now on; the salt stays, the fingerprint is that of the present key. `chosen` is
    the salt of a new state, where there is one already.
    """
    from gemctl.api.auth import fingerprint

    salt = before.key_salt if before and before.key_salt else chosen or secrets.token_hex(8)
    print_ = fingerprint(connection.key, bytes.fromhex(salt)) if connection.key else ""
    return Identity(session.project.identity, session.stack.name, connection.endpoint, salt, print_)


def check_identity(loaded: Loaded, wanted: Identity, place: str) -> None:
    """Raises StateError when this state belongs to another project, stack or endpoint."""
    have = loaded.identity
    if have is None:
        return
    if (have.project, have.stack) != (wanted.project, wanted.stack):
        raise StateError(
            f"The state in {place} belongs to project {have.project}, stack {have.stack}; "
            f"this is project {wanted.project}, stack {wanted.stack}.",
            code="E405",
            hint="Put back the id in gemctl.yaml that the state was made with, or move that folder away.",
        )
    if have.endpoint != wanted.endpoint:
        raise StateError(
            f"The state in {place} is about {have.endpoint}; this run would talk to {wanted.endpoint}.",
            code="E406",
            hint="Use another stack for another endpoint (and see GOOGLE_GEMINI_BASE_URL).",
        )


def late(session: Session, connection: Connection) -> Callable[[datetime], bool]:
    """Whether what was intended at that instant must not be sent any more: a later run waits for what it may still make
    for `settle`, counted from there.
    """
    most = max(session.project.timing.settle / 4, FRESH)
    return lambda at: connection.server_now() - at > most


def load_state(session: Session) -> Loaded:
    """Load the state for a run that acts by it. Raises StateError, also E420; StoreFailed."""
    loaded = session.store.load()
    check_kinds(loaded.ledger, session.catalogue, session.store.place)
    return loaded


def check_kinds(ledger: Ledger, catalogue: Catalogue, where: str) -> None:
    """Raises StateError where the ledger has kinds that this gemctl doesn't know: it can decide nothing about them, nor
    about what may refer to them.
    """
    unknown = sorted(address for address in addresses(ledger) if address.kind not in catalogue)
    if not unknown:
        return
    kinds = ", ".join(sorted({address.kind for address in unknown}))
    raise StateError(
        f"{where} records {', '.join(map(str, unknown))}, and this gemctl ({__version__}) doesn't know of {kinds}: it "
        "was made by a newer gemctl.",
        code="E420",
        hint=f"Use the newer gemctl; nothing was touched. `gemctl state rm {unknown[0]}` lets go of it: what is live "
        "stays live, and nobody looks after it.",
    )


def key_changed(loaded: Loaded, connection: Connection) -> bool:
    """True when another key than last time is used."""
    if loaded.identity is None or connection.key is None or not loaded.identity.key_print:
        return False
    from gemctl.api.auth import fingerprint

    return fingerprint(connection.key, bytes.fromhex(loaded.identity.key_salt)) != loaded.identity.key_print
