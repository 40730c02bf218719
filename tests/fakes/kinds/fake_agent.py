"""FakeAgent: instructions under an id that the user chooses, or else the resource's own name. Everything is shown and
nothing can be changed, so that a replacement deletes first. It carries no mark: one that is there already is not ours.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from pydantic import Field, JsonValue

from gemctl.core.address import Address
from gemctl.core.call import Call, Pages, Reference
from gemctl.core.kind import Chosen, Collection, FileNeed, Files, Kind, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark
from gemctl.core.resource import Declared, Resource
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, optional, plain

COLLECTION = Collection(
    "fakeAgents",
    re.compile(r"fakeAgents/[a-z][a-z0-9-]{0,62}"),
    "agent",
    Pages("agents", 1000, "page_size", "page_token", "next_page_token"),
)
_FIELDS = ("description", "model", "instruction", "tools", "environment", "base")


class FakeBaseRef(Shape):
    """A FakeAgent of this project."""

    name: str = Field(description="Its name.")


class FakeAgentSpec(Shape):
    """An agent."""

    id: str = optional("Its id; the resource's name where there is none.")
    description: str = optional("For people.")
    model: str = optional("Its model.")
    instruction: str = optional("What it is told.")
    tools: list[dict[str, JsonValue]] = optional("What it may use.")
    environment: dict[str, JsonValue] = optional("Where it works.")
    base: str = optional("The agent that it is made of.")
    base_ref: FakeBaseRef = optional("A FakeAgent of this project, in place of base.")


def _files(spec: FakeAgentSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: FakeAgentSpec, files: Files) -> Declared:
    fields = plain(spec)
    if "baseRef" not in fields:
        return Declared(fields)
    base = Address("FakeAgent", fields.pop("baseRef")["name"])
    reference = Reference(("base",), base, "id", ("baseRef", "name"), digested=False)
    return Declared({**fields, "base": ""}, references=(reference,))


def _name(resource: Resource) -> str:
    return f"{COLLECTION.path}/{resource.declared.fields['id']}"


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    declared = resource.declared
    return Call("POST", COLLECTION.path, body=declared.fields, references=declared.references, repeatable=False)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    own = replies.text(entry, "id")
    name = COLLECTION.named(f"{COLLECTION.path}/{own}")
    created, updated = replies.instant(entry, "created"), replies.instant(entry, "updated")
    fields = {"id": own, **{field: entry.get(field) for field in _FIELDS}}
    outputs = {"name": name, "id": own, "model": replies.text(entry, "model")}
    return LiveObject("FakeAgent", name, "", own, None, replies.shown(fields), replies.shown(outputs), created, updated)


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return resource.declared.written(at)


KIND = Kind(
    name="FakeAgent",
    spec=FakeAgentSpec,
    rules=MappingProxyType({**dict.fromkeys(("id", *_FIELDS), Rule.IMMUTABLE), "baseRef": Rule.UNCOMPARED}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, Chosen(_name, "id"), _create, _read, _source),
)
