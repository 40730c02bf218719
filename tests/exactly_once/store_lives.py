"""Whole lives of a project with stores of documents: as simulator.py, with files that are edited, documents that are
imported from Files, strangers' documents beside them, and documents that come back although nobody heard of them.

    python tests/exactly_once/store_lives.py 10000           seeds 0 … 9999, on all cores, with a table of what was hit
    python tests/exactly_once/store_lives.py --seed 17       one seed, told step by step
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import simulator
from appliers import Applier
from auditor import RESULTS, live_objects
from random_resources import NOWHERE, TEXTS, WISHES, Declared
from simulator import Life

from gemctl.core.address import Address
from gemctl.core.digest import sha256
from gemctl.core.mark import Mark, OwnerTag, address_tag, owner_tag, read
from gemctl.core.members import member_tag
from gemctl.core.resource import Attachment, Desired, Lifecycle, Resource
from gemctl.emulator.app import App, Request
from gemctl.emulator.records import fingerprint
from gemctl.emulator.rows import Row
from gemctl.kinds import CATALOGUE

KIND = "FileSearchStore"
IN_USE = (KIND, KIND, KIND, "File", "CachedContent")
PATHS = tuple(f"docs/{letter}.txt" for letter in "abcdef")
FAILS = "[[emulator: document fails]]"
OWNER = owner_tag("sim4sim4", "sim")
MUST_HAPPEN = (
    *(name for name in simulator.MUST_HAPPEN if name not in ("job in parts", "runs fed")),
    *("a document of a stranger", "a document deleted by hand", "a copy of a document", "a document failed"),
)


def store(random: Random, name: str, others: Declared) -> Resource:
    """A store with some of six files, each in one of three versions, and here and there with a File."""
    kind = CATALOGUE[KIND]
    found = []
    for path in sorted(random.sample(PATHS, random.randint(0, len(PATHS)))):
        text = f"text {random.randint(0, 2)} of {path}{f' {FAILS}' if random.random() < 0.05 else ''}"
        data = text.encode()
        TEXTS[sha256(data)] = data
        found.append(Attachment(sha256(data), len(data), path=path, binary=True))
    more = {"metadata": {"year": random.randint(2025, 2026)}} if random.random() < 0.3 else {}
    entries: list[dict] = [{"files": "docs/*.txt", **more}]
    files = [address.name for address, one in others.items() if address.kind == "File" and not one.generated_by]
    if files and random.random() < 0.4:
        entries.append({"fileRef": {"name": random.choice(files)}})
    model = random.choice(("gemini-embedding-001", "gemini-embedding-2")) if random.random() < 0.2 else ""
    spec = {"displayName": name, "documents": entries, **({"embeddingModel": model} if model else {})}
    declared = kind.declare(kind.spec.model_validate(spec), {("documents", 0, "files"): tuple(found)})
    lifecycle = Lifecycle(create_first=random.random() < 0.7)
    return Resource(Address(KIND, name), declared, lifecycle, (), {}, {}, NOWHERE)


def documents(app: App, of: str = "") -> list[Row]:
    """All that there are now, or those in one store."""
    with app.world.turn():
        list(app.world.advance())
        stores = [row.name for row in app.world.objects("fileSearchStores")]
        return [row for name in stores if of in ("", name) for row in app.world.objects(f"{name}/documents")]


def mark_in(metadata) -> Mark | None:
    text = next((one.get("stringValue", "") for one in metadata if one["key"] == "gemctl"), "")
    return read(text if " " in text else f" {text}")[1]


def wrong_documents(app: App, desired: Desired, owner: OwnerTag = OWNER) -> list[str]:
    """Exactly one document for each path that is declared, made from what is declared; no other of ours."""
    problems: list[str] = []
    for address, resource in desired.resources.items():
        if address.kind != KIND:
            continue
        named = [effect.name for effect in live_objects(app).values() if _is(effect.display_name, address, owner)]
        members = resource.declared.members
        paths = {member_tag(address_tag(address), path): path for path in members}
        found: Counter[str] = Counter()
        for row in (row for name in named for row in documents(app, name)):
            mark = mark_in(row.body["customMetadata"])
            if mark is None or mark.owner != owner:
                continue
            path = paths.get(mark.address_tag)
            if path is None or not mark.of(members[path].tag):
                problems.append(f"orphan: {row.name} ({row.body['displayName']}) is declared by nobody")
            else:
                found[path] += 1
        problems += [f"lost: {path} is not in {address}" for path in members if not found[path]]
        problems += [f"duplicate: {path} is {count} times in {address}" for path, count in found.items() if count > 1]
    return problems


def _is(display_name: str, address: Address, owner: OwnerTag) -> bool:
    mark = read(display_name)[1]
    return mark is not None and (mark.owner, mark.address_tag) == (owner, address_tag(address))


class StoreApplier(Applier):
    """A machine whose person lets documents go."""

    def _mark_in(self, body: dict) -> Mark:
        if "customMetadata" in body:
            return mark_in(body["customMetadata"])
        return super()._mark_in(body)


class StoreLife(Life):
    machine = StoreApplier
    rooms = (None,)

    def __init__(self, seed: int, *, tell=None) -> None:
        super().__init__(seed, tell=tell)
        self.marks: dict[str, Mark] = {}  # of every document that was ever made
        create = self.app.world.create

        def noting(collection, project, body, **how):
            row = create(collection, project, body, **how)
            if collection.endswith("/documents") and (mark := mark_in(body["customMetadata"])):
                self.marks[row.name] = mark
            return row

        self.app.world.create = noting

    def _mind(self):
        return replace(super()._mind(), appliers=1)

    # What people do

    def edit(self) -> None:
        r = self.random
        for _ in range(r.randint(1, 4)):
            kind, name = r.choice(IN_USE), r.choice(simulator.NAMES[:4])
            address = Address(kind, name)
            used = any(ref.target == address for one in self.resources.values() for ref in one.declared.references)
            if address in self.resources and not used and r.random() < 0.25:
                del self.resources[address]
                self.note("", f"undeclare {address}")
                continue
            made = store(r, name, self.resources) if kind == KIND else WISHES[kind](r, name, self.resources)
            self.resources[address] = made
            self.note("", f"declare {address} {made.declared.fields} {sorted(made.declared.members)}")

    def meddle(self) -> None:
        r = self.random
        names = sorted(name for name in live_objects(self.app) if name.startswith("fileSearchStores/"))
        what, held = r.random(), documents(self.app)
        if what < 0.1 and names:
            self.hits["deleted by hand"] += 1
            self._hand("DELETE", f"{r.choice(names)}?force=true")
        elif what < 0.25 and held:
            self.hits["a document deleted by hand"] += 1
            self._hand("DELETE", f"{r.choice(held).name}?force=true")
        elif what < 0.4 and names:
            self.hits["a document of a stranger"] += 1
            self._upload(r.choice(names), "theirs", "stranger", [])
        elif what < 0.5 and held:
            self.hits["a copy of a document"] += 1
            copied = r.choice(held)
            name = copied.body["displayName"]
            self._upload(copied.collection.rpartition("/")[0], name, "hand", copied.body["customMetadata"])
        else:
            super().meddle()

    def _hand(self, method: str, path: str, body: bytes = b"", key: str = "hand") -> None:
        way, _, query = path.partition("?")
        self.note("", f"somebody: {method} {path}")
        headers = {"x-goog-api-key": key}
        self.app.handle(Request(method, f"/v1beta/{way}", tuple(parse_qsl(query)), headers, body))

    def _upload(self, store: str, name: str, key: str, metadata: list) -> None:
        self.note("", f"somebody puts {name} into {store}")
        head = {
            "x-goog-api-key": key,
            "x-goog-upload-protocol": "resumable",
            "x-goog-upload-command": "start",
            "x-goog-upload-header-content-type": "text/plain",
            "x-goog-upload-header-content-length": "6",
        }
        about = json.dumps({"displayName": name, "customMetadata": metadata}).encode()
        begun = self.app.handle(Request("POST", f"/upload/v1beta/{store}:uploadToFileSearchStore", (), head, about))
        url = urlsplit(begun.headers["X-Goog-Upload-URL"])
        command = {"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"}
        self.app.handle(Request("POST", url.path, tuple(parse_qsl(url.query)), command, b"Theirs"))

    # What must be true

    def desired(self) -> Desired:
        desired = super().desired()
        held = [one.file for resource in desired.resources.values() for one in resource.declared.members.values()]
        texts = {**desired.attachments, **{file.digest: file for file in held if file}}
        return replace(desired, attachments=MappingProxyType(texts))

    def audit(self) -> tuple[str, ...]:
        found = (*super().audit(), *wrong_documents(self.app, self.desired()), *self._touched())
        failed = [row for row in documents(self.app) if row.body["state"] == "STATE_FAILED"]
        self.hits["a document failed"] += bool(failed)
        return tuple(one for one in found if not self._waits_for_a_person(one, failed))

    def _waits_for_a_person(self, problem: str, failed: list) -> bool:
        """Whether an older store, or an older document, stays since the service could not index the new one: what
        works is kept until somebody mends that.
        """
        for row in failed:
            store = row.collection.rpartition("/")[0]
            name = next((at.name for at in self.resources if store.startswith(f"fileSearchStores/{at.name}-")), None)
            more = (
                f"old generation of {KIND}/{name} ",
                f"duplicate: {KIND}/{name} has ",  # a create that was delivered twice: the other is an older one
                f"2 times in {KIND}/{name}",
                f"orphan: fileSearchStores/{name}-",
            )
            if name and any(words in problem for words in more):
                return True
        return False

    def _touched(self) -> list[str]:
        """Documents that somebody else made and our key deleted; what went with a store of ours does not count."""
        mine = fingerprint(self.appliers[0].key)
        effects = [one for one in self.app.effects if not one.name.startswith(RESULTS)]
        gone = {one.name for one in effects if one.kind == "deleted" and one.collection == "fileSearchStores"}
        makers = {one.name: one.key for one in effects if one.kind == "created"}
        return [
            f"touched: {one.name}"
            for one in effects
            if one.kind == "deleted" and one.collection.endswith("/documents") and one.key == mine
            if makers[one.name] != mine and one.name not in self.marks
            if one.collection.rpartition("/")[0] not in gone
        ]

    def _never_two_at_once(self) -> None:
        """Nor two documents of one mark, but for those that somebody copied."""
        super()._never_two_at_once()
        mine, live = fingerprint(self.appliers[0].key), {}
        for effect in self.app.effects:
            mark = self.marks.get(effect.name)
            if mark is None:
                continue
            key = (effect.collection, mark.address_tag, mark.spec_tag)
            if effect.kind == "created":
                if key in live and effect.key == mine:
                    self.problems.append(f"two at once: {effect.name} was made beside {live[key]}")
                live[key] = effect.name
            elif effect.kind == "deleted":
                live = {other: name for other, name in live.items() if name != effect.name}


def live_one(seed: int):
    """As simulator.live_one."""
    life = StoreLife(seed)
    return seed, life.live(), life.hits, len(life.resources)


if __name__ == "__main__":
    sys.exit(simulator.main(StoreLife, live_one, MUST_HAPPEN))
