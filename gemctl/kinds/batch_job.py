"""Defines BatchJob: many requests at half the price, answered within a day or two. It is run, and not kept.

The service names it, shows how far it is, and shows its results when it has ended (REST reference, Batch API). A list
carries the results of all jobs whose requests came inline, so pages are small and nothing of them is kept. Imported by
the catalogue in kinds/__init__.py; all common rooms call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the mark of every job, for ever: if the form of a job that has
been run changed, an upgrade would run it again, and bill it again. tests/core/golden_digests.json pins it. It is

* a JSON object with model, method, and requests or input;
* `model` with its `models/`; `method` also where the user left it out: generateContent and nothing are one;
* `requests` in their order, each as `{"key": …, "request": …}`; contents, content and systemInstruction as
  kinds/parts/contents.py says: texts and bytes as digests, wherever they lie; a reference to a cache as cachedContent
  with the spec tag of the CachedContent, a reference to a file likewise;
* a file of requests, whether it is a File of its own or comes from `jsonl`, as `{"fileName": …}` with the spec tag of
  the File, which is made of its bytes: where the file lies makes no difference;
* where something is put under the lines of that file (`request`), or they refer to resources, `input` has in its place
  `source`, the digest of the file, and the values of the recipe that makes what is uploaded: `method`; `request` in the
  forms above; `before` and `after`, the parts around those of each line; `cachedContents` and `files`, by their names
  in the lines, with spec tags. So an edit of what is referred to can be told from one of the file;
* each part of a file that is cut into several is a job of its own, and its form that of a job with such a file;
* `{"key": …}` under `run` where `run.key` is set, which asks for another run of the same;
* numbers that are whole as integers, names of the API's enums in capitals;
* everything else as written, under the API's camelCase names.

displayName, priority, webhookConfig and split say how a job is run, not which requests; they are no part of the form,
nor is the webhook that webhookConfig refers to.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Set
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Pages, Reference
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import canonical
from gemctl.core.kind import Collection, FileNeed, Files, InDisplayName, Kind, Remote, Rule
from gemctl.core.lifetime import Once
from gemctl.core.lines import Split
from gemctl.core.live import Cause, Counts, LiveObject, Phase
from gemctl.core.mark import READABLE_LIMIT, Mark, read, write
from gemctl.core.moment import show_instant
from gemctl.core.quantities import UNKNOWN_TOKENS, ModelUse, Quantities, Tier
from gemctl.core.resource import Attachment, Declared, Generated, Pasted, Recipe, Resource, relocate
from gemctl.core.source import Json, JsonObject, Path, Span
from gemctl.kinds.api_types import DisplayName, Model
from gemctl.kinds.parts import replies, results, rules
from gemctl.kinds.parts.contents import LINKED, Draft, parts_of, text_needs, whole, with_roles
from gemctl.kinds.parts.generation import (
    EmbedRequest,
    GenerateRequest,
    GenerateRequestShape,
    UnderEmbed,
    UnderGenerate,
    UnderGenerateShape,
)
from gemctl.kinds.parts.hooks import WebhookConfig, webhook_config
from gemctl.kinds.parts.lines import Key, LineCheck, live_names
from gemctl.kinds.parts.tally import JobTally
from gemctl.schema.scalars import ResourceName, Whole, Whole64
from gemctl.schema.shape import Shape, branch, complain, optional, refused

LARGEST_FILE = 2_000_000_000  # bytes of a file of requests (API guide, Batch API: 2 GB)
MOST_INLINE = 20 << 20  # bytes of requests that come with the call (API guide, Batch API: 20 MB)
KEPT = timedelta(hours=48)  # results lie in a file, and files live that long (API guide, Files API)
INPUT = ".input"  # the File that comes with a job of this name and this suffix
REST = ".rest"  # likewise, with the lines that are run again
_JSONL = "application/jsonl"
COLLECTION = Collection(
    "batches",
    re.compile(r"batches/[A-Za-z0-9_-]{1,128}"),
    "job",
    Pages("operations", 20),  # each may carry some megabytes of results
)
_JSONL_AT: Path = ("input", "jsonl")
_CONFIG: Path = ("batch", "inputConfig")
_FILE: Path = ("input", "fileName")  # in the canonical form
_INLINE: Path = (*_CONFIG, "requests", "requests")
_CALLS: Mapping[str, str] = MappingProxyType(
    {"generateContent": "batchGenerateContent", "embedContent": "asyncBatchEmbedContent"}
)
_UNMEASURED = Quantities(
    input=UNKNOWN_TOKENS, output=UNKNOWN_TOKENS, longest=UNKNOWN_TOKENS, requests=None, tier=Tier.BATCH
)
_TEXTS = ("systemInstruction", "partsBefore", "partsAfter")  # fields of `request` with texts that may stand in files
_AROUND: Mapping[str, str] = MappingProxyType({"partsBefore": "before", "partsAfter": "after"})
_PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        "SUCCEEDED": Phase.READY,
        "PARTIALLY_SUCCEEDED": Phase.READY,
        "FAILED": Phase.FAILED,
        "CANCELLED": Phase.FAILED,
        "EXPIRED": Phase.FAILED,
    }
)  # all others, unknown ones too, are neither success nor failure

_OUTPUT = "E231 The service sets this; it can't be declared."
_CLOUD = "E224 Cloud Storage and BigQuery belong to Vertex AI; write {jsonl: path}, and the file is uploaded."


class FileName(Shape):
    """A File of this project, by its name."""

    name: ResourceName = Field(description="The name in the File's metadata.")


class InputShape(Shape):
    """A file of requests, JSON Lines of {"key", "request"}: one of these."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(("gcsUri", "gcsSource", "bigqueryUri", "bigquerySource", "uris"), _CLOUD),
                "fileName": "E206 Name a File of this project with fileRef, or a file with jsonl.",
            }
        )
    )

    jsonl: str = optional("A file, relative to the folder of this manifest; it is checked and uploaded.")
    file_ref: FileName = optional("A File of this project.")


