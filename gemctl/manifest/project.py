"""Reads gemctl.yaml, the project file, strictly. Called by `load` and by workflows/wiring.py, which chooses a stack.

A project file may come from a pull request. It can choose stacks, variables and limits, but no host, no key and no
command: those come from the user's own environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.money import parse_dollars
from gemctl.core.project import Endpoint, JobLimits, Move, Project, Safety, Stack, Timing
from gemctl.core.source import Json, JsonObject, Path, Span
from gemctl.manifest.places import State, state_place
from gemctl.manifest.refs import VARIABLE_PATTERN
from gemctl.manifest.yaml import Document, as_typed
from gemctl.schema.scalars import Duration, ResourceName
from gemctl.schema.shape import Shape, complain, optional, refused
from gemctl.schema.spelling import did_you_mean
from gemctl.schema.validation import PROJECT, explain

# The service is gemctl's own: a keyring holds other secrets, which a pull request must not have sent anywhere.
KEYRING_PATTERN = r"gemctl(?:-[a-z0-9-]{1,32})?/[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"

_NO_HOST = "E014 Only the environment variable GOOGLE_GEMINI_BASE_URL can choose where requests and your key are sent."
_NO_VERTEX = "E015 Vertex AI is not supported; gemctl talks to the Gemini Developer API with an API key."
_HOSTS = ("baseUrl", "baseURL", "base_url", "host", "url", "uri", "apiEndpoint", "endpointUrl", "httpOptions", "proxy")
_VERTEX = ("vertexai", "vertexAi", "vertex", "location", "region", "credentials")
_FOREIGN = refused(dict.fromkeys(_HOSTS, _NO_HOST) | dict.fromkeys(_VERTEX, _NO_VERTEX))


def _endpoint(value: Any) -> Any:
    if isinstance(value, str) and re.search(r"[./:]", value):
        raise complain("E014", _NO_HOST[5:], hint="Write emulator or gemini.")
    return value


def _key(value: Any) -> Any:
    if isinstance(value, str):
        hint = "Write apiKey: {env: GEMINI_API_KEY_NAME}, or apiKey: {keyring: gemctl/NAME}."
        raise complain("E021", "A key never stands in a file.", hint=hint)
    return value


def _key_name(value: str) -> str:
    if not re.fullmatch(r"(?:GEMINI|GOOGLE)_API_KEY(?:_[A-Z0-9_]+)?", value, re.ASCII):
        hint = "Names are GEMINI_API_KEY or GOOGLE_API_KEY, or begin with one of them and _."
        raise complain("E021", "That can't name a variable with a key.", hint=hint)
    return value


def _key_entry(value: str) -> str:
    if not re.fullmatch(KEYRING_PATTERN, value, re.ASCII):
        hint = "Write gemctl/NAME, for the entry that `keyring set gemctl NAME` makes."
        raise complain("E021", "That can't name an entry of the keyring with a key.", hint=hint)
    return value


def _id(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]{4,32}", value):
        raise complain("E013", f"{value!r} is not an id.", hint="An id has 4 to 32 characters of a-z and 0-9.")
    return value


def _stack_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", value):
        hint = "Use up to 31 characters of a-z, 0-9 and -, beginning with a letter or digit."
        raise complain("E013", f"{value!r} can't be the name of a stack.", hint=hint)
    return value


def _variable_name(value: str) -> str:
    if not re.fullmatch(VARIABLE_PATTERN, value, re.ASCII):
        hint = "Use letters, digits, _ and -, beginning with a letter or _."
        raise complain("E013", f"{value!r} can't be the name of a variable.", hint=hint)
    return value


def _live_name(value: str) -> str:
    if not re.fullmatch(r"[a-z][A-Za-z]*/[A-Za-z0-9_-]{1,128}", value, re.ASCII):
        raise complain("E013", f"{value!r} is not the name of an object.", hint="Write it as in cachedContents/abc123.")
    return value


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise complain("E013", "It must be longer than nothing.")
    return value


def _steps(value: str) -> list[str] | None:
    """The names of a path in the project; None for one that leaves it, or is no path of all systems."""
    steps = [step for step in value.split("/") if step not in ("", ".")]
    out = value != value.strip() or value.startswith("/") or re.search(r"[\\:\0]", value) or ".." in steps
    return None if out else steps


def _overlay(value: str) -> str:
    """A folder of the project, in its shortest spelling."""
    steps = _steps(value)
    if steps is None:
        raise complain("E022", f"{value!r} is not a relative path with forward slashes that stays in the project.")
    if not steps:
        raise complain(
            "E022", "The whole project can't be an overlay.", hint="Name a folder below it, such as env/dev."
        )
    if any(step.startswith(".") for step in steps):
        raise complain("E022", f"{value!r} leads to a name that begins with a dot.")
    return "/".join(steps)


def _dollars(value: Any) -> Any:
    """An amount as it is written: 25, 0.5 or "0.50"; never by way of binary fractions."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    text = format(Decimal(repr(value)), "f") if number else value
    amount = parse_dollars(text) if isinstance(text, str) else None
    if amount is None:
        raise complain("E013", "It is not an amount of US dollars.", hint="Write a number, such as 25 or 0.50.")
    return amount


