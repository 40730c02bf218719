"""What stands for something else: variables in the text, and references between resources."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gemctl.core.address import Address
from gemctl.core.call import Reference, put
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.resource import Resource
from gemctl.core.shape import did_you_mean
from gemctl.core.source import Json, Path, Positions

MAX_TEXT = 8 << 20  # characters in one document with its variables put in
VARIABLE_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]*"

FILL = "${fill: "  # begins what stands for a value that nobody but a person knows; it is the whole of a text
# `$${` is a literal `${`. `${word.…}` is meant for somebody, and only ${var.…} is ours; any other `$` is text.
_EXPRESSION = re.compile(
    rf"\$\$\{{|\$\{{var\.({VARIABLE_PATTERN})\}}|\$\{{(?:[A-Za-z_][A-Za-z0-9_-]*\.|(?:env|var|file|secret):)[^}}\n]*\}}?"
)


@dataclass(frozen=True, slots=True)
class Use:
    """The variables in one text, in order; `whole` where the text was one variable and nothing else."""

    names: tuple[str, ...]
    whole: bool


Uses = Mapping[Path, Use]


def substitute(
    value: Json, variables: Mapping[str, str], positions: Positions, prefix: Path = ()
) -> tuple[Json, tuple[Diagnostic, ...]]:
    """A copy of the value with `${var.name}` replaced in every string, once and as text; keys stay as they are.

    `value` stands at `prefix` of the document that `positions` describes. What is not changed is shared, not copied.
    """
    filled, problems, _ = fill(value, variables, positions, prefix)
    return filled, problems


def fill(
    value: Json, variables: Mapping[str, str], positions: Positions, prefix: Path = ()
) -> tuple[Json, tuple[Diagnostic, ...], Uses]:
    """As `substitute`, and which variables stood where in the document, also those that don't exist."""
    substitution = _Substitution(variables, positions)
    return substitution.apply(value, prefix), tuple(substitution.problems), substitution.uses


class _Substitution:
    def __init__(self, variables: Mapping[str, str], positions: Positions) -> None:
        self._variables = variables
        self._positions = positions
        self._length = 0
        self.problems: list[Diagnostic] = []
        self.uses: dict[Path, Use] = {}

    def apply(self, value: Json, path: Path) -> Json:
        match value:
            case str():
                return self._text(value, path) if "${" in value else value
            case dict():
                return {key: self.apply(item, (*path, key)) for key, item in value.items()}
            case list():
                return [self.apply(item, (*path, index)) for index, item in enumerate(value)]
            case _:
                return value

    def _text(self, text: str, path: Path) -> str:
        if self._length > MAX_TEXT:
            return text
        if text.startswith(FILL) and text.endswith("}"):
            hint = f"Put in its place {text.removeprefix(FILL).removesuffix('}')}."
            detail = "It was imported, and the service doesn't show it."
            self.problems.append(problem("E561", detail, span=self._positions.value(path), hint=hint))
            return text
        pieces: list[str] = []
        names: list[str] = []
        at = 0
        for match in _EXPRESSION.finditer(text):
            pieces.append(text[at : match.start()])
            at = match.end()
            if match.group(1):
                names.append(match.group(1))
            replacement = self._expression(match, path)
            self._length += len(replacement)
            if self._length > MAX_TEXT:
                detail = "With its variables put in, the document has more than 8 MiB of text."
                self.problems.append(problem("E214", detail, span=self._positions.value(path)))
                return text
            pieces.append(replacement)
        if names:
            self.uses[path] = Use(tuple(dict.fromkeys(names)), text == f"${{var.{names[0]}}}")
        return "".join((*pieces, text[at:]))

    def _expression(self, match: re.Match[str], path: Path) -> str:
        whole, name = match.group(), match.group(1)
        if whole == "$${":
            return "${"
        span = self._positions.value(path)
        if name is None:
            shown = whole if len(whole) <= 60 else f"{whole[:57]}..."
            hint = (
                "Only ${var.name} is known, with a name of letters, digits, _ and -. For the characters ${ write $${."
            )
            self.problems.append(problem("E213", f"{shown} stands for nothing.", span=span, hint=hint))
        elif name in self._variables:
            return self._variables[name]
        else:
            near = did_you_mean(name, self._variables)
            ways = f"Add it to `vars` of the stack in gemctl.yaml, or give --var {name}=VALUE."
            hint = f"{near} {ways}" if near else ways
            self.problems.append(problem("E212", f"This stack has no variable {name}.", span=span, hint=hint))
        return whole


