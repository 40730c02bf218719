"""CachedContent: tokens that the service keeps, so that they needn't be sent and paid for with every request.

The service names it, shows little of it and patches only its expiry (REST reference of cachedContents): contents,
system instruction, tools and tool configuration are never shown again, so they are compared by the digest of what was
sent.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the mark of every cache, for ever: if the form of something that
has been applied changed, an upgrade would replace it and bill it again. tests/core/golden_digests.json pins it. It is

* a JSON object with those of model, displayName, systemInstruction, contents, tools and toolConfig that the user set,
  project defaults included, and nothing that gemctl or the service would fill in; neither ttl nor expireTime;
* `model` with its `models/`;
* a bare text as a Content of one part, `{"parts": [{"text": …}]}`; a systemInstruction that is a single part likewise;
  `contents` always as a list;
* `textFile` and each file of `textFiles` as a `text`: whether a text stands in the manifest or in files, and where
  these lie, makes no difference. What else the part says goes with each;
* each text of a part as `sha256:` and the hex digest of its UTF-8 bytes, untouched; each `data` of an inlineData as the
  digest of its base64, rewritten to the standard alphabet with padding and without line breaks, so that every digest
  is one of the very text which takes its place in the request;
* numbers that are whole as integers (1.0 is 1), types of a Schema in capitals;
* everything else as written, under the API's camelCase names; `role` only where the user set it.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from gemctl.core.call import Call, Fill
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import canonical, sha256
from gemctl.core.kind import SEAM, FileNeed, Files, Lifetime, Naming, Rule
from gemctl.core.live import Item
from gemctl.core.mark import HUMAN_LIMIT, read
from gemctl.core.moment import parse_instant, show_instant, wire_duration
from gemctl.core.resource import Attachment, Declared, Expiry, Resource, Ttl, Until
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import (
    Contents,
    Duration,
    Instant,
    Instruction,
    Shape,
    Tool,
    ToolConfig,
    complain,
    optional,
    plain,
    refused,
)

DEFAULT_TTL = timedelta(hours=1)  # the service's own, where neither ttl nor expireTime is sent (API guide, caching)
BYTES_PER_TOKEN = 4
PAGE_SIZE = "1000"  # the service lowers it to its own limit
_NAME = re.compile(r"cachedContents/[A-Za-z0-9_-]{1,128}")
_MODEL = re.compile(r"models/[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_STANDARD = str.maketrans("-_", "+/")  # protobuf's JSON takes both alphabets, and leaves padding out if it likes

# The least number of tokens that the service takes, by the beginning of a model's name; the longest that fits counts,
# "" is for all others. The guide of February 2026 and that of July 2026 disagree (2.5 Flash: 1,024 and 2,048; 2.5 Pro:
# 4,096 and 2,048), and replies of September 2026 name 1,024 for 3.5 Flash-Lite. Where they disagree the smaller figure
# stands here: the estimate warns of what nobody would take, and the service has the last word.
MINIMUM_TOKENS: Mapping[str, int] = MappingProxyType(
    {
        "": 1024,
        "gemini-2.5-flash": 1024,
        "gemini-2.5-pro": 2048,
        "gemini-3-flash": 1024,
        "gemini-3-pro": 4096,
        "gemini-3.1-pro": 4096,
        "gemini-3.5-flash": 4096,
        "gemini-3.5-flash-lite": 1024,
    }
)


def _model(value: str) -> str:
    name = value if value.startswith("models/") else f"models/{value}"
    if re.match(r"(?:publishers|projects)/", value):
        hint = "Write the model's plain name, such as gemini-2.5-flash."
        raise complain("E224", "Model paths with publishers or projects belong to Vertex AI.", hint=hint)
    if not _MODEL.fullmatch(name):
        raise complain("E209", f"{value!r} is not a model.", hint="Write a name such as gemini-2.5-flash.")
    return name


def _display_name(value: str) -> str:
    if not value or any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in value):
        raise complain("E209", "A display name is not empty and has no line breaks or control characters.")
    if "~g1." in value:
        raise complain("E230", "The display name has ~g1. in it.", hint="Choose another name; gemctl adds the mark.")
    return value


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

    model: Annotated[str, AfterValidator(_model)] = Field(
        description="The model that will use the cache, such as gemini-2.5-flash. A cache works with no other."
    )
    display_name: Annotated[str, AfterValidator(_display_name)] = optional(
        "A name for people, up to 84 characters; the resource's name where there is none."
    )
    system_instruction: Instruction = optional(
        "What the model is told before everything else: text, {textFile: path}, or a message of texts."
    )
    contents: Contents = optional("What is cached: a text, a message, or a list of both.")
    tools: list[Tool] = optional("Tools for all requests that use the cache; they can't bring their own.", min_length=1)
    tool_config: ToolConfig = optional("What holds for all of these tools.")
    ttl: Annotated[Duration, AfterValidator(_positive)] = optional(
        "How long it lives after each renewal. 1h where neither this nor expireTime is set."
    )
    expire_time: Instant = optional("When it ends; it is not renewed. In place of ttl.")


class CachedContentKind:
    """Implements core.kind.Kind."""

    name: str = "CachedContent"
    collection: str = "cachedContents"
    spec: type[Any] = CachedContentSpec
    seam: int = SEAM
    naming: Naming = Naming.ASSIGNED
    lifetime: Lifetime = Lifetime.RENEWABLE
    rules: Mapping[str, Rule] = MappingProxyType(
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
    )

    def files(self, spec: CachedContentSpec) -> tuple[FileNeed, ...]:
        """Every textFile and textFiles."""
        return tuple(
            FileNeed((*at, field), part[field], many=field == "textFiles")
            for at, part in _parts(plain(spec))
            for field in ("textFile", "textFiles")
            if field in part
        )

    def declare(self, spec: CachedContentSpec, files: Files) -> Declared:
        """The canonical form g1; see the module's docstring."""
        return _Declaration(plain(spec), files).finish()

    def create(self, resource: Resource, display: str) -> Call:
        """POST cachedContents. Sent once: the service knows no request ids, and would make a second one."""
        declared = resource.declared
        body: dict[str, Json] = {**declared.fields, "displayName": display}
        if "contents" in body:
            body["contents"] = [{"role": "user", **content} for content in body["contents"]]
        match declared.expiry:
            case Ttl(ttl):
                body["ttl"] = wire_duration(ttl)
            case Until(instant):
                body["expireTime"] = show_instant(instant)
            case None:
                pass
        return Call(
            "POST",
            self.collection,
            body=body,
            fills=declared.fills,
            references=declared.references,
            repeatable=False,
        )

    def listing(self) -> Call | None:
        """GET cachedContents, the first page."""
        return Call("GET", self.collection, query=(("pageSize", PAGE_SIZE),))

    def items(self, page: JsonObject) -> tuple[Item, ...]:
        """The caches on one page; a page without any has no key. Raises TypeError, ValueError for another shape."""
        found = page.get(self.collection)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise TypeError(f"{self.collection} is not a list.")
        return tuple(self.item(entry) for entry in found)

    def item(self, reply: Json) -> Item:
        """One cache, from a list, a create or a patch. Raises TypeError or ValueError for another shape."""
        if not isinstance(reply, Mapping):
            raise TypeError("The reply is not an object.")
        name = _name(_text(reply, "name"))
        model, display = _text(reply, "model"), _text(reply, "displayName")
        human, mark = read(display)
        created, updated = _instant(reply, "createTime"), _instant(reply, "updateTime")
        deadline, tokens = _instant(reply, "expireTime"), _tokens(reply)
        facts: dict[str, Json] = {
            "name": name,
            "model": model,
            "displayName": human,
            "createTime": created and show_instant(created),
            "expireTime": deadline and show_instant(deadline),
            "totalTokenCount": tokens,
        }
        return Item(
            kind=self.name,
            name=name,
            display=display,
            human=human,
            mark=mark,
            fields={"model": model},
            facts={fact: value for fact, value in facts.items() if value is not None and value != ""},
            created=created,
            updated=updated,
            deadline=deadline,
            tokens=tokens,
        )

    def get(self, name: str) -> Call:
        """GET it. One that is gone is answered with 403."""
        return Call("GET", _name(name))

    def update(self, name: str) -> Call:
        """PATCH the expireTime, an absolute one, so that sending it twice is harmless. The service wants no mask."""
        return Call("PATCH", _name(name), body={}, deadline=("expireTime",))

    def delete(self, name: str) -> Call:
        """DELETE it. One that is gone already is answered with 403."""
        return Call("DELETE", _name(name))


