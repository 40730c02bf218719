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
    """One manifest document of any of these kinds, of which `kind` decides what else there may be."""
    definitions: dict[str, Any] = {}
    for name, kind in sorted(catalogue.items()):
        _define(name, resource_schema(name, kind.spec, type(kind.lifetime)), definitions)
    if len(catalogue) == 1:
        body = reference(next(iter(catalogue)))
    else:
        definitions |= {"Resource": _one_of(sorted(catalogue)), "List": _list(reference("Resource"))}
        body = _one_of([*sorted(catalogue), "List"])
    return _for_editors({"$schema": DIALECT, "title": "gemctl manifest", **body, "$defs": definitions})


def any_schema(catalogue: Catalogue) -> dict[str, Any]:
    """Any document of a project: a manifest, or gemctl.yaml. One file for all, which each of them can name."""
    whole = document_schema(catalogue)
    definitions: dict[str, Any] = dict(whole["$defs"])
    _define("Project", _project(), definitions)
    body = _one_of([*sorted(catalogue), "List", "Project"])
    return _for_editors({"$schema": DIALECT, "title": "gemctl", **body, "$defs": definitions})


def _one_of(kinds: list[str]) -> dict[str, Any]:
    """A document of one of these kinds. Each has its own condition: where a document is none of several alternatives,
    a validator would tell what is wrong by each of them, and the mistake is lost among that.
    """
    given = {"description": "What the document declares.", "enum": kinds}
    versions = {"description": "The version of the format.", "const": API_VERSION}
    return {
        "type": "object",
        "properties": {"apiVersion": versions, "kind": given},
        "required": ["apiVersion", "kind"],
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": reference(kind)}
            for kind in kinds
        ],
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    items = {"description": "The resources, each as in a document of its own.", "type": "array", "items": item}
    return {
        "type": "object",
        "description": "Several resources in one document.",
        "properties": {
            "apiVersion": {"description": "The version of the format.", "const": API_VERSION},
            "kind": {"description": "Always List.", "const": "List"},
            "items": items,
        },
        "required": ["apiVersion", "kind", "items"],
        "additionalProperties": False,
    }


def _define(name: str, schema: JsonObject, definitions: dict[str, Any]) -> None:
    """Put a schema among definitions, with those that it refers to."""
    own = _apart(name, schema, definitions)
    definitions.update(own.pop("$defs", {}))
    definitions[name] = own


def _for_editors(schema: JsonObject) -> dict[str, Any]:
    """The schema with `markdownDescription` where a description has words of code: the YAML language server shows a
    plain one letter by letter.
    """
    found: dict[str, Any] = _described(schema)
    return found


def _described(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_described(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = schema.get("description")
    more = {"markdownDescription": said} if isinstance(said, str) and "`" in said else {}
    return {key: _described(value) for key, value in schema.items()} | more


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
    return _for_editors({"$schema": DIALECT, **_project(), "title": "gemctl project"})


def _project() -> dict[str, Any]:
    """As JSON has it: without tuples and the like."""
    schema: dict[str, Any] = json.loads(json.dumps(ProjectShape.model_json_schema(by_alias=True)))
    return schema
