"""Defines Interaction: one request to a model or an agent that is answered in the background, such as a report that
takes an hour of research.

It is sent once, has no mark, and can't be listed: only the ledger knows its name. Its answer is in what a GET shows,
and stays there for 55 days, or one where nothing is paid (API guide, Interactions). Names of the wire are in
snake_case. Imported by the catalogue in kinds/__init__.py; all common rooms call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the spec tag by which a run is known, for ever: if the form of
one that has been run changed, an upgrade would run it again, and bill it again. tests/core/golden_digests.json pins it.
It is

* a JSON object with `model` or `agent`, without `models/` or `agents/`; of an Agent that is referred to, its id;
* `input` and `systemInstruction` as `sha256:` and the hex digest of their text, whether it stands in the manifest or
  in a file; an `input` in pieces as a list of them, `text` as such a digest, and a `fileRef` as `uri` with the spec tag
  of the File;
* `previousInteractionId` with the spec tag of the interaction that previousRef names, or as written;
* `environment` as kinds/parts/environments.py says;
* fileSearchStoreRefs of a tool as they are written;
* `{"key": …}` under `run` where `run.key` is set, which asks for another run of the same;
* numbers that are whole as integers; everything else as written, under the API's camelCase names.

labels, serviceTier and webhookConfig say how it is run, not what is asked; they are no part of the form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Reference
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.digest import sha256
from gemctl.core.kind import Collection, FileNeed, Files, Kind, Remote, Rule, Unmarked
from gemctl.core.lifetime import Columns, Once, Readable, Results
from gemctl.core.live import Cause, Counts, LiveObject, Phase
from gemctl.core.mark import Mark
from gemctl.core.moment import show_instant
from gemctl.core.quantities import UNKNOWN_TOKENS, ModelUse, Quantities, Tokens
from gemctl.core.resource import Attachment, Declared, Resource
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import VERTEX, Model
from gemctl.kinds.parts import replies
from gemctl.kinds.parts.contents import LINKED, whole
from gemctl.kinds.parts.environments import EnvironmentDraft, EnvironmentOrName, environment_body, environment_needs
from gemctl.kinds.parts.hooks import WebhookConfig, webhook_config
from gemctl.kinds.parts.interactions import (
    AgentConfig,
    GenerationConfigShape,
    Input,
    Instruction,
    Labels,
    ResponseFormat,
    ToolShape,
    old,
)
from gemctl.kinds.parts.results import sums
from gemctl.kinds.parts.sent_media import file_of
from gemctl.kinds.parts.tally import TokenTally, estimated
from gemctl.kinds.parts.token_count import count
from gemctl.schema.scalars import ResourceName
from gemctl.schema.shape import Shape, complain, optional, refused

COLLECTION = Collection("interactions", re.compile(r"interactions/[A-Za-z0-9_=-]{1,512}"), "interaction", None)
KEY = "interaction"  # of the one result that there is
_METHOD = "generateContent"  # models list none for interactions; those that have this one answer them
_AGENT = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_ID = re.compile(r"[A-Za-z0-9_=-]{1,512}")
_APART = ("systemInstruction", "tools")  # an interaction has none of those before it (API guide, Interactions)
_ENVIRONMENT: Path = ("environment",)
_USUAL = {"document": "application/pdf"}  # of media whose type is not said
_EXTRAS = ("labels", "serviceTier")
_FREE = frozenset(
    {"parameters", "schema", "user_metadata", "labels", "result"}
)  # what is below has names of the user's
_USED = (
    "total_input_tokens",
    "total_tool_use_tokens",
    "total_cached_tokens",
    "total_output_tokens",
    "total_thought_tokens",
)

# The ends (API guide, Interactions; the SDK's InteractionStatus), each with what it means for a person.
_DONE = {
    "completed": "",
    "requires_action": "it asks for the result of a function: answer with an Interaction whose previousRef names it, "
    "and whose input is a list of {type: function_result, callId, result}",
    "incomplete": "its answer was cut off at the limit of tokens; what there is was paid for",
    "budget_exceeded": "the agent has used up its budget; what there is was paid for",
    "requires_continuation": "the service asks for a continuation, which gemctl does not send; what there is was "
    "paid for",
}
_WHOLE = ("completed", "requires_action")
_FAILED = {"failed": Cause.FAILED, "cancelled": Cause.CANCELLED}

_OUTPUT = "E231 The service sets this; it can't be declared."
_ALWAYS = "E206 gemctl always sends background: true and store: true; leave it out."


def _agent(value: str) -> str:
    name = value.removeprefix("agents/")
    if not _AGENT.fullmatch(name):
        raise complain("E209", f"{value!r} is not an agent.", hint="Write an id such as deep-research-preview-04-2026.")
    return name


def _id(value: str) -> str:
    name = value.removeprefix(f"{COLLECTION.path}/")
    if not _ID.fullmatch(name):
        raise complain("E209", f"{value!r} is not the id of an interaction.", hint="It looks like v1_….")
    return name


class AgentName(Shape):
    """An Agent of this project, by its name."""

    name: ResourceName = Field(description="The name in the Agent's metadata.")


class InteractionName(Shape):
    """Another Interaction of this project, by its name."""

    name: ResourceName = Field(description="The name in the Interaction's metadata.")


class InteractionSpec(Shape):
    """What is asked, and of which model or agent."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(
                    ("id", "name", "status", "steps", "outputs", "usage", "created", "updated", "environmentId"),
                    _OUTPUT,
                ),
                **dict.fromkeys(("background", "store"), _ALWAYS),
                "stream": "E206 It runs in the background; `gemctl wait` waits for it.",
                "displayName": "E206 Interactions have none; use labels.",
                "contents": old(
                    "Write `input`: a text, {file: path}, or a list of {type: text, text: …} and the like."
                ),
                "role": old("Write what is said now under `input`, and name the turn before with previousRef."),
                "responseModalities": old(
                    "Write responseFormat: {type: image}, {type: audio}, or a list; text needs none."
                ),
                "responseMimeType": old("Write responseFormat: {type: text, mimeType: application/json, schema: …}."),
                "responseSchema": old("Write responseFormat: {type: text, mimeType: application/json, schema: …}."),
                "cachedContent": old("Interactions use no explicit cache; long inputs are cached by the service."),
                "cachedContentRef": old("Interactions use no explicit cache; long inputs are cached by the service."),
                "toolConfig": old("Write generationConfig: {toolChoice: …}."),
                "toolChoice": old("Write generationConfig: {toolChoice: …}."),
                "speechConfig": old("Write generationConfig: {speechConfig: [{voice: …, language: …}]}."),
                "thinkingConfig": old("Write generationConfig: {thinkingLevel: …}."),
                "imageConfig": old("Write responseFormat: {type: image, aspectRatio: …, imageSize: …}."),
                "safetySettings": VERTEX,
                "continuationToken": "E206 gemctl sends no continuations.",
                "previousInteraction": "E206 Write previousRef: {name: …}, or previousInteractionId: v1_….",
            }
        )
    )

    model: Model = optional("The model that answers, such as gemini-3.8-flash.")
    agent: Annotated[str, AfterValidator(_agent)] = optional(
        "An agent of the service, such as deep-research-preview-04-2026, or any other by its id."
    )
    agent_ref: AgentName = optional("An Agent of this project.")
    input: Input = Field(description="What is asked: a text, a file with one, or a list of pieces.")
    system_instruction: Instruction = optional("What holds for the whole answer; no later interaction inherits it.")
    tools: list[ToolShape] = optional("What it may use; no later interaction inherits it.", min_length=1)
    generation_config: GenerationConfigShape = optional("Settings of the model.")
    response_format: ResponseFormat = optional(
        "What is answered: text, JSON by a schema, a picture, speech, or several."
    )
    agent_config: AgentConfig = optional("Settings of the agent.")
    environment: EnvironmentOrName = optional(
        "Where the agent works: remote, the id of an environment, or what is to be in a new one."
    )
    previous_ref: InteractionName = optional("An Interaction of this project that this one carries on.")
    previous_interaction_id: Annotated[str, AfterValidator(_id)] = optional("The id of any other, likewise.")
    service_tier: Literal["flex", "standard", "priority", "deferred"] = optional("How soon it is answered.")
    labels: Labels = optional("Pairs of text for bills and logs.")
    webhook_config: WebhookConfig = optional("Addresses that the service calls when it has ended.")

    @model_validator(mode="after")
    def _who(self) -> InteractionSpec:
        given = [name for name in ("model", "agent", "agent_ref") if name in self.model_fields_set]
        if len(given) != 1:
            shown = " and ".join({"agent_ref": "agentRef"}.get(name, name) for name in given)
            detail = f"{shown} are set." if given else "There is neither model nor agent nor agentRef."
            at: Path = ({"agent_ref": "agentRef"}.get(given[1], given[1]),) if given else ()
            raise complain("E283", detail, hint="Write one of the three.", at=at)
        agents = given != ["model"]
        for name, fits in (("agentConfig", agents), ("environment", agents), ("generationConfig", not agents)):
            field = {"agentConfig": "agent_config", "generationConfig": "generation_config"}.get(name, name)
            if field in self.model_fields_set and not fits:
                owner = "an agent" if not agents else "a model"
                raise complain("E283", f"{name} goes with {owner}, and here is none.", at=(name,))
        if {"previous_ref", "previous_interaction_id"} <= self.model_fields_set:
            detail = "previousRef and previousInteractionId are both set."
            raise complain("E286", detail, hint="Write one of the two.", at=("previousInteractionId",))
        return self


