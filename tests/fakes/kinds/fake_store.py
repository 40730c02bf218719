"""FakeStore: a store of documents. It lives until it is deleted, nothing about it can be changed, and the documents
that its spec names by globs come with it.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from pydantic import Field

from gemctl.core.call import Call, Pages
from gemctl.core.digest import tag
from gemctl.core.kind import Collection, FileNeed, Files, InDisplayName, Kind, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark, read, write
from gemctl.core.moment import show_instant
from gemctl.core.quantities import Quantities
from gemctl.core.resource import Declared, Generated, Resource
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, optional, plain

COLLECTION = Collection(
    "fakeStores",
    re.compile(r"fakeStores/[a-z0-9-]{1,64}"),
    "store",
    Pages("fakeStores", 1000),
    delete=(("force", "true"),),
)
_COUNTERS = ("activeDocumentsCount", "pendingDocumentsCount", "failedDocumentsCount", "sizeBytes")


class FakeStoreSpec(Shape):
    """A store, and what is in it."""

    display_name: str = optional("A name for people.")
    embedding_model: str = optional("What documents are indexed with.")
    documents: list[str] = Field(default=[], description="Globs of texts.")


def _files(spec: FakeStoreSpec) -> tuple[FileNeed, ...]:
    return tuple(FileNeed(("documents", at), glob, many=True) for at, glob in enumerate(spec.documents))


def _declare(spec: FakeStoreSpec, files: Files) -> Declared:
    written = plain(spec)
    fields = {name: written[name] for name in ("displayName", "embeddingModel") if name in written}
    documents = [
        Generated("FakeDocument", f".{tag(found.path.encode(), 10)}", {"source": found.path}, need)
        for need, attachments in files.items()
        for found in attachments
        if found.path
    ]
    return Declared(
        fields,
        display_name=written.get("displayName"),
        generated=tuple(documents),
        quantities=Quantities(documents=len(documents)),
    )


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    body = {**resource.declared.fields, "displayName": write(resource.display_name, mark)}
    return Call("POST", COLLECTION.path, body=body, repeatable=False)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = COLLECTION.named(replies.text(entry, "name")), replies.text(entry, "displayName")
    display_name, mark = read(display)
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    model = replies.text(entry, "embeddingModel")
    counters = [replies.count(entry, name) for name in _COUNTERS]
    outputs = {
        "name": name,
        "displayName": display_name,
        "embeddingModel": model,
        "createTime": created and show_instant(created),
    }
    return LiveObject(
        "FakeStore",
        name,
        display,
        display_name,
        mark,
        replies.shown({"embeddingModel": model}),
        replies.shown(outputs),
        created,
        updated,
        children=f"{counters} {updated and show_instant(updated)}",
        held=sum(count or 0 for count in counters),
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return resource.declared.written(at)


KIND = Kind(
    name="FakeStore",
    spec=FakeStoreSpec,
    rules=MappingProxyType(
        {"displayName": Rule.IMMUTABLE, "embeddingModel": Rule.IMMUTABLE, "documents": Rule.UNCOMPARED}
    ),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, InDisplayName(), _create, _read, _source),
)
