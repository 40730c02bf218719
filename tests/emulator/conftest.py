"""What the emulator's tests share: a clock that stands still, worlds, and one client for both doors."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from gemctl.emulator.app import App, Request, Response
from gemctl.emulator.clock import ManualClock
from gemctl.emulator.server import running
from gemctl.emulator.store import FileStore, MemoryStore, Store
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World

MODEL = "models/gemini-2.5-flash"
KEY = "some-key"


class Caller:
    """Asks an App without any door."""

    def __init__(self, app: App, clock: ManualClock) -> None:
        self.app = app
        self.clock = clock

    def ask(self, method: str, path: str, body: Any = None, *, key: str = KEY, query: Any = ()) -> Response:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        pairs = tuple(query.items()) if isinstance(query, dict) else tuple(query)
        response = self.app.handle(Request(method, f"/v1beta/{path}", pairs, {"x-goog-api-key": key}, data))
        assert not self.app.bugs
        return response

    def json(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        response = self.ask(method, path, body, **how)
        assert response.status == 200, response.body
        return json.loads(response.body)

    def error(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, str, str]:
        response = self.ask(method, path, body, **how)
        error = json.loads(response.body)["error"]
        assert error["code"] == response.status
        return response.status, error["status"], error["message"]

    def create(self, **fields: Any) -> Any:
        return self.json("POST", "cachedContents", cache(**fields))

    def names(self, **how: Any) -> list[str]:
        return [c["name"] for c in self.json("GET", "cachedContents", **how).get("cachedContents", [])]


def cache(**fields: Any) -> dict[str, Any]:
    """A body that makes a cache; None takes a field out."""
    body = {"model": MODEL, "contents": [{"role": "user", "parts": [{"text": "word " * 1000}]}], **fields}
    return {name: value for name, value in body.items() if value is not None}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def caller(clock: ManualClock) -> Caller:
    return Caller(App(World(now=clock, ids=random.Random(7))), clock)


@pytest.fixture
def make(clock: ManualClock) -> Callable[..., Caller]:
    """A caller of an App with these options."""

    def build(store: Store | None = None, **options: Any) -> Caller:
        lag = {"list_lag": options.pop("list_lag")} if "list_lag" in options else {}
        return Caller(App(World(store, now=clock, **lag), **options), clock)

    return build


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "emulator")


class Front:
    """One server for all tests: each puts its own App behind it."""

    app: App

    def handle(self, request: Request) -> Response:
        return self.app.handle(request)


@pytest.fixture(scope="session")
def front() -> Iterator[tuple[Front, str]]:
    front = Front()
    with running(front) as url:  # type: ignore[arg-type]
        yield front, url


@pytest.fixture(params=["transport", "socket"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[App], httpx.Client]]:
    """A client of an App, through one of the two doors."""
    with ExitStack() as stack:

        def open_door(app: App) -> httpx.Client:
            headers = {"x-goog-api-key": KEY}
            if request.param == "transport":
                transport = EmulatorTransport(app)
                client = httpx.Client(transport=transport, base_url="http://emulator.test", headers=headers)
            else:
                front, url = request.getfixturevalue("front")
                front.app = app
                client = httpx.Client(base_url=url, headers=headers, trust_env=False, verify=False)
            return stack.enter_context(client)

        yield open_door
