"""A project with a store of documents on the embedded emulator, and what others find in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from fakes.fake_project import FakeProject

from gemctl.core.address import Address
from gemctl.emulator.app import App, Request
from gemctl.state.local import LocalStore

STORE = "FileSearchStore/s"
SPEC = {"displayName": "Handbook", "embeddingModel": "gemini-embedding-001", "documents": [{"files": "docs/*.txt"}]}
FAILS, STAYS = "[[emulator: document fails]]", "[[emulator: document stays]]"


@contextmanager
def recorded(asked: list[str]) -> Iterator[None]:
    """As long as the block runs, every request that arrives is noted: `GET fileSearchStores`."""
    handle = App.handle

    def told(app: App, request: Any) -> Any:
        asked.append(f"{request.method} {request.path.partition('/v1beta/')[2]}")
        return handle(app, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "handle", told)
        yield


class Library(FakeProject):
    """`asked` are the requests of the last command."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked: list[str] = []
        self.spec: dict[str, Any] = dict(SPEC)
        self.write("docs/a.txt", "All about a.")
        self.write("docs/b.txt", "All about b.")
        self.store()

    def gemctl(self, line: str, status: int | None = 0, **how: Any) -> Any:
        self.asked = []
        with recorded(self.asked):
            return super().gemctl(line, status, **how)

    def store(self, name: str = "s", **spec: Any) -> None:
        """Declare the store, with these fields otherwise than they were."""
        envelope = {key: spec.pop(key) for key in ("lifecycle", "publish") if key in spec}
        self.spec = {**self.spec, **spec}
        self.declare("FileSearchStore", name, self.spec, **envelope)

    def apply(self, more: str = "", status: int | None = 0, **how: Any) -> Any:
        return self.gemctl(f"apply --yes {more}", status, **how)

    def planned(self, more: str = "", status: int = 0) -> dict[str, tuple[str, str]]:
        """What is not kept."""
        return {address: done for address, done in self.plan(more, status).items() if done[0] != "keep"}

    def counts(self, more: str = "", status: int = 0, of: str = STORE) -> str:
        """What a plan says of the documents."""
        found: str = self.changes(more, status)[of].get("note") or ""
        return found

    def stores(self) -> list[str]:
        return self.live("fileSearchStores")

    def documents(self, store: str = "") -> dict[str, str]:
        """What lies in a store, by default the only one: display name → live name. Two of one name are a failure."""
        rows = self.rows(store)
        found = {row["displayName"]: row["name"] for row in rows}
        assert len(found) == len(rows), rows
        return found

    def rows(self, store: str = "") -> list[dict[str, Any]]:
        """Documents as another client finds them."""
        if not store:
            (store,) = self.stores()
        rows: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self.ask("GET", f"{store}/documents?pageSize=20{token}")
            rows += page.get("documents", [])
            if "nextPageToken" not in page:
                return rows
            token = f"&pageToken={page['nextPageToken']}"

    def ledger(self, of: str = STORE) -> Mapping[str, str]:
        """The rows that are recorded."""
        kind, _, name = of.partition("/")
        loaded = LocalStore(self.folder / ".gemctl/local", clock=self.clock).load()
        return loaded.ledger.members.get(Address(kind, name), {})

    def upload(self, name: str, text: str = "Theirs.", store: str = "", metadata: Any = ()) -> str:
        """A document that somebody else uploads; its live name."""
        if not store:
            (store,) = self.stores()
        about = {"displayName": name, "customMetadata": list(metadata)}
        start = {
            "x-goog-api-key": "hand",
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-type": "text/plain",
            "x-goog-upload-header-content-length": str(len(text)),
        }
        path = f"/upload/v1beta/{store}:uploadToFileSearchStore"
        begun = self.app.handle(Request("POST", path, (), start, json.dumps(about).encode()))
        url = urlsplit(begun.headers["X-Goog-Upload-URL"])
        command = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
        ended = self.app.handle(Request("POST", url.path, tuple(parse_qsl(url.query)), command, text.encode()))
        assert ended.status == 200, ended.body
        return f"{store}/documents/{json.loads(ended.body)['name'].rpartition('/')[2]}"

    def lose_state(self) -> None:
        """The state is gone; what is live is still there."""
        for file in (self.folder / ".gemctl/local").glob("*"):
            if file.is_file():
                file.unlink()

    def hours(self, hours: float) -> None:
        self.clock.advance(timedelta(hours=hours))
