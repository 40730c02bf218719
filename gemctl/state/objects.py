"""Keeps a state in object storage: S3 and services like it, Google Cloud Storage, Azure Blob Storage. Called by
workflows/wiring.py, for a `SharedStore`.

    state.json                    the snapshot, replaced only if it is still the one that was read
    journal/<serial>/<number>     a batch of journal lines, written only if there is none of that number
    lock                          the run that writes, only if there is none; removed by it, or by `state unlock`
    aside/…                       contents that nothing reads any more

A storage without conditional writes can't hold it, and is refused. All requests go through obstore; its own environment
variables say where the endpoint is and whose credentials it gets.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError, Locked, Usage
from gemctl.core.extras import how_to_install
from gemctl.core.moment import parse_instant, show_duration
from gemctl.state.owner import in_words, take, this_run
from gemctl.state.store import StoreFailed

Version = tuple[tuple[str, str], ...]  # what the storage calls a version: an ETag, a generation, or both

_POLL = 1.0  # seconds between tries for the lock
_PATIENCE = timedelta(seconds=30)  # for one request, all its retries included
_ENDPOINTS = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ObjectBackend:
    """The objects of one stack below `url`."""

    def __init__(self, url: str, project: str, stack: str, *, clock: Clock, env: Mapping[str, str]) -> None:
        self._url, self._clock = f"{url.removesuffix('/')}/{project}/{stack}", clock
        self._env = env
        self._opened: Any = None

    @property
    def place(self) -> str:
        return self._url

    # Reading

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Each request stands for itself."""
        yield

    def snapshot(self) -> tuple[bytes, Version] | None:
        return self._get("state.json")

    def batches(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for path in self._list("journal"):
            serial, number = _numbers(path)
            found[serial] = max(number, found.get(serial, 0))
        return found

    def lines(self, serial: int) -> bytes:
        parts = []
        for path in sorted(self._list(f"journal/{serial:020}")):
            if found := self._get(path):
                parts.append(found[0].partition(b"\n")[2])
        return b"".join(parts)

    # Writing

    def replace(self, snapshot: bytes, lineage: str, serial: int, before: Version | None) -> Version:
        if before is None:
            self._probe()
        return self._put("state.json", snapshot, before)

    def add(self, serial: int, number: int, lines: bytes, upon: Version) -> None:
        """The first line is random: that tells our own batch, whose answer was lost, from another run's."""
        path = f"journal/{serial:020}/{number:010}"
        self._put(path, secrets.token_hex(8).encode() + b"\n" + lines, None)
        if self._version("state.json") != upon:
            self._delete([path])  # where a state was rebuilt since, its serial could pass for a later one
            raise self._lost("another run has begun meanwhile")

    def sweep(self, serial: int) -> None:
        self._delete([path for path in self._list("journal") if _numbers(path)[0] <= serial])

    def keep(self, name: str, content: bytes) -> None:
        when = self._clock.now().strftime("%Y%m%dT%H%M%SZ")
        self._put(f"aside/{when}-{secrets.token_hex(4)}/{name}", content, None)

    def remove(self, before: Version) -> None:
        self._delete(["state.json"])

    def _probe(self) -> None:
        """Before the first snapshot: a storage that passes over conditions would let two runs write. Raises E414."""
        path = f"probe/{secrets.token_hex(8)}"
        other = {name: '"another"' if name == "e_tag" else "1" for name, _ in self._put(path, b"one", None)}
        try:
            for mode in ("create", other):
                if self._accepted(path, mode):
                    raise GemctlError(
                        f"The storage of {self._url} overwrites what a condition protects.",
                        code="E414",
                        hint="Use one with conditional writes (If-None-Match and If-Match), or state in PostgreSQL.",
                    )
        finally:
            self._delete([path])

    def _accepted(self, path: str, mode: Any) -> bool:
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._failures():
            try:
                self._store().put(path, b"two", mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _lost(self, why: str) -> StoreFailed:
        return StoreFailed(
            f"{self._url} can't be written to by this run any more: {why}.",
            code="E412",
            hint="Nothing was sent on the strength of that. Apply again, once the other run has ended.",
        )

    # The lock

    @contextmanager
    def hold(self, doing: str, timeout: float) -> Iterator[None]:
        """See `Locker.lock`. The storage does not notice when its owner dies: a person removes a lock that is left."""
        note = json.dumps({"id": secrets.token_hex(6), **this_run(doing)}).encode()
        take(
            lambda: self._attempt(note),
            lambda: str(_owner(self._get("lock")).get("id", "")),
            self._locked,
            clock=self._clock,
            timeout=timeout,
            poll=min(_POLL, max(timeout, 0.1)),
        )
        try:
            yield
        finally:
            with suppress(StoreFailed):  # what was done stays done
                if (found := self._get("lock")) and found[0] == note:
                    self._delete(["lock"])

    def _attempt(self, note: bytes) -> bool | None:
        try:
            self._put("lock", note, None)
        except StoreFailed as error:
            if error.code == "E411":
                raise
            return None
        return True

    def _locked(self, owner: str) -> Locked:
        found = self._get("lock")
        who = in_words(found[0] if found else None) or "somebody who left no name"
        note = _owner(found)
        return Locked(
            f"The stack in {self._url} is locked by another run: {who}{self._age(note)}.",
            code="E410",
            hint="Wait for it to end, or give --lock-timeout 5m. If that run is dead, and only then: "
            f"`gemctl state unlock {note.get('id', '')}`.",
        )

    def _age(self, note: Mapping[str, Any]) -> str:
        try:
            age = self._clock.now() - parse_instant(str(note["since"]))
            return f", for {show_duration(max(timedelta(seconds=int(age.total_seconds())), timedelta()))}"
        except (KeyError, ValueError, OverflowError):
            return ""

    def release(self, lock_id: str) -> str:
        """See `Locker.unlock`."""
        found = self._get("lock")
        if found is None:
            raise Usage(f"There is no lock in {self._url}.", code="E415")
        note = _owner(found)
        if note.get("id") != lock_id:
            raise Usage(
                f"The lock in {self._url} has another id: {note.get('id', 'none that can be read')}, "
                f"of {in_words(found[0]) or 'somebody who left no name'}.",
                code="E415",
                hint="Give that one, if it is that run that is dead.",
            )
        self._delete(["lock"])
        return in_words(found[0])

    # Requests

    def _get(self, path: str) -> tuple[bytes, Version] | None:
        with self._failures():
            try:
                answer = self._store().get(path)
                return bytes(answer.bytes()), _version(answer.meta)
            except FileNotFoundError:
                return None

    def _version(self, path: str) -> Version | None:
        with self._failures():
            try:
                return _version(self._store().head(path))
            except FileNotFoundError:
                return None

    def _list(self, prefix: str) -> list[str]:
        with self._failures():
            return [meta["path"] for chunk in self._store().list(prefix) for meta in chunk]

    def _put(self, path: str, data: bytes, before: Version | None) -> Version:
        """Write it, only if nothing is there, or still `before`; durable on return. Raises E412.

        A request whose answer was lost is sent again, and then refused for what it has done itself: so a refusal is
        believed only after a look at what is there.
        """
        from obstore.exceptions import AlreadyExistsError, NotFoundError, PreconditionError

        with self._failures():
            try:
                done = self._store().put(path, data, mode=dict(before) if before else "create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError, NotFoundError) as refused:
                if before is None and isinstance(refused, NotFoundError):
                    raise  # there is no such bucket
                if (found := self._get(path)) and found[0] == data:
                    return found[1]
                raise self._lost("another run has written since") from None
            return _version(done)

    def _delete(self, paths: list[str]) -> None:
        with self._failures():
            if paths:
                self._store().delete(paths)

    def _store(self) -> Any:
        if self._opened is None:
            self._opened = _open(self._url, self._env)
        return self._opened

    @contextmanager
    def _failures(self) -> Iterator[None]:
        base = _library().exceptions.BaseError
        try:
            yield
        except StoreFailed:
            raise
        except (base, OSError) as error:
            raise StoreFailed(
                f"{self._url} can't be reached: {_reason(error)}",
                code="E411",
                hint="Is the bucket there, and do the environment's credentials and endpoint fit? See docs/state.md.",
            ) from None


def _version(meta: Mapping[str, Any]) -> Version:
    return tuple((name, str(meta[name])) for name in ("e_tag", "version") if meta.get(name))


def _numbers(path: str) -> tuple[int, int]:
    serial, number = path.split("/")[-2:]
    return int(serial), int(number)


def _owner(found: tuple[bytes, Version] | None) -> Mapping[str, Any]:
    try:
        note = json.loads(found[0]) if found else None
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}


def _reason(error: BaseException) -> str:
    """The storage's words, or how far the request came: in a line, and without parameters, which may hold a token."""
    text = str(error).partition("Debug source")[0]
    status = re.search(r"status code: (\d{3}[^:<]*)", text)
    message = re.search(r"<Message>([^<]*)</Message>", text)
    if status:
        return status[1].strip() + (f": {message[1]}" if message else "")
    return re.sub(r"\?\S*", "", " ".join(text.split()))[:300] or type(error).__name__


def _open(url: str, env: Mapping[str, str]) -> Any:
    store = _library().store
    endpoints = [urlsplit(env[name]) for name in _ENDPOINTS if env.get(name)]
    clear = bool(endpoints) and all(endpoint.hostname in _LOOPBACK for endpoint in endpoints)
    try:
        return store.from_url(
            url,
            client_options={"timeout": "20s", "connect_timeout": "5s", "allow_http": clear},
            retry_config={"max_retries": 4, "retry_timeout": _PATIENCE},
        )
    except _library().exceptions.BaseError as error:
        raise GemctlError(
            f"{url} can't be opened: {_reason(error)}", code="E414", hint="Write s3://bucket/prefix, gs://… or az://…."
        ) from None


def _library() -> Any:
    try:
        import obstore
        import obstore.exceptions
        import obstore.store
    except ImportError:
        raise GemctlError(
            "State in object storage needs obstore, which isn't installed.",
            code="E413",
            hint=how_to_install("objects"),
        ) from None
    return obstore
