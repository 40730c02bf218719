"""Keeps a state in PostgreSQL: one row a stack that holds its snapshot, one row a batch of journal lines, and a
session's lock. Called by workflows/wiring.py, for a `SharedStore`.

A run that writes has one session, which holds an advisory lock for as long as it lives; all writes go through it, each
a transaction of its own that asks first whether this very session still holds that lock. So a session that was lost,
or that a pooler has handed to another client, can't write.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from gemctl.core.clock import Clock
from gemctl.core.errors import GemctlError, Locked, Usage
from gemctl.core.extras import how_to_install
from gemctl.state.owner import in_words, take, this_run
from gemctl.state.store import StoreFailed

if TYPE_CHECKING:
    import psycopg

Version = tuple[str, int]  # lineage and serial

_KNOWS_METHODS = 160000  # the version of libpq from which on it knows `require_auth`
_POLL = 0.2  # seconds between tries for the lock
_MAKING = 0x67656D63746C3031  # a session holds this lock while it makes the tables
_TABLES = (
    "create table if not exists gemctl_state (project text, stack text, lineage text not null, serial bigint not null,"
    " snapshot bytea not null, primary key (project, stack))",
    "create table if not exists gemctl_journal (project text, stack text, serial bigint, number bigint,"
    " lines bytea not null, primary key (project, stack, serial, number))",
    "create table if not exists gemctl_lock (project text, stack text, backend integer not null, owner text not null,"
    " primary key (project, stack))",
    "create table if not exists gemctl_aside (id bigint generated always as identity primary key, project text,"
    " stack text, at timestamptz not null default now(), name text not null, content bytea not null)",
)
_THERE = "select count(to_regclass(name)) from unnest(%s::text[]) name"
_NAMES = ["gemctl_state", "gemctl_journal", "gemctl_lock", "gemctl_aside"]
_LOCKS = (
    "select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 1"
    " and database = (select oid from pg_database where datname = current_database())"
    " and classid = %(high)s and objid = %(low)s"
)
# A commit is durable when it returns; a session may be idle while the run waits; and nothing waits for ever.
_SETTINGS = (
    "select set_config(name, wanted, false) from (values ('synchronous_commit', 'on'), ('idle_session_timeout', '0'),"
    " ('lock_timeout', '30s')) as settings (name, wanted) where current_setting(name, true) is not null"
    " and (name <> 'synchronous_commit' or current_setting(name) = 'off')"
)
# Begins every write: nothing, unless this is the session that took the lock, and still holds it.
_HELD = f"with held as (select 1 from ({_LOCKS}) l where pid = pg_backend_pid() and pid = %(backend)s limit 1)"
_MINE = "project = %(project)s and stack = %(stack)s"
_SNAPSHOT = f"select snapshot, lineage, serial from gemctl_state where {_MINE}"
_BATCHES = f"select serial, max(number) from gemctl_journal where {_MINE} group by serial"
_LINES = f"select lines from gemctl_journal where {_MINE} and serial = %(serial)s order by number"
_FIRST = (
    f"{_HELD} insert into gemctl_state (project, stack, lineage, serial, snapshot)"
    " select %(project)s, %(stack)s, %(lineage)s, %(serial)s, %(data)s from held on conflict do nothing"
)
_NEXT = (
    f"{_HELD} update gemctl_state set lineage = %(lineage)s, serial = %(serial)s, snapshot = %(data)s from held"
    f" where {_MINE} and gemctl_state.lineage = %(old_lineage)s and gemctl_state.serial = %(old_serial)s"
)
_ADD = (
    f"{_HELD}, base as (select 1 from gemctl_state where {_MINE} and lineage = %(old_lineage)s"
    " and serial = %(old_serial)s for share)"
    " insert into gemctl_journal (project, stack, serial, number, lines)"
    " select %(project)s, %(stack)s, %(serial)s, %(number)s, %(data)s from held, base on conflict do nothing"
)
_SWEEP = f"{_HELD} delete from gemctl_journal using held where {_MINE} and serial <= %(serial)s"
_KEEP = (
    f"{_HELD} insert into gemctl_aside (project, stack, name, content)"
    " select %(project)s, %(stack)s, %(name)s, %(data)s from held"
)
_REMOVE = f"{_HELD} delete from gemctl_state using held where {_MINE}"
_OWNER = f"select owner from gemctl_lock where {_MINE} and backend in ({_LOCKS})"
_SIGN = (
    f"{_HELD} insert into gemctl_lock (project, stack, backend, owner)"
    " select %(project)s, %(stack)s, %(backend)s, %(owner)s from held"
    " on conflict (project, stack) do update set backend = excluded.backend, owner = excluded.owner"
)


class PostgresBackend:
    """One stack's rows.

    place     its name in messages.
    methods   how the server may have this side authenticate itself, as libpq's `require_auth`; None for in any way.
    """

    def __init__(
        self, dsn: str, place: str, project: str, stack: str, *, clock: Clock, methods: str | None = None
    ) -> None:
        self._dsn, self._place, self._clock, self._methods = dsn, place, clock, methods
        self._whose: dict[str, Any] = {"project": project, "stack": stack}
        self._lock: dict[str, Any] = {}
        self._session: psycopg.Connection | None = None  # holds the lock
        self._reader: psycopg.Connection | None = None
        self._made = False  # the tables are there

    @property
    def place(self) -> str:
        return self._place

    # Reading

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read in the session that holds the lock, or one for the purpose: to read takes no lock and no table."""
        if self._reader is not None:
            yield
            return
        own = None if self._session else self._connect()
        try:
            self._reader = self._session or own
            yield
        finally:
            self._reader = None
            if own:
                own.close()

    def snapshot(self) -> tuple[bytes, Version] | None:
        row = self._read(_SNAPSHOT)
        return (bytes(row[0][0]), (row[0][1], row[0][2])) if row else None

    def batches(self) -> dict[int, int]:
        return {int(serial): int(number) for serial, number in self._read(_BATCHES)}

    def lines(self, serial: int) -> bytes:
        return b"".join(bytes(row[0]) for row in self._read(_LINES, serial=serial))

    def _read(self, query: str, **more: Any) -> list[Any]:
        assert self._reader is not None
        with self._failures("E411", "can't be read"):
            if not self._there(self._reader):
                return []
            return self._reader.execute(query.encode(), {**self._whose, **more}).fetchall()

    def _there(self, session: psycopg.Connection) -> bool:
        row = None if self._made else session.execute(_THERE, [_NAMES]).fetchone()
        self._made = self._made or bool(row and row[0] == len(_NAMES))
        return self._made

    # Writing: each statement is a transaction, durable when it returns

    def replace(self, snapshot: bytes, lineage: str, serial: int, before: Version | None) -> Version:
        old: dict[str, Any] = {"old_lineage": before[0], "old_serial": before[1]} if before else {}
        new = {"lineage": lineage, "serial": serial, "data": snapshot}
        self._write(_NEXT if before else _FIRST, {**new, **old})
        return lineage, serial

    def add(self, serial: int, number: int, lines: bytes, upon: Version) -> None:
        old = {"old_lineage": upon[0], "old_serial": upon[1]}
        self._write(_ADD, {"serial": serial, "number": number, "data": lines, **old})

    def sweep(self, serial: int) -> None:
        self._write(_SWEEP, {"serial": serial}, least=0)

    def keep(self, name: str, content: bytes) -> None:
        self._write(_KEEP, {"name": name, "data": content})

    def remove(self, before: Version) -> None:
        self._write(_REMOVE, {})

    def _write(self, query: str, more: Mapping[str, Any], least: int = 1) -> None:
        """Raises E412 when fewer rows than `least` were written: that is how a write says that it may not be."""
        if self._session is None:
            raise self._lost("no session holds the lock")
        with self._failures("E412", "can't be written to by this run any more"):
            done = self._session.execute(query.encode(), {**self._whose, **self._lock, **more})
        if done.rowcount < least:
            raise self._lost("its lock is gone, or another run has written since")

    def _lost(self, why: str) -> StoreFailed:
        return StoreFailed(
            f"{self._place} can't be written to by this run any more: {why}.",
            code="E412",
            hint="Apply again. With a pooler between, connect to the server itself, or let the pooler keep sessions.",
        )

    # The lock

    @contextmanager
    def hold(self, doing: str, timeout: float) -> Iterator[None]:
        """See `Locker.lock`. The server frees the lock when the session ends, whatever ends it."""
        session = self._connect()
        try:
            with self._failures("E411", "can't be used"):
                self._prepare(session)
                take(
                    lambda: self._attempt(session),
                    lambda: self._owner(session),
                    self._locked,
                    clock=self._clock,
                    timeout=timeout,
                    poll=_POLL,
                )
                self._session = session
            self._write(_SIGN, {"owner": json.dumps(this_run(doing))})
            yield
        finally:
            self._session = None
            with suppress(_library().Error):  # else the server may notice a moment later that the session has ended
                session.execute("select pg_advisory_unlock_all()")
            session.close()

    def release(self, lock_id: str) -> str:
        raise Usage(
            f"The lock in {self._place} ends with its process, and has no id.",
            code="E415",
            hint="Wait for the run that holds it, or end that process or its session.",
        )

    def _prepare(self, session: psycopg.Connection) -> None:
        """Make missing tables, make commits durable whatever the server's default, and name the lock.

        The name of the lock is all that tells one stack from another: a number that all had in common would make them
        wait for each other.
        """
        if not self._there(session):
            with session.transaction():
                session.execute("select pg_advisory_xact_lock(%s)", [_MAKING])
                for table in _TABLES:
                    session.execute(table.encode())
        session.execute(_SETTINGS)
        row = session.execute("select current_schema(), pg_backend_pid()").fetchone()
        assert row is not None
        name = "\0".join(("gemctl state", str(row[0]), self._whose["project"], self._whose["stack"]))
        number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        self._lock = {"high": number >> 32, "low": number & 0xFFFFFFFF, "backend": row[1]}

    def _attempt(self, session: psycopg.Connection) -> bool | None:
        number = (self._lock["high"] << 32 | self._lock["low"]) - (1 << 64 if self._lock["high"] >> 31 else 0)
        row = session.execute("select pg_try_advisory_lock(%s)", [number]).fetchone()
        return True if row and row[0] else None

    def _owner(self, session: psycopg.Connection) -> str:
        """The note of the session that holds the lock, in words; that of a dead one doesn't count."""
        row = session.execute(_OWNER.encode(), {**self._whose, **self._lock}).fetchone()
        return in_words(row[0]) if row else ""

    def _locked(self, owner: str) -> Locked:
        return Locked(
            f"The stack in {self._place} is locked by another run: {owner or 'somebody who left no name'}.",
            code="E410",
            hint="Wait for it to end, or give --lock-timeout 5m. The lock ends with its process.",
        )

    # The server

    def _connect(self) -> psycopg.Connection:
        library = _library()
        if not self._dsn.startswith(("postgresql://", "postgres://")):  # offline commands do without
            hint = "Set the variable that gemctl.yaml names to postgresql://user:password@host:5432/db."
            raise GemctlError(f"There is no DSN for {self._place}.", code="E414", hint=hint)
        try:
            given = library.conninfo.conninfo_to_dict(self._dsn)
        except library.Error:  # its message quotes the DSN
            raise GemctlError(
                f"What names {self._place} can't be read as a DSN.",
                code="E414",
                hint="Write postgresql://host:5432/db.",
            ) from None
        # A host that doesn't answer is noticed within half a minute.
        usual = {"connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
        usual |= {"tcp_user_timeout": "25000", "application_name": "gemctl"}
        with self._failures("E411", "can't be reached"):
            session: psycopg.Connection = library.connect(
                "", **{**usual, **self._protection(library, given), **given}, autocommit=True, prepare_threshold=None
            )
            return session

    def _protection(self, library: Any, given: Mapping[str, Any]) -> dict[str, str]:
        """Options that make this libpq keep to `methods`. Raises GemctlError E433 for an older one, which would drop
        them without a word, and give a password in clear to a server that gemctl.yaml names.
        """
        if self._methods is None:
            return {}
        version = library.pq.version()
        if version >= _KNOWS_METHODS:
            return {"require_auth": self._methods}
        clear = "password" in self._methods.replace(" ", "").split(",")
        if clear or not (given.get("host") or given.get("hostaddr")):
            return {}
        raise GemctlError(
            f"{self._place} is not connected to: libpq {version // 10000} can't promise that no password is sent in "
            "clear to a server that gemctl.yaml names.",
            code="E433",
            hint="Run: pip install 'psycopg[binary]', which brings a newer one. Or name the DSN by {env: …}.",
        )

    @contextmanager
    def _failures(self, code: str, what: str) -> Iterator[None]:
        psycopg = _library()
        try:
            yield
        except psycopg.Error as error:
            why = " ".join(str(error).split()) or type(error).__name__
            found = "Apply again: what was sent is found."
            hint = "Is the server there, and does it let you in? See docs/state.md." if code == "E411" else found
            raise StoreFailed(f"{self._place} {what}: {why}", code=code, hint=hint) from None


def _library() -> Any:
    try:
        import psycopg
    except ImportError:
        raise GemctlError(
            "State in PostgreSQL needs psycopg, which isn't installed.",
            code="E413",
            hint=how_to_install("postgres"),
        ) from None
    return psycopg