def _texts(spec: Mapping[str, Any]) -> Iterator[Path]:
    """The places of all texts that may stand in files."""
    if isinstance(spec["input"], list):
        yield from (("input", index) for index, piece in enumerate(spec["input"]) if piece["type"] == "text")
    else:
        yield ("input",)
    if "systemInstruction" in spec:
        yield ("systemInstruction",)


def _files(spec: InteractionSpec) -> tuple[FileNeed, ...]:
    """Every text in a file."""
    written = spec.written
    texts = (
        FileNeed((*at, "file"), value["file"], count=count)
        for at in _texts(written)
        if isinstance(value := _at(written, at), dict) and "file" in value
    )
    return (*texts, *environment_needs(written.get("environment"), _ENVIRONMENT))


def _at(value: Any, at: Path) -> Any:
    for step in at:
        value = value[step]
    return value


def _declare(spec: InteractionSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    return _Declaration(spec.written, files).finish()


class _Declaration:
    """The canonical form in the making."""

    def __init__(self, spec: Mapping[str, Any], files: Files) -> None:
        self._spec, self._files, self._tally = spec, files, TokenTally()
        self._attachments: list[Attachment] = []
        self._references: list[Reference] = []
        self._sources: dict[Path, Path] = {}
        self._problems: list[tuple[Path, Diagnostic]] = []

    def finish(self) -> Declared:
        spec = self._spec
        fields: dict[str, Json] = {}
        makers: Mapping[str, Callable[[Any], Json]] = {
            "model": lambda value: value.removeprefix("models/"),
            "environment": self._environment,
            "input": self._input,
            "systemInstruction": lambda value: self._text(value, ("systemInstruction",), ("systemInstruction",)),
            "tools": lambda value: [self._tool(index, tool) for index, tool in enumerate(value)],
        }
        for name, value in spec.items():
            if name in ("agentRef", "previousRef", "webhookConfig", *_EXTRAS):
                continue
            fields[name] = makers.get(name, whole)(value)
        if "responseFormat" in fields:
            self._tally.value(fields["responseFormat"])
        if "agentRef" in spec:
            fields["agent"] = self._refer(("agent",), Address("Agent", spec["agentRef"]["name"]), ("agentRef", "name"))
        if "previousRef" in spec:
            fields["previousInteractionId"] = self._previous(spec["previousRef"]["name"])
        extras: dict[str, Json] = {name: spec[name] for name in _EXTRAS if name in spec}
        if "webhookConfig" in spec:
            extras["webhookConfig"], hooks = webhook_config(spec["webhookConfig"])
            self._references += hooks
        return Declared(
            fields=fields,
            references=tuple(self._references),
            attachments=tuple(self._attachments),
            sources=MappingProxyType(self._sources),
            extras=extras,
            quantities=self._quantities(),
            model=ModelUse(str(fields["model"]), _METHOD, ("model",)) if "model" in fields else None,
            problems=tuple(self._problems),
        )

    def _quantities(self) -> Quantities:
        """What an agent will read and write nobody knows; nor what earlier turns hold, which are sent again."""
        if "model" not in self._spec:
            return Quantities(input=UNKNOWN_TOKENS, output=UNKNOWN_TOKENS, longest=UNKNOWN_TOKENS, requests=1)
        first = self._spec.keys().isdisjoint(("previousRef", "previousInteractionId"))
        sent = estimated(self._tally.count, self._tally.known and first)
        most = self._spec.get("generationConfig", {}).get("maxOutputTokens")
        return Quantities(
            input=sent, output=Tokens(most or 0, 0, most), longest=sent, media=self._tally.media, requests=1
        )

    def _refer(self, to: Path, target: Address, written: Path) -> str:
        self._sources[to] = written
        self._references.append(Reference(to, target, "id", written, digested=False))
        return LINKED

    def _environment(self, value: Any) -> Json:
        draft = EnvironmentDraft(_ENVIRONMENT, self._files)
        form = whole(draft.form(value))
        self._attachments += draft.attachments
        self._references += draft.references
        self._sources |= draft.sources
        self._problems += draft.problems
        return form

    def _previous(self, name: str) -> str:
        to: Path = ("previousInteractionId",)
        written: Path = ("previousRef", "name")
        self._sources[to] = written
        target = Address("Interaction", name)
        self._references.append(Reference(to, target, "id", written, apart=_APART))
        return LINKED

    def _input(self, value: Any) -> Json:
        if not isinstance(value, list):
            return self._text(value, ("input",), ("input",))
        return [self._piece(piece, ("input", index)) for index, piece in enumerate(value)]

    def _text(self, value: Any, at: Path, to: Path) -> str:
        """A text, written here or in a file, as its digest."""
        if isinstance(value, str):
            data = value.encode("utf-8")
            found, place = Attachment(sha256(data), len(data), text=value, tokens=count(value)), at
        else:
            place = (*at, "file")
            (found,) = self._files[place]
        if not found.size:
            named = f"{found.path} is empty." if found.path else "The text is empty."
            self._problems.append((place, problem("W211", named)))
        if place != to:
            self._sources[to] = place
        self._attachments.append(replace(found, at=to))
        self._tally.text(found.tokens)
        return found.digest

    def _piece(self, piece: dict[str, Any], at: Path) -> JsonObject:
        rest: dict[str, Json] = {
            name: value for name, value in piece.items() if name not in ("text", "file", "fileRef")
        }
        if piece["type"] == "text":
            written = piece.get("text", piece)
            place: Path = (*at, "text") if "text" in piece else at
            return {**rest, "text": self._text(written, place, (*at, "text"))}
        if piece["type"] == "function_result":
            self._tally.value(piece["result"])
            return {**rest, "result": whole(piece["result"])}
        self._tally.file(piece.get("mimeType") or _USUAL.get(piece["type"], f"{piece['type']}/*"))
        if "fileRef" not in piece:
            return rest
        target, written_at = Address("File", piece["fileRef"]["name"]), (*at, "fileRef", "name")
        self._sources[(*at, "uri")] = (*at, "fileRef")
        self._references.append(Reference((*at, "uri"), target, "uri", written_at))
        if "mimeType" not in piece:
            self._references.append(Reference((*at, "mimeType"), target, "mimeType", written_at, digested=False))
        return {**rest, "uri": LINKED}

    def _tool(self, index: int, tool: dict[str, Any]) -> JsonObject:
        form: JsonObject = {name: whole(value) for name, value in tool.items()}
        self._tally.value(form)
        named = len(tool.get("fileSearchStoreNames", ()))
        for number, store in enumerate(tool.get("fileSearchStoreRefs", ())):
            to: Path = ("tools", index, "fileSearchStoreNames", named + number)
            written: Path = ("tools", index, "fileSearchStoreRefs", number, "name")
            target = Address("FileSearchStore", store["name"])
            self._references.append(Reference(to, target, "name", written, digested=False))
        return form


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST interactions, in the background, and stored: sent once, as the same again is another one, and paid again."""
    declared = resource.declared
    fields = dict(declared.fields)
    fields.pop("run", None)
    machine = fields.pop("environment", None)
    if "tools" in fields:
        fields["tools"] = [_with_stores(tool) for tool in fields["tools"]]
    if _in_pieces(declared.fields):
        fields["input"] = [{"type": "user_input", "content": fields["input"]}]
    body = {**_sent({**fields, **declared.extras}), "background": True, "store": True}
    if machine is not None:
        body["environment"] = environment_body(machine)
    return Call(
        "POST",
        COLLECTION.path,
        body=body,
        fills=tuple(Fill(_place(fill.at, resource), fill.digest) for fill in declared.fills),
        references=tuple(
            replace(one, at=_place(one.at, resource), written=one.written or one.at) for one in declared.references
        ),
        repeatable=False,
    )


def _with_stores(tool: JsonObject) -> JsonObject:
    """A tool with room for the names of the stores that it refers to."""
    if "fileSearchStoreRefs" not in tool:
        return tool
    rest = {name: value for name, value in tool.items() if name != "fileSearchStoreRefs"}
    room = [str(Address("FileSearchStore", one["name"])) for one in tool["fileSearchStoreRefs"]]
    return {**rest, "fileSearchStoreNames": [*tool.get("fileSearchStoreNames", ()), *room]}


def _in_pieces(fields: JsonObject) -> bool:
    """Whether the input is a list of what a user says; results of functions are steps of their own."""
    given = fields["input"]
    return isinstance(given, list) and given[0].get("type") != "function_result"


def _sent(value: Any) -> Any:
    """A value of the form with the names of the wire."""
    if isinstance(value, Mapping):
        named = {_snake(name): item for name, item in value.items()}
        return {name: item if name in _FREE else _sent(item) for name, item in named.items()}
    return [_sent(item) for item in value] if isinstance(value, list) else value


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(piece[:1].upper() + piece[1:] for piece in rest)


def _named(at: Path, change: Callable[[str], str]) -> Path:
    """The path with other names, as far as they are the API's."""
    found: list[str | int] = []
    for index, step in enumerate(at):
        found.append(change(step) if isinstance(step, str) else step)
        if isinstance(step, str) and _snake(step) in _FREE:
            return (*found, *at[index + 1 :])
    return tuple(found)


def _place(at: Path, resource: Resource) -> Path:
    """The path in the body of what stands at this path of the form."""
    if at[:1] == _ENVIRONMENT:
        return at
    if at[:1] == ("input",) and len(at) > 1 and _in_pieces(resource.declared.fields):
        at = ("input", 0, "content", *at[1:])
    return _named(at, _snake)


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The body has the names of the wire, and what a user says in one step of the input."""
    if not at:  # what is not there may be any that is named, but in nearly all cases it is who should answer
        worker: Path = next((name,) for name in ("model", "agent") if name in resource.declared.fields)
        return resource.declared.written(worker)
    if at[0] in ("background", "store"):
        return ()
    if at[:1] == _ENVIRONMENT:
        return resource.declared.written((*_named(at[:2], _camel), *at[2:]))
    if at[:1] == ("input",) and _in_pieces(resource.declared.fields):
        at = ("input", *at[3:])
    return resource.declared.written(_named(at, _camel))


def _read(reply: Json) -> LiveObject:
    """One interaction. It carries its answer as long as it is there."""
    entry = replies.entry(reply)
    id_ = replies.text(entry, "id")
    name, state = COLLECTION.named(f"{COLLECTION.path}/{id_}"), replies.text(entry, "status")
    created, updated = replies.instant(entry, "created"), replies.instant(entry, "updated")
    cause = _FAILED.get(state)
    phase = Phase.READY if state in _DONE else Phase.FAILED if cause else Phase.WAITING
    model, agent = replies.text(entry, "model").removeprefix("models/"), replies.text(entry, "agent")
    ended = updated if phase is not Phase.WAITING else None
    outputs = {
        "name": name,
        "id": id_,
        "state": state,
        "model": model,
        "agent": agent,
        "environmentId": replies.text(entry, "environment_id"),
        "createTime": created and show_instant(created),
        "endTime": ended and show_instant(ended),
        "error": _why(entry) if cause else None,
    }
    return LiveObject(
        kind="Interaction",
        name=name,
        shown_name="",
        display_name="",
        mark=None,
        fields=replies.shown({"model": model, "agent": agent.removeprefix("agents/")}),
        outputs=replies.shown(outputs),
        created=created,
        updated=updated,
        phase=phase,
        state=state,
        why=_why(entry) if cause else _DONE.get(state, ""),
        ended=ended,
        cause=cause,
        carries_results=phase is Phase.READY,
        counts=Counts(1, int(state in _WHOLE), int(state not in _WHOLE)) if phase is Phase.READY else None,
        model=model,
    )


def _why(entry: JsonObject) -> str:
    """What the service says of a failure: of the interaction, or of a step of it."""
    said = [replies.text(replies.entry(one), "message") for one in replies.listed(entry, "errors")]
    steps = (replies.entry(step) for step in replies.listed(entry, "steps"))
    said += [replies.text(replies.inner(step, "error"), "message") for step in steps]
    return "; ".join(filter(None, [replies.text(replies.inner(entry, "error"), "message"), *said]))


def _results(reply: Json) -> Results:
    entry = replies.entry(reply)
    if replies.text(entry, "status") not in _DONE:
        return Results()
    return Results(inline=({"key": KEY, "response": entry},))


def _result(line: JsonObject) -> JsonObject:
    return line


def _keys(resource: Resource) -> tuple[str, ...] | None:
    return (KEY,)


def _answered(response: Json) -> bool:
    return isinstance(response, Mapping) and response.get("status") in _WHOLE


def _said(response: Json) -> list[JsonObject]:
    """The pieces of the last thing that was answered."""
    steps = response.get("steps") if isinstance(response, Mapping) else None
    given = [one for one in steps if isinstance(one, Mapping)] if isinstance(steps, list) else []
    last = next((one for one in reversed(given) if one.get("type") == "model_output"), {})
    content = last.get("content")
    return [one for one in content if isinstance(one, Mapping)] if isinstance(content, list) else []


def _document(response: Json) -> Readable:
    """The texts of the answer, one after the other, and its media, as far as they came with it."""
    pieces = _said(response)
    texts = [one["text"] for one in pieces if one.get("type") == "text" and isinstance(one.get("text"), str)]
    return Readable("".join(texts), tuple(found for one in pieces if (found := file_of(one))))


def _columns(response: Json) -> Columns:
    state = response.get("status") if isinstance(response, Mapping) else None
    return Columns(_document(response).text or None, state if isinstance(state, str) else None)


def _counts(saved: JsonObject) -> tuple[int, ...] | None:
    """The numbers that `sums` adds up; none where the service shows none. Thoughts are no part of its output tokens."""
    response = saved.get("response")
    if not isinstance(response, Mapping):
        return None
    usage = response.get("usage")
    shown = [usage.get(name) for name in _USED] if isinstance(usage, Mapping) else []
    if not any(type(number) is int for number in shown) or not all(
        number is None or (type(number) is int and 0 <= number < 2**63) for number in shown
    ):
        return ()
    return tuple(number or 0 for number in shown)


def _usage(saved: JsonObject) -> Any:
    found = _counts(saved)
    if found is None:
        return None
    used, long = sums((found,))
    return (long, True) if long.requests else (used, False)


def _cancel(name: str) -> Call:
    """POST …/cancel. One that has ended can't be cancelled, and stays as it is."""
    return Call("POST", f"{COLLECTION.named(name)}/cancel", answer=Answer.NOTHING)


_INPUT_ONLY = (
    "agentRef",
    "input",
    "systemInstruction",
    "tools",
    "generationConfig",
    "responseFormat",
    "agentConfig",
    "environment",
    "previousRef",
    "previousInteractionId",
)

KIND = Kind(
    name="Interaction",
    spec=InteractionSpec,
    rules=MappingProxyType(
        {
            "model": Rule.IMMUTABLE,
            "agent": Rule.IMMUTABLE,
            **dict.fromkeys(_INPUT_ONLY, Rule.INPUT_ONLY),
            **dict.fromkeys((*_EXTRAS, "webhookConfig"), Rule.UNCOMPARED),
        }
    ),
    lifetime=Once(
        usual=timedelta(hours=1),  # research is given up after that (API guide, Deep Research)
        longest=timedelta(hours=24),  # nothing is shown for longer where nothing is paid (API guide, Interactions)
        results=_results,
        result=_result,
        keys=_keys,
        cancel=_cancel,
        usage=_usage,
        counts=_counts,
        sums=sums,
        answered=_answered,
        columns=_columns,
        document=_document,
        reads=timedelta(hours=2),
    ),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, Unmarked(), _create, _read, _source),
    blanks=MappingProxyType({"input": "what was asked"}),
    agrees=MappingProxyType({"model": replies.same_model}),
)