class SplitShape(Shape):
    """Into which parts a file of requests is cut: each is a job with at most so much."""

    requests: Whole = optional("The most requests of one job.", ge=1)
    bytes: Whole = optional("The most bytes of one job, as they are sent; the service takes 2 GB.", ge=1)
    tokens: Whole = optional("The most tokens of one job, by estimate.", ge=1)


def _one_input(value: Any) -> Any:
    if len(value.model_fields_set) != 1:
        both = value.model_fields_set
        detail = "jsonl and fileRef are both set." if both else "There is neither jsonl nor fileRef."
        raise complain("E242", detail, hint="Write one of the two.")
    return value


_GENERATE, _EMBED = branch(GenerateRequestShape.__name__), branch(EmbedRequest.__name__)
_UNDER, _UNDER_EMBED = branch(UnderGenerateShape.__name__), branch(UnderEmbed.__name__)


class _Embedding(dict[str, Any]):
    """A request that is read as one of embedContent."""


def _method_of(request: Any) -> str:
    return _EMBED if isinstance(request, _Embedding | EmbedRequest) else _GENERATE


def _method_under(request: Any) -> str:
    return _UNDER_EMBED if isinstance(request, _Embedding | UnderEmbed) else _UNDER


class Request(Shape):
    """One request of a job."""

    model_config = ConfigDict(json_schema_extra=refused({"metadata": "E206 A request is known by its `key`."}))

    key: Key = Field(description="What tells this request from the others; its result has it too.")
    request: Annotated[
        Annotated[GenerateRequest, Tag(_GENERATE)] | Annotated[EmbedRequest, Tag(_EMBED)],
        Discriminator(_method_of),
    ] = Field(description="What is asked: what generateContent or embedContent takes.")


