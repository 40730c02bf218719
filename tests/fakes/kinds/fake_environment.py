"""FakeEnvironment: a place with packages. Its description and packages can be patched, its display name, which carries
the mark, can not; a create answers an operation; its list is turned by offsets. Canonical form: `region`, `description`
and `packages`, as they were written.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from pydantic import Field

from gemctl.core.call import Answer, Call, Pages
from gemctl.core.errors import Refused
from gemctl.core.kind import Act, Collection, FileNeed, Files, InDisplayName, Kind, Operation, Patch, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import Mark, read, write
from gemctl.core.moment import show_instant
from gemctl.core.resource import Declared, Resource
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, optional, plain

_NAME = r"fakeEnvironments/[a-z0-9]{1,64}"
COLLECTION = Collection(
    "fakeEnvironments",
    re.compile(_NAME),
    "environment",
    Pages("environments", 1000, "limit", "offset", "nextOffset"),
)
_EMPTY = {"description": "", "packages": []}
_PHASES = {"READY": Phase.READY, "FAILED": Phase.FAILED}


class FakeEnvironmentSpec(Shape):
    """A place with packages in which code runs."""

    region: str = Field(description="Where it is.")
    description: str = optional("What it is for.")
    packages: list[str] = optional("What is installed in it.")


def _files(spec: FakeEnvironmentSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: FakeEnvironmentSpec, files: Files) -> Declared:
    return Declared(plain(spec))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    body = {**resource.declared.fields, "displayName": write(resource.display_name, mark)}
    return Call("POST", COLLECTION.path, body=body, repeatable=False)


def _patch(name: str, patch: Patch) -> Call:
    """What is declared no more becomes what the service has where nothing is said. It takes no display name."""
    fields = {**_EMPTY, **patch.resource.declared.fields}
    body = {field: fields[field] for field in sorted(patch.fields)}
    return Call("PATCH", COLLECTION.named(name), query=(("updateMask", ",".join(body)),), body=body)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = COLLECTION.named(replies.text(entry, "name")), replies.text(entry, "displayName")
    display_name, mark = read(display)
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    state = replies.text(entry, "state")
    fields = {"region": replies.text(entry, "region"), "description": replies.text(entry, "description")}
    packages = {} if "nextOffset" in entry else {"packages": replies.listed(entry, "packages")}
    outputs = {"name": name, "region": fields["region"], "createTime": created and show_instant(created)}
    return LiveObject(
        "FakeEnvironment",
        name,
        display,
        display_name,
        mark,
        {"region": fields["region"], "description": fields["description"], **packages},
        replies.shown(outputs),
        created,
        updated,
        phase=_PHASES.get(state, Phase.WAITING),
        why="a package could not be built" if state == "FAILED" else "",
        state=state,
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return resource.declared.written(at)


def _started(reply: Json) -> str | None:
    name = replies.text(replies.entry(reply), "name")
    return name if "/operations/" in name else None


def _made(reply: Json) -> str | None:
    operation = replies.entry(reply)
    if not operation.get("done"):
        return None
    if error := replies.inner(operation, "error"):
        raise Refused(replies.text(error, "message") or "It could not be built.", status=400)
    return COLLECTION.named(replies.text(replies.inner(operation, "response"), "name"))


def _restart(resource: Resource, name: str | None) -> Call:
    path = f"{COLLECTION.named(name or '')}:restart"
    return Call("POST", path, body={}, repeatable=False, answer=Answer.NOTHING)


KIND = Kind(
    name="FakeEnvironment",
    spec=FakeEnvironmentSpec,
    rules=MappingProxyType({"region": Rule.IMMUTABLE, "description": Rule.UPDATABLE, "packages": Rule.UPDATABLE}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(
        COLLECTION,
        InDisplayName(),
        _create,
        _read,
        _source,
        patch=_patch,
        operation=Operation(re.compile(rf"{_NAME}/operations/[a-z0-9-]{{1,64}}"), _started, _made),
    ),
    acts=MappingProxyType({"restart": Act(_restart)}),
)
