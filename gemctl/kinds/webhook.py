"""Defines Webhook: an address that the service calls when batches, interactions or videos have ended.

The service names it and shows all of it in lists, but for its signing secret, which the answers to the create and to a
rotation have once: that goes to the sink that the spec names. All fields can be patched; `name`, which need not be
unique, carries the mark. The wire is in snake_case, and times that its types have are never shown (official SDKs, and
published answers of the live service). Imported by the catalogue in kinds/__init__.py; all common rooms call it through
`Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the mark. tests/core/golden_digests.json pins the form. It is

* a JSON object with those of uri, subscribedEvents and state that the user set;
* `subscribedEvents` sorted, each event once: their order has no meaning;
* everything else as written.

`secret` says where the signing secret goes, and is no property of the webhook: it is no part of the form.
"""

from __future__ import annotations

import ipaddress
import re
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from gemctl.core.call import Answer, Call, Pages
from gemctl.core.kind import Act, Collection, FileNeed, Files, InDisplayName, Kind, Patch, Remote, Rule, SecretReply
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark, read, write
from gemctl.core.resource import Declared, Resource, SecretSink
from gemctl.core.source import Json, Path
from gemctl.kinds.parts import replies
from gemctl.schema.shape import Shape, complain, optional, refused
from gemctl.schema.spelling import did_you_mean

EVENTS = (
    "batch.succeeded",
    "batch.expired",
    "batch.failed",
    "interaction.requires_action",
    "interaction.completed",
    "interaction.failed",
    "video.generated",
)
COLLECTION = Collection(
    "webhooks",
    re.compile(r"webhooks/[A-Za-z0-9_-]{1,128}"),
    "webhook",
    Pages("webhooks", 1000, "page_size", "page_token", "next_page_token"),
)
_SHOWN = {"uri": "uri", "subscribedEvents": "subscribed_events", "state": "state"}
_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=_-]+")

# Names that the guide had, or that look like those of others, which the service refuses.
_NO_CANCEL = "The service tells nobody of a cancel, since whoever cancels knows it."
_MEANT = {
    "batch.completed": "A batch that has ended is batch.succeeded, batch.failed or batch.expired.",
    "batch.cancelled": f"{_NO_CANCEL} The ends of a batch are batch.succeeded, batch.failed and batch.expired.",
    "interaction.cancelled": f"{_NO_CANCEL} The ends are interaction.completed and interaction.failed.",
    "interaction.succeeded": "Write interaction.completed.",
    "video.completed": "Write video.generated.",
    "video.succeeded": "Write video.generated.",
    "video.failed": "The service tells of videos that were made: video.generated.",
}


def _event(value: str) -> str:
    if value not in EVENTS:
        known = value.lower().replace("canceled", "cancelled")
        raise complain("E270", f"{value!r} is no event.", hint=_MEANT.get(known) or did_you_mean(known, EVENTS))
    return value


