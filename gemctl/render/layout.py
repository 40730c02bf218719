"""Where the nodes of a graph stand when it is drawn: in columns, what is needed to the left of what needs it.

The layered layout of Sugiyama, Tagawa and Toda (1981) in three steps: columns by the longest way from a source, places
held free in between for edges that skip a column, and an order within each column by the mean place of the neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gemctl.core.address import Address
from gemctl.core.graph import Edge, Graph

_SWEEPS = 4  # there and back, twice: more hardly ever takes away another crossing

# A place in a column: a node, or the edge that passes there on its way, with the number of the column.
_Place = Address | tuple[Edge, int]


@dataclass(frozen=True, slots=True)
class Layout:
    """`spots` are (column, row) of each node, both from 0; `ways` the spots that each edge passes, ends included.

    loose   nodes without an edge, in order: they need no place of their own, and have none in `spots`.
    """

    spots: Mapping[Address, tuple[int, int]]
    ways: Mapping[Edge, tuple[tuple[int, int], ...]]
    loose: tuple[Address, ...]

    @property
    def columns(self) -> int:
        return 1 + max((column for column, _ in self._all), default=-1)

    @property
    def rows(self) -> int:
        return 1 + max((row for _, row in self._all), default=-1)

    @property
    def _all(self) -> Iterable[tuple[int, int]]:
        yield from self.spots.values()
        for way in self.ways.values():
            yield from way


def layout(graph: Graph) -> Layout:
    """Place every node. The same graph gives the same picture. An edge of a circle may lead backwards."""
    bound = {node for edge in graph.edges for node in edge}
    nodes = [node for node in graph.nodes if node in bound]
    depth = _depths(nodes, graph.edges)
    columns: list[list[_Place]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for node in nodes:
        columns[depth[node]].append(node)
    links: list[tuple[_Place, _Place]] = []
    trails: dict[Edge, list[_Place]] = {}
    for edge in graph.edges:
        above, below = edge
        passed: list[_Place] = [(edge, column) for column in range(depth[above] + 1, depth[below])]
        for column, place in enumerate(passed, depth[above] + 1):
            columns[column].append(place)
        trails[edge] = [above, *passed, below]
        links += zip(trails[edge], trails[edge][1:], strict=False)
    _untangle(columns, links)
    spots = {place: (x, y) for x, column in enumerate(columns) for y, place in enumerate(column)}
    return Layout(
        {node: spots[node] for node in nodes},
        {edge: tuple(spots[place] for place in trail) for edge, trail in trails.items()},
        tuple(node for node in graph.nodes if node not in bound),
    )


def _depths(nodes: Sequence[Address], edges: Sequence[Edge]) -> dict[Address, int]:
    """For each node the length of the longest way to it. A circle is entered at its first node."""
    below: dict[Address, list[Address]] = {node: [] for node in nodes}
    waits = dict.fromkeys(nodes, 0)
    for first, second in edges:
        below[first].append(second)
        waits[second] += 1
    depth = dict.fromkeys(nodes, 0)
    placed: set[Address] = set()
    ready = [node for node in nodes if not waits[node]]
    rest = iter(nodes)
    while len(placed) < len(nodes):
        if not ready:
            ready.append(next(node for node in rest if node not in placed))
        node = ready.pop()
        placed.add(node)
        for other in below[node]:
            waits[other] -= 1
            if other not in placed:
                depth[other] = max(depth[other], depth[node] + 1)
                if not waits[other]:
                    ready.append(other)
    return depth


def _untangle(columns: Sequence[list[_Place]], links: Iterable[tuple[_Place, _Place]]) -> None:
    """Reorder each column by the mean row of its neighbours in the column before, and on the way back after it."""
    before: dict[_Place, list[_Place]] = {}
    after: dict[_Place, list[_Place]] = {}
    for left, right in links:
        before.setdefault(right, []).append(left)
        after.setdefault(left, []).append(right)
    for sweep in range(_SWEEPS):
        neighbours = after if sweep % 2 else before
        row = {place: index for column in columns for index, place in enumerate(column)}
        for column in reversed(columns) if sweep % 2 else columns:
            means = {
                place: sum(row[other] for other in near) / len(near)
                for place in column
                for near in [neighbours.get(place) or [place]]
            }
            column.sort(key=means.__getitem__)
            row.update((place, index) for index, place in enumerate(column))
