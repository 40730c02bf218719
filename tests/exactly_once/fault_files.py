"""A disk in memory that fails, tears, forgets and dies on command, behind the methods of gemctl.files.disk.Files.

`Disk` remembers two things apart: what a process sees now (the page cache), and what is certain to be there after the
power was cut. `FaultFiles` counts calls and lets a script of `Fault`s strike them. What survives a power cut is not one
state but many; `crash_states` lists them:

* a file that was not synced has any beginning of what was written since, down to a byte, and any one change of it may
  be missing while later ones are there;
* a name that its folder's sync did not cover may be missing, and a rename may not have happened, in any beginning of
  their order, and with any one of them missing;
* after a sync that failed, the next one succeeds, and what the first should have written is gone or there.

A file's content and its name survive independently: a rename may be durable before what it names.

`Shop` is a project whose state lies on such a disk: the real command line in this process, and an emulator beside it.
"""

from __future__ import annotations

import contextlib
import errno
import io
import itertools
import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from unittest import mock

import httpx
from auditor import audit
from values import ManualClock

from gemctl.api.auth import Key
from gemctl.api.client_factory import ClientFactory
from gemctl.cli.main import run
from gemctl.core.digest import sha256
from gemctl.emulator.app import App
from gemctl.emulator.store import MemoryStore
from gemctl.emulator.transport import EmulatorTransport
from gemctl.emulator.world import World
from gemctl.files.disk import Files
from gemctl.kinds import CATALOGUE
from gemctl.manifest.root import load_project
from gemctl.state.local import LocalStore
from gemctl.workflows.declared import declared
from gemctl.workflows.wiring import Connection

T = TypeVar("T")
State = tuple[tuple[Path, bytes], ...]  # a disk as it is found after the power came back
HOW = ("before", "after", "cut", "die", "die_after", "die_cut")


class Died(BaseException):
    """The process is gone: this call was the last thing it did, and whatever it tries afterwards raises this again."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, at call number `at` (from 1), or at the `nth` call of `method` on a path that ends
    with `suffix`.

    how      before, after: OSError `error` before or after the effect. cut: a write leaves `keep` bytes, then OSError.
             die, die_after, die_cut: the same with Died.
    lasting  every later call that it fits is struck as well: the disk stays full.
    """

    how: str
    at: int = 0
    method: str = ""
    suffix: str = ""
    nth: int = 1
    error: int = errno.ENOSPC
    keep: int = 0
    lasting: bool = False

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise ValueError(f"there is no {self.how}, only {', '.join(HOW)}")

    def fits(self, method: str, path: str) -> bool:
        return (not self.method or self.method == method) and path.endswith(self.suffix)

    def strikes(self, number: int, fitting: int) -> bool:
        """`number` counts all calls, `fitting` those that it fits."""
        due, now = (self.at, number) if self.at else (self.nth, fitting)
        return now >= due if self.lasting else now == due


@dataclass(frozen=True)
class _Put:
    """Bytes at an offset; what lies between is zero."""

    offset: int
    data: bytes

    def on(self, content: bytes) -> bytes:
        base = content.ljust(self.offset, b"\0")
        return base[: self.offset] + self.data + base[self.offset + len(self.data) :]


@dataclass(frozen=True)
class _Resize:
    size: int

    def on(self, content: bytes) -> bytes:
        return content[: self.size].ljust(self.size, b"\0")


_Change = _Put | _Resize


@dataclass
class _File:
    """`settled`: what may be on the disk without any of `pending`; more than one only after a sync that failed."""

    content: bytes = b""
    settled: frozenset[bytes] = frozenset({b""})
    pending: list[_Change] = field(default_factory=list)

    def change(self, change: _Change) -> None:
        self.content = change.on(self.content)
        self.pending.append(change)

    def settle(self) -> None:
        self.settled = frozenset(_all_of(content, self.pending) for content in self.settled)
        self.pending = []

    def forget(self) -> None:
        """A sync failed: nobody will write the pending pages any more, but they may have been written."""
        self.settled |= frozenset(
            _all_of(content, self.pending[:number])
            for content in self.settled
            for number in range(len(self.pending) + 1)
        )
        self.pending = []

    def survivors(self, stride: int) -> set[bytes]:
        """Every content that a power cut may leave; only each `stride`-th cut within a write."""
        found = set(self.settled)
        for content in self.settled:
            for number, change in enumerate(self.pending):
                before = _all_of(content, self.pending[:number])
                if isinstance(change, _Put):
                    found |= {_Put(change.offset, change.data[:cut]).on(before) for cut in _cuts(change.data, stride)}
                found.add(change.on(before))
                found.add(_all_of(before, self.pending[number + 1 :]))  # all but this one
        return found


