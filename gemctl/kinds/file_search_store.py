"""Defines FileSearchStore: documents that the service has cut into chunks and indexed, for the tool fileSearch.

The service names a store, keeps it until it is deleted, and changes nothing about it (API guide, File Search). Its
display name carries the mark. The documents of a folder come with it as members: each is known by its path from the
project root, is uploaded or imported by an operation, and can't be changed either. A document has no digest that could
be read back, so its mark stands in its metadata, under the key `gemctl`, and the spec tag in that is its fingerprint:
bytes, media type, metadata and chunking. Imported by the catalogue in kinds/__init__.py; all common rooms call it
through `Kind`.

THE CANONICAL FORMS g1. They are hashed into the marks of stores and documents: if one changed, everything would be
indexed and billed again. tests/core/golden_digests.json pins them. That of a store is

* a JSON object with displayName, if the user set one, and embeddingModel with its `models/`: gemini-embedding-001 where
  nothing is said, and it is sent then, so that another default of the service makes no other store; documents are no
  part of it.

That of a document is

* a JSON object with `source`, as `sha256:` and the hex digest of the bytes, or with `fileRef`, the spec tag of a File;
  where the file lies makes no difference;
* `mimeType` of an upload as written, or as the table in kinds/parts/media_types.py has it for the end of the name;
* `metadata` and `chunking` as written, whole numbers as integers.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from sys import intern
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator

from gemctl.core.address import Address
from gemctl.core.call import Call, Pages, Reference, Upload
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import Refused
from gemctl.core.kind import Collection, FileNeed, Files, InDisplayName, Kind, Operation, Remote, Rule
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject, Phase
from gemctl.core.mark import Mark, read, spec_tag, write
from gemctl.core.moment import show_instant
from gemctl.core.quantities import NO_TOKENS, UNKNOWN_TOKENS, ModelUse, Quantities, Tokens
from gemctl.core.resource import Attachment, Declared, Member, Resource
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import DisplayName, Model
from gemctl.kinds.parts import replies
from gemctl.kinds.parts.media_types import guess
from gemctl.schema.scalars import ResourceName, Whole, printable
from gemctl.schema.shape import Shape, complain, optional, refused

_STORE, _ID = r"fileSearchStores/[a-z0-9][a-z0-9-]{0,63}", r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
STORES = Collection(
    "fileSearchStores",
    re.compile(_STORE),
    "store",
    Pages("fileSearchStores", 20),  # the most that the service gives (REST reference)
    delete=(("force", "true"),),
)
DOCUMENTS = Collection(
    "documents",
    re.compile(rf"{_STORE}/documents/{_ID}"),
    "document",
    Pages("documents", 20),
    parent="FileSearchStore",
    delete=(("force", "true"),),  # a document that was indexed goes by force only
)
DEFAULT_MODEL = "models/gemini-embedding-001"  # the service's own, where none is named (API guide)
KEY = "gemctl"  # of the mark among the metadata of a document
MOST_METADATA = 20  # entries of a document (REST reference)
LARGEST = 100 << 20  # bytes of a document (API guide)
LONGEST_NAME = 512  # characters of a display name
MOST_TOKENS = 512  # of a chunk (REST reference)
_FORCED = "E231 The service sets this; it can't be declared."
_SOURCE: Path = ("source",)
_FILE_REF: Path = ("fileRef",)
_SHOWN = 3  # files that are named of those with one mistake
_TEXTS = re.compile(r"text/.*|application/(?:json|jsonl|xml|yaml|x-yaml|javascript|sql|x-sh|.*\+(?:json|xml))")


class Chunking(Shape):
    """How a document is cut before it is indexed."""

    max_tokens_per_chunk: Whole = optional(
        f"How many tokens a chunk has at most, up to {MOST_TOKENS}.", ge=1, le=MOST_TOKENS
    )
    max_overlap_tokens: Whole = optional(
        "How many tokens two chunks that follow each other share; fewer than a chunk has.", ge=0, lt=MOST_TOKENS
    )

    @model_validator(mode="after")
    def _less(self) -> Self:
        both = {"max_tokens_per_chunk", "max_overlap_tokens"} <= self.model_fields_set
        if both and self.max_overlap_tokens >= self.max_tokens_per_chunk:
            raise complain("E209", "Two chunks can't share all of a chunk.", at=("maxOverlapTokens",))
        return self


def _metadata_value(value: Any) -> Any:
    texts = isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
    if texts or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return int(value) if float(value).is_integer() else value
    raise complain("E209", "A value is a text, a number, or a list of texts.")


def _metadata(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) >= MOST_METADATA:
        raise complain("E209", f"A document has at most {MOST_METADATA - 1} keys: one more is the mark's.")
    if any(not key.strip() or not printable(key) for key in value):
        raise complain("E209", "A key has at least one letter, and no line breaks.")
    if KEY in value:
        raise complain("E209", f"The key {KEY} is the mark's.", at=(KEY,))
    return value


_VALUE = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "array", "items": {"type": "string"}}]}
Metadata = Annotated[
    dict[str, Annotated[Any, PlainValidator(_metadata_value), WithJsonSchema(_VALUE)]], AfterValidator(_metadata)
]


class ImportedFile(Shape):
    """A File of this project, by its name."""

    name: ResourceName = Field(description="The name in the File's metadata.")


class DocumentSpec(Shape):
    """One document: a file of the project that is uploaded, or a File that is imported."""

    source: str = optional("The file.")
    file_ref: ImportedFile = optional("A File of this project.")
    mime_type: str = optional("The media type.")
    metadata: Metadata = optional("Values to filter by.")
    chunking: Chunking = optional("How it is cut.")


class Documents(Shape):
    """Documents that are declared alike."""

    files: str = optional(
        "The files, as a path or a glob such as docs/**/*.md, relative to the folder of this manifest."
    )
    file_ref: ImportedFile = optional("A File of this project, which is imported; in place of files.")
    mime_type: str = optional(
        "The media type of all of them; by the ends of their names where nothing is said.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]*/[A-Za-z0-9][A-Za-z0-9.+_-]*$",
    )
    metadata: Metadata = optional("Values to filter by: texts, numbers, or lists of texts, by their keys.")
    chunking: Chunking = optional("How they are cut; as the service does it where nothing is said.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = self.model_fields_set
        if ("files" in given) == ("file_ref" in given):
            raise complain("E207", "Name files, or a File with fileRef: one of the two.")
        if {"file_ref", "mime_type"} <= given:
            raise complain("E206", "A File has its own media type.", at=("mimeType",))
        return self


class FileSearchStoreSpec(Shape):
    """A store, and the documents in it."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            dict.fromkeys(
                (
                    "name",
                    "createTime",
                    "updateTime",
                    "sizeBytes",
                    "activeDocumentsCount",
                    "pendingDocumentsCount",
                    "failedDocumentsCount",
                ),
                _FORCED,
            )
        )
    )

    display_name: DisplayName = optional(
        "A name for people, up to 84 characters; the resource's name where there is none."
    )
    embedding_model: Model = optional(
        "The model that documents are indexed with: gemini-embedding-001 where nothing is said, or gemini-embedding-2, "
        "which also takes pictures. Another one means another store, and everything is indexed again."
    )
    documents: list[Documents] = optional("What is in the store. Documents of others in it are left alone.")


