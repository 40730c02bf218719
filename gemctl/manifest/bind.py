"""Binds documents to resources: checks each against its kind, and makes `Desired` of all of them. Called by `load`.

Everything here is a function of its arguments. Files named by a manifest are read by `attach`, which the caller gives;
kinds come as a catalogue, and none is known by name. All mistakes in all documents are found before anything is raised,
and each complaint points at the line that a person would change: at the manifest, or at the defaults in gemctl.yaml if
the value came from there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gemctl.core.address import Address, valid_name
from gemctl.core.call import Reference, put
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors, in_reading_order
from gemctl.core.digest import canonical, sha256
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, Chosen, FileNeed, Kind, parent_of
from gemctl.core.lifetime import Once
from gemctl.core.mark import spec_tag
from gemctl.core.moment import exact_duration, show_duration, show_instant, wire_duration
from gemctl.core.project import Endpoint, Project, Stack
from gemctl.core.resource import (
    PARTS,
    Attachment,
    Declared,
    Desired,
    Edit,
    Expiry,
    Generated,
    Lifecycle,
    Part,
    Publish,
    Resource,
    Run,
    Ttl,
    Until,
    is_document,
    is_table,
    part_address,
)
from gemctl.core.scalar import resolve
from gemctl.core.source import Json, JsonObject, Path, Positions, Span
from gemctl.manifest.envelope import (
    API_VERSION,
    LEAST_RENEWAL,
    Envelope,
    RunEnvelope,
    envelope_of,
    expectation,
    files_of,
    lifecycle,
    outputs,
    publications,
    run,
    secret_sink,
    secret_sources,
)
from gemctl.manifest.layers import LayeredManifest, alone, named_by_itself, overlay, unfold, with_defaults
from gemctl.manifest.refs import Substitution, Uses, check_references, link, scope
from gemctl.manifest.stack import COMMAND_LINE
from gemctl.manifest.unedited import Remembered, Unedited
from gemctl.manifest.yaml import Document
from gemctl.schema.spelling import did_you_mean
from gemctl.schema.validation import explain, path_of

Model = TypeVar("Model", bound=BaseModel)
Attach = Callable[[FileNeed, str], tuple[Attachment, ...]]

_ELSEWHERE = {
    "Project": "A project stands in gemctl.yaml, at the top of the project.",
    "Facts": "A file of facts is no manifest: name it with `facts: FILE` in gemctl.yaml.",
}
_INCOMPLETE = frozenset({"E207", "E227", "E242"})  # complaints about a resource that lacks something
_NOT_OURS = "A file that is not for gemctl belongs outside the project, or in a folder whose name begins with a dot."
_SCALARS = frozenset({"bool_type", "int_type", "float_type"})


def bind(
    documents: Sequence[Document],
    project: Project,
    stack: Stack,
    catalogue: Catalogue,
    attach: Attach,
    *,
    origin: Document | None = None,
    now: datetime | None = None,
    overlays: Sequence[Sequence[Document]] = (),
    partial: bool = False,
) -> Desired:
    """Everything that the documents declare, for one stack.

    attach   reads the files that a manifest names: `(need, file that names them) → texts, sorted`; raises Rejected.
    origin   gemctl.yaml, so that complaints about its defaults can point there.
    now      to warn of instants that are past; None for no such warning.
    overlays the documents of each overlay folder, in the order in which they are laid over the others.
    partial  there are other documents, too: overlays for what isn't declared here are left out.

    Raises Rejected with all errors and warnings in reading order.
    """
    return bind_drafts(
        documents, project, stack, catalogue, attach, origin=origin, now=now, overlays=overlays, partial=partial
    ).desired


@dataclass(frozen=True, slots=True)
class BoundManifests:
    """What is declared; the layered manifest that each resource was made of, of those that were read; and what each
    file declared that can be remembered: without its digest, and the files that it names.
    """

    desired: Desired
    manifests: Mapping[Address, LayeredManifest]
    by_file: Mapping[str, Remembered]


def bind_drafts(
    documents: Sequence[Document | Unedited],
    project: Project,
    stack: Stack,
    catalogue: Catalogue,
    attach: Attach,
    *,
    origin: Document | None,
    now: datetime | None,
    overlays: Sequence[Sequence[Document]],
    partial: bool,
) -> BoundManifests:
    """As `bind`. No overlay lies over what is known of documents that were not read."""
    binder = _Binder(project, stack, catalogue, attach, origin, now)
    binder.check_project()
    read = (one for folder in overlays for one in folder)
    paths = (one.path if isinstance(one, Unedited) else one.file.path for one in (*documents, *read))
    files = frozenset(("gemctl.yaml", *paths))
    for draft in binder.drafts(documents, overlays, partial=partial):
        if isinstance(draft, Unedited):
            binder.take(draft)
        else:
            binder.add(draft, files)
    binder.check_variables()
    return BoundManifests(binder.finish(), binder.made, binder.by_file())


def places(
    documents: Sequence[Document], project: Project, stack: Stack, catalogue: Catalogue, origin: Document
) -> Mapping[Address, Positions]:
    """Where each value of these resources was written, over which no overlay lies."""
    binder = _Binder(project, stack, catalogue, lambda *_: (), origin, None)
    binder.check_project()
    drafts = (one for one in binder.drafts(documents, (), partial=True) if isinstance(one, LayeredManifest))
    found = ((address_of(draft.value), binder.layered(draft).positions) for draft in drafts)
    return {address: positions for address, positions in found if address}


def written(
    documents: Sequence[Document],
    project: Project,
    stack: Stack,
    catalogue: Catalogue,
    *,
    origin: Document,
    overlays: Sequence[Sequence[Document]],
) -> frozenset[tuple[str, str | None]]:
    """The files that runs of a stack write, with the key in each, None for results. Wrong documents are left out."""
    binder = _Binder(project, stack, catalogue, lambda *_: (), origin, None)
    binder.check_project()
    heads = [[_head(document) for document in folder] for folder in (documents, *overlays)]
    drafts = binder.drafts(heads[0], heads[1:], partial=False)
    read = (draft for draft in drafts if isinstance(draft, LayeredManifest))
    return frozenset(output for draft in read for output in outputs(binder.with_defaults(draft).value))


def _head(document: Document) -> Document:
    """All of a document but the specs."""

    def head(value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        items = {"items": [head(item) for item in value["items"]]} if isinstance(value.get("items"), list) else {}
        return {key: item for key, item in value.items() if key != "spec"} | items

    return replace(document, value=head(document.value))


def digest(resources: Mapping[Address, Resource]) -> str:
    """The digest that binds a saved plan: of all that decides what is sent, written and kept, texts as digests."""
    return sha256(canonical([_digested(resources[address]) for address in sorted(resources)]))


def _digested(resource: Resource) -> Json:
    rules, how = resource.lifecycle, resource.run
    more: dict[str, Json] = {}
    if resource.declared.extras:
        more["extras"] = dict(resource.declared.extras)
    if rules.on_demand:
        more["onDemand"] = True
    if members := resource.declared.members:
        more["members"] = sha256(canonical({path: one.tag for path, one in members.items()}))
    if how is not None:
        more["run"] = {
            "results": how.results,
            "deadline": None if how.deadline is None else wire_duration(how.deadline),
            "onExpired": how.on_expired,
            "onFailed": how.on_failed,
            "maxResubmits": how.max_resubmits,
            "clean": how.clean,
            **({"retryBlocked": True} if how.retry_blocked else {}),
        }
        if (how.on_own_edit, how.on_edited_references) != (Edit.RERUN, Edit.REPORT):
            more["onEdit"] = [how.on_own_edit, how.on_edited_references]
    return {
        "address": str(resource.address),
        "fields": resource.declared.fields,
        "expiry": _digested_expiry(resource.declared.expiry),
        "display": resource.display_name,
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
        self._substitution = Substitution(scope(project.name, stack.name, stack.vars))
        self._problems: list[Diagnostic] = []
        self._resources: dict[Address, Resource] = {}
        self._declared_at: dict[Address, Positions] = {}  # also of resources that turned out to be wrong
        self._defaults: dict[str, JsonObject] = {}
        self._default_uses: Uses = {}
        self._used: set[str] = set()  # names of variables
        self._files: dict[str, tuple[set[str], int]] = {}  # the variables in each, and the characters that they added
        self._wrong: set[str] = set()  # files of which something was said
        self.made: dict[Address, LayeredManifest] = {}

    # The project's part.

    def check_project(self) -> None:
        """Put variables into the defaults, and look for kinds that don't exist."""
        for kind, parts in self._project.defaults.items():
            self._known(kind, ("defaults", kind))
            below: Path = ("defaults", kind)
            value, problems, uses = self._substitution.fill(parts, self._project_positions, below)
            self._problems.extend(problems)
            self._defaults[kind] = value
            self._default_uses = {**self._default_uses, **uses}
            self._note(uses)
        for address in self._project.imports:
            self._known(address.kind, ("imports", str(address)))
        for stack in self._project.stacks.values():
            for address in stack.imports:
                self._known(address.kind, ("stacks", stack.name, "imports", str(address)))
        for index, move in enumerate(self._project.moved):
            self._known(move.old.kind, ("moved", index, "from"))
        self._check_common_imports()

    def _check_common_imports(self) -> None:
        """Complain of common imports where two stacks use one key: both would have the object."""
        firm = {name for stack in self._project.stacks.values() for name in stack.imports.values()}
        common = [address for address, name in self._project.imports.items() if name not in firm]
        here = self._stack
        same = [
            stack.name
            for stack in self._project.stacks.values()
            if (stack.endpoint, stack.key_env, stack.keyring) == (here.endpoint, here.key_env, here.keyring)
        ]
        if here.endpoint is Endpoint.EMULATOR or len(same) < 2:
            return
        for address in common:
            detail = f"Stacks {', '.join(same)} use one key, and each of them would take {address} for its own."
            hint = f"Move the line to the stack that it belongs to, such as stacks.{here.name}.imports."
            span = self._project_positions.key(("imports", str(address)))
            self._problems.append(problem("W563", detail, span=span, hint=hint))

    @property
    def _project_positions(self) -> Positions:
        return self._origin.positions if self._origin else Positions(Span("gemctl.yaml", 1, 1, 1, 1))

    def _known(self, kind: str, at: Path) -> None:
        if kind not in self._catalogue:
            span = self._project_positions.key(at)
            hint = did_you_mean(kind, self._catalogue)
            self._problems.append(problem("E203", f"There is no kind {kind}.", span=span, hint=hint))

    def check_variables(self) -> None:
        """Complain of variables from the command line that no manifest uses: most likely misspelt."""
        known = self._used.union(*(stack.vars for stack in self._project.stacks.values()))
        for name, source in self._stack.given.items():
            if source == COMMAND_LINE and name not in known:
                hint = did_you_mean(name, known)
                self._problems.append(problem("E023", f"Nothing uses a variable {name}.", hint=hint))

    def _note(self, uses: Uses) -> None:
        self._used.update(name for use in uses.values() for name in use.names)

    # From documents to drafts.

    def drafts(
        self, documents: Sequence[Document | Unedited], overlays: Sequence[Sequence[Document]], *, partial: bool
    ) -> Sequence[LayeredManifest | Unedited]:
        """The declared resources, with variables put in and overlays laid over them."""
        drafts: list[LayeredManifest | Unedited] = []
        for document in documents:
            if not isinstance(document, Unedited):
                drafts += self._filled(document)
            elif self._substitution.take(document.declared.length):
                drafts.append(document)
            else:  # the text with which it is too much may stand in it
                drafts += (draft for one in document.parsed() for draft in self._filled(one))
        places: dict[Address, int] = {}
        for number, draft in enumerate(drafts):
            if isinstance(draft, LayeredManifest) and (declared := address_of(draft.value)) is not None:
                places.setdefault(declared, number)
        for folder in overlays:
            first: dict[Address, Span] = {}
            for over in (draft for document in folder for draft in self._filled(document)):
                address = self._laid_over(over)
                if address is None:
                    continue
                span = over.positions.value(("metadata", "name"))
                if (other := first.setdefault(address, span)) is not span:
                    detail = f"The overlay for {address} is in {other.file}, line {other.line}, already."
                    self._report(problem("E211", detail, span=span, address=address))
                elif (place := places.get(address)) is not None:
                    under = drafts[place]
                    assert isinstance(under, LayeredManifest)
                    drafts[place] = overlay(under, over)
                    self._wrong.add(under.positions.root.file)  # it is not all that its file says
                elif not partial:
                    places[address] = len(drafts)
                    drafts.append(alone(over))
        return drafts

    def _filled(self, document: Document) -> list[LayeredManifest]:
        drafts: list[LayeredManifest] = []
        before, added = len(self._problems), self._substitution.added
        for one in unfold(document, self._problems):
            value, problems, uses = self._substitution.fill(one.value, one.positions)
            self._problems.extend(problems)
            self._note(uses)
            drafts.append(LayeredManifest(value, one.positions, uses))
        names, length = self._files.setdefault(document.file.path, (set(), 0))
        names.update(name for draft in drafts for use in draft.uses.values() for name in use.names)
        self._files[document.file.path] = names, length + self._substitution.added - added
        if len(self._problems) > before:
            self._wrong.add(document.file.path)
        return drafts

    def layered(self, draft: LayeredManifest) -> LayeredManifest:
        """The draft with all that it is made of: the project's defaults, and its own name where that is a field."""
        kind_name = draft.value.get("kind") if isinstance(draft.value, dict) else None
        kind = self._catalogue.get(kind_name) if isinstance(kind_name, str) else None
        draft = self.with_defaults(draft)
        if kind and kind.remote and isinstance(kind.remote.identity, Chosen) and kind.remote.identity.own:
            return named_by_itself(draft, kind.remote.identity.own)
        return draft

    def with_defaults(self, draft: LayeredManifest) -> LayeredManifest:
        """The draft with the project's defaults for its kind."""
        kind = draft.value.get("kind") if isinstance(draft.value, dict) else None
        if not isinstance(kind, str) or kind not in self._catalogue or not (defaults := self._defaults.get(kind)):
            return draft
        return with_defaults(draft, defaults, self._default_uses, self._project_positions, ("defaults", kind))

    def _laid_over(self, draft: LayeredManifest) -> Address | None:
        """The address that an overlay belongs to, or None after a complaint."""
        value, positions = draft.value, draft.positions
        if not isinstance(value, dict):
            self._problems.append(problem("E201", "The document is not a mapping.", span=positions.root))
            return None
        if not self._is_resource(value, positions):
            return None
        address = address_of(value)
        if address is None or "apiVersion" not in value:
            detail = "An overlay has an apiVersion, a kind, and a metadata.name that is one."
            span = positions.key(("metadata", "name")) if address is None else positions.root
            self._report(problem("E234", detail, span=span, hint="Copy them from the manifest that it belongs to."))
            return None
        return address

    # One draft.

    def add(self, draft: LayeredManifest, manifests: frozenset[str]) -> None:
        before = len(self._problems)
        self._bind(draft, manifests)
        found = self._problems[before:]
        if found:
            self._wrong.add(draft.positions.root.file)
        if not draft.added or not any(one.code in _INCOMPLETE for one in found):
            return
        address = address_of(draft.value)
        assert address is not None
        others = [at.name for at in self._declared_at if at.kind == address.kind and at != address]
        hint = did_you_mean(address.name, others)
        detail = f"No manifest declares {address}, and what stands here is not all of it."
        span = draft.positions.value(("metadata", "name"))
        self._problems[before:] = [one for one in found if one.code not in _INCOMPLETE]
        self._report(problem("E233", detail, span=span, address=address, hint=hint))

    def take(self, known: Unedited) -> None:
        """Declare what a file is known to declare."""
        self._used.update(known.declared.uses)
        for one in known.resources:
            address, positions = one.address, one.positions
            if self._is_new(address, positions):
                self._check_expiry(one.declared.expiry, positions, address)
                self._resources[address] = one

    def by_file(self) -> Mapping[str, Remembered]:
        """What each file declared of which nothing was said: before it is linked."""
        resources: dict[str, list[Resource]] = {path: [] for path in self._files if path not in self._wrong}
        for one in self._resources.values():
            if (there := resources.get(one.positions.root.file)) is not None:
                there.append(one)
        return {
            path: Remembered("", tuple(there), (), tuple(sorted(self._files[path][0])), self._files[path][1])
            for path, there in resources.items()
        }

    def _bind(self, draft: LayeredManifest, manifests: frozenset[str]) -> None:
        value, positions = draft.value, draft.positions
        if not isinstance(value, dict):
            detail = "The document is not a mapping."
            self._problems.append(problem("E201", detail, span=positions.root))
            return
        kind_name = value.get("kind")
        kind = self._catalogue.get(kind_name) if isinstance(kind_name, str) else None
        if not self._is_resource(value, positions):
            return
        draft = self.layered(draft)
        positions, inherited = draft.positions, draft.inherited
        address = address_of(value)
        envelope, merged = self._envelope(kind, draft, address)
        if kind is None:
            if isinstance(kind_name, str):
                hint = did_you_mean(kind_name, self._catalogue)
                span = positions.value(("kind",))
                self._report(problem("E203", f"There is no kind {kind_name}.", span=span, address=address, hint=hint))
            return
        if address is not None and not self._is_new(address, positions):
            return
        declared, spec = self._declared(kind, merged.get("spec", {}), positions, address, draft.uses)
        if envelope is None or declared is None or address is None:
            return
        self._check_expiry(declared.expiry, positions, address)
        rules, problems_of_rules = lifecycle(
            envelope.lifecycle, declared.expiry, kind.lifetime, kind.rules, positions, address, inherited
        )
        published, problems_of_publishing = publications(envelope.publish, manifests, positions, address)
        self._problems.extend((*problems_of_rules, *problems_of_publishing))
        if kind.remote is None:
            self._check_local(rules, published, positions, address)
        if declared.sink:
            sink, problems_of_sink = secret_sink(declared.sink, manifests, positions, address)
            declared = replace(declared, sink=sink)
            self._problems.extend(problems_of_sink)
        if declared.secrets:
            found, problems_of_secrets = secret_sources(declared.secrets, positions, address)
            declared = replace(declared, secrets=found)
            self._problems.extend(problems_of_secrets)
        how: Run | None = None
        if isinstance(envelope, RunEnvelope):
            how, problems_of_running = run(envelope.run, manifests, positions, address, inherited)
            self._problems.extend(problems_of_running)
        resource = Resource(
            address=address,
            declared=declared,
            lifecycle=rules,
            publish=published,
            labels=MappingProxyType(envelope.metadata.labels),
            annotations=MappingProxyType(envelope.metadata.annotations),
            positions=positions,
            run=how,
            expect=expectation(envelope),
        )
        if "spec" in merged and spec is not merged["spec"]:
            merged = {**merged, "spec": spec}
        self.made[address] = draft if merged is draft.value else replace(draft, value=merged)
        parts = in_parts(resource, self._catalogue[address.kind].once)
        if len(parts) > 1 and published:
            detail = f"It is run as {len(parts)} jobs: there is no one name to publish."
            self._report(problem("E219", detail, span=positions.key(("publish",)), address=address))
        for one in parts:
            if one.address != address and not self._is_free(one.address, address, positions):
                continue
            complete = _complete(one.declared, one.address, one.run)
            self._resources[one.address] = one if complete is one.declared else replace(one, declared=complete)
            for generated in one.declared.generated:
                self._generate(generated, one.address, positions)

    def _is_free(self, address: Address, generated_by: Address, positions: Positions) -> bool:
        """False, after a complaint, for the address of a generated resource that can't have it."""
        if not valid_name(address.name):
            detail = f"{generated_by.name} is too long a name: {address.name} would have to be one too."
            self._report(problem("E205", detail, span=positions.value(("metadata", "name")), address=generated_by))
            return False
        return self._is_new(address, positions)

    def _generate(self, generated: Generated, generated_by: Address, positions: Positions) -> None:
        """Declare what a spec declares in passing; all complaints about it point at that spec."""
        address = Address(generated.kind, f"{generated_by.name}{generated.suffix}")
        there = Positions(positions.value(("spec", *generated.at)))
        if self._is_free(address, generated_by, there):
            kind, source = self._catalogue[generated.kind], generated.source
            declared, _ = self._declared(kind, generated.spec, there, address, {}, source)
            if declared is not None and generated.recipe and kind.made_of:
                declared = kind.made_of(declared, generated.recipe)
            if declared is not None:
                nothing: Mapping[str, str] = MappingProxyType({})
                rules = Lifecycle(on_demand=True)
                references = tuple(_to_generating(one, generated_by) for one in declared.references)
                plain = replace(declared, references=references, problems=())
                self._resources[address] = Resource(
                    address, plain, rules, (), nothing, nothing, there, generated_by=generated_by
                )

    def _is_resource(self, value: JsonObject, positions: Positions) -> bool:
        """False, after a complaint, for a value that is no resource or stands in the wrong place."""
        version, kind = value.get("apiVersion"), value.get("kind")
        if version is None and kind is None:
            detail = "The document has neither apiVersion nor kind."
            self._report(problem("E201", detail, span=positions.root, hint=_NOT_OURS))
            return False
        if version is not None and version != API_VERSION:
            shown = f"This is {version!r}." if isinstance(version, str) else "This is not text."
            foreign = isinstance(version, str) and not version.startswith(API_VERSION.partition("/")[0])
            hint = f"Write apiVersion: {API_VERSION}." + (f" {_NOT_OURS}" if foreign else "")
            self._report(problem("E202", shown, span=positions.value(("apiVersion",)), hint=hint))
            return False
        if isinstance(kind, str) and kind in _ELSEWHERE and kind not in self._catalogue:
            self._report(problem("E204", _ELSEWHERE[kind], span=positions.value(("kind",))))
            return False
        if isinstance(kind, str) and kind in self._catalogue and (of := parent_of(self._catalogue[kind])):
            detail = f"A {kind} has no manifest: it is declared in that of its {of}."
            self._report(problem("E204", detail, span=positions.value(("kind",))))
            return False
        return True

    def _envelope(
        self, kind: Kind | None, draft: LayeredManifest, address: Address | None
    ) -> tuple[Envelope | None, JsonObject]:
        """The envelope, or None after a complaint; and the value with its variables fitted in."""
        shape = envelope_of(type(kind.lifetime) if kind else None)
        return self._validated(shape, draft.value, draft.positions, (), address, draft.uses)

    def _validated(
        self,
        model: type[Model],
        value: Json,
        positions: Positions,
        prefix: Path,
        address: Address | None,
        uses: Uses,
    ) -> tuple[Model | None, Json]:
        try:
            return model.model_validate(value), value
        except ValidationError as error:
            wrong, fitted = error, _fitted(error, value, prefix, uses) if uses else value
        if fitted is not value:
            try:
                return model.model_validate(fitted), fitted
            except ValidationError as error:
                wrong, value = error, fitted
        self._explain(wrong, model, value, positions, prefix, address)
        return None, value

    def _is_new(self, address: Address, positions: Positions) -> bool:
        if (other := self._declared_at.get(address)) is not None:
            first, span = (places.value(("metadata", "name")) for places in (other, positions))
            detail = f"{address} is declared in {first.file}, line {first.line}, already."
            self._report(problem("E211", detail, span=span, address=address))
            return False
        self._declared_at[address] = positions
        return True

    def _declared(
        self,
        kind: Kind,
        spec: Json,
        positions: Positions,
        address: Address | None,
        uses: Uses,
        source: Attachment | None = None,
    ) -> tuple[Declared | None, Json]:
        """The spec in its canonical form, or None after a complaint; and as it was checked. `source` is the file that
        it names, where that was read already.
        """
        if not isinstance(spec, dict):
            return None, spec  # the envelope's check has complained
        model, spec = self._validated(kind.spec, spec, positions, ("spec",), address, uses)
        if model is None:
            return None, spec
        files: dict[Path, tuple[Attachment, ...]] = {}
        complete = True
        for need in kind.files(model):
            span = positions.value(("spec", *need.at))
            try:
                files[need.at] = (source,) if source else self._attach(need, span.file)
            except Rejected as rejected:
                complete = False
                for found in rejected.diagnostics:
                    if found.span is not None:  # it is about a line of the file, and not about its name
                        detail = f"{found.detail} The file is named in {span.file}, line {span.line}."
                        found = replace(found, detail=detail)
                    self._report(replace(found, span=found.span or span, address=address))
        if not complete:
            return None, spec
        declared = kind.declare(model, files)
        for path, found in declared.problems:
            span = positions.value(("spec", *path))
            if not path and span.file != positions.root.file:  # all there is of the spec comes from the defaults
                span = positions.root
            self._report(replace(found, span=span, address=address))
        return None if errors(found for _, found in declared.problems) else declared, spec

    def _check_expiry(self, expiry: Expiry | None, positions: Positions, address: Address) -> None:
        limit = self._project.safety.max_ttl
        match expiry:
            case Ttl(ttl) if ttl > limit or ttl <= LEAST_RENEWAL:
                span, shown = positions.value(("spec", "ttl")), f"The ttl is {exact_duration(ttl)}"
                if ttl > limit:
                    detail = f"{shown}, and the limit {exact_duration(limit)}."
                    self._report(problem("E218", detail, span=span, address=address))
                else:
                    self._report(problem("W202", f"{shown}.", span=span, address=address))
            case Until(instant) if self._now is not None and instant <= self._now:
                span = positions.value(("spec", "expireTime"))
                detail = f"It was {show_duration(self._now - instant)} ago."
                self._report(problem("W203", detail, span=span, address=address))

    def _check_local(
        self, rules: Lifecycle, published: tuple[Publish, ...], positions: Positions, address: Address
    ) -> None:
        """A kind without objects has no name to publish, and nothing that would stay as it is in spite of a change."""
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
        read = _files_read(resources)
        self._check_publications(resources, read)
        self._check_results_and_secrets(resources, read)
        self._check_moved(resources)
        self._check_chosen(resources)
        broken = self._declared_at.keys() - resources.keys()
        for found in check_references(resources.values(), self._catalogue):
            # The target of a reference may be declared, and wrong for another reason.
            if found.code != "E222" or not _is_about(found, resources, broken):
                self._report(_of_the_job(found, resources))
        blank = {found.span for found in self._problems if found.code == "E561"}  # and no others there
        unique = tuple(p for p in dict.fromkeys(self._problems) if p.code == "E561" or p.span not in blank)
        if not errors(unique):
            resources, unlike = link(resources, self._catalogue)
            unique = (*unique, *unlike)
        ordered = in_reading_order(unique)
        if errors(ordered):
            raise Rejected(ordered)
        attachments = {text.digest: text for resource in resources.values() for text in _attached(resource.declared)}
        moved = {move.old: move.new for move in self._project.moved}
        return Desired(
            MappingProxyType(resources),
            MappingProxyType(attachments),
            ordered,
            digest(resources),
            MappingProxyType(moved),
        )

    def _check_moved(self, resources: Mapping[Address, Resource]) -> None:
        for move in self._project.moved:
            if move.old in resources:
                detail = f"{move.old} is declared, so that it can't be called {move.new} now."
                hint = "Remove its manifest, which should have the new name; or remove this line."
                self._report(problem("E027", detail, span=move.span, hint=hint))

    def _check_chosen(self, resources: Mapping[Address, Resource]) -> None:
        """Complain of two resources with the same live name, where users choose it."""
        taken: dict[str, Address] = {}
        for address, resource in resources.items():
            made = self._catalogue[address.kind].remote
            if made is None or not isinstance(made.identity, Chosen):
                continue
            name = made.identity.name(resource)
            if taken.setdefault(name, address) != address:
                span = resource.positions.value(("metadata", "name"))
                self._report(problem("E249", f"{taken[name]} is {name} already.", span=span, address=address))

    def _check_publications(self, resources: Mapping[Address, Resource], read: Mapping[str, str]) -> None:
        taken: dict[tuple[str | None, str], Address] = {}
        formats: dict[str, tuple[str, Address]] = {}
        for address, resource in resources.items():
            own: set[tuple[str | None, str]] = set()
            for index, entry in enumerate(resource.publish):
                wrong: list[tuple[str, str]] = []
                place = (entry.file, entry.key)
                first = taken.setdefault(place, address)
                again = place in own
                own.add(place)
                if first != address or again:
                    where = entry.file or "the output of the step"
                    wrong.append(("E220", f"{first} publishes {entry.key} in {where} already."))
                if entry.file is not None:
                    if entry.file in read:
                        wrong.append(("E219", f"{entry.file} is a file {read[entry.file]}."))
                    form, other = formats.setdefault(entry.file, (entry.form, address))
                    if form != entry.form:
                        wrong.append(("E220", f"{other} publishes in {entry.file} in another format."))
                for code, detail in wrong:  # places are looked for only where something is wrong
                    span = resource.positions.value(("publish", index))
                    self._report(problem(code, detail, span=span, address=address))

    def _check_results_and_secrets(self, resources: Mapping[Address, Resource], read: Mapping[str, str]) -> None:
        """Results with the receipts beside them, and secrets, are in files that no other resource reads or writes."""
        taken = {path: f"{path} is a file {what}." for path, what in read.items()}
        for address, resource in resources.items():
            for entry in resource.publish:
                taken.setdefault(entry.file or "", f"{address} publishes in {entry.file}.")
        for address, resource in resources.items():
            mine = files_of(resource.run)
            if clash := next((taken[path] for path in mine if path in taken), None):
                span = resource.positions.value(("run", "results"))
                self._report(problem("E245", clash, span=span, address=address))
            taken |= dict.fromkeys(mine, f"{address} saves its results there.")
        for address, resource in resources.items():
            sink = resource.declared.sink
            if sink is None or sink.form != "file":
                continue
            if sink.target in taken:
                span = resource.positions.value(("spec", *sink.at))
                self._report(problem("E248", taken[sink.target], span=span, address=address))
            taken[sink.target] = f"The secret of {address} goes there."

    def _report(self, found: Diagnostic) -> None:
        """Note it; a mistake in the defaults is reported once, and not again for every resource."""
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
        kind = self._catalogue.get(address.kind) if address else None
        quoted = prefix != ("spec",) or (kind is not None and not kind.secretive)  # what was pasted may be a secret
        for found in explain(error, model, value, positions, prefix=prefix, address=address):
            self._report(replace(found, quoted=quoted))


