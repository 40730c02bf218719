"""Defines CachedContent: tokens that the service keeps, so that they needn't be sent and paid for with every request.

The service names it, shows little of it and patches only its expiry (REST reference of cachedContents): contents,
system instruction, tools and tool configuration are never shown again, so gemctl compares the digest of the values that
were sent. Imported by the catalogue in kinds/__init__.py; all common rooms call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the mark of every cache, for ever: if the form of a cache that
has been applied changed, an upgrade would replace it and bill it again. tests/core/golden_digests.json pins it. It is

* a JSON object with those of model, displayName, systemInstruction, contents, tools and toolConfig that the user set,
  project defaults included, and nothing that gemctl or the service would fill in; neither ttl nor expireTime;
* `model` with its `models/`;
* systemInstruction as a Content, `contents` as a list of them, both as kinds/parts/contents.py says: texts and bytes as
  digests, wherever they lie, and a reference as the spec tag of its target;
* numbers that are whole as integers (1.0 is 1), names of the API's enums in capitals;
* everything else as written, under the API's camelCase names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from gemctl.core.call import Call, Fill, Pages
from gemctl.core.codes import problem
from gemctl.core.kind import Collection, Count, FileNeed, Files, InDisplayName, Kind, Remote, Rule
from gemctl.core.lifetime import Renewable
from gemctl.core.live import LiveObject
from gemctl.core.mark import READABLE_LIMIT, Mark, read, write
from gemctl.core.moment import show_instant, wire_duration
from gemctl.core.quantities import ModelUse, Quantities
from gemctl.core.resource import Declared, Expiry, Resource, Ttl, Until
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import Contents, DisplayName, Instruction, Model, Tool, ToolConfig, WireDuration
from gemctl.kinds.parts import replies, rules
from gemctl.kinds.parts.contents import Draft, text_needs, with_roles
from gemctl.schema.scalars import Instant
from gemctl.schema.shape import Shape, complain, optional, refused

DEFAULT_TTL = timedelta(hours=1)  # the service's own, where neither ttl nor expireTime is sent (API guide, caching)
COLLECTION = Collection(
    "cachedContents",
    re.compile(r"cachedContents/[A-Za-z0-9_-]{1,128}"),
    "cache",
    Pages("cachedContents", 1000),  # the service lowers it to its own limit
)


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise complain("E209", "A ttl is longer than nothing.")
    return value


_OUTPUT = "E231 The service sets this; it can't be declared."


class CachedContentSpec(Shape):
    """What is cached, for which model, and for how long."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra=refused(
            {
                **dict.fromkeys(("name", "createTime", "updateTime", "usageMetadata"), _OUTPUT),
                **dict.fromkeys(
                    ("kmsKeyName", "encryptionSpec", "encryption_spec"),
                    "E224 Keys of one's own belong to Vertex AI; the Gemini Developer API has none.",
                ),
            }
        ),
    )

    model: Model = Field(
        description="The model that will use the cache, such as gemini-3.8-flash. A cache works with no other."
    )
    display_name: DisplayName = optional(
        "A name for people, up to 84 characters; the resource's name where there is none."
    )
    system_instruction: Instruction = optional(
        "What the model is told before everything else: text, {textFile: path}, or a message of texts."
    )
    contents: Contents = optional("What is cached: a text, a message, or a list of both.")
    tools: list[Tool] = optional("Tools for all requests that use the cache; they can't bring their own.", min_length=1)
    tool_config: ToolConfig = optional("What holds for all of these tools.")
    ttl: Annotated[WireDuration, AfterValidator(_positive)] = optional(
        "How long it lives after each renewal. 1h where neither this nor expireTime is set."
    )
    expire_time: Instant = optional("When it ends; it is not renewed. In place of ttl.")


def _files(spec: CachedContentSpec) -> tuple[FileNeed, ...]:
    """Every textFile and textFiles."""
    written = spec.written
    instruction = text_needs(written.get("systemInstruction"), ("systemInstruction",))
    return (*instruction, *text_needs(written.get("contents"), ("contents",)))


