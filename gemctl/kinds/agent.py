"""Defines Agent: instructions, tools and an environment under an id that the user chooses, on top of another agent.

The service shows all of it again and can change nothing (official SDKs: there is no PATCH), so that an edited agent is
deleted and made anew under its id. It carries no mark. Agents of the service itself can be the base of others and are
neither shown nor made. The wire is in snake_case. Imported by the catalogue in kinds/__init__.py; all common rooms call
it through `Kind`.

THE CANONICAL FORM g1. `Declared.fields` is hashed into what the ledger compares. tests/core/golden_digests.json pins
the form. It is

* a JSON object with `id`, which is the name of the resource where the user wrote none, and with those of baseAgent,
  baseEnvironment, agentConfig, systemInstruction, description and tools that the user set;
* `baseAgent` as an id, also where baseAgentRef names an Agent;
* `baseEnvironment` as kinds/parts/environments.py says;
* `systemInstruction` as `sha256:` and the hex digest of its UTF-8 bytes, wherever it lies;
* `model` in agentConfig without `models/`; numbers that are whole as integers;
* everything else as written, under the API's names in camelCase.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.alias_generators import to_camel

from gemctl.core.address import Address
from gemctl.core.call import Call, Fill, Pages, Reference
from gemctl.core.digest import sha256
from gemctl.core.kind import Chosen, Collection, FileNeed, Files, Kind, Remote, Rule, holds
from gemctl.core.lifetime import Forever
from gemctl.core.live import LiveObject
from gemctl.core.mark import Mark
from gemctl.core.moment import show_instant
from gemctl.core.quantities import ModelUse
from gemctl.core.resource import Attachment, Declared, Resource
from gemctl.core.secret import looks_secret
from gemctl.core.source import Json, JsonObject, Path
from gemctl.kinds.api_types import VERTEX, Model
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
    same_environment,
    without_secrets,
)
from gemctl.schema.scalars import Object, ResourceName, Whole64
from gemctl.schema.shape import Shape, branch, complain, optional, refused

COLLECTION = Collection(
    "agents",
    re.compile(r"agents/[A-Za-z0-9$][A-Za-z0-9$_.-]{0,127}"),  # others may have chosen ids that a new one can't have
    "agent",
    Pages("agents", 1000, "page_size", "page_token", "next_page_token"),
)
_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)  # Vertex AI's documents; this API's say nothing
_BUILT_IN = re.compile(r"(?:antigravity|deep-research|code-mender)(?:-[a-z0-9]+)*-preview-[0-9]{2}-20[0-9]{2}")
_FIELDS = {
    "id": "id",
    "baseAgent": "base_agent",
    "baseEnvironment": "base_environment",
    "agentConfig": "agent_config",
    "systemInstruction": "system_instruction",
    "description": "description",
    "tools": "tools",
}


def _own_id(value: str) -> str:
    if _BUILT_IN.fullmatch(value):
        hint = "Choose another id, and write this one as baseAgent."
        raise complain("E272", f"{value} is an agent of the service, which nobody can make or change.", hint=hint)
    if not _ID.fullmatch(value):
        hint = "Use a-z, 0-9 and -, at most 63 characters, a letter first. Without spec.id it is metadata.name."
        raise complain("E209", f"{value!r} can't be the id of an agent.", hint=hint)
    return value


def _base(value: str) -> str:
    name = _bare(value)
    if not COLLECTION.name.fullmatch(f"agents/{name}"):
        raise complain("E209", f"{value!r} is no agent.", hint="Write an id such as antigravity-preview-09-2026.")
    return name


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if looks_secret(name, text):
            detail = f"The value of {name} looks like a secret: it would stand in manifests, plans and states."
            hint = "Let the environment sign in: allow the server's domain in network, with credentialRef."
            raise complain("E275", detail, hint=hint, at=(name,))
    return value


class AgentFork(Shape):
    """An Agent of this project, by its name."""

    name: ResourceName = Field(description="The name in the Agent's metadata.")


class AntigravityConfig(Shape):
    """How an agent of this type works."""

    type: Literal["antigravity"] = Field(description="The type.")
    model: Model = optional("The model that it thinks with, such as gemini-3.8-flash.")
    max_total_tokens: Whole64 = optional("How many tokens a run may use, in all.", ge=1)


class DeepResearchConfig(Shape):
    """How an agent of this type works."""

    model_config = ConfigDict(json_schema_extra=refused({"enableBigqueryTool": VERTEX}))

    type: Literal["deep-research"] = Field(description="The type.")
    thinking_summaries: Literal["auto", "none"] = optional("Whether summaries of its thoughts are shown.")
    visualization: Literal["off", "auto"] = optional("Whether it makes pictures.")
    collaborative_planning: bool = optional("Whether it shows a plan first, and waits for an answer.")


_CONFIGS = ("antigravity", "deep-research")


def _config_type(value: Any) -> str:
    named = value.get("type") if isinstance(value, dict) else None
    return branch(named if named in _CONFIGS else _CONFIGS[0])


AgentConfig = Annotated[
    Annotated[AntigravityConfig, Tag(branch("antigravity"))]
    | Annotated[DeepResearchConfig, Tag(branch("deep-research"))],
    Discriminator(_config_type),
]


class AllowedAgentTools(Shape):
    """Tools of a server that may be used."""

    mode: Literal["auto", "any", "none", "validated"] = optional("How freely they are called.")
    tools: list[str] = optional("Their names.")


class AgentTool(Shape):
    """A tool that it may use."""

    model_config = ConfigDict(protected_namespaces=())

    type: Literal["code_execution", "url_context", "google_search", "mcp_server", "function"] = Field(
        description="What it is."
    )
    search_types: list[Literal["web_search", "image_search", "enterprise_web_search"]] = optional(
        "google_search: what is searched."
    )
    name: str = optional("mcp_server, function: its name.", min_length=1)
    url: str = optional("mcp_server: its address.", pattern=r"^https?://[^\s@]+$")
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = optional(
        "mcp_server: headers that are sent: no secrets."
    )
    allowed_tools: list[AllowedAgentTools] = optional("mcp_server: the tools that may be used.")
    description: str = optional("function: what it does; the model reads this.")
    short_description: str = optional("function: the same in a few words, where loading is deferred.")
    parameters: Object = optional("function: its parameters, as JSON Schema.")
    defer_loading: bool = optional("mcp_server, function: whether it is looked up when it is needed.")

    @model_validator(mode="after")
    def _of_its_type(self) -> AgentTool:
        needed, more = _TOOLS[self.type]
        given = {name for name in self.model_fields_set if name != "type"}
        if wrong := sorted(given - {*needed, *more}):
            raise complain("E206", f"A tool of type {self.type} has no {to_camel(wrong[0])}.", at=(to_camel(wrong[0]),))
        if missing := [name for name in needed if name not in given]:
            raise complain("E207", f"{to_camel(missing[0])} is required for a tool of type {self.type}.")
        return self


# type → the fields that it needs, and those that it may have besides
_TOOLS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "code_execution": ((), ()),
    "url_context": ((), ()),
    "google_search": ((), ("search_types",)),
    "mcp_server": (("name", "url"), ("headers", "allowed_tools", "defer_loading")),
    "function": (("name",), ("description", "short_description", "parameters", "defer_loading")),
}


class AgentSpec(Shape):
    """What an agent is told, what it may use, and where it works."""

    model_config = ConfigDict(
        json_schema_extra=refused(
            {
                **dict.fromkeys(("object", "created", "updated"), "E231 The service sets this; it can't be declared."),
                **dict.fromkeys(("name", "displayName"), "E206 An agent is known by its id alone; write description."),
                "model": "E206 The model stands in agentConfig: {type: antigravity, model: …}.",
                "instructions": "E206 The field is called systemInstruction.",
                "environment": "E206 The field is called baseEnvironment.",
            }
        )
    )

    id: Annotated[str, AfterValidator(_own_id)] = optional(
        "The id by which programs call it; the name of this resource where nothing is said."
    )
    base_agent: Annotated[str, AfterValidator(_base)] = optional(
        "The agent that it is made of, by its id: one of the service, such as antigravity-preview-09-2026, or another."
    )
    base_agent_ref: AgentFork = optional("An Agent of this project, in place of baseAgent.")
    base_environment: EnvironmentOrName = optional(
        "Where it works: remote, the id of an environment, or what is to be in a new one."
    )
    agent_config: AgentConfig = optional("How it works: the model, and how many tokens a run may use.")
    system_instruction: TextOrFile = optional("What it is told before everything else: a text, or {file: path}.")
    description: str = optional("What it is for, for people.")
    tools: list[AgentTool] = optional("What it may use.")

    @model_validator(mode="after")
    def _one_base(self) -> AgentSpec:
        given = self.model_fields_set & {"base_agent", "base_agent_ref"}
        if len(given) != 1:
            said = "both set" if given else "both missing"
            raise complain("E207", f"baseAgent and baseAgentRef are {said}.", hint="Write one of the two.")
        return self


_ENVIRONMENT: Path = ("baseEnvironment",)
_INSTRUCTION: Path = ("systemInstruction",)


def _files(spec: AgentSpec) -> tuple[FileNeed, ...]:
    written = spec.written
    needs = list(environment_needs(written.get("baseEnvironment"), _ENVIRONMENT))
    if isinstance(told := written.get("systemInstruction"), dict):
        needs.append(FileNeed((*_INSTRUCTION, "file"), told["file"]))
    return tuple(needs)


def _declare(spec: AgentSpec, files: Files) -> Declared:
    """The canonical form g1; see the module's docstring."""
    written = spec.written
    fields: dict[str, Json] = {name: whole(written[name]) for name in ("id", "description", "tools") if name in written}
    draft = EnvironmentDraft(_ENVIRONMENT, files)
    references: list[Reference] = []
    model: ModelUse | None = None
    if "baseAgentRef" in written:
        target = Address("Agent", written["baseAgentRef"]["name"])
        references.append(Reference(("baseAgent",), target, "id", ("baseAgentRef", "name"), digested=False))
    fields["baseAgent"] = written.get("baseAgent", "")
    if "baseEnvironment" in written:
        fields["baseEnvironment"] = whole(draft.form(written["baseEnvironment"]))
    if "agentConfig" in written:
        fields["agentConfig"] = config = whole(written["agentConfig"])
        if "model" in config:
            config["model"] = config["model"].removeprefix("models/")
            model = ModelUse(config["model"], "generateContent", ("agentConfig", "model"))
    if "systemInstruction" in written:
        text, at = _told(written["systemInstruction"], files)
        fields["systemInstruction"] = text.digest
        draft.attachments.append(Attachment(text.digest, text.size, text.path, text.text, at=_INSTRUCTION))
        draft.sources[_INSTRUCTION] = at
    return Declared(
        fields,
        references=(*references, *draft.references),
        attachments=tuple(draft.attachments),
        sources=MappingProxyType(draft.sources),
        model=model,
        problems=tuple(draft.problems),
    )


