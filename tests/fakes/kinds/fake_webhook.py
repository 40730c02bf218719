"""FakeWebhook: where events go. All of it can be patched, its list has names of its own for pages, and its signing
secret is shown once: it goes to the sink that the spec names.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, model_validator

from gemctl.core.call import Answer, Call, Pages
from gemctl.core.kind import Act, Collection, FileNeed, Files, InDisplayName, Kind, Patch, Remote, Rule, SecretReply
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark, read, write
from gemctl.core.resource import Declared, Resource, SecretSink
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, optional, plain

COLLECTION = Collection(
    "fakeWebhooks",
    re.compile(r"fakeWebhooks/[A-Za-z0-9]{1,64}"),
    "webhook",
    Pages("webhooks", 1000, "page_size", "page_token", "next_page_token"),
)
_SHOWN = {"uri": "uri", "subscribedEvents": "subscribed_events", "state": "state"}


class SecretShape(Shape):
    """Where the signing secret goes: one of these."""

    file: str = optional("A file, from the project root.")
    command: str = optional("A command that gets it on its standard input.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.file is None) == (self.command is None):
            raise ValueError("name a file or a command")
        return self


class FakeWebhookSpec(Shape):
    """Where events go."""

    uri: str = Field(description="An https address.")
    subscribed_events: list[str] = Field(description="Events.")
    state: Literal["enabled", "disabled"] = optional("Whether it is called.")
    secret: SecretShape = Field(description="Where the signing secret goes.")


def _files(spec: FakeWebhookSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: FakeWebhookSpec, files: Files) -> Declared:
    written = plain(spec)
    fields = {name: written[name] for name in _SHOWN if name in written}
    ((form, target),) = written["secret"].items()
    return Declared(fields, sink=SecretSink(form, target, ("secret", form)))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    body = {name: value for name, value in resource.declared.fields.items() if name != "state"}
    return Call("POST", COLLECTION.path, body={**body, "name": write(resource.display_name, mark)}, repeatable=False)


def _patch(name: str, patch: Patch) -> Call:
    fields = patch.resource.declared.fields
    body = {field: fields.get(field, "enabled") for field in patch.fields}
    body["name"] = write(patch.resource.display_name, patch.mark)
    query = (("updateMask", ",".join(sorted(body))),)
    return Call("PATCH", COLLECTION.named(name), query=query, body=body)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = COLLECTION.named(f"{COLLECTION.path}/{replies.text(entry, 'id')}"), replies.text(entry, "name")
    display_name, mark = read(display)
    created, updated = replies.instant(entry, "create_time"), replies.instant(entry, "update_time")
    fields = {field: entry.get(shown) for field, shown in _SHOWN.items()}
    outputs = {"name": name, "uri": replies.text(entry, "uri")}
    return LiveObject(
        "FakeWebhook",
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


def _secret(reply: Json) -> str:
    secret = replies.text(replies.entry(reply), "new_signing_secret")
    if not secret:
        raise ValueError("there is no secret in it")
    return secret


def _rotate(resource: Resource, name: str | None) -> Call:
    return Call("POST", f"{COLLECTION.named(name or '')}:rotateSigningSecret", body={}, repeatable=False)


def _ping(resource: Resource, name: str | None) -> Call:
    path = f"{COLLECTION.named(name or '')}:ping"
    return Call("POST", path, body={}, repeatable=False, answer=Answer.NOTHING)


KIND = Kind(
    name="FakeWebhook",
    spec=FakeWebhookSpec,
    rules=MappingProxyType({**dict.fromkeys(_SHOWN, Rule.UPDATABLE), "secret": Rule.UNCOMPARED}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(
        COLLECTION, InDisplayName(), _create, _read, _source, patch=_patch, secret=SecretReply(_secret, "rotate")
    ),
    acts=MappingProxyType({"rotate": Act(_rotate, secret=_secret), "ping": Act(_ping)}),
)
