"""Makes help for a field of manifests or gemctl.yaml, from the models that check them; and for the code of a
diagnostic. Called by `gemctl explain`.
"""

from __future__ import annotations

import re
from typing import Any

from gemctl.core.codes import CODES, explained
from gemctl.core.errors import Usage
from gemctl.core.help import CodeHelp, Help
from gemctl.core.lifetime import LIFETIMES
from gemctl.kinds import CATALOGUE
from gemctl.manifest.envelope import envelope_of
from gemctl.manifest.schema import document_schema, project_schema
from gemctl.schema.describe import describe, steps_of
from gemctl.schema.spelling import did_you_mean
from gemctl.workflows.naming import kind_named

ENVELOPE = ("metadata", "lifecycle", "run", "expect", "publish")  # the same for several kinds: none need be named


_CODE = re.compile(r"(?:(?:error|warning)\[)?([EW]?\d+)\]?:?", re.IGNORECASE)  # also as a diagnostic shows it


def code_named(text: str) -> CodeHelp | None:
    """Help for the code of a diagnostic, in any case; None for what is none. Raises Usage for an unknown code."""
    found = _CODE.fullmatch(text.strip())
    if found is None:
        return None
    code = found[1].upper()
    if code in CODES:
        return explained(code)
    same = [name for name in CODES if name[1:] == code.lstrip("EW")]
    hint = f"Did you mean {' or '.join(sorted(same))}?" if same else did_you_mean(code, CODES)
    raise Usage(f"There is no diagnostic {code}.", code="E004", hint=hint)


def explain(path: str) -> Help:
    """Help for `KIND`, `Project`, or a part of the envelope, with a path below it. Raises Usage for an unknown one."""
    first, *steps = steps_of(path) or ("",)
    root = kind_named(first, others=["Project", *ENVELOPE])
    return describe(root, schema_of(root), steps)


def schema_of(root: str) -> dict[str, Any]:
    """The schema of the first word of a path: a kind, `Project`, or a part of the envelope."""
    if root in ENVELOPE:
        return _envelope_schema(root)
    if root == "Project":
        return project_schema()
    return _kind_schema(root)


def _envelope_schema(part: str) -> dict[str, Any]:
    """The schema of a part of the envelope, in the forms that it has for the different lifetimes."""
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
    """The schema of the kind's manifest, with the required fields of its spec. The schema for editors leaves those out,
    as they may stand in the project's defaults.
    """
    kind = CATALOGUE[name]
    document = document_schema({name: kind})
    shape = document["$defs"][name]
    spec = {**shape["properties"]["spec"], "required": kind.spec.model_json_schema().get("required", [])}
    properties = {**shape["properties"], "spec": spec}
    return {**shape, "description": spec["description"], "properties": properties, "$defs": document["$defs"]}
