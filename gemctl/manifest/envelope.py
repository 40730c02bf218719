"""The envelope: what every resource has around its `spec`, whatever its kind."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from gemctl.core.address import Address, valid_name
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.moment import parse_duration, show_duration
from gemctl.core.resource import Expiry, Lifecycle, Publish, Ttl
from gemctl.core.source import JsonObject, Path, Positions
from gemctl.manifest.shape import REFUSED, did_you_mean

API_VERSION = "gemctl/v1"
LEAST_RENEWAL = timedelta(minutes=1)
_RESERVED = frozenset({".gemctl", ".git"})
_DOTENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OUTPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def complain(code: str, message: str, *, hint: str | None = None) -> PydanticCustomError:
    """The error of a validator that knows its own code."""
    context = {"code": code} if hint is None else {"code": code, "hint": hint}
    return PydanticCustomError("gemctl", message, context)


def absent() -> Any:
    """The value of a field that wasn't set. A field can't be set to null."""
    return None


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str):
        number = isinstance(value, int) and not isinstance(value, bool)
        raise complain("E215", "A duration has a unit.", hint=f"Write {value}s." if number else "Write 90s, 5m or 2d.")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise complain("E215", str(error)) from None


def _name(value: str) -> str:
    if not valid_name(value):
        raise complain("E205", f"{value!r} can't be a name.", hint="Use a-z, 0-9, - and ., at most 64 characters.")
    return value


Duration = Annotated[
    timedelta,
    PlainValidator(_duration),
    WithJsonSchema({"type": "string", "examples": ["90s", "5m", "1h30m", "2d"]}),
]
Name = Annotated[str, AfterValidator(_name)]


class Shape(BaseModel):
    """Strict: no unknown keys, no conversions, camelCase names."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel, defer_build=True)


class Metadata(Shape):
    name: Name = Field(description="Unique for its kind in the project. Kind and name are the resource's identity.")
    labels: dict[str, str] = Field(default_factory=dict, description="Pairs of text to sort and select by. Never sent.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Pairs of text for other tools. Never sent.")


class LifecycleShape(Shape):
    renew_before: Duration = Field(
        default_factory=absent,
        description="Renew when less life than this is left. Default: a third of the ttl.",
    )
    prevent_destroy: bool = Field(
        default=False, description="Refuse every plan that would delete or replace the object."
    )
    replace: Literal["createFirst", "deleteFirst"] = Field(
        default="createFirst", description="Whether a replacement is made before the old object is deleted, or after."
    )
    retire: Duration = Field(
        default=timedelta(minutes=10),
        description="How long a replaced object stays for those who still hold its name; 0s deletes it at once.",
    )
    ignore_changes: list[str] = Field(
        default_factory=list, description="Fields of spec, such as tools, whose changes alone don't change the object."
    )


class PublishShape(Shape):
    file: str = Field(
        default_factory=absent, description="A JSON file, from the project root, that gets the name under `key`."
    )
    key: str = Field(default_factory=absent, description="The key in the JSON file.")
    dotenv: str = Field(
        default_factory=absent, description="A file of NAME=value lines, from the project root, that gets the name."
    )
    name: str = Field(default_factory=absent, description="The variable in the dotenv file.")
    github_output: str = Field(default_factory=absent, description="The name of a step output on GitHub Actions.")


class Envelope(Shape):
    """What is common to the manifests of all kinds."""

    model_config = ConfigDict(
        json_schema_extra={REFUSED: ["run E206 `run` is for kinds that run once and end; this kind doesn't."]}
    )

    api_version: Literal["gemctl/v1"] = Field(description="The version of the manifest format.")
    kind: str = Field(description="The kind of resource.")
    metadata: Metadata = Field(description="Name and labels.")
    spec: dict[str, Any] = Field(
        default_factory=dict, description="The object as the API knows it, under the API's own field names."
    )
    lifecycle: LifecycleShape = Field(
        default_factory=LifecycleShape, description="What gemctl does with the object over time."
    )
    publish: list[PublishShape] = Field(
        default_factory=list, description="Where readers find the object's name, which the service chooses."
    )


def resource_schema(kind: str, spec: type[BaseModel]) -> JsonObject:
    """JSON Schema of a whole manifest of one kind, for editors."""
    schema = Envelope.model_json_schema()
    inner = spec.model_json_schema()
    inner.pop("required", None)  # what a spec needs may stand in the project's defaults
    definitions = {**schema.pop("$defs", {}), **inner.pop("$defs", {})}
    schema["properties"]["kind"] = {"const": kind, "description": schema["properties"]["kind"]["description"]}
    schema["properties"]["spec"] = inner
    return {**schema, "title": kind, "$defs": definitions}