def _files(spec: FileSearchStoreSpec) -> tuple[FileNeed, ...]:
    named = ((("documents", at, "files"), entry.files) for at, entry in enumerate(spec.documents or ()))
    return tuple(FileNeed(at, pattern, many=True, binary=True) for at, pattern in named if pattern is not None)


def _declare(spec: FileSearchStoreSpec, files: Files) -> Declared:
    """The canonical form g1, and the documents as members; see the module's docstring."""
    written = spec.written
    fields = {"embeddingModel": DEFAULT_MODEL}
    fields |= {name: written[name] for name in ("displayName", "embeddingModel") if name in written}
    members: dict[str, Member] = {}
    references: list[Reference] = []
    complaints = _Complaints()
    for number, entry in enumerate(written.get("documents", ())):
        at: Path = ("documents", number, "files")
        shared = {name: value for name, value in entry.items() if name not in ("files", "fileRef")}
        if "fileRef" in entry:
            target = Address("File", entry["fileRef"]["name"])
            place: Path = ("documents", number, "fileRef", "name")
            references.append(Reference(place, target, "name", digested=False, sent=False))
            if str(target) in members:
                complaints.note("twice", place, str(target))
            form = {"fileRef": "", **shared}
            members[str(target)] = Member(spec_tag(form), shared, place, source=target, form=form)
            continue
        for file in files[at]:
            path = intern(file.path or "")
            mime_type = shared.get("mimeType") or guess(path)
            complaints.check(at, file, mime_type, twice=path in members)
            members[path] = Member(spec_tag(_form(shared, file, mime_type)), shared, at, replace(file, path=path))
    model = fields["embeddingModel"].removeprefix("models/")
    where: Path = ("embeddingModel",) if "embeddingModel" in written else ()
    return Declared(
        fields,
        display_name=written.get("displayName"),
        references=tuple(references),
        model=ModelUse(model, "embedContent", where),
        quantities=Quantities(documents=len(members)),
        problems=tuple(complaints),
        members=MappingProxyType(members),
    )


