"""Documents to resources: the one place where text becomes a wish.

Everything here is a function of its arguments. Files named by a manifest are read by `attach`, which the caller gives;
kinds come as a catalogue, and none is known by name. All that is wrong with all documents is found before anything is
raised, and each complaint points at the line that a person would change: at the manifest, or at the defaults in
gemctl.yaml if the value came from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ValidationError

from gemctl.core.address import Address, valid_name
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors, in_reading_order
from gemctl.core.digest import canonical, sha256
from gemctl.core.errors import Rejected
from gemctl.core.kind import Catalogue, FileNeed, Kind, Naming
from gemctl.core.moment import show_duration, show_instant, wire_duration
from gemctl.core.project import Project, Stack
from gemctl.core.resource import (
    Attachment,
    Companion,
    Declared,
    Desired,
    Expiry,
    Lifecycle,
    Publish,
    Resource,
    Run,
    Ttl,
    Until,
)
from gemctl.core.shape import did_you_mean, explain
from gemctl.core.source import Json, JsonObject, Path, Positions, Span
from gemctl.manifest.envelope import (
    API_VERSION,
    LEAST_RENEWAL,
    Envelope,
    RunEnvelope,
    envelope_of,
    files_of,
    lifecycle,
    publications,
    run,
)
from gemctl.manifest.refs import check_references, link, substitute
from gemctl.manifest.yaml import Document

Attach = Callable[[FileNeed, str], tuple[Attachment, ...]]

_EITHER = ("ttl", "expireTime")  # setting one of them in a resource takes the other back from the defaults
_ELSEWHERE = {
    "Project": "A project stands in gemctl.yaml, at the top of the project.",
    "List": "Lists are not available in this version; write several documents, separated by ---.",
}


def bind(
    documents: Sequence[Document],
    project: Project,
    stack: Stack,
    catalogue: Catalogue,
    attach: Attach,
    *,
    origin: Document | None = None,
    now: datetime | None = None,
) -> Desired:
    """Everything that the documents declare, for one stack.

    attach   reads the files that a manifest names: `(need, file that names them) → texts, sorted`; raises Rejected.
    origin   gemctl.yaml, so that complaints about its defaults can point there.
    now      to say what is already over; None says nothing about that.

    Raises Rejected with all errors and warnings in reading order.
    """
    binder = _Binder(project, stack, catalogue, attach, origin, now)
    binder.check_project()
    files = frozenset(document.file.path for document in documents)
    for document in documents:
        binder.add(document, files)
    return binder.finish()


def digest(resources: Mapping[Address, Resource]) -> str:
    """What a saved plan is bound to: all that decides what is sent, written and kept. Texts are in it as digests."""
    return sha256(canonical([_digested(resources[address]) for address in sorted(resources)]))


def _digested(resource: Resource) -> Json:
    rules, how = resource.lifecycle, resource.run
    more: dict[str, Json] = {}
    if resource.declared.extras:
        more["extras"] = dict(resource.declared.extras)
    if rules.on_demand:
        more["onDemand"] = True
    if how is not None:
        more["run"] = {
            "results": how.results,
            "deadline": None if how.deadline is None else wire_duration(how.deadline),
            "onExpired": how.on_expired,
            "onFailed": how.on_failed,
            "maxResubmits": how.max_resubmits,
            "clean": how.clean,
        }
    return {
        "address": str(resource.address),
        "fields": resource.declared.fields,
        "expiry": _digested_expiry(resource.declared.expiry),
        "display": resource.human,
        "lifecycle": {
            "renewBefore": None if rules.renew_before is None else wire_duration(rules.renew_before),
            "preventDestroy": rules.prevent_destroy,
            "createFirst": rules.create_first,
            "retire": wire_duration(rules.retire),
            "ignoreChanges": [list(path) for path in rules.ignore_changes],
        },
        "publish": [[entry.form, entry.file, entry.key] for entry in resource.publish],
        **more,
    }


def _digested_expiry(expiry: Expiry | None) -> Json:
    match expiry:
        case Ttl(ttl):
            return {"ttl": wire_duration(ttl)}
        case Until(instant):
            return {"expireTime": show_instant(instant)}
        case None:
            return None


class _Binder:
    def __init__(
        self,
        project: Project,
        stack: Stack,
        catalogue: Catalogue,
        attach: Attach,
        origin: Document | None,
        now: datetime | None,
    ) -> None:
        self._project = project
        self._stack = stack
        self._catalogue = catalogue
        self._attach = attach
        self._origin = origin
        self._now = now
        self._problems: list[Diagnostic] = []
        self._resources: dict[Address, Resource] = {}
        self._declared_at: dict[Address, Span] = {}  # also what turned out to be wrong
        self._defaults: dict[str, JsonObject] = {}

    # The project's part.

    def check_project(self) -> None:
        """Put variables into the defaults, and look for kinds that don't exist."""
        for kind, parts in self._project.defaults.items():
            self._known(kind, ("defaults", kind))
            value, problems = substitute(parts, self._stack.vars, self._project_positions, ("defaults", kind))
            self._problems.extend(problems)
            self._defaults[kind] = value
        for address in self._project.imports:
            self._known(address.kind, ("imports", str(address)))

    @property
    def _project_positions(self) -> Positions:
        return self._origin.positions if self._origin else Positions(Span("gemctl.yaml", 1, 1, 1, 1))

    def _known(self, kind: str, at: Path) -> None:
        if kind not in self._catalogue:
            span = self._project_positions.key(at)
            hint = did_you_mean(kind, self._catalogue)
            self._problems.append(problem("E203", f"There is no kind {kind}.", span=span, hint=hint))

    # One document.

    def add(self, document: Document, manifests: frozenset[str]) -> None:
        value, problems = substitute(document.value, self._stack.vars, document.positions)
        self._problems.extend(problems)
        if not isinstance(value, dict):
            detail = "The document is not a mapping."
            self._problems.append(problem("E201", detail, span=document.positions.root))
            return
        kind_name = value.get("kind")
        kind = self._catalogue.get(kind_name) if isinstance(kind_name, str) else None
        if not self._is_resource(value, document.positions):
            return
        merged: JsonObject = value
        positions, inherited = document.positions, frozenset[Path]()
        if kind is not None and (defaults := self._defaults.get(kind.name)):
            merged, inherited = _merge(defaults, value)
            below: Path = ("defaults", kind.name)
            positions = _layered(document.positions, self._project_positions, below, inherited)
        address = _address(merged)
        envelope = self._envelope(kind, merged, positions, address)
        if kind is None:
            if isinstance(kind_name, str):
                hint = did_you_mean(kind_name, self._catalogue)
                span = positions.value(("kind",))
                self._report(problem("E203", f"There is no kind {kind_name}.", span=span, address=address, hint=hint))
            return
        if address is not None and not self._is_new(address, positions):
            return
        declared = self._declared(kind, merged.get("spec", {}), positions, address)
        if envelope is None or declared is None or address is None:
            return
        self._check_expiry(declared.expiry, positions, address)
        rules, problems_of_rules = lifecycle(
            envelope.lifecycle, declared.expiry, kind.rules, positions, address, inherited
        )
        reserved = manifests | {"gemctl.yaml"}
        published, problems_of_publishing = publications(envelope.publish, reserved, positions, address)
        self._problems.extend((*problems_of_rules, *problems_of_publishing))
        if kind.naming is Naming.LOCAL:
            self._check_local(rules, published, positions, address)
        how: Run | None = None
        if isinstance(envelope, RunEnvelope):
            how, problems_of_running = run(envelope.run, reserved, positions, address, inherited)
            self._problems.extend(problems_of_running)
        self._resources[address] = Resource(
            address=address,
            declared=_complete(declared, address, how),
            lifecycle=rules,
            publish=published,
            labels=MappingProxyType(envelope.metadata.labels),
            annotations=MappingProxyType(envelope.metadata.annotations),
            positions=positions,
            run=how,
        )
        for companion in declared.companions:
            self._accompany(companion, address, positions)

    def _accompany(self, companion: Companion, leader: Address, positions: Positions) -> None:
        """Declare what a spec declares in passing; all complaints about it point at that spec."""
        address = Address(companion.kind, f"{leader.name}{companion.suffix}")
        there = Positions(positions.value(("spec", *companion.at)))
        if not valid_name(address.name):
            detail = f"{leader.name} is too long a name: {address.name} would have to be one too."
            self._report(problem("E205", detail, span=positions.value(("metadata", "name")), address=leader))
        elif self._is_new(address, there):
            declared = self._declared(self._catalogue[companion.kind], companion.spec, there, address)
            if declared is not None:
                nothing: Mapping[str, str] = MappingProxyType({})
                rules = Lifecycle(on_demand=True)
                plain = replace(declared, problems=())
                self._resources[address] = Resource(address, plain, rules, (), nothing, nothing, there, leader=leader)

    def _is_resource(self, value: JsonObject, positions: Positions) -> bool:
        """False, and said why, for what is no resource at all or stands in the wrong place."""
        version, kind = value.get("apiVersion"), value.get("kind")
        if version is None and kind is None:
            detail = "The document has neither apiVersion nor kind."
            self._report(problem("E201", detail, span=positions.root))
            return False
        if version is not None and version != API_VERSION:
            shown = f"This is {version!r}." if isinstance(version, str) else "This is not text."
            self._report(
                problem("E202", shown, span=positions.value(("apiVersion",)), hint=f"Write apiVersion: {API_VERSION}.")
            )
            return False
        if isinstance(kind, str) and kind in _ELSEWHERE and kind not in self._catalogue:
            self._report(problem("E204", _ELSEWHERE[kind], span=positions.value(("kind",))))
            return False
        return True

    def _envelope(
        self, kind: Kind | None, value: JsonObject, positions: Positions, address: Address | None
    ) -> Envelope | None:
        shape = envelope_of(kind.lifetime if kind else None)
        try:
            return shape.model_validate(value)
        except ValidationError as error:
            self._explain(error, shape, value, positions, (), address)
            return None

    def _is_new(self, address: Address, positions: Positions) -> bool:
        span = positions.value(("metadata", "name"))
        if (first := self._declared_at.get(address)) is not None:
            detail = f"{address} is declared in {first.file}, line {first.line}, already."
            self._report(problem("E211", detail, span=span, address=address))
            return False
        self._declared_at[address] = span
        return True

    def _declared(self, kind: Kind, spec: Json, positions: Positions, address: Address | None) -> Declared | None:
        """The spec in its canonical form, or None where something is wrong with it."""
        if not isinstance(spec, dict):
            return None  # the envelope has said so
        try:
            model = kind.spec.model_validate(spec)
        except ValidationError as error:
            self._explain(error, kind.spec, spec, positions, ("spec",), address)
            return None
        files: dict[Path, tuple[Attachment, ...]] = {}
        complete = True
        for need in kind.files(model):
            span = positions.value(("spec", *need.at))
            try:
                files[need.at] = self._attach(need, span.file)
            except Rejected as rejected:
                complete = False
                for found in rejected.diagnostics:
                    if found.span is not None:  # it is about a line of the file, and not about its name
                        detail = f"{found.detail} The file is named in {span.file}, line {span.line}."
                        found = replace(found, detail=detail)
                    self._report(replace(found, span=found.span or span, address=address))
        if not complete:
            return None
        declared = kind.declare(model, files)
        for path, found in declared.problems:
            span = positions.value(("spec", *path))
            if not path and span.file != positions.root.file:  # all there is of the spec comes from the defaults
                span = positions.root
            self._report(replace(found, span=span, address=address))
        return None if errors(found for _, found in declared.problems) else declared

    def _check_expiry(self, expiry: Expiry | None, positions: Positions, address: Address) -> None:
        limit = self._project.safety.max_ttl
        match expiry:
            case Ttl(ttl):
                span = positions.value(("spec", "ttl"))
                if ttl > limit:
                    detail = f"The ttl is {show_duration(ttl)}, and the limit {show_duration(limit)}."
                    self._report(problem("E218", detail, span=span, address=address))
                elif ttl <= LEAST_RENEWAL:
                    detail = f"The ttl is {show_duration(ttl)}."
                    self._report(problem("W202", detail, span=span, address=address))
            case Until(instant) if self._now is not None:
                span = positions.value(("spec", "expireTime"))
                if instant <= self._now:
                    detail = f"It was {show_duration(self._now - instant)} ago."
                    self._report(problem("W203", detail, span=span, address=address))

    def _check_local(
        self, rules: Lifecycle, published: tuple[Publish, ...], positions: Positions, address: Address
    ) -> None:
        """What has no object has no name to publish, and nothing that would stay as it is in spite of a change."""
        if published:
            detail = f"A {address.kind} is only recorded: it has no name that readers could use."
            self._report(problem("E219", detail, span=positions.key(("publish",)), address=address))
        if rules.ignore_changes:
            detail = f"A {address.kind} is only recorded, so that its changes replace nothing."
            span = positions.key(("lifecycle", "ignoreChanges"))
            self._report(problem("E221", detail, span=span, address=address))

    # What spans documents.

    def finish(self) -> Desired:
        resources = {address: self._resources[address] for address in sorted(self._resources)}
        self._check_publications(resources)
        self._check_results(resources)
        for found in check_references(resources.values(), self._catalogue):
            # What it refers to may be declared, and wrong for another reason.
            if found.code != "E222" or not self._is_broken(found, resources):
                self._report(found)
        unique = tuple(dict.fromkeys(self._problems))
        if not errors(unique):
            resources, unlike = link(resources)
            unique = (*unique, *unlike)
        ordered = in_reading_order(unique)
        if errors(ordered):
            raise Rejected(ordered)
        attachments = {text.digest: text for resource in resources.values() for text in resource.declared.attachments}
        return Desired(MappingProxyType(resources), MappingProxyType(attachments), ordered, digest(resources))

    def _is_broken(self, found: Diagnostic, resources: Mapping[Address, Resource]) -> bool:
        if found.address is None:
            return False
        references = resources[found.address].declared.references
        broken = [at for at in self._declared_at if at not in resources]
        return any(reference.target in broken and str(reference.target) in found.detail for reference in references)

    def _check_publications(self, resources: Mapping[Address, Resource]) -> None:
        taken: dict[tuple[str | None, str], Address] = {}
        formats: dict[str, tuple[str, Address]] = {}
        texts = _files_read(resources)
        for address, resource in resources.items():
            for index, entry in enumerate(resource.publish):
                span = resource.positions.value(("publish", index))
                first = taken.setdefault((entry.file, entry.key), address)
                count = sum((other.file, other.key) == (entry.file, entry.key) for other in resource.publish[:index])
                if first != address or count:
                    where = entry.file or "the output of the step"
                    detail = f"{first} publishes {entry.key} in {where} already."
                    self._report(problem("E220", detail, span=span, address=address))
                if entry.file is None:
                    continue
                if entry.file in texts:
                    detail = f"{entry.file} is a file {texts[entry.file]}."
                    self._report(problem("E219", detail, span=span, address=address))
                form, other = formats.setdefault(entry.file, (entry.form, address))
                if form != entry.form:
                    detail = f"{other} publishes in {entry.file} in another format."
                    self._report(problem("E220", detail, span=span, address=address))

    def _check_results(self, resources: Mapping[Address, Resource]) -> None:
        """Results, and the receipts beside them, are in files that nothing else is read from or written to."""
        taken = {path: f"{path} is a file {what}." for path, what in _files_read(resources).items()}
        for address, resource in resources.items():
            for entry in resource.publish:
                taken.setdefault(entry.file or "", f"{address} publishes in {entry.file}.")
        for address, resource in resources.items():
            mine = files_of(resource.run)
            if clash := next((taken[path] for path in mine if path in taken), None):
                span = resource.positions.value(("run", "results"))
                self._report(problem("E245", clash, span=span, address=address))
            taken |= dict.fromkeys(mine, f"{address} saves its results there.")

    def _report(self, found: Diagnostic) -> None:
        """Take it down; what is wrong with the defaults is said once, and not again for every resource."""
        if self._origin is not None and found.span and found.span.file == self._origin.file.path:
            found = replace(found, address=None)
        self._problems.append(found)

    def _explain(
        self,
        error: ValidationError,
        model: type[BaseModel],
        value: Json,
        positions: Positions,
        prefix: Path,
        address: Address | None,
    ) -> None:
        details: list[Any] = error.errors(include_url=False, include_input=False)
        for found in explain(details, _schema(model), value, positions, prefix=prefix, address=address):
            self._report(found)