def _address(value: str) -> str:
    """An https address; or an http one of this machine, which only the emulator calls."""
    https = "Write https://…. For a receiver on this machine, which the emulator calls, http://127.0.0.1:PORT/ will do."
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        usable = bool(host) and (parts.port is None or parts.port > 0)
    except ValueError:
        host, usable = "", False
    if not usable or not value.isascii() or re.search(r"[\s\\]", value):
        raise complain("E209", "That is not the address of a receiver.", hint=https)
    if parts.username is not None or parts.password is not None:
        detail = "A user and a password in an address would stand in plans and states."
        raise complain("E209", detail, hint="Leave them out: a receiver knows the service by its signature.")
    if parts.fragment:
        raise complain("E209", "What follows # in an address is not sent.", hint="Leave it out.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise complain("E209", "The service calls https addresses only.", hint=https)
    return value


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _one_sink(value: Any) -> Any:
    if len(value.model_fields_set) != 1:
        detail = "file and command are both set." if value.model_fields_set else "There is neither file nor command."
        raise complain("E242", detail, hint="Write one of the two.")
    return value


Event = Annotated[str, AfterValidator(_event), WithJsonSchema({"type": "string", "enum": list(EVENTS)})]
_SHOWN_BY_SERVICE = "E231 The service sets this; it can't be declared."
_NAME = "E206 Its name, which carries the mark, is the resource's own: metadata.name."


class SecretShape(Shape):
    """Takes the signing secret, which the service shows once: one of these."""

    file: str = optional("A file, from the project root, that only its owner can read.", min_length=1)
    command: str = optional(
        "A command that gets it on its standard input. It is run only if GEMCTL_SECRET_COMMANDS has it.", min_length=1
    )


class WebhookSpec(Shape):
    """An address that the service calls when something has ended."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(
                    ("id", "signingSecrets", "newSigningSecret", "createTime", "updateTime"), _SHOWN_BY_SERVICE
                ),
                **dict.fromkeys(("name", "displayName"), _NAME),
            }
        )
    )

    uri: Annotated[str, AfterValidator(_address)] = Field(description="The address, with https.")
    subscribed_events: list[Event] = Field(description="The events that it is called for.", min_length=1)
    state: Literal["enabled", "disabled"] = optional(
        "Whether it is called. Declared as enabled, it is also turned on again after the service gave it up."
    )
    secret: Annotated[SecretShape, AfterValidator(_one_sink)] = Field(
        description="Where its signing secret goes: a file, or a command."
    )


def _files(spec: WebhookSpec) -> tuple[FileNeed, ...]:
    return ()


def _declare(spec: WebhookSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    written = spec.written
    events: list[str] = written["subscribedEvents"]
    once = sorted(set(events))
    fields = {name: written[name] for name in _SHOWN if name in written} | {"subscribedEvents": once}
    sources: dict[Path, Path] = {
        ("subscribedEvents", at): ("subscribedEvents", events.index(event)) for at, event in enumerate(once)
    }
    ((form, target),) = written["secret"].items()
    return Declared(fields, sources=MappingProxyType(sources), sink=SecretSink(form, target, ("secret", form)))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST webhooks. It takes no state: one that is to be disabled is made, and patched by the next apply."""
    fields = resource.declared.fields
    body = {shown: fields[name] for name, shown in _SHOWN.items() if name in fields and name != "state"}
    return Call("POST", COLLECTION.path, body={**body, "name": write(resource.display_name, mark)}, repeatable=False)


def _patch(name: str, patch: Patch) -> Call:
    """PATCH. What is declared no more is the state: it is as it is where nothing is said."""
    fields = patch.resource.declared.fields
    body = {_SHOWN[field]: fields.get(field, "enabled") for field in sorted(patch.fields)}
    body["name"] = write(patch.resource.display_name, patch.mark)
    return Call("PATCH", COLLECTION.named(name), query=(("update_mask", ",".join(sorted(body))),), body=body)


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = COLLECTION.named(f"{COLLECTION.path}/{replies.text(entry, 'id')}"), replies.text(entry, "name")
    display_name, mark = read(display)
    uri, state = replies.text(entry, "uri"), replies.text(entry, "state")
    events = replies.listed(entry, "subscribed_events")
    if not all(isinstance(event, str) for event in events):
        raise TypeError("subscribed_events has something else than texts.")
    fields = {"uri": uri, "subscribedEvents": sorted(set(map(str, events))), "state": state}
    return LiveObject(
        kind="Webhook",
        name=name,
        shown_name=display,
        display_name=display_name,
        mark=mark,
        fields=replies.shown(fields),
        outputs=replies.shown({"name": name, "uri": uri, "state": state}),
        created=replies.instant(entry, "create_time"),
        updated=replies.instant(entry, "update_time"),
        state=state,
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The body has the service's names of the fields; `name` is the resource's own."""
    spelt = {shown: name for name, shown in _SHOWN.items()}
    return resource.declared.written((spelt[str(at[0])], *at[1:])) if at and at[0] in spelt else ()


def _secret(reply: Json) -> str:
    """The secret that the answer to a create has."""
    return _text_of_secret(reply, "new_signing_secret")


def _rotated(reply: Json) -> str:
    """The secret that the answer to a rotation has."""
    return _text_of_secret(reply, "secret")


def _text_of_secret(reply: Json, field: str) -> str:
    secret = replies.text(replies.entry(reply), field)
    if not _SECRET.fullmatch(secret):
        raise ValueError(f"{field} is no signing secret.")
    return secret


def _rotate(resource: Resource, name: str | None) -> Call:
    """POST …:rotateSigningSecret. The secret before holds for another day: receivers have time."""
    return _rotation(name, "revoke_previous_secrets_after_h24")


def _revoke(resource: Resource, name: str | None) -> Call:
    """The same, and the secrets before are void at once: somebody knows them who should not."""
    return _rotation(name, "revoke_previous_secrets_immediately")


def _rotation(name: str | None, behaviour: str) -> Call:
    path = f"{COLLECTION.named(name or '')}:rotateSigningSecret"
    return Call("POST", path, body={"revocation_behavior": behaviour}, repeatable=False)


def _ping(resource: Resource, name: str | None) -> Call:
    """POST …:ping. The answer is the same whether or not anybody is there."""
    path = f"{COLLECTION.named(name or '')}:ping"
    return Call("POST", path, body={}, repeatable=False, answer=Answer.NOTHING)


KIND = Kind(
    name="Webhook",
    spec=WebhookSpec,
    rules=MappingProxyType({**dict.fromkeys(_SHOWN, Rule.UPDATABLE), "secret": Rule.UNCOMPARED}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(
        COLLECTION, InDisplayName(), _create, _read, _source, patch=_patch, secret=SecretReply(_secret, "rotate")
    ),
    acts=MappingProxyType(
        {
            "rotate": Act(_rotate, secret=_rotated),
            "revoke": Act(_revoke, secret=_rotated),
            "ping": Act(_ping),
        }
    ),
    blanks=MappingProxyType({"secret": "where its signing secret goes, as {file: out/webhook.secret}"}),
)
