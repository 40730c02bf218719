"""Makes a graph of addresses: which needs which, in a stable order. Called by workflows/graph.py; render shows it."""

from __future__ import annotations

from collections.abc import Iterable

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.plan import Plan
from gemctl.core.resource import Desired

Edge = tuple[Address, Address]


@dataclass(frozen=True, slots=True)
class Graph:
    """`edges` are pairs (needed address, address that needs it), both among the `nodes`; all sorted, each once."""

    nodes: tuple[Address, ...] = ()
    edges: tuple[Edge, ...] = ()


def graph(nodes: Iterable[Address], edges: Iterable[Edge]) -> Graph:
    """The graph of these nodes, with the edges that lie between two of them."""
    known = set(nodes)
    kept = {(above, below) for above, below in edges if above != below and above in known and below in known}
    return Graph(tuple(sorted(known)), tuple(sorted(kept)))


def declared(desired: Desired) -> Graph:
    """Everything that is declared, by its references."""
    return graph(desired.resources, _references(desired))


def planned(plan: Plan, desired: Desired) -> Graph:
    """Everything that the plan decides about: by references, and where nothing is declared by the order of the steps.

    The order of steps alone would not do: an object that is kept has no step.
    """
    nodes = {change.address for change in plan.changes}
    owner = {step.id: step.address for step in plan.steps}
    references = set(_references(desired))
    ordered = {(owner[before], step.address) for step in plan.steps for before in step.after if before in owner}
    return graph(nodes, references | {edge for edge in ordered if edge[::-1] not in references})


def _references(desired: Desired) -> Iterable[Edge]:
    for address, resource in desired.resources.items():
        for reference in resource.declared.references:
            yield reference.target, address