def check_references(resources: Iterable[Resource], kinds: Collection[str]) -> tuple[Diagnostic, ...]:
    """References to what isn't declared, or is of a kind that isn't known, and circles of references."""
    declared = {resource.address: resource for resource in resources}
    problems: list[Diagnostic] = []
    edges: dict[Address, list[Address]] = {address: [] for address in declared}
    for address, resource in declared.items():
        for reference in resource.declared.references:
            target = reference.target
            span = resource.positions.value(("spec", *(reference.written or reference.at)))
            if target.kind not in kinds:
                hint = did_you_mean(target.kind, kinds)
                detail = f"{target} is of a kind that doesn't exist."
                problems.append(problem("E222", detail, span=span, address=address, hint=hint))
            elif target not in declared:
                hint = did_you_mean(target.name, (other.name for other in declared if other.kind == target.kind))
                detail = f"{target} is not declared."
                problems.append(problem("E222", detail, span=span, address=address, hint=hint))
            else:
                edges[address].append(target)
    for circle in _circles(edges):
        first = declared[circle[0]]
        shown = " → ".join(str(address) for address in (*circle, circle[0]))
        step = next(reference for reference in first.declared.references if reference.target == circle[1 % len(circle)])
        span = first.positions.value(("spec", *(step.written or step.at)))
        problems.append(problem("E223", f"{shown}.", span=span, address=circle[0]))
    return tuple(problems)


def link(resources: Mapping[Address, Resource]) -> tuple[dict[Address, Resource], tuple[Diagnostic, ...]]:
    """The resources with the spec tag of what each refers to in its canonical form: if that is edited, so is this.

    Only for resources whose references were checked: all targets are there, and nothing goes in circles.
    """
    linked: dict[Address, Resource] = {}
    problems: list[Diagnostic] = []

    def visit(address: Address) -> Resource:
        if address not in linked:
            resource = resources[address]
            fields = resource.declared.fields
            for reference in resource.declared.references:
                target = visit(reference.target)
                if reference.digested:
                    fields = put(fields, reference.at, target.spec_tag)
                problems.extend(_unlike(resource, reference, target))
            linked[address] = replace(resource, declared=replace(resource.declared, fields=fields))
        return linked[address]

    for address in sorted(resources):
        visit(address)
    return {address: linked[address] for address in resources}, tuple(problems)


def _unlike(resource: Resource, reference: Reference, target: Resource) -> Iterator[Diagnostic]:
    for field in reference.same:
        ours, theirs = resource.declared.fields.get(field), target.declared.fields.get(field)
        if ours != theirs:
            span = resource.positions.value(("spec", *(reference.written or reference.at)))
            detail = f"The {field} of {resource.address} is {ours}, and that of {target.address} is {theirs}."
            yield problem("E232", detail, span=span, address=resource.address)


def _circles(edges: Mapping[Address, list[Address]]) -> Iterator[list[Address]]:
    """One circle for each place where following references from resource to resource runs into itself."""
    done: set[Address] = set()
    for start in sorted(edges):
        if start in done:
            continue
        trail: list[Address] = [start]
        on_trail = {start}
        waiting = [iter(edges[start])]
        while waiting:
            target = next(waiting[-1], None)
            if target is None:
                waiting.pop()
                gone = trail.pop()
                on_trail.discard(gone)
                done.add(gone)
            elif target in on_trail:
                yield trail[trail.index(target) :]
            elif target not in done:
                trail.append(target)
                on_trail.add(target)
                waiting.append(iter(edges[target]))
