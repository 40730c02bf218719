"""Writes the graph of resources: as a tree, and in Mermaid and DOT, from which other tools draw it.

Called by `gemctl graph`; the tree also by html.py, and Mermaid by markdown.py, for the graph of a plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.change import Action
from gemctl.core.graph import Graph
from gemctl.render.safe import safe

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9/._ -]")


def text(graph: Graph) -> str:
    """A tree: below each resource those that need it. What was shown with all below it isn't spread out again."""
    lines = (f"{lead}{safe(str(node))}{' (see above)' if again else ''}" for lead, node, again in tree(graph))
    return "\n".join(lines) if graph.nodes else "Nothing is declared."


def tree(graph: Graph) -> Iterator[tuple[str, Address, bool]]:
    """The lines of the tree: what stands before a node, the node, and whether what is below it was shown above."""
    below: dict[Address, list[Address]] = {node: [] for node in graph.nodes}
    for above, node in graph.edges:
        below[above].append(node)
    needy = {node for _, node in graph.edges}
    spread: set[Address] = set()
    # The roots need nothing. A circle, which can't be declared, has no root, and is shown last.
    for root in (*(node for node in graph.nodes if node not in needy), *graph.nodes):
        if root in spread:
            continue
        todo = [(root, "", "")]  # a node, what stands before it, and what before those below it
        while todo:
            node, lead, further = todo.pop()
            again = node in spread and bool(below[node])
            yield lead, node, again
            if node in spread:
                continue
            spread.add(node)
            inner = [(child, f"{further}├─ ", f"{further}│  ") for child in below[node]]
            if inner:
                inner[-1] = (inner[-1][0], f"{further}└─ ", f"{further}   ")
            todo.extend(reversed(inner))


def mermaid(graph: Graph, actions: Mapping[Address, Action] = MappingProxyType({})) -> str:
    """The graph for Markdown that draws Mermaid, such as GitHub's and GitLab's, with actions before addresses."""
    number = {node: index for index, node in enumerate(graph.nodes)}
    names = {node: f"{actions[node].value} {node}" if node in actions else str(node) for node in graph.nodes}
    lines = ["flowchart LR"]
    lines += [f'    n{index}["{_NOT_PLAIN.sub(_entity, safe(names[node]))}"]' for node, index in number.items()]
    lines += [f"    n{number[above]} --> n{number[below]}" for above, below in graph.edges]
    return "\n".join(lines)


def _entity(found: re.Match[str]) -> str:
    return f"#{ord(found.group())};"


def dot(graph: Graph) -> str:
    """The graph for Graphviz."""
    lines = ["digraph gemctl {", "    rankdir=LR;", "    node [shape=box];"]
    lines += [f"    {_quoted(node)};" for node in graph.nodes]
    lines += [f"    {_quoted(above)} -> {_quoted(below)};" for above, below in graph.edges]
    return "\n".join([*lines, "}"])


def _quoted(node: Address) -> str:
    plain = safe(str(node)).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'
