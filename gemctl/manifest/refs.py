"""Puts in variables, and links references between resources. Called by `bind`, `layers` and `project`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from gemctl.core.address import Address, in_order
from gemctl.core.call import Reference, put, put_all
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.frozen import dataclass
from gemctl.core.kind import Catalogue, Chosen, Kind
from gemctl.core.mark import spec_tag
from gemctl.core.resource import Declared, Member, Resource
from gemctl.core.source import MAX_TEXT, Json, Path, Positions, Span
from gemctl.schema.spelling import closest, did_you_mean

VARIABLE_PATTERN = r"[A-Za-z_][A-Za-z0-9_-]*"

FILL = "${fill: "  # begins a placeholder for a value that only a person knows; it is the whole of a text
_EXPRESSION = re.compile(r"\$\$\{|\$\{([^}\n]*)(\}?)")  # `$${` is a literal `${`; any other `$` is text
_VARIABLE = re.compile(rf"var\.({VARIABLE_PATTERN})")
_NO_KINDS: Catalogue = MappingProxyType({})
_NAMED = 3  # expressions that one message names
_LITERAL = "For the characters ${ write $${."


@dataclass(frozen=True, slots=True)
class Use:
    """The variables in one text, in order; `whole` where the text was one variable and nothing else."""

    names: tuple[str, ...]
    whole: bool


Uses = Mapping[Path, Use]


def scope(project: str, stack: str, variables: Mapping[str, str]) -> Mapping[str, str]:
    """The values of expressions in the manifests of a stack, by the text between their braces."""
    return {"project": project, "stack": stack, **{f"var.{name}": value for name, value in variables.items()}}


class Substitution:
    """Replaces expressions by their values. One Substitution adds at most MAX_TEXT characters to all its values; so
    many it has `added`.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        """`known` as `scope` makes it."""
        self._known = known
        self._variables = [found.group(1) for name in known if (found := _VARIABLE.fullmatch(name))]
        self.added = 0
        self._positions = Positions(Span("", 1, 1, 1, 1))
        self._problems: list[Diagnostic] = []
        self._uses: dict[Path, Use] = {}

    def take(self, length: int) -> bool:
        """Add characters that were put in before; False where they are too many, and nothing is added."""
        if self.added + length > MAX_TEXT:
            return False
        self.added += length
        return True

    def fill(self, value: Json, positions: Positions, prefix: Path = ()) -> tuple[Json, tuple[Diagnostic, ...], Uses]:
        """The value with each `${…}` in its texts replaced, once and as text; keys stay as they are.

        `value` stands at `prefix` of the document that `positions` describes. Unchanged parts are shared, not copied.
        Also returns the mistakes, and which variables stood where in the document, also those that don't exist.
        """
        if not _has_expression(value):
            return value, (), {}
        self._positions, self._problems, self._uses = positions, [], {}
        return self._filled(value, prefix), tuple(self._problems), self._uses

    def _filled(self, value: Json, path: Path) -> Json:
        match value:
            case str():
                return self._text(value, path) if "${" in value else value
            case dict():
                changed: dict[str, Json] = {}
                for key, item in value.items():
                    if isinstance(item, str | dict | list) and (new := self._filled(item, (*path, key))) is not item:
                        changed[key] = new
                return {**value, **changed} if changed else value
            case list():
                items: list[Json] | None = None
                for index, item in enumerate(value):
                    if isinstance(item, str | dict | list) and (new := self._filled(item, (*path, index))) is not item:
                        items = items or list(value)
                        items[index] = new
                return items or value
            case _:
                return value

    def _text(self, text: str, path: Path) -> str:
        if self.added > MAX_TEXT:
            return text
        if text.startswith(FILL) and text.endswith("}"):
            hint = f"Put in its place {text.removeprefix(FILL).removesuffix('}')}."
            self._report("E561", "It was imported, and the service doesn't show it.", path, hint)
            return text
        pieces: list[str] = []
        names: dict[str, None] = {}  # in the order in which they stand there
        unknown: dict[str, None] = {}
        at = 0
        for match in _EXPRESSION.finditer(text):
            expression, inner = match.group(), match.group(1)
            replacement = "${" if inner is None else self._known.get(inner) if match.group(2) else None
            if inner is not None and (variable := _VARIABLE.fullmatch(inner)) and match.group(2):
                names[variable.group(1)] = None
            elif replacement is None:
                unknown[expression] = None
            if replacement is not None:
                self.added += len(replacement)
                if self.added > MAX_TEXT:
                    detail = f"What variables stand for in this stack is more than {MAX_TEXT >> 20} MiB of text."
                    self._report("E214", detail, path, "Move long texts to files, and name them with `textFile`.")
                    return text
                pieces += (text[at : match.start()], replacement)
                at = match.end()
        for name in names:
            if f"var.{name}" not in self._known:
                near = did_you_mean(name, self._variables)
                add = f"dd it to `vars` of the stack in gemctl.yaml, or give it with --var {name}=value."
                self._report(
                    "E212", f"This stack has no variable {name}.", path, f"{near} Or a{add}" if near else f"A{add}"
                )
        if unknown:
            self._report_unknown(tuple(unknown), path)
        if names:
            self._uses[path] = Use(tuple(names), text == f"${{var.{next(iter(names))}}}")
        return "".join((*pieces, text[at:]))

    def _report_unknown(self, expressions: tuple[str, ...], path: Path) -> None:
        shown = [each if len(each) <= 60 else f"{each[:57]}..." for each in expressions[:_NAMED]]
        if more := len(expressions) - len(shown):
            shown.append(f"{more:,} more")
        stand = "stands" if len(expressions) == 1 else "stand"
        listed = " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
        word = expressions[0].removeprefix("${").removesuffix("}").strip()
        near = closest(word, ("stack", "project")) or closest(re.sub(r"^[A-Za-z]*[.:]", "", word), self._variables)
        if near is None:
            meant = "Known are ${var.NAME}, ${stack} and ${project}."
        else:
            meant = f"Did you mean ${{{near if near in ('stack', 'project') else f'var.{near}'}}}?"
        self._report("E213", f"{listed} {stand} for nothing.", path, f"{meant} {_LITERAL}")

    def _report(self, code: str, detail: str, path: Path, hint: str) -> None:
        self._problems.append(problem(code, detail, span=self._positions.value(path), hint=hint))