def _all_of(content: bytes, changes: list[_Change]) -> bytes:
    for change in changes:
        content = change.on(content)
    return content


def _cuts(data: bytes, stride: int) -> set[int]:
    """Where a write may be torn: each `stride`-th byte, and around every line's end."""
    ends = {end + more for end, byte in enumerate(data) if byte == 0x0A for more in (-1, 0, 1, 2)}
    return {cut for cut in {*range(1, len(data), stride), *ends, len(data) - 1} if 0 < cut < len(data)}


@dataclass(frozen=True)
class _Named:
    """A change of names: `path` is now that file, or none; with `old`, it was called so before."""

    path: Path
    file: int | None
    old: Path | None = None

    def on(self, names: dict[Path, int]) -> None:
        if self.old is not None:
            names.pop(self.old, None)
        if self.file is None:
            names.pop(self.path, None)
        else:
            names[self.path] = self.file


class Disk:
    """Files without a process. Folders are durable once they are made, as `Files.make_folder` promises."""

    def __init__(self, state: State = ()) -> None:
        self.files: list[_File] = []
        self.names: dict[Path, int] = {}
        self.folders: set[Path] = set()
        for path, content in state:
            if path.parent not in self.folders:
                self.folders |= set(path.parents)
            self.names[path] = self._new(_File(content, frozenset({content})))
        self.durable_names = dict(self.names)
        self.pending_names: list[_Named] = []

    def _new(self, file: _File) -> int:
        self.files.append(file)
        return len(self.files) - 1

    def open(self, path: Path) -> int:
        """The file of that name, made if need be."""
        if path.parent not in self.folders:
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(path.parent))
        if path not in self.names:
            self._rename(_Named(path, self._new(_File())))
        return self.names[path]

    def rename(self, old: Path, new: Path) -> None:
        if old not in self.names:
            raise FileNotFoundError(errno.ENOENT, "no such file", str(old))
        self._rename(_Named(new, self.names[old], old))

    def remove(self, path: Path) -> None:
        if path in self.names:
            self._rename(_Named(path, None))

    def _rename(self, change: _Named) -> None:
        change.on(self.names)
        self.pending_names.append(change)

    def sync_names(self, folder: Path) -> None:
        for change in [change for change in self.pending_names if change.path.parent == folder]:
            change.on(self.durable_names)
            self.pending_names.remove(change)

    def state(self) -> State:
        """What a process sees: where nothing but the process dies, this is what the next one finds."""
        return tuple(sorted((path, self.files[number].content) for path, number in self.names.items()))

    def _survivors(self) -> Iterator[dict[Path, int]]:
        """Every set of names that a power cut may leave."""
        for number in range(len(self.pending_names) + 1):
            names = dict(self.durable_names)
            for change in self.pending_names[:number]:
                change.on(names)
            yield dict(names)
            for change in self.pending_names[number + 1 :]:  # all but this one
                change.on(names)
            yield names

    def crash_states(self, limit: int = 20_000) -> Iterator[State]:
        """Every state that a power cut may leave, each once. Where there are more than `limit` of them, writes are
        torn at every second byte only, then every fourth, and so on."""
        layouts = list({tuple(sorted(names.items())): names for names in self._survivors()}.values())
        stride = 1
        while True:
            contents = [file.survivors(stride) for file in self.files]
            total = 0
            for names in layouts:
                product = 1
                for number in names.values():
                    product *= len(contents[number])
                total += product
            if total <= limit or stride > 1 << 12:
                break
            stride *= 2
        seen: set[State] = set()
        for names in layouts:
            paths = sorted(names)
            for chosen in itertools.product(*(sorted(contents[names[path]]) for path in paths)):
                state = tuple(zip(paths, chosen, strict=True))
                if state not in seen:
                    seen.add(state)
                    yield state

    def worst(self) -> State:
        """Only what was promised: nothing that was not synced survives."""
        return tuple(
            sorted((path, min(self.files[number].settled, key=len)) for path, number in self.durable_names.items())
        )


