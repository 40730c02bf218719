"""JSON Schema of what people write, from the very models that check it. For editors; `gemctl schema` prints it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gemctl.core.kind import Catalogue
from gemctl.core.source import Json, JsonObject
from gemctl.manifest.envelope import API_VERSION, resource_schema
from gemctl.manifest.project import ProjectShape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEFINED = "#/$defs/"


def document_schema(catalogue: Catalogue) -> dict[str, Any]:
    """One manifest document of any of these kinds; the kind decides which fields `spec` has."""
    definitions: dict[str, Any] = {}
    kinds = []
    for name, kind in sorted(catalogue.items()):
        schema = _apart(name, resource_schema(name, kind.spec, type(kind.lifetime)), definitions)
        definitions.update(schema.pop("$defs", {}))
        definitions[name] = schema
        kinds.append({"$ref": f"#/$defs/{name}"})
    body: dict[str, Any] = kinds[0]
    if len(kinds) > 1:
        definitions["List"] = _list(kinds)
        body = {"oneOf": [*kinds, {"$ref": "#/$defs/List"}]}
    return {"$schema": DIALECT, "title": "gemctl manifest", **body, "$defs": definitions}


def _list(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": "Several resources in one document.",
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": "List"},
            "items": {"type": "array", "items": {"oneOf": kinds}},
        },
        "required": ["apiVersion", "kind", "items"],
        "additionalProperties": False,
    }


def _apart(kind: str, schema: JsonObject, taken: JsonObject) -> dict[str, Any]:
    """The schema with names of its own for shapes that another kind has under the same name, and which differ."""
    inner: dict[str, Any] = schema.get("$defs", {})
    clashing = {name for name, shape in inner.items() if taken.get(name, shape) != shape}
    while more := {name for name, shape in inner.items() if name not in clashing and clashing & set(_refers(shape))}:
        clashing |= more
    if not clashing:
        return dict(schema)
    renamed: dict[str, Any] = _renamed(schema, {name: f"{kind}.{name}" for name in clashing})
    return {**renamed, "$defs": {f"{kind}.{n}" if n in clashing else n: v for n, v in renamed["$defs"].items()}}


def _refers(shape: Json) -> Iterator[str]:
    """The names of all shapes that this one refers to."""
    if isinstance(shape, dict):
        if isinstance(reference := shape.get("$ref"), str):
            yield reference.removeprefix(_DEFINED)
        for value in shape.values():
            yield from _refers(value)
    elif isinstance(shape, list):
        for value in shape:
            yield from _refers(value)


def _renamed(shape: Json, names: Mapping[str, str]) -> Json:
    """A copy in which references lead to the new names."""
    if isinstance(shape, dict):
        inner = {key: _renamed(value, names) for key, value in shape.items()}
        if isinstance(reference := shape.get("$ref"), str) and (to := names.get(reference.removeprefix(_DEFINED))):
            inner["$ref"] = f"{_DEFINED}{to}"
        return inner
    return [_renamed(value, names) for value in shape] if isinstance(shape, list) else shape


def project_schema() -> dict[str, Any]:
    """gemctl.yaml."""
    schema = ProjectShape.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **json.loads(json.dumps(schema)), "title": "gemctl project"}