def lifecycle(
    shape: LifecycleShape,
    expiry: Expiry | None,
    fields: Collection[str],
    positions: Positions,
    address: Address,
    inherited: Collection[Path],
) -> tuple[Lifecycle, list[Diagnostic]]:
    """The lifecycle, checked against how long the object lives.

    `fields` are the managed fields of the kind; `inherited` the paths that came from the project's defaults.
    """
    problems: list[Diagnostic] = []
    at: Path = ("lifecycle", "renewBefore")

    def refuse(detail: str, span_of: Path, hint: str | None = None) -> None:
        problems.append(problem("E217", detail, span=positions.value(span_of), address=address, hint=hint))

    before = shape.renew_before if "renew_before" in shape.model_fields_set else None
    by_default = at in inherited or ("lifecycle",) in inherited
    if isinstance(expiry, Ttl):
        ttl = expiry.ttl
        if before is None:
            # A third, but not so late that a plan a minute later comes too late; half of what is very short.
            third = ttl / 3
            before = third if ttl <= LEAST_RENEWAL else max(third, min(LEAST_RENEWAL, ttl / 2))
        elif before < LEAST_RENEWAL:
            refuse(f"renewBefore is {show_duration(before)}, and must be at least 1m.", at)
        elif before >= ttl:
            detail = f"renewBefore is {show_duration(before)}, not less than the ttl of {show_duration(ttl)}."
            if by_default:
                hint = "It comes from the project's defaults: set lifecycle.renewBefore here as well."
                refuse(detail, ("spec", "ttl"), hint)
            else:
                refuse(detail, at)
    elif before is not None:
        if not by_default:
            refuse("There is no ttl, so nothing is renewed.", at, "Remove renewBefore, or declare a ttl.")
        before = None
    ignored: list[Path] = []
    for index, text in enumerate(shape.ignore_changes):
        path = _field_path(text)
        if path and path[0] in fields:
            ignored.append(path)
        else:
            span = positions.value(("lifecycle", "ignoreChanges", index))
            near = did_you_mean(str(path[0]) if path else text, fields)
            problems.append(problem("E221", f"{text!r} is not a field of spec.", span=span, address=address, hint=near))
    result = Lifecycle(before, shape.prevent_destroy, shape.replace == "createFirst", shape.retire, tuple(ignored))
    return result, problems


def _field_path(text: str) -> Path | None:
    """`spec.contents[0].role` or `contents[0].role` as a path below spec."""
    if not re.fullmatch(r"[A-Za-z]\w*(?:\.[A-Za-z$]\w*|\[\d{1,6}\])*", text, re.ASCII):
        return None
    steps: list[str | int] = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", text)]
    return tuple(steps[1:] if steps[0] == "spec" else steps)


def publications(
    shapes: Sequence[PublishShape], manifests: Collection[str], positions: Positions, address: Address
) -> tuple[tuple[Publish, ...], list[Diagnostic]]:
    """Where the name is published. `manifests` are files of the project that must not be overwritten."""
    results: list[Publish] = []
    problems: list[Diagnostic] = []
    for index, shape in enumerate(shapes):
        given: dict[str, str] = shape.model_dump(by_alias=True, exclude_unset=True)
        at: Path = ("publish", index)
        try:
            results.append(_publication(given, manifests))
        except _Wrong as wrong:
            path = (*at, wrong.field) if wrong.field in given else at
            problems.append(problem("E219", str(wrong), span=positions.value(path), address=address))
    return tuple(results), problems


class _Wrong(Exception):
    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


_FORMS: Mapping[frozenset[str], tuple[str, str, str]] = {
    frozenset({"file", "key"}): ("file", "file", "key"),
    frozenset({"dotenv", "name"}): ("dotenv", "dotenv", "name"),
    frozenset({"githubOutput"}): ("githubOutput", "", "githubOutput"),
}


def _publication(given: Mapping[str, str], manifests: Collection[str]) -> Publish:
    if frozenset(given) not in _FORMS:
        raise _Wrong("", "Write {file, key}, {dotenv, name} or {githubOutput}.")
    form, field, key = _FORMS[frozenset(given)]
    name = given[key]
    if form == "dotenv" and not _DOTENV_NAME.fullmatch(name):
        raise _Wrong(key, "The name of a variable has letters, digits and _, and doesn't begin with a digit.")
    if form == "githubOutput" and not _OUTPUT_NAME.fullmatch(name):
        raise _Wrong(
            key, "The name of an output has letters, digits, _ and -, and doesn't begin with a digit or a dash."
        )
    if not name or not name.isprintable():
        raise _Wrong(key, "The key is empty, or has invisible characters in it.")
    return Publish(form, _published_file(field, given[field], manifests) if field else None, name)


def _published_file(field: str, text: str, manifests: Collection[str]) -> str:
    """The path from the project root, in its shortest spelling."""
    if (
        not text
        or text != text.strip()
        or not text.isprintable()
        or "\\" in text
        or re.match(r"[A-Za-z][\w+.-]*:", text)
    ):
        raise _Wrong(field, "Write a relative path with forward slashes.")
    if text.startswith(("/", "~")):
        raise _Wrong(field, "The path must be relative to the project root.")
    steps: list[str] = []
    for step in text.split("/"):
        if step == "..":
            if not steps:
                raise _Wrong(field, "The path leads out of the project.")
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    if not steps or text.endswith("/"):
        raise _Wrong(field, "The path names a folder, not a file.")
    if _RESERVED & {step.lower() for step in steps}:
        raise _Wrong(field, "The folders .gemctl and .git are not for published files.")
    path = "/".join(steps)
    if path in manifests or path.lower().endswith((".yaml", ".yml")):
        raise _Wrong(field, "The file would be a manifest.")
    return path
