"""Makes what is declared of a job: the parts that it is run in. Called by `bind`."""

from __future__ import annotations

from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.lifetime import Once
from gemctl.core.mark import spec_tag
from gemctl.core.resource import PARTS, Declared, Part, Resource, Run, is_document, is_table, part_address


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


def complete(declared: Declared, address: Address, how: Run | None) -> Declared:
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


def to_generating(reference: Reference, generated_by: Address) -> Reference:
    """A generated resource refers to the one that declares it by an empty name."""
    return reference if reference.target.name else replace(reference, target=generated_by)
