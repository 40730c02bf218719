"""Says which other stacks use the same key, as far as gemctl.yaml tells, and what belongs to whom.

Called by workflows, which hand the result to plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.frozen import dataclass
from gemctl.core.mark import Mark, OwnerTag, owner_tag
from gemctl.core.project import Project, Stack


@dataclass(frozen=True, slots=True)
class Neighbours:
    """One stack's knowledge of the others. A mark can't be changed, so gemctl.yaml has precedence over it.

    stack    its own name.
    imports  live objects that belong to an address of this stack, whatever mark they carry.
    own      those of them that `imports` of this very stack names: nothing overrides it.
    others   live objects that gemctl.yaml gives to another stack, with its name: not ours, whatever mark they carry.
    stacks   the owner tags of the other stacks, with their names.
    """

    stack: str = ""
    imports: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    own: frozenset[str] = frozenset()
    others: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stacks: Mapping[OwnerTag, str] = field(default_factory=lambda: MappingProxyType({}))


def neighbours(project: Project, stack: Stack) -> Neighbours:
    """The neighbours of this stack. The `imports` of a stack have precedence over those of the whole project."""
    rest = [other for other in project.stacks.values() if other.name != stack.name]
    others = {name: other.name for other in rest for name in other.imports.values()}
    common = {address: name for address, name in project.imports.items() if name not in others}
    return Neighbours(
        stack.name,
        MappingProxyType({**common, **stack.imports}),
        frozenset(stack.imports.values()),
        MappingProxyType(others),
        MappingProxyType({owner_tag(project.identity, other.name): other.name for other in rest}),
    )


def whose(mark: Mark, stacks: Mapping[OwnerTag, str]) -> str:
    """The owner that a foreign mark names, in words; `stacks` as in `Neighbours`."""
    stack = stacks.get(mark.owner)
    return f"stack {stack}" if stack else f"another gemctl project ({mark.owner})"
