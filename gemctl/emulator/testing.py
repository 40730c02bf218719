"""Serves an emulator to the tests of a user's program, in the same process: `with emulator() as gemini: …`.

For users, and called by `pytest_plugin`, which makes a fixture of it. Separate from that because it needs no pytest,
and from `server` because what a test asks for is one thing here: the address, the clock, the faults, what was asked,
what happened and what it costs.

Its clock stands still at a fixed instant, and the names of its objects come from a seed: a test sees the same in every
run. It listens on a free port of 127.0.0.1, so clients need nothing but the variables in `env`.
"""

import json
import os
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from gemctl.emulator import knobs, seed_text, times
from gemctl.emulator.admin import PATH, Admin, ids
from gemctl.emulator.app import App
from gemctl.emulator.clock import SettableClock
from gemctl.emulator.knobs import Knobs
from gemctl.emulator.records import Effect, Seen
from gemctl.emulator.seed_text import SeedText
from gemctl.emulator.wire import Request
from gemctl.emulator.world import World

if TYPE_CHECKING:
    from gemctl.emulator.certificate import Certificate

START = "2026-01-01T00:00:00Z"
KEY = "any-word"
_LOCAL = "localhost,127.0.0.1,::1"
_MISSING = "The served emulator needs {name}, which is not installed: pip install {needs}"
_SETTINGS = "clock, still, seed, knobs and tls"
_NEEDS = "cryptography starlette uvicorn websockets"


class EmulatorNotInstalled(ModuleNotFoundError):
    """The libraries of the extra `emulator` are missing."""


@dataclass(frozen=True)
class Settings:
    """How an emulator starts. `clock` is a time (RFC 3339, or an aware datetime), or "now" for this machine's; it
    stands `still`, or runs. `seed` makes the names of objects; None makes other names each time. `knobs` are those of
    `gemctl emulator --knobs`."""

    clock: str | datetime = START
    still: bool = True
    seed: int | None = 1
    knobs: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seed is not None and type(self.seed) is not int:
            raise ValueError("seed: it is a whole number, or None")
        if type(self.still) is not bool:
            raise ValueError("still: it is True or False")

    def start(self) -> datetime | None:
        """Where the clock starts; None is now."""
        if isinstance(self.clock, datetime):
            if self.clock.tzinfo is None:
                raise ValueError("clock: it needs a time zone, as in datetime(2026, 1, 1, tzinfo=UTC)")
            return self.clock
        if self.clock == "now":
            return None
        try:
            return times.to_datetime(times.parse_timestamp(self.clock))
        except (TypeError, ValueError):
            raise ValueError(f'clock: it is a time such as {START}, or "now", and not {self.clock!r}') from None


@contextmanager
def emulator(
    *,
    clock: str | datetime = START,
    still: bool = True,
    seed: int | None = 1,
    knobs: Mapping[str, object] | None = None,
    port: int = 0,
    tls: bool = False,
) -> "Iterator[Emulator]":
    """An emulator at a free port of 127.0.0.1, while the block runs; `Settings` says what the others are. With `tls` it
    speaks TLS at the same port, as Live sessions of Python clients need it. Raises ValueError for settings that make no
    sense, and EmulatorNotInstalled."""
    settings = Settings(clock, still, seed, knobs or {})
    moving = SettableClock(times.utc_now, settings.start(), still=still)
    app = App(World(now=moving, ids=ids(seed)), knobs=_knobs(settings))
    with ExitStack() as stack:
        try:
            from gemctl.emulator import server  # takes longer than all the rest

            certificate = _certificate(Path(stack.enter_context(TemporaryDirectory()))) if tls else None
        except ModuleNotFoundError as error:
            raise EmulatorNotInstalled(_MISSING.format(name=error.name, needs=_NEEDS), name=error.name) from None
        context = certificate.context() if certificate else None
        door = Admin(app, moving, seed, certificate.trusted if certificate else None)
        url = stack.enter_context(server.running(app, port, admin=door, tls=context))
        yield Emulator(url, seed, app, door, moving, certificate)