def _files_read(resources: Mapping[Address, Resource]) -> Mapping[str, str]:
    """Every file of the project that is sent, and what becomes of it."""
    read = [text for resource in resources.values() for text in resource.declared.attachments]
    return {text.path: "that is uploaded" if text.binary else "that is cached" for text in read if text.path}


def _complete(declared: Declared, address: Address, how: Run | None) -> Declared:
    """What a kind made of a spec, with what it couldn't know: the resource's name, and which run of it is meant."""
    companions = {(companion.kind, companion.suffix) for companion in declared.companions}
    references = tuple(
        replace(reference, target=Address(reference.target.kind, f"{address.name}{reference.target.name}"))
        if (reference.target.kind, reference.target.name) in companions
        else reference
        for reference in declared.references
    )
    fields = declared.fields
    if how is not None and how.key is not None:
        fields = {**fields, "run": {"key": how.key}}
    return replace(declared, fields=fields, references=references, problems=())


@lru_cache(maxsize=64)
def _schema(model: type[BaseModel]) -> JsonObject:
    return model.model_json_schema()


def _address(value: JsonObject) -> Address | None:
    """The address, if there is enough of it to name the resource by."""
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if isinstance(kind, str) and kind.isidentifier() and isinstance(name, str) and valid_name(name):
        return Address(kind, name)
    return None


