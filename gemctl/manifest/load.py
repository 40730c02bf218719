"""Loads the resources that the manifests of a project declare for a stack. Opens files, by `read`. Called by
workflows/declared.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic, errors, in_reading_order
from gemctl.core.digest import sha256
from gemctl.core.errors import Rejected
from gemctl.core.kind import Catalogue, FileNeed
from gemctl.core.project import Stack
from gemctl.core.resource import Attachment, Desired, Named, Resource
from gemctl.core.source import Path, Positions, SourceFile
from gemctl.files.walk import BadPath
from gemctl.manifest.alike import Recurring
from gemctl.manifest.bind import Attach, bind_drafts, places, written
from gemctl.manifest.digests import Digests
from gemctl.manifest.drafts import address_of
from gemctl.manifest.envelope import files_of
from gemctl.manifest.find import PROJECT_FILE, WILD, find, find_overlay, may_be_path
from gemctl.manifest.inputs import InputFiles, files_named
from gemctl.manifest.layers import LayeredManifest, unfold
from gemctl.manifest.read import attach, paths_of, sources, why_not_written
from gemctl.manifest.remembered import DeclaredBefore
from gemctl.manifest.root import LoadedProject
from gemctl.manifest.unedited import Unedited
from gemctl.manifest.yaml import Document, parse


def load(
    loaded: LoadedProject,
    stack: Stack,
    catalogue: Catalogue,
    paths: Sequence[str] = (),
    *,
    base: str | None = None,
    now: datetime | None = None,
    others: bool = False,
    before: DeclaredBefore | None = None,
    given: SourceFile | None = None,
) -> Desired:
    """Everything that the manifests declare for a stack.

    paths   files and folders to read in place of all manifests of the project; relative to `base`, by default the
            working directory.
    now     the time, to warn of instants that are past.
    given   a manifest that is in no file, read besides `paths`, or alone where there are none.
    others  look at the other stacks of the project as well, to warn of files that they would overwrite.
    before  what manifests declared before: only those that were edited are read anew. Only for all manifests, and not
            with `others`; texts that stand in manifests are then not among the attachments.

    Raises Rejected with all mistakes in all files. No file is kept open.
    """
    desired, _ = load_drafts(
        loaded, stack, catalogue, paths, base=base, now=now, others=others, before=before, given=given
    )
    return desired


def load_drafts(
    loaded: LoadedProject,
    stack: Stack,
    catalogue: Catalogue,
    paths: Sequence[str],
    *,
    base: str | None = None,
    now: datetime | None,
    others: bool = False,
    before: DeclaredBefore | None = None,
    given: SourceFile | None = None,
) -> tuple[Desired, Mapping[Address, LayeredManifest]]:
    """As `load`, and the layered manifest that each resource was made of, of those that were read."""
    project = loaded.project
    found = find(loaded.root, paths, base=base, overlays=project.aside) if paths or given is None else ()
    problems: list[Diagnostic] = []
    inputs = InputFiles()
    partial = bool(paths or given)
    overlays = _overlays(loaded, stack, problems, inputs)
    if before is None:
        parsed = _documents(loaded.root, found, problems, inputs)
        if given:
            parsed += _given(given, problems)
        documents: Sequence[Document | Unedited] = parsed
    else:
        parsed = []
        documents = _edited(loaded, stack, catalogue, found, before, inputs, overlays, problems)
    try:
        with attaching(loaded.root) as files:

            def attach(need: FileNeed, named_in: str) -> tuple[Attachment, ...]:
                attached = files(need, named_in)
                named = Named(need.pattern, named_in, need.many, need.binary)
                inputs.files(named, ((one.path or "", one.digest) for one in attached))
                return attached

            bound = bind_drafts(
                documents,
                project,
                stack,
                catalogue,
                attach,
                origin=loaded.document,
                now=now,
                overlays=overlays,
                partial=partial,
            )
    except Rejected as rejected:
        if not problems:
            raise
        # A broken file may have declared what others refer to: don't complain that it is missing.
        problems.extend(one for one in rejected.diagnostics if one.code not in ("E222", "E023", "E233"))
    else:
        desired, drafts = bound.desired, bound.manifests
        problems.extend(_written_elsewhere(desired, loaded))
        if not problems:
            paths_perhaps = [(one, texts) for one in desired.resources.values() if (texts := _may_be_paths(one))]
            named = tuple(_names_of_files(paths_perhaps, loaded.root))
            desired = replace(desired, warnings=in_reading_order((*desired.warnings, *named)))
            if others:
                also = tuple(_overwritten(desired, parsed, loaded, stack, catalogue))
                desired = replace(desired, warnings=in_reading_order((*desired.warnings, *also)))
            if before:
                for path in found:  # and not those of overlays
                    if (declared := bound.by_file.get(path)) is not None:
                        before.keep(path, replace(declared, digest=inputs.manifests[path], named=inputs.named_by(path)))
                before.save()
            if partial or paths_perhaps:  # of files that may come yet
                return desired, drafts
            return replace(desired, inputs=inputs.digest, named=inputs.named), drafts
        problems.extend(desired.warnings)
    assert errors(problems)
    raise Rejected(in_reading_order(problems))


@contextmanager
def attaching(root: str) -> Iterator[Attach]:
    """Read the files that manifests name (see `read.attach`), and remember the digests of large ones at the end."""
    digests = Digests(root)
    try:
        yield lambda need, named_in: attach(root, need, named_in, digests)
    finally:
        digests.save()


def _overlays(
    loaded: LoadedProject, stack: Stack, problems: list[Diagnostic], inputs: InputFiles | None = None
) -> list[list[Document]]:
    """The documents of each overlay of a stack; mistakes in them go to `problems`, what was read to `inputs`."""
    overlays: list[list[Document]] = []
    for index, folder in enumerate(stack.overlays):
        try:
            files_in_it = find_overlay(loaded.root, folder, loaded.project.aside)
        except Rejected as rejected:
            span = loaded.positions.value(("stacks", stack.name, "overlays", index))
            problems.extend(replace(one, span=one.span or span) for one in rejected.diagnostics)
        else:
            overlays.append(_documents(loaded.root, files_in_it, problems, inputs))
    return overlays


def _overwritten(
    desired: Desired, documents: Sequence[Document], loaded: LoadedProject, stack: Stack, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    """Warnings of files that this stack writes and another one too: the one would overwrite the other's."""
    ignored: list[Diagnostic] = []
    project, origin = loaded.project, loaded.document
    elsewhere: dict[tuple[str, str | None], list[str]] = {}
    for other in project.stacks.values():
        if other.name != stack.name:
            overlays = _overlays(loaded, other, ignored)
            for output in written(documents, project, other, catalogue, origin=origin, overlays=overlays):
                elsewhere.setdefault(output, []).append(other.name)
    for address, resource in desired.resources.items():
        places: list[tuple[Path, str | None, str | None]] = [
            (("publish", index), entry.file, entry.key) for index, entry in enumerate(resource.publish)
        ]
        for at, file, key in (*places, (("run", "results"), resource.run.results if resource.run else None, None)):
            if file is not None and (names := elsewhere.get((file, key))):
                stacks = f"stack{'s' if len(names) > 1 else ''} {', '.join(names)}"
                what = "the results" if key is None else key
                detail = f"In {file}, {what} of this stack and of {stacks} overwrite each other."
                span = resource.positions.value(at)
                hint = f"Put the stack into the path, as in '{_apart(file)}'."
                here = address if span.file != PROJECT_FILE else None
                yield problem("W220", detail, span=span, address=here, hint=hint)