class BatchJobSpec(Shape):
    """The requests of a job, and their model."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(
                    ("name", "state", "output", "batchStats", "createTime", "endTime", "updateTime"), _OUTPUT
                ),
                **dict.fromkeys(("src", "dest", "gcsSource", "bigquerySource", "outputConfig"), _CLOUD),
                "inputConfig": "E206 Write `requests`, or `input: {jsonl: path}`.",
            }
        )
    )

    model: Model = Field(description="The model that answers, such as gemini-3.8-flash.")
    method: Literal["generateContent", "embedContent"] = optional(
        "What each request asks for; generateContent where nothing is said."
    )
    display_name: DisplayName = optional(
        "A name for people, up to 84 characters; the resource's name where there is none."
    )
    requests: list[Request] = optional("The requests, up to 20 MiB with all texts.", min_length=1)
    input: Annotated[InputShape, AfterValidator(_one_input)] = optional("A file of requests, in place of `requests`.")
    request: Annotated[
        Annotated[UnderGenerate, Tag(_UNDER)] | Annotated[UnderEmbed, Tag(_UNDER_EMBED)],
        Discriminator(_method_under),
    ] = optional("What each line of input.jsonl gets besides; what a line says itself wins.")
    split: SplitShape = optional("Cuts input.jsonl into parts, each a job; where nothing is said, into parts of 2 GB.")
    priority: Whole64 = optional("Jobs with a higher one go first; 0 where nothing is said.")
    webhook_config: WebhookConfig = optional("Addresses that the service calls when the job has ended.")

    @model_validator(mode="before")
    @classmethod
    def _by_method(cls, value: Any) -> Any:
        """Requests are of one shape or of the other by the fields beside them."""
        if not isinstance(value, dict) or value.get("method") != "embedContent":
            return value
        if isinstance(under := value.get("request"), dict):
            value = {**value, "request": _Embedding(under)}
        requests = value.get("requests")
        if not isinstance(requests, list):
            return value
        return {**value, "requests": [_embedding(entry) for entry in requests]}


def _embedding(entry: Any) -> Any:
    if isinstance(entry, dict) and isinstance(entry.get("request"), dict):
        return {**entry, "request": _Embedding(entry["request"])}
    return entry


def _files(spec: BatchJobSpec) -> tuple[FileNeed, ...]:
    """Every textFile and textFiles, and the file of requests, which is checked here and uploaded as a File."""
    written = spec.written
    needs = [need for at, content in _contents(written) for need in text_needs(content, at)]
    source = written.get("input", {})
    if "jsonl" in source:
        split = Split(**written["split"]) if "split" in written else None
        check = LineCheck(_method(written), written.get("request", {}), split)
        needs.append(FileNeed(_JSONL_AT, source["jsonl"], binary=True, check=check))
    return tuple(needs)


def _declare(spec: BatchJobSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    return _Declaration(spec.written, files).finish()


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST models/…:batchGenerateContent or :asyncBatchEmbedContent. Sent once: the same again is another job.

    The attempt is in the mark.
    """
    return _run(resource, mark, None)


def _create_again(resource: Resource, mark: Mark, attempt: int, keys: Set[str]) -> Call:
    """The same with these keys only. A file can't be sent in part: the resource refers to one that `rest` made."""
    return _run(resource, mark, keys if "requests" in resource.declared.fields else None)


def _rest(path: str) -> Generated:
    """A File of these lines."""
    return Generated("File", REST, {"source": path, "mimeType": _JSONL}, ("input",))


def _make(values: JsonObject, lines: Iterable[bytes]) -> Iterator[bytes]:
    """The file of requests as it is uploaded."""
    from gemctl.kinds.parts.merge import merged

    return merged(values, lines)