def _told(value: Any, files: Files) -> tuple[Attachment, Path]:
    """The instruction, and its place in the spec."""
    if isinstance(value, str):
        return attached(value), _INSTRUCTION
    at: Path = (*_INSTRUCTION, "file")
    (text,) = files[at]
    return text, at


def _name(resource: Resource) -> str:
    return f"{COLLECTION.path}/{resource.declared.fields['id']}"


def _create(resource: Resource, mark: Mark, attempt: int) -> Call:
    """POST agents. Its names have words between underscores; the paths below are the same."""
    declared = resource.declared
    body = {_FIELDS[name]: value for name, value in declared.fields.items()}
    if "baseEnvironment" in declared.fields:
        body["base_environment"] = environment_body(declared.fields["baseEnvironment"])
    if "agentConfig" in declared.fields:
        body["agent_config"] = _snake(declared.fields["agentConfig"])
    if "tools" in declared.fields:
        body["tools"] = [_snake(tool) for tool in declared.fields["tools"]]
    return Call(
        "POST",
        COLLECTION.path,
        body=body,
        fills=tuple(Fill(_sent(fill.at), fill.digest) for fill in declared.fills),
        references=tuple(
            Reference(_sent(one.at), one.target, one.output, one.written, digested=False) for one in declared.references
        ),
        repeatable=False,
    )