def _certificate(folder: Path) -> "Certificate":
    from gemctl.emulator.certificate import kept

    roots = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return kept(folder, times.utc_now(), Path(roots) if roots else None)


def _knobs(settings: Settings) -> Knobs:
    return Knobs(**knobs.read(settings.knobs))


class Clock:
    """The clock of an emulator, in a test's hand."""

    def __init__(self, emulator: "Emulator", clock: SettableClock) -> None:
        self._emulator, self._clock = emulator, clock

    @property
    def now(self) -> datetime:
        """The emulator's time."""
        return self._clock()

    def advance(self, by: float | timedelta = 0, **parts: float) -> datetime:
        """Move on by seconds, by a timedelta, or by `days=`, `hours=`, `minutes=`, `seconds=`; gives the new time. What
        is due by then has happened when it returns."""
        length = (by if isinstance(by, timedelta) else timedelta(seconds=by)) + timedelta(**parts)
        return self._move(advance=length.total_seconds())

    def move_to(self, moment: str | datetime) -> datetime:
        """It is that time now; never back."""
        text = moment if isinstance(moment, str) else times.format_timestamp(times.to_instant(moment), 6)
        return self._move(to=text)

    @property
    def still(self) -> bool:
        """Whether it stands; set it to False to let it run."""
        return self._clock.still

    @still.setter
    def still(self, value: bool) -> None:
        self._move(still=value)

    def _move(self, **what: object) -> datetime:
        self._emulator.door("POST", "/clock", what)
        self._emulator.catch_up()
        return self.now