def _declare(spec: CachedContentSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    return _Declaration(spec.written, files).finish()


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST cachedContents. Sent once: the service knows no request ids, and would make a second one."""
    declared = resource.declared
    body: dict[str, Json] = {**declared.fields, "displayName": write(resource.display_name, mark)}
    if "contents" in body:
        body["contents"] = with_roles(body["contents"])
    match declared.expiry:
        case Ttl(ttl):
            body["ttl"] = wire_duration(ttl)
        case Until(instant):
            body["expireTime"] = show_instant(instant)
        case None:
            pass
    return Call(
        "POST",
        COLLECTION.path,
        body=body,
        fills=declared.fills,
        references=declared.references,
        repeatable=False,
    )


def _read(reply: Json) -> LiveObject:
    """One cache, from a list, a create or a patch. Raises TypeError or ValueError for another shape."""
    entry = replies.entry(reply)
    name = COLLECTION.named(replies.text(entry, "name"))
    model, display = replies.text(entry, "model"), replies.text(entry, "displayName")
    display_name, mark = read(display)
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    deadline, tokens = replies.instant(entry, "expireTime"), _tokens(entry)
    outputs: dict[str, Json] = {
        "name": name,
        "model": model,
        "displayName": display_name,
        "createTime": created and show_instant(created),
        "expireTime": deadline and show_instant(deadline),
        "totalTokenCount": tokens,
    }
    return LiveObject(
        kind="CachedContent",
        name=name,
        shown_name=display,
        display_name=display_name,
        mark=mark,
        fields={"model": model},
        outputs=replies.shown(outputs),
        created=created,
        updated=updated,
        deadline=deadline,
        tokens=tokens,
        model=model.removeprefix("models/"),
    )


def _renew(name: str) -> Call:
    """PATCH the expireTime, an absolute one, so that sending it twice is harmless. The service wants no mask."""
    return Call("PATCH", COLLECTION.named(name), body={}, deadline=("expireTime",))


def _count(resource: Resource) -> Call | None:
    """POST countTokens, of a request with all that is to be cached (REST reference of models). The service wants
    contents; a cache without any can't be counted.
    """
    declared, whole = resource.declared, "generateContentRequest"
    if "contents" not in declared.fields:
        return None
    request = {field: value for field, value in declared.fields.items() if field != "displayName"}
    request["contents"] = with_roles(request["contents"])
    return Call(
        "POST",
        f"{declared.fields['model']}:countTokens",
        body={whole: request},
        fills=tuple(Fill((whole, *fill.at), fill.digest) for fill in declared.fills),
        references=tuple(replace(one, at=(whole, *one.at)) for one in declared.references),
    )


def _counted(reply: Json) -> int:
    found = replies.count(replies.entry(reply), "totalTokens")
    if found is None:
        raise ValueError("totalTokens is missing")
    return found


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """Errors name fields from the request on, which holds the body as cached_content (REST reference)."""
    at = at[1:] if at[:1] == ("cachedContent",) else at
    if at[:1] in (("ttl",), ("expireTime",)):
        return ("ttl",) if isinstance(resource.declared.expiry, Ttl) else ("expireTime",)
    return resource.declared.written(at)


def _tokens(entry: JsonObject) -> int | None:
    usage = entry.get("usageMetadata")
    return replies.count(usage, "totalTokenCount") if isinstance(usage, Mapping) else None


@lru_cache(maxsize=64)
def _use(model: str) -> ModelUse:
    """The same for all caches of a model, which there may be thousands of."""
    return ModelUse(model.removeprefix("models/"), "createCachedContent", ("model",))


class _Declaration:
    """The canonical form in the making."""

    def __init__(self, spec: Mapping[str, Any], files: Files) -> None:
        self._spec = spec
        self._draft = Draft(files)

    def finish(self) -> Declared:
        spec, draft = self._spec, self._draft
        display_name = spec.get("displayName")
        fields: dict[str, Json] = {"model": spec["model"]}
        at: Path
        if display_name is not None:
            fields["displayName"] = display_name
        if "systemInstruction" in spec:
            at = ("systemInstruction",)
            fields["systemInstruction"] = draft.content(spec["systemInstruction"], at, at)
        if "contents" in spec:
            at = ("contents",)
            fields["contents"] = draft.contents(spec["contents"], at, at)
        for field in ("tools", "toolConfig"):
            if field in spec:
                fields[field] = draft.counted(spec[field])
        for at, found in rules.calling(spec, cached=True):
            draft.report(at, found)
        expiry = self._expiry()
        self._check(fields)
        return Declared(
            fields=fields,
            expiry=expiry,
            display_name=display_name,
            references=draft.references,
            attachments=draft.attachments,
            sources=draft.sources,
            implied=draft.implied,
            quantities=Quantities(stored=draft.tally.tokens, media=draft.tally.media),
            model=_use(spec["model"]),
            problems=draft.problems,
        )

    def _expiry(self) -> Expiry:
        if "ttl" in self._spec and "expireTime" in self._spec:
            detail = "ttl and expireTime are both set."
            self._draft.report(("expireTime",), problem("E226", detail, hint="Keep one of the two."))
        if "expireTime" in self._spec:
            return Until(self._spec["expireTime"])
        return Ttl(self._spec.get("ttl", DEFAULT_TTL))

    def _check(self, fields: JsonObject) -> None:
        if not ("contents" in fields or "systemInstruction" in fields or "tools" in fields):
            detail = "The spec has neither contents, systemInstruction nor tools."
            self._draft.report((), problem("E227", detail))
            return
        if len(fields.get("displayName", "")) > READABLE_LIMIT:
            detail = f"It has {len(fields['displayName'])} characters; {READABLE_LIMIT} of them are kept."
            self._draft.report(("displayName",), problem("W204", detail))


KIND = Kind(
    name="CachedContent",
    spec=CachedContentSpec,
    rules=MappingProxyType(
        {
            "model": Rule.IMMUTABLE,
            "displayName": Rule.IMMUTABLE,
            "systemInstruction": Rule.INPUT_ONLY,
            "contents": Rule.INPUT_ONLY,
            "tools": Rule.INPUT_ONLY,
            "toolConfig": Rule.INPUT_ONLY,
            "ttl": Rule.COUNTDOWN,
            "expireTime": Rule.UPDATABLE,
        }
    ),
    lifetime=Renewable(_renew),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, InDisplayName(), _create, _read, _source, count=Count(_count, _counted)),
    blanks=MappingProxyType({"contents": "what was cached, such as [{role: user, parts: [{textFile: handbook.md}]}]"}),
    agrees=MappingProxyType({"model": replies.same_model}),
)
