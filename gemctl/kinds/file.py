"""Defines File: bytes that the service keeps for 48 hours, so that caches and jobs can name them.

gemctl chooses the id, and the mark is in it (REST reference of files): a file can be found again by its name, and a
name that was used may not be free again, hence the number at its end. Nothing about a file can be changed; an edited
one is uploaded anew. The service shows a digest of the bytes. Imported by the catalogue in kinds/__init__.py; all
common rooms call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the id of every file, and into the forms of the resources that
refer to it: if it changed, caches would be replaced and jobs run again. tests/core/golden_digests.json pins it. It is

* a JSON object with source and mimeType; not with displayName, for another display name of a file is no reason to
  replace the caches and to run the jobs that refer to it;
* `source` as `sha256:` and the hex digest of the bytes: where the file lies makes no difference;
* `mimeType` as written, or as the table in kinds/parts/media_types.py has it for the end of the file's name;
* where a recipe makes the bytes that are uploaded, `made` in place of `source`: the digest of the file as `source`, and
  the recipe's values as that has them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from gemctl.core.call import Call, Pages, Upload
from gemctl.core.codes import problem
from gemctl.core.kind import Collection, FileNeed, Files, InId, Kind, Remote, Rule
from gemctl.core.lifetime import Expires
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import Mark, read_id, write_id
from gemctl.core.moment import show_instant
from gemctl.core.quantities import Quantities
from gemctl.core.resource import Declared, Recipe, Resource
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.parts import replies
from gemctl.kinds.parts.media_types import guess
from gemctl.schema.scalars import printable
from gemctl.schema.shape import Shape, complain, optional, refused

COLLECTION = Collection(
    "files",
    re.compile(r"files/[A-Za-z0-9_-]{1,128}"),
    "file",
    Pages("files", 100),  # the most that the service gives
)
LIFE = timedelta(hours=48)  # REST reference; the service shows the exact end once the file is there
LONGEST_NAME = 512  # of a display name (REST reference of files)
_HEX = re.compile(r"[0-9a-f]{64}")
_SOURCE: Path = ("source",)
_MADE = "made"
_OUTPUT = "E231 The service sets this; it can't be declared."


def _display_name(value: str) -> str:
    if not value or len(value) > LONGEST_NAME or not printable(value):
        hint = f"Write up to {LONGEST_NAME} characters, without line breaks or control characters."
        raise complain("E209", "That can't be a display name.", hint=hint)
    return value


class FileSpec(Shape):
    """The file that is uploaded."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(("uri", "sizeBytes", "sha256Hash", "state", "createTime", "updateTime"), _OUTPUT),
                "expirationTime": "E231 Files live for 48 hours; it can't be declared.",
                "name": "E231 gemctl makes the id of a file: its mark is in it.",
                "uris": "E224 Files in Cloud Storage can be registered with Vertex AI's sign-in only.",
            }
        )
    )

    source: str = Field(description="The file, relative to the folder of this manifest.")
    mime_type: str = optional(
        "The media type, such as application/pdf; by the end of the file's name where nothing is said.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]*(/[A-Za-z0-9][A-Za-z0-9.+_-]*)?$",
    )
    display_name: Annotated[str, AfterValidator(_display_name)] = optional(
        "A name for people, up to 512 characters; the resource's name where there is none."
    )


def _files(spec: FileSpec) -> tuple[FileNeed, ...]:
    """The source."""
    return (FileNeed(_SOURCE, spec.source, binary=True),)