def may_have_expression(text: str) -> bool:
    """Whether a value in a manifest with this text may have anything to replace: an escape may stand for the beginning
    of an expression, or end a line within it. One character is looked for first: that takes a hundredth of the time.
    """
    return ("$" in text and "${" in text) or "\\" in text


def _has_expression(value: Json) -> bool:
    """Whether there is anything to replace: most documents are filled without a path for each of their values."""
    if isinstance(value, str):
        return "${" in value
    if isinstance(value, dict | list):
        return any(map(_has_expression, value.values() if isinstance(value, dict) else value))
    return False


def check_references(resources: Iterable[Resource], kinds: Collection[str]) -> tuple[Diagnostic, ...]:
    """Complaints about references to undeclared resources or unknown kinds, and about circles of references; once for
    all parts of a job, and for what is uploaded for it.
    """
    declared = {resource.address: resource for resource in resources}
    problems: list[Diagnostic] = []
    edges: dict[Address, list[Address]] = {}

    @cache
    def names(kind: str) -> list[str]:
        return [at.name for at, one in declared.items() if at.kind == kind and one.generated_by is None]

    for address, resource in declared.items():
        if not resource.declared.references:
            continue
        targets = edges[address] = []
        part = resource.run.part if resource.run else None
        told = part.number > 1 if part else resource.generated_by is not None and resource.declared.recipe is not None
        for reference in () if told else resource.declared.references:
            target = reference.target
            if target in declared and target.kind in kinds:
                targets.append(target)
                continue
            span = _place(resource, reference)
            if target.kind not in kinds:
                hint = did_you_mean(target.kind, kinds)
                detail = f"{target} is of a kind that doesn't exist."
                problems.append(problem("E222", detail, span=span, address=address, hint=hint))
            else:
                hint = did_you_mean(target.name, names(target.kind))
                detail = f"{target} is not declared."
                problems.append(problem("E222", detail, span=span, address=address, hint=hint))
    for circle in _circles(edges):
        first = declared[circle[0]]
        shown = " → ".join(str(address) for address in (*circle, circle[0]))
        step = next(reference for reference in first.declared.references if reference.target == circle[1 % len(circle)])
        span = _place(first, step)
        problems.append(problem("E223", f"{shown}.", span=span, address=circle[0]))
    return tuple(problems)


