"""Binds documents to resources: checks each against its kind, and makes `Desired` of all of them. Called by `load`.

Everything here is a function of its arguments. Files named by a manifest are read by `attach`, which the caller gives;
kinds come as a catalogue, and none is known by name. All mistakes in all documents are found before anything is raised,
and each complaint points at the line that a person would change: at the manifest, or at the defaults in gemctl.yaml if
the value came from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from gemctl.core.address import Address, in_order, valid_name
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors, in_reading_order
from gemctl.core.errors import Rejected
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, FileNeed, Kind
from gemctl.core.project import Project, Stack
from gemctl.core.resource import Attachment, Declared, Desired, Generated, Lifecycle, Resource
from gemctl.core.source import Json, Path, Positions
from gemctl.manifest.across import attached, problems_across
from gemctl.manifest.around import Surroundings
from gemctl.manifest.complaints import Complaints
from gemctl.manifest.desired_digest import digest
from gemctl.manifest.drafts import Drafts, address_of
from gemctl.manifest.envelope import outputs, secret_sink, secret_sources
from gemctl.manifest.layers import LayeredManifest
from gemctl.manifest.parts import complete, in_parts, to_generating
from gemctl.manifest.refs import Uses, link
from gemctl.manifest.shaped import shaped
from gemctl.manifest.unedited import Remembered, Unedited
from gemctl.manifest.yaml import Document
from gemctl.schema.spelling import did_you_mean

Attach = Callable[[FileNeed, str], tuple[Attachment, ...]]

_INCOMPLETE = frozenset({"E207", "E227", "E242"})  # complaints about a resource that lacks something
_NOTHING: Mapping[str, str] = MappingProxyType({})


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
    complaints = Complaints(origin.file.path if origin else None)
    drafts = Drafts(project, stack, catalogue, origin, complaints)
    drafts.check_project()
    read = (one for folder in overlays for one in folder)
    paths = (one.path if isinstance(one, Unedited) else one.file.path for one in (*documents, *read))
    files = frozenset(("gemctl.yaml", *paths))
    around = Surroundings(project.safety.max_ttl, now, files, complaints)
    binder = _Binder(project, catalogue, attach, drafts, around, complaints)
    for draft in drafts.of(documents, overlays, partial=partial):
        if isinstance(draft, Unedited):
            binder.take(draft)
        else:
            binder.add(draft)
    drafts.check_variables()
    return BoundManifests(binder.finish(), binder.made, binder.by_file())


def places(
    documents: Sequence[Document], project: Project, stack: Stack, catalogue: Catalogue, origin: Document
) -> Mapping[Address, Positions]:
    """Where each value of these resources was written, over which no overlay lies."""
    drafts = Drafts(project, stack, catalogue, origin, Complaints(origin.file.path))
    drafts.check_project()
    made = (one for one in drafts.of(documents, (), partial=True) if isinstance(one, LayeredManifest))
    found = ((address_of(draft.value), drafts.layered(draft).positions) for draft in made)
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
    drafts = Drafts(project, stack, catalogue, origin, Complaints(origin.file.path))
    drafts.check_project()
    heads = [[_head(document) for document in folder] for folder in (documents, *overlays)]
    made = drafts.of(heads[0], heads[1:], partial=False)
    read = (draft for draft in made if isinstance(draft, LayeredManifest))
    return frozenset(output for draft in read for output in outputs(drafts.with_defaults(draft).value))


def _head(document: Document) -> Document:
    """All of a document but the specs."""

    def head(value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        items = {"items": [head(item) for item in value["items"]]} if isinstance(value.get("items"), list) else {}
        return {key: item for key, item in value.items() if key != "spec"} | items

    return replace(document, value=head(document.value))


class _Binder:
    def __init__(
        self,
        project: Project,
        catalogue: Catalogue,
        attach: Attach,
        drafts: Drafts,
        around: Surroundings,
        complaints: Complaints,
    ) -> None:
        self._project = project
        self._catalogue = catalogue
        self._attach = attach
        self._drafts = drafts
        self._around = around
        self._complaints = complaints
        self._resources: dict[Address, Resource] = {}
        self._declared_at: dict[Address, Positions] = {}  # also of resources that turned out to be wrong
        self.made: dict[Address, LayeredManifest] = {}

    # One draft.

    def add(self, draft: LayeredManifest) -> None:
        """Declare what a draft does."""
        problems = self._complaints.found
        before = len(problems)
        self._bind(draft)
        if len(problems) == before:
            return
        found = problems[before:]
        self._drafts.wrong.add(draft.positions.root.file)
        if not draft.added or not any(one.code in _INCOMPLETE for one in found):
            return
        address = address_of(draft.value)
        assert address is not None
        others = [at.name for at in self._declared_at if at.kind == address.kind and at != address]
        hint = did_you_mean(address.name, others)
        detail = f"No manifest declares {address}, and what stands here is not all of it."
        span = draft.positions.value(("metadata", "name"))
        problems[before:] = [one for one in found if one.code not in _INCOMPLETE]
        self._report(problem("E233", detail, span=span, address=address, hint=hint))

    def take(self, known: Unedited) -> None:
        """Declare what a file is known to declare."""
        self._drafts.used.update(known.declared.uses)
        for one in known.resources:
            address, positions = one.address, one.positions
            if self._is_new(address, positions):
                self._around.check_expiry(one.declared.expiry, positions, address)
                self._resources[address] = one

    def by_file(self) -> Mapping[str, Remembered]:
        """What each file declared of which nothing was said: before it is linked."""
        uses, wrong = self._drafts.uses, self._drafts.wrong
        resources: dict[str, list[Resource]] = {path: [] for path in uses if path not in wrong}
        for one in self._resources.values():
            if (there := resources.get(one.positions.root.file)) is not None:
                there.append(one)
        return {
            path: Remembered("", tuple(there), (), tuple(sorted(uses[path][0])), uses[path][1])
            for path, there in resources.items()
        }

    def _bind(self, draft: LayeredManifest) -> None:
        value, drafts, positions = draft.value, self._drafts, draft.positions
        if not isinstance(value, dict):
            detail = "The document is not a mapping."
            self._complaints.found.append(problem("E201", detail, span=positions.root))
            return
        if not drafts.is_resource(value, positions):
            return
        kind = drafts.kind(value.get("kind"))
        draft = drafts.layered(draft)
        positions = draft.positions
        address = address_of(value)
        alike, merged = self._around.envelope(kind, draft, address)
        if kind is None:
            if isinstance(name := value.get("kind"), str):
                hint = did_you_mean(name, self._catalogue)
                span = positions.value(("kind",))
                self._report(problem("E203", f"There is no kind {name}.", span=span, address=address, hint=hint))
            return
        if address is not None and not self._is_new(address, positions):
            return
        written = merged.get("spec", {})
        declared, spec = self._declared(kind, written, positions, address, draft.uses)
        if alike is None or declared is None or address is None:
            return
        around = self._around.around(alike, declared.expiry, kind, draft, address)
        declared = self._with_secrets(declared, positions, address)
        resource = Resource(
            address=address,
            declared=declared,
            lifecycle=around.lifecycle,
            publish=around.publish,
            labels=around.labels,
            annotations=around.annotations,
            positions=positions,
            run=around.run,
            expect=around.expect,
        )
        if spec is not written:
            merged = {**merged, "spec": spec}
        self.made[address] = draft if merged is draft.value else replace(draft, value=merged)
        parts = in_parts(resource, kind.once)
        if len(parts) > 1 and around.publish:
            detail = f"It is run as {len(parts)} jobs: there is no one name to publish."
            self._report(problem("E219", detail, span=positions.key(("publish",)), address=address))
        for one in parts:
            if one.address != address and not self._is_free(one.address, address, positions):
                continue
            whole = complete(one.declared, one.address, one.run)
            self._resources[one.address] = one if whole is one.declared else replace(one, declared=whole)
            for generated in one.declared.generated:
                self._generate(generated, one.address, positions)

    def _with_secrets(self, declared: Declared, positions: Positions, address: Address) -> Declared:
        """The spec with the files for its secrets in their shortest spelling, from the project root."""
        if declared.sink:
            sink, problems = secret_sink(declared.sink, self._around.manifests, positions, address)
            declared = replace(declared, sink=sink)
            self._complaints.found += problems
        if declared.secrets:
            sources, problems = secret_sources(declared.secrets, positions, address)
            declared = replace(declared, secrets=sources)
            self._complaints.found += problems
        return declared

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
                rules = Lifecycle(on_demand=True)
                references = tuple(to_generating(one, generated_by) for one in declared.references)
                plain = replace(declared, references=references, problems=())
                self._resources[address] = Resource(
                    address, plain, rules, (), _NOTHING, _NOTHING, there, generated_by=generated_by
                )

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
        at = ("spec",)
        model, spec = shaped(
            kind.spec, spec, positions, self._complaints, prefix=at, address=address, uses=uses, spec_of=kind
        )
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

    # What spans documents.

    def finish(self) -> Desired:
        """Everything that was declared. Raises Rejected."""
        resources = {address: self._resources[address] for address in in_order(self._resources)}
        broken = self._declared_at.keys() - resources.keys()
        for found in problems_across(resources, broken, self._project, self._catalogue):
            self._report(found)
        problems = self._complaints.found
        blank = {found.span for found in problems if found.code == "E561"}  # and no others there
        unique = tuple(p for p in dict.fromkeys(problems) if p.code == "E561" or p.span not in blank)
        if not errors(unique):
            resources, unlike = link(resources, self._catalogue)
            unique = (*unique, *unlike)
        ordered = in_reading_order(unique)
        if errors(ordered):
            raise Rejected(ordered)
        attachments = {text.digest: text for resource in resources.values() for text in attached(resource.declared)}
        moved = {move.old: move.new for move in self._project.moved}
        return Desired(
            MappingProxyType(resources),
            MappingProxyType(attachments),
            ordered,
            digest(resources),
            MappingProxyType(moved),
        )

    def _report(self, found: Diagnostic) -> None:
        self._complaints.report(found)