def _names_of_files(found: Iterable[tuple[Resource, Sequence[tuple[Path, str]]]], root: str) -> Iterator[Diagnostic]:
    """Warnings of texts that are the paths of files, of which the texts are probably meant."""
    for resource, texts in found:
        for at, text in texts:
            span = resource.positions.value(("spec", *resource.declared.written(at)))
            many = WILD.search(text) is not None
            with suppress(BadPath):
                if os.path.isfile(os.path.join(root, paths_of(root, text, span.file, many=many)[0])):  # noqa: PTH113, PTH118
                    detail = f"{text!r} is sent as it stands, and {'files are' if many else 'a file is'} called so."
                    hint = f"Write {'textFiles' if many else 'textFile'}: {text}, if what is in there is meant."
                    yield problem("W214", detail, span=span, address=resource.job, hint=hint)


def _may_be_paths(resource: Resource) -> list[tuple[Path, str]]:
    """The texts in its manifest that look like paths, with their places in the form."""
    texts = resource.declared.attachments
    return [(one.at, one.text) for one in texts if one.text is not None and may_be_path(one.text)]


def _apart(file: str) -> str:
    folder, _, name = file.rpartition("/")
    return f"{folder}/${{stack}}/{name}" if folder else f"${{stack}}/{name}"


def written_addresses(loaded: LoadedProject) -> frozenset[Address]:
    """The addresses of all manifests of all stacks that can be read, also of those that declare nothing valid."""
    root, aside = loaded.root, loaded.project.aside
    paths = [*find(root, (), overlays=aside)]
    for folder in loaded.project.overlays:
        with suppress(Rejected):
            paths += find_overlay(root, folder, aside)
    ignored: list[Diagnostic] = []
    found = (one for document in _documents(root, paths, ignored) for one in unfold(document, ignored))
    return frozenset(address for one in found if (address := address_of(one.value)))