def _is_about(found: Diagnostic, resources: Mapping[Address, Resource], broken: Collection[Address]) -> bool:
    """True for a complaint about a reference to one of these."""
    if found.address is None or not broken:
        return False
    references = resources[found.address].declared.references
    return any(reference.target in broken and str(reference.target) in found.detail for reference in references)


def _of_the_job(found: Diagnostic, resources: Mapping[Address, Resource]) -> Diagnostic:
    """The complaint about a part of a job, or about the file that comes with it, as one about the job: what is wrong
    was written once.
    """
    resource = resources[found.address] if found.address else None
    if resource and resource.generated_by:
        resource = resources.get(resource.generated_by)
    part = resource.run.part if resource and resource.run else None
    return replace(found, address=part.of) if part else found


def _files_read(resources: Mapping[Address, Resource]) -> Mapping[str, str]:
    """Every file of the project that is sent, or part of what is, with its use in words."""
    read = (text for resource in resources.values() for text in _attached(resource.declared))
    found = {text.path: "that is uploaded" if text.binary else "that is sent" for text in read if text.path}
    secrets = (one for resource in resources.values() for one in resource.declared.secrets if one.form == "file")
    return found | {one.target: "that a secret is read from" for one in secrets}


def _attached(declared: Declared) -> Iterator[Attachment]:
    """The texts and files of a spec, and of what comes with it."""
    yield from declared.attachments
    yield from (one.file for one in declared.members.values() if one.file)


