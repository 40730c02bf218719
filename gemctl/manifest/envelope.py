"""Checks the envelope: the fields that every resource has around its `spec`, whatever its kind.

Called by `bind` and `load`; workflows make help and generated manifests of its shapes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic.alias_generators import to_camel

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.lifetime import Expires, Lifetime, Once, Renewable, Scheduled
from gemctl.core.moment import exact_duration
from gemctl.core.resource import (
    MARKDOWN,
    NO_EXPECTATION,
    RECEIPT,
    WITHOUT,
    Edit,
    Ending,
    Expect,
    Expiry,
    Lifecycle,
    PerRun,
    Publish,
    Run,
    SecretSink,
    SecretSource,
    Ttl,
    is_document,
)
from gemctl.core.source import JsonObject, Path, Positions
from gemctl.files.walk import RESERVED, BadPath, steps_of
from gemctl.schema.scalars import Duration, ResourceName
from gemctl.schema.shape import Shape, branch, complain, optional, refused
from gemctl.schema.spelling import did_you_mean

API_VERSION = "gemctl/v1"
LEAST_RENEWAL = timedelta(minutes=1)
_DOTENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OUTPUT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise complain(
            "E209", "A deadline of 0s has passed before anything is run.", hint="Write 12h, or leave it out."
        )
    return value


def _key(value: str) -> str:
    if not value or len(value) > 256 or not value.isprintable():
        raise complain("E209", "That can't be a key.", hint="Write up to 256 visible characters.")
    return value


def _decimal(value: float) -> Decimal:
    """As it was written: 0.1 is a tenth, and no binary fraction near it."""
    if 0 < value < 0.0001:
        raise complain("E209", "That is less than a read in a year.", hint="Write 0 where nothing reads it.")
    return Decimal(repr(value)) if not value.is_integer() else Decimal(int(value))


class Metadata(Shape):
    name: ResourceName = Field(
        description="Unique for its kind in the project. Kind and name are the resource's identity."
    )
    labels: dict[str, str] = Field(default_factory=dict, description="Pairs of text to sort and select by. Never sent.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Pairs of text for other tools. Never sent.")


_NO_KEEP = "E206 `keep` is for kinds whose objects end by themselves and can't be renewed; this kind's don't."
_NO_RUN = "E206 `run` is for kinds that run once and end; this kind doesn't."
_NO_EXPECT = "E206 `expect` is for kinds that are read or run, and paid for by that; this kind isn't."
_NO_ANSWERS = "E206 `outputTokens` is for kinds that run once and end; this kind has readsPerHour."
_NO_TOKENS_PER_RUN = "E206 `tokensPerRun` is for kinds that have something started by a schedule; this kind doesn't."
_NO_READS = "E206 `readsPerHour` is for kinds that are kept and read; this kind has outputTokens."


class LifecycleShape(Shape):
    model_config = ConfigDict(json_schema_extra=refused({"keep": _NO_KEEP}))

    renew_before: Duration = optional("Renew when less life than this is left. Default: a third of the ttl.")
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


class FixedLifecycleShape(LifecycleShape):
    model_config = ConfigDict(json_schema_extra={})

    renew_before: Duration = optional(
        "With `keep: always`: upload anew when less life than this is left. Default: 12h."
    )
    keep: Literal["onDemand", "always"] = Field(
        default="onDemand",
        description="Whether it is made when something that refers to it is made, or always there.",
    )


class OnEditShape(Shape):
    """What to do about an edit, once something was run."""

    own: Literal["rerun", "report"] = Field(
        default="rerun", description="What to do when its own spec was edited; a new `key` runs it again in any case."
    )
    references: Literal["rerun", "report"] = Field(
        default="report", description="What to do when only something that it refers to was edited."
    )


class RunShape(Shape):
    """How something that runs once and ends is run."""

    key: Annotated[str, AfterValidator(_key)] = optional("Free text: change it to run the same again.")
    results: str = optional(
        "Where results are saved, from the project root: JSON Lines, or a .parquet table; "
        "of kinds with one answer also .json, or .md for its text."
    )
    deadline: Annotated[Duration, AfterValidator(_positive)] = optional(
        "How long it may take before that is an end too."
    )
    on_expired: Literal["report", "resubmit"] = Field(
        default="report", description="What to do when it took too long, here or for the service."
    )
    on_failed: Literal["report", "resubmit"] = Field(
        default="report", description="What to do when it failed, or some of its requests did."
    )
    max_resubmits: int = Field(
        default=1, ge=1, le=100, description="How often it is run again, with what has no result."
    )
    on_edit: OnEditShape = Field(
        default_factory=OnEditShape, description="Whether it is run again after an edit, or only reported."
    )
    retry_blocked: bool = Field(
        default=False,
        description="Whether a request that was blocked, or whose answer was cut off, counts as one without a result.",
    )
    cleanup: Literal["keep", "whenHarvested"] = Field(
        default="keep", description="Whether it is deleted, with what was uploaded for it, once its results are saved."
    )


class PublishShape(Shape):
    file: str = optional("A JSON file, from the project root, that gets the name under `key`.")
    key: str = optional("The key in the JSON file.")
    dotenv: str = optional("A file of NAME=value lines, from the project root, that gets the name.")
    name: str = optional("The variable in the dotenv file.")
    github_output: str = optional("The name of a step output on GitHub Actions.")


class KeptExpectShape(Shape):
    """What is expected of something that is kept and paid for by the hour."""

    model_config = ConfigDict(
        json_schema_extra=refused({"outputTokens": _NO_ANSWERS, "tokensPerRun": _NO_TOKENS_PER_RUN})
    )

    reads_per_hour: Annotated[float, AfterValidator(_decimal)] = optional(
        "How many requests an hour will use it, such as 3 or 0.5.", ge=0, le=1_000_000_000
    )


class RunExpectShape(Shape):
    """What is expected of something that runs once and ends."""

    model_config = ConfigDict(
        json_schema_extra=refused({"readsPerHour": _NO_READS, "tokensPerRun": _NO_TOKENS_PER_RUN})
    )

    output_tokens: int = optional(
        "How many tokens the answer to each request will have, thoughts included.", ge=0, le=10_000_000
    )


class SplitTokensShape(Shape):
    """What each run uses, as far as prices differ."""

    input: int = Field(description="How many tokens are sent, those of all its turns together.", ge=0, le=10**12)
    output: int = Field(description="How many are answered, thoughts included.", ge=0, le=10**12)


def _form_of_tokens(value: Any) -> str:
    return branch("split") if isinstance(value, dict | SplitTokensShape) else branch("total")


TokensPerRun = Annotated[
    Annotated[int, Field(ge=0, le=10**12), Tag(branch("total"))] | Annotated[SplitTokensShape, Tag(branch("split"))],
    Discriminator(_form_of_tokens),
]


class ScheduledExpectShape(Shape):
    """What is expected of something that is started again and again."""

    model_config = ConfigDict(json_schema_extra=refused({"readsPerHour": _NO_READS, "outputTokens": _NO_ANSWERS}))

    tokens_per_run: TokensPerRun = optional(
        "How many tokens each run uses, such as 400000, or {input: 350000, output: 50000}."
    )


class UnknownExpectShape(KeptExpectShape, RunExpectShape, ScheduledExpectShape):
    model_config = ConfigDict(json_schema_extra={})


_EXPECT = "What is expected of it, for estimates of cost. Never sent, and a change changes nothing."


class Envelope(Shape):
    """What is common to the manifests of all kinds."""

    model_config = ConfigDict(json_schema_extra=refused({"run": _NO_RUN, "expect": _NO_EXPECT}))

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


class FixedEnvelope(Envelope):
    """What is common to the manifests of kinds whose objects end by themselves."""

    lifecycle: FixedLifecycleShape = Field(
        default_factory=FixedLifecycleShape, description="What gemctl does with the object over time."
    )


class KeptEnvelope(Envelope):
    """What is common to the manifests of kinds whose objects are kept by renewing them."""

    model_config = ConfigDict(json_schema_extra=refused({"run": _NO_RUN}))

    expect: KeptExpectShape = Field(default_factory=KeptExpectShape, description=_EXPECT)


class RunEnvelope(Envelope):
    """What is common to the manifests of kinds that run once and end."""

    model_config = ConfigDict(json_schema_extra={})

    run: RunShape = Field(default_factory=RunShape, description="How it is run, and what becomes of its results.")
    expect: RunExpectShape = Field(default_factory=RunExpectShape, description=_EXPECT)


class ScheduledEnvelope(Envelope):
    """What is common to the manifests of kinds by which the service starts something again and again."""

    model_config = ConfigDict(json_schema_extra=refused({"run": _NO_RUN}))

    expect: ScheduledExpectShape = Field(default_factory=ScheduledExpectShape, description=_EXPECT)


class UnknownEnvelope(RunEnvelope, FixedEnvelope):
    """For a kind that doesn't exist: nothing is said of what belongs to some kinds only."""

    expect: UnknownExpectShape = Field(default_factory=UnknownExpectShape, description=_EXPECT)