def _documents(
    root: str, paths: Sequence[str], problems: list[Diagnostic], inputs: InputFiles | None = None
) -> list[Document]:
    """The documents in these files; mistakes in them go to `problems`, what was read to `inputs`."""
    documents: list[Document] = []
    recurring = Recurring()
    if inputs:
        inputs.folder(paths)
    for path in paths:
        with _noted(problems):
            (source,) = sources(root, (path,))
            if inputs:
                inputs.manifest(path, sha256(source.text.encode()))
            documents.extend(parse(source, recurring))
    return documents


@contextmanager
def _noted(problems: list[Diagnostic]) -> Iterator[None]:
    """What is rejected goes to `problems`."""
    try:
        yield
    except Rejected as rejected:
        problems.extend(rejected.diagnostics)


def _edited(
    loaded: LoadedProject,
    stack: Stack,
    catalogue: Catalogue,
    paths: Sequence[str],
    before: DeclaredBefore,
    inputs: InputFiles,
    overlays: Sequence[Sequence[Document]],
    problems: list[Diagnostic],
) -> list[Document | Unedited]:
    """As `_documents`, with those that are what they were before left unparsed: the manifest, all that it names, and
    nothing laid over it. An overlay with variables in its address may lie over anything.
    """
    ignored: list[Diagnostic] = []
    root, recurring, digests = loaded.root, Recurring(), Digests(loaded.root)
    laid_over = {address_of(one.value) for folder in overlays for over in folder for one in unfold(over, ignored)}
    documents: list[Document | Unedited] = []

    def is_same(named: Named, digest: str) -> bool:
        if inputs.digest_of(named) is None:
            with suppress(Rejected, BadPath):
                inputs.files(named, files_named(root, named, digests))
        return inputs.digest_of(named) == digest

    def known(source: SourceFile, digest: str) -> Unedited | None:
        found = None if None in laid_over else before.find(source.path, digest)
        if found is None or any(one.address in laid_over for one in found.resources):
            return None
        if not all(is_same(named, of) for named, of in found.named):
            return None
        before.still(source.path)

        def find_places() -> Mapping[Address, Positions]:
            return places(parse(source), loaded.project, stack, catalogue, loaded.document)

        return Unedited(source.path, found, lambda: parse(source), find_places)

    inputs.folder(paths)
    for path in paths:
        with _noted(problems):
            (source,) = sources(root, (path,))
            inputs.manifest(path, digest := sha256(source.text.encode()))
            unedited = known(source, digest)
            documents += parse(source, recurring) if unedited is None else [unedited]
    return documents


def _given(source: SourceFile, problems: list[Diagnostic]) -> tuple[Document, ...]:
    """The documents of a manifest that is in no file; mistakes in it go to `problems`."""
    try:
        documents = parse(source)
    except Rejected as rejected:
        problems.extend(rejected.diagnostics)
        return ()
    if not documents:
        problems.append(problem("E120", f"There are no manifests in {source.path}."))
    return documents


def _written_elsewhere(desired: Desired, loaded: LoadedProject) -> Iterator[Diagnostic]:
    """Complaints about files to write that a link leads elsewhere: made before anything is paid for."""
    for address, resource in desired.resources.items():
        if not resource.publish and resource.run is None:
            continue
        published: list[tuple[str, Path, str]] = [
            ("E219", ("publish", index), entry.file) for index, entry in enumerate(resource.publish) if entry.file
        ]
        saved: list[tuple[str, Path, str]] = [("E245", ("run", "results"), path) for path in files_of(resource.run)]
        told: set[Path] = set()
        for code, at, path in (*published, *saved):
            if at not in told and (why := why_not_written(loaded.root, path)):
                told.add(at)
                span = resource.positions.value(at)
                here = address if span.file != PROJECT_FILE else None
                yield problem(code, why, span=span, address=here, hint="Name a plain file of the project.")
