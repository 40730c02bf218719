"""FakeDocument: a text in a store. It lies under the store, carries its mark in metadata, and is ready when an
operation has ended. Nothing about it can be changed: a new one is made, and the old one goes.
"""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType

from pydantic import Field

from gemctl.core.address import Address
from gemctl.core.call import Call, Fill, Pages, Reference
from gemctl.core.errors import Refused
from gemctl.core.kind import Collection, FileNeed, Files, InDisplayName, Kind, Operation, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import Mark, read, write
from gemctl.core.resource import Declared, Resource
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, plain

KEY = "gemctl"
PARENT = "FakeStore"
_SLUG = r"[a-z0-9-]{1,64}"
COLLECTION = Collection(
    "documents",
    re.compile(rf"fakeStores/{_SLUG}/documents/{_SLUG}"),
    "document",
    Pages("documents", 1000),
    parent=PARENT,
    delete=(("force", "true"),),
)
_PHASES = {"STATE_ACTIVE": Phase.READY, "STATE_FAILED": Phase.FAILED}


class FakeDocumentSpec(Shape):
    """A document, which its store declares in passing."""

    source: str = Field(description="The file.")


def _files(spec: FakeDocumentSpec) -> tuple[FileNeed, ...]:
    return (FileNeed(("source",), spec.source),)


def _declare(spec: FakeDocumentSpec, files: Files) -> Declared:
    (text,) = files["source",]
    fields = {"source": text.digest, "path": plain(spec)["source"], "store": ""}
    store = Reference(("store",), Address(PARENT, ""), "name", ("source",))
    return Declared(fields, display_name=spec.source, references=(store,), attachments=(replace(text, at=("source",)),))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    fields = resource.declared.fields
    body = {
        "displayName": fields["path"],
        "text": fields["source"],
        "customMetadata": [{"key": KEY, "stringValue": write("", mark)}],
    }
    fills = (Fill(("text",), fields["source"]),)
    return Call("POST", ":uploadText", body=body, fills=fills, repeatable=False, under=resource.generated_by)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = COLLECTION.named(replies.text(entry, "name")), replies.text(entry, "displayName")
    marks = [
        replies.text(one, "stringValue") for one in replies.listed(entry, "customMetadata") if one.get("key") == KEY
    ]
    _, mark = read(marks[0]) if marks else ("", None)
    state = replies.text(entry, "state")
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    return LiveObject(
        "FakeDocument",
        name,
        display,
        display,
        mark,
        {},
        replies.shown({"name": name, "displayName": display, "state": state}),
        created,
        updated,
        phase=_PHASES.get(state, Phase.WAITING),
        why="it could not be indexed" if state == "STATE_FAILED" else "",
        state=state.removeprefix("STATE_"),
        parent=name.partition("/documents/")[0],
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return ("source",)


def _started(reply: Json) -> str | None:
    name = replies.text(replies.entry(reply), "name")
    return name if "/operations/" in name else None


def _made(reply: Json) -> str | None:
    operation = replies.entry(reply)
    if not operation.get("done"):
        return None
    if error := replies.inner(operation, "error"):
        raise Refused(replies.text(error, "message") or "It could not be indexed.", status=400)
    return COLLECTION.named(replies.text(replies.inner(operation, "response"), "documentName"))


KIND = Kind(
    name="FakeDocument",
    spec=FakeDocumentSpec,
    rules=MappingProxyType({"source": Rule.INPUT_ONLY}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(
        COLLECTION,
        InDisplayName(),
        _create,
        _read,
        _source,
        operation=Operation(re.compile(rf"fakeStores/{_SLUG}/operations/{_SLUG}"), _started, _made),
    ),
)