def _to_generating(reference: Reference, generated_by: Address) -> Reference:
    """A generated resource refers to the one that declares it by an empty name."""
    return reference if reference.target.name else replace(reference, target=generated_by)


def in_parts(resource: Resource, runs: Once | None) -> tuple[Resource, ...]:
    """The resource; or its parts in its place, where it is declared in several.

    The results of a part lie beside those of the whole, which are made of all of them. A table, and a document, are
    made of lines, as the results of parts are.
    """
    count, run = len(resource.declared.parts), resource.run
    if run and (form := resource.declared.whole) is not None:
        key = {} if run.key is None else {"run": {"key": run.key}}
        resource = replace(resource, run=(run := replace(run, whole=spec_tag({**form, **key}))))
    if not count:
        shown = runs is not None and runs.document is not None
        if run is None or run.results is None or not (is_table(run.results) or (shown and is_document(run.results))):
            return (resource,)
        part = Part(resource.address, 1, 1, run.results)
        return (replace(resource, run=replace(run, results=f"{run.results}{PARTS}/0001.jsonl", part=part)),)
    parts = []
    for number, declared in enumerate(resource.declared.parts, start=1):
        results = f"{run.results}{PARTS}/{number:04d}.jsonl" if run and run.results else None
        part = Part(resource.address, number, count, run.results if run else None)
        parts.append(
            replace(
                resource,
                address=part_address(resource.address, number),
                declared=declared,
                run=replace(run or Run(), results=results, part=part),
            )
        )
    return tuple(parts)


