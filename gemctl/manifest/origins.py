"""Makes self-contained manifests of drafts, with the origin of each value. Called by `gemctl render` and by import."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from gemctl.core.address import Address
from gemctl.core.call import put
from gemctl.core.kind import Kind
from gemctl.core.origin import Layer, ResolvedManifest, ValueOrigin
from gemctl.core.project import Stack
from gemctl.core.resource import Ending, Resource
from gemctl.core.source import Json, JsonObject, Path, Positions
from gemctl.manifest.layers import LayeredManifest, lies_in

_ORDER = ("apiVersion", "kind", "metadata", "spec", "lifecycle", "run", "expect", "publish")


def resolved(
    address: Address, draft: LayeredManifest, resource: Resource, kind: Kind, stack: Stack, project: Positions
) -> ResolvedManifest:
    """The manifest of a draft that was bound to this resource. `project` has the places of gemctl.yaml."""
    value = _without_idle_defaults(draft, resource)
    origins = dict(_origins(value, (), (Layer.MANIFEST, draft.positions.root.file), draft, stack, project))
    value = literal(_from_root(value, draft, resource, kind))
    ordered = {key: value[key] for key in (*_ORDER, *value) if key in value}
    return ResolvedManifest(address, ordered, draft.positions.root, draft.added, MappingProxyType(origins))


def _without_idle_defaults(draft: LayeredManifest, resource: Resource) -> JsonObject:
    """The draft's value without defaults that don't suit this resource: written into it they would be mistakes."""
    idle: list[tuple[str, str]] = []
    if resource.lifecycle.renew_before is None:
        idle.append(("lifecycle", "renewBefore"))
    if how := resource.run:
        if how.results is None:
            idle.append(("run", "cleanup"))
        if Ending.RESUBMIT not in (how.on_expired, how.on_failed):
            idle += [("run", "maxResubmits"), ("run", "retryBlocked")]
    value: dict[str, Json] = dict(draft.value)
    for part, field in idle:
        if lies_in((part, field), draft.inherited) and field in value.get(part, {}):
            value[part] = {key: item for key, item in value[part].items() if key != field}
            if not value[part]:
                del value[part]
    return value


def _from_root(value: JsonObject, draft: LayeredManifest, resource: Resource, kind: Kind) -> JsonObject:
    """The value with paths of files as seen from the root: they were relative to several folders."""
    if not value.get("spec"):
        return value
    for need in kind.files(kind.spec.model_validate(value["spec"])):
        at: Path = ("spec", *need.at)
        if folder := posixpath.dirname(draft.positions.value(at).file):
            value = put(value, at, posixpath.normpath(f"{folder}/{need.pattern}"))
    for source in resource.declared.secrets:
        if source.form == "file":
            value = put(value, ("spec", *source.written), source.target)
    return value


def literal(value: Json) -> Json:
    """The value with every `${` as `$${`: no variable is left to be put in."""
    match value:
        case str():
            return value.replace("${", "$${")
        case dict():
            return {key: literal(item) for key, item in value.items()}
        case list():
            return [literal(item) for item in value]
        case _:
            return value


def _origins(
    value: Json, path: Path, around: tuple[Layer, str], draft: LayeredManifest, stack: Stack, project: Positions
) -> Iterator[tuple[Path, ValueOrigin]]:
    span = draft.positions.value(path)
    here = (_layer(path, draft), span.file) if path else around
    use = draft.uses.get(path)
    if here != around or use is not None:
        variables = tuple((name, _source(name, stack, project)) for name in use.names) if use else ()
        yield path, ValueOrigin(here[0], span, variables)
    parts: Mapping[str | int, Json] = {}
    if isinstance(value, dict):
        parts = value
    elif isinstance(value, list):
        parts = dict(enumerate(value))
    for step, item in parts.items():
        yield from _origins(item, (*path, step), here, draft, stack, project)


def _layer(path: Path, draft: LayeredManifest) -> Layer:
    if lies_in(path, draft.inherited):
        return Layer.DEFAULTS
    positions = draft.positions
    return Layer.MANIFEST if positions.value(path).file == positions.root.file else Layer.OVERLAY


def _source(name: str, stack: Stack, project: Positions) -> str:
    """Where the value of a variable comes from."""
    if (given := stack.given.get(name)) is not None:
        return given
    span = project.value(("stacks", stack.name, "vars", name))
    return f"{span.file}:{span.line}"