def _declare(spec: FileSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    written = spec.written
    (bytes_,) = files[_SOURCE]
    problems = []
    mime_type = written.get("mimeType") or guess(spec.source)
    if mime_type is None:
        detail = f"The end of {spec.source!r} says nothing of what is in it."
        problems.append((_SOURCE, problem("E247", detail, hint="Write mimeType: beside it.")))
    fields = {"source": bytes_.digest, "mimeType": mime_type}
    display_name = written.get("displayName")
    sources: Mapping[Path, Path] = {} if "mimeType" in written else {("mimeType",): _SOURCE}
    attachments = (replace(bytes_, at=_SOURCE),)
    return Declared(
        fields,
        display_name=display_name,
        attachments=attachments,
        sources=sources,
        quantities=Quantities(bytes=bytes_.size),
        problems=tuple(problems),
    )


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST files, with the bytes, under an id that says whose it is."""
    declared = resource.declared
    (bytes_,) = (one for one in declared.attachments if one.binary)
    mime_type, recipe = declared.fields["mimeType"], declared.recipe
    file: JsonObject = {
        "name": f"files/{write_id(mark, attempt)}",
        "displayName": resource.display_name,
        "mimeType": mime_type,
        "sizeBytes": bytes_.size,
    }
    return Call(
        "POST",
        COLLECTION.path,
        body={"file": file, **({_MADE: declared.fields[_MADE]} if recipe else {})},
        fills=declared.fills,
        references=declared.references,
        repeatable=False,
        upload=Upload(
            bytes_.digest, bytes_.size, mime_type, *((recipe.kind, ("file", "sizeBytes"), _MADE) if recipe else ())
        ),
        numbered=("file", "name"),
    )


def _made_of(declared: Declared, recipe: Recipe) -> Declared:
    """The service shows the digest of what was made, which nobody knows before: it is not compared."""
    fields = {name: value for name, value in declared.fields.items() if name != "source"}
    references = (
        replace(one, at=(_MADE, *one.at), written=one.written or one.at, same=()) for one in recipe.references
    )
    attachments = (replace(one, at=(_MADE, *one.at)) for one in (*declared.attachments, *recipe.attachments))
    return replace(
        declared,
        fields={**fields, _MADE: {"source": declared.fields["source"], **recipe.fields}},
        references=tuple(references),
        attachments=tuple(attachments),
        implied=frozenset((_MADE, *at) for at in recipe.implied),
        recipe=recipe,
    )


def _read(reply: Json) -> LiveObject:
    """One file, from a list or a get, or from the end of an upload, which has it under `file`."""
    entry = replies.entry(reply)
    if "name" not in entry and "file" in entry:
        entry = replies.inner(entry, "file")
    name = COLLECTION.named(replies.text(entry, "name"))
    display, mime_type = replies.text(entry, "displayName"), replies.text(entry, "mimeType")
    digest, state = _digest(replies.text(entry, "sha256Hash")), replies.text(entry, "state")
    created, updated = replies.instant(entry, "createTime"), replies.instant(entry, "updateTime")
    deadline = replies.instant(entry, "expirationTime")
    mark, attempt = read_id(name.removeprefix("files/")) or (None, 1)
    outputs: dict[str, Json] = {
        "name": name,
        "uri": replies.text(entry, "uri"),
        "mimeType": mime_type,
        "sizeBytes": replies.count(entry, "sizeBytes"),
        "displayName": display,
        "state": state.removeprefix("STATE_"),
        "createTime": created and show_instant(created),
        "expirationTime": deadline and show_instant(deadline),
    }
    return LiveObject(
        kind="File",
        name=name,
        shown_name=display,
        display_name=display,
        mark=mark,
        fields=replies.shown({"mimeType": mime_type, "source": digest}),
        outputs=replies.shown(outputs),
        created=created,
        updated=updated,
        deadline=deadline,
        phase=_PHASES.get(state, Phase.WAITING),
        attempt=attempt,
        why=replies.text(replies.inner(entry, "error"), "message") if state == "FAILED" else "",
        state=state.removeprefix("STATE_"),
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The size is that of the source; the id is ours, and stands in no spec."""
    match at[1:] if at[:1] == ("file",) else at:
        case ("name", *_):
            return ()
        case ("sizeBytes" | "sha256Hash", *_):
            return _SOURCE
        case inner:
            return resource.declared.written(inner)


_PHASES: Mapping[str, Phase] = MappingProxyType({"ACTIVE": Phase.READY, "FAILED": Phase.FAILED})


def _digest(shown: str) -> str | None:
    """Read sha256Hash: seen as base64 of the hex text, and described as base64 of the digest; None for neither."""
    try:
        data = base64.b64decode(shown, validate=True)
    except (binascii.Error, ValueError):
        return None
    text = data.hex() if len(data) == 32 else data.decode("ascii", "replace").lower()
    return f"sha256:{text}" if _HEX.fullmatch(text) else None


KIND = Kind(
    name="File",
    spec=FileSpec,
    rules=MappingProxyType(
        {
            "source": Rule.IMMUTABLE,
            "mimeType": Rule.IMMUTABLE,
            "displayName": Rule.UNCOMPARED,
        }
    ),
    lifetime=Expires(LIFE, margin=timedelta(hours=12)),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, InId(), _create, _read, _source),
    blanks=MappingProxyType({"source": "the path of the file that was uploaded"}),
    agrees=MappingProxyType({"mimeType": replies.same_media_type}),
    made_of=_made_of,
)