_ENVELOPES: Mapping[type[Lifetime], type[Envelope]] = {
    Expires: FixedEnvelope,
    Once: RunEnvelope,
    Renewable: KeptEnvelope,
    Scheduled: ScheduledEnvelope,
}


def envelope_of(lifetime: type[Lifetime] | None) -> type[Envelope]:
    """The shape around the spec of such a kind; `lifetime` is None for a kind that doesn't exist."""
    return UnknownEnvelope if lifetime is None else _ENVELOPES.get(lifetime, Envelope)


def resource_schema(kind: str, spec: type[BaseModel], lifetime: type[Lifetime]) -> JsonObject:
    """JSON Schema of a whole manifest of one kind, for editors."""
    schema = envelope_of(lifetime).model_json_schema()
    inner = spec.model_json_schema()
    inner.pop("required", None)  # required fields may stand in the project's defaults
    definitions = {**schema.pop("$defs", {}), **inner.pop("$defs", {})}
    schema["properties"]["kind"] = {"const": kind, "description": schema["properties"]["kind"]["description"]}
    schema["properties"]["spec"] = inner
    return {**schema, "title": kind, "$defs": definitions}


def lifecycle(
    shape: LifecycleShape,
    expiry: Expiry | None,
    lifetime: Lifetime,
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
            refuse(f"renewBefore is {exact_duration(before)}, and must be at least 1m.", at)
        elif before >= ttl:
            detail = f"renewBefore is {exact_duration(before)}, not less than the ttl of {exact_duration(ttl)}."
            if by_default:
                hint = "It comes from the project's defaults: set lifecycle.renewBefore here as well."
                refuse(detail, ("spec", "ttl"), hint)
            else:
                refuse(detail, at)
    elif isinstance(shape, FixedLifecycleShape) and isinstance(lifetime, Expires):
        always = shape.keep == "always"
        if always and before is None:
            before = lifetime.margin
        elif before is not None and not always and not by_default:
            refuse("It is made on demand, so nothing is renewed.", at, "Remove renewBefore, or write keep: always.")
        elif before is not None and always and not LEAST_RENEWAL <= before < lifetime.life:
            life = exact_duration(lifetime.life)
            refuse(f"renewBefore is {exact_duration(before)}, and must be at least 1m and less than {life}.", at)
        before = before if always else None
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
    on_demand = isinstance(shape, FixedLifecycleShape) and shape.keep == "onDemand"
    create_first = shape.replace == "createFirst"
    return Lifecycle(before, shape.prevent_destroy, create_first, shape.retire, tuple(ignored), on_demand), problems


def _field_path(text: str) -> Path | None:
    """`spec.contents[0].role` or `contents[0].role` as a path below spec."""
    if not re.fullmatch(r"[A-Za-z]\w*(?:\.[A-Za-z$]\w*|\[\d{1,6}\])*", text, re.ASCII):
        return None
    steps: list[str | int] = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", text)]
    return tuple(steps[1:] if steps[0] == "spec" else steps)


def run(
    shape: RunShape,
    reserved: Collection[str],
    positions: Positions,
    address: Address,
    inherited: Collection[Path],
) -> tuple[Run, list[Diagnostic]]:
    """The run of a resource. `reserved` are files that must not be overwritten; `inherited` as in `lifecycle`."""
    problems: list[Diagnostic] = []

    def refuse(code: str, field: str, detail: str, hint: str | None = None) -> None:
        span = positions.value(("run", field))
        problems.append(problem(code, detail, span=span, address=address, hint=hint))

    def own(field: str) -> bool:
        """Set here, and not for all jobs at once in the project's defaults, where it may wait for those it suits."""
        alias = to_camel(field)
        return field in shape.model_fields_set and not {("run",), ("run", alias)} & set(inherited)

    results = None
    if "results" in shape.model_fields_set:
        try:
            results = _own_file("results", shape.results, reserved)
        except _Wrong as wrong:
            refuse("E245", "results", str(wrong), wrong.hint)
    elif shape.cleanup == "whenHarvested" and own("cleanup"):
        refuse("E246", "cleanup", "Without results nothing is saved.", "Write results: with a path.")
    if own("max_resubmits") and "resubmit" not in (shape.on_expired, shape.on_failed):
        refuse("E246", "maxResubmits", "Neither onExpired nor onFailed says resubmit.", "Write onFailed: resubmit.")
    if own("retry_blocked") and shape.retry_blocked and "resubmit" not in (shape.on_expired, shape.on_failed):
        refuse("E246", "retryBlocked", "Neither onExpired nor onFailed says resubmit.", "Write onFailed: resubmit.")
    given = shape.model_fields_set
    return Run(
        key=shape.key if "key" in given else None,
        results=results,
        deadline=shape.deadline if "deadline" in given else None,
        on_expired=Ending(shape.on_expired),
        on_failed=Ending(shape.on_failed),
        max_resubmits=shape.max_resubmits,
        clean=shape.cleanup == "whenHarvested",
        on_own_edit=Edit(shape.on_edit.own),
        on_edited_references=Edit(shape.on_edit.references),
        retry_blocked=shape.retry_blocked,
    ), problems


def expectation(envelope: Envelope) -> Expect:
    """What is expected of a resource; nothing for kinds of which nothing can be."""
    if not isinstance(envelope, KeptEnvelope | RunEnvelope | ScheduledEnvelope):
        return NO_EXPECTATION
    shape = envelope.expect
    expected = {name: getattr(shape, name) for name in shape.model_fields_set}
    if "tokens_per_run" in expected:
        expected["tokens_per_run"] = _per_run(expected["tokens_per_run"])
    return Expect(**expected)


def _per_run(shape: int | SplitTokensShape) -> PerRun:
    return PerRun(shape) if isinstance(shape, int) else PerRun(input=shape.input, output=shape.output)


def files_of(rules: Run | None) -> tuple[str, ...]:
    """The files that a run writes: its results, their receipt, and the requests without a response; the first part of
    a job also those of the whole.
    """
    if rules is None or rules.results is None:
        return ()
    own = tuple(f"{rules.results}{end}" for end in ("", RECEIPT, WITHOUT))
    part = rules.part
    if part is None or part.number > 1 or part.results is None:
        return own
    text = f"{part.results.rpartition('.')[0]}{MARKDOWN}"
    shown = (text,) if is_document(part.results) and part.count == 1 and text != part.results else ()
    return (part.results, f"{part.results}{RECEIPT}", *shown, *own)


def secret_sink(
    sink: SecretSink, reserved: Collection[str], positions: Positions, address: Address
) -> tuple[SecretSink, list[Diagnostic]]:
    """The sink of a secret, with its file in the shortest spelling, from the project root. `reserved` are files of the
    project that must not be overwritten.
    """
    if sink.form != "file":
        return sink, []
    try:
        return replace(sink, target=_own_file("", sink.target, reserved)), []
    except _Wrong as wrong:
        span = positions.value(("spec", *sink.at))
        hint = "Such a path is seen from the project root."
        return sink, [problem("E248", str(wrong), span=span, address=address, hint=hint)]


def secret_sources(
    sources: Sequence[SecretSource], positions: Positions, address: Address
) -> tuple[tuple[SecretSource, ...], list[Diagnostic]]:
    """The sources of secrets, files by their paths from the project root. A file is named as a text is: as it is seen
    from the file that names it.
    """
    found: list[SecretSource] = []
    problems: list[Diagnostic] = []
    for source in sources:
        span = positions.value(("spec", *source.written))
        try:
            named = "/".join(steps_of(source.target, span.file)) if source.form == "file" else source.target
            found.append(replace(source, target=named))
        except BadPath as bad:
            problems.append(replace(bad.diagnostic(span), address=address))
    return tuple(found), problems


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
            problems.append(problem("E219", str(wrong), span=positions.value(path), address=address, hint=wrong.hint))
    return tuple(results), problems


def outputs(value: JsonObject) -> Iterator[tuple[str, str | None]]:
    """Files that a manifest lets gemctl write, with the key in each, None for results; wrong entries are left out."""
    entries = value.get("publish")
    for entry in entries if isinstance(entries, list) else ():
        with contextlib.suppress(_Wrong, ValidationError):
            given = PublishShape.model_validate(entry).model_dump(by_alias=True, exclude_unset=True)
            published = _publication(given, ())
            if published.file is not None:
                yield published.file, published.key
    run = value.get("run")
    if isinstance(run, dict) and isinstance(results := run.get("results"), str):
        with contextlib.suppress(_Wrong):
            yield _own_file("results", results, ()), None


class _Wrong(Exception):
    def __init__(self, field: str, detail: str, hint: str | None = None) -> None:
        super().__init__(detail)
        self.field, self.hint = field, hint


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
    return Publish(form, _own_file(field, given[field], manifests) if field else None, name)


def _own_file(field: str, text: str, manifests: Collection[str]) -> str:
    """A file that gemctl writes: the path from the project root, in its shortest spelling."""

    def wrong(detail: str) -> _Wrong:
        hint = "Such a path is seen from the project root. (Those in `spec` are seen from the file that names them.)"
        return _Wrong(field, detail, hint)

    try:
        steps = steps_of(text, "")
    except BadPath as bad:
        raise wrong(bad.detail) from None
    if not text.isprintable():
        raise wrong(f"{text!r} has characters that no path should have.")
    if not steps or text.endswith("/"):
        raise wrong(f"{text!r} names a folder, not a file.")
    if RESERVED & {step.lower() for step in steps}:
        raise wrong("The folders .gemctl and .git are not for such files.")
    path = "/".join(steps)
    if path in manifests or path.lower().endswith((".yaml", ".yml")):
        raise wrong(f"{path} would be a manifest.")
    return path
