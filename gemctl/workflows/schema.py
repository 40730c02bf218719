"""Makes the JSON Schema of manifests and gemctl.yaml, from the models that check them. Called by `gemctl schema` and
init.py.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from gemctl.kinds import CATALOGUE
from gemctl.manifest.schema import any_schema, document_schema, project_schema
from gemctl.workflows.naming import kind_named


def schema(kind: str | None) -> dict[str, Any]:
    """The schema of one kind's documents, of gemctl.yaml for `Project`, or of any document of a project. Raises Usage
    for an unknown kind.
    """
    if kind is None:
        return any_schema(CATALOGUE)
    name = kind_named(kind, others=["Project"])
    return project_schema() if name == "Project" else document_schema({name: CATALOGUE[name]})


@cache
def schema_text(kind: str | None = None) -> str:
    """The same as a file has it, and as `gemctl schema` prints it: escaped to ASCII."""
    return json.dumps(schema(kind), indent=2) + "\n"
