"""Help for a field of what people write, from the models that check it."""

from __future__ import annotations

from typing import Any

from gemctl.core.help import Help
from gemctl.core.lifetime import LIFETIMES
from gemctl.kinds import CATALOGUE
from gemctl.manifest.envelope import envelope_of
from gemctl.manifest.schema import document_schema, project_schema
from gemctl.schema.describe import describe, steps_of
from gemctl.workflows.naming import kind_named

ENVELOPE = ("metadata", "lifecycle", "run", "publish")  # the same for several kinds, so that no kind need be named


def explain(path: str) -> Help:
    """`KIND`, `Project`, or a part of the envelope, with a path below it. Raises Usage for what doesn't exist."""
    first, *steps = steps_of(path) or ("",)
    root = kind_named(first, others=["Project", *ENVELOPE])
    return describe(root, schema_of(root), steps)


def schema_of(root: str) -> dict[str, Any]:
    """What a path begins with: a kind, `Project`, or a part of the envelope."""
    if root in ENVELOPE:
        return _envelope_schema(root)
    if root == "Project":
        return project_schema()
    return _kind_schema(root)


def _envelope_schema(part: str) -> dict[str, Any]:
    """A part of the envelope in all the forms that it has, for kinds that live for longer or shorter."""
    forms: list[Any] = []
    definitions: dict[str, Any] = {}
    for lifetime in LIFETIMES:
        schema = envelope_of(lifetime).model_json_schema()
        form = schema["properties"].get(part)
        if form and form not in forms:
            forms.append(form)
            definitions |= schema["$defs"]
    return {"description": forms[0]["description"], "anyOf": forms, "$defs": definitions}


def _kind_schema(name: str) -> dict[str, Any]:
    """The kind's manifest, with what its spec needs: there, or in the project's defaults, so editors are not told."""
    kind = CATALOGUE[name]
    document = document_schema({name: kind})
    shape = document["$defs"][name]
    spec = {**shape["properties"]["spec"], "required": kind.spec.model_json_schema().get("required", [])}
    properties = {**shape["properties"], "spec": spec}
    return {**shape, "description": spec["description"], "properties": properties, "$defs": document["$defs"]}