def _sent(at: Path) -> Path:
    """The place in the body of a value at this place of the form."""
    return (_FIELDS[str(at[0])], *at[1:])


def _snake(value: JsonObject) -> JsonObject:
    """The names of the API, on this level: what lies deeper is the users' own, or has names of one word."""
    return {re.sub(r"([A-Z])", r"_\1", name).lower(): inner for name, inner in value.items()}


def _camel(value: Json, what: str) -> dict[str, Json]:
    return {to_camel(name): inner for name, inner in replies.entry(value, what).items() if inner is not None}


def _config(shown: JsonObject) -> dict[str, Json]:
    config = _camel(shown, "agent_config")
    if "model" in config:
        config["model"] = replies.text(config, "model").removeprefix("models/")
    if "maxTotalTokens" in config:
        config["maxTotalTokens"] = replies.count(config, "maxTotalTokens")
    return config


def _tool(shown: Json) -> dict[str, Json]:
    tool = _camel(shown, "A tool")
    return {**tool, "headers": without_secrets(replies.inner(tool, "headers"))} if "headers" in tool else tool


def _bare(agent: str) -> str:
    return agent.removeprefix(f"{COLLECTION.path}/")


def _read(reply: Json) -> LiveObject:
    """One agent, from a list, a create or a get. Raises TypeError or ValueError for another shape."""
    entry = replies.entry(reply)
    own, told = replies.text(entry, "id"), replies.text(entry, "system_instruction")
    name = COLLECTION.named(f"{COLLECTION.path}/{own}")
    texts: dict[str, str] = {sha256(told.encode("utf-8", "surrogatepass")): told} if told else {}
    environment, config = entry.get("base_environment"), _config(replies.inner(entry, "agent_config"))
    fields: dict[str, Json] = {
        "id": own,
        "baseAgent": _bare(replies.text(entry, "base_agent")),
        "systemInstruction": next(iter(texts), ""),
        "description": replies.text(entry, "description"),
        "agentConfig": config,
        "baseEnvironment": {} if environment is None else environment_shown(environment, texts),
        "tools": [_tool(tool) for tool in replies.listed(entry, "tools")],
    }
    created, updated = replies.instant(entry, "created"), replies.instant(entry, "updated")
    outputs = {"name": name, "id": own, "baseAgent": fields["baseAgent"], "created": created and show_instant(created)}
    return LiveObject(
        kind="Agent",
        name=name,
        shown_name=own,
        display_name=own,
        mark=None,
        fields=fields,
        outputs=replies.shown(outputs),
        created=created,
        updated=updated,
        model=config.get("model", ""),
        texts=texts,
    )