def _tier(value: Any) -> Any:
    if isinstance(value, bool) or value not in (1, 2, 3):
        raise complain("E013", "It is not a tier.", hint="Write 1, 2 or 3.")
    return value


def _facts_file(value: str) -> str:
    """A file of the project, in its shortest spelling."""
    steps = _steps(value)
    named = value.endswith((".yaml", ".yml")) and not any(step.startswith(".") for step in steps or ())
    if not steps or not named or steps == ["gemctl.yaml"]:
        hint = "Write a path that stays in the project, with forward slashes, and ends in .yaml or .yml."
        raise complain("E013", f"{value!r} can't be a file of facts.", hint=hint)
    return "/".join(steps)


def _count(value: Any) -> Any:
    """A whole number, also as text with k, M or G for a thousand, a million or a thousand million."""
    found = re.fullmatch(r"([0-9]{1,15})([kMG]?)", value, re.ASCII) if isinstance(value, str) else None
    if found:
        value = int(found[1]) * _TIMES[found[2]]
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 10**15:
        raise complain("E013", "It is not a whole number of 1 or more.", hint="Write one such as 3000000, 250k or 3M.")
    return value


def _model(value: str) -> str:
    if not re.fullmatch(r"(models/)?[A-Za-z0-9][A-Za-z0-9._-]{0,127}", value, re.ASCII):
        raise complain("E013", f"{value!r} can't be the name of a model.", hint="Write it as in gemini-3.8-flash.")
    return value


_TIMES = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_Count = Annotated[
    int,
    BeforeValidator(_count),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^0*[1-9][0-9]*[kMG]?$"}]}
    ),
]
_Model = Annotated[str, AfterValidator(_model)]
_PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
_StackName = Annotated[str, AfterValidator(_stack_name)]
_VariableName = Annotated[str, AfterValidator(_variable_name)]
_Overlay = Annotated[str, AfterValidator(_overlay)]
_LiveName = Annotated[str, AfterValidator(_live_name)]