def _merge(defaults: JsonObject, own: JsonObject) -> tuple[JsonObject, frozenset[Path]]:
    """The defaults under a resource, and the paths that came from them."""
    defaults = dict(defaults)
    for key, other in (_EITHER, _EITHER[::-1]):
        spec, default_spec = own.get("spec"), defaults.get("spec")
        if isinstance(spec, dict) and isinstance(default_spec, dict) and key in spec and other not in spec:
            defaults["spec"] = {name: value for name, value in default_spec.items() if name != other}
    inherited: set[Path] = set()
    return _merged(defaults, own, (), inherited), frozenset(inherited)


def _merged(under: JsonObject, over: JsonObject, path: Path, inherited: set[Path]) -> JsonObject:
    """Mappings key by key; anything else is replaced whole."""
    result = dict(over)
    for key, value in under.items():
        below = (*path, key)
        if key not in over:
            result[key] = value
            inherited.add(below)
        elif isinstance(value, dict) and isinstance(over[key], dict):
            result[key] = _merged(value, over[key], below, inherited)
    return result


def _layered(own: Positions, project: Positions, below: Path, inherited: frozenset[Path]) -> Positions:
    return Positions(
        own.root,
        _Layered(own.values, project.values, below, inherited),
        _Layered(own.keys, project.keys, below, inherited),
    )


class _Layered(Mapping[Path, Span]):
    """The places of a document, and of what it inherited from the project's defaults, which stand at `below` there."""

    __slots__ = ("_below", "_inherited", "_own", "_project")

    def __init__(
        self, own: Mapping[Path, Span], project: Mapping[Path, Span], below: Path, inherited: frozenset[Path]
    ) -> None:
        self._own, self._project, self._below, self._inherited = own, project, below, inherited

    def __getitem__(self, path: Path) -> Span:
        if any(path[:length] in self._inherited for length in range(1, len(path) + 1)):
            return self._project[(*self._below, *path)]
        return self._own[path]

    def __iter__(self) -> Iterator[Path]:
        yield from self._own
        for path in self._project:
            here = path[len(self._below) :]
            if path[: len(self._below)] == self._below and here in self:
                yield here

    def __len__(self) -> int:
        return sum(1 for _ in self)