def _same_tools(shown: Json, sent: Json) -> bool:
    """Whether the shown tools are those that were sent. The service may say more of them; but the headers that a server
    gets, and the tools of it that may be used, are all there is of these.
    """
    return holds(shown, sent) and all(
        (one.get(name) or None) == (other.get(name) or None)
        for one, other in zip(shown, sent, strict=True)
        for name in ("headers", "allowedTools")
    )


def _source(resource: Resource, call: Call, at: Path) -> Path:
    """The body has the API's names, and the form those of manifests."""
    if not at:
        return ()
    spelt = {sent: name for name, sent in _FIELDS.items()}
    first = spelt.get(str(at[0]))
    if first is None:
        return ()
    rest = tuple(to_camel(step) if isinstance(step, str) and step in _OF_TWO_WORDS else step for step in at[1:])
    return resource.declared.written((first, *rest))


_OF_TWO_WORDS = frozenset(
    {
        "max_total_tokens", "thinking_summaries", "collaborative_planning", "environment_id", "custom_config",
        "search_types", "allowed_tools", "defer_loading", "short_description",
    }
)  # fmt: skip


KIND = Kind(
    name="Agent",
    spec=AgentSpec,
    rules=MappingProxyType({**dict.fromkeys(_FIELDS, Rule.IMMUTABLE), "baseAgentRef": Rule.UNCOMPARED}),
    lifetime=Forever(),
    files=_files,
    declare=_declare,
    remote=Remote(COLLECTION, Chosen(_name, own="id"), _create, _read, _source),
    agrees=MappingProxyType({"baseEnvironment": same_environment, "tools": _same_tools}),
)
