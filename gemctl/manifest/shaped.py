"""Validates a part of a document as what it should be, and complains of what is wrong in it. Called by `bind`."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from gemctl.core.address import Address
from gemctl.core.call import put
from gemctl.core.kind import Kind
from gemctl.core.scalar import resolve
from gemctl.core.source import Json, Path, Positions
from gemctl.manifest.complaints import Complaints
from gemctl.manifest.refs import Uses
from gemctl.schema.validation import explain, path_of

Model = TypeVar("Model", bound=BaseModel)

_SCALARS = frozenset({"bool_type", "int_type", "float_type"})


def shaped(
    model: type[Model],
    value: Json,
    positions: Positions,
    complaints: Complaints,
    *,
    prefix: Path = (),
    address: Address | None,
    uses: Uses,
    spec_of: Kind | None = None,
) -> tuple[Model | None, Json]:
    """The value, which stands at `prefix` of a document, as this shape, or None after complaints; and as it was
    validated. `spec_of` is the kind whose spec it is; None for what stands around one.
    """
    try:
        return model.model_validate(value), value
    except ValidationError as error:
        wrong, fitted = error, _fitted(error, value, prefix, uses) if uses else value
    if fitted is not value:
        try:
            return model.model_validate(fitted), fitted
        except ValidationError as error:
            wrong, value = error, fitted
    quoted = spec_of is None or (address is not None and not spec_of.secretive)  # what was pasted may be a secret
    for found in explain(wrong, model, value, positions, prefix=prefix, address=address):
        complaints.report(replace(found, quoted=quoted))
    return None, value


def _fitted(error: ValidationError, value: Json, prefix: Path, uses: Uses) -> Json:
    """The value with variables as numbers, true or false, where a field takes nothing else.

    A variable is text, and stays text wherever text may stand. Only one that is the whole of a value is changed.
    """
    found: list[Any] = error.errors(include_url=False, include_input=False, include_context=False)
    for path in {path_of(detail, value) for detail in found if detail["type"] in _SCALARS}:
        use = uses.get((*prefix, *path))
        if use is not None and use.whole and isinstance(text := _at(value, path), str) and text:
            with contextlib.suppress(ValueError):
                scalar = resolve(text)
                value = value if scalar is None or isinstance(scalar, str) else put(value, path, scalar)
    return value


def _at(value: Json, path: Path) -> Json:
    for step in path:
        value = value[step]
    return value
