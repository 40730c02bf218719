"""Who else is on the same key, as far as gemctl.yaml says: the other stacks, and what belongs to whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.mark import Mark, OwnerTag, owner_tag
from gemctl.core.project import Project, Stack


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What one stack knows of the others. A mark can't be changed, so that what gemctl.yaml says goes before it.

    stack    its own name.
    imports  live objects that belong to an address of this stack, whatever mark they carry.
    own      those of them that `imports` of this very stack names: that is the last word about them.
    others   live objects that another stack is given, with its name: not ours, whatever mark they carry.
    stacks   the owner tags of the other stacks, with their names.
    """

    stack: str = ""
    imports: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    own: frozenset[str] = frozenset()
    others: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    stacks: Mapping[OwnerTag, str] = field(default_factory=lambda: MappingProxyType({}))


def neighbours(project: Project, stack: Stack) -> Neighbours:
    """As this stack sees them. What a stack is given goes before what is said for all of them."""
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
    """Whom the mark of somebody else names, in words; `stacks` as in `Neighbours`."""
    stack = stacks.get(mark.owner)
    return f"stack {stack}" if stack else f"another gemctl project ({mark.owner})"
