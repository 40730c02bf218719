"""Makes the JSON Schema of manifests and gemctl.yaml, from the models that check them. Called by `gemctl schema`."""

from __future__ import annotations

from typing import Any

from gemctl.kinds import CATALOGUE
from gemctl.manifest.schema import document_schema, project_schema
from gemctl.workflows.naming import kind_named


def schema(kind: str | None) -> dict[str, Any]:
    """The schema of one kind's documents, of gemctl.yaml for `Project`, or of any document. Raises Usage for an unknown
    kind.
    """
    if kind is None:
        return document_schema(CATALOGUE)
    name = kind_named(kind, others=["Project"])
    return project_schema() if name == "Project" else document_schema({name: CATALOGUE[name]})