class FaultFiles(Files):
    """A process that works on a `Disk`. `calls` are its calls up to now, as (method, path); several may share a disk,
    one after the other."""

    def __init__(self, *faults: Fault, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self.calls: list[tuple[str, str]] = []
        self.faults = faults
        self.dead = False
        self.struck = 0
        self._fitting = [0] * len(faults)
        self._handles: dict[int, tuple[int, Path]] = {}
        self._next = 100
        self._locked: dict[int, int] = {}
        self._lock = threading.RLock()

    def crash_states(self, limit: int = 20_000) -> list[State]:
        with self._lock:
            return list(self.disk.crash_states(limit))

    def crash(self, state: State | None = None) -> FaultFiles:
        """After the power came back: what another process finds; by default what is left in the worst case."""
        with self._lock:
            return FaultFiles(disk=Disk(self.disk.worst() if state is None else state))

    def restarted(self, *faults: Fault) -> FaultFiles:
        """Another process on the same disk: nothing but the process has died."""
        with self._lock:
            return FaultFiles(*faults, disk=self.disk)

    # The methods of Files.

    def make_folder(self, path: Path) -> None:
        self._call("make_folder", path, lambda: self.disk.folders.update({path, *path.parents}))

    def read(self, path: Path, most: int) -> bytes | None:
        def read() -> bytes | None:
            number = self.disk.names.get(path)
            return None if number is None else self.disk.files[number].content

        return self._call("read", path, read)

    def digest(self, path: Path, most: int) -> str | None:
        data = self.read(path, most)
        return None if data is None else sha256(data)

    def size(self, path: Path) -> int:
        def size() -> int:
            number = self.disk.names.get(path)
            return 0 if number is None else len(self.disk.files[number].content)

        return self._call("size", path, size)

    def create(self, path: Path, *, sweep: bool = True) -> tuple[int, Path]:
        """With a name that a fault can be told of."""
        path = path.with_name(f"{path.name}.new")

        def create() -> tuple[int, Path]:
            number = self.disk.open(path)
            if self.disk.files[number].content:
                self.disk.files[number].change(_Resize(0))
            return self._handle(number, path), path

        return self._call("create", path, create)

    def append_to(self, path: Path) -> int:
        return self._call("append_to", path, lambda: self._handle(self.disk.open(path), path))

    def write(self, handle: int, data: bytes) -> None:
        file, path = self._file(handle)

        def write(much: int | None = None) -> None:
            if data[:much]:
                file.change(_Put(len(file.content), data[:much]))

        self._call("write", path, write, write)

    def sync(self, handle: int) -> None:
        file, path = self._file(handle)
        try:
            self._call("sync", path, file.settle)
        except OSError:
            file.forget()
            raise

    def close(self, handle: int) -> None:
        _, path = self._file(handle)

        def close() -> None:
            number, _ = self._handles.pop(handle)
            if self._locked.get(number) == handle:
                del self._locked[number]

        self._call("close", path, close)

    def truncate(self, path: Path, size: int) -> None:
        def truncate() -> None:
            if path not in self.disk.names:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
            self.disk.files[self.disk.names[path]].change(_Resize(size))

        self._call("truncate", path, truncate)

    def rename(self, old: Path, new: Path) -> None:
        self._call("rename", new, lambda: self.disk.rename(old, new))

    def remove(self, path: Path) -> None:
        self._call("remove", path, lambda: self.disk.remove(path))

    def reach_folder(self, path: Path) -> int:
        raise NotImplementedError("the state hands out no folders")

    def open(self, path: Path, most: int) -> int | None:
        raise NotImplementedError("the state is read whole")

    def link(self, path: Path, other: Path) -> None:
        raise NotImplementedError("the state has no second names")

    def rename_new(self, old: Path, new: Path) -> bool:
        raise NotImplementedError("what the state replaces is its own")

    def sync_folder(self, path: Path) -> None:
        self._call("sync_folder", path, lambda: self.disk.sync_names(path))

    def try_lock(self, path: Path) -> int | None:
        def try_lock() -> int | None:
            number = self.disk.open(path)
            if number in self._locked:
                return None
            handle = self._locked[number] = self._handle(number, path)
            return handle

        return self._call("try_lock", path, try_lock)

    def _handle(self, number: int, path: Path) -> int:
        self._next += 1
        self._handles[self._next] = (number, path)
        return self._next

    def _file(self, handle: int) -> tuple[_File, Path]:
        if self.dead:
            raise Died
        if handle not in self._handles:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        number, path = self._handles[handle]
        return self.disk.files[number], path

    def _call(
        self, method: str, path: Path, effect: Callable[[], T], partly: Callable[[int], object] | None = None
    ) -> T:
        with self._lock:
            if self.dead:
                raise Died
            self.calls.append((method, str(path)))
            fault = self._strike(method, str(path))
            if fault is None:
                return effect()
            self.struck += 1
            if fault.how in ("cut", "die_cut") and partly:
                partly(fault.keep)
            elif fault.how in ("after", "die_after"):
                effect()
            if fault.how.startswith("die"):
                self.dead = True
                raise Died
            raise OSError(fault.error, os.strerror(fault.error), str(path))

    def _strike(self, method: str, path: str) -> Fault | None:
        struck = None
        for index, fault in enumerate(self.faults):
            if fault.fits(method, path):
                self._fitting[index] += 1
                if fault.strikes(len(self.calls), self._fitting[index]):
                    struck = struck or fault
        return struck


SETTLE = timedelta(seconds=120)
KEY = "the-shop's-key"


def cache(name: str, text: str = "some text", **more: object) -> dict[str, object]:
    spec = {"model": "gemini-3.8-flash", "contents": text, "ttl": more.pop("ttl", "24h")}
    return {"apiVersion": "gemctl/v1", "kind": "CachedContent", "metadata": {"name": name}, "spec": spec, **more}


class _Listening(httpx.BaseTransport):
    """The emulator, with somebody who is told of every create of a cache before it goes out."""

    def __init__(self, app: App, on_post: Callable[[str], None], sleep: Callable[[float], None]) -> None:
        self._inner, self._on_post = EmulatorTransport(app, sleep=sleep), on_post

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/cachedContents"):
            self._on_post(json.loads(request.read())["displayName"])
        return self._inner.handle_request(request)


class Shop:
    """A project in a folder, its state on `files`, its objects in `app`; `on_post` hears each cache's display name."""

    def __init__(self, folder: Path, *, files: FaultFiles | None = None, clock: ManualClock | None = None) -> None:
        self.folder, self.id = folder, "sh0p5h0p"
        self.files = files or FaultFiles()
        self.clock = clock or ManualClock()
        self.store = MemoryStore()
        self.endpoint, self.key = "emulator.test", KEY
        self.keys: dict[str, str] | None = None
        self.stack = "dev"
        self.on_post: Callable[[str], None] = lambda display: None
        self.said = ""
        self.last = self.files  # as the run before left them: with its calls, and dead if it died
        self._app: App | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.write_project()

    def write_project(self) -> None:
        project = {
            "apiVersion": "gemctl/v1",
            "kind": "Project",
            "metadata": {"name": "shop", "id": self.id},
            "defaultStack": "dev",
            "stacks": {"dev": {}, "other": {}},
            "safety": {"maxDeletes": 1000, "maxDeletePercent": 100},
        }
        (self.folder / "gemctl.yaml").write_text(json.dumps(project))

    def declare(self, *resources: dict[str, object]) -> None:
        (self.folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, resources)) or "# nothing\n")

    @property
    def app(self) -> App:
        if self._app is None:
            world = World(self.store, now=self.clock.now, ids=random.Random(11))
            self._app = App(world, keys=self.keys, min_cache_tokens=1)
        return self._app

    @property
    def state(self) -> Path:
        return self.folder / ".gemctl" / self.stack

    def branch(self, folder: Path | None = None) -> Shop:
        """The same world once more: what is done in one is not done in the other."""
        clock = ManualClock(self.clock.now())
        shop = Shop.__new__(Shop)
        shop.__dict__.update(self.__dict__)
        shop.clock, shop._app, shop.store = clock, None, MemoryStore()
        with self.store.exclusive():
            for record in self.store.read(None)[1]:
                shop.store.append(record)
        shop.files = FaultFiles(disk=Disk(self.files.disk.state()))
        return shop

    def run(self, *argv: str) -> int:
        """One command line; its exit status. A bug is raised, so that no test takes it for an error."""
        out = io.StringIO()
        env = {"GEMCTL_DEBUG": "1", "GEMCTL_STACK": self.stack}
        with (
            mock.patch("gemctl.state.local.Files", lambda _: self.files),
            mock.patch("gemctl.workflows.wiring.connect", self._connect),
            mock.patch.dict(os.environ, env),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
        ):
            try:
                return run(["-C", str(self.folder), "--json", *argv], clock=self.clock)
            finally:
                self.said = out.getvalue()
                self.last, self.files = self.files, self.files.restarted()  # a process that ended holds no lock

    def apply(self, *more: str) -> int:
        return self.run("apply", "--yes", "--allow-empty", *more)

    def _connect(self, session, **how) -> Connection:
        clients = ClientFactory(
            base_url="http://emulator.test",
            api_version="v1beta",
            key=Key(self.key),
            clock=self.clock,
            timing=session.project.timing,
            make_transport=lambda: _Listening(self.app, lambda display: self.on_post(display), self.clock.sleep),
            **how,
        )
        return Connection(self.endpoint, Key(self.key), clients.client, clients.server_clock.now, lambda: ())

    def local(self, files: FaultFiles | None = None) -> LocalStore:
        return LocalStore(self.state, clock=self.clock, files=files or self.files)

    def desired(self):
        loaded = load_project(str(self.folder))
        return declared(loaded, loaded.project.stacks[self.stack], CATALOGUE)

    def problems(self) -> list[str]:
        assert not self.app.bugs, self.app.bugs
        return list(audit(self.app, self.desired(), self.id, self.stack, self.clock.now()).problems)

    def created(self) -> int:
        """How many objects the service ever made."""
        return sum(effect.kind == "created" for effect in self.app.effects)
