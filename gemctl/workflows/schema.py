"""JSON Schema of what people write, from the same models that check it."""

from __future__ import annotations

from typing import Any

from gemctl.core.errors import Usage
from gemctl.kinds import CATALOGUE
from gemctl.manifest.schema import document_schema, project_schema


def schema(kind: str | None) -> dict[str, Any]:
    """Of one kind's documents, of gemctl.yaml for `Project`, or of any document. Raises Usage for an unknown kind."""
    if kind is None:
        return document_schema(CATALOGUE)
    if kind == "Project":
        return project_schema()
    if kind not in CATALOGUE:
        known = ", ".join(["Project", *sorted(CATALOGUE)])
        raise Usage(f"There is no kind {kind!r}.", code="E004", hint=f"Kinds: {known}.")
    return document_schema({kind: CATALOGUE[kind]})
