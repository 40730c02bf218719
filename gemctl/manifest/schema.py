"""JSON Schema of what people write, from the very models that check it. For editors; `gemctl schema` prints it."""

from __future__ import annotations

import json
from typing import Any

from gemctl.core.kind import Catalogue
from gemctl.manifest.envelope import resource_schema
from gemctl.manifest.project import ProjectShape

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def document_schema(catalogue: Catalogue) -> dict[str, Any]:
    """One manifest document of any of these kinds; the kind decides which fields `spec` has."""
    definitions: dict[str, Any] = {}
    kinds = []
    for name, kind in sorted(catalogue.items()):
        schema = dict(resource_schema(name, kind.spec))
        definitions.update(schema.pop("$defs", {}))
        definitions[name] = schema
        kinds.append({"$ref": f"#/$defs/{name}"})
    body = kinds[0] if len(kinds) == 1 else {"oneOf": kinds}
    return {"$schema": DIALECT, "title": "gemctl manifest", **body, "$defs": definitions}


def project_schema() -> dict[str, Any]:
    """gemctl.yaml."""
    schema = ProjectShape.model_json_schema(by_alias=True)
    return {"$schema": DIALECT, **json.loads(json.dumps(schema)), "title": "gemctl project"}