def _place(resource: Resource, reference: Reference) -> Span:
    return reference.span or resource.positions.value(("spec", *(reference.written or reference.at)))


def link(
    resources: Mapping[Address, Resource], catalogue: Catalogue = _NO_KINDS
) -> tuple[dict[Address, Resource], tuple[Diagnostic, ...]]:
    """The resources with the spec tags of their targets in the canonical form: an edited target is an edit of them too.
    Where a reference is to a name that the user chooses, and is not digested, that stands there.

    Only for resources whose references were checked: all targets are there, and no references go in circles.
    """
    linked = dict(resources)
    problems: list[Diagnostic] = []
    waiting = {address for address, one in resources.items() if _is_made_of_others(one.declared)}

    def visit(address: Address) -> Resource:
        if address in waiting:
            waiting.discard(address)
            resource = resources[address]
            fields = resource.declared.fields
            for reference in resource.declared.references:
                target = visit(reference.target)
                if reference.digested:
                    fields = put(fields, reference.at, target.spec_tag)
                elif reference.output and reference.output == _own(catalogue.get(target.address.kind)):
                    fields = put(fields, reference.at, target.declared.fields[reference.output])
                problems.extend(_unlike(resource, reference, target))
            recipe = resource.declared.recipe
            if recipe:
                tags = {one.at: visit(one.target).spec_tag for one in recipe.references if one.digested}
                recipe = replace(recipe, fields=put_all(recipe.fields, tags))
            members = resource.declared.members
            made = {path: _linked(one, visit(one.source)) for path, one in members.items() if one.source}
            members = {**members, **made} if made else members
            declared = replace(resource.declared, fields=fields, recipe=recipe, members=members)
            linked[address] = replace(resource, declared=declared)
        return linked[address]

    for address in in_order(waiting):
        visit(address)
    return linked, tuple(problems)


def _is_made_of_others(declared: Declared) -> bool:
    """Whether anything in it depends on another resource."""
    if declared.references or declared.recipe:
        return True
    return bool(declared.members) and any(member.source for member in declared.members.values())


def _own(kind: Kind | None) -> str:
    """The field, and output, that has the name that the user chooses; "" for none."""
    identity = kind.remote.identity if kind and kind.remote else None
    return identity.own if isinstance(identity, Chosen) else ""


def _linked(member: Member, source: Resource) -> Member:
    """The member with the spec tag of what it is made of in its form, and the file that this is made of."""
    form = {name: value or source.spec_tag for name, value in (member.form or {}).items()}
    return replace(member, form=form, tag=spec_tag(form), file=next(iter(source.declared.attachments), None))


def _unlike(resource: Resource, reference: Reference, target: Resource) -> Iterator[Diagnostic]:
    for field in reference.same:
        ours, theirs = resource.declared.fields.get(field), target.declared.fields.get(field)
        if ours != theirs:
            span = _place(resource, reference)
            detail = f"The {field} of {resource.address} is {ours}, and that of {target.address} is {theirs}."
            yield problem("E232", detail, span=span, address=resource.address)
    lacking = [
        name for name in reference.apart if name in target.declared.fields and name not in resource.declared.fields
    ]
    if lacking:
        named = " and ".join(lacking)
        hold, again = ("hold", "them") if len(lacking) > 1 else ("holds", "it")
        yield problem(
            "W577",
            f"{named} of {target.address} {hold} for that one only, and {resource.address} has none.",
            span=_place(resource, reference),
            address=resource.job,
            hint=f"Write {named} here as well, if you count on {again}.",
        )


def _circles(edges: Mapping[Address, Sequence[Address]]) -> Iterator[list[Address]]:
    """One circle for each place where following references from resource to resource runs into itself."""
    done: set[Address] = set()
    for start in in_order(address for address, targets in edges.items() if targets):
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
                waiting.append(iter(edges.get(target, ())))
