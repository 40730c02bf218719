"""The places where a state can lie, for laws that hold in each of them; and hands that damage what lies there."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from obstore.store import MemoryStore
from servers import postgres
from values import ManualClock

from gemctl.core.address import Address
from gemctl.core.record import Bound, Origin, Record, fold
from gemctl.state.codec import Identity
from gemctl.state.local import LocalStore
from gemctl.state.objects import ObjectBackend
from gemctl.state.postgres import PostgresBackend
from gemctl.state.shared import SharedStore

OWNER = Identity("shop", "prod", "emulator", "00ff", "12345678")
NAMES = ("local", "postgres", "objects")
DATABASE, BUCKET, URL = "laws", "laws", "s3://laws/prefix"


def bound(name: str) -> Bound:
    return Bound(Address("CachedContent", name), Record(f"cachedContents/{name}", "s", Origin.CREATED, "m"))


class Backend:
    """One place. `project` and `stack` say whose state is meant; the tests of one worker never share a project."""

    shared = True
    project = OWNER.project

    def store(self, *, lineage: str = "lineage", clock=None, stack: str = OWNER.stack):
        return SharedStore(self.backend(clock=clock, stack=stack), make_lineage=lambda: lineage)

    def ran(self, *entries, finish: bool = True, lineage: str = "lineage"):
        """One run that writes these entries; without `finish` it dies."""
        store = self.store(lineage=lineage)
        with store.lock("apply", 0):
            loaded = store.load()
            store.begin(OWNER, loaded.ledger)
            store.append(entries)
            if finish:
                store.finish(OWNER, replace(fold(loaded.ledger, entries), known=True))
        return store

    def names(self) -> list[str]:
        return sorted(address.name for address in self.store().load().ledger.records)


class Local(Backend):
    shared = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, *, lineage="lineage", clock=None, stack=OWNER.stack):
        clock = clock or ManualClock()
        return LocalStore(self.folder / stack, clock=clock, make_lineage=lambda: lineage)

    def snapshot(self) -> bytes:
        return (self.folder / OWNER.stack / "state.json").read_bytes()

    def put_snapshot(self, data: bytes | None) -> None:
        path = self.folder / OWNER.stack / "state.json"
        path.unlink() if data is None else path.write_bytes(data)

    def journal(self) -> bytes:
        return (self.folder / OWNER.stack / "journal").read_bytes()

    def put_journal(self, lines: bytes, serial: int | None = None) -> None:
        (self.folder / OWNER.stack / "journal").write_bytes(lines)

    def aside(self) -> list[bytes]:
        """Damaged journals that were kept."""
        return [path.read_bytes() for path in (self.folder / OWNER.stack).glob("journal.damaged")]


class Postgres(Backend):
    def __init__(self, project: str, database: str = DATABASE) -> None:
        self.project, self.dsn = project, postgres(database)

    def backend(self, *, clock=None, stack=OWNER.stack):
        place = "postgresql://host/laws"
        return PostgresBackend(self.dsn, place, self.project, stack, clock=clock or ManualClock())

    def sql(self, query: str, **values):
        import psycopg

        with psycopg.connect(self.dsn, autocommit=True) as session:
            done = session.execute(query, {"project": self.project, "stack": OWNER.stack, **values})
            return done.fetchall() if done.description else []

    def snapshot(self) -> bytes:
        return self.sql("select snapshot from gemctl_state where project = %(project)s")[0][0]

    def put_snapshot(self, data: bytes | None) -> None:
        self.sql("delete from gemctl_state where project = %(project)s")
        if data is not None:
            self.sql("insert into gemctl_state values (%(project)s, %(stack)s, 'put back', 0, %(data)s)", data=data)

    def aside(self) -> list[bytes]:
        return [row[0] for row in self.sql("select content from gemctl_aside where project = %(project)s")]

    def journal(self) -> bytes:
        rows = self.sql("select lines from gemctl_journal where project = %(project)s order by serial, number")
        return b"".join(row[0] for row in rows)

    def put_journal(self, lines: bytes, serial: int | None = None) -> None:
        if serial is None:
            serial = self.sql("select max(serial) from gemctl_journal where project = %(project)s")[0][0]
        self.sql("delete from gemctl_journal where project = %(project)s")
        self.sql(
            "insert into gemctl_journal values (%(project)s, %(stack)s, %(serial)s, 0, %(lines)s)",
            serial=serial,
            lines=lines,
        )


class Objects(Backend):
    """In a bucket that the environment leads to; or `opened`, in memory."""

    def __init__(self, project: str, opened=None) -> None:
        self.project, self.opened = project, opened

    def backend(self, *, clock=None, stack=OWNER.stack):
        backend = ObjectBackend(URL, self.project, stack, clock=clock or ManualClock(), env=os.environ)
        backend._opened = self.opened
        return backend

    def bucket(self):
        return self.backend()._store()

    def snapshot(self) -> bytes:
        return bytes(self.bucket().get("state.json").bytes())

    def put_snapshot(self, data: bytes | None) -> None:
        if data is None:
            self.bucket().delete(["state.json"])
        else:
            self.bucket().put("state.json", data)

    def aside(self) -> list[bytes]:
        paths = [meta["path"] for chunk in self.bucket().list("aside") for meta in chunk]
        return [bytes(self.bucket().get(path).bytes()) for path in paths]

    def batches(self) -> list[str]:
        return sorted(meta["path"] for chunk in self.bucket().list("journal") for meta in chunk)

    def journal(self) -> bytes:
        return b"".join(bytes(self.bucket().get(path).bytes()).partition(b"\n")[2] for path in self.batches())

    def put_journal(self, lines: bytes, serial: int | None = None) -> None:
        paths = self.batches()
        if serial is None:
            serial = int(paths[-1].split("/")[-2])
        self.bucket().delete(paths)
        self.bucket().put(f"journal/{serial:020}/{0:010}", b"by hand\n" + lines)


def open_backend(name: str, folder: Path, project: str) -> Backend:
    """For object storage one in memory, which is as strict and much quicker; with LAWS_ON_S3=1 a served one."""
    makers: dict[str, Callable[[], Backend]] = {
        "local": lambda: Local(folder),
        "postgres": lambda: Postgres(project),
        "objects": lambda: Objects(project, None if os.environ.get("LAWS_ON_S3") else MemoryStore()),
    }
    return makers[name]()