# Reading replies.


def _name(name: str) -> str:
    """The name, if it can stand in a path. Raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a cache.")
    return name


def _text(reply: Mapping[str, Json], field: str) -> str:
    value = reply.get(field)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{field} is not text.")
    return value or ""


def _instant(reply: Mapping[str, Json], field: str) -> datetime | None:
    text = _text(reply, field)
    return parse_instant(text) if text else None


def _tokens(reply: Mapping[str, Json]) -> int | None:
    """usageMetadata.totalTokenCount, a number or (as the API writes its 64-bit numbers) text; None where not shown."""
    usage = reply.get("usageMetadata")
    count = usage.get("totalTokenCount") if isinstance(usage, Mapping) else None
    if count is None:
        return None
    if not isinstance(count, int | str):
        raise TypeError("totalTokenCount is not a number.")
    return int(count)


# Making the canonical form.


def _parts(spec: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every part as the user wrote it, and where."""
    for field in ("systemInstruction", "contents"):
        value = spec.get(field)
        listed = isinstance(value, list)
        for index, content in enumerate(value if isinstance(value, list) else [value]):
            at: Path = (field, index) if listed else (field,)
            if isinstance(content, dict) and "parts" in content:
                yield from (((*at, "parts", number), part) for number, part in enumerate(content["parts"]))
            elif isinstance(content, dict):
                yield at, content