class _Complaints:
    """Collects what is wrong with files: of one mistake some are named, and the others counted."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Path], list[str]] = {}
        self._seen: Counter[tuple[str, Path]] = Counter()

    def note(self, what: str, at: Path, path: str) -> None:
        self._seen[what, at] += 1
        if self._seen[what, at] <= _SHOWN:
            self._found.setdefault((what, at), []).append(path)

    def check(self, at: Path, file: Attachment, mime_type: str | None, *, twice: bool) -> None:
        path = file.path or ""
        if mime_type is None:
            self.note("type", at, path)
        if not file.size:
            self.note("empty", at, path)
        if file.size > LARGEST:
            self.note("large", at, path)
        if len(path) > LONGEST_NAME:
            self.note("long", at, path)
        if not printable(path):
            self.note("name", at, path)
        if twice:
            self.note("twice", at, path)

    def __iter__(self) -> Iterator[tuple[Path, Diagnostic]]:
        for (what, at), paths in self._found.items():
            more = self._seen[what, at] - len(paths)
            named = ", ".join(path if printable(path) else ascii(path) for path in paths) + (
                f" and {more:,} more" if more else ""
            )
            code, said, hint = _MISTAKES[what]
            yield at, problem(code, f"{said}: {named}.", hint=hint)


_MISTAKES = {
    "type": ("E247", "The end of the name says nothing of what is in it", "Write mimeType: beside files."),
    "empty": ("E271", "There is nothing in it", "The service indexes no empty files: leave it out."),
    "large": ("E271", "It is larger than 100 MiB", "The service takes no larger ones: divide it, or leave it out."),
    "long": ("E271", "Its path is longer than 512 characters", "The path is the document's name: make it shorter."),
    "name": ("E271", "Its name is no text in one line", "The path is the document's name: give the file another."),
    "twice": ("E271", "It is declared already", "Each document is declared once: choose globs that don't overlap."),
}


def _form(entry: JsonObject, file: Attachment, mime_type: str | None) -> JsonObject:
    """The canonical form of a document that is uploaded."""
    return {"source": file.digest, **entry, "mimeType": mime_type or ""}


def _indexed(mime_type: str, size: int) -> Tokens:
    """The tokens of a document: of a text by its bytes, four to a token in English and fewer elsewhere."""
    if not _TEXTS.fullmatch(mime_type):
        return UNKNOWN_TOKENS
    return Tokens(size // 4, size // 6, -(-size * 2 // 5))


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    body = {**resource.declared.fields, "displayName": write(resource.display_name, mark)}
    return Call("POST", STORES.path, body=body, repeatable=False)


def _read(reply: Json) -> LiveObject:
    """One store, from a list, a create or a get."""
    entry = replies.entry(reply)
    name = STORES.named(replies.text(entry, "name"))
    display, model = replies.text(entry, "displayName"), replies.text(entry, "embeddingModel")
    display_name, mark = read(display)
    created, updated = replies.instant(entry, "createTime"), replies.text(entry, "updateTime")
    counts = [replies.count(entry, f"{state}DocumentsCount") or 0 for state in ("active", "pending", "failed")]
    size = replies.count(entry, "sizeBytes") or 0
    outputs: dict[str, Json] = {
        "name": name,
        "displayName": display_name,
        "embeddingModel": model,
        "createTime": created and show_instant(created),
    }
    return LiveObject(
        kind="FileSearchStore",
        name=name,
        shown_name=display,
        display_name=display_name,
        mark=mark,
        fields=replies.shown({"displayName": display_name, "embeddingModel": model}),
        outputs=replies.shown(outputs),
        created=created,
        children=f"{counts[0]}/{counts[1]}/{counts[2]} {size} {updated}",
        held=sum(counts),
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    return resource.declared.written(at)


# Documents.


def _document_files(spec: DocumentSpec) -> tuple[FileNeed, ...]:
    return (FileNeed(_SOURCE, spec.source, binary=True),) if spec.source else ()


def _declare_document(spec: DocumentSpec, files: Files) -> Declared:
    """The canonical form g1 of one document, of which the display name is the path."""
    written = spec.written
    entry = {name: written[name] for name in ("mimeType", "metadata", "chunking") if name in written}
    if "fileRef" in written:
        target = Address("File", written["fileRef"]["name"])
        reference = Reference(_FILE_REF, target, "name", (*_FILE_REF, "name"))
        size = [_indexed(guess(file.path or "") or "", file.size) for file in files.get(_SOURCE, ())]
        quantities = Quantities(indexed=sum(size, NO_TOKENS) if size else UNKNOWN_TOKENS, documents=1)
        fields = {"fileRef": "", **entry}
        return Declared(fields, display_name=str(target), references=(reference,), quantities=quantities)
    (file,) = files[_SOURCE]
    mime_type = entry.get("mimeType") or guess(spec.source) or ""
    return Declared(
        _form(entry, file, mime_type),
        display_name=spec.source,
        attachments=(replace(file, at=_SOURCE),),
        quantities=Quantities(indexed=_indexed(mime_type, file.size), documents=1, bytes=file.size),
    )


def _create_document(resource: Resource, mark: Mark, attempt: int) -> Call:
    """Upload the bytes into the store, or import a File that is there."""
    fields = resource.declared.fields
    named = resource.display_name if "fileRef" in fields else ""  # the service names an import as it likes
    values = {KEY: write(named, mark).strip(), **fields.get("metadata", {})}
    body: dict[str, Json] = {"customMetadata": [{"key": key, **_value(value)} for key, value in values.items()]}
    if "chunking" in fields:
        body["chunkingConfig"] = {"whiteSpaceConfig": dict(fields["chunking"])}
    if "fileRef" in fields:
        references = tuple(replace(one, at=("fileName",)) for one in resource.declared.references)
        body["fileName"] = fields["fileRef"]
        call = Call("POST", ":importFile", body=body, references=references, repeatable=False)
    else:
        (file,) = resource.declared.attachments
        body["displayName"] = resource.display_name
        upload = Upload(file.digest, file.size, fields["mimeType"])  # in the body the service refuses some types
        call = Call("POST", ":uploadToFileSearchStore", body=body, repeatable=False, upload=upload)
    return replace(call, under=resource.generated_by)


def _value(value: Json) -> JsonObject:
    match value:
        case str():
            return {"stringValue": value}
        case list():
            return {"stringListValue": {"values": value}}
        case _:
            return {"numericValue": value}


_PHASES: Mapping[str, Phase] = MappingProxyType({"STATE_ACTIVE": Phase.READY, "STATE_FAILED": Phase.FAILED})
_NOTHING: JsonObject = MappingProxyType({})


def _read_document(reply: Json) -> LiveObject:
    """One document, from a list or a get."""
    entry = replies.entry(reply)
    name = DOCUMENTS.named(replies.text(entry, "name"))
    display, state = replies.text(entry, "displayName"), replies.text(entry, "state")
    entries = (replies.entry(one, "An entry of customMetadata") for one in replies.listed(entry, "customMetadata"))
    text = next((replies.text(one, "stringValue") for one in entries if one.get("key") == KEY), "")
    path, mark = read(text if " " in text else f" {text}")
    return LiveObject(
        kind="FileSearchDocument",
        name=name,
        shown_name=display,
        display_name=path if mark and path else display,
        mark=mark,
        fields=_NOTHING,
        outputs=_NOTHING,
        created=replies.instant(entry, "createTime"),
        phase=_PHASES.get(state, Phase.WAITING),
        why="The service could not index it." if state == "STATE_FAILED" else "",
        state=state.removeprefix("STATE_"),
        parent=name.partition("/documents/")[0],
    )


def _document_source(resource: Resource, call: Call, at: Path) -> Path:
    """All of a document stands in one entry of its store's spec."""
    return ()


