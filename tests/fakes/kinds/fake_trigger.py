"""FakeTrigger: starts an agent by the clock. Its display name and status can be patched, all else makes a new one; its
list has a third style of pages.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Literal

from pydantic import Field

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Pages, Reference
from gemctl.core.kind import Act, Collection, FileNeed, Files, InDisplayName, Kind, Patch, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark, read, write
from gemctl.core.moment import show_instant
from gemctl.core.resource import Declared, Resource
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, optional, plain

COLLECTION = Collection(
    "fakeTriggers",
    re.compile(r"fakeTriggers/[A-Za-z0-9]{1,64}"),
    "trigger",
    Pages("triggers", 1000, "limit", "cursor", "nextCursor"),
)


class AgentRef(Shape):
    """A FakeAgent of this project."""

    name: str = Field(description="Its name.")


class FakeTriggerSpec(Shape):
    """When an agent is started, and with what."""

    schedule: str = Field(description="Cron.")
    time_zone: str = optional("Where the clock hangs.")
    agent_ref: AgentRef = Field(description="The agent.")
    prompt: str = Field(description="What the agent is told.")
    status: Literal["ACTIVE", "PAUSED"] = optional("Whether it starts anything.")


def _files(spec: FakeTriggerSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: FakeTriggerSpec, files: Files) -> Declared:
    written = plain(spec)
    agent = written.pop("agentRef")["name"]
    reference = Reference(("agent",), Address("FakeAgent", agent), "id", ("agentRef", "name"))
    return Declared({**written, "agent": ""}, references=(reference,))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    declared = resource.declared
    body = {**declared.fields, "displayName": write(resource.display_name, mark)}
    return Call("POST", COLLECTION.path, body=body, references=declared.references, repeatable=False)


def _patch(name: str, patch: Patch) -> Call:
    fields = patch.resource.declared.fields
    body = {field: fields.get(field, "ACTIVE") for field in patch.fields}
    return Call(
        "PATCH", COLLECTION.named(name), body={**body, "displayName": write(patch.resource.display_name, patch.mark)}
    )


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = COLLECTION.named(replies.text(entry, "name")), replies.text(entry, "displayName")
    display_name, mark = read(display)
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    fields = {field: entry.get(field) for field in ("schedule", "timeZone", "status")}
    outputs = {"name": name, "agent": replies.text(entry, "agent"), "createTime": created and show_instant(created)}
    return LiveObject(
        "FakeTrigger",
        name,
        display,
        display_name,
        mark,
        replies.shown(fields),
        replies.shown(outputs),
        created,
        updated,
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return resource.declared.written(at)


def _run(resource: Resource, name: str | None) -> Call:
    path = f"{COLLECTION.named(name or '')}:run"
    return Call("POST", path, body={}, repeatable=False, answer=Answer.NOTHING)


KIND = Kind(
    name="FakeTrigger",
    spec=FakeTriggerSpec,
    rules=MappingProxyType(
        {
            "schedule": Rule.IMMUTABLE,
            "timeZone": Rule.IMMUTABLE,
            "agentRef": Rule.INPUT_ONLY,
            "prompt": Rule.INPUT_ONLY,
            "status": Rule.UPDATABLE,
        }
    ),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, InDisplayName(), _create, _read, _source, patch=_patch),
    acts=MappingProxyType({"run": Act(_run)}),
)
