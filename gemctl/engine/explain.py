"""Turns failures of calls into diagnostics that point at the manifest, an hour after it was read. Called by execute.py
and workflows/token.py.

The service names a field by its way through the request. The kind knows which place of a spec that came from
(`Remote.source`, `Act.source`); the positions that the resource kept know where that place is in a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from gemctl.core.call import Call
from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import ApiError, Unknown
from gemctl.core.kind import Catalogue, Kind, parent_of
from gemctl.core.members import as_resource, path_of, resource_of
from gemctl.core.plan import Step
from gemctl.core.record import Op
from gemctl.core.resource import Desired, Resource
from gemctl.core.source import Json, Path, Span

Source = Callable[[Resource, Call, Path], Path]
_STEP = re.compile(r"""\[(?:(\d+)|["']?([^\]"']+)["']?)\]|([^.\[\]]+)""")
_MESSAGE = re.compile(r"[A-Z]\w*\.")  # a name of a message begins with a capital, one of a field never does
_STARRED = re.compile(r"\* ([\w.\[\]\"'-]+): ")  # `* CreateCachedContentRequest.cached_content.model: …`
_QUOTED = re.compile(r"(?:[Pp]arameter|for) '([\w.\[\]-]+)'")  # `… is not supported for 'tools[0].type'.`
_UNKNOWN_OUTCOME = "It is not sent again. The next apply looks for it by its mark, and adopts it or makes it."
_ACT_UNKNOWN = "It may have been done or not, and is not sent again by itself."
_UNKNOWN = re.compile(r"Unknown name \"([^\"]+)\"")


def diagnose(step: Step, error: ApiError, desired: Desired, catalogue: Catalogue) -> Diagnostic:
    """The summary is ours, the detail keeps the service's own words."""
    hint = error.hint
    if isinstance(error, Unknown):
        hint = _ACT_UNKNOWN if step.act else _UNKNOWN_OUTCOME
    resource = desired.resources.get(step.address) or _member(step, desired, catalogue)
    span = None
    if resource is not None:
        older = step.op is Op.UPDATE and step.record is None  # a retired object is not the declared one
        span = place(resource, source_of(step, catalogue[step.kind]), None if older else step.call, error)
    detail = f"Could not {step.act or step.op.value} it: {told(error)}"
    return problem(error.code, detail, span=span, address=step.address, hint=hint)


def _member(step: Step, desired: Desired, catalogue: Catalogue) -> Resource | None:
    """The resource of a step for a member."""
    kind = catalogue[step.kind]
    parent = parent_of(kind)
    of = desired.resources.get(resource_of(step.address, parent)) if parent else None
    path = path_of(step.address)
    return as_resource(of, path, kind) if of and path in of.declared.members else None


def source_of(step: Step, kind: Kind) -> Source:
    """How the kind maps places of this step's call to places of the spec."""
    if step.act and (source := kind.acts[step.act].source):
        return source
    return kind.remote.source if kind.remote else lambda _resource, _call, at: at


def told(error: ApiError) -> str:
    """The error with what its violations say besides."""
    detail = str(error)
    for violation in error.violations:
        if violation.description and violation.description not in detail:
            where = f"{violation.field}: " if violation.field else ""
            detail += f"\n{where}{violation.description}"
    return detail


def place(resource: Resource, source: Source, call: Call | None, error: ApiError) -> Span:
    """The place in a manifest that the service complains about: the first field that it names and that is written
    there, or the next one around it in the spec; the resource's name where there is neither.
    """
    positions = resource.positions
    if call is not None and call.body is not None:
        around = (positions.root, positions.value(("spec",)))
        for at in _places(error, call.body):
            if (span := positions.value(("spec", *source(resource, call, at)))) not in around:
                return span
    return positions.value(("metadata", "name"))


def _places(error: ApiError, body: Json) -> Iterator[Path]:
    """The places in the body that it may complain about, best first; () for the object that the call itself names."""
    yield from (field_path(field, body) for field in _fields(error))
    if error.missing:
        yield from (at for at, value in _leaves(body, ()) if _names(str(error), str(value)))
        yield ()


def _names(message: str, value: str) -> bool:
    """Whether the message is about what this value names: a path, or an id that it quotes."""
    return ("/" in value and value in message) or (bool(value) and f"'{value}'" in message)


def _leaves(node: Json, at: Path) -> Iterator[tuple[Path, Json]]:
    if isinstance(node, Mapping | list):
        for step, inner in node.items() if isinstance(node, Mapping) else enumerate(node):
            yield from _leaves(inner, (*at, step))
    else:
        yield at, node


def _fields(error: ApiError) -> Iterator[str]:
    """The fields that it names, in the service's own form: in its details, or at the beginnings of its sentences."""
    for violation in error.violations:
        if unknown := _UNKNOWN.search(violation.description):  # the field is the one that it would stand in
            yield f"{violation.field}.{unknown[1]}" if violation.field else unknown[1]
        elif violation.field:
            yield violation.field
    yield from _STARRED.findall(str(error))
    yield from _QUOTED.findall(str(error))


def field_path(field: str, body: Json) -> Path:
    """`cached_content.contents[0].parts` → ("cachedContent", "contents", 0, "parts"): the service's way through the
    body that it was sent, in the names of that body.

    The service writes snake_case, and the users' own names as they are; in a map it counts the entries, as in
    `properties[2].value` (proto-JSON as the service reads it). A first name that the body doesn't have is that of the
    message around the body.
    """
    path: list[str | int] = []
    node, entry = body, False
    for index, key, word in _STEP.findall(_MESSAGE.sub("", field, count=1) if _MESSAGE.match(field) else field):
        if index and isinstance(node, Mapping) and int(index) < len(node):
            path.append(list(node)[int(index)])
            node, entry = node[path[-1]], True
        elif index:
            path.append(int(index))
            node = node[int(index)] if isinstance(node, list) and int(index) < len(node) else None
        elif not (entry and word in ("key", "value")):
            name = _name(key or word, node)
            outside = not path and isinstance(node, Mapping) and name not in node
            path.append(name)
            node = node if outside else node.get(name) if isinstance(node, Mapping) else None
            entry = False
        else:
            entry = False
    return tuple(path)


def _name(word: str, node: Json) -> str:
    """As the body has it; in camelCase where the body has neither."""
    if isinstance(node, Mapping) and word in node:
        return word
    first, *rest = word.split("_")
    return first + "".join(piece[:1].upper() + piece[1:] for piece in rest)
