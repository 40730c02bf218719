"""FakeCredential: an id that the user chooses, and a description that can be patched. It carries no mark."""

from __future__ import annotations

import re
from types import MappingProxyType

from pydantic import Field

from gemctl.core.call import Call, Pages
from gemctl.core.kind import Chosen, Collection, FileNeed, Files, Kind, Patch, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark
from gemctl.core.resource import Declared, Resource
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, optional, plain

COLLECTION = Collection(
    "fakeCredentials",
    re.compile(r"fakeCredentials/[a-z][a-z0-9-]{0,62}"),
    "credential",
    Pages("credentials", 1000),
)
_SHOWN = ("host", "description")


class FakeCredentialSpec(Shape):
    """A credential."""

    id: str = Field(description="Its id, which is its name.")
    host: str = Field(description="Where it is good.")
    description: str = optional("For people.")


def _files(spec: FakeCredentialSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: FakeCredentialSpec, files: Files) -> Declared:
    return Declared(plain(spec))


def _name(resource: Resource) -> str:
    return f"{COLLECTION.path}/{resource.declared.fields['id']}"


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    return Call("POST", COLLECTION.path, body=resource.declared.fields, repeatable=False)


def _patch(name: str, patch: Patch) -> Call:
    fields = patch.resource.declared.fields
    body = {field: fields.get(field, "") for field in patch.fields}
    return Call("PATCH", COLLECTION.named(name), body=body)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    own = replies.text(entry, "id")
    name = COLLECTION.named(f"{COLLECTION.path}/{own}")
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    fields = replies.shown({"id": own, **{field: entry.get(field) for field in _SHOWN}})
    return LiveObject("FakeCredential", name, "", own, None, fields, {"name": name, "id": own}, created, updated)


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return at


KIND = Kind(
    name="FakeCredential",
    spec=FakeCredentialSpec,
    rules=MappingProxyType({"id": Rule.IMMUTABLE, "host": Rule.IMMUTABLE, "description": Rule.UPDATABLE}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, Chosen(_name), _create, _read, _source, patch=_patch),
)