class _Declaration:
    """The canonical form in the making."""

    def __init__(self, spec: dict[str, Any], files: Files) -> None:
        self._spec = spec
        self._files = files
        self._attachments: dict[str, Attachment] = {}
        self._fills: list[Fill] = []
        self._problems: list[tuple[Path, Diagnostic]] = []
        self._bytes = 0
        self._media = False

    def finish(self) -> Declared:
        spec = self._spec
        fields: dict[str, Json] = {}
        for field in ("model", "displayName"):
            if field in spec:
                fields[field] = spec[field]
        if "systemInstruction" in spec:
            at: Path = ("systemInstruction",)
            fields["systemInstruction"] = self._content(spec["systemInstruction"], at, at)
        if "contents" in spec:
            value = spec["contents"]
            listed = isinstance(value, list)
            fields["contents"] = [
                self._content(content, ("contents", index) if listed else ("contents",), ("contents", index))
                for index, content in enumerate(value if listed else [value])
            ]
        for field in ("tools", "toolConfig"):
            if field in spec:
                fields[field] = _whole(spec[field])
                self._bytes += len(canonical(fields[field]))
        expiry = self._expiry()
        self._check(fields)
        return Declared(
            fields=fields,
            expiry=expiry,
            human=spec.get("displayName"),
            fills=tuple(self._fills),
            attachments=tuple(self._attachments.values()),
            tokens=0 if self._media else self._tokens,
            problems=tuple(self._problems),
        )

    @property
    def _tokens(self) -> int:
        """An estimate, without the media."""
        return -(-self._bytes // BYTES_PER_TOKEN)

    def _expiry(self) -> Expiry:
        if "ttl" in self._spec and "expireTime" in self._spec:
            detail = "ttl and expireTime are both set."
            self._report(("expireTime",), problem("E226", detail, hint="Keep one of the two."))
        if "expireTime" in self._spec:
            return Until(self._spec["expireTime"])
        return Ttl(self._spec.get("ttl", DEFAULT_TTL))

    def _check(self, fields: JsonObject) -> None:
        if not any(field in fields for field in ("contents", "systemInstruction", "tools")):
            detail = "The spec has neither contents, systemInstruction nor tools."
            self._report((), problem("E227", detail))
            return
        if len(fields.get("displayName", "")) > HUMAN_LIMIT:
            detail = f"It has {len(fields['displayName'])} characters; {HUMAN_LIMIT} of them are kept."
            self._report(("displayName",), problem("W204", detail))
        least, tokens = minimum_tokens(fields["model"]), self._tokens
        if tokens < least and not self._media:
            at: Path = next(((field,) for field in ("contents", "systemInstruction", "tools") if field in fields), ())
            model = fields["model"].removeprefix("models/")
            detail = f"There are about {tokens:,} tokens; for {model} the service takes {least:,} or more."
            self._report(at, problem("W201", detail))

    def _report(self, at: Path, found: Diagnostic) -> None:
        self._problems.append((at, found))

    def _content(self, value: Any, at: Path, to: Path) -> JsonObject:
        """A message. `at` is where it stands in the spec, `to` where it will stand in the request."""
        if isinstance(value, str):
            value, single = {"parts": [{"text": value}]}, at
        elif "parts" not in value:
            value, single = {"parts": [value]}, at
        else:
            single = None
        parts: list[JsonObject] = []
        for index, part in enumerate(value["parts"]):
            place = single if single is not None else (*at, "parts", index)
            for ready in self._part(part, place):
                parts.append(ready((*to, "parts", len(parts))))
        rest = {name: item for name, item in value.items() if name != "parts"}
        return {**rest, "parts": parts}

    def _part(self, part: dict[str, Any], at: Path) -> Iterator[Callable[[Path], JsonObject]]:
        """The parts that come of one as written, each waiting to be told where it will stand."""
        rest = {name: value for name, value in part.items() if name not in ("text", "textFile", "textFiles")}
        if "text" in part:
            yield self._filled(rest, ("text",), _attached(part["text"]))
        for field in ("textFile", "textFiles"):
            if field in part:
                for text in self._files[(*at, field)]:
                    yield self._filled(rest, ("text",), text)
        if rest.keys() & {"inlineData", "functionResponse"}:
            yield lambda to: self._media_part(rest, at, to)
        elif rest.keys() & {"fileData"}:
            self._media = True
            yield lambda _: _object(rest)
        elif len(rest) == len(part):
            self._bytes += len(canonical(_whole(rest)))
            yield lambda _: _object(rest)

    def _filled(self, rest: Mapping[str, Any], field: Path, text: Attachment) -> Callable[[Path], JsonObject]:
        def ready(to: Path) -> JsonObject:
            self._fill((*to, *field), text)
            self._bytes += text.size
            return {**_object(rest), "text": text.digest}

        return ready

    def _fill(self, to: Path, text: Attachment) -> None:
        self._attachments.setdefault(text.digest, text)
        self._fills.append(Fill(to, text.digest))

    def _media_part(self, part: dict[str, Any], at: Path, to: Path) -> JsonObject:
        """A part with bytes in it: its own inlineData, or those of a function's response."""
        ready = dict(_object(part))
        if "inlineData" in ready:
            ready["inlineData"] = self._blob(ready["inlineData"], (*at, "inlineData"), (*to, "inlineData"))
        response = ready.get("functionResponse")
        if isinstance(response, Mapping):
            pieces = [
                {**piece, "inlineData": self._blob(piece["inlineData"], (*at, *below), (*to, *below))}
                if "inlineData" in piece
                else piece
                for number, piece in enumerate(response.get("parts", ()))
                for below in [("functionResponse", "parts", number, "inlineData")]
            ]
            ready["functionResponse"] = {**response, **({"parts": pieces} if "parts" in response else {})}
            self._bytes += len(canonical(response.get("response")))
        return ready

    def _blob(self, blob: JsonObject, at: Path, to: Path) -> JsonObject:
        self._media = True
        digits = "".join(blob["data"].split()).translate(_STANDARD).rstrip("=")
        try:
            data = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
        except (binascii.Error, ValueError) as error:
            detail = f"The data can't be decoded: {str(error)[:1].lower()}{str(error)[1:]}."
            self._report((*at, "data"), problem("E229", detail, hint="Write what `base64 FILE` prints."))
            return blob
        text = _attached(base64.b64encode(data).decode("ascii"))
        self._fill((*to, "data"), text)
        return {**blob, "data": text.digest}


def minimum_tokens(model: str) -> int:
    """The least number of tokens of a cache for this model (`models/…`), as far as it is known."""
    plain_name = model.removeprefix("models/")
    return MINIMUM_TOKENS[max((prefix for prefix in MINIMUM_TOKENS if plain_name.startswith(prefix)), key=len)]


def _attached(text: str) -> Attachment:
    data = text.encode("utf-8")
    return Attachment(sha256(data), len(data), text=text)


def _object(value: Mapping[str, Any]) -> JsonObject:
    whole: JsonObject = _whole(dict(value))
    return whole


def _whole(value: Any) -> Json:
    """Numbers that are whole as integers, at any depth: 1.0 and 1 are one number in JSON, and should be one digest."""
    match value:
        case bool():
            return value
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
        case dict():
            return {key: _whole(item) for key, item in value.items()}
        case list():
            return [_whole(item) for item in value]
        case _:
            return value