def _started(reply: Json) -> str | None:
    name = replies.text(replies.entry(reply), "name")
    return name if "/operations/" in name else None


def _made(reply: Json) -> str | None:
    """The id of an operation is that of the document (captures of both; the name in an import's response has no
    store). An upload that is indexed at once is answered with a response and without `done`.
    """
    operation = replies.entry(reply)
    name = replies.text(operation, "name")
    store = STORES.named("/".join(name.split("/")[:2]))
    document = DOCUMENTS.named(f"{store}/{DOCUMENTS.path}/{name.rpartition('/')[2]}")
    if error := replies.inner(operation, "error"):
        raise Refused(replies.text(error, "message") or "It could not be indexed.", status=400, left=document)
    return document if operation.get("done") or replies.inner(operation, "response") else None


DOCUMENT = Kind(
    name="FileSearchDocument",
    spec=DocumentSpec,
    rules=MappingProxyType(dict.fromkeys(("source", "fileRef", "mimeType", "metadata", "chunking"), Rule.INPUT_ONLY)),
    lifetime=Forever(),
    files=_document_files,
    declare=_declare_document,
    remote=Remote(
        DOCUMENTS,
        InDisplayName(),
        _create_document,
        _read_document,
        _document_source,
        operation=Operation(re.compile(rf"{_STORE}/(?:upload/)?operations/{_ID}"), _started, _made, suffices=True),
    ),
)

KIND = Kind(
    name="FileSearchStore",
    spec=FileSearchStoreSpec,
    rules=MappingProxyType(
        {"displayName": Rule.IMMUTABLE, "embeddingModel": Rule.IMMUTABLE, "documents": Rule.UNCOMPARED}
    ),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(STORES, InDisplayName(), _create, _read, _source),
    agrees=MappingProxyType({"embeddingModel": replies.same_model}),
    members=DOCUMENT,
)
