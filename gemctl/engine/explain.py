"""Failures of calls as diagnostics that point at the manifest, an hour after it was read."""

from __future__ import annotations

import re

from gemctl.core.codes import problem
from gemctl.core.diagnostic import Diagnostic
from gemctl.core.errors import ApiError, Unknown
from gemctl.core.plan import Step
from gemctl.core.resource import Desired
from gemctl.core.source import Path, Span

_PART = re.compile(r"\[(\d+)\]|([A-Za-z_][A-Za-z0-9_]*)")


def diagnose(step: Step, error: ApiError, desired: Desired) -> Diagnostic:
    """The summary is ours, the detail keeps the service's own words."""
    detail = str(error)
    for violation in error.violations:
        if violation.description and violation.description not in detail:
            where = f"{violation.field}: " if violation.field else ""
            detail += f"\n{where}{violation.description}"
    hint = error.hint
    if isinstance(error, Unknown):
        hint = "It is not sent again. The next apply looks for it by its mark, and adopts it or makes it."
    span = _place(step, error, desired)
    return problem(error.code, f"Could not {step.op.value} it: {detail}", span=span, address=step.address, hint=hint)


def _place(step: Step, error: ApiError, desired: Desired) -> Span | None:
    """The span of the first field that the service complained about, else that of the resource's name."""
    resource = desired.resources.get(step.address)
    if resource is None:
        return None
    for violation in error.violations:
        path = ("spec", *field_path(violation.field))
        span = resource.positions.value(path)
        if len(path) > 1 and span != resource.positions.root:
            return span
    return resource.positions.value(("metadata", "name"))


def field_path(field: str) -> Path:
    """`cached_content.contents[0].parts` → ("contents", 0, "parts"): the API's path of a field as ours."""
    parts: list[str | int] = []
    for index, word in _PART.findall(field):
        if index:
            parts.append(int(index))
        else:
            first, *rest = word.split("_")
            parts.append(first + "".join(piece.capitalize() for piece in rest))
    return tuple(parts[1:] if parts[:1] == ["cachedContent"] else parts)