def _complete(declared: Declared, address: Address, how: Run | None) -> Declared:
    """The declared spec, with the parts that its kind couldn't know: the resource's name, and which run is meant."""
    if not (declared.generated or declared.problems or declared.parts or (how is not None and how.key is not None)):
        return declared
    generated = {(generated.kind, generated.suffix) for generated in declared.generated}
    references = tuple(
        replace(reference, target=Address(reference.target.kind, f"{address.name}{reference.target.name}"))
        if (reference.target.kind, reference.target.name) in generated
        else reference
        for reference in declared.references
    )
    fields = declared.fields
    if how is not None and how.key is not None:
        fields = {**fields, "run": {"key": how.key}}
    return replace(declared, fields=fields, references=references, problems=(), parts=())


def address_of(value: Json) -> Address | None:
    """The address, if there is enough of it to name the resource."""
    if not isinstance(value, dict):
        return None
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if isinstance(kind, str) and kind.isidentifier() and isinstance(name, str) and valid_name(name):
        return Address(kind, name)
    return None


def _fitted(error: ValidationError, value: Json, prefix: Path, uses: Uses) -> Json:
    """The value with variables as numbers, true or false, where a field takes nothing else.

    A variable is text, and stays text wherever text may stand. Only one that is the whole of a value is changed.
    """
    found: list[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    for path in {path_of(detail, value) for detail in found if detail["type"] in _SCALARS}:
        use = uses.get((*prefix, *path))
        if use is not None and use.whole and isinstance(text := _at(value, path), str) and text:
            with contextlib.suppress(ValueError):
                scalar = resolve(text)
                value = value if scalar is None or isinstance(scalar, str) else put(value, path, scalar)
    return value


def _at(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return value