class KeyShape(Shape):
    """Where the key is: one of these."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [{"oneOf": [{"required": ["env"]}, {"required": ["keyring"]}]}]}
    )

    env: Annotated[str, AfterValidator(_key_name)] = optional("The environment variable that holds the key.")
    keyring: Annotated[
        str, AfterValidator(_key_entry), WithJsonSchema({"type": "string", "pattern": f"^{KEYRING_PATTERN}$"})
    ] = optional("The entry of the desktop's keyring that holds the key, as in gemctl/prod.")

    @model_validator(mode="after")
    def _one(self) -> KeyShape:
        if len(self.model_fields_set) != 1:
            raise complain("E013", "A key is in one place.", hint="Write either env or keyring.")
        return self


class BillingShape(Shape):
    """What is known of the account."""

    tier: Annotated[int, BeforeValidator(_tier), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 3})] = (
        Field(description="The tier of the key's project; a key can't be asked for it.")
    )


class LimitsShape(Shape):
    """How much may be in the service at a time, in jobs that have not ended."""

    jobs: _Count = optional("How many of them.")
    enqueued_tokens: dict[_Model, _Count] = optional(
        "How many tokens they may have, by model, such as {gemini-3.8-flash: 3M}."
    )


class StackShape(Shape):
    model_config = ConfigDict(json_schema_extra=_FOREIGN)

    endpoint: Annotated[Literal["gemini", "emulator"], BeforeValidator(_endpoint)] = Field(
        default="gemini", description="The Gemini API, or the emulator inside gemctl: no key and no network."
    )
    api_key: Annotated[KeyShape, BeforeValidator(_key)] = optional(
        "Which key to use; default GEMINI_API_KEY, else GOOGLE_API_KEY."
    )
    api_version: Literal["v1", "v1beta", "v1alpha"] = Field(default="v1beta", description="The API's version.")
    vars: dict[_VariableName, Any] = Field(default_factory=dict, description="Texts that manifests use as ${var.NAME}.")
    overlays: list[_Overlay] = Field(
        default_factory=list,
        description="Folders of partial resources, merged in this order onto the manifests of the same kind and name.",
    )
    imports: dict[str, _LiveName] = Field(
        default_factory=dict,
        description="Live objects that belong to this stack and to no other, by address, whatever mark they carry.",
    )
    state: State = Field(
        default="local", description="Where the state is kept: local, which is the folder .gemctl, or somewhere shared."
    )
    billing: BillingShape = optional("What is known of the account that pays.")
    limits: LimitsShape = optional("How much of this stack may be in the service at a time, over those of the project.")


class DefaultMetadata(Shape):
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of every resource of this kind.")


class DefaultsShape(Shape):
    spec: dict[str, Any] = optional("Merged under spec.")
    lifecycle: dict[str, Any] = optional("Merged under lifecycle.")
    run: dict[str, Any] = optional("Merged under run, for kinds that run once.")
    expect: dict[str, Any] = optional("Merged under expect.")
    publish: list[Any] = optional("For resources without a publish of their own.")
    metadata: DefaultMetadata = optional("Merged under metadata; labels only.")


class TimingShape(Shape):
    request_deadline: _PositiveDuration = Field(
        default=Timing().request_deadline, description="How long one call to the service may take in all."
    )
    settle: _PositiveDuration = Field(
        default=Timing().settle, description="How long a create of unknown outcome may still turn up."
    )


class SafetyShape(Shape):
    max_deletes: int = Field(default=Safety().max_deletes, ge=0, description="More deletes than this need a flag.")
    max_delete_percent: int = Field(
        default=Safety().max_delete_percent,
        ge=0,
        le=100,
        description="Deleting more of all objects than this needs a flag.",
    )
    max_ttl: _PositiveDuration = Field(default=Safety().max_ttl, description="The longest life that may be declared.")
    model_notice: _PositiveDuration = Field(
        default=Safety().model_notice, description="How long ahead to warn of the end of a model."
    )
    max_cost: Annotated[Decimal, Field(ge=0), BeforeValidator(_dollars)] = optional(
        "US dollars that one plan may cost, up to the deadlines that it sets; more needs a flag."
    )
    max_monthly_cost: Annotated[Decimal, Field(ge=0), BeforeValidator(_dollars)] = optional(
        "US dollars that keeping everything may cost a month; more needs a flag."
    )
    max_requests: int = Field(
        default=Safety().max_requests,
        ge=0,
        description="Requests that the jobs of one plan may have; more need a flag.",
    )


class MovedShape(Shape):
    old: str = Field(alias="from", description="The address that it had, as in CachedContent/handbook.")
    new: str = Field(alias="to", description="The address that it has now; of the same kind.")


class ProjectMetadata(Shape):
    name: ResourceName = Field(description="The project's name.")
    id: Annotated[str, AfterValidator(_id)] = optional(
        "Random, from init; tells projects of one name apart. Never change it."
    )


class ProjectShape(Shape):
    """gemctl.yaml."""

    model_config = ConfigDict(json_schema_extra=_FOREIGN)

    api_version: Literal["gemctl/v1"] = Field(description="The version of the format.")
    kind: Literal["Project"] = Field(description="Always Project.")
    metadata: ProjectMetadata = Field(description="The project's name and id.")
    default_stack: str = optional("The stack used without --stack.")
    stacks: dict[_StackName, StackShape] = Field(min_length=1, description="The environments of the project, by name.")
    defaults: dict[str, DefaultsShape] = Field(
        default_factory=dict, description="Parts of manifests that all resources of a kind share, by kind."
    )
    timing: TimingShape = Field(default_factory=TimingShape, description="How long gemctl waits.")
    safety: SafetyShape = Field(default_factory=SafetyShape, description="Where gemctl stops and asks.")
    limits: LimitsShape = optional("How much of each stack may be in the service at a time.")
    imports: dict[str, _LiveName] = Field(
        default_factory=dict, description="Live objects by the address that they belong to, in every stack."
    )
    moved: list[MovedShape] = Field(
        default_factory=list,
        description="Resources that were renamed, in every stack: what is live stays. Old lines do no harm.",
    )
    facts: Annotated[str, AfterValidator(_facts_file)] = optional(
        "A file of facts about models, such as facts.yaml: new models, and your own prices."
    )


def read_project(documents: tuple[Document, ...], path: str) -> tuple[Project, Document]:
    """The project that the documents of gemctl.yaml describe. `path` is what to call the file. Raises Rejected."""
    if len(documents) != 1:
        span = documents[1].positions.root if documents else Span(path, 1, 1, 1, 1)
        detail = f"{path} has {len(documents) or 'no'} documents."
        raise Rejected([problem("E010", detail, span=span, hint="It holds exactly one.")])
    document = documents[0]
    _check_envelope(document)
    value: JsonObject = document.value
    try:
        shape = ProjectShape.model_validate(value)
    except ValidationError as error:
        found = explain(error, ProjectShape, value, document.positions, wording=PROJECT)
        raise Rejected(in_reading_order(found)) from None
    problems: list[Diagnostic] = []
    given: dict[str, str] = {}
    limits = _limits(shape.limits, (), document, problems)
    stacks = {
        name: replace(
            _stack(name, stack, document, problems),
            limits=_limits(stack.limits, ("stacks", name), document, problems).over(limits),
            imports=MappingProxyType(_imports(stack.imports, ("stacks", name), document, problems, given)),
        )
        for name, stack in shape.stacks.items()
    }
    default_stack = _default_stack(shape, document, problems)
    imports = _imports(shape.imports, (), document, problems, {})
    moved = _moved(shape.moved, document, problems)
    if problems:
        raise Rejected(in_reading_order(problems))
    raw_defaults: Mapping[str, JsonObject] = value.get("defaults", {})
    project = Project(
        name=shape.metadata.name,
        id=shape.metadata.id,
        default_stack=default_stack,
        stacks=MappingProxyType(stacks),
        defaults=MappingProxyType(dict(raw_defaults)),
        timing=Timing(shape.timing.request_deadline, shape.timing.settle),
        safety=_safety(shape.safety),
        imports=MappingProxyType(imports),
        moved=moved,
        facts=shape.facts,
    )
    return project, document


def _check_envelope(document: Document) -> None:
    value: Json = document.value
    detail: str | None = None
    at: Path = ()
    if not isinstance(value, dict):
        detail = "The document is not a mapping."
    elif value.get("kind") != "Project":
        detail, at = "Its kind is not Project.", ("kind",)
    elif value.get("apiVersion") != "gemctl/v1":
        detail, at = "Its apiVersion is not gemctl/v1.", ("apiVersion",)
    if detail is not None:
        hint = "The file begins with apiVersion: gemctl/v1 and kind: Project."
        raise Rejected([problem("E010", detail, span=document.positions.value(at), hint=hint)])


def _stack(name: str, shape: StackShape, document: Document, problems: list[Diagnostic]) -> Stack:
    variables: dict[str, str] = {}
    for variable, value in shape.vars.items():
        at: Path = ("stacks", name, "vars", variable)
        if isinstance(value, str):
            variables[variable] = value
        elif isinstance(value, bool | int | float):
            variables[variable] = as_typed(document, at)
        else:
            detail = "A variable is text." if value is not None else "A variable has a value; write '' for empty text."
            problems.append(problem("E013", detail, span=document.positions.value(at)))
    given = shape.api_key.model_dump(exclude_unset=True) if shape.api_key else {}
    for index, folder in enumerate(shape.overlays):
        if folder in shape.overlays[:index]:
            span = document.positions.value(("stacks", name, "overlays", index))
            problems.append(problem("E013", f"{folder} is among the overlays already.", span=span))
    return Stack(
        name,
        Endpoint(shape.endpoint),
        given.get("env"),
        given.get("keyring"),
        shape.api_version,
        MappingProxyType(variables),
        overlays=tuple(shape.overlays),
        state=state_place(shape.state),
        tier=shape.billing.tier if shape.billing else None,
    )


def _safety(shape: SafetyShape) -> Safety:
    return Safety(
        shape.max_deletes,
        shape.max_delete_percent,
        shape.max_ttl,
        shape.model_notice,
        shape.max_cost,
        shape.max_monthly_cost,
        shape.max_requests,
    )


def _limits(shape: LimitsShape | None, below: Path, document: Document, problems: list[Diagnostic]) -> JobLimits:
    if shape is None:
        return JobLimits()
    tokens: dict[str, int] = {}
    for name, count in (shape.enqueued_tokens or {}).items():
        model = name.removeprefix("models/")
        if model in tokens:
            span = document.positions.key((*below, "limits", "enqueuedTokens", name))
            problems.append(problem("E013", f"{model} has a limit already.", span=span))
        tokens[model] = count
    return JobLimits(shape.jobs, MappingProxyType(tokens))


def _default_stack(shape: ProjectShape, document: Document, problems: list[Diagnostic]) -> str:
    if "default_stack" not in shape.model_fields_set:
        if len(shape.stacks) > 1:
            detail = "There are several stacks, and none is the default."
            hint = "Write defaultStack: and one of them."
            span = document.positions.key(("stacks",))
            problems.append(problem("E012", detail, span=span, hint=hint))
        return next(iter(shape.stacks))
    if shape.default_stack not in shape.stacks:
        detail = f"There is no stack {shape.default_stack}."
        near = did_you_mean(shape.default_stack, shape.stacks)
        span = document.positions.value(("defaultStack",))
        problems.append(problem("E017", detail, span=span, hint=near))
    return shape.default_stack


def _imports(
    given: Mapping[str, str], below: Path, document: Document, problems: list[Diagnostic], owners: dict[str, str]
) -> dict[Address, str]:
    """Live names by address; `owners` are the names that were given so far, and to whom."""
    imports: dict[Address, str] = {}
    for text, name in given.items():
        at: Path = (*below, "imports", text)
        try:
            imports[Address.parse(text)] = name
        except ValueError as error:
            problems.append(problem("E013", str(error), span=document.positions.key(at)))
        owner = f"{text} of stack {below[1]}" if below else text
        if (other := owners.setdefault(name, owner)) != owner:
            detail = f"{name} belongs to {other} already."
            problems.append(problem("E013", detail, span=document.positions.value(at)))
    return imports


def _moved(given: Sequence[MovedShape], document: Document, problems: list[Diagnostic]) -> tuple[Move, ...]:
    """The renames, each with the last name: a to b and b to c means that both are c now."""
    steps: dict[Address, tuple[Address, Span]] = {}
    for index, line in enumerate(given):
        at = {side: document.positions.value(("moved", index, side)) for side in ("from", "to")}
        try:
            old = _address(line.old, at["from"])
            new = _address(line.new, at["to"])
            if old.kind != new.kind:
                raise _Wrong(f"A {old.kind} can't become a {new.kind}.", at["to"])
            if old in steps:
                raise _Wrong(f"{old} was renamed to {steps[old][0]} already.", at["from"])
        except _Wrong as wrong:
            problems.append(problem("E026", str(wrong), span=wrong.span))
        else:
            steps[old] = (new, at["from"])
    moves: list[Move] = []
    for old, (new, span) in steps.items():
        passed = [old]
        while new in steps and new not in passed:
            passed.append(new)
            new = steps[new][0]
        if new in passed:
            circle = " to ".join(map(str, (*passed, new)))
            problems.append(problem("E026", f"It is renamed in a circle: {circle}.", span=span))
        moves.append(Move(old, new, span))
    return tuple(moves)


class _Wrong(ValueError):
    def __init__(self, why: str, span: Span) -> None:
        super().__init__(why)
        self.span = span


def _address(text: str, span: Span) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise _Wrong(str(error), span) from None