def _read(reply: Json) -> LiveObject:
    """One job, without its results. A reply to a create may be nothing but a name (python-genai#1886).

    The deadline of one that has ended is that of its results. Those that it carries itself may outlive that.
    """
    operation = replies.entry(reply)
    shown = replies.inner(operation, "metadata")
    name = COLLECTION.named(replies.text(operation, "name") or replies.text(shown, "name"))
    model, display = replies.text(shown, "model"), replies.text(shown, "displayName")
    display_name, mark = read(display)
    state = _state(operation, shown)
    phase = _PHASES.get(state, Phase.WAITING)
    created, updated = replies.instant(shown, "createTime"), replies.instant(shown, "updateTime")
    ended, stats = replies.instant(shown, "endTime"), replies.inner(shown, "batchStats")
    carried = results.carried(operation)
    fields = ("requestCount", "successfulRequestCount", "failedRequestCount", "pendingRequestCount")
    outputs: dict[str, Json] = {
        "name": name,
        "state": state,
        "model": model,
        "displayName": display_name,
        "createTime": created and show_instant(created),
        "endTime": ended and show_instant(ended),
        **{field: replies.count(stats, field) for field in fields},
        "responsesFile": replies.text(replies.inner(shown, "output"), "responsesFile"),
        "resultsInline": carried or None,
        "error": replies.text(replies.inner(operation, "error"), "message"),
    }
    return LiveObject(
        kind="BatchJob",
        name=name,
        shown_name=display,
        display_name=display_name,
        mark=mark,
        fields={"model": model} if model else {},
        outputs=replies.shown(outputs),
        created=created,
        updated=updated,
        deadline=ended + KEPT if ended and phase is Phase.READY else None,
        phase=phase,
        counts=_counts(stats),
        state=state,
        ended=ended,
        cause=Cause(state.lower()) if phase is Phase.FAILED else None,
        carries_results=carried,
        model=model.removeprefix("models/"),
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """A request is found by its key: a call may be of some of them only. The path of the call names the model."""
    if not at:
        return ("model",)
    if at[: len(_INLINE)] == _INLINE:
        keys = _keys(resource)
        match at[len(_INLINE) :]:
            case (int(index), *rest) if keys is not None:
                key = _key_sent(call, index)
                if key not in keys:
                    return ("requests",)
                below = ("key",) if rest[:2] == ["metadata", "key"] else tuple(rest)
                return resource.declared.written(("requests", keys.index(key), *below))
            case _:
                return ("input" if keys is None else "requests",)
    if at[: len(_CONFIG)] == _CONFIG:
        inner = at[len(_CONFIG) :]
        return ("requests",) if inner[:1] == ("requests",) else resource.declared.written(("input", *inner))
    return resource.declared.written(at[1:] if at[:1] == ("batch",) else at)


def _cancel(name: str) -> Call:
    """POST …:cancel. Repeatable: a job that has ended stays as it is."""
    return Call("POST", f"{COLLECTION.named(name)}:cancel", body={}, answer=Answer.NOTHING)


def _keys(resource: Resource) -> tuple[str, ...] | None:
    """The keys of the requests, in their order; None where they stand in a file."""
    requests = resource.declared.fields.get("requests")
    return None if requests is None else tuple(entry["key"] for entry in requests)


def _state(operation: JsonObject, shown: JsonObject) -> str:
    """The state without its prefix, of which there are two; where none is shown, by the end of the operation."""
    state = re.sub(r"^(?:BATCH|JOB)_STATE_", "", replies.text(shown, "state"))
    if state not in ("", "UNSPECIFIED") or operation.get("done") is not True:
        return state
    return "FAILED" if operation.get("error") is not None else "SUCCEEDED"


def _counts(stats: JsonObject) -> Counts | None:
    """The service's counts, from which it leaves out zeros (seen in published answers); None without a total."""
    total = replies.count(stats, "requestCount")
    if total is None:
        return None
    succeeded, failed = (replies.count(stats, name) or 0 for name in ("successfulRequestCount", "failedRequestCount"))
    return Counts(total, succeeded, failed)


def _method(spec: Mapping[str, Any]) -> str:
    method: str = spec.get("method", "generateContent")
    return method


def _contents(spec: Mapping[str, Any]) -> list[tuple[Path, Any]]:
    """Every message of the requests as the user wrote it, with its path."""
    return [
        (("requests", index, "request", field), entry["request"][field])
        for index, entry in enumerate(spec.get("requests", ()))
        for field in ("systemInstruction", "contents", "content")
        if field in entry["request"]
    ] + [(("request", field), spec["request"][field]) for field in _TEXTS if field in spec.get("request", {})]


def _pasted(spec: Mapping[str, Any], file: Attachment | None) -> Iterator[Pasted]:
    """Live names of caches and files that requests use."""
    lines = file.lines if file else None
    for name in lines.live if lines else ():
        field = "cachedContentRef" if name.startswith("cachedContents/") else "fileRef"
        number = lines.line_of(name) if lines else 1
        yield Pasted(name, field, _JSONL_AT, Span((file.path if file else None) or "", number, 1, number, 1))
    requests: list[tuple[Path, Mapping[str, Any]]] = [
        (("requests", index, "request"), entry["request"]) for index, entry in enumerate(spec.get("requests", ()))
    ]
    for at, request in (*requests, (("request",), spec.get("request", {}))):
        if "cachedContent" in request:
            yield Pasted(request["cachedContent"], "cachedContentRef", (*at, "cachedContent"))
    for at, message in _contents(spec):
        for place, part in parts_of(message, at):
            yield from (Pasted(name, "fileRef", place) for name in live_names(part))


def _run(resource: Resource, mark: Mark, only: Set[str] | None) -> Call:
    """The call for all requests, or for those with some of the keys."""
    declared = resource.declared
    fields = declared.fields
    places: dict[Path, Path] = {}  # path in the canonical form → path in the body
    if "requests" in fields:
        sent: list[JsonObject] = []
        for index, entry in enumerate(fields["requests"]):
            if only is None or entry["key"] in only:
                places["requests", index] = (*_INLINE, len(sent))
                sent.append({"request": _spoken(entry["request"]), "metadata": {"key": entry["key"]}})
        if not sent:
            raise ValueError("There is nothing to run.")
        source: JsonObject = {"requests": {"requests": sent}}
    elif declared.recipe:
        places["input", "fileName"] = (*_CONFIG, "fileName")
        source = {}
    else:
        places["input",] = _CONFIG
        source = fields["input"]
    places["webhookConfig",] = ("batch", "webhookConfig")
    batch: dict[str, Json] = {
        "displayName": write(resource.display_name, mark),
        "inputConfig": source,
        **declared.extras,
    }

    return Call(
        "POST",
        f"{fields['model']}:{_CALLS[fields['method']]}",
        body={"batch": batch},
        fills=tuple(Fill(to, fill.digest) for fill in declared.fills if (to := relocate(fill.at, places)) != fill.at),
        references=tuple(
            replace(reference, at=to, written=reference.written or reference.at)
            for reference in declared.references
            if (to := relocate(reference.at, places)) != reference.at or not reference.sent
        ),
        repeatable=False,
    )


def _key_sent(call: Call, index: int) -> str | None:
    """The key of one of the requests that a call brings along; None where it brings no such one."""
    sent: Any = call.body
    try:
        for step in _INLINE:
            sent = sent[step]
        return str(sent[index]["metadata"]["key"])
    except (KeyError, IndexError, TypeError):
        return None


def _spoken(request: JsonObject) -> JsonObject:
    """A request as it is sent: the user speaks where no role is given."""
    if "contents" in request:
        return {**request, "contents": with_roles(request["contents"])}
    return {**request, "content": with_roles([request["content"]])[0]}


class _Declaration:
    """The canonical form in the making."""

    def __init__(self, spec: Mapping[str, Any], files: Files) -> None:
        self._spec, self._files = spec, files
        self._draft = Draft(files)
        self._tally = JobTally(answers=_method(spec) == "generateContent")
        self._longest = 0
        self._hooks: tuple[Reference, ...] = ()

    def finish(self) -> Declared:
        spec, draft = self._spec, self._draft
        fields: dict[str, Json] = {"model": spec["model"], "method": _method(spec)}
        if "requests" in spec:
            fields["requests"] = [self._request(index, entry) for index, entry in enumerate(spec["requests"])]
            self._measure(fields["requests"])
        source = spec.get("input", {})
        if "fileRef" in source:
            written: Path = ("input", "fileRef", "name")
            named = draft.refer(Reference(_FILE, Address("File", source["fileRef"]["name"]), "name", written))
            fields["input"] = {"fileName": named}
        (file,) = self._files.get(_JSONL_AT, (None,))
        recipe = self._recipe(file) if file else None
        self._check()
        extras = self._extras()
        declared = Declared(
            fields=fields,
            display_name=spec.get("displayName"),
            references=(*draft.references, *self._hooks),
            attachments=draft.attachments,
            sources=draft.sources,
            implied=draft.implied,
            extras=extras,
            quantities=self._tally.quantities(draft.tally, self._longest) if "requests" in spec else _UNMEASURED,
            model=ModelUse(spec["model"].removeprefix("models/"), _CALLS[_method(spec)], ("model",)),
            problems=draft.problems,
            recipe=recipe,
            pasted=tuple(_pasted(spec, file)),
        )
        return self._of_file(declared, file) if file else declared

    def _extras(self) -> JsonObject:
        """What goes with a create."""
        extras: dict[str, Json] = {"priority": self._spec["priority"]} if "priority" in self._spec else {}
        if "webhookConfig" in self._spec:
            extras["webhookConfig"], self._hooks = webhook_config(self._spec["webhookConfig"])
        return extras

    def _of_file(self, declared: Declared, file: Attachment) -> Declared:
        """The job with this file of requests; in parts, where the file is cut into several."""
        whole = self._with_input(declared, replace(file, lines=None), file.lines.quantities if file.lines else None)
        slices = file.lines.slices if file.lines else ()
        pieces = (
            (Attachment(one.digest, one.size, path=file.path, binary=True, start=one.start, part=True), one.quantities)
            for one in slices
        )
        problems = whole.problems
        if not slices:
            problems += self._too_large(declared.recipe, file.size, whole.quantities)
        for one in slices:
            problems += self._too_large(declared.recipe, one.size, one.quantities, f" from line {one.line:,} on")
        form = {"source": file.digest, **(declared.recipe.fields if declared.recipe else {})}
        declared = replace(declared, whole={**declared.fields, "input": form})
        parts = tuple(self._with_input(declared, *piece) for piece in pieces)
        return replace(whole, parts=parts, problems=problems, whole=declared.whole)

    def _with_input(self, declared: Declared, file: Attachment, lines: Quantities | None) -> Declared:
        spec = {"source": self._spec["input"]["jsonl"], "mimeType": _JSONL}
        generated = (Generated("File", INPUT, spec, _JSONL_AT, file, declared.recipe),)
        target, attachments = Address("File", INPUT), declared.attachments
        recipe = declared.recipe
        if recipe is None:
            source: JsonObject = {"fileName": LINKED}
            references: tuple[Reference, ...] = (Reference(_FILE, target, "name", _JSONL_AT),)
        else:
            source = {"source": file.digest, **recipe.fields}
            declared = replace(
                declared,
                sources={("input", *to): at for to, at in declared.sources.items()},
                implied=frozenset(("input", *to) for to in recipe.implied),
            )
            references = (
                Reference(_FILE, target, "name", _JSONL_AT, digested=False),
                *(replace(one, at=("input", *one.at), sent=False) for one in recipe.references),
            )
            attachments = (
                replace(file, at=("input", "source")),
                *(replace(one, at=("input", *one.at)) for one in recipe.attachments),
            )
        return replace(
            declared,
            fields={**declared.fields, "input": source},
            references=(*references, *self._hooks),
            attachments=attachments,
            generated=generated,
            quantities=self._with_request(lines) if lines else _UNMEASURED,
        )

    def _with_request(self, lines: Quantities) -> Quantities:
        """What the lines use, and what is put under each of them."""
        each, times = self._draft.tally, lines.requests or 0
        return replace(
            lines,
            input=lines.input + each.tokens.times(times),
            longest=lines.longest + each.tokens,
            media=(*lines.media, *(replace(one, count=one.count * times) for one in each.media)),
        )

    def _too_large(
        self, recipe: Recipe | None, size: int, used: Quantities, where: str = ""
    ) -> tuple[tuple[Path, Diagnostic], ...]:
        """A complaint about a file that the service would not take with what is put under each line."""
        each = len(canonical(recipe.fields)) + self._draft.filled if recipe else 0
        sent = size + each * (used.requests or 0)
        if sent <= LARGEST_FILE:
            return ()
        fits = max(1, LARGEST_FILE * (used.requests or 1) // sent)
        detail = f"With `request` under each line, the requests{where} have {sent / 1e9:,.1f} GB."
        hint = f"Write split: {{requests: {fits}}}; or put texts into a cache, and name it with cachedContentRef."
        return ((("request",), problem("E255", detail, hint=hint)),)

    def _recipe(self, file: Attachment) -> Recipe | None:
        """How the file that is uploaded is made of this one; None for one that is sent as it is."""
        under, names = self._spec.get("request", {}), file.lines.names if file.lines else ()
        if not under and not names:
            return None
        draft = self._draft
        form: dict[str, Json] = {"method": _method(self._spec)}
        request: dict[str, Json] = {}
        for field, value in under.items():
            at: Path = ("request", field)
            if field in _AROUND:
                form[_AROUND[field]] = draft.parts(value, at, (_AROUND[field],))
            elif field == "systemInstruction":
                request[field] = draft.content(value, at, at)
            elif field == "cachedContentRef":
                cache = Address("CachedContent", value["name"])
                reference = Reference(("request", "cachedContent"), cache, "name", (*at, "name"), same=("model",))
                request["cachedContent"] = draft.refer(reference)
            elif field in ("tools", "toolConfig"):
                request[field] = draft.counted(value)
            else:
                request[field] = whole(value)
        form |= {**({"request": request} if request else {}), **self._named_in_lines(file, names)}
        implied = draft.implied | {("method",)}  # it stands beside `input`
        return Recipe("BatchJob", form, draft.references, draft.attachments, implied)

    def _named_in_lines(self, file: Attachment, names: Iterable[Address]) -> JsonObject:
        """What lines refer to, by its name there."""
        refer = self._draft.refer
        path = file.path or ""
        caches: dict[str, Json] = {}
        files: dict[str, Json] = {}
        for target in names:
            number = file.lines.line_of(target) if file.lines else 1
            span = Span(path, number, 1, number, 1)
            if target.kind == "CachedContent":
                at: Path = ("cachedContents", target.name)
                caches[target.name] = refer(Reference(at, target, "name", _JSONL_AT, same=("model",), span=span))
            else:
                at = ("files", target.name)
                uri = Reference((*at, "fileUri"), target, "uri", _JSONL_AT, span=span)
                files[target.name] = {"fileUri": refer(uri)}
                refer(Reference((*at, "mimeType"), target, "mimeType", _JSONL_AT, digested=False, span=span))
        return {**({"cachedContents": caches} if caches else {}), **({"files": files} if files else {})}

    def _request(self, index: int, entry: Mapping[str, Any]) -> JsonObject:
        draft, written = self._draft, entry["request"]
        before, cache = draft.tally.count, None
        at: Path = ("requests", index, "request")
        request: dict[str, Json] = {}
        for field, value in written.items():
            if field == "contents":
                request[field] = draft.contents(value, (*at, field), (*at, field))
            elif field in ("systemInstruction", "content"):
                request[field] = draft.content(value, (*at, field), (*at, field), embedded=field == "content")
            elif field == "cachedContentRef":
                cache, place = Address("CachedContent", value["name"]), (*at, field, "name")
                reference = Reference((*at, "cachedContent"), cache, "name", place, same=("model",))
                request["cachedContent"] = draft.refer(reference)
            elif field in ("tools", "toolConfig"):
                request[field] = draft.counted(value)
            else:
                request[field] = whole(value)
        for place, found in rules.calling(written):  # warnings: its errors are those of the shape
            draft.report((*at, *place), found)
        self._tally.add(written, cache)
        self._longest = max(self._longest, draft.tally.count - before)
        return {"key": entry["key"], "request": request}

    def _measure(self, requests: Json) -> None:
        """Texts are held as digests; the call has the texts in their place."""
        draft = self._draft
        size = len(canonical(requests)) + draft.filled
        if size > MOST_INLINE:
            detail = f"The requests have {size / (1 << 20):,.1f} MiB."
            draft.report(("requests",), problem("E243", detail, hint="Name a file of them with input: {jsonl: path}."))

    def _check(self) -> None:
        spec, report = self._spec, self._draft.report
        if "requests" in spec and "input" in spec:
            report(("input",), problem("E242", "requests and input are both set.", hint="Keep one of the two."))
        elif "requests" not in spec and "input" not in spec:
            report((), problem("E242", "The spec has neither requests nor input."))
        for field in ("request", "split"):
            if field in spec and "jsonl" not in spec.get("input", {}):
                detail = f"{field} goes with input: {{jsonl: path}}, and with nothing else."
                report((field,), problem("E242", detail, hint=f"Remove {field}, or name a file with input.jsonl."))
        if len(spec.get("displayName", "")) > READABLE_LIMIT:
            detail = f"It has {len(spec['displayName'])} characters; {READABLE_LIMIT} of them are kept."
            report(("displayName",), problem("W204", detail))
        first: dict[str, int] = {}
        for index, entry in enumerate(spec.get("requests", ())):
            before = first.setdefault(entry["key"], index)
            if before != index:
                detail = f"requests[{before}] has the key {entry['key']!r} too."
                report(("requests", index, "key"), problem("E240", detail, hint="Give each its own."))


KIND = Kind(
    name="BatchJob",
    spec=BatchJobSpec,
    rules=MappingProxyType(
        {
            "model": Rule.IMMUTABLE,
            "method": Rule.INPUT_ONLY,
            "requests": Rule.INPUT_ONLY,
            "input": Rule.INPUT_ONLY,
            "request": Rule.INPUT_ONLY,
            "split": Rule.UNCOMPARED,
            "displayName": Rule.UNCOMPARED,
            "priority": Rule.UNCOMPARED,
            "webhookConfig": Rule.UNCOMPARED,
        }
    ),
    lifetime=Once(
        usual=timedelta(hours=24),  # the service means to take no longer (API guide, Batch API)
        longest=timedelta(hours=48),  # a job that has not ended by then has expired (likewise)
        results=results.results,
        result=results.result,
        keys=_keys,
        cancel=_cancel,
        again=_create_again,
        rest=_rest,
        usage=results.usage,
        counts=results.counts,
        sums=results.sums,
        answered=results.answered,
        columns=results.columns,
        texts=results.TEXTS,
        numbers=results.NUMBERS,
        vectors=lambda resource: resource.declared.fields["method"] == "embedContent",
        reads=timedelta(hours=25),
    ),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, InDisplayName(), _create, _read, _source),
    blanks=MappingProxyType(
        {"requests": "what was asked, as a list of {key, request}; or write input: {jsonl: path} instead"}
    ),
    agrees=MappingProxyType({"model": replies.same_model}),
    make=_make,
)
