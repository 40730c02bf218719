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
* `{"key": …}` under `run` where `run.key` is set, which asks for another run of the same;
* numbers that are whole as integers, names of the API's enums in capitals;
* everything else as written, under the API's camelCase names.

displayName, priority and webhookConfig say how a job is run, not which requests; they are no part of the form.
"""

from __future__ import annotations

import re
from collections.abc import Collection as Set
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Pages, Reference
from gemctl.core.codes import problem
from gemctl.core.digest import canonical
from gemctl.core.kind import Collection, FileNeed, Files, InDisplayName, Kind, Remote, Rule
from gemctl.core.lifetime import Once
from gemctl.core.live import Cause, Counts, LiveObject, Phase
from gemctl.core.mark import READABLE_LIMIT, Mark, read, write
from gemctl.core.moment import show_instant
from gemctl.core.quantities import UNKNOWN_TOKENS, ModelUse, Quantities, Tier
from gemctl.core.resource import Declared, Generated, Resource, relocate
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import DisplayName, Model
from gemctl.kinds.parts import replies, results, rules
from gemctl.kinds.parts.contents import Draft, text_needs, whole, with_roles
from gemctl.kinds.parts.generation import EmbedRequest, GenerateRequest, GenerateRequestShape
from gemctl.kinds.parts.lines import Key, LineCheck
from gemctl.kinds.parts.tally import JobTally
from gemctl.schema.scalars import Object, ResourceName, Whole64
from gemctl.schema.shape import Shape, branch, complain, optional, plain, refused

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
_CONFIG: Path = ("batch", "inputConfig")
_INLINE: Path = (*_CONFIG, "requests", "requests")
_CALLS: Mapping[str, str] = MappingProxyType(
    {"generateContent": "batchGenerateContent", "embedContent": "asyncBatchEmbedContent"}
)
_UNMEASURED = Quantities(
    input=UNKNOWN_TOKENS, output=UNKNOWN_TOKENS, longest=UNKNOWN_TOKENS, requests=None, tier=Tier.BATCH
)
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


def _one_input(value: Any) -> Any:
    if len(value.model_fields_set) != 1:
        both = value.model_fields_set
        detail = "jsonl and fileRef are both set." if both else "There is neither jsonl nor fileRef."
        raise complain("E242", detail, hint="Write one of the two.")
    return value


def _address(value: str) -> str:
    if not re.match(r"https?://[^\s/]", value):
        raise complain("E209", "That is not the address of a webhook.", hint="Write https://….")
    return value


class WebhookConfig(Shape):
    """Addresses that the service calls when the job has ended."""

    uris: list[Annotated[str, AfterValidator(_address)]] = optional("Addresses to call.", min_length=1)
    user_metadata: Object = optional("Free data that goes with each call.")


_GENERATE, _EMBED = branch(GenerateRequestShape.__name__), branch(EmbedRequest.__name__)


class _Embedding(dict[str, Any]):
    """A request that is read as one of embedContent."""


def _method_of(request: Any) -> str:
    return _EMBED if isinstance(request, _Embedding | EmbedRequest) else _GENERATE


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
    priority: Whole64 = optional("Jobs with a higher one go first; 0 where nothing is said.")
    webhook_config: WebhookConfig = optional("Addresses that the service calls when the job has ended.")

    @model_validator(mode="before")
    @classmethod
    def _by_method(cls, value: Any) -> Any:
        """Requests are of one shape or of the other by the fields beside them."""
        if not isinstance(value, dict) or value.get("method") != "embedContent":
            return value
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
    written = plain(spec)
    needs = [need for at, content in _contents(written) for need in text_needs(content, at)]
    source = written.get("input", {})
    if "jsonl" in source:
        needs.append(FileNeed(("input", "jsonl"), source["jsonl"], binary=True, check=LineCheck(_method(written))))
    return tuple(needs)


def _declare(spec: BatchJobSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    return _Declaration(plain(spec), files).finish()


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
    return at[1:] if at[:1] == ("batch",) else at


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
    ]


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
    else:
        places["input",] = _CONFIG
        source = fields["input"]
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
            if (to := relocate(reference.at, places)) != reference.at
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

    def __init__(self, spec: dict[str, Any], files: Files) -> None:
        self._spec, self._files = spec, files
        self._draft = Draft(files)
        self._tally = JobTally(answers=_method(spec) == "generateContent")
        self._longest = 0

    def finish(self) -> Declared:
        spec, draft = self._spec, self._draft
        fields: dict[str, Json] = {"model": spec["model"], "method": _method(spec)}
        generated: tuple[Generated, ...] = ()
        if "requests" in spec:
            fields["requests"] = [self._request(index, entry) for index, entry in enumerate(spec["requests"])]
            self._measure(fields["requests"])
        source = spec.get("input", {})
        if "jsonl" in source:
            fields["input"] = self._input(Address("File", INPUT), ("input", "jsonl"))
            file = {"source": source["jsonl"], "mimeType": _JSONL}
            generated = (Generated("File", INPUT, file, ("input", "jsonl")),)
        elif "fileRef" in source:
            fields["input"] = self._input(Address("File", source["fileRef"]["name"]), ("input", "fileRef", "name"))
        self._check()
        return Declared(
            fields=fields,
            display_name=spec.get("displayName"),
            references=draft.references,
            attachments=draft.attachments,
            sources=draft.sources,
            implied=draft.implied,
            extras={field: spec[field] for field in ("priority", "webhookConfig") if field in spec},
            generated=generated,
            quantities=self._quantities(),
            model=ModelUse(spec["model"].removeprefix("models/"), _CALLS[_method(spec)], ("model",)),
            problems=draft.problems,
        )

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

    def _quantities(self) -> Quantities:
        """Those of a File with requests are unknown: that is a resource of its own, and not read for the job."""
        if "requests" in self._spec:
            return self._tally.quantities(self._draft.tally, self._longest)
        (file,) = self._files.get(("input", "jsonl"), (None,))
        return file.lines.quantities if file and file.lines else _UNMEASURED

    def _input(self, target: Address, written: Path) -> JsonObject:
        return {"fileName": self._draft.refer(Reference(("input", "fileName"), target, "name", written))}

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
        answered=results.answered,
        columns=results.columns,
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
)
