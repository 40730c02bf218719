"""Holds what people are told of a plan, beside the plan itself: what the digests and tags in it stand for. Saved with
it by plan/file.py, so that it can be shown without its manifests. Called by cli.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gemctl.core.address import Address
from gemctl.core.call import Reference
from gemctl.core.change import Change
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.quantities import NO_TOKENS, Quantities, Tokens
from gemctl.core.resource import Attachment, Declared, Desired, Harvest, Lifecycle, Part, Receipt, Resource, Run
from gemctl.core.source import JsonObject, Path, Positions, Span


@dataclass(frozen=True, slots=True)
class PartLegend:
    """What is told of one part of a job, and added up over all of them; see Part, Quantities and Receipt."""

    part: Part
    fields: JsonObject
    requests: int | None = 0
    input: Tokens = NO_TOKENS
    saved: Harvest | None = None
    as_whole: bool = False


@dataclass(frozen=True, slots=True)
class ResourceLegend:
    """The names of what stands in the form of one resource as digests and tags; see Declared. No text is in it."""

    address: Address
    references: tuple[Reference, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    implied: frozenset[Path] = frozenset()
    part: PartLegend | None = None


@dataclass(frozen=True, slots=True)
class Legend:
    """`project` is its name; `said` are all diagnostics that were shown with the plan."""

    project: str = ""
    said: tuple[Diagnostic, ...] = ()
    resources: tuple[ResourceLegend, ...] = ()

    @property
    def desired(self) -> Desired:
        """As much of the declared resources as a plan is shown with."""
        return Desired({one.address: _resource(one) for one in self.resources})


def legend(desired: Desired, changes: Iterable[Change], project: str, said: tuple[Diagnostic, ...]) -> Legend:
    """The legend of a plan with these changes."""
    shown: dict[Address, bool] = {}  # whether fields of it are
    for change in changes:
        shown[change.address] = shown.get(change.address, False) or bool(change.fields)
    found = (_of(desired.resources[at], fields) for at, fields in shown.items() if at in desired.resources)
    return Legend(project, said, tuple(found))


def _of(resource: Resource, fields: bool) -> ResourceLegend:
    declared = resource.declared
    texts = (replace(one, text=None, lines=None) for one in declared.attachments)
    return ResourceLegend(
        resource.address,
        tuple(replace(one, span=None) for one in declared.references),
        tuple(texts) if fields else (),
        declared.implied if fields else frozenset(),
        _part(resource),
    )


def _part(resource: Resource) -> PartLegend | None:
    if resource.run is None or resource.run.part is None:
        return None
    used, receipt = resource.quantities, resource.receipt
    return PartLegend(
        resource.run.part,
        resource.declared.fields,
        used.requests,
        used.input,
        receipt.harvest if receipt else None,
        bool(receipt and receipt.as_whole),
    )


def _resource(one: ResourceLegend) -> Resource:
    part = one.part
    declared = Declared(
        fields=part.fields if part else {},
        references=one.references,
        attachments=one.attachments,
        implied=one.implied,
        quantities=Quantities(requests=part.requests, input=part.input) if part else Quantities(),
    )
    receipt = Receipt("", 1, "", part.saved, as_whole=part.as_whole) if part and part.saved else None
    run = Run(part=part.part) if part else None
    return Resource(one.address, declared, Lifecycle(), (), {}, {}, Positions(_NOWHERE), run, receipt)


_NOWHERE = Span("", 0, 0, 0, 0)
