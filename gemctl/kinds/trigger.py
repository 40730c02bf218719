"""Defines Trigger: a schedule by which the service starts an agent, again and again.

The service names it, and shows all of it; its display name, which need not be unique, carries the mark. Only display
name and status can be patched, so all else makes a new trigger: the old one is deleted as soon as the new one is there.
A trigger that was made and not heard of starts agents all the same, which costs: it is found by its mark. The wire is
in snake_case (official SDKs, and published answers of the live service). Imported by the catalogue in
kinds/__init__.py; all common rooms call it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into the mark. tests/core/golden_digests.json pins the form. It is

* a JSON object with those of schedule, timeZone, interaction, environmentId, executionTimeoutSeconds,
  maxConsecutiveFailures and status that the user set;
* `schedule` with one blank between its fields;
* `interaction` with `agent`, the id of the agent also where agentRef names an Agent, so that an edit of that is none of
  the trigger; `input` and `systemInstruction` as `sha256:` and the hex digest of their UTF-8 bytes, wherever they lie;
  `environment` as kinds/parts/environments.py says; `model` in agentConfig without `models/`;
* numbers that are whole as integers; everything else as written, under the API's names in camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.alias_generators import to_camel

from gemctl.core.address import Address
from gemctl.core.call import Answer, Call, Fill, Pages, Reference
from gemctl.core.digest import sha256
from gemctl.core.execution import ShownExecution
from gemctl.core.kind import Act, Collection, FileNeed, Files, History, InDisplayName, Kind, Patch, Remote, Rule
from gemctl.core.lifetime import Scheduled
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark, read, write
from gemctl.core.moment import show_instant
from gemctl.core.quantities import ModelUse
from gemctl.core.resource import Attachment, Declared, Resource
from gemctl.core.schedule import Schedule
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.parts import replies
from gemctl.kinds.parts.contents import whole
from gemctl.kinds.parts.environments import (
    EnvironmentDraft,
    EnvironmentOrName,
    TextOrFile,
    attached,
    environment_body,
    environment_needs,
    environment_shown,
)
from gemctl.schema import cron
from gemctl.schema.scalars import Object, ResourceName, Whole
from gemctl.schema.shape import Shape, branch, complain, optional, refused

_PAGES = Pages("triggers", 1000, "page_size", "page_token", "next_page_token")
COLLECTION = Collection(
    "triggers",
    re.compile(r"triggers/[A-Za-z0-9_-]{1,128}"),
    "trigger",
    _PAGES,
)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_SHOWN = {
    "schedule": "schedule",
    "timeZone": "time_zone",
    "interaction": "interaction",
    "environmentId": "environment_id",
    "executionTimeoutSeconds": "execution_timeout_seconds",
    "maxConsecutiveFailures": "max_consecutive_failures",
    "status": "status",
}
_INTERACTION: Path = ("interaction",)
_AGENT: Path = ("interaction", "agent")
_AGENT_REF: Path = ("interaction", "agentRef")
_ENVIRONMENT: Path = ("interaction", "environment")
_NAMED = ("agentConfig", "tools", "responseFormat")  # whose own names are the API's
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_TEXTS = ("input", "systemInstruction")
_LOOK = "`gemctl trigger executions NAME` shows why; with `status: active` in its manifest an apply starts it again."
_HALTED = {
    "error": f"the service has stopped it, since too many executions failed in a row. {_LOOK}",
    "disabled": f"the service has stopped it. {_LOOK}",
}


def _schedule(value: str) -> str:
    try:
        return cron.checked(value)
    except cron.NoSchedule as wrong:
        raise complain("E278", str(wrong), hint=wrong.hint) from None


def _zone(value: str) -> str:
    try:
        return cron.zone(value)
    except cron.NoSchedule as wrong:
        raise complain("E279", str(wrong), hint=wrong.hint) from None


def _one_agent(value: Any) -> Any:
    given = value.model_fields_set & {"agent", "agent_ref"}
    if len(given) != 1:
        detail = "agent and agentRef are both set." if given else "There is neither agentRef nor agent."
        raise complain("E280", detail, hint="Write agentRef: {name: …} for an Agent of this project, or agent: ID.")
    return value


def _labels(value: dict[str, str]) -> dict[str, str]:
    """Both parts have at most 63 characters, and a key begins with a letter (google-genai 3.6.1)."""
    hint = "Use a-z, 0-9, _ and -, at most 63 characters; a key begins with a letter."
    for key, text in value.items():
        if not _LABEL.fullmatch(key) or not key[0].isalpha():
            raise complain("E209", f"{key!r} can't be the key of a label.", hint=hint, at=(key,))
        if text and not _LABEL.fullmatch(text):
            raise complain("E209", f"{text!r} can't be the value of a label.", hint=hint, at=(key,))
    return value


def _typed(value: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(value.get("type"), str):
        raise complain("E207", "type is required.", hint="Write {type: antigravity, …}, or another type.")
    return value


def _form_of_format(value: Any) -> str:
    return branch("list") if isinstance(value, list) else branch("one")


Typed = Annotated[Object, AfterValidator(_typed)]
Formats = Annotated[
    Annotated[Typed, Tag(branch("one"))] | Annotated[list[Typed], Field(min_length=1), Tag(branch("list"))],
    Discriminator(_form_of_format),
]


class AgentRefShape(Shape):
    """An Agent of this project."""

    name: ResourceName = Field(description="The name in the Agent's metadata.")


_NO_MODEL = "E280 The service starts agents only, and refuses a model: name an agent, whose agentConfig has the model."


class InteractionShape(Shape):
    """What is started: an agent, and what it is told."""

    model_config = ConfigDict(
        protected_namespaces=(),
        json_schema_extra=refused(
            {
                "model": _NO_MODEL,
                "generationConfig": _NO_MODEL,
                "store": "E206 What a trigger starts is always stored, and the service refuses the field.",
                "stream": "E206 Nobody listens when a trigger starts it.",
            }
        ),
    )

    agent_ref: AgentRefShape = optional("An Agent of this project.")
    agent: str = optional(
        "The id of an agent that is not of this project, such as one of the service's own.", min_length=1
    )
    input: TextOrFile = Field(description="What it is told: a text, or {file: path}.")
    system_instruction: TextOrFile = optional("What it is told before that: a text, or {file: path}.")
    agent_config: Typed = optional("Settings of the agent, by its type, such as {type: antigravity, model: …}.")
    environment: EnvironmentOrName = optional(
        "Where it works: remote, the id of an environment, or what is to be in a new one."
    )
    tools: list[Typed] = optional("What it may use besides its own tools.")
    response_format: Formats = optional("The form of its answer, such as {type: text, mimeType: …, schema: …}.")
    service_tier: Literal["flex", "standard", "priority"] = optional("How soon it is answered, at which price.")
    labels: Annotated[dict[str, str], AfterValidator(_labels)] = optional("Pairs of text that its runs carry.")
    previous_interaction_id: str = optional("The id of an interaction that each run goes on from.", min_length=1)


class TriggerSpec(Shape):
    """When the service starts an agent, and with what."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(
                    (
                        "id",
                        "consecutiveFailureCount",
                        "createTime",
                        "updateTime",
                        "lastRunTime",
                        "nextRunTime",
                        "lastPauseTime",
                        "lastResumeTime",
                        "previousInteractionId",
                    ),
                    "E231 The service sets this; it can't be declared.",
                ),
                "displayName": "E206 Its display name, which carries the mark, is the resource's own: metadata.name.",
            }
        ),
    )

    schedule: Annotated[str, AfterValidator(_schedule)] = Field(
        description="When, as cron has it: minute, hour, day of the month, month, day of the week."
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = Field(
        description="The time zone of the schedule, such as Europe/Berlin."
    )
    interaction: Annotated[InteractionShape, AfterValidator(_one_agent)] = Field(description="What is started.")
    environment_id: str = optional("The id of the environment in which it works.", min_length=1)
    execution_timeout_seconds: Whole = optional("How long it may take. The service's default is 600.", ge=1)
    max_consecutive_failures: Whole = optional(
        "After how many failures in a row the service stops it. The service's default is 5.", ge=1
    )
    status: Literal["active", "paused"] = optional(
        "Whether it starts anything. Declared as active, it is also started again after the service has stopped it."
    )


def _files(spec: TriggerSpec) -> tuple[FileNeed, ...]:
    interaction = spec.written["interaction"]
    texts = [
        FileNeed((*_INTERACTION, field, "file"), text["file"])
        for field in _TEXTS
        if isinstance(text := interaction.get(field), dict)
    ]
    return (*texts, *environment_needs(interaction.get("environment"), _ENVIRONMENT))


def _declare(spec: TriggerSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    fields: dict[str, Json] = whole(spec.written)
    interaction: dict[str, Any] = fields["interaction"]
    draft = EnvironmentDraft(_ENVIRONMENT, files)
    target = None
    if "agentRef" in interaction:
        target = Address("Agent", interaction.pop("agentRef")["name"])
        draft.references.append(Reference(_AGENT, target, "id", (*_AGENT_REF, "name"), digested=False))
        interaction["agent"] = ""
    for field in _TEXTS:
        if field in interaction:
            at: Path = (*_INTERACTION, field)
            text = _text(interaction[field], at, files)
            draft.attachments.append(text)
            draft.sources[at] = at if text.text is not None else (*at, "file")
            interaction[field] = text.digest
    if "environment" in interaction:
        interaction["environment"] = whole(draft.form(interaction["environment"]))
    model: ModelUse | None = None
    if named := interaction.get("agentConfig", {}).get("model"):
        interaction["agentConfig"]["model"] = named = str(named).removeprefix("models/")
        model = ModelUse(named, "generateContent", (*_INTERACTION, "agentConfig", "model"))
    return Declared(
        fields,
        references=tuple(draft.references),
        attachments=tuple(draft.attachments),
        sources=MappingProxyType(draft.sources),
        model=model,
        problems=tuple(draft.problems),
        schedule=Schedule(fields["schedule"], fields["timeZone"], target, _paused(fields.get("status"))),
    )


def _text(value: str | Mapping[str, str], at: Path, files: Files) -> Attachment:
    if isinstance(value, str):
        return replace(attached(value), at=at)
    (found,) = files[(*at, "file")]
    return replace(found, at=at)


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST triggers. It takes no status."""
    declared = resource.declared
    body: dict[str, Json] = {
        shown: declared.fields[name] for name, shown in _SHOWN.items() if name in declared.fields and name != "status"
    }
    return Call(
        "POST",
        COLLECTION.path,
        body={**body, "interaction": _sent(body["interaction"]), "display_name": write(resource.display_name, mark)},
        fills=tuple(Fill(_place(fill.at), fill.digest) for fill in declared.fills),
        references=tuple(
            Reference(_place(one.at), one.target, one.output, one.written, digested=False)
            for one in declared.references
        ),
        repeatable=False,
    )


def _sent(form: JsonObject) -> JsonObject:
    """The interaction in the API's names: what lies deeper than here is the user's own, or has names of one word."""
    sent: dict[str, Json] = {}
    for name, value in form.items():
        if name == "environment":
            value = environment_body(value)
        elif name in _NAMED:
            value = _each(value, lambda one: {_snake(key): inner for key, inner in one.items()})
        sent[_snake(name)] = value
    return sent


def _each(value: Json, change: Callable[[JsonObject], JsonObject]) -> Json:
    return [change(replies.entry(one)) for one in value] if isinstance(value, list) else change(replies.entry(value))


def _place(at: Path) -> Path:
    """The place in the body of a text or an id at this place of the form: below them, no name has two words."""
    return tuple(_snake(step) if isinstance(step, str) and depth < 2 else step for depth, step in enumerate(at))


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def _paused(status: Json) -> bool | None:
    return None if status is None else status != "active"


def _patch(name: str, patch: Patch) -> Call:
    """PATCH. A status that is declared no more stays as it is: nobody has asked for a start, which costs."""
    fields = patch.resource.declared.fields
    body = {field: fields[field] for field in patch.fields if field in fields}
    body["display_name"] = write(patch.resource.display_name, patch.mark)
    return Call("PATCH", COLLECTION.named(name), body=body)


def _late(resource: Resource, mark: Mark) -> Call | None:
    """It is made active, whatever is declared."""
    if resource.declared.fields.get("status", "active") == "active":
        return None
    return Call("PATCH", "", body={"status": "paused", "display_name": write(resource.display_name, mark)})


def _read(reply: Json) -> LiveObject:
    entry = replies.entry(reply)
    name, display = (
        COLLECTION.named(f"{COLLECTION.path}/{replies.text(entry, 'id')}"),
        replies.text(entry, "display_name"),
    )
    display_name, mark = read(display)
    status = replies.text(entry, "status")
    texts: dict[str, str] = {}
    fields: dict[str, Json] = {
        "schedule": " ".join(replies.text(entry, "schedule").split()),
        "timeZone": replies.text(entry, "time_zone"),
        "interaction": _interaction(replies.inner(entry, "interaction"), texts),
        "environmentId": replies.text(entry, "environment_id"),
        "executionTimeoutSeconds": replies.count(entry, "execution_timeout_seconds"),
        "maxConsecutiveFailures": replies.count(entry, "max_consecutive_failures"),
        "status": status,
    }
    following = replies.instant(entry, "next_run_time")
    outputs = {"name": name, "id": name.partition("/")[2], "status": status}
    return LiveObject(
        kind="Trigger",
        name=name,
        shown_name=display,
        display_name=display_name,
        mark=mark,
        fields=replies.shown(fields),
        outputs=replies.shown({**outputs, "nextRunTime": following and show_instant(following)}),
        created=replies.instant(entry, "create_time"),
        state=status,
        schedule=Schedule(str(fields["schedule"]), str(fields["timeZone"]), paused=_paused(status)),
        halted=_HALTED.get(status, ""),
        texts=texts,
    )


def _interaction(shown: JsonObject, texts: dict[str, str]) -> JsonObject:
    """The form of an interaction that the service shows; texts go to `texts` by their digests."""
    form: dict[str, Json] = {to_camel(name): value for name, value in shown.items() if value is not None}
    for field in _TEXTS:
        if (text := _told(form.get(field))) is not None:
            form[field] = sha256(text.encode("utf-8", "surrogatepass"))
            texts[str(form[field])] = text
    if "environment" in form:
        form["environment"] = environment_shown(form["environment"], texts)
    for field in _NAMED:
        if field in form:
            form[field] = _each(form[field], lambda one: {to_camel(key): inner for key, inner in one.items()})
    if config := replies.inner(form, "agentConfig"):
        if "model" in config:
            form["agentConfig"] = config = {**config, "model": replies.text(config, "model").removeprefix("models/")}
        if "maxTotalTokens" in config:
            form["agentConfig"] = {**config, "maxTotalTokens": replies.count(config, "maxTotalTokens")}
    return form


def _told(shown: Json) -> str | None:
    """A text, also where it is shown as the one content of the one step that it is. None for anything else."""
    while not isinstance(shown, str):
        match shown:
            case [one]:
                shown = one
            case {"type": "user_input", "content": inner}:
                shown = inner
            case {"type": "text", "text": str(text)}:
                shown = text
            case _:
                return None
    return shown


def _same_status(shown: Json, sent: Json) -> bool:
    """One that is to start nothing is as it should be, also where the service has stopped it."""
    return bool(shown == sent) or (sent == "paused" and shown in _HALTED)


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The body has the API's names, and the form those of manifests; the display name is the resource's own."""
    place = [to_camel(step) if isinstance(step, str) and depth < 2 else step for depth, step in enumerate(at)]
    if not place or place[0] not in _SHOWN:
        return ()
    inner = place[1] if len(place) > 1 else ""
    deep = 4 if inner in _NAMED else 3 if inner == "environment" else 2  # further down are names of the user's
    place[2:deep] = [to_camel(step) if isinstance(step, str) else step for step in place[2:deep]]
    return resource.declared.written(tuple(place))


def _run(resource: Resource, name: str | None) -> Call:
    """POST …/executions. It begins at once, also where the trigger is paused."""
    return Call("POST", f"{COLLECTION.named(name or '')}/executions", repeatable=False, answer=Answer.NOTHING)


def _execution(reply: Json) -> ShownExecution:
    """One execution, from the answer to a run, or from a list."""
    entry = replies.entry(reply)
    return ShownExecution(
        id=replies.named(_ID, replies.text(entry, "id"), "execution"),
        state=replies.text(entry, "status"),
        scheduled=replies.instant(entry, "scheduled_time"),
        began=replies.instant(entry, "start_time"),
        ended=replies.instant(entry, "end_time"),
        made=replies.text(entry, "interaction_id"),
        error=replies.text(entry, "error"),
    )


KIND = Kind(
    name="Trigger",
    spec=TriggerSpec,
    rules=MappingProxyType({**dict.fromkeys(_SHOWN, Rule.IMMUTABLE), "status": Rule.UPDATABLE}),
    lifetime=Scheduled(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, InDisplayName(), _create, _read, _source, patch=_patch, late=_late),
    agrees=MappingProxyType({"status": _same_status}),
    acts=MappingProxyType({"run": Act(_run, began=_execution)}),
    history=History("executions", replace(_PAGES, items="trigger_executions"), _execution),
)
