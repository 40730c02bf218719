"""Checks what resources declare together: names, files and references that no resource is wrong about alone. Called by
`bind`, which reports what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.kind import Catalogue, Chosen, Kind
from gemctl.core.project import Project
from gemctl.core.resource import Attachment, Declared, Resource
from gemctl.manifest.envelope import files_of
from gemctl.manifest.refs import check_references


def problems_across(
    resources: Mapping[Address, Resource], broken: Collection[Address], project: Project, catalogue: Catalogue
) -> Iterator[Diagnostic]:
    """What is wrong with these together. `broken` are declared too, and wrong for another reason."""
    writing = {at: one for at, one in resources.items() if one.publish or one.run or one.declared.sink}
    if writing:
        read = _files_read(resources.values())
        yield from _publications(writing, read)
        yield from _results_and_secrets(writing, read)
    yield from _moved(resources, project)
    yield from _chosen(resources, catalogue)
    for found in check_references(resources.values(), catalogue):
        # The target of a reference may be declared, and wrong for another reason.
        if found.code != "E222" or not _is_about(found, resources, broken):
            yield _of_the_job(found, resources)


def attached(declared: Declared) -> Iterator[Attachment]:
    """The texts and files of a spec, and of what comes with it."""
    yield from declared.attachments
    if declared.members:
        yield from (one.file for one in declared.members.values() if one.file)


def _files_read(resources: Iterable[Resource]) -> Mapping[str, str]:
    """Every file of the project that is sent, or part of what is, with its use in words."""
    found: dict[str, str] = {}
    secret: dict[str, str] = {}
    for resource in resources:
        texts = (text for text in attached(resource.declared) if text.path)
        found |= {text.path or "": "that is uploaded" if text.binary else "that is sent" for text in texts}
        sources = (one.target for one in resource.declared.secrets if one.form == "file")
        secret |= dict.fromkeys(sources, "that a secret is read from")
    return found | secret


def _moved(resources: Mapping[Address, Resource], project: Project) -> Iterator[Diagnostic]:
    for move in project.moved:
        if move.old in resources:
            detail = f"{move.old} is declared, so that it can't be called {move.new} now."
            hint = "Remove its manifest, which should have the new name; or remove this line."
            yield problem("E027", detail, span=move.span, hint=hint)


def _chosen(resources: Mapping[Address, Resource], catalogue: Catalogue) -> Iterator[Diagnostic]:
    """Complaints about two resources with the same live name, where users choose it."""
    names = {name: of for name in {at.kind for at in resources} if (of := _naming(catalogue[name]))}
    taken: dict[str, Address] = {}
    for address, resource in resources.items() if names else ():
        if (name_of := names.get(address.kind)) is None:
            continue
        name = name_of(resource)
        if taken.setdefault(name, address) != address:
            span = resource.positions.value(("metadata", "name"))
            yield problem("E249", f"{taken[name]} is {name} already.", span=span, address=address)


def _naming(kind: Kind) -> Callable[[Resource], str] | None:
    """What gives the live names of a kind, where users choose them."""
    identity = kind.remote.identity if kind.remote else None
    return identity.name if isinstance(identity, Chosen) else None


def _publications(resources: Mapping[Address, Resource], read: Mapping[str, str]) -> Iterator[Diagnostic]:
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
                yield problem(code, detail, span=span, address=address)


def _results_and_secrets(resources: Mapping[Address, Resource], read: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Results with the receipts beside them, and secrets, are in files that no other resource reads or writes."""
    taken = {path: f"{path} is a file {what}." for path, what in read.items()}
    for address, resource in resources.items():
        for entry in resource.publish:
            taken.setdefault(entry.file or "", f"{address} publishes in {entry.file}.")
    for address, resource in resources.items():
        mine = files_of(resource.run)
        if clash := next((taken[path] for path in mine if path in taken), None):
            span = resource.positions.value(("run", "results"))
            yield problem("E245", clash, span=span, address=address)
        taken |= dict.fromkeys(mine, f"{address} saves its results there.")
    for address, resource in resources.items():
        sink = resource.declared.sink
        if sink is None or sink.form != "file":
            continue
        if sink.target in taken:
            span = resource.positions.value(("spec", *sink.at))
            yield problem("E248", taken[sink.target], span=span, address=address)
        taken[sink.target] = f"The secret of {address} goes there."


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