class Emulator:
    """A served emulator, in the hand of a test of the same process.

    url      where it is: http://127.0.0.1:PORT
    clock    see `Clock`
    """

    def __init__(
        self,
        url: str,
        seed: int | None,
        app: App,
        door: Admin,
        clock: SettableClock,
        certificate: "Certificate | None" = None,
    ) -> None:
        self.url = url
        self._certificate = certificate
        self.clock = Clock(self, clock)
        self._seed, self._app, self._door, self._moving = seed, app, door, clock

    @property
    def env(self) -> dict[str, str]:
        """The variables by which clients find it, for `os.environ` or for a program that a test starts. A proxy is not
        asked for this machine."""
        around = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
        proxies = around if _LOCAL in around else ",".join(filter(None, (around, _LOCAL)))
        trusted = {}
        if self._certificate is not None:
            roots = str(self._certificate.roots)
            trusted = dict.fromkeys(("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), roots)
            trusted["NODE_EXTRA_CA_CERTS"] = str(self._certificate.authority)
        return {
            "GOOGLE_GEMINI_BASE_URL": self.url,
            "GEMINI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{self.url}/v1beta/openai",
            "OPENAI_API_KEY": KEY,
            "NO_PROXY": proxies,
            "no_proxy": proxies,
            **trusted,
        }

    # What is to happen

    def faults(self, *faults: Mapping[str, object]) -> None:
        """These faults, and no others: `faults({"kind": "status_before", "status": 503, "nth": 1})`. Without any, there
        are none. Counting starts anew."""
        self.knobs(faults=list(faults))

    def answers(self, *answers: Mapping[str, object]) -> None:
        """What the model says from now on: `answers({"prompt": "weather", "text": "It rains."})`. Those that were given
        before go first. Without any, it says what it would say by itself."""
        if answers:
            self.door("POST", "/answers", {"answers": list(answers)})
        else:
            self.door("DELETE", "/answers")

    def knobs(self, **knobs: object) -> None:
        """Turn knobs, named and valued as in JSON: `knobs(requests_per_minute=5, latency=0.2)`."""
        self.door("PATCH", "", knobs)

    def reset(self) -> None:
        """An empty world, with the time, the names and the knobs of the start; nothing was asked."""
        self.door("POST", "/reset", {"seed": self._seed})

    def start(self, **settings: Any) -> None:
        """The same, with these `Settings`, and those that go without saying, from now on. Raises TypeError or
        ValueError, and changes nothing, if they make no sense."""
        if unknown := sorted(settings.keys() - Settings.__dataclass_fields__.keys()):
            raise ValueError(f"there is no setting {', '.join(unknown)}; there are {_SETTINGS}")
        given = Settings(**settings)
        start, first = given.start(), _knobs(given)
        self._app.begin(first)
        self._seed = given.seed
        self._moving.begin(start, still=given.still)
        self.reset()

    def seed(self, seed: str | Path | Mapping[str, object]) -> dict[str, dict[str, Any]]:
        """Make the objects of a seed: the path of a file, or what would be in one; gives those that have an `$as`, by
        it. Raises SeedError, and has changed nothing then."""
        if isinstance(seed, Mapping):
            text = SeedText(seed, folder=Path())
        else:
            text = seed_text.read(Path(seed))
        objects: dict[str, dict[str, Any]] = self._door.seed(text)["objects"]
        return objects

    def snapshot(self, *, secrets: bool = True) -> dict[str, Any]:
        """Everything that there is, as a document to which `restore` comes back: objects, time and names. One that goes
        into a file is better made without secrets."""
        return self.door("GET", f"/snapshot?secrets={'true' if secrets else 'false'}")

    def restore(self, snapshot: Mapping[str, object]) -> None:
        """Back to a snapshot, of this emulator or another. Knobs and faults stay; nothing was asked yet."""
        self.door("POST", "/snapshot", snapshot)

    def catch_up(self) -> None:
        """Let happen what is due by now: batches end, and events go to webhooks."""
        self._app.deliveries()

    # What has happened

    @property
    def requests(self) -> list[Seen]:
        """What was asked, the newest last; without keys."""
        return self._app.requests

    def asked(self, method: str | None = None, path: str = "") -> list[Seen]:
        """The requests of that method, in whose path the regular expression `path` is found."""
        return [
            seen for seen in self.requests if method in (None, seen.method) and re.search(path, seen.path) is not None
        ]

    def assert_asked(self, method: str | None = None, path: str = "", *, count: int | None = None) -> list[Seen]:
        """The same. Raises AssertionError, which says what was asked, unless there are so many of them (any, where it
        is not said)."""
        found = self.asked(method, path)
        if (len(found) != count) if count is not None else not found:
            wanted = "a request" if count is None else f"{count} requests"
            seen = "".join(f"\n  {each.method} {each.path} {each.status}" for each in self.requests) or " nothing"
            raise AssertionError(f"{wanted} of {method or 'any method'} to {path or 'any path'}; there came:{seen}")
        return found

    @property
    def effects(self) -> list[Effect]:
        """What happened to objects, the newest last."""
        return self._app.effects

    @property
    def deliveries(self) -> list[dict[str, object]]:
        """What was and will be delivered to webhooks, the newest last."""
        return self._app.deliveries()

    @property
    def sessions(self) -> list[Mapping[str, object]]:
        """The Live sessions that are open, and the last 100 that were, the newest last."""
        return self._app.sessions

    @property
    def bill(self) -> dict[str, object]:
        """What everything costs up to now."""
        return self._app.bill()

    def door(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask the admin door: `path` is one of its paths, or what follows `/emulator` in it. Raises ValueError with its
        words if it refuses."""
        data = b"" if body is None else json.dumps(body).encode()
        where, _, query = path.partition("?")
        pairs = tuple((name, value) for name, _, value in (each.partition("=") for each in query.split("&") if each))
        where = where if self._door.is_for(where) else f"{PATH}{where}"
        answer = self._door.handle(Request(method, where, pairs, {}, data))
        said: dict[str, Any] = json.loads(answer.body)
        if answer.status != 200:
            raise ValueError(said["error"]["message"])
        return said
