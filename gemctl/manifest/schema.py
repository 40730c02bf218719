"""Makes the JSON Schema of manifests and gemctl.yaml, for editors, from the models that check them.

Called by workflows/schema.py, which prints it, and workflows/explain.py.
"""

from __future__ import annotations

import json
from typing import Any

from gemctl.core.kind import Catalogue
from gemctl.core.source import JsonObject
from gemctl.manifest.envelope import API_VERSION, resource_schema
from gemctl.manifest.project import ProjectShape
from gemctl.schema.walk import reference, referred, renamed

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_schema(catalogue: Catalogue) -> dict[str, Any]:
    """One manifest document of any of these kinds; the kind decides which fields `spec` has."""
    definitions: dict[str, Any] = {}
    kinds = []
    for name, kind in sorted(catalogue.items()):
        schema = _apart(name, resource_schema(name, kind.spec, type(kind.lifetime)), definitions)
        definitions.update(schema.pop("$defs", {}))
        definitions[name] = schema
        kinds.append(reference(name))
    body: dict[str, Any] = kinds[0]
    if len(kinds) > 1:
        definitions["List"] = _list(kinds)
        body = {"oneOf": [*kinds, reference("List")]}
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
    """The schema with names of its own for shapes that differ from those of another kind with the same name."""
    inner: dict[str, Any] = schema.get("$defs", {})
    clashing = {name for name, shape in inner.items() if taken.get(name, shape) != shape}
    while more := {name for name, shape in inner.items() if name not in clashing and clashing & set(referred(shape))}:
        clashing |= more
    if not clashing:
        return dict(schema)
    names = {name: f"{kind}.{name}" for name in clashing}
    apart: dict[str, Any] = renamed(schema, names)
    return {**apart, "$defs": {names.get(name, name): shape for name, shape in apart["$defs"].items()}}


def project_schema() -> dict[str, Any]:
    """The JSON Schema of gemctl.yaml."""
    schema = ProjectShape.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **json.loads(json.dumps(schema)), "title": "gemctl project"}
